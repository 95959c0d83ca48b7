/*
 * What lets a user in, and the rules for its use: read with the request, or
 * from a command line, and kept by login.c. Whoever copies it wipes the copy.
 */

#ifndef _SECRETS_H_INCLUDED_
#define _SECRETS_H_INCLUDED_

#include <stdbool.h>
#include <stdint.h>

#include "eirc_limits.h"
#include "sasl.h"

/* an empty string: there is none */
typedef struct {
    char secret[SASL_SECRET_MAX + 1];         /* of the account */
    char password[EIRC_IRC_PASSWORD_MAX + 1]; /* of the server, for PASS */
    char webirc[EIRC_IRC_PASSWORD_MAX + 1];   /* of the gateway, for WEBIRC */
    char gateway[EIRC_IRC_GATEWAY_MAX + 1];
    uint32_t mechanisms; /* of SASL, that may be used */
    bool required;       /* without a login the server is left */
} secrets_t;

#endif /* _SECRETS_H_INCLUDED_ */
