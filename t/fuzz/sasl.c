/*
 * A server's challenges to each mechanism, split at LF: no answer without a
 * challenge that makes sense, and no server proven that doesn't know the
 * secret.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "eirc_codes.h"
#include "sasl.h"

#define NONCE "rOprNGfwEbeRWgbNEkqO"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* many iterations are many seconds here */
static int
is_slow(eirc_slice_t challenge)
{
    size_t i;

    for (i = 0; i + 6 < challenge.len; i++) {

        if (memcmp(challenge.p + i, "i=", 2) == 0 && challenge.p[i + 6] >= '0'
            && challenge.p[i + 6] <= '9')
        {
            return 1;
        }
    }

    return 0;
}


/* A key for ECDSA-NIST256P-CHALLENGE, made once. */
static const char *
key_make(void)
{
    BIO *bio;
    EVP_PKEY *key;
    static char pem[1024];

    if (pem[0] == '\0') {
        key = EVP_EC_gen("P-256");
        bio = BIO_new(BIO_s_mem());

        if (PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1
            || BIO_read(bio, pem, sizeof(pem) - 1) <= 0)
        {
            abort();
        }

        (void) BIO_free(bio);
        EVP_PKEY_free(key);
    }

    return pem;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int rc;
    sasl_t s;
    size_t len, n;
    const char *why;
    uint8_t *out, *copy;
    const uint8_t *end;
    eirc_sasl_e mechanism;

    if (size == 0) {
        return 0;
    }

    (void) eirc_sasl_set(eirc_slice(data, size));

    mechanism = (eirc_sasl_e) (1 + data[0] % (EIRC_SASL_MECHANISMS - 1));
    sasl_begin(&s, mechanism, EIRC_SLICE("user"),
               mechanism == EIRC_SASL_ECDSA ? eirc_slice_str(key_make())
                                            : EIRC_SLICE("pencil"),
               NONCE);
    data++;
    size--;

    do {
        end = size > 0 ? memchr(data, '\n', size) : NULL;
        n = end == NULL ? size : (size_t) (end - data);

        if (n > SASL_CHALLENGE_MAX || is_slow(eirc_slice(data, n))) {
            return 0;
        }

        copy = malloc(n + 1);
        out = malloc(SASL_ANSWER_MAX);

        if (copy == NULL || out == NULL) {
            abort();
        }

        if (n > 0) {
            memcpy(copy, data, n);
        }

        why = NULL;
        rc = sasl_answer(&s, eirc_slice(copy, n), out, &len, &why);

        if (len > SASL_ANSWER_MAX || (rc == EIRC_OK) != (why == NULL)
            || (rc != EIRC_OK && len != 0))
        {
            abort();
        }

        free(copy);
        free(out);

        n = end == NULL ? size : n + 1;
        data += n;
        size -= n;
    } while (rc == EIRC_OK && size > 0);

    return 0;
}
