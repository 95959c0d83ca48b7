/*
 * The state of everything, for a browser that came back to a session whose
 * lines it has not all had: 001, 005, the end of the message of the day; and
 * for each channel its own JOIN, and what the server answers about topic and
 * members. How far it has got is in the segment. Each function is part of a
 * step of user.c.
 */

#ifndef _BURST_H_INCLUDED_
#define _BURST_H_INCLUDED_

#include "user.h"

/* what a step puts into the ring: bytes, and lines */
#define BURST_ROOM 4096
#define BURST_LINES 16

void burst_begin(user_t *u);

/* Is there more to be told? */
bool burst_is_due(const user_t *u);

/* Tells the next part: 0; or ms until the server can be asked. */
uint64_t burst_next(user_t *u);

#endif /* _BURST_H_INCLUDED_ */
