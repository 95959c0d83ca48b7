/*
 * Unpacks any bytes as messages of one connection, with a context or without,
 * into one buffer and into one that grows, and both must say the same.  What
 * could be unpacked is packed, and unpacked again.  The first byte of an input
 * holds the windows and whether there is a context, the second how the rest
 * is cut into messages.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eirc_zlib.h"

#define LIMIT 65536

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);


/* two that unpack the same, and a pair that packs and unpacks again */
typedef struct {
    z_stream whole;
    z_stream pieces;
    z_stream out;
    z_stream back;
    bool context;
    size_t step;
} streams_t;


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


/* as the module does it: EIRC_AGAIN if there is more than fits the limit */
static int
unpack(z_stream *zs, const uint8_t *p, size_t len, size_t step, uint8_t **out,
       size_t *n)
{
    int rc;
    size_t size;
    uint8_t *copy;
    eirc_unpack_t u;

    copy = malloc(len > 0 ? len : 1);
    size = step;
    *out = malloc(size);
    *n = 0;
    check(copy != NULL && *out != NULL);

    if (len > 0) {
        memcpy(copy, p, len);
    }

    eirc_unpack_init(&u, zs, copy, len);

    while ((rc = eirc_unpack(&u, *out, n, size)) == EIRC_AGAIN && size < LIMIT)
    {
        check(*n == size);
        size = size * 2 < LIMIT ? size * 2 : LIMIT;
        *out = realloc(*out, size);
        check(*out != NULL);
    }

    check(*n <= size);
    check(rc == EIRC_OK || rc == EIRC_AGAIN || rc == EIRC_ERROR);
    free(copy);

    return rc;
}


static void
check_packing(streams_t *s, const uint8_t *p, size_t len)
{
    int rc;
    size_t n, packed;
    uint8_t *out, *back;

    out = malloc(len + EIRC_DEFLATE_TAIL);
    check(out != NULL);

    rc = eirc_pack(&s->out, p, len, out, &packed);
    check(rc == EIRC_OK || rc == EIRC_DONE);

    if (rc == EIRC_OK) {
        check(packed < len);
        check(unpack(&s->back, out, packed, s->step, &back, &n) == EIRC_OK);
        check(n == len && memcmp(back, p, n) == 0);
        free(back);
    }

    free(out);
}


/* false: the connection would have come to its end */
static bool
message(streams_t *s, const uint8_t *p, size_t len)
{
    int rc;
    size_t n, m;
    uint8_t *one, *two;

    if (!s->context) {
        check(inflateReset(&s->whole) == Z_OK);
        check(inflateReset(&s->pieces) == Z_OK);
        check(inflateReset(&s->back) == Z_OK);
        check(deflateReset(&s->out) == Z_OK);
    }

    rc = unpack(&s->whole, p, len, LIMIT, &one, &n);
    check(unpack(&s->pieces, p, len, s->step, &two, &m) == rc);

    if (rc == EIRC_OK) {
        check(n == m && (n == 0 || memcmp(one, two, n) == 0));
        check_packing(s, one, n);
    }

    free(one);
    free(two);

    return rc == EIRC_OK;
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    int bits;
    size_t i, n;
    uint8_t cut;
    streams_t s;

    if (len < 2) {
        return 0;
    }

    bits = 8 + p[0] % 8;
    cut = p[1];

    memset(&s, 0, sizeof(s));
    s.context = (p[0] & 8) != 0;
    s.step = (p[0] >> 4) * 7u + 1u;

    p += 2;
    len -= 2;

    check(inflateInit2(&s.whole, -15) == Z_OK);
    check(inflateInit2(&s.pieces, -15) == Z_OK);
    check(inflateInit2(&s.back, -bits) == Z_OK);
    check(deflateInit2(&s.out, 1 + p[-2] % 9, Z_DEFLATED,
                       -eirc_pack_bits((unsigned) bits), 5, Z_DEFAULT_STRATEGY)
          == Z_OK);

    /* a message ends with the byte of the input's head */
    for (i = 0; i <= len; i += n + 1) {
        for (n = 0; i + n < len && p[i + n] != cut; n++) {
            /* void */
        }

        if (!message(&s, p + i, n)) {
            break;
        }
    }

    (void) inflateEnd(&s.whole);
    (void) inflateEnd(&s.pieces);
    (void) inflateEnd(&s.back);
    (void) deflateEnd(&s.out);

    return 0;
}
