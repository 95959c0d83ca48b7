
/*
 * What the files of the link share among themselves: socket layers as a
 * worker sees them (watch.c), links (link.c, and what goes out over them in
 * link_output.c), and records on a socket (record.c). Nobody else includes it.
 */

#ifndef _NGX_HTTP_EIRC_LINK_H_INCLUDED_
#define _NGX_HTTP_EIRC_LINK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"


/* the longest that a layer and its HELLO are waited for, ms */
#define NGX_HTTP_EIRC_LINK_OPEN_TIME   5000

/* the longest that a process may take to stand, ms */
#define NGX_HTTP_EIRC_LINK_READY_TIME  10000

/* retries of a watch connection, ms: grows from the first to the last */
#define NGX_HTTP_EIRC_LINK_RETRY_MIN   20
#define NGX_HTTP_EIRC_LINK_RETRY_MAX   1000

/* what a record touches outside of the link: lines of a cache */
#define NGX_HTTP_EIRC_LINK_WARM        11


typedef enum {
    NGX_HTTP_EIRC_LINK_WAITING = 0,
    NGX_HTTP_EIRC_LINK_WAIT_HELLO,
    NGX_HTTP_EIRC_LINK_OPEN,
    NGX_HTTP_EIRC_LINK_REQUESTED,
    NGX_HTTP_EIRC_LINK_STANDS,
    NGX_HTTP_EIRC_LINK_CLOSED
} ngx_http_eirc_link_state_e;


/* a socket layer, as this worker sees it */
typedef struct {
    ngx_connection_t              *connection;  /* the watch, or NULL */
    ngx_queue_t                    waiting;     /* links in WAITING */
    ngx_event_t                    timer;       /* HELLO, or the next try */
    ngx_msec_t                     delay;
    ngx_uint_t                     index;
    ngx_http_eirc_main_conf_t     *conf;
    socklen_t                      socklen;
    struct sockaddr_un             sockaddr;
    unsigned                       up:1;        /* HELLO came, WATCH is sent */
} ngx_http_eirc_layer_t;


typedef struct {
    ngx_uint_t                     n;
    ngx_http_eirc_layer_t          layer[1];
} ngx_http_eirc_layers_t;


struct ngx_http_eirc_link_s {
    ngx_uint_t                     nwarm;
    const void                    *warm[NGX_HTTP_EIRC_LINK_WARM];
    ngx_connection_t              *connection;
    ngx_http_eirc_layer_t         *layer;
    ngx_http_eirc_layers_t        *layers;
    ngx_http_eirc_link_handler_t  *handler;
    void                          *data;
    ngx_log_t                     *log;
    ngx_uint_t                    *gone;        /* set when closed in a call */
    ngx_queue_t                    queue;
    ngx_event_t                    timer;
    ngx_msec_t                     deadline;
    uint64_t                       received;    /* lines */
    uint64_t                       sent;        /* messages */
    uint64_t                       confirmed;   /* lines */
    ngx_http_eirc_link_state_e     state;
    unsigned                       any:1;       /* every layer will do */
    unsigned                       early:1;     /* waits for no HELLO */
    unsigned                       unheard:1;   /* nothing came over it */
    unsigned                       again:1;     /* a request was in vain */
    unsigned                       queued:1;
    unsigned                       paused:1;
    unsigned                       blocked:1;   /* a send said NGX_AGAIN */
    unsigned                       broken:1;    /* the peer reads no more */
    unsigned                       resuming:1;  /* RESUME was sent */
    unsigned                       full_too:1;  /* a full layer will do */
    unsigned                       reset_due:1;
    unsigned                       confirm_due:1;
    unsigned                       tries:8;     /* layers that were full */
    unsigned                       resets:8;    /* states that were lost */
};


/*
 * watch.c
 */

/* A link has found nobody there: the next try is made at once. */
void ngx_http_eirc_watch_hurry(ngx_http_eirc_layer_t *layer);


/*
 * link.c, for links in WAITING
 */

/* One try. What fails for good is told from the timer: never from here. */
void ngx_http_eirc_link_connect(ngx_http_eirc_link_t *link);

/* After so many ms, or at the link's deadline, its timer is looked after. */
void ngx_http_eirc_link_wait(ngx_http_eirc_link_t *link, ngx_msec_t delay);

/* Nobody will come: the link's timer ends it at once. */
void ngx_http_eirc_link_give_up(ngx_http_eirc_link_t *link);


/* Closes the connection, and tells nobody. */
void ngx_http_eirc_link_disconnect(ngx_http_eirc_link_t *link);


/*
 * link_output.c
 */

/* Sends the records that are due. NGX_OK, NGX_AGAIN or NGX_ERROR. */
ngx_int_t ngx_http_eirc_link_flush(ngx_http_eirc_link_t *link);


/*
 * record.c
 */

/* one byte more than a record may have tells a longer one from the longest */
extern u_char  ngx_http_eirc_record_buffer[EIRC_LINK_RECORD_MAX + 1];

/*
 * Makes a connection. NGX_OK; NGX_DECLINED: nobody listens there; NGX_BUSY:
 * the backlog is full; NGX_ERROR. The caller sets data and handlers.
 */
ngx_int_t ngx_http_eirc_record_socket(ngx_http_eirc_layer_t *layer,
    ngx_log_t *log, ngx_connection_t **connection);

/*
 * Sends a record. NGX_OK, NGX_AGAIN, NGX_DONE: the peer takes nothing more,
 * though it may have left something to read; NGX_ERROR.
 */
ngx_int_t ngx_http_eirc_record_send(ngx_connection_t *c, struct iovec *iov,
    ngx_uint_t n);

/*
 * Receives a record into the shared buffer: its length, 0 at the end of file,
 * NGX_AGAIN or NGX_ERROR. A record longer than the buffer has the length of
 * the buffer, which is longer than any record may be.
 */
ssize_t ngx_http_eirc_record_recv(ngx_connection_t *c);

/* Judges the first record of a layer, docs/link.md, 3: NGX_OK, or NGX_ERROR
 * with a reason. */
ngx_int_t ngx_http_eirc_record_hello(ngx_http_eirc_layer_t *layer, ssize_t n,
    ngx_uint_t *full, const char **why);


#endif /* _NGX_HTTP_EIRC_LINK_H_INCLUDED_ */
