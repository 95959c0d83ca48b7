#include "rescue.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>


int
rescue_open(void)
{
    int fd, on, error;

    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return -1;
    }

    on = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == -1) {
        error = errno;
        (void) close(fd);
        errno = error;
        return -1;
    }

    return fd;
}


int
rescue_reach(int fd, const char *name)
{
    int rc;
    size_t len;
    struct sockaddr_un sun;

    len = strlen(name);

    if (len > RESCUE_NAME_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    memcpy(sun.sun_path, name, len);

    /* no more of it than that: the sandbox looks at the length */

    do {
        rc = connect(
            fd, (struct sockaddr *) &sun,
            (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len));
    } while (rc == -1 && errno == EINTR);

    return rc;
}


int
rescue_is(int fd)
{
    socklen_t len;
    struct sockaddr_un sun;

    len = sizeof(sun);

    if (getpeername(fd, (struct sockaddr *) &sun, &len) == -1) {
        return 1;
    }

    return len > offsetof(struct sockaddr_un, sun_path);
}
