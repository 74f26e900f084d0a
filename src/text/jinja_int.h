/* text/jinja_int.h - Python's integers, which have no largest one: arithmetic, order, and the way
 * to digits and doubles and back. Internal to jinja*.c.
 *
 * Invariant: what fits in 64 bits is J_INT and nothing else, so two kinds are two values; what has
 * more bits than the limit is refused before it is made. Source: Python 3.11, Objects/longobject.c
 * for the results and their errors; the division is Knuth's algorithm D. */
#pragma once

#include "text/jinja_value.h"

/* a op b of two ints, for J_ADD, J_SUB, J_MUL, J_FLOORDIV, J_MOD, and J_POW where b >= 0. A divisor
 * of 0 was refused before. */
qn_jval qn_jint_binary(qn_jstate *r, int op, qn_jval a, qn_jval b);
/* a / b, rounded once. */
qn_jval qn_jint_divide(qn_jstate *r, qn_jval a, qn_jval b);
qn_jval qn_jint_negate(qn_jstate *r, qn_jval v);

bool qn_jint_negative(qn_jval v);
int qn_jint_compare(qn_jval a, qn_jval b);
int qn_jint_compare_double(qn_jval a, double f); /* 2: f is no number */
uint64_t qn_jint_hash(qn_jval big);

/* The nearest double, ties to even; what is too large fails as in Python and is infinite. */
double qn_jint_to_double(qn_jstate *r, qn_jval v);
qn_jval qn_jint_of_double(qn_jstate *r, double whole); /* finite; without its fraction */

/* The digits of the absolute value, a zero byte behind them. What Python's limit of 4,300 digits is
 * for fails in base 10 only. */
const char *qn_jint_digits(qn_jstate *r, qn_jval v, unsigned base, bool capitals, size_t *n);
qn_jval qn_jint_parse(qn_jstate *r, size_t n, const char *digits, unsigned base, bool negative);
/* What Python allows where decimal digits become an int, and says where they are more. */
enum { J_MAX_DIGITS = 4300 };
#define J_TOO_MANY_DIGITS                                                                          \
    "Exceeds the limit (%d digits) for integer string conversion: value has %zu digits; use "      \
    "sys.set_int_max_str_digits() to increase the limit"
int qn_jdigit_value(char c); /* 99: none in any base */

int64_t qn_jint_bit_length(qn_jval v);
int64_t qn_jint_bit_count(qn_jval v);
