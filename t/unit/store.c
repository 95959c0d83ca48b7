/*
 * store: a directory is taken if it is nobody else's, files come and go in one
 * step, are good for as long as they say, and are read if nobody but us could
 * write them.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store.h"
#include "store_stage.h"

#define MAX 100000

static char path[] = "/tmp/eirc-store-XXXXXX";
static store_t store;


static void
open_again(unsigned number)
{
    const char *why;

    store_close(&store);
    assert_int_equal(store_open(&store, path, number, &why), 0);
    store_begin(&store);
}


static int
set_up(void **state)
{
    (void) state;

    store.dir = -1;

    return mkdtemp(path) == NULL ? -1 : 0;
}


static int
tear_down(void **state)
{
    (void) state;

    (void) unlinkat(store.dir, "key", 0);
    (void) unlinkat(store.dir, "turn.7", 0);
    store_close(&store);

    /* nothing else is left there */

    return rmdir(path);
}


/* It was written so many seconds ago. */
static void
age(const char *name, time_t seconds)
{
    struct timespec times[2];

    memset(times, 0, sizeof(times));
    times[0].tv_sec = time(NULL) - seconds;
    times[1].tv_sec = times[0].tv_sec;
    assert_int_equal(utimensat(store.dir, name, times, 0), 0);
}


static int
is_there(const char *name)
{
    return faccessat(store.dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}


static void
put(const char *name, uint32_t life)
{
    size_t len;
    uint8_t *p;
    held_t s;
    stored_head_t head = {0, 0, 0, 0};

    head.life = life;
    head.size = (uint32_t) SIZE;
    stage_session(&s);
    p = stage_file(&s, &head, &len);
    assert_int_equal(store_put(&store, name, p, len), 0);
    free(p);
    free(s.passport);
}


/* errno, or 0 */
static int
get(const char *name)
{
    size_t len;
    uint8_t *p;

    if (store_get(&store, name, MAX, &p, &len) == -1) {
        assert_null(p);
        return errno;
    }

    assert_in_range(len, STORED_HEAD, MAX);
    free(p);

    return 0;
}


static void
test_directory(void **state)
{
    const char *why;
    store_t st;

    (void) state;

    assert_int_equal(store_open(&st, "/nonexistent/eirc", 7, &why), -1);
    assert_int_equal(errno, ENOENT);
    assert_non_null(strstr(why, "mkdir -m 700"));

    assert_int_equal(chmod(path, 0750), 0);
    assert_int_equal(store_open(&st, path, 7, &why), -1);
    assert_int_equal(errno, EPERM);
    assert_non_null(strstr(why, "chmod 700"));
    assert_int_equal(st.dir, -1);
    assert_int_equal(chmod(path, 0700), 0);

    open_again(7);
    assert_true(is_there("key"));
}


static void
test_file(void **state)
{
    size_t len;
    uint8_t *p;
    struct stat st;

    (void) state;

    assert_int_equal(get(ID), ENOENT);
    put(ID, 900);
    assert_int_equal(get(ID), 0);
    assert_false(is_there(ID ".new"));
    assert_int_equal(fstatat(store.dir, ID, &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);

    /* what is larger than it may be */

    assert_int_equal(store_get(&store, ID, 100, &p, &len), -1);
    assert_int_equal(errno, EFBIG);

    /* ... or too small, another's, or no file */

    assert_int_equal(fchmodat(store.dir, ID, 0640, 0), 0);
    assert_int_equal(get(ID), EPERM);
    assert_int_equal(store_remove(&store, ID), 0);
    assert_int_equal(get(ID), ENOENT);
    assert_int_equal(store_put(&store, ID, (const uint8_t *) "abc", 3), 0);
    assert_int_equal(get(ID), EFBIG);
    assert_int_equal(store_remove(&store, ID), 0);
    assert_int_equal(symlinkat("key", store.dir, ID), 0);
    assert_int_equal(get(ID), ELOOP);
    assert_int_equal(store_remove(&store, ID), 0);
    assert_int_equal(mkfifoat(store.dir, ID, 0600), 0);
    assert_int_equal(get(ID), EPERM);
    assert_int_equal(store_remove(&store, ID), 0);
    assert_int_equal(store_remove(&store, ID), -1);
    assert_int_equal(errno, ENOENT);

    /* who writes does not follow a link either */

    assert_int_equal(symlinkat("key", store.dir, ID ".new"), 0);
    assert_int_equal(store_put(&store, ID, (const uint8_t *) "abc", 3), -1);
    assert_int_equal(unlinkat(store.dir, ID ".new", 0), 0);
}


static void
test_age(void **state)
{
    (void) state;

    put(ID, 1000);
    age(ID, 990);
    assert_int_equal(get(ID), 0);
    age(ID, 1010);
    assert_int_equal(get(ID), ENOENT);
    store_touch(&store, ID);
    assert_int_equal(get(ID), 0);

    /* the clock was set back */

    age(ID, -5000);
    assert_int_equal(get(ID), 0);
    assert_int_equal(store_remove(&store, ID), 0);
}


static void
test_sweep(void **state)
{
    size_t i;
    static const struct {
        const char *name;
        time_t age;
        int goes;
    } files[] = {
        {"7-a", 0, 0},       {"7-b", 1100, 1}, /* its life is 1000 */
        {"7-c", 950, 0},     {"8-a", 5000, 0},  {"7-d.new", 30, 0},
        {"7-e.new", 100, 1}, {"7-f", 5000, 1},  {"7-A", 5000, 0},
        {"7", 5000, 0},      {".new", 5000, 0},
    };

    (void) state;

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        put(files[i].name, 1000);
        age(files[i].name, files[i].age);
    }

    /* one that says nothing of its life has the least */

    assert_int_equal(store_put(&store, "7-g", (const uint8_t *) "abc", 3), 0);
    age("7-g", STORE_LIFE_MIN + 10);

    age("key", 5000);
    assert_int_equal(store_sweep(&store), 4);
    assert_false(is_there("7-g"));
    assert_true(is_there("key"));

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_int_equal(is_there(files[i].name), !files[i].goes);
        (void) store_remove(&store, files[i].name);
    }
}


/* A layer that takes a file out writes in another turn than the one before. */
static void
test_turn(void **state)
{
    (void) state;

    assert_int_equal(store.turn, 0);
    assert_int_equal(store_turn(&store), 0);

    open_again(7);
    assert_int_equal(store_turn(&store), 0);
    assert_int_equal(store_turn_take(&store), 0);
    assert_int_equal(store.turn, 0);
    assert_int_equal(store_turn(&store), 1);
    assert_int_equal(store_turn_take(&store), 0);
    assert_int_equal(store_turn(&store), 1);

    /* each layer has its own */

    open_again(8);
    assert_int_equal(store_turn(&store), 0);

    open_again(7);
    assert_int_equal(store.turn, 1);
    assert_int_equal(store_turn(&store), 1);
    assert_int_equal(store_turn_take(&store), 0);

    open_again(7);
    assert_int_equal(store.turn, 2);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directory), cmocka_unit_test(test_file),
        cmocka_unit_test(test_age),       cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_turn),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
