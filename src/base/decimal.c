/* base/decimal.c - correct rounding by integer arithmetic: 128 bits where they suffice, else a big
 * quotient. No double lies so near a midpoint that digits beyond the 768th decide more than "not
 * exactly a midpoint" (the longest midpoint has 767), so later ones count as one. */
#include "base/decimal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DIGITS = 770, N_LIMBS = 48, MAX_POWER = 27 };

__extension__ typedef unsigned __int128 u128;

/* 0.digits * 10^point; no leading or trailing zero digits; n_digits 0 is zero. */
typedef struct decimal {
    int64_t point;
    size_t n_digits;
    bool negative;
    uint8_t digit[MAX_DIGITS + 1];
} decimal;

/* Little-endian limbs without leading zeros. */
typedef struct big {
    size_t n;
    uint64_t limb[N_LIMBS];
} big;

static uint64_t power_of_5(size_t n) /* n <= MAX_POWER: 5^27 < 2^63 */
{
    uint64_t p = 1;
    while (n-- > 0)
        p *= 5;
    return p;
}

static void add_digit(decimal *d, char c, bool fraction)
{
    if (c != '0' || d->n_digits > 0) {
        if (d->n_digits < MAX_DIGITS)
            d->digit[d->n_digits++] = (uint8_t)(c - '0');
        else if (c != '0')
            d->digit[MAX_DIGITS - 1] |= 1; /* sticky: not exactly a midpoint */
        d->point += !fraction;
    } else {
        d->point -= fraction;
    }
}

static int64_t exponent(const char *text, const char *end)
{
    int64_t e = 0;
    bool negative = text < end && *text == '-';
    if (text < end && (*text == '-' || *text == '+'))
        text++;
    for (; text < end; text++)
        e = e > INT64_C(1) << 50 ? e : e * 10 + (*text - '0');
    return negative ? -e : e;
}

static void scan(decimal *d, const char *text, const char *end)
{
    bool fraction = false;
    d->negative = text < end && *text == '-';
    for (text += d->negative; text < end && *text != 'e' && *text != 'E'; text++) {
        if (*text == '.')
            fraction = true;
        else
            add_digit(d, *text, fraction);
    }
    if (text < end)
        d->point += exponent(text + 1, end);
    while (d->n_digits > 0 && d->digit[d->n_digits - 1] == 0)
        d->n_digits--;
}

/* m * 2^e, m's top bit set, rounded to nearest even; `more`: something below m's last bit. */
static double round_to_f64(uint64_t m, bool more, int64_t e)
{
    int64_t lowest = e + 63 < -1022 ? -1074 - e : 11; /* bits of m that a double cannot hold */
    if (lowest > 64)
        return 0;
    uint64_t kept = lowest == 64 ? 0 : m >> lowest;
    uint64_t half = UINT64_C(1) << (lowest - 1), rest = m & (half | (half - 1));
    if (rest > half || (rest == half && (more || (kept & 1))))
        kept++;
    return ldexp((double)kept, (int)(e + lowest));
}

static double round_u128(u128 q, bool more, int64_t e)
{
    int top =
        q >> 64 ? 127 - __builtin_clzll((uint64_t)(q >> 64)) : 63 - __builtin_clzll((uint64_t)q);
    if (top < 63)
        return round_to_f64((uint64_t)q << (63 - top), more, e - (63 - top));
    int shift = top - 63;
    more |= (q & (((u128)1 << shift) - 1)) != 0;
    return round_to_f64((uint64_t)(q >> shift), more, e + shift);
}

/* Up to 19 digits and a power of ten up to 27 either way: one product or quotient of 128 bits. */
static double convert_small(const decimal *d, int64_t e)
{
    uint64_t m = 0;
    for (size_t i = 0; i < d->n_digits; i++)
        m = m * 10 + d->digit[i];
    if (e >= 0)
        return round_u128((u128)m * power_of_5((size_t)e), false, e);
    int shift = __builtin_clzll(m);
    u128 n = (u128)(m << shift) << 64, by = power_of_5((size_t)-e);
    return round_u128(n / by, n % by != 0, e - shift - 64);
}

static void big_mul_add(big *b, uint64_t by, uint64_t plus)
{
    u128 carry = plus;
    for (size_t i = 0; i < b->n; i++) {
        carry += (u128)b->limb[i] * by;
        b->limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
    if (carry)
        b->limb[b->n++] = (uint64_t)carry;
}

static void big_mul_power_of_5(big *b, size_t n)
{
    for (; n > MAX_POWER; n -= MAX_POWER)
        big_mul_add(b, power_of_5(MAX_POWER), 0);
    big_mul_add(b, power_of_5(n), 0);
}

static size_t big_width(const big *b)
{
    return b->n ? b->n * 64 - (size_t)__builtin_clzll(b->limb[b->n - 1]) : 0;
}

static void big_shift(big *b, size_t n)
{
    size_t limbs = n / 64;
    if (n % 64)
        big_mul_add(b, UINT64_C(1) << n % 64, 0);
    memmove(b->limb + limbs, b->limb, b->n * sizeof b->limb[0]);
    memset(b->limb, 0, limbs * sizeof b->limb[0]);
    b->n += limbs;
}

static bool big_less(const big *a, const big *b)
{
    if (a->n != b->n)
        return a->n < b->n;
    size_t i = a->n;
    while (i > 1 && a->limb[i - 1] == b->limb[i - 1])
        i--;
    return i > 0 && a->limb[i - 1] < b->limb[i - 1];
}

static void big_subtract(big *a, const big *b) /* a >= b */
{
    uint64_t borrow = 0;
    for (size_t i = 0; i < a->n; i++) {
        u128 by = (u128)(i < b->n ? b->limb[i] : 0) + borrow;
        borrow = a->limb[i] < by;
        a->limb[i] -= (uint64_t)by;
    }
    while (a->n > 0 && a->limb[a->n - 1] == 0)
        a->n--;
}

/* 65 quotient bits of digits / 5^n one by one; the remainder says whether more follow. */
static double convert_big(const decimal *d, int64_t e)
{
    big n = {0}, by = {.n = 1, .limb = {1}};
    for (size_t i = 0; i < d->n_digits; i++)
        big_mul_add(&n, 10, d->digit[i]);
    big_mul_power_of_5(e < 0 ? &by : &n, (size_t)(e < 0 ? -e : e));
    size_t wn = big_width(&n), wb = big_width(&by);
    big_shift(wn < wb ? &n : &by, wn < wb ? wb - wn : wn - wb);
    u128 q = 0;
    for (size_t i = 0; i < 65; i++) {
        bool one = !big_less(&n, &by);
        if (one)
            big_subtract(&n, &by);
        q = q << 1 | one;
        big_mul_add(&n, 2, 0);
    }
    return round_u128(q, n.n > 0, e + (int64_t)wn - (int64_t)wb - 64);
}

bool qn_decimal_to_f64(size_t n_bytes, const char *text, double *value)
{
    decimal d = {0};
    scan(&d, text, text + n_bytes);
    int64_t e = d.point - (int64_t)d.n_digits;
    double v = INFINITY;
    if (d.n_digits == 0 || d.point < -330)
        v = 0;
    else if (d.n_digits <= 19 && e >= -MAX_POWER && e <= MAX_POWER)
        v = convert_small(&d, e);
    else if (d.point <= 310)
        v = convert_big(&d, e);
    *value = d.negative ? -v : v;
    return isfinite(v);
}

/* printf writes the locale's decimal point, which may be several bytes. */
static size_t normalize_point(char *text)
{
    size_t n = 0;
    for (const char *p = text; *p; p++) {
        bool point = !strchr("0123456789eE+-", *p);
        if (point && n > 0 && text[n - 1] == '.')
            continue;
        text[n] = *p;
        if (point)
            text[n] = '.';
        n++;
    }
    text[n] = 0;
    return n;
}

size_t qn_decimal_from_f64(double value, char out[QN_DECIMAL])
{
    size_t n = 0;
    double back;
    for (int n_digits = 15; n_digits <= 17; n_digits++) {
        snprintf(out, QN_DECIMAL, "%.*g", n_digits, value);
        n = normalize_point(out);
        if (qn_decimal_to_f64(n, out, &back) && back == value)
            break;
    }
    return n;
}
