/*
 * passport: it says what it was given, to whoever has the key; without the key
 * no bit of it can be changed.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "passport.h"

#define ID "7-0123456789abcdef01234567"

static const card_key_t key = {{1, 2, 3}};
static const card_key_t other_key = {{1, 2, 4}};

static uint8_t servers[EIRC_LINK_SERVERS_SIZE];
static eirc_link_session_t request;


static int
set_up(void **state)
{
    eirc_link_server_t server = {EIRC_LINK_SERVER_TLS, 6697, "irc", 3};

    (void) state;

    request.limit = 3;
    request.replay = 65536;
    request.linger = 30000;
    request.crash_limit = 3;
    request.crash_time = 60000;
    request.cpu = EIRC_LINK_CPU_ANY;
    request.account = "alice";
    request.account_len = 5;
    request.servers = servers;

    return eirc_link_server_add(servers, &request.servers_len, sizeof(servers),
                                &server)
                   == EIRC_OK
               ? 0
               : -1;
}


static void
test_read(void **state)
{
    size_t len;
    uint8_t buf[PASSPORT_MAX];
    passport_t passport;

    (void) state;

    len = passport_write(&key, buf, ID, &request);
    assert_true(len > 0 && len <= PASSPORT_MAX);

    assert_int_equal(passport_check(&key, &passport, buf, len), EIRC_OK);
    assert_string_equal(passport.id, ID);
    assert_int_equal(passport.session.limit, 3);
    assert_int_equal(passport.session.linger, 30000);
    assert_int_equal(passport.session.account_len, 5);
    assert_memory_equal(passport.session.account, "alice", 5);
    assert_int_equal(passport.session.servers_len, request.servers_len);
    assert_memory_equal(passport.session.servers, servers,
                        request.servers_len);

    assert_int_equal(passport_check(&other_key, &passport, buf, len),
                     EIRC_ERROR);

    /* where it can't have been changed, the key doesn't matter */

    assert_int_equal(passport_read(&passport, buf, len), EIRC_OK);
}


static void
test_changed(void **state)
{
    size_t i, len;
    uint8_t buf[PASSPORT_MAX];
    passport_t passport;

    (void) state;

    len = passport_write(&key, buf, ID, &request);

    for (i = 0; i < len * 8; i++) {
        buf[i / 8] ^= (uint8_t) (1 << i % 8);
        assert_int_equal(passport_check(&key, &passport, buf, len),
                         EIRC_ERROR);
        buf[i / 8] ^= (uint8_t) (1 << i % 8);
    }

    for (i = 0; i < len; i++) {
        assert_int_equal(passport_check(&key, &passport, buf, i), EIRC_ERROR);
        assert_int_equal(passport_read(&passport, buf, i), EIRC_ERROR);
    }

    assert_int_equal(passport_check(&key, &passport, buf, len), EIRC_OK);
}


/* What else is signed with that key is no passport. */
static void
test_kinds(void **state)
{
    uint8_t buf[PASSPORT_MAX];
    card_t card;
    passport_t passport;

    (void) state;

    assert_int_equal(card_write(&key, &card, CARD_RELAY, ID), EIRC_OK);
    assert_int_equal(
        passport_check(&key, &passport, (const uint8_t *) &card, sizeof(card)),
        EIRC_ERROR);

    memset(buf, 0, sizeof(buf));
    buf[0] = 1;
    buf[1] = CARD_STORE;
    buf[2] = 200;
    assert_int_equal(card_sign(&key, buf, 200, buf + 200), EIRC_OK);
    assert_int_equal(
        passport_check(&key, &passport, buf, 200 + CARD_CODE_SIZE),
        EIRC_ERROR);
}


static void
test_bounds(void **state)
{
    uint8_t buf[PASSPORT_MAX];
    passport_t passport;
    size_t len;
    eirc_link_session_t bad;

    (void) state;

    assert_int_equal(
        passport_write(&key, buf, "0123456789012345678901234567890", &request)
            > 0,
        1);
    assert_int_equal(passport_write(&key, buf,
                                    "01234567890123456789012345678901",
                                    &request),
                     0);

    bad = request;
    bad.account_len = 0;
    assert_int_equal(passport_write(&key, buf, ID, &bad), 0);

    /* an ID without an end, signed by whom it may */

    len = passport_write(&key, buf, ID, &request) - CARD_CODE_SIZE;
    memset(buf + 4, 'x', EIRC_LINK_ID_MAX + 1);
    assert_int_equal(card_sign(&key, buf, len, buf + len), EIRC_OK);
    assert_int_equal(
        passport_check(&key, &passport, buf, len + CARD_CODE_SIZE),
        EIRC_ERROR);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
