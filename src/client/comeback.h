/*
 * Coming back to IRC when its server has gone: when the next try is, what is
 * forgotten before it, and when it is of no use any more. Called by user.c
 * within a step; the relay waits and asks for the connection.
 */

#ifndef _COMEBACK_H_INCLUDED_
#define _COMEBACK_H_INCLUDED_

#include "user.h"

/* ms: the wait before the first try is up to this, and doubles ... */
#define COMEBACK_WAIT 1000
/* ... up to this */
#define COMEBACK_WAIT_MAX 120000

/* ms from the loss on: then there is no other try */
#define COMEBACK_TIME 900000

/* ms that a connection must have lasted for the next loss to be a new one */
#define COMEBACK_STABLE 60000

/* servers that may turn down a user who was nowhere yet; the socket layer
 * allows few connections without a pause */
#define COMEBACK_FIRST_MAX 8

/* ms to wait when so many tries have failed; anything up to the limit, by
 * chance, so that users of a server that went do not come back together */
uint64_t comeback_wait(uint32_t tries, uint32_t random);

/*
 * The connection is gone, or could not be had; words say so. true: there will
 * be another one, to be asked for at u->retry, and the browser has been told;
 * false: it is over.
 */
bool comeback_begin(user_t *u, eirc_slice_t words);

/*
 * The connection was given up by ourselves: the same server is asked for
 * another one, without a wait or a word. false: there can't be one.
 */
bool comeback_at_once(user_t *u);

/* The server has taken the user. */
void comeback_welcomed(user_t *u);

/* A successor waits anew: how long that was to be its predecessor alone knew. */
void comeback_again(user_t *u);

#endif /* _COMEBACK_H_INCLUDED_ */
