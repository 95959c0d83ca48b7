/*
 * Checks any bytes for UTF-8 in the ways that eirc_utf8 has and in a plain
 * one; all must agree.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eirc_utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


/* the length of the valid character at p, or 0; by decoding it */
static size_t
character(const uint8_t *p, size_t len)
{
    size_t i, n;
    uint32_t c;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    n = p[0] < 0x80             ? 1
        : (p[0] & 0xe0) == 0xc0 ? 2
        : (p[0] & 0xf0) == 0xe0 ? 3
        : (p[0] & 0xf8) == 0xf0 ? 4
                                : 0;

    if (n == 0 || n > len) {
        return 0;
    }

    c = n == 1 ? p[0] : p[0] & (0x7fu >> n);

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = c << 6 | (p[i] & 0x3f);
    }

    return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0
                                                                        : n;
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    size_t i, n, whole;
    uint8_t *out;
    eirc_utf8_t all, bytes, cut;

    whole = 0;

    while (whole < len && (n = character(p + whole, len - whole)) > 0) {
        whole += n;
    }

    check(eirc_utf8_prefix(p, len) == whole);
    check(eirc_utf8_valid(p, len) == (whole == len));

    all = eirc_utf8_feed(EIRC_UTF8_START, p, len);
    bytes = EIRC_UTF8_START;
    cut = eirc_utf8_feed(EIRC_UTF8_START, p, len / 3);

    if (len > 0) {
        cut = eirc_utf8_feed(cut, p + len / 3, len - len / 3);
    }

    for (i = 0; i < len; i++) {
        bytes = eirc_utf8_feed(bytes, p + i, 1);
    }

    check(bytes == all && cut == all);

    out = malloc(3 * len + 1);
    check(out != NULL);
    n = eirc_utf8_from_cp1252(out, 3 * len, p, len);
    check(n >= len && n <= 3 * len);
    check(eirc_utf8_valid(out, n));
    n = eirc_utf8_from_cp1252(out, len, p, len);
    check(n <= len && n + 3 > len);
    check(eirc_utf8_valid(out, n));
    free(out);

    return 0;
}
