/*
 * user on IRCv3's way: the browser registers itself, and capabilities that are
 * ours are taken out of what it hears and asks for.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user_stage.h"


/* On IRCv3's way the browser registers itself, by another name. */
static void
test_ircv3(void **state)
{
    char line[1024], expected[2048];

    (void) state;

    mode = SESSION_TEXT;
    begin_with("me", "a", 1000);
    user_connected(&u, 0);
    run();
    assert_string_equal(sent, "");

    browser("NICK you");
    assert_string_equal(sent, "NICK me\r\n");

    /* flood control knows USER, too, however often it is said */

    browser("USER you 0 * :You\nUSER x 0 * :x\nUSER y 0 * :y");
    assert_string_equal(sent, "USER me 0 * :me\r\nUSER me 0 * :me\r\n");
    assert_int_equal(u.wait, 1000);
    clear();
    u.now += 1000;
    run();
    assert_string_equal(sent, "USER me 0 * :me\r\n");
    u.now += 10000;

    /* no nick is none, and another one may still be said */

    browser("NICK other");
    assert_string_equal(sent, "");
    server(":s 433 * me :in use");
    assert_string_equal(told, ":s 433 * me :in use|");
    browser("NICK :");
    assert_string_equal(sent, "");
    browser("NICK me2");
    assert_string_equal(sent, "NICK me2\r\n");
    browser("NICK me3");
    assert_string_equal(sent, "");

    server(":s 001 me2 :Welcome");
    server(":s 005 me2 LINELEN=700 :are");
    server(":s 422 me2 :No MOTD");
    assert_string_equal(told, ":s 422 me2 :No MOTD|");
    assert_string_equal(sent, "JOIN #a\r\n");

    /* what is ours is taken out, with or without a colon in front */

    server(":s CAP me2 NEW :a=sasl sasl=PLAIN b sts=port=1");
    assert_string_equal(told, ":s CAP me2 NEW :a=sasl b|");
    server(":s CAP me2 NEW sasl");
    assert_string_equal(told, ":s CAP me2 NEW :|");
    server(":s CAP me2 DEL b");
    assert_string_equal(told, ":s CAP me2 DEL b|");

    browser("CAP REQ :a sasl b");
    assert_string_equal(told, "CAP me2 NAK :a sasl b|");
    assert_string_equal(sent, "");

    /* an answer there is however much is asked for, of whole names */

    (void) snprintf(line, sizeof(line), "CAP REQ :sasl %0250d %0250d", 0, 0);
    browser(line);
    (void) snprintf(expected, sizeof(expected), "CAP me2 NAK :sasl %0250d|",
                    0);
    assert_string_equal(told, expected);

    /* the server says how long a line may be */

    u.now += 10000;
    (void) snprintf(line, sizeof(line), "@+a=b TOPIC x :%0680d", 0);
    (void) snprintf(expected, sizeof(expected), "%s\r\n", line);
    browser(line);
    assert_string_equal(sent, expected);
    (void) snprintf(line, sizeof(line), "@+a=b TOPIC x :%0900d", 0);
    browser(line);
    assert_int_equal(strlen(sent), 6 + 698 + 2);

    mode = SESSION_EIRC;
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ircv3),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
