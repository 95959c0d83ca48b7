/*
 * Sessions that have a process: what their workers say to the socket layer,
 * and how they end.
 */

#ifndef _KEEPER_H_INCLUDED_
#define _KEEPER_H_INCLUDED_

#include <sys/types.h>

#include "irc_counts.h"
#include "layer.h"
#include "sessions.h"

/* A worker has said something, or closed its channel. */
void keeper_worker_read(layer_t *l, uint64_t key);

/* A process that is neither template nor connector has ended. */
void keeper_reaped(layer_t *l, pid_t pid, int status);

/* The session's process has ended. */
void keeper_worker_gone(layer_t *l, held_t *s, pid_t pid, int status);

/* What a relay has carried for the session, for irc_counts_ask(); NULL: the
 * connection is gone, and nobody knows. */
void keeper_counted(layer_t *l, held_t *s, const irc_counts_t *counts);

/* The same for one that is no child of ours: its exit status nobody tells us,
 * but for what it has said. */
void keeper_stranger_gone(layer_t *l, held_t *s);

/* The layer ends, and no process has the session any more. Its browser is told
 * when it can come back to what is kept. */
void keeper_leave(layer_t *l, held_t *s);

/* The layer is to end: every worker is told to leave, or killed. */
void keeper_stop(layer_t *l);
void keeper_kill(layer_t *l);

#endif /* _KEEPER_H_INCLUDED_ */
