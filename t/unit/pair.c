/*
 * pair: whoever holds an end of a carried connection can be asked which one it
 * is, and nobody holds what he says he does without it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pair.h"


static void
test_ends(void **state)
{
    int pair[2], other[2];
    char c;
    uint64_t id, second;

    (void) state;

    assert_int_equal(pair_open(pair, &id), 0);
    assert_int_not_equal(id, 0);
    assert_true(pair_id_of_worker(pair[PAIR_WORKER]) == id);

    /* each end is one alone */

    assert_true(pair_id_of_worker(pair[PAIR_RELAY]) == 0);

    assert_int_equal(fcntl(pair[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(pair[1], F_GETFL) & O_NONBLOCK, O_NONBLOCK);

    /* bytes pass as ever */

    assert_int_equal(send(pair[0], "x", 1, 0), 1);
    assert_int_equal(recv(pair[1], &c, 1, 0), 1);
    assert_int_equal(send(pair[1], "y", 1, 0), 1);
    assert_int_equal(recv(pair[0], &c, 1, 0), 1);

    assert_int_equal(pair_open(other, &second), 0);
    assert_true(second != id);

    /* the other end may be gone */

    (void) close(pair[PAIR_RELAY]);
    assert_true(pair_id_of_worker(pair[PAIR_WORKER]) == id);
    (void) close(pair[PAIR_WORKER]);

    (void) close(other[PAIR_WORKER]);
    (void) close(other[PAIR_RELAY]);
}


static void
bound(int *pair, const char *name, size_t len)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    memcpy(sun.sun_path, name, len);
    assert_int_equal(
        bind(pair[PAIR_RELAY], (struct sockaddr *) &sun,
             (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len)),
        0);
}


static void
test_others(void **state)
{
    int fd, pair[2];
    size_t i;
    static const struct {
        const char *name;
        size_t len;
    } cases[] = {
        {"\0eirc-irc-0123456789abcdeg", 26},
        {"\0eirc-irc-0123456789ABCDEF", 26},
        {"\0eirc-irc-0123456789abcde", 25},
        {"\0eirc-irc-0123456789abcdef0", 27},
        {"\0eirc-itc-0123456789abcdef", 26},
        {"\0eirc-irc-", 10},
        {"\0x", 2},
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bound(pair, cases[i].name, cases[i].len);
        assert_true(pair_id_of_worker(pair[PAIR_WORKER]) == 0);
        (void) close(pair[0]);
        (void) close(pair[1]);
    }

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(pair_id_of_worker(pair[0]) == 0);
    (void) close(pair[0]);
    (void) close(pair[1]);

    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(pair_id_of_worker(fd) == 0);
    (void) close(fd);

    assert_true(pair_id_of_worker(STDIN_FILENO) == 0);
    assert_true(pair_id_of_worker(-1) == 0);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
