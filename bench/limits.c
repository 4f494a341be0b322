/* SPDX-License-Identifier: MIT */
/* limits - what this machine allows: the command, over limits_cpu, limits_net and limits_disk. */
#include "bench/bench.h"
#include "bench/measure.h"
#include "bench/options.h"

bool
bench_limits(const bench_measure_t *self)
{
    bench_measure_t measure = *self;
    if (measure.effort <= 0)
        measure.effort = self->brief ? 0.5 : 1;
    bench_figures_clear(self->limits);
    return bench_limits_cpu(&measure) && bench_limits_net(&measure) && bench_limits_disk(&measure);
}

typedef struct {
    bool json, brief, fast;
} limits_options_t;

static int
run_limits(void *arg, bench_node_t *node)
{
    const limits_options_t *options = arg;
    bench_limits_t limits;
    bench_measure_t self = {.limits = &limits,
                            .output = options->json ? BENCH_JSON : BENCH_TABLE,
                            .brief = options->brief,
                            .effort = options->fast ? 0.1 : 0,
                            .directory = node->directory};
    if (!bench_limits(&self))
        return 1;
    if (options->json)
        bench_figures_print(&limits);
    return 0;
}

int
bench_cmd_limits(int argc, char **argv)
{
    limits_options_t self = {0};
    const bench_option_t options[] = {
        {.name = "brief", .help = "only what `load` needs, in 4 s", .flag = &self.brief},
        {.name = "fast", .help = "in a tenth of the time, and noisy", .flag = &self.fast},
        {.name = "json", .help = "a JSON object a line; the last has all", .flag = &self.json},
        {.name = NULL}};
    int code = bench_take_options(
        argc, argv, "What this machine allows, on the disk of the current directory", options);
    return code == BENCH_GO_ON ? bench_in_directory(run_limits, &self) : code;
}
