/* tests/kernel/math.c - the transcendental functions against libm's f64, over all of f32. */
#include "tests/support/test.h"

#include "kernel/f16.h"
#include "kernel/math.h"

#include <math.h>
#include <stdio.h>

/* Every 509th float of either sign: 8.4 million, each exponent and all low bits among them. */
enum { STEP = 509 };

/* |got - want| in units of the last place that a float near want has. */
static double ulps(float got, double want)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got) ? 0 : (double)INFINITY;
    if (isinf((float)want) || isinf(got))
        return (float)want == got ? 0 : (double)INFINITY;
    int exponent = 0;
    (void)frexp(want, &exponent);
    return fabs((double)got - want) / ldexp(1.0, exponent - 24 < -149 ? -149 : exponent - 24);
}

static double worst_of(float (*f)(float), double (*truth)(double))
{
    double worst = 0;
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += STEP) {
        float x = qn_float_of_bits((uint32_t)bits);
        double error = ulps(f(x), truth((double)x));
        if (!(error <= worst)) {
            worst = error;
            if (error > 2)
                print_message("%a: %a, not %a\n", (double)x, (double)f(x), truth((double)x));
        }
    }
    print_message("# largest error %.4f ulp\n", worst);
    return worst;
}

static void exp_is_within_one_ulp_everywhere(void **state)
{
    (void)state;
    assert_true(worst_of(qn_exp, exp) <= 1.0);
    assert_true(qn_exp(-INFINITY) == 0 && isinf(qn_exp(INFINITY)) && qn_exp(0) == 1);
    assert_false(signbit(qn_exp(-INFINITY)));
}

static void tanh_and_erf_are_within_two_ulp_everywhere(void **state)
{
    (void)state;
    assert_true(worst_of(qn_tanh, tanh) <= 2.0);
    assert_true(worst_of(qn_erf, erf) <= 2.0);
    assert_true(qn_tanh(-INFINITY) == -1 && qn_erf(INFINITY) == 1 && signbit(qn_tanh(-0.0f)));
}

static void sin_and_cos_are_rounded_almost_correctly_up_to_2_to_50(void **state)
{
    double worst = 0;
    (void)state;
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += STEP) {
        float x = qn_float_of_bits((uint32_t)bits), s, c;
        qn_sincos(x, &s, &c);
        if (!(fabsf(x) <= 0x1p50f)) {
            assert_true(isnan(s) && isnan(c));
            continue;
        }
        worst = fmax(worst, fmax(ulps(s, sin((double)x)), ulps(c, cos((double)x))));
    }
    print_message("# largest error %.4f ulp\n", worst);
    assert_true(worst <= 0.501);
}

/* Floats near multiples of pi / 2, where the reduction cancels most. */
static void sin_and_cos_are_exact_near_their_zeros(void **state)
{
    double worst = 0;
    (void)state;
    for (uint32_t n = 1; n < 4000000; n += 3) {
        float x = (float)(n * 1.5707963267948966), s, c;
        qn_sincos(x, &s, &c);
        worst = fmax(worst, fmax(ulps(s, sin((double)x)), ulps(c, cos((double)x))));
    }
    assert_true(worst <= 0.501);
}

static void log_is_within_two_ulp_of_f64(void **state)
{
    double worst = 0;
    (void)state;
    for (uint64_t i = 1; i < 3000000; i++) {
        double x = i % 3 == 0   ? (double)i
                   : i % 3 == 1 ? exp((double)i / 5000 - 300)
                                : 1 + (double)i * 1e-9;
        double want = log(x), error = fabs(qn_log(x) - want) / (fabs(want) * 0x1p-53);
        worst = want == 0 ? worst : fmax(worst, error);
    }
    print_message("# largest error %.4f of 2^-53\n", worst);
    assert_true(worst <= 4.0);
    assert_true(qn_log(1.0) == 0 && qn_log(0x1p-1060) == log(0x1p-1060));
    assert_true(isinf(qn_log(0)) && qn_log(0) < 0 && isnan(qn_log(-1)) &&
                isnan(qn_log((double)NAN)));
    assert_true(isinf(qn_log((double)INFINITY)));
}

static void f16_rounds_to_nearest_even_and_back_exactly(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        float x = qn_f16((uint16_t)h);
        if (!isnan(x))
            assert_int_equal(qn_to_f16(x), h);
        if ((h & 0x7fff) >= 0x7bff) /* the largest finite value has no finite neighbour */
            continue;
        float up = qn_f16((uint16_t)(h + 1)), middle = x / 2 + up / 2; /* exact in f32 */
        assert_int_equal(qn_to_f16(middle), h % 2 ? h + 1 : h);
        assert_int_equal(qn_to_f16(nextafterf(middle, x)), h);
        assert_int_equal(qn_to_f16(nextafterf(middle, up)), h + 1);
    }
    assert_int_equal(qn_to_f16(65519.996f), 0x7bff);
    assert_int_equal(qn_to_f16(65520.0f), 0x7c00);
    assert_true(isnan(qn_f16(qn_to_f16(NAN))) && isinf(qn_f16(0xfc00)));
}

QN_TEST_MAIN(cmocka_unit_test(exp_is_within_one_ulp_everywhere),
             cmocka_unit_test(tanh_and_erf_are_within_two_ulp_everywhere),
             cmocka_unit_test(sin_and_cos_are_rounded_almost_correctly_up_to_2_to_50),
             cmocka_unit_test(sin_and_cos_are_exact_near_their_zeros),
             cmocka_unit_test(log_is_within_two_ulp_of_f64),
             cmocka_unit_test(f16_rounds_to_nearest_even_and_back_exactly))
