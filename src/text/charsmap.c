/* text/charsmap.c - SentencePiece's precompiled normalization rules, walked in place.
 *
 * A blob is a u32, the bytes of a double array of u32 units, then texts that end in a zero byte.
 * A unit holds a label in bits 0 to 7 (and 31), an offset in 10 to 30 with bit 9 as its scale, and
 * in bit 8 whether a value hangs below. Source: sentencepiece's normalizer.cc; darts-clone. */
#include "text/rules.h"

#include "base/reader.h"

qn_status qn_charsmap_read(qn_charsmap *m, size_t n_bytes, const uint8_t *bytes, qn_error *err)
{
    qn_reader r = {.bytes = bytes, .n_bytes = n_bytes};
    size_t n_units = qn_read_u32(&r);
    const uint8_t *units = qn_read_bytes(&r, n_units);
    QN_FAIL_IF(r.failed || n_units % 4 != 0 || n_units < 4, err, QN_EFORMAT,
               "the precompiled character map is cut short or no map");
    *m = (qn_charsmap){.units = units, .n_units = n_units / 4, .n_texts = qn_reader_left(&r)};
    m->texts = (const char *)qn_read_bytes(&r, m->n_texts);
    QN_FAIL_IF(m->n_texts == 0 || m->texts[m->n_texts - 1] != 0, err, QN_EFORMAT,
               "the texts of the precompiled character map do not end in a zero byte");
    return QN_OK;
}

static uint32_t unit_at(const qn_charsmap *m, size_t i)
{
    const uint8_t *p = m->units + 4 * i;
    return i < m->n_units ? (uint32_t)(p[0] | p[1] << 8 | p[2] << 16) | (uint32_t)p[3] << 24 : 0;
}

static size_t offset_of(uint32_t unit)
{
    return (size_t)(unit >> 10) << ((unit & 1u << 9) >> 6);
}

const char *qn_charsmap_find(const qn_charsmap *m, bool first, const uint8_t *p, const uint8_t *end,
                             size_t *n_used)
{
    const char *found = NULL;
    size_t at = offset_of(unit_at(m, 0));
    for (const uint8_t *q = p; q < end && *q; q++) {
        at ^= *q;
        uint32_t unit = unit_at(m, at);
        if ((unit & 0x800000FFu) != *q)
            break;
        at ^= offset_of(unit);
        size_t value = unit_at(m, at) & 0x7FFFFFFFu;
        if (!(unit >> 8 & 1) || value >= m->n_texts)
            continue;
        found = m->texts + value;
        *n_used = (size_t)(q + 1 - p);
        if (first)
            break;
    }
    return found;
}
