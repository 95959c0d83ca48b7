#include "flow.h"


void
flow_reset(user_t *u)
{
    session_state_t *state;

    state = u->session.state;
    state->flow_lines = 0;
    state->flow_bytes = 0;
    state->flow_asked = 0;
}


uint64_t
flow_take(user_t *u, size_t len)
{
    uint64_t passed;
    session_state_t *state;

    state = u->session.state;

    /* no flood protection to be feared; or nobody to answer yet */

    if (state->flood.rate == 0 || state->phase != SESSION_READY) {
        return 0;
    }

    if (state->flow_lines >= FLOW_LINES || state->flow_bytes >= FLOW_BYTES) {

        passed = u->now - state->flow_asked;

        if (state->flow_asked != 0 && passed < FLOW_TIME) {
            return FLOW_TIME - passed;
        }

        (void) user_send(u, EIRC_SLICE("PING :" FLOW_PING));
        flow_reset(u);
        state->flow_asked = u->now;
    }

    state->flow_lines++;
    state->flow_bytes += (uint32_t) len;

    return 0;
}


bool
flow_answered(user_t *u, eirc_slice_t text)
{
    if (u->session.state->flow_asked == 0
        || !eirc_slice_equal(text, EIRC_SLICE(FLOW_PING)))
    {
        return false;
    }

    u->session.state->flow_asked = 0;

    return true;
}
