/* kernel/encoding.c - look-ups in the table of encodings. */
#include "kernel/encoding.h"

#include "base/checked.h"

#include <strings.h>

// clang-format off
static const struct {
    const char *name;
    uint32_t gguf_type;
    size_t n_values, n_bytes;
    qn_shape shape;
} table[QN_N_ENCODINGS] = {
    [QN_NO_ENCODING] = {"none", UINT32_MAX, 1, 0, {0}},
#define X(encoding, name, gguf_type, n_values, n_bytes, n_group, offset, n_bits, has_min) \
    [encoding] = {name, gguf_type, n_values, n_bytes, {n_group, offset, n_bits, has_min}},
#include "kernel/encodings.def"
#undef X
};
// clang-format on

qn_encoding qn_encoding_from_gguf(uint32_t gguf_type)
{
    for (qn_encoding e = QN_NO_ENCODING + 1; e < QN_N_ENCODINGS; e++)
        if (table[e].gguf_type == gguf_type)
            return e;
    return QN_NO_ENCODING;
}

uint32_t qn_encoding_to_gguf(qn_encoding e)
{
    return table[e].gguf_type;
}

qn_encoding qn_encoding_from_name(const char *name)
{
    for (qn_encoding e = QN_NO_ENCODING + 1; e < QN_N_ENCODINGS; e++)
        if (strcasecmp(table[e].name, name) == 0)
            return e;
    return QN_NO_ENCODING;
}

const char *qn_encoding_name(qn_encoding e)
{
    return table[e].name;
}

size_t qn_encoding_block(qn_encoding e)
{
    return table[e].n_values;
}

size_t qn_encoding_block_bytes(qn_encoding e)
{
    return table[e].n_bytes;
}

const qn_shape *qn_encoding_shape(qn_encoding e)
{
    return &table[e].shape;
}

bool qn_encoding_is_quantized(qn_encoding e)
{
    return table[e].shape.n_group > 0;
}

bool qn_encoding_size(qn_encoding e, uint64_t n_values, uint64_t *n_bytes)
{
    return n_values % table[e].n_values == 0 &&
           qn_mul_u64(n_values / table[e].n_values, table[e].n_bytes, n_bytes);
}
