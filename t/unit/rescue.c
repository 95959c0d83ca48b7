/*
 * rescue: a worker's connection is known as one, whatever has become of the
 * worker, and the worker can do nothing about it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rescue.h"
#include "sandbox.h"

/* as long as one may be */
#define NAME "after.255.999"

static char dir[] = "/tmp/eirc-rescue-XXXXXX";
static struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = NAME};
static int listener;


static int
set_up(void **state)
{
    (void) state;

    if (mkdtemp(dir) == NULL || chdir(dir) == -1) {
        return -1;
    }

    listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);

    return bind(listener, (struct sockaddr *) &sun, sizeof(sun)) == 0
                   && listen(listener, 5) == 0
               ? 0
               : -1;
}


static int
tear_down(void **state)
{
    (void) state;

    (void) close(listener);
    (void) unlink(sun.sun_path);

    return rmdir(dir);
}


static void
test_known(void **state)
{
    int fd, peer;

    (void) state;

    assert_int_equal(strlen(NAME), RESCUE_NAME_MAX);

    fd = rescue_open();
    assert_int_not_equal(fd, -1);
    assert_int_equal(rescue_reach(fd, "nobody"), -1);
    assert_int_equal(rescue_reach(fd, NAME), 0);

    peer = accept(listener, NULL, NULL);
    assert_int_equal(rescue_is(peer), 1);

    (void) close(fd);
    assert_int_equal(rescue_is(peer), 1);
    (void) close(peer);

    /* gone before it was accepted */

    fd = rescue_open();
    assert_int_equal(rescue_reach(fd, NAME), 0);
    (void) close(fd);

    peer = accept(listener, NULL, NULL);
    assert_int_equal(rescue_is(peer), 1);
    (void) close(peer);
}


static void
test_others(void **state)
{
    int fd, peer;

    (void) state;

    fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_int_equal(connect(fd, (struct sockaddr *) &sun, sizeof(sun)), 0);

    peer = accept(listener, NULL, NULL);
    assert_int_equal(rescue_is(peer), 0);

    (void) close(fd);
    assert_int_equal(rescue_is(peer), 0);
    (void) close(peer);

    /* no connection at all: nobody to trust */

    assert_int_equal(rescue_is(listener), 1);
    assert_int_equal(rescue_is(-1), 1);
}


/* A name that the sandbox would kill for. */
static void
test_long(void **state)
{
    int fd;

    (void) state;

    fd = rescue_open();
    assert_int_equal(rescue_reach(fd, NAME "9"), -1);
    assert_int_equal(errno, ENAMETOOLONG);
    (void) close(fd);
}


static void
report(int error, const char *what)
{
    (void) error;
    (void) what;
}


/* As a worker, which has seen to it that nobody knows it. */
static void
worker_run_away(void)
{
    int fd;

    fd = rescue_open();

    if (fd == -1 || sandbox_prepare(report) == -1 || sandbox_template() == -1
        || sandbox_enter() == -1)
    {
        _exit(99);
    }

    _exit(rescue_reach(fd, NAME) == 0 && send(fd, "x", 1, MSG_NOSIGNAL) == 1
              ? 0
              : 1);
}


static void
test_worker(void **state)
{
    int peer, status;
    pid_t pid;

    (void) state;

    pid = fork();

    if (pid == 0) {
        worker_run_away();
    }

    assert_int_not_equal(pid, -1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);

    /* dead and gone by now */

    peer = accept(listener, NULL, NULL);
    assert_int_equal(rescue_is(peer), 1);
    (void) close(peer);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_worker),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
