/* tests/model/place.c - threads meet as seldom as the data allows, and memory is used again. */
#include "tests/support/random_model.h"
#include "tests/support/run.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

#include "kernel/act.h"

#include <stdio.h>

typedef struct counts {
    size_t n_barriers, n_few; /* of one layer in the middle */
    size_t row_bytes;
} counts;

static counts count(const char *shape, const char *encoding, bool f32)
{
    char name[64];
    qn_model m;
    qn_error err;
    counts c = {0};
    snprintf(name, sizeof name, "%s-%s.gguf", shape, encoding);
    const char *path = qn_test_file(name, 0, "");
    assert_true(qn_random_model_write(path, qn_model_shape_named(shape), encoding, 3));
    qn_model_options o = {.f32_activations = f32};
    assert_int_equal(qn_model_open(&m, path, &o, &err), QN_OK);
    const qn_program *p = &m.program;
    for (size_t i = 0; i < p->n_body; i++)
        if (p->ops[i].layer == 1) {
            c.n_barriers += p->ops[i].barrier;
            c.n_few += p->ops[i].barrier_few;
        }
    c.row_bytes = p->row_bytes[QN_SPACE_ROWS];
    qn_model_close(&m);
    return c;
}

/* Around each of: Q K V, attention, its output, gate and up, down. */
static void threads_meet_ten_times_a_layer_and_five_with_few_rows(void **state)
{
    (void)state;
    static const char *const shapes[] = {"tiny", "tiny-windowed", "tiny-normed"};
    for (size_t i = 0; i < QN_COUNT(shapes); i++) {
        counts c = count(shapes[i], "Q8_0", false);
        assert_int_equal(c.n_barriers, 10);
        assert_int_equal(c.n_few, 5);
    }
}

static void without_activations_they_meet_as_often(void **state)
{
    (void)state;
    counts c = count("tiny", "F32", true);
    assert_int_equal(c.n_barriers, 9); /* attention is not quantized before its output */
    assert_int_equal(c.n_few, 5);
}

/* X, the angles, H quantized, G and U: what must be there at once. */
static void rows_take_no_more_memory_than_what_lives_at_once(void **state)
{
    (void)state;
    enum { EMBD = 256, FF = 512, HEAD = 32 };
    counts c = count("tiny", "Q8_0", false);
    size_t floats = (EMBD + HEAD + 2 * FF) * sizeof(float);
    assert_true(c.row_bytes >= floats + qn_act_bytes(EMBD));
    assert_true(c.row_bytes <= floats + qn_act_bytes(EMBD) + EMBD * sizeof(float));
}

QN_TEST_MAIN(cmocka_unit_test(threads_meet_ten_times_a_layer_and_five_with_few_rows),
             cmocka_unit_test(without_activations_they_meet_as_often),
             cmocka_unit_test(rows_take_no_more_memory_than_what_lives_at_once))
