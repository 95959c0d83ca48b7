
/*
 * Links: connections of requests to socket layers, and through them to the
 * processes of sessions (docs/link.md).
 *
 *     WAITING --> WAIT_HELLO --> OPEN --> REQUESTED --> STANDS --> CLOSED
 *        ^            |                       |
 *        +------------+-----------------------+
 *                        the layer went away before it said anything
 *
 * WAITING has no connection: the layer is being started, or its backlog is
 * full. A layer that this worker watches has said HELLO to the watch, and is
 * not waited for in WAIT_HELLO. In OPEN nothing is asked yet, in REQUESTED the
 * process is awaited. What goes out over a link is in link_output.c. A layer
 * that goes away takes no link with it: those that stand are the processes'.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "eirc_prefetch.h"
#include "ngx_http_eirc_link.h"


/* retry of connect() when the backlog of a layer is full, ms */
#define NGX_HTTP_EIRC_LINK_BACKLOG     10

/* records read from one link before others have their turn */
#define NGX_HTTP_EIRC_LINK_BATCH       16


static void ngx_http_eirc_link_timer_handler(ngx_event_t *ev);
static void ngx_http_eirc_link_prefetch(ngx_http_eirc_link_t *link);
static void ngx_http_eirc_link_read_handler(ngx_event_t *rev);
static void ngx_http_eirc_link_write_handler(ngx_event_t *wev);
static void ngx_http_eirc_link_record(ngx_http_eirc_link_t *link, ssize_t n);
static void ngx_http_eirc_link_greeted(ngx_http_eirc_link_t *link, ssize_t n);
static void ngx_http_eirc_link_answered(ngx_http_eirc_link_t *link,
    eirc_link_header_t *h, size_t len);
static void ngx_http_eirc_link_read_ready(ngx_http_eirc_link_t *link,
    eirc_link_header_t *h, size_t len);
static void ngx_http_eirc_link_read_resumed(ngx_http_eirc_link_t *link,
    size_t len);
static void ngx_http_eirc_link_read_lines(ngx_http_eirc_link_t *link,
    eirc_link_header_t *h, size_t len);
static void ngx_http_eirc_link_violation(ngx_http_eirc_link_t *link,
    const char *what);
static void ngx_http_eirc_link_lost(ngx_http_eirc_link_t *link);
static void ngx_http_eirc_link_end(ngx_http_eirc_link_t *link,
    ngx_uint_t reason, u_char *text, size_t len);


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
     *     link->confirmed = 0;
     *     link->nwarm = 0;
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


void
ngx_http_eirc_link_take_full(ngx_http_eirc_link_t *link)
{
    link->full_too = 1;
}


void
ngx_http_eirc_link_connect(ngx_http_eirc_link_t *link)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_http_eirc_layer_t  *layer;

    layer = link->layer;
    link->state = NGX_HTTP_EIRC_LINK_WAITING;

    rc = ngx_http_eirc_record_socket(layer, link->log, &c);

    switch (rc) {

    case NGX_OK:
        c->data = link;
        c->read->handler = ngx_http_eirc_link_read_handler;
        c->write->handler = ngx_http_eirc_link_write_handler;

        link->connection = c;
        link->state = NGX_HTTP_EIRC_LINK_WAIT_HELLO;
        link->broken = 0;
        link->unheard = 1;
        link->early = layer->up && !link->any && !link->again;

        if (link->early) {

            if (link->timer.timer_set) {
                ngx_del_timer(&link->timer);
            }

            ngx_post_event(c->write, &ngx_posted_events);
            return;
        }

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

        ngx_http_eirc_watch_hurry(layer);

        return;

    default:
        break;
    }

    ngx_http_eirc_link_give_up(link);
}


void
ngx_http_eirc_link_give_up(ngx_http_eirc_link_t *link)
{
    link->deadline = ngx_current_msec;
    ngx_http_eirc_link_wait(link, 1);
}


void
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


void
ngx_http_eirc_link_warm(ngx_http_eirc_link_t *link, const void *p)
{
    if (link->nwarm < NGX_HTTP_EIRC_LINK_WARM) {
        link->warm[link->nwarm++] = p;
    }
}


/*
 * Of a session that was silent nothing is in a cache, and each step to what
 * the next one needs would wait for it: all of it comes at one time, while the
 * kernel gives out the record.
 */

static void
ngx_http_eirc_link_prefetch(ngx_http_eirc_link_t *link)
{
    ngx_uint_t  i;

    eirc_prefetch(link, sizeof(ngx_http_eirc_link_t));

    for (i = 0; i < link->nwarm; i++) {
        eirc_prefetch(link->warm[i], 1);
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

    ngx_http_eirc_link_prefetch(link);

    gone = 0;
    link->gone = &gone;

    for (i = 0; !link->paused; i++) {

        if (i == NGX_HTTP_EIRC_LINK_BATCH) {
            ngx_post_event(rev, &ngx_posted_next_events);
            break;
        }

        n = ngx_http_eirc_record_recv(c);

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
    ngx_int_t              rc;
    ngx_connection_t      *c;
    ngx_http_eirc_link_t  *link;

    c = wev->data;
    link = c->data;

    if (link->early && link->state == NGX_HTTP_EIRC_LINK_WAIT_HELLO) {
        link->state = NGX_HTTP_EIRC_LINK_OPEN;
        link->handler->open(link);
        return;
    }

    rc = ngx_http_eirc_link_flush(link);

    if (rc == NGX_ERROR) {
        ngx_http_eirc_link_lost(link);
        return;
    }

    if (rc == NGX_OK && link->blocked) {
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

    if (eirc_link_header_read(&h, ngx_http_eirc_record_buffer, n) != EIRC_OK) {
        ngx_http_eirc_link_violation(link, "a malformed record");
        return;
    }

    /* a request that was there before HELLO has its answer without it */

    if (link->unheard) {
        link->unheard = 0;

        if (h.type == EIRC_LINK_HELLO
            || link->state == NGX_HTTP_EIRC_LINK_WAIT_HELLO)
        {
            ngx_http_eirc_link_greeted(link, n);
            return;
        }
    }

    len = n - EIRC_LINK_HEADER_SIZE;

    switch (link->state) {

    case NGX_HTTP_EIRC_LINK_REQUESTED:
        ngx_http_eirc_link_answered(link, &h, len);
        return;

    case NGX_HTTP_EIRC_LINK_STANDS:

        switch (h.type) {

        case EIRC_LINK_LINES:
            ngx_http_eirc_link_read_lines(link, &h, len);
            return;

        case EIRC_LINK_END:
            ngx_http_eirc_link_end(link, h.value, ngx_http_eirc_record_buffer
                                   + EIRC_LINK_HEADER_SIZE, len);
            return;

        /* what a successor says that does not know whether it was said */

        case EIRC_LINK_READY:
            if (h.flags & EIRC_LINK_READY_RESET) {
                ngx_http_eirc_link_read_ready(link, &h, len);
            }

            return;

        case EIRC_LINK_RESUMED:
            return;
        }

        break;

    default: /* NGX_HTTP_EIRC_LINK_OPEN */

        if (h.type == EIRC_LINK_REFUSED) {
            ngx_http_eirc_link_end(link, h.value, ngx_http_eirc_record_buffer
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

    if (ngx_http_eirc_record_hello(link->layer, n, &full, &why) != NGX_OK) {
        ngx_http_eirc_link_violation(link, why);
        return;
    }

    if (link->state != NGX_HTTP_EIRC_LINK_WAIT_HELLO) {
        return;
    }

    if (full && !link->full_too) {
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
    switch (h->type) {

    case EIRC_LINK_READY:

        /* in answer to RESUME: nothing but that the state is lost */

        if (link->resuming && !(h->flags & EIRC_LINK_READY_RESET)) {
            break;
        }

        ngx_http_eirc_link_read_ready(link, h, len);
        return;

    case EIRC_LINK_RESUMED:
        if (!link->resuming) {
            break;
        }

        ngx_http_eirc_link_read_resumed(link, len);
        return;

    case EIRC_LINK_REFUSED:
    case EIRC_LINK_END:
        ngx_http_eirc_link_end(link, h->value, ngx_http_eirc_record_buffer
                               + EIRC_LINK_HEADER_SIZE, len);
        return;

    default:
        break;
    }

    ngx_http_eirc_link_violation(link, "no answer to the request");
}


/* READY: the session stands, or has lost its state (docs/link.md, 3). */

static void
ngx_http_eirc_link_read_ready(ngx_http_eirc_link_t *link,
    eirc_link_header_t *h, size_t len)
{
    u_char    id[EIRC_LINK_ID_MAX];
    uint32_t  layer;

    ngx_memcpy(id, ngx_http_eirc_record_buffer + EIRC_LINK_HEADER_SIZE, len);

    if (eirc_link_id_read((const char *) id, len, &layer) != EIRC_OK) {
        ngx_http_eirc_link_violation(link, "a malformed ID");
        return;
    }

    if (h->flags & EIRC_LINK_READY_RESET) {

        if (link->resets == EIRC_LINK_RESETS_MAX) {
            ngx_http_eirc_link_violation(link, "a lost state once too often");
            return;
        }

        link->resets++;
        link->received = 0;
        link->sent = 0;
        link->confirmed = 0;
        link->confirm_due = 0;
        link->reset_due = 1;

        if (ngx_http_eirc_link_flush(link) == NGX_ERROR) {
            ngx_http_eirc_link_lost(link);
            return;
        }
    }

    if (link->state == NGX_HTTP_EIRC_LINK_STANDS) {
        link->handler->reset(link, id, len);
        return;
    }

    ngx_del_timer(&link->timer);

    /* READY is followed by an answer to the browser, and that by lines */

    link->state = NGX_HTTP_EIRC_LINK_STANDS;
    link->handler->ready(link, id, len);
}


static void
ngx_http_eirc_link_read_resumed(ngx_http_eirc_link_t *link, size_t len)
{
    eirc_link_resumed_t  resumed;

    if (eirc_link_resumed_read(&resumed, ngx_http_eirc_record_buffer,
                               EIRC_LINK_HEADER_SIZE + len)
        != EIRC_OK
        || (!(resumed.flags & EIRC_LINK_GAP)
            && resumed.lines != link->received))
    {
        ngx_http_eirc_link_violation(link, "a malformed answer to RESUME");
        return;
    }

    ngx_del_timer(&link->timer);

    link->received = resumed.lines;
    link->sent = resumed.messages;

    link->state = NGX_HTTP_EIRC_LINK_STANDS;
    link->handler->resumed(link, &resumed);
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

    first = ngx_http_eirc_record_buffer + EIRC_LINK_HEADER_SIZE;
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
                  "the other end of a link sent %s (socket layer %ui)",
                  what, link->layer->index);

    ngx_http_eirc_link_end(link, EIRC_LINK_FAILED, text, sizeof(text) - 1);
}


/* The end of file, or an error, before anything was said about an end. */

static void
ngx_http_eirc_link_lost(ngx_http_eirc_link_t *link)
{
    static u_char  layer[] = "the socket layer has gone";
    static u_char  process[] = "the process has gone";

    if (link->state == NGX_HTTP_EIRC_LINK_REQUESTED && link->unheard) {

        /* nobody has the request, or else this end were open */

        link->again = 1;
        link->deadline = ngx_current_msec + NGX_HTTP_EIRC_LINK_OPEN_TIME;
        link->state = NGX_HTTP_EIRC_LINK_WAIT_HELLO;
    }

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


void
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
