
/*
 * From a request to a session: handshake, a link, the token, a process. The
 * states stand in session.c, which goes on with the 101.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc_session.h"

#include <sched.h>


/* the members of USER around the user object */
#define NGX_HTTP_EIRC_USER_WORDS  512


static void ngx_http_eirc_request_auth_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_eirc_request_layer(ngx_http_eirc_session_t *s,
    ngx_uint_t layers);
static ngx_int_t ngx_http_eirc_request_link(ngx_http_eirc_session_t *s);
static void ngx_http_eirc_request_switch(ngx_http_eirc_session_t *s);
static void ngx_http_eirc_request_send(ngx_http_eirc_session_t *s);
static ngx_int_t ngx_http_eirc_request_resumable(ngx_http_eirc_session_t *s,
    eirc_link_session_t *request, u_char *hash);
static void ngx_http_eirc_request_resume(ngx_http_eirc_session_t *s);
static ngx_int_t ngx_http_eirc_request_user(ngx_http_eirc_session_t *s,
    ngx_pool_t *pool, ngx_str_t *user);
static ngx_uint_t ngx_http_eirc_request_no_secret(
    ngx_http_eirc_loc_conf_t *elcf, ngx_str_t *user);
static uint32_t ngx_http_eirc_request_cpu(void);


ngx_int_t
ngx_http_eirc_session_handler(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_http_eirc_ctx_t      *ctx;
    ngx_http_eirc_session_t  *s;

    if (r != r->main) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_eirc_module);

    if (ctx == NULL) {
        ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_eirc_ctx_t));
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_http_set_ctx(r, ctx, ngx_http_eirc_module);
    }

    ngx_http_eirc_auth_mask(r, ctx);

    rc = ngx_http_eirc_handshake_check(r, ctx);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    s = ngx_http_eirc_session_create(r, ctx);
    if (s == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_eirc_resume_read(r, &s->resume);

    ctx->resuming = (rc == NGX_DECLINED || (s->resume && s->resume->back));

    if (rc == NGX_OK && !ctx->resuming) {
        rc = ngx_http_eirc_token_evaluate(r, ctx);
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK) {
        return ngx_http_eirc_auth_refuse(r, ctx, NGX_HTTP_BAD_REQUEST);
    }

    return ngx_http_eirc_request_link(s);
}


/* The layer that the session belongs to, as far as it is known already. */

static ngx_int_t
ngx_http_eirc_request_layer(ngx_http_eirc_session_t *s, ngx_uint_t layers)
{
    uint32_t  account;

    if (s->ctx->resuming) {
        return s->resume && s->resume->back ? (ngx_int_t) s->resume->layer
                                            : NGX_CONF_UNSET;
    }

    if (ngx_http_eirc_token_account(s->request, &s->ctx->token, &account)
        != NGX_OK)
    {
        return NGX_CONF_UNSET;
    }

    return account % layers;
}


static ngx_int_t
ngx_http_eirc_request_link(ngx_http_eirc_session_t *s)
{
    ngx_int_t                   layer;
    ngx_uint_t                  layers;
    ngx_http_request_t         *r;
    ngx_http_eirc_main_conf_t  *emcf;

    r = s->request;
    emcf = ngx_http_get_module_main_conf(r, ngx_http_eirc_module);

    layers = ngx_http_eirc_link_layers(emcf);
    layer = ngx_http_eirc_request_layer(s, layers);

    /* a reload may have taken away the one that a browser comes back to */

    if (s->ctx->resuming && layer != NGX_CONF_UNSET
        && (ngx_uint_t) layer >= layers)
    {
        r->main->count++;

        ngx_http_eirc_session_gone(s);

        return NGX_DONE;
    }

    s->link = ngx_http_eirc_link_open(r, layer,
                                      &ngx_http_eirc_session_link_handler, s);
    if (s->link == NULL) {
        return ngx_http_eirc_auth_refuse(r, s->ctx,
                                         NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    if (s->ctx->resuming) {
        ngx_http_eirc_link_take_full(s->link);
    }

    s->ctx->session = s;

    r->connection->log->action = "connecting to a socket layer";

    /* a browser that leaves ends the request, and its cleanup the rest */

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    r->main->count++;

    return NGX_DONE;
}


void
ngx_http_eirc_request_open(ngx_http_eirc_session_t *s)
{
    ngx_http_request_t  *r;

    r = s->request;

    if (s->ctx->resuming) {
        ngx_http_eirc_request_resume(s);
        return;
    }

    /* again in REQUESTING: the layer before has gone without a word */

    if (s->state == NGX_HTTP_EIRC_SESSION_SWITCHING
        || s->state == NGX_HTTP_EIRC_SESSION_REQUESTING)
    {
        ngx_http_eirc_request_send(s);
        return;
    }

    s->state = NGX_HTTP_EIRC_SESSION_AUTHORIZING;
    r->connection->log->action = "asking about a token";

    r->write_event_handler = ngx_http_eirc_request_auth_handler;
    ngx_http_eirc_request_auth_handler(r);
}


static void
ngx_http_eirc_request_auth_handler(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_http_eirc_ctx_t      *ctx;
    ngx_http_eirc_session_t  *s;

    ctx = ngx_http_get_module_ctx(r, ngx_http_eirc_module);
    s = ctx->session;

    if (s->released || s->state != NGX_HTTP_EIRC_SESSION_AUTHORIZING) {
        return;
    }

    rc = ngx_http_eirc_auth(r, ctx);

    if (rc == NGX_AGAIN) {
        return;
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    if (rc != NGX_OK) {
        ngx_http_eirc_request_refuse(s, rc == NGX_ERROR
                                        ? NGX_HTTP_INTERNAL_SERVER_ERROR
                                        : rc);
        return;
    }

    ngx_http_eirc_request_switch(s);
}


/*
 * An account belongs to one layer, whichever worker its browsers come to:
 * only so can that layer count its sessions.
 */

static void
ngx_http_eirc_request_switch(ngx_http_eirc_session_t *s)
{
    ngx_uint_t                  layer;
    ngx_http_request_t         *r;
    ngx_http_eirc_main_conf_t  *emcf;

    r = s->request;
    emcf = ngx_http_get_module_main_conf(r, ngx_http_eirc_module);

    layer = ngx_http_eirc_token_account_hash(&s->ctx->account)
            % ngx_http_eirc_link_layers(emcf);

    if (s->link) {

        if (ngx_http_eirc_link_layer(s->link) == layer) {
            ngx_http_eirc_request_send(s);
            return;
        }

        ngx_http_eirc_session_unlink(s, 0, NULL);
    }

    s->state = NGX_HTTP_EIRC_SESSION_SWITCHING;

    s->link = ngx_http_eirc_link_open(r, layer,
                                      &ngx_http_eirc_session_link_handler, s);
    if (s->link == NULL) {
        ngx_http_eirc_request_refuse(s, NGX_HTTP_SERVICE_UNAVAILABLE);
    }
}


static void
ngx_http_eirc_request_send(ngx_http_eirc_session_t *s)
{
    ngx_int_t                  rc;
    u_char                     hash[EIRC_LINK_KEY_SIZE];
    ngx_str_t                  user;
    ngx_pool_t                *pool;
    ngx_http_request_t        *r;
    eirc_link_session_t        request;
    ngx_http_eirc_loc_conf_t  *elcf;

    r = s->request;
    elcf = ngx_http_get_module_loc_conf(r, ngx_http_eirc_module);

    s->state = NGX_HTTP_EIRC_SESSION_REQUESTING;
    r->connection->log->action = "waiting for the session's process";

    ngx_memzero(&request, sizeof(eirc_link_session_t));

    request.limit = (uint32_t) elcf->limit;
    request.replay = (uint32_t) elcf->replay;
    request.crash_limit = (uint32_t) elcf->crash_limit;
    request.crash_time = (uint32_t) elcf->crash_time;
    request.cpu = ngx_http_eirc_request_cpu();
    request.account = (const char *) s->ctx->account.data;
    request.account_len = s->ctx->account.len;
    request.servers = elcf->servers.data;
    request.servers_len = elcf->servers.len;
    request.tls = elcf->tls.data;
    request.tls_len = elcf->tls.len;
    request.mode = s->ctx->handshake.mode;
    request.flags = ngx_http_eirc_request_no_secret(elcf, &s->ctx->user)
                    ? EIRC_LINK_NO_SECRET : 0;

    rc = ngx_http_eirc_request_resumable(s, &request, hash);

    if (rc != NGX_OK) {
        ngx_http_eirc_request_refuse(s, NGX_HTTP_SERVICE_UNAVAILABLE);
        return;
    }

    /* what is needed for a moment must not stay as long as the session */

    rc = NGX_ERROR;

    pool = ngx_create_pool(4096, r->connection->log);

    if (pool) {
        rc = ngx_http_eirc_request_user(s, pool, &user);

        if (rc == NGX_OK) {
            rc = ngx_http_eirc_link_request(s->link, &request, &user);

            /* it may hold a secret */

            ngx_explicit_memzero(user.data, user.len);
        }

        ngx_destroy_pool(pool);
    }

    if (rc != NGX_OK) {
        ngx_http_eirc_request_refuse(s, NGX_HTTP_SERVICE_UNAVAILABLE);
    }
}


/* Where nobody has asked for it, there is nothing to come back to. */

static ngx_int_t
ngx_http_eirc_request_resumable(ngx_http_eirc_session_t *s,
    eirc_link_session_t *request, u_char *hash)
{
    ngx_http_eirc_loc_conf_t  *elcf;

    if (s->resume == NULL) {
        return NGX_OK;
    }

    elcf = ngx_http_get_module_loc_conf(s->request, ngx_http_eirc_module);

    if (ngx_http_eirc_resume_key(s->resume, hash) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, s->request->connection->log, 0,
                      "RAND_bytes() failed");
        return NGX_ERROR;
    }

    request->linger = (uint32_t) elcf->linger;
    request->flags |= EIRC_LINK_RESUMABLE;
    request->key = hash;

    return NGX_OK;
}


/* The browser names its session, and shows the key to it: docs/link.md, 8. */

static void
ngx_http_eirc_request_resume(ngx_http_eirc_session_t *s)
{
    u_char              hash[EIRC_LINK_KEY_SIZE];
    ngx_log_t          *log;
    eirc_link_resume_t  request;

    log = s->request->connection->log;

    s->state = NGX_HTTP_EIRC_SESSION_REQUESTING;
    log->action = "waiting for the session's process";

    if (ngx_http_eirc_resume_key(s->resume, hash) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, log, 0, "RAND_bytes() failed");
        ngx_http_eirc_request_refuse(s, NGX_HTTP_SERVICE_UNAVAILABLE);
        return;
    }

    request.lines = s->resume->lines;
    request.id = (const char *) s->resume->id.data;
    request.id_len = s->resume->id.len;
    request.key = s->resume->presented;
    request.next = hash;
    request.mode = s->ctx->handshake.mode;
    request.cpu = ngx_http_eirc_request_cpu();

    if (ngx_http_eirc_link_resume(s->link, &request) != NGX_OK) {
        ngx_http_eirc_request_refuse(s, NGX_HTTP_SERVICE_UNAVAILABLE);
    }
}


/*
 * Has the user nothing that lets it in, for sure? The name of the secret may
 * stand in its object with JSON's escapes in it.
 */

static ngx_uint_t
ngx_http_eirc_request_no_secret(ngx_http_eirc_loc_conf_t *elcf,
    ngx_str_t *user)
{
    return elcf->login_free
           && ngx_strnstr(user->data, "sasl_secret", user->len) == NULL
           && ngx_strlchr(user->data, user->data + user->len, '\\') == NULL;
}


/* USER, docs/link.md, 6: the object is the application's, as it came. */

static ngx_int_t
ngx_http_eirc_request_user(ngx_http_eirc_session_t *s, ngx_pool_t *pool,
    ngx_str_t *user)
{
    u_char                    *p, *last;
    in_port_t                  local_port;
    ngx_uint_t                 secure;
    ngx_connection_t          *c;
    ngx_http_eirc_loc_conf_t  *elcf;

    static ngx_str_t  modes[] = {
        ngx_string("eirc"),
        ngx_string("text"),
        ngx_string("binary")
    };

    c = s->request->connection;
    elcf = ngx_http_get_module_loc_conf(s->request, ngx_http_eirc_module);

#if (NGX_HTTP_SSL)
    secure = (c->ssl != NULL);
#else
    secure = 0;
#endif

    local_port = c->local_sockaddr ? ngx_inet_get_port(c->local_sockaddr) : 0;

    user->len = s->ctx->user.len + elcf->login.len + elcf->charset.len
                + NGX_HTTP_EIRC_USER_WORDS;

    user->data = ngx_pnalloc(pool, user->len);
    if (user->data == NULL) {
        return NGX_ERROR;
    }

    last = user->data + user->len;

    p = ngx_slprintf(user->data, last,
                     "{\"user\":%V,\"address\":\"%V\",\"port\":%ui,"
                     "\"local_port\":%ui,\"secure\":%s,\"mode\":\"%V\","
                     "\"flood_rate\":%ui,\"flood_burst\":%ui%V%V}",
                     &s->ctx->user, &c->addr_text,
                     (ngx_uint_t) ngx_inet_get_port(c->sockaddr),
                     (ngx_uint_t) local_port,
                     secure ? "true" : "false",
                     &modes[s->ctx->handshake.mode],
                     elcf->flood.rate, elcf->flood.burst, &elcf->login,
                     &elcf->charset);

    if (p == last) {
        return NGX_ERROR;
    }

    user->len = p - user->data;

    return NGX_OK;
}


/* Where worker_cpu_affinity gives this worker one CPU its sessions stay. */

static uint32_t
ngx_http_eirc_request_cpu(void)
{
    int        i;
    cpu_set_t  set;

    static ngx_uint_t  known;
    static uint32_t    cpu = EIRC_LINK_CPU_ANY;

    if (known) {
        return cpu;
    }

    known = 1;

    if (sched_getaffinity(0, sizeof(cpu_set_t), &set) == -1
        || CPU_COUNT(&set) != 1 || ngx_ncpu == 1)
    {
        return cpu;
    }

    for (i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &set)) {
            cpu = (uint32_t) i;
            break;
        }
    }

    return cpu;
}


/* No session can be had: 429 or 503, or one of those for coming back. */

void
ngx_http_eirc_request_ended(ngx_http_eirc_session_t *s, ngx_uint_t reason,
    ngx_str_t *text)
{
    ngx_log_t  *log;

    log = s->request->connection->log;

    if (s->state == NGX_HTTP_EIRC_SESSION_AUTHORIZING) {

        /* the application's answer may take long: a new link then */

        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, log, 0,
                       "eirc link ended while authorizing: \"%V\"", text);
        return;
    }

    if (s->ctx->resuming) {

        if (reason == EIRC_LINK_GONE) {
            ngx_http_eirc_session_gone(s);
            return;
        }

        if (reason == EIRC_LINK_BAD_REQUEST) {
            ngx_log_error(NGX_LOG_INFO, log, 0,
                          "client came back to its session in another way "
                          "(%V)", text);

            ngx_http_eirc_request_refuse(s, NGX_HTTP_BAD_REQUEST);
            return;
        }
    }

    if (reason == EIRC_LINK_LIMIT) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "%s \"%V\" has as many sessions as \"eirc_limit\" "
                      "gives it",
                      s->ctx->resuming ? "account of session" : "account",
                      s->ctx->resuming ? &s->resume->id : &s->ctx->account);

        ngx_http_eirc_request_refuse(s, NGX_HTTP_TOO_MANY_REQUESTS);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, log, 0, "no session can be had: %s (%V)",
                  eirc_link_reason_name((uint32_t) reason), text);

    ngx_http_eirc_request_refuse(s, NGX_HTTP_SERVICE_UNAVAILABLE);
}


void
ngx_http_eirc_request_refuse(ngx_http_eirc_session_t *s, ngx_int_t status)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = s->request;

    /* the next try of this browser must find its token */

    ngx_http_eirc_token_release(r, &s->ctx->claim);

    rc = ngx_http_eirc_auth_refuse(r, s->ctx, status);

    ngx_http_eirc_session_finalize(s, rc);
}
