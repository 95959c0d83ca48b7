/*
 * events: what a worker says reaches the log in our words, escaped and cut:
 * no text of its own can look like another line.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "eirc_link.h"
#include "events.h"

/* strings with zeros in them, and their lengths */
#define S(s) s, sizeof(s) - 1


static void
test_escape(void **state)
{
    char buf[64];

    (void) state;

    assert_int_equal(event_escape(buf, sizeof(buf), S("plain text")), 10);
    assert_string_equal(buf, "plain text");

    (void) event_escape(buf, sizeof(buf), S("a\r\nb\0c\x1b[0m"));
    assert_string_equal(buf, "a\\x0d\\x0ab\\x00c\\x1b[0m");

    (void) event_escape(buf, sizeof(buf), S("\"\\\x7f\xc3\xbc"));
    assert_string_equal(buf, "\\x22\\x5c\\x7f\\xc3\\xbc");
}


static void
test_escape_cut(void **state)
{
    char buf[64];
    size_t size, len;

    (void) state;

    /* at every size: terminated, within, and no escape in halves */

    for (size = 1; size < sizeof(buf); size++) {
        memset(buf, '#', sizeof(buf));
        len = event_escape(buf, size, S("ab\ncd\nef\n"));

        assert_true(len < size);
        assert_int_equal(buf[len], '\0');
        assert_int_equal(buf[size], '#');

        if (strrchr(buf, '\\') != NULL) {
            assert_true(strlen(strrchr(buf, '\\')) >= 4);
        }
    }

    assert_int_equal(event_escape(buf, 0, S("a")), 0);
}


static void
test_format(void **state)
{
    char buf[2048], text[1000];
    size_t i;

    (void) state;

    assert_int_equal(
        event_format(buf, sizeof(buf), EVENT_REGISTERED, 0, S("alice")),
        LOG_LEVEL_INFO);
    assert_string_equal(buf, "registered: \"alice\"");

    assert_int_equal(
        event_format(buf, sizeof(buf), EVENT_ENDED, EIRC_LINK_CLOSED, NULL, 0),
        LOG_LEVEL_INFO);
    assert_non_null(strstr(buf, eirc_link_reason_name(EIRC_LINK_CLOSED)));

    assert_true(
        event_format(buf, sizeof(buf), EVENT_IRC_LOST, ECONNRESET, NULL, 0)
        > 0);
    assert_non_null(strstr(buf, "(104: "));

    assert_int_equal(event_format(buf, sizeof(buf), 0, 0, NULL, 0), -1);
    assert_int_equal(event_format(buf, sizeof(buf), EVENT_LAST, 0, NULL, 0),
                     -1);
    assert_int_equal(event_format(buf, sizeof(buf), UINT32_MAX, 0, NULL, 0),
                     -1);

    /* every type has its words, at any status, and is cut */

    memset(text, '\n', sizeof(text));

    for (i = 1; i < EVENT_LAST; i++) {
        assert_true(event_format(buf, sizeof(buf), (uint32_t) i, INT32_MIN,
                                 text, sizeof(text))
                    >= LOG_LEVEL_ALERT);
        assert_true(strlen(buf) > 4 * EVENT_TEXT_MAX);
        assert_true(strlen(buf) < 4 * EVENT_TEXT_MAX + 128);
        assert_null(strchr(buf, '\n'));

        (void) event_format(buf, 10, (uint32_t) i, 0, text, 5);
        assert_true(strlen(buf) < 10);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_escape_cut),
        cmocka_unit_test(test_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
