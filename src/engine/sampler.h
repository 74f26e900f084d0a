/* engine/sampler.h - picks the next token from a row of logits.
 *
 * Order, as transformers has it: logits / temperature, the top_k best, the smallest set of
 * probability top_p among them, those of at least min_p times the best, then a draw. The draw is
 * counter-based: a function of (seed, sequence, position) alone, so a request gives the same tokens
 * whatever runs beside it. Ties go to the lowest id. */
#pragma once

#include "base/arena.h"
#include "kernel/kernels.h"

typedef struct qn_sampling {
    float temperature; /* 0: the most probable token */
    uint32_t top_k;    /* 0: all */
    float top_p;       /* 1: all */
    float min_p;       /* 0: all */
    uint64_t seed;
} qn_sampling;

typedef struct qn_candidate {
    float logit;
    uint32_t id;
} qn_candidate;

typedef struct qn_sampler {   /* working memory, for one thread */
    qn_candidate *candidates; /* [n_vocab] */
    float *scaled;            /* [n_vocab] */
    size_t n_vocab;
} qn_sampler;

bool qn_sampler_lay_out(qn_sampler *s, qn_arena *a, size_t n_vocab);

/* Checks the ranges; the sentence names the option. */
qn_status qn_sampling_check(const qn_sampling *p, qn_error *err);

/* The id chosen for this position of this sequence; logits holds n_vocab values. */
uint32_t qn_sample(qn_sampler *s, const qn_kernels *k, const qn_sampling *p, uint64_t sequence,
                   uint64_t position, const float *logits);

/* The number in [0, 1) that a draw uses. */
double qn_sampling_draw(uint64_t seed, uint64_t sequence, uint64_t position);
