#include "relay.h"

#include "comeback.h"
#include "control.h"
#include "login.h"
#include "relay_browser.h"
#include "relay_layer.h"
#include "relay_server.h"
#include "relay_timers.h"
#include "sts.h"

#include "eirc_prefetch.h"

#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>


void
relay_init(relay_t *r, int epoll, int timer)
{
    memset(r, 0, sizeof(relay_t));
    relay_wait_init(&r->wait, epoll, timer);
    r->browser.fd = -1;
    r->irc = -1;
    r->control = -1;
    r->signals = -1;
}


/* control */


/* Nothing that could be mistaken for a line's end goes on to the browser. */
static void
unreachable_tell(relay_t *r, const control_short_t *c)
{
    size_t len;
    char words[512];

    if (c->status == CONTROL_SAY_WHY) {
        len = event_escape(words, sizeof(words), c->data, c->size);
        user_tell_error(&r->user, eirc_slice(words, len));
    }

    user_unreachable(&r->user);
}


/* What came along with the connection. */
static void
secret_take(relay_t *r, const int *fds, int nfds)
{
    if (nfds == 2 && r->open) {
        (void) close(fds[1]);

    } else if (nfds == 2) {
        relay_server_forget(r);
        r->user.login = r->remember(fds[1]);
    }
}


/* The session is to outlive all processes: nobody on IRC is to miss what was
 * said, nor to wonder. */
static void
relay_part(relay_t *r)
{
    if (user_is_leaving(&r->user)) {
        return; /* and ends, as it was about to */
    }

    if (r->irc == -1 || !user_part(&r->user)) {
        r->moving = true;
        return;
    }

    r->parting = true;
    relay_timer_set(r, RELAY_TIMER_LEAVE, RELAY_LEAVE_TIME);
    r->leave_end = r->user.now + RELAY_LEAVE_MAX;
}


static void
control_read(relay_t *r)
{
    int rc, nfds, fds[2];
    control_short_t c;

    nfds = 2;
    rc = control_recv_short(r->control, &c, fds, &nfds);

    if (rc == EIRC_AGAIN) {
        return;
    }

    if (rc != EIRC_OK) {
        relay_layer_lost(r);
        return;
    }

    if (c.type == CONTROL_CONNECTED && c.status == 0 && nfds > 0) {
        secret_take(r, fds, nfds);
        r->user.sts.secure = c.value & CONTROL_SECURE;
        relay_connected(r, fds[0], c.value & ~CONTROL_SECURE, c.serial);
        return;
    }

    if (c.type == CONTROL_ATTACH && nfds == 1) {
        relay_browser_attach(r, fds[0], &c);
        return;
    }

    while (nfds > 0) {
        (void) close(fds[--nfds]);
    }

    if (c.type == CONTROL_CONNECTED
        && r->user.session.state->phase == SESSION_CONNECTING)
    {
        unreachable_tell(r, &c);

    } else if (c.type == CONTROL_STOP && c.value == CONTROL_STOP_KEEP) {
        relay_part(r);

    } else if (c.type == CONTROL_STOP) {
        user_stop(&r->user, EIRC_LINK_SHUTDOWN);

    } else if (c.type == CONTROL_MOVE) {
        r->moving = true;

    } else if (c.type == CONTROL_ADOPTED) {
        r->layer = c.value;
    }
}


/* succeeding */

/* There is none, and nobody brings one unless it is asked for; the way back
 * from a connection that was lost is a step of the user's. */
static void
server_missing(relay_t *r, const control_short_t *c)
{
    user_t *u;

    u = &r->user;

    if (user_has_ended(u)) {
        return;
    }

    if (u->session.state->phase != SESSION_CONNECTING) {
        r->irc_gone = true;

    } else if (c->status == 0) {
        comeback_again(u);
    }
}


int
relay_succeed(relay_t *r)
{
    int rc, nfds, fds[2];
    control_short_t c;

    for (;;) {
        nfds = 2;

        /* all of it was there before this process was */

        if (control_recv_short(r->control, &c, fds, &nfds) != EIRC_OK) {
            return EIRC_ERROR;
        }

        rc = EIRC_OK;

        if (c.type == CONTROL_INHERITED && nfds > 0) {
            secret_take(r, fds, nfds);
            rc = relay_server_inherit(r, fds[0], &c);

        } else if (c.type == CONTROL_INHERITED) {
            server_missing(r, &c);

        } else if (c.type == CONTROL_ATTACH && nfds == 1) {
            relay_browser_attach(r, fds[0], &c);

        } else if (c.type == CONTROL_SUCCEED) {
            break;

        } else {
            rc = EIRC_ERROR;
        }

        if (rc != EIRC_OK) {
            return rc;
        }
    }

    /* only who registers has a use for it */

    if (r->user.session.state->phase != SESSION_REGISTERING) {
        relay_server_forget(r);
    }

    if (r->browser.fd == -1) {
        relay_browser_missing(r);
    }

    return EIRC_OK;
}


/* work */

/* The connection has gone, and so has all that came over it: true if the user
 * waits for another one. */
static bool
irc_lost(relay_t *r, bool full)
{
    if (!r->irc_gone || full) {
        return false;
    }

    user_irc_lost(&r->user, r->irc_error);
    r->irc_gone = user_has_ended(&r->user);

    return !r->irc_gone;
}


/* Takes steps until nothing moves any more. */
static void
relay_move(relay_t *r)
{
    bool full, moved;
    user_t *u;

    u = &r->user;

    do {
        moved = false;

        while (user_step_irc(u) == EIRC_OK) {
            moved = true;
        }

        full = u->full;

        while (user_step_join(u) == EIRC_OK) {
            moved = true;
        }

        /* what would be said to a connection that has gone can still wait */

        while (!r->irc_gone && !r->parting && user_step_message(u) == EIRC_OK)
        {
            moved = true;
        }

        full = full || u->full;

        /* what the browser wants to know may have to be asked for */

        while (user_step_ask(u) == EIRC_OK || user_step_burst(u) == EIRC_OK) {
            moved = true;
        }

        full = full || u->full;

        moved = relay_server_write_login(r) || moved;
        moved = relay_server_write(r) || moved;
        moved = relay_browser_write(r) || moved;

        /* what a browser said that has gone since, or what is there already */

        if (r->browser_hangup || r->browser.more) {
            moved = relay_browser_read(r) || moved;
        }
    } while (moved || irc_lost(r, full));

    if (!full || r->browser.fd == -1) {
        relay_timer_stop(r, RELAY_TIMER_FULL);

    } else {
        relay_timer_start(r, RELAY_TIMER_FULL, RELAY_FULL_TIME);
    }

    relay_timer_stop(r, RELAY_TIMER_FLOOD);

    if (u->wait > 0 || u->burst_wait > 0) {
        relay_timer_set(r, RELAY_TIMER_FLOOD,
                        u->burst_wait == 0
                                || (u->wait > 0 && u->wait < u->burst_wait)
                            ? u->wait
                            : u->burst_wait);
    }
}


/* The last lines, then the reason, then nothing. */
static void
relay_end(relay_t *r)
{
    int rc;

    relay_server_close(r, 0);
    (void) relay_browser_write(r);

    if (r->browser.fd == -1) {
        r->done = true;
        return;
    }

    relay_timer_start(r, RELAY_TIMER_END, RELAY_END_TIME);

    if (r->browser_blocked) {
        return;
    }

    rc = r->browser.end(&r->browser, r->user.session.state->reason);

    if (rc == EIRC_AGAIN) {
        r->browser_blocked = true;
        return;
    }

    r->done = true;
}


/* The server wants TLS: another connection takes the place of this one. */
static void
relay_upgrade(relay_t *r)
{
    uint16_t port;
    login_t *login;

    /* nobody brings the secrets a second time */

    port = r->user.sts.port;
    login = r->user.login;
    r->user.login = NULL;

    relay_server_close(r, 0);
    r->irc_gone = false;
    r->user.login = login;

    sts_leave(&r->user);
    r->upgrade(r, port);
}


static void
relay_work(relay_t *r)
{
    relay_move(r);

    while (r->user.sts.port != 0) {
        relay_upgrade(r);
        relay_move(r);
    }

    if (r->user.renamed) {
        r->user.renamed = false;
        r->renamed(r->user.session.state->nick);
    }

    if (r->user.session.state->phase >= SESSION_WELCOMED) {
        relay_timer_stop(r, RELAY_TIMER_REGISTER);
    }

    if (!login_busy(&r->user)) {
        relay_timer_stop(r, RELAY_TIMER_LOGIN);
    }

    if (r->user.login != NULL && login_is_over(&r->user)) {
        relay_server_forget(r);
    }

    if (r->user.retry != 0) {
        r->timers[RELAY_TIMER_RETRY] = r->user.retry;
        r->user.retry = 0;
    }

    r->timers[RELAY_TIMER_NICK] = r->irc == -1 ? 0 : r->user.regain.next;

    r->moving = r->moving || (r->parting && r->irc == -1);

    /* a successor knows nothing of a login that is on its way */

    if (r->moving && r->user.login == NULL && !user_has_ended(&r->user)) {

        if (relay_layer_leave(r)) {
            r->done = true;
            return;
        }

        /* its channel is full: nothing else may wake us to try again */

        if (r->moving) {
            relay_timer_start(r, RELAY_TIMER_FLOOD, RELAY_ASK_TIME);
        }
    }

    if (user_has_ended(&r->user)) {
        relay_end(r);
        return;
    }

    if ((r->user.session.state->phase == SESSION_LEAVING
         || (r->user.over && r->irc != -1))
        && r->timers[RELAY_TIMER_LEAVE] == 0)
    {
        relay_timer_set(r, RELAY_TIMER_LEAVE, RELAY_LEAVE_TIME);
        r->leave_end = r->user.now + RELAY_LEAVE_MAX;
    }
}


/* what timers do */

static void
expired_irc(relay_t *r)
{
    if (r->user.session.state->phase != SESSION_LEAVING) {
        r->user.event(&r->user, EVENT_IRC_TIMEOUT, 0, eirc_slice(NULL, 0));
    }

    relay_server_close(r, 0);
}


static void
expired_idle(relay_t *r)
{
    /* a server that isn't read from can't be blamed for its silence */

    if (r->irc_blocked || r->timers[RELAY_TIMER_FULL] != 0) {
        relay_timer_set(r, RELAY_TIMER_IDLE, RELAY_IDLE_TIME);
        return;
    }

    user_ping(&r->user);
    relay_timer_set(r, RELAY_TIMER_PONG, RELAY_PONG_TIME);
}


static void
expired_full(relay_t *r)
{
    r->user.event(&r->user, EVENT_SLOW, 0, eirc_slice(NULL, 0));
    relay_browser_slow(r);
}


static void
expired_linger(relay_t *r)
{
    user_left(&r->user);
}


static void
expired_end(relay_t *r)
{
    r->done = true;
}


static void
expired_login(relay_t *r)
{
    sts_late(&r->user);
    login_late(&r->user);
}


static void
expired_flood(relay_t *r)
{
    (void) r;
}


/* Asks the socket layer for a connection. */
static void
expired_retry(relay_t *r)
{
    int rc;
    control_short_t c;

    if (r->user.session.state->phase != SESSION_CONNECTING || r->control == -1)
    {
        return;
    }

    memset(&c, 0, offsetof(control_short_t, data));
    c.type = CONTROL_WANT_IRC;
    c.value = r->user.session.state->server;

    rc = control_send_short(r->control, &c);

    /* its end of file tells of an error */

    if (rc == EIRC_AGAIN) {
        relay_timer_set(r, RELAY_TIMER_RETRY, RELAY_ASK_TIME);
    }
}


static void
expired_nick(relay_t *r)
{
    if (r->user.session.state->phase == SESSION_READY) {
        user_regain(&r->user);

    } else {
        r->user.regain.next = 0;
    }
}


static void (*const expired[RELAY_TIMERS])(relay_t *r) = {
    [RELAY_TIMER_REGISTER] = expired_irc,
    [RELAY_TIMER_IDLE] = expired_idle,
    [RELAY_TIMER_PONG] = expired_irc,
    [RELAY_TIMER_FULL] = expired_full,
    [RELAY_TIMER_LEAVE] = expired_irc,
    [RELAY_TIMER_DRAIN] = relay_browser_gone,
    [RELAY_TIMER_END] = expired_end,
    [RELAY_TIMER_FLOOD] = expired_flood,
    [RELAY_TIMER_RETRY] = expired_retry,
    [RELAY_TIMER_LOGIN] = expired_login,
    [RELAY_TIMER_NICK] = expired_nick,
    [RELAY_TIMER_LINGER] = expired_linger,
    [RELAY_TIMER_ADOPT] = relay_layer_look,
};


static void
timers_expire(relay_t *r)
{
    int i;

    for (i = 0; i < RELAY_TIMERS; i++) {

        if (r->timers[i] != 0 && r->timers[i] <= r->user.now) {
            relay_timer_stop(r, (relay_timer_e) i);
            expired[i](r);
        }
    }
}


/* waiting */

/* IRC is read as long as its lines find room: none, and no line too long,
 * is left over. */
static bool
irc_wanted(const relay_t *r)
{
    eirc_slice_t pending;

    pending = session_in_pending(&r->user.session);

    return pending.len < EIRC_IRC_LINE_BUFFER
           && memchr(pending.p, '\n', pending.len) == NULL;
}


static uint32_t
events_of(bool in, bool out)
{
    return (in ? EPOLLIN : 0u) | (out ? EPOLLOUT : 0u);
}


/*
 * The IRC connection tells once of what has come, and irc_ready remembers it:
 * it is what is read most, and often in one piece. The browser's side tells as
 * long as there is something; without anything to wait for it is left out once
 * its other end has hung up, which would be told for ever.
 */
static void
watches_set(relay_t *r, bool read_browser)
{
    uint32_t events;

    relay_wait_watch(&r->wait, RELAY_WAIT_IRC, r->irc,
                     events_of(true, r->irc_blocked) | EPOLLRDHUP | EPOLLET);

    events = events_of(read_browser, r->browser_blocked);

    if (events == 0 && !r->browser_hangup) {
        events = EPOLLHUP;
    }

    relay_wait_watch(&r->wait, RELAY_WAIT_BROWSER,
                     r->browser_hangup && !read_browser ? -1 : r->browser.fd,
                     events);
    relay_wait_watch(&r->wait, RELAY_WAIT_CONTROL, r->control, EPOLLIN);
    relay_wait_watch(&r->wait, RELAY_WAIT_SIGNALS, r->signals, EPOLLIN);
}


/*
 * Who has slept among thousands finds nothing of its own in a cache, and each
 * step would wait for the next line of it. All that a line from IRC touches
 * comes at one time, while the kernel fetches the line.
 */
static void
relay_prefetch(const relay_t *r)
{
    eirc_prefetch(r, sizeof(relay_t));
    session_prefetch(&r->user.session);
}


static int
relay_look(relay_t *r)
{
    bool block, read_browser;
    uint64_t first;
    uint32_t events[RELAY_WAITS], irc, browser;

    read_browser = relay_browser_wanted(r) && !user_has_ended(&r->user)
                   && !r->browser_hangup;

    watches_set(r, read_browser);

    first = relay_timer_first(r);
    block = !(r->irc_ready && irc_wanted(r))
            && (first == 0 || first > r->user.now);

    if (block) {
        relay_wait_until(&r->wait, first);
    }

    if (relay_wait(&r->wait, block, events) == -1) {
        return EIRC_ERROR;
    }

    if (block) {
        relay_prefetch(r);
    }

    r->user.now = relay_now();

    irc = events[RELAY_WAIT_IRC];
    browser = events[RELAY_WAIT_BROWSER];

    if (browser & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
        r->browser_blocked = false;
    }

    if (irc & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
        r->irc_blocked = false;
    }

    r->irc_ready = r->irc_ready || (irc & ~(uint32_t) EPOLLOUT) != 0;
    r->irc_hangup
        = r->irc_hangup || (irc & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;

    if (r->irc_ready && irc_wanted(r)) {
        relay_server_read(r);
    }

    if (read_browser && (browser & ~(uint32_t) EPOLLOUT)) {
        (void) relay_browser_read(r);

    } else if (browser & (EPOLLERR | EPOLLHUP)) {
        relay_browser_hung_up(r);
    }

    if (events[RELAY_WAIT_CONTROL] != 0) {
        control_read(r);
    }

    if (events[RELAY_WAIT_SIGNALS] != 0) {
        relay_wait_watch(&r->wait, RELAY_WAIT_SIGNALS, -1, 0);
        r->signals = -1;
        user_stop(&r->user, EIRC_LINK_SHUTDOWN);
    }

    timers_expire(r);

    return EIRC_OK;
}


int
relay_run(relay_t *r)
{
    relay_work(r);

    while (!r->done) {

        if (relay_look(r) != EIRC_OK) {
            return RELAY_FAILED;
        }

        relay_work(r);
    }

    if (r->moving && !user_has_ended(&r->user)) {
        return RELAY_MOVED;
    }

    r->user.event(&r->user, EVENT_ENDED,
                  (int32_t) r->user.session.state->reason,
                  eirc_slice(NULL, 0));
    relay_server_close(r, 0);
    relay_browser_close(r);

    return RELAY_ENDED;
}
