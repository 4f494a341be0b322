/* SPDX-License-Identifier: MIT */
/* raft_log - which entries there are, their terms, and the recent ones themselves.
 *
 * Layer core/raft, private to it.  Three things with different reach:
 *
 *   start                                 durable            last
 *     |----------- on disk -----------------|--- being written --|
 *     |== trail: the term of each ================================|
 *                               |=== cache: entries in memory ====|
 *
 * Trail.  Terms never fall along a log, so they fit in one run (first, last) per term.  A restart
 * brings the runs of what is on disk, so every term from start to last is known.
 *
 * Cache.  Always ends at `last`.  An entry leaves it only after it was handed out to be applied, so
 * what is not yet on disk is never looked for there.
 */
#ifndef FSP_CORE_RAFT_RAFT_LOG_H
#define FSP_CORE_RAFT_RAFT_LOG_H
#include "core/raft/raft.h"

/* How many bytes were appended before an entry; sparse. */
typedef struct {
    uint64_t index;
    uint64_t bytes_before;
} fsp_raft_mark_t;

typedef struct {
    uint64_t start;      /* index before the first entry kept */
    uint64_t start_term; /* its term; 0 for index 0 */
    uint64_t last;       /* last entry there is, durable or not */
    uint64_t last_term;
    uint64_t durable; /* highest index whose WRITTEN was handled */

    fsp_raft_run_t *runs; /* by term, ascending */
    size_t run_count, run_capacity;

    fsp_entry_t *ring;  /* entries last - cached + 1 .. last, from ring[ring_first] on, wrapping */
    size_t ring_first;  /* position */
    size_t ring_slots;  /* a power of two, or 0 */
    size_t cached;      /* entries */
    size_t cache_bytes; /* of their bytes, and a fixed part for each */
    size_t cache_bytes_max;

    uint64_t bytes_total; /* appended since the start of the process */
    fsp_raft_mark_t *marks;
    size_t mark_count, mark_capacity;
} fsp_raft_log_t;

/* A log as restore says: nothing in the cache, all of it durable.  The runs were checked. */
void fsp_raft_log_init(fsp_raft_log_t *self, const fsp_raft_restore_t *restore,
                       size_t cache_bytes_max);
void fsp_raft_log_clear(fsp_raft_log_t *self);

/* Term of the entry at index.  GONE before start, NOT_FOUND behind last.  Never a made-up 0: two of
   those would match each other. */
FSP_MUST_CHECK fsp_status_t fsp_raft_log_term(const fsp_raft_log_t *self, uint64_t index,
                                              uint64_t *ret_term);
/* The term of an entry that is there: start <= index <= last. */
uint64_t fsp_raft_log_known_term(const fsp_raft_log_t *self, uint64_t index);
/* Largest index <= the given one whose term is <= term; start if none is. */
uint64_t fsp_raft_log_last_of(const fsp_raft_log_t *self, uint64_t index, uint64_t term);

/* Appends an entry at last + 1; takes a reference of its own on bytes. */
void fsp_raft_log_append(fsp_raft_log_t *self, uint64_t term, fsp_entry_kind_t kind,
                         fsp_blob_t *bytes);
/* What was written up to (last, term) is on disk.  Ignored if another entry took that place. */
void fsp_raft_log_written(fsp_raft_log_t *self, uint64_t last, uint64_t term);

/* Index of the oldest entry in the cache, last + 1 if it is empty. */
uint64_t fsp_raft_log_cached_first(const fsp_raft_log_t *self);
/* An entry in the cache, borrowed. */
const fsp_entry_t *fsp_raft_log_cached(const fsp_raft_log_t *self, uint64_t index);
/* Bytes that an entry counts for. */
size_t fsp_raft_entry_cost(const fsp_entry_t *entry);
/* Forgets the oldest entries while there are more than cache_bytes_max, none beyond handed. */
void fsp_raft_log_trim(fsp_raft_log_t *self, uint64_t handed);
/* Entries < below are no longer there. */
void fsp_raft_log_drop(fsp_raft_log_t *self, uint64_t below);
/* Entries >= from are no longer there.  Returns the cost of those that were in the cache. */
size_t fsp_raft_log_truncate(fsp_raft_log_t *self, uint64_t from);
/* Nothing is there any more but the claim that the entry at index had this term. */
void fsp_raft_log_reset(fsp_raft_log_t *self, uint64_t index, uint64_t term);
/* The oldest index from which on the log is not longer than bytes_max; start + 1 if all of it. */
uint64_t fsp_raft_log_within(const fsp_raft_log_t *self, uint64_t bytes_max);
#endif
