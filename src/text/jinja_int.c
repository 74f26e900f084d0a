/* text/jinja_int.c - integers of many limbs. */
#include "text/jinja_int.h"

#include "text/jinja_node.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WORD = 32 };

/* An int of either kind, as limbs, the lowest first; those of a small one lie in `own`. */
typedef struct limbs {
    bool negative;
    size_t n;
    const uint32_t *limb;
    uint32_t own[2];
} limbs;

static void look(limbs *l, qn_jval v)
{
    if (v.kind == J_BIG) {
        *l = (limbs){v.big->negative, v.big->n, v.big->limb, {0}};
        return;
    }
    int64_t i = qn_jas_int(v);
    uint64_t m = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    *l = (limbs){.negative = i < 0, .own = {(uint32_t)m, (uint32_t)(m >> WORD)}};
    l->limb = l->own;
    l->n = m >> WORD ? 2 : m != 0;
}

static int64_t bit_length(const limbs *l)
{
    return l->n ? (int64_t)l->n * WORD - __builtin_clz(l->limb[l->n - 1]) : 0;
}

static qn_jbig *new_big(qn_jstate *r, size_t n)
{
    if (n > qn_template_max.n_integer / WORD + 1) {
        qn_jfail(r, QN_ELIMIT, "an integer of more than %zu bits", qn_template_max.n_integer);
        return NULL;
    }
    qn_jbig *big = qn_jspend(r, n / 16) ? qn_jtake_memory(r, sizeof *big + n * 4, 1) : NULL;
    if (big) {
        big->n = n;
        big->negative = false;
    }
    return big;
}

/* Without leading zeros, as the kind that it has to be; 0 for NULL. */
static qn_jval finish(qn_jstate *r, qn_jbig *big)
{
    if (!big || qn_jfailed(r))
        return qn_jint(0);
    while (big->n && big->limb[big->n - 1] == 0)
        big->n--;
    uint64_t m = big->n > 0 ? big->limb[0] : 0;
    m |= big->n > 1 ? (uint64_t)big->limb[1] << WORD : 0;
    const uint64_t half = (uint64_t)1 << 63;
    if (big->n <= 2 && m < half)
        return qn_jint(big->negative ? -(int64_t)m : (int64_t)m);
    if (big->n == 2 && m == half && big->negative)
        return qn_jint(INT64_MIN);
    limbs l = {.n = big->n, .limb = big->limb};
    if (bit_length(&l) > (int64_t)qn_template_max.n_integer)
        qn_jfail(r, QN_ELIMIT, "an integer of more than %zu bits", qn_template_max.n_integer);
    return J_VALUE(J_BIG, big, big);
}

static int compare_magnitudes(const limbs *a, const limbs *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    for (size_t i = a->n; i-- > 0;)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

/* |a| + |b| */
static qn_jbig *add(qn_jstate *r, const limbs *a, const limbs *b)
{
    size_t n = QN_MAX(a->n, b->n);
    qn_jbig *sum = new_big(r, n + 1);
    uint64_t carry = 0;
    for (size_t i = 0; sum && i <= n; i++) {
        carry += (i < a->n ? (uint64_t)a->limb[i] : 0) + (i < b->n ? b->limb[i] : 0);
        sum->limb[i] = (uint32_t)carry;
        carry >>= WORD;
    }
    return sum;
}

/* |a| - |b|, which is not negative */
static qn_jbig *subtract(qn_jstate *r, const limbs *a, const limbs *b)
{
    qn_jbig *rest = new_big(r, a->n);
    int64_t borrow = 0;
    for (size_t i = 0; rest && i < a->n; i++) {
        borrow += (int64_t)a->limb[i] - (i < b->n ? b->limb[i] : 0);
        rest->limb[i] = (uint32_t)borrow;
        borrow >>= WORD;
    }
    return rest;
}

static qn_jval sum_of(qn_jstate *r, const limbs *a, const limbs *b)
{
    bool larger = compare_magnitudes(a, b) >= 0;
    qn_jbig *sum = a->negative == b->negative ? add(r, a, b)
                   : larger                   ? subtract(r, a, b)
                                              : subtract(r, b, a);
    if (sum)
        sum->negative = larger ? a->negative : b->negative;
    return finish(r, sum);
}

static qn_jbig *multiply(qn_jstate *r, const limbs *a, const limbs *b)
{
    qn_jbig *product = qn_jspend(r, a->n * b->n / 64) ? new_big(r, a->n + b->n) : NULL;
    if (!product)
        return NULL;
    product->negative = a->negative != b->negative;
    memset(product->limb, 0, product->n * 4);
    for (size_t i = 0; i < a->n; i++) {
        uint64_t carry = 0;
        for (size_t k = 0; k < b->n; k++) {
            carry += (uint64_t)a->limb[i] * b->limb[k] + product->limb[i + k];
            product->limb[i + k] = (uint32_t)carry;
            carry >>= WORD;
        }
        product->limb[i + b->n] = (uint32_t)carry;
    }
    return product;
}

/* Divides the limbs in place; returns the remainder. */
static uint32_t divide_small(size_t n, uint32_t *limb, uint32_t by)
{
    uint64_t rest = 0;
    for (size_t i = n; i-- > 0;) {
        rest = rest << WORD | limb[i];
        limb[i] = (uint32_t)(rest / by);
        rest %= by;
    }
    return (uint32_t)rest;
}

/* to[0 .. n] = from[0 .. n - 1] << bits, bits < 32 */
static void shift_up(size_t n, const uint32_t *from, unsigned bits, uint32_t *to)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < n; i++) {
        carry |= (uint64_t)from[i] << bits;
        to[i] = (uint32_t)carry;
        carry >>= WORD;
    }
    to[n] = (uint32_t)carry;
}

/* One digit of the quotient: takes v times it from u[0 .. n], which is below v << 32. */
static uint32_t divide_step(size_t n, uint32_t *u, const uint32_t *v)
{
    uint64_t top = (uint64_t)u[n] << WORD | u[n - 1], guess = top / v[n - 1], rest = top % v[n - 1];
    while (guess >> WORD || guess * v[n - 2] > (rest << WORD | u[n - 2])) {
        guess--;
        rest += v[n - 1];
        if (rest >> WORD)
            break;
    }
    int64_t borrow = 0;
    uint64_t carry = 0;
    for (size_t i = 0; i < n; i++) {
        carry += guess * v[i];
        borrow += (int64_t)u[i] - (int64_t)(uint32_t)carry;
        u[i] = (uint32_t)borrow;
        borrow >>= WORD;
        carry >>= WORD;
    }
    borrow += (int64_t)u[n] - (int64_t)carry;
    u[n] = (uint32_t)borrow;
    if (borrow >= 0)
        return (uint32_t)guess;
    carry = 0; /* one too many */
    for (size_t i = 0; i < n; i++) {
        carry += (uint64_t)u[i] + v[i];
        u[i] = (uint32_t)carry;
        carry >>= WORD;
    }
    u[n] += (uint32_t)carry;
    return (uint32_t)guess - 1;
}

typedef struct division {
    qn_jbig *quotient, *rest; /* of the magnitudes; NULL after a failure */
} division;

static division divide_magnitudes(qn_jstate *r, const limbs *a, const limbs *b)
{
    size_t n = b->n, n_quotient = a->n >= n ? a->n - n + 1 : 1;
    division d = {new_big(r, n_quotient), new_big(r, a->n + 1)};
    if (!d.quotient || !d.rest || !qn_jspend(r, n_quotient * n / 64))
        return (division){0};
    memset(d.quotient->limb, 0, n_quotient * 4);
    if (compare_magnitudes(a, b) < 0 || n == 1) {
        memcpy(d.rest->limb, a->limb, a->n * 4);
        d.rest->n = a->n;
        if (compare_magnitudes(a, b) < 0)
            return d;
        uint32_t rest = divide_small(a->n, d.rest->limb, b->limb[0]);
        memcpy(d.quotient->limb, d.rest->limb, a->n * 4);
        d.rest->limb[0] = rest;
        d.rest->n = 1;
        return d;
    }
    unsigned bits = (unsigned)__builtin_clz(b->limb[n - 1]);
    qn_jbig *v = new_big(r, n + 1);
    if (!v)
        return (division){0};
    shift_up(a->n, a->limb, bits, d.rest->limb);
    shift_up(n, b->limb, bits, v->limb);
    for (size_t i = n_quotient; i-- > 0;)
        d.quotient->limb[i] = divide_step(n, d.rest->limb + i, v->limb);
    d.rest->n = n;
    for (size_t i = 0; i < n && bits; i++)
        d.rest->limb[i] =
            d.rest->limb[i] >> bits | (i + 1 < n ? d.rest->limb[i + 1] << (WORD - bits) : 0);
    return d;
}

/* Rounded down, and with the divisor's sign, as Python has it. */
static qn_jval divide_down(qn_jstate *r, int op, qn_jval b, const limbs *x, const limbs *y)
{
    division d = divide_magnitudes(r, x, y);
    if (!d.quotient)
        return qn_jint(0);
    d.rest->negative = x->negative;
    d.quotient->negative = x->negative != y->negative;
    qn_jval rest = finish(r, d.rest), quotient = finish(r, d.quotient);
    bool whole = rest.kind == J_INT && rest.i == 0, down = !whole && x->negative != y->negative;
    if (op == J_MOD)
        return down ? qn_jint_binary(r, J_ADD, rest, b) : rest;
    return down ? qn_jint_binary(r, J_SUB, quotient, qn_jint(1)) : quotient;
}

/* By squaring; whether it fits is known before. */
static qn_jval power(qn_jstate *r, qn_jval a, qn_jval b)
{
    limbs base;
    look(&base, a);
    if (base.n == 0)
        return qn_jint(qn_jint_compare(b, qn_jint(0)) == 0);
    if (base.n == 1 && base.limb[0] == 1) {
        limbs e;
        look(&e, b);
        bool odd = e.n && (e.limb[0] & 1);
        return qn_jint(base.negative && odd ? -1 : 1);
    }
    int64_t most = (int64_t)qn_template_max.n_integer;
    if (b.kind == J_BIG || qn_jas_int(b) > most / QN_MAX(bit_length(&base) - 1, (int64_t)1)) {
        qn_jfail(r, QN_ELIMIT, "an integer of more than %zu bits", qn_template_max.n_integer);
        return qn_jint(0);
    }
    qn_jval result = qn_jint(1);
    int64_t exponent = qn_jas_int(b), bit = 1;
    while (bit <= exponent / 2)
        bit *= 2;
    for (; bit > 0 && exponent && !qn_jfailed(r); bit /= 2) {
        result = qn_jint_binary(r, J_MUL, result, result);
        if (exponent & bit)
            result = qn_jint_binary(r, J_MUL, result, a);
    }
    return result;
}

/* The fast way, where both and the result have 64 bits. */
static bool binary_small(int op, int64_t x, int64_t y, int64_t *result)
{
    switch (op) {
    case J_ADD: return !__builtin_add_overflow(x, y, result);
    case J_SUB: return !__builtin_sub_overflow(x, y, result);
    case J_MUL: return !__builtin_mul_overflow(x, y, result);
    case J_FLOORDIV:
    case J_MOD: {
        if (y == -1 && x == INT64_MIN)
            return false;
        int64_t quotient = x / y, rest = x % y;
        bool down = rest != 0 && (rest < 0) != (y < 0);
        *result = op == J_MOD ? rest + (down ? y : 0) : quotient - down;
        return true;
    }
    default: return false;
    }
}

qn_jval qn_jint_binary(qn_jstate *r, int op, qn_jval a, qn_jval b)
{
    int64_t result;
    limbs x, y;
    if (a.kind != J_BIG && b.kind != J_BIG &&
        binary_small(op, qn_jas_int(a), qn_jas_int(b), &result))
        return qn_jint(result);
    if (op == J_POW)
        return power(r, a, b);
    look(&x, a);
    look(&y, b);
    y.negative ^= op == J_SUB;
    if (op == J_ADD || op == J_SUB)
        return sum_of(r, &x, &y);
    if (op == J_MUL)
        return finish(r, multiply(r, &x, &y));
    return divide_down(r, op, b, &x, &y);
}

qn_jval qn_jint_negate(qn_jstate *r, qn_jval v)
{
    return qn_jint_binary(r, J_SUB, qn_jint(0), v);
}

bool qn_jint_negative(qn_jval v)
{
    return v.kind == J_BIG ? v.big->negative : qn_jas_int(v) < 0;
}

int qn_jint_compare(qn_jval a, qn_jval b)
{
    limbs x, y;
    if (a.kind != J_BIG && b.kind != J_BIG)
        return (qn_jas_int(a) > qn_jas_int(b)) - (qn_jas_int(a) < qn_jas_int(b));
    look(&x, a);
    look(&y, b);
    if (x.negative != y.negative)
        return x.negative ? -1 : 1;
    int c = compare_magnitudes(&x, &y);
    return x.negative ? -c : c;
}

int qn_jint_compare_double(qn_jval a, double f)
{
    if (isnan(f))
        return 2;
    if (a.kind == J_BIG) {
        limbs x;
        double top = 0;
        look(&x, a);
        if (isinf(f) || (f < 0) != x.negative || fabs(f) < 9223372036854775808.0)
            return isinf(f) ? (f < 0 ? 1 : -1) : x.negative ? -1 : 1;
        int64_t n_bits = bit_length(&x);
        int exponent;
        frexp(f, &exponent);
        if (n_bits != exponent)
            return (n_bits < exponent) != x.negative ? -1 : 1;
        double rest = fabs(f); /* limb by limb: each is taken off exactly */
        for (size_t i = x.n; i-- > 0;) {
            top = trunc(ldexp(rest, -(int)(i * WORD)));
            if (top != (double)x.limb[i])
                return (x.limb[i] < top) != x.negative ? -1 : 1;
            rest -= ldexp(top, (int)(i * WORD));
        }
        return 0;
    }
    if (f >= 9223372036854775808.0 || f < -9223372036854775808.0)
        return f > 0 ? -1 : 1;
    int64_t i = qn_jas_int(a), whole = (int64_t)f;
    double rest = f - (double)whole;
    if (i != whole)
        return i < whole ? -1 : 1;
    return rest > 0 ? -1 : rest < 0;
}

/* Doubles */

__extension__ typedef unsigned __int128 wide;

/* m * 2^exponent, where `more` says that something below m was left out; rounded once. */
static double scaled(wide m, bool more, int64_t exponent)
{
    int n_bits = 0;
    for (wide rest = m; rest; rest >>= 1)
        n_bits++;
    int64_t n_drop = n_bits - 53, below = -1074 - exponent; /* bits under the last of a double */
    n_drop = QN_MAX(n_drop, below);
    if (n_drop > n_bits + 1)
        return 0;
    if (n_drop > 0) {
        wide half = (wide)1 << (n_drop - 1), rest = m & (half * 2 - 1);
        m = n_drop > 127 ? 0 : m >> n_drop;
        m += rest > half || (rest == half && (more || (m & 1)));
        exponent += n_drop;
    }
    return exponent > 2000 ? HUGE_VAL : ldexp((double)m, (int)exponent);
}

static double magnitude_to_double(const limbs *l)
{
    wide m = 0;
    bool more = false;
    size_t first = l->n > 3 ? l->n - 3 : 0;
    for (size_t i = l->n; i-- > first;)
        m = m << WORD | l->limb[i];
    for (size_t i = 0; i < first; i++)
        more |= l->limb[i] != 0;
    return scaled(m, more, (int64_t)first * WORD);
}

double qn_jint_to_double(qn_jstate *r, qn_jval v)
{
    limbs l;
    look(&l, v);
    double f = magnitude_to_double(&l);
    if (isinf(f))
        qn_jfail(r, QN_EARGUMENT, "int too large to convert to float");
    return l.negative ? -f : f;
}

qn_jval qn_jint_of_double(qn_jstate *r, double whole)
{
    int exponent;
    if (fabs(whole) < 9223372036854775808.0)
        return qn_jint((int64_t)whole);
    uint64_t m = (uint64_t)ldexp(frexp(fabs(whole), &exponent), 53);
    qn_jval v = qn_jint_binary(r, J_POW, qn_jint(2), qn_jint(exponent - 53));
    v = qn_jint_binary(r, J_MUL, v, qn_jint((int64_t)m));
    return whole < 0 ? qn_jint_negate(r, v) : v;
}

/* v << bits */
static qn_jval shifted(qn_jstate *r, qn_jval v, int64_t bits)
{
    return qn_jint_binary(r, J_MUL, v, qn_jint_binary(r, J_POW, qn_jint(2), qn_jint(bits)));
}

qn_jval qn_jint_divide(qn_jstate *r, qn_jval a, qn_jval b)
{
    limbs x, y;
    look(&x, a);
    look(&y, b);
    bool negative = x.negative != y.negative;
    int64_t n_x = bit_length(&x), n_y = bit_length(&y), shift = 66 - (n_x - n_y);
    if (n_x <= 53 && n_y <= 53)
        return qn_jdouble((double)qn_jas_int(a) / (double)qn_jas_int(b));
    if (n_x == 0)
        return qn_jdouble(negative ? -0.0 : 0.0);
    if (n_x - n_y > 1025) {
        qn_jfail(r, QN_EARGUMENT, "integer division result too large for a float");
        return qn_jdouble(0);
    }
    if (n_y - n_x > 1100)
        return qn_jdouble(negative ? -0.0 : 0.0);
    a = shift > 0 ? shifted(r, a, shift) : a; /* a quotient of 66 or 67 bits */
    b = shift < 0 ? shifted(r, b, -shift) : b;
    look(&x, a);
    look(&y, b);
    division d = divide_magnitudes(r, &x, &y);
    if (!d.quotient || qn_jfailed(r))
        return qn_jdouble(0);
    wide m = 0;
    bool more = false;
    for (size_t i = d.quotient->n; i-- > 0;)
        m = m << WORD | d.quotient->limb[i];
    for (size_t i = 0; i < d.rest->n; i++)
        more |= d.rest->limb[i] != 0;
    double f = scaled(m, more, -shift);
    if (isinf(f))
        qn_jfail(r, QN_EARGUMENT, "integer division result too large for a float");
    return qn_jdouble(negative ? -f : f);
}

uint64_t qn_jint_hash(qn_jval big)
{
    limbs l;
    uint64_t h = 0;
    look(&l, big);
    double f = magnitude_to_double(&l);
    f = l.negative ? -f : f;
    if (!isinf(f) && qn_jint_compare_double(big, f) == 0) {
        memcpy(&h, &f, sizeof h); /* equal to that double, so of its hash */
        return h;
    }
    for (size_t i = 0; i < l.n; i++)
        h = (h ^ l.limb[i]) * 0x9E3779B97F4A7C15;
    return h;
}

/* Digits */

static bool power_of_two(unsigned base)
{
    return (base & (base - 1)) == 0;
}

const char *qn_jint_digits(qn_jstate *r, qn_jval v, unsigned base, bool capitals, size_t *n)
{
    const char *all = capitals ? "0123456789ABCDEF" : "0123456789abcdef";
    limbs l;
    look(&l, v);
    size_t n_most = (size_t)bit_length(&l) / (base == 2    ? 1
                                              : base == 8  ? 3
                                              : base == 10 ? 3
                                                           : 4) +
                    2;
    char *text = qn_jtake_memory(r, n_most + 1, 1);
    qn_jbig *rest = text ? new_big(r, l.n) : NULL;
    *n = 0;
    if (!rest || !qn_jspend(r, l.n * l.n / 16))
        return "";
    uint32_t by = base == 10 ? 1000000000 : base == 8 ? 1 << 30 : base == 2 ? 1u << 31 : 1 << 28;
    size_t n_each = base == 10 ? 9 : base == 8 ? 10 : base == 2 ? 31 : 7, at = n_most;
    if (l.n)
        memcpy(rest->limb, l.limb, l.n * 4);
    text[at] = 0;
    while (rest->n && rest->limb[rest->n - 1] == 0)
        rest->n--;
    while (rest->n) {
        uint32_t part = divide_small(rest->n, rest->limb, by);
        while (rest->n && rest->limb[rest->n - 1] == 0)
            rest->n--;
        for (size_t i = 0; rest->n ? i < n_each : part != 0; i++, part /= base)
            text[--at] = all[part % base];
    }
    if (at == n_most)
        text[--at] = '0';
    *n = n_most - at;
    if (base == 10 && *n > J_MAX_DIGITS)
        qn_jfail(r, QN_EARGUMENT,
                 "Exceeds the limit (%d digits) for integer string conversion; use "
                 "sys.set_int_max_str_digits() to increase the limit",
                 J_MAX_DIGITS);
    return text + at;
}

int qn_jdigit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

qn_jval qn_jint_parse(qn_jstate *r, size_t n, const char *digits, unsigned base, bool negative)
{
    int64_t small = 0;
    bool fits = true;
    for (size_t i = 0; i < n && fits; i++)
        fits = !__builtin_mul_overflow(small, (int64_t)base, &small) &&
               !__builtin_sub_overflow(small, qn_jdigit_value(digits[i]), &small);
    if (fits && (negative || small != INT64_MIN))
        return qn_jint(negative ? small : -small);
    if (n > J_MAX_DIGITS && !power_of_two(base)) {
        qn_jfail(r, QN_EARGUMENT, J_TOO_MANY_DIGITS, J_MAX_DIGITS, n);
        return qn_jint(0);
    }
    size_t n_limbs = n * 6 / WORD + 2; /* base 36 has below 6 bits a digit */
    qn_jbig *big = qn_jspend(r, n * n_limbs / 128) ? new_big(r, n_limbs) : NULL;
    if (!big)
        return qn_jint(0);
    big->n = 0;
    big->negative = negative;
    for (size_t i = 0; i < n; i++) {
        uint64_t carry = (uint64_t)qn_jdigit_value(digits[i]);
        for (size_t k = 0; k < big->n; k++) {
            carry += (uint64_t)big->limb[k] * base;
            big->limb[k] = (uint32_t)carry;
            carry >>= WORD;
        }
        if (carry)
            big->limb[big->n++] = (uint32_t)carry;
    }
    return finish(r, big);
}

int64_t qn_jint_bit_length(qn_jval v)
{
    limbs l;
    look(&l, v);
    return bit_length(&l);
}

int64_t qn_jint_bit_count(qn_jval v)
{
    limbs l;
    int64_t n = 0;
    look(&l, v);
    for (size_t i = 0; i < l.n; i++)
        n += __builtin_popcount(l.limb[i]);
    return n;
}
