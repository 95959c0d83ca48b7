/*
 * window: names in either case, numbers when one is closed; bounds of lines
 * and bytes; marks of what is unread; scrolling by rows to both ends.
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

#include "window.h"

static windows_t ws;


static window_t *
open(window_kind_e kind, const char *name)
{
    return windows_open(&ws, EIRC_IRC_RFC1459, kind, eirc_slice_str(name), 7);
}


static void
add(window_t *w, window_weight_e weight, const char *text)
{
    windows_add(&ws, w, weight, 1000, text, strlen(text));
}


static void
test_names(void **state)
{
    char name[16];
    unsigned i;
    window_t *one;

    (void) state;
    assert_int_equal(windows_init(&ws, "irc"), EIRC_OK);

    one = open(WINDOW_CHANNEL, "#one[");
    assert_non_null(one);
    assert_ptr_equal(open(WINDOW_CHANNEL, "#ONE{"), one);
    assert_null(windows_find(&ws, EIRC_IRC_ASCII, EIRC_SLICE("#one{")));
    assert_null(windows_find(&ws, EIRC_IRC_ASCII, EIRC_SLICE("irc")));
    assert_null(open(WINDOW_QUERY, ""));

    for (i = 2; i < WINDOWS_MAX; i++) {
        (void) snprintf(name, sizeof(name), "nick%u", i);
        assert_non_null(open(WINDOW_QUERY, name));
    }

    assert_null(open(WINDOW_QUERY, "another"));
    assert_ptr_equal(open(WINDOW_CHANNEL, "#one["), one);
    assert_int_equal(windows_number(&ws, one), 1);

    windows_done(&ws);
}


static void
test_close(void **state)
{
    window_t *a, *b;

    (void) state;
    assert_int_equal(windows_init(&ws, "irc"), EIRC_OK);

    a = open(WINDOW_CHANNEL, "#a");
    b = open(WINDOW_CHANNEL, "#b");
    windows_show(&ws, 2);
    windows_close(&ws, 0);
    assert_int_equal(ws.count, 3);
    windows_close(&ws, 1);
    assert_ptr_equal(windows_active(&ws), b);
    assert_int_equal(windows_number(&ws, b), 1);
    windows_close(&ws, 1);
    assert_int_equal(ws.active, 0);
    assert_int_equal(ws.count, 1);
    windows_close(&ws, 1);
    windows_show(&ws, 1);
    assert_int_equal(ws.active, 0);
    (void) a;

    windows_done(&ws);
}


static void
test_marks(void **state)
{
    window_t *a, *b, *q;

    (void) state;
    assert_int_equal(windows_init(&ws, "irc"), EIRC_OK);

    a = open(WINDOW_CHANNEL, "#a");
    b = open(WINDOW_CHANNEL, "#b");
    q = open(WINDOW_QUERY, "q");

    add(windows_active(&ws), WINDOW_CALL, "seen");
    assert_int_equal(windows_active(&ws)->unread, 0);

    add(a, WINDOW_EVENT, "joined");
    assert_true(a->events);
    assert_int_equal(a->unread, 0);
    add(b, WINDOW_TALK, "hello");
    add(b, WINDOW_TALK, "hello");
    assert_int_equal(b->unread, 2);
    assert_false(b->called);
    add(q, WINDOW_CALL, "you");
    assert_true(q->called);

    windows_show_unread(&ws);
    assert_ptr_equal(windows_active(&ws), q);
    assert_int_equal(q->unread, 0);
    assert_false(q->called);
    windows_show_unread(&ws);
    assert_ptr_equal(windows_active(&ws), b);
    windows_show_unread(&ws);
    assert_ptr_equal(windows_active(&ws), a);
    windows_show_unread(&ws);
    assert_ptr_equal(windows_active(&ws), a);

    windows_done(&ws);
}


static void
test_bounds(void **state)
{
    char words[16];
    char *large;
    unsigned i;
    window_t *w;

    (void) state;
    assert_int_equal(windows_init(&ws, "irc"), EIRC_OK);
    w = windows_active(&ws);

    for (i = 0; i < WINDOW_LINES_MAX + 50; i++) {
        (void) snprintf(words, sizeof(words), "%u", i);
        add(w, WINDOW_TALK, words);
    }

    assert_int_equal(w->count, WINDOW_LINES_MAX);
    assert_string_equal(window_line(w, 0)->text, "50");
    assert_string_equal(window_line(w, w->count - 1)->text, "1049");

    large = calloc(1, 8001);
    assert_non_null(large);
    memset(large, 'x', 8000);

    for (i = 0; i < 100; i++) {
        add(w, WINDOW_TALK, large);
    }

    assert_true(w->bytes <= WINDOW_BYTES_MAX);
    assert_int_equal(w->count, WINDOW_BYTES_MAX / 8000);

    free(large);
    windows_done(&ws);
}


static void
test_scroll(void **state)
{
    unsigned i;
    window_t *w;

    (void) state;
    assert_int_equal(windows_init(&ws, "irc"), EIRC_OK);
    w = windows_active(&ws);

    window_page_up(w, 10, 10);
    window_page_down(w, 10, 10);
    assert_int_equal(w->below, 0);

    for (i = 0; i < 25; i++) {
        add(w, WINDOW_TALK, "line");
    }

    /* a row of the last page stays */

    window_page_up(w, 10, 10);
    assert_int_equal(w->below, 9);
    add(w, WINDOW_TALK, "new");
    assert_int_equal(w->below, 10);
    window_page_up(w, 10, 10);
    assert_int_equal(w->below, 16);
    window_page_up(w, 10, 10);
    assert_int_equal(w->below, 16);
    window_page_down(w, 10, 10);
    assert_int_equal(w->below, 7);
    window_page_down(w, 10, 10);
    assert_int_equal(w->below, 0);

    /* lines of several rows, even more than there are */

    add(w, WINDOW_TALK, "0123456789012345678901234567890123456789");
    window_page_up(w, 3, 10);
    assert_int_equal(w->below, 1);
    window_page_up(w, 3, 10);
    assert_int_equal(w->below, 3);
    window_page_down(w, 3, 10);
    assert_int_equal(w->below, 1);
    window_page_down(w, 3, 10);
    assert_int_equal(w->below, 0);

    /* lines that go don't leave the view behind */

    window_page_up(w, 3, 10);

    for (i = 0; i < 2 * WINDOW_LINES_MAX; i++) {
        add(w, WINDOW_TALK, "line");
    }

    assert_true(w->below < w->count);

    windows_done(&ws);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),  cmocka_unit_test(test_close),
        cmocka_unit_test(test_marks),  cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_scroll),
    };

    (void) setlocale(LC_CTYPE, "C.UTF-8");

    return cmocka_run_group_tests(tests, NULL, NULL);
}
