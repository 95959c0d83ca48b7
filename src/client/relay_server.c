#include "relay_server.h"

#include "comeback.h"
#include "login.h"
#include "relay_timers.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* readings of TCP's counters until two agree */
#define READINGS_MAX 10000

/* of tcpi_state, as the kernel has them */
#define STATE_ESTABLISHED 1
#define STATE_CLOSE_WAIT 8
#define STATE_LAST_ACK 9

/* bytes that we have taken from a connection, and that it has taken from us,
 * since some beginning */
typedef struct {
    uint64_t taken;
    uint64_t given;
    bool stands; /* it may still carry something */
} counters_t;


void
relay_server_forget(relay_t *r)
{
    if (r->user.login == NULL) {
        return;
    }

    r->forget(r->user.login);
    r->user.login = NULL;
    r->user.session.state->login = 0;
    session_commit(&r->user.session);
}


void
relay_server_close(relay_t *r, int error)
{
    session_t *s;

    if (r->irc == -1) {
        return;
    }

    /* the socket layer has a duplicate, and the server is to know at once */

    relay_wait_watch(&r->wait, RELAY_WAIT_IRC, -1, 0);
    (void) shutdown(r->irc, SHUT_RDWR);
    (void) close(r->irc);
    r->irc = -1;
    r->irc_gone = true;
    r->irc_ready = false;
    r->irc_hangup = false;
    r->irc_error = error;

    /* nobody takes what was to be sent, and it must not stop anything */

    s = &r->user.session;
    session_out_drop(s);
    session_commit(s);

    relay_server_forget(r);

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


void
relay_server_read(relay_t *r)
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

        /* less than there is room for is all that was there, but its end */

        r->irc_ready = (size_t) n == room || r->irc_hangup;

        relay_timer_stop(r, RELAY_TIMER_PONG);
        relay_timer_set(r, RELAY_TIMER_IDLE, RELAY_IDLE_TIME);
        leave_extend(r);

    } else if (n == 0 || errno != EAGAIN) {
        relay_server_close(r, n == 0 ? 0 : errno);

    } else {
        r->irc_ready = false;
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


bool
relay_server_write_login(relay_t *r)
{
    size_t len;
    ssize_t n;
    session_t *s;
    eirc_slice_t pending;

    s = &r->user.session;
    pending = login_out_pending(&r->user);

    if (r->irc == -1 || r->irc_blocked || s->state->midline
        || pending.len == 0) {
        return false;
    }

    n = irc_send(r, pending);

    if (r->irc_blocked) {
        return false;
    }

    len = n == -1 ? pending.len : (size_t) n;
    login_out_sent(&r->user, len);
    s->state->irc_written += len;
    session_commit(s);

    return true;
}


/* So many of the pending bytes have gone. */
static void
out_sent(session_t *s, eirc_slice_t pending, size_t n)
{
    s->state->midline = pending.p[n - 1] != '\n';
    session_out_sent(s, n);
    session_commit(s);
}


bool
relay_server_write(relay_t *r)
{
    ssize_t n;
    session_t *s;
    eirc_slice_t pending;

    s = &r->user.session;
    session_out_settle(s);
    pending = session_out_pending(s);

    if (r->irc == -1 && r->irc_gone && pending.len > 0) {
        session_out_drop(s);
        session_commit(s);
        return true;
    }

    if (r->irc == -1 || r->irc_blocked || pending.len == 0
        || (!s->state->midline && login_out_pending(&r->user).len > 0))
    {
        return false;
    }

    n = irc_send(r, pending);

    if (r->irc_blocked) {
        return false;
    }

    /* after an error nothing can be sent, but the server's reason be read */

    if (n == -1) {
        session_out_drop(s);
        session_commit(s);

    } else {
        out_sent(s, pending, (size_t) n);
    }

    return true;
}


/* What no thread of the kernel moves between two readings is right. */
static int
counters_read(int fd, counters_t *counters)
{
    int i, unread, unacked;
    socklen_t len;
    struct tcp_info before, after;

    memset(counters, 0, sizeof(counters_t));
    memset(&after, 0, sizeof(after));

    for (i = 0; i < READINGS_MAX; i++) {
        len = sizeof(before);
        memset(&before, 0, sizeof(before));

        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &before, &len) == -1
            || ioctl(fd, FIONREAD, &unread) == -1
            || ioctl(fd, TIOCOUTQ, &unacked) == -1)
        {
            return EIRC_ERROR;
        }

        len = sizeof(after);

        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &after, &len) == -1) {
            return EIRC_ERROR;
        }

        if (before.tcpi_bytes_received == after.tcpi_bytes_received
            && before.tcpi_bytes_acked == after.tcpi_bytes_acked
            && before.tcpi_state == after.tcpi_state)
        {
            break;
        }
    }

    /* FIN counts as a byte that was received, but not as one to be read */

    counters->taken = after.tcpi_bytes_received - (uint64_t) unread
                      - (after.tcpi_state == STATE_CLOSE_WAIT
                         || after.tcpi_state == STATE_LAST_ACK);
    counters->given = after.tcpi_bytes_acked + (uint64_t) unacked;
    counters->stands = after.tcpi_state == STATE_ESTABLISHED
                       || after.tcpi_state == STATE_CLOSE_WAIT;

    return i < READINGS_MAX ? EIRC_OK : EIRC_ERROR;
}


/* Those of a connection that nobody has read from yet, nor written to: the SYN
 * may count. What isn't TCP has a relay process that counts from 0. */
static uint64_t
counter_begin(int fd)
{
    socklen_t len;
    struct tcp_info info;

    len = sizeof(info);
    memset(&info, 0, sizeof(info));

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1
               ? 0
               : info.tcpi_bytes_acked;
}


void
relay_connected(relay_t *r, int fd, uint32_t server, uint32_t connection)
{
    session_state_t *state;

    if (r->irc != -1 || r->user.session.state->phase != SESSION_CONNECTING) {
        (void) close(fd);
        return;
    }

    r->irc = fd;
    r->irc_gone = false;
    r->irc_blocked = false;

    state = r->user.session.state;
    state->irc_taken = 0;
    state->irc_given = counter_begin(fd);
    state->irc_read = 0;
    state->irc_written = 0;
    state->midline = 0;
    state->connection = connection;
    state->login = r->user.login != NULL;

    user_connected(&r->user, server);

    relay_timer_set(r, RELAY_TIMER_REGISTER, RELAY_REGISTER_TIME);
    relay_timer_set(r, RELAY_TIMER_LOGIN, RELAY_LOGIN_TIME);
    relay_timer_set(r, RELAY_TIMER_IDLE, RELAY_IDLE_TIME);
}


/* Notes what the predecessor has done and not noted. */
static int
counters_settle(session_t *s, const counters_t *now)
{
    uint8_t *p;
    uint64_t taken, given;
    eirc_slice_t pending;

    taken = s->state->irc_taken + s->state->irc_read;
    given = s->state->irc_given + s->state->irc_written;

    /* a connection that is gone has lost its counters with what it held */

    if (now->taken < taken || now->given < given) {
        return now->stands ? EIRC_ERROR : EIRC_OK;
    }

    taken = now->taken - taken;
    given = now->given - given;
    pending = session_out_pending(s);

    if (taken > session_in_room(s, &p) || given > pending.len) {
        return now->stands ? EIRC_ERROR : EIRC_OK;
    }

    if (taken > 0) {
        session_in_add(s, (size_t) taken);
        session_commit(s);
    }

    if (given > 0) {
        out_sent(s, pending, (size_t) given);
    }

    return EIRC_OK;
}


int
relay_server_inherit(relay_t *r, int fd, const control_short_t *c)
{
    session_t *s;
    counters_t now;
    control_done_t done;

    s = &r->user.session;

    /* one that was given up, or has not been looked at yet */

    if (s->state->phase == SESSION_CONNECTING) {

        if (c->serial != s->state->connection) {
            r->user.sts.secure = c->value & CONTROL_SECURE;
            relay_connected(r, fd, c->value & ~CONTROL_SECURE, c->serial);

        } else {
            (void) close(fd);
            comeback_again(&r->user);
        }

        return EIRC_OK;
    }

    if (s->state->phase < SESSION_REGISTERING
        || c->serial != s->state->connection) {
        (void) close(fd);
        return EIRC_ERROR;
    }

    r->irc = fd;
    relay_timer_set(r, RELAY_TIMER_IDLE, RELAY_IDLE_TIME);

    /* what a login has come to nobody knows: it begins anew */

    if (s->state->login) {
        s->state->login = 0;
        relay_server_close(r, 0);
        r->irc_gone = !comeback_at_once(&r->user);
        return EIRC_OK;
    }

    if (c->size == sizeof(done)) {
        memcpy(&done, c->data, sizeof(done));
        now.taken = done.taken;
        now.given = done.given;
        now.stands = true;

    } else if (counters_read(fd, &now) != EIRC_OK) {

        if (!r->planned) {
            return EIRC_ERROR;
        }

        /* who left in good order has noted all that it did */

        now.taken = s->state->irc_taken + s->state->irc_read;
        now.given = s->state->irc_given + s->state->irc_written;
        now.stands = true;
    }

    if (s->state->phase == SESSION_REGISTERING) {
        relay_timer_set(r, RELAY_TIMER_REGISTER, RELAY_REGISTER_TIME);
    }

    if (s->state->pinged) {
        relay_timer_set(r, RELAY_TIMER_PONG, RELAY_PONG_TIME);
    }

    return counters_settle(s, &now);
}
