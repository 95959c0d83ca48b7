/*
 * irc_counts: the socket layer asks a relay what it has carried, also one that
 * takes no records just now, or dies, or says what it was not asked.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "irc_counts.h"
#include "keeper.h"
#include "pair.h"

typedef struct {
    layer_t layer;
    irc_relay_t *relay;
    held_t *session;
    int end;  /* the relay's end of the control channel */
    int pair; /* the relay's end of the connection */
} stage_t;

static int told;
static held_t *told_of;
static irc_counts_t told_what;


/* In place of the one in keeper.c. */
void
keeper_counted(layer_t *l, held_t *s, const irc_counts_t *counts)
{
    (void) l;

    told += counts == NULL ? 100 : 1;
    told_of = s;

    if (counts != NULL) {
        told_what = *counts;
    }
}


static held_t *
session_add(stage_t *s, int *end)
{
    int pair[2];
    held_t *h;

    h = sessions_add(&s->layer.sessions, "a", 1);
    assert_non_null(h);
    assert_int_equal(pair_open(pair, &h->carried), 0);
    h->state = HELD_RUNNING;
    h->irc_state = HELD_IRC_CONNECTED;
    h->irc = pair[PAIR_WORKER];
    h->relay = s->relay;
    *end = pair[PAIR_RELAY];

    return h;
}


static void
stage_set(stage_t *s)
{
    int pair[2];

    told = 0;
    memset(s, 0, sizeof(stage_t));

    assert_int_equal(sessions_init(&s->layer.sessions, 1), 0);
    held_queue_init(&s->layer.fork_queue, offsetof(held_t, fork_queue));
    held_queue_init(&s->layer.irc_queue, offsetof(held_t, irc_queue));
    s->layer.epoll = epoll_create1(0);
    s->layer.now = 1000;

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);

    s->relay = calloc(1, sizeof(irc_relay_t));
    assert_non_null(s->relay);
    s->relay->helper.fd = pair[0];
    s->relay->helper.pid = 1;
    s->relay->helper.name = "relay";
    s->relay->users = 1;
    s->relay->users_max = 250;
    s->layer.relays[0] = s->relay;
    s->layer.nrelays = 1;
    s->end = pair[1];

    assert_int_equal(layer_watch(&s->layer, pair[0], EPOLLIN, LAYER_RELAY, 0),
                     0);

    s->session = session_add(s, &s->pair);
}


static void
stage_end(stage_t *s)
{
    uint32_t slot;
    held_t *h;

    slot = 0;

    while ((h = sessions_next(&s->layer.sessions, &slot)) != NULL) {
        (void) close(h->irc);
        sessions_remove(&s->layer.sessions, h);
    }

    irc_relays_end(&s->layer);
    (void) close(s->layer.epoll);
    (void) close(s->pair);
    (void) close(s->end);
    sessions_done(&s->layer.sessions);
}


/* The next record that the relay gets. */
static uint32_t
asked(stage_t *s, uint64_t *key)
{
    uint64_t id;
    control_t c;
    const held_t *h;

    if (control_recv(s->end, &c, NULL, NULL) != EIRC_OK) {
        return 0;
    }

    assert_int_equal(c.size, sizeof(id));
    memcpy(&id, c.data, sizeof(id));
    h = sessions_find(&s->layer.sessions, c.key);
    assert_non_null(h);
    assert_true(h->carried == id);

    if (key != NULL) {
        *key = c.key;
    }

    return c.type;
}


static void
answer(stage_t *s, uint32_t type, uint64_t key, int status, uint64_t id,
       uint64_t written, uint64_t accepted)
{
    control_t c;
    control_counts_t counts = {id, written, accepted};

    memset(&c, 0, sizeof(c));
    c.type = type;
    c.key = key;
    c.status = status;
    c.size = sizeof(counts);
    memcpy(c.data, &counts, sizeof(counts));

    assert_int_equal(control_send(s->end, &c, NULL, 0), EIRC_OK);
    irc_relays_read(&s->layer, 0);
}


static void
test_asked(void **state)
{
    char byte;
    uint64_t key, id;
    stage_t s;

    (void) state;

    stage_set(&s);
    key = s.session->item.key;
    id = s.session->carried;

    assert_int_equal(send(s.pair, "12345", 5, 0), 5);
    assert_int_equal(recv(s.session->irc, &byte, 1, 0), 1);

    assert_int_equal(irc_counts_ask(&s.layer, s.session), 0);
    assert_int_equal(asked(&s, NULL), CONTROL_RELAY_COUNT);
    assert_int_equal(asked(&s, NULL), 0);

    answer(&s, CONTROL_RELAY_COUNTED, key, 0, id, 1005, 77);
    assert_int_equal(told, 1);
    assert_ptr_equal(told_of, s.session);
    assert_int_equal(told_what.consumed, 1001);
    assert_int_equal(told_what.accepted, 77);
    assert_false(told_what.ended);

    irc_counts_go(&s.layer, s.session);
    assert_int_equal(asked(&s, NULL), CONTROL_RELAY_GO);

    /* again, and the server has gone */

    assert_int_equal(irc_counts_ask(&s.layer, s.session), 0);
    assert_int_equal(asked(&s, NULL), CONTROL_RELAY_COUNT);
    answer(&s, CONTROL_RELAY_COUNTED, key, 1, id, 4, 0);
    assert_int_equal(told, 2);
    assert_int_equal(told_what.consumed, 0);
    assert_true(told_what.ended);

    /* and once more before it went on: the successor has died too */

    assert_int_equal(irc_counts_ask(&s.layer, s.session), 0);
    assert_int_equal(asked(&s, NULL), CONTROL_RELAY_COUNT);
    answer(&s, CONTROL_RELAY_COUNTED, key, -1, id, 0, 0);
    assert_int_equal(told, 102);

    /* fewer bytes than lie there were never written: no counts to trust */

    assert_int_equal(irc_counts_ask(&s.layer, s.session), 0);
    assert_int_equal(asked(&s, NULL), CONTROL_RELAY_COUNT);
    answer(&s, CONTROL_RELAY_COUNTED, key, 0, id, 3, 0);
    assert_int_equal(told, 202);

    stage_end(&s);
}


/* What was not asked for, or of another connection, is no answer. */
static void
test_unasked(void **state)
{
    int pair;
    uint64_t key, id;
    stage_t s;
    held_t *other;
    control_t c;

    (void) state;

    stage_set(&s);
    key = s.session->item.key;
    id = s.session->carried;
    other = session_add(&s, &pair);
    other->relay = NULL;

    answer(&s, CONTROL_RELAY_COUNTED, key, 0, id, 0, 0);

    assert_int_equal(irc_counts_ask(&s.layer, other), -1);
    assert_int_equal(irc_counts_ask(&s.layer, s.session), 0);
    answer(&s, CONTROL_RELAY_COUNTED, key, 0, id + 1, 0, 0);
    answer(&s, CONTROL_RELAY_COUNTED, key + 1, 0, id, 0, 0);
    answer(&s, CONTROL_RELAY_COUNTED, other->item.key, 0, other->carried, 0,
           0);

    memset(&c, 0, sizeof(c));
    c.type = CONTROL_RELAY_COUNTED;
    c.key = key;
    assert_int_equal(control_send(s.end, &c, NULL, 0), EIRC_OK);
    irc_relays_read(&s.layer, 0);
    assert_int_equal(told, 0);

    answer(&s, CONTROL_RELAY_COUNTED, key, 0, id, 0, 0);
    assert_int_equal(told, 1);

    /* only once */

    answer(&s, CONTROL_RELAY_COUNTED, key, 0, id, 0, 0);
    assert_int_equal(told, 1);
    assert_true(s.relay->helper.fd != -1);

    (void) close(pair);
    stage_end(&s);
}


/* It ends the connection, or its life, before it answers. */
static void
test_lost(void **state)
{
    uint64_t key;
    stage_t s;

    (void) state;

    stage_set(&s);
    key = s.session->item.key;

    assert_int_equal(irc_counts_ask(&s.layer, s.session), 0);
    answer(&s, CONTROL_RELAY_ENDED, key, 0, s.session->carried, 0, 0);
    assert_int_equal(told, 100);
    assert_int_equal(irc_counts_ask(&s.layer, s.session), -1);
    irc_counts_go(&s.layer, s.session);
    stage_end(&s);

    stage_set(&s);
    assert_int_equal(irc_counts_ask(&s.layer, s.session), 0);
    assert_int_equal(irc_relays_reaped(&s.layer, 1, 9), 1);
    assert_int_equal(told, 100);
    assert_null(s.session->relay);
    assert_int_equal(irc_counts_ask(&s.layer, s.session), -1);
    stage_end(&s);
}


/* Many at once, for a relay that reads late: all are asked, and once. */
static void
test_full(void **state)
{
    int i, n, size, ends[50];
    uint64_t key;
    uint32_t type;
    stage_t s;
    held_t *h;
    uint8_t seen[51];

    (void) state;

    stage_set(&s);
    memset(seen, 0, sizeof(seen));

    size = 1;
    assert_int_equal(setsockopt(s.relay->helper.fd, SOL_SOCKET, SO_SNDBUF,
                                &size, sizeof(size)),
                     0);

    for (i = 0; i < 50; i++) {
        h = session_add(&s, &ends[i]);
        assert_int_equal(irc_counts_ask(&s.layer, h), 0);
    }

    assert_true(s.relay->blocked);

    /* one that waits for its turn changes its mind */

    irc_counts_go(&s.layer, h);

    for (n = 0; n < 49; irc_relays_read(&s.layer, 0)) {
        while ((type = asked(&s, &key)) != 0) {
            assert_int_equal(type, CONTROL_RELAY_COUNT);
            assert_true(key != h->item.key);
            assert_int_equal(seen[(uint32_t) key]++, 0);
            n++;
        }
    }

    assert_int_equal(asked(&s, NULL), 0);
    assert_false(s.relay->blocked);

    for (i = 0; i < 50; i++) {
        (void) close(ends[i]);
    }

    stage_end(&s);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked),
        cmocka_unit_test(test_unasked),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
