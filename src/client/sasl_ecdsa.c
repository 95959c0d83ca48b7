#include "sasl_ecdsa.h"

#include "eirc_codes.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>


/* There is nobody to ask for a passphrase. */
static int
passphrase_none(char *buf, int size, int rwflag, void *data)
{
    (void) buf;
    (void) size;
    (void) rwflag;
    (void) data;

    return 0;
}


/* NULL: it is none, or one of another kind. */
static EVP_PKEY *
key_read(eirc_slice_t pem)
{
    BIO *bio;
    EVP_PKEY *key;
    size_t len;
    char curve[16];

    bio = BIO_new_mem_buf(pem.p, (int) pem.len);
    key = bio == NULL
              ? NULL
              : PEM_read_bio_PrivateKey(bio, NULL, passphrase_none, NULL);
    (void) BIO_free(bio);

    if (key == NULL || !EVP_PKEY_is_a(key, "EC")
        || EVP_PKEY_get_group_name(key, curve, sizeof(curve), &len) != 1
        || strcmp(curve, "prime256v1") != 0)
    {
        EVP_PKEY_free(key);
        return NULL;
    }

    return key;
}


bool
sasl_ecdsa_usable(eirc_slice_t pem)
{
    EVP_PKEY *key;

    key = key_read(pem);
    EVP_PKEY_free(key);

    return key != NULL;
}


int
sasl_ecdsa_sign(eirc_slice_t pem, eirc_slice_t challenge, uint8_t *out,
                size_t *len)
{
    int ok;
    EVP_PKEY *key;
    EVP_PKEY_CTX *ctx;

    if (challenge.len != SASL_ECDSA_CHALLENGE) {
        return EIRC_ERROR;
    }

    *len = SASL_ECDSA_SIGNATURE;
    key = key_read(pem);
    ctx = key == NULL ? NULL : EVP_PKEY_CTX_new(key, NULL);

    /* the challenge stands in place of a hash */

    ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1
         && EVP_PKEY_sign(ctx, out, len, challenge.p, challenge.len) == 1;

    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);

    return ok ? EIRC_OK : EIRC_ERROR;
}
