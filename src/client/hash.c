#include "hash.h"

/* the functions without providers: hash.h says why */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

#define BLOCK SHA256_CBLOCK

/* hashes into which a key has gone already, on both sides of HMAC */
typedef struct {
    SHA256_CTX inner;
    SHA256_CTX outer;
} hmac_t;


static void
add(SHA256_CTX *ctx, eirc_slice_t text)
{
    if (text.len > 0) {
        (void) SHA256_Update(ctx, text.p, text.len);
    }
}


void
hash_sha256(uint8_t *out, eirc_slice_t text)
{
    SHA256_CTX ctx;

    (void) SHA256_Init(&ctx);
    add(&ctx, text);
    (void) SHA256_Final(out, &ctx);

    explicit_bzero(&ctx, sizeof(ctx));
}


/* A side of HMAC: the key, filled up with zeros, with each byte changed. */
static void
side_begin(SHA256_CTX *ctx, const uint8_t *key, uint8_t change)
{
    size_t i;
    uint8_t block[BLOCK];

    for (i = 0; i < BLOCK; i++) {
        block[i] = key[i] ^ change;
    }

    (void) SHA256_Init(ctx);
    (void) SHA256_Update(ctx, block, BLOCK);

    explicit_bzero(block, sizeof(block));
}


static void
hmac_begin(hmac_t *h, eirc_slice_t key)
{
    uint8_t block[BLOCK];

    memset(block, 0, BLOCK);

    if (key.len > BLOCK) {
        hash_sha256(block, key);

    } else if (key.len > 0) {
        memcpy(block, key.p, key.len);
    }

    side_begin(&h->inner, block, 0x36);
    side_begin(&h->outer, block, 0x5c);

    explicit_bzero(block, sizeof(block));
}


/* Ends with what has been added to the inner side since the beginning. */
static void
hmac_end(uint8_t *out, SHA256_CTX *inner, const hmac_t *h)
{
    SHA256_CTX outer;

    (void) SHA256_Final(out, inner);

    outer = h->outer;
    (void) SHA256_Update(&outer, out, HASH_SIZE);
    (void) SHA256_Final(out, &outer);

    explicit_bzero(&outer, sizeof(outer));
}


void
hash_hmac(uint8_t *out, eirc_slice_t key, eirc_slice_t text)
{
    hmac_t h;
    SHA256_CTX inner;

    hmac_begin(&h, key);
    inner = h.inner;
    add(&inner, text);
    hmac_end(out, &inner, &h);

    explicit_bzero(&inner, sizeof(inner));
    explicit_bzero(&h, sizeof(h));
}


void
hash_pbkdf2(uint8_t *out, eirc_slice_t secret, eirc_slice_t salt,
            unsigned iterations)
{
    size_t i;
    hmac_t h;
    uint8_t u[HASH_SIZE], sum[HASH_SIZE];
    SHA256_CTX inner;

    hmac_begin(&h, secret);

    inner = h.inner;
    add(&inner, salt);
    add(&inner, EIRC_SLICE("\0\0\0\1"));
    hmac_end(u, &inner, &h);
    memcpy(sum, u, HASH_SIZE);

    while (--iterations > 0) {
        inner = h.inner;
        (void) SHA256_Update(&inner, u, HASH_SIZE);
        hmac_end(u, &inner, &h);

        for (i = 0; i < HASH_SIZE; i++) {
            sum[i] ^= u[i];
        }
    }

    memcpy(out, sum, HASH_SIZE);

    explicit_bzero(&inner, sizeof(inner));
    explicit_bzero(&h, sizeof(h));
    explicit_bzero(u, sizeof(u));
    explicit_bzero(sum, sizeof(sum));
}


bool
hash_equal(const uint8_t *one, const uint8_t *other)
{
    return CRYPTO_memcmp(one, other, HASH_SIZE) == 0;
}
