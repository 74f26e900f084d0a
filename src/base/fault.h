/* base/fault.h - makes the n-th fallible call fail, so that tests reach every failure path.
 *
 * Each fallible call of base/ (allocate, map, read, open, start a thread) asks qn_fault_point()
 * first, in every build: what is tested is what ships. Disarmed, it costs one relaxed load. */
#pragma once

#include "base/types.h"

/* The n-th fault point from here, counted over all threads, fails; n = 1 is the next one. */
void qn_fault_arm(unsigned n);

/* Ends it; true when the armed fault has fired. */
bool qn_fault_disarm(void);

/* True when the caller must fail now. */
bool qn_fault_point(void);
