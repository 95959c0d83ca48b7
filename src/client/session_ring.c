/* The replay ring in the segment: a part of session.h. */

#include "session.h"

#include "eirc_link.h"

#include <string.h>


bool
session_ring_room(const session_t *s, size_t len, unsigned n)
{
    uint64_t used;

    used = s->state->ring_head - s->state->ring_tail;

    return len + 4 * (uint64_t) n <= s->ring_size - used;
}


/* Copies into the ring at pos, over its end where it must. */
static void
ring_put(session_t *s, uint64_t pos, const uint8_t *p, size_t len)
{
    size_t first, offset;

    offset = (size_t) (pos % s->ring_size);
    first = (size_t) s->ring_size - offset;
    first = len < first ? len : first;

    memcpy(s->ring + offset, p, first);

    if (len > first) {
        memcpy(s->ring, p + first, len - first);
    }
}


int
session_ring_add(session_t *s, eirc_slice_t line)
{
    size_t n;
    uint8_t head[4];

    if (line.len > EIRC_LINK_LINE_MAX) {
        return EIRC_ERROR;
    }

    if (!session_ring_room(s, line.len, 1)) {
        return EIRC_AGAIN;
    }

    n = eirc_link_entry_head(line.len);
    eirc_link_entry_write(head, line.len);

    ring_put(s, s->state->ring_head, head, n);

    if (line.len > 0) {
        ring_put(s, s->state->ring_head + n, line.p, line.len);
    }

    s->state->ring_head += n + line.len;
    s->state->lines++;

    return EIRC_OK;
}


static uint8_t
ring_byte(const session_t *s, uint64_t pos)
{
    return s->ring[pos % s->ring_size];
}


/* The pieces of len bytes at pos. */
static int
ring_pieces(const session_t *s, uint64_t pos, size_t len, struct iovec *iov)
{
    size_t first, offset;

    offset = (size_t) (pos % s->ring_size);
    first = (size_t) s->ring_size - offset;

    iov[0].iov_base = s->ring + offset;
    iov[0].iov_len = len < first ? len : first;

    if (len <= first) {
        return 1;
    }

    iov[1].iov_base = s->ring;
    iov[1].iov_len = len - first;

    return 2;
}


/* Head and length of the entry at pos; EIRC_ERROR if it breaks a rule. */
static int
ring_entry(const session_t *s, uint64_t pos, size_t *head, size_t *len)
{
    uint64_t left;

    left = s->state->ring_head - pos;

    if (left == 0) {
        return EIRC_DONE;
    }

    if (left < 2 || ring_byte(s, pos) != 0) {
        return EIRC_ERROR;
    }

    *head = 2;
    *len = ring_byte(s, pos + 1);

    if (*len == 126 && left >= 4) {
        *head = 4;
        *len = (size_t) ring_byte(s, pos + 2) << 8 | ring_byte(s, pos + 3);
    }

    if (*head != eirc_link_entry_head(*len) || *len > EIRC_LINK_LINE_MAX
        || *head + *len > left)
    {
        return EIRC_ERROR;
    }

    return EIRC_OK;
}


int
session_ring_next(const session_t *s, uint64_t *pos, struct iovec *iov)
{
    int rc;
    size_t head, len;

    rc = ring_entry(s, *pos, &head, &len);

    if (rc != EIRC_OK) {
        return rc == EIRC_DONE ? 0 : -1;
    }

    rc = ring_pieces(s, *pos + head, len, iov);
    *pos += head + len;

    return rc;
}


uint32_t
session_ring_batch(const session_t *s, size_t max, struct iovec *iov,
                   int *niov)
{
    size_t head, len, total;
    uint32_t lines;

    total = 0;
    lines = 0;

    while (ring_entry(s, s->state->ring_sent + total, &head, &len) == EIRC_OK
           && head + len <= max - total)
    {
        total += head + len;
        lines++;
    }

    *niov = lines > 0 ? ring_pieces(s, s->state->ring_sent, total, iov) : 0;

    return lines;
}


/* An empty ring begins anew at its first page. */
static void
ring_rewind(session_t *s)
{
    session_state_t *state;

    state = s->state;

    if (state->ring_tail == state->ring_head) {
        state->ring_head = (state->ring_head + s->ring_size - 1) / s->ring_size
                           * s->ring_size;
        state->ring_sent = state->ring_head;
        state->ring_tail = state->ring_head;
    }
}


/* The oldest line goes, sent or not; EIRC_DONE: there was none. */
static int
ring_shift(session_t *s)
{
    size_t head, len;
    session_state_t *state;

    state = s->state;

    if (ring_entry(s, state->ring_tail, &head, &len) != EIRC_OK) {
        return EIRC_DONE;
    }

    if (state->ring_sent == state->ring_tail) {
        state->ring_sent += head + len;
        state->sent++;
    }

    state->ring_tail += head + len;
    state->first++;

    return EIRC_OK;
}


/* What was sent is not needed any more, but by who may come back. */
static void
ring_release(session_t *s)
{
    if (!s->resumable) {
        s->state->ring_tail = s->state->ring_sent;
        s->state->first = s->state->sent;
    }

    ring_rewind(s);
}


void
session_ring_sent(session_t *s, uint32_t lines)
{
    size_t head, len;

    while (lines-- > 0
           && ring_entry(s, s->state->ring_sent, &head, &len) == EIRC_OK)
    {
        s->state->ring_sent += head + len;
        s->state->sent++;
    }

    ring_release(s);
}


int
session_ring_confirm(session_t *s, uint64_t count)
{
    /* a predecessor may have sent more than it came to note */

    if (count > s->state->lines) {
        return EIRC_ERROR;
    }

    while (s->state->first < count && ring_shift(s) == EIRC_OK) {
        /* void */
    }

    ring_rewind(s);

    return EIRC_OK;
}


void
session_ring_shed(session_t *s, size_t len, unsigned n)
{
    while (!session_ring_room(s, len, n) && ring_shift(s) == EIRC_OK) {
        /* void */
    }

    ring_rewind(s);
}


int
session_ring_seek(session_t *s, uint64_t count)
{
    size_t head, len;
    session_state_t *state;

    state = s->state;

    if (count < state->first || count > state->lines) {
        session_ring_drop(s);
        return EIRC_DONE;
    }

    state->ring_sent = state->ring_tail;
    state->sent = state->first;

    while (state->sent < count
           && ring_entry(s, state->ring_sent, &head, &len) == EIRC_OK)
    {
        state->ring_sent += head + len;
        state->sent++;
    }

    return session_ring_confirm(s, count);
}


void
session_ring_drop(session_t *s)
{
    session_state_t *state;

    state = s->state;
    state->ring_sent = state->ring_head;
    state->ring_tail = state->ring_head;
    state->sent = state->lines;
    state->first = state->lines;

    ring_rewind(s);
}


/* Positions and counts go nowhere near their end, nor does what is added to
 * them. */
static bool
is_near(uint64_t n)
{
    return n < SESSION_FAR;
}


/* Do so many entries fill the ring from *pos to end? */
static bool
entries_fill(const session_t *s, uint64_t *pos, uint64_t end, uint64_t lines)
{
    int n;
    struct iovec iov[2];

    n = 1;

    while (lines > 0 && n > 0 && *pos < end) {
        n = session_ring_next(s, pos, iov);
        lines--;
    }

    return n > 0 && lines == 0 && *pos == end;
}


bool
session_ring_valid(const session_t *s)
{
    uint64_t pos;
    const session_state_t *state;

    state = s->state;

    if (!is_near(state->ring_head) || !is_near(state->lines)
        || state->ring_tail > state->ring_sent
        || state->ring_sent > state->ring_head
        || state->ring_head - state->ring_tail > s->ring_size
        || state->first > state->sent || state->sent > state->lines)
    {
        return false;
    }

    pos = state->ring_tail;

    return entries_fill(s, &pos, state->ring_sent, state->sent - state->first)
           && entries_fill(s, &pos, state->ring_head,
                           state->lines - state->sent);
}
