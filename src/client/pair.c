#include "pair.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* an abstract name: the byte 0, this, and the ID in hexadecimal */
#define PREFIX "eirc-irc-"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define DIGITS 16
#define NAME_LEN (1 + PREFIX_LEN + DIGITS)


static int
name_bind(int fd, uint64_t id)
{
    struct sockaddr_un sun;

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    (void) snprintf(sun.sun_path + 1, sizeof(sun.sun_path) - 1,
                    PREFIX "%016llx", (unsigned long long) id);

    return bind(
        fd, (struct sockaddr *) &sun,
        (socklen_t) (offsetof(struct sockaddr_un, sun_path) + NAME_LEN));
}


int
pair_open(int *pair, uint64_t *id)
{
    int error;

    if (getrandom(id, sizeof(*id), 0) != (ssize_t) sizeof(*id)) {
        return -1;
    }

    if (*id == 0) {
        *id = 1;
    }

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                   pair)
        == -1)
    {
        return -1;
    }

    if (name_bind(pair[PAIR_RELAY], *id) == -1) {
        error = errno;
        (void) close(pair[0]);
        (void) close(pair[1]);
        errno = error;
        return -1;
    }

    return 0;
}


uint64_t
pair_id_of_worker(int fd)
{
    int digit;
    size_t i;
    uint64_t id;
    socklen_t len;
    const char *p;
    struct sockaddr_un sun;
    static const char digits[] = "0123456789abcdef";

    len = sizeof(sun);
    memset(&sun, 0, sizeof(sun));

    if (getpeername(fd, (struct sockaddr *) &sun, &len) == -1
        || sun.sun_family != AF_UNIX
        || len != offsetof(struct sockaddr_un, sun_path) + NAME_LEN
        || sun.sun_path[0] != '\0'
        || memcmp(sun.sun_path + 1, PREFIX, PREFIX_LEN) != 0)
    {
        return 0;
    }

    p = sun.sun_path + 1 + PREFIX_LEN;

    for (id = 0, i = 0; i < DIGITS; i++) {
        for (digit = 0; digit < 16 && digits[digit] != p[i]; digit++) {
            /* void */
        }

        if (digit == 16) {
            return 0;
        }

        id = id << 4 | (uint64_t) digit;
    }

    return id;
}
