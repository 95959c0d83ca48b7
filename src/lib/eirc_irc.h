/*
 * One line of IRC (RFC 1459, RFC 2812, modern.ircdocs.horse, IRCv3 message
 * tags), without CR LF: taken apart, put together, and what goes with it:
 * tags, case, masks, names.  Slices point into the caller's buffers; nothing
 * is copied, kept or changed.  Anybody may call.
 *
 * Nick and source "client" are reserved: lines that begin with ":client " are
 * made by eIRC itself.
 */

#ifndef _EIRC_IRC_H_INCLUDED_
#define _EIRC_IRC_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eirc_codes.h"
#include "eirc_limits.h"
#include "eirc_slice.h"

/* a line taken apart; what isn't there is { NULL, 0 } */
typedef struct {
    eirc_slice_t tags;   /* without '@' and the space */
    eirc_slice_t source; /* without ':' */
    eirc_slice_t nick;   /* of the source: before '!' and '@' (or a server) */
    eirc_slice_t user;
    eirc_slice_t host;
    eirc_slice_t verb;
    eirc_slice_t params[EIRC_IRC_PARAMS_MAX]; /* only nparams of them */
    unsigned nparams;
    bool trailing; /* the last parameter stood behind a ':' */
} eirc_irc_msg_t;

/* a line being put together; the members are the builder's own */
typedef struct {
    uint8_t *start;
    uint8_t *pos;
    uint8_t *end;
    uint8_t *content; /* where the part behind the tags begins */
    unsigned nparams;
    uint8_t state;
} eirc_irc_builder_t;

/* a message being taken apart into lines */
typedef struct {
    const uint8_t *pos;
    const uint8_t *end;
} eirc_irc_lines_t;

/*
 * How a server compares names (ISUPPORT CASEMAPPING).  The value is the last
 * of the characters, counted from 'A', that have a lower case.
 */
typedef enum {
    EIRC_IRC_ASCII = 'Z',
    EIRC_IRC_RFC1459_STRICT = ']',
    EIRC_IRC_RFC1459 = '^'
} eirc_irc_casemap_e;


/* parsing */

/*
 * Takes one line apart.  EIRC_ERROR if it holds NUL, CR or LF, has no verb,
 * or has an empty source or tags longer than EIRC_IRC_TAGS_MAX.  Several
 * spaces separate like one (RFC 1459, 2.3.1); the last of 15 parameters takes
 * the rest.  Lengths are otherwise the caller's business; see
 * eirc_irc_line_valid.
 */
int eirc_irc_parse(eirc_irc_msg_t *msg, const uint8_t *line, size_t len);

/* parameter i counted from 0, or { NULL, 0 } */
eirc_slice_t eirc_irc_param(const eirc_irc_msg_t *msg, unsigned i);

/* is the verb this one, in any case of letters? (upper is upper case) */
bool eirc_irc_verb_is(const eirc_irc_msg_t *msg, const char *upper);

/* takes nick!user@host apart; any of them may be missing */
void eirc_irc_source_split(eirc_slice_t source, eirc_slice_t *nick,
                           eirc_slice_t *user, eirc_slice_t *host);

/*
 * May this go to a server as one line?  No NUL, CR, LF; at most
 * EIRC_IRC_TAGS_CLIENT_MAX bytes of tags and EIRC_IRC_CONTENT_MAX behind
 * them; not empty behind them.
 */
bool eirc_irc_line_valid(const uint8_t *line, size_t len);


/* lines of a message: design of the browser's side, one or several lines */

/*
 * Begins to take a message apart at CR and LF.  EIRC_ERROR if it holds a NUL
 * anywhere: then the whole message is malformed.
 */
int eirc_irc_lines_init(eirc_irc_lines_t *it, const uint8_t *p, size_t len);

/* the next line that is not empty: EIRC_OK, or EIRC_DONE behind the last */
int eirc_irc_lines_next(eirc_irc_lines_t *it, eirc_slice_t *line);


/*
 * building: init, tags, source, verb, params, in this order; tags and source
 * may be left out.  After a mistake (a byte that can't stand there, no room,
 * too long, wrong order) every further call does nothing, and finish tells.
 */

/* begins a line in the caller's buffer of cap bytes */
void eirc_irc_build_init(eirc_irc_builder_t *b, uint8_t *buf, size_t cap);

/* a tag; value is taken as it is meant and escaped here; may be not there */
void eirc_irc_build_tag(eirc_irc_builder_t *b, eirc_slice_t key,
                        eirc_slice_t value);

/* all tags at once, escaped already, as in eirc_irc_msg_t */
void eirc_irc_build_tags(eirc_irc_builder_t *b, eirc_slice_t tags);

void eirc_irc_build_source(eirc_irc_builder_t *b, eirc_slice_t source);

void eirc_irc_build_verb(eirc_irc_builder_t *b, eirc_slice_t verb);

/* a parameter that is not empty, has no space, and does not begin with ':' */
void eirc_irc_build_param(eirc_irc_builder_t *b, eirc_slice_t param);

/* the last parameter, behind a ':'; may be empty and have spaces */
void eirc_irc_build_trailing(eirc_irc_builder_t *b, eirc_slice_t param);

/* the room for a trailing parameter (behind its " :") that is left, bytes */
size_t eirc_irc_build_room(const eirc_irc_builder_t *b);

/*
 * EIRC_OK and the length of the line, without CR LF; EIRC_ERROR after any
 * mistake, or without a verb.
 */
int eirc_irc_build_finish(eirc_irc_builder_t *b, size_t *len);

/*
 * All at once, from tags, source, verb, params and trailing of a message; the
 * last parameter gets its ':' also where it needs one.
 */
int eirc_irc_build(uint8_t *buf, size_t cap, size_t *len,
                   const eirc_irc_msg_t *msg);


/* tags */

/*
 * Cuts the next tag off *rest: EIRC_OK, or EIRC_DONE when none is left.
 * value is { NULL, 0 } where there is no '=', and still escaped.
 */
int eirc_irc_tag_next(eirc_slice_t *rest, eirc_slice_t *key,
                      eirc_slice_t *value);

/* finds a tag; of several with the same name the last one counts */
bool eirc_irc_tag_get(eirc_slice_t tags, eirc_slice_t key,
                      eirc_slice_t *value);

/*
 * Escapes and takes escapes back (IRCv3 message tags).  Sets *len; EIRC_ERROR
 * if more than cap bytes were needed; escaping also refuses NUL.  What is
 * unescaped is never longer than before; escaping at most doubles.
 */
int eirc_irc_tag_escape(uint8_t *out, size_t cap, size_t *len,
                        eirc_slice_t value);
int eirc_irc_tag_unescape(uint8_t *out, size_t cap, size_t *len,
                          eirc_slice_t value);


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


/* the lower case of len bytes; out may be p */
void eirc_irc_fold_to(eirc_irc_casemap_e map, uint8_t *out, const uint8_t *p,
                      size_t len);

bool eirc_irc_equal(eirc_irc_casemap_e map, eirc_slice_t a, eirc_slice_t b);

/* below, at or above 0, as by memcmp of the lower cases; for sorted tables */
int eirc_irc_compare(eirc_irc_casemap_e map, eirc_slice_t a, eirc_slice_t b);

/*
 * A hash, the same for all cases of a name.  With a random seed that is kept
 * secret nobody can choose names that fall together.
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

#endif /* _EIRC_IRC_H_INCLUDED_ */
