/*
 * What a relay has carried for a session whose worker has died: the socket
 * layer asks for it, and the successor's bytes wait until it has the answer
 * and lets the connection go on. Records that the relay's socket doesn't take
 * wait in the session.
 */

#ifndef _IRC_COUNTS_H_INCLUDED_
#define _IRC_COUNTS_H_INCLUDED_

#include <stdbool.h>
#include <stdint.h>

#include "irc_relays.h"

/* bytes since the connection was begun */
typedef struct {
    uint64_t consumed; /* from IRC, that workers have read off their end */
    uint64_t accepted; /* for IRC, that workers have written to their end */
    bool ended;        /* by the server: there is no more to be written */
} irc_counts_t;

/*
 * The session's worker is dead, and nobody else has its end of the connection
 * yet: keeper_counted() will be told the counts, and the connection is halted
 * until irc_counts_go(). -1: no relay carries a connection of this session.
 */
int irc_counts_ask(layer_t *l, held_t *s);

/* The successor may be given what comes; also for a session that didn't ask. */
void irc_counts_go(layer_t *l, held_t *s);

/* A relay has answered. */
void irc_counts_read(layer_t *l, irc_relay_t *r, const control_t *c);

/* A relay may take records again. */
void irc_counts_flush(layer_t *l, irc_relay_t *r);

/* The session's relay is gone: who asked is told. */
void irc_counts_lost(layer_t *l, held_t *s);

#endif /* _IRC_COUNTS_H_INCLUDED_ */
