/*
 * How much of what a user says may lie unread at the IRC server. A server
 * takes lines as slowly as its flood protection wants, and throws out whoever
 * has too many waiting there. So every few lines it is asked for a PONG, which
 * it gives when it has come that far, and no more goes than that ahead of it.
 * Called by command.c and handle.c within a step.
 */

#ifndef _FLOW_H_INCLUDED_
#define _FLOW_H_INCLUDED_

#include "user.h"

/* between two questions; twice of it may wait at the server */
#define FLOW_LINES 8
#define FLOW_BYTES 2048

/* ms: a server that has not answered by then does not answer */
#define FLOW_TIME 60000

/* what the question says */
#define FLOW_PING "eirc-flow"

/* A line of so many bytes is to go: 0; or the ms to wait at most. */
uint64_t flow_take(user_t *u, size_t len);

/* Is this text of a PONG the answer? */
bool flow_answered(user_t *u, eirc_slice_t text);

/* Another connection: nothing waits there. */
void flow_reset(user_t *u);

#endif /* _FLOW_H_INCLUDED_ */
