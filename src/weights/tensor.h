/* weights/tensor.h - a tensor in place: what it is and where its bytes lie in a mapped file. */
#pragma once

#include "base/str.h"
#include "kernel/encoding.h"

typedef struct qn_tensor {
    qn_str name; /* ends in a zero byte, holds no control characters */
    uint32_t n_dims;
    uint64_t dim[4]; /* fastest first: dim[0] is the length of a row; 1 from n_dims on */
    qn_encoding encoding;
    const uint8_t *bytes;
    uint64_t n_bytes;
} qn_tensor;
