
/*
 * One WebSocket after the 101: birth, ping, close and drain; frames in and
 * frames out are ws_input.c and ws_output.c. It knows neither IRC nor links;
 * whole messages go to its owner, session.c or echo.c.
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
#include "ngx_http_eirc_ws.h"


/* over which the goodbyes of a worker are spread, ms */
#define NGX_HTTP_EIRC_WS_DRAIN          3000


static void ngx_http_eirc_ws_ping_handler(ngx_event_t *ev);
static void ngx_http_eirc_ws_timer_handler(ngx_event_t *ev);
static void ngx_http_eirc_ws_cleanup(void *data);


ngx_http_eirc_ws_t *
ngx_http_eirc_ws_create(ngx_http_request_t *r,
    ngx_http_eirc_ws_handler_t *handler, void *data)
{
    ngx_uint_t                 options;
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

    options = EIRC_WS_SERVER;

    if (ctx->handshake.compressed) {
        ws->deflate = ngx_http_eirc_deflate_create(r);
        if (ws->deflate == NULL) {
            return NULL;
        }

        options |= EIRC_WS_DEFLATE;
    }

    eirc_ws_reader_init(&ws->reader, options, elcf->max_message_size);

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
            ngx_http_eirc_ws_ping(ws);
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

    if (ws->state != NGX_HTTP_EIRC_WS_OPEN) {
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


void
ngx_http_eirc_ws_drain(ngx_http_eirc_ws_t *ws)
{
    ngx_msec_t        spread;
    ngx_core_conf_t  *ccf;

    if (ws->state != NGX_HTTP_EIRC_WS_OPEN || ws->draining || ws->eof) {
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
    if (ws->state != NGX_HTTP_EIRC_WS_OPEN) {
        return;
    }

    ngx_http_eirc_ws_goodbye(ws, code, reason);

    ws->state = NGX_HTTP_EIRC_WS_CLOSING;
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

void
ngx_http_eirc_ws_fail(ngx_http_eirc_ws_t *ws, ngx_uint_t code,
    const char *reason)
{
    if (ws->state == NGX_HTTP_EIRC_WS_OPEN) {
        ws->code = code;
        ngx_http_eirc_ws_goodbye(ws, code, reason);
    }

    ngx_http_eirc_ws_end(ws);
}


/* the last frame is on its way; once it has left we close, 7.1.1 */

void
ngx_http_eirc_ws_end(ngx_http_eirc_ws_t *ws)
{
    ws->state = NGX_HTTP_EIRC_WS_ENDING;
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


void
ngx_http_eirc_ws_vanish(ngx_http_eirc_ws_t *ws)
{
    if (ws->state == NGX_HTTP_EIRC_WS_OPEN) {
        ws->code = EIRC_WS_CODE_ABNORMAL;
    }

    ws->linger = 0;

    ngx_http_eirc_ws_done(ws);
}


/* worker_shutdown_timeout: a last word, and no waiting */

void
ngx_http_eirc_ws_kill(ngx_http_eirc_ws_t *ws)
{
    if (ws->state == NGX_HTTP_EIRC_WS_OPEN) {
        ws->code = EIRC_WS_CODE_RESTART;
        ngx_http_eirc_ws_goodbye(ws, EIRC_WS_CODE_RESTART, "restarting");
    }

    ws->linger = 0;

    ngx_http_eirc_ws_done(ws);
}


void
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

    if (ws->state == NGX_HTTP_EIRC_WS_DEAD) {
        return;
    }

    ws->state = NGX_HTTP_EIRC_WS_DEAD;

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

    if (ws->deflate) {
        ngx_http_eirc_deflate_free(ws->deflate);
    }
}
