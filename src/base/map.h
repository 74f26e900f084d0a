/* base/map.h - a file's bytes, mapped read-only, and what happens when the file changes under it.
 *
 * Reading a mapped page that the file no longer has raises SIGBUS. With the guard installed the
 * rest of that mapping becomes zeros and the mapping is torn: what was read from it since then
 * means nothing, and the reader says so instead of dying. A file that was cut inside its last page,
 * or written to, raises nothing; its size and time tell. */
#pragma once

#include "base/status.h"

enum { QN_MAP_MAX = 512 }; /* mappings at a time, in the whole process; each keeps a descriptor */

typedef struct qn_map {
    const uint8_t *bytes; /* never NULL after an open that succeeded */
    size_t n_bytes;
    uint64_t device, inode;
    int64_t mtime_ns;
    size_t slot; /* in the registry, plus 1; 0: nothing is mapped */
    int fd;
} qn_map;

/* A regular file, which may be empty. Where the file system has large pages, what is read from it
 * for the first time comes in such. */
qn_status qn_map_open(qn_map *m, const char *path, qn_error *err);
void qn_map_release(qn_map *m);

/* Whether a page of it was missing when it was read, or the file is not what it was when it was
 * opened. One system call. */
bool qn_map_torn(const qn_map *m);

/* Catches SIGBUS in mapped files, for the whole process; faults elsewhere go to the handler that
 * was there before. Once is enough, more does no harm. A host program may choose not to call it. */
qn_status qn_map_guard_install(qn_error *err);
