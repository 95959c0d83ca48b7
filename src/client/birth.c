#include "birth.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "dial.h"
#include "held.h"
#include "keeper.h"
#include "irc_relays.h"
#include "move.h"
#include "relay_wait.h"
#include "rescue.h"
#include "worker.h"

/* ms without a fork when one has failed */
#define FORK_PAUSE 100

/* what a worker has that is made for it alone, and not kept here */
#define GEAR (WORKER_RESCUES + 2)


static void
refuse_early(int fd, eirc_link_reason_e reason, const char *text)
{
    log_write(LOG_LEVEL_WARN, 0, NULL, "session refused: %s", text);
    held_link_refuse(&fd, reason, text);
}


void
birth_begin(layer_t *l, int fd, const eirc_link_session_t *request)
{
    held_t *s;

    if (request->limit != 0
        && sessions_of(&l->sessions, request->account, request->account_len)
               >= request->limit)
    {
        refuse_early(fd, EIRC_LINK_LIMIT, "the account has its sessions");
        return;
    }

    if (!layer_has_room(l)) {
        refuse_early(fd, EIRC_LINK_NO_ROOM, "no descriptors left");
        return;
    }

    if (!helper_is_near(&l->template, l->now)) {
        refuse_early(fd, EIRC_LINK_FAILED, "the template is not running");
        return;
    }

    s = sessions_add(&l->sessions, request->account, request->account_len);
    if (s == NULL) {
        refuse_early(fd, EIRC_LINK_NO_ROOM, "no memory left");
        return;
    }

    s->link = fd;

    if (held_equip(l, s, request) == -1) {
        log_write(LOG_LEVEL_ALERT, errno, s->id, "no room for a session");
        held_refuse(l, s, EIRC_LINK_NO_ROOM, "no descriptors or memory");
        return;
    }

    held_queue_add(&l->fork_queue, s);

    /* the connection to IRC is begun before there is anybody to use it */

    dial_again(l, s, 0);
}


/* What the record to the template says of it. */
static uint32_t
birth_flags(const held_t *s)
{
    return (s->resumable ? WORKER_RESUMABLE : 0)
           | (s->succeeded ? WORKER_SUCCESSOR : 0)
           | (s->anew ? WORKER_ANEW : 0) | (s->planned ? WORKER_PLANNED : 0)
           | (s->restored ? WORKER_RESTORED : 0)
           | (s->secret == -1 ? WORKER_NO_SECRET : 0);
}


/* Sockets for the layers after this one, and what a worker waits with: it could
 * do harm with calls that make more of them. */
static int
gear_open(int *fds)
{
    int n, error;

    for (n = 0; n < WORKER_RESCUES; n++) {
        fds[n] = rescue_open();

        if (fds[n] == -1) {
            break;
        }
    }

    if (n == WORKER_RESCUES && relay_wait_open(&fds[n], &fds[n + 1]) == 0) {
        return 0;
    }

    error = errno;
    packet_close(fds, n);
    errno = error;

    return -1;
}


/* As worker.h has them; how many there are. */
static int
descriptors_list(const held_t *s, const int *gear, int *fds)
{
    int i, n;

    n = 0;
    fds[n++] = s->succeeded ? s->segment : s->link;
    fds[n++] = s->segment;
    fds[n++] = s->worker_control;

    for (i = 0; i < GEAR; i++) {
        fds[n++] = gear[i];
    }

    if (s->secret != -1 && !s->succeeded) {
        fds[n++] = s->secret;
    }

    return n;
}


/* EIRC_AGAIN: not now; EIRC_ERROR: there is not what it takes, errno. */
static int
fork_ask(layer_t *l, held_t *s)
{
    int rc, nfds, gear[GEAR], fds[CONTROL_FDS_MAX];
    uint8_t *p;
    worker_birth_t birth;
    control_long_t record;

    memset(&birth, 0, sizeof(birth));
    memcpy(birth.id, s->id, sizeof(birth.id));
    birth.flags = birth_flags(s);
    birth.replay = s->replay;
    birth.linger = s->linger;
    birth.cpu = s->cpu;
    birth.servers = eirc_link_servers_count(s->servers, s->servers_len);
    birth.layer = l->rundir.generation;
    birth.offer = s->before.offer;
    memcpy(birth.key, s->key, sizeof(birth.key));
    memcpy(birth.next_key, s->next_key, sizeof(birth.next_key));

    memset(&record, 0, offsetof(control_t, data));
    record.c.type = CONTROL_FORK;
    record.c.key = s->item.key;
    record.c.size = (uint32_t) sizeof(birth) + s->passport_len;

    p = (uint8_t *) &record + offsetof(control_t, data);
    memcpy(p, &birth, sizeof(birth));
    memcpy(p + sizeof(birth), s->passport, s->passport_len);

    if (gear_open(gear) == -1) {
        return EIRC_ERROR;
    }

    nfds = descriptors_list(s, gear, fds);
    rc = control_send_long(l->template.fd, &record, fds, nfds);
    packet_close(gear, GEAR);

    /* one that died is followed by another, and what was not sent waits for
     * it; for whatever else it may be, so that nobody waits for ever */

    if (rc != EIRC_OK) {
        l->fork_again = rc == EIRC_ERROR ? l->now + FORK_PAUSE : l->fork_again;
        return EIRC_AGAIN;
    }

    held_queue_remove(&l->fork_queue, s);
    held_fd_close(&s->worker_control);
    s->state = HELD_FORKING;
    l->nforking++;

    return EIRC_OK;
}


/* No descriptors or memory. A successor waits: what it takes up is there. */
static void
fork_impossible(layer_t *l, held_t *s)
{
    log_write(LOG_LEVEL_ALERT, errno, s->id, "no room for a process");
    l->fork_again = l->now + FORK_PAUSE;

    if (!s->succeeded) {
        held_refuse(l, s, EIRC_LINK_NO_ROOM, "no descriptors or memory");
    }
}


/* The IRC connection, for the successor's control channel. */
static int
inherit_tell(held_t *s, const control_done_t *done)
{
    int nfds, fds[2];
    control_t c;

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_INHERITED;
    c.key = s->item.key;

    if (s->irc_state != HELD_IRC_CONNECTED) {
        c.status = s->irc_state != HELD_IRC_NONE;
        return control_send(s->control, &c, NULL, 0);
    }

    c.value = s->server | (s->relay != NULL ? CONTROL_SECURE : 0);
    c.serial = s->connection;

    if (done != NULL) {
        c.size = sizeof(control_done_t);
        memcpy(c.data, done, sizeof(control_done_t));
    }

    fds[0] = s->irc;
    fds[1] = s->secret;
    nfds = s->secret == -1 ? 1 : 2;

    return control_send(s->control, &c, fds, nfds);
}


static int
attach_tell(const held_t *s)
{
    control_t c;
    control_attach_t attach;

    memset(&c, 0, offsetof(control_t, data));
    memset(&attach, 0, sizeof(attach));
    c.type = CONTROL_ATTACH;
    c.key = s->item.key;
    c.value = s->attachment;
    c.status = (int32_t) s->attach_flags;
    c.size = sizeof(attach);
    attach.lines = s->attach_lines;
    memcpy(attach.key, s->key, sizeof(attach.key));
    memcpy(attach.next_key, s->next_key, sizeof(attach.next_key));
    memcpy(c.data, &attach, sizeof(attach));

    return control_send(s->control, &c, &s->link, 1);
}


/* The channel of a successor, with all that it needs; -1 and errno: none. */
static int
channel_make(layer_t *l, held_t *s)
{
    int error;
    control_t c;

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_SUCCEED;

    if (held_control_open(l, s) == -1
        || inherit_tell(s, s->counted ? &s->done : NULL) != EIRC_OK
        || (s->link != -1 && attach_tell(s) != EIRC_OK)
        || control_send(s->control, &c, NULL, 0) != EIRC_OK)
    {
        error = errno;
        held_control_close(l, s);
        errno = error;
        return -1;
    }

    return 0;
}


void
birth_pump(layer_t *l)
{
    int rc;
    held_t *s;

    while (l->nforking < LAYER_FORKS_MAX && l->fork_again <= l->now) {
        s = l->fork_queue.first;

        if (s == NULL) {
            return;
        }

        if (!helper_is_near(&l->template, l->now) && !s->succeeded) {
            held_refuse(l, s, EIRC_LINK_FAILED, "the template is not running");
            continue;
        }

        /* not there: its start brings us back; full: an answer does */

        if (l->template.fd == -1) {
            return;
        }

        /* a successor for which there was no room is tried again */

        rc = s->control == -1 && channel_make(l, s) == -1 ? EIRC_ERROR
                                                          : fork_ask(l, s);

        if (rc == EIRC_ERROR) {
            fork_impossible(l, s);
        }

        if (rc != EIRC_OK) {
            return;
        }
    }
}


/* The end of a worker that ended before we knew that it was one. */
static int
exit_take(layer_t *l, pid_t pid, int *status)
{
    uint32_t i;

    for (i = 0; i < l->nexits; i++) {
        if (l->exits[i].pid == pid) {
            *status = l->exits[i].status;
            l->exits[i] = l->exits[--l->nexits];
            return 1;
        }
    }

    return 0;
}


/* A successor is asked for again, after a while: what it needs is still in
 * its channel, but for the end of it that the template had. */
static void
fork_failed(layer_t *l, held_t *s)
{
    l->nforking--;
    s->state = HELD_WAITING;
    held_control_close(l, s);

    if (l->stop_until != 0) {
        keeper_leave(l, s);
        return;
    }

    birth_again(l, s, s->counted ? &s->done : NULL);
}


static void
fork_answered(layer_t *l, const control_t *c)
{
    int status;
    pid_t pid;
    held_t *s;

    s = sessions_find(&l->sessions, c->key);

    if (s == NULL || s->state != HELD_FORKING) {
        return;
    }

    if (c->value == 0) {
        log_write(LOG_LEVEL_ALERT, c->status, s->id, "clone() failed");

        if (s->succeeded) {

            /* the one that waits may be the one too many */

            held_before_end(s);
            l->fork_again = l->now + FORK_PAUSE;
            fork_failed(l, s);
            return;
        }

        held_refuse(l, s,
                    c->status == EAGAIN || c->status == ENOMEM
                        ? EIRC_LINK_NO_ROOM
                        : EIRC_LINK_FAILED,
                    "no process could be made");
        return;
    }

    l->nforking--;
    s->state = HELD_RUNNING;
    pid = (pid_t) c->value;

    if (exit_take(l, pid, &status)) {
        keeper_worker_gone(l, s, pid, status);
        return;
    }

    sessions_pid_set(&l->sessions, s, pid);

    log_write(LOG_LEVEL_INFO, 0, s->id, "worker %ld started", (long) pid);

    if (s->doomed || s->ending) {
        (void) kill(pid, SIGKILL);
    }
}


void
birth_read(layer_t *l)
{
    int rc;
    control_t c;

    while (l->template.fd != -1) {
        rc = control_recv(l->template.fd, &c, NULL, NULL);

        if (rc == EIRC_AGAIN) {
            return;
        }

        if (rc != EIRC_OK) {
            layer_helper_drop(l, &l->template);
            return;
        }

        if (c.type == CONTROL_FORKED) {
            fork_answered(l, &c);

        } else if (c.type == CONTROL_EVENT) {
            layer_helper_event(&l->template, &c);
        }
    }
}


/*
 * Children that the template made and did not live to tell of. One of them may
 * have the segment that is about to be given to another process.
 */
static void
strays_kill(layer_t *l)
{
    long pid;
    FILE *f;
    char *word;
    size_t size;

    f = fopen("/proc/thread-self/children", "re");

    if (f == NULL) {
        log_write(LOG_LEVEL_CRIT, errno, NULL,
                  "open() \"/proc/thread-self/children\" failed");
        return;
    }

    word = NULL;
    size = 0;

    while (getdelim(&word, &size, ' ', f) > 0) {
        pid = strtol(word, NULL, 10);

        if (pid > 0 && pid != l->template.pid && pid != l->connector.pid
            && pid != l->probe && !irc_relays_has(l, (pid_t) pid)
            && move_find(l, (pid_t) pid) == NULL
            && sessions_find_pid(&l->sessions, (pid_t) pid) == NULL)
        {
            (void) kill((pid_t) pid, SIGKILL);
            (void) waitpid((pid_t) pid, NULL, 0);
        }
    }

    free(word);
    (void) fclose(f);
}


void
birth_template_gone(layer_t *l)
{
    uint32_t slot;
    held_t *s;

    slot = 0;

    if (l->nforking > 0) {
        strays_kill(l);
    }

    while ((s = sessions_next(&l->sessions, &slot)) != NULL) {

        if (s->state != HELD_FORKING) {
            continue;
        }

        if (s->succeeded) {
            fork_failed(l, s);

        } else {
            held_refuse(l, s, EIRC_LINK_FAILED, "the template died");
        }
    }

    l->nexits = 0;
}


void
birth_attach(held_t *s)
{
    if (s->control != -1 && attach_tell(s) == EIRC_AGAIN) {
        held_kill(s, "it reads nothing from the socket layer");
    }
}


void
birth_again(layer_t *l, held_t *s, const control_done_t *done)
{
    s->succeeded = 1;
    s->ending = 0;
    s->state = HELD_WAITING;
    s->counted = done != NULL;

    if (done != NULL) {
        s->done = *done;
    }

    held_queue_add(&l->fork_queue, s);

    if (channel_make(l, s) == -1) {
        fork_impossible(l, s);
    }
}
