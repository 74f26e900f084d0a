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

enum { MOST_PATTERNS = 6 };

static const struct {
    const char *name;
    bool ignore_merges, add_bos;
    const char *patterns[MOST_PATTERNS];
} named[] = {
#define X(name, ignore_merges, add_bos, ...) {name, ignore_merges, add_bos, {__VA_ARGS__}},
#include "text/pre_patterns.def"
#undef X
};

static qn_status add_patterns(qn_rules *r, size_t i, qn_error *err)
{
    bool is_total;
    r->name = named[i].name;
    r->ignore_merges = named[i].ignore_merges, r->add_bos = named[i].add_bos;
    for (; r->n_cuts < MOST_PATTERNS && named[i].patterns[r->n_cuts]; r->n_cuts++) {
        qn_cut_step *step = &r->cuts[r->n_cuts];
        qn_str pattern = qn_str_of(named[i].patterns[r->n_cuts]);
        step->scan = qn_pattern_scanner(pattern, &is_total);
        step->kind = step->scan ? QN_CUT_SCAN : QN_CUT_REGEX;
        if (!step->scan)
            QN_TRY(qn_regex_compile(&step->regex, pattern, err));
    }
    return QN_OK;
}

qn_status qn_pattern_rules(qn_rules **r, qn_str pre, qn_error *err)
{
    *r = NULL;
    for (size_t i = 0; i < QN_COUNT(named); i++) {
        if (!qn_str_is(pre, named[i].name))
            continue;
        *r = qn_rules_new();
        QN_FAIL_IF(!*r, err, QN_ENOMEM, "no memory for a tokenizer");
        if (add_patterns(*r, i, err) == QN_OK)
            return QN_OK;
        qn_rules_release(*r);
        *r = NULL;
        return err->status;
    }
    return QN_OK;
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
