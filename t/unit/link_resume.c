/*
 * eirc_link: RESUME, RESUMED and the IDs of sessions, every field and bound of
 * docs/link.md, 5.1 and 8, with records cut at every byte.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eirc_link.h"

static uint8_t key[32];
static uint8_t next[32];


static int
id_read(const char *id, uint32_t *layer)
{
    int rc;
    char *copy;
    size_t len;

    len = strlen(id);
    copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);

    if (len > 0) {
        memcpy(copy, id, len);
    }

    rc = eirc_link_id_read(copy, len, layer);
    free(copy);

    return rc;
}


static void
test_id(void **state)
{
    size_t i;
    uint32_t layer;
    static const struct {
        const char *id;
        uint32_t layer;
    } good[] = {{"0-1", 0},
                {"0-z", 0},
                {"7-0123456789abcdef0123456789abc", 7},
                {"12-00", 12},
                {"99999-a", 99999}};
    static const char *const bad[] = {"",
                                      "0",
                                      "-",
                                      "0-",
                                      "-1",
                                      "00-1",
                                      "01-1",
                                      "100000-a",
                                      "x-1",
                                      "0-A",
                                      "0-1.2",
                                      "0-1 2",
                                      "0-1-2",
                                      "0_1",
                                      " 0-1",
                                      "0-1\n",
                                      "0-\xc3\xa4",
                                      "4294967296-1",
                                      "0-0123456789abcdef0123456789abcd"};

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(id_read(good[i].id, &layer), EIRC_OK);
        assert_int_equal(layer, good[i].layer);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(id_read(bad[i], &layer), EIRC_ERROR);
    }

    assert_int_equal(eirc_link_id_read("0-1\0", 4, &layer), EIRC_ERROR);
}


static void
resume_of(eirc_link_resume_t *r)
{
    memset(key, 0xaa, sizeof(key));
    memset(next, 0xbb, sizeof(next));

    r->lines = UINT64_C(0x0102030405060708);
    r->id = "1-abc";
    r->id_len = 5;
    r->key = key;
    r->next = next;
    r->mode = EIRC_PROTOCOL_TEXT;
    r->cpu = 0x11121314;
}


static int
resume_read(const uint8_t *record, size_t len)
{
    int rc;
    uint8_t *copy;
    eirc_link_resume_t r;

    copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);

    if (len > 0) {
        memcpy(copy, record, len);
    }

    rc = eirc_link_resume_read(&r, copy, len);
    free(copy);

    return rc;
}


static void
test_resume_fields(void **state)
{
    size_t len;
    uint8_t p[121];
    eirc_link_resume_t r, again;
    static const uint8_t head[]
        = {5,    0,    0,    0,    2,    0,   0,   0,   0x08, 0x07, 0x06,
           0x05, 0x04, 0x03, 0x02, 0x01, '1', '-', 'a', 'b',  'c'};
    static const uint8_t tail[] = {1, 0, 0, 0, 0x14, 0x13, 0x12, 0x11};
    static const uint8_t zeros[27];

    (void) state;

    memset(p, 0xee, sizeof(p));
    resume_of(&r);
    assert_int_equal(eirc_link_resume_write(p, &r), 120);
    assert_memory_equal(p, head, sizeof(head));
    assert_memory_equal(p + 21, zeros, 27);
    assert_memory_equal(p + 48, key, 32);
    assert_memory_equal(p + 80, next, 32);
    assert_memory_equal(p + 112, tail, 8);
    assert_int_equal(p[120], 0xee);

    assert_int_equal(eirc_link_resume_read(&again, p, 120), EIRC_OK);
    assert_true(again.lines == r.lines);
    assert_int_equal(again.id_len, 5);
    assert_ptr_equal(again.id, p + 16);
    assert_ptr_equal(again.key, p + 48);
    assert_ptr_equal(again.next, p + 80);
    assert_int_equal(again.mode, EIRC_PROTOCOL_TEXT);
    assert_int_equal(again.cpu, 0x11121314);

    for (len = 0; len <= 121; len++) {
        assert_int_equal(resume_read(p, len),
                         len == 120 ? EIRC_OK : EIRC_ERROR);
    }
}


static void
test_resume_bounds(void **state)
{
    size_t i;
    uint8_t p[120], byte;
    eirc_link_resume_t r;

    (void) state;

    resume_of(&r);
    r.id = "0-0123456789abcdef0123456789abc";
    r.id_len = 31;
    assert_int_equal(eirc_link_resume_write(p, &r), 120);
    assert_int_equal(resume_read(p, 120), EIRC_OK);
    p[47] = 'd';
    assert_int_equal(resume_read(p, 120), EIRC_ERROR);

    r.id = "0-0123456789abcdef0123456789abcd";
    r.id_len = 32;
    assert_int_equal(eirc_link_resume_write(p, &r), 0);
    r.id = "0.1";
    r.id_len = 3;
    assert_int_equal(eirc_link_resume_write(p, &r), 0);

    resume_of(&r);
    r.mode = (eirc_protocol_e) 3;
    assert_int_equal(eirc_link_resume_write(p, &r), 0);

    /* the same, written by somebody who does not check */

    resume_of(&r);
    assert_int_equal(eirc_link_resume_write(p, &r), 120);

    for (i = 0; i < 120; i++) {
        byte = p[i];
        p[i] = 7;

        /* any count, key and CPU will do */

        assert_int_equal(resume_read(p, 120),
                         (i >= 8 && i < 16) || (i >= 48 && i < 112) || i >= 116
                             ? EIRC_OK
                             : EIRC_ERROR);
        p[i] = byte;
    }

    p[16] = 0;
    assert_int_equal(resume_read(p, 120), EIRC_ERROR);
}


static void
resumed_of(eirc_link_resumed_t *r)
{
    r->flags = 0;
    r->replay = 0x00050607;
    r->messages = UINT64_C(0x0102030405060708);
    r->lines = UINT64_C(0x1112131415161718);
    r->nick = EIRC_SLICE("nick");
    r->account = EIRC_SLICE("account");
}


static int
resumed_read(const uint8_t *record, size_t len)
{
    int rc;
    uint8_t *copy;
    eirc_link_resumed_t r;

    copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);

    if (len > 0) {
        memcpy(copy, record, len);
    }

    rc = eirc_link_resumed_read(&r, copy, len);
    free(copy);

    return rc;
}


static void
test_resumed_fields(void **state)
{
    size_t n, len;
    uint8_t p[EIRC_LINK_RESUMED_MAX + 1];
    eirc_link_resumed_t r, again;
    static const uint8_t expected[] = {
        23,   1,    0,    0,    0x07, 0x06, 0x05, 0,    0x08, 0x07, 0x06, 0x05,
        0x04, 0x03, 0x02, 0x01, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
        4,    'n',  'i',  'c',  'k',  'a',  'c',  'c',  'o',  'u',  'n',  't'};

    (void) state;

    memset(p, 0xee, sizeof(p));
    resumed_of(&r);
    r.flags = EIRC_LINK_GAP;
    n = eirc_link_resumed_write(p, &r);
    assert_int_equal(n, sizeof(expected));
    assert_memory_equal(p, expected, n);
    assert_int_equal(p[n], 0xee);

    assert_int_equal(eirc_link_resumed_read(&again, p, n), EIRC_OK);
    assert_int_equal(again.flags, EIRC_LINK_GAP);
    assert_int_equal(again.replay, r.replay);
    assert_true(again.messages == r.messages);
    assert_true(again.lines == r.lines);
    assert_true(eirc_slice_equal(again.nick, r.nick));
    assert_true(eirc_slice_equal(again.account, r.account));

    /* what is cut off is the account's, which knows no length of its own */

    for (len = 0; len <= n; len++) {
        assert_int_equal(resumed_read(p, len),
                         len >= 16 + 9 + 4 ? EIRC_OK : EIRC_ERROR);
    }
}


static int
resumed_both(const eirc_link_resumed_t *r)
{
    size_t n;
    uint8_t p[EIRC_LINK_RESUMED_MAX];

    n = eirc_link_resumed_write(p, r);

    if (n > 0) {
        assert_int_equal(resumed_read(p, n), EIRC_OK);
    }

    return n > 0;
}


static void
test_resumed_bounds(void **state)
{
    size_t i, n;
    char name[66];
    uint8_t p[EIRC_LINK_RESUMED_MAX + 1];
    eirc_link_resumed_t r;
    static const char *const bad[] = {"a b", "a\nb", "a\x7f", " "};

    (void) state;

    memset(name, 'x', sizeof(name));

    resumed_of(&r);
    r.flags = 2;
    assert_false(resumed_both(&r));

    resumed_of(&r);
    r.replay = 4095;
    assert_false(resumed_both(&r));
    r.replay = 4096;
    assert_true(resumed_both(&r));
    r.replay = 16777216;
    assert_true(resumed_both(&r));
    r.replay = 16777217;
    assert_false(resumed_both(&r));

    resumed_of(&r);
    r.nick = eirc_slice(name, 64);
    r.account = eirc_slice(name, 64);
    assert_true(resumed_both(&r));
    r.nick = eirc_slice(name, 65);
    assert_false(resumed_both(&r));
    r.nick = eirc_slice(NULL, 0);
    assert_false(resumed_both(&r));

    resumed_of(&r);
    r.account = eirc_slice(name, 65);
    assert_false(resumed_both(&r));
    r.account = eirc_slice(NULL, 0);
    assert_true(resumed_both(&r));

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        resumed_of(&r);
        r.nick = eirc_slice_str(bad[i]);
        assert_false(resumed_both(&r));
        resumed_of(&r);
        r.account = eirc_slice_str(bad[i]);
        assert_false(resumed_both(&r));
    }

    /* the same, written by somebody who does not check */

    resumed_of(&r);
    n = eirc_link_resumed_write(p, &r);
    p[24] = 0;
    assert_int_equal(resumed_read(p, n), EIRC_ERROR);
    p[24] = 11;
    assert_int_equal(resumed_read(p, n), EIRC_OK);
    p[24] = 12;
    assert_int_equal(resumed_read(p, n), EIRC_ERROR);
    p[24] = 4;
    p[7] = 0xff;
    assert_int_equal(resumed_read(p, n), EIRC_ERROR);
    p[7] = 0;
    p[25] = '\r';
    assert_int_equal(resumed_read(p, n), EIRC_ERROR);
    p[25] = 'n';
    p[n - 1] = '\0';
    assert_int_equal(resumed_read(p, n), EIRC_ERROR);

    memset(p + n - 1, 'x', sizeof(p) - n + 1);
    p[24] = 64;
    assert_int_equal(resumed_read(p, 16 + 9 + 128), EIRC_OK);
    p[24] = 65;
    assert_int_equal(resumed_read(p, 16 + 9 + 128), EIRC_ERROR);
    p[24] = 63;
    assert_int_equal(resumed_read(p, 16 + 9 + 128), EIRC_ERROR);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_id),
        cmocka_unit_test(test_resume_fields),
        cmocka_unit_test(test_resume_bounds),
        cmocka_unit_test(test_resumed_fields),
        cmocka_unit_test(test_resumed_bounds),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
