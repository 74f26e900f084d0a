/* text/patterns.h - what cuts as a pattern of a file says: a hand scanner where it is known. */
#pragma once

#include "text/rules.h"

/* The scanner of a published pattern, or NULL; *is_total: it matches everywhere. */
qn_cut_pattern *qn_pattern_scanner(qn_str pattern, bool *is_total);

/* Makes the pattern the only cut of the rules. */
qn_status qn_pattern_use(qn_rules *r, qn_str pattern, qn_error *err);
