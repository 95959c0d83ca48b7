/*
 * address: what IRC servers are told of a browser's address.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "address.h"


static void
test_forms(void **state)
{
    unsigned i;
    char out[ADDRESS_SIZE];
    static const char *const forms[][2] = {
        {"192.0.2.1", "192.0.2.1"},
        {"127.0.0.1", "127.0.0.1"},
        {"255.255.255.255", "255.255.255.255"},
        {"unix:", "127.0.0.1"},
        {"::1", "0::1"},
        {"::", "0::"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::FFFF:c000:0201", "192.0.2.1"},
        {"0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"},
        {"::192.0.2.1", "0::192.0.2.1"},
        {"2001:db8::1", "2001:db8::1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"2001:0db8:0001:0000:0000:00ff:0:1", "2001:db8:1::ff:0:1"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };

    (void) state;

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        memset(out, 'x', sizeof(out));
        assert_true(address_write(out, forms[i][0]));
        assert_string_equal(out, forms[i][1]);
    }
}


static void
test_none(void **state)
{
    unsigned i;
    char out[ADDRESS_SIZE];
    static const char *const words[] = {
        "",
        "unix",
        "unix:/run/x",
        "localhost",
        "192.0.2",
        "192.0.2.01",
        "192.0.2.1 ",
        "192.0.2.256",
        ":1",
        ":::",
        "fe80::1%lo",
        "[2001::1]",
        "2001:db8::1 secure",
        "2001:db8::1\r\nQUIT",
    };

    (void) state;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_false(address_write(out, words[i]));
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
