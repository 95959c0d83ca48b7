/*
 * irc_relay: a relay that runs, in its sandbox, and workers that are killed at
 * any instant while they read and write all they can. Each goes on with the
 * byte where its predecessor was, as far as the relay's counts tell, and would
 * notice any other. The socket layer and the server are this process.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "card.h"
#include "control.h"
#include "helper.h"
#include "options.h"
#include "pair.h"
#include "rescue.h"

#define KILLS 300
#define KEY 0x500000001ull

typedef struct {
    helper_t relay;
    int server; /* the server's own end */
    int worker; /* the layer's duplicate of the worker's end */
    uint64_t id;
    uint64_t sent;     /* by the server */
    uint64_t received; /* by it */
    uint64_t in;       /* bytes that workers have read */
    uint64_t out;      /* ... and written */
} stage_t;

static uint32_t chance = 1;
static char dir[] = "/tmp/eirc-relay-XXXXXX";
static card_t card;


static uint32_t
chance_next(uint32_t below)
{
    chance ^= chance << 13;
    chance ^= chance >> 17;
    chance ^= chance << 5;

    return chance % below;
}


/* The program that was built beside this one. */
static int
program_open(void)
{
    char path[PATH_MAX];
    char *slash;
    ssize_t n;

    n = readlink("/proc/self/exe", path, sizeof(path) - 20);
    assert_true(n > 0);
    path[n] = '\0';

    slash = strrchr(path, '/');
    assert_non_null(slash);
    strcpy(slash, "/../irc-client");

    return open(path, O_RDONLY | O_CLOEXEC);
}


/* The relays are started here, and look here for other layers. */
static int
set_up(void **state)
{
    card_key_t key;

    (void) state;

    return mkdtemp(dir) != NULL && chdir(dir) == 0
                   && card_key_open(&key, AT_FDCWD) == 0
                   && card_write(&key, &card, CARD_RELAY, "0-relay") == EIRC_OK
               ? 0
               : -1;
}


static int
tear_down(void **state)
{
    (void) state;

    (void) unlink("key");
    (void) unlink("sockets.0");

    return chdir("/") == 0 ? rmdir(dir) : -1;
}


static void
relay_begin(stage_t *s)
{
    int exe;
    size_t len;
    control_t c;
    eirc_link_server_t server = {EIRC_LINK_SERVER_UNIX, 0, "/ircd", 5};

    exe = program_open();
    assert_int_not_equal(exe, -1);

    helper_init(&s->relay, "relay", "irc-client: relay", OPTION_RELAY);
    s->relay.stays = 1;
    assert_int_equal(helper_start(&s->relay, exe, 0), 0);
    (void) close(exe);

    memset(&c, 0, sizeof(c));
    c.type = CONTROL_RELAY_SERVER;
    c.value = 250;
    memcpy(c.data, &card, sizeof(card));
    len = sizeof(card);
    assert_int_equal(eirc_link_server_add((uint8_t *) c.data, &len,
                                          sizeof(c.data), &server),
                     EIRC_OK);
    c.size = (uint32_t) len;
    assert_int_equal(control_send(s->relay.fd, &c, NULL, 0), EIRC_OK);
}


static void
record_send(stage_t *s, uint32_t type, const int *fds, int nfds)
{
    control_t c;

    memset(&c, 0, sizeof(c));
    c.type = type;
    c.key = KEY;
    c.size = sizeof(s->id);
    memcpy(c.data, &s->id, sizeof(s->id));

    assert_int_equal(control_send(s->relay.fd, &c, fds, nfds), EIRC_OK);
}


/* The next record but for what the relay says of this system. */
static void
record_wait(stage_t *s, control_t *c)
{
    int rc;
    struct pollfd pfd;

    pfd.fd = s->relay.fd;
    pfd.events = POLLIN;

    do {
        rc = control_recv(s->relay.fd, c, NULL, NULL);

        if (rc == EIRC_AGAIN) {
            assert_int_equal(poll(&pfd, 1, 10000), 1);
        }
    } while (rc == EIRC_AGAIN || (rc == EIRC_OK && c->type == CONTROL_EVENT));

    assert_int_equal(rc, EIRC_OK);
}


static void
stage_set(stage_t *s)
{
    int server[2], pair[2], fds[2];
    control_t c;

    memset(s, 0, sizeof(stage_t));
    relay_begin(s);

    assert_int_equal(socketpair(AF_UNIX,
                                SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                                server),
                     0);
    assert_int_equal(pair_open(pair, &s->id), 0);

    s->server = server[0];
    s->worker = pair[PAIR_WORKER];
    fds[0] = server[1];
    fds[1] = pair[PAIR_RELAY];

    record_send(s, CONTROL_RELAY_CARRY, fds, 2);
    (void) close(fds[0]);
    (void) close(fds[1]);

    record_wait(s, &c);
    assert_int_equal(c.type, CONTROL_RELAY_STANDS);
    assert_int_equal(c.status, 0);
}


/* What stands at that place of a stream: every piece of it is another. */
static uint8_t
byte_at(uint64_t pos, unsigned which)
{
    pos = (pos + which) * 0x9e3779b97f4a7c15ull;

    return (uint8_t) (pos >> 56);
}


/* Bytes that went, up to that many; or 0. */
static size_t
stream_send(int fd, uint64_t *pos, unsigned which, size_t len)
{
    size_t i;
    ssize_t n;
    uint8_t bytes[8192];

    for (i = 0; i < len; i++) {
        bytes[i] = byte_at(*pos + i, which);
    }

    n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n <= 0) {
        return 0;
    }

    *pos += (size_t) n;

    return (size_t) n;
}


/* Bytes that came, up to that many; 0: none, and -1: others were expected. */
static int
stream_receive(int fd, uint64_t *pos, unsigned which, size_t len)
{
    ssize_t i, n;
    uint8_t bytes[8192];

    n = recv(fd, bytes, len, MSG_DONTWAIT);

    for (i = 0; i < n; i++) {
        if (bytes[i] != byte_at((*pos)++, which)) {
            return -1;
        }
    }

    return n > 0 ? (int) n : 0;
}


static _Noreturn void
worker_run(const stage_t *s)
{
    uint64_t in, out;
    struct pollfd pfd;

    in = s->in;
    out = s->out;
    pfd.fd = s->worker;
    pfd.events = POLLIN | POLLOUT;

    for (;;) {
        if (stream_receive(s->worker, &in, 0, 1 + chance_next(8192)) == -1) {
            _exit(1);
        }

        (void) stream_send(s->worker, &out, 1, 1 + chance_next(8192));
        (void) poll(&pfd, 1, -1);
    }
}


/* The server reads and writes until so many bytes have moved. */
static void
server_run(stage_t *s, size_t len)
{
    int n;
    size_t moved;
    struct pollfd pfd;

    pfd.fd = s->server;
    pfd.events = POLLIN | POLLOUT;

    for (moved = 0; moved < len; moved += (size_t) n) {
        n = stream_receive(s->server, &s->received, 1, 1 + chance_next(8192));
        assert_int_not_equal(n, -1);
        moved += stream_send(s->server, &s->sent, 0, 1 + chance_next(8192));
        assert_int_equal(poll(&pfd, 1, 10000), 1);
    }
}


/* Both ends get all that is on its way. */
static void
all_receive(stage_t *s)
{
    struct pollfd pfd[2];

    pfd[0].fd = s->worker;
    pfd[0].events = POLLIN;
    pfd[1].fd = s->server;
    pfd[1].events = POLLIN;

    while (s->in < s->sent || s->received < s->out) {
        assert_in_range(poll(pfd, 2, 10000), 1, 2);
        assert_int_not_equal(stream_receive(s->worker, &s->in, 0, 8192), -1);
        assert_int_not_equal(stream_receive(s->server, &s->received, 1, 8192),
                             -1);
    }
}


static void
counts_take(stage_t *s)
{
    int unread;
    control_t c;
    control_counts_t counts;

    record_send(s, CONTROL_RELAY_COUNT, NULL, 0);

    /* the server goes on, if there is room for what it says */

    (void) stream_send(s->server, &s->sent, 0, 1 + chance_next(8192));

    record_wait(s, &c);

    assert_int_equal(c.type, CONTROL_RELAY_COUNTED);
    assert_int_equal(c.status, 0);
    assert_true(c.key == KEY);
    memcpy(&counts, c.data, sizeof(counts));
    assert_true(counts.id == s->id);

    assert_int_equal(ioctl(s->worker, FIONREAD, &unread), 0);
    assert_true(counts.written - (uint64_t) unread >= s->in);
    assert_true(counts.accepted >= s->out);

    s->in = counts.written - (uint64_t) unread;
    s->out = counts.accepted;
}


static pid_t
worker_fork(const stage_t *s)
{
    pid_t pid;

    chance_next(2);
    pid = fork();
    assert_int_not_equal(pid, -1);

    if (pid == 0) {
        (void) close(s->server);
        worker_run(s);
    }

    return pid;
}


static void
worker_kill(pid_t pid)
{
    int status;

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}


static void
test_killed(void **state)
{
    int i, status;
    pid_t pid;
    stage_t s;
    control_t c;

    (void) state;

    stage_set(&s);

    for (i = 0; i < KILLS; i++) {
        pid = worker_fork(&s);
        server_run(&s, chance_next(60000));
        worker_kill(pid);
        counts_take(&s);

        /* the successor may come before it is let go, and die before */

        if (i % 3 == 0) {
            pid = worker_fork(&s);
            server_run(&s, chance_next(500));
            worker_kill(pid);
            counts_take(&s);
        }

        record_send(&s, CONTROL_RELAY_GO, NULL, 0);
    }

    /* the last one reads all there is */

    all_receive(&s);

    assert_true(s.in == s.sent);
    assert_true(s.out == s.received);

    (void) close(s.worker);
    (void) close(s.server);
    record_wait(&s, &c);
    assert_int_equal(c.type, CONTROL_RELAY_ENDED);

    /* nobody has a use for it */

    (void) close(s.relay.fd);
    assert_int_equal(waitpid(s.relay.pid, &status, 0), s.relay.pid);
    assert_int_equal(status, 0);
}


/* Its layer is gone: it carries on, also what was halted, to the end. */
static void
test_alone(void **state)
{
    int status;
    stage_t s;

    (void) state;

    stage_set(&s);
    counts_take(&s);
    (void) stream_send(s.server, &s.sent, 0, 100);
    (void) close(s.relay.fd);

    (void) stream_send(s.worker, &s.out, 1, 100);

    all_receive(&s);

    (void) close(s.worker);
    (void) close(s.server);
    assert_int_equal(waitpid(s.relay.pid, &status, 0), s.relay.pid);
    assert_int_equal(status, 0);
}


/* A new layer, which one finds. */
static void
layer_find(stage_t *s, int listener)
{
    int fd;
    uint8_t buf[EIRC_LINK_HEADER_SIZE + sizeof(card_t) + 1];
    control_t c;
    struct pollfd pfd;
    eirc_link_header_t h;

    pfd.fd = listener;
    pfd.events = POLLIN;
    assert_int_equal(poll(&pfd, 1, 10000), 1);

    fd = accept(listener, NULL, NULL);
    assert_int_not_equal(fd, -1);
    assert_int_equal(rescue_is(fd), 1);

    assert_int_equal(recv(fd, buf, sizeof(buf), 0), sizeof(buf) - 1);
    assert_int_equal(eirc_link_header_read(&h, buf, sizeof(buf) - 1), EIRC_OK);
    assert_int_equal(h.type, EIRC_LINK_RESCUE);
    assert_int_equal(h.value, EIRC_LINK_VERSION);
    assert_int_equal(h.count, CONTROL_VERSION);
    assert_memory_equal(buf + EIRC_LINK_HEADER_SIZE, &card, sizeof(card));

    s->relay.fd = fd;
    record_wait(s, &c);
    assert_int_equal(c.type, CONTROL_RELAY_CARRIES);
    assert_int_equal(c.status, 1);
    assert_int_equal(c.size, sizeof(s->id));
    assert_memory_equal(c.data, &s->id, sizeof(s->id));
}


static int
layer_listen(void)
{
    int fd;
    struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = "sockets.0"};

    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_not_equal(fd, -1);
    (void) unlink(sun.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *) &sun, sizeof(sun)), 0);
    assert_int_equal(listen(fd, 5), 0);

    return fd;
}


/* Its layer dies, and the next one, and the next. */
static void
test_rescued(void **state)
{
    int i, listener, status;
    stage_t s;

    (void) state;

    stage_set(&s);
    counts_take(&s);
    (void) close(s.relay.fd);
    listener = -1;

    for (i = 0; i < 3; i++) {

        /* what was halted goes on */

        (void) stream_send(s.server, &s.sent, 0, 100);

        all_receive(&s);

        if (i == 0) {
            listener = layer_listen();
        }

        layer_find(&s, listener);

        counts_take(&s);
        record_send(&s, CONTROL_RELAY_GO, NULL, 0);
        counts_take(&s);
        (void) close(s.relay.fd);
    }

    (void) close(listener);
    (void) close(s.worker);
    (void) close(s.server);
    assert_int_equal(waitpid(s.relay.pid, &status, 0), s.relay.pid);
    assert_int_equal(status, 0);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_rescued),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
