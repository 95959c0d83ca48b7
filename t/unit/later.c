/*
 * later: questions that wait for what a user says, in which order all of it
 * goes, and that none is lost or said twice, whatever happens in between.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "later.h"
#include "user_stage.h"


/* A user who may say two lines at once, then one in a second. */
static void
begin_slow(void)
{
    begin_with("me", "", 1000);
    user_connected(&u, 0);
    run();

    if (mode != SESSION_EIRC) {
        browser("NICK me");
        browser("USER me 0 * :me");
        u.now += 10000;
    }

    server(":s 001 me :Welcome");
    server(":s 376 me :End");
}


/* As much time as the next line takes, at a server that keeps up. */
static void
wait_one(void)
{
    uint8_t *p;
    static const char pong[] = ":s PONG s :eirc-flow\r\n";

    if (u.session.state->flow_asked != 0) {
        assert_in_range(session_in_room(&u.session, &p), sizeof(pong), 65536);
        memcpy(p, pong, sizeof(pong) - 1);
        session_in_add(&u.session, sizeof(pong) - 1);
        session_commit(&u.session);

    } else {
        u.now += u.wait;
    }

    run();
}


/* All that waits goes. */
static void
wait_all(void)
{
    int n;

    for (n = 0; u.wait > 0; n++) {
        assert_in_range(n, 0, 3000);
        wait_one();
    }
}


static void
test_order(void **state)
{
    (void) state;

    begin_slow();
    browser("WHOIS a\nWHOIS b\nWHOIS c\nwhois d\nPRIVMSG x :1\nWHO #c\n"
            "JOIN #c\nISON e\nMODE #c +t\nPRIVMSG #c :2\nUSERHOST f\nNICK n\n"
            "PART #c\nNOTICE x :3\n/channels");

    /* what waits is out of the way */

    assert_string_equal(sent, "WHOIS a\r\nWHOIS b\r\n");
    assert_int_equal(u.wait, 1000);

    wait_all();
    assert_string_equal(
        sent, "WHOIS a\r\nWHOIS b\r\nPRIVMSG x :1\r\nJOIN #c\r\n"
              "MODE #c +t\r\nPRIVMSG #c :2\r\nNICK n\r\nPART #c\r\n"
              "PING :eirc-flow\r\nNOTICE x :3\r\nWHOIS c\r\nwhois d\r\n"
              "WHO #c\r\nISON e\r\nUSERHOST f\r\n");
    assert_string_equal(told, ":client channels: |");
    assert_false(later_waits(&u));

    /* messages that come while some wait */

    begin_slow();
    browser("WHOIS a\nWHOIS b\nWHOIS c\nWHOIS d");
    browser("PRIVMSG x :1");
    assert_string_equal(sent, "");
    u.now += 1000;
    run();
    assert_string_equal(sent, "PRIVMSG x :1\r\n");
    u.now += 1000;
    run();
    assert_string_equal(sent, "PRIVMSG x :1\r\nWHOIS c\r\n");

    /* a question that could go stands behind those that wait */

    u.now += 1;
    browser("LIST");
    u.now += 999;
    run();
    assert_string_equal(sent, "WHOIS d\r\n");
    wait_all();
    assert_string_equal(sent, "WHOIS d\r\nLIST\r\n");

    /* who leaves doesn't wait for answers */

    u.now += 10000;
    browser("WHOIS a\nWHOIS b\nWHOIS c\nQUIT :x");
    u.now += 10000;
    run();
    assert_string_equal(sent, "WHOIS a\r\nWHOIS b\r\nQUIT :x\r\n");
}


static void
test_same(void **state)
{
    (void) state;

    /* one of those that wait is enough */

    begin_slow();
    browser("WHOIS a\nWHOIS a\nWHOIS a\nWHOIS b\nWHOIS a\nWHOIS a a\nWHOIS b\n"
            "PRIVMSG x :1\nPRIVMSG x :1");
    wait_all();
    assert_string_equal(sent, "WHOIS a\r\nWHOIS a\r\nPRIVMSG x :1\r\n"
                              "PRIVMSG x :1\r\nWHOIS a\r\nWHOIS b\r\n"
                              "WHOIS a a\r\n");

    /* an IRC client gets an answer for each, with its tags */

    mode = SESSION_TEXT;
    begin_slow();
    u.now += 10000;
    browser("WHOIS a\n@label=1 WHOIS a\nWHOIS a\n@label=2 WHOIS a\nWHOIS a\n"
            "@label=3 PRIVMSG x :1");
    wait_all();
    assert_string_equal(sent, "WHOIS a\r\n@label=1 WHOIS a\r\n"
                              "@label=3 PRIVMSG x :1\r\nWHOIS a\r\n"
                              "@label=2 WHOIS a\r\nWHOIS a\r\n");

    /* before it is in it is refused in its turn */

    begin_with("me", "", 1000);
    user_connected(&u, 0);
    browser("NICK x\nWHO a\nWHO b\nWHO c\nUSER x 0 * x");
    clear();
    u.now += 1000;
    run();
    assert_string_equal(sent, "WHO c\r\n");
    u.now += 1000;
    clear();
    run();
    assert_string_equal(sent, "USER me 0 * :me\r\n");

    mode = SESSION_EIRC;
}


/* More than there is room for: then all wait in their order. */
static void
test_full(void **state)
{
    int i, n;
    char message[64], expected[64], *line, *rest;

    (void) state;

    begin_slow();

    for (i = 0; i < 2000; i++) {
        (void) sprintf(message, "WHOIS somebody%07d", i);
        memcpy(u.session.message, message, strlen(message));
        session_message_add(&u.session, strlen(message));
        session_commit(&u.session);
        run();

        if (session_message_pending(&u.session).len > 0) {
            break;
        }
    }

    n = i + 1;
    assert_in_range(n, 600, 900);
    assert_int_equal(SESSION_LATER_SIZE / 22, n - 3);

    /* as soon as others have gone it waits among them */

    clear();

    for (i = 0; session_message_pending(&u.session).len > 0; i++) {
        assert_in_range(i, 0, n);
        wait_one();
    }

    assert_true(later_waits(&u));
    wait_all();

    rest = sent;
    i = 2;

    while ((line = strtok_r(rest, "\r\n", &rest)) != NULL) {

        if (strcmp(line, "PING :eirc-flow") != 0) {
            (void) sprintf(expected, "WHOIS somebody%07d", i++);
            assert_string_equal(line, expected);
        }
    }

    assert_int_equal(i, n);
}


/* Another process goes on with the segment as it is now. */
static void
succeed(void *copy, size_t size)
{
    uint64_t now;

    memcpy(copy, segment, size);
    now = u.now;

    user_done(&u);
    memset(&u, 0, sizeof(u));
    u.event = note_event;
    u.raw = true;

    assert_int_equal(user_init(&u, copy, size, REPLAY, NULL, 5, now), EIRC_OK);
}


/* Killed behind any step: each line goes, and goes once. */
static void
test_killed(void **state)
{
    int i, steps;
    bool over;
    void *copy;
    size_t size;
    static const char said[]
        = "WHOIS a\nWHOIS b\nWHOIS c\nPRIVMSG x :1\nWHOIS d\nWHOIS c\n"
          "PRIVMSG x :2";

    (void) state;

    over = false;
    size = session_segment_size(REPLAY);
    copy = aligned_alloc(SESSION_PAGE, size);
    assert_non_null(copy);

    for (steps = 0; !over; steps++) {
        begin_slow();
        clear();
        memcpy(u.session.message, said, strlen(said));
        session_message_add(&u.session, strlen(said));
        session_commit(&u.session);

        for (i = 0; i < steps; i++) {

            if (user_step_message(&u) != EIRC_OK) {
                u.now += u.wait;
                over = u.wait == 0;
            }
        }

        /* one is under way, and not committed */

        (void) session_later_add(&u.session, EIRC_SLICE("WHOIS z"));

        succeed(copy, size);
        run();
        wait_all();

        assert_string_equal(sent, "WHOIS a\r\nWHOIS b\r\nPRIVMSG x :1\r\n"
                                  "PRIVMSG x :2\r\nWHOIS c\r\nWHOIS d\r\n");
    }

    assert_in_range(steps, 10, 20);
    user_done(&u);
    memset(&u, 0, sizeof(u));
    free(copy);
}


/* Bytes that are no lines are no segment. */
static void
test_trust(void **state)
{
    size_t size;
    session_t s;

    (void) state;

    size = session_segment_size(REPLAY);
    begin_slow();
    browser("WHOIS a\nWHOIS b\nWHOIS c");
    assert_int_equal(session_open(&s, segment, size, REPLAY), EIRC_OK);
    s.later[7] = 'x';
    assert_int_equal(session_open(&s, segment, size, REPLAY), EIRC_ERROR);
    s.later[7] = '\n';
    assert_int_equal(session_open(&s, segment, size, REPLAY), EIRC_OK);
    s.state->later.head = SESSION_LATER_SIZE + 1;
    session_commit(&s);
    assert_int_equal(session_open(&s, segment, size, REPLAY), EIRC_ERROR);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order), cmocka_unit_test(test_same),
        cmocka_unit_test(test_full),  cmocka_unit_test(test_killed),
        cmocka_unit_test(test_trust),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
