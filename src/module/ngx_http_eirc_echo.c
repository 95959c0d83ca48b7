
/*
 * eirc_echo: every message goes back as it came, through the same layers as
 * a session's, for tests of conformance. While the output of one waits, the
 * next one is not taken.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"


typedef struct {
    unsigned              waiting:1;
    unsigned              refused:1;
} ngx_http_eirc_echo_t;


static ngx_int_t ngx_http_eirc_echo_message(ngx_http_eirc_ws_t *ws,
    u_char *data, size_t len, ngx_uint_t binary);
static void ngx_http_eirc_echo_drained(ngx_http_eirc_ws_t *ws);
static void ngx_http_eirc_echo_closed(ngx_http_eirc_ws_t *ws,
    ngx_uint_t code);
static void ngx_http_eirc_echo_shutdown(ngx_http_eirc_ws_t *ws);


static ngx_http_eirc_ws_handler_t  ngx_http_eirc_echo_ws = {
    ngx_http_eirc_echo_message,
    ngx_http_eirc_echo_drained,
    ngx_http_eirc_echo_closed,
    ngx_http_eirc_echo_shutdown,
    NULL,
    NULL
};


ngx_int_t
ngx_http_eirc_echo_handler(ngx_http_request_t *r)
{
    ngx_int_t              rc;
    ngx_http_eirc_ws_t    *ws;
    ngx_http_eirc_ctx_t   *ctx;
    ngx_http_eirc_echo_t  *echo;

    if (r != r->main) {
        return NGX_HTTP_FORBIDDEN;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_eirc_ctx_t));
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_eirc_module);

    rc = ngx_http_eirc_handshake_check(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    echo = ngx_pcalloc(r->pool, sizeof(ngx_http_eirc_echo_t));
    if (echo == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_eirc_handshake_accept(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    ws = ngx_http_eirc_ws_create(r, &ngx_http_eirc_echo_ws, echo);
    if (ws == NULL) {
        return NGX_ERROR;
    }

    r->main->count++;

    ngx_http_eirc_ws_start(ws);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_eirc_echo_message(ngx_http_eirc_ws_t *ws, u_char *data, size_t len,
    ngx_uint_t binary)
{
    ngx_http_eirc_echo_t  *echo;

    echo = ngx_http_eirc_ws_data(ws);

    if (echo->waiting) {
        echo->refused = 1;
        return NGX_AGAIN;
    }

    if (ngx_http_eirc_ws_send(ws, binary, data, len) == NGX_AGAIN) {
        echo->waiting = 1;
    }

    return NGX_OK;
}


static void
ngx_http_eirc_echo_drained(ngx_http_eirc_ws_t *ws)
{
    ngx_http_eirc_echo_t  *echo;

    echo = ngx_http_eirc_ws_data(ws);

    echo->waiting = 0;

    if (echo->refused) {
        echo->refused = 0;
        ngx_http_eirc_ws_resume(ws);
    }
}


static void
ngx_http_eirc_echo_closed(ngx_http_eirc_ws_t *ws, ngx_uint_t code)
{
    ngx_http_eirc_ws_finalize(ws);
}


static void
ngx_http_eirc_echo_shutdown(ngx_http_eirc_ws_t *ws)
{
    ngx_http_eirc_ws_close(ws, EIRC_WS_CODE_RESTART, "restarting");
}
