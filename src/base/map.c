/* base/map.c - mapped files, the registry of live mappings, and the SIGBUS handler over it.
 *
 * The handler only reads atomics and calls mmap and sigaction, so it is safe at any instruction. A
 * slot's `start` is written last when it is taken and first when it is given back. */
#include "base/map.h"

#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct mapping {
    atomic_uintptr_t start; /* 0: free, TAKEN: being filled in */
    atomic_size_t n_bytes;  /* whole pages */
    atomic_bool torn;
} mapping;

enum { TAKEN = 1 };

static mapping mappings[QN_MAP_MAX];
static atomic_size_t n_tried; /* slots above it were never used */
static struct sigaction previous;
static uintptr_t page_bytes;
static atomic_int guard; /* 0: absent, 1: being installed, 2: installed */

/* A free slot's number plus 1, or 0. */
static size_t take_slot(void)
{
    for (size_t i = 0; i < QN_MAP_MAX; i++) {
        uintptr_t none = 0;
        if (!atomic_compare_exchange_strong(&mappings[i].start, &none, TAKEN))
            continue;
        size_t n = atomic_load(&n_tried);
        while (n < i + 1 && !atomic_compare_exchange_weak(&n_tried, &n, i + 1))
            continue;
        return i + 1;
    }
    return 0;
}

static int64_t mtime_ns(const struct stat *st)
{
    return st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec;
}

static qn_status map_file(qn_map *m, int fd, const char *path, qn_error *err)
{
    struct stat st;
    int failed = qn_fault_point() ? (errno = EIO, -1) : fstat(fd, &st);
    QN_FAIL_IF(failed, err, QN_EIO, "%s: cannot be examined: %s", path, strerror(errno));
    QN_FAIL_IF(!S_ISREG(st.st_mode), err, QN_EARGUMENT, "%s: not a regular file", path);
    *m = (qn_map){.bytes = (const uint8_t *)"",
                  .n_bytes = (size_t)st.st_size,
                  .device = st.st_dev,
                  .inode = st.st_ino,
                  .mtime_ns = mtime_ns(&st)};
    if (m->n_bytes == 0)
        return QN_OK;
    size_t slot = take_slot();
    QN_FAIL_IF(slot == 0, err, QN_ELIMIT, "%s: %d files are mapped already, which is the limit",
               path, QN_MAP_MAX);
    mapping *g = &mappings[slot - 1];
    void *p = qn_fault_point() ? (errno = ENOMEM, MAP_FAILED)
                               : mmap(NULL, m->n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
        atomic_store(&g->start, 0);
        return qn_fail(err, QN_ENOMEM, "%s: cannot be mapped: %s", path, strerror(errno));
    }
    (void)madvise(p, m->n_bytes, MADV_HUGEPAGE); /* a wish: docs/speed/015-large-pages.md */
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    atomic_store(&g->torn, false);
    atomic_store(&g->n_bytes, (m->n_bytes + page - 1) & ~(page - 1));
    atomic_store(&g->start, (uintptr_t)p);
    m->bytes = p;
    m->slot = slot;
    m->fd = fd;
    return QN_OK;
}

qn_status qn_map_open(qn_map *m, const char *path, qn_error *err)
{
    *m = (qn_map){0};
    int fd = qn_fault_point() ? (errno = EIO, -1) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    QN_FAIL_IF(fd < 0, err, errno == ENOENT ? QN_ENOTFOUND : QN_EIO, "%s: cannot be opened: %s",
               path, strerror(errno));
    qn_status status = map_file(m, fd, path, err);
    if (status != QN_OK)
        *m = (qn_map){0};
    if (!m->slot)
        close(fd);
    return status;
}

void qn_map_release(qn_map *m)
{
    if (m->slot) {
        munmap((void *)m->bytes, m->n_bytes);
        atomic_store(&mappings[m->slot - 1].start, 0);
        close(m->fd);
    }
    *m = (qn_map){0};
}

bool qn_map_torn(const qn_map *m)
{
    struct stat st;
    if (!m->slot)
        return false;
    return atomic_load(&mappings[m->slot - 1].torn) || fstat(m->fd, &st) != 0 ||
           (size_t)st.st_size != m->n_bytes || mtime_ns(&st) != m->mtime_ns;
}

/* The registered mapping that holds an address, or NULL. */
static mapping *holder(uintptr_t address)
{
    for (size_t i = 0; i < atomic_load(&n_tried); i++) {
        uintptr_t start = atomic_load(&mappings[i].start);
        if (start > TAKEN && address >= start &&
            address - start < atomic_load(&mappings[i].n_bytes))
            return &mappings[i];
    }
    return NULL;
}

/* Zeros from the page of the fault to the mapping's end: what lies behind is missing as well. */
static bool mend(mapping *g, char *address)
{
    char *page = address - ((uintptr_t)address & (page_bytes - 1));
    uintptr_t end = atomic_load(&g->start) + atomic_load(&g->n_bytes);
    atomic_store(&g->torn, true);
    return mmap(page, end - (uintptr_t)page, PROT_READ,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    mapping *g =
        info->si_code > 0 ? holder((uintptr_t)info->si_addr) : NULL; /* > 0: a real fault */
    if (g && mend(g, info->si_addr))
        ;
    else if (previous.sa_flags & SA_SIGINFO)
        previous.sa_sigaction(number, info, context);
    else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN)
        previous.sa_handler(number);
    else
        sigaction(SIGBUS, &previous, NULL); /* the instruction faults again, and meets that */
    errno = saved;
}

qn_status qn_map_guard_install(qn_error *err)
{
    int absent = 0;
    if (!atomic_compare_exchange_strong(&guard, &absent, 1))
        return QN_OK;
    page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct sigaction action = {.sa_sigaction = on_bus_error,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    sigemptyset(&action.sa_mask);
    int failed = qn_fault_point() ? (errno = EINVAL, -1) : sigaction(SIGBUS, NULL, &previous);
    failed = failed ? failed : sigaction(SIGBUS, &action, NULL);
    atomic_store(&guard, failed ? 0 : 2);
    QN_FAIL_IF(failed, err, QN_EIO, "cannot catch SIGBUS: %s", strerror(errno));
    return QN_OK;
}
