/* tests/text/tiktoken.c - tiktoken files of every published vocabulary give the ids of tiktoken,
 * and the special tokens that their models' own code gives them.
 *
 * Fixture: tests/oracles/tiktoken_fixtures.py, which makes the ranks as this does. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/json.h"
#include "tests/support/support.h"
#include "tests/support/test.h"
#include "text/tokenizer.h"

typedef struct row { /* a line of the fixture */
    qn_str name, config, rows, before, names;
    int64_t n_ranks, gap, first, n_tokens;
} row;

static const qn_json_field fields[] = {
    {"name", QN_JSON_STRING, 0, 0, offsetof(row, name), QN_JSON_REQUIRED},
    {"ranks", QN_JSON_INT, 0, 1 << 20, offsetof(row, n_ranks), QN_JSON_REQUIRED},
    {"gap", QN_JSON_INT, 0, 1 << 20, offsetof(row, gap), QN_JSON_NULLABLE},
    {"config", QN_JSON_OBJECT, 0, 0, offsetof(row, config), QN_JSON_NULLABLE},
    {"first", QN_JSON_INT, 0, 1 << 20, offsetof(row, first), QN_JSON_REQUIRED},
    {"n_tokens", QN_JSON_INT, 0, 1 << 20, offsetof(row, n_tokens), QN_JSON_REQUIRED},
    {"before", QN_JSON_ARRAY, 0, 0, offsetof(row, before), QN_JSON_REQUIRED},
    {"names", QN_JSON_STRING, 16, 16, offsetof(row, names), QN_JSON_REQUIRED},
    {"rows", QN_JSON_ARRAY, 0, 0, offsetof(row, rows), QN_JSON_REQUIRED},
    {0},
};

typedef struct fixture {
    qn_buf file, lines;
    qn_region strings;
    const char *at; /* of the next line */
    qn_json j;
    char name[32];
    row row;
} fixture;

static void open_fixture(fixture *x)
{
    qn_error err = {0};
    *x = (fixture){.strings = qn_region_of(64 << 20)};
    if (qn_buf_read_file(&x->file, "tests/fixtures/text/tiktoken.jsonl", 16 << 20, &err) != QN_OK)
        fail_msg("%s", err.text);
    x->at = x->file.bytes;
}

static void close_fixture(fixture *x)
{
    qn_buf_release(&x->file);
    qn_buf_release(&x->lines);
    qn_region_release(&x->strings);
    assert_int_equal(qn_alloc_live(), 0);
}

static void append_base64(qn_buf *out, size_t n, const uint8_t *p)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16;
        v |= i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0;
        v |= i + 2 < n ? p[i + 2] : 0;
        qn_buf_byte(out, digits[v >> 18]);
        qn_buf_byte(out, digits[v >> 12 & 63]);
        qn_buf_byte(out, i + 1 < n ? digits[v >> 6 & 63] : '=');
        qn_buf_byte(out, i + 2 < n ? digits[v & 63] : '=');
    }
}

/* The i-th token: a byte, what makes up two letters of the alphabet, or a word of two and more. */
static size_t make_token(size_t i, uint8_t bytes[16])
{
    static const char *const letters[26] = {"a",      "e",      "l", "s", "t",  " ",  "A", "S", "1",
                                            "2",      "'",      "/", ".", "\n", "\r", "!", "-", "(",
                                            "\u00e9", "\u4e2d", "v", "m", "d",  "r",  ":", "_"};
    static const char *const parts[] = {"\u00e9", "\xE4\xB8", "\u4e2d"};
    size_t n = 2, n_words = 26 * 26, n_bytes = 0, which[8];
    bytes[0] = (uint8_t)i;
    if (i < 256)
        return 1;
    if (i < 259)
        return (size_t)sprintf((char *)bytes, "%s", parts[i - 256]);
    for (i -= 259; i >= n_words; n++, n_words *= 26)
        i -= n_words;
    for (size_t k = n; k-- > 0; i /= 26)
        which[k] = i % 26;
    for (size_t k = 0; k < n; k++)
        n_bytes += (size_t)sprintf((char *)bytes + n_bytes, "%s", letters[which[k]]);
    return n_bytes;
}

static void make_lines(fixture *x)
{
    uint8_t bytes[16];
    qn_buf_clear(&x->lines);
    for (int64_t i = 0; i < x->row.n_ranks; i++) {
        append_base64(&x->lines, make_token((size_t)i, bytes), bytes);
        qn_buf_format(&x->lines, " %lld\n", (long long)(i + (x->row.gap >= 0 && i >= x->row.gap)));
    }
}

static bool next_row(fixture *x)
{
    qn_error err = {0};
    const char *end = x->file.bytes + x->file.n_bytes;
    const char *newline = x->at < end ? memchr(x->at, '\n', (size_t)(end - x->at)) : NULL;
    if (!newline)
        return false;
    x->row = (row){.gap = -1};
    qn_json_init(&x->j, (size_t)(newline - x->at), x->at, &x->strings);
    assert_int_equal(qn_json_read_fields(&x->j, fields, &x->row, &err), QN_OK);
    snprintf(x->name, sizeof x->name, "%.*s", (int)x->row.name.n_bytes, x->row.name.bytes);
    make_lines(x);
    x->at = newline + 1;
    return true;
}

static qn_status make(const fixture *x, qn_tokenizer **t, qn_error *err)
{
    const qn_tiktoken_file file = {.lines = {x->lines.bytes, x->lines.n_bytes},
                                   .name = x->name,
                                   .config = x->row.config.bytes ? &x->row.config : NULL};
    return qn_tokenizer_from_tiktoken(t, &file, err);
}

static void expect_names(const fixture *x, const qn_tokenizer *t)
{
    char got[17];
    uint64_t h = 0xCBF29CE484222325u;
    for (uint32_t id = (uint32_t)x->row.first; id < x->row.n_tokens; id++) {
        qn_str name = qn_token_name(t, id);
        for (size_t i = 0; i <= name.n_bytes; i++)
            h = (h ^ (i < name.n_bytes ? (uint8_t)name.bytes[i] : '\n')) * 0x100000001B3u;
    }
    snprintf(got, sizeof got, "%016llx", (unsigned long long)h);
    assert_memory_equal(got, x->row.names.bytes, 16);
}

static size_t read_ids(qn_json *j, uint32_t ids[512])
{
    size_t n = 0;
    for (qn_json_enter(j, QN_JSON_ARRAY); qn_json_next(j); n++) {
        assert_true(n < 512);
        ids[n] = (uint32_t)qn_json_i64(j);
    }
    return n;
}

static void expect_ids(const fixture *x, const qn_tokenizer *t, qn_tokenizer_scratch *s,
                       qn_str text, unsigned flags, size_t n, const uint32_t *want)
{
    qn_ids ids = {0};
    qn_error err = {0};
    if (qn_tokenize(t, s, text.n_bytes, text.bytes, flags, &ids, &err) != QN_OK)
        fail_msg("%s", err.text);
    if (ids.n != n || (n && memcmp(ids.ids, want, n * sizeof *want) != 0))
        fail_msg("%s, %lld ranks: %zu ids, not %zu, of %.*s", x->name, (long long)x->row.n_ranks,
                 ids.n, n, (int)text.n_bytes, text.bytes);
    qn_ids_release(&ids);
}

static size_t expect_rows(const fixture *x, const qn_tokenizer *t)
{
    qn_json j, one;
    qn_tokenizer_scratch *s;
    qn_error err = {0};
    size_t n_rows = 0;
    uint32_t ids[512];
    assert_int_equal(qn_tokenizer_scratch_open(&s, t, &err), QN_OK);
    qn_json_init_raw(&j, &x->j, x->row.before);
    expect_ids(x, t, s, qn_str_of(""), QN_TOKENIZE_ADD_SPECIAL, read_ids(&j, ids), ids);
    qn_json_init_raw(&j, &x->j, x->row.rows);
    for (qn_json_enter(&j, QN_JSON_ARRAY); qn_json_next(&j); n_rows++) {
        qn_json_init_raw(&one, &j, qn_json_raw(&j));
        qn_json_enter(&one, QN_JSON_ARRAY);
        assert_true(qn_json_next(&one));
        qn_str text = qn_json_string(&one);
        assert_true(qn_json_next(&one));
        unsigned flags = qn_json_bool(&one) ? QN_TOKENIZE_PARSE_SPECIAL : 0;
        assert_true(qn_json_next(&one));
        expect_ids(x, t, s, text, flags, read_ids(&one, ids), ids);
    }
    qn_tokenizer_scratch_close(s);
    return n_rows;
}

static void every_published_file_gives_the_ids_of_tiktoken(void **state)
{
    fixture x;
    size_t n_files = 0, n_rows = 0;
    (void)state;
    for (open_fixture(&x); next_row(&x); n_files++) {
        qn_tokenizer *t;
        qn_error err = {0};
        if (make(&x, &t, &err) != QN_OK)
            fail_msg("%s, %lld ranks: %s", x.name, (long long)x.row.n_ranks, err.text);
        assert_int_equal(qn_tokenizer_about(t)->n_tokens, x.row.n_tokens);
        expect_names(&x, t);
        n_rows += expect_rows(&x, t);
        qn_tokenizer_release(t);
    }
    close_fixture(&x);
    print_message("# %zu files, %zu texts\n", n_files, n_rows);
    assert_int_equal(n_files, 14);
    assert_true(n_rows > 700);
}

/* The line of that name and number of ranks. */
static void find_row(fixture *x, const char *name, int64_t n_ranks)
{
    open_fixture(x);
    do
        assert_true(next_row(x));
    while (strcmp(x->name, name) != 0 || x->row.n_ranks != n_ranks);
}

static void a_folder_holds_ranks_and_special_tokens(void **state)
{
    static const char generation[] = "{\"eos_token_id\": [302, 99999999]}";
    fixture x;
    qn_tokenizer *t;
    qn_error err = {0};
    char folder[512];
    (void)state;
    find_row(&x, "tiktoken.model", 300);
    const char *path = qn_test_file("tiktoken.model", x.lines.n_bytes, x.lines.bytes);
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    assert_int_equal(qn_tokenizer_open(&t, path, &err), QN_EUNSUPPORTED); /* the file alone */
    qn_test_file("tokenizer_config.json", x.row.config.n_bytes, x.row.config.bytes);
    qn_test_file("generation_config.json", sizeof generation - 1, generation);
    if (qn_tokenizer_open(&t, folder, &err) != QN_OK)
        fail_msg("%s", err.text);
    const qn_tokenizer_info *info = qn_tokenizer_about(t);
    assert_int_equal(info->bos, 300);
    assert_int_equal(info->eos, 301);
    assert_int_equal(info->unk, 554);
    assert_int_equal(info->pad, 555);
    assert_true(!info->add_bos && qn_token_ends(t, 301) && qn_token_ends(t, 302));
    expect_rows(&x, t);
    qn_tokenizer_release(t);
    bool fired = true;
    for (unsigned n = 1; fired; n++) {
        size_t n_live = qn_alloc_live();
        qn_fault_arm(n);
        qn_status st = qn_tokenizer_open(&t, folder, &err);
        fired = qn_fault_disarm();
        assert_true((st != QN_OK) == fired && (!fired || !t));
        qn_tokenizer_release(t);
        assert_int_equal(qn_alloc_live(), n_live);
    }
    close_fixture(&x);
}

/* "<think>" is no text of a user's, but what a reader of the answer shall see. */
static void what_the_config_calls_not_special_stays_in_decoded_text(void **state)
{
    static const uint32_t ids[] = {302, 322, 'h', 'i', 302};
    fixture x;
    qn_tokenizer *t;
    qn_buf text = {0};
    qn_error err = {0};
    (void)state;
    find_row(&x, "tiktoken.model", 300);
    assert_int_equal(make(&x, &t, &err), QN_OK);
    assert_int_equal(qn_token_kind_of(t, 322), QN_TOKEN_CONTROL);
    assert_int_equal(qn_detokenize(t, QN_COUNT(ids), ids, QN_DETOKENIZE_SKIP_SPECIAL, &text, &err),
                     QN_OK);
    qn_buf_byte(&text, 0);
    assert_string_equal(text.bytes, "<think>hi");
    qn_buf_release(&text);
    qn_tokenizer_release(t);
    close_fixture(&x);
}

static void ends_of_a_turn_are_those_of_the_models_code(void **state)
{
    fixture x;
    qn_tokenizer *t;
    qn_error err = {0};
    (void)state;
    find_row(&x, "tokenizer.model", 200000);
    assert_int_equal(make(&x, &t, &err), QN_OK);
    assert_true(qn_token_ends(t, 200001) && qn_token_ends(t, 200007) && qn_token_ends(t, 200008));
    assert_int_equal(qn_tokenizer_about(t)->n_eog, 3);
    assert_int_equal(qn_tokenizer_about(t)->bos, 200000);
    qn_tokenizer_release(t);
    close_fixture(&x);
}

static void what_is_wrong_is_named(void **state)
{
#define KIMI "\"x\": \"tokenization_kimi.TikTokenTokenizer\""
    static const struct {
        const char *lines, *config;
        qn_status status;
        const char *says;
    } bad[] = {
        {"YQ== 0\n", NULL, QN_EUNSUPPORTED, "a tiktoken file of 1 ranks"},
        {"", "{}", QN_EUNSUPPORTED, "a tiktoken file of 0 ranks"},
        {"YQ== 0\nYg== 2\n", "{" KIMI "}", QN_EFORMAT, "line 2: its rank is 2, not 1"},
        {"YQ== 0\nYg==\n", "{" KIMI "}", QN_EFORMAT, "line 2 is not a token and its rank"},
        {"YQ== 1000000000\n", "{" KIMI "}", QN_EFORMAT, "line 1: the rank is not a number"},
        {"YQ== 0\n", "{" KIMI, QN_EFORMAT, "tokenizer_config.json: "},
        {"YQ== 0\n", "{" KIMI ", \"added_tokens_decoder\": {\"x\": {\"content\": \"a\"}}}",
         QN_EFORMAT, "tokenizer_config.json: the id x of an added token"},
        {"YQ== 0\n", "{" KIMI ", \"added_tokens_decoder\": {\"0\": {\"content\": \"a\"}}}",
         QN_EFORMAT, "the special token a has the id 0, allowed are 1 to 65536"},
        {"YQ== 0\n", "{" KIMI ", \"added_tokens_decoder\": {\"65537\": {\"content\": \"a\"}}}",
         QN_EFORMAT, "the special token a has the id 65537"},
        {"YQ== 0\n", "{" KIMI ", \"added_tokens_decoder\": {\"1\": {}}}", QN_EFORMAT, "content"},
        {"YQ== 0\n", "{\"x\": \"ChatGLM4Tokenizer\"}", QN_EFORMAT, "no special token [gMASK]"},
    };
    (void)state;
    for (size_t i = 0; i < QN_COUNT(bad); i++) {
        qn_tokenizer *t;
        qn_error err = {0};
        const qn_str config = qn_str_of(bad[i].config ? bad[i].config : "");
        const qn_tiktoken_file file = {.lines = qn_str_of(bad[i].lines),
                                       .config = bad[i].config ? &config : NULL};
        qn_status st = qn_tokenizer_from_tiktoken(&t, &file, &err);
        if (st != bad[i].status || t || !strstr(err.text, bad[i].says))
            fail_msg("%zu: %d \"%s\", not %d with %s", i, st, err.text, bad[i].status, bad[i].says);
        assert_int_equal(qn_alloc_live(), 0);
    }
}

static void every_failed_call_leaves_nothing_behind(void **state)
{
    fixture x;
    bool fired = true;
    (void)state;
    find_row(&x, "tokenizer.model", 1000);
    size_t n_live = qn_alloc_live();
    for (unsigned n = 1; fired; n++) {
        qn_tokenizer *t;
        qn_error err = {0};
        qn_fault_arm(n);
        qn_status st = make(&x, &t, &err);
        fired = qn_fault_disarm();
        assert_int_equal(st != QN_OK, fired);
        assert_true(!fired || (err.text[0] && !t));
        qn_tokenizer_release(t);
        assert_int_equal(qn_alloc_live(), n_live);
    }
    close_fixture(&x);
}

QN_TEST_MAIN(cmocka_unit_test(every_published_file_gives_the_ids_of_tiktoken),
             cmocka_unit_test(a_folder_holds_ranks_and_special_tokens),
             cmocka_unit_test(what_the_config_calls_not_special_stays_in_decoded_text),
             cmocka_unit_test(ends_of_a_turn_are_those_of_the_models_code),
             cmocka_unit_test(what_is_wrong_is_named),
             cmocka_unit_test(every_failed_call_leaves_nothing_behind))
