
/*
 * What request.c, session.c, message.c and resume.c share: a session on its
 * way to the 101, and after it. Nobody else includes it.
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


/* a place in the lines to the browser */
typedef struct {
    uint64_t                        lines;
    uint64_t                        bytes;      /* of their entries */
} ngx_http_eirc_mark_t;


/* what a browser needs to come back, and what it came back with */
typedef struct {
    ngx_str_t                       id;         /* in the query, if back */
    uint64_t                        lines;      /* that it says it has */
    size_t                          replay;     /* bytes of the ring */
    ngx_uint_t                      resets;

    ngx_http_eirc_mark_t            sent;
    ngx_http_eirc_mark_t            pinged;     /* sent then */
    ngx_http_eirc_mark_t            confirmed;  /* bytes: or less */

    uint32_t                        layer;      /* in the ID */
    u_char                          key[EIRC_LINK_KEY_SIZE];
    u_char                          presented[EIRC_LINK_KEY_SIZE];

    unsigned                        back:1;     /* else it begins */
    unsigned                        waiting:1;  /* for a pong */
} ngx_http_eirc_resume_t;


struct ngx_http_eirc_session_s {
    ngx_http_request_t             *request;
    ngx_http_eirc_ctx_t            *ctx;
    ngx_http_eirc_link_t           *link;       /* NULL: none, or ended */
    ngx_http_eirc_ws_t             *ws;         /* NULL before the 101 */
    ngx_http_eirc_resume_t         *resume;     /* NULL: not asked for */

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

/* The browser cannot come back: it is told by a close code alone. */
void ngx_http_eirc_session_gone(ngx_http_eirc_session_t *s);

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


/*
 * resume.c
 */

/* room for what resume_session() and resume_resumed() write */
#define NGX_HTTP_EIRC_RESUME_BODY   256

/*
 * Reads the argument "resume". NGX_OK: *resume is set, NULL where nobody
 * wants to come back, or none could; NGX_DECLINED: it is malformed; NGX_ERROR.
 */
ngx_int_t ngx_http_eirc_resume_read(ngx_http_request_t *r,
    ngx_http_eirc_resume_t **resume);

/* Makes a new key, and writes its SHA-256 to hash. NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_eirc_resume_key(ngx_http_eirc_resume_t *resume,
    u_char *hash);

/*
 * Write what the browser is told, as entries (docs/link.md, 4), and return
 * their length: ":client session", and ":client resumed" with ":client gap".
 */
size_t ngx_http_eirc_resume_session(ngx_http_eirc_resume_t *resume,
    u_char *id, size_t len, ngx_msec_t linger, u_char *body);
size_t ngx_http_eirc_resume_resumed(ngx_http_eirc_resume_t *resume,
    eirc_link_resumed_t *resumed, u_char *body);

/* The session stands; the browser has so many lines. */
void ngx_http_eirc_resume_begin(ngx_http_eirc_resume_t *resume,
    size_t replay, uint64_t lines);

/* The state was lost: counts begin anew. */
void ngx_http_eirc_resume_reset(ngx_http_eirc_resume_t *resume);

/* Lines went to the WebSocket. */
void ngx_http_eirc_resume_sent(ngx_http_eirc_resume_t *resume,
    ngx_uint_t lines, size_t bytes);

/* Is a ping to be sent, to have them confirmed? */
ngx_uint_t ngx_http_eirc_resume_ping_due(ngx_http_eirc_resume_t *resume);

/* Writes what a ping carries that leaves now; returns its length. */
size_t ngx_http_eirc_resume_ping(ngx_http_eirc_resume_t *resume,
    u_char *payload);

/* Is there more confirmed after this pong than before? */
ngx_uint_t ngx_http_eirc_resume_pong(ngx_http_eirc_resume_t *resume,
    u_char *data, size_t len);

void ngx_http_eirc_resume_wipe(ngx_http_eirc_resume_t *resume);


#endif /* _NGX_HTTP_EIRC_SESSION_H_INCLUDED_ */
