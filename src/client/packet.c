#include "packet.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "eirc_codes.h"


/* descriptors; and, where the socket is a rescue, who has sent them, which the
 * kernel puts in front */
typedef union {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(struct ucred))
              + CMSG_SPACE(sizeof(int) * PACKET_FDS_MAX)];
} ancillary_t;


int
packet_send(int fd, const void *p, size_t len, const int *fds, int nfds)
{
    ssize_t n;
    struct iovec iov;
    struct msghdr msg;
    ancillary_t anc;
    struct cmsghdr *cmsg;

    if (nfds < 0 || nfds > PACKET_FDS_MAX) {
        errno = EMSGSIZE;
        return EIRC_ERROR;
    }

    memset(&msg, 0, sizeof(msg));

    iov.iov_base = (void *) (uintptr_t) p;
    iov.iov_len = len;
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;

    if (nfds > 0) {
        memset(&anc, 0, sizeof(anc));
        msg.msg_control = &anc;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t) nfds);

        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int) * (size_t) nfds);
        memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * (size_t) nfds);
    }

    do {
        n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n == -1 && errno == EINTR);

    if (n == -1) {
        return (errno == EAGAIN || errno == ENOBUFS) ? EIRC_AGAIN : EIRC_ERROR;
    }

    return EIRC_OK;
}


/* Takes what came in SCM_RIGHTS; what does not fit max is closed. */
static int
descriptors_take(struct msghdr *msg, int *fds, int max)
{
    int fd, total;
    size_t i, n;
    struct cmsghdr *cmsg;

    total = 0;

    for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
         cmsg = CMSG_NXTHDR(msg, cmsg)) {
        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS) {
            continue;
        }

        n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        for (i = 0; i < n; i++) {
            memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));

            if (total < max) {
                fds[total] = fd;

            } else {
                (void) close(fd);
            }

            total++;
        }
    }

    return total;
}


int
packet_recv(int fd, void *p, size_t size, size_t *len, int *fds, int *nfds)
{
    int max, total;
    ssize_t n;
    struct iovec iov;
    struct msghdr msg;
    ancillary_t anc;

    max = *nfds;
    *nfds = 0;

    memset(&msg, 0, sizeof(msg));

    iov.iov_base = p;
    iov.iov_len = size;
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = &anc;
    msg.msg_controllen = sizeof(anc);

    do {
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

        /* a peer that died with records of ours unread resets the connection,
         * which is told before what it had sent: that comes next, then the end */

    } while (n == -1 && (errno == EINTR || errno == ECONNRESET));

    if (n == -1) {
        return (errno == EAGAIN) ? EIRC_AGAIN : EIRC_ERROR;
    }

    total = descriptors_take(&msg, fds, max);

    if (n == 0 && total == 0) {
        return EIRC_DONE;
    }

    if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || total > max) {
        packet_close(fds, total < max ? total : max);
        errno = EBADMSG;
        return EIRC_ERROR;
    }

    *len = (size_t) n;
    *nfds = total;

    return EIRC_OK;
}


void
packet_close(const int *fds, int nfds)
{
    while (nfds > 0) {
        (void) close(fds[--nfds]);
    }
}
