/*
 * What a user can know of the server: what it supports, which channels the
 * user is in, who else is there. A cache: a successor asks for it anew. Owned
 * by the worker; handle.c writes it. Facts, no I/O.
 */

#ifndef _STATE_H_INCLUDED_
#define _STATE_H_INCLUDED_

#include <stdbool.h>
#include <stdint.h>

#include "isupport.h"
#include "members.h"

/* channels at a time, and members of them all together; others don't count */
#define STATE_CHANNELS_MAX 512
#define STATE_MEMBERS_MAX 200000

typedef struct {
    members_t members;
    members_t names; /* of 353, until 366 makes them the members */
    bool naming;
    bool stale;  /* the members are those of a predecessor: not known */
    bool wanted; /* ... and somebody wants to know them */
    bool asked;  /* ... and the server was asked (rebuild.h) */
    uint8_t len;
    char name[];
} channel_t;

typedef struct {
    isupport_t isupport;
    channel_t **channels; /* sorted by name */
    uint32_t count;
    uint32_t size;
    uint32_t seed; /* of hashes; random */
} state_t;

void state_init(state_t *st, uint32_t seed);
void state_done(state_t *st);

/* Another connection, another server: nothing is known any more. */
void state_reset(state_t *st);

channel_t *state_channel(const state_t *st, eirc_slice_t name);
eirc_slice_t state_channel_name(const channel_t *ch);

/* The user came into a channel (NULL: no memory, or too many), or left it. */
channel_t *state_channel_add(state_t *st, eirc_slice_t name);
void state_channel_remove(state_t *st, eirc_slice_t name);

/* Another user came, left, left everything, has another nick. */
void state_join(state_t *st, channel_t *ch, eirc_slice_t nick);
void state_part(state_t *st, channel_t *ch, eirc_slice_t nick);
void state_quit(state_t *st, eirc_slice_t nick);
void state_rename(state_t *st, eirc_slice_t from, eirc_slice_t to);

/* 353: names with prefixes and spaces between them; and 366. */
void state_names(state_t *st, channel_t *ch, eirc_slice_t names);
void state_names_end(state_t *st, channel_t *ch);

/* MODE of a channel: the letters, and the parameters behind them. */
void state_modes(state_t *st, channel_t *ch, eirc_slice_t modes,
                 const eirc_slice_t *params, unsigned nparams);

/*
 * What becomes of one channel mode with a parameter: its parameter, and whether
 * it is set or taken away. false: it is not among them, or has none.
 */
bool state_mode_find(const state_t *st, eirc_slice_t modes,
                     const eirc_slice_t *params, unsigned nparams,
                     uint8_t mode, bool *set, eirc_slice_t *param);

#endif /* _STATE_H_INCLUDED_ */
