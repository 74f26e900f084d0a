/* tests/fuzz/tokenizer_files.c - a hostile tokenizer.model, tekken.json or tiktoken file is refused
 * with a sentence, or serves, within memory that is all given back. The first byte says which: s,
 * t, a tiktoken file, n, one of a published size whose first lines are made here, else tekken.json.
 */
#include "tests/fuzz/tokenizer_serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* Lines of three letters each, all but the last few of a published vocabulary; those are the input.
 */
static void make_lines(qn_buf *lines, uint8_t which)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const uint32_t sizes[] = {50256, 100256, 128000, 151643};
    uint32_t n = sizes[which / 8 % QN_COUNT(sizes)] - which % 8;
    for (uint32_t i = 0; i < n; i++)
        qn_buf_format(lines, "%c%c%c%c %u\n", digits[16 + i / 4096 / 64], digits[i / 4096 % 64],
                      digits[i / 64 % 64], digits[i % 64], i);
}

static qn_status read_made(qn_tokenizer **t, size_t n, const uint8_t *bytes, qn_error *err)
{
    qn_buf lines = {0};
    make_lines(&lines, n ? bytes[0] : 0);
    qn_buf_append(&lines, n ? n - 1 : 0, bytes + (n > 0));
    qn_status st = qn_tokenizer_from_tiktoken(t, (qn_str){lines.bytes, lines.n_bytes}, err);
    qn_buf_release(&lines);
    return st;
}

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
                   : bytes[0] == 'n' ? read_made(&t, n_bytes - 1, bytes + 1, &err)
                                     : qn_tokenizer_from_tekken(&t, text, &err);
    qn_fuzz_require(st == QN_OK ? t != NULL : t == NULL && err.text[0] && err.status == st);
    if (t)
        qn_fuzz_serve(t);
    qn_tokenizer_release(t);
    qn_fuzz_require(qn_alloc_live() == n_live);
    return 0;
}
