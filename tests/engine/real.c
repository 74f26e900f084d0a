/* tests/engine/real.c - two real models say what transformers says, token by token, in f32 mode.
 *
 * Fixtures: tests/oracles/real_models.py. The models come from script/fetch-model. */
#include "tests/support/run.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_IDS = 1024,
    /* Tokens of a text that are run: under a sanitizer each takes up to half a second. */
    MOST_RUN = QN_THREAD_SANITIZED ? 16
               : QN_SANITIZED      ? 64
                                   : MOST_IDS,
    LEAST_CONTINUED = MOST_RUN < MOST_IDS ? MOST_RUN / 4 : 64
};

/* A prompt and its greedy continuation, or a text with its log-probabilities. */
typedef struct text {
    qn_str prompt;
    size_t n_ids, n_prompt, n_second, n_numbers;
    uint32_t ids[MOST_IDS], second[MOST_IDS];
    double numbers[MOST_IDS]; /* gap to the second best, or log-probability */
} text;

static void read_ids(qn_json *j, size_t *n, uint32_t *ids)
{
    for (qn_json_enter(j, QN_JSON_ARRAY); qn_json_next(j);) {
        assert_true(*n < MOST_IDS);
        ids[(*n)++] = (uint32_t)qn_json_i64(j);
    }
}

static void read_numbers(qn_json *j, text *t)
{
    for (qn_json_enter(j, QN_JSON_ARRAY); qn_json_next(j);) {
        assert_true(t->n_numbers < MOST_IDS);
        t->numbers[t->n_numbers++] = qn_json_f64(j);
    }
}

static void read_text(qn_json *j, text *t)
{
    qn_str key;
    memset(t, 0, sizeof *t);
    qn_json_enter(j, QN_JSON_OBJECT);
    while (qn_json_next_key(j, &key)) {
        if (qn_str_is(key, "prompt") || (qn_str_is(key, "text") && !t->prompt.bytes))
            t->prompt = qn_json_string(j);
        else if (qn_str_is(key, "ids"))
            read_ids(j, &t->n_ids, t->ids), t->n_prompt = t->n_ids;
        else if (qn_str_is(key, "continuation"))
            read_ids(j, &t->n_ids, t->ids);
        else if (qn_str_is(key, "second"))
            read_ids(j, &t->n_second, t->second);
        else if (qn_str_is(key, "gap") || qn_str_is(key, "logprob"))
            read_numbers(j, t);
    }
}

/* Calls see for each object of the list (or the one object) under this key of the fixture. */
static void each_text(const char *model, const char *key, void (*see)(qn_test_run *, text *),
                      qn_test_run *r)
{
    static text t;
    char path[128];
    qn_error err = {0};
    qn_buf file = {0};
    qn_json j;
    qn_str name;
    qn_region strings = qn_region_of(1 << 24);
    snprintf(path, sizeof path, "tests/fixtures/real/%s.json", model);
    assert_int_equal(qn_buf_read_file(&file, path, 1 << 22, &err), QN_OK);
    qn_json_init(&j, file.n_bytes, file.bytes, &strings);
    qn_json_enter(&j, QN_JSON_OBJECT);
    while (qn_json_next_key(&j, &name)) {
        if (!qn_str_is(name, key))
            continue;
        if (qn_json_peek(&j) == QN_JSON_OBJECT) {
            read_text(&j, &t);
            see(r, &t);
            continue;
        }
        for (qn_json_enter(&j, QN_JSON_ARRAY); qn_json_next(&j);) {
            read_text(&j, &t);
            see(r, &t);
        }
    }
    assert_int_equal(qn_json_end(&j, &err), QN_OK);
    qn_region_release(&strings);
    qn_buf_release(&file);
}

static void assert_same_tokens(qn_test_run *r, const text *t)
{
    qn_error err = {0};
    qn_tokenizer_scratch *s;
    qn_ids ids = {0};
    bool bos = t->n_prompt > 0 && t->ids[0] == qn_tokenizer_about(r->model.tokenizer)->bos;
    unsigned flags =
        QN_TOKENIZE_PARSE_SPECIAL |
        (bos && qn_tokenizer_about(r->model.tokenizer)->add_bos ? QN_TOKENIZE_ADD_SPECIAL : 0);
    assert_int_equal(qn_tokenizer_scratch_open(&s, r->model.tokenizer, &err), QN_OK);
    assert_int_equal(
        qn_tokenize(r->model.tokenizer, s, t->prompt.n_bytes, t->prompt.bytes, flags, &ids, &err),
        QN_OK);
    assert_int_equal(ids.n, t->n_prompt);
    assert_memory_equal(ids.ids, t->ids, ids.n * sizeof *ids.ids);
    qn_ids_release(&ids);
    qn_tokenizer_scratch_close(s);
}

/* Every continued token is the best one, given those before it; where another is, the two logits
 * are less than a hundredth apart. */
static void assert_greedy(qn_test_run *r, text *t)
{
    uint32_t n_vocab = r->model.program.n_vocab;
    assert_same_tokens(r, t);
    if (t->n_prompt + LEAST_CONTINUED > MOST_RUN)
        return;
    t->n_ids = QN_MIN(t->n_ids, (size_t)MOST_RUN);
    assert_true(t->n_ids - t->n_prompt >= LEAST_CONTINUED);
    print_message("# %zu continued tokens\n", t->n_ids - t->n_prompt);
    float *logits = qn_test_logits(r, t->n_ids, t->ids);
    for (size_t i = t->n_prompt; i < t->n_ids; i++) {
        uint32_t best = qn_argmax(n_vocab, logits + (i - 1) * n_vocab);
        if (best == t->ids[i])
            continue;
        print_message("# token %zu: %u instead of %u, gap %g\n", i, best, t->ids[i],
                      t->numbers[i - t->n_prompt]);
        assert_int_equal(best, t->second[i - t->n_prompt]);
        assert_true(t->numbers[i - t->n_prompt] < 0.01);
    }
    free(logits);
}

static void assert_scores(qn_test_run *r, text *t)
{
    uint32_t n_vocab = r->model.program.n_vocab;
    size_t n_before = t->n_ids - t->n_numbers; /* the first has no prediction */
    t->n_ids = QN_MIN(t->n_ids, (size_t)MOST_RUN);
    float *logits = qn_test_logits(r, t->n_ids, t->ids);
    double worst = 0;
    for (size_t i = n_before; i < t->n_ids; i++) {
        qn_logit_stats stats;
        const float *row = logits + (i - 1) * n_vocab;
        qn_sum_logits(n_vocab, row, &stats);
        worst = fmax(worst,
                     fabs((double)qn_logprob(&stats, row[t->ids[i]]) - t->numbers[i - n_before]));
    }
    print_message("# largest difference of %zu log-probabilities: %.2g\n", t->n_ids - n_before,
                  worst);
    assert_true(worst < 2e-3);
    free(logits);
}

static void check_model(const char *name)
{
    const char *path = qn_test_model(name);
    if (!path)
        QN_SKIP("%s is not in the model cache; script/fetch-model %s", name, name);
    qn_test_run r;
    qn_test_run_open(&r, path,
                     &(qn_test_setting){.f32_activations = true, .n_ctx = 2048, .n_threads = 2});
    each_text(name, "greedy", assert_greedy, &r);
    each_text(name, "score", assert_scores, &r);
    qn_test_run_close(&r);
}

static void smollm2_equals_transformers(void **state)
{
    (void)state;
    check_model("smollm2");
}

static void gemma3_equals_transformers(void **state)
{
    (void)state;
    check_model("gemma3-270m");
}

QN_TEST_MAIN(cmocka_unit_test(smollm2_equals_transformers),
             cmocka_unit_test(gemma3_equals_transformers))
