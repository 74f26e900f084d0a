/* tests/support/emulated.h - kernels of levels that this CPU lacks, on emulated instructions. */
#pragma once

#include "kernel/kernels.h"

/* The kernels of the level amx, its tiles emulated (tests/support/tiles.h); NULL where the CPU
 * cannot run what else they need. Safe from one thread at a time. */
const qn_kernels *qn_test_emulated_amx(void);

/* What the first misuse of a tile was on this thread, that a CPU would answer with a fault; NULL
 * when there was none. Forgets it. */
const char *qn_test_tiles_fault(void);
