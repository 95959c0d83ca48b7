#include "control.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define HEAD offsetof(control_t, data)


_Static_assert(offsetof(control_short_t, data) == HEAD, "the same head");


static int
record_send(int fd, const void *p, size_t size, size_t max, const int *fds,
            int nfds)
{
    if (size > max) {
        errno = EMSGSIZE;
        return EIRC_ERROR;
    }

    return packet_send(fd, p, HEAD + size, fds, nfds);
}


static int
record_recv(int fd, void *p, size_t max, int *fds, int *nfds)
{
    int rc, n;
    size_t len;
    uint32_t size;

    n = (nfds != NULL) ? *nfds : 0;

    size = 0;
    rc = packet_recv(fd, p, max, &len, fds, &n);

    if (rc == EIRC_OK && len >= HEAD) {
        memcpy(&size, (uint8_t *) p + offsetof(control_t, size), sizeof(size));
    }

    if (rc == EIRC_OK && (len < HEAD || size != len - HEAD)) {
        packet_close(fds, n);
        n = 0;
        errno = EBADMSG;
        rc = EIRC_ERROR;
    }

    if (nfds != NULL) {
        *nfds = n;
    }

    return rc;
}


int
control_send(int fd, const control_t *c, const int *fds, int nfds)
{
    return record_send(fd, c, c->size, CONTROL_DATA_MAX, fds, nfds);
}


int
control_send_short(int fd, const control_short_t *c)
{
    return record_send(fd, c, c->size, CONTROL_SHORT_MAX, NULL, 0);
}


int
control_recv_short(int fd, control_short_t *c, int *fds, int *nfds)
{
    return record_recv(fd, c, sizeof(control_short_t), fds, nfds);
}


int
control_send_long(int fd, const control_long_t *l, const int *fds, int nfds)
{
    return record_send(fd, l, l->c.size, CONTROL_LONG_MAX, fds, nfds);
}


int
control_recv(int fd, control_t *c, int *fds, int *nfds)
{
    return record_recv(fd, c, sizeof(control_t), fds, nfds);
}


int
control_recv_long(int fd, control_long_t *l, int *fds, int *nfds)
{
    return record_recv(fd, l, sizeof(control_long_t), fds, nfds);
}
