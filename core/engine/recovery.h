/* SPDX-License-Identifier: MIT */
/* recovery - what becomes the truth when a majority is lost for good.  Layer core/engine.  Pure.
 *
 * A person stops all nodes that are left, and gives their directories to one command (docs,
 * consensus.md section 9).  This file decides, from what lies in them:
 *
 *   per shard   whose log is taken: highest (last term, last index), of those that are whole; on
 *               equal ends, which are equal logs (R2), whose state is farthest, then the lower
 * number who is in it from now on: every survivor that had a replica, under new numbers where it
 * goes on: last index + 2^32, in a term above every term seen the mesh    its new era (era.h), its
 * layout version (+ 2^16), who is refused for ever
 *
 * The same directories give the same recovery, in whatever order they are named: a command that was
 * cut short is given again.  The whole tail of the log that is taken counts as decided.  So nothing
 * is lost that a survivor acknowledged; what only lost nodes had is gone, and what was never
 * acknowledged may now be there.
 *
 * Every survivor gets the rows anew (recovery_rows.h), under a number that never promised anything.
 * Therefore it does not matter for its vote whether its old replica was damaged (R8).
 *
 * Jumps keep the two histories apart where numbers are met without an era: in a cache, a receipt, a
 * log line.  What protects is the comparison of eras, at HELLO: lost nodes that come back may have
 * voted in higher terms, and have given the very replica numbers that are given here.
 */
#ifndef FSP_CORE_ENGINE_RECOVERY_H
#define FSP_CORE_ENGINE_RECOVERY_H
#include "core/engine/era.h"
#include "core/raft/raft.h"

/* A directory that was given. */
typedef struct {
    fsp_node_id_t node_id;
    fsp_store_id_t store_id;
    fsp_era_t era;
    uint64_t layout_version; /* that the node adopted last */
} fsp_recovery_survivor_t;

/* The replica of one shard in one of them. */
typedef struct {
    uint32_t shard;
    fsp_raft_member_t member;
    bool whole; /* neither the log nor the state has a fault (log_audit.h, core/meta/audit.h); if
                   not, the fields below are as far as they could be read, else zero */
    fsp_hard_state_t hard;
    uint64_t last_term, last_index; /* of its log */
    uint64_t applied_index;         /* of its state */
    fsp_raft_conf_t conf;           /* in force: the last one in its log */
} fsp_recovery_state_t;

/* All borrowed. */
typedef struct {
    const fsp_recovery_survivor_t *survivors;
    size_t survivor_count;
    const fsp_recovery_state_t *states; /* in any order */
    size_t state_count;
    const fsp_node_id_t *members; /* of the mesh, as far as any survivor knows; with repeats */
    size_t member_count;
} fsp_recovery_input_t;

enum { FSP_RECOVERY_STATES_MAX = 64 * 1024, FSP_RECOVERY_MEMBERS_MAX = 1024 * 1024 };

typedef struct {
    uint32_t shard;
    size_t taken;         /* position among the states of the input */
    uint64_t start_index; /* the recovered log has its first entry behind this */
    uint64_t start_term;  /* and this term stands there */
    fsp_raft_conf_t conf; /* of the survivors, in the order of their old numbers */
    bool could_decide;    /* the whole ones among them were a majority still */
} fsp_recovered_shard_t;

typedef struct {
    fsp_era_record_t record;
    fsp_era_t era; /* of that record */
    uint64_t layout_version;
    bool needed; /* a shard has lost its majority; if none has, there is nothing to recover from */
    fsp_recovered_shard_t *shards; /* ascending */
    size_t shard_count;
    fsp_node_id_t *left_behind; /* ascending: refused for ever, they come back as new nodes */
    size_t left_behind_count;
} fsp_recovery_t;

/* Decides.  With words in error:
   INVALID    nothing was given; a node, a store, or a replica was given twice; a replica of a node
              that was not; a number that a member cannot have
   TOO_LARGE  more than the limits above and those of era.h and raft_conf.h; numbers at their end
   STALE      a survivor is of an older era than another: it was left behind (or the command that
              recovered the other one did not come to its end)
   MISMATCH   survivors of one era number and several hashes: two recoveries happened; alarm
   GONE       no survivor has a whole replica of a shard
   On FSP_OK end ret with fsp_recovery_clear. */
FSP_MUST_CHECK fsp_status_t fsp_recovery_decide(const fsp_recovery_input_t *input,
                                                fsp_recovery_t *ret, fsp_error_t *error);
void fsp_recovery_clear(fsp_recovery_t *self);
/* The member that a node is in the recovered shard; NULL if it is none. */
const fsp_raft_member_t *fsp_recovered_member(const fsp_recovered_shard_t *shard,
                                              fsp_node_id_t node_id);
/* Binary search. */
bool fsp_recovery_left_behind(const fsp_recovery_t *self, fsp_node_id_t node_id);

/* What the recovered shard has to do as its first command, before writes open. */
typedef enum {
    FSP_RECOVERY_RAISE_EPOCHS = 1,      /* every space: + FSP_ERA_EPOCH_STEP */
    FSP_RECOVERY_CHECK_OBJECTS = 2,     /* every space: against its objects; damage is listed */
    FSP_RECOVERY_RAISE_LAYOUT = 4,      /* to the layout version of the recovery */
    FSP_RECOVERY_REFUSE_NODES = 8,      /* who was left behind is removed, for ever */
    FSP_RECOVERY_VOID_TOKENS = 16,      /* revocations may be lost: all of them go */
    FSP_RECOVERY_VOID_INVITATIONS = 32, /* one may be spent by a node that nobody remembers */
    FSP_RECOVERY_ADOPT_SPACES = 64,     /* that lie in shards and not in its directory */
} fsp_recovery_duty_t;
/* Flags of fsp_recovery_duty_t. */
unsigned fsp_recovery_duties(uint32_t shard);
#endif
