/*
 * ECDSA-NIST256P-CHALLENGE: the server's challenge, signed with a key. For
 * clients that stand alone; a worker has no such key.
 */

#ifndef _SASL_ECDSA_H_INCLUDED_
#define _SASL_ECDSA_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sasl.h"

/* what is signed, and the longest signature */
#define SASL_ECDSA_CHALLENGE 32
#define SASL_ECDSA_SIGNATURE SASL_SIGNATURE_MAX

/* Is it a private key for this, in PEM, without a passphrase? */
bool sasl_ecdsa_usable(eirc_slice_t pem);

/* Signs; out holds SASL_ECDSA_SIGNATURE bytes. EIRC_OK or EIRC_ERROR. */
int sasl_ecdsa_sign(eirc_slice_t pem, eirc_slice_t challenge, uint8_t *out,
                    size_t *len);

#endif /* _SASL_ECDSA_H_INCLUDED_ */
