/*
 * Times, counted in classes that are at most a 64th apart, so that millions
 * of them take no memory: percentiles of latencies.
 */

#ifndef _LOAD_HISTOGRAM_H_INCLUDED_
#define _LOAD_HISTOGRAM_H_INCLUDED_

#include <stdint.h>
#include <stdio.h>

#define HISTOGRAM_SIZE (64 * 59)

typedef struct {
    uint64_t total;
    uint64_t max;
    uint64_t sum;
    uint64_t counts[HISTOGRAM_SIZE];
} histogram_t;


void histogram_reset(histogram_t *h);
void histogram_add(histogram_t *h, uint64_t ns);

/* the least time that so many of 1,000 do not exceed, within the class; ns */
uint64_t histogram_part(const histogram_t *h, unsigned thousandths);

/* p50, p90, p99, max, mean and count as a JSON object, in microseconds */
void histogram_print(const histogram_t *h, FILE *out);

#endif /* _LOAD_HISTOGRAM_H_INCLUDED_ */
