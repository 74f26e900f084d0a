/* tests/engine/mask.c - the tokens of {% generation %} blocks are those that transformers finds.
 *
 * Fixture: tests/oracles/generation_masks.py. */
#include "engine/mask.h"

#include "base/alloc.h"
#include "base/json.h"
#include "engine/words.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

typedef struct row {
    qn_str tokenizer, template_, request, ids, mask; /* the last three as JSON */
} row;

static row read_row(qn_str line, qn_region *strings)
{
    row x = {0};
    struct {
        const char *name;
        qn_str *to;
        bool raw;
    } members[] = {{"tokenizer", &x.tokenizer, false},
                   {"template", &x.template_, false},
                   {"request", &x.request, true},
                   {"ids", &x.ids, true},
                   {"mask", &x.mask, true}};
    qn_json j;
    qn_str key;
    qn_json_init(&j, line.n_bytes, line.bytes, strings);
    for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key);)
        for (size_t i = 0; i < QN_COUNT(members); i++)
            if (qn_str_is(key, members[i].name))
                *members[i].to = members[i].raw ? qn_json_raw(&j) : qn_json_string(&j);
    return x;
}

static qn_ids numbers(qn_str json, qn_region *strings)
{
    qn_ids out = {0};
    qn_json j;
    qn_json_init(&j, json.n_bytes, json.bytes, strings);
    for (qn_json_enter(&j, QN_JSON_ARRAY); qn_json_next(&j);) {
        uint32_t value = (uint32_t)qn_json_i64(&j);
        qn_ids_append(&out, 1, &value);
    }
    return out;
}

static qn_tokenizer *open_tokenizer(qn_str name)
{
    char path[256];
    qn_tokenizer *t;
    qn_error err = {0};
    snprintf(path, sizeof path, "tests/fixtures/text/json/%.*s.json", (int)name.n_bytes,
             name.bytes);
    if (qn_tokenizer_open(&t, path, &err) != QN_OK)
        fail_msg("%s", err.text);
    return t;
}

/* Renders and cuts a request; whether the mask could be made. */
static bool mask_of(const qn_tokenizer *t, qn_str source, qn_str request, qn_ids *ids, bool *said)
{
    qn_template *template_;
    qn_tokenizer_scratch *s;
    qn_rendered text;
    qn_error err = {0};
    assert_int_equal(qn_template_parse(&template_, source.n_bytes, source.bytes, NULL, &err),
                     QN_OK);
    assert_int_equal(qn_tokenizer_scratch_open(&s, t, &err), QN_OK);
    assert_int_equal(qn_chat_render(template_, t, request, 0, &text, &err), QN_OK);
    assert_int_equal(qn_chat_ids(t, s, &text, ids, &err), QN_OK);
    assert_true(qn_has_generation(&text));
    bool laid = qn_generation_mask(t, &text, ids->n, ids->ids, said);
    qn_rendered_release(&text);
    qn_template_release(template_);
    qn_tokenizer_scratch_close(s);
    return laid;
}

static size_t check_row(qn_str line, qn_region *strings)
{
    row x = read_row(line, strings);
    qn_tokenizer *t = open_tokenizer(x.tokenizer);
    qn_ids ids = {0}, want = numbers(x.ids, strings), mask = numbers(x.mask, strings);
    bool said[4096];
    size_t n_wrong = 0;
    assert_true(want.n < QN_COUNT(said) && mask.n == want.n);
    bool laid = mask_of(t, x.template_, x.request, &ids, said);
    bool same = ids.n == want.n && memcmp(ids.ids, want.ids, ids.n * sizeof *ids.ids) == 0;
    for (size_t i = 0; same && laid && i < ids.n; i++)
        n_wrong += said[i] != (mask.ids[i] == 1);
    if (!same || !laid || n_wrong)
        print_message("# %.*s: ids %d, laid %d, %zu other marks\n", (int)QN_MIN(line.n_bytes, 500u),
                      line.bytes, same, laid, n_wrong);
    qn_ids_release(&ids);
    qn_ids_release(&want);
    qn_ids_release(&mask);
    qn_tokenizer_release(t);
    return !same || !laid || n_wrong;
}

static void the_models_tokens_are_those_of_transformers(void **state)
{
    qn_buf file = {0};
    qn_error err = {0};
    qn_region strings = qn_region_of(16 << 20);
    size_t n_rows = 0, n_wrong = 0;
    (void)state;
    if (qn_buf_read_file(&file, "tests/fixtures/text/generation_masks.jsonl", 16 << 20, &err) !=
        QN_OK)
        fail_msg("%s", err.text);
    for (const char *p = file.bytes, *end = p + file.n_bytes, *newline; p < end; p = newline + 1) {
        newline = memchr(p, '\n', (size_t)(end - p));
        assert_non_null(newline);
        n_wrong += check_row((qn_str){p, (size_t)(newline - p)}, &strings);
        n_rows++;
    }
    qn_buf_release(&file);
    qn_region_release(&strings);
    assert_int_equal(qn_alloc_live(), 0);
    assert_int_equal(n_rows, 60);
    assert_int_equal(n_wrong, 0);
}

/* A tokenizer that lowers letters has changed the text; guessing would mark the wrong tokens. */
static void a_changed_text_has_no_mask(void **state)
{
    static const char request[] = "{\"messages\":[{\"content\":\"The MILL\"}]}";
    static const char source[] = "{% generation %}{{ messages[0].content }}{% endgeneration %}";
    qn_tokenizer *t = open_tokenizer(qn_str_of("clip"));
    qn_ids ids = {0};
    bool said[64];
    (void)state;
    assert_false(mask_of(t, qn_str_of(source), qn_str_of(request), &ids, said));
    qn_ids_release(&ids);
    qn_tokenizer_release(t);
    assert_int_equal(qn_alloc_live(), 0);
}

QN_TEST_MAIN(cmocka_unit_test(the_models_tokens_are_those_of_transformers),
             cmocka_unit_test(a_changed_text_has_no_mask))
