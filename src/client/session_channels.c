/* The list of channels in the segment: a part of session.h. */

#include "session.h"

#include <stddef.h>
#include <string.h>

/* flags and two lengths, in front of name and key */
#define ENTRY_HEAD 3
#define ENTRY_MAX (ENTRY_HEAD + EIRC_IRC_CHANNEL_MAX + SESSION_KEY_MAX)


/* An edit: so many bytes of the list at a place become others. */
typedef struct {
    uint32_t at;
    uint32_t old;
    uint32_t len;
    uint8_t bytes[ENTRY_MAX];
} edit_t;


/*
 * Where a list of len bytes begins: the first one ends in the middle of the
 * area, where the second one begins.
 */
static uint8_t *
list_base(const session_t *s, uint32_t which, uint32_t len)
{
    uint8_t *middle;

    middle = s->channels + SESSION_CHANNELS_SIZE;

    return which == 0 ? middle - len : middle;
}


int
session_channel_next(const session_t *s, uint32_t *cursor,
                     session_channel_t *channel)
{
    uint32_t left;
    const uint8_t *p;

    left = s->state->channels_len - *cursor;

    if (left == 0) {
        return EIRC_DONE;
    }

    p = list_base(s, s->state->channels, s->state->channels_len) + *cursor;

    if (left < ENTRY_HEAD || p[1] == 0 || p[1] > EIRC_IRC_CHANNEL_MAX
        || p[2] > SESSION_KEY_MAX
        || left < (uint32_t) ENTRY_HEAD + p[1] + p[2])
    {
        return EIRC_ERROR;
    }

    channel->flags = p[0];
    channel->name = eirc_slice(p + ENTRY_HEAD, p[1]);
    channel->key = eirc_slice(p + ENTRY_HEAD + p[1], p[2]);
    *cursor += (uint32_t) ENTRY_HEAD + p[1] + p[2];

    return EIRC_OK;
}


/* Finds an entry: its place, or the end of the list and 0 bytes. */
static int
entry_find(const session_t *s, eirc_irc_casemap_e map, eirc_slice_t name,
           session_channel_t *channel, uint32_t *at, uint32_t *len)
{
    uint32_t cursor;

    cursor = 0;
    *at = 0;

    while (session_channel_next(s, &cursor, channel) == EIRC_OK) {

        if (eirc_irc_equal(map, channel->name, name)) {
            *len = cursor - *at;
            return EIRC_OK;
        }

        *at = cursor;
    }

    *len = 0;

    return EIRC_DONE;
}


int
session_channel_find(const session_t *s, eirc_irc_casemap_e map,
                     eirc_slice_t name, session_channel_t *channel)
{
    uint32_t at, len;

    return entry_find(s, map, name, channel, &at, &len);
}


/*
 * Within a step the first edit writes the whole list into the idle place, the
 * next ones change it there; memmove does for both.
 */
static int
list_edit(session_t *s, const edit_t *edit)
{
    uint8_t *base;
    uint32_t len, which;
    const uint8_t *old;

    len = s->state->channels_len - edit->old + edit->len;

    if (len > SESSION_CHANNELS_SIZE) {
        return EIRC_ERROR;
    }

    which = s->state->channels;
    old = list_base(s, which, s->state->channels_len);

    if (!s->channels_new) {
        which ^= 1;
        s->channels_new = true;
    }

    base = list_base(s, which, len);

    memmove(base, old, edit->at);
    memmove(base + edit->at + edit->len, old + edit->at + edit->old,
            s->state->channels_len - edit->at - edit->old);
    memcpy(base + edit->at, edit->bytes, edit->len);

    s->state->channels = which;
    s->state->channels_len = len;

    return EIRC_OK;
}


int
session_channel_set(session_t *s, eirc_irc_casemap_e map, eirc_slice_t name,
                    eirc_slice_t key, uint8_t flags)
{
    edit_t edit;
    session_channel_t channel;

    if (name.len == 0 || name.len > EIRC_IRC_CHANNEL_MAX
        || key.len > SESSION_KEY_MAX)
    {
        return EIRC_ERROR;
    }

    if (entry_find(s, map, name, &channel, &edit.at, &edit.old) == EIRC_OK) {
        name = channel.name;

        if (key.p == NULL) {
            key = channel.key;
        }

        if (channel.flags == flags && eirc_slice_equal(channel.key, key)) {
            return EIRC_OK;
        }
    }

    edit.bytes[0] = flags;
    edit.bytes[1] = (uint8_t) name.len;
    edit.bytes[2] = (uint8_t) key.len;
    memcpy(edit.bytes + ENTRY_HEAD, name.p, name.len);

    if (key.len > 0) {
        memcpy(edit.bytes + ENTRY_HEAD + name.len, key.p, key.len);
    }

    edit.len = (uint32_t) (ENTRY_HEAD + name.len + key.len);

    return list_edit(s, &edit);
}


void
session_channel_remove(session_t *s, eirc_irc_casemap_e map, eirc_slice_t name)
{
    edit_t edit;
    session_channel_t channel;

    edit.len = 0;

    if (entry_find(s, map, name, &channel, &edit.at, &edit.old) == EIRC_OK) {
        (void) list_edit(s, &edit);
    }
}


/* All of the list, to change flags in: this step's own; NULL: no room. */
static uint8_t *
list_own(session_t *s)
{
    edit_t edit;

    memset(&edit, 0, offsetof(edit_t, bytes));

    if (list_edit(s, &edit) != EIRC_OK) {
        return NULL;
    }

    return list_base(s, s->state->channels, s->state->channels_len);
}


void
session_channels_mark(session_t *s, uint8_t which, uint8_t flag)
{
    uint8_t *base;
    uint32_t at, cursor;
    session_channel_t channel;

    base = list_own(s);
    cursor = 0;

    for (at = 0;
         base != NULL && session_channel_next(s, &cursor, &channel) == EIRC_OK;
         at = cursor)
    {
        if (channel.flags & which) {
            base[at] = channel.flags | flag;
        }
    }
}


void
session_channels_leave(session_t *s)
{
    uint8_t *base;
    uint32_t at, cursor;
    session_channel_t channel;

    base = list_own(s);
    cursor = 0;

    for (at = 0;
         base != NULL && session_channel_next(s, &cursor, &channel) == EIRC_OK;
         at = cursor)
    {
        base[at]
            = channel.flags & (SESSION_CHANNEL_JOINED | SESSION_CHANNEL_LEFT)
                  ? SESSION_CHANNEL_LEFT
                  : 0;
    }
}


void
session_channels_restore(session_t *s, const uint8_t *list, uint32_t len)
{
    int rc;
    uint32_t cursor;
    session_channel_t channel;

    memcpy(list_base(s, s->state->channels, len), list, len);
    s->state->channels_len = len;
    cursor = 0;

    do {
        rc = session_channel_next(s, &cursor, &channel);
    } while (rc == EIRC_OK);

    if (rc != EIRC_DONE) {
        s->state->channels_len = 0;
        return;
    }

    session_channels_leave(s);
}
