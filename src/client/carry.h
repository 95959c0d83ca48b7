/*
 * One connection that a relay carries: a server's end (carry_server.h), and a
 * worker's, one of a socket pair. It shakes hands with the server, moves bytes
 * both ways and counts them, holds what the other side does not take yet, and
 * lets the server have the last of them before it ends. Whoever has the other
 * end of the pair may die, and another one take it over: as long as anybody
 * holds it there is somebody to carry for. No timers, and nobody is told:
 * that is for carries.c.
 */

#ifndef _CARRY_H_INCLUDED_
#define _CARRY_H_INCLUDED_

#include <stdint.h>

#include "carry_server.h"
#include "control.h"
#include "deadlines.h"
#include "table.h"

/*
 *    SHAKING --> OPEN --> LEAVING --> ENDED
 *       |         |          |          ^
 *       |         +--> OVER -+----------+
 *       +-------------------------------+
 */
typedef enum {
    CARRY_SHAKING = 0,
    CARRY_OPEN,
    CARRY_LEAVING, /* the worker has closed, and the server knows it */
    CARRY_OVER,    /* the server has ended; the worker has all, and to close */
    CARRY_ENDED
} carry_state_e;

/* bytes on their way that could not go yet; memory while there are any */
typedef struct {
    uint8_t *data;
    size_t at;
    size_t len;
} carry_flow_t;

typedef struct carry_s {
    table_item_t item;

    carry_state_e state;
    carry_server_t server;
    int worker;

    unsigned worker_ready : 1;  /* there may be something to read */
    unsigned worker_closed : 1; /* nothing more comes from it */
    unsigned worker_gone : 1;   /* it takes nothing any more */
    unsigned halted : 1;        /* it gets nothing now */
    unsigned more : 1;          /* the rounds were over before the work was */
    unsigned ours : 1;          /* the words are about us, not the server */

    carry_flow_t to_worker;
    carry_flow_t from_worker;
    control_counts_t counts;

    char words[TLS_CONTEXT_WORDS]; /* empty: the handshake went well */

    /* of carries.c */
    uint64_t key; /* of the session, in the socket layer */
    unsigned reports;
    unsigned queued : 1;
    deadline_t deadline;
    struct carry_s *next_more;
    struct carry_s *next_report;
} carry_t;

/* A new one, zeroed but for its head, takes the descriptors over: the server's
 * and the worker's. It may have ended at once. */
void carry_open(carry_t *c, const tls_context_t *context, const int *fds);

/* Does what there is to do, and lets others have their turn (c->more). */
void carry_work(carry_t *c, const tls_context_t *context);

/* Something happened at that end: events as of epoll. */
void carry_server_event(carry_t *c, uint32_t events);
void carry_worker_event(carry_t *c, uint32_t events);

/*
 * The bytes that the worker's end has been given since the beginning, and those
 * that were sent into it, read or not. Exact as long as nobody writes there;
 * and, while the connection is halted, nothing is added to the first.
 */
void carry_count(const carry_t *c, control_counts_t *counts);

/* It has had its time. */
void carry_expire(carry_t *c, const tls_context_t *context);

void carry_end(carry_t *c);

#endif /* _CARRY_H_INCLUDED_ */
