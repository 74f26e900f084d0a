/* text/jinja_tables.c - the rows of filters, tests, globals and methods, and their look-up. */
#include "text/jinja_tables.h"

#define X(name, function, n_required, style, signature)                                            \
    {name, function, n_required, style, signature, J_MISSING},
static const qn_jnative filters[] = {
#include "text/jinja_filters.def"
};
static const qn_jnative tests[] = {
#include "text/jinja_tests.def"
};
static const qn_jnative globals[] = {
#include "text/jinja_globals.def"
};
#undef X
#define X(kind, name, function, n_required, style, signature)                                      \
    {name, function, n_required, style, signature, kind},
#define OUT(kind, name) {name, NULL, 0, J_OPEN, NULL, kind},
static const qn_jnative methods[] = {
#include "text/jinja_methods.def"
};
#undef X
#undef OUT

static const qn_jnative *find(size_t n, const qn_jnative *rows, qn_str name, qn_jvalue_kind kind)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].of == kind && qn_str_is(name, rows[i].name))
            return &rows[i];
    return NULL;
}

const qn_jnative *qn_jfind_filter(qn_str name)
{
    return find(QN_COUNT(filters), filters, name, J_MISSING);
}

const qn_jnative *qn_jfind_test(qn_str name)
{
    return find(QN_COUNT(tests), tests, name, J_MISSING);
}

const qn_jnative *qn_jfind_global(qn_str name)
{
    return find(QN_COUNT(globals), globals, name, J_MISSING);
}

const qn_jnative *qn_jfind_method(qn_jvalue_kind kind, qn_str name)
{
    return find(QN_COUNT(methods), methods, name, kind == J_BOOL || kind == J_BIG ? J_INT : kind);
}
