/*
 * Lines of the browser that let others go first when flood control makes them
 * wait: questions. What a user says to others, and whatever changes something,
 * goes before them, so that a page that asks for WHOIS of everybody it sees
 * keeps nobody from talking. They wait in the segment, in their order.
 * Called by command.c within a step.
 */

#ifndef _LATER_H_INCLUDED_
#define _LATER_H_INCLUDED_

#include "user.h"

/* Is it a line that may wait here? */
bool later_may(const user_t *u, const eirc_irc_msg_t *msg);

/* Does any wait? */
bool later_waits(const user_t *u);

/*
 * Lets it wait. On eIRC's way the same line is not put there a second time:
 * one answer serves for both. EIRC_AGAIN: there is no room.
 */
int later_add(user_t *u, eirc_slice_t line);

/* The first one, and the bytes that it takes; false: there is none. */
bool later_next(const user_t *u, eirc_slice_t *line, size_t *taken);

#endif /* _LATER_H_INCLUDED_ */
