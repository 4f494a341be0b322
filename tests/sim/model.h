/* SPDX-License-Identifier: MIT */
/* model - the state machine of a shard a second time, by the simplest means.  Layer tests.
 *
 * Written from docs/protocol (commands*.md, records.md) and not from core/meta/apply*, namespace,
 * versions, ops, changes and query, so that a mistake has to be made twice to stay hidden.  Trees
 * are arrays of pointers to node states that never change; each change number keeps its own array,
 * which is what "as of" means.  Shared with the machine are only the doors: codecs of commands,
 * results and version records, decoders of answers, SHA-256, statuses and limits.
 *
 * Never frees a state before the end, and scans where the machine has rows: for tens to thousands
 * of nodes, not for more.  tests/unit/meta/test_model_agrees.c compares the two.
 */
#ifndef FSP_TESTS_SIM_MODEL_H
#define FSP_TESTS_SIM_MODEL_H
#include "core/meta/query.h"

typedef struct model model_t;

/* A shard without a row: no space, feature level 1. */
model_t *model_new(void);
void model_destroy(model_t **self_p);

/* Applies one entry of the log (index above the last one's) and fills *ret with what must be
   answered; its slices live as long as the model.  An empty command is a no-op: *ret is zeroed.
   Not modelled, and answered UNSUPPORTED: SPACE_DROP and the system shard (64 and above). */
void model_apply(model_t *self, uint64_t index, fsp_time_t time, fsp_slice_t command,
                 fsp_result_t *ret);

/* True if these are the bytes that a machine must give for the result; else why says what differs
   (a NUL-terminated text, cut to size). */
bool model_check_result(const fsp_result_t *expected, fsp_slice_t result, char *why, size_t size);

/* True if `answer` is what the query must be answered in the present state, item by item. */
bool model_check_answer(const model_t *self, const fsp_query_t *query, fsp_slice_t answer,
                        char *why, size_t size);
#endif
