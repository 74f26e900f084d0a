/* text/jinja_tests.c - "is" tests. Source: jinja2/tests.py. */
#include "text/jinja_node.h"
#include "text/jinja_tables.h"

// clang-format off
#define TEST(function, condition) \
    qn_jval function(qn_jstate *r, qn_jval v, qn_jcall *c) \
    { \
        (void)r, (void)c; \
        return qn_jbool(condition); \
    }
// clang-format on

TEST(qn_jt_eq, qn_jcompare_op(r, J_EQ, v, c->v[0]))
TEST(qn_jt_ne, qn_jcompare_op(r, J_NE, v, c->v[0]))
TEST(qn_jt_lt, qn_jcompare_op(r, J_LT, v, c->v[0]))
TEST(qn_jt_le, qn_jcompare_op(r, J_LE, v, c->v[0]))
TEST(qn_jt_gt, qn_jcompare_op(r, J_GT, v, c->v[0]))
TEST(qn_jt_ge, qn_jcompare_op(r, J_GE, v, c->v[0]))
TEST(qn_jt_in, qn_jcontains(r, c->v[0], v))
TEST(qn_jt_sameas, qn_jsame(v, c->v[0]))
TEST(qn_jt_boolean, v.kind == J_BOOL)
TEST(qn_jt_true, v.kind == J_BOOL && v.b)
TEST(qn_jt_false, v.kind == J_BOOL && !v.b)
TEST(qn_jt_defined, v.kind != J_UNDEFINED)
TEST(qn_jt_undefined, v.kind == J_UNDEFINED)
TEST(qn_jt_none, v.kind == J_NONE)
TEST(qn_jt_integer, v.kind == J_INT || v.kind == J_BIG)
TEST(qn_jt_float, v.kind == J_DOUBLE)
TEST(qn_jt_number, qn_jis_number(v))
TEST(qn_jt_string, v.kind == J_STR)
TEST(qn_jt_mapping, v.kind == J_DICT)
TEST(qn_jt_iterable, qn_jiterable(v))
TEST(qn_jt_escaped, v.kind == J_STR && v.s->markup)
TEST(qn_jt_callable, (v.kind >= J_FUNCTION && v.kind != J_CYCLER) || v.kind == J_UNDEFINED)
TEST(qn_jt_sequence, v.kind == J_UNDEFINED || v.kind == J_STR || v.kind == J_LIST ||
                         v.kind == J_TUPLE || v.kind == J_DICT || v.kind == J_RANGE)
TEST(qn_jt_filter, (qn_jhash(r, v), v.kind == J_STR) && qn_jfind_filter(qn_jbytes(r, v.s)))
TEST(qn_jt_test, (qn_jhash(r, v), v.kind == J_STR) && qn_jfind_test(qn_jbytes(r, v.s)))

/* The remainder by n, or -1 where it is no number. */
static bool remainder_is(qn_jstate *r, qn_jval v, qn_jval n, double wanted)
{
    qn_jval rest = qn_jbinary(r, J_MOD, v, n);
    return !qn_jfailed(r) && qn_jequal(r, rest, qn_jdouble(wanted));
}

TEST(qn_jt_odd, remainder_is(r, v, qn_jint(2), 1))
TEST(qn_jt_even, remainder_is(r, v, qn_jint(2), 0))
TEST(qn_jt_divisibleby, remainder_is(r, v, c->v[0], 0))

/* All cased characters are of that case, and there is one. */
static bool all_cased(qn_jstate *r, qn_jval v, bool upper)
{
    qn_jcall none = {0};
    return (upper ? qn_jm_isupper : qn_jm_islower)(r, qn_jstr_value(qn_jstr_of(r, v)), &none).b;
}

TEST(qn_jt_upper, all_cased(r, v, true))
TEST(qn_jt_lower, all_cased(r, v, false))
