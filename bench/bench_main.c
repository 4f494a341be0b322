/* SPDX-License-Identifier: MIT */
/* bench_main - filesphere-bench: limits, load, all. */
#include "bench/bench.h"

#include "actors/filesphere.h"
#include "core/base/text.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FILES_MIN = 1000, FILES_MAX = 10000000 };

void
bench_report(bool json, const char *name, double value, const char *unit, const char *note)
{
    if (json)
        (void)printf("{\"type\":\"figure\",\"name\":\"%s\",\"value\":%.4f,\"unit\":\"%s\",\"note\":"
                     "\"%s\"}\n",
                     name, value, unit, note);
    else
        (void)printf("%-34s %12.2f %-6s  %s\n", name, value, unit, note);
    (void)fflush(stdout);
}

static void
report_memory(bool json, const bench_node_t *node, const char *name, const char *note)
{
    filesphere_config_t config = {.profile_path = node->profile};
    filesphere_t *handle = NULL;
    filesphere_node_t info;
    if (filesphere_open(&config, &handle) == FILESPHERE_OK &&
        filesphere_node(handle, &info) == FILESPHERE_OK)
        bench_report(json, name, (double)info.rss_bytes / 1048576.0, "MiB", note);
    filesphere_close(&handle);
}

static void
report_load(bool json, const char *name, const bench_load_t *load)
{
    bench_load_result_t result;
    char note[128], label[96];
    if (!bench_load(load, &result)) {
        bench_report(json, name, 0, "-", "failed");
        return;
    }
    (void)snprintf(note, sizeof(note), "%u clients, %llu operations, %llu errors", load->clients,
                   (unsigned long long)result.operations, (unsigned long long)result.errors);
    bench_report(json, name, result.operations_per_s, "1/s", note);
    if (load->bytes >= 1024 * 1024) {
        (void)snprintf(label, sizeof(label), "%s, bytes", name);
        bench_report(json, label, result.megabytes_per_s, "MB/s", "");
    }
    (void)snprintf(label, sizeof(label), "%s, p50", name);
    bench_report(json, label, result.p50_ms, "ms", "");
    (void)snprintf(label, sizeof(label), "%s, p99", name);
    bench_report(json, label, result.p99_ms, "ms", "");
}

static void
run_loads(bool json, const char *profile, double seconds)
{
    static const struct {
        const char *name;
        unsigned clients;
        size_t bytes;
        bool get;
    } loads[] = {
        {"put 4 KiB, 1 client", 1, 4096, false},       {"get 4 KiB, 1 client", 1, 4096, true},
        {"put 4 KiB, 64 clients", 64, 4096, false},    {"get 4 KiB, 64 clients", 64, 4096, true},
        {"put 1 MiB, 1 client", 1, 1 << 20, false},    {"get 1 MiB, 1 client", 1, 1 << 20, true},
        {"put 1 MiB, 16 clients", 16, 1 << 20, false}, {"get 1 MiB, 16 clients", 16, 1 << 20, true},
    };
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        bench_load_t load = {.profile = profile,
                             .clients = loads[i].clients,
                             .bytes = loads[i].bytes,
                             .seconds = seconds,
                             .get = loads[i].get};
        report_load(json, loads[i].name, &load);
    }
}

/* Everything, on a node of its own. */
static int
run_all(bool json, bench_node_t *node, double seconds)
{
    if (!bench_node_start(node)) {
        (void)fputs("filesphere-bench: the node does not answer\n", stderr);
        return 1;
    }
    bench_report(json, "start to first answer", node->start_s * 1e3, "ms", "new data directory");
    struct timespec idle = {.tv_sec = 5};
    (void)nanosleep(&idle, NULL);
    report_memory(json, node, "memory, 5 s after start", "resident");
    run_loads(json, node->profile, seconds);
    report_memory(json, node, "memory, right after the load", "resident");
    idle.tv_sec = 30;
    (void)nanosleep(&idle, NULL);
    report_memory(json, node, "memory, 30 s later", "resident");
    return 0;
}

static void
print_usage(FILE *to)
{
    (void)fputs(
        "Usage: filesphere-bench limits|load|all|apply|recover [--profile FILE] [--seconds N]\n"
        "                        [--files N] [--json]\n"
        "\n"
        "  limits   what this machine allows, block by block\n"
        "  load     what the node of --profile does\n"
        "  all      limits, then a node of its own in a temporary directory under the "
        "current one\n"
        "  apply    commands a second through the state machine, and what a file costs\n"
        "  recover  from the start of a node with N files to its first answer\n",
        to);
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"profile", required_argument, NULL, 'p'}, {"seconds", required_argument, NULL, 's'},
        {"files", required_argument, NULL, 'f'},   {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    const char *profile = NULL;
    double seconds = 5;
    uint64_t files = 100000;
    bool json = false, bad = false;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'p')
            profile = optarg;
        else if (option == 's')
            seconds = strtod(optarg, NULL);
        else if (option == 'f')
            bad = bad || fsp_parse_u64(fsp_slice_text(optarg), FILES_MAX, &files) != FSP_OK;
        else if (option == 'j')
            json = true;
        else {
            print_usage(option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 2;
        }
    }
    const char *command = optind < argc ? argv[optind] : "";
    bool limits = strcmp(command, "limits") == 0, all = strcmp(command, "all") == 0;
    bool apply = strcmp(command, "apply") == 0, recover = strcmp(command, "recover") == 0;
    bool makes = limits || all || apply || recover; /* a directory */
    if ((!makes && strcmp(command, "load") != 0) || seconds <= 0 || bad || files < FILES_MIN) {
        print_usage(stderr);
        return 2;
    }
    bench_node_t node = {.directory = "bench-XXXXXX"};
    if (makes && !mkdtemp(node.directory)) {
        perror("filesphere-bench: temporary directory");
        return 1;
    }
    if (limits || all) {
        bench_limits_t measured;
        bench_limits(node.directory, &measured);
        bench_limits_print(json, &measured);
    }
    int code = 0;
    if (apply)
        bench_apply(json, files, node.directory);
    else if (recover)
        bench_recover(json, files, &node);
    else if (all)
        code = run_all(json, &node, seconds);
    else if (!limits)
        run_loads(json, profile, seconds);
    bench_node_stop(&node);
    if (makes)
        bench_remove(node.directory);
    return code;
}
