#include "pace.h"

#include <stdio.h>
#include <string.h>


static bucket_t *
pace_of(paces_t *p, const char *name, uint64_t now)
{
    uint32_t i, oldest;
    pace_t *pace;

    for (i = 0, oldest = 0; i < p->n; i++) {
        pace = &p->paces[i];

        if (strcmp(pace->name, name) == 0) {
            return &pace->bucket;
        }

        if (pace->bucket.filled < p->paces[oldest].bucket.filled) {
            oldest = i;
        }
    }

    pace = &p->paces[i < PACES_MAX ? p->n++ : oldest];

    (void) snprintf(pace->name, sizeof(pace->name), "%s", name);
    bucket_init(&pace->bucket, PACE_RATE, PACE_BURST, now);

    return &pace->bucket;
}


uint64_t
paces_take(paces_t *p, const char *name, uint64_t now)
{
    return bucket_take(pace_of(p, name, now), now);
}
