/*
 * login, cap and webirc: what is said before a user is registered, in which
 * order, what of the server's answers counts, and what policies do.
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
#include "user_stage.h"

#define LS "CAP LS 302\r\n"
#define NICK_USER "NICK me\r\nUSER me 0 * :me\r\n"
#define REQ "CAP REQ :sasl\r\n"
#define AUTH "AUTHENTICATE PLAIN\r\n"
#define SECRET "AUTHENTICATE bWUAbWUAc2VzYW1l\r\n"
#define END "CAP END\r\n"

/* a bit at a time of what is known of the login */
enum {
    NOTHING = 0,
    REQUIRED = 1,
    NO_SECRET = 2
};

static struct login_s login;


static void
stage(unsigned rules)
{
    begin_with("me", "", 0);

    memset(&login, 0, sizeof(login));
    login.secrets.mechanisms = EIRC_SASL_BIT(EIRC_SASL_PLAIN);
    login.secrets.required = rules & REQUIRED;
    strcpy(login.secrets.secret, rules & NO_SECRET ? "" : "sesame");
    u.login = &login;
}


static void
connect_it(void)
{
    clear();
    user_connected(&u, 0);
    run();
}


/* as far as the server's answer to CAP LS */
static void
connected(unsigned rules)
{
    stage(rules);
    connect_it();
    assert_string_equal(sent, LS NICK_USER);
}


static void
welcome(void)
{
    server(":s 001 me :Welcome");
    server(":s 376 me :End");
}


static void
test_order(void **state)
{
    session_identity_t *id;

    (void) state;

    stage(NOTHING);
    id = u.session.identity;
    strcpy(login.secrets.webirc, "w:w");
    strcpy(login.secrets.gateway, "gate");
    strcpy(login.secrets.password, "p");
    strcpy(id->address, "::2");
    id->port = 65535;
    id->local_port = 443;
    id->secure = 1;

    connect_it();
    assert_string_equal(sent,
                        "WEBIRC w:w gate 0::2 0::2 :secure remote-port=65535 "
                        "local-port=443\r\n" LS "PASS p\r\n" NICK_USER);
    assert_true(u.introduced && u.passed);

    /* the next connection begins as this one did */

    u.servers = 1;
    u.session.state->stays = 1;
    user_irc_lost(&u, 0);
    assert_int_equal(u.session.state->phase, SESSION_CONNECTING);
    id->secure = 0;
    id->port = 0;
    connect_it();
    assert_string_equal(sent,
                        "WEBIRC w:w gate 0::2 0::2 :local-port=443\r\n" LS
                        "PASS p\r\n" NICK_USER);

    /* each by itself */

    stage(NO_SECRET);
    strcpy(login.secrets.webirc, "w");
    strcpy(login.secrets.gateway, "gate");
    strcpy(u.session.identity->address, "unix:");
    connect_it();
    assert_string_equal(sent,
                        "WEBIRC w gate 127.0.0.1 127.0.0.1\r\n" NICK_USER);
    assert_true(login_is_over(&u));

    stage(NO_SECRET);
    strcpy(login.secrets.webirc, "w");
    strcpy(login.secrets.gateway, "gate");
    strcpy(u.session.identity->address, "unix:");
    u.session.identity->secure = 1;
    connect_it();
    assert_string_equal(
        sent, "WEBIRC w gate 127.0.0.1 127.0.0.1 :secure\r\n" NICK_USER);

    stage(NO_SECRET);
    strcpy(login.secrets.password, "a b");
    connect_it();
    assert_string_equal(sent, "PASS :a b\r\n" NICK_USER);

    stage(NO_SECRET);
    strcpy(login.secrets.password, ":");
    connect_it();
    assert_string_equal(sent, "PASS ::\r\n" NICK_USER);

    /* without an address nobody is introduced as somebody else */

    stage(NO_SECRET);
    strcpy(login.secrets.webirc, "w");
    strcpy(login.secrets.gateway, "gate");
    strcpy(u.session.identity->address, "nowhere");
    connect_it();
    assert_string_equal(sent, "QUIT\r\n");
    assert_int_equal(u.session.state->reason, EIRC_LINK_FAILED);
}


/* The longest of everything is still one line. */
static void
test_longest(void **state)
{
    session_identity_t *id;

    (void) state;

    stage(NOTHING);
    id = u.session.identity;
    memset(login.secrets.webirc, 'w', EIRC_IRC_PASSWORD_MAX);
    memset(login.secrets.gateway, 'g', EIRC_IRC_GATEWAY_MAX);
    memset(login.secrets.password, ':', EIRC_IRC_PASSWORD_MAX);
    strcpy(id->address, "1111:2222:3333:4444:5555:6666:7777:8888");
    id->port = 65535;
    id->local_port = 65535;
    id->secure = 1;

    connect_it();
    assert_in_range(strcspn(sent, "\r"), 400, EIRC_IRC_CONTENT_MAX);
    assert_non_null(strstr(sent, " local-port=65535\r\n" LS "PASS ::::"));
    assert_non_null(strstr(sent, "\r\n" NICK_USER));
}


static void
test_lists(void **state)
{
    unsigned i;
    static const char *const lists[] = {
        ":s CAP * LS :sasl",
        "CAP * LS sasl",
        ":s CAP me LS :multi-prefix sasl=PLAIN,EXTERNAL sts=port=6697",
        ":s cap * ls : sasl  away-notify ",
        ":s CAP * LS :sasl=FOO,PLAIN",
    };
    static const char *const without[] = {
        ":s CAP * LS :",
        ":s CAP * LS",
        ":s CAP * LS : ",
        ":s CAP * LS :SASL Sasl=PLAIN sasl2 -sasl x/sasl sas",
        ":s CAP * LS :sts=port=6697",
        ":s 410 * LS :Invalid CAP command",
    };

    (void) state;

    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        connected(NOTHING);
        server(lists[i]);
        assert_string_equal(sent, REQ);
        server(":s CAP * ACK :sasl ");
        assert_string_equal(sent, AUTH);
        server("AUTHENTICATE +");
        assert_string_equal(sent, SECRET);
        server("903 me :yes");
        assert_string_equal(sent, END);
    }

    for (i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
        connected(NOTHING);
        server(without[i]);
        assert_string_equal(sent, END);
        assert_string_equal(told, "");
    }
}


static void
test_lines(void **state)
{
    (void) state;

    /* a list of several lines, and one in which it comes early */

    connected(NOTHING);
    server(":s CAP * LS * :a b=c");
    assert_string_equal(sent, "");
    server(":s CAP * LS * :sasl=PLAIN d");
    assert_string_equal(sent, "");
    server(":s CAP * LS :e");
    assert_string_equal(sent, REQ);

    /* an answer of several lines */

    server(":s CAP me ACK * :a");
    server(":s CAP me ACK :-sasl");
    server(":s CAP me ACK :SASL");
    assert_string_equal(sent, "");
    server(":s CAP me ACK * : sasl ");
    assert_string_equal(sent, AUTH);
    server(":s CAP me ACK :b");
    assert_string_equal(sent, "");

    connected(NOTHING);
    server(":s CAP * LS * :a");
    server(":s CAP * LS :b");
    assert_string_equal(sent, END);

    /* no, however it is said */

    connected(NOTHING);
    server(":s CAP * LS :sasl");
    server(":s CAP * NAK :sa");
    assert_string_equal(sent, END);
    welcome();
    assert_string_equal(sent, "PRIVMSG NickServ :IDENTIFY sesame\r\n");

    connected(NOTHING);
    server(":s CAP * LS :sasl");
    server(":s CAP * NAK :");
    assert_string_equal(sent, END);

    /* an answer to nothing */

    connected(NOTHING);
    server(":s CAP * ACK :sasl");
    server(":s CAP * NAK :sasl");
    assert_string_equal(sent, "");
    server(":s CAP * LS :sasl");
    assert_string_equal(sent, REQ);
}


/* Capabilities come and go. */
static void
test_notify(void **state)
{
    (void) state;

    connected(NOTHING);
    server(":s CAP * LS :a");
    assert_string_equal(sent, END);
    server(":s CAP * NEW :sasl=PLAIN");
    assert_string_equal(sent, "");
    assert_string_equal(told, "");
    welcome();
    server(":s CAP me NEW :sasl=PLAIN sts=duration=1");
    server(":s CAP me DEL :sasl sts");
    assert_string_equal(sent, "");
    assert_string_equal(told, "");

    connected(NOTHING);
    server(":s CAP * LS :sasl");
    server(":s CAP * DEL :a");
    assert_string_equal(sent, "");
    server(":s CAP * DEL :sasl a");
    assert_string_equal(sent, END);

    connected(NOTHING);
    server(":s CAP * LS :sasl");
    server(":s CAP * ACK :sasl");
    server(":s CAP * DEL :sasl");
    assert_string_equal(sent, END);
    server("AUTHENTICATE +");
    assert_string_equal(sent, "");
}


/* Servers that know nothing of it, or seem to. */
static void
test_unknown(void **state)
{
    (void) state;

    connected(NOTHING);
    server(":s 421 * CAP :Unknown command");
    assert_string_equal(sent, "");
    assert_string_equal(told, "");
    welcome();
    assert_string_equal(sent, "PRIVMSG NickServ :IDENTIFY sesame\r\n");

    connected(NOTHING);
    server(":s 421 * FOO :Unknown command");
    server(":s 451 * FOO :You have not registered");
    assert_string_equal(told, ":s 451 * FOO :You have not registered|");
    server(":s CAP * LS :sasl");
    assert_string_equal(sent, REQ);

    connected(NOTHING);
    server(":s 451 * CAP :You have not registered");
    assert_string_equal(told, "");
    welcome();
    assert_string_equal(sent, "PRIVMSG NickServ :IDENTIFY sesame\r\n");

    /* the list comes all the same: the registration waits for the end */

    connected(NOTHING);
    server(":s 451 * :You have not registered");
    assert_string_equal(sent, "");
    server(":s CAP * LS * :sasl");
    assert_string_equal(sent, "");
    assert_string_equal(told, "");
    server(":s CAP * LS :a");
    assert_string_equal(sent, END);
    assert_string_equal(told, "");
    server(":s CAP * LS :a");
    assert_string_equal(sent, "");

    /* ... and so for a browser that registers itself, */

    mode = SESSION_TEXT;
    stage(NOTHING);
    connect_it();
    assert_string_equal(sent, LS);
    server(":s 451 * :You have not registered");
    server(":s CAP * LS :a");
    assert_string_equal(sent, "");
    browser("NICK x\nUSER x 0 * :x");
    assert_string_equal(sent, END NICK_USER);

    stage(NOTHING);
    connect_it();
    server(":s 451 * :You have not registered");
    browser("NICK x\nUSER x 0 * :x");
    assert_string_equal(sent, NICK_USER);
    server(":s CAP * LS :a");
    assert_string_equal(sent, END);

    /* unless it asks itself */

    stage(NOTHING);
    connect_it();
    server(":s 451 * :You have not registered");
    browser("CAP LS 302");
    assert_string_equal(sent, LS);
    server(":s CAP * LS :a sasl");
    assert_string_equal(sent, "");
    assert_string_equal(told, ":s CAP * LS :a|");
    mode = SESSION_EIRC;
}


static void
test_policies(void **state)
{
    (void) state;

    /* off */

    stage(NOTHING);
    login.secrets.mechanisms = 0;
    connect_it();
    assert_string_equal(sent, NICK_USER);
    assert_false(login_busy(&u));
    welcome();
    assert_string_equal(sent, "PRIVMSG NickServ :IDENTIFY sesame\r\n");
    assert_true(login_is_over(&u));

    /* required, and nothing to log in with */

    stage(REQUIRED | NO_SECRET);
    connect_it();
    assert_string_equal(sent, "QUIT\r\n");
    assert_string_equal(
        told,
        ":client error :Login failed: there is no secret to log in with.|");
    assert_int_equal(u.session.state->reason, EIRC_LINK_IRC_REFUSED);

    /* ... but a certificate */

    stage(REQUIRED | NO_SECRET);
    login.secrets.mechanisms
        = EIRC_SASL_PASSWORD | EIRC_SASL_BIT(EIRC_SASL_EXTERNAL);
    connect_it();
    server(":s CAP * LS :sasl=PLAIN,EXTERNAL");
    server(":s CAP * ACK :sasl");
    assert_string_equal(sent, "AUTHENTICATE EXTERNAL\r\n");
    server("AUTHENTICATE +");
    assert_string_equal(sent, "AUTHENTICATE +\r\n");

    /* required: a server that can't, for now; it is asked again */

    connected(REQUIRED);
    u.servers = 1;
    u.session.state->stays = 1;
    server(":s CAP * LS :a");
    assert_string_equal(sent, "QUIT\r\n");
    assert_string_equal(told, ":client error :Login failed: the IRC server "
                              "offers no login.|");
    assert_int_equal(u.session.state->phase, SESSION_REGISTERING);
    assert_int_equal(u.session.state->reason, 0);
    clear();
    user_irc_lost(&u, 0);
    assert_false(u.session.state->ended);
    assert_int_not_equal(u.retry, 0);

    connected(REQUIRED);
    server(":s CAP * LS :sasl");
    server(":s CAP * NAK :sasl");
    assert_string_equal(sent, "QUIT\r\n");
    assert_int_equal(u.session.state->reason, 0);

    /* ... and one that never will */

    connected(REQUIRED);
    server(":s 421 * CAP :Unknown command");
    assert_string_equal(sent, "QUIT\r\n");
    assert_int_equal(u.session.state->reason, EIRC_LINK_IRC_REFUSED);

    connected(REQUIRED);
    server(":s 001 me :Welcome");
    assert_string_equal(sent, "QUIT\r\n");
    assert_int_equal(u.session.state->reason, EIRC_LINK_IRC_REFUSED);

    connected(REQUIRED);
    server(":s CAP * LS :sasl=EXTERNAL");
    assert_string_equal(sent, REQ);
    server(":s CAP * ACK :sasl");
    assert_string_equal(sent, "QUIT\r\n");
    assert_int_equal(u.session.state->reason, EIRC_LINK_IRC_REFUSED);

    /* ... and one that says no */

    connected(REQUIRED);
    server(":s CAP * LS :sasl");
    server(":s CAP * ACK :sasl");
    server("AUTHENTICATE +");
    server(":s 904 me :No");
    assert_string_equal(sent, "QUIT\r\n");
    assert_string_equal(
        told, ":s 904 me :No|! SASL error (904): authentication failed|");
    assert_int_equal(u.session.state->reason, EIRC_LINK_IRC_REFUSED);
}


/* A server that stops in the middle of it. */
static void
test_late(void **state)
{
    (void) state;

    connected(NOTHING);
    login_late(&u);
    run();
    assert_string_equal(sent, LS NICK_USER);
    server(":s CAP * LS :sasl");
    clear();
    login_late(&u);
    run();
    assert_string_equal(sent, END);

    connected(NOTHING);
    server(":s CAP * LS :sasl");
    server(":s CAP * ACK :sasl");
    clear();
    login_late(&u);
    run();
    assert_string_equal(sent, "AUTHENTICATE *\r\n" END);
    assert_string_equal(told, ":client error :Login failed: the server does "
                              "not answer.|");
    welcome();
    assert_string_equal(sent, "PRIVMSG NickServ :IDENTIFY sesame\r\n");

    connected(REQUIRED);
    server(":s CAP * LS :sasl");
    server(":s CAP * ACK :sasl");
    clear();
    login_late(&u);
    run();
    assert_string_equal(sent, "AUTHENTICATE *\r\nQUIT\r\n");
    assert_int_equal(u.session.state->reason, 0);
}


/* A connection that was given up in the middle of a login. */
static void
test_given_up(void **state)
{
    (void) state;

    connected(NOTHING);
    u.servers = 2;
    u.session.state->server = 1;
    assert_true(comeback_at_once(&u));
    assert_int_equal(u.session.state->phase, SESSION_CONNECTING);
    assert_int_equal(u.session.state->server, 1);
    assert_int_equal(u.retry, u.now);
    connect_it();
    assert_string_equal(sent, LS NICK_USER);
    assert_string_equal(told, "");

    /* an IRC client says once who it is */

    mode = SESSION_TEXT;
    stage(NOTHING);
    u.servers = 1;
    connect_it();
    assert_true(comeback_at_once(&u));
    connect_it();
    assert_string_equal(sent, LS);
    server(":s CAP * LS :a");
    browser("NICK x\nUSER x 0 * :x");
    assert_string_equal(sent, END NICK_USER);
    assert_false(comeback_at_once(&u));
    mode = SESSION_EIRC;

    /* ... and who leaves does so */

    stage(REQUIRED | NO_SECRET);
    u.servers = 1;
    connect_it();
    assert_string_equal(sent, "QUIT\r\n");
    assert_false(comeback_at_once(&u));
}


/* Who stands alone asks for the list whatever he wants of it. */
static void
test_alone(void **state)
{
    (void) state;

    stage(NO_SECRET);
    login.negotiates = true;
    connect_it();
    assert_string_equal(sent, LS NICK_USER);
    server(":s CAP * LS * :sasl");
    server(":s CAP * LS :a");
    assert_string_equal(sent, END);
    assert_false(login_busy(&u));
    assert_true(login_is_over(&u));
    welcome();
    assert_string_equal(sent, "");

    stage(NO_SECRET | REQUIRED);
    login.negotiates = true;
    login.secrets.mechanisms = EIRC_SASL_BIT(EIRC_SASL_EXTERNAL);
    connect_it();
    server(":s CAP * LS :sasl=PLAIN");
    assert_string_equal(sent, REQ);
}


static void
test_refused(void **state)
{
    (void) state;

    stage(NO_SECRET);
    strcpy(login.secrets.password, "p");
    connect_it();
    server(":s 464 * :Password incorrect");
    assert_string_equal(told, ":s 464 * :Password incorrect|:client error "
                              ":The IRC server does not take the password.|");
    server("ERROR :Closing link: bad password");
    assert_string_equal(told, "ERROR :Closing link: bad password|");
    clear();
    user_irc_lost(&u, 0);
    assert_true(u.session.state->ended);
    assert_int_equal(u.session.state->reason, EIRC_LINK_IRC_REFUSED);

    stage(NO_SECRET);
    connect_it();
    server("ERROR :Closing link: [Password required]");
    assert_string_equal(told,
                        "ERROR :Closing link: [Password required]|"
                        ":client error :The IRC server wants a password.|");

    /* the words of InspIRCd, for one of several reasons */

    stage(NO_SECRET);
    strcpy(login.secrets.password, "p");
    connect_it();
    server("ERROR :Closing link: (u@h) [Access denied by configuration]");
    assert_true(u.session.state->refused);
    assert_non_null(strstr(told, "denies access, perhaps for its password.|"));

    stage(NO_SECRET);
    connect_it();
    server("ERROR :Closing link: (u@h) [Access denied by configuration]");
    assert_true(u.session.state->refused);
    assert_null(strstr(told, "password"));

    /* later it is somebody else's password */

    begin("");
    server(":s 464 me :Password incorrect");
    assert_string_equal(told, ":s 464 me :Password incorrect|");
    assert_false(u.session.state->refused);

    stage(NO_SECRET);
    strcpy(login.secrets.webirc, "w");
    strcpy(login.secrets.gateway, "gate");
    strcpy(u.session.identity->address, "unix:");
    connect_it();
    server(":s 421 * WEBIRC :Unknown command");
    assert_string_equal(told, "");
    assert_false(u.session.state->refused);
    server("ERROR :Closing link: [webirc: no such host]");
    assert_true(u.session.state->refused);
    assert_non_null(strstr(told, "|:client error :The IRC server does not"));

    /* it can't be about us if we said nothing */

    stage(NO_SECRET);
    connect_it();
    server("ERROR :Closing link: [WEBIRC users only]");
    assert_false(u.session.state->refused);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),    cmocka_unit_test(test_longest),
        cmocka_unit_test(test_lists),    cmocka_unit_test(test_lines),
        cmocka_unit_test(test_notify),   cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_policies), cmocka_unit_test(test_late),
        cmocka_unit_test(test_alone),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
