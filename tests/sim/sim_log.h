/* SPDX-License-Identifier: MIT */
/* sim_log - logs as the rows of replicas say, and every entry that was ever written.  Layer tests.
 *
 * Judged is what goes to a disk, not what a replica says of itself.  Each replica has two logs
 * here: as it has written, and as it would survive.  Entries are interned by (index, term), so that
 * comparing two of them is comparing pointers, and R2 is one comparison when an entry is written:
 *
 *   R2  entries of one index and term are equal, and so are the terms of those before them; by
 *       induction, logs that share an entry are equal up to it
 */
#ifndef FSP_TESTS_SIM_SIM_LOG_H
#define FSP_TESTS_SIM_SIM_LOG_H
#include "core/base/memview.h"
#include "core/engine/log_rows.h"
#include "tests/sim/sim_trace.h"

/* An entry, as it was written somewhere. */
typedef struct sim_entry {
    uint64_t index, term;
    uint64_t previous_term;
    fsp_entry_kind_t kind;
    fsp_blob_t *value;       /* its row */
    fsp_raft_conf_t *conf;   /* CONFIG */
    struct sim_entry *other; /* of this index and another term */
} sim_entry_t;

typedef struct {
    const sim_trace_t *trace;
    sim_entry_t **by_index;
    size_t count, capacity;
    fsp_raft_conf_t **bases; /* configurations from base rows, each once */
    size_t base_count, base_capacity;
} sim_entries_t;

typedef struct {
    uint64_t index;
    const fsp_raft_conf_t *conf;
} sim_conf_at_t;

/* One log. */
typedef struct {
    fsp_hard_state_t hard;
    uint64_t start, start_term;
    uint32_t generation;         /* of the state rows; 0: no base row */
    const fsp_raft_conf_t *base; /* configuration as of start; NULL: not known */
    const sim_entry_t **entries; /* start + 1 .. */
    size_t count, capacity;
    sim_conf_at_t *confs; /* of the CONFIG entries among them */
    size_t conf_count, conf_capacity;
} sim_log_t;

/* What a batch did to a log. */
typedef struct {
    uint64_t first;              /* lowest index of an entry that it wrote, 0 none */
    uint64_t first_new;          /* the same of an entry that no log has had before */
    uint64_t command;            /* index of the last command among them, 0 none */
    const sim_entry_t *cut;      /* first of the entries removed from the end, NULL none */
    bool dropped;                /* the log starts later */
    const fsp_raft_conf_t *base; /* a new one, NULL none */
} sim_log_change_t;

/* trace outlives the entries. */
void sim_entries_init(sim_entries_t *self, const sim_trace_t *trace);
void sim_entries_clear(sim_entries_t *self);

void sim_log_clear(sim_log_t *self);
/* Applies the rows of family LOG; fails the run for rows that make no log, and for R2. */
sim_log_change_t sim_log_apply(sim_log_t *self, sim_entries_t *entries, const fsp_batch_t *batch);
/* Anew from all rows of a disk. */
void sim_log_load(sim_log_t *self, sim_entries_t *entries, fsp_memview_t *rows);
static inline uint64_t
sim_log_last(const sim_log_t *self)
{
    return self->start + self->count;
}
/* NULL: the log does not hold it. */
const sim_entry_t *sim_log_at(const sim_log_t *self, uint64_t index);
/* 0: not known. */
uint64_t sim_log_term(const sim_log_t *self, uint64_t index);
/* The configuration in force, and its index; NULL: none is known. */
const fsp_raft_conf_t *sim_log_conf(const sim_log_t *self, uint64_t *ret_index);
/* Whether the seats for which `yes` holds are a majority of each voter set: by counting, apart from
   the core's own way. */
bool sim_log_majority(const fsp_raft_conf_t *conf, const bool *yes);
#endif
