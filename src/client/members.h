/*
 * The nicks in one channel, in the order in which they came, each with the
 * prefixes that it has there. Nicks stand packed behind each other; above a
 * handful an index by hash finds them. Sized to need. No I/O.
 */

#ifndef _MEMBERS_H_INCLUDED_
#define _MEMBERS_H_INCLUDED_

#include <stdbool.h>
#include <stdint.h>

#include "eirc_irc.h"

/* as many as a large network has in its largest channel */
#define MEMBERS_MAX 100000

typedef struct {
    uint8_t *names; /* entries: prefixes, length, nick; length 0: gone */
    uint32_t used;
    uint32_t size;
    uint32_t dead;   /* bytes of entries that are gone */
    uint32_t *index; /* offset + 1 of an entry, or 0; NULL: too few for it */
    uint32_t slots;  /* of the index, a power of two */
    uint32_t count;
    uint32_t seed;
    eirc_irc_casemap_e casemap;
} members_t;

void members_init(members_t *m, eirc_irc_casemap_e casemap, uint32_t seed);
void members_done(members_t *m);

/* The prefixes of a nick, a bit for each of PREFIX, highest rank lowest bit;
 * NULL: not here. Void after the next change. */
uint8_t *members_find(const members_t *m, eirc_slice_t nick);

/* Adds a nick, or sets the prefixes of one that is there. EIRC_ERROR: no
 * memory, too many, or no nick. */
int members_add(members_t *m, eirc_slice_t nick, uint8_t prefixes);

/* true if it was there */
bool members_remove(members_t *m, eirc_slice_t nick);

/* The next one; *cursor is 0 at first. Void after the next change. */
bool members_next(const members_t *m, uint32_t *cursor, eirc_slice_t *nick,
                  uint8_t *prefixes);

#endif /* _MEMBERS_H_INCLUDED_ */
