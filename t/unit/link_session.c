/*
 * eirc_link: SESSION and its servers, every field and bound of docs/link.md, 5,
 * with records cut at every byte.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eirc_link.h"


static int
server_judge(uint8_t flags, uint16_t port, const char *host, size_t host_len)
{
    int rc;
    size_t used;
    uint8_t p[4 + 255], *copy;
    const uint8_t *pos;
    eirc_link_server_t server, again;

    server.flags = flags;
    server.port = port;
    server.host = host;
    server.host_len = host_len;
    used = 0;
    rc = eirc_link_server_add(p, &used, sizeof(p), &server);

    if (rc == EIRC_OK) {
        assert_int_equal(used, 4 + host_len);

    } else {
        assert_int_equal(used, 0);
    }

    /* the reader has to think the same, of memory of exactly that size */

    if (host_len > 255) {
        return rc;
    }

    copy = malloc(4 + host_len);
    assert_non_null(copy);
    copy[0] = flags;
    copy[1] = (uint8_t) host_len;
    copy[2] = (uint8_t) (port & 0xff);
    copy[3] = (uint8_t) (port >> 8);
    memcpy(copy + 4, host, host_len);

    pos = copy;
    assert_int_equal(eirc_link_server_next(&pos, copy + 4 + host_len, &again),
                     rc);
    assert_ptr_equal(pos, rc == EIRC_OK ? copy + 4 + host_len : copy);

    if (rc == EIRC_OK) {
        assert_memory_equal(p, copy, 4 + host_len);
        assert_int_equal(again.flags, flags);
        assert_int_equal(again.port, port);
        assert_int_equal(again.host_len, host_len);
    }

    free(copy);

    return rc;
}


static void
test_server_rules(void **state)
{
    char host[300];
    unsigned flags;

    (void) state;

    memset(host, 'h', sizeof(host));

    assert_int_equal(server_judge(0, 6667, "irc.example.org", 15), EIRC_OK);
    assert_int_equal(server_judge(0, 1, "h", 1), EIRC_OK);
    assert_int_equal(server_judge(0, 65535, host, 255), EIRC_OK);
    assert_int_equal(server_judge(0, 65535, host, 256), EIRC_ERROR);
    assert_int_equal(server_judge(0, 6667, "", 0), EIRC_ERROR);
    assert_int_equal(server_judge(0, 0, "h", 1), EIRC_ERROR);
    assert_int_equal(server_judge(1, 6697, "::1", 3), EIRC_OK);
    assert_int_equal(server_judge(2, 0, "/run/irc", 8), EIRC_OK);
    assert_int_equal(server_judge(3, 0, "/run/irc", 8), EIRC_OK);
    assert_int_equal(server_judge(2, 6667, "/run/irc", 8), EIRC_ERROR);
    assert_int_equal(server_judge(2, 0, "run/irc", 7), EIRC_ERROR);
    assert_int_equal(server_judge(2, 0, "\0run", 4), EIRC_ERROR);
    assert_int_equal(server_judge(0, 6667, "a\0b", 3), EIRC_ERROR);
    assert_int_equal(server_judge(0, 6667, "a\nb", 3), EIRC_ERROR);
    assert_int_equal(server_judge(0, 6667, "a\x7f", 2), EIRC_ERROR);
    assert_int_equal(server_judge(0, 6667, "\xc3\xa4.org", 6), EIRC_OK);

    for (flags = 4; flags < 256; flags++) {
        assert_int_equal(
            server_judge((uint8_t) flags, flags & 2 ? 0 : 1, "/h", 2),
            EIRC_ERROR);
    }
}


static void
test_server_cut(void **state)
{
    size_t len, used;
    uint8_t p[32], *copy;
    const uint8_t *pos;
    eirc_link_server_t server = {0, 6667, "irc", 3};

    (void) state;

    used = 0;
    assert_int_equal(eirc_link_server_add(p, &used, 6, &server), EIRC_ERROR);
    assert_int_equal(used, 0);
    assert_int_equal(eirc_link_server_add(p, &used, 7, &server), EIRC_OK);
    assert_int_equal(used, 7);
    assert_int_equal(eirc_link_server_add(p, &used, 13, &server), EIRC_ERROR);
    assert_int_equal(eirc_link_server_add(p, &used, 6, &server), EIRC_ERROR);
    assert_int_equal(used, 7);

    for (len = 0; len <= 7; len++) {
        copy = malloc(len > 0 ? len : 1);
        assert_non_null(copy);

        if (len > 0) {
            memcpy(copy, p, len);
        }

        pos = copy;
        assert_int_equal(eirc_link_server_next(&pos, copy + len, &server),
                         len == 0   ? EIRC_DONE
                         : len == 7 ? EIRC_OK
                                    : EIRC_ERROR);
        free(copy);
    }
}


/* a session that is good, with so many servers */
static void
session_of(eirc_link_session_t *s, uint8_t *servers, unsigned n)
{
    unsigned i;
    eirc_link_server_t server = {EIRC_LINK_SERVER_TLS, 6697, "irc.test", 8};

    memset(s, 0, sizeof(eirc_link_session_t));
    s->limit = 0x01020304;
    s->replay = 0x00050607;
    s->linger = 0x08090a0b;
    s->crash_limit = 0x0c0d0e0f;
    s->crash_time = 0x10111213;
    s->cpu = EIRC_LINK_CPU_ANY;
    s->account = "alice";
    s->account_len = 5;
    s->servers = servers;

    for (i = 0; i < n; i++) {
        assert_int_equal(eirc_link_server_add(servers, &s->servers_len,
                                              EIRC_LINK_SERVERS_SIZE, &server),
                         EIRC_OK);
    }
}


static int
session_read(eirc_link_session_t *s, const uint8_t *record, size_t len)
{
    int rc;
    uint8_t *copy;

    copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);

    if (len > 0) {
        memcpy(copy, record, len);
    }

    rc = eirc_link_session_read(s, copy, len);
    free(copy);

    return rc;
}


static void
test_session_fields(void **state)
{
    size_t n, len;
    uint8_t p[EIRC_LINK_SESSION_MAX], servers[EIRC_LINK_SERVERS_SIZE];
    eirc_link_session_t s, again;
    static const uint8_t expected[48] = {
        3,    0,    0,    0,    2,    0,    0,    0,    0,    0,    0,    0,
        0,    0,    0,    0,    0x04, 0x03, 0x02, 0x01, 0x07, 0x06, 0x05, 0x00,
        0x0b, 0x0a, 0x09, 0x08, 0x0f, 0x0e, 0x0d, 0x0c, 0x13, 0x12, 0x11, 0x10,
        0xff, 0xff, 0xff, 0xff, 5,    0,    24,   0,    0,    0,    0,    0};
    static const uint8_t zeros[91];

    (void) state;

    session_of(&s, servers, 2);
    memset(p, 0xee, sizeof(p));
    n = eirc_link_session_write(p, &s);

    assert_int_equal(n, 144 + 24);
    assert_memory_equal(p, expected, sizeof(expected));
    assert_memory_equal(p + 48, "alice", 5);
    assert_memory_equal(p + 53, zeros, 91);
    assert_memory_equal(p + 144, servers, 24);
    assert_int_equal(p[n], 0xee);

    assert_int_equal(eirc_link_session_read(&again, p, n), EIRC_OK);
    assert_int_equal(again.limit, s.limit);
    assert_int_equal(again.replay, s.replay);
    assert_int_equal(again.linger, s.linger);
    assert_int_equal(again.crash_limit, s.crash_limit);
    assert_int_equal(again.crash_time, s.crash_time);
    assert_int_equal(again.cpu, s.cpu);
    assert_int_equal(again.account_len, 5);
    assert_memory_equal(again.account, "alice", 5);
    assert_int_equal(again.servers_len, 24);
    assert_ptr_equal(again.servers, p + 144);
    assert_int_equal(again.tls_len, 0);
    assert_int_equal(again.mode, EIRC_PROTOCOL_NONE);
    assert_int_equal(again.flags, 0);
    assert_null(again.key);

    /* cut at every byte, or a byte too long */

    for (len = 0; len < n; len++) {
        assert_int_equal(session_read(&again, p, len), EIRC_ERROR);
    }

    p[n] = 0;
    assert_int_equal(session_read(&again, p, n), EIRC_OK);
    assert_int_equal(session_read(&again, p, n + 1), EIRC_ERROR);
}


/* one byte of a good record is another one */
static int
session_with(size_t at, uint8_t value)
{
    size_t n;
    uint8_t p[EIRC_LINK_SESSION_MAX], servers[EIRC_LINK_SERVERS_SIZE];
    eirc_link_session_t s;

    session_of(&s, servers, 2);
    n = eirc_link_session_write(p, &s);
    assert_true(at < n);
    p[at] = value;

    return session_read(&s, p, n);
}


static void
test_session_bytes(void **state)
{
    size_t i;

    (void) state;

    assert_int_equal(session_with(0, EIRC_LINK_USER), EIRC_ERROR);

    /* flags, zero, version, count, the length of TLS, the padding, no key */

    for (i = 1; i < 16; i++) {
        assert_int_equal(session_with(i, 3), EIRC_ERROR);
    }

    assert_int_equal(session_with(4, 0), EIRC_ERROR);

    for (i = 44; i < 46; i++) {
        assert_int_equal(session_with(i, 1), EIRC_ERROR);
    }

    for (i = 53; i < 144; i++) {
        assert_int_equal(session_with(i, 'x'), EIRC_ERROR);
    }

    /* NUL in the account, lengths that are not so */

    assert_int_equal(session_with(48, 0), EIRC_ERROR);
    assert_int_equal(session_with(52, 0), EIRC_ERROR);
    assert_int_equal(session_with(40, 0), EIRC_ERROR);
    assert_int_equal(session_with(40, 4), EIRC_ERROR);
    assert_int_equal(session_with(40, 6), EIRC_ERROR);
    assert_int_equal(session_with(40, 65), EIRC_ERROR);
    assert_int_equal(session_with(41, 0xff), EIRC_ERROR);
    assert_int_equal(session_with(42, 23), EIRC_ERROR);
    assert_int_equal(session_with(42, 0), EIRC_ERROR);
    assert_int_equal(session_with(43, 0xff), EIRC_ERROR);

    /* servers: flags, length of the host, port, host */

    assert_int_equal(session_with(144, 4), EIRC_ERROR);
    assert_int_equal(session_with(145, 0), EIRC_ERROR);
    assert_int_equal(session_with(145, 9), EIRC_ERROR);
    assert_int_equal(session_with(157, 9), EIRC_ERROR);
    assert_int_equal(session_with(148, 0), EIRC_ERROR);

    /* the modes that there are; a flag without its key, and other flags */

    assert_int_equal(session_with(46, EIRC_PROTOCOL_TEXT), EIRC_OK);
    assert_int_equal(session_with(46, EIRC_PROTOCOL_BINARY), EIRC_OK);
    assert_int_equal(session_with(46, 3), EIRC_ERROR);
    assert_int_equal(session_with(46, 0xff), EIRC_ERROR);

    assert_int_equal(session_with(47, EIRC_LINK_NO_SECRET), EIRC_OK);

    for (i = 4; i < 256; i <<= 1) {
        assert_int_equal(session_with(47, (uint8_t) i), EIRC_ERROR);
    }

    /* any limit, linger and CPU will do; of the replay the highest byte not */

    assert_int_equal(session_with(19, 0xff), EIRC_OK);
    assert_int_equal(session_with(27, 0xff), EIRC_OK);
    assert_int_equal(session_with(39, 0), EIRC_OK);
    assert_int_equal(session_with(23, 0xff), EIRC_ERROR);
}


static int
session_both(const eirc_link_session_t *s)
{
    size_t n;
    uint8_t *p;
    eirc_link_session_t again;

    p = malloc(EIRC_LINK_SESSION_MAX);
    assert_non_null(p);
    n = eirc_link_session_write(p, s);
    assert_true(n <= EIRC_LINK_SESSION_MAX);

    if (n > 0) {
        assert_int_equal(session_read(&again, p, n), EIRC_OK);
    }

    free(p);

    return n > 0;
}


static void
test_session_bounds(void **state)
{
    char account[66];
    uint8_t servers[EIRC_LINK_SERVERS_SIZE + 300];
    eirc_link_session_t s;
    eirc_link_server_t server = {0, 1, NULL, 246};
    char host[300];

    (void) state;

    memset(account, 'a', sizeof(account));
    memset(host, 'h', sizeof(host));
    session_of(&s, servers, 1);
    s.account = account;

    s.account_len = 0;
    assert_false(session_both(&s));
    s.account_len = 1;
    assert_true(session_both(&s));
    s.account_len = 64;
    assert_true(session_both(&s));
    s.account_len = 65;
    assert_false(session_both(&s));
    s.account_len = 64;
    account[63] = '\0';
    assert_false(session_both(&s));
    account[63] = 'a';

    s.replay = 4095;
    assert_false(session_both(&s));
    s.replay = 4096;
    assert_true(session_both(&s));
    s.replay = 16777216;
    assert_true(session_both(&s));
    s.replay = 16777217;
    assert_false(session_both(&s));

    session_of(&s, servers, 0);
    assert_false(session_both(&s));
    session_of(&s, servers, 16);
    assert_true(session_both(&s));
    session_of(&s, servers, 17);
    assert_false(session_both(&s));

    /* 16 servers in exactly 4,000 bytes; one more has no room */

    session_of(&s, servers, 0);
    server.host = host;

    while (s.servers_len < EIRC_LINK_SERVERS_SIZE) {
        assert_int_equal(eirc_link_server_add(servers, &s.servers_len,
                                              EIRC_LINK_SERVERS_SIZE, &server),
                         EIRC_OK);
    }

    assert_int_equal(s.servers_len, EIRC_LINK_SERVERS_SIZE);
    assert_true(session_both(&s));
    assert_int_equal(eirc_link_server_add(servers, &s.servers_len,
                                          EIRC_LINK_SERVERS_SIZE, &server),
                     EIRC_ERROR);
    s.servers_len = EIRC_LINK_SERVERS_SIZE + 1;
    assert_false(session_both(&s));

    /* bytes behind the last server */

    session_of(&s, servers, 1);
    s.servers_len++;
    assert_false(session_both(&s));
}


static void
test_session_key(void **state)
{
    size_t i, n;
    uint8_t p[EIRC_LINK_SESSION_MAX], servers[EIRC_LINK_SERVERS_SIZE], key[32];
    eirc_link_session_t s, again;

    (void) state;

    for (i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t) (0xa0 + i);
    }

    session_of(&s, servers, 2);
    s.mode = EIRC_PROTOCOL_BINARY;
    s.flags = EIRC_LINK_RESUMABLE;
    s.key = key;
    n = eirc_link_session_write(p, &s);
    assert_int_equal(n, 144 + 24);
    assert_int_equal(p[46], 2);
    assert_int_equal(p[47], 1);
    assert_memory_equal(p + 112, key, 32);

    assert_int_equal(eirc_link_session_read(&again, p, n), EIRC_OK);
    assert_int_equal(again.mode, EIRC_PROTOCOL_BINARY);
    assert_int_equal(again.flags, EIRC_LINK_RESUMABLE);
    assert_ptr_equal(again.key, p + 112);

    /* any bytes may be a hash; only without the flag they are no key */

    memset(p + 112, 0, 32);
    assert_int_equal(session_read(&again, p, n), EIRC_OK);
    p[47] = 0;
    assert_int_equal(session_read(&again, p, n), EIRC_OK);
    p[143] = 1;
    assert_int_equal(session_read(&again, p, n), EIRC_ERROR);

    /* it waits for a browser, so it needs a time to do so */

    p[47] = EIRC_LINK_RESUMABLE;
    memset(p + 24, 0, 4);
    assert_int_equal(session_read(&again, p, n), EIRC_ERROR);
    p[27] = 1;
    assert_int_equal(session_read(&again, p, n), EIRC_OK);

    s.linger = 0;
    assert_false(session_both(&s));
    s.linger = 1;
    assert_true(session_both(&s));
    s.key = NULL;
    assert_false(session_both(&s));
    s.flags = 0;
    assert_true(session_both(&s));
    s.key = key;
    assert_false(session_both(&s));
    s.flags = EIRC_LINK_RESUMABLE | EIRC_LINK_NO_SECRET;
    assert_true(session_both(&s));
    s.flags = EIRC_LINK_NO_SECRET;
    assert_false(session_both(&s));
    s.key = NULL;
    assert_true(session_both(&s));
    s.key = key;
    s.flags = EIRC_LINK_RESUMABLE | 4;
    assert_false(session_both(&s));
    s.flags = EIRC_LINK_RESUMABLE;
    s.mode = (eirc_protocol_e) 3;
    assert_false(session_both(&s));
}


/* the same out of bounds, written by somebody who does not check */
static void
test_session_replay_read(void **state)
{
    size_t i, n;
    uint8_t p[EIRC_LINK_SESSION_MAX], servers[EIRC_LINK_SERVERS_SIZE];
    eirc_link_session_t s;
    static const struct {
        uint32_t replay;
        int rc;
    } cases[] = {{0, EIRC_ERROR},        {4095, EIRC_ERROR},
                 {4096, EIRC_OK},        {16777216, EIRC_OK},
                 {16777217, EIRC_ERROR}, {UINT32_MAX, EIRC_ERROR}};

    (void) state;

    session_of(&s, servers, 1);
    n = eirc_link_session_write(p, &s);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        p[20] = (uint8_t) cases[i].replay;
        p[21] = (uint8_t) (cases[i].replay >> 8);
        p[22] = (uint8_t) (cases[i].replay >> 16);
        p[23] = (uint8_t) (cases[i].replay >> 24);
        assert_int_equal(session_read(&s, p, n), cases[i].rc);
    }
}


static void
test_session_servers_read(void **state)
{
    size_t n, entry;
    uint8_t p[EIRC_LINK_SESSION_MAX], servers[EIRC_LINK_SERVERS_SIZE];
    eirc_link_session_t s;

    (void) state;

    session_of(&s, servers, 16);
    entry = s.servers_len / 16;
    n = eirc_link_session_write(p, &s);
    assert_int_equal(session_read(&s, p, n), EIRC_OK);

    /* the 17th */

    memcpy(p + n, p + n - entry, entry);
    n += entry;
    p[42] = (uint8_t) (17 * entry);
    assert_int_equal(session_read(&s, p, n), EIRC_ERROR);
}


/* TLS of a session: everything of the largest size unless a test says else */
static void
tls_of(eirc_link_tls_t *tls)
{
    static uint8_t pins[9 * 32];
    static char path[600];

    memset(pins, 0xab, sizeof(pins));
    memset(path, 'p', sizeof(path));
    path[0] = '/';

    tls->flags = EIRC_LINK_TLS_UNVERIFIED;
    tls->npins = 8;
    tls->pins = pins;
    tls->ca = eirc_slice(path, 511);
    tls->certificate = eirc_slice(path, 511);
    tls->key = eirc_slice(path, 511);
}


static void
test_tls_fields(void **state)
{
    size_t n, len;
    uint8_t p[EIRC_LINK_TLS_MAX], *copy;
    eirc_link_tls_t tls, again;
    static const uint8_t expected[] = {
        1,    1,    2,    0,    3,    0,    2,    0,    0xab, 0xab, 0xab, 0xab,
        0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab,
        0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab,
        0xab, 0xab, 0xab, 0xab, '/',  'a',  '/',  'b',  'c',  '/',  'd'};

    (void) state;

    tls_of(&tls);
    assert_int_equal(eirc_link_tls_write(p, &tls), EIRC_LINK_TLS_MAX);
    assert_int_equal(eirc_link_tls_read(&again, p, EIRC_LINK_TLS_MAX),
                     EIRC_OK);

    tls.npins = 1;
    tls.ca = EIRC_SLICE("/a");
    tls.certificate = EIRC_SLICE("/bc");
    tls.key = EIRC_SLICE("/d");
    n = eirc_link_tls_write(p, &tls);
    assert_int_equal(n, sizeof(expected));
    assert_memory_equal(p, expected, n);

    for (len = 1; len <= n; len++) {
        copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, p, len);
        assert_int_equal(eirc_link_tls_read(&again, copy, len),
                         len == n ? EIRC_OK : EIRC_ERROR);
        free(copy);
    }

    assert_int_equal(eirc_link_tls_read(&again, p, n), EIRC_OK);
    assert_int_equal(again.flags, EIRC_LINK_TLS_UNVERIFIED);
    assert_int_equal(again.npins, 1);
    assert_memory_equal(again.pins, tls.pins, 32);
    assert_true(eirc_slice_equal(again.ca, tls.ca));
    assert_true(eirc_slice_equal(again.certificate, tls.certificate));
    assert_true(eirc_slice_equal(again.key, tls.key));

    assert_int_equal(eirc_link_tls_read(&again, NULL, 0), EIRC_OK);
    assert_int_equal(again.flags, 0);
    assert_int_equal(again.npins, 0);
    assert_int_equal(again.ca.len, 0);
}


static void
test_tls_bounds(void **state)
{
    uint8_t p[EIRC_LINK_TLS_MAX + 32];
    char path[600];
    eirc_link_tls_t tls;

    (void) state;

    memset(path, 'p', sizeof(path));
    path[0] = '/';

    tls_of(&tls);
    tls.flags = 2;
    assert_int_equal(eirc_link_tls_write(p, &tls), 0);

    tls_of(&tls);
    tls.npins = 9;
    assert_int_equal(eirc_link_tls_write(p, &tls), 0);

    tls_of(&tls);
    tls.ca = eirc_slice(path, 512);
    assert_int_equal(eirc_link_tls_write(p, &tls), 0);
    tls.ca = EIRC_SLICE("relative");
    assert_int_equal(eirc_link_tls_write(p, &tls), 0);
    tls.ca = EIRC_SLICE("/a\0b");
    assert_int_equal(eirc_link_tls_write(p, &tls), 0);

    /* a key alone is nobody's */

    tls_of(&tls);
    tls.certificate = eirc_slice(NULL, 0);
    assert_int_equal(eirc_link_tls_write(p, &tls), 0);
    tls.key = eirc_slice(NULL, 0);
    assert_true(eirc_link_tls_write(p, &tls) > 0);

    /* the same, written by somebody who does not check */

    memset(p, 0, sizeof(p));
    assert_int_equal(eirc_link_tls_read(&tls, p, 8), EIRC_OK);
    assert_int_equal(eirc_link_tls_read(&tls, p, 9), EIRC_ERROR);
    p[0] = 2;
    assert_int_equal(eirc_link_tls_read(&tls, p, 8), EIRC_ERROR);
    p[0] = 0;
    p[1] = 9;
    assert_int_equal(eirc_link_tls_read(&tls, p, 8 + 9 * 32), EIRC_ERROR);
    p[1] = 0;
    p[2] = 1;
    assert_int_equal(eirc_link_tls_read(&tls, p, 9), EIRC_ERROR);
    p[8] = '/';
    assert_int_equal(eirc_link_tls_read(&tls, p, 9), EIRC_OK);
    p[2] = 0;
    p[6] = 1;
    assert_int_equal(eirc_link_tls_read(&tls, p, 9), EIRC_ERROR);
}


static void
test_session_tls(void **state)
{
    size_t n;
    uint8_t p[EIRC_LINK_SESSION_MAX], servers[EIRC_LINK_SERVERS_SIZE],
        blob[EIRC_LINK_TLS_MAX];
    eirc_link_session_t s, again;
    eirc_link_tls_t tls;

    (void) state;

    session_of(&s, servers, 1);
    tls_of(&tls);
    s.tls = blob;
    s.tls_len = eirc_link_tls_write(blob, &tls);
    n = eirc_link_session_write(p, &s);
    assert_int_equal(n, 144 + 12 + EIRC_LINK_TLS_MAX);
    assert_int_equal(eirc_link_session_read(&again, p, n), EIRC_OK);
    assert_int_equal(again.tls_len, s.tls_len);
    assert_memory_equal(again.tls, blob, s.tls_len);
    assert_int_equal(session_read(&again, p, n - 1), EIRC_ERROR);
    assert_int_equal(session_read(&again, p, n - s.tls_len), EIRC_ERROR);

    p[144 + 12] = 2;
    assert_int_equal(session_read(&again, p, n), EIRC_ERROR);
    blob[0] = 2;
    assert_int_equal(eirc_link_session_write(p, &s), 0);
}


static void
test_pin(void **state)
{
    size_t i;
    uint8_t pin[32];
    char plain[65], colons[96];

    (void) state;

    for (i = 0; i < 32; i++) {
        (void) snprintf(plain + 2 * i, 3, "%02zx", i * 7);
        (void) snprintf(colons + 3 * i, 4, i < 31 ? "%02zX:" : "%02zX", i * 7);
    }

    assert_int_equal(eirc_link_pin_read(pin, eirc_slice(plain, 64)), EIRC_OK);
    assert_int_equal(pin[0], 0);
    assert_int_equal(pin[31], 31 * 7);
    memset(pin, 0, sizeof(pin));
    assert_int_equal(eirc_link_pin_read(pin, eirc_slice(colons, 95)), EIRC_OK);
    assert_int_equal(pin[31], 31 * 7);

    for (i = 0; i < 64; i++) {
        assert_int_equal(eirc_link_pin_read(pin, eirc_slice(plain, i)),
                         EIRC_ERROR);
    }

    plain[63] = 'g';
    assert_int_equal(eirc_link_pin_read(pin, eirc_slice(plain, 64)),
                     EIRC_ERROR);
    colons[2] = '0';
    assert_int_equal(eirc_link_pin_read(pin, eirc_slice(colons, 95)),
                     EIRC_ERROR);
}


static void
test_server_at(void **state)
{
    size_t used;
    uint8_t p[64];
    eirc_link_server_t server = {0, 6667, "irc", 3};

    (void) state;

    used = 0;
    assert_int_equal(eirc_link_server_add(p, &used, sizeof(p), &server),
                     EIRC_OK);
    server.flags = EIRC_LINK_SERVER_TLS;
    server.port = 6697;
    assert_int_equal(eirc_link_server_add(p, &used, sizeof(p), &server),
                     EIRC_OK);

    assert_int_equal(eirc_link_server_at(p, used, 0, &server), EIRC_OK);
    assert_int_equal(server.port, 6667);
    assert_int_equal(eirc_link_server_at(p, used, 1, &server), EIRC_OK);
    assert_int_equal(server.port, 6697);
    assert_int_equal(eirc_link_server_at(p, used, 2, &server), EIRC_ERROR);
    assert_int_equal(eirc_link_server_at(p, used - 1, 1, &server), EIRC_ERROR);
}


/* A server that wants TLS, among others. */
static void
test_secure(void **state)
{
    size_t len;
    unsigned i;
    uint8_t p[256], copy[256];
    eirc_link_server_t server;
    static const struct {
        uint8_t flags;
        uint16_t port;
        const char *host;
    } servers[] = {{0, 6667, "a"},
                   {EIRC_LINK_SERVER_TLS, 6697, "b"},
                   {EIRC_LINK_SERVER_UNIX, 0, "/c"},
                   {0, 6668, "d.example"}};

    (void) state;

    len = 0;

    for (i = 0; i < 4; i++) {
        server.flags = servers[i].flags;
        server.port = servers[i].port;
        server.host = servers[i].host;
        server.host_len = strlen(servers[i].host);
        assert_int_equal(eirc_link_server_add(p, &len, sizeof(p), &server),
                         EIRC_OK);
    }

    memcpy(copy, p, len);

    assert_int_equal(eirc_link_server_secure(p, len, 1, 1), EIRC_ERROR);
    assert_int_equal(eirc_link_server_secure(p, len, 2, 1), EIRC_ERROR);
    assert_int_equal(eirc_link_server_secure(p, len, 3, 0), EIRC_ERROR);
    assert_int_equal(eirc_link_server_secure(p, len, 4, 1), EIRC_ERROR);
    assert_int_equal(eirc_link_server_secure(p, len, 0xffffffff, 1),
                     EIRC_ERROR);
    assert_int_equal(eirc_link_server_secure(p, len - 1, 3, 1), EIRC_ERROR);
    assert_memory_equal(p, copy, len);

    assert_int_equal(eirc_link_server_secure(p, len, 3, 6790), EIRC_OK);

    for (i = 0; i < 4; i++) {
        assert_int_equal(eirc_link_server_at(p, len, i, &server), EIRC_OK);
        assert_int_equal(server.flags,
                         i == 3 ? EIRC_LINK_SERVER_TLS : servers[i].flags);
        assert_int_equal(server.port, i == 3 ? 6790 : servers[i].port);
        assert_memory_equal(server.host, servers[i].host, server.host_len);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secure),
        cmocka_unit_test(test_server_rules),
        cmocka_unit_test(test_server_cut),
        cmocka_unit_test(test_session_fields),
        cmocka_unit_test(test_session_bytes),
        cmocka_unit_test(test_session_bounds),
        cmocka_unit_test(test_session_key),
        cmocka_unit_test(test_session_replay_read),
        cmocka_unit_test(test_session_servers_read),
        cmocka_unit_test(test_tls_fields),
        cmocka_unit_test(test_tls_bounds),
        cmocka_unit_test(test_session_tls),
        cmocka_unit_test(test_server_at),
        cmocka_unit_test(test_pin),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
