/* engine/defaults.h - how a model's file asks to be sampled. */
#pragma once

#include "base/buf.h"
#include "engine/sampler.h"
#include "weights/gguf.h"

/* The keys general.sampling.* over temperature 1 without cuts. Names of keys there that have no
 * meaning here are appended to *ignored (may be NULL), separated by ", ". */
qn_status qn_sampling_defaults(qn_sampling *p, const qn_gguf *g, qn_buf *ignored, qn_error *err);
