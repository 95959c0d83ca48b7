/*
 * What a user says to others, PRIVMSG and NOTICE, when it is longer than they
 * can be shown: a server puts the user's own name in front, and cuts what does
 * not fit then. Called by command.c and ircv3.c within a step.
 */

#ifndef _SAY_H_INCLUDED_
#define _SAY_H_INCLUDED_

#include "user.h"

/* One piece, and what it takes of the text: a space between two of them is
 * nobody's. */
typedef struct {
    size_t len;
    size_t taken;
} say_piece_t;

/*
 * The first piece of a text, at most max bytes of it, max being 8 or more: cut
 * at a space in its second half, else between two characters.
 */
say_piece_t say_piece(eirc_slice_t text, size_t max);

/*
 * Bytes that a line may have, without CR LF, for all of it to be shown; by
 * the user's name as the server has shown it, else by the longest it may be.
 */
size_t say_room(const user_t *u);

/* Is it a line that has to go in pieces? */
bool say_is_long(const user_t *u, const eirc_irc_msg_t *msg);

/*
 * Sends the next piece of such a line, under flood control; how much has been
 * sent is part of the state. EIRC_OK: that was the last; EIRC_DONE: there are
 * more; EIRC_AGAIN: not now.
 */
int say_next(user_t *u, const eirc_irc_msg_t *msg);

/* The server has shown the user's own name. */
void say_source(user_t *u, eirc_slice_t user, eirc_slice_t host);

#endif /* _SAY_H_INCLUDED_ */
