/*
 * The mechanisms of SASL that there are here, by name: for the configuration
 * as for those who log in. Anybody may call.
 */

#ifndef _EIRC_SASL_H_INCLUDED_
#define _EIRC_SASL_H_INCLUDED_

#include <stdint.h>

#include "eirc_slice.h"

/* from the weakest to the strongest; bits of a set are 1 << mechanism */
typedef enum {
    EIRC_SASL_NONE = 0,
    EIRC_SASL_PLAIN,
    EIRC_SASL_SCRAM_SHA_256,
    EIRC_SASL_ECDSA,
    EIRC_SASL_EXTERNAL,
    EIRC_SASL_MECHANISMS
} eirc_sasl_e;

#define EIRC_SASL_BIT(mechanism) (1u << (mechanism))

/* those that prove that a password is known */
#define EIRC_SASL_PASSWORD                                                    \
    (EIRC_SASL_BIT(EIRC_SASL_PLAIN) | EIRC_SASL_BIT(EIRC_SASL_SCRAM_SHA_256))

/* that needs a secret, a password or a key */
#define EIRC_SASL_SECRET (EIRC_SASL_PASSWORD | EIRC_SASL_BIT(EIRC_SASL_ECDSA))

/* The mechanisms of a list with commas that are known here. */
uint32_t eirc_sasl_set(eirc_slice_t list);

eirc_sasl_e eirc_sasl_strongest(uint32_t set);
const char *eirc_sasl_name(eirc_sasl_e mechanism);

#endif /* _EIRC_SASL_H_INCLUDED_ */
