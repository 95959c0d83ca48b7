/*
 * An image, as a program may find it that goes on in the place of another one:
 * whatever is in it, nothing outside of it is read, and what is accepted can
 * be written again. A session is read from a passport that nobody has checked.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


/* What was read, written and read again, is the same. */
static void
session_again(held_t *s, const image_session_t *session)
{
    size_t len;
    uint32_t type;
    held_t other;
    eirc_slice_t body;
    const uint8_t *next;
    image_session_t again;
    static uint8_t buf[IMAGE_RECORD_MAX];

    s->item.key = session->key;
    s->attached = session->attached;
    s->pid = session->pid;
    s->passport = (uint8_t *) (uintptr_t) session->passport.p;
    s->passport_len = (uint32_t) session->passport.len;

    len = image_session_write(buf, s);
    check(len <= sizeof(buf));

    next = buf;
    check(image_next(&next, buf + len, &type, &body) == EIRC_OK);
    check(type == IMAGE_SESSION);
    check(image_session_read(&again, body) == EIRC_OK);
    check(again.key == session->key && again.pid == session->pid
          && again.attached == session->attached);
    check(again.passport.len == session->passport.len);

    memset(&other, 0, sizeof(other));
    check(image_session_fill(&other, &again) == EIRC_OK);
    check(other.control == s->control
          && other.events.tokens == s->events.tokens
          && other.events_dropped == s->events_dropped);
}


static void
session_take(eirc_slice_t body)
{
    held_t s;
    passport_t passport;
    image_session_t session;

    if (image_session_read(&session, body) != EIRC_OK) {
        return;
    }

    if (passport_read(&passport, session.passport.p, session.passport.len)
        == EIRC_OK)
    {
        check(strlen(passport.id) <= EIRC_LINK_ID_MAX);
        check(passport.session.account_len <= EIRC_LINK_ACCOUNT_MAX);
    }

    memset(&s, 0, sizeof(s));

    if (image_session_fill(&s, &session) == EIRC_OK) {
        check(bucket_wait(&s.events, 1000) <= UINT64_MAX / 2);
        session_again(&s, &session);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    uint32_t type;
    uint64_t key;
    const uint8_t *end;
    image_head_t head;
    image_peer_t peer;
    eirc_slice_t body;
    image_layer_t layer;

    (void) image_head_read(&head, p, len);

    end = p + len;

    while (image_next(&p, end, &type, &body) == EIRC_OK) {

        switch (type) {

        case IMAGE_LAYER:
            (void) image_layer_read(&layer, body);
            break;

        case IMAGE_SLOT:
            (void) image_slot_read(&key, body);
            break;

        case IMAGE_SESSION:
            session_take(body);
            break;

        case IMAGE_PEER:
            (void) image_peer_read(&peer, body);
            break;

        default:
            break;
        }
    }

    return 0;
}
