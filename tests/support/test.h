/* tests/support/test.h - cmocka in the order it wants, and the main of a test program. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

/* QN_TEST_MAIN(cmocka_unit_test(a_claim_it_proves), ...) */
#define QN_TEST_MAIN(...)                                                                          \
    int main(void)                                                                                 \
    {                                                                                              \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                           \
        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;                                  \
    }

/* 1 under a sanitizer, where time and memory are not the program's own; and under that of threads,
 * which is ten times slower than the one of addresses. */
#if defined(__SANITIZE_THREAD__)
#define QN_THREAD_SANITIZED 1
#elif defined(__SANITIZE_ADDRESS__)
#define QN_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define QN_THREAD_SANITIZED 1
#elif __has_feature(address_sanitizer)
#define QN_SANITIZED 1
#endif
#endif
#ifndef QN_THREAD_SANITIZED
#define QN_THREAD_SANITIZED 0
#endif
#ifndef QN_SANITIZED
#define QN_SANITIZED QN_THREAD_SANITIZED
#endif

/* Prints why and skips the running test. */
#define QN_SKIP(...)                                                                               \
    do {                                                                                           \
        print_message("# skipped: " __VA_ARGS__);                                                  \
        print_message("\n");                                                                       \
        skip();                                                                                    \
    } while (0)
