/* tests/support/support.c - random numbers, guarded memory, files for tests. */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

uint64_t qn_test_random(uint64_t seed, uint64_t index)
{
    uint64_t z = seed * 0xD1B54A32D192ED03u + (index + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static size_t whole_pages(size_t n_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (n_bytes + page - 1) / page * page;
}

void *qn_test_guarded(size_t n_bytes)
{
    size_t n = whole_pages(n_bytes), page = (size_t)sysconf(_SC_PAGESIZE);
    char *p = mmap(NULL, n + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p + n, page, PROT_NONE) != 0)
        abort();
    return p + n - n_bytes;
}

void qn_test_guarded_free(void *p, size_t n_bytes)
{
    size_t n = whole_pages(n_bytes), page = (size_t)sysconf(_SC_PAGESIZE);
    munmap((char *)p + n_bytes - n, n + page);
}

static char folder[64];

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0)
        fprintf(stderr, "%s stays behind\n", folder);
}

const char *qn_test_file(const char *name, size_t n_bytes, const void *bytes)
{
    static char paths[64][256];
    static size_t n_paths;
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/quern-test-XXXXXX");
        if (!mkdtemp(folder) || atexit(remove_folder) != 0)
            abort();
    }
    char *path = paths[n_paths++ % 64];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n_bytes, f) != n_bytes || fclose(f) != 0)
        abort();
    return path;
}

const char *qn_test_data(void)
{
    struct stat st;
    const char *path = getenv("QUERN_TEST_DATA");
    path = path ? path : "../shared/data";
    return stat(path, &st) == 0 ? path : NULL;
}

const char *qn_test_model(const char *name)
{
    static char path[4096];
    struct stat st;
    const char *cache = getenv("QUERN_CACHE"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache)
        snprintf(path, sizeof path, "%s/models/%s.gguf", cache, name);
    else if (xdg)
        snprintf(path, sizeof path, "%s/quern/models/%s.gguf", xdg, name);
    else
        snprintf(path, sizeof path, "%s/.cache/quern/models/%s.gguf", home ? home : "", name);
    return stat(path, &st) == 0 ? path : NULL;
}
