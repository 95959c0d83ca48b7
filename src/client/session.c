#include "session.h"

#include "eirc_prefetch.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC 0x65495243u /* "eIRC" */

#define COPY_ROOM 640
#define IDENTITY_ROOM 1024

/* bytes of an IRC line as most are */
#define PREFETCH_LINE 128


typedef union {
    session_state_t state;
    uint8_t room[COPY_ROOM]; /* a cache line never has both */
} copy_t;

/*
 * The first page: everything that an idle user's steps touch. What comes
 * before the generation, and the first two members of a copy, stay where they
 * are in every version, so that each finds the identity and the channels that
 * another one left.
 */
struct session_head_s {
    uint32_t magic;
    uint32_t version;
    uint64_t size;
    uint64_t ring_size;
    uint64_t check; /* over the layout */
    uint64_t identity_check;
    uint16_t identity_at;
    uint16_t identity_size;
    uint16_t copies_at;
    uint16_t copy_room;
    uint32_t channels_at;
    uint32_t channels_size; /* of either list */

    /* 0: never committed; the lowest bit tells the valid copy */
    _Alignas(64) _Atomic uint64_t generation;

    char verb[SESSION_VERB_SIZE];

    union {
        session_identity_t identity;
        uint8_t room[IDENTITY_ROOM];
    } identity;

    _Alignas(64) copy_t copies[2];

    char isupport[SESSION_ISUPPORT_SIZE];

    /* the number of the last offer, and in its lowest bits what became of it */
    _Alignas(8) _Atomic uint64_t offer;
};

#define OFFER_WITHDRAWN 0u
#define OFFER_STANDS 1u
#define OFFER_TAKEN 2u

/* offsets of the areas; the lists of channels meet at CHANNELS_MIDDLE */
#define CHANNELS_AT SESSION_PAGE
#define CHANNELS_MIDDLE (CHANNELS_AT + SESSION_CHANNELS_SIZE)
#define IN_AT (CHANNELS_MIDDLE + SESSION_CHANNELS_SIZE)
#define OUT_AT (IN_AT + SESSION_IN_SIZE)
#define MESSAGE_AT (OUT_AT + SESSION_OUT_SIZE)
#define LATER_AT (MESSAGE_AT + SESSION_MESSAGE_SIZE)
#define CHARSETS_AT (LATER_AT + SESSION_LATER_SIZE)
#define RING_AT (CHARSETS_AT + SESSION_CHARSETS_SIZE)

_Static_assert(sizeof(session_head_t) <= SESSION_PAGE, "one page");
_Static_assert(offsetof(session_state_t, channels) == 0
                   && offsetof(session_state_t, channels_len) == 4,
               "see session_salvage()");
_Static_assert(offsetof(session_head_t, generation) == SESSION_GENERATION_AT,
               "see session.h");
_Static_assert(IN_AT % SESSION_PAGE == 0, "areas begin with a page");
_Static_assert(SESSION_IN_SIZE > 2 * EIRC_IRC_LINE_BUFFER, "see session.h");
_Static_assert(sizeof(session_state_t) <= COPY_ROOM, "a copy has room");
_Static_assert(sizeof(session_identity_t) <= IDENTITY_ROOM, "and who it is");
_Static_assert(sizeof(session_charsets_t) <= SESSION_CHARSETS_SIZE, "a page");


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


size_t
session_salvage_size(void)
{
    return RING_AT;
}


void
session_salvage_strip(uint8_t *copy)
{
    memset(copy + IN_AT, 0, CHARSETS_AT - IN_AT);
}


/* FNV-1a */
static uint64_t
sum_add(uint64_t sum, const void *p, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        sum = (sum ^ ((const uint8_t *) p)[i]) * 0x100000001b3u;
    }

    return sum;
}


/* Over what must be the same for the segment to be understood. */
static uint64_t
head_check(const session_head_t *head)
{
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
                                  SESSION_MESSAGE_SIZE,
                                  SESSION_LATER_SIZE,
                                  SESSION_CHARSETS_SIZE};

    return sum_add(0xcbf29ce484222325u, constants, sizeof(constants));
}


static uint64_t
identity_check(const session_identity_t *id)
{
    return sum_add(sum_add(0xcbf29ce484222325u, "identity", 8), id,
                   sizeof(session_identity_t));
}


void
session_identity_seal(session_t *s)
{
    s->head->identity_check = identity_check(s->identity);
}


void
session_verb_note(session_t *s, const char *verb)
{
    size_t n;

    n = strlen(verb);
    n = n < SESSION_VERB_SIZE ? n : SESSION_VERB_SIZE - 1;

    memcpy(s->head->verb, verb, n);
    s->head->verb[n] = '\0';
}


eirc_slice_t
session_verb(const session_t *s)
{
    return eirc_slice((const uint8_t *) s->head->verb,
                      strnlen(s->head->verb, SESSION_VERB_SIZE));
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
    s->later = base + LATER_AT;
    s->charsets = (session_charsets_t *) (void *) (base + CHARSETS_AT);
    s->ring = base + RING_AT;
    s->ring_size = ring;
    s->isupport = head->isupport;
    s->identity = &head->identity.identity;
    s->state = copy_of(head, generation + 1);
    s->channels_new = false;
}


void
session_prefetch(const session_t *s)
{
    const session_state_t *state;

    state = s->state;

    if (state == NULL) {
        return;
    }

    eirc_prefetch(&s->head->generation, sizeof(s->head->generation));
    eirc_prefetch(&s->head->copies[0].state, sizeof(session_state_t));
    eirc_prefetch(&s->head->copies[1].state, sizeof(session_state_t));
    eirc_prefetch(s->in + state->in.head, PREFETCH_LINE);
    eirc_prefetch(s->ring + state->ring_head % s->ring_size, PREFETCH_LINE);
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


static uint64_t
offer_word(uint32_t offer, unsigned what)
{
    return (uint64_t) offer << 2 | what;
}


static uint32_t
offer_last(const session_t *s)
{
    return (uint32_t) (atomic_load(&s->head->offer) >> 2);
}


uint32_t
session_offer(session_t *s)
{
    uint32_t offer;

    offer = offer_last(s) + 1;
    offer = offer != 0 ? offer : 1;

    atomic_store(&s->head->offer, offer_word(offer, OFFER_STANDS));

    return offer;
}


bool
session_withdraw(session_t *s)
{
    uint32_t offer;
    uint64_t word;

    offer = offer_last(s);
    word = offer_word(offer, OFFER_STANDS);

    return atomic_compare_exchange_strong(&s->head->offer, &word,
                                          offer_word(offer, OFFER_WITHDRAWN));
}


int
session_take(void *base, uint32_t offer)
{
    uint64_t word, taken;
    session_head_t *head;

    head = base;
    word = offer_word(offer, OFFER_STANDS);
    taken = offer_word(offer, OFFER_TAKEN);

    return atomic_compare_exchange_strong(&head->offer, &word, taken)
                   || word == taken
               ? EIRC_OK
               : EIRC_ERROR;
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
    return n < SESSION_FAR;
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
           && id->mode < SESSION_MODES && id->port <= 65535
           && id->local_port <= 65535;
}


/* Whole lines are all there is in it. */
static bool
later_valid(const session_t *s)
{
    session_span_t span;

    span = s->state->later;

    return span_valid(span, SESSION_LATER_SIZE)
           && (span.tail == span.head || s->later[span.head - 1] == '\n');
}


/* What isn't said to be there is not looked at. */
static bool
charsets_valid(const session_t *s)
{
    uint32_t flags;

    flags = s->identity->charsets;

    return (!(flags & SESSION_CHARSET_IN)
            || eirc_charset_valid(&s->charsets->in))
           && (!(flags & SESSION_CHARSET_ALL) || (flags & SESSION_CHARSET_IN))
           && (!(flags & SESSION_CHARSET_OUT)
               || eirc_charset_valid(&s->charsets->out));
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
           && later_valid(s) && state->isupport_len <= SESSION_ISUPPORT_SIZE
           && state->source_user <= EIRC_IRC_USER_MAX
           && state->source_host <= EIRC_IRC_HOST_MAX
           && is_terminated(state->nick, sizeof(state->nick))
           && is_near(state->messages) && flood_valid(&state->flood)
           && channels_valid(s) && session_ring_valid(s);
}


static void
head_make(session_head_t *head, uint32_t replay)
{
    head->magic = MAGIC;
    head->version = SESSION_VERSION;
    head->size = session_segment_size(replay);
    head->ring_size = ring_size(replay);
    head->check = head_check(head);
    head->identity_at = offsetof(session_head_t, identity);
    head->identity_size = sizeof(session_identity_t);
    head->copies_at = offsetof(session_head_t, copies);
    head->copy_room = COPY_ROOM;
    head->channels_at = CHANNELS_AT;
    head->channels_size = SESSION_CHANNELS_SIZE;
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
        head_make(head, replay);
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

    if (!state_valid(s) || !identity_valid(s->identity) || !charsets_valid(s)
        || (s->state->phase != SESSION_NEW
            && head->identity_check != identity_check(s->identity)))
    {
        return EIRC_ERROR;
    }

    return EIRC_OK;
}


/* What is left of a segment that can't be used as it is. */
typedef struct {
    session_identity_t identity;
    uint32_t channels_len;
    uint8_t channels[SESSION_CHANNELS_SIZE];
} remains_t;


static int
remains_identity(remains_t *r, const session_head_t *head)
{
    if (head->magic != MAGIC || head->identity_size != sizeof(r->identity)
        || head->identity_at > SESSION_PAGE - sizeof(r->identity))
    {
        return EIRC_ERROR;
    }

    memcpy(&r->identity, (const uint8_t *) head + head->identity_at,
           sizeof(r->identity));

    return head->identity_check == identity_check(&r->identity)
                   && identity_valid(&r->identity)
               ? EIRC_OK
               : EIRC_ERROR;
}


/* The list of the copy that counts, where all of it is where it can be. */
static void
remains_channels(remains_t *r, const session_head_t *head, size_t size)
{
    size_t at;
    uint32_t copy[2]; /* which list, and its length */
    uint64_t generation;

    r->channels_len = 0;

    generation = atomic_load_explicit(&head->generation, memory_order_relaxed);
    at = head->copies_at + (size_t) (generation & 1) * head->copy_room;

    if (at > SESSION_PAGE - sizeof(copy)
        || head->channels_size > SESSION_CHANNELS_SIZE
        || head->channels_at > size - 2 * (size_t) SESSION_CHANNELS_SIZE)
    {
        return;
    }

    memcpy(copy, (const uint8_t *) head + at, sizeof(copy));

    if (copy[0] > 1 || copy[1] > head->channels_size) {
        return;
    }

    /* they meet in the middle */

    at = head->channels_at + head->channels_size;
    at = copy[0] == 0 ? at - copy[1] : at;

    memcpy(r->channels, (const uint8_t *) head + at, copy[1]);
    r->channels_len = copy[1];
}


int
session_salvage(session_t *s, void *base, size_t size, uint32_t replay)
{
    int rc;
    remains_t *r;

    if (size < session_segment_size(replay)) {
        return EIRC_ERROR;
    }

    r = malloc(sizeof(remains_t));

    if (r == NULL || remains_identity(r, base) != EIRC_OK) {
        free(r);
        return EIRC_ERROR;
    }

    remains_channels(r, base, size);

    memset(base, 0, MESSAGE_AT);
    rc = session_open(s, base, size, replay);

    *s->identity = r->identity;

    if (!charsets_valid(s)) {
        s->identity->charsets = 0;
    }

    session_identity_seal(s);

    session_channels_restore(s, r->channels, r->channels_len);
    free(r);

    return rc;
}
