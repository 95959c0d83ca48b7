/*
 * edit: keys at every place of a line; characters that stand on others go
 * with them; history keeps what was being typed; what of a long line is shown.
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

#include "edit.h"

static edit_t e;


static void
type(const char *s)
{
    edit_replace(&e, e.pos, s);
}


/* The line with '|' where the cursor is. */
static const char *
line(void)
{
    size_t pos, n;
    static char out[2 * EDIT_BYTES];

    pos = e.pos;
    n = edit_copy(&e, 0, out, EDIT_BYTES);
    out[n++] = '|';
    e.pos = e.len;
    (void) edit_copy(&e, pos, out + n, EDIT_BYTES);
    e.pos = pos;

    return out;
}


static void
take(const char *expected)
{
    char out[EDIT_BYTES];

    assert_int_equal(edit_take(&e, out), strlen(expected));
    assert_string_equal(out, expected);
    assert_string_equal(line(), "|");
}


static void
test_cursor(void **state)
{
    (void) state;
    edit_init(&e);

    edit_left(&e);
    edit_right(&e);
    edit_backspace(&e);
    edit_delete(&e);
    edit_word_left(&e);
    edit_word_right(&e);
    assert_string_equal(line(), "|");

    type("ab");
    edit_left(&e);
    type("c");
    assert_string_equal(line(), "ac|b");
    edit_home(&e);
    type("d");
    edit_end(&e);
    type("e");
    assert_string_equal(line(), "dacbe|");
    edit_left(&e);
    edit_backspace(&e);
    assert_string_equal(line(), "dac|e");
    edit_delete(&e);
    assert_string_equal(line(), "dac|");
    edit_delete(&e);
    edit_right(&e);
    assert_string_equal(line(), "dac|");

    edit_done(&e);
}


static void
test_words(void **state)
{
    (void) state;
    edit_init(&e);

    type("one  two three");
    edit_word_left(&e);
    assert_string_equal(line(), "one  two |three");
    edit_word_left(&e);
    assert_string_equal(line(), "one  |two three");
    edit_word_right(&e);
    assert_string_equal(line(), "one  two| three");
    assert_int_equal(edit_word(&e), 5);
    edit_kill_word(&e);
    assert_string_equal(line(), "one  | three");
    assert_int_equal(edit_word(&e), 5);
    edit_kill_end(&e);
    assert_string_equal(line(), "one  |");
    edit_kill_word(&e);
    assert_string_equal(line(), "|");
    type("left right");
    edit_word_left(&e);
    edit_kill_start(&e);
    assert_string_equal(line(), "|right");

    edit_done(&e);
}


static void
test_wide(void **state)
{
    (void) state;
    edit_init(&e);

    /* e with an acute accent on it, and two wide characters */

    type("ae\xcc\x81\xe6\x97\xa5\xe6\x9c\xac");
    assert_int_equal(e.len, 5);
    edit_left(&e);
    edit_left(&e);
    assert_string_equal(line(), "ae\xcc\x81|\xe6\x97\xa5\xe6\x9c\xac");
    edit_left(&e);
    assert_string_equal(line(), "a|e\xcc\x81\xe6\x97\xa5\xe6\x9c\xac");
    edit_right(&e);
    edit_backspace(&e);
    assert_string_equal(line(), "a|\xe6\x97\xa5\xe6\x9c\xac");
    edit_delete(&e);
    assert_string_equal(line(), "a|\xe6\x9c\xac");
    edit_done(&e);

    edit_init(&e);
    type("xe\xcc\x81");
    edit_home(&e);
    edit_right(&e);
    edit_delete(&e);
    assert_string_equal(line(), "x|");
    edit_done(&e);
}


static void
test_refused(void **state)
{
    unsigned i;

    (void) state;
    edit_init(&e);

    edit_insert(&e, 0x1b);
    edit_insert(&e, 0x7f);
    edit_insert(&e, 0x9b);
    edit_insert(&e, L'\n');
    assert_int_equal(e.len, 0);

    for (i = 0; i < EDIT_MAX + 10; i++) {
        edit_insert(&e, 0x1f600);
    }

    assert_int_equal(e.len, EDIT_MAX);
    edit_home(&e);
    edit_insert(&e, L'x');
    assert_int_equal(e.len, EDIT_MAX);

    edit_done(&e);
}


static void
test_history(void **state)
{
    char words[16];
    unsigned i;

    (void) state;
    edit_init(&e);

    edit_older(&e);
    edit_newer(&e);
    type("first");
    take("first");
    type("second");
    edit_home(&e);
    take("second");
    type("second");
    take("second");
    take("");

    type("draft");
    edit_older(&e);
    assert_string_equal(line(), "second|");
    edit_older(&e);
    edit_older(&e);
    assert_string_equal(line(), "first|");
    edit_newer(&e);
    edit_newer(&e);
    assert_string_equal(line(), "draft|");
    edit_newer(&e);
    assert_string_equal(line(), "draft|");

    /* one that is changed becomes the newest */

    edit_older(&e);
    edit_older(&e);
    type("!");
    take("first!");
    edit_older(&e);
    assert_string_equal(line(), "first!|");
    edit_kill_start(&e);
    edit_newer(&e);
    assert_string_equal(line(), "|");

    for (i = 0; i < EDIT_HISTORY_MAX + 5; i++) {
        (void) snprintf(words, sizeof(words), "%u", i);
        type(words);
        take(words);
    }

    for (i = 0; i < EDIT_HISTORY_MAX + 5; i++) {
        edit_older(&e);
    }

    assert_string_equal(line(), "5|");

    edit_done(&e);
}


static void
test_view(void **state)
{
    int cursor;

    (void) state;
    edit_init(&e);

    assert_int_equal(edit_view(&e, 10, &cursor), 0);
    assert_int_equal(cursor, 0);

    type("123456789");
    assert_int_equal(edit_view(&e, 10, &cursor), 0);
    assert_int_equal(cursor, 9);

    type("0");
    assert_int_equal(edit_view(&e, 10, &cursor), 1);
    assert_int_equal(cursor, 9);

    /* a wide character isn't cut in half */

    edit_kill_start(&e);
    type("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac");
    assert_int_equal(edit_view(&e, 10, &cursor), 1);
    assert_int_equal(cursor, 8);

    /* nor does a view begin with what stands on a character */

    edit_kill_start(&e);
    type("e\xcc\x81"
         "23");
    assert_int_equal(edit_view(&e, 3, &cursor), 2);
    assert_int_equal(cursor, 2);

    edit_done(&e);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cursor),  cmocka_unit_test(test_words),
        cmocka_unit_test(test_wide),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_history), cmocka_unit_test(test_view),
    };

    (void) setlocale(LC_CTYPE, "C.UTF-8");

    return cmocka_run_group_tests(tests, NULL, NULL);
}
