/* tests/engine/huge.c - copied weights give the same bits, are planned, and outlive their file. */
#include "tests/support/fixture.h"
#include "tests/support/run.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "engine/huge.h"
#include "engine/plan.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *write_model(qn_fixture *f)
{
    qn_fixture_open(f, "gemma3-plain");
    return qn_fixture_write_gguf(f, "huge.gguf", QN_Q8_0, NULL);
}

static void open_model(qn_model *m, const char *path, qn_weights weights)
{
    qn_error err = {0};
    qn_model_options o = {.k_type = QN_KV_F16, .v_type = QN_KV_F16, .weights = weights};
    assert_int_equal(qn_model_open(m, path, &o, &err), QN_OK);
}

static void open_engine(qn_test_run *r)
{
    qn_error err = {0};
    qn_engine_options o = {.n_ctx = 256, .n_threads = 2, .level = qn_cpu_best()};
    assert_int_equal(qn_engine_open(&r->engine, &r->model, &o, &err), QN_OK);
}

static void a_copy_gives_the_same_bits_and_outlives_its_file(void **state)
{
    (void)state;
    for (qn_weights weights = QN_WEIGHTS_HUGE; weights <= QN_WEIGHTS_PACKED; weights++) {
        qn_fixture f;
        const char *path = write_model(&f);
        qn_test_run map, copied = {0};
        qn_error err = {0};
        qn_test_run_open(&map, path, &(qn_test_setting){.n_ctx = 256});
        float *expected = qn_test_logits(&map, f.n_ids, f.ids);
        open_model(&copied.model, path, weights);
        assert_int_equal(qn_huge_load(&copied.model, 3, &err), QN_OK);
        assert_int_equal(copied.model.program.ops[0].matrix.is_packed,
                         weights == QN_WEIGHTS_PACKED);
        open_engine(&copied);
        assert_int_equal(truncate(path, 4096), 0);
        float *got = qn_test_logits(&copied, f.n_ids, f.ids);
        assert_memory_equal(got, expected, f.n_ids * map.model.program.n_vocab * sizeof *got);
        free(got);
        free(expected);
        qn_test_run_close(&map);
        qn_test_run_close(&copied);
        qn_fixture_close(&f);
    }
}

static void a_copy_is_anonymous_memory_of_the_plan(void **state)
{
    (void)state;
    qn_fixture f;
    const char *path = write_model(&f);
    qn_model m;
    qn_plan in_file, copied;
    qn_error err = {0};
    qn_engine_options o = {.n_ctx = 128, .n_threads = 1, .level = qn_cpu_best()};
    open_model(&m, path, QN_WEIGHTS_HUGE);
    m.weights = QN_WEIGHTS_MAPPED;
    assert_int_equal(qn_plan_engine(&in_file, &m, &o, &err), QN_OK);
    m.weights = QN_WEIGHTS_HUGE;
    assert_int_equal(qn_plan_engine(&copied, &m, &o, &err), QN_OK);
    assert_int_equal(copied.anonymous, in_file.anonymous + qn_huge_bytes(&m));
    assert_int_equal(copied.total, copied.anonymous);
    assert_true(qn_huge_bytes(&m) >= qn_model_weight_bytes(&m));
    qn_model_close(&m);
    qn_fixture_close(&f);
}

static void every_failing_call_is_told_and_leaves_the_model_in_its_file(void **state)
{
    (void)state;
    qn_fixture f;
    const char *path = write_model(&f);
    bool fired = true;
    for (unsigned n = 1; fired; n++) {
        qn_model m;
        qn_error err = {0};
        open_model(&m, path, QN_WEIGHTS_PACKED);
        const uint8_t *first = m.program.ops[0].matrix.bytes;
        qn_fault_arm(n);
        qn_status st = qn_huge_load(&m, 2, &err);
        fired = qn_fault_disarm();
        assert_int_equal(st != QN_OK, fired);
        assert_int_equal(m.program.ops[0].matrix.bytes == first, fired);
        assert_true(!fired || (err.text[0] && !m.huge.bytes));
        qn_model_close(&m);
    }
    qn_fixture_close(&f);
    assert_int_equal(qn_alloc_live(), 0);
}

QN_TEST_MAIN(cmocka_unit_test(a_copy_gives_the_same_bits_and_outlives_its_file),
             cmocka_unit_test(a_copy_is_anonymous_memory_of_the_plan),
             cmocka_unit_test(every_failing_call_is_told_and_leaves_the_model_in_its_file))
