#include "upgrade_ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "eirc_link.h"
#include "rundir.h"

/* ms: a layer greets at once, and gives an upgrade less than this */
#define HELLO_TIME 5000
#define UPGRADE_TIME 30000

#define RECORD_MAX (EIRC_LINK_HEADER_SIZE + EIRC_LINK_TEXT_MAX)


static int
failed(const options_t *o, const char *what, int error)
{
    (void) fprintf(stderr, "irc-client: socket layer %u in \"%s\": %s%s%s\n",
                   o->index, o->run_path, what, error == 0 ? "" : ": ",
                   error == 0 ? "" : strerror(error));

    return 1;
}


/* The path to the directory may be longer than an address. */
static int
layer_connect(const options_t *o)
{
    int fd, error;
    struct sockaddr_un sun;

    if (chdir(o->run_path) == -1) {
        return -1;
    }

    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return -1;
    }

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    rundir_name(sun.sun_path, sizeof(sun.sun_path), o->index);

    if (connect(fd, (struct sockaddr *) &sun, sizeof(sun)) == -1) {
        error = errno;
        (void) close(fd);
        errno = error;
        return -1;
    }

    return fd;
}


/* The next record of at most RECORD_MAX bytes; a sentence, if there is none. */
static const char *
record_take(int fd, int time, eirc_link_header_t *h, uint8_t *buf, size_t *len)
{
    int rc;
    ssize_t n;
    struct pollfd pfd;

    pfd.fd = fd;
    pfd.events = POLLIN;

    rc = poll(&pfd, 1, time);
    if (rc <= 0) {
        return "it does not answer";
    }

    n = recv(fd, buf, RECORD_MAX + 1, 0);
    if (n <= 0) {
        return "it closed the connection; its log may say why";
    }

    *len = (size_t) n;

    return *len > RECORD_MAX || eirc_link_header_read(h, buf, *len) != EIRC_OK
               ? "it does not speak as a socket layer does"
               : NULL;
}


static int
upgrade_ask(const options_t *o, int fd)
{
    size_t len;
    uint8_t buf[RECORD_MAX + 1];
    const char *what;
    eirc_link_header_t h;

    what = record_take(fd, HELLO_TIME, &h, buf, &len);

    if (what == NULL
        && (h.type != EIRC_LINK_HELLO || h.value != EIRC_LINK_VERSION))
    {
        what = "it is of another version";
    }

    if (what != NULL) {
        return failed(o, what, 0);
    }

    len = eirc_link_record_write(buf, EIRC_LINK_UPGRADE, EIRC_LINK_VERSION, 0,
                                 NULL);

    if (send(fd, buf, len, MSG_NOSIGNAL) == -1) {
        return failed(o, "send() failed", errno);
    }

    what = record_take(fd, UPGRADE_TIME, &h, buf, &len);

    if (what != NULL) {
        return failed(o, what, 0);
    }

    /* room for the end of a string was left */

    buf[len] = '\0';

    if (h.type != EIRC_LINK_UPGRADED) {
        return failed(o, (char *) buf + EIRC_LINK_HEADER_SIZE, 0);
    }

    (void) printf("irc-client: socket layer %u: %s\n", o->index,
                  (char *) buf + EIRC_LINK_HEADER_SIZE);

    return 0;
}


int
upgrade_ask_run(const options_t *o)
{
    int fd, rc;

    fd = layer_connect(o);
    if (fd == -1) {
        return failed(o, "it can't be reached", errno);
    }

    rc = upgrade_ask(o, fd);
    (void) close(fd);

    return rc;
}
