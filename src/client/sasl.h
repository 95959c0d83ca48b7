/*
 * SASL mechanisms: what a client answers to the challenges of a server, and
 * whether the server has proven itself. Bytes in, bytes out; lines, base64
 * and numerics are login.c's. Names and secrets are taken as they are: SASLprep
 * (RFC 4013) leaves printable ASCII alone, and for anything else servers
 * differ in what they do, so that the bytes go over as the application gave
 * them; control characters, which it forbids, are refused for SCRAM. No
 * I/O.
 */

#ifndef _SASL_H_INCLUDED_
#define _SASL_H_INCLUDED_

#include <stdbool.h>
#include <stdint.h>

#include "eirc_limits.h"
#include "eirc_sasl.h"
#include "eirc_slice.h"
#include "hash.h"

#define SASL_SECRET_MAX EIRC_SASL_SECRET_MAX

/* a challenge, before base64: nonces and salts have some dozen bytes */
#define SASL_CHALLENGE_MAX 1200

/* an answer: the longest is PLAIN's, or SCRAM's with the nonce of the server */
#define SASL_ANSWER_MAX (SASL_CHALLENGE_MAX + 256)

/* how often a server may have a password hashed: RFC 7677, 4 names the least;
 * the most takes about half a second */
#define SASL_ITERATIONS_MIN 4096
#define SASL_ITERATIONS_MAX 1000000

#define SASL_NONCE_MAX 32

/* an ECDSA signature */
#define SASL_SIGNATURE_MAX 72

/*
 *    FIRST --> PROOF --> VERIFY --> DONE      SCRAM-SHA-256
 *      |         |                  ^
 *      |         +------------------+       ECDSA-NIST256P-CHALLENGE
 *      +----------------------------+       the others
 */
typedef enum {
    SASL_FIRST = 0,
    SASL_PROOF,
    SASL_VERIFY,
    SASL_DONE
} sasl_step_e;

typedef struct {
    eirc_sasl_e mechanism;
    sasl_step_e step;
    eirc_slice_t name;
    eirc_slice_t secret;
    char nonce[SASL_NONCE_MAX + 1];
    uint8_t signature[HASH_SIZE]; /* what the server has to know */
} sasl_t;

/* Signs a challenge with a key: EIRC_OK and *len bytes, or EIRC_ERROR. */
typedef int (*sasl_sign_pt)(eirc_slice_t key, eirc_slice_t challenge,
                            uint8_t *out, size_t *len);

/* What signs for ECDSA-NIST256P-CHALLENGE from now on; without it there is no
 * such signature. A worker has no key for it, and none of the code. */
void sasl_sign_with(sasl_sign_pt with);

/* Begins; name, secret and nonce (printable, without a comma, for SCRAM) stay
 * the caller's, the nonce is copied. */
void sasl_begin(sasl_t *s, eirc_sasl_e mechanism, eirc_slice_t name,
                eirc_slice_t secret, const char *nonce);

/*
 * The answer to a challenge, which is empty at first: EIRC_OK, and *len bytes
 * of out, which holds SASL_ANSWER_MAX. EIRC_ERROR: the server is to be left;
 * *why says for what.
 */
int sasl_answer(sasl_t *s, eirc_slice_t challenge, uint8_t *out, size_t *len,
                const char **why);

/* Has everything been said, and has the server proven what it must? */
bool sasl_complete(const sasl_t *s);

#endif /* _SASL_H_INCLUDED_ */
