/* base/clock.h - time that only goes forward. */
#pragma once

#include "base/types.h"

/* Nanoseconds since some moment before the program began. */
uint64_t qn_clock_ns(void);
