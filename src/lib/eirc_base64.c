#include "eirc_base64.h"

#include "eirc_codes.h"

/*
 * Digits are computed, not looked up: what is encoded here is a secret, and
 * the addresses of a table would show in the cache.
 */


static uint8_t
digit(uint32_t bits)
{
    unsigned v = bits & 0x3f;

    return (uint8_t) (v + 'A' + (v > 25) * (unsigned) ('a' - 'A' - 26)
                      - (v > 51) * (unsigned) ('a' - '0' + 26)
                      - (v > 61) * (unsigned) ('0' + 10 - '+')
                      + (v > 62) * (unsigned) ('/' - '+' - 1));
}


/* 0 to 63, or 64 and more for anything that is no digit */
static uint32_t
value(uint8_t c)
{
    uint32_t upper, lower, number;

    upper = (uint32_t) c - 'A';
    lower = (uint32_t) c - 'a';
    number = (uint32_t) c - '0';

    return (upper < 26) * (upper + 1) + (lower < 26) * (lower + 27)
           + (number < 10) * (number + 53) + (uint32_t) (c == '+') * 63
           + (uint32_t) (c == '/') * 64 - 1;
}


int
eirc_base64_encode(uint8_t *out, size_t cap, size_t *outlen, const uint8_t *p,
                   size_t len)
{
    size_t i, n;
    uint32_t bits;

    if (len / 3 + (len % 3 != 0) > cap / 4) {
        return EIRC_ERROR;
    }

    n = 0;

    for (i = 0; len - i >= 3; i += 3) {
        bits = (uint32_t) p[i] << 16 | (uint32_t) p[i + 1] << 8 | p[i + 2];
        out[n++] = digit(bits >> 18);
        out[n++] = digit(bits >> 12);
        out[n++] = digit(bits >> 6);
        out[n++] = digit(bits);
    }

    if (len - i == 1) {
        bits = (uint32_t) p[i] << 16;
        out[n++] = digit(bits >> 18);
        out[n++] = digit(bits >> 12);
        out[n++] = '=';
        out[n++] = '=';

    } else if (len - i == 2) {
        bits = (uint32_t) p[i] << 16 | (uint32_t) p[i + 1] << 8;
        out[n++] = digit(bits >> 18);
        out[n++] = digit(bits >> 12);
        out[n++] = digit(bits >> 6);
        out[n++] = '=';
    }

    *outlen = n;

    return EIRC_OK;
}


int
eirc_base64_decode(uint8_t *out, size_t cap, size_t *outlen, const uint8_t *p,
                   size_t len)
{
    size_t i, n, bytes;
    uint32_t a, b, c, d, bits;

    if (len % 4 != 0) {
        return EIRC_ERROR;
    }

    n = 0;

    for (i = 0; i < len; i += 4) {
        bytes = 3;

        if (i + 4 == len && p[i + 3] == '=') {
            bytes = p[i + 2] == '=' ? 1 : 2;
        }

        a = value(p[i]);
        b = value(p[i + 1]);
        c = bytes > 1 ? value(p[i + 2]) : 0;
        d = bytes > 2 ? value(p[i + 3]) : 0;

        if ((a | b | c | d) > 63 || cap - n < bytes) {
            return EIRC_ERROR;
        }

        bits = a << 18 | b << 12 | c << 6 | d;

        if ((bytes == 1 && (bits & 0xffff) != 0)
            || (bytes == 2 && (bits & 0xff) != 0)) {
            return EIRC_ERROR;
        }

        out[n++] = (uint8_t) (bits >> 16);

        if (bytes > 1) {
            out[n++] = (uint8_t) (bits >> 8);
        }

        if (bytes > 2) {
            out[n++] = (uint8_t) bits;
        }
    }

    *outlen = n;

    return EIRC_OK;
}
