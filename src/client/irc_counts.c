#include "irc_counts.h"

#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "keeper.h"

/* held_t.counting: COUNT has to be sent, or was, or GO has to be */
#define COUNT_TO_SEND 1
#define COUNT_SENT 2
#define GO_TO_SEND 3


static void
blocked_set(layer_t *l, irc_relay_t *r, int blocked)
{
    if (r->blocked != blocked && r->helper.fd != -1) {
        r->blocked = blocked;
        (void) layer_rewatch(l, r->helper.fd,
                             blocked ? EPOLLIN | EPOLLOUT : EPOLLIN,
                             LAYER_RELAY, r->slot);
    }
}


/* Sends what the session has to say to its relay; not EIRC_OK: not now. An
 * error is the relay's end, which is noticed elsewhere. */
static int
record_send(held_t *s)
{
    int rc;
    control_t c;

    memset(&c, 0, offsetof(control_t, data));
    c.type
        = s->counting == GO_TO_SEND ? CONTROL_RELAY_GO : CONTROL_RELAY_COUNT;
    c.key = s->item.key;
    c.size = sizeof(s->carried);
    memcpy(c.data, &s->carried, sizeof(s->carried));

    rc = control_send(s->relay->helper.fd, &c, NULL, 0);

    if (rc != EIRC_AGAIN) {
        s->counting = s->counting == GO_TO_SEND ? 0 : COUNT_SENT;
    }

    return rc;
}


static void
record_queue(layer_t *l, held_t *s, uint8_t what)
{
    s->counting = what;

    if (s->relay->blocked || record_send(s) == EIRC_AGAIN) {
        blocked_set(l, s->relay, 1);
    }
}


int
irc_counts_ask(layer_t *l, held_t *s)
{
    if (s->relay == NULL || s->irc == -1) {
        return -1;
    }

    record_queue(l, s, COUNT_TO_SEND);

    return 0;
}


void
irc_counts_go(layer_t *l, held_t *s)
{
    /* a COUNT that still waits has halted nothing */

    if (s->counting == COUNT_TO_SEND) {
        s->counting = 0;

    } else if (s->relay != NULL && s->irc != -1) {
        record_queue(l, s, GO_TO_SEND);
    }
}


void
irc_counts_flush(layer_t *l, irc_relay_t *r)
{
    uint32_t slot;
    held_t *s;

    if (!r->blocked || r->helper.fd == -1) {
        return;
    }

    slot = 0;

    while ((s = sessions_next(&l->sessions, &slot)) != NULL) {
        if (s->relay == r && s->counting != 0 && s->counting != COUNT_SENT
            && record_send(s) == EIRC_AGAIN)
        {
            return;
        }
    }

    blocked_set(l, r, 0);
}


/* What lies unread in the worker's end was written and not consumed. */
static int
counts_take(const held_t *s, const control_t *c, irc_counts_t *counts)
{
    int unread;
    control_counts_t given;

    memcpy(&given, c->data, sizeof(given));

    if (c->status < 0 || ioctl(s->irc, FIONREAD, &unread) == -1
        || (uint64_t) unread > given.written)
    {
        return -1;
    }

    counts->consumed = given.written - (uint64_t) unread;
    counts->accepted = given.accepted;
    counts->ended = c->status != 0;

    return 0;
}


void
irc_counts_read(layer_t *l, irc_relay_t *r, const control_t *c)
{
    held_t *s;
    irc_counts_t counts;
    control_counts_t given;

    s = sessions_find(&l->sessions, c->key);

    if (s == NULL || s->relay != r || s->counting != COUNT_SENT
        || c->size != sizeof(given))
    {
        return;
    }

    memcpy(&given, c->data, sizeof(given));

    if (given.id != s->carried) {
        return;
    }

    s->counting = 0;
    keeper_counted(l, s, counts_take(s, c, &counts) == 0 ? &counts : NULL);
}


void
irc_counts_lost(layer_t *l, held_t *s)
{
    uint8_t counting;

    counting = s->counting;
    s->counting = 0;

    if (counting == COUNT_TO_SEND || counting == COUNT_SENT) {
        keeper_counted(l, s, NULL);
    }
}
