#include "carry_server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>


int
carry_server_open(carry_server_t *s, const tls_context_t *context, int fd)
{
    memset(s, 0, sizeof(carry_server_t));
    s->fd = fd;

    if (context->plain) {
        return EIRC_OK;
    }

    s->ssl = tls_context_connect(context, fd);

    return s->ssl == NULL ? EIRC_ERROR : EIRC_OK;
}


int
carry_server_shake(carry_server_t *s, const tls_context_t *context,
                   char *words)
{
    int rc, error;

    if (s->ssl != NULL) {
        errno = 0;
        openssl.ERR_clear_error();
        rc = openssl.SSL_connect(s->ssl);

        if (rc != 1) {
            error = openssl.SSL_get_error(s->ssl, rc);

            if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
            {
                return EIRC_AGAIN;
            }

            tls_context_failed(context, s->ssl, error, words);
            return EIRC_ERROR;
        }

        if (tls_context_judge(context, s->ssl, words) != EIRC_OK) {
            (void) openssl.SSL_shutdown(s->ssl);
            return EIRC_ERROR;
        }
    }

    s->version = s->ssl == NULL ? "" : openssl.SSL_get_version(s->ssl);
    s->stood = 1;
    s->ready = 1; /* the first bytes may have come with the last ones */

    return EIRC_OK;
}


void
carry_server_late(const carry_server_t *s, const tls_context_t *context,
                  char *words)
{
    errno = ETIMEDOUT;
    tls_context_failed(context, s->ssl, SSL_ERROR_SYSCALL, words);
}


/* What a call of OpenSSL has come to: more to come, or the end. */
static void
tls_result(carry_server_t *s, int rc)
{
    switch (openssl.SSL_get_error(s->ssl, rc)) {

    case SSL_ERROR_WANT_READ:
        s->ready = 0;
        break;

    case SSL_ERROR_WANT_WRITE:
        break;

    case SSL_ERROR_ZERO_RETURN:
        s->closed = 1;
        break;

    default:
        s->closed = 1;
        s->broken = 1;
        s->cut = !s->leaving;
        break;
    }
}


static size_t
tls_read(carry_server_t *s, uint8_t *buf, size_t size)
{
    int rc;

    openssl.ERR_clear_error();
    rc = openssl.SSL_read(s->ssl, buf, (int) size);

    if (rc > 0) {
        return (size_t) rc;
    }

    tls_result(s, rc);

    return 0;
}


static size_t
plain_read(carry_server_t *s, uint8_t *buf, size_t size)
{
    ssize_t n;

    do {
        n = recv(s->fd, buf, size, MSG_DONTWAIT);
    } while (n == -1 && errno == EINTR);

    if (n > 0) {
        return (size_t) n;
    }

    if (n == -1 && errno == EAGAIN) {
        s->ready = 0;
        return 0;
    }

    s->closed = 1;
    s->cut = n == -1 && !s->leaving;

    return 0;
}


size_t
carry_server_read(carry_server_t *s, uint8_t *buf, size_t size)
{
    return s->ssl != NULL ? tls_read(s, buf, size) : plain_read(s, buf, size);
}


static size_t
tls_write(carry_server_t *s, const uint8_t *p, size_t len)
{
    int rc;

    openssl.ERR_clear_error();
    rc = openssl.SSL_write(s->ssl, p, (int) len);

    if (rc > 0) {
        return (size_t) rc;
    }

    tls_result(s, rc);

    return 0;
}


/* A server that takes no more may have said why. */
static size_t
plain_write(carry_server_t *s, const uint8_t *p, size_t len)
{
    ssize_t n;

    do {
        n = send(s->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n == -1 && errno == EINTR);

    if (n >= 0) {
        return (size_t) n;
    }

    if (errno != EAGAIN) {
        s->broken = 1;
        s->ready = 1;
    }

    return 0;
}


size_t
carry_server_write(carry_server_t *s, const uint8_t *p, size_t len)
{
    return s->ssl != NULL ? tls_write(s, p, len) : plain_write(s, p, len);
}


static void
notify(carry_server_t *s)
{
    if (s->ssl != NULL && s->stood && !s->broken && !s->leaving) {
        openssl.ERR_clear_error();
        (void) openssl.SSL_shutdown(s->ssl);
    }
}


void
carry_server_leave(carry_server_t *s)
{
    notify(s);
    (void) shutdown(s->fd, SHUT_WR);
    s->leaving = 1;
}


void
carry_server_close(carry_server_t *s)
{
    if (s->fd == -1) {
        return;
    }

    notify(s);

    if (s->ssl != NULL) {
        openssl.SSL_free(s->ssl);
        s->ssl = NULL;
    }

    (void) close(s->fd);
    s->fd = -1;
}
