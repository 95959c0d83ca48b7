/*
 * A segment as a hostile or broken process may leave it: one that is sound at
 * first, overwritten in places.  It is refused, or everything can be done with
 * it without a step outside of it.  An input is a list of overwritten places,
 * 2 bytes offset (from 0xc000 on in the ring), 1 byte length, then the bytes;
 * behind the offset 0xffff lie steps to be taken.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define REPLAY SESSION_RING_MIN

#define RING_OFFSET 0xc000

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static uint8_t *segment;


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


/* lines, channels, bytes both ways: every area holds something */
static void
fill(session_t *s)
{
    int i;
    uint8_t *p;

    strcpy(s->identity->nick, "alice");
    session_identity_seal(s);
    s->state->phase = SESSION_READY;
    strcpy(s->state->nick, "alice");
    bucket_init(&s->state->flood, 2000, 10, 1000);
    session_commit(s);

    for (i = 0; i < 4; i++) {
        check(session_in_room(s, &p) > 5);
        memcpy(p, "abcd\n", 5);
        session_in_add(s, 5);
        check(session_ring_add(s, EIRC_SLICE(":a PRIVMSG #b :c")) == EIRC_OK);
        check(session_out_add(s, EIRC_SLICE("JOIN #b")) == EIRC_OK);
        session_commit(s);
    }

    check(session_channel_set(s, EIRC_IRC_ASCII, EIRC_SLICE("#b"),
                              EIRC_SLICE("key"), SESSION_CHANNEL_JOINED)
          == EIRC_OK);
    check(session_channel_set(s, EIRC_IRC_ASCII, EIRC_SLICE("#cd"),
                              EIRC_SLICE(""), SESSION_CHANNEL_ASKED)
          == EIRC_OK);
    memcpy(s->message, "PRIVMSG #b :hello", 17);
    session_message_add(s, 17);
    session_commit(s);
}


/* Returns what is left: the steps. */
static size_t
overwrite(const uint8_t **p, size_t len, size_t size)
{
    size_t n, offset;
    const uint8_t *q;

    q = *p;

    while (len >= 3) {
        offset = (size_t) q[0] << 8 | q[1];
        n = q[2];
        q += 3;
        len -= 3;

        if (offset == 0xffff) {
            break;
        }

        n = n < len ? n : len;

        if (offset >= RING_OFFSET) {
            offset += size - REPLAY - RING_OFFSET;
        }

        if (offset + n <= size) {
            memcpy(segment + offset, q, n);
        }

        q += n;
        len -= n;
    }

    *p = q;

    return len;
}


static void
use(const uint8_t *p, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        ((volatile uint8_t *) (uintptr_t) p)[i] = p[i];
    }
}


static void
use_pieces(const struct iovec *iov, int n)
{
    int i;

    check(n >= 0 && n <= 2);

    for (i = 0; i < n; i++) {
        use(iov[i].iov_base, iov[i].iov_len);
    }
}


static void
step_ring(session_t *s, uint8_t how)
{
    int n;
    uint32_t lines;
    struct iovec iov[2];
    static uint8_t line[EIRC_LINK_LINE_MAX];

    lines = session_ring_batch(s, how & 1 ? 100 : 16368, iov, &n);
    use_pieces(iov, n);

    if (how & 2) {
        session_ring_sent(s, lines);
        session_commit(s);
    }

    if (how & 4) {
        session_ring_drop(s);
        session_commit(s);
    }

    if (how & 8) {
        session_ring_shed(s, (size_t) how * 33, 1);
        session_commit(s);
        check(session_ring_room(s, (size_t) how * 33, 1));
    }

    if (how & 16) {
        (void) session_ring_confirm(s, s->state->first + (how >> 5));
        session_commit(s);
    }

    if (how & 32) {
        (void) session_ring_seek(s, s->state->first + (how >> 6) * 3u);
        session_commit(s);
    }

    (void) session_ring_add(s, eirc_slice(line, (size_t) how * 33));
    session_commit(s);
}


static void
step_bytes(session_t *s, uint8_t how)
{
    size_t n;
    uint8_t *p;
    eirc_slice_t pending;

    n = session_in_room(s, &p);
    use(p, n);
    session_in_add(s, n < how ? n : how);
    session_commit(s);

    pending = session_in_pending(s);
    use(pending.p, pending.len);
    session_in_take(s, pending.len < how / 2u ? pending.len : how / 2u);
    session_commit(s);

    pending = session_out_pending(s);
    use(pending.p, pending.len);
    session_out_sent(s, pending.len < how ? pending.len : how);
    session_commit(s);
    session_out_settle(s);
    (void) session_out_add(s, EIRC_SLICE("PRIVMSG #b :c"));
    session_commit(s);

    pending = session_message_pending(s);
    use(pending.p, pending.len);
    session_message_take(s, pending.len / 2);
    session_commit(s);

    (void) bucket_take(&s->state->flood, (uint64_t) how * 1000000);
}


static void
step_channels(session_t *s, uint8_t how)
{
    uint32_t cursor;
    session_channel_t channel;
    uint8_t name[EIRC_IRC_CHANNEL_MAX];

    memset(name, 'x', sizeof(name));
    name[0] = '#';
    name[1] = how;

    (void) session_channel_set(s, EIRC_IRC_ASCII,
                               eirc_slice(name, how % sizeof(name) + 1),
                               eirc_slice(NULL, 0), how);

    if (how & 1) {
        session_channel_remove(s, EIRC_IRC_ASCII, EIRC_SLICE("#b"));
    }

    if (how & 2) {
        session_abort(s);
    }

    session_commit(s);

    if (how & 4) {
        session_channels_mark(s, how, SESSION_CHANNEL_UNTOLD);
        session_isupport_add(s, eirc_slice(name, how % sizeof(name) + 1), how);
        session_commit(s);
    }

    use(session_isupport(s).p, session_isupport(s).len);
    use(session_verb(s).p, session_verb(s).len);
    cursor = 0;

    while (session_channel_next(s, &cursor, &channel) == EIRC_OK) {
        use(channel.name.p, channel.name.len);
        use(channel.key.p, channel.key.len);
    }
}


/* What can't be used may still have an identity. */
static int
salvage(session_t *s, size_t size)
{
    if (session_salvage(s, segment, size, REPLAY) != EIRC_OK) {
        return 0;
    }

    bucket_init(&s->state->flood, 2000, 10, 1000);
    s->state->phase = SESSION_CONNECTING;
    session_commit(s);

    check(strcmp(s->identity->nick, "alice") == 0);
    check(session_open(s, segment, size, REPLAY) == EIRC_OK);

    return 1;
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    size_t i, size;
    session_t s;

    size = session_segment_size(REPLAY);
    segment = aligned_alloc(SESSION_PAGE, size);
    check(segment != NULL);
    memset(segment, 0, size);

    check(session_open(&s, segment, size, REPLAY) == EIRC_OK && s.fresh);
    fill(&s);

    len = overwrite(&p, len, size);

    if (session_open(&s, segment, size, REPLAY) == EIRC_OK
        || salvage(&s, size)) {
        s.resumable = len & 1;

        for (i = 0; i + 1 < len && i < 400; i += 2) {
            switch (p[i] % 3) {

            case 0:
                step_ring(&s, p[i + 1]);
                break;

            case 1:
                step_bytes(&s, p[i + 1]);
                break;

            default:
                step_channels(&s, p[i + 1]);
                break;
            }
        }

        /* what we have made of it ourselves is sound as well */

        check(session_open(&s, segment, size, REPLAY) == EIRC_OK);
    }

    free(segment);

    return 0;
}
