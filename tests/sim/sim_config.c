/* SPDX-License-Identifier: MIT */
/* sim_config - everything that a seed decides before the run starts.  Layer tests.
 *
 * Swarm testing (Groce et al., 2012): a run with every fault at its mean finds less than many runs,
 * each with some faults off and some extreme.  So each seed draws from few, far apart values.
 *
 * The unit of time is the election timeout: a run lasts tens of them, whatever it is, and the
 * network is faster than it (else nobody is ever elected), by little or by much.
 */
#include "tests/sim/sim_config.h"

#include "core/base/check.h"
#include "core/base/prng.h"

#include <inttypes.h>

const char *
sim_fault_name(sim_fault_t fault)
{
    static const char *const names[] = {
#define X(name, text) #name,
        SIM_FAULT_LIST(X)
#undef X
    };
    FSP_PRE(fault < SIM_FAULT_COUNT);
    return names[fault];
}

static uint32_t
pick(fsp_prng_t *prng, const uint32_t *choices, size_t count)
{
    return choices[fsp_prng_below(prng, count)];
}
#define PICK(...)                                                                                  \
    pick(prng, (const uint32_t[]){__VA_ARGS__},                                                    \
         sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static uint32_t
between(fsp_prng_t *prng, uint32_t low, uint32_t high)
{
    return low + (uint32_t)fsp_prng_below(prng, high - low + 1);
}

static void
draw_members(sim_config_t *config, fsp_prng_t *prng, uint32_t nodes)
{
    config->bootstrapped = nodes > 1 || fsp_prng_chance(prng, 1, 2);
    config->node_count = nodes;
    if (nodes > 2 && fsp_prng_chance(prng, 1, 8))
        config->node_count = between(prng, 2, nodes);
    uint32_t most = config->node_count < 5 ? config->node_count : 5;
    config->voter_count = most;
    if (most >= 3 && fsp_prng_chance(prng, 2, 5))
        config->voter_count = between(prng, 2, most);
    config->sync_learner = config->node_count == 2 && fsp_prng_chance(prng, 1, 2);
    if (config->sync_learner)
        config->voter_count = 1;
    config->two_copies = config->sync_learner && fsp_prng_chance(prng, 1, 2);
}

static void
draw_limits(sim_config_t *config, fsp_prng_t *prng)
{
    fsp_raft_limits_t *limits = &config->limits;
    *limits = fsp_raft_limits_default();
    limits->election_us = PICK(150000, 400000, 1000000);
    limits->heartbeat_us = limits->election_us / PICK(3, 7, 12);
    limits->stall_us = 4 * limits->election_us;
    limits->retry_us = 4 * limits->election_us;
    limits->keep_entries = PICK(0, 3, 30, 1000);
    limits->drop_entries_min = PICK(1, 5, 50, 2000);
    limits->drop_alone_min = limits->drop_entries_min;
    limits->keep_bytes_max = PICK(2000, 20000, 64 * 1024 * 1024);
    limits->lag_max = PICK(0, 5, 1000);
    limits->message_bytes_max = PICK(1, 1000, 256 * 1024);
    limits->message_entries_max = PICK(1, 8, 256);
    limits->window_messages_max = PICK(1, 4, 32);
    limits->window_bytes_max = PICK(1000, 4 * 1024 * 1024);
    limits->waiting_entries_max = PICK(4, 64, 8192);
    limits->reads_max = PICK(2, 4096);
    limits->digest_every = PICK(2, 16, 100, 1000);
    config->cache_bytes_max = PICK(0, 600, 64 * 1024, 1024 * 1024);
}

static void
draw_clients(sim_config_t *config, fsp_prng_t *prng)
{
    bool alone = config->node_count == 1;
    config->client_count = between(prng, 1, SIM_CLIENTS_MAX);
    uint32_t total = alone ? between(prng, 6, 120) : between(prng, 230, 430);
    config->operations = total / config->client_count + 1;
    config->name_count = between(prng, 2, SIM_NAMES_MAX);
    config->query_percent = PICK(0, 10, 30, 60);
    config->give_up_in = PICK(0, 0, 3, 20);
    config->lists = fsp_prng_chance(prng, 1, 4);
    config->model = fsp_prng_chance(prng, 1, 4);
    config->think_us_max = 2 * config->duration_us / config->operations + 1;
    config->timeout_us = config->limits.election_us / PICK(8, 2, 1) + 4 * config->network_us_max;
}

/* Feature level 2 and what comes with it. */
static void
draw_families(sim_config_t *config, fsp_prng_t *prng)
{
    config->wall_rate = 1;
    config->old_in = PICK(0, 8, 30);
    config->stubborn = fsp_prng_chance(prng, 1, 12);
    config->raised = fsp_prng_chance(prng, 5, 6);
    if (!config->raised)
        return;
    config->raise_at = fsp_prng_chance(prng, 3, 4) ? 1 : 1 + config->operations / 2;
    config->families = PICK(1, 2, 4, 3, 5, 6, 7);
    config->visitors = fsp_prng_chance(prng, 2, 3);
    config->tight = fsp_prng_chance(prng, 1, 2);
    config->wall_rate = PICK(1, 1, 1, 1, 3000, 40000);
    config->model = fsp_prng_chance(prng, 2, 5);
}

static void
draw_faults(sim_config_t *config, fsp_prng_t *prng)
{
    bool alone = config->node_count == 1;
    uint32_t count = PICK(1, 4, 8, 16, 30);
    config->fault_every_us = config->duration_us / count + 1;
    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++)
        config->faults[i] = (uint8_t)PICK(0, 0, 1, 1, 4);
    /* Some seeds are about nothing but elections, or members, as fast as they can be. */
    static const sim_fault_t elections[] = {SIM_FAULT_crash,   SIM_FAULT_crash_loop,
                                            SIM_FAULT_hint,    SIM_FAULT_transfer,
                                            SIM_FAULT_one_way, SIM_FAULT_halves};
    static const sim_fault_t members[] = {SIM_FAULT_membership, SIM_FAULT_crash,
                                          SIM_FAULT_transfer,   SIM_FAULT_halves,
                                          SIM_FAULT_all_down,   SIM_FAULT_hint};
    uint32_t dice = (uint32_t)fsp_prng_below(prng, 8);
    if (!alone && dice < 2) {
        memset(config->faults, 0, sizeof(config->faults));
        for (size_t i = 0; i < 6; i++)
            config->faults[dice == 0 ? elections[i] : members[i]] = (uint8_t)PICK(1, 4);
        config->fault_every_us = config->limits.election_us / PICK(1, 4);
        config->down_us_max = config->limits.election_us / PICK(100, 10);
    }
    if (!alone)
        return;
    for (unsigned i = SIM_FAULT_halves; i <= SIM_FAULT_old_log; i++)
        config->faults[i] = 0; /* one node has nobody to talk to, and the only copy */
}

static void
draw_network(sim_config_t *config, fsp_prng_t *prng)
{
    config->network_us_max = 1 + config->limits.election_us / PICK(1000, 100, 30, 12);
    config->lose_in = PICK(0, 0, 200, 20);
    config->duplicate_in = PICK(0, 0, 50, 10);
    config->ordered = fsp_prng_chance(prng, 1, 3);
    config->bytes = fsp_prng_chance(prng, 1, 16);
    config->hints = fsp_prng_chance(prng, 1, 2);
}

static void
draw_disk(sim_config_t *config, fsp_prng_t *prng)
{
    config->write_us_max = PICK(10, 100, 2000);
    config->sync_us_max = PICK(50, 500, 5000, 20000);
    config->group_max = PICK(1, 2, 8, 64);
    config->visible_late = fsp_prng_chance(prng, 1, 2);
    config->atomic_groups = fsp_prng_chance(prng, 1, 2);
    config->watermark_us = PICK(1, 10000, 100000);
    config->down_us_max = config->limits.election_us / PICK(100, 3, 1) * PICK(1, 4);
}

/* When rows of the state are kept: from after nearly every write to once in a run. */
static void
draw_keeping(sim_config_t *config, fsp_prng_t *prng)
{
    config->keep_us_max = 1 + config->limits.election_us * PICK(1, 10, 100, 1000) / 100;
    config->told_us_max = PICK(1, 1000, 300000);
    config->places_max = PICK(2, 5, 1024);
}

sim_config_t
sim_config_make(uint64_t seed, uint32_t nodes, sim_lie_t lie)
{
    FSP_PRE(nodes >= 1 && nodes <= SIM_NODES_MAX);
    fsp_prng_t generator;
    fsp_prng_t *prng = &generator;
    fsp_prng_init(prng, fsp_mix64(seed ^ 0x66696c65));
    sim_config_t config = {.seed = seed, .lie = lie};
    draw_members(&config, prng, nodes);
    draw_limits(&config, prng);
    config.duration_us = config.limits.election_us * PICK(10, 20, 40);
    draw_network(&config, prng);
    draw_disk(&config, prng);
    draw_clients(&config, prng);
    draw_faults(&config, prng);
    draw_families(&config, prng);
    config.compare_in = PICK(1000, 10000);
    config.heal_all = fsp_prng_chance(prng, 1, 2);
    config.shorten_in = nodes > 1 ? PICK(0, 0, 30, 3) : 0;
    config.trial = (sim_trial_t)PICK(SIM_TRIAL_NONE, SIM_TRIAL_DEAF_FOLLOWER, SIM_TRIAL_AWAY,
                                     SIM_TRIAL_DEAF_LEADER, SIM_TRIAL_LOCKSTEP, SIM_TRIAL_BEHIND,
                                     SIM_TRIAL_DIVERGENT, SIM_TRIAL_DIVERGENT);
    draw_keeping(&config, prng);
    return config;
}

void
sim_config_print(const sim_config_t *self, FILE *to)
{
    const fsp_raft_limits_t *limits = &self->limits;
    fprintf(to, "seed %" PRIu64 ": %u nodes, %u voters%s%s; ", self->seed, self->node_count,
            self->voter_count, self->sync_learner ? ", a synchronous learner" : "",
            self->bootstrapped ? "" : ", an empty log");
    fprintf(to, "%u clients x %u operations on %u names, %u%% queries%s, give up 1/%u; ",
            self->client_count, self->operations, self->name_count, self->query_percent,
            self->two_copies ? ", two copies" : "", self->give_up_in);
    if (self->raised)
        fprintf(to, "level 2 after %u, families %u%s%s%s clock x%u; ", self->raise_at,
                self->families, self->visitors ? " visitors" : "", self->tight ? " tight" : "",
                self->stubborn ? " stubborn" : "", self->wall_rate);
    fprintf(to, "timeout %" PRIu64 ", think %" PRIu64 "; ", self->timeout_us, self->think_us_max);
    fprintf(to, "network %" PRIu64 " lose 1/%u duplicate 1/%u shorten 1/%u", self->network_us_max,
            self->lose_in, self->duplicate_in, self->shorten_in);
    fprintf(to, "%s%s%s; ", self->ordered ? " ordered" : "", self->bytes ? " bytes" : "",
            self->hints ? " hints" : "");
    fprintf(to, "write %" PRIu64 " sync %" PRIu64 " group %u%s%s watermark %" PRIu64 "; ",
            self->write_us_max, self->sync_us_max, self->group_max,
            self->visible_late ? " visible late" : "", self->atomic_groups ? " atomic" : "",
            self->watermark_us);
    fprintf(to, "keep %" PRIu64 " told %" PRIu64 " places %u; ", self->keep_us_max,
            self->told_us_max, self->places_max);
    fprintf(to,
            "election %" PRIu64 " heartbeat %" PRIu64 " keep %" PRIu64 " drop %" PRIu64
            " lag %" PRIu64 " message %zu/%zu window %zu/%zu waiting %zu digest %" PRIu64
            " cache %zu; ",
            limits->election_us, limits->heartbeat_us, limits->keep_entries,
            limits->drop_entries_min, limits->lag_max, limits->message_entries_max,
            limits->message_bytes_max, limits->window_messages_max, limits->window_bytes_max,
            limits->waiting_entries_max, limits->digest_every, self->cache_bytes_max);
    fprintf(to, "down %" PRIu64 "; every %" PRIu64 " one of", self->down_us_max,
            self->fault_every_us);
    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++)
        if (self->faults[i])
            fprintf(to, " %s:%u", sim_fault_name((sim_fault_t)i), self->faults[i]);
    fprintf(to, "; trial %u%s\n", (unsigned)self->trial,
            self->heal_all ? "" : "; a majority is healed");
}
