/*
 * options: what makes a socket layer, and the sentences for what doesn't.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "log.h"
#include "options.h"

#define MAX 8


static int
parse(options_t *o, char *error, const char *const *args)
{
    int argc;
    char *argv[MAX + 2];

    argv[0] = (char *) (uintptr_t) "irc-client";

    for (argc = 1; args[argc - 1] != NULL; argc++) {
        argv[argc] = (char *) (uintptr_t) args[argc - 1];
    }

    error[0] = '\0';

    return options_parse(o, argc, argv, error, 256);
}


#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})


static void
test_sockets(void **state)
{
    char error[256];
    options_t o;

    (void) state;

    assert_int_equal(parse(&o, error, ARGS("--sockets", "--run-path=/r")), 0);
    assert_int_equal(o.role, ROLE_SOCKETS);
    assert_string_equal(o.run_path, "/r");
    assert_int_equal(o.index, 0);
    assert_null(o.log);
    assert_int_equal(o.log_level, LOG_LEVEL_INFO);
    assert_int_equal(o.relay_sessions, 250);

    assert_int_equal(
        parse(&o, error,
              ARGS("--run-path=/a=b", "--index=255", "--sockets",
                   "--log=stderr", "--log-level=debug", "--relay-sessions=1")),
        0);
    assert_int_equal(o.role, ROLE_SOCKETS);
    assert_string_equal(o.run_path, "/a=b");
    assert_int_equal(o.index, 255);
    assert_string_equal(o.log, "stderr");
    assert_int_equal(o.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(o.relay_sessions, 1);
    assert_int_equal(o.stay, 0);
    assert_int_equal(o.image, -1);
    assert_null(o.state);
    assert_int_equal(o.state_interval, OPTION_STATE_INTERVAL);

    assert_int_equal(
        parse(&o, error,
              ARGS("--sockets", "--run-path=/r", "--stay", OPTION_IMAGE "12",
                   "--state=/s", "--state-interval=1")),
        0);
    assert_int_equal(o.stay, 1);
    assert_int_equal(o.image, 12);
    assert_string_equal(o.state, "/s");
    assert_int_equal(o.state_interval, 1);
}


static void
test_roles(void **state)
{
    char error[256];
    options_t o;

    (void) state;

    assert_int_equal(parse(&o, error, ARGS("--help")), 0);
    assert_int_equal(o.role, ROLE_HELP);
    assert_int_equal(parse(&o, error, ARGS("--version")), 0);
    assert_int_equal(o.role, ROLE_VERSION);
    assert_int_equal(parse(&o, error, ARGS(OPTION_TEMPLATE)), 0);
    assert_int_equal(o.role, ROLE_TEMPLATE);
    assert_int_equal(parse(&o, error, ARGS(OPTION_CONNECTOR)), 0);
    assert_int_equal(o.role, ROLE_CONNECTOR);
    assert_int_equal(parse(&o, error, ARGS(OPTION_RELAY)), 0);
    assert_int_equal(o.role, ROLE_RELAY);

    /* of a socket layer, with its arguments */

    assert_int_equal(
        parse(&o, error, ARGS("--sockets", "--upgrade", "--run-path=/r")), 0);
    assert_int_equal(o.role, ROLE_UPGRADE);
    assert_int_equal(
        parse(&o, error, ARGS("--sockets", "--run-path=/r", OPTION_PROBE)), 0);
    assert_int_equal(o.role, ROLE_PROBE);
    assert_int_equal(
        parse(&o, error,
              ARGS("--sockets", "--run-path=/r", "--what", OPTION_PROBE)),
        -1);

    /* a single user's options are looked at elsewhere */

    assert_int_equal(parse(&o, error, ARGS("--nick=alice", "--what")), 0);
    assert_int_equal(o.role, ROLE_LISTEN);
    assert_int_equal(parse(&o, error, ARGS(NULL)), 0);
    assert_int_equal(o.role, ROLE_LISTEN);
}


static void
test_refused(void **state)
{
    size_t i;
    char error[256];
    options_t o;
    static const struct {
        const char *arg;
        const char *sentence;
    } refused[] = {
        {"--nick=x", "Unknown option: --nick=x"},
        {"--", "Unknown option: --"},
        {"--run-pat=/r", "Unknown option: --run-pat=/r"},
        {"run", "Unknown argument: run"},
        {"--sockets=1", "--sockets takes no value"},
        {"--index", "--index needs a value"},
        {"--index=", "Invalid value: --index="},
        {"--index=-1", "Invalid value: --index=-1"},
        {"--index=1x", "Invalid value: --index=1x"},
        {"--index=256", "Invalid value: --index=256"},
        {"--index=99999999999999999999",
         "Invalid value: --index=99999999999999999999"},
        {"--run-path=", "Invalid value: --run-path="},
        {"--log=", "Invalid value: --log="},
        {"--log-level=loud", "Invalid value: --log-level=loud"},
        {"--log-level=", "Invalid value: --log-level="},
        {"--stay=1", "--stay takes no value"},
        {OPTION_IMAGE "2", "Invalid value: " OPTION_IMAGE "2"},
        {OPTION_IMAGE "x", "Invalid value: " OPTION_IMAGE "x"},
        {"--state=", "Invalid value: --state="},
        {"--state-interval=0", "Invalid value: --state-interval=0"},
        {"--state-interval=86401", "Invalid value: --state-interval=86401"},
        {"--relay-sessions=0", "Invalid value: --relay-sessions=0"},
        {"--relay-sessions=1001", "Invalid value: --relay-sessions=1001"},
    };

    (void) state;

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_int_equal(
            parse(&o, error,
                  ARGS("--sockets", "--run-path=/r", refused[i].arg)),
            -1);
        assert_string_equal(error, refused[i].sentence);
    }

    assert_int_equal(parse(&o, error, ARGS("--sockets")), -1);
    assert_string_equal(error, "Missing required argument: --run-path");
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
