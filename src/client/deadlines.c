#include "deadlines.h"

#include <stdlib.h>


static void
put(deadlines_t *d, size_t place, deadline_t *deadline)
{
    d->heap[place - 1] = deadline;
    deadline->place = place;
}


/* Moves a deadline from an empty place to where it belongs. */
static void
settle(deadlines_t *d, size_t place, deadline_t *deadline)
{
    size_t child;

    while (place > 1 && d->heap[place / 2 - 1]->when > deadline->when) {
        put(d, place, d->heap[place / 2 - 1]);
        place /= 2;
    }

    for (;;) {
        child = place * 2;

        if (child < d->count
            && d->heap[child]->when < d->heap[child - 1]->when) {
            child++;
        }

        if (child > d->count || d->heap[child - 1]->when >= deadline->when) {
            break;
        }

        put(d, place, d->heap[child - 1]);
        place = child;
    }

    put(d, place, deadline);
}


int
deadlines_set(deadlines_t *d, deadline_t *deadline, uint64_t when)
{
    size_t size;
    deadline_t **heap;

    deadline->when = when;

    if (deadline->place != 0) {
        settle(d, deadline->place, deadline);
        return 0;
    }

    if (d->count == d->size) {
        size = (d->size == 0) ? 64 : d->size * 2;

        heap = realloc(d->heap, size * sizeof(deadline_t *));
        if (heap == NULL) {
            return -1;
        }

        d->heap = heap;
        d->size = size;
    }

    d->count++;
    put(d, d->count, deadline);
    settle(d, d->count, deadline);

    return 0;
}


void
deadlines_clear(deadlines_t *d, deadline_t *deadline)
{
    size_t place;
    deadline_t *last;

    place = deadline->place;

    if (place == 0) {
        return;
    }

    deadline->place = 0;
    last = d->heap[--d->count];

    if (last != deadline) {
        put(d, place, last);
        settle(d, place, last);
    }
}


deadline_t *
deadlines_first(const deadlines_t *d)
{
    return d->count == 0 ? NULL : d->heap[0];
}
