/* text/jinja_eval.h - what expressions and statements share while rendering. Internal to jinja*.c.
 */
#pragma once

#include "text/jinja_node.h"

qn_jval *qn_jslot(const qn_jstate *r, qn_jplace place);

/* A variable of the caller, or a global; J_MISSING when there is neither. */
qn_jval qn_jlook_up(qn_jstate *r, qn_str name);

qn_jval qn_jeval(qn_jstate *r, const qn_jnode *n);
/* native: the row of a filter or test that the arguments are for, or NULL. */
void qn_jeval_arguments(qn_jstate *r, const qn_jnode *first, const qn_jnative *native, qn_jcall *c);
qn_jval qn_jeval_filter(qn_jstate *r, const qn_jnode *n, qn_jval self);

/* Sets the attribute that a J_NAMESPACE_REF names. */
void qn_jset_attribute(qn_jstate *r, const qn_jnode *target, qn_jval v);

/* Runs the template's statements into r->out. */
void qn_jrun(qn_jstate *r);
