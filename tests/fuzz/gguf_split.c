/* tests/fuzz/gguf_split.c - any bytes, cut before their second "GGUF", as the files of a model in
 * two parts. */
#include "base/alloc.h"
#include "weights/gguf.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Kept for all inputs and in memory where the system can: new files would take most of the time. */
typedef struct part {
    char path[64];
    int fd;
} part;

static part parts[2];
static char folder[32];

static void remove_parts(void)
{
    for (size_t i = 0; i < QN_COUNT(parts); i++)
        (void)unlink(parts[i].path);
    (void)rmdir(folder);
}

static void make_parts(void)
{
    snprintf(folder, sizeof folder, "/dev/shm/quern-fuzz-XXXXXX");
    if (!mkdtemp(folder)) {
        snprintf(folder, sizeof folder, "/tmp/quern-fuzz-XXXXXX");
        require(mkdtemp(folder) != NULL);
    }
    for (size_t i = 0; i < QN_COUNT(parts); i++) {
        part *p = &parts[i];
        snprintf(p->path, sizeof p->path, "%s/f-%05zu-of-00002.gguf", folder, i + 1);
        p->fd = open(p->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        require(p->fd >= 0);
    }
    require(atexit(remove_parts) == 0);
}

static void fill(const part *p, size_t n_bytes, const uint8_t *bytes)
{
    require(pwrite(p->fd, bytes, n_bytes, 0) == (ssize_t)n_bytes);
    require(ftruncate(p->fd, (off_t)n_bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    if (!folder[0])
        make_parts();
    const uint8_t *second = n_bytes > 8 ? memmem(bytes + 4, n_bytes - 4, "GGUF", 4) : NULL;
    size_t n_first = second ? (size_t)(second - bytes) : n_bytes;
    fill(&parts[0], n_first, bytes);
    fill(&parts[1], n_bytes - n_first, bytes + n_first);
    for (size_t i = 0; i < QN_COUNT(parts); i++)
        open_one(parts[i].path);
    require(qn_alloc_live() == 0);
    return 0;
}
