/*
 * One line of IRC (RFC 1459, RFC 2812, modern.ircdocs.horse, IRCv3 message
 * tags), without CR LF: taken apart and put together, with its tags.
 * Slices point into the caller's buffers; nothing is copied, kept or changed.
 * Anybody may call.
 */

#ifndef _EIRC_IRC_H_INCLUDED_
#define _EIRC_IRC_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eirc_codes.h"
#include "eirc_irc_names.h"
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


/* parsing */

/*
 * Takes one line apart.  EIRC_ERROR if it holds NUL, CR or LF, has no verb,
 * or has an empty source or tags longer than EIRC_IRC_TAGS_MAX.  Several
 * spaces separate like one (RFC 1459, 2.3.1); the last of 15 parameters takes
 * the rest.  Lengths are otherwise the caller's business.
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
 * building: init, tags, source, verb, params, in this order; tags and source
 * may be left out.  After a mistake (a byte that can't stand there, no room,
 * too long, wrong order) every further call does nothing, and finish tells.
 */

/* begins a line in the caller's buffer of cap bytes */
void eirc_irc_build_init(eirc_irc_builder_t *b, uint8_t *buf, size_t cap);

/* a tag; value is taken as it is meant and escaped here; may be not there */
void eirc_irc_build_tag(eirc_irc_builder_t *b, eirc_slice_t key,
                        eirc_slice_t value);

void eirc_irc_build_source(eirc_irc_builder_t *b, eirc_slice_t source);

void eirc_irc_build_verb(eirc_irc_builder_t *b, eirc_slice_t verb);

/* a parameter that is not empty, has no space, and does not begin with ':' */
void eirc_irc_build_param(eirc_irc_builder_t *b, eirc_slice_t param);

/* the last parameter, behind a ':'; may be empty and have spaces */
void eirc_irc_build_trailing(eirc_irc_builder_t *b, eirc_slice_t param);

/*
 * EIRC_OK and the length of the line, without CR LF; EIRC_ERROR after any
 * mistake, or without a verb.
 */
int eirc_irc_build_finish(eirc_irc_builder_t *b, size_t *len);


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

#endif /* _EIRC_IRC_H_INCLUDED_ */
