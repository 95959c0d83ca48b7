/*
 * complete: commands, channels and nicks, each where it makes sense, in any
 * case of letters, again from the first behind the last.
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

#include "complete.h"
#include "show.h"

static chat_t c;
static complete_t t;
static char out[COMPLETE_MAX];


static void
begin(const char *word, bool first)
{
    complete_begin(&t, eirc_slice_str(word), first);
}


static const char *
next(void)
{
    return complete_next(&t, &c, out) ? out : "";
}


static int
setup(void **state)
{
    (void) state;

    assert_int_equal(chat_init(&c, "irc", "me", 1), EIRC_OK);
    show_line(&c, EIRC_SLICE(":me!u@h JOIN #one"));
    show_line(&c, EIRC_SLICE(":s 353 me = #one :me @Bob bo[b] +alice"));

    return 0;
}


static int
teardown(void **state)
{
    (void) state;
    chat_done(&c);

    return 0;
}


static void
test_nicks(void **state)
{
    (void) state;

    begin("bO", true);
    assert_string_equal(next(), "Bob: ");
    assert_string_equal(next(), "bo[b]: ");
    assert_string_equal(next(), "Bob: ");

    begin("BO{", false);
    assert_string_equal(next(), "bo[b] ");
    assert_string_equal(next(), "bo[b] ");

    /* nobody, oneself, nothing */

    begin("x", true);
    assert_string_equal(next(), "");
    begin("me", true);
    assert_string_equal(next(), "");
    begin("", true);
    assert_string_equal(next(), "");

    begin("al", true);
    complete_end(&t);
    assert_string_equal(next(), "");

    /* who comes and goes */

    show_line(&c, EIRC_SLICE(":zoe!u@h JOIN #one"));
    begin("z", true);
    assert_string_equal(next(), "zoe: ");
    show_line(&c, EIRC_SLICE(":zoe!u@h NICK zorro"));
    assert_string_equal(next(), "zorro: ");
    show_line(&c, EIRC_SLICE(":zorro!u@h QUIT :bye"));
    assert_string_equal(next(), "");
}


static void
test_commands(void **state)
{
    (void) state;

    begin("/qu", true);
    assert_string_equal(next(), "/query ");
    assert_string_equal(next(), "/quit ");
    assert_string_equal(next(), "/quote ");
    assert_string_equal(next(), "/query ");

    begin("/qu", false);
    assert_string_equal(next(), "");
}


static void
test_channels(void **state)
{
    (void) state;

    show_line(&c, EIRC_SLICE(":me!u@h JOIN :#other"));
    begin("#O", true);
    assert_string_equal(next(), "#one ");
    assert_string_equal(next(), "#other ");
    begin("#x", false);
    assert_string_equal(next(), "");
}


static void
test_query(void **state)
{
    (void) state;

    show_line(&c, EIRC_SLICE(":dave!u@h PRIVMSG me :hello"));
    windows_show(&c.windows, 2);
    begin("d", false);
    assert_string_equal(next(), "dave ");
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nicks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commands, setup, teardown),
        cmocka_unit_test_setup_teardown(test_channels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_query, setup, teardown),
    };

    (void) setlocale(LC_CTYPE, "C.UTF-8");

    return cmocka_run_group_tests(tests, NULL, NULL);
}
