
/*
 * One session as nginx has it: joins a WebSocket to a link and owns both. Only
 * this file and message.c, which has what comes from the browser, call ws and
 * link. A request passes these states, the first four of them in request.c:
 *
 *     CONNECTING   a link to any socket layer: before a token is spent there
 *         |   |    has to be somebody to take the session; of a browser that
 *         |   |    comes back, to the layer that has its session
 *     AUTHORIZING  the token is claimed, the application is asked
 *         |   |
 *     SWITCHING    a link to the layer of this account, which keeps its limit;
 *         |   |    left out when the first link goes there
 *     REQUESTING   SESSION and USER, or RESUME, are sent, the process is
 *         |        awaited
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
 *     TAKEN            4001  another browser has the session
 *     FAILED, no END   4002  come back: the process is lost
 *     SLOW             4003  come back: too much was not taken
 *     IRC_UNREACHABLE  4004  come back
 *     IRC_REFUSED      4500  of no use
 *
 * and by our own findings: 1012 when nginx is reloaded, 1003 for a message of
 * the wrong kind, 1008 for one with NUL in it, or for too many, 1009 for one
 * that the link cannot carry; 4501 where there is nothing to come back to.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc_session.h"


#define NGX_HTTP_EIRC_CODE_IRC_LOST         4000
#define NGX_HTTP_EIRC_CODE_TAKEN            4001
#define NGX_HTTP_EIRC_CODE_SLOW             4003
#define NGX_HTTP_EIRC_CODE_IRC_UNREACHABLE  4004
#define NGX_HTTP_EIRC_CODE_IRC_REFUSED      4500
#define NGX_HTTP_EIRC_CODE_GONE             4501


typedef struct {
    ngx_uint_t                      reason;
    ngx_uint_t                      code;
    const char                     *text;
} ngx_http_eirc_session_end_t;


static void ngx_http_eirc_session_open(ngx_http_eirc_link_t *link);
static void ngx_http_eirc_session_ready(ngx_http_eirc_link_t *link,
    u_char *id, size_t len);
static void ngx_http_eirc_session_resumed(ngx_http_eirc_link_t *link,
    eirc_link_resumed_t *resumed);
static void ngx_http_eirc_session_reset(ngx_http_eirc_link_t *link,
    u_char *id, size_t len);
static void ngx_http_eirc_session_stand(ngx_http_eirc_session_t *s,
    eirc_link_resumed_t *resumed);
static ngx_int_t ngx_http_eirc_session_accept(ngx_http_eirc_session_t *s);
static void ngx_http_eirc_session_warm(ngx_http_eirc_session_t *s);
static ngx_int_t ngx_http_eirc_session_names(ngx_http_eirc_session_t *s,
    eirc_link_resumed_t *resumed);
static void ngx_http_eirc_session_tell(ngx_http_eirc_session_t *s,
    eirc_link_resumed_t *resumed);
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
static size_t ngx_http_eirc_session_ping(ngx_http_eirc_ws_t *ws,
    u_char *payload);
static void ngx_http_eirc_session_pong(ngx_http_eirc_ws_t *ws, u_char *data,
    size_t len);

static void ngx_http_eirc_session_release(ngx_http_eirc_session_t *s);
static void ngx_http_eirc_session_cleanup(void *data);
static size_t ngx_http_eirc_session_escape(u_char *dst, ngx_str_t *text);


ngx_http_eirc_link_handler_t  ngx_http_eirc_session_link_handler = {
    ngx_http_eirc_session_open,
    ngx_http_eirc_session_ready,
    ngx_http_eirc_session_resumed,
    ngx_http_eirc_session_reset,
    ngx_http_eirc_session_lines,
    ngx_http_eirc_session_writable,
    ngx_http_eirc_session_ended
};


static ngx_http_eirc_ws_handler_t  ngx_http_eirc_session_ws_handler = {
    ngx_http_eirc_message,
    ngx_http_eirc_session_drained,
    ngx_http_eirc_session_closed,
    ngx_http_eirc_session_shutdown,
    ngx_http_eirc_session_ping,
    ngx_http_eirc_session_pong
};


static ngx_http_eirc_session_end_t  ngx_http_eirc_session_ends[] = {
    { EIRC_LINK_QUIT, EIRC_WS_CODE_NORMAL, "quit" },
    { EIRC_LINK_SHUTDOWN, EIRC_WS_CODE_RESTART, "restart" },
    { EIRC_LINK_IRC_LOST, NGX_HTTP_EIRC_CODE_IRC_LOST,
      "IRC connection lost" },
    { EIRC_LINK_TAKEN, NGX_HTTP_EIRC_CODE_TAKEN, "taken over" },
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
     *     s->resume = NULL;
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
    ngx_http_eirc_session_t  *s;

    s = ngx_http_eirc_link_data(link);

    ngx_http_set_log_request(s->request->connection->log, s->request);

    ngx_memcpy(s->ctx->id, id, len);
    s->ctx->id_len = len;

    ngx_http_eirc_session_stand(s, NULL);
}


static void
ngx_http_eirc_session_resumed(ngx_http_eirc_link_t *link,
    eirc_link_resumed_t *resumed)
{
    ngx_http_eirc_session_t  *s;

    s = ngx_http_eirc_link_data(link);

    ngx_http_set_log_request(s->request->connection->log, s->request);

    ngx_memcpy(s->ctx->id, s->resume->id.data, s->resume->id.len);
    s->ctx->id_len = s->resume->id.len;

    ngx_http_eirc_session_stand(s, resumed);
}


/* The 101, and for a browser that can come back what it has to know. */

static void
ngx_http_eirc_session_stand(ngx_http_eirc_session_t *s,
    eirc_link_resumed_t *resumed)
{
    ngx_connection_t  *c;

    c = s->request->connection;

    if (ngx_exiting && s->resume == NULL) {

        /*
         * Too late for this worker, and nobody could come back; the next one
         * has the session anew. Of one that can be resumed the browser gets
         * what there is, and soon is told to come back, as all others are.
         */

        ngx_http_eirc_request_refuse(s, NGX_HTTP_SERVICE_UNAVAILABLE);
        ngx_http_run_posted_requests(c);
        return;
    }

    ngx_http_eirc_token_use(s->request, &s->ctx->claim);
    ngx_http_eirc_auth_forget(s->request, s->ctx);

    if ((resumed && ngx_http_eirc_session_names(s, resumed) != NGX_OK)
        || ngx_http_eirc_session_accept(s) != NGX_OK)
    {
        ngx_http_eirc_session_finalize(s, NGX_ERROR);
        ngx_http_run_posted_requests(c);
        return;
    }

    ngx_http_eirc_session_warm(s);

    ngx_log_error(NGX_LOG_INFO, c->log, 0, "session %*s %s, nick \"%V\"",
                  s->ctx->id_len, s->ctx->id, resumed ? "resumed" : "began",
                  &s->ctx->nick);

    if (s->resume) {

        if (resumed) {
            ngx_http_eirc_resume_begin(s->resume, resumed->replay,
                                       resumed->lines);
        }

        ngx_http_eirc_session_tell(s, resumed);
    }

    ngx_http_eirc_ws_start(s->ws);
}


static ngx_int_t
ngx_http_eirc_session_accept(ngx_http_eirc_session_t *s)
{
    ngx_http_request_t  *r;

    r = s->request;

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

    return NGX_OK;
}


/* The way of a line to the browser. */

static void
ngx_http_eirc_session_warm(ngx_http_eirc_session_t *s)
{
    ngx_uint_t   i;
    const void  *touched[NGX_HTTP_EIRC_WS_TOUCHED];

    ngx_http_eirc_link_warm(s->link, s);
    ngx_http_eirc_link_warm(s->link, &s->ctx->handshake.mode);
    ngx_http_eirc_link_warm(s->link, &s->ctx->lines_out);

    ngx_http_eirc_ws_touched(s->ws, touched);

    for (i = 0; i < NGX_HTTP_EIRC_WS_TOUCHED; i++) {
        ngx_http_eirc_link_warm(s->link, touched[i]);
    }
}


/* For the variables: no token has named the user this time. */

static ngx_int_t
ngx_http_eirc_session_names(ngx_http_eirc_session_t *s,
    eirc_link_resumed_t *resumed)
{
    u_char  *p;

    p = ngx_pnalloc(s->request->pool,
                    resumed->nick.len + resumed->account.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    s->ctx->nick.data = p;
    s->ctx->nick.len = resumed->nick.len;

    p = ngx_cpymem(p, resumed->nick.p, resumed->nick.len);

    s->ctx->account.data = p;
    s->ctx->account.len = resumed->account.len;

    ngx_memcpy(p, resumed->account.p, resumed->account.len);

    return NGX_OK;
}


/* What is said to the browser by nginx itself: docs/resume.md. */

static void
ngx_http_eirc_session_tell(ngx_http_eirc_session_t *s,
    eirc_link_resumed_t *resumed)
{
    size_t                     len;
    u_char                     body[NGX_HTTP_EIRC_RESUME_BODY];
    ngx_uint_t                 binary;
    ngx_http_eirc_loc_conf_t  *elcf;

    if (resumed) {
        len = ngx_http_eirc_resume_resumed(s->resume, resumed, body);

    } else {
        elcf = ngx_http_get_module_loc_conf(s->request, ngx_http_eirc_module);

        len = ngx_http_eirc_resume_session(s->resume, s->ctx->id,
                                           s->ctx->id_len, elcf->linger,
                                           body);
    }

    binary = (s->ctx->handshake.mode == EIRC_PROTOCOL_BINARY);

    /* after an error closed() follows */

    if (ngx_http_eirc_ws_send_secret(s->ws, binary, body, len) != NGX_OK) {
        ngx_http_eirc_link_pause(s->link);
    }
}


/* Nothing of what the browser has counted holds any more. */

static void
ngx_http_eirc_session_reset(ngx_http_eirc_link_t *link, u_char *id, size_t len)
{
    ngx_http_eirc_session_t  *s;

    s = ngx_http_eirc_link_data(link);

    ngx_log_error(NGX_LOG_WARN, s->request->connection->log, 0,
                  "session %*s lost its state and goes on as %*s",
                  s->ctx->id_len, s->ctx->id, len, id);

    ngx_memcpy(s->ctx->id, id, len);
    s->ctx->id_len = len;

    if (s->resume) {
        ngx_http_eirc_resume_reset(s->resume);
        ngx_http_eirc_session_tell(s, NULL);
    }
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

    if (s->resume) {
        ngx_http_eirc_resume_sent(s->resume, n, len);

        if (ngx_http_eirc_resume_ping_due(s->resume)) {
            ngx_http_eirc_ws_ping(s->ws);
        }
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

    case EIRC_WS_CODE_GOING_AWAY:

        /* a page that is loaded anew has no time to say more than this */

        reason = s->resume ? 0 : EIRC_LINK_CLOSED;
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


static size_t
ngx_http_eirc_session_ping(ngx_http_eirc_ws_t *ws, u_char *payload)
{
    ngx_http_eirc_session_t  *s;

    s = ngx_http_eirc_ws_data(ws);

    return s->resume ? ngx_http_eirc_resume_ping(s->resume, payload) : 0;
}


static void
ngx_http_eirc_session_pong(ngx_http_eirc_ws_t *ws, u_char *data, size_t len)
{
    ngx_http_eirc_session_t  *s;

    s = ngx_http_eirc_ws_data(ws);

    if (s->resume == NULL || s->state != NGX_HTTP_EIRC_SESSION_RUNNING
        || !ngx_http_eirc_resume_pong(s->resume, data, len))
    {
        return;
    }

    if (ngx_http_eirc_link_confirm(s->link, s->resume->confirmed.lines)
        != NGX_OK)
    {
        ngx_http_eirc_session_close(s, NGX_HTTP_EIRC_CODE_PROCESS_LOST,
                                    "process lost");
        return;
    }

    if (ngx_http_eirc_resume_ping_due(s->resume)) {
        ngx_http_eirc_ws_ping(ws);
    }
}


/*
 * The ends
 */

/* A page learns of close codes, and of no status. */

void
ngx_http_eirc_session_gone(ngx_http_eirc_session_t *s)
{
    ngx_log_error(NGX_LOG_INFO, s->request->connection->log, 0,
                  "client came back to a session that is gone, or is not "
                  "its own");

    if (ngx_http_eirc_session_accept(s) != NGX_OK) {
        ngx_http_eirc_session_finalize(s, NGX_ERROR);
        return;
    }

    ngx_http_eirc_ws_start(s->ws);
    ngx_http_eirc_session_close(s, NGX_HTTP_EIRC_CODE_GONE, "session gone");
}


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

    if (s->resume) {
        ngx_http_eirc_resume_wipe(s->resume);
    }

    ngx_http_eirc_auth_forget(s->request, s->ctx);
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
