#include "rebuild.h"

#include "flow.h"

#include <string.h>


/* The tokens of 005 that the segment has. */
static void
isupport_rebuild(user_t *u)
{
    size_t n;
    eirc_slice_t left;

    left = session_isupport(&u->session);

    while (left.len > 0) {
        for (n = 0; n < left.len && left.p[n] != ' '; n++) {
            /* void */
        }

        isupport_token(&u->state.isupport, eirc_slice(left.p, n));
        n = n < left.len ? n + 1 : n;
        left = eirc_slice(left.p + n, left.len - n);
    }
}


void
rebuild_begin(user_t *u)
{
    uint32_t cursor;
    channel_t *ch;
    session_channel_t channel;

    isupport_rebuild(u);
    cursor = 0;

    while (session_channel_next(&u->session, &cursor, &channel) == EIRC_OK) {

        if (!(channel.flags & SESSION_CHANNEL_JOINED)) {
            continue;
        }

        ch = state_channel_add(&u->state, channel.name);

        if (ch != NULL) {
            ch->stale = true;
        }
    }
}


void
rebuild_clock(user_t *u)
{
    session_state_t *state;

    state = u->session.state;

    if (state->detached != 0) {
        state->detached = u->now;
    }

    state->lost = 0;
    state->welcomed = 0;
    state->flood.filled = u->now;
    flow_reset(u);

    session_commit(&u->session);
}


bool
rebuild_known(user_t *u, channel_t *ch)
{
    ch->wanted = ch->stale;
    u->rebuilding = u->rebuilding || ch->wanted;

    return !ch->stale;
}


/* The rest of an answer that the predecessor has had the start of comes
 * first, and is the browser's. */
static bool
is_named(const user_t *u, const channel_t *ch)
{
    session_channel_t channel;

    return session_channel_find(&u->session, u->state.isupport.casemap,
                                state_channel_name(ch), &channel)
               == EIRC_OK
           && (channel.flags & SESSION_CHANNEL_NAMED);
}


bool
rebuild_ask(user_t *u)
{
    uint32_t i;
    channel_t *ch;

    /* asked behind each line: without a look at the channels */

    if (!u->rebuilding) {
        return false;
    }

    u->rebuilding = false;

    for (i = 0; i < u->state.count; i++) {
        ch = u->state.channels[i];

        if (!ch->wanted || ch->asked) {
            continue;
        }

        u->rebuilding = true;

        if (is_named(u, ch)) {
            ch->asked = true;
            (void) user_send_text(u, "NAMES ", state_channel_name(ch));
            return true;
        }
    }

    return false;
}


bool
rebuild_names(user_t *u, channel_t *ch, eirc_slice_t names)
{
    if (!ch->stale || ch->asked) {
        state_names(&u->state, ch, names);
    }

    return !ch->asked;
}


bool
rebuild_names_end(user_t *u, channel_t *ch)
{
    bool asked;
    session_channel_t channel;
    eirc_irc_casemap_e casemap;

    casemap = u->state.isupport.casemap;
    asked = ch->asked;

    if (!ch->stale || asked) {
        state_names_end(&u->state, ch);
        ch->stale = false;
        ch->wanted = false;
        ch->asked = false;
    }

    if (session_channel_find(&u->session, casemap, state_channel_name(ch),
                             &channel)
            == EIRC_OK
        && (channel.flags & SESSION_CHANNEL_JOINED)
        && !(channel.flags & SESSION_CHANNEL_NAMED))
    {
        (void) session_channel_set(&u->session, casemap, channel.name,
                                   eirc_slice(NULL, 0),
                                   channel.flags | SESSION_CHANNEL_NAMED);
    }

    return !asked;
}
