/* model/compile.h - spec + config + tensors -> program.
 *
 * Steps become ops; a quantised matrix gets its input as int8 activations, made once per value;
 * buffers get their place by liveness; barriers stand where threads depend on each other. */
#pragma once

#include "base/region.h"
#include "model/program.h"

typedef struct qn_compile_options {
    bool f32_activations;      /* decode weights instead of quantising activations */
    qn_kv_type k_type, v_type; /* QN_EUNSUPPORTED where a head's size is no multiple of its step */
} qn_compile_options;

/* Compiles the model in g; what the program holds lives in memory until memory is released, and
 * weights are used in place, so g must outlive it. Every tensor of the file must be consumed. */
qn_status qn_compile(qn_program *p, qn_region *memory, const qn_config *c, const qn_gguf *g,
                     const qn_compile_options *options, qn_error *err);

/* The number of vocabulary rows in the file's embedding; for a config without vocab_size. */
qn_status qn_config_vocab(qn_config *c, const qn_gguf *g, qn_error *err);
