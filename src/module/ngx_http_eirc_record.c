
/*
 * Records on a socket, as links and watch connections need them: SEQPACKET,
 * non-blocking, one packet a record (docs/link.md, 1). Records are received
 * into one buffer of the worker: what is in it is valid until the next call.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "ngx_http_eirc_link.h"


/* the longest record, USER, with room for the kernel's own bookkeeping */
#define NGX_HTTP_EIRC_LINK_SNDBUF      (2 * EIRC_LINK_RECORD_MAX)


static void ngx_http_eirc_record_empty_handler(ngx_event_t *ev);


u_char  ngx_http_eirc_record_buffer[EIRC_LINK_RECORD_MAX + 1];


ngx_int_t
ngx_http_eirc_record_socket(ngx_http_eirc_layer_t *layer, ngx_log_t *log,
    ngx_connection_t **connection)
{
    int                size;
    socklen_t          len;
    ngx_err_t          err;
    ngx_uint_t         absent, level;
    ngx_socket_t       s;
    ngx_connection_t  *c;

    s = socket(AF_UNIX, SOCK_SEQPACKET|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (s == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      ngx_socket_n " failed");
        return NGX_ERROR;
    }

    len = sizeof(int);

    if (getsockopt(s, SOL_SOCKET, SO_SNDBUF, (void *) &size, &len) == -1
        || size < NGX_HTTP_EIRC_LINK_SNDBUF)
    {
        size = NGX_HTTP_EIRC_LINK_SNDBUF;

        if (setsockopt(s, SOL_SOCKET, SO_SNDBUF, (const void *) &size,
                       sizeof(int))
            == -1)
        {
            ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                          "setsockopt(SO_SNDBUF) failed");
        }
    }

    if (connect(s, (struct sockaddr *) &layer->sockaddr, layer->socklen)
        == -1)
    {
        err = ngx_socket_errno;

        (void) ngx_close_socket(s);

        if (err == NGX_EAGAIN) {
            return NGX_BUSY;
        }

        /* a layer that we start ourselves may well be missing */

        absent = (err == NGX_ENOENT || err == NGX_ECONNREFUSED);

        level = (absent && !layer->conf->client_unix) ? NGX_LOG_INFO
                                                      : NGX_LOG_ERR;

        ngx_log_error(level, log, err, "connect() to \"unix:%s\" failed",
                      layer->sockaddr.sun_path);

        return absent ? NGX_DECLINED : NGX_ERROR;
    }

    c = ngx_get_connection(s, log);

    if (c == NULL) {
        (void) ngx_close_socket(s);
        return NGX_ERROR;
    }

    c->type = SOCK_SEQPACKET;
    c->log = log;
    c->read->log = log;
    c->write->log = log;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->start_time = ngx_current_msec;

    c->read->handler = ngx_http_eirc_record_empty_handler;
    c->write->handler = ngx_http_eirc_record_empty_handler;

    /*
     * Of the other end's reading nothing has to be known before a record does
     * not fit: there is room for any in an empty socket.
     */

    if (ngx_add_event(c->read, NGX_READ_EVENT,
                      (ngx_event_flags & NGX_USE_CLEAR_EVENT)
                      ? NGX_CLEAR_EVENT : NGX_LEVEL_EVENT)
        != NGX_OK)
    {
        goto failed;
    }

    c->write->ready = 1;

    *connection = c;

    return NGX_OK;

failed:

    ngx_close_connection(c);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_eirc_record_send(ngx_connection_t *c, struct iovec *iov, ngx_uint_t n)
{
    ssize_t        rc;
    ngx_err_t      err;
    struct msghdr  msg;

    ngx_memzero(&msg, sizeof(struct msghdr));

    msg.msg_iov = iov;
    msg.msg_iovlen = n;

    do {
        rc = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
        err = ngx_socket_errno;
    } while (rc == -1 && err == NGX_EINTR);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "eirc link send: fd:%d %z", c->fd, rc);

    if (rc != -1) {
        return NGX_OK;
    }

    if (err == NGX_EAGAIN) {
        c->write->ready = 0;

        return (ngx_handle_write_event(c->write, 0) == NGX_OK) ? NGX_AGAIN
                                                               : NGX_ERROR;
    }

    if (err == NGX_EPIPE || err == NGX_ECONNRESET) {
        return NGX_DONE;
    }

    ngx_log_error(NGX_LOG_CRIT, c->log, err, "sendmsg() to link failed");

    return NGX_ERROR;
}


ssize_t
ngx_http_eirc_record_recv(ngx_connection_t *c)
{
    ssize_t    n;
    ngx_err_t  err;

    /*
     * ECONNRESET says, once, that the peer closed with records of ours
     * unread; what it sent before is still there, and the end of file after
     * that.
     */

    do {
        n = recv(c->fd, ngx_http_eirc_record_buffer,
                 sizeof(ngx_http_eirc_record_buffer), MSG_DONTWAIT);
        err = ngx_socket_errno;
    } while (n == -1 && (err == NGX_EINTR || err == NGX_ECONNRESET));

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "eirc link recv: fd:%d %z", c->fd, n);

    if (n >= 0) {
        return n;
    }

    if (err == NGX_EAGAIN) {
        c->read->ready = 0;
        return NGX_AGAIN;
    }

    ngx_log_error(NGX_LOG_CRIT, c->log, err, "recv() from link failed");

    return NGX_ERROR;
}


ngx_int_t
ngx_http_eirc_record_hello(ngx_http_eirc_layer_t *layer, ssize_t n,
    ngx_uint_t *full, const char **why)
{
    eirc_link_header_t  h;

    if (eirc_link_header_read(&h, ngx_http_eirc_record_buffer, n) != EIRC_OK
        || h.type != EIRC_LINK_HELLO)
    {
        *why = "something else than HELLO";
        return NGX_ERROR;
    }

    if (h.value != EIRC_LINK_VERSION) {
        *why = "another version of the link";
        return NGX_ERROR;
    }

    if (h.count != layer->index) {
        *why = "another index than its own";
        return NGX_ERROR;
    }

    *full = h.flags & EIRC_LINK_FULL;

    return NGX_OK;
}


static void
ngx_http_eirc_record_empty_handler(ngx_event_t *ev)
{
    /* void */
}
