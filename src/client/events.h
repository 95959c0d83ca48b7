/*
 * What a worker may tell the log. A worker has no descriptor that leads to a
 * log: it sends a typed event over its control channel, and the socket layer
 * writes the line, with its own words for the type, the session's ID, and the
 * text escaped and cut. Texts are reasons and names; a message, token or
 * password is never part of one.
 */

#ifndef _EVENTS_H_INCLUDED_
#define _EVENTS_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#include "log.h"

/* of a text; what is longer is cut */
#define EVENT_TEXT_MAX 255

/* events of one session that are logged at once, and then per second */
#define EVENT_BURST 20
#define EVENT_RATE 2

/* events at all, logged or not: no honest worker has so many */
#define EVENT_FLOOD 1000
#define EVENT_FLOOD_RATE 10

typedef enum {
    /* the request, or the user object, was refused; text says why */
    EVENT_BAD_REQUEST = 1,
    /* nginx broke a rule of the link; status: the type of the record */
    EVENT_LINK_BROKEN,
    /* the IRC server has registered the user; text: the nick it gave */
    EVENT_REGISTERED,
    /* the IRC server does not take the user; status: the numeric, or 0 */
    EVENT_IRC_REFUSED,
    /* the connection to the IRC server is gone; status: errno, or 0 */
    EVENT_IRC_LOST,
    /* the IRC server said nothing for too long */
    EVENT_IRC_TIMEOUT,
    /* the IRC server sent what is no IRC; text: what it was */
    EVENT_IRC_BROKEN,
    /* the browser's side took nothing for too long */
    EVENT_SLOW,
    /* the segment can't be trusted; text says why */
    EVENT_SEGMENT,
    /* a protection that this kernel can't give; status: errno, text: which */
    EVENT_SANDBOX,
    /* a call that should not fail; status: errno, text: the call */
    EVENT_FAILED,
    /* the session has ended; status: the reason of docs/link.md, 7 */
    EVENT_ENDED,
    /* logged in to an account; text: the mechanism */
    EVENT_LOGGED_IN,
    /* not logged in; status: the numeric, or 0; text says why */
    EVENT_LOGIN_FAILED,
    /* goes on after a worker that died; text: what that was dealing with */
    EVENT_SUCCEEDED,
    /* the IRC server does not take its password, or wants one; status: the
     * numeric */
    EVENT_PASSWORD_REFUSED,
    /* ... or WEBIRC; status: the numeric, or 0; text says why */
    EVENT_GATEWAY_REFUSED,
    /* the IRC server wants nothing but TLS from now on; status: for how many
     * seconds */
    EVENT_STS,
    EVENT_LAST
} event_type_e;

/* The level to log an event of that type at, or -1: there is no such type. */
int event_level(uint32_t type);

/*
 * Writes the words of an event to buf, always terminated: the type's phrase,
 * the status where the type has one, the text in quotes where there is one.
 * Returns the same as event_level().
 */
int event_format(char *buf, size_t size, uint32_t type, int32_t status,
                 const char *text, size_t len);

/*
 * Writes text to buf with everything but printable ASCII, and the quote and
 * the backslash, as \xHH. Always terminated; cut, between escapes, where buf
 * ends. Returns the length.
 */
size_t event_escape(char *buf, size_t size, const char *text, size_t len);

#endif /* _EVENTS_H_INCLUDED_ */
