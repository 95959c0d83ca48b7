#include "dial.h"

#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>

#include "control.h"
#include "events.h"
#include "held.h"

/* times that a connect is asked for again when its connector has died */
#define REQUEUE_MAX 2


void
dial_again(layer_t *l, held_t *s, uint32_t server)
{
    /* one question at a time: the answer to the first is on its way */

    if (s->irc_state == HELD_IRC_ASKED || s->irc_state == HELD_IRC_WAITING) {
        return;
    }

    held_fd_close(&s->irc);

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
dial_pump(layer_t *l)
{
    int blocked;

    if (l->connector.fd == -1) {
        return;
    }

    blocked = 0;

    while (l->irc_queue.first != NULL && !blocked) {
        blocked = (connect_ask(l, l->irc_queue.first) != EIRC_OK);
    }

    if (blocked != l->dial_blocked) {
        l->dial_blocked = blocked;
        (void) layer_rewatch(l, l->connector.fd,
                             blocked ? EPOLLIN | EPOLLOUT : EPOLLIN,
                             LAYER_CONNECTOR, 0);
    }
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


static void
connect_answered(layer_t *l, control_t *c, int fd)
{
    char text[1024];
    held_t *s;

    s = sessions_find(&l->sessions, c->key);

    if (s == NULL || s->irc_state != HELD_IRC_ASKED
        || (c->status == 0) != (fd != -1))
    {
        held_fd_close(&fd);
        return;
    }

    s->irc_state = (fd == -1) ? HELD_IRC_NONE : HELD_IRC_CONNECTED;
    s->requeued = 0;

    held_fd_close(&s->irc);
    s->irc = fd;

    (void) event_escape(text, sizeof(text), c->data, c->size);

    if (fd == -1) {
        log_write(LOG_LEVEL_ERR, 0, s->id, "%s", text);

    } else {
        log_write(LOG_LEVEL_INFO, 0, s->id, "connected to %s", text);
    }

    held_tell(s, c, fd);
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
