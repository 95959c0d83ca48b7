/*
 * One user. The worker is forked from the template (or is the process itself,
 * when irc-client stands alone), closes itself into its sandbox, reads the
 * request from the link and then carries lines between link and IRC server
 * until one of them ends. All its state that must survive it is in the
 * segment (session.h).
 */

#ifndef _WORKER_H_INCLUDED_
#define _WORKER_H_INCLUDED_

#include <stdint.h>

#include "eirc_link.h"
#include "eirc_slice.h"

/*
 * Descriptors of a worker are always these: they come with FORK, in this order.
 * A successor gets no link with it, and its segment in that place, too; not
 * everybody has memory for secrets.
 */
#define WORKER_FD_LINK 3
#define WORKER_FD_SEGMENT 4
#define WORKER_FD_CONTROL 5
/* unconnected SEQPACKET sockets, for the day the socket layer is gone, and the
 * one after it before a successor has others (rescue.h) */
#define WORKER_FD_RESCUE 6
#define WORKER_RESCUES 2
/* what it waits with (relay_wait.h) */
#define WORKER_FD_EPOLL 8
#define WORKER_FD_TIMER 9
/* closed when they are in it */
#define WORKER_FD_SECRET 10
/* so many come at least */
#define WORKER_FDS 7

/* exit codes: the session is over; it could not begin; its state can't be
 * trusted; it can't go on, but another one may; a successor has it. Never 2,
 * see docs/processes.md, 3. */
#define WORKER_EXIT_OVER 0
#define WORKER_EXIT_FAILED 1
#define WORKER_EXIT_STATE 3
#define WORKER_EXIT_BROKEN 4
#define WORKER_EXIT_MOVED 10

/* flags: the session can be resumed; the worker is a successor, and has no
 * request to read; it has to begin anew; nobody died */
#define WORKER_RESUMABLE 0x01
#define WORKER_SUCCESSOR 0x02
#define WORKER_ANEW 0x04
#define WORKER_PLANNED 0x08
/* its times are those of another clock */
#define WORKER_RESTORED 0x10
/* it has nothing to keep secrets in, and needs none */
#define WORKER_NO_SECRET 0x20

typedef struct {
    char id[EIRC_LINK_ID_MAX + 1];
    uint32_t flags;
    uint32_t replay;  /* bytes of the replay ring */
    uint32_t linger;  /* ms */
    uint32_t cpu;     /* or EIRC_LINK_CPU_ANY */
    uint32_t servers; /* how many there are */
    uint32_t layer;   /* rundir.h: its number among those before and after */
    uint32_t offer;   /* what it has to take before all else; 0: nothing */
    uint8_t key[EIRC_LINK_KEY_SIZE]; /* of resuming, see control_attach_t */
    uint8_t next_key[EIRC_LINK_KEY_SIZE];
} worker_birth_t;

/* Where the segment is mapped if there is room: NULL, anywhere. */
extern void *worker_segment_at;

/* For the template, once: what workers would otherwise have to find out, each of
 * them, or could not any more. */
void worker_prepare(void);

/*
 * Runs a worker to its end and returns its exit code. The passport stays where
 * it is.
 *
 * The system calls that it makes, for the sandbox: epoll_wait, epoll_ctl,
 * timerfd_settime, poll, recvfrom, recvmsg, sendto, sendmsg, shutdown, close,
 * getsockopt, getrandom, clock_gettime, mmap (without PROT_EXEC), munmap, brk,
 * and with some arguments alone connect (of rescues), ioctl (FIONREAD and
 * TIOCOUTQ), sched_setaffinity of itself, and prctl for the process's name. For
 * the request it maps 16 MB for a moment, of which it touches what the JSON
 * takes.
 */
int worker_run(const worker_birth_t *birth, eirc_slice_t passport);

#endif /* _WORKER_H_INCLUDED_ */
