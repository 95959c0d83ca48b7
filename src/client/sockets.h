/*
 * The socket layer: the process that holds every session's descriptors and
 * starts the processes of users. Small, and nothing in the data path: it reads
 * fixed headers only, and maps no session's memory. docs/processes.md draws
 * who starts, owns and outlives whom.
 */

#ifndef _SOCKETS_H_INCLUDED_
#define _SOCKETS_H_INCLUDED_

#include "options.h"

/* Runs the layer to its end; returns an exit code, 0 or 1. */
int sockets_run(const options_t *o);

#endif /* _SOCKETS_H_INCLUDED_ */
