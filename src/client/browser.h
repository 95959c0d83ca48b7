/*
 * The browser's side of a user, whatever stands there: nginx behind a link
 * (link.c), or another program behind a stream of lines (stream.c). Owned by
 * whoever runs the relay, which alone calls it. What comes goes into the
 * segment, what goes is taken from it; each call commits what it did.
 */

#ifndef _BROWSER_H_INCLUDED_
#define _BROWSER_H_INCLUDED_

#include "session.h"

typedef struct browser_s browser_t;

/* what is said before the first line (docs/link.md, 3) */
typedef enum {
    BROWSER_GREETED = 0,
    BROWSER_READY,
    BROWSER_RESUMED,
    BROWSER_RESET
} browser_greeting_e;

struct browser_s {
    int fd; /* -1 once it is gone */

    /*
     * Brings the next message, when none is pending, or behind those that
     * are, where it can (ahead). EIRC_OK; EIRC_AGAIN:
     * there is none now; EIRC_DONE: the browser has gone; EIRC_ERROR: it broke
     * a rule, in error.
     */
    int (*receive)(browser_t *b, session_t *s);

    /* Sends lines of the ring. EIRC_OK: all of them; EIRC_AGAIN: it takes no
     * more now; EIRC_ERROR: gone. */
    int (*send)(browser_t *b, session_t *s);

    /* Says why it ends (docs/link.md, 7), behind the last line. As send. */
    int (*end)(browser_t *b, uint32_t reason);

    int error;
    bool over; /* it has said good-bye, and does not come back */
    bool more; /* a message may be had without waiting for the descriptor */

    /* of links alone: messages may be had while others are pending, but the
     * next record is none to be had then */
    bool ahead;
    bool stalled;
    browser_greeting_e greeting;
    const char *id; /* the session's */
    bool waits;     /* what was said before RESET is dropped */
};

#endif /* _BROWSER_H_INCLUDED_ */
