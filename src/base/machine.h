/* base/machine.h - what this process may use of the machine: processors and memory.
 *
 * Affinity masks, cgroup quotas and memory limits count as the machine. */
#pragma once

#include "base/types.h"

/* Physical cores in the affinity mask (one per pair of SMT siblings), at most the cgroup CPU quota
 * rounded up; at least 1. */
size_t qn_machine_cores(void);

/* Bytes this process may still take: the least of MemAvailable and what the cgroups leave. */
uint64_t qn_machine_memory(void);

/* Anonymous bytes resident in this process (RssAnon); 0 when unknown. */
uint64_t qn_machine_resident(void);

/* Adds the bytes of the mapping around `at` that are in memory, and those of them in large pages,
 * to the two sums. False when the system does not tell. */
bool qn_machine_add_pages(const void *at, uint64_t *n_resident, uint64_t *n_large);
