/*
 * A token bucket: so many at once, then so many in a given time. No clock of
 * its own: the caller says what time it is, in ms of a monotonic clock.
 */

#ifndef _BUCKET_H_INCLUDED_
#define _BUCKET_H_INCLUDED_

#include <stdint.h>

typedef struct {
    uint64_t filled; /* the time up to which tokens were added */
    uint64_t tokens; /* in millionths */
    uint32_t rate;   /* tokens per 1,000 s; 0: no limit */
    uint32_t burst;  /* tokens that the bucket holds, 1 or more */
} bucket_t;

/* A full bucket. */
void bucket_init(bucket_t *b, uint32_t rate, uint32_t burst, uint64_t now);

/* Takes one token if there is one: 0; else the ms until there will be one. */
uint64_t bucket_take(bucket_t *b, uint64_t now);

/* As bucket_take(), without taking it. */
uint64_t bucket_wait(bucket_t *b, uint64_t now);

#endif /* _BUCKET_H_INCLUDED_ */
