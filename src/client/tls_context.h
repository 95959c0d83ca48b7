/*
 * What a relay knows of its one server: the files that were named, loaded
 * once, and the rules by which a certificate is taken. What fails is said in
 * words that a user may read.
 */

#ifndef _TLS_CONTEXT_H_INCLUDED_
#define _TLS_CONTEXT_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#include "eirc_link.h"
#include "tls_lib.h"

#define TLS_CONTEXT_WORDS 400

typedef struct {
    SSL_CTX *ssl;
    uint8_t plain;  /* flag: there is no TLS */
    uint8_t verify; /* flag: the chain of certificates counts */
    uint8_t npins;
    uint8_t pins[EIRC_LINK_PINS_MAX * EIRC_LINK_PIN_SIZE];
    char host[EIRC_LINK_HOST_MAX + 1];
    char name[EIRC_LINK_HOST_MAX + 8]; /* "host port" */
    char words[TLS_CONTEXT_WORDS];     /* why there is no ssl */
} tls_context_t;

/* Loads OpenSSL and the files; c->ssl is NULL, and c->words says why, where
 * that fails. */
void tls_context_make(tls_context_t *c, const eirc_link_server_t *server,
                      const eirc_link_tls_t *tls);

/* A connection to begin on that descriptor, or NULL. */
SSL *tls_context_connect(const tls_context_t *c, int fd);

/* The handshake is done: EIRC_OK, or EIRC_ERROR with words. */
int tls_context_judge(const tls_context_t *c, const SSL *ssl, char *words);

/* The words for a handshake that failed; errno is that of the failed call. */
void tls_context_failed(const tls_context_t *c, const SSL *ssl, int error,
                        char *words);

/* Is a digest one of the fingerprints? */
int tls_context_pinned(const tls_context_t *c, const uint8_t *digest);

#endif /* _TLS_CONTEXT_H_INCLUDED_ */
