/* tests/fuzz/tokenizer_json.c - a hostile tokenizer.json is refused with a sentence, or serves:
 * encodes, and decodes every id, whole and as a stream, within memory that is all given back. */
#include "tests/fuzz/tokenizer_serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* A zero byte ends the document; what is behind it is the tokenizer_config.json. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    qn_tokenizer *t;
    qn_error err = {0};
    size_t n_live = qn_alloc_live();
    const uint8_t *zero = n_bytes ? memchr(bytes, 0, n_bytes) : NULL;
    size_t n_json = zero ? (size_t)(zero - bytes) : n_bytes;
    const qn_str config = {(const char *)bytes + n_json + 1, zero ? n_bytes - n_json - 1 : 0};
    qn_status st = qn_tokenizer_from_json(&t, (qn_str){(const char *)bytes, n_json},
                                          zero ? &config : NULL, zero ? &config : NULL, &err);
    qn_fuzz_require(st == QN_OK ? t != NULL : t == NULL && err.text[0] && err.status == st);
    if (t)
        qn_fuzz_serve(t);
    qn_tokenizer_release(t);
    qn_fuzz_require(qn_alloc_live() == n_live);
    return 0;
}
