/* kernel/pairs.avx2.h - products of bytes where there are no dot products: pairs of them, added up
 * in 16 bits as long as these hold them. */
#pragma once

#include "kernel/few.h"
#include "kernel/registers.avx2.h"

/* How many dwords' pairs of products 16 bits hold: 2 * 128 * 127, 4 * 2 * 31 * 127 or 8 * 2 * 15 *
 * 127; with a bias of pairs, before which they may wrap around, all of a group or half: 4 * 2 * 32
 * * 127 or 8 * 2 * 16 * 127. */
LANES_INLINE size_t n_chunk(qn_shape shape)
{
    return shape.n_bits == 8                               ? 1
           : shape.n_bits == 4 || qn_few_has_pairs(&shape) ? shape.n_group / 4
                                                           : 4;
}

/* Of weights, those of 8 bits signed: magnitude times activation with the weight's sign. */
LANES_INLINE ireg pairs_of(qn_shape shape, ireg w, ireg x)
{
    return shape.n_bits == 8 ? ireg_maddubs(ireg_abs_bytes(w), ireg_sign_bytes(x, w))
                             : ireg_maddubs(w, x);
}
