
/*
 * One WebSocket after the 101: frames in, frames out, ping, close, drain. It
 * knows neither IRC nor links; whole messages go to its owner, session.c or
 * echo.c.
 *
 *             ws_close()             close frame, end of file, time
 *     OPEN --------------> CLOSING -----------------+
 *       |                                           v
 *       +-- close frame, broken rule --> ENDING --> DEAD: closed()
 *       +-- end of file, no pong, error ------------^
 *
 * In CLOSING our close frame is on its way and the peer's is awaited, in
 * ENDING only our output has to leave. Callbacks are called from event
 * handlers alone, never from inside a call of the owner.
 *
 * No buffer lives longer than what is in it: bytes are read into one buffer
 * of the worker, and only an incomplete message, what the owner did not take
 * and what the peer did not take have memory of their own.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"


#define NGX_HTTP_EIRC_WS_BUFFER         65536

/* what one event may read before others have their turn */
#define NGX_HTTP_EIRC_WS_ROUNDS         4

/* for the peer's close frame, and for our output to leave, ms */
#define NGX_HTTP_EIRC_WS_CLOSE_TIMEOUT  5000

/* over which the goodbyes of a worker are spread, ms */
#define NGX_HTTP_EIRC_WS_DRAIN          3000


typedef enum {
    ngx_http_eirc_ws_open = 0,
    ngx_http_eirc_ws_closing,
    ngx_http_eirc_ws_ending,
    ngx_http_eirc_ws_dead
} ngx_http_eirc_ws_state_e;


/* bytes from pos to last; empty without memory */
typedef struct {
    u_char                      *start;
    u_char                      *pos;
    u_char                      *last;
    u_char                      *end;
} ngx_http_eirc_ws_buf_t;


struct ngx_http_eirc_ws_s {
    ngx_http_request_t          *request;
    ngx_http_eirc_ws_handler_t  *handler;
    void                        *data;

    ngx_http_eirc_ws_state_e     state;
    ngx_uint_t                   code;       /* for closed() */
    ngx_uint_t                  *gone;       /* set when the owner is done */

    eirc_ws_reader_t             reader;

    ngx_http_eirc_ws_buf_t       message;    /* incomplete, or not taken */
    ngx_http_eirc_ws_buf_t       pending;    /* bytes behind it */
    ngx_http_eirc_ws_buf_t       out;        /* whole frames but the first */

    ngx_msec_t                   ping_time;
    ngx_msec_t                   ping_timeout;
    ngx_msec_t                   send_timeout;
    ngx_msec_t                   last_read;
    ngx_msec_t                   last_ping;

    ngx_event_t                  ping;       /* cancelable */
    ngx_event_t                  timer;      /* drain and close; it is not */

    unsigned                     started:1;
    unsigned                     binary:1;   /* the message in its buffer */
    unsigned                     blocked:1;  /* the message was not taken */
    unsigned                     resumed:1;  /* but may be now */
    unsigned                     full:1;     /* so is pending */
    unsigned                     eof:1;      /* behind pending */
    unsigned                     header:1;   /* the 101 is not out yet */
    unsigned                     waiting:1;  /* for drained() */
    unsigned                     broken:1;   /* a send failed */
    unsigned                     draining:1;
    unsigned                     pinged:1;   /* and nothing came since */
    unsigned                     ping_due:1; /* behind our output */
    unsigned                     pong_due:1;
    unsigned                     linger:1;   /* the peer has to read on */

    size_t                       pong_len;
    u_char                       pong[EIRC_WS_CONTROL_MAX];
};


static void ngx_http_eirc_ws_read_handler(ngx_event_t *rev);
static void ngx_http_eirc_ws_read(ngx_http_eirc_ws_t *ws);
static ngx_int_t ngx_http_eirc_ws_read_some(ngx_http_eirc_ws_t *ws);
static ngx_int_t ngx_http_eirc_ws_backlog(ngx_http_eirc_ws_t *ws);
static ngx_int_t ngx_http_eirc_ws_parse(ngx_http_eirc_ws_t *ws, u_char *pos,
    u_char *last);
static ngx_int_t ngx_http_eirc_ws_payload(ngx_http_eirc_ws_t *ws,
    eirc_ws_event_t *event);
static ngx_int_t ngx_http_eirc_ws_offer(ngx_http_eirc_ws_t *ws, u_char *data,
    size_t len);
static ngx_int_t ngx_http_eirc_ws_keep(ngx_http_eirc_ws_t *ws, u_char *pos,
    u_char *last);

static void ngx_http_eirc_ws_write_handler(ngx_event_t *wev);
static ngx_int_t ngx_http_eirc_ws_flush(ngx_http_eirc_ws_t *ws);
static ngx_int_t ngx_http_eirc_ws_output(ngx_http_eirc_ws_t *ws, u_char *p,
    size_t len);
static size_t ngx_http_eirc_ws_push(ngx_http_eirc_ws_t *ws, u_char *p,
    size_t len);
static ngx_int_t ngx_http_eirc_ws_wait(ngx_http_eirc_ws_t *ws);
static ngx_uint_t ngx_http_eirc_ws_busy(ngx_http_eirc_ws_t *ws);
static void ngx_http_eirc_ws_control(ngx_http_eirc_ws_t *ws,
    ngx_uint_t opcode, u_char *data, size_t len);
static void ngx_http_eirc_ws_pong(ngx_http_eirc_ws_t *ws, u_char *data,
    size_t len);
static void ngx_http_eirc_ws_goodbye(ngx_http_eirc_ws_t *ws, ngx_uint_t code,
    const char *reason);

static void ngx_http_eirc_ws_ping_handler(ngx_event_t *ev);
static void ngx_http_eirc_ws_timer_handler(ngx_event_t *ev);
static void ngx_http_eirc_ws_drain(ngx_http_eirc_ws_t *ws);
static void ngx_http_eirc_ws_fail(ngx_http_eirc_ws_t *ws, ngx_uint_t code,
    const char *reason);
static void ngx_http_eirc_ws_end(ngx_http_eirc_ws_t *ws);
static void ngx_http_eirc_ws_vanish(ngx_http_eirc_ws_t *ws);
static void ngx_http_eirc_ws_kill(ngx_http_eirc_ws_t *ws);
static void ngx_http_eirc_ws_done(ngx_http_eirc_ws_t *ws);
static void ngx_http_eirc_ws_cleanup(void *data);

static ngx_int_t ngx_http_eirc_ws_buf_add(ngx_http_eirc_ws_buf_t *b,
    u_char *p, size_t len, ngx_log_t *log);
static ngx_int_t ngx_http_eirc_ws_buf_room(ngx_http_eirc_ws_buf_t *b,
    size_t len, ngx_log_t *log);
static void ngx_http_eirc_ws_buf_free(ngx_http_eirc_ws_buf_t *b);


/* one each in a worker: nothing in them outlives an event handler */
static u_char  ngx_http_eirc_ws_in[NGX_HTTP_EIRC_WS_BUFFER];
static u_char  ngx_http_eirc_ws_out[NGX_HTTP_EIRC_WS_BUFFER];


ngx_http_eirc_ws_t *
ngx_http_eirc_ws_create(ngx_http_request_t *r,
    ngx_http_eirc_ws_handler_t *handler, void *data)
{
    ngx_connection_t          *c;
    ngx_http_cleanup_t        *cln;
    ngx_http_eirc_ws_t        *ws;
    ngx_http_eirc_ctx_t       *ctx;
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_eirc_loc_conf_t  *elcf;

    c = r->connection;

    ctx = ngx_http_get_module_ctx(r, ngx_http_eirc_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    elcf = ngx_http_get_module_loc_conf(r, ngx_http_eirc_module);

    ws = ngx_pcalloc(r->pool, sizeof(ngx_http_eirc_ws_t));
    if (ws == NULL) {
        return NULL;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_eirc_ws_cleanup;
    cln->data = ws;

    ws->request = r;
    ws->handler = handler;
    ws->data = data;
    ws->ping_time = elcf->ping;
    ws->ping_timeout = elcf->ping_timeout;
    ws->send_timeout = clcf->send_timeout;
    ws->header = (r->out != NULL || c->buffered);

    eirc_ws_reader_init(&ws->reader, EIRC_WS_SERVER, elcf->max_message_size);

    ws->ping.data = c;
    ws->ping.log = c->log;
    ws->ping.handler = ngx_http_eirc_ws_ping_handler;
    ws->ping.cancelable = 1;

    ws->timer.data = c;
    ws->timer.log = c->log;
    ws->timer.handler = ngx_http_eirc_ws_timer_handler;

    if (clcf->tcp_nodelay && ngx_tcp_nodelay(c) != NGX_OK) {
        return NULL;
    }

#if (NGX_SSL)
    if (c->ssl) {

        /* what is left of a write is sent from another place */

        SSL_set_mode(c->ssl->connection, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

        if (!ws->header) {
            ngx_ssl_free_buffer(c);
        }
    }
#endif

    r->keepalive = 0;
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    c->read->handler = ngx_http_eirc_ws_read_handler;
    c->write->handler = ngx_http_eirc_ws_write_handler;

    c->log->action = "reading websocket frame";
    c->idle = 1;

    ctx->ws = ws;

    return ws;
}


void
ngx_http_eirc_ws_start(ngx_http_eirc_ws_t *ws)
{
    ngx_connection_t  *c;

    c = ws->request->connection;

    ws->started = 1;
    ws->last_read = ngx_current_msec;

    if (ws->ping_time) {
        ngx_add_timer(&ws->ping, ws->ping_time);
    }

    if (ws->header) {
        (void) ngx_http_eirc_ws_wait(ws);
    }

    /* nobody will tell us of it any more */

    if (ngx_exiting || ngx_terminate) {
        ngx_http_eirc_ws_drain(ws);
    }

    ngx_post_event(c->read, &ngx_posted_events);
}


void *
ngx_http_eirc_ws_data(ngx_http_eirc_ws_t *ws)
{
    return ws->data;
}


ngx_uint_t
ngx_http_eirc_ws_full(ngx_http_eirc_ws_t *ws)
{
    return ws->full;
}


static void
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

    if (ws->state == ngx_http_eirc_ws_dead) {
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

    if (!ws->started || ws->state == ngx_http_eirc_ws_ending) {
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
            if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
                ngx_http_eirc_ws_vanish(ws);
            }

            return;
        }
    }

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

        if (ws->state == ngx_http_eirc_ws_open) {
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
            break;

        case EIRC_WS_EVENT_CLOSE:
            ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ws->request->connection->log,
                           0, "eirc ws: close frame %ui",
                           (ngx_uint_t) event.code);

            if (ws->state == ngx_http_eirc_ws_open) {
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

    if (ws->state != ngx_http_eirc_ws_open) {
        return NGX_OK;
    }

    log = ws->request->connection->log;

    ws->binary = (event->opcode == EIRC_WS_BINARY);

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

    if (ngx_http_eirc_ws_buf_add(&ws->message, event->data, event->len, log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!(event->flags & EIRC_WS_PIECE_END)) {
        return NGX_OK;
    }

    rc = ngx_http_eirc_ws_offer(ws, ws->message.pos,
                                ws->message.last - ws->message.pos);

    if (rc == NGX_OK) {
        ngx_http_eirc_ws_buf_free(&ws->message);
    }

    return rc;
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
    if (ws->state != ngx_http_eirc_ws_open || !ws->blocked) {
        return;
    }

    ws->resumed = 1;

    ngx_post_event(ws->request->connection->read, &ngx_posted_events);
}


ngx_int_t
ngx_http_eirc_ws_send(ngx_http_eirc_ws_t *ws, ngx_uint_t binary,
    u_char *data, size_t len)
{
    size_t      n, size;
    ngx_int_t   rc;
    ngx_uint_t  opcode;

    if (ws->state != ngx_http_eirc_ws_open || ws->broken) {
        return NGX_ERROR;
    }

    opcode = binary ? EIRC_WS_BINARY : EIRC_WS_TEXT;

    /* header and payload leave in one packet; the copy is cheap */

    n = eirc_ws_header(ngx_http_eirc_ws_out, EIRC_WS_FIN | opcode, len, NULL);
    size = ngx_min(len, NGX_HTTP_EIRC_WS_BUFFER - n);

    ngx_memcpy(ngx_http_eirc_ws_out + n, data, size);

    rc = ngx_http_eirc_ws_output(ws, ngx_http_eirc_ws_out, n + size);

    if (rc != NGX_ERROR && len > size) {
        rc = ngx_http_eirc_ws_output(ws, data + size, len - size);
    }

    ws->waiting |= (rc == NGX_AGAIN);

    return rc;
}


ngx_int_t
ngx_http_eirc_ws_send_entries(ngx_http_eirc_ws_t *ws, ngx_uint_t binary,
    u_char *body, size_t len)
{
    size_t          n;
    u_char         *p;
    ngx_int_t       rc;
    const uint8_t  *pos, *last, *line;

    if (ws->state != ngx_http_eirc_ws_open || ws->broken) {
        return NGX_ERROR;
    }

    pos = body;
    last = body + len;

    for ( ;; ) {
        p = body + (pos - body);

        if (eirc_link_entry_next(&pos, last, &line, &n) != EIRC_OK) {
            break;
        }

        *p = EIRC_WS_FIN | (binary ? EIRC_WS_BINARY : EIRC_WS_TEXT);
    }

    rc = ngx_http_eirc_ws_output(ws, body, len);

    ws->waiting |= (rc == NGX_AGAIN);

    return rc;
}


static void
ngx_http_eirc_ws_write_handler(ngx_event_t *wev)
{
    ngx_int_t             rc;
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_eirc_ws_t   *ws;
    ngx_http_eirc_ctx_t  *ctx;

    c = wev->data;
    r = c->data;

    ctx = ngx_http_get_module_ctx(r, ngx_http_eirc_module);
    ws = ctx->ws;

    if (ws->state == ngx_http_eirc_ws_dead) {
        return;
    }

    c->log->action = "sending websocket frame";

    if (wev->timedout) {
        wev->timedout = 0;
        c->timedout = 1;

        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client took nothing for too long");
        ngx_http_eirc_ws_vanish(ws);
        return;
    }

    rc = ngx_http_eirc_ws_flush(ws);

    if (rc == NGX_ERROR) {
        ngx_http_eirc_ws_vanish(ws);
        return;
    }

    if (rc == NGX_AGAIN) {
        return;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_http_eirc_ws_vanish(ws);
        return;
    }

    if (ws->state == ngx_http_eirc_ws_ending) {
        ngx_http_eirc_ws_done(ws);
        return;
    }

    if (ws->waiting) {
        ws->waiting = 0;

        if (ws->state == ngx_http_eirc_ws_open) {
            ws->handler->drained(ws);
        }
    }
}


static ngx_int_t
ngx_http_eirc_ws_flush(ngx_http_eirc_ws_t *ws)
{
    size_t               n;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ws->request;
    c = r->connection;

    if (ws->header) {
        if (ngx_http_output_filter(r, NULL) == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (r->out || c->buffered) {
            return ngx_http_eirc_ws_wait(ws);
        }

        ws->header = 0;

#if (NGX_SSL)
        if (c->ssl) {
            ngx_ssl_free_buffer(c);
        }
#endif
    }

    if (ws->out.start) {
        n = ngx_http_eirc_ws_push(ws, ws->out.pos,
                                  ws->out.last - ws->out.pos);
        if (ws->broken) {
            return NGX_ERROR;
        }

        /* the time runs anew with every byte */

        if (n && c->write->timer_set) {
            ngx_del_timer(c->write);
        }

        ws->out.pos += n;

        if (ws->out.pos < ws->out.last) {
            return ngx_http_eirc_ws_wait(ws);
        }

        ngx_http_eirc_ws_buf_free(&ws->out);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    if (ws->state == ngx_http_eirc_ws_open) {

        if (ws->pong_due) {
            ws->pong_due = 0;
            ngx_http_eirc_ws_control(ws, EIRC_WS_PONG, ws->pong,
                                     ws->pong_len);
        }

        if (ws->ping_due) {
            ws->ping_due = 0;
            ws->last_ping = ngx_current_msec;
            ngx_http_eirc_ws_control(ws, EIRC_WS_PING, NULL, 0);
        }
    }

    return ws->broken ? NGX_ERROR
                      : ngx_http_eirc_ws_busy(ws) ? NGX_AGAIN : NGX_OK;
}


static ngx_int_t
ngx_http_eirc_ws_output(ngx_http_eirc_ws_t *ws, u_char *p, size_t len)
{
    size_t             n;
    ngx_connection_t  *c;

    c = ws->request->connection;

    if (!ngx_http_eirc_ws_busy(ws)) {
        n = ngx_http_eirc_ws_push(ws, p, len);

        p += n;
        len -= n;
    }

    if (!ws->broken && len
        && (ngx_http_eirc_ws_buf_add(&ws->out, p, len, c->log) != NGX_OK
            || ngx_http_eirc_ws_wait(ws) == NGX_ERROR))
    {
        ws->broken = 1;
    }

    if (ws->broken) {
        ngx_post_event(c->read, &ngx_posted_events);
        return NGX_ERROR;
    }

    return len ? NGX_AGAIN : NGX_OK;
}


/* gives bytes to the kernel: how many; or ws->broken */

static size_t
ngx_http_eirc_ws_push(ngx_http_eirc_ws_t *ws, u_char *p, size_t len)
{
    size_t             sent;
    ssize_t            n;
    ngx_connection_t  *c;

    c = ws->request->connection;
    sent = 0;

    while (sent < len && c->write->ready) {

        n = c->send(c, p + sent, len - sent);

        if (n == NGX_ERROR) {
            ws->broken = 1;
            break;
        }

        if (n == NGX_AGAIN || n == 0) {
            break;
        }

        sent += n;
    }

    return sent;
}


static ngx_int_t
ngx_http_eirc_ws_wait(ngx_http_eirc_ws_t *ws)
{
    ngx_event_t  *wev;

    wev = ws->request->connection->write;

    if (!wev->timer_set) {
        ngx_add_timer(wev, ws->send_timeout);
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


static ngx_uint_t
ngx_http_eirc_ws_busy(ngx_http_eirc_ws_t *ws)
{
    return ws->header || ws->out.start;
}


/* a control frame; as out holds whole frames it never stands inside of one */

static void
ngx_http_eirc_ws_control(ngx_http_eirc_ws_t *ws, ngx_uint_t opcode,
    u_char *data, size_t len)
{
    size_t  n;
    u_char  frame[EIRC_WS_HEADER_MAX + EIRC_WS_CONTROL_MAX];

    n = eirc_ws_header(frame, EIRC_WS_FIN | opcode, len, NULL);

    if (len) {
        ngx_memcpy(frame + n, data, len);
    }

    (void) ngx_http_eirc_ws_output(ws, frame, n + len);
}


/* of several pings waiting, the last alone is answered: RFC 6455, 5.5.3 */

static void
ngx_http_eirc_ws_pong(ngx_http_eirc_ws_t *ws, u_char *data, size_t len)
{
    if (ws->state != ngx_http_eirc_ws_open) {
        return;
    }

    if (!ngx_http_eirc_ws_busy(ws)) {
        ngx_http_eirc_ws_control(ws, EIRC_WS_PONG, data, len);
        return;
    }

    ws->pong_due = 1;
    ws->pong_len = len;

    ngx_memcpy(ws->pong, data, len);
}


static void
ngx_http_eirc_ws_goodbye(ngx_http_eirc_ws_t *ws, ngx_uint_t code,
    const char *reason)
{
    size_t  len;
    u_char  payload[EIRC_WS_CONTROL_MAX];

    len = eirc_ws_close_build(payload, code, reason,
                              reason ? ngx_strlen(reason) : 0);

    ngx_http_eirc_ws_control(ws, EIRC_WS_CLOSE, payload, len);
}


static void
ngx_http_eirc_ws_ping_handler(ngx_event_t *ev)
{
    ngx_msec_t            passed;
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_eirc_ws_t   *ws;
    ngx_http_eirc_ctx_t  *ctx;

    c = ev->data;
    r = c->data;

    ctx = ngx_http_get_module_ctx(r, ngx_http_eirc_module);
    ws = ctx->ws;

    ev->timedout = 0;

    if (!ws->pinged) {
        passed = ngx_current_msec - ws->last_read;

        if (passed < ws->ping_time) {
            ngx_add_timer(ev, ws->ping_time - passed);
            return;
        }

        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, c->log, 0, "eirc ws: ping");

        ws->pinged = 1;
        ws->last_ping = ngx_current_msec;

        if (ngx_http_eirc_ws_busy(ws)) {
            ws->ping_due = 1;

        } else {
            ngx_http_eirc_ws_control(ws, EIRC_WS_PING, NULL, 0);
        }

        ngx_add_timer(ev, ws->ping_timeout);
        return;
    }

    /* it cannot have answered what it was not sent, or what we do not read */

    if (ws->ping_due || ws->full || ws->eof) {
        ngx_add_timer(ev, ws->ping_timeout);
        return;
    }

    passed = ngx_current_msec - ws->last_ping;

    if (passed < ws->ping_timeout) {
        ngx_add_timer(ev, ws->ping_timeout - passed);
        return;
    }

    ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                  "client did not answer a ping");
    ngx_http_eirc_ws_vanish(ws);
}


static void
ngx_http_eirc_ws_timer_handler(ngx_event_t *ev)
{
    ngx_uint_t            gone;
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_eirc_ws_t   *ws;
    ngx_http_eirc_ctx_t  *ctx;

    c = ev->data;
    r = c->data;

    ctx = ngx_http_get_module_ctx(r, ngx_http_eirc_module);
    ws = ctx->ws;

    ev->timedout = 0;

    if (ws->state != ngx_http_eirc_ws_open) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client did not close its websocket");
        ngx_http_eirc_ws_done(ws);
        return;
    }

    if (ws->eof) {
        ngx_http_eirc_ws_vanish(ws);
        return;
    }

    /* the worker is exiting, and now it is this one's turn */

    gone = 0;
    ws->gone = &gone;

    ws->handler->shutdown(ws);

    if (gone) {
        return;
    }

    ws->gone = NULL;

    ngx_http_eirc_ws_close(ws, EIRC_WS_CODE_RESTART, "restarting");
}


static void
ngx_http_eirc_ws_drain(ngx_http_eirc_ws_t *ws)
{
    ngx_msec_t        spread;
    ngx_core_conf_t  *ccf;

    if (ws->state != ngx_http_eirc_ws_open || ws->draining || ws->eof) {
        return;
    }

    ws->draining = 1;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    spread = NGX_HTTP_EIRC_WS_DRAIN;

    if (ccf->shutdown_timeout) {
        spread = ngx_min(spread, ccf->shutdown_timeout / 2);
    }

    ngx_add_timer(&ws->timer, 1 + ngx_random() % (spread + 1));
}


void
ngx_http_eirc_ws_close(ngx_http_eirc_ws_t *ws, ngx_uint_t code,
    const char *reason)
{
    if (ws->state != ngx_http_eirc_ws_open) {
        return;
    }

    ngx_http_eirc_ws_goodbye(ws, code, reason);

    ws->state = ngx_http_eirc_ws_closing;
    ws->code = code;

    if (ws->ping.timer_set) {
        ngx_del_timer(&ws->ping);
    }

    if (ws->timer.timer_set) {
        ngx_del_timer(&ws->timer);
    }

    ngx_add_timer(&ws->timer, NGX_HTTP_EIRC_WS_CLOSE_TIMEOUT);

    /* the peer's close frame may wait behind a message */

    ngx_post_event(ws->request->connection->read, &ngx_posted_events);
}


/* the peer broke a rule, or we did: RFC 6455, 7.1.7 */

static void
ngx_http_eirc_ws_fail(ngx_http_eirc_ws_t *ws, ngx_uint_t code,
    const char *reason)
{
    if (ws->state == ngx_http_eirc_ws_open) {
        ws->code = code;
        ngx_http_eirc_ws_goodbye(ws, code, reason);
    }

    ngx_http_eirc_ws_end(ws);
}


/* the last frame is on its way; once it has left we close, 7.1.1 */

static void
ngx_http_eirc_ws_end(ngx_http_eirc_ws_t *ws)
{
    ws->state = ngx_http_eirc_ws_ending;
    ws->linger = 1;

    ngx_http_eirc_ws_buf_free(&ws->message);
    ngx_http_eirc_ws_buf_free(&ws->pending);

    if (ws->ping.timer_set) {
        ngx_del_timer(&ws->ping);
    }

    if (!ngx_http_eirc_ws_busy(ws) || ws->broken) {
        ngx_http_eirc_ws_done(ws);
        return;
    }

    if (!ws->timer.timer_set || ws->draining) {
        ngx_add_timer(&ws->timer, NGX_HTTP_EIRC_WS_CLOSE_TIMEOUT);
    }
}


static void
ngx_http_eirc_ws_vanish(ngx_http_eirc_ws_t *ws)
{
    if (ws->state == ngx_http_eirc_ws_open) {
        ws->code = EIRC_WS_CODE_ABNORMAL;
    }

    ws->linger = 0;

    ngx_http_eirc_ws_done(ws);
}


/* worker_shutdown_timeout: a last word, and no waiting */

static void
ngx_http_eirc_ws_kill(ngx_http_eirc_ws_t *ws)
{
    if (ws->state == ngx_http_eirc_ws_open) {
        ws->code = EIRC_WS_CODE_RESTART;
        ngx_http_eirc_ws_goodbye(ws, EIRC_WS_CODE_RESTART, "restarting");
    }

    ws->linger = 0;

    ngx_http_eirc_ws_done(ws);
}


static void
ngx_http_eirc_ws_done(ngx_http_eirc_ws_t *ws)
{
    ngx_connection_t     *c;
    ngx_http_eirc_ctx_t  *ctx;

    c = ws->request->connection;

    ctx = ngx_http_get_module_ctx(ws->request, ngx_http_eirc_module);
    ctx->close_code = ws->code;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "eirc ws: closed with %ui", ws->code);

    if (ws->broken) {
        ws->linger = 0;
    }

    ngx_http_eirc_ws_cleanup(ws);

    ws->handler->closed(ws, ws->code);
}


void
ngx_http_eirc_ws_finalize(ngx_http_eirc_ws_t *ws)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ws->request;
    c = r->connection;

    ngx_http_eirc_ws_cleanup(ws);

    c->log->action = "closing websocket";

    /*
     * A close frame would be lost with a reset if the connection was closed
     * with something unread: nginx shuts our side down and reads on for a
     * while. In any other case there is nothing to wait for.
     */

    r->lingering_close = ws->linger;
    r->header_in->pos = r->header_in->last;

    if (!ws->linger) {
        c->read->ready = 0;
    }

    ngx_http_finalize_request(r, NGX_DONE);
}


/* lets go of everything; does no harm when run twice */

static void
ngx_http_eirc_ws_cleanup(void *data)
{
    ngx_http_eirc_ws_t *ws = data;

    ngx_connection_t  *c;

    if (ws->gone) {
        *ws->gone = 1;
        ws->gone = NULL;
    }

    if (ws->state == ngx_http_eirc_ws_dead) {
        return;
    }

    ws->state = ngx_http_eirc_ws_dead;

    if (ws->ping.timer_set) {
        ngx_del_timer(&ws->ping);
    }

    if (ws->timer.timer_set) {
        ngx_del_timer(&ws->timer);
    }

    c = ws->request->connection;

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    c->idle = 0;

    ngx_http_eirc_ws_buf_free(&ws->message);
    ngx_http_eirc_ws_buf_free(&ws->pending);
    ngx_http_eirc_ws_buf_free(&ws->out);
}


static ngx_int_t
ngx_http_eirc_ws_buf_add(ngx_http_eirc_ws_buf_t *b, u_char *p, size_t len,
    ngx_log_t *log)
{
    if (ngx_http_eirc_ws_buf_room(b, len, log) != NGX_OK) {
        return NGX_ERROR;
    }

    if (len) {
        b->last = ngx_cpymem(b->last, p, len);
    }

    return NGX_OK;
}


/* grows by half at least, so that many small pieces cost little */

static ngx_int_t
ngx_http_eirc_ws_buf_room(ngx_http_eirc_ws_buf_t *b, size_t len,
    ngx_log_t *log)
{
    size_t   used, size;
    u_char  *p;

    if (b->start && (size_t) (b->end - b->last) >= len) {
        return NGX_OK;
    }

    used = b->last - b->pos;
    size = used + len;

    if (b->start && b->pos - b->start >= (b->end - b->start) / 2
        && size <= (size_t) (b->end - b->start))
    {
        ngx_memmove(b->start, b->pos, used);

    } else {
        size = ngx_max(size, ngx_max(used + used / 2, 1024));

        p = ngx_alloc(size, log);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (used) {
            ngx_memcpy(p, b->pos, used);
        }

        if (b->start) {
            ngx_free(b->start);
        }

        b->start = p;
        b->end = p + size;
    }

    b->pos = b->start;
    b->last = b->start + used;

    return NGX_OK;
}


static void
ngx_http_eirc_ws_buf_free(ngx_http_eirc_ws_buf_t *b)
{
    if (b->start) {
        ngx_free(b->start);
    }

    ngx_memzero(b, sizeof(ngx_http_eirc_ws_buf_t));
}
