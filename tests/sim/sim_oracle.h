/* SPDX-License-Identifier: MIT */
/* sim_oracle - the reference: what the log of the shard means, on a memory that never crashes.
 *
 * Layer tests.  Each committed entry is applied once, in order.  Then:
 *
 *   R4   what a replica writes for an entry is what the reference wrote for it, row by row
 *   P18  the state of a replica at an index is the reference's at that index (sums of hashes of
 *        rows, so that the reference need not stand still there)
 *   P5   a reply is the result that the reference has at that index; an answer is what the
 *        reference answers; the model, written apart, has the same result
 */
#ifndef FSP_TESTS_SIM_SIM_ORACLE_H
#define FSP_TESTS_SIM_SIM_ORACLE_H
#include "core/meta/query.h"
#include "tests/sim/sim_log.h"

typedef struct sim_oracle sim_oracle_t;

/* trace outlives the oracle.  model: the model judges results too. */
sim_oracle_t *sim_oracle_new(const sim_trace_t *trace, fsp_shard_ref_t shard, bool model);
void sim_oracle_destroy(sim_oracle_t **self_p);

/* The next entry is committed, by a leader of this term at the latest; it outlives the oracle. */
void sim_oracle_commit(sim_oracle_t *self, const sim_entry_t *entry, uint64_t term);
/* Entries that are committed. */
uint64_t sim_oracle_committed(const sim_oracle_t *self);
/* One of them, and the term given to sim_oracle_commit. */
const sim_entry_t *sim_oracle_entry(const sim_oracle_t *self, uint64_t index);
uint64_t sim_oracle_term(const sim_oracle_t *self, uint64_t index);

/* Checks the state rows that a replica writes under a generation; *applied is the index up to which
   they bring it. */
void sim_oracle_rows(sim_oracle_t *self, const fsp_batch_t *batch, uint32_t generation,
                     uint64_t *applied);
/* Checks the reply to the command at index. */
void sim_oracle_reply(sim_oracle_t *self, uint64_t index, fsp_slice_t result);
/* Checks the answer that a replica gives from its view at applied. */
void sim_oracle_answer(sim_oracle_t *self, uint64_t applied, fsp_view_t *view,
                       fsp_shard_ref_t shard, fsp_slice_t query, fsp_slice_t answer);
/* Checks a replica's whole state at applied. */
void sim_oracle_compare(sim_oracle_t *self, uint64_t applied, fsp_view_t *view,
                        fsp_shard_ref_t shard);
/* The same of the rows of a database. */
void sim_oracle_compare_rows(sim_oracle_t *self, uint64_t applied, fsp_memview_t *rows,
                             fsp_shard_ref_t shard);
/* What the log made of an operation: false, it is not in it. */
bool sim_oracle_outcome(const sim_oracle_t *self, fsp_op_id_t op_id, fsp_result_t *ret);

/* -- for histories (linear.h) ------------------------------------------------------------------ */

/* Paths whose sights are kept from now on; index 0 is before any change. */
void sim_oracle_watch(sim_oracle_t *self, fsp_space_id_t space_id, fsp_subject_id_t subject,
                      const char *path, uint32_t number, bool names);
/* The sight of a watched path after the change of this number. */
uint64_t sim_oracle_sight(const sim_oracle_t *self, uint32_t number, bool names, uint64_t index);
/* The number of the space's last change. */
uint64_t sim_oracle_changes(const sim_oracle_t *self);
#endif
