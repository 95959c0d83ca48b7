/*
 * claim: what one side writes the other one reads; nothing else is read.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "claim.h"

#define PASSPORT_LEN (EIRC_LINK_ADOPT_MIN - CLAIM_SIZE)

static uint8_t passport[PASSPORT_MAX + 1];


static void
claim_fill(claim_t *claim, size_t len)
{
    memset(claim, 0, sizeof(claim_t));
    memset(passport, 'p', sizeof(passport));

    claim->flags = CLAIM_IRC | CLAIM_RESUMED;
    claim->attachment = 0x01020304;
    claim->connection = 0xfffffffe;
    claim->server = 15;
    memset(claim->key, 0xaa, sizeof(claim->key));
    memset(claim->next_key, 0xbb, sizeof(claim->next_key));
    claim->passport = eirc_slice(passport, len);
}


static void
test_read(void **state)
{
    size_t len;
    uint8_t buf[CLAIM_RECORD_MAX];
    claim_t claim, again;

    (void) state;

    claim_fill(&claim, PASSPORT_LEN);
    len = claim_write(buf, &claim);
    assert_int_equal(len, EIRC_LINK_HEADER_SIZE + CLAIM_SIZE + PASSPORT_LEN);

    assert_int_equal(claim_read(&again, buf, len), EIRC_OK);
    assert_int_equal(again.flags, claim.flags);
    assert_int_equal(again.attachment, claim.attachment);
    assert_int_equal(again.connection, claim.connection);
    assert_int_equal(again.server, claim.server);
    assert_memory_equal(again.key, claim.key, sizeof(claim.key));
    assert_memory_equal(again.next_key, claim.next_key,
                        sizeof(claim.next_key));
    assert_int_equal(again.passport.len, PASSPORT_LEN);
    assert_memory_equal(again.passport.p, passport, PASSPORT_LEN);
}


static void
test_bounds(void **state)
{
    size_t i, len;
    uint8_t buf[CLAIM_RECORD_MAX];
    claim_t claim;

    (void) state;

    claim_fill(&claim, PASSPORT_MAX);
    len = claim_write(buf, &claim);
    assert_int_equal(len, sizeof(buf));
    assert_int_equal(claim_read(&claim, buf, len), EIRC_OK);

    claim_fill(&claim, PASSPORT_MAX + 1);
    assert_int_equal(claim_write(buf, &claim), 0);

    claim_fill(&claim, PASSPORT_LEN);
    len = claim_write(buf, &claim);

    for (i = 0; i < len; i++) {
        assert_int_equal(claim_read(&claim, buf, i), EIRC_ERROR);
    }

    /* another type, flags of the header, version, version of our own, flag */

    for (i = 0; i < 20; i++) {
        if (i == 17) {
            break;
        }

        buf[i] ^= 0x40;
        assert_int_equal(claim_read(&claim, buf, len), EIRC_ERROR);
        buf[i] ^= 0x40;
    }

    assert_int_equal(claim_read(&claim, buf, len), EIRC_OK);
}


static void
test_descriptors(void **state)
{
    claim_t claim;

    (void) state;

    memset(&claim, 0, sizeof(claim));
    assert_int_equal(claim_descriptors(&claim), 1);
    claim.flags = CLAIM_IRC;
    assert_int_equal(claim_descriptors(&claim), 2);
    claim.flags = CLAIM_LINK | CLAIM_RESUMED;
    assert_int_equal(claim_descriptors(&claim), 2);
    claim.flags = CLAIM_FLAGS;
    assert_int_equal(claim_descriptors(&claim), 3);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
