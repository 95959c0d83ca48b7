/*
 * pace: each server has its own; the one that was longest unused goes first.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pace.h"

static paces_t paces;


static void
test_apart(void **state)
{
    int i;
    uint64_t wait;

    (void) state;

    memset(&paces, 0, sizeof(paces));

    for (i = 0; i < PACE_BURST; i++) {
        assert_int_equal(paces_take(&paces, "a 1", 1000), 0);
    }

    wait = paces_take(&paces, "a 1", 1000);
    assert_int_equal(wait, 1000000 / PACE_RATE);

    /* another port is another server */

    assert_int_equal(paces_take(&paces, "a 2", 1000), 0);
    assert_int_equal(paces_take(&paces, "a 1", 1000 + wait), 0);
    assert_int_not_equal(paces_take(&paces, "a 1", 1000 + wait), 0);
}


static void
test_full(void **state)
{
    int i;
    char name[32];

    (void) state;

    memset(&paces, 0, sizeof(paces));

    for (i = 0; i < PACES_MAX; i++) {
        (void) snprintf(name, sizeof(name), "server %d", i);
        (void) paces_take(&paces, name, 1000 + (uint64_t) i);
    }

    for (i = 0; i <= PACE_BURST; i++) {
        (void) paces_take(&paces, "server 0", 2000);
    }

    assert_int_equal(paces.n, PACES_MAX);
    assert_int_equal(paces_take(&paces, "new 1", 2000), 0);
    assert_int_equal(paces.n, PACES_MAX);

    /* the first one has its pace yet, the second one was forgotten */

    assert_int_not_equal(paces_take(&paces, "server 0", 2000), 0);
    assert_string_equal(paces.paces[1].name, "new 1");
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apart),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
