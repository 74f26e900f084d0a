/* tests/engine/engine.c - an engine keeps to its plan, allocates nothing while it runs, ends
 * requests as asked, and fails cleanly. */
#include "tests/support/fixture.h"
#include "tests/support/run.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "base/machine.h"
#include "engine/layout.h"
#include "engine/plan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static qn_fixture fixture;
static const char *path;

static int open_fixture(void **state)
{
    (void)state;
    qn_fixture_open(&fixture, "llama-wide-head");
    path = qn_fixture_write_gguf(&fixture, "engine.gguf", QN_Q8_0, NULL);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    qn_fixture_close(&fixture);
    return 0;
}

typedef struct outcome {
    size_t n_tokens, n_text, n_ends;
    char text[4096];
    qn_finish finish;
    qn_usage usage;
    qn_error err;
} outcome;

static void note(void *context, const qn_event *event)
{
    outcome *o = context;
    if (event->kind == QN_EVENT_TOKEN)
        o->n_tokens++;
    if (event->kind == QN_EVENT_TEXT) {
        assert_true(o->n_text + event->n_bytes < sizeof o->text);
        memcpy(o->text + o->n_text, event->bytes, event->n_bytes);
        o->n_text += event->n_bytes;
    }
    if (event->kind == QN_EVENT_END) {
        o->n_ends++;
        o->finish = event->finish;
        o->usage = *event->usage;
        if (event->err)
            o->err = *event->err;
    }
}

static qn_request request(outcome *o, size_t n_ids, uint32_t n_predict)
{
    memset(o, 0, sizeof *o);
    return (qn_request){.ids = fixture.ids,
                        .n_ids = n_ids,
                        .n_predict = n_predict,
                        .sampling = {.temperature = 1, .top_p = 1, .seed = 3},
                        .ignore_end = true,
                        .on_event = note,
                        .context = o};
}

static uint64_t must_submit(qn_engine *e, const qn_request *r)
{
    uint64_t id;
    qn_error err;
    if (qn_engine_submit(e, r, &id, &err) != QN_OK)
        fail_msg("%s", err.text);
    return id;
}

static void must_drain(qn_engine *e)
{
    qn_error err;
    assert_int_equal(qn_engine_drain(e, &err), QN_OK);
}

static void steady_decoding_allocates_nothing(void **state)
{
    (void)state;
    qn_test_run r;
    qn_test_run_open(&r, path, &(qn_test_setting){.n_ctx = 512, .n_threads = 2, .n_sequences = 3});
    outcome o[3];
    qn_error err;
    for (size_t i = 0; i < 3; i++) {
        qn_request q = request(&o[i], 20 + i, 200);
        must_submit(r.engine, &q);
    }
    for (int i = 0; i < 5; i++)
        assert_int_equal(qn_engine_step(r.engine, &err), QN_OK);
    size_t before = qn_alloc_calls();
    must_drain(r.engine);
    assert_int_equal(qn_alloc_calls(), before);
    assert_int_equal(o[2].n_tokens, 200);
    qn_test_run_close(&r);
}

#if QN_SANITIZED
/* Of the sanitizers' runtime; gcc comes without the header that declares it. */
size_t __sanitizer_get_current_allocated_bytes(void);

static uint64_t resident(const qn_arena *a)
{
    static unsigned char in_core[1 << 16];
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 0;
    for (size_t at = 0; at < a->n_bytes; at += sizeof in_core * page) {
        size_t n_bytes = QN_MIN(a->n_bytes - at, sizeof in_core * page);
        assert_int_equal(mincore(a->bytes + at, n_bytes, in_core), 0);
        for (size_t i = 0; i < (n_bytes + page - 1) / page; i++)
            n += in_core[i] & 1;
    }
    return n * page;
}
#endif

/* Anonymous bytes resident. A sanitizer's own would hide them: there the heap's and the arena's. */
static uint64_t in_use(const qn_engine *e)
{
#if QN_SANITIZED
    return __sanitizer_get_current_allocated_bytes() + (e ? resident(&e->arena) : 0);
#else
    (void)e;
    return qn_machine_resident();
#endif
}

static void memory_stays_within_the_plan_and_near_it(void **state)
{
    (void)state;
    enum { SEQUENCES = QN_SANITIZED ? 16 : 64, CONTEXT = QN_SANITIZED ? 1024 : 2048 };
    uint64_t before = in_use(NULL);
    static uint32_t ids[CONTEXT];
    static outcome o[SEQUENCES];
    for (size_t i = 0; i < CONTEXT; i++)
        ids[i] = fixture.ids[i % fixture.n_ids];
    qn_test_run r;
    qn_test_run_open(
        &r, path, &(qn_test_setting){.n_ctx = CONTEXT, .n_sequences = SEQUENCES, .n_threads = 2});
    qn_plan plan;
    qn_error err;
    assert_int_equal(qn_plan_engine(&plan, &r.model, qn_engine_settings(r.engine), &err), QN_OK);
    for (size_t i = 0; i < SEQUENCES; i++) {
        ids[0] = (uint32_t)i; /* nothing is shared */
        qn_request q = request(&o[i], CONTEXT - 8, 100);
        q.ids = ids;
        must_submit(r.engine, &q);
    }
    must_drain(r.engine);
    uint64_t used = in_use(r.engine) - before;
    print_message("# planned %.1f MiB, used %.1f MiB\n", (double)plan.anonymous / 1048576,
                  (double)used / 1048576);
    assert_int_equal(o[SEQUENCES - 1].finish, QN_FINISH_LENGTH);
    assert_true(used <= plan.anonymous);
    assert_true((double)used >= 0.98 * (double)plan.anonymous - 8 * 1048576.0);
    qn_test_run_close(&r);
}

static void opening_and_running_fail_cleanly_at_every_call(void **state)
{
    (void)state;
    size_t live = qn_alloc_live();
    bool fired = true;
    unsigned n = 1;
    for (; fired; n++) {
        qn_model m = {0};
        qn_engine *e = NULL;
        outcome o;
        qn_error err = {0};
        uint64_t id;
        qn_request q = request(&o, 70, 3);
        qn_engine_options options = {.n_ctx = 128, .n_threads = 2, .level = qn_cpu_best()};
        qn_fault_arm(n);
        qn_status status = qn_model_open(
            &m, path, &(qn_model_options){.k_type = QN_KV_F16, .v_type = QN_KV_F16}, &err);
        if (status == QN_OK)
            status = qn_engine_open(&e, &m, &options, &err);
        if (status == QN_OK)
            status = qn_engine_submit(e, &q, &id, &err);
        if (status == QN_OK)
            status = qn_engine_drain(e, &err);
        fired = qn_fault_disarm();
        assert_int_equal(status != QN_OK, fired);
        assert_true(!fired || err.text[0]);
        qn_engine_close(e);
        qn_model_close(&m);
        assert_int_equal(qn_alloc_live(), live);
    }
    assert_true(n > 10);
}

static void a_request_ends_at_its_length_at_a_stop_string_or_when_cancelled(void **state)
{
    (void)state;
    qn_test_run r;
    qn_test_run_open(&r, path, &(qn_test_setting){.n_ctx = 256});
    outcome whole, o;
    qn_error err;
    qn_request q = request(&whole, 30, 60);
    must_submit(r.engine, &q);
    must_drain(r.engine);
    assert_int_equal(whole.finish, QN_FINISH_LENGTH);
    assert_int_equal(whole.n_tokens, 60);

    char stop[4] = {0}; /* three characters out of the middle of the text */
    for (size_t i = 10; i + 3 < whole.n_text && !stop[0]; i++)
        if ((whole.text[i] & 0x80) == 0 && (whole.text[i + 1] & 0x80) == 0 && whole.text[i] &&
            whole.text[i + 1])
            memcpy(stop, whole.text + i, 2);
    assert_true(stop[0]);
    const char *const stops[] = {stop};
    q = request(&o, 30, 60);
    q.stops = (qn_stops){1, stops};
    must_submit(r.engine, &q);
    must_drain(r.engine);
    assert_int_equal(o.finish, QN_FINISH_STOP);
    whole.text[whole.n_text] = 0;
    assert_int_equal(o.n_text, strstr(whole.text, stop) - whole.text);
    assert_memory_equal(o.text, whole.text, o.n_text);

    q = request(&o, 30, 60);
    uint64_t id = must_submit(r.engine, &q);
    for (int i = 0; i < 4; i++)
        assert_int_equal(qn_engine_step(r.engine, &err), QN_OK);
    qn_engine_cancel(r.engine, id);
    must_drain(r.engine);
    assert_int_equal(o.finish, QN_FINISH_CANCELLED);
    assert_int_equal(o.n_tokens, 4);
    assert_int_equal(o.n_ends, 1);
    qn_test_run_close(&r);
}

static void what_cannot_run_is_refused_with_the_reason(void **state)
{
    (void)state;
    qn_test_run r;
    qn_test_run_open(&r, path, &(qn_test_setting){.n_ctx = 64});
    outcome o;
    qn_error err;
    uint64_t id;
    qn_request q = request(&o, 65, 1);
    assert_int_equal(qn_engine_submit(r.engine, &q, &id, &err), QN_EFIT);
    assert_non_null(strstr(err.text, "65 tokens, 1 more than"));
    q = request(&o, 0, 1);
    assert_int_equal(qn_engine_submit(r.engine, &q, &id, &err), QN_EARGUMENT);
    uint32_t beyond = 256;
    q = request(&o, 1, 1);
    q.ids = &beyond;
    assert_int_equal(qn_engine_submit(r.engine, &q, &id, &err), QN_EARGUMENT);
    q = request(&o, 60, 100);
    must_submit(r.engine, &q);
    outcome second;
    qn_request more = request(&second, 5, 1);
    assert_int_equal(qn_engine_submit(r.engine, &more, &id, &err), QN_EFIT);
    must_drain(r.engine);
    assert_int_equal(o.finish, QN_FINISH_LENGTH); /* at the end of the context */
    assert_int_equal(o.n_tokens, 5);
    qn_test_run_close(&r);
}

/* What follows 140 ids, n_noise of them not run. */
static outcome run_noise(qn_engine *e, uint32_t n_noise)
{
    outcome o;
    qn_request q = request(&o, 140, 20);
    q.n_noise = n_noise;
    must_submit(e, &q);
    must_drain(e);
    assert_int_equal(o.finish, QN_FINISH_LENGTH);
    return o;
}

static void noise_stands_for_a_past_that_no_other_request_finds(void **state)
{
    (void)state;
    qn_test_run r;
    qn_test_run_open(&r, path, &(qn_test_setting){.n_ctx = 256});
    outcome noise = run_noise(r.engine, 130), again = run_noise(r.engine, 130), o;
    outcome plain = run_noise(r.engine, 0);
    assert_string_equal(noise.text, again.text);
    assert_string_not_equal(noise.text, plain.text);
    assert_int_equal(plain.usage.n_cached, 0);
    assert_int_equal(again.usage.n_cached, 0);
    assert_int_equal(run_noise(r.engine, 0).usage.n_cached, 128);
    qn_request q = request(&o, 140, 20);
    q.n_noise = 140;
    uint64_t id;
    qn_error err;
    assert_int_equal(qn_engine_submit(r.engine, &q, &id, &err), QN_EARGUMENT);
    assert_non_null(strstr(err.text, "140"));
    assert_int_equal(qn_engine_n_active(r.engine), 0);
    qn_test_run_close(&r);
}

static void heads_that_a_kv_type_cannot_hold_are_refused_by_name(void **state)
{
    (void)state;
    qn_model m;
    qn_error err;
    qn_fixture f; /* with heads of 16 */
    qn_fixture_open(&f, "llama-plain");
    const char *narrow = qn_fixture_write_gguf(&f, "narrow.gguf", QN_Q8_0, NULL);
    qn_model_options o = {.k_type = QN_KV_F16, .v_type = QN_KV_Q4_0};
    assert_int_equal(qn_model_open(&m, narrow, &o, &err), QN_EUNSUPPORTED);
    assert_non_null(
        strstr(err.text, "values of 16 numbers a head are no multiple of 32, as q4_0 needs"));
    o.v_type = QN_KV_Q8_0;
    assert_int_equal(qn_model_open(&m, narrow, &o, &err), QN_OK);
    qn_model_close(&m);
    qn_fixture_close(&f);
}

static void a_file_that_shrinks_fails_the_request_and_not_the_process(void **state)
{
    (void)state;
    const char *copy = qn_fixture_write_gguf(&fixture, "shrinks.gguf", QN_F32, NULL);
    qn_test_run r;
    qn_test_run_open(&r, copy, &(qn_test_setting){.n_ctx = 256});
    outcome o;
    qn_error err;
    qn_request q = request(&o, 100, 10);
    must_submit(r.engine, &q);
    assert_int_equal(qn_map_guard_install(&err), QN_OK); /* cmocka sets its own before each test */
    assert_int_equal(truncate(copy, 4096), 0);
    assert_int_equal(qn_engine_step(r.engine, &err), QN_EIO);
    assert_int_equal(o.finish, QN_FINISH_ERROR);
    assert_non_null(strstr(o.err.text, "shrinks.gguf"));
    assert_int_equal(qn_engine_n_active(r.engine), 0);
    qn_test_run_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_decoding_allocates_nothing),
        cmocka_unit_test(memory_stays_within_the_plan_and_near_it),
        cmocka_unit_test(opening_and_running_fail_cleanly_at_every_call),
        cmocka_unit_test(a_request_ends_at_its_length_at_a_stop_string_or_when_cancelled),
        cmocka_unit_test(what_cannot_run_is_refused_with_the_reason),
        cmocka_unit_test(noise_stands_for_a_past_that_no_other_request_finds),
        cmocka_unit_test(heads_that_a_kv_type_cannot_hold_are_refused_by_name),
        cmocka_unit_test(a_file_that_shrinks_fails_the_request_and_not_the_process),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture) ? 1 : 0;
}
