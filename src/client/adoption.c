#include "adoption.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "claim.h"
#include "control.h"
#include "eirc_link.h"
#include "held.h"
#include "irc_strangers.h"
#include "keeper.h"
#include "move.h"
#include "packet.h"
#include "revive.h"
#include "session.h"

/* what a segment's memory can't be any more */
#define SEALS (F_SEAL_GROW | F_SEAL_SHRINK)

/* a worker that wants to be adopted */
typedef struct {
    claim_t claim;
    passport_t passport;
    pid_t pid;
    int pidfd;
    int fd; /* its connection */
    int segment;
    int irc; /* or -1 */
    int link;
} stranger_t;


/* Which descriptor is which: EIRC_ERROR: they are not those of the claim. */
static int
descriptors_name(stranger_t *w, const int *fds, int nfds)
{
    if (nfds != claim_descriptors(&w->claim)) {
        return EIRC_ERROR;
    }

    w->segment = *fds++;
    w->irc = w->claim.flags & CLAIM_IRC ? *fds++ : -1;
    w->link = w->claim.flags & CLAIM_LINK ? *fds : -1;

    return EIRC_OK;
}


/* Memory of the right size, which stays so: what is mapped by a successor must
 * not vanish under it. */
static int
is_segment(int fd, uint32_t replay)
{
    int seals;
    struct stat st;

    seals = fcntl(fd, F_GET_SEALS);

    return seals != -1 && (seals & SEALS) == SEALS && fstat(fd, &st) == 0
           && (uint64_t) st.st_size == session_segment_size(replay);
}


static int
socket_option(int fd, int option)
{
    int value;
    socklen_t len;

    len = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == -1 ? -1 : value;
}


static int
is_link(int fd)
{
    return socket_option(fd, SO_DOMAIN) == AF_UNIX
           && socket_option(fd, SO_TYPE) == SOCK_SEQPACKET
           && socket_option(fd, SO_ACCEPTCONN) == 0;
}


static int
is_irc(int fd)
{
    int domain;

    domain = socket_option(fd, SO_DOMAIN);

    return (domain == AF_INET || domain == AF_INET6 || domain == AF_UNIX)
           && socket_option(fd, SO_TYPE) == SOCK_STREAM
           && socket_option(fd, SO_ACCEPTCONN) == 0;
}


/* Who it is, for the kernel. The number may be another's by now, but not while
 * the connection stands, which no other process has an end of. */
static const char *
process_find(stranger_t *w)
{
    socklen_t len;
    struct ucred cred;
    struct pollfd pfd;

    len = sizeof(cred);

    if (getsockopt(w->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1
        || cred.pid <= 0)
    {
        return "it has no process";
    }

    w->pid = cred.pid;
    w->pidfd = pidfd_open(cred.pid, 0);

    if (w->pidfd == -1) {
        return "pidfd_open() failed";
    }

    pfd.fd = w->fd;
    pfd.events = 0;

    return poll(&pfd, 1, 0) == 0 ? NULL : "it has ended";
}


/* Why it is not adopted; NULL: nothing is wrong with it. */
static const char *
stranger_check(layer_t *l, stranger_t *w, const uint8_t *p, size_t len,
               const int *fds, int nfds)
{
    uint32_t number;
    const char *id;

    if (claim_read(&w->claim, p, len) != EIRC_OK) {
        return "it breaks the rules, or is of another version";
    }

    if (passport_check(&l->key, &w->passport, w->claim.passport.p,
                       w->claim.passport.len)
        != EIRC_OK)
    {
        return "its passport is false";
    }

    id = w->passport.id;

    if (eirc_link_id_read(id, strlen(id), &number) != EIRC_OK
        || number != l->rundir.number)
    {
        return "it is of a layer with another number";
    }

    if (sessions_find_id(&l->sessions, id, strlen(id)) != NULL) {
        return "its session is there already";
    }

    if (descriptors_name(w, fds, nfds) != EIRC_OK
        || !is_segment(w->segment, w->passport.session.replay)
        || (w->link != -1 && !is_link(w->link))
        || (w->irc != -1 && !is_irc(w->irc)))
    {
        return "it shows other descriptors than it has to";
    }

    if (!layer_has_room(l)) {
        return "there is no room, or the layer is ending";
    }

    return process_find(w);
}


static uint32_t
server_number(const held_t *s, uint32_t number)
{
    eirc_link_server_t server;

    return eirc_link_server_at(s->servers, s->servers_len, number, &server)
                   == EIRC_OK
               ? number
               : 0;
}


/* The session as it was, as far as anybody knows. */
static void
session_fill(layer_t *l, held_t *s, const stranger_t *w)
{
    const claim_t *claim;

    claim = &w->claim;

    s->state = HELD_RUNNING;
    s->succeeded = 1;
    s->control = w->fd;
    s->pidfd = w->pidfd;
    s->segment = w->segment;
    s->irc = w->irc;
    s->link = w->link;
    s->cpu = w->passport.session.cpu;
    s->server = server_number(s, claim->server);
    s->attachment = claim->attachment;
    s->connection = claim->connection;
    s->attach_flags = claim->flags & CLAIM_RESUMED ? CONTROL_ATTACH_RESUME : 0;

    memcpy(s->key, claim->key, sizeof(s->key));
    memcpy(s->next_key, claim->next_key, sizeof(s->next_key));

    s->irc_state = w->irc == -1 ? HELD_IRC_NONE : HELD_IRC_CONNECTED;
    irc_strangers_find(l, s);

    if (w->link == -1) {
        sessions_detach(s);
        s->detached = l->now;
    }

    held_buckets_fill(l, s);
}


/* Whom it has now, and which one comes after that. */
static void
adopted_tell(const layer_t *l, held_t *s)
{
    control_t c;

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_ADOPTED;
    c.value = l->rundir.generation;

    held_tell(s, &c, -1);
}


/* -1: it is gone again, with all that it had. */
static int
session_make(layer_t *l, const stranger_t *w)
{
    held_t *s;
    const eirc_link_session_t *request;

    request = &w->passport.session;

    s = sessions_add(&l->sessions, request->account, request->account_len);
    if (s == NULL) {
        return -1;
    }

    memcpy(s->id, w->passport.id, sizeof(s->id));

    if (held_learn(l, s, request) == -1) {
        sessions_remove(&l->sessions, s);
        return -1;
    }

    session_fill(l, s, w);

    if (layer_watch(l, s->control, EPOLLIN, LAYER_WORKER, s->item.key) == -1
        || layer_watch(l, s->pidfd, EPOLLIN, LAYER_PIDFD, s->item.key) == -1)
    {
        sessions_remove(&l->sessions, s);
        return -1;
    }

    sessions_pid_set(&l->sessions, s, w->pid);
    adopted_tell(l, s);
    move_add(l, s);
    revive_adopted(l, s);

    log_write(LOG_LEVEL_NOTICE, 0, s->id, "worker %ld adopted", (long) w->pid);

    return 0;
}


void
adoption_begin(layer_t *l, int fd, const uint8_t *p, size_t len,
               const int *fds, int nfds)
{
    const char *why;
    stranger_t w;

    memset(&w, 0, sizeof(w));
    w.fd = fd;
    w.pidfd = -1;

    why = stranger_check(l, &w, p, len, fds, nfds);

    if (why == NULL) {
        if (session_make(l, &w) == 0) {
            return;
        }

        why = "no memory";
    }

    log_write(LOG_LEVEL_ALERT, 0, NULL, "process %ld not adopted: %s",
              (long) w.pid, why);

    held_fd_close(&w.pidfd);
    packet_close(fds, nfds);
    (void) close(fd);
}


void
adoption_ended(layer_t *l, uint64_t key)
{
    held_t *s;

    s = sessions_find(&l->sessions, key);

    if (s != NULL && s->pidfd != -1) {
        keeper_stranger_gone(l, s);
    }
}
