/*
 * chat: what is said goes to the window that it belongs to, whatever the
 * server sends; what is typed becomes the right messages, cut to fit, and
 * waits until it may go.
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

#include "eirc_utf8.h"
#include "show.h"
#include "typed.h"

static chat_t c;


static void
show(const char *line)
{
    show_line(&c, eirc_slice_str(line));
}


static void
type(const char *line)
{
    typed_line(&c, eirc_slice_str(line));
}


/* The last line of window n. */
static const char *
last(unsigned n)
{
    window_t *w;

    w = c.windows.list[n];

    return w->count == 0 ? "" : window_line(w, w->count - 1)->text;
}


/* The next message; "" if there is none. */
static const char *
sent(void)
{
    eirc_slice_t message;
    static char out[CHAT_OUT_SIZE];

    message = chat_next(&c, true);

    if (message.len == 0) {
        return "";
    }

    memcpy(out, message.p, message.len);
    out[message.len] = '\0';
    chat_sent(&c, message);

    return out;
}


static int
setup(void **state)
{
    (void) state;

    assert_int_equal(chat_init(&c, "irc", "wish", 1), EIRC_OK);
    show(":s 001 me :Welcome");
    show(":s 005 me CHANTYPES=# PREFIX=(ov)@+ :are supported");

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
test_talk(void **state)
{
    (void) state;

    assert_string_equal(c.nick, "me");
    show(":me!u@h JOIN #one");
    assert_int_equal(c.windows.active, 1);
    show(":bob!u@h PRIVMSG #ONE :hi");
    assert_string_equal(last(1), "\x02<bob>\x0f hi");
    show(":bob!u@h PRIVMSG @#one :ops");
    assert_string_equal(last(1), "\x02<bob>\x0f ops");
    windows_show(&c.windows, 0);
    show(":bob!u@h PRIVMSG #one :some time");
    assert_false(c.windows.list[1]->called);
    show(":bob!u@h PRIVMSG #one :so, Me?");
    assert_true(c.windows.list[1]->called);
    assert_int_equal(c.windows.list[1]->unread, 2);

    show(":bob!u@h PRIVMSG me :\x01"
         "ACTION waves\x1b[m\x01");
    assert_string_equal(last(2), "* \x02"
                                 "bob\x0f waves[m");
    assert_true(c.windows.list[2]->called);
    show(":bob!u@h NICK robert");
    assert_string_equal(c.windows.list[2]->name, "robert");
    show(":robert!u@h QUIT :gone");
    assert_string_equal(last(2), "-- robert quit (gone\x0f)");

    show(":bob!u@h PRIVMSG me :\x01VERSION\x01");
    assert_string_equal(last(0), "-- CTCP from bob: VERSION");
    show(":irc.server NOTICE me :hello");
    assert_string_equal(last(0), "-irc.server- hello");
    show(":bob!u@h PRIVMSG #elsewhere :hi");
    assert_string_equal(last(0), "<bob:#elsewhere> hi");
    assert_int_equal(c.windows.count, 3);
}


static void
test_channel(void **state)
{
    (void) state;

    show(":me!u@h JOIN #one");
    show(":s 332 me #one :the \x03"
         "4topic");
    assert_string_equal(c.windows.list[1]->topic, "the topic");
    show(":bob!u@h TOPIC #one :other");
    assert_string_equal(c.windows.list[1]->topic, "other");
    show(":bob!u@h MODE #one +ov bob me");
    assert_string_equal(last(1), "-- bob set mode +ov bob me");
    show(":bob!u@h KICK #one me :out");
    assert_string_equal(last(1), "-- me was kicked by bob (out\x0f)");
    assert_null(members_find(&c.windows.list[1]->members, EIRC_SLICE("me")));
    show(":s 404 me #one :Cannot send");
    assert_string_equal(last(1), "-- #one Cannot send");
    show(":client error :No such thing.");
    assert_string_equal(last(1), "-- No such thing.");
    assert_string_equal(c.error, "No such thing.");

    /* a window isn't taken from somebody who is talking */

    show(":me!u@h JOIN #two");
    assert_int_equal(c.windows.active, 1);
    type("/join three");
    show(":me!u@h JOIN #three");
    assert_int_equal(c.windows.active, 3);
}


static void
test_malformed(void **state)
{
    size_t i, j;
    char line[64];
    static const char *const lines[] = {"JOIN",
                                        ":a!b@c JOIN",
                                        "PRIVMSG #one",
                                        ":a!b@c PRIVMSG @ :x",
                                        ":a!b@c PRIVMSG me :\x01",
                                        ":a!b@c PRIVMSG me :\1ACTION",
                                        "KICK #one",
                                        "NICK",
                                        "MODE",
                                        "353 me = #one",
                                        "001",
                                        "9",
                                        ":s 353 me = #one :@ @+ !x @@a",
                                        ":me!u@h NICK :",
                                        ":me!u@h JOIN :",
                                        ":client",
                                        ":client x",
                                        "005 me"};

    (void) state;
    show(":me!u@h JOIN #one");

    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {

        for (j = 0; j <= strlen(lines[i]); j++) {
            memcpy(line, lines[i], j);
            line[j] = '\0';
            show(line);
        }
    }

    assert_string_equal(c.nick, "me");
}


static void
test_say(void **state)
{
    char text[3000];
    const char *s;
    size_t n;

    (void) state;

    type("hello");
    assert_string_equal(sent(), "");
    type("/query bob hi there");
    assert_string_equal(sent(), "/input PRIVMSG bob :hi there");
    assert_string_equal(last(1), "<me> hi there");
    type("//slash");
    assert_string_equal(sent(), "/input PRIVMSG bob :/slash");
    type("/me waves");
    assert_string_equal(sent(), "/input PRIVMSG bob :\x01"
                                "ACTION waves\x01");
    type("/msg #one a b");
    assert_string_equal(sent(), "/input PRIVMSG #one :a b");
    assert_string_equal(last(1), "-> #one: a b");
    type("/MSG #one");
    assert_string_equal(sent(), "");

    /* long ones, cut between characters */

    memset(text, 'x', sizeof(text));

    for (n = 0; n + 1 < sizeof(text); n += 2) {
        memcpy(text + n, "\xc3\xa4", 2);
    }

    text[2001] = '\0';
    text[0] = 'x';
    text[1] = 'y';
    text[2000] = 'z';
    type(text);

    for (n = 0; *(s = sent()) != '\0'; n += strlen(s)) {
        assert_true(eirc_utf8_valid((const uint8_t *) s, strlen(s)));
        s += strlen("/input PRIVMSG bob :");
        assert_true(strlen(s) < 450);
    }

    assert_int_equal(n, 2001);
}


static void
test_commands(void **state)
{
    unsigned i;
    static const struct {
        const char *typed;
        const char *sent;
    } cases[] = {
        {"/join two key", "/input JOIN #two :key"},
        {"/part", "/input PART #one"},
        {"/part #two bye all", "/input PART #two :bye all"},
        {"/part so long", "/input PART #one :so long"},
        {"/nick you", "/input NICK you"},
        {"/topic", "/input TOPIC #one"},
        {"/topic new words", "/input TOPIC #one :new words"},
        {"/kick bob", "/input KICK #one bob"},
        {"/kick #two bob go away", "/input KICK #two bob :go away"},
        {"/mode +o bob", "/input MODE #one +o bob"},
        {"/mode me +i", "/input MODE me +i"},
        {"/whois", "/input WHOIS me"},
        {"/whois bob", "/input WHOIS bob"},
        {"/names", "/input NAMES #one"},
        {"/quote  LIST", "/input LIST"},
        {"/NaMeS #two", "/input NAMES #two"},
        {"/nope", ""},
        {"/kick", ""},
        {"/window 9", ""},
        {"", ""},
        {"/", ""},
        {"/ ", ""},
    };

    (void) state;
    show(":me!u@h JOIN #one");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        type(cases[i].typed);
        assert_string_equal(sent(), cases[i].sent);
    }

    type("/window 1");
    assert_int_equal(c.windows.active, 0);
    type("/window #ONE");
    assert_int_equal(c.windows.active, 1);
    type("/close");
    assert_string_equal(sent(), "/input PART #one");
    assert_int_equal(c.windows.count, 1);
    type("/close");
    assert_int_equal(c.windows.count, 1);
    type("/part");
    assert_string_equal(sent(), "");
}


static void
test_waiting(void **state)
{
    unsigned i;
    eirc_slice_t message;

    (void) state;

    type("/nick a");
    type("/nick b");
    assert_int_equal(chat_next(&c, false).len, 0);
    type("/quit");
    message = chat_next(&c, false);
    assert_true(eirc_slice_equal(message, EIRC_SLICE("/quit")));
    type("/nick c");
    assert_string_equal(sent(), "/input NICK a");
    chat_sent(&c, chat_next(&c, false));
    assert_int_equal(c.out_len, 0);

    c.leaving = false;

    for (i = 0; i < 100; i++) {
        assert_true(c.out_len <= sizeof(c.out));

        if (chat_send(&c, "%01000d", 1) != EIRC_OK) {
            break;
        }
    }

    assert_true(i > 60 && i < 70);
    type("/nick b");
    type("/query bob x");

    for (i = 0; *sent() != '\0'; i++) {
        /* void */
    }

    assert_true(i > 60);
    type("/quit so long");
    assert_string_equal(sent(), "/input QUIT :so long");
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_talk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_channel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_say, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commands, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting, setup, teardown),
    };

    (void) setlocale(LC_CTYPE, "C.UTF-8");

    return cmocka_run_group_tests(tests, NULL, NULL);
}
