/* tests/model/kv.c - pages are shared, kept as long as there is room, and taken oldest first. */
#include "tests/support/support.h"
#include "tests/support/test.h"

#include "model/kv_noise.h"

#include <math.h>
#include <string.h>

static const qn_kv_shape shape = {
    .k_type = QN_KV_F16,
    .v_type = QN_KV_F16,
    .n_heads = 2,
    .k_dim = 8,
    .v_dim = 4,
    .n_groups = 2,
    .group = {{.n_layers = 3}, {.n_layers = 5, .window = 100}},
};

static void open_pool(qn_kv *kv, qn_arena *a, uint32_t n_full, uint32_t n_windowed)
{
    const uint32_t n_pages[] = {n_full, n_windowed};
    qn_arena sum = {.counts_only = true};
    assert_true(qn_kv_lay_out(kv, &sum, &shape, n_pages));
    assert_int_equal(qn_arena_init(a, sum.n_used, NULL), QN_OK);
    assert_true(qn_kv_lay_out(kv, a, &shape, n_pages));
    qn_kv_reset(kv);
}

static qn_page_name name_of(uint64_t i)
{
    return (qn_page_name){{qn_test_random(1, i), i + 1}};
}

static void a_named_page_is_found_until_its_memory_is_needed(void **state)
{
    (void)state;
    qn_kv kv;
    qn_arena a;
    open_pool(&kv, &a, 4, 4);
    uint32_t p[4];
    for (uint32_t i = 0; i < 4; i++) {
        p[i] = qn_kv_acquire(&kv, 0);
        qn_kv_publish(&kv, 0, p[i], name_of(i));
    }
    assert_int_equal(qn_kv_acquire(&kv, 0), QN_NO_PAGE);
    for (uint32_t i = 0; i < 4; i++)
        qn_kv_release(&kv, 0, p[i]);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(qn_kv_find(&kv, 0, name_of(i)), p[i]);
    qn_kv_retain(&kv, 0, p[0]); /* in use again: not the oldest idle one any more */
    assert_int_equal(qn_kv_acquire(&kv, 0), p[1]);
    assert_int_equal(qn_kv_find(&kv, 0, name_of(1)), QN_NO_PAGE);
    assert_int_equal(qn_kv_find(&kv, 0, name_of(0)), p[0]);
    assert_int_equal(qn_kv_find(&kv, 0, name_of(2)), p[2]);
    qn_arena_release(&a);
}

static void the_first_page_of_a_name_keeps_it(void **state)
{
    (void)state;
    qn_kv kv;
    qn_arena a;
    open_pool(&kv, &a, 2, 1);
    uint32_t first = qn_kv_acquire(&kv, 0), second = qn_kv_acquire(&kv, 0);
    qn_kv_publish(&kv, 0, first, name_of(7));
    qn_kv_publish(&kv, 0, second, name_of(7));
    assert_int_equal(qn_kv_find(&kv, 0, name_of(7)), first);
    assert_int_equal(qn_kv_find(&kv, 1, name_of(7)), QN_NO_PAGE); /* names are a group's own */
    qn_arena_release(&a);
}

static size_t held(const qn_chain *c, uint32_t g)
{
    size_t n = 0;
    for (uint32_t i = 0; i < c->n_most; i++)
        n += c->page[g][i] != QN_NO_PAGE;
    return n;
}

static void open_chain(qn_chain *c, qn_arena *a, uint32_t n_tokens)
{
    qn_arena sum = {.counts_only = true};
    assert_true(qn_chain_lay_out(c, &sum, &shape, n_tokens));
    assert_int_equal(qn_arena_init(a, sum.n_used, NULL), QN_OK);
    assert_true(qn_chain_lay_out(c, a, &shape, n_tokens));
    qn_chain_reset(c, &shape);
}

static void a_window_holds_what_it_can_see_within_its_plan(void **state)
{
    (void)state;
    enum { TOKENS = 2000, STEP = 30 };
    qn_kv kv;
    qn_chain c;
    qn_arena a, b;
    uint32_t most = qn_kv_pages_for(&shape, 1, TOKENS, STEP);
    open_pool(&kv, &a, qn_kv_pages_for(&shape, 0, TOKENS, STEP), most);
    open_chain(&c, &b, TOKENS);
    while (c.n_tokens + STEP <= TOKENS) {
        assert_int_equal(qn_chain_reserve(&c, &kv, STEP, NULL), QN_OK);
        assert_true(held(&c, 1) <= most);
        uint32_t first_seen = c.n_tokens < 99 ? 0 : (c.n_tokens - 99) / QN_PAGE_TOKENS;
        for (uint32_t i = first_seen; i * QN_PAGE_TOKENS < c.n_tokens + STEP; i++)
            assert_int_not_equal(c.page[1][i], QN_NO_PAGE);
        c.n_tokens += STEP;
    }
    assert_int_equal(held(&c, 0), (c.n_tokens + 63) / 64);
    qn_chain_clear(&c, &kv);
    assert_int_equal(held(&c, 0) + held(&c, 1), 0);
    qn_arena_release(&a);
    qn_arena_release(&b);
}

static void a_full_pool_and_a_full_context_are_refused(void **state)
{
    (void)state;
    qn_kv kv;
    qn_chain c;
    qn_arena a, b;
    qn_error err;
    open_pool(&kv, &a, 1, 1);
    open_chain(&c, &b, 128);
    assert_int_equal(qn_chain_reserve(&c, &kv, 129, &err), QN_EFIT);
    assert_int_equal(qn_chain_reserve(&c, &kv, 65, &err), QN_EFIT);
    qn_chain_clear(&c, &kv); /* gives back what the failed reserve took */
    assert_int_equal(qn_chain_reserve(&c, &kv, 64, &err), QN_OK);
    qn_arena_release(&a);
    qn_arena_release(&b);
}

/* The bytes of all pages of a chain of noise, which the caller's buffer takes. */
static size_t copy_noise(uint64_t seed, uint32_t n_tokens, uint8_t *bytes)
{
    qn_kv kv;
    qn_chain c;
    qn_arena a, b;
    qn_error err;
    size_t n = 0;
    open_pool(&kv, &a, 5, qn_kv_pages_for(&shape, 1, 300, QN_PAGE_TOKENS));
    open_chain(&c, &b, 300);
    assert_int_equal(qn_chain_add_noise(&c, &kv, qn_kernels_at(QN_CPU_REF), n_tokens, seed, &err),
                     QN_OK);
    assert_int_equal(c.n_tokens, n_tokens);
    for (uint32_t g = 0; g < 2; g++)
        for (uint32_t i = 0; i < c.n_most; i++)
            if (c.page[g][i] != QN_NO_PAGE) {
                memcpy(bytes + n, qn_kv_k(&kv, g, c.page[g][i], 0, 0), kv.group[g].page_bytes);
                n += kv.group[g].page_bytes;
            }
    for (uint32_t i = (n_tokens - 99) / QN_PAGE_TOKENS; i * QN_PAGE_TOKENS < n_tokens; i++)
        assert_int_not_equal(c.page[1][i], QN_NO_PAGE); /* what the window sees */
    qn_arena_release(&a);
    qn_arena_release(&b);
    return n;
}

static void noise_stands_for_a_past_and_depends_on_its_seed_alone(void **state)
{
    (void)state;
    static uint8_t one[1 << 18], same[1 << 18], other[1 << 18];
    size_t n = copy_noise(1, 290, one), n_different = 0;
    assert_int_equal(copy_noise(1, 290, same), n);
    assert_int_equal(copy_noise(2, 290, other), n);
    assert_memory_equal(one, same, n);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n / 2; i++) {
        double x = (double)qn_kv_value(QN_KV_F16, one, 1, i, 0);
        assert_true(x >= -1 && x <= 1);
        sum += x, squares += x * x;
        n_different += memcmp(one + 2 * i, other + 2 * i, 2) != 0;
    }
    assert_true(fabs(sum / ((double)n / 2)) < 0.1);
    assert_true(fabs(squares / ((double)n / 2) - 1.0 / 3) < 0.1);
    assert_true(n_different > n / 2 * 9 / 10);
}

static void noise_longer_than_the_pool_is_refused(void **state)
{
    (void)state;
    qn_kv kv;
    qn_chain c;
    qn_arena a, b;
    qn_error err;
    open_pool(&kv, &a, 2, 2);
    open_chain(&c, &b, 300);
    assert_int_equal(qn_chain_add_noise(&c, &kv, qn_kernels_at(QN_CPU_REF), 200, 1, &err), QN_EFIT);
    qn_chain_clear(&c, &kv);
    assert_int_equal(qn_chain_add_noise(&c, &kv, qn_kernels_at(QN_CPU_REF), 128, 1, &err), QN_OK);
    qn_arena_release(&a);
    qn_arena_release(&b);
}

QN_TEST_MAIN(cmocka_unit_test(a_named_page_is_found_until_its_memory_is_needed),
             cmocka_unit_test(the_first_page_of_a_name_keeps_it),
             cmocka_unit_test(a_window_holds_what_it_can_see_within_its_plan),
             cmocka_unit_test(a_full_pool_and_a_full_context_are_refused),
             cmocka_unit_test(noise_stands_for_a_past_and_depends_on_its_seed_alone),
             cmocka_unit_test(noise_longer_than_the_pool_is_refused))
