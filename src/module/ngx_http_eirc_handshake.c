
/*
 * The opening handshake (RFC 6455, section 4): what a request has to have to
 * become a WebSocket, what is agreed on, and the 101. Every refusal is an
 * answer of plain HTTP, and its reason is in the log at info.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_sha1.h>

#include "ngx_http_eirc.h"


#define NGX_HTTP_EIRC_KEY_LEN          24


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
static ngx_table_elt_t *ngx_http_eirc_handshake_next(ngx_list_part_t **part,
    ngx_uint_t *i, const char *name, size_t len);
static ngx_int_t ngx_http_eirc_handshake_extensions(ngx_http_request_t *r,
    ngx_http_eirc_handshake_t *hs);
static ngx_int_t ngx_http_eirc_handshake_upgrade(ngx_http_request_t *r);
static ngx_int_t ngx_http_eirc_handshake_key(ngx_str_t *key, u_char *accept);
static ngx_int_t ngx_http_eirc_handshake_header(ngx_http_request_t *r,
    const char *name, size_t name_len, u_char *value, size_t value_len);


#define ngx_http_eirc_header_is(h, name)                                      \
    (ngx_strncmp((h)->lowcase_key, name, sizeof(name) - 1) == 0)

#define ngx_http_eirc_header_next(part, i, name)                              \
    ngx_http_eirc_handshake_next(part, i, name, sizeof(name) - 1)

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

    if (ngx_http_eirc_handshake_extensions(r, &ctx->handshake) != NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "websocket refused: \"Sec-WebSocket-Extensions\" is "
                      "not a list of extensions");
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
    i = 0;

    while ((header = ngx_http_eirc_header_next(&part, &i,
                                               "sec-websocket-protocol"))
           != NULL)
    {
        if (eirc_protocol_read(protocol, header->value.data,
                               header->value.len)
            != EIRC_OK)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/*
 * All lines are one list (RFC 6455, 9.1): the first offer in it that can be
 * met is taken, and every line has to be well formed.
 */

static ngx_int_t
ngx_http_eirc_handshake_extensions(ngx_http_request_t *r,
    ngx_http_eirc_handshake_t *hs)
{
    int                        rc;
    ngx_uint_t                 i;
    eirc_deflate_t             agreed;
    ngx_list_part_t           *part;
    ngx_table_elt_t           *header;
    ngx_http_eirc_loc_conf_t  *elcf;

    elcf = ngx_http_get_module_loc_conf(r, ngx_http_eirc_module);

    hs->compressed = 0;

    part = &r->headers_in.headers.part;
    i = 0;

    while ((header = ngx_http_eirc_header_next(&part, &i,
                                               "sec-websocket-extensions"))
           != NULL)
    {
        rc = eirc_deflate_negotiate(&agreed, &elcf->deflate.want,
                                    header->value.data, header->value.len);

        if (rc == EIRC_ERROR) {
            return NGX_DECLINED;
        }

        if (rc == EIRC_OK && elcf->deflate.enable && !hs->compressed) {
            hs->compressed = 1;
            hs->deflate = agreed;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_eirc_handshake_accept(ngx_http_request_t *r,
    ngx_http_eirc_ctx_t *ctx)
{
    u_char                     *p;
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

    if (hs->compressed) {
        p = ngx_pnalloc(r->pool, EIRC_DEFLATE_ANSWER_MAX);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (ngx_http_eirc_header(r, "Sec-WebSocket-Extensions", p,
                                 eirc_deflate_answer(p, &hs->deflate))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
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


/* the next line of that name, from the i-th of the part on */

static ngx_table_elt_t *
ngx_http_eirc_handshake_next(ngx_list_part_t **part, ngx_uint_t *i,
    const char *name, size_t len)
{
    ngx_table_elt_t  *header;

    for ( ;; ) {

        if (*i >= (*part)->nelts) {
            if ((*part)->next == NULL) {
                return NULL;
            }

            *part = (*part)->next;
            *i = 0;

            continue;
        }

        header = (*part)->elts;
        header += (*i)++;

        if (header->hash != 0
            && header->key.len == len
            && ngx_strncmp(header->lowcase_key, name, len) == 0)
        {
            return header;
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
