/* tests/base/json.c - the JSON reader accepts what RFC 8259 says, says why not, and reads exactly.
 */
#include "tests/support/test.h"

#include "base/alloc.h"
#include "base/decimal.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/utf8.h"
#include "tests/support/json_copy.h"
#include "tests/support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static qn_status check(qn_str text, qn_error *err)
{
    qn_json j;
    qn_json_init(&j, text.n_bytes, text.bytes, NULL);
    return qn_json_end(&j, err);
}

/* Reads everything and writes it again; NULL in out->bytes when it is refused. */
static qn_status copy(qn_str text, qn_buf *out, qn_error *err)
{
    qn_json j;
    qn_region strings = qn_region_of(1 << 20);
    qn_json_init(&j, text.n_bytes, text.bytes, &strings);
    qn_test_json_copy(&j, out);
    qn_status status = qn_json_end(&j, err);
    qn_region_release(&strings);
    return status;
}

static void assert_copy(const char *text, const char *wanted)
{
    qn_buf out = {0};
    qn_error err = {0};
    if (copy(qn_str_of(text), &out, &err) != QN_OK)
        fail_msg("%s: %s", text, err.text);
    assert_string_equal(out.bytes, wanted);
    qn_buf_release(&out);
}

static void what_is_read_is_what_was_written(void **state)
{
    (void)state;
    assert_copy(" { \"a\" : [ 1 , -2.5e3 , true,false,null,\"x\" ] ,\"b\":{\"c\":{}},\"d\":[] } ",
                "{\"a\":[1,-2500,true,false,null,\"x\"],\"b\":{\"c\":{}},\"d\":[]}");
    assert_copy("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\uD83D\\ude00\\u0000\"",
                "\"\\\"\\\\/\\b\\f\\n\\r\\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\\u0000\"");
    assert_copy("[0.1,1e23,5e-324,1e-400,-0.5,123456789012345678901234567890]",
                "[0.1,1e+23,4.94065645841247e-324,0,-0.5,1.2345678901234568e+29]");
    assert_copy("[9223372036854775807,-9223372036854775808,3.0,3e2,30e-1]",
                "[9223372036854775807,-9223372036854775808,3,300,3]");
    assert_copy("{\"\\u006b\\n\":1}", "{\"k\\n\":1}");
    assert_copy("\"\\ud800\\udc00\\udbff\\udfff\"", "\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"");
}

static void the_reason_names_its_line_and_byte(void **state)
{
    (void)state;
    // clang-format off
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"{\n \"a\": 1,\n \"b\": tru }", "line 3, byte 7: expected true"},
        {"[1,]", "line 1, byte 4: expected a value, found ']'"},
        {"[1 2]", "line 1, byte 4: expected ',' or ']', found '2'"},
        {"{\"a\":1 2", "line 1, byte 8: expected ',' or '}', found '2'"},
        {"{\"a\" 1}", "line 1, byte 6: expected ':', found '1'"},
        {"{1:2}", "line 1, byte 2: expected a key in quotes, found '1'"},
        {"", "line 1, byte 1: the text ends where a value is expected"},
        {"[\"abc", "line 1, byte 2: a string does not end"},
        {"[\"a\tb\"]", "line 1, byte 4: a string holds the control byte 0x09"},
        {"[\"\\x\"]", "line 1, byte 3: a string holds an unknown escape"},
        {"[\"\\ud800\"]", "line 1, byte 3: a string holds half of a surrogate pair, \\uD800"},
        {"[\"\\udc00\\udc00\"]", "line 1, byte 3: a string holds half of a surrogate pair, \\uDC00"},
        {"[\"\\ud800\\ud800\"]", "line 1, byte 3: a string holds half of a surrogate pair, \\uD800"},
        {"[\"\xC3(\"]", "line 1, byte 3: a string is not well-formed UTF-8 (byte 0xC3)"},
        {"[01]", "line 1, byte 3: a number has a leading zero"},
        {"[1.]", "line 1, byte 4: expected a digit, found ']'"},
        {"[] x", "line 1, byte 4: expected the end, found 'x'"},
        {"\xEF\xBB\xBF[]", "line 1, byte 1: begins with a byte order mark; remove it"},
    };
    // clang-format on
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        qn_error err = {0};
        assert_int_equal(check(qn_str_of(cases[i].text), &err), QN_EFORMAT);
        assert_string_equal(err.text, cases[i].wanted);
    }
}

static void every_control_byte_in_a_string_is_refused(void **state)
{
    (void)state;
    for (int c = 0; c < 0x100; c++) {
        char text[] = {'"', (char)c, '"'};
        bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
        assert_int_equal(check((qn_str){text, 3}, NULL) == QN_OK, plain);
    }
}

static void depth_is_refused_just_above_its_limit(void **state)
{
    (void)state;
    char text[2 * QN_JSON_MAX_DEPTH + 2];
    for (size_t n = QN_JSON_MAX_DEPTH; n <= QN_JSON_MAX_DEPTH + 1; n++) {
        qn_error err = {0};
        memset(text, '[', n);
        memset(text + n, ']', n);
        qn_status status = check((qn_str){text, 2 * n}, &err);
        assert_int_equal(status, n > QN_JSON_MAX_DEPTH ? QN_ELIMIT : QN_OK);
        assert_true(status == QN_OK || strstr(err.text, "nested deeper than 512"));
    }
}

typedef struct request {
    qn_str model, messages;
    int64_t n_predict;
    double temperature;
    bool stream;
} request;

// clang-format off
static const qn_json_field fields[] = {
    {"model", QN_JSON_STRING, 1, 8, offsetof(request, model), QN_JSON_REQUIRED},
    {"max_tokens", QN_JSON_INT, 1, 1 << 20, offsetof(request, n_predict), 0},
    {"temperature", QN_JSON_NUMBER, 0, 2, offsetof(request, temperature), QN_JSON_NULLABLE},
    {"stream", QN_JSON_BOOL, 0, 0, offsetof(request, stream), 0},
    {"messages", QN_JSON_ARRAY, 0, 0, offsetof(request, messages), 0},
    {0},
};
// clang-format on

static qn_status read_request(const char *text, request *q, qn_error *err)
{
    qn_json j;
    qn_json_init(&j, strlen(text), text, NULL);
    QN_TRY(qn_json_read_fields(&j, fields, q, err));
    return qn_json_end(&j, err);
}

static void a_table_reads_an_object(void **state)
{
    (void)state;
    request q = {.temperature = 0.75};
    qn_error err = {0};
    assert_int_equal(read_request("{\"stream\":true,\"model\":\"m\",\"temperature\":null,"
                                  "\"messages\":[1,[2]],\"max_tokens\":1e2}",
                                  &q, &err),
                     QN_OK);
    assert_true(q.stream && q.n_predict == 100 && q.temperature == 0.75);
    assert_true(qn_str_is(q.model, "m") && qn_str_is(q.messages, "[1,[2]]"));
}

static void a_table_names_the_field_that_is_wrong(void **state)
{
    (void)state;
    // clang-format off
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"{}", "field \"model\" is missing"},
        {"{\"model\":\"m\",\"model\":\"m\"}", "field \"model\" stands twice"},
        {"{\"modle\":\"m\"}", "unknown field \"modle\""},
        {"{\"model\":5}", "field \"model\": line 1, byte 10: expected a string, found a number"},
        {"{\"model\":\"\"}", "field \"model\": line 1, byte 12: must have 1 to 8 bytes, has 0"},
        {"{\"max_tokens\":1.5}", "must be an integer"},
        {"{\"max_tokens\":0}", "must be from 1 to 1048576"},
        {"{\"temperature\":2.5}", "must be from 0 to 2"},
        {"{\"stream\":1}", "expected a boolean, found a number"},
        {"{\"stream\":null}", "expected a boolean, found null"},
        {"{\"messages\":{}}", "field \"messages\": line 1, byte 13: must be an array"},
        {"[]", "expected an object, found an array"},
    };
    // clang-format on
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        request q = {0};
        qn_error err = {0};
        assert_int_equal(read_request(cases[i].text, &q, &err), QN_EFORMAT);
        if (!strstr(err.text, cases[i].wanted))
            fail_msg("%s: %s", cases[i].text, err.text);
    }
}

static void unknown_fields_can_be_named_instead_of_refused(void **state)
{
    (void)state;
    const char *text = "{\"user\":{\"x\":[1]},\"model\":\"m\",\"seed\":4}";
    qn_json j;
    request q = {0};
    qn_buf ignored = {0};
    qn_json_init(&j, strlen(text), text, NULL);
    assert_int_equal(qn_json_read_known_fields(&j, fields, &q, &ignored, NULL), QN_OK);
    assert_int_equal(qn_json_end(&j, NULL), QN_OK);
    assert_string_equal(ignored.bytes, "user, seed");
    qn_buf_release(&ignored);
}

static void a_raw_value_is_read_later_with_its_place_in_the_document(void **state)
{
    (void)state;
    const char *text = "{\"a\":\n [1, {\"b\":\"x\"}]}";
    qn_json j, sub;
    qn_str key;
    qn_error err = {0};
    qn_json_init(&j, strlen(text), text, NULL);
    assert_true(qn_json_enter(&j, QN_JSON_OBJECT) && qn_json_next_key(&j, &key));
    qn_str raw = qn_json_raw(&j);
    assert_false(qn_json_next_key(&j, &key));
    assert_int_equal(qn_json_end(&j, &err), QN_OK);
    qn_json_init_raw(&sub, &j, raw);
    assert_true(qn_json_enter(&sub, QN_JSON_ARRAY) && qn_json_next(&sub) && qn_json_next(&sub));
    assert_int_equal(qn_json_i64(&sub), 0);
    assert_int_equal(qn_json_end(&sub, &err), QN_EFORMAT);
    assert_string_equal(err.text, "line 2, byte 6: expected a number, found an object");
}

static void leaving_a_container_checks_what_is_left_of_it(void **state)
{
    (void)state;
    static const char *texts[] = {"[[1,{\"a\":2},[3]],4]", "[[1,{\"a\" 2},[3]],4]"};
    for (size_t i = 0; i < 2; i++) {
        qn_json j;
        qn_json_init(&j, strlen(texts[i]), texts[i], NULL);
        assert_true(qn_json_enter(&j, QN_JSON_ARRAY) && qn_json_next(&j) &&
                    qn_json_enter(&j, QN_JSON_ARRAY) && qn_json_next(&j));
        qn_json_leave(&j);
        assert_int_equal(qn_json_next(&j), i == 0);
        assert_int_equal(qn_json_i64(&j), i == 0 ? 4 : 0);
        assert_int_equal(qn_json_check(&j, NULL) == QN_OK, i == 0);
    }
}

static void the_writer_replaces_what_is_not_utf8(void **state)
{
    (void)state;
    qn_buf b = {0};
    qn_json_write_string(&b, 9, "a\xFF\xE2\x82\"\\\n\x01\x7F");
    assert_string_equal(b.bytes, "\"a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\\\"\\\\\\n\\u0001\x7F\"");
    qn_buf_clear(&b);
    qn_json_write_f64(&b, NAN);
    qn_json_write_f64(&b, -INFINITY);
    qn_json_write_u64(&b, UINT64_MAX);
    assert_string_equal(b.bytes, "nullnull18446744073709551615");
    qn_buf_release(&b);
}

static double to_f64(const char *text)
{
    double v = 7;
    qn_decimal_to_f64(strlen(text), text, &v);
    return v;
}

static void decimals_round_as_the_c_library_rounds(void **state)
{
    (void)state;
    static const char *edges[] = {"9007199254740993",
                                  "9007199254740992.9999999999999999999999999999",
                                  "2.2250738585072011e-308",
                                  "2.4703282292062327208e-324",
                                  "2.4703282292062328e-324",
                                  "2.47032822920623272e-324",
                                  "1.7976931348623158079e308",
                                  "179769313486231580793e288",
                                  "8.5e-300",
                                  "1e-320",
                                  "0.000e5",
                                  "6.631236846766476e-316",
                                  "7.2057594037927933e16",
                                  "1e22",
                                  "1e23",
                                  "1e0000000000000000000000001",
                                  "0.500000000000000166533453693773481063544750213623046875",
                                  "123456789e-320",
                                  "4.9e-324"};
    for (size_t i = 0; i < QN_COUNT(edges); i++)
        assert_true(to_f64(edges[i]) == strtod(edges[i], NULL));
    for (uint64_t i = 0; i < 200000; i++) {
        char text[1200];
        uint64_t r = qn_test_random(1, i), bits = qn_test_random(2, i);
        double v;
        memcpy(&v, &bits, sizeof v);
        int n_digits = r % 64 == 0 ? 760 : (int)(r % 25);
        snprintf(text, sizeof text, "%.*e", n_digits, isfinite(v) ? v : 1.0);
        if (i % 3 == 0)
            snprintf(text, sizeof text, "%" PRIu64 "e%d", bits, (int)(r % 700) - 350);
        double wanted = strtod(text, NULL), got;
        bool fits = qn_decimal_to_f64(strlen(text), text, &got);
        if (fits != isfinite(wanted) || memcmp(&got, &wanted, sizeof got) != 0)
            fail_msg("%s: %a, not %a", text, got, wanted);
    }
}

static void exact_midpoints_round_to_even_and_a_late_digit_decides(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 2000; i++) {
        char text[1400];
        uint64_t bits = qn_test_random(3, i) % 0x7FE0000000000000u;
        double v, next, got;
        memcpy(&v, &bits, sizeof v);
        next = nextafter(v, INFINITY);
        long double middle = ((long double)v + (long double)next) / 2; /* exact in 64 bits */
        if (sizeof middle < 16 || middle == v || middle == next)
            continue;
        snprintf(text, sizeof text, "%.780Le", middle);
        assert_true(qn_decimal_to_f64(strlen(text), text, &got));
        assert_true(got == (bits % 2 ? next : v));
        char *e = strchr(text, 'e'); /* the last digit of 781 */
        e[-1] = '1';
        assert_true(qn_decimal_to_f64(strlen(text), text, &got));
        assert_true(got == next);
    }
}

static void doubles_survive_writing_and_reading(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 100000; i++) {
        char text[QN_DECIMAL];
        uint64_t bits = qn_test_random(4, i);
        double v, back;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v))
            continue;
        size_t n = qn_decimal_from_f64(v, text);
        assert_true(qn_decimal_to_f64(n, text, &back) && memcmp(&v, &back, sizeof v) == 0);
    }
}

/* One code point at a time, by the definition of table 3-7. */
static size_t utf8_by_definition(const uint8_t *p, uint32_t code)
{
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    char out[4];
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    return qn_utf8_encode(code, out) == n && memcmp(p, out, n) == 0 ? n : 0;
}

static void utf8_decodes_exactly_what_encodes_back(void **state)
{
    (void)state;
    uint8_t p[4] = {0};
    for (uint32_t i = 0; i < 1u << 24; i++) {
        uint32_t code;
        p[0] = (uint8_t)(0x80 | i >> 16); /* all leads and two bytes after, a third that varies */
        p[1] = (uint8_t)(i >> 8);
        p[2] = (uint8_t)i;
        p[3] = (uint8_t)(0x80 | (i * 7 & 0x3F));
        size_t n = qn_utf8_decode(4, (const char *)p, &code);
        if (n > 0)
            assert_int_equal(utf8_by_definition(p, code), n);
        if (n > 1)
            assert_int_equal(qn_utf8_decode(n - 1, (const char *)p, &code), 0);
    }
    for (uint32_t c = 0; c < 0x110000; c++) {
        char out[4];
        uint32_t code;
        size_t n = qn_utf8_encode(c, out);
        assert_int_equal(n == 0, c >= 0xD800 && c < 0xE000);
        assert_true(n == 0 || (qn_utf8_decode(n, out, &code) == n && code == c));
    }
}

static void every_failed_allocation_is_said_and_frees_all(void **state)
{
    (void)state;
    const char *text = "[\"a\\u0041\",{\"\\n\":\"\\t\"},0.25]";
    size_t live = qn_alloc_live();
    bool fired = true;
    for (unsigned n = 1; fired; n++) {
        qn_buf out = {0};
        qn_error err = {0};
        qn_fault_arm(n);
        qn_status status = copy(qn_str_of(text), &out, &err);
        bool failed = status != QN_OK || out.failed;
        fired = qn_fault_disarm();
        assert_int_equal(failed, fired);
        assert_true(status == QN_OK || (status == QN_ENOMEM && strstr(err.text, "no memory")));
        qn_buf_release(&out);
        assert_int_equal(qn_alloc_live(), live);
    }
}

/* JSONTestSuite, read by the reader it tests. */

typedef struct suite_row {
    qn_str name, set, expect, hex;
} suite_row;

// clang-format off
static const qn_json_field suite_fields[] = {
    {"name", QN_JSON_STRING, 0, 0, offsetof(suite_row, name), QN_JSON_REQUIRED},
    {"set", QN_JSON_STRING, 0, 0, offsetof(suite_row, set), QN_JSON_REQUIRED},
    {"expect", QN_JSON_STRING, 0, 0, offsetof(suite_row, expect), QN_JSON_REQUIRED},
    {"hex", QN_JSON_STRING, 0, 0, offsetof(suite_row, hex), QN_JSON_REQUIRED},
    {0},
};
// clang-format on

static void from_hex(qn_str hex, qn_buf *out)
{
    for (size_t i = 0; i + 1 < hex.n_bytes; i += 2) {
        char two[3] = {hex.bytes[i], hex.bytes[i + 1], 0};
        qn_buf_byte(out, (char)strtoul(two, NULL, 16));
    }
}

/* Counts a row's verdict, of checking alone and of reading all. */
static void run_row(const suite_row *row, unsigned n[3])
{
    qn_buf bytes = {0}, out = {0};
    qn_error err = {0};
    from_hex(row->hex, &bytes);
    qn_str text = {bytes.bytes, bytes.n_bytes};
    bool checked = check(text, &err) == QN_OK, read = copy(text, &out, &err) == QN_OK;
    bool accept = qn_str_is(row->expect, "accept"), reject = qn_str_is(row->expect, "reject");
    if ((accept && !(checked && read)) || (reject && (checked || read)) || (read && !checked))
        fail_msg("%.*s: %s", (int)row->name.n_bytes, row->name.bytes, err.text);
    n[accept ? 0 : reject ? 1 : 2]++;
    qn_buf_release(&bytes);
    qn_buf_release(&out);
}

static void the_conformance_suite_is_judged_as_it_says(void **state)
{
    (void)state;
    const char *data = qn_test_data();
    char path[4096];
    qn_buf b = {0};
    unsigned n[3] = {0};
    if (!data)
        QN_SKIP("no conformance data");
    snprintf(path, sizeof path, "%s/json/jsontestsuite.jsonl", data);
    if (qn_buf_read_file(&b, path, 1 << 26, NULL) != QN_OK)
        QN_SKIP("no jsontestsuite.jsonl");
    for (char *line = b.bytes, *end; (end = strchr(line, '\n')); line = end + 1) {
        qn_json j;
        suite_row row = {0};
        qn_region strings = qn_region_of(1 << 20);
        qn_json_init(&j, (size_t)(end - line), line, &strings);
        assert_int_equal(qn_json_read_fields(&j, suite_fields, &row, NULL), QN_OK);
        assert_int_equal(qn_json_end(&j, NULL), QN_OK);
        run_row(&row, n);
        qn_region_release(&strings);
    }
    print_message("# %u accepted, %u rejected, %u either way\n", n[0], n[1], n[2]);
    assert_true(n[0] > 0 && n[1] > 0 && n[2] > 0);
    qn_buf_release(&b);
}

QN_TEST_MAIN(cmocka_unit_test(what_is_read_is_what_was_written),
             cmocka_unit_test(the_reason_names_its_line_and_byte),
             cmocka_unit_test(every_control_byte_in_a_string_is_refused),
             cmocka_unit_test(depth_is_refused_just_above_its_limit),
             cmocka_unit_test(a_table_reads_an_object),
             cmocka_unit_test(a_table_names_the_field_that_is_wrong),
             cmocka_unit_test(unknown_fields_can_be_named_instead_of_refused),
             cmocka_unit_test(a_raw_value_is_read_later_with_its_place_in_the_document),
             cmocka_unit_test(leaving_a_container_checks_what_is_left_of_it),
             cmocka_unit_test(the_writer_replaces_what_is_not_utf8),
             cmocka_unit_test(decimals_round_as_the_c_library_rounds),
             cmocka_unit_test(exact_midpoints_round_to_even_and_a_late_digit_decides),
             cmocka_unit_test(doubles_survive_writing_and_reading),
             cmocka_unit_test(utf8_decodes_exactly_what_encodes_back),
             cmocka_unit_test(every_failed_allocation_is_said_and_frees_all),
             cmocka_unit_test(the_conformance_suite_is_judged_as_it_says))
