/*
 * eirc_base64: the vectors of RFC 4648, 10; what a strict decoder refuses;
 * every byte at every place; buffers of exactly the size, and one too small.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "eirc_base64.h"
#include "eirc_codes.h"

static const struct {
    const char *plain;
    const char *encoded;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbe", "+/++"},
};

static const char *const refused[] = {
    "Z",        "Zg",      "Zg=",      "=",        "====",     "=g==",
    "Z===",     "Zg=v",    "Zg==Zg==", "Zm9v=",    "Zm9 ",     "Zm9v\n",
    "Zm\n9v",   "Zh==",    "Zm9=",     "Zm-_",     "Zm9v====", "Z=9v",
    "Zm9vZg=Z", "\x80m9v", "Zm9v Zg=", "Zg==Zm9v",
};


static void
test_vectors(void **state)
{
    size_t i, n, m, len;
    uint8_t out[16];
    const uint8_t *p;

    (void) state;

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        p = (const uint8_t *) vectors[i].plain;
        n = strlen(vectors[i].plain);
        m = strlen(vectors[i].encoded);

        assert_int_equal(EIRC_BASE64_ENCODED(n), m);
        assert_int_equal(eirc_base64_encode(out, m, &len, p, n), EIRC_OK);
        assert_int_equal(len, m);
        assert_memory_equal(out, vectors[i].encoded, m);

        if (m > 0) {
            assert_int_equal(eirc_base64_encode(out, m - 1, &len, p, n),
                             EIRC_ERROR);
        }

        p = (const uint8_t *) vectors[i].encoded;

        assert_int_equal(eirc_base64_decode(out, n, &len, p, m), EIRC_OK);
        assert_int_equal(len, n);
        assert_memory_equal(out, vectors[i].plain, n);
        assert_true(EIRC_BASE64_DECODED(m) >= n);

        if (n > 0) {
            assert_int_equal(eirc_base64_decode(out, n - 1, &len, p, m),
                             EIRC_ERROR);
        }
    }
}


static void
test_refused(void **state)
{
    size_t i, len;
    uint8_t out[16];

    (void) state;

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (eirc_base64_decode(out, sizeof(out), &len,
                               (const uint8_t *) refused[i],
                               strlen(refused[i]))
            != EIRC_ERROR)
        {
            fail_msg("\"%s\" was decoded", refused[i]);
        }
    }
}


static void
test_alphabet(void **state)
{
    unsigned c;
    size_t len, place;
    int digit;
    uint8_t in[4], out[3];
    const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                         "0123456789+/";

    (void) state;

    for (c = 0; c < 256; c++) {
        digit = c != 0 && strchr(digits, (int) c) != NULL;

        for (place = 0; place < 4; place++) {
            memset(in, 'A', 4);
            in[place] = (uint8_t) c;

            if (c == '=' && place == 3) {
                continue;
            }

            assert_int_equal(eirc_base64_decode(out, 3, &len, in, 4),
                             digit ? EIRC_OK : EIRC_ERROR);
        }
    }
}


static void
test_all_bytes(void **state)
{
    size_t i, n, len, back;
    uint8_t plain[256], out[EIRC_BASE64_ENCODED(256)], again[256];

    (void) state;

    for (i = 0; i < 256; i++) {
        plain[i] = (uint8_t) (i * 167 + 13);
    }

    for (n = 0; n <= 256; n++) {
        assert_int_equal(eirc_base64_encode(out, sizeof(out), &len, plain, n),
                         EIRC_OK);
        assert_int_equal(eirc_base64_decode(again, n, &back, out, len),
                         EIRC_OK);
        assert_int_equal(back, n);
        assert_memory_equal(again, plain, n);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_alphabet),
        cmocka_unit_test(test_all_bytes),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
