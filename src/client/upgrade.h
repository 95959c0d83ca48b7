/*
 * Another program in the place of a socket layer that runs: the same process,
 * with its children, its lock, its listening socket and everything that it
 * holds (image.h). Nobody is disconnected, and nobody has to know. The new
 * program's half is takeover.c.
 */

#ifndef _UPGRADE_H_INCLUDED_
#define _UPGRADE_H_INCLUDED_

#include <sys/types.h>

#include "layer.h"

/* The file may be another one now: goes on as that program, if that can be
 * done. What came of it, whoever asked is told (peers.h), and the log. */
void upgrade_begin(layer_t *l);

/* Was that the end of the probe? */
int upgrade_reaped(layer_t *l, pid_t pid, int status);

/* Takes the step whose time has come; it may not return. Returns when to come
 * again, ms, or 0. */
uint64_t upgrade_check(layer_t *l);

/* Are no forks to be begun, because of an upgrade? */
int upgrade_waits(const layer_t *l);

#endif /* _UPGRADE_H_INCLUDED_ */
