/*
 * Relays that carried connections before this socket layer was there: those of
 * a dead one, which find the new one by their rescue sockets, and those of the
 * program that this process was before it executed itself anew. They take no
 * new users and end with the last; until then they are asked and answer as any
 * other. A session's connection is found by its ID, which the kernel tells for
 * the worker's end (pair.h), and which a relay knows of those alone that it was
 * given.
 */

#ifndef _IRC_STRANGERS_H_INCLUDED_
#define _IRC_STRANGERS_H_INCLUDED_

#include <stdint.h>

#include "card.h"
#include "irc_relays.h"

/* A relay has come, and has shown this card, which is good: the connection is
 * taken over, and refused if it is no relay of this layer's number, or has come
 * already. It lists what it carries next. */
void irc_strangers_take(layer_t *l, int fd, const card_t *card);

/* A list, or a part; -1: it breaks the rules. */
int irc_strangers_listed(layer_t *l, irc_relay_t *r, const control_t *c);

/* A session with a process that other layers started: which relay carries its
 * connection? Also for a session without a relay, or whose relay has yet to
 * come. */
void irc_strangers_find(layer_t *l, held_t *s);

/* A connection has ended. */
void irc_strangers_ended(irc_relay_t *r, uint64_t id);

/* A stranger is gone, or is not needed. */
void irc_strangers_gone(layer_t *l, irc_relay_t *r);

/*
 * For a layer that executes itself anew: writes all relays to a file, and takes
 * them back from it. Their sockets stay open; -1 and errno. What was written
 * by a layer of another make leaves those relays to themselves.
 */
int irc_strangers_save(layer_t *l, int file);
int irc_strangers_load(layer_t *l, int file);

/* The exec has failed: the sockets are for nobody else again. */
void irc_strangers_stay(layer_t *l);

#endif /* _IRC_STRANGERS_H_INCLUDED_ */
