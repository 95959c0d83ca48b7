/*
 * The state of a socket layer, for the files that it is made of: sockets.c
 * (the loop, signals, beginning and end), peers.c (connections that are no
 * session), birth.c, dial.c and keeper.c (what happens to a session),
 * irc_relays.c (the relays), held.c (what is held of one). One process, one
 * thread, one layer.
 */

#ifndef _LAYER_H_INCLUDED_
#define _LAYER_H_INCLUDED_

#include <stdint.h>
#include <sys/types.h>

#include "card.h"
#include "control.h"
#include "helper.h"
#include "log.h"
#include "program.h"
#include "rundir.h"
#include "sessions.h"
#include "store.h"
#include "table.h"

/* forks asked for and not answered; the rest wait for their turn */
#define LAYER_FORKS_MAX 64

/* relays, with a descriptor each */
#define LAYER_RELAYS_MAX 64

/* workers that are asked at a time to move to this program */
#define LAYER_MOVES_MAX 50

/* descriptors that are no session's and no peer's, with two for each worker
 * that waits for the next one */
#define LAYER_FDS_FIXED (32 + 2 * LAYER_MOVES_MAX)

/* descriptors that a session takes: link, segment, secret, control, IRC; and
 * one more, the worker's end, until it is handed to the template */
#define LAYER_FDS_SESSION 5

/* what an event of epoll is about: the upper 4 bits of its data, above a key
 * of table.h */
typedef enum {
    LAYER_LISTEN = 1,
    LAYER_SIGNAL,
    LAYER_TEMPLATE,
    LAYER_CONNECTOR,
    LAYER_PEER,
    LAYER_WORKER,
    LAYER_RELAY,
    LAYER_PIDFD
} layer_kind_e;

/*
 *    NONE --> PROBING --> WAITING --> another program
 *      ^         |           |
 *      +---------+-----------+
 */
typedef enum {
    LAYER_UPGRADE_NONE = 0,
    LAYER_UPGRADE_PROBING, /* can the program be started? */
    LAYER_UPGRADE_WAITING  /* until no fork is on its way; none is begun */
} layer_upgrade_e;

/* the exit of a process that nobody has told us of yet */
typedef struct {
    pid_t pid;
    int status;
} layer_exit_t;

/* a worker that was asked to move */
typedef struct {
    uint64_t key; /* 0: none */
    pid_t pid;
    uint64_t until; /* ms */
    int child;      /* flag: it is ours to be reaped */
} layer_move_t;

/* copies of sessions, for the next layer (preserve.h) */
typedef struct {
    store_t store;
    uint64_t interval; /* s */
    uint64_t next;     /* ms: when copies are due */
    uint64_t sweep;    /* ms: and a look at what is too old */
    uint32_t slot;     /* the next session to be looked at ... */
    int walking;       /* flag: ... now */
    int failed;        /* flag: the last one could not be written */
} preserve_t;

typedef struct peer_s peer_t;
typedef struct irc_relay_s irc_relay_t;

typedef struct {
    rundir_t rundir;
    int epoll;
    int signals;      /* signalfd */
    int exe;          /* what helpers execute */
    int template_exe; /* ... and the template; may be the same */

    card_key_t key; /* of passports and cards */

    uint64_t now; /* ms, monotonic, of this round of the loop */

    sessions_t sessions;
    held_queue_t fork_queue;
    uint64_t fork_again; /* ms: one has failed, and none is tried before */
    held_queue_t irc_queue;
    uint32_t nforking;
    int dial_blocked; /* flag: the connector's socket is full */
    uint32_t fds_max;

    table_t peers;
    peer_t *peers_first; /* in the order in which they run out of time */
    peer_t *peers_last;
    uint32_t nwatches;

    helper_t template;
    helper_t connector;

    irc_relay_t *relays[LAYER_RELAYS_MAX]; /* NULL: a free slot */
    uint32_t nrelays;
    uint32_t relay_sessions; /* users of one */

    layer_exit_t exits[LAYER_FORKS_MAX];
    uint32_t nexits;

    program_t program;
    layer_upgrade_e upgrade;
    pid_t probe;            /* 0: none */
    uint64_t upgrade_until; /* ms */

    layer_move_t moves[LAYER_MOVES_MAX];
    uint32_t nmoves;
    uint32_t nstale;    /* workers of another program, not yet asked */
    uint32_t move_slot; /* the next one to be looked at */

    preserve_t preserve;

    int stay;              /* flag: also without anybody who watches */
    uint64_t idle_since;   /* ms */
    uint64_t adopts_until; /* ms: sessions of a dead layer may still come */
    uint64_t accept_again; /* ms: when to go on accepting; 0: does */
    uint64_t stop_until;   /* ms: when workers are killed; 0: not stopping */
} layer_t;

/* Watches a descriptor; -1 and errno. */
int layer_watch(layer_t *l, int fd, uint32_t events, layer_kind_e kind,
                uint64_t key);

/* As layer_watch(), for other events of a descriptor that is watched. */
int layer_rewatch(layer_t *l, int fd, uint32_t events, layer_kind_e kind,
                  uint64_t key);

void layer_unwatch(layer_t *l, int fd);

/* Starts a helper and watches it; -1: its time to be started again is set. */
int layer_helper_start(layer_t *l, helper_t *h, layer_kind_e kind);

/* Logs an event of a helper itself. */
void layer_helper_event(const helper_t *h, const control_t *c);

/* A helper's socket is of no use any more: its exit will be reaped. */
void layer_helper_drop(layer_t *l, helper_t *h);

/* Descriptors in use, or promised. */
uint32_t layer_fds(const layer_t *l);

/* Are there descriptors for one more session? */
int layer_has_room(const layer_t *l);

#endif /* _LAYER_H_INCLUDED_ */
