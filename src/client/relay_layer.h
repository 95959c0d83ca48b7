/*
 * The relay's socket layer: leaving for a successor of its, and what to do when
 * it has died. A conversation that there is goes on without it; only who wants
 * an IRC connection has to wait until there is another layer. Only relay.c
 * calls it.
 */

#ifndef _RELAY_LAYER_H_INCLUDED_
#define _RELAY_LAYER_H_INCLUDED_

#include "relay.h"

/* The control channel is of no use any more: the next layer is looked for. */
void relay_layer_lost(relay_t *r);

/* It is time to look again. */
void relay_layer_look(relay_t *r);

/* A successor is wanted: stands still until one has taken the session, and then
 * returns true; false if that is not to be, and all goes on. */
bool relay_layer_leave(relay_t *r);

#endif /* _RELAY_LAYER_H_INCLUDED_ */
