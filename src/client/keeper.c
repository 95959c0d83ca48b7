#include "keeper.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>

#include "control.h"
#include "dial.h"
#include "events.h"
#include "held.h"

/* records taken from one worker in one round */
#define WORKER_RECORDS 16


static void
worker_event(layer_t *l, held_t *s, const control_t *c)
{
    int level;
    char text[1200];

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
worker_wants_irc(layer_t *l, held_t *s, uint32_t server)
{
    if (bucket_take(&s->returns, l->now) != 0) {
        held_kill(s, "it wants connections without end");
        return;
    }

    dial_again(l, s, server);
}


void
keeper_worker_read(layer_t *l, uint64_t key)
{
    int i, rc;
    control_t c;
    held_t *s;

    s = sessions_find(&l->sessions, key);

    if (s == NULL || s->control == -1) {
        return;
    }

    for (i = 0; i < WORKER_RECORDS && !s->doomed; i++) {
        rc = control_recv(s->control, &c, NULL, NULL);

        if (rc == EIRC_AGAIN) {
            return;
        }

        if (rc == EIRC_OK && c.type == CONTROL_EVENT) {
            worker_event(l, s, &c);
            continue;
        }

        if (rc == EIRC_OK && c.type == CONTROL_NO_SECRET) {
            held_fd_close(&s->secret);
            continue;
        }

        if (rc == EIRC_OK && c.type == CONTROL_WANT_IRC) {
            worker_wants_irc(l, s, c.value);
            continue;
        }

        if (rc != EIRC_DONE && !(rc == EIRC_ERROR && errno == ECONNRESET)) {
            held_kill(s, "it broke the rules of its control channel");
            break;
        }

        /*
         * The end of file comes with the process's end, a moment before we
         * can reap it. One that lives on without us breaks the rules; the
         * signal changes nothing for one that is ending.
         */

        s->doomed = 1;

        if (s->pid != 0) {
            (void) kill(s->pid, SIGKILL);
        }
    }

    if (s->doomed) {
        layer_unwatch(l, s->control);
    }
}


/*
 * Events that were sent before the end, which the signal may overtake. Nobody
 * is there to be killed any more for what else it was.
 */
static void
events_drain(layer_t *l, held_t *s)
{
    int i;
    control_t c;

    for (i = 0; i < EVENT_FLOOD && !s->doomed; i++) {
        if (control_recv(s->control, &c, NULL, NULL) != EIRC_OK) {
            return;
        }

        if (c.type == CONTROL_EVENT) {
            worker_event(l, s, &c);
        }
    }
}


/*
 * The one place where a worker's end is dealt with. What it left tells, with
 * the status, what is to be done; a successor would be forked here.
 */
void
keeper_worker_gone(layer_t *l, held_t *s, pid_t pid, int status)
{
    /* it was reaped: the number may be another's from now on */

    sessions_pid_clear(&l->sessions, s);

    events_drain(l, s);

    if (WIFSIGNALED(status)) {
        log_write(LOG_LEVEL_ALERT, 0, s->id, "worker %ld exited on signal %d",
                  (long) pid, WTERMSIG(status));

    } else {
        log_write(WEXITSTATUS(status) == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_ERR, 0,
                  s->id, "worker %ld exited with code %d", (long) pid,
                  WEXITSTATUS(status));
    }

    if (s->events_dropped > 0) {
        log_write(LOG_LEVEL_WARN, 0, s->id, "%u events not logged",
                  s->events_dropped);
    }

    dial_cancel(l, s);
    held_clear(l, s);
}


void
keeper_reaped(layer_t *l, pid_t pid, int status)
{
    held_t *s;

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
        if (s->state == HELD_WAITING) {
            held_refuse(l, s, EIRC_LINK_SHUTDOWN,
                        "the socket layer is ending");
            continue;
        }

        held_tell(s, &c, -1);
    }
}


void
keeper_kill(layer_t *l)
{
    uint32_t slot;
    held_t *s;

    slot = 0;

    while ((s = sessions_next(&l->sessions, &slot)) != NULL) {
        held_kill(s, "it did not leave in time");
    }
}
