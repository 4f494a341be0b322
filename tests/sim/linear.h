/* SPDX-License-Identifier: MIT */
/* linear - is a history linearizable?  Two answers, found in two ways.  Layer tests.
 *
 * By reply indexes, for every run of the simulator: n log n.  By search, for short histories: it
 * does not look at an index and so confirms the first.  linear.c says why both are right and where
 * they may differ.  Pure: the same history gives the same finding.
 */
#ifndef FSP_TESTS_SIM_LINEAR_H
#define FSP_TESTS_SIM_LINEAR_H
#include "tests/sim/sim_history.h"

typedef enum {
    SIM_LINEAR,
    SIM_NOT_LINEAR,
    SIM_UNDECIDED /* the search only: more operations, steps or memory than it may use */
} sim_verdict_t;

/* What there is to say about a verdict. */
enum { SIM_NOBODY = -1 };
typedef struct {
    /* Positions in the history of the operations that contradict each other; SIM_NOBODY if one
       operation contradicts the reference alone, or if linear. */
    int64_t first, second;
    uint64_t steps;  /* operations looked at, or tried by the search */
    char words[768]; /* one line; empty if linear */
} sim_finding_t;

/* The reference model: the log's changes, applied one after the other. */
typedef struct {
    void *context;
    /* The sight of the file at path, or with names of the directory there, after change index;
       index 0 is the empty space, index <= last.  path is a number of the history. */
    uint64_t (*sight_at)(void *context, uint32_t path, bool names, uint64_t index);
    uint64_t last; /* the number of the last change */
    /* Every change up to last is one of the history's operations (an unknown one carries its
       index), so a change that nobody asked for is a fault.  False if others change the space too,
       or if the history has lost operations. */
    bool complete;
} sim_reference_t;

/* Judges by indexes.  SIM_LINEAR or SIM_NOT_LINEAR, with the first contradiction: first in time if
   it is about order, else at the lowest index. */
sim_verdict_t sim_linear_by_index(const sim_history_t *history, const sim_reference_t *reference,
                                  sim_finding_t *ret_finding);

enum { SIM_SEARCH_OPS_MAX = 64 };
typedef struct {
    uint64_t steps_max;   /* operations tried */
    size_t positions_max; /* remembered; 24 bytes each, and the table is at most half full */
} sim_search_limits_t;

/* Judges by looking for an order; indexes are not read.  The space is empty at the start.
   The history is complete in the sense of sim_reference_t: what others changed cannot be explained.
   ret_order, if not NULL, has room for SIM_SEARCH_OPS_MAX: on SIM_LINEAR the positions in the order
   found, *ret_order_count of them (unknown ones only if they had an effect). */
sim_verdict_t sim_linear_by_search(const sim_history_t *history, const sim_search_limits_t *limits,
                                   sim_finding_t *ret_finding, size_t *ret_order,
                                   size_t *ret_order_count);
#endif
