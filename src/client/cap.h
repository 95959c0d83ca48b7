/*
 * Capabilities that are ours to ask for: SASL, where there is a secret. Nothing
 * is asked for that would change what the browser sees. On IRCv3's way the
 * browser asks for its own behind us (ircv3.c). Each function is part of a step
 * of user.c.
 *
 * Who asks for the list holds the registration back until CAP END: that is
 * said whatever comes of it, but to servers that know nothing of CAP.
 */

#ifndef _CAP_H_INCLUDED_
#define _CAP_H_INCLUDED_

#include "user.h"

/* bit of session_state_t.caps: the server holds the registration back, and
 * the browser has not begun to negotiate itself */
#define CAP_OPEN 0x01u

/* the list was asked for, and has not come yet */
#define CAP_ASKED 0x02u

/* Asks for the list, if something is wanted of it. */
void cap_begin(user_t *u);

/* A CAP line of the server while the login is busy. */
void cap_line(user_t *u, const eirc_irc_msg_t *msg);

/* ... and behind it. Is it the list, of a server that we took for one without
 * capabilities? */
bool cap_late(user_t *u, const eirc_irc_msg_t *msg);

/* The server knows no CAP, or not what was said (410). */
void cap_unknown(user_t *u, bool known);

/* Nothing is wanted any more: lets the registration go on. */
void cap_done(user_t *u);

/* The browser does not negotiate itself. */
void cap_close(user_t *u);

/* The first of a list with spaces, which is cut off; empty at its end. */
eirc_slice_t cap_next(eirc_slice_t *list);

/* A capability without its value, and its value. */
eirc_slice_t cap_name(eirc_slice_t cap, eirc_slice_t *value);

#endif /* _CAP_H_INCLUDED_ */
