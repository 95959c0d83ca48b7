#include "eirc_charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "eirc_utf8.h"

/* what a byte, or two, may become before it is refused */
#define UNITS_MAX 8


/* One character below U+10000; returns its bytes. */
static size_t
character_put(uint8_t *out, unsigned c)
{
    if (c < 0x80) {
        out[0] = (uint8_t) c;
        return 1;
    }

    if (c < 0x800) {
        out[0] = (uint8_t) (0xc0 | c >> 6);
        out[1] = (uint8_t) (0x80 | (c & 0x3f));
        return 2;
    }

    out[0] = (uint8_t) (0xe0 | c >> 12);
    out[1] = (uint8_t) (0x80 | (c >> 6 & 0x3f));
    out[2] = (uint8_t) (0x80 | (c & 0x3f));

    return 3;
}


/* The bytes of the first character, 0 if there is no whole valid one. */
static size_t
character_get(const uint8_t *p, size_t len, unsigned *c)
{
    size_t i, n;

    n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (n > len || !eirc_utf8_valid(p, n)) {
        return 0;
    }

    *c = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));

    for (i = 1; i < n; i++) {
        *c = *c << 6 | (p[i] & 0x3fu);
    }

    return n;
}


/*
 * The characters of some bytes of a set: their number, 0 where they have no
 * meaning, -1 where they are a part of something larger.
 */
static int
bytes_decode(iconv_t cd, const uint8_t *bytes, size_t len, uint16_t *units)
{
    int i, n;
    char in[2], *inp, *outp;
    size_t inleft, outleft;
    uint8_t out[2 * UNITS_MAX];

    memcpy(in, bytes, len);
    inp = in;
    inleft = len;
    outp = (char *) out;
    outleft = sizeof(out);

    (void) iconv(cd, NULL, NULL, NULL, NULL);

    if (iconv(cd, &inp, &inleft, &outp, &outleft) == (size_t) -1) {
        return errno == EILSEQ ? 0 : -1;
    }

    /* what it has kept back, to see whether more of a character comes */

    if (iconv(cd, NULL, NULL, &outp, &outleft) == (size_t) -1) {
        return -1;
    }

    n = (int) ((sizeof(out) - outleft) / 2);

    for (i = 0; i < n; i++) {
        units[i] = (uint16_t) (out[2 * i] << 8 | out[2 * i + 1]);
    }

    return n;
}


/* Not what stands for a byte, or is a half of something. */
static bool
unit_valid(unsigned c)
{
    return c >= 0x80 && (c < 0xd800 || c >= 0xe000);
}


/* The meaning of a byte by itself, which is the same behind a letter. */
static int
byte_find(iconv_t cd, uint8_t byte, uint16_t *unit)
{
    int n;
    uint8_t bytes[2];
    uint16_t units[UNITS_MAX];

    n = bytes_decode(cd, &byte, 1, units);
    *unit = n == 1 ? units[0] : EIRC_CHARSET_NOTHING;

    if (n == 0) {
        return EIRC_OK;
    }

    if (n != 1 || !unit_valid(*unit)) {
        return EIRC_AGAIN;
    }

    bytes[0] = 'a';
    bytes[1] = byte;

    return bytes_decode(cd, bytes, 2, units) == 2 && units[0] == 'a'
                   && units[1] == *unit
               ? EIRC_OK
               : EIRC_AGAIN;
}


static int
table_make(eirc_charset_t *cs, iconv_t cd)
{
    uint8_t byte;
    unsigned c;
    uint16_t units[UNITS_MAX];

    for (c = 0; c < 0x80; c++) {
        byte = (uint8_t) c;

        if (bytes_decode(cd, &byte, 1, units) != 1 || units[0] != c) {
            return EIRC_AGAIN;
        }
    }

    for (c = 0; c < EIRC_CHARSET_HIGH; c++) {

        if (byte_find(cd, (uint8_t) (0x80 + c), &cs->high[c]) != EIRC_OK) {
            return EIRC_AGAIN;
        }
    }

    return EIRC_OK;
}


/* Nothing that iconv would take for more than a name. */
static bool
name_valid(const char *name)
{
    size_t len;

    len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                       "0123456789-_.:+()");

    return len > 0 && len <= EIRC_CHARSET_NAME_MAX && name[len] == '\0';
}


int
eirc_charset_find(eirc_charset_t *cs, const char *name)
{
    int rc;
    iconv_t cd;

    if (!name_valid(name)) {
        return EIRC_ERROR;
    }

    if (strcasecmp(name, "utf-8") == 0 || strcasecmp(name, "utf8") == 0) {
        return EIRC_DONE;
    }

    cd = iconv_open("UTF-16BE", name);

    if (cd == (iconv_t) -1) {
        return EIRC_ERROR;
    }

    rc = table_make(cs, cd);
    (void) iconv_close(cd);

    return rc;
}


size_t
eirc_charset_write(uint8_t *out, const eirc_charset_t *cs)
{
    size_t i, n;

    n = 0;

    for (i = 0; i < EIRC_CHARSET_HIGH; i++) {
        n += character_put(out + n, cs->high[i]);
    }

    return n;
}


int
eirc_charset_read(eirc_charset_t *cs, const uint8_t *p, size_t len)
{
    size_t i, n, used;
    unsigned c;

    used = 0;

    for (i = 0; i < EIRC_CHARSET_HIGH; i++) {
        n = used < len ? character_get(p + used, len - used, &c) : 0;

        if (n == 0 || c > UINT16_MAX || !unit_valid(c)) {
            return EIRC_ERROR;
        }

        cs->high[i] = (uint16_t) c;
        used += n;
    }

    return used == len ? EIRC_OK : EIRC_ERROR;
}


bool
eirc_charset_valid(const eirc_charset_t *cs)
{
    size_t i;

    for (i = 0; i < EIRC_CHARSET_HIGH; i++) {

        if (!unit_valid(cs->high[i])) {
            return false;
        }
    }

    return true;
}


bool
eirc_charset_is_default(const eirc_charset_t *cs)
{
    size_t i, n;
    uint8_t byte, a[EIRC_CHARSET_GROWTH], b[EIRC_CHARSET_GROWTH];

    for (i = 0; i < EIRC_CHARSET_HIGH; i++) {
        byte = (uint8_t) (0x80 + i);
        n = eirc_utf8_from_cp1252(a, sizeof(a), &byte, 1);

        if (character_put(b, cs->high[i]) != n || memcmp(a, b, n) != 0) {
            return false;
        }
    }

    return true;
}


size_t
eirc_charset_decode(uint8_t *out, size_t cap, const uint8_t *p, size_t len,
                    const eirc_charset_t *cs)
{
    size_t i, n, need;
    uint8_t character[EIRC_CHARSET_GROWTH];

    n = 0;

    for (i = 0; i < len; i++) {
        need = character_put(character,
                             p[i] < 0x80 ? p[i] : cs->high[p[i] - 0x80]);

        if (need > cap - n) {
            break;
        }

        memcpy(out + n, character, need);
        n += need;
    }

    return n;
}


static uint8_t
byte_of(const eirc_charset_t *cs, unsigned c)
{
    size_t i;

    for (i = 0; i < EIRC_CHARSET_HIGH && c != EIRC_CHARSET_NOTHING; i++) {

        if (cs->high[i] == c) {
            return (uint8_t) (0x80 + i);
        }
    }

    return '?';
}


size_t
eirc_charset_encode(uint8_t *out, const uint8_t *p, size_t len,
                    const eirc_charset_t *cs)
{
    size_t i, n, taken;
    unsigned c;

    n = 0;

    for (i = 0; i < len; i += taken) {
        taken = character_get(p + i, len - i, &c);

        if (taken == 0) {
            c = EIRC_CHARSET_NOTHING;
            taken = 1;
        }

        out[n++] = c < 0x80 ? (uint8_t) c : byte_of(cs, c);
    }

    return n;
}
