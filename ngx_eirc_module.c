
/*
 * Directives, variables and the module itself; no protocol.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"


#define NGX_HTTP_EIRC_PORT              6667

#define NGX_HTTP_EIRC_UNIX_MAX          (sizeof(((struct sockaddr_un *) 0)    \
                                               ->sun_path) - 1)

/* an echo holds a message twice: as it came and as it goes */
#define NGX_HTTP_EIRC_ECHO_MAX          (16 * 1024 * 1024)

/* the longest IRC line without tags has to fit */
#define NGX_HTTP_EIRC_MESSAGE_MIN       512


typedef struct {
    ngx_str_t                   host;
    in_port_t                   port;
    unsigned                    no_port:1;
    unsigned                    unix_socket:1;
} ngx_http_eirc_server_t;


/* what a number in a directive may be */
typedef struct {
    ngx_uint_t                  min;
    ngx_uint_t                  max;
    const char                 *fix;
} ngx_http_eirc_bounds_t;


static ngx_int_t ngx_http_eirc_init_process(ngx_cycle_t *cycle);

static ngx_int_t ngx_http_eirc_add_variables(ngx_conf_t *cf);
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
static ngx_uint_t ngx_http_eirc_token_sane(ngx_str_t *token);

static void *ngx_http_eirc_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_eirc_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_eirc_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_eirc_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_eirc_merge_servers(ngx_conf_t *cf,
    ngx_http_eirc_loc_conf_t *conf);
static char *ngx_http_eirc_upstream_servers(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *uscf, u_char *entries, size_t *len,
    ngx_uint_t *n);
static ngx_http_upstream_srv_conf_t *ngx_http_eirc_upstream_find(
    ngx_conf_t *cf, ngx_http_eirc_server_t *server);
static char *ngx_http_eirc_server_add(ngx_conf_t *cf,
    ngx_http_eirc_server_t *server, u_char *entries, size_t *len,
    ngx_uint_t *n);

static char *ngx_http_eirc_pass(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_eirc_server_parse(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_eirc_server_t *server);
static ngx_uint_t ngx_http_eirc_host_valid(ngx_str_t *host);
static char *ngx_http_eirc_echo(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_eirc_token_issue_slot(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_eirc_handler_set(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_handler_pt handler);
static char *ngx_http_eirc_client(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_eirc_client_check(ngx_conf_t *cf,
    ngx_http_eirc_main_conf_t *emcf);
static char *ngx_http_eirc_run_path_check(ngx_conf_t *cf, ngx_str_t *path,
    const char *directive);
static char *ngx_http_eirc_token(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_eirc_auth_request(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_eirc_ping(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_eirc_rate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_eirc_crash_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_eirc_msec_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_eirc_size_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_eirc_uint_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_eirc_bounds_check(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, ngx_int_t n);
static char *ngx_http_eirc_complex(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_complex_value_t **cv);


static ngx_http_eirc_bounds_t  ngx_http_eirc_message_bounds = {
    1, NGX_HTTP_EIRC_ECHO_MAX, "a size of at most 16m"
};

static ngx_http_eirc_bounds_t  ngx_http_eirc_replay_bounds = {
    EIRC_REPLAY_MIN, EIRC_REPLAY_MAX, "a size from 4k to 16m"
};

static ngx_http_eirc_bounds_t  ngx_http_eirc_linger_bounds = {
    0, 24 * 60 * 60 * 1000, "a time of at most 1d"
};

static ngx_http_eirc_bounds_t  ngx_http_eirc_limit_bounds = {
    0, 1000000, "a number of at most 1000000, or 0 for no limit"
};


static ngx_conf_enum_t  ngx_http_eirc_issue_values[] = {
    { ngx_string("off"), NGX_HTTP_EIRC_ISSUE_OFF },
    { ngx_string("on"), NGX_HTTP_EIRC_ISSUE_ON },
    { ngx_string("any"), NGX_HTTP_EIRC_ISSUE_ANY },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_eirc_commands[] = {

    { ngx_string("eirc_pass"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_eirc_pass,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_client"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_eirc_client,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_run_path"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_path_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_eirc_main_conf_t, run_path),
      NULL },

    { ngx_string("eirc_token"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_eirc_token,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_token_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_eirc_token_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_auth_request"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_eirc_auth_request,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_token_issue"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_eirc_token_issue_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, issue),
      ngx_http_eirc_issue_values },

    { ngx_string("eirc_origin"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_eirc_origin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_ping"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_eirc_ping,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_max_message_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_eirc_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, max_message_size),
      &ngx_http_eirc_message_bounds },

    { ngx_string("eirc_rate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_eirc_rate,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, rate),
      NULL },

    { ngx_string("eirc_flood"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_eirc_rate,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, flood),
      NULL },

    { ngx_string("eirc_crash_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE2,
      ngx_http_eirc_crash_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_linger"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_eirc_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, linger),
      &ngx_http_eirc_linger_bounds },

    { ngx_string("eirc_replay"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_eirc_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, replay),
      &ngx_http_eirc_replay_bounds },

    { ngx_string("eirc_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_eirc_uint_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, limit),
      &ngx_http_eirc_limit_bounds },

    { ngx_string("eirc_echo"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_eirc_echo,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, echo),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_eirc_module_ctx = {
    ngx_http_eirc_add_variables,           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_eirc_create_main_conf,        /* create main configuration */
    ngx_http_eirc_init_main_conf,          /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_eirc_create_loc_conf,         /* create location configuration */
    ngx_http_eirc_merge_loc_conf           /* merge location configuration */
};


ngx_module_t  ngx_http_eirc_module = {
    NGX_MODULE_V1,
    &ngx_http_eirc_module_ctx,             /* module context */
    ngx_http_eirc_commands,                /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_eirc_init_process,            /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


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


static ngx_path_init_t  ngx_http_eirc_run_path = {
    ngx_string("eirc"), { 0, 0, 0 }
};


static ngx_int_t
ngx_http_eirc_init_process(ngx_cycle_t *cycle)
{
    if (ngx_http_eirc_token_init_process(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_eirc_link_init_process(cycle);
}


ngx_int_t
ngx_http_eirc_token_evaluate(ngx_http_request_t *r, ngx_http_eirc_ctx_t *ctx)
{
    u_char                    *dst, *src;
    ngx_str_t                  token;
    ngx_http_eirc_loc_conf_t  *elcf;

    if (ctx->token.len) {
        return NGX_OK;
    }

    r = r->main;

    elcf = ngx_http_get_module_loc_conf(r, ngx_http_eirc_module);

    if (elcf->token) {
        if (ngx_http_complex_value(r, elcf->token, &token) != NGX_OK) {
            return NGX_ERROR;
        }

    } else {

        /*
         * Unlike $arg_chat_token, what a page has escaped is unescaped, so
         * that one token has one form.
         */

        if (ngx_http_arg(r, (u_char *) "chat_token", 10, &token) != NGX_OK) {
            return NGX_DECLINED;
        }

        if (token.len > 3 * EIRC_TOKEN_MAX) {
            return NGX_DECLINED;
        }

        dst = ngx_pnalloc(r->pool, token.len);
        if (dst == NULL) {
            return NGX_ERROR;
        }

        src = token.data;
        token.data = dst;

        ngx_unescape_uri(&dst, &src, token.len, 0);

        token.len = dst - token.data;
    }

    if (!ngx_http_eirc_token_sane(&token)) {
        return NGX_DECLINED;
    }

    ctx->token = token;

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


static ngx_int_t
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


static void *
ngx_http_eirc_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_eirc_main_conf_t  *emcf;

    emcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_eirc_main_conf_t));
    if (emcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     emcf->client = { 0, NULL };
     *     emcf->client_unix = 0;
     *     emcf->used = 0;
     *     emcf->run_path = NULL;
     *     emcf->token_zone = NULL;
     *     emcf->layers = NULL;
     */

    emcf->processes = NGX_CONF_UNSET;
    emcf->token_timeout = NGX_CONF_UNSET_MSEC;

    return emcf;
}


static char *
ngx_http_eirc_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_eirc_main_conf_t *emcf = conf;

    char  *rv;

    ngx_conf_init_msec_value(emcf->token_timeout, 180000);

    if (!emcf->used) {
        return NGX_CONF_OK;
    }

    if (ngx_http_eirc_token_zone_default(cf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (emcf->client.len == 0) {
        ngx_str_set(&emcf->client, NGX_HTTP_EIRC_CLIENT);
    }

    if (emcf->client_unix) {
        emcf->run_path = NULL;
        return NGX_CONF_OK;
    }

    rv = ngx_conf_merge_path_value(cf, &emcf->run_path, NULL,
                                   &ngx_http_eirc_run_path);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_eirc_run_path_check(cf, &emcf->run_path->name,
                                      "eirc_run_path");
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_eirc_client_check(cf, emcf);
}


static void *
ngx_http_eirc_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_eirc_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_eirc_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->pass = NULL;
     *     conf->servers = { 0, NULL };
     *     conf->token = NULL;
     */

    conf->auth_uri = NGX_CONF_UNSET_PTR;
    conf->issue = NGX_CONF_UNSET_UINT;
    conf->echo = NGX_CONF_UNSET;
    conf->origins = NGX_CONF_UNSET_PTR;
    conf->ping = NGX_CONF_UNSET_MSEC;
    conf->ping_timeout = NGX_CONF_UNSET_MSEC;
    conf->max_message_size = NGX_CONF_UNSET_SIZE;
    conf->rate.rate = NGX_CONF_UNSET_UINT;
    conf->flood.rate = NGX_CONF_UNSET_UINT;
    conf->limit = NGX_CONF_UNSET_UINT;
    conf->crash_limit = NGX_CONF_UNSET_UINT;
    conf->crash_time = NGX_CONF_UNSET_MSEC;
    conf->linger = NGX_CONF_UNSET_MSEC;
    conf->replay = NGX_CONF_UNSET_SIZE;

    return conf;
}


static char *
ngx_http_eirc_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_eirc_loc_conf_t *prev = parent;
    ngx_http_eirc_loc_conf_t *conf = child;

    char                      *rv;
    ngx_http_core_loc_conf_t  *clcf;

    if (conf->token == NULL) {
        conf->token = prev->token;
    }

    ngx_conf_merge_ptr_value(conf->auth_uri, prev->auth_uri, NULL);
    ngx_conf_merge_ptr_value(conf->origins, prev->origins, NULL);

    if (conf->ping == NGX_CONF_UNSET_MSEC) {
        conf->ping = prev->ping;
        conf->ping_timeout = prev->ping_timeout;
    }

    ngx_conf_init_msec_value(conf->ping, 25000);
    ngx_conf_init_msec_value(conf->ping_timeout, 10000);

    ngx_conf_merge_size_value(conf->max_message_size, prev->max_message_size,
                              EIRC_WS_MESSAGE_DEFAULT);

    if (conf->rate.rate == NGX_CONF_UNSET_UINT) {
        conf->rate = prev->rate;
    }

    if (conf->rate.rate == NGX_CONF_UNSET_UINT) {
        conf->rate.rate = 5000;
        conf->rate.burst = 30;
    }

    if (conf->flood.rate == NGX_CONF_UNSET_UINT) {
        conf->flood = prev->flood;
    }

    if (conf->flood.rate == NGX_CONF_UNSET_UINT) {
        conf->flood.rate = 2000;
        conf->flood.burst = 10;
    }

    ngx_conf_merge_uint_value(conf->limit, prev->limit, 3);

    if (conf->crash_limit == NGX_CONF_UNSET_UINT) {
        conf->crash_limit = prev->crash_limit;
        conf->crash_time = prev->crash_time;
    }

    ngx_conf_init_uint_value(conf->crash_limit, 3);
    ngx_conf_init_msec_value(conf->crash_time, 60000);

    ngx_conf_merge_msec_value(conf->linger, prev->linger, 30000);
    ngx_conf_merge_size_value(conf->replay, prev->replay, 64 * 1024);

    /*
     * As handlers are everywhere in nginx, the three directives that set one
     * are inherited by "if" and "limit_except" alone.
     */

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname) {
        ngx_conf_merge_uint_value(conf->issue, prev->issue,
                                  NGX_HTTP_EIRC_ISSUE_OFF);
        ngx_conf_merge_value(conf->echo, prev->echo, 0);

        if (conf->pass == NULL) {
            conf->pass = prev->pass;
        }

        if (clcf->lmt_excpt && clcf->handler == NULL) {
            clcf->handler = conf->pass ? ngx_http_eirc_session_handler
                            : conf->echo ? ngx_http_eirc_echo_handler
                            : conf->issue ? ngx_http_eirc_issue_handler
                            : NULL;
        }
    }

    ngx_conf_init_uint_value(conf->issue, NGX_HTTP_EIRC_ISSUE_OFF);
    ngx_conf_init_value(conf->echo, 0);

    if (conf->issue != NGX_HTTP_EIRC_ISSUE_OFF) {
        ngx_http_eirc_issue_merge(cf);
    }

    if (conf->pass == NULL) {
        return NGX_CONF_OK;
    }

    if (conf->max_message_size > EIRC_WS_MESSAGE_MAX
        || conf->max_message_size < NGX_HTTP_EIRC_MESSAGE_MIN)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"eirc_max_message_size\" is %uz in location "
                           "\"%V\" with \"eirc_pass\", which needs a size "
                           "from %d to %d",
                           conf->max_message_size, &clcf->name,
                           NGX_HTTP_EIRC_MESSAGE_MIN, EIRC_WS_MESSAGE_MAX);
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_eirc_merge_servers(cf, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return NGX_CONF_OK;
}


/*
 * Turns eirc_pass into what a session request carries. It has to wait for
 * the end of the configuration, for an upstream may stand behind its use.
 */

static char *
ngx_http_eirc_merge_servers(ngx_conf_t *cf, ngx_http_eirc_loc_conf_t *conf)
{
    char                          *rv;
    size_t                         len;
    u_char                        *p;
    ngx_uint_t                     i, n;
    ngx_http_eirc_server_t        *server;
    ngx_http_upstream_srv_conf_t  *uscf;

    u_char                         entries[EIRC_LINK_SERVERS_SIZE];

    len = 0;
    n = 0;

    server = conf->pass->elts;

    for (i = 0; i < conf->pass->nelts; i++) {

        uscf = ngx_http_eirc_upstream_find(cf, &server[i]);

        if (uscf) {
            rv = ngx_http_eirc_upstream_servers(cf, uscf, entries, &len, &n);

        } else {
            rv = ngx_http_eirc_server_add(cf, &server[i], entries, &len, &n);
        }

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"eirc_pass\" has no server that is not \"down\", "
                           "add one to the upstream");
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(p, entries, len);

    conf->servers.data = p;
    conf->servers.len = len;

    return NGX_CONF_OK;
}


static ngx_http_upstream_srv_conf_t *
ngx_http_eirc_upstream_find(ngx_conf_t *cf, ngx_http_eirc_server_t *server)
{
    ngx_uint_t                      i;
    ngx_http_upstream_srv_conf_t  **uscfp;
    ngx_http_upstream_main_conf_t  *umcf;

    if (server->unix_socket || !server->no_port) {
        return NULL;
    }

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);

    uscfp = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {

        /* others were made up by a proxy_pass and its like */

        if ((uscfp[i]->flags & NGX_HTTP_UPSTREAM_CREATE)
            && uscfp[i]->servers
            && uscfp[i]->host.len == server->host.len
            && ngx_strncasecmp(uscfp[i]->host.data, server->host.data,
                               server->host.len)
               == 0)
        {
            return uscfp[i];
        }
    }

    return NULL;
}


/* the servers of an upstream in order, those marked "backup" behind */

static char *
ngx_http_eirc_upstream_servers(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *uscf, u_char *entries, size_t *len,
    ngx_uint_t *n)
{
    char                        *rv;
    ngx_uint_t                   i, backup;
    ngx_http_eirc_server_t       server;
    ngx_http_upstream_server_t  *us;

    us = uscf->servers->elts;

    for (backup = 0; backup < 2; backup++) {

        for (i = 0; i < uscf->servers->nelts; i++) {

            if (us[i].down || us[i].backup != backup) {
                continue;
            }

            rv = ngx_http_eirc_server_parse(cf, &us[i].name, &server);
            if (rv != NGX_CONF_OK) {
                return rv;
            }

            rv = ngx_http_eirc_server_add(cf, &server, entries, len, n);
            if (rv != NGX_CONF_OK) {
                return rv;
            }
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_eirc_server_add(ngx_conf_t *cf, ngx_http_eirc_server_t *server,
    u_char *entries, size_t *len, ngx_uint_t *n)
{
    eirc_link_server_t  entry;

    if (++*n > EIRC_LINK_SERVERS_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "too many servers in \"eirc_pass\", \"%V\" is one "
                           "more than %d: leave some away",
                           &server->host, EIRC_LINK_SERVERS_MAX);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&entry, sizeof(eirc_link_server_t));

    entry.flags = server->unix_socket ? EIRC_LINK_SERVER_UNIX : 0;
    entry.port = server->port;
    entry.host = (const char *) server->host.data;
    entry.host_len = server->host.len;

    if (eirc_link_server_add(entries, len, EIRC_LINK_SERVERS_SIZE, &entry)
        != EIRC_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the servers of \"eirc_pass\" need more than %d "
                           "bytes at \"%V\": leave some away",
                           EIRC_LINK_SERVERS_SIZE, &server->host);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_eirc_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    char                       *rv;
    ngx_str_t                  *value;
    ngx_uint_t                  i;
    ngx_http_eirc_server_t     *server;
    ngx_http_eirc_main_conf_t  *emcf;

    rv = ngx_http_eirc_handler_set(cf, cmd, ngx_http_eirc_session_handler);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    emcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_eirc_module);
    emcf->used = 1;

    elcf->pass = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                  sizeof(ngx_http_eirc_server_t));
    if (elcf->pass == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_script_variables_count(&value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "variables are not allowed in \"eirc_pass\", "
                               "write the server of \"%V\" out", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (ngx_strncasecmp(value[i].data, (u_char *) "ircs:", 5) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" in \"eirc_pass\": TLS towards the IRC "
                               "server is not built into this version, "
                               "use \"irc://\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (ngx_strncasecmp(value[i].data, (u_char *) "irc://", 6) == 0) {
            value[i].data += 6;
            value[i].len -= 6;

        } else if (ngx_strncmp(value[i].data, "unix:", 5) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid address \"%V\" in \"eirc_pass\", "
                               "write \"irc://HOST:PORT\" or \"unix:/PATH\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        server = ngx_array_push(elcf->pass);
        if (server == NULL) {
            return NGX_CONF_ERROR;
        }

        rv = ngx_http_eirc_server_parse(cf, &value[i], server);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


/* HOST, HOST:PORT or unix:/PATH; no name is resolved here */

static char *
ngx_http_eirc_server_parse(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_eirc_server_t *server)
{
    ngx_url_t  u;

    ngx_memzero(server, sizeof(ngx_http_eirc_server_t));

    if (ngx_strncmp(value->data, "unix:", 5) == 0) {
        server->unix_socket = 1;
        server->host.data = value->data + 5;
        server->host.len = value->len - 5;

        if (server->host.len == 0 || server->host.data[0] != '/') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the path in \"%V\" of \"eirc_pass\" has to "
                               "begin with \"/\"", value);
            return NGX_CONF_ERROR;
        }

        if (server->host.len > NGX_HTTP_EIRC_UNIX_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the path in \"%V\" of \"eirc_pass\" is longer "
                               "than the %uz bytes of a UNIX address, "
                               "choose a shorter one",
                               value, NGX_HTTP_EIRC_UNIX_MAX);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *value;
    u.default_port = NGX_HTTP_EIRC_PORT;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in \"%V\" of \"eirc_pass\", "
                           "write \"irc://HOST:PORT\"",
                           u.err ? u.err : "invalid address", value);
        return NGX_CONF_ERROR;
    }

    server->host = u.host;
    server->port = u.port;
    server->no_port = u.no_port;

    if (server->host.len > 2 && server->host.data[0] == '[') {
        server->host.data++;
        server->host.len -= 2;

        return NGX_CONF_OK;
    }

    if (!ngx_http_eirc_host_valid(&server->host)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid host in \"%V\" of \"eirc_pass\", "
                           "write \"irc://HOST:PORT\"", value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_eirc_host_valid(ngx_str_t *host)
{
    u_char  ch;
    size_t  i;

    if (host->len == 0 || host->len > EIRC_LINK_HOST_MAX) {
        return 0;
    }

    for (i = 0; i < host->len; i++) {
        ch = host->data[i];

        if ((ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z')
            || (ch >= 'a' && ch <= 'z') || ch == '-' || ch == '.'
            || ch == '_' || ch >= 0x80)
        {
            continue;
        }

        return 0;
    }

    return 1;
}


static char *
ngx_http_eirc_echo(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    char  *rv;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK || !elcf->echo) {
        return rv;
    }

    return ngx_http_eirc_handler_set(cf, cmd, ngx_http_eirc_echo_handler);
}


static char *
ngx_http_eirc_token_issue_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    char                       *rv;
    ngx_str_t                  *value;
    ngx_http_eirc_main_conf_t  *emcf;

    rv = ngx_conf_set_enum_slot(cf, cmd, conf);

    if (rv == NGX_CONF_ERROR) {
        value = cf->args->elts;
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"eirc_token_issue\" has to be \"on\" "
                           "(for this machine alone), \"any\" or \"off\"",
                           &value[1]);
    }

    if (rv != NGX_CONF_OK || elcf->issue == NGX_HTTP_EIRC_ISSUE_OFF) {
        return rv;
    }

    emcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_eirc_module);
    emcf->used = 1;

    return ngx_http_eirc_handler_set(cf, cmd, ngx_http_eirc_issue_handler);
}


static char *
ngx_http_eirc_handler_set(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == handler) {
        return "is duplicate";
    }

    if (clcf->handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in location \"%V\", which has a handler "
                           "already: give it a location of its own",
                           &cmd->name, &clcf->name);
        return NGX_CONF_ERROR;
    }

    clcf->handler = handler;

    return NGX_CONF_OK;
}


static char *
ngx_http_eirc_client(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_main_conf_t *emcf = conf;

    ngx_str_t  *value;

    if (emcf->client.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    emcf->client = value[1];

    if (ngx_strncmp(value[1].data, "unix:", 5) == 0) {
        emcf->client_unix = 1;
        emcf->client.data += 5;
        emcf->client.len -= 5;
    }

    if (emcf->client.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no path in \"%V\" of \"eirc_client\", write "
                           "the path of irc-client, or \"unix:\" and that "
                           "of a run directory", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &emcf->client, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (emcf->client_unix
        && ngx_http_eirc_run_path_check(cf, &emcf->client, "eirc_client")
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[2].data, "processes=", 10) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"eirc_client\", "
                           "there is \"processes=N\" only", &value[2]);
        return NGX_CONF_ERROR;
    }

    emcf->processes = ngx_atoi(value[2].data + 10, value[2].len - 10);

    if (emcf->processes < 1 || emcf->processes > NGX_HTTP_EIRC_MAX_LAYERS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number in \"%V\" of \"eirc_client\", "
                           "it has to be from 1 to %d",
                           &value[2], NGX_HTTP_EIRC_MAX_LAYERS);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * It may be installed later, and what runs already goes on without it: a
 * warning, while every request that needs it answers 503.
 */

static char *
ngx_http_eirc_client_check(ngx_conf_t *cf, ngx_http_eirc_main_conf_t *emcf)
{
    u_char  *path;

    path = ngx_pnalloc(cf->temp_pool, emcf->client.len + 1);
    if (path == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_cpystrn(path, emcf->client.data, emcf->client.len + 1);

    if (access((char *) path, X_OK) == -1) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, ngx_errno,
                           "irc-client cannot be started: access(\"%s\") "
                           "failed, install it there or name it with "
                           "\"eirc_client\"", path);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_eirc_run_path_check(ngx_conf_t *cf, ngx_str_t *path,
    const char *directive)
{
    size_t  len;

    len = path->len + sizeof("/sockets.63") - 1;

    if (len > NGX_HTTP_EIRC_UNIX_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the path \"%V\" of \"%s\" is too long: "
                           "with \"/sockets.NN\" it has %uz bytes, and a "
                           "UNIX address takes %uz; choose a shorter one",
                           path, directive, len, NGX_HTTP_EIRC_UNIX_MAX);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_eirc_token(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    ngx_str_t  *value;

    if (elcf->token) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_script_variables_count(&value[1]) == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"eirc_token\" has no variable, so "
                           "every token would be the same: write one, "
                           "as in \"$arg_chat_token\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    return ngx_http_eirc_complex(cf, &value[1], &elcf->token);
}


static char *
ngx_http_eirc_auth_request(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    ngx_str_t  *value;

    if (elcf->auth_uri != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        elcf->auth_uri = NULL;
        return NGX_CONF_OK;
    }

    if (value[1].data[0] != '/' && value[1].data[0] != '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URI \"%V\" in \"eirc_auth_request\", "
                           "write that of an internal location, as in "
                           "\"/_auth\", or \"off\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    return ngx_http_eirc_complex(cf, &value[1], &elcf->auth_uri);
}


static char *
ngx_http_eirc_complex(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_complex_value_t **cv)
{
    ngx_http_compile_complex_value_t  ccv;

    *cv = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (*cv == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = value;
    ccv.complex_value = *cv;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_eirc_ping(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    ngx_int_t   msec;
    ngx_str_t  *value, s;

    if (elcf->ping != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts == 3) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"eirc_ping off\" has no \"%V\", "
                               "leave it away", &value[2]);
            return NGX_CONF_ERROR;
        }

        elcf->ping = 0;

        return NGX_CONF_OK;
    }

    msec = ngx_parse_time(&value[1], 0);

    if (msec == NGX_ERROR || msec == 0
        || msec > (ngx_int_t) ngx_http_eirc_linger_bounds.max)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"eirc_ping\", write "
                           "one as in \"25s\", at most \"1d\", or \"off\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    elcf->ping = msec;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[2].data, "timeout=", 8) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"eirc_ping\", "
                           "there is \"timeout=TIME\" only", &value[2]);
        return NGX_CONF_ERROR;
    }

    s.data = value[2].data + 8;
    s.len = value[2].len - 8;

    msec = ngx_parse_time(&s, 0);

    if (msec == NGX_ERROR || msec == 0
        || msec > (ngx_int_t) ngx_http_eirc_linger_bounds.max)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time in \"%V\" of \"eirc_ping\", write "
                           "one as in \"timeout=10s\", at most \"1d\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    elcf->ping_timeout = msec;

    return NGX_CONF_OK;
}


static char *
ngx_http_eirc_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char *p = conf;

    size_t                 len;
    ngx_int_t              n, scale;
    ngx_str_t             *value;
    ngx_http_eirc_rate_t  *rate;

    rate = (ngx_http_eirc_rate_t *) (p + cmd->offset);

    if (rate->rate != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts == 3) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V off\" has no \"%V\", leave it away",
                               &cmd->name, &value[2]);
            return NGX_CONF_ERROR;
        }

        rate->rate = 0;
        rate->burst = 0;

        return NGX_CONF_OK;
    }

    len = value[1].len;
    scale = 0;

    if (len > 3) {
        if (ngx_strcmp(value[1].data + len - 3, "r/s") == 0) {
            scale = 1000;

        } else if (ngx_strcmp(value[1].data + len - 3, "r/m") == 0) {
            scale = 60;
        }
    }

    n = scale ? ngx_atoi(value[1].data, len - 3) : NGX_ERROR;

    if (n < 1 || n > 1000000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid rate \"%V\" in \"%V\", write it as in "
                           "\"5r/s\" or \"30r/m\", or \"off\"",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    /* lines per 1000 s */

    rate->rate = (scale == 60) ? (n * 1000 + 59) / 60 : n * 1000;
    rate->burst = (cmd->offset == offsetof(ngx_http_eirc_loc_conf_t, rate))
                  ? 30 : 10;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    n = NGX_ERROR;

    if (ngx_strncmp(value[2].data, "burst=", 6) == 0) {
        n = ngx_atoi(value[2].data + 6, value[2].len - 6);
    }

    if (n < 1 || n > 1000000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"%V\", write "
                           "\"burst=N\" with a number from 1 to 1000000",
                           &value[2], &cmd->name);
        return NGX_CONF_ERROR;
    }

    rate->burst = n;

    return NGX_CONF_OK;
}


static char *
ngx_http_eirc_crash_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    ngx_int_t   n;
    ngx_str_t  *value;

    if (elcf->crash_limit != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    n = ngx_atoi(value[1].data, value[1].len);

    if (n < 1 || n > 1000000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number \"%V\" in \"eirc_crash_limit\", "
                           "it has to be from 1 to 1000000", &value[1]);
        return NGX_CONF_ERROR;
    }

    elcf->crash_limit = n;

    n = ngx_parse_time(&value[2], 0);

    if (n == NGX_ERROR || n == 0
        || n > (ngx_int_t) ngx_http_eirc_linger_bounds.max)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"eirc_crash_limit\", "
                           "write one as in \"60s\", at most \"1d\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    elcf->crash_time = n;

    return NGX_CONF_OK;
}


static char *
ngx_http_eirc_msec_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char *p = conf;

    char        *rv;
    ngx_int_t    n;
    ngx_str_t   *value;
    ngx_msec_t  *msec;

    msec = (ngx_msec_t *) (p + cmd->offset);

    if (*msec != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    n = ngx_parse_time(&value[1], 0);

    rv = ngx_http_eirc_bounds_check(cf, cmd, &value[1], n);
    if (rv == NGX_CONF_OK) {
        *msec = n;
    }

    return rv;
}


static char *
ngx_http_eirc_size_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char *p = conf;

    char       *rv;
    size_t     *size;
    ssize_t     n;
    ngx_str_t  *value;

    size = (size_t *) (p + cmd->offset);

    if (*size != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;

    n = ngx_parse_size(&value[1]);

    rv = ngx_http_eirc_bounds_check(cf, cmd, &value[1], n);
    if (rv == NGX_CONF_OK) {
        *size = n;
    }

    return rv;
}


static char *
ngx_http_eirc_uint_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char *p = conf;

    char        *rv;
    ngx_int_t    n;
    ngx_str_t   *value;
    ngx_uint_t  *number;

    number = (ngx_uint_t *) (p + cmd->offset);

    if (*number != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    n = ngx_atoi(value[1].data, value[1].len);

    rv = ngx_http_eirc_bounds_check(cf, cmd, &value[1], n);
    if (rv == NGX_CONF_OK) {
        *number = n;
    }

    return rv;
}


static char *
ngx_http_eirc_bounds_check(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, ngx_int_t n)
{
    ngx_http_eirc_bounds_t *bounds = cmd->post;

    if (n < 0 || (ngx_uint_t) n < bounds->min || (ngx_uint_t) n > bounds->max)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", write %s",
                           value, &cmd->name, bounds->fix);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
