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
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
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


/* Descriptors as a worker has them: a pair, memory, a pair, the rescue. */
static int
descriptors_make(void)
{
    int i, fds[4], pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == -1) {
        return -1;
    }

    fds[0] = fcntl(pair[0], F_DUPFD, 20);
    fds[1] = fcntl(memfd_create("segment", 0), F_DUPFD, 20);
    fds[2] = fcntl(pair[1], F_DUPFD, 20);
    fds[3] = fcntl(socket(AF_UNIX, SOCK_SEQPACKET, 0), F_DUPFD, 20);

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
    int i;
    struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = "/none/x"};

    for (i = 0; i < WORKER_RESCUES; i++) {
        if (connect(WORKER_FD_RESCUE + i, (struct sockaddr *) &sun,
                    sizeof(sun))
                != -1
            || errno == EPERM)
        {
            return 1;
        }
    }

    return 0;
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


static int
bad_connect(void)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = "/none/x"};

    return connect(WORKER_FD_LINK, (struct sockaddr *) &sun, sizeof(sun));
}


static int
bad_connect_behind(void)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = "/none/x"};

    return connect(WORKER_FD_RESCUE + WORKER_RESCUES, (struct sockaddr *) &sun,
                   sizeof(sun));
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
bad_close(void)
{
    return close(WORKER_FD_RESCUE);
}


static int
bad_close_last(void)
{
    return close(WORKER_FD_RESCUE + WORKER_RESCUES - 1);
}


/* The kernel takes a descriptor's lower half alone; a filter sees it all. */
static int
bad_close_wide(void)
{
    return (int) syscall(SYS_close, 0x100000000ul | WORKER_FD_RESCUE);
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
bad_close_range(void)
{
    return close_range(WORKER_FD_RESCUE, WORKER_FD_RESCUE, 0);
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
    struct rlimit none = {0, 0};

    return setrlimit(RLIMIT_NPROC, &none);
}


static int
bad_filter(void)
{
    return sandbox_enter();
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
};

static const call_t refused[] = {
    {"open", bad_open},
    {"socket", bad_socket},
    {"connect", bad_connect},
    {"connect behind the rescues", bad_connect_behind},
    {"send with fast open", bad_fastopen},
    {"sendmsg with fast open", bad_fastopen_msg},
    {"sendto an address", bad_sendto},
    {"close of the rescue", bad_close},
    {"close of the last rescue", bad_close_last},
    {"close of the rescue by another number", bad_close_wide},
    {"dup", bad_dup},
    {"fork", bad_fork},
    {"fork as the template's", bad_clone},
    {"dup as the template's", bad_dup3},
    {"close_range", bad_close_range},
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
    int fd;

    fd = rescue_open();

    return fd != -1 && dup3(fd, WORKER_FD_SECRET, O_CLOEXEC) != -1
                   && close_range(WORKER_FD_RESCUE, ~0u, 0) == 0
               ? 0
               : 1;
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
template_connect(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) == -1;
}


static int
template_bind(void)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = "x"};

    return bind(rescue_open(), (struct sockaddr *) &sun, sizeof(sun)) == -1;
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
    {"socket of a network", template_connect},
    {"bind to a path", template_bind},
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
}


static void
test_refused(void **state)
{
    (void) state;

    all_refused(worker_enter, refused, COUNT(refused));
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
        cmocka_unit_test(test_template),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
