/*
 * What a socket layer does for its sessions to outlive it, where it was given
 * a directory for that (store.h): copies of their segments, now and then and at
 * its end. Sessions are made of them again in revive.c. Without a directory
 * nothing here does anything.
 *
 * Kept are sessions that can be resumed, and of them those that have no secret
 * to register with: it would have to lie on disk too. A copy that was taken
 * while a process lived may be older than what the browser has; one that was
 * taken behind the last process is exact.
 */

#ifndef _PRESERVE_H_INCLUDED_
#define _PRESERVE_H_INCLUDED_

#include <stdint.h>

#include "layer.h"
#include "options.h"

/* Before the working directory is another one; -1: it was logged why the
 * directory can't be used. A program that goes on in the place of another one
 * does without. */
int preserve_open(layer_t *l, const options_t *o);
void preserve_close(layer_t *l);

/* Copies what is due; returns when that is again, ms, or 0: never. */
uint64_t preserve_pump(layer_t *l);

/* Is the session one to be kept, so that its process is to leave it as it is
 * when the layer ends? */
int preserve_wants(const layer_t *l, const held_t *s);

/* ... and no process has it any more: the last copy. The session ends here,
 * but not there. */
void preserve_last(layer_t *l, held_t *s);

/* The session is over, or is another one from now on: its file goes. */
void preserve_forget(layer_t *l, held_t *s);

#endif /* _PRESERVE_H_INCLUDED_ */
