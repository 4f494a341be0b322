/* SPDX-License-Identifier: MIT */
/* sim_oracle - what must be true, kept apart from what is.  Layer tests. */
#include "tests/sim/sim_oracle.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/base/overlay.h"
#include "core/meta/query.h"

#include <inttypes.h>

enum { COMPARED_AT_START = 64 };

/* One entry of the log, as its row. */
typedef struct {
    fsp_blob_t *value;  /* NULL: not seen */
    fsp_blob_t *result; /* of the reference, once committed */
} ghost_t;

struct sim_oracle {
    const sim_trace_t *trace;
    fsp_shard_ref_t shard;
    fsp_log_name_t name;
    ghost_t *ghosts; /* ghosts[i] is entry i; 0 is unused */
    size_t ghost_count, ghost_capacity;
    uint64_t led_term;  /* of the last no-op */
    uint64_t committed; /* applied by some replica at some time; the reference is there */
    fsp_memview_t *state;
    fsp_overlay_t *pending; /* empty between entries */
    fsp_overlay_t *txn;
};

sim_oracle_t *
sim_oracle_new(const sim_trace_t *trace, fsp_shard_ref_t shard, fsp_log_name_t name)
{
    sim_oracle_t *self = FSP_NEW(sim_oracle_t);
    self->trace = trace;
    self->shard = shard;
    self->name = name;
    self->ghost_count = 1;
    self->ghost_capacity = 256;
    self->ghosts = fsp_alloc_array(self->ghost_capacity, sizeof(*self->ghosts));
    self->state = fsp_memview_new();
    self->pending = fsp_overlay_new(fsp_memview_view(self->state));
    self->txn = fsp_overlay_new(fsp_overlay_view(self->pending));
    return self;
}

static void
forget_from(sim_oracle_t *self, uint64_t index)
{
    while (self->ghost_count > index) {
        ghost_t *ghost = &self->ghosts[--self->ghost_count];
        fsp_blob_destroy(&ghost->value);
        fsp_blob_destroy(&ghost->result);
    }
}

void
sim_oracle_destroy(sim_oracle_t **self_p)
{
    sim_oracle_t *self = *self_p;
    if (!self)
        return;
    forget_from(self, 0);
    fsp_free(self->ghosts);
    fsp_overlay_destroy(&self->txn);
    fsp_overlay_destroy(&self->pending);
    fsp_memview_destroy(&self->state);
    fsp_free(self);
    *self_p = NULL;
}

uint64_t
sim_oracle_committed(const sim_oracle_t *self)
{
    return self->committed;
}

fsp_view_t *
sim_oracle_state(sim_oracle_t *self)
{
    return fsp_memview_view(self->state);
}

/* -- the log ----------------------------------------------------------------------------------- */

uint64_t
sim_oracle_write(sim_oracle_t *self, const fsp_batch_t *batch, bool prepared)
{
    uint64_t command = 0;
    for (size_t i = 0; i < fsp_batch_count(batch); i++) {
        fsp_batch_row_t row = fsp_batch_row(batch, i);
        if (row.family != FSP_FAMILY_LOG || row.op != FSP_ROW_PUT ||
            row.key.bytes != FSP_LOG_KEY_BYTES_MAX)
            continue;
        uint64_t index = fsp_load_u64(row.key.data + FSP_LOG_PREFIX_BYTES + 1);
        if (index <= self->committed)
            sim_fail(self->trace, "O1: committed entry %" PRIu64 " is written again", index);
        if (index > self->ghost_count)
            sim_fail(self->trace, "O1: entry %" PRIu64 " is written behind %zu", index,
                     self->ghost_count - 1);
        fsp_log_entry_t entry;
        if (fsp_log_entry_decode(row.value, &entry))
            sim_fail(self->trace, "entry %" PRIu64 " does not decode", index);
        if (entry.kind == FSP_ENTRY_NOOP && !prepared) {
            if (entry.term <= self->led_term)
                sim_fail(self->trace, "O8: term %" PRIu64 " is led twice", entry.term);
            self->led_term = entry.term;
        }
        forget_from(self, index);
        if (self->ghost_count == self->ghost_capacity) {
            self->ghost_capacity *= 2;
            self->ghosts = fsp_realloc(self->ghosts, self->ghost_capacity * sizeof(*self->ghosts));
        }
        self->ghosts[self->ghost_count++] =
            (ghost_t){.value = fsp_blob_copy(row.value.data, row.value.bytes)};
        if (entry.kind == FSP_ENTRY_COMMAND)
            command = index;
    }
    return command;
}

/* True if the view has entry index exactly as it was written. */
static bool
has_entry(const sim_oracle_t *self, fsp_view_t *log, uint64_t index)
{
    FSP_AUTO(fsp_buf_clear) fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_log_key_t key = fsp_log_entry_key(&self->name, index);
    return fsp_view_get(log, fsp_log_key_slice(&key), &value) == FSP_OK &&
           fsp_slice_eq(fsp_buf_slice(&value), fsp_blob_slice(self->ghosts[index].value));
}

void
sim_oracle_started(sim_oracle_t *self, uint64_t last, uint64_t applied, fsp_view_t *log)
{
    if (last < self->committed)
        sim_fail(self->trace, "O1: log ends at %" PRIu64 ", %" PRIu64 " was committed", last,
                 self->committed);
    if (last >= self->ghost_count)
        sim_fail(self->trace, "O1: log has entry %" PRIu64 ", which nobody wrote", last);
    for (uint64_t i = last; i > applied && i + COMPARED_AT_START > last; i--)
        if (!has_entry(self, log, i))
            sim_fail(self->trace, "O1: entry %" PRIu64 " is not what was written", i);
    forget_from(self, last + 1);
}

/* -- the state --------------------------------------------------------------------------------- */

/* Applies entry index to the reference. */
static void
apply(sim_oracle_t *self, uint64_t index)
{
    ghost_t *ghost = &self->ghosts[index];
    fsp_log_entry_t entry;
    fsp_status_t status = fsp_log_entry_decode(fsp_blob_slice(ghost->value), &entry);
    FSP_ASSERT(status == FSP_OK); /* looked at when it was written */
    fsp_time_t time = 0;
    fsp_slice_t command = {0};
    if (entry.kind == FSP_ENTRY_COMMAND) {
        time = fsp_load_u64(entry.bytes.data);
        command = fsp_slice(entry.bytes.data + FSP_LOG_TIME_BYTES,
                            entry.bytes.bytes - FSP_LOG_TIME_BYTES);
    }
    FSP_AUTO(fsp_buf_clear) fsp_buf_t result;
    fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
    status = fsp_meta_apply(self->shard, self->txn, index, entry.term, time, command, &result);
    if (status)
        sim_fail(self->trace, "the reference cannot apply entry %" PRIu64, index);
    fsp_batch_t *batch = fsp_batch_new();
    fsp_overlay_commit(self->txn, self->pending, index, batch, FSP_FAMILY_STATE);
    fsp_memview_apply(self->state, batch, FSP_FAMILY_STATE);
    fsp_overlay_settle(self->pending, index);
    fsp_batch_destroy(&batch);
    ghost->result = fsp_blob_copy(result.data, result.bytes);
}

void
sim_oracle_applied(sim_oracle_t *self, uint64_t index, fsp_view_t *durable_log)
{
    for (uint64_t i = self->committed + 1; i <= index; i++) {
        if (i >= self->ghost_count)
            sim_fail(self->trace, "O1: entry %" PRIu64 " was applied, nobody wrote it", i);
        if (durable_log && !has_entry(self, durable_log, i))
            sim_fail(self->trace, "O7: entry %" PRIu64 " was applied and is not durable", i);
        apply(self, i);
        self->committed = i;
    }
}

void
sim_oracle_reply(sim_oracle_t *self, uint64_t index, fsp_slice_t result, fsp_view_t *durable_log)
{
    if (index == 0 || index >= self->ghost_count)
        sim_fail(self->trace, "O3: a reply to a command that was never written");
    if (!has_entry(self, durable_log, index))
        sim_fail(self->trace, "O3: reply to entry %" PRIu64 ", which is not durable", index);
    if (index > self->committed)
        sim_fail(self->trace, "O3: reply to entry %" PRIu64 " before it was applied", index);
    if (!fsp_slice_eq(result, fsp_blob_slice(self->ghosts[index].result)))
        sim_fail(self->trace, "O4: result of entry %" PRIu64 " is not the reference's", index);
}

void
sim_oracle_answer(sim_oracle_t *self, uint64_t applied, fsp_slice_t query, fsp_slice_t answer)
{
    if (applied != self->committed)
        sim_fail(self->trace, "O5: answer from index %" PRIu64 ", committed is %" PRIu64, applied,
                 self->committed);
    fsp_query_t decoded;
    fsp_status_t status = fsp_query_decode(query, &decoded);
    FSP_ASSERT(status == FSP_OK); /* our own */
    FSP_AUTO(fsp_buf_clear) fsp_buf_t expected;
    fsp_buf_init(&expected, FSP_ANSWER_BYTES_MAX);
    status = fsp_meta_query(self->shard, sim_oracle_state(self), &decoded, &expected);
    FSP_ASSERT(status == FSP_OK);
    if (!fsp_slice_eq(answer, fsp_buf_slice(&expected)))
        sim_fail(self->trace, "O5: answer at index %" PRIu64 " is not the reference's", applied);
}

bool
sim_oracle_compare(sim_oracle_t *self, uint64_t applied, fsp_view_t *state)
{
    if (applied != self->committed)
        return false;
    const fsp_omap_row_t *row = fsp_omap_first(fsp_memview_map(self->state));
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(state, (fsp_slice_t){0}, (fsp_slice_t){0});
    for (; cursor->valid && row; fsp_cursor_next(cursor), row = fsp_omap_next(row))
        if (!fsp_slice_eq(cursor->key, row->key) || !fsp_slice_eq(cursor->value, row->value))
            break;
    if (cursor->valid || row)
        sim_fail(self->trace, "O6: state at index %" PRIu64 " differs from the reference's",
                 applied);
    return true;
}
