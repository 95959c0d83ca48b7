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

#endif /* _COMMAND_H_INCLUDED_ */
