/*
 * SHA-256 and what SCRAM makes of it (RFC 5802, 2.2): HMAC (RFC 2104) and
 * PBKDF2 (RFC 8018, 5.2). Over libcrypto's block function alone, and not its
 * providers: those want all of libcrypto, and memory that has to be set up
 * before there is a hash. Worker processes have room for neither. No I/O, no
 * allocation; what comes of a secret is wiped from the stack.
 */

#ifndef _HASH_H_INCLUDED_
#define _HASH_H_INCLUDED_

#include <stdbool.h>
#include <stdint.h>

#include "eirc_slice.h"

#define HASH_SIZE 32

/* out holds HASH_SIZE bytes in all of these, and may be one of the inputs. */

void hash_sha256(uint8_t *out, eirc_slice_t text);

/* A key of any length. */
void hash_hmac(uint8_t *out, eirc_slice_t key, eirc_slice_t text);

/* The first block, of as many as PBKDF2 has: Hi() of RFC 5802. At least one
 * iteration. */
void hash_pbkdf2(uint8_t *out, eirc_slice_t secret, eirc_slice_t salt,
                 unsigned iterations);

/* Takes as long for any two of HASH_SIZE bytes. */
bool hash_equal(const uint8_t *one, const uint8_t *other);

#endif /* _HASH_H_INCLUDED_ */
