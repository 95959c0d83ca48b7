#include "stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* the longest line with tags fits, and any head */
#define KEPT_MAX 16384
#define READ_SIZE 65536
#define REQUEST_MAX 1024

static void stream_ready(source_t *source, uint32_t events);


static void
stream_end(stream_t *s, int code, const char *why)
{
    stream_drop(s);
    s->calls->closed(s, code, why);
}


static void
stream_append(stream_t *s, const void *p, size_t len)
{
    size_t size;
    uint8_t *out;

    if (s->out_len + len > s->out_size) {
        size = s->out_len + len + 256;
        out = realloc(s->out, size);

        if (out == NULL) {
            abort();
        }

        s->out = out;
        s->out_size = size;
    }

    memcpy(s->out + s->out_len, p, len);
    s->out_len += len;
}


static int
stream_open(stream_t *s)
{
    s->state = STREAM_OPEN;

    eirc_ws_reader_init(&s->reader,
                        s->options & STREAM_SERVER ? EIRC_WS_SERVER
                                                   : EIRC_WS_CLIENT,
                        KEPT_MAX);

    s->calls->opened(s);

    return s->source.fd == -1 ? -1 : 0;
}


int
stream_connect(stream_t *s, loop_t *loop, const stream_calls_t *calls,
               unsigned options, const struct sockaddr_in *from,
               const struct sockaddr_in *to, const char *path)
{
    int fd, on, error;
    size_t n;
    uint8_t request[REQUEST_MAX];

    memset(s, 0, sizeof(*s));
    s->source.fd = -1;
    s->loop = loop;
    s->calls = calls;
    s->options = options;

    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd == -1) {
        return -1;
    }

    on = 1;
    s->source.fd = fd;
    s->source.ready = stream_ready;
    s->state = STREAM_CONNECTING;

    /* the port is chosen by connect(), which knows both ends */

    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on))
            == -1
        || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1
        || bind(fd, (const struct sockaddr *) from, sizeof(*from)) == -1
        || (connect(fd, (const struct sockaddr *) to, sizeof(*to)) == -1
            && errno != EINPROGRESS)
        || loop_add(loop, &s->source, EPOLLIN | EPOLLOUT) == -1)
    {
        goto failed;
    }

    if (options & STREAM_WS) {
        n = upgrade_request(request, sizeof(request), path, s->key);

        if (n == 0) {
            errno = EINVAL;
            goto failed;
        }

        stream_append(s, request, n);
    }

    return 0;

failed:

    error = errno;
    stream_drop(s);
    errno = error;

    return -1;
}


int
stream_accept(stream_t *s, loop_t *loop, const stream_calls_t *calls,
              unsigned options, int fd)
{
    int on;

    memset(s, 0, sizeof(*s));
    s->source.fd = fd;
    s->source.ready = stream_ready;
    s->loop = loop;
    s->calls = calls;
    s->options = options | STREAM_SERVER;
    s->state = STREAM_HEAD;
    on = 1;

    (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    if (loop_add(loop, &s->source, EPOLLIN) == -1) {
        stream_drop(s);
        return -1;
    }

    return options & STREAM_WS ? 0 : stream_open(s);
}


/* Sends a frame, or a line with CR LF; masked where a client has to. */
static void
stream_frame(stream_t *s, unsigned first, const void *p, size_t len)
{
    size_t n;
    uint8_t *start;
    uint8_t head[EIRC_WS_HEADER_MAX];

    /*
     * Masks protect proxies from what a hostile page sends; here nobody is
     * hostile, and they only have to cost what they cost.
     */
    static const uint8_t mask[4] = {0x5a, 0xc3, 0x17, 0x88};

    n = eirc_ws_header(head, EIRC_WS_FIN | first, len,
                       s->options & STREAM_SERVER ? NULL : mask);
    stream_append(s, head, n);
    stream_append(s, p, len);

    if (!(s->options & STREAM_SERVER)) {
        start = s->out + s->out_len - len;
        eirc_ws_mask(start, len, mask, 0);
    }
}


void
stream_put(stream_t *s, const void *p, size_t len)
{
    if (s->source.fd == -1) {
        return;
    }

    if (s->options & STREAM_WS) {
        stream_frame(s, EIRC_WS_TEXT, p, len);
        return;
    }

    stream_append(s, p, len);
    stream_append(s, "\r\n", 2);
}


void
stream_flush(stream_t *s)
{
    ssize_t n;

    if (s->source.fd == -1 || s->out_len == 0 || s->state == STREAM_CONNECTING)
    {
        return;
    }

    n = send(s->source.fd, s->out, s->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n == -1) {
        if (errno != EAGAIN) {
            /* the loop will tell of it */
            return;
        }

        n = 0;
    }

    if ((size_t) n == s->out_len) {
        free(s->out);
        s->out = NULL;
        s->out_len = 0;
        s->out_size = 0;
        return;
    }

    memmove(s->out, s->out + n, s->out_len - (size_t) n);
    s->out_len -= (size_t) n;
    (void) loop_change(s->loop, &s->source, EPOLLIN | EPOLLOUT);
}


void
stream_drop(stream_t *s)
{
    if (s->source.fd != -1) {
        (void) close(s->source.fd);
    }

    free(s->out);
    free(s->kept);

    s->source.fd = -1;
    s->state = STREAM_NONE;
    s->out = NULL;
    s->out_len = 0;
    s->out_size = 0;
    s->kept = NULL;
    s->kept_len = 0;
}


/* Keeps bytes for later, behind what is kept already. */
static int
stream_keep(stream_t *s, const uint8_t *p, size_t len)
{
    uint8_t *kept;

    if (len == 0) {
        return 0;
    }

    if (s->kept_len + len > KEPT_MAX) {
        return -1;
    }

    kept = realloc(s->kept, s->kept_len + len);

    if (kept == NULL) {
        abort();
    }

    memcpy(kept + s->kept_len, p, len);
    s->kept = kept;
    s->kept_len += len;

    return 0;
}


static void
stream_line(stream_t *s, const uint8_t *p, size_t len)
{
    s->received += len;
    s->calls->line(s, p, len);
}


static int
stream_take_lines(stream_t *s, const uint8_t *pos, const uint8_t *last)
{
    size_t len;
    const uint8_t *end;

    while (pos < last) {
        end = memchr(pos, '\n', (size_t) (last - pos));

        if (end == NULL) {
            break;
        }

        len = (size_t) (end - pos);

        if (len > 0 && pos[len - 1] == '\r') {
            len--;
        }

        stream_line(s, pos, len);
        pos = end + 1;

        if (s->source.fd == -1) {
            return 0;
        }
    }

    return stream_keep(s, pos, (size_t) (last - pos));
}


/* a piece of a message: the line, unless more of it is to come */
static int
stream_take_data(stream_t *s, const eirc_ws_event_t *event)
{
    uint8_t *line;
    size_t len;

    if (s->kept_len == 0 && event->flags & EIRC_WS_PIECE_END) {
        stream_line(s, event->data, event->len);
        return 0;
    }

    if (stream_keep(s, event->data, event->len) == -1) {
        return -1;
    }

    if (event->flags & EIRC_WS_PIECE_END) {
        line = s->kept;
        len = s->kept_len;
        s->kept = NULL;
        s->kept_len = 0;
        stream_line(s, line, len);
        free(line);
    }

    return 0;
}


/* EIRC_OK: on with the next one */
static int
stream_take_frame(stream_t *s, const eirc_ws_event_t *event)
{
    size_t n;
    uint8_t body[EIRC_WS_CONTROL_MAX];

    switch (event->type) {
    case EIRC_WS_EVENT_DATA:
        return stream_take_data(s, event) == 0 ? EIRC_OK : EIRC_ERROR;

    case EIRC_WS_EVENT_PING:
        if (!(s->options & STREAM_SILENT)) {
            stream_frame(s, EIRC_WS_PONG, event->data, event->len);
        }

        stream_flush(s);
        break;

    case EIRC_WS_EVENT_CLOSE:
        n = eirc_ws_close_build(body, event->code, NULL, 0);
        stream_frame(s, EIRC_WS_CLOSE, body, n);
        stream_flush(s);
        stream_end(s, event->code, "closed");
        return EIRC_DONE;

    default:
        break;
    }

    return EIRC_OK;
}


static int
stream_take_frames(stream_t *s, uint8_t *pos, const uint8_t *last)
{
    int rc;
    eirc_ws_event_t event;

    for (;;) {
        rc = eirc_ws_read(&s->reader, &pos, last, &event);

        if (rc == EIRC_OK) {
            rc = stream_take_frame(s, &event);

            if (rc == EIRC_OK && s->source.fd != -1) {
                continue;
            }
        }

        if (s->source.fd == -1 || rc == EIRC_AGAIN) {
            return 0;
        }

        return -1;
    }
}


/* 0: the handshake is done, *pos is behind it; 1: not yet; -1: it failed */
static int
stream_take_head(stream_t *s, uint8_t **pos, const uint8_t *last)
{
    int status;
    size_t len, n;
    uint8_t answer[REQUEST_MAX];

    len = upgrade_head(*pos, (size_t) (last - *pos));

    if (len == 0) {
        return stream_keep(s, *pos, (size_t) (last - *pos)) == 0 ? 1 : -1;
    }

    if (s->options & STREAM_SERVER) {
        n = upgrade_answer(answer, sizeof(answer), *pos, len);

        if (n == 0) {
            return -1;
        }

        stream_append(s, answer, n);
        stream_flush(s);

    } else {
        status = upgrade_judge(*pos, len, s->key);

        if (status != 101) {
            stream_end(s, status, "the handshake was refused");
            return 1;
        }
    }

    *pos += len;

    return stream_open(s) == 0 ? 0 : 1;
}


static int
stream_take(stream_t *s, uint8_t *pos, const uint8_t *last)
{
    int rc;

    if (s->state == STREAM_HEAD) {
        rc = stream_take_head(s, &pos, last);

        if (rc != 0) {
            return rc == 1 ? 0 : -1;
        }
    }

    return s->options & STREAM_WS ? stream_take_frames(s, pos, last)
                                  : stream_take_lines(s, pos, last);
}


static void
stream_read(stream_t *s)
{
    size_t before;
    ssize_t n;
    static uint8_t in[KEPT_MAX + READ_SIZE];

    do {
        n = recv(s->source.fd, in + KEPT_MAX, READ_SIZE, 0);

        if (n == -1) {
            if (errno != EAGAIN && errno != EINTR) {
                stream_end(s, -1, strerror(errno));
            }

            return;
        }

        if (n == 0) {
            stream_end(s, 0, "end of file");
            return;
        }

        /* what was kept goes before it, but for parts of messages */

        before = s->options & STREAM_WS && s->state == STREAM_OPEN
                     ? 0
                     : s->kept_len;

        if (before > 0) {
            memcpy(in + KEPT_MAX - before, s->kept, before);
            free(s->kept);
            s->kept = NULL;
            s->kept_len = 0;
        }

        if (stream_take(s, in + KEPT_MAX - before, in + KEPT_MAX + n) == -1) {
            stream_end(s, -1, "what came breaks the protocol");
            return;
        }

    } while (n == READ_SIZE && s->source.fd != -1);
}


static int
stream_connected(stream_t *s)
{
    int error;
    socklen_t len;

    error = 0;
    len = sizeof(error);
    (void) getsockopt(s->source.fd, SOL_SOCKET, SO_ERROR, &error, &len);

    if (error != 0) {
        stream_end(s, -1, strerror(error));
        return -1;
    }

    (void) loop_change(s->loop, &s->source, EPOLLIN);

    if (!(s->options & STREAM_WS)) {
        return stream_open(s);
    }

    s->state = STREAM_HEAD;
    stream_flush(s);

    return 0;
}


static void
stream_ready(source_t *source, uint32_t events)
{
    stream_t *s;

    s = (stream_t *) source;

    if (s->state == STREAM_CONNECTING) {
        if (stream_connected(s) == -1) {
            return;
        }

    } else if (events & EPOLLOUT) {
        (void) loop_change(s->loop, &s->source, EPOLLIN);
        stream_flush(s);
    }

    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
        stream_read(s);
    }
}
