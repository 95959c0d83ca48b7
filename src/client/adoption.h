/*
 * Workers that another layer has left behind, and sessions that come with them.
 * A worker can't be believed: it shows a passport, which says who it is and what
 * it may, and descriptors that are looked at. Then it is as any other, but that
 * it is no child of ours: its end is seen by a descriptor of the process, and
 * its exit code is not. It is asked to move soon, so that a child of ours goes on
 * in its place, with sockets for the next times.
 */

#ifndef _ADOPTION_H_INCLUDED_
#define _ADOPTION_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#include "layer.h"

/* A process has said ADOPT on the connection fd, and sent descriptors; all of
 * them are the layer's from now on. What is wrong with it the log says. */
void adoption_begin(layer_t *l, int fd, const uint8_t *p, size_t len,
                    const int *fds, int nfds);

/* The process of an adopted session has ended. */
void adoption_ended(layer_t *l, uint64_t key);

#endif /* _ADOPTION_H_INCLUDED_ */
