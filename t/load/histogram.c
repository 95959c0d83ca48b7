#include "histogram.h"

#include <string.h>

#define BITS 6
#define STEPS (1U << BITS)


/* below 64 each has its own class; above, each power of two has 64 */
static unsigned
class_of(uint64_t ns)
{
    unsigned shift;

    if (ns < STEPS) {
        return (unsigned) ns;
    }

    for (shift = 0; ns >> shift >= 2 * STEPS; shift++) {
        /* void */
    }

    return shift * STEPS + (unsigned) (ns >> shift);
}


static uint64_t
class_end(unsigned class)
{
    unsigned shift;

    if (class < 2 * STEPS) {
        return class;
    }

    shift = class / STEPS - 1;

    return ((uint64_t) (class % STEPS + STEPS + 1) << shift) - 1;
}


void
histogram_reset(histogram_t *h)
{
    memset(h, 0, sizeof(*h));
}


void
histogram_add(histogram_t *h, uint64_t ns)
{
    unsigned class;

    class = class_of(ns);
    h->counts[class < HISTOGRAM_SIZE ? class : HISTOGRAM_SIZE - 1]++;
    h->total++;
    h->sum += ns;

    if (ns > h->max) {
        h->max = ns;
    }
}


uint64_t
histogram_part(const histogram_t *h, unsigned thousandths)
{
    unsigned i;
    uint64_t want, have, end;

    want = (h->total * thousandths + 999) / 1000;
    have = 0;

    for (i = 0; i < HISTOGRAM_SIZE; i++) {
        have += h->counts[i];

        if (have >= want) {
            end = class_end(i);
            return end < h->max ? end : h->max;
        }
    }

    return h->max;
}


void
histogram_print(const histogram_t *h, FILE *out)
{
    double mean;

    mean = h->total == 0 ? 0 : (double) h->sum / (double) h->total / 1000;

    fprintf(
        out,
        "{\"count\":%llu,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,"
        "\"max\":%.1f,\"mean\":%.1f}",
        (unsigned long long) h->total, (double) histogram_part(h, 500) / 1000,
        (double) histogram_part(h, 900) / 1000,
        (double) histogram_part(h, 990) / 1000, (double) h->max / 1000, mean);
}
