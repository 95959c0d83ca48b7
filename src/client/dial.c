#include "dial.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "control.h"
#include "events.h"
#include "held.h"
#include "irc_relays.h"
#include "loopback.h"

/* times that a connect is asked for again when its connector has died */
#define REQUEUE_MAX 2


void
dial_again(layer_t *l, held_t *s, uint32_t server)
{
    /* one question at a time: the answer to the first is on its way */

    if (s->irc_state != HELD_IRC_NONE && s->irc_state != HELD_IRC_CONNECTED) {
        return;
    }

    held_irc_close(s);

    s->server = server;
    s->irc_state = HELD_IRC_WAITING;
    held_queue_add(&l->irc_queue, s);
}


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


void
dial_cancel(layer_t *l, held_t *s)
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


/* What has come of it, for the log and the worker; s->irc is its connection.
 */
static void
connect_tell(held_t *s, control_t *c)
{
    char text[1024];

    s->irc_state = (s->irc == -1) ? HELD_IRC_NONE : HELD_IRC_CONNECTED;
    s->unsafe = 0;

    (void) event_escape(text, sizeof(text), c->data, c->size);

    if (s->irc == -1) {
        log_write(LOG_LEVEL_ERR, 0, s->id, "%s", text);

    } else {
        s->server = c->value & ~CONTROL_SECURE;
        c->serial = ++s->connection;
        log_write(LOG_LEVEL_INFO, 0, s->id, "connected to %s", text);
    }

    held_tell(s, c, s->irc);
}


/* TLS is not for workers; and TCP alone counts bytes by itself, so that a
 * worker's successor can tell what there was. */
static int
server_is_relayed(const held_t *s, uint32_t number)
{
    eirc_link_server_t server;

    return eirc_link_server_at(s->servers, s->servers_len, number, &server)
               == EIRC_OK
           && (server.flags & (EIRC_LINK_SERVER_TLS | EIRC_LINK_SERVER_UNIX));
}


/* It stands, and a relay belongs before it: fd is the caller's. */
static void
connect_relay(layer_t *l, held_t *s, uint32_t number, int fd)
{
    char words[128];

    s->irc_state = HELD_IRC_RELAYING;
    s->server = number;

    if (irc_relays_carry(l, s, number, fd) == -1) {
        (void) snprintf(words, sizeof(words), "no relay: %s", strerror(errno));
        dial_relayed(l, s, -1, words, strlen(words));
    }
}


/* The next server; when all have failed the worker is told of the last. */
static void
relay_failed(layer_t *l, held_t *s, int32_t status, const char *words,
             size_t len)
{
    char text[1024];
    uint32_t n;
    control_t c;

    held_irc_close(s);
    n = eirc_link_servers_count(s->servers, s->servers_len);

    if (++s->unsafe < n) {
        (void) event_escape(text, sizeof(text), words, len);
        log_write(LOG_LEVEL_ERR, 0, s->id, "%s", text);

        s->irc_state = HELD_IRC_NONE;
        dial_again(l, s, (s->server + 1) % n);
        return;
    }

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_CONNECTED;
    c.status = status;
    c.size = (uint32_t) (len < EVENT_TEXT_MAX ? len : EVENT_TEXT_MAX);
    memcpy(c.data, words, c.size);

    connect_tell(s, &c);
}


void
dial_relayed(layer_t *l, held_t *s, int32_t status, const char *words,
             size_t len)
{
    control_t c;
    eirc_link_server_t server;

    if (s->irc_state != HELD_IRC_RELAYING) {
        return;
    }

    if (status != 0) {
        relay_failed(l, s, status, words, len);
        return;
    }

    (void) eirc_link_server_at(s->servers, s->servers_len, s->server, &server);

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_CONNECTED;
    c.value = s->server | CONTROL_SECURE;

    if (server.flags & EIRC_LINK_SERVER_TLS) {
        c.size = (uint32_t) snprintf(
            c.data, sizeof(c.data), "%.*s %u, %.*s", (int) server.host_len,
            server.host, server.port, (int) (len < 16 ? len : 16), words);

    } else {
        c.size = (uint32_t) snprintf(c.data, sizeof(c.data), "unix:%.*s",
                                     (int) server.host_len, server.host);
    }

    connect_tell(s, &c);
}


/* It stands, by TCP or to a UNIX socket. Takes fd over. */
static void
connect_stood(layer_t *l, held_t *s, control_t *c, int fd)
{
    if (server_is_relayed(s, c->value)) {
        connect_relay(l, s, c->value, fd);
        (void) close(fd);
        return;
    }

    s->irc = fd;
    connect_tell(s, c);
}


static void
connect_answered(layer_t *l, control_t *c, int fd)
{
    held_t *s;

    s = sessions_find(&l->sessions, c->key);

    if (s == NULL || s->irc_state != HELD_IRC_ASKED
        || (c->status == 0) != (fd != -1))
    {
        held_fd_close(&fd);
        return;
    }

    s->requeued = 0;
    held_irc_close(s);

    if (fd != -1) {
        connect_stood(l, s, c, fd);

    } else {
        connect_tell(s, c);
    }
}


/* The first connection of a session, where it takes no waiting; 0: the
 * connector has to make it. Later ones it paces. */
static int
connect_at_once(layer_t *l, held_t *s)
{
    int fd;
    control_t c;
    eirc_link_server_t server;

    if (s->attempt > 0
        || eirc_link_server_at(s->servers, s->servers_len, s->server, &server)
               != EIRC_OK)
    {
        return 0;
    }

    memset(&c, 0, offsetof(control_t, data));

    fd = loopback_connect(&server, c.data);

    if (fd == -1) {
        return 0;
    }

    c.type = CONTROL_CONNECTED;
    c.value = s->server;
    c.size = (uint32_t) strlen(c.data);

    held_queue_remove(&l->irc_queue, s);
    s->attempt++;
    connect_stood(l, s, &c, fd);

    return 1;
}


void
dial_pump(layer_t *l)
{
    int blocked;
    held_t *s;

    blocked = 0;

    while ((s = l->irc_queue.first) != NULL && !blocked) {
        if (!connect_at_once(l, s)) {
            blocked = l->connector.fd == -1 || connect_ask(l, s) != EIRC_OK;
        }
    }

    if (l->connector.fd != -1 && blocked != l->dial_blocked) {
        l->dial_blocked = blocked;
        (void) layer_rewatch(l, l->connector.fd,
                             blocked ? EPOLLIN | EPOLLOUT : EPOLLIN,
                             LAYER_CONNECTOR, 0);
    }
}


void
dial_read(layer_t *l)
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
            layer_helper_drop(l, &l->connector);
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
            layer_helper_event(&l->connector, &c);
        }

        held_fd_close(&fd);
    }
}


void
dial_connector_gone(layer_t *l)
{
    uint32_t slot;
    control_t c;
    held_t *s;
    static const char text[] = "the connector died";

    slot = 0;
    l->dial_blocked = 0;

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
