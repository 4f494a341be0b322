/* SPDX-License-Identifier: MIT */
/* command_history - bodies of commands: trash, pruning, retention.  Layer core/meta.  Pure.
 *
 * Included by command.h only, in its middle: it uses types declared there.  What each command does:
 * docs/protocol/commands-history.md.
 */
#ifndef FSP_CORE_META_COMMAND_HISTORY_H
#define FSP_CORE_META_COMMAND_HISTORY_H

/* What a space keeps.  All zero: everything. */
typedef struct {
    uint64_t keep_last; /* newest versions of a file */
    uint64_t all_days;  /* days for which a version is kept after it was superseded */
    /* Midnights, ends of weeks and of months, counted back from now, at which what stood then is
       kept. */
    uint64_t daily, weekly, monthly;
    uint64_t past_days; /* days for which `at` and the feed reach back; 0: for ever */
} fsp_retention_t;

enum {
    FSP_PRUNE_VERSIONS_MAX = 256,
    FSP_RETENTION_MAX = 1000000, /* of each number of a policy */
};

/* Each command uses some of it. */
typedef struct {
    bool given;          /* there is a target (PRUNE, PURGE: nil without) */
    fsp_target_t target; /* UNDELETE, PURGE: a path starts at the trash directory */

    /* UNDELETE */
    fsp_target_t to; /* path; empty: where it was */
    bool create_parents;
    fsp_file_id_t ids_seed;

    fsp_slice_t versions; /* PRUNE: ids, one behind the other */

    /* PURGE */
    fsp_time_t before; /* items whose last change is not later; 0: none */
    fsp_slice_t after; /* items with greater names */
    bool person;       /* a person asked: young items too */

    fsp_retention_t retention; /* RETENTION */

    /* HOLD */
    bool legal_hold;
    fsp_time_t worm_until;
} fsp_history_body_t;
#endif
