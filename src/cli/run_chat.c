/* cli/run_chat.c - `quern run MODEL` on a terminal: lines in, answers out.
 *
 * Every turn renders the whole conversation; what the model said before is replayed by its ids, and
 * pages of what is known are found by name, so a turn costs its new tokens. */
#include "cli/out.h"
#include "cli/run.h"
#include "cli/signals.h"

#include <histedit.h>
#include <stdio.h>
#include <string.h>

typedef struct chat {
    qn_run *run;
    EditLine *editor;
    History *history;
    qn_buf messages; /* inside of the JSON array */
    qn_past past;
    qn_ids ids;
} chat;

static char *prompt(EditLine *editor)
{
    static char text[] = "> ";
    (void)editor;
    return text;
}

static qn_status open_editor(chat *c, qn_error *err)
{
    HistEvent event;
    c->editor = el_init("quern", stdin, stderr, stderr);
    QN_FAIL_IF(!c->editor, err, QN_EIO, "the terminal cannot be edited on; give a PROMPT");
    c->history = history_init();
    QN_FAIL_IF(!c->history, err, QN_ENOMEM, "out of memory for the history");
    history(c->history, &event, H_SETSIZE, 1000);
    el_set(c->editor, EL_PROMPT, prompt);
    el_set(c->editor, EL_EDITOR, "emacs");
    el_set(c->editor, EL_SIGNAL, 1); /* the terminal is as before when a signal ends us */
    el_set(c->editor, EL_HIST, history, c->history);
    el_source(c->editor, NULL);
    return QN_OK;
}

static void begin(chat *c)
{
    const char *system = c->run->a->system;
    qn_buf_clear(&c->messages);
    qn_past_clear(&c->past);
    if (system)
        qn_chat_add(&c->messages, "system", strlen(system), system);
}

/* An answer that a stop string cut is more than was shown: it is cut into tokens again. */
static void note_answer(chat *c, const qn_rendered *prompt)
{
    const qn_answer *a = &c->run->answer;
    size_t n = a->ids.n;
    bool ended = n > 0 && qn_token_ends(c->run->model.tokenizer, a->ids.ids[n - 1]);
    qn_chat_add(&c->messages, "assistant", a->text.n_bytes, a->text.bytes ? a->text.bytes : "");
    if (a->finish == QN_FINISH_STOP && !ended)
        qn_past_clear(&c->past);
    else
        qn_past_note(&c->past, prompt, &c->ids, &a->text, n - ended, a->ids.ids);
}

static qn_status answer(chat *c, qn_error *err)
{
    qn_run *r = c->run;
    qn_rendered text;
    qn_status st = qn_run_chat_ids(r, &c->messages, &c->past, &text, &c->ids, err);
    if (st == QN_OK)
        st = qn_run_open_engine(r, c->ids.n, err);
    qn_signals_watch();
    if (st == QN_OK)
        st = qn_run_answer(r, &c->ids, err);
    if (st == QN_OK)
        note_answer(c, &text);
    qn_rendered_release(&text);
    return st;
}

/* One turn. A message that fails is taken back, and the conversation goes on. */
static qn_status take_turn(chat *c, size_t n_bytes, const char *line, qn_error *err)
{
    const qn_answer *a = &c->run->answer;
    size_t before = c->messages.n_bytes;
    qn_chat_add(&c->messages, "user", n_bytes, line);
    qn_status st = answer(c, err);
    int signal_number = qn_signal_noted();
    qn_signals_unwatch();
    qn_out_text("\n");
    qn_out_flush();
    if (st != QN_OK) {
        c->messages.n_bytes = before;
        return st;
    }
    if (c->run->a->stats)
        qn_answer_say_stats(a, c->run->load_ns);
    if (a->finish == QN_FINISH_LENGTH)
        qn_say("the answer ends here, at the limit of tokens");
    QN_FAIL_IF(signal_number > 0 && signal_number != 2, err, QN_ECANCELLED, "cancelled");
    return QN_OK;
}

static qn_status use_line(chat *c, size_t n_bytes, const char *line, bool *ends, qn_error *err)
{
    HistEvent event;
    qn_error bad = {0};
    history(c->history, &event, H_ENTER, line);
    while (n_bytes && (line[n_bytes - 1] == '\n' || line[n_bytes - 1] == '\r'))
        n_bytes--;
    const qn_str said = {line, n_bytes};
    *ends = qn_str_is(said, "/bye");
    if (n_bytes == 0 || *ends)
        return QN_OK;
    if (qn_str_is(said, "/clear")) {
        begin(c);
        return QN_OK;
    }
    qn_status st = take_turn(c, n_bytes, line, &bad);
    *ends = qn_out_lost();
    if (st == QN_OK)
        return QN_OK;
    if (st == QN_EARGUMENT || st == QN_EFIT) { /* of this message: another may do */
        qn_say("%s", bad.text);
        return QN_OK;
    }
    *err = bad;
    return st;
}

static qn_status talk(chat *c, qn_error *err)
{
    bool ends = false;
    QN_TRY(open_editor(c, err));
    qn_say("/clear begins a new conversation; /bye or Ctrl-D ends; Ctrl-C ends an answer");
    begin(c);
    while (!ends) {
        int n = 0;
        const char *line = el_gets(c->editor, &n);
        if (!line || n <= 0)
            break;
        QN_TRY(use_line(c, (size_t)n, line, &ends, err));
    }
    if (!ends)
        fputc('\n', stderr);
    return QN_OK;
}

qn_status qn_run_chat(qn_run *r, qn_error *err)
{
    chat c = {.run = r};
    qn_status st = talk(&c, err);
    if (c.history)
        history_end(c.history);
    if (c.editor)
        el_end(c.editor);
    qn_buf_release(&c.messages);
    qn_past_release(&c.past);
    qn_ids_release(&c.ids);
    return st;
}
