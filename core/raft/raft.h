/* SPDX-License-Identifier: MIT */
/* raft - one replica of one shard's log, as a step function.  Layer core/raft.  Pure.
 *
 * Raft as in Ongaro's dissertation (2014): elections with pre-vote, check-quorum and stickiness,
 * pipelined replication, joint configurations, learners, read index, transfer, snapshots. README.md
 * names the rules; each file's head argues for its part.
 *
 * Time, randomness (a seed), disk and network are events; what must be done comes back as effects.
 *
 * Durability.  A vote, a granted append, an own acknowledgement of an entry, and so a commit, count
 * only in the step that handles WRITTEN for them; a message that speaks of them is emitted there.
 * COMMIT is emitted only up to the own durable index.  Acknowledgements of the disk carry a token
 * that stands for term and last index of what was written.
 *
 * Contract of the shell: effects are carried out in order; every WRITE is answered by exactly one
 * WRITTEN with its token, in order; a failed durable write stops the process.  Messages may be
 * lost, delayed, doubled and reordered, but come from the replica that they name.
 */
#ifndef FSP_CORE_RAFT_RAFT_H
#define FSP_CORE_RAFT_RAFT_H
#include "core/base/blob.h"
#include "core/base/status.h"
#include "core/base/types.h"
#include "core/raft/raft_conf.h"

typedef struct fsp_raft fsp_raft_t;

typedef enum { FSP_ENTRY_NOOP = 1, FSP_ENTRY_COMMAND = 2, FSP_ENTRY_CONFIG = 3 } fsp_entry_kind_t;

typedef struct {
    uint64_t index;
    uint64_t term;
    fsp_entry_kind_t kind;
    fsp_blob_t *bytes; /* one reference, owned by whoever holds the entry; NULL for NOOP */
} fsp_entry_t;

/* One atomic record: term and vote never change apart. */
typedef struct {
    uint64_t term;
    uint64_t vote; /* replica number voted for in term, 0 none */
} fsp_hard_state_t;

/* -- settings ---------------------------------------------------------------------------------- */

/* Times in microseconds, lengths in bytes.  All replicas of a shard have the same. */
typedef struct {
    fsp_time_t election_us;  /* a follower's patience is drawn from [election_us, 2 election_us) */
    fsp_time_t heartbeat_us; /* well below election_us */
    fsp_time_t stall_us;     /* a learner that makes no progress for so long is dropped */
    fsp_time_t retry_us;     /* and is not tried again before this */
    uint64_t
        keep_entries; /* kept behind what may go: a peer that lags a little needs no snapshot */
    uint64_t drop_entries_min; /* fewer are not worth a write */
    uint64_t drop_alone_min;   /* the same where there is no peer, for whom nothing is kept */
    uint64_t keep_bytes_max;   /* log kept for a live follower that is slow */
    uint64_t lag_max;          /* entries a newcomer may lag behind when it gets a vote */
    size_t message_bytes_max;  /* entries in one APPEND; one entry may be longer */
    size_t message_entries_max;
    size_t window_bytes_max; /* sent to a follower and not acknowledged */
    size_t window_messages_max;
    size_t waiting_entries_max; /* appended and not handed out; beyond: proposals are BUSY */
    size_t waiting_bytes_max;
    size_t reads_max;      /* reads that wait */
    uint64_t digest_every; /* entries between comparisons of state (R4) */
} fsp_raft_limits_t;
/* What the daemon runs with. */
fsp_raft_limits_t fsp_raft_limits_default(void);

typedef struct {
    uint32_t shard;
    fsp_raft_member_t self;
    size_t cache_bytes_max; /* recent entries kept in memory */
    fsp_raft_limits_t limits;
    uint64_t seed; /* another in each life: election timeouts, numbers of read requests */
} fsp_raft_config_t;

/* Entries from first to last are of this term. */
typedef struct {
    uint64_t term;
    uint64_t first, last;
} fsp_raft_run_t;

typedef struct {
    uint64_t index;
    fsp_raft_conf_t conf;
} fsp_raft_conf_at_t;

/* What the disk held at start; borrowed during fsp_raft_new.  All zero but `base` for a new
   replica: the bootstrap configuration, or an empty one for a learner that waits to be told. */
typedef struct {
    fsp_hard_state_t hard;
    uint64_t log_start;      /* index before the first entry kept (0 for a whole log) */
    uint64_t log_start_term; /* its term */
    uint64_t last_index;     /* last entry found */
    uint64_t last_term;
    uint64_t applied_index;      /* durable in the state machine's rows */
    uint64_t watermark;          /* highest index whose WRITTEN was reported before the stop */
    bool clean;                  /* the last stop was clean: nothing may be missing */
    const fsp_raft_conf_t *base; /* configuration as of log_start */
    const fsp_raft_run_t *runs;  /* terms of log_start + 1 .. last_index, without gaps */
    size_t run_count;
    const fsp_raft_conf_at_t *confs; /* of the CONFIG entries of the log, ascending */
    size_t conf_count;
} fsp_raft_restore_t;

/* -- messages ---------------------------------------------------------------------------------- */

typedef enum {
    FSP_RAFT_PREVOTE = 1,     /* term: the one that it would be; index, index_term: durable end */
    FSP_RAFT_PREVOTED = 2,    /* term: of the request if granted; refused */
    FSP_RAFT_VOTE = 3,        /* index, index_term: durable end; force: sent by a transfer */
    FSP_RAFT_VOTED = 4,       /* refused */
    FSP_RAFT_APPEND = 5,      /* index, index_term: before the first entry; commit; entries */
    FSP_RAFT_APPENDED = 6,    /* index: matched up to here; refused: the index asked, and a hint */
    FSP_RAFT_HEARTBEAT = 7,   /* commit: at most what is matched; round */
    FSP_RAFT_HEARTBEATED = 8, /* round; index, digest: of the last window of results (R4) */
    FSP_RAFT_TIMEOUT_NOW = 9, /* campaign at once */
    FSP_RAFT_READ_ASK = 10,   /* round: the asker's number of this attempt, never used twice */
    FSP_RAFT_READ_TOLD = 11,  /* round: the asker's; index; refused */
    FSP_RAFT_SNAPSHOT = 12,   /* index, index_term: a frame of such a snapshot came with it */
    FSP_RAFT_DIVERGED = 13,   /* index: the receiver's results differ from the majority's (R4) */
} fsp_raft_message_type_t;

/* A struct of values; entries are owned by the effect list that it came in, or borrowed. */
typedef struct {
    fsp_raft_message_type_t type;
    uint64_t from, to; /* replica numbers */
    uint64_t term;
    uint64_t index, index_term;
    uint64_t commit;
    uint64_t round;
    uint64_t hint_index, hint_term; /* APPENDED refused */
    bool refused;
    bool force;
    fsp_hash_t digest;
    fsp_entry_t *entries;
    size_t entry_count;
} fsp_raft_message_t;

enum { FSP_RAFT_MESSAGE_ENTRIES_MAX = 1024 };
/* Canonical array; docs/protocol/raft.md. */
void fsp_raft_message_encode(const fsp_raft_message_t *message, fsp_buf_t *buf);
/* INVALID, TOO_LARGE.  Entries of ret are owned: end with fsp_raft_message_clear. */
FSP_MUST_CHECK fsp_status_t fsp_raft_message_decode(fsp_slice_t bytes, fsp_raft_message_t *ret);
/* A copy whose entries hold references of their own. */
fsp_raft_message_t fsp_raft_message_copy(const fsp_raft_message_t *message);
void fsp_raft_message_clear(fsp_raft_message_t *message);

/* -- events ------------------------------------------------------------------------------------ */

typedef enum {
    FSP_RAFT_TICK,        /* time has passed */
    FSP_RAFT_MESSAGE,     /* message */
    FSP_RAFT_WRITTEN,     /* token */
    FSP_RAFT_PROPOSE,     /* token, bytes: one command; two_copies */
    FSP_RAFT_READ,        /* token */
    FSP_RAFT_CONFIGURE,   /* target: what the leader drives the configuration towards */
    FSP_RAFT_REPLACE,     /* replica: lost what it had promised; its node gets a new number (3.2) */
    FSP_RAFT_TRANSFER,    /* replica: shall lead */
    FSP_RAFT_UNREACHABLE, /* replica: its connection broke, or it is suspected; a hint */
    FSP_RAFT_FETCHED,     /* entries, in order from what FETCH asked for; none: they were dropped
                             meanwhile */
    FSP_RAFT_APPLIED,     /* index: the state machine's rows are durable up to here */
    FSP_RAFT_DIGEST,      /* index, digest: of the results of a window that ends at index (R4) */
    FSP_RAFT_INSTALL,     /* index, term, conf: a whole verified snapshot is here */
    FSP_RAFT_PROGRESS,    /* replica: took another piece of a snapshot; it does not stall */
    FSP_RAFT_SENT, /* replica, ok, index: the snapshot that SEND_SNAPSHOT asked for came to its end
                    */
} fsp_raft_event_type_t;

typedef struct {
    fsp_raft_event_type_t type;
    fsp_time_t now_us; /* monotonic */
    uint64_t token;
    uint64_t index, term;
    uint64_t replica;
    bool ok;
    bool two_copies; /* PROPOSE: refuse with NEEDS_TWO_COPIES while a synchronous learner is away */
    bool more;       /* more events follow at once: sending may wait for the last of them */
    fsp_blob_t *bytes;          /* borrowed; raft takes its own reference */
    const fsp_entry_t *entries; /* borrowed */
    size_t entry_count;
    const fsp_raft_message_t *message; /* borrowed */
    const fsp_raft_target_t *target;   /* borrowed */
    const fsp_raft_conf_t *conf;       /* borrowed */
    fsp_hash_t digest;
} fsp_raft_event_t;

/* -- effects ----------------------------------------------------------------------------------- */

typedef enum {
    FSP_RAFT_SEND,  /* message */
    FSP_RAFT_WRITE, /* token; hard (if has_hard), truncate_from (0 none), drop_below (0 none, with
                       conf), install (with conf), entries */
    FSP_RAFT_ACCEPTED, /* token of a PROPOSE, its index and term: it will commit, or not */
    FSP_RAFT_COMMIT,   /* index: entries up to here may be applied */
    FSP_RAFT_ENTRIES, /* entries ready to apply, contiguous from applied + 1, never beyond COMMIT */
    FSP_RAFT_READ_AT, /* token, index: answer once applied >= index */
    FSP_RAFT_FETCH,   /* from, to (inclusive): the shell reads them from disk and answers FETCHED */
    FSP_RAFT_REFUSE,  /* token, status, leader: surely not applied */
    FSP_RAFT_ROLE,    /* role, term, leader: any of them changed */
    FSP_RAFT_COPIED,  /* index: synchronous learners hold everything up to here */
    FSP_RAFT_CONFIGURED,    /* index, conf: this configuration is committed */
    FSP_RAFT_REMOVED,       /* a committed configuration no longer has this replica */
    FSP_RAFT_SEND_SNAPSHOT, /* replica: needs what the log no longer holds; answered by SENT */
    FSP_RAFT_TAKE_SNAPSHOT, /* index: the frame that came with a SNAPSHOT message is wanted */
    FSP_RAFT_STOP,          /* index: the state of this replica differs from the majority's (R4) */
} fsp_raft_effect_type_t;

typedef enum { FSP_RAFT_FOLLOWER, FSP_RAFT_CANDIDATE, FSP_RAFT_LEADER } fsp_raft_role_t;

typedef struct {
    fsp_raft_effect_type_t type;
    uint64_t token;
    uint64_t index;
    uint64_t term;
    uint64_t from, to;
    uint64_t replica;
    bool has_hard;
    fsp_hard_state_t hard;
    uint64_t truncate_from; /* remove entries >= this before appending */
    uint64_t drop_below;    /* entries < this are no longer needed: log_start := drop_below - 1 */
    uint64_t drop_term;     /* term of entry drop_below - 1 */
    bool install;           /* the snapshot at (index, term) becomes the state in this very write */
    bool install_keeps;     /* the log behind index stays, for it has the snapshot's entry; else the
                               whole log goes: log_start := index, log_start_term := term */
    fsp_raft_conf_t *conf;  /* owned by the effect list */
    fsp_entry_t *entries;   /* owned by the effect list */
    size_t entry_count;
    fsp_raft_message_t message; /* SEND; its entries are owned by the effect list */
    fsp_status_t status;
    fsp_raft_role_t role;
    uint64_t leader; /* ROLE, REFUSE: replica number of the leader of term, 0 not known */
} fsp_raft_effect_t;

/* Growable list of effects, owned by the caller, reset before each step. */
typedef struct {
    fsp_raft_effect_t *items;
    size_t count, capacity;
} fsp_raft_effects_t;
void fsp_raft_effects_reset(fsp_raft_effects_t *self); /* releases entries */
void fsp_raft_effects_clear(fsp_raft_effects_t *self); /* and the memory */

/* -- the replica ------------------------------------------------------------------------------- */

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
/* Leader with a committed entry of its own term: it knows all that was ever committed. */
bool fsp_raft_ready(const fsp_raft_t *self);
uint64_t fsp_raft_leader(const fsp_raft_t *self); /* of the present term, 0 not known */
uint64_t fsp_raft_term(const fsp_raft_t *self);
uint64_t fsp_raft_log_start(const fsp_raft_t *self);
uint64_t fsp_raft_last_index(const fsp_raft_t *self);
uint64_t
fsp_raft_durable_index(const fsp_raft_t *self); /* highest index whose WRITTEN was handled */
uint64_t fsp_raft_commit_index(const fsp_raft_t *self);
/* FSP_OK: the term of the entry at index; GONE, NOT_FOUND. */
FSP_MUST_CHECK fsp_status_t fsp_raft_term_at(const fsp_raft_t *self, uint64_t index,
                                             uint64_t *ret_term);
/* The configuration in force: the last one in the log, committed or not. */
const fsp_raft_conf_t *fsp_raft_conf(const fsp_raft_t *self);
/* The one that the log says at an index >= log_start: what a snapshot taken there carries. */
const fsp_raft_conf_t *fsp_raft_conf_as_of(const fsp_raft_t *self, uint64_t index);

/* What an operator is shown of a follower, by a leader. */
typedef struct {
    uint64_t replica;
    uint64_t match, next;
    bool active;   /* heard within an election timeout */
    bool snapshot; /* being caught up by one */
} fsp_raft_progress_t;
/* Fills at most capacity, returns how many there are; 0 unless leader. */
size_t fsp_raft_progress(const fsp_raft_t *self, fsp_raft_progress_t *ret, size_t capacity);
#endif
