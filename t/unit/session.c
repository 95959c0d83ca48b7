/*
 * session: what was committed is there when the segment is opened again, and
 * nothing else, wherever a process dies: after any number of its stores, in
 * any order of them. Rings with lines of every length over their end; lists
 * of channels; segments that can't be trusted.
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
#include "session.h"

#define REPLAY 4096
#define STEPS 400
#define CRASHES 6


static uint32_t seed = 1;


static uint32_t
rnd(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}


static void *
segment_new(void)
{
    void *p;
    size_t size;

    size = session_segment_size(REPLAY);
    p = aligned_alloc(SESSION_PAGE,
                      (size + SESSION_PAGE - 1) / SESSION_PAGE * SESSION_PAGE);
    assert_non_null(p);
    memset(p, 0, size);

    return p;
}


static int
reopen(session_t *s, void *segment)
{
    return session_open(s, segment, session_segment_size(REPLAY), REPLAY);
}


static eirc_slice_t
str(const char *p)
{
    return eirc_slice_str(p);
}


/* everything that counts of a segment, as text; from malloc */
static char *
content(void *segment)
{
    int i, n;
    char *out;
    size_t size;
    FILE *f;
    uint32_t cursor;
    uint64_t pos;
    session_t s;
    struct iovec iov[2];
    eirc_slice_t slices[3];
    session_channel_t channel;

    f = open_memstream(&out, &size);
    assert_non_null(f);

    assert_int_equal(reopen(&s, segment), EIRC_OK);

    fprintf(f, "%u %s %u %lu %lu %lu\n", s.state->phase, s.state->nick,
            s.state->told, (unsigned long) s.state->messages,
            (unsigned long) s.state->lines, (unsigned long) s.state->sent);

    slices[0] = session_in_pending(&s);
    slices[1] = session_out_pending(&s);
    slices[2] = session_message_pending(&s);

    for (i = 0; i < 3; i++) {
        fwrite(slices[i].p, 1, slices[i].len, f);
        fputs("\n--\n", f);
    }

    pos = s.state->ring_sent;

    while ((n = session_ring_next(&s, &pos, iov)) > 0) {
        for (i = 0; i < n; i++) {
            fwrite(iov[i].iov_base, 1, iov[i].iov_len, f);
        }

        fputc('\n', f);
    }

    cursor = 0;

    while (session_channel_next(&s, &cursor, &channel) == EIRC_OK) {
        fprintf(f, "%.*s %.*s %u\n", (int) channel.name.len,
                (const char *) channel.name.p, (int) channel.key.len,
                (const char *) channel.key.p, channel.flags);
    }

    fclose(f);

    return out;
}


/* Something that a worker does between two commits. */
static void
step_in(session_t *s)
{
    uint8_t *p;
    size_t room, n, i;

    room = session_in_room(s, &p);
    n = room < 1500 ? room : rnd(1500);

    for (i = 0; i < n; i++) {
        p[i] = (uint8_t) ('a' + rnd(26));
    }

    session_in_add(s, n);
}


static void
step_lines(session_t *s)
{
    size_t n;
    char line[700];
    eirc_slice_t pending;

    pending = session_in_pending(s);
    n = pending.len < 600 ? pending.len : rnd(600);

    if (n > 0 && session_ring_room(s, n + 40, 2)) {
        assert_int_equal(session_ring_add(s, eirc_slice(pending.p, n)),
                         EIRC_OK);
        (void) snprintf(line, sizeof(line), "%.*s", (int) (n > 30 ? 30 : n),
                        (const char *) pending.p);
        assert_int_equal(session_ring_add(s, str(line)), EIRC_OK);
        (void) session_out_add(s, str(line));
        session_in_take(s, n);
    }
}


static void
step_channels(session_t *s)
{
    unsigned i;
    char name[64];

    for (i = rnd(4); i > 0; i--) {
        (void) snprintf(name, sizeof(name), "#channel-%u%s", rnd(40),
                        rnd(2) ? "" : "-with-a-longer-name");

        if (rnd(3) == 0) {
            session_channel_remove(s, EIRC_IRC_ASCII, str(name));

        } else {
            assert_int_equal(
                session_channel_set(s, EIRC_IRC_ASCII, str(name),
                                    rnd(2) ? str("key") : str(NULL),
                                    (uint8_t) rnd(4)),
                EIRC_OK);
        }
    }

    (void) snprintf(s->state->nick, sizeof(s->state->nick), "nick%u",
                    rnd(1000));
}


static void
step_message(session_t *s)
{
    size_t i, n;

    n = session_message_pending(s).len;

    if (n > 0) {
        session_message_take(s, 1 + rnd((uint32_t) n));
        return;
    }

    n = rnd(5000);

    for (i = 0; i < n; i++) {
        s->message[i] = (uint8_t) ('A' + rnd(26));
    }

    session_message_add(s, n);
}


static void
step_sent(session_t *s)
{
    int niov;
    size_t len;
    uint32_t lines;
    struct iovec iov[2];

    lines = session_ring_batch(s, 4096, iov, &niov);

    if (lines > 0) {
        session_ring_sent(s, 1 + rnd(lines));
    }

    len = session_out_pending(s).len;

    if (len > 0) {
        session_out_sent(s, 1 + rnd((uint32_t) len));
    }
}


static void (*const step[])(session_t *s)
    = {step_in, step_lines, step_channels, step_message, step_sent};


/*
 * Crashes on the way from one image to another: some of the bytes that differ
 * are written, the others not. The content has to be that given.
 */
static void
crash(uint8_t *image, const uint8_t *from, const uint8_t *to,
      const char *expected)
{
    int i;
    char *found;
    size_t j, size;
    uint32_t part;

    size = session_segment_size(REPLAY);

    for (i = 0; i < CRASHES; i++) {
        memcpy(image, from, size);
        part = i == 0 ? 100 : rnd(101);

        for (j = 0; j < size; j++) {

            if (from[j] != to[j] && rnd(100) < part) {
                image[j] = to[j];
            }
        }

        found = content(image);
        assert_string_equal(found, expected);
        free(found);
    }
}


/* The first eight bytes that a commit stores, and nothing but them. */
static void
generation_set(uint8_t *to, const uint8_t *from)
{
    memcpy(to + 64, from + 64, 8);
}


static void
test_crashes(void **state)
{
    int i;
    char *old, *new;
    size_t size;
    session_t s;
    uint8_t *segment, *before, *prepared, *after, *image, *p;

    (void) state;

    size = session_segment_size(REPLAY);
    segment = segment_new();
    before = segment_new();
    prepared = segment_new();
    after = segment_new();
    image = segment_new();

    assert_int_equal(reopen(&s, segment), EIRC_OK);
    assert_true(s.fresh);

    for (i = 0; i < STEPS; i++) {
        /* room is made by a step of its own, which changes no content */

        memcpy(before, segment, size);
        old = content(before);

        session_out_settle(&s);
        (void) session_in_room(&s, &p);

        memcpy(before, segment, size);
        new = content(before);
        assert_string_equal(old, new);
        free(new);

        memcpy(before, segment, size);

        step[rnd(5)](&s);

        memcpy(prepared, segment, size);

        crash(image, before, prepared, old);

        session_commit(&s);
        memcpy(after, segment, size);
        memcpy(image, segment, size);
        new = content(image);

        generation_set(prepared, after);
        crash(image, prepared, after, new);

        free(old);
        free(new);
    }

    free(segment);
    free(before);
    free(prepared);
    free(after);
    free(image);
}


static void
test_abort(void **state)
{
    char *old, *new;
    void *segment;
    session_t s;

    (void) state;

    segment = segment_new();
    assert_int_equal(reopen(&s, segment), EIRC_OK);
    step_channels(&s);
    assert_int_equal(session_ring_add(&s, str("one")), EIRC_OK);
    session_commit(&s);
    old = content(segment);

    assert_int_equal(reopen(&s, segment), EIRC_OK);
    assert_false(s.fresh);
    step_channels(&s);
    assert_int_equal(session_ring_add(&s, str("two")), EIRC_OK);
    session_abort(&s);
    session_commit(&s);
    new = content(segment);

    assert_string_equal(old, new);

    free(old);
    free(new);
    free(segment);
}


/* Lines of one length, over the end of the ring at every offset. */
static void
test_ring_wrap(void **state)
{
    int niov;
    void *segment;
    size_t len, i, n;
    uint8_t line[400], flat[16384];
    uint32_t lines;
    session_t s;
    const uint8_t *p, *end, *found;
    struct iovec iov[2];
    size_t found_len;

    (void) state;

    segment = segment_new();
    assert_int_equal(reopen(&s, segment), EIRC_OK);

    for (len = 0; len < 300; len++) {

        for (i = 0; i < SESSION_RING_MIN / (len + 4) + 8; i++) {

            /* one is always kept, so that the ring never begins anew */

            memset(line, (int) ('a' + (i + len) % 26), len);
            assert_int_equal(session_ring_add(&s, eirc_slice(line, len)),
                             EIRC_OK);
            session_commit(&s);

            lines = session_ring_batch(&s, sizeof(flat), iov, &niov);
            assert_in_range(lines, 1, 2);
            memcpy(flat, iov[0].iov_base, iov[0].iov_len);
            n = iov[0].iov_len;

            if (niov == 2) {
                memcpy(flat + n, iov[1].iov_base, iov[1].iov_len);
                n += iov[1].iov_len;
            }

            p = flat;
            end = flat + n;

            for (n = 0; n < lines; n++) {
                assert_int_equal(
                    eirc_link_entry_next(&p, end, &found, &found_len),
                    EIRC_OK);
            }

            assert_ptr_equal(p, end);
            assert_int_equal(found_len, len);
            assert_memory_equal(found, line, len);

            session_ring_sent(&s, lines - 1);
            session_commit(&s);
        }
    }

    free(segment);
}


static void
test_ring_limits(void **state)
{
    int niov;
    void *segment;
    static uint8_t line[EIRC_LINK_LINE_MAX + 1];
    session_t s;
    uint32_t n;
    struct iovec iov[2];

    (void) state;

    segment = segment_new();
    assert_int_equal(reopen(&s, segment), EIRC_OK);

    assert_int_equal(session_ring_add(&s, eirc_slice(line, sizeof(line))),
                     EIRC_ERROR);
    assert_int_equal(session_ring_add(&s, eirc_slice(line, sizeof(line) - 1)),
                     EIRC_OK);
    assert_int_equal(session_ring_add(&s, eirc_slice(line, sizeof(line) - 1)),
                     EIRC_AGAIN);
    session_commit(&s);

    for (n = 1; session_ring_add(&s, str("x")) == EIRC_OK; n++) {
        session_commit(&s);
    }

    /* a batch holds whole entries alone */

    assert_int_equal(session_ring_batch(&s, 8706, iov, &niov), 0);
    assert_int_equal(session_ring_batch(&s, 8707, iov, &niov), 1);
    assert_int_equal(session_ring_batch(&s, 8709, iov, &niov), 1);
    assert_int_equal(session_ring_batch(&s, 8710, iov, &niov), 2);

    assert_int_equal(session_ring_batch(&s, SESSION_RING_MIN, iov, &niov), n);

    session_ring_drop(&s);
    session_commit(&s);
    assert_int_equal(s.state->sent, s.state->lines);
    assert_int_equal(s.state->ring_head % SESSION_RING_MIN, 0);

    /* lines that a browser may want again stay until it has them */

    s.resumable = true;
    assert_int_equal(session_ring_add(&s, eirc_slice(line, sizeof(line) - 1)),
                     EIRC_OK);
    session_commit(&s);
    session_ring_sent(&s, 1);
    session_commit(&s);
    assert_int_equal(session_ring_add(&s, eirc_slice(line, sizeof(line) - 1)),
                     EIRC_AGAIN);

    free(segment);
}


/* One page is used over and over by a user who says little. */
static void
test_first_page(void **state)
{
    int i, n;
    void *segment;
    uint8_t *p;
    session_t s;

    (void) state;

    segment = segment_new();
    assert_int_equal(reopen(&s, segment), EIRC_OK);

    for (i = 0; i < 1000; i++) {
        assert_in_range(session_in_room(&s, &p), 512, SESSION_PAGE);
        assert_true(p + 512 <= s.in + SESSION_PAGE);
        memset(p, 'x', 200);
        session_in_add(&s, 200);
        session_commit(&s);

        /* a part is left over most of the time */

        n = i % 3 == 0 ? (int) session_in_pending(&s).len : 150;
        session_in_take(&s, (size_t) n);

        session_out_settle(&s);
        assert_int_equal(session_out_add(&s, eirc_slice(p, 100)), EIRC_OK);
        assert_true(s.state->out.head <= SESSION_PAGE);
        session_commit(&s);
        session_out_sent(&s, i % 5 == 0 ? session_out_pending(&s).len : 90);
        session_commit(&s);

        assert_int_equal(session_ring_add(&s, eirc_slice(p, 100)), EIRC_OK);
        session_commit(&s);
        session_ring_sent(&s, 1);
        session_commit(&s);
        assert_int_equal(s.state->ring_head % s.ring_size, 0);
    }

    free(segment);
}


/* The longest line there may be always finds room, whatever lies before it. */
static void
test_long_lines(void **state)
{
    void *segment;
    size_t before, room;
    uint8_t *p;
    session_t s;

    (void) state;

    segment = segment_new();
    assert_int_equal(reopen(&s, segment), EIRC_OK);

    for (before = 0; before < EIRC_IRC_LINE_BUFFER; before += 61) {

        while (session_in_pending(&s).len < before + 1) {
            room = session_in_room(&s, &p);
            session_in_add(&s, room < 61 ? room : 61);
            session_commit(&s);
        }

        session_in_take(&s, before);
        session_commit(&s);

        while (session_in_pending(&s).len < EIRC_IRC_LINE_BUFFER) {
            room = session_in_room(&s, &p);
            assert_int_not_equal(room, 0);
            session_in_add(&s, room < 1000 ? room : 1000);
            session_commit(&s);
        }

        session_in_take(&s, session_in_pending(&s).len);
        session_commit(&s);
    }

    free(segment);
}


static void
test_channels(void **state)
{
    int i;
    char name[EIRC_IRC_CHANNEL_MAX + 2];
    void *segment;
    session_t s;
    session_channel_t channel;

    (void) state;

    segment = segment_new();
    assert_int_equal(reopen(&s, segment), EIRC_OK);

    memset(name, 'x', sizeof(name));
    name[0] = '#';
    assert_int_equal(session_channel_set(&s, EIRC_IRC_RFC1459,
                                         eirc_slice(name, sizeof(name)),
                                         str(NULL), 0),
                     EIRC_ERROR);

    /* as many as there is room for, and not one more */

    for (i = 0;; i++) {
        (void) snprintf(name, sizeof(name), "#%0100d", i);

        if (session_channel_set(&s, EIRC_IRC_RFC1459, str(name), str("k"), 1)
            != EIRC_OK)
        {
            break;
        }
    }

    assert_in_range(i, SESSION_CHANNELS_SIZE / 105 - 1,
                    SESSION_CHANNELS_SIZE / 105);
    session_commit(&s);
    assert_int_equal(reopen(&s, segment), EIRC_OK);

    while (i-- > 1) {
        (void) snprintf(name, sizeof(name), "#%0100d", i);
        assert_int_equal(
            session_channel_find(&s, EIRC_IRC_RFC1459, str(name), &channel),
            EIRC_OK);
        session_channel_remove(&s, EIRC_IRC_RFC1459, str(name));
        assert_int_equal(
            session_channel_find(&s, EIRC_IRC_RFC1459, str(name), &channel),
            EIRC_DONE);
        session_commit(&s);
    }

    /* the same name in other letters; a key stays unless there is a new one */

    assert_int_equal(
        session_channel_set(&s, EIRC_IRC_RFC1459, str("#a[]"), str("k"), 0),
        EIRC_OK);
    assert_int_equal(
        session_channel_set(&s, EIRC_IRC_RFC1459, str("#A{}"), str(NULL), 3),
        EIRC_OK);
    assert_int_equal(
        session_channel_find(&s, EIRC_IRC_RFC1459, str("#a{}"), &channel),
        EIRC_OK);
    assert_int_equal(channel.flags, 3);
    assert_int_equal(channel.key.len, 1);
    assert_memory_equal(channel.name.p, "#a[]", 4);

    free(segment);
}


/* Any byte of the head may be another one: refused, or safe to use. */
static void
test_not_trusted(void **state)
{
    int i, refused;
    char *text;
    uint8_t *segment, *broken;
    size_t size;
    session_t s, t;

    (void) state;

    size = session_segment_size(REPLAY);
    segment = segment_new();
    broken = segment_new();
    refused = 0;

    assert_int_equal(reopen(&s, segment), EIRC_OK);

    for (i = 0; i < 60; i++) {
        step[rnd(5)](&s);
        session_commit(&s);
    }

    for (i = 0; i < 4000; i++) {
        memcpy(broken, segment, size);
        broken[rnd(SESSION_PAGE)] ^= (uint8_t) (1u << rnd(8));
        broken[rnd(SESSION_PAGE)] = (uint8_t) rnd(256);

        if (reopen(&t, broken) != EIRC_OK) {
            refused++;
            continue;
        }

        text = content(broken);
        free(text);
        step[rnd(5)](&t);
    }

    assert_in_range(refused, 100, 3999);

    /* another size, another version, another ring */

    memcpy(broken, segment, size);
    assert_int_equal(session_open(&t, broken, size - 1, REPLAY), EIRC_ERROR);
    assert_int_equal(session_open(&t, broken, size, SESSION_RING_MIN + 1),
                     EIRC_ERROR);
    assert_int_equal(session_open(&t, broken, size, REPLAY), EIRC_OK);
    broken[4]++;
    assert_int_equal(session_open(&t, broken, size, REPLAY), EIRC_ERROR);

    free(segment);
    free(broken);
}


/* Counts and positions that no session comes to, and would wrap. */
static void
test_far(void **state)
{
    int i, rc;
    uint8_t *segment;
    uint64_t far;
    session_t s, t;

    (void) state;

    for (i = 0; i < 5; i++) {
        segment = segment_new();
        assert_int_equal(reopen(&s, segment), EIRC_OK);
        bucket_init(&s.state->flood, 1000, 5, 1000);
        session_commit(&s);
        assert_int_equal(reopen(&t, segment), EIRC_OK);

        /* a whole number of rings: at its beginning */

        far = (UINT64_MAX / s.ring_size - 1) * s.ring_size;

        switch (i) {

        case 0:
            s.state->ring_tail = far;
            s.state->ring_sent = far;
            s.state->ring_head = far;
            break;

        case 1:
            s.state->lines = UINT64_MAX;
            s.state->sent = UINT64_MAX;
            s.state->first = UINT64_MAX;
            break;

        case 2:
            s.state->messages = UINT64_MAX;
            break;

        case 3:
            s.state->flood.burst = 0;
            s.state->flood.tokens = 0;
            break;

        default:

            /* as far as it may be */

            s.state->messages = (UINT64_C(1) << 62) - 1;
            s.state->lines = (UINT64_C(1) << 62) - 1;
            s.state->sent = s.state->lines;
            s.state->first = s.state->lines;
            break;
        }

        session_commit(&s);
        rc = reopen(&t, segment);

        if (rc != (i == 4 ? EIRC_OK : EIRC_ERROR)) {
            fail_msg("case %d: %d", i, rc);
        }

        free(segment);
    }
}


/* Of the owner and who is to follow one has it, and an offer of before is none.
 */
static void
test_offer(void **state)
{
    void *segment;
    uint32_t first, offer;
    char *before, *after;
    session_t s;

    (void) state;

    segment = segment_new();
    assert_int_equal(session_take(segment, 1), EIRC_ERROR);
    assert_int_equal(reopen(&s, segment), EIRC_OK);
    session_commit(&s);
    before = content(segment);

    /* it is the owner's again */

    first = session_offer(&s);
    assert_int_not_equal(first, 0);
    assert_true(session_withdraw(&s));
    assert_int_equal(session_take(segment, first), EIRC_ERROR);

    /* it is the other's; and whoever comes behind that one's death */

    offer = session_offer(&s);
    assert_int_not_equal(offer, first);
    assert_int_equal(session_take(segment, first), EIRC_ERROR);
    assert_int_equal(session_take(segment, offer), EIRC_OK);
    assert_false(session_withdraw(&s));
    assert_false(session_withdraw(&s));
    assert_int_equal(session_take(segment, offer), EIRC_OK);

    /* ... who offers it again */

    assert_int_equal(reopen(&s, segment), EIRC_OK);
    first = session_offer(&s);
    assert_int_equal(session_take(segment, offer), EIRC_ERROR);
    assert_int_equal(session_take(segment, first), EIRC_OK);

    after = content(segment);
    assert_string_equal(before, after);

    free(before);
    free(after);
    free(segment);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crashes),    cmocka_unit_test(test_abort),
        cmocka_unit_test(test_ring_wrap),  cmocka_unit_test(test_ring_limits),
        cmocka_unit_test(test_first_page), cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_channels),   cmocka_unit_test(test_not_trusted),
        cmocka_unit_test(test_far),        cmocka_unit_test(test_offer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
