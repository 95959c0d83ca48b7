#include "regain.h"

#include "registration.h"


static bool
is_wished(const user_t *u, eirc_slice_t nick)
{
    return eirc_irc_equal(u->state.isupport.casemap, nick,
                          eirc_slice_str(u->session.identity->nick));
}


void
regain_begin(user_t *u)
{
    uint32_t nicks;

    regain_end(u);
    nicks = u->session.state->nicks;

    /* a wish whose form the server can't bear stays one */

    if (u->servers > 0 && user_mode(u) == SESSION_EIRC && nicks > 0
        && nicks < REGISTRATION_NICKS_MAX && !is_wished(u, user_nick(u)))
    {
        u->regain.wait = REGAIN_WAIT;
        u->regain.next = u->now + REGAIN_WAIT;
    }
}


void
regain_end(user_t *u)
{
    u->regain.next = 0;
    u->regain.asked = 0;
    u->regain.open = false;
}


void
regain_try(user_t *u)
{
    uint64_t wait;

    (void) user_send_text(u, "NICK ",
                          eirc_slice_str(u->session.identity->nick));

    wait = u->regain.wait * 2;
    u->regain.wait = wait < REGAIN_WAIT_MAX ? wait : REGAIN_WAIT_MAX;
    u->regain.next = u->now + u->regain.wait;
    u->regain.asked = u->now;
    u->regain.open = true;
}


void
regain_seen(user_t *u, eirc_slice_t nick)
{
    if (u->regain.next == 0 || !is_wished(u, nick)) {
        return;
    }

    if (u->regain.asked == 0 || u->now - u->regain.asked >= REGAIN_GAP) {
        regain_try(u);

    } else {
        u->regain.next = u->regain.asked + REGAIN_GAP;
    }
}


bool
regain_refused(user_t *u, eirc_slice_t nick)
{
    if (!u->regain.open || !is_wished(u, nick)) {
        return false;
    }

    u->regain.open = false;

    return true;
}
