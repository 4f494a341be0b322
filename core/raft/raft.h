/* SPDX-License-Identifier: MIT */
/* raft - one replica of one shard's log, as a step function.  Layer core/raft.  Pure.
 *
 * Raft as in Ongaro's dissertation (2014), with the rules of docs/consensus (durability below).
 * This version decides with one voter; types and files are laid out for many: a member is
 * (node id, replica number, store id), messages and per-follower progress come with elections.
 *
 * Durability.  A vote, an own acknowledgement of an entry, and so a commit, count only in the step
 * that handles WRITTEN for them.  COMMIT is emitted only up to the own durable index.
 * Acknowledgements of the disk carry a token that names term and last index of what was written.
 *
 * Contract of the shell: effects are carried out in order; every WRITE is answered by exactly one
 * WRITTEN with its token, in order; a failed durable write stops the process.
 */
#ifndef FSP_CORE_RAFT_RAFT_H
#define FSP_CORE_RAFT_RAFT_H
#include "core/base/blob.h"
#include "core/base/status.h"
#include "core/base/types.h"

typedef struct fsp_raft fsp_raft_t;

/* A replica number is given by a configuration and never reused (R8, distributed core 3.2). */
typedef struct {
    fsp_node_id_t node_id;
    uint64_t replica;
    fsp_store_id_t store_id;
} fsp_raft_member_t;

typedef enum { FSP_ENTRY_NOOP = 1, FSP_ENTRY_COMMAND = 2, FSP_ENTRY_CONFIG = 3 } fsp_entry_kind_t;

typedef struct {
    uint64_t index;
    uint64_t term;
    fsp_entry_kind_t kind;
    fsp_blob_t *bytes; /* one reference, owned by whoever holds the entry; NULL for NOOP */
} fsp_entry_t;

/* One atomic record: term and vote never change apart (facts: bug 5). */
typedef struct {
    uint64_t term;
    uint64_t vote; /* replica number voted for in term, 0 none */
} fsp_hard_state_t;

typedef struct {
    uint32_t shard;
    fsp_raft_member_t self;
    const fsp_raft_member_t *voters; /* the bootstrap configuration; one for now */
    size_t voter_count;
    size_t cache_bytes_max; /* recent entries kept in memory */
    uint64_t seed;
} fsp_raft_config_t;

/* What the disk held at start.  All zero for a new replica. */
typedef struct {
    fsp_hard_state_t hard;
    uint64_t log_start;      /* index before the first entry kept (0 for a whole log) */
    uint64_t log_start_term; /* its term */
    uint64_t last_index;     /* last entry found */
    uint64_t last_term;
    uint64_t applied_index; /* durable in the state machine's rows */
    uint64_t watermark;     /* highest index whose WRITTEN was reported before the stop (durable
                               watermark) */
    bool clean;             /* the last stop was clean: nothing may be missing */
} fsp_raft_restore_t;

typedef enum {
    FSP_RAFT_TICK,    /* time has passed */
    FSP_RAFT_WRITTEN, /* token */
    FSP_RAFT_PROPOSE, /* token, bytes: one command */
    FSP_RAFT_READ,    /* token */
    FSP_RAFT_FETCHED, /* entries, in order from what FETCH asked for */
    FSP_RAFT_APPLIED, /* index: the state machine's rows are durable up to here */
} fsp_raft_event_type_t;

typedef struct {
    fsp_raft_event_type_t type;
    fsp_time_t now_us; /* monotonic */
    uint64_t token;
    uint64_t index;
    fsp_blob_t *bytes;          /* borrowed; raft takes its own reference */
    const fsp_entry_t *entries; /* borrowed */
    size_t entry_count;
} fsp_raft_event_t;

typedef enum {
    FSP_RAFT_WRITE,    /* token; hard (if has_hard), truncate_from (0 none), drop_below (0 none),
                          entries */
    FSP_RAFT_ACCEPTED, /* token of a PROPOSE, its index and term: it will commit or be refused */
    FSP_RAFT_COMMIT,   /* index: entries up to here may be applied */
    FSP_RAFT_ENTRIES, /* entries ready to apply, contiguous from applied + 1, never beyond COMMIT */
    FSP_RAFT_READ_AT, /* token, index: answer once applied >= index */
    FSP_RAFT_FETCH,   /* from, to (inclusive): the shell reads them from disk and answers FETCHED */
    FSP_RAFT_REFUSE,  /* token, status: surely not applied */
    FSP_RAFT_ROLE,    /* role, term, leader */
} fsp_raft_effect_type_t;

typedef enum { FSP_RAFT_FOLLOWER, FSP_RAFT_CANDIDATE, FSP_RAFT_LEADER } fsp_raft_role_t;

typedef struct {
    fsp_raft_effect_type_t type;
    uint64_t token;
    uint64_t index;
    uint64_t term;
    uint64_t from, to;
    bool has_hard;
    fsp_hard_state_t hard;
    uint64_t truncate_from; /* remove entries >= this before appending */
    uint64_t drop_below;    /* entries < this are no longer needed: log_start := drop_below - 1 */
    uint64_t drop_term;     /* term of entry drop_below - 1 */
    fsp_entry_t *entries;   /* owned by the effect list */
    size_t entry_count;
    fsp_status_t status;
    fsp_raft_role_t role;
    uint64_t leader; /* ROLE: replica number of the leader of term, 0 not known */
} fsp_raft_effect_t;

/* Growable list of effects, owned by the caller, reset before each step. */
typedef struct {
    fsp_raft_effect_t *items;
    size_t count, capacity;
} fsp_raft_effects_t;
void fsp_raft_effects_reset(fsp_raft_effects_t *self); /* releases entries */
void fsp_raft_effects_clear(fsp_raft_effects_t *self); /* and the memory */

/* DAMAGED, with text in error, when the disk lost what it had acknowledged: last_index < watermark,
   or applied_index > last_index, or a gap between log_start and applied_index. */
FSP_MUST_CHECK fsp_status_t fsp_raft_new(const fsp_raft_config_t *config,
                                         const fsp_raft_restore_t *restore, fsp_raft_t **ret_self,
                                         fsp_error_t *error);
void fsp_raft_destroy(fsp_raft_t **self_p);
void fsp_raft_step(fsp_raft_t *self, const fsp_raft_event_t *event, fsp_raft_effects_t *effects);
/* When to call again with TICK if nothing else happens first. */
fsp_time_t fsp_raft_deadline(const fsp_raft_t *self);

fsp_raft_role_t fsp_raft_role(const fsp_raft_t *self);
uint64_t fsp_raft_term(const fsp_raft_t *self);
uint64_t fsp_raft_last_index(const fsp_raft_t *self);
uint64_t
fsp_raft_durable_index(const fsp_raft_t *self); /* highest index whose WRITTEN was handled */
uint64_t fsp_raft_commit_index(const fsp_raft_t *self);
#endif
