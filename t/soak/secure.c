#include "secure.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* bytes on their way, each way */
#define BUFFER_SIZE 16384

typedef struct secure_s secure_t;

typedef struct {
    source_t source; /* first */
    secure_t *secure;
} side_t;

typedef struct {
    size_t start;
    size_t end;
    bool over; /* nothing more comes */
    uint8_t bytes[BUFFER_SIZE];
} pipe_t;

struct secure_s {
    side_t net;
    side_t plain;
    SSL *ssl;
    pipe_t in; /* from the network */
    pipe_t out;
    secure_t *next; /* in the list of those to be freed */
};

static struct {
    loop_t *loop;
    SSL_CTX *ctx;
    secure_t *over;
} all;


static void
secure_end(secure_t *s)
{
    if (s->net.source.fd == -1) {
        return;
    }

    (void) SSL_shutdown(s->ssl);
    (void) close(s->net.source.fd);
    (void) close(s->plain.source.fd);
    s->net.source.fd = -1;
    s->plain.source.fd = -1;
    s->next = all.over;
    all.over = s;
}


static size_t
pipe_room(pipe_t *p)
{
    if (p->start == p->end) {
        p->start = 0;
        p->end = 0;
    }

    return BUFFER_SIZE - p->end;
}


/* From the network into its pipe; false: it is to be waited for. */
static bool
net_read(secure_t *s)
{
    int n;
    size_t room;

    room = pipe_room(&s->in);

    if (room == 0 || s->in.over) {
        return false;
    }

    ERR_clear_error();
    n = SSL_read(s->ssl, s->in.bytes + s->in.end, (int) room);

    if (n > 0) {
        s->in.end += (size_t) n;
        return true;
    }

    n = SSL_get_error(s->ssl, n);
    s->in.over = n != SSL_ERROR_WANT_READ && n != SSL_ERROR_WANT_WRITE;

    return s->in.over;
}


static bool
net_write(secure_t *s)
{
    int n;

    if (s->out.start == s->out.end) {
        return false;
    }

    ERR_clear_error();
    n = SSL_write(s->ssl, s->out.bytes + s->out.start,
                  (int) (s->out.end - s->out.start));

    if (n > 0) {
        s->out.start += (size_t) n;
        return true;
    }

    n = SSL_get_error(s->ssl, n);

    if (n != SSL_ERROR_WANT_READ && n != SSL_ERROR_WANT_WRITE) {
        s->in.over = true;
        s->out.start = s->out.end;
    }

    return false;
}


static bool
plain_read(secure_t *s)
{
    size_t room;
    ssize_t n;

    room = pipe_room(&s->out);

    if (room == 0 || s->out.over) {
        return false;
    }

    n = recv(s->plain.source.fd, s->out.bytes + s->out.end, room,
             MSG_DONTWAIT);

    if (n > 0) {
        s->out.end += (size_t) n;
        return true;
    }

    s->out.over = n == 0 || errno != EAGAIN;

    return s->out.over;
}


static bool
plain_write(secure_t *s)
{
    ssize_t n;

    if (s->in.start == s->in.end) {
        return false;
    }

    n = send(s->plain.source.fd, s->in.bytes + s->in.start,
             s->in.end - s->in.start, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n > 0) {
        s->in.start += (size_t) n;
        return true;
    }

    if (errno != EAGAIN) {
        s->in.start = s->in.end;
        s->in.over = true;
    }

    return false;
}


static void
watch(secure_t *s)
{
    (void) loop_change(all.loop, &s->net.source,
                       (pipe_room(&s->in) > 0 && !s->in.over ? EPOLLIN : 0U)
                           | (s->out.start < s->out.end ? EPOLLOUT : 0U));
    (void) loop_change(all.loop, &s->plain.source,
                       (pipe_room(&s->out) > 0 && !s->out.over ? EPOLLIN : 0U)
                           | (s->in.start < s->in.end ? EPOLLOUT : 0U));
}


static void
carry(source_t *source, uint32_t events)
{
    bool moved;
    secure_t *s;

    (void) events;
    s = ((side_t *) source)->secure;

    do {
        moved = net_read(s);
        moved = plain_write(s) || moved;
        moved = plain_read(s) || moved;
        moved = net_write(s) || moved;
    } while (moved);

    if ((s->in.over && s->in.start == s->in.end)
        || (s->out.over && s->out.start == s->out.end))
    {
        secure_end(s);
        return;
    }

    watch(s);
}


int
secure_init(loop_t *loop, const char *file)
{
    all.loop = loop;
    all.ctx = SSL_CTX_new(TLS_server_method());

    return all.ctx == NULL
                   || SSL_CTX_use_certificate_file(all.ctx, file,
                                                   SSL_FILETYPE_PEM)
                          != 1
                   || SSL_CTX_use_PrivateKey_file(all.ctx, file,
                                                  SSL_FILETYPE_PEM)
                          != 1
               ? -1
               : 0;
}


int
secure_accept(int fd)
{
    int fds[2];
    secure_t *s;

    s = calloc(1, sizeof(secure_t));

    if (s == NULL
        || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                      fds)
               == -1)
    {
        abort();
    }

    s->ssl = SSL_new(all.ctx);

    if (s->ssl == NULL || SSL_set_fd(s->ssl, fd) != 1) {
        abort();
    }

    (void) SSL_set_mode(s->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE
                                    | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_accept_state(s->ssl);

    s->net.source.fd = fd;
    s->net.source.ready = carry;
    s->net.secure = s;
    s->plain.source.fd = fds[0];
    s->plain.source.ready = carry;
    s->plain.secure = s;

    if (loop_add(all.loop, &s->net.source, EPOLLIN) == -1
        || loop_add(all.loop, &s->plain.source, EPOLLIN) == -1)
    {
        abort();
    }

    return fds[1];
}


void
secure_sweep(void)
{
    secure_t *s;

    while ((s = all.over) != NULL) {
        all.over = s->next;
        SSL_free(s->ssl);
        free(s);
    }
}
