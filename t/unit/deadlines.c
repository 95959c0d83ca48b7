/*
 * deadlines: come out in order, whatever was set, moved and cleared before.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "deadlines.h"

#define N 300


static void
test_order(void **state)
{
    int i, n;
    uint64_t last;
    deadline_t d[N], *first;
    deadlines_t heap;

    (void) state;

    memset(&heap, 0, sizeof(heap));
    memset(d, 0, sizeof(d));

    assert_null(deadlines_first(&heap));

    srand(1);

    for (i = 0; i < N; i++) {
        d[i].owner = &d[i];
        assert_int_equal(
            deadlines_set(&heap, &d[i], (uint64_t) (rand() % 100)), 0);
    }

    /* some move, some go, some go twice */

    for (i = 0; i < N; i += 3) {
        assert_int_equal(
            deadlines_set(&heap, &d[i], (uint64_t) (rand() % 100)), 0);
    }

    for (i = 0; i < N; i += 7) {
        deadlines_clear(&heap, &d[i]);
        deadlines_clear(&heap, &d[i]);
        assert_int_equal(d[i].place, 0);
    }

    last = 0;
    n = 0;

    while ((first = deadlines_first(&heap)) != NULL) {
        assert_ptr_equal(first->owner, first);
        assert_true(first->when >= last);
        last = first->when;
        deadlines_clear(&heap, first);
        n++;
    }

    assert_int_equal(n, N - (N + 6) / 7);

    free(heap.heap);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
