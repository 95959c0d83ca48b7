/*
 * The sessions that a socket layer keeps: what it holds of each, found by key,
 * by the worker's process ID, and counted by account. Only the tables are
 * here; what happens to a session is in birth.c, dial.c and keeper.c. No system
 * calls.
 */

#ifndef _SESSIONS_H_INCLUDED_
#define _SESSIONS_H_INCLUDED_

#include <stdint.h>
#include <sys/types.h>

#include "bucket.h"
#include "control.h"
#include "eirc_link.h"
#include "eirc_protocol.h"
#include "table.h"

/*
 *    WAITING --> FORKING --> RUNNING --> gone
 *     | ^  |        |           |
 *     | |  +--------+-----------|------> refused, if it is the first process
 *     | |                       |
 *     | +--- COUNTING <---------+        a successor is wanted
 */
typedef enum {
    HELD_WAITING = 0, /* for its turn at the template */
    HELD_FORKING,     /* asked the template */
    HELD_RUNNING,     /* has a process */
    HELD_COUNTING     /* what the last one did is asked of a relay */
} held_state_e;

/*
 *    NONE --> WAITING --> ASKED (--> RELAYING) --> NONE (failed), or CONNECTED
 *                ^                                                |
 *                +---------------- the worker asks ---------------+
 */
typedef enum {
    HELD_IRC_NONE = 0,
    HELD_IRC_WAITING, /* for room in the connector's socket */
    HELD_IRC_ASKED,
    HELD_IRC_RELAYING, /* a relay has it, and has yet to say so */
    HELD_IRC_CONNECTED
} held_irc_e;

typedef struct held_s held_t;

/* a worker in whose place another one is to go on */
typedef struct {
    uint32_t offer; /* its number (session.h); 0: none is to be taken */
    int control;    /* -1: there is no such worker, any more */
    int pidfd;
    pid_t pid;
    int child; /* flag: it is ours to be reaped */
} held_before_t;

/* a session is in at most one list of each kind */
typedef struct {
    held_t *prev;
    held_t *next;
} held_link_t;

struct held_s {
    table_item_t item;

    held_state_e state;
    held_irc_e irc_state;
    pid_t pid;     /* 0: none */
    int pidfd;     /* of a worker that is no child of ours; -1: it is one */
    int ended;     /* flag: it has said that the session has ended */
    int stale;     /* flag: it is of another program, or another layer */
    int doomed;    /* flag: it broke the rules, and is not succeeded */
    int ending;    /* flag: its channel has ended, and so will it */
    int succeeded; /* flag: the process is not the first one */
    int anew;      /* flag: the next one has to begin anew */
    int planned;   /* flag: nobody died of anything */

    /* the layer's duplicates; -1: none */
    int link;
    int segment;
    int secret;
    int control;
    int irc;

    /* the worker's end, until it was sent to the template; -1 */
    int worker_control;

    /* the worker before: it stands still, and has the session until the next
     * one has taken its offer */
    held_before_t before;

    uint8_t *passport; /* from malloc */
    uint32_t passport_len;
    const uint8_t *servers; /* entries as in SESSION, in the passport */
    uint32_t servers_len;
    uint32_t tls_len;    /* TLS as in SESSION, behind the servers */
    uint32_t server;     /* to begin with */
    uint32_t attempt;    /* connections asked for so far */
    uint32_t connection; /* connections had so far */
    uint32_t
        unsafe; /* servers that relays failed at since the last they didn't */
    uint32_t requeued; /* times this attempt was lost with its connector */

    /* resuming (docs/link.md, 8); the next key is none where all is zero */
    int resumable;
    int attached; /* flag: there is a browser, which counts for the limit */
    eirc_protocol_e mode;
    uint8_t key[EIRC_LINK_KEY_SIZE];
    uint8_t next_key[EIRC_LINK_KEY_SIZE];
    uint32_t attachment;   /* their number */
    uint32_t attach_flags; /* of ATTACH */
    uint64_t attach_lines;
    uint64_t detached; /* ms */

    /* of preserve.h */
    int open;      /* flag: it has no secret, and so may be kept on disk */
    int restored;  /* flag: its segment's times are those of another clock */
    int stored;    /* flag: there is a file of it */
    uint64_t kept; /* the segment's generation that is in it */

    uint32_t limit;
    uint32_t replay;
    uint32_t linger;
    uint32_t crash_limit;
    uint32_t crash_time;
    uint64_t *crashes; /* ms: the last crash_limit of them, from malloc */
    uint32_t ncrashes;
    uint32_t cpu;

    bucket_t events;  /* that are logged */
    bucket_t flood;   /* events at all */
    bucket_t returns; /* to the IRC server */
    uint32_t events_dropped;

    held_link_t fork_queue;
    held_link_t irc_queue;
    held_t *next_pid;

    /* what the last process did, for the next one */
    int counted; /* flag */
    control_done_t done;

    struct account_s *account;

    struct irc_relay_s *relay; /* that carries the connection; NULL: none */
    uint64_t carried;          /* the ID of the connection there */
    uint8_t counting;          /* of irc_counts.c */

    char id[EIRC_LINK_ID_MAX + 1];
};

typedef struct account_s {
    struct account_s *next;
    uint32_t hash;
    uint32_t sessions;
    uint32_t attached; /* of them with a browser */
    uint32_t len;
    char name[EIRC_LINK_ACCOUNT_MAX];
} account_t;

/* first in, first out, through one of the links of a session */
typedef struct {
    held_t *first;
    held_t *last;
    size_t link; /* offset of the link in held_t */
    uint32_t count;
} held_queue_t;

typedef struct {
    table_t table;
    uint32_t seed; /* of the hash of accounts */

    account_t **accounts;
    uint32_t accounts_size; /* a power of two */
    uint32_t naccounts;

    held_t **pids;
    uint32_t pids_size; /* a power of two */
    uint32_t npids;
} sessions_t;

/* 0, or -1: no memory. The seed comes from the system's random source. */
int sessions_init(sessions_t *s, uint32_t seed);
void sessions_done(sessions_t *s);

/* Sessions of an account that have a browser. */
uint32_t sessions_of(const sessions_t *s, const char *account, size_t len);

/* The session has a browser, or none any more. */
void sessions_attach(held_t *session);
void sessions_detach(held_t *session);

/* Of an account whose sessions without a browser are too many, by its limit,
 * the one that has been so for the longest time; NULL: they aren't. */
held_t *sessions_detached_most(const sessions_t *s, const held_t *session);

/* A new session of that account, its descriptors -1; NULL: no memory. */
held_t *sessions_add(sessions_t *s, const char *account, size_t len);

/* The same in the table's next slot, which gets that key: table_put(). */
held_t *sessions_put(sessions_t *s, uint64_t key, const char *account,
                     size_t len);

/* Forgets a session; its descriptors are the caller's to close. */
void sessions_remove(sessions_t *s, held_t *session);

held_t *sessions_find(const sessions_t *s, uint64_t key);
held_t *sessions_find_pid(const sessions_t *s, pid_t pid);
held_t *sessions_find_id(const sessions_t *s, const char *id, size_t len);
held_t *sessions_next(const sessions_t *s, uint32_t *slot);

/* The session has this process now, or none any more. */
void sessions_pid_set(sessions_t *s, held_t *session, pid_t pid);
void sessions_pid_clear(sessions_t *s, held_t *session);

void held_queue_init(held_queue_t *q, size_t link);
void held_queue_add(held_queue_t *q, held_t *session);
/* Also for a session that is in no queue of that kind. */
void held_queue_remove(held_queue_t *q, held_t *session);

#endif /* _SESSIONS_H_INCLUDED_ */
