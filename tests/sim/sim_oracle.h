/* SPDX-License-Identifier: MIT */
/* sim_oracle - what must be true, kept apart from what is.  Layer tests.
 *
 * The oracle sees every write that a replica emits and how far it has applied.  From the entries
 * that are committed it computes the state for itself, each entry once and in order, on a memory of
 * its own that never crashes.  Then:
 *
 *   O1  a committed entry never changes and never disappears (R4, R6)
 *   O2  applied index and durable index never fall, durable >= applied (R5)
 *   O3  a reply leaves only when its entry would survive a crash (P6)
 *   O4  a reply is the result that the reference has at that index (P5)
 *   O5  an answer is what the reference answers at that index, and not older than any reply before
 *       the question (P5)
 *   O6  state at equal indexes is equal, row by row (P18)
 *   O7  no entry is applied that would not survive a crash (facts: bug 22)
 *   O8  no term is led twice: each no-op has a greater term than any before (R1; facts: bug 8)
 */
#ifndef FSP_TESTS_SIM_SIM_ORACLE_H
#define FSP_TESTS_SIM_SIM_ORACLE_H
#include "core/base/memview.h"
#include "core/engine/log_rows.h"
#include "tests/sim/sim_trace.h"

typedef struct sim_oracle sim_oracle_t;

/* trace outlives the oracle. */
sim_oracle_t *sim_oracle_new(const sim_trace_t *trace, fsp_shard_ref_t shard, fsp_log_name_t name);
void sim_oracle_destroy(sim_oracle_t **self_p);

/* A batch goes to the disk; prepared: no replica wrote it, it was there before the run.  Returns
   the index of the command entry in it, 0 if there is none. */
uint64_t sim_oracle_write(sim_oracle_t *self, const fsp_batch_t *batch, bool prepared);
/* A replica has applied up to index; durable_log is what would survive a crash now. */
void sim_oracle_applied(sim_oracle_t *self, uint64_t index, fsp_view_t *durable_log);
/* A replica was made from this log, up to last. */
void sim_oracle_started(sim_oracle_t *self, uint64_t last, uint64_t applied, fsp_view_t *log);
/* Checks the reply to the command at index. */
void sim_oracle_reply(sim_oracle_t *self, uint64_t index, fsp_slice_t result,
                      fsp_view_t *durable_log);
/* Checks the answer to a query from the state at applied. */
void sim_oracle_answer(sim_oracle_t *self, uint64_t applied, fsp_slice_t query, fsp_slice_t answer);
/* Compares a replica's whole state with the reference, if that is at the same index; true if so. */
bool sim_oracle_compare(sim_oracle_t *self, uint64_t applied, fsp_view_t *state);
/* Entries that are known to be committed. */
uint64_t sim_oracle_committed(const sim_oracle_t *self);
/* The reference's state. */
fsp_view_t *sim_oracle_state(sim_oracle_t *self);
#endif
