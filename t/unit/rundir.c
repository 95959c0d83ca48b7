/*
 * rundir: the names of layers that come after one another fit, find their
 * layer and no other, and begin anew after a thousand.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "eirc_codes.h"
#include "options.h"
#include "rescue.h"
#include "rundir.h"

static char dir[] = "/tmp/eirc-rundir-XXXXXX";


static int
set_up(void **state)
{
    (void) state;

    return mkdtemp(dir) == NULL ? -1 : 0;
}


static int
tear_down(void **state)
{
    (void) state;

    (void) unlink("sockets.7.lock");

    return rmdir(dir);
}


static void
test_fits(void **state)
{
    char name[32];

    (void) state;

    rundir_after(name, sizeof(name), OPTIONS_INDEX_MAX, UINT32_MAX);
    assert_in_range(strlen(name), 1, RESCUE_NAME_MAX);

    rundir_after(name, sizeof(name), OPTIONS_INDEX_MAX, 999);
    assert_int_equal(strlen(name), RESCUE_NAME_MAX);

    rundir_name(name, sizeof(name), OPTIONS_INDEX_MAX);
    assert_in_range(strlen(name), 1, RESCUE_NAME_MAX);
}


static int
there(uint32_t generation)
{
    char name[32];
    struct stat st;

    rundir_after(name, sizeof(name), 7, generation);

    return lstat(name, &st) == 0;
}


/* Is the layer, and dies. */
static void
layer_live(uint32_t generation)
{
    const char *call;
    rundir_t r;

    assert_int_equal(rundir_enter(&r, dir, 7, &call), EIRC_OK);
    assert_int_equal(r.generation, generation);
    assert_int_equal(rundir_listen(&r, &call), EIRC_OK);

    /* whoever is left over finds it, and nobody one that comes after it */

    assert_true(there(generation - 1));
    assert_false(there(generation));

    (void) close(r.listen);
    (void) close(r.lock);
}


static void
test_generations(void **state)
{
    uint32_t i;
    const char *call;
    rundir_t r;

    (void) state;

    for (i = 1; i < 1100; i++) {
        layer_live(i);
    }

    /* one that ends in order leaves nothing but its lock */

    assert_int_equal(rundir_enter(&r, dir, 7, &call), EIRC_OK);
    assert_int_equal(rundir_listen(&r, &call), EIRC_OK);
    rundir_unlisten(&r);
    (void) close(r.lock);

    for (i = 0; i < 1000; i++) {
        assert_false(there(i));
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits),
        cmocka_unit_test(test_generations),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
