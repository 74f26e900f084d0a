/* tests/kernel/experts.c - routing chooses and weighs as ADR 007 says; experts give what their
 * matrices give one row at a time, whatever the team and the other rows. */
#include "kernel/experts.h"
#include "kernel/f16.h"
#include "kernel/route.h"
#include "tests/support/blocks.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- routing --- */

enum { EXPERTS = 40, USED = 8 };

static void route(size_t n, const float *logits, size_t n_used, bool renormalise, uint32_t *ids,
                  float *weights)
{
    qn_route(qn_kernels_at(qn_cpu_best()), n, logits, n_used, renormalise, ids, weights);
}

/* How many logits rank before number i: the larger, and equal ones with a lower id. */
static size_t n_before(const float *logits, size_t i)
{
    size_t n = 0;
    for (size_t j = 0; j < EXPERTS; j++)
        n += logits[j] > logits[i] || (logits[j] == logits[i] && j < i);
    return n;
}

static void the_largest_logits_are_chosen_of_equal_ones_the_lower_ids(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        float logits[EXPERTS], weights[USED];
        uint32_t ids[USED];
        for (size_t i = 0; i < EXPERTS; i++)
            logits[i] = (float)(qn_test_random(seed, i) % (1 + seed % 12)) / 2; /* many are equal */
        size_t n_used = 1 + seed % USED;
        route(EXPERTS, logits, n_used, true, ids, weights);
        for (size_t i = 0; i < n_used; i++) {
            assert_true(n_before(logits, ids[i]) < n_used);
            assert_true(i == 0 || ids[i - 1] < ids[i]);
        }
    }
}

static void weights_are_shares_of_the_softmax(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        float logits[EXPERTS], weights[USED];
        uint32_t ids[USED];
        double all = 0, chosen = 0, sum = 0;
        for (size_t i = 0; i < EXPERTS; i++) {
            logits[i] = (float)(qn_test_random(seed, i) % 4096) / 512 - 4;
            all += exp((double)logits[i]);
        }
        bool renormalise = seed % 2;
        route(EXPERTS, logits, USED, renormalise, ids, weights);
        for (size_t i = 0; i < USED; i++)
            chosen += exp((double)logits[ids[i]]);
        for (size_t i = 0; i < USED; i++) {
            double share = exp((double)logits[ids[i]]) / (renormalise ? chosen : all);
            assert_true(fabs((double)weights[i] - share) < 3e-7 * share);
            sum += (double)weights[i];
        }
        assert_true(!renormalise || fabs(sum - 1) < 1e-6);
    }
}

static void a_logit_that_is_no_number_comes_last_and_shows(void **state)
{
    (void)state;
    float logits[4] = {NAN, 1, NAN, 2}, weights[4];
    uint32_t ids[4];
    route(4, logits, 2, true, ids, weights);
    assert_int_equal(ids[0], 1);
    assert_int_equal(ids[1], 3);
    assert_true(weights[0] + weights[1] == 1);
    route(4, logits, 3, true, ids, weights);
    assert_int_equal(ids[0], 0);
    assert_true(isnan(weights[0]) && isnan(weights[1]));
    for (size_t i = 0; i < 4; i++)
        logits[i] = NAN;
    route(4, logits, 4, false, ids, weights);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(ids[i] == i && isnan(weights[i]));
}

/* --- experts --- */

enum { MOST_IN = 512, MOST_ROWS = 300, N_EXPERTS = 7, N_USED = 3, ACT = 704 };

typedef struct layer { /* three stacks of matrices and a batch */
    qn_encoding encoding;
    size_t n_in, n_ff;
    qn_matrix gate, up, down;
    size_t n_rows;
    _Alignas(64) uint8_t act[MOST_ROWS * ACT];
    float x[MOST_ROWS][MOST_IN];
    struct {
        uint32_t ids[N_USED];
        float weights[N_USED];
    } choices[MOST_ROWS];
} layer;

static qn_matrix random_matrices(qn_encoding e, size_t n_out, size_t n_in, uint64_t seed)
{
    uint64_t n_bytes, n_row_bytes;
    assert_true(qn_encoding_size(e, N_EXPERTS * n_out * n_in, &n_bytes));
    assert_true(qn_encoding_size(e, n_in, &n_row_bytes));
    uint8_t *bytes = malloc(n_bytes);
    assert_non_null(bytes);
    qn_test_random_weights(e, N_EXPERTS * n_out * n_in, seed, 0.1f, bytes);
    return (qn_matrix){e, bytes, n_in, n_out, n_row_bytes, false};
}

/* Without experts 2 and 5; half of the rows choose 0, 1 and 3, so that one has many rows. */
static void choose(layer *l, size_t r, uint64_t seed)
{
    static const uint32_t sets[][N_USED] = {{0, 1, 3}, {0, 1, 3}, {1, 4, 6}, {0, 3, 6}, {3, 4, 6}};
    memcpy(l->choices[r].ids, sets[qn_test_random(seed, r) % QN_COUNT(sets)], sizeof sets[0]);
    for (size_t i = 0; i < N_USED; i++)
        l->choices[r].weights[i] = (float)(qn_test_random(seed + 1, r * N_USED + i) % 97) / 64;
}

static void pack_matrices(qn_matrix *first)
{
    size_t n_bytes = first->n_out * first->n_row_bytes;
    uint8_t *bytes = malloc(N_EXPERTS * n_bytes);
    assert_non_null(bytes);
    qn_matrix m = *first;
    for (size_t i = 0; i < N_EXPERTS; i++, m.bytes += n_bytes)
        qn_test_pack(&m, bytes + i * n_bytes);
    free((void *)(uintptr_t)first->bytes);
    first->bytes = bytes;
    first->is_packed = true;
}

/* Encodings with blocks of 256 get whole ones; the others an odd number of groups of 32. */
static layer *make_layer(qn_encoding e, size_t n_rows, uint64_t seed)
{
    bool is_k = qn_encoding_block(e) == 256;
    layer *l = aligned_alloc(64, (sizeof *l + 63) / 64 * 64);
    assert_non_null(l);
    l->encoding = e;
    l->n_rows = n_rows;
    l->n_in = is_k ? 256 : 96;
    l->n_ff = is_k ? 512 : 288;
    l->gate = random_matrices(e, l->n_ff, l->n_in, seed);
    l->up = random_matrices(e, l->n_ff, l->n_in, seed + 1);
    l->down = random_matrices(e, l->n_in, l->n_ff, seed + 2);
    assert_true(qn_act_bytes(l->n_in) <= ACT && qn_act_bytes(l->n_ff) <= ACT);
    for (size_t r = 0; r < n_rows; r++) {
        choose(l, r, seed);
        for (size_t i = 0; i < l->n_in; i++)
            l->x[r][i] = (float)(qn_test_random(seed + 3, r * l->n_in + i) % 511) / 128 - 2;
        qn_quantize(l->n_in, l->x[r], l->act + r * qn_act_bytes(l->n_in));
    }
    return l;
}

static void drop_layer(layer *l)
{
    free((void *)(uintptr_t)l->gate.bytes);
    free((void *)(uintptr_t)l->up.bytes);
    free((void *)(uintptr_t)l->down.bytes);
    free(l);
}

static void multiply(const qn_kernels *k, const qn_matrix *first, uint32_t expert, const float *x,
                     float *y)
{
    static _Alignas(64) uint8_t scratch[1 << 20];
    _Alignas(64) uint8_t act[ACT];
    qn_matrix m = *first;
    m.bytes += expert * m.n_out * m.n_row_bytes;
    assert_true(qn_linear_scratch_bytes(m.encoding, qn_encoding_is_quantized(m.encoding), m.n_in) <=
                sizeof scratch);
    k->quantize(m.n_in, x, act);
    if (qn_encoding_is_quantized(m.encoding))
        qn_linear_i8(k, &m, 0, m.n_out, 1, act, y, m.n_out, scratch);
    else
        qn_linear_f32(k, &m, 0, m.n_out, 1, x, m.n_in, y, m.n_out, scratch);
}

/* The definition, a row at a time. */
static void expect_row(const qn_kernels *k, const layer *l, size_t r, float y[MOST_IN])
{
    memset(y, 0, l->n_in * sizeof *y);
    for (size_t i = 0; i < N_USED; i++) {
        float g[MOST_IN], u[MOST_IN], d[MOST_IN];
        multiply(k, &l->gate, l->choices[r].ids[i], l->x[r], g);
        multiply(k, &l->up, l->choices[r].ids[i], l->x[r], u);
        qn_gate(QN_GATE_SILU, l->n_ff, g, g, u);
        multiply(k, &l->down, l->choices[r].ids[i], g, d);
        for (size_t o = 0; o < l->n_in; o++)
            y[o] = fmaf(d[o], l->choices[r].weights[i], y[o]);
    }
}

/* Gate, quantization and sum by a team whose members come one after the other. */
static void run_team(const qn_kernels *k, const layer *l, size_t n_members, float *y)
{
    bool is_act = qn_encoding_is_quantized(l->encoding);
    size_t n_slots = l->n_rows * N_USED, n_ff = l->n_ff, act_bytes = qn_act_bytes(n_ff);
    float *hidden = aligned_alloc(64, n_slots * n_ff * sizeof *hidden);
    uint8_t *act = aligned_alloc(64, n_slots * act_bytes);
    size_t n_linear = qn_linear_scratch_bytes(l->encoding, is_act, QN_MAX(l->n_in, n_ff));
    void *scratch =
        aligned_alloc(64, qn_experts_scratch_bytes(N_EXPERTS, N_USED, l->n_rows, n_ff, n_linear));
    assert_true(hidden && act && scratch);
    qn_experts e = {.kernels = k,
                    .matrix = l->gate,
                    .n_experts = N_EXPERTS,
                    .n_used = N_USED,
                    .n_rows = l->n_rows,
                    .choices = (const void *)l->choices,
                    .choices_stride = sizeof l->choices[0],
                    .is_act = is_act,
                    .x = is_act ? l->act : (const void *)l->x,
                    .x_stride = is_act ? qn_act_bytes(l->n_in) : sizeof l->x[0],
                    .y = hidden,
                    .y_stride = n_ff};
    for (size_t i = 0; i < n_members; i++)
        qn_experts_gate(&e, &l->up, QN_GATE_SILU, i, n_members, scratch);
    for (size_t i = 0; i < n_slots; i++)
        k->quantize(n_ff, hidden + i * n_ff, act + i * act_bytes);
    e.matrix = l->down;
    e.x = is_act ? act : (const void *)hidden;
    e.x_stride = is_act ? act_bytes : n_ff * sizeof(float);
    e.y = y;
    e.y_stride = l->n_in;
    for (size_t i = 0; i < n_members; i++)
        qn_experts_sum(&e, i, n_members, scratch);
    free(scratch);
    free(act);
    free(hidden);
}

static void assert_packing_changes_nothing(const qn_kernels *k, layer *l, size_t n_members,
                                           const float *expected)
{
    float *y = malloc(l->n_rows * l->n_in * sizeof *y);
    assert_non_null(y);
    pack_matrices(&l->gate);
    pack_matrices(&l->up);
    pack_matrices(&l->down);
    run_team(k, l, n_members, y);
    assert_memory_equal(y, expected, l->n_rows * l->n_in * sizeof *y);
    free(y);
}

static void assert_rows_are_independent(qn_encoding e, size_t n_rows, size_t n_members)
{
    const qn_kernels *k = qn_kernels_at(qn_cpu_best());
    layer *l = make_layer(e, n_rows, 10 * n_rows + n_members);
    float *y = malloc(n_rows * l->n_in * sizeof *y), expected[MOST_IN];
    assert_non_null(y);
    memset(y, 0xff, n_rows * l->n_in * sizeof *y);
    run_team(k, l, n_members, y);
    for (size_t r = 0; r < n_rows; r++) {
        expect_row(k, l, r, expected);
        assert_memory_equal(y + r * l->n_in, expected, l->n_in * sizeof *expected);
    }
    if (qn_encoding_is_quantized(e))
        assert_packing_changes_nothing(k, l, n_members, y);
    free(y);
    drop_layer(l);
}

static void every_row_gets_the_sum_of_its_experts_alone(void **state)
{
    (void)state;
    static const qn_encoding encodings[] = {QN_F32,  QN_BF16, QN_Q8_0, QN_Q4_0,
                                            QN_Q5_1, QN_Q4_K, QN_Q6_K};
    for (size_t i = 0; i < QN_COUNT(encodings); i++)
        for (size_t n_members = 1; n_members <= 12; n_members += 1 + n_members / 4) {
            assert_rows_are_independent(encodings[i], 1, n_members);
            assert_rows_are_independent(encodings[i], 23, n_members);
            assert_rows_are_independent(encodings[i], 70, n_members); /* some have many each */
        }
    assert_rows_are_independent(QN_Q8_0, MOST_ROWS, 2); /* more than are multiplied at once */
    assert_rows_are_independent(QN_F32, MOST_ROWS, 1);
}

QN_TEST_MAIN(cmocka_unit_test(the_largest_logits_are_chosen_of_equal_ones_the_lower_ids),
             cmocka_unit_test(weights_are_shares_of_the_softmax),
             cmocka_unit_test(a_logit_that_is_no_number_comes_last_and_shows),
             cmocka_unit_test(every_row_gets_the_sum_of_its_experts_alone))
