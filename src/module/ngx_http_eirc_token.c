
/*
 * The shared zone of tokens. An entry is found by the SHA-256 of its token in
 * a tree, and by age in a queue; both run through the same node. The token
 * itself is never written to the zone.
 *
 *                issue()
 *                   |
 *                   v
 *     +-------> ISSUED  ------ claim() ---+
 *     |          (user)                   |
 *     |                                   v         use()
 *     +------- release() -------------- held -----------------> USED
 *     |                                 ^  ^
 *     |                                 |  |
 *     +-------> VERIFIED --- claim() ---+  |
 *                (user) <--- verify() ---- ASKING <--- claim(), create
 *                                          (held)
 *                                            |
 *                                            +-- release() --> gone
 *
 * An entry is held while its owner isn't 0. Every entry ends when it expires,
 * and none before: a token that was used stays known, and a claim whose
 * worker died stays refused. The queue is in the order of expiry as long as
 * the timeout isn't changed; where a reload changed it, an entry may be freed
 * later, but it counts as gone as soon as it has expired.
 *
 * Everything here runs under the mutex of the zone's slab pool, which is
 * never held across a system call.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "ngx_http_eirc.h"


#define NGX_HTTP_EIRC_TOKEN_ZONE      "eirc"
#define NGX_HTTP_EIRC_TOKEN_SIZE      (10 * 1024 * 1024)
#define NGX_HTTP_EIRC_TOKEN_TIMEOUT   180000

/* the layout of the zone; changed with the structures below */
#define NGX_HTTP_EIRC_TOKEN_LAYOUT    0x65497201

/* guesses may fill an eighth of the zone */
#define NGX_HTTP_EIRC_TOKEN_GUESSES   8

/* what one insertion frees of what has expired, and what it tries at most
 * before it says that the zone is full, at a time */
#define NGX_HTTP_EIRC_TOKEN_EXPIRE    2
#define NGX_HTTP_EIRC_TOKEN_BATCH     64

/* a full zone is logged at most as often, ms */
#define NGX_HTTP_EIRC_TOKEN_QUIET     1000

/* what has expired is wiped at the latest after so long, ms */
#define NGX_HTTP_EIRC_TOKEN_SWEEP     10000


typedef enum {
    NGX_HTTP_EIRC_TOKEN_ISSUED = 0,
    NGX_HTTP_EIRC_TOKEN_ASKING,
    NGX_HTTP_EIRC_TOKEN_VERIFIED,
    NGX_HTTP_EIRC_TOKEN_USED
} ngx_http_eirc_token_state_e;


typedef struct {
    ngx_rbtree_node_t             node;      /* key: first bytes of hash */
    ngx_queue_t                   queue;
    ngx_msec_t                    expire;
    uint64_t                      owner;     /* 0: not held */
    u_char                       *user;      /* JSON object, or NULL */
    uint32_t                      len;       /* of user */
    uint32_t                      state;
    u_char                        hash[NGX_HTTP_EIRC_TOKEN_HASH];
} ngx_http_eirc_token_node_t;


typedef struct {
    ngx_rbtree_t                  rbtree;
    ngx_rbtree_node_t             sentinel;
    ngx_queue_t                   queue;     /* the oldest is the last */

    ngx_uint_t                    layout;
    uint64_t                      owner;     /* the last one given */
    ngx_uint_t                    entries;
    size_t                        guesses;   /* bytes of entries ASKING */

    ngx_msec_t                    logged;
    ngx_uint_t                    refused;   /* since then */
} ngx_http_eirc_token_sh_t;


typedef struct {
    ngx_http_eirc_token_sh_t     *sh;
    ngx_slab_pool_t              *shpool;
    ngx_shm_zone_t               *shm_zone;
    ngx_msec_t                    timeout;
} ngx_http_eirc_token_ctx_t;


/* what the pool's cleanup needs to give a claim back */
typedef struct {
    ngx_http_eirc_token_ctx_t    *ctx;
    ngx_http_eirc_claim_t        *claim;
} ngx_http_eirc_token_cleanup_t;


static ngx_http_eirc_token_ctx_t *ngx_http_eirc_token_ctx(
    ngx_http_request_t *r);
static ngx_http_eirc_token_node_t *ngx_http_eirc_token_lookup(
    ngx_http_eirc_token_ctx_t *ctx, u_char *hash);
static ngx_http_eirc_token_node_t *ngx_http_eirc_token_held(
    ngx_http_eirc_token_ctx_t *ctx, ngx_http_eirc_claim_t *claim);
static ngx_http_eirc_token_node_t *ngx_http_eirc_token_insert(
    ngx_http_eirc_token_ctx_t *ctx, u_char *hash,
    ngx_http_eirc_token_state_e state);
static void ngx_http_eirc_token_delete(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_token_node_t *tn);
static ngx_int_t ngx_http_eirc_token_set_user(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_token_node_t *tn, ngx_str_t *user);
static void ngx_http_eirc_token_wipe_user(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_token_node_t *tn);
static void ngx_http_eirc_token_set_state(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_token_node_t *tn, ngx_http_eirc_token_state_e state);
static void ngx_http_eirc_token_renew(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_token_node_t *tn);
static ngx_int_t ngx_http_eirc_token_expired(ngx_http_eirc_token_node_t *tn);
static ngx_uint_t ngx_http_eirc_token_expire(ngx_http_eirc_token_ctx_t *ctx,
    ngx_uint_t n);
static void *ngx_http_eirc_token_alloc(ngx_http_eirc_token_ctx_t *ctx,
    size_t size);
static void ngx_http_eirc_token_full(ngx_http_eirc_token_ctx_t *ctx,
    ngx_log_t *log, const char *what);
static ngx_int_t ngx_http_eirc_token_copy_user(ngx_http_request_t *r,
    ngx_http_eirc_token_ctx_t *ctx, ngx_http_eirc_claim_t *claim, size_t len,
    ngx_str_t *user);
static void ngx_http_eirc_token_give_back(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_claim_t *claim);
static void ngx_http_eirc_token_cleanup(void *data);
static void ngx_http_eirc_token_sweep(ngx_event_t *ev);
static void ngx_http_eirc_token_insert_value(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_int_t ngx_http_eirc_token_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static char *ngx_http_eirc_token_zone_add(ngx_conf_t *cf, ngx_str_t *name,
    ssize_t size, ngx_msec_t timeout);


static ngx_event_t       ngx_http_eirc_token_sweep_event;
static ngx_connection_t  ngx_http_eirc_token_sweep_dummy;


ngx_int_t
ngx_http_eirc_token_claim(ngx_http_request_t *r, ngx_str_t *token,
    ngx_uint_t create, ngx_http_eirc_claim_t *claim, ngx_str_t *user)
{
    size_t                          len, guesses;
    u_char                          hash[NGX_HTTP_EIRC_TOKEN_HASH];
    ngx_int_t                       rc;
    ngx_uint_t                      entries;
    const char                     *full;
    ngx_pool_cleanup_t             *cln;
    ngx_http_eirc_token_ctx_t      *ctx;
    ngx_http_eirc_token_node_t     *tn;
    ngx_http_eirc_token_cleanup_t  *tc;

    ctx = ngx_http_eirc_token_ctx(r);

    (void) SHA256(token->data, token->len, hash);

    /* from here on nothing may fail once the entry is ours */

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_eirc_token_cleanup_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    tc = cln->data;
    tc->ctx = ctx;
    tc->claim = claim;
    cln->handler = ngx_http_eirc_token_cleanup;

    len = 0;
    full = NULL;

    ngx_shmtx_lock(&ctx->shpool->mutex);

    (void) ngx_http_eirc_token_expire(ctx, NGX_HTTP_EIRC_TOKEN_EXPIRE);

    tn = ngx_http_eirc_token_lookup(ctx, hash);

    if (tn != NULL) {

        if (tn->owner != 0 || tn->user == NULL) {

            /* somebody else's, or used */

            rc = NGX_DECLINED;

        } else {
            len = tn->len;
            rc = NGX_DONE;
        }

    } else if (!create) {
        rc = NGX_DECLINED;

    } else if (ctx->sh->guesses + sizeof(ngx_http_eirc_token_node_t)
               > ctx->shm_zone->shm.size / NGX_HTTP_EIRC_TOKEN_GUESSES)
    {
        full = "share of unverified tokens in";
        rc = NGX_BUSY;

    } else {
        tn = ngx_http_eirc_token_insert(ctx, hash, NGX_HTTP_EIRC_TOKEN_ASKING);

        if (tn == NULL) {
            full = "";
            rc = NGX_BUSY;

        } else {
            rc = NGX_OK;
        }
    }

    if (rc == NGX_OK || rc == NGX_DONE) {
        tn->owner = ++ctx->sh->owner;

        ngx_memcpy(claim->hash, hash, NGX_HTTP_EIRC_TOKEN_HASH);
        claim->owner = tn->owner;
    }

    entries = ctx->sh->entries;
    guesses = ctx->sh->guesses;

    ngx_shmtx_unlock(&ctx->shpool->mutex);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "eirc token claim: %i, zone entries:%ui guesses:%uz",
                   rc, entries, guesses);

    if (full != NULL) {
        ngx_http_eirc_token_full(ctx, r->connection->log, full);
    }

    if (rc == NGX_DONE) {
        return ngx_http_eirc_token_copy_user(r, ctx, claim, len, user);
    }

    return rc;
}


ngx_int_t
ngx_http_eirc_token_verify(ngx_http_request_t *r,
    ngx_http_eirc_claim_t *claim, ngx_str_t *user)
{
    ngx_int_t                    rc;
    ngx_http_eirc_token_ctx_t   *ctx;
    ngx_http_eirc_token_node_t  *tn;

    ctx = ngx_http_eirc_token_ctx(r);

    ngx_shmtx_lock(&ctx->shpool->mutex);

    tn = ngx_http_eirc_token_held(ctx, claim);

    if (tn == NULL) {
        claim->owner = 0;
        rc = NGX_DECLINED;

    } else {
        ngx_http_eirc_token_renew(ctx, tn);

        rc = ngx_http_eirc_token_set_user(ctx, tn, user);

        if (rc == NGX_OK) {
            ngx_http_eirc_token_set_state(ctx, tn,
                                          NGX_HTTP_EIRC_TOKEN_VERIFIED);
        }
    }

    ngx_shmtx_unlock(&ctx->shpool->mutex);

    if (rc == NGX_BUSY) {
        ngx_http_eirc_token_full(ctx, r->connection->log, "");
    }

    return rc;
}


void
ngx_http_eirc_token_use(ngx_http_request_t *r, ngx_http_eirc_claim_t *claim)
{
    ngx_http_eirc_token_ctx_t   *ctx;
    ngx_http_eirc_token_node_t  *tn;

    if (claim->owner == 0) {
        return;
    }

    ctx = ngx_http_eirc_token_ctx(r);

    ngx_shmtx_lock(&ctx->shpool->mutex);

    tn = ngx_http_eirc_token_held(ctx, claim);

    if (tn != NULL) {
        ngx_http_eirc_token_wipe_user(ctx, tn);
        ngx_http_eirc_token_set_state(ctx, tn, NGX_HTTP_EIRC_TOKEN_USED);
        ngx_http_eirc_token_renew(ctx, tn);

        tn->owner = 0;
    }

    ngx_shmtx_unlock(&ctx->shpool->mutex);

    claim->owner = 0;
}


void
ngx_http_eirc_token_release(ngx_http_request_t *r,
    ngx_http_eirc_claim_t *claim)
{
    ngx_http_eirc_token_give_back(ngx_http_eirc_token_ctx(r), claim);
}


ngx_int_t
ngx_http_eirc_token_issue(ngx_http_request_t *r, ngx_str_t *user,
    u_char *token)
{
    size_t                       guesses;
    u_char                       random[32], hash[NGX_HTTP_EIRC_TOKEN_HASH];
    ngx_int_t                    rc;
    ngx_uint_t                   entries;
    ngx_http_eirc_token_ctx_t   *ctx;
    ngx_http_eirc_token_node_t  *tn;

    ctx = ngx_http_eirc_token_ctx(r);

    if (RAND_bytes(random, sizeof(random)) != 1) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "RAND_bytes() failed");
        return NGX_ERROR;
    }

    (void) ngx_hex_dump(token, random, sizeof(random));
    (void) SHA256(token, 2 * sizeof(random), hash);

    ngx_explicit_memzero(random, sizeof(random));

    rc = NGX_BUSY;

    ngx_shmtx_lock(&ctx->shpool->mutex);

    (void) ngx_http_eirc_token_expire(ctx, NGX_HTTP_EIRC_TOKEN_EXPIRE);

    tn = ngx_http_eirc_token_insert(ctx, hash, NGX_HTTP_EIRC_TOKEN_ISSUED);

    if (tn != NULL) {
        rc = ngx_http_eirc_token_set_user(ctx, tn, user);

        if (rc != NGX_OK) {
            ngx_http_eirc_token_delete(ctx, tn);
        }
    }

    entries = ctx->sh->entries;
    guesses = ctx->sh->guesses;

    ngx_shmtx_unlock(&ctx->shpool->mutex);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "eirc token issue: %i, zone entries:%ui guesses:%uz",
                   rc, entries, guesses);

    if (rc != NGX_OK) {
        ngx_explicit_memzero(token, 2 * sizeof(random));
        ngx_http_eirc_token_full(ctx, r->connection->log, "");
    }

    return rc;
}


static ngx_http_eirc_token_ctx_t *
ngx_http_eirc_token_ctx(ngx_http_request_t *r)
{
    ngx_http_eirc_main_conf_t  *emcf;

    emcf = ngx_http_get_module_main_conf(r, ngx_http_eirc_module);

    return emcf->token_zone->data;
}


/* An entry that has not expired, or NULL. */

static ngx_http_eirc_token_node_t *
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


/* The entry of a claim, as long as the claim stands. */

static ngx_http_eirc_token_node_t *
ngx_http_eirc_token_held(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_claim_t *claim)
{
    ngx_http_eirc_token_node_t  *tn;

    if (claim->owner == 0) {
        return NULL;
    }

    tn = ngx_http_eirc_token_lookup(ctx, claim->hash);

    return (tn != NULL && tn->owner == claim->owner) ? tn : NULL;
}


static ngx_http_eirc_token_node_t *
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


static void
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


static ngx_int_t
ngx_http_eirc_token_set_user(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_token_node_t *tn, ngx_str_t *user)
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

    return NGX_OK;
}


/* A user object may hold secrets of the user. */

static void
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


static void
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


static void
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

static ngx_uint_t
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

static void
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


/* Between the locks nobody touches the entry: it is ours. It may expire. */

static ngx_int_t
ngx_http_eirc_token_copy_user(ngx_http_request_t *r,
    ngx_http_eirc_token_ctx_t *ctx, ngx_http_eirc_claim_t *claim, size_t len,
    ngx_str_t *user)
{
    u_char                      *p;
    ngx_int_t                    rc;
    ngx_http_eirc_token_node_t  *tn;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        ngx_http_eirc_token_give_back(ctx, claim);
        return NGX_ERROR;
    }

    rc = NGX_DECLINED;

    ngx_shmtx_lock(&ctx->shpool->mutex);

    tn = ngx_http_eirc_token_held(ctx, claim);

    if (tn != NULL && tn->user != NULL && tn->len == len) {
        ngx_memcpy(p, tn->user, len);
        rc = NGX_DONE;
    }

    ngx_shmtx_unlock(&ctx->shpool->mutex);

    if (rc != NGX_DONE) {
        ngx_http_eirc_token_give_back(ctx, claim);
        return rc;
    }

    user->len = len;
    user->data = p;

    return NGX_DONE;
}


static void
ngx_http_eirc_token_give_back(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_claim_t *claim)
{
    size_t                       guesses;
    ngx_uint_t                   entries;
    ngx_http_eirc_token_node_t  *tn;

    if (claim->owner == 0) {
        return;
    }

    ngx_shmtx_lock(&ctx->shpool->mutex);

    tn = ngx_http_eirc_token_held(ctx, claim);

    if (tn != NULL) {

        if (tn->user != NULL) {
            tn->owner = 0;

        } else {
            ngx_http_eirc_token_delete(ctx, tn);
        }
    }

    entries = ctx->sh->entries;
    guesses = ctx->sh->guesses;

    ngx_shmtx_unlock(&ctx->shpool->mutex);

    claim->owner = 0;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "eirc token release, zone entries:%ui guesses:%uz",
                   entries, guesses);
}


static void
ngx_http_eirc_token_cleanup(void *data)
{
    ngx_http_eirc_token_cleanup_t  *tc = data;

    ngx_http_eirc_token_give_back(tc->ctx, tc->claim);
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

    if (p == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    name.len = p - name.data;

    if (name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone name \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    s.data = p + 1;
    s.len = value[1].data + value[1].len - s.data;

    size = ngx_parse_size(&s);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small", &value[1]);
        return NGX_CONF_ERROR;
    }

    timeout = NGX_HTTP_EIRC_TOKEN_TIMEOUT;

    if (cf->args->nelts == 3) {

        if (ngx_strncmp(value[2].data, "timeout=", 8) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        s.data = value[2].data + 8;
        s.len = value[2].len - 8;

        timeout = ngx_parse_time(&s, 0);

        if (timeout == NGX_ERROR || timeout < 1) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid timeout \"%V\"", &value[2]);
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
