/* cli/open.h - what every computing command does first: find the model, open it, open an engine. */
#pragma once

#include "cli/common.h"
#include "engine/engine.h"

/* Opens the model that the arguments name, with its weights where they say, ready to compute. On
 * failure *m owns nothing. */
qn_status qn_open_model(qn_model *m, const char *model, const qn_compute_args *compute,
                        qn_error *err);

/* The same, but leaves the weights in the file: to tell what the model is or would take. */
qn_status qn_look_at_model(qn_model *m, const char *model, const qn_compute_args *compute,
                           qn_error *err);

/* Engine options of the arguments; the caller adds context and sequences. */
qn_engine_options qn_engine_options_of(const qn_compute_args *compute);
