/*
 * hash: the vectors of FIPS 180-2 for SHA-256, of RFC 4231 for HMAC and of
 * RFC 7914, 11 for PBKDF2, and the secret of RFC 7677.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hash.h"


/* Is it what these hexadecimal digits say, as far as they go? */
static void
is_hash(const uint8_t *hash, const char *hex)
{
    size_t i;
    char text[2 * HASH_SIZE + 1];

    for (i = 0; i < HASH_SIZE; i++) {
        (void) snprintf(text + 2 * i, 3, "%02x", hash[i]);
    }

    text[strlen(hex)] = '\0';

    assert_string_equal(text, hex);
}


static void
test_sha256(void **state)
{
    size_t i;
    uint8_t out[HASH_SIZE], long_one[1000];
    static const struct {
        const char *text;
        const char *hex;
    } vectors[] = {
        {"",
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc",
         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };

    (void) state;

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        hash_sha256(out, eirc_slice_str(vectors[i].text));
        is_hash(out, vectors[i].hex);
    }

    memset(long_one, 'a', sizeof(long_one));
    hash_sha256(out, eirc_slice(long_one, sizeof(long_one)));
    is_hash(
        out,
        "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}


static void
test_hmac(void **state)
{
    size_t i;
    uint8_t key[131], text[50], out[HASH_SIZE];

    (void) state;

    /* 4.2 to 4.8 */

    memset(key, 0x0b, 20);
    hash_hmac(out, eirc_slice(key, 20), EIRC_SLICE("Hi There"));
    is_hash(
        out,
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");

    hash_hmac(out, EIRC_SLICE("Jefe"),
              EIRC_SLICE("what do ya want for nothing?"));
    is_hash(
        out,
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");

    memset(key, 0xaa, 20);
    memset(text, 0xdd, sizeof(text));
    hash_hmac(out, eirc_slice(key, 20), eirc_slice(text, sizeof(text)));
    is_hash(
        out,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");

    for (i = 0; i < 25; i++) {
        key[i] = (uint8_t) (i + 1);
    }

    memset(text, 0xcd, sizeof(text));
    hash_hmac(out, eirc_slice(key, 25), eirc_slice(text, sizeof(text)));
    is_hash(
        out,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");

    memset(key, 0x0c, 20);
    hash_hmac(out, eirc_slice(key, 20), EIRC_SLICE("Test With Truncation"));
    is_hash(out, "a3b6167473100ee06e0c796c2955552b");

    memset(key, 0xaa, sizeof(key));
    hash_hmac(
        out, eirc_slice(key, sizeof(key)),
        EIRC_SLICE("Test Using Larger Than Block-Size Key - Hash Key First"));
    is_hash(
        out,
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");

    hash_hmac(out, eirc_slice(key, sizeof(key)),
              EIRC_SLICE("This is a test using a larger than block-size key "
                         "and a larger than block-size data. The key needs "
                         "to be hashed before being used by the HMAC "
                         "algorithm."));
    is_hash(
        out,
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}


static void
test_pbkdf2(void **state)
{
    uint8_t out[HASH_SIZE];
    static const uint8_t salt[]
        = {0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e,
           0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81};

    (void) state;

    /* those of 64 bytes: the first 32 are the first block */

    hash_pbkdf2(out, EIRC_SLICE("passwd"), EIRC_SLICE("salt"), 1);
    is_hash(
        out,
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");

    hash_pbkdf2(out, EIRC_SLICE("Password"), EIRC_SLICE("NaCl"), 80000);
    is_hash(
        out,
        "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56");

    /* RFC 7677, 3: the key that its signatures are made with */

    hash_pbkdf2(out, EIRC_SLICE("pencil"), eirc_slice(salt, sizeof(salt)),
                4096);
    is_hash(
        out,
        "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d");
}


static void
test_places(void **state)
{
    uint8_t one[HASH_SIZE], other[HASH_SIZE];

    (void) state;

    /* nothing at all, and into the place of an input */

    hash_hmac(one, eirc_slice(NULL, 0), eirc_slice(NULL, 0));
    is_hash(
        one,
        "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");

    hash_hmac(other, eirc_slice(one, sizeof(one)), EIRC_SLICE("x"));
    hash_hmac(one, eirc_slice(one, sizeof(one)), EIRC_SLICE("x"));
    assert_true(hash_equal(one, other));

    other[HASH_SIZE - 1] ^= 1;
    assert_false(hash_equal(one, other));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_pbkdf2),
        cmocka_unit_test(test_places),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
