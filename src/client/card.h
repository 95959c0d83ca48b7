/*
 * Cards: what a process shows to a new socket layer, to which it is a
 * stranger, when its own is gone. A card names who was given it and carries a
 * code (HMAC-SHA256) under a key that lies in the run directory and that socket
 * layers alone read: nobody else can make one, or make another out of it. It
 * does not say that its bearer lives, nor that there is no other bearer.
 */

#ifndef _CARD_H_INCLUDED_
#define _CARD_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#include "eirc_limits.h"

#define CARD_KEY_SIZE 32
#define CARD_CODE_SIZE 32

typedef struct {
    uint8_t bytes[CARD_KEY_SIZE];
} card_key_t;

/* the second byte of whatever is signed, so that none of it passes for another
 * kind; the first one is its version */
typedef enum {
    CARD_RELAY = 2, /* the ID is the relay's own */
    CARD_PASSPORT,  /* of a session: passport.h */
    CARD_STORE      /* a session's file: store.h */
} card_kind_e;

/* As it goes over: bytes alone, what is not used of them is 0. */
typedef struct {
    uint8_t version;
    uint8_t kind;
    uint8_t zero[2];
    char id[EIRC_LINK_ID_MAX + 1]; /* terminated */
    uint8_t reserved[64];
    uint8_t code[CARD_CODE_SIZE];
} card_t;

_Static_assert(sizeof(card_t) == EIRC_LINK_CARD_SIZE, "size of a card");

/*
 * Reads the key from the file "key" in that directory (AT_FDCWD for the current
 * one), or makes it there: of several that make one at a time all get the same.
 * -1 and errno: EPERM where others may read the file, EBADMSG where it is no
 * key.
 */
int card_key_open(card_key_t *key, int dir);

/* Makes the code of any bytes, or looks whether it is theirs. EIRC_ERROR: it
 * isn't, or libcrypto fails. */
int card_sign(const card_key_t *key, const uint8_t *p, size_t len,
              uint8_t *code);
int card_signed(const card_key_t *key, const uint8_t *p, size_t len,
                const uint8_t *code);

/* Writes a card; EIRC_ERROR: the ID is too long, or libcrypto fails. */
int card_write(const card_key_t *key, card_t *card, card_kind_e kind,
               const char *id);

/* EIRC_OK, or EIRC_ERROR for whatever card_write() has not written with that
 * key. */
int card_verify(const card_key_t *key, const card_t *card);

#endif /* _CARD_H_INCLUDED_ */
