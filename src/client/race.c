#include "race.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "eirc_codes.h"

/* a peer that is gone without a word is noticed after two minutes, s */
#define KEEPALIVE_IDLE 60
#define KEEPALIVE_INTERVAL 15
#define KEEPALIVE_COUNT 4


void
race_init(race_t *r)
{
    unsigned i;

    memset(r, 0, sizeof(race_t));

    for (i = 0; i < RESOLVE_MAX; i++) {
        r->fds[i] = -1;
    }
}


void
race_set(race_t *r, const resolve_answer_t *answer, uint16_t port)
{
    r->answer = *answer;
    r->port = port;
}


/* What fails here is a convenience lost, and no reason not to connect. From this
 * machine a peer's end is heard of, for whatever reason. */
static void
options_set(int fd, int loopback)
{
    size_t i, n;
    static const int on = 1, idle = KEEPALIVE_IDLE,
                     interval = KEEPALIVE_INTERVAL, count = KEEPALIVE_COUNT;
    static const struct {
        int level;
        int name;
        const int *value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, &on},
        {SOL_SOCKET, SO_KEEPALIVE, &on},
        {IPPROTO_TCP, TCP_KEEPIDLE, &idle},
        {IPPROTO_TCP, TCP_KEEPINTVL, &interval},
        {IPPROTO_TCP, TCP_KEEPCNT, &count},
    };

    n = loopback ? 1 : sizeof(options) / sizeof(options[0]);

    for (i = 0; i < n; i++) {
        (void) setsockopt(fd, options[i].level, options[i].name,
                          options[i].value, sizeof(int));
    }
}


/* Takes fd over, also when it fails. */
static int
attempt_begin(race_t *r, int fd, const struct sockaddr *sa, socklen_t len,
              unsigned *which)
{
    int rc;

    do {
        rc = connect(fd, sa, len);
    } while (rc == -1 && errno == EINTR);

    if (rc == -1 && errno != EINPROGRESS) {
        r->error = errno;
        (void) close(fd);
        return EIRC_ERROR;
    }

    *which = r->begun - 1;
    r->fds[*which] = fd;
    r->running++;

    return EIRC_OK;
}


int
race_next(race_t *r, unsigned *which)
{
    int fd, family;
    unsigned i;
    socklen_t len;
    union {
        struct sockaddr sa;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } to;

    while (r->begun < r->answer.n) {
        i = r->begun++;
        family = r->answer.families[i];

        memset(&to, 0, sizeof(to));

        if (family == AF_INET) {
            to.v4.sin_family = AF_INET;
            to.v4.sin_port = htons(r->port);
            to.v4.sin_addr = r->answer.addresses[i].v4;
            len = sizeof(to.v4);

        } else {
            to.v6.sin6_family = AF_INET6;
            to.v6.sin6_port = htons(r->port);
            to.v6.sin6_addr = r->answer.addresses[i].v6;
            len = sizeof(to.v6);
        }

        fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd == -1) {
            r->error = errno;
            continue;
        }

        options_set(fd, resolve_is_loopback(&r->answer, i));

        if (attempt_begin(r, fd, &to.sa, len, which) == EIRC_OK) {
            return EIRC_OK;
        }
    }

    return EIRC_DONE;
}


int
race_unix(race_t *r, const char *path, unsigned *which)
{
    int fd;
    struct sockaddr_un sun;

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;

    if (strlen(path) >= sizeof(sun.sun_path)) {
        r->error = ENAMETOOLONG;
        return EIRC_ERROR;
    }

    memcpy(sun.sun_path, path, strlen(path));

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        r->error = errno;
        return EIRC_ERROR;
    }

    r->begun++;

    return attempt_begin(r, fd, (struct sockaddr *) &sun, sizeof(sun), which);
}


int
race_event(race_t *r, unsigned which, int *fd)
{
    int error;
    socklen_t len;
    struct pollfd pfd;

    if (which >= RESOLVE_MAX || r->fds[which] == -1) {
        return EIRC_AGAIN;
    }

    /* an event of an attempt whose number was used again is none */

    pfd.fd = r->fds[which];
    pfd.events = POLLOUT;

    if (poll(&pfd, 1, 0) <= 0) {
        return EIRC_AGAIN;
    }

    len = sizeof(error);

    if (getsockopt(pfd.fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1) {
        error = errno;
    }

    r->fds[which] = -1;
    r->running--;

    if (error == 0) {
        *fd = pfd.fd;
        return EIRC_OK;
    }

    r->error = error;
    (void) close(pfd.fd);

    return EIRC_ERROR;
}


void
race_end(race_t *r)
{
    unsigned i;

    for (i = 0; i < RESOLVE_MAX; i++) {
        if (r->fds[i] != -1) {
            (void) close(r->fds[i]);
        }
    }

    race_init(r);
}
