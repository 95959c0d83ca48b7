/*
 * One connection to one of several addresses: attempts begin one after the
 * other, 250 ms apart or as soon as one has failed, and the first that stands
 * wins (RFC 8305, 5). The caller watches the descriptors and keeps the time.
 */

#ifndef _RACE_H_INCLUDED_
#define _RACE_H_INCLUDED_

#include <stdint.h>

#include "resolve.h"

/* RFC 8305, 5: between the beginnings of two attempts, ms */
#define RACE_DELAY 250

typedef struct {
    resolve_answer_t answer;
    uint16_t port;
    unsigned begun;       /* attempts so far */
    unsigned running;     /* of them not failed */
    int fds[RESOLVE_MAX]; /* -1: none, or failed */
    int error;            /* errno of the last that failed */
} race_t;

/* Has begun nothing yet. */
void race_init(race_t *r);

/* To these addresses. */
void race_set(race_t *r, const resolve_answer_t *answer, uint16_t port);

/*
 * Begins the next attempt that does not fail at once. EIRC_OK: *which is its
 * number, its descriptor is to be watched for EPOLLOUT; EIRC_DONE: there is no
 * other address.
 */
int race_next(race_t *r, unsigned *which);

/* A path in place of addresses; as race_next(), or EIRC_ERROR. */
int race_unix(race_t *r, const char *path, unsigned *which);

/*
 * Something happened on an attempt's descriptor. EIRC_OK: it stands, and is
 * returned in *fd, the caller's from now on; EIRC_AGAIN: nothing yet;
 * EIRC_ERROR: it failed and is closed.
 */
int race_event(race_t *r, unsigned which, int *fd);

/* Closes what is left. */
void race_end(race_t *r);

#endif /* _RACE_H_INCLUDED_ */
