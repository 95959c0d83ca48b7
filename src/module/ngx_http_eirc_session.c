
/*
 * One session as nginx has it: joins a WebSocket to a link and owns both. The
 * only file that calls ws and link. A request passes these states, the first
 * four of them in request.c:
 *
 *     CONNECTING   a link to any socket layer: before a token is spent there
 *         |        has to be somebody to take the session
 *     AUTHORIZING  the token is claimed, the application is asked
 *         |
 *     SWITCHING    a link to the layer of this account, which keeps its limit;
 *         |        left out when the first link goes there
 *     REQUESTING   SESSION and USER are sent, the process is awaited
 *         |
 *     RUNNING      the 101 is sent, lines go both ways
 *         |
 *     CLOSING      the link has ended, the browser's close is awaited
 *
 * Up to REQUESTING the browser can be given a status: what auth.c says, 429
 * (eirc_limit) or 503. In RUNNING it is given a close code, by the reason of
 * END (docs/link.md, 7):
 *
 *     QUIT             1000  the user left
 *     SHUTDOWN         1012  come back
 *     IRC_LOST         4000  come back
 *     FAILED, no END   4002  come back: the process is lost
 *     SLOW             4003  come back: too much was not taken
 *     IRC_UNREACHABLE  4004  come back
 *     IRC_REFUSED      4500  of no use
 *
 * and by our own findings: 1012 when nginx is reloaded, 1003 for a message of
 * the wrong kind, 1008 for one with NUL in it, or for too many, 1009 for one
 * that the link cannot carry.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc_session.h"


#define NGX_HTTP_EIRC_CODE_IRC_LOST         4000
#define NGX_HTTP_EIRC_CODE_PROCESS_LOST     4002
#define NGX_HTTP_EIRC_CODE_SLOW             4003
#define NGX_HTTP_EIRC_CODE_IRC_UNREACHABLE  4004
#define NGX_HTTP_EIRC_CODE_IRC_REFUSED      4500

/*
 * The bucket of eirc_rate counts in units of which a line is so many: then
 * one millisecond adds the rate, in lines per 1000 s.
 */
#define NGX_HTTP_EIRC_LINE                  1000000

/* a message that waits for its rate is looked after at least so often, ms */
#define NGX_HTTP_EIRC_LOOK_TIME             5000


typedef struct {
    ngx_uint_t                      reason;
    ngx_uint_t                      code;
    const char                     *text;
} ngx_http_eirc_session_end_t;


static void ngx_http_eirc_session_open(ngx_http_eirc_link_t *link);
static void ngx_http_eirc_session_ready(ngx_http_eirc_link_t *link,
    u_char *id, size_t len);
static ngx_int_t ngx_http_eirc_session_stand(ngx_http_eirc_session_t *s);
static void ngx_http_eirc_session_lines(ngx_http_eirc_link_t *link,
    u_char *body, size_t len, ngx_uint_t n);
static void ngx_http_eirc_session_writable(ngx_http_eirc_link_t *link);
static void ngx_http_eirc_session_ended(ngx_http_eirc_link_t *link,
    ngx_uint_t reason, ngx_str_t *text);
static void ngx_http_eirc_session_over(ngx_http_eirc_session_t *s,
    ngx_uint_t reason, ngx_str_t *text);

static ngx_int_t ngx_http_eirc_session_message(ngx_http_eirc_ws_t *ws,
    u_char *data, size_t len, ngx_uint_t binary);
static ngx_uint_t ngx_http_eirc_session_count(u_char *data, size_t len);
static ngx_msec_t ngx_http_eirc_session_rate(ngx_http_eirc_session_t *s);
static ngx_int_t ngx_http_eirc_session_wait(ngx_http_eirc_session_t *s,
    ngx_msec_t delay);
static void ngx_http_eirc_session_timer_handler(ngx_event_t *ev);
static void ngx_http_eirc_session_drained(ngx_http_eirc_ws_t *ws);
static void ngx_http_eirc_session_closed(ngx_http_eirc_ws_t *ws,
    ngx_uint_t code);
static void ngx_http_eirc_session_shutdown(ngx_http_eirc_ws_t *ws);

static void ngx_http_eirc_session_close(ngx_http_eirc_session_t *s,
    ngx_uint_t code, const char *text);
static void ngx_http_eirc_session_release(ngx_http_eirc_session_t *s);
static void ngx_http_eirc_session_cleanup(void *data);
static size_t ngx_http_eirc_session_escape(u_char *dst, ngx_str_t *text);


ngx_http_eirc_link_handler_t  ngx_http_eirc_session_link_handler = {
    ngx_http_eirc_session_open,
    ngx_http_eirc_session_ready,
    ngx_http_eirc_session_lines,
    ngx_http_eirc_session_writable,
    ngx_http_eirc_session_ended
};


static ngx_http_eirc_ws_handler_t  ngx_http_eirc_session_ws_handler = {
    ngx_http_eirc_session_message,
    ngx_http_eirc_session_drained,
    ngx_http_eirc_session_closed,
    ngx_http_eirc_session_shutdown
};


static ngx_http_eirc_session_end_t  ngx_http_eirc_session_ends[] = {
    { EIRC_LINK_QUIT, EIRC_WS_CODE_NORMAL, "quit" },
    { EIRC_LINK_SHUTDOWN, EIRC_WS_CODE_RESTART, "restart" },
    { EIRC_LINK_IRC_LOST, NGX_HTTP_EIRC_CODE_IRC_LOST,
      "IRC connection lost" },
    { EIRC_LINK_SLOW, NGX_HTTP_EIRC_CODE_SLOW, "too slow" },
    { EIRC_LINK_IRC_UNREACHABLE, NGX_HTTP_EIRC_CODE_IRC_UNREACHABLE,
      "no IRC server" },
    { EIRC_LINK_IRC_REFUSED, NGX_HTTP_EIRC_CODE_IRC_REFUSED,
      "refused by the IRC server" },

    /* the last one is for all others */

    { EIRC_LINK_FAILED, NGX_HTTP_EIRC_CODE_PROCESS_LOST, "process lost" }
};


ngx_http_eirc_session_t *
ngx_http_eirc_session_create(ngx_http_request_t *r, ngx_http_eirc_ctx_t *ctx)
{
    ngx_http_cleanup_t       *cln;
    ngx_http_eirc_session_t  *s;

    s = ngx_pcalloc(r->pool, sizeof(ngx_http_eirc_session_t));
    if (s == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     s->link = NULL;
     *     s->ws = NULL;
     *     s->level = 0;
     *     s->state = NGX_HTTP_EIRC_SESSION_CONNECTING;
     *     all flags = 0
     */

    s->request = r;
    s->ctx = ctx;

    s->timer.handler = ngx_http_eirc_session_timer_handler;
    s->timer.data = s;
    s->timer.log = r->connection->log;
    s->timer.cancelable = 1;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_eirc_session_cleanup;
    cln->data = s;

    return s;
}


/*
 * What the link says. Before the 101 these calls come from outside of the
 * request's own events, so posted requests have to be run; afterwards there
 * are none.
 */

static void
ngx_http_eirc_session_open(ngx_http_eirc_link_t *link)
{
    ngx_connection_t         *c;
    ngx_http_eirc_session_t  *s;

    s = ngx_http_eirc_link_data(link);
    c = s->request->connection;

    ngx_http_set_log_request(c->log, s->request);

    ngx_http_eirc_request_open(s);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_eirc_session_ready(ngx_http_eirc_link_t *link, u_char *id, size_t len)
{
    ngx_connection_t         *c;
    ngx_http_eirc_session_t  *s;

    s = ngx_http_eirc_link_data(link);
    c = s->request->connection;

    ngx_http_set_log_request(c->log, s->request);

    ngx_memcpy(s->ctx->id, id, len);
    s->ctx->id_len = len;

    if (ngx_exiting) {

        /* too late for this worker; the next one has the session anew */

        ngx_http_eirc_request_refuse(s, NGX_HTTP_SERVICE_UNAVAILABLE);

    } else if (ngx_http_eirc_session_stand(s) == NGX_OK) {
        return;

    } else {
        ngx_http_eirc_session_finalize(s, NGX_ERROR);
    }

    ngx_http_run_posted_requests(c);
}


/* The 101. */

static ngx_int_t
ngx_http_eirc_session_stand(ngx_http_eirc_session_t *s)
{
    ngx_http_request_t        *r;
    ngx_http_eirc_loc_conf_t  *elcf;

    r = s->request;
    elcf = ngx_http_get_module_loc_conf(r, ngx_http_eirc_module);

    ngx_http_eirc_token_use(r, &s->ctx->claim);

    if (ngx_http_eirc_handshake_accept(r, s->ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    s->ws = ngx_http_eirc_ws_create(r, &ngx_http_eirc_session_ws_handler, s);

    if (s->ws == NULL) {
        return NGX_ERROR;
    }

    s->ctx->ws = s->ws;
    s->state = NGX_HTTP_EIRC_SESSION_RUNNING;

    s->level = (int64_t) ngx_max(elcf->rate.burst, 1) * NGX_HTTP_EIRC_LINE;
    s->filled = ngx_current_msec;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "session %*s began, nick \"%V\"",
                  s->ctx->id_len, s->ctx->id, &s->ctx->nick);

    ngx_http_eirc_ws_start(s->ws);

    return NGX_OK;
}


static void
ngx_http_eirc_session_lines(ngx_http_eirc_link_t *link, u_char *body,
    size_t len, ngx_uint_t n)
{
    ngx_int_t                 rc;
    ngx_uint_t                binary;
    ngx_http_eirc_session_t  *s;

    s = ngx_http_eirc_link_data(link);

    binary = (s->ctx->handshake.mode == EIRC_PROTOCOL_BINARY);

    rc = ngx_http_eirc_ws_send_entries(s->ws, binary, body, len);

    if (rc == NGX_ERROR) {

        /* closed() follows */

        ngx_http_eirc_link_pause(link);
        return;
    }

    s->ctx->lines_out += n;

    if (rc == NGX_AGAIN) {
        ngx_http_eirc_link_pause(link);
    }
}


static void
ngx_http_eirc_session_writable(ngx_http_eirc_link_t *link)
{
    ngx_http_eirc_session_t  *s;

    s = ngx_http_eirc_link_data(link);

    if (s->blocked) {
        s->blocked = 0;
        ngx_http_eirc_ws_resume(s->ws);
    }
}


static void
ngx_http_eirc_session_ended(ngx_http_eirc_link_t *link, ngx_uint_t reason,
    ngx_str_t *text)
{
    u_char                    buf[EIRC_LINK_TEXT_MAX];
    ngx_str_t                 safe;
    ngx_connection_t         *c;
    ngx_http_eirc_session_t  *s;

    s = ngx_http_eirc_link_data(link);
    c = s->request->connection;

    s->link = NULL;

    safe.data = buf;
    safe.len = ngx_http_eirc_session_escape(buf, text);

    if (s->state == NGX_HTTP_EIRC_SESSION_RUNNING) {
        ngx_http_eirc_session_over(s, reason, &safe);
        return;
    }

    ngx_http_set_log_request(c->log, s->request);

    ngx_http_eirc_request_ended(s, reason, &safe);

    ngx_http_run_posted_requests(c);
}


/* The link of a running session has ended: so does the WebSocket. */

static void
ngx_http_eirc_session_over(ngx_http_eirc_session_t *s, ngx_uint_t reason,
    ngx_str_t *text)
{
    ngx_uint_t                    level;
    ngx_http_eirc_session_end_t  *end;

    for (end = ngx_http_eirc_session_ends;
         end->reason != EIRC_LINK_FAILED;
         end++)
    {
        if (end->reason == reason) {
            break;
        }
    }

    level = (end->reason == EIRC_LINK_FAILED) ? NGX_LOG_ERR : NGX_LOG_INFO;

    ngx_log_error(level, s->request->connection->log, 0,
                  "session %*s ended: %s (%V)", s->ctx->id_len, s->ctx->id,
                  eirc_link_reason_name((uint32_t) reason), text);

    ngx_http_eirc_session_close(s, end->code, end->text);
}


/*
 * What the WebSocket says
 */

static ngx_int_t
ngx_http_eirc_session_message(ngx_http_eirc_ws_t *ws, u_char *data, size_t len,
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

    delay = ngx_http_eirc_session_rate(s);

    if (delay) {
        return ngx_http_eirc_session_wait(s, delay);
    }

    rc = ngx_http_eirc_link_message(s->link, data, len);

    switch (rc) {

    case NGX_OK:
        lines = ngx_http_eirc_session_count(data, len);

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
ngx_http_eirc_session_count(u_char *data, size_t len)
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
ngx_http_eirc_session_rate(ngx_http_eirc_session_t *s)
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
ngx_http_eirc_session_wait(ngx_http_eirc_session_t *s, ngx_msec_t delay)
{
    ngx_add_timer(&s->timer, ngx_min(delay, NGX_HTTP_EIRC_LOOK_TIME));

    return NGX_AGAIN;
}


/*
 * A browser that keeps its buffer full all the time is closed: whoever typed
 * or pasted something pauses in between.
 */

static void
ngx_http_eirc_session_timer_handler(ngx_event_t *ev)
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


static void
ngx_http_eirc_session_drained(ngx_http_eirc_ws_t *ws)
{
    ngx_http_eirc_session_t  *s;

    s = ngx_http_eirc_ws_data(ws);

    if (s->link) {
        ngx_http_eirc_link_continue(s->link);
    }
}


static void
ngx_http_eirc_session_closed(ngx_http_eirc_ws_t *ws, ngx_uint_t code)
{
    ngx_uint_t                reason;
    ngx_http_eirc_session_t  *s;

    s = ngx_http_eirc_ws_data(ws);

    switch (code) {

    case EIRC_WS_CODE_ABNORMAL:
    case EIRC_WS_CODE_RESTART:
        reason = 0;
        break;

    case EIRC_WS_CODE_PROTOCOL:
    case EIRC_WS_CODE_UNSUPPORTED:
    case EIRC_WS_CODE_INVALID:
    case EIRC_WS_CODE_POLICY:
    case EIRC_WS_CODE_TOO_BIG:
        reason = EIRC_LINK_VIOLATION;
        break;

    default:
        reason = EIRC_LINK_CLOSED;
        break;
    }

    ngx_http_eirc_session_unlink(s, reason, "");
    ngx_http_eirc_session_finalize(s, NGX_OK);
}


static void
ngx_http_eirc_session_shutdown(ngx_http_eirc_ws_t *ws)
{
    ngx_http_eirc_session_t  *s;

    s = ngx_http_eirc_ws_data(ws);

    /* as if the browser had vanished: it comes back to another worker */

    ngx_http_eirc_session_unlink(s, 0, NULL);
    ngx_http_eirc_session_close(s, EIRC_WS_CODE_RESTART, "reload");
}


/*
 * The ends
 */

/* Says goodbye to the browser; a link that is still there is a violator's. */

static void
ngx_http_eirc_session_close(ngx_http_eirc_session_t *s, ngx_uint_t code,
    const char *text)
{
    if (s->state == NGX_HTTP_EIRC_SESSION_CLOSING) {
        return;
    }

    s->state = NGX_HTTP_EIRC_SESSION_CLOSING;

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    ngx_http_eirc_session_unlink(s, EIRC_LINK_VIOLATION, text);

    ngx_http_eirc_ws_close(s->ws, code, text);
}


void
ngx_http_eirc_session_unlink(ngx_http_eirc_session_t *s, ngx_uint_t reason,
    const char *text)
{
    ngx_http_eirc_link_t  *link;

    link = s->link;

    if (link == NULL) {
        return;
    }

    s->link = NULL;

    ngx_http_eirc_link_close(link, reason, text);
}


void
ngx_http_eirc_session_finalize(ngx_http_eirc_session_t *s, ngx_int_t rc)
{
    if (s->released) {
        return;
    }

    ngx_http_eirc_session_release(s);

    if (s->ws) {
        ngx_http_eirc_ws_finalize(s->ws);
        return;
    }

    ngx_http_finalize_request(s->request, rc);
}


static void
ngx_http_eirc_session_release(ngx_http_eirc_session_t *s)
{
    s->released = 1;

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    ngx_http_eirc_session_unlink(s, 0, NULL);
}


/* The request ends in whatever way. */

static void
ngx_http_eirc_session_cleanup(void *data)
{
    ngx_http_eirc_session_t *s = data;

    ngx_http_eirc_session_release(s);
}


/* A text of the peer's for the log: at most EIRC_LINK_TEXT_MAX bytes. */

static size_t
ngx_http_eirc_session_escape(u_char *dst, ngx_str_t *text)
{
    size_t  i, len;

    len = ngx_min(text->len, EIRC_LINK_TEXT_MAX);

    for (i = 0; i < len; i++) {
        dst[i] = (text->data[i] < 0x20 || text->data[i] == 0x7f)
                 ? '?' : text->data[i];
    }

    return len;
}
