#include "link.h"

#include "eirc_link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* of READY, REFUSED and END */
#define RECORD_MAX (EIRC_LINK_HEADER_SIZE + EIRC_LINK_TEXT_MAX)


/* Takes the record off the socket that was looked at. */
static void
record_drop(int fd)
{
    ssize_t n;
    uint8_t byte;

    do {
        n = recv(fd, &byte, 1, MSG_DONTWAIT);
    } while (n == -1 && errno == EINTR);
}


static bool
is_pending(const session_t *s)
{
    return session_message_pending(s).len > 0;
}


/* Judges a MESSAGE that lies in the segment by the count in its header. */
static int
message_take(browser_t *b, session_t *s, uint64_t count, size_t len)
{
    if (count > s->state->messages) {
        b->error = EIRC_LINK_MESSAGE;
        return EIRC_ERROR;
    }

    if (count == s->state->messages) {
        session_message_add(s, len);
        session_commit(s);
    }

    /* only now that it can't be lost; an old one was taken before */

    record_drop(b->fd);

    return EIRC_OK;
}


/* Looks at the next record: its header, and the rest in the segment. */
static int
record_peek(browser_t *b, session_t *s, eirc_link_header_t *h, size_t *len)
{
    ssize_t n;
    uint8_t head[EIRC_LINK_HEADER_SIZE];
    struct iovec iov[2];
    struct msghdr msg;

    memset(&msg, 0, sizeof(msg));

    iov[0].iov_base = head;
    iov[0].iov_len = sizeof(head);
    iov[1].iov_base = session_message_room(s, &iov[1].iov_len);
    msg.msg_iov = iov;
    msg.msg_iovlen = 2;

    do {
        n = recvmsg(b->fd, &msg, MSG_PEEK | MSG_DONTWAIT);
        /* a reset is told before what was sent last (docs/link.md, 3) */

    } while (n == -1 && (errno == EINTR || errno == ECONNRESET));

    if (n == -1) {
        return errno == EAGAIN ? EIRC_AGAIN : EIRC_DONE;
    }

    if (n == 0) {
        return EIRC_DONE;
    }

    /* it has room when those before it have gone */

    if ((msg.msg_flags & MSG_TRUNC) && is_pending(s)) {
        b->stalled = true;
        return EIRC_AGAIN;
    }

    if ((msg.msg_flags & MSG_TRUNC)
        || eirc_link_header_read(h, head, (size_t) n) != EIRC_OK)
    {
        b->error = head[0];
        return EIRC_ERROR;
    }

    *len = (size_t) n - sizeof(head);

    return EIRC_OK;
}


static int
record_take(browser_t *b, session_t *s)
{
    int rc;
    size_t len;
    eirc_link_header_t h;

    rc = record_peek(b, s, &h, &len);
    if (rc != EIRC_OK) {
        return rc;
    }

    /* counts begin anew behind RESET */

    if (b->waits && h.type != EIRC_LINK_END && h.type != EIRC_LINK_DETACH) {
        b->waits = h.type != EIRC_LINK_RESET;
        record_drop(b->fd);
        return EIRC_OK;
    }

    switch (h.type) {

    case EIRC_LINK_MESSAGE:
        return message_take(b, s, h.count, len);

    case EIRC_LINK_CONFIRM:
        record_drop(b->fd);

        if (session_ring_confirm(s, h.count) != EIRC_OK) {
            b->error = h.type;
            return EIRC_ERROR;
        }

        session_commit(s);

        return EIRC_OK;

    case EIRC_LINK_END:
        b->over = true;
        return EIRC_DONE;

    case EIRC_LINK_DETACH:
        return EIRC_DONE;

    default:
        b->error = h.type;
        return EIRC_ERROR;
    }
}


/*
 * Messages are taken while others are pending, because CONFIRM may lie behind
 * them, without which these may never go. An end is not: what was said before
 * it goes first.
 */
static int
link_receive(browser_t *b, session_t *s)
{
    int rc;

    b->stalled = false;
    rc = record_take(b, s);

    if (rc == EIRC_DONE && is_pending(s)) {
        b->stalled = true;
        return EIRC_AGAIN;
    }

    return rc;
}


static int
record_send(int fd, struct iovec *iov, int niov)
{
    ssize_t n;
    struct msghdr msg;

    memset(&msg, 0, sizeof(msg));
    msg.msg_iov = iov;
    msg.msg_iovlen = (size_t) niov;

    do {
        n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n == -1 && errno == EINTR);

    if (n == -1) {
        return errno == EAGAIN || errno == ENOBUFS ? EIRC_AGAIN : EIRC_ERROR;
    }

    return EIRC_OK;
}


/* The first record of a process, or of a successor, which can't know whether
 * it was sent: then it is passed over at the other end. */
static int
greeting_send(browser_t *b, const session_t *s)
{
    int rc;
    struct iovec iov;
    eirc_link_resumed_t resumed;
    uint8_t record[EIRC_LINK_RESUMED_MAX > RECORD_MAX ? EIRC_LINK_RESUMED_MAX
                                                      : RECORD_MAX];

    iov.iov_base = record;

    if (b->greeting == BROWSER_RESUMED) {
        memset(&resumed, 0, sizeof(resumed));
        resumed.flags = s->state->gap ? EIRC_LINK_GAP : 0;
        resumed.replay = (uint32_t) s->ring_size;
        resumed.messages = s->state->messages;
        resumed.lines = s->state->sent;
        resumed.nick = eirc_slice_str(
            s->state->nick[0] != '\0' ? s->state->nick : s->identity->nick);
        resumed.account = eirc_slice_str(s->identity->account);
        iov.iov_len = eirc_link_resumed_write(record, &resumed);

    } else {
        iov.iov_len = eirc_link_ready_write(
            record, b->greeting == BROWSER_RESET ? EIRC_LINK_READY_RESET : 0,
            b->id);
    }

    rc = record_send(b->fd, &iov, 1);

    if (rc == EIRC_OK) {
        b->greeting = BROWSER_GREETED;
    }

    return rc;
}


static int
link_send(browser_t *b, session_t *s)
{
    int rc, niov;
    uint8_t head[EIRC_LINK_HEADER_SIZE];
    uint32_t lines;
    struct iovec iov[3];
    eirc_link_header_t h;

    if (b->greeting != BROWSER_GREETED) {
        rc = greeting_send(b, s);

        if (rc != EIRC_OK) {
            return rc;
        }
    }

    for (;;) {
        lines = session_ring_batch(
            s, EIRC_LINK_LINES_MAX - EIRC_LINK_HEADER_SIZE, iov + 1, &niov);

        if (lines == 0) {
            return EIRC_OK;
        }

        memset(&h, 0, sizeof(h));
        h.type = EIRC_LINK_LINES;
        h.value = lines;
        h.count = s->state->sent;
        eirc_link_header_write(head, &h);

        iov[0].iov_base = head;
        iov[0].iov_len = sizeof(head);

        rc = record_send(b->fd, iov, niov + 1);

        if (rc != EIRC_OK) {
            return rc;
        }

        session_ring_sent(s, lines);
        session_commit(s);
    }
}


static int
words_send(int fd, eirc_link_type_e type, uint32_t value, const char *text)
{
    uint8_t record[RECORD_MAX];
    struct iovec iov;

    iov.iov_base = record;
    iov.iov_len = eirc_link_record_write(record, type, value, 0, text);

    return record_send(fd, &iov, 1);
}


static int
link_end(browser_t *b, uint32_t reason)
{
    return words_send(b->fd, EIRC_LINK_END, reason,
                      eirc_link_reason_name(reason));
}


void
link_refuse(int fd, uint32_t reason, const char *text)
{
    (void) words_send(fd, EIRC_LINK_REFUSED, reason, text);
}


int
link_user_read(int fd, int ms, uint8_t *buf, eirc_slice_t *json)
{
    int rc;
    ssize_t n;
    struct pollfd pfd;
    eirc_link_header_t h;

    pfd.fd = fd;
    pfd.events = POLLIN;

    do {
        rc = poll(&pfd, 1, ms);
    } while (rc == -1 && errno == EINTR);

    if (rc != 1) {
        return EIRC_ERROR;
    }

    /* a record that is longer is cut here, and refused by its real length */

    do {
        n = recv(fd, buf, LINK_USER_MAX, MSG_DONTWAIT | MSG_TRUNC);
    } while (n == -1 && errno == EINTR);

    if (n <= 0 || n > LINK_USER_MAX
        || eirc_link_header_read(&h, buf, (size_t) n) != EIRC_OK
        || h.type != EIRC_LINK_USER)
    {
        return EIRC_ERROR;
    }

    *json = eirc_slice(buf + EIRC_LINK_HEADER_SIZE,
                       (size_t) n - EIRC_LINK_HEADER_SIZE);

    return EIRC_OK;
}


void
link_init(browser_t *b, int fd)
{
    memset(b, 0, sizeof(browser_t));

    b->fd = fd;
    b->receive = link_receive;
    b->send = link_send;
    b->end = link_end;
    b->ahead = true;
}
