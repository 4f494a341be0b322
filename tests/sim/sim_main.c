/* SPDX-License-Identifier: MIT */
/* sim_main - filesphere-sim: runs seeds, or shows that deliberate faults are found.  Layer tests.
 *
 *   filesphere-sim --seeds N --nodes M --first S [--mutant NAME] [--jobs J] [--trace] [--brief]
 *                                             brief: a find is not made smaller
 *   filesphere-sim --mutants [--seeds N]      each one must be caught within N seeds
 *   filesphere-sim --list                     their names, and what they break
 *
 * The last line of a run is "seeds=N operations=N events=N faults=N hash=HEX", or, of one that
 * found something, "repeat: make sim SEEDS=1 NODES=M FIRST=S".
 */
#include "core/base/check.h"
#include "core/base/mutant.h"
#include "tests/sim/sim_hunt.h"
#include "tests/sim/sim_trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#ifdef FSP_MUTANTS
fsp_mutant_t fsp_mutant_active = FSP_MUTANT_none;
#endif

typedef struct {
    sim_hunt_t hunt;
    bool trace, all_mutants, list;
} options_t;

static int
usage(void)
{
    fprintf(stderr, "usage: filesphere-sim [--seeds N] [--nodes M] [--first S] [--mutant NAME]\n"
                    "                      [--jobs J] [--trace] [--brief]\n"
                    "       filesphere-sim --mutants [--seeds N] [--jobs J]\n"
                    "       filesphere-sim --list\n");
    return 2;
}

static bool
parse_number(const char *text, uint64_t most, uint64_t *ret)
{
    char *end;
    *ret = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && *ret <= most;
}

static bool
parse_value(const char *name, const char *value, sim_hunt_t *hunt)
{
    uint64_t number = 0;
    if (strcmp(name, "--mutant") == 0) {
        hunt->mutant = sim_mutant_find(value);
        return hunt->mutant && sim_mutant_possible(hunt->mutant);
    }
    if (strcmp(name, "--seeds") == 0)
        return parse_number(value, UINT64_MAX, &hunt->seeds) && hunt->seeds > 0;
    if (strcmp(name, "--first") == 0)
        return parse_number(value, UINT64_MAX, &hunt->first);
    if (strcmp(name, "--nodes") == 0 && parse_number(value, SIM_NODES_MAX, &number)) {
        hunt->nodes = (uint32_t)number;
        return number > 0;
    }
    if (strcmp(name, "--jobs") == 0 && parse_number(value, SIM_JOBS_MAX, &number)) {
        hunt->jobs = (uint32_t)number;
        return number > 0;
    }
    return false;
}

static bool
parse(int argc, char **argv, options_t *ret)
{
    *ret = (options_t){.hunt = {.first = 1, .jobs = 1, .shrink = true}};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0)
            ret->trace = true;
        else if (strcmp(argv[i], "--mutants") == 0)
            ret->all_mutants = true;
        else if (strcmp(argv[i], "--list") == 0)
            ret->list = true;
        else if (strcmp(argv[i], "--brief") == 0)
            ret->hunt.shrink = false;
        else if (i + 1 == argc || !parse_value(argv[i], argv[i + 1], &ret->hunt))
            return false;
        else
            i++;
    }
    if (ret->hunt.seeds == 0)
        ret->hunt.seeds = ret->all_mutants ? 1000 : 100;
    return true;
}

static int
list(void)
{
    for (size_t i = 0; i < sim_mutant_count(); i++) {
        const sim_mutant_t *mutant = sim_mutant_at(i);
        printf("%-28s %s %s\n", mutant->name, mutant->is_lie ? "lie: " : "core:", mutant->text);
    }
    return 0;
}

static double
seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int
run(sim_hunt_t *hunt)
{
    if (hunt->nodes == 0)
        hunt->nodes = 5;
    world_outcome_t sum;
    double begin = seconds();
    if (!sim_hunt(hunt, &sum))
        return 1;
    double took = seconds() - begin;
    fprintf(stderr, "%.1f seeds/s, %.0f events/s\n", (double)hunt->seeds / took,
            (double)sum.events / took);
#define X(name) printf("%s=%" PRIu64 " ", #name, sum.name);
    WORLD_COUNT_LIST(X)
#undef X
    printf("\nseeds=%" PRIu64 " operations=%" PRIu64 " events=%" PRIu64 " faults=%" PRIu64
           " hash=%016" PRIx64 "\n",
           hunt->seeds, sum.operations, sum.events, sum.faults, sum.hash);
    return 0;
}

/* With many nodes, then with one, which shows what a majority would hide. */
static int
run_mutants(const sim_hunt_t *hunt)
{
    unsigned tried = 0, survivors = 0;
    for (size_t i = 0; i < sim_mutant_count(); i++) {
        sim_hunt_t one = *hunt;
        one.mutant = sim_mutant_at(i);
        one.shrink = false;
        if (!sim_mutant_possible(one.mutant))
            continue;
        tried++;
        printf("-- %s: ", one.mutant->name);
        world_outcome_t sum;
        one.nodes = hunt->nodes ? hunt->nodes : 5;
        bool caught = !sim_hunt(&one, &sum);
        if (!caught && hunt->nodes == 0) {
            one.nodes = 1;
            caught = !sim_hunt(&one, &sum);
        }
        if (!caught)
            printf("SURVIVED %" PRIu64 " seeds: a check is missing\n", hunt->seeds);
        survivors += !caught;
    }
    printf("mutants=%u survivors=%u\n", tried, survivors);
    return survivors ? 1 : 0;
}

int
main(int argc, char **argv)
{
    options_t options;
    if (!parse(argc, argv, &options))
        return usage();
    sim_catch_aborts();
    if (options.list)
        return list();
    if (options.all_mutants)
        return run_mutants(&options.hunt);
    if (!options.trace)
        return run(&options.hunt);
    options.hunt.nodes = options.hunt.nodes ? options.hunt.nodes : 5;
    setvbuf(stdout, NULL, _IOLBF, 0); /* what a broken assertion cuts off is the last line */
    sim_hunt_trace(&options.hunt);
    return 0;
}
