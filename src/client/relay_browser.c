#include "relay_browser.h"

#include "link.h"
#include "relay_timers.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>


static bool
is_resumable(const relay_t *r)
{
    return r->user.session.resumable;
}


/* Tells the socket layer what has become of the attachment. */
static void
layer_tell(relay_t *r, control_type_e type)
{
    control_short_t c;

    if (r->control == -1) {
        return;
    }

    memset(&c, 0, offsetof(control_short_t, data));
    c.type = type;
    c.value = r->user.session.state->attachment;

    /* what can't be said now is no matter: the link's end says the same, and
     * the next message is heard as well */

    (void) control_send_short(r->control, &c);
}


void
relay_browser_close(relay_t *r)
{
    if (r->browser.fd != -1) {
        relay_wait_watch(&r->wait, RELAY_WAIT_BROWSER, -1, 0);
        (void) close(r->browser.fd);
        r->browser.fd = -1;
        r->browser_hangup = false;
        r->browser_blocked = false;
        relay_timer_stop(r, RELAY_TIMER_DRAIN);
        relay_timer_stop(r, RELAY_TIMER_FULL);
    }
}


static void
linger(relay_t *r)
{
    user_detached(&r->user);
    relay_timer_set(r, RELAY_TIMER_LINGER, r->linger);
    layer_tell(r, CONTROL_DETACHED);
}


void
relay_browser_gone(relay_t *r)
{
    bool over;

    if (r->browser.fd == -1) {
        return;
    }

    over = r->browser.over || r->browser.error != 0 || !is_resumable(r)
           || user_is_leaving(&r->user);

    if (r->browser.error != 0) {
        r->user.event(&r->user, EVENT_LINK_BROKEN, r->browser.error,
                      eirc_slice(NULL, 0));
    }

    relay_browser_close(r);

    if (over) {
        user_left(&r->user);

    } else {
        linger(r);
    }
}


void
relay_browser_hung_up(relay_t *r)
{
    r->browser_hangup = true;
    relay_timer_start(r, RELAY_TIMER_DRAIN, RELAY_DRAIN_TIME);

    if (r->user.session.state->phase != SESSION_READY) {
        relay_browser_gone(r);
    }
}


/* What it has not taken it may come back for; anybody else is left. */
void
relay_browser_slow(relay_t *r)
{
    if (!is_resumable(r) || user_is_leaving(&r->user)) {
        user_slow(&r->user);
        return;
    }

    (void) r->browser.end(&r->browser, EIRC_LINK_SLOW);
    relay_browser_close(r);
    linger(r);
}


/* When that was is in the segment: the time goes on. */
void
relay_browser_missing(relay_t *r)
{
    uint64_t passed;

    if (!is_resumable(r)) {
        user_left(&r->user);
        return;
    }

    if (r->user.session.state->detached == 0) {
        linger(r);
        return;
    }

    passed = r->user.now - r->user.session.state->detached;
    relay_timer_set(r, RELAY_TIMER_LINGER,
                    passed < r->linger ? r->linger - passed : 0);
}


void
relay_browser_attach(relay_t *r, int fd, const control_short_t *c)
{
    control_attach_t attach;

    if (user_is_leaving(&r->user) && c->status & CONTROL_ATTACH_RESUME) {

        /* too late: the socket layer lets go of it with the rest */

        (void) close(fd);
        return;
    }

    memcpy(&attach, c->data, sizeof(attach));
    memcpy(r->key, attach.key, sizeof(r->key));
    memcpy(r->next_key, attach.next_key, sizeof(r->next_key));

    /* nobody writes under two numbers; that browser has been told */

    relay_browser_close(r);

    relay_timer_stop(r, RELAY_TIMER_LINGER);

    link_init(&r->browser, fd);
    r->browser.id = r->id;
    r->browser.greeting = r->anew                             ? BROWSER_RESET
                          : c->status & CONTROL_ATTACH_RESUME ? BROWSER_RESUMED
                                                              : BROWSER_READY;
    r->browser.waits = r->anew;
    r->anew = false;
    r->resumed = c->status & CONTROL_ATTACH_RESUME;
    r->unheard = r->resumed;

    user_attached(&r->user, c->value, attach.lines);
}


bool
relay_browser_pending(const relay_t *r)
{
    return session_message_pending(&r->user.session).len > 0;
}


/* The next key is the key now, as the socket layer will have it. */
static void
key_heard(relay_t *r)
{
    static const uint8_t none[EIRC_LINK_KEY_SIZE];

    if (memcmp(r->next_key, none, sizeof(none)) != 0) {
        memcpy(r->key, r->next_key, sizeof(r->key));
        memset(r->next_key, 0, sizeof(r->next_key));
    }
}


bool
relay_browser_wanted(const relay_t *r)
{
    return r->browser.fd != -1 && !r->parting
           && (!relay_browser_pending(r)
               || (r->browser.ahead && !r->browser.stalled));
}


bool
relay_browser_read(relay_t *r)
{
    int rc;
    uint64_t messages;

    if (!relay_browser_wanted(r)) {
        return false;
    }

    messages = r->user.session.state->messages;
    rc = r->browser.receive(&r->browser, &r->user.session);

    if (rc == EIRC_DONE || rc == EIRC_ERROR) {
        relay_browser_gone(r);
    }

    /* it has the key that it got with this attachment */

    if (r->unheard && r->user.session.state->messages != messages) {
        r->unheard = false;
        key_heard(r);
        layer_tell(r, CONTROL_HEARD);
    }

    return rc == EIRC_OK;
}


bool
relay_browser_write(relay_t *r)
{
    int rc;
    uint64_t sent;

    if (r->browser.fd == -1 || r->browser_blocked) {
        return false;
    }

    sent = r->user.session.state->sent;
    rc = r->browser.send(&r->browser, &r->user.session);

    r->browser_blocked = rc == EIRC_AGAIN;

    /* it listens no more, but what it said before may still be there */

    if (rc == EIRC_ERROR) {

        if (is_resumable(r)) {
            r->browser_blocked = true;

        } else {
            user_deafen(&r->user);
        }

        relay_browser_hung_up(r);
        return true;
    }

    return r->user.session.state->sent != sent;
}
