/* tests/cli/bench_table.c - runs the Python tests of the tables that `make bench` prints. */
#include "tests/support/test.h"

#include <stdlib.h>

static void tables_are_read_and_made_as_their_own_tests_say(void **state)
{
    (void)state;
    if (system("command -v python3 >/dev/null") != 0)
        QN_SKIP("there is no python3");
    assert_int_equal(
        system("PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=bench python3 -m unittest -q test_table"), 0);
}

QN_TEST_MAIN(cmocka_unit_test(tables_are_read_and_made_as_their_own_tests_say))
