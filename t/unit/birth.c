/*
 * birth: a template that is about to be started again is waited for, and one
 * that is not ends the waiting.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "birth.h"
#include "control.h"
#include "worker.h"

typedef struct {
    layer_t layer;
    int nginx; /* its end of the link */
    int link;
} stage_t;


static void
stage_set(stage_t *s)
{
    int pair[2];

    memset(s, 0, sizeof(stage_t));

    assert_int_equal(sessions_init(&s->layer.sessions, 1), 0);
    held_queue_init(&s->layer.fork_queue, offsetof(held_t, fork_queue));
    held_queue_init(&s->layer.irc_queue, offsetof(held_t, irc_queue));
    s->layer.epoll = epoll_create1(EPOLL_CLOEXEC);
    s->layer.template.fd = -1;
    s->layer.connector.fd = -1;
    s->layer.fds_max = LAYER_FDS_FIXED + 68;
    s->layer.now = 10000;

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    s->nginx = pair[0];
    s->link = pair[1];
}


static void
stage_begin(stage_t *s)
{
    eirc_link_session_t request;
    static const uint8_t server[] = "\2\5\0\0/none";

    memset(&request, 0, sizeof(request));
    request.replay = EIRC_REPLAY_MIN;
    request.account = "a";
    request.account_len = 1;
    request.servers = server;
    request.servers_len = sizeof(server) - 1;

    birth_begin(&s->layer, s->link, &request);
}


/* The reason for which the session was refused; 0: it was not. */
static uint32_t
refused(stage_t *s)
{
    ssize_t n;
    uint8_t buf[EIRC_LINK_RECORD_MAX];
    eirc_link_header_t h;

    n = recv(s->nginx, buf, sizeof(buf), MSG_DONTWAIT);

    if (n == -1) {
        return 0;
    }

    assert_int_equal(eirc_link_header_read(&h, buf, (size_t) n), EIRC_OK);
    assert_int_equal(h.type, EIRC_LINK_REFUSED);

    return h.value;
}


static void
stage_end(stage_t *s)
{
    s->layer.template.again = s->layer.now + 60000;
    birth_pump(&s->layer);
    assert_int_equal(s->layer.sessions.table.count, 0);

    (void) close(s->nginx);
    (void) close(s->layer.epoll);
    sessions_done(&s->layer.sessions);
}


static void
test_near(void **state)
{
    stage_t s;

    (void) state;

    stage_set(&s);
    s.layer.template.again = s.layer.now + 100;

    stage_begin(&s);
    birth_pump(&s.layer);

    assert_int_equal(s.layer.sessions.table.count, 1);
    assert_int_equal(s.layer.fork_queue.count, 1);
    assert_int_equal(refused(&s), 0);

    /* its start failed, and the next one is far */

    s.layer.now += 100;
    s.layer.template.again = s.layer.now + 5000;
    birth_pump(&s.layer);

    assert_int_equal(refused(&s), EIRC_LINK_FAILED);
    assert_int_equal(s.layer.sessions.table.count, 0);
    assert_int_equal(s.layer.fork_queue.count, 0);
    stage_end(&s);
}


static void
test_started(void **state)
{
    int i, on, nfds, fds[CONTROL_FDS_MAX], pair[2];
    uint64_t when;
    socklen_t len;
    struct epoll_event ev;
    stage_t s;
    control_t c;

    (void) state;

    stage_set(&s);
    s.layer.template.again = s.layer.now + 100;
    stage_begin(&s);
    birth_pump(&s.layer);

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    s.layer.template.fd = pair[0];
    birth_pump(&s.layer);

    assert_int_equal(s.layer.fork_queue.count, 0);
    assert_int_equal(s.layer.nforking, 1);

    nfds = CONTROL_FDS_MAX;
    assert_int_equal(control_recv(pair[1], &c, fds, &nfds), EIRC_OK);
    assert_int_equal(c.type, CONTROL_FORK);
    assert_int_equal(nfds, WORKER_FDS + 1);

    /* its rescues will be known (rescue.h) */

    for (i = 0; i < WORKER_RESCUES; i++) {
        len = sizeof(on);
        assert_int_equal(
            getsockopt(fds[3 + i], SOL_SOCKET, SO_PASSCRED, &on, &len), 0);
        assert_int_equal(on, 1);
    }

    /* what it waits with */

    assert_int_equal(epoll_wait(fds[5], &ev, 1, 0), 0);
    assert_int_equal(read(fds[6], &when, sizeof(when)), -1);
    assert_int_equal(errno, EAGAIN);

    while (nfds > 0) {
        (void) close(fds[--nfds]);
    }

    /* it dies with the question */

    (void) close(pair[0]);
    (void) close(pair[1]);
    s.layer.template.fd = -1;
    birth_template_gone(&s.layer);

    assert_int_equal(refused(&s), EIRC_LINK_FAILED);
    assert_int_equal(s.layer.nforking, 0);
    stage_end(&s);
}


/* Neither for what a process has of its own, nor for it all: no room. */
static void
test_no_room(void **state)
{
    int pair[2];
    stage_t s;
    struct rlimit rl, none;

    (void) state;

    stage_set(&s);
    s.layer.template.again = s.layer.now + 100;
    stage_begin(&s);

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    s.layer.template.fd = pair[0];

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
    none = rl;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    birth_pump(&s.layer);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);

    assert_int_equal(refused(&s), EIRC_LINK_NO_ROOM);
    assert_int_equal(s.layer.sessions.table.count, 0);
    assert_int_equal(s.layer.fork_queue.count, 0);
    assert_int_equal(s.layer.nforking, 0);
    assert_true(s.layer.fork_again > s.layer.now);

    (void) close(pair[0]);
    (void) close(pair[1]);
    s.layer.template.fd = -1;
    stage_end(&s);
}


/* It died, which is not seen yet: the session waits for the next one. */
static void
test_died(void **state)
{
    int pair[2];
    stage_t s;

    (void) state;

    stage_set(&s);
    s.layer.template.again = s.layer.now + 100;
    stage_begin(&s);

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    s.layer.template.fd = pair[0];
    (void) close(pair[1]);
    birth_pump(&s.layer);

    assert_int_equal(refused(&s), 0);
    assert_int_equal(s.layer.fork_queue.count, 1);
    assert_int_equal(s.layer.nforking, 0);
    assert_true(s.layer.fork_again > s.layer.now);

    (void) close(pair[0]);
    s.layer.template.fd = -1;
    s.layer.fork_again = 0;
    stage_end(&s);
}


static void
test_far(void **state)
{
    stage_t s;

    (void) state;

    stage_set(&s);
    s.layer.template.again = s.layer.now + 5000;
    stage_begin(&s);

    assert_int_equal(refused(&s), EIRC_LINK_FAILED);
    assert_int_equal(s.layer.sessions.table.count, 0);
    stage_end(&s);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near),    cmocka_unit_test(test_started),
        cmocka_unit_test(test_no_room), cmocka_unit_test(test_died),
        cmocka_unit_test(test_far),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
