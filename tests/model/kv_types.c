/* tests/model/kv_types.c - quantized keys and values stay near an independent implementation, and
 * the distance notices what is wrong with them.
 *
 * Fixtures: tests/oracles/tiny_models.py, those whose heads have 16 or 32 values. */
#include "tests/support/fixture.h"
#include "tests/support/run.h"
#include "tests/support/test.h"

#include "engine/layout.h"
#include "kernel/f16.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef void append(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                    const float *x, size_t stride);

typedef struct mistake {
    const char *what;
    void (*hadamard)(size_t n, size_t n_block, float *x);
    append *append_k, *append_v;
} mistake;

/* The root mean square of the differences of logits, in float activations, as a share of the
 * logits' own. */
static double distance(const qn_fixture *f, const char *path, qn_kv_type k_type, qn_kv_type v_type,
                       const mistake *m)
{
    qn_test_run r;
    qn_test_run_open(&r, path,
                     &(qn_test_setting){.f32_activations = true,
                                        .n_threads = 1,
                                        .has_kv = true,
                                        .k_type = k_type,
                                        .v_type = v_type});
    qn_kernels kernels = *r.engine->kernels;
    kernels.hadamard = m && m->hadamard ? m->hadamard : kernels.hadamard;
    kernels.kv_append_k = m && m->append_k ? m->append_k : kernels.kv_append_k;
    kernels.kv_append_v = m && m->append_v ? m->append_v : kernels.kv_append_v;
    r.engine->forward.kernels = &kernels;
    const qn_fixture_array *e = qn_fixture_array_named(f, "logits");
    size_t n = e->dim[0] * e->dim[1];
    double sum = 0, squares = 0, errors = 0;
    float *got = qn_test_logits(&r, f->n_ids, f->ids);
    for (size_t i = 0; i < n; i++) {
        double x = (double)e->values[i], y = isfinite(got[i]) ? (double)got[i] : 1e9;
        sum += x, squares += x * x, errors += (x - y) * (x - y);
    }
    free(got);
    qn_test_run_close(&r);
    return sqrt(errors / (squares - sum * sum / (double)n));
}

/* Bounds of the distance, by type. */
static const double bounds[QN_N_KV_TYPES] = {1e-5, 4e-3, 0.06, 0.5};

static void logits_stay_near_those_of_transformers(void **state)
{
    static const char *const names[] = {"llama-plain", "gemma3-plain", "qwen2-plain",
                                        "qwen3-plain"};
    (void)state;
    for (size_t i = 0; i < QN_COUNT(names); i++) {
        qn_fixture f;
        qn_fixture_open(&f, names[i]);
        const char *path = qn_fixture_write_gguf(&f, "near.gguf", QN_F32, NULL);
        for (qn_kv_type type = 0; type < QN_N_KV_TYPES; type++) {
            if (type == QN_KV_Q4_0 && strcmp(names[i], "gemma3-plain") != 0)
                continue; /* heads of 16 */
            double d = distance(&f, path, type, type, NULL);
            print_message("# %s, %s: %.2g of the logits\n", names[i], qn_kv_type_name(type), d);
            assert_true(d <= bounds[type]);
        }
        qn_fixture_close(&f);
    }
}

/* --- mistakes --- */

static void rotate_keys_only(size_t n, size_t n_block, float *x)
{
    if (n == 64) /* two heads of keys; queries have four */
        qn_hadamard(n, n_block, x);
}

static void multiply_scale(void *page, size_t slot, size_t n_rows, size_t dim, float factor)
{
    uint16_t *scales = page;
    for (size_t g = 0; g < qn_kv_groups(dim); g++)
        for (size_t i = slot | 1; i < slot + n_rows; i += 2) { /* a norm would undo it for all */
            uint16_t *s = &scales[g * QN_PAGE_TOKENS + i];
            *s = (uint16_t)(qn_bits_of_float(qn_bf16(*s) * factor) >> 16);
        }
}

static void double_key_scales(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                              const float *x, size_t stride)
{
    qn_kv_append_k(type, page, slot, n_rows, dim, x, stride);
    multiply_scale(page, slot, n_rows, dim, 2);
}

static void grow_value_scales(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                              const float *x, size_t stride)
{
    qn_kv_append_v(type, page, slot, n_rows, dim, x, stride);
    multiply_scale(page, slot, n_rows, dim, 8);
}

static void shift_keys(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                       const float *x, size_t stride)
{
    for (size_t r = 0; r < n_rows; r++)
        qn_kv_append_k(type, page, (slot + r + 1) % QN_PAGE_TOKENS, 1, dim, x + r * stride, stride);
}

static void swap_values(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                        const float *x, size_t stride)
{
    for (size_t r = 0; r < n_rows; r++) {
        float row[64];
        for (size_t d = 0; d < dim; d++)
            row[d] = x[r * stride + (d ^ 16)];
        qn_kv_append_v(type, page, slot + r, 1, dim, row, dim);
    }
}

static void mistakes_are_noticed(void **state)
{
    static const mistake mistakes[] = {
        {.what = "queries that are not rotated", .hadamard = rotate_keys_only},
        {.what = "scales of keys", .append_k = double_key_scales},
        {.what = "scales of values", .append_v = grow_value_scales},
        {.what = "keys a slot too early", .append_k = shift_keys},
        {.what = "halves of a group of values", .append_v = swap_values},
    };
    (void)state;
    qn_fixture f;
    qn_fixture_open(&f, "gemma3-plain");
    const char *path = qn_fixture_write_gguf(&f, "mistaken.gguf", QN_F32, NULL);
    for (qn_kv_type type = QN_KV_Q8_0; type <= QN_KV_Q4_0; type++)
        for (size_t i = 0; i < QN_COUNT(mistakes); i++) {
            double d = distance(&f, path, type, type, &mistakes[i]);
            print_message("# %s, %s: %.2g\n", qn_kv_type_name(type), mistakes[i].what, d);
            assert_true(d > bounds[type]);
        }
    qn_fixture_close(&f);
}

QN_TEST_MAIN(cmocka_unit_test(logits_stay_near_those_of_transformers),
             cmocka_unit_test(mistakes_are_noticed))
