#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "events.h"
#include "session.h"
#include "worker.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

/* random bytes of a session's ID */
#define ID_RANDOM 12

/* records taken from one worker in one round */
#define WORKER_RECORDS 16

/* times that a connect is asked for again when its connector has died */
#define REQUEUE_MAX 2


static void
fd_close(int *fd)
{
    if (*fd != -1) {
        (void) close(*fd);
        *fd = -1;
    }
}


/*
 * Closes a link so that what was sent before still arrives: the kernel resets
 * a connection that is closed with records unread, and the other side would
 * see that first. After the shutdown none can come in any more.
 */
static void
link_close(int *fd)
{
    char c;

    if (*fd == -1) {
        return;
    }

    (void) shutdown(*fd, SHUT_RDWR);

    while (recv(*fd, &c, 1, MSG_DONTWAIT | MSG_TRUNC) > 0) {
        /* void */
    }

    fd_close(fd);
}


static void
link_refuse(int *fd, eirc_link_reason_e reason, const char *text)
{
    size_t len;
    uint8_t buf[EIRC_LINK_HEADER_SIZE + EIRC_LINK_TEXT_MAX];

    len = eirc_link_record_write(buf, EIRC_LINK_REFUSED, reason, 0, text);

    (void) send(*fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    link_close(fd);
}


/* Lets go of everything that the layer holds of a session. */
static void
session_clear(layer_t *l, held_t *s)
{
    held_queue_remove(&l->fork_queue, s);
    held_queue_remove(&l->irc_queue, s);

    if (s->state == HELD_FORKING) {
        l->nforking--;
    }

    if (s->control != -1) {
        layer_unwatch(l, s->control);
    }

    link_close(&s->link);
    fd_close(&s->irc);
    fd_close(&s->segment);
    fd_close(&s->control);
    fd_close(&s->worker_control);

    sessions_remove(&l->sessions, s);

    l->idle_since = l->now;
}


static void
connect_cancel(layer_t *l, held_t *s)
{
    control_t c;

    if (s->irc_state != HELD_IRC_ASKED || l->connector.fd == -1) {
        return;
    }

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_CANCEL;
    c.key = s->item.key;

    /* lost: the connector's answer finds nobody, and is closed */

    (void) control_send(l->connector.fd, &c, NULL, 0);
}


static void
session_refuse(layer_t *l, held_t *s, eirc_link_reason_e reason,
               const char *text)
{
    log_write(reason == EIRC_LINK_SHUTDOWN ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERR,
              0, s->id, "session refused: %s", text);

    link_refuse(&s->link, reason, text);
    connect_cancel(l, s);
    session_clear(l, s);
}


/* A worker that breaks the rules: its end comes back as any other's. */
static void
worker_kill(held_t *s, const char *why)
{
    if (s->pid != 0) {
        log_write(LOG_LEVEL_ALERT, 0, s->id, "worker %ld killed: %s",
                  (long) s->pid, why);
        (void) kill(s->pid, SIGKILL);
    }
}


int
keeper_init(layer_t *l)
{
    uint32_t seed;

    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t) sizeof(seed)) {
        return -1;
    }

    held_queue_init(&l->fork_queue, offsetof(held_t, fork_queue));
    held_queue_init(&l->irc_queue, offsetof(held_t, irc_queue));

    return sessions_init(&l->sessions, seed);
}


/* Birth */

static int
segment_open(uint32_t replay)
{
    int fd, error;

    fd = memfd_create("segment",
                      MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

    if (fd == -1 && errno == EINVAL) {
        fd = memfd_create("segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    }

    if (fd == -1) {
        return -1;
    }

    if (ftruncate(fd, (off_t) session_segment_size(replay)) == -1
        || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)
               == -1)
    {
        error = errno;
        (void) close(fd);
        errno = error;
        return -1;
    }

    return fd;
}


static int
id_make(char *id, size_t size, unsigned number)
{
    size_t i, used;
    uint8_t random[ID_RANDOM];

    if (getrandom(random, sizeof(random), 0) != (ssize_t) sizeof(random)) {
        return -1;
    }

    used = (size_t) snprintf(id, size, "%u-", number);

    for (i = 0; i < ID_RANDOM && size - used > 2; i++, used += 2) {
        (void) snprintf(id + used, size - used, "%02x", random[i]);
    }

    return 0;
}


/* What a session holds from its first moment; -1 and errno. */
static int
session_equip(layer_t *l, held_t *s, const eirc_link_session_t *request)
{
    int pair[2];

    s->replay = request->replay;
    s->linger = request->linger;
    s->crash_limit = request->crash_limit;
    s->crash_time = request->crash_time;
    s->cpu = request->cpu;

    bucket_init(&s->events, EVENT_RATE * 1000, EVENT_BURST, l->now);

    s->servers = malloc(request->servers_len);
    if (s->servers == NULL) {
        return -1;
    }

    memcpy(s->servers, request->servers, request->servers_len);
    s->servers_len = (uint32_t) request->servers_len;

    if (id_make(s->id, sizeof(s->id), l->rundir.number) == -1) {
        return -1;
    }

    s->segment = segment_open(request->replay);
    if (s->segment == -1) {
        return -1;
    }

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                   pair)
        == -1)
    {
        return -1;
    }

    s->control = pair[0];
    s->worker_control = pair[1];

    return layer_watch(l, s->control, EPOLLIN, LAYER_WORKER, s->item.key);
}


static void
refuse_early(int fd, eirc_link_reason_e reason, const char *text)
{
    log_write(LOG_LEVEL_WARN, 0, NULL, "session refused: %s", text);
    link_refuse(&fd, reason, text);
}


void
keeper_begin(layer_t *l, int fd, const eirc_link_session_t *request)
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

    if (l->template.fd == -1) {
        refuse_early(fd, EIRC_LINK_FAILED, "the template is not running");
        return;
    }

    s = sessions_add(&l->sessions, request->account, request->account_len);
    if (s == NULL) {
        refuse_early(fd, EIRC_LINK_NO_ROOM, "no memory left");
        return;
    }

    s->link = fd;

    if (session_equip(l, s, request) == -1) {
        log_write(LOG_LEVEL_ALERT, errno, s->id, "no room for a session");
        session_refuse(l, s, EIRC_LINK_NO_ROOM, "no descriptors or memory");
        return;
    }

    held_queue_add(&l->fork_queue, s);

    s->irc_state = HELD_IRC_WAITING;
    held_queue_add(&l->irc_queue, s);
}


static int
fork_ask(layer_t *l, held_t *s)
{
    int rc, fds[3];
    control_t c;
    worker_birth_t birth;

    memset(&birth, 0, sizeof(birth));
    memcpy(birth.id, s->id, sizeof(birth.id));
    birth.replay = s->replay;
    birth.linger = s->linger;
    birth.cpu = s->cpu;

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_FORK;
    c.key = s->item.key;
    c.size = sizeof(birth);
    memcpy(c.data, &birth, sizeof(birth));

    fds[0] = s->link;
    fds[1] = s->segment;
    fds[2] = s->worker_control;

    rc = control_send(l->template.fd, &c, fds, 3);

    if (rc == EIRC_OK) {
        held_queue_remove(&l->fork_queue, s);
        fd_close(&s->worker_control);
        s->state = HELD_FORKING;
        l->nforking++;
    }

    return rc;
}


static void
forks_pump(layer_t *l)
{
    held_t *s;

    while (l->nforking < LAYER_FORKS_MAX) {
        s = l->fork_queue.first;

        if (s == NULL) {
            return;
        }

        if (l->template.fd == -1) {
            session_refuse(l, s, EIRC_LINK_FAILED,
                           "the template is not running");
            continue;
        }

        if (fork_ask(l, s) != EIRC_OK) {

            /* full: an answer brings us back; broken: its end is near */

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


/*
 * The one place where a worker's end is dealt with. What it left tells, with
 * the status, what is to be done; a successor would be forked here.
 */
static void
session_worker_gone(layer_t *l, held_t *s, pid_t pid, int status)
{
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

    connect_cancel(l, s);
    session_clear(l, s);
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
        session_refuse(l, s,
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
        session_worker_gone(l, s, pid, status);
        return;
    }

    sessions_pid_set(&l->sessions, s, pid);

    log_write(LOG_LEVEL_INFO, 0, s->id, "worker %ld started", (long) pid);

    if (l->stop_until != 0 && l->now >= l->stop_until) {
        (void) kill(pid, SIGKILL);
    }
}


/* An event of template or connector themselves. */
static void
helper_event(const helper_t *h, const control_t *c)
{
    int level;
    char text[1200];

    level = event_format(text, sizeof(text), c->value, c->status, c->data,
                         c->size);

    if (level != -1) {
        log_write((log_level_e) level, 0, NULL, "%s: %s", h->name, text);
    }
}


/* A helper's socket is of no use any more: its exit will be reaped. */
static void
helper_drop(layer_t *l, helper_t *h)
{
    layer_unwatch(l, h->fd);
    fd_close(&h->fd);

    if (h->pid != 0) {
        (void) kill(h->pid, SIGKILL);
    }
}


void
keeper_template_read(layer_t *l)
{
    int rc;
    control_t c;

    while (l->template.fd != -1) {
        rc = control_recv(l->template.fd, &c, NULL, NULL);

        if (rc == EIRC_AGAIN) {
            return;
        }

        if (rc != EIRC_OK) {
            helper_drop(l, &l->template);
            return;
        }

        if (c.type == CONTROL_FORKED) {
            fork_answered(l, &c);

        } else if (c.type == CONTROL_EVENT) {
            helper_event(&l->template, &c);
        }
    }
}


void
keeper_template_gone(layer_t *l)
{
    uint32_t slot;
    held_t *s;

    slot = 0;

    while ((s = sessions_next(&l->sessions, &slot)) != NULL) {
        if (s->state == HELD_FORKING) {

            /* a child that was made all the same sees its link end */

            session_refuse(l, s, EIRC_LINK_FAILED, "the template died");
        }
    }

    l->nexits = 0;
}


/* IRC */

static int
connect_ask(layer_t *l, held_t *s)
{
    int rc;
    control_t c;

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_CONNECT;
    c.key = s->item.key;
    c.value = s->attempt;
    c.status = (int32_t) s->server;
    c.size = s->servers_len;
    memcpy(c.data, s->servers, s->servers_len);

    rc = control_send(l->connector.fd, &c, NULL, 0);

    if (rc == EIRC_OK) {
        held_queue_remove(&l->irc_queue, s);
        s->irc_state = HELD_IRC_ASKED;
        s->attempt++;
    }

    return rc;
}


static void
connects_pump(layer_t *l)
{
    while (l->irc_queue.first != NULL && l->connector.fd != -1) {
        if (connect_ask(l, l->irc_queue.first) != EIRC_OK) {
            break;
        }
    }

    if (l->connector.fd != -1) {
        (void) layer_rewatch(l, l->connector.fd,
                             l->irc_queue.first != NULL ? EPOLLIN | EPOLLOUT
                                                        : EPOLLIN,
                             LAYER_CONNECTOR, 0);
    }
}


void
keeper_pump(layer_t *l)
{
    forks_pump(l);

    if (l->irc_queue.first != NULL) {
        connects_pump(l);
    }
}


/* Tells the worker; fd stays the caller's, and the layer's duplicate. */
static void
worker_tell(held_t *s, control_t *c, int fd)
{
    c->key = s->item.key;

    if (control_send(s->control, c, &fd, fd == -1 ? 0 : 1) == EIRC_AGAIN) {
        worker_kill(s, "it reads nothing from the socket layer");
    }
}


static void
connect_answered(layer_t *l, control_t *c, int fd)
{
    held_t *s;

    s = sessions_find(&l->sessions, c->key);

    if (s == NULL || s->irc_state != HELD_IRC_ASKED
        || (c->status == 0) != (fd != -1))
    {
        fd_close(&fd);
        return;
    }

    s->irc_state = (fd == -1) ? HELD_IRC_NONE : HELD_IRC_CONNECTED;
    s->requeued = 0;

    fd_close(&s->irc);
    s->irc = fd;

    if (fd == -1) {
        log_write(LOG_LEVEL_ERR, 0, s->id, "%.*s", (int) c->size, c->data);

    } else {
        log_write(LOG_LEVEL_INFO, 0, s->id, "connected to %.*s", (int) c->size,
                  c->data);
    }

    worker_tell(s, c, fd);
}


void
keeper_connector_read(layer_t *l)
{
    int rc, fd, nfds;
    control_t c;

    while (l->connector.fd != -1) {
        nfds = 1;
        rc = control_recv(l->connector.fd, &c, &fd, &nfds);

        if (rc == EIRC_AGAIN) {
            break;
        }

        if (rc != EIRC_OK) {
            helper_drop(l, &l->connector);
            return;
        }

        if (nfds == 0) {
            fd = -1;
        }

        if (c.type == CONTROL_CONNECTED) {
            connect_answered(l, &c, fd);
            continue;
        }

        if (c.type == CONTROL_EVENT) {
            helper_event(&l->connector, &c);
        }

        fd_close(&fd);
    }
}


void
keeper_connector_gone(layer_t *l)
{
    uint32_t slot;
    control_t c;
    held_t *s;
    static const char text[] = "the connector died";

    slot = 0;

    while ((s = sessions_next(&l->sessions, &slot)) != NULL) {
        if (s->irc_state != HELD_IRC_ASKED) {
            continue;
        }

        if (s->requeued < REQUEUE_MAX) {
            s->requeued++;
            s->irc_state = HELD_IRC_WAITING;
            held_queue_add(&l->irc_queue, s);
            continue;
        }

        memset(&c, 0, offsetof(control_t, data));
        c.type = CONTROL_CONNECTED;
        c.key = s->item.key;
        c.status = -1;
        c.size = sizeof(text) - 1;
        memcpy(c.data, text, c.size);

        connect_answered(l, &c, -1);
    }
}


/* Life */

static void
worker_event(layer_t *l, held_t *s, const control_t *c)
{
    int level;
    char text[1200];

    level = event_format(text, sizeof(text), c->value, c->status, c->data,
                         c->size);

    if (level == -1 || c->size > EVENT_TEXT_MAX) {
        worker_kill(s, "it sent an event that there is not");
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

    log_write((log_level_e) level, 0, s->id, "%s", text);
}


static void
worker_wants_irc(layer_t *l, held_t *s, uint32_t server)
{
    /* one question at a time: the answer to the first is on its way */

    if (s->irc_state == HELD_IRC_ASKED || s->irc_state == HELD_IRC_WAITING) {
        return;
    }

    fd_close(&s->irc);

    s->server = server;
    s->irc_state = HELD_IRC_WAITING;
    held_queue_add(&l->irc_queue, s);
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

    for (i = 0; i < WORKER_RECORDS; i++) {
        rc = control_recv(s->control, &c, NULL, NULL);

        if (rc == EIRC_AGAIN) {
            return;
        }

        if (rc == EIRC_OK && c.type == CONTROL_EVENT) {
            worker_event(l, s, &c);
            continue;
        }

        if (rc == EIRC_OK && c.type == CONTROL_WANT_IRC) {
            worker_wants_irc(l, s, c.value);
            continue;
        }

        /*
         * The end of file comes with the process's end, a moment before we
         * can reap it. One that lives on without us breaks the rules; the
         * signal changes nothing for one that is ending.
         */

        layer_unwatch(l, s->control);

        if (rc != EIRC_DONE && !(rc == EIRC_ERROR && errno == ECONNRESET)) {
            worker_kill(s, "it broke the rules of its control channel");

        } else if (s->pid != 0) {
            (void) kill(s->pid, SIGKILL);
        }

        return;
    }
}


void
keeper_reaped(layer_t *l, pid_t pid, int status)
{
    held_t *s;

    s = sessions_find_pid(&l->sessions, pid);

    if (s != NULL) {
        session_worker_gone(l, s, pid, status);
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


/* Death */

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
            session_refuse(l, s, EIRC_LINK_SHUTDOWN,
                           "the socket layer is ending");
            continue;
        }

        worker_tell(s, &c, -1);
    }
}


void
keeper_kill(layer_t *l)
{
    uint32_t slot;
    held_t *s;

    slot = 0;

    while ((s = sessions_next(&l->sessions, &slot)) != NULL) {
        worker_kill(s, "it did not leave in time");
    }
}
