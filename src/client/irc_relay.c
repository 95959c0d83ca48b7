#include "irc_relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "events.h"
#include "helper.h"
#include "sandbox.h"
#include "title.h"
#include "carries.h"
#include "tls_context.h"

#define EVENTS_MAX 256

static struct {
    int epoll;
    int alone; /* flag: there is no socket layer any more */
    int blocked;
    tls_context_t context;
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

    return epoll_ctl(relay.epoll, op, HELPER_FD, &ev);
}


static void
reports_flush(void)
{
    int blocked;

    blocked = carries_report(relay.alone ? -1 : HELPER_FD);

    if (blocked != relay.blocked && !relay.alone) {
        relay.blocked = blocked;
        (void) watch(EPOLL_CTL_MOD, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}


static void
control_lost(void)
{
    (void) watch(EPOLL_CTL_DEL, 0);
    (void) close(HELPER_FD);
    relay.alone = 1;

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
control_read(void)
{
    int rc, nfds, fds[2];
    control_t c;

    while (!relay.alone) {
        nfds = 2;
        rc = control_recv(HELPER_FD, &c, fds, &nfds);

        if (rc == EIRC_AGAIN) {
            return;
        }

        if (rc != EIRC_OK || record_take(&c, fds, nfds) == -1) {
            control_lost();
        }
    }
}


/* The first record, for which there is all the time of the world: nobody has
 * been promised anything yet. */
static int
server_learn(uint32_t *users)
{
    int rc;
    const uint8_t *p, *end;
    control_t c;
    struct pollfd pfd;
    eirc_link_tls_t tls;
    eirc_link_server_t server;

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

    p = (const uint8_t *) c.data;
    end = p + c.size;

    if (eirc_link_server_next(&p, end, &server) != EIRC_OK
        || eirc_link_tls_read(&tls, p, (size_t) (end - p)) != EIRC_OK)
    {
        return -1;
    }

    *users = c.value;

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


static int
relay_open(void)
{
    uint32_t users;

    relay.epoll = epoll_create1(EPOLL_CLOEXEC);
    carries_open(relay.epoll, &relay.context);

    if (relay.epoll == -1 || watch(EPOLL_CTL_ADD, EPOLLIN) == -1
        || server_learn(&users) == -1)
    {
        return -1;
    }

    return sandbox_relay(report, users);
}


static void
event_dispatch(const struct epoll_event *ev)
{
    if (ev->data.u64 == 0) {
        control_read();

    } else {
        carries_event(ev->data.u64, ev->events);
    }
}


int
irc_relay_run(void)
{
    int i, n, timeout;
    struct epoll_event events[EVENTS_MAX];

    title_set("relay");

    (void) signal(SIGPIPE, SIG_IGN);

    if (relay_open() == -1) {
        report(errno, "the relay");
        return 1;
    }

    for (;;) {
        carries_clock();
        timeout = carries_run();
        reports_flush();

        if (relay.alone && carries_count() == 0) {
            return 0;
        }

        n = epoll_wait(relay.epoll, events, EVENTS_MAX, timeout);
        carries_clock();

        if (n == -1 && errno != EINTR) {
            return 1;
        }

        for (i = 0; i < n; i++) {
            event_dispatch(&events[i]);
        }
    }
}
