/*
 * Workers of another program, or of a layer that is dead: they are asked to
 * end between two lines, so that a process of this layer's program goes on in
 * their place; a few at a time, so that the others find the machine idle.
 */

#ifndef _MOVE_H_INCLUDED_
#define _MOVE_H_INCLUDED_

#include "layer.h"
#include "sessions.h"

/* The session's worker is one of those. */
void move_add(layer_t *l, held_t *s);

/* Asks those whose turn it is. Returns when to come again, ms, or 0: whenever
 * something happens. */
uint64_t move_pump(layer_t *l);

#endif /* _MOVE_H_INCLUDED_ */
