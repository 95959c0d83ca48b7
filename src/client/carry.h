/*
 * Connections that a relay carries: each is a server's socket, with TLS
 * on it, and a worker's, without. It shakes hands with the server, moves bytes
 * both ways, holds what the other side does not take yet, and lets the server
 * have the last of them before it ends; the socket layer is told when it
 * stands, and what it has come to. All of them belong to this file, and the
 * relay is the only caller; it waits for their events.
 */

#ifndef _CARRY_H_INCLUDED_
#define _CARRY_H_INCLUDED_

#include <stdint.h>

#include "tls_context.h"

/* Once, before all else; events come through this epoll, and their data is
 * never 0. The context has to be made before the first connection begins. */
void carries_open(int epoll, const tls_context_t *context);

/* Reads the clock for all that is done until it is read again. */
void carries_clock(void);

/* Takes the descriptors over; -1: no memory for so much as saying so. */
int carry_begin(uint64_t session, const int *fds);

void carry_event(uint64_t data, uint32_t events);

/* Does what is due, and goes on with those who had to let others pass; ms
 * until there is more to do, or -1. */
int carries_run(void);

/* Tells the layer on HELPER_FD, unless it is gone (alone), what there is to
 * tell, and frees who has ended; true: the rest has to wait for the layer. */
int carries_report(int alone);

uint32_t carries_count(void);

#endif /* _CARRY_H_INCLUDED_ */
