/*
 * Getting the nick that was wished for, when somebody else had it while the
 * user registered: often the user's own connection that was lost, which the
 * server has not noticed yet. It is asked for when its owner is seen to leave
 * it, and now and then; of a refusal the browser hears nothing. Each function
 * is part of a step of user.c.
 */

#ifndef _REGAIN_H_INCLUDED_
#define _REGAIN_H_INCLUDED_

#include "user.h"

/* ms to the next try, which doubles, and its limit */
#define REGAIN_WAIT 20000
#define REGAIN_WAIT_MAX 300000

/* ms between any two tries */
#define REGAIN_GAP 5000

/* The user is in, perhaps with another nick. */
void regain_begin(user_t *u);

/* It is of no use any more: a new connection, or the user has another wish. */
void regain_end(user_t *u);

/* It is time. */
void regain_try(user_t *u);

/* Somebody has left a nick. */
void regain_seen(user_t *u, eirc_slice_t nick);

/* Is it the nick that we asked for that is refused?  Then it is nothing for the
 * browser. */
bool regain_refused(user_t *u, eirc_slice_t nick);

#endif /* _REGAIN_H_INCLUDED_ */
