/*
 * The IRC server of the soak: lets everybody in at once, and says numbered
 * lines to those who are in their channel, and takes theirs. It is told of
 * nothing that happens to the product: to it nothing may happen.
 */

#ifndef _SOAK_SERVER_H_INCLUDED_
#define _SOAK_SERVER_H_INCLUDED_

#include <stdint.h>

#include "crowd.h"

#define SERVER_CHANNEL "#soak"


/*
 * Listens on a port of the loopback interface, or on a UNIX socket; with the
 * file of a certificate and its key TLS is spoken on the port. 0, or -1.
 */
int server_open(crowd_t *c, const char *where, const char *certificate);

/* Sends what may be sent to one user. */
void server_talk(user_t *u, uint64_t now);

/* Frees connections that are over; between two rounds of the loop. */
void server_sweep(void);

/* connections that there are */
unsigned server_count(void);

#endif /* _SOAK_SERVER_H_INCLUDED_ */
