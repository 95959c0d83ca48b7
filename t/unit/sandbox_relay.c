/*
 * sandbox: a relay may do what it needs, connect its rescue sockets and no
 * other, and dies of anything else. Each call is made in a process of its own.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
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

static int rescues;
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
    int i, fd, pair[2];

    rescues = (int) sandbox_relay_rescues(USERS);
    epoll = epoll_create1(0);

    for (i = 0; i < SANDBOX_RESCUES; i++) {
        fd = rescue_open();

        if (fd == -1 || dup2(fd, rescues + i) == -1 || close(fd) == -1) {
            return -1;
        }
    }

    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1
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
        if (descriptors_make() == -1
            || sandbox_relay(report, (unsigned) rescues) == -1)
        {
            _exit(99);
        }

        _exit(call());
    }

    assert_int_not_equal(pid, -1);
    assert_int_equal(waitpid(pid, &status, 0), pid);

    return status;
}


static int
reach(int fd)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = "none/x"};

    return connect(fd, (struct sockaddr *) &sun, sizeof(sun)) == -1
                   && errno != EPERM
               ? 0
               : 1;
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
do_rescues(void)
{
    int i;

    for (i = 0; i < SANDBOX_RESCUES; i++) {
        if (reach(rescues + i) != 0) {
            return 1;
        }
    }

    return 0;
}


/* More descriptors than there are users for find no place at the rescues. */
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
            return last > 2 * USERS && last == rescues - 1 ? 0 : 3;
        }

        memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
        last = fd > last ? fd : last;
    }
}


static int
bad_connect(void)
{
    return reach(ENDS);
}


static int
bad_connect_below(void)
{
    return reach(rescues - 1);
}


static int
bad_connect_above(void)
{
    return reach(rescues + SANDBOX_RESCUES);
}


/* The kernel takes a descriptor's lower half alone; a filter sees it all. */
static int
bad_connect_wide(void)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = "none/x"};

    return (int) syscall(SYS_connect, 0x100000000ul | (unsigned) rescues, &sun,
                         sizeof(sun));
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
bad_close(void)
{
    return close(rescues);
}


static int
bad_close_last(void)
{
    return close(rescues + SANDBOX_RESCUES - 1);
}


static int
bad_close_wide(void)
{
    return (int) syscall(SYS_close, 0x100000000ul | (unsigned) rescues);
}


static int
bad_dup(void)
{
    return dup2(ENDS, rescues) == -1;
}


static const call_t allowed[] = {
    {"carrying", do_carry},
    {"rescues", do_rescues},
    {"many descriptors", do_full},
};

static const call_t refused[] = {
    {"connect", bad_connect},
    {"connect below the rescues", bad_connect_below},
    {"connect above the rescues", bad_connect_above},
    {"connect of a rescue by another number", bad_connect_wide},
    {"socket", bad_socket},
    {"open", bad_open},
    {"bind", bad_bind},
    {"fork", bad_fork},
    {"ptrace", bad_ptrace},
    {"close of a rescue", bad_close},
    {"close of the last rescue", bad_close_last},
    {"close of a rescue by another number", bad_close_wide},
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
