/* engine/words.c - messages become text, and text becomes ids. */
#include "engine/words.h"

#include "base/alloc.h"
#include "base/json.h"

static qn_status open_tokenizer(qn_words *w, qn_error *err)
{
    QN_TRY(qn_tokenizer_from_gguf(&w->tokenizer, &w->gguf, err));
    QN_FAIL_IF(qn_gguf_torn(&w->gguf), err, QN_EIO, "the file shrank while it was read");
    return QN_OK;
}

qn_status qn_words_open(qn_words *w, const char *path, qn_error *err)
{
    *w = (qn_words){0};
    QN_TRY(qn_gguf_open(&w->gguf, path, err));
    if (open_tokenizer(w, err) == QN_OK)
        return QN_OK;
    qn_words_release(w);
    return qn_fail_in(err, path);
}

void qn_words_release(qn_words *w)
{
    qn_tokenizer_release(w->tokenizer);
    qn_gguf_release(&w->gguf);
    *w = (qn_words){0};
}

static size_t add_trusted(const qn_tokenizer *t, const char *name, uint32_t id, size_t n,
                          qn_template_string trusted[4])
{
    if (id == QN_NO_TOKEN)
        return n;
    trusted[n] = (qn_template_string){qn_str_of(name), qn_token_name(t, id)};
    return n + 1;
}

qn_status qn_chat_render(const qn_template *template_, const qn_tokenizer *t, qn_str request,
                         int64_t now_epoch, qn_rendered *out, qn_error *err)
{
    qn_template_string trusted[4];
    qn_template_input in = {.variables = request, .trusted = trusted, .now_epoch = now_epoch};
    if (t) {
        const qn_tokenizer_info *info = qn_tokenizer_about(t);
        in.n_trusted = add_trusted(t, "bos_token", info->bos, in.n_trusted, trusted);
        in.n_trusted = add_trusted(t, "eos_token", info->eos, in.n_trusted, trusted);
        in.n_trusted = add_trusted(t, "unk_token", info->unk, in.n_trusted, trusted);
        in.n_trusted = add_trusted(t, "pad_token", info->pad, in.n_trusted, trusted);
    }
    return qn_template_render(template_, &in, out, err);
}

/* Appends the ids of a rendering from byte `from` on. */
static qn_status cut_from(const qn_tokenizer *t, qn_tokenizer_scratch *s,
                          const qn_rendered *rendered, size_t from, qn_ids *ids, qn_error *err)
{
    qn_text_part *parts = qn_alloc_zeroed(rendered->n_spans + 1, sizeof *parts);
    size_t n = 0;
    QN_FAIL_IF(!parts, err, QN_ENOMEM, "out of memory for the prompt");
    for (size_t i = 0; i < rendered->n_spans; i++) {
        const qn_span *span = &rendered->spans[i];
        size_t begin = QN_MAX(span->begin, from);
        if (begin < span->end)
            parts[n++] = (qn_text_part){.bytes = rendered->text.bytes + begin,
                                        .n_bytes = span->end - begin,
                                        .parse_special = span->trusted};
    }
    qn_status st = qn_tokenize_parts(t, s, n, parts, 0, ids, err);
    qn_free(parts);
    return st;
}

qn_status qn_chat_ids(const qn_tokenizer *t, qn_tokenizer_scratch *s, const qn_rendered *rendered,
                      qn_ids *ids, qn_error *err)
{
    return cut_from(t, s, rendered, 0, ids, err);
}

/* --- the past --- */

void qn_past_clear(qn_past *past)
{
    qn_buf_clear(&past->text);
    qn_ids_clear(&past->ids);
    past->n_prompt = 0;
}

void qn_past_release(qn_past *past)
{
    qn_buf_release(&past->text);
    qn_ids_release(&past->ids);
    *past = (qn_past){0};
}

void qn_past_note(qn_past *past, const qn_rendered *prompt, const qn_ids *prompt_ids,
                  const qn_buf *answer, size_t n_sampled, const uint32_t *sampled)
{
    qn_past_clear(past);
    qn_buf_append(&past->text, prompt->text.n_bytes, prompt->text.bytes);
    qn_buf_append(&past->text, answer->n_bytes, answer->bytes);
    qn_ids_append(&past->ids, prompt_ids->n, prompt_ids->ids);
    qn_ids_append(&past->ids, n_sampled, sampled);
    past->n_prompt = prompt->text.n_bytes;
    if (past->text.failed || past->ids.failed)
        qn_past_release(past);
}

static qn_str trimmed(qn_str s)
{
    while (s.n_bytes > 0 && qn_is_space(*s.bytes))
        s.bytes++, s.n_bytes--;
    while (s.n_bytes > 0 && qn_is_space(s.bytes[s.n_bytes - 1]))
        s.n_bytes--;
    return s;
}

static bool begins_with(qn_str s, qn_str with)
{
    return s.n_bytes >= with.n_bytes &&
           (with.n_bytes == 0 || memcmp(s.bytes, with.bytes, with.n_bytes) == 0);
}

/* Bytes of the text that are the past, or 0. */
static size_t past_bytes(const qn_past *past, qn_str text)
{
    const qn_str prompt = {past->text.bytes, past->n_prompt};
    if (past->ids.n == 0 || !begins_with(text, prompt))
        return 0;
    const qn_str answer = {past->text.bytes + past->n_prompt, past->text.n_bytes - past->n_prompt};
    const qn_str rest = {text.bytes + past->n_prompt, text.n_bytes - past->n_prompt};
    const qn_str shown[] = {answer, trimmed(answer)};
    for (size_t i = 0; i < QN_COUNT(shown); i++)
        if (begins_with(rest, shown[i]))
            return past->n_prompt + shown[i].n_bytes;
    return 0;
}

qn_status qn_chat_ids_after(const qn_past *past, const qn_tokenizer *t, qn_tokenizer_scratch *s,
                            const qn_rendered *rendered, qn_ids *ids, qn_error *err)
{
    size_t n_before = ids->n;
    size_t n_past = past_bytes(past, (qn_str){rendered->text.bytes, rendered->text.n_bytes});
    if (n_past == 0)
        return qn_chat_ids(t, s, rendered, ids, err);
    qn_ids_append(ids, past->ids.n, past->ids.ids);
    size_t n = ids->n;
    QN_FAIL_IF(ids->failed, err, QN_ENOMEM, "out of memory for the prompt");
    QN_TRY(cut_from(t, s, rendered, n_past, ids, err));
    if (ids->n > n && qn_token_kind_of(t, ids->ids[n]) == QN_TOKEN_CONTROL)
        return QN_OK;
    ids->n = n_before; /* what follows could be one token with the end of the answer */
    return qn_chat_ids(t, s, rendered, ids, err);
}

void qn_chat_add(qn_buf *messages, const char *role, size_t n_bytes, const char *content)
{
    qn_buf_text(messages, messages->n_bytes ? ",{\"role\":" : "{\"role\":");
    qn_json_write_text(messages, role);
    qn_buf_text(messages, ",\"content\":");
    qn_json_write_string(messages, n_bytes, content);
    qn_buf_byte(messages, '}');
}

void qn_chat_request(const qn_buf *messages, qn_buf *request)
{
    qn_buf_text(request, "{\"messages\":[");
    qn_buf_append(request, messages->n_bytes, messages->bytes);
    qn_buf_text(request, "],\"add_generation_prompt\":true}");
    request->failed = request->failed || messages->failed;
}
