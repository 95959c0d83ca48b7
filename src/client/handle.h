/*
 * What a line of the IRC server means: a sorted table of verbs, each with a
 * short function that changes the state or answers. Called by user.c within a
 * step.
 */

#ifndef _HANDLE_H_INCLUDED_
#define _HANDLE_H_INCLUDED_

#include "user.h"

/* Deals with u->line, taken apart in msg. true: it is for the browser, too. */
bool handle_line(user_t *u, const eirc_irc_msg_t *msg);

#endif /* _HANDLE_H_INCLUDED_ */
