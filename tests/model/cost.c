/* tests/model/cost.c - costs of a small program, summed by hand. */
#include "tests/support/test.h"

#include "model/cost.h"

static qn_op ops[] = {
    {.kind = QN_OP_EMBED, .matrix = {.n_in = 64, .n_out = 1000, .n_row_bytes = 68}},
    {.kind = QN_OP_LINEAR,
     .a = {.is_act = true},
     .matrix = {.n_in = 64, .n_out = 10, .n_row_bytes = 68}},
    {.kind = QN_OP_LINEAR, .matrix = {.n_in = 64, .n_out = 5, .n_row_bytes = 128}},
    {.kind = QN_OP_NORM},
    {.kind = QN_OP_LINEAR,
     .a = {.is_act = true},
     .matrix = {.n_in = 64, .n_out = 1000, .n_row_bytes = 68}},
};

static const qn_program program = {
    .n_ops = 5,
    .n_body = 4,
    .ops = ops,
    .n_heads = 4,
    .kv = {.k_type = QN_KV_F16,
           .v_type = QN_KV_F16,
           .n_heads = 2,
           .k_dim = 8,
           .v_dim = 16,
           .n_groups = 2,
           .group = {{.n_layers = 1}, {.n_layers = 2, .window = 10}}},
};

enum { BODY = 10 * 68 + 5 * 128, HEAD = 1000 * 68, LAYER_TOKEN = 2 * (8 + 16) * 2 };

static void a_step_of_decoding_shares_its_weights_and_not_its_past(void **state)
{
    (void)state;
    const qn_work w = {
        .depth = 99, .n_tokens = 3, .n_rows = 4, .n_sequence_rows = 1, .n_with_logits = 3};
    const qn_cost c = qn_program_cost(&program, &w);
    assert_true(c.weight_bytes == 68 + (BODY + HEAD) / 4.0);
    assert_true(c.kv_bytes == (101.0 + 2 * 10) * LAYER_TOKEN); /* 100, 101 and 102 are seen */
    assert_true(c.int8_ops == 2.0 * 64 * (10 + 1000));
    assert_true(c.float_ops == 2.0 * 64 * 5);
    assert_true(c.attention_ops == 2.0 * 4 * (8 + 16) * (101 + 2 * 10));
}

static void a_prompt_reads_weights_and_past_once_a_step_and_its_head_once(void **state)
{
    (void)state;
    const qn_work w = {
        .depth = 0, .n_tokens = 8, .n_rows = 4, .n_sequence_rows = 4, .n_with_logits = 1};
    const qn_cost c = qn_program_cost(&program, &w);
    assert_true(c.weight_bytes == 68 + BODY / 4.0 + HEAD / 8.0);
    assert_true(c.kv_bytes == 3 * 4.5 * LAYER_TOKEN / 4);
    assert_true(c.int8_ops == 2.0 * 64 * (10 + 1000 / 8.0));
}

static void
experts_are_multiplied_by_as_often_as_chosen_and_read_where_any_row_chose_them(void **state)
{
    (void)state;
    qn_op experts[] = {{.kind = QN_OP_EXPERT_GATE,
                        .a = {.is_act = true},
                        .n_experts = 4,
                        .n_used = 2,
                        .matrix = {.n_in = 64, .n_out = 10, .n_row_bytes = 68},
                        .up = {.n_in = 64, .n_out = 10, .n_row_bytes = 36}},
                       {.kind = QN_OP_EXPERT_SUM,
                        .n_experts = 4,
                        .n_used = 2,
                        .matrix = {.n_in = 10, .n_out = 64, .n_row_bytes = 20}}};
    const qn_program p = {.n_ops = 2, .n_body = 2, .ops = experts, .n_heads = 1};
    qn_work w = {.n_tokens = 6, .n_rows = 1, .n_sequence_rows = 1, .n_with_logits = 6};
    enum { EXPERT = 10 * 68 + 10 * 36 + 64 * 20 };
    qn_cost c = qn_program_cost(&p, &w);
    assert_true(c.weight_bytes == 2.0 * EXPERT);
    assert_true(c.int8_ops == 2.0 * 2 * 64 * (10 + 10));
    assert_true(c.float_ops == 2.0 * 2 * 64 * 10);
    w.n_rows = 3; /* an expert is chosen by none of three rows with probability 1/8 */
    c = qn_program_cost(&p, &w);
    assert_true(c.weight_bytes == 4 * (1 - 0.125) / 3 * EXPERT);
}

QN_TEST_MAIN(cmocka_unit_test(a_step_of_decoding_shares_its_weights_and_not_its_past),
             cmocka_unit_test(a_prompt_reads_weights_and_past_once_a_step_and_its_head_once),
             cmocka_unit_test(
                 experts_are_multiplied_by_as_often_as_chosen_and_read_where_any_row_chose_them))
