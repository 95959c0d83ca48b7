#include "members.h"

#include <stdlib.h>
#include <string.h>

#define ENTRY_HEAD 2
#define INDEX_FROM 16 /* members; fewer are found as fast one by one */


void
members_init(members_t *m, eirc_irc_casemap_e casemap, uint32_t seed)
{
    memset(m, 0, sizeof(members_t));
    m->casemap = casemap;
    m->seed = seed;
}


void
members_done(members_t *m)
{
    free(m->names);
    free(m->index);
    members_init(m, m->casemap, m->seed);
}


static eirc_slice_t
entry_nick(const members_t *m, uint32_t at)
{
    return eirc_slice(m->names + at + ENTRY_HEAD, m->names[at + 1]);
}


static uint32_t
slot_of(const members_t *m, eirc_slice_t nick)
{
    return eirc_irc_hash(m->casemap, m->seed, nick) & (m->slots - 1);
}


/* Where a nick is in the index, or the empty slot where it would be. */
static uint32_t
slot_find(const members_t *m, eirc_slice_t nick)
{
    uint32_t slot;

    slot = slot_of(m, nick);

    while (m->index[slot] != 0
           && !eirc_irc_equal(m->casemap, entry_nick(m, m->index[slot] - 1),
                              nick))
    {
        slot = (slot + 1) & (m->slots - 1);
    }

    return slot;
}


/* Closes the gap at an empty slot: what was pushed behind it moves up. */
static void
slot_remove(members_t *m, uint32_t gap)
{
    uint32_t slot, home, mask;

    mask = m->slots - 1;
    m->index[gap] = 0;

    for (slot = (gap + 1) & mask; m->index[slot] != 0;
         slot = (slot + 1) & mask) {
        home = slot_of(m, entry_nick(m, m->index[slot] - 1));

        if (((slot - home) & mask) >= ((slot - gap) & mask)) {
            m->index[gap] = m->index[slot];
            m->index[slot] = 0;
            gap = slot;
        }
    }
}


/* The entry behind *cursor that lives: its offset, or m->used. */
static uint32_t
entry_next(const members_t *m, uint32_t *cursor)
{
    uint32_t at, len;

    while (*cursor < m->used) {
        at = *cursor;
        len = m->names[at + 1];

        if (len > 0) {
            *cursor += ENTRY_HEAD + len;
            return at;
        }

        /* of an entry that is gone the first byte of the nick is the length */

        *cursor += ENTRY_HEAD + m->names[at + ENTRY_HEAD];
    }

    return m->used;
}


bool
members_next(const members_t *m, uint32_t *cursor, eirc_slice_t *nick,
             uint8_t *prefixes)
{
    uint32_t at;

    at = entry_next(m, cursor);

    if (at == m->used) {
        return false;
    }

    *nick = entry_nick(m, at);
    *prefixes = m->names[at];

    return true;
}


/* Writes the index anew, for twice the members there are. */
static int
index_build(members_t *m)
{
    uint32_t at, cursor, slots, *index;

    for (slots = 64; slots < 3 * m->count; slots *= 2) {
        /* void */
    }

    index = calloc(slots, sizeof(uint32_t));

    if (index == NULL) {
        return EIRC_ERROR;
    }

    free(m->index);
    m->index = index;
    m->slots = slots;

    cursor = 0;

    while ((at = entry_next(m, &cursor)) < m->used) {
        index[slot_find(m, entry_nick(m, at))] = at + 1;
    }

    return EIRC_OK;
}


/* Gives the entries that are gone back, and room for len bytes more. */
static int
names_resize(members_t *m, uint32_t len)
{
    uint32_t at, cursor, size, used;
    uint8_t *names;

    used = m->used - m->dead;
    size = (used + len) + (used + len) / 4 + 32;
    names = malloc(size);

    if (names == NULL) {
        return EIRC_ERROR;
    }

    cursor = 0;
    used = 0;

    while ((at = entry_next(m, &cursor)) < m->used) {
        memcpy(names + used, m->names + at, ENTRY_HEAD + m->names[at + 1]);
        used += ENTRY_HEAD + m->names[at + 1];
    }

    free(m->names);
    m->names = names;
    m->size = size;
    m->used = used;
    m->dead = 0;

    /* the old index knows the old places */

    if (m->index != NULL && index_build(m) != EIRC_OK) {
        free(m->index);
        m->index = NULL;
        m->slots = 0;
    }

    return EIRC_OK;
}


/* The offset of a nick's entry, or m->used. */
static uint32_t
entry_find(const members_t *m, eirc_slice_t nick)
{
    uint32_t at, cursor, slot;

    if (m->index != NULL) {
        slot = slot_find(m, nick);
        return m->index[slot] == 0 ? m->used : m->index[slot] - 1;
    }

    cursor = 0;

    while ((at = entry_next(m, &cursor)) < m->used) {

        if (eirc_irc_equal(m->casemap, entry_nick(m, at), nick)) {
            return at;
        }
    }

    return m->used;
}


uint8_t *
members_find(const members_t *m, eirc_slice_t nick)
{
    uint32_t at;

    at = entry_find(m, nick);

    return at == m->used ? NULL : m->names + at;
}


int
members_add(members_t *m, eirc_slice_t nick, uint8_t prefixes)
{
    uint8_t *p;
    uint32_t len;

    if (nick.len == 0 || nick.len > EIRC_IRC_NICK_MAX) {
        return EIRC_ERROR;
    }

    p = members_find(m, nick);

    if (p != NULL) {
        *p = prefixes;
        return EIRC_OK;
    }

    len = (uint32_t) (ENTRY_HEAD + nick.len);

    if (m->count >= MEMBERS_MAX
        || ((m->names == NULL || m->used + len > m->size)
            && names_resize(m, len) != EIRC_OK))
    {
        return EIRC_ERROR;
    }

    p = m->names + m->used;
    p[0] = prefixes;
    p[1] = (uint8_t) nick.len;
    memcpy(p + ENTRY_HEAD, nick.p, nick.len);
    m->used += len;
    m->count++;

    if (m->index != NULL && 2 * m->count <= m->slots) {
        m->index[slot_find(m, nick)] = m->used - len + 1;
        return EIRC_OK;
    }

    if (m->count > INDEX_FROM && index_build(m) != EIRC_OK && m->index != NULL)
    {
        free(m->index);
        m->index = NULL;
        m->slots = 0;
    }

    return EIRC_OK;
}


bool
members_remove(members_t *m, eirc_slice_t nick)
{
    uint8_t len;
    uint32_t at;

    at = entry_find(m, nick);

    if (at == m->used) {
        return false;
    }

    if (m->index != NULL) {
        slot_remove(m, slot_find(m, nick));
    }

    len = m->names[at + 1];
    m->names[at + 1] = 0;
    m->names[at + ENTRY_HEAD] = len;
    m->dead += ENTRY_HEAD + len;
    m->count--;

    if (m->dead > 256 && m->dead > m->used / 2) {
        (void) names_resize(m, 0);
    }

    return true;
}
