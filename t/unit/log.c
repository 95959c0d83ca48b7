/*
 * log: lines of a round are written together, in their order, unless one of them
 * tells of trouble; and none is lost, however many there are.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"

static char path[] = "/tmp/eirc-log-XXXXXX";
static char text[256 * 1024];


static int
set_up(void **state)
{
    (void) state;

    (void) close(mkstemp(path));

    return log_open(path, 7);
}


static int
tear_down(void **state)
{
    (void) state;

    return unlink(path);
}


/* What the file has beyond what it had the last time. */
static const char *
added(void)
{
    int fd;
    ssize_t n;
    static off_t at;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_not_equal(fd, -1);

    n = pread(fd, text, sizeof(text) - 1, at);
    assert_true(n >= 0);
    text[n] = '\0';
    at += n;

    (void) close(fd);

    return text;
}


static void
test_line(void **state)
{
    char who[64];
    int end;

    (void) state;

    (void) snprintf(who, sizeof(who),
                    " [info] %ld#7: *1-ab said x (2: No such",
                    (long) getpid());

    log_write(LOG_LEVEL_INFO, 2, "1-ab", "said %s", "x");

    end = 0;
    (void) sscanf(added(), "%*4d/%*2d/%*2d %*2d:%*2d:%*2d%n", &end);
    assert_int_equal(end, 19);
    assert_memory_equal(text + end, who, strlen(who));
    assert_int_equal(text[strlen(text) - 1], '\n');

    log_write(LOG_LEVEL_DEBUG, 0, NULL, "not at this level");
    assert_string_equal(added(), "");
}


static void
test_held(void **state)
{
    (void) state;

    log_hold();
    log_write(LOG_LEVEL_INFO, 0, NULL, "first");
    log_write(LOG_LEVEL_INFO, 0, NULL, "second");
    assert_string_equal(added(), "");

    log_release();
    assert_non_null(strstr(strstr(added(), "first\n"), "second\n"));

    log_write(LOG_LEVEL_INFO, 0, NULL, "third");
    assert_non_null(strstr(added(), "third\n"));

    log_release();
    assert_string_equal(added(), "");
}


static void
test_trouble(void **state)
{
    (void) state;

    log_hold();
    log_write(LOG_LEVEL_INFO, 0, NULL, "before");
    log_write(LOG_LEVEL_NOTICE, 0, NULL, "trouble");
    assert_non_null(strstr(strstr(added(), "before\n"), "trouble\n"));

    log_write(LOG_LEVEL_INFO, 0, NULL, "behind");
    assert_string_equal(added(), "");

    log_release();
    assert_non_null(strstr(added(), "behind\n"));
}


static void
test_many(void **state)
{
    int i, n;
    size_t lines;
    const char *p;
    static char words[4000];

    (void) state;

    memset(words, 'x', sizeof(words) - 1);

    log_hold();

    for (i = 0; i < 100; i++) {
        log_write(LOG_LEVEL_INFO, 0, NULL, "%d %s", i, i % 9 ? "" : words);
    }

    log_release();

    lines = 0;

    for (p = added(); *p != '\0'; p = strchr(p, '\n') + 1) {
        assert_int_equal(sscanf(p, "%*s %*s %*s %*s %d", &n), 1);
        assert_int_equal(n, (int) lines++);
    }

    assert_int_equal(lines, 100);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_trouble),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
