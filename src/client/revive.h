/*
 * Sessions that nobody has any more but a file (preserve.h), when their
 * browsers come back. One whose copy is exact goes on as one whose IRC
 * connection was lost. Any other begins anew, as another session, with who the
 * user is and the channels: counts are never used against what they were not
 * taken of.
 */

#ifndef _REVIVE_H_INCLUDED_
#define _REVIVE_H_INCLUDED_

#include <stddef.h>

#include "layer.h"

/*
 * The session of a file, without a process, a browser, or a word to anybody.
 * EIRC_DONE: there is none that could be used. EIRC_ERROR and errno: it can't be
 * had now, for want of memory or descriptors, or because the disk fails.
 */
int revive_find(layer_t *l, const char *id, size_t len, held_t **s);

/* It is not wanted; its file stays. */
void revive_drop(layer_t *l, held_t *s);

/* Its browser has come back: takes its file away; -1: it can't be, and the
 * session is dropped. */
int revive_take(layer_t *l, held_t *s);

/* ... and begins a process for it, which has its link. */
void revive_begin(layer_t *l, held_t *s);

/* The session has come from a layer that is gone, which may have kept it. */
void revive_adopted(layer_t *l, held_t *s);

#endif /* _REVIVE_H_INCLUDED_ */
