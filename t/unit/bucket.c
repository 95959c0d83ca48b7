/*
 * bucket: as many at once as it holds, then at its rate; what it says to wait
 * is enough and no more than needed; clocks that stand or leap.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bucket.h"


static void
test_burst_and_rate(void **state)
{
    int i;
    bucket_t b;
    uint64_t wait, now;

    (void) state;

    now = 5000;
    bucket_init(&b, 2000, 10, now); /* 2 in a second */

    for (i = 0; i < 10; i++) {
        assert_int_equal(bucket_take(&b, now), 0);
    }

    assert_int_equal(bucket_take(&b, now), 500);
    assert_int_equal(bucket_take(&b, now + 499), 1);
    assert_int_equal(bucket_take(&b, now + 500), 0);
    assert_int_equal(bucket_take(&b, now + 500), 500);

    /* over a long time: the rate */

    now += 500;

    for (i = 0; i < 1000; i++) {
        wait = bucket_take(&b, now);

        if (wait > 0) {
            assert_int_not_equal(bucket_wait(&b, now + wait - 1), 0);
            now += wait;
            assert_int_equal(bucket_take(&b, now), 0);
        }
    }

    assert_in_range(now, 5500 + 499000, 5500 + 500500);
}


static void
test_edges(void **state)
{
    bucket_t b;

    (void) state;

    /* no limit */

    bucket_init(&b, 0, 1, 0);
    assert_int_equal(bucket_take(&b, 0), 0);
    assert_int_equal(bucket_take(&b, 0), 0);

    /* one at least */

    bucket_init(&b, 1, 0, 0);
    assert_int_equal(bucket_take(&b, 0), 0);
    assert_int_equal(bucket_take(&b, 0), 1000000);
    assert_int_equal(bucket_take(&b, 999999), 1);
    assert_int_equal(bucket_take(&b, 1000000), 0);

    /* a leap fills it and no more; going back changes nothing */

    bucket_init(&b, 1000000, 3, 0);
    assert_int_equal(bucket_take(&b, UINT64_MAX / 2), 0);
    assert_int_equal(bucket_take(&b, 7), 0);
    assert_int_equal(bucket_take(&b, 7), 0);
    assert_int_not_equal(bucket_take(&b, 7), 0);

    /* the largest of both */

    bucket_init(&b, UINT32_MAX, UINT32_MAX, 0);
    assert_int_equal(bucket_take(&b, UINT64_MAX), 0);
}


static void
test_look_takes_nothing(void **state)
{
    bucket_t b;

    (void) state;

    bucket_init(&b, 1000, 1, 0);
    assert_int_equal(bucket_wait(&b, 0), 0);
    assert_int_equal(bucket_wait(&b, 0), 0);
    assert_int_equal(bucket_take(&b, 0), 0);
    assert_int_equal(bucket_wait(&b, 0), 1000);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_and_rate),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_look_takes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
