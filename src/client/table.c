#include "table.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 128


static table_item_t *
item_at(const table_t *t, uint32_t slot)
{
    return (table_item_t *) (void *) (t->chunks[slot / CHUNK]
                                      + (slot % CHUNK) * t->item_size);
}


void
table_init(table_t *t, size_t item_size)
{
    memset(t, 0, sizeof(table_t));

    /* chunks come from calloc: every item is aligned as its first one is */

    t->item_size = (item_size + 15) & ~(size_t) 15;
}


static int
chunk_add(table_t *t)
{
    uint8_t **chunks;

    chunks = realloc(t->chunks, (t->nchunks + 1) * sizeof(uint8_t *));
    if (chunks == NULL) {
        return -1;
    }

    t->chunks = chunks;

    chunks[t->nchunks] = calloc(CHUNK, t->item_size);
    if (chunks[t->nchunks] == NULL) {
        return -1;
    }

    t->nchunks++;

    return 0;
}


/* The next slot that was never used; NULL: no memory. */
static table_item_t *
slot_add(table_t *t)
{
    if (t->nslots / CHUNK == t->nchunks && chunk_add(t) == -1) {
        return NULL;
    }

    return item_at(t, t->nslots++);
}


static void *
item_begin(table_t *t, table_item_t *item, uint64_t key)
{
    memset(item, 0, t->item_size);

    item->key = key;
    item->live = 1;
    t->count++;

    return item;
}


void *
table_add(table_t *t)
{
    uint32_t slot, generation;
    table_item_t *item;

    if (t->free != 0) {
        slot = t->free - 1;
        item = item_at(t, slot);
        t->free = item->next_free;

    } else {
        slot = t->nslots;
        item = slot_add(t);

        if (item == NULL) {
            return NULL;
        }
    }

    generation = (uint32_t) (item->key >> 32) + 1;
    if (generation > TABLE_GENERATION_MAX) {
        generation = 1;
    }

    return item_begin(t, item, (uint64_t) generation << 32 | slot);
}


uint64_t
table_key(const table_t *t, uint32_t slot)
{
    return slot < t->nslots ? item_at(t, slot)->key : 0;
}


void *
table_put(table_t *t, uint64_t key)
{
    uint64_t generation;
    table_item_t *item;

    generation = key >> 32;

    if ((uint32_t) key != t->nslots || generation == 0
        || generation > TABLE_GENERATION_MAX)
    {
        return NULL;
    }

    item = slot_add(t);

    return item == NULL ? NULL : item_begin(t, item, key);
}


int
table_skip(table_t *t, uint64_t key)
{
    void *item;

    item = table_put(t, key);
    if (item == NULL) {
        return -1;
    }

    table_remove(t, item);

    return 0;
}


void *
table_find(const table_t *t, uint64_t key)
{
    uint32_t slot;
    table_item_t *item;

    slot = (uint32_t) key;

    if (slot >= t->nslots) {
        return NULL;
    }

    item = item_at(t, slot);

    return (item->live && item->key == key) ? item : NULL;
}


void
table_remove(table_t *t, void *p)
{
    table_item_t *item;

    item = p;

    item->live = 0;
    item->next_free = t->free;
    t->free = (uint32_t) item->key + 1;
    t->count--;
}


void *
table_next(const table_t *t, uint32_t *slot)
{
    table_item_t *item;

    while (*slot < t->nslots) {
        item = item_at(t, (*slot)++);

        if (item->live) {
            return item;
        }
    }

    return NULL;
}


void
table_done(table_t *t)
{
    uint32_t i;

    for (i = 0; i < t->nchunks; i++) {
        free(t->chunks[i]);
    }

    free(t->chunks);
    table_init(t, t->item_size);
}
