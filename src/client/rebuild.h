/*
 * What a successor knows anew: of the server from the segment, of the members
 * of channels from the server, when somebody wants to know. The answers to
 * what is asked here are not for the browser. Each function is part of a step
 * of user.c.
 */

#ifndef _REBUILD_H_INCLUDED_
#define _REBUILD_H_INCLUDED_

#include "user.h"

/* The user goes on in a segment that another process has left. */
void rebuild_begin(user_t *u);

/* What of the segment is a time is one of another clock, which may have stood
 * anywhere: begins anew with all that takes time. */
void rebuild_clock(user_t *u);

/* Are the members of the channel known? If not they are asked for. */
bool rebuild_known(user_t *u, channel_t *ch);

/* Asks for what is wanted; false: nothing is, or it has been asked for. */
bool rebuild_ask(user_t *u);

/* 353 and 366 of a channel: true if the line is for the browser. */
bool rebuild_names(user_t *u, channel_t *ch, eirc_slice_t names);
bool rebuild_names_end(user_t *u, channel_t *ch);

#endif /* _REBUILD_H_INCLUDED_ */
