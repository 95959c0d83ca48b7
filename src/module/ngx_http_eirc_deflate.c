
/*
 * permessage-deflate (RFC 7692): the zlib streams. A connection that keeps no
 * context borrows those of its worker for the time of one message, and costs
 * nothing while it is idle; one that keeps a context has streams of its own
 * from its first compressed message in that direction on.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"
#include "ngx_http_eirc_ws.h"

#include "eirc_zlib.h"


#define NGX_HTTP_EIRC_DEFLATE_BUFFER    65536

#define NGX_HTTP_EIRC_DEFLATE_LEVELS    9
#define NGX_HTTP_EIRC_DEFLATE_BITS      15

/*
 * zlib's memLevel: tables that suit short messages, and are quickly made
 * ready for the next one; docs/directives.md has the measurements.
 */
#define NGX_HTTP_EIRC_DEFLATE_MEMORY    5


struct ngx_http_eirc_deflate_s {
    eirc_deflate_t            agreed;
    ngx_http_eirc_packing_t  *conf;
    z_stream                 *in;      /* NULL: the worker's, or not yet */
    z_stream                 *out;
};


static ngx_int_t ngx_http_eirc_deflate_grow(ngx_http_eirc_ws_buf_t *b,
    size_t size);
static z_stream *ngx_http_eirc_deflate_inflater(ngx_http_eirc_deflate_t *d);
static z_stream *ngx_http_eirc_deflate_deflater(ngx_http_eirc_deflate_t *d);
static z_stream *ngx_http_eirc_deflate_stream(ngx_int_t level,
    ngx_uint_t bits);
static void *ngx_http_eirc_deflate_zalloc(void *opaque, u_int items,
    u_int size);
static void ngx_http_eirc_deflate_zfree(void *opaque, void *address);


/* of this worker, for all connections; made when first needed */
static z_stream  *ngx_http_eirc_inflater;
static z_stream  *ngx_http_eirc_deflaters[NGX_HTTP_EIRC_DEFLATE_LEVELS + 1]
                                         [NGX_HTTP_EIRC_DEFLATE_BITS + 1];

/* nothing in it outlives an event handler */
static u_char  ngx_http_eirc_deflate_buffer[NGX_HTTP_EIRC_DEFLATE_BUFFER];


ngx_http_eirc_deflate_t *
ngx_http_eirc_deflate_create(ngx_http_request_t *r)
{
    ngx_http_eirc_ctx_t       *ctx;
    ngx_http_eirc_deflate_t   *d;
    ngx_http_eirc_loc_conf_t  *elcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_eirc_module);
    elcf = ngx_http_get_module_loc_conf(r, ngx_http_eirc_module);

    d = ngx_pcalloc(r->pool, sizeof(ngx_http_eirc_deflate_t));
    if (d == NULL) {
        return NULL;
    }

    d->agreed = ctx->handshake.deflate;
    d->conf = &elcf->deflate;

    return d;
}


void
ngx_http_eirc_deflate_free(ngx_http_eirc_deflate_t *d)
{
    if (d->in) {
        (void) inflateEnd(d->in);
        ngx_free(d->in);
        d->in = NULL;
    }

    if (d->out) {
        (void) deflateEnd(d->out);
        ngx_free(d->out);
        d->out = NULL;
    }
}


ngx_int_t
ngx_http_eirc_deflate_unpack(ngx_http_eirc_deflate_t *d, u_char *data,
    size_t len, size_t limit, ngx_http_eirc_ws_buf_t *b)
{
    int             rc;
    size_t          n, size;
    z_stream       *zs;
    eirc_unpack_t   unpack;

    ngx_memzero(b, sizeof(ngx_http_eirc_ws_buf_t));

    zs = ngx_http_eirc_deflate_inflater(d);
    if (zs == NULL) {
        return NGX_ERROR;
    }

    b->pos = ngx_http_eirc_deflate_buffer;
    size = NGX_HTTP_EIRC_DEFLATE_BUFFER;
    n = 0;

    eirc_unpack_init(&unpack, zs, data, len);

    for ( ;; ) {
        rc = eirc_unpack(&unpack, b->pos, &n, size);

        b->last = b->pos + n;

        if (n > limit) {
            ngx_http_eirc_ws_buf_free(b);
            return NGX_ABORT;
        }

        if (rc == EIRC_OK) {
            return NGX_OK;
        }

        if (rc != EIRC_AGAIN) {
            ngx_http_eirc_ws_buf_free(b);
            return (rc == EIRC_ERROR) ? NGX_DECLINED : NGX_ERROR;
        }

        /* one byte more than the limit tells that it is passed */

        size = ngx_min(size * 2, limit + 1);

        if (ngx_http_eirc_deflate_grow(b, size) != NGX_OK) {
            ngx_http_eirc_ws_buf_free(b);
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_http_eirc_deflate_grow(ngx_http_eirc_ws_buf_t *b, size_t size)
{
    size_t   n;
    u_char  *p;

    p = ngx_alloc(size, ngx_cycle->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    n = b->last - b->pos;

    ngx_memcpy(p, b->pos, n);

    ngx_http_eirc_ws_buf_free(b);

    b->start = p;
    b->pos = p;
    b->last = p + n;
    b->end = p + size;

    return NGX_OK;
}


ngx_int_t
ngx_http_eirc_deflate_pack(ngx_http_eirc_deflate_t *d, u_char *data,
    size_t len, u_char *out, size_t *packed)
{
    int        rc;
    z_stream  *zs;

    if (len < d->conf->min_length) {
        return NGX_DECLINED;
    }

    zs = ngx_http_eirc_deflate_deflater(d);
    if (zs == NULL) {
        return NGX_DECLINED;
    }

    rc = eirc_pack(zs, data, len, out, packed);

    if (rc == EIRC_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0, "deflate() failed");
    }

    return (rc == EIRC_OK) ? NGX_OK : NGX_DECLINED;
}


static z_stream *
ngx_http_eirc_deflate_inflater(ngx_http_eirc_deflate_t *d)
{
    if (!d->agreed.client_no_context_takeover) {

        if (d->in == NULL) {
            d->in = ngx_http_eirc_deflate_stream(0,
                                                 d->agreed.client_window_bits);
        }

        return d->in;
    }

    /* the largest window does for all of them */

    if (ngx_http_eirc_inflater == NULL) {
        ngx_http_eirc_inflater = ngx_http_eirc_deflate_stream(0,
                                                   NGX_HTTP_EIRC_DEFLATE_BITS);

    } else if (inflateReset(ngx_http_eirc_inflater) != Z_OK) {
        return NULL;
    }

    return ngx_http_eirc_inflater;
}


static z_stream *
ngx_http_eirc_deflate_deflater(ngx_http_eirc_deflate_t *d)
{
    ngx_int_t    level;
    ngx_uint_t   bits;
    z_stream   **zs;

    level = d->conf->level;
    bits = eirc_pack_bits(d->agreed.server_window_bits);

    if (!d->agreed.server_no_context_takeover) {

        if (d->out == NULL) {
            d->out = ngx_http_eirc_deflate_stream(level, bits);
        }

        return d->out;
    }

    zs = &ngx_http_eirc_deflaters[level][bits];

    if (*zs == NULL) {
        *zs = ngx_http_eirc_deflate_stream(level, bits);

    } else if (deflateReset(*zs) != Z_OK) {
        return NULL;
    }

    return *zs;
}


/* level 0: to inflate */

static z_stream *
ngx_http_eirc_deflate_stream(ngx_int_t level, ngx_uint_t bits)
{
    int        rc;
    z_stream  *zs;

    zs = ngx_calloc(sizeof(z_stream), ngx_cycle->log);
    if (zs == NULL) {
        return NULL;
    }

    zs->zalloc = ngx_http_eirc_deflate_zalloc;
    zs->zfree = ngx_http_eirc_deflate_zfree;

    if (level) {
        rc = deflateInit2(zs, level, Z_DEFLATED, - (int) bits,
                          NGX_HTTP_EIRC_DEFLATE_MEMORY, Z_DEFAULT_STRATEGY);

    } else {
        rc = inflateInit2(zs, - (int) bits);
    }

    if (rc != Z_OK) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0, "%s failed: %d",
                      level ? "deflateInit2()" : "inflateInit2()", rc);
        ngx_free(zs);
        return NULL;
    }

    return zs;
}


static void *
ngx_http_eirc_deflate_zalloc(void *opaque, u_int items, u_int size)
{
    return ngx_alloc((size_t) items * size, ngx_cycle->log);
}


static void
ngx_http_eirc_deflate_zfree(void *opaque, void *address)
{
    ngx_free(address);
}
