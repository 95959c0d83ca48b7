#include "stored.h"

#include <string.h>

#define VERSION 1

#define FIXED (STORED_HEAD + CARD_CODE_SIZE)


static void
put(uint8_t *p, uint32_t v, size_t size)
{
    size_t i;

    for (i = 0; i < size; i++, v >>= 8) {
        p[i] = (uint8_t) (v & 0xff);
    }
}


static uint32_t
get(const uint8_t *p, size_t size)
{
    uint32_t v;

    for (v = 0; size > 0; size--) {
        v = v << 8 | p[size - 1];
    }

    return v;
}


/* What belongs to the process and to the layer that there were. */
static void
belongings_clear(held_t *s)
{
    s->state = HELD_WAITING;
    s->irc_state = HELD_IRC_NONE;
    s->pid = 0;
    s->link = -1;
    s->segment = -1;
    s->secret = -1;
    s->control = -1;
    s->irc = -1;
    s->worker_control = -1;
    s->pidfd = -1;
    s->doomed = 0;
    s->ending = 0;
    s->ended = 0;
    s->before.offer = 0;
    s->before.pid = 0;
    s->before.control = -1;
    s->before.pidfd = -1;
    s->before.child = 0;
    s->stale = 0;
    s->anew = 0;
    s->planned = 0;
    s->succeeded = 1;
    s->unsafe = 0;
    s->requeued = 0;
    s->attach_flags = 0;
    s->attach_lines = 0;
    s->detached = 0;
    s->events_dropped = 0;
    s->counted = 0;
    s->counting = 0;
    s->carried = 0;
    s->server = 0;
}


size_t
stored_room(size_t len)
{
    return FIXED + IMAGE_RECORD_MAX + len / SESSION_PAGE * STORED_PAGE;
}


static int
is_zero(const uint8_t *p)
{
    return p[0] == 0 && memcmp(p, p + 1, SESSION_PAGE - 1) == 0;
}


/* Returns the number of pages. */
static uint32_t
pages_write(uint8_t *p, const uint8_t *segment, size_t len)
{
    size_t at;
    uint32_t n;

    n = 0;

    for (at = 0; len - at >= SESSION_PAGE; at += SESSION_PAGE) {

        if (is_zero(segment + at)) {
            continue;
        }

        put(p, (uint32_t) (at / SESSION_PAGE), 4);
        memcpy(p + 4, segment + at, SESSION_PAGE);
        p += STORED_PAGE;
        n++;
    }

    return n;
}


size_t
stored_write(const card_key_t *key, uint8_t *p, const stored_head_t *head,
             const held_t *s, const uint8_t *segment, size_t len)
{
    size_t record, total;
    held_t bare;
    uint32_t n;

    bare = *s;
    belongings_clear(&bare);
    bare.attached = 0;
    bare.item.key = 0;

    record = image_session_write(p + STORED_HEAD, &bare);
    n = pages_write(p + STORED_HEAD + record, segment, len);
    total = STORED_HEAD + record + (size_t) n * STORED_PAGE;

    memset(p, 0, STORED_HEAD);
    p[0] = VERSION;
    p[1] = CARD_STORE;
    put(p + 2, head->flags, 2);
    put(p + 4, head->life, 4);
    put(p + 8, head->turn, 4);
    put(p + 12, head->size, 4);
    put(p + 16, (uint32_t) record, 4);
    put(p + 20, n, 4);

    return card_sign(key, p, total, p + total) == EIRC_OK
               ? total + CARD_CODE_SIZE
               : 0;
}


int
stored_head_read(stored_head_t *head, const uint8_t *p, size_t len)
{
    if (len < STORED_HEAD || p[0] != VERSION || p[1] != CARD_STORE) {
        return EIRC_ERROR;
    }

    head->flags = (uint16_t) get(p + 2, 2);
    head->life = get(p + 4, 4);
    head->turn = get(p + 8, 4);
    head->size = get(p + 12, 4);

    return head->flags & ~STORED_FLAGS ? EIRC_ERROR : EIRC_OK;
}


/* Each lies in the segment, behind the one before. */
static int
pages_check(const stored_t *stored)
{
    size_t cursor, offset, end;

    cursor = 0;
    end = 0;

    while (stored_page(stored, &cursor, &offset) != NULL) {

        if (offset < end || offset + SESSION_PAGE > stored->head.size) {
            return EIRC_ERROR;
        }

        end = offset + SESSION_PAGE;
    }

    return EIRC_OK;
}


static int
record_read(stored_t *stored, const uint8_t *p, const uint8_t *end)
{
    uint32_t type;
    eirc_slice_t body;

    if (image_next(&p, end, &type, &body) != EIRC_OK || type != IMAGE_SESSION
        || p != end)
    {
        return EIRC_ERROR;
    }

    /* it was signed with the rest, and is signed anew before it is shown to
     * anybody */

    return image_session_read(&stored->session, body) == EIRC_OK
                   && passport_read(&stored->passport,
                                    stored->session.passport.p,
                                    stored->session.passport.len)
                          == EIRC_OK
               ? EIRC_OK
               : EIRC_ERROR;
}


int
stored_read(const card_key_t *key, stored_t *stored, const uint8_t *p,
            size_t len)
{
    size_t record, pages;

    /* the code goes first: what is not ours has nothing to tell */

    if (len < FIXED
        || card_signed(key, p, len - CARD_CODE_SIZE, p + len - CARD_CODE_SIZE)
               != EIRC_OK
        || stored_head_read(&stored->head, p, len) != EIRC_OK)
    {
        return EIRC_ERROR;
    }

    record = get(p + 16, 4);
    pages = get(p + 20, 4);
    len -= FIXED;

    if (record > len || pages > len / STORED_PAGE
        || pages * STORED_PAGE != len - record)
    {
        return EIRC_ERROR;
    }

    p += STORED_HEAD;
    stored->pages = eirc_slice(p + record, pages * STORED_PAGE);

    return record_read(stored, p, p + record) == EIRC_OK
                   && stored->head.size
                          == session_segment_size(
                              stored->passport.session.replay)
                   && pages_check(stored) == EIRC_OK
               ? EIRC_OK
               : EIRC_ERROR;
}


const uint8_t *
stored_page(const stored_t *stored, size_t *cursor, size_t *offset)
{
    const uint8_t *p;

    if (*cursor == stored->pages.len) {
        return NULL;
    }

    p = stored->pages.p + *cursor;
    *cursor += STORED_PAGE;
    *offset = (size_t) get(p, 4) * SESSION_PAGE;

    return p + 4;
}


int
stored_fill(held_t *s, const stored_t *stored)
{
    int rc;

    rc = image_session_fill(s, &stored->session);
    belongings_clear(s);

    return rc;
}
