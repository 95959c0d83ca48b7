#include "layer.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "events.h"


static int
epoll_change(layer_t *l, int op, int fd, uint32_t events, layer_kind_e kind,
             uint64_t key)
{
    struct epoll_event ev;

    memset(&ev, 0, sizeof(ev));
    ev.events = events;
    ev.data.u64 = (uint64_t) kind << 60 | key;

    return epoll_ctl(l->epoll, op, fd, &ev);
}


int
layer_watch(layer_t *l, int fd, uint32_t events, layer_kind_e kind,
            uint64_t key)
{
    return epoll_change(l, EPOLL_CTL_ADD, fd, events, kind, key);
}


int
layer_rewatch(layer_t *l, int fd, uint32_t events, layer_kind_e kind,
              uint64_t key)
{
    return epoll_change(l, EPOLL_CTL_MOD, fd, events, kind, key);
}


void
layer_unwatch(layer_t *l, int fd)
{
    (void) epoll_change(l, EPOLL_CTL_DEL, fd, 0, LAYER_LISTEN, 0);
}


uint32_t
layer_fds(const layer_t *l)
{
    return LAYER_FDS_FIXED + l->nrelays + l->peers.count
           + l->sessions.table.count * LAYER_FDS_SESSION + l->fork_queue.count;
}


int
layer_has_room(const layer_t *l)
{
    return l->stop_until == 0
           && layer_fds(l) + LAYER_FDS_SESSION + 1 <= l->fds_max;
}


int
layer_helper_start(layer_t *l, helper_t *h, layer_kind_e kind)
{
    int exe;

    exe = kind == LAYER_TEMPLATE ? l->template_exe : l->exe;

    if (helper_start(h, exe, l->now) == -1) {
        log_write(LOG_LEVEL_ALERT, errno, NULL, "start of the %s failed",
                  h->name);
        return -1;
    }

    if (layer_watch(l, h->fd, EPOLLIN, kind, 0) == -1) {
        log_write(LOG_LEVEL_ALERT, errno, NULL, "epoll_ctl() failed");
        layer_helper_drop(l, h);
        return -1;
    }

    log_write(LOG_LEVEL_NOTICE, 0, NULL, "%s %ld started", h->name,
              (long) h->pid);

    return 0;
}


/* An event of template or connector themselves. */
void
layer_helper_event(const helper_t *h, const control_t *c)
{
    int level;
    char text[1200];

    level = event_format(text, sizeof(text), c->value, c->status, c->data,
                         c->size);

    if (level != -1) {
        log_write((log_level_e) level, 0, NULL, "%s: %s", h->name, text);
    }
}


/* A helper's socket is of no use any more: its exit will be reaped. */
void
layer_helper_drop(layer_t *l, helper_t *h)
{
    layer_unwatch(l, h->fd);
    (void) close(h->fd);
    h->fd = -1;

    if (h->pid != 0) {
        (void) kill(h->pid, SIGKILL);
    }
}
