/* SPDX-License-Identifier: MIT */
/* sim_config - everything that a seed decides before the run starts.  Layer tests. */
#ifndef FSP_TESTS_SIM_SIM_CONFIG_H
#define FSP_TESTS_SIM_SIM_CONFIG_H
#include "core/base/types.h"

#include <stdio.h>

enum { SIM_CLIENTS_MAX = 6, SIM_NAMES_MAX = 10 };

/* Lies of the world.  Each breaks a promise that the replica relies on, or forges one that it
   makes; a run in which such a lie goes unnoticed shows that a check is missing.
   X(NAME, "what it breaks") */
#define SIM_MUTANT_LIST(X)                                                                         \
    X(reply_before_written, "WRITTEN is reported when the write is only queued")                   \
    X(lost_sync, "a sync is reported but nothing was synced")                                      \
    X(lose_overlay, "a lazy write is reported but not in the database until the next one")         \
    X(lost_lazy, "a lazy write is reported and never written")                                     \
    X(applied_outside_batch, "the shard row is written apart from the rows it speaks for")         \
    X(torn_batch, "a crash keeps the first rows of a batch")                                       \
    X(reordered_writes, "a crash keeps a later write without an earlier one")                      \
    X(lost_log_tail, "a crash cuts the log below the watermark")                                   \
    X(lost_log_tail_unmarked, "the same, and the watermark is lost too")                           \
    X(old_copy, "a crash brings back an old copy of the whole database")                           \
    X(old_copy_unmarked, "the same, and the watermark is lost too")                                \
    X(lost_vote, "hard state rows are not written")                                                \
    X(double_apply, "a crash brings back the shard row of some time ago")                          \
    X(forged_request, "the world changes a command on its way to the log")                         \
    X(repeated_operation, "a client sends one operation under two ids")

typedef enum {
    SIM_MUTANT_NONE,
#define X(name, text) SIM_MUTANT_##name,
    SIM_MUTANT_LIST(X)
#undef X
        SIM_MUTANT_COUNT
} sim_mutant_t;

const char *sim_mutant_name(sim_mutant_t mutant);
const char *sim_mutant_text(sim_mutant_t mutant);
/* False if there is no such mutant. */
bool sim_mutant_parse(const char *name, sim_mutant_t *ret);

/* Chances are 1 in n; 0 is never. */
typedef struct {
    uint64_t seed;
    sim_mutant_t mutant;

    uint32_t client_count;
    uint32_t operations; /* of each client */
    uint32_t name_count; /* paths in use */
    uint32_t query_percent;
    fsp_time_t timeout_us; /* of a client, until it sends again */

    fsp_time_t network_us_max; /* one way */
    uint32_t lose_in;          /* messages between client and node */
    uint32_t duplicate_in;

    fsp_time_t write_us_max; /* a group without a sync */
    fsp_time_t sync_us_max;  /* and with one */
    fsp_time_t stall_us;     /* now and then */
    uint32_t stall_in;
    uint32_t group_max;      /* writes in a group */
    bool visible_late;       /* rows can be read after the sync, not before */
    bool atomic_groups;      /* a crash keeps whole groups only */
    fsp_time_t watermark_us; /* how often the file outside the database is rewritten */

    uint32_t crash_effect_in; /* before each effect */
    uint32_t crash_event_in;  /* before each event at a node */
    uint32_t clean_stop_in;   /* a crash is a clean stop instead */
    uint32_t read_error_in;   /* each read of the database */
    uint32_t clock_jump_in;   /* each event at a node */
    fsp_time_t down_us_max;

    size_t cache_bytes_max;
    uint32_t prefill;    /* no-ops in the log before the start */
    uint32_t compare_in; /* steps between comparisons of the whole state */
} sim_config_t;

sim_config_t sim_config_make(uint64_t seed, sim_mutant_t mutant);
void sim_config_print(const sim_config_t *self, FILE *to);
#endif
