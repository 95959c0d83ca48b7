#include "relay_layer.h"

#include "control.h"
#include "relay_timers.h"

#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>


/* There will be no other: what is lost can't be asked for any more. */
static void
layer_missing(relay_t *r)
{
    r->user.servers = 0;

    if (r->user.session.state->phase == SESSION_CONNECTING) {
        user_unreachable(&r->user);
    }
}


void
relay_layer_lost(relay_t *r)
{
    int fd;

    fd = r->control;
    relay_wait_watch(&r->wait, RELAY_WAIT_CONTROL, -1, 0);
    r->control = -1;
    r->moving = false;
    r->parting = false;

    (void) close(fd);

    if (r->rescues == 0 || r->passport.len == 0) {
        layer_missing(r);
        return;
    }

    adopt_begin(&r->adopt, r->rescue, r->id, r->layer,
                r->user.random ^ (uint32_t) relay_now());
    relay_timer_set(r, RELAY_TIMER_ADOPT, adopt_wait(&r->adopt));
}


/* What there is of the session now; fds has room for all that goes along. */
static void
claim_make(const relay_t *r, claim_t *claim, int *fds)
{
    const session_state_t *state;

    state = r->user.session.state;

    memset(claim, 0, sizeof(claim_t));
    claim->attachment = state->attachment;
    claim->connection = state->connection;
    claim->server = state->server;
    claim->passport = r->passport;
    memcpy(claim->key, r->key, sizeof(claim->key));
    memcpy(claim->next_key, r->next_key, sizeof(claim->next_key));

    *fds++ = r->segment;

    if (r->irc != -1) {
        claim->flags |= CLAIM_IRC;
        *fds++ = r->irc;
    }

    if (r->browser.fd != -1) {
        claim->flags |= CLAIM_LINK;
        *fds = r->browser.fd;
    }

    if (r->resumed) {
        claim->flags |= CLAIM_RESUMED;
    }
}


void
relay_layer_look(relay_t *r)
{
    int rc, fds[3];
    claim_t claim;

    claim_make(r, &claim, fds);

    rc = adopt_try(&r->adopt, &claim, fds);

    if (rc == EIRC_AGAIN) {
        relay_timer_set(r, RELAY_TIMER_ADOPT, adopt_wait(&r->adopt));
        return;
    }

    r->control = r->rescue++;
    r->rescues--;

    /* it was there, and is not any more */

    if (rc != EIRC_OK) {
        relay_layer_lost(r);
    }
}


/* Until the layer lets go: it ends the process, once another one has taken the
 * session, unless it ends itself before. What it has said meanwhile waits. */
static void
layer_wait(const relay_t *r)
{
    struct pollfd pfd;

    pfd.fd = r->control;
    pfd.events = 0;

    do {
        pfd.revents = 0;
        (void) poll(&pfd, 1, -1);
    } while (pfd.revents == 0);
}


bool
relay_layer_leave(relay_t *r)
{
    int rc;
    control_short_t c;

    memset(&c, 0, offsetof(control_short_t, data));
    c.type = CONTROL_MOVED;
    c.value = session_offer(&r->user.session);

    rc = control_send_short(r->control, &c);

    if (rc == EIRC_OK) {
        layer_wait(r);
    }

    if (!session_withdraw(&r->user.session)) {
        return true;
    }

    /* what the layer could not be told now it is told later; its end is dealt
     * with when it is read */

    r->moving = rc == EIRC_AGAIN;

    return false;
}
