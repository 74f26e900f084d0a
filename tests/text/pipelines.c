/* tests/text/pipelines.c - whatever transformers puts around a model does what it does there.
 *
 * Fixture: tests/oracles/tokenizer_pipelines.py. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "tests/support/test.h"
#include "text/tokenizer.h"

static const uint64_t FNV = 0xCBF29CE484222325u;

typedef struct kind { /* a row of the fixture */
    qn_str names, tokenizer, each;
    qn_json lists[3]; /* hashes: plain, parsed, back */
} kind;

typedef struct work {
    const kind *k;
    qn_tokenizer *t;
    qn_tokenizer_scratch *s;
    qn_ids ids;
    qn_buf text;
    qn_error err;
    size_t n_wrong;
} work;

static uint64_t add(uint64_t h, uint64_t value)
{
    return (h ^ value) * 0x100000001B3u;
}

static uint64_t hash_ids(work *w, qn_str text, unsigned flags)
{
    uint64_t h = FNV;
    qn_ids_clear(&w->ids);
    if (qn_tokenize(w->t, w->s, text.n_bytes, text.bytes, flags, &w->ids, &w->err) != QN_OK)
        fail_msg("%s", w->err.text);
    for (size_t i = 0; i < w->ids.n; i++)
        h = add(h, w->ids.ids[i]);
    return h;
}

static uint64_t hash_text(work *w, uint64_t h, size_t n, const uint32_t *ids)
{
    qn_buf_clear(&w->text);
    if (qn_detokenize(w->t, n, ids, QN_DETOKENIZE_REPLACE, &w->text, &w->err) != QN_OK)
        fail_msg("%s", w->err.text);
    for (size_t i = 0; i < w->text.n_bytes; i++)
        h = add(h, (uint8_t)w->text.bytes[i]);
    return h;
}

static void expect(work *w, const char *what, qn_str want, uint64_t hash, qn_str text)
{
    char got[17];
    snprintf(got, sizeof got, "%016llx", (unsigned long long)hash);
    if (want.n_bytes == 0 || (want.n_bytes == 16 && memcmp(got, want.bytes, 16) == 0))
        return;
    if (w->n_wrong++ < 5)
        print_message("# %s %.*s: %.*s\n", what, (int)QN_MIN(w->k->names.n_bytes, 80u),
                      w->k->names.bytes, (int)text.n_bytes, text.bytes);
}

static void check_texts(work *w, kind *k, qn_str texts, qn_region *strings)
{
    qn_json t;
    size_t n = 0;
    qn_json_init(&t, texts.n_bytes, texts.bytes, strings);
    for (size_t i = 0; i < 3; i++)
        qn_json_enter(&k->lists[i], QN_JSON_ARRAY);
    for (qn_json_enter(&t, QN_JSON_ARRAY); qn_json_next(&t); n++) {
        qn_str text = qn_json_string(&t), want[3];
        for (size_t i = 0; i < 3; i++) {
            assert_true(qn_json_next(&k->lists[i]));
            want[i] = qn_json_string(&k->lists[i]);
        }
        expect(w, "plain", want[0], hash_ids(w, text, 0), text);
        expect(w, "back", want[2], hash_text(w, FNV, w->ids.n, w->ids.ids), text);
        uint64_t parsed = hash_ids(w, text, QN_TOKENIZE_ADD_SPECIAL | QN_TOKENIZE_PARSE_SPECIAL);
        expect(w, "parsed", want[1], parsed, text);
    }
    assert_true(n >= 60);
}

static void check_each_id(work *w)
{
    uint64_t h = FNV;
    for (uint32_t id = 0; id < qn_tokenizer_about(w->t)->n_tokens; id++)
        h = add(hash_text(w, h, 1, &id), '\n');
    expect(w, "each id", w->k->each, h, (qn_str){"", 0});
}

static kind read_kind(qn_str line, qn_region *strings)
{
    static const char *const lists[] = {"plain", "parsed", "back"};
    kind k = {0};
    qn_json j;
    qn_str key;
    qn_json_init(&j, line.n_bytes, line.bytes, strings);
    for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key);) {
        if (qn_str_is(key, "names"))
            k.names = qn_json_raw(&j);
        else if (qn_str_is(key, "tokenizer"))
            k.tokenizer = qn_json_raw(&j);
        else if (qn_str_is(key, "each"))
            k.each = qn_json_string(&j);
        for (size_t i = 0; i < QN_COUNT(lists); i++) {
            if (!qn_str_is(key, lists[i]))
                continue;
            qn_str raw = qn_json_raw(&j);
            qn_json_init(&k.lists[i], raw.n_bytes, raw.bytes, strings);
        }
    }
    return k;
}

static size_t check_kind(qn_str line, qn_str texts, qn_region *strings)
{
    kind k = read_kind(line, strings);
    work w = {.k = &k};
    if (qn_tokenizer_from_json(&w.t, k.tokenizer, NULL, NULL, &w.err) != QN_OK)
        fail_msg("%.*s: %s", (int)k.names.n_bytes, k.names.bytes, w.err.text);
    assert_int_equal(qn_tokenizer_scratch_open(&w.s, w.t, &w.err), QN_OK);
    check_texts(&w, &k, texts, strings);
    check_each_id(&w);
    qn_ids_release(&w.ids);
    qn_buf_release(&w.text);
    qn_tokenizer_scratch_close(w.s);
    qn_tokenizer_release(w.t);
    return w.n_wrong;
}

static qn_str texts_of(qn_str line, qn_region *strings)
{
    qn_json j;
    qn_str key, texts = {0};
    qn_json_init(&j, line.n_bytes, line.bytes, strings);
    for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key);)
        if (qn_str_is(key, "texts"))
            texts = qn_json_raw(&j);
    return texts;
}

static void every_kind_that_transformers_writes_gives_its_ids_and_texts(void **state)
{
    qn_region strings = qn_region_of(64 << 20);
    qn_buf file = {0};
    qn_error err = {0};
    qn_str texts = {0};
    size_t n_kinds = 0, n_wrong = 0;
    (void)state;
    if (qn_buf_read_file(&file, "tests/fixtures/text/pipelines.jsonl", 16 << 20, &err) != QN_OK)
        fail_msg("%s", err.text);
    for (const char *p = file.bytes, *end = p + file.n_bytes, *newline; p < end; p = newline + 1) {
        newline = memchr(p, '\n', (size_t)(end - p));
        assert_non_null(newline);
        const qn_str line = {p, (size_t)(newline - p)};
        if (!texts.bytes) {
            texts = texts_of(line, &strings);
            continue;
        }
        n_wrong += check_kind(line, texts, &strings);
        n_kinds++;
    }
    qn_buf_release(&file);
    qn_region_release(&strings);
    assert_int_equal(qn_alloc_live(), 0);
    print_message("# %zu kinds\n", n_kinds);
    assert_true(n_kinds >= 40);
    assert_int_equal(n_wrong, 0);
}

QN_TEST_MAIN(cmocka_unit_test(every_kind_that_transformers_writes_gives_its_ids_and_texts))
