/* base/machine.c - reads /proc, /sys and the process's cgroup (v2, or v1 where mounted). */
#include "base/machine.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 512 };

/* The first line of a file without its newline; false when it cannot be read. */
static bool first_line(const char *path, char line[LINE])
{
    FILE *f = fopen(path, "re");
    bool ok = f && fgets(line, LINE, f);
    if (f)
        fclose(f);
    if (ok)
        line[strcspn(line, "\n")] = 0;
    return ok;
}

/* The number behind "key:" in a /proc file of "key: N kB" lines, in bytes. */
static bool proc_bytes(const char *path, const char *key, uint64_t *n_bytes)
{
    char line[LINE];
    FILE *f = fopen(path, "re");
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':') {
            *n_bytes = strtoull(line + strlen(key) + 1, NULL, 10) * 1024;
            found = true;
        }
    if (f)
        fclose(f);
    return found;
}

/* True for the first of its SMT siblings, so that each core counts once. */
static bool leads_its_core(size_t cpu, const cpu_set_t *allowed)
{
    char path[128], line[LINE];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%zu/topology/thread_siblings_list",
             cpu);
    if (!first_line(path, line))
        return true;
    for (char *at = line; *at;) {
        unsigned long first = strtoul(at, &at, 10), last = first;
        if (*at == '-')
            last = strtoul(at + 1, &at, 10);
        for (unsigned long c = first; c <= last && c < CPU_SETSIZE; c++)
            if (c < cpu && CPU_ISSET(c, allowed))
                return false;
        if (*at != ',')
            break;
        at++;
    }
    return true;
}

/* The cgroup v2 folder of this process, or the root of the hierarchy. */
static void cgroup_folder(char folder[LINE])
{
    char line[LINE];
    snprintf(folder, LINE, "/sys/fs/cgroup");
    if (first_line("/proc/self/cgroup", line) && strncmp(line, "0::/", 4) == 0)
        snprintf(folder, LINE, "/sys/fs/cgroup%.400s", line + 3);
}

/* Climbs from the process's cgroup to the root and calls see for each level. */
static void each_cgroup(void (*see)(const char *folder, void *context), void *context)
{
    char folder[LINE];
    cgroup_folder(folder);
    for (;;) {
        see(folder, context);
        char *slash = strrchr(folder, '/');
        if (strcmp(folder, "/sys/fs/cgroup") == 0 || !slash)
            return;
        *slash = 0;
    }
}

static void see_quota(const char *folder, void *context)
{
    size_t *n = context;
    char path[LINE + 16], line[LINE];
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (!first_line(path, line) || strncmp(line, "max", 3) == 0)
        return;
    char *rest;
    unsigned long long quota = strtoull(line, &rest, 10), period = strtoull(rest, NULL, 10);
    if (period > 0 && quota > 0)
        *n = QN_MIN(*n, (size_t)((quota + period - 1) / period));
}

size_t qn_machine_cores(void)
{
    cpu_set_t allowed;
    size_t n = 0;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return 1;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        n += CPU_ISSET(cpu, &allowed) && leads_its_core(cpu, &allowed);
    each_cgroup(see_quota, &n);
    return QN_MAX(n, (size_t)1);
}

static bool read_u64(const char *folder, const char *name, uint64_t *value)
{
    char path[LINE + 32], line[LINE], *end;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!first_line(path, line))
        return false;
    *value = strtoull(line, &end, 10);
    return end != line;
}

static void see_memory(const char *folder, void *context)
{
    uint64_t *left = context, most, used;
    if (read_u64(folder, "memory.max", &most) && read_u64(folder, "memory.current", &used))
        *left = QN_MIN(*left, most > used ? most - used : 0);
}

uint64_t qn_machine_memory(void)
{
    uint64_t left = UINT64_MAX;
    if (!proc_bytes("/proc/meminfo", "MemAvailable", &left))
        left = UINT64_MAX;
    each_cgroup(see_memory, &left);
    return left;
}

uint64_t qn_machine_resident(void)
{
    uint64_t n_bytes = 0;
    return proc_bytes("/proc/self/status", "RssAnon", &n_bytes) ? n_bytes : 0;
}

/* Whether a line of /proc/self/smaps begins a mapping; then whether that holds the address. */
static bool begins_mapping(const char *line, uintptr_t at, bool *holds)
{
    char *rest;
    uintptr_t begin = strtoull(line, &rest, 16);
    if (rest == line || *rest != '-')
        return false;
    *holds = begin <= at && at < strtoull(rest + 1, NULL, 16);
    return true;
}

bool qn_machine_add_pages(const void *at, uint64_t *n_resident, uint64_t *n_large)
{
    char line[LINE];
    FILE *f = fopen("/proc/self/smaps", "re");
    bool holds = false, found = false;
    while (f && fgets(line, sizeof line, f)) {
        if (begins_mapping(line, (uintptr_t)at, &holds) || !holds)
            continue;
        uint64_t n = 1024 * strtoull(line + strcspn(line, ":") + 1, NULL, 10);
        if (strncmp(line, "Rss:", 4) == 0)
            *n_resident += n, found = true;
        if (strncmp(line, "FilePmdMapped:", 14) == 0 || strncmp(line, "AnonHugePages:", 14) == 0)
            *n_large += n;
    }
    if (f)
        fclose(f);
    return found;
}
