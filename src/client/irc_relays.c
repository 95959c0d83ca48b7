#include "irc_relays.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "dial.h"
#include "eirc_link.h"
#include "held.h"
#include "irc_counts.h"
#include "irc_strangers.h"
#include "options.h"
#include "pair.h"

/* ms: a relay without users waits for the next one */
#define IDLE_TIME 2000

/* that a relay may have in the log: it has something to say when it begins */
#define EVENTS_MAX 8

/* ms: an older relay takes nobody any more, so that files that were replaced
 * since are read again */
#define AGE_MAX (24 * 3600 * 1000ull)


/* What a relay has to know; 0: there is no such server. */
static size_t
server_write(const held_t *s, uint32_t number, uint8_t *buf, size_t size)
{
    size_t len;
    eirc_link_server_t server;

    len = 0;

    if (eirc_link_server_at(s->servers, s->servers_len, number, &server)
            != EIRC_OK
        || eirc_link_server_add(buf, &len, size, &server) != EIRC_OK
        || size - len < s->tls_len)
    {
        return 0;
    }

    /* settings that mean nothing to it would only make relays of their own */

    if ((server.flags & EIRC_LINK_SERVER_TLS) == 0) {
        return len;
    }

    memcpy(buf + len, s->servers + s->servers_len, s->tls_len);

    return len + s->tls_len;
}


/* Its socket is of no use any more; its exit will be reaped. */
static void
relay_drop(layer_t *l, irc_relay_t *r)
{
    if (r->helper.fd != -1) {
        layer_unwatch(l, r->helper.fd);
        (void) close(r->helper.fd);
        r->helper.fd = -1;
    }
}


/* Who it is, for the day that we are gone, and what it has to know. */
static int
relay_teach(layer_t *l, irc_relay_t *r)
{
    card_t card;
    control_t c;

    if (card_write(&l->key, &card, CARD_RELAY, r->id) != EIRC_OK) {
        return -1;
    }

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_RELAY_SERVER;
    c.status = (int32_t) l->rundir.number;
    c.value = r->users_max;
    c.size = (uint32_t) (sizeof(card) + r->len);
    memcpy(c.data, &card, sizeof(card));
    memcpy(c.data + sizeof(card), r->server, r->len);

    return control_send(r->helper.fd, &c, NULL, 0) == EIRC_OK ? 0 : -1;
}


static int
id_make(const layer_t *l, char *id, size_t size)
{
    uint64_t random;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t) sizeof(random)) {
        return -1;
    }

    (void) snprintf(id, size, "%u-relay%016llx", l->rundir.number,
                    (unsigned long long) random);

    return 0;
}


irc_relay_t *
irc_relays_add(layer_t *l, size_t len)
{
    uint32_t i;
    irc_relay_t *r;

    for (i = 0; i < LAYER_RELAYS_MAX && l->relays[i] != NULL; i++) {
        /* void */
    }

    if (i == LAYER_RELAYS_MAX) {
        errno = EMFILE;
        return NULL;
    }

    r = calloc(1, sizeof(irc_relay_t) + len);
    if (r == NULL) {
        return NULL;
    }

    helper_init(&r->helper, "relay", "irc-client: relay", OPTION_RELAY);
    r->helper.stays = 1;
    r->slot = i;
    r->users_max = l->relay_sessions;
    r->idle_since = l->now;
    r->len = len;

    l->relays[i] = r;
    l->nrelays++;

    return r;
}


/* Those who wait for its word on their connections, or their counts. */
static void
users_tell(layer_t *l, const irc_relay_t *r)
{
    uint8_t counting;
    uint32_t slot;
    held_t *s;
    static const char words[] = "the relay died";

    slot = 0;

    while ((s = sessions_next(&l->sessions, &slot)) != NULL) {
        if (s->relay == r) {
            counting = s->counting;
            s->relay = NULL;
            dial_relayed(l, s, -1, words, sizeof(words) - 1);

            s->counting = counting;
            irc_counts_lost(l, s);
        }
    }
}


void
irc_relays_remove(layer_t *l, irc_relay_t *r)
{
    relay_drop(l, r);

    l->relays[r->slot] = NULL;
    l->nrelays--;

    users_tell(l, r);

    free(r->ids);
    free(r);
}


/* One more for that server; NULL and errno. */
static irc_relay_t *
relay_start(layer_t *l, const uint8_t *server, size_t len)
{
    int error;
    irc_relay_t *r;

    r = irc_relays_add(l, len);
    if (r == NULL) {
        return NULL;
    }

    memcpy(r->server, server, len);
    r->tls = server[0] & EIRC_LINK_SERVER_TLS;

    if (id_make(l, r->id, sizeof(r->id)) == -1
        || helper_start(&r->helper, l->exe, l->now) == -1
        || layer_watch(l, r->helper.fd, EPOLLIN, LAYER_RELAY, r->slot) == -1
        || relay_teach(l, r) == -1)
    {
        /* a process that was started all the same is nobody's, and ends */

        error = errno;
        irc_relays_remove(l, r);
        errno = error;
        return NULL;
    }

    log_write(LOG_LEVEL_NOTICE, 0, NULL, "%s %ld started", r->helper.name,
              (long) r->helper.pid);

    return r;
}


static int
relay_serves(const layer_t *l, const irc_relay_t *r, const uint8_t *server,
             size_t len)
{
    return r->helper.fd != -1 && !r->drains && r->users < r->users_max
           && l->now - r->helper.started < AGE_MAX && r->len == len
           && memcmp(r->server, server, len) == 0;
}


/* a connection on its way to a relay */
typedef struct {
    int fd; /* the server's */
    int pair[2];
    uint64_t id;
} carried_t;


static int
relay_give(irc_relay_t *r, const held_t *s, const carried_t *carried)
{
    int fds[2];
    control_t c;

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_RELAY_CARRY;
    c.key = s->item.key;
    c.size = sizeof(carried->id);
    memcpy(c.data, &carried->id, sizeof(carried->id));

    fds[0] = carried->fd;
    fds[1] = carried->pair[PAIR_RELAY];

    return control_send(r->helper.fd, &c, fds, 2);
}


/* The first that has room, and takes it. */
static irc_relay_t *
relay_find(layer_t *l, const held_t *s, uint32_t number,
           const carried_t *carried)
{
    size_t len;
    uint32_t i;
    irc_relay_t *r;
    uint8_t server[4 + EIRC_LINK_HOST_MAX + EIRC_LINK_TLS_MAX];

    len = server_write(s, number, server, sizeof(server));

    if (len == 0) {
        errno = EINVAL;
        return NULL;
    }

    for (i = 0; i < LAYER_RELAYS_MAX; i++) {
        r = l->relays[i];

        if (r != NULL && relay_serves(l, r, server, len)
            && relay_give(r, s, carried) == EIRC_OK)
        {
            return r;
        }
    }

    r = relay_start(l, server, len);

    return r != NULL && relay_give(r, s, carried) == EIRC_OK ? r : NULL;
}


int
irc_relays_carry(layer_t *l, held_t *s, uint32_t server, int fd)
{
    int error;
    carried_t carried;
    irc_relay_t *r;

    if (pair_open(carried.pair, &carried.id) == -1) {
        return -1;
    }

    carried.fd = fd;

    r = relay_find(l, s, server, &carried);
    error = errno;
    (void) close(carried.pair[PAIR_RELAY]);

    if (r == NULL) {
        (void) close(carried.pair[PAIR_WORKER]);
        errno = error;
        return -1;
    }

    r->users++;

    held_irc_close(s);
    s->irc = carried.pair[PAIR_WORKER];
    s->relay = r;
    s->carried = carried.id;

    return 0;
}


static void
user_gone(layer_t *l, irc_relay_t *r)
{
    if (r->users > 0 && --r->users == 0) {
        r->idle_since = l->now;
    }
}


static void
relay_answered(layer_t *l, irc_relay_t *r, const control_t *c)
{
    held_t *s;

    if (c->status != 0) {
        user_gone(l, r);
    }

    s = sessions_find(&l->sessions, c->key);

    /* for any other state than that of waiting for it, it is no answer */

    if (s != NULL && s->relay == r) {
        dial_relayed(l, s, c->status, c->data, c->size);
    }
}


/* Whose connection is that? A relay that served another layer knows no keys of
 * ours. NULL: nobody's, any more. */
static held_t *
session_of(layer_t *l, const irc_relay_t *r, uint64_t key, uint64_t id)
{
    uint32_t slot;
    held_t *s;

    s = sessions_find(&l->sessions, key);

    if (s != NULL && s->relay == r && s->carried == id) {
        return s;
    }

    slot = 0;

    while (r->drains && (s = sessions_next(&l->sessions, &slot)) != NULL) {
        if (s->relay == r && s->carried == id) {
            return s;
        }
    }

    return NULL;
}


static void
relay_ended(layer_t *l, irc_relay_t *r, const control_t *c)
{
    held_t *s;
    control_counts_t counts;

    user_gone(l, r);

    if (c->size != sizeof(counts)) {
        return;
    }

    memcpy(&counts, c->data, sizeof(counts));
    irc_strangers_ended(r, counts.id);
    s = session_of(l, r, c->key, counts.id);

    log_write(c->status == 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, 0,
              s == NULL ? NULL : s->id,
              "relay ended%s, %llu bytes to the worker, %llu from it",
              c->status == 0 ? ""
              : r->tls       ? " without close_notify"
                             : " by an error",
              (unsigned long long) counts.written,
              (unsigned long long) counts.accepted);

    if (s != NULL) {
        s->relay = NULL;
        irc_counts_lost(l, s);
    }
}


void
irc_relays_read(layer_t *l, uint64_t slot)
{
    int rc;
    irc_relay_t *r;
    control_t c;

    r = slot < LAYER_RELAYS_MAX ? l->relays[slot] : NULL;

    if (r != NULL) {
        irc_counts_flush(l, r);
    }

    while (r != NULL && r->helper.fd != -1) {
        rc = control_recv(r->helper.fd, &c, NULL, NULL);

        if (rc == EIRC_AGAIN) {
            return;
        }

        if (rc == EIRC_OK && c.type == CONTROL_RELAY_STANDS) {
            relay_answered(l, r, &c);

        } else if (rc == EIRC_OK && c.type == CONTROL_RELAY_ENDED) {
            relay_ended(l, r, &c);

        } else if (rc == EIRC_OK && c.type == CONTROL_RELAY_COUNTED) {
            irc_counts_read(l, r, &c);

        } else if (rc == EIRC_OK && c.type == CONTROL_RELAY_CARRIES
                   && irc_strangers_listed(l, r, &c) == 0)
        {
            continue;

        } else if (rc == EIRC_OK && c.type == CONTROL_EVENT
                   && r->events++ < EVENTS_MAX)
        {
            layer_helper_event(&r->helper, &c);

        } else {
            relay_drop(l, r);
        }
    }

    /* the end of others comes with SIGCHLD */

    if (r != NULL && r->stranger) {
        irc_strangers_gone(l, r);
    }
}


static void
exit_log(const irc_relay_t *r, pid_t pid, int status)
{
    if (WIFSIGNALED(status)) {
        log_write(LOG_LEVEL_ALERT, 0, NULL, "%s %ld exited on signal %d",
                  r->helper.name, (long) pid, WTERMSIG(status));

    } else {
        log_write(WEXITSTATUS(status) == 0 ? LOG_LEVEL_NOTICE
                                           : LOG_LEVEL_ALERT,
                  0, NULL, "%s %ld exited with code %d", r->helper.name,
                  (long) pid, WEXITSTATUS(status));
    }
}


int
irc_relays_has(const layer_t *l, pid_t pid)
{
    uint32_t i;

    for (i = 0; i < LAYER_RELAYS_MAX; i++) {

        if (l->relays[i] != NULL && l->relays[i]->helper.pid == pid) {
            return 1;
        }
    }

    return 0;
}


int
irc_relays_reaped(layer_t *l, pid_t pid, int status)
{
    uint32_t i;
    irc_relay_t *r;

    for (i = 0; i < LAYER_RELAYS_MAX; i++) {
        r = l->relays[i];

        if (r == NULL || r->helper.pid != pid) {
            continue;
        }

        /* what it said before it died comes first */

        irc_relays_read(l, i);
        exit_log(r, pid, status);
        irc_relays_remove(l, r);

        return 1;
    }

    return 0;
}


uint64_t
irc_relays_expire(layer_t *l)
{
    uint32_t i;
    uint64_t when, end;
    irc_relay_t *r;

    when = 0;

    for (i = 0; i < LAYER_RELAYS_MAX; i++) {
        r = l->relays[i];

        if (r == NULL || r->users > 0 || r->helper.fd == -1) {
            continue;
        }

        end = r->idle_since + IDLE_TIME;

        if (end <= l->now && r->stranger) {
            irc_strangers_gone(l, r);

        } else if (end <= l->now) {
            relay_drop(l, r);

        } else if (when == 0 || end < when) {
            when = end;
        }
    }

    return when;
}


void
irc_relays_end(layer_t *l)
{
    uint32_t i;

    for (i = 0; i < LAYER_RELAYS_MAX; i++) {
        if (l->relays[i] != NULL) {
            relay_drop(l, l->relays[i]);
            free(l->relays[i]->ids);
            free(l->relays[i]);
            l->relays[i] = NULL;
        }
    }
}
