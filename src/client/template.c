#include "template.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control.h"
#include "events.h"
#include "helper.h"
#include "relay_wait.h"
#include "request.h"
#include "rescue.h"
#include "sandbox.h"
#include "title.h"
#include "worker.h"

/* link, segment, control, secret: in the order of worker.h. Some have no last
 * one, and a successor not the first either. */
#define FDS 4

/* the socket to the layer, above all places of a worker's */
#define LAYER_FD 16


static void
report(int error, const char *what)
{
    control_short_t c;

    memset(&c, 0, offsetof(control_short_t, data));
    c.type = CONTROL_EVENT;
    c.value = EVENT_SANDBOX;
    c.status = error;
    c.size = (uint32_t) strlen(what);
    memcpy(c.data, what, c.size);

    (void) control_send_short(LAYER_FD, &c);
}


/*
 * A new canary for the stack protector: otherwise one worker that leaks its
 * own would know that of all. Functions that were entered under the old one
 * must not return: the caller ends in _exit().
 */
static void
canary_renew(void)
{
#if defined(__x86_64__) && !defined(EIRC_SANITIZE)
    unsigned long canary;

    if (getrandom(&canary, sizeof(canary), GRND_NONBLOCK)
        == (ssize_t) sizeof(canary))
    {
        canary &= ~0xfful; /* a string that runs over stops in front of it */
        __asm__ volatile("movq %0, %%fs:0x28" : : "r"(canary) : "memory");
    }
#endif
}


/* Puts a descriptor in its place; -1: there is none, and the place is empty. */
static int
place(int fd, int where)
{
    if (fd == -1) {
        (void) close(where);
        return 0;
    }

    if (fd > where) {
        return -1;
    }

    return fd == where ? 0 : dup3(fd, where, O_CLOEXEC);
}


/* Puts one of the worker's own making into its place, which is empty. */
static int
own_place(int fd, int where)
{
    if (fd == -1 || place(fd, where) == -1) {
        return -1;
    }

    if (fd != where) {
        (void) close(fd);
    }

    return 0;
}


/* What the worker has of its own: sockets for the next layers, and what it
 * waits with. */
static int
own_arrange(void)
{
    int i, epoll, timer;

    for (i = 0; i < WORKER_RESCUES; i++) {

        if (own_place(rescue_open(), WORKER_FD_RESCUE + i) == -1) {
            return -1;
        }
    }

    if (relay_wait_open(&epoll, &timer) == -1) {
        return -1;
    }

    /* the last place first: the first one may be where the second one is */

    return own_place(timer, WORKER_FD_TIMER) == -1
                   || own_place(epoll, WORKER_FD_EPOLL) == -1
               ? -1
               : 0;
}


/*
 * Descriptors 3 to 10 are the worker's, nothing else is open. Each has been put
 * into the first free place, one behind the other, so that it is where it has
 * to be or below: from the last to the first none is in another's way.
 */
static int
descriptors_arrange(const int *fds)
{
    int i;
    static const int places[FDS] = {WORKER_FD_LINK, WORKER_FD_SEGMENT,
                                    WORKER_FD_CONTROL, WORKER_FD_SECRET};

    /* held for who has no secret, so that those behind get theirs at once */

    if (fds[FDS - 1] == -1 && dup3(fds[1], WORKER_FD_SECRET, O_CLOEXEC) == -1)
    {
        return -1;
    }

    if (own_arrange() == -1) {
        return -1;
    }

    for (i = FDS - 1; i >= 0; i--) {

        if (place(fds[i], places[i]) == -1) {
            return -1;
        }
    }

    return close_range(WORKER_FD_TIMER + 1, ~0u, 0);
}


static _Noreturn void
child_run(const worker_birth_t *birth, eirc_slice_t passport, const int *fds)
{
    canary_renew();

    title_set(birth->id); /* until there is a nick */

    if (descriptors_arrange(fds) == -1 || sandbox_enter() == -1) {
        _exit(1);
    }

    _exit(worker_run(birth, passport));
}


static void
worker_fork(control_long_t *record, const int *fds)
{
    control_t *c;
    long pid;
    uint32_t size;
    eirc_slice_t passport;
    worker_birth_t birth;

    c = &record->c;
    size = c->size;
    memcpy(&birth, c->data, sizeof(birth));

    /* a child has it where it lies */

    passport = eirc_slice((uint8_t *) record + offsetof(control_t, data)
                              + sizeof(birth),
                          c->size - sizeof(birth));

    /* fork() has no way to make the child a sibling */

    pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

    if (pid == 0) {
        child_run(&birth, passport, fds);
    }

    /* it is of one session, and the next process is another's */

    explicit_bzero((uint8_t *) record + offsetof(control_t, data), size);

    c->type = CONTROL_FORKED;
    c->status = (pid == -1) ? errno : 0;
    c->value = (pid == -1) ? 0 : (uint32_t) pid;
    c->size = 0;
}


/* Which descriptor is which: there are as many as this one needs. */
static int
descriptors_name(const control_t *c, const int *fds, int nfds, int *places)
{
    int need;
    worker_birth_t birth;

    memcpy(&birth, c->data, sizeof(birth));

    if (birth.flags & WORKER_SUCCESSOR) {
        places[0] = -1;
        places[1] = fds[0];
        places[2] = fds[1];
        places[3] = -1;

        return nfds == 2;
    }

    places[FDS - 1] = -1;
    need = birth.flags & WORKER_NO_SECRET ? FDS - 1 : FDS;
    memcpy(places, fds, sizeof(int) * (size_t) need);

    return nfds == need;
}


/* 0: nothing there for now; -1: the layer is gone, or breaks the rules. */
static int
record_take(control_long_t *record)
{
    control_t *c;
    int rc, nfds, fds[CONTROL_FDS_MAX], places[FDS];

    nfds = CONTROL_FDS_MAX;

    c = &record->c;
    rc = control_recv_long(LAYER_FD, record, fds, &nfds);

    if (rc == EIRC_AGAIN) {
        return 0;
    }

    if (rc != EIRC_OK) {
        return -1;
    }

    rc = -1;

    if (c->type == CONTROL_FORK && c->size >= sizeof(worker_birth_t)
        && descriptors_name(c, fds, nfds, places))
    {
        worker_fork(record, places);
        rc = (control_send(LAYER_FD, c, NULL, 0) == EIRC_OK) ? 1 : -1;
    }

    if (nfds > 0) {
        (void) close_range((unsigned) fds[0], (unsigned) fds[nfds - 1], 0);
    }

    return rc;
}


/*
 * A worker that a line wakes lets others finish what they are at, where they
 * are on the same CPU: an IRC server that tells a channel of a hundred is not
 * interrupted a hundred times. Nothing is lost without it.
 */
static void
batch_begin(void)
{
    struct sched_param sp;

    memset(&sp, 0, sizeof(sp));
    (void) sched_setscheduler(0, SCHED_BATCH, &sp);
}


int
template_run(void)
{
    control_long_t record;
    struct pollfd pfd;

    title_set("template");

    if (dup3(HELPER_FD, LAYER_FD, O_CLOEXEC) == -1 || close(HELPER_FD) == -1) {
        return 1;
    }

    (void) signal(SIGPIPE, SIG_IGN);

    batch_begin();

    /* a worker's heap is small: it grows by a page and gives back */

    (void) mallopt(M_TOP_PAD, 0);
    (void) mallopt(M_TRIM_THRESHOLD, 64 * 1024);
    (void) mallopt(M_ARENA_MAX, 1);

    /* members of large channels leave no holes in it */

    (void) mallopt(M_MMAP_THRESHOLD, 32 * 1024);

    if (sandbox_prepare(report) == -1) {
        report(errno, "the sandbox of workers");
        return 1;
    }

    request_prepare();

    if (sandbox_template() == -1) {
        report(errno, "the sandbox of the template");
        return 1;
    }

    pfd.fd = LAYER_FD;
    pfd.events = POLLIN;

    /* no call that fails, and leaves an errno: that page is shared with the
     * worker just born, which would get a copy of it */

    for (;;) {

        if (poll(&pfd, 1, -1) == -1 && errno != EINTR) {
            return 1;
        }

        if (record_take(&record) == -1) {
            return 0;
        }
    }
}
