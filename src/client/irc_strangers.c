#include "irc_strangers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "irc_relay.h"
#include "pair.h"

/* what is saved first: this, and the descriptors, which anybody can close */
typedef struct {
    uint32_t version; /* of control.h */
    uint32_t size;    /* of saved_t */
    uint32_t relays;
    int32_t fds[LAYER_RELAYS_MAX];
} saved_head_t;

/* ... of each relay; behind it its IDs */
typedef struct {
    int32_t pid;
    uint32_t users;
    uint32_t nids;
    uint32_t tls;
    uint32_t stranger;
    char id[EIRC_LINK_ID_MAX + 1];
} saved_t;


/* Connections */

static int
id_is_of(const irc_relay_t *r, uint64_t id)
{
    uint32_t i;

    for (i = 0; i < r->nids; i++) {
        if (r->ids[i] == id) {
            return 1;
        }
    }

    return 0;
}


void
irc_strangers_ended(irc_relay_t *r, uint64_t id)
{
    uint32_t i;

    for (i = 0; i < r->nids; i++) {
        if (r->ids[i] == id) {
            r->ids[i] = r->ids[--r->nids];
            return;
        }
    }
}


void
irc_strangers_find(layer_t *l, held_t *s)
{
    uint32_t i;

    s->relay = NULL;
    s->carried = s->irc == -1 ? 0 : pair_id_of_worker(s->irc);

    for (i = 0; s->carried != 0 && i < LAYER_RELAYS_MAX; i++) {
        if (l->relays[i] != NULL && id_is_of(l->relays[i], s->carried)) {
            s->relay = l->relays[i];
            return;
        }
    }
}


/* Sessions that came before their relay. */
static void
sessions_match(layer_t *l, irc_relay_t *r)
{
    uint32_t slot;
    held_t *s;

    slot = 0;

    while ((s = sessions_next(&l->sessions, &slot)) != NULL) {
        if (s->carried != 0 && s->relay == NULL && id_is_of(r, s->carried)) {
            s->relay = r;
        }
    }
}


static int
ids_add(irc_relay_t *r, const void *ids, uint32_t n)
{
    uint64_t *p;

    if (n > r->users_max - r->nids) {
        return -1;
    }

    p = realloc(r->ids, (r->nids + n + 1) * sizeof(uint64_t));
    if (p == NULL) {
        return -1;
    }

    memcpy(p + r->nids, ids, n * sizeof(uint64_t));

    r->ids = p;
    r->nids += n;
    r->users += n;

    return 0;
}


int
irc_strangers_listed(layer_t *l, irc_relay_t *r, const control_t *c)
{
    if (!r->stranger || r->listed || c->size % sizeof(uint64_t) != 0
        || ids_add(r, c->data, (uint32_t) (c->size / sizeof(uint64_t))) == -1)
    {
        return -1;
    }

    if (c->status != 0) {
        r->listed = 1;
        sessions_match(l, r);

        log_write(LOG_LEVEL_NOTICE, 0, NULL,
                  "%s %ld came back with %u connections", r->helper.name,
                  (long) r->process, r->users);
    }

    return 0;
}


/* Relays of a dead layer */

static int
card_is_new(const layer_t *l, const card_t *card)
{
    uint32_t i;

    for (i = 0; i < LAYER_RELAYS_MAX; i++) {
        if (l->relays[i] != NULL && strcmp(l->relays[i]->id, card->id) == 0) {
            return 0;
        }
    }

    return 1;
}


static int
card_is_ours(const layer_t *l, const card_t *card)
{
    int len;
    char prefix[32];

    len = snprintf(prefix, sizeof(prefix), "%u-", l->rundir.number);

    return card->kind == CARD_RELAY
           && strncmp(card->id, prefix, (size_t) len) == 0;
}


static pid_t
process_of(int fd)
{
    socklen_t len;
    struct ucred cred;

    len = sizeof(cred);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1
               ? 0
               : cred.pid;
}


/* Everything but what it carries, which it has to say itself. */
static irc_relay_t *
stranger_add(layer_t *l, int fd, const char *id)
{
    irc_relay_t *r;

    r = irc_relays_add(l, 0);
    if (r == NULL) {
        return NULL;
    }

    r->helper.fd = fd;
    r->drains = 1;
    r->users_max = IRC_RELAY_USERS_MAX;
    strcpy(r->id, id);

    if (layer_watch(l, fd, EPOLLIN, LAYER_RELAY, r->slot) == -1) {
        r->helper.fd = -1;
        irc_relays_remove(l, r);
        return NULL;
    }

    return r;
}


void
irc_strangers_take(layer_t *l, int fd, const card_t *card)
{
    irc_relay_t *r;

    if (!card_is_ours(l, card) || !card_is_new(l, card)) {
        log_write(LOG_LEVEL_ALERT, 0, NULL, "relay \"%s\" refused", card->id);
        (void) close(fd);
        return;
    }

    r = stranger_add(l, fd, card->id);

    if (r == NULL) {
        log_write(LOG_LEVEL_ALERT, errno, NULL, "no room for relay \"%s\"",
                  card->id);
        (void) close(fd);
        return;
    }

    r->stranger = 1;
    r->process = process_of(fd);
}


void
irc_strangers_gone(layer_t *l, irc_relay_t *r)
{
    log_write(LOG_LEVEL_NOTICE, 0, NULL, "%s %ld is gone", r->helper.name,
              (long) r->process);

    irc_relays_remove(l, r);
}


/* The same process, executed anew */

static int
bytes_write(int file, const void *p, size_t len)
{
    errno = EIO;

    return write(file, p, len) == (ssize_t) len ? 0 : -1;
}


static int
bytes_read(int file, void *p, size_t len)
{
    errno = EBADMSG;

    return read(file, p, len) == (ssize_t) len ? 0 : -1;
}


/* The IDs of all that it carries, as far as anybody knows them. */
static int
ids_write(layer_t *l, const irc_relay_t *r, int file, uint32_t *n)
{
    uint32_t slot;
    held_t *s;

    *n = r->nids;
    slot = 0;

    if (file != -1
        && bytes_write(file, r->ids, r->nids * sizeof(uint64_t)) == -1) {
        return -1;
    }

    while ((s = sessions_next(&l->sessions, &slot)) != NULL) {
        if (s->relay != r || id_is_of(r, s->carried)) {
            continue;
        }

        if (file != -1
            && bytes_write(file, &s->carried, sizeof(s->carried)) == -1) {
            return -1;
        }

        (*n)++;
    }

    return 0;
}


static int
relay_save(layer_t *l, const irc_relay_t *r, int file)
{
    saved_t saved;

    memset(&saved, 0, sizeof(saved));
    saved.pid = r->stranger ? r->process : r->helper.pid;
    saved.users = r->users;
    saved.tls = (uint32_t) r->tls;
    saved.stranger = (uint32_t) r->stranger;
    strcpy(saved.id, r->id);

    (void) ids_write(l, r, -1, &saved.nids);

    return bytes_write(file, &saved, sizeof(saved)) == -1
                   || ids_write(l, r, file, &saved.nids) == -1
                   || fcntl(r->helper.fd, F_SETFD, 0) == -1
               ? -1
               : 0;
}


/* What has no socket any more ends, with us or with the next. */
int
irc_strangers_save(layer_t *l, int file)
{
    uint32_t i;
    saved_head_t head;

    memset(&head, 0, sizeof(head));
    head.version = CONTROL_VERSION;
    head.size = sizeof(saved_t);

    for (i = 0; i < LAYER_RELAYS_MAX; i++) {
        if (l->relays[i] != NULL && l->relays[i]->helper.fd != -1) {
            head.fds[head.relays++] = l->relays[i]->helper.fd;
        }
    }

    if (bytes_write(file, &head, sizeof(head)) == -1) {
        return -1;
    }

    for (i = 0; i < LAYER_RELAYS_MAX; i++) {
        if (l->relays[i] != NULL && l->relays[i]->helper.fd != -1
            && relay_save(l, l->relays[i], file) == -1)
        {
            return -1;
        }
    }

    return 0;
}


void
irc_strangers_stay(layer_t *l)
{
    uint32_t i;

    for (i = 0; i < LAYER_RELAYS_MAX; i++) {
        if (l->relays[i] != NULL && l->relays[i]->helper.fd != -1) {
            (void) fcntl(l->relays[i]->helper.fd, F_SETFD, FD_CLOEXEC);
        }
    }
}


/* Takes the descriptor over; where it fails the relay goes on with what it
 * has. */
static int
relay_load(layer_t *l, int fd, int file)
{
    int error;
    uint32_t i;
    uint64_t id;
    saved_t saved;
    irc_relay_t *r;

    r = NULL;

    if (bytes_read(file, &saved, sizeof(saved)) == -1) {
        goto failed;
    }

    r = stranger_add(l, fd, saved.id);
    if (r == NULL) {
        goto failed;
    }

    r->helper.pid = saved.stranger ? 0 : saved.pid;
    r->process = saved.pid;
    r->stranger = (int) saved.stranger;
    r->listed = 1;
    r->tls = (int) saved.tls;

    for (i = 0; i < saved.nids; i++) {
        if (bytes_read(file, &id, sizeof(id)) == -1
            || ids_add(r, &id, 1) == -1) {
            goto failed;
        }
    }

    r->users = saved.users;

    return 0;

failed:

    error = errno;

    if (r != NULL) {
        irc_relays_remove(l, r);

    } else {
        (void) close(fd);
    }

    errno = error;

    return -1;
}


int
irc_strangers_load(layer_t *l, int file)
{
    int rc, error;
    uint32_t i;
    saved_head_t head;

    if (bytes_read(file, &head, sizeof(head)) == -1
        || head.relays > LAYER_RELAYS_MAX)
    {
        return -1;
    }

    rc = 0;

    if (head.version != CONTROL_VERSION || head.size != sizeof(saved_t)) {
        rc = -1;
        errno = EPROTO;
    }

    error = errno;

    for (i = 0; i < head.relays; i++) {
        (void) fcntl(head.fds[i], F_SETFD, FD_CLOEXEC);

        if (rc == -1) {
            (void) close(head.fds[i]);

        } else if (relay_load(l, head.fds[i], file) == -1) {
            rc = -1;
            error = errno;
        }
    }

    errno = error;

    return rc;
}
