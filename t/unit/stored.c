/*
 * stored: a session's file is read as it was written, without what belonged to
 * its layer, and in no other way: no bit of it is another, none is missing.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_stage.h"


static uint32_t
number_at(const uint8_t *p)
{
    return (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16
           | (uint32_t) p[3] << 24;
}


static void
number_set(uint8_t *p, uint32_t n)
{
    p[0] = (uint8_t) n;
    p[1] = (uint8_t) (n >> 8);
    p[2] = (uint8_t) (n >> 16);
    p[3] = (uint8_t) (n >> 24);
}


/* Another file that was written with the key all the same. */
static int
signed_read(uint8_t *p, size_t len)
{
    stored_t stored;

    assert_int_equal(
        card_sign(&key, p, len - CARD_CODE_SIZE, p + len - CARD_CODE_SIZE),
        EIRC_OK);

    return stored_read(&key, &stored, p, len);
}


static void
test_again(void **state)
{
    size_t len, cursor, offset;
    uint8_t *p;
    held_t s, again;
    stored_t stored;
    const uint8_t *page;
    stored_head_t head = {STORED_EXACT, 900, 5, 0};

    (void) state;

    head.size = (uint32_t) SIZE;
    stage_session(&s);
    p = stage_file(&s, &head, &len);

    assert_int_equal(stored_read(&key, &stored, p, len), EIRC_OK);
    assert_int_equal(stored.head.flags, STORED_EXACT);
    assert_int_equal(stored.head.life, 900);
    assert_int_equal(stored.head.turn, 5);
    assert_int_equal(stored.head.size, SIZE);
    assert_string_equal(stored.passport.id, ID);
    assert_int_equal(stored.session.pid, 0);
    assert_int_equal(stored.session.attached, 0);

    /* empty pages are left out */

    cursor = 0;
    page = stored_page(&stored, &cursor, &offset);
    assert_non_null(page);
    assert_int_equal(offset, 0);
    assert_int_equal(page[SESSION_PAGE - 1], 1);
    page = stored_page(&stored, &cursor, &offset);
    assert_non_null(page);
    assert_int_equal(offset, SIZE - SESSION_PAGE);
    assert_int_equal(page[0], 2);
    assert_null(stored_page(&stored, &cursor, &offset));

    /* what was the layer's is nobody's */

    memset(&again, 0, sizeof(again));
    assert_int_equal(stored_fill(&again, &stored), EIRC_OK);
    assert_int_equal(again.state, HELD_WAITING);
    assert_int_equal(again.irc_state, HELD_IRC_NONE);
    assert_int_equal(again.pid, 0);
    assert_int_equal(again.link, -1);
    assert_int_equal(again.segment, -1);
    assert_int_equal(again.secret, -1);
    assert_int_equal(again.control, -1);
    assert_int_equal(again.irc, -1);
    assert_int_equal(again.worker_control, -1);
    assert_int_equal(again.pidfd, -1);
    assert_int_equal(again.anew, 0);
    assert_int_equal(again.succeeded, 1);
    assert_int_equal(again.attachment, 3);
    assert_int_equal(again.attempt, 0x01020304);
    assert_memory_equal(again.key, s.key, sizeof(s.key));
    assert_memory_equal(again.next_key, s.next_key, sizeof(s.next_key));

    free(p);
    free(s.passport);
}


/* With another key, cut, longer, or with a bit of it changed. */
static void
test_false(void **state)
{
    size_t i, len;
    uint8_t *p;
    held_t s;
    stored_t stored;
    card_key_t other = {{1, 2, 4}};
    stored_head_t head = {0, 900, 0, 0};

    (void) state;

    head.size = (uint32_t) SIZE;
    stage_session(&s);
    p = stage_file(&s, &head, &len);

    assert_int_equal(stored_read(&other, &stored, p, len), EIRC_ERROR);

    for (i = 0; i < len; i += i < 2000 ? 1 : 97) {
        assert_int_equal(stored_read(&key, &stored, p, i), EIRC_ERROR);

        p[i] ^= 0x10;
        assert_int_equal(stored_read(&key, &stored, p, len), EIRC_ERROR);
        p[i] ^= 0x10;
    }

    assert_int_equal(stored_read(&key, &stored, p, len), EIRC_OK);

    free(p);
    free(s.passport);
}


/* What breaks a rule, though it was signed. */
static void
test_rules(void **state)
{
    size_t i, len, pages;
    uint8_t *p, *copy;
    held_t s;
    stored_head_t head = {0, 900, 0, 0};
    static const struct {
        size_t at;
        uint32_t value;
    } heads[] = {
        {0, 2 | CARD_STORE << 8},           /* version */
        {0, 1 | CARD_PASSPORT << 8},        /* kind */
        {0, 1 | CARD_STORE << 8 | 2 << 16}, /* flags */
        {12, 4096},                         /* segment */
        {16, 0},                            /* record */
        {16, UINT32_MAX},
        {20, 0}, /* pages */
        {20, 1},
        {20, 3},
        {20, UINT32_MAX},
    };

    (void) state;

    head.size = (uint32_t) SIZE;
    stage_session(&s);
    p = stage_file(&s, &head, &len);
    copy = malloc(len);
    assert_non_null(copy);

    memcpy(copy, p, len);
    assert_int_equal(signed_read(copy, len), EIRC_OK);

    for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        memcpy(copy, p, len);
        number_set(copy + heads[i].at, heads[i].value);
        assert_int_equal(signed_read(copy, len), EIRC_ERROR);
    }

    /* a page twice, one behind the end, and one before another */

    pages = STORED_HEAD + number_at(p + 16);
    memcpy(copy, p, len);
    number_set(copy + pages + STORED_PAGE, 0);
    assert_int_equal(signed_read(copy, len), EIRC_ERROR);
    number_set(copy + pages + STORED_PAGE, (uint32_t) (SIZE / SESSION_PAGE));
    assert_int_equal(signed_read(copy, len), EIRC_ERROR);
    number_set(copy + pages + STORED_PAGE, UINT32_MAX);
    assert_int_equal(signed_read(copy, len), EIRC_ERROR);
    number_set(copy + pages + STORED_PAGE, 1);
    assert_int_equal(signed_read(copy, len), EIRC_OK);
    number_set(copy + pages, 2);
    assert_int_equal(signed_read(copy, len), EIRC_ERROR);

    /* another record, and none */

    memcpy(copy, p, len);
    copy[STORED_HEAD] = IMAGE_PEER;
    assert_int_equal(signed_read(copy, len), EIRC_ERROR);
    copy[STORED_HEAD] = IMAGE_SESSION;
    copy[STORED_HEAD + 4]++;
    assert_int_equal(signed_read(copy, len), EIRC_ERROR);

    free(copy);
    free(p);
    free(s.passport);
}


static void
test_head(void **state)
{
    stored_head_t head;
    uint8_t buf[STORED_HEAD] = {1, CARD_STORE, 1, 0, 0x84, 3};

    (void) state;

    assert_int_equal(stored_head_read(&head, buf, sizeof(buf)), EIRC_OK);
    assert_int_equal(head.flags, STORED_EXACT);
    assert_int_equal(head.life, 900);
    assert_int_equal(stored_head_read(&head, buf, sizeof(buf) - 1),
                     EIRC_ERROR);
    buf[3] = 1;
    assert_int_equal(stored_head_read(&head, buf, sizeof(buf)), EIRC_ERROR);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_false),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_head),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
