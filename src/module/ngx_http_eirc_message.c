
/*
 * Messages of a browser on their way to its link: what may be in them, and
 * how many may come (eirc_rate). One that has to wait stays with the
 * WebSocket, which offers it again.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc_session.h"


/*
 * The bucket of eirc_rate counts in units of which a line is so many: then
 * one millisecond adds the rate, in lines per 1000 s.
 */
#define NGX_HTTP_EIRC_LINE        1000000

/* a message that waits for its rate is looked after at least so often, ms */
#define NGX_HTTP_EIRC_LOOK_TIME   5000


static ngx_uint_t ngx_http_eirc_message_lines(u_char *data, size_t len);
static ngx_msec_t ngx_http_eirc_message_delay(ngx_http_eirc_session_t *s);
static ngx_int_t ngx_http_eirc_message_wait(ngx_http_eirc_session_t *s,
    ngx_msec_t delay);
static void ngx_http_eirc_message_timer_handler(ngx_event_t *ev);


void
ngx_http_eirc_message_init(ngx_http_eirc_session_t *s)
{
    s->timer.handler = ngx_http_eirc_message_timer_handler;
    s->timer.data = s;
    s->timer.log = s->request->connection->log;
    s->timer.cancelable = 1;
}


void
ngx_http_eirc_message_begin(ngx_http_eirc_session_t *s)
{
    ngx_http_eirc_loc_conf_t  *elcf;

    elcf = ngx_http_get_module_loc_conf(s->request, ngx_http_eirc_module);

    s->level = (int64_t) ngx_max(elcf->rate.burst, 1) * NGX_HTTP_EIRC_LINE;
    s->filled = ngx_current_msec;
}


ngx_int_t
ngx_http_eirc_message(ngx_http_eirc_ws_t *ws, u_char *data, size_t len,
    ngx_uint_t binary)
{
    ngx_int_t                 rc;
    ngx_msec_t                delay;
    ngx_uint_t                lines;
    ngx_http_eirc_session_t  *s;

    s = ngx_http_eirc_ws_data(ws);

    if (s->state != NGX_HTTP_EIRC_SESSION_RUNNING) {
        return NGX_OK;
    }

    if (binary && s->ctx->handshake.mode != EIRC_PROTOCOL_BINARY) {
        ngx_http_eirc_session_close(s, EIRC_WS_CODE_UNSUPPORTED,
                                    "text messages only");
        return NGX_OK;
    }

    if (len > EIRC_LINK_MESSAGE_MAX) {
        ngx_http_eirc_session_close(s, EIRC_WS_CODE_TOO_BIG,
                                    "message too big");
        return NGX_OK;
    }

    if (ngx_strlchr(data, data + len, '\0') != NULL) {
        ngx_http_eirc_session_close(s, EIRC_WS_CODE_POLICY,
                                    "NUL in a message");
        return NGX_OK;
    }

    delay = ngx_http_eirc_message_delay(s);

    if (delay) {
        return ngx_http_eirc_message_wait(s, delay);
    }

    rc = ngx_http_eirc_link_message(s->link, data, len);

    switch (rc) {

    case NGX_OK:
        lines = ngx_http_eirc_message_lines(data, len);

        /* below zero if need be: one message is never kept for its size */

        s->level -= (int64_t) lines * NGX_HTTP_EIRC_LINE;
        s->ctx->lines_in += lines;

        /* the next one would not wait: this was no buffer full all the time */

        if (s->level >= NGX_HTTP_EIRC_LINE) {
            s->is_full = 0;
        }

        return NGX_OK;

    case NGX_AGAIN:
        s->blocked = 1;
        return NGX_AGAIN;

    default:
        ngx_http_eirc_session_close(s, NGX_HTTP_EIRC_CODE_PROCESS_LOST,
                                    "process lost");
        return NGX_OK;
    }
}


/* Lines of a message; one of nothing but line ends counts as well. */

static ngx_uint_t
ngx_http_eirc_message_lines(u_char *data, size_t len)
{
    u_char      *p, *last, before;
    ngx_uint_t   n;

    n = 0;
    before = LF;
    last = data + len;

    for (p = data; p < last; p++) {

        if (*p != CR && *p != LF && (before == CR || before == LF)) {
            n++;
        }

        before = *p;
    }

    return ngx_max(n, 1);
}


/* How long the next message has to wait, ms. */

static ngx_msec_t
ngx_http_eirc_message_delay(ngx_http_eirc_session_t *s)
{
    int64_t                    missing;
    ngx_http_eirc_loc_conf_t  *elcf;

    elcf = ngx_http_get_module_loc_conf(s->request, ngx_http_eirc_module);

    if (elcf->rate.rate == 0) {
        s->level = NGX_HTTP_EIRC_LINE;
        return 0;
    }

    s->level += (int64_t) (ngx_current_msec - s->filled)
                * (int64_t) elcf->rate.rate;
    s->level = ngx_min(s->level, (int64_t) ngx_max(elcf->rate.burst, 1)
                                 * NGX_HTTP_EIRC_LINE);
    s->filled = ngx_current_msec;

    missing = NGX_HTTP_EIRC_LINE - s->level;

    if (missing <= 0) {
        return 0;
    }

    return (ngx_msec_t) ((missing + (int64_t) elcf->rate.rate - 1)
                         / (int64_t) elcf->rate.rate);
}


/* The message waits; now and then the timer looks at the buffer behind it. */

static ngx_int_t
ngx_http_eirc_message_wait(ngx_http_eirc_session_t *s, ngx_msec_t delay)
{
    ngx_add_timer(&s->timer, ngx_min(delay, NGX_HTTP_EIRC_LOOK_TIME));

    return NGX_AGAIN;
}


/*
 * A browser that keeps its buffer full all the time is closed: whoever typed
 * or pasted something pauses in between.
 */

static void
ngx_http_eirc_message_timer_handler(ngx_event_t *ev)
{
    ngx_http_eirc_session_t *s = ev->data;

    ev->timedout = 0;

    if (!ngx_http_eirc_ws_full(s->ws)) {
        s->is_full = 0;

    } else if (!s->is_full) {
        s->is_full = 1;
        s->full = ngx_current_msec;

    } else if (ngx_current_msec - s->full >= EIRC_WS_PENDING_TIME) {
        ngx_log_error(NGX_LOG_WARN, s->request->connection->log, 0,
                      "session %*s sends more than \"eirc_rate\" permits",
                      s->ctx->id_len, s->ctx->id);

        ngx_http_eirc_session_close(s, EIRC_WS_CODE_POLICY, "too many lines");
        return;
    }

    ngx_http_eirc_ws_resume(s->ws);
}
