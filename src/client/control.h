/*
 * The channels inside irc-client: socket layer to template, to connector, to
 * relays and to each worker. All are SOCK_SEQPACKET pairs made by the socket
 * layer; a record is one control_t, cut behind its text, with descriptors in
 * SCM_RIGHTS where its type says so. Both ends are the same binary, so the
 * structure goes over as it is; the socket layer checks every field of what a
 * worker sends all the same, and a worker that breaks a rule is killed.
 */

#ifndef _CONTROL_H_INCLUDED_
#define _CONTROL_H_INCLUDED_

#include <stdint.h>
#include <sys/types.h>

#include "eirc_link.h"
#include "packet.h"

#define CONTROL_DATA_MAX 4096

/* what a worker is told, and tells: its stack is to be small */
#define CONTROL_SHORT_MAX 512

/* of FORK alone, with a whole SESSION: others have less on their stacks */
#define CONTROL_LONG_MAX 6144
#define CONTROL_FDS_MAX PACKET_FDS_MAX

/* of the records below, as far as relays have to do with them */
#define CONTROL_VERSION 1

typedef enum {
    /* socket layer to template: fork a worker; data = worker_birth_t, and
     * behind it the session's passport; fds: see worker.h */
    CONTROL_FORK = 1,
    /* template to socket layer: key, value = pid, or 0 and errno in status */
    CONTROL_FORKED,

    /* socket layer to connector: key, data = servers, value = attempt (0: the
     * session's first; later ones are paced), status = number of the server
     * to begin with */
    CONTROL_CONNECT,
    /* socket layer to connector: key; nobody waits for it any more */
    CONTROL_CANCEL,
    /* connector to socket layer, socket layer to worker: key, status 0 and the
     * connected descriptor, value = which server, data = its name as "host
     * port"; or status = errno, -1 or CONTROL_SAY_WHY, data = what failed, in
     * words */
    CONTROL_CONNECTED,

    /* worker to socket layer: wants an IRC connection (again); value = number
     * of the server to begin with; status = the port at which that one wants
     * to be reached with TLS, as it has said (sts.h), or 0 */
    CONTROL_WANT_IRC,
    /* worker to socket layer: value = event (events.h), status = a number of
     * the event, data = text */
    CONTROL_EVENT,

    /* socket layer to worker: the layer ends in good order, the session with
     * it (END, SHUTDOWN); or, where value says so, the session goes on in the
     * next one: the worker leaves IRC, then as after MOVE. The end of file
     * alone says that the layer died. */
    CONTROL_STOP,

    /* socket layer to relay, once and first: value = users at most, status =
     * number of the layer, data = the relay's card (card.h), the server as in
     * SESSION, and behind it TLS as in SESSION; or status -1 and no card:
     * there is nobody to come back to. These numbers stay: a relay outlives
     * its layer, and may speak with one of another make */
    CONTROL_RELAY_SERVER = 32,
    /* socket layer to relay: key, data = the connection's ID (8 bytes); fds:
     * the connection to the server, and the one towards the worker */
    CONTROL_RELAY_CARRY,
    /* relay to socket layer: key, status 0, data = the version of TLS, empty
     * without; or status -1 or CONTROL_SAY_WHY, data = what failed, in words:
     * it is carried no more */
    CONTROL_RELAY_STANDS,
    /* relay to socket layer: key, data = control_counts_t, status -1 where the
     * server has ended without saying so: both sides have closed, and it is
     * carried no more */
    CONTROL_RELAY_ENDED,
    /* socket layer to relay: key, data = the connection's ID; its worker is
     * dead, so what has it been given, and what has it said? The next one is
     * given nothing before GO; all else goes on */
    CONTROL_RELAY_COUNT,
    /* relay to socket layer: key, data = control_counts_t, status 0; 1: the
     * server has ended, and what the worker hasn't of it comes after GO; or
     * -1: there is no such connection, any more */
    CONTROL_RELAY_COUNTED,
    /* socket layer to relay: key, data = the connection's ID */
    CONTROL_RELAY_GO,
    /* relay to a socket layer that is not the one that started it, first:
     * data = IDs of connections that it carries; status 0, or 1: that is all */
    CONTROL_RELAY_CARRIES,

    /* worker to socket layer: there is nothing in the memory for secrets, the
     * layer need not keep it. Otherwise it comes along with each connection,
     * as the second descriptor of CONNECTED. */
    CONTROL_NO_SECRET,

    /* socket layer to worker: value = number of the attachment, status = flags
     * below, data = control_attach_t; fds: a link */
    CONTROL_ATTACH,
    /* worker to socket layer: value = number of the attachment. Its browser is
     * gone, and may come back; or has said something, so that it has the key
     * that it was given */
    CONTROL_DETACHED,
    CONTROL_HEARD,

    /* socket layer to a successor: value = server, serial; fds: as CONNECTED.
     * The connection that the predecessor had, or was about to have; data:
     * control_done_t of all that it took and gave, or nothing: the kernel
     * knows. Or no descriptor, and status: whether one is being brought. */
    CONTROL_INHERITED,
    /* ... and that was all */
    CONTROL_SUCCEED,

    /* socket layer to worker: stop between two steps, for a successor to go
     * on */
    CONTROL_MOVE,
    /* worker to socket layer: value = number of the offer (session.h). It
     * stands still, and is the session's until the successor has taken it;
     * also if the layer ends first */
    CONTROL_MOVED,
    /* successor to socket layer: it has taken the offer, and the one before is
     * of no use any more */
    CONTROL_TAKEN,

    /* socket layer to a worker that it has adopted: value = the layer's number
     * among those before and after (rundir.h) */
    CONTROL_ADOPTED
} control_type_e;

/* value of STOP */
#define CONTROL_STOP_KEEP 1u

/* flags of ATTACH: the browser has come back, with a key */
#define CONTROL_ATTACH_RESUME 0x01

/* of value in CONNECTED, beside the server: there is TLS before it, or no
 * network */
#define CONTROL_SECURE 0x80000000u

/* status of CONNECTED: the words are for the user as well */
#define CONTROL_SAY_WHY (-2)

/* bytes, without TLS, of one connection that a relay carries: those that were
 * written towards the worker, whether or not it has read them; and those that
 * the worker's socket has taken from it, whether or not the relay has */
typedef struct {
    uint64_t id;
    uint64_t written;
    uint64_t accepted;
} control_counts_t;

/* bytes of an IRC connection that a worker, or its predecessors, took from it
 * and gave to it, since it was begun */
typedef struct {
    uint64_t taken;
    uint64_t given;
} control_done_t;

/* where the browser wants to go on, and the hashes of the keys that it may come
 * back with; all zero: none */
typedef struct {
    uint64_t lines;
    uint8_t key[EIRC_LINK_KEY_SIZE];
    uint8_t next_key[EIRC_LINK_KEY_SIZE];
} control_attach_t;

typedef struct {
    uint32_t type;
    int32_t status;
    uint32_t value;
    uint32_t serial; /* of a session's IRC connections */
    uint64_t key;    /* the session: slot and generation in the socket layer */
    uint32_t size;   /* bytes of data in use */
    char data[CONTROL_DATA_MAX];
} control_t;

/* room for a longer one: what is behind c.data belongs to it */
typedef struct {
    control_t c;
    char more[CONTROL_LONG_MAX - CONTROL_DATA_MAX];
} control_long_t;

/* the same for what is no longer than CONTROL_SHORT_MAX */
typedef struct {
    uint32_t type;
    int32_t status;
    uint32_t value;
    uint32_t serial;
    uint64_t key;
    uint32_t size;
    char data[CONTROL_SHORT_MAX];
} control_short_t;

/*
 * Sends one record with nfds descriptors, which stay the caller's. EIRC_OK,
 * EIRC_AGAIN (not sent), or EIRC_ERROR with errno set.
 */
int control_send(int fd, const control_t *c, const int *fds, int nfds);

/*
 * Receives one record; *nfds says how many descriptors fds can take and how
 * many came: they are the caller's now, close-on-exec. EIRC_OK; EIRC_AGAIN;
 * EIRC_DONE at the end of file; EIRC_ERROR: broken, nothing was kept.
 */
int control_recv(int fd, control_t *c, int *fds, int *nfds);

/* The same for records that are short: sent without descriptors; EIRC_ERROR for
 * one that came and is longer. */
int control_send_short(int fd, const control_short_t *c);
int control_recv_short(int fd, control_short_t *c, int *fds, int *nfds);

/* The same for records that may be longer. */
int control_send_long(int fd, const control_long_t *l, const int *fds,
                      int nfds);
int control_recv_long(int fd, control_long_t *l, int *fds, int *nfds);

#endif /* _CONTROL_H_INCLUDED_ */
