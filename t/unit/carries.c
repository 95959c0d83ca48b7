/*
 * carries: what a relay does with connections, and how exactly it counts them.
 * The servers here have no TLS; relay, server and worker are this process, one
 * after the other.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "carries.h"
#include "control.h"
#include "pair.h"

#define KEY 0x100000007ull

/* what a relay may hold in one direction */
#define HELD_MAX 16384

typedef struct {
    int server; /* the server's own end */
    int worker; /* the worker's */
    int relay;  /* the relay's, towards the worker: a duplicate to look at */
    uint64_t id;
    uint64_t key;
} stage_t;

static int epoll;
static int control[2]; /* the layer's, the relay's */
static tls_context_t context = {.plain = 1};


static int
set_up(void **state)
{
    (void) state;

    epoll = epoll_create1(0);
    carries_open(epoll, &context);
    carries_clock();

    return epoll == -1
                   || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
                                 control)
                          == -1
               ? -1
               : 0;
}


/* The relay works until there is nothing more to do. */
static void
turn(void)
{
    int i, n;
    struct epoll_event events[16];

    do {
        n = epoll_wait(epoll, events, 16, 0);

        for (i = 0; i < n; i++) {
            carries_event(events[i].data.u64, events[i].events);
        }
    } while (carries_run() == 0 || n > 0);

    assert_int_equal(carries_report(control[1]), 0);
}


static int
told(control_t *c)
{
    return control_recv(control[0], c, NULL, NULL) == EIRC_OK;
}


static void
stage_set(stage_t *s)
{
    int server[2], pair[2], fds[2];
    control_t c;
    static uint64_t key = KEY;

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, server), 0);
    assert_int_equal(pair_open(pair, &s->id), 0);

    s->key = key++;
    s->server = server[0];
    s->worker = pair[PAIR_WORKER];
    s->relay = dup(pair[PAIR_RELAY]);

    fds[0] = server[1];
    fds[1] = pair[PAIR_RELAY];

    assert_int_equal(carries_begin(s->key, s->id, fds), 0);
    turn();

    assert_true(told(&c));
    assert_int_equal(c.type, CONTROL_RELAY_STANDS);
    assert_int_equal(c.status, 0);
    assert_int_equal(c.size, 0);
    assert_true(c.key == s->key);
    assert_false(told(&c));
}


/* Closes the worker's end; what ENDED says. */
static void
stage_end(stage_t *s, uint64_t written, uint64_t accepted)
{
    control_t c;
    control_counts_t counts;

    (void) close(s->worker);
    turn();
    (void) close(s->server);
    turn();

    assert_true(told(&c));
    assert_int_equal(c.type, CONTROL_RELAY_ENDED);
    assert_int_equal(c.status, 0);
    assert_true(c.key == s->key);
    assert_int_equal(c.size, sizeof(counts));
    memcpy(&counts, c.data, sizeof(counts));
    assert_true(counts.id == s->id);
    assert_int_equal(counts.written, written);
    assert_int_equal(counts.accepted, accepted);

    (void) close(s->relay);
    assert_int_equal(carries_count(), 0);
}


static void
put(int fd, size_t len)
{
    static const char bytes[65536];

    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}


/* As much as goes, the relay working meanwhile. */
static size_t
put_all(int fd, int working)
{
    ssize_t n;
    size_t len;
    static const char bytes[5000];

    for (len = 0;; len += (size_t) n) {
        n = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);

        if (n == -1) {
            assert_int_equal(errno, EAGAIN);
            return len;
        }

        if (working) {
            turn();
        }
    }
}


static size_t
unread(int fd)
{
    int n;

    assert_int_equal(ioctl(fd, FIONREAD, &n), 0);

    return (size_t) n;
}


static size_t
get(int fd, size_t len)
{
    ssize_t n;
    char bytes[65536];

    n = recv(fd, bytes, len < sizeof(bytes) ? len : sizeof(bytes), 0);

    return n == -1 ? 0 : (size_t) n;
}


static size_t
get_all(int fd, int working)
{
    size_t n, len;

    for (len = 0; (n = get(fd, 65536)) > 0; len += n) {
        if (working) {
            turn();
        }
    }

    return len;
}


/* Halts, and what comes of it: the status. */
static int
counted(const stage_t *s, control_counts_t *counts)
{
    control_t c;

    assert_int_equal(carries_halt(s->key, s->id), 0);
    turn();

    assert_true(told(&c));
    assert_int_equal(c.type, CONTROL_RELAY_COUNTED);
    assert_true(c.key == s->key);
    assert_int_equal(c.size, sizeof(*counts));
    memcpy(counts, c.data, sizeof(*counts));
    assert_true(counts->id == s->id);

    return c.status;
}


static void
test_carried(void **state)
{
    stage_t s;

    (void) state;

    stage_set(&s);

    put(s.server, 100);
    put(s.worker, 30);
    turn();
    assert_int_equal(get(s.worker, 1000), 100);
    assert_int_equal(get(s.server, 1000), 30);

    stage_end(&s, 100, 30);
}


static void
test_counts(void **state)
{
    stage_t s;
    control_counts_t counts;

    (void) state;

    stage_set(&s);

    assert_int_equal(counted(&s, &counts), 0);
    assert_int_equal(counts.written, 0);
    assert_int_equal(counts.accepted, 0);
    carries_go(s.id);

    put(s.server, 1000);
    put(s.worker, 300);
    turn();
    assert_int_equal(get(s.worker, 400), 400);
    put(s.worker, 20); /* which the relay has not read */

    assert_int_equal(counted(&s, &counts), 0);
    assert_int_equal(counts.written - unread(s.worker), 400);
    assert_int_equal(counts.accepted, 320);

    /* nothing comes, whatever the server says; the other way is open */

    put(s.server, 500);
    put(s.worker, 50);
    turn();
    assert_int_equal(unread(s.worker), 600);
    assert_int_equal(unread(s.server), 370);

    /* asked again, as the successor has died too */

    assert_int_equal(get(s.worker, 7), 7);
    assert_int_equal(counted(&s, &counts), 0);
    assert_int_equal(counts.written - unread(s.worker), 407);
    assert_int_equal(counts.accepted, 370);

    carries_go(s.id);
    turn();
    assert_int_equal(unread(s.worker), 1093);
    assert_int_equal(get_all(s.worker, 1), 1093);

    stage_end(&s, 1500, 370);
}


/* Both ways full: what is held somewhere is counted where it belongs. */
static void
test_full(void **state)
{
    size_t out, in, held;
    stage_t s;
    control_counts_t counts;

    (void) state;

    stage_set(&s);

    out = put_all(s.worker, 1);
    in = put_all(s.server, 1);

    assert_int_equal(counted(&s, &counts), 0);
    assert_int_equal(counts.accepted, out);
    assert_int_equal(counts.written, unread(s.worker));

    /* held by the relay: what it has read and not passed on */

    held = out - unread(s.relay) - unread(s.server);
    assert_in_range(held, 1, HELD_MAX);
    assert_true(in > counts.written);

    /* the server goes on reading */

    assert_int_equal(get_all(s.server, 1), out);

    /* the successor reads all there is, and then the rest */

    out = unread(s.worker);
    assert_int_equal(get_all(s.worker, 1), out);
    carries_go(s.id);
    turn();
    assert_int_equal(get_all(s.worker, 1), in - out);

    assert_int_equal(counted(&s, &counts), 0);
    assert_int_equal(counts.written, in);
    assert_int_equal(unread(s.worker), 0);
    carries_go(s.id);

    stage_end(&s, in, counts.accepted);
}


/* A server that doesn't read, and a worker that doesn't, cost no more. */
static void
test_bounds(void **state)
{
    size_t len;
    stage_t s;

    (void) state;

    stage_set(&s);

    len = put_all(s.worker, 1);
    assert_in_range(len - unread(s.relay) - unread(s.server), 1, HELD_MAX);

    /* not even when it is halted and the server talks */

    assert_int_equal(carries_halt(s.key, s.id), 0);
    len = put_all(s.server, 1);
    assert_int_equal(unread(s.worker), 0);
    carries_go(s.id);
    turn();
    assert_int_equal(get_all(s.worker, 1), len);

    (void) told(&(control_t){0});
    (void) close(s.worker);
    (void) get_all(s.server, 1);
    (void) close(s.server);
    (void) close(s.relay);
    turn();
    (void) told(&(control_t){0});
    assert_int_equal(carries_count(), 0);
}


/* As long as somebody holds the worker's end it is nobody's end. */
static void
test_nobody_reads(void **state)
{
    int layer;
    stage_t s;

    (void) state;

    stage_set(&s);

    layer = dup(s.worker);
    put(s.worker, 10);
    (void) close(s.worker);
    s.worker = layer;

    put(s.server, 100);
    turn();
    assert_int_equal(unread(s.worker), 100);
    assert_int_equal(get_all(s.server, 0), 10);
    assert_int_equal(recv(s.server, &layer, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    put(s.worker, 1);
    turn();
    assert_int_equal(get_all(s.server, 0), 1);

    (void) close(s.worker);
    turn();
    assert_int_equal(recv(s.server, &layer, 1, 0), 0);

    s.worker = -1;
    stage_end(&s, 100, 11);
}


/* The server has ended: the successor gets the rest, and then the end. */
static void
test_server_ends(void **state)
{
    size_t len;
    char c;
    stage_t s;
    control_counts_t counts;

    (void) state;

    stage_set(&s);

    len = put_all(s.server, 1);
    put(s.worker, 200);
    turn();
    assert_int_equal(get_all(s.server, 0), 200);
    (void) close(s.server);
    turn();
    put(s.worker, 33);
    turn();

    /* there is more than the worker's end takes; what is said to the server
     * showed that it has gone */

    assert_int_equal(counted(&s, &counts), 1);
    assert_int_equal(counts.written, unread(s.worker));
    assert_int_equal(counts.accepted, 233);
    assert_true(counts.written < len);

    assert_int_equal(get_all(s.worker, 1), counts.written);
    carries_go(s.id);
    turn();
    assert_int_equal(get_all(s.worker, 1), len - counts.written);
    assert_int_equal(recv(s.worker, &c, 1, 0), 0);

    /* it has ended, and is remembered as long as somebody may ask */

    put(s.worker, 4);
    turn();
    assert_int_equal(counted(&s, &counts), 1);
    assert_int_equal(counts.written, len);
    assert_int_equal(counts.accepted, 237);
    assert_int_equal(counted(&s, &counts), 1);
    assert_int_equal(counts.accepted, 237);
    carries_go(s.id);
    assert_int_equal(carries_count(), 1);

    s.server = -1;
    stage_end(&s, len, 237);
}


/* It ends while it is halted. */
static void
test_server_ends_halted(void **state)
{
    char c;
    stage_t s;
    control_counts_t counts;

    (void) state;

    stage_set(&s);

    assert_int_equal(counted(&s, &counts), 0);
    put(s.server, 70);
    turn();
    (void) close(s.server);
    turn();
    assert_int_equal(unread(s.worker), 0);
    assert_int_equal(recv(s.worker, &c, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);

    /* the relay has yet to read up to the end */

    assert_int_equal(counted(&s, &counts), 0);
    assert_int_equal(counts.written, 0);

    carries_go(s.id);
    turn();
    assert_int_equal(get_all(s.worker, 1), 70);
    assert_int_equal(recv(s.worker, &c, 1, 0), 0);

    s.server = -1;
    stage_end(&s, 70, 0);
}


/* The layer gives the session up while it is halted. */
static void
test_given_up(void **state)
{
    stage_t s;
    control_counts_t counts;

    (void) state;

    stage_set(&s);
    assert_int_equal(counted(&s, &counts), 0);
    put(s.server, 70);
    put(s.worker, 9);

    stage_end(&s, 0, 9);
}


static void
test_unknown(void **state)
{
    stage_t s, other;
    control_counts_t counts;

    (void) state;

    stage_set(&s);
    other = s;
    other.id++;

    carries_go(other.id);
    assert_int_equal(counted(&other, &counts), -1);
    assert_int_equal(counted(&other, &counts), -1);
    assert_int_equal(carries_count(), 1);
    carries_go(other.id);
    turn();

    /* who was not halted goes on */

    carries_go(s.id);
    put(s.server, 5);
    turn();
    assert_int_equal(unread(s.worker), 5);

    stage_end(&s, 5, 0);

    /* one that was, and is no more */

    assert_int_equal(counted(&s, &counts), -1);
    assert_int_equal(carries_count(), 0);
}


/* A layer that doesn't read: reports wait, and none is lost. */
static void
test_deaf_layer(void **state)
{
    int i, n, counts;
    stage_t s;
    control_t c;

    (void) state;

    stage_set(&s);

    for (n = 0; n < 100000; n++) {
        assert_int_equal(carries_halt(s.key, s.id + 1), 0);

        if (carries_report(control[1]) != 0) {
            break;
        }
    }

    assert_true(n < 100000);
    assert_int_equal(carries_halt(s.key, s.id), 0);
    (void) close(s.worker);

    counts = 0;

    for (i = 0; i < 2; i++) {
        while (told(&c)) {
            assert_int_equal(c.type, CONTROL_RELAY_COUNTED);
            counts++;
        }

        (void) carries_report(control[1]);
    }

    assert_int_equal(counts, n + 2);
    carries_go(s.id);
    s.worker = -1;
    stage_end(&s, 0, 0);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_carried),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_nobody_reads),
        cmocka_unit_test(test_server_ends),
        cmocka_unit_test(test_server_ends_halted),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_deaf_layer),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
