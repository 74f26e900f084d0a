/* tests/text/json_vectors.c - published tokenizer.json, tokenizer.model and tiktoken files give the
 * ids of the reference. tests/oracles/vocab_file.py --all unpacks them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "tests/support/support.h"
#include "tests/support/test.h"
#include "tests/support/vocab_file.h"

typedef struct vectors {
    const char *name, *suffix;
    unsigned flags;
    uint32_t first_added; /* see qn_test_vectors */
    size_t n_differ;      /* see tests/text/vectors.c */
} vectors;

/* A message that spells every special token stays a message, also beside trusted text. */
static void spell_every_special_token(const qn_tokenizer *t)
{
    const qn_tokenizer_info *info = qn_tokenizer_about(t);
    qn_tokenizer_scratch *s;
    qn_buf text = {0};
    qn_ids ids = {0};
    qn_error err = {0};
    size_t n_control = 0;
    for (uint32_t id = 0; id < info->n_tokens; id++) {
        qn_str name = qn_token_name(t, id);
        if (qn_token_kind_of(t, id) != QN_TOKEN_CONTROL)
            continue;
        n_control++;
        qn_buf_append(&text, name.n_bytes, name.bytes);
        qn_buf_append(&text, id % 2, " ");
    }
    const qn_text_part parts[] = {
        {"<", 1, true}, {text.bytes, text.n_bytes, false}, {">", 1, true}};
    assert_int_equal(qn_tokenizer_scratch_open(&s, t, &err), QN_OK);
    assert_int_equal(qn_tokenize_parts(t, s, 3, parts, 0, &ids, &err), QN_OK);
    assert_true(ids.n > n_control);
    for (size_t i = 0; i < ids.n; i++)
        assert_int_not_equal(qn_token_kind_of(t, ids.ids[i]), QN_TOKEN_CONTROL);
    qn_ids_release(&ids);
    qn_buf_release(&text);
    qn_tokenizer_scratch_close(s);
}

/* The data holds them compressed; unpacked ones lie in QUERN_TEST_VOCAB or ~/.cache/quern/vocab. */
static void ids_equal_the_reference(void **state)
{
    const vectors *v = *state;
    char json[4096], rows[4096];
    struct stat st;
    qn_tokenizer *t;
    qn_error err = {0};
    const char *home = getenv("HOME"), *data = qn_test_data(), *folder = getenv("QUERN_TEST_VOCAB");
    snprintf(json, sizeof json, "%s%s/%s%s", folder || !home ? "" : home,
             folder ? folder : "/.cache/quern/vocab", v->name, v->suffix);
    if (strcmp(v->suffix, ".model") == 0)
        snprintf(json, sizeof json, "%s/tokenizers/%s.model", data ? data : "", v->name);
    snprintf(rows, sizeof rows, "%s/tokenizers/%s.jsonl", data ? data : "", v->name);
    if (stat(json, &st) != 0 || !data || stat(rows, &st) != 0)
        QN_SKIP("no %s%s or no vectors for it", v->name, v->suffix);
    if (qn_tokenizer_open(&t, json, &err) != QN_OK)
        fail_msg("%s", err.text);
    qn_test_counts counts = qn_test_vectors(t, rows, v->flags, v->first_added);
    spell_every_special_token(t);
    qn_tokenizer_release(t);
    assert_int_equal(qn_alloc_live(), 0);
    assert_true(counts.n_encoded > 0);
    assert_int_equal(counts.n_wrong, v->n_differ);
}

enum { HF = QN_TEST_HUGGING_FACE };
#define NONE UINT32_MAX

// clang-format off
static vectors all[] = {
    {"gpt2", ".tokenizer.json", HF, NONE, 0},
    {"llama3_1", ".tokenizer.json", HF, NONE, 0},
    {"qwen2_5", ".tokenizer.json", HF, 151643, 0},
    {"qwen3", ".tokenizer.json", HF, 151643, 0},
    {"deepseek_v3", ".tokenizer.json", HF, 128000, 0},
    {"gpt4o", ".tokenizer.json", HF, NONE, 0},
    {"mistral_nemo", ".tokenizer.json", HF, NONE, 0},
    {"roberta_base", ".tokenizer.json", HF, NONE, 0},
    {"whisper_large_v3", ".tokenizer.json", HF, 50257, 0},
    {"gemma3", ".tokenizer.json", HF, NONE, 2},
    {"gemma2", ".tokenizer.json", HF, NONE, 0},
    {"mistral_v1_hf", ".tokenizer.json", HF, NONE, 0},
    {"phi3_mini", ".tokenizer.json", HF, NONE, 0},
    {"yi", ".tokenizer.json", HF, NONE, 4},
    {"spm_mistral_v1", ".model", 0, NONE, 0},
    {"spm_mistral_v3", ".model", 0, NONE, 0},
    {"tiktoken_cl100k_base", ".tiktoken", 0, NONE, 0},
    {"tiktoken_o200k_base", ".tiktoken", 0, NONE, 0},
};
// clang-format on

int main(void)
{
    struct CMUnitTest tests[QN_COUNT(all)];
    for (size_t i = 0; i < QN_COUNT(all); i++)
        tests[i] = (struct CMUnitTest){all[i].name, ids_equal_the_reference, NULL, NULL, &all[i]};
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
