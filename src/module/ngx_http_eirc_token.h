
/*
 * The zone of tokens as token.c and token_zone.c share it. The functions here
 * are called with the mutex of the zone's slab pool held, but for full().
 * Nobody else includes this header.
 */

#ifndef _NGX_HTTP_EIRC_TOKEN_H_INCLUDED_
#define _NGX_HTTP_EIRC_TOKEN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"


/* what one insertion frees of what has expired */
#define NGX_HTTP_EIRC_TOKEN_EXPIRE    2


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
    uint32_t                      account;   /* hash of user's account */
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


/* An entry that has not expired, or NULL. */
ngx_http_eirc_token_node_t *ngx_http_eirc_token_lookup(
    ngx_http_eirc_token_ctx_t *ctx, u_char *hash);

/* NULL: the zone is full. */
ngx_http_eirc_token_node_t *ngx_http_eirc_token_insert(
    ngx_http_eirc_token_ctx_t *ctx, u_char *hash,
    ngx_http_eirc_token_state_e state);

void ngx_http_eirc_token_delete(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_token_node_t *tn);

/* NGX_OK, or NGX_BUSY: the zone is full. */
ngx_int_t ngx_http_eirc_token_set_user(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_token_node_t *tn, ngx_str_t *user, ngx_str_t *account);

void ngx_http_eirc_token_wipe_user(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_token_node_t *tn);

void ngx_http_eirc_token_set_state(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_token_node_t *tn, ngx_http_eirc_token_state_e state);

/* The time until it expires begins anew. */
void ngx_http_eirc_token_renew(ngx_http_eirc_token_ctx_t *ctx,
    ngx_http_eirc_token_node_t *tn);

/* Frees up to n entries that have expired, and says how many there were. */
ngx_uint_t ngx_http_eirc_token_expire(ngx_http_eirc_token_ctx_t *ctx,
    ngx_uint_t n);

/* Says that the zone is full, but no more than once a second. */
void ngx_http_eirc_token_full(ngx_http_eirc_token_ctx_t *ctx,
    ngx_log_t *log, const char *what);


#endif /* _NGX_HTTP_EIRC_TOKEN_H_INCLUDED_ */
