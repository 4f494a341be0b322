/* SPDX-License-Identifier: MIT */
/* history_maker - histories that are right because their order was chosen first.  Layer tests.
 *
 * Each operation gets a point between its call and its answer; in the order of these points the
 * operations run against a third model of a space, written apart from both checkers: heads as lists
 * of values, and for each value the file it belongs to.  It keeps what was there after each change,
 * which is the reference that the checker by indexes asks.
 */
#ifndef FSP_TESTS_UNIT_SIM_HISTORY_MAKER_H
#define FSP_TESTS_UNIT_SIM_HISTORY_MAKER_H
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/prng.h"
#include "tests/sim/linear.h"

#include <stdlib.h>

enum { PLACES_MAX = 8, HEADS_MAX = 64, FILE_COUNT = 4, EDITED_HEADS_MAX = 5 };

/* "/" is 0, "/d" is 3. */
static const char *const file_texts[FILE_COUNT] = {"/a", "/b", "/d/x", "/d/y"};
static const uint32_t file_paths[FILE_COUNT] = {1, 2, 4, 5};
static const uint32_t directories[2] = {0, 3};

/* -- the model --------------------------------------------------------------------------------- */

typedef struct {
    uint64_t index, sight;
} step_t;

/* What was to be seen at one path: each step holds from its index to the next one's. */
typedef struct {
    step_t *steps;
    size_t count, capacity;
} past_t;

typedef struct {
    const sim_history_t *history;
    struct {
        uint64_t heads[HEADS_MAX];
        unsigned head_count;
        uint64_t file; /* 0: nothing there */
    } places[PLACES_MAX];
    uint64_t *file_of; /* by value; 0: not written */
    uint64_t value_count, file_count;
    past_t files[PLACES_MAX], names[PLACES_MAX];
    uint64_t last;
} model_t;

static inline void
model_init(model_t *self, const sim_history_t *history, uint64_t value_count)
{
    *self = (model_t){.history = history, .value_count = value_count};
    self->file_of = fsp_alloc_array(value_count, sizeof(*self->file_of));
}

static inline void
model_clear(model_t *self)
{
    for (unsigned i = 0; i < PLACES_MAX; i++) {
        fsp_free(self->files[i].steps);
        fsp_free(self->names[i].steps);
    }
    fsp_free(self->file_of);
    *self = (model_t){0};
}

static inline uint64_t
past_at(const past_t *past, uint64_t index)
{
    size_t low = 0, high = past->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (past->steps[middle].index <= index)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? 0 : past->steps[low - 1].sight;
}

static inline uint64_t
model_sight_at(void *context, uint32_t path, bool names, uint64_t index)
{
    const model_t *self = context;
    FSP_PRE(path < PLACES_MAX);
    FSP_PRE(index <= self->last);
    return past_at(names ? &self->names[path] : &self->files[path], index);
}

static inline sim_reference_t
model_reference(model_t *self)
{
    return (sim_reference_t){
        .context = self, .sight_at = model_sight_at, .last = self->last, .complete = true};
}

static inline void
past_add(past_t *past, uint64_t index, uint64_t sight)
{
    if (past->count == past->capacity) {
        past->capacity = past->capacity ? 2 * past->capacity : 8;
        past->steps = fsp_realloc(past->steps, past->capacity * sizeof(*past->steps));
    }
    past->steps[past->count++] = (step_t){index, sight};
}

static inline bool
model_holds(const model_t *self, const sim_op_t *op)
{
    uint64_t file = self->places[op->path].file;
    switch (op->kind) {
    case SIM_OP_MATCH:
        return self->places[op->path].head_count == 1 &&
               self->places[op->path].heads[0] == op->base;
    case SIM_OP_NEW:
        return file == 0;
    case SIM_OP_EDIT:
        return file != 0 && op->base < self->value_count && self->file_of[op->base] == file;
    case SIM_OP_DELETE:
        return file != 0;
    default:
        return true;
    }
}

/* Applies a change, whether its condition holds or not, and gives it the next number. */
static inline uint64_t
model_apply(model_t *self, const sim_op_t *op)
{
    unsigned kept = 0, count = self->places[op->path].head_count;
    uint64_t *heads = self->places[op->path].heads;
    self->last++;
    for (unsigned i = 0; op->kind == SIM_OP_EDIT && i < count; i++)
        if (heads[i] != op->base)
            heads[kept++] = heads[i];
    if (op->kind == SIM_OP_DELETE) {
        self->places[op->path].file = 0;
    } else {
        FSP_ASSERT(kept < HEADS_MAX);
        FSP_ASSERT(op->value < self->value_count);
        heads[kept++] = op->value;
        if (self->places[op->path].file == 0)
            self->places[op->path].file = ++self->file_count;
        self->file_of[op->value] = self->places[op->path].file;
    }
    self->places[op->path].head_count = kept;
    uint64_t sum = 0;
    for (unsigned i = 0; i < kept; i++)
        sum += sim_mark(heads[i]);
    past_add(&self->files[op->path], self->last, sum);
    uint32_t parent = self->history->paths[op->path].parent;
    if ((count == 0) != (kept == 0)) {
        uint64_t names = past_at(&self->names[parent], self->last);
        uint64_t mark = sim_mark(op->path);
        past_add(&self->names[parent], self->last, kept ? names + mark : names - mark);
    }
    return self->last;
}

/* -- right histories --------------------------------------------------------------------------- */

typedef struct {
    unsigned clients;
    size_t operations;
    uint64_t span_us, gap_us; /* an operation and the pause behind it take up to this */
    unsigned unknown_percent;
    unsigned files; /* how many of the four paths */
} plan_t;

typedef struct {
    sim_history_t history;
    model_t model;
    size_t *log; /* log[i]: position of the operation that is change i + 1 */
    size_t log_count;
    uint64_t value_count;
} made_t;

static inline void
made_clear(made_t *self)
{
    model_clear(&self->model);
    sim_history_clear(&self->history);
    fsp_free(self->log);
    *self = (made_t){0};
}

typedef struct {
    uint64_t point_us;
    size_t position;
    bool lost; /* unknown, without effect */
} point_t;

static inline int
compare_points(const void *left, const void *right)
{
    const point_t *a = left, *b = right;
    if (a->point_us != b->point_us)
        return a->point_us < b->point_us ? -1 : 1;
    return a->position < b->position ? -1 : a->position > b->position;
}

/* What it does, chosen when its turn comes, so that conditions hold about every second time. */
static inline void
choose_kind(made_t *self, fsp_prng_t *prng, const plan_t *plan, sim_op_t *op)
{
    op->kind = (sim_op_kind_t)fsp_prng_below(prng, SIM_OP_DELETE + 1);
    op->path = file_paths[fsp_prng_below(prng, plan->files)];
    unsigned heads = self->model.places[op->path].head_count;
    if (op->kind == SIM_OP_EDIT && heads >= EDITED_HEADS_MAX)
        op->kind = SIM_OP_PUT;
    if (op->kind == SIM_OP_LIST)
        op->path = directories[fsp_prng_below(prng, 2)];
    if (sim_op_is_put(op))
        op->value = self->value_count++;
    if (op->kind != SIM_OP_MATCH && op->kind != SIM_OP_EDIT)
        return;
    op->base = 1 + fsp_prng_below(prng, op->value);
    if (heads && fsp_prng_chance(prng, 2, 3))
        op->base = self->model.places[op->path].heads[fsp_prng_below(prng, heads)];
    if (op->base == op->value)
        op->base = self->model.value_count; /* of nobody */
}

/* Answers op from the model's state now. */
static inline void
run_op(made_t *self, fsp_prng_t *prng, const plan_t *plan, const point_t *point)
{
    sim_op_t *op = &self->history.ops[point->position];
    choose_kind(self, prng, plan, op);
    bool known = op->returned_us != FSP_TIME_NEVER;
    op->outcome = known ? SIM_OUTCOME_OK : SIM_OUTCOME_UNKNOWN;
    if (point->lost)
        return;
    if (known)
        op->index = self->model.last;
    if (known && fsp_prng_chance(prng, 1, 40)) {
        op->outcome = SIM_OUTCOME_DECLINED;
    } else if (sim_op_is_read(op)) {
        if (known)
            op->seen =
                model_sight_at(&self->model, op->path, op->kind == SIM_OP_LIST, self->model.last);
    } else if (model_holds(&self->model, op)) {
        op->index = model_apply(&self->model, op);
        self->log[self->log_count++] = point->position;
    } else if (known) {
        op->outcome = SIM_OUTCOME_REFUSED;
    }
}

/* A right history, its log and its reference. */
static inline void
made_init(made_t *self, fsp_prng_t *prng, const plan_t *plan)
{
    *self = (made_t){.value_count = 1};
    sim_history_init(&self->history);
    for (unsigned i = 0; i < FILE_COUNT; i++)
        FSP_ASSERT(sim_history_path(&self->history, file_texts[i]) == file_paths[i]);
    model_init(&self->model, &self->history, plan->operations + 1);
    self->log = fsp_alloc_array(plan->operations, sizeof(*self->log));
    point_t *points = fsp_alloc_array(plan->operations, sizeof(*points));
    uint64_t *now = fsp_alloc_array(plan->clients, sizeof(*now));
    for (size_t i = 0; i < plan->operations; i++) {
        uint32_t client = (uint32_t)(i % plan->clients);
        sim_op_t op = {.client = client, .number = i / plan->clients + 1, .path = 1};
        op.invoked_us = now[client] + fsp_prng_below(prng, plan->gap_us + 1);
        points[i].position = i;
        points[i].point_us = op.invoked_us + fsp_prng_below(prng, plan->span_us + 1);
        op.returned_us = points[i].point_us + fsp_prng_below(prng, plan->span_us + 1);
        now[client] = op.returned_us + 1;
        if (fsp_prng_below(prng, 100) < plan->unknown_percent) {
            op.returned_us = FSP_TIME_NEVER;
            points[i].lost = fsp_prng_chance(prng, 1, 2);
            points[i].point_us += fsp_prng_below(prng, 10 * plan->span_us + 1);
        }
        sim_history_add(&self->history, &op);
    }
    qsort(points, plan->operations, sizeof(*points), compare_points);
    for (size_t i = 0; i < plan->operations; i++)
        run_op(self, prng, plan, &points[i]);
    fsp_free(points);
    fsp_free(now);
}

/* A plan for a short history: from one client at a time to a crowd on one file. */
static inline plan_t
short_plan(fsp_prng_t *prng, size_t operations_max)
{
    return (plan_t){.clients = 1 + (unsigned)fsp_prng_below(prng, 6),
                    .operations = 1 + (size_t)fsp_prng_below(prng, operations_max),
                    .span_us = 1 + fsp_prng_below(prng, 40),
                    .gap_us = fsp_prng_below(prng, 3) * 30,
                    .unknown_percent = (unsigned)fsp_prng_below(prng, 3) * 8,
                    .files = 1 + (unsigned)fsp_prng_below(prng, FILE_COUNT)};
}

/* Runs the log again, as it is now: indexes of its operations and the reference follow it. */
static inline void
made_replay(made_t *self)
{
    uint64_t value_count = self->model.value_count;
    model_clear(&self->model);
    model_init(&self->model, &self->history, value_count);
    for (size_t i = 0; i < self->log_count; i++)
        self->history.ops[self->log[i]].index =
            model_apply(&self->model, &self->history.ops[self->log[i]]);
}

/* Puts the operation at position into the log as change number, and renumbers what comes behind;
   reads behind it show the new past. */
static inline void
made_insert(made_t *self, uint64_t number, size_t position)
{
    FSP_PRE(number >= 1 && number <= self->log_count + 1);
    self->log = fsp_realloc(self->log, (self->log_count + 1) * sizeof(*self->log));
    memmove(self->log + number, self->log + number - 1,
            (self->log_count + 1 - number) * sizeof(*self->log));
    self->log[number - 1] = position;
    self->log_count++;
    uint64_t index = self->history.ops[position].index;
    made_replay(self);
    if (sim_op_is_change(&self->history.ops[position]) && index > 0 && index < number)
        self->history.ops[position].index = index; /* the first of two */
    for (size_t i = 0; i < self->history.count; i++) {
        sim_op_t *op = &self->history.ops[i];
        if (sim_op_is_change(op) || op->outcome == SIM_OUTCOME_UNKNOWN || op->index < number)
            continue;
        op->index++;
        if (sim_op_is_read(op) && op->outcome == SIM_OUTCOME_OK)
            op->seen = model_sight_at(&self->model, op->path, op->kind == SIM_OP_LIST, op->index);
    }
}
#endif
