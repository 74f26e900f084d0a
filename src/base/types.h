/* base/types.h - the words every file uses: fixed-width integers, sizes, booleans, small macros. */
#pragma once

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QN_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define QN_MIN(a, b) ((a) < (b) ? (a) : (b))
#define QN_MAX(a, b) ((a) > (b) ? (a) : (b))

/* QN_UNROLL(6) before a for: the compiler unrolls it up to 6 times. */
#define QN_PRAGMA(text) _Pragma(#text)
#ifdef __clang__
#define QN_UNROLL(n) QN_PRAGMA(clang loop unroll_count(n))
#else
#define QN_UNROLL(n) QN_PRAGMA(GCC unroll n)
#endif
