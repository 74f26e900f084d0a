/* tests/support/vocab_file.c - tokenizers from tests/oracles/vocab_file.py's files, and vectors. */
#include "tests/support/vocab_file.h"

#include <string.h>

#include "base/json.h"
#include "tests/support/test.h"

qn_tokenizer *qn_test_vocab_open_as(const char *path, const char *pre)
{
    qn_buf file = {0};
    qn_error err = {0};
    qn_vocab_source source;
    qn_tokenizer *t = NULL;
    if (qn_buf_read_file(&file, path, 256u << 20, &err) != QN_OK ||
        !qn_test_vocab_read(file.n_bytes, (const uint8_t *)file.bytes, &source))
        fail_msg("%s: not a vocabulary %s", path, err.text);
    if (pre)
        source.pre = qn_str_of(pre);
    if (qn_tokenizer_from_source(&t, &source, &err) != QN_OK)
        fail_msg("%s: %s", path, err.text);
    qn_buf_release(&file);
    return t;
}

qn_tokenizer *qn_test_vocab_open(const char *path)
{
    return qn_test_vocab_open_as(path, NULL);
}

typedef struct row {
    qn_buf text, decoded, skipped;
    qn_ids ids;
    bool decode_only, has_decoded, has_skipped;
    unsigned flags;
} row;

static void read_hex(qn_json *j, qn_buf *out)
{
    qn_str s = qn_json_string(j);
    for (size_t i = 0; i + 1 < s.n_bytes; i += 2) {
        unsigned byte = 0;
        for (size_t k = 0; k < 2; k++) {
            unsigned c = (unsigned char)s.bytes[i + k];
            byte = byte * 16 + (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
        }
        qn_buf_byte(out, (char)byte);
    }
}

static void read_member(qn_json *j, qn_str key, row *r)
{
    if (qn_str_is(key, "text"))
        qn_json_append(j, &r->text);
    else if (qn_str_is(key, "hex"))
        read_hex(j, &r->text);
    else if (qn_str_is(key, "decoded"))
        qn_json_append(j, &r->decoded), r->has_decoded = true;
    else if (qn_str_is(key, "decoded_hex"))
        read_hex(j, &r->decoded), r->has_decoded = true;
    else if (qn_str_is(key, "decoded_skip"))
        qn_json_append(j, &r->skipped), r->has_skipped = true;
    else if (qn_str_is(key, "decode_only"))
        r->decode_only = qn_json_bool(j);
    else if (qn_str_is(key, "parse_special"))
        r->flags |= qn_json_bool(j) ? QN_TOKENIZE_PARSE_SPECIAL : 0;
    else if (qn_str_is(key, "add_special"))
        r->flags |= qn_json_bool(j) ? QN_TOKENIZE_ADD_SPECIAL : 0;
    else if (qn_str_is(key, "ids"))
        for (qn_json_enter(j, QN_JSON_ARRAY); qn_json_next(j);) {
            uint32_t id = (uint32_t)qn_json_i64(j);
            qn_ids_append(&r->ids, 1, &id);
        }
}

static void clear(row *r)
{
    qn_buf_clear(&r->text), qn_buf_clear(&r->decoded), qn_buf_clear(&r->skipped);
    qn_ids_clear(&r->ids);
    r->decode_only = r->has_decoded = r->has_skipped = false;
    r->flags = 0;
}

static void read_row(size_t n, const char *line, row *r)
{
    qn_region strings = qn_region_of(64u << 20);
    qn_json j;
    qn_str key;
    qn_error err = {0};
    clear(r);
    qn_json_init(&j, n, line, &strings);
    qn_json_enter(&j, QN_JSON_OBJECT);
    while (qn_json_next_key(&j, &key))
        read_member(&j, key, r);
    if (qn_json_end(&j, &err) != QN_OK)
        fail_msg("vector: %s", err.text);
    qn_region_release(&strings);
}

static void show_ids(const char *name, const qn_ids *ids)
{
    print_message("#   %s:", name);
    for (size_t i = 0; i < ids->n && i < 40; i++)
        print_message(" %u", ids->ids[i]);
    print_message("\n");
}

static void check_encode(const qn_tokenizer *t, qn_tokenizer_scratch *s, const row *r,
                         qn_test_counts *counts)
{
    qn_ids got = {0};
    qn_error err = {0};
    qn_status st = qn_tokenize(t, s, r->text.n_bytes, r->text.bytes, r->flags, &got, &err);
    counts->n_encoded++;
    if (st != QN_OK || got.n != r->ids.n ||
        (got.n && memcmp(got.ids, r->ids.ids, got.n * sizeof *got.ids) != 0)) {
        if (counts->n_wrong++ < 5) {
            print_message("# encode %.200s%s\n", r->text.bytes ? r->text.bytes : "", err.text);
            show_ids("want", &r->ids);
            show_ids("got ", &got);
        }
    }
    qn_ids_release(&got);
}

static void check_decode(const qn_tokenizer *t, const row *r, const qn_buf *want, unsigned flags,
                         qn_test_counts *counts)
{
    qn_buf got = {0};
    qn_error err = {0};
    qn_status st = qn_detokenize(t, r->ids.n, r->ids.ids, flags, &got, &err);
    counts->n_decoded++;
    if (st != QN_OK || got.n_bytes != want->n_bytes ||
        (got.n_bytes && memcmp(got.bytes, want->bytes, got.n_bytes) != 0)) {
        if (counts->n_wrong++ < 5) {
            show_ids("decode", &r->ids);
            print_message("#   want %.200s\n#   got  %.200s %s\n", want->bytes ? want->bytes : "",
                          got.bytes ? got.bytes : "", err.text);
        }
    }
    qn_buf_release(&got);
}

/* Rows whose ids say something else than this tokenizer may know. */
static bool is_left_out(const row *r, unsigned flags, uint32_t first_added)
{
    bool changed =
        r->has_decoded && (r->decoded.n_bytes != r->text.n_bytes ||
                           memcmp(r->decoded.bytes, r->text.bytes, r->text.n_bytes) != 0);
    bool shifted = false;
    for (size_t i = 0; i < r->ids.n; i++)
        shifted |= r->ids.ids[i] >= first_added && !(r->flags & QN_TOKENIZE_PARSE_SPECIAL);
    return (flags & QN_TEST_NO_NFC && changed) || shifted ||
           (flags & QN_TEST_NO_TEMPLATE && r->flags & QN_TOKENIZE_ADD_SPECIAL);
}

static void check_row(const qn_tokenizer *t, qn_tokenizer_scratch *s, const row *r, unsigned flags,
                      uint32_t first_added, qn_test_counts *counts)
{
    unsigned replace = flags & QN_TEST_HUGGING_FACE ? QN_DETOKENIZE_REPLACE : 0;
    if (!r->decode_only && is_left_out(r, flags, first_added))
        counts->n_left_out++;
    else if (!r->decode_only)
        check_encode(t, s, r, counts);
    if (r->has_decoded)
        check_decode(t, r, &r->decoded, replace, counts);
    if (r->has_skipped)
        check_decode(t, r, &r->skipped, replace | QN_DETOKENIZE_SKIP_SPECIAL, counts);
}

qn_test_counts qn_test_vectors(const qn_tokenizer *t, const char *path, unsigned flags,
                               uint32_t first_added)
{
    qn_test_counts counts = {0};
    qn_buf file = {0};
    qn_error err = {0};
    qn_tokenizer_scratch *s;
    row r = {0};
    if (qn_buf_read_file(&file, path, 256u << 20, &err) != QN_OK ||
        qn_tokenizer_scratch_open(&s, t, &err) != QN_OK)
        fail_msg("%s: %s", path, err.text);
    for (const char *p = file.bytes, *end = p + file.n_bytes; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline ? newline : end;
        if (stop > p) {
            read_row((size_t)(stop - p), p, &r);
            check_row(t, s, &r, flags, first_added, &counts);
        }
        p = stop + 1;
    }
    qn_buf_release(&r.text), qn_buf_release(&r.decoded), qn_buf_release(&r.skipped);
    qn_ids_release(&r.ids);
    qn_tokenizer_scratch_close(s);
    qn_buf_release(&file);
    print_message("# %s: %zu encoded, %zu decoded, %zu wrong, %zu left out\n", path,
                  counts.n_encoded, counts.n_decoded, counts.n_wrong, counts.n_left_out);
    return counts;
}
