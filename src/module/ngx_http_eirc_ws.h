
/*
 * What the files of a WebSocket share: ws.c (birth, timers and ends),
 * ws_input.c (from bytes to messages), ws_output.c (from messages to bytes)
 * and deflate.c (compression). Nobody else includes this.
 */

#ifndef _NGX_HTTP_EIRC_WS_H_INCLUDED_
#define _NGX_HTTP_EIRC_WS_H_INCLUDED_


#include "ngx_http_eirc.h"


/* for the peer's close frame, and for our output to leave, ms */
#define NGX_HTTP_EIRC_WS_CLOSE_TIMEOUT  5000


typedef enum {
    NGX_HTTP_EIRC_WS_OPEN = 0,
    NGX_HTTP_EIRC_WS_CLOSING,
    NGX_HTTP_EIRC_WS_ENDING,
    NGX_HTTP_EIRC_WS_DEAD
} ngx_http_eirc_ws_state_e;


/* bytes from pos to last; empty without memory */
typedef struct {
    u_char                      *start;
    u_char                      *pos;
    u_char                      *last;
    u_char                      *end;
} ngx_http_eirc_ws_buf_t;


typedef struct ngx_http_eirc_deflate_s  ngx_http_eirc_deflate_t;


struct ngx_http_eirc_ws_s {
    ngx_http_request_t          *request;
    ngx_http_eirc_ws_handler_t  *handler;
    void                        *data;

    ngx_http_eirc_ws_state_e     state;
    ngx_uint_t                   code;       /* for closed() */
    ngx_uint_t                  *gone;       /* set when the owner is done */

    eirc_ws_reader_t             reader;
    ngx_http_eirc_deflate_t     *deflate;    /* NULL: not agreed on */

    ngx_http_eirc_ws_buf_t       message;    /* incomplete, or not taken */
    ngx_http_eirc_ws_buf_t       pending;    /* bytes behind it */
    ngx_http_eirc_ws_buf_t       out;        /* whole frames but the first */

    ngx_msec_t                   ping_time;
    ngx_msec_t                   ping_timeout;
    ngx_msec_t                   send_timeout;
    ngx_msec_t                   last_read;
    ngx_msec_t                   last_ping;

    ngx_event_t                  ping;       /* cancelable */
    ngx_event_t                  timer;      /* drain and close; it is not */

    unsigned                     started:1;
    unsigned                     binary:1;   /* the message in its buffer */
    unsigned                     blocked:1;  /* the message was not taken */
    unsigned                     resumed:1;  /* but may be now */
    unsigned                     full:1;     /* so is pending */
    unsigned                     eof:1;      /* behind pending */
    unsigned                     header:1;   /* the 101 is not out yet */
    unsigned                     waiting:1;  /* for drained() */
    unsigned                     broken:1;   /* a send failed */
    unsigned                     draining:1;
    unsigned                     pinged:1;   /* and nothing came since */
    unsigned                     ping_due:1; /* behind our output */
    unsigned                     pong_due:1;
    unsigned                     linger:1;   /* the peer has to read on */

    ngx_uint_t                   pongs;      /* in this event */
    size_t                       pong_len;
    u_char                       pong[EIRC_WS_CONTROL_MAX];
};


/* ws.c; after any of these but drain() the caller returns at once */

void ngx_http_eirc_ws_drain(ngx_http_eirc_ws_t *ws);
void ngx_http_eirc_ws_fail(ngx_http_eirc_ws_t *ws, ngx_uint_t code,
    const char *reason);
void ngx_http_eirc_ws_end(ngx_http_eirc_ws_t *ws);
void ngx_http_eirc_ws_vanish(ngx_http_eirc_ws_t *ws);
void ngx_http_eirc_ws_kill(ngx_http_eirc_ws_t *ws);
void ngx_http_eirc_ws_done(ngx_http_eirc_ws_t *ws);


/* ws_input.c */

void ngx_http_eirc_ws_read_handler(ngx_event_t *rev);


/* ws_output.c; a send that fails is told by ws->broken and an event */

void ngx_http_eirc_ws_write_handler(ngx_event_t *wev);
ngx_int_t ngx_http_eirc_ws_wait(ngx_http_eirc_ws_t *ws);
ngx_uint_t ngx_http_eirc_ws_busy(ngx_http_eirc_ws_t *ws);
void ngx_http_eirc_ws_control(ngx_http_eirc_ws_t *ws, ngx_uint_t opcode,
    u_char *data, size_t len);
void ngx_http_eirc_ws_pong(ngx_http_eirc_ws_t *ws, u_char *data, size_t len);
void ngx_http_eirc_ws_pong_due(ngx_http_eirc_ws_t *ws);
void ngx_http_eirc_ws_goodbye(ngx_http_eirc_ws_t *ws, ngx_uint_t code,
    const char *reason);

ngx_int_t ngx_http_eirc_ws_buf_add(ngx_http_eirc_ws_buf_t *b, u_char *p,
    size_t len, ngx_log_t *log);
ngx_int_t ngx_http_eirc_ws_buf_room(ngx_http_eirc_ws_buf_t *b, size_t len,
    ngx_log_t *log);
void ngx_http_eirc_ws_buf_free(ngx_http_eirc_ws_buf_t *b);


/* deflate.c */

/* What was agreed on in the handshake, in memory of the request. */
ngx_http_eirc_deflate_t *ngx_http_eirc_deflate_create(ngx_http_request_t *r);

/* Frees what a connection has of zlib; may be run twice. */
void ngx_http_eirc_deflate_free(ngx_http_eirc_deflate_t *d);

/*
 * Unpacks a message. NGX_OK: *b has it, in memory of the worker until the
 * next call (b->start is NULL) or in memory of its own; NGX_DECLINED: no data
 * of deflate; NGX_ABORT: more than limit bytes; NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_eirc_deflate_unpack(ngx_http_eirc_deflate_t *d,
    u_char *data, size_t len, size_t limit, ngx_http_eirc_ws_buf_t *b);

/*
 * Packs a message into out, which has room for len + EIRC_DEFLATE_TAIL bytes.
 * NGX_OK: *packed bytes, less than len; NGX_DECLINED: to be sent as it is,
 * because it is short, or gets no smaller, or there is no memory.
 */
ngx_int_t ngx_http_eirc_deflate_pack(ngx_http_eirc_deflate_t *d,
    u_char *data, size_t len, u_char *out, size_t *packed);


#endif /* _NGX_HTTP_EIRC_WS_H_INCLUDED_ */
