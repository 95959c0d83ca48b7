/*
 * A heap of deadlines: the next one is at hand, setting and clearing take
 * log n. What has a deadline holds a deadline_t and says who it is. No clock
 * and no system calls.
 */

#ifndef _DEADLINES_H_INCLUDED_
#define _DEADLINES_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t when;
    size_t place; /* in the heap, from 1; 0: not set */
    void *owner;
} deadline_t;

typedef struct {
    deadline_t **heap;
    size_t count;
    size_t size;
} deadlines_t;

/* Sets or moves a deadline; 0, or -1: no memory. */
int deadlines_set(deadlines_t *d, deadline_t *deadline, uint64_t when);

/* Also for one that is not set. */
void deadlines_clear(deadlines_t *d, deadline_t *deadline);

/* The next one, or NULL. */
deadline_t *deadlines_first(const deadlines_t *d);

#endif /* _DEADLINES_H_INCLUDED_ */
