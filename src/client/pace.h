/*
 * How fast sessions may come back to each of some servers. A table of fixed
 * size, by name; zeroed it is empty. No clock of its own.
 */

#ifndef _PACE_H_INCLUDED_
#define _PACE_H_INCLUDED_

#include <stdint.h>

#include "bucket.h"
#include "eirc_limits.h"

/* servers that are paced apart from each other */
#define PACES_MAX 64

/* "host port" */
#define PACE_NAME_SIZE (EIRC_LINK_HOST_MAX + 8)

/* sessions that come back to one server: per 1,000 s, and at once */
#define PACE_RATE 50000
#define PACE_BURST 100

typedef struct {
    bucket_t bucket;
    char name[PACE_NAME_SIZE];
} pace_t;

typedef struct {
    pace_t paces[PACES_MAX];
    uint32_t n;
} paces_t;

/* One goes to that server: 0; else the ms until one may. The server that
 * nobody went to for the longest time is forgotten for a new one. */
uint64_t paces_take(paces_t *p, const char *name, uint64_t now);

#endif /* _PACE_H_INCLUDED_ */
