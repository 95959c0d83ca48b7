/*
 * text: nothing that a terminal obeys gets through, whatever is sent; rows
 * are cut between words, and never inside of a character.
 */

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"


static const char *
clean(const char *s)
{
    static char out[256];

    (void) text_clean(out, sizeof(out), eirc_slice_str(s));

    return out;
}


static void
test_clean(void **state)
{
    char out[8];

    (void) state;

    assert_string_equal(clean(""), "");
    assert_string_equal(clean("h\xc3\xa4llo"), "h\xc3\xa4llo");
    assert_string_equal(clean("a\x1b[31mb\x07\x08\x7f"), "a[31mb");
    assert_string_equal(clean("a\xc2\x9b"
                              "31mb"),
                        "a31mb");
    assert_string_equal(clean("a\tb\rc\nd"), "a bcd");

    /* formats stay, colors go with their digits */

    assert_string_equal(clean("\x02"
                              "b\x1di\x1fu\x16r\x0f"),
                        "\x02"
                        "b\x1di\x1fu\x16r\x0f");
    assert_string_equal(clean("\x03"
                              "4red\x03 \x03"
                              "04,12x\x03,1y"),
                        "red x,1y");
    assert_string_equal(clean("\x03"
                              "123"),
                        "3");
    assert_string_equal(clean("\x03"
                              "1,y"),
                        ",y");
    assert_string_equal(clean("\x04"
                              "ff0000,00FF00x\x11y\x1ez"),
                        "xyz");
    assert_string_equal(clean("\x03"), "");

    /* not UTF-8, and what turns a line around */

    assert_string_equal(clean("a\xff\xc3"), "a\xef\xbf\xbd\xef\xbf\xbd");
    assert_string_equal(clean("a\xe2\x80\xae"
                              "b\xef\xbb\xbf"),
                        "ab");

    /* marks on nothing, and too many of them */

    assert_string_equal(clean("\xcc\x81x"), "x");
    assert_string_equal(
        clean("e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81x"),
        "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81x");

    /* cut between characters */

    assert_int_equal(
        text_clean(out, sizeof(out), EIRC_SLICE("abcdef\xc3\xa4")), 6);
    assert_int_equal(text_clean(out, sizeof(out), EIRC_SLICE("abcdefghi")), 7);
    assert_string_equal(out, "abcdefg");
}


static void
test_clean_every_byte(void **state)
{
    int i;
    char in[2], out[16];
    size_t j, len;

    (void) state;

    for (i = 0; i < 256; i++) {
        in[0] = (char) i;
        in[1] = 'x';
        len = text_clean(out, sizeof(out), eirc_slice(in, 2));

        for (j = 0; j < len; j++) {
            assert_true((uint8_t) out[j] >= 0x20
                        || strchr("\x02\x0f\x16\x1d\x1f", out[j]) != NULL);
            assert_true(out[j] != 0x7f);
        }
    }
}


static void
test_attributes(void **state)
{
    int width;
    text_t t;
    wchar_t c;

    (void) state;

    t = text_of("a\x02"
                "b\x1f"
                "c\x0f"
                "d\x1d\xe6\x97\xa5",
                11);

    assert_true(text_next(&t, &c, &width));
    assert_int_equal(t.attributes, 0);
    assert_true(text_next(&t, &c, &width));
    assert_int_equal(t.attributes, TEXT_BOLD);
    assert_true(text_next(&t, &c, &width));
    assert_int_equal(t.attributes, TEXT_BOLD | TEXT_UNDERLINE);
    assert_true(text_next(&t, &c, &width));
    assert_int_equal(t.attributes, 0);
    assert_int_equal(width, 1);
    assert_true(text_next(&t, &c, &width));
    assert_int_equal(t.attributes, TEXT_ITALIC);
    assert_int_equal(c, 0x65e5);
    assert_int_equal(width, 2);
    assert_false(text_next(&t, &c, &width));
}


/* The rows, with '/' between them. */
static const char *
rows(const char *s, int columns)
{
    size_t len;
    text_t rest, row;
    static char out[256];

    rest = text_of(s, strlen(s));
    len = 0;

    while (text_row(&rest, columns, &row)) {
        memcpy(out + len, row.p, (size_t) (row.end - row.p));
        len += (size_t) (row.end - row.p);
        out[len++] = '/';
    }

    out[len] = '\0';

    return out;
}


static void
test_rows(void **state)
{
    (void) state;

    assert_string_equal(rows("", 5), "");
    assert_int_equal(text_rows(text_of("", 0), 5), 1);
    assert_string_equal(rows("abcde", 5), "abcde/");
    assert_string_equal(rows("abcdef", 5), "abcde/f/");
    assert_string_equal(rows("ab cdef", 5), "ab/cdef/");
    assert_string_equal(rows("abcde fgh", 5), "abcde/fgh/");
    assert_string_equal(rows("a b c d e f", 5), "a b c/d e f/");
    assert_string_equal(rows("ab\xe6\x97\xa5\xe6\x97\xa5", 5),
                        "ab\xe6\x97\xa5/\xe6\x97\xa5/");
    assert_string_equal(rows("\xe6\x97\xa5\xe6\x97\xa5", 1),
                        "\xe6\x97\xa5/\xe6\x97\xa5/");
    assert_string_equal(rows("abcde\xcc\x81"
                             "f",
                             5),
                        "abcde\xcc\x81/f/");
    assert_string_equal(rows("a bcdefghijkl", 9), "a bcdefgh/ijkl/");
    assert_int_equal(text_rows(text_of("a b c d e f", 11), 1), 6);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_clean_every_byte),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_rows),
    };

    (void) setlocale(LC_CTYPE, "C.UTF-8");

    return cmocka_run_group_tests(tests, NULL, NULL);
}
