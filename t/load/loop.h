/*
 * An epoll loop for programs that play many peers: the benchmark and the soak.
 * A source stands first in whatever owns it; the loop knows its descriptor and
 * whom to call.
 */

#ifndef _LOAD_LOOP_H_INCLUDED_
#define _LOAD_LOOP_H_INCLUDED_

#include <stdint.h>

#define LOOP_SECOND UINT64_C(1000000000)
#define LOOP_MS UINT64_C(1000000)

typedef struct source_s source_t;

struct source_s {
    int fd;
    void (*ready)(source_t *s, uint32_t events);
};

typedef struct {
    int epoll;
} loop_t;


/* -1 and errno where it can't be had */
int loop_init(loop_t *l);

/* EPOLL* of sys/epoll.h, level-triggered; 0 or -1 and errno */
int loop_add(loop_t *l, source_t *s, uint32_t events);
int loop_change(loop_t *l, source_t *s, uint32_t events);

/*
 * Waits until something is ready or the time has come, and calls whoever is.
 * A source whose fd is -1 by then is passed over, so it has to outlive the
 * call.
 */
int loop_wait(loop_t *l, uint64_t until);

/* ns of the monotonic clock */
uint64_t loop_now(void);

#endif /* _LOAD_LOOP_H_INCLUDED_ */
