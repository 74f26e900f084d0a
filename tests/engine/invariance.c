/* tests/engine/invariance.c - the same request gives the same bits: alone or beside others, in any
 * chunks, on any threads, at every level of the CPU, with its prefix cached or not, with weights as
 * in the file or packed. */
#include "engine/prefix.h"
#include "tests/support/fixture.h"
#include "tests/support/random_model.h"
#include "tests/support/run.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tokens, so that a prompt is longer than a page; requests beside one. */
enum {
    PROMPT = 150,
    SHORT = 80,
    PREDICT = QN_THREAD_SANITIZED ? 12 : 40,
    OTHERS = QN_THREAD_SANITIZED ? 4 : 16
};

typedef struct subject { /* a tiny model, and what it gave in the plain case */
    char path[256];
    qn_test_setting plain;
    uint32_t ids[SHORT];
    float *logits;
    size_t n_logits;
} subject;

static void open_subject(subject *s, const char *shape, const char *encoding, qn_test_setting plain)
{
    char file[64];
    *s = (subject){.plain = plain};
    snprintf(file, sizeof file, "%s-%s.gguf", shape, encoding);
    snprintf(s->path, sizeof s->path, "%s", qn_test_file(file, 0, ""));
    assert_true(qn_random_model_write(s->path, qn_model_shape_named(shape), encoding, 0));
    for (size_t i = 0; i < SHORT; i++)
        s->ids[i] = (uint32_t)(qn_test_random(1, i) % 256);
    qn_test_run r;
    qn_test_run_open(&r, s->path, &plain);
    s->n_logits = SHORT * r.model.program.n_vocab;
    s->logits = qn_test_logits(&r, SHORT, s->ids);
    qn_test_run_close(&r);
}

static void assert_same_logits(const subject *s, const qn_test_setting *setting, const char *what)
{
    qn_test_run r;
    qn_test_run_open(&r, s->path, setting);
    float *got = qn_test_logits(&r, SHORT, s->ids);
    if (memcmp(got, s->logits, s->n_logits * sizeof *got) != 0)
        fail_msg("%s: %s changes bits", s->path, what);
    free(got);
    qn_test_run_close(&r);
}

/* At the best level, which may have arithmetic of its own. */
static void assert_same_cut(const subject *s)
{
    static const struct {
        uint32_t n_chunk, n_threads;
    } cuts[] = {{1, 1}, {1, 2}, {1, 3}, {4, 2}, {37, 1}, {37, 2}, {37, 3}, {512, 2}};
    for (size_t i = 0; i < QN_COUNT(cuts); i++) {
        qn_test_setting cut = s->plain;
        if (QN_THREAD_SANITIZED && cuts[i].n_threads == 1)
            continue; /* no race to find */
        cut.n_chunk = cuts[i].n_chunk;
        cut.n_threads = cuts[i].n_threads;
        assert_same_logits(s, &cut, "a chunk or a thread");
    }
}

static void assert_same_packed(const subject *s)
{
    const uint32_t least = QN_SANITIZED ? 4 : 1, most = QN_SANITIZED ? 4 : 16;
    for (uint32_t n_chunk = least; n_chunk <= most; n_chunk *= 4) {
        qn_test_setting packed = s->plain;
        packed.weights = QN_WEIGHTS_PACKED;
        packed.n_chunk = n_chunk;
        packed.n_threads = 2;
        assert_same_logits(s, &packed, "packing");
    }
}

static void assert_invariant_with(const char *shape, const char *encoding, qn_test_setting plain)
{
    subject s;
    plain.deterministic = true;
    open_subject(&s, shape, encoding, plain);
    assert_same_cut(&s);
    assert_same_packed(&s);
    for (qn_cpu_level l = QN_SANITIZED ? QN_CPU_AVX2 : QN_CPU_REF; l < QN_CPU_N_LEVELS; l++) {
        qn_test_setting at = plain;
        at.at_level = true;
        at.level = l;
        if (qn_cpu_has(l))
            assert_same_logits(&s, &at, qn_cpu_level_name(l));
    }
    free(s.logits);
}

static void assert_invariant(const char *shape, const char *encoding, bool f32)
{
    assert_invariant_with(shape, encoding, (qn_test_setting){.f32_activations = f32});
}

static void chunks_threads_and_levels_change_no_bit(void **state)
{
    (void)state;
    static const char *const shapes[] = {"tiny", "tiny-windowed", "tiny-normed", "tiny-experts"};
    assert_invariant("tiny-windowed", "Q4_K_M", false);
    if (QN_SANITIZED)
        return; /* the rest differs in arithmetic alone */
    for (size_t i = 0; i < QN_COUNT(shapes); i++)
        for (qn_encoding e = QN_NO_ENCODING + 1; e < QN_N_ENCODINGS; e++)
            assert_invariant(shapes[i], qn_encoding_name(e), false);
    assert_invariant("tiny", "F32", true);
    assert_invariant("tiny-windowed", "Q4_K_M", true);
}

/* Quantized keys and values, alone and together; how threads share them the first two show. */
static const qn_test_setting stored[] = {
    {.has_kv = true, .k_type = QN_KV_Q8_0, .v_type = QN_KV_Q8_0},
    {.has_kv = true, .k_type = QN_KV_Q4_0, .v_type = QN_KV_F32},
    {.has_kv = true, .k_type = QN_KV_Q4_0, .v_type = QN_KV_Q4_0},
    {.has_kv = true, .k_type = QN_KV_F16, .v_type = QN_KV_Q8_0},
};
enum { N_STORED = QN_THREAD_SANITIZED ? 2 : QN_COUNT(stored) };

static void chunks_threads_and_levels_change_no_bit_of_quantized_kv(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_STORED; i++) {
        if (!QN_THREAD_SANITIZED || i % 2 == 0) /* threads share either shape alike */
            assert_invariant_with("tiny", "Q8_0", stored[i]);
        if (!QN_THREAD_SANITIZED || i % 2 != 0)
            assert_invariant_with("tiny-windowed", "Q4_K_M", stored[i]);
    }
}

/* Whether class T, where this CPU has any, shows in the logits, and in nothing else. */
static void assert_class_t(subject *fast, const char *shape, const char *encoding,
                           qn_test_setting plain, bool shows)
{
    subject exact;
    if (QN_THREAD_SANITIZED && !shows)
        return; /* threads share the work of class E above */
    open_subject(fast, shape, encoding, plain);
    plain.deterministic = true;
    open_subject(&exact, shape, encoding, plain);
    assert_same_cut(fast);
    bool differs = memcmp(fast->logits, exact.logits, fast->n_logits * sizeof(float)) != 0;
    assert_int_equal(differs, shows && qn_kernels_fastest(qn_cpu_best())->bf16_mul != NULL);
    free(fast->logits);
    free(exact.logits);
}

static void class_t_changes_bits_with_the_level_alone(void **state)
{
    static const qn_test_setting quantized_kv = {
        .has_kv = true, .k_type = QN_KV_Q8_0, .v_type = QN_KV_Q8_0};
    static const qn_test_setting f32_kv = {
        .has_kv = true, .k_type = QN_KV_F32, .v_type = QN_KV_F32};
    (void)state;
    qn_test_run r;
    subject fast;
    assert_class_t(&fast, "tiny", "Q8_0", quantized_kv, false);
    assert_class_t(&fast, "tiny", "Q8_0", f32_kv, false);
    assert_class_t(&fast, "tiny", "BF16", quantized_kv, true);
    assert_class_t(&fast, "tiny", "Q8_0", (qn_test_setting){0}, true);
    assert_class_t(&fast, "tiny-windowed", "Q4_K_M", (qn_test_setting){0}, true);
    assert_class_t(&fast, "tiny-experts", "BF16", (qn_test_setting){0}, true);
    qn_test_run_open(&r, fast.path, &(qn_test_setting){0});
    qn_page_name a = qn_prefix_root(&r.model, QN_NUMERICS_ID);
    qn_page_name b = qn_prefix_root(&r.model, QN_NUMERICS_ID "+amx");
    assert_memory_not_equal(&a, &b, sizeof a);
    qn_test_run_close(&r);
}

static void the_oracle_rounds_no_activations(void **state)
{
    (void)state;
    subject oracle, exact;
    open_subject(&oracle, "tiny", "BF16", (qn_test_setting){.f32_activations = true});
    open_subject(&exact, "tiny", "BF16",
                 (qn_test_setting){.f32_activations = true, .deterministic = true});
    assert_memory_equal(oracle.logits, exact.logits, exact.n_logits * sizeof(float));
    free(oracle.logits);
    free(exact.logits);
}

/* --- beside others --- */

typedef struct stream {
    uint32_t ids[PREDICT];
    size_t n;
} stream;

static void keep_ids(void *context, const qn_event *event)
{
    stream *s = context;
    if (event->kind == QN_EVENT_TOKEN)
        s->ids[s->n++] = event->id;
}

static void submit(qn_engine *e, const uint32_t *ids, size_t n_ids, uint64_t sequence, stream *s)
{
    uint64_t id;
    qn_error err;
    s->n = 0;
    qn_request r = {.ids = ids,
                    .n_ids = n_ids,
                    .n_predict = PREDICT,
                    .sampling = {.temperature = 1, .top_p = 0.95f, .seed = 7},
                    .sequence = sequence,
                    .ignore_end = true,
                    .on_event = keep_ids,
                    .context = s};
    assert_int_equal(qn_engine_submit(e, &r, &id, &err), QN_OK);
}

static void assert_same_beside_others(const char *path, const uint32_t *ids, qn_test_setting plain)
{
    qn_test_run alone, together;
    qn_test_setting many = plain;
    stream expected[OTHERS + 1], got[OTHERS + 1];
    qn_error err;
    plain.n_ctx = many.n_ctx = 256;
    many.n_sequences = OTHERS + 1;
    many.n_chunk = 50;
    many.n_threads = 2;
    qn_test_run_open(&alone, path, &plain);
    for (size_t i = 0; i <= OTHERS; i++) {
        submit(alone.engine, ids + i, PROMPT - 9 * i, i, &expected[i]);
        assert_int_equal(qn_engine_drain(alone.engine, &err), QN_OK);
    }
    qn_test_run_open(&together, path, &many);
    for (size_t i = 0; i <= OTHERS; i++)
        submit(together.engine, ids + i, PROMPT - 9 * i, i, &got[i]);
    assert_int_equal(qn_engine_drain(together.engine, &err), QN_OK);
    for (size_t i = 0; i <= OTHERS; i++)
        assert_memory_equal(got[i].ids, expected[i].ids, sizeof got[i].ids);
    qn_test_run_close(&alone);
    qn_test_run_close(&together);
}

static void neighbours_change_no_sampled_id(void **state)
{
    (void)state;
    static const char *const fixtures[] = {"gemma3-plain", "qwen3moe-many"};
    for (size_t i = 0; i < QN_COUNT(fixtures); i++) {
        qn_fixture f;
        qn_fixture_open(&f, fixtures[i]);
        assert_same_beside_others(qn_fixture_write_gguf(&f, "beside.gguf", QN_Q8_0, NULL), f.ids,
                                  (qn_test_setting){0});
        qn_fixture_close(&f);
    }
}

/* A model whose heads quantized pages can hold, and ids for it. */
static void write_stored(char path[256], uint32_t ids[PROMPT + OTHERS])
{
    snprintf(path, 256, "%s", qn_test_file("stored.gguf", 0, ""));
    assert_true(qn_random_model_write(path, qn_model_shape_named("tiny-windowed"), "Q8_0", 0));
    for (size_t i = 0; i < PROMPT + OTHERS; i++)
        ids[i] = (uint32_t)(qn_test_random(2, i) % 256);
}

static void neighbours_change_no_sampled_id_of_quantized_kv(void **state)
{
    char path[256];
    uint32_t ids[PROMPT + OTHERS];
    (void)state;
    write_stored(path, ids);
    for (size_t i = 0; i < N_STORED; i++)
        assert_same_beside_others(path, ids, stored[i]);
}

/* --- cached or not --- */

static void assert_same_when_cached(const char *path, const uint32_t *ids, qn_test_setting plain)
{
    qn_test_run cold, warm;
    stream expected, got;
    qn_error err;
    plain.n_ctx = 256;
    qn_test_run_open(&warm, path, &plain);
    plain.no_prefix_cache = true;
    qn_test_run_open(&cold, path, &plain);
    submit(cold.engine, ids, PROMPT, 0, &expected);
    assert_int_equal(qn_engine_drain(cold.engine, &err), QN_OK);
    for (size_t n = 70; n <= PROMPT; n += 40) { /* ever longer prefixes, then the whole */
        submit(warm.engine, ids, n, 0, &got);
        assert_int_equal(qn_engine_drain(warm.engine, &err), QN_OK);
    }
    submit(warm.engine, ids, PROMPT, 0, &got);
    assert_int_equal(qn_engine_drain(warm.engine, &err), QN_OK);
    assert_memory_equal(got.ids, expected.ids, sizeof got.ids);
    qn_test_run_close(&cold);
    qn_test_run_close(&warm);
}

static void a_cached_prefix_changes_no_sampled_id(void **state)
{
    (void)state;
    static const char *const fixtures[] = {"llama-plain", "gemma3-plain", "qwen3moe-plain"};
    for (size_t i = 0; i < QN_COUNT(fixtures); i++) {
        qn_fixture f;
        qn_fixture_open(&f, fixtures[i]);
        assert_same_when_cached(qn_fixture_write_gguf(&f, "cached.gguf", QN_Q8_0, NULL), f.ids,
                                (qn_test_setting){0});
        qn_fixture_close(&f);
    }
    char path[256];
    uint32_t ids[PROMPT + OTHERS];
    write_stored(path, ids);
    for (size_t i = 0; i < N_STORED; i++)
        assert_same_when_cached(path, ids, stored[i]);
}

/* Behind 2,048 positions members share the spans of one row. */
static void threads_change_no_id_sampled_behind_a_long_past(void **state)
{
    (void)state;
    enum { PAST = 2100 };
    static uint32_t ids[PAST];
    const char *path = qn_test_file("long.gguf", 0, "");
    assert_true(qn_random_model_write(path, qn_model_shape_named("tiny"), "Q8_0", 0));
    for (size_t i = 0; i < PAST; i++)
        ids[i] = (uint32_t)(qn_test_random(3, i) % 256);
    enum { LEAST = QN_THREAD_SANITIZED ? 2 : 1, MOST = 3 };
    stream got[MOST + 1];
    for (uint32_t n = LEAST; n <= MOST; n++) {
        qn_test_run r;
        qn_error err;
        qn_test_run_open(&r, path, &(qn_test_setting){.n_ctx = 2200, .n_threads = n});
        submit(r.engine, ids, PAST, 0, &got[n]);
        assert_int_equal(qn_engine_drain(r.engine, &err), QN_OK);
        qn_test_run_close(&r);
        assert_memory_equal(got[n].ids, got[LEAST].ids, sizeof got[n].ids);
    }
}

static void count_cached(void *context, const qn_event *event)
{
    if (event->kind == QN_EVENT_END)
        *(uint32_t *)context = event->usage->n_cached;
}

static void a_repeated_prompt_is_cached_to_its_last_whole_page(void **state)
{
    (void)state;
    qn_fixture f;
    qn_fixture_open(&f, "gemma3-plain");
    qn_test_run r;
    qn_test_run_open(&r, qn_fixture_write_gguf(&f, "count.gguf", QN_F32, NULL),
                     &(qn_test_setting){.n_ctx = 256});
    for (int again = 0; again <= 1; again++) {
        uint32_t n_cached = UINT32_MAX;
        uint64_t id;
        qn_error err;
        qn_request q = {.ids = f.ids,
                        .n_ids = PROMPT,
                        .sampling.top_p = 1,
                        .on_event = count_cached,
                        .context = &n_cached};
        assert_int_equal(qn_engine_submit(r.engine, &q, &id, &err), QN_OK);
        assert_int_equal(qn_engine_drain(r.engine, &err), QN_OK);
        assert_int_equal(n_cached, again * (PROMPT / 64 * 64));
    }
    qn_test_run_close(&r);
    qn_fixture_close(&f);
}

QN_TEST_MAIN(cmocka_unit_test(chunks_threads_and_levels_change_no_bit),
             cmocka_unit_test(chunks_threads_and_levels_change_no_bit_of_quantized_kv),
             cmocka_unit_test(class_t_changes_bits_with_the_level_alone),
             cmocka_unit_test(the_oracle_rounds_no_activations),
             cmocka_unit_test(neighbours_change_no_sampled_id),
             cmocka_unit_test(neighbours_change_no_sampled_id_of_quantized_kv),
             cmocka_unit_test(a_cached_prefix_changes_no_sampled_id),
             cmocka_unit_test(threads_change_no_id_sampled_behind_a_long_past),
             cmocka_unit_test(a_repeated_prompt_is_cached_to_its_last_whole_page))
