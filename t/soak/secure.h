/*
 * TLS in front of the scripted IRC server: takes accepted connections, and
 * gives one end of a socket pair for each, behind which the bytes are plain.
 */

#ifndef _SOAK_SECURE_H_INCLUDED_
#define _SOAK_SECURE_H_INCLUDED_

#include "loop.h"


/* One file with the certificate and its key; 0, or -1. */
int secure_init(loop_t *loop, const char *file);

/* The plain end for a connection, or -1; the connection is taken over. */
int secure_accept(int fd);

/* Frees what has ended; between two rounds of the loop. */
void secure_sweep(void);

#endif /* _SOAK_SECURE_H_INCLUDED_ */
