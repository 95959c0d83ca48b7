/*
 * TLS for a client that stands alone: what the command line says of it, and a
 * relay of its own.
 */

#ifndef _TLS_ALONE_H_INCLUDED_
#define _TLS_ALONE_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#include "eirc_link.h"

/* values of options; NULL: not given */
typedef struct {
    const char *verify;
    const char *ca;
    const char *fingerprint; /* hexadecimal, several with commas */
    const char *certificate;
    const char *key;
} tls_alone_t;

#define TLS_ALONE_WORDS 512

/*
 * Writes what they say to blob, of EIRC_LINK_TLS_MAX bytes. Its length, or 0
 * with words.
 */
size_t tls_alone_blob(const tls_alone_t *o, uint8_t *blob, char *words);

/*
 * Starts a relay for the connection fd, which is taken over, and waits for the
 * handshake: the descriptor to speak with instead, or -1 with words.
 */
int tls_alone_connect(int fd, const char *host, uint16_t port,
                      const uint8_t *blob, size_t len, char *words);

#endif /* _TLS_ALONE_H_INCLUDED_ */
