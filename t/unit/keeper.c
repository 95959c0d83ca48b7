/*
 * keeper: a worker that breaks a rule of its control channel is killed, and one
 * that keeps to them is not. The worker here is a process that only waits.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "birth.h"
#include "control.h"
#include "events.h"
#include "held.h"
#include "keeper.h"
#include "move.h"
#include "worker.h"

#define HEAD offsetof(control_t, data)

typedef struct {
    layer_t layer;
    held_t *session;
    int worker; /* its end of the control channel */
    pid_t pid;
} stage_t;


static char log_path[] = "/tmp/eirc-keeper-XXXXXX";


static int
set_up(void **state)
{
    (void) state;

    (void) close(mkstemp(log_path));

    return log_open(log_path, 0);
}


static int
tear_down(void **state)
{
    (void) state;

    return unlink(log_path);
}


static void
stage_set(stage_t *s)
{
    int pair[2], ready[2];
    char c;

    memset(s, 0, sizeof(stage_t));

    assert_int_equal(sessions_init(&s->layer.sessions, 1), 0);
    held_queue_init(&s->layer.fork_queue, offsetof(held_t, fork_queue));
    held_queue_init(&s->layer.irc_queue, offsetof(held_t, irc_queue));
    s->layer.epoll = epoll_create1(0);
    s->layer.connector.fd = -1;
    s->layer.now = 1000;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);

    s->session = sessions_add(&s->layer.sessions, "a", 1);
    s->session->state = HELD_RUNNING;
    s->session->control = pair[0];
    s->session->crash_limit = 3;
    s->session->crash_time = 60000;
    s->worker = pair[1];
    bucket_init(&s->session->events, EVENT_RATE * 1000, EVENT_BURST, 1000);
    bucket_init(&s->session->flood, EVENT_FLOOD_RATE * 1000, EVENT_FLOOD,
                1000);
    bucket_init(&s->session->returns, 1000, 5, 1000);

    assert_int_equal(pipe(ready), 0);

    s->pid = fork();

    if (s->pid == 0) {
        (void) close(pair[0]);
        (void) close(pair[1]);
        (void) close(ready[1]);

        for (;;) {
            (void) pause();
        }
    }

    assert_int_not_equal(s->pid, -1);

    /* it has nothing of the channel when it has closed this */

    (void) close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 0);
    (void) close(ready[0]);

    sessions_pid_set(&s->layer.sessions, s->session, s->pid);

    assert_int_equal(layer_watch(&s->layer, pair[0], EPOLLIN, LAYER_WORKER,
                                 s->session->item.key),
                     0);
}


/* Reads what was sent; did the worker break the rules? Then nobody follows it.
 */
static int
stage_end(stage_t *s)
{
    int i, status, killed;
    uint64_t key;
    held_t *session;

    key = s->session->item.key;

    for (i = 0; i < 200; i++) {
        keeper_worker_read(&s->layer, key);
    }

    if (waitpid(s->pid, &status, WNOHANG) == 0) {

        /* a signal that was sent comes before this one */

        (void) kill(s->pid, SIGTERM);
        assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    }

    (void) close(s->worker);

    killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    keeper_reaped(&s->layer, s->pid, status);
    session = sessions_find(&s->layer.sessions, key);

    if (session != NULL) {
        assert_int_equal(session->state, HELD_WAITING);
        assert_int_equal(session->succeeded, 1);
        assert_int_equal(s->layer.fork_queue.count, 1);
        held_clear(&s->layer, session);
        killed = -killed;
    }

    assert_int_equal(s->layer.sessions.table.count, 0);

    (void) close(s->layer.epoll);
    sessions_done(&s->layer.sessions);

    return killed;
}


static void
record_make(control_t *c, uint32_t type, uint32_t value, uint32_t size)
{
    memset(c, 0, sizeof(control_t));
    c->type = type;
    c->value = value;
    c->size = size;
}


static void
test_good(void **state)
{
    int i;
    stage_t s;
    control_t c;

    (void) state;

    stage_set(&s);

    for (i = 1; i < EVENT_LAST; i++) {
        record_make(&c, CONTROL_EVENT, (uint32_t) i, EVENT_TEXT_MAX);
        assert_int_equal(control_send(s.worker, &c, NULL, 0), EIRC_OK);
    }

    for (i = 0; i < 5; i++) {
        record_make(&c, CONTROL_WANT_IRC, 0xffffffff, 0);
        assert_int_equal(control_send(s.worker, &c, NULL, 0), EIRC_OK);
    }

    assert_int_equal(stage_end(&s), 0);
}


static void
test_queue(void **state)
{
    stage_t s;
    control_t c;

    (void) state;

    stage_set(&s);

    record_make(&c, CONTROL_WANT_IRC, 2, 0);
    assert_int_equal(control_send(s.worker, &c, NULL, 0), EIRC_OK);
    assert_int_equal(control_send(s.worker, &c, NULL, 0), EIRC_OK);
    keeper_worker_read(&s.layer, s.session->item.key);

    /* asked twice, waits once */

    assert_int_equal(s.layer.irc_queue.count, 1);
    assert_int_equal(s.session->server, 2);
    assert_int_equal(s.session->irc_state, HELD_IRC_WAITING);

    /* and is paced as one that comes back */

    assert_int_equal(s.session->attempt, 1);

    assert_int_equal(stage_end(&s), 0);
    assert_int_equal(s.layer.irc_queue.count, 0);
}


static void
test_bad_records(void **state)
{
    size_t i;
    stage_t s;
    control_t c;
    static const struct {
        const char *name;
        uint32_t type;
        uint32_t value;
        uint32_t size;
        int more; /* bytes sent beyond, or fewer */
    } bad[] = {
        {"type 0", 0, 0, 0, 0},
        {"FORK", CONTROL_FORK, 0, 0, 0},
        {"FORKED", CONTROL_FORKED, 1, 0, 0},
        {"CONNECT", CONTROL_CONNECT, 0, 10, 0},
        {"CONNECTED", CONTROL_CONNECTED, 0, 0, 0},
        {"STOP", CONTROL_STOP, 0, 0, 0},
        {"MOVE", CONTROL_MOVE, 0, 0, 0},
        {"MOVED without an offer", CONTROL_MOVED, 0, 0, 0},
        {"TAKEN, and nobody offered", CONTROL_TAKEN, 0, 0, 0},
        {"ADOPTED", CONTROL_ADOPTED, 0, 0, 0},
        {"unknown", 4711, 0, 0, 0},
        {"event 0", CONTROL_EVENT, 0, 0, 0},
        {"event that there is not", CONTROL_EVENT, EVENT_LAST, 0, 0},
        {"text too long", CONTROL_EVENT, EVENT_REGISTERED, EVENT_TEXT_MAX + 1,
         0},
        {"longer than said", CONTROL_EVENT, EVENT_REGISTERED, 5, 1},
        {"shorter than said", CONTROL_EVENT, EVENT_REGISTERED, 5, -1},
        {"a header cut", CONTROL_EVENT, EVENT_REGISTERED, 0, -1},
        {"one byte", CONTROL_EVENT, EVENT_REGISTERED, 0, 1 - (int) HEAD},
        {"nothing", CONTROL_EVENT, EVENT_REGISTERED, 0, -(int) HEAD},
        {"size beyond", CONTROL_EVENT, EVENT_REGISTERED, 0xffffffff, 1},
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        stage_set(&s);

        record_make(&c, bad[i].type, bad[i].value, bad[i].size);

        (void) send(s.worker, &c,
                    (size_t) ((int) HEAD + (int) bad[i].size + bad[i].more),
                    0);

        if (!stage_end(&s)) {
            fail_msg("%s: lives on", bad[i].name);
        }
    }
}


static void
test_too_large(void **state)
{
    stage_t s;
    static struct {
        control_t c;
        char more[1];
    } large;

    (void) state;

    stage_set(&s);
    record_make(&large.c, CONTROL_EVENT, EVENT_REGISTERED, 1);
    assert_int_equal(send(s.worker, &large, sizeof(control_t) + 1, 0),
                     sizeof(control_t) + 1);
    assert_int_equal(stage_end(&s), 1);
}


static void
test_descriptor(void **state)
{
    int fd;
    stage_t s;
    control_t c;

    (void) state;

    stage_set(&s);
    fd = dup(s.worker);
    (void) close(fd);

    record_make(&c, CONTROL_WANT_IRC, 0, 0);
    assert_int_equal(control_send(s.worker, &c, &s.worker, 1), EIRC_OK);
    keeper_worker_read(&s.layer, s.session->item.key);

    /* what came along is closed again */

    assert_int_equal(dup(s.worker), fd);
    (void) close(fd);
    assert_int_equal(stage_end(&s), 1);
}


static void
test_floods(void **state)
{
    int i;
    stage_t s;
    control_t c;

    (void) state;

    stage_set(&s);
    record_make(&c, CONTROL_EVENT, EVENT_REGISTERED, 0);

    for (i = 0; i < EVENT_BURST + 1100; i++) {
        (void) control_send(s.worker, &c, NULL, 0);
        keeper_worker_read(&s.layer, s.session->item.key);
    }

    assert_int_equal(stage_end(&s), 1);

    /* one that stops for as long as it takes to have another one logged */

    stage_set(&s);

    for (i = 0; i < 9000; i++) {
        if (i % 900 == 0) {
            s.layer.now += 500;
        }

        (void) control_send(s.worker, &c, NULL, 0);
        keeper_worker_read(&s.layer, s.session->item.key);
    }

    assert_int_equal(stage_end(&s), 1);

    /* in the course of time as many are none */

    stage_set(&s);

    for (i = 0; i < 2000; i++) {
        s.layer.now += 500;
        assert_int_equal(control_send(s.worker, &c, NULL, 0), EIRC_OK);
        keeper_worker_read(&s.layer, s.session->item.key);
    }

    assert_int_equal(s.session->events_dropped, 0);
    assert_int_equal(stage_end(&s), 0);

    stage_set(&s);
    record_make(&c, CONTROL_WANT_IRC, 0, 0);

    for (i = 0; i < 6; i++) {
        assert_int_equal(control_send(s.worker, &c, NULL, 0), EIRC_OK);
    }

    assert_int_equal(stage_end(&s), 1);
}


static void
test_closed(void **state)
{
    stage_t s;

    (void) state;

    /* a worker that lives on without its channel */

    stage_set(&s);
    (void) close(s.worker);
    s.worker = -1;
    assert_int_equal(stage_end(&s), -1);
}


/* Broken before the template has told whose process it is. */
static void
test_unknown(void **state)
{
    int i, pair[2];
    stage_t s;
    control_t c;

    (void) state;

    for (i = 0; i < 2; i++) {
        stage_set(&s);

        sessions_pid_clear(&s.layer.sessions, s.session);
        s.session->state = HELD_FORKING;
        s.layer.nforking = 1;

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        s.layer.template.fd = pair[0];

        if (i == 0) {
            record_make(&c, CONTROL_STOP, 0, 0);
            assert_int_equal(control_send(s.worker, &c, NULL, 0), EIRC_OK);

        } else {
            (void) close(s.worker);
            s.worker = -1;
        }

        keeper_worker_read(&s.layer, s.session->item.key);

        record_make(&c, CONTROL_FORKED, (uint32_t) s.pid, 0);
        c.key = s.session->item.key;
        assert_int_equal(control_send(pair[1], &c, NULL, 0), EIRC_OK);
        birth_read(&s.layer);

        assert_int_equal(s.session->state, HELD_RUNNING);
        assert_int_equal(stage_end(&s), i == 0 ? 1 : -1);

        (void) close(pair[0]);
        (void) close(pair[1]);
    }
}


/* What is in the log; it begins anew. */
static const char *
log_take(void)
{
    int fd;
    ssize_t n;
    static char text[100000];

    fd = open(log_path, O_RDWR);
    assert_int_not_equal(fd, -1);

    n = read(fd, text, sizeof(text) - 1);
    assert_true(n >= 0);
    text[n] = '\0';

    assert_int_equal(ftruncate(fd, 0), 0);
    (void) close(fd);

    return text;
}


/* Its end is seen before what it said last. */
static void
test_last_words(void **state)
{
    int status;
    stage_t s;
    control_t c;
    const char *text;

    (void) state;

    (void) log_take();

    stage_set(&s);

    record_make(&c, CONTROL_WANT_IRC, 0, 0);
    assert_int_equal(control_send(s.worker, &c, NULL, 0), EIRC_OK);
    record_make(&c, CONTROL_EVENT, EVENT_BAD_REQUEST, 5);
    memcpy(c.data, "words", 5);
    assert_int_equal(control_send(s.worker, &c, NULL, 0), EIRC_OK);
    record_make(&c, CONTROL_EVENT, EVENT_LAST, 0);
    assert_int_equal(control_send(s.worker, &c, NULL, 0), EIRC_OK);

    (void) kill(s.pid, SIGTERM);
    assert_int_equal(waitpid(s.pid, &status, 0), s.pid);
    keeper_reaped(&s.layer, s.pid, status);

    text = log_take();
    assert_non_null(strstr(text, "request refused: \"words\""));

    /* it broke the rules in its last word */

    assert_int_equal(s.layer.sessions.table.count, 0);
    assert_int_equal(s.layer.irc_queue.count, 0);

    (void) close(s.worker);
    (void) close(s.layer.epoll);
    sessions_done(&s.layer.sessions);
}


/* Killed once, whatever else it has said. */
static void
test_said_once(void **state)
{
    int i;
    stage_t s;
    control_t c;
    const char *text, *p;

    (void) state;

    (void) log_take();

    stage_set(&s);
    record_make(&c, CONTROL_EVENT, EVENT_LAST, 0);

    for (i = 0; i < 5; i++) {
        assert_int_equal(control_send(s.worker, &c, NULL, 0), EIRC_OK);
    }

    assert_int_equal(stage_end(&s), 1);

    text = log_take();
    p = strstr(text, " killed: ");
    assert_non_null(p);
    assert_null(strstr(p + 1, " killed: "));
}


/* It offers the session, and waits: another one is wanted. Returns the other
 * one's end of its channel, which is the caller's. */
static int
stage_move(stage_t *s)
{
    int fd;
    control_t c;

    stage_set(s);

    /* what was begun anew once is whole by now */

    s->session->anew = 1;

    record_make(&c, CONTROL_MOVED, 7, 0);
    assert_int_equal(control_send(s->worker, &c, NULL, 0), EIRC_OK);
    keeper_worker_read(&s->layer, s->session->item.key);

    assert_int_equal(s->session->state, HELD_WAITING);
    assert_int_equal(s->session->planned, 1);
    assert_int_equal(s->session->anew, 0);
    assert_int_equal(s->session->pid, 0);
    assert_int_equal(s->session->before.offer, 7);
    assert_int_equal(s->session->before.pid, s->pid);
    assert_int_not_equal(s->session->before.control, -1);
    assert_int_equal(s->layer.nmoves, 1);
    assert_ptr_equal(move_find(&s->layer, s->pid), s->layer.moves);
    assert_int_equal(waitpid(s->pid, NULL, WNOHANG), 0);

    /* the template has it */

    fd = s->session->worker_control;
    s->session->worker_control = -1;
    held_queue_remove(&s->layer.fork_queue, s->session);
    s->session->state = HELD_RUNNING;

    return fd;
}


/* It was ended by us, and its session goes on. */
static void
stage_moved(stage_t *s, int fd)
{
    int status;

    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    keeper_reaped(&s->layer, s->pid, status);
    assert_int_equal(s->layer.nexits, 0);
    assert_int_equal(s->layer.nmoves, 0);

    (void) close(fd);
    (void) close(s->worker);
    (void) close(s->layer.epoll);

    while (s->layer.sessions.table.count > 0) {
        held_clear(&s->layer, s->session);
    }

    sessions_done(&s->layer.sessions);
}


static void
test_taken(void **state)
{
    int fd;
    stage_t s;
    control_t c;

    (void) state;

    fd = stage_move(&s);
    s.layer.nforking = 1;

    record_make(&c, CONTROL_TAKEN, 0, 0);
    assert_int_equal(control_send(fd, &c, NULL, 0), EIRC_OK);
    keeper_worker_read(&s.layer, s.session->item.key);

    assert_int_equal(s.session->before.offer, 0);
    assert_int_equal(s.session->before.control, -1);
    assert_int_equal(s.session->before.pidfd, -1);
    assert_int_equal(s.session->doomed, 0);

    /* once */

    assert_int_equal(control_send(fd, &c, NULL, 0), EIRC_OK);
    keeper_worker_read(&s.layer, s.session->item.key);
    assert_int_equal(s.session->doomed, 1);

    stage_moved(&s, fd);
}


/* What it has to take comes first. */
static void
test_offered_twice(void **state)
{
    int fd;
    stage_t s;
    control_t c;

    (void) state;

    fd = stage_move(&s);

    record_make(&c, CONTROL_MOVED, 8, 0);
    assert_int_equal(control_send(fd, &c, NULL, 0), EIRC_OK);
    keeper_worker_read(&s.layer, s.session->item.key);
    assert_int_equal(s.session->doomed, 1);

    held_clear(&s.layer, s.session);
    stage_moved(&s, fd);
}


/* Whoever waits is not needed: the offer stands. */
static void
test_waiting_dies(void **state)
{
    int fd;
    stage_t s;
    control_t c;

    (void) state;

    fd = stage_move(&s);

    (void) kill(s.pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t) s.pid, NULL, WEXITED | WNOWAIT), 0);
    keeper_reaped(&s.layer, s.pid, 0);
    assert_int_equal(s.session->before.control, -1);
    assert_int_equal(s.session->before.offer, 7);
    assert_int_equal(s.session->state, HELD_RUNNING);

    record_make(&c, CONTROL_TAKEN, 0, 0);
    assert_int_equal(control_send(fd, &c, NULL, 0), EIRC_OK);
    keeper_worker_read(&s.layer, s.session->item.key);
    assert_int_equal(s.session->doomed, 0);
    assert_int_equal(s.session->before.offer, 0);

    stage_moved(&s, fd);
}


/* The next one dies, and another one is to take what is offered; not one that
 * begins anew. */
static void
test_next_dies(void **state)
{
    int fd;
    stage_t s;

    (void) state;

    fd = stage_move(&s);
    keeper_worker_gone(&s.layer, s.session, 4711, SIGKILL);

    assert_int_equal(s.session->state, HELD_WAITING);
    assert_int_equal(s.session->planned, 0);
    assert_int_equal(s.session->before.offer, 7);
    assert_int_not_equal(s.session->before.control, -1);
    assert_int_equal(waitpid(s.pid, NULL, WNOHANG), 0);

    /* or can't begin */

    s.session->state = HELD_RUNNING;
    held_queue_remove(&s.layer.fork_queue, s.session);
    keeper_worker_gone(&s.layer, s.session, 4711,
                       W_EXITCODE(WORKER_EXIT_FAILED, 0));

    assert_int_equal(s.session->state, HELD_WAITING);
    assert_int_equal(s.session->before.offer, 7);
    assert_int_equal(waitpid(s.pid, NULL, WNOHANG), 0);

    s.session->state = HELD_RUNNING;
    held_queue_remove(&s.layer.fork_queue, s.session);
    keeper_worker_gone(&s.layer, s.session, 4711,
                       W_EXITCODE(WORKER_EXIT_STATE, 0));

    /* (nothing is known of this one to begin anew with) */

    stage_moved(&s, fd);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_bad_records),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_descriptor),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_said_once),
        cmocka_unit_test(test_last_words),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_offered_twice),
        cmocka_unit_test(test_waiting_dies),
        cmocka_unit_test(test_next_dies),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
