/*
 * user: lines of the server and of the browser against what both sides then
 * hear; registration and nicks, channels and keys, commands, flood control,
 * rooms that are full, ends. What user.h promises, with handle, command,
 * registration and line below it.
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
#include "handle.h"
#include "flow.h"
#include "line.h"
#include "regain.h"
#include "registration.h"
#include "say.h"
#include "user.h"

#define REPLAY 4096


static user_t u;
static session_mode_e mode; /* of the next one that begins */
static void *segment;
static char told[65536], sent[65536], events[4096];


static void
note_event(user_t *user, event_type_e type, int32_t status, eirc_slice_t text)
{
    (void) user;
    (void) sprintf(events + strlen(events), "%d %d %.*s|", (int) type,
                   (int) status, (int) text.len, (const char *) text.p);
}


/* Takes all that lies there for the browser and for IRC. */
static void
collect(void)
{
    int i, n;
    uint64_t pos;
    eirc_slice_t out;
    struct iovec iov[2];

    pos = u.session.state->ring_sent;

    while ((n = session_ring_next(&u.session, &pos, iov)) > 0) {

        for (i = 0; i < n; i++) {
            strncat(told, iov[i].iov_base, iov[i].iov_len);
        }

        strcat(told, "|");
    }

    session_ring_drop(&u.session);
    session_commit(&u.session);

    out = session_out_pending(&u.session);
    strncat(sent, (const char *) out.p, out.len);
    session_out_sent(&u.session, out.len);
    session_commit(&u.session);
    session_out_settle(&u.session);
}


static void
run(void)
{
    bool moved;

    do {
        moved = false;

        while (user_step_irc(&u) == EIRC_OK) {
            moved = true;
            collect();
        }

        while (user_step_message(&u) == EIRC_OK) {
            moved = true;
            collect();
        }

        while (user_step_join(&u) == EIRC_OK) {
            moved = true;
            collect();
        }
    } while (moved);

    collect();
}


static void
clear(void)
{
    told[0] = '\0';
    sent[0] = '\0';
    events[0] = '\0';
}


/* The server says these bytes. */
static void
server_raw(const char *bytes, size_t len)
{
    size_t n, room;
    uint8_t *p;

    clear();

    while (len > 0) {
        room = session_in_room(&u.session, &p);
        assert_int_not_equal(room, 0);
        n = len < room ? len : room;
        memcpy(p, bytes, n);
        session_in_add(&u.session, n);
        session_commit(&u.session);
        bytes += n;
        len -= n;
        run();
    }
}


static void
server(const char *line)
{
    char bytes[16384];

    (void) snprintf(bytes, sizeof(bytes), "%s\r\n", line);
    server_raw(bytes, strlen(bytes));
}


/* The browser sends this message. */
static void
browser(const char *message)
{
    clear();
    assert_int_equal(session_message_pending(&u.session).len, 0);
    memcpy(u.session.message, message, strlen(message));
    session_message_add(&u.session, strlen(message));
    session_commit(&u.session);
    run();
}


static void
begin_with(const char *nick, const char *channels, uint32_t rate)
{
    size_t size;
    const char *why;
    static request_t r;

    free(segment);
    size = session_segment_size(REPLAY);
    segment = aligned_alloc(SESSION_PAGE, (size + SESSION_PAGE - 1)
                                              / SESSION_PAGE * SESSION_PAGE);
    assert_non_null(segment);
    memset(segment, 0, size);

    request_init(&r);
    r.identity.mode = mode;
    r.identity.flood_rate = rate;
    r.identity.flood_burst = 2;
    assert_int_equal(request_set(&r, "nick", eirc_slice_str(nick), &why),
                     EIRC_OK);
    assert_int_equal(request_channels(&r, eirc_slice_str(channels), &why),
                     EIRC_OK);
    assert_int_equal(request_finish(&r, &why), EIRC_OK);

    user_done(&u);
    memset(&u, 0, sizeof(u));
    u.event = note_event;
    u.raw = true;
    u.now = 1000;

    assert_int_equal(user_init(&u, segment, size, REPLAY, &r, 5, 1000),
                     EIRC_OK);
    clear();
}


static void
begin(const char *channels)
{
    begin_with("me", channels, 0);
    user_connected(&u, 0);
    run();
    server(":s 001 me :Welcome");
    server(":s 376 me :End");
}


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
    assert_int_equal(u.reason, EIRC_LINK_IRC_REFUSED);

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
    assert_int_equal(u.reason, EIRC_LINK_IRC_REFUSED);

    /* a server that is full is no refusal of this user */

    begin_with("me", "", 0);
    user_connected(&u, 0);
    run();
    server("ERROR :Closing Link: server is full");
    user_irc_lost(&u, 5);
    assert_int_equal(u.reason, EIRC_LINK_IRC_LOST);
    assert_string_equal(events, "5 5 |");

    /* and who is in may talk of bans */

    begin("");
    server("ERROR :Closing Link: K-Lined");
    user_irc_lost(&u, 0);
    assert_int_equal(u.reason, EIRC_LINK_IRC_LOST);

    begin_with("me", "", 0);
    user_unreachable(&u);
    run();
    assert_int_equal(u.reason, EIRC_LINK_IRC_UNREACHABLE);
    assert_true(u.ended);
}


static uint8_t flags(const char *name);


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
    assert_false(u.ended);
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
    assert_true(u.ended);
    assert_int_equal(u.reason, EIRC_LINK_IRC_REFUSED);
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

    for (i = 0; !u.ended && i < 1000; i++) {
        assert_in_range(u.retry, u.now, u.now + COMEBACK_WAIT_MAX);
        u.now = u.retry + 10;
        u.retry = 0;
        clear();
        user_unreachable(&u);
        run();
    }

    assert_in_range(i, 8, 100);
    assert_int_equal(u.reason, EIRC_LINK_IRC_UNREACHABLE);
    assert_string_equal(told, ":client error :No IRC server could be "
                              "reached.|Disconnected.|");

    /* who leaves, leaves */

    begin("");
    u.servers = 1;
    lose();
    browser("/quit");
    assert_true(u.ended);
    assert_int_equal(u.reason, EIRC_LINK_QUIT);

    begin("");
    u.servers = 1;
    browser("/quit");
    lose();
    assert_true(u.ended);

    /* who was nowhere yet: every server once, and no more */

    begin_with("me", "", 0);
    u.servers = 3;

    for (i = 0; i < 3; i++) {
        assert_false(u.ended);
        user_connected(&u, (uint32_t) i);
        run();
        lose();
    }

    assert_true(u.ended);
    assert_int_equal(u.reason, EIRC_LINK_IRC_LOST);

    begin_with("me", "", 0);
    u.servers = 3;
    user_unreachable(&u);
    assert_int_equal(u.reason, EIRC_LINK_IRC_UNREACHABLE);
}


static uint8_t
flags(const char *name)
{
    session_channel_t channel;

    return session_channel_find(&u.session, u.state.isupport.casemap,
                                eirc_slice_str(name), &channel)
                   == EIRC_OK
               ? (uint8_t) (channel.flags | 0x80)
               : 0;
}


static void
test_channels(void **state)
{
    session_channel_t channel;

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
    assert_int_equal(u.reason, EIRC_LINK_QUIT);
    assert_false(u.ended);
    server("ERROR :bye");
    clear();
    user_irc_lost(&u, 0);
    run();
    assert_string_equal(told, "Disconnected.|");
    assert_string_equal(events, "");
    assert_true(u.ended);

    begin("a");
    browser("/input QUIT :gone");
    assert_string_equal(sent, "QUIT :gone\r\n");

    /* before there is a server */

    begin_with("me", "", 0);
    browser("/quit");
    assert_true(u.ended);
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
    assert_int_equal(u.reason, EIRC_LINK_CLOSED);
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

    assert_in_range(i, 30, 60);
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
    (void) snprintf(line, sizeof(line), "@+a=b PRIVMSG x :%0680d", 0);
    (void) snprintf(expected, sizeof(expected), "%s\r\n", line);
    browser(line);
    assert_string_equal(sent, expected);
    (void) snprintf(line, sizeof(line), "@+a=b PRIVMSG x :%0900d", 0);
    browser(line);
    assert_int_equal(strlen(sent), 6 + 698 + 2);

    mode = SESSION_EIRC;
}


static int
end(void **state)
{
    (void) state;
    user_done(&u);
    free(segment);

    return 0;
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registration),
        cmocka_unit_test(test_no_motd),
        cmocka_unit_test(test_nicks),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_comeback_wait),
        cmocka_unit_test(test_comeback),
        cmocka_unit_test(test_comeback_ends),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_join_batches),
        cmocka_unit_test(test_forbidden),
        cmocka_unit_test(test_input),
        cmocka_unit_test(test_many_users),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_regain),
        cmocka_unit_test(test_say_piece),
        cmocka_unit_test(test_say),
        cmocka_unit_test(test_flow),
        cmocka_unit_test(test_quit),
        cmocka_unit_test(test_pong),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_ircv3),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
