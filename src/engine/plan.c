/* engine/plan.c - counts an engine's layout and holds it against the machine. */
#include "engine/plan.h"

#include "base/machine.h"
#include "engine/huge.h"
#include "engine/layout.h"

/* A thread's stack as it is used, and the program's own data: measured, rounded up. */
enum { PROCESS_BYTES = 6 << 20, THREAD_BYTES = 128 << 10 };

/* Bytes of an engine with these options: of its pages, of all else; false when not addressable. */
static bool count(const qn_model *m, const qn_engine_options *o, uint64_t *kv, uint64_t *rest)
{
    qn_engine e = {.model = m, .options = *o};
    qn_arena sum = {.counts_only = true};
    if (!qn_engine_lay_out(&e, &sum))
        return false;
    *kv = e.n_kv_bytes;
    *rest = sum.n_used - e.n_kv_bytes + (uint64_t)o->n_sequences * QN_SLOT_TEXT;
    return true;
}

static uint64_t anonymous(const qn_plan *p)
{
    uint64_t copied = p->where == QN_WEIGHTS_MAPPED ? 0 : p->weights;
    return copied + p->kv + p->activations + p->adapters + p->tokenizer + p->process;
}

/* The longest context that fits, by bisection: memory grows with it. */
static uint32_t largest_context(const qn_plan *p, const qn_model *m)
{
    uint32_t fits = 0, most = (uint32_t)m->config.value[QN_CONTEXT];
    while (fits < most) {
        uint32_t middle = fits + (most - fits + 1) / 2;
        qn_plan try = *p;
        try.options.n_ctx = middle;
        bool ok =
            count(m, &try.options, &try.kv, &try.activations) && anonymous(&try) <= p->available;
        if (ok)
            fits = middle;
        else
            most = middle - 1;
    }
    return fits;
}

qn_status qn_plan_engine(qn_plan *p, const qn_model *m, const qn_engine_options *o, qn_error *err)
{
    *p = (qn_plan){.options = *o, .available = qn_machine_memory()};
    QN_TRY(qn_engine_settle(&p->options, m, err));
    p->where = m->weights;
    p->weights = m->weights == QN_WEIGHTS_MAPPED ? qn_model_weight_bytes(m) : qn_huge_bytes(m);
    p->available += m->huge.bytes ? p->weights : 0; /* which are taken already */
    p->tokenizer = qn_tokenizer_n_bytes(m->tokenizer) + m->memory.n_taken;
    p->process = PROCESS_BYTES + (uint64_t)p->options.n_threads * THREAD_BYTES;
    p->kv_bytes_per_token = qn_kv_token_bytes(&m->program.kv);
    p->k_type = m->program.kv.k_type;
    p->v_type = m->program.kv.v_type;
    bool addressable = count(m, &p->options, &p->kv, &p->activations);
    p->anonymous = anonymous(p);
    p->total = p->anonymous + (p->where == QN_WEIGHTS_MAPPED ? p->weights : 0);
    p->fits = addressable && p->anonymous <= p->available;
    p->largest_context = largest_context(p, m);
    return QN_OK;
}
