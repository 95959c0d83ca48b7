
/*
 * What goes out over links: requests, messages and what nginx itself has to
 * say to a process (docs/link.md, 3). What the socket does not take is tried
 * again from the write handler in link.c.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "ngx_http_eirc_link.h"


static ngx_int_t ngx_http_eirc_link_requested(ngx_http_eirc_link_t *link,
    ngx_int_t rc);
static ngx_int_t ngx_http_eirc_link_control(ngx_http_eirc_link_t *link,
    ngx_uint_t type, uint64_t count);


ngx_int_t
ngx_http_eirc_link_request(ngx_http_eirc_link_t *link,
    eirc_link_session_t *request, ngx_str_t *user)
{
    u_char        header[EIRC_LINK_HEADER_SIZE];
    u_char        record[EIRC_LINK_SESSION_MAX];
    size_t        len;
    ngx_int_t     rc;
    struct iovec  iov[2];

    if (link->state != NGX_HTTP_EIRC_LINK_OPEN) {
        return NGX_ERROR;
    }

    len = eirc_link_session_write(record, request);

    if (len == 0 || user->len < 2 || user->len > EIRC_LINK_USER_MAX) {
        ngx_log_error(NGX_LOG_ERR, link->log, 0,
                      "request for a session is out of bounds");
        return NGX_ERROR;
    }

    iov[0].iov_base = record;
    iov[0].iov_len = len;

    rc = ngx_http_eirc_record_send(link->connection, iov, 1);

    if (rc == NGX_OK) {
        (void) eirc_link_record_write(header, EIRC_LINK_USER, 0, 0, NULL);

        iov[0].iov_base = header;
        iov[0].iov_len = EIRC_LINK_HEADER_SIZE;
        iov[1].iov_base = user->data;
        iov[1].iov_len = user->len;

        rc = ngx_http_eirc_record_send(link->connection, iov, 2);
    }

    return ngx_http_eirc_link_requested(link, rc);
}


ngx_int_t
ngx_http_eirc_link_resume(ngx_http_eirc_link_t *link,
    eirc_link_resume_t *request)
{
    u_char        record[EIRC_LINK_RESUME_SIZE];
    struct iovec  iov;

    if (link->state != NGX_HTTP_EIRC_LINK_OPEN) {
        return NGX_ERROR;
    }

    iov.iov_base = record;
    iov.iov_len = eirc_link_resume_write(record, request);

    if (iov.iov_len == 0) {
        ngx_log_error(NGX_LOG_ERR, link->log, 0,
                      "request to resume a session is out of bounds");
        return NGX_ERROR;
    }

    link->resuming = 1;
    link->received = request->lines;

    return ngx_http_eirc_link_requested(link,
               ngx_http_eirc_record_send(link->connection, &iov, 1));
}


/* What came of sending a request: an answer is awaited, or NGX_ERROR. */

static ngx_int_t
ngx_http_eirc_link_requested(ngx_http_eirc_link_t *link, ngx_int_t rc)
{
    /* the layer may refuse, and be gone, before it has read all of it */

    if (rc == NGX_DONE) {
        link->broken = 1;
        ngx_post_event(link->connection->read, &ngx_posted_events);

    } else if (rc != NGX_OK) {

        /* it fits an empty socket buffer: waiting would be of no use */

        return NGX_ERROR;
    }

    link->state = NGX_HTTP_EIRC_LINK_REQUESTED;
    link->deadline = ngx_current_msec + NGX_HTTP_EIRC_LINK_READY_TIME;

    ngx_http_eirc_link_wait(link, NGX_HTTP_EIRC_LINK_READY_TIME);

    return NGX_OK;
}


ngx_int_t
ngx_http_eirc_link_message(ngx_http_eirc_link_t *link, u_char *data,
    size_t len)
{
    u_char        header[EIRC_LINK_HEADER_SIZE];
    ngx_int_t     rc;
    struct iovec  iov[2];

    if (link->state != NGX_HTTP_EIRC_LINK_STANDS
        || len > EIRC_LINK_MESSAGE_MAX)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_eirc_link_flush(link);

    if (rc == NGX_AGAIN) {
        link->blocked = 1;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    (void) eirc_link_record_write(header, EIRC_LINK_MESSAGE, 0, link->sent,
                                  NULL);

    iov[0].iov_base = header;
    iov[0].iov_len = EIRC_LINK_HEADER_SIZE;
    iov[1].iov_base = data;
    iov[1].iov_len = len;

    rc = ngx_http_eirc_record_send(link->connection, iov, 2);

    switch (rc) {

    case NGX_OK:
        link->sent++;
        return NGX_OK;

    case NGX_AGAIN:
        link->blocked = 1;
        return NGX_AGAIN;

    case NGX_DONE:

        /* the process has left; END may be waiting to be read */

        link->broken = 1;
        ngx_post_event(link->connection->read, &ngx_posted_events);
        return NGX_AGAIN;

    default:
        return NGX_ERROR;
    }
}


ngx_int_t
ngx_http_eirc_link_confirm(ngx_http_eirc_link_t *link, uint64_t lines)
{
    link->confirmed = lines;
    link->confirm_due = 1;

    return (ngx_http_eirc_link_flush(link) == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


/* RESET goes before whatever is numbered anew. */

ngx_int_t
ngx_http_eirc_link_flush(ngx_http_eirc_link_t *link)
{
    ngx_int_t  rc;

    if (link->broken) {
        return NGX_AGAIN;
    }

    if (link->reset_due) {
        rc = ngx_http_eirc_link_control(link, EIRC_LINK_RESET, 0);

        if (rc != NGX_OK) {
            return rc;
        }

        link->reset_due = 0;
    }

    if (link->confirm_due) {
        rc = ngx_http_eirc_link_control(link, EIRC_LINK_CONFIRM,
                                        link->confirmed);
        if (rc != NGX_OK) {
            return rc;
        }

        link->confirm_due = 0;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_eirc_link_control(ngx_http_eirc_link_t *link, ngx_uint_t type,
    uint64_t count)
{
    u_char        header[EIRC_LINK_HEADER_SIZE];
    ngx_int_t     rc;
    struct iovec  iov;

    iov.iov_base = header;
    iov.iov_len = eirc_link_record_write(header, type, 0, count, NULL);

    rc = ngx_http_eirc_record_send(link->connection, &iov, 1);

    if (rc != NGX_DONE) {
        return rc;
    }

    /* the process has left; END may be waiting to be read */

    link->broken = 1;
    ngx_post_event(link->connection->read, &ngx_posted_events);

    return NGX_AGAIN;
}


void
ngx_http_eirc_link_close(ngx_http_eirc_link_t *link, ngx_uint_t reason,
    const char *text)
{
    u_char        record[EIRC_LINK_HEADER_SIZE + EIRC_LINK_TEXT_MAX];
    struct iovec  iov;

    if (link->state == NGX_HTTP_EIRC_LINK_STANDS && !link->broken) {

        iov.iov_base = record;
        iov.iov_len = reason
                      ? eirc_link_record_write(record, EIRC_LINK_END, reason,
                                               0, text)
                      : eirc_link_record_write(record, EIRC_LINK_DETACH, 0,
                                               0, NULL);

        /* where it does not fit the end of file has to do */

        (void) ngx_http_eirc_record_send(link->connection, &iov, 1);
    }

    link->state = NGX_HTTP_EIRC_LINK_CLOSED;

    ngx_http_eirc_link_disconnect(link);

    if (link->gone) {
        *link->gone = 1;
        link->gone = NULL;
    }
}
