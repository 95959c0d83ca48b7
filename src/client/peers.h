/*
 * Connections to a socket layer that are no session: greeted with HELLO, they
 * say once what they are, and either become a session's link or stay to watch.
 */

#ifndef _PEERS_H_INCLUDED_
#define _PEERS_H_INCLUDED_

#include "eirc_link.h"
#include "image.h"
#include "layer.h"

void peers_init(layer_t *l);

/* Takes the connections that wait. */
void peers_accept(layer_t *l);

/* Something happened on a peer's connection. */
void peers_read(layer_t *l, uint64_t key);

/* Closes those that said nothing for too long; returns when to come again, ms,
 * or 0. */
uint64_t peers_expire(layer_t *l);

/* Tells those who asked what came of an upgrade, UPGRADED or REFUSED. */
void peers_upgraded(layer_t *l, eirc_link_type_e type, const char *words);

/* The next one at or behind *slot, which is moved behind it; 0: the last one
 * was it. */
int peers_save(const layer_t *l, uint32_t *slot, image_peer_t *peer);

/* One that the program before has written down. */
void peers_restore(layer_t *l, const image_peer_t *peer);

/* Closes them all. */
void peers_end(layer_t *l);

#endif /* _PEERS_H_INCLUDED_ */
