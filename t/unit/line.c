/*
 * line: words of our own about bytes of somebody else's are UTF-8, whatever
 * these are, and fit.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "eirc_utf8.h"
#include "line.h"


static void
assert_words(const char *words, const char *expected)
{
    uint8_t buf[64];
    size_t len;

    len = line_words(buf, sizeof(buf), ":c :", eirc_slice_str(words));

    assert_int_equal(len, strlen(expected));
    assert_memory_equal(buf, expected, len);
}


static void
test_words(void **state)
{
    (void) state;

    assert_words("", ":c :");
    assert_words("words", ":c :words");
    assert_words("\xc3\xa4", ":c :\xc3\xa4");

    /* Windows-1252, also what only seems to begin as UTF-8 */

    assert_words("/\xe4", ":c :/\xc3\xa4");
    assert_words("/\xc3\xa4\xff", ":c :/\xc3\x83\xc2\xa4\xc3\xbf");
    assert_words("cut \xc3", ":c :cut \xc3\x83");
}


static void
test_words_cut(void **state)
{
    size_t size, len, i;
    uint8_t buf[64];
    static const char *const words[] = {"a\xc3\xa4"
                                        "b\xf0\x9f\x98\x80"
                                        "c",
                                        "a\x80z\xe4\x80", "\xff\xff\xff"};

    (void) state;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (size = 1; size < 40; size++) {
            memset(buf, '#', sizeof(buf));
            len = line_words(buf, size, "h", eirc_slice_str(words[i]));

            assert_in_range(len, 1, size);
            assert_int_equal(buf[size], '#');
            assert_true(eirc_utf8_valid(buf, len));
        }
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_words_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
