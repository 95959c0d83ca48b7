#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "filter.h"
#include "rescue.h"

/* It has no call to make more of them. The limit counts for all descriptors
 * that its user has on their way as well, where workers come to a new layer. */
#define WORKER_NOFILE 64

/* lists of members of many large channels; measured: docs/processes.md */
#define WORKER_DATA (64u << 20)
#define WORKER_STACK (1u << 20)

/* of a relay: trusted certificates, and some 100 KB for each user */
#define RELAY_DATA (256u << 20)

/* of a relay: control, epoll, 0 to 2, rescues, and some for the time of
 * change */
#define RELAY_NOFILE 64

/* the address space: what DATA doesn't count is bounded by this */
#define WORKER_SPACE (256u << 20)

/* what the headers of this system may not know yet */
#define LANDLOCK_NET_ALL 3u   /* bind and connect of TCP, ABI 4 */
#define LANDLOCK_SCOPE_ALL 3u /* abstract UNIX sockets and signals, ABI 6 */

/* A sanitizer looks at the whole process, and writes its reports. */
#ifdef EIRC_SANITIZE
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

typedef struct {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
} ruleset_t;

static filter_t template_filter;

/* for whom a limit of processes is none: what the template has beyond its
 * workers, which take it away */
static filter_t worker_filter;
static int forks_freely;

/* worker, relay and connector */
static const int common_calls[] = {
    SCMP_SYS(read),           SCMP_SYS(write),
    SCMP_SYS(recvfrom),       SCMP_SYS(recvmsg),
    SCMP_SYS(shutdown),       SCMP_SYS(getsockopt),
    SCMP_SYS(poll),           SCMP_SYS(ppoll),
    SCMP_SYS(clock_gettime),  SCMP_SYS(gettimeofday),
    SCMP_SYS(time),           SCMP_SYS(getrandom),
    SCMP_SYS(getpid),         SCMP_SYS(gettid),
    SCMP_SYS(munmap),         SCMP_SYS(mremap),
    SCMP_SYS(madvise),        SCMP_SYS(brk),
    SCMP_SYS(futex),          SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),           SCMP_SYS(exit_group),
    SCMP_SYS(close),
};

/* It waits with the two descriptors that it was born with. */
static const int worker_calls[] = {
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(timerfd_settime),
};

static const int connector_calls[] = {
    SCMP_SYS(sendto),       SCMP_SYS(sendmsg),     SCMP_SYS(rt_sigaction),
    SCMP_SYS(readv),        SCMP_SYS(writev),      SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),   SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_pwait2), SCMP_SYS(socket),      SCMP_SYS(connect),
    SCMP_SYS(bind),         SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    SCMP_SYS(setsockopt),   SCMP_SYS(open),        SCMP_SYS(openat),
    SCMP_SYS(stat),         SCMP_SYS(fstat),       SCMP_SYS(newfstatat),
    SCMP_SYS(statx),        SCMP_SYS(lseek),       SCMP_SYS(fcntl),
    SCMP_SYS(uname),        SCMP_SYS(access),      SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),   SCMP_SYS(mprotect),    SCMP_SYS(recvmmsg),
    SCMP_SYS(sendmmsg),     SCMP_SYS(sysinfo),     SCMP_SYS(getuid),
    SCMP_SYS(geteuid),      SCMP_SYS(getgid),      SCMP_SYS(getegid),
    SCMP_SYS(readlink),     SCMP_SYS(readlinkat),  SCMP_SYS(getdents64),
    SCMP_SYS(prlimit64),    SCMP_SYS(pread64),     SCMP_SYS(eventfd2),
};

static const int relay_calls[] = {
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
};

/* what the sanitizers call to report, and to look at themselves */
static const int sanitizer_calls[] = {
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(stat),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(lseek),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(mprotect),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(fcntl),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
    SCMP_SYS(getrlimit),
    SCMP_SYS(prlimit64),
    SCMP_SYS(setrlimit),
    SCMP_SYS(getdents64),
    SCMP_SYS(access),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(getppid),
    SCMP_SYS(tgkill),
    SCMP_SYS(sysinfo),
    SCMP_SYS(ioctl),
    SCMP_SYS(mmap),
    SCMP_SYS(uname),
    SCMP_SYS(getuid),
};

/* calls that are allowed with some arguments alone */
typedef struct {
    int call;
    unsigned n;
    struct scmp_arg_cmp when[2];
} some_t;

#define NO_FILE (MAP_ANONYMOUS | MAP_GROWSDOWN)

#define EQ(arg, value)                                                        \
    {                                                                         \
        arg, SCMP_CMP_EQ, value, 0                                            \
    }
#define BELOW(arg, value)                                                     \
    {                                                                         \
        arg, SCMP_CMP_LT, value, 0                                            \
    }
#define WITHOUT(arg, bits)                                                    \
    {                                                                         \
        arg, SCMP_CMP_MASKED_EQ, bits, 0                                      \
    }
#define PRIVATE(arg)                                                          \
    {                                                                         \
        arg, SCMP_CMP_MASKED_EQ, MAP_TYPE | MAP_GROWSDOWN, MAP_PRIVATE        \
    }
#define ANY                                                                   \
    {                                                                         \
        0, SCMP_CMP_EQ, 0, 0                                                  \
    }

static const some_t common_some[] = {
    /* memory that can be executed comes from nowhere, and none but what
     * RLIMIT_DATA counts: not shared without a file, not as a stack */
    {SCMP_SYS(mmap), 2, {WITHOUT(2, PROT_EXEC), PRIVATE(3)}},
    {SCMP_SYS(mmap), 2, {WITHOUT(2, PROT_EXEC), WITHOUT(3, NO_FILE)}},
    /* the title */
    {SCMP_SYS(prctl), 1, {EQ(0, PR_SET_NAME), ANY}},
    {SCMP_SYS(ioctl), 1, {EQ(1, FIONREAD), ANY}},
    {SCMP_SYS(ioctl), 1, {EQ(1, TIOCOUTQ), ANY}},
};

/*
 * Worker and relay. Rescues may be connected, by names that are shorter than an
 * address of TCP: a connection to IRC could be undone and made anew, to
 * anywhere, and the kernel takes no address for whole that is not. UNIX sockets
 * that have been connected stay what they are. A send is no way round that:
 * with MSG_FASTOPEN it would open a closed connection, too.
 */
static const some_t carrier_some[] = {
    {SCMP_SYS(connect), 1, {BELOW(2, sizeof(struct sockaddr_in)), ANY}},
    {SCMP_SYS(sendto), 2, {WITHOUT(3, MSG_FASTOPEN), EQ(4, 0)}},
    {SCMP_SYS(sendmsg), 1, {WITHOUT(2, MSG_FASTOPEN), ANY}},
};

_Static_assert(offsetof(struct sockaddr_un, sun_path) + RESCUE_NAME_MAX
                   < sizeof(struct sockaddr_in),
               "a rescue can be connected");

static const some_t worker_some[] = {
    {SCMP_SYS(sched_setaffinity), 1, {EQ(0, 0), ANY}},
};

/*
 * What the template has beyond that, to make a worker: the one kind of process,
 * closing what is its own, and the limit of processes, which takes the first of
 * this away. The rest is of no use to a worker.
 */
static const some_t template_some[] = {
    {SCMP_SYS(clone), 2, {EQ(0, CLONE_PARENT | SIGCHLD), EQ(1, 0)}},
    {SCMP_SYS(close_range), 1, {EQ(2, 0), ANY}},
    {SCMP_SYS(prlimit64), 2, {EQ(0, 0), EQ(1, RLIMIT_NPROC)}},
};

/* ... where the limit does not hold: a second filter, in each worker */
static const some_t template_filters[] = {
    {SCMP_SYS(seccomp), 2, {EQ(0, SECCOMP_SET_MODE_FILTER), EQ(1, 0)}},
};


static int
rlimit_set(int which, rlim_t n)
{
    struct rlimit rl;

    if (getrlimit(which, &rl) == -1) {
        return -1;
    }

    if (rl.rlim_max != RLIM_INFINITY && rl.rlim_max < n) {
        n = rl.rlim_max;
    }

    rl.rlim_cur = n;
    rl.rlim_max = n;

    return setrlimit(which, &rl);
}


static int
calls_allow(scmp_filter_ctx ctx, const int *calls, size_t n)
{
    size_t i;
    int rc;

    for (i = 0; i < n; i++) {
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);

        /* -EDOM: not a call of this architecture; -EEXIST: allowed already */

        if (rc != 0 && rc != -EDOM && rc != -EEXIST) {
            errno = -rc;
            return -1;
        }
    }

    return 0;
}


static int
some_allow(scmp_filter_ctx ctx, const some_t *some, size_t n)
{
    int rc;
    size_t i;

    for (i = 0; i < n; i++) {
        rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, some[i].call,
                                    some[i].n, some[i].when);

        if (rc != 0 && rc != -EDOM && rc != -EEXIST) {
            errno = -rc;
            return -1;
        }
    }

    return 0;
}


#define ALLOW(list) calls_allow(ctx, (list), sizeof(list) / sizeof((list)[0]))
#define ALLOW_SOME(list)                                                      \
    some_allow(ctx, (list), sizeof(list) / sizeof((list)[0]))


/* What a worker may do, and what the template must. */
static int
template_allow(scmp_filter_ctx ctx)
{
    if (ALLOW(common_calls) == -1 || ALLOW(worker_calls) == -1
        || ALLOW_SOME(common_some) == -1 || ALLOW_SOME(carrier_some) == -1
        || ALLOW_SOME(worker_some) == -1 || ALLOW_SOME(template_some) == -1
        || (forks_freely && ALLOW_SOME(template_filters) == -1))
    {
        return -1;
    }

    return SANITIZED ? ALLOW(sanitizer_calls) : 0;
}


/* A filter behind that of the template: no process, and no other filter. */
static int
worker_refuse(scmp_filter_ctx ctx)
{
    int rc;

    rc = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 0);

    if (rc == 0) {
        rc = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(seccomp),
                              0);
    }

    if (rc != 0) {
        errno = -rc;
        return -1;
    }

    return 0;
}


/* In a process of its own: 0: a limit of none lets it have none. */
static int
fork_try(void)
{
    pid_t pid;
    struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_NPROC, &none) == -1) {
        return 1;
    }

    pid = fork();

    if (pid == 0) {
        _exit(0);
    }

    if (pid == -1) {
        return errno == EAGAIN ? 0 : 1;
    }

    (void) waitpid(pid, NULL, 0);

    return 1;
}


/* Does the limit of processes not hold here? For root it doesn't, nor with some
 * capabilities, and whom the kernel takes for root is for it to know. What can't
 * be told counts as yes. */
static int
forks_are_free(void)
{
    int status;
    pid_t pid;

    pid = fork();

    if (pid == 0) {
        _exit(fork_try());
    }

    return pid == -1 || waitpid(pid, &status, 0) != pid || status != 0;
}


static int
connector_allow(scmp_filter_ctx ctx)
{
    if (ALLOW(common_calls) == -1 || ALLOW_SOME(common_some) == -1
        || ALLOW(connector_calls) == -1)
    {
        return -1;
    }

    return SANITIZED ? ALLOW(sanitizer_calls) : 0;
}


static int
relay_allow(scmp_filter_ctx ctx)
{
    if (ALLOW(common_calls) == -1 || ALLOW_SOME(common_some) == -1
        || ALLOW(relay_calls) == -1 || ALLOW_SOME(carrier_some) == -1)
    {
        return -1;
    }

    return SANITIZED ? ALLOW(sanitizer_calls) : 0;
}


/* Paths that stay readable, up to a NULL; those missing are skipped. */
static int
landlock_read_allow(int ruleset, const char *const *paths)
{
    int rc;
    struct landlock_path_beneath_attr rule;

    for (rc = 0; rc == 0 && *paths != NULL; paths++) {
        memset(&rule, 0, sizeof(rule));
        rule.allowed_access
            = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;

        rule.parent_fd = open(*paths, O_PATH | O_CLOEXEC);
        if (rule.parent_fd == -1) {
            continue;
        }

        rc = (int) syscall(SYS_landlock_add_rule, ruleset,
                           LANDLOCK_RULE_PATH_BENEATH, &rule, 0);

        if (rc == -1 && errno == EINVAL) {

            /* no directory */

            rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
            rc = (int) syscall(SYS_landlock_add_rule, ruleset,
                               LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
        }

        (void) close(rule.parent_fd);
    }

    return rc;
}


/* No file system but those paths; without network also no TCP of its own. */
static int
landlock_enter(const char *const *paths, int network)
{
    int rc, abi, ruleset;
    size_t size;
    ruleset_t attr;

    abi = (int) syscall(SYS_landlock_create_ruleset, NULL, 0,
                        LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        return -1;
    }

    /* all rights of that version: 13, then REFER, TRUNCATE, IOCTL_DEV */

    memset(&attr, 0, sizeof(attr));
    attr.fs = (1u << 13) - 1;
    attr.fs |= (abi >= 2) ? 1u << 13 : 0;
    attr.fs |= (abi >= 3) ? 1u << 14 : 0;
    attr.fs |= (abi >= 5) ? 1u << 15 : 0;
    size = sizeof(attr.fs);

    if (abi >= 4) {
        attr.net = network ? 0 : LANDLOCK_NET_ALL;
        size += sizeof(attr.net);
    }

    if (abi >= 6) {
        attr.scoped = LANDLOCK_SCOPE_ALL;
        size += sizeof(attr.scoped);
    }

    ruleset = (int) syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (ruleset == -1) {
        return -1;
    }

    rc = landlock_read_allow(ruleset, paths);

    if (rc == 0) {
        rc = (int) syscall(SYS_landlock_restrict_self, ruleset, 0);
    }

    (void) close(ruleset);

    return rc;
}


static int
privileges_drop(sandbox_report_pt report, const char *const *paths,
                int network)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) {
        return -1;
    }

    if (rlimit_set(RLIMIT_CORE, 0) == -1 || rlimit_set(RLIMIT_MEMLOCK, 0) == -1
        || rlimit_set(RLIMIT_MSGQUEUE, 0) == -1)
    {
        return -1;
    }

    if (SANITIZED) {
        return 0;
    }

    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1
        || rlimit_set(RLIMIT_FSIZE, 0) == -1)
    {
        return -1;
    }

    if (landlock_enter(paths, network) == -1) {
        report(errno, "landlock: the file system is kept from them by the "
                      "system call filter alone");
    }

    return 0;
}


int
sandbox_prepare(sandbox_report_pt report)
{
    static const char *const nothing[] = {NULL};

    forks_freely = forks_are_free();

    if (filter_make(&template_filter, SCMP_ACT_KILL_PROCESS, template_allow)
            == -1
        || (forks_freely
            && filter_make(&worker_filter, SCMP_ACT_ALLOW, worker_refuse)
                   == -1)
        || privileges_drop(report, nothing, 0) == -1)
    {
        return -1;
    }

    if (!SANITIZED
        && (rlimit_set(RLIMIT_AS, WORKER_SPACE) == -1
            || rlimit_set(RLIMIT_DATA, WORKER_DATA) == -1
            || rlimit_set(RLIMIT_STACK, WORKER_STACK) == -1
            || rlimit_set(RLIMIT_NOFILE, WORKER_NOFILE) == -1))
    {
        return -1;
    }

    return 0;
}


int
sandbox_template(void)
{
    return filter_install(&template_filter);
}


int
sandbox_enter(void)
{
    struct rlimit none = {0, 0};

    /* limits what this process may fork, not how many there may be */

    if (setrlimit(RLIMIT_NPROC, &none) == -1) {
        return -1;
    }

    return forks_freely ? filter_install(&worker_filter) : 0;
}


int
sandbox_connector(sandbox_report_pt report)
{
    filter_t filter;
    static const char *const readable[] = {"/etc",
                                           "/run/systemd/resolve",
                                           "/run/resolvconf",
                                           "/run/NetworkManager",
                                           "/dev/urandom",
                                           NULL};

    if (filter_make(&filter, SCMP_ACT_KILL_PROCESS, connector_allow) == -1
        || privileges_drop(report, readable, 1) == -1)
    {
        return -1;
    }

    if (rlimit_set(RLIMIT_NPROC, 0) == -1) {
        return -1;
    }

    return filter_install(&filter);
}


int
sandbox_relay(sandbox_report_pt report, unsigned users)
{
    filter_t filter;
    static const char *const nothing[] = {NULL};

    if (filter_make(&filter, SCMP_ACT_KILL_PROCESS, relay_allow) == -1
        || privileges_drop(report, nothing, 0) == -1)
    {
        return -1;
    }

    if (!SANITIZED
        && (rlimit_set(RLIMIT_DATA, RELAY_DATA) == -1
            || rlimit_set(RLIMIT_NOFILE, 2 * users + RELAY_NOFILE) == -1))
    {
        return -1;
    }

    if (rlimit_set(RLIMIT_NPROC, 0) == -1) {
        return -1;
    }

    return filter_install(&filter);
}
