/*
 * eirc_link: every rule of docs/link.md for headers, texts and lines; what is
 * read is cut at every byte.  SESSION is in link_session.c,
 * RESUME in link_resume.c.
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

#define HEADER EIRC_LINK_HEADER_SIZE

/* what a type permits; docs/link.md, 2 and 3 */
typedef struct {
    uint8_t type;
    size_t min; /* of the body */
    size_t max;
    uint8_t flags;
    uint32_t value; /* one that is good */
    int any_value;  /* flag: so is any other but perhaps 0 */
    int any_count;
} type_t;

static const type_t types[] = {
    {EIRC_LINK_HELLO, 0, 0, EIRC_LINK_FULL, EIRC_LINK_VERSION, 1, 1},
    {EIRC_LINK_WATCH, 0, 0, 0, EIRC_LINK_VERSION, 1, 0},
    {EIRC_LINK_SESSION, 129, 5925, 0, EIRC_LINK_VERSION, 1, 0},
    {EIRC_LINK_USER, 2, 65536, 0, 0, 0, 0},
    {EIRC_LINK_RESUME, 104, 104, 0, EIRC_LINK_VERSION, 1, 1},
    {EIRC_LINK_RESCUE, 132, 132, 0, EIRC_LINK_VERSION, 1, 1},
    {EIRC_LINK_READY, 1, 31, EIRC_LINK_READY_RESET, 0, 0, 0},
    {EIRC_LINK_REFUSED, 0, 255, 0, EIRC_LINK_LIMIT, 0, 0},
    {EIRC_LINK_LINES, 2, 16368, 0, 1, 1, 1},
    {EIRC_LINK_MESSAGE, 0, 65536, 0, 0, 0, 1},
    {EIRC_LINK_END, 0, 255, 0, EIRC_LINK_QUIT, 0, 0},
    {EIRC_LINK_DETACH, 0, 0, 0, 0, 0, 0},
    {EIRC_LINK_CONFIRM, 0, 0, 0, 0, 0, 1},
    {EIRC_LINK_ADOPT, 292, 6089, 0, EIRC_LINK_VERSION, 1, 1},
    {EIRC_LINK_UPGRADE, 0, 0, 0, EIRC_LINK_VERSION, 1, 0},
    {EIRC_LINK_UPGRADED, 0, 255, 0, 0, 0, 0},
    {EIRC_LINK_RESUMED, 9, 137, EIRC_LINK_GAP, 4096, 1, 1},
    {EIRC_LINK_RESET, 0, 0, 0, 0, 0, 0},
};

#define TYPES (sizeof(types) / sizeof(types[0]))


/* reads the header of a record from memory that holds nothing more */
static int
header_read(eirc_link_header_t *h, const uint8_t *record, size_t len)
{
    int rc;
    uint8_t *copy;
    size_t n;

    n = len < HEADER ? len : HEADER;
    copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);

    if (n > 0) {
        memcpy(copy, record, n);
    }

    rc = eirc_link_header_read(h, copy, len);
    free(copy);

    return rc;
}


/* a record with a body of so many letters */
static int
judge(uint8_t type, uint8_t flags, uint32_t value, uint64_t count, size_t body)
{
    int rc;
    uint8_t *record;
    eirc_link_header_t h, again;

    record = malloc(HEADER + body);
    assert_non_null(record);

    h.type = type;
    h.flags = flags;
    h.value = value;
    h.count = count;
    eirc_link_header_write(record, &h);
    memset(record + HEADER, 'x', body);

    rc = header_read(&again, record, HEADER + body);

    if (rc == EIRC_OK) {
        assert_int_equal(again.type, type);
        assert_int_equal(again.flags, flags);
        assert_int_equal(again.value, value);
        assert_true(again.count == count);
    }

    free(record);

    return rc;
}


static void
test_header_bytes(void **state)
{
    uint8_t p[HEADER];
    eirc_link_header_t h;
    static const uint8_t expected[HEADER]
        = {19,   0,    0,    0,    0x04, 0x03, 0x02, 0x01,
           0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11};

    (void) state;

    h.type = EIRC_LINK_MESSAGE;
    h.flags = 0;
    h.value = 0x01020304;
    h.count = UINT64_C(0x1112131415161718);
    eirc_link_header_write(p, &h);
    assert_memory_equal(p, expected, HEADER);

    /* offset 2 is zero, both bytes of it */

    h.value = 0;
    eirc_link_header_write(p, &h);
    assert_int_equal(header_read(&h, p, HEADER), EIRC_OK);
    p[2] = 1;
    assert_int_equal(header_read(&h, p, HEADER), EIRC_ERROR);
    p[2] = 0;
    p[3] = 1;
    assert_int_equal(header_read(&h, p, HEADER), EIRC_ERROR);
}


static void
test_header_cut(void **state)
{
    size_t i, len;
    uint8_t p[HEADER];
    eirc_link_header_t h;

    (void) state;

    for (i = 0; i < TYPES; i++) {
        h.type = types[i].type;
        h.flags = 0;
        h.value = types[i].value;
        h.count = 0;
        eirc_link_header_write(p, &h);

        for (len = 0; len < HEADER; len++) {
            assert_int_equal(header_read(&h, p, len), EIRC_ERROR);
        }
    }
}


static void
test_header_lengths(void **state)
{
    size_t i;
    const type_t *t;

    (void) state;

    for (i = 0; i < TYPES; i++) {
        t = &types[i];

        assert_int_equal(judge(t->type, 0, t->value, 0, t->min), EIRC_OK);
        assert_int_equal(judge(t->type, 0, t->value, 0, t->max), EIRC_OK);
        assert_int_equal(judge(t->type, 0, t->value, 0, t->max + 1),
                         EIRC_ERROR);

        if (t->min > 0) {
            assert_int_equal(judge(t->type, 0, t->value, 0, t->min - 1),
                             EIRC_ERROR);
            assert_int_equal(judge(t->type, 0, t->value, 0, 0), EIRC_ERROR);
        }
    }
}


static void
test_header_types(void **state)
{
    int known;
    size_t i;
    unsigned type;

    (void) state;

    for (type = 0; type < 256; type++) {
        known = 0;

        for (i = 0; i < TYPES; i++) {
            known |= types[i].type == type;
        }

        if (!known) {
            assert_int_equal(judge((uint8_t) type, 0, 0, 0, 0), EIRC_ERROR);
            assert_int_equal(judge((uint8_t) type, 0, 1, 0, 2), EIRC_ERROR);
        }
    }
}


static void
test_header_fields(void **state)
{
    size_t i;
    unsigned bit;
    const type_t *t;

    (void) state;

    for (i = 0; i < TYPES; i++) {
        t = &types[i];

        for (bit = 1; bit < 256; bit <<= 1) {
            assert_int_equal(
                judge(t->type, (uint8_t) bit, t->value, 0, t->min),
                (t->flags & bit) ? EIRC_OK : EIRC_ERROR);
        }

        assert_int_equal(judge(t->type, 0, UINT32_MAX, 0, t->min),
                         t->any_value ? EIRC_OK : EIRC_ERROR);
        assert_int_equal(judge(t->type, 0, t->value, 1, t->min),
                         t->any_count ? EIRC_OK : EIRC_ERROR);
        assert_int_equal(judge(t->type, 0, t->value, UINT64_MAX, t->min),
                         t->any_count ? EIRC_OK : EIRC_ERROR);
    }

    /* at least one line */
    assert_int_equal(judge(EIRC_LINK_LINES, 0, 0, 0, 2), EIRC_ERROR);
}


static void
test_reasons(void **state)
{
    uint32_t reason;

    (void) state;

    for (reason = 0; reason < 20; reason++) {
        int good = reason >= 1 && reason <= EIRC_LINK_TAKEN;

        assert_int_equal(judge(EIRC_LINK_END, 0, reason, 0, 0),
                         good ? EIRC_OK : EIRC_ERROR);
        assert_int_equal(judge(EIRC_LINK_REFUSED, 0, reason, 0, 0),
                         good ? EIRC_OK : EIRC_ERROR);
        assert_int_equal(strcmp(eirc_link_reason_name(reason), "unknown") != 0,
                         good);
    }

    assert_string_equal(eirc_link_reason_name(UINT32_MAX), "unknown");
    assert_string_equal(eirc_link_reason_name(EIRC_LINK_QUIT), "quit");
    assert_string_equal(eirc_link_reason_name(EIRC_LINK_SLOW), "slow browser");
    assert_string_equal(eirc_link_reason_name(EIRC_LINK_GONE), "session gone");
    assert_string_equal(eirc_link_reason_name(EIRC_LINK_TAKEN), "taken over");
}


static void
expect_text(const char *text, const char *expected)
{
    size_t n;
    eirc_link_header_t h;
    uint8_t p[HEADER + EIRC_LINK_TEXT_MAX];

    n = eirc_link_record_write(p, EIRC_LINK_REFUSED, EIRC_LINK_LIMIT, 0, text);

    assert_int_equal(n, HEADER + strlen(expected));
    assert_memory_equal(p + HEADER, expected, strlen(expected));
    assert_int_equal(header_read(&h, p, n), EIRC_OK);
    assert_int_equal(h.type, EIRC_LINK_REFUSED);
    assert_int_equal(h.value, EIRC_LINK_LIMIT);
}


static void
test_texts_written(void **state)
{
    size_t i, n;
    char text[400], expected[400];
    static const char *const good[]
        = {" ~",           "na\xc3\xafve",     "\xc2\xa0",
           "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbd"};
    static const char *const bad[] = {"\n",
                                      "\x01",
                                      "\x1f",
                                      "\x7f",
                                      "\xc3",
                                      "\xe2\x82",
                                      "\xed\xa0\x80",
                                      "\xc0\x80",
                                      "\xff",
                                      "\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf0\x9f\x98",
                                      "\xf8\x88\x80\x80\x80"};

    (void) state;

    expect_text("", "");
    expect_text("the account has its sessions",
                "the account has its sessions");
    expect_text("a\r\nb\x7f\xc2\x85\xff\xe2\x82", "a??b??\?\?\?\?");

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        expect_text(good[i], good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memset(expected, '?', strlen(bad[i]));
        expected[strlen(bad[i])] = '\0';
        expect_text(bad[i], expected);
    }

    memset(text, 'x', sizeof(text));

    for (n = 253; n < 260; n++) {
        text[n] = '\0';
        memcpy(expected, text, n);
        expected[n < 255 ? n : 255] = '\0';
        expect_text(text, expected);
        text[n] = 'x';
    }

    /* a character of 4 bytes never comes in pieces */

    for (i = 248; i <= 255; i++) {
        memset(text, 'x', sizeof(text));
        memcpy(text + i, "\xf0\x9f\x98\x80", 5);
        memcpy(expected, text, i + 5);
        expected[i <= 251 ? i + 4 : i] = '\0';
        expect_text(text, expected);
    }
}


static void
test_record_write(void **state)
{
    size_t n;
    eirc_link_header_t h;
    uint8_t p[HEADER + EIRC_LINK_TEXT_MAX + 1];
    static const char id[] = "0-0123456789abcdef0123456789abcdef";

    (void) state;

    /* an ID is cut at its own bound, and nothing is written behind it */

    memset(p, 0xee, sizeof(p));
    n = eirc_link_record_write(p, EIRC_LINK_READY, 0, 0, id);
    assert_int_equal(n, HEADER + EIRC_LINK_ID_MAX);
    assert_memory_equal(p + HEADER, id, EIRC_LINK_ID_MAX);
    assert_int_equal(p[n], 0xee);
    assert_int_equal(header_read(&h, p, n), EIRC_OK);

    n = eirc_link_ready_write(p, EIRC_LINK_READY_RESET, "0-1a");
    assert_int_equal(n, HEADER + 4);
    assert_memory_equal(p + HEADER, "0-1a", 4);
    assert_int_equal(header_read(&h, p, n), EIRC_OK);
    assert_int_equal(h.type, EIRC_LINK_READY);
    assert_int_equal(h.flags, EIRC_LINK_READY_RESET);

    n = eirc_link_record_write(p, EIRC_LINK_CONFIRM, 0, UINT64_MAX, NULL);
    assert_int_equal(n, HEADER);
    assert_int_equal(header_read(&h, p, n), EIRC_OK);
    assert_true(h.count == UINT64_MAX);

    n = eirc_link_record_write(p, EIRC_LINK_DETACH, 0, 0, NULL);
    assert_int_equal(header_read(&h, p, n), EIRC_OK);
}


/* takes an entry from memory of exactly len bytes */
static int
entry_take(const uint8_t *entry, size_t len, size_t *line_len, size_t *taken)
{
    int rc;
    uint8_t *copy;
    const uint8_t *pos, *line;

    copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);

    if (len > 0) {
        memcpy(copy, entry, len);
    }

    pos = copy;
    line = NULL;
    rc = eirc_link_entry_next(&pos, copy + len, &line, line_len);
    *taken = (size_t) (pos - copy);

    if (rc == EIRC_OK) {
        assert_ptr_equal(line + *line_len, pos);

    } else {
        assert_int_equal(*taken, 0);
    }

    free(copy);

    return rc;
}


static void
test_entry_lengths(void **state)
{
    size_t i, j, head, len, taken;
    uint8_t *entry;
    static const size_t lengths[] = {0, 1, 2, 125, 126, 127, 255, 256, 8703};

    (void) state;

    entry = malloc(4 + EIRC_LINK_LINE_MAX);
    assert_non_null(entry);
    memset(entry, 'x', 4 + EIRC_LINK_LINE_MAX);

    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        head = eirc_link_entry_head(lengths[i]);
        assert_int_equal(head, lengths[i] <= 125 ? 2 : 4);
        eirc_link_entry_write(entry, lengths[i]);
        assert_int_equal(entry[head], 'x');

        /* cut at every byte, the long one here and there */

        assert_int_equal(entry_take(entry, 0, &len, &taken), EIRC_DONE);

        for (j = 1; j < head + lengths[i];
             j += (lengths[i] > 256 && j > 300) ? 211 : 1)
        {
            assert_int_equal(entry_take(entry, j, &len, &taken), EIRC_ERROR);
        }

        assert_int_equal(
            entry_take(entry, head + lengths[i] - 1, &len, &taken),
            EIRC_ERROR);
        assert_int_equal(entry_take(entry, head + lengths[i], &len, &taken),
                         EIRC_OK);
        assert_int_equal(len, lengths[i]);
        assert_int_equal(taken, head + lengths[i]);
        memset(entry, 'x', 4);
    }

    free(entry);
}


static void
test_entry_forms(void **state)
{
    size_t i, len, taken;
    uint8_t *p;
    static const uint8_t bad[][4] = {
        {0, 126, 0, 125},                     /* the short form would do */
        {0, 126, 0, 0},                       /* the same */
        {0, 126, 0x22, 0x00},                 /* 8,704 */
        {0, 126, 0xff, 0xff}, {0, 127, 0, 0}, /* not used */
        {0, 0x81, 0, 0},                      /* a mask is no length */
        {0, 0xfe, 1, 0},      {0, 0xff, 0, 0},
        {1, 1, 'x', 'x'}, /* the first byte is 0 */
        {0x81, 1, 'x', 'x'},
    };

    (void) state;

    p = malloc(70000);
    assert_non_null(p);
    memset(p, 'x', 70000);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memcpy(p, bad[i], 4);
        assert_int_equal(entry_take(p, 70000, &len, &taken), EIRC_ERROR);
    }

    free(p);
}


static void
test_entries(void **state)
{
    uint8_t p[200];
    size_t len;
    const uint8_t *pos, *line;

    (void) state;

    memset(p, 'y', sizeof(p));
    eirc_link_entry_write(p, 1);
    eirc_link_entry_write(p + 3, 0);
    eirc_link_entry_write(p + 5, 126);
    pos = p;

    assert_int_equal(eirc_link_entry_next(&pos, p + 135, &line, &len),
                     EIRC_OK);
    assert_ptr_equal(line, p + 2);
    assert_int_equal(len, 1);
    assert_int_equal(eirc_link_entry_next(&pos, p + 135, &line, &len),
                     EIRC_OK);
    assert_int_equal(len, 0);
    assert_int_equal(eirc_link_entry_next(&pos, p + 135, &line, &len),
                     EIRC_OK);
    assert_ptr_equal(line, p + 9);
    assert_int_equal(len, 126);
    assert_int_equal(eirc_link_entry_next(&pos, p + 135, &line, &len),
                     EIRC_DONE);
    assert_ptr_equal(pos, p + 135);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_bytes),
        cmocka_unit_test(test_header_cut),
        cmocka_unit_test(test_header_lengths),
        cmocka_unit_test(test_header_types),
        cmocka_unit_test(test_header_fields),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_texts_written),
        cmocka_unit_test(test_record_write),
        cmocka_unit_test(test_entry_lengths),
        cmocka_unit_test(test_entry_forms),
        cmocka_unit_test(test_entries),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
