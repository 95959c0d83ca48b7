/*
 * table: keys find what lives and nothing else, also when a slot is in use
 * again; items do not move; walking and removing at once.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "table.h"

typedef struct {
    table_item_t item;
    unsigned n;
} thing_t;


static void
test_keys(void **state)
{
    table_t t;
    thing_t *a, *b;
    uint64_t key;

    (void) state;

    table_init(&t, sizeof(thing_t));

    assert_null(table_find(&t, 0));
    assert_null(table_find(&t, 1));

    a = table_add(&t);
    assert_non_null(a);
    assert_true(a->item.key != 0);
    assert_ptr_equal(table_find(&t, a->item.key), a);

    key = a->item.key;
    a->n = 7;
    table_remove(&t, a);

    assert_null(table_find(&t, key));
    assert_int_equal(t.count, 0);

    /* the slot comes back, zeroed, under another key */

    b = table_add(&t);
    assert_ptr_equal(a, b);
    assert_int_equal(b->n, 0);
    assert_true(b->item.key != key);
    assert_null(table_find(&t, key));
    assert_ptr_equal(table_find(&t, b->item.key), b);

    table_done(&t);
}


static void
test_generations_wrap(void **state)
{
    table_t t;
    thing_t *a;

    (void) state;

    table_init(&t, sizeof(thing_t));

    a = table_add(&t);
    a->item.key = (uint64_t) TABLE_GENERATION_MAX << 32;
    table_remove(&t, a);

    a = table_add(&t);
    assert_true(a->item.key == (uint64_t) 1 << 32);

    /* 4 bits stay free above a key */

    assert_true((uint64_t) TABLE_GENERATION_MAX << 32 >> 60 == 0);

    table_done(&t);
}


static void
test_many(void **state)
{
    table_t t;
    thing_t *things[1000], *thing;
    uint32_t slot, i, n;

    (void) state;

    table_init(&t, sizeof(thing_t));

    for (i = 0; i < 1000; i++) {
        things[i] = table_add(&t);
        things[i]->n = i;
    }

    for (i = 0; i < 1000; i++) {
        assert_ptr_equal(table_find(&t, things[i]->item.key), things[i]);
        assert_int_equal(things[i]->n, i);
    }

    /* every other one goes while we walk */

    slot = 0;
    n = 0;

    while ((thing = table_next(&t, &slot)) != NULL) {
        n++;

        if (thing->n % 2) {
            table_remove(&t, thing);
        }
    }

    assert_int_equal(n, 1000);
    assert_int_equal(t.count, 500);

    slot = 0;

    for (n = 0; (thing = table_next(&t, &slot)) != NULL; n++) {
        assert_int_equal(thing->n % 2, 0);
    }

    assert_int_equal(n, 500);

    for (i = 0; i < 500; i++) {
        assert_non_null(table_add(&t));
    }

    assert_int_equal(t.nslots, 1000);

    table_done(&t);
}


/* Slot by slot, with what is gone: old keys find nothing in the copy either. */
static void
test_copy(void **state)
{
    size_t i;
    uint32_t slot;
    uint64_t key, keys[300];
    table_t t, copy;
    thing_t *thing;

    (void) state;

    table_init(&t, sizeof(thing_t));
    table_init(&copy, sizeof(thing_t));

    for (i = 0; i < 300; i++) {
        thing = table_add(&t);
        keys[i] = thing->item.key;
    }

    for (i = 0; i < 300; i += 3) {
        table_remove(&t, table_find(&t, keys[i]));
    }

    thing = table_add(&t);
    assert_int_not_equal(thing->item.key, keys[297]);

    for (slot = 0; (key = table_key(&t, slot)) != 0; slot++) {
        if (table_find(&t, key) != NULL) {
            thing = table_put(&copy, key);
            assert_non_null(thing);
            assert_int_equal(thing->item.key, key);

        } else {
            assert_int_equal(table_skip(&copy, key), 0);
        }
    }

    assert_int_equal(slot, 300);
    assert_int_equal(copy.count, t.count);

    for (i = 0; i < 300; i++) {
        assert_int_equal(table_find(&copy, keys[i]) != NULL,
                         table_find(&t, keys[i]) != NULL);
    }

    /* what was free is used again, with the next generation */

    for (i = 0; i < 99; i++) {
        thing = table_add(&copy);
        assert_true((uint32_t) thing->item.key < 300);
        assert_true(thing->item.key >> 32 >= 2);
    }

    /* out of turn, or no key */

    assert_null(table_put(&copy, (uint64_t) 1 << 32 | 301));
    assert_null(table_put(&copy, (uint64_t) 1 << 32 | 299));
    assert_null(table_put(&copy, 300));
    assert_null(
        table_put(&copy, (uint64_t) (TABLE_GENERATION_MAX + 1) << 32 | 300));
    assert_non_null(table_put(&copy, (uint64_t) 1 << 32 | 300));

    table_done(&t);
    table_done(&copy);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_generations_wrap),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
