#include "peers.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adoption.h"
#include "birth.h"
#include "claim.h"
#include "eirc_link.h"
#include "irc_strangers.h"
#include "packet.h"
#include "rescue.h"
#include "resume.h"
#include "upgrade.h"

/* connections taken in one round, so that the rest have their turn */
#define ACCEPT_MAX 64

/* without descriptors or memory the listening socket rests, ms */
#define ACCEPT_PAUSE 100

struct peer_s {
    table_item_t item;
    int fd;
    int rescue;    /* flag: it was left behind by a layer, and may say so */
    uint32_t kind; /* IMAGE_PEER_*; who watches has no limit, is in no list */
    uint64_t deadline;
    peer_t *prev;
    peer_t *next;
};


void
peers_init(layer_t *l)
{
    table_init(&l->peers, sizeof(peer_t));
}


/* Adds it where its deadline belongs. */
static void
list_add(layer_t *l, peer_t *p)
{
    peer_t *after;

    after = l->peers_last;

    while (after != NULL && after->deadline > p->deadline) {
        after = after->prev;
    }

    p->prev = after;
    p->next = (after == NULL) ? l->peers_first : after->next;

    if (p->prev != NULL) {
        p->prev->next = p;

    } else {
        l->peers_first = p;
    }

    if (p->next != NULL) {
        p->next->prev = p;

    } else {
        l->peers_last = p;
    }
}


static void
list_remove(layer_t *l, peer_t *p)
{
    if (p->prev != NULL) {
        p->prev->next = p->next;

    } else {
        l->peers_first = p->next;
    }

    if (p->next != NULL) {
        p->next->prev = p->prev;

    } else {
        l->peers_last = p->prev;
    }
}


/* Forgets a peer and returns its descriptor. */
static int
peer_release(layer_t *l, peer_t *p)
{
    int fd;

    fd = p->fd;
    layer_unwatch(l, fd);

    if (p->kind == IMAGE_PEER_WATCH) {
        l->nwatches--;
        l->idle_since = l->now;

    } else {
        list_remove(l, p);
    }

    table_remove(&l->peers, p);

    return fd;
}


static void
peer_close(layer_t *l, peer_t *p)
{
    (void) close(peer_release(l, p));
}


/* Only our own user, and root, who may do everything anyway. */
static int
peer_is_ours(int fd)
{
    socklen_t len;
    struct ucred cred;

    len = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1) {
        log_write(LOG_LEVEL_CRIT, errno, NULL,
                  "getsockopt(SO_PEERCRED) failed");
        return 0;
    }

    if (cred.uid != geteuid() && cred.uid != 0) {
        log_write(LOG_LEVEL_WARN, 0, NULL, "connection of user %ld refused",
                  (long) cred.uid);
        return 0;
    }

    return 1;
}


static int
hello_send(layer_t *l, int fd)
{
    uint8_t buf[EIRC_LINK_HEADER_SIZE];
    eirc_link_header_t h;

    h.type = EIRC_LINK_HELLO;
    h.flags = layer_has_room(l) ? 0 : EIRC_LINK_FULL;
    h.value = EIRC_LINK_VERSION;
    h.count = l->rundir.number;

    eirc_link_header_write(buf, &h);

    return send(fd, buf, sizeof(buf), MSG_NOSIGNAL | MSG_DONTWAIT)
                   == (ssize_t) sizeof(buf)
               ? 0
               : -1;
}


/* Is it the header of a first record, of whichever type? */
static int
header_read(eirc_link_header_t *h, const uint8_t *buf, size_t len)
{
    return eirc_link_header_read(h, buf, len) == EIRC_OK && h->flags == 0
           && h->value == EIRC_LINK_VERSION
           && (h->count == 0 || h->type == EIRC_LINK_RESUME);
}


static int
is_request(const eirc_link_header_t *h)
{
    return h->type == EIRC_LINK_SESSION || h->type == EIRC_LINK_RESUME;
}


static int
has_left(int fd)
{
    struct pollfd p;

    p.fd = fd;
    p.events = 0;

    return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0;
}


/* The connection is a link now; behind SESSION there is USER, unread in it. */
static void
request_take(layer_t *l, int fd, eirc_link_type_e type, const uint8_t *buf,
             size_t len)
{
    eirc_link_resume_t resume;
    eirc_link_session_t session;

    /* one that gave up waiting must not take the place of its own next try */

    if (has_left(fd)) {
        (void) close(fd);
        return;
    }

    if (type == EIRC_LINK_SESSION
        && eirc_link_session_read(&session, buf, len) == EIRC_OK)
    {
        birth_begin(l, fd, &session);
        return;
    }

    if (type == EIRC_LINK_RESUME
        && eirc_link_resume_read(&resume, buf, len) == EIRC_OK)
    {
        resume_begin(l, fd, &resume);
        return;
    }

    log_write(LOG_LEVEL_ERR, 0, NULL, "broken %s record",
              type == EIRC_LINK_SESSION ? "SESSION" : "RESUME");
    (void) close(fd);
}


static void
rescue_refuse(layer_t *l, peer_t *p)
{
    socklen_t len;
    struct ucred cred;

    len = sizeof(cred);
    cred.pid = 0;
    (void) getsockopt(p->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);

    log_write(LOG_LEVEL_ALERT, 0, NULL,
              "connection of a worker, process %ld, refused", (long) cred.pid);
    peer_close(l, p);
}


static void
record_take(layer_t *l, peer_t *p, const uint8_t *buf, size_t len)
{
    eirc_link_header_t h;

    if (p->kind != 0 || !header_read(&h, buf, len)) {
        log_write(LOG_LEVEL_ERR, 0, NULL, "broken record of %zu bytes", len);
        peer_close(l, p);
        return;
    }

    if (is_request(&h)) {
        request_take(l, peer_release(l, p), h.type, buf, len);
        return;
    }

    switch (h.type) {

    case EIRC_LINK_WATCH:
        list_remove(l, p);
        p->kind = IMAGE_PEER_WATCH;
        l->nwatches++;
        break;

    case EIRC_LINK_UPGRADE:
        p->kind = IMAGE_PEER_ASKER;
        upgrade_begin(l);
        break;

    default:
        log_write(LOG_LEVEL_ERR, 0, NULL, "unexpected record of type %u",
                  h.type);
        peer_close(l, p);
        break;
    }
}


/* The peer, or NULL, and the descriptor is closed. */
static peer_t *
peer_add(layer_t *l, int fd, int rescue)
{
    peer_t *p;

    p = table_add(&l->peers);

    if (p == NULL
        || layer_watch(l, fd, EPOLLIN, LAYER_PEER, p->item.key) == -1) {
        log_write(LOG_LEVEL_ALERT, errno, NULL, "no room for a connection");

        if (p != NULL) {
            table_remove(&l->peers, p);
        }

        (void) close(fd);
        return NULL;
    }

    p->fd = fd;
    p->rescue = rescue;
    p->deadline = l->now + EIRC_LINK_IDLE_TIME;
    list_add(l, p);

    return p;
}


/*
 * Who knows this layer by its watch connection does not wait for HELLO: a
 * request that is there already is taken at once, and answered without it.
 */
static void
peer_begin(layer_t *l, int fd)
{
    ssize_t n;
    uint8_t buf[EIRC_LINK_SESSION_MAX + 1];
    peer_t *p;
    eirc_link_header_t h;

    n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

    if (n > 0 && header_read(&h, buf, (size_t) n) && is_request(&h)) {
        request_take(l, fd, h.type, buf, (size_t) n);
        return;
    }

    if (n == 0 || hello_send(l, fd) == -1) {
        (void) close(fd);
        return;
    }

    p = peer_add(l, fd, 0);

    if (p != NULL && n > 0) {
        record_take(l, p, buf, (size_t) n);
    }
}


static void
peer_greet(layer_t *l, int fd)
{
    /* the last descriptors are not for connections that only wait */

    if (!peer_is_ours(fd) || layer_fds(l) >= l->fds_max) {
        (void) close(fd);
        return;
    }

    if (rescue_is(fd)) {
        (void) peer_add(l, fd, 1);
        return;
    }

    peer_begin(l, fd);
}


void
peers_accept(layer_t *l)
{
    int i, fd;

    for (i = 0; i < ACCEPT_MAX; i++) {
        fd = accept4(l->rundir.listen, NULL, NULL,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd != -1) {
            l->idle_since = l->now;
            peer_greet(l, fd);
            continue;
        }

        if (errno == EAGAIN) {
            return;
        }

        if (errno == EINTR || errno == ECONNABORTED) {
            continue;
        }

        log_write(LOG_LEVEL_ALERT, errno, NULL, "accept4() failed");

        layer_unwatch(l, l->rundir.listen);
        l->accept_again = l->now + ACCEPT_PAUSE;

        return;
    }
}


/* A relay shows its card. peer_close() is for whom this returns 0. */
static int
relay_take(layer_t *l, peer_t *p, const uint8_t *buf, size_t len)
{
    card_t card;
    eirc_link_header_t h;

    if (eirc_link_header_read(&h, buf, len) != EIRC_OK
        || h.type != EIRC_LINK_RESCUE || h.value != EIRC_LINK_VERSION
        || h.count != CONTROL_VERSION)
    {
        return 0;
    }

    memcpy(&card, buf + EIRC_LINK_HEADER_SIZE, sizeof(card));

    if (card_verify(&l->key, &card) != EIRC_OK || card.kind != CARD_RELAY) {
        return 0;
    }

    irc_strangers_take(l, peer_release(l, p), &card);

    return 1;
}


/*
 * No worker or relay may ask for anything but to be known again: it would have
 * sessions of its own, with servers of its choice.
 */
static void
rescue_read(layer_t *l, peer_t *p)
{
    int rc, nfds, fds[PACKET_FDS_MAX];
    size_t len;
    uint8_t buf[CLAIM_RECORD_MAX];

    nfds = PACKET_FDS_MAX;
    rc = packet_recv(p->fd, buf, sizeof(buf), &len, fds, &nfds);

    if (rc == EIRC_AGAIN) {
        return;
    }

    if (rc != EIRC_OK) {
        peer_close(l, p);
        return;
    }

    if (len > 0 && buf[0] == EIRC_LINK_ADOPT) {
        adoption_begin(l, peer_release(l, p), buf, len, fds, nfds);
        return;
    }

    packet_close(fds, nfds);

    if (!relay_take(l, p, buf, len)) {
        rescue_refuse(l, p);
    }
}


void
peers_read(layer_t *l, uint64_t key)
{
    ssize_t n;
    uint8_t buf[EIRC_LINK_SESSION_MAX + 1];
    peer_t *p;

    p = table_find(&l->peers, key);
    if (p == NULL) {
        return;
    }

    if (p->rescue) {
        rescue_read(l, p);
        return;
    }

    n = recv(p->fd, buf, sizeof(buf), MSG_DONTWAIT);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }

    if (n <= 0) {
        peer_close(l, p);
        return;
    }

    /* a record that was cut is longer than any that is allowed here */

    record_take(l, p, buf, (size_t) n);
}


uint64_t
peers_expire(layer_t *l)
{
    while (l->peers_first != NULL && l->peers_first->deadline <= l->now) {
        peer_close(l, l->peers_first);
    }

    return l->peers_first == NULL ? 0 : l->peers_first->deadline;
}


void
peers_upgraded(layer_t *l, eirc_link_type_e type, const char *words)
{
    size_t len;
    uint8_t buf[EIRC_LINK_HEADER_SIZE + EIRC_LINK_TEXT_MAX];
    uint32_t slot;
    peer_t *p;

    len = eirc_link_record_write(
        buf, type, type == EIRC_LINK_REFUSED ? EIRC_LINK_FAILED : 0, 0, words);

    slot = 0;

    while ((p = table_next(&l->peers, &slot)) != NULL) {
        if (p->kind == IMAGE_PEER_ASKER) {
            (void) send(p->fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT);
            peer_close(l, p);
        }
    }
}


int
peers_save(const layer_t *l, uint32_t *slot, image_peer_t *peer)
{
    peer_t *p;

    p = table_next(&l->peers, slot);
    if (p == NULL) {
        return 0;
    }

    peer->fd = p->fd;
    peer->kind = p->kind;
    peer->deadline = p->deadline;

    return 1;
}


void
peers_restore(layer_t *l, const image_peer_t *peer)
{
    peer_t *p;

    p = table_add(&l->peers);

    if (p == NULL
        || layer_watch(l, peer->fd, EPOLLIN, LAYER_PEER, p->item.key) == -1)
    {
        log_write(LOG_LEVEL_ALERT, errno, NULL,
                  "a connection was not taken over");

        if (p != NULL) {
            table_remove(&l->peers, p);
        }

        (void) close(peer->fd);
        return;
    }

    p->fd = peer->fd;
    p->rescue = rescue_is(peer->fd);
    p->kind = peer->kind;
    p->deadline = peer->deadline;

    if (p->kind == IMAGE_PEER_WATCH) {
        l->nwatches++;

    } else {
        list_add(l, p);
    }
}


void
peers_end(layer_t *l)
{
    uint32_t slot;
    peer_t *p;

    slot = 0;

    while ((p = table_next(&l->peers, &slot)) != NULL) {
        peer_close(l, p);
    }

    table_done(&l->peers);
}
