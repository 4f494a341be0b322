/* SPDX-License-Identifier: MIT */
/* sim_config - everything that a seed decides before the run starts.  Layer tests. */
#ifndef FSP_TESTS_SIM_SIM_CONFIG_H
#define FSP_TESTS_SIM_SIM_CONFIG_H
#include "core/raft/raft.h"

#include <stdio.h>

enum { SIM_NODES_MAX = 9, SIM_CLIENTS_MAX = 6, SIM_NAMES_MAX = 10 };

/* Lies of the world.  Each breaks a promise that the replica relies on, or forges one that it
   makes; a run in which such a lie goes unnoticed shows that a check is missing.
   X(NAME, "what it breaks") */
#define SIM_LIE_LIST(X)                                                                            \
    X(reply_before_written, "WRITTEN is reported when the write is only queued")                   \
    X(lost_sync, "a sync is reported but nothing was synced")                                      \
    X(lose_overlay, "a lazy write is reported but not in the database until the next one")         \
    X(lost_lazy, "a lazy write is reported and never written")                                     \
    X(applied_outside_batch, "the shard row is written apart from the rows it speaks for")         \
    X(torn_batch, "a crash keeps the first rows of a batch")                                       \
    X(reordered_writes, "a crash keeps a later write without an earlier one")                      \
    X(kept_too_early, "state rows are said to be kept, and a crash loses them")                    \
    X(lost_log_tail, "a crash cuts the log below the watermark")                                   \
    X(lost_log_tail_unmarked, "the same, and the watermark is lost too")                           \
    X(old_copy, "a crash brings back an old copy of the whole database")                           \
    X(old_copy_unmarked, "the same, and the watermark is lost too")                                \
    X(lost_vote, "hard state rows are not written")                                                \
    X(double_apply, "a crash brings back the shard row of some time ago")                          \
    X(forged_request, "the world changes a command on its way to the log")                         \
    X(repeated_operation, "a client sends one operation under two ids")                            \
    X(stale_answer, "a query is answered with what the one before it was answered")                \
    X(lost_comes_back, "a lost replica starts again, empty, under its old number")                 \
    X(losses_without_bound, "disks are lost although no majority has a copy")

typedef enum {
    SIM_LIE_NONE,
#define X(name, text) SIM_LIE_##name,
    SIM_LIE_LIST(X)
#undef X
        SIM_LIE_COUNT
} sim_lie_t;

/* What happens now and then, besides what happens to single messages and writes.
   X(NAME, "in words") */
#define SIM_FAULT_LIST(X)                                                                          \
    X(crash, "a process ends before one of its next effects")                                      \
    X(crash_loop, "a process ends several times in a row")                                         \
    X(all_down, "all processes end at once")                                                       \
    X(clean_stop, "a process ends as it should")                                                   \
    X(stall, "a process stands still")                                                             \
    X(clock_jump, "a wall clock jumps")                                                            \
    X(halves, "the network falls into two parts")                                                  \
    X(bridge, "two parts see each other through one node only")                                    \
    X(one_way, "a node hears and is not heard, or the other way round")                            \
    X(flapping, "a link comes and goes")                                                           \
    X(slow_link, "a link is slow")                                                                 \
    X(hint, "a connection seems broken")                                                           \
    X(transfer, "leadership is asked to move")                                                     \
    X(membership, "the layout wants other members")                                                \
    X(lose_replica, "a replica's rows are gone")                                                   \
    X(lose_store, "a node's whole store is gone")                                                  \
    X(damage, "a row fails its checksum from now on")                                              \
    X(old_log, "a log ends before what was acknowledged")                                          \
    X(slow_disk, "a disk takes its time")                                                          \
    X(read_error, "a read fails")

typedef enum {
#define X(name, text) SIM_FAULT_##name,
    SIM_FAULT_LIST(X)
#undef X
        SIM_FAULT_COUNT
} sim_fault_t;
const char *sim_fault_name(sim_fault_t fault);

typedef enum {
    SIM_TRIAL_NONE,
    SIM_TRIAL_DEAF_FOLLOWER,
    SIM_TRIAL_AWAY,
    SIM_TRIAL_DEAF_LEADER,
    SIM_TRIAL_LOCKSTEP,
    SIM_TRIAL_BEHIND,
    SIM_TRIAL_DIVERGENT,
} sim_trial_t;

/* Families of commands of level 2, in use or not.  Bits. */
typedef enum { SIM_FAMILY_HISTORY = 1, SIM_FAMILY_NODE = 2, SIM_FAMILY_ACCESS = 4 } sim_family_t;

/* Chances are 1 in n; 0 is never.  Times in microseconds of virtual time. */
typedef struct {
    uint64_t seed;
    sim_lie_t lie;

    uint32_t node_count;
    uint32_t voter_count; /* of the first configuration; the other nodes are spares */
    bool sync_learner;    /* two nodes: the second one is a synchronous learner */
    bool bootstrapped;    /* false: one node that starts from an empty log */

    uint32_t client_count;
    uint32_t operations; /* of each client */
    uint32_t name_count; /* paths in use */
    uint32_t query_percent;
    uint32_t give_up_in; /* each time a client's patience ends */
    bool two_copies;     /* commands ask for them */
    bool lists;          /* listings go into the history too */
    bool model;          /* the reference model judges results too */
    bool raised;         /* the shard goes to level 2 */
    uint32_t raise_at;   /* after so many operations of the first client */
    unsigned families;   /* of commands in use there: bits of sim_family_t */
    bool visitors;       /* others than the owner act, too */
    bool tight;          /* sizes are small, quotas are near what is used */
    bool stubborn;       /* most operations are refused */
    uint32_t old_in;     /* operations say that they were sent long ago; or ids come again */
    uint32_t wall_rate;  /* wall clocks go so many times faster than time */
    fsp_time_t think_us_max;
    fsp_time_t timeout_us; /* of a client, until it sends again */

    fsp_time_t duration_us; /* in which the clients are to be done if nothing goes wrong */
    fsp_time_t fault_every_us;
    uint8_t faults[SIM_FAULT_COUNT]; /* weights */

    fsp_time_t network_us_max; /* one way */
    uint32_t lose_in;          /* messages */
    uint32_t duplicate_in;
    uint32_t shorten_in; /* APPENDs: a leader may send fewer entries at a time */
    bool ordered;        /* from one node to another, messages arrive in order */
    bool bytes;          /* messages between replicas are encoded and decoded */
    bool hints;          /* a broken connection is noticed */

    fsp_time_t write_us_max; /* a group without a sync */
    fsp_time_t sync_us_max;  /* and with one */
    uint32_t group_max;      /* writes in a group */
    bool visible_late;       /* rows can be read after the sync, not before */
    bool atomic_groups;      /* a crash keeps whole groups only */
    fsp_time_t keep_us_max;  /* until some of the state's rows are kept */
    fsp_time_t told_us_max;  /* and until the replica hears of it */
    uint32_t places_max;     /* that a replica notes */
    fsp_time_t watermark_us; /* how often the file outside the database is rewritten */
    fsp_time_t down_us_max;

    fsp_raft_limits_t limits;
    size_t cache_bytes_max;
    uint32_t compare_in; /* steps between comparisons of a whole state */
    sim_trial_t trial;   /* when all is at rest (world_trial.c) */
    bool heal_all;       /* in the end all nodes come back, else a majority */
} sim_config_t;

sim_config_t sim_config_make(uint64_t seed, uint32_t nodes, sim_lie_t lie);
void sim_config_print(const sim_config_t *self, FILE *to);
#endif
