/*
 * The directory of sessions' files, which a socket layer has where it is to
 * find its sessions again after its own end. One file for each session, named
 * by its ID; several layers may share a directory, since IDs begin with their
 * K. Beside them the key under which files are signed (card.h), which stays
 * where they are, and turn.K.
 *
 * The turn is a number that grows: once in the life of a layer, before it
 * takes the first file out that its predecessor wrote. A file that was taken
 * out could lie there again, after a loss of power; it is one of an earlier
 * turn then.
 *
 * Files are replaced by rename, and not written through: one that was cut off
 * by a loss of power has a false code. Nothing here waits for anything but the
 * file system.
 */

#ifndef _STORE_H_INCLUDED_
#define _STORE_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#include "card.h"

/* s that a file is good for at least */
#define STORE_LIFE_MIN 900

typedef struct {
    int dir; /* or -1: there is no store */
    unsigned number;
    card_key_t key;
    uint32_t turn;  /* in which the predecessor wrote, from 0 on */
    uint32_t taken; /* flag: this layer has taken a file out */
} store_t;

/*
 * Opens a directory for the layer with that number. -1 and errno, with *why in
 * words, what to do about it among them.
 */
int store_open(store_t *st, const char *path, unsigned number,
               const char **why);
void store_close(store_t *st);

/* Nobody else is there any more who writes: reads the turn. */
void store_begin(store_t *st);

/* The turn in which this layer writes. */
uint32_t store_turn(const store_t *st);

/* Before a file is taken out: 0, or -1 and errno, when the next layer would
 * not know of it. */
int store_turn_take(store_t *st);

/* Writes a session's file in place of the one that there is; -1 and errno. */
int store_put(const store_t *st, const char *id, const uint8_t *p, size_t len);

/*
 * Reads a session's file of at most max bytes, which is still good for
 * something: *p is from malloc. -1 and errno: ENOENT also where it is too old,
 * EFBIG, EPERM where it is another's or others may read it.
 */
int store_get(const store_t *st, const char *id, size_t max, uint8_t **p,
              size_t *len);

/* Removes it; -1 and errno. */
int store_remove(const store_t *st, const char *id);

/* It says what is true now. -1 and errno: it is not there. */
int store_touch(const store_t *st, const char *id);

/* Removes those of this layer's sessions that are of no use any more; returns
 * their number. */
unsigned store_sweep(const store_t *st);

#endif /* _STORE_H_INCLUDED_ */
