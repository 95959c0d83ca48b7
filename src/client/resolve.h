/*
 * Names to addresses, for the connector: one question for all who wait for
 * the same name, and answers kept for a little while, so that a thousand users
 * who come back at once ask a name server once.
 */

#ifndef _RESOLVE_H_INCLUDED_
#define _RESOLVE_H_INCLUDED_

#include <netinet/in.h>
#include <stdint.h>

/* addresses of a name that are tried */
#define RESOLVE_MAX 8

/* families take turns, beginning with the one that the system prefers */
typedef struct {
    unsigned n;
    int families[RESOLVE_MAX];
    union {
        struct in_addr v4;
        struct in6_addr v6;
    } addresses[RESOLVE_MAX];
    const char *error; /* in words, when there are none */
} resolve_answer_t;

/* The address that the host is, as an answer; 0: it is a name. */
int resolve_address(const char *host, resolve_answer_t *answer);

/* Is that one of its addresses on this machine, whatever the network does? */
int resolve_is_loopback(const resolve_answer_t *answer, unsigned which);

/* Somebody who waits for a name; in the structure of who waits. */
typedef struct resolve_wait_s {
    struct resolve_wait_s *prev;
    struct resolve_wait_s *next;
    struct resolve_name_s *name; /* NULL: waits for none */
    void *owner;
} resolve_wait_t;

/*
 * Prepares; events of the resolver's sockets go to epoll with tag in the upper
 * 4 bits of their data, and the socket below. done is called for everybody who
 * waited. -1 and errno.
 */
int resolve_init(int epoll, unsigned tag,
                 void (*done)(void *owner, const resolve_answer_t *answer));

/*
 * Asks for a name. Returns the answer if it is known, valid until the next
 * call; else NULL: done will be called, unless resolve_cancel() is.
 */
const resolve_answer_t *resolve_ask(const char *host, resolve_wait_t *wait,
                                    void *owner, uint64_t now);
void resolve_cancel(resolve_wait_t *wait);

/* Something happened on one of the sockets. */
void resolve_event(int fd, uint32_t events, uint64_t now);

/* Does what is due; ms until there is more to do, or -1. */
int resolve_timers(uint64_t now);

#endif /* _RESOLVE_H_INCLUDED_ */
