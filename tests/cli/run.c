/* tests/cli/run.c - run, score, plan, bench and show on a tiny model: what they print, that it
 * stays the same, and how they end. */
#include "tests/support/program.h"

#include "base/json.h"
#include "tests/support/support.h"
#include "tests/support/test.h"
#include "tests/support/tiny_chat.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>

static const char *tiny(void)
{
    return qn_test_tiny_chat("tiny.gguf", &(qn_tiny_chat){0});
}

static void assert_fine(const qn_program_run *r)
{
    if (r->rc != 0)
        fail_msg("status %d: %s", r->rc, r->err.bytes);
}

static void assert_refused(const qn_program_run *r, int rc, const char *text)
{
    if (r->rc != rc || !strstr(r->err.bytes, text))
        fail_msg("status %d (not %d) and no '%s' in: %s", r->rc, rc, text, r->err.bytes);
    assert_int_equal(r->out.n_bytes, 0);
}

/* The object in line `line` has exactly these keys, in this order. */
static void assert_keys(qn_str text, size_t line, const char *const *keys)
{
    const char *at = text.bytes;
    while (line--)
        at = strchr(at, '\n') + 1;
    const char *end = strchr(at, '\n');
    assert_non_null(end);
    qn_region strings = qn_region_of(1 << 20);
    qn_json j;
    qn_str key;
    qn_error err = {0};
    qn_json_init(&j, (size_t)(end - at), at, &strings);
    qn_json_enter(&j, QN_JSON_OBJECT);
    while (qn_json_next_key(&j, &key)) {
        if (!*keys || !qn_str_is(key, *keys))
            fail_msg("key '%.*s' is not %s", (int)key.n_bytes, key.bytes, *keys ? *keys : "there");
        keys++;
    }
    if (qn_json_end(&j, &err) != QN_OK)
        fail_msg("%s: %.*s", err.text, (int)(end - at), at);
    assert_null(*keys);
    qn_region_release(&strings);
}
#define ASSERT_KEYS(text, line, ...)                                                               \
    assert_keys((text), (line), (const char *const[]){__VA_ARGS__, NULL})

static size_t n_lines(qn_str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n_bytes; i++)
        n += text.bytes[i] == '\n';
    return n;
}

static double number_after(qn_str text, const char *key)
{
    double x = NAN;
    const char *at = strstr(text.bytes, key);
    assert_non_null(at);
    assert_int_equal(sscanf(at + strlen(key), "%lf", &x), 1);
    return x;
}

static void an_answer_as_json_has_all_its_keys(void **state)
{
    (void)state;
    qn_program_run r = QN_RUN(NULL, "run", tiny(), "--json", "-n", "4", "--ignore-end", "hi");
    assert_fine(&r);
    assert_int_equal(n_lines(r.out), 1);
    ASSERT_KEYS(r.out, 0, "text", "reasoning", "tool_calls", "ids", "finish_reason", "usage",
                "timings", "sampling");
    assert_non_null(strstr(r.out.bytes, "\"finish_reason\":\"length\""));
    assert_non_null(strstr(r.out.bytes, "\"prompt_tokens\":22,\"cached_tokens\":0,"
                                        "\"completion_tokens\":4,\"total_tokens\":26"));
}

static const char *ids_of(const qn_program_run *r)
{
    static char kept[4][512]; /* the last four */
    static size_t turn;
    const char *at = strstr(r->out.bytes, "\"ids\":[");
    assert_non_null(at);
    turn = (turn + 1) % 4;
    snprintf(kept[turn], sizeof kept[turn], "%.*s", (int)strcspn(at, "]"), at);
    return kept[turn];
}

static void a_seed_repeats_an_answer_and_another_changes_it(void **state)
{
    (void)state;
    const char *m = tiny();
    qn_program_run r =
        QN_RUN("hi", "run", m, "--json", "-n", "16", "--ignore-end", "--deterministic", "-s", "7");
    assert_fine(&r);
    const char *ids = ids_of(&r);
    r = QN_RUN("hi", "QUERN_SEED=7", "run", m, "--json", "-n", "16", "--ignore-end", "--chunk", "3",
               "-t", "2", "--isa", "ref", "--deterministic");
    assert_string_equal(ids_of(&r), ids);
    r = QN_RUN("hi", "QUERN_SEED=7", "run", m, "--json", "-n", "16", "--ignore-end", "-s", "8");
    assert_string_not_equal(ids_of(&r), ids);
    r = QN_RUN("hi", "run", m, "--json", "-n", "16", "--ignore-end", "--temp", "0");
    ids = ids_of(&r);
    r = QN_RUN("hi", "run", m, "--json", "-n", "16", "--ignore-end", "--top-k", "1", "-s", "99");
    assert_string_equal(ids_of(&r), ids);
}

static void what_the_file_asks_for_gives_way_to_flags(void **state)
{
    (void)state;
    const char *m =
        qn_test_tiny_chat("tiny-sampling.gguf", &(qn_tiny_chat){.temperature = 0.25, .top_k = 40});
    qn_program_run r = QN_RUN(NULL, "run", m, "--json", "-n", "1", "-s", "1", "hi");
    assert_non_null(strstr(r.out.bytes, "\"sampling\":{\"temperature\":0.25,\"top_k\":40,"
                                        "\"top_p\":1,\"min_p\":0,\"seed\":1}"));
    r = QN_RUN(NULL, "run", m, "--json", "-n", "1", "-s", "1", "--temp", "0.5", "--top-p", "0.9",
               "--min-p", "0.1", "--top-k", "0", "hi");
    assert_non_null(
        strstr(r.out.bytes, "\"sampling\":{\"temperature\":0.5,\"top_k\":0,\"top_p\":0.9"));
    r = QN_RUN(NULL, "show", m, "--json");
    assert_non_null(strstr(r.out.bytes, "\"sampling\":{\"temperature\":0.25,\"top_k\":40,"));
}

static void a_prompt_comes_from_an_argument_a_file_or_a_pipe(void **state)
{
    (void)state;
    const char *m = tiny(), *file = qn_test_file("prompt", 3, "hi\n");
    qn_program_run r = QN_RUN("ignored", "run", m, "hi", "--temp", "0", "-n", "8", "--json");
    assert_fine(&r);
    const char *ids = ids_of(&r);
    r = QN_RUN("ignored", "run", m, "-f", file, "--temp", "0", "-n", "8", "--json");
    assert_string_equal(ids_of(&r), ids);
    r = QN_RUN("hi\n", "run", m, "--temp", "0", "-n", "8", "--json");
    assert_string_equal(ids_of(&r), ids);
    r = QN_RUN("hi\n", "run", "--temp", "0", "-n", "8", "--json", "-m", m, "-f", "-");
    assert_string_equal(ids_of(&r), ids);
    r = QN_RUN("", "run", m);
    assert_refused(&r, 2, "the prompt is empty");
    r = QN_RUN("", "run", m, "hi", "-f", file);
    assert_refused(&r, 2, "not both");
    r = QN_RUN("", "run", m, "one", "two");
    assert_refused(&r, 2, "put the prompt in quotes");
    r = QN_RUN("", "run", m, "-f", "/nonexistent/prompt");
    assert_refused(&r, 1, "/nonexistent/prompt");
}

static void raw_text_and_a_system_message_change_the_prompt(void **state)
{
    (void)state;
    const char *m = tiny();
    qn_program_run r = QN_RUN(NULL, "run", m, "--raw", "--json", "-n", "1", "hi");
    assert_non_null(strstr(r.out.bytes, "\"prompt_tokens\":3,"));
    r = QN_RUN(NULL, "run", m, "--system", "be", "--json", "-n", "1", "hi");
    assert_non_null(strstr(r.out.bytes, "\"prompt_tokens\":34,"));
    r = QN_RUN(NULL, "run", m, "--raw", "--system", "be", "hi");
    assert_refused(&r, 2, "--system");
    const char *plain = qn_test_tiny_chat("plain.gguf", &(qn_tiny_chat){.no_template = true});
    r = QN_RUN(NULL, "run", plain, "hi");
    assert_refused(&r, 6, "--raw");
    r = QN_RUN(NULL, "run", plain, "--raw", "-n", "1", "hi");
    assert_fine(&r);
}

static void an_answer_ends_before_a_stop_string(void **state)
{
    (void)state;
    const char *m = tiny();
    qn_program_run r =
        QN_RUN(NULL, "run", m, "hi", "--temp", "0", "-n", "32", "--ignore-end", "--raw");
    assert_fine(&r);
    char stop[2] = "", expected[64];
    size_t n = 0; /* the first visible character that is ASCII */
    while (n < r.out.n_bytes && (r.out.bytes[n] < '!' || r.out.bytes[n] > '~'))
        n++;
    assert_true(n < r.out.n_bytes && n < sizeof expected - 2);
    stop[0] = r.out.bytes[n];
    snprintf(expected, sizeof expected, "%.*s%s", (int)n, r.out.bytes,
             n && r.out.bytes[n - 1] == '\n' ? "" : "\n");
    r = QN_RUN(NULL, "run", m, "hi", "--temp", "0", "-n", "32", "--ignore-end", "--raw", "--stop",
               stop);
    assert_string_equal(r.out.bytes, expected);
    r = QN_RUN(NULL, "run", m, "hi", "--stop", "");
    assert_refused(&r, 2, "--stop");
}

static void what_does_not_fit_is_refused_by_how_much(void **state)
{
    (void)state;
    const char *m = tiny();
    qn_program_run r = QN_RUN(NULL, "run", m, "hi", "-c", "20");
    assert_refused(&r, 4, "22 tokens, 2 more than the context of 20");
    r = QN_RUN(NULL, "run", m, "hi", "-c", "100000");
    assert_true(r.rc == 2 || r.rc == 4);
    r = QN_RUN(NULL, "bench", m, "-p", "300");
    assert_refused(&r, 4, "256");
}

static void values_out_of_range_are_named(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"--temp", "-1"},  {"--temp", "hot"},      {"--top-p", "1.5"},       {"--min-p", "nan"},
        {"--top-k", "-3"}, {"--threads", "0"},     {"--chunk", "0"},         {"--isa", "mmx"},
        {"--kv", "f8"},    {"--activations", "2"}, {"--weights", "nowhere"}, {"--seed", "x"},
        {"--predict", ""}, {"--ctx", "0"}};
    const char *m = tiny();
    for (size_t i = 0; i < QN_COUNT(wrong); i++) {
        char option[64];
        snprintf(option, sizeof option, "%s=%s", wrong[i][0], wrong[i][1]);
        qn_program_run r = QN_RUN(NULL, "run", m, "hi", option);
        assert_refused(&r, 2, wrong[i][0]);
    }
}

static void copied_weights_give_the_same_answer_and_are_planned(void **state)
{
    (void)state;
    const char *m = tiny();
    static const char *const ways[2][2] = {{"huge", "copied to large pages"},
                                           {"packed", "packed in large pages"}};
    for (size_t i = 0; i < QN_COUNT(ways); i++) {
        qn_program_run a = QN_RUN("hello", "score", m, "--json");
        qn_program_run b = QN_RUN("hello", "score", m, "--json", "--weights", ways[i][0]);
        assert_int_equal(b.rc, 0);
        assert_int_equal(a.out.n_bytes, b.out.n_bytes);
        assert_memory_equal(a.out.bytes, b.out.bytes, a.out.n_bytes);
        qn_program_run p = QN_RUN(NULL, "plan", m, "--weights", ways[i][0]);
        assert_int_equal(p.rc, 0);
        assert_non_null(strstr(p.out.bytes, ways[i][1]));
    }
}

static void score_prints_a_line_for_each_token_and_the_sums(void **state)
{
    (void)state;
    const char *m = tiny();
    qn_program_run r = QN_RUN("hill", "score", m, "--json", "--top", "2");
    assert_fine(&r);
    assert_int_equal(n_lines(r.out), 6);
    for (size_t i = 0; i < 5; i++)
        ASSERT_KEYS(r.out, i, "id", "logprob", "top");
    ASSERT_KEYS(r.out, 5, "tokens", "nll", "perplexity", "numerics");
    assert_non_null(strstr(r.out.bytes, "{\"id\":1,\"logprob\":null,\"top\":[]}"));
    double n = number_after(r.out, "\"tokens\":"), nll = number_after(r.out, "\"nll\":");
    assert_true(n == 4);
    assert_true(fabs(number_after(r.out, "\"perplexity\":") - exp(nll / n)) < 1e-9 * exp(nll / n));
    qn_program_run ids = QN_RUN("[1,107,108,111,111]", "score", m, "--json", "--top", "2", "--ids");
    assert_string_equal(ids.out.bytes, r.out.bytes);
}

/* With --deterministic also at every level of the CPU. */
static void scores_do_not_depend_on_how_they_are_computed(void **state)
{
    (void)state;
    static const char *const how[][3] = {{"--chunk=1"},
                                         {"--chunk=37"},
                                         {"--threads=2"},
                                         {"--chunk=5", "--threads=3"},
                                         {"--deterministic", "--isa=ref"},
                                         {"--deterministic", "--chunk=5", "--threads=3"}};
    const char *m = tiny(), *text = "a hand mill grinds what its owner grew, and nobody else's";
    for (size_t i = 0; i < QN_COUNT(how); i++) {
        const char *exact = strcmp(how[i][0], "--deterministic") == 0 ? how[i][0] : NULL;
        qn_program_run r = qn_program_run_with(
            text, (const char *const[]){"score", m, "--json", "--top", "3", how[i][0], how[i][1],
                                        how[i][1] ? how[i][2] : NULL, NULL});
        qn_program_run plain = qn_program_run_with(
            text, (const char *const[]){"score", m, "--json", "--top", "3", exact, NULL});
        assert_fine(&plain);
        assert_string_equal(r.out.bytes, plain.out.bytes);
    }
}

static void a_model_is_compared_with_a_reference(void **state)
{
    (void)state;
    const char *m = tiny(), *text = "a hand mill grinds what its owner grew, and nobody else's";
    const char *other = qn_test_tiny_chat("other.gguf", &(qn_tiny_chat){.seed = 5});
    qn_program_run r = QN_RUN(text, "score", m, "--json", "--reference", m);
    assert_fine(&r);
    assert_true(number_after(r.out, "\"mean\":") == 0);
    assert_true(number_after(r.out, "\"max\":") == 0);
    assert_true(number_after(r.out, "\"top1_agreement\":") == 1);
    r = QN_RUN(text, "score", m, "--json", "--reference", "f32");
    double between_modes = number_after(r.out, "\"mean\":");
    assert_true(between_modes > 0 && between_modes < 0.1);
    r = QN_RUN(text, "score", m, "--json", "--reference", other);
    assert_true(number_after(r.out, "\"mean\":") > between_modes);
    assert_true(number_after(r.out, "\"top1_agreement\":") < 1);
    r = QN_RUN(text, "score", m, "--reference", "/nonexistent/model.gguf");
    assert_int_equal(r.rc, 3);
}

static void plan_show_and_bench_have_stable_keys(void **state)
{
    (void)state;
    const char *m = tiny();
    qn_program_run r = QN_RUN(NULL, "plan", m, "--json", "-c", "128", "-s", "2");
    assert_fine(&r);
    ASSERT_KEYS(r.out, 0, "weights", "kv", "activations", "adapters", "tokenizer", "process",
                "total", "anonymous", "available", "fits", "largest_context", "context",
                "sequences", "chunk", "threads", "kv_bytes_per_token", "k_type", "v_type");
    assert_true(number_after(r.out, "\"context\":") == 128);
    r = QN_RUN(NULL, "show", m, "--json");
    assert_fine(&r);
    ASSERT_KEYS(r.out, 0, "name", "family", "arch", "parameters", "context", "vocab", "layers",
                "file", "encodings", "tensors", "tokenizer", "chat_template_sha256", "sampling");
    assert_non_null(strstr(r.out.bytes, "\"encodings\":{\"F32\":5,\"Q8_0\":15}"));
    assert_non_null(strstr(r.out.bytes, "\"Tiny \\\"chat\\\"\""));
    r = QN_RUN(NULL, "show", m, "--program");
    assert_fine(&r);
    assert_non_null(strstr(r.out.bytes, "blk.1.ffn_down.weight"));
    r = QN_RUN(NULL, "bench", m, "--json", "-p", "8", "-n", "4", "-r", "1", "-t", "1");
    assert_fine(&r);
    assert_int_equal(n_lines(r.out), 2);
    for (size_t i = 0; i < 2; i++)
        ASSERT_KEYS(r.out, i, "test", "threads", "sequences", "depth", "tokens_per_second",
                    "samples", "weight_bytes_per_token", "kv_bytes_per_token", "ops_per_token",
                    "float_ops_per_token", "attention_ops_per_token", "level", "numerics",
                    "weights_in_large_pages");
    assert_non_null(strstr(r.out.bytes, "{\"test\":\"pp8\""));
    assert_non_null(strstr(r.out.bytes, "{\"test\":\"tg4\""));
    r = QN_RUN(NULL, "bench", m, "--json", "-p", "8", "-n", "4", "-r", "2", "-d", "70", "-s", "3");
    assert_fine(&r);
    assert_non_null(strstr(r.out.bytes, "{\"test\":\"pp8@d70xs3\""));
    assert_non_null(strstr(r.out.bytes, "{\"test\":\"tg4@d70xs3\""));
    r = QN_RUN(NULL, "bench", m, "--json", "-p", "8", "-n", "0", "-r", "1", "--limits");
    assert_fine(&r);
    assert_int_equal(n_lines(r.out), 2);
    ASSERT_KEYS(r.out, 0, "test", "threads", "buffer_bytes", "read_bytes_per_second",
                "int8_ops_per_second", "f32_ops_per_second", "bf16_ops_per_second");
    assert_true(number_after(r.out, "\"limit\":") > 0);
    assert_true(number_after(r.out, "\"fraction_of_limit\":") > 0);
}

static void a_reader_that_goes_away_ends_the_program_quietly(void **state)
{
    (void)state;
    const char *m = tiny(), *text = qn_test_file("text", 9, "hand mill");
    const char *const commands[][8] = {{"run", m, "hi", "--ignore-end"},
                                       {"run", m, "hi", "--json", "-n", "4"},
                                       {"show", m},
                                       {"plan", m},
                                       {"score", m, "-f", text},
                                       {"tokenize", m, "-f", m}};
    for (size_t i = 0; i < QN_COUNT(commands); i++) {
        qn_program_run r = qn_program_run_unread(commands[i]);
        assert_int_equal(r.rc, 0);
        assert_int_equal(r.err.n_bytes, 0);
        r = qn_program_run_into("/dev/full", commands[i]);
        assert_int_equal(r.rc, 1);
        const char *told = strstr(r.err.bytes, "standard output cannot be written");
        assert_non_null(told);
        assert_null(strstr(told + 1, "standard output cannot be written"));
    }
}

static void a_signal_ends_an_answer_with_its_own_status(void **state)
{
    (void)state;
    const char *m = tiny();
    const char *const words[] = {"run", m, "hi", "--ignore-end", "--raw", NULL};
    qn_program_run r = qn_program_run_signalled(SIGINT, words);
    assert_int_equal(r.rc, 130);
    assert_int_equal(r.err.n_bytes, 0);
    r = qn_program_run_signalled(SIGTERM, words);
    assert_int_equal(r.rc, 143);
    assert_int_equal(r.err.n_bytes, 0);
}

QN_TEST_MAIN(cmocka_unit_test(a_signal_ends_an_answer_with_its_own_status),
             cmocka_unit_test(an_answer_as_json_has_all_its_keys),
             cmocka_unit_test(a_seed_repeats_an_answer_and_another_changes_it),
             cmocka_unit_test(what_the_file_asks_for_gives_way_to_flags),
             cmocka_unit_test(a_prompt_comes_from_an_argument_a_file_or_a_pipe),
             cmocka_unit_test(raw_text_and_a_system_message_change_the_prompt),
             cmocka_unit_test(an_answer_ends_before_a_stop_string),
             cmocka_unit_test(what_does_not_fit_is_refused_by_how_much),
             cmocka_unit_test(values_out_of_range_are_named),
             cmocka_unit_test(copied_weights_give_the_same_answer_and_are_planned),
             cmocka_unit_test(score_prints_a_line_for_each_token_and_the_sums),
             cmocka_unit_test(scores_do_not_depend_on_how_they_are_computed),
             cmocka_unit_test(a_model_is_compared_with_a_reference),
             cmocka_unit_test(plan_show_and_bench_have_stable_keys),
             cmocka_unit_test(a_reader_that_goes_away_ends_the_program_quietly))
