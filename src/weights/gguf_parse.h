/* weights/gguf_parse.h - inside weights/gguf: one file's bytes become checked tables. */
#pragma once

#include "weights/gguf.h"

/* Fills version, alignment, values, tensors and both indexes of *g out of g->memory, which the
 * caller releases in either outcome. */
qn_status qn_gguf_parse(qn_gguf *g, size_t n_bytes, const uint8_t *bytes, qn_error *err);

/* A scalar of that type at p, which holds enough bytes; not STRING or ARRAY. */
qn_gguf_value qn_gguf_scalar(qn_gguf_type type, const uint8_t *p);

/* Bytes of a scalar; of the smallest STRING and ARRAY. */
size_t qn_gguf_type_bytes(qn_gguf_type type);
