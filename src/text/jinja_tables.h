/* text/jinja_tables.h - declares every function that a row of a table names. Internal to jinja*.c.
 */
#pragma once

#include "text/jinja_text.h"

#define X(name, function, n_required, style, signature) qn_jfunction_of function;
#include "text/jinja_filters.def"
#include "text/jinja_globals.def"
#include "text/jinja_tests.def"
#undef X
#define X(kind, name, function, n_required, style, signature) qn_jfunction_of function;
#define OUT(kind, name)
#include "text/jinja_methods.def"
#undef OUT
#undef X
