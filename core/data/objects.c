/* SPDX-License-Identifier: MIT */
/* objects - the rules of a node that stores: requests and writes.  Layer core/data.  Pure.
 *
 * Writes are numbered and become durable in that order, so an answer that depends on several of
 * them waits for the last.  Two tables say what is not in the database yet: `pending` what the rows
 * will be (a view, so that every condition is judged on it), `waiting` which write each of those
 * rows waits for.  A row that was found in `waiting` promises nothing before its write is WRITTEN,
 * even if nothing in it has to change.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/mutant.h"
#include "core/crypto/digest.h"
#include "core/data/objects_parts.h"

enum { WRITES_MIN = 16 };

/* -- effects ----------------------------------------------------------------------------------- */

void
fsp_objects_add_effect(fsp_objects_effects_t *effects, const fsp_objects_effect_t *effect)
{
    if (effects->count == effects->capacity) {
        effects->capacity = effects->capacity ? 2 * effects->capacity : 8;
        effects->items = fsp_realloc(effects->items, effects->capacity * sizeof(*effects->items));
    }
    effects->items[effects->count++] = *effect;
}

void
fsp_objects_clear_effect(fsp_objects_effect_t *effect)
{
    fsp_batch_destroy(&effect->batch);
    fsp_free(effect->yes);
    effect->yes = NULL;
    fsp_buf_clear(&effect->bytes_key);
    fsp_blob_destroy(&effect->pending);
}

void
fsp_objects_effects_reset(fsp_objects_effects_t *self)
{
    FSP_PRE(self != NULL);
    for (size_t i = 0; i < self->count; i++)
        fsp_objects_clear_effect(&self->items[i]);
    self->count = 0;
}

void
fsp_objects_effects_clear(fsp_objects_effects_t *self)
{
    fsp_objects_effects_reset(self);
    fsp_free(self->items);
    *self = (fsp_objects_effects_t){0};
}

/* -- rows -------------------------------------------------------------------------------------- */

fsp_status_t
fsp_objects_load_row(fsp_objects_t *self, fsp_slice_t row_key, fsp_object_row_t *ret)
{
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_OBJECTS_ROW_BYTES_MAX);
    fsp_status_t status = fsp_view_get(fsp_overlay_view(self->change), row_key, &value);
    if (status == FSP_OK)
        status = fsp_object_row_decode(fsp_buf_slice(&value), ret);
    fsp_buf_clear(&value);
    return status;
}

/* -- writes ------------------------------------------------------------------------------------ */

static fsp_objects_write_t **
write_slot(const fsp_objects_t *self, uint64_t token)
{
    FSP_PRE(token > self->written);
    FSP_PRE(token <= self->token);
    return &self->writes[token & (self->capacity - 1)];
}

static void
grow_writes(fsp_objects_t *self)
{
    size_t capacity = 2 * self->capacity;
    fsp_objects_write_t **writes = fsp_alloc_array(capacity, sizeof(*writes));
    for (uint64_t token = self->written + 1; token <= self->token; token++)
        writes[token & (capacity - 1)] = *write_slot(self, token);
    fsp_free(self->writes);
    self->writes = writes;
    self->capacity = capacity;
}

fsp_objects_write_t *
fsp_objects_new_write(fsp_objects_t *self)
{
    if (self->token - self->written == self->capacity)
        grow_writes(self);
    fsp_objects_write_t *write = FSP_NEW(fsp_objects_write_t);
    write->token = ++self->token;
    *write_slot(self, write->token) = write;
    return write;
}

static void
destroy_write(fsp_objects_t *self, fsp_objects_write_t *write)
{
    while (write->first) {
        fsp_objects_answer_t *answer = write->first;
        write->first = answer->next;
        fsp_objects_clear_effect(&answer->effect);
        fsp_free(answer);
    }
    if (write->object) {
        FSP_ASSERT(self->pending_bytes >= fsp_blob_bytes(write->object));
        self->pending_bytes -= fsp_blob_bytes(write->object);
    }
    fsp_blob_destroy(&write->object);
    fsp_free(write->keys);
    fsp_free(write);
}

uint64_t
fsp_objects_row_token(const fsp_objects_t *self, fsp_slice_t row_key)
{
    const fsp_omap_row_t *row = fsp_omap_get(self->waiting, row_key);
    return row ? row->tag : 0;
}

uint64_t
fsp_objects_bytes_token(const fsp_objects_t *self, fsp_slice_t row_key)
{
    const fsp_omap_row_t *row = fsp_omap_get(self->waiting, row_key);
    uint64_t token = row ? fsp_load_u64(row->value.data) : 0;
    return token > self->written ? token : 0;
}

/* A row, or its absence, waits for write; bytes_in: the write that holds its bytes. */
static void
note_row(fsp_objects_t *self, fsp_objects_write_t *write, fsp_slice_t row_key, uint64_t bytes_in)
{
    uint8_t token[8];
    fsp_store_u64(token, bytes_in);
    fsp_omap_put(self->waiting, row_key, fsp_slice(token, sizeof(token)), write->token);
    if (write->key_count == write->key_capacity) {
        write->key_capacity = write->key_capacity ? 2 * write->key_capacity : 1;
        write->keys = fsp_realloc(write->keys, write->key_capacity * FSP_OBJECTS_KEY_BYTES);
    }
    memcpy(write->keys + write->key_count++ * FSP_OBJECTS_KEY_BYTES, row_key.data,
           FSP_OBJECTS_KEY_BYTES);
}

void
fsp_objects_write_row(fsp_objects_t *self, fsp_objects_write_t *write, fsp_slice_t row_key,
                      const fsp_object_row_t *row, uint64_t bytes_in)
{
    FSP_PRE(row_key.bytes == FSP_OBJECTS_KEY_BYTES);
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_OBJECTS_ROW_BYTES_MAX);
    fsp_object_row_encode(row, &value);
    FSP_ASSERT(fsp_buf_ok(&value));
    fsp_overlay_put(self->change, row_key, fsp_buf_slice(&value));
    fsp_buf_clear(&value);

    note_row(self, write, row_key, bytes_in);
}

void
fsp_objects_delete_row(fsp_objects_t *self, fsp_objects_write_t *write, fsp_slice_t row_key)
{
    FSP_PRE(row_key.bytes == FSP_OBJECTS_KEY_BYTES);
    fsp_overlay_delete(self->change, row_key);
    note_row(self, write, row_key, 0);
}

void
fsp_objects_emit_write(fsp_objects_t *self, const fsp_objects_write_t *write, fsp_batch_t *batch,
                       fsp_objects_effects_t *effects)
{
    fsp_overlay_commit(self->change, self->pending, write->token, batch, FSP_FAMILY_OBJECT);
    fsp_objects_add_effect(
        effects,
        &(fsp_objects_effect_t){.type = FSP_OBJECTS_WRITE, .token = write->token, .batch = batch});
}

void
fsp_objects_answer_after(fsp_objects_t *self, uint64_t token, const fsp_objects_effect_t *effect,
                         fsp_objects_effects_t *effects)
{
    if (token <= self->written || FSP_MUTANT(stored_not_durable)) {
        fsp_objects_add_effect(effects, effect);
        return;
    }
    fsp_objects_write_t *write = *write_slot(self, token);
    fsp_objects_answer_t *answer = FSP_NEW(fsp_objects_answer_t);
    answer->effect = *effect;
    if (write->last)
        write->last->next = answer;
    else
        write->first = answer;
    write->last = answer;
}

/* PUT and HAVE: whoever sends them knows this layout and a space that is there. */
static fsp_status_t
judge_request(const fsp_objects_t *self, const fsp_objects_event_t *event)
{
    if (event->layout_version < self->layout_version)
        return FSP_LAYOUT;
    return fsp_objects_is_gone(self, event->space_id) ? FSP_NO_SUCH_SPACE : FSP_OK;
}

/* -- PUT --------------------------------------------------------------------------------------- */

/* Is the object what its name says?  Fills the row of a new object. */
static fsp_status_t
judge_object(const fsp_objects_event_t *event, fsp_object_row_t *ret)
{
    fsp_slice_t object = fsp_blob_slice(event->object);
    if (object.bytes > FSP_OBJECT_BYTES_MAX)
        return FSP_TOO_LARGE;
    if (object.bytes < FSP_OBJECT_HEADER_BYTES)
        return FSP_INVALID;
    fsp_object_row_t row = {.stamp = event->epoch};
    fsp_key_t key;
    if (event->verified && event->head) {
        memcpy(row.head, event->head, sizeof(row.head));
        memcpy(key.bytes, fsp_sha256(fsp_slice(row.head, sizeof(row.head))).bytes, sizeof(key));
        if (memcmp(row.head, object.data, FSP_OBJECT_HEADER_BYTES) != 0)
            return FSP_DAMAGED;
    } else {
        fsp_status_t status = fsp_object_name(object, &key, row.head);
        if (status != FSP_OK)
            return status;
    }
    if (!fsp_key_eq(key, event->keys[0]))
        return FSP_DAMAGED;
    fsp_object_header_t header;
    fsp_status_t status = fsp_object_header_decode(object, &header);
    if (status != FSP_OK)
        return status;
    if (fsp_object_bytes(&header) != object.bytes)
        return FSP_DAMAGED;
    row.kind = header.kind;
    row.open_bytes = header.open_bytes;
    row.sealed_bytes = fsp_object_sealed_bytes(&header);
    row.family = object.bytes < FSP_BLOB_BYTES_MIN ? FSP_FAMILY_OBJECT : FSP_FAMILY_BYTES;
    *ret = row;
    return FSP_OK;
}

static void
append_bytes_key(const fsp_objects_t *self, const fsp_object_row_t *row,
                 const fsp_objects_event_t *event, fsp_buf_t *ret)
{
    uint8_t suffix =
        row->family == FSP_FAMILY_OBJECT ? FSP_OBJECTS_SUFFIX_BYTES : FSP_OBJECTS_SUFFIX_ROW;
    fsp_object_row_key(self->slot_bits, event->space_id, event->keys[0], suffix, ret);
}

/* Writes row, and the object's bytes beside it; returns the token. */
static uint64_t
write_object(fsp_objects_t *self, const fsp_objects_event_t *event, fsp_slice_t row_key,
             const fsp_object_row_t *row, fsp_objects_effects_t *effects)
{
    fsp_objects_write_t *write = fsp_objects_new_write(self);
    fsp_batch_t *batch = fsp_batch_new();
    fsp_buf_t bytes_key;
    fsp_buf_init(&bytes_key, FSP_OBJECTS_KEY_BYTES);
    append_bytes_key(self, row, event, &bytes_key);
    fsp_batch_put_blob(batch, row->family, fsp_buf_slice(&bytes_key), event->object);
    fsp_buf_clear(&bytes_key);
    write->object = fsp_blob_ref(event->object);
    self->pending_bytes += fsp_blob_bytes(event->object);
    fsp_objects_write_row(self, write, row_key, row, write->token);
    fsp_objects_emit_write(self, write, batch, effects);
    return write->token;
}

static fsp_status_t
put(fsp_objects_t *self, const fsp_objects_event_t *event, fsp_slice_t row_key,
    fsp_objects_effects_t *effects)
{
    fsp_objects_effect_t stored = {.type = FSP_OBJECTS_STORED, .token = event->token};
    fsp_object_row_t fresh;
    stored.status = judge_request(self, event);
    if (stored.status == FSP_OK)
        stored.status = judge_object(event, &fresh);
    if (stored.status != FSP_OK) {
        fsp_objects_add_effect(effects, &stored);
        return FSP_OK;
    }
    fsp_object_row_t row;
    fsp_status_t status = fsp_objects_load_row(self, row_key, &row);
    uint64_t token;
    if (status == FSP_NOT_FOUND) {
        token = write_object(self, event, row_key, &fresh, effects);
    } else if (status != FSP_OK) {
        return status;
    } else if (row.flags & FSP_OBJECT_SUSPECT) {
        /* A good copy replaces a bad one; stamp, mark and the other flags are the row's. */
        fresh.stamp = row.stamp > event->epoch ? row.stamp : event->epoch;
        fresh.mark = row.mark;
        fresh.flags = row.flags & ~(uint64_t)FSP_OBJECT_SUSPECT;
        token = write_object(self, event, row_key, &fresh, effects);
    } else if (row.stamp < event->epoch && !FSP_MUTANT(put_keeps_stamp)) {
        fsp_objects_write_t *write = fsp_objects_new_write(self);
        row.stamp = event->epoch;
        fsp_objects_write_row(self, write, row_key, &row, fsp_objects_bytes_token(self, row_key));
        fsp_objects_emit_write(self, write, fsp_batch_new(), effects);
        token = write->token;
    } else {
        token = fsp_objects_row_token(self, row_key);
    }
    fsp_objects_answer_after(self, token, &stored, effects);
    return FSP_OK;
}

fsp_status_t
fsp_objects_finish(fsp_objects_t *self, fsp_status_t status, const fsp_objects_write_t *write,
                   uint64_t token, fsp_objects_effect_t *answer, fsp_objects_effects_t *effects)
{
    if (status != FSP_OK) {
        fsp_objects_clear_effect(answer);
        return status;
    }
    if (write)
        fsp_objects_emit_write(self, write, fsp_batch_new(), effects);
    fsp_objects_answer_after(self, token, answer, effects);
    return FSP_OK;
}

/* -- HAVE -------------------------------------------------------------------------------------- */

static fsp_status_t
have(fsp_objects_t *self, const fsp_objects_event_t *event, fsp_objects_effects_t *effects)
{
    fsp_objects_effect_t answer = {.type = FSP_OBJECTS_ANSWER, .token = event->token};
    answer.status = judge_request(self, event);
    if (answer.status == FSP_OK && event->key_count > FSP_HAVE_KEYS_MAX)
        answer.status = FSP_TOO_LARGE;
    if (answer.status != FSP_OK) {
        fsp_objects_add_effect(effects, &answer);
        return FSP_OK;
    }
    answer.yes = fsp_alloc_array(event->key_count, sizeof(*answer.yes));
    answer.yes_count = event->key_count;
    fsp_buf_t row_key;
    fsp_buf_init(&row_key, FSP_OBJECTS_KEY_BYTES);
    fsp_status_t status = FSP_OK;
    fsp_objects_write_t *write = NULL; /* one for all rows that must rise */
    uint64_t token = 0;                /* of the last write the answer depends on */
    for (size_t i = 0; i < event->key_count; i++) {
        fsp_buf_reset(&row_key);
        fsp_object_row_key(self->slot_bits, event->space_id, event->keys[i], FSP_OBJECTS_SUFFIX_ROW,
                           &row_key);
        fsp_object_row_t row;
        status = fsp_objects_load_row(self, fsp_buf_slice(&row_key), &row);
        if (status == FSP_NOT_FOUND) {
            status = FSP_OK;
            continue;
        }
        if (status != FSP_OK)
            break;
        if ((row.flags & FSP_OBJECT_SUSPECT) ||
            (event->lengths && event->lengths[i] != fsp_objects_bytes(&row)))
            continue;
        answer.yes[i] = 1;
        if (row.stamp < event->epoch && !FSP_MUTANT(have_keeps_stamp)) {
            if (!write)
                write = fsp_objects_new_write(self);
            row.stamp = event->epoch;
            fsp_objects_write_row(self, write, fsp_buf_slice(&row_key), &row,
                                  fsp_objects_bytes_token(self, fsp_buf_slice(&row_key)));
        }
        uint64_t needed = fsp_objects_row_token(self, fsp_buf_slice(&row_key));
        if (needed > token)
            token = needed;
    }
    fsp_buf_clear(&row_key);
    return fsp_objects_finish(self, status, write, token, &answer, effects);
}

/* -- GET, WRITTEN ------------------------------------------------------------------------------ */

static fsp_status_t
get(fsp_objects_t *self, const fsp_objects_event_t *event, fsp_slice_t row_key,
    fsp_objects_effects_t *effects)
{
    fsp_objects_effect_t read = {.type = FSP_OBJECTS_READ, .token = event->token};
    read.status = fsp_objects_load_row(self, row_key, &read.row);
    if (read.status != FSP_OK && read.status != FSP_NOT_FOUND)
        return read.status;
    if (read.status == FSP_OK) {
        fsp_buf_init(&read.bytes_key, FSP_OBJECTS_KEY_BYTES);
        append_bytes_key(self, &read.row, event, &read.bytes_key);
        uint64_t token = fsp_objects_bytes_token(self, row_key);
        if (token)
            read.pending = fsp_blob_ref((*write_slot(self, token))->object);
    }
    fsp_objects_add_effect(effects, &read);
    return FSP_OK;
}

static void
written(fsp_objects_t *self, uint64_t token, fsp_objects_effects_t *effects)
{
    FSP_PRE(token == self->written + 1);
    fsp_objects_write_t *write = *write_slot(self, token);
    *write_slot(self, token) = NULL;
    self->written = token;
    fsp_overlay_settle(self->pending, token);
    for (size_t i = 0; i < write->key_count; i++) {
        fsp_slice_t row_key =
            fsp_slice(write->keys + i * FSP_OBJECTS_KEY_BYTES, FSP_OBJECTS_KEY_BYTES);
        if (fsp_objects_row_token(self, row_key) == token)
            fsp_omap_remove(self->waiting, row_key);
    }
    while (write->first) {
        fsp_objects_answer_t *answer = write->first;
        write->first = answer->next;
        fsp_objects_add_effect(effects, &answer->effect);
        fsp_free(answer);
    }
    destroy_write(self, write);
    FSP_POST(fsp_overlay_count(self->pending) == fsp_omap_count(self->waiting));
}

/* -- the machine ------------------------------------------------------------------------------- */

fsp_objects_t *
fsp_objects_new(fsp_view_t *view, unsigned slot_bits, uint64_t layout_version,
                fsp_store_id_t store_id)
{
    FSP_PRE(view != NULL);
    FSP_PRE(slot_bits >= 1);
    FSP_PRE(slot_bits <= 32);
    fsp_objects_t *self = FSP_NEW(fsp_objects_t);
    self->slot_bits = slot_bits;
    self->layout_version = layout_version;
    self->store_id = store_id;
    self->gone = fsp_omap_new();
    self->view = view;
    self->pending = fsp_overlay_new(view);
    self->change = fsp_overlay_new(fsp_overlay_view(self->pending));
    self->waiting = fsp_omap_new();
    self->capacity = WRITES_MIN;
    self->writes = fsp_alloc_array(self->capacity, sizeof(*self->writes));
    return self;
}

void
fsp_objects_destroy(fsp_objects_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_objects_t *self = *self_p;
    if (!self)
        return;
    for (uint64_t token = self->written + 1; token <= self->token; token++)
        destroy_write(self, *write_slot(self, token));
    FSP_ASSERT(self->pending_bytes == 0);
    while (self->sweeps) {
        fsp_sweep_t *sweep = self->sweeps;
        self->sweeps = sweep->next;
        fsp_sweep_destroy(&sweep);
    }
    fsp_free(self->writes);
    fsp_omap_destroy(&self->gone);
    fsp_omap_destroy(&self->waiting);
    fsp_overlay_destroy(&self->change);
    fsp_overlay_destroy(&self->pending);
    fsp_free(self);
    *self_p = NULL;
}

void
fsp_objects_set_layout_version(fsp_objects_t *self, uint64_t layout_version)
{
    FSP_PRE(self != NULL);
    if (layout_version > self->layout_version)
        self->layout_version = layout_version;
}

uint64_t
fsp_objects_pending_bytes(const fsp_objects_t *self)
{
    FSP_PRE(self != NULL);
    return self->pending_bytes;
}

bool
fsp_objects_sweeping(const fsp_objects_t *self)
{
    FSP_PRE(self != NULL);
    return self->sweeps != NULL;
}

fsp_status_t
fsp_objects_step(fsp_objects_t *self, const fsp_objects_event_t *event,
                 fsp_objects_effects_t *effects)
{
    FSP_PRE(self != NULL);
    FSP_PRE(event != NULL);
    FSP_PRE(effects != NULL);
    if (self->broken != FSP_OK)
        return self->broken;
    fsp_buf_t row_key;
    fsp_buf_init(&row_key, FSP_OBJECTS_KEY_BYTES);
    if (event->type == FSP_OBJECTS_PUT || event->type == FSP_OBJECTS_GET) {
        FSP_PRE(event->key_count == 1);
        fsp_object_row_key(self->slot_bits, event->space_id, event->keys[0], FSP_OBJECTS_SUFFIX_ROW,
                           &row_key);
    }
    switch (event->type) {
    case FSP_OBJECTS_PUT:
        FSP_PRE(event->object != NULL);
        self->broken = put(self, event, fsp_buf_slice(&row_key), effects);
        break;
    case FSP_OBJECTS_HAVE:
        self->broken = have(self, event, effects);
        break;
    case FSP_OBJECTS_GET:
        self->broken = get(self, event, fsp_buf_slice(&row_key), effects);
        break;
    case FSP_OBJECTS_WRITTEN:
        written(self, event->token, effects);
        break;
    case FSP_OBJECTS_MARK:
        self->broken = fsp_objects_mark(self, event, effects);
        break;
    case FSP_OBJECTS_DONE:
        fsp_objects_done(self, event, effects);
        break;
    case FSP_OBJECTS_GONE:
        fsp_objects_gone(self, event, effects);
        break;
    case FSP_OBJECTS_SWEEP:
        self->broken = fsp_objects_sweep(self, effects);
        break;
    default:
        FSP_UNREACHABLE();
    }
    fsp_buf_clear(&row_key);
    return self->broken;
}
