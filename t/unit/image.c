/*
 * image: what is written down is read again as it was, what later versions add
 * is passed over, what earlier ones did not have is left alone, and what is
 * broken is refused.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "image.h"

#define ID "7-0123456789abcdef01234567"

static const card_key_t key = {{1, 2, 3}};

static sessions_t sessions;


/* A session with a number of its own in every field. */
static held_t *
session_make(void)
{
    size_t len, servers_len;
    uint8_t servers[300], buf[PASSPORT_MAX];
    held_t *s;
    eirc_link_server_t server = {0, 6667, "irc.example.com", 15};
    eirc_link_session_t request;

    memset(&request, 0, sizeof(request));
    servers_len = 0;
    assert_int_equal(
        eirc_link_server_add(servers, &servers_len, sizeof(servers), &server),
        EIRC_OK);

    request.limit = 3;
    request.replay = 65536;
    request.linger = 30000;
    request.cpu = EIRC_LINK_CPU_ANY;
    request.account = "alice";
    request.account_len = 5;
    request.servers = servers;
    request.servers_len = servers_len;

    len = passport_write(&key, buf, ID, &request);
    assert_int_not_equal(len, 0);

    assert_int_equal(sessions_init(&sessions, 1), 0);
    s = sessions_add(&sessions, "alice", 5);
    assert_non_null(s);

    s->passport = malloc(len);
    assert_non_null(s->passport);
    memcpy(s->passport, buf, len);
    s->passport_len = (uint32_t) len;

    s->state = HELD_RUNNING;
    s->irc_state = HELD_IRC_CONNECTED;
    s->pid = 4711;
    s->link = 10;
    s->segment = 11;
    s->control = 12;
    s->irc = 13;
    s->server = 1;
    s->attempt = 0x01020304;
    bucket_init(&s->events, 2000, 20, 0x0102030405060708);
    bucket_init(&s->flood, 10000, 1000, 99);
    bucket_init(&s->returns, 500, 10, 98);
    s->returns.tokens = 7;
    s->events_dropped = 5;
    s->done.given = 9;
    s->carried = 8;
    s->counting = 2;
    s->open = 1;
    s->restored = 1;
    s->stored = 1;
    s->before.offer = 3;
    s->before.pid = 4712;
    s->before.control = 14;
    s->before.pidfd = 15;
    s->before.child = 1;
    memset(s->next_key, 0xab, sizeof(s->next_key));

    return s;
}


static void
session_free(held_t *s)
{
    s->pid = 0;
    sessions_done(&sessions);
}


/* The body of the only record at p. */
static eirc_slice_t
body_of(const uint8_t *p, size_t len, uint32_t type)
{
    uint32_t t;
    eirc_slice_t body;
    const uint8_t *next;

    next = p;
    assert_int_equal(image_next(&next, p + len, &t, &body), EIRC_OK);
    assert_int_equal(t, type);
    assert_ptr_equal(next, p + len);

    return body;
}


static void
test_head(void **state)
{
    uint8_t buf[IMAGE_HEAD_SIZE];
    image_head_t head = {IMAGE_FORMAT, 7, 0x123456789, 4, 5, -1}, again;

    (void) state;

    image_head_write(buf, &head);
    assert_int_equal(image_head_read(&again, buf, sizeof(buf)), EIRC_OK);
    assert_int_equal(again.format, head.format);
    assert_int_equal(again.number, head.number);
    assert_int_equal(again.length, head.length);
    assert_int_equal(again.lock, head.lock);
    assert_int_equal(again.listen, head.listen);
    assert_int_equal(again.log, head.log);

    assert_int_equal(image_head_read(&again, buf, sizeof(buf) - 1),
                     EIRC_ERROR);

    /* another format is read all the same: lock and socket are there */

    buf[8] = 77;
    assert_int_equal(image_head_read(&again, buf, sizeof(buf)), EIRC_OK);
    assert_int_equal(again.format, 77);
    assert_int_equal(again.listen, 5);

    buf[0] ^= 1;
    assert_int_equal(image_head_read(&again, buf, sizeof(buf)), EIRC_ERROR);
}


static void
test_session(void **state)
{
    size_t len;
    uint8_t buf[IMAGE_RECORD_MAX];
    held_t *s, other;
    image_session_t session;

    (void) state;

    s = session_make();
    len = image_session_write(buf, s);
    assert_true(len
                <= IMAGE_RECORD_HEAD + 2 + IMAGE_FIXED_MAX + s->passport_len);

    assert_int_equal(
        image_session_read(&session, body_of(buf, len, IMAGE_SESSION)),
        EIRC_OK);
    assert_int_equal(session.key, s->item.key);
    assert_int_equal(session.pid, 4711);
    assert_int_equal(session.passport.len, s->passport_len);
    assert_memory_equal(session.passport.p, s->passport, s->passport_len);

    memset(&other, 0, sizeof(other));
    assert_int_equal(image_session_fill(&other, &session), EIRC_OK);
    assert_int_equal(other.state, s->state);
    assert_int_equal(other.irc_state, s->irc_state);
    assert_int_equal(other.pid, 0);
    assert_int_equal(other.link, 10);
    assert_int_equal(other.segment, 11);
    assert_int_equal(other.secret, -1);
    assert_int_equal(other.control, 12);
    assert_int_equal(other.irc, 13);
    assert_int_equal(other.worker_control, -1);
    assert_int_equal(other.pidfd, -1);
    assert_int_equal(other.attempt, 0x01020304);
    assert_memory_equal(&other.events, &s->events, sizeof(bucket_t));
    assert_memory_equal(&other.flood, &s->flood, sizeof(bucket_t));
    assert_memory_equal(&other.returns, &s->returns, sizeof(bucket_t));
    assert_int_equal(other.events_dropped, 5);
    assert_int_equal(other.counting, 2);
    assert_memory_equal(&other.before, &s->before, sizeof(s->before));
    assert_memory_equal(other.next_key, s->next_key, sizeof(s->next_key));
    assert_int_equal(session.attached, 1);

    session_free(s);
}


/* The fixed part may be longer, or shorter. */
static void
test_versions(void **state)
{
    size_t len, fixed;
    uint8_t buf[IMAGE_RECORD_MAX], body[IMAGE_RECORD_MAX];
    held_t *s, other;
    image_session_t session;

    (void) state;

    s = session_make();
    len = image_session_write(buf, s) - IMAGE_RECORD_HEAD;
    memcpy(body, buf + IMAGE_RECORD_HEAD, len);
    fixed = (size_t) body[0] | (size_t) body[1] << 8;

    /* six bytes more, between what is known and the passport */

    memmove(body + 2 + fixed + 6, body + 2 + fixed, len - 2 - fixed);
    memset(body + 2 + fixed, 0xff, 6);
    body[0] = (uint8_t) ((fixed + 6) & 0xff);
    body[1] = (uint8_t) ((fixed + 6) >> 8);

    assert_int_equal(image_session_read(&session, eirc_slice(body, len + 6)),
                     EIRC_OK);
    assert_memory_equal(session.passport.p, s->passport, s->passport_len);
    memset(&other, 0, sizeof(other));
    assert_int_equal(image_session_fill(&other, &session), EIRC_OK);
    assert_int_equal(other.events_dropped, 5);

    /* without the last field, and half of the one before */

    memcpy(body, buf + IMAGE_RECORD_HEAD, 2 + fixed);
    memcpy(body + 2 + fixed - 6, s->passport, s->passport_len);
    body[0] = (uint8_t) ((fixed - 6) & 0xff);
    body[1] = (uint8_t) ((fixed - 6) >> 8);

    assert_int_equal(image_session_read(&session, eirc_slice(body, len - 6)),
                     EIRC_OK);
    memset(&other, 0, sizeof(other));
    other.before.child = 77;
    other.before.pidfd = 33;
    assert_int_equal(image_session_fill(&other, &session), EIRC_OK);
    assert_int_equal(other.before.child, 77);
    assert_int_equal(other.before.pidfd, 33);
    assert_int_equal(other.stored, 1);
    assert_int_equal(other.restored, 1);
    assert_int_equal(other.open, 1);
    assert_int_equal(other.carried, 8);
    assert_int_equal(other.done.given, 9);
    assert_int_equal(other.attempt, 0x01020304);

    session_free(s);
}


static void
test_session_broken(void **state)
{
    size_t i, len;
    uint8_t buf[IMAGE_RECORD_MAX];
    held_t *s, other;
    image_session_t session;

    (void) state;

    s = session_make();

    /* what no layer has written */

    for (i = 0; i < 5; i++) {
        held_t bad = *s;

        switch (i) {
        case 0:
            bad.state = (held_state_e) (HELD_COUNTING + 1);
            break;
        case 1:
            bad.irc_state = (held_irc_e) (HELD_IRC_CONNECTED + 1);
            break;
        case 2:
            bad.events.burst = 0;
            break;
        case 3:
            bad.flood.tokens = (uint64_t) bad.flood.burst * 1000000 + 1;
            break;
        default:
            bad.returns.tokens = UINT64_MAX;
            break;
        }

        len = image_session_write(buf, &bad);
        assert_int_equal(
            image_session_read(&session, body_of(buf, len, IMAGE_SESSION)),
            EIRC_OK);
        assert_int_equal(image_session_fill(&other, &session), EIRC_ERROR);
    }

    /* cut anywhere before the passport */

    len = image_session_write(buf, s) - IMAGE_RECORD_HEAD;

    for (i = 0; i <= len - s->passport_len; i++) {
        assert_int_equal(image_session_read(
                             &session, eirc_slice(buf + IMAGE_RECORD_HEAD, i)),
                         EIRC_ERROR);
    }

    session_free(s);
}


static void
test_others(void **state)
{
    size_t len;
    uint64_t slot;
    uint8_t buf[IMAGE_RECORD_MAX];
    image_layer_t layer = {123456789012, 11, 12, 13, 1, 1234567890123}, layer2;
    image_peer_t peer = {20, IMAGE_PEER_WATCH, 1234567890123}, peer2;

    (void) state;

    len = image_layer_write(buf, &layer);
    assert_int_equal(image_layer_read(&layer2, body_of(buf, len, IMAGE_LAYER)),
                     EIRC_OK);
    assert_memory_equal(&layer2, &layer, sizeof(layer));

    len = image_slot_write(buf, 0x0000000500000003);
    assert_int_equal(image_slot_read(&slot, body_of(buf, len, IMAGE_SLOT)),
                     EIRC_OK);
    assert_int_equal(slot, 0x0000000500000003);

    len = image_peer_write(buf, &peer);
    assert_int_equal(image_peer_read(&peer2, body_of(buf, len, IMAGE_PEER)),
                     EIRC_OK);
    assert_int_equal(peer2.fd, 20);
    assert_int_equal(peer2.kind, IMAGE_PEER_WATCH);
    assert_int_equal(peer2.deadline, 1234567890123);

    peer.kind = 99;
    len = image_peer_write(buf, &peer);
    assert_int_equal(image_peer_read(&peer2, body_of(buf, len, IMAGE_PEER)),
                     EIRC_ERROR);
}


/* Records one behind the other, END, and nothing more. */
static void
test_next(void **state)
{
    size_t i, len;
    uint8_t buf[3 * IMAGE_RECORD_MAX];
    uint32_t type;
    eirc_slice_t body;
    const uint8_t *p;
    image_layer_t layer = {1, 2, 3, 4, 5, 6};

    (void) state;

    len = image_slot_write(buf, 1);
    len += image_layer_write(buf + len, &layer);
    len += image_end_write(buf + len);

    p = buf;
    assert_int_equal(image_next(&p, buf + len, &type, &body), EIRC_OK);
    assert_int_equal(type, IMAGE_SLOT);
    assert_int_equal(image_next(&p, buf + len, &type, &body), EIRC_OK);
    assert_int_equal(type, IMAGE_LAYER);
    assert_int_equal(image_next(&p, buf + len, &type, &body), EIRC_DONE);

    /* cut, or with something behind it */

    for (i = 0; i < len; i++) {
        p = buf;

        while (image_next(&p, buf + i, &type, &body) == EIRC_OK) {
            /* void */
        }

        assert_int_equal(image_next(&p, buf + i, &type, &body), EIRC_ERROR);
    }

    p = buf + len - IMAGE_RECORD_HEAD - 2;
    buf[len] = 0;
    assert_int_equal(image_next(&p, buf + len + 1, &type, &body), EIRC_ERROR);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head),     cmocka_unit_test(test_session),
        cmocka_unit_test(test_versions), cmocka_unit_test(test_session_broken),
        cmocka_unit_test(test_others),   cmocka_unit_test(test_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
