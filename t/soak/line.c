#include "line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "eirc_codes.h"

/* most are short, one of so many is long */
#define SHORT 40
#define LONG 360
#define LONG_EACH 16

static struct {
    uint64_t seed;
    uint64_t random;
} lines;


/* splitmix64 */
static uint64_t
mix(uint64_t *state)
{
    uint64_t z;

    *state += 0x9e3779b97f4a7c15u;
    z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;

    return z ^ z >> 31;
}


void
line_seed(uint64_t seed)
{
    lines.seed = seed;
    lines.random = ~seed;
}


uint32_t
line_random(uint32_t n)
{
    return (uint32_t) (mix(&lines.random) % n);
}


/* What stands behind the numbers: letters, as many as the numbers say. */
static size_t
tail_make(uint8_t *out, const line_t *line)
{
    size_t i, len;
    uint64_t state, bits;

    state = lines.seed ^ (uint64_t) line->way << 63
            ^ (uint64_t) line->user << 32 ^ line->number;
    bits = mix(&state);
    len = bits % LONG_EACH == 0 ? bits / LONG_EACH % LONG
                                : bits / LONG_EACH % SHORT;

    for (i = 0; i < len; i++) {
        if (i % 8 == 0) {
            bits = mix(&state);
        }

        out[i] = (uint8_t) ('a' + bits % 26);
        bits >>= 8;
    }

    return len;
}


size_t
line_make(uint8_t *out, const line_t *line)
{
    int n;

    n = snprintf((char *) out, LINE_MAX_SIZE,
                 "%" PRIu32 " %" PRIu32 " %" PRIu64 " ", line->user,
                 line->number, line->time);

    return (size_t) n + tail_make(out + n, line);
}


static int
number_take(eirc_slice_t *text, uint64_t *number)
{
    size_t i;

    *number = 0;

    for (i = 0; i < text->len && i < 20 && text->p[i] != ' '; i++) {
        if (text->p[i] < '0' || text->p[i] > '9') {
            return EIRC_ERROR;
        }

        *number = *number * 10 + text->p[i] - '0';
    }

    if (i == 0 || i == text->len || text->p[i] != ' ') {
        return EIRC_ERROR;
    }

    *text = eirc_slice(text->p + i + 1, text->len - i - 1);

    return EIRC_OK;
}


int
line_take(line_t *line, eirc_slice_t text)
{
    size_t len;
    uint64_t user, number;
    uint8_t tail[LINE_MAX_SIZE];

    if (number_take(&text, &user) != EIRC_OK
        || number_take(&text, &number) != EIRC_OK
        || number_take(&text, &line->time) != EIRC_OK)
    {
        return EIRC_ERROR;
    }

    line->user = (uint32_t) user;
    line->number = (uint32_t) number;
    len = tail_make(tail, line);

    return eirc_slice_equal(text, eirc_slice(tail, len)) ? EIRC_OK
                                                         : EIRC_ERROR;
}
