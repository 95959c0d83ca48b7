/*
 * Slots with generations. An item is found by its key as long as it lives; the
 * key of an item that is gone finds nothing, though its slot is in use again.
 * Items never move, so lists may run through them. No system calls.
 */

#ifndef _TABLE_H_INCLUDED_
#define _TABLE_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

/* generations go up to this one and then begin anew: keys have 60 bits */
#define TABLE_GENERATION_MAX 0x0fffffffu

/* the first member of whatever is kept in a table */
typedef struct {
    uint64_t key; /* generation << 32 | slot; never 0 */
    uint32_t next_free;
    uint32_t live; /* flag */
} table_item_t;

typedef struct {
    uint8_t **chunks;
    size_t item_size;
    uint32_t nchunks;
    uint32_t nslots; /* slots that were ever used */
    uint32_t free;   /* slot + 1, or 0 */
    uint32_t count;  /* live items */
} table_t;

void table_init(table_t *t, size_t item_size);

/* A new item, zeroed but for its head; NULL: no memory. */
void *table_add(table_t *t);

/*
 * A table is copied slot by slot: the key of a slot, 0 if it was never used;
 * an item in the next slot that was never used, or that slot without an item,
 * with this key. NULL, -1: it is another slot's, no generation, or there is no
 * memory.
 */
uint64_t table_key(const table_t *t, uint32_t slot);
void *table_put(table_t *t, uint64_t key);
int table_skip(table_t *t, uint64_t key);

/* The item of a key, or NULL. */
void *table_find(const table_t *t, uint64_t key);

void table_remove(table_t *t, void *item);

/* The first live item at or behind *slot, which is moved behind it; NULL at
 * the end. The item may be removed before the next call. */
void *table_next(const table_t *t, uint32_t *slot);

void table_done(table_t *t);

#endif /* _TABLE_H_INCLUDED_ */
