/* tests/engine/invariance.c - the same request gives the same bits: alone or beside others, in any
 * chunks, on any threads, at every level of the CPU, with its prefix cached or not. */
#include "tests/support/fixture.h"
#include "tests/support/random_model.h"
#include "tests/support/run.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROMPT = 150, SHORT = 80, PREDICT = 40, OTHERS = 16 }; /* all longer than a page */

typedef struct subject { /* a tiny model, and what it gave in the plain case */
    char path[256];
    bool f32;
    uint32_t ids[SHORT];
    float *logits;
    size_t n_logits;
} subject;

static void open_subject(subject *s, const char *shape, const char *encoding, bool f32)
{
    char file[64];
    *s = (subject){.f32 = f32};
    snprintf(file, sizeof file, "%s-%s.gguf", shape, encoding);
    snprintf(s->path, sizeof s->path, "%s", qn_test_file(file, 0, ""));
    assert_true(qn_random_model_write(s->path, qn_model_shape_named(shape), encoding, 0));
    for (size_t i = 0; i < SHORT; i++)
        s->ids[i] = (uint32_t)(qn_test_random(1, i) % 256);
    qn_test_run r;
    qn_test_run_open(&r, s->path, &(qn_test_setting){.f32_activations = f32});
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

static void assert_invariant(const char *shape, const char *encoding, bool f32)
{
    static const struct {
        uint32_t n_chunk, n_threads;
    } cuts[] = {{1, 1}, {1, 2}, {37, 1}, {37, 2}, {37, 3}, {512, 2}};
    subject s;
    open_subject(&s, shape, encoding, f32);
    for (size_t i = 0; i < QN_COUNT(cuts); i++)
        assert_same_logits(&s,
                           &(qn_test_setting){.f32_activations = f32,
                                              .n_chunk = cuts[i].n_chunk,
                                              .n_threads = cuts[i].n_threads},
                           "a chunk or a thread");
    for (qn_cpu_level l = QN_SANITIZED ? QN_CPU_AVX2 : QN_CPU_REF; l < QN_CPU_N_LEVELS; l++)
        if (qn_cpu_has(l))
            assert_same_logits(
                &s, &(qn_test_setting){.f32_activations = f32, .at_level = true, .level = l},
                qn_cpu_level_name(l));
    free(s.logits);
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

static void assert_alone_as_beside_others(const char *fixture)
{
    qn_fixture f;
    qn_fixture_open(&f, fixture);
    const char *path = qn_fixture_write_gguf(&f, "beside.gguf", QN_Q8_0, NULL);
    qn_test_run alone, together;
    stream expected[OTHERS + 1], got[OTHERS + 1];
    qn_error err;
    qn_test_run_open(&alone, path, &(qn_test_setting){.n_ctx = 256});
    for (size_t i = 0; i <= OTHERS; i++) {
        submit(alone.engine, f.ids + i, PROMPT - 9 * i, i, &expected[i]);
        assert_int_equal(qn_engine_drain(alone.engine, &err), QN_OK);
    }
    qn_test_run_open(
        &together, path,
        &(qn_test_setting){.n_ctx = 256, .n_sequences = OTHERS + 1, .n_chunk = 50, .n_threads = 2});
    for (size_t i = 0; i <= OTHERS; i++)
        submit(together.engine, f.ids + i, PROMPT - 9 * i, i, &got[i]);
    assert_int_equal(qn_engine_drain(together.engine, &err), QN_OK);
    for (size_t i = 0; i <= OTHERS; i++)
        assert_memory_equal(got[i].ids, expected[i].ids, sizeof got[i].ids);
    qn_test_run_close(&alone);
    qn_test_run_close(&together);
    qn_fixture_close(&f);
}

static void neighbours_change_no_sampled_id(void **state)
{
    (void)state;
    assert_alone_as_beside_others("gemma3-plain");
    assert_alone_as_beside_others("qwen3moe-many");
}

/* --- cached or not --- */

static void a_cached_prefix_changes_no_sampled_id(void **state)
{
    (void)state;
    static const char *const fixtures[] = {"llama-plain", "gemma3-plain", "qwen3moe-plain"};
    for (size_t i = 0; i < QN_COUNT(fixtures); i++) {
        qn_fixture f;
        qn_fixture_open(&f, fixtures[i]);
        const char *path = qn_fixture_write_gguf(&f, "cached.gguf", QN_Q8_0, NULL);
        qn_test_run cold, warm;
        stream expected, got;
        qn_error err;
        qn_test_run_open(&cold, path, &(qn_test_setting){.n_ctx = 256, .no_prefix_cache = true});
        submit(cold.engine, f.ids, PROMPT, 0, &expected);
        assert_int_equal(qn_engine_drain(cold.engine, &err), QN_OK);
        qn_test_run_open(&warm, path, &(qn_test_setting){.n_ctx = 256});
        for (size_t n = 70; n <= PROMPT; n += 40) { /* ever longer prefixes, then the whole */
            submit(warm.engine, f.ids, n, 0, &got);
            assert_int_equal(qn_engine_drain(warm.engine, &err), QN_OK);
        }
        submit(warm.engine, f.ids, PROMPT, 0, &got);
        assert_int_equal(qn_engine_drain(warm.engine, &err), QN_OK);
        assert_memory_equal(got.ids, expected.ids, sizeof got.ids);
        qn_test_run_close(&cold);
        qn_test_run_close(&warm);
        qn_fixture_close(&f);
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
             cmocka_unit_test(neighbours_change_no_sampled_id),
             cmocka_unit_test(a_cached_prefix_changes_no_sampled_id),
             cmocka_unit_test(a_repeated_prompt_is_cached_to_its_last_whole_page))
