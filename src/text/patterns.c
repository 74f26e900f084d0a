/* text/patterns.c - the published patterns and their scanners, from patterns.def. */
#include "text/patterns.h"

// clang-format off
static const qn_pattern patterns[] = {
#define ALL QN_PATTERN_ALL
#define SOME QN_PATTERN_SOME
#define CUTS QN_PATTERN_CUTS
#define X(pattern, kind, ...) {pattern, kind, {__VA_ARGS__}},
#include "text/patterns.def"
#undef X
#undef ALL
#undef SOME
#undef CUTS
};

// clang-format on

const qn_pattern *qn_pattern_known(qn_str pattern)
{
    for (size_t i = 0; i < QN_COUNT(patterns); i++)
        if (qn_str_is(pattern, patterns[i].text))
            return &patterns[i];
    return NULL;
}

qn_status qn_pattern_use(qn_rules *r, qn_str pattern, qn_error *err)
{
    const qn_pattern *known = qn_pattern_known(pattern);
    if (!known) {
        r->cuts[0].kind = QN_CUT_REGEX;
        r->n_cuts = 1;
        return qn_regex_compile(&r->cuts[0].regex, pattern, err);
    }
    while (known->stages[r->n_stages]) {
        r->stages[r->n_stages] = known->stages[r->n_stages];
        r->n_stages++;
    }
    return QN_OK;
}
