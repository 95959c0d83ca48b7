/*
 * sts, sts_alone: what a server says of strict transport security, and the
 * file in which it is kept.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sts.h"
#include "sts_alone.h"


static void
test_read(void **state)
{
    size_t i;
    sts_t sts;
    static const struct {
        const char *value;
        unsigned port, duration;
        bool lasts;
    } table[] = {
        {"port=6697", 6697, 0, false},
        {"duration=31536000,preload", 0, 31536000, true},
        {"preload,duration=0,port=1", 1, 0, true},
        {"", 0, 0, false},
        {"port", 0, 0, false},
        {"port=", 0, 0, false},
        {"port=0", 0, 0, false},
        {"port=65535", 65535, 0, false},
        {"port=65536", 0, 0, false},
        {"port=99999999999999999999", 0, 0, false},
        {"port=66x", 0, 0, false},
        {"port=-1", 0, 0, false},
        {"duration=99999999999999999999", 0, STS_DURATION_MAX, true},
        {"duration=1d", 0, 0, false},
        {",,port=1,,", 1, 0, false},
        {"PORT=1", 0, 0, false},
        {"xport=1", 0, 0, false},
    };

    (void) state;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        sts_read(&sts, eirc_slice_str(table[i].value));
        assert_int_equal(sts.port, table[i].port);
        assert_int_equal(sts.duration, table[i].duration);
        assert_int_equal(sts.lasts, table[i].lasts);
    }
}


static void
test_file(void **state)
{
    int i;
    char path[] = "/tmp/eirc-unit-sts-XXXXXX", file[64], host[300];

    (void) state;

    assert_non_null(mkdtemp(path));
    (void) snprintf(file, sizeof(file), "%s/below/sts", path);

    assert_int_equal(sts_alone_find(file, "a", 100), 0);
    assert_int_equal(sts_alone_set(file, "a", 1, 200, 100), 0);
    assert_int_equal(sts_alone_set(file, "b", 2, 300, 100), 0);
    assert_int_equal(sts_alone_find(file, "A", 199), 1);
    assert_int_equal(sts_alone_find(file, "a", 200), 0);
    assert_int_equal(sts_alone_find(file, "c", 100), 0);

    /* another port, no policy any more, none that there was */

    assert_int_equal(sts_alone_set(file, "A", 3, 200, 100), 0);
    assert_int_equal(sts_alone_find(file, "a", 100), 3);
    assert_int_equal(sts_alone_set(file, "a", 3, 0, 100), 0);
    assert_int_equal(sts_alone_find(file, "a", 100), 0);
    assert_int_equal(sts_alone_set(file, "c", 3, 0, 100), 0);
    assert_int_equal(sts_alone_find(file, "b", 100), 2);

    /* who ends first makes room */

    for (i = 0; i < STS_ALONE_MAX + 5; i++) {
        (void) sprintf(host, "host%d", i);
        assert_int_equal(
            sts_alone_set(file, host, 7, 1000u + (unsigned) i, 100), 0);
    }

    assert_int_equal(sts_alone_find(file, "b", 100), 0);
    assert_int_equal(sts_alone_find(file, "host4", 100), 0);
    assert_int_equal(sts_alone_find(file, "host5", 100), 7);
    assert_int_equal(sts_alone_find(file, host, 100), 7);

    memset(host, 'x', sizeof(host));
    host[256] = '\0';
    assert_int_equal(sts_alone_set(file, host, 1, 200, 100), -1);
    assert_int_equal(sts_alone_set("/proc/no/sts", "a", 1, 200, 100), -1);

    assert_int_equal(unlink(file), 0);
    file[strlen(path) + 6] = '\0';
    assert_int_equal(rmdir(file), 0);
    assert_int_equal(rmdir(path), 0);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
