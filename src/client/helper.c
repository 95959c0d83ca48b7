#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "title.h"

/* a helper that lived so long is started again at once, ms */
#define LIVED 1000
#define DELAY_FIRST 100
#define DELAY_MAX 5000

/* who needs it waits so long for its start, ms */
#define NEAR 1000


int
helper_open(void)
{
    return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
}


void
helper_init(helper_t *h, const char *name, const char *title, const char *role)
{
    memset(h, 0, sizeof(helper_t));

    h->name = name;
    h->title = title;
    h->role = role;
    h->fd = -1;
}


void
helper_signals_reset(void)
{
    int i;
    sigset_t none;
    struct sigaction sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = SIG_DFL;

    for (i = 1; i < SIGRTMIN; i++) {
        (void) sigaction(i, &sa, NULL);
    }

    (void) sigemptyset(&none);
    (void) sigprocmask(SIG_SETMASK, &none, NULL);
}


/* In the child: only calls that are safe between fork and exec. */
static void
child_exec(const helper_t *h, int exe, int fd, char *const *argv,
           char *const *envp)
{
    int i, null;

    helper_signals_reset();

    /* out of the way of 0 to 3 first */

    exe = fcntl(exe, F_DUPFD_CLOEXEC, 10);
    fd = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (exe == -1 || fd == -1 || null == -1) {
        return;
    }

    for (i = 0; i < 3; i++) {
#ifdef EIRC_SANITIZE
        if (i == 2) {
            break; /* its reports are wanted */
        }
#endif
        if (dup2(null, i) == -1) {
            return;
        }
    }

    /* what a terminal sends to its group is for the layer to act on */

    (void) setpgid(0, 0);

    if (dup2(fd, HELPER_FD) == -1 || (!h->stays && chdir("/") == -1)) {
        return;
    }

    /* whatever else is open is close-on-exec, the layer's own and inherited */

    (void) fexecve(exe, argv, envp);
}


int
helper_start(helper_t *h, int exe, uint64_t now)
{
    int error, pair[2];
    pid_t pid;
    char *argv[3];
    char *envp[] = {TITLE_ROOM, NULL};
    char *const *env;

    argv[0] = (char *) (uintptr_t) h->title;
    argv[1] = (char *) (uintptr_t) h->role;
    argv[2] = NULL;

#ifdef EIRC_SANITIZE
    (void) envp;
    env = environ;
#else
    env = envp;
#endif

    h->started = now;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                   pair)
        == -1)
    {
        error = errno;
        helper_gone(h, now);
        errno = error;
        return -1;
    }

    pid = fork();

    if (pid == 0) {
        child_exec(h, exe, pair[1], argv, env);
        _exit(1);
    }

    error = errno;
    (void) close(pair[1]);

    if (pid == -1) {
        (void) close(pair[0]);
        helper_gone(h, now);
        errno = error;
        return -1;
    }

    h->pid = pid;
    h->fd = pair[0];
    h->again = 0;

    return 0;
}


int
helper_is_near(const helper_t *h, uint64_t now)
{
    return h->fd != -1 || h->again <= now + NEAR;
}


void
helper_gone(helper_t *h, uint64_t now)
{
    if (h->fd != -1) {
        (void) close(h->fd);
        h->fd = -1;
    }

    h->pid = 0;

    if (now - h->started >= LIVED) {
        h->delay = 0;
        h->again = now > 0 ? now : 1;
        return;
    }

    h->delay = (h->delay == 0) ? DELAY_FIRST : h->delay * 2;

    if (h->delay > DELAY_MAX) {
        h->delay = DELAY_MAX;
    }

    h->again = now + h->delay;
}
