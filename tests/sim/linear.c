/* SPDX-License-Identifier: MIT */
/* linear - is a history linearizable?  By reply indexes.  Layer tests.
 *
 * A history is linearizable (Herlihy, Wing 1990) if all operations can be put in one order that
 *
 *     (1) keeps real time: what ended before another began comes first;
 *     (2) explains every answer: run one after the other from an empty space, the operations say
 *         what their clients were told.
 *
 * Operations with unknown outcome may be put anywhere after their invocation, or left out.
 *
 * To find such an order is NP-complete (Gibbons, Korach 1997).  We need not find it: a space lives
 * in one log, each answer names the change number it was given at, and so the replica claims one
 * certain order.  What remains is to check that order:
 *
 *   - by time (order_holds): an operation that ended before another began has an index that is
 *     smaller or equal, and smaller if the later one is a change.  In order of invocation it is
 *     enough to compare with the highest index that had been answered strictly before.
 *   - by index (sights_hold): no two changes share a number; if the history is complete, no number
 *     is without a change; each change has the effect it should have, between the reference after
 *     index - 1 and after index; each read shows the reference after its index; what was refused
 *     was to be refused there.
 *
 * Left out: finding out *whether* another order would do.  A replica whose answers could be
 * explained by an order that it did not claim is wrong all the same (see "stricter" below).
 *
 *      time ->    |----w1----|
 *                    |------w2------|   |--r at 2--|
 *                                |-----------w3-----------|
 *      claimed:   w1 = 1, w2 = 2, r saw what is there at 2, w3 = 3.  In one line: w1 w2 r w3.
 *      Had w3 claimed 2 and w2 3, r would have begun after the end of one with a higher index.
 *
 * Why "accepted" means linearizable.  Let the history be complete and the reference be what it
 * claims: the changes, applied in turn.  Order all operations but the unknown ones without effect
 * by (index, changes before others, invocation).  (2) holds because sights_hold compared each with
 * the state at its place.  (1): let a end before b began.  Then index(a) <= index(b) by
 * order_holds.  If less, a is first.  If equal, b is no change, because a change has the greater
 * index; then a is a change and comes first, or is none and was invoked first.
 *
 * So whatever the search (linear_search.c) refuses, this refuses.  The other way round this is
 * stricter, in three ways, all of which are faults of the replica:
 *
 *   S1  the answers can be explained, but the indexes are wrong: a read that says 4 and saw what is
 *       there at 5 as well, two changes on two paths with one number, a number without a change;
 *   S2  the answers can be explained by another order than the one of the log: two puts at the same
 *       time, and a later read shows the one with the lower number;
 *   S3  an unknown operation had an effect that nobody saw, at a number before its invocation.
 *
 * Where they must agree: a history is accepted by the search if and only if there are *some*
 * indexes (and the reference that goes with them) with which it is accepted here.  "If" is the
 * proof above; "only if": number the changes in the order that the search found.  test_linear
 * checks both directions, trying all numberings of small histories.
 *
 * Numbers: 100,000 operations take less than 100 ms, most of it sorting; the search takes 64.
 *
 * Weak, and what happens: an incomplete history is not asked for the cause of each change, and
 * edits are not asked whether their base was a version of that file (a foreign delete could have
 * ended that file).  Sights are sums of 64-bit hashes: two sets are taken for one with 2^-64.  For
 * an edit both "took the place" and "joined" are accepted, because a sight does not tell its
 * members: the reference knows which, and the reads around it are compared.
 */
#include "tests/sim/linear.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { NONE = UINT32_MAX };

/* A position in the history with what it is sorted by. */
typedef struct {
    uint64_t key, then;
    uint32_t position;
} rank_t;

typedef struct {
    const sim_history_t *history;
    const sim_reference_t *reference;
    sim_finding_t *finding;
    rank_t *writers; /* every put, by value */
    size_t writer_count;
    uint64_t *born;   /* per path: index at which the file that lives there came to life */
    uint32_t *latest; /* per path: position of the last change so far, or NONE */
} judge_t;

static int
compare_ranks(const void *left, const void *right)
{
    const rank_t *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    if (a->then != b->then)
        return a->then < b->then ? -1 : 1;
    return a->position < b->position ? -1 : a->position > b->position;
}

static void
sort_ranks(rank_t *ranks, size_t count)
{
    if (count > 0)
        qsort(ranks, count, sizeof(*ranks), compare_ranks);
}

/* -- words ------------------------------------------------------------------------------------- */

/* Fills the finding; first may be NONE.  Returns false, for the caller to hand on. */
static bool
contradicts(judge_t *self, uint32_t first, uint32_t second, const char *why)
{
    const sim_history_t *history = self->history;
    char one[SIM_OP_WORDS_BYTES] = "", two[SIM_OP_WORDS_BYTES];
    sim_op_words(history, &history->ops[second], two);
    self->finding->second = second;
    if (first == NONE || first == second) {
        snprintf(self->finding->words, sizeof(self->finding->words), "%s: %s", why, two);
        return false;
    }
    self->finding->first = first;
    sim_op_words(history, &history->ops[first], one);
    snprintf(self->finding->words, sizeof(self->finding->words), "%s: first %s; then %s", why, one,
             two);
    return false;
}

/* -- by time ----------------------------------------------------------------------------------- */

/* Real time against indexes. */
static bool
order_holds(judge_t *self)
{
    const sim_history_t *history = self->history;
    rank_t *begins = fsp_alloc_array(history->count, sizeof(*begins));
    rank_t *ends = fsp_alloc_array(history->count, sizeof(*ends));
    size_t begin_count = 0, end_count = 0, ended = 0;
    for (size_t i = 0; i < history->count; i++) {
        const sim_op_t *op = &history->ops[i];
        if (sim_op_has_index(op))
            begins[begin_count++] = (rank_t){.key = op->invoked_us, .position = (uint32_t)i};
        if (op->outcome != SIM_OUTCOME_UNKNOWN)
            ends[end_count++] = (rank_t){.key = op->returned_us, .position = (uint32_t)i};
    }
    sort_ranks(begins, begin_count);
    sort_ranks(ends, end_count);
    bool holds = true;
    uint32_t highest = NONE; /* of those that ended strictly before the present one began */
    for (size_t i = 0; i < begin_count && holds; i++) {
        const sim_op_t *op = &history->ops[begins[i].position];
        for (; ended < end_count && ends[ended].key < op->invoked_us; ended++)
            if (highest == NONE ||
                history->ops[ends[ended].position].index > history->ops[highest].index)
                highest = ends[ended].position;
        self->finding->steps++;
        if (highest == NONE)
            continue;
        uint64_t known = history->ops[highest].index;
        if (op->index < known)
            holds = contradicts(self, highest, begins[i].position,
                                "began after the end of one with a higher index");
        else if (op->index == known && sim_op_is_change(op))
            holds = contradicts(self, highest, begins[i].position,
                                "a change with a number that was known before it was asked for");
    }
    fsp_free(begins);
    fsp_free(ends);
    return holds;
}

/* -- by index ---------------------------------------------------------------------------------- */

static uint64_t
sight(const judge_t *self, const sim_op_t *op, uint64_t index)
{
    return self->reference->sight_at(self->reference->context, op->path, op->kind == SIM_OP_LIST,
                                     index);
}

/* Is base, at index, a version of the file that lives at path? */
static bool
is_of_file(const judge_t *self, uint64_t base, uint32_t path, uint64_t index)
{
    rank_t wanted = {.key = base, .then = 0, .position = 0};
    size_t low = 0, high = self->writer_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_ranks(&self->writers[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == self->writer_count || self->writers[low].key != base)
        return false;
    const sim_op_t *writer = &self->history->ops[self->writers[low].position];
    return sim_op_is_change(writer) && writer->path == path && writer->index <= index &&
           writer->index >= self->born[path];
}

/* Did op's condition hold in the state after index? */
static bool
condition_holds(const judge_t *self, const sim_op_t *op, uint64_t index)
{
    uint64_t there = sight(self, op, index);
    switch (op->kind) {
    case SIM_OP_MATCH:
        return there == sim_mark(op->base);
    case SIM_OP_NEW:
        return there == 0;
    case SIM_OP_EDIT:
        return there != 0 && is_of_file(self, op->base, op->path, index);
    case SIM_OP_DELETE:
        return there != 0;
    case SIM_OP_PUT:
        return true;
    case SIM_OP_READ:
    case SIM_OP_LIST:
        break;
    }
    FSP_UNREACHABLE();
}

/* Does the reference show op's effect between op's number and the one before? */
static bool
effect_shows(const judge_t *self, const sim_op_t *op)
{
    uint64_t before = sight(self, op, op->index - 1), after = sight(self, op, op->index);
    if (op->kind == SIM_OP_DELETE)
        return after == 0;
    if (op->kind == SIM_OP_EDIT)
        return after == before + sim_mark(op->value) ||
               after == before - sim_mark(op->base) + sim_mark(op->value);
    return after == sim_mark(op->value);
}

/* An edit's condition needs the whole past of the file. */
static bool
can_judge_condition(const judge_t *self, const sim_op_t *op)
{
    return op->kind != SIM_OP_EDIT || self->reference->complete;
}

/* previous: the change with the next lower number, or NONE. */
static bool
change_holds(judge_t *self, uint32_t position, uint32_t previous)
{
    const sim_op_t *op = &self->history->ops[position];
    uint64_t number = previous == NONE ? 0 : self->history->ops[previous].index;
    if (op->index == number) /* or 0 */
        return contradicts(self, previous, position,
                           number ? "two changes share a number" : "a change without a number");
    if (self->reference->complete && op->index != number + 1)
        return contradicts(self, previous, position,
                           "between these, the log has a change that nobody asked for");
    if (can_judge_condition(self, op) && !condition_holds(self, op, op->index - 1))
        return contradicts(self, self->latest[op->path], position,
                           "a change although its condition did not hold");
    if (!effect_shows(self, op))
        return contradicts(self, self->latest[op->path], position,
                           "the reference does not show this change at its number");
    if (sight(self, op, op->index - 1) == 0)
        self->born[op->path] = op->index;
    self->latest[op->path] = position;
    return true;
}

/* What is no change. */
static bool
view_holds(judge_t *self, uint32_t position)
{
    const sim_op_t *op = &self->history->ops[position];
    uint32_t latest = self->latest[op->path];
    if (op->outcome == SIM_OUTCOME_REFUSED && can_judge_condition(self, op) &&
        condition_holds(self, op, op->index))
        return contradicts(self, latest, position, "refused although its condition held");
    if (op->outcome != SIM_OUTCOME_OK)
        return true;
    uint64_t there = sight(self, op, op->index);
    if (op->seen == there)
        return true;
    /* Whose value it shows, if it is a single one, tells more than what was to be seen. */
    for (size_t i = 0; i < self->writer_count && op->kind == SIM_OP_READ; i++)
        if (sim_mark(self->writers[i].key) == op->seen)
            return contradicts(self, self->writers[i].position, position,
                               "a read shows a value that is not there at its index");
    char why[96];
    snprintf(why, sizeof(why), "a read does not show what is there at its index, %016" PRIx64,
             there);
    return contradicts(self, latest, position, why);
}

/* Numbers, effects, sights, refusals. */
static bool
sights_hold(judge_t *self)
{
    const sim_history_t *history = self->history;
    rank_t *ranks = fsp_alloc_array(history->count, sizeof(*ranks));
    size_t count = 0;
    for (size_t i = 0; i < history->count; i++)
        if (sim_op_has_index(&history->ops[i]))
            ranks[count++] = (rank_t){.key = history->ops[i].index,
                                      .then = !sim_op_is_change(&history->ops[i]),
                                      .position = (uint32_t)i};
    sort_ranks(ranks, count);
    bool holds = true;
    uint32_t previous = NONE;
    for (size_t i = 0; i < count && holds; i++) {
        uint32_t position = ranks[i].position;
        self->finding->steps++;
        if (ranks[i].key > self->reference->last) {
            holds = contradicts(self, previous, position, "an index beyond the last change");
        } else if (sim_op_is_change(&history->ops[position])) {
            holds = change_holds(self, position, previous);
            previous = position;
        } else {
            holds = view_holds(self, position);
        }
    }
    fsp_free(ranks);
    uint64_t last = previous == NONE ? 0 : history->ops[previous].index;
    if (!holds || !self->reference->complete || last == self->reference->last)
        return holds;
    snprintf(self->finding->words, sizeof(self->finding->words),
             "after number %" PRIu64 " the log has a change that nobody asked for", last);
    return false;
}

/* -- both -------------------------------------------------------------------------------------- */

static void
judge_init(judge_t *self, const sim_history_t *history)
{
    self->writers = fsp_alloc_array(history->count, sizeof(*self->writers));
    for (size_t i = 0; i < history->count; i++)
        if (sim_op_is_put(&history->ops[i]))
            self->writers[self->writer_count++] =
                (rank_t){.key = history->ops[i].value, .position = (uint32_t)i};
    sort_ranks(self->writers, self->writer_count);
    for (size_t i = 1; i < self->writer_count; i++)
        FSP_PRE(self->writers[i - 1].key < self->writers[i].key); /* else sights are ambiguous */
    self->born = fsp_alloc_array(history->path_count, sizeof(*self->born));
    self->latest = fsp_alloc_array(history->path_count, sizeof(*self->latest));
    for (uint32_t i = 0; i < history->path_count; i++)
        self->latest[i] = NONE;
}

sim_verdict_t
sim_linear_by_index(const sim_history_t *history, const sim_reference_t *reference,
                    sim_finding_t *ret_finding)
{
    FSP_PRE(history->count < NONE);
    FSP_PRE(reference->sight_at);
    sim_history_check(history);
    *ret_finding = (sim_finding_t){.first = SIM_NOBODY, .second = SIM_NOBODY};
    judge_t self = {.history = history, .reference = reference, .finding = ret_finding};
    judge_init(&self, history);
    bool holds = order_holds(&self) && sights_hold(&self);
    fsp_free(self.writers);
    fsp_free(self.born);
    fsp_free(self.latest);
    FSP_POST(holds == (ret_finding->words[0] == '\0'));
    return holds ? SIM_LINEAR : SIM_NOT_LINEAR;
}
