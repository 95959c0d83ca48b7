/*
 * Workers of another program, or of a layer that is dead: they are asked to
 * stop between two lines, so that a process of this layer's program goes on in
 * their place; a few at a time, so that the others find the machine idle. One
 * that has stopped lives until the next one has taken the session, and goes on
 * with it should this layer die before that.
 */

#ifndef _MOVE_H_INCLUDED_
#define _MOVE_H_INCLUDED_

#include "layer.h"
#include "sessions.h"

/* The session's worker is one of those. */
void move_add(layer_t *l, held_t *s);

/* The session's worker has stopped. */
void move_note(layer_t *l, const held_t *s);

/* Is that process one of those that were asked? NULL: it is not. */
layer_move_t *move_find(layer_t *l, pid_t pid);

/* Was that the end of one that had stopped? */
int move_reaped(layer_t *l, pid_t pid);

/* Asks those whose turn it is. Returns when to come again, ms, or 0: whenever
 * something happens. */
uint64_t move_pump(layer_t *l);

#endif /* _MOVE_H_INCLUDED_ */
