/*
 * eirc_protocol: the client's order decides, what is unknown is passed over,
 * a ticket is taken and never answered, a list that is none is refused.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eirc_protocol.h"

#define TEXT "text.ircv3.net"
#define BINARY "binary.ircv3.net"

static const struct {
    const char *header;
    eirc_protocol_e taken;
    const char *name;
    const char *ticket;
} offers[] = {
    {"", EIRC_PROTOCOL_NONE, NULL, NULL},
    {TEXT, EIRC_PROTOCOL_TEXT, TEXT, NULL},
    {BINARY, EIRC_PROTOCOL_BINARY, BINARY, NULL},
    {TEXT ", " BINARY, EIRC_PROTOCOL_TEXT, TEXT, NULL},
    {BINARY "," TEXT, EIRC_PROTOCOL_BINARY, BINARY, NULL},
    {" ,\t" BINARY "\t, ," TEXT " ", EIRC_PROTOCOL_BINARY, BINARY, NULL},
    {"soap, mqtt, " TEXT, EIRC_PROTOCOL_TEXT, TEXT, NULL},
    {"soap", EIRC_PROTOCOL_NONE, NULL, NULL},

    /* names have their case and their length */
    {"TEXT.ircv3.net", EIRC_PROTOCOL_NONE, NULL, NULL},
    {TEXT "x", EIRC_PROTOCOL_NONE, NULL, NULL},
    {"text.ircv3.ne", EIRC_PROTOCOL_NONE, NULL, NULL},

    {"eirc.ticket.abc", EIRC_PROTOCOL_NONE, NULL, "abc"},
    {TEXT ", eirc.ticket.a-b_c.d", EIRC_PROTOCOL_TEXT, TEXT, "a-b_c.d"},
    {"eirc.ticket.one, " BINARY ", eirc.ticket.two", EIRC_PROTOCOL_BINARY,
     BINARY, "one"},
    {"eirc.ticket.", EIRC_PROTOCOL_NONE, NULL, NULL},
};

static const char *const malformed[] = {
    "a b", TEXT ";", "\"" TEXT "\"", "a/b", "(x)", "a, \xc3\xa9", "=",
};


static int
read_text(eirc_protocol_t *p, const char *header)
{
    return eirc_protocol_read(p, (const uint8_t *) header, strlen(header));
}


static void
test_offers(void **state)
{
    size_t i;
    eirc_protocol_t p;

    (void) state;

    for (i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        memset(&p, 0, sizeof(p));
        assert_int_equal(read_text(&p, offers[i].header), EIRC_OK);
        assert_int_equal(p.taken, offers[i].taken);
        assert_true(eirc_slice_equal(p.name, eirc_slice_str(offers[i].name)));
        assert_true(
            eirc_slice_equal(p.ticket, eirc_slice_str(offers[i].ticket)));
    }
}


/* several header lines are one list (RFC 6455, 11.3.4) */
static void
test_lines(void **state)
{
    eirc_protocol_t p;

    (void) state;

    memset(&p, 0, sizeof(p));
    assert_int_equal(read_text(&p, "soap"), EIRC_OK);
    assert_int_equal(read_text(&p, BINARY), EIRC_OK);
    assert_int_equal(read_text(&p, TEXT ", eirc.ticket.x"), EIRC_OK);
    assert_int_equal(p.taken, EIRC_PROTOCOL_BINARY);
    assert_true(eirc_slice_equal(p.ticket, EIRC_SLICE("x")));
}


static void
test_malformed(void **state)
{
    size_t i;
    eirc_protocol_t p;

    (void) state;

    for (i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        memset(&p, 0, sizeof(p));
        assert_int_equal(read_text(&p, malformed[i]), EIRC_ERROR);
    }

    memset(&p, 0, sizeof(p));
    assert_int_equal(eirc_protocol_read(&p, (const uint8_t *) "a\0b", 3),
                     EIRC_ERROR);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offers),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_malformed),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
