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
#include "sandbox.h"
#include "title.h"
#include "worker.h"

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


static _Noreturn void
child_run(const worker_birth_t *birth, eirc_slice_t passport)
{
    canary_renew();

    title_set(birth->id); /* until there is a nick */

    if (((birth->flags & WORKER_SUCCESSOR) && close(WORKER_FD_LINK) == -1)
        || close_range(WORKER_FD_SECRET + 1, ~0u, 0) == -1
        || sandbox_enter() == -1)
    {
        _exit(1);
    }

    _exit(worker_run(birth, passport));
}


static void
worker_fork(control_long_t *record)
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
        child_run(&birth, passport);
    }

    /* it is of one session, and the next process is another's */

    explicit_bzero((uint8_t *) record + offsetof(control_t, data), size);

    c->type = CONTROL_FORKED;
    c->status = (pid == -1) ? errno : 0;
    c->value = (pid == -1) ? 0 : (uint32_t) pid;
    c->size = 0;
}


/* They are as many as this one needs, one behind the other: each has got the
 * first free number. */
static int
descriptors_check(const control_t *c, const int *fds, int nfds)
{
    int need;
    worker_birth_t birth;

    memcpy(&birth, c->data, sizeof(birth));

    need = birth.flags & (WORKER_NO_SECRET | WORKER_SUCCESSOR)
               ? WORKER_FDS
               : WORKER_FDS + 1;

    return nfds == need && fds[0] == WORKER_FD_LINK
           && fds[nfds - 1] == WORKER_FD_LINK + nfds - 1;
}


/* A layer that has died may have asked for more: their sessions have nobody
 * else, and find the next layer. */
static int
answer_send(const control_t *c)
{
    return control_send(LAYER_FD, c, NULL, 0) == EIRC_OK || errno == EPIPE
                   || errno == ECONNRESET
               ? 1
               : -1;
}


/* 0: nothing there for now; -1: the layer is gone, or breaks the rules. */
static int
record_take(control_long_t *record)
{
    control_t *c;
    int rc, nfds, fds[CONTROL_FDS_MAX];

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
        && descriptors_check(c, fds, nfds))
    {
        worker_fork(record);
        rc = answer_send(c);
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

    worker_prepare();

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
