/*
 * loopback: what is connected to at once, and what is left to the connector.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loopback.h"

static int listening;
static uint16_t port;


static int
set_up(void **state)
{
    struct sockaddr_in sin;
    socklen_t len;

    (void) state;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    len = sizeof(sin);

    listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (listening == -1 || bind(listening, (struct sockaddr *) &sin, len) == -1
        || listen(listening, 0) == -1
        || getsockname(listening, (struct sockaddr *) &sin, &len) == -1)
    {
        return -1;
    }

    port = ntohs(sin.sin_port);

    return 0;
}


static int
tear_down(void **state)
{
    (void) state;

    return close(listening);
}


static int
try(const char *host, uint8_t flags, uint16_t to, char *name)
{
    eirc_link_server_t server;

    memset(&server, 0, sizeof(server));
    server.flags = flags;
    server.port = to;
    server.host = host;
    server.host_len = strlen(host);

    return loopback_connect(&server, name);
}


/* The lowest free one. */
static int
next_descriptor(void)
{
    int fd;

    fd = dup(listening);
    assert_int_not_equal(fd, -1);
    (void) close(fd);

    return fd;
}


static void
test_stands(void **state)
{
    int fd, other, on;
    char c, name[PACE_NAME_SIZE], expected[PACE_NAME_SIZE];
    socklen_t len;

    (void) state;

    fd = try("127.0.0.1", EIRC_LINK_SERVER_TLS, port, name);
    assert_int_not_equal(fd, -1);

    (void) snprintf(expected, sizeof(expected), "127.0.0.1 %u", port);
    assert_string_equal(name, expected);

    len = sizeof(on);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    assert_int_equal(on, 1);

    other = accept(listening, NULL, NULL);
    assert_int_not_equal(other, -1);
    assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1);
    assert_int_equal(recv(other, &c, 1, 0), 1);

    (void) close(other);
    (void) close(fd);
}


static void
test_left(void **state)
{
    size_t i;
    int fd;
    char name[PACE_NAME_SIZE];
    static const struct {
        const char *host;
        uint8_t flags;
    } left[] = {
        {"localhost", 0},
        {"0.0.0.0", 0},
        {"192.0.2.1", 0},
        {"::2", 0},
        {"128.0.0.1", 0},
        {"", 0},
        {"127.0.0.1", EIRC_LINK_SERVER_UNIX},
    };

    (void) state;

    fd = next_descriptor();

    for (i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
        assert_int_equal(try(left[i].host, left[i].flags, port, name), -1);
    }

    assert_int_equal(next_descriptor(), fd);
}


/* Nobody there, and nobody who has room: one waits in a backlog of 0. */
static void
test_fails(void **state)
{
    int fd, first;
    char name[PACE_NAME_SIZE];

    (void) state;

    fd = next_descriptor();
    assert_int_equal(try("127.0.0.1", 0, 1, name), -1);
    assert_int_equal(try("::1", 0, 1, name), -1);
    assert_int_equal(next_descriptor(), fd);

    first = try("127.0.0.1", 0, port, name);
    assert_int_equal(first, fd);
    fd = next_descriptor();
    assert_int_equal(try("127.0.0.1", 0, port, name), -1);
    assert_int_equal(next_descriptor(), fd);

    (void) close(first);
    (void) close(accept(listening, NULL, NULL));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stands),
        cmocka_unit_test(test_left),
        cmocka_unit_test(test_fails),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
