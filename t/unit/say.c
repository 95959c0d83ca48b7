/*
 * say and flow: text that is too long for one line, flood control, and the
 * server that is asked how far it has come.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow.h"
#include "say.h"
#include "user_stage.h"


static void
test_flood(void **state)
{
    (void) state;

    begin_with("me", "", 1000);
    user_connected(&u, 0);
    run();
    browser("PRIVMSG a :1\nPRIVMSG a :2\n/channels\nPRIVMSG a :3\n/channels\n"
            "PRIVMSG a :4");
    assert_string_equal(sent, "");
    assert_int_equal(u.wait, 0);

    /* what waited for the registration goes behind it, as far as it may */

    server(":s 001 me :Welcome");
    server(":s 376 me :End");
    assert_string_equal(sent, "PRIVMSG a :1\r\nPRIVMSG a :2\r\n");
    assert_string_equal(told, ":s 376 me :End|:client channels: |");
    assert_int_equal(u.wait, 1000);

    clear();
    u.now += 999;
    run();
    assert_string_equal(sent, "");
    assert_int_equal(u.wait, 1);

    u.now++;
    run();
    assert_string_equal(sent, "PRIVMSG a :3\r\n");
    assert_string_equal(told, ":client channels: |");

    /* an answer to the server doesn't wait */

    server("PING :x");
    assert_string_equal(sent, "PONG :x\r\n");

    u.now += 1000;
    clear();
    run();
    assert_string_equal(sent, "PRIVMSG a :4\r\n");
    assert_int_equal(u.wait, 0);
}


static void
test_say_piece(void **state)
{
    size_t i;
    say_piece_t piece;
    static const struct {
        const char *text;
        size_t max, len, taken;
    } table[] = {
        {"hello world", 11, 11, 11},
        {"hello world", 10, 5, 6},
        {"hello world", 8, 5, 6},
        {"helloworld!", 8, 8, 8},
        {"hi world123", 8, 8, 8},
        {"hello world", 5, 5, 6},
        {"123456789 ", 9, 9, 10},
        {"        x y", 8, 7, 8},
        {"1234567\xc3\xa4x", 8, 7, 7},
        {"1234567\xe4x", 8, 7, 7},
        {"\xe4\xe4\xe4\xe4\xe4\xe4\xe4\xe4\xe4", 8, 8, 8},
    };

    (void) state;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        piece = say_piece(eirc_slice_str(table[i].text), table[i].max);
        assert_int_equal(piece.taken, table[i].taken);
        assert_int_equal(piece.len, table[i].len);
    }
}


/* The text of the lines sent, each of which is long enough and no longer. */
static void
said(char *out, const char *head, size_t max, const char *tail)
{
    size_t lines;
    char *line, *rest;

    rest = sent;
    lines = 0;
    out[0] = '\0';

    while ((line = strtok_r(rest, "\r\n", &rest)) != NULL) {
        lines++;
        assert_in_range(strlen(line), strlen(head) + 1, max);
        assert_memory_equal(line, head, strlen(head));
        assert_string_equal(line + strlen(line) - strlen(tail), tail);
        line[strlen(line) - strlen(tail)] = '\0';
        strcat(out, line + strlen(head));
    }

    assert_true(lines > 1);
}


static void
test_say(void **state)
{
    char text[3001], line[3100], out[4000];

    (void) state;

    memset(text, 'x', 3000);
    text[3000] = '\0';

    /* 510 without ":me!~me@" with a host of 63 bytes, and a space */

    begin("");
    (void) sprintf(line, "PRIVMSG #a :%s", text);
    browser(line);
    assert_memory_equal(strchr(sent, '\r') - 1, "x\r\nPRIVMSG", 10);
    assert_int_equal(strchr(sent, '\r') - sent, 510 - 8 - 63 - 1);
    said(out, "PRIVMSG #a :", 510 - 8 - 63 - 1, "");
    assert_string_equal(out, text);

    /* the name as it is shown */

    server(":me!user@host JOIN #a");
    assert_int_equal(say_room(&u), 510 - 14);
    server(":s 396 me a.longer.host :is now your displayed host");
    assert_int_equal(say_room(&u), 510 - 14 - 9);
    server(":s 396 me u@h :is now your displayed host");
    assert_int_equal(say_room(&u), 510 - 8);
    browser(line);
    said(out, "PRIVMSG #a :", 510 - 8, "");
    assert_string_equal(out, text);

    (void) sprintf(line, "/input notice a,b :\001ACTION %s\001", text);
    browser(line);
    said(out, "notice a,b :\001ACTION ", 510 - 8, "\001");
    assert_string_equal(out, text);

    /* what fits goes as it is; what is no talk is cut */

    (void) sprintf(line, "/input PRIVMSG  #a :%.480s", text);
    browser(line);
    assert_string_equal(strcat(line, "\r\n") + 7, sent);
    (void) sprintf(line, "TOPIC #a :%s", text);
    browser(line);
    assert_int_equal(strlen(sent), 512);
    (void) sprintf(line, "PRIVMSG x :\001PING %s\001", text);
    browser(line);
    assert_int_equal(strlen(sent), 512);

    /* under flood control, in order with what is behind it */

    begin_with("me", "", 1000);
    user_connected(&u, 0);
    server(":s 001 me :Welcome");
    server(":s 376 me :End");
    (void) sprintf(line, "PRIVMSG a :%.1000s\nPRIVMSG a :end", text);
    browser(line);
    assert_int_equal(u.session.state->told, 2 * (438 - 11));
    assert_int_equal(u.wait, 1000);
    clear();
    u.now += 1000;
    run();
    assert_int_equal(strlen(sent), 11 + 1000 - 2 * (438 - 11) + 2);
    assert_int_equal(u.session.state->told, 0);
    u.now += 1000;
    clear();
    run();
    assert_string_equal(sent, "PRIVMSG a :end\r\n");
}


/* On IRCv3's way, with tags: they are those of the first piece. */
static void
test_say_tags(void **state)
{
    int i;
    char text[3001], line[8200], out[4000], *second;

    (void) state;

    memset(text, 'x', 3000);
    text[3000] = '\0';
    mode = SESSION_TEXT;
    begin("");
    browser("NICK me\nUSER me 0 * :me");
    server(":me!user@old JOIN #a");
    server(":other!u@h CHGHOST a a.very.long.host");
    server(":me!user@old CHGHOST u h");
    assert_int_equal(say_room(&u), 510 - 8);

    (void) sprintf(line, "@label=7;+draft/reply=z PRIVMSG #a :%s", text);
    browser(line);
    assert_memory_equal(sent, "@label=7;+draft/reply=z PRIVMSG #a :x", 37);
    second = strstr(sent, "\r\n") + 2;
    assert_int_equal(second - sent, 24 + 510 - 8 + 2);
    memmove(sent, sent + 24, strlen(sent + 24) + 1);
    said(out, "PRIVMSG #a :", 510 - 8, "");
    assert_string_equal(out, text);

    (void) sprintf(line, "@label=7 NOTICE #a :\001ACTION %s\001", text);
    browser(line);
    memmove(sent, sent + 9, strlen(sent + 9) + 1);
    said(out, "NOTICE #a :\001ACTION ", 510 - 8, "\001");
    assert_string_equal(out, text);

    /* in a batch all are its own, and nothing is left out between them */

    for (i = 20; i < 3000; i += 20) {
        text[i] = ' ';
    }

    (void) sprintf(line, "@a;batch=r\\:1 PRIVMSG #a :%s", text);
    browser(line);
    assert_memory_equal(sent, "@a;batch=r\\:1 PRIVMSG #a :x", 27);
    memmove(sent, sent + 14, strlen(sent + 14) + 1);
    second = strstr(sent, "\r\n") + 2;
    (void) snprintf(out, sizeof(out), "%.*s", (int) (second - sent - 14),
                    sent + 12);
    assert_memory_equal(out, text, strlen(out));
    memmove(sent, second, strlen(second) + 1);
    (void) strcpy(line, out);
    said(out, "@batch=r\\:1;draft/multiline-concat PRIVMSG #a :", 35 + 510 - 8,
         "");
    strcat(line, out);
    assert_string_equal(line, text);

    /* the longest tags, and ones that are too long */

    (void) sprintf(line, "@%04094d PRIVMSG #a :%s", 0, text);
    browser(line);
    assert_memory_equal(sent + 4095, " PRIVMSG #a :x", 14);
    (void) sprintf(line, "@%04095d PRIVMSG #a :%s", 0, text);
    browser(line);
    assert_string_equal(sent, "");
    assert_string_equal(told, "FAIL * REFUSED :That is no IRC line.|");

    /* what is no talk is cut */

    (void) sprintf(line, "@label=1 TOPIC #a :%s", text);
    browser(line);
    assert_int_equal(strlen(sent), 9 + 512);

    mode = SESSION_EIRC;
}


/* A segment that says more has gone than there is. */
static void
test_say_damaged(void **state)
{
    static const char *const messages[]
        = {"PRIVMSG a :b", "PRIVMSG", "TOPIC a", "NOTICE a :\001ACTION x"};
    size_t i;

    (void) state;

    begin("");

    for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        u.session.state->told = 12345;
        session_commit(&u.session);
        browser(messages[i]);
        assert_string_equal(sent, "");
        assert_int_equal(u.session.state->told, 0);
    }
}


static void
test_flow(void **state)
{
    int i;

    (void) state;

    begin_with("me", "", 1000000);
    u.session.state->flood.burst = 1000;
    u.session.state->flood.tokens = 1000u * 1000000u;
    session_commit(&u.session);
    user_connected(&u, 0);
    server(":s 001 me :Welcome");
    server(":s 376 me :End");

    for (i = 0; i < FLOW_LINES; i++) {
        browser("PRIVMSG a :x");
        assert_string_equal(sent, "PRIVMSG a :x\r\n");
    }

    browser("PRIVMSG a :x");
    assert_string_equal(sent, "PING :eirc-flow\r\nPRIVMSG a :x\r\n");

    for (i = 1; i < FLOW_LINES; i++) {
        browser("PRIVMSG a :x");
        assert_string_equal(sent, "PRIVMSG a :x\r\n");
    }

    /* until the server has come that far */

    browser("PRIVMSG a :y");
    assert_string_equal(sent, "");
    assert_int_equal(u.wait, FLOW_TIME);
    server(":s PONG s :other");
    assert_string_equal(sent, "");
    server(":s PONG s :eirc-flow");
    assert_string_equal(told, "");
    assert_string_equal(sent, "PING :eirc-flow\r\nPRIVMSG a :y\r\n");

    /* a server without PONG */

    for (i = 1; i < FLOW_LINES; i++) {
        browser("PRIVMSG a :x");
    }

    browser("PRIVMSG a :z");
    assert_string_equal(sent, "");
    u.now += FLOW_TIME;
    clear();
    run();
    assert_string_equal(sent, "PING :eirc-flow\r\nPRIVMSG a :z\r\n");
    assert_int_equal(u.wait, 0);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flood),       cmocka_unit_test(test_say_piece),
        cmocka_unit_test(test_say),         cmocka_unit_test(test_say_tags),
        cmocka_unit_test(test_say_damaged), cmocka_unit_test(test_flow),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
