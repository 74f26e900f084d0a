/* cli/bench_report.c - a line for people, or an object for programs. */
#include "cli/bench_report.h"

#include "base/json.h"
#include "cli/out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE_ENOUGH 0.9 /* of the weights: with fewer in large pages decode is slower */

double qn_bench_limit(const qn_machine_limits *l, const qn_cost *c, const qn_kernels *k)
{
    double floats = k->bf16_mul && l->bf16 > 0 ? l->bf16 : l->f32;
    double reading = (c->weight_bytes + c->kv_bytes) / QN_MAX(l->read_4k, l->read_2m);
    double multiplying = c->int8_ops / l->int8 + c->float_ops / floats;
    return 1 / QN_MAX(reading, multiplying);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct spread {
    double min, median, max;
} spread;

static spread spread_of(size_t n, const double *values)
{
    double sorted[QN_BENCH_MOST_REPEATS];
    for (size_t i = 0; i < n; i++)
        sorted[i] = values[i];
    qsort(sorted, n, sizeof *sorted, ascending);
    return (spread){sorted[0], (sorted[(n - 1) / 2] + sorted[n / 2]) / 2, sorted[n - 1]};
}

static spread fractions_of(const qn_bench_result *r)
{
    double fractions[QN_BENCH_MOST_REPEATS];
    for (size_t i = 0; i < r->n_repeats; i++)
        fractions[i] = r->rates[i] / r->limits[i];
    return spread_of(r->n_repeats, fractions);
}

static void name_test(const qn_bench_result *r, size_t n, char name[n])
{
    char depth[24] = "", sequences[24] = "";
    if (r->depth)
        snprintf(depth, sizeof depth, "@d%u", r->depth);
    if (r->n_sequences > 1)
        snprintf(sequences, sizeof sequences, "xs%u", r->n_sequences);
    snprintf(name, n, "%s%u%s%s", r->prompts ? "pp" : "tg", r->n_tokens, depth, sequences);
}

static void write_number(qn_buf *out, const char *key, double value)
{
    qn_buf_format(out, ",\"%s\":", key);
    qn_json_write_f64(out, value);
}

static void write_json(const qn_bench_result *r, const char *name, qn_buf *out)
{
    const spread rates = spread_of(r->n_repeats, r->rates);
    const qn_cost *c = &r->cost;
    qn_buf_format(out, "{\"test\":\"%s\",\"threads\":%u,\"sequences\":%u,\"depth\":%u", name,
                  r->n_threads, r->n_sequences, r->depth);
    qn_buf_text(out, ",\"tokens_per_second\":{\"min\":");
    qn_json_write_f64(out, rates.min);
    write_number(out, "median", rates.median);
    write_number(out, "max", rates.max);
    for (size_t i = 0; i < r->n_repeats; i++) {
        qn_buf_text(out, i == 0 ? "},\"samples\":[" : ",");
        qn_json_write_f64(out, r->rates[i]);
    }
    qn_buf_format(out,
                  "],\"weight_bytes_per_token\":%.0f,\"kv_bytes_per_token\":%.0f,"
                  "\"ops_per_token\":%.0f,\"float_ops_per_token\":%.0f,"
                  "\"attention_ops_per_token\":%.0f,\"level\":\"%s\",\"numerics\":\"%s\"",
                  c->weight_bytes, c->kv_bytes, c->int8_ops + c->float_ops, c->float_ops,
                  c->attention_ops, qn_cpu_level_name(r->kernels->level), r->kernels->numerics);
    if (r->large_pages >= 0)
        write_number(out, "weights_in_large_pages", r->large_pages);
    else
        qn_buf_text(out, ",\"weights_in_large_pages\":null");
    if (r->has_limits) {
        write_number(out, "limit", spread_of(r->n_repeats, r->limits).median);
        write_number(out, "fraction_of_limit", fractions_of(r).median);
    }
    qn_buf_text(out, "}\n");
}

static void print(qn_buf *out)
{
    qn_out_buf(out);
    qn_out_flush();
    qn_buf_release(out);
}

void qn_bench_print(const qn_bench_result *r, bool json)
{
    char name[96];
    qn_buf out = {0};
    const spread rates = spread_of(r->n_repeats, r->rates);
    name_test(r, sizeof name, name);
    if (json) {
        write_json(r, name, &out);
    } else {
        qn_buf_format(&out, "%-16s %10.2f tokens/s  (%.2f to %.2f)", name, rates.median, rates.min,
                      rates.max);
        if (r->has_limits)
            qn_buf_format(&out, "  %.0f %% of the limit of %.2f", 100 * fractions_of(r).median,
                          spread_of(r->n_repeats, r->limits).median);
        if (strcmp(r->kernels->numerics, QN_NUMERICS_ID) != 0)
            qn_buf_format(&out, "  numerics %s", r->kernels->numerics);
        if (r->large_pages >= 0 && r->large_pages < LARGE_ENOUGH)
            qn_buf_format(&out, "  only %.0f %% of the weights in large pages",
                          100 * r->large_pages);
        qn_buf_byte(&out, '\n');
    }
    print(&out);
}

void qn_bench_print_limits(const qn_machine_limits *l, uint32_t n_threads, bool json)
{
    qn_buf out = {0};
    if (json) {
        qn_buf_format(
            &out,
            "{\"test\":\"limits\",\"threads\":%u,\"buffer_bytes\":%zu,\"read_bytes_per_second\":{"
            "\"4KiB\":%.0f,\"2MiB\":%.0f},\"int8_ops_per_second\":%.0f,\"f32_ops_per_second\":%.0f",
            n_threads, l->n_bytes, l->read_4k, l->read_2m, l->int8, l->f32);
        if (l->bf16 > 0)
            qn_buf_format(&out, ",\"bf16_ops_per_second\":%.0f}\n", l->bf16);
        else
            qn_buf_text(&out, ",\"bf16_ops_per_second\":null}\n");
    } else {
        qn_buf_format(&out,
                      "%-16s %.2f GB/s read on 4 KiB pages, %.2f on 2 MiB; TOPS: %.3f int8, "
                      "%.3f f32",
                      "limits", 1e-9 * l->read_4k, 1e-9 * l->read_2m, 1e-12 * l->int8,
                      1e-12 * l->f32);
        if (l->bf16 > 0)
            qn_buf_format(&out, ", %.3f bf16", 1e-12 * l->bf16);
        qn_buf_byte(&out, '\n');
    }
    print(&out);
}
