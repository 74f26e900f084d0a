/* tests/fuzz/gguf_split.c - any bytes, cut before their second "GGUF", as the files of a model in
 * two parts. */
#include "base/alloc.h"
#include "tests/support/support.h"
#include "weights/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void require(bool condition)
{
    if (!condition)
        __builtin_trap();
}

static volatile uint8_t sink;

static void open_one(const char *path)
{
    qn_gguf g;
    qn_error err = {0};
    qn_status status = qn_gguf_open(&g, path, &err);
    require(status == QN_OK || (err.status == status && strstr(err.text, "f-0000")));
    require(!qn_gguf_torn(&g));
    for (size_t i = 0; i < g.n_tensors; i++) {
        require(qn_gguf_tensor(&g, g.tensors[i].name.bytes) == &g.tensors[i]);
        for (size_t k = 0; k < g.tensors[i].n_bytes; k++)
            sink = g.tensors[i].bytes[k];
    }
    qn_gguf_release(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const uint8_t *second = n_bytes > 8 ? memmem(bytes + 4, n_bytes - 4, "GGUF", 4) : NULL;
    size_t n_first = second ? (size_t)(second - bytes) : n_bytes;
    const char *one = qn_test_file("f-00001-of-00002.gguf", n_first, bytes);
    const char *two = qn_test_file("f-00002-of-00002.gguf", n_bytes - n_first, bytes + n_first);
    open_one(one);
    open_one(two);
    require(qn_alloc_live() == 0);
    return 0;
}
