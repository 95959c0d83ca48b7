/*
 * The two ends of a connection that a relay carries: a worker's, of which the
 * socket layer holds a duplicate, and the relay's. The relay's is bound to a
 * name outside of the file system with a random number in it, the connection's
 * ID. The kernel tells it to whoever holds either end, so a socket layer that
 * knows neither worker nor relay finds out who belongs together, and nobody
 * can claim what he does not hold: nobody of them can bind or connect another.
 */

#ifndef _PAIR_H_INCLUDED_
#define _PAIR_H_INCLUDED_

#include <stdint.h>

#define PAIR_WORKER 0
#define PAIR_RELAY 1

/* Stream sockets, both ends, and their ID, never 0; -1 and errno. */
int pair_open(int *pair, uint64_t *id);

/* The ID, by the end of a worker; 0: it is no such end. */
uint64_t pair_id_of_worker(int fd);

#endif /* _PAIR_H_INCLUDED_ */
