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

qn_status qn_words_template(const qn_gguf *g, qn_template **t, unsigned *line, qn_error *err)
{
    static const char key[] = "tokenizer.chat_template";
    qn_str source = {0};
    *t = NULL;
    *line = 0;
    QN_TRY(qn_gguf_maybe_string(g, key, &source, err));
    QN_FAIL_IF(!source.bytes, err, QN_EUNSUPPORTED,
               "the model has no chat template; it completes plain text, with --raw");
    if (qn_template_parse(t, source.n_bytes, source.bytes, line, err) != QN_OK)
        return qn_fail_in(err, key);
    return QN_OK;
}

static size_t add_trusted(const qn_tokenizer *t, const char *name, uint32_t id, size_t n,
                          qn_template_string trusted[4])
{
    size_t n_bytes = 0;
    const uint8_t *bytes = id == QN_NO_TOKEN ? NULL : qn_token_bytes(t, id, &n_bytes);
    if (!bytes)
        return n;
    trusted[n] = (qn_template_string){qn_str_of(name), {(const char *)bytes, n_bytes}};
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

qn_status qn_chat_ids(const qn_tokenizer *t, qn_tokenizer_scratch *s, const qn_rendered *rendered,
                      qn_ids *ids, qn_error *err)
{
    qn_text_part *parts = qn_alloc_zeroed(rendered->n_spans + 1, sizeof *parts);
    QN_FAIL_IF(!parts, err, QN_ENOMEM, "out of memory for the prompt");
    for (size_t i = 0; i < rendered->n_spans; i++) {
        const qn_span *span = &rendered->spans[i];
        parts[i] = (qn_text_part){.bytes = rendered->text.bytes + span->begin,
                                  .n_bytes = span->end - span->begin,
                                  .parse_special = span->trusted};
    }
    qn_status st = qn_tokenize_parts(t, s, rendered->n_spans, parts, 0, ids, err);
    qn_free(parts);
    return st;
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
