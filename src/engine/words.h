/* engine/words.h - the part of a model that hears and says words: tokenizer and chat template.
 *
 * It needs no weights and no known architecture, so a file with nothing but a vocabulary will do.
 * Control tokens are looked for only in what the template wrote, never in what it was given. */
#pragma once

#include "text/jinja.h"
#include "text/tokenizer.h"
#include "weights/gguf.h"

typedef struct qn_words {
    qn_gguf gguf;
    qn_tokenizer *tokenizer;
} qn_words;

/* On QN_OK *w owns all until qn_words_release; on failure it is zeroed and owns nothing. */
qn_status qn_words_open(qn_words *w, const char *path, qn_error *err);
void qn_words_release(qn_words *w);

/* Renders a request: a JSON object with messages, tools, add_generation_prompt and any variable of
 * the template. t, which may be NULL, lends bos_token, eos_token, unk_token and pad_token. *out is
 * written in both outcomes and the caller's to release. */
qn_status qn_chat_render(const qn_template *template_, const qn_tokenizer *t, qn_str request,
                         int64_t now_epoch, qn_rendered *out, qn_error *err);

/* Appends the ids of a rendering; the template says itself where bos stands. */
qn_status qn_chat_ids(const qn_tokenizer *t, qn_tokenizer_scratch *s, const qn_rendered *rendered,
                      qn_ids *ids, qn_error *err);

/* A conversation as it was run. What the model said is replayed by its ids: cut into tokens again,
 * the same text may give others, which the pages of the past do not hold. */
typedef struct qn_past {
    qn_buf text;     /* the rendered prompt, then the answer as it was shown */
    size_t n_prompt; /* bytes of the prompt */
    qn_ids ids;      /* of the prompt, then those sampled, without an end of generation */
} qn_past;

/* Notes a prompt and its answer; without memory for them, nothing. */
void qn_past_note(qn_past *past, const qn_rendered *prompt, const qn_ids *prompt_ids,
                  const qn_buf *answer, size_t n_sampled, const uint32_t *sampled);
void qn_past_clear(qn_past *past);
void qn_past_release(qn_past *past);

/* As qn_chat_ids, of a rendering that goes on from the past: its answer perhaps trimmed, then a
 * control token. Where it does not, all of it is cut into tokens. */
qn_status qn_chat_ids_after(const qn_past *past, const qn_tokenizer *t, qn_tokenizer_scratch *s,
                            const qn_rendered *rendered, qn_ids *ids, qn_error *err);

/* A conversation: the inside of a JSON array of messages. */
void qn_chat_add(qn_buf *messages, const char *role, size_t n_bytes, const char *content);

/* The request that asks for the next answer: {"messages":[...],"add_generation_prompt":true}. */
void qn_chat_request(const qn_buf *messages, qn_buf *request);
