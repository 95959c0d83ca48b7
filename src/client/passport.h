/*
 * The passport of a session: what a socket layer must know of it for sure, in
 * bytes that it has signed (card.h): its ID and the whole of SESSION. The layer
 * writes it at the session's birth and gives it to each of the session's
 * processes, which show it to the next layer when there has to be one.
 *
 * It says nothing of whether the session lives, or of what has become of it.
 */

#ifndef _PASSPORT_H_INCLUDED_
#define _PASSPORT_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#include "card.h"
#include "eirc_link.h"

/* version, kind, length, ID */
#define PASSPORT_HEAD (4 + EIRC_LINK_ID_MAX + 1)

#define PASSPORT_MAX (PASSPORT_HEAD + EIRC_LINK_SESSION_MAX + CARD_CODE_SIZE)

/* strings point into the bytes it was read from */
typedef struct {
    char id[EIRC_LINK_ID_MAX + 1];
    eirc_link_session_t session;
} passport_t;

/* Writes one to p, which holds PASSPORT_MAX bytes. Returns its length, or 0:
 * the request or the ID is out of bounds, or libcrypto fails. */
size_t passport_write(const card_key_t *key, uint8_t *p, const char *id,
                      const eirc_link_session_t *session);

/* Reads one that came from where it can't have been changed. */
int passport_read(passport_t *passport, const uint8_t *p, size_t len);

/* Reads one from anybody: EIRC_ERROR also for whatever passport_write() has
 * not written with that key. */
int passport_check(const card_key_t *key, passport_t *passport,
                   const uint8_t *p, size_t len);

#endif /* _PASSPORT_H_INCLUDED_ */
