/*
 * Whether everything arrives: once, and in the order in which it was sent.
 * There is one pair for each sender that a receiver hears; the numbers that a
 * sender gives to its messages begin with 0.
 */

#ifndef _BENCH_CHECK_H_INCLUDED_
#define _BENCH_CHECK_H_INCLUDED_

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct {
    uint32_t next; /* one more than the highest number seen */
    uint32_t got;  /* how many came, doubled ones not counted */
    uint64_t seen; /* of the 64 numbers below next, from bit 0 down */
} check_pair_t;

typedef struct {
    uint64_t delivered;
    uint64_t lost;
    uint64_t doubled;
    uint64_t late;  /* came behind one that was sent after it */
    uint64_t stray; /* came to somebody it wasn't for */
} check_t;


/* A message came; false: once more. */
bool check_take(check_t *c, check_pair_t *pair, uint32_t number);

/* So many were sent: what is missing by now is lost. */
void check_end(check_t *c, const check_pair_t *pair, uint32_t sent);

/* the members of a JSON object, without braces */
void check_print(const check_t *c, FILE *out);

#endif /* _BENCH_CHECK_H_INCLUDED_ */
