/* cli/common.c - shared arguments. */
#include "cli/common.h"

#include "cli/args.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static error_t parse_model(int key, char *arg, struct argp_state *state)
{
    qn_model_args *a = state->input;
    switch (key) {
    case 'm': a->model = arg; return 0;
    case ARGP_KEY_ARG:
        if (a->model)
            return ARGP_ERR_UNKNOWN;
        a->model = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->model)
            a->model = getenv("QUERN_MODEL");
        if (!a->model && !a->optional)
            argp_error(state, "MODEL is missing; give a file, a directory or a name");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option model_options[] = {
    {"model", 'm', "MODEL", 0, "The model: a file, a directory that holds one, or a cached name",
     0},
    {0},
};
const struct argp qn_model_argp = {.options = model_options, .parser = parse_model};

enum {
    KEY_ISA = 0x1000,
    KEY_CHUNK,
    KEY_ACTIVATIONS,
    KEY_KV,
    KEY_K_TYPE,
    KEY_V_TYPE,
    KEY_WEIGHTS,
    KEY_DETERMINISTIC
};

static qn_cpu_level parse_level(const struct argp_state *state, const char *name)
{
    qn_cpu_level level = QN_CPU_REF;
    if (!qn_cpu_level_from_name(name, &level))
        qn_arg_refuse(state, "--isa", name,
                      "'%s' is none of ref, avx2, avxvnni, avx512, avx512vnni, avx512bf16, amx",
                      name);
    const char *missing = qn_cpu_lacks(level);
    if (missing)
        qn_arg_refuse(state, "--isa", name, "for %s this machine lacks %s; use at most %s", name,
                      missing, qn_cpu_level_name(qn_cpu_best()));
    return level;
}

static qn_kv_type parse_kv(const struct argp_state *state, const char *option, const char *name)
{
    // clang-format off
    static const char *const names[] = {
#define X(type, type_name, ...) [type] = type_name,
#include "kernel/kv_types.def"
#undef X
        NULL};
    // clang-format on
    return (qn_kv_type)qn_arg_choice(state, option, name, names);
}

static error_t parse_compute(int key, char *arg, struct argp_state *state)
{
    static const char *const activations[] = {"int8", "f32", NULL};
    static const char *const weights[] = {"map", "huge", "packed", NULL};
    qn_compute_args *a = state->input;
    switch (key) {
    case 't': a->n_threads = (uint32_t)qn_arg_u64(state, "--threads", arg, 1, 256); return 0;
    case KEY_ISA: a->level = parse_level(state, arg); return 0;
    case KEY_CHUNK: a->n_chunk = (uint32_t)qn_arg_u64(state, "--chunk", arg, 1, 8192); return 0;
    case KEY_ACTIVATIONS:
        a->f32_activations = qn_arg_choice(state, "--activations", arg, activations) == 1;
        return 0;
    case KEY_KV: a->k_type = a->v_type = parse_kv(state, "--kv", arg); return 0;
    case KEY_K_TYPE: a->k_type = parse_kv(state, "--cache-type-k", arg); return 0;
    case KEY_V_TYPE: a->v_type = parse_kv(state, "--cache-type-v", arg); return 0;
    case KEY_WEIGHTS:
        a->weights = (qn_weights)qn_arg_choice(state, "--weights", arg, weights);
        return 0;
    case KEY_DETERMINISTIC: a->deterministic = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option compute_options[] = {
    {NULL, 0, NULL, 0, "How to compute:", 8},
    {"threads", 't', "N", 0, "Threads; one for each core unless given", 8},
    {"isa", KEY_ISA, "LEVEL", 0,
     "Highest CPU level to use: ref, avx2, avxvnni, avx512, avx512vnni, avx512bf16, amx", 8},
    {"chunk", KEY_CHUNK, "ROWS", 0, "Most rows of a batch (512)", 8},
    {"activations", KEY_ACTIVATIONS, "TYPE", 0, "Of products with quantized weights: int8 or f32",
     8},
    {"kv", KEY_KV, "TYPE", 0, "How keys and values are stored: f32, f16, q8_0 or q4_0", 8},
    {"cache-type-k", KEY_K_TYPE, "TYPE", 0, "How keys are stored", 8},
    {"cache-type-v", KEY_V_TYPE, "TYPE", 0, "How values are stored", 8},
    {"weights", KEY_WEIGHTS, "WHERE", 0,
     "Where weights are: map, in the mapped file; huge, copied to large pages; packed, copied and "
     "put into the order that products need",
     8},
    {"deterministic", KEY_DETERMINISTIC, NULL, 0,
     "Only arithmetic that gives the same bits on every CPU", 8},
    {0},
};
const struct argp qn_compute_argp = {.options = compute_options, .parser = parse_compute};

int64_t qn_local_now(void)
{
    struct tm local;
    time_t now = time(NULL);
    return (int64_t)now + (localtime_r(&now, &local) ? local.tm_gmtoff : 0);
}
