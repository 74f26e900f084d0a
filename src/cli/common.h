/* cli/common.h - arguments that several commands share, as children of their argp tables. */
#pragma once

#include "cli/models.h"
#include "engine/model.h"
#include "kernel/cpu.h"
#include "kernel/kv.h"

#include <argp.h>

/* MODEL, or -m: the first positional argument. Without it QUERN_MODEL is taken. */
typedef struct qn_model_args {
    const char *model;
    bool optional;
} qn_model_args;
extern const struct argp qn_model_argp;

/* What a clock on the wall shows, as seconds since 1970 would be in UTC: templates are told that,
 * as by transformers. */
int64_t qn_local_now(void);

/* --threads --isa --chunk --activations --kv --cache-type-k --cache-type-v --weights --deterministic */
typedef struct qn_compute_args {
    uint32_t n_threads, n_chunk; /* 0: not given */
    qn_cpu_level level;          /* the CPU's best unless given */
    bool f32_activations;
    qn_kv_type k_type, v_type;
    qn_weights weights;
    bool deterministic;
} qn_compute_args;
#define QN_COMPUTE_ARGS ((qn_compute_args){.level = qn_cpu_best(), .k_type = QN_KV_F16, .v_type = QN_KV_F16})
extern const struct argp qn_compute_argp;
