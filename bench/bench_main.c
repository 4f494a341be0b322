/* SPDX-License-Identifier: MIT */
/* bench_main - filesphere-bench: its commands, and what they share. */
#include "bench/bench.h"
#include "bench/load.h"

#include <stdio.h>
#include <string.h>

static const bench_command_t commands[] = {
    {"limits", "what this machine allows, block by block", bench_cmd_limits},
    {"load", "what a node does under one kind of load", bench_cmd_load},
    {"report", "a grid of loads, as a page with tables and pictures", bench_cmd_report},
    {"all", "limits, then the loads of the goals on a node of its own", bench_cmd_all},
    {"tree", "the command line: small files, a large one, the start of cat", bench_cmd_tree},
    {"apply", "commands a second through the state machine, and what a file costs",
     bench_cmd_apply},
    {"recover", "from the start of a node with many files to its first answer", bench_cmd_recover},
    {"scale", "what an operation, a start and a file cost as files become many", bench_cmd_scale},
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
print_usage(FILE *to)
{
    (void)fputs("Usage: filesphere-bench COMMAND [OPTION]...\n\n", to);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        (void)fprintf(to, "  %-8s  %s\n", commands[i].name, commands[i].summary);
    (void)fputs("\nfilesphere-bench COMMAND --help lists its options.\n", to);
}

int
main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "load-worker") == 0)
        return bench_cmd_load_worker(argc - 1, argv + 1); /* `load` starts it; nobody else */
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(command, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    bool help = strcmp(command, "--help") == 0 || strcmp(command, "help") == 0;
    print_usage(help ? stdout : stderr);
    return help ? 0 : 2;
}
