#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adoption.h"
#include "birth.h"
#include "clock.h"
#include "dial.h"
#include "keeper.h"
#include "layer.h"
#include "peers.h"
#include "preserve.h"
#include "irc_relays.h"
#include "move.h"
#include "takeover.h"
#include "template_file.h"
#include "title.h"
#include "upgrade.h"

#define EVENTS_MAX 256

/* without sessions and without anybody watching, ms */
#define IDLE_TIME 2000

/* what workers may take to find a new layer, once it is there, ms: a little
 * longer than they wait between two tries (adopt.h) */
#define ADOPT_TIME 2000

/* what workers have to leave, ms */
#define STOP_TIME 10000

#define KEY_MASK 0x0fffffffffffffffull


static int
fatal(const char *what)
{
    log_write(LOG_LEVEL_EMERG, errno, NULL, "%s failed", what);

    return -1;
}


/* Beginning */

static int
limits_raise(layer_t *l)
{
    struct rlimit rl;

    if (getrlimit(RLIMIT_NOFILE, &rl) == -1) {
        return fatal("getrlimit()");
    }

    rl.rlim_cur = rl.rlim_max;

    if (setrlimit(RLIMIT_NOFILE, &rl) == -1) {
        return fatal("setrlimit()");
    }

    l->fds_max = rl.rlim_cur > 1000000 ? 1000000 : (uint32_t) rl.rlim_cur;

    return 0;
}


static int
signals_open(layer_t *l)
{
    sigset_t set;

    (void) signal(SIGPIPE, SIG_IGN);

    (void) sigemptyset(&set);
    (void) sigaddset(&set, SIGTERM);
    (void) sigaddset(&set, SIGINT);
    (void) sigaddset(&set, SIGQUIT);
    (void) sigaddset(&set, SIGHUP);
    (void) sigaddset(&set, SIGUSR1);
    (void) sigaddset(&set, SIGUSR2);
    (void) sigaddset(&set, SIGCHLD);

    if (sigprocmask(SIG_SETMASK, &set, NULL) == -1) {
        return fatal("sigprocmask()");
    }

    /* ignored by who started us, a child would leave no status */

    (void) signal(SIGCHLD, SIG_DFL);

    l->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);

    return l->signals == -1 ? fatal("signalfd()") : 0;
}


/*
 * 0 to 2 are open, so that no socket is ever mistaken for them, and nothing
 * else of whoever started us.
 */
static int
standard_open(int image)
{
    int fd;

    /* of the program before, all that is open has its place in the image */

    (void) close_range(3, ~0u, image == -1 ? 0 : CLOSE_RANGE_CLOEXEC);

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd < 3);

    if (fd == -1) {
        return -1;
    }

    return close(fd);
}


static int
sessions_open(layer_t *l)
{
    uint32_t seed;

    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t) sizeof(seed)) {
        return -1;
    }

    held_queue_init(&l->fork_queue, offsetof(held_t, fork_queue));
    held_queue_init(&l->irc_queue, offsetof(held_t, irc_queue));

    return sessions_init(&l->sessions, seed);
}


/* What the template executes: a program of its own, or this one. */
static void
template_open(layer_t *l)
{
    const char *why;

    l->template_exe = template_file_open(&why);

    if (l->template_exe != -1) {
        return;
    }

    l->template_exe = l->exe;

    if (why != NULL) {
        log_write(LOG_LEVEL_WARN, 0, NULL,
                  "irc-client-template is not used: %s; users' processes take "
                  "more memory without it, install it beside irc-client, from "
                  "the same build",
                  why);
    }
}


static int
layer_open(layer_t *l)
{
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll == -1) {
        return fatal("epoll_create1()");
    }

    if (card_key_open(&l->key, AT_FDCWD) == -1) {
        return fatal("reading of \"key\"");
    }

    if (limits_raise(l) == -1 || signals_open(l) == -1) {
        return -1;
    }

    if (layer_watch(l, l->signals, EPOLLIN, LAYER_SIGNAL, 0) == -1) {
        return fatal("epoll_ctl()");
    }

    store_begin(&l->preserve.store);

    l->exe = helper_open();
    if (l->exe == -1) {
        return fatal("open() of the program");
    }

    template_open(l);

    peers_init(l);

    if (sessions_open(l) == -1) {
        return fatal("making of the tables");
    }

    helper_init(&l->template, "template", "irc-client: template",
                OPTION_TEMPLATE);

    /* it is where workers look for the next layer */

    l->template.stays = 1;
    helper_init(&l->connector, "connector", "irc-client: connect",
                OPTION_CONNECTOR);

    return 0;
}


static int
helpers_start(layer_t *l)
{
    return layer_helper_start(l, &l->template, LAYER_TEMPLATE) == -1
                   || layer_helper_start(l, &l->connector, LAYER_CONNECTOR)
                          == -1
               ? -1
               : 0;
}


/* Listens, unless the program before does so already. */
static int
listen_open(layer_t *l)
{
    const char *call;

    if (l->rundir.listen == -1 && rundir_listen(&l->rundir, &call) != EIRC_OK)
    {
        return fatal(call);
    }

    if (layer_watch(l, l->rundir.listen, EPOLLIN, LAYER_LISTEN, 0) == -1) {
        return fatal("epoll_ctl()");
    }

    return 0;
}


/* The loop */

static void
stop_begin(layer_t *l, uint32_t signo)
{
    if (l->stop_until != 0) {
        log_write(LOG_LEVEL_NOTICE, 0, NULL, "signal %u again, ending now",
                  signo);
        l->stop_until = l->now;
        return;
    }

    log_write(LOG_LEVEL_NOTICE, 0, NULL, "signal %u, ending", signo);

    l->stop_until = l->now + STOP_TIME;
    l->accept_again = 0;

    rundir_unlisten(&l->rundir);
    peers_end(l);
    keeper_stop(l);
}


/* Was that the end of a helper? Then it has to be started again. */
static int
helper_reaped(layer_t *l, helper_t *h, pid_t pid, int status)
{
    if (h->pid != pid) {
        return 0;
    }

    if (WIFSIGNALED(status)) {
        log_write(LOG_LEVEL_ALERT, 0, NULL, "%s %ld exited on signal %d",
                  h->name, (long) pid, WTERMSIG(status));

    } else {
        log_write(LOG_LEVEL_ALERT, 0, NULL, "%s %ld exited with code %d",
                  h->name, (long) pid, WEXITSTATUS(status));
    }

    if (h->fd != -1) {
        layer_unwatch(l, h->fd);
    }

    helper_gone(h, l->now);

    return 1;
}


static void
children_reap(layer_t *l)
{
    int status;
    pid_t pid;

    /* what they said before they died comes first */

    birth_read(l);
    dial_read(l);

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        l->now = clock_ms();

        if (helper_reaped(l, &l->template, pid, status)) {
            birth_template_gone(l);

        } else if (helper_reaped(l, &l->connector, pid, status)) {
            dial_connector_gone(l);

        } else if (!upgrade_reaped(l, pid, status)
                   && !irc_relays_reaped(l, pid, status))
        {
            keeper_reaped(l, pid, status);
        }
    }
}


static void
signals_read(layer_t *l)
{
    struct signalfd_siginfo info;

    while (read(l->signals, &info, sizeof(info)) == (ssize_t) sizeof(info)) {
        switch (info.ssi_signo) {

        case SIGCHLD:
            children_reap(l);
            break;

        case SIGUSR1:
            log_reopen();
            break;

        case SIGUSR2:
            upgrade_begin(l);
            break;

        case SIGHUP:
            break;

        default:
            stop_begin(l, info.ssi_signo);
            break;
        }
    }
}


static void
event_dispatch(layer_t *l, const struct epoll_event *ev)
{
    uint64_t key;

    key = ev->data.u64 & KEY_MASK;

    switch ((layer_kind_e) (ev->data.u64 >> 60)) {

    case LAYER_LISTEN:
        if (l->rundir.listen != -1) {
            peers_accept(l);
        }

        break;

    case LAYER_SIGNAL:
        signals_read(l);
        break;

    case LAYER_TEMPLATE:
        birth_read(l);
        break;

    case LAYER_CONNECTOR:
        dial_read(l);
        break;

    case LAYER_PEER:
        peers_read(l, key);
        break;

    case LAYER_WORKER:
        keeper_worker_read(l, key);
        break;

    case LAYER_RELAY:
        irc_relays_read(l, key);
        break;

    case LAYER_PIDFD:
        adoption_ended(l, key);
        break;
    }
}


static void
earlier(uint64_t *when, uint64_t other)
{
    if (other != 0 && (*when == 0 || other < *when)) {
        *when = other;
    }
}


/* Starts a helper again when its time has come. */
static void
helper_check(layer_t *l, helper_t *h, layer_kind_e kind)
{
    if (l->stop_until == 0 && h->again != 0 && h->again <= l->now) {
        h->again = 0;
        (void) layer_helper_start(l, h, kind);
    }
}


static int
is_over(const layer_t *l)
{
    if (l->sessions.table.count > 0) {
        return 0;
    }

    return l->stop_until != 0
           || (!l->stay && l->nwatches == 0
               && l->now >= l->idle_since + IDLE_TIME);
}


/* Does what is due, and returns how long epoll may sleep, ms, or -1. */
static int
timers_run(layer_t *l)
{
    uint64_t when;

    when = 0;

    earlier(&when, peers_expire(l));
    earlier(&when, irc_relays_expire(l));
    earlier(&when, move_pump(l));
    earlier(&when, upgrade_check(l));
    earlier(&when, preserve_pump(l));
    earlier(&when, l->fork_again > l->now ? l->fork_again : 0);

    if (l->stop_until == 0) {
        earlier(&when, l->template.again);
        earlier(&when, l->connector.again);
    }

    if (l->accept_again != 0 && l->accept_again <= l->now) {
        l->accept_again = 0;
        (void) layer_watch(l, l->rundir.listen, EPOLLIN, LAYER_LISTEN, 0);
    }

    earlier(&when, l->accept_again);

    if (l->stop_until != 0 && l->stop_until <= l->now) {
        keeper_kill(l);
        l->stop_until = l->now + STOP_TIME;
    }

    earlier(&when, l->stop_until);

    if (l->sessions.table.count == 0 && l->nwatches == 0 && !l->stay) {
        earlier(&when, l->idle_since + IDLE_TIME);
    }

    if (when == 0) {
        return -1;
    }

    return when <= l->now ? 0 : (int) (when - l->now);
}


static int
layer_loop(layer_t *l)
{
    int i, n, timeout;
    struct epoll_event events[EVENTS_MAX];

    for (;;) {
        helper_check(l, &l->template, LAYER_TEMPLATE);
        helper_check(l, &l->connector, LAYER_CONNECTOR);

        if (!upgrade_waits(l)) {
            birth_pump(l);
        }

        dial_pump(l);

        timeout = timers_run(l);

        if (is_over(l)) {
            return 0;
        }

        log_release();
        n = epoll_wait(l->epoll, events, EVENTS_MAX, timeout);
        log_hold();
        l->now = clock_ms();

        if (n == -1 && errno != EINTR) {
            return fatal("epoll_wait()");
        }

        for (i = 0; i < n; i++) {
            event_dispatch(l, &events[i]);
        }
    }
}


/* End: helpers hold nothing that matters, and nobody waits for them. */
static void
helper_end(helper_t *h)
{
    if (h->pid != 0) {
        (void) kill(h->pid, SIGKILL);
        (void) waitpid(h->pid, NULL, 0);
        h->pid = 0;
    }
}


static void
layer_close(layer_t *l)
{
    rundir_unlisten(&l->rundir);
    peers_end(l);
    helper_end(&l->template);
    helper_end(&l->connector);
    irc_relays_end(l);
    sessions_done(&l->sessions);
    preserve_close(l);
    program_done(&l->program);
}


static int
layer_run(layer_t *l, takeover_t *t)
{
    int rc;

    rc = layer_open(l);

    if (rc == 0 && t != NULL) {
        takeover_load(l, t);
    }

    if (rc == 0) {
        rc = helpers_start(l);
    }

    if (rc == 0) {
        rc = listen_open(l);
    }

    if (rc == 0) {
        if (l->rundir.stale) {
            l->adopts_until = l->now + ADOPT_TIME;
        }

        log_write(LOG_LEVEL_NOTICE, 0, NULL,
                  "socket layer started, room for %u sessions",
                  (l->fds_max - LAYER_FDS_FIXED) / LAYER_FDS_SESSION);

        /* those that ended while the program was exchanged */

        children_reap(l);

        rc = layer_loop(l);
        log_release();
    }

    layer_close(l);

    log_write(LOG_LEVEL_NOTICE, 0, NULL, "socket layer ended");

    return rc == 0 ? 0 : 1;
}


/* The place in the run directory: a free one, or that of the program before. */
static int
place_take(layer_t *l, const options_t *o, takeover_t *t)
{
    int rc;
    const char *call;

    if (o->image != -1) {
        rundir_take(&l->rundir, o->index, t->head.lock, t->head.listen);

        if (t->p == NULL) {
            rundir_renew(&l->rundir);
        }

        return EIRC_OK;
    }

    rc = rundir_enter(&l->rundir, o->run_path, o->index, &call);

    if (rc == EIRC_DONE) {
        log_write(LOG_LEVEL_NOTICE, 0, NULL,
                  "another socket layer is running there");

    } else if (rc == EIRC_ERROR) {
        log_write(LOG_LEVEL_EMERG, errno, NULL, "%s \"%s\" failed", call,
                  o->run_path);
    }

    return rc;
}


static int
layer_begin(layer_t *l, const options_t *o, takeover_t *t)
{
    int rc;
    char title[32];

    l->now = clock_ms();
    l->idle_since = l->now;
    l->relay_sessions = o->relay_sessions;
    l->stay = o->stay;

    /* it may have been named from where we are still */

    if (preserve_open(l, o) == -1) {
        return -1;
    }

    if (program_init(&l->program, o) == -1) {
        return fatal("looking for this program");
    }

    rc = place_take(l, o, t);

    if (rc != EIRC_OK) {
        program_done(&l->program);
        return rc == EIRC_DONE ? 0 : -1;
    }

    /* from here on the arguments are no more */

    (void) snprintf(title, sizeof(title), "sockets %u", o->index);
    title_set(title);

    return layer_run(l, t->head.lock == 0 ? NULL : t);
}


/* Opens the log; the program before had one, which does where it is gone. */
static int
log_begin(const options_t *o, const takeover_t *t)
{
    log_level_set((log_level_e) o->log_level);

    if (log_open(o->log, o->index) == 0) {
        if (t->head.log > 2) {
            (void) close(t->head.log);
        }

        return 0;
    }

    if (t->head.log > 2) {
        log_inherit(o->log, o->index, t->head.log);
        return 0;
    }

    (void) fprintf(stderr, "irc-client: open() \"%s\" failed: %s\n", o->log,
                   strerror(errno));

    return -1;
}


int
sockets_run(const options_t *o)
{
    int rc;
    layer_t *l;
    takeover_t takeover;

    memset(&takeover, 0, sizeof(takeover_t));

    if (standard_open(o->image) == -1) {
        return 1;
    }

    (void) umask(077);
    (void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

    if (o->image != -1
        && takeover_open(&takeover, o->image, o->index) != EIRC_OK) {
        return 1;
    }

    if (log_begin(o, &takeover) == -1) {
        return 1;
    }

    l = calloc(1, sizeof(layer_t));
    if (l == NULL) {
        return 1;
    }

    rc = layer_begin(l, o, &takeover);

    takeover_close(&takeover);
    free(l);

    return rc == 0 ? 0 : 1;
}
