/* tests/engine/sampler.c - draws follow the distribution that the options describe. */
#include "tests/support/support.h"
#include "tests/support/test.h"

#include "engine/sampler.h"
#include "engine/stops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VOCAB = 1000, DRAWS = QN_SANITIZED ? 2000 : 20000 };

static float logits[VOCAB];

static void make_logits(uint64_t seed, float spread)
{
    for (size_t i = 0; i < VOCAB; i++)
        logits[i] = (float)((double)(qn_test_random(seed, i) >> 11) * 0x1p-53) * spread;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* The probabilities that transformers' warpers leave: temperature, top-k, top-p, min-p in turn,
 * each by its definition over the whole vocabulary. */
static void expected_probabilities(const qn_sampling *s, double p[VOCAB])
{
    double sorted[VOCAB], total = 0, best = 0, sum = 0;
    for (size_t i = 0; i < VOCAB; i++)
        p[i] = exp((double)logits[i] / (double)s->temperature);
    memcpy(sorted, p, sizeof sorted);
    qsort(sorted, VOCAB, sizeof *sorted, by_value);
    double kth = s->top_k ? sorted[s->top_k - 1] : 0;
    for (size_t i = 0; i < VOCAB; i++)
        total += p[i] = p[i] >= kth ? p[i] : 0;
    double least = 0;
    for (size_t i = 0; i < VOCAB && sum < (double)s->top_p * total; i++)
        sum += least = sorted[i];
    for (size_t i = 0; i < VOCAB; i++)
        best = fmax(best, p[i] = s->top_p < 1 && p[i] < least ? 0 : p[i]);
    total = 0;
    for (size_t i = 0; i < VOCAB; i++)
        total += p[i] = p[i] >= (double)s->min_p * best ? p[i] : 0;
    for (size_t i = 0; i < VOCAB; i++)
        p[i] /= total;
}

static void assert_follows(const qn_sampling *s)
{
    static double p[VOCAB];
    static unsigned n[VOCAB];
    qn_arena sum = {.counts_only = true}, a;
    qn_sampler sampler;
    assert_true(qn_sampler_lay_out(&sampler, &sum, VOCAB));
    assert_int_equal(qn_arena_init(&a, sum.n_used, NULL), QN_OK);
    (void)qn_sampler_lay_out(&sampler, &a, VOCAB);
    memset(n, 0, sizeof n);
    for (uint64_t i = 0; i < DRAWS; i++)
        n[qn_sample(&sampler, qn_kernels_at(qn_cpu_best()), s, i % 7, i, logits)]++;
    expected_probabilities(s, p);
    for (size_t i = 0; i < VOCAB; i++) { /* within 6 standard deviations of a binomial */
        double deviation = sqrt(DRAWS * p[i] * (1 - p[i])) * 6 + 1e-6 + (p[i] > 0 ? 3 : 0);
        assert_true(fabs(n[i] - DRAWS * p[i]) <= deviation);
    }
    qn_arena_release(&a);
}

static void draws_follow_the_distribution_of_the_options(void **state)
{
    (void)state;
    static const qn_sampling cases[] = {
        {.temperature = 1, .top_p = 1},
        {.temperature = 0.5f, .top_p = 1},
        {.temperature = 2, .top_p = 1, .top_k = 5},
        {.temperature = 1, .top_p = 0.5f},
        {.temperature = 1, .top_p = 0.9f, .top_k = 40},
        {.temperature = 1, .top_p = 1, .min_p = 0.3f},
        {.temperature = 0.7f, .top_p = 0.8f, .top_k = 20, .min_p = 0.1f},
    };
    for (uint64_t seed = 1; seed <= 3; seed++)
        for (size_t i = 0; i < QN_COUNT(cases); i++) {
            make_logits(seed, seed == 1 ? 3.0f : 20.0f);
            assert_follows(&cases[i]);
        }
}

static void temperature_zero_takes_the_lowest_id_of_the_best(void **state)
{
    (void)state;
    qn_sampler none = {.n_vocab = VOCAB};
    make_logits(5, 1);
    logits[300] = logits[77] = 9;
    assert_int_equal(
        qn_sample(&none, qn_kernels_at(QN_CPU_REF), &(qn_sampling){.top_p = 1}, 0, 0, logits), 77);
}

static void a_draw_depends_on_each_part_of_its_key(void **state)
{
    (void)state;
    double u = qn_sampling_draw(1, 2, 3);
    assert_true(u == qn_sampling_draw(1, 2, 3));
    assert_true(u != qn_sampling_draw(2, 2, 3));
    assert_true(u != qn_sampling_draw(1, 3, 3));
    assert_true(u != qn_sampling_draw(1, 2, 4));
}

static void stop_strings_hold_back_only_what_may_begin_one(void **state)
{
    (void)state;
    const char *const words[] = {"<end>", "\n\nUser:"};
    qn_stops s = {2, words};
    bool found;
    assert_int_equal(qn_stops_scan(&s, 5, "hello", &found), 5);
    assert_false(found);
    assert_int_equal(qn_stops_scan(&s, 7, "hello<e", &found), 5);
    assert_false(found);
    assert_int_equal(qn_stops_scan(&s, 8, "hello<ex", &found), 8);
    assert_int_equal(qn_stops_scan(&s, 12, "hello<end>ab", &found), 5);
    assert_true(found);
    assert_int_equal(qn_stops_scan(&s, 10, "a\n\nUser: b", &found), 1);
    assert_true(found);
    assert_int_equal(qn_stops_scan(&s, 4, "ab\n\n", &found), 2);
    assert_false(found);
}

QN_TEST_MAIN(cmocka_unit_test(draws_follow_the_distribution_of_the_options),
             cmocka_unit_test(temperature_zero_takes_the_lowest_id_of_the_best),
             cmocka_unit_test(a_draw_depends_on_each_part_of_its_key),
             cmocka_unit_test(stop_strings_hold_back_only_what_may_begin_one))
