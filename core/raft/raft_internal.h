/* SPDX-License-Identifier: MIT */
/* raft_internal - the state of one replica, shared by the files of core/raft and by nobody else. */
#ifndef FSP_CORE_RAFT_RAFT_INTERNAL_H
#define FSP_CORE_RAFT_RAFT_INTERNAL_H
#include "core/raft/raft.h"
#include "core/raft/raft_log.h"

enum {
    /* Entries kept behind the durable applied index: a peer that lags a little, or is new, is
       served from the log and needs no snapshot (distributed core 3.4). */
    FSP_RAFT_KEEP_ENTRIES = 1000,
    /* Fewer are not worth a write and a range deletion. */
    FSP_RAFT_DROP_ENTRIES_MIN = 2000,
    /* Entries appended but not handed out; beyond it proposals are refused with BUSY. */
    FSP_RAFT_WAITING_ENTRIES_MAX = 8192,
    FSP_RAFT_WAITING_BYTES_MAX = 32 * 1024 * 1024,
    /* Reads that wait for the first commit of a term. */
    FSP_RAFT_READS_MAX = 4096,
    /* One ENTRIES effect, one FETCH. */
    FSP_RAFT_BATCH_ENTRIES_MAX = 256,
    FSP_RAFT_BATCH_BYTES_MAX = 1024 * 1024,
};

/* A WRITE that is not WRITTEN yet.  The token is a number in sequence; what it stands for is kept
   here, so that an answer is judged by term and index, never by index alone. */
typedef struct {
    uint64_t token;
    uint64_t term;       /* of the last entry in it */
    uint64_t last_index; /* of the last entry in it; 0: it has no entries */
    bool has_hard;
    fsp_hard_state_t hard;
} fsp_raft_pending_t;

typedef enum { FSP_RAFT_FETCH_NONE, FSP_RAFT_FETCH_APPLY, FSP_RAFT_FETCH_DROP } fsp_raft_fetch_t;

struct fsp_raft {
    uint32_t shard;
    fsp_raft_member_t self;
    bool started; /* the first TICK has come */

    fsp_hard_state_t hard;         /* as decided; what was written of it counts */
    fsp_hard_state_t durable_hard; /* as WRITTEN */
    fsp_raft_role_t role;
    uint64_t led_term; /* highest term in which this replica became leader */

    fsp_raft_log_t log;
    uint64_t commit;          /* <= log.durable */
    uint64_t handed;          /* last entry given out in ENTRIES, <= commit; a cursor of its own
                                 (facts: bug 23) */
    uint64_t durable_applied; /* as APPLIED said, <= handed */
    size_t waiting_bytes;     /* of cached entries behind handed */

    fsp_raft_pending_t *pending;                        /* first written first */
    size_t pending_first, pending_count, pending_slots; /* a ring; slots a power of two, or 0 */
    uint64_t next_token;

    uint64_t *reads; /* tokens of reads held until an entry of the own term is committed */
    size_t read_count, read_capacity;

    /* One FETCH at a time. */
    fsp_raft_fetch_t fetch;
    uint64_t fetch_from, fetch_to;
};

/* raft_effects.c */
/* A zeroed effect at the end of the list; valid until the next one is added. */
fsp_raft_effect_t *fsp_raft_effects_add(fsp_raft_effects_t *self, fsp_raft_effect_type_t type);
/* Room for count entries in an effect; they are filled with fsp_raft_effect_entry. */
void fsp_raft_effect_reserve(fsp_raft_effect_t *self, size_t count);
/* Appends a copy of entry with a reference of its own. */
void fsp_raft_effect_entry(fsp_raft_effect_t *self, const fsp_entry_t *entry);
/* A WRITE effect with the next token and the present hard state; the caller adds what else it
   holds.  write says what its WRITTEN will stand for; token and hard are filled in here. */
fsp_raft_effect_t *fsp_raft_emit_write(fsp_raft_t *self, fsp_raft_effects_t *effects,
                                       fsp_raft_pending_t write);
/* The first pending write, whose token this must be: WRITTEN comes in order. */
fsp_raft_pending_t fsp_raft_take_pending(fsp_raft_t *self, uint64_t token);

/* raft_settle.c */
/* Leader, and an entry of its own term is committed: it knows all that was ever committed. */
bool fsp_raft_ready(const fsp_raft_t *self);
void fsp_raft_emit_read_at(const fsp_raft_t *self, uint64_t token, fsp_raft_effects_t *effects);
/* Has the entries < below removed; term is that of entry below - 1. */
void fsp_raft_drop(fsp_raft_t *self, uint64_t below, uint64_t term, fsp_raft_effects_t *effects);
/* Does what has become possible; checks the invariants. */
void fsp_raft_settle(fsp_raft_t *self, fsp_raft_effects_t *effects);
#endif
