/* tests/base/map.c - mapped files survive their own shrinking; hashes are the published ones. */
#include "tests/support/test.h"

#include "base/fault.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/sha256.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* A file of n pages, each full of its number plus 1. */
static const char *paged_file(const char *name, size_t n)
{
    uint8_t *bytes = malloc(n * page());
    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++)
        memset(bytes + i * page(), (int)i + 1, page());
    const char *path = qn_test_file(name, n * page(), bytes);
    free(bytes);
    return path;
}

static void a_map_shows_the_bytes_and_identity_of_its_file(void **state)
{
    (void)state;
    const char *path = qn_test_file("seven", 7, "0123456");
    qn_map m;
    struct stat st;
    assert_int_equal(qn_map_open(&m, path, NULL), QN_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(m.n_bytes, 7);
    assert_memory_equal(m.bytes, "0123456", 7);
    assert_true(m.device == st.st_dev && m.inode == st.st_ino);
    assert_int_equal(m.mtime_ns, st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
    assert_false(qn_map_torn(&m));
    qn_map_release(&m);
    qn_map_release(&m);
    assert_null(m.bytes);
}

/* The flags that the kernel keeps for the mapping at an address, or an empty line. */
static void read_flags(const void *at, char line[512])
{
    char start[32];
    bool is_here = false;
    FILE *f = fopen("/proc/self/smaps", "re");
    assert_non_null(f);
    snprintf(start, sizeof start, "%lx-", (unsigned long)(uintptr_t)at);
    while (fgets(line, 512, f)) {
        is_here |= strncmp(line, start, strlen(start)) == 0;
        if (is_here && strncmp(line, "VmFlags:", 8) == 0)
            break;
        line[0] = 0;
    }
    fclose(f);
}

static void a_file_is_wanted_in_large_pages(void **state)
{
    (void)state;
    if (access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) != 0)
        QN_SKIP("this kernel has no large pages");
    char line[512] = "";
    qn_map m;
    assert_int_equal(qn_map_open(&m, qn_test_file("seven", 7, "0123456"), NULL), QN_OK);
    read_flags(m.bytes, line);
    assert_non_null(strstr(line, " hg"));
    qn_map_release(&m);
}

static void an_empty_file_is_mapped_and_others_are_refused_by_name(void **state)
{
    (void)state;
    qn_map m;
    qn_error err = {0};
    assert_int_equal(qn_map_open(&m, qn_test_file("empty", 0, ""), &err), QN_OK);
    assert_true(m.bytes && m.n_bytes == 0);
    qn_map_release(&m);
    assert_int_equal(qn_map_open(&m, "/nowhere/at/all", &err), QN_ENOTFOUND);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    assert_int_equal(qn_map_open(&m, "/tmp", &err), QN_EARGUMENT);
    assert_string_equal(err.text, "/tmp: not a regular file");
    assert_int_equal(qn_map_open(&m, "/dev/zero", &err), QN_EARGUMENT);
    assert_null(m.bytes);
}

static void opening_fails_cleanly_at_every_call(void **state)
{
    (void)state;
    const char *path = qn_test_file("file", 3, "abc");
    bool fired = true;
    for (unsigned n = 1; fired; n++) {
        qn_map m;
        qn_error err = {0};
        qn_fault_arm(n);
        qn_status status = qn_map_open(&m, path, &err);
        fired = qn_fault_disarm();
        assert_int_equal(status != QN_OK, fired);
        assert_true(!fired || (strstr(err.text, path) && !m.bytes));
        qn_map_release(&m);
    }
}

static void the_registry_refuses_one_more_than_its_limit(void **state)
{
    (void)state;
    static qn_map maps[QN_MAP_MAX];
    const char *path = qn_test_file("file", 3, "abc");
    qn_map one_more;
    qn_error err = {0};
    for (size_t i = 0; i < QN_MAP_MAX; i++)
        assert_int_equal(qn_map_open(&maps[i], path, &err), QN_OK);
    assert_int_equal(qn_map_open(&one_more, path, &err), QN_ELIMIT);
    qn_map_release(&maps[7]);
    assert_int_equal(qn_map_open(&maps[7], path, &err), QN_OK);
    for (size_t i = 0; i < QN_MAP_MAX; i++)
        qn_map_release(&maps[i]);
}

/* A mapping that the registry does not know, of a file that has shrunk; reading it faults. */
static const volatile uint8_t *unknown_torn_page(void)
{
    const char *path = paged_file("unknown", 1);
    int fd = open(path, O_RDONLY);
    void *p = mmap(NULL, page(), PROT_READ, MAP_PRIVATE, fd, 0);
    assert_true(p != MAP_FAILED && truncate(path, 0) == 0);
    close(fd);
    return p;
}

static void leave_with_7(int number)
{
    (void)number;
    _exit(7);
}

static void leave_with_8(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    _exit(info->si_addr ? 8 : 9);
}

/* The exit status of a child that faults outside of any registered mapping. */
static int status_of_stray_fault(const struct sigaction *before)
{
    const volatile uint8_t *p = unknown_torn_page();
    pid_t child = fork();
    if (child == 0) {
        sigaction(SIGBUS, before, NULL);
        _exit(qn_map_guard_install(NULL) == QN_OK ? *p : 1);
    }
    int status = 0;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

static void a_fault_elsewhere_goes_to_the_handler_before(void **state)
{
    (void)state;
    int status = status_of_stray_fault(&(struct sigaction){.sa_handler = SIG_DFL});
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    status = status_of_stray_fault(&(struct sigaction){.sa_handler = leave_with_7});
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    status = status_of_stray_fault(
        &(struct sigaction){.sa_sigaction = leave_with_8, .sa_flags = SA_SIGINFO});
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 8);
}

static void a_guard_that_cannot_be_installed_says_so(void **state)
{
    (void)state;
    qn_error err = {0};
    qn_fault_arm(1);
    assert_int_equal(qn_map_guard_install(&err), QN_EIO);
    assert_true(qn_fault_disarm());
    assert_non_null(strstr(err.text, "SIGBUS"));
}

static unsigned sum(const qn_map *m, size_t at)
{
    unsigned n = 0;
    for (size_t i = 0; i < 8; i++)
        n += ((const volatile uint8_t *)m->bytes)[at + i];
    return n;
}

static void a_file_that_shrinks_tears_its_own_mapping_only(void **state)
{
    (void)state;
    const char *path = paged_file("shrinks", 8), *other_path = paged_file("stays", 8);
    qn_map m, other;
    assert_int_equal(qn_map_guard_install(NULL), QN_OK);
    assert_int_equal(qn_map_guard_install(NULL), QN_OK);
    assert_int_equal(qn_map_open(&m, path, NULL), QN_OK);
    assert_int_equal(qn_map_open(&other, other_path, NULL), QN_OK);
    assert_int_equal(sum(&m, 7 * page()), 8 * 8);
    assert_int_equal(truncate(path, (off_t)(3 * page())), 0);
    assert_int_equal(sum(&m, 2 * page()), 8 * 3);
    assert_int_equal(sum(&m, 5 * page()), 0);
    assert_true(qn_map_torn(&m));
    assert_int_equal(sum(&m, 3 * page()) + sum(&m, 7 * page()), 0);
    assert_int_equal(sum(&m, 2 * page()), 8 * 3);
    assert_false(qn_map_torn(&other));
    assert_int_equal(sum(&other, 7 * page()), 8 * 8);
    qn_map_release(&m);
    assert_int_equal(qn_map_open(&m, other_path, NULL), QN_OK);
    assert_false(qn_map_torn(&m)); /* the slot's next owner starts whole */
    qn_map_release(&m);
    qn_map_release(&other);
}

static void a_file_that_changes_without_a_missing_page_is_torn_too(void **state)
{
    (void)state;
    const char *path = paged_file("changes", 2);
    const struct timespec past[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    for (int kind = 0; kind < 3; kind++) {
        qn_map m;
        assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
        assert_int_equal(qn_map_open(&m, path, NULL), QN_OK);
        assert_false(qn_map_torn(&m));
        int fd = open(path, O_WRONLY);
        if (kind == 0)
            assert_int_equal(pwrite(fd, "x", 1, 5), 1); /* written to in place */
        else
            assert_int_equal(ftruncate(fd, (off_t)(2 * page()) - kind), 0);
        close(fd);
        assert_true(qn_map_torn(&m));
        qn_map_release(&m);
    }
}

static void mappings_give_their_descriptors_back(void **state)
{
    (void)state;
    const char *path = qn_test_file("file", 3, "abc"), *empty = qn_test_file("empty", 0, "");
    int before = dup(0);
    close(before);
    for (int i = 0; i < 3; i++) {
        qn_map m;
        assert_int_equal(qn_map_open(&m, i ? path : empty, NULL), QN_OK);
        qn_map_release(&m);
        assert_int_equal(qn_map_open(&m, "/tmp", NULL), QN_EARGUMENT);
    }
    int after = dup(0);
    close(after);
    assert_int_equal(after, before);
}

/* Python 3.11 with PYTHONHASHSEED=0: hash(bytes(range(n))); it uses SipHash-1-3 with a zero key. */
static void hashes_are_siphash_1_3(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        uint64_t wanted;
    } cases[] = {{1, 0x68a914128e01e473}, {7, 0x2f098ab0c751325a},  {8, 0xead411e67ebe2eea},
                 {9, 0x75927f9d95124362}, {15, 0xf30eb725bb91c9ea}, {16, 0x8972188433a5c5b7},
                 {63, 0x385d3e39e5f37359}};
    static const uint64_t zero[2], key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    for (size_t i = 0; i < QN_COUNT(cases); i++)
        assert_true(qn_hash_keyed(zero, cases[i].n, bytes) == cases[i].wanted);
    assert_true(qn_hash_keyed(key, 0, bytes) == 0xabac0158050fc4dc); /* the authors' key */
    assert_true(qn_hash(5, "hello") == qn_hash(5, "hello"));
    assert_true(qn_hash(5, "hello") != qn_hash(5, "hellp"));
    assert_true(qn_hash(5, "hello") != qn_hash_keyed(zero, 5, "hello"));
}

static void sha256_is_the_standard_one(void **state)
{
    (void)state;
    char hex[65];
    qn_sha256_hex(3, "abc", hex); /* FIPS 180-4, example B.1 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    qn_sha256_hex(0, NULL, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

QN_TEST_MAIN(cmocka_unit_test(a_map_shows_the_bytes_and_identity_of_its_file),
             cmocka_unit_test(a_file_is_wanted_in_large_pages),
             cmocka_unit_test(an_empty_file_is_mapped_and_others_are_refused_by_name),
             cmocka_unit_test(opening_fails_cleanly_at_every_call),
             cmocka_unit_test(the_registry_refuses_one_more_than_its_limit),
             cmocka_unit_test(a_fault_elsewhere_goes_to_the_handler_before),
             cmocka_unit_test(a_guard_that_cannot_be_installed_says_so),
             cmocka_unit_test(a_file_that_shrinks_tears_its_own_mapping_only),
             cmocka_unit_test(a_file_that_changes_without_a_missing_page_is_torn_too),
             cmocka_unit_test(mappings_give_their_descriptors_back),
             cmocka_unit_test(hashes_are_siphash_1_3), cmocka_unit_test(sha256_is_the_standard_one))
