
/*
 * The opening handshake (RFC 6455, section 4): what a request has to have to
 * become a WebSocket, who may ask for one, and the 101. Every refusal is an
 * answer of plain HTTP, and its reason is in the log at info.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_sha1.h>

#include "ngx_http_eirc.h"


#define NGX_HTTP_EIRC_ORIGIN_ANY       0
#define NGX_HTTP_EIRC_ORIGIN_NAME      1
#define NGX_HTTP_EIRC_ORIGIN_WILDCARD  2
#define NGX_HTTP_EIRC_ORIGIN_REGEX     3

#define NGX_HTTP_EIRC_KEY_LEN          24


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


/* the header lines of a handshake; the first of each, and how many */
typedef struct {
    ngx_str_t             key;
    ngx_str_t             version;
    ngx_str_t             origin;
    ngx_uint_t            keys;
    ngx_uint_t            versions;
    ngx_uint_t            origins;
    unsigned              upgrade:1;       /* some Upgrade line */
    unsigned              websocket:1;     /* it has the token */
    unsigned              connection:1;    /* Connection has "upgrade" */
} ngx_http_eirc_handshake_headers_t;


static void ngx_http_eirc_handshake_read(ngx_http_request_t *r,
    ngx_http_eirc_handshake_headers_t *h);
static ngx_uint_t ngx_http_eirc_handshake_token(ngx_str_t *value,
    const char *token, size_t len);
static ngx_int_t ngx_http_eirc_handshake_upgrade(ngx_http_request_t *r);
static ngx_int_t ngx_http_eirc_handshake_key(ngx_str_t *key, u_char *accept);
static ngx_int_t ngx_http_eirc_handshake_header(ngx_http_request_t *r,
    const char *name, size_t name_len, u_char *value, size_t value_len);
static ngx_int_t ngx_http_eirc_origin_check(ngx_http_request_t *r,
    ngx_str_t *value);
static ngx_int_t ngx_http_eirc_origin_same(ngx_http_request_t *r,
    ngx_http_eirc_origin_parts_t *parts);
static ngx_int_t ngx_http_eirc_origin_match(ngx_http_eirc_origin_t *o,
    ngx_str_t *value, ngx_http_eirc_origin_parts_t *parts);
static ngx_uint_t ngx_http_eirc_origin_equal(ngx_str_t *a, ngx_str_t *b);
static ngx_int_t ngx_http_eirc_origin_split(ngx_str_t *value,
    ngx_http_eirc_origin_parts_t *parts);
static char *ngx_http_eirc_origin_regex(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_eirc_origin_t *o);


#define ngx_http_eirc_header_is(h, name)                                      \
    (ngx_strncmp((h)->lowcase_key, name, sizeof(name) - 1) == 0)

#define ngx_http_eirc_header(r, name, value, len)                             \
    ngx_http_eirc_handshake_header(r, name, sizeof(name) - 1, value, len)

#define ngx_http_eirc_header_text(r, name, text)                              \
    ngx_http_eirc_handshake_header(r, name, sizeof(name) - 1,                 \
                                   (u_char *) text, sizeof(text) - 1)


ngx_int_t
ngx_http_eirc_handshake_check(ngx_http_request_t *r, ngx_http_eirc_ctx_t *ctx)
{
    ngx_log_t                          *log;
    ngx_int_t                           rc;
    eirc_protocol_t                     protocol;
    ngx_http_eirc_handshake_headers_t   h;

    log = r->connection->log;

    if (r->method != NGX_HTTP_GET) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "websocket refused: method \"%V\"", &r->method_name);

        if (ngx_http_eirc_header_text(r, "Allow", "GET") != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return NGX_HTTP_NOT_ALLOWED;
    }

    /* there is no Upgrade in HTTP/2 and later: RFC 9113, 8.6 */

    if (r->http_version > NGX_HTTP_VERSION_11) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "websocket refused: not over HTTP/1.1");
        return NGX_HTTP_BAD_REQUEST;
    }

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "websocket refused: request with a body");
        return NGX_HTTP_BAD_REQUEST;
    }

    ngx_http_eirc_handshake_read(r, &h);

    /* an HTTP/1.0 client cannot ask for an upgrade: RFC 9110, 7.8 */

    if (r->http_version < NGX_HTTP_VERSION_11 || !h.websocket) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "websocket refused: %s",
                      r->http_version < NGX_HTTP_VERSION_11
                      ? "not over HTTP/1.1"
                      : h.upgrade ? "upgrade to something else"
                                  : "no \"Upgrade\" header");
        return ngx_http_eirc_handshake_upgrade(r);
    }

    if (!h.connection) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "websocket refused: "
                      "no \"upgrade\" in the \"Connection\" header");
        return NGX_HTTP_BAD_REQUEST;
    }

    if (h.versions != 1) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "websocket refused: %ui \"Sec-WebSocket-Version\" "
                      "headers", h.versions);
        return NGX_HTTP_BAD_REQUEST;
    }

    if (h.version.len != 2 || ngx_strncmp(h.version.data, "13", 2) != 0) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "websocket refused: version \"%V\"", &h.version);
        return ngx_http_eirc_handshake_upgrade(r);
    }

    if (h.keys != 1) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "websocket refused: %ui \"Sec-WebSocket-Key\" headers",
                      h.keys);
        return NGX_HTTP_BAD_REQUEST;
    }

    if (ngx_http_eirc_handshake_key(&h.key, ctx->handshake.accept) != NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "websocket refused: \"Sec-WebSocket-Key\" is not "
                      "the base64 of 16 bytes");
        return NGX_HTTP_BAD_REQUEST;
    }

    if (h.origins > 1) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "websocket refused: %ui \"Origin\" headers", h.origins);
        return NGX_HTTP_BAD_REQUEST;
    }

    /* only browsers send an origin, and they always do: RFC 6455, 10.2 */

    if (h.origins) {
        rc = ngx_http_eirc_origin_check(r, &h.origin);

        if (rc == NGX_DECLINED) {
            ngx_log_error(NGX_LOG_INFO, log, 0,
                          "websocket refused: origin \"%V\"", &h.origin);
            return NGX_HTTP_FORBIDDEN;
        }

        if (rc != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (ngx_http_eirc_handshake_protocol(r, &protocol) != NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "websocket refused: \"Sec-WebSocket-Protocol\" is not "
                      "a list of tokens");
        return NGX_HTTP_BAD_REQUEST;
    }

    ctx->handshake.mode = protocol.taken;
    ctx->handshake.protocol.data = (u_char *) protocol.name.p;
    ctx->handshake.protocol.len = protocol.name.len;

    return NGX_OK;
}


ngx_int_t
ngx_http_eirc_handshake_protocol(ngx_http_request_t *r,
    eirc_protocol_t *protocol)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    ngx_memzero(protocol, sizeof(eirc_protocol_t));

    part = &r->headers_in.headers.part;
    header = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return NGX_OK;
            }

            part = part->next;
            header = part->elts;
            i = 0;
        }

        if (header[i].hash == 0
            || header[i].key.len != sizeof("sec-websocket-protocol") - 1
            || !ngx_http_eirc_header_is(&header[i], "sec-websocket-protocol"))
        {
            continue;
        }

        if (eirc_protocol_read(protocol, header[i].value.data,
                               header[i].value.len)
            != EIRC_OK)
        {
            return NGX_DECLINED;
        }
    }
}


ngx_int_t
ngx_http_eirc_handshake_accept(ngx_http_request_t *r,
    ngx_http_eirc_ctx_t *ctx)
{
    ngx_int_t                   rc;
    ngx_http_eirc_handshake_t  *hs;

    hs = &ctx->handshake;

    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    ngx_str_set(&r->headers_out.status_line, "101 Switching Protocols");

    /* nginx adds "Connection: upgrade" to a 101 */

    if (ngx_http_eirc_header_text(r, "Upgrade", "websocket") != NGX_OK
        || ngx_http_eirc_header(r, "Sec-WebSocket-Accept", hs->accept,
                                sizeof(hs->accept))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (hs->protocol.len
        && ngx_http_eirc_header(r, "Sec-WebSocket-Protocol",
                                hs->protocol.data, hs->protocol.len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->keepalive = 0;

    /* what follows is no response, and goes past the filters */

    r->limit_rate = 0;
    r->limit_rate_set = 1;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return NGX_ERROR;
    }

    if (ngx_http_send_special(r, NGX_HTTP_FLUSH) == NGX_ERROR) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_eirc_handshake_read(ngx_http_request_t *r,
    ngx_http_eirc_handshake_headers_t *h)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    ngx_memzero(h, sizeof(ngx_http_eirc_handshake_headers_t));

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

        if (header[i].hash == 0) {
            continue;
        }

        switch (header[i].key.len) {

        case sizeof("origin") - 1:
            if (ngx_http_eirc_header_is(&header[i], "origin")
                && h->origins++ == 0)
            {
                h->origin = header[i].value;
            }

            break;

        case sizeof("upgrade") - 1:
            if (ngx_http_eirc_header_is(&header[i], "upgrade")) {
                h->upgrade = 1;
                h->websocket |= ngx_http_eirc_handshake_token(
                                          &header[i].value, "websocket", 9);
            }

            break;

        case sizeof("connection") - 1:
            if (ngx_http_eirc_header_is(&header[i], "connection")) {
                h->connection |= ngx_http_eirc_handshake_token(
                                            &header[i].value, "upgrade", 7);
            }

            break;

        case sizeof("sec-websocket-key") - 1:
            if (ngx_http_eirc_header_is(&header[i], "sec-websocket-key")
                && h->keys++ == 0)
            {
                h->key = header[i].value;
            }

            break;

        case sizeof("sec-websocket-version") - 1:
            if (ngx_http_eirc_header_is(&header[i], "sec-websocket-version")
                && h->versions++ == 0)
            {
                h->version = header[i].value;
            }

            break;
        }
    }
}


/* is the token in this comma separated list, in whatever case? */

static ngx_uint_t
ngx_http_eirc_handshake_token(ngx_str_t *value, const char *token, size_t len)
{
    u_char  *p, *last, *start, *end;

    p = value->data;
    last = p + value->len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        start = p;

        while (p < last && *p != ',') {
            p++;
        }

        end = p;

        while (end > start && (end[-1] == ' ' || end[-1] == '\t')) {
            end--;
        }

        if ((size_t) (end - start) == len
            && ngx_strncasecmp(start, (u_char *) token, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* 426 says what to upgrade to: RFC 9110, 15.5.22, and RFC 6455, 4.4 */

static ngx_int_t
ngx_http_eirc_handshake_upgrade(ngx_http_request_t *r)
{
    if (ngx_http_eirc_header_text(r, "Upgrade", "websocket") != NGX_OK
        || ngx_http_eirc_header_text(r, "Connection", "upgrade") != NGX_OK
        || ngx_http_eirc_header_text(r, "Sec-WebSocket-Version", "13")
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return 426;
}


/* RFC 6455, 4.2.2, 5.4; accept has room for 28 bytes */

static ngx_int_t
ngx_http_eirc_handshake_key(ngx_str_t *key, u_char *accept)
{
    u_char      nonce[NGX_HTTP_EIRC_KEY_LEN], sha1[20];
    ngx_str_t   src, dst;
    ngx_sha1_t  ctx;

    static const char  guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    if (key->len != NGX_HTTP_EIRC_KEY_LEN
        || key->data[NGX_HTTP_EIRC_KEY_LEN - 1] != '='
        || key->data[NGX_HTTP_EIRC_KEY_LEN - 2] != '=')
    {
        return NGX_DECLINED;
    }

    dst.data = nonce;

    if (ngx_decode_base64(&dst, key) != NGX_OK || dst.len != 16) {
        return NGX_DECLINED;
    }

    ngx_sha1_init(&ctx);
    ngx_sha1_update(&ctx, key->data, key->len);
    ngx_sha1_update(&ctx, guid, sizeof(guid) - 1);
    ngx_sha1_final(sha1, &ctx);

    src.data = sha1;
    src.len = sizeof(sha1);

    dst.data = accept;

    ngx_encode_base64(&dst, &src);

    return NGX_OK;
}


static ngx_int_t
ngx_http_eirc_handshake_header(ngx_http_request_t *r, const char *name,
    size_t name_len, u_char *value, size_t value_len)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = name_len;
    h->value.data = value;
    h->value.len = value_len;
    h->lowcase_key = NULL;

#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return NGX_OK;
}


static ngx_int_t
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
