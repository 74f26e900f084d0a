/* bench/text/tokenize.c - MB/s of encoding and decoding, and the time to load a vocabulary.
 *
 *     tokenize VOCAB TEXT [REPS]     VOCAB a file that `quern tokenize` takes, or one of
 *                                    tests/oracles/vocab_file.py, TEXT any file
 *
 * cold: the first pass with a fresh scratch; warm: median of the passes after it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "bench/timing.h"
#include "tests/support/vocab_file.h"
#include "weights/gguf.h"

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_times(const char *what, size_t n_bytes, size_t n, double *ms)
{
    qsort(ms, n, sizeof *ms, by_value);
    double mb = (double)n_bytes / 1e6;
    printf("%-12s %9.1f MB/s  (%.1f to %.1f, %zu passes)\n", what, mb / ms[n / 2] * 1e3,
           mb / ms[n - 1] * 1e3, mb / ms[0] * 1e3, n);
}

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), n_end = strlen(end);
    return n >= n_end && strcmp(path + n - n_end, end) == 0;
}

static qn_status load_gguf(qn_tokenizer **t, const char *path, qn_error *err)
{
    qn_gguf g;
    QN_TRY(qn_gguf_open(&g, path, err));
    qn_status st = qn_tokenizer_from_gguf(t, &g, err);
    qn_gguf_release(&g);
    return st;
}

/* From the path, page cache warm; of a .vocab file what is timed begins behind its reading. */
static bool load(const char *path, size_t n_reps, qn_tokenizer **t, double *ms)
{
    qn_buf file = {0};
    qn_vocab_source source;
    qn_error err = {0};
    bool vocab = ends_in(path, ".vocab"), gguf = ends_in(path, ".gguf");
    bool ok = !vocab || (qn_buf_read_file(&file, path, 1u << 30, &err) == QN_OK &&
                         qn_test_vocab_read(file.n_bytes, (const uint8_t *)file.bytes, &source));
    for (size_t i = 0; ok && i < n_reps; i++) {
        qn_tokenizer_release(*t);
        double start = 1e3 * bench_seconds(CLOCK_THREAD_CPUTIME_ID); /* the machine may be shared */
        qn_status st = vocab  ? qn_tokenizer_from_source(t, &source, &err)
                       : gguf ? load_gguf(t, path, &err)
                              : qn_tokenizer_open(t, path, &err);
        ok = st == QN_OK;
        ms[i] = 1e3 * bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
    }
    if (!ok)
        fprintf(stderr, "tokenize: %s\n", err.text);
    qn_buf_release(&file);
    return ok;
}

enum { MAX_REPS = 1000 };

static int measure(const char *vocab, const qn_buf *text, size_t n_reps)
{
    static double ms[MAX_REPS];
    qn_tokenizer *t = NULL;
    qn_tokenizer_scratch *s = NULL;
    qn_error err = {0};
    qn_ids ids = {0};
    qn_buf back = {0};
    if (!load(vocab, n_reps, &t, ms) || qn_tokenizer_scratch_open(&s, t, &err) != QN_OK)
        return 1;
    qsort(ms, n_reps, sizeof *ms, by_value);
    const qn_tokenizer_info *info = qn_tokenizer_about(t);
    printf("%s %s, %u tokens: load %.1f ms (%.1f to %.1f), %.1f MiB\n", info->model, info->pre,
           info->n_tokens, ms[n_reps / 2], ms[0], ms[n_reps - 1],
           (double)qn_tokenizer_n_bytes(t) / (1 << 20));
    for (size_t i = 0; i <= n_reps; i++) {
        qn_ids_clear(&ids);
        double start = 1e3 * bench_seconds(CLOCK_THREAD_CPUTIME_ID);
        if (qn_tokenize(t, s, text->n_bytes, text->bytes, 0, &ids, &err) != QN_OK)
            return fprintf(stderr, "tokenize: %s\n", err.text), 1;
        double took = 1e3 * bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
        if (i == 0)
            print_times("encode cold", text->n_bytes, 1, &took);
        else
            ms[i - 1] = took;
    }
    print_times("encode warm", text->n_bytes, n_reps, ms);
    for (size_t i = 0; i < n_reps; i++) {
        qn_buf_clear(&back);
        double start = 1e3 * bench_seconds(CLOCK_THREAD_CPUTIME_ID);
        if (qn_detokenize(t, ids.n, ids.ids, 0, &back, &err) != QN_OK)
            return fprintf(stderr, "tokenize: %s\n", err.text), 1;
        ms[i] = 1e3 * bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
    }
    print_times("decode", text->n_bytes, n_reps, ms);
    printf("%zu bytes, %zu ids\n", text->n_bytes, ids.n);
    qn_ids_release(&ids);
    qn_buf_release(&back);
    qn_tokenizer_scratch_close(s);
    qn_tokenizer_release(t);
    return 0;
}

int main(int argc, char **argv)
{
    qn_buf text = {0};
    qn_error err = {0};
    int n_reps = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 9;
    if (argc < 3 || n_reps < 1 || n_reps > MAX_REPS)
        return fprintf(stderr, "usage: tokenize VOCAB TEXT [REPS]\n"), 2;
    if (qn_buf_read_file(&text, argv[2], 1u << 30, &err) != QN_OK)
        return fprintf(stderr, "tokenize: %s\n", err.text), 1;
    int rc = measure(argv[1], &text, (size_t)n_reps);
    qn_buf_release(&text);
    return rc;
}
