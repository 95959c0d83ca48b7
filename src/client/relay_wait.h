/*
 * Waiting for what moves a relay: its descriptors and one point in time, in one
 * call. The kernel keeps what is waited for, so that a process that is woken
 * for a line, and sleeps again, names nothing anew: whoever sets the same again
 * costs no call. Owned by the relay, which alone calls it.
 */

#ifndef _RELAY_WAIT_H_INCLUDED_
#define _RELAY_WAIT_H_INCLUDED_

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    RELAY_WAIT_IRC = 0,
    RELAY_WAIT_BROWSER,
    RELAY_WAIT_CONTROL,
    RELAY_WAIT_SIGNALS,
    RELAY_WAIT_TIMER,
    RELAY_WAITS
} relay_wait_e;

typedef struct {
    int epoll;
    int timer;
    uint64_t armed; /* ms, when it wakes; 0: not at all */
    bool failed;    /* the kernel has no memory for what is to be waited for */

    struct {
        int fd; /* or -1 */
        uint32_t events;
    } watched[RELAY_WAITS];
} relay_wait_t;

/* Descriptors for relay_wait_init(): an epoll instance and a timer of the
 * monotonic clock. -1 and errno: there are none. */
int relay_wait_open(int *epoll, int *timer);

/* Nothing is waited for; the descriptors are the relay's until the end. */
void relay_wait_init(relay_wait_t *w, int epoll, int timer);

/*
 * From now on fd is waited for, with these events as epoll(7) has them; without
 * events, or with -1, it isn't. A descriptor of which there may be a duplicate
 * elsewhere must be forgotten so before it is closed: closing does not do it.
 */
void relay_wait_watch(relay_wait_t *w, relay_wait_e what, int fd,
                      uint32_t events);

/*
 * Wakes at that time, in ms as of relay_now(), at the latest; 0: whenever. It
 * may wake earlier, for a time that was set before: the caller knows what is
 * due, and a time that moves on with each line costs nothing.
 */
void relay_wait_until(relay_wait_t *w, uint64_t when);

/*
 * Waits, or only looks, and sets what has come for each (0: nothing). -1: it
 * can't be waited for, errno tells why, and nothing but an end helps.
 */
int relay_wait(relay_wait_t *w, bool block, uint32_t events[RELAY_WAITS]);

#endif /* _RELAY_WAIT_H_INCLUDED_ */
