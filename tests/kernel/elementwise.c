/* tests/kernel/elementwise.c - norm, rope, gates, logits and KV pages: each variant against the
 * reference, the reference against f64. */
#include "tests/support/support.h"
#include "tests/support/test.h"

#include "base/alloc.h"
#include "kernel/f16.h"
#include "kernel/kernels.h"
#include "kernel/math.h"

#include <math.h>
#include <string.h>

enum { MOST = 700 }; /* values of a vector */

/* Vectors that end at an unmapped page, refilled from the seed for each run. */
typedef struct vectors {
    size_t n;
    float *x, *y, *w, *u;
} vectors;

/* Mostly moderate, some tiny, some huge, some zero; 0 < special: also infinite and NaN. */
static float draw(uint64_t seed, uint64_t i, bool special)
{
    uint64_t r = qn_test_random(seed, i);
    float x = (float)(int32_t)(uint32_t)(r >> 32) * 0x1p-29f;
    switch (r % 64) {
    case 0: return x * 1e-30f;
    case 1: return x * 25;
    case 2: return 0.0f;
    case 3: return -0.0f;
    case 4: return special ? -INFINITY : x;
    case 5: return special ? x * 1e30f : x;
    default: return x;
    }
}

static vectors make(size_t n, uint64_t seed, bool special)
{
    vectors v = {n, qn_test_guarded(n * 4), qn_test_guarded(n * 4), qn_test_guarded(n * 4),
                 qn_test_guarded(n * 4)};
    for (size_t i = 0; i < n; i++) {
        v.x[i] = draw(seed, 3 * i, special);
        v.w[i] = draw(seed, 3 * i + 1, false);
        v.u[i] = draw(seed, 3 * i + 2, false);
    }
    memset(v.y, 0x5a, n * 4);
    return v;
}

static void drop(vectors *v)
{
    qn_test_guarded_free(v->x, v->n * 4);
    qn_test_guarded_free(v->y, v->n * 4);
    qn_test_guarded_free(v->w, v->n * 4);
    qn_test_guarded_free(v->u, v->n * 4);
}

/* One operation at one level on fresh vectors; its result is left in y. */
typedef void operation(const qn_kernels *k, vectors *v, uint64_t seed);

static void norm_weighted(const qn_kernels *k, vectors *v, uint64_t seed)
{
    k->rms_norm(v->n, v->y, v->x, seed % 3 ? v->w : NULL, 1e-5f);
}

static void norm_in_place(const qn_kernels *k, vectors *v, uint64_t seed)
{
    (void)seed;
    memcpy(v->y, v->x, v->n * 4);
    k->rms_norm(v->n, v->y, v->y, v->w, 1e-6f);
}

static void silu(const qn_kernels *k, vectors *v, uint64_t seed)
{
    k->gate(QN_GATE_SILU, v->n, v->y, v->x, seed % 3 ? v->u : NULL);
}

static void gelu_tanh(const qn_kernels *k, vectors *v, uint64_t seed)
{
    k->gate(QN_GATE_GELU_TANH, v->n, v->y, v->x, seed % 3 ? v->u : NULL);
}

static void gelu_erf(const qn_kernels *k, vectors *v, uint64_t seed)
{
    k->gate(QN_GATE_GELU_ERF, v->n, v->y, v->x, seed % 3 ? v->u : NULL);
}

static void add(const qn_kernels *k, vectors *v, uint64_t seed)
{
    (void)seed;
    k->vec_add(v->n, v->y, v->x, v->u);
}

static void scale(const qn_kernels *k, vectors *v, uint64_t seed)
{
    k->vec_scale(v->n, v->y, v->x, draw(seed, 99, false));
}

static void add_scaled(const qn_kernels *k, vectors *v, uint64_t seed)
{
    memcpy(v->y, v->u, v->n * 4);
    k->vec_add_scaled(v->n, v->y, v->x, draw(seed, 99, false));
}

static void softcap(const qn_kernels *k, vectors *v, uint64_t seed)
{
    k->vec_softcap(v->n, v->y, v->x, 1 + (float)(seed % 50));
}

/* w and u become cosines and sines of n / 4 pairs; 2 heads when they fit. */
static void rope(const qn_kernels *k, vectors *v, uint64_t seed)
{
    size_t n_rot = v->n / 2 / 2 * 2, n_pairs = n_rot / 2;
    for (size_t i = 0; i < n_pairs; i++)
        v->y[i] = powf(10000, -(float)i / (float)(n_pairs ? n_pairs : 1));
    float *angles = v->y, *cosines = v->w + v->n - n_pairs, *sines = v->u + v->n - n_pairs;
    k->rope_angles(n_pairs, cosines, sines, angles, (uint32_t)(seed * 7919 % 131072),
                   seed % 2 ? 1.0f : 1.1f);
    memcpy(v->y, v->x, v->n * 4);
    k->rope(2, v->n / 2, v->y, n_rot, cosines, sines, seed % 2 ? QN_ROPE_HALVES : QN_ROPE_ADJACENT);
}

static void logits(const qn_kernels *k, vectors *v, uint64_t seed)
{
    qn_logit_stats stats;
    (void)seed;
    for (size_t i = 0; i < v->n; i++)
        v->x[i] = roundf(v->x[i] * 2) / 2; /* ties */
    k->sum_logits(v->n, v->x, &stats);
    assert_int_equal(stats.argmax, k->argmax(v->n, v->x));
    v->y[0] = qn_logprob(&stats, v->x[v->n / 2]);
    v->y[v->n - 1] = (float)stats.argmax;
    v->w[0] = (float)stats.sum;
}

static void hadamard(const qn_kernels *k, vectors *v, uint64_t seed)
{
    size_t n_block = (size_t)1 << seed % 9;
    (void)seed;
    memcpy(v->y, v->x, v->n * sizeof *v->y);
    k->hadamard(v->n / n_block * n_block, n_block, v->y);
}

static void kv_pages(const qn_kernels *k, vectors *v, uint64_t seed)
{
    qn_kv_type type = (qn_kv_type)(seed % QN_N_KV_TYPES);
    size_t n_rows = 1 + seed % 5, slot = seed * 7 % (64 - n_rows);
    size_t dim = v->n / n_rows / qn_kv_dim_step(type) * qn_kv_dim_step(type);
    uint32_t sum = 0;
    if (dim == 0)
        return;
    size_t n_bytes = qn_kv_page_bytes(type, dim);
    uint8_t *page = qn_test_guarded(n_bytes);
    for (size_t which = 0; which < 2; which++) {
        memset(page, 0x5a, n_bytes);
        (which ? k->kv_append_k : k->kv_append_v)(type, page, slot, n_rows, dim, v->x, dim);
        for (size_t i = 0; i < n_bytes; i++)
            sum = sum * 31 + page[i];
        v->y[which * (v->n - 1)] = (float)(sum >> 8);
    }
    qn_test_guarded_free(page, n_bytes);
}

static void compare(operation *op, bool special)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        size_t n = 1 + qn_test_random(seed, 12345) % (seed % 4 ? 70 : MOST);
        vectors want = make(n, seed, special);
        op(qn_kernels_at(QN_CPU_REF), &want, seed);
        for (qn_cpu_level level = QN_CPU_AVX2; level <= qn_cpu_best(); level++) {
            vectors got = make(n, seed, special);
            op(qn_kernels_at(level), &got, seed);
            for (size_t i = 0; i < n; i++)
                if (!isnan(got.y[i]) || !isnan(want.y[i]))
                    assert_int_equal(qn_bits_of_float(got.y[i]), qn_bits_of_float(want.y[i]));
            assert_memory_equal(got.w, want.w, n * 4);
            drop(&got);
        }
        drop(&want);
    }
}

static void every_level_equals_the_reference(void **state)
{
    static operation *const operations[] = {
        norm_weighted, norm_in_place, silu, gelu_tanh, gelu_erf, add,     scale,
        add_scaled,    softcap,       rope, logits,    kv_pages, hadamard};
    (void)state;
    for (size_t i = 0; i < QN_COUNT(operations); i++) {
        compare(operations[i], false);
        compare(operations[i], true);
    }
}

static void a_norm_is_a_norm(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        vectors v = make(1 + seed * 13, seed, false);
        double sum = 0;
        for (size_t i = 0; i < v.n; i++)
            sum += (double)v.x[i] * (double)v.x[i];
        qn_rms_norm(v.n, v.y, v.x, v.w, 1e-3f);
        for (size_t i = 0; i < v.n; i++) {
            double want = (double)v.x[i] / sqrt(sum / (double)v.n + 1e-3) * (double)v.w[i];
            assert_true(fabs((double)v.y[i] - want) <= 4e-7 * fabs(want) + 1e-37);
        }
        drop(&v);
    }
}

static void activations_are_what_their_names_say(void **state)
{
    (void)state;
    for (float x = -30; x < 30; x += 0.001f) {
        double d = (double)x, y[3];
        float got[3], two = 2;
        for (qn_gate_kind kind = QN_GATE_SILU; kind <= QN_GATE_GELU_ERF; kind++)
            qn_gate(kind, 1, &got[kind], &x, &two);
        y[QN_GATE_SILU] = d / (1 + exp(-d));
        y[QN_GATE_GELU_TANH] = d / 2 * (1 + tanh(sqrt(2 / M_PI) * (d + 0.044715 * d * d * d)));
        y[QN_GATE_GELU_ERF] = d / 2 * erfc(-d / sqrt(2));
        assert_true(fabs(2 * y[0] - (double)got[0]) <= 4e-7 * fabs(y[0]));
        assert_true(fabs(2 * y[1] - (double)got[1]) <= 2e-6 * fmax(fabs(y[1]), fabs(d) * 1e-2));
        assert_true(fabs(2 * y[2] - (double)got[2]) <= 4e-7 * fabs(d));
        float capped;
        qn_vec_softcap(1, &capped, &x, 7.5f);
        assert_true(fabs(7.5 * tanh(d / 7.5) - (double)capped) <= 3e-7 * fabs(d));
    }
}

/* Both pair orders turn (a, b) by the angle of the position; partial rotation leaves the rest. */
static void a_rotation_is_a_rotation(void **state)
{
    enum { N = 80, N_ROT = 64 };
    float freq[N_ROT / 2], c[N_ROT / 2], s[N_ROT / 2], x[N], y[N];
    (void)state;
    for (size_t i = 0; i < N_ROT / 2; i++)
        freq[i] = powf(500000, -(float)(2 * i) / N_ROT);
    for (uint32_t position = 1; position < 1000000; position = position * 3 + 1) {
        for (size_t pairs = QN_ROPE_HALVES; pairs <= QN_ROPE_ADJACENT; pairs++) {
            for (size_t i = 0; i < N; i++)
                x[i] = y[i] = draw(position, i, false);
            qn_rope_angles(N_ROT / 2, c, s, freq, position, 1);
            qn_rope(1, 0, y, N_ROT, c, s, (qn_rope_pairs)pairs);
            for (size_t i = 0; i < N_ROT / 2; i++) {
                size_t a = pairs == QN_ROPE_ADJACENT ? 2 * i : i, b = a + (pairs ? 1 : N_ROT / 2);
                double angle = (double)((float)position * freq[i]);
                double re = (double)x[a] * cos(angle) - (double)x[b] * sin(angle);
                double im = (double)x[b] * cos(angle) + (double)x[a] * sin(angle);
                double bound = 2e-7 * (fabs((double)x[a]) + fabs((double)x[b]));
                assert_true(fabs(re - (double)y[a]) <= bound && fabs(im - (double)y[b]) <= bound);
            }
            assert_memory_equal(x + N_ROT, y + N_ROT, (N - N_ROT) * sizeof(float));
        }
    }
}

static void log_probabilities_sum_to_one(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        vectors v = make(1 + seed * 23, seed, false);
        qn_logit_stats stats;
        double sum = 0, truth = 0;
        qn_sum_logits(v.n, v.x, &stats);
        for (size_t i = 0; i < v.n; i++) {
            sum += exp((double)qn_logprob(&stats, v.x[i]));
            truth += exp((double)v.x[i]);
            assert_true(v.x[i] <= stats.max);
            assert_true(v.x[i] < stats.max || i >= stats.argmax);
        }
        assert_true(fabs(sum - 1) < 1e-5);
        assert_true(fabs((double)v.x[0] - log(truth) - (double)qn_logprob(&stats, v.x[0])) < 1e-5);
        drop(&v);
    }
}

static void the_lowest_id_wins_and_nan_never(void **state)
{
    float x[40];
    (void)state;
    for (qn_cpu_level level = QN_CPU_REF; level <= qn_cpu_best(); level++) {
        const qn_kernels *k = qn_kernels_at(level);
        for (size_t i = 0; i < QN_COUNT(x); i++)
            x[i] = NAN;
        assert_int_equal(k->argmax(QN_COUNT(x), x), 0);
        x[33] = x[35] = -INFINITY;
        assert_int_equal(k->argmax(QN_COUNT(x), x), 0);
        x[37] = x[38] = 2;
        assert_int_equal(k->argmax(QN_COUNT(x), x), 37);
        x[3] = x[20] = 2;
        assert_int_equal(k->argmax(QN_COUNT(x), x), 3);
        x[21] = 3;
        assert_int_equal(k->argmax(QN_COUNT(x), x), 21);
    }
}

static void keys_lie_by_dimension_and_values_by_token(void **state)
{
    float x[2 * 3] = {1, 2, 3, 4, 5, 65519.5f};
    uint16_t page[3 * QN_PAGE_TOKENS] = {0};
    (void)state;
    qn_kv_append_k(QN_KV_F16, page, 10, 2, 3, x, 3);
    assert_true(qn_kv_key(QN_KV_F16, page, 3, 10, 2) == 3);
    assert_true(qn_kv_key(QN_KV_F16, page, 3, 11, 1) == 5);
    assert_true(qn_kv_key(QN_KV_F16, page, 3, 11, 2) == 65504);
    qn_kv_append_v(QN_KV_F16, page, 60, 2, 3, x, 3);
    assert_true(qn_kv_value(QN_KV_F16, page, 3, 60, 2) == 3);
    assert_true(qn_kv_value(QN_KV_F16, page, 3, 61, 1) == 5);
    assert_int_equal(qn_kv_page_bytes(QN_KV_F16, 80), 80 * 64 * 2);
    assert_int_equal(qn_kv_type_from_name("F16"), QN_KV_F16);
    assert_int_equal(qn_kv_type_from_name("f17"), QN_N_KV_TYPES);
    assert_string_equal(qn_kv_type_name(QN_KV_F32), "f32");
}

QN_TEST_MAIN(cmocka_unit_test(every_level_equals_the_reference), cmocka_unit_test(a_norm_is_a_norm),
             cmocka_unit_test(activations_are_what_their_names_say),
             cmocka_unit_test(a_rotation_is_a_rotation),
             cmocka_unit_test(log_probabilities_sum_to_one),
             cmocka_unit_test(the_lowest_id_wins_and_nan_never),
             cmocka_unit_test(keys_lie_by_dimension_and_values_by_token))
