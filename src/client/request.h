/*
 * Who the user is and what is wished for: read from the JSON of USER
 * (docs/link.md, 6), or from a command line, checked, and completed. What
 * can't stand in an IRC line never comes out of here. Called by the worker at
 * its start.
 */

#ifndef _REQUEST_H_INCLUDED_
#define _REQUEST_H_INCLUDED_

#include <stdint.h>

#include "secrets.h"
#include "session.h"

/* channels to join; those behind are left out, a server has its limit too */
#define REQUEST_CHANNELS_MAX 50

/*
 * What the JSON becomes in memory, at worst: an object of 64 KB with nothing
 * but small members takes some MB. Only what is touched costs anything.
 */
#define REQUEST_ROOM (16 * 1024 * 1024)

typedef struct {
    session_identity_t identity;
    secrets_t secrets;
    session_charsets_t charsets;
    unsigned nchannels;
    uint32_t used;
    /* names, each behind its length */
    uint8_t channels[REQUEST_CHANNELS_MAX * (EIRC_IRC_CHANNEL_MAX + 1)];
} request_t;

/* Nobody, on eIRC's way, without flood control; a secret would be used for
 * SASL where the server has it. */
void request_init(request_t *r);

/* Sets jansson up, once; before a fork, or with the first request. */
void request_prepare(void);

/*
 * Reads and checks the JSON, and finishes. room is REQUEST_ROOM bytes, aligned
 * for anything, of which those that were used are cleared. EIRC_ERROR: refused,
 * *error says why, without a word of what was in it.
 */
int request_read(request_t *r, const void *json, size_t len, void *room,
                 const char **error);

/* Sets one of the strings by its name in the user object; as above. */
int request_set(request_t *r, const char *name, eirc_slice_t value,
                const char **error);

/* Adds channels from a list with commas; "" adds none. */
int request_channels(request_t *r, eirc_slice_t list, const char **error);

/* Fills in what was not said; without a nick, refuses. */
int request_finish(request_t *r, const char **error);

/* The next channel; *cursor is 0 at first. EIRC_DONE behind the last. */
int request_channel_next(const request_t *r, uint32_t *cursor,
                         eirc_slice_t *name);

/* A name for USER from other words: what may not stand there is left out. */
void request_username(char *username, eirc_slice_t words);

#endif /* _REQUEST_H_INCLUDED_ */
