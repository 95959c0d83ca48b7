/*
 * connect: every question that a connector is asked has an answer, also when
 * the slot of its session was another's a moment ago. What is asked lies there
 * before the connector begins, so that it reads all of it in one round.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connect.h"
#include "control.h"
#include "helper.h"

#define KEY(generation, slot) ((uint64_t) (generation) << 32 | (slot))

typedef struct {
    int fd; /* the layer's end */
    int helper;
    pid_t pid;
} stage_t;


static void
stage_set(stage_t *s)
{
    int pair[2];

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);

    s->fd = pair[0];
    s->helper = pair[1];
}


/* Asks for one of n servers, none of which is there. */
static void
ask(stage_t *s, uint64_t key, unsigned n)
{
    unsigned i;
    control_t c;
    static const char server[] = "\2\5\0\0/none";

    memset(&c, 0, sizeof(control_t));
    c.type = CONTROL_CONNECT;
    c.key = key;

    for (i = 0; i < n; i++) {
        memcpy(c.data + c.size, server, sizeof(server) - 1);
        c.size += sizeof(server) - 1;
    }

    assert_int_equal(control_send(s->fd, &c, NULL, 0), EIRC_OK);
}


static void
cancel(stage_t *s, uint64_t key)
{
    control_t c;

    memset(&c, 0, sizeof(control_t));
    c.type = CONTROL_CANCEL;
    c.key = key;

    assert_int_equal(control_send(s->fd, &c, NULL, 0), EIRC_OK);
}


static void
begin(stage_t *s, rlim_t space)
{
    struct rlimit rl;

    s->pid = fork();

    if (s->pid == 0) {
        rl.rlim_cur = space;
        rl.rlim_max = space;

        if ((space > 0 && setrlimit(RLIMIT_AS, &rl) == -1)
            || dup2(s->helper, HELPER_FD) == -1
            || close_range(HELPER_FD + 1, ~0u, 0) == -1)
        {
            _exit(99);
        }

        _exit(connect_run());
    }

    assert_int_not_equal(s->pid, -1);
    (void) close(s->helper);
}


/* The key of the next answer, and its status; 0: none comes. */
static uint64_t
answered(stage_t *s, int32_t *status)
{
    int rc;
    control_t c;
    struct pollfd pfd;

    for (;;) {
        pfd.fd = s->fd;
        pfd.events = POLLIN;

        if (poll(&pfd, 1, 5000) != 1) {
            return 0;
        }

        rc = control_recv(s->fd, &c, NULL, NULL);

        if (rc != EIRC_OK) {
            return 0;
        }

        if (c.type == CONTROL_CONNECTED) {
            *status = c.status;
            return c.key;
        }
    }
}


static void
end(stage_t *s)
{
    int status;

    (void) close(s->fd);

    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    assert_int_equal(status, 0);
}


static void
test_answer(void **state)
{
    stage_t s;
    int32_t status;

    (void) state;

    stage_set(&s);
    ask(&s, KEY(1, 7), 1);
    ask(&s, KEY(1, 300), 16);
    ask(&s, KEY(1, 8), 0);
    begin(&s, 0);

    assert_int_equal(answered(&s, &status), KEY(1, 7));
    assert_int_equal(status, ENOENT);
    assert_int_equal(answered(&s, &status), KEY(1, 8));
    assert_int_equal(status, -1);
    assert_int_equal(answered(&s, &status), KEY(1, 300));
    assert_int_equal(status, ENOENT);
    end(&s);
}


/* The session before is gone, and its CANCEL was lost. */
static void
test_slot_pending(void **state)
{
    stage_t s;
    int32_t status;

    (void) state;

    stage_set(&s);
    ask(&s, KEY(1, 7), 3);
    ask(&s, KEY(2, 7), 3);
    begin(&s, 0);

    assert_int_equal(answered(&s, &status), KEY(2, 7));
    assert_int_equal(status, ENOENT);
    end(&s);
}


/* The session before is gone, and its answer is on the way. */
static void
test_slot_answered(void **state)
{
    stage_t s;
    int32_t status;

    (void) state;

    stage_set(&s);
    ask(&s, KEY(1, 7), 1);
    cancel(&s, KEY(1, 7));
    ask(&s, KEY(2, 7), 3);
    cancel(&s, KEY(1, 7));
    ask(&s, KEY(1, 9), 1);
    begin(&s, 0);

    assert_int_equal(answered(&s, &status), KEY(1, 7));
    assert_int_equal(answered(&s, &status), KEY(1, 9));
    assert_int_equal(answered(&s, &status), KEY(2, 7));
    assert_int_equal(status, ENOENT);
    end(&s);
}


static void
test_cancel(void **state)
{
    stage_t s;
    int32_t status;

    (void) state;

    stage_set(&s);
    ask(&s, KEY(1, 7), 3);
    cancel(&s, KEY(1, 7));
    cancel(&s, KEY(1, 7));
    cancel(&s, KEY(9, 4711));
    ask(&s, KEY(1, 8), 5);
    begin(&s, 0);

    assert_int_equal(answered(&s, &status), KEY(1, 8));
    end(&s);
}


/* a sanitizer needs more memory than any limit has */
#ifndef EIRC_SANITIZE

static void
test_no_memory(void **state)
{
    stage_t s;
    int32_t status;

    (void) state;

    stage_set(&s);
    ask(&s, KEY(1, 0x7fffffff), 1);
    ask(&s, KEY(1, 7), 1);
    begin(&s, 1u << 30);

    assert_int_equal(answered(&s, &status), KEY(1, 0x7fffffff));
    assert_int_equal(status, ENOMEM);
    assert_int_equal(answered(&s, &status), KEY(1, 7));
    assert_int_equal(status, ENOENT);
    end(&s);
}

#endif


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_slot_pending),
        cmocka_unit_test(test_slot_answered),
        cmocka_unit_test(test_cancel),
#ifndef EIRC_SANITIZE
        cmocka_unit_test(test_no_memory),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
