/* cli/answer.h - one answer of the model: its events gathered, shown as they come. */
#pragma once

#include "engine/engine.h"

typedef struct qn_answer {
    bool streams; /* set by the caller: text goes to standard output at once */
    qn_buf text;
    qn_ids ids;
    qn_finish finish;
    qn_usage usage;
    qn_error error; /* with QN_FINISH_ERROR */
} qn_answer;

/* Runs a request to its end. A signal or a reader that went away cancels it, which is no failure
 * here: see a->finish and qn_signal_noted. What a holds from before is emptied first. */
qn_status qn_answer_run(qn_answer *a, qn_engine *e, const qn_request *request, qn_error *err);
void qn_answer_release(qn_answer *a);

/* One line on standard error: tokens, times, speeds. */
void qn_answer_say_stats(const qn_answer *a, uint64_t load_ns);
