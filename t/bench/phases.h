/*
 * What the people are made to do: each phase runs until it is over, checks,
 * and prints its figures as one JSON object in a line.
 */

#ifndef _BENCH_PHASES_H_INCLUDED_
#define _BENCH_PHASES_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "people.h"

typedef struct {
    unsigned inflight; /* so many at a time; 0: at the rate */
    double rate;       /* in a second */
    double seconds;
    uint64_t patience;  /* ns without any progress: then it gives up */
    size_t size;        /* bytes of a text */
    uint64_t bytes;     /* for each user: go on until so many were heard */
    person_state_e aim; /* connect: what ends the place in inflight */
} phase_t;


/* All connect, register and join. */
void phase_connect(people_t *people, const phase_t *phase, FILE *out);

/* All leave. */
void phase_leave(people_t *people, const phase_t *phase, FILE *out);

/* Sessions come, join and quit at a rate; inflight is not used. */
void phase_churn(people_t *people, const phase_t *phase, FILE *out);

/* Messages from one to one, at a rate. */
void phase_whisper(people_t *people, const phase_t *phase, FILE *out);

/*
 * Messages to channels: so many in flight, the next when one has reached all;
 * or so many deliveries in a second, whatever arrives.
 */
void phase_talk(people_t *people, const phase_t *phase, FILE *out);

#endif /* _BENCH_PHASES_H_INCLUDED_ */
