
/*
 * One session as nginx has it: joins a WebSocket to a link and owns both. Only
 * this file and message.c, which has what comes from the browser, call ws and
 * link. A request passes these states, the first four of them in request.c:
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
#define NGX_HTTP_EIRC_CODE_SLOW             4003
#define NGX_HTTP_EIRC_CODE_IRC_UNREACHABLE  4004
#define NGX_HTTP_EIRC_CODE_IRC_REFUSED      4500


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

static void ngx_http_eirc_session_drained(ngx_http_eirc_ws_t *ws);
static void ngx_http_eirc_session_closed(ngx_http_eirc_ws_t *ws,
    ngx_uint_t code);
static void ngx_http_eirc_session_shutdown(ngx_http_eirc_ws_t *ws);

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
    ngx_http_eirc_message,
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

    ngx_http_eirc_message_init(s);

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
    ngx_http_request_t  *r;

    r = s->request;

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

    ngx_http_eirc_message_begin(s);

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

void
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
