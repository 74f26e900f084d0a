/* tests/support/emulated.h - kernels of class T that this CPU does not choose, or lacks. */
#pragma once

#include "kernel/kernels.h"

/* The kernels of the level amx, its tiles emulated (tests/support/tiles.h); NULL where the CPU
 * cannot run what else they need. Safe from one thread at a time. */
const qn_kernels *qn_test_emulated_amx(void);

/* The kernels of the level avx512bf16, also where they are not faster; NULL where the CPU lacks it.
 */
const qn_kernels *qn_test_vdpbf16ps(void);

/* What the first misuse of a tile was on this thread, that a CPU would answer with a fault; NULL
 * when there was none. Forgets it. */
const char *qn_test_tiles_fault(void);
