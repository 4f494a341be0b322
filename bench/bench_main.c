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

enum {
    FILES_MIN = 1000,
    FILES_MAX = 10000000,
    FILES = 100000,
    TREE_FILES = 10000,
    LARGE_MIB = 1024
};

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

static bool
start_node(bench_node_t *node)
{
    if (bench_node_start(node))
        return true;
    (void)fputs("filesphere-bench: the node does not answer\n", stderr);
    return false;
}

/* The command line, on a node of its own. */
static int
run_tree(bool json, bench_node_t *node, size_t files, size_t large_mib)
{
    bench_limits_t limits;
    bench_limits(node->directory, &limits);
    bench_limits_print(json, &limits);
    if (!start_node(node))
        return 1;
    return bench_tree(json, node->profile, &limits, files, large_mib) ? 0 : 1;
}

/* Everything, on a node of its own. */
static int
run_all(bool json, bench_node_t *node, const bench_limits_t *limits, double seconds)
{
    if (!start_node(node))
        return 1;
    bench_report(json, "start to first answer", node->start_s * 1e3, "ms", "new data directory");
    struct timespec idle = {.tv_sec = 5};
    (void)nanosleep(&idle, NULL);
    report_memory(json, node, "memory, 5 s after start", "resident");
    run_loads(json, node->profile, seconds);
    report_memory(json, node, "memory, right after the load", "resident");
    idle.tv_sec = 30;
    (void)nanosleep(&idle, NULL);
    report_memory(json, node, "memory, 30 s later", "resident");
    bool good = bench_tree(json, node->profile, limits, TREE_FILES, LARGE_MIB);
    report_memory(json, node, "memory, after all of that", "resident");
    return good ? 0 : 1;
}

static void
print_usage(FILE *to)
{
    (void)fputs(
        "Usage: filesphere-bench limits|load|all|tree|apply|recover [--profile FILE] [--seconds "
        "N]\n"
        "                        [--files N] [--mib N] [--json]\n"
        "\n"
        "  limits   what this machine allows, block by block\n"
        "  load     what the node of --profile does\n"
        "  all      limits, then a node of its own in a temporary directory under the "
        "current one\n"
        "  tree     the command line: N files of 10 KiB (10000), one of so many MiB (1024), in "
        "and out,\n"
        "           and the start of a small cat, beside limits measured now\n"
        "  apply    commands a second through the state machine, and what a file costs\n"
        "  recover  from the start of a node with N files to its first answer\n",
        to);
}

typedef struct {
    const char *profile;
    double seconds;
    uint64_t files, large_mib; /* files 0: the command's own number */
    bool json, help;
} options_t;

/* False: they make no sense. */
static bool
take_options(int argc, char **argv, options_t *ret)
{
    static const struct option options[] = {{"profile", required_argument, NULL, 'p'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"files", required_argument, NULL, 'f'},
                                            {"mib", required_argument, NULL, 'm'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    *ret = (options_t){.seconds = 5, .large_mib = LARGE_MIB};
    bool good = true;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'p')
            ret->profile = optarg;
        else if (option == 's')
            ret->seconds = strtod(optarg, NULL);
        else if (option == 'f')
            good = fsp_parse_u64(fsp_slice_text(optarg), FILES_MAX, &ret->files) == FSP_OK &&
                   ret->files >= FILES_MIN && good;
        else if (option == 'm')
            good = fsp_parse_u64(fsp_slice_text(optarg), 1 << 20, &ret->large_mib) == FSP_OK &&
                   ret->large_mib > 0 && good;
        else if (option == 'j')
            ret->json = true;
        else if (option == 'h')
            ret->help = true;
        else
            good = false;
    }
    return good && ret->seconds > 0;
}

/* A command that wants a directory for itself, which exists. */
static int
run_in(bench_node_t *node, const char *command, const options_t *options)
{
    bool json = options->json, all = strcmp(command, "all") == 0;
    bench_limits_t measured;
    if (all || strcmp(command, "limits") == 0) {
        bench_limits(node->directory, &measured);
        bench_limits_print(json, &measured);
    }
    if (all)
        return run_all(json, node, &measured, options->seconds);
    if (strcmp(command, "tree") == 0)
        return run_tree(json, node, options->files ? options->files : TREE_FILES,
                        options->large_mib);
    size_t files = options->files ? options->files : FILES;
    if (strcmp(command, "apply") == 0)
        bench_apply(json, files, node->directory);
    else if (strcmp(command, "recover") == 0)
        bench_recover(json, files, node);
    return 0;
}

static bool
is_one_of(const char *command, const char *const *list)
{
    while (*list && strcmp(*list, command) != 0)
        list++;
    return *list != NULL;
}

int
main(int argc, char **argv)
{
    static const char *const making[] = {"limits", "all", "tree", "apply", "recover", NULL};
    options_t options;
    bool good = take_options(argc, argv, &options);
    const char *command = optind < argc ? argv[optind] : "";
    bool load = strcmp(command, "load") == 0;
    if (options.help || !good || (!load && !is_one_of(command, making))) {
        print_usage(options.help ? stdout : stderr);
        return options.help ? 0 : 2;
    }
    if (load) {
        run_loads(options.json, options.profile, options.seconds);
        return 0;
    }
    bench_node_t node = {.directory = "bench-XXXXXX"};
    if (!mkdtemp(node.directory)) {
        perror("filesphere-bench: temporary directory");
        return 1;
    }
    int code = run_in(&node, command, &options);
    bench_node_stop(&node);
    bench_remove(node.directory);
    return code;
}
