/* cli/answer.c - the event stream of one request. */
#include "cli/answer.h"

#include "cli/out.h"
#include "cli/signals.h"

static void on_event(void *context, const qn_event *event)
{
    qn_answer *a = context;
    switch (event->kind) {
    case QN_EVENT_TOKEN: qn_ids_append(&a->ids, 1, &event->id); return;
    case QN_EVENT_TEXT:
        qn_buf_append(&a->text, event->n_bytes, event->bytes);
        if (a->streams) {
            qn_out(event->n_bytes, event->bytes);
            qn_out_flush();
        }
        return;
    case QN_EVENT_LOGITS: return;
    case QN_EVENT_END:
        a->finish = event->finish;
        a->usage = *event->usage;
        if (event->finish == QN_FINISH_ERROR)
            a->error = *event->err;
        return;
    }
}

qn_status qn_answer_run(qn_answer *a, qn_engine *e, const qn_request *request, qn_error *err)
{
    uint64_t id = 0;
    qn_request r = *request;
    r.on_event = on_event;
    r.context = a;
    qn_buf_clear(&a->text);
    qn_ids_clear(&a->ids);
    QN_TRY(qn_engine_submit(e, &r, &id, err));
    while (qn_engine_n_active(e) > 0) {
        if (qn_signal_noted() || qn_out_lost())
            qn_engine_cancel(e, id);
        QN_TRY(qn_engine_step(e, err));
    }
    QN_FAIL_IF(a->text.failed || a->ids.failed, err, QN_ENOMEM, "out of memory for the answer");
    QN_FAIL_IF(a->finish == QN_FINISH_ERROR, err, a->error.status, "%s", a->error.text);
    return QN_OK;
}

void qn_answer_release(qn_answer *a)
{
    qn_buf_release(&a->text);
    qn_ids_release(&a->ids);
    *a = (qn_answer){0};
}

static double per_second(uint64_t n, uint64_t ns)
{
    return ns ? 1e9 * (double)n / (double)ns : 0;
}

void qn_answer_say_stats(const qn_answer *a, uint64_t load_ns)
{
    const qn_usage *u = &a->usage;
    uint64_t n_run = u->n_prompt - QN_MIN(u->n_cached, u->n_prompt);
    uint64_t n_more = u->n_generated > 0 ? u->n_generated - 1 : 0; /* after the first token */
    qn_say("%u prompt tokens (%u cached) in %.3f s, %.1f a second; %u generated in %.3f s, %.1f a "
           "second; loaded in %.3f s; finished: %s",
           u->n_prompt, u->n_cached, 1e-9 * (double)u->prefill_ns, per_second(n_run, u->prefill_ns),
           u->n_generated, 1e-9 * (double)u->decode_ns, per_second(n_more, u->decode_ns),
           1e-9 * (double)load_ns, qn_finish_name(a->finish));
}
