#include "session.h"

#include "eirc_link.h"

#include <string.h>

#define MAGIC 0x65495243u /* "eIRC" */

#define COPY_ROOM 768
#define IDENTITY_ROOM 1024

/* positions and counts that no session comes to */
#define FAR (UINT64_C(1) << 62)


typedef union {
    session_state_t state;
    uint8_t room[COPY_ROOM]; /* a cache line never has both */
} copy_t;

/* the first page: everything that an idle user's steps touch */
struct session_head_s {
    uint32_t magic;
    uint32_t version;
    uint64_t size;
    uint64_t ring_size;
    uint64_t check; /* over what stands above, and the layout */

    /* 0: never committed; the lowest bit tells the valid copy */
    _Alignas(64) _Atomic uint64_t generation;

    _Alignas(64) copy_t copies[2];

    union {
        session_identity_t identity;
        uint8_t room[IDENTITY_ROOM];
    } identity;
};

/* offsets of the areas; the lists of channels meet at CHANNELS_MIDDLE */
#define CHANNELS_AT SESSION_PAGE
#define CHANNELS_MIDDLE (CHANNELS_AT + SESSION_CHANNELS_SIZE)
#define IN_AT (CHANNELS_MIDDLE + SESSION_CHANNELS_SIZE)
#define OUT_AT (IN_AT + SESSION_IN_SIZE)
#define MESSAGE_AT (OUT_AT + SESSION_OUT_SIZE)
#define RING_AT (MESSAGE_AT + SESSION_MESSAGE_SIZE)

_Static_assert(sizeof(session_head_t) <= SESSION_PAGE, "one page");
_Static_assert(IN_AT % SESSION_PAGE == 0, "areas begin with a page");
_Static_assert(SESSION_IN_SIZE > 2 * EIRC_IRC_LINE_BUFFER, "see session.h");
_Static_assert(sizeof(session_state_t) <= COPY_ROOM, "a copy has room");
_Static_assert(sizeof(session_identity_t) <= IDENTITY_ROOM, "and who it is");


static uint64_t
ring_size(uint32_t replay)
{
    uint64_t size;

    size = replay < SESSION_RING_MIN ? SESSION_RING_MIN : replay;

    return (size + SESSION_PAGE - 1) / SESSION_PAGE * SESSION_PAGE;
}


size_t
session_segment_size(uint32_t replay)
{
    return RING_AT + (size_t) ring_size(replay);
}


/* FNV-1a over what must be the same for the segment to be understood. */
static uint64_t
head_check(const session_head_t *head)
{
    unsigned i, j;
    uint64_t sum;
    const uint64_t constants[] = {head->magic,
                                  head->version,
                                  head->size,
                                  head->ring_size,
                                  sizeof(session_state_t),
                                  sizeof(session_identity_t),
                                  offsetof(session_state_t, in),
                                  offsetof(session_state_t, nick),
                                  SESSION_CHANNELS_SIZE,
                                  SESSION_IN_SIZE,
                                  SESSION_OUT_SIZE,
                                  SESSION_MESSAGE_SIZE};

    sum = 0xcbf29ce484222325u;

    for (i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
        for (j = 0; j < 64; j += 8) {
            sum = (sum ^ ((constants[i] >> j) & 0xff)) * 0x100000001b3u;
        }
    }

    return sum;
}


static session_state_t *
copy_of(session_head_t *head, uint64_t generation)
{
    return &head->copies[generation & 1].state;
}


const session_state_t *
session_committed(const session_t *s)
{
    return copy_of(s->head, atomic_load_explicit(&s->head->generation,
                                                 memory_order_relaxed));
}


/* Sets the pointers; the valid copy is copied into the idle one. */
static void
session_attach(session_t *s, uint8_t *base, uint64_t ring)
{
    uint64_t generation;
    session_head_t *head;

    head = (session_head_t *) (void *) base;
    generation = atomic_load_explicit(&head->generation, memory_order_acquire);

    s->head = head;
    s->channels = base + CHANNELS_AT;
    s->in = base + IN_AT;
    s->out = base + OUT_AT;
    s->message = base + MESSAGE_AT;
    s->ring = base + RING_AT;
    s->ring_size = ring;
    s->identity = &head->identity.identity;
    s->state = copy_of(head, generation + 1);
    s->channels_new = false;
}


void
session_abort(session_t *s)
{
    *s->state = *session_committed(s);
    s->channels_new = false;
}


void
session_commit(session_t *s)
{
    uint64_t generation;

    generation
        = atomic_load_explicit(&s->head->generation, memory_order_relaxed) + 1;
    atomic_store_explicit(&s->head->generation, generation,
                          memory_order_release);

    s->state = copy_of(s->head, generation + 1);
    session_abort(s);
}


static bool
is_zero(const uint8_t *p, size_t len)
{
    return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}


static bool
span_valid(session_span_t span, uint32_t size)
{
    return span.tail <= span.head && span.head <= size;
}


static bool
is_terminated(const char *p, size_t size)
{
    return memchr(p, '\0', size) != NULL;
}


/* Positions and counts go nowhere near their end, nor does what is added to
 * them. */
static bool
is_near(uint64_t n)
{
    return n < FAR;
}


/* Do the entries not sent fill the ring from sent to head, all of them? */
static bool
ring_valid(const session_t *s)
{
    int n;
    uint64_t lines, pos;
    struct iovec iov[2];
    const session_state_t *state;

    state = s->state;

    if (!is_near(state->ring_head) || !is_near(state->lines)
        || state->ring_tail > state->ring_sent
        || state->ring_sent > state->ring_head
        || state->ring_head - state->ring_tail > s->ring_size
        || state->confirmed > state->sent || state->sent > state->lines)
    {
        return false;
    }

    pos = state->ring_sent;
    lines = 0;

    while ((n = session_ring_next(s, &pos, iov)) > 0) {
        lines++;
    }

    return n == 0 && pos == state->ring_head
           && lines == state->lines - state->sent;
}


static bool
channels_valid(const session_t *s)
{
    int rc;
    uint32_t cursor;
    session_channel_t channel;

    if (s->state->channels > 1
        || s->state->channels_len > SESSION_CHANNELS_SIZE) {
        return false;
    }

    cursor = 0;

    do {
        rc = session_channel_next(s, &cursor, &channel);
    } while (rc == EIRC_OK);

    return rc == EIRC_DONE && cursor == s->state->channels_len;
}


static bool
identity_valid(const session_identity_t *id)
{
    return is_terminated(id->nick, sizeof(id->nick))
           && is_terminated(id->username, sizeof(id->username))
           && is_terminated(id->realname, sizeof(id->realname))
           && is_terminated(id->account, sizeof(id->account))
           && is_terminated(id->address, sizeof(id->address))
           && id->mode < SESSION_MODES && id->port <= 65535;
}


/* A bucket that holds nothing would let nothing pass for ever. */
static bool
flood_valid(const bucket_t *b)
{
    return (b->rate == 0 || b->burst > 0) && b->burst <= UINT32_MAX / 2
           && b->tokens <= (uint64_t) b->burst * 1000000;
}


static bool
state_valid(const session_t *s)
{
    const session_state_t *state;

    state = s->state;

    return state->phase < SESSION_PHASES
           && span_valid(state->in, SESSION_IN_SIZE)
           && span_valid(state->out, SESSION_OUT_SIZE)
           && span_valid(state->message, SESSION_MESSAGE_SIZE)
           && is_terminated(state->nick, sizeof(state->nick))
           && is_near(state->messages) && flood_valid(&state->flood)
           && channels_valid(s) && ring_valid(s);
}


int
session_open(session_t *s, void *base, size_t size, uint32_t replay)
{
    session_head_t *head;

    if (size < session_segment_size(replay)) {
        return EIRC_ERROR;
    }

    head = base;
    memset(s, 0, sizeof(session_t));
    s->fresh = is_zero(base, sizeof(session_head_t));

    if (s->fresh) {
        head->magic = MAGIC;
        head->version = SESSION_VERSION;
        head->size = session_segment_size(replay);
        head->ring_size = ring_size(replay);
        head->check = head_check(head);
    }

    if (head->magic != MAGIC || head->version != SESSION_VERSION
        || head->size != session_segment_size(replay)
        || head->ring_size != ring_size(replay)
        || head->check != head_check(head))
    {
        return EIRC_ERROR;
    }

    session_attach(s, base, head->ring_size);

    /* judged is a copy that nobody can change any more */

    session_abort(s);

    if (!state_valid(s) || !identity_valid(s->identity)) {
        return EIRC_ERROR;
    }

    return EIRC_OK;
}


/* linear areas */

static size_t
span_len(session_span_t span)
{
    return span.head - span.tail;
}


/*
 * Moves what a span holds to the start of its area. Only between steps: then
 * the bytes in front of the tail belong to nobody, and the old ones stay as
 * they are until the new position is committed.
 */
static void
span_settle(session_t *s, session_span_t *span, uint8_t *area)
{
    size_t len;

    len = span_len(*span);

    if (span->tail == 0 || len > span->tail) {
        return;
    }

    memcpy(area, area + span->tail, len);
    span->tail = 0;
    span->head = (uint32_t) len;

    session_commit(s);
}


static void
span_take(session_span_t *span, size_t n)
{
    span->tail += (uint32_t) n;

    if (span->tail == span->head) {
        span->tail = 0;
        span->head = 0;
    }
}


size_t
session_in_room(session_t *s, uint8_t **p)
{
    size_t end;
    session_span_t *in;

    in = &s->state->in;

    /* the first page is used again and again before another is touched */

    if (in->head >= SESSION_PAGE / 2) {
        span_settle(s, in, s->in);
        in = &s->state->in;
    }

    end = in->head < SESSION_PAGE - 512 ? SESSION_PAGE : SESSION_IN_SIZE;
    *p = s->in + in->head;

    return end - in->head;
}


void
session_in_add(session_t *s, size_t n)
{
    s->state->in.head += (uint32_t) n;
    s->state->irc_read += n;
}


eirc_slice_t
session_in_pending(const session_t *s)
{
    return eirc_slice(s->in + s->state->in.tail, span_len(s->state->in));
}


void
session_in_take(session_t *s, size_t n)
{
    span_take(&s->state->in, n);
}


void
session_out_settle(session_t *s)
{
    if (s->state->out.head >= SESSION_PAGE / 2) {
        span_settle(s, &s->state->out, s->out);
    }
}


size_t
session_out_room(const session_t *s)
{
    size_t room;

    room = SESSION_OUT_SIZE - s->state->out.head;

    return room < 2 ? 0 : room - 2;
}


int
session_out_add(session_t *s, eirc_slice_t line)
{
    uint8_t *p;

    if (line.len > session_out_room(s)) {
        return EIRC_AGAIN;
    }

    p = s->out + s->state->out.head;
    memcpy(p, line.p, line.len);
    p[line.len] = '\r';
    p[line.len + 1] = '\n';

    s->state->out.head += (uint32_t) line.len + 2;

    return EIRC_OK;
}


eirc_slice_t
session_out_pending(const session_t *s)
{
    return eirc_slice(s->out + s->state->out.tail, span_len(s->state->out));
}


void
session_out_sent(session_t *s, size_t n)
{
    span_take(&s->state->out, n);
    s->state->irc_written += n;
}


void
session_message_add(session_t *s, size_t n)
{
    s->state->message.tail = 0;
    s->state->message.head = (uint32_t) n;
    s->state->messages++;
}


eirc_slice_t
session_message_pending(const session_t *s)
{
    return eirc_slice(s->message + s->state->message.tail,
                      span_len(s->state->message));
}


void
session_message_take(session_t *s, size_t n)
{
    span_take(&s->state->message, n);
}


/* the ring */

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
ring_release(session_t *s)
{
    session_state_t *state;

    state = s->state;

    if (s->resumable) {
        return;
    }

    if (state->ring_sent == state->ring_head) {
        state->ring_head = (state->ring_head + s->ring_size - 1) / s->ring_size
                           * s->ring_size;
        state->ring_sent = state->ring_head;
    }

    state->ring_tail = state->ring_sent;
    state->confirmed = state->sent;
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


void
session_ring_drop(session_t *s)
{
    s->state->ring_sent = s->state->ring_head;
    s->state->sent = s->state->lines;

    ring_release(s);
}
