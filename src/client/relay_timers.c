#include "relay_timers.h"

#include "clock.h"


uint64_t
relay_now(void)
{
    return clock_ms() + 1;
}


void
relay_timer_set(relay_t *r, relay_timer_e timer, uint64_t ms)
{
    r->timers[timer] = r->user.now + ms;
}


void
relay_timer_start(relay_t *r, relay_timer_e timer, uint64_t ms)
{
    if (r->timers[timer] == 0) {
        relay_timer_set(r, timer, ms);
    }
}


void
relay_timer_stop(relay_t *r, relay_timer_e timer)
{
    r->timers[timer] = 0;
}


uint64_t
relay_timer_first(const relay_t *r)
{
    int i;
    uint64_t first;

    first = 0;

    for (i = 0; i < RELAY_TIMERS; i++) {

        if (r->timers[i] != 0 && (first == 0 || r->timers[i] < first)) {
            first = r->timers[i];
        }
    }

    return first;
}
