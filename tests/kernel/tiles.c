/* tests/kernel/tiles.c - the emulated tile instructions do what the manual says, and speak where a
 * CPU would fault. What kernels compute with them is held to the reference elsewhere. */
#ifdef __x86_64__
#include "tests/support/tiles.h"
#endif
#include "kernel/f16.h"
#include "tests/support/emulated.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

#ifdef __x86_64__
#include <math.h>

typedef struct config {
    uint8_t palette, start_row, zeros[14];
    uint16_t n_bytes[16];
    uint8_t n_rows[16];
} config;

/* Tile 0 is m x n, tile 1 m x k, tile 2 k x n doublewords. */
static config shapes(uint8_t m, uint8_t k, uint8_t n)
{
    return (config){.palette = 1,
                    .n_bytes = {(uint16_t)(4 * n), (uint16_t)(4 * k), (uint16_t)(4 * n)},
                    .n_rows = {m, m, k}};
}

static void configure(config c)
{
    qn_test_tile_loadconfig(&c);
}

static void assert_faults(const char *part)
{
    const char *what = qn_test_tiles_fault();
    if (!part && what)
        fail_msg("%s", what);
    if (part && (!what || !strstr(what, part)))
        fail_msg("expected a fault about '%s', not '%s'", part, what ? what : "none");
}

static void configurations_beyond_the_palette_are_refused(void **state)
{
    (void)state;
    const struct {
        size_t at;
        uint8_t value;
        const char *part;
    } bad[] = {
        {0, 2, "palette"},        {1, 1, "start row"},      {2, 1, "reserved"},
        {15, 1, "reserved"},      {16, 65, "64 bytes"},     {17, 1, "64 bytes"},
        {32, 1, "8 tiles"},       {47, 1, "8 tiles"},       {48, 17, "16 rows"},
        {56, 1, "8 tiles"},       {63, 1, "8 tiles"},       {48, 0, "without bytes"},
        {51, 1, "without bytes"}, {22, 4, "without bytes"},
    };
    for (size_t i = 0; i < QN_COUNT(bad); i++) {
        config c = shapes(3, 2, 5);
        ((uint8_t *)&c)[bad[i].at] = bad[i].value;
        configure(c);
        assert_faults(bad[i].part);
    }
    configure(shapes(16, 16, 16));
    assert_faults(NULL);
    qn_test_tile_release();
    qn_test_tile_zero(0);
    assert_faults("without a shape");
}

static void products_of_tiles_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    configure(shapes(3, 2, 5));
    qn_test_tile_dpbssd(0, 1, 2);
    assert_faults(NULL);
    qn_test_tile_dpbssd(0, 2, 1);
    assert_faults("do not fit");
    qn_test_tile_dpbssd(0, 0, 2);
    assert_faults("with itself");
    qn_test_tile_dpbf16ps(0, 1, 1);
    assert_faults("with itself");
    qn_test_tile_dpbusd(0, 1, 3);
    assert_faults("without a shape");
    qn_test_tile_loadd(8, NULL, 0);
    assert_faults("without a shape");
    config c = shapes(3, 2, 5);
    c.n_bytes[0] = 18;
    configure(c);
    uint8_t bytes[64];
    qn_test_tile_loadd(0, bytes, 18);
    assert_faults("doublewords");
    qn_test_tile_stored(0, bytes, 18);
    assert_faults("doublewords");
    qn_test_tile_dpbuud(0, 1, 2);
    assert_faults("doublewords");
    qn_test_tile_release();
}

static void a_tile_reads_and_writes_its_shape_alone(void **state)
{
    (void)state;
    enum { STRIDE = 24 };
    config c = shapes(3, 2, 5);
    uint8_t *from = qn_test_guarded(2 * STRIDE + 20), to[3 * STRIDE];
    for (size_t i = 0; i < 2 * STRIDE + 20; i++)
        from[i] = (uint8_t)(i + 1);
    memset(to, 0xaa, sizeof to);
    configure(c);
    qn_test_tile_loadd(0, from, STRIDE);
    qn_test_tile_stored(0, to, STRIDE);
    for (size_t i = 0; i < sizeof to; i++)
        assert_int_equal(to[i], i % STRIDE < 20 ? i + 1 : 0xaa);
    configure(c); /* forgets what tiles held */
    qn_test_tile_stored(0, to, STRIDE);
    assert_int_equal(to[0], 0);
    assert_faults(NULL);
    qn_test_tile_release();
    qn_test_guarded_free(from, 2 * STRIDE + 20);
}

/* c[2][2] += a[2][8] b[8][2] of bytes that are all ones: 255 unsigned, -1 signed. */
static int32_t sum_of_ones(void (*dot)(unsigned, unsigned, unsigned))
{
    uint8_t ones[16];
    int32_t c[2][2] = {{0, 7}, {0, 0}};
    memset(ones, 255, sizeof ones);
    configure(shapes(2, 2, 2));
    qn_test_tile_loadd(0, c, 8);
    qn_test_tile_loadd(1, ones, 8);
    qn_test_tile_loadd(2, ones, 8);
    dot(0, 1, 2);
    qn_test_tile_stored(0, c, 8);
    assert_int_equal(c[0][1], c[0][0] + 7);
    assert_int_equal(c[1][1], c[0][0]);
    qn_test_tile_release();
    return c[0][0];
}

static void bytes_are_signed_as_each_instruction_says(void **state)
{
    (void)state;
    assert_int_equal(sum_of_ones(qn_test_tile_dpbssd), 8);
    assert_int_equal(sum_of_ones(qn_test_tile_dpbsud), -8 * 255);
    assert_int_equal(sum_of_ones(qn_test_tile_dpbusd), -8 * 255);
    assert_int_equal(sum_of_ones(qn_test_tile_dpbuud), 8 * 255 * 255);
}

static void a_byte_meets_the_byte_at_its_own_depth(void **state)
{
    (void)state;
    int8_t a[8] = {1, 0, 0, 0, 0, 0, 2, 0}, b[2][4] = {{3, 5, 7, 11}, {13, 17, 19, 23}};
    int32_t c[1] = {100};
    configure(shapes(1, 2, 1));
    qn_test_tile_loadd(0, c, 4);
    qn_test_tile_loadd(1, a, 8);
    qn_test_tile_loadd(2, b, 4);
    qn_test_tile_dpbssd(0, 1, 2);
    qn_test_tile_stored(0, c, 4);
    assert_int_equal(c[0], 100 + 3 + 2 * 19);
    qn_test_tile_release();
}

static uint16_t bf16(float x)
{
    return (uint16_t)(qn_bits_of_float(x) >> 16);
}

/* c + the products of n (at most 32, even) pairs. */
static float dot_bf16(float c, size_t n, const float *x, const float *y)
{
    uint16_t a[32], b[32];
    for (size_t k = 0; k < n; k++)
        a[k] = bf16(x[k]), b[k] = bf16(y[k]);
    configure(shapes(1, (uint8_t)(n / 2), 1));
    qn_test_tile_loadd(0, &c, 4);
    qn_test_tile_loadd(1, a, 2 * n);
    qn_test_tile_loadd(2, b, 4);
    qn_test_tile_dpbf16ps(0, 1, 2);
    qn_test_tile_stored(0, &c, 4);
    qn_test_tile_release();
    return c;
}

static void pairs_are_added_in_the_order_of_the_manual(void **state)
{
    (void)state;
    /* Each half keeps its 1; one sum for both, or one that begins at c, would lose it. */
    const float x[4] = {0x1p24f, 1, -0x1p24f, 1}, y[4] = {1, 1, 1, 1};
    assert_true(dot_bf16(0, 4, x, y) == 2);
    assert_true(dot_bf16(0x1p25f, 4, x, y) == 0x1p25f);
    const float u[6] = {0x1p24f, 0, 1, 0, 1, 0}, v[6] = {1, 1, 1, 1, 1, 1};
    assert_true(dot_bf16(0, 6, u, v) == 0x1p24f); /* ties go to even, one at a time */
}

static void subnormals_are_zeros(void **state)
{
    (void)state;
    const float tiny[2] = {0x1p-127f, 0}, big[2] = {0x1p100f, 0}, small[2] = {0x1p-63f, 0};
    assert_true(dot_bf16(0, 2, tiny, big) == 0);
    assert_true(dot_bf16(0x1p-127f, 2, big, (float[2]){0}) == 0);
    assert_true(dot_bf16(0, 2, small, (float[2]){0x1p-64f, 0}) == 0);
    assert_true(dot_bf16(0, 2, small, small) == 0x1p-126f);
    assert_true(isnan(dot_bf16(0, 2, (float[2]){INFINITY, 0}, (float[2]){0})));
}

static void a_result_is_subnormal_by_its_value_before_the_coarse_steps(void **state)
{
    (void)state;
    /* 2^-126 - 2^-150: the steps of subnormals would lift it to 2^-126. */
    const float x[4] = {0x1p-63f, 0, 0x1p-75f, 0}, y[4] = {0x1p-63f, 0, -0x1p-75f, 0};
    assert_true(fmaf(x[2], y[2], 0x1p-126f) == 0x1p-126f);
    assert_true(dot_bf16(0, 4, x, y) == 0);
}

QN_TEST_MAIN(cmocka_unit_test(configurations_beyond_the_palette_are_refused),
             cmocka_unit_test(products_of_tiles_that_do_not_fit_are_refused),
             cmocka_unit_test(a_tile_reads_and_writes_its_shape_alone),
             cmocka_unit_test(bytes_are_signed_as_each_instruction_says),
             cmocka_unit_test(a_byte_meets_the_byte_at_its_own_depth),
             cmocka_unit_test(pairs_are_added_in_the_order_of_the_manual),
             cmocka_unit_test(subnormals_are_zeros),
             cmocka_unit_test(a_result_is_subnormal_by_its_value_before_the_coarse_steps))
#else
static void tiles_are_of_x86(void **state)
{
    (void)state;
    QN_SKIP("only x86 has these tiles");
}

QN_TEST_MAIN(cmocka_unit_test(tiles_are_of_x86))
#endif
