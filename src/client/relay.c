#include "relay.h"

#include "control.h"
#include "login.h"
#include "relay_timers.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>


void
relay_init(relay_t *r)
{
    memset(r, 0, sizeof(relay_t));
    r->browser.fd = -1;
    r->irc = -1;
    r->control = -1;
    r->signals = -1;
}


/* the IRC connection */

static void
login_drop(relay_t *r)
{
    if (r->user.login != NULL) {
        r->forget(r->user.login);
        r->user.login = NULL;
    }
}


/* It is gone, or given up; what was read before is still dealt with. */
static void
irc_close(relay_t *r, int error)
{
    session_t *s;

    if (r->irc == -1) {
        return;
    }

    /* the socket layer has a duplicate, and the server is to know at once */

    (void) shutdown(r->irc, SHUT_RDWR);
    (void) close(r->irc);
    r->irc = -1;
    r->irc_gone = true;
    r->irc_error = error;

    /* nobody takes what was to be sent, and it must not stop anything */

    s = &r->user.session;
    session_out_sent(s, session_out_pending(s).len);
    session_commit(s);

    login_drop(r);

    relay_timer_stop(r, RELAY_TIMER_REGISTER);
    relay_timer_stop(r, RELAY_TIMER_LOGIN);
    relay_timer_stop(r, RELAY_TIMER_IDLE);
    relay_timer_stop(r, RELAY_TIMER_PONG);
    relay_timer_stop(r, RELAY_TIMER_LEAVE);
}


/* Flood control of the server may keep QUIT waiting behind PARTs, to each of
 * which it answers: as long as it does, and not for ever, it is given time. */
static void
leave_extend(relay_t *r)
{
    uint64_t end;

    end = r->user.now + RELAY_LEAVE_TIME;

    if (r->timers[RELAY_TIMER_LEAVE] != 0) {
        r->timers[RELAY_TIMER_LEAVE] = end < r->leave_end ? end : r->leave_end;
    }
}


static void
irc_read(relay_t *r)
{
    size_t room;
    ssize_t n;
    uint8_t *p;
    session_t *s;

    s = &r->user.session;
    room = session_in_room(s, &p);

    do {
        n = recv(r->irc, p, room, MSG_DONTWAIT);
    } while (n == -1 && errno == EINTR);

    if (n > 0) {
        session_in_add(s, (size_t) n);
        session_commit(s);

        relay_timer_stop(r, RELAY_TIMER_PONG);
        relay_timer_set(r, RELAY_TIMER_IDLE, RELAY_IDLE_TIME);
        leave_extend(r);

    } else if (n == 0 || errno != EAGAIN) {
        irc_close(r, n == 0 ? 0 : errno);
    }
}


/* n bytes of the pending ones, or -1 */
static ssize_t
irc_send(relay_t *r, eirc_slice_t pending)
{
    ssize_t n;

    do {
        n = send(r->irc, pending.p, pending.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n == -1 && errno == EINTR);

    r->irc_blocked = n == -1 && errno == EAGAIN;

    return n;
}


/* Lines with secrets go in front of the segment's, but never into one. */
static bool
irc_write_login(relay_t *r)
{
    size_t len;
    ssize_t n;
    eirc_slice_t pending;

    pending = login_out_pending(&r->user);

    if (r->irc == -1 || r->irc_blocked || r->irc_midline || pending.len == 0) {
        return false;
    }

    n = irc_send(r, pending);

    if (r->irc_blocked) {
        return false;
    }

    len = n == -1 ? pending.len : (size_t) n;
    login_out_sent(&r->user, len);
    r->user.session.state->irc_written += len;
    session_commit(&r->user.session);

    return true;
}


/* true if something went */
static bool
irc_write(relay_t *r)
{
    ssize_t n;
    session_t *s;
    eirc_slice_t pending;

    s = &r->user.session;
    session_out_settle(s);
    pending = session_out_pending(s);

    if (r->irc == -1 && r->irc_gone && pending.len > 0) {
        session_out_sent(s, pending.len);
        session_commit(s);
        return true;
    }

    if (r->irc == -1 || r->irc_blocked || pending.len == 0
        || (!r->irc_midline && login_out_pending(&r->user).len > 0))
    {
        return false;
    }

    n = irc_send(r, pending);

    if (r->irc_blocked) {
        return false;
    }

    r->irc_midline = n > 0 && pending.p[n - 1] != '\n';

    /* after an error nothing can be sent, but the server's reason be read */

    session_out_sent(s, n == -1 ? pending.len : (size_t) n);
    session_commit(s);

    return true;
}


/* What TCP has counted so far, for a successor to reckon from. */
static void
irc_base(relay_t *r)
{
    socklen_t len;
    struct tcp_info info;
    session_state_t *state;

    len = sizeof(info);
    memset(&info, 0, sizeof(info));
    state = r->user.session.state;

    state->tcp = getsockopt(r->irc, IPPROTO_TCP, TCP_INFO, &info, &len) == 0;
    state->irc_received = info.tcpi_bytes_received;
    state->irc_acked = info.tcpi_bytes_acked;
    state->irc_read = 0;
    state->irc_written = 0;
}


void
relay_connected(relay_t *r, int fd, uint32_t server)
{
    if (r->irc != -1 || r->user.session.state->phase != SESSION_CONNECTING) {
        (void) close(fd);
        return;
    }

    r->irc = fd;
    r->irc_gone = false;
    r->irc_blocked = false;
    r->irc_hangup = false;
    r->irc_midline = false;

    irc_base(r);
    user_connected(&r->user, server);

    relay_timer_set(r, RELAY_TIMER_REGISTER, RELAY_REGISTER_TIME);
    relay_timer_set(r, RELAY_TIMER_LOGIN, RELAY_LOGIN_TIME);
    relay_timer_set(r, RELAY_TIMER_IDLE, RELAY_IDLE_TIME);
}


/* the browser */

static void
browser_close(relay_t *r)
{
    if (r->browser.fd != -1) {
        (void) close(r->browser.fd);
        r->browser.fd = -1;
        relay_timer_stop(r, RELAY_TIMER_DRAIN);
        relay_timer_stop(r, RELAY_TIMER_FULL);
    }
}


static void
browser_gone(relay_t *r)
{
    if (r->browser.fd == -1) {
        return;
    }

    if (r->browser.error != 0) {
        r->user.event(&r->user, EVENT_LINK_BROKEN, r->browser.error,
                      eirc_slice(NULL, 0));
    }

    browser_close(r);
    user_left(&r->user);
}


/* The other end is closed. What it said before that still goes, for a while;
 * but not before there is a registered user to say it. */
static void
browser_hung_up(relay_t *r)
{
    r->browser_hangup = true;
    relay_timer_start(r, RELAY_TIMER_DRAIN, RELAY_DRAIN_TIME);

    if (r->user.session.state->phase != SESSION_READY) {
        browser_gone(r);
    }
}


static bool
browser_pending(const relay_t *r)
{
    return session_message_pending(&r->user.session).len > 0;
}


/* true if a message came */
static bool
browser_read(relay_t *r)
{
    int rc;

    if (r->browser.fd == -1 || browser_pending(r)) {
        return false;
    }

    rc = r->browser.receive(&r->browser, &r->user.session);

    if (rc == EIRC_DONE || rc == EIRC_ERROR) {
        browser_gone(r);
    }

    return rc == EIRC_OK;
}


/* true if something went, so that there is room again */
static bool
browser_write(relay_t *r)
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
        user_deafen(&r->user);
        browser_hung_up(r);
        return true;
    }

    return r->user.session.state->sent != sent;
}


/* control */

static void
control_close(relay_t *r)
{
    (void) close(r->control);
    r->control = -1;
}


/* Nothing that could be mistaken for a line's end goes on to the browser. */
static void
unreachable_tell(relay_t *r, const control_t *c)
{
    size_t len;
    char words[512];

    if (c->status == CONTROL_SAY_WHY) {
        len = event_escape(words, sizeof(words), c->data, c->size);
        user_tell_error(&r->user, eirc_slice(words, len));
    }

    user_unreachable(&r->user);
}


static void
control_read(relay_t *r)
{
    int rc, nfds, fds[2];
    control_t c;

    nfds = 2;
    rc = control_recv(r->control, &c, fds, &nfds);

    if (rc == EIRC_AGAIN) {
        return;
    }

    /* the layer is dead: a conversation that there is goes on without it */

    if (rc != EIRC_OK) {
        control_close(r);
        r->user.servers = 0;

        if (r->user.session.state->phase == SESSION_CONNECTING) {
            user_unreachable(&r->user);
        }

        return;
    }

    if (c.type == CONTROL_CONNECTED && c.status == 0 && nfds > 0) {

        if (nfds == 2) {
            login_drop(r);
            r->user.login = r->remember(fds[1]);
        }

        relay_connected(r, fds[0], c.value);
        return;
    }

    while (nfds > 0) {
        (void) close(fds[--nfds]);
    }

    if (c.type == CONTROL_CONNECTED
        && r->user.session.state->phase == SESSION_CONNECTING)
    {
        unreachable_tell(r, &c);

    } else if (c.type == CONTROL_STOP) {
        user_stop(&r->user, EIRC_LINK_SHUTDOWN);
    }
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
    r->irc_gone = r->user.ended;

    return !r->user.ended;
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

        while (!r->irc_gone && user_step_message(u) == EIRC_OK) {
            moved = true;
        }

        full = full || u->full;

        moved = irc_write_login(r) || moved;
        moved = irc_write(r) || moved;
        moved = browser_write(r) || moved;

        /* what a browser said that has gone since, or what is there already */

        if (r->browser_hangup || r->browser.more) {
            moved = browser_read(r) || moved;
        }
    } while (moved || irc_lost(r, full));

    if (!full || r->browser.fd == -1) {
        relay_timer_stop(r, RELAY_TIMER_FULL);

    } else {
        relay_timer_start(r, RELAY_TIMER_FULL, RELAY_FULL_TIME);
    }

    relay_timer_stop(r, RELAY_TIMER_FLOOD);

    if (u->wait > 0) {
        relay_timer_set(r, RELAY_TIMER_FLOOD, u->wait);
    }
}


/* The last lines, then the reason, then nothing. */
static void
relay_end(relay_t *r)
{
    int rc;

    irc_close(r, 0);
    (void) browser_write(r);

    if (r->browser.fd == -1) {
        r->done = true;
        return;
    }

    relay_timer_start(r, RELAY_TIMER_END, RELAY_END_TIME);

    if (r->browser_blocked) {
        return;
    }

    rc = r->browser.end(&r->browser, r->user.reason);

    if (rc == EIRC_AGAIN) {
        r->browser_blocked = true;
        return;
    }

    r->done = true;
}


static void
relay_work(relay_t *r)
{
    relay_move(r);

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
        login_drop(r);
    }

    if (r->user.retry != 0) {
        r->timers[RELAY_TIMER_RETRY] = r->user.retry;
        r->user.retry = 0;
    }

    r->timers[RELAY_TIMER_NICK] = r->irc == -1 ? 0 : r->user.regain.next;

    if (r->user.ended) {
        relay_end(r);
        return;
    }

    if (r->user.session.state->phase == SESSION_LEAVING
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

    irc_close(r, 0);
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
    user_slow(&r->user);
}


static void
expired_end(relay_t *r)
{
    r->done = true;
}


static void
expired_login(relay_t *r)
{
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
    control_t c;

    if (r->user.session.state->phase != SESSION_CONNECTING || r->control == -1)
    {
        return;
    }

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_WANT_IRC;
    c.value = r->user.session.state->server;

    rc = control_send(r->control, &c, NULL, 0);

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
    [RELAY_TIMER_REGISTER] = expired_irc, [RELAY_TIMER_IDLE] = expired_idle,
    [RELAY_TIMER_PONG] = expired_irc,     [RELAY_TIMER_FULL] = expired_full,
    [RELAY_TIMER_LEAVE] = expired_irc,    [RELAY_TIMER_DRAIN] = browser_gone,
    [RELAY_TIMER_END] = expired_end,      [RELAY_TIMER_FLOOD] = expired_flood,
    [RELAY_TIMER_RETRY] = expired_retry,  [RELAY_TIMER_LOGIN] = expired_login,
    [RELAY_TIMER_NICK] = expired_nick,
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

/* What is waited for; a descriptor without anything to wait for is left out
 * once its other end has hung up, which poll() would report for ever. */
static void
watch(struct pollfd *pfd, int fd, bool in, bool out, bool hangup)
{
    pfd->fd = hangup && !in ? -1 : fd;
    pfd->events = (short) ((in ? POLLIN : 0) | (out ? POLLOUT : 0));
    pfd->revents = 0;
}


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


static void
relay_wait(relay_t *r)
{
    struct pollfd pfd[4];
    bool read_irc, read_browser;

    read_irc = irc_wanted(r);
    read_browser = !browser_pending(r) && !r->user.ended && !r->browser_hangup;

    watch(&pfd[0], r->browser.fd, read_browser, r->browser_blocked,
          r->browser_hangup);
    watch(&pfd[1], r->irc, read_irc, r->irc_blocked, r->irc_hangup);
    watch(&pfd[2], r->control, true, false, false);
    watch(&pfd[3], r->signals, true, false, false);

    if (poll(pfd, 4, relay_timer_next(r)) == -1) {
        r->user.now = relay_now();
        return;
    }

    r->user.now = relay_now();

    if (pfd[0].revents & (POLLOUT | POLLERR | POLLHUP)) {
        r->browser_blocked = false;
    }

    if (pfd[1].revents & (POLLOUT | POLLERR | POLLHUP)) {
        r->irc_blocked = false;
    }

    if (pfd[1].revents != 0 && read_irc && (pfd[1].revents & ~POLLOUT)) {
        irc_read(r);

    } else if (pfd[1].revents & (POLLERR | POLLHUP)) {
        r->irc_hangup = true;
    }

    if (pfd[0].revents != 0 && read_browser && (pfd[0].revents & ~POLLOUT)) {
        (void) browser_read(r);

    } else if (pfd[0].revents & (POLLERR | POLLHUP)) {
        browser_hung_up(r);
    }

    if (pfd[2].revents != 0) {
        control_read(r);
    }

    if (pfd[3].revents != 0) {
        r->signals = -1;
        user_stop(&r->user, EIRC_LINK_SHUTDOWN);
    }

    timers_expire(r);
}


void
relay_run(relay_t *r)
{
    relay_work(r);

    while (!r->done) {
        relay_wait(r);
        relay_work(r);
    }

    r->user.event(&r->user, EVENT_ENDED, (int32_t) r->user.reason,
                  eirc_slice(NULL, 0));
    irc_close(r, 0);
    browser_close(r);
}
