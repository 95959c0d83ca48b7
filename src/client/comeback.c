#include "comeback.h"

#include "flow.h"
#include "xorshift.h"

#include <stdio.h>

/* what we say of a try */
#define WORDS_MAX 160


uint64_t
comeback_wait(uint32_t tries, uint32_t random)
{
    uint64_t limit;

    limit = tries < 7 ? (uint64_t) COMEBACK_WAIT << tries : COMEBACK_WAIT_MAX;

    return random
           % ((limit < COMEBACK_WAIT_MAX ? limit : COMEBACK_WAIT_MAX) + 1);
}


static void
tell_wait(user_t *u, eirc_slice_t words, uint64_t wait)
{
    int len;
    char line[WORDS_MAX];

    len = snprintf(line, sizeof(line),
                   ":client notice :%.*s Next try in %lu s.", (int) words.len,
                   (const char *) words.p,
                   (unsigned long) ((wait + 999) / 1000));

    if (len > 0 && (size_t) len < sizeof(line)) {
        user_tell(u, eirc_slice(line, (size_t) len));
    }
}


/* The next connection is another one: nothing of this one goes on in it. */
static void
connection_forget(user_t *u)
{
    session_t *s;

    s = &u->session;

    if (s->state->phase != SESSION_CONNECTING) {
        s->state->server = (s->state->server + 1) % u->servers;
    }

    session_in_take(s, session_in_pending(s).len);
    session_channels_leave(s);

    flow_reset(u);

    s->state->skipping = 0;
    s->state->pinged = 0;
    s->state->caps = 0;
    s->state->welcomed = 0;
    s->state->phase = SESSION_CONNECTING;
}


/* Who was nowhere yet is tried once at each server, at once. */
static bool
first_again(user_t *u)
{
    session_state_t *state;

    state = u->session.state;

    if (state->phase == SESSION_CONNECTING || ++state->tries >= u->servers
        || state->tries >= COMEBACK_FIRST_MAX)
    {
        return false;
    }

    connection_forget(u);
    u->retry = u->now;

    return true;
}


bool
comeback_at_once(user_t *u)
{
    uint32_t server;
    session_state_t *state;

    state = u->session.state;

    if (u->servers == 0 || state->phase == SESSION_LEAVING || state->refused) {
        return false;
    }

    /* an IRC client that has said who it is can't be asked to do so again */

    if (user_mode(u) != SESSION_EIRC && state->nick[0] != '\0') {
        return false;
    }

    server = state->server;
    connection_forget(u);
    state->server = server;
    u->retry = u->now;
    session_commit(&u->session);

    return true;
}


bool
comeback_begin(user_t *u, eirc_slice_t words)
{
    uint64_t wait;
    session_state_t *state;

    state = u->session.state;

    /* an IRC client comes back by itself, with all that it wants to say */

    if (u->servers == 0 || user_mode(u) != SESSION_EIRC) {
        return false;
    }

    if (!state->stays) {
        return first_again(u);
    }

    if (state->lost == 0
        || (state->welcomed != 0
            && u->now - state->welcomed >= COMEBACK_STABLE))
    {
        state->lost = u->now;
        state->tries = 0;
    }

    wait = comeback_wait(state->tries, xorshift_next(&u->random));

    if (u->now + wait - state->lost > COMEBACK_TIME) {
        return false;
    }

    state->tries++;
    connection_forget(u);
    tell_wait(u, words, wait);
    u->retry = u->now + wait;

    return true;
}


void
comeback_again(user_t *u)
{
    if (user_has_ended(u)) {
        return;
    }

    u->retry = u->now
               + (u->session.state->stays
                      ? comeback_wait(u->session.state->tries, u->random)
                      : 0);
}


void
comeback_welcomed(user_t *u)
{
    session_state_t *state;

    state = u->session.state;

    if (state->stays && user_mode(u) == SESSION_EIRC) {
        user_tell(
            u,
            EIRC_SLICE(":client notice :Connected to the IRC server again."));
    }

    state->stays = 1;
    state->welcomed = u->now;
}
