/* SPDX-License-Identifier: MIT */
/* load_print - what came of a load: a table for people, a JSON object for programs. */
#include "bench/load.h"
#include "bench/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double
quantile_ms(const bench_load_result_t *result, double share)
{
    return bench_histogram_quantile(&result->times, share) * 1e3;
}

static double
cpu_us_per_op(const bench_load_result_t *result)
{
    return result->node_cpu_s * 1e6 / (double)result->times.count;
}

/* -- JSON -------------------------------------------------------------------------------------- */

/* What is not known is null. */
static void
print_number(const char *key, double value)
{
    if (isnan(value))
        (void)printf(",\"%s\":null", key);
    else
        (void)printf(",\"%s\":%.7g", key, value);
}

static void
print_bytes(const char *key, double value)
{
    if (isnan(value))
        (void)printf(",\"%s\":null", key);
    else
        (void)printf(",\"%s\":%.0f", key, value);
}

/* Words of a library: quotes, backslashes and control characters as JSON wants them. */
static void
print_text(const char *key, const char *text)
{
    (void)printf(",\"%s\":\"", key);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            (void)printf("\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            (void)printf("\\u%04x", (unsigned)(unsigned char)*text);
        else
            (void)putchar(*text);
    }
    (void)putchar('"');
}

static void
print_json_limit(const bench_load_result_t *result)
{
    const bench_terms_t *terms = &result->terms;
    bool known = terms->count > 0;
    print_number("of_limit", result->of_limit);
    print_number("limit_mb_per_s", known ? terms->limit_mb_s : NAN);
    if (known)
        print_text("binding", terms->binding);
    else
        (void)printf(",\"binding\":null");
    (void)printf(",\"terms\":{");
    for (size_t i = 0; i < terms->count; i++)
        (void)printf("%s\"%s\":%.6g", i ? "," : "", terms->term[i].name, terms->term[i].ns);
    (void)printf("}");
}

/* Null for a closed loop. */
static void
print_open(const bench_load_t *load, const bench_load_result_t *result)
{
    bool open = load->rate > 0;
    print_number("rate", open ? (double)load->rate : NAN);
    print_number("late", open ? (double)result->late : NAN);
    print_number("late_max_ms", open ? result->late_max_s * 1e3 : NAN);
    print_number("dropped", open ? (double)result->dropped : NAN);
}

static void
print_json(const bench_load_t *load, const bench_load_result_t *result)
{
    (void)printf("{\"type\":\"load\",\"driver\":\"%s\",\"op\":\"%s\",\"size\":%llu"
                 ",\"concurrency\":%llu,\"processes\":%llu,\"endpoints\":%zu",
                 load->driver->name, bench_op_name(load->op), (unsigned long long)load->bytes,
                 (unsigned long long)load->clients, (unsigned long long)load->processes,
                 load->target_count);
    print_number("warmup_s", load->warmup_s);
    print_number("duration_s", result->seconds);
    (void)printf(",\"verify\":%s,\"cold\":%s,\"local\":%s,\"interrupted\":%s",
                 load->verify ? "true" : "false", result->cold ? "true" : "false",
                 load->node_count > 0 ? "true" : "false", result->interrupted ? "true" : "false");
    (void)printf(",\"ops\":%llu,\"errors\":%llu", (unsigned long long)result->times.count,
                 (unsigned long long)result->errors);
    print_open(load, result);
    print_number("ops_per_s", result->ops_per_s);
    print_number("mb_per_s", result->mb_per_s);
    print_number("p50_ms", quantile_ms(result, 0.5));
    print_number("p90_ms", quantile_ms(result, 0.9));
    print_number("p99_ms", quantile_ms(result, 0.99));
    print_number("p999_ms", quantile_ms(result, 0.999));
    print_number("max_ms", quantile_ms(result, 1));
    print_number("mean_ms", bench_histogram_mean(&result->times) * 1e3);
    print_number("names_per_s", result->names_per_s);
    print_number("bytes_sent_per_op", result->sent_per_op);
    print_bytes("rss_bytes", result->rss_bytes);
    print_bytes("rss_end_bytes", result->rss_end_bytes);
    print_number("cpu_s", result->node_cpu_s);
    print_number("node_cpu_us_per_op", cpu_us_per_op(result));
    print_number("client_cpu_s", result->client_cpu_s);
    print_number("cpu_ns_per_byte", result->cpu_ns_per_byte);
    print_bytes("write_bytes", result->write_bytes);
    print_number("write_amplification", result->write_amplification);
    print_bytes("disk_bytes", result->disk_bytes);
    print_json_limit(result);
    if (result->errors > 0)
        print_text("error", result->error);
    (void)printf("}\n");
}

/* -- for people -------------------------------------------------------------------------------- */

static void
print_head(const bench_load_t *load, const bench_load_result_t *result)
{
    char size[BENCH_SIZE_TEXT];
    (void)printf("%s", bench_op_name(load->op));
    if (load->op == BENCH_LIST)
        (void)printf(", pages of a directory of %llu names", (unsigned long long)load->entries);
    else
        (void)printf(" %s", bench_size_text(load->bytes, size));
    (void)printf(", %llu client%s in %llu process%s, %.1f s after %.1f s of warm-up%s\n",
                 (unsigned long long)load->clients, load->clients > 1 ? "s" : "",
                 (unsigned long long)load->processes, load->processes > 1 ? "es" : "",
                 result->seconds, load->warmup_s, result->cold ? ", cold" : "");
    if (load->cold && !result->cold)
        (void)printf(
            "  NOT cold: the directory of the node's data is not known, or not readable\n");
}

/* Whether the times are those of the rate that was asked for. */
static void
print_arrivals(const bench_load_t *load, const bench_load_result_t *result)
{
    if (load->rate == 0)
        return;
    (void)printf("\n  due     %llu/s at random times; %llu began more than %d ms late, the latest "
                 "%.1f ms",
                 (unsigned long long)load->rate, (unsigned long long)result->late, BENCH_LATE_MS,
                 result->late_max_s * 1e3);
    if (result->dropped > 0)
        (void)printf("; %llu DROPPED: the rate was not kept, times are those of the others",
                     (unsigned long long)result->dropped);
}

static void
print_nodes(const bench_load_result_t *result)
{
    if (isnan(result->node_cpu_s)) {
        (void)printf("  nodes   not on this machine, or not to be seen\n");
        return;
    }
    (void)printf(
        "  nodes   %.1f MiB at most, %.1f at the end; %.2f s of CPU, %.0f us an operation\n",
        result->rss_bytes / 1048576, result->rss_end_bytes / 1048576, result->node_cpu_s,
        cpu_us_per_op(result));
    (void)printf("  disk    %.1f MB written", result->write_bytes / 1e6);
    if (!isnan(result->write_amplification))
        (void)printf(", %.2f a byte put", result->write_amplification);
    if (!isnan(result->disk_bytes))
        (void)printf("; %.1f MB more there than before", result->disk_bytes / 1e6);
    (void)printf("\n");
}

static void
print_limit(const bench_load_result_t *result)
{
    const bench_terms_t *terms = &result->terms;
    if (terms->count == 0)
        return;
    (void)printf("  limit   %.1f MB/s, achieved %.0f %% of it; %s binds\n", terms->limit_mb_s,
                 100 * result->of_limit, terms->binding);
    (void)printf("  terms   ");
    double cpu = 0;
    for (size_t i = 0; i < terms->count; i++) {
        bool disk = strcmp(terms->term[i].name, "disk") == 0;
        cpu += disk ? 0 : terms->term[i].ns;
        (void)printf("%s%s %.3g", i ? ", " : "", terms->term[i].name, terms->term[i].ns);
    }
    (void)printf(" ns/B\n");
    if (!isnan(result->cpu_ns_per_byte))
        (void)printf("  CPU     %.3g ns/B of both ends, of which the terms are %.3g: %.0f %%\n",
                     result->cpu_ns_per_byte, cpu, 100 * cpu / result->cpu_ns_per_byte);
}

static void
print_table(const bench_load_t *load, const bench_load_result_t *result)
{
    print_head(load, result);
    (void)printf("  rate    %.*f %s/s", result->ops_per_s < 10 ? 3 : 1, result->ops_per_s,
                 load->op == BENCH_LIST ? "pages" : "operations");
    if (result->mb_per_s > 0)
        (void)printf(", %.1f MB/s", result->mb_per_s);
    if (!isnan(result->names_per_s))
        (void)printf(", %.0f names/s", result->names_per_s);
    if (load->op == BENCH_EDIT && !isnan(result->sent_per_op))
        (void)printf(", %.0f bytes sent an edit", result->sent_per_op);
    print_arrivals(load, result);
    (void)printf("\n  times   p50 %.2f, p90 %.2f, p99 %.2f, p99.9 %.2f, at most %.2f ms\n",
                 quantile_ms(result, 0.5), quantile_ms(result, 0.9), quantile_ms(result, 0.99),
                 quantile_ms(result, 0.999), quantile_ms(result, 1));
    print_nodes(result);
    (void)printf("  clients %.2f s of CPU, %.0f us an operation\n", result->client_cpu_s,
                 result->client_cpu_s * 1e6 / (double)result->times.count);
    print_limit(result);
    if (result->errors > 0)
        (void)printf("  ERRORS  %llu, the first: %s\n", (unsigned long long)result->errors,
                     result->error);
}

void
bench_load_print(const bench_load_t *load, const bench_load_result_t *result, bool json)
{
    if (json)
        print_json(load, result);
    else
        print_table(load, result);
    (void)fflush(stdout);
}
