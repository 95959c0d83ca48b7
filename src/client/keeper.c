#include "keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "birth.h"
#include "control.h"
#include "dial.h"
#include "events.h"
#include "held.h"
#include "move.h"
#include "preserve.h"
#include "worker.h"

/* crashes of a session that are remembered */
#define CRASHES_MAX 100

/* records taken from one worker in one round */
#define WORKER_RECORDS 16


static void
worker_event(layer_t *l, held_t *s, const control_t *c)
{
    int level;
    char text[1200];

    s->ended = s->ended || c->value == EVENT_ENDED;

    if (event_level(c->value) == -1 || c->size > EVENT_TEXT_MAX) {
        held_kill(s, "it sent an event that there is not");
        return;
    }

    if (bucket_take(&s->flood, l->now) != 0) {
        held_kill(s, "it floods the log");
        return;
    }

    if (bucket_take(&s->events, l->now) != 0) {
        s->events_dropped++;
        return;
    }

    if (s->events_dropped > 0) {
        log_write(LOG_LEVEL_WARN, 0, s->id, "%u events not logged",
                  s->events_dropped);
        s->events_dropped = 0;
    }

    level = event_format(text, sizeof(text), c->value, c->status, c->data,
                         c->size);

    log_write((log_level_e) level, 0, s->id, "%s", text);
}


static void
worker_wants_irc(layer_t *l, held_t *s, uint32_t server, int32_t port)
{
    if (bucket_take(&s->returns, l->now) != 0) {
        held_kill(s, "it wants connections without end");
        return;
    }

    /* said by the server, or so the worker says: for this session alone, and
     * never back */

    if (port > 0 && port <= UINT16_MAX
        && held_server_secure(l, s, server, (uint16_t) port) == 0)
    {
        log_write(LOG_LEVEL_INFO, 0, s->id,
                  "the IRC server wants TLS, at port %ld", (long) port);
    }

    /* who asks has had a connection, be it another layer's: it comes back */

    if (s->attempt == 0) {
        s->attempt = 1;
    }

    dial_again(l, s, server);
}


/* Its browser is gone. An account that leaves too many behind loses the oldest
 * of them. */
static void
worker_detached(layer_t *l, held_t *s, uint32_t attachment)
{
    control_t c;
    held_t *oldest;

    if (attachment != s->attachment || !s->resumable) {
        return;
    }

    held_link_close(&s->link);
    sessions_detach(s);
    s->detached = l->now;

    oldest = sessions_detached_most(&l->sessions, s);

    if (oldest != NULL && oldest->control != -1) {
        memset(&c, 0, offsetof(control_t, data));
        c.type = CONTROL_STOP;
        held_tell(oldest, &c, -1);
    }
}


/* The browser has the key that it was given last. */
static void
worker_heard(held_t *s, uint32_t attachment)
{
    static const uint8_t none[EIRC_LINK_KEY_SIZE];

    if (attachment == s->attachment
        && memcmp(s->next_key, none, sizeof(none)) != 0)
    {
        memcpy(s->key, s->next_key, sizeof(s->key));
        memset(s->next_key, 0, sizeof(s->next_key));
    }
}


/* Another process is wanted in the place of one that does nothing more. */
static void
worker_follow(layer_t *l, held_t *s)
{
    if (s->irc_state == HELD_IRC_CONNECTED && irc_counts_ask(l, s) == 0) {
        s->state = HELD_COUNTING;
        return;
    }

    birth_again(l, s, NULL);
}


void
keeper_leave(layer_t *l, held_t *s)
{
    preserve_last(l, s);
    held_refuse(l, s, EIRC_LINK_SHUTDOWN, "the socket layer is ending");
}


/* It stands still: the next one is to take its place. The session may be gone
 * after that. */
static void
worker_moved(layer_t *l, held_t *s, uint32_t offer)
{
    if (offer == 0 || s->before.offer != 0 || s->state != HELD_RUNNING) {
        held_kill(s, "it offers what is not its own");
        return;
    }

    log_write(LOG_LEVEL_INFO, 0, s->id, "worker %ld waits for the next one",
              (long) s->pid);

    held_before_begin(l, s, offer);

    /* what was begun anew stands */

    s->anew = 0;

    if (l->stop_until != 0) {

        /* the next one is of another layer; what was left is whole */

        s->succeeded = 1;
        keeper_leave(l, s);
        return;
    }

    s->planned = 1;
    move_note(l, s);
    worker_follow(l, s);
}


/* The one before is of no use any more. */
static bool
worker_taken(held_t *s)
{
    if (s->before.offer == 0) {
        return false;
    }

    log_write(LOG_LEVEL_INFO, 0, s->id, "worker %ld is followed by another",
              (long) s->before.pid);

    held_before_end(s);
    s->before.offer = 0;

    return true;
}


/* false: it broke the rules. */
static bool
worker_said(layer_t *l, held_t *s, const control_t *c)
{
    /* it has come to its times, before it said anything */

    s->restored = 0;

    switch (c->type) {

    case CONTROL_EVENT:
        worker_event(l, s, c);
        return true;

    case CONTROL_NO_SECRET:
        held_fd_close(&s->secret);
        s->open = 1;
        return true;

    case CONTROL_WANT_IRC:
        worker_wants_irc(l, s, c->value, c->status);
        return true;

    case CONTROL_DETACHED:
        worker_detached(l, s, c->value);
        return true;

    case CONTROL_HEARD:
        worker_heard(s, c->value);
        return true;

    case CONTROL_MOVED:

        /* who is dead has nothing to offer */

        return true;

    case CONTROL_TAKEN:
        return worker_taken(s);

    default:
        return false;
    }
}


void
keeper_worker_read(layer_t *l, uint64_t key)
{
    int i, rc;
    control_t c;
    held_t *s;

    s = sessions_find(&l->sessions, key);

    if (s != NULL && s->state == HELD_FORKING) {

        /* it is quicker than the template, which tells of it */

        birth_read(l);
        s = sessions_find(&l->sessions, key);
    }

    if (s == NULL || s->control == -1) {
        return;
    }

    for (i = 0; i < WORKER_RECORDS && !s->doomed && !s->ending; i++) {
        rc = control_recv(s->control, &c, NULL, NULL);

        if (rc == EIRC_AGAIN) {
            return;
        }

        if (rc == EIRC_OK && c.type == CONTROL_MOVED) {
            worker_moved(l, s, c.value);
            return;
        }

        if (rc == EIRC_OK && worker_said(l, s, &c)) {
            continue;
        }

        if (rc != EIRC_DONE && !(rc == EIRC_ERROR && errno == ECONNRESET)) {
            held_kill(s, "it broke the rules of its control channel");
            break;
        }

        /*
         * The end of file comes with the process's end, a moment before we
         * can reap it. One that lives on without us is no use; the signal
         * changes nothing for one that is ending.
         */

        s->ending = 1;

        held_signal(s);
    }

    if (s->doomed || s->ending) {
        layer_unwatch(l, s->control);
    }
}


/*
 * What was sent before the end, which the signal may overtake. Nobody is there
 * to be killed any more for what else it was.
 */
static void
worker_drain(layer_t *l, held_t *s)
{
    int i;
    control_t c;

    for (i = 0; i < EVENT_FLOOD && !s->doomed; i++) {

        if (control_recv(s->control, &c, NULL, NULL) != EIRC_OK) {
            return;
        }

        (void) worker_said(l, s, &c);
    }
}


static void
end_log(held_t *s, pid_t pid, int status)
{
    int code;
    log_level_e level;

    if (s->pidfd != -1 && WIFSIGNALED(status)) {
        log_write(LOG_LEVEL_ALERT, 0, s->id, "adopted worker %ld died",
                  (long) pid);

    } else if (WIFSIGNALED(status)) {
        log_write(LOG_LEVEL_ALERT, 0, s->id, "worker %ld exited on signal %d",
                  (long) pid, WTERMSIG(status));

    } else {
        code = WEXITSTATUS(status);
        level = code == WORKER_EXIT_OVER ? LOG_LEVEL_INFO : LOG_LEVEL_ERR;
        log_write(level, 0, s->id, "worker %ld exited with code %d",
                  (long) pid, code);
    }

    if (s->events_dropped > 0) {
        log_write(LOG_LEVEL_WARN, 0, s->id, "%u events not logged",
                  s->events_dropped);
        s->events_dropped = 0;
    }
}


/* Is this crash one too many for the state that it left? */
static bool
crash_count(layer_t *l, held_t *s)
{
    uint32_t n;

    n = s->crash_limit < CRASHES_MAX ? s->crash_limit : CRASHES_MAX;
    n = n > 0 ? n : 1;

    if (s->crashes == NULL) {
        s->crashes = calloc(n, sizeof(uint64_t));
    }

    if (s->crashes == NULL) {
        return true;
    }

    if (s->ncrashes == n) {
        s->ncrashes--;
        memmove(s->crashes, s->crashes + 1, s->ncrashes * sizeof(uint64_t));
    }

    s->crashes[s->ncrashes++] = l->now;

    if (s->ncrashes < n || l->now - s->crashes[0] > s->crash_time) {
        return false;
    }

    s->ncrashes = 0;

    return true;
}


/*
 * What comes behind a process that has ended.
 *
 *     rules broken, code 0 or 1, or the layer is ending: nothing
 *     the segment can't be trusted: one that begins anew; nothing behind that
 *     anything else is a crash: a successor; too many: one that begins anew
 */
typedef enum {
    FATE_OVER = 0,
    FATE_SUCCESSOR,
    FATE_ANEW
} fate_e;


static fate_e
fate_of(layer_t *l, held_t *s, int status)
{
    int code;

    code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

    /* a successor that could not begin has changed nothing */

    if (s->doomed || l->stop_until != 0 || code == WORKER_EXIT_OVER
        || (code == WORKER_EXIT_FAILED && !s->succeeded))
    {
        return FATE_OVER;
    }

    if (code == WORKER_EXIT_STATE) {
        return s->anew ? FATE_OVER : FATE_ANEW;
    }

    return crash_count(l, s) ? FATE_ANEW : FATE_SUCCESSOR;
}


/* Nothing of what there was goes on but the browser, who the user is, and the
 * channels. */
static void
begin_anew(layer_t *l, held_t *s)
{
    dial_cancel(l, s);
    held_queue_remove(&l->irc_queue, s);
    s->irc_state = HELD_IRC_NONE;

    if (s->irc != -1) {
        (void) shutdown(s->irc, SHUT_RDWR);
        held_irc_close(s);
    }

    s->attach_flags = 0;
    s->attach_lines = 0;

    /* what is not to be trusted has nothing to offer */

    held_before_end(s);
    s->before.offer = 0;

    log_write(LOG_LEVEL_ALERT, 0, s->id,
              "the state of the session is dropped");

    preserve_forget(l, s);

    if (held_id_renew(l, s) == 0) {
        log_write(LOG_LEVEL_NOTICE, 0, s->id, "goes on anew");
    }
}


/* Nothing comes behind it in this layer; in the next one, where it is kept:
 * what a process left in a step is whole. */
static void
session_over(layer_t *l, held_t *s, int status)
{
    if (l->stop_until != 0 && !s->doomed && preserve_wants(l, s)
        && WIFSIGNALED(status))
    {
        s->succeeded = 1;
        keeper_leave(l, s);
        return;
    }

    /* what was kept before stays, unless the session is over */

    if (l->stop_until != 0
        && (!WIFEXITED(status) || WEXITSTATUS(status) != WORKER_EXIT_OVER))
    {
        s->stored = 0;
    }

    dial_cancel(l, s);
    held_clear(l, s);
}


/* The one place where a worker's end is dealt with. */
void
keeper_worker_gone(layer_t *l, held_t *s, pid_t pid, int status)
{
    fate_e fate;

    /* it was reaped: the number may be another's from now on */

    sessions_pid_clear(&l->sessions, s);

    worker_drain(l, s);
    end_log(s, pid, status);
    fate = fate_of(l, s, status);

    held_pidfd_close(l, s);
    s->planned = 0;

    if (fate == FATE_OVER) {
        session_over(l, s, status);
        return;
    }

    held_control_close(l, s);
    s->anew = fate == FATE_ANEW;

    if (s->anew) {
        begin_anew(l, s);
    }

    worker_follow(l, s);
}


void
keeper_stranger_gone(layer_t *l, held_t *s)
{
    int status;

    worker_drain(l, s);

    status
        = s->ended ? W_EXITCODE(WORKER_EXIT_OVER, 0) : W_EXITCODE(0, SIGKILL);

    keeper_worker_gone(l, s, s->pid, status);
}


/* Only a relay knows of connections that aren't TCP. */
void
keeper_counted(layer_t *l, held_t *s, const irc_counts_t *counts)
{
    control_done_t done;

    if (s->state != HELD_COUNTING) {
        irc_counts_go(l, s);
        return;
    }

    if (counts == NULL) {

        /* it is lost, and the successor has to ask for another one */

        held_irc_close(s);
        s->irc_state = HELD_IRC_NONE;
        birth_again(l, s, NULL);
        return;
    }

    /* nobody takes anything before there is a successor */

    done.taken = counts->consumed;
    done.given = counts->accepted;
    irc_counts_go(l, s);
    birth_again(l, s, &done);
}


void
keeper_reaped(layer_t *l, pid_t pid, int status)
{
    held_t *s;

    if (move_reaped(l, pid)) {
        return;
    }

    s = sessions_find_pid(&l->sessions, pid);

    if (s != NULL) {
        keeper_worker_gone(l, s, pid, status);
        return;
    }

    /* the template has yet to tell us whose it was, if it lives to do so */

    if (l->nforking == 0) {
        l->nexits = 0;

    } else if (l->nexits < LAYER_FORKS_MAX) {
        l->exits[l->nexits].pid = pid;
        l->exits[l->nexits].status = status;
        l->nexits++;
    }
}


void
keeper_stop(layer_t *l)
{
    uint32_t slot;
    control_t c;
    held_t *s;

    slot = 0;

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_STOP;

    while ((s = sessions_next(&l->sessions, &slot)) != NULL) {
        if (s->state == HELD_WAITING || s->state == HELD_COUNTING) {
            keeper_leave(l, s);
            continue;
        }

        if (s->control != -1) {
            c.value = preserve_wants(l, s) ? CONTROL_STOP_KEEP : 0;
            held_tell(s, &c, -1);
        }
    }
}


void
keeper_kill(layer_t *l)
{
    uint32_t slot;
    held_t *s;

    slot = 0;

    while ((s = sessions_next(&l->sessions, &slot)) != NULL) {
        s->stored = 0; /* what was kept before stays */

        if (s->state == HELD_WAITING || s->state == HELD_COUNTING) {
            keeper_leave(l, s);
            continue;
        }

        held_kill(s, "it did not leave in time");
    }
}
