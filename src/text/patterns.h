/* text/patterns.h - what cuts as a pattern of a file says: hand scanners where it is known. */
#pragma once

#include "text/rules.h"

typedef enum qn_pattern_kind {
    QN_PATTERN_SOME, /* the scanner finds what the pattern matches */
    QN_PATTERN_ALL,  /* and that is everywhere */
    QN_PATTERN_CUTS, /* the scanners find the pieces, matches and what is between them alike */
} qn_pattern_kind;

typedef struct qn_pattern { /* a row of patterns.def */
    const char *text;
    qn_pattern_kind kind;
    qn_cut_pattern *stages[QN_CUT_STAGES + 1]; /* ends in NULL */
} qn_pattern;

/* The row of a published pattern, or NULL. */
const qn_pattern *qn_pattern_known(qn_str pattern);

/* Makes the pattern the only cut of the rules. */
qn_status qn_pattern_use(qn_rules *r, qn_str pattern, qn_error *err);
