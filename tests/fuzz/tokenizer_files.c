/* tests/fuzz/tokenizer_files.c - a hostile tokenizer.model, tekken.json or tiktoken file is refused
 * with a sentence, or serves, within memory that is all given back. The first byte says which. */
#include "tests/fuzz/tokenizer_serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    qn_tokenizer *t;
    qn_error err = {0};
    size_t n_live = qn_alloc_live();
    if (n_bytes == 0)
        return 0;
    const qn_str text = {(const char *)bytes + 1, n_bytes - 1};
    qn_status st = bytes[0] == 's'   ? qn_tokenizer_from_spm(&t, n_bytes - 1, bytes + 1, &err)
                   : bytes[0] == 't' ? qn_tokenizer_from_tiktoken(&t, text, &err)
                                     : qn_tokenizer_from_tekken(&t, text, &err);
    qn_fuzz_require(st == QN_OK ? t != NULL : t == NULL && err.text[0] && err.status == st);
    if (t)
        qn_fuzz_serve(t);
    qn_tokenizer_release(t);
    qn_fuzz_require(qn_alloc_live() == n_live);
    return 0;
}
