/*
 * session: what is kept for who comes back, and what can be had of a segment that
 * is of no use any more.
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


/* The lines from *pos on, each with a bar behind it. */
static const char *
lines_from(const session_t *s, uint64_t pos)
{
    int i, n;
    struct iovec iov[2];
    static char text[8192];

    text[0] = '\0';

    while ((n = session_ring_next(s, &pos, iov)) > 0) {

        for (i = 0; i < n; i++) {
            strncat(text, iov[i].iov_base, iov[i].iov_len);
        }

        strcat(text, "|");
    }

    return text;
}


static void
lines_add(session_t *s, unsigned from, unsigned n)
{
    unsigned i;
    char line[32];

    for (i = from; i < from + n; i++) {
        (void) snprintf(line, sizeof(line), "line %u", i);
        assert_int_equal(session_ring_add(s, str(line)), EIRC_OK);
        session_commit(s);
    }
}


/* A browser that comes back goes on where it wants to, if that is there. */
static void
test_resume(void **state)
{
    session_t s, t;
    uint8_t *segment;

    (void) state;

    segment = segment_new();
    assert_int_equal(reopen(&s, segment), EIRC_OK);
    s.resumable = true;
    bucket_init(&s.state->flood, 0, 0, 1);
    lines_add(&s, 0, 5);

    session_ring_sent(&s, 3);
    session_commit(&s);
    assert_string_equal(lines_from(&s, s.state->ring_sent), "line 3|line 4|");

    /* what was sent is still there */

    assert_int_equal(session_ring_seek(&s, 1), EIRC_OK);
    session_commit(&s);
    assert_int_equal(s.state->sent, 1);
    assert_int_equal(s.state->first, 1);
    assert_string_equal(lines_from(&s, s.state->ring_sent),
                        "line 1|line 2|line 3|line 4|");

    /* what it said it had is not */

    session_ring_sent(&s, 2);
    session_commit(&s);
    assert_int_equal(s.state->sent, 3);

    /* sent by a process that was killed before it could note that */

    assert_int_equal(session_ring_confirm(&s, 6), EIRC_ERROR);
    assert_int_equal(session_ring_confirm(&s, 4), EIRC_OK);
    assert_int_equal(s.state->first, 4);
    assert_int_equal(s.state->sent, 4);
    assert_string_equal(lines_from(&s, s.state->ring_sent), "line 4|");
    session_abort(&s);
    assert_int_equal(s.state->sent, 3);

    assert_int_equal(session_ring_confirm(&s, 3), EIRC_OK);
    session_commit(&s);
    assert_int_equal(s.state->first, 3);
    assert_int_equal(session_ring_confirm(&s, 2), EIRC_OK);
    assert_int_equal(s.state->first, 3);
    assert_int_equal(reopen(&t, segment), EIRC_OK);
    assert_int_equal(t.state->first, 3);

    assert_int_equal(session_ring_seek(&s, 5), EIRC_OK);
    session_commit(&s);
    assert_string_equal(lines_from(&s, s.state->ring_sent), "");
    assert_int_equal(s.state->ring_head % s.ring_size, 0);

    lines_add(&s, 5, 2);

    /* too old, and from the future */

    assert_int_equal(session_ring_seek(&s, 4), EIRC_DONE);
    session_abort(&s);
    assert_int_equal(session_ring_seek(&s, 8), EIRC_DONE);
    session_commit(&s);
    assert_int_equal(s.state->sent, 7);
    assert_int_equal(s.state->first, 7);
    assert_string_equal(lines_from(&s, s.state->ring_tail), "");
    assert_int_equal(reopen(&t, segment), EIRC_OK);

    free(segment);
}


/* While nobody is there the oldest lines make room, sent or not. */
static void
test_shed(void **state)
{
    unsigned i;
    session_t s, t;
    uint8_t *segment, line[1000];

    (void) state;

    segment = segment_new();
    assert_int_equal(reopen(&s, segment), EIRC_OK);
    s.resumable = true;
    bucket_init(&s.state->flood, 0, 0, 1);
    memset(line, 'x', sizeof(line));

    for (i = 0; i < 100; i++) {

        if (!session_ring_room(&s, sizeof(line), 1)) {
            session_ring_shed(&s, sizeof(line), 1);
            session_commit(&s);
        }

        (void) snprintf((char *) line, sizeof(line), "line %u", i);
        assert_int_equal(session_ring_add(&s, eirc_slice(line, sizeof(line))),
                         EIRC_OK);

        if (i == 5) {
            session_ring_sent(&s, 4);
        }

        session_commit(&s);
        assert_int_equal(reopen(&t, segment), EIRC_OK);
    }

    assert_int_equal(s.state->lines, 100);
    assert_int_equal(s.state->first, s.state->sent);
    assert_in_range(s.state->first, 100 - s.ring_size / 1000 - 1, 99);
    (void) snprintf((char *) line, sizeof(line), "line %u",
                    (unsigned) s.state->first);
    assert_string_equal(
        strtok((char *) (uintptr_t) lines_from(&s, s.state->ring_tail), "|"),
        line);

    free(segment);
}


/* What can be had of a segment that can't be used. */
static void
test_salvage(void **state)
{
    int i;
    size_t size;
    uint32_t cursor;
    session_t s;
    uint8_t *segment, *broken;
    session_channel_t channel;

    (void) state;

    size = session_segment_size(REPLAY);
    segment = segment_new();
    broken = segment_new();
    assert_int_equal(session_salvage(&s, segment, size, REPLAY), EIRC_ERROR);

    assert_int_equal(reopen(&s, segment), EIRC_OK);
    strcpy(s.identity->nick, "alice");
    session_identity_seal(&s);
    bucket_init(&s.state->flood, 0, 0, 1);
    s.state->phase = SESSION_READY;

    for (i = 0; i < 3; i++) {
        assert_int_equal(session_channel_set(
                             &s, EIRC_IRC_ASCII, str(i == 1 ? "#two" : "#one"),
                             str("key"), SESSION_CHANNEL_JOINED),
                         EIRC_OK);
        lines_add(&s, 0, 3);
        session_commit(&s);
    }

    for (i = 0; i < 3; i++) {
        memcpy(broken, segment, size);

        /* another version; then that, and a list that is none */

        broken[4] ^= (uint8_t) i;
        memset(broken + SESSION_PAGE, i == 2 ? 0xff : 0,
               i == 2 ? 2 * SESSION_CHANNELS_SIZE : 0);

        assert_int_equal(session_salvage(&s, broken, size, REPLAY), EIRC_OK);
        assert_string_equal(s.identity->nick, "alice");
        assert_int_equal(s.state->lines, 0);
        assert_true(s.fresh);
        s.state->phase = SESSION_CONNECTING;
        bucket_init(&s.state->flood, 0, 0, 1);
        session_commit(&s);
        assert_int_equal(reopen(&s, broken), EIRC_OK);

        cursor = 0;

        if (i < 2) {
            assert_int_equal(session_channel_next(&s, &cursor, &channel),
                             EIRC_OK);
            assert_true(eirc_slice_equal(channel.name, str("#one")));
            assert_true(eirc_slice_equal(channel.key, str("key")));
            assert_int_equal(channel.flags, SESSION_CHANNEL_LEFT);
            assert_int_equal(session_channel_next(&s, &cursor, &channel),
                             EIRC_OK);
        }

        assert_int_equal(session_channel_next(&s, &cursor, &channel),
                         EIRC_DONE);
    }

    /* another name is another user: not even that */

    memcpy(broken, segment, size);
    memcpy(strstr((char *) broken + 64 + 8 + SESSION_VERB_SIZE, "alice"),
           "mallo", 5);
    assert_int_equal(reopen(&s, broken), EIRC_ERROR);
    assert_int_equal(session_salvage(&s, broken, size, REPLAY), EIRC_ERROR);

    free(segment);
    free(broken);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_shed),
        cmocka_unit_test(test_salvage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
