
/*
 * eirc_origin: the pages of which origins may ask for a WebSocket (RFC 6455,
 * 10.2).
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"


#define NGX_HTTP_EIRC_ORIGIN_ANY       0
#define NGX_HTTP_EIRC_ORIGIN_NAME      1
#define NGX_HTTP_EIRC_ORIGIN_WILDCARD  2
#define NGX_HTTP_EIRC_ORIGIN_REGEX     3


/* scheme://host:port; what is not there is empty */
typedef struct {
    ngx_str_t             scheme;
    ngx_str_t             host;
    ngx_str_t             port;
} ngx_http_eirc_origin_parts_t;


typedef struct {
    ngx_uint_t                    type;    /* NGX_HTTP_EIRC_ORIGIN_... */
    ngx_http_eirc_origin_parts_t  parts;
#if (NGX_PCRE)
    ngx_regex_t                  *regex;
#endif
} ngx_http_eirc_origin_t;


static ngx_int_t ngx_http_eirc_origin_same(ngx_http_request_t *r,
    ngx_http_eirc_origin_parts_t *parts);
static ngx_int_t ngx_http_eirc_origin_match(ngx_http_eirc_origin_t *o,
    ngx_str_t *value, ngx_http_eirc_origin_parts_t *parts);
static ngx_uint_t ngx_http_eirc_origin_equal(ngx_str_t *a, ngx_str_t *b);
static ngx_int_t ngx_http_eirc_origin_split(ngx_str_t *value,
    ngx_http_eirc_origin_parts_t *parts);
static char *ngx_http_eirc_origin_regex(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_eirc_origin_t *o);


ngx_int_t
ngx_http_eirc_origin_check(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_int_t                      rc;
    ngx_uint_t                     i, split;
    ngx_http_eirc_origin_t        *o;
    ngx_http_eirc_loc_conf_t      *elcf;
    ngx_http_eirc_origin_parts_t   parts;

    elcf = ngx_http_get_module_loc_conf(r, ngx_http_eirc_module);

    split = (ngx_http_eirc_origin_split(value, &parts) == NGX_OK);

    if (elcf->origins == NULL) {
        return split ? ngx_http_eirc_origin_same(r, &parts) : NGX_DECLINED;
    }

    o = elcf->origins->elts;

    for (i = 0; i < elcf->origins->nelts; i++) {
        rc = ngx_http_eirc_origin_match(&o[i], value, split ? &parts : NULL);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return NGX_DECLINED;
}


/*
 * The host that the browser asked is the one whose page asks; which of http
 * and https the page came by is not looked at, because TLS may end before
 * us. The port is: another port is another origin.
 */

static ngx_int_t
ngx_http_eirc_origin_same(ngx_http_request_t *r,
    ngx_http_eirc_origin_parts_t *parts)
{
    ngx_str_t                     *port;
    ngx_http_eirc_origin_parts_t   host;

    static ngx_str_t  http = ngx_string("80");
    static ngx_str_t  https = ngx_string("443");

    if (r->headers_in.host == NULL
        || parts->scheme.len == 0
        || ngx_http_eirc_origin_split(&r->headers_in.host->value, &host)
           != NGX_OK
        || !ngx_http_eirc_origin_equal(&parts->host, &host.host))
    {
        return NGX_DECLINED;
    }

    port = (parts->scheme.len == 5
            && ngx_strncasecmp(parts->scheme.data, (u_char *) "https", 5) == 0)
           ? &https : &http;

    if (ngx_http_eirc_origin_equal(parts->port.len ? &parts->port : port,
                                   host.port.len ? &host.port : port))
    {
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_eirc_origin_match(ngx_http_eirc_origin_t *o, ngx_str_t *value,
    ngx_http_eirc_origin_parts_t *parts)
{
    size_t      len;
#if (NGX_PCRE)
    ngx_int_t   n;
#endif
    ngx_str_t  *name, tail;

    switch (o->type) {

    case NGX_HTTP_EIRC_ORIGIN_ANY:
        return NGX_OK;

#if (NGX_PCRE)

    case NGX_HTTP_EIRC_ORIGIN_REGEX:
        n = ngx_regex_exec(o->regex, value, NULL, 0);

        if (n >= 0) {
            return NGX_OK;
        }

        return (n == NGX_REGEX_NO_MATCHED) ? NGX_DECLINED : NGX_ERROR;

#endif
    }

    if (parts == NULL
        || (o->parts.scheme.len
            && !ngx_http_eirc_origin_equal(&o->parts.scheme, &parts->scheme))
        || (o->parts.port.len
            && !ngx_http_eirc_origin_equal(&o->parts.port, &parts->port)))
    {
        return NGX_DECLINED;
    }

    name = &o->parts.host;

    if (o->type == NGX_HTTP_EIRC_ORIGIN_NAME) {
        return ngx_http_eirc_origin_equal(name, &parts->host) ? NGX_OK
                                                              : NGX_DECLINED;
    }

    /* the name of a wildcard begins with its dot */

    len = name->len;

    if (parts->host.len <= len) {
        return NGX_DECLINED;
    }

    tail.data = parts->host.data + parts->host.len - len;
    tail.len = len;

    return ngx_http_eirc_origin_equal(name, &tail) ? NGX_OK : NGX_DECLINED;
}


static ngx_uint_t
ngx_http_eirc_origin_equal(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len
           && ngx_strncasecmp(a->data, b->data, a->len) == 0;
}


/* "https://chat.example.org:8443", or its parts as in a Host header */

static ngx_int_t
ngx_http_eirc_origin_split(ngx_str_t *value,
    ngx_http_eirc_origin_parts_t *parts)
{
    u_char  *p, *last, *end;

    ngx_memzero(parts, sizeof(ngx_http_eirc_origin_parts_t));

    p = value->data;
    last = p + value->len;

    end = ngx_strlchr(p, last, ':');

    if (end && last - end > 3 && end[1] == '/' && end[2] == '/') {
        parts->scheme.data = p;
        parts->scheme.len = end - p;

        p = end + 3;
    }

    if (p < last && *p == '[') {
        end = ngx_strlchr(p, last, ']');

        if (end == NULL) {
            return NGX_ERROR;
        }

        end++;

    } else {
        end = ngx_strlchr(p, last, ':');

        if (end == NULL) {
            end = last;
        }
    }

    parts->host.data = p;
    parts->host.len = end - p;

    if (parts->host.len == 0) {
        return NGX_ERROR;
    }

    for ( /* void */ ; p < end; p++) {
        if (*p <= ' ' || *p == '/' || *p == '?' || *p == '#' || *p == '@') {
            return NGX_ERROR;
        }
    }

    if (end == last) {
        return NGX_OK;
    }

    if (*end != ':') {
        return NGX_ERROR;
    }

    parts->port.data = end + 1;
    parts->port.len = last - end - 1;

    if (ngx_atoi(parts->port.data, parts->port.len) == NGX_ERROR) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


char *
ngx_http_eirc_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    char                    *rv;
    ngx_int_t                rc;
    ngx_str_t               *value, *name;
    ngx_uint_t               i;
    ngx_http_eirc_origin_t  *o;

    if (elcf->origins != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    elcf->origins = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                     sizeof(ngx_http_eirc_origin_t));
    if (elcf->origins == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        o = ngx_array_push(elcf->origins);
        if (o == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(o, sizeof(ngx_http_eirc_origin_t));

        if (ngx_strcmp(value[i].data, "any") == 0) {
            o->type = NGX_HTTP_EIRC_ORIGIN_ANY;
            continue;
        }

        if (value[i].len && value[i].data[0] == '~') {
            rv = ngx_http_eirc_origin_regex(cf, &value[i], o);
            if (rv != NGX_CONF_OK) {
                return rv;
            }

            continue;
        }

        o->type = NGX_HTTP_EIRC_ORIGIN_NAME;

        rc = ngx_http_eirc_origin_split(&value[i], &o->parts);

        name = &o->parts.host;

        if (rc == NGX_OK && name->len > 2
            && name->data[0] == '*' && name->data[1] == '.')
        {
            o->type = NGX_HTTP_EIRC_ORIGIN_WILDCARD;
            name->data++;
            name->len--;
        }

        if (rc != NGX_OK
            || ngx_strlchr(name->data, name->data + name->len, '*')
            || ngx_strlchr(name->data, name->data + name->len, '$'))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"eirc_origin\", "
                               "write a name as in \"chat.example.org\", "
                               "\"*.example.org\" or "
                               "\"https://example.org:8443\", a regular "
                               "expression as in \"~^https://[a-z]+$\", "
                               "or \"any\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_eirc_origin_regex(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_eirc_origin_t *o)
{
#if (NGX_PCRE)
    u_char               errstr[NGX_MAX_CONF_ERRSTR];
    ngx_regex_compile_t  rc;

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pattern.data = value->data + 1;
    rc.pattern.len = value->len - 1;
    rc.pool = cf->pool;
    rc.options = NGX_REGEX_CASELESS;
    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = errstr;

    if (rc.pattern.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "empty regular expression in \"eirc_origin\", "
                           "write \"any\" to admit every origin");
        return NGX_CONF_ERROR;
    }

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"eirc_origin\": %V",
                           value, &rc.err);
        return NGX_CONF_ERROR;
    }

    o->type = NGX_HTTP_EIRC_ORIGIN_REGEX;
    o->regex = rc.regex;

    return NGX_CONF_OK;
#else
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" in \"eirc_origin\" needs nginx with PCRE, "
                       "write the names out", value);
    return NGX_CONF_ERROR;
#endif
}
