/*
 * layer: descriptors are counted before they are there, so that one that
 * arrives always has its place.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "layer.h"

static layer_t l;


static void
test_room(void **state)
{
    (void) state;

    memset(&l, 0, sizeof(l));

    l.fds_max = LAYER_FDS_FIXED + 1 + 3 * LAYER_FDS_SESSION;

    assert_int_equal(layer_fds(&l), LAYER_FDS_FIXED);
    assert_int_equal(layer_has_room(&l), 1);

    l.sessions.table.count = 2;
    assert_int_equal(layer_has_room(&l), 1);

    l.peers.count = 1;
    assert_int_equal(layer_has_room(&l), 0);

    l.peers.count = 0;
    l.sessions.table.count = 3;
    assert_int_equal(layer_has_room(&l), 0);
}


/* Sessions that the template has not been told of hold its end too. */
static void
test_waiting(void **state)
{
    (void) state;

    memset(&l, 0, sizeof(l));

    l.fds_max = LAYER_FDS_FIXED + 1 + 3 * LAYER_FDS_SESSION;
    l.sessions.table.count = 2;
    l.fork_queue.count = 1;

    assert_int_equal(layer_fds(&l),
                     LAYER_FDS_FIXED + 2 * LAYER_FDS_SESSION + 1);
    assert_int_equal(layer_has_room(&l), 0);

    l.fork_queue.count = 0;
    assert_int_equal(layer_has_room(&l), 1);
}


static void
test_stop(void **state)
{
    (void) state;

    memset(&l, 0, sizeof(l));

    l.fds_max = 1000;
    assert_int_equal(layer_has_room(&l), 1);

    l.stop_until = 1;
    assert_int_equal(layer_has_room(&l), 0);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
