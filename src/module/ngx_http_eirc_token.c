
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

#include <openssl/rand.h>
#include <openssl/sha.h>

#include "ngx_http_eirc.h"
#include "ngx_http_eirc_token.h"


/* guesses may fill an eighth of the zone */
#define NGX_HTTP_EIRC_TOKEN_GUESSES   8


/* what the pool's cleanup needs to give a claim back */
typedef struct {
    ngx_http_eirc_token_ctx_t    *ctx;
    ngx_http_eirc_claim_t        *claim;
} ngx_http_eirc_token_cleanup_t;


static ngx_http_eirc_token_ctx_t *ngx_http_eirc_token_ctx(
    ngx_http_request_t *r);
static ngx_http_eirc_token_node_t *ngx_http_eirc_token_held(
    ngx_http_eirc_token_ctx_t *ctx, ngx_http_eirc_claim_t *claim);
static ngx_int_t ngx_http_eirc_token_copy_user(ngx_http_request_t *r,
    ngx_http_eirc_token_ctx_t *ctx, ngx_http_eirc_claim_t *claim, size_t len,
    ngx_str_t *user);
static void ngx_http_eirc_token_give_back(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_claim_t *claim);
static void ngx_http_eirc_token_cleanup(void *data);


uint32_t
ngx_http_eirc_token_account_hash(ngx_str_t *account)
{
    return ngx_crc32_short(account->data, account->len);
}


ngx_int_t
ngx_http_eirc_token_account(ngx_http_request_t *r, ngx_str_t *token,
    uint32_t *account)
{
    u_char                       hash[NGX_HTTP_EIRC_TOKEN_HASH];
    ngx_int_t                    rc;
    ngx_http_eirc_token_ctx_t   *ctx;
    ngx_http_eirc_token_node_t  *tn;

    ctx = ngx_http_eirc_token_ctx(r);

    (void) SHA256(token->data, token->len, hash);

    rc = NGX_DECLINED;

    ngx_shmtx_lock(&ctx->shpool->mutex);

    tn = ngx_http_eirc_token_lookup(ctx, hash);

    if (tn != NULL && tn->user != NULL) {
        *account = tn->account;
        rc = NGX_OK;
    }

    ngx_shmtx_unlock(&ctx->shpool->mutex);

    return rc;
}


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
    ngx_http_eirc_claim_t *claim, ngx_str_t *user, ngx_str_t *account)
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

        rc = ngx_http_eirc_token_set_user(ctx, tn, user, account);

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
    ngx_str_t *account, u_char *token)
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
        rc = ngx_http_eirc_token_set_user(ctx, tn, user, account);

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
