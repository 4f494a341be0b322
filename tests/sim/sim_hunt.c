/* SPDX-License-Identifier: MIT */
/* sim_hunt - runs many seeds in processes of their own, and tells of the first that fails.
 *
 * Layer tests.  A seed that fails ends its process, also by a broken assertion or a signal; the
 * process that waits knows by shared memory which one it was, and runs it again to hear why.  Then
 * it is made smaller as long as the same check still fails: fewer operations, fewer clients, fewer
 * nodes, kinds of faults switched off.  What is to be repeated is always the seed itself.
 */
#include "tests/sim/sim_hunt.h"

#include "core/base/check.h"
#include "core/base/prng.h"
#include "tests/sim/sim_trace.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    EVERY_NTH_TWICE = 32, /* P13 */
    SEED_SECONDS_MAX = 120,
    SHRINK_RUNS_MAX = 80,
    SHRINK_SECONDS_MAX = 20,
    TEXT_BYTES_MAX = 4096,
};

/* What a worker has done; in memory that it shares with the one that waits. */
typedef struct {
    uint64_t seed; /* the present one */
    world_outcome_t sum;
} worker_t;

typedef struct {
    _Atomic uint64_t lowest; /* seed that failed, from the first one on; UINT64_MAX none */
    worker_t workers[SIM_JOBS_MAX];
} shared_t;

static void
add(world_outcome_t *sum, const world_outcome_t *one)
{
    sum->hash += one->hash; /* in any order */
#define X(name) sum->name += one->name;
    WORLD_COUNT_LIST(X)
#undef X
}

static world_outcome_t
run(const sim_config_t *config, bool twice, bool print)
{
    world_outcome_t outcome = world_run(config, print);
    if (twice && world_run(config, false).hash != outcome.hash) {
        printf("seed %" PRIu64 ": P13: two runs differ\n", config->seed);
        fflush(stdout);
        _exit(1);
    }
    outcome.hash = fsp_mix64(outcome.hash ^ config->seed);
    return outcome;
}

static bool
twice(const sim_hunt_t *self, uint64_t seed)
{
    return (seed - self->first) % EVERY_NTH_TWICE == 0;
}

void
sim_hunt_trace(const sim_hunt_t *self)
{
    sim_lie_t lie = sim_mutant_choose(self->mutant);
    for (uint64_t i = 0; i < self->seeds; i++) {
        sim_config_t config = sim_config_make(self->first + i, self->nodes, lie);
        sim_config_print(&config, stdout);
        (void)run(&config, false, true);
    }
}

/* -- one find ---------------------------------------------------------------------------------- */

/* Runs it in a child.  False: it failed, and text says how. */
static bool
holds(const sim_config_t *config, bool two, char text[TEXT_BYTES_MAX])
{
    FILE *said = tmpfile();
    FSP_ASSERT(said);
    fflush(NULL);
    pid_t child = fork();
    FSP_ASSERT(child >= 0);
    if (child == 0) {
        dup2(fileno(said), STDOUT_FILENO);
        dup2(fileno(said), STDERR_FILENO);
        alarm(SEED_SECONDS_MAX);
        (void)run(config, two, false);
        _exit(0);
    }
    int how = 0;
    bool ended = waitpid(child, &how, 0) == child;
    FSP_ASSERT(ended);
    rewind(said);
    size_t bytes = fread(text, 1, TEXT_BYTES_MAX - 1, said);
    text[bytes] = '\0';
    fclose(said);
    if (WIFSIGNALED(how) && bytes < TEXT_BYTES_MAX - 64)
        snprintf(text + bytes, TEXT_BYTES_MAX - bytes, "ends by signal %d\n", WTERMSIG(how));
    return WIFEXITED(how) && WEXITSTATUS(how) == 0;
}

/* By what a failure is known again: the name of the check, or the place of the assertion. */
static void
name_failure(const char *text, char name[64])
{
    const char *from = strstr(text, "seed ");
    const char *colon = from ? strstr(from, ": ") : NULL;
    const char *start = text[0] == '[' && colon ? colon + 2 : text;
    size_t bytes = strcspn(start, text[0] == '[' ? ":" : "(\n");
    if (bytes > 63)
        bytes = 63;
    memcpy(name, start, bytes);
    name[bytes] = '\0';
}

static bool
fails_alike(const sim_config_t *config, bool two, const char *name, char text[TEXT_BYTES_MAX])
{
    char other[64];
    if (holds(config, two, text))
        return false;
    name_failure(text, other);
    return strcmp(name, other) == 0;
}

/* One way to make it smaller; false: there is nothing more to take. */
static bool
make_smaller(sim_config_t *config, unsigned way)
{
    if (way < SIM_FAULT_COUNT) {
        bool there = config->faults[way] > 0;
        config->faults[way] = 0;
        return there;
    }
    switch (way - SIM_FAULT_COUNT) {
    case 0:
        config->operations = (config->operations + 1) / 2;
        return config->operations > 1;
    case 1:
        config->client_count -= config->client_count > 1;
        return config->client_count > 1;
    case 2:
        if (config->node_count <= config->voter_count || config->node_count <= 2)
            return false;
        config->node_count--;
        return true;
    case 3:
        if (config->lose_in == 0 && config->duplicate_in == 0 && config->shorten_in == 0)
            return false;
        config->lose_in = config->duplicate_in = config->shorten_in = 0;
        return true;
    case 4:
        if (config->query_percent == 0)
            return false;
        config->query_percent = 0;
        return true;
    default:
        return false;
    }
}

static void
shrink(sim_config_t config, bool two, const char *name)
{
    static char text[TEXT_BYTES_MAX], best[TEXT_BYTES_MAX];
    enum { WAYS = SIM_FAULT_COUNT + 5 };
    time_t until = time(NULL) + SHRINK_SECONDS_MAX;
    unsigned runs = 0, found = 0;
    bool progress = true;
    while (progress) {
        progress = false;
        for (unsigned way = 0; way < WAYS && runs < SHRINK_RUNS_MAX && time(NULL) < until; way++) {
            sim_config_t smaller = config;
            if (!make_smaller(&smaller, way))
                continue;
            runs++;
            if (!fails_alike(&smaller, two, name, text))
                continue;
            config = smaller;
            memcpy(best, text, sizeof(best));
            found++;
            progress = way >= SIM_FAULT_COUNT;
        }
    }
    if (found == 0)
        return;
    printf("smaller, after %u runs: %s", runs, best);
    sim_config_print(&config, stdout);
}

static void
tell(const sim_hunt_t *self, uint64_t seed)
{
    static char text[TEXT_BYTES_MAX];
    char name[64];
    sim_config_t config = sim_config_make(seed, self->nodes, sim_mutant_choose(self->mutant));
    if (holds(&config, twice(self, seed), text))
        snprintf(text, sizeof(text), "seed %" PRIu64 ": P13: it failed, and does not again\n",
                 seed);
    fputs(text, stdout);
    if (self->shrink) {
        sim_config_print(&config, stdout);
        name_failure(text, name);
        shrink(config, twice(self, seed), name);
    }
    printf("repeat: make sim SEEDS=1 NODES=%u FIRST=%" PRIu64 "%s%s\n", self->nodes, seed,
           self->mutant ? " MUTANT=" : "", self->mutant ? self->mutant->name : "");
}

/* -- many seeds -------------------------------------------------------------------------------- */

static _Noreturn void
work(const sim_hunt_t *self, shared_t *shared, uint32_t job)
{
    worker_t *worker = &shared->workers[job];
    /* What a failing seed says is asked for again by whoever waits. */
    if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
        _exit(1);
    sim_lie_t lie = sim_mutant_choose(self->mutant);
    for (uint64_t i = job; i < self->seeds; i += self->jobs) {
        if (i > shared->lowest)
            break;
        worker->seed = i;
        alarm(SEED_SECONDS_MAX);
        sim_config_t config = sim_config_make(self->first + i, self->nodes, lie);
        world_outcome_t outcome = run(&config, i % EVERY_NTH_TWICE == 0, false);
        add(&worker->sum, &outcome);
    }
    _exit(0);
}

bool
sim_hunt(const sim_hunt_t *self, world_outcome_t *ret)
{
    FSP_PRE(self->jobs >= 1 && self->jobs <= SIM_JOBS_MAX);
    shared_t *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FSP_ASSERT(shared != MAP_FAILED);
    shared->lowest = UINT64_MAX;
    pid_t children[SIM_JOBS_MAX];
    fflush(NULL);
    for (uint32_t job = 0; job < self->jobs; job++) {
        children[job] = fork();
        FSP_ASSERT(children[job] >= 0);
        if (children[job] == 0)
            work(self, shared, job);
    }
    *ret = (world_outcome_t){0};
    for (uint32_t left = self->jobs; left > 0; left--) {
        int how = 0;
        pid_t child = wait(&how);
        FSP_ASSERT(child > 0);
        uint32_t job = 0;
        while (children[job] != child)
            job++;
        const worker_t *worker = &shared->workers[job];
        bool failed = !WIFEXITED(how) || WEXITSTATUS(how) != 0;
        if (failed && worker->seed < shared->lowest)
            shared->lowest = worker->seed;
        add(ret, &worker->sum);
    }
    uint64_t lowest = shared->lowest;
    munmap(shared, sizeof(*shared));
    if (lowest == UINT64_MAX)
        return true;
    tell(self, self->first + lowest);
    return false;
}
