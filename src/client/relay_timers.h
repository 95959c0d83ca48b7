/*
 * The timers of a relay, and the clock that they go by. They belong to the
 * relay, which alone sets them and does what is to be done when one expires:
 * here is only when.
 */

#ifndef _RELAY_TIMERS_H_INCLUDED_
#define _RELAY_TIMERS_H_INCLUDED_

#include "relay.h"

/* ms of the monotonic clock; never 0 */
uint64_t relay_now(void);

void relay_timer_set(relay_t *r, relay_timer_e timer, uint64_t ms);

/* Sets it unless it runs. */
void relay_timer_start(relay_t *r, relay_timer_e timer, uint64_t ms);

void relay_timer_stop(relay_t *r, relay_timer_e timer);

/* when the first of them expires; 0: none runs */
uint64_t relay_timer_first(const relay_t *r);

#endif /* _RELAY_TIMERS_H_INCLUDED_ */
