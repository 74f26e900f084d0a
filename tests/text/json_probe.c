/* tests/text/json_probe.c - every normalizer and pre-tokenizer of a tokenizer.json does what
 * tokenizers does: ids that spell bytes and show where pieces begin.
 *
 * Fixture: tests/oracles/tokenizer_json_fixtures.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/utf8.h"
#include "tests/support/test.h"
#include "text/tokenizer.h"

typedef struct probe {
    qn_buf file;
    qn_region strings;
    qn_str model, texts;
    const char *at; /* of the next variant */
} probe;

static const uint64_t FNV = 0xCBF29CE484222325u;

static uint64_t fnv(uint64_t h, const qn_ids *ids)
{
    for (size_t i = 0; i < ids->n; i++)
        h = (h ^ ids->ids[i]) * 0x100000001B3u;
    return h;
}

static qn_str next_line(probe *p)
{
    const char *end = p->file.bytes + p->file.n_bytes;
    const char *newline = p->at < end ? memchr(p->at, '\n', (size_t)(end - p->at)) : NULL;
    qn_str line = {p->at, newline ? (size_t)(newline - p->at) : 0};
    p->at = newline ? newline + 1 : end;
    return line;
}

/* The value of a member of the line's object, as JSON text. */
static qn_str member(probe *p, qn_str line, const char *name)
{
    qn_json j;
    qn_str key, found = {0};
    qn_json_init(&j, line.n_bytes, line.bytes, &p->strings);
    for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key);)
        if (qn_str_is(key, name))
            found = qn_json_raw(&j);
    return found;
}

static void open_probe(probe *p)
{
    qn_error err = {0};
    *p = (probe){.strings = qn_region_of(64 << 20)};
    if (qn_buf_read_file(&p->file, "tests/fixtures/text/json/probe.jsonl", 64 << 20, &err) != QN_OK)
        fail_msg("%s", err.text);
    p->at = p->file.bytes;
    p->model = member(p, next_line(p), "model");
    p->texts = member(p, next_line(p), "texts");
}

static void close_probe(probe *p)
{
    qn_buf_release(&p->file);
    qn_region_release(&p->strings);
    assert_int_equal(qn_alloc_live(), 0);
}

static qn_tokenizer *make(probe *p, qn_str line)
{
    qn_buf doc = {0};
    qn_error err = {0};
    qn_tokenizer *t;
    qn_str normalizer = member(p, line, "normalizer"), cuts = member(p, line, "pre_tokenizer");
    qn_buf_format(
        &doc,
        "{\"normalizer\":%.*s,\"pre_tokenizer\":%.*s,\"decoder\":{\"type\":\"ByteLevel\"},"
        "\"model\":",
        (int)normalizer.n_bytes, normalizer.bytes, (int)cuts.n_bytes, cuts.bytes);
    qn_buf_append(&doc, p->model.n_bytes, p->model.bytes);
    qn_buf_byte(&doc, '}');
    if (qn_tokenizer_from_json(&t, (qn_str){doc.bytes, doc.n_bytes}, NULL, NULL, &err) != QN_OK)
        fail_msg("%.*s: %s", 200, doc.bytes, err.text);
    qn_buf_release(&doc);
    return t;
}

static uint64_t hash_of(const qn_tokenizer *t, qn_tokenizer_scratch *s, qn_ids *ids, uint64_t h,
                        qn_str text)
{
    qn_error err = {0};
    qn_ids_clear(ids);
    if (qn_tokenize(t, s, text.n_bytes, text.bytes, 0, ids, &err) != QN_OK)
        fail_msg("%s", err.text);
    return fnv(h, ids);
}

static size_t compare_texts(probe *p, qn_str line, const qn_tokenizer *t, qn_tokenizer_scratch *s)
{
    qn_json texts, hashes;
    qn_ids ids = {0};
    size_t n = 0, n_wrong = 0;
    qn_str name = member(p, line, "name"), list = member(p, line, "hashes");
    qn_json_init(&texts, p->texts.n_bytes, p->texts.bytes, &p->strings);
    qn_json_init(&hashes, list.n_bytes, list.bytes, &p->strings);
    qn_json_enter(&texts, QN_JSON_ARRAY);
    qn_json_enter(&hashes, QN_JSON_ARRAY);
    for (; qn_json_next(&texts) && qn_json_next(&hashes); n++) {
        qn_str text = qn_json_string(&texts), want = qn_json_string(&hashes);
        char got[17];
        snprintf(got, sizeof got, "%016llx", (unsigned long long)hash_of(t, s, &ids, FNV, text));
        if (memcmp(got, want.bytes, 16) != 0 && n_wrong++ < 3)
            print_message("# %.*s: %.*s\n", (int)name.n_bytes, name.bytes,
                          (int)QN_MIN(text.n_bytes, 200u), text.bytes);
    }
    qn_ids_release(&ids);
    assert_true(n > 300);
    return n_wrong;
}

static void every_component_cuts_and_normalizes_as_the_reference(void **state)
{
    probe p;
    size_t n_variants = 0, n_wrong = 0;
    (void)state;
    open_probe(&p);
    for (qn_str line; (line = next_line(&p)).n_bytes; n_variants++) {
        qn_tokenizer_scratch *s;
        qn_error err = {0};
        qn_tokenizer *t = make(&p, line);
        assert_int_equal(qn_tokenizer_scratch_open(&s, t, &err), QN_OK);
        n_wrong += compare_texts(&p, line, t, s);
        qn_tokenizer_scratch_close(s);
        qn_tokenizer_release(t);
    }
    close_probe(&p);
    assert_true(n_variants > 40);
    assert_int_equal(n_wrong, 0);
}

/* "a" and the character, for each of the 256 of a block. */
static void text_of_block(qn_buf *text, uint32_t block)
{
    qn_buf_clear(text);
    for (uint32_t code = block * 256; code < block * 256 + 256; code++) {
        char bytes[4];
        size_t n = qn_utf8_encode(code, bytes);
        if (n) {
            qn_buf_byte(text, 'a');
            qn_buf_append(text, n, bytes);
        }
    }
}

static void every_code_point_is_normalized_as_by_the_reference(void **state)
{
    probe p;
    qn_buf text = {0};
    qn_ids ids = {0};
    size_t n_variants = 0;
    (void)state;
    if (QN_SANITIZED)
        QN_SKIP("every code point under a sanitizer takes minutes");
    open_probe(&p);
    for (qn_str line; (line = next_line(&p)).n_bytes;) {
        qn_tokenizer_scratch *s;
        qn_error err = {0};
        char got[20];
        qn_str want = member(&p, line, "all"), name = member(&p, line, "name");
        if (!want.bytes)
            continue;
        qn_tokenizer *t = make(&p, line);
        uint64_t h = FNV;
        assert_int_equal(qn_tokenizer_scratch_open(&s, t, &err), QN_OK);
        for (uint32_t block = 0; block < 0x1100; block++) {
            text_of_block(&text, block);
            h = hash_of(t, s, &ids, h, (qn_str){text.bytes, text.n_bytes});
        }
        snprintf(got, sizeof got, "\"%016llx\"", (unsigned long long)h);
        if (memcmp(got, want.bytes, 18) != 0)
            fail_msg("%.*s", (int)name.n_bytes, name.bytes);
        n_variants++;
        qn_tokenizer_scratch_close(s);
        qn_tokenizer_release(t);
    }
    qn_buf_release(&text);
    qn_ids_release(&ids);
    close_probe(&p);
    assert_true(n_variants >= 12);
}

QN_TEST_MAIN(cmocka_unit_test(every_component_cuts_and_normalizes_as_the_reference),
             cmocka_unit_test(every_code_point_is_normalized_as_by_the_reference))
