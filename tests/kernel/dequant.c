/* tests/kernel/dequant.c - every level decodes the blocks of every encoding as gguf-py does. */
#include "kernel/f16.h"
#include "kernel/linear.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static size_t unhex(const char *hex, size_t n_max, uint8_t *bytes)
{
    size_t n = 0;
    for (unsigned byte; n < n_max && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
        bytes[n] = (uint8_t)byte;
    return n;
}

/* Relative 1e-6: the order of float operations may differ by one rounding. */
static void assert_block(const qn_kernels *k, qn_encoding e, const uint8_t *block, size_t n,
                         const uint8_t *floats)
{
    float got[256], magnitude = 0;
    qn_decode(k, e, n, block, got);
    for (size_t i = 0; i < n; i++)
        magnitude = fmaxf(magnitude, fabsf(qn_float_of_bits(qn_load_u32(floats + 4 * i))));
    for (size_t i = 0; i < n; i++) {
        float want = qn_float_of_bits(qn_load_u32(floats + 4 * i));
        bool same =
            qn_bits_of_float(got[i]) == qn_bits_of_float(want) || (isnan(got[i]) && isnan(want));
        if (!same && !(fabsf(got[i] - want) <= 1e-6f * magnitude))
            fail_msg("%s %s value %zu: %a, not %a", qn_cpu_level_name(k->level),
                     qn_encoding_name(e), i, (double)got[i], (double)want);
    }
}

static void check_line(const char *name, const char *block_hex, const char *floats_hex)
{
    uint8_t block[256], floats[1024];
    qn_encoding e = qn_encoding_from_name(name);
    if (e == QN_NO_ENCODING)
        return;
    size_t n = qn_encoding_block(e);
    assert_int_equal(unhex(block_hex, sizeof block, block), qn_encoding_block_bytes(e));
    assert_int_equal(unhex(floats_hex, sizeof floats, floats), n * 4);
    for (qn_cpu_level level = 0; level < QN_CPU_N_LEVELS; level++)
        assert_block(qn_kernels_at(level), e, block, n, floats);
}

static void blocks_decode_as_gguf_py_decodes_them(void **state)
{
    static char line[4096], name[16], block[1024], floats[2049];
    (void)state;
    size_t n = 0;
    FILE *f = fopen("tests/fixtures/kernel/dequant.txt", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "%15s %1023s %2048s", name, block, floats) == 3 && name[0] != '#') {
            check_line(name, block, floats);
            n++;
        }
    fclose(f);
    assert_int_equal(n, 62);
}

/* The string value of a key, up to its quote. */
static const char *value_of(const char *line, const char *key, char *out, size_t n)
{
    const char *at = strstr(line, key);
    assert_non_null(at);
    at = strchr(at + strlen(key), '"') + 1;
    size_t length = strcspn(at, "\"");
    assert_true(length < n);
    memcpy(out, at, length);
    out[length] = 0;
    return out;
}

static void conformance_blocks_decode(void **state)
{
    static char line[32768], path[512], name[16], block[1024], floats[2049];
    (void)state;
    if (!qn_test_data())
        QN_SKIP("no conformance data");
    snprintf(path, sizeof path, "%s/quant/dequant.jsonl", qn_test_data());
    FILE *f = fopen(path, "r");
    if (!f)
        QN_SKIP("no %s", path);
    size_t n = 0;
    while (fgets(line, sizeof line, f)) {
        value_of(line, "\"type\":", name, sizeof name);
        if (!qn_encoding_is_quantized(qn_encoding_from_name(name)))
            continue;
        value_of(line, "\"blocks_hex\":", block, sizeof block);
        value_of(line, "\"floats_hex\":", floats, sizeof floats);
        check_line(name, block, floats);
        n++;
    }
    fclose(f);
    assert_true(n >= 32 * 8);
}

static void every_f16_decodes_exactly(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        uint32_t fraction = h & 0x3ff, exponent = h >> 10 & 31;
        double value = exponent ? ldexp(1024 + fraction, (int)exponent - 25) : ldexp(fraction, -24);
        float f = qn_f16((uint16_t)h);
        if (exponent == 31)
            assert_true(fraction ? isnan(f) : isinf(f));
        else
            assert_true((double)f == (h & 0x8000 ? -value : value));
        assert_int_equal(!!signbit(f), h >> 15);
    }
}

QN_TEST_MAIN(cmocka_unit_test(blocks_decode_as_gguf_py_decodes_them),
             cmocka_unit_test(conformance_blocks_decode),
             cmocka_unit_test(every_f16_decodes_exactly))
