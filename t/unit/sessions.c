/*
 * sessions: by key, by process, counted by account; queues that a session may
 * leave from anywhere.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sessions.h"


static void
test_accounts(void **state)
{
    sessions_t s;
    held_t *a, *b, *c;
    char longest[EIRC_LINK_ACCOUNT_MAX + 1];

    (void) state;

    assert_int_equal(sessions_init(&s, 42), 0);
    assert_int_equal(sessions_of(&s, "alice", 5), 0);

    a = sessions_add(&s, "alice", 5);
    b = sessions_add(&s, "alice", 5);
    c = sessions_add(&s, "alic", 4);

    assert_int_equal(sessions_of(&s, "alice", 5), 2);
    assert_int_equal(sessions_of(&s, "alic", 4), 1);
    assert_int_equal(sessions_of(&s, "bob", 3), 0);

    sessions_remove(&s, a);
    assert_int_equal(sessions_of(&s, "alice", 5), 1);
    sessions_remove(&s, b);
    assert_int_equal(sessions_of(&s, "alice", 5), 0);
    sessions_remove(&s, c);
    assert_int_equal(s.naccounts, 0);

    memset(longest, 'x', sizeof(longest));
    assert_non_null(sessions_add(&s, longest, EIRC_LINK_ACCOUNT_MAX));
    assert_null(sessions_add(&s, longest, EIRC_LINK_ACCOUNT_MAX + 1));

    sessions_done(&s);
}


static void
test_new(void **state)
{
    sessions_t s;
    held_t *a;

    (void) state;

    assert_int_equal(sessions_init(&s, 1), 0);

    a = sessions_add(&s, "a", 1);
    assert_int_equal(a->link, -1);
    assert_int_equal(a->segment, -1);
    assert_int_equal(a->control, -1);
    assert_int_equal(a->irc, -1);
    assert_int_equal(a->worker_control, -1);
    assert_int_equal(a->state, HELD_WAITING);
    assert_int_equal(a->irc_state, HELD_IRC_NONE);

    sessions_done(&s);
}


static void
test_many(void **state)
{
    int i;
    char name[16];
    held_t *all[5000];
    sessions_t s;

    (void) state;

    assert_int_equal(sessions_init(&s, 7), 0);

    for (i = 0; i < 5000; i++) {
        (void) snprintf(name, sizeof(name), "user%d", i / 2);
        all[i] = sessions_add(&s, name, strlen(name));
        assert_non_null(all[i]);
        sessions_pid_set(&s, all[i], 1000 + i);
    }

    assert_int_equal(s.naccounts, 2500);

    for (i = 0; i < 5000; i++) {
        assert_ptr_equal(sessions_find_pid(&s, 1000 + i), all[i]);
        assert_ptr_equal(sessions_find(&s, all[i]->item.key), all[i]);
        assert_int_equal(
            sessions_of(&s, all[i]->account->name, all[i]->account->len), 2);
    }

    assert_null(sessions_find_pid(&s, 999));
    assert_null(sessions_find_pid(&s, 0));

    for (i = 0; i < 5000; i += 2) {
        sessions_remove(&s, all[i]);
    }

    for (i = 0; i < 5000; i++) {
        assert_ptr_equal(sessions_find_pid(&s, 1000 + i),
                         i % 2 ? all[i] : NULL);
    }

    /* twice is once, and another process may take the number */

    sessions_pid_clear(&s, all[1]);
    sessions_pid_clear(&s, all[1]);
    assert_null(sessions_find_pid(&s, 1001));
    sessions_pid_set(&s, all[3], 1001);
    assert_ptr_equal(sessions_find_pid(&s, 1001), all[3]);

    sessions_done(&s);
}


static void
test_queue(void **state)
{
    int i;
    held_t *h[4];
    sessions_t s;
    held_queue_t q;

    (void) state;

    assert_int_equal(sessions_init(&s, 7), 0);
    held_queue_init(&q, offsetof(held_t, fork_queue));

    for (i = 0; i < 4; i++) {
        h[i] = sessions_add(&s, "a", 1);
        held_queue_remove(&q, h[i]);
        held_queue_add(&q, h[i]);
        held_queue_add(&q, h[i]);
    }

    assert_int_equal(q.count, 4);

    held_queue_remove(&q, h[1]);
    held_queue_remove(&q, h[1]);
    assert_ptr_equal(q.first, h[0]);
    assert_ptr_equal(q.last, h[3]);
    assert_int_equal(q.count, 3);

    held_queue_remove(&q, h[3]);
    assert_ptr_equal(q.last, h[2]);

    held_queue_remove(&q, h[0]);
    assert_ptr_equal(q.first, h[2]);

    held_queue_remove(&q, h[2]);
    assert_null(q.first);
    assert_null(q.last);
    assert_int_equal(q.count, 0);

    held_queue_add(&q, h[1]);
    assert_ptr_equal(q.first, h[1]);

    sessions_done(&s);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accounts),
        cmocka_unit_test(test_new),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
