
/*
 * From bytes to messages. Bytes are read into one buffer of the worker, and a
 * message that lies whole in it is offered to the owner where it lies. One
 * that the owner does not take is kept, with what comes behind it, up to
 * EIRC_WS_PENDING_MAX; then nothing is read any more.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"
#include "ngx_http_eirc_ws.h"


#define NGX_HTTP_EIRC_WS_BUFFER         65536

/* what one event may read before others have their turn */
#define NGX_HTTP_EIRC_WS_ROUNDS         4


static void ngx_http_eirc_ws_read(ngx_http_eirc_ws_t *ws);
static ngx_int_t ngx_http_eirc_ws_read_some(ngx_http_eirc_ws_t *ws);
static ngx_int_t ngx_http_eirc_ws_backlog(ngx_http_eirc_ws_t *ws);
static ngx_int_t ngx_http_eirc_ws_parse(ngx_http_eirc_ws_t *ws, u_char *pos,
    u_char *last);
static ngx_int_t ngx_http_eirc_ws_payload(ngx_http_eirc_ws_t *ws,
    eirc_ws_event_t *event);
static ngx_int_t ngx_http_eirc_ws_compressed(ngx_http_eirc_ws_t *ws,
    eirc_ws_event_t *event);
static ngx_int_t ngx_http_eirc_ws_collect(ngx_http_eirc_ws_t *ws,
    eirc_ws_event_t *event);
static ngx_int_t ngx_http_eirc_ws_unpack(ngx_http_eirc_ws_t *ws, u_char *data,
    size_t len);
static ngx_int_t ngx_http_eirc_ws_offer(ngx_http_eirc_ws_t *ws, u_char *data,
    size_t len);
static ngx_int_t ngx_http_eirc_ws_ponged(ngx_http_eirc_ws_t *ws,
    eirc_ws_event_t *event);
static ngx_int_t ngx_http_eirc_ws_keep(ngx_http_eirc_ws_t *ws, u_char *pos,
    u_char *last);


/* one in a worker: nothing in it outlives an event handler */
static u_char  ngx_http_eirc_ws_in[NGX_HTTP_EIRC_WS_BUFFER];


void
ngx_http_eirc_ws_read_handler(ngx_event_t *rev)
{
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_eirc_ws_t   *ws;
    ngx_http_eirc_ctx_t  *ctx;

    c = rev->data;
    r = c->data;

    ctx = ngx_http_get_module_ctx(r, ngx_http_eirc_module);
    ws = ctx->ws;

    if (ws->state == NGX_HTTP_EIRC_WS_DEAD) {
        return;
    }

    if (c->close) {
        c->close = 0;

        if (c->error) {
            ngx_http_eirc_ws_kill(ws);
            return;
        }

        ngx_http_eirc_ws_drain(ws);
    }

    if (ws->broken) {
        ngx_http_eirc_ws_vanish(ws);
        return;
    }

    /* what comes while we are ending is of no interest to anybody */

    if (!ws->started || ws->state == NGX_HTTP_EIRC_WS_ENDING) {
        return;
    }

    c->log->action = "reading websocket frame";

    ngx_http_eirc_ws_read(ws);
}


static void
ngx_http_eirc_ws_read(ngx_http_eirc_ws_t *ws)
{
    ngx_int_t          rc;
    ngx_uint_t         n;
    ngx_connection_t  *c;

    c = ws->request->connection;

    if (ngx_http_eirc_ws_backlog(ws) == NGX_DONE) {
        return;
    }

    for (n = 0; n < NGX_HTTP_EIRC_WS_ROUNDS; n++) {

        rc = ngx_http_eirc_ws_read_some(ws);

        if (rc == NGX_DONE) {
            return;
        }

        if (rc == NGX_AGAIN) {
            ngx_http_eirc_ws_pong_due(ws);

            if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
                ngx_http_eirc_ws_vanish(ws);
            }

            return;
        }
    }

    ngx_http_eirc_ws_pong_due(ws);

    ngx_post_event(c->read, &ngx_posted_next_events);
}


/*
 * NGX_OK: there may be more; NGX_AGAIN: not now; NGX_DONE: the WebSocket has
 * come to its end, or is gone.
 */

static ngx_int_t
ngx_http_eirc_ws_read_some(ngx_http_eirc_ws_t *ws)
{
    size_t             size;
    u_char            *p;
    ssize_t            n;
    ngx_connection_t  *c;

    c = ws->request->connection;

    if (ws->eof) {
        return NGX_AGAIN;
    }

    if (ws->blocked) {
        size = ws->pending.last - ws->pending.pos;

        if (size >= EIRC_WS_PENDING_MAX) {
            ws->full = 1;
            return NGX_AGAIN;
        }

        if (ngx_http_eirc_ws_buf_room(&ws->pending, 1, c->log) != NGX_OK) {
            ngx_http_eirc_ws_fail(ws, EIRC_WS_CODE_INTERNAL, "no memory");
            return NGX_DONE;
        }

        p = ws->pending.last;
        size = ngx_min((size_t) (ws->pending.end - p),
                       EIRC_WS_PENDING_MAX - size);

    } else {
        p = ngx_http_eirc_ws_in;
        size = NGX_HTTP_EIRC_WS_BUFFER;
    }

    n = c->recv(c, p, size);

    if (n == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (n == NGX_ERROR) {
        ngx_http_eirc_ws_vanish(ws);
        return NGX_DONE;
    }

    if (n == 0) {
        if (!ws->blocked) {
            ngx_log_error(NGX_LOG_INFO, c->log, 0,
                          "client closed connection without a close frame");
            ngx_http_eirc_ws_vanish(ws);
            return NGX_DONE;
        }

        /* what came before it counts, for a while */

        ws->eof = 1;
        ngx_add_timer(&ws->timer, NGX_HTTP_EIRC_WS_CLOSE_TIMEOUT);

        return NGX_AGAIN;
    }

    ws->last_read = ngx_current_msec;
    ws->pinged = 0;

    if (ws->blocked) {
        ws->pending.last += n;
        return NGX_OK;
    }

    return ngx_http_eirc_ws_parse(ws, p, p + n);
}


/*
 * What has been read and not been looked at: bytes behind the request head,
 * the message that the owner did not take, bytes behind that.
 */

static ngx_int_t
ngx_http_eirc_ws_backlog(ngx_http_eirc_ws_t *ws)
{
    u_char     *pos;
    ngx_buf_t  *b;
    ngx_int_t   rc;

    if (ws->blocked) {

        if (ws->state == NGX_HTTP_EIRC_WS_OPEN) {
            if (!ws->resumed) {
                return NGX_OK;
            }

            ws->resumed = 0;

            rc = ngx_http_eirc_ws_offer(ws, ws->message.pos,
                                        ws->message.last - ws->message.pos);
            if (rc == NGX_DONE) {
                return NGX_DONE;
            }

            if (rc == NGX_AGAIN) {
                return NGX_OK;
            }
        }

        ws->blocked = 0;
        ngx_http_eirc_ws_buf_free(&ws->message);
    }

    b = ws->request->header_in;

    if (b->pos < b->last) {
        pos = b->pos;
        b->pos = b->last;

        ws->last_read = ngx_current_msec;

        if (ngx_http_eirc_ws_parse(ws, pos, b->last) == NGX_DONE) {
            return NGX_DONE;
        }
    }

    if (ws->pending.start && !ws->blocked) {
        ws->full = 0;

        if (ngx_http_eirc_ws_parse(ws, ws->pending.pos, ws->pending.last)
            == NGX_DONE)
        {
            return NGX_DONE;
        }

        if (!ws->blocked) {
            ngx_http_eirc_ws_buf_free(&ws->pending);
        }
    }

    if (ws->eof && !ws->blocked) {
        ngx_http_eirc_ws_vanish(ws);
        return NGX_DONE;
    }

    return NGX_OK;
}


/*
 * Goes through bytes until all of them are consumed, or kept because a
 * message was not taken: NGX_OK; or the end: NGX_DONE.
 */

static ngx_int_t
ngx_http_eirc_ws_parse(ngx_http_eirc_ws_t *ws, u_char *pos, u_char *last)
{
    int               rc;
    eirc_ws_event_t   event;

    for ( ;; ) {
        rc = eirc_ws_read(&ws->reader, &pos, last, &event);

        if (rc == EIRC_AGAIN) {
            return NGX_OK;
        }

        if (rc != EIRC_OK) {
            ngx_log_error(NGX_LOG_INFO, ws->request->connection->log, 0,
                          "client broke a rule of websocket: %s",
                          event.error);
            ngx_http_eirc_ws_fail(ws, event.code, event.error);
            return NGX_DONE;
        }

        switch (event.type) {

        case EIRC_WS_EVENT_FRAME:
            break;

        case EIRC_WS_EVENT_DATA:
            switch (ngx_http_eirc_ws_payload(ws, &event)) {

            case NGX_OK:
                break;

            case NGX_AGAIN:
                ws->blocked = 1;

                if (ngx_http_eirc_ws_keep(ws, pos, last) == NGX_OK) {
                    return NGX_OK;
                }

                /* fall through */

            case NGX_ERROR:
                ngx_http_eirc_ws_fail(ws, EIRC_WS_CODE_INTERNAL, "no memory");
                return NGX_DONE;

            default: /* NGX_DONE */
                return NGX_DONE;
            }

            break;

        case EIRC_WS_EVENT_PING:
            ngx_http_eirc_ws_pong(ws, event.data, event.len);
            break;

        case EIRC_WS_EVENT_PONG:
            if (ngx_http_eirc_ws_ponged(ws, &event) == NGX_DONE) {
                return NGX_DONE;
            }

            break;

        case EIRC_WS_EVENT_CLOSE:
            ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ws->request->connection->log,
                           0, "eirc ws: close frame %ui",
                           (ngx_uint_t) event.code);

            if (ws->state == NGX_HTTP_EIRC_WS_OPEN) {
                ws->code = event.code;
                ngx_http_eirc_ws_goodbye(ws, event.code, NULL);
            }

            ngx_http_eirc_ws_end(ws);
            return NGX_DONE;
        }
    }
}


/* a piece of a message; the usual one is whole, and goes without a copy */

static ngx_int_t
ngx_http_eirc_ws_payload(ngx_http_eirc_ws_t *ws, eirc_ws_event_t *event)
{
    ngx_int_t   rc;
    ngx_log_t  *log;

    if (ws->state != NGX_HTTP_EIRC_WS_OPEN) {
        return NGX_OK;
    }

    log = ws->request->connection->log;

    ws->binary = (event->opcode == EIRC_WS_BINARY);

    if (event->flags & EIRC_WS_PIECE_COMPRESSED) {
        return ngx_http_eirc_ws_compressed(ws, event);
    }

    if ((event->flags & (EIRC_WS_PIECE_FIRST|EIRC_WS_PIECE_END))
        == (EIRC_WS_PIECE_FIRST|EIRC_WS_PIECE_END))
    {
        rc = ngx_http_eirc_ws_offer(ws, event->data, event->len);

        if (rc == NGX_AGAIN
            && ngx_http_eirc_ws_buf_add(&ws->message, event->data, event->len,
                                        log)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        return rc;
    }

    rc = ngx_http_eirc_ws_collect(ws, event);

    if (rc != NGX_OK || !(event->flags & EIRC_WS_PIECE_END)) {
        return rc;
    }

    rc = ngx_http_eirc_ws_offer(ws, ws->message.pos,
                                ws->message.last - ws->message.pos);

    if (rc == NGX_OK) {
        ngx_http_eirc_ws_buf_free(&ws->message);
    }

    return rc;
}


/* nothing can be said of it before it is whole */

static ngx_int_t
ngx_http_eirc_ws_compressed(ngx_http_eirc_ws_t *ws, eirc_ws_event_t *event)
{
    ngx_int_t  rc;

    if ((event->flags & (EIRC_WS_PIECE_FIRST|EIRC_WS_PIECE_END))
        == (EIRC_WS_PIECE_FIRST|EIRC_WS_PIECE_END))
    {
        return ngx_http_eirc_ws_unpack(ws, event->data, event->len);
    }

    rc = ngx_http_eirc_ws_collect(ws, event);

    if (rc != NGX_OK || !(event->flags & EIRC_WS_PIECE_END)) {
        return rc;
    }

    return ngx_http_eirc_ws_unpack(ws, ws->message.pos,
                                   ws->message.last - ws->message.pos);
}


static ngx_int_t
ngx_http_eirc_ws_collect(ngx_http_eirc_ws_t *ws, eirc_ws_event_t *event)
{
    return ngx_http_eirc_ws_buf_add(&ws->message, event->data, event->len,
                                    ws->request->connection->log);
}


/*
 * A compressed message has come to its end: it is unpacked now, even if the
 * owner does not take it yet, because the next one may refer to it.
 */

static ngx_int_t
ngx_http_eirc_ws_unpack(ngx_http_eirc_ws_t *ws, u_char *data, size_t len)
{
    ngx_int_t                  rc;
    ngx_uint_t                 code;
    const char                *error;
    ngx_connection_t          *c;
    ngx_http_eirc_ws_buf_t     b;
    ngx_http_eirc_loc_conf_t  *elcf;

    c = ws->request->connection;
    elcf = ngx_http_get_module_loc_conf(ws->request, ngx_http_eirc_module);

    rc = ngx_http_eirc_deflate_unpack(ws->deflate, data, len,
                                      elcf->max_message_size, &b);

    ngx_http_eirc_ws_buf_free(&ws->message);

    switch (rc) {

    case NGX_OK:
        if (ws->binary || eirc_utf8_valid(b.pos, b.last - b.pos)) {
            break;
        }

        ngx_http_eirc_ws_buf_free(&b);

        code = EIRC_WS_CODE_INVALID;
        error = "compressed text is no UTF-8";
        goto failed;

    case NGX_DECLINED:
        code = EIRC_WS_CODE_INVALID;
        error = "compressed message cannot be unpacked";
        goto failed;

    case NGX_ABORT:
        code = EIRC_WS_CODE_TOO_BIG;
        error = "message too big when unpacked";
        goto failed;

    default:
        return NGX_ERROR;
    }

    rc = ngx_http_eirc_ws_offer(ws, b.pos, b.last - b.pos);

    if (rc != NGX_AGAIN) {
        ngx_http_eirc_ws_buf_free(&b);
        return rc;
    }

    if (b.start) {
        ws->message = b;
        return NGX_AGAIN;
    }

    if (ngx_http_eirc_ws_buf_add(&ws->message, b.pos, b.last - b.pos, c->log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_AGAIN;

failed:

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "client broke a rule of websocket: %s", error);
    ngx_http_eirc_ws_fail(ws, code, error);

    return NGX_DONE;
}


/* the owner may end everything in its callback: NGX_DONE, ws is gone */

static ngx_int_t
ngx_http_eirc_ws_offer(ngx_http_eirc_ws_t *ws, u_char *data, size_t len)
{
    ngx_int_t   rc;
    ngx_uint_t  gone;

    gone = 0;
    ws->gone = &gone;

    rc = ws->handler->message(ws, data, len, ws->binary);

    if (gone) {
        return NGX_DONE;
    }

    ws->gone = NULL;

    /* after NGX_DONE: closing, and the rest of the bytes is to be read */

    return (rc == NGX_AGAIN) ? NGX_AGAIN : NGX_OK;
}


static ngx_int_t
ngx_http_eirc_ws_ponged(ngx_http_eirc_ws_t *ws, eirc_ws_event_t *event)
{
    ngx_uint_t  gone;

    if (ws->state != NGX_HTTP_EIRC_WS_OPEN || ws->handler->pong == NULL) {
        return NGX_OK;
    }

    gone = 0;
    ws->gone = &gone;

    ws->handler->pong(ws, event->data, event->len);

    if (gone) {
        return NGX_DONE;
    }

    ws->gone = NULL;

    return NGX_OK;
}


static ngx_int_t
ngx_http_eirc_ws_keep(ngx_http_eirc_ws_t *ws, u_char *pos, u_char *last)
{
    if (ws->pending.start && pos >= ws->pending.start
        && pos <= ws->pending.last)
    {
        ws->pending.pos = pos;
        return NGX_OK;
    }

    if (pos == last) {
        return NGX_OK;
    }

    return ngx_http_eirc_ws_buf_add(&ws->pending, pos, last - pos,
                                    ws->request->connection->log);
}


void
ngx_http_eirc_ws_resume(ngx_http_eirc_ws_t *ws)
{
    if (ws->state != NGX_HTTP_EIRC_WS_OPEN || !ws->blocked) {
        return;
    }

    ws->resumed = 1;

    ngx_post_event(ws->request->connection->read, &ngx_posted_events);
}
