/* text/scripts.c - finds a character's script in scripts.def, and cuts where it changes. */
#include "text/scripts.h"

#include "text/pretokenize.h"

static const struct {
    uint32_t first, last, number;
} ranges[] = {
#define X(first, last, set) {first, last, (set) + 1},
#include "text/scripts.def"
#undef X
};

uint32_t qn_script_of(uint32_t code)
{
    size_t low = 0, high = QN_COUNT(ranges);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code > ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < QN_COUNT(ranges) && code >= ranges[low].first ? ranges[low].number : 0;
}

/* UnicodeScripts: a run of one script, with what is of none behind it; at the start that is left
 * out, as in the reference. */
size_t qn_cut_script(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    uint32_t of = 0;
    const uint8_t *q = p;
    for (qn_char c; q < end; q += c.n_bytes) {
        c = qn_char_at(q, end);
        uint32_t script = qn_script_of(c.code);
        if (q > p && script && script != of)
            break;
        of = q == p ? script : of;
    }
    *skip = (size_t)(q - p);
    return of ? (size_t)(q - p) : 0;
}
