#include "stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A line, with room to spare; a longer one is passed over. */
#define STREAM_LINE_MAX 16384

/* lines per call */
#define BATCH 32


/* Nobody takes over from this process, so what is half done is here. */
static struct {
    uint8_t in[STREAM_LINE_MAX];
    size_t len;
    size_t scanned; /* of in, without LF */
    bool skipping;  /* the rest of a line too long */
    size_t sent;    /* of the line at the ring's tail, with its LF */
    bool eof;
} stream;


/* Takes the first line there is into the segment; false: there is none. */
static bool
line_take(session_t *s)
{
    size_t len;
    uint8_t *lf;

    lf = memchr(stream.in + stream.scanned, '\n', stream.len - stream.scanned);

    if (lf == NULL) {
        stream.scanned = stream.len;

        if (stream.len == sizeof(stream.in)) {
            stream.len = 0;
            stream.scanned = 0;
            stream.skipping = true;
        }

        return false;
    }

    len = (size_t) (lf - stream.in);

    if (!stream.skipping) {
        memcpy(s->message, stream.in, len);
        session_message_add(s, len);
        session_commit(s);
    }

    stream.skipping = false;
    stream.len -= len + 1;
    stream.scanned = 0;
    memmove(stream.in, lf + 1, stream.len);

    return true;
}


static int
stream_receive(browser_t *b, session_t *s)
{
    ssize_t n;

    for (;;) {

        b->more = line_take(s);

        if (b->more) {
            return EIRC_OK;
        }

        if (stream.eof) {
            return EIRC_DONE;
        }

        do {
            n = recv(b->fd, stream.in + stream.len,
                     sizeof(stream.in) - stream.len, MSG_DONTWAIT);
        } while (n == -1 && errno == EINTR);

        if (n == -1) {
            return errno == EAGAIN ? EIRC_AGAIN : EIRC_DONE;
        }

        stream.eof = n == 0;
        stream.len += (size_t) n;
    }
}


/* The pieces of lines from the ring, each with its LF; *niov of them. */
static void
batch_make(const session_t *s, struct iovec *iov, int *niov)
{
    int i, n;
    uint64_t pos;
    static uint8_t lf[] = "\n";

    pos = s->state->ring_sent;
    *niov = 0;

    for (i = 0; i < BATCH; i++) {
        n = session_ring_next(s, &pos, iov + *niov);

        if (n <= 0) {
            return;
        }

        *niov += n;
        iov[*niov].iov_base = lf;
        iov[*niov].iov_len = 1;
        (*niov)++;
    }
}


/* Leaves out of the pieces what went before. */
static void
batch_skip(struct iovec *iov, int niov, size_t n)
{
    int i;
    size_t part;

    for (i = 0; i < niov && n > 0; i++) {
        part = n < iov[i].iov_len ? n : iov[i].iov_len;
        iov[i].iov_base = (uint8_t *) iov[i].iov_base + part;
        iov[i].iov_len -= part;
        n -= part;
    }
}


/* n bytes more of the lines at the tail are sent: how many are whole now? */
static uint32_t
batch_sent(const session_t *s, size_t n)
{
    int i, pieces;
    size_t len;
    uint32_t lines;
    uint64_t pos;
    struct iovec iov[2];

    stream.sent += n;
    pos = s->state->ring_sent;

    for (lines = 0; lines < BATCH; lines++) {
        pieces = session_ring_next(s, &pos, iov);
        len = 1;

        for (i = 0; i < pieces; i++) {
            len += iov[i].iov_len;
        }

        if (pieces <= 0 || stream.sent < len) {
            break;
        }

        stream.sent -= len;
    }

    return lines;
}


static int
stream_send(browser_t *b, session_t *s)
{
    int niov;
    ssize_t n;
    struct iovec iov[3 * BATCH];
    struct msghdr msg;

    for (;;) {
        batch_make(s, iov, &niov);

        if (niov == 0) {
            return EIRC_OK;
        }

        batch_skip(iov, niov, stream.sent);

        memset(&msg, 0, sizeof(msg));
        msg.msg_iov = iov;
        msg.msg_iovlen = (size_t) niov;

        do {
            n = sendmsg(b->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        } while (n == -1 && errno == EINTR);

        if (n == -1) {
            return errno == EAGAIN ? EIRC_AGAIN : EIRC_ERROR;
        }

        session_ring_sent(s, batch_sent(s, (size_t) n));
        session_commit(s);
    }
}


/* "Disconnected." has said it; the end of file does the rest. */
static int
stream_end(browser_t *b, uint32_t reason)
{
    (void) b;
    (void) reason;

    return EIRC_OK;
}


void
stream_init(browser_t *b, int fd)
{
    memset(&stream, 0, sizeof(stream));
    memset(b, 0, sizeof(browser_t));

    b->fd = fd;
    b->receive = stream_receive;
    b->send = stream_send;
    b->end = stream_end;
}
