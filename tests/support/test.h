/* tests/support/test.h - cmocka in the order it wants, and the main of a test program. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

/* QN_TEST_MAIN(cmocka_unit_test(a_claim_it_proves), ...) */
#define QN_TEST_MAIN(...) \
    int main(void) \
    { \
        const struct CMUnitTest tests[] = {__VA_ARGS__}; \
        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0; \
    }

/* Prints why and skips the running test. */
#define QN_SKIP(...) \
    do { \
        print_message("# skipped: " __VA_ARGS__); \
        print_message("\n"); \
        skip(); \
    } while (0)
