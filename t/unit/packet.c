/*
 * packet: what a peer has sent is received to the last record, whatever has
 * become of the peer.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "eirc_codes.h"
#include "packet.h"

#define TOO_MANY (PACKET_FDS_MAX + 20)


static int
next(int fd, char *buf, size_t size, int *nfds)
{
    int rc, fds[PACKET_FDS_MAX];
    size_t len;

    *nfds = PACKET_FDS_MAX;
    len = 0;
    rc = packet_recv(fd, buf, size - 1, &len, fds, nfds);
    buf[len] = '\0';
    packet_close(fds, *nfds);

    return rc;
}


/* A process that dies with a record unread resets the connection. */
static void
test_reset(void **state)
{
    int nfds, pair[2];
    char buf[16];

    (void) state;

    assert_int_equal(socketpair(AF_UNIX,
                                SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                0, pair),
                     0);

    assert_int_equal(packet_send(pair[1], "first", 5, pair, 1), EIRC_OK);
    assert_int_equal(packet_send(pair[1], "second", 6, NULL, 0), EIRC_OK);
    assert_int_equal(packet_send(pair[0], "unread", 6, NULL, 0), EIRC_OK);
    (void) close(pair[1]);

    assert_int_equal(next(pair[0], buf, sizeof(buf), &nfds), EIRC_OK);
    assert_string_equal(buf, "first");
    assert_int_equal(nfds, 1);
    assert_int_equal(next(pair[0], buf, sizeof(buf), &nfds), EIRC_OK);
    assert_string_equal(buf, "second");
    assert_int_equal(next(pair[0], buf, sizeof(buf), &nfds), EIRC_DONE);
    assert_int_equal(next(pair[0], buf, sizeof(buf), &nfds), EIRC_DONE);

    (void) close(pair[0]);
}


/* More of them than anybody here would. */
static void
many_send(int fd, int n)
{
    int i;
    char room[CMSG_SPACE(sizeof(int) * TOO_MANY)];
    struct iovec iov = {.iov_base = room, .iov_len = 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    struct cmsghdr *cmsg;

    memset(room, 0, sizeof(room));
    msg.msg_control = room;
    msg.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t) n);
    cmsg = CMSG_FIRSTHDR(&msg);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(int) * (size_t) n);

    for (i = 0; i < n; i++) {
        memcpy(CMSG_DATA(cmsg) + (size_t) i * sizeof(int), &fd, sizeof(int));
    }

    assert_int_equal(sendmsg(fd, &msg, 0), 1);
}


/* A rescue, which is told who has sent what it gets, has all that came with
 * it; what is too much is closed as anywhere. */
static void
test_rescue(void **state)
{
    int i, on, nfds, last, pair[2], fds[PACKET_FDS_MAX];
    char buf[16];

    (void) state;

    on = 1;
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(
        setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);

    for (i = 0; i < PACKET_FDS_MAX; i++) {
        fds[i] = pair[1];
    }

    last = dup(0);
    (void) close(last);

    assert_int_equal(packet_send(pair[1], "all", 3, fds, PACKET_FDS_MAX),
                     EIRC_OK);
    assert_int_equal(next(pair[0], buf, sizeof(buf), &nfds), EIRC_OK);
    assert_string_equal(buf, "all");
    assert_int_equal(nfds, PACKET_FDS_MAX);

    for (i = PACKET_FDS_MAX + 1; i <= TOO_MANY; i++) {
        many_send(pair[1], i);
        assert_int_equal(next(pair[0], buf, sizeof(buf), &nfds), EIRC_ERROR);
        assert_int_equal(nfds, 0);
    }

    assert_int_equal(packet_send(pair[1], "none", 4, NULL, 0), EIRC_OK);
    assert_int_equal(next(pair[0], buf, sizeof(buf), &nfds), EIRC_OK);
    assert_int_equal(nfds, 0);

    assert_int_equal(dup(0), last);
    (void) close(last);
    (void) close(pair[0]);
    (void) close(pair[1]);
}


static void
test_cut(void **state)
{
    int nfds, pair[2];
    char buf[4];

    (void) state;

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);

    assert_int_equal(next(pair[0], buf, sizeof(buf), &nfds), EIRC_AGAIN);
    assert_int_equal(packet_send(pair[1], "long", 4, pair, 1), EIRC_OK);
    assert_int_equal(next(pair[0], buf, sizeof(buf), &nfds), EIRC_ERROR);
    assert_int_equal(nfds, 0);

    (void) close(pair[0]);
    (void) close(pair[1]);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_rescue),
        cmocka_unit_test(test_cut),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
