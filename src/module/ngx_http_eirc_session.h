
/*
 * What request.c, session.c and message.c share: a session on its way to the
 * 101, and after it. Nobody else includes it.
 */

#ifndef _NGX_HTTP_EIRC_SESSION_H_INCLUDED_
#define _NGX_HTTP_EIRC_SESSION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"


/* the process of the session is lost: come back */
#define NGX_HTTP_EIRC_CODE_PROCESS_LOST  4002


typedef enum {
    NGX_HTTP_EIRC_SESSION_CONNECTING = 0,
    NGX_HTTP_EIRC_SESSION_AUTHORIZING,
    NGX_HTTP_EIRC_SESSION_SWITCHING,
    NGX_HTTP_EIRC_SESSION_REQUESTING,
    NGX_HTTP_EIRC_SESSION_RUNNING,
    NGX_HTTP_EIRC_SESSION_CLOSING
} ngx_http_eirc_session_state_e;


struct ngx_http_eirc_session_s {
    ngx_http_request_t             *request;
    ngx_http_eirc_ctx_t            *ctx;
    ngx_http_eirc_link_t           *link;       /* NULL: none, or ended */
    ngx_http_eirc_ws_t             *ws;         /* NULL before the 101 */

    ngx_event_t                     timer;      /* of the rate */
    int64_t                         level;      /* of the bucket */
    ngx_msec_t                      filled;     /* when level was right */
    ngx_msec_t                      full;       /* since when, if is_full */

    ngx_http_eirc_session_state_e   state;
    unsigned                        is_full:1;  /* the browser's buffer */
    unsigned                        blocked:1;  /* the link took nothing */
    unsigned                        released:1;
};


/*
 * session.c
 */

extern ngx_http_eirc_link_handler_t  ngx_http_eirc_session_link_handler;

/* A session in CONNECTING, which the request's cleanup releases; or NULL. */
ngx_http_eirc_session_t *ngx_http_eirc_session_create(ngx_http_request_t *r,
    ngx_http_eirc_ctx_t *ctx);

/* Says goodbye to the browser; a link that is still there is a violator's. */
void ngx_http_eirc_session_close(ngx_http_eirc_session_t *s, ngx_uint_t code,
    const char *text);

/* Closes the link, if there is one: END with this reason, 0: DETACH. */
void ngx_http_eirc_session_unlink(ngx_http_eirc_session_t *s,
    ngx_uint_t reason, const char *text);


/*
 * request.c, before the 101
 */

/* The link can be used. */
void ngx_http_eirc_request_open(ngx_http_eirc_session_t *s);

/* The link has ended for this reason; text is safe for the log. */
void ngx_http_eirc_request_ended(ngx_http_eirc_session_t *s,
    ngx_uint_t reason, ngx_str_t *text);

/* The end with a status; the token is given back. */
void ngx_http_eirc_request_refuse(ngx_http_eirc_session_t *s,
    ngx_int_t status);


/*
 * message.c
 */

/* The session is created; the WebSocket is there. */
void ngx_http_eirc_message_init(ngx_http_eirc_session_t *s);
void ngx_http_eirc_message_begin(ngx_http_eirc_session_t *s);

/* A message has come: the handler of the WebSocket. */
ngx_int_t ngx_http_eirc_message(ngx_http_eirc_ws_t *ws, u_char *data,
    size_t len, ngx_uint_t binary);


#endif /* _NGX_HTTP_EIRC_SESSION_H_INCLUDED_ */
