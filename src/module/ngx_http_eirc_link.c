
/*
 * Connections to socket layers (docs/link.md). A worker keeps one watch
 * connection to each layer; its end of file says that the layer is gone, and
 * spawn.c is asked for another. Links belong to requests:
 *
 *     WAITING --> HELLO --> OPEN --> REQUESTED --> READY --> (closed)
 *        ^          |
 *        +----------+  the layer went away before it said anything
 *
 * WAITING has no connection: the layer is being started, or its backlog is
 * full. In OPEN nothing is asked yet, in REQUESTED the process is awaited.
 * Records are received into one buffer that all links of a worker share: what
 * a handler is given is valid during the call.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"


/* the longest that a link waits for a layer and its HELLO, ms */
#define NGX_HTTP_EIRC_LINK_OPEN_TIME   5000

/* the longest that a process may take to stand, ms */
#define NGX_HTTP_EIRC_LINK_READY_TIME  10000

/* retries of a watch connection, ms: grows from the first to the last */
#define NGX_HTTP_EIRC_LINK_RETRY_MIN   20
#define NGX_HTTP_EIRC_LINK_RETRY_MAX   1000

/* retry of connect() when the backlog of a layer is full, ms */
#define NGX_HTTP_EIRC_LINK_BACKLOG     10

/* records read from one link before others have their turn */
#define NGX_HTTP_EIRC_LINK_BATCH       16

/* the longest record, USER, with room for the kernel's own bookkeeping */
#define NGX_HTTP_EIRC_LINK_SNDBUF      (2 * EIRC_LINK_RECORD_MAX)


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
    ngx_http_eirc_link_state_e     state;
    unsigned                       any:1;       /* every layer will do */
    unsigned                       queued:1;
    unsigned                       paused:1;
    unsigned                       blocked:1;   /* a send said NGX_AGAIN */
    unsigned                       broken:1;    /* the peer reads no more */
    unsigned                       tries:8;     /* layers that were full */
};


static ngx_http_eirc_layers_t *ngx_http_eirc_link_layers_create(
    ngx_http_eirc_main_conf_t *emcf, ngx_cycle_t *cycle);
static ngx_int_t ngx_http_eirc_link_socket(ngx_http_eirc_layer_t *layer,
    ngx_log_t *log, ngx_connection_t **connection);
static ngx_int_t ngx_http_eirc_link_send(ngx_connection_t *c,
    struct iovec *iov, ngx_uint_t n);
static ssize_t ngx_http_eirc_link_recv(ngx_connection_t *c);
static ngx_int_t ngx_http_eirc_link_hello(ngx_http_eirc_layer_t *layer,
    ssize_t n, ngx_uint_t *full, const char **why);

static void ngx_http_eirc_watch_start(ngx_http_eirc_layer_t *layer);
static void ngx_http_eirc_watch_retry(ngx_http_eirc_layer_t *layer,
    ngx_uint_t failed);
static void ngx_http_eirc_watch_timer_handler(ngx_event_t *ev);
static void ngx_http_eirc_watch_read_handler(ngx_event_t *rev);
static void ngx_http_eirc_watch_close(ngx_http_eirc_layer_t *layer);
static void ngx_http_eirc_watch_up(ngx_http_eirc_layer_t *layer);
static void ngx_http_eirc_watch_fail_links(ngx_http_eirc_layer_t *layer);

static void ngx_http_eirc_link_connect(ngx_http_eirc_link_t *link);
static void ngx_http_eirc_link_wait(ngx_http_eirc_link_t *link,
    ngx_msec_t delay);
static void ngx_http_eirc_link_timer_handler(ngx_event_t *ev);
static void ngx_http_eirc_link_read_handler(ngx_event_t *rev);
static void ngx_http_eirc_link_write_handler(ngx_event_t *wev);
static void ngx_http_eirc_link_record(ngx_http_eirc_link_t *link, ssize_t n);
static void ngx_http_eirc_link_greeted(ngx_http_eirc_link_t *link, ssize_t n);
static void ngx_http_eirc_link_answered(ngx_http_eirc_link_t *link,
    eirc_link_header_t *h, size_t len);
static void ngx_http_eirc_link_read_lines(ngx_http_eirc_link_t *link,
    eirc_link_header_t *h, size_t len);
static void ngx_http_eirc_link_violation(ngx_http_eirc_link_t *link,
    const char *what);
static void ngx_http_eirc_link_lost(ngx_http_eirc_link_t *link);
static void ngx_http_eirc_link_end(ngx_http_eirc_link_t *link,
    ngx_uint_t reason, u_char *text, size_t len);
static void ngx_http_eirc_link_disconnect(ngx_http_eirc_link_t *link);
static void ngx_http_eirc_empty_handler(ngx_event_t *ev);


/* one byte more than a record may have tells a longer one from the longest */
static u_char  ngx_http_eirc_link_buffer[EIRC_LINK_RECORD_MAX + 1];


/*
 * Worker processes alone watch layers: not the master, not the helpers that
 * look after caches, not a test of the configuration.
 */

ngx_int_t
ngx_http_eirc_link_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                  i;
    ngx_http_eirc_layer_t      *layer;
    ngx_http_eirc_layers_t     *layers;
    ngx_http_eirc_main_conf_t  *emcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    emcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_eirc_module);

    if (emcf == NULL || !emcf->used) {
        return NGX_OK;
    }

    layers = ngx_http_eirc_link_layers_create(emcf, cycle);
    if (layers == NULL) {
        return NGX_ERROR;
    }

    emcf->layers = layers;

    for (i = 0; i < layers->n; i++) {
        layer = &layers->layer[i];
        ngx_add_timer(&layer->timer, 1);
    }

    return NGX_OK;
}


static ngx_http_eirc_layers_t *
ngx_http_eirc_link_layers_create(ngx_http_eirc_main_conf_t *emcf,
    ngx_cycle_t *cycle)
{
    u_char                  *p;
    ngx_str_t               *dir;
    ngx_uint_t               i, n;
    ngx_http_eirc_layer_t   *layer;
    ngx_http_eirc_layers_t  *layers;

    n = ngx_http_eirc_link_layers(emcf);

    layers = ngx_pcalloc(cycle->pool, sizeof(ngx_http_eirc_layers_t)
                                      + (n - 1)
                                        * sizeof(ngx_http_eirc_layer_t));
    if (layers == NULL) {
        return NULL;
    }

    dir = emcf->client_unix ? &emcf->client : &emcf->run_path->name;

    layers->n = n;

    for (i = 0; i < n; i++) {
        layer = &layers->layer[i];

        layer->index = i;
        layer->conf = emcf;
        layer->delay = NGX_HTTP_EIRC_LINK_RETRY_MIN;
        layer->sockaddr.sun_family = AF_UNIX;
        layer->socklen = sizeof(struct sockaddr_un);

        p = ngx_snprintf((u_char *) layer->sockaddr.sun_path,
                         sizeof(layer->sockaddr.sun_path),
                         "%V/sockets.%ui%Z", dir, i);

        if (p[-1] != '\0') {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                          "directory \"%V\" is too long for the address "
                          "of a socket", dir);
            return NULL;
        }

        ngx_queue_init(&layer->waiting);

        layer->timer.handler = ngx_http_eirc_watch_timer_handler;
        layer->timer.data = layer;
        layer->timer.log = cycle->log;
        layer->timer.cancelable = 1;
    }

    return layers;
}


ngx_uint_t
ngx_http_eirc_link_layers(ngx_http_eirc_main_conf_t *emcf)
{
    ngx_int_t                n;
    ngx_core_conf_t         *ccf;
    ngx_http_eirc_layers_t  *layers;

    layers = emcf->layers;

    if (layers) {
        return layers->n;
    }

    n = emcf->processes;

    if (n == NGX_CONF_UNSET || n == 0) {

        /* of layers that somebody else starts, one is expected */

        ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                               ngx_core_module);

        n = (emcf->client_unix || !ccf->master) ? 1 : ccf->worker_processes;
    }

    return ngx_max(ngx_min(n, NGX_HTTP_EIRC_MAX_LAYERS), 1);
}


/*
 * Makes a connection. NGX_OK; NGX_DECLINED: nobody listens there; NGX_BUSY:
 * the backlog is full; NGX_ERROR. The caller sets data and handlers.
 */

static ngx_int_t
ngx_http_eirc_link_socket(ngx_http_eirc_layer_t *layer, ngx_log_t *log,
    ngx_connection_t **connection)
{
    int                size;
    socklen_t          len;
    ngx_err_t          err;
    ngx_uint_t         absent, level;
    ngx_socket_t       s;
    ngx_connection_t  *c;

    s = socket(AF_UNIX, SOCK_SEQPACKET|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (s == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      ngx_socket_n " failed");
        return NGX_ERROR;
    }

    len = sizeof(int);

    if (getsockopt(s, SOL_SOCKET, SO_SNDBUF, (void *) &size, &len) == -1
        || size < NGX_HTTP_EIRC_LINK_SNDBUF)
    {
        size = NGX_HTTP_EIRC_LINK_SNDBUF;

        if (setsockopt(s, SOL_SOCKET, SO_SNDBUF, (const void *) &size,
                       sizeof(int))
            == -1)
        {
            ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                          "setsockopt(SO_SNDBUF) failed");
        }
    }

    if (connect(s, (struct sockaddr *) &layer->sockaddr, layer->socklen)
        == -1)
    {
        err = ngx_socket_errno;

        (void) ngx_close_socket(s);

        if (err == NGX_EAGAIN) {
            return NGX_BUSY;
        }

        /* a layer that we start ourselves may well be missing */

        absent = (err == NGX_ENOENT || err == NGX_ECONNREFUSED);

        level = (absent && !layer->conf->client_unix) ? NGX_LOG_INFO
                                                      : NGX_LOG_ERR;

        ngx_log_error(level, log, err, "connect() to \"unix:%s\" failed",
                      layer->sockaddr.sun_path);

        return absent ? NGX_DECLINED : NGX_ERROR;
    }

    c = ngx_get_connection(s, log);

    if (c == NULL) {
        (void) ngx_close_socket(s);
        return NGX_ERROR;
    }

    c->type = SOCK_SEQPACKET;
    c->log = log;
    c->read->log = log;
    c->write->log = log;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->start_time = ngx_current_msec;

    c->read->handler = ngx_http_eirc_empty_handler;
    c->write->handler = ngx_http_eirc_empty_handler;

    if (ngx_add_conn) {
        if (ngx_add_conn(c) == NGX_ERROR) {
            goto failed;
        }

    } else if (ngx_add_event(c->read, NGX_READ_EVENT,
                             (ngx_event_flags & NGX_USE_CLEAR_EVENT)
                             ? NGX_CLEAR_EVENT : NGX_LEVEL_EVENT)
               != NGX_OK)
    {
        goto failed;
    }

    c->write->ready = 1;

    *connection = c;

    return NGX_OK;

failed:

    ngx_close_connection(c);

    return NGX_ERROR;
}


/*
 * Sends a record. NGX_OK, NGX_AGAIN, NGX_DONE: the peer takes nothing more,
 * though it may have left something to read; NGX_ERROR.
 */

static ngx_int_t
ngx_http_eirc_link_send(ngx_connection_t *c, struct iovec *iov, ngx_uint_t n)
{
    ssize_t        rc;
    ngx_err_t      err;
    struct msghdr  msg;

    ngx_memzero(&msg, sizeof(struct msghdr));

    msg.msg_iov = iov;
    msg.msg_iovlen = n;

    do {
        rc = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
        err = ngx_socket_errno;
    } while (rc == -1 && err == NGX_EINTR);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "eirc link send: fd:%d %z", c->fd, rc);

    if (rc != -1) {
        return NGX_OK;
    }

    if (err == NGX_EAGAIN) {
        c->write->ready = 0;

        return (ngx_handle_write_event(c->write, 0) == NGX_OK) ? NGX_AGAIN
                                                               : NGX_ERROR;
    }

    if (err == NGX_EPIPE || err == NGX_ECONNRESET) {
        return NGX_DONE;
    }

    ngx_log_error(NGX_LOG_CRIT, c->log, err, "sendmsg() to link failed");

    return NGX_ERROR;
}


/*
 * Receives a record into the shared buffer: its length, 0 at the end of file,
 * NGX_AGAIN or NGX_ERROR. A record longer than the buffer has the length of
 * the buffer, which is longer than any record may be.
 */

static ssize_t
ngx_http_eirc_link_recv(ngx_connection_t *c)
{
    ssize_t    n;
    ngx_err_t  err;

    /*
     * ECONNRESET says, once, that the peer closed with records of ours
     * unread; what it sent before is still there, and the end of file after
     * that.
     */

    do {
        n = recv(c->fd, ngx_http_eirc_link_buffer,
                 sizeof(ngx_http_eirc_link_buffer), MSG_DONTWAIT);
        err = ngx_socket_errno;
    } while (n == -1 && (err == NGX_EINTR || err == NGX_ECONNRESET));

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "eirc link recv: fd:%d %z", c->fd, n);

    if (n >= 0) {
        return n;
    }

    if (err == NGX_EAGAIN) {
        c->read->ready = 0;
        return NGX_AGAIN;
    }

    ngx_log_error(NGX_LOG_CRIT, c->log, err, "recv() from link failed");

    return NGX_ERROR;
}


/* Judges the first record of a layer, docs/link.md, 3. */

static ngx_int_t
ngx_http_eirc_link_hello(ngx_http_eirc_layer_t *layer, ssize_t n,
    ngx_uint_t *full, const char **why)
{
    eirc_link_header_t  h;

    if (eirc_link_header_read(&h, ngx_http_eirc_link_buffer, n) != EIRC_OK
        || h.type != EIRC_LINK_HELLO)
    {
        *why = "something else than HELLO";
        return NGX_ERROR;
    }

    if (h.value != EIRC_LINK_VERSION) {
        *why = "another version of the link";
        return NGX_ERROR;
    }

    if (h.count != layer->index) {
        *why = "another index than its own";
        return NGX_ERROR;
    }

    *full = h.flags & EIRC_LINK_FULL;

    return NGX_OK;
}


/*
 * The watch connections
 */

static void
ngx_http_eirc_watch_start(ngx_http_eirc_layer_t *layer)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    if (layer->connection || ngx_exiting || ngx_quit || ngx_terminate) {
        return;
    }

    rc = ngx_http_eirc_link_socket(layer, ngx_cycle->log, &c);

    if (rc == NGX_OK) {
        c->data = layer;
        c->idle = 1;
        c->read->handler = ngx_http_eirc_watch_read_handler;

        layer->connection = c;
        ngx_add_timer(&layer->timer, NGX_HTTP_EIRC_LINK_OPEN_TIME);
        return;
    }

    if (rc == NGX_DECLINED && !layer->conf->client_unix) {

        rc = ngx_http_eirc_spawn_layer(layer->conf, layer->index,
                                       ngx_cycle->log);
    }

    ngx_http_eirc_watch_retry(layer,
                              rc == NGX_ERROR || layer->conf->client_unix);
}


/*
 * Tries again later: soon at first, then less often, and not at the same
 * moment as the other workers. Where the attempt cannot succeed before
 * somebody does something nobody is kept waiting.
 */

static void
ngx_http_eirc_watch_retry(ngx_http_eirc_layer_t *layer, ngx_uint_t failed)
{
    ngx_msec_t  delay;

    if (failed) {
        layer->delay = NGX_HTTP_EIRC_LINK_RETRY_MAX;
    }

    delay = layer->delay + (ngx_msec_t) ngx_random() % (layer->delay / 2);

    layer->delay = ngx_min(layer->delay * 2, NGX_HTTP_EIRC_LINK_RETRY_MAX);

    ngx_add_timer(&layer->timer, delay);

    if (failed) {
        ngx_http_eirc_watch_fail_links(layer);
    }
}


static void
ngx_http_eirc_watch_timer_handler(ngx_event_t *ev)
{
    ngx_http_eirc_layer_t *layer = ev->data;

    ev->timedout = 0;

    if (layer->connection) {
        ngx_log_error(NGX_LOG_ERR, ev->log, NGX_ETIMEDOUT,
                      "socket layer %ui did not answer", layer->index);

        ngx_http_eirc_watch_close(layer);
        ngx_http_eirc_watch_retry(layer, 1);
        return;
    }

    ngx_http_eirc_watch_start(layer);
}


static void
ngx_http_eirc_watch_read_handler(ngx_event_t *rev)
{
    ssize_t                 n;
    const char             *why;
    ngx_uint_t              full, level, up;
    struct iovec            iov;
    ngx_connection_t       *c;
    ngx_http_eirc_layer_t  *layer;
    u_char                  watch[EIRC_LINK_HEADER_SIZE];

    c = rev->data;
    layer = c->data;

    if (c->close || ngx_exiting) {
        ngx_http_eirc_watch_close(layer);
        return;
    }

    n = ngx_http_eirc_link_recv(c);

    if (n == NGX_AGAIN) {
        if (ngx_handle_read_event(rev, 0) != NGX_OK) {
            ngx_http_eirc_watch_close(layer);
            ngx_http_eirc_watch_retry(layer, 0);
        }

        return;
    }

    if (n == 0 || n == NGX_ERROR) {
        up = layer->up;
        level = up ? NGX_LOG_NOTICE : NGX_LOG_INFO;

        ngx_log_error(level, rev->log, 0,
                      "socket layer %ui has gone", layer->index);

        ngx_http_eirc_watch_close(layer);

        if (up) {
            layer->delay = NGX_HTTP_EIRC_LINK_RETRY_MIN;
            ngx_http_eirc_watch_start(layer);

        } else {
            ngx_http_eirc_watch_retry(layer, 0);
        }

        return;
    }

    why = "something after HELLO";

    if (layer->up
        || ngx_http_eirc_link_hello(layer, n, &full, &why) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, rev->log, 0,
                      "socket layer %ui sent %s", layer->index, why);

        ngx_http_eirc_watch_close(layer);
        ngx_http_eirc_watch_retry(layer, 1);
        return;
    }

    (void) eirc_link_record_write(watch, EIRC_LINK_WATCH, EIRC_LINK_VERSION,
                                  0, NULL);
    iov.iov_base = watch;
    iov.iov_len = EIRC_LINK_HEADER_SIZE;

    if (ngx_http_eirc_link_send(c, &iov, 1) != NGX_OK) {
        ngx_http_eirc_watch_close(layer);
        ngx_http_eirc_watch_retry(layer, 0);
        return;
    }

    ngx_http_eirc_watch_up(layer);

    if (layer->connection == c && ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_eirc_watch_close(layer);
        ngx_http_eirc_watch_retry(layer, 0);
    }
}


static void
ngx_http_eirc_watch_close(ngx_http_eirc_layer_t *layer)
{
    if (layer->timer.timer_set) {
        ngx_del_timer(&layer->timer);
    }

    layer->up = 0;

    if (layer->connection) {
        ngx_close_connection(layer->connection);
        layer->connection = NULL;
    }
}


/* The layer is there: whoever waited for it goes on. */

static void
ngx_http_eirc_watch_up(ngx_http_eirc_layer_t *layer)
{
    ngx_queue_t            waiting, *q;
    ngx_http_eirc_link_t  *link;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "eirc layer %ui is up", layer->index);

    ngx_del_timer(&layer->timer);

    layer->up = 1;
    layer->delay = NGX_HTTP_EIRC_LINK_RETRY_MIN;

    /* one that has to wait once more goes to the emptied queue */

    if (ngx_queue_empty(&layer->waiting)) {
        return;
    }

    waiting = layer->waiting;
    waiting.next->prev = &waiting;
    waiting.prev->next = &waiting;
    ngx_queue_init(&layer->waiting);

    while (!ngx_queue_empty(&waiting)) {
        q = ngx_queue_head(&waiting);
        link = ngx_queue_data(q, ngx_http_eirc_link_t, queue);

        ngx_queue_remove(q);
        link->queued = 0;

        ngx_http_eirc_link_connect(link);
    }
}


/* Nobody waits for what will not come: their timers end them at once. */

static void
ngx_http_eirc_watch_fail_links(ngx_http_eirc_layer_t *layer)
{
    ngx_queue_t           *q;
    ngx_http_eirc_link_t  *link;

    while (!ngx_queue_empty(&layer->waiting)) {
        q = ngx_queue_head(&layer->waiting);
        link = ngx_queue_data(q, ngx_http_eirc_link_t, queue);

        ngx_queue_remove(q);
        link->queued = 0;
        link->deadline = ngx_current_msec;

        ngx_add_timer(&link->timer, 1);
    }
}


/*
 * Links
 */

ngx_http_eirc_link_t *
ngx_http_eirc_link_open(ngx_http_request_t *r, ngx_int_t layer,
    ngx_http_eirc_link_handler_t *handler, void *data)
{
    ngx_uint_t                  i, n;
    ngx_http_eirc_link_t       *link;
    ngx_http_eirc_layers_t     *layers;
    ngx_http_eirc_main_conf_t  *emcf;

    emcf = ngx_http_get_module_main_conf(r, ngx_http_eirc_module);
    layers = emcf->layers;

    if (layers == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "this process knows no socket layers");
        return NULL;
    }

    link = ngx_pcalloc(r->pool, sizeof(ngx_http_eirc_link_t));
    if (link == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     link->connection = NULL;
     *     link->gone = NULL;
     *     link->received = 0;
     *     link->sent = 0;
     *     link->state = NGX_HTTP_EIRC_LINK_WAITING;
     *     all flags = 0
     */

    if (layer == NGX_CONF_UNSET) {
        link->any = 1;

        /* this worker's own, or else the next one that is there */

        n = ngx_worker % layers->n;

        for (i = 0; i < layers->n; i++) {
            if (layers->layer[(n + i) % layers->n].up) {
                n = (n + i) % layers->n;
                break;
            }
        }

    } else {
        n = (ngx_uint_t) layer % layers->n;
    }

    link->layers = layers;
    link->layer = &layers->layer[n];
    link->handler = handler;
    link->data = data;
    link->log = r->connection->log;
    link->deadline = ngx_current_msec + NGX_HTTP_EIRC_LINK_OPEN_TIME;

    link->timer.handler = ngx_http_eirc_link_timer_handler;
    link->timer.data = link;
    link->timer.log = link->log;

    ngx_http_eirc_link_connect(link);

    return link;
}


void *
ngx_http_eirc_link_data(ngx_http_eirc_link_t *link)
{
    return link->data;
}


ngx_uint_t
ngx_http_eirc_link_layer(ngx_http_eirc_link_t *link)
{
    return link->layer->index;
}


/* One try. What fails for good is told from the timer: never from here. */

static void
ngx_http_eirc_link_connect(ngx_http_eirc_link_t *link)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_http_eirc_layer_t  *layer;

    layer = link->layer;
    link->state = NGX_HTTP_EIRC_LINK_WAITING;

    rc = ngx_http_eirc_link_socket(layer, link->log, &c);

    switch (rc) {

    case NGX_OK:
        c->data = link;
        c->read->handler = ngx_http_eirc_link_read_handler;
        c->write->handler = ngx_http_eirc_link_write_handler;

        link->connection = c;
        link->state = NGX_HTTP_EIRC_LINK_WAIT_HELLO;

        ngx_http_eirc_link_wait(link, NGX_HTTP_EIRC_LINK_OPEN_TIME);
        return;

    case NGX_BUSY:
        ngx_http_eirc_link_wait(link, NGX_HTTP_EIRC_LINK_BACKLOG
                                      + (ngx_msec_t) ngx_random()
                                        % NGX_HTTP_EIRC_LINK_BACKLOG);
        return;

    case NGX_DECLINED:

        if (ngx_exiting || ngx_quit || ngx_terminate
            || layer->conf->client_unix)
        {
            break;
        }

        ngx_queue_insert_tail(&layer->waiting, &link->queue);
        link->queued = 1;

        ngx_http_eirc_link_wait(link, NGX_HTTP_EIRC_LINK_OPEN_TIME);

        /* the watch may still hold a connection whose end it has not seen */

        if (layer->connection == NULL) {
            layer->delay = NGX_HTTP_EIRC_LINK_RETRY_MIN;
            ngx_add_timer(&layer->timer, 1);
        }

        return;

    default:
        break;
    }

    link->deadline = ngx_current_msec;
    ngx_http_eirc_link_wait(link, 1);
}


static void
ngx_http_eirc_link_wait(ngx_http_eirc_link_t *link, ngx_msec_t delay)
{
    ngx_msec_int_t  left;

    left = (ngx_msec_int_t) (link->deadline - ngx_current_msec);

    if (left < 1) {
        left = 1;
    }

    /* ngx_add_timer() leaves a timer that is nearly right: not here */

    if (link->timer.timer_set) {
        ngx_del_timer(&link->timer);
    }

    ngx_add_timer(&link->timer, ngx_min(delay, (ngx_msec_t) left));
}


static void
ngx_http_eirc_link_timer_handler(ngx_event_t *ev)
{
    ngx_http_eirc_link_t *link = ev->data;

    static u_char  no_layer[] = "no socket layer answers";
    static u_char  no_hello[] = "the socket layer says nothing";
    static u_char  no_process[] = "the process says nothing";

    ev->timedout = 0;

    if ((ngx_msec_int_t) (link->deadline - ngx_current_msec) > 0
        && link->state == NGX_HTTP_EIRC_LINK_WAITING)
    {
        ngx_http_eirc_link_connect(link);
        return;
    }

    switch (link->state) {

    case NGX_HTTP_EIRC_LINK_WAITING:
        ngx_http_eirc_link_end(link, EIRC_LINK_FAILED, no_layer,
                               sizeof(no_layer) - 1);
        return;

    case NGX_HTTP_EIRC_LINK_WAIT_HELLO:
        ngx_http_eirc_link_end(link, EIRC_LINK_FAILED, no_hello,
                               sizeof(no_hello) - 1);
        return;

    default: /* NGX_HTTP_EIRC_LINK_REQUESTED */
        ngx_http_eirc_link_end(link, EIRC_LINK_FAILED, no_process,
                               sizeof(no_process) - 1);
        return;
    }
}


static void
ngx_http_eirc_link_read_handler(ngx_event_t *rev)
{
    ssize_t                n;
    ngx_uint_t             i, gone;
    ngx_connection_t      *c;
    ngx_http_eirc_link_t  *link;

    static u_char  text[] = "nginx has no more time";

    c = rev->data;
    link = c->data;

    if (c->close) {
        ngx_http_eirc_link_end(link, EIRC_LINK_SHUTDOWN, text,
                               sizeof(text) - 1);
        return;
    }

    gone = 0;
    link->gone = &gone;

    for (i = 0; !link->paused; i++) {

        if (i == NGX_HTTP_EIRC_LINK_BATCH) {
            ngx_post_event(rev, &ngx_posted_next_events);
            break;
        }

        n = ngx_http_eirc_link_recv(c);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == 0 || n == NGX_ERROR) {
            ngx_http_eirc_link_lost(link);

        } else {
            ngx_http_eirc_link_record(link, n);
        }

        /* the link, and the memory that it lay in, may have gone */

        if (gone) {
            return;
        }

        if (link->connection != c) {
            break;
        }
    }

    link->gone = NULL;

    if (link->connection == c && ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_eirc_link_lost(link);
    }
}


static void
ngx_http_eirc_link_write_handler(ngx_event_t *wev)
{
    ngx_connection_t      *c;
    ngx_http_eirc_link_t  *link;

    c = wev->data;
    link = c->data;

    if (link->blocked) {
        link->blocked = 0;
        link->handler->writable(link);
        return;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_http_eirc_link_lost(link);
    }
}


/* The record of n bytes in the buffer. */

static void
ngx_http_eirc_link_record(ngx_http_eirc_link_t *link, ssize_t n)
{
    size_t               len;
    eirc_link_header_t   h;

    if (link->state == NGX_HTTP_EIRC_LINK_WAIT_HELLO) {
        ngx_http_eirc_link_greeted(link, n);
        return;
    }

    if (eirc_link_header_read(&h, ngx_http_eirc_link_buffer, n) != EIRC_OK) {
        ngx_http_eirc_link_violation(link, "a malformed record");
        return;
    }

    len = n - EIRC_LINK_HEADER_SIZE;

    switch (link->state) {

    case NGX_HTTP_EIRC_LINK_REQUESTED:
        ngx_http_eirc_link_answered(link, &h, len);
        return;

    case NGX_HTTP_EIRC_LINK_STANDS:

        if (h.type == EIRC_LINK_LINES) {
            ngx_http_eirc_link_read_lines(link, &h, len);
            return;
        }

        if (h.type == EIRC_LINK_END) {
            ngx_http_eirc_link_end(link, h.value, ngx_http_eirc_link_buffer
                                   + EIRC_LINK_HEADER_SIZE, len);
            return;
        }

        break;

    default: /* NGX_HTTP_EIRC_LINK_OPEN */

        if (h.type == EIRC_LINK_REFUSED) {
            ngx_http_eirc_link_end(link, h.value, ngx_http_eirc_link_buffer
                                   + EIRC_LINK_HEADER_SIZE, len);
            return;
        }

        break;
    }

    ngx_http_eirc_link_violation(link, "a record out of order");
}


static void
ngx_http_eirc_link_greeted(ngx_http_eirc_link_t *link, ssize_t n)
{
    const char              *why;
    ngx_uint_t               full;
    ngx_http_eirc_layers_t  *layers;

    static u_char  text[] = "the socket layer takes no more sessions";

    if (ngx_http_eirc_link_hello(link->layer, n, &full, &why) != NGX_OK) {
        ngx_http_eirc_link_violation(link, why);
        return;
    }

    if (full) {
        layers = link->layers;

        if (link->any && ++link->tries < layers->n) {
            ngx_http_eirc_link_disconnect(link);

            link->layer = &layers->layer[(link->layer->index + 1)
                                         % layers->n];

            ngx_http_eirc_link_connect(link);
            return;
        }

        ngx_http_eirc_link_end(link, EIRC_LINK_NO_ROOM, text,
                               sizeof(text) - 1);
        return;
    }

    ngx_del_timer(&link->timer);

    link->state = NGX_HTTP_EIRC_LINK_OPEN;
    link->handler->open(link);
}


static void
ngx_http_eirc_link_answered(ngx_http_eirc_link_t *link, eirc_link_header_t *h,
    size_t len)
{
    u_char  *body;
    u_char   id[EIRC_LINK_ID_MAX];

    body = ngx_http_eirc_link_buffer + EIRC_LINK_HEADER_SIZE;

    switch (h->type) {

    case EIRC_LINK_READY:
        ngx_del_timer(&link->timer);

        /* READY is followed by an answer to the browser, and that by lines */

        ngx_memcpy(id, body, len);

        link->state = NGX_HTTP_EIRC_LINK_STANDS;
        link->handler->ready(link, id, len);
        return;

    case EIRC_LINK_REFUSED:
    case EIRC_LINK_END:
        ngx_http_eirc_link_end(link, h->value, body, len);
        return;

    default:
        ngx_http_eirc_link_violation(link, "no answer to the request");
        return;
    }
}


/*
 * LINES, docs/link.md, 4. Every entry is checked: what is handed on becomes
 * frames as it is.
 */

static void
ngx_http_eirc_link_read_lines(ngx_http_eirc_link_t *link,
    eirc_link_header_t *h, size_t len)
{
    int             rc;
    size_t          n;
    u_char         *first;
    uint64_t        known;
    ngx_uint_t      lines;
    const uint8_t  *p, *last, *line;

    first = ngx_http_eirc_link_buffer + EIRC_LINK_HEADER_SIZE;
    last = first + len;

    if (h->count > link->received) {
        ngx_http_eirc_link_violation(link, "lines with a gap before them");
        return;
    }

    known = link->received - h->count;
    p = first;
    lines = 0;

    while ((rc = eirc_link_entry_next(&p, last, &line, &n)) == EIRC_OK) {
        lines++;

        if (lines <= known) {
            first = (u_char *) p;
        }
    }

    if (rc != EIRC_DONE || lines != h->value) {
        ngx_http_eirc_link_violation(link, "malformed lines");
        return;
    }

    if (lines <= known) {
        return;
    }

    lines -= (ngx_uint_t) known;

    link->received += lines;
    link->handler->lines(link, first, last - first, lines);
}


static void
ngx_http_eirc_link_violation(ngx_http_eirc_link_t *link, const char *what)
{
    static u_char  text[] = "it broke the rules of the link";

    ngx_log_error(NGX_LOG_ERR, link->log, 0,
                  "session layer sent %s (socket layer %ui)",
                  what, link->layer->index);

    ngx_http_eirc_link_end(link, EIRC_LINK_FAILED, text, sizeof(text) - 1);
}


/* The end of file, or an error, before anything was said about an end. */

static void
ngx_http_eirc_link_lost(ngx_http_eirc_link_t *link)
{
    static u_char  layer[] = "the socket layer has gone";
    static u_char  process[] = "the process has gone";

    switch (link->state) {

    case NGX_HTTP_EIRC_LINK_WAIT_HELLO:

        /* a layer on its way out: another one follows */

        ngx_http_eirc_link_disconnect(link);

        link->state = NGX_HTTP_EIRC_LINK_WAITING;
        ngx_http_eirc_link_wait(link, NGX_HTTP_EIRC_LINK_RETRY_MIN);
        return;

    case NGX_HTTP_EIRC_LINK_OPEN:
        ngx_http_eirc_link_end(link, EIRC_LINK_FAILED, layer,
                               sizeof(layer) - 1);
        return;

    default:
        ngx_http_eirc_link_end(link, EIRC_LINK_FAILED, process,
                               sizeof(process) - 1);
        return;
    }
}


static void
ngx_http_eirc_link_end(ngx_http_eirc_link_t *link, ngx_uint_t reason,
    u_char *text, size_t len)
{
    ngx_str_t  s;

    if (link->state == NGX_HTTP_EIRC_LINK_CLOSED) {
        return;
    }

    link->state = NGX_HTTP_EIRC_LINK_CLOSED;

    ngx_http_eirc_link_disconnect(link);

    if (link->gone) {
        *link->gone = 1;
        link->gone = NULL;
    }

    s.data = text;
    s.len = len;

    link->handler->ended(link, reason, &s);
}


static void
ngx_http_eirc_link_disconnect(ngx_http_eirc_link_t *link)
{
    if (link->timer.timer_set) {
        ngx_del_timer(&link->timer);
    }

    if (link->queued) {
        ngx_queue_remove(&link->queue);
        link->queued = 0;
    }

    if (link->connection) {
        ngx_close_connection(link->connection);
        link->connection = NULL;
    }
}


ngx_int_t
ngx_http_eirc_link_request(ngx_http_eirc_link_t *link,
    eirc_link_session_t *request, ngx_str_t *user)
{
    u_char        header[EIRC_LINK_HEADER_SIZE];
    u_char        record[EIRC_LINK_SESSION_MAX];
    size_t        len;
    ngx_int_t     rc;
    struct iovec  iov[2];

    if (link->state != NGX_HTTP_EIRC_LINK_OPEN) {
        return NGX_ERROR;
    }

    len = eirc_link_session_write(record, request);

    if (len == 0 || user->len < 2 || user->len > EIRC_LINK_USER_MAX) {
        ngx_log_error(NGX_LOG_ERR, link->log, 0,
                      "request for a session is out of bounds");
        return NGX_ERROR;
    }

    iov[0].iov_base = record;
    iov[0].iov_len = len;

    rc = ngx_http_eirc_link_send(link->connection, iov, 1);

    if (rc == NGX_OK) {
        (void) eirc_link_record_write(header, EIRC_LINK_USER, 0, 0, NULL);

        iov[0].iov_base = header;
        iov[0].iov_len = EIRC_LINK_HEADER_SIZE;
        iov[1].iov_base = user->data;
        iov[1].iov_len = user->len;

        rc = ngx_http_eirc_link_send(link->connection, iov, 2);
    }

    /* the layer may refuse, and be gone, when it has read the first one */

    if (rc == NGX_DONE) {
        link->broken = 1;
        ngx_post_event(link->connection->read, &ngx_posted_events);

    } else if (rc != NGX_OK) {

        /* both fit an empty socket buffer: waiting would be of no use */

        return NGX_ERROR;
    }

    link->state = NGX_HTTP_EIRC_LINK_REQUESTED;
    link->deadline = ngx_current_msec + NGX_HTTP_EIRC_LINK_READY_TIME;

    ngx_http_eirc_link_wait(link, NGX_HTTP_EIRC_LINK_READY_TIME);

    return NGX_OK;
}


ngx_int_t
ngx_http_eirc_link_message(ngx_http_eirc_link_t *link, u_char *data,
    size_t len)
{
    u_char        header[EIRC_LINK_HEADER_SIZE];
    ngx_int_t     rc;
    struct iovec  iov[2];

    if (link->state != NGX_HTTP_EIRC_LINK_STANDS
        || len > EIRC_LINK_MESSAGE_MAX)
    {
        return NGX_ERROR;
    }

    if (link->broken) {
        return NGX_AGAIN;
    }

    (void) eirc_link_record_write(header, EIRC_LINK_MESSAGE, 0, link->sent,
                                  NULL);

    iov[0].iov_base = header;
    iov[0].iov_len = EIRC_LINK_HEADER_SIZE;
    iov[1].iov_base = data;
    iov[1].iov_len = len;

    rc = ngx_http_eirc_link_send(link->connection, iov, 2);

    switch (rc) {

    case NGX_OK:
        link->sent++;
        return NGX_OK;

    case NGX_AGAIN:
        link->blocked = 1;
        return NGX_AGAIN;

    case NGX_DONE:

        /* the process has left; END may be waiting to be read */

        link->broken = 1;
        ngx_post_event(link->connection->read, &ngx_posted_events);
        return NGX_AGAIN;

    default:
        return NGX_ERROR;
    }
}


void
ngx_http_eirc_link_pause(ngx_http_eirc_link_t *link)
{
    link->paused = 1;
}


void
ngx_http_eirc_link_continue(ngx_http_eirc_link_t *link)
{
    if (!link->paused) {
        return;
    }

    link->paused = 0;

    if (link->connection) {
        ngx_post_event(link->connection->read, &ngx_posted_events);
    }
}


void
ngx_http_eirc_link_close(ngx_http_eirc_link_t *link, ngx_uint_t reason,
    const char *text)
{
    u_char        record[EIRC_LINK_HEADER_SIZE + EIRC_LINK_TEXT_MAX];
    struct iovec  iov;

    if (link->state == NGX_HTTP_EIRC_LINK_STANDS && !link->broken) {

        iov.iov_base = record;
        iov.iov_len = reason
                      ? eirc_link_record_write(record, EIRC_LINK_END, reason,
                                               0, text)
                      : eirc_link_record_write(record, EIRC_LINK_DETACH, 0,
                                               0, NULL);

        /* where it does not fit the end of file has to do */

        (void) ngx_http_eirc_link_send(link->connection, &iov, 1);
    }

    link->state = NGX_HTTP_EIRC_LINK_CLOSED;

    ngx_http_eirc_link_disconnect(link);

    if (link->gone) {
        *link->gone = 1;
        link->gone = NULL;
    }
}


static void
ngx_http_eirc_empty_handler(ngx_event_t *ev)
{
    /* void */
}
