/*
 * The image: what a socket layer writes down for the program that goes on in
 * its place, in the same process: what it holds of sessions and connections,
 * with the numbers of their descriptors. (Relays are written behind it, see
 * irc_strangers.h.) A session's record is also what is kept of it in a file
 * (stored.h). Only the bytes are here; upgrade.c writes them to memory,
 * takeover.c makes a layer of them. No system calls.
 *
 *     head     number of the format, length, lock, listening socket, log
 *     records  type, length, body; the last one is END
 *
 * The head stays as it is for ever: whoever does not know the format can still
 * keep lock and socket. A body begins with the length of its fixed part, to
 * which later versions may add: who knows less of it leaves the rest, who
 * knows more finds what is missing to be 0. Any other change is a new format.
 *
 * Readers trust nothing: what is broken is refused, and touched nothing.
 */

#ifndef _IMAGE_H_INCLUDED_
#define _IMAGE_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#include "eirc_codes.h"
#include "eirc_slice.h"
#include "passport.h"
#include "sessions.h"

#define IMAGE_FORMAT 1

#define IMAGE_HEAD_SIZE 64

/* type and length in front of a body */
#define IMAGE_RECORD_HEAD 8

/* the fixed part of any body */
#define IMAGE_FIXED_MAX 512

#define IMAGE_RECORD_MAX                                                      \
    (IMAGE_RECORD_HEAD + 2 + IMAGE_FIXED_MAX + PASSPORT_MAX)

typedef enum {
    IMAGE_END = 1,
    IMAGE_LAYER,
    IMAGE_SLOT,    /* of the table of sessions, without one */
    IMAGE_SESSION, /* slots and sessions come in the table's order */
    IMAGE_PEER
} image_type_e;

typedef struct {
    uint32_t format;
    uint32_t number; /* K */
    uint64_t length; /* of the image, head included */
    int32_t lock;
    int32_t listen;
    int32_t log; /* or -1 */
} image_head_t;

/* the layer itself */
typedef struct {
    uint64_t idle_since; /* ms */
    uint32_t template;   /* process IDs of the helpers before; 0: none */
    uint32_t connector;
    uint32_t turn; /* of the store (store.h), as the next one */
    uint32_t taken;
    uint64_t adopts_until; /* ms */
} image_layer_t;

#define IMAGE_PEER_WATCH 1
#define IMAGE_PEER_ASKER 2 /* wants to know what came of the upgrade */

/* a connection that is no session */
typedef struct {
    int32_t fd;
    uint32_t kind;     /* 0, or one of the above */
    uint64_t deadline; /* ms */
} image_peer_t;

/* a session: what of it is no number */
typedef struct {
    uint64_t key; /* of the table */
    int32_t pid;  /* 0: none */
    int attached;
    eirc_slice_t fixed;    /* for image_session_fill() */
    eirc_slice_t passport; /* bytes that nobody has checked */
} image_session_t;

/* Writes IMAGE_HEAD_SIZE bytes. */
void image_head_write(uint8_t *p, const image_head_t *head);

/* EIRC_ERROR: it is no image. The format is the caller's to look at. */
int image_head_read(image_head_t *head, const uint8_t *p, size_t len);

/*
 * Each writes one record to p, which holds IMAGE_RECORD_MAX bytes, and returns
 * its length.
 */
size_t image_end_write(uint8_t *p);
size_t image_layer_write(uint8_t *p, const image_layer_t *layer);
size_t image_slot_write(uint8_t *p, uint64_t key);
size_t image_session_write(uint8_t *p, const held_t *s);
size_t image_peer_write(uint8_t *p, const image_peer_t *peer);

/*
 * Takes the record at *p, before end: its body, *p is moved behind it.
 * EIRC_DONE at END, which has to be the last; EIRC_ERROR: it is none. Types
 * that nobody knows are the caller's to pass over.
 */
int image_next(const uint8_t **p, const uint8_t *end, uint32_t *type,
               eirc_slice_t *body);

/* EIRC_ERROR: a rule is broken. */
int image_layer_read(image_layer_t *layer, eirc_slice_t body);
int image_slot_read(uint64_t *key, eirc_slice_t body);
int image_session_read(image_session_t *session, eirc_slice_t body);
int image_peer_read(image_peer_t *peer, eirc_slice_t body);

/*
 * Fills in what of a session is a number, but for those of the table; the rest
 * is left alone. EIRC_ERROR: the session must be given up; its descriptors may
 * be set.
 */
int image_session_fill(held_t *s, const image_session_t *session);

#endif /* _IMAGE_H_INCLUDED_ */
