/* SPDX-License-Identifier: MIT */
/* sim_oracle - the reference: what the log of the shard means.  Layer tests. */
#include "tests/sim/sim_oracle.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/base/overlay.h"
#include "core/base/prng.h"
#include "core/meta/rows.h"
#include "tests/sim/model.h"
#include "tests/sim/sim_known.h"
#include "tests/sim/sim_record.h"

#include <inttypes.h>

enum { PREFIX_BYTES = 8 }; /* shard and generation: not part of what is compared */

/* A committed entry and what came of it. */
/* What is written under a key for an entry. */
typedef struct {
    uint64_t key; /* hash */
    uint64_t row; /* hash of all of it */
} written_t;

typedef struct {
    const sim_entry_t *entry;
    uint64_t term;      /* of the leader that was first seen to have committed it, or higher */
    written_t *written; /* rows for it, owned */
    size_t written_count;
    uint64_t state;   /* sum of hashes of all rows after it */
    fsp_time_t time;  /* greatest log time so far */
    uint64_t changes; /* number of the space's last change after it */
    fsp_op_id_t op_id;
    fsp_blob_t *result; /* empty for what is no command */
} committed_t;

typedef struct {
    uint64_t index;
    uint64_t sight;
} sighted_t;

typedef struct {
    char path[64];
    uint32_t number;
    bool names;
    sighted_t *sights;
    size_t count, capacity;
} watch_t;
enum { WATCHES_MAX = 20 };

struct sim_oracle {
    const sim_trace_t *trace;
    fsp_shard_ref_t shard;
    committed_t *committed; /* [0] is before the first entry */
    size_t count, capacity;
    fsp_memview_t *state;
    fsp_overlay_t *pending; /* empty between entries */
    fsp_overlay_t *txn;
    model_t *model; /* NULL: not asked */
    fsp_space_id_t space_id;
    fsp_subject_id_t subject;
    watch_t watches[WATCHES_MAX];
    size_t watch_count;
};

sim_oracle_t *
sim_oracle_new(const sim_trace_t *trace, fsp_shard_ref_t shard, bool model)
{
    sim_oracle_t *self = FSP_NEW(sim_oracle_t);
    self->trace = trace;
    self->shard = shard;
    self->capacity = 512;
    self->committed = fsp_alloc_array(self->capacity, sizeof(*self->committed));
    self->count = 1;
    self->state = fsp_memview_new();
    self->pending = fsp_overlay_new(fsp_memview_view(self->state));
    self->txn = fsp_overlay_new(fsp_overlay_view(self->pending));
    if (model)
        self->model = model_new();
    return self;
}

void
sim_oracle_destroy(sim_oracle_t **self_p)
{
    sim_oracle_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++) {
        fsp_blob_destroy(&self->committed[i].result);
        fsp_free(self->committed[i].written);
    }
    fsp_free(self->committed);
    for (size_t i = 0; i < self->watch_count; i++)
        fsp_free(self->watches[i].sights);
    fsp_overlay_destroy(&self->txn);
    fsp_overlay_destroy(&self->pending);
    fsp_memview_destroy(&self->state);
    if (self->model)
        model_destroy(&self->model);
    fsp_free(self);
    *self_p = NULL;
}

uint64_t
sim_oracle_committed(const sim_oracle_t *self)
{
    return self->count - 1;
}

const sim_entry_t *
sim_oracle_entry(const sim_oracle_t *self, uint64_t index)
{
    FSP_PRE(index < self->count);
    return self->committed[index].entry;
}

uint64_t
sim_oracle_term(const sim_oracle_t *self, uint64_t index)
{
    FSP_PRE(index < self->count);
    return self->committed[index].term;
}

uint64_t
sim_oracle_changes(const sim_oracle_t *self)
{
    return self->committed[self->count - 1].changes;
}

/* -- hashes of rows ---------------------------------------------------------------------------- */

static fsp_slice_t
key_behind_prefix(fsp_slice_t key)
{
    FSP_PRE(key.bytes > PREFIX_BYTES);
    return fsp_slice(key.data + PREFIX_BYTES, key.bytes - PREFIX_BYTES);
}

static uint64_t
hash_row(fsp_slice_t key, fsp_slice_t value)
{
    return sim_trace_hash(sim_trace_hash(1, key_behind_prefix(key)), value);
}

static written_t
written_of(const fsp_batch_row_t *row)
{
    uint64_t key = sim_trace_hash(0, key_behind_prefix(row->key));
    return (written_t){.key = key, .row = sim_trace_hash(key + row->op, row->value)};
}

/* How a batch changes the sum over all rows. */
static uint64_t
sum_of_changes(const sim_oracle_t *self, const fsp_batch_t *batch)
{
    const fsp_omap_t *map = fsp_memview_map(self->state);
    uint64_t sum = 0;
    for (size_t i = 0; i < fsp_batch_count(batch); i++) {
        fsp_batch_row_t row = fsp_batch_row(batch, i);
        FSP_ASSERT(row.op != FSP_ROW_DELETE_RANGE); /* apply writes none */
        const fsp_omap_row_t *old = fsp_omap_get(map, row.key);
        if (old)
            sum -= hash_row(row.key, old->value);
        if (row.op == FSP_ROW_PUT)
            sum += hash_row(row.key, row.value);
    }
    return sum;
}

/* -- sights ------------------------------------------------------------------------------------ */

static uint64_t
look(sim_oracle_t *self, const watch_t *watch)
{
    fsp_query_t query = {
        .type = watch->names ? FSP_QUERY_LIST : FSP_QUERY_RESOLVE,
        .space_id = self->space_id,
        .subject = self->subject,
        .system_index = UINT64_MAX, /* newer than any floor */
        .target.path = fsp_slice_text(watch->path),
        .limit = watch->names ? FSP_LIST_LIMIT_MAX : 1,
    };
    FSP_AUTO(fsp_buf_clear) fsp_buf_t answer;
    fsp_buf_init(&answer, FSP_ANSWER_BYTES_MAX);
    fsp_status_t status =
        fsp_meta_query(self->shard, fsp_memview_view(self->state), &query, &answer);
    FSP_ASSERT(status == FSP_OK);
    bool whole;
    uint64_t sight = sim_record_sight(fsp_buf_slice(&answer), watch->names, &whole);
    FSP_ASSERT(whole);
    return sight;
}

static void
add_sight(watch_t *watch, uint64_t index, uint64_t sight)
{
    if (watch->count > 0 && watch->sights[watch->count - 1].sight == sight)
        return;
    if (watch->count == watch->capacity) {
        watch->capacity = watch->capacity ? 2 * watch->capacity : 16;
        watch->sights = fsp_realloc(watch->sights, watch->capacity * sizeof(*watch->sights));
    }
    watch->sights[watch->count++] = (sighted_t){.index = index, .sight = sight};
}

/* A put and a restore by path touch that file and the directories above it; anything else may touch
   all. */
static bool
may_touch(const fsp_command_t *command, const watch_t *watch)
{
    if (sim_command_keeps_heads(command->type))
        return false;
    const fsp_target_t *target = command->type == FSP_COMMAND_PUT       ? &command->put.target
                                 : command->type == FSP_COMMAND_RESTORE ? &command->restore.target
                                                                        : NULL;
    if (!target || target->path.bytes == 0 || watch->names)
        return true;
    size_t bytes = strlen(watch->path);
    return target->path.bytes >= bytes && memcmp(target->path.data, watch->path, bytes) == 0;
}

void
sim_oracle_watch(sim_oracle_t *self, fsp_space_id_t space_id, fsp_subject_id_t subject,
                 const char *path, uint32_t number, bool names)
{
    FSP_PRE(self->watch_count < WATCHES_MAX);
    self->space_id = space_id;
    self->subject = subject;
    watch_t *watch = &self->watches[self->watch_count++];
    *watch = (watch_t){.number = number, .names = names};
    size_t bytes = strlen(path);
    FSP_PRE(bytes < sizeof(watch->path));
    memcpy(watch->path, path, bytes + 1);
    add_sight(watch, 0, 0);
}

uint64_t
sim_oracle_sight(const sim_oracle_t *self, uint32_t number, bool names, uint64_t index)
{
    for (size_t i = 0; i < self->watch_count; i++) {
        const watch_t *watch = &self->watches[i];
        if (watch->number != number || watch->names != names)
            continue;
        size_t low = 0, high = watch->count; /* the last one with an index <= index */
        while (low + 1 < high) {
            size_t middle = (low + high) / 2;
            if (watch->sights[middle].index <= index)
                low = middle;
            else
                high = middle;
        }
        return watch->sights[low].sight;
    }
    FSP_UNREACHABLE();
}

/* -- committing -------------------------------------------------------------------------------- */

static void
ask_model(sim_oracle_t *self, uint64_t index, fsp_time_t time, fsp_slice_t command,
          fsp_slice_t result)
{
    if (!self->model)
        return;
    fsp_result_t expected;
    model_apply(self->model, index, time, command, &expected);
    char why[256] = "";
    if (command.bytes > 0 && !model_check_result(&expected, result, why, sizeof(why)))
        sim_fail(self->trace, "P5: result of entry %" PRIu64 " is not the model's: %s", index, why);
}

/* What clients will be told, and what changed. */
static void
note_result(sim_oracle_t *self, committed_t *made, const committed_t *before,
            fsp_slice_t command_bytes, fsp_slice_t result_bytes)
{
    fsp_command_t command;
    fsp_status_t status = fsp_command_decode(command_bytes, &command);
    FSP_ASSERT(status == FSP_OK); /* our clients' own */
    fsp_result_t result;
    if (fsp_result_decode(result_bytes, &result))
        sim_fail(self->trace, "P5: result of entry %" PRIu64 " does not decode",
                 made->entry->index);
    made->op_id = command.op_id;
    if (result.repeated || result.index <= before->changes)
        return;
    made->changes = result.index;
    for (size_t i = 0; i < self->watch_count; i++)
        if (may_touch(&command, &self->watches[i]))
            add_sight(&self->watches[i], result.index, look(self, &self->watches[i]));
}

void
sim_oracle_commit(sim_oracle_t *self, const sim_entry_t *entry, uint64_t term)
{
    FSP_PRE(entry->index == self->count);
    fsp_log_entry_t row;
    fsp_status_t status = fsp_log_entry_decode(fsp_blob_slice(entry->value), &row);
    FSP_ASSERT(status == FSP_OK); /* looked at when it was written */
    fsp_time_t time = 0;
    fsp_slice_t command = {0};
    if (row.kind == FSP_ENTRY_COMMAND) {
        time = fsp_load_u64(row.bytes.data);
        command =
            fsp_slice(row.bytes.data + FSP_LOG_TIME_BYTES, row.bytes.bytes - FSP_LOG_TIME_BYTES);
    }
    FSP_AUTO(fsp_buf_clear) fsp_buf_t result;
    fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
    status = fsp_meta_apply(self->shard, self->txn, entry->index, row.term, time, command, &result);
    if (status)
        sim_fail(self->trace, "P5: the reference cannot apply entry %" PRIu64, entry->index);
    fsp_batch_t *batch = fsp_batch_new();
    fsp_overlay_commit(self->txn, self->pending, entry->index, batch, FSP_FAMILY_STATE);

    if (self->count == self->capacity) {
        self->capacity *= 2;
        self->committed = fsp_realloc(self->committed, self->capacity * sizeof(committed_t));
    }
    const committed_t *before = &self->committed[self->count - 1];
    committed_t made = {
        .entry = entry, .term = term, .changes = before->changes, .time = before->time};
    if (command.bytes > 0) {
        if (time <= before->time)
            sim_fail(self->trace, "time: log time does not rise at entry %" PRIu64, entry->index);
        made.time = time;
    }
    /* What is no command has no time of its own: that of the state. */
    ask_model(self, entry->index, made.time, command, fsp_buf_slice(&result));
    made.written_count = fsp_batch_count(batch);
    made.written = fsp_alloc_array(made.written_count, sizeof(*made.written));
    for (size_t i = 0; i < made.written_count; i++) {
        fsp_batch_row_t put = fsp_batch_row(batch, i);
        made.written[i] = written_of(&put);
    }
    made.state = before->state + sum_of_changes(self, batch);
    made.result = fsp_blob_copy(result.data, result.bytes);
    fsp_memview_apply(self->state, batch, FSP_FAMILY_STATE);
    fsp_overlay_settle(self->pending, entry->index);
    fsp_batch_destroy(&batch);
    if (command.bytes > 0)
        note_result(self, &made, before, command, fsp_buf_slice(&result));
    self->committed[self->count++] = made;
}

bool
sim_oracle_outcome(const sim_oracle_t *self, fsp_op_id_t op_id, fsp_result_t *ret)
{
    for (size_t i = 1; i < self->count; i++) {
        const committed_t *at = &self->committed[i];
        if (fsp_blob_bytes(at->result) == 0 || !fsp_op_id_eq(at->op_id, op_id))
            continue;
        fsp_status_t status = fsp_result_decode(fsp_blob_slice(at->result), ret);
        FSP_ASSERT(status == FSP_OK); /* it was, before */
        return true;
    }
    return false;
}

/* -- comparing --------------------------------------------------------------------------------- */

/* Sum of the rows that entries behind `applied` up to `upto` leave: of each key the last one. */
static uint64_t
left_by(const sim_oracle_t *self, uint64_t applied, uint64_t upto)
{
    size_t count = 0;
    for (uint64_t index = applied + 1; index <= upto; index++)
        count += self->committed[index].written_count;
    size_t slots = 16;
    while (slots < 2 * count)
        slots *= 2;
    uint64_t *seen = fsp_alloc_array(slots, sizeof(*seen)); /* keys, by open addressing */
    uint64_t sum = 0;
    for (uint64_t index = upto; index > applied; index--) {
        for (size_t i = 0; i < self->committed[index].written_count; i++) {
            written_t written = self->committed[index].written[i];
            size_t slot = written.key & (slots - 1);
            while (seen[slot] != 0 && seen[slot] != written.key)
                slot = (slot + 1) & (slots - 1);
            if (seen[slot] == 0)
                sum += written.row;
            seen[slot] = written.key;
        }
    }
    fsp_free(seen);
    return sum;
}

void
sim_oracle_rows(sim_oracle_t *self, const fsp_batch_t *batch, uint32_t generation,
                uint64_t *applied)
{
    uint64_t index = 0, sum = 0;
    for (size_t i = 0; i < fsp_batch_count(batch); i++) {
        fsp_batch_row_t row = fsp_batch_row(batch, i);
        if (row.family != FSP_FAMILY_STATE || row.op == FSP_ROW_DELETE_RANGE ||
            fsp_load_u32(row.key.data + 4) != generation)
            continue; /* a snapshot that comes, or a state that goes */
        if (row.key.data[PREFIX_BYTES] == FSP_TABLE_SHARD) {
            fsp_shard_row_t shard;
            if (index != 0 || row.op != FSP_ROW_PUT || fsp_shard_row_decode(row.value, &shard))
                sim_fail(self->trace, "R4: a shard row does not decode, or there are two");
            index = shard.applied_index;
        }
        sum += written_of(&row).row;
    }
    if (index == 0 && sum == 0)
        return;
    if (index <= *applied)
        sim_fail(self->trace, "R4: rows of entry %" PRIu64 " are written behind those of %" PRIu64,
                 index, *applied);
    if (index >= self->count)
        sim_fail(self->trace, "R4: entry %" PRIu64 " is applied, committed is %zu", index,
                 self->count - 1);
    if (sum != left_by(self, *applied, index))
        sim_fail(self->trace,
                 "R4: the rows of entries %" PRIu64 " to %" PRIu64 " are not the reference's",
                 *applied + 1, index);
    *applied = index;
}

void
sim_oracle_reply(sim_oracle_t *self, uint64_t index, fsp_slice_t result)
{
    if (index == 0 || index >= self->count)
        sim_fail(self->trace, "R6: a reply to entry %" PRIu64 ", which is not committed", index);
    if (!fsp_slice_eq(result, fsp_blob_slice(self->committed[index].result)))
        sim_fail(self->trace, "P5: result of entry %" PRIu64 " is not the reference's", index);
}

void
sim_oracle_answer(sim_oracle_t *self, uint64_t applied, fsp_view_t *view, fsp_shard_ref_t shard,
                  fsp_slice_t query, fsp_slice_t answer)
{
    fsp_query_t decoded;
    fsp_status_t status = fsp_query_decode(query, &decoded);
    FSP_ASSERT(status == FSP_OK); /* our own */
    FSP_AUTO(fsp_buf_clear) fsp_buf_t expected;
    fsp_buf_init(&expected, FSP_ANSWER_BYTES_MAX);
    /* The reference has gone on, unless this is the newest state: then the replica's own state,
       whose rows were compared when they were written, says what the answer had to be. */
    bool newest = applied + 1 == self->count;
    status = fsp_meta_query(newest ? self->shard : shard,
                            newest ? fsp_memview_view(self->state) : view, &decoded, &expected);
    if (status)
        return; /* a read that was made to fail */
    if (!fsp_slice_eq(answer, fsp_buf_slice(&expected)))
        sim_fail(self->trace, "P5: answer at index %" PRIu64 " is not the reference's", applied);
    char why[256] = "";
    if (newest && self->model &&
        !model_check_answer(self->model, &decoded, answer, why, sizeof(why)))
        sim_fail(self->trace, "P5: answer at index %" PRIu64 " is not the model's: %s", applied,
                 why);
}

/* First key of a generation's rows. */
typedef struct {
    uint8_t bytes[PREFIX_BYTES];
} prefix_t;

static prefix_t
prefix_of(uint32_t shard, uint32_t generation)
{
    prefix_t prefix;
    fsp_store_u32(prefix.bytes, shard);
    fsp_store_u32(prefix.bytes + 4, generation);
    return prefix;
}

static void
judge_sum(const sim_oracle_t *self, uint64_t applied, uint64_t sum)
{
    if (applied >= self->count)
        sim_fail(self->trace, "R4: state at index %" PRIu64 ", committed is %zu", applied,
                 self->count - 1);
    if (sum != self->committed[applied].state)
        sim_fail(self->trace, "P18: state at index %" PRIu64 " is not the reference's", applied);
}

void
sim_oracle_compare(sim_oracle_t *self, uint64_t applied, fsp_view_t *view, fsp_shard_ref_t shard)
{
    prefix_t from = prefix_of(shard.shard, shard.generation);
    prefix_t to = prefix_of(shard.shard, shard.generation + 1);
    uint64_t sum = 0;
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(view, FSP_SLICE_OF(from), FSP_SLICE_OF(to));
    for (; cursor->valid; fsp_cursor_next(cursor))
        sum += hash_row(cursor->key, cursor->value);
    if (cursor->status == FSP_OK) /* else a read that was made to fail */
        judge_sum(self, applied, sum);
}

void
sim_oracle_compare_rows(sim_oracle_t *self, uint64_t applied, fsp_memview_t *rows,
                        fsp_shard_ref_t shard)
{
    prefix_t from = prefix_of(shard.shard, shard.generation);
    uint64_t sum = 0;
    const fsp_omap_row_t *row = fsp_omap_seek(fsp_memview_map(rows), FSP_SLICE_OF(from));
    for (; row && memcmp(row->key.data, from.bytes, PREFIX_BYTES) == 0; row = fsp_omap_next(row))
        sum += hash_row(row->key, row->value);
    judge_sum(self, applied, sum);
}
