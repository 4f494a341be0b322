/* SPDX-License-Identifier: MIT */
/* model - order of judgement, exactly once, spaces, the chain of changes.  Layer tests.
 *
 * docs/protocol/commands.md, section 6, step by step; the commands themselves: model_files.c.
 */
#include <stdio.h>

#include "tests/sim/model_parts.h"

/* How far exactly-once reaches back, as the document says it; less in the simulator's build
   (core/meta/ops.h). */
#ifdef FSP_OPS_SOON_GONE
enum { OPS_KEPT = 12, OPS_TRIMMED = 4 };
static const fsp_time_t ops_kept_us = 1000000;
#else
enum { OPS_KEPT = 100000, OPS_TRIMMED = 4 };
static const fsp_time_t ops_kept_us = 86400ull * 1000000;
#endif

/* A row of the operation table; the encoded result stands behind it. */
typedef struct {
    uint64_t index;
    fsp_hash_t digest;
} model_kept_t;

void *
model_alloc(model_t *self, size_t bytes)
{
    model_block_t *block = fsp_alloc(sizeof(*block) + bytes);
    block->next = self->blocks;
    self->blocks = block;
    return block + 1;
}

fsp_slice_t
model_copy(model_t *self, fsp_slice_t bytes)
{
    if (bytes.bytes == 0)
        return fsp_slice(NULL, 0);
    void *copy = model_alloc(self, bytes.bytes);
    memcpy(copy, bytes.data, bytes.bytes);
    return fsp_slice(copy, bytes.bytes);
}

model_t *
model_new(void)
{
    model_t *self = FSP_NEW(model_t);
    self->feature_level = 1;
    return self;
}

void
model_destroy(model_t **self_p)
{
    model_t *self = *self_p;
    if (!self)
        return;
    for (model_space_t *space = self->spaces; space; space = space->next) {
        for (uint64_t i = 0; i <= space->info.change_index; i++)
            fsp_free(space->changes[i].tree.nodes);
        fsp_free(space->changes);
        fsp_free(space->tree.nodes);
        fsp_omap_destroy(&space->answers);
        fsp_omap_destroy(&space->order);
        fsp_omap_destroy(&space->past_entries);
        fsp_omap_destroy(&space->past_heads);
    }
    while (self->blocks) {
        model_block_t *next = self->blocks->next;
        fsp_free(self->blocks);
        self->blocks = next;
    }
    fsp_free(self);
    *self_p = NULL;
}

model_space_t *
model_space(const model_t *self, fsp_space_id_t id)
{
    for (model_space_t *space = self->spaces; space; space = space->next)
        if (fsp_space_id_eq(space->info.space_id, id))
            return space;
    return NULL;
}

/* -- exactly once ------------------------------------------------------------------------------ */

enum { OP_KEY_BYTES = 16 + 16, ORDER_KEY_BYTES = 8 + OP_KEY_BYTES };

static fsp_slice_t
s_op_key(const fsp_command_t *command, uint8_t memory[OP_KEY_BYTES])
{
    memcpy(memory, command->subject.bytes, 16);
    memcpy(memory + 16, command->op_id.bytes, 16);
    return fsp_slice(memory, OP_KEY_BYTES);
}

/* Steps 3 and 4: true if *ret is already the answer. */
static bool
s_answered_before(model_t *self, const model_space_t *space, const fsp_command_t *command,
                  fsp_result_t *ret)
{
    uint8_t memory[OP_KEY_BYTES];
    const fsp_omap_row_t *row = fsp_omap_get(space->answers, s_op_key(command, memory));
    if (row) {
        model_kept_t kept;
        memcpy(&kept, row->value.data, sizeof(kept));
        if (!fsp_hash_eq(kept.digest, command->request_digest)) {
            ret->status = FSP_OP_REUSED;
            return true;
        }
        fsp_slice_t stored =
            fsp_slice(row->value.data + sizeof(kept), row->value.bytes - sizeof(kept));
        fsp_status_t status = fsp_result_decode(stored, ret);
        FSP_ASSERT(status == FSP_OK);
        ret->path = model_copy(self, ret->path);
        ret->items = model_copy(self, ret->items);
        ret->repeated = true;
        return true;
    }
    if (command->since >= space->horizon)
        return false;
    ret->status = command->attempt == 1 ? FSP_EXPIRED : FSP_OUTCOME_UNKNOWN;
    return true;
}

static void
s_keep(model_space_t *space, const fsp_command_t *command, fsp_time_t time,
       const fsp_result_t *result)
{
    uint8_t key[ORDER_KEY_BYTES], at[8];
    fsp_store_u64(key, space->info.change_index);
    (void)s_op_key(command, key + 8);
    fsp_store_u64(at, time);
    fsp_omap_put(space->order, fsp_slice(key, sizeof(key)), fsp_slice(at, sizeof(at)), 0);
    model_kept_t kept = {.index = space->info.change_index, .digest = command->request_digest};
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_buf_append(&value, &kept, sizeof(kept));
    fsp_result_encode(result, &value);
    fsp_omap_put(space->answers, fsp_slice(key + 8, OP_KEY_BYTES), fsp_buf_slice(&value), 0);
    fsp_buf_clear(&value);
}

static void
s_trim(model_space_t *space, fsp_time_t now)
{
    for (int i = 0; i < OPS_TRIMMED && fsp_omap_count(space->order) > OPS_KEPT; i++) {
        const fsp_omap_row_t *oldest = fsp_omap_first(space->order);
        uint8_t key[ORDER_KEY_BYTES];
        memcpy(key, oldest->key.data, sizeof(key));
        uint64_t index = fsp_load_u64(key);
        fsp_time_t at = fsp_load_u64(oldest->value.data);
        if (now - at <= ops_kept_us || index >= space->info.change_index)
            return;
        space->horizon = index + 1;
        fsp_omap_remove(space->answers, fsp_slice(key + 8, OP_KEY_BYTES));
        fsp_omap_remove(space->order, fsp_slice(key, sizeof(key)));
    }
}

/* -- changes ----------------------------------------------------------------------------------- */

void
model_write_optional(fsp_buf_t *buf, fsp_slice_t id)
{
    bool zero = true;
    for (size_t i = 0; i < id.bytes; i++)
        zero &= id.data[i] == 0;
    if (zero)
        fsp_canon_nil(buf);
    else
        fsp_canon_bin(buf, id);
}

/* The row of records.md, section 7. */
static fsp_slice_t
s_change_row(model_step_t *self, uint64_t index, fsp_hash_t previous)
{
    const fsp_change_info_t *change = &self->change;
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_VALUE_BYTES_MAX);
    bool more =
        self->item_count || self->dropped.bytes || (self->command->type == FSP_COMMAND_REKEY);
    fsp_canon_array(&row, more ? 14 : 13);
    fsp_canon_uint(&row, index);
    fsp_canon_uint(&row, self->command->type);
    fsp_canon_uint(&row, self->time);
    fsp_canon_id(&row, self->command->subject);
    fsp_canon_id(&row, self->command->op_id);
    fsp_canon_uint(&row, change->kind);
    fsp_canon_id(&row, change->file_id);
    fsp_canon_text(&row, change->path);
    fsp_canon_text(&row, change->from_path);
    model_write_optional(&row, FSP_SLICE_OF(change->version_id));
    model_write_optional(&row, FSP_SLICE_OF(change->displaced_id));
    fsp_canon_array(&row, change->made_count);
    for (size_t i = 0; i < change->made_count; i++)
        fsp_canon_id(&row, change->made_ids[i]);
    fsp_canon_id(&row, previous);
    if (self->item_count) {
        fsp_canon_array(&row, self->item_count);
        fsp_buf_append_slice(&row, fsp_buf_slice(&self->items));
    } else if (self->dropped.bytes) {
        fsp_canon_bin(&row, fsp_buf_slice(&self->dropped));
    } else if (more) {
        fsp_canon_array(&row, 3);
        fsp_canon_id(&row, change->old_carrier);
        fsp_canon_id(&row, change->new_carrier);
        fsp_canon_uint(&row, change->earlier);
    }
    FSP_ASSERT(fsp_buf_ok(&row));
    fsp_slice_t copy = model_copy(self->model, fsp_buf_slice(&row));
    fsp_buf_clear(&row);
    return copy;
}

/* Makes the step's copies the present, under the next change number. */
static void
s_commit(model_step_t *self)
{
    model_space_t *space = self->space;
    model_keep_past(self);
    uint64_t index = ++space->info.change_index;
    if (index >= space->change_capacity) {
        space->change_capacity = 2 * space->change_capacity + 16;
        space->changes =
            fsp_realloc(space->changes, space->change_capacity * sizeof(space->changes[0]));
    }
    model_change_t *change = &space->changes[index];
    change->row = s_change_row(self, index, space->changes[index - 1].hash);
    change->hash = fsp_sha256(change->row);
    change->time = self->time;
    change->file_id = self->change.file_id;
    change->displaced_id = self->change.displaced_id;
    change->path = model_copy(self->model, self->change.path);
    if (model_is_new_level(self) && space->at_horizon == 0)
        space->at_horizon = index > 2 ? index - 1 : 1;
    fsp_free(space->tree.nodes);
    space->tree = self->tree;
    self->tree = (model_tree_t){0};
    model_tree_copy(&change->tree, &space->tree);
    space->info.used_bytes = self->used;
    self->result->index = index;
}

/* -- spaces ------------------------------------------------------------------------------------ */

static const model_node_t *
s_fixed_node(model_t *self, fsp_file_id_t id, fsp_time_t time)
{
    model_node_t *node = model_alloc(self, sizeof(*node));
    node->id = id;
    node->kind = FSP_KIND_DIRECTORY;
    node->time = node->made_time = time;
    return node;
}

static model_space_t *
s_space_new(model_t *self, const fsp_command_t *command)
{
    model_space_t *space = model_alloc(self, sizeof(*space));
    space->info = (fsp_space_info_t){
        .space_id = command->space_id,
        .name = model_copy(self, command->space_init.name),
        .owner = command->space_init.owner,
        .quota_bytes = command->space_init.quota_bytes,
        .root_id = command->space_init.root_id,
        .trash_id = command->space_init.trash_id,
        .chunk_bytes_min = command->space_init.chunk_bytes_min,
        .chunk_bytes_avg = command->space_init.chunk_bytes_avg,
        .chunk_bytes_max = command->space_init.chunk_bytes_max,
        .key_count = command->space_init.key_count,
        .wrapped_cut_key = model_copy(self, command->space_init.wrapped_cut_key),
    };
    for (size_t i = 0; i < space->info.key_count; i++)
        space->info.keys[i] =
            (fsp_wrapped_key_t){.generation = command->space_init.keys[i].generation,
                                .wrapped = model_copy(self, command->space_init.keys[i].wrapped)};
    space->change_capacity = 16;
    space->changes = fsp_alloc_array(space->change_capacity, sizeof(space->changes[0]));
    space->answers = fsp_omap_new();
    space->order = fsp_omap_new();
    space->past_entries = fsp_omap_new();
    space->past_heads = fsp_omap_new();
    space->first_change = 1;
    model_space_t **place = &self->spaces;
    while (*place && fsp_space_id_cmp((*place)->info.space_id, command->space_id) < 0)
        place = &(*place)->next;
    space->next = *place;
    *place = space;
    return space;
}

/* SPACE_INIT where no space of this id is: who makes a space owns it. */
static void
s_space_init(model_step_t *self)
{
    if (!fsp_link_id_is_zero(self->command->asker.link_id))
        self->result->status = FSP_NO_SUCH_LINK;
    else if (!fsp_subject_id_eq(self->command->subject, self->command->space_init.owner) ||
             (self->command->asker.withheld & FSP_RIGHT_ADMIN))
        self->result->status = FSP_FORBIDDEN;
    for (model_space_t *space = self->model->spaces; space; space = space->next)
        if (!self->result->status && fsp_slice_eq(space->info.name, self->command->space_init.name))
            self->result->status = FSP_EXISTS;
    if (self->result->status)
        return;
    self->result->time = self->time;
    self->space = s_space_new(self->model, self->command);
    fsp_file_id_t root_id = self->space->info.root_id;
    model_tree_put(&self->tree, s_fixed_node(self->model, root_id, self->time));
    model_tree_put(&self->tree, s_fixed_node(self->model, self->space->info.trash_id, self->time));
    self->change.kind = FSP_KIND_DIRECTORY;
    self->change.file_id = root_id;
    self->change.path = fsp_slice_text("/");
    self->result->kind = self->change.kind;
    self->result->file_id = root_id;
    s_commit(self);
    s_keep(self->space, self->command, self->time, self->result);
}

/* -- judgement --------------------------------------------------------------------------------- */

/* Step 5. */
static fsp_status_t
s_fence(const model_t *self, const model_space_t *space, const fsp_command_t *command)
{
    if (fsp_command_level(command->type, command->version) > self->feature_level ||
        (!fsp_asker_is_empty(&command->asker) && self->feature_level < 2))
        return FSP_LEVEL;
    if (command->system_index < self->subject_floor)
        return FSP_STALE;
    if (!space || !fsp_command_publishes(command))
        return FSP_OK;
    if (space->info.epoch > command->epoch && space->info.epoch - command->epoch > 1)
        return FSP_EPOCH;
    return command->layout_version < space->gc_layout_version ? FSP_LAYOUT : FSP_OK;
}

fsp_status_t
model_perform(model_step_t *self)
{
    fsp_status_t status = model_judge_rights(self);
    if (status)
        return status;
    switch (fsp_command_family(self->command->type)) {
    case FSP_FAMILY_FIRST:
        return self->command->type == FSP_COMMAND_SPACE_INIT ? FSP_EXISTS : model_apply_file(self);
    case FSP_FAMILY_HISTORY:
        return model_apply_history(self);
    case FSP_FAMILY_NODE:
        return model_apply_node(self);
    default:
        return model_apply_access(self);
    }
}

/* Steps 6 and 7, and what is kept of them. */
static void
s_perform(model_step_t *self, bool kept)
{
    model_space_t *space = self->space;
    fsp_command_type_t type = self->command->type;
    model_tree_copy(&self->tree, &space->tree);
    self->used = space->info.used_bytes;
    fsp_buf_init(&self->dropped, FSP_VALUE_BYTES_MAX);
    fsp_buf_init(&self->items, FSP_VALUE_BYTES_MAX);
    fsp_buf_init(&self->result_items, FSP_VALUE_BYTES_MAX);
    if (space->closing && type != FSP_COMMAND_SPACE_STATE && kept)
        self->result->status = FSP_SPACE_CLOSING;
    else
        self->result->status = model_perform(self);
    for (size_t i = 0; self->result->status && i < self->ended_count; i++)
        self->ended[i]->gone = false;
    if (self->result->status == FSP_OK && !self->unchanged)
        s_commit(self);
    fsp_buf_clear(&self->dropped);
    fsp_buf_clear(&self->items);
    fsp_buf_clear(&self->result_items);
    if (!kept || self->result->status == FSP_BASE_GONE)
        return;
    s_keep(space, self->command, self->time, self->result);
    if (!self->model->jump_time)
        s_trim(space, self->time);
}

static void
s_judge(model_step_t *self)
{
    const fsp_command_t *command = self->command;
    /* Judged anew each time. */
    bool kept = command->type != FSP_COMMAND_GC_OPEN && command->type != FSP_COMMAND_GC_CLOSE;
    self->space = model_space(self->model, command->space_id);
    if (!self->space && command->type != FSP_COMMAND_SPACE_INIT) {
        self->result->status = FSP_NO_SUCH_SPACE;
        return;
    }
    if (self->space) {
        self->result->index = self->space->info.change_index;
        if (kept && s_answered_before(self->model, self->space, command, self->result))
            return;
    }
    self->result->time = self->space ? self->time : 0;
    self->result->status = s_fence(self->model, self->space, command);
    if (self->result->status)
        return;
    if (self->space)
        s_perform(self, kept);
    else
        s_space_init(self);
}

/* Shard-wide commands: nothing is kept, no space is read. */
static void
s_judge_shard_wide(model_t *self, const fsp_command_t *command, fsp_result_t *ret)
{
    if (fsp_command_level(command->type, command->version) > self->feature_level ||
        (!fsp_asker_is_empty(&command->asker) && self->feature_level < 2))
        ret->status = FSP_LEVEL;
    else
        ret->status = model_apply_shard_wide(self, command, ret);
    ret->time = self->log_time;
}

void
model_apply(model_t *self, uint64_t index, fsp_time_t time, fsp_slice_t bytes, fsp_result_t *ret)
{
    FSP_PRE(index > self->applied_index);
    model_pass_time(self, self->applied_index == 0, time);
    self->applied_index = index;
    memset(ret, 0, sizeof(*ret));
    if (bytes.bytes == 0)
        return;
    fsp_command_t *command = FSP_NEW(fsp_command_t);
    ret->status = fsp_command_decode(bytes, command);
    if (ret->status == FSP_OK && fsp_command_is_shard_wide(command->type)) {
        s_judge_shard_wide(self, command, ret);
    } else if (ret->status == FSP_OK) {
        model_step_t *step = FSP_NEW(model_step_t);
        *step = (model_step_t){.model = self, .command = command, .time = time, .result = ret};
        s_judge(step);
        fsp_free(step->tree.nodes);
        fsp_free(step);
    }
    fsp_free(command);
}

/* -- results ----------------------------------------------------------------------------------- */

bool
model_check_result(const fsp_result_t *expected, fsp_slice_t result, char *why, size_t size)
{
    fsp_result_t got;
    fsp_status_t status = fsp_result_decode(result, &got);
    if (status) {
        (void)snprintf(why, size, "result is not readable: %s", fsp_status_name(status));
        return false;
    }
    const char *field = expected->status != got.status                    ? "status"
                        : expected->index != got.index                    ? "change"
                        : expected->kind != got.kind                      ? "kind"
                        : expected->number != got.number                  ? "number"
                        : expected->size != got.size                      ? "size"
                        : expected->time != got.time                      ? "time"
                        : expected->head_count != got.head_count          ? "count of heads"
                        : expected->repeated != got.repeated              ? "repeated"
                        : expected->more != got.more                      ? "more"
                        : expected->offset != got.offset                  ? "offset"
                        : expected->failed != got.failed                  ? "failed"
                        : !fsp_slice_eq(expected->path, got.path)         ? "path"
                        : !fsp_slice_eq(expected->items, got.items)       ? "items"
                        : !fsp_file_id_eq(expected->file_id, got.file_id) ? "file"
                        : !fsp_version_id_eq(expected->version_id, got.version_id)   ? "version"
                        : memcmp(expected->heads, got.heads, sizeof(got.heads)) != 0 ? "heads"
                                                                                     : NULL;
    if (!field)
        return true;
    const fsp_result_t *sides[] = {expected, &got};
    size_t used = (size_t)snprintf(why, size, "result differs in its %s", field);
    for (size_t i = 0; i < 2 && used < size; i++)
        used += (size_t)snprintf(
            why + used, size - used,
            "; %s: %s change %llu kind %d number %llu size %llu time %llu heads %zu repeated %d",
            i ? "machine" : "model", fsp_status_name(sides[i]->status),
            (unsigned long long)sides[i]->index, (int)sides[i]->kind,
            (unsigned long long)sides[i]->number, (unsigned long long)sides[i]->size,
            (unsigned long long)sides[i]->time, sides[i]->head_count, sides[i]->repeated);
    return false;
}
