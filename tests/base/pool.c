/* tests/base/pool.c - a team runs every member, meets at barriers, and fails cleanly. */
#include "tests/support/test.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "base/machine.h"
#include "base/pool.h"

#include <stdatomic.h>

enum { MEMBERS = 4, ROUNDS = 2000 };

typedef struct shared {
    qn_pool *pool;
    size_t slot[MEMBERS], n_wrong;
    atomic_size_t n_runs;
} shared;

/* Each member writes its slot, meets, and must see every other's value of this round. */
static void exchange(void *context, size_t member, size_t n_members)
{
    shared *s = context;
    for (size_t round = 1; round <= ROUNDS; round++) {
        s->slot[member] = round;
        qn_pool_barrier(s->pool);
        for (size_t i = 0; i < n_members; i++)
            if (s->slot[i] != round)
                s->n_wrong++;
        qn_pool_barrier(s->pool);
    }
    atomic_fetch_add(&s->n_runs, 1);
}

static void barriers_publish_what_members_wrote(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MEMBERS; n++) {
        shared s = {0};
        assert_int_equal(qn_pool_open(&s.pool, n, NULL), QN_OK);
        qn_pool_run(s.pool, exchange, &s);
        qn_pool_run(s.pool, exchange, &s);
        assert_int_equal(s.n_wrong, 0);
        assert_int_equal(s.n_runs, 2 * n);
        qn_pool_close(s.pool);
    }
}

static void opening_fails_cleanly_at_every_call(void **state)
{
    (void)state;
    size_t live = qn_alloc_live();
    bool fired = true;
    for (unsigned n = 1; fired; n++) {
        qn_pool *pool;
        qn_error err = {0};
        qn_fault_arm(n);
        qn_status status = qn_pool_open(&pool, MEMBERS, &err);
        fired = qn_fault_disarm();
        assert_int_equal(status != QN_OK, fired);
        assert_true(!fired || err.text[0]);
        qn_pool_close(pool);
        assert_int_equal(qn_alloc_live(), live);
    }
}

static void the_machine_has_a_core_and_memory(void **state)
{
    (void)state;
    assert_in_range(qn_machine_cores(), 1, 4096);
    assert_true(qn_machine_memory() > 1 << 20);
    assert_true(qn_machine_resident() > 1 << 12);
}

QN_TEST_MAIN(cmocka_unit_test(barriers_publish_what_members_wrote),
             cmocka_unit_test(opening_fails_cleanly_at_every_call),
             cmocka_unit_test(the_machine_has_a_core_and_memory))
