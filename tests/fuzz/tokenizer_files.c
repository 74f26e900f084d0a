/* tests/fuzz/tokenizer_files.c - a hostile tokenizer.model, tekken.json or tiktoken file is refused
 * with a sentence, or serves, within memory that is all given back. The first byte says which: s,
 * t, a tiktoken file, n, one of a published size whose first lines are made here, else tekken.json.
 * A zero byte ends tiktoken's lines; what is behind it is the tokenizer_config.json.
 */
#include "tests/fuzz/tokenizer_serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* Lines of three letters each, all but the last few of a published vocabulary; those are the input.
 */
static void make_lines(qn_buf *lines, uint8_t which)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const uint32_t sizes[] = {50256, 100256, 128000, 151643, 127957, 163584, 199998, 200000};
    uint32_t n = sizes[which / 8 % QN_COUNT(sizes)] - which % 8;
    for (uint32_t i = 0; i < n; i++)
        qn_buf_format(lines, "%c%c%c%c %u\n", digits[16 + i / 4096 / 64], digits[i / 4096 % 64],
                      digits[i / 64 % 64], digits[i % 64], i);
}

static qn_status read_lines(qn_tokenizer **t, qn_str lines, const char *name, qn_error *err)
{
    const char *zero = lines.n_bytes ? memchr(lines.bytes, 0, lines.n_bytes) : NULL;
    size_t n = zero ? (size_t)(zero - lines.bytes) : lines.n_bytes;
    const qn_str config = {zero ? zero + 1 : NULL, zero ? lines.n_bytes - n - 1 : 0};
    const qn_tiktoken_file file = {.lines = {lines.bytes, n},
                                   .name = name,
                                   .config = zero ? &config : NULL,
                                   .generation = zero ? &config : NULL};
    return qn_tokenizer_from_tiktoken(t, &file, err);
}

static qn_status read_made(qn_tokenizer **t, size_t n, const uint8_t *bytes, qn_error *err)
{
    qn_buf lines = {0};
    uint8_t which = n ? bytes[0] : 0;
    make_lines(&lines, which);
    qn_buf_append(&lines, n ? n - 1 : 0, bytes + (n > 0));
    const char *name = which >= 128 ? "o200k_harmony.tiktoken" : NULL;
    qn_status st = read_lines(t, (qn_str){lines.bytes, lines.n_bytes}, name, err);
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
                   : bytes[0] == 't' ? read_lines(&t, text, "p50k_edit", &err)
                   : bytes[0] == 'n' ? read_made(&t, n_bytes - 1, bytes + 1, &err)
                                     : qn_tokenizer_from_tekken(&t, text, &err);
    qn_fuzz_require(st == QN_OK ? t != NULL : t == NULL && err.text[0] && err.status == st);
    if (t)
        qn_fuzz_serve(t);
    qn_tokenizer_release(t);
    qn_fuzz_require(qn_alloc_live() == n_live);
    return 0;
}
