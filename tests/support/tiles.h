/* tests/support/tiles.h - the AMX instructions as functions of plain C, for kernels that are
 * compiled a second time: given to the compiler before the kernel's source (-include), it takes the
 * place of immintrin.h's tile intrinsics and renames what the kernel exports, so that CPUs without
 * tiles hold the same text to its reference.
 *
 * A misuse that the CPU would answer with a fault changes nothing but is remembered for
 * qn_test_tiles_fault (emulated.h). The state is the thread's own. Source: Intel SDM volume 2, the
 * pages of the instructions. */
#pragma once

#include <immintrin.h>
#include <stddef.h>

void qn_test_tile_loadconfig(const void *config);
void qn_test_tile_release(void);
void qn_test_tile_zero(unsigned dst);
void qn_test_tile_loadd(unsigned dst, const void *base, size_t stride);
void qn_test_tile_stored(unsigned src, void *base, size_t stride);
void qn_test_tile_dpbssd(unsigned dst, unsigned a, unsigned b);
void qn_test_tile_dpbsud(unsigned dst, unsigned a, unsigned b);
void qn_test_tile_dpbusd(unsigned dst, unsigned a, unsigned b);
void qn_test_tile_dpbuud(unsigned dst, unsigned a, unsigned b);
void qn_test_tile_dpbf16ps(unsigned dst, unsigned a, unsigned b);

#undef _tile_loadd
#undef _tile_stored
#undef _tile_zero
#undef _tile_dpbssd
#undef _tile_dpbsud
#undef _tile_dpbusd
#undef _tile_dpbuud
#undef _tile_dpbf16ps
#define _tile_loadconfig qn_test_tile_loadconfig
#define _tile_release qn_test_tile_release
#define _tile_zero qn_test_tile_zero
#define _tile_loadd qn_test_tile_loadd
#define _tile_stored qn_test_tile_stored
#define _tile_dpbssd qn_test_tile_dpbssd
#define _tile_dpbsud qn_test_tile_dpbsud
#define _tile_dpbusd qn_test_tile_dpbusd
#define _tile_dpbuud qn_test_tile_dpbuud
#define _tile_dpbf16ps qn_test_tile_dpbf16ps

#define qn_panel_mul_amx qn_test_panel_mul_amx
#define qn_panel_tiles_begin_amx qn_test_panel_tiles_begin_amx
#define qn_panel_tiles_end_amx qn_test_panel_tiles_end_amx
#define qn_bf16_take_amx qn_test_bf16_take_amx
#define qn_bf16_mul_amx qn_test_bf16_mul_amx
#define qn_attend_amx qn_test_attend_amx
#define qn_attend_span_amx qn_test_attend_span_amx
