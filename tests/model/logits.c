/* tests/model/logits.c - tiny models of every family give an independent implementation's numbers.
 *
 * Fixtures: tests/oracles/tiny_models.py. */
#include "tests/support/fixture.h"
#include "tests/support/run.h"
#include "tests/support/test.h"

#include "engine/layout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const names[] = {
    "llama-plain",       "llama-tied",          "llama-rope-scaled",  "llama-wide-head",
    "gemma3-plain",      "gemma3-query-scalar", "gemma3-rope-scaled", "qwen2-plain",
    "qwen3-plain",       "qwen3-tied",          "qwen3moe-plain",     "qwen3moe-many",
    "qwen3moe-unnormed",
};

/* The largest difference to the fixture's values as a fraction of their range. */
static double distance(size_t n, const float *got, const float *expected)
{
    float least = expected[0], most = expected[0], worst = 0;
    for (size_t i = 0; i < n; i++) {
        least = fminf(least, expected[i]);
        most = fmaxf(most, expected[i]);
        worst = fmaxf(worst, isfinite(got[i]) ? fabsf(got[i] - expected[i]) : INFINITY);
    }
    return (double)worst / (double)(most - least);
}

static double logits_distance(const qn_fixture *f, const char *path, const qn_test_setting *s)
{
    qn_test_run r;
    qn_test_run_open(&r, path, s);
    const qn_fixture_array *expected = qn_fixture_array_named(f, "logits");
    float *got = qn_test_logits(&r, f->n_ids, f->ids);
    double d = distance(expected->dim[0] * expected->dim[1], got, expected->values);
    free(got);
    qn_test_run_close(&r);
    return d;
}

static void logits_equal_transformers_in_f32_mode(void **state)
{
    (void)state;
    for (size_t i = 0; i < QN_COUNT(names); i++) {
        qn_fixture f;
        qn_fixture_open(&f, names[i]);
        const char *path = qn_fixture_write_gguf(&f, "tiny.gguf", QN_F32, NULL);
        double d = logits_distance(&f, path, &(qn_test_setting){.f32_activations = true});
        print_message("# %s: %.2g of the logits' range\n", names[i], d);
        assert_true(d <= 1e-4);
        qn_fixture_close(&f);
    }
}

/* The residual stream behind layer n, from a model cut off there. */
static double hidden_distance(const qn_fixture *f, size_t n_layers)
{
    char depth[16], key[64];
    snprintf(depth, sizeof depth, "%zu", n_layers);
    snprintf(key, sizeof key, "%s.block_count", f->keys[0].value);
    const qn_fixture_change changes[] = {{key, depth}, {0}};
    const qn_fixture_array *expected = qn_fixture_array_named(f, "hidden");
    size_t n_rows = expected->dim[1], n_embd = expected->dim[2];
    qn_test_run r;
    qn_test_run_open(&r, qn_fixture_write_gguf(f, "cut.gguf", QN_F32, changes),
                     &(qn_test_setting){.f32_activations = true});
    free(qn_test_logits(&r, n_rows, f->ids));
    const float *hidden = (const float *)(const void *)r.engine->forward.space[QN_SPACE_WANTED];
    double d =
        distance(n_rows * n_embd, hidden, expected->values + (n_layers - 1) * n_rows * n_embd);
    qn_test_run_close(&r);
    return d;
}

static void every_layer_equals_transformers(void **state)
{
    (void)state;
    static const char *const with_hidden[] = {"llama-plain", "gemma3-plain", "qwen3moe-plain"};
    for (size_t i = 0; i < QN_COUNT(with_hidden); i++) {
        qn_fixture f;
        qn_fixture_open(&f, with_hidden[i]);
        for (size_t n = 1; n <= qn_fixture_array_named(&f, "hidden")->dim[0]; n++)
            assert_true(hidden_distance(&f, n) <= 1e-4);
        qn_fixture_close(&f);
    }
}

QN_TEST_MAIN(cmocka_unit_test(logits_equal_transformers_in_f32_mode),
             cmocka_unit_test(every_layer_equals_transformers))
