/*
 * Packets with descriptors, on SOCK_SEQPACKET sockets: what is sent comes whole
 * or not at all, and no descriptor that came is ever lost. What is in them is
 * for others to know (control.h, claim.h).
 */

#ifndef _PACKET_H_INCLUDED_
#define _PACKET_H_INCLUDED_

#include <stddef.h>

#define PACKET_FDS_MAX 8

/*
 * Sends one with nfds descriptors, which stay the caller's. EIRC_OK; EIRC_AGAIN:
 * not now, and nothing was sent; EIRC_ERROR with errno.
 */
int packet_send(int fd, const void *p, size_t len, const int *fds, int nfds);

/*
 * Receives one of at most size bytes; *nfds says how many descriptors fds can
 * take and how many came: they are the caller's now, close-on-exec. EIRC_OK;
 * EIRC_AGAIN; EIRC_DONE at the end of file; EIRC_ERROR with errno: EBADMSG for
 * one that was cut, or has more descriptors; none was kept.
 */
int packet_recv(int fd, void *p, size_t size, size_t *len, int *fds,
                int *nfds);

/* Closes descriptors that came. */
void packet_close(const int *fds, int nfds);

#endif /* _PACKET_H_INCLUDED_ */
