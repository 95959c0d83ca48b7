/*
 * What a worker tells a socket layer that is not its own, of itself (ADOPT): its
 * passport, which the layer can believe, and what has become of the session
 * since, which it can't, but which concerns this session alone. Along go the
 * descriptors: segment, connection to IRC, link, as far as there are any. Only
 * the bytes are here: adopt.c sends them, adoption.c takes them.
 */

#ifndef _CLAIM_H_INCLUDED_
#define _CLAIM_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#include "eirc_slice.h"
#include "passport.h"

/* the claim before the passport */
#define CLAIM_SIZE 80

#define CLAIM_RECORD_MAX (EIRC_LINK_HEADER_SIZE + CLAIM_SIZE + PASSPORT_MAX)

/* of the records of irc-client's own that follow */
#define CLAIM_VERSION 1

#define CLAIM_IRC 0x01     /* there is a connection to IRC */
#define CLAIM_LINK 0x02    /* there is a link */
#define CLAIM_RESUMED 0x04 /* the browser on it has come back */
#define CLAIM_FLAGS 0x07

typedef struct {
    uint32_t flags;
    uint32_t attachment; /* their numbers */
    uint32_t connection;
    uint32_t server; /* of those in SESSION */
    uint8_t key[EIRC_LINK_KEY_SIZE];
    uint8_t next_key[EIRC_LINK_KEY_SIZE];
    eirc_slice_t passport; /* bytes that nobody has checked */
} claim_t;

/* Writes the whole record to p, which holds CLAIM_RECORD_MAX bytes. Returns its
 * length, or 0: the passport is too long. */
size_t claim_write(uint8_t *p, const claim_t *claim);

/* Reads a whole record. EIRC_ERROR: a rule is broken, or it is of another
 * version. */
int claim_read(claim_t *claim, const uint8_t *p, size_t len);

/* Descriptors that belong to it. */
int claim_descriptors(const claim_t *claim);

#endif /* _CLAIM_H_INCLUDED_ */
