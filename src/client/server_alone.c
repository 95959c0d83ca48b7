#include "server_alone.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "sts_alone.h"
#include "tls_alone.h"

/* ms for one address of the IRC server */
#define CONNECT_TIME 15000

/* of the path of a file */
#define PATH_SIZE 4096


/* The one that this process speaks with, and what it wants. The title of the
 * process covers the words of the command line and the environment. */
static struct {
    const server_alone_t *o;
    char host[EIRC_LINK_HOST_MAX + 1];
    char policies[PATH_SIZE]; /* the file of them; empty: none */
    uint16_t port;
    uint32_t duration; /* s; of a policy that is to be kept */
    bool lasts;
} server;


/* A connection to one address, or -1. */
static int
address_connect(const struct addrinfo *ai)
{
    int fd, error;
    socklen_t len;
    struct pollfd pfd;

    fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd == -1) {
        return -1;
    }

    if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0) {
        return fd;
    }

    pfd.fd = fd;
    pfd.events = POLLOUT;
    len = sizeof(error);

    if (errno != EINPROGRESS || poll(&pfd, 1, CONNECT_TIME) != 1
        || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1
        || error != 0)
    {
        (void) close(fd);
        return -1;
    }

    return fd;
}


static int
host_connect(const char *host, const char *port)
{
    int fd, rc;
    struct addrinfo hints, *list, *ai;

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;

    rc = getaddrinfo(host, port, &hints, &list);

    if (rc != 0) {
        log_write(LOG_LEVEL_ERR, 0, NULL, "getaddrinfo() failed: %s",
                  gai_strerror(rc));
        return -1;
    }

    fd = -1;

    for (ai = list; ai != NULL && fd == -1; ai = ai->ai_next) {
        fd = address_connect(ai);
    }

    freeaddrinfo(list);

    if (fd == -1) {
        log_write(LOG_LEVEL_ERR, errno, NULL, "connect() failed");
    }

    return fd;
}


/* The same with TLS before it; why it failed is for the user to know. */
static int
secure(relay_t *r, int fd, bool strict)
{
    char words[TLS_ALONE_WORDS];

    if (strict && server.o->unverified) {
        (void) snprintf(words, sizeof(words), "%s",
                        "The IRC server wants TLS that is verified.");
        (void) close(fd);
        fd = -1;

    } else {
        fd = tls_alone_connect(fd, server.host, server.port, server.o->blob,
                               server.o->blob_len, words);
    }

    if (fd == -1) {
        log_write(LOG_LEVEL_ERR, 0, NULL, "%s", words);
        user_tell_error(&r->user, eirc_slice_str(words));
    }

    return fd;
}


/* A connection to that port. strict: with TLS, because the server wants it. */
static int
reach(relay_t *r, uint16_t port, bool strict)
{
    int fd;
    char number[8];

    (void) snprintf(number, sizeof(number), "%u", port);
    server.port = port;
    r->user.sts.secure = strict || server.o->tls;

    fd = host_connect(server.host, number);

    return fd != -1 && r->user.sts.secure ? secure(r, fd, strict) : fd;
}


/* Reached without TLS it wants it at another port. There is no way back. */
static void
upgrade(relay_t *r, uint16_t port)
{
    int fd;

    fd = reach(r, port, true);

    if (fd != -1) {
        relay_connected(r, fd, 0, 2);

    } else {
        user_unreachable(&r->user);
    }
}


/* Copies; a name that is too long is none. */
static void
string_keep(char *out, size_t size, const char *s)
{
    (void) snprintf(out, size, "%s", strlen(s) < size ? s : "");
}


int
server_alone_begin(relay_t *r, const server_alone_t *o)
{
    uint16_t port;

    server.o = o;
    r->upgrade = upgrade;
    r->user.sts.ask = o->sts;
    r->user.sts.holds = o->sts;

    string_keep(server.host, sizeof(server.host), o->host);

    if (o->policies != NULL) {
        string_keep(server.policies, sizeof(server.policies), o->policies);

    } else {
        sts_alone_path(server.policies, sizeof(server.policies));
    }

    port = o->sts && !o->tls ? sts_alone_find(server.policies, o->host,
                                              (uint64_t) time(NULL))
                             : 0;

    return port != 0 ? reach(r, port, true) : reach(r, o->port, false);
}


static void
policy_keep(void)
{
    uint64_t now, until;

    if (!server.lasts || server.policies[0] == '\0' || server.o->unverified) {
        return;
    }

    now = (uint64_t) time(NULL);
    until = server.duration == 0 ? 0 : now + server.duration;

    if (sts_alone_set(server.policies, server.host, server.port, until, now)
        == -1) {
        log_write(LOG_LEVEL_ERR, errno, NULL, "\"%s\" can't be written",
                  server.policies);
    }
}


void
server_alone_policy(uint32_t duration)
{
    server.duration = duration;
    server.lasts = true;
    policy_keep();
}


void
server_alone_end(void)
{
    policy_keep();
}
