#include "killer.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* processes known by name are looked for anew after so many kills */
#define SCAN_EACH 20

/* system calls stepped over, at most: a successor needs some 30 to take over */
#define STEPS_MAX 60

/* ms that a process may take to come to a system call */
#define STEP_TIME 20

/* us until a successor is killed, at most, and ms until there is one */
#define AGAIN_US 2500
#define AGAIN_TIME 500

#define CHILDREN_MAX 8192

#define PIPE_FD 3

typedef struct {
    uint64_t time;
    uint32_t user;
    uint16_t stepped;
    uint16_t again;
} killing_t;

/* the killing process's own */
static struct {
    crowd_t *crowd;
    const killer_orders_t *orders;
    int pipe;
    pid_t pids[CROWD_USERS_MAX];
    unsigned npids;
    uint32_t users[CROWD_USERS_MAX];
} k;


/* What stands in a file of /proc; its length, or -1. */
static ssize_t
proc_read(pid_t pid, const char *name, char *out, size_t cap)
{
    int fd;
    ssize_t n;
    char path[64];

    (void) snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd == -1) {
        return -1;
    }

    n = read(fd, out, cap - 1);
    (void) close(fd);

    if (n >= 0) {
        out[n] = '\0';
    }

    return n;
}


/* The user that the name of a process says, or -1. */
static int
proc_user(pid_t pid)
{
    ssize_t n;
    char name[32];
    user_t *u;

    n = proc_read(pid, "comm", name, sizeof(name));

    if (n < 1) {
        return -1;
    }

    u = crowd_find(k.crowd, eirc_slice(name, (size_t) n - 1));

    return u == NULL ? -1 : (int) u->index;
}


static pid_t
proc_parent(pid_t pid)
{
    char *p;
    char stat[512];

    if (proc_read(pid, "stat", stat, sizeof(stat)) < 1) {
        return -1;
    }

    p = strrchr(stat, ')');

    return p == NULL || strlen(p) < 5 ? -1 : (pid_t) strtol(p + 4, NULL, 10);
}


static void
scan(void)
{
    int user;
    DIR *dir;
    pid_t pid;
    struct dirent *entry;

    k.npids = 0;
    dir = opendir("/proc");

    while (dir != NULL && (entry = readdir(dir)) != NULL) {

        if (!isdigit((unsigned char) entry->d_name[0])) {
            continue;
        }

        pid = (pid_t) strtol(entry->d_name, NULL, 10);
        user = proc_user(pid);

        if (user != -1 && k.npids < CROWD_USERS_MAX) {
            k.pids[k.npids] = pid;
            k.users[k.npids++] = (uint32_t) user;
        }
    }

    if (dir != NULL) {
        (void) closedir(dir);
    }
}


static void
nap(uint32_t us)
{
    struct timespec t;

    t.tv_sec = us / 1000000;
    t.tv_nsec = (long) (us % 1000000) * 1000;
    (void) nanosleep(&t, NULL);
}


/* Waits for the next stop of a traced process; false: it is gone, or doesn't
 * come to one. */
static bool
stop_await(pid_t pid)
{
    int status;
    uint64_t end;

    end = loop_now() + STEP_TIME * LOOP_MS;

    do {
        if (waitpid(pid, &status, WNOHANG | __WALL) == pid) {
            return WIFSTOPPED(status);
        }

        nap(20);
    } while (loop_now() < end);

    return false;
}


/* Lets it go on to the end of so many system calls, or their beginning. */
static void
step(pid_t pid, uint32_t n)
{
    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == -1) {
        return;
    }

    (void) ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);

    while (stop_await(pid) && n-- > 0) {
        (void) ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
    }
}


/* The caller is sure whose process it is. */
static bool
victim_kill(pid_t pid, uint32_t user, bool stepped, bool again)
{
    int status;
    killing_t killing;

    if (stepped) {
        step(pid, 1 + line_random(STEPS_MAX));
    }

    memset(&killing, 0, sizeof(killing));
    killing.time = loop_now();
    killing.user = user;
    killing.stepped = stepped;
    killing.again = again;

    if (!k.orders->feint && kill(pid, SIGKILL) == -1) {
        return false;
    }

    /* who traces learns of the end first, and the parent has to wait */

    while (stepped && waitpid(pid, &status, __WALL) == pid
           && !WIFEXITED(status) && !WIFSIGNALED(status))
    {
        /* void */
    }

    return write(k.pipe, &killing, sizeof(killing)) == sizeof(killing);
}


/* The numbers of a parent's children. */
static unsigned
children(pid_t parent, pid_t *list, unsigned max)
{
    char *p, *end;
    unsigned n;
    char path[64];
    static char text[CHILDREN_MAX * 8];

    (void) snprintf(path, sizeof(path), "task/%d/children", (int) parent);

    if (proc_read(parent, path, text, sizeof(text)) < 1) {
        return 0;
    }

    for (n = 0, p = text; n < max; p = end) {
        list[n] = (pid_t) strtol(p, &end, 10);

        if (end == p) {
            break;
        }

        n++;
    }

    return n;
}


/* The child that there was not before, or -1. */
static pid_t
child_new(pid_t parent, const pid_t *before, unsigned nbefore)
{
    unsigned i, j, n;
    static pid_t now[CHILDREN_MAX];

    n = children(parent, now, CHILDREN_MAX);

    for (i = 0; i < n; i++) {
        for (j = 0; j < nbefore && before[j] != now[i]; j++) {
            /* void */
        }

        if (j == nbefore) {
            return now[i];
        }
    }

    return -1;
}


/* Only a socket layer's children are users' processes: one that lost its own
 * is init's child. */
static bool
is_layer(pid_t pid)
{
    char name[32];

    return pid > 1 && proc_read(pid, "comm", name, sizeof(name)) > 0
           && strncmp(name, "sockets ", 8) == 0;
}


/* Kills a process, and its successor after it. */
static bool
kill_twice(pid_t pid, uint32_t user)
{
    pid_t parent, next;
    bool stepped;
    uint64_t end;
    unsigned n;
    static pid_t before[CHILDREN_MAX];

    parent = proc_parent(pid);
    n = is_layer(parent) ? children(parent, before, CHILDREN_MAX) : 0;

    if (!victim_kill(pid, user, false, false)) {
        return false;
    }

    if (n == 0) {
        return true;
    }

    end = loop_now() + AGAIN_TIME * LOOP_MS;

    do {
        nap(50);
        next = child_new(parent, before, n);
    } while (next == -1 && loop_now() < end);

    if (next == -1) {
        return true;
    }

    stepped = line_random(100) < k.orders->step;

    if (!stepped) {
        nap(line_random(AGAIN_US));
    }

    (void) victim_kill(next, user, stepped, true);

    return true;
}


static bool
kill_one(void)
{
    pid_t pid;
    unsigned i;
    uint32_t user;

    if (k.npids == 0) {
        return false;
    }

    i = line_random(k.npids);
    pid = k.pids[i];
    user = k.users[i];
    k.npids--;
    k.pids[i] = k.pids[k.npids];
    k.users[i] = k.users[k.npids];

    /* it may have ended since, and its number be another's */

    if (proc_user(pid) != (int) user) {
        return false;
    }

    if (line_random(100) < k.orders->again) {
        return kill_twice(pid, user);
    }

    return victim_kill(pid, user, line_random(100) < k.orders->step, false);
}


static void
run(void)
{
    unsigned done;
    const killer_orders_t *o;

    o = k.orders;

    for (done = 0; done < o->kills;) {

        if (k.npids == 0 || done % SCAN_EACH == 0) {
            scan();
        }

        nap(o->min_us + line_random(o->max_us - o->min_us + 1));

        if (kill_one()) {
            done++;
        }
    }
}


static void
told(source_t *source, uint32_t events)
{
    ssize_t n;
    killer_t *killer;
    figures_t *f;
    killing_t killing;

    (void) events;
    killer = (killer_t *) source;
    f = &killer->crowd->figures;

    while ((n = read(source->fd, &killing, sizeof(killing)))
           == sizeof(killing)) {
        f->kills += !killer->feint;
        f->stepped += killing.stepped;
        f->again += killing.again;
        crowd_killed(&killer->crowd->users[killing.user], killing.time);
    }

    if (n == -1 && errno == EAGAIN) {
        return;
    }

    (void) close(source->fd);
    source->fd = -1;
    (void) waitpid(killer->pid, NULL, 0);
    killer->pid = 0;
}


int
killer_start(killer_t *killer, crowd_t *c, const killer_orders_t *orders)
{
    int fds[2];
    char byte;

    if (pipe2(fds, O_CLOEXEC) == -1) {
        return -1;
    }

    killer->pid = fork();

    if (killer->pid == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);

        /* no connection is to stay open because of this process */

        k.crowd = c;
        k.orders = orders;
        k.pipe = dup2(fds[1], PIPE_FD);
        (void) close_range(PIPE_FD + 1, ~0U, 0);

        if (write(k.pipe, "", 1) == 1) {
            run();
        }

        _exit(0);
    }

    (void) close(fds[1]);
    killer->crowd = c;
    killer->feint = orders->feint;
    killer->source.fd = fds[0];
    killer->source.ready = told;

    if (killer->pid == -1 || read(fds[0], &byte, 1) != 1
        || fcntl(fds[0], F_SETFL, O_NONBLOCK) == -1
        || loop_add(&c->loop, &killer->source, EPOLLIN) == -1)
    {
        (void) close(fds[0]);
        killer->source.fd = -1;
        return -1;
    }

    /* the numbers that it draws aren't drawn here once more */

    (void) line_random(1);

    return 0;
}


void
killer_stop(killer_t *killer)
{
    if (killer->pid > 0) {
        (void) kill(killer->pid, SIGKILL);
    }
}


bool
killer_is_busy(const killer_t *killer)
{
    return killer->pid > 0;
}
