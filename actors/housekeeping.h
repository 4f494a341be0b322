/* SPDX-License-Identifier: MIT */
/* housekeeping - what a node does for its shard without being asked.  Layer actors.
 *
 * Spaces whose deadline has passed are dropped, step by step, until only their tombstones are left.
 * Once a day uploads that have passed are ended, and the past of each space is kept as its policy
 * says (housekeeping_chores.c).  What is to be done is read from the state itself, so a node that
 * stops in the middle goes on at its next start.  Runs on the supervisor's thread and waits for
 * nothing.
 */
#ifndef FSP_ACTORS_HOUSEKEEPING_H
#define FSP_ACTORS_HOUSEKEEPING_H
#include "actors/mailbox.h"
#include "core/base/view.h"
#include "core/meta/apply.h"

/* FSP_SERVICE_NODE.  CLOSING: space id, deadline u64. */
enum { FSP_NODE_CLOSING = 1, FSP_NODE_CLOSING_BYTES = 24 };

typedef enum {
    FSP_CHORE_NONE, /* the next space */
    FSP_CHORE_UPLOADS,
    FSP_CHORE_RETENTION,
    FSP_CHORE_TRASH,
} fsp_chore_t;

/* What is done every day, and how far it is. */
typedef struct {
    fsp_time_t due_us; /* monotonic: the next command, or the next day */
    fsp_chore_t stage;
    bool asked;              /* the question under way is a chore's */
    fsp_space_id_t space_id; /* the one that is looked after */
    fsp_retention_t policy;
    uint64_t change;                   /* its last change number that was seen */
    uint64_t commands;                 /* of this stage */
    fsp_upload_id_t upload_id;         /* looked at last */
    bool marked_only;                  /* PURGE: of what is marked already */
    uint8_t after[FSP_NAME_BYTES_MAX]; /* PURGE: item looked at last */
    size_t after_bytes;
    uint64_t aborted, pruned, purged; /* commands of this day that did something */
} fsp_chores_t;

typedef struct {
    fsp_mailbox_t *mailbox;
    fsp_view_t *state; /* rows of the shard, as far as they are durable */
    fsp_shard_ref_t shard;
    fsp_time_t look_us;      /* monotonic: when to look at the spaces next */
    fsp_time_t asked_us;     /* when the question under way was asked; 0: there is none */
    uint64_t request_id;     /* its number */
    fsp_space_id_t space_id; /* the space that is being dropped */
    fsp_space_id_t gone_id;  /* dropped last: its row may not say so yet */
    fsp_chores_t chores;
} fsp_housekeeping_t;

/* Both are borrowed.  The first look is due at once, the first chores at chores_us (monotonic). */
void fsp_housekeeping_init(fsp_housekeeping_t *self, fsp_mailbox_t *mailbox, fsp_view_t *state,
                           fsp_shard_ref_t shard, fsp_time_t chores_us);
/* Monotonic time at which turn must be called at the latest. */
fsp_time_t fsp_housekeeping_deadline(const fsp_housekeeping_t *self);
void fsp_housekeeping_turn(fsp_housekeeping_t *self, fsp_time_t now_us, fsp_time_t wall_us);
/* A message of the supervisor's inbox: an answer of the shard, or FSP_NODE_CLOSING. */
void fsp_housekeeping_mail(fsp_housekeeping_t *self, fsp_mail_t *mail, fsp_time_t now_us,
                           fsp_time_t wall_us);
/* Tells the supervisor that a space is closing. */
void fsp_housekeeping_tell(fsp_mailbox_t *mailbox, fsp_space_id_t space_id, fsp_time_t deadline);

/* housekeeping_chores.c, for housekeeping.c: what is due now is asked; nothing is under way. */
void fsp_chores_turn(fsp_housekeeping_t *self, fsp_time_t now_us, fsp_time_t wall_us);
/* status: of the answer, or why there is none. */
void fsp_chores_answered(fsp_housekeeping_t *self, fsp_status_t status, const fsp_result_t *result,
                         fsp_time_t now_us);
/* Sends a command, with an operation id of its own; one is under way at a time. */
void fsp_housekeeping_ask(fsp_housekeeping_t *self, fsp_command_t *command, fsp_time_t now_us);

/* Calls `found` for every space that is closing or being dropped, with its deadline, until it
   returns false.  IO, DAMAGED. */
typedef bool(fsp_closing_fn)(void *arg, fsp_space_id_t space_id, fsp_time_t deadline);
FSP_MUST_CHECK fsp_status_t fsp_housekeeping_closing(fsp_view_t *state, fsp_shard_ref_t shard,
                                                     fsp_closing_fn *found, void *arg);
#endif
