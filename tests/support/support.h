/* tests/support/support.h - what tests share: random numbers, guarded memory, files. */
#pragma once

#include "base/types.h"

/* A counter-based generator: the value at (seed, index), splitmix64 of their mix. Alike in
 * tests/oracles/quern_random.py. */
uint64_t qn_test_random(uint64_t seed, uint64_t index);

/* n_bytes that end exactly at an unmapped page, so that a stray read or write past them faults;
 * release with qn_test_guarded_free. */
void *qn_test_guarded(size_t n_bytes);
void qn_test_guarded_free(void *p, size_t n_bytes);

/* Writes a file under the test's own temporary folder (made on first use, removed at exit) and
 * returns its path, valid until exit. */
const char *qn_test_file(const char *name, size_t n_bytes, const void *bytes);

/* The folder of conformance data (QUERN_TEST_DATA, else ../shared/data), or NULL when absent. */
const char *qn_test_data(void);

/* The path of a small real model that script/fetch-model has put into the cache, or NULL. */
const char *qn_test_model(const char *name);
