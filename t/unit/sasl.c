/*
 * sasl and eirc_sasl: the vectors of RFC 7677 and RFC 4616, servers that don't
 * know the secret, challenges that make no sense.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eirc_codes.h"
#include "sasl.h"
#include "sasl_ecdsa.h"

#define NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT "W22ZaJ0SNY7soEsUEjb6gQ=="
#define FIRST "r=" SERVER_NONCE ",s=" SALT ",i=4096"
#define FINAL "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


static uint8_t out[SASL_ANSWER_MAX];
static size_t len;
static const char *why;


static int
answer(sasl_t *s, const char *challenge)
{
    int rc;
    size_t n;
    uint8_t *copy;

    /* from memory that ends where the challenge ends */

    n = strlen(challenge);
    copy = malloc(n + (n == 0));
    assert_non_null(copy);
    memcpy(copy, challenge, n);
    why = NULL;
    rc = sasl_answer(s, eirc_slice(copy, n), out, &len, &why);
    free(copy);

    assert_true(rc == EIRC_OK ? why == NULL : why != NULL);

    return rc;
}


#define is_answer(bytes)                                                      \
    do {                                                                      \
        assert_int_equal(len, sizeof(bytes) - 1);                             \
        assert_memory_equal(out, bytes, sizeof(bytes) - 1);                   \
    } while (0)


static void
scram_begin(sasl_t *s, const char *secret)
{
    sasl_begin(s, EIRC_SASL_SCRAM_SHA_256, EIRC_SLICE("user"),
               eirc_slice_str(secret), NONCE);
    assert_int_equal(answer(s, ""), EIRC_OK);
    is_answer("n,,n=user,r=" NONCE);
}


static void
test_sets(void **state)
{
    (void) state;

    assert_int_equal(eirc_sasl_set(EIRC_SLICE("")), 0);
    assert_int_equal(eirc_sasl_set(EIRC_SLICE("plain,PLAI,PLAINS,,")), 0);
    assert_int_equal(eirc_sasl_set(EIRC_SLICE("EXTERNAL,PLAIN")),
                     EIRC_SASL_BIT(EIRC_SASL_EXTERNAL)
                         | EIRC_SASL_BIT(EIRC_SASL_PLAIN));
    assert_int_equal(eirc_sasl_set(EIRC_SLICE("SCRAM-SHA-256")),
                     EIRC_SASL_BIT(EIRC_SASL_SCRAM_SHA_256));
    assert_int_equal(eirc_sasl_set(EIRC_SLICE("ECDSA-NIST256P-CHALLENGE")),
                     EIRC_SASL_BIT(EIRC_SASL_ECDSA));
    assert_int_equal(
        eirc_sasl_set(EIRC_SLICE("SCRAM-SHA-256-PLUS,SCRAM-SHA-1")), 0);

    assert_int_equal(eirc_sasl_strongest(0), EIRC_SASL_NONE);
    assert_int_equal(eirc_sasl_strongest(eirc_sasl_set(EIRC_SLICE("PLAIN"))),
                     EIRC_SASL_PLAIN);
    assert_int_equal(
        eirc_sasl_strongest(eirc_sasl_set(EIRC_SLICE("PLAIN,SCRAM-SHA-256"))),
        EIRC_SASL_SCRAM_SHA_256);
    assert_string_equal(eirc_sasl_name(EIRC_SASL_EXTERNAL), "EXTERNAL");
}


static void
test_plain(void **state)
{
    sasl_t s;

    (void) state;

    sasl_begin(&s, EIRC_SASL_PLAIN, EIRC_SLICE("jilles"), EIRC_SLICE("sesame"),
               "");
    assert_false(sasl_complete(&s));
    assert_int_equal(answer(&s, ""), EIRC_OK);
    is_answer("jilles\0jilles\0sesame");
    assert_true(sasl_complete(&s));
    assert_int_equal(answer(&s, "more"), EIRC_ERROR);
}


static void
test_ecdsa(void **state)
{
    sasl_t s;
    char challenge[] = "0123456789abcdef0123456789abcdef";

    (void) state;

    /* what is no key was found out before; with one: client_register.t */

    sasl_sign_with(sasl_ecdsa_sign);

    sasl_begin(&s, EIRC_SASL_ECDSA, EIRC_SLICE("jilles"),
               EIRC_SLICE("-----BEGIN PRIVATE KEY-----\n"), "");
    assert_int_equal(answer(&s, ""), EIRC_OK);
    is_answer("jilles");
    assert_false(sasl_complete(&s));
    assert_int_equal(answer(&s, challenge), EIRC_ERROR);
    assert_string_equal(why, "the server's challenge can't be signed");
    assert_false(sasl_complete(&s));

    /* nor is there anything to do it with, in a worker */

    sasl_sign_with(NULL);
    sasl_begin(&s, EIRC_SASL_ECDSA, EIRC_SLICE("jilles"), EIRC_SLICE("key"),
               "");
    assert_int_equal(answer(&s, ""), EIRC_OK);
    assert_int_equal(answer(&s, challenge), EIRC_ERROR);
}


static void
test_external(void **state)
{
    sasl_t s;

    (void) state;

    sasl_begin(&s, EIRC_SASL_EXTERNAL, EIRC_SLICE("a"), EIRC_SLICE("b"), "");
    assert_int_equal(answer(&s, ""), EIRC_OK);
    is_answer("");
    assert_true(sasl_complete(&s));
}


static void
test_scram(void **state)
{
    sasl_t s;

    (void) state;

    scram_begin(&s, "pencil");
    assert_int_equal(answer(&s, FIRST), EIRC_OK);
    is_answer("c=biws,r=" SERVER_NONCE
              ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    assert_false(sasl_complete(&s));
    assert_int_equal(answer(&s, FINAL), EIRC_OK);
    is_answer("");
    assert_true(sasl_complete(&s));
    assert_int_equal(answer(&s, ""), EIRC_ERROR);
    assert_int_equal(len, 0);
}


static void
test_scram_name(void **state)
{
    sasl_t s;

    (void) state;

    sasl_begin(&s, EIRC_SASL_SCRAM_SHA_256, EIRC_SLICE("a=b,c"),
               EIRC_SLICE("x"), "n");
    assert_int_equal(answer(&s, ""), EIRC_OK);
    is_answer("n,,n=a=3Db=2Cc,r=n");

    sasl_begin(&s, EIRC_SASL_SCRAM_SHA_256, EIRC_SLICE("a"),
               EIRC_SLICE("\x01"), "n");
    assert_int_equal(answer(&s, ""), EIRC_ERROR);
}


static void
test_impostor(void **state)
{
    size_t i;
    sasl_t s;
    static const char *const finals[] = {
        "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95A==",
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4A",
        "v=",
        "v",
        "",
        "e=invalid-proof",
        ("x" FINAL),
    };

    (void) state;

    for (i = 0; i < sizeof(finals) / sizeof(finals[0]); i++) {
        scram_begin(&s, "pencil");
        assert_int_equal(answer(&s, FIRST), EIRC_OK);
        assert_int_equal(answer(&s, finals[i]), EIRC_ERROR);
        assert_false(sasl_complete(&s));
        assert_int_equal(len, 0);
    }

    scram_begin(&s, "pencils");
    assert_int_equal(answer(&s, FIRST), EIRC_OK);
    assert_int_equal(answer(&s, FINAL), EIRC_ERROR);
}


static void
test_nonsense(void **state)
{
    size_t i;
    sasl_t s;
    static const char *const firsts[] = {
        "",
        "r=" SERVER_NONCE,
        "r=" SERVER_NONCE ",s=" SALT,
        "r=" SERVER_NONCE ",s=" SALT ",i=",
        "r=" SERVER_NONCE ",s=" SALT ",i=4095",
        "r=" SERVER_NONCE ",s=" SALT ",i=1000001",
        "r=" SERVER_NONCE ",s=" SALT ",i=99999999999999999999",
        "r=" SERVER_NONCE ",s=" SALT ",i=4096x",
        "r=" SERVER_NONCE ",s=" SALT ",i=-4096",
        "r=" SERVER_NONCE ",s=,i=4096",
        "r=" SERVER_NONCE ",s=W22Z*J0S,i=4096",
        "r=" NONCE ",s=" SALT ",i=4096",
        "r=x" SERVER_NONCE ",s=" SALT ",i=4096",
        "r=,s=" SALT ",i=4096",
        "m=x," FIRST,
        "s=" SALT ",r=" SERVER_NONCE ",i=4096",
        FINAL,
    };

    (void) state;

    for (i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
        scram_begin(&s, "pencil");
        assert_int_equal(answer(&s, firsts[i]), EIRC_ERROR);
        assert_int_equal(len, 0);
    }

    sasl_begin(&s, EIRC_SASL_SCRAM_SHA_256, EIRC_SLICE("user"),
               EIRC_SLICE("x"), NONCE);
    assert_int_equal(answer(&s, FIRST), EIRC_ERROR);
}


/* cut at every byte: never an answer, never a step behind the challenge */
static void
test_cut(void **state)
{
    size_t i;
    sasl_t s;
    char cut[sizeof(FIRST)];

    (void) state;

    for (i = 0; i < sizeof(FIRST) - 1; i++) {
        memcpy(cut, FIRST, i);
        cut[i] = '\0';
        scram_begin(&s, "pencil");
        assert_int_equal(answer(&s, cut), EIRC_ERROR);
    }
}


/* challenges as long as may be */
static void
test_long(void **state)
{
    sasl_t s;
    size_t n;
    char challenge[SASL_CHALLENGE_MAX + 1];

    (void) state;

    n = sizeof(challenge) - 1 - sizeof(",s=" SALT ",i=4096") + 1;
    memset(challenge, 'x', n);
    memcpy(challenge, "r=" NONCE, sizeof("r=" NONCE) - 1);
    strcpy(challenge + n, ",s=" SALT ",i=4096");

    scram_begin(&s, "pencil");
    assert_int_equal(answer(&s, challenge), EIRC_OK);
    assert_int_equal(answer(&s, FINAL), EIRC_ERROR);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),     cmocka_unit_test(test_plain),
        cmocka_unit_test(test_external), cmocka_unit_test(test_ecdsa),
        cmocka_unit_test(test_scram),    cmocka_unit_test(test_scram_name),
        cmocka_unit_test(test_impostor), cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_cut),      cmocka_unit_test(test_long),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
