#include "loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <time.h>

#define EVENTS 512


int
loop_init(loop_t *l)
{
    l->epoll = epoll_create1(EPOLL_CLOEXEC);

    return l->epoll == -1 ? -1 : 0;
}


int
loop_add(loop_t *l, source_t *s, uint32_t events)
{
    struct epoll_event ev;

    ev.events = events;
    ev.data.ptr = s;

    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, s->fd, &ev);
}


int
loop_change(loop_t *l, source_t *s, uint32_t events)
{
    struct epoll_event ev;

    ev.events = events;
    ev.data.ptr = s;

    return epoll_ctl(l->epoll, EPOLL_CTL_MOD, s->fd, &ev);
}


int
loop_wait(loop_t *l, uint64_t until)
{
    int i, n;
    uint64_t now, left;
    source_t *s;
    struct timespec timeout;
    struct epoll_event events[EVENTS];

    now = loop_now();
    left = until > now ? until - now : 0;
    timeout.tv_sec = (time_t) (left / LOOP_SECOND);
    timeout.tv_nsec = (long) (left % LOOP_SECOND);

    n = epoll_pwait2(l->epoll, events, EVENTS, &timeout, NULL);

    if (n == -1) {
        return errno == EINTR ? 0 : -1;
    }

    for (i = 0; i < n; i++) {
        s = events[i].data.ptr;

        if (s->fd != -1) {
            s->ready(s, events[i].events);
        }
    }

    return 0;
}


uint64_t
loop_now(void)
{
    struct timespec t;

    (void) clock_gettime(CLOCK_MONOTONIC, &t);

    return (uint64_t) t.tv_sec * LOOP_SECOND + (uint64_t) t.tv_nsec;
}
