/*
 * eirc_deflate: every parameter and combination of RFC 7692, 7.1; offers that
 * have to be passed over; headers that are none.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eirc_deflate.h"

/* keeps its contexts and the largest windows: agrees to what is offered */
static const eirc_deflate_t generous = {false, false, 15, 15, false, false};

/* keeps nothing, and small windows */
static const eirc_deflate_t lean = {true, true, 12, 10, false, false};

static const struct {
    const char *header;
    const char *generous; /* the answer; NULL: no offer that can be met */
    const char *lean;
} offers[] = {
    {"permessage-deflate", "permessage-deflate",
     "permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=12"},

    {"permessage-deflate; client_max_window_bits", "permessage-deflate",
     "permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=12; "
     "client_max_window_bits=10"},

    /* 7.1.1.1, 7.1.1.2 */
    {"permessage-deflate; server_no_context_takeover",
     "permessage-deflate; server_no_context_takeover",
     "permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=12"},
    {"permessage-deflate; client_no_context_takeover",
     "permessage-deflate; client_no_context_takeover",
     "permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=12"},

    /* 7.1.2.1: to be confirmed, with the same value or a smaller one */
    {"permessage-deflate; server_max_window_bits=15",
     "permessage-deflate; server_max_window_bits=15",
     "permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=12"},
    {"permessage-deflate; server_max_window_bits=8",
     "permessage-deflate; server_max_window_bits=8",
     "permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=8"},

    /* 7.1.2.2 */
    {"permessage-deflate; client_max_window_bits=9",
     "permessage-deflate; client_max_window_bits=9",
     "permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=12; "
     "client_max_window_bits=9"},
    {"permessage-deflate; client_max_window_bits=15", "permessage-deflate",
     "permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=12; "
     "client_max_window_bits=10"},

    /* a value may be quoted (RFC 6455, 9.1), space may stand around */
    {"permessage-deflate;server_max_window_bits=\"10\"",
     "permessage-deflate; server_max_window_bits=10",
     "permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=10"},
    {" \t, permessage-deflate ; server_no_context_takeover\t,, ",
     "permessage-deflate; server_no_context_takeover",
     "permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=12"},

    /* the first that can be met is taken */
    {"permessage-deflate; server_max_window_bits=10, permessage-deflate",
     "permessage-deflate; server_max_window_bits=10",
     "permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=10"},
    {"permessage-deflate; unknown, x-webkit-deflate-frame; a=b, "
     "permessage-deflate; server_max_window_bits=11",
     "permessage-deflate; server_max_window_bits=11",
     "permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=11"},

    /* 7.1: passed over */
    {"", NULL, NULL},
    {" , ,", NULL, NULL},
    {"permessage-bzip2", NULL, NULL},
    {"permessage-deflate2", NULL, NULL},
    {"x; permessage-deflate", NULL, NULL},
    {"permessage-deflate; unknown", NULL, NULL},
    {"permessage-deflate; unknown=1", NULL, NULL},
    {"permessage-deflate; server_no_context_takeover=1", NULL, NULL},
    {"permessage-deflate; client_no_context_takeover=true", NULL, NULL},
    {"permessage-deflate; server_max_window_bits", NULL, NULL},
    {"permessage-deflate; server_max_window_bits=7", NULL, NULL},
    {"permessage-deflate; server_max_window_bits=16", NULL, NULL},
    {"permessage-deflate; server_max_window_bits=08", NULL, NULL},
    {"permessage-deflate; server_max_window_bits=+9", NULL, NULL},
    {"permessage-deflate; server_max_window_bits=100", NULL, NULL},
    {"permessage-deflate; server_max_window_bits=\"1\\0\"", NULL, NULL},
    {"permessage-deflate; client_max_window_bits=7", NULL, NULL},
    {"permessage-deflate; client_max_window_bits=16", NULL, NULL},
    {"permessage-deflate; server_no_context_takeover; "
     "server_no_context_takeover",
     NULL, NULL},
    {"permessage-deflate; client_no_context_takeover; "
     "client_no_context_takeover",
     NULL, NULL},
    {"permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
     NULL, NULL},
    {"permessage-deflate; client_max_window_bits; client_max_window_bits=9",
     NULL, NULL},
};

static const char *const malformed[] = {
    ";",
    "=",
    "permessage-deflate;",
    "permessage-deflate; ;",
    "permessage-deflate=1",
    "permessage-deflate x",
    "permessage-deflate; a=",
    "permessage-deflate; a=\"",
    "permessage-deflate; a=\"\"",
    "permessage-deflate; a=\"b",
    "permessage-deflate; a=\"b c\"",
    "permessage-deflate; a=\"b\\",
    "permessage-deflate; a=b=c",
    "permessage-deflate, a b",
    "permessage-deflate, \"a\"",
    "permessage-deflate\r",
    ("permessage-d\xc3\xa9"
     "flate"),
};


static void
check(const eirc_deflate_t *want, const char *header, const char *answer)
{
    uint8_t out[EIRC_DEFLATE_ANSWER_MAX];
    eirc_deflate_t agreed;
    size_t len;
    int rc;

    rc = eirc_deflate_negotiate(&agreed, want, (const uint8_t *) header,
                                strlen(header));

    if (answer == NULL) {
        assert_int_equal(rc, EIRC_DONE);
        return;
    }

    assert_int_equal(rc, EIRC_OK);

    len = eirc_deflate_answer(out, &agreed);
    assert_int_equal(len, strlen(answer));
    assert_memory_equal(out, answer, len);
}


static void
test_offers(void **state)
{
    size_t i;

    (void) state;

    for (i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        check(&generous, offers[i].header, offers[i].generous);
        check(&lean, offers[i].header, offers[i].lean);
    }
}


static void
test_malformed(void **state)
{
    eirc_deflate_t agreed;
    size_t i;

    (void) state;

    for (i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        assert_int_equal(eirc_deflate_negotiate(&agreed, &generous,
                                                (const uint8_t *) malformed[i],
                                                strlen(malformed[i])),
                         EIRC_ERROR);
    }
}


/* whoever inflates learns how large a window he needs */
static void
test_windows(void **state)
{
    static const char offer[] = "permessage-deflate";
    static const char asks[] = "permessage-deflate; client_max_window_bits";
    eirc_deflate_t agreed;

    (void) state;

    assert_int_equal(eirc_deflate_negotiate(&agreed, &lean,
                                            (const uint8_t *) offer,
                                            sizeof(offer) - 1),
                     EIRC_OK);
    assert_int_equal(agreed.client_window_bits, 15);
    assert_int_equal(agreed.server_window_bits, 12);

    assert_int_equal(eirc_deflate_negotiate(&agreed, &lean,
                                            (const uint8_t *) asks,
                                            sizeof(asks) - 1),
                     EIRC_OK);
    assert_int_equal(agreed.client_window_bits, 10);
}


/* the longest answer has room */
static void
test_longest(void **state)
{
    static const eirc_deflate_t all = {true, true, 14, 14, true, true};
    uint8_t out[EIRC_DEFLATE_ANSWER_MAX];

    (void) state;

    assert_true(eirc_deflate_answer(out, &all) <= sizeof(out));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offers),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_longest),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("eirc_deflate", tests, NULL, NULL);
}
