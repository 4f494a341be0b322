/* SPDX-License-Identifier: MIT */
/* raft_internal - the state of one replica, shared by the files of core/raft and by nobody else. */
#ifndef FSP_CORE_RAFT_RAFT_INTERNAL_H
#define FSP_CORE_RAFT_RAFT_INTERNAL_H
#include "core/base/mutant.h"
#include "core/base/prng.h"
#include "core/raft/raft.h"
#include "core/raft/raft_log.h"

enum {
    /* One ENTRIES effect, one FETCH. */
    FSP_RAFT_BATCH_ENTRIES_MAX = 256,
    FSP_RAFT_BATCH_BYTES_MAX = 1024 * 1024,
    /* Seats of a configuration and those that left it but have not heard so. */
    FSP_RAFT_PEERS_MAX = 2 * FSP_RAFT_SEATS_MAX,
    FSP_RAFT_WINDOW_MESSAGES_MAX = 64,
    /* Replies that wait for the disk. */
    FSP_RAFT_HELD_MAX = 1024,
    FSP_RAFT_LOST_MAX = FSP_RAFT_SEATS_MAX,
    /* Windows of results whose digests are remembered (R4). */
    FSP_RAFT_DIGESTS_KEPT = 4,
};

/* A WRITE that is not WRITTEN yet.  The token is a number in sequence; what it stands for is kept
   here, so that an answer is judged by term and index, never by index alone. */
typedef struct {
    uint64_t token;
    uint64_t term;       /* of the last entry in it */
    uint64_t last_index; /* of the last entry in it; 0: it has no entries */
    bool has_hard;
    bool durable; /* it promises something; a drop does not */
    bool install;
    fsp_hard_state_t hard;
    fsp_time_t at;
} fsp_raft_pending_t;

/* What a reply promises, and so which writes it waits for. */
typedef enum {
    FSP_RAFT_GATE_HARD, /* the term, and a vote */
    FSP_RAFT_GATE_LOG,  /* also the log as it is now */
} fsp_raft_gate_t;

typedef struct {
    fsp_raft_gate_t kind;
    uint64_t token; /* goes out when this is WRITTEN; 0: not yet known */
    fsp_raft_message_t message;
} fsp_raft_held_t;

/* -- leader's view of a follower --------------------------------------------------------------- */

typedef enum {
    FSP_RAFT_PROBE,     /* one message until it is answered: where the logs meet is not known */
    FSP_RAFT_REPLICATE, /* optimistic, within the window */
    FSP_RAFT_CATCH_UP,  /* by a snapshot; nothing is sent until that ends */
} fsp_raft_flow_t;

typedef struct {
    uint64_t last; /* index */
    size_t bytes;
} fsp_raft_sent_t;

typedef struct {
    uint64_t replica;
    fsp_raft_flow_t flow;
    uint64_t match; /* known to be equal and durable there; never falls in a term */
    uint64_t next;  /* > match */
    uint64_t sent_commit;
    bool probed;            /* PROBE: a message is out */
    bool nudge;             /* ask whether what was sent has arrived */
    bool pausing;           /* after a failed snapshot, until the next heartbeat's answer */
    fsp_time_t active_at;   /* heard last; 0 never */
    uint64_t round;         /* highest round it confirmed */
    uint64_t join_commit;   /* what a newcomer must have matched first (3.3) */
    fsp_time_t progress_at; /* match rose last, or it had everything */
    fsp_time_t leaving_at;  /* left the configuration: told until it knows, or this passes; 0 no */
    uint64_t digest_index;
    fsp_hash_t digest;
    fsp_raft_sent_t window[FSP_RAFT_WINDOW_MESSAGES_MAX]; /* a ring */
    size_t window_first, window_count;
    size_t window_bytes;
} fsp_raft_peer_t;

/* -- reads ------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t token; /* of a READ here, or the asker's number */
    uint64_t from;  /* replica that asked; 0: here */
    uint64_t index; /* commit index when it was taken; set with round */
    uint64_t round; /* confirms it; 0: not yet given one */
} fsp_raft_read_t;

/* A READ here that the leader was asked about. */
typedef struct {
    uint64_t token;
    uint64_t number;
    fsp_time_t until;
} fsp_raft_ask_t;

typedef enum { FSP_RAFT_FETCH_NONE, FSP_RAFT_FETCH_APPLY, FSP_RAFT_FETCH_SEND } fsp_raft_fetch_t;
typedef enum { FSP_RAFT_NO_BALLOT, FSP_RAFT_PRE_BALLOT, FSP_RAFT_BALLOT } fsp_raft_ballot_t;

struct fsp_raft {
    uint32_t shard;
    fsp_raft_member_t self;
    fsp_raft_limits_t limits;
    fsp_prng_t prng;
    fsp_time_t now;
    bool started; /* the first TICK has come */

    fsp_hard_state_t hard;         /* as decided */
    fsp_hard_state_t emitted_hard; /* as in a WRITE */
    fsp_hard_state_t durable_hard; /* as WRITTEN; only this counts */
    fsp_raft_role_t role;
    uint64_t leader;           /* of hard.term, 0 not known */
    uint64_t led_term;         /* highest term in which this replica became leader */
    fsp_raft_role_t told_role; /* as in the last ROLE */
    uint64_t told_term, told_leader;

    fsp_raft_log_t log;
    uint64_t known_commit;    /* follower: what the leader says, within what matches its log */
    uint64_t commit;          /* <= log.durable */
    uint64_t handed;          /* last entry given out in ENTRIES, <= commit; a cursor of its own */
    uint64_t durable_applied; /* as APPLIED said, <= handed */
    size_t waiting_bytes;     /* of cached entries behind handed */

    /* Configurations: confs[0] is that of log.start or before, the others are entries of the log;
       the last one is in force (effective when appended, 3.1). */
    fsp_raft_conf_at_t *confs;
    size_t conf_count, conf_capacity;
    uint64_t told_conf; /* index of the last one that CONFIGURED told */
    bool removed;

    /* Elections. */
    fsp_time_t election_at; /* a follower's or candidate's patience ends */
    fsp_time_t heard_at;    /* from the leader of this term, 0 not */
    fsp_raft_ballot_t ballot;
    bool forced;                          /* by a transfer: the old leader's friends vote too */
    bool vote_asked;                      /* VOTE went out, the own vote being durable */
    uint64_t granted[FSP_RAFT_SEATS_MAX]; /* replica numbers */
    size_t granted_count;

    /* Leader. */
    fsp_raft_peer_t *peers; /* FSP_RAFT_PEERS_MAX */
    size_t peer_count;
    fsp_time_t heartbeat_at;
    fsp_time_t quorum_at;
    uint64_t transfer_to; /* 0 none */
    fsp_time_t transfer_until;
    bool transfer_sent;
    uint64_t
        handed_over_at; /* term in which the leadership was offered to a member of the target */
    uint64_t copied;    /* told in COPIED */

    /* Membership (leader). */
    bool has_target;
    fsp_raft_target_t target;
    uint64_t lost[FSP_RAFT_LOST_MAX];
    size_t lost_count;
    fsp_time_t retry_at; /* after a learner stalled */

    /* Reads. */
    fsp_raft_read_t *reads;
    size_t read_count, read_capacity;
    uint64_t round_started, round_done; /* of this term */
    fsp_raft_ask_t *asks;
    size_t ask_count, ask_capacity;
    uint64_t next_ask;

    /* A snapshot that is being switched to: between INSTALL and its WRITTEN. */
    bool installing;
    uint64_t install_index, install_term;
    fsp_raft_conf_t install_conf;
    bool install_keeps;

    uint64_t digest_index[FSP_RAFT_DIGESTS_KEPT]; /* a ring, by window */
    fsp_hash_t digest[FSP_RAFT_DIGESTS_KEPT];
    uint64_t digest_last; /* newest index, 0 none */
    bool stopped;         /* STOP was told */

    fsp_raft_pending_t *pending;                        /* first written first */
    size_t pending_first, pending_count, pending_slots; /* a ring; slots a power of two, or 0 */
    uint64_t next_token;
    uint64_t hard_token, durable_token; /* of the last WRITE with hard state; with any promise */
    uint64_t written_token;
    fsp_raft_held_t *held;
    size_t held_count, held_capacity;

    /* One FETCH at a time. */
    fsp_raft_fetch_t fetch;
    uint64_t fetch_from, fetch_to;
    uint64_t fetch_replica, fetch_term; /* SEND */
};

/* -- raft.c ------------------------------------------------------------------------------------ */

/* Follower of a term that is not lower; leader 0: not known. */
void fsp_raft_follow(fsp_raft_t *self, uint64_t term, uint64_t leader, fsp_raft_effects_t *effects);
/* Appends an entry of the own term and has it written; returns its index.  Leader only. */
uint64_t fsp_raft_append(fsp_raft_t *self, fsp_entry_kind_t kind, fsp_blob_t *bytes,
                         fsp_raft_effects_t *effects);
void fsp_raft_refuse(const fsp_raft_t *self, uint64_t token, fsp_status_t status,
                     fsp_raft_effects_t *effects);

/* -- raft_elect.c: votes, patience, transfer --------------------------------------------------- */

/* Draws a new patience. */
void fsp_raft_wait_for_leader(fsp_raft_t *self);
/* Votes in the configuration in force, or in the one before as long as that is not settled. */
bool fsp_raft_may_lead(const fsp_raft_t *self);
/* Heard from a leader lately, or is one: a stranger's candidacy is not wanted. */
bool fsp_raft_sticky(const fsp_raft_t *self);
void fsp_raft_on_prevote(fsp_raft_t *self, const fsp_raft_message_t *m);
void fsp_raft_on_prevoted(fsp_raft_t *self, const fsp_raft_message_t *m,
                          fsp_raft_effects_t *effects);
void fsp_raft_on_vote(fsp_raft_t *self, const fsp_raft_message_t *m);
void fsp_raft_on_voted(fsp_raft_t *self, const fsp_raft_message_t *m, fsp_raft_effects_t *effects);
void fsp_raft_on_timeout_now(fsp_raft_t *self, const fsp_raft_message_t *m,
                             fsp_raft_effects_t *effects);
void fsp_raft_on_unreachable(fsp_raft_t *self, uint64_t replica);
/* The own vote may have become durable. */
void fsp_raft_consider_ballot(fsp_raft_t *self, fsp_raft_effects_t *effects);
void fsp_raft_tick_follower(fsp_raft_t *self, fsp_raft_effects_t *effects);
void fsp_raft_tick_leader(fsp_raft_t *self, fsp_raft_effects_t *effects);
void fsp_raft_start_transfer(fsp_raft_t *self, uint64_t replica);
/* Sends TIMEOUT_NOW when the target has everything. */
void fsp_raft_drive_transfer(fsp_raft_t *self, fsp_raft_effects_t *effects);
/* The voter with the most entries besides this one; 0 none has been heard. */
uint64_t fsp_raft_best_peer(const fsp_raft_t *self);
bool fsp_raft_quorum_active(const fsp_raft_t *self, const fsp_raft_conf_t *conf);

/* -- raft_append.c: a follower's log ----------------------------------------------------------- */

/* Entries in order, of possible terms, configurations that can be read; else the message is
   ignored. */
bool fsp_raft_append_sound(const fsp_raft_message_t *m);
void fsp_raft_on_append(fsp_raft_t *self, const fsp_raft_message_t *m, fsp_raft_effects_t *effects);
void fsp_raft_on_heartbeat(fsp_raft_t *self, const fsp_raft_message_t *m);
void fsp_raft_on_snapshot(fsp_raft_t *self, const fsp_raft_message_t *m,
                          fsp_raft_effects_t *effects);
void fsp_raft_on_install(fsp_raft_t *self, const fsp_raft_event_t *event,
                         fsp_raft_effects_t *effects);
void fsp_raft_finish_install(fsp_raft_t *self, fsp_raft_effects_t *effects);

/* -- raft_replicate.c: a leader's followers ---------------------------------------------------- */

fsp_raft_peer_t *fsp_raft_peer(const fsp_raft_t *self, uint64_t replica);
/* Peers as the configuration in force says; the others leave. */
void fsp_raft_sync_peers(fsp_raft_t *self);
void fsp_raft_on_appended(fsp_raft_t *self, const fsp_raft_message_t *m);
void fsp_raft_on_heartbeated(fsp_raft_t *self, const fsp_raft_message_t *m);
void fsp_raft_on_progress(fsp_raft_t *self, uint64_t replica);
void fsp_raft_on_sent(fsp_raft_t *self, const fsp_raft_event_t *event);
void fsp_raft_send_heartbeats(fsp_raft_t *self, fsp_raft_effects_t *effects);
/* Everything that may be sent now. */
void fsp_raft_replicate(fsp_raft_t *self, fsp_raft_effects_t *effects);
void fsp_raft_send_fetched(fsp_raft_t *self, const fsp_raft_event_t *event,
                           fsp_raft_effects_t *effects);
/* What each seat of conf holds durably, for fsp_raft_conf_reached. */
void fsp_raft_matches(const fsp_raft_t *self, const fsp_raft_conf_t *conf, uint64_t *ret);

/* -- raft_member.c: configurations in the log, and driving them -------------------------------- */

const fsp_raft_conf_t *fsp_raft_conf_now(const fsp_raft_t *self);
uint64_t fsp_raft_conf_now_index(const fsp_raft_t *self);
void fsp_raft_conf_push(fsp_raft_t *self, uint64_t index, const fsp_raft_conf_t *conf);
/* Entries >= from were cut: the one before is in force again. */
void fsp_raft_conf_cut(fsp_raft_t *self, uint64_t from);
/* The log starts behind start now. */
void fsp_raft_conf_trim(fsp_raft_t *self, uint64_t start);
/* What the commit index means for configurations. */
void fsp_raft_conf_committed(fsp_raft_t *self, fsp_raft_effects_t *effects);
void fsp_raft_on_configure(fsp_raft_t *self, const fsp_raft_target_t *target);
void fsp_raft_on_replace(fsp_raft_t *self, uint64_t replica);
void fsp_raft_drive_membership(fsp_raft_t *self, fsp_raft_effects_t *effects);

/* -- raft_read.c ------------------------------------------------------------------------------- */

void fsp_raft_on_read(fsp_raft_t *self, uint64_t token, fsp_raft_effects_t *effects);
void fsp_raft_on_read_ask(fsp_raft_t *self, const fsp_raft_message_t *m);
void fsp_raft_on_read_told(fsp_raft_t *self, const fsp_raft_message_t *m,
                           fsp_raft_effects_t *effects);
void fsp_raft_drive_reads(fsp_raft_t *self, fsp_raft_effects_t *effects);
/* Leadership or leader is another one: what waits is refused. */
void fsp_raft_drop_reads(fsp_raft_t *self, fsp_raft_effects_t *effects);
void fsp_raft_expire_asks(fsp_raft_t *self, fsp_raft_effects_t *effects);
fsp_time_t fsp_raft_ask_deadline(const fsp_raft_t *self);

/* -- raft_digest.c (R4) ------------------------------------------------------------------------ */

void fsp_raft_on_digest(fsp_raft_t *self, uint64_t index, const fsp_hash_t *digest);
/* Leader: a follower reported one. */
void fsp_raft_compare_digests(fsp_raft_t *self, fsp_raft_effects_t *effects);
void fsp_raft_tell_stop(fsp_raft_t *self, uint64_t index, fsp_raft_effects_t *effects);

/* -- raft_effects.c ---------------------------------------------------------------------------- */

/* A zeroed effect at the end of the list; valid until the next one is added. */
fsp_raft_effect_t *fsp_raft_effects_add(fsp_raft_effects_t *self, fsp_raft_effect_type_t type);
/* Room for count entries in an effect; they are filled with fsp_raft_effect_entry. */
void fsp_raft_effect_reserve(fsp_raft_effect_t *self, size_t count);
/* Appends a copy of entry with a reference of its own. */
void fsp_raft_effect_entry(fsp_raft_effect_t *self, const fsp_entry_t *entry);
/* A copy of its own: what it was taken from may move within the same step. */
void fsp_raft_effect_conf(fsp_raft_effect_t *self, const fsp_raft_conf_t *conf);
/* A WRITE effect with the next token, and the hard state if that changed; the caller adds what else
   it holds.  write says what its WRITTEN will stand for; token, hard and time are filled in here.
 */
fsp_raft_effect_t *fsp_raft_emit_write(fsp_raft_t *self, fsp_raft_effects_t *effects,
                                       fsp_raft_pending_t write);
/* The first pending write, whose token this must be: WRITTEN comes in order. */
fsp_raft_pending_t fsp_raft_take_pending(fsp_raft_t *self, uint64_t token);
/* When the oldest write that promises something went out; FSP_TIME_NEVER: none is. */
fsp_time_t fsp_raft_oldest_write(const fsp_raft_t *self);
/* A message of the own term that promises nothing: it leaves at once.  Returns it for entries. */
fsp_raft_effect_t *fsp_raft_send(fsp_raft_t *self, fsp_raft_message_t message,
                                 fsp_raft_effects_t *effects);
/* A message that speaks of durable state: it leaves when that is WRITTEN, if the term is still the
   same by then. */
void fsp_raft_reply(fsp_raft_t *self, fsp_raft_gate_t gate, fsp_raft_message_t message);
/* Writes a hard state that is not in any WRITE yet, then sends the replies that may go. */
void fsp_raft_flush(fsp_raft_t *self, fsp_raft_effects_t *effects);
void fsp_raft_release(fsp_raft_t *self, fsp_raft_effects_t *effects);

/* -- raft_settle.c ----------------------------------------------------------------------------- */

void fsp_raft_settle(fsp_raft_t *self, bool more, fsp_raft_effects_t *effects);
#endif
