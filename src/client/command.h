/*
 * What the browser says on eIRC's way: the commands /input, /users, /channels,
 * /quit, and raw IRC lines. Called by user.c within a step.
 */

#ifndef _COMMAND_H_INCLUDED_
#define _COMMAND_H_INCLUDED_

#include "user.h"

/*
 * Deals with one line, not empty. EIRC_OK: done; EIRC_DONE: a part of it was
 * done, call again; EIRC_AGAIN: not now (u->wait says when, if it is known).
 */
int command_line(user_t *u, eirc_slice_t line);

/*
 * Sends a line of the browser's to IRC, under flood control, or puts it with
 * those that wait for others (later.h). EIRC_OK, or EIRC_AGAIN as above.
 */
int command_send(user_t *u, const eirc_irc_msg_t *msg, eirc_slice_t line);

/* Sends the first of those that wait, as above. EIRC_AGAIN also where there
 * is none. */
int command_later(user_t *u);

#endif /* _COMMAND_H_INCLUDED_ */
