#include "held.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dial.h"
#include "events.h"
#include "login.h"
#include "memfd.h"
#include "passport.h"
#include "preserve.h"
#include "session.h"

/* connections that a worker may want anew, per 1,000 s and at once: it waits
 * longer by itself, and all others have to share a server's pace with it */
#define RETURN_RATE 500
#define RETURN_BURST 10

/* random bytes of a session's ID */
#define ID_RANDOM 12


void
held_fd_close(int *fd)
{
    if (*fd != -1) {
        (void) close(*fd);
        *fd = -1;
    }
}


void
held_irc_close(held_t *s)
{
    held_fd_close(&s->irc);

    s->relay = NULL;
    s->carried = 0;
    s->counting = 0;
}


/* The kernel resets a connection that is closed with records unread, and the
 * other side would see that first. After the shutdown none can come in. */
void
held_link_close(int *fd)
{
    char c;

    if (*fd == -1) {
        return;
    }

    (void) shutdown(*fd, SHUT_RDWR);

    while (recv(*fd, &c, 1, MSG_DONTWAIT | MSG_TRUNC) > 0) {
        /* void */
    }

    held_fd_close(fd);
}


/* The last record on a link. */
static void
link_say(int fd, eirc_link_type_e type, eirc_link_reason_e reason,
         const char *text)
{
    size_t len;
    uint8_t buf[EIRC_LINK_HEADER_SIZE + EIRC_LINK_TEXT_MAX];

    len = eirc_link_record_write(buf, type, reason, 0, text);

    (void) send(fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}


/* Nothing is taken off it: a process that lives is about to do so itself, and
 * would miss what it has not counted. */
void
held_link_end(int *fd, eirc_link_reason_e reason)
{
    if (*fd != -1) {
        link_say(*fd, EIRC_LINK_END, reason, eirc_link_reason_name(reason));
        held_fd_close(fd);
    }
}


void
held_link_refuse(int *fd, eirc_link_reason_e reason, const char *text)
{
    link_say(*fd, EIRC_LINK_REFUSED, reason, text);
    held_link_close(fd);
}


/* Memory that stays as large as it is. */
static int
memory_open(const char *name, size_t size)
{
    int fd, error;

    fd = memfd_open(name, size);

    if (fd != -1 && memfd_seal(fd, F_SEAL_GROW | F_SEAL_SHRINK) == -1) {
        error = errno;
        (void) close(fd);
        errno = error;
        return -1;
    }

    return fd;
}


int
held_segment_open(uint32_t replay)
{
    return memory_open("segment", session_segment_size(replay));
}


static int
id_make(char *id, size_t size, unsigned number)
{
    size_t i, used;
    uint8_t random[ID_RANDOM];
    static const char hex[] = "0123456789abcdef";

    if (getrandom(random, sizeof(random), 0) != (ssize_t) sizeof(random)) {
        return -1;
    }

    used = (size_t) snprintf(id, size, "%u-", number);

    for (i = 0; i < ID_RANDOM && size - used > 2; i++) {
        id[used++] = hex[random[i] >> 4];
        id[used++] = hex[random[i] & 0x0f];
    }

    id[used] = '\0';

    return 0;
}


int
held_control_open(layer_t *l, held_t *s)
{
    int pair[2];

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


void
held_control_close(layer_t *l, held_t *s)
{
    if (s->control != -1) {
        layer_unwatch(l, s->control);
    }

    held_fd_close(&s->control);
    held_fd_close(&s->worker_control);
}


void
held_buckets_fill(const layer_t *l, held_t *s)
{
    bucket_init(&s->events, EVENT_RATE * 1000, EVENT_BURST, l->now);
    bucket_init(&s->flood, EVENT_FLOOD_RATE * 1000, EVENT_FLOOD, l->now);
    bucket_init(&s->returns, RETURN_RATE, RETURN_BURST, l->now);
}


int
held_learn(layer_t *l, held_t *s, const eirc_link_session_t *request)
{
    size_t len;
    uint8_t *p, buf[PASSPORT_MAX];
    passport_t passport;

    errno = EINVAL;

    len = passport_write(&l->key, buf, s->id, request);
    if (len == 0) {
        return -1;
    }

    p = malloc(len);
    if (p == NULL) {
        return -1;
    }

    memcpy(p, buf, len);
    (void) passport_read(&passport, p, len);

    s->limit = request->limit;
    s->replay = request->replay;
    s->linger = request->linger;
    s->crash_limit = request->crash_limit;
    s->crash_time = request->crash_time;
    s->mode = request->mode;
    s->resumable = request->flags & EIRC_LINK_RESUMABLE;
    s->open = s->open || (request->flags & EIRC_LINK_NO_SECRET);

    s->servers = passport.session.servers;
    s->servers_len = (uint32_t) passport.session.servers_len;
    s->tls_len = (uint32_t) passport.session.tls_len;

    /* the request may lie in the one before */

    free(s->passport);
    s->passport = p;
    s->passport_len = (uint32_t) len;

    return 0;
}


int
held_server_secure(layer_t *l, held_t *s, uint32_t number, uint16_t port)
{
    uint8_t servers[EIRC_LINK_SERVERS_SIZE];
    passport_t passport;

    if (passport_read(&passport, s->passport, s->passport_len) != EIRC_OK) {
        return -1;
    }

    memcpy(servers, passport.session.servers, passport.session.servers_len);
    passport.session.servers = servers;

    if (eirc_link_server_secure(servers, passport.session.servers_len, number,
                                port)
        != EIRC_OK)
    {
        return -1;
    }

    return held_learn(l, s, &passport.session);
}


int
held_id_renew(layer_t *l, held_t *s)
{
    passport_t passport;

    if (id_make(s->id, sizeof(s->id), l->rundir.number) == -1) {
        return -1;
    }

    return passport_read(&passport, s->passport, s->passport_len) == EIRC_OK
               ? held_learn(l, s, &passport.session)
               : -1;
}


int
held_equip(layer_t *l, held_t *s, const eirc_link_session_t *request)
{
    if (id_make(s->id, sizeof(s->id), l->rundir.number) == -1
        || held_learn(l, s, request) == -1)
    {
        return -1;
    }

    s->cpu = request->cpu;
    s->attachment = 1;

    if (s->resumable) {
        memcpy(s->key, request->key, sizeof(s->key));
    }

    held_buckets_fill(l, s);

    s->segment = held_segment_open(request->replay);

    if (s->segment == -1) {
        return -1;
    }

    if (!s->open) {
        s->secret = memory_open("secret", LOGIN_SIZE);

        if (s->secret == -1) {
            return -1;
        }
    }

    return held_control_open(l, s);
}


/* Lets go of everything that the layer holds of a session. */
void
held_clear(layer_t *l, held_t *s)
{
    preserve_forget(l, s);
    held_queue_remove(&l->fork_queue, s);
    held_queue_remove(&l->irc_queue, s);

    if (s->state == HELD_FORKING) {
        l->nforking--;
    }

    held_control_close(l, s);
    held_pidfd_close(l, s);
    held_before_end(s);
    held_link_close(&s->link);
    held_irc_close(s);
    held_fd_close(&s->segment);
    held_fd_close(&s->secret);

    sessions_remove(&l->sessions, s);

    l->idle_since = l->now;
}


void
held_refuse(layer_t *l, held_t *s, eirc_link_reason_e reason, const char *text)
{
    log_write(reason == EIRC_LINK_SHUTDOWN ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERR,
              0, s->id, "session %s: %s", s->succeeded ? "ended" : "refused",
              text);

    link_say(s->link, s->succeeded ? EIRC_LINK_END : EIRC_LINK_REFUSED, reason,
             text);
    held_link_close(&s->link);
    dial_cancel(l, s);
    held_clear(l, s);
}


/* Tells the worker, with words cut to what it has room for; fd stays the
 * caller's, and the layer's duplicate. With a connection goes the secret, to
 * register with. */
void
held_tell(held_t *s, control_t *c, int fd)
{
    int nfds, fds[2];

    c->key = s->item.key;

    if (c->size > CONTROL_SHORT_MAX) {
        c->size = CONTROL_SHORT_MAX;
    }

    fds[0] = fd;
    fds[1] = s->secret;
    nfds = fd == -1 ? 0 : s->secret == -1 ? 1 : 2;

    if (control_send(s->control, c, fds, nfds) == EIRC_AGAIN) {
        held_kill(s, "it reads nothing from the socket layer");
    }
}


/* The number of a process that is no child of ours may be another's by now. */
void
held_signal(const held_t *s)
{
    if (s->pidfd != -1) {
        (void) pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0);

    } else if (s->pid != 0) {
        (void) kill(s->pid, SIGKILL);
    }
}


void
held_before_begin(layer_t *l, held_t *s, uint32_t offer)
{
    held_before_t *before;

    before = &s->before;

    before->offer = offer;
    before->pid = s->pid;
    before->child = s->pidfd == -1;
    before->control = s->control;
    before->pidfd = s->pidfd;

    layer_unwatch(l, s->control);
    s->control = -1;

    if (before->child) {
        before->pidfd = pidfd_open(s->pid, 0);

    } else {
        layer_unwatch(l, s->pidfd);
        s->pidfd = -1;
    }

    sessions_pid_clear(&l->sessions, s);

    /* one that could not be ended for sure ends now */

    if (before->pidfd == -1) {
        (void) kill(before->pid, SIGKILL);
        held_fd_close(&before->control);
    }
}


/* The signal comes before the end of its channel, at which it would go on. */
void
held_before_end(held_t *s)
{
    held_before_t *before;

    before = &s->before;

    if (before->pidfd != -1) {
        (void) pidfd_send_signal(before->pidfd, SIGKILL, NULL, 0);
    }

    held_fd_close(&before->pidfd);
    held_fd_close(&before->control);
}


void
held_pidfd_close(layer_t *l, held_t *s)
{
    if (s->pidfd != -1) {
        layer_unwatch(l, s->pidfd);
        held_fd_close(&s->pidfd);
    }
}


/*
 * A worker that breaks the rules: its end comes back as any other's. It may do
 * so before the template has told us who it is.
 */
void
held_kill(held_t *s, const char *why)
{
    if (s->doomed) {
        return;
    }

    s->doomed = 1;

    if (s->pid != 0) {
        log_write(LOG_LEVEL_ALERT, 0, s->id, "worker %ld killed: %s",
                  (long) s->pid, why);
        held_signal(s);

    } else {
        log_write(LOG_LEVEL_ALERT, 0, s->id, "worker to be killed: %s", why);
    }
}
