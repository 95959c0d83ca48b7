/*
 * The socket layer's side of connections to IRC: makes those that stand at
 * once (loopback.h), asks the connector for all others, and passes what comes to
 * the session's process, keeping a duplicate.
 */

#ifndef _DIAL_H_INCLUDED_
#define _DIAL_H_INCLUDED_

#include "layer.h"
#include "sessions.h"

/* The session wants a connection, from this number of its servers on; what it
 * had is given up. */
void dial_again(layer_t *l, held_t *s, uint32_t server);

/* It wants none any more. */
void dial_cancel(layer_t *l, held_t *s);

/* Connects what waits, or asks the connector for it. */
void dial_pump(layer_t *l);

/* The connector has answered. */
void dial_read(layer_t *l);

/* The relay of its connection has it ready, status 0 and the version of TLS,
 * or not: the words say why. */
void dial_relayed(layer_t *l, held_t *s, int32_t status, const char *words,
                  size_t len);

/* The connector is dead: another one is asked, or the worker is told. */
void dial_connector_gone(layer_t *l);

#endif /* _DIAL_H_INCLUDED_ */
