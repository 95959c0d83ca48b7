/*
 * sandbox: a worker may do what it needs, and dies of anything else. Each call
 * is made in a process of its own.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rescue.h"
#include "sandbox.h"
#include "title.h"
#include "worker.h"

typedef struct {
    const char *name;
    int (*call)(void); /* 0: as it should be */
} call_t;


static void
report(int error, const char *what)
{
    (void) error;
    (void) what;
}


/* a connection to IRC; that a worker has more rescues is not needed here */
#define IRC 11
#define IRC_6 12

static int no_ipv6;


/* Connected over the loopback device, of that family. */
static int
tcp_make(const struct sockaddr *any, socklen_t len)
{
    int listener, fd;
    socklen_t size;
    struct sockaddr_storage to;

    size = sizeof(to);
    listener = socket(any->sa_family, SOCK_STREAM, 0);
    fd = socket(any->sa_family, SOCK_STREAM, 0);

    if (listener == -1 || fd == -1 || bind(listener, any, len) == -1
        || listen(listener, 1) == -1
        || getsockname(listener, (struct sockaddr *) &to, &size) == -1
        || connect(fd, (struct sockaddr *) &to, size) == -1)
    {
        return -1;
    }

    return fd;
}


/* Descriptors as a worker has them: a pair, memory, a pair, the rescue; and
 * connections to IRC, where there is IPv6 of both kinds. */
static int
descriptors_make(void)
{
    int i, fds[4], pair[2];
    struct sockaddr_in sin = {.sin_family = AF_INET};
    struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6};

    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sin6.sin6_addr = in6addr_loopback;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == -1) {
        return -1;
    }

    fds[0] = fcntl(pair[0], F_DUPFD, 20);
    fds[1] = fcntl(memfd_create("segment", 0), F_DUPFD, 20);
    fds[2] = fcntl(pair[1], F_DUPFD, 20);
    fds[3] = fcntl(rescue_open(), F_DUPFD, 20);

    if (dup2(tcp_make((struct sockaddr *) &sin, sizeof(sin)), IRC) == -1) {
        return -1;
    }

    if (dup2(tcp_make((struct sockaddr *) &sin6, sizeof(sin6)), IRC_6) == -1) {
        no_ipv6 = access("/proc/net/if_inet6", F_OK) == -1;

        if (!no_ipv6) {
            return -1;
        }
    }

    for (i = 0; i < 4; i++) {
        if (fds[i] == -1 || dup2(fds[i], WORKER_FD_LINK + i) == -1) {
            return -1;
        }
    }

    return ftruncate(WORKER_FD_SEGMENT, 4096);
}


static int
template_enter(void)
{
    return sandbox_prepare(report) == -1 ? -1 : sandbox_template();
}


static int
worker_enter(void)
{
    return template_enter() == -1 ? -1 : sandbox_enter();
}


/* As one that root may not have started. */
static int
user_enter(void)
{
    if (getuid() == 0 && (setgid(65534) == -1 || setuid(65534) == -1)) {
        return -1;
    }

    return worker_enter();
}


/* Status of a process that makes the call in the sandbox. */
static int
run(int (*enter)(void), int (*call)(void))
{
    int status;
    pid_t pid;

    pid = fork();

    if (pid == 0) {
        if (descriptors_make() == -1 || enter() == -1) {
            _exit(99);
        }

        _exit(call());
    }

    assert_int_not_equal(pid, -1);
    assert_int_equal(waitpid(pid, &status, 0), pid);

    return status;
}


static int
do_records(void)
{
    char c;
    struct pollfd pfd = {.fd = WORKER_FD_CONTROL, .events = POLLIN};
    struct iovec iov = {.iov_base = &c, .iov_len = 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    c = 'x';

    return send(WORKER_FD_LINK, &c, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1
                   && poll(&pfd, 1, 1000) == 1
                   && recv(WORKER_FD_CONTROL, &c, 1, MSG_PEEK) == 1
                   && recvmsg(WORKER_FD_CONTROL, &msg, 0) == 1
                   && sendmsg(WORKER_FD_CONTROL, &msg, MSG_NOSIGNAL) == 1
                   && read(WORKER_FD_LINK, &c, 1) == 1
                   && shutdown(WORKER_FD_LINK, SHUT_RDWR) == 0
                   && close(WORKER_FD_LINK) == 0
               ? 0
               : 1;
}


static int
do_memory(void)
{
    char *p, *q;

    p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, WORKER_FD_SEGMENT,
             0);
    if (p == MAP_FAILED) {
        return 1;
    }

    *p = 'x';

    q = malloc(8 * 1024 * 1024);
    if (q == NULL) {
        return 2;
    }

    memset(q, 1, 8 * 1024 * 1024);
    q = realloc(q, 16 * 1024 * 1024);
    free(q);

    return munmap(p, 4096);
}


/* Within its limit it has memory, beyond it an error. */
static int
do_too_much(void)
{
    void *p;

    p = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || munmap(p, 16 << 20) == -1) {
        return 1;
    }

#ifdef EIRC_SANITIZE
    return 0; /* its shadow alone is larger than any limit */
#endif

    p = mmap(NULL, 65 << 20, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED && errno == ENOMEM ? 0 : 2;
}


static int
do_rest(void)
{
    int n;
    cpu_set_t cpus;
    struct timespec ts;

    title_set("somebody");

    CPU_ZERO(&cpus);
    CPU_SET(0, &cpus);
    (void) sched_setaffinity(0, sizeof(cpus), &cpus);

    return clock_gettime(CLOCK_MONOTONIC, &ts) == 0
                   && clock_gettime(CLOCK_REALTIME, &ts) == 0
                   && ioctl(WORKER_FD_LINK, FIONREAD, &n) == 0
               ? 0
               : 1;
}


static int
do_rescue(void)
{
    return rescue_reach(WORKER_FD_RESCUE, "/none/x") == -1 && errno == ENOENT
                   && close(WORKER_FD_RESCUE) == 0
               ? 0
               : 1;
}


/* What its connection to IRC could become where nobody looks at the length of an
 * address: here it ends, and nothing else. Some kernels with Landlock don't let
 * it end either. */
static int
elsewhere(int fd, const struct sockaddr *sa)
{
    int ended;
    socklen_t len;
    struct sockaddr none = {.sa_family = AF_UNSPEC};

    ended = connect(fd, &none, 2) == 0;

    if (!ended && errno != EINVAL) {
        return 1;
    }

    for (len = 0; len < sizeof(struct sockaddr_in); len++) {
        if (connect(fd, sa, len) != -1
            || (errno != EINVAL && (ended || errno != EISCONN)))
        {
            return 2;
        }
    }

    return 0;
}


static int
do_irc(void)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(9)};

    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    return elsewhere(IRC, (struct sockaddr *) &sin);
}


static int
do_irc_6(void)
{
    struct sockaddr_in6 sin6
        = {.sin6_family = AF_INET6, .sin6_port = htons(9)};

    sin6.sin6_addr = in6addr_loopback;

    return no_ipv6 ? 0 : elsewhere(IRC_6, (struct sockaddr *) &sin6);
}


/* None by the template's way, and no way back from that. */
static int
do_process(void)
{
    long pid;
    struct rlimit some = {10, 10};

    pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

    if (pid == 0) {
        _exit(0);
    }

    return pid == -1 && errno == EAGAIN && setrlimit(RLIMIT_NPROC, &some) == -1
                   && errno == EPERM
               ? 0
               : 1;
}


static int
bad_open(void)
{
    return open("/dev/null", O_RDONLY) == -1;
}


static int
bad_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) == -1;
}


/* As long as an address of TCP. */
static int
bad_connect(void)
{
    struct sockaddr_in sin = {.sin_family = AF_INET};

    return connect(IRC, (struct sockaddr *) &sin, sizeof(sin));
}


/* The kernel takes the lower half of a length alone; a filter sees it all. */
static int
bad_connect_wide(void)
{
    struct sockaddr_in sin = {.sin_family = AF_INET};

    return (int) syscall(SYS_connect, IRC, &sin, 0x100000000ul + sizeof(sin));
}


static int
bad_fastopen(void)
{
    return send(WORKER_FD_LINK, "x", 1, MSG_FASTOPEN) == 1;
}


static int
bad_fastopen_msg(void)
{
    struct msghdr msg = {.msg_iovlen = 0};

    return sendmsg(WORKER_FD_LINK, &msg, MSG_FASTOPEN) == 0;
}


static int
bad_sendto(void)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = "/none/x"};

    return sendto(WORKER_FD_RESCUE, "x", 1, 0, (struct sockaddr *) &sun,
                  sizeof(sun))
           == -1;
}


static int
bad_dup(void)
{
    return dup2(WORKER_FD_LINK, WORKER_FD_RESCUE) == -1;
}


static int
bad_fork(void)
{
    return fork() == -1;
}


/* What the template does, just as it does it. */
static int
bad_clone(void)
{
    return syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) == -1;
}


static int
bad_dup3(void)
{
    return dup3(WORKER_FD_LINK, WORKER_FD_RESCUE, O_CLOEXEC) == -1;
}


static int
bad_epoll(void)
{
    return epoll_create1(EPOLL_CLOEXEC) == -1;
}


static int
bad_timer(void)
{
    return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC) == -1;
}


static int
bad_rescue(void)
{
    return rescue_open() == -1;
}


static int
bad_bind(void)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};

    return bind(WORKER_FD_RESCUE, (struct sockaddr *) &sun,
                offsetof(struct sockaddr_un, sun_path));
}


static int
bad_limit(void)
{
    struct rlimit rl = {0, 0};

    return setrlimit(RLIMIT_NOFILE, &rl);
}


static int
bad_filter(void)
{
    return (int) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL);
}


static int
bad_exec(void)
{
    return execl("/bin/true", "true", (char *) NULL);
}


static int
bad_kill(void)
{
    return kill(getppid(), 0);
}


static int
bad_execute(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
           == MAP_FAILED;
}


/* Memory that its limit of data does not count. */
static int
bad_shared(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                -1, 0)
           == MAP_FAILED;
}


static int
bad_validate(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0)
           == MAP_FAILED;
}


static int
bad_stack(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0)
           == MAP_FAILED;
}


static int
bad_protect(void)
{
    return mprotect((void *) ((uintptr_t) &bad_protect & ~(uintptr_t) 4095),
                    4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}


static int
bad_prctl(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}


static int
bad_ioctl(void)
{
    return ioctl(0, TIOCSTI, "x");
}


static int
bad_ptrace(void)
{
    return (int) syscall(SYS_ptrace, 0, 0, 0, 0);
}


static const call_t allowed[] = {
    {"records", do_records},
    {"memory", do_memory},
    {"too much memory", do_too_much},
    {"the rest", do_rest},
    {"rescue", do_rescue},
    {"connection to IRC", do_irc},
    {"connection to IRC, IPv6", do_irc_6},
};

static const call_t refused[] = {
    {"open", bad_open},
    {"socket", bad_socket},
    {"connect", bad_connect},
    {"connect with a length of more", bad_connect_wide},
    {"send with fast open", bad_fastopen},
    {"sendmsg with fast open", bad_fastopen_msg},
    {"sendto an address", bad_sendto},
    {"dup", bad_dup},
    {"dup to a number", bad_dup3},
    {"another epoll instance", bad_epoll},
    {"another timer", bad_timer},
    {"fork", bad_fork},
    {"another rescue", bad_rescue},
    {"bind", bad_bind},
    {"limits", bad_limit},
    {"a filter", bad_filter},
    {"exec", bad_exec},
    {"kill", bad_kill},
    {"executable memory", bad_execute},
    {"shared memory", bad_shared},
    {"shared memory, validated", bad_validate},
    {"memory as a stack", bad_stack},
    {"mprotect", bad_protect},
    {"prctl", bad_prctl},
    {"ioctl", bad_ioctl},
    {"ptrace", bad_ptrace},
};


/* The template's, in one that is about to fork: what makes a worker. */

static int
template_make(void)
{
    return close_range(WORKER_FD_RESCUE, ~0u, 0);
}


static int
template_fork(void)
{
    return fork() == -1;
}


static int
template_open(void)
{
    return open("/dev/null", O_RDONLY) == -1;
}


static int
template_socket(void)
{
    return rescue_open() == -1;
}


static int
template_limit(void)
{
    struct rlimit rl = {0, 0};

    return setrlimit(RLIMIT_NOFILE, &rl);
}


static const call_t template_refused[] = {
    {"fork", template_fork},
    {"open", template_open},
    {"socket", template_socket},
    {"other limits", template_limit},
};


#define COUNT(calls) (sizeof(calls) / sizeof((calls)[0]))


static void
all_allowed(int (*enter)(void), const call_t *calls, size_t n)
{
    size_t i;
    int status;

    for (i = 0; i < n; i++) {
        status = run(enter, calls[i].call);

        if (status != 0) {
            print_error("%s: status %d\n", calls[i].name, status);
        }

        assert_int_equal(status, 0);
    }
}


static void
all_refused(int (*enter)(void), const call_t *calls, size_t n)
{
    size_t i;
    int status;

    /* a sanitizer makes many of these calls itself */

#ifdef EIRC_SANITIZE
    return;
#endif

    for (i = 0; i < n; i++) {
        status = run(enter, calls[i].call);

        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS) {
            print_error("%s: status %d\n", calls[i].name, status);
        }

        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
    }
}


static void
test_allowed(void **state)
{
    (void) state;

    all_allowed(worker_enter, allowed, COUNT(allowed));
    all_allowed(user_enter, allowed, COUNT(allowed));
}


static void
test_refused(void **state)
{
    (void) state;

    all_refused(worker_enter, refused, COUNT(refused));
    all_refused(user_enter, refused, COUNT(refused));
}


/* No process, by the limit; or where it doesn't hold, by another filter. */
static void
test_process(void **state)
{
    static const call_t none = {"no process", do_process};
    static const call_t clone = {"a process as the template's", bad_clone};

    (void) state;

    all_allowed(user_enter, &none, 1);

    if (getuid() == 0) {
        all_refused(worker_enter, &clone, 1);
    }
}


static void
test_template(void **state)
{
    static const call_t make = {"what makes a worker", template_make};

    (void) state;

    all_allowed(template_enter, &make, 1);
    all_refused(template_enter, template_refused, COUNT(template_refused));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_process),
        cmocka_unit_test(test_template),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
