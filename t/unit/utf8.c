/*
 * eirc_utf8: every character, every kind of mistake, cut at every byte; the
 * longest whole prefix; Windows-1252.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eirc_utf8.h"

/* text, and how many bytes of it are whole valid characters */
static const struct {
    const char *text;
    size_t whole;
    int bad; /* no bytes that follow could make it valid */
} cases[] = {
    {"", 0, 0},
    {"a", 1, 0},
    {"\x7f", 1, 0},
    {"\xc2\x80", 2, 0},
    {"\xdf\xbf", 2, 0},
    {"\xe0\xa0\x80", 3, 0},
    {"\xed\x9f\xbf", 3, 0},
    {"\xee\x80\x80", 3, 0},
    {"\xef\xbf\xbf", 3, 0},
    {"\xf0\x90\x80\x80", 4, 0},
    {"\xf4\x8f\xbf\xbf", 4, 0},
    {"h\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80!", 11, 0},
    {"12345678", 8, 0},
    {"12345678\xc3\xa4"
     "12345678",
     18, 0},
    {"1234567\xc3\xa4"
     "12345678\xe2\x82\xac",
     20, 0},

    /* cut */
    {"a\xc3", 1, 0},
    {"a\xe2\x82", 1, 0},
    {"a\xf0\x9f\x98", 1, 0},
    {"12345678\xf0\x9f", 8, 0},

    /* bytes that can't begin anything */
    {"\x80", 0, 1},
    {"a\xbf", 1, 1},
    {"\xfe", 0, 1},
    {"\xff", 0, 1},
    {"\xf8\x88\x80\x80\x80", 0, 1},
    {"12345678\xff", 8, 1},
    {"\xff"
     "12345678",
     0, 1},
    {"1234567\xff", 7, 1},

    /* overlong */
    {"\xc0\x80", 0, 1},
    {"\xc1\xbf", 0, 1},
    {"\xe0\x80\x80", 0, 1},
    {"\xe0\x9f\xbf", 0, 1},
    {"\xf0\x80\x80\x80", 0, 1},
    {"\xf0\x8f\xbf\xbf", 0, 1},

    /* surrogates, and above U+10FFFF */
    {"\xed\xa0\x80", 0, 1},
    {"\xed\xbf\xbf", 0, 1},
    {"\xf4\x90\x80\x80", 0, 1},
    {"\xf5\x80\x80\x80", 0, 1},

    /* something else where a character goes on */
    {"\xc3"
     "a",
     0, 1},
    {"\xc3\xc3\xa4", 0, 1},
    {"\xe2\x82"
     "a",
     0, 1},
    {"\xe2\x28\xa1", 0, 1},
    {"\xf0\x9f\x98"
     "a",
     0, 1},
    {"ab\xf0\x9f\x98\xf0", 2, 1},
};


/* in a buffer of exactly its size, so that a sanitizer sees any step out */
static uint8_t *
copy_of(const void *p, size_t len)
{
    uint8_t *copy;

    copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, p, len);

    return copy;
}


static void
test_cases(void **state)
{
    size_t i, len, cut;
    uint8_t *p;
    eirc_utf8_t s;

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        len = strlen(cases[i].text);
        p = copy_of(cases[i].text, len);

        assert_int_equal(eirc_utf8_prefix(p, len), cases[i].whole);
        assert_int_equal(eirc_utf8_valid(p, len), cases[i].whole == len);

        for (cut = 0; cut <= len; cut++) {
            s = eirc_utf8_feed(EIRC_UTF8_START, p, cut);
            s = eirc_utf8_feed(s, p + cut, len - cut);

            assert_int_equal(s == EIRC_UTF8_START, cases[i].whole == len);
            assert_int_equal(s == EIRC_UTF8_BAD, cases[i].bad);
        }

        s = EIRC_UTF8_START;

        for (cut = 0; cut < len; cut++) {
            s = eirc_utf8_feed(s, p + cut, 1);
        }

        assert_int_equal(s == EIRC_UTF8_START, cases[i].whole == len);
        assert_int_equal(s == EIRC_UTF8_BAD, cases[i].bad);

        free(p);
    }
}


static size_t
encode(uint8_t *out, uint32_t c)
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

    if (c < 0x10000) {
        out[0] = (uint8_t) (0xe0 | c >> 12);
        out[1] = (uint8_t) (0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t) (0x80 | (c & 0x3f));
        return 3;
    }

    out[0] = (uint8_t) (0xf0 | c >> 18);
    out[1] = (uint8_t) (0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t) (0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t) (0x80 | (c & 0x3f));

    return 4;
}


static void
test_every_character(void **state)
{
    uint32_t c;
    size_t len, cut;
    uint8_t out[4];
    eirc_utf8_t s;

    (void) state;

    for (c = 0; c < 0x120000; c++) {
        len = encode(out, c);

        if ((c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff) {
            assert_false(eirc_utf8_valid(out, len));
            continue;
        }

        if (!eirc_utf8_valid(out, len)) {
            fail_msg("U+%04X was refused", (unsigned) c);
        }

        for (cut = 1; cut < len; cut++) {
            s = eirc_utf8_feed(EIRC_UTF8_START, out, cut);
            assert_true(s != EIRC_UTF8_START && s != EIRC_UTF8_BAD);
        }
    }
}


/* the fast path: a bad or a long character at every place of a long text */
static void
test_places(void **state)
{
    size_t i, len;
    uint8_t *p;

    (void) state;

    for (len = 1; len < 40; len++) {
        for (i = 0; i < len; i++) {
            p = copy_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", len);

            p[i] = 0xff;
            assert_int_equal(eirc_utf8_prefix(p, len), i);

            p[i] = 0xc3;
            assert_int_equal(eirc_utf8_prefix(p, len), i);

            if (i + 1 < len) {
                p[i + 1] = 0xa4;
                assert_int_equal(eirc_utf8_prefix(p, len), len);
            }

            free(p);
        }
    }
}


static void
test_cp1252(void **state)
{
    unsigned c;
    size_t n, cap;
    uint8_t in, out[16];
    const uint8_t text[] = {'a', 0x80, 0xe4, 0x81, 'z'};
    const char *expected = "a\xe2\x82\xac\xc3\xa4\xef\xbf\xbdz";
    const size_t ends[] = {0, 1, 1, 1, 4, 4, 6, 6, 6, 9, 10, 10};

    (void) state;

    for (cap = 0; cap < sizeof(ends) / sizeof(ends[0]); cap++) {
        memset(out, 0x55, sizeof(out));
        n = eirc_utf8_from_cp1252(out, cap, text, sizeof(text));
        assert_int_equal(n, ends[cap]);
        assert_memory_equal(out, expected, n);
        assert_int_equal(out[n], 0x55);
    }

    for (c = 0; c < 256; c++) {
        in = (uint8_t) c;
        n = eirc_utf8_from_cp1252(out, sizeof(out), &in, 1);

        assert_true(n >= 1 && n <= EIRC_UTF8_CP1252_MAX);
        assert_true(eirc_utf8_valid(out, n));
        assert_int_equal(n == 1, c < 0x80);
        assert_int_equal(n == 3 && memcmp(out, "\xef\xbf\xbd", 3) == 0,
                         c == 0x81 || c == 0x8d || c == 0x8f || c == 0x90
                             || c == 0x9d);
    }

    in = 0x9f;
    assert_int_equal(eirc_utf8_from_cp1252(out, 16, &in, 1), 2);
    assert_memory_equal(out, "\xc5\xb8", 2);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_cp1252),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
