/*
 * All the connections that a relay carries: their events, their time limits,
 * and what the socket layer is told of them: when one stands, how it ended,
 * and, where its worker has died, how many bytes there were. One for another
 * is found by the ID that the layer has given it. All of it belongs to this
 * file, and the relay is the only caller; it waits for the events.
 */

#ifndef _CARRIES_H_INCLUDED_
#define _CARRIES_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#include "tls_context.h"

/* Once, before all else; events come through this epoll, and their data is
 * never 0. The context has to be made before the first connection begins. */
void carries_open(int epoll, const tls_context_t *context);

/* Reads the clock, in ms, for all that is done until it is read again. */
uint64_t carries_clock(void);

/* Takes the descriptors over, server's and worker's; -1: no memory for so much
 * as saying so. */
int carries_begin(uint64_t key, uint64_t id, const int *fds);

void carries_event(uint64_t data, uint32_t events);

/* Halts a connection and tells the layer its counts, under this key from now
 * on; -1: no memory to say that there is none. */
int carries_halt(uint64_t key, uint64_t id);

/* It goes on; one that is not there, or not halted, is passed over. */
void carries_go(uint64_t id);

/* All that are halted go on. */
void carries_go_all(void);

/* The IDs of up to max connections that have one, from the one behind *slot on,
 * which is moved; how many there are. */
size_t carries_list(uint32_t *slot, uint64_t *ids, size_t max);

/* Does what is due, and goes on with those who had to let others pass; ms
 * until there is more to do, or -1. */
int carries_run(void);

/* Tells the layer on that descriptor, unless it is gone (-1), what there is to
 * tell, and frees who has ended; true: the rest has to wait for the layer. */
int carries_report(int control);

uint32_t carries_count(void);

#endif /* _CARRIES_H_INCLUDED_ */
