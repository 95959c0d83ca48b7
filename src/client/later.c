#include "later.h"

#include <string.h>


bool
later_may(const user_t *u, const eirc_irc_msg_t *msg)
{
    size_t i;
    static const char *const verbs[]
        = {"ISON", "LIST", "NAMES", "USERHOST", "WHO", "WHOIS", "WHOWAS"};

    /* before that a server may refuse any of them, each in its turn */

    if (u->session.state->phase != SESSION_READY) {
        return false;
    }

    for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {

        if (eirc_irc_verb_is(msg, verbs[i])) {
            return true;
        }
    }

    return false;
}


bool
later_waits(const user_t *u)
{
    return session_later_pending(&u->session).len > 0;
}


/* The first line of those pending, and the bytes that it takes. */
static bool
line_first(eirc_slice_t pending, eirc_slice_t *line, size_t *taken)
{
    const uint8_t *lf;

    if (pending.len == 0) {
        return false;
    }

    lf = memchr(pending.p, '\n', pending.len);

    if (lf == NULL) {
        return false;
    }

    *line = eirc_slice(pending.p, (size_t) (lf - pending.p));
    *taken = line->len + 1;

    return true;
}


bool
later_next(const user_t *u, eirc_slice_t *line, size_t *taken)
{
    return line_first(session_later_pending(&u->session), line, taken);
}


static bool
is_there(const user_t *u, eirc_slice_t line)
{
    size_t taken;
    eirc_slice_t pending, other;

    pending = session_later_pending(&u->session);

    while (line_first(pending, &other, &taken)) {

        if (eirc_slice_equal(line, other)) {
            return true;
        }

        pending = eirc_slice(pending.p + taken, pending.len - taken);
    }

    return false;
}


int
later_add(user_t *u, eirc_slice_t line)
{
    /* an IRC client counts the answers */

    if (user_mode(u) == SESSION_EIRC && is_there(u, line)) {
        return EIRC_OK;
    }

    return session_later_add(&u->session, line);
}
