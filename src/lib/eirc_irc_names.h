/*
 * Names on IRC, and text: how a server compares them, masks, and what may be
 * put into a line.  Nothing is copied, kept or changed.  Anybody may call.
 *
 * Nick and source "client" are reserved: lines that begin with ":client " are
 * made by eIRC itself.
 */

#ifndef _EIRC_IRC_NAMES_H_INCLUDED_
#define _EIRC_IRC_NAMES_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eirc_slice.h"

/*
 * How a server compares names (ISUPPORT CASEMAPPING).  The value is the last
 * of the characters, counted from 'A', that have a lower case.
 */
typedef enum {
    EIRC_IRC_ASCII = 'Z',
    EIRC_IRC_RFC1459_STRICT = ']',
    EIRC_IRC_RFC1459 = '^'
} eirc_irc_casemap_e;


/* case */

/*
 * Sets *map from the value of CASEMAPPING.  An unknown name gives
 * EIRC_IRC_ASCII and false: rather two names too many than one too few.
 */
bool eirc_irc_casemap(eirc_slice_t name, eirc_irc_casemap_e *map);

/* the lower case of a byte */
static inline uint8_t
eirc_irc_fold(eirc_irc_casemap_e map, uint8_t c)
{
    return (uint8_t) (c >= 'A' && c <= (uint8_t) map ? c + 32 : c);
}

bool eirc_irc_equal(eirc_irc_casemap_e map, eirc_slice_t a, eirc_slice_t b);

/* below, at or above 0, as by memcmp of the lower cases; for sorted tables */
int eirc_irc_compare(eirc_irc_casemap_e map, eirc_slice_t a, eirc_slice_t b);

/*
 * A hash, the same for all cases of a name.  A random seed makes it hard to
 * choose names that fall together, but this is no cryptographic hash: a table
 * over it has to live with long chains.
 */
uint32_t eirc_irc_hash(eirc_irc_casemap_e map, uint32_t seed,
                       eirc_slice_t name);


/* masks and names */

/* '*' stands for any bytes, '?' for one; nothing else is special */
bool eirc_irc_mask_match(eirc_irc_casemap_e map, eirc_slice_t mask,
                         eirc_slice_t text);

/* is it "client", in any case of letters? */
bool eirc_irc_nick_reserved(eirc_slice_t nick);

/*
 * May this nick, as an application gave it, go into a NICK line?  1 to
 * EIRC_IRC_NICK_MAX bytes of valid UTF-8; no control bytes, space or any of
 * !@*?,.: and not one of #&$+%~- or a digit in front; not reserved.  The
 * server may refuse more.
 */
bool eirc_irc_nick_valid(eirc_slice_t nick);

/*
 * May this user name go into a USER line?  1 to EIRC_IRC_USER_MAX bytes; no
 * control bytes, space or any of !@*?: .
 */
bool eirc_irc_user_valid(eirc_slice_t user);

/*
 * May this channel name go into a JOIN line?  2 to EIRC_IRC_CHANNEL_MAX
 * bytes; #, &, + or ! in front; no NUL, BEL, CR, LF, space or comma (RFC
 * 2812, 1.3).
 */
bool eirc_irc_channel_valid(eirc_slice_t channel);

/* may this be text in a line (a trailing parameter)?  No NUL, CR or LF. */
bool eirc_irc_text_valid(eirc_slice_t text);

/* ... and this a parameter among others?  One byte at least; no control bytes
 * or space, and no ':' in front. */
bool eirc_irc_word_valid(eirc_slice_t word);

#endif /* _EIRC_IRC_NAMES_H_INCLUDED_ */
