/* base/types.h - the words every file uses: fixed-width integers, sizes, booleans, small macros. */
#pragma once

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QN_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define QN_MIN(a, b) ((a) < (b) ? (a) : (b))
#define QN_MAX(a, b) ((a) > (b) ? (a) : (b))

/* Defined with sanitizers: one loop does for what is otherwise made for each of many sizes and
 * encodings. It is the same source and gives the same bits, but checks on each access of each copy
 * take minutes to compile. QN_ROLLED: with that of addresses, whose checks stand in line, loops are
 * not unrolled, nor tiles made for each number of rows; that of threads calls functions, so that
 * these compile soon, and run twice as long when sums do not stay in registers. */
#if defined __SANITIZE_ADDRESS__
#define QN_ONE_LOOP
#define QN_ROLLED
#elif defined __SANITIZE_THREAD__
#define QN_ONE_LOOP
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define QN_ONE_LOOP
#define QN_ROLLED
#elif __has_feature(thread_sanitizer)
#define QN_ONE_LOOP
#endif
#endif

/* QN_UNROLL(6) before a for: the compiler unrolls it up to 6 times. */
#define QN_PRAGMA(text) _Pragma(#text)
#if defined QN_ROLLED
#define QN_UNROLL(n)
#elif defined __clang__
#define QN_UNROLL(n) QN_PRAGMA(clang loop unroll_count(n))
#else
#define QN_UNROLL(n) QN_PRAGMA(GCC unroll n)
#endif
