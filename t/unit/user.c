/*
 * user: lines of the server and of the browser against what both sides then
 * hear; registration and nicks, channels and keys, commands, lines however
 * they are cut, rooms that are full, ends. What user.h promises, with handle,
 * command, registration and line below it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "registration.h"
#include "user_stage.h"


static void
test_registration(void **state)
{
    (void) state;

    begin_with("me", "a,#b", 0);
    assert_int_equal(u.session.state->phase, SESSION_CONNECTING);
    user_connected(&u, 3);
    run();
    assert_string_equal(sent, "NICK me\r\nUSER me 0 * :me\r\n");
    assert_int_equal(u.session.state->server, 3);

    server("PING :x");
    assert_string_equal(sent, "PONG :x\r\n");
    assert_string_equal(told, "PING :x|");

    server(":s 001 Me :Welcome");
    assert_string_equal(events, "3 0 Me|");
    assert_string_equal(u.session.state->nick, "Me");
    assert_true(u.renamed);
    assert_string_equal(sent, "");

    server(":s 005 Me CASEMAPPING=ascii NICKLEN=9 PREFIX=(qov)~@+ :are");
    assert_int_equal(u.state.isupport.casemap, EIRC_IRC_ASCII);

    server(":s 376 Me :End");
    assert_string_equal(sent, "JOIN #a,#b\r\n");

    /* a second one, as of /motd, changes nothing */

    server(":s 422 Me :No MOTD");
    assert_string_equal(told, ":s 422 Me :No MOTD|");
    server(":s 001 x :Welcome");
    assert_string_equal(u.session.state->nick, "Me");
    assert_string_equal(sent, "");
}


static void
test_no_motd(void **state)
{
    (void) state;

    begin_with("me", "a", 0);
    user_connected(&u, 0);
    run();
    server(":irc.s 001 me :Welcome");
    server(":irc.s 422 me :No MOTD");
    assert_string_equal(told, ":irc.s 422 me :No MOTD|:irc.s 376 me :End of "
                              "message of the day.|");
    assert_string_equal(sent, "JOIN #a\r\n");
}


static void
test_nicks(void **state)
{
    unsigned i;
    char nick[EIRC_IRC_NICK_MAX + 1], line[128], expected[128];

    (void) state;

    begin_with("alice", "", 0);
    user_connected(&u, 0);
    run();
    server(":s 433 * alice :in use");
    assert_string_equal(sent, "NICK alice_\r\n");
    server(":s 433 * alice_ :in use");
    assert_string_equal(sent, "NICK alice__\r\n");
    server(":s 436 * alice__ :collision");
    assert_string_equal(sent, "NICK alice1\r\n");
    server(":s 437 * alice1 :unavailable");
    assert_string_equal(sent, "NICK alice2\r\n");
    server(":s 001 alice2 :Welcome");
    server(":s 433 alice2 bob :in use");
    assert_string_equal(sent, "");

    /* a form that the server can't bear */

    begin_with("\xc3\xa4lice|longer-than-nine", "", 0);
    user_connected(&u, 0);
    run();
    server(":s 432 * x :erroneous");
    assert_string_equal(sent, "NICK licelonge\r\n");
    server(":s 433 * licelonge :in use");
    assert_string_equal(sent, "NICK licelong_\r\n");

    begin_with("\xc3\xa4", "", 0);
    user_connected(&u, 0);
    run();
    server(":s 432 * x :erroneous");
    assert_string_equal(sent, "NICK user\r\n");

    /* a plain nick that is erroneous: the same isn't said again */

    begin_with("alice", "", 0);
    user_connected(&u, 0);
    run();
    server(":s 432 * alice :erroneous");
    assert_string_equal(sent, "NICK alice_\r\n");

    /* all of them are taken */

    begin_with("alice", "", 0);
    user_connected(&u, 0);
    run();

    for (i = 1; registration_nick(nick, "alice", i, 64) && i < 20; i++) {
        server(":s 433 * x :in use");
        (void) snprintf(expected, sizeof(expected), "NICK %s\r\n", nick);
        assert_string_equal(sent, expected);
    }

    (void) snprintf(line, sizeof(line), ":s 433 * x :in use");
    server(line);
    assert_string_equal(sent, "QUIT\r\n");
    assert_non_null(strstr(told, ":client error :No nick could be had.|"));
    user_irc_lost(&u, 0);
    assert_int_equal(u.session.state->reason, EIRC_LINK_IRC_REFUSED);

    /* cut to make room, between two characters */

    assert_true(registration_nick(nick, "\xc3\xa4\xc3\xb6\xc3\xbc", 2, 6));
    assert_string_equal(nick, "\xc3\xa4\xc3\xb6__");
    assert_true(registration_nick(nick, "abcdefghi", 3, 9));
    assert_string_equal(nick, "abcdefgh1");
}


static void
test_refused(void **state)
{
    (void) state;

    begin_with("me", "", 0);
    user_connected(&u, 0);
    run();
    server(":s 465 me :banned");
    assert_string_equal(events, "4 465 |");
    server("ERROR :Closing Link");
    clear();
    user_irc_lost(&u, 0);
    run();
    assert_string_equal(told, ":client error :The IRC server does not take "
                              "this user.|Disconnected.|");
    assert_int_equal(u.session.state->reason, EIRC_LINK_IRC_REFUSED);

    /* a server that is full is no refusal of this user */

    begin_with("me", "", 0);
    user_connected(&u, 0);
    run();
    server("ERROR :Closing Link: server is full");
    user_irc_lost(&u, 5);
    assert_int_equal(u.session.state->reason, EIRC_LINK_IRC_LOST);
    assert_string_equal(events, "5 5 |");

    /* and who is in may talk of bans */

    begin("");
    server("ERROR :Closing Link: K-Lined");
    user_irc_lost(&u, 0);
    assert_int_equal(u.session.state->reason, EIRC_LINK_IRC_LOST);

    begin_with("me", "", 0);
    user_unreachable(&u);
    run();
    assert_int_equal(u.session.state->reason, EIRC_LINK_IRC_UNREACHABLE);
    assert_true(u.session.state->ended);
}


static void
test_channels(void **state)
{
    size_t i;
    session_channel_t channel;
    static const char *const refusals[] = {
        ":s 437 me #no :unavailable",   ":s 448 me #no :forbidden",
        ":s 470 me #no #yes :go there", ":s 480 me #no :too many join",
        ":s 489 me #no :only with TLS", ":s 500 me #no :too many join",
        ":s 519 me #no :for admins",    ":s 926 me #no :forbidden",
    };

    (void) state;

    begin("a,b");
    assert_string_equal(sent, "JOIN #a,#b\r\n");
    assert_int_equal(flags("#a"), 0x81);

    server(":me!u@h JOIN :#A");
    assert_int_equal(flags("#a"), 0x83);
    server(":s 473 me #b :invite only");
    assert_int_equal(flags("#b"), 0);
    server(":s 473 me #a :no");
    assert_int_equal(flags("#a"), 0x83);

    /* servers have many words for it */

    for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        browser("JOIN #no");
        assert_int_equal(flags("#no"), 0x81);
        server(refusals[i]);
        assert_int_equal(flags("#no"), 0);
    }

    /* keys of the user's own joins are kept, in their places */

    browser("JOIN #k,#n,x,#l key1,,y,key2");
    assert_string_equal(sent, "JOIN #k,#n,x,#l key1,,y,key2\r\n");
    server(":me!u@h JOIN #k * :real name");
    server(":me!u@h JOIN #l");
    assert_int_equal(session_channel_find(&u.session, EIRC_IRC_ASCII,
                                          EIRC_SLICE("#l"), &channel),
                     EIRC_OK);
    assert_true(eirc_slice_equal(channel.key, EIRC_SLICE("key2")));
    assert_int_equal(flags("x"), 0);
    server(":s 403 me #n :no such channel");
    assert_int_equal(flags("#n"), 0);

    server(":me!u@h PART #k");
    server(":x!u@h KICK #l me :out");
    assert_int_equal(flags("#k"), 0);
    assert_int_equal(flags("#l"), 0);

    browser("/channels");
    assert_string_equal(told, ":client channels :#A|");

    /* other people's ways don't change where we are */

    server(":x!u@h PART #a");
    server(":x!u@h KICK #a y");
    server(":x!u@h JOIN #z");
    server(":x!u@h JOIN");
    server("JOIN #z");
    server(":me!u@h QUIT");
    browser("/channels");
    assert_string_equal(told, ":client channels :#A|");
}


static void
test_join_batches(void **state)
{
    int i;
    char list[8192], *line, *rest;

    (void) state;

    list[0] = '\0';

    for (i = 0; i < 50; i++) {
        (void) sprintf(list + strlen(list), "%060d,", i);
    }

    begin(list);
    rest = sent;
    i = 0;

    while ((line = strtok_r(rest, "\r\n", &rest)) != NULL) {
        assert_in_range(strlen(line), 60, 510);
        assert_memory_equal(line, "JOIN #", 6);

        for (; line != NULL; line = strchr(line + 1, '#')) {
            i++;
        }

        i--;
    }

    assert_int_equal(i, 50);
}


static void
test_forbidden(void **state)
{
    unsigned i;
    char line[128];
    static const char *const verbs[]
        = {"CAP LS",         "pass x",   "USER a b c d", "SERVER x",
           "SERVICE x",      "WEBIRC x", "Starttls",     "AUTHENTICATE PLAIN",
           "PROTOCTL NAMESX"};

    (void) state;

    begin("");

    for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        browser(verbs[i]);
        assert_string_equal(sent, "");
        assert_memory_equal(told, ":client error :", 15);

        (void) snprintf(line, sizeof(line), "/input @a=b :me %s", verbs[i]);
        browser(line);
        assert_string_equal(sent, "");
    }

    browser("CAPS");
    assert_string_equal(sent, "CAPS\r\n");
}


static void
test_input(void **state)
{
    (void) state;

    begin("");
    browser("PRIVMSG #a :x\r\n\n\r/input  PRIVMSG #a :y\n/input\n/input ");
    assert_string_equal(sent, "PRIVMSG #a :x\r\nPRIVMSG #a :y\r\n");
    browser("");
    browser("\n");
    assert_string_equal(sent, "");
    browser("@a=b;c PRIVMSG x :tags");
    assert_string_equal(sent, "PRIVMSG x :tags\r\n");
    browser("@a=b");
    assert_string_equal(sent, "");

    browser("/users a b\n/channels x\n/quit x\n/");
    assert_string_equal(told,
                        ":client error :channel #a b not found or no users.|"
                        ":client error :Unrecognized command: \"/channels x\"|"
                        ":client error :Unrecognized command: \"/quit x\"|"
                        ":client error :Unrecognized command: \"/\"|");

    u.raw = false;
    browser("hello");
    assert_string_equal(told,
                        ":client error :Unrecognized command: \"hello\"|");
}


/* A list of names that takes several lines, each as long as one may be. */
static void
test_many_users(void **state)
{
    int i, n, first;
    char line[512], *p;

    (void) state;

    begin("");
    server(":me!u@h JOIN #a");
    first = 1;

    for (i = 0; i < 1500; i += 10) {
        (void) sprintf(line, ":s 353 me = #a :@m%04d", i);

        for (n = i + 1; n < i + 10; n++) {
            (void) sprintf(line + strlen(line), " member%04d", n);
        }

        server(line);
    }

    server(":s 366 me #a :End");
    browser("/users a");

    i = 0;
    n = 0;

    for (p = strtok(told, "|"); p != NULL; p = strtok(NULL, "|")) {
        assert_memory_equal(p, ":client users #a :", 18);
        assert_in_range(strlen(p), 30, EIRC_LINK_LINE_MAX);
        n++;

        for (p += 18; p != NULL; p = strchr(p, ',')) {
            p += first ? 0 : (*p == ',' ? 2 : 0);
            (void) sprintf(line, "%s%04d", i % 10 ? "member" : "@m", i);
            assert_memory_equal(p, line, strlen(line));
            i++;
            first = 0;
        }
    }

    assert_int_equal(i, 1500);
    assert_in_range(n, 2, 3);
    assert_int_equal(u.session.state->told, 0);
}


static void
test_quit(void **state)
{
    (void) state;

    begin("a,b");
    server(":me!u@h JOIN #a");
    server(":me!u@h JOIN #b");
    browser("/quit\nPRIVMSG a :too late\n/channels");
    assert_string_equal(sent, "PART #a :Bye bye\r\nPART #b :Bye bye\r\n"
                              "QUIT :eIRC ( https://github.com/"
                              "jesse-greathouse/eIRC )\r\n");
    assert_string_equal(told, "");
    assert_int_equal(u.session.state->reason, EIRC_LINK_QUIT);
    assert_false(u.session.state->ended);
    server("ERROR :bye");
    clear();
    user_irc_lost(&u, 0);
    run();
    assert_string_equal(told, "Disconnected.|");
    assert_string_equal(events, "");
    assert_true(u.session.state->ended);

    begin("a");
    browser("/input QUIT :gone");
    assert_string_equal(sent, "QUIT :gone\r\n");

    /* before there is a server */

    begin_with("me", "", 0);
    browser("/quit");
    assert_true(u.session.state->ended);
    assert_string_equal(sent, "");
    assert_string_equal(told, "Disconnected.|");
    user_connected(&u, 0);
    run();
    assert_string_equal(sent, "");

    /* nobody listens any more */

    begin("");
    user_left(&u);
    run();
    assert_string_equal(told, ":s 376 me :End|");
    assert_memory_equal(sent, "QUIT :eIRC", 10);
    assert_int_equal(u.session.state->reason, EIRC_LINK_CLOSED);
    server(":x!u@h PRIVMSG me :hello?");
    assert_string_equal(told, "");
}


static void
test_pong(void **state)
{
    (void) state;

    begin("");
    clear();
    user_ping(&u);
    run();
    assert_string_equal(sent, "PING :eirc\r\n");
    server(":s PONG s :else");
    assert_string_equal(told, ":s PONG s :else|");
    server(":s PONG s :eirc");
    assert_string_equal(told, "");
    server(":s PONG s :eirc");
    assert_string_equal(told, ":s PONG s :eirc|");
}


/* The same bytes, however they are cut, make the same lines. */
static void
test_cut(void **state)
{
    size_t i, len;
    char whole[4096];
    static const char bytes[]
        = "@a=b :x!u@h PRIVMSG me :tags\r\n\r\n\n:x!u@h PRIVMSG me :bare\n"
          ":x!u@h PRIVMSG me :\xe4\r\r\nPING :p\r\n:\r\n:client x y\r\n";

    (void) state;

    len = sizeof(bytes) - 1;
    begin("");
    server_raw(bytes, len);
    strcpy(whole, told);
    assert_string_equal(whole, ":x!u@h PRIVMSG me :tags|"
                               ":x!u@h PRIVMSG me :bare|"
                               ":x!u@h PRIVMSG me :\xc3\xa4|PING :p|");

    for (i = 1; i < len; i++) {
        begin("");
        server_raw(bytes, i);
        strcpy(whole, told);
        server_raw(bytes + i, len - i);
        strcat(whole, told);
        assert_string_equal(whole, ":x!u@h PRIVMSG me :tags|"
                                   ":x!u@h PRIVMSG me :bare|"
                                   ":x!u@h PRIVMSG me :\xc3\xa4|PING :p|");
    }
}


static void
test_long_lines(void **state)
{
    size_t len;
    char *line;

    (void) state;

    line = malloc(70000);
    assert_non_null(line);

    for (len = 8600; len < 70000; len += len < 8800 ? 1 : 9973) {
        begin("");
        (void) sprintf(line, ":x PRIVMSG me :");
        memset(line + 15, 'x', len - 15);
        memcpy(line + len, "\r\nPING :after\r\n", 15);
        server_raw(line, len + 15);

        assert_non_null(
            strstr(told, len > 8800 ? "PING :after|" : "|PING :after|"));
    }

    /* cut where it must be, and made longer before */

    begin("");
    (void) sprintf(line, ":x PRIVMSG me :");
    memset(line + 15, 0x80, 8000);
    strcpy(line + 8015, "\r\n");
    server_raw(line, strlen(line));
    assert_in_range(strlen(told), EIRC_LINK_LINE_MAX - 1,
                    EIRC_LINK_LINE_MAX + 1);

    free(line);
}


/* A ring that is full stops everything, and nothing is lost. */
static void
test_full(void **state)
{
    int i, lines;
    uint8_t *p;
    size_t room;

    (void) state;

    begin("");
    clear();

    for (i = 0; !u.full; i++) {
        room = session_in_room(&u.session, &p);
        assert_true(room > 100);
        session_in_add(&u.session,
                       (size_t) sprintf(
                           (char *) p, ":x PRIVMSG me :%04d%0200d\r\n", i, 0));
        session_commit(&u.session);

        while (user_step_irc(&u) == EIRC_OK) {
            /* void */
        }
    }

    assert_in_range(i, 45, 75);
    collect();
    run();
    assert_false(u.full);

    lines = 0;
    p = (uint8_t *) told;

    while ((p = (uint8_t *) strchr((char *) p, '|')) != NULL) {
        lines++;
        p++;
    }

    assert_int_equal(lines, i);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registration),
        cmocka_unit_test(test_no_motd),
        cmocka_unit_test(test_nicks),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_join_batches),
        cmocka_unit_test(test_forbidden),
        cmocka_unit_test(test_input),
        cmocka_unit_test(test_many_users),
        cmocka_unit_test(test_quit),
        cmocka_unit_test(test_pong),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
