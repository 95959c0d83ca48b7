/*
 * TLS: which fingerprints are taken, and what a command line comes to.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tls_alone.h"
#include "tls_context.h"

#define PIN "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"


static void
test_pinned(void **state)
{
    uint8_t digest[EIRC_LINK_PIN_SIZE];
    tls_context_t c;

    (void) state;

    memset(&c, 0, sizeof(c));
    memset(digest, 0, sizeof(digest));
    assert_false(tls_context_pinned(&c, digest));

    c.npins = 2;
    memset(c.pins, 0xff, sizeof(c.pins));
    assert_false(tls_context_pinned(&c, digest));
    memset(c.pins + EIRC_LINK_PIN_SIZE, 0, EIRC_LINK_PIN_SIZE);
    assert_true(tls_context_pinned(&c, digest));
    digest[EIRC_LINK_PIN_SIZE - 1] = 1;
    assert_false(tls_context_pinned(&c, digest));

    /* no more than there are */

    c.npins = 1;
    digest[EIRC_LINK_PIN_SIZE - 1] = 0;
    assert_false(tls_context_pinned(&c, digest));
}


static void
test_options(void **state)
{
    size_t len;
    uint8_t blob[EIRC_LINK_TLS_MAX];
    char words[TLS_ALONE_WORDS];
    tls_alone_t o;
    eirc_link_tls_t tls;

    (void) state;

    memset(&o, 0, sizeof(o));
    len = tls_alone_blob(&o, blob, words);
    assert_int_equal(eirc_link_tls_read(&tls, blob, len), EIRC_OK);
    assert_int_equal(tls.flags, 0);
    assert_int_equal(tls.npins, 0);
    assert_int_equal(tls.ca.len, 0);

    o.verify = "off";
    o.fingerprint = PIN "," PIN;
    o.ca = "/etc/../etc/passwd";
    o.certificate = "/etc/passwd";
    len = tls_alone_blob(&o, blob, words);
    assert_int_equal(eirc_link_tls_read(&tls, blob, len), EIRC_OK);
    assert_int_equal(tls.flags, EIRC_LINK_TLS_UNVERIFIED);
    assert_int_equal(tls.npins, 2);
    assert_int_equal(tls.pins[63], 0xef);
    assert_true(eirc_slice_equal(tls.ca, EIRC_SLICE("/etc/passwd")));
    assert_true(eirc_slice_equal(tls.certificate, EIRC_SLICE("/etc/passwd")));
}


static void
test_mistakes(void **state)
{
    size_t i;
    uint8_t blob[EIRC_LINK_TLS_MAX];
    char words[TLS_ALONE_WORDS];
    static const struct {
        tls_alone_t o;
        const char *words;
    } cases[] = {
        {{.verify = "yes"}, "--tls-verify is on or off, not yes"},
        {{.fingerprint = ""}, "Invalid --tls-fingerprint: "},
        {{.fingerprint = PIN ","}, "Invalid --tls-fingerprint: " PIN ","},
        {{.fingerprint = PIN "0"}, "Invalid --tls-fingerprint: " PIN "0"},
        {{.fingerprint = "," PIN}, "Invalid --tls-fingerprint: ," PIN},
        {{.ca = "/nowhere"}, "Invalid --tls-ca: /nowhere"},
        {{.certificate = "/nowhere"}, "Invalid --tls-certificate: /nowhere"},
        {{.key = "/nowhere"}, "Invalid --tls-key: /nowhere"},
        {{.key = "/etc/passwd"}, "--tls-key needs a --tls-certificate"},
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(tls_alone_blob(&cases[i].o, blob, words), 0);
        assert_string_equal(words, cases[i].words);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pinned),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_mistakes),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
