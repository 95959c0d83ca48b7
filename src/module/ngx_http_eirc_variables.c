
/*
 * Variables, and the token that one of them shares with the claim.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"
#include "ngx_http_eirc_conf.h"


static ngx_int_t ngx_http_eirc_token_value(ngx_http_request_t *r,
    ngx_str_t *token);
static ngx_uint_t ngx_http_eirc_token_sane(ngx_str_t *token);
static ngx_int_t ngx_http_eirc_token_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_eirc_string_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_eirc_session_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_eirc_number_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_eirc_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uint64_t number);


static ngx_http_variable_t  ngx_http_eirc_vars[] = {

    { ngx_string("eirc_token"), NULL, ngx_http_eirc_token_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("eirc_session"), NULL, ngx_http_eirc_session_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("eirc_nick"), NULL, ngx_http_eirc_string_variable,
      offsetof(ngx_http_eirc_ctx_t, nick), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("eirc_account"), NULL, ngx_http_eirc_string_variable,
      offsetof(ngx_http_eirc_ctx_t, account), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("eirc_close_code"), NULL, ngx_http_eirc_number_variable,
      offsetof(ngx_http_eirc_ctx_t, close_code), NGX_HTTP_VAR_NOCACHEABLE,
      0 },

    { ngx_string("eirc_lines_in"), NULL, ngx_http_eirc_number_variable,
      offsetof(ngx_http_eirc_ctx_t, lines_in), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("eirc_lines_out"), NULL, ngx_http_eirc_number_variable,
      offsetof(ngx_http_eirc_ctx_t, lines_out), NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_eirc_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_eirc_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_eirc_token_evaluate(ngx_http_request_t *r, ngx_http_eirc_ctx_t *ctx)
{
    ngx_str_t        token;
    ngx_int_t        rc;
    eirc_protocol_t  protocol;

    if (ctx->token.len) {
        return NGX_OK;
    }

    r = r->main;

    rc = ngx_http_eirc_token_value(r, &token);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    /* a page cannot set headers, but it can name a subprotocol */

    if (rc == NGX_DECLINED || token.len == 0) {
        (void) ngx_http_eirc_handshake_protocol(r, &protocol);

        token.data = (u_char *) protocol.ticket.p;
        token.len = protocol.ticket.len;
    }

    if (!ngx_http_eirc_token_sane(&token)) {
        return NGX_DECLINED;
    }

    ctx->token = token;

    return NGX_OK;
}


/* eirc_token, or the argument that pages have always used */

static ngx_int_t
ngx_http_eirc_token_value(ngx_http_request_t *r, ngx_str_t *token)
{
    u_char                    *dst, *src;
    ngx_http_eirc_loc_conf_t  *elcf;

    elcf = ngx_http_get_module_loc_conf(r, ngx_http_eirc_module);

    if (elcf->token) {
        return ngx_http_complex_value(r, elcf->token, token);
    }

    /*
     * Unlike $arg_chat_token, what a page has escaped is unescaped, so that
     * one token has one form.
     */

    if (ngx_http_arg(r, (u_char *) "chat_token", 10, token) != NGX_OK
        || token->len > 3 * EIRC_TOKEN_MAX)
    {
        return NGX_DECLINED;
    }

    dst = ngx_pnalloc(r->pool, token->len);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    src = token->data;
    token->data = dst;

    ngx_unescape_uri(&dst, &src, token->len, 0);

    token->len = dst - token->data;

    return NGX_OK;
}


/*
 * A token is to stand in the path of a subrequest, where "%2F..%2F" is as
 * good as "/../" to many an application: whatever has a segment of dots is
 * no token. Other bytes are harmless once they are escaped.
 */

static ngx_uint_t
ngx_http_eirc_token_sane(ngx_str_t *token)
{
    u_char      ch;
    size_t      i;
    ngx_uint_t  dots, other;

    if (token->len == 0 || token->len > EIRC_TOKEN_MAX) {
        return 0;
    }

    dots = 0;
    other = 0;

    for (i = 0; i <= token->len; i++) {
        ch = (i < token->len) ? token->data[i] : '/';

        if (ch < 0x20 || ch == 0x7f) {
            return 0;
        }

        if (ch == '/' || ch == '\\') {
            if (!other && (dots == 1 || dots == 2)) {
                return 0;
            }

            dots = 0;
            other = 0;

        } else if (ch == '.') {
            dots++;

        } else {
            other = 1;
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_eirc_token_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char               *p, ch;
    size_t                i;
    ngx_int_t             rc;
    ngx_http_eirc_ctx_t  *ctx, none;

    static u_char  hex[] = "0123456789ABCDEF";

    ctx = ngx_http_get_module_ctx(r->main, ngx_http_eirc_module);

    if (ctx == NULL) {
        ngx_memzero(&none, sizeof(ngx_http_eirc_ctx_t));
        ctx = &none;
    }

    rc = ngx_http_eirc_token_evaluate(r, ctx);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, 3 * ctx->token.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;

    for (i = 0; i < ctx->token.len; i++) {
        ch = ctx->token.data[i];

        /* unreserved characters, RFC 3986, 2.3 */

        if ((ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z')
            || (ch >= 'a' && ch <= 'z') || ch == '-' || ch == '.'
            || ch == '_' || ch == '~')
        {
            *p++ = ch;
            continue;
        }

        *p++ = '%';
        *p++ = hex[ch >> 4];
        *p++ = hex[ch & 0xf];
    }

    v->len = p - v->data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_eirc_string_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t            *s;
    ngx_http_eirc_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r->main, ngx_http_eirc_module);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    s = (ngx_str_t *) ((char *) ctx + data);

    if (s->len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->len = s->len;
    v->data = s->data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_eirc_session_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_eirc_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r->main, ngx_http_eirc_module);

    if (ctx == NULL || ctx->id_len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->len = ctx->id_len;
    v->data = ctx->id;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_eirc_number_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_eirc_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r->main, ngx_http_eirc_module);

    /* before the 101 there is nothing to count */

    if (ctx == NULL || ctx->ws == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (data) {

    case offsetof(ngx_http_eirc_ctx_t, lines_in):
        return ngx_http_eirc_number(r, v, ctx->lines_in);

    case offsetof(ngx_http_eirc_ctx_t, lines_out):
        return ngx_http_eirc_number(r, v, ctx->lines_out);
    }

    if (ctx->close_code == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_eirc_number(r, v, ctx->close_code);
}


static ngx_int_t
ngx_http_eirc_number(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uint64_t number)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->len = ngx_sprintf(p, "%uL", number) - p;
    v->data = p;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
