
/*
 * Issues tokens: an application POSTs a user object and gets a token to hand
 * to its browser; the object waits in the token zone (token.c). The objects
 * may hold secrets: they are kept out of temporary files and of the log.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"


static ngx_int_t ngx_http_eirc_issue_peer(ngx_http_request_t *r);
static ngx_int_t ngx_http_eirc_issue_json(ngx_http_request_t *r);
static void ngx_http_eirc_issue_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_eirc_issue_answer(ngx_http_request_t *r);
static ngx_int_t ngx_http_eirc_issue_read(ngx_http_request_t *r,
    ngx_str_t *text);
static ngx_int_t ngx_http_eirc_issue_error(ngx_http_request_t *r,
    ngx_uint_t status, const char *why);


ngx_int_t
ngx_http_eirc_issue_handler(ngx_http_request_t *r)
{
    ngx_int_t         rc;
    ngx_table_elt_t  *allow;

    if (ngx_http_eirc_issue_peer(r) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "tokens are issued to this machine only, unless "
                      "eirc_token_issue is \"any\"");
        return NGX_HTTP_FORBIDDEN;
    }

    if (r->method != NGX_HTTP_POST) {
        allow = ngx_list_push(&r->headers_out.headers);
        if (allow == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_memzero(allow, sizeof(ngx_table_elt_t));

        allow->hash = 1;
        ngx_str_set(&allow->key, "Allow");
        ngx_str_set(&allow->value, "POST");

        return NGX_HTTP_NOT_ALLOWED;
    }

    if (ngx_http_eirc_issue_json(r) != NGX_OK) {
        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }

        return ngx_http_eirc_issue_error(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                         "the body is not application/json");
    }

    if (r->headers_in.content_length_n > EIRC_USER_BODY_MAX) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_eirc_issue_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


/* A peer on this machine: a loopback address or a UNIX socket. */

static ngx_int_t
ngx_http_eirc_issue_peer(ngx_http_request_t *r)
{
    in_addr_t                  addr;
    struct sockaddr           *sa;
    ngx_http_eirc_loc_conf_t  *elcf;

#if (NGX_HAVE_INET6)
    u_char                    *p;
    struct in6_addr           *in6;
#endif

    elcf = ngx_http_get_module_loc_conf(r, ngx_http_eirc_module);

    if (elcf->issue == NGX_HTTP_EIRC_ISSUE_ANY) {
        return NGX_OK;
    }

    sa = r->connection->sockaddr;

    switch (sa->sa_family) {

    case AF_INET:
        addr = ((struct sockaddr_in *) sa)->sin_addr.s_addr;
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        in6 = &((struct sockaddr_in6 *) sa)->sin6_addr;

        if (IN6_IS_ADDR_LOOPBACK(in6)) {
            return NGX_OK;
        }

        if (!IN6_IS_ADDR_V4MAPPED(in6)) {
            return NGX_DECLINED;
        }

        p = in6->s6_addr;
        ngx_memcpy(&addr, p + 12, sizeof(in_addr_t));
        break;
#endif

#if (NGX_HAVE_UNIX_DOMAIN)
    case AF_UNIX:
        return NGX_OK;
#endif

    default:
        return NGX_DECLINED;
    }

    return ((ntohl(addr) >> 24) == IN_LOOPBACKNET) ? NGX_OK : NGX_DECLINED;
}


/*
 * A page of another origin cannot send this type without asking first (CORS),
 * so a browser on this machine issues no tokens for strangers.
 */

static ngx_int_t
ngx_http_eirc_issue_json(ngx_http_request_t *r)
{
    size_t     len;
    ngx_str_t  type;

    if (r->headers_in.content_type == NULL) {
        return NGX_DECLINED;
    }

    type = r->headers_in.content_type->value;
    len = sizeof("application/json") - 1;

    if (type.len < len
        || ngx_strncasecmp(type.data, (u_char *) "application/json", len) != 0)
    {
        return NGX_DECLINED;
    }

    if (type.len > len && type.data[len] != ';' && type.data[len] != ' ') {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static void
ngx_http_eirc_issue_body(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_http_eirc_issue_answer(r));
}


static ngx_int_t
ngx_http_eirc_issue_answer(ngx_http_request_t *r)
{
    u_char                     *p, token[2 * NGX_HTTP_EIRC_TOKEN_HASH];
    ngx_int_t                   rc;
    ngx_str_t                   text, answer;
    const char                 *why;
    ngx_http_eirc_ctx_t        *ctx;
    ngx_http_eirc_main_conf_t  *emcf;

    rc = ngx_http_eirc_issue_read(r, &text);

    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_eirc_ctx_t));
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_eirc_user_parse(r, ctx, &text, &why) != NGX_OK) {
        ngx_explicit_memzero(text.data, text.len);

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "user object cannot be used: %s", why);

        return ngx_http_eirc_issue_error(r, NGX_HTTP_BAD_REQUEST, why);
    }

    rc = ngx_http_eirc_token_issue(r, &ctx->user, &ctx->account, token);

    ngx_explicit_memzero(text.data, text.len);

    if (rc != NGX_OK) {
        return ngx_http_eirc_issue_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                         "the token zone is full");
    }

    emcf = ngx_http_get_module_main_conf(r, ngx_http_eirc_module);

    answer.len = sizeof("{\"token\":\"\",\"expires\":}\n") - 1
                 + sizeof(token) + NGX_INT64_LEN;

    answer.data = ngx_pnalloc(r->pool, answer.len);
    if (answer.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(answer.data, "{\"token\":\"%*s\",\"expires\":%M}\n",
                    sizeof(token), token, emcf->token_timeout / 1000);

    answer.len = p - answer.data;

    return ngx_http_eirc_send_json(r, NGX_HTTP_CREATED, &answer);
}


/* The whole body in one piece of memory. */

static ngx_int_t
ngx_http_eirc_issue_read(ngx_http_request_t *r, ngx_str_t *text)
{
    off_t         size;
    u_char       *p;
    size_t        len;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    text->len = 0;
    text->data = (u_char *) "";

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    size = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    if (size > EIRC_USER_BODY_MAX) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    p = ngx_pnalloc(r->pool, (size_t) size + 1);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    text->data = p;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;
        len = (size_t) ngx_buf_size(b);

        if (ngx_buf_in_memory(b)) {
            ngx_memcpy(p, b->pos, len);
            ngx_explicit_memzero(b->pos, len);

        } else if (b->in_file && len != 0) {
            n = ngx_read_file(b->file, p, len, b->file_pos);

            if (n != (ssize_t) len) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }
        }

        p += len;
    }

    text->len = p - text->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_eirc_issue_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *why)
{
    u_char     *p;
    size_t      len;
    uintptr_t   escape;
    ngx_str_t   text;

    len = ngx_strlen(why);
    escape = ngx_escape_json(NULL, (u_char *) why, len);

    text.len = sizeof("{\"error\":\"\"}\n") - 1 + len + escape;

    text.data = ngx_pnalloc(r->pool, text.len);
    if (text.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(text.data, "{\"error\":\"", sizeof("{\"error\":\"") - 1);
    p = (u_char *) ngx_escape_json(p, (u_char *) why, len);
    ngx_memcpy(p, "\"}\n", sizeof("\"}\n") - 1);

    return ngx_http_eirc_send_json(r, status, &text);
}


/*
 * client_body_buffer_size is 16k by default: larger bodies would go to a file
 * on disk. Core has merged its configuration before ours.
 */

void
ngx_http_eirc_issue_merge(ngx_conf_t *cf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->client_body_buffer_size < EIRC_USER_BODY_MAX) {
        clcf->client_body_buffer_size = EIRC_USER_BODY_MAX;
    }
}
