/* tests/kernel/bf16.c - products of class T with BF16 weights are what ADR 009 defines, stay within
 * their bound of the exact ones, and do not depend on the other rows.
 *
 * The definitions stand here in plain C, one for each order of the sums. Inputs end at an unmapped
 * page; outputs lie in a pattern. */
#include "tests/support/bf16.h"
#include "kernel/f16.h"
#include "kernel/fold.h"
#include "kernel/linear.h"
#include "tests/support/emulated.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>

static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    static uint64_t index;
    return qn_test_random(seed, index++) % below;
}

/* --- the definitions --- */

typedef float define(size_t n_in, const uint8_t *w, const float *x);

/* Lane l of 16 takes values 2 l + 1 and then 2 l of each 32; the tree of fold.h. */
static float by_pairs(size_t n_in, const uint8_t *w, const float *x)
{
    float sum[16] = {0};
    for (size_t at = 0; at < n_in; at += 32)
        for (size_t i = 0; i < 32; i++) {
            size_t k = at + (i ^ 1);
            float weight = k < n_in ? qn_bf16(qn_load_u16(w + 2 * k)) : 0;
            sum[i / 2] = qn_test_add_product(sum[i / 2], weight, k < n_in ? x[k] : 0);
        }
    return qn_fold_f32(sum);
}

/* Of each 32 values the even ones have a sum of their own and the odd ones too, both from zero;
 * together they are added to what came before. */
static float by_tiles(size_t n_in, const uint8_t *w, const float *x)
{
    float all = 0;
    for (size_t at = 0; at < n_in; at += 32) {
        float sum[2] = {0};
        for (size_t k = at; k < at + 32; k++)
            sum[k % 2] = qn_test_add_product(
                sum[k % 2], k < n_in ? qn_bf16(qn_load_u16(w + 2 * k)) : 0, k < n_in ? x[k] : 0);
        all = qn_test_flush(all + qn_test_flush(sum[0] + sum[1]));
    }
    return all;
}

/* --- checking --- */

static const uint32_t pattern = 0x7fc0dead;

typedef struct product {
    size_t n_in, n_out, n_rows, n_rows_bytes, n_y;
    uint8_t *w;
    float *x, *y;
    void *rows, *sums;
} product;

static float random_float(void)
{
    return ldexpf((float)draw(1 << 24) - 8388608, -20 - (int)draw(12));
}

static product make_product(size_t n_in, size_t n_out, size_t n_rows)
{
    product p = {.n_in = n_in,
                 .n_out = n_out,
                 .n_rows = n_rows,
                 .n_rows_bytes = qn_bf16_rows_bytes(n_in, n_rows),
                 .n_y = n_rows * (n_out + 7)};
    p.w = qn_test_guarded(2 * n_in * n_out);
    p.x = qn_test_guarded(n_rows * n_in * sizeof(float));
    p.y = qn_test_guarded(p.n_y * sizeof(float));
    p.rows = qn_test_guarded(p.n_rows_bytes);
    p.sums = qn_test_guarded(QN_FLOAT_SUMS_BYTES);
    for (size_t i = 0; i < n_in * n_out; i++) {
        uint32_t bits = qn_bits_of_float(random_float());
        p.w[2 * i] = (uint8_t)(bits >> 16), p.w[2 * i + 1] = (uint8_t)(bits >> 24);
    }
    for (size_t i = 0; i < n_rows * n_in; i++)
        p.x[i] = random_float();
    return p;
}

static void release_product(product *p)
{
    qn_test_guarded_free(p->w, 2 * p->n_in * p->n_out);
    qn_test_guarded_free(p->x, p->n_rows * p->n_in * sizeof(float));
    qn_test_guarded_free(p->y, p->n_y * sizeof(float));
    qn_test_guarded_free(p->rows, p->n_rows_bytes);
    qn_test_guarded_free(p->sums, QN_FLOAT_SUMS_BYTES);
}

static void compute(const product *p, const qn_kernels *k)
{
    for (size_t i = 0; i < p->n_y; i++)
        memcpy(&p->y[i], &pattern, sizeof pattern);
    memset(p->rows, 0xff, p->n_rows_bytes);
    memset(p->sums, 0xff, QN_FLOAT_SUMS_BYTES);
    k->bf16_take(p->n_in, p->n_rows, p->x, p->n_in, p->rows);
    k->bf16_mul(p->n_in, p->n_out, p->w, 2 * p->n_in, p->n_rows, p->rows, p->y, p->n_out + 7,
                p->sums);
}

static bool same(float a, float b)
{
    return qn_bits_of_float(a) == qn_bits_of_float(b) || (isnan(a) && isnan(b));
}

static void assert_defined(const product *p, const char *name, define *definition)
{
    for (size_t i = 0; i < p->n_y; i++) {
        size_t r = i / (p->n_out + 7), o = i % (p->n_out + 7);
        if (o >= p->n_out) {
            assert_int_equal(qn_bits_of_float(p->y[i]), pattern);
            continue;
        }
        float want = definition(p->n_in, p->w + 2 * p->n_in * o, p->x + p->n_in * r);
        if (!same(p->y[i], want))
            fail_msg("%s, %zu in, %zu out, %zu rows: row %zu output %zu is %a, not %a", name,
                     p->n_in, p->n_out, p->n_rows, r, o, (double)p->y[i], (double)want);
    }
}

static void check_size(const qn_kernels *k, const char *name, define *definition, size_t n_in,
                       size_t n_out, size_t n_rows)
{
    product p = make_product(n_in, n_out, n_rows);
    compute(&p, k);
    assert_defined(&p, name, definition);
    release_product(&p);
}

/* Among them so many and so long rows that lanes pass one after the other. */
static void check_sizes(const qn_kernels *k, const char *name, define *definition)
{
    for (size_t i = 0; i < 120; i++)
        check_size(k, name, definition, 1 + draw(i % 4 ? 100 : 600), 1 + draw(40), 1 + draw(40));
    for (size_t i = 0; i < 6; i++)
        check_size(k, name, definition, 2049 + draw(2100), 1 + draw(70), 96 + draw(30));
    check_size(k, name, definition, 2048, 37, 385);
}

/* Values at the edges of both formats. */
static void check_edges(const qn_kernels *k, const char *name, define *definition)
{
    static const uint32_t edges[] = {0,          0x80000000, 0x00400000, 0x80010000, 0x00800000,
                                     0x7f7f0000, 0xff7f0000, 0x7f800000, 0xff800000, 0x7fc10000,
                                     0x3f808000, 0x3f818000, 0x3f80ffff, 0x7f7fffff, 0x007fffff,
                                     0x1f800000, 0x20000000, 0x7fffffff};
    for (size_t i = 0; i < 300; i++) {
        bool many = i % 20 == 0;
        size_t gap = many ? 8000 : 40;
        product p = make_product((many ? 2050 : 1) + draw(70), 5, many ? 97 : 3);
        for (size_t at = draw(gap); at < p.n_rows * p.n_in; at += 1 + draw(gap))
            p.x[at] = qn_float_of_bits(edges[draw(QN_COUNT(edges))]);
        for (size_t at = draw(gap); at < 5 * p.n_in; at += 1 + draw(gap)) {
            uint32_t bits = edges[draw(QN_COUNT(edges))];
            p.w[2 * at] = (uint8_t)(bits >> 16), p.w[2 * at + 1] = (uint8_t)(bits >> 24);
        }
        compute(&p, k);
        assert_defined(&p, name, definition);
        release_product(&p);
    }
}

static void vdpbf16ps_adds_as_the_definition_says(void **state)
{
    (void)state;
    seed = 1;
    if (!qn_cpu_has(QN_CPU_AVX512BF16))
        QN_SKIP("this machine lacks %s", qn_cpu_lacks(QN_CPU_AVX512BF16));
    check_sizes(qn_test_vdpbf16ps(), "avx512bf16", by_pairs);
    check_edges(qn_test_vdpbf16ps(), "avx512bf16", by_pairs);
}

static void emulated_tiles_add_as_the_definition_says(void **state)
{
    (void)state;
    seed = 4;
    const qn_kernels *k = qn_test_emulated_amx();
    if (!k)
        QN_SKIP("this CPU lacks %s, which kernels on tiles need beside them",
                qn_cpu_lacks(QN_CPU_AVX512BF16));
    check_sizes(k, "tiles", by_tiles);
    check_edges(k, "tiles", by_tiles);
    assert_null(qn_test_tiles_fault());
}

static void the_tiles_of_this_cpu_add_as_the_definition_says(void **state)
{
    (void)state;
    seed = 5;
    if (!qn_cpu_has(QN_CPU_AMX))
        QN_SKIP("this machine lacks %s", qn_cpu_lacks(QN_CPU_AMX));
    check_sizes(qn_kernels_fastest(QN_CPU_AMX), "amx", by_tiles);
    check_edges(qn_kernels_fastest(QN_CPU_AMX), "amx", by_tiles);
}

/* The bound of the rows of variants.def. */
static void assert_bounded(const qn_kernels *k, double bound)
{
    for (size_t i = 0; i < 60; i++) {
        product p = make_product(1 + draw(i % 2 ? 4000 : 100), 3, 2);
        compute(&p, k);
        for (size_t y = 0; y < 6; y++) {
            const float *x = p.x + p.n_in * (y / 3);
            double sum = 0, terms = 0;
            for (size_t j = 0; j < p.n_in; j++) {
                double term = (double)qn_bf16(qn_load_u16(p.w + 2 * (p.n_in * (y % 3) + j)));
                sum += term * (double)x[j], terms += fabs(term * (double)x[j]);
            }
            assert_true(fabs((double)p.y[y / 3 * 10 + y % 3] - sum) <= bound * terms);
        }
        release_product(&p);
    }
}

static void errors_stay_within_the_bound(void **state)
{
    (void)state;
    seed = 2;
    double bound[QN_CPU_N_LEVELS] = {0};
#define X(cpu_level, most, member, function) bound[cpu_level] = QN_MAX(bound[cpu_level], most);
#include "kernel/variants.def"
#undef X
    for (qn_cpu_level level = 0; level < QN_CPU_N_LEVELS; level++)
        if (bound[level] > 0 && qn_kernels_fastest(level)->bf16_mul)
            assert_bounded(qn_kernels_fastest(level), bound[level]);
    if (qn_test_emulated_amx())
        assert_bounded(qn_test_emulated_amx(), bound[QN_CPU_AMX]);
}

static void a_table_without_class_t_has_none(void **state)
{
    (void)state;
    for (qn_cpu_level level = 0; level < QN_CPU_N_LEVELS; level++) {
        assert_null(qn_kernels_at(level)->bf16_mul);
        assert_string_equal(qn_kernels_at(level)->numerics, QN_NUMERICS_ID);
        bool fast = qn_kernels_fastest(level)->bf16_mul != NULL;
        assert_int_equal(fast, (level >= QN_CPU_AVX512BF16 && qn_cpu_gains_by_bf16()) ||
                                   (level >= QN_CPU_AMX && qn_cpu_has(QN_CPU_AMX)));
        assert_int_equal(strcmp(qn_kernels_fastest(level)->numerics, QN_NUMERICS_ID) != 0, fast);
    }
}

/* Through qn_linear_f32. */
static void check_batch(const qn_kernels *k, size_t n_in, size_t n_out, size_t n_rows)
{
    product p = make_product(n_in, n_out, n_rows);
    qn_matrix w = {QN_BF16, p.w, n_in, n_out, 2 * n_in, false};
    size_t n_scratch = qn_linear_scratch_bytes(QN_BF16, false, n_in);
    void *scratch = qn_test_guarded(n_scratch);
    float alone[200];
    qn_linear_f32(k, &w, 0, n_out, n_rows, p.x, n_in, p.y, n_out + 7, scratch);
    for (size_t r = 0; r < n_rows; r++) {
        qn_linear_f32(k, &w, 0, n_out, 1, p.x + n_in * r, n_in, alone, n_out, scratch);
        assert_memory_equal(alone, p.y + (n_out + 7) * r, n_out * sizeof *alone);
    }
    qn_test_guarded_free(scratch, n_scratch);
    release_product(&p);
}

/* Of sizes that fill blocks of outputs, of rows and of K, and do not. */
static void a_row_does_not_depend_on_its_batch(void **state)
{
    (void)state;
    seed = 3;
    static const struct {
        size_t n_in, n_out, n_rows;
    } sizes[] = {{70, 33, 11},     {70, 33, 1030},  {2048, 64, 96},
                 {2048, 33, 400},  {2080, 65, 97},  {4100, 131, 60},
                 {4096, 128, 200}, {10240, 33, 70}, {10240, 33, 310}};
    for (size_t i = 0; i < QN_COUNT(sizes); i++)
        check_batch(qn_kernels_fastest(qn_cpu_best()), sizes[i].n_in, sizes[i].n_out,
                    sizes[i].n_rows);
    if (qn_test_emulated_amx())
        check_batch(qn_test_emulated_amx(), 70, 33, 50);
}

QN_TEST_MAIN(cmocka_unit_test(vdpbf16ps_adds_as_the_definition_says),
             cmocka_unit_test(emulated_tiles_add_as_the_definition_says),
             cmocka_unit_test(the_tiles_of_this_cpu_add_as_the_definition_says),
             cmocka_unit_test(errors_stay_within_the_bound),
             cmocka_unit_test(a_table_without_class_t_has_none),
             cmocka_unit_test(a_row_does_not_depend_on_its_batch))
