/*
 * A session as it lies in a file (store.h), for a layer that comes after this
 * one: what the layer holds of it, in the bytes of an upgrade's image, and the
 * pages of its segment that hold anything. Only the bytes are here; preserve.c
 * makes them, and a session of them. No system calls.
 *
 *     head     version, kind, flags, life, turn, size, length, number
 *     record   IMAGE_SESSION, without process and descriptors
 *     pages    each: its number, SESSION_PAGE bytes; in ascending order
 *     code     HMAC-SHA256 over all before it (card.h)
 *
 * Readers trust nothing: what is broken is refused.
 */

#ifndef _STORED_H_INCLUDED_
#define _STORED_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#include "card.h"
#include "eirc_codes.h"
#include "eirc_slice.h"
#include "image.h"
#include "passport.h"
#include "session.h"
#include "sessions.h"

#define STORED_HEAD 32

/* a page and its number */
#define STORED_PAGE (4 + SESSION_PAGE)

/* no process has touched the segment since: its counts are those of the
 * browser */
#define STORED_EXACT 0x0001
#define STORED_FLAGS 0x0001

typedef struct {
    uint16_t flags;
    uint32_t life; /* s that the file is good for */
    uint32_t turn; /* of the directory, see store.h */
    uint32_t size; /* of the segment */
} stored_head_t;

/* slices point into the bytes it was read from */
typedef struct {
    stored_head_t head;
    image_session_t session;
    passport_t passport;
    eirc_slice_t pages;
} stored_t;

/* Bytes that a session with a segment of that size, of which len bytes are to
 * be kept, takes at most. */
size_t stored_room(size_t len);

/*
 * Writes it to p, which has that room: the session, and the first len bytes of
 * its segment, whole pages. Returns its length, or 0: libcrypto fails.
 */
size_t stored_write(const card_key_t *key, uint8_t *p,
                    const stored_head_t *head, const held_t *s,
                    const uint8_t *segment, size_t len);

/* The head alone, of bytes that nobody has checked; EIRC_ERROR: it is none. */
int stored_head_read(stored_head_t *head, const uint8_t *p, size_t len);

/* EIRC_ERROR: a rule is broken, or it was not written with that key. */
int stored_read(const card_key_t *key, stored_t *stored, const uint8_t *p,
                size_t len);

/* The next page, *cursor is 0 at first; its offset in the segment. NULL behind
 * the last. */
const uint8_t *stored_page(const stored_t *stored, size_t *cursor,
                           size_t *offset);

/*
 * Fills in what of a session is a number, as image_session_fill(); it has no
 * process, descriptor, connection or browser then, and waits. EIRC_ERROR: it
 * must be given up.
 */
int stored_fill(held_t *s, const stored_t *stored);

#endif /* _STORED_H_INCLUDED_ */
