/*
 * Connections to a socket layer that are no session: greeted with HELLO, they
 * say once what they are, and either become a session's link or stay to watch.
 */

#ifndef _PEERS_H_INCLUDED_
#define _PEERS_H_INCLUDED_

#include "layer.h"

void peers_init(layer_t *l);

/* Takes the connections that wait. */
void peers_accept(layer_t *l);

/* Something happened on a peer's connection. */
void peers_read(layer_t *l, uint64_t key);

/* Closes those that said nothing for too long; returns when to come again, ms,
 * or 0. */
uint64_t peers_expire(layer_t *l);

/* Closes them all. */
void peers_end(layer_t *l);

#endif /* _PEERS_H_INCLUDED_ */
