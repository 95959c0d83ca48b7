/*
 * comeback and regain: a connection to IRC that is lost, the waits between the
 * tries, the channels that are joined again, and the nick that is asked for
 * until it is free.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "comeback.h"
#include "rebuild.h"
#include "regain.h"
#include "user_stage.h"


/* The connection goes. */
static void
lose(void)
{
    clear();
    user_irc_lost(&u, 0);
    run();
}


static void
back(void)
{
    assert_in_range(u.retry, u.now, u.now + COMEBACK_WAIT_MAX);
    u.retry = 0;
    clear();
    user_connected(&u, 1);
    run();
}


static void
test_comeback_wait(void **state)
{
    uint32_t i, tries;
    uint64_t wait, longest;

    (void) state;

    for (tries = 0; tries < 100; tries++) {
        longest = 0;

        for (i = 0; i < 2000; i++) {
            wait = comeback_wait(tries, i * 2654435761u);
            longest = wait > longest ? wait : longest;
        }

        wait = tries < 7 ? 1000u << tries : 120000;
        assert_in_range(longest, wait - wait / 10, wait);
    }

    assert_int_equal(comeback_wait(3, 0), 0);
}


static void
test_comeback(void **state)
{
    session_channel_t channel;

    (void) state;

    begin("a,b,c");
    u.servers = 2;
    server(":me!u@h JOIN #a");
    server(":me!u@h JOIN #b");
    browser("JOIN #k key");
    server(":me!u@h JOIN #k");
    server(":s 353 me = #a :me @x");
    server(":s 366 me #a :End");
    server(":s 005 me CASEMAPPING=ascii LINELEN=900 :are");
    user_ping(&u);
    server_raw(":x PRIVMSG me :half", 19);

    lose();
    assert_false(u.session.state->ended);
    assert_int_equal(u.session.state->phase, SESSION_CONNECTING);
    assert_int_equal(u.session.state->server, 1);
    assert_int_equal(u.session.state->pinged, 0);
    assert_in_range(u.retry, u.now, u.now + COMEBACK_WAIT);
    assert_memory_equal(told,
                        ":client notice :The connection to the IRC "
                        "server was lost. Next try in ",
                        69);
    assert_int_equal(flags("#a"), 0x84);
    assert_int_equal(flags("#c"), 0x80);
    assert_int_equal(session_channel_find(&u.session, EIRC_IRC_ASCII,
                                          EIRC_SLICE("#k"), &channel),
                     EIRC_OK);
    assert_true(eirc_slice_equal(channel.key, EIRC_SLICE("key")));

    /* what is said meanwhile waits */

    browser("PRIVMSG #a :later");
    assert_string_equal(sent, "");

    back();
    assert_string_equal(sent, "NICK me\r\nUSER me 0 * :me\r\n");
    assert_int_equal(u.state.count, 0);
    assert_int_equal(u.state.isupport.linelen, 512);
    server(" PRIVMSG me :whole");
    server(":s 001 me :Welcome");
    assert_string_equal(told,
                        ":client notice :Connected to the IRC server again.|"
                        ":s 001 me :Welcome|");
    server(":s 376 me :End");
    assert_non_null(strstr(sent, "JOIN #a,#b,#c\r\nJOIN #k key\r\n"));
    assert_non_null(strstr(sent, "PRIVMSG #a :later\r\n"));

    /* where the browser was and can't be again, it is told */

    server(":me!u@h JOIN #a");
    assert_int_equal(flags("#a"), 0x83);
    server(":s 471 me #b :full");
    assert_string_equal(
        told, ":s 471 me #b :full|:me PART #b :The way back was refused.|");
    server(":s 471 me #c :full");
    assert_string_equal(told, ":s 471 me #c :full|");
    assert_int_equal(flags("#b"), 0);

    /* lost twice, and never welcomed in between: still the same loss */

    lose();
    back();
    lose();
    assert_int_equal(u.session.state->tries, 3);
    assert_int_equal(flags("#a"), 0x84);
    u.retry = 0;
    clear();
    user_unreachable(&u);
    run();
    assert_memory_equal(told,
                        ":client notice :No IRC server could be "
                        "reached. Next try in ",
                        59);
    back();
    server(":s 001 me :Welcome");
    u.now += COMEBACK_STABLE;
    lose();
    assert_int_equal(u.session.state->tries, 1);

    /* keys that others have set, or taken away */

    back();
    server(":s 001 me :Welcome");
    server(":s 005 me CHANMODES=b,k,l,imnt :are");
    server(":s 376 me :End");
    server(":me!u@h JOIN #a");
    server(":me!u@h JOIN #k");
    server(":x!u@h MODE #a +ntlk 5 other");
    server(":x!u@h MODE #a +k *");
    server(":s 324 me #k -k key");
    lose();
    back();
    server(":s 001 me :Welcome");
    server(":s 376 me :End");
    assert_non_null(strstr(sent, "JOIN #a other\r\n"));
    assert_non_null(strstr(sent, "JOIN #k\r\n"));
    lose();

    /* refused: no other try */

    back();
    server(":s 465 me :banned");
    lose();
    assert_true(u.session.state->ended);
    assert_int_equal(u.session.state->reason, EIRC_LINK_IRC_REFUSED);
}


static void
test_comeback_ends(void **state)
{
    int i;

    (void) state;

    /* it has an end */

    begin("");
    u.servers = 1;
    lose();

    for (i = 0; !u.session.state->ended && i < 1000; i++) {
        assert_in_range(u.retry, u.now, u.now + COMEBACK_WAIT_MAX);
        u.now = u.retry + 10;
        u.retry = 0;
        clear();
        user_unreachable(&u);
        run();
    }

    assert_in_range(i, 8, 100);
    assert_int_equal(u.session.state->reason, EIRC_LINK_IRC_UNREACHABLE);
    assert_string_equal(told, ":client error :No IRC server could be "
                              "reached.|Disconnected.|");

    /* who leaves, leaves */

    begin("");
    u.servers = 1;
    lose();
    browser("/quit");
    assert_true(u.session.state->ended);
    assert_int_equal(u.session.state->reason, EIRC_LINK_QUIT);

    begin("");
    u.servers = 1;
    browser("/quit");
    lose();
    assert_true(u.session.state->ended);

    /* who was nowhere yet: every server once, and no more */

    begin_with("me", "", 0);
    u.servers = 3;

    for (i = 0; i < 3; i++) {
        assert_false(u.session.state->ended);
        user_connected(&u, (uint32_t) i);
        run();
        lose();
    }

    assert_true(u.session.state->ended);
    assert_int_equal(u.session.state->reason, EIRC_LINK_IRC_LOST);

    begin_with("me", "", 0);
    u.servers = 3;
    user_unreachable(&u);
    assert_int_equal(u.session.state->reason, EIRC_LINK_IRC_UNREACHABLE);
}


/* Registered, with another nick than the one wished for. */
static void
begin_taken(void)
{
    begin_with("alice", "", 0);
    u.servers = 1;
    user_connected(&u, 0);
    run();
    server(":s 433 * alice :in use");
    server(":s 001 alice_ :Welcome");
    server(":s 376 alice_ :End");
}


static void
test_regain(void **state)
{
    (void) state;

    /* now and then, and nobody hears of it */

    begin_taken();
    assert_int_equal(u.regain.next, u.now + REGAIN_WAIT);
    clear();
    u.now = u.regain.next;
    user_regain(&u);
    run();
    assert_string_equal(sent, "NICK alice\r\n");
    server(":s 433 alice_ Alice :in use");
    assert_string_equal(told, "");
    assert_int_equal(u.regain.next, u.now + 2 * REGAIN_WAIT);

    /* what the user asked for is another matter */

    server(":s 433 alice_ alice :in use");
    assert_string_equal(told, ":s 433 alice_ alice :in use|");
    user_regain(&u);
    run();
    server(":s 433 alice_ bob :in use");
    assert_string_equal(told, ":s 433 alice_ bob :in use|");

    /* when it is seen to be free, but never much at a time */

    u.now += REGAIN_GAP;
    server(":alice!u@h QUIT :Ping timeout");
    assert_string_equal(sent, "NICK alice\r\n");
    server(":Alice!u@h NICK bob");
    assert_string_equal(sent, "");
    assert_int_equal(u.regain.next, u.now + REGAIN_GAP);
    server(":alice_!u@h NICK alice");
    assert_int_equal(u.regain.next, 0);
    assert_string_equal(u.session.state->nick, "alice");
    server(":x!u@h QUIT :");
    assert_string_equal(sent, "");

    /* the user has another wish */

    begin_taken();
    server(":x!u@h NICK alice_x");
    assert_int_not_equal(u.regain.next, 0);
    server(":alice_!u@h NICK carol");
    assert_int_equal(u.regain.next, 0);
    server(":alice!u@h QUIT :");
    assert_string_equal(sent, "");

    /* a new connection, and nothing to wish for */

    begin_taken();
    lose();
    back();
    assert_int_equal(u.regain.next, 0);
    begin("");
    u.servers = 1;
    assert_int_equal(u.regain.next, 0);
}


/* All processes end, and a later one goes on, by another clock. */
static void
test_part(void **state)
{
    const session_state_t *now;

    (void) state;

    begin("a");
    u.servers = 2;
    server(":me!u@h JOIN #a");
    u.now += 1000000;
    assert_true(user_part(&u));
    run();
    assert_string_equal(sent, USER_QUIT "\r\n");
    assert_int_equal(u.session.state->phase, SESSION_READY);
    lose();
    user_detached(&u);
    assert_int_equal(u.session.state->phase, SESSION_CONNECTING);
    assert_int_equal(u.session.state->lost, u.now);
    assert_int_equal(flags("#a"), 0x84);

    /* there is nobody to part from any more */

    assert_false(user_part(&u));

    u.now = 5;
    rebuild_clock(&u);
    assert_int_equal(u.session.state->lost, 0);
    assert_int_equal(u.session.state->welcomed, 0);
    assert_int_equal(u.session.state->detached, 5);
    assert_int_equal(u.session.state->flood.filled, 5);
    now = session_committed(&u.session);
    assert_int_equal(now->detached, 5);

    u.retry = u.now;
    back();
    server(":s 001 me :Welcome");
    server(":s 376 me :End");
    assert_non_null(strstr(sent, "JOIN #a\r\n"));

    /* who is about to leave, or has yet to come, does not part */

    begin("");
    u.servers = 1;
    browser("/quit");
    assert_false(user_part(&u));

    begin_with("me", "", 0);
    u.servers = 1;
    user_connected(&u, 0);
    run();
    assert_false(user_part(&u));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comeback_wait), cmocka_unit_test(test_comeback),
        cmocka_unit_test(test_comeback_ends), cmocka_unit_test(test_regain),
        cmocka_unit_test(test_part),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
