#include "relay_wait.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>


int
relay_wait_open(int *epoll, int *timer)
{
    *epoll = epoll_create1(EPOLL_CLOEXEC);

    if (*epoll == -1) {
        return -1;
    }

    *timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

    if (*timer == -1) {
        (void) close(*epoll);
        return -1;
    }

    return 0;
}


void
relay_wait_init(relay_wait_t *w, int epoll, int timer)
{
    int i;

    memset(w, 0, sizeof(relay_wait_t));

    w->epoll = epoll;
    w->timer = timer;

    for (i = 0; i < RELAY_WAITS; i++) {
        w->watched[i].fd = -1;
    }
}


static void
change(relay_wait_t *w, int op, int fd, relay_wait_e what, uint32_t events)
{
    struct epoll_event ev;

    memset(&ev, 0, sizeof(ev));
    ev.events = events;
    ev.data.u32 = what;

    if (epoll_ctl(w->epoll, op, fd, &ev) == -1) {
        w->failed = true;
    }
}


void
relay_wait_watch(relay_wait_t *w, relay_wait_e what, int fd, uint32_t events)
{
    int was;

    was = w->watched[what].fd;
    fd = events == 0 ? -1 : fd;

    if (fd == was && events == w->watched[what].events) {
        return;
    }

    if (was != -1 && fd != was) {
        change(w, EPOLL_CTL_DEL, was, what, 0);
    }

    if (fd != -1) {
        change(w, fd == was ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, what, events);
    }

    w->watched[what].fd = fd;
    w->watched[what].events = fd == -1 ? 0 : events;
}


void
relay_wait_until(relay_wait_t *w, uint64_t when)
{
    struct itimerspec spec;

    if (when == 0 || (w->armed != 0 && w->armed <= when)) {
        return;
    }

    /* the clock of relays is one ahead: never 0 */

    memset(&spec, 0, sizeof(spec));
    spec.it_value.tv_sec = (time_t) ((when - 1) / 1000);
    spec.it_value.tv_nsec = (long) ((when - 1) % 1000 * 1000000);

    /* zero would disarm it */

    if (spec.it_value.tv_sec == 0 && spec.it_value.tv_nsec == 0) {
        spec.it_value.tv_nsec = 1;
    }

    if (timerfd_settime(w->timer, TFD_TIMER_ABSTIME, &spec, NULL) == -1) {
        w->failed = true;
        return;
    }

    w->armed = when;
    relay_wait_watch(w, RELAY_WAIT_TIMER, w->timer, EPOLLIN | EPOLLET);
}


int
relay_wait(relay_wait_t *w, bool block, uint32_t events[RELAY_WAITS])
{
    int i, n;
    struct epoll_event list[RELAY_WAITS];

    memset(events, 0, RELAY_WAITS * sizeof(uint32_t));

    if (w->failed) {
        errno = ENOMEM;
        return -1;
    }

    n = epoll_wait(w->epoll, list, RELAY_WAITS, block ? -1 : 0);

    if (n == -1) {
        return errno == EINTR ? 0 : -1;
    }

    for (i = 0; i < n; i++) {
        events[list[i].data.u32] = list[i].events;
    }

    if (events[RELAY_WAIT_TIMER] != 0) {
        w->armed = 0;
    }

    return 0;
}
