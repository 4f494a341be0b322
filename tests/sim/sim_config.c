/* SPDX-License-Identifier: MIT */
/* sim_config - everything that a seed decides before the run starts.  Layer tests.
 *
 * Swarm testing (Groce et al., 2012): a run with every fault at its mean finds less than many runs,
 * each with some faults off and some extreme.  So each seed draws from few, far apart values.
 */
#include "tests/sim/sim_config.h"

#include "core/base/check.h"
#include "core/base/prng.h"

#include <inttypes.h>

static const struct {
    const char *name, *text;
} mutants[] = {{"none", "nothing"},
#define X(name, text) {#name, text},
               SIM_MUTANT_LIST(X)
#undef X
};

const char *
sim_mutant_name(sim_mutant_t mutant)
{
    FSP_PRE(mutant < SIM_MUTANT_COUNT);
    return mutants[mutant].name;
}

const char *
sim_mutant_text(sim_mutant_t mutant)
{
    FSP_PRE(mutant < SIM_MUTANT_COUNT);
    return mutants[mutant].text;
}

bool
sim_mutant_parse(const char *name, sim_mutant_t *ret)
{
    for (unsigned i = 0; i < SIM_MUTANT_COUNT; i++) {
        if (strcmp(mutants[i].name, name) == 0) {
            *ret = (sim_mutant_t)i;
            return true;
        }
    }
    return false;
}

static uint32_t
pick(fsp_prng_t *prng, const uint32_t *choices, size_t count)
{
    return choices[fsp_prng_below(prng, count)];
}
#define PICK(...)                                                                                  \
    pick(&prng, (const uint32_t[]){__VA_ARGS__},                                                   \
         sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static uint32_t
between(fsp_prng_t *prng, uint32_t low, uint32_t high)
{
    return low + (uint32_t)fsp_prng_below(prng, high - low + 1);
}

sim_config_t
sim_config_make(uint64_t seed, sim_mutant_t mutant)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_mix64(seed ^ 0x66696c65));
    sim_config_t config = {.seed = seed, .mutant = mutant};
    config.client_count = between(&prng, 1, SIM_CLIENTS_MAX);
    config.operations = between(&prng, 6, 40);
    config.name_count = between(&prng, 2, SIM_NAMES_MAX);
    config.query_percent = PICK(0, 10, 30, 60);
    config.timeout_us = PICK(20000, 100000, 1000000);

    config.network_us_max = PICK(1, 100, 5000);
    config.lose_in = PICK(0, 0, 100, 20);
    config.duplicate_in = PICK(0, 0, 50, 10);

    config.write_us_max = PICK(10, 100, 2000);
    config.sync_us_max = PICK(50, 500, 5000, 20000);
    config.stall_in = PICK(0, 0, 200, 30);
    config.stall_us = PICK(50000, 1000000, 10000000);
    config.group_max = PICK(1, 2, 8, 64);
    config.visible_late = PICK(0, 1);
    config.atomic_groups = PICK(0, 1);
    config.watermark_us = PICK(1, 10000, 100000);

    config.crash_effect_in = PICK(0, 20, 60, 200, 1000);
    config.crash_event_in = PICK(0, 60, 200, 1000);
    config.clean_stop_in = PICK(0, 2, 5);
    config.read_error_in = PICK(0, 0, 0, 2000);
    config.clock_jump_in = PICK(0, 0, 100, 10);
    config.down_us_max = PICK(10, 10000, 500000);

    config.cache_bytes_max = PICK(0, 600, 64 * 1024, 1024 * 1024);
    config.prefill = fsp_prng_chance(&prng, 1, 50) ? 2990 : 0;
    config.compare_in = PICK(50, 1000);
    return config;
}

void
sim_config_print(const sim_config_t *self, FILE *to)
{
    fprintf(to,
            "seed %" PRIu64 " mutant %s: %u clients x %u operations on %u names, %u%% queries, "
            "timeout %" PRIu64 "; network %" PRIu64 " lose 1/%u duplicate 1/%u; write %" PRIu64
            " sync %" PRIu64 " stall %" PRIu64 " 1/%u group %u%s%s watermark %" PRIu64
            "; crash effect 1/%u event 1/%u clean 1/%u down %" PRIu64
            "; read error 1/%u clock 1/%u; cache %zu prefill %u\n",
            self->seed, sim_mutant_name(self->mutant), self->client_count, self->operations,
            self->name_count, self->query_percent, self->timeout_us, self->network_us_max,
            self->lose_in, self->duplicate_in, self->write_us_max, self->sync_us_max,
            self->stall_us, self->stall_in, self->group_max,
            self->visible_late ? " visible late" : "", self->atomic_groups ? " atomic" : "",
            self->watermark_us, self->crash_effect_in, self->crash_event_in, self->clean_stop_in,
            self->down_us_max, self->read_error_in, self->clock_jump_in, self->cache_bytes_max,
            self->prefill);
}
