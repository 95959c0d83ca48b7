
/*
 * From a token to a user object: claims the token, asks the application where
 * the location names one that answers for tokens (eirc_auth_request), and
 * judges what it said. The browser gets a status and a few words, the log the
 * reason; neither gets the token or the object.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"


static ngx_int_t ngx_http_eirc_auth_start(ngx_http_request_t *r,
    ngx_http_eirc_ctx_t *ctx, ngx_http_eirc_loc_conf_t *elcf);
static ngx_int_t ngx_http_eirc_auth_subrequest(ngx_http_request_t *r,
    ngx_http_eirc_ctx_t *ctx, ngx_http_eirc_loc_conf_t *elcf);
static ngx_int_t ngx_http_eirc_auth_headers(ngx_http_request_t *r,
    ngx_http_request_t *sr);
static ngx_int_t ngx_http_eirc_auth_skip_header(ngx_str_t *key);
static ngx_int_t ngx_http_eirc_auth_done(ngx_http_request_t *r, void *data,
    ngx_int_t rc);
static ngx_int_t ngx_http_eirc_auth_judge(ngx_http_request_t *r,
    ngx_http_eirc_ctx_t *ctx);
static ngx_int_t ngx_http_eirc_auth_verdict(ngx_http_request_t *r,
    ngx_http_eirc_ctx_t *ctx);


/* What the browser sent for the upgrade, or for a cache, isn't meant for the
 * application. Lower case. */

static ngx_str_t  ngx_http_eirc_auth_skipped[] = {
    ngx_string("accept"),
    ngx_string("accept-encoding"),
    ngx_string("connection"),
    ngx_string("content-length"),
    ngx_string("content-type"),
    ngx_string("expect"),
    ngx_string("if-match"),
    ngx_string("if-modified-since"),
    ngx_string("if-none-match"),
    ngx_string("if-range"),
    ngx_string("if-unmodified-since"),
    ngx_string("keep-alive"),
    ngx_string("range"),
    ngx_string("te"),
    ngx_string("trailer"),
    ngx_string("transfer-encoding"),
    ngx_string("upgrade"),
    ngx_null_string
};


ngx_int_t
ngx_http_eirc_auth(ngx_http_request_t *r, ngx_http_eirc_ctx_t *ctx)
{
    ngx_int_t                  rc;
    ngx_http_eirc_loc_conf_t  *elcf;

    elcf = ngx_http_get_module_loc_conf(r, ngx_http_eirc_module);

    if (!ctx->auth_started) {
        ctx->auth_started = 1;

        rc = ngx_http_eirc_auth_start(r, ctx, elcf);

    } else if (!ctx->auth_done) {
        rc = NGX_AGAIN;

    } else {
        r->connection->log->action = "judging an answer about a token";

        rc = ngx_http_eirc_auth_judge(r, ctx);
    }

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        ngx_http_eirc_token_release(r, &ctx->claim);
    }

    return rc;
}


/*
 * nginx writes the request line to its error log with every message, and with
 * it the token, or the key to a session. The line is for logs alone
 * ($request): everybody else reads what was parsed from it.
 */

void
ngx_http_eirc_auth_mask(ngx_http_request_t *r, ngx_http_eirc_ctx_t *ctx)
{
    u_char     *p, *last, *name, *value, *dst, *src;
    ngx_str_t   line, plain, token;

    ngx_str_set(&token, "");

    if (ngx_http_eirc_token_evaluate(r, ctx) == NGX_OK) {
        token = ctx->token;
    }

    line.len = r->request_line.len;
    line.data = ngx_pnalloc(r->pool, 2 * line.len);
    if (line.data == NULL) {
        return;
    }

    ngx_memcpy(line.data, r->request_line.data, line.len);

    plain.data = line.data + line.len;

    last = line.data + line.len;
    p = ngx_strlchr(line.data, last, '?');

    while (p != NULL && p < last) {
        name = ++p;

        while (p < last && *p != '&' && *p != ' ') {
            p++;
        }

        value = ngx_strlchr(name, p, '=');

        if (value == NULL || ++value == p) {
            continue;
        }

        /* in upper case it would be found as well */

        if (value - name == sizeof("resume=") - 1
            && ngx_strncasecmp(name, (u_char *) "resume=",
                               sizeof("resume=") - 1)
               == 0)
        {
            ngx_memset(value, '*', p - value);
            continue;
        }

        src = value;
        dst = plain.data;
        ngx_unescape_uri(&dst, &src, p - value, 0);
        plain.len = dst - plain.data;

        if ((size_t) (p - value) == token.len
            && ngx_memcmp(value, token.data, token.len) == 0)
        {
            ngx_memset(value, '*', p - value);

        } else if (plain.len == token.len
                   && ngx_memcmp(plain.data, token.data, plain.len) == 0)
        {
            ngx_memset(value, '*', p - value);
        }
    }

    ngx_explicit_memzero(plain.data, line.len);

    r->request_line = line;
}


static ngx_int_t
ngx_http_eirc_auth_start(ngx_http_request_t *r, ngx_http_eirc_ctx_t *ctx,
    ngx_http_eirc_loc_conf_t *elcf)
{
    ngx_int_t    rc;
    ngx_str_t    user;
    const char  *why;

    rc = ngx_http_eirc_token_evaluate(r, ctx);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client sent no token, or a malformed one");
        return NGX_HTTP_BAD_REQUEST;
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_eirc_token_claim(r, &ctx->token, elcf->auth_uri != NULL,
                                   &ctx->claim, &user);

    switch (rc) {

    case NGX_OK:
        return ngx_http_eirc_auth_subrequest(r, ctx, elcf);

    case NGX_DONE:

        if (ngx_http_eirc_user_parse(r, ctx, &user, &why) != NGX_OK) {
            ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                          "token zone holds a malformed user object: %s", why);
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return NGX_OK;

    case NGX_DECLINED:
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client sent a token that is unknown, expired, claimed "
                      "or used");
        return NGX_HTTP_UNAUTHORIZED;

    case NGX_BUSY:

        /* token.c wrote to the log */

        return NGX_HTTP_SERVICE_UNAVAILABLE;

    default: /* NGX_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/* As ngx_http_auth_request_module does it, but the body is what we want. */

static ngx_int_t
ngx_http_eirc_auth_subrequest(ngx_http_request_t *r, ngx_http_eirc_ctx_t *ctx,
    ngx_http_eirc_loc_conf_t *elcf)
{
    ngx_str_t                    uri, args;
    ngx_uint_t                   flags;
    ngx_http_request_t          *sr;
    ngx_http_post_subrequest_t  *ps;

    if (ngx_http_complex_value(r, elcf->auth_uri, &uri) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_null(&args);
    flags = NGX_HTTP_LOG_UNSAFE;

    if (uri.len == 0 || uri.data[0] != '/'
        || ngx_http_parse_unsafe_uri(r, &uri, &args, &flags) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "eirc_auth_request gives no URI of this server");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    if (ps == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ps->handler = ngx_http_eirc_auth_done;
    ps->data = ctx;

    if (ngx_http_subrequest(r, &uri, &args, &sr, ps,
                            NGX_HTTP_SUBREQUEST_WAITED
                            |NGX_HTTP_SUBREQUEST_IN_MEMORY)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->subrequest = sr;

    /* a body of its own, and an empty one, so that nobody waits for one */

    sr->request_body = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    if (sr->request_body == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_eirc_auth_headers(r, sr) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_AGAIN;
}


/*
 * A subrequest shares its parent's headers: the structure is a copy, the list
 * and its elements aren't. It gets a list of its own.
 */

static ngx_int_t
ngx_http_eirc_auth_headers(ngx_http_request_t *r, ngx_http_request_t *sr)
{
    ngx_uint_t              i;
    ngx_list_part_t        *part;
    ngx_table_elt_t        *h, *header;
    ngx_http_headers_in_t  *in;

    in = &sr->headers_in;

    if (ngx_list_init(&in->headers, r->pool, 16, sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    part = &r->headers_in.headers.part;
    header = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            header = part->elts;
            i = 0;
        }

        if (ngx_http_eirc_auth_skip_header(&header[i].key)) {
            continue;
        }

        h = ngx_list_push(&in->headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = header[i];
    }

    h = ngx_list_push(&in->headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = ngx_hash_key_lc((u_char *) "accept", sizeof("accept") - 1);
    ngx_str_set(&h->key, "Accept");
    ngx_str_set(&h->value, "application/json");
    h->lowcase_key = (u_char *) "accept";

#if (NGX_HTTP_HEADERS)
    in->accept = h;
#endif

#if (NGX_HTTP_GZIP || NGX_HTTP_HEADERS)
    in->accept_encoding = NULL;
#endif

    in->connection = NULL;
    in->content_length = NULL;
    in->content_type = NULL;
    in->expect = NULL;
    in->if_match = NULL;
    in->if_modified_since = NULL;
    in->if_none_match = NULL;
    in->if_range = NULL;
    in->if_unmodified_since = NULL;
    in->keep_alive = NULL;
    in->range = NULL;
    in->te = NULL;
    in->transfer_encoding = NULL;
    in->upgrade = NULL;

    in->content_length_n = -1;
    in->chunked = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_eirc_auth_skip_header(ngx_str_t *key)
{
    ngx_str_t  *name;

    if (key->len >= sizeof("sec-websocket-") - 1
        && ngx_strncasecmp(key->data, (u_char *) "sec-websocket-",
                           sizeof("sec-websocket-") - 1)
           == 0)
    {
        return 1;
    }

    for (name = ngx_http_eirc_auth_skipped; name->len != 0; name++) {

        if (key->len == name->len
            && ngx_strncasecmp(key->data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * Called at every attempt to finalize the subrequest, error pages included;
 * what the last one left counts. It only records.
 */

static ngx_int_t
ngx_http_eirc_auth_done(ngx_http_request_t *r, void *data, ngx_int_t rc)
{
    ngx_http_eirc_ctx_t *ctx = data;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "eirc auth done: %i, status:%ui",
                   rc, r->headers_out.status);

    ctx->auth_done = 1;

    if (rc != NGX_ERROR && (rc != NGX_OK || !r->connection->error)) {
        ctx->auth_status = r->headers_out.status;
        return rc;
    }

    /*
     * The answer broke off or was too large for its buffer; rc is NGX_OK where
     * the upstream was at its end by then. An error in the output of a
     * subrequest in memory is none of the browser's connection, whatever the
     * output filter noted there: it is to get its answer.
     */

    ctx->auth_status = 0;
    r->connection->error = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_eirc_auth_judge(ngx_http_request_t *r, ngx_http_eirc_ctx_t *ctx)
{
    ngx_uint_t  status;

    status = ctx->auth_status;

    if (status >= NGX_HTTP_OK && status < NGX_HTTP_SPECIAL_RESPONSE) {
        return ngx_http_eirc_auth_verdict(r, ctx);
    }

    switch (status) {

    case NGX_HTTP_UNAUTHORIZED:
    case NGX_HTTP_FORBIDDEN:
    case NGX_HTTP_NOT_FOUND:
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "application refused the token with %ui", status);

        return (status == NGX_HTTP_FORBIDDEN) ? NGX_HTTP_FORBIDDEN
                                              : NGX_HTTP_UNAUTHORIZED;

    case 0:
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "application's answer about a token broke off, or is "
                      "larger than subrequest_output_buffer_size");
        break;

    default:
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "application answered %ui about a token", status);
    }

    return NGX_HTTP_SERVICE_UNAVAILABLE;
}


static ngx_int_t
ngx_http_eirc_auth_verdict(ngx_http_request_t *r, ngx_http_eirc_ctx_t *ctx)
{
    off_t                length;
    ngx_buf_t           *b;
    ngx_str_t            text;
    const char          *why;
    ngx_http_request_t  *sr;

    sr = ctx->subrequest;

    ngx_str_null(&text);

    if (sr->out != NULL && sr->out->buf != NULL) {
        b = sr->out->buf;

        text.data = b->pos;
        text.len = b->last - b->pos;
    }

    /* what an upstream closed too early looks like a whole answer */

    length = sr->headers_out.content_length_n;

    if (length != -1 && length != (off_t) text.len) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "application's answer about a token broke off after "
                      "%uz of %O bytes", text.len, length);
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    if (ngx_http_eirc_user_parse(r, ctx, &text, &why) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "application answered %ui without a valid user object: "
                      "%s", ctx->auth_status, why);
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    /* without room for the verdict the claim is as good, for this time */

    if (ngx_http_eirc_token_verify(r, &ctx->claim, &ctx->user, &ctx->account)
        == NGX_DECLINED)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "application took longer to answer about a token than "
                      "tokens live");
        return NGX_HTTP_UNAUTHORIZED;
    }

    return NGX_OK;
}


void
ngx_http_eirc_auth_forget(ngx_http_request_t *r, ngx_http_eirc_ctx_t *ctx)
{
    ngx_buf_t           *b;
    ngx_http_request_t  *sr;

    if (ctx->user.len != 0) {
        ngx_explicit_memzero(ctx->user.data, ctx->user.len);
        ngx_str_null(&ctx->user);
    }

    sr = ctx->subrequest;

    if (sr == NULL || !ctx->auth_done) {
        return;
    }

    ctx->subrequest = NULL;

    if (sr->out != NULL) {
        b = sr->out->buf;
        sr->out = NULL;

        (void) ngx_pfree(r->pool, b->start);
    }

#if (NGX_HTTP_CACHE)
    if (sr->cache != NULL) {
        return;
    }
#endif

    if (sr->upstream != NULL && sr->upstream->buffer.start != NULL) {
        b = &sr->upstream->buffer;

        ngx_explicit_memzero(b->start, b->end - b->start);
        (void) ngx_pfree(r->pool, b->start);

        ngx_memzero(b, sizeof(ngx_buf_t));
    }
}


ngx_int_t
ngx_http_eirc_auth_refuse(ngx_http_request_t *r, ngx_http_eirc_ctx_t *ctx,
    ngx_int_t status)
{
    ngx_str_t                  text;
    ngx_uint_t                 i;
    ngx_http_err_page_t       *err_page;
    ngx_http_core_loc_conf_t  *clcf;

    ngx_http_eirc_auth_forget(r, ctx);

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->error_pages) {
        err_page = clcf->error_pages->elts;

        for (i = 0; i < clcf->error_pages->nelts; i++) {
            if (err_page[i].status == status) {
                return status;
            }
        }
    }

    switch (status) {

    case NGX_HTTP_BAD_REQUEST:
        if (ctx->resuming) {
            ngx_str_set(&text, "{\"error\":\"Bad Resume\"}\n");
            break;
        }

        ngx_str_set(&text, "{\"error\":\"Missing Token\"}\n");
        break;

    case NGX_HTTP_UNAUTHORIZED:
        ngx_str_set(&text, "{\"error\":\"Unauthorized Token\"}\n");
        break;

    case NGX_HTTP_FORBIDDEN:
        ngx_str_set(&text, "{\"error\":\"Forbidden\"}\n");
        break;

    case NGX_HTTP_TOO_MANY_REQUESTS:
        ngx_str_set(&text, "{\"error\":\"Too Many Sessions\"}\n");
        break;

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        ngx_str_set(&text, "{\"error\":\"Service Unavailable\"}\n");
        break;

    default:
        return status;
    }

    return ngx_http_eirc_send_json(r, status, &text);
}


ngx_int_t
ngx_http_eirc_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *text)
{
    ngx_int_t         rc;
    ngx_buf_t        *b;
    ngx_chain_t       out;
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    ngx_str_set(&h->key, "Cache-Control");
    ngx_str_set(&h->value, "no-store");

    b = ngx_create_temp_buf(r->pool, text->len);
    if (b == NULL) {
        h->hash = 0;
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_cpymem(b->last, text->data, text->len);
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    r->headers_out.status = status;
    r->headers_out.content_length_n = text->len;

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
