/*
 * eirc_charset: sets of characters by their names, what they are to UTF-8 and
 * back, and which are none of ours.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eirc_charset.h"
#include "eirc_utf8.h"


static void
test_find(void **state)
{
    size_t i;
    eirc_charset_t cs;
    static const struct {
        const char *name;
        int rc;
    } table[] = {
        {"windows-1252", EIRC_OK},
        {"CP1251", EIRC_OK},
        {"koi8-r", EIRC_OK},
        {"KOI8-U", EIRC_OK},
        {"iso-8859-1", EIRC_OK},
        {"ISO-8859-15", EIRC_OK},
        {"latin1", EIRC_OK},
        {"ISO_8859-8", EIRC_OK},
        {"CP437", EIRC_OK},
        {"MACINTOSH", EIRC_OK},
        {"TIS-620", EIRC_OK},
        {"US-ASCII", EIRC_OK},
        {"utf-8", EIRC_DONE},
        {"UTF8", EIRC_DONE},
        {"ISO-2022-JP", EIRC_AGAIN},
        {"SHIFT_JIS", EIRC_AGAIN},
        {"EUC-JP", EIRC_AGAIN},
        {"GBK", EIRC_AGAIN},
        {"GB18030", EIRC_AGAIN},
        {"BIG5", EIRC_AGAIN},
        {"EUC-KR", EIRC_AGAIN},
        {"UTF-16", EIRC_AGAIN},
        {"UTF-7", EIRC_AGAIN},
        {"UTF-32LE", EIRC_AGAIN},
        {"EBCDIC-US", EIRC_AGAIN},
        {"CP1258", EIRC_AGAIN},
        {"koi9", EIRC_ERROR},
        {"", EIRC_ERROR},
        {"koi8-r//IGNORE", EIRC_ERROR},
        {"../x", EIRC_ERROR},
        {"a b", EIRC_ERROR},
    };

    (void) state;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_int_equal(eirc_charset_find(&cs, table[i].name), table[i].rc);

        if (table[i].rc == EIRC_OK) {
            assert_true(eirc_charset_valid(&cs));
            assert_int_equal(eirc_charset_is_default(&cs), i == 0);
        }
    }
}


static void
assert_both(const char *name, const char *bytes, const char *utf8)
{
    size_t len;
    uint8_t buf[256];
    eirc_charset_t cs;

    assert_int_equal(eirc_charset_find(&cs, name), EIRC_OK);

    len = eirc_charset_decode(buf, sizeof(buf), (const uint8_t *) bytes,
                              strlen(bytes), &cs);
    assert_int_equal(len, strlen(utf8));
    assert_memory_equal(buf, utf8, len);

    /* in place */

    len = eirc_charset_encode(buf, buf, len, &cs);
    assert_int_equal(len, strlen(bytes));
    assert_memory_equal(buf, bytes, len);
}


static void
test_convert(void **state)
{
    size_t len, cap;
    uint8_t buf[64];
    eirc_charset_t cs;

    (void) state;

    assert_both("koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4, world",
                "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82, world");
    assert_both("windows-1251", "\xcf\xf0\xe8", "\xd0\x9f\xd1\x80\xd0\xb8");
    assert_both("iso-8859-15", "\xa4 5", "\xe2\x82\xac 5");
    assert_both("iso-8859-8", "\xf9\xec\xe5\xed",
                "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d");
    assert_both("cp437", "\xb0\xdb", "\xe2\x96\x91\xe2\x96\x88");

    /* bytes without a meaning, characters that aren't there, no UTF-8 */

    assert_int_equal(eirc_charset_find(&cs, "iso-8859-8"), EIRC_OK);
    assert_int_equal(
        eirc_charset_decode(buf, 64, (const uint8_t *) "a\xffz", 3, &cs), 5);
    assert_memory_equal(buf, "a\xef\xbf\xbdz", 5);
    assert_int_equal(eirc_charset_encode(buf, buf, 5, &cs), 3);
    assert_memory_equal(buf, "a?z", 3);

    len = eirc_charset_encode(
        buf,
        (const uint8_t *) "\xe2\x82\xac-\xf0\x9f\x98\x80-\xc3-\xff\xd7\xa9\xf0"
                          "\x9f",
        16, &cs);
    assert_int_equal(len, 10);
    assert_memory_equal(buf, "?-?-?-?\xf9??", 10);

    /* cut between characters */

    for (cap = 0; cap < 8; cap++) {
        memset(buf, '#', sizeof(buf));
        len = eirc_charset_decode(buf, cap, (const uint8_t *) "a\xf9\xff\xec",
                                  4, &cs);
        assert_in_range(len, 0, cap);
        assert_int_equal(buf[cap], '#');
        assert_true(eirc_utf8_valid(buf, len));
    }
}


static void
test_text(void **state)
{
    size_t len;
    uint8_t buf[EIRC_CHARSET_TEXT_MAX + 8];
    eirc_charset_t cs, other;

    (void) state;

    assert_int_equal(eirc_charset_find(&cs, "tis-620"), EIRC_OK);
    len = eirc_charset_write(buf, &cs);
    assert_int_equal(len, EIRC_CHARSET_TEXT_MAX);
    assert_int_equal(eirc_charset_read(&other, buf, len), EIRC_OK);
    assert_memory_equal(&cs, &other, sizeof(cs));

    /* more, less, cut, ASCII among them, beyond what a table holds */

    assert_int_equal(eirc_charset_read(&other, buf, len - 1), EIRC_ERROR);
    assert_int_equal(eirc_charset_read(&other, buf, len - 3), EIRC_ERROR);
    memcpy(buf + len, buf, 3);
    assert_int_equal(eirc_charset_read(&other, buf, len + 3), EIRC_ERROR);
    assert_int_equal(eirc_charset_read(&other, buf, 0), EIRC_ERROR);
    buf[0] = '\n';
    assert_int_equal(eirc_charset_read(&other, buf, len - 2), EIRC_ERROR);
    memcpy(buf, "\xf0\x9f\x98\x80", 4);
    assert_int_equal(eirc_charset_read(&other, buf, len), EIRC_ERROR);

    cs.high[5] = 0x0a;
    assert_false(eirc_charset_valid(&cs));
    cs.high[5] = 0xd800;
    assert_false(eirc_charset_valid(&cs));
    cs.high[5] = 0xe000;
    assert_true(eirc_charset_valid(&cs));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_convert),
        cmocka_unit_test(test_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
