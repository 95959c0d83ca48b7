/*
 * adoption: a worker of a layer that is dead is taken with what it shows, if it
 * shows what it has to; and its end, of which the layer learns nothing but what
 * it has said, is dealt with as any other's.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adoption.h"
#include "claim.h"
#include "control.h"
#include "events.h"
#include "held.h"
#include "memfd.h"
#include "packet.h"
#include "session.h"

#define ID "7-0123456789abcdef01234567"
#define REPLAY 65536
#define SEALS (F_SEAL_GROW | F_SEAL_SHRINK)

static char log_path[] = "/tmp/eirc-adoption-XXXXXX";

static layer_t layer;
static pid_t pid;


static int
set_up(void **state)
{
    (void) state;

    (void) close(mkstemp(log_path));

    return log_open(log_path, 7);
}


static int
tear_down(void **state)
{
    (void) state;

    return unlink(log_path);
}


static void
layer_make(void)
{
    memset(&layer, 0, sizeof(layer));

    assert_int_equal(sessions_init(&layer.sessions, 1), 0);
    held_queue_init(&layer.fork_queue, offsetof(held_t, fork_queue));
    held_queue_init(&layer.irc_queue, offsetof(held_t, irc_queue));
    layer.epoll = epoll_create1(0);
    layer.connector.fd = -1;
    layer.rundir.number = 7;
    layer.fds_max = 10000;
    layer.now = 1000;
    layer.key.bytes[0] = 42;
}


/* Bytes of a claim with a passport for that ID. */
static size_t
claim_make(uint8_t *p, const char *id, uint32_t flags)
{
    size_t len, servers_len;
    uint8_t servers[300], passport[PASSPORT_MAX];
    claim_t claim;
    eirc_link_server_t server = {0, 6667, "irc", 3};
    eirc_link_session_t request;

    memset(&request, 0, sizeof(request));
    servers_len = 0;
    (void) eirc_link_server_add(servers, &servers_len, sizeof(servers),
                                &server);

    request.replay = REPLAY;
    request.linger = 30000;
    request.crash_limit = 3;
    request.crash_time = 60000;
    request.cpu = EIRC_LINK_CPU_ANY;
    request.account = "alice";
    request.account_len = 5;
    request.servers = servers;
    request.servers_len = servers_len;

    len = passport_write(&layer.key, passport, id, &request);
    assert_int_not_equal(len, 0);

    memset(&claim, 0, sizeof(claim));
    claim.flags = flags;
    claim.attachment = 5;
    claim.connection = 3;
    claim.server = 99; /* of one server */
    claim.passport = eirc_slice(passport, len);

    return claim_write(p, &claim);
}


/* A process that holds one end of a connection, and the other end. */
static int
process_make(void)
{
    int fd, listener, ready[2];
    char c;
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    socklen_t len;

    listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_int_equal(bind(listener, (struct sockaddr *) &sun,
                          offsetof(struct sockaddr_un, sun_path)),
                     0);
    assert_int_equal(listen(listener, 1), 0);
    len = sizeof(sun);
    assert_int_equal(getsockname(listener, (struct sockaddr *) &sun, &len), 0);
    assert_int_equal(pipe(ready), 0);

    pid = fork();

    if (pid == 0) {
        fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

        if (connect(fd, (struct sockaddr *) &sun, len) == -1) {
            _exit(1);
        }

        (void) close(ready[1]);

        for (;;) {
            (void) pause();
        }
    }

    (void) close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 0);
    (void) close(ready[0]);

    fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    assert_int_not_equal(fd, -1);
    (void) close(listener);

    return fd;
}


static int
segment_make(size_t size, int seals)
{
    int fd;

    fd = memfd_open("segment", size);
    assert_int_not_equal(fd, -1);
    assert_int_equal(memfd_seal(fd, seals), 0);

    return fd;
}


/* The ends of pairs are only looked at: the others may be gone. */
static int
socket_make(int domain, int type)
{
    int fd;

    fd = socket(domain, type, 0);
    assert_int_not_equal(fd, -1);

    return fd;
}


static held_t *
adopted(void)
{
    return sessions_find_id(&layer.sessions, ID, strlen(ID));
}


static void
process_end(void)
{
    (void) kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}


/* Is a claim with these descriptors taken? */
static int
is_taken(const char *id, uint32_t flags, const int *fds, int nfds)
{
    int taken;
    size_t len;
    uint8_t buf[CLAIM_RECORD_MAX];
    held_t *s;

    layer_make();
    len = claim_make(buf, id, flags);
    adoption_begin(&layer, process_make(), buf, len, fds, nfds);

    s = adopted();
    taken = s != NULL;

    if (s != NULL) {
        held_clear(&layer, s);
    }

    process_end();
    sessions_done(&layer.sessions);
    (void) close(layer.epoll);

    return taken;
}


static void
test_descriptors(void **state)
{
    int i, fds[3];
    size_t size;

    (void) state;

    size = session_segment_size(REPLAY);

    /* what it has to be */

    fds[0] = segment_make(size, SEALS);
    fds[1] = socket_make(AF_INET, SOCK_STREAM);
    fds[2] = socket_make(AF_UNIX, SOCK_SEQPACKET);
    assert_true(is_taken(ID, CLAIM_IRC | CLAIM_LINK, fds, 3));

    fds[0] = segment_make(size, SEALS);
    fds[1] = socket_make(AF_UNIX, SOCK_STREAM);
    assert_true(is_taken(ID, CLAIM_IRC, fds, 2));

    fds[0] = segment_make(size, SEALS);
    assert_true(is_taken(ID, 0, fds, 1));

    /* too many, too few, none */

    fds[0] = segment_make(size, SEALS);
    fds[1] = socket_make(AF_UNIX, SOCK_STREAM);
    assert_false(is_taken(ID, 0, fds, 2));

    fds[0] = segment_make(size, SEALS);
    assert_false(is_taken(ID, CLAIM_LINK, fds, 1));
    assert_false(is_taken(ID, 0, fds, 0));

    /* memory that may shrink, or is too small, or none */

    fds[0] = segment_make(size, F_SEAL_GROW);
    assert_false(is_taken(ID, 0, fds, 1));
    fds[0] = segment_make(size - 4096, SEALS);
    assert_false(is_taken(ID, 0, fds, 1));
    fds[0] = socket_make(AF_UNIX, SOCK_STREAM);
    assert_false(is_taken(ID, 0, fds, 1));
    fds[0] = open(log_path, O_RDONLY);
    assert_false(is_taken(ID, 0, fds, 1));

    /* what is no link, and what is no connection to IRC */

    for (i = 0; i < 4; i++) {
        fds[0] = segment_make(size, SEALS);
        fds[1] = i == 0   ? socket_make(AF_UNIX, SOCK_STREAM)
                 : i == 1 ? socket_make(AF_INET, SOCK_STREAM)
                 : i == 2 ? open("/dev/null", O_RDWR)
                          : segment_make(size, SEALS);
        assert_false(is_taken(ID, CLAIM_LINK, fds, 2));
    }

    for (i = 0; i < 4; i++) {
        fds[0] = segment_make(size, SEALS);
        fds[1] = i == 0   ? socket_make(AF_UNIX, SOCK_SEQPACKET)
                 : i == 1 ? socket_make(AF_INET, SOCK_DGRAM)
                 : i == 2 ? open("/dev/null", O_RDWR)
                          : socket_make(AF_NETLINK, SOCK_DGRAM);
        assert_false(is_taken(ID, CLAIM_IRC, fds, 2));
    }

    fds[0] = segment_make(size, SEALS);
    fds[1] = socket_make(AF_INET, SOCK_STREAM);
    assert_int_equal(listen(fds[1], 1), 0);
    assert_false(is_taken(ID, CLAIM_IRC, fds, 2));
}


static void
test_ids(void **state)
{
    int fd;
    size_t i, size;
    static const char *const ids[]
        = {"8-0123456789abcdef01234567", "7", "7-", "07-01", "x", ""};

    (void) state;

    size = session_segment_size(REPLAY);

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        fd = segment_make(size, SEALS);
        assert_false(is_taken(ids[i], 0, &fd, 1));
    }
}


/* Begins one that is sound; returns the session. */
static held_t *
adopt(void)
{
    int fds[2];
    size_t len;
    uint8_t buf[CLAIM_RECORD_MAX];
    held_t *s;

    layer_make();
    len = claim_make(buf, ID, CLAIM_IRC);
    fds[0] = segment_make(session_segment_size(REPLAY), SEALS);
    fds[1] = socket_make(AF_INET, SOCK_STREAM);

    adoption_begin(&layer, process_make(), buf, len, fds, 2);

    s = adopted();
    assert_non_null(s);

    return s;
}


static void
layer_end(void)
{
    held_t *s;

    s = adopted();

    if (s != NULL) {
        held_clear(&layer, s);
    }

    sessions_done(&layer.sessions);
    (void) close(layer.epoll);
}


static void
test_session(void **state)
{
    held_t *s;

    (void) state;

    s = adopt();

    assert_int_equal(s->state, HELD_RUNNING);
    assert_int_equal(s->irc_state, HELD_IRC_CONNECTED);
    assert_int_equal(s->pid, pid);
    assert_int_equal(s->attachment, 5);
    assert_int_equal(s->connection, 3);
    assert_int_equal(s->server, 0);
    assert_int_equal(s->secret, -1);
    assert_int_equal(s->link, -1);
    assert_int_equal(s->attached, 0);
    assert_int_equal(s->limit, 0);
    assert_int_equal(s->linger, 30000);
    assert_int_equal(s->stale, 1);
    assert_int_equal(layer.nstale, 1);
    assert_int_equal(sessions_of(&layer.sessions, "alice", 5), 0);
    assert_ptr_equal(sessions_find_pid(&layer.sessions, pid), s);

    process_end();
    layer_end();
}


/* The session that is there is the one that counts. */
static void
test_doubled(void **state)
{
    int fd;
    size_t len;
    uint8_t buf[CLAIM_RECORD_MAX];
    pid_t first;
    held_t *s;

    (void) state;

    s = adopt();
    first = pid;

    len = claim_make(buf, ID, 0);
    fd = segment_make(session_segment_size(REPLAY), SEALS);
    adoption_begin(&layer, process_make(), buf, len, &fd, 1);

    assert_int_equal(layer.sessions.table.count, 1);
    assert_ptr_equal(adopted(), s);
    assert_int_equal(s->pid, first);

    process_end();
    pid = first;
    process_end();
    layer_end();
}


static void
wait_for_end(held_t *s)
{
    struct pollfd pfd = {.fd = s->pidfd, .events = POLLIN};

    process_end();
    assert_int_equal(poll(&pfd, 1, 5000), 1);
}


static void
test_died(void **state)
{
    held_t *s;

    (void) state;

    s = adopt();
    wait_for_end(s);
    adoption_ended(&layer, s->item.key);

    /* a successor is wanted */

    assert_ptr_equal(adopted(), s);
    assert_int_equal(s->state, HELD_WAITING);
    assert_int_equal(s->ncrashes, 1);
    assert_int_equal(s->pid, 0);
    assert_int_equal(s->pidfd, -1);

    layer_end();
}


/* What the worker has said of its end. */
static void
test_said(void **state)
{
    held_t *s;

    (void) state;

    s = adopt();
    s->ended = 1;
    wait_for_end(s);
    adoption_ended(&layer, s->item.key);
    assert_null(adopted());
    layer_end();
}


/* One that breaks the rules is killed by what can't be another process. */
static void
test_kill(void **state)
{
    int status;
    held_t *s;

    (void) state;

    s = adopt();
    held_kill(s, "the test wants it");
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));

    adoption_ended(&layer, s->item.key);
    assert_null(adopted());
    layer_end();
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptors), cmocka_unit_test(test_ids),
        cmocka_unit_test(test_session),     cmocka_unit_test(test_doubled),
        cmocka_unit_test(test_died),        cmocka_unit_test(test_said),
        cmocka_unit_test(test_kill),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
