
/*
 * Socket layers, as a worker sees them. It keeps one watch connection to each
 * (docs/link.md, 3), whose end of file says that the layer is gone; then
 * spawn.c is asked for another. Links that find nobody there wait here until
 * the watch connection stands.
 *
 *     (timer) --> connect() --> HELLO --> WATCH sent, up --> (end of file)
 *        ^            |           |                               |
 *        +-- refused: spawn ------+------------- at once ---------+
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "ngx_http_eirc_link.h"


static ngx_http_eirc_layers_t *ngx_http_eirc_watch_create(
    ngx_http_eirc_main_conf_t *emcf, ngx_cycle_t *cycle);
static void ngx_http_eirc_watch_start(ngx_http_eirc_layer_t *layer);
static void ngx_http_eirc_watch_retry(ngx_http_eirc_layer_t *layer,
    ngx_uint_t failed);
static void ngx_http_eirc_watch_timer_handler(ngx_event_t *ev);
static void ngx_http_eirc_watch_read_handler(ngx_event_t *rev);
static void ngx_http_eirc_watch_close(ngx_http_eirc_layer_t *layer);
static void ngx_http_eirc_watch_up(ngx_http_eirc_layer_t *layer);
static void ngx_http_eirc_watch_fail_links(ngx_http_eirc_layer_t *layer);


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

    layers = ngx_http_eirc_watch_create(emcf, cycle);
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
ngx_http_eirc_watch_create(ngx_http_eirc_main_conf_t *emcf,
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

    if (n == NGX_CONF_UNSET) {

        /* of layers that somebody else starts, one is expected */

        ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                               ngx_core_module);

        n = (emcf->client_unix || !ccf->master) ? 1 : ccf->worker_processes;
    }

    return ngx_min(n, NGX_HTTP_EIRC_MAX_LAYERS);
}


static void
ngx_http_eirc_watch_start(ngx_http_eirc_layer_t *layer)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    if (layer->connection || ngx_exiting || ngx_quit || ngx_terminate) {
        return;
    }

    rc = ngx_http_eirc_record_socket(layer, ngx_cycle->log, &c);

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

    n = ngx_http_eirc_record_recv(c);

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
        || ngx_http_eirc_record_hello(layer, n, &full, &why) != NGX_OK)
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

    if (ngx_http_eirc_record_send(c, &iov, 1) != NGX_OK) {
        ngx_http_eirc_watch_close(layer);
        ngx_http_eirc_watch_retry(layer, 0);
        return;
    }

    ngx_http_eirc_watch_up(layer);

    /* where events are no edges its end is waited for with nothing unread */

    if (layer->connection == c) {
        ngx_post_event(rev, &ngx_posted_events);
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


/* Nobody waits for what will not come. */

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

        ngx_http_eirc_link_give_up(link);
    }
}


void
ngx_http_eirc_watch_hurry(ngx_http_eirc_layer_t *layer)
{
    /* the watch may still hold a connection whose end it has not seen */

    if (layer->connection == NULL) {
        layer->delay = NGX_HTTP_EIRC_LINK_RETRY_MIN;
        ngx_add_timer(&layer->timer, 1);
    }
}
