/* SPDX-License-Identifier: MIT */
/* replica_internal - the state of a replica, shared by the files of core/engine, nobody else. */
#ifndef FSP_CORE_ENGINE_REPLICA_INTERNAL_H
#define FSP_CORE_ENGINE_REPLICA_INTERNAL_H
#include "core/engine/fifo.h"
#include "core/engine/log_rows.h"
#include "core/engine/replica.h"

/* A WRITE that is not WRITTEN yet. */
typedef struct {
    uint64_t token; /* also the tag of its state rows in the overlay */
    uint64_t raft_token;
    bool from_raft; /* raft_token is to be reported */
    bool durable;
    uint64_t applied_index; /* the state machine's rows up to here are in it or in earlier ones */
} replica_write_t;

/* A command between ACCEPTED and its reply. */
typedef struct {
    uint64_t id;    /* what raft calls it */
    uint64_t token; /* what the caller calls it */
    uint64_t index;
    bool done; /* refused; answered already */
} replica_command_t;

/* A query between its arrival and its answer. */
typedef struct {
    uint64_t id;
    uint64_t token;
    fsp_blob_t *bytes;
    bool known;     /* index is */
    uint64_t index; /* answer once applied >= index */
    bool done;
} replica_read_t;

struct fsp_replica {
    fsp_shard_ref_t shard;
    fsp_log_name_t log_name;
    fsp_view_t *log_view;
    fsp_raft_t *raft;
    fsp_raft_effects_t raft_effects;
    fsp_status_t failure; /* of a step before: nothing more is done */

    fsp_log_hard_t hard_row;  /* as last written */
    uint64_t logged_index;    /* last entry in any WRITE so far, or found at start */
    fsp_time_t proposed_time; /* log time of the last command accepted, or found at start */

    fsp_overlay_t *pending; /* over the state view: applied, not yet in it */
    fsp_overlay_t *txn;     /* over pending: the entry being applied */
    fsp_batch_t *rows;      /* state rows that the next WRITE will carry; NULL: none */
    uint64_t applied_index;
    uint64_t written_applied; /* applied index that WRITTEN writes carried */
    uint64_t durable_applied; /* the same, up to the last durable one */
    uint64_t committed_term;  /* term of the entry at the commit index, 0 not known */

    fsp_fifo_t writes;   /* replica_write_t */
    fsp_fifo_t commands; /* replica_command_t, by id */
    fsp_fifo_t reads;    /* replica_read_t, by id */
    uint64_t next_token;
    uint64_t next_id; /* of commands and reads together */

    uint64_t fetch_from, fetch_to; /* what raft waits for; 0 none */
};

/* replica_apply.c */
/* Takes bytes (may be NULL). */
void fsp_replica_reply(uint64_t token, fsp_status_t status, fsp_buf_t *bytes,
                       fsp_replica_effects_t *effects);
/* Applies the entries of an ENTRIES effect and replies to their commands. */
FSP_MUST_CHECK fsp_status_t fsp_replica_apply_entries(fsp_replica_t *self,
                                                      const fsp_raft_effect_t *raft_effect,
                                                      fsp_replica_effects_t *effects);
/* Answers the queries whose index is applied, in the order in which they came; the index never
   falls from one to the next. */
FSP_MUST_CHECK fsp_status_t fsp_replica_answer_reads(fsp_replica_t *self,
                                                     fsp_replica_effects_t *effects);

/* replica_write.c */
/* Carries out a WRITE of raft, the rows of the state machine travelling with it. */
void fsp_replica_write_log(fsp_replica_t *self, const fsp_raft_effect_t *raft_effect,
                           fsp_replica_effects_t *effects);
/* Sends state rows that no log write took along. */
void fsp_replica_write_rest(fsp_replica_t *self, fsp_replica_effects_t *effects);
/* A zeroed effect at the end of the list. */
fsp_replica_effect_t *fsp_replica_effects_add(fsp_replica_effects_t *self,
                                              fsp_replica_effect_type_t type);
#endif
