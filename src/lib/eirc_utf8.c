#include "eirc_utf8.h"

#include <string.h>

/*
 * Inside of a character the state says what the next byte has to be, and how
 * many bytes come from it on, so that no table of states is needed:
 *
 *     bits 0-7     its lowest value
 *     bits 8-15    its highest value
 *     bits 16-23   number of bytes to come, 1 to 3
 *
 * Only the second byte of a character has a range of its own; that is what
 * keeps out overlong forms (e0, f0), surrogates (ed) and what lies above
 * U+10FFFF (f4).
 */
#define NEXT(low, high, more)                                                 \
    ((eirc_utf8_t) (low) | (eirc_utf8_t) (high) << 8                          \
     | (eirc_utf8_t) (more) << 16)

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* what 80 to 9f mean; 0xfffd: nothing */
static const uint16_t cp1252_high[32] = {
    0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd,
    0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178,
};


/* the state behind a first byte that is not ASCII (RFC 3629, 4) */
static eirc_utf8_t
lead(uint8_t c)
{
    if (c < 0xc2) {
        return EIRC_UTF8_BAD;
    }

    if (c < 0xe0) {
        return NEXT(0x80, 0xbf, 1);
    }

    if (c < 0xf0) {
        return NEXT(c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf, 2);
    }

    if (c < 0xf5) {
        return NEXT(c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf, 3);
    }

    return EIRC_UTF8_BAD;
}


static inline const uint8_t *
skip_ascii(const uint8_t *p, const uint8_t *end)
{
    uint64_t word;

    while (end - p >= 8) {
        memcpy(&word, p, 8);

        if (word & HIGH_BITS) {
            break;
        }

        p += 8;
    }

    while (p < end && *p < 0x80) {
        p++;
    }

    return p;
}


/*
 * Goes on from state and sets *whole to the end of the last whole character,
 * if there is one.
 */
static inline eirc_utf8_t
run(eirc_utf8_t state, const uint8_t *p, const uint8_t *end,
    const uint8_t **whole)
{
    if (state == EIRC_UTF8_BAD) {
        return state;
    }

    while (p < end) {
        if (state == EIRC_UTF8_START) {
            p = skip_ascii(p, end);
            *whole = p;

            if (p == end) {
                break;
            }

            state = lead(*p++);

            if (state == EIRC_UTF8_BAD) {
                return state;
            }

            continue;
        }

        if (*p < (state & 0xff) || *p > (state >> 8 & 0xff)) {
            return EIRC_UTF8_BAD;
        }

        p++;

        if (state >> 16 == 1) {
            state = EIRC_UTF8_START;
            *whole = p;

        } else {
            state = NEXT(0x80, 0xbf, (state >> 16) - 1);
        }
    }

    return state;
}


eirc_utf8_t
eirc_utf8_feed(eirc_utf8_t state, const uint8_t *p, size_t len)
{
    const uint8_t *whole;

    if (len == 0) {
        return state;
    }

    return run(state, p, p + len, &whole);
}


bool
eirc_utf8_valid(const uint8_t *p, size_t len)
{
    return eirc_utf8_feed(EIRC_UTF8_START, p, len) == EIRC_UTF8_START;
}


size_t
eirc_utf8_prefix(const uint8_t *p, size_t len)
{
    const uint8_t *whole;

    if (len == 0) {
        return 0;
    }

    whole = p;
    (void) run(EIRC_UTF8_START, p, p + len, &whole);

    return (size_t) (whole - p);
}


size_t
eirc_utf8_from_cp1252(uint8_t *out, size_t cap, const uint8_t *p, size_t len)
{
    size_t i, n, need;
    unsigned c;

    n = 0;

    for (i = 0; i < len; i++) {
        c = p[i];

        if (c >= 0x80 && c < 0xa0) {
            c = cp1252_high[c - 0x80];
        }

        need = c < 0x80 ? 1 : c < 0x800 ? 2 : 3;

        if (need > cap - n) {
            break;
        }

        if (need == 1) {
            out[n++] = (uint8_t) c;

        } else if (need == 2) {
            out[n++] = (uint8_t) (0xc0 | c >> 6);
            out[n++] = (uint8_t) (0x80 | (c & 0x3f));

        } else {
            out[n++] = (uint8_t) (0xe0 | c >> 12);
            out[n++] = (uint8_t) (0x80 | (c >> 6 & 0x3f));
            out[n++] = (uint8_t) (0x80 | (c & 0x3f));
        }
    }

    return n;
}
