/* cli/open.c - from arguments to an open model. */
#include "cli/open.h"

#include "base/machine.h"
#include "engine/huge.h"

qn_status qn_look_at_model(qn_model *m, const char *model, const qn_compute_args *compute,
                           qn_error *err)
{
    char path[QN_MODEL_PATH];
    qn_model_options o = {.f32_activations = compute->f32_activations,
                          .k_type = compute->k_type,
                          .v_type = compute->v_type};
    o.weights = compute->weights;
    *m = (qn_model){0};
    QN_TRY(qn_model_find(model, path, err));
    QN_TRY(qn_map_guard_install(err));
    return qn_model_open(m, path, &o, err);
}

qn_status qn_open_model(qn_model *m, const char *model, const qn_compute_args *compute,
                        qn_error *err)
{
    size_t n_threads = compute->n_threads ? compute->n_threads : qn_machine_cores();
    QN_TRY(qn_look_at_model(m, model, compute, err));
    if (compute->weights == QN_WEIGHTS_MAPPED || qn_huge_load(m, n_threads, err) == QN_OK)
        return QN_OK;
    qn_model_close(m);
    return err->status;
}

qn_engine_options qn_engine_options_of(const qn_compute_args *compute)
{
    return (qn_engine_options){.n_threads = compute->n_threads,
                               .n_chunk = compute->n_chunk,
                               .level = compute->level,
                               .deterministic = compute->deterministic};
}
