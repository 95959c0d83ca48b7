
/*
 * From messages to bytes. Frames go to the kernel at once; what it does not
 * take is copied, and the owner sends no more until it has left. The copy
 * begins somewhere in a frame and goes on with whole ones, so that a control
 * frame behind it never stands inside of another.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"
#include "ngx_http_eirc_ws.h"


#define NGX_HTTP_EIRC_WS_BUFFER         65536

/* pings of one event that are all answered; beyond, the last of them is */
#define NGX_HTTP_EIRC_WS_PONGS          32


static ngx_int_t ngx_http_eirc_ws_send_packed(ngx_http_eirc_ws_t *ws,
    ngx_uint_t opcode, u_char *data, size_t len);
static ngx_int_t ngx_http_eirc_ws_entries(ngx_http_eirc_ws_t *ws,
    ngx_uint_t binary, u_char *body, size_t len, ngx_uint_t pack);
static u_char *ngx_http_eirc_ws_pack_entry(ngx_http_eirc_ws_t *ws,
    ngx_uint_t opcode, u_char *data, size_t len, u_char *out);
static ngx_int_t ngx_http_eirc_ws_flush(ngx_http_eirc_ws_t *ws);
static ngx_int_t ngx_http_eirc_ws_output(ngx_http_eirc_ws_t *ws, u_char *p,
    size_t len);
static size_t ngx_http_eirc_ws_push(ngx_http_eirc_ws_t *ws, u_char *p,
    size_t len);


/* one in a worker: nothing in it outlives a call */
static u_char  ngx_http_eirc_ws_out[NGX_HTTP_EIRC_WS_BUFFER];


void
ngx_http_eirc_ws_touched(ngx_http_eirc_ws_t *ws, const void **lines)
{
    ngx_connection_t  *c;

    c = ws->request->connection;

    lines[0] = ws;
    lines[1] = &ws->state;
    lines[2] = &ws->deflate;
    lines[3] = &ws->out;
    lines[4] = &ws->pongs;     /* the flags before it */
    lines[5] = ws->request;
    lines[6] = c;
    lines[7] = c->write;
}


ngx_int_t
ngx_http_eirc_ws_send(ngx_http_eirc_ws_t *ws, ngx_uint_t binary,
    u_char *data, size_t len)
{
    size_t      n, size;
    ngx_int_t   rc;
    ngx_uint_t  opcode;

    if (ws->state != NGX_HTTP_EIRC_WS_OPEN || ws->broken) {
        return NGX_ERROR;
    }

    opcode = binary ? EIRC_WS_BINARY : EIRC_WS_TEXT;

    if (ws->deflate) {
        rc = ngx_http_eirc_ws_send_packed(ws, opcode, data, len);

        if (rc != NGX_DECLINED) {
            ws->waiting |= (rc == NGX_AGAIN);
            return rc;
        }
    }

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


static ngx_int_t
ngx_http_eirc_ws_send_packed(ngx_http_eirc_ws_t *ws, ngx_uint_t opcode,
    u_char *data, size_t len)
{
    size_t      n, packed;
    u_char     *p, *start, header[EIRC_WS_HEADER_MAX];
    ngx_int_t   rc;

    p = ngx_http_eirc_ws_out;
    start = NULL;

    if (len > NGX_HTTP_EIRC_WS_BUFFER - EIRC_WS_HEADER_MAX
              - EIRC_DEFLATE_TAIL)
    {
        start = ngx_alloc(EIRC_WS_HEADER_MAX + len + EIRC_DEFLATE_TAIL,
                          ws->request->connection->log);
        if (start == NULL) {
            return NGX_DECLINED;
        }

        p = start;
    }

    p += EIRC_WS_HEADER_MAX;

    rc = ngx_http_eirc_deflate_pack(ws->deflate, data, len, p, &packed);

    if (rc == NGX_OK) {

        /* the header's length is known now: it goes right before */

        n = eirc_ws_header(header, EIRC_WS_FIN | EIRC_WS_RSV1 | opcode,
                           packed, NULL);

        p -= n;
        ngx_memcpy(p, header, n);

        rc = ngx_http_eirc_ws_output(ws, p, n + packed);
    }

    if (start) {
        ngx_free(start);
    }

    return rc;
}


ngx_int_t
ngx_http_eirc_ws_send_entries(ngx_http_eirc_ws_t *ws, ngx_uint_t binary,
    u_char *body, size_t len)
{
    return ngx_http_eirc_ws_entries(ws, binary, body, len,
                                    ws->deflate != NULL);
}


ngx_int_t
ngx_http_eirc_ws_send_secret(ngx_http_eirc_ws_t *ws, ngx_uint_t binary,
    u_char *body, size_t len)
{
    ngx_int_t  rc;

    rc = ngx_http_eirc_ws_entries(ws, binary, body, len, 0);

    ngx_explicit_memzero(body, len);

    return rc;
}


static ngx_int_t
ngx_http_eirc_ws_entries(ngx_http_eirc_ws_t *ws, ngx_uint_t binary,
    u_char *body, size_t len, ngx_uint_t pack)
{
    size_t          n;
    u_char         *p, *end, *out, *packed;
    ngx_int_t       rc;
    ngx_uint_t      opcode;
    const uint8_t  *pos, *last, *line;

    if (ws->state != NGX_HTTP_EIRC_WS_OPEN || ws->broken) {
        return NGX_ERROR;
    }

    opcode = binary ? EIRC_WS_BINARY : EIRC_WS_TEXT;

    pos = body;
    last = body + len;
    out = body;

    for ( ;; ) {
        p = body + (pos - body);

        if (eirc_link_entry_next(&pos, last, &line, &n) != EIRC_OK) {
            break;
        }

        end = body + (pos - body);

        if (pack) {
            packed = ngx_http_eirc_ws_pack_entry(ws, opcode, end - n, n, out);

            if (packed) {
                out = packed;
                continue;
            }
        }

        *p = EIRC_WS_FIN | opcode;

        /* behind one that got smaller all others move up */

        out = (out == p) ? end : ngx_movemem(out, p, end - p);
    }

    rc = ngx_http_eirc_ws_output(ws, body, out - body);

    ws->waiting |= (rc == NGX_AGAIN);

    return rc;
}


/*
 * Puts a compressed frame at out, which may be where the entry begins: the
 * frame is smaller. NULL: it would not be.
 */

static u_char *
ngx_http_eirc_ws_pack_entry(ngx_http_eirc_ws_t *ws, ngx_uint_t opcode,
    u_char *data, size_t len, u_char *out)
{
    size_t  packed;

    if (ngx_http_eirc_deflate_pack(ws->deflate, data, len,
                                   ngx_http_eirc_ws_out, &packed)
        != NGX_OK)
    {
        return NULL;
    }

    out += eirc_ws_header(out, EIRC_WS_FIN | EIRC_WS_RSV1 | opcode, packed,
                          NULL);

    return ngx_cpymem(out, ngx_http_eirc_ws_out, packed);
}


void
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

    if (ws->state == NGX_HTTP_EIRC_WS_DEAD) {
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

    if (ws->state == NGX_HTTP_EIRC_WS_ENDING) {
        ngx_http_eirc_ws_done(ws);
        return;
    }

    if (ws->waiting) {
        ws->waiting = 0;

        if (ws->state == NGX_HTTP_EIRC_WS_OPEN) {
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

    if (ws->state == NGX_HTTP_EIRC_WS_OPEN) {

        ngx_http_eirc_ws_pong_due(ws);

        if (ws->ping_due) {
            ws->ping_due = 0;
            ws->last_ping = ngx_current_msec;
            ngx_http_eirc_ws_ping(ws);
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


ngx_int_t
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


ngx_uint_t
ngx_http_eirc_ws_busy(ngx_http_eirc_ws_t *ws)
{
    return ws->header || ws->out.start;
}


/* a control frame; as out holds whole frames it never stands inside of one */

void
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


void
ngx_http_eirc_ws_ping(ngx_http_eirc_ws_t *ws)
{
    size_t  len;
    u_char  payload[EIRC_WS_CONTROL_MAX];

    if (ws->state != NGX_HTTP_EIRC_WS_OPEN || ws->broken) {
        return;
    }

    len = ws->handler->ping ? ws->handler->ping(ws, payload) : 0;

    ngx_http_eirc_ws_control(ws, EIRC_WS_PING, payload, len);
}


/* of several pings waiting, the last alone is answered: RFC 6455, 5.5.3 */

void
ngx_http_eirc_ws_pong(ngx_http_eirc_ws_t *ws, u_char *data, size_t len)
{
    if (ws->state != NGX_HTTP_EIRC_WS_OPEN) {
        return;
    }

    if (!ngx_http_eirc_ws_busy(ws) && ws->pongs < NGX_HTTP_EIRC_WS_PONGS) {
        ws->pongs++;
        ngx_http_eirc_ws_control(ws, EIRC_WS_PONG, data, len);
        return;
    }

    ws->pong_due = 1;
    ws->pong_len = len;

    ngx_memcpy(ws->pong, data, len);
}


/* an event is over, and no output is in the way */

void
ngx_http_eirc_ws_pong_due(ngx_http_eirc_ws_t *ws)
{
    ws->pongs = 0;

    if (ws->pong_due && ws->state == NGX_HTTP_EIRC_WS_OPEN
        && !ngx_http_eirc_ws_busy(ws))
    {
        ws->pong_due = 0;
        ngx_http_eirc_ws_control(ws, EIRC_WS_PONG, ws->pong, ws->pong_len);
    }
}


void
ngx_http_eirc_ws_goodbye(ngx_http_eirc_ws_t *ws, ngx_uint_t code,
    const char *reason)
{
    size_t  len;
    u_char  payload[EIRC_WS_CONTROL_MAX];

    len = eirc_ws_close_build(payload, code, reason,
                              reason ? ngx_strlen(reason) : 0);

    ngx_http_eirc_ws_control(ws, EIRC_WS_CLOSE, payload, len);
}


ngx_int_t
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

ngx_int_t
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


void
ngx_http_eirc_ws_buf_free(ngx_http_eirc_ws_buf_t *b)
{
    if (b->start) {
        ngx_free(b->start);
    }

    ngx_memzero(b, sizeof(ngx_http_eirc_ws_buf_t));
}
