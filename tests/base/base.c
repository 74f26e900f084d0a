/* tests/base/base.c - status, arena, region, buffer and reader keep their word. */
#include "tests/support/test.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/machine.h"
#include "base/reader.h"
#include "base/region.h"

#include <string.h>
#include <sys/mman.h>

static void an_overlong_error_shows_its_cut(void **state)
{
    (void)state;
    qn_error err;
    char long_text[2000];
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = 0;
    assert_int_equal(qn_fail(&err, QN_EFORMAT, "%s", long_text), QN_EFORMAT);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_string_equal(err.text + sizeof err.text - 6, "[...]");
    assert_int_equal(qn_fail_in(&err, "file"), QN_EFORMAT);
    assert_memory_equal(err.text, "file: xxx", 9);
}

static void an_arena_takes_exactly_what_it_counted(void **state)
{
    (void)state;
    qn_arena sum = {.counts_only = true}, a;
    for (size_t i = 1; i < 100; i++)
        assert_null(qn_arena_take(&sum, i, 7));
    assert_false(sum.failed);
    assert_int_equal(qn_arena_init(&a, sum.n_used, NULL), QN_OK);
    for (size_t i = 1; i < 100; i++)
        assert_non_null(qn_arena_take(&a, i, 7));
    assert_int_equal(a.n_used, sum.n_used);
    assert_null(qn_arena_take(&a, 1, 64));
    assert_true(a.failed);
    qn_arena_release(&a);
}

static void a_region_fails_at_its_limit_and_frees_all(void **state)
{
    (void)state;
    size_t live = qn_alloc_live();
    qn_region r = qn_region_of(100000);
    while (qn_region_take(&r, 10, 100))
        ;
    qn_error err;
    assert_int_equal(r.n_taken, 99 * 1008); /* each take rounded up to 16 bytes */
    assert_int_equal(qn_region_fail(&r, "a tree", &err), QN_ELIMIT);
    qn_region_release(&r);
    assert_int_equal(qn_alloc_live(), live);
}

static void a_buffer_survives_a_failed_append(void **state)
{
    (void)state;
    size_t live = qn_alloc_live();
    qn_buf b = {0};
    qn_buf_format(&b, "%d %s", 7, "seven");
    assert_string_equal(b.bytes, "7 seven");
    qn_fault_arm(1);
    for (int i = 0; i < 1000 && !b.failed; i++)
        qn_buf_text(&b, "more");
    assert_true(qn_fault_disarm());
    assert_true(b.failed);
    qn_buf_release(&b);
    assert_int_equal(qn_alloc_live(), live);
}

static void a_reader_sticks_at_the_end_and_yields_zeros(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7};
    qn_reader r = {.bytes = bytes, .n_bytes = sizeof bytes};
    assert_int_equal(qn_read_u16(&r), 0x0201);
    assert_int_equal(qn_read_u32(&r), 0x06050403);
    assert_int_equal(qn_read_u16(&r), 0);
    assert_true(r.failed);
    assert_int_equal(qn_read_u8(&r), 0); /* though one byte is left */
    assert_null(qn_read_bytes(&r, UINT64_MAX));
}

/* Half a mapping is touched, so half of it is in memory. */
static void pages_are_counted_where_they_lie(void **state)
{
    (void)state;
    const size_t n = (size_t)8 << 20;
    uint8_t *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(p, MAP_FAILED);
    assert_int_equal(madvise(p, n, MADV_NOHUGEPAGE), 0);
    memset(p + n / 2, 1, n / 2);
    uint64_t n_resident = 1, n_large = 2;
    if (!qn_machine_add_pages(p + n / 2, &n_resident, &n_large))
        QN_SKIP("this system has no /proc/self/smaps");
    assert_true(n_resident >= 1 + n / 2 && n_large == 2);
    munmap(p, n);
}

QN_TEST_MAIN(cmocka_unit_test(an_overlong_error_shows_its_cut),
             cmocka_unit_test(an_arena_takes_exactly_what_it_counted),
             cmocka_unit_test(a_region_fails_at_its_limit_and_frees_all),
             cmocka_unit_test(a_buffer_survives_a_failed_append),
             cmocka_unit_test(a_reader_sticks_at_the_end_and_yields_zeros),
             cmocka_unit_test(pages_are_counted_where_they_lie))
