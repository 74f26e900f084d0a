/* tests/kernel/linear.c - every variant of quantization and of linear products gives the bits of
 * the reference, reads nothing beyond its inputs and writes nothing beside its outputs.
 *
 * Inputs end at an unmapped page; outputs lie in a pattern. */
#include "kernel/linear.h"
#include "kernel/blocks.h"
#include "kernel/f16.h"
#include "tests/support/blocks.h"
#include "tests/support/emulated.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

#include <math.h>
#include <string.h>

enum fill { RANDOM, ALL_ZERO_BITS, ALL_ONE_BITS, N_FILLS };

static const uint32_t pattern = 0x7fc0dead;

/* One random product: the matrix, its activations both ways, where the result goes. */
typedef struct product {
    qn_matrix w;
    size_t n_w_bytes, n_rows, n_act_bytes, n_x_bytes, n_y, n_scratch;
    uint8_t *act;
    float *x, *y, *want;
    void *scratch;
} product;

static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    static uint64_t index;
    return qn_test_random(seed, index++) % below;
}

/* Scales: zero, subnormal, negative, largest, and ordinary ones. */
static void put_scale(uint8_t *at)
{
    static const uint16_t special[] = {0x0000, 0x8000, 0x0001, 0x83ff, 0xb800, 0x7bff, 0xfbff};
    uint16_t h = draw(4) ? (uint16_t)(0x2000 + draw(0x1400) + draw(2) * 0x8000)
                         : special[draw(QN_COUNT(special))];
    at[0] = (uint8_t)h;
    at[1] = (uint8_t)(h >> 8);
}

static void put_scales(qn_encoding e, uint8_t *block)
{
    static const struct {
        size_t n, at[2];
    } scales[QN_N_ENCODINGS] = {
        [QN_Q4_0] = {1, {0}},    [QN_Q4_1] = {2, {0, 2}}, [QN_Q5_0] = {1, {0}},
        [QN_Q5_1] = {2, {0, 2}}, [QN_Q8_0] = {1, {0}},    [QN_Q4_K] = {2, {0, 2}},
        [QN_Q5_K] = {2, {0, 2}}, [QN_Q6_K] = {1, {208}},
    };
    for (size_t i = 0; i < scales[e].n; i++)
        put_scale(block + scales[e].at[i]);
}

static void put_float(qn_encoding e, uint8_t *at)
{
    uint32_t bits = qn_bits_of_float(ldexpf((float)draw(1 << 24) - 8388608, -20 - (int)draw(12)));
    if (e == QN_F16)
        put_scale(at);
    else if (e == QN_BF16)
        at[0] = (uint8_t)(bits >> 16), at[1] = (uint8_t)(bits >> 24);
    else
        memcpy(at, &bits, 4);
}

static void fill_matrix(qn_matrix *w, uint8_t *bytes, size_t n_bytes, enum fill fill)
{
    for (size_t i = 0; i < n_bytes; i++)
        bytes[i] = fill == RANDOM ? (uint8_t)draw(256) : fill == ALL_ONE_BITS ? 255 : 0;
    size_t n_block = qn_encoding_block_bytes(w->encoding);
    for (size_t i = 0; i < n_bytes; i += n_block)
        if (qn_encoding_is_quantized(w->encoding))
            put_scales(w->encoding, bytes + i);
        else
            put_float(w->encoding, bytes + i);
}

static void fill_rows(product *p, enum fill fill)
{
    for (size_t i = 0; i < p->n_rows * p->w.n_in; i++)
        p->x[i] = fill == RANDOM ? ldexpf((float)draw(1 << 20) - 524288, -18 - (int)(i / 32 % 3))
                                 : (float)(fill == ALL_ONE_BITS ? -1 : 1);
}

static product make_product(qn_encoding e, size_t n_in, size_t n_out, size_t n_rows,
                            enum fill weights, enum fill rows)
{
    product p = {.w = {e, NULL, n_in, n_out, 0}, .n_rows = n_rows};
    p.w.n_row_bytes = n_in / qn_encoding_block(e) * qn_encoding_block_bytes(e);
    p.n_w_bytes = p.w.n_row_bytes * n_out;
    uint8_t *bytes = qn_test_guarded(p.n_w_bytes);
    fill_matrix(&p.w, bytes, p.n_w_bytes, weights);
    p.w.bytes = bytes;
    p.n_x_bytes = n_rows * n_in * sizeof(float);
    p.x = qn_test_guarded(p.n_x_bytes);
    fill_rows(&p, rows);
    p.n_act_bytes = n_rows * qn_act_bytes(n_in);
    p.act = qn_test_guarded(p.n_act_bytes);
    p.n_y = n_rows * (n_out + 7);
    p.y = qn_test_guarded(p.n_y * sizeof(float));
    p.want = qn_test_guarded(p.n_y * sizeof(float));
    p.n_scratch = qn_linear_scratch_bytes(e, false, n_in);
    if (qn_encoding_is_quantized(e))
        p.n_scratch = QN_MAX(p.n_scratch, qn_linear_scratch_bytes(e, true, n_in));
    assert_int_equal(p.n_scratch % 64, 0);
    p.scratch = qn_test_guarded(p.n_scratch);
    return p;
}

static void release_product(product *p)
{
    qn_test_guarded_free((void *)(uintptr_t)p->w.bytes, p->n_w_bytes);
    qn_test_guarded_free(p->x, p->n_x_bytes);
    qn_test_guarded_free(p->act, p->n_act_bytes);
    qn_test_guarded_free(p->y, p->n_y * sizeof(float));
    qn_test_guarded_free(p->want, p->n_y * sizeof(float));
    qn_test_guarded_free(p->scratch, p->n_scratch);
}

static void blank(size_t n, float *y)
{
    for (size_t i = 0; i < n; i++)
        memcpy(&y[i], &pattern, sizeof pattern);
}

/* All outputs, in two ranges where there are more than one granule. Scratch begins as NaN. */
static void compute(const product *p, const qn_kernels *k, bool i8, float *y)
{
    size_t stride = p->w.n_out + 7, cut = p->w.n_out > 32 ? 32 : p->w.n_out;
    blank(p->n_y, y);
    if (i8)
        memset(p->scratch, 0xff, qn_linear_scratch_bytes(p->w.encoding, true, p->w.n_in));
    for (size_t r = 0; i8 && r < p->n_rows; r++)
        k->quantize(p->w.n_in, p->x + r * p->w.n_in, p->act + r * qn_act_bytes(p->w.n_in));
    for (size_t o = 0, end = cut; o < p->w.n_out; o = end, end = p->w.n_out)
        if (i8)
            qn_linear_i8(k, &p->w, o, end, p->n_rows, p->act, y + o, stride, p->scratch);
        else
            qn_linear_f32(k, &p->w, o, end, p->n_rows, p->x, p->w.n_in, y + o, stride, p->scratch);
}

/* The same bits; any NaN equals any other. */
static bool same(float a, float b)
{
    return qn_bits_of_float(a) == qn_bits_of_float(b) || (isnan(a) && isnan(b));
}

static void assert_same(const product *p, const char *level, bool i8)
{
    static const char *const kinds[2][2] = {{"float", "int8"}, {"float packed", "int8 packed"}};
    size_t stride = p->w.n_out + 7;
    for (size_t i = 0; i < p->n_y; i++) {
        bool beside = i % stride >= p->w.n_out;
        bool good = beside ? qn_bits_of_float(p->y[i]) == pattern : same(p->y[i], p->want[i]);
        if (!good)
            fail_msg("%s %s %s, %zu in, %zu out, %zu rows: row %zu output %zu is %a, not %a", level,
                     qn_encoding_name(p->w.encoding), kinds[p->w.is_packed][i8], p->w.n_in,
                     p->w.n_out, p->n_rows, i / stride, i % stride, (double)p->y[i],
                     (double)p->want[i]);
    }
}

/* The same product with its weights packed, in memory of their own. */
static product packed(const product *p)
{
    product q = *p;
    uint8_t *bytes = qn_test_guarded(p->n_w_bytes);
    qn_test_pack(&p->w, bytes);
    q.w.bytes = bytes;
    q.w.is_packed = true;
    return q;
}

static void check_at_every_level(const product *p, bool i8)
{
    for (qn_cpu_level level = QN_CPU_REF; level < QN_CPU_N_LEVELS; level++) {
        compute(p, qn_kernels_at(level), i8, p->y);
        assert_same(p, qn_cpu_level_name(level), i8);
    }
}

static void check(qn_encoding e, size_t n_in, size_t n_out, size_t n_rows, enum fill weights,
                  enum fill rows)
{
    product p = make_product(e, n_in, n_out, n_rows, weights, rows);
    bool is_quantized = qn_encoding_is_quantized(e);
    product q = is_quantized ? packed(&p) : p;
    for (int i8 = 0; i8 <= is_quantized; i8++) {
        compute(&p, qn_kernels_at(QN_CPU_REF), i8, p.want);
        check_at_every_level(&p, i8);
        if (is_quantized)
            check_at_every_level(&q, i8);
    }
    if (is_quantized)
        qn_test_guarded_free((void *)(uintptr_t)q.w.bytes, q.n_w_bytes);
    release_product(&p);
}

static size_t random_n_in(qn_encoding e)
{
    size_t n_block = qn_encoding_block(e);
    if (n_block == 256)
        return 256 * (1 + draw(3));
    return n_block == 1 ? 1 + draw(600) : 32 * (1 + draw(20));
}

static void every_variant_equals_the_reference_on_random_sizes(void **state)
{
    (void)state;
    seed = 1;
    for (qn_encoding e = QN_NO_ENCODING + 1; e < QN_N_ENCODINGS; e++)
        for (size_t i = 0; i < 24; i++)
            check(e, random_n_in(e), 1 + draw(70), 1 + draw(i % 4 ? 9 : 20), RANDOM, RANDOM);
}

/* Rows whose spans fill pieces, rows that share pieces, and so long that few rows take panels. */
static void few_rows_equal_the_reference_whatever_their_length(void **state)
{
    (void)state;
    seed = 5;
    static const size_t n_groups[] = {1, 2, 7, 12, 16, 18, 36, 45, 64, 65, 90};
    for (qn_encoding e = QN_NO_ENCODING + 1; e < QN_N_ENCODINGS; e++)
        for (size_t i = 0; i < QN_COUNT(n_groups); i++) {
            size_t n_in = n_groups[i] * QN_MAX(qn_encoding_block(e), (size_t)32);
            for (size_t n_rows = 1; n_rows <= 5; n_rows++)
                check(e, n_in, 16 + draw(40), n_rows, RANDOM, RANDOM);
            for (size_t n_rows = 1; n_rows <= 5; n_rows++)
                check(e, n_in, 16, n_rows, ALL_ONE_BITS, ALL_ONE_BITS);
        }
}

static void every_variant_equals_the_reference_at_the_extremes(void **state)
{
    (void)state;
    seed = 2;
    for (qn_encoding e = QN_NO_ENCODING + 1; e < QN_N_ENCODINGS; e++)
        for (enum fill weights = 0; weights < N_FILLS; weights++)
            for (enum fill rows = 0; rows < N_FILLS; rows++)
                check(e, 512, 33, 7, weights, rows);
}

static void rows_beyond_one_pass_are_computed_alike(void **state)
{
    (void)state;
    seed = 3;
    check(QN_Q8_0, 64, 17, 1030, RANDOM, RANDOM);
    check(QN_BF16, 40, 3, 1030, RANDOM, RANDOM);
}

/* Float weights for many rows: sizes that fill blocks of outputs, of rows and of K, and do not. */
static void blocks_of_float_weights_equal_the_reference(void **state)
{
    (void)state;
    seed = 6;
    for (qn_encoding e = QN_NO_ENCODING + 1; e < QN_N_ENCODINGS; e++)
        if (!qn_encoding_is_quantized(e)) {
            check(e, 1024, 96, 96, RANDOM, RANDOM);
            check(e, 1040, 35, 101, RANDOM, RANDOM);
            check(e, 1041, 99, 49, RANDOM, RANDOM);
            check(e, 2100, 33, 101, RANDOM, RANDOM);
        }
}

static void a_row_does_not_depend_on_its_batch(void **state)
{
    (void)state;
    seed = 4;
    for (qn_encoding e = QN_NO_ENCODING + 1; e < QN_N_ENCODINGS; e++)
        for (qn_cpu_level level = QN_CPU_REF; level < QN_CPU_N_LEVELS; level++) {
            product p = make_product(e, 512, 40, 11, RANDOM, RANDOM);
            bool i8 = qn_encoding_is_quantized(e);
            compute(&p, qn_kernels_at(level), i8, p.y);
            p.n_rows = 1;
            for (size_t r = 0; r < 11; r++) {
                compute(&p, qn_kernels_at(level), i8, p.want);
                assert_memory_equal(p.want, p.y + r * 47, 40 * sizeof(float));
                p.x += 512;
            }
            p.x -= 11 * 512;
            release_product(&p);
        }
}

/* A product with Q8_0 as ADR 001 words it: spans of 4, 2 or 1 groups, each from zero. */
static float product_of_spans(size_t n_in, const qn_q8_0 *w, const qn_act *x)
{
    size_t span = n_in % 128 == 0 ? 4 : n_in % 64 == 0 ? 2 : 1;
    float sum = 0, acc = 0;
    for (size_t g = 0; g < n_in / 32; g++) {
        int32_t isum = 0;
        for (size_t i = 0; i < 32; i++)
            isum += w[g].q[i] * x[g / 8].q[g % 8 * 32 + i];
        float d = qn_f16(qn_load_u16(w[g].d));
        acc = fmaf((float)isum * d, x[g / 8].d[g % 8], g % span == 0 ? 0 : acc);
        if (g % span == span - 1)
            sum += acc;
    }
    return sum;
}

static void the_reference_adds_up_spans(void **state)
{
    (void)state;
    seed = 8;
    static const size_t n_in[] = {32, 64, 96, 128, 320, 576, 896, 2048, 2880};
    for (size_t i = 0; i < QN_COUNT(n_in); i++) {
        product p = make_product(QN_Q8_0, n_in[i], 20, 2, RANDOM, RANDOM);
        compute(&p, qn_kernels_at(QN_CPU_REF), true, p.want);
        for (size_t j = 0; j < 40; j++)
            p.y[j / 20 * 27 + j % 20] =
                product_of_spans(n_in[i], (const void *)(p.w.bytes + j % 20 * p.w.n_row_bytes),
                                 (const void *)(p.act + j / 20 * qn_act_bytes(n_in[i])));
        blank(7, p.y + 20), blank(7, p.y + 47);
        assert_same(&p, "the definition", true);
        release_product(&p);
    }
}

/* The sums of all outputs, which fill one or two panels. */
static void mul_panels(const product *p, const qn_kernels *k, qn_panel_sums sums)
{
    const qn_shape shape = *qn_encoding_shape(p->w.encoding);
    size_t n_in = p->w.n_in, n_panels = p->w.n_out / 16;
    _Alignas(64) qn_panel panel[2];
    for (size_t i = 0; i < n_panels; i++)
        qn_kernels_at(QN_CPU_REF)
            ->expand[p->w.encoding](&panel[i], n_in, p->w.bytes + 16 * i * p->w.n_row_bytes,
                                    p->w.n_row_bytes, NULL);
    if (k->panel_tiles_begin)
        k->panel_tiles_begin(shape, p->n_rows);
    k->panel_mul(shape, qn_act_span(n_in), n_in, n_panels, panel, p->n_rows, (const void *)p->act,
                 qn_act_bytes(n_in), 0, sums);
    if (k->panel_tiles_end)
        k->panel_tiles_end();
}

/* Sums that begin at zero, those that begin elsewhere and those that stay where they are go to rows
 * that lie apart and hold NaN. */
static void check_sums(const product *p, const qn_kernels *k, const char *level)
{
    const qn_kernels *ref = qn_kernels_at(QN_CPU_REF);
    size_t stride = p->w.n_out + 7;
    blank(p->n_y, p->want), blank(p->n_y, p->y);
    mul_panels(p, ref, (qn_panel_sums){qn_panel_zeros, 0, p->want, stride});
    mul_panels(p, k, (qn_panel_sums){qn_panel_zeros, 0, p->y, stride});
    assert_same(p, level, true);
    for (size_t i = 0; i < p->n_rows * stride; i++)
        assert_true(i % stride >= p->w.n_out || !isnan(p->y[i]));
    blank(p->n_y, p->want), blank(p->n_y, p->y);
    mul_panels(p, ref, (qn_panel_sums){p->x, p->w.n_in, p->want, stride});
    mul_panels(p, k, (qn_panel_sums){p->x, p->w.n_in, p->y, stride});
    assert_same(p, level, true);
    for (size_t r = 0; r < p->n_rows; r++)
        memcpy(p->y + r * stride, p->x + r * p->w.n_in, p->w.n_out * sizeof(float));
    mul_panels(p, k, (qn_panel_sums){p->y, stride, p->y, stride});
    assert_same(p, level, true);
}

static void check_sums_at_every_level(qn_encoding e, size_t n_panels, size_t n_rows)
{
    size_t n_groups = 1 + draw(8), n_in = QN_MAX(qn_encoding_block(e), 32 * n_groups);
    product p = make_product(e, n_in, 16 * n_panels, n_rows, RANDOM, RANDOM);
    for (size_t r = 0; r < n_rows; r++)
        qn_kernels_at(QN_CPU_REF)->quantize(n_in, p.x + r * n_in, p.act + r * qn_act_bytes(n_in));
    for (qn_cpu_level level = QN_CPU_REF; level < QN_CPU_N_LEVELS; level++)
        check_sums(&p, qn_kernels_at(level), qn_cpu_level_name(level));
    if (qn_test_emulated_amx())
        check_sums(&p, qn_test_emulated_amx(), "emulated tiles");
    release_product(&p);
}

static void sums_begin_and_end_where_they_shall(void **state)
{
    (void)state;
    seed = 9;
    for (qn_encoding e = QN_NO_ENCODING + 1; e < QN_N_ENCODINGS; e++)
        for (size_t i = 0; qn_encoding_is_quantized(e) && i < 16; i++)
            check_sums_at_every_level(e, 1 + i % 2, i < 13 ? i + 1 : 47 + draw(20));
    assert_null(qn_test_tiles_fault());
}

/* All of a product's outputs with tiles, the CPU's own or emulated ones. */
static void check_tiles(qn_encoding e, const qn_kernels *k, size_t n_rows)
{
    size_t n_in = random_n_in(e);
    product p = make_product(e, n_in, 1 + draw(50), n_rows, RANDOM, RANDOM);
    compute(&p, qn_kernels_at(QN_CPU_REF), true, p.want);
    compute(&p, k, true, p.y);
    assert_same(&p, "tiles", true);
    release_product(&p);
}

static void check_all_tiles(const qn_kernels *k)
{
    for (qn_encoding e = QN_NO_ENCODING + 1; e < QN_N_ENCODINGS; e++)
        for (size_t n_rows = 46; qn_encoding_is_quantized(e) && n_rows <= 82; n_rows++)
            check_tiles(e, k, n_rows);
    check_tiles(QN_Q8_0, k, 256 + 57); /* two passes, whose last rows differ */
}

static void emulated_tiles_equal_the_reference(void **state)
{
    (void)state;
    seed = 6;
    const qn_kernels *k = qn_test_emulated_amx();
    if (!k)
        QN_SKIP("this CPU lacks %s, which kernels on tiles need beside them",
                qn_cpu_lacks(QN_CPU_AVX512BF16));
    check_all_tiles(k);
    assert_null(qn_test_tiles_fault());
}

static void the_tiles_of_this_cpu_equal_the_reference(void **state)
{
    (void)state;
    seed = 7;
    if (!qn_cpu_has(QN_CPU_AMX))
        QN_SKIP("this machine lacks %s", qn_cpu_lacks(QN_CPU_AMX));
    check_all_tiles(qn_kernels_at(QN_CPU_AMX));
}

static const float special_values[] = {
    0,          -0.0f,
    NAN,        INFINITY,
    -INFINITY,  0x1p-149f,
    -0x1p-126f, 0x1p-101f,
    0x1p-100f,  0x1.fffffep-101f,
    1,          -1,
    0.5f,       0x1.fffffep127f,
    63.5f,      0.003937008f,
    127,        -127,
    2.5f,       3.5f,
};

static void check_quantize(size_t n_in, bool special)
{
    size_t n_bytes = qn_act_bytes(n_in);
    float *x = qn_test_guarded(n_in * sizeof *x);
    void *want = qn_test_guarded(n_bytes), *got = qn_test_guarded(n_bytes);
    for (size_t i = 0; i < n_in; i++)
        x[i] = special && draw(i / 32 % 2 ? 32 : 4) == 0
                   ? special_values[draw(QN_COUNT(special_values))]
                   : ldexpf((float)draw(255) - 127, -(int)draw(3));
    qn_kernels_at(QN_CPU_REF)->quantize(n_in, x, want);
    for (qn_cpu_level level = QN_CPU_REF; level < QN_CPU_N_LEVELS; level++) {
        memset(got, 0xaa, n_bytes);
        qn_kernels_at(level)->quantize(n_in, x, got);
        if (memcmp(got, want, n_bytes) != 0)
            fail_msg("%s quantizes %zu values otherwise", qn_cpu_level_name(level), n_in);
    }
    qn_test_guarded_free(x, n_in * sizeof *x);
    qn_test_guarded_free(want, n_bytes);
    qn_test_guarded_free(got, n_bytes);
}

static void every_variant_quantizes_alike(void **state)
{
    (void)state;
    seed = 5;
    for (size_t i = 0; i < 400; i++)
        check_quantize(32 * (1 + draw(40)), i % 2);
}

static void quantization_is_what_the_definition_says(void **state)
{
    (void)state;
    float x[96] = {[0] = -2, [1] = 1, [2] = 0.0118f, [16] = 2, [32] = 0x1p-101f, [64] = NAN};
    _Alignas(64) uint8_t row[448];
    const qn_act *a = (const void *)row;
    assert_int_equal(qn_act_bytes(96), 384);
    qn_kernels_at(QN_CPU_REF)->quantize(96, x, row);
    assert_int_equal(a->q[0], -127);
    assert_int_equal(a->q[1], 64); /* 63.5: ties go to even */
    assert_int_equal(a->q[2], 1);
    assert_int_equal(a->sum16[0], -62);
    assert_int_equal(a->sum16[1], 127);
    assert_true(a->d[0] == 2.0f / 127 && a->sum[0] == 65);
    assert_true(a->q[32] == 0 && a->d[1] == 0 && a->sum[1] == 0);
    assert_true(a->q[64] == 0 && isnan(a->d[2]) && a->sum[2] == 0);
}

QN_TEST_MAIN(cmocka_unit_test(every_variant_equals_the_reference_on_random_sizes),
             cmocka_unit_test(few_rows_equal_the_reference_whatever_their_length),
             cmocka_unit_test(every_variant_equals_the_reference_at_the_extremes),
             cmocka_unit_test(rows_beyond_one_pass_are_computed_alike),
             cmocka_unit_test(blocks_of_float_weights_equal_the_reference),
             cmocka_unit_test(a_row_does_not_depend_on_its_batch),
             cmocka_unit_test(the_reference_adds_up_spans),
             cmocka_unit_test(sums_begin_and_end_where_they_shall),
             cmocka_unit_test(emulated_tiles_equal_the_reference),
             cmocka_unit_test(the_tiles_of_this_cpu_equal_the_reference),
             cmocka_unit_test(every_variant_quantizes_alike),
             cmocka_unit_test(quantization_is_what_the_definition_says))
