/* text/patterns.c - the published patterns and their scanners, from patterns.def. */
#include "text/patterns.h"

static const struct {
    const char *pattern;
    qn_cut_pattern *scan;
    bool is_total;
} patterns[] = {
#define X(pattern, scan, is_total) {pattern, scan, is_total},
#include "text/patterns.def"
#undef X
};

qn_cut_pattern *qn_pattern_scanner(qn_str pattern, bool *is_total)
{
    for (size_t i = 0; i < QN_COUNT(patterns); i++) {
        if (!qn_str_is(pattern, patterns[i].pattern))
            continue;
        *is_total = patterns[i].is_total;
        return patterns[i].scan;
    }
    return NULL;
}

qn_status qn_pattern_use(qn_rules *r, qn_str pattern, qn_error *err)
{
    bool is_total;
    r->stages[0] = qn_pattern_scanner(pattern, &is_total);
    if (r->stages[0]) {
        r->n_stages = 1;
        return QN_OK;
    }
    r->cuts[0].kind = QN_CUT_REGEX;
    r->n_cuts = 1;
    return qn_regex_compile(&r->cuts[0].regex, pattern, err);
}
