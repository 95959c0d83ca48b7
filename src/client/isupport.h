/*
 * What the server says of itself in numeric 005 (ISUPPORT), as far as we act
 * on it. Tokens that aren't known, and values that can't be, change nothing.
 * No I/O.
 */

#ifndef _ISUPPORT_H_INCLUDED_
#define _ISUPPORT_H_INCLUDED_

#include <stdbool.h>
#include <stdint.h>

#include "eirc_irc.h"

/* prefixes of members; a member has a bit for each */
#define ISUPPORT_PREFIXES_MAX 8

typedef struct {
    eirc_irc_casemap_e casemap;
    char prefix_modes[ISUPPORT_PREFIXES_MAX + 1]; /* "ov", highest first */
    char prefix_chars[ISUPPORT_PREFIXES_MAX + 1]; /* "@+" */
    char chantypes[9];
    char modes_always[65]; /* channel modes with a parameter: CHANMODES A, B */
    char modes_set[65];    /* ... only when they are set: C */
    char network[65];
    uint32_t nicklen; /* 0: not said */
    uint32_t channellen;
    uint32_t linelen; /* with CR LF */
} isupport_t;

/* What holds until the server says otherwise (RFC 1459). */
void isupport_init(isupport_t *is);

/* One token of a line: NAME, NAME=VALUE or -NAME. */
void isupport_token(isupport_t *is, eirc_slice_t token);

/* Does the token mean something to us? */
bool isupport_is_known(eirc_slice_t token);

/* Is this the name of a channel here? */
bool isupport_is_channel(const isupport_t *is, eirc_slice_t name);

/* The bit of a prefix by its mode, or by its character; 0: none. */
uint8_t isupport_prefix_mode(const isupport_t *is, uint8_t mode);
uint8_t isupport_prefix_char(const isupport_t *is, uint8_t c);

#endif /* _ISUPPORT_H_INCLUDED_ */
