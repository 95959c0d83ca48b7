/*
 * What the browser says on IRCv3's way (text.ircv3.net, binary.ircv3.net): it
 * is an ordinary IRC client that registers itself with CAP, NICK and USER.
 * The identity that came with its token wins over what it says, and what is
 * ours to say (SASL, passwords, where it comes from) never leaves. Called by
 * user.c within a step.
 */

#ifndef _IRCV3_H_INCLUDED_
#define _IRCV3_H_INCLUDED_

#include "user.h"

/* Deals with one line, not empty. As command_line(). */
int ircv3_line(user_t *u, eirc_slice_t line);

/*
 * Deals with a CAP line of the server: tells the browser of it, without
 * capabilities that are ours. Returns true if the line itself is for the
 * browser, false if another took its place.
 */
bool ircv3_cap(user_t *u, const eirc_irc_msg_t *msg);

#endif /* _IRCV3_H_INCLUDED_ */
