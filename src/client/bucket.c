#include "bucket.h"

/* one token in units of bucket_t.tokens: 1,000 s have so many ms */
#define TOKEN 1000000u


void
bucket_init(bucket_t *b, uint32_t rate, uint32_t burst, uint64_t now)
{
    b->rate = rate;
    b->burst = burst > 0 ? burst : 1;
    b->tokens = (uint64_t) b->burst * TOKEN;
    b->filled = now;
}


uint64_t
bucket_wait(bucket_t *b, uint64_t now)
{
    uint64_t full, passed;

    if (b->rate == 0) {
        return 0;
    }

    full = (uint64_t) b->burst * TOKEN;
    passed = (now > b->filled) ? now - b->filled : 0;
    b->filled = now > b->filled ? now : b->filled;

    /* a ms adds rate millionths of a token */

    if (passed > (full - b->tokens) / b->rate) {
        b->tokens = full;

    } else {
        b->tokens += passed * b->rate;
    }

    if (b->tokens >= TOKEN) {
        return 0;
    }

    return (TOKEN - b->tokens + b->rate - 1) / b->rate;
}


uint64_t
bucket_take(bucket_t *b, uint64_t now)
{
    uint64_t wait;

    wait = bucket_wait(b, now);

    if (wait == 0 && b->rate > 0) {
        b->tokens -= TOKEN;
    }

    return wait;
}
