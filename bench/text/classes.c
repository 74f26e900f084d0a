/* bench/text/classes.c - a mebibyte of every class of characters through every kind of tokenizer.
 *
 *     classes [FILE...]     FILE a tokenizer more, as `quern tokenize` takes them
 *
 * Of each general category one character over and over and all of them in turn, and bytes that are
 * none, through every pre-tokenizer of byte-level BPE and every small tokenizer of the fixtures.
 * Prints the slowest text of each tokenizer in ms of CPU time, and ends with the slowest of all. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "bench/timing.h"
#include "tests/support/vocab_file.h"
#include "text/unicode.h"

enum { N = 1 << 20, N_CATEGORIES = 30, MOST_TEXTS = 2 * N_CATEGORIES + 4 };

static const char *const names[N_CATEGORIES] = {
    "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps",
    "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co"};

static const char *const pres[] = {
#define X(name, ...) name,
#include "text/pretokenizers.def"
#undef X
};

typedef struct text {
    char name[32];
    size_t n;
    char *bytes;
} text;

static text texts[MOST_TEXTS];
static size_t n_texts;
static double slowest;
static char slowest_name[300];

static void add_repeated(const char *name, const char *how, size_t n, const char *bytes)
{
    text *t = &texts[n_texts++];
    snprintf(t->name, sizeof t->name, "%s %s", name, how);
    t->bytes = qn_alloc(N + 4);
    for (t->n = 0; t->bytes && t->n < N; t->n += n)
        memcpy(t->bytes + t->n, bytes, n);
}

/* The first character that Unicode has of the category, and all of them in turn. */
static void add_category(unsigned category)
{
    static char all[N + 4], one[4];
    size_t n_all = 0, n_one = 0;
    for (uint32_t code = 0; code < 0x110000 && n_all < N; code++) {
        char c[4];
        size_t n = qn_unicode_class(code) & 1u << category ? qn_utf8_encode(code, c) : 0;
        if (n && !n_one)
            memcpy(one, c, n_one = n);
        memcpy(all + n_all, c, n);
        n_all += n;
    }
    if (!n_one)
        return; /* surrogates */
    add_repeated(names[category], "one", n_one, one);
    text *t = &texts[n_texts++];
    snprintf(t->name, sizeof t->name, "%s all", names[category]);
    t->bytes = qn_alloc(N + 4);
    for (size_t n; t->bytes && t->n < N; t->n += n) {
        n = QN_MIN(n_all, N - t->n); /* its last character may be cut */
        memcpy(t->bytes + t->n, all, n);
    }
}

static void measure(const char *name, const qn_tokenizer *t)
{
    qn_error err = {0};
    double worst = 0;
    const char *of = "";
    for (size_t i = 0; i < n_texts; i++) {
        qn_tokenizer_scratch *s;
        qn_ids ids = {0};
        if (qn_tokenizer_scratch_open(&s, t, &err) != QN_OK)
            exit(1);
        double start = 1e3 * bench_seconds(CLOCK_THREAD_CPUTIME_ID);
        qn_status st = qn_tokenize(t, s, texts[i].n, texts[i].bytes, 0, &ids, &err);
        double took = 1e3 * bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
        if (st != QN_OK)
            printf("  %s: %s: %s\n", name, texts[i].name, err.text);
        if (took > worst)
            worst = took, of = texts[i].name;
        qn_ids_release(&ids);
        qn_tokenizer_scratch_close(s);
    }
    printf("%-44s %8.1f ms  %s\n", name, worst, of);
    fflush(stdout);
    if (worst > slowest) {
        slowest = worst;
        snprintf(slowest_name, sizeof slowest_name, "%.200s, %.40s", name, of);
    }
}

static void measure_file(const char *path)
{
    qn_tokenizer *t;
    qn_error err = {0};
    if (qn_tokenizer_open(&t, path, &err) == QN_OK)
        measure(path, t);
    else
        fprintf(stderr, "classes: %s\n", err.text);
    qn_tokenizer_release(t);
}

static void measure_pre(const char *vocab, const char *pre)
{
    qn_buf file = {0};
    qn_vocab_source source;
    qn_tokenizer *t = NULL;
    qn_error err = {0};
    if (qn_buf_read_file(&file, vocab, 1u << 30, &err) == QN_OK &&
        qn_test_vocab_read(file.n_bytes, (const uint8_t *)file.bytes, &source)) {
        if (pre)
            source.pre = qn_str_of(pre);
        if (qn_tokenizer_from_source(&t, &source, &err) == QN_OK)
            measure(pre ? pre : vocab, t);
    }
    qn_tokenizer_release(t);
    qn_buf_release(&file);
}

static void measure_fixtures(const char *folder)
{
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[512];
        size_t n = strlen(e->d_name);
        bool json = n > 5 && strcmp(e->d_name + n - 5, ".json") == 0;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (json || (n > 6 && strcmp(e->d_name + n - 6, ".model") == 0))
            measure_file(path);
    }
    if (d)
        closedir(d);
}

int main(int argc, char **argv)
{
    for (unsigned c = 0; c < N_CATEGORIES; c++)
        add_category(c);
    add_repeated("bytes", "FF", 1, "\xFF");
    add_repeated("bytes", "80", 1, "\x80");
    add_repeated("bytes", "E2 82", 2, "\xE2\x82");
    add_repeated("marks", "U+2581", 3, "\xE2\x96\x81");
    for (size_t i = 0; i < QN_COUNT(pres); i++)
        measure_pre("tests/fixtures/text/bpe.vocab", pres[i]);
    measure_pre("tests/fixtures/text/spm.vocab", NULL);
    measure_pre("tests/fixtures/text/spm-prefix.vocab", NULL);
    measure_pre("tests/fixtures/text/spm-unknown.vocab", NULL);
    measure_fixtures("tests/fixtures/text/json");
    for (int i = 1; i < argc; i++)
        measure_file(argv[i]);
    printf("slowest: %.1f ms, %s\n", slowest, slowest_name);
    for (size_t i = 0; i < n_texts; i++)
        qn_free(texts[i].bytes);
    return 0;
}
