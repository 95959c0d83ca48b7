#include "state.h"

#include <stdlib.h>
#include <string.h>


void
state_init(state_t *st, uint32_t seed)
{
    memset(st, 0, sizeof(state_t));
    st->seed = seed;
    isupport_init(&st->isupport);
}


static void
channel_free(channel_t *ch)
{
    members_done(&ch->members);
    members_done(&ch->names);
    free(ch);
}


void
state_done(state_t *st)
{
    uint32_t i;

    for (i = 0; i < st->count; i++) {
        channel_free(st->channels[i]);
    }

    free(st->channels);
    state_init(st, st->seed);
}


void
state_reset(state_t *st)
{
    state_done(st);
}


eirc_slice_t
state_channel_name(const channel_t *ch)
{
    return eirc_slice(ch->name, ch->len);
}


/* The place of a name among the channels: where it is, or would be. */
static uint32_t
channel_place(const state_t *st, eirc_slice_t name, bool *found)
{
    int cmp;
    uint32_t low, high, middle;

    low = 0;
    high = st->count;
    *found = false;

    while (low < high) {
        middle = low + (high - low) / 2;
        cmp = eirc_irc_compare(st->isupport.casemap, name,
                               state_channel_name(st->channels[middle]));

        if (cmp == 0) {
            *found = true;
            return middle;
        }

        if (cmp < 0) {
            high = middle;

        } else {
            low = middle + 1;
        }
    }

    return low;
}


channel_t *
state_channel(const state_t *st, eirc_slice_t name)
{
    bool found;
    uint32_t place;

    place = channel_place(st, name, &found);

    return found ? st->channels[place] : NULL;
}


static int
channels_grow(state_t *st)
{
    uint32_t size;
    channel_t **channels;

    if (st->count < st->size) {
        return EIRC_OK;
    }

    size = st->size == 0 ? 8 : st->size * 2;
    channels = realloc(st->channels, size * sizeof(channel_t *));

    if (channels == NULL) {
        return EIRC_ERROR;
    }

    st->channels = channels;
    st->size = size;

    return EIRC_OK;
}


channel_t *
state_channel_add(state_t *st, eirc_slice_t name)
{
    bool found;
    uint32_t place;
    channel_t *ch;

    place = channel_place(st, name, &found);

    if (found) {
        return st->channels[place];
    }

    if (name.len == 0 || name.len > EIRC_IRC_CHANNEL_MAX
        || st->count >= STATE_CHANNELS_MAX || channels_grow(st) != EIRC_OK)
    {
        return NULL;
    }

    ch = malloc(sizeof(channel_t) + name.len);

    if (ch == NULL) {
        return NULL;
    }

    members_init(&ch->members, st->isupport.casemap, st->seed);
    members_init(&ch->names, st->isupport.casemap, st->seed);
    ch->naming = false;
    ch->stale = false;
    ch->wanted = false;
    ch->asked = false;
    ch->len = (uint8_t) name.len;
    memcpy(ch->name, name.p, name.len);

    memmove(st->channels + place + 1, st->channels + place,
            (st->count - place) * sizeof(channel_t *));
    st->channels[place] = ch;
    st->count++;

    return ch;
}


void
state_channel_remove(state_t *st, eirc_slice_t name)
{
    bool found;
    uint32_t place;

    place = channel_place(st, name, &found);

    if (!found) {
        return;
    }

    channel_free(st->channels[place]);
    st->count--;
    memmove(st->channels + place, st->channels + place + 1,
            (st->count - place) * sizeof(channel_t *));
}


/* Would one more be too many?  Asked for each, so kept cheap. */
static bool
state_full(const state_t *st, const members_t *m)
{
    uint32_t i, count;

    /* only a large channel can be the one too many */

    if (m->count < STATE_MEMBERS_MAX / STATE_CHANNELS_MAX / 2) {
        return false;
    }

    count = 0;

    for (i = 0; i < st->count; i++) {
        count += st->channels[i]->members.count + st->channels[i]->names.count;
    }

    return count >= STATE_MEMBERS_MAX;
}


void
state_join(state_t *st, channel_t *ch, eirc_slice_t nick)
{
    if (!state_full(st, &ch->members)) {
        (void) members_add(&ch->members, nick, 0);

        if (ch->naming) {
            (void) members_add(&ch->names, nick, 0);
        }
    }
}


void
state_part(state_t *st, channel_t *ch, eirc_slice_t nick)
{
    (void) st;
    (void) members_remove(&ch->members, nick);
    (void) members_remove(&ch->names, nick);
}


void
state_quit(state_t *st, eirc_slice_t nick)
{
    uint32_t i;

    for (i = 0; i < st->count; i++) {
        state_part(st, st->channels[i], nick);
    }
}


static void
member_rename(members_t *m, eirc_slice_t from, eirc_slice_t to)
{
    uint8_t *p, prefixes;

    p = members_find(m, from);

    if (p != NULL) {
        prefixes = *p;
        (void) members_remove(m, from);
        (void) members_add(m, to, prefixes);
    }
}


void
state_rename(state_t *st, eirc_slice_t from, eirc_slice_t to)
{
    uint32_t i;

    for (i = 0; i < st->count; i++) {
        member_rename(&st->channels[i]->members, from, to);
        member_rename(&st->channels[i]->names, from, to);
    }
}


/* One of the names in 353: prefixes, nick, perhaps with its user and host. */
static void
name_add(state_t *st, channel_t *ch, eirc_slice_t name)
{
    uint8_t bit, prefixes;
    eirc_slice_t nick, user, host;

    prefixes = 0;

    while (name.len > 0
           && (bit = isupport_prefix_char(&st->isupport, name.p[0])) != 0)
    {
        prefixes |= bit;
        name = eirc_slice(name.p + 1, name.len - 1);
    }

    eirc_irc_source_split(name, &nick, &user, &host);

    if (!state_full(st, &ch->names)) {
        (void) members_add(&ch->names, nick, prefixes);
    }
}


void
state_names(state_t *st, channel_t *ch, eirc_slice_t names)
{
    size_t i, start;

    ch->naming = true;

    for (i = 0; i < names.len; i = start + 1) {
        for (start = i; start < names.len && names.p[start] != ' '; start++) {
            /* void */
        }

        if (start > i) {
            name_add(st, ch, eirc_slice(names.p + i, start - i));
        }
    }
}


void
state_names_end(state_t *st, channel_t *ch)
{
    if (!ch->naming) {
        return;
    }

    members_done(&ch->members);
    ch->members = ch->names;
    members_init(&ch->names, st->isupport.casemap, st->seed);
    ch->naming = false;
}


static void
member_mode(members_t *m, eirc_slice_t nick, uint8_t bit, bool set)
{
    uint8_t *p;

    p = members_find(m, nick);

    if (p != NULL) {
        *p = (uint8_t) (set ? *p | bit : *p & ~bit);
    }
}


/* Has a mode that is no prefix a parameter? */
static bool
mode_has_param(const isupport_t *is, uint8_t c, bool set)
{
    return c != '\0'
           && (strchr(is->modes_always, c) != NULL
               || (set && strchr(is->modes_set, c) != NULL));
}


void
state_modes(state_t *st, channel_t *ch, eirc_slice_t modes,
            const eirc_slice_t *params, unsigned nparams)
{
    bool set;
    size_t i;
    uint8_t bit, c;
    unsigned n;

    set = true;
    n = 0;

    for (i = 0; i < modes.len; i++) {
        c = modes.p[i];
        bit = isupport_prefix_mode(&st->isupport, c);

        if (c == '+' || c == '-') {
            set = c == '+';

        } else if (bit != 0 && n < nparams) {
            member_mode(&ch->members, params[n], bit, set);
            member_mode(&ch->names, params[n], bit, set);
            n++;

        } else if (mode_has_param(&st->isupport, c, set)) {
            n++;
        }
    }
}


bool
state_mode_find(const state_t *st, eirc_slice_t modes,
                const eirc_slice_t *params, unsigned nparams, uint8_t mode,
                bool *set, eirc_slice_t *param)
{
    bool found, sign;
    size_t i;
    uint8_t c;
    unsigned n;

    found = false;
    sign = true;
    n = 0;

    /* the last one counts */

    for (i = 0; i < modes.len && n < nparams; i++) {
        c = modes.p[i];

        if (c == '+' || c == '-') {
            sign = c == '+';

        } else if (isupport_prefix_mode(&st->isupport, c) != 0
                   || mode_has_param(&st->isupport, c, sign))
        {
            if (c == mode) {
                found = true;
                *set = sign;
                *param = params[n];
            }

            n++;
        }
    }

    return found;
}
