/*
 * relay_wait: what is waited for, kept by the kernel, is what was set last;
 * nothing is told of a descriptor that was forgotten, though a duplicate of it
 * lives; the timer wakes in time, and early rather than late.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "relay_timers.h"
#include "relay_wait.h"

static relay_wait_t wait;
static uint32_t events[RELAY_WAITS];


static int
setup(void **state)
{
    int epoll, timer;

    (void) state;

    if (relay_wait_open(&epoll, &timer) == -1) {
        return -1;
    }

    relay_wait_init(&wait, epoll, timer);

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    (void) close(wait.epoll);
    (void) close(wait.timer);

    return 0;
}


static void
look(void)
{
    assert_int_equal(relay_wait(&wait, false, events), 0);
}


static void
pair(int *fds)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
}


static void
test_changes(void **state)
{
    int fds[2];

    (void) state;

    pair(fds);
    relay_wait_watch(&wait, RELAY_WAIT_BROWSER, fds[0], EPOLLIN);
    look();
    assert_int_equal(events[RELAY_WAIT_BROWSER], 0);

    /* told as long as it is there */

    assert_int_equal(send(fds[1], "x", 1, 0), 1);
    look();
    assert_int_equal(events[RELAY_WAIT_BROWSER], EPOLLIN);
    look();
    assert_int_equal(events[RELAY_WAIT_BROWSER], EPOLLIN);

    relay_wait_watch(&wait, RELAY_WAIT_BROWSER, fds[0], EPOLLOUT);
    look();
    assert_int_equal(events[RELAY_WAIT_BROWSER], EPOLLOUT);

    relay_wait_watch(&wait, RELAY_WAIT_BROWSER, fds[0], 0);
    look();
    assert_int_equal(events[RELAY_WAIT_BROWSER], 0);

    /* once for each that comes */

    relay_wait_watch(&wait, RELAY_WAIT_IRC, fds[0], EPOLLIN | EPOLLET);
    look();
    assert_int_equal(events[RELAY_WAIT_IRC], EPOLLIN);
    look();
    assert_int_equal(events[RELAY_WAIT_IRC], 0);
    assert_int_equal(send(fds[1], "y", 1, 0), 1);
    look();
    assert_int_equal(events[RELAY_WAIT_IRC], EPOLLIN);

    (void) close(fds[1]);
    look();
    assert_true(events[RELAY_WAIT_IRC] & EPOLLHUP);

    relay_wait_watch(&wait, RELAY_WAIT_IRC, -1, 0);
    (void) close(fds[0]);
    assert_false(wait.failed);
}


static void
test_forgotten(void **state)
{
    int fds[2], other[2], duplicate;

    (void) state;

    pair(fds);
    duplicate = dup(fds[0]);
    relay_wait_watch(&wait, RELAY_WAIT_CONTROL, fds[0], EPOLLIN);
    relay_wait_watch(&wait, RELAY_WAIT_CONTROL, -1, 0);
    (void) close(fds[0]);

    assert_int_equal(send(fds[1], "x", 1, 0), 1);
    look();
    assert_int_equal(events[RELAY_WAIT_CONTROL], 0);

    /* another one, with the number that is free now, and in its place yet
     * another */

    pair(other);
    assert_int_equal(other[0], fds[0]);
    relay_wait_watch(&wait, RELAY_WAIT_CONTROL, other[0], EPOLLIN);
    look();
    assert_int_equal(events[RELAY_WAIT_CONTROL], 0);
    relay_wait_watch(&wait, RELAY_WAIT_CONTROL, duplicate, EPOLLIN);
    look();
    assert_int_equal(events[RELAY_WAIT_CONTROL], EPOLLIN);
    assert_false(wait.failed);

    relay_wait_watch(&wait, RELAY_WAIT_CONTROL, -1, 0);
    (void) close(duplicate);
    (void) close(fds[1]);
    (void) close(other[0]);
    (void) close(other[1]);
}


static void
test_timer(void **state)
{
    uint64_t start;

    (void) state;

    start = relay_now();

    relay_wait_until(&wait, 0);
    look();
    assert_int_equal(events[RELAY_WAIT_TIMER], 0);

    relay_wait_until(&wait, start + 100000);
    relay_wait_until(&wait, start + 20);
    assert_int_equal(wait.armed, start + 20);

    /* a later one is for the caller to remember */

    relay_wait_until(&wait, start + 50000);
    assert_int_equal(wait.armed, start + 20);

    assert_int_equal(relay_wait(&wait, true, events), 0);
    assert_int_not_equal(events[RELAY_WAIT_TIMER], 0);
    assert_true(relay_now() >= start + 20);
    assert_int_equal(wait.armed, 0);

    /* told once */

    look();
    assert_int_equal(events[RELAY_WAIT_TIMER], 0);

    /* what has passed already wakes at once, the beginning of time as well */

    relay_wait_until(&wait, 1);
    assert_int_equal(relay_wait(&wait, true, events), 0);
    assert_int_not_equal(events[RELAY_WAIT_TIMER], 0);
}


static void
test_failed(void **state)
{
    (void) state;

    relay_wait_watch(&wait, RELAY_WAIT_IRC, 9999, EPOLLIN);
    assert_true(wait.failed);
    assert_int_equal(relay_wait(&wait, false, events), -1);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
