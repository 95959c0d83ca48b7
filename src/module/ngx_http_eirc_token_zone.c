
/*
 * The memory of tokens: entries in a tree and in a queue, their expiry, and
 * the zone itself over reloads. What the entries mean is token.c's.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/crypto.h>

#include "ngx_http_eirc.h"
#include "ngx_http_eirc_token.h"


#define NGX_HTTP_EIRC_TOKEN_ZONE      "eirc"
#define NGX_HTTP_EIRC_TOKEN_SIZE      (10 * 1024 * 1024)
#define NGX_HTTP_EIRC_TOKEN_TIMEOUT   180000

/* the layout of the zone; changed with its structures */
#define NGX_HTTP_EIRC_TOKEN_LAYOUT    0x65497202

/* what is freed at a time where many may have expired */
#define NGX_HTTP_EIRC_TOKEN_BATCH     64

/* a full zone is logged at most as often, ms */
#define NGX_HTTP_EIRC_TOKEN_QUIET     1000

/* what has expired is wiped at the latest after so long, ms */
#define NGX_HTTP_EIRC_TOKEN_SWEEP     10000


static ngx_int_t ngx_http_eirc_token_expired(ngx_http_eirc_token_node_t *tn);
static void *ngx_http_eirc_token_alloc(ngx_http_eirc_token_ctx_t *ctx,
    size_t size);
static void ngx_http_eirc_token_sweep(ngx_event_t *ev);
static void ngx_http_eirc_token_insert_value(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_int_t ngx_http_eirc_token_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static char *ngx_http_eirc_token_zone_add(ngx_conf_t *cf, ngx_str_t *name,
    ssize_t size, ngx_msec_t timeout);


static ngx_event_t       ngx_http_eirc_token_sweep_event;
static ngx_connection_t  ngx_http_eirc_token_sweep_dummy;


/* An entry that has not expired, or NULL. */

ngx_http_eirc_token_node_t *
ngx_http_eirc_token_lookup(ngx_http_eirc_token_ctx_t *ctx, u_char *hash)
{
    ngx_rbtree_key_t             key;
    ngx_rbtree_node_t           *node, *sentinel;
    ngx_http_eirc_token_node_t  *tn;

    ngx_memcpy(&key, hash, sizeof(ngx_rbtree_key_t));

    node = ctx->sh->rbtree.root;
    sentinel = ctx->sh->rbtree.sentinel;

    while (node != sentinel) {

        if (key != node->key) {
            node = (key < node->key) ? node->left : node->right;
            continue;
        }

        tn = (ngx_http_eirc_token_node_t *) node;

        if (CRYPTO_memcmp(hash, tn->hash, NGX_HTTP_EIRC_TOKEN_HASH) == 0) {

            if (ngx_http_eirc_token_expired(tn)) {
                ngx_http_eirc_token_delete(ctx, tn);
                return NULL;
            }

            return tn;
        }

        node = (ngx_memcmp(hash, tn->hash, NGX_HTTP_EIRC_TOKEN_HASH) < 0)
               ? node->left : node->right;
    }

    return NULL;
}


ngx_http_eirc_token_node_t *
ngx_http_eirc_token_insert(ngx_http_eirc_token_ctx_t *ctx, u_char *hash,
    ngx_http_eirc_token_state_e state)
{
    ngx_http_eirc_token_node_t  *tn;

    tn = ngx_http_eirc_token_alloc(ctx, sizeof(ngx_http_eirc_token_node_t));
    if (tn == NULL) {
        return NULL;
    }

    ngx_memcpy(&tn->node.key, hash, sizeof(ngx_rbtree_key_t));
    ngx_memcpy(tn->hash, hash, NGX_HTTP_EIRC_TOKEN_HASH);

    tn->expire = ngx_current_msec + ctx->timeout;
    tn->owner = 0;
    tn->user = NULL;
    tn->len = 0;
    tn->state = NGX_HTTP_EIRC_TOKEN_ISSUED;

    ngx_rbtree_insert(&ctx->sh->rbtree, &tn->node);
    ngx_queue_insert_head(&ctx->sh->queue, &tn->queue);

    ctx->sh->entries++;

    ngx_http_eirc_token_set_state(ctx, tn, state);

    return tn;
}


void
ngx_http_eirc_token_delete(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_token_node_t *tn)
{
    ngx_http_eirc_token_set_state(ctx, tn, NGX_HTTP_EIRC_TOKEN_USED);
    ngx_http_eirc_token_wipe_user(ctx, tn);

    ngx_queue_remove(&tn->queue);
    ngx_rbtree_delete(&ctx->sh->rbtree, &tn->node);

    ctx->sh->entries--;

    ngx_slab_free_locked(ctx->shpool, tn);
}


ngx_int_t
ngx_http_eirc_token_set_user(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_token_node_t *tn, ngx_str_t *user, ngx_str_t *account)
{
    u_char  *p;

    p = ngx_http_eirc_token_alloc(ctx, user->len);
    if (p == NULL) {
        return NGX_BUSY;
    }

    ngx_http_eirc_token_wipe_user(ctx, tn);

    ngx_memcpy(p, user->data, user->len);

    tn->user = p;
    tn->len = (uint32_t) user->len;
    tn->account = ngx_http_eirc_token_account_hash(account);

    return NGX_OK;
}


/* A user object may hold secrets of the user. */

void
ngx_http_eirc_token_wipe_user(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_token_node_t *tn)
{
    if (tn->user == NULL) {
        return;
    }

    ngx_explicit_memzero(tn->user, tn->len);
    ngx_slab_free_locked(ctx->shpool, tn->user);

    tn->user = NULL;
    tn->len = 0;
}


void
ngx_http_eirc_token_set_state(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_token_node_t *tn, ngx_http_eirc_token_state_e state)
{
    if (tn->state == NGX_HTTP_EIRC_TOKEN_ASKING) {
        ctx->sh->guesses -= sizeof(ngx_http_eirc_token_node_t);
    }

    tn->state = state;

    if (tn->state == NGX_HTTP_EIRC_TOKEN_ASKING) {
        ctx->sh->guesses += sizeof(ngx_http_eirc_token_node_t);
    }
}


void
ngx_http_eirc_token_renew(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_token_node_t *tn)
{
    tn->expire = ngx_current_msec + ctx->timeout;

    ngx_queue_remove(&tn->queue);
    ngx_queue_insert_head(&ctx->sh->queue, &tn->queue);
}


/* ngx_current_msec is monotonic and the same in all processes; it may wrap */

static ngx_int_t
ngx_http_eirc_token_expired(ngx_http_eirc_token_node_t *tn)
{
    return (ngx_msec_int_t) (ngx_current_msec - tn->expire) >= 0;
}


/* Frees up to n entries that have expired, and says how many there were. */

ngx_uint_t
ngx_http_eirc_token_expire(ngx_http_eirc_token_ctx_t *ctx, ngx_uint_t n)
{
    ngx_uint_t                   i;
    ngx_queue_t                 *q;
    ngx_http_eirc_token_node_t  *tn;

    for (i = 0; i < n; i++) {

        if (ngx_queue_empty(&ctx->sh->queue)) {
            break;
        }

        q = ngx_queue_last(&ctx->sh->queue);

        tn = ngx_queue_data(q, ngx_http_eirc_token_node_t, queue);

        if (!ngx_http_eirc_token_expired(tn)) {
            break;
        }

        ngx_http_eirc_token_delete(ctx, tn);
    }

    return i;
}


/*
 * Never at the cost of an entry that has not expired. The caller's own entry
 * is safe: it is young, or was looked up just now.
 */

static void *
ngx_http_eirc_token_alloc(ngx_http_eirc_token_ctx_t *ctx, size_t size)
{
    void  *p;

    for ( ;; ) {
        p = ngx_slab_alloc_locked(ctx->shpool, size);

        if (p != NULL
            || ngx_http_eirc_token_expire(ctx, NGX_HTTP_EIRC_TOKEN_BATCH) == 0)
        {
            return p;
        }
    }
}


/* Says that the zone is full, but no more than once a second. */

void
ngx_http_eirc_token_full(ngx_http_eirc_token_ctx_t *ctx, ngx_log_t *log,
    const char *what)
{
    ngx_uint_t  n;

    n = 0;

    ngx_shmtx_lock(&ctx->shpool->mutex);

    ctx->sh->refused++;

    if (ngx_current_msec - ctx->sh->logged >= NGX_HTTP_EIRC_TOKEN_QUIET) {
        n = ctx->sh->refused;

        ctx->sh->logged = ngx_current_msec;
        ctx->sh->refused = 0;
    }

    ngx_shmtx_unlock(&ctx->shpool->mutex);

    if (n != 0) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "%s%seirc_token_zone \"%V\" is full, refused: %ui",
                      what, *what ? " " : "", &ctx->shm_zone->shm.name, n);
    }
}


/*
 * Entries are freed as others come; where none come, a timer of every worker
 * sees to it that no user object stays for longer than it may.
 */

ngx_int_t
ngx_http_eirc_token_init_process(ngx_cycle_t *cycle)
{
    ngx_event_t                *ev;
    ngx_http_eirc_main_conf_t  *emcf;

    emcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_eirc_module);

    if (emcf == NULL || emcf->token_zone == NULL) {
        return NGX_OK;
    }

    ev = &ngx_http_eirc_token_sweep_event;

    ngx_http_eirc_token_sweep_dummy.fd = (ngx_socket_t) -1;

    ngx_memzero(ev, sizeof(ngx_event_t));

    ev->handler = ngx_http_eirc_token_sweep;
    ev->data = &ngx_http_eirc_token_sweep_dummy;
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_http_eirc_token_sweep_dummy.data = emcf->token_zone->data;

    ngx_add_timer(ev, NGX_HTTP_EIRC_TOKEN_SWEEP);

    return NGX_OK;
}


static void
ngx_http_eirc_token_sweep(ngx_event_t *ev)
{
    size_t                      guesses;
    ngx_uint_t                  n, entries;
    ngx_connection_t           *c;
    ngx_http_eirc_token_ctx_t  *ctx;

    c = ev->data;
    ctx = c->data;

    do {
        ngx_shmtx_lock(&ctx->shpool->mutex);

        n = ngx_http_eirc_token_expire(ctx, NGX_HTTP_EIRC_TOKEN_BATCH);

        entries = ctx->sh->entries;
        guesses = ctx->sh->guesses;

        ngx_shmtx_unlock(&ctx->shpool->mutex);

        ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ev->log, 0,
                       "eirc token sweep: %ui, zone entries:%ui guesses:%uz",
                       n, entries, guesses);

    } while (n == NGX_HTTP_EIRC_TOKEN_BATCH);

    ngx_add_timer(ev, NGX_HTTP_EIRC_TOKEN_SWEEP);
}


static void
ngx_http_eirc_token_insert_value(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t           **p;
    ngx_http_eirc_token_node_t   *tn, *tnt;

    for ( ;; ) {

        if (node->key != temp->key) {
            p = (node->key < temp->key) ? &temp->left : &temp->right;

        } else {
            tn = (ngx_http_eirc_token_node_t *) node;
            tnt = (ngx_http_eirc_token_node_t *) temp;

            p = (ngx_memcmp(tn->hash, tnt->hash, NGX_HTTP_EIRC_TOKEN_HASH) < 0)
                ? &temp->left : &temp->right;
        }

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


static ngx_int_t
ngx_http_eirc_token_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_eirc_token_ctx_t  *octx = data;

    size_t                      len;
    ngx_http_eirc_token_ctx_t  *ctx;

    ctx = shm_zone->data;

    if (octx) {
        ctx->sh = octx->sh;
        ctx->shpool = octx->shpool;

        goto check;
    }

    ctx->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        ctx->sh = ctx->shpool->data;

        goto check;
    }

    ctx->sh = ngx_slab_calloc(ctx->shpool, sizeof(ngx_http_eirc_token_sh_t));
    if (ctx->sh == NULL) {
        return NGX_ERROR;
    }

    ctx->shpool->data = ctx->sh;

    ngx_rbtree_init(&ctx->sh->rbtree, &ctx->sh->sentinel,
                    ngx_http_eirc_token_insert_value);

    ngx_queue_init(&ctx->sh->queue);

    ctx->sh->layout = NGX_HTTP_EIRC_TOKEN_LAYOUT;
    ctx->sh->logged = ngx_current_msec - NGX_HTTP_EIRC_TOKEN_QUIET;

    len = sizeof(" in eirc_token_zone \"\"") + shm_zone->shm.name.len;

    ctx->shpool->log_ctx = ngx_slab_alloc(ctx->shpool, len);
    if (ctx->shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(ctx->shpool->log_ctx, " in eirc_token_zone \"%V\"%Z",
                &shm_zone->shm.name);

    ctx->shpool->log_nomem = 0;

    return NGX_OK;

check:

    if (ctx->sh == NULL || ctx->sh->layout != NGX_HTTP_EIRC_TOKEN_LAYOUT) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "eirc_token_zone \"%V\" was laid out by another version "
                      "of the module, give it another name or restart nginx",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


char *
ngx_http_eirc_token_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_main_conf_t *emcf = conf;

    u_char                     *p;
    ssize_t                     size;
    ngx_str_t                  *value, name, s;
    ngx_int_t                   timeout;

    if (emcf->token_zone) {
        return "is duplicate";
    }

    value = cf->args->elts;

    name.data = value[1].data;

    p = (u_char *) ngx_strchr(name.data, ':');

    name.len = p ? (size_t) (p - name.data) : 0;

    if (name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no name in zone \"%V\" of \"eirc_token_zone\", "
                           "write \"NAME:SIZE\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    s.data = p + 1;
    s.len = value[1].data + value[1].len - s.data;

    size = ngx_parse_size(&s);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" of \"eirc_token_zone\", "
                           "write a number of bytes, with \"k\" or \"m\"",
                           &s);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" of \"eirc_token_zone\" is too small, "
                           "it needs %uz bytes at least",
                           &value[1], (size_t) (8 * ngx_pagesize));
        return NGX_CONF_ERROR;
    }

    timeout = NGX_HTTP_EIRC_TOKEN_TIMEOUT;

    if (cf->args->nelts == 3) {

        if (ngx_strncmp(value[2].data, "timeout=", 8) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of "
                               "\"eirc_token_zone\", there is \"timeout=\"",
                               &value[2]);
            return NGX_CONF_ERROR;
        }

        s.data = value[2].data + 8;
        s.len = value[2].len - 8;

        timeout = ngx_parse_time(&s, 0);

        if (timeout == NGX_ERROR || timeout < 1) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"%V\" of \"eirc_token_zone\", write "
                               "a time above 0, as \"timeout=3m\"",
                               &value[2]);
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_eirc_token_zone_add(cf, &name, size,
                                        (ngx_msec_t) timeout);
}


ngx_int_t
ngx_http_eirc_token_zone_default(ngx_conf_t *cf)
{
    ngx_http_eirc_main_conf_t  *emcf;

    ngx_str_t  name = ngx_string(NGX_HTTP_EIRC_TOKEN_ZONE);

    emcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_eirc_module);

    if (emcf->token_zone) {
        return NGX_OK;
    }

    if (ngx_http_eirc_token_zone_add(cf, &name, NGX_HTTP_EIRC_TOKEN_SIZE,
                                     NGX_HTTP_EIRC_TOKEN_TIMEOUT)
        != NGX_CONF_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static char *
ngx_http_eirc_token_zone_add(ngx_conf_t *cf, ngx_str_t *name, ssize_t size,
    ngx_msec_t timeout)
{
    ngx_http_eirc_main_conf_t  *emcf;
    ngx_http_eirc_token_ctx_t  *ctx;

    emcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_eirc_module);

    ctx = ngx_pcalloc(cf->pool, sizeof(ngx_http_eirc_token_ctx_t));
    if (ctx == NULL) {
        return NGX_CONF_ERROR;
    }

    emcf->token_zone = ngx_shared_memory_add(cf, name, size,
                                             &ngx_http_eirc_module);
    if (emcf->token_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    ctx->shm_zone = emcf->token_zone;
    ctx->timeout = timeout;

    emcf->token_timeout = timeout;
    emcf->token_zone->init = ngx_http_eirc_token_init_zone;
    emcf->token_zone->data = ctx;

    return NGX_CONF_OK;
}
