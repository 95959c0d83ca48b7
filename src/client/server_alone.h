/*
 * The IRC server of a client that stands alone: reached at once or with TLS,
 * and what it says of strict transport security (sts.h), kept in a file.
 */

#ifndef _SERVER_ALONE_H_INCLUDED_
#define _SERVER_ALONE_H_INCLUDED_

#include "relay.h"

typedef struct {
    const char *host;
    uint16_t port;
    bool tls;             /* wanted in any case */
    bool unverified;      /* its certificate is not looked at */
    bool sts;             /* what it says of that is followed */
    const char *policies; /* the file; NULL: the usual one, empty: none */
    const uint8_t *blob;  /* TLS, as in SESSION */
    size_t blob_len;
} server_alone_t;

/*
 * A connection for the relay, or -1, about which the user has been told as far
 * as it is about TLS. One that is to be had with TLS in its place is brought
 * from here later.
 */
int server_alone_begin(relay_t *r, const server_alone_t *o);

/* It wants nothing but TLS for so many seconds; 0: not any more. */
void server_alone_policy(uint32_t duration);

/* The connection has ended: the seconds begin anew. */
void server_alone_end(void);

#endif /* _SERVER_ALONE_H_INCLUDED_ */
