/* cli/cmd_doctor.c - `quern doctor`: what the machine has, and the limits that parsers keep. */
#include "base/json.h"
#include "base/machine.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/limits.h"
#include "cli/out.h"
#include "kernel/kernels.h"
#include "model/spec.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { KEY_LIMITS = 0x1000 };

typedef struct doctor_args {
    bool json, limits;
} doctor_args;

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "Print JSON", 0},
    {"limits", KEY_LIMITS, NULL, 0, "Print the limits of every parser instead", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    doctor_args *a = state->input;
    (void)arg;
    switch (key) {
    case 'j': a->json = true; return 0;
    case KEY_LIMITS: a->limits = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp qn_doctor_argp = {.options = options,
                                    .parser = parse,
                                    .doc = "Say what this machine has and what quern makes of it."};

/* The setting in brackets, as in "always [madvise] never"; "unknown" where there is none. */
static void read_huge_pages(size_t n, char setting[n])
{
    static const char path[] = "/sys/kernel/mm/transparent_hugepage/enabled";
    qn_buf text = {0};
    qn_error err;
    snprintf(setting, n, "unknown");
    if (qn_buf_read_file(&text, path, 4096, &err) == QN_OK && text.n_bytes) {
        const char *begin = strchr(text.bytes, '[');
        if (begin)
            snprintf(setting, n, "%.*s", (int)strcspn(begin + 1, "]"), begin + 1);
    }
    qn_buf_release(&text);
}

static void write_json(qn_buf *out)
{
    char pages[32];
    struct utsname system = {0};
    uname(&system);
    read_huge_pages(sizeof pages, pages);
    qn_buf_text(out, "{\"machine\":");
    qn_json_write_text(out, system.machine);
    qn_buf_text(out, ",\"kernel\":");
    qn_json_write_text(out, system.release);
    qn_buf_text(out, ",\"levels\":[");
    for (int l = 0, n = 0; l < QN_CPU_N_LEVELS; l++)
        if (qn_cpu_has((qn_cpu_level)l))
            qn_buf_format(out, "%s\"%s\"", n++ ? "," : "", qn_cpu_level_name((qn_cpu_level)l));
    qn_buf_text(out, "],\"missing\":{");
    for (int l = 0, n = 0; l < QN_CPU_N_LEVELS; l++)
        if (!qn_cpu_has((qn_cpu_level)l))
            qn_buf_format(out, "%s\"%s\":\"%s\"", n++ ? "," : "",
                          qn_cpu_level_name((qn_cpu_level)l), qn_cpu_lacks((qn_cpu_level)l));
    qn_buf_format(out,
                  "},\"numerics\":[\"" QN_NUMERICS_ID
                  "\",\"%s\"],\"level\":\"%s\",\"cores\":%zu,\"memory_available\":%" PRIu64,
                  qn_kernels_fastest(qn_cpu_best())->numerics, qn_cpu_level_name(qn_cpu_best()),
                  qn_machine_cores(), qn_machine_memory());
    qn_buf_format(out, ",\"page_bytes\":%ld,\"huge_pages\":\"%s\"}\n", sysconf(_SC_PAGESIZE),
                  pages);
}

static void write_text(qn_buf *out)
{
    char pages[32];
    struct utsname system = {0};
    uname(&system);
    read_huge_pages(sizeof pages, pages);
    qn_buf_format(out, "machine     %s, %s %s\n", system.machine, system.sysname, system.release);
    qn_buf_text(out, "CPU levels ");
    for (int l = 0; l < QN_CPU_N_LEVELS; l++)
        if (qn_cpu_has((qn_cpu_level)l))
            qn_buf_format(out, " %s", qn_cpu_level_name((qn_cpu_level)l));
    for (int l = 0; l < QN_CPU_N_LEVELS; l++)
        if (!qn_cpu_has((qn_cpu_level)l))
            qn_buf_format(out, "\n            not %s: lacks %s", qn_cpu_level_name((qn_cpu_level)l),
                          qn_cpu_lacks((qn_cpu_level)l));
    qn_buf_format(out, "\nnumerics    " QN_NUMERICS_ID "; %s unless --deterministic",
                  qn_kernels_fastest(qn_cpu_best())->numerics);
    qn_buf_format(out, "\ncores       %zu for quern\n", qn_machine_cores());
    qn_buf_format(out, "memory      %.1f GB to be had\n", 1e-9 * (double)qn_machine_memory());
    qn_buf_format(out, "pages       %ld bytes; huge pages: %s\n", sysconf(_SC_PAGESIZE), pages);
    qn_buf_text(out, "models      ");
    for (size_t i = 0; qn_family_at(i); i++)
        qn_buf_format(out, "%s%s", i ? ", " : "", qn_family_at(i)->gguf_arch);
    qn_buf_text(out, "\n");
}

qn_status qn_cmd_doctor(int argc, char **argv, qn_error *err)
{
    doctor_args a = {0};
    qn_buf out = {0};
    QN_TRY(qn_args_parse(&qn_doctor_argp, argc, argv, &a, err));
    if (a.limits)
        qn_limits_write(&out, a.json);
    else if (a.json)
        write_json(&out);
    else
        write_text(&out);
    qn_out_buf(&out);
    qn_buf_release(&out);
    return QN_OK;
}
