/* SPDX-License-Identifier: MIT */
/* replica_internal - the state of a replica, shared by the files of core/engine, nobody else. */
#ifndef FSP_CORE_ENGINE_REPLICA_INTERNAL_H
#define FSP_CORE_ENGINE_REPLICA_INTERNAL_H
#include "core/base/mutant.h"
#include "core/base/prng.h"
#include "core/base/rowcache.h"
#include "core/engine/fifo.h"
#include "core/engine/kept.h"
#include "core/engine/log_rows.h"
#include "core/engine/replica.h"
#include "core/engine/snapshot_send.h"
#include "core/engine/snapshot_take.h"

/* A WRITE that is not WRITTEN yet. */
typedef struct {
    uint64_t token; /* also the tag of its state rows in the overlay */
    uint64_t raft_token;
    bool from_raft;         /* raft_token is to be reported */
    uint32_t frame_of;      /* generation of the snapshot that it is a piece of; 0: it is none */
    bool install;           /* the switch to it */
    uint64_t applied_index; /* the state machine's rows up to here are in it or in earlier ones */
} replica_write_t;

/* A command between ACCEPTED and its reply, by index. */
typedef struct {
    uint64_t token; /* what the caller calls it */
    uint64_t index, term;
    bool two_copies; /* its answer waits for the synchronous learners */
    bool applied;    /* result is there */
    bool done;       /* answered */
    fsp_buf_t result;
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
    fsp_shard_ref_t shard; /* with the generation of the state */
    fsp_raft_member_t self;
    fsp_log_name_t log_name;
    fsp_view_t *log_view;
    fsp_view_t *state_view;
    fsp_raft_t *raft;
    fsp_raft_limits_t limits;
    fsp_raft_effects_t raft_effects;
    fsp_status_t failure; /* of a step before: nothing more is done */
    fsp_time_t now_us;
    bool ended; /* REMOVED or STOP was told */

    fsp_log_hard_t hard_row;  /* as last written */
    fsp_log_base_t base_row;  /* the same; generation and configuration at the log's start */
    uint64_t logged_index;    /* last entry in any WRITE so far, or found at start */
    fsp_time_t proposed_time; /* greatest log time of a command in the log */
    fsp_time_t proposed_at;   /* monotonic, when this replica last chose one; 0 not yet */

    /* Applied, not yet in the state view: in a WRITE that is not WRITTEN; and over that, for the
       next one.  There each row is once, however many entries wrote it: all write those of shard
       and space. */
    fsp_rowcache_t *cache; /* over state_view, below pending */
    fsp_overlay_t *pending;
    fsp_overlay_t *fresh;
    fsp_overlay_t *txn; /* over fresh: the entry being applied */
    fsp_ops_oldest_t *oldest_ops;
    uint64_t applied_index;
    uint64_t written_applied; /* applied index that WRITTEN writes carried */
    fsp_kept_t kept;          /* and which of it is on stable storage */
    uint64_t durable_applied; /* that is, as raft was told */
    uint64_t copied_index;    /* synchronous learners hold everything up to here */

    /* Digest of the results of the present window (R4). */
    bool digesting; /* from the window's first entry on */
    fsp_hash_t digest;

    fsp_fifo_t writes;   /* replica_write_t */
    fsp_fifo_t commands; /* replica_command_t, by index */
    fsp_fifo_t reads;    /* replica_read_t, by id */
    fsp_fifo_t told;     /* fsp_raft_event_t, for when the present step of raft is carried out */
    bool stepping;
    uint64_t next_token;
    uint64_t next_read;

    /* The PROPOSE that raft is judging. */
    uint64_t proposing;
    bool proposing_two_copies;
    bool accepted;

    uint64_t fetch_from, fetch_to; /* what raft waits for; 0 none */

    fsp_snapshot_send_t *sends[FSP_RAFT_SEATS_MAX];
    size_t send_count;
    fsp_prng_t prng; /* ids of transfers */
    fsp_snapshot_take_t take;
    bool take_wanted; /* raft wants the frame at hand */
    bool swept;       /* rows of other generations were looked for, once in a life */
};

/* replica.c */
/* One step of raft and all that it wants. */
FSP_MUST_CHECK fsp_status_t fsp_replica_step_raft(fsp_replica_t *self,
                                                  const fsp_raft_event_t *raft_event,
                                                  fsp_replica_effects_t *effects);

/* replica_apply.c */
/* Takes bytes (may be NULL). */
void fsp_replica_reply(uint64_t token, fsp_status_t status, fsp_buf_t *bytes,
                       fsp_replica_effects_t *effects);
/* Applies the entries of an ENTRIES effect and replies to their commands. */
FSP_MUST_CHECK fsp_status_t fsp_replica_apply_entries(fsp_replica_t *self,
                                                      const fsp_raft_effect_t *raft_effect,
                                                      fsp_replica_effects_t *effects);
/* Answers the queries whose index is applied; the index never falls from one to the next that
   came later. */
FSP_MUST_CHECK fsp_status_t fsp_replica_answer_reads(fsp_replica_t *self,
                                                     fsp_replica_effects_t *effects);
/* Commands with an index >= from, and not applied, may or may not happen: NOT_LEADER. */
void fsp_replica_lose_commands(fsp_replica_t *self, uint64_t from, fsp_replica_effects_t *effects);
/* Commands whose outcome a snapshot holds: it does not say which. */
void fsp_replica_skip_commands(fsp_replica_t *self, uint64_t upto, fsp_replica_effects_t *effects);
/* Answers that waited for a second copy of entries up to index. */
void fsp_replica_copied(fsp_replica_t *self, uint64_t index, fsp_replica_effects_t *effects);
/* Nobody will tell any more whether there is a second copy: what waits for it is answered so. */
void fsp_replica_uncopied(fsp_replica_t *self, fsp_status_t status, fsp_replica_effects_t *effects);

/* replica_write.c */
/* Carries out a WRITE of raft, the rows of the state machine travelling with it. */
void fsp_replica_write_log(fsp_replica_t *self, const fsp_raft_effect_t *raft_effect,
                           fsp_replica_effects_t *effects);
/* Sends state rows that no log write took along. */
void fsp_replica_write_rest(fsp_replica_t *self, fsp_replica_effects_t *effects);
/* Sends a batch of its own, of rows that are not the present state's.  Returns what is noted of
   it. */
replica_write_t *fsp_replica_write_apart(fsp_replica_t *self, fsp_batch_t **batch_p, bool durable,
                                         fsp_replica_effects_t *effects);
/* A zeroed effect at the end of the list. */
fsp_replica_effect_t *fsp_replica_effects_add(fsp_replica_effects_t *self,
                                              fsp_replica_effect_type_t type);

/* replica_snapshot.c */
FSP_MUST_CHECK fsp_status_t fsp_replica_start_send(fsp_replica_t *self, uint64_t replica,
                                                   fsp_replica_effects_t *effects);
FSP_MUST_CHECK fsp_status_t fsp_replica_on_took(fsp_replica_t *self,
                                                const fsp_replica_message_t *message,
                                                fsp_replica_effects_t *effects);
FSP_MUST_CHECK fsp_status_t fsp_replica_on_frame(fsp_replica_t *self,
                                                 const fsp_replica_message_t *message,
                                                 fsp_replica_effects_t *effects);
/* A frame's rows are in the database, of the snapshot with this generation. */
FSP_MUST_CHECK fsp_status_t fsp_replica_frame_written(fsp_replica_t *self, uint32_t generation,
                                                      fsp_replica_effects_t *effects);
/* Once, at the first step: rows of generations that are not the shard's go.  They are what a crash
   left of a transfer, or of the state before a switch. */
FSP_MUST_CHECK fsp_status_t fsp_replica_sweep_generations(fsp_replica_t *self,
                                                          fsp_replica_effects_t *effects);
/* The switch is durable. */
FSP_MUST_CHECK fsp_status_t fsp_replica_installed(fsp_replica_t *self,
                                                  fsp_replica_effects_t *effects);
/* Time has passed: frames that got no answer; the next piece of what is being verified. */
FSP_MUST_CHECK fsp_status_t fsp_replica_drive_snapshots(fsp_replica_t *self,
                                                        fsp_replica_effects_t *effects);
fsp_time_t fsp_replica_snapshot_deadline(const fsp_replica_t *self);
/* Only a leader sends. */
void fsp_replica_drop_sends(fsp_replica_t *self);
#endif
