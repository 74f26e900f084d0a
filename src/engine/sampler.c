/* engine/sampler.c - candidates are gathered best first, only as deep as the draw needs. */
#include "engine/sampler.h"

#include "kernel/math.h"

#include <math.h>

bool qn_sampler_lay_out(qn_sampler *s, qn_arena *a, size_t n_vocab)
{
    s->n_vocab = n_vocab;
    QN_TAKE(a, s->candidates, n_vocab);
    QN_TAKE(a, s->scaled, n_vocab);
    return !a->failed;
}

qn_status qn_sampling_check(const qn_sampling *p, qn_error *err)
{
    QN_FAIL_IF(!(p->temperature >= 0 && p->temperature <= 100), err, QN_EARGUMENT,
               "temperature is %g; it must be 0 to 100", (double)p->temperature);
    QN_FAIL_IF(!(p->top_p > 0 && p->top_p <= 1), err, QN_EARGUMENT,
               "top-p is %g; it must be above 0 and at most 1", (double)p->top_p);
    QN_FAIL_IF(!(p->min_p >= 0 && p->min_p <= 1), err, QN_EARGUMENT,
               "min-p is %g; it must be 0 to 1", (double)p->min_p);
    return QN_OK;
}

/* splitmix64's finalizer, a bijection without fixed structure. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

double qn_sampling_draw(uint64_t seed, uint64_t sequence, uint64_t position)
{
    uint64_t z = mix(seed + 0x9E3779B97F4A7C15u);
    z = mix(z ^ (sequence + 0xD1B54A32D192ED03u));
    z = mix(z ^ (position + 0x8CB92BA72F3D8DD7u));
    return (double)(z >> 11) * 0x1p-53;
}

/* Whether a stands before b: higher logit, then lower id. */
static bool before(qn_candidate a, qn_candidate b)
{
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

static void sift_down(qn_candidate *c, size_t at, size_t n)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(c[child], c[child + 1]))
            child++;
        if (!before(c[at], c[child]))
            return;
        qn_candidate swap = c[at];
        c[at] = c[child];
        c[child] = swap;
    }
}

/* Heap sort, best first: no recursion, no bad case. */
static void sort(qn_candidate *c, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(c, i, n);
    for (size_t end = n; end-- > 1;) {
        qn_candidate swap = c[0];
        c[0] = c[end];
        c[end] = swap;
        sift_down(c, 0, end);
    }
}

/* All candidates of at least this logit, best first. */
static size_t gather(qn_sampler *s, float least)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_vocab; i++) {
        s->candidates[n] = (qn_candidate){s->scaled[i], (uint32_t)i};
        n += s->scaled[i] >= least;
    }
    sort(s->candidates, n);
    return n;
}

/* How far below the best a candidate may lie and still count in f64 sums of f32 exponentials. */
#define DEEPEST 104.0f

/* At least n_wanted candidates, or all that have a probability. */
static size_t gather_count(qn_sampler *s, float max, size_t n_wanted)
{
    for (float depth = 8;; depth *= 2) {
        size_t n = gather(s, max - depth);
        if (n >= n_wanted)
            return n_wanted;
        if (depth > DEEPEST)
            return n;
    }
}

/* Candidates until their mass reaches share * total; *mass is theirs. */
static size_t gather_mass(qn_sampler *s, const qn_logit_stats *all, double share, double *mass)
{
    for (float depth = 8;; depth *= 2) {
        size_t n = gather(s, all->max - depth);
        *mass = 0;
        for (size_t i = 0; i < n; i++) {
            *mass += (double)qn_exp(s->candidates[i].logit - all->max);
            if (*mass >= share * all->sum)
                return i + 1;
        }
        if (depth > DEEPEST)
            return n;
    }
}

static double mass_of(const qn_sampler *s, size_t n, float max)
{
    double mass = 0;
    for (size_t i = 0; i < n; i++)
        mass += (double)qn_exp(s->candidates[i].logit - max);
    return mass;
}

/* The first candidates whose mass reaches share of what n have. */
static size_t keep_mass(const qn_sampler *s, size_t n, float max, double share, double *mass)
{
    double total = *mass, sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)qn_exp(s->candidates[i].logit - max);
        if (sum >= share * total) {
            *mass = sum;
            return i + 1;
        }
    }
    return n;
}

static size_t keep_min_p(const qn_sampler *s, size_t n, float max, float min_p, double *mass)
{
    size_t kept = 1; /* the best always stays */
    while (kept < n && qn_exp(s->candidates[kept].logit - max) >= min_p)
        kept++;
    if (kept < n)
        *mass = mass_of(s, kept, max);
    return kept;
}

static uint32_t draw(const qn_sampler *s, size_t n, float max, double target)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)qn_exp(s->candidates[i].logit - max);
        if (sum > target)
            return s->candidates[i].id;
    }
    return s->candidates[n - 1].id;
}

uint32_t qn_sample(qn_sampler *s, const qn_kernels *k, const qn_sampling *p, uint64_t sequence,
                   uint64_t position, const float *logits)
{
    if (p->temperature == 0 || p->top_k == 1)
        return k->argmax(s->n_vocab, logits);
    qn_logit_stats all;
    k->vec_scale(s->n_vocab, s->scaled, logits, 1 / p->temperature);
    k->sum_logits(s->n_vocab, s->scaled, &all);
    if (!isfinite(all.max))
        return all.argmax;
    double u = qn_sampling_draw(p->seed, sequence, position), mass;
    size_t n;
    if (p->top_k > 0 && p->top_k < s->n_vocab) {
        n = gather_count(s, all.max, p->top_k);
        mass = mass_of(s, n, all.max);
        if (p->top_p < 1)
            n = keep_mass(s, n, all.max, (double)p->top_p, &mass);
    } else if (p->top_p < 1) {
        n = gather_mass(s, &all, (double)p->top_p, &mass);
    } else if (p->min_p > 0) { /* keep_min_p decides; a little deeper than its bound will do */
        n = gather(s, all.max + (float)qn_log((double)p->min_p) - 0.01f);
        mass = mass_of(s, n, all.max);
    } else { /* as deep as the draw falls */
        n = gather_mass(s, &all, u, &mass);
        return draw(s, n, all.max, u * all.sum);
    }
    n = keep_min_p(s, n, all.max, p->min_p, &mass);
    return draw(s, n, all.max, u * mass);
}
