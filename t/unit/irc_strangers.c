/*
 * irc_strangers: relays that another layer started are taken for what their
 * cards say, and for what they carry; and a layer that executes itself anew
 * finds its own again.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "events.h"
#include "irc_counts.h"
#include "irc_relay.h"
#include "irc_strangers.h"
#include "pair.h"

static char log_path[] = "/tmp/eirc-strangers-XXXXXX";
static layer_t layer;
static int ends[8]; /* of the pairs of sessions */
static int nends;


static int
group_set_up(void **state)
{
    (void) state;

    (void) close(mkstemp(log_path));

    return log_open(log_path, 0);
}


static int
group_tear_down(void **state)
{
    (void) state;

    return unlink(log_path);
}


static void
layer_set(layer_t *l)
{
    memset(l, 0, sizeof(layer_t));

    assert_int_equal(sessions_init(&l->sessions, 1), 0);
    held_queue_init(&l->fork_queue, offsetof(held_t, fork_queue));
    held_queue_init(&l->irc_queue, offsetof(held_t, irc_queue));
    l->epoll = epoll_create1(0);
    l->connector.fd = -1;
    l->rundir.number = 7;
    l->relay_sessions = 250;
    l->now = 1000;
}


static void
layer_unset(layer_t *l)
{
    uint32_t slot;
    held_t *h;

    slot = 0;

    while ((h = sessions_next(&l->sessions, &slot)) != NULL) {
        if (h->irc != -1) {
            (void) close(h->irc);
        }

        sessions_remove(&l->sessions, h);
    }

    irc_relays_end(l);
    sessions_done(&l->sessions);
    (void) close(l->epoll);
}


static int
set_up(void **state)
{
    (void) state;

    nends = 0;
    layer_set(&layer);

    return 0;
}


static int
tear_down(void **state)
{
    (void) state;

    layer_unset(&layer);

    while (nends > 0) {
        (void) close(ends[--nends]);
    }

    return 0;
}


static held_t *
session_add(uint64_t *id)
{
    int pair[2];
    held_t *h;

    h = sessions_add(&layer.sessions, "a", 1);
    assert_non_null(h);
    assert_int_equal(pair_open(pair, id), 0);
    h->state = HELD_RUNNING;
    h->irc_state = HELD_IRC_CONNECTED;
    h->irc = pair[PAIR_WORKER];
    ends[nends++] = pair[PAIR_RELAY];

    return h;
}


/* A relay comes; its end of the connection. */
static int
relay_come(card_kind_e kind, const char *id)
{
    int pair[2];
    card_t card;

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(card_write(&layer.key, &card, kind, id), EIRC_OK);
    irc_strangers_take(&layer, pair[0], &card);

    return pair[1];
}


static void
said(int fd, uint32_t type, int status, const void *data, size_t size)
{
    uint32_t i;
    control_t c;

    memset(&c, 0, sizeof(c));
    c.type = type;
    c.status = status;
    c.size = (uint32_t) size;

    if (size > 0) {
        memcpy(c.data, data, size);
    }

    assert_int_equal(control_send(fd, &c, NULL, 0), EIRC_OK);

    for (i = 0; i < LAYER_RELAYS_MAX; i++) {
        irc_relays_read(&layer, i);
    }
}


static int
is_closed(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}


static void
test_taken(void **state)
{
    int fd;
    held_t *before, *behind, *other;
    uint64_t ids[3], third;
    control_counts_t counts;

    (void) state;

    before = session_add(&ids[0]);
    behind = session_add(&ids[1]);
    other = session_add(&third);
    ids[2] = 0x1234;

    irc_strangers_find(&layer, before);
    irc_strangers_find(&layer, other);
    assert_null(before->relay);
    assert_true(before->carried == ids[0]);

    fd = relay_come(CARD_RELAY, "7-relay1");
    assert_int_equal(layer.nrelays, 1);
    assert_int_equal(irc_counts_ask(&layer, before), -1);

    said(fd, CONTROL_RELAY_CARRIES, 0, ids, sizeof(ids[0]));
    assert_null(before->relay);
    said(fd, CONTROL_RELAY_CARRIES, 1, ids + 1, 2 * sizeof(ids[0]));

    assert_ptr_equal(before->relay, layer.relays[0]);
    assert_int_equal(before->relay->users, 3);
    assert_null(other->relay);

    irc_strangers_find(&layer, behind);
    assert_ptr_equal(behind->relay, layer.relays[0]);
    irc_strangers_find(&layer, other);
    assert_null(other->relay);

    /* they can be asked for */

    assert_int_equal(irc_counts_ask(&layer, behind), 0);

    /* one ends; its key is that of the other layer */

    memset(&counts, 0, sizeof(counts));
    counts.id = ids[0];
    said(fd, CONTROL_RELAY_ENDED, 0, &counts, sizeof(counts));
    assert_null(before->relay);
    assert_ptr_equal(behind->relay, layer.relays[0]);
    assert_int_equal(behind->relay->users, 2);
    assert_int_equal(behind->relay->nids, 2);

    /* and the relay */

    (void) close(fd);
    irc_relays_read(&layer, 0);
    assert_null(behind->relay);
    assert_null(layer.relays[0]);
    assert_int_equal(layer.nrelays, 0);
}


static void
test_refused(void **state)
{
    int i, fd, good;
    static const struct {
        card_kind_e kind;
        const char *id;
    } cases[] = {
        {CARD_PASSPORT, "7-relay2"}, {CARD_RELAY, "8-relay2"},
        {CARD_RELAY, "70-relay2"},   {CARD_RELAY, "relay2"},
        {CARD_RELAY, "7-relay1"},
    };

    (void) state;

    good = relay_come(CARD_RELAY, "7-relay1");

    for (i = 0; i < 5; i++) {
        fd = relay_come(cases[i].kind, cases[i].id);
        assert_true(is_closed(fd));
        (void) close(fd);
        assert_int_equal(layer.nrelays, 1);
    }

    assert_false(is_closed(good));
    (void) close(good);
}


/* Only so many, and for each no more than it may have. */
static void
test_bounds(void **state)
{
    int i, fd, fds[LAYER_RELAYS_MAX];
    char id[16];
    uint64_t ids[512];

    (void) state;

    for (i = 0; i < LAYER_RELAYS_MAX; i++) {
        (void) snprintf(id, sizeof(id), "7-%d", i);
        fds[i] = relay_come(CARD_RELAY, id);
    }

    fd = relay_come(CARD_RELAY, "7-x");
    assert_true(is_closed(fd));
    (void) close(fd);

    /* lists: too long, broken, doubled */

    memset(ids, 1, sizeof(ids));
    said(fds[0], CONTROL_RELAY_CARRIES, 0, ids, sizeof(ids));
    assert_false(is_closed(fds[0]));
    said(fds[0], CONTROL_RELAY_CARRIES, 0, ids, sizeof(ids));
    assert_true(is_closed(fds[0]));

    said(fds[1], CONTROL_RELAY_CARRIES, 1, ids, 7);
    assert_true(is_closed(fds[1]));

    said(fds[2], CONTROL_RELAY_CARRIES, 1, ids, 8);
    assert_false(is_closed(fds[2]));
    said(fds[2], CONTROL_RELAY_CARRIES, 1, ids, 8);
    assert_true(is_closed(fds[2]));

    /* the log is for everybody */

    for (i = 0; i < 8; i++) {
        said(fds[3], CONTROL_EVENT, 0, NULL, 0);
        assert_false(is_closed(fds[3]));
    }

    said(fds[3], CONTROL_EVENT, 0, NULL, 0);
    assert_true(is_closed(fds[3]));

    /* one that carries nothing is not needed */

    layer.now += 5000;
    (void) irc_relays_expire(&layer);
    assert_int_equal(layer.nrelays, 0);
    assert_true(is_closed(fds[5]));

    for (i = 0; i < LAYER_RELAYS_MAX; i++) {
        (void) close(fds[i]);
    }
}


/* A relay of our own, as if it were running. */
static irc_relay_t *
relay_own(const char *id, int *end)
{
    int pair[2];
    irc_relay_t *r;

    assert_int_equal(socketpair(AF_UNIX,
                                SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                0, pair),
                     0);
    r = irc_relays_add(&layer, 0);
    assert_non_null(r);
    strcpy(r->id, id);
    r->helper.fd = pair[0];
    r->helper.pid = 12345;
    r->users = 2;
    r->tls = 1;
    *end = pair[1];

    return r;
}


static int
file_open(void)
{
    int fd;

    fd = memfd_create("relays", 0);
    assert_int_not_equal(fd, -1);

    return fd;
}


/* After exec there are the descriptors, and nothing that we knew. */
static void
exec_anew(int file)
{
    uint32_t i;
    held_t *h;

    for (i = 0; i < LAYER_RELAYS_MAX; i++) {
        if (layer.relays[i] != NULL) {
            assert_int_equal(fcntl(layer.relays[i]->helper.fd, F_GETFD), 0);
            free(layer.relays[i]->ids);
            free(layer.relays[i]);
        }
    }

    i = 0;

    while ((h = sessions_next(&layer.sessions, &i)) != NULL) {
        h->relay = NULL;
        h->carried = 0;
    }

    memset(layer.relays, 0, sizeof(layer.relays));
    layer.nrelays = 0;
    (void) close(layer.epoll);
    layer.epoll = epoll_create1(0);
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
}


static void
test_saved(void **state)
{
    int file, own, stranger;
    held_t *first, *second, *third;
    uint64_t id;
    control_t c;
    irc_relay_t *r;

    (void) state;

    first = session_add(&id);
    first->carried = id;
    second = session_add(&id);
    second->carried = id;
    third = session_add(&id);

    r = relay_own("7-relay1", &own);
    first->relay = r;
    second->relay = r;

    stranger = relay_come(CARD_RELAY, "7-relay2");
    said(stranger, CONTROL_RELAY_CARRIES, 1, &id, sizeof(id));

    file = file_open();
    assert_int_equal(irc_strangers_save(&layer, file), 0);
    exec_anew(file);
    assert_int_equal(irc_strangers_load(&layer, file), 0);
    assert_int_equal(layer.nrelays, 2);

    irc_strangers_find(&layer, first);
    irc_strangers_find(&layer, second);
    irc_strangers_find(&layer, third);
    r = first->relay;
    assert_non_null(r);
    assert_ptr_equal(second->relay, r);
    assert_string_equal(r->id, "7-relay1");
    assert_int_equal(r->helper.pid, 12345);
    assert_int_equal(r->users, 2);
    assert_int_equal(r->tls, 1);
    assert_int_equal(r->drains, 1);
    assert_int_equal(r->stranger, 0);
    assert_int_equal(fcntl(r->helper.fd, F_GETFD), FD_CLOEXEC);

    assert_non_null(third->relay);
    assert_string_equal(third->relay->id, "7-relay2");
    assert_int_equal(third->relay->stranger, 1);
    assert_int_equal(third->relay->helper.pid, 0);
    assert_int_equal(third->relay->users, 1);

    /* they can be spoken with, and saved again */

    assert_int_equal(irc_counts_ask(&layer, second), 0);
    assert_int_equal(control_recv(own, &c, NULL, NULL), EIRC_OK);
    assert_int_equal(c.type, CONTROL_RELAY_COUNT);

    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    assert_int_equal(irc_strangers_save(&layer, file), 0);
    irc_strangers_stay(&layer);
    assert_int_equal(fcntl(r->helper.fd, F_GETFD), FD_CLOEXEC);

    (void) close(own);
    (void) close(stranger);
    (void) close(file);
}


/* A layer of another make, or a file that was cut: they go on alone. */
static void
test_saved_otherwise(void **state)
{
    int file, first, second;
    uint32_t version;
    uint64_t id;
    held_t *h;

    (void) state;

    (void) relay_own("7-relay1", &first);
    file = file_open();
    assert_int_equal(irc_strangers_save(&layer, file), 0);
    version = CONTROL_VERSION + 1;
    assert_int_equal(pwrite(file, &version, sizeof(version), 0),
                     sizeof(version));
    exec_anew(file);
    assert_int_equal(irc_strangers_load(&layer, file), -1);
    assert_int_equal(layer.nrelays, 0);
    assert_true(is_closed(first));
    (void) close(first);

    h = session_add(&id);
    h->carried = id;
    h->relay = relay_own("7-relay1", &first);
    (void) relay_own("7-relay2", &second);
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    assert_int_equal(irc_strangers_save(&layer, file), 0);
    assert_int_equal(ftruncate(file, lseek(file, 0, SEEK_CUR) - 1), 0);
    exec_anew(file);
    assert_int_equal(irc_strangers_load(&layer, file), -1);
    assert_int_equal(layer.nrelays, 1);
    assert_false(is_closed(first));
    assert_true(is_closed(second));

    (void) close(first);
    (void) close(second);
    (void) close(file);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_saved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_saved_otherwise, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
