/* kernel/limits.c - reading and multiplying with nothing else to wait for.
 *
 * Sixteen independent accumulators hide the latency of a multiplication; an empty asm statement
 * makes the compiler believe that the operand changes. */
#include "kernel/limits.h"

#include <math.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

/* n streams that begin n_apart bytes from each other, with requests to memory or without. */
typedef struct streams {
    size_t n, n_apart;
    bool asks;
} streams;

/* Streams begin one to two mebibytes apart, as parts of a product that are read side by side do,
 * and no power of two, which would put their lines into one set of a cache and one bank of memory
 * (docs/speed/028-limit-of-reading.md). */
static streams streams_of(size_t n_bytes, size_t way)
{
    size_t n = (size_t)1 << way / 2, n_blocks = QN_MAX(n_bytes / n >> 20, (size_t)1);
    size_t n_apart = n_bytes / n / n_blocks / 256 * 256;
    bool is_pages = n_apart > 0 && n_apart % 4096 == 0;
    return (streams){n, is_pages ? n_apart - 256 : n_apart, way % 2 != 0};
}

/* Reads n_apart bytes of each stream. */
typedef int64_t streams_reader(streams s, const uint8_t *bytes);

/* All streams of a block, then the block behind it. */
static int64_t read_blocks(size_t n_bytes, const uint8_t *bytes, size_t way, streams_reader *read)
{
    streams s = streams_of(n_bytes, way);
    int64_t sum = 0;
    size_t n_block = s.n * s.n_apart;
    for (size_t at = 0; n_block > 0 && at + n_block <= n_bytes; at += n_block)
        sum ^= read(s, bytes + at);
    return sum;
}

static int64_t read_streams_plain(streams s, const uint8_t *bytes)
{
    uint64_t sum[4] = {0}, word[4];
    for (size_t at = 0; at < s.n_apart; at += sizeof word)
        for (size_t i = 0; i < s.n; i++) {
            __builtin_memcpy(word, bytes + i * s.n_apart + at, sizeof word);
            for (size_t j = 0; j < 4; j++)
                sum[j] ^= word[j];
        }
    return (int64_t)(sum[0] ^ sum[1] ^ sum[2] ^ sum[3]);
}

static int64_t read_plain(size_t n_bytes, const uint8_t *bytes, size_t way)
{
    return read_blocks(n_bytes, bytes, way, read_streams_plain);
}

enum { PLAIN = 16 };

static int64_t int8_plain(size_t n_loops)
{
    int32_t a[PLAIN] = {0};
    int8_t x = 3;
    for (size_t n = 0; n < n_loops; n++) {
        for (size_t i = 0; i < PLAIN; i++)
            a[i] = (int32_t)((uint32_t)a[i] + (uint32_t)(x * x));
        __asm__ volatile("" : "+r"(x));
    }
    return a[0] + (int64_t)a[PLAIN - 1];
}

static int64_t f32_plain(size_t n_loops)
{
    float a[PLAIN] = {0}, x = 0.5f;
    for (size_t n = 0; n < n_loops; n++) {
        for (size_t i = 0; i < PLAIN; i++)
            a[i] = fmaf(a[i], x, x);
        __asm__ volatile("" : "+m"(x));
    }
    return (int64_t)(a[0] + a[PLAIN - 1]);
}

static const qn_limit_work plain = {read_plain, int8_plain, f32_plain, NULL, PLAIN, PLAIN, 0};

#ifdef __x86_64__
#define AVX2 __attribute__((target("avx2,fma"), noinline))
#define AVX512 __attribute__((target("avx512f,avx512bw"), noinline))
#define BF16 __attribute__((target("avx512f,avx512bw,avx512bf16"), noinline))
#define VNNI __attribute__((target("avx512f,avx512bw,avx512vnni"), noinline))

AVX2 static int64_t read_streams_avx2(streams s, const uint8_t *bytes)
{
    __m256i sum[4] = {{0}};
    for (size_t at = 0; at < s.n_apart; at += 128)
        for (size_t i = 0; i < s.n; i++) {
            const uint8_t *p = bytes + i * s.n_apart + at;
            if (s.asks)
                for (size_t j = 0; j < 128; j += 64)
                    _mm_prefetch((const char *)p + 4096 + j, _MM_HINT_T0);
            for (size_t j = 0; j < 4; j++)
                sum[j] = _mm256_xor_si256(sum[j], _mm256_loadu_si256((const void *)(p + 32 * j)));
        }
    __m256i x =
        _mm256_xor_si256(_mm256_xor_si256(sum[0], sum[1]), _mm256_xor_si256(sum[2], sum[3]));
    return _mm256_extract_epi64(x, 0) ^ _mm256_extract_epi64(x, 3);
}

static int64_t read_avx2(size_t n_bytes, const uint8_t *bytes, size_t way)
{
    return read_blocks(n_bytes, bytes, way, read_streams_avx2);
}

AVX2 static int64_t int8_avx2(size_t n_loops)
{
    __m256i a[12], x = _mm256_set1_epi8(3), one = _mm256_set1_epi16(1);
    for (int i = 0; i < 12; i++)
        a[i] = _mm256_set1_epi32(i);
    for (size_t n = 0; n < n_loops; n++) {
        QN_UNROLL(12)
        for (int i = 0; i < 12; i++) {
            __m256i y = x;
            __asm__ volatile("" : "+x"(y));
            a[i] = _mm256_add_epi32(a[i], _mm256_madd_epi16(_mm256_maddubs_epi16(y, x), one));
        }
    }
    for (int i = 1; i < 12; i++)
        a[0] = _mm256_add_epi32(a[0], a[i]);
    return _mm256_extract_epi64(a[0], 0);
}

AVX2 static int64_t f32_avx2(size_t n_loops)
{
    __m256 a[12], x = _mm256_set1_ps(0.5f);
    for (int i = 0; i < 12; i++)
        a[i] = _mm256_set1_ps((float)i);
    for (size_t n = 0; n < n_loops; n++) {
        QN_UNROLL(12)
        for (int i = 0; i < 12; i++)
            a[i] = _mm256_fmadd_ps(a[i], x, x);
        __asm__ volatile("" : "+x"(x));
    }
    for (int i = 1; i < 12; i++)
        a[0] = _mm256_add_ps(a[0], a[i]);
    return (int64_t)_mm256_cvtss_f32(a[0]);
}

AVX512 static int64_t read_streams_avx512(streams s, const uint8_t *bytes)
{
    __m512i sum[4] = {{0}};
    for (size_t at = 0; at < s.n_apart; at += 256)
        for (size_t i = 0; i < s.n; i++) {
            const uint8_t *p = bytes + i * s.n_apart + at;
            if (s.asks)
                for (size_t j = 0; j < 256; j += 64)
                    _mm_prefetch((const char *)p + 4096 + j, _MM_HINT_T0);
            for (size_t j = 0; j < 4; j++)
                sum[j] = _mm512_xor_si512(sum[j], _mm512_loadu_si512(p + 64 * j));
        }
    __m512i x =
        _mm512_xor_si512(_mm512_xor_si512(sum[0], sum[1]), _mm512_xor_si512(sum[2], sum[3]));
    return _mm512_reduce_add_epi64(x);
}

static int64_t read_avx512(size_t n_bytes, const uint8_t *bytes, size_t way)
{
    return read_blocks(n_bytes, bytes, way, read_streams_avx512);
}

AVX512 static int64_t f32_avx512(size_t n_loops)
{
    __m512 a[16], x = _mm512_set1_ps(0.5f);
    for (int i = 0; i < 16; i++)
        a[i] = _mm512_set1_ps((float)i);
    for (size_t n = 0; n < n_loops; n++) {
        QN_UNROLL(16)
        for (int i = 0; i < 16; i++)
            a[i] = _mm512_fmadd_ps(a[i], x, x);
        __asm__ volatile("" : "+v"(x));
    }
    for (int i = 1; i < 16; i++)
        a[0] = _mm512_add_ps(a[0], a[i]);
    return (int64_t)_mm512_reduce_add_ps(a[0]);
}

AVX512 static int64_t int8_avx512(size_t n_loops)
{
    __m512i a[16], x = _mm512_set1_epi8(3), one = _mm512_set1_epi16(1);
    for (int i = 0; i < 16; i++)
        a[i] = _mm512_set1_epi32(i);
    for (size_t n = 0; n < n_loops; n++) {
        QN_UNROLL(16)
        for (int i = 0; i < 16; i++) {
            __m512i y = x;
            __asm__ volatile("" : "+v"(y));
            a[i] = _mm512_add_epi32(a[i], _mm512_madd_epi16(_mm512_maddubs_epi16(y, x), one));
        }
    }
    for (int i = 1; i < 16; i++)
        a[0] = _mm512_add_epi32(a[0], a[i]);
    return _mm512_reduce_add_epi64(a[0]);
}

VNNI static int64_t int8_vnni(size_t n_loops)
{
    __m512i a[16], x = _mm512_set1_epi8(3);
    for (int i = 0; i < 16; i++)
        a[i] = _mm512_set1_epi32(i);
    for (size_t n = 0; n < n_loops; n++) {
        QN_UNROLL(16)
        for (int i = 0; i < 16; i++)
            a[i] = _mm512_dpbusd_epi32(a[i], x, x);
        __asm__ volatile("" : "+v"(x));
    }
    for (int i = 1; i < 16; i++)
        a[0] = _mm512_add_epi32(a[0], a[i]);
    return _mm512_reduce_add_epi64(a[0]);
}

BF16 static int64_t bf16_avx512(size_t n_loops)
{
    __m512 a[16];
    __m512bh x = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.5f));
    for (int i = 0; i < 16; i++)
        a[i] = _mm512_set1_ps((float)i);
    for (size_t n = 0; n < n_loops; n++) {
        QN_UNROLL(16)
        for (int i = 0; i < 16; i++)
            a[i] = _mm512_dpbf16_ps(a[i], x, x);
        __asm__ volatile("" : "+v"(x));
    }
    for (int i = 1; i < 16; i++)
        a[0] = _mm512_add_ps(a[0], a[i]);
    return (int64_t)_mm512_reduce_add_ps(a[0]);
}

#define TILES __attribute__((target("avx512f,amx-tile,amx-int8,amx-bf16"), noinline))

/* Eight tiles of 16 rows of 64 bytes, filled by whoever had them last or with zeros. */
TILES static void shape_tiles(void)
{
    _Alignas(64) uint8_t config[64] = {1};
    for (size_t i = 0; i < 8; i++)
        config[16 + 2 * i] = 64, config[48 + i] = 16;
    __asm__ volatile("" : : "r"(config) : "memory"); /* gcc's next line reads eight bytes */
    _tile_loadconfig(config);
}

TILES static int64_t int8_amx(size_t n_loops)
{
    shape_tiles();
    for (size_t n = 0; n < n_loops; n++) {
        _tile_dpbssd(0, 4, 6);
        _tile_dpbssd(1, 4, 7);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(3, 5, 7);
    }
    _tile_release();
    return 0;
}

TILES static int64_t bf16_amx(size_t n_loops)
{
    shape_tiles();
    for (size_t n = 0; n < n_loops; n++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_release();
    return 0;
}

/* products of a loop: accumulators times lanes, or 4 tiles of 16 x 16 x 64 and x 32 */
static const qn_limit_work avx2 = {read_avx2, int8_avx2, f32_avx2, NULL, 384, 96, 0};
static const qn_limit_work avx512 = {read_avx512, int8_avx512, f32_avx512, NULL, 1024, 256, 0};
static const qn_limit_work vnni = {read_avx512, int8_vnni, f32_avx512, NULL, 1024, 256, 0};
static const qn_limit_work bf16 = {read_avx512, int8_vnni, f32_avx512, bf16_avx512, 1024, 256, 512};
static const qn_limit_work amx = {read_avx512, int8_amx, f32_avx512, bf16_amx, 65536, 256, 32768};
#endif

const qn_limit_work *qn_limit_work_at(qn_cpu_level level)
{
#ifdef __x86_64__
    if (level >= QN_CPU_AMX && qn_cpu_has(QN_CPU_AMX))
        return &amx;
    if (level >= QN_CPU_AVX512BF16 && qn_cpu_has(QN_CPU_AVX512BF16))
        return &bf16;
    if (level >= QN_CPU_AVX512VNNI && qn_cpu_has(QN_CPU_AVX512VNNI))
        return &vnni;
    if (level >= QN_CPU_AVX512 && qn_cpu_has(QN_CPU_AVX512))
        return &avx512;
    if (level >= QN_CPU_AVX2 && qn_cpu_has(QN_CPU_AVX2))
        return &avx2;
#endif
    (void)level;
    return &plain;
}
