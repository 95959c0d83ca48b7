#include "image.h"

#include <string.h>

/* the first bytes of any image */
#define MAGIC "eIRC\r\nim"

#define FIELD(type, name)                                                     \
    {                                                                         \
        offsetof(type, name), sizeof(((type *) 0)->name)                      \
    }

#define COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))

/* of 8 bytes or less: an integer; of more: bytes */
typedef struct {
    uint16_t offset;
    uint16_t size;
} field_t;

/* The fixed parts. What is new is added at the end of a list. */

static const field_t layer_fields[] = {
    FIELD(image_layer_t, idle_since), FIELD(image_layer_t, template),
    FIELD(image_layer_t, connector),  FIELD(image_layer_t, turn),
    FIELD(image_layer_t, taken),      FIELD(image_layer_t, adopts_until),
};

static const field_t peer_fields[] = {
    FIELD(image_peer_t, fd),
    FIELD(image_peer_t, kind),
    FIELD(image_peer_t, deadline),
};

/* behind key, process, and whether there is a browser; the times of crashes are
 * not kept, and relays are found anew */
static const field_t session_fields[] = {
    FIELD(held_t, state),
    FIELD(held_t, irc_state),
    FIELD(held_t, doomed),
    FIELD(held_t, ending),
    FIELD(held_t, succeeded),
    FIELD(held_t, anew),
    FIELD(held_t, planned),
    FIELD(held_t, ended),
    FIELD(held_t, before.offer),
    FIELD(held_t, before.pid),
    FIELD(held_t, link),
    FIELD(held_t, segment),
    FIELD(held_t, secret),
    FIELD(held_t, control),
    FIELD(held_t, irc),
    FIELD(held_t, worker_control),
    FIELD(held_t, pidfd),
    FIELD(held_t, server),
    FIELD(held_t, attempt),
    FIELD(held_t, connection),
    FIELD(held_t, unsafe),
    FIELD(held_t, requeued),
    FIELD(held_t, key),
    FIELD(held_t, next_key),
    FIELD(held_t, attachment),
    FIELD(held_t, attach_flags),
    FIELD(held_t, attach_lines),
    FIELD(held_t, detached),
    FIELD(held_t, cpu),
    FIELD(held_t, events.filled),
    FIELD(held_t, events.tokens),
    FIELD(held_t, events.rate),
    FIELD(held_t, events.burst),
    FIELD(held_t, flood.filled),
    FIELD(held_t, flood.tokens),
    FIELD(held_t, flood.rate),
    FIELD(held_t, flood.burst),
    FIELD(held_t, returns.filled),
    FIELD(held_t, returns.tokens),
    FIELD(held_t, returns.rate),
    FIELD(held_t, returns.burst),
    FIELD(held_t, events_dropped),
    FIELD(held_t, counted),
    FIELD(held_t, done.taken),
    FIELD(held_t, done.given),
    FIELD(held_t, carried),
    FIELD(held_t, counting),
    FIELD(held_t, open),
    FIELD(held_t, restored),
    FIELD(held_t, stored),
    FIELD(held_t, before.control),
    FIELD(held_t, before.pidfd),
    FIELD(held_t, before.child),
};

#define SESSION_OWN 13


static void
put(uint8_t *p, uint64_t v, size_t size)
{
    size_t i;

    for (i = 0; i < size; i++, v >>= 8) {
        p[i] = (uint8_t) (v & 0xff);
    }
}


static uint64_t
get(const uint8_t *p, size_t size)
{
    uint64_t v;

    for (v = 0; size > 0; size--) {
        v = v << 8 | p[size - 1];
    }

    return v;
}


static void
field_write(uint8_t *p, const uint8_t *item, size_t size)
{
    uint8_t v8;
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;

    switch (size) {

    case sizeof(v8):
        memcpy(&v8, item, size);
        put(p, v8, size);
        break;

    case sizeof(v16):
        memcpy(&v16, item, size);
        put(p, v16, size);
        break;

    case sizeof(v32):
        memcpy(&v32, item, size);
        put(p, v32, size);
        break;

    case sizeof(v64):
        memcpy(&v64, item, size);
        put(p, v64, size);
        break;

    default:
        memcpy(p, item, size);
        break;
    }
}


static void
field_read(uint8_t *item, const uint8_t *p, size_t size)
{
    uint8_t v8;
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;

    switch (size) {

    case sizeof(v8):
        v8 = (uint8_t) get(p, size);
        memcpy(item, &v8, size);
        break;

    case sizeof(v16):
        v16 = (uint16_t) get(p, size);
        memcpy(item, &v16, size);
        break;

    case sizeof(v32):
        v32 = (uint32_t) get(p, size);
        memcpy(item, &v32, size);
        break;

    case sizeof(v64):
        v64 = get(p, size);
        memcpy(item, &v64, size);
        break;

    default:
        memcpy(item, p, size);
        break;
    }
}


/* Appends the fields of an item; returns the length. */
static size_t
fields_write(uint8_t *p, const void *item, const field_t *fields, size_t n)
{
    size_t i, len;

    len = 0;

    for (i = 0; i < n; i++) {
        field_write(p + len, (const uint8_t *) item + fields[i].offset,
                    fields[i].size);
        len += fields[i].size;
    }

    return len;
}


/* Takes those that are there. */
static void
fields_read(void *item, eirc_slice_t fixed, const field_t *fields, size_t n)
{
    size_t i, len;

    len = 0;

    for (i = 0; i < n && fixed.len - len >= fields[i].size; i++) {
        field_read((uint8_t *) item + fields[i].offset, fixed.p + len,
                   fields[i].size);
        len += fields[i].size;
    }
}


/* Begins a record; its fixed part goes to what is returned. */
static uint8_t *
record_begin(uint8_t *p, image_type_e type)
{
    put(p, type, 4);

    return p + IMAGE_RECORD_HEAD + 2;
}


/* Ends it behind a fixed part of len bytes and another of more; returns the
 * length of all. */
static size_t
record_end(uint8_t *p, size_t len, size_t more)
{
    put(p + 4, 2 + len + more, 4);
    put(p + IMAGE_RECORD_HEAD, len, 2);

    return IMAGE_RECORD_HEAD + 2 + len + more;
}


/* Takes a body apart. */
static int
body_split(eirc_slice_t body, eirc_slice_t *fixed, eirc_slice_t *rest)
{
    size_t len;

    if (body.len < 2) {
        return EIRC_ERROR;
    }

    len = (size_t) get(body.p, 2);

    if (len > body.len - 2) {
        return EIRC_ERROR;
    }

    *fixed = eirc_slice(body.p + 2, len);
    *rest = eirc_slice(body.p + 2 + len, body.len - 2 - len);

    return EIRC_OK;
}


void
image_head_write(uint8_t *p, const image_head_t *head)
{
    memset(p, 0, IMAGE_HEAD_SIZE);
    memcpy(p, MAGIC, 8);
    put(p + 8, head->format, 4);
    put(p + 12, head->number, 4);
    put(p + 16, (uint32_t) head->lock, 4);
    put(p + 20, (uint32_t) head->listen, 4);
    put(p + 24, (uint32_t) head->log, 4);
    put(p + 32, head->length, 8);
}


int
image_head_read(image_head_t *head, const uint8_t *p, size_t len)
{
    if (len < IMAGE_HEAD_SIZE || memcmp(p, MAGIC, 8) != 0) {
        return EIRC_ERROR;
    }

    head->format = (uint32_t) get(p + 8, 4);
    head->number = (uint32_t) get(p + 12, 4);
    head->lock = (int32_t) get(p + 16, 4);
    head->listen = (int32_t) get(p + 20, 4);
    head->log = (int32_t) get(p + 24, 4);
    head->length = get(p + 32, 8);

    return EIRC_OK;
}


size_t
image_end_write(uint8_t *p)
{
    (void) record_begin(p, IMAGE_END);

    return record_end(p, 0, 0);
}


size_t
image_layer_write(uint8_t *p, const image_layer_t *layer)
{
    uint8_t *fixed;

    fixed = record_begin(p, IMAGE_LAYER);

    return record_end(
        p, fields_write(fixed, layer, layer_fields, COUNT(layer_fields)), 0);
}


size_t
image_slot_write(uint8_t *p, uint64_t key)
{
    put(record_begin(p, IMAGE_SLOT), key, 8);

    return record_end(p, 8, 0);
}


size_t
image_session_write(uint8_t *p, const held_t *s)
{
    size_t len;
    uint8_t *fixed;

    fixed = record_begin(p, IMAGE_SESSION);

    put(fixed, s->item.key, 8);
    put(fixed + 8, (uint32_t) s->pid, 4);
    put(fixed + 12, s->attached != 0, 1);

    len = SESSION_OWN
          + fields_write(fixed + SESSION_OWN, s, session_fields,
                         COUNT(session_fields));

    memcpy(fixed + len, s->passport, s->passport_len);

    return record_end(p, len, s->passport_len);
}


size_t
image_peer_write(uint8_t *p, const image_peer_t *peer)
{
    uint8_t *fixed;

    fixed = record_begin(p, IMAGE_PEER);

    return record_end(
        p, fields_write(fixed, peer, peer_fields, COUNT(peer_fields)), 0);
}


int
image_next(const uint8_t **p, const uint8_t *end, uint32_t *type,
           eirc_slice_t *body)
{
    size_t len;

    if (end - *p < IMAGE_RECORD_HEAD) {
        return EIRC_ERROR;
    }

    *type = (uint32_t) get(*p, 4);
    len = (size_t) get(*p + 4, 4);

    if (len > (size_t) (end - *p) - IMAGE_RECORD_HEAD) {
        return EIRC_ERROR;
    }

    *body = eirc_slice(*p + IMAGE_RECORD_HEAD, len);
    *p += IMAGE_RECORD_HEAD + len;

    if (*type == IMAGE_END) {
        return *p == end ? EIRC_DONE : EIRC_ERROR;
    }

    return EIRC_OK;
}


int
image_layer_read(image_layer_t *layer, eirc_slice_t body)
{
    eirc_slice_t fixed, rest;

    if (body_split(body, &fixed, &rest) != EIRC_OK) {
        return EIRC_ERROR;
    }

    memset(layer, 0, sizeof(image_layer_t));
    fields_read(layer, fixed, layer_fields, COUNT(layer_fields));

    return EIRC_OK;
}


int
image_slot_read(uint64_t *key, eirc_slice_t body)
{
    eirc_slice_t fixed, rest;

    if (body_split(body, &fixed, &rest) != EIRC_OK || fixed.len < 8) {
        return EIRC_ERROR;
    }

    *key = get(fixed.p, 8);

    return EIRC_OK;
}


int
image_session_read(image_session_t *session, eirc_slice_t body)
{
    eirc_slice_t fixed, rest;

    if (body_split(body, &fixed, &rest) != EIRC_OK || fixed.len < SESSION_OWN
        || rest.len == 0 || rest.len > PASSPORT_MAX
        || (int32_t) get(fixed.p + 8, 4) < 0)
    {
        return EIRC_ERROR;
    }

    session->key = get(fixed.p, 8);
    session->pid = (int32_t) get(fixed.p + 8, 4);
    session->attached = fixed.p[12] != 0;
    session->fixed
        = eirc_slice(fixed.p + SESSION_OWN, fixed.len - SESSION_OWN);
    session->passport = rest;

    return EIRC_OK;
}


int
image_peer_read(image_peer_t *peer, eirc_slice_t body)
{
    eirc_slice_t fixed, rest;

    if (body_split(body, &fixed, &rest) != EIRC_OK) {
        return EIRC_ERROR;
    }

    memset(peer, 0, sizeof(image_peer_t));
    peer->fd = -1;
    fields_read(peer, fixed, peer_fields, COUNT(peer_fields));

    return peer->fd < 0 || peer->kind > IMAGE_PEER_ASKER ? EIRC_ERROR
                                                         : EIRC_OK;
}


/* What arithmetic relies on. */
static int
bucket_is_sound(const bucket_t *b)
{
    return b->burst > 0 && b->tokens <= (uint64_t) b->burst * 1000000;
}


int
image_session_fill(held_t *s, const image_session_t *session)
{
    fields_read(s, session->fixed, session_fields, COUNT(session_fields));

    return s->state <= HELD_COUNTING && s->irc_state <= HELD_IRC_CONNECTED
                   && bucket_is_sound(&s->events) && bucket_is_sound(&s->flood)
                   && bucket_is_sound(&s->returns)
               ? EIRC_OK
               : EIRC_ERROR;
}
