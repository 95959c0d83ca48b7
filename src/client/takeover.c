#include "takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "held.h"
#include "irc_counts.h"
#include "irc_strangers.h"
#include "move.h"
#include "peers.h"
#include "version.h"


/* Is there an end, and everything before it as it should be? */
static int
image_check(const uint8_t *p, size_t len)
{
    int rc;
    uint32_t type;
    uint64_t key;
    const uint8_t *end;
    passport_t passport;
    image_peer_t peer;
    eirc_slice_t body;
    image_layer_t layer;
    image_session_t session;

    end = p + len;
    p += IMAGE_HEAD_SIZE;

    while ((rc = image_next(&p, end, &type, &body)) == EIRC_OK) {

        switch (type) {

        case IMAGE_LAYER:
            rc = image_layer_read(&layer, body);
            break;

        case IMAGE_SLOT:
            rc = image_slot_read(&key, body);
            break;

        case IMAGE_SESSION:
            rc = image_session_read(&session, body);

            if (rc == EIRC_OK) {
                rc = passport_read(&passport, session.passport.p,
                                   session.passport.len);
            }

            break;

        case IMAGE_PEER:
            rc = image_peer_read(&peer, body);
            break;

        default:
            break;
        }

        if (rc != EIRC_OK) {
            return EIRC_ERROR;
        }
    }

    return rc == EIRC_DONE ? EIRC_OK : EIRC_ERROR;
}


static int
descriptor_compare(const void *a, const void *b)
{
    const int *one, *other;

    one = a;
    other = b;

    return (*one > *other) - (*one < *other);
}


/* Closes everything but 0 to 2, and what even a new layer has. */
static void
others_close(const image_head_t *head)
{
    int i, from, fds[3];

    fds[0] = head->lock;
    fds[1] = head->listen;
    fds[2] = head->log;

    qsort(fds, 3, sizeof(int), descriptor_compare);

    from = 3;

    for (i = 0; i < 3; i++) {
        if (fds[i] > from) {
            (void) close_range((unsigned) from, (unsigned) fds[i] - 1, 0);
        }

        if (fds[i] >= from) {
            from = fds[i] + 1;
        }
    }

    (void) close_range((unsigned) from, ~0u, 0);
}


static int
is_open(int fd)
{
    return fd > 2 && fcntl(fd, F_GETFD) != -1;
}


int
takeover_open(takeover_t *t, int fd, unsigned number)
{
    void *p;
    struct stat st;

    memset(t, 0, sizeof(takeover_t));

    if (fstat(fd, &st) == -1 || st.st_size < IMAGE_HEAD_SIZE) {
        return EIRC_ERROR;
    }

    t->len = (size_t) st.st_size;

    p = mmap(NULL, t->len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
        return EIRC_ERROR;
    }

    t->p = p;
    t->fd = fd;

    if (image_head_read(&t->head, t->p, t->len) != EIRC_OK
        || t->head.number != number || !is_open(t->head.lock)
        || !is_open(t->head.listen))
    {
        takeover_close(t);
        return EIRC_ERROR;
    }

    if (t->head.format != IMAGE_FORMAT || t->head.length < IMAGE_HEAD_SIZE
        || t->head.length > t->len
        || image_check(t->p, (size_t) t->head.length) != EIRC_OK)
    {
        takeover_close(t);
        others_close(&t->head);
    }

    return EIRC_OK;
}


void
takeover_close(takeover_t *t)
{
    if (t->p != NULL) {
        (void) munmap((void *) (uintptr_t) t->p, t->len);
        (void) close(t->fd);
        t->p = NULL;
    }
}


/* The layer */

static void
helper_end(uint32_t pid)
{
    if (pid != 0 && pid <= INT32_MAX) {
        (void) kill((pid_t) pid, SIGKILL);
        (void) waitpid((pid_t) pid, NULL, 0);
    }
}


static void
layer_restore(layer_t *l, const image_layer_t *layer)
{
    l->idle_since = layer->idle_since;
    l->adopts_until = layer->adopts_until;

    /* it is the same life of the layer: files of its predecessor are as exact
     * as they were */

    if (layer->taken) {
        l->preserve.store.turn = layer->turn;
        l->preserve.store.taken = layer->taken;
    }

    /* they serve nobody any more; those of this program come */

    helper_end(layer->template);
    helper_end(layer->connector);
}


/* Relays come before the sessions whose connections they carry. */
static void
relays_load(layer_t *l, const takeover_t *t)
{
    uint32_t i;

    if (lseek(t->fd, (off_t) t->head.length, SEEK_SET) == -1
        || irc_strangers_load(l, t->fd) == -1)
    {
        log_write(LOG_LEVEL_ALERT, errno, NULL, "relays were not taken over");
    }

    /* what their sockets did not take of the program before waits in
     * sessions */

    for (i = 0; i < LAYER_RELAYS_MAX; i++) {
        if (l->relays[i] != NULL) {
            l->relays[i]->blocked = 1;
            (void) layer_rewatch(l, l->relays[i]->helper.fd,
                                 EPOLLIN | EPOLLOUT, LAYER_RELAY, i);
        }
    }
}


/* Sessions */

/* Gives it up, without a word to anybody: its worker, if it has one, sees its
 * channel end and comes anew. */
static void
session_drop(layer_t *l, held_t *s)
{
    held_fd_close(&s->link);
    held_fd_close(&s->segment);
    held_fd_close(&s->secret);
    held_fd_close(&s->control);
    held_fd_close(&s->irc);
    held_fd_close(&s->worker_control);
    held_fd_close(&s->pidfd);
    held_fd_close(&s->before.control);
    held_fd_close(&s->before.pidfd);

    sessions_remove(&l->sessions, s);
}


static int
descriptor_is_sound(int fd)
{
    return fd == -1 || is_open(fd);
}


static int
session_is_sound(const held_t *s)
{
    int waits;

    waits = s->state == HELD_WAITING && s->control != -1;

    return descriptor_is_sound(s->link) && is_open(s->segment)
           && descriptor_is_sound(s->secret)
           && is_open(s->control)
                  == (s->state != HELD_COUNTING
                      && (waits || s->state != HELD_WAITING))
           && descriptor_is_sound(s->irc)
           && is_open(s->worker_control) == waits
           && descriptor_is_sound(s->pidfd)
           && descriptor_is_sound(s->before.control)
           && descriptor_is_sound(s->before.pidfd) && s->state != HELD_FORKING
           && (s->pid == 0) == (s->state != HELD_RUNNING);
}


static int
session_watch(layer_t *l, const held_t *s)
{
    if (s->pidfd != -1
        && layer_watch(l, s->pidfd, EPOLLIN, LAYER_PIDFD, s->item.key) == -1)
    {
        return EIRC_ERROR;
    }

    /* one that is about to end has said its last */

    if (s->control == -1 || s->doomed || s->ending) {
        return EIRC_OK;
    }

    return layer_watch(l, s->control, EPOLLIN, LAYER_WORKER, s->item.key) == -1
               ? EIRC_ERROR
               : EIRC_OK;
}


/* Goes on where it was in its life. */
static void
session_resume(layer_t *l, held_t *s)
{
    if (s->state == HELD_WAITING) {
        held_queue_add(&l->fork_queue, s);

    } else if (s->state == HELD_RUNNING) {
        move_add(l, s);
    }

    if (s->before.control != -1) {
        move_note(l, s);
    }

    /* the connector that was asked is no more; a relay has to be there that
     * has something to say */

    if (s->irc_state == HELD_IRC_WAITING || s->irc_state == HELD_IRC_ASKED
        || (s->irc_state == HELD_IRC_RELAYING && s->relay == NULL))
    {
        held_irc_close(s);
        s->irc_state = HELD_IRC_WAITING;
        held_queue_add(&l->irc_queue, s);
    }

    if (s->state == HELD_COUNTING && s->relay == NULL) {
        irc_counts_lost(l, s);
    }
}


static void
session_restore(layer_t *l, const image_session_t *session)
{
    held_t *s;
    passport_t passport;

    /* nobody could write there but the program before: it is as it was signed,
     * be it with a key that was replaced since */

    (void) passport_read(&passport, session->passport.p,
                         session->passport.len);

    s = sessions_put(&l->sessions, session->key, passport.session.account,
                     passport.session.account_len);
    if (s == NULL) {
        log_write(LOG_LEVEL_ALERT, 0, passport.id, "no memory for a session");
        return;
    }

    memcpy(s->id, passport.id, sizeof(s->id));

    if (held_learn(l, s, &passport.session) == -1
        || image_session_fill(s, session) != EIRC_OK)
    {
        goto failed;
    }

    if (!session->attached) {
        sessions_detach(s);
    }

    if (session->pid != 0) {
        sessions_pid_set(&l->sessions, s, session->pid);
    }

    irc_strangers_find(l, s);

    if (session_is_sound(s) && session_watch(l, s) == EIRC_OK) {
        session_resume(l, s);
        return;
    }

failed:

    log_write(LOG_LEVEL_ALERT, 0, s->id, "a session was not taken over");

    session_drop(l, s);
}


static void
slot_restore(layer_t *l, uint64_t key)
{
    if (table_skip(&l->sessions.table, key) == -1) {
        log_write(LOG_LEVEL_ALERT, 0, NULL, "a slot was not taken over");
    }
}


void
takeover_load(layer_t *l, takeover_t *t)
{
    uint32_t type;
    uint64_t key;
    char words[80];
    const uint8_t *p;
    image_peer_t peer;
    eirc_slice_t body;
    image_layer_t layer;
    image_session_t session;

    if (t->p == NULL) {
        log_write(LOG_LEVEL_ALERT, 0, NULL,
                  "the image of the program before, of format %u, is not "
                  "understood: beginning anew",
                  t->head.format);
        return;
    }

    relays_load(l, t);

    p = t->p + IMAGE_HEAD_SIZE;

    while (image_next(&p, t->p + t->head.length, &type, &body) == EIRC_OK) {

        if (type == IMAGE_LAYER && image_layer_read(&layer, body) == EIRC_OK) {
            layer_restore(l, &layer);

        } else if (type == IMAGE_SLOT
                   && image_slot_read(&key, body) == EIRC_OK) {
            slot_restore(l, key);

        } else if (type == IMAGE_SESSION
                   && image_session_read(&session, body) == EIRC_OK)
        {
            session_restore(l, &session);

        } else if (type == IMAGE_PEER
                   && image_peer_read(&peer, body) == EIRC_OK) {
            peers_restore(l, &peer);
        }
    }

    takeover_close(t);

    (void) snprintf(words, sizeof(words),
                    "irc-client " VERSION " goes on with %u sessions",
                    l->sessions.table.count);

    log_write(LOG_LEVEL_NOTICE, 0, NULL, "%s", words);
    peers_upgraded(l, EIRC_LINK_UPGRADED, words);
}
