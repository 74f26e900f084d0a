/* tests/fuzz/tokenizer_gguf.c - a hostile vocabulary is refused with a sentence, or serves:
 * encodes, and decodes every id, within memory that is all given back. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "text/tokenizer.h"
#include "weights/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static const char text[] =
    "the mill <s>grinds</s> 123\n\xE4\xB8\xAD\xE6\x96\x87 <|im_end|> \xFF\xE2"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \xE2\x96\x81\xE2\x96\x81x";

static void serve(const qn_tokenizer *t)
{
    qn_tokenizer_scratch *s;
    qn_ids ids = {0};
    qn_buf out = {0};
    qn_error err = {0};
    const qn_tokenizer_info *info = qn_tokenizer_about(t);
    require(qn_tokenizer_scratch_open(&s, t, &err) == QN_OK);
    for (unsigned flags = 0; flags < 4; flags++) {
        qn_status st = qn_tokenize(t, s, sizeof text - 1, text, flags, &ids, &err);
        require(st == QN_OK || err.text[0]);
    }
    for (size_t i = 0; i < ids.n; i++)
        require(ids.ids[i] < info->n_tokens);
    require(qn_detokenize(t, ids.n, ids.ids, 0, &out, &err) == QN_OK);
    for (uint32_t id = 0; id < info->n_tokens; id++)
        require(qn_detokenize(t, 1, &id, id % 8, &out, &err) == QN_OK);
    for (uint32_t id = 0; id < info->n_tokens; id++) {
        size_t n;
        const uint8_t *bytes = qn_token_bytes(t, id, &n);
        uint32_t found = qn_token_named(t, n, bytes);
        require(n == 0 || found == QN_NO_TOKEN || found < info->n_tokens);
    }
    qn_buf_release(&out);
    qn_ids_release(&ids);
    qn_tokenizer_scratch_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    qn_gguf g;
    qn_tokenizer *t;
    qn_error err = {0};
    size_t n_live = qn_alloc_live();
    if (qn_gguf_parse_bytes(&g, n_bytes, bytes, &err) != QN_OK)
        return 0; /* the target gguf's business */
    qn_status st = qn_tokenizer_from_gguf(&t, &g, &err);
    qn_gguf_release(&g);
    require(st == QN_OK ? t != NULL : t == NULL && err.text[0] && err.status == st);
    if (t)
        serve(t);
    qn_tokenizer_release(t);
    require(qn_alloc_live() == n_live);
    return 0;
}
