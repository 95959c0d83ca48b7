/*
 * How a worker whose socket layer is dead comes to the next one. It has a socket
 * for that (rescue.h), which it may connect once, to the name that every layer
 * with its number has, in the directory that it was born in; nobody may be there
 * yet, so it tries again, for ever, less and less often, and never at the same
 * moment as all the others. What it has to say goes over in one packet
 * (claim.h); from then on the connection is its control channel. If that ends,
 * there is no other.
 *
 *     connecting --> claiming --> adopted
 *          |             |
 *          +-- again ----+-- the layer has died in between: lost
 *
 * No loop and no clock here: the caller waits.
 */

#ifndef _ADOPT_H_INCLUDED_
#define _ADOPT_H_INCLUDED_

#include <stdbool.h>
#include <stdint.h>

#include "claim.h"

typedef struct {
    int fd; /* the socket; it stays where it is */
    bool connected;
    uint32_t delay;  /* ms */
    uint32_t random; /* never 0 */
    char name[32];   /* of the layer's socket */
} adopt_t;

/* The socket layer of the session with this ID is dead, the so-manieth with
 * its number. */
void adopt_begin(adopt_t *a, int fd, const char *id, uint32_t generation,
                 uint32_t seed);

/*
 * Tries: fds are those of the claim, in its order. EIRC_OK: adopted; EIRC_AGAIN:
 * to be tried again, in adopt_wait(); EIRC_ERROR: never.
 */
int adopt_try(adopt_t *a, const claim_t *claim, const int *fds);

/* How long until the next try, ms; each time longer. */
uint32_t adopt_wait(adopt_t *a);

#endif /* _ADOPT_H_INCLUDED_ */
