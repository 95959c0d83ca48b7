
/*
 * What goes out over links: requests, messages, and the last word
 * (docs/link.md, 3).
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "ngx_http_eirc_link.h"


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

    /* the layer may refuse, and be gone, when it has read the first one */

    if (rc == NGX_DONE) {
        link->broken = 1;
        ngx_post_event(link->connection->read, &ngx_posted_events);

    } else if (rc != NGX_OK) {

        /* both fit an empty socket buffer: waiting would be of no use */

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

    if (link->broken) {
        return NGX_AGAIN;
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
