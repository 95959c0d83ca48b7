#include "irc_relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "card.h"
#include "carries.h"
#include "control.h"
#include "events.h"
#include "helper.h"
#include "rescue.h"
#include "rundir.h"
#include "sandbox.h"
#include "title.h"
#include "tls_context.h"

#define EVENTS_MAX 256

/* IDs in a record */
#define LIST_MAX (CONTROL_DATA_MAX / sizeof(uint64_t))

/* ms: between attempts to find a new layer, and for how long one has to stay to
 * be looked for at once when it is gone */
#define SEARCH_FIRST 100
#define SEARCH_MAX 1000
#define STAYED 1000

/* for so many layers after the first one */
#define RESCUES 16

static struct {
    int epoll;
    int control; /* -1: there is no socket layer any more */
    int blocked;
    uint32_t users;
    tls_context_t context;

    /* for the day that the layer is gone */
    int layer; /* its number; -1: there will be no other */
    int rescue[RESCUES];
    int rescues;    /* how many of them there are, not connected yet */
    uint64_t since; /* ms: when the layer was found */
    uint64_t again; /* ms: when to look for one */
    uint64_t delay; /* ms */
    card_t card;
} relay;


static void
report(int error, const char *what)
{
    control_t c;

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_EVENT;
    c.value = EVENT_SANDBOX;
    c.status = error;
    c.size = (uint32_t) strlen(what);
    memcpy(c.data, what, c.size);

    (void) control_send(HELPER_FD, &c, NULL, 0);
}


/* The layer's socket; the data of its events is 0. */
static int
watch(int op, uint32_t events)
{
    struct epoll_event ev;

    memset(&ev, 0, sizeof(ev));
    ev.events = events;

    return epoll_ctl(relay.epoll, op, relay.control, &ev);
}


static void
reports_flush(void)
{
    int blocked;

    blocked = carries_report(relay.control);

    if (blocked != relay.blocked && relay.control != -1) {
        relay.blocked = blocked;
        (void) watch(EPOLL_CTL_MOD, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}


static void
search_later(uint64_t now)
{
    relay.again = now + relay.delay;
    relay.delay *= 2;

    if (relay.delay > SEARCH_MAX) {
        relay.delay = SEARCH_MAX;
    }
}


static void
control_lost(uint64_t now)
{
    (void) watch(EPOLL_CTL_DEL, 0);
    (void) close(relay.control);

    relay.control = -1;
    relay.blocked = 0;

    if (now - relay.since >= STAYED) {
        relay.delay = SEARCH_FIRST;
        relay.again = now;

    } else {
        search_later(now);
    }

    /* who asked for counts has no use for them any more */

    carries_go_all();
}


/* Does what the layer says; -1: it breaks the rules, or there is no memory. The
 * descriptors are gone in any case. */
static int
record_take(const control_t *c, const int *fds, int nfds)
{
    int i;
    uint64_t id;

    if (c->size == sizeof(id)) {
        memcpy(&id, c->data, sizeof(id));

        if (c->type == CONTROL_RELAY_CARRY && nfds == 2
            && carries_begin(c->key, id, fds) == 0)
        {
            return 0;
        }

        if (c->type == CONTROL_RELAY_COUNT && nfds == 0) {
            return carries_halt(c->key, id);
        }

        if (c->type == CONTROL_RELAY_GO && nfds == 0) {
            carries_go(id);
            return 0;
        }
    }

    for (i = 0; i < nfds; i++) {
        (void) close(fds[i]);
    }

    return -1;
}


static void
control_read(uint64_t now)
{
    int rc, nfds, fds[2];
    control_t c;

    while (relay.control != -1) {
        nfds = 2;
        rc = control_recv(relay.control, &c, fds, &nfds);

        if (rc == EIRC_AGAIN) {
            return;
        }

        if (rc != EIRC_OK || record_take(&c, fds, nfds) == -1) {
            control_lost(now);
        }
    }
}


/* A new layer */

/* Whom it has before it. */
static int
card_show(int fd)
{
    eirc_link_header_t h;
    uint8_t buf[EIRC_LINK_HEADER_SIZE + sizeof(card_t)];

    memset(&h, 0, sizeof(h));
    h.type = EIRC_LINK_RESCUE;
    h.value = EIRC_LINK_VERSION;
    h.count = CONTROL_VERSION;

    eirc_link_header_write(buf, &h);
    memcpy(buf + EIRC_LINK_HEADER_SIZE, &relay.card, sizeof(card_t));

    return send(fd, buf, sizeof(buf), MSG_NOSIGNAL | MSG_DONTWAIT)
                   == (ssize_t) sizeof(buf)
               ? 0
               : -1;
}


static int
carries_tell(int fd)
{
    size_t n;
    uint32_t slot;
    control_t c;
    uint64_t ids[LIST_MAX];

    slot = 0;
    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_RELAY_CARRIES;

    do {
        n = carries_list(&slot, ids, LIST_MAX);
        c.status = n < LIST_MAX;
        c.size = (uint32_t) (n * sizeof(uint64_t));
        memcpy(c.data, ids, c.size);

        if (control_send(fd, &c, NULL, 0) != EIRC_OK) {
            return -1;
        }
    } while (n == LIST_MAX);

    return 0;
}


/* Looks for a new layer when it is time to; ms until then, or -1. */
static int
layer_search(uint64_t now)
{
    int fd;
    char name[32];

    if (relay.control != -1 || relay.layer == -1 || relay.rescues == 0
        || carries_count() == 0)
    {
        return -1;
    }

    if (now < relay.again) {
        return (int) (relay.again - now);
    }

    fd = relay.rescue[relay.rescues - 1];
    rundir_name(name, sizeof(name), (unsigned) relay.layer);

    if (rescue_reach(fd, name) == 0) {
        relay.rescues--;
        relay.since = now;

        if (card_show(fd) == 0 && carries_tell(fd) == 0) {
            relay.control = fd;
            (void) watch(EPOLL_CTL_ADD, EPOLLIN);
            return -1;
        }

        (void) close(fd);
    }

    search_later(now);

    return (int) (relay.again - now);
}


/* Beginning */

static void
rescues_open(void)
{
    int fd;

    while (relay.layer != -1 && relay.rescues < RESCUES) {
        fd = rescue_open();

        if (fd == -1) {
            report(errno, "coming back to another socket layer");
            return;
        }

        relay.rescue[relay.rescues++] = fd;
    }
}


/* What the layer has written behind one another. */
static int
server_read(const uint8_t *p, const uint8_t *end)
{
    eirc_link_tls_t tls;
    eirc_link_server_t server;

    if (relay.layer >= 0) {
        if (end - p < (ptrdiff_t) sizeof(card_t)) {
            return -1;
        }

        memcpy(&relay.card, p, sizeof(card_t));
        p += sizeof(card_t);
    }

    if (eirc_link_server_next(&p, end, &server) != EIRC_OK
        || eirc_link_tls_read(&tls, p, (size_t) (end - p)) != EIRC_OK)
    {
        return -1;
    }

    if ((server.flags & EIRC_LINK_SERVER_TLS) == 0) {
        relay.context.plain = 1;
        return 0;
    }

    /* dates of certificates are looked at with the zone's file read, if it is
     * read now: later there are no files */

    tzset();
    tls_context_make(&relay.context, &server, &tls);

    return 0;
}


/* The first record, for which there is all the time of the world: nobody has
 * been promised anything yet. */
static int
server_learn(void)
{
    int rc;
    control_t c;
    struct pollfd pfd;

    pfd.fd = HELPER_FD;
    pfd.events = POLLIN;

    while ((rc = control_recv(HELPER_FD, &c, NULL, NULL)) == EIRC_AGAIN) {
        if (poll(&pfd, 1, -1) == -1 && errno != EINTR) {
            return -1;
        }
    }

    if (rc != EIRC_OK || c.type != CONTROL_RELAY_SERVER || c.value == 0
        || c.value > IRC_RELAY_USERS_MAX)
    {
        return -1;
    }

    relay.users = c.value;
    relay.layer = c.status;

    return server_read((const uint8_t *) c.data,
                       (const uint8_t *) c.data + c.size);
}


static int
relay_open(void)
{
    relay.control = HELPER_FD;
    relay.delay = SEARCH_FIRST;

    relay.epoll = epoll_create1(EPOLL_CLOEXEC);
    carries_open(relay.epoll, &relay.context);
    relay.since = carries_clock();

    if (relay.epoll == -1 || watch(EPOLL_CTL_ADD, EPOLLIN) == -1
        || server_learn() == -1)
    {
        return -1;
    }

    rescues_open();

    return sandbox_relay(report, relay.users);
}


static void
event_dispatch(const struct epoll_event *ev, uint64_t now)
{
    if (ev->data.u64 == 0) {
        control_read(now);

    } else {
        carries_event(ev->data.u64, ev->events);
    }
}


/* Does what is due; ms until there is more to do, or -1. */
static int
relay_work(uint64_t now)
{
    int timeout, search;

    timeout = carries_run();
    reports_flush();
    search = layer_search(now);

    return timeout == -1 || (search != -1 && search < timeout) ? search
                                                               : timeout;
}


int
irc_relay_run(void)
{
    int i, n, timeout;
    uint64_t now;
    struct epoll_event events[EVENTS_MAX];

    title_set("relay");

    (void) signal(SIGPIPE, SIG_IGN);

    if (relay_open() == -1) {
        report(errno, "the relay");
        return 1;
    }

    for (;;) {
        timeout = relay_work(carries_clock());

        if (relay.control == -1 && carries_count() == 0) {
            return 0;
        }

        n = epoll_wait(relay.epoll, events, EVENTS_MAX, timeout);
        now = carries_clock();

        if (n == -1 && errno != EINTR) {
            return 1;
        }

        for (i = 0; i < n; i++) {
            event_dispatch(&events[i], now);
        }
    }
}
