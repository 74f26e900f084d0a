/* tests/support/replay.c - a plain main for fuzz targets: runs each seed file or folder named. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static size_t n_run;

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st) != 0)
        return perror(path), 1;
    uint8_t *bytes = malloc((size_t)st.st_size + !st.st_size);
    size_t n = bytes ? fread(bytes, 1, (size_t)st.st_size, f) : 0;
    fclose(f);
    /* an exact block, so that a sanitizer sees a read past the end */
    if (bytes)
        LLVMFuzzerTestOneInput(bytes, n);
    free(bytes);
    n_run++;
    return bytes ? 0 : 1;
}

static int replay_folder(const char *path)
{
    DIR *d = opendir(path);
    int failed = !d;
    for (struct dirent *e; d && (e = readdir(d));) {
        char file[4096];
        if (e->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        failed |= replay_file(file);
    }
    if (d)
        closedir(d);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        struct stat st;
        failed |= stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode) ? replay_folder(argv[i])
                                                                 : replay_file(argv[i]);
    }
    printf("%zu inputs replayed\n", n_run);
    return failed || n_run == 0;
}
