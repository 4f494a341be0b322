/* SPDX-License-Identifier: MIT */
/* linear_search - is a history linearizable?  By looking for an order.  Layer tests.
 *
 * Confirms linear.c without trusting an index: it reads times and answers only, and has a model of
 * a space of its own, written from the meaning of the operations (sim_history.h) and sharing no
 * line with core/meta.
 *
 *   - Wing, Gong, "Testing and verifying concurrent objects" (1993): of the operations that are not
 *     placed yet, one may come next if no other of them ended before it began.  Try each that the
 *     model says the same about as its client was told; go back when none fits.
 *   - Lowe, "Testing for linearizability" (2017): two ways to place the same set of operations that
 *     lead to the same state have the same future.  Remember (set, state) and enter it once.
 *   - What changes nothing (reads, refusals) and fits now is placed at once, without a choice to
 *     come back to: take any order of the rest that works, and move that operation to its front.
 *     Nobody else sees a difference, and real time allows it because it may come next.
 *
 * An operation of unknown outcome never ends, so it holds nobody up; it may be placed once it began
 * and if its condition holds.  We are done when all that were answered are placed.
 *
 * Left out: Lowe's list of calls and returns, which pays from some hundred operations on.  With at
 * most 64 a set is a word, and "who must come before me" is a word per operation.
 *
 *      frame d   placed 1101 0010   choices 0000 1001   chosen ..1, with the file as it was before
 *      frame d+1 placed 1101 0011   ...
 *      files     /a: heads 0000 0001  versions 0101 0001      (bit i: the version written by op i)
 *
 * Numbers: 7 us for 20 operations of 4 clients, 0.2 ms for 60 of 16; 0.8 ms if every tenth outcome
 * is unknown.  The worst case is exponential in those that overlap, above all unknown ones: hence
 * limits on steps and on memory, and UNDECIDED.
 *
 * Weak, and what happens: states are remembered as 2 x 64 bits of hash.  If two of them met by
 * chance, an order could be missed: a false alarm (below 2^-80 with a million positions), never a
 * false "linear".  An order that is found was run step by step.
 */
#include "tests/sim/linear.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/prng.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { OPS_MAX = SIM_SEARCH_OPS_MAX };
_Static_assert(OPS_MAX == 64, "a set of operations is one uint64_t");

/* Sets of operations: bit i is ops[i]. */
typedef uint64_t set_t;

/* The file at a path.  Nothing is there if heads is empty; then versions is, too. */
typedef struct {
    set_t heads;    /* versions, by the operation that wrote them */
    set_t versions; /* of this file, heads included; a deleted file's versions are forgotten */
} file_t;

/* (set placed, state) as it is remembered; placed is never 0, so 0 marks a free place. */
typedef struct {
    set_t placed;
    uint64_t hash[2];
} position_t;

/* One choice and how to take it back. */
typedef struct {
    set_t placed;  /* before the choice, with what was placed without one */
    set_t choices; /* changes that may still be tried as the next */
    unsigned chosen;
    file_t saved; /* the chosen one's file before */
} frame_t;

typedef struct {
    const sim_history_t *history;
    const sim_search_limits_t *limits;
    const sim_op_t *ops[OPS_MAX]; /* by end, unknown ones last: likely orders first */
    unsigned count;
    uint64_t mark[OPS_MAX];  /* of the version that it writes */
    set_t before[OPS_MAX];   /* ended before it began */
    set_t base[OPS_MAX];     /* the writer of its base, or empty */
    unsigned slot[OPS_MAX];  /* its path, in files */
    set_t answered, changes; /* changes: if it takes effect, it changes something */
    uint32_t paths[OPS_MAX]; /* path of each slot */
    file_t files[OPS_MAX];
    unsigned file_count;
    uint64_t hash[2]; /* of files */
    position_t *table;
    size_t table_size, table_used; /* size: 0 or a power of two, at least twice what is used */
    frame_t frames[OPS_MAX + 1];
    unsigned depth;
    unsigned order[OPS_MAX], order_count; /* what is placed, in order */
    set_t deepest;                        /* the greatest set that was placed */
    uint64_t steps;
} search_t;

/* -- the model --------------------------------------------------------------------------------- */

static set_t
bit(unsigned i)
{
    return (set_t)1 << i;
}

static unsigned
lowest(set_t set)
{
    FSP_PRE(set != 0);
    return (unsigned)__builtin_ctzll(set);
}

static uint64_t
sight_of_file(const search_t *self, const file_t *file)
{
    uint64_t sum = 0;
    for (set_t rest = file->heads; rest; rest &= rest - 1)
        sum += self->mark[lowest(rest)];
    return sum;
}

static uint64_t
sight_of_names(const search_t *self, uint32_t directory)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < self->file_count; i++)
        if (self->files[i].heads && self->history->paths[self->paths[i]].parent == directory)
            sum += sim_mark(self->paths[i]);
    return sum;
}

static bool
condition_holds(const search_t *self, unsigned i)
{
    const file_t *file = &self->files[self->slot[i]];
    switch (self->ops[i]->kind) {
    case SIM_OP_MATCH:
        return self->base[i] && file->heads == self->base[i];
    case SIM_OP_NEW:
        return !file->heads;
    case SIM_OP_EDIT:
        return file->versions & self->base[i];
    case SIM_OP_DELETE:
        return file->heads;
    case SIM_OP_PUT:
        return true;
    case SIM_OP_READ:
    case SIM_OP_LIST:
        break;
    }
    FSP_UNREACHABLE();
}

/* Would operation i, which changes nothing, be answered now as it was? */
static bool
fits_unchanged(const search_t *self, unsigned i)
{
    const sim_op_t *op = self->ops[i];
    if (op->outcome == SIM_OUTCOME_DECLINED)
        return true;
    if (op->outcome == SIM_OUTCOME_REFUSED)
        return !condition_holds(self, i);
    FSP_ASSERT(op->outcome == SIM_OUTCOME_OK);
    if (op->kind == SIM_OP_LIST)
        return op->seen == sight_of_names(self, op->path);
    return op->seen == sight_of_file(self, &self->files[self->slot[i]]);
}

/* The file after change i, whose condition holds. */
static file_t
changed(const search_t *self, unsigned i)
{
    file_t file = self->files[self->slot[i]];
    switch (self->ops[i]->kind) {
    case SIM_OP_DELETE:
        return (file_t){0};
    case SIM_OP_EDIT:
        file.heads &= ~self->base[i];
        file.heads |= bit(i);
        break;
    default:
        file.heads = bit(i);
        break;
    }
    file.versions |= bit(i);
    return file;
}

/* Puts a file in place and keeps the hash of the state, a sum over the files. */
static void
set_file(search_t *self, unsigned slot, file_t file)
{
    file_t *now = &self->files[slot];
    for (unsigned half = 0; half < 2; half++) {
        uint64_t salt = sim_mark(2 * slot + half);
        self->hash[half] -= fsp_mix64(fsp_mix64(now->heads ^ salt) + now->versions);
        self->hash[half] += fsp_mix64(fsp_mix64(file.heads ^ salt) + file.versions);
    }
    *now = file;
}

/* -- positions --------------------------------------------------------------------------------- */

static position_t *
find_position(position_t *table, size_t size, const position_t *wanted)
{
    size_t at = (size_t)fsp_mix64(wanted->placed ^ wanted->hash[0]) & (size - 1);
    while (table[at].placed &&
           (table[at].placed != wanted->placed || table[at].hash[0] != wanted->hash[0] ||
            table[at].hash[1] != wanted->hash[1]))
        at = (at + 1) & (size - 1);
    return &table[at];
}

static void
grow_table(search_t *self)
{
    size_t size = self->table_size ? 2 * self->table_size : 256;
    position_t *table = fsp_alloc_array(size, sizeof(*table));
    for (size_t i = 0; i < self->table_size; i++)
        if (self->table[i].placed)
            *find_position(table, size, &self->table[i]) = self->table[i];
    fsp_free(self->table);
    self->table = table;
    self->table_size = size;
}

/* Remembers where the search is; false if it was here before. */
static bool
is_new_position(search_t *self, set_t placed)
{
    if (2 * (self->table_used + 1) > self->table_size)
        grow_table(self);
    position_t here = {.placed = placed, .hash = {self->hash[0], self->hash[1]}};
    position_t *found = find_position(self->table, self->table_size, &here);
    if (found->placed)
        return false;
    *found = here;
    self->table_used++;
    return true;
}

/* -- the search -------------------------------------------------------------------------------- */

static int
compare_ends(const void *left, const void *right)
{
    const sim_op_t *a = *(const sim_op_t *const *)left, *b = *(const sim_op_t *const *)right;
    if (a->returned_us != b->returned_us)
        return a->returned_us < b->returned_us ? -1 : 1;
    return a < b ? -1 : a > b; /* both in one array */
}

/* The slot of a path; makes it. */
static unsigned
slot_of(search_t *self, uint32_t path)
{
    for (unsigned i = 0; i < self->file_count; i++)
        if (self->paths[i] == path)
            return i;
    FSP_ASSERT(self->file_count < OPS_MAX); /* one per operation at most */
    self->paths[self->file_count] = path;
    return self->file_count++;
}

static void
prepare(search_t *self)
{
    for (unsigned i = 0; i < self->count; i++) {
        const sim_op_t *op = self->ops[i];
        self->mark[i] = sim_mark(op->value);
        self->slot[i] = slot_of(self, op->path);
        if (op->outcome != SIM_OUTCOME_UNKNOWN)
            self->answered |= bit(i);
        if (!sim_op_is_read(op) &&
            (op->outcome == SIM_OUTCOME_OK || op->outcome == SIM_OUTCOME_UNKNOWN))
            self->changes |= bit(i);
        for (unsigned j = 0; j < self->count; j++) {
            const sim_op_t *other = self->ops[j];
            if (other->returned_us < op->invoked_us)
                self->before[i] |= bit(j);
            if (sim_op_is_put(other) && other->value == op->base)
                self->base[i] |= bit(j);
            FSP_IMPLIES(i != j && sim_op_is_put(op) && sim_op_is_put(other),
                        op->value != other->value);
        }
    }
}

/* Of the given set, those that may come next. */
static set_t
may_come_next(const search_t *self, set_t among, set_t placed)
{
    set_t found = 0;
    for (set_t rest = among & ~placed; rest; rest &= rest - 1)
        if (!(self->before[lowest(rest)] & ~placed))
            found |= bit(lowest(rest));
    return found;
}

/* Places what changes nothing and fits, until no more does. */
static set_t
place_unchanged(search_t *self, set_t placed)
{
    for (bool again = true; again;) {
        again = false;
        set_t ready = may_come_next(self, self->answered & ~self->changes, placed);
        for (; ready; ready &= ready - 1) {
            unsigned i = lowest(ready);
            if (!fits_unchanged(self, i))
                continue;
            placed |= bit(i);
            self->order[self->order_count++] = i;
            again = true;
        }
    }
    return placed;
}

/* Opens a frame at depth for what follows placed. */
static void
open_frame(search_t *self, set_t placed)
{
    FSP_ASSERT(self->depth <= OPS_MAX);
    if (__builtin_popcountll(placed) > __builtin_popcountll(self->deepest))
        self->deepest = placed;
    self->frames[self->depth] =
        (frame_t){.placed = placed, .choices = may_come_next(self, self->changes, placed)};
}

/* Forgets the choice made in the frame. */
static void
take_back(search_t *self, const frame_t *frame)
{
    set_file(self, self->slot[frame->chosen], frame->saved);
    self->order_count = (unsigned)__builtin_popcountll(frame->placed);
}

static sim_verdict_t
search(search_t *self)
{
    open_frame(self, place_unchanged(self, 0));
    for (;;) {
        frame_t *frame = &self->frames[self->depth];
        FSP_ASSERT(self->order_count == (unsigned)__builtin_popcountll(frame->placed));
        if (!(self->answered & ~frame->placed))
            return SIM_LINEAR;
        if (!frame->choices) {
            if (self->depth == 0)
                return SIM_NOT_LINEAR;
            self->depth--;
            take_back(self, &self->frames[self->depth]);
            continue;
        }
        unsigned i = lowest(frame->choices);
        frame->choices &= frame->choices - 1;
        if (self->steps >= self->limits->steps_max ||
            self->table_used >= self->limits->positions_max)
            return SIM_UNDECIDED;
        self->steps++;
        if (!condition_holds(self, i))
            continue;
        frame->chosen = i;
        frame->saved = self->files[self->slot[i]];
        set_file(self, self->slot[i], changed(self, i));
        self->order[self->order_count++] = i;
        set_t placed = place_unchanged(self, frame->placed | bit(i));
        if (is_new_position(self, placed)) {
            self->depth++;
            open_frame(self, placed);
        } else {
            take_back(self, frame);
        }
    }
}

/* -- words ------------------------------------------------------------------------------------- */

/* Names what stands right behind the longest order: the first two that cannot come next. */
static void
say_why(const search_t *self, sim_finding_t *finding)
{
    unsigned answered = (unsigned)__builtin_popcountll(self->answered);
    unsigned placed = (unsigned)__builtin_popcountll(self->answered & self->deepest);
    set_t stuck = may_come_next(self, self->answered, self->deepest);
    FSP_ASSERT(stuck != 0); /* of those not placed, the one that began first may come next */
    char one[SIM_OP_WORDS_BYTES], two[SIM_OP_WORDS_BYTES] = "";
    const sim_op_t *op = self->ops[lowest(stuck)];
    finding->second = op - self->history->ops;
    sim_op_words(self->history, op, one);
    stuck &= stuck - 1;
    if (stuck) {
        op = self->ops[lowest(stuck)];
        finding->first = finding->second;
        finding->second = op - self->history->ops;
        sim_op_words(self->history, op, two);
    }
    snprintf(finding->words, sizeof(finding->words),
             "no order explains more than %u of %u answers; behind the longest: %s%s%s", placed,
             answered, one, two[0] ? "; " : "", two);
}

sim_verdict_t
sim_linear_by_search(const sim_history_t *history, const sim_search_limits_t *limits,
                     sim_finding_t *ret_finding, size_t *ret_order, size_t *ret_order_count)
{
    FSP_PRE(!ret_order == !ret_order_count);
    sim_history_check(history);
    *ret_finding = (sim_finding_t){.first = SIM_NOBODY, .second = SIM_NOBODY};
    search_t *self = FSP_NEW(search_t);
    self->history = history;
    self->limits = limits;
    bool fits = true;
    for (size_t i = 0; i < history->count && fits; i++) {
        const sim_op_t *op = &history->ops[i];
        if (op->outcome == SIM_OUTCOME_UNKNOWN && sim_op_is_read(op))
            continue; /* told nobody anything */
        fits = self->count < OPS_MAX;
        if (fits)
            self->ops[self->count++] = op;
    }
    sim_verdict_t verdict = SIM_UNDECIDED;
    if (fits) {
        if (self->count > 0)
            qsort(self->ops, self->count, sizeof(self->ops[0]), compare_ends);
        prepare(self);
        verdict = search(self);
    }
    ret_finding->steps = self->steps;
    if (verdict == SIM_NOT_LINEAR)
        say_why(self, ret_finding);
    else if (verdict == SIM_UNDECIDED)
        snprintf(ret_finding->words, sizeof(ret_finding->words),
                 "undecided after %" PRIu64 " steps and %zu positions", self->steps,
                 self->table_used);
    if (verdict == SIM_LINEAR && ret_order) {
        for (unsigned i = 0; i < self->order_count; i++)
            ret_order[i] = (size_t)(self->ops[self->order[i]] - history->ops);
        *ret_order_count = self->order_count;
    }
    fsp_free(self->table);
    fsp_free(self);
    return verdict;
}
