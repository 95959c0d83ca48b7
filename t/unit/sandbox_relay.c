/*
 * sandbox: a relay may do what it needs, connect a rescue socket, and dies of
 * anything else. Each call is made in a process of its own.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rescue.h"
#include "sandbox.h"

#define USERS 250
#define ENDS 10 /* and the next one: a pair */

typedef struct {
    const char *name;
    int (*call)(void); /* 0: as it should be */
} call_t;

static int rescue;
static int epoll;


static void
report(int error, const char *what)
{
    (void) error;
    (void) what;
}


static int
descriptors_make(void)
{
    int pair[2];

    epoll = epoll_create1(0);
    rescue = rescue_open();

    return rescue == -1 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1
                   || dup2(pair[0], ENDS) == -1
                   || dup2(pair[1], ENDS + 1) == -1
               ? -1
               : 0;
}


/* Status of a process that makes the call in the sandbox. */
static int
run(int (*call)(void))
{
    int status;
    pid_t pid;

    pid = fork();

    if (pid == 0) {
        if (descriptors_make() == -1 || sandbox_relay(report, USERS) == -1) {
            _exit(99);
        }

        _exit(call());
    }

    assert_int_not_equal(pid, -1);
    assert_int_equal(waitpid(pid, &status, 0), pid);

    return status;
}


static int
do_carry(void)
{
    int n;
    char c;
    struct epoll_event ev = {.events = EPOLLIN | EPOLLET};

    return epoll_ctl(epoll, EPOLL_CTL_ADD, ENDS, &ev) == 0
                   && send(ENDS + 1, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1
                   && epoll_wait(epoll, &ev, 1, 1000) == 1
                   && ioctl(ENDS, FIONREAD, &n) == 0 && n == 1
                   && recv(ENDS, &c, 1, MSG_DONTWAIT) == 1
                   && shutdown(ENDS, SHUT_WR) == 0 && close(ENDS) == 0
               ? 0
               : 1;
}


static int
do_rescue(void)
{
    return rescue_reach(rescue, "sockets.255") == -1 && errno == ENOENT
                   && close(rescue) == 0
               ? 0
               : 1;
}


/* There is a limit to them. */
static int
do_full(void)
{
    int fd, last;
    char room[CMSG_SPACE(sizeof(int))];
    struct iovec iov = {.iov_base = room, .iov_len = 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    struct cmsghdr *cmsg;

#ifdef EIRC_SANITIZE
    return 0; /* there is no limit: it opens files for its reports */
#endif

    for (last = 0;;) {
        memset(room, 0, sizeof(room));
        msg.msg_control = room;
        msg.msg_controllen = sizeof(room);
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &(int){ENDS}, sizeof(int));

        if (sendmsg(ENDS, &msg, MSG_NOSIGNAL) != 1) {
            return 1;
        }

        msg.msg_controllen = sizeof(room);

        if (recvmsg(ENDS + 1, &msg, 0) != 1) {
            return 2;
        }

        cmsg = CMSG_FIRSTHDR(&msg);

        if (cmsg == NULL) {
            return last > 2 * USERS && last < 3 * USERS ? 0 : 3;
        }

        memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
        last = fd > last ? fd : last;
    }
}


/* As long as an address of TCP. */
static int
bad_connect(void)
{
    struct sockaddr_in sin = {.sin_family = AF_INET};

    return connect(rescue, (struct sockaddr *) &sin, sizeof(sin));
}


static int
bad_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) == -1;
}


static int
bad_open(void)
{
    return open("/dev/null", O_RDONLY) == -1;
}


static int
bad_bind(void)
{
    return bind(ENDS, NULL, 0);
}


static int
bad_fork(void)
{
    return fork() == -1;
}


static int
bad_ptrace(void)
{
    return (int) syscall(SYS_ptrace, 0, 0, 0, 0);
}


static int
bad_dup(void)
{
    return dup2(ENDS, rescue) == -1;
}


static const call_t allowed[] = {
    {"carrying", do_carry},
    {"rescue", do_rescue},
    {"many descriptors", do_full},
};

static const call_t refused[] = {
    {"connect", bad_connect}, {"socket", bad_socket}, {"open", bad_open},
    {"bind", bad_bind},       {"fork", bad_fork},     {"ptrace", bad_ptrace},
    {"dup", bad_dup},
};


static void
test_allowed(void **state)
{
    size_t i;
    int status;

    (void) state;

    for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        status = run(allowed[i].call);

        if (status != 0) {
            print_error("%s: status %d\n", allowed[i].name, status);
        }

        assert_int_equal(status, 0);
    }
}


static void
test_refused(void **state)
{
    size_t i;
    int status;

    (void) state;

    /* a sanitizer makes many of these calls itself */

#ifdef EIRC_SANITIZE
    return;
#endif

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        status = run(refused[i].call);

        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS) {
            print_error("%s: status %d\n", refused[i].name, status);
        }

        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
