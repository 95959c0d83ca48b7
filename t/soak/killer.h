/*
 * A process that kills users' processes at random instants, which are nobody's
 * to foresee: it sleeps beside the loop that plays the peers. Some victims are
 * stepped to the end of a random system call first (ptrace), which is where
 * what was done has yet to be recorded; and some successors are killed while
 * they are taking over.
 */

#ifndef _SOAK_KILLER_H_INCLUDED_
#define _SOAK_KILLER_H_INCLUDED_

#include <stdbool.h>
#include <stdint.h>

#include "crowd.h"

typedef struct {
    source_t source; /* first: tells of what was killed */
    crowd_t *crowd;
    bool feint;
    int pid;
} killer_t;

typedef struct {
    unsigned kills;
    uint32_t min_us; /* between two of them */
    uint32_t max_us;
    uint32_t step;  /* of 100 are stepped */
    uint32_t again; /* of 100 are followed by the successor */
    bool feint;     /* nobody is killed: what pauses are there without that? */
} killer_orders_t;


/* Begins; 0, or -1 and errno. */
int killer_start(killer_t *k, crowd_t *c, const killer_orders_t *orders);

/* No more. */
void killer_stop(killer_t *k);

bool killer_is_busy(const killer_t *k);

#endif /* _SOAK_KILLER_H_INCLUDED_ */
