/*
 * How a user gets in: what is said before 001, in its order, nicks that are
 * taken, and the channels to join behind the message of the day. Each function
 * is part of a step of user.c.
 */

#ifndef _REGISTRATION_H_INCLUDED_
#define _REGISTRATION_H_INCLUDED_

#include "user.h"

/* nick, nick_, nick__, nick1 ... */
#define REGISTRATION_NICKS_MAX 20

/* Says who the user is; on IRCv3's way, waits for the browser to say so. */
void registration_begin(user_t *u);

/* ... and goes on with what has waited (sts.h). */
void registration_go_on(user_t *u);

/* NICK and USER, with the identity that came with the token. */
void registration_nick_say(user_t *u);
void registration_user_say(user_t *u);

/* The server does not take the nick: tries the next one, or gives up.
 * erroneous: not that it is taken, the server does not like its form. */
void registration_nick_refused(user_t *u, bool erroneous);

/* Joins some of the channels not asked for. EIRC_AGAIN: there are none. */
int registration_join(user_t *u);

/* The n-th nick to try for a wish, 0: the wish itself; cut to max bytes.
 * false: there are no more. out holds EIRC_IRC_NICK_MAX + 1 bytes. */
bool registration_nick(char *out, const char *wish, unsigned n, size_t max);

#endif /* _REGISTRATION_H_INCLUDED_ */
