/* SPDX-License-Identifier: MIT */
/* objects_sweep - marks, and the deleting of what has none.  Layer core/data.  Pure.
 *
 * Why a sweep takes nothing that somebody needs.  Let V be a version that is retained, or becomes
 * so, and c an object below it that the sweep of round g looks at.  V was in what the marker read:
 * c has mark g, since DONE comes after all marks are durable on this disk.  V came later: its
 * session was not fenced, so it had u >= g - 1 and touched c with it (then stamp >= g - 1), or
 * named a base that has c, for which the same holds.  Both are judged on what this node's rows will
 * be when all its writes have arrived, in the step that deletes.
 *
 * A row whose write is still on its way is left to the next round: nobody waits for it.
 *
 * Keys begin with the slot, so the rows of a space lie in as many places as there are slots; the
 * pass goes from one to the next by seeking.  It also seeks over object bytes that lie between the
 * rows, from SEEK_BYTES on.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/mutant.h"
#include "core/data/objects_parts.h"

enum {
    LOOKS_MAX = 256, /* rows, or seeks, of one step */
    SEEK_BYTES = 8 * 1024,
    SPACE_AT = 4,
    OBJECT_AT = SPACE_AT + sizeof(fsp_space_id_t),
    SUFFIX_AT = FSP_OBJECTS_KEY_BYTES - 1,
};

/* -- MARK -------------------------------------------------------------------------------------- */

static fsp_status_t
judge_round(const fsp_objects_t *self, const fsp_objects_event_t *event, bool any_disk)
{
    if (event->round == 0)
        return FSP_INVALID;
    if (event->layout_version != self->layout_version)
        return FSP_LAYOUT;
    if (!any_disk && !fsp_store_id_eq(event->store_id, self->store_id))
        return FSP_STALE;
    return fsp_objects_is_gone(self, event->space_id) ? FSP_NO_SUCH_SPACE : FSP_OK;
}

/* One key; *write_p is made if the row must rise. */
static fsp_status_t
mark_one(fsp_objects_t *self, const fsp_objects_event_t *event, fsp_slice_t row_key,
         fsp_objects_write_t **write_p, uint8_t *ret)
{
    fsp_object_row_t row;
    *ret = FSP_MARK_MISSING;
    fsp_status_t status = fsp_objects_load_row(self, row_key, &row);
    if (status != FSP_OK)
        return status == FSP_NOT_FOUND ? FSP_OK : status;
    bool before = row.mark >= event->round;
    *ret = (row.flags & FSP_OBJECT_SUSPECT) ? FSP_MARK_UNSOUND
           : before                         ? FSP_MARK_BEFORE
                                            : FSP_MARK_NEW;
    if (before || event->look)
        return FSP_OK;
    if (!*write_p)
        *write_p = fsp_objects_new_write(self);
    row.mark = event->round;
    fsp_objects_write_row(self, *write_p, row_key, &row, fsp_objects_bytes_token(self, row_key));
    return FSP_OK;
}

fsp_status_t
fsp_objects_mark(fsp_objects_t *self, const fsp_objects_event_t *event,
                 fsp_objects_effects_t *effects)
{
    fsp_objects_effect_t answer = {.type = FSP_OBJECTS_MARKED, .token = event->token};
    bool any_disk = fsp_store_id_is_zero(event->store_id) || FSP_MUTANT(mark_any_store);
    answer.status = judge_round(self, event, any_disk);
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
    fsp_objects_write_t *write = NULL; /* one for all rows that must rise */
    uint64_t token = 0;                /* of the last write that the answer depends on */
    fsp_status_t status = FSP_OK;
    for (size_t i = 0; i < event->key_count && status == FSP_OK; i++) {
        fsp_buf_reset(&row_key);
        fsp_object_row_key(self->slot_bits, event->space_id, event->keys[i], FSP_OBJECTS_SUFFIX_ROW,
                           &row_key);
        status = mark_one(self, event, fsp_buf_slice(&row_key), &write, &answer.yes[i]);
        uint64_t needed = fsp_objects_row_token(self, fsp_buf_slice(&row_key));
        if (needed > token)
            token = needed;
    }
    fsp_buf_clear(&row_key);
    return fsp_objects_finish(self, status, write, FSP_MUTANT(mark_not_durable) ? 0 : token,
                              &answer, effects);
}

/* -- sweeps that wait -------------------------------------------------------------------------- */

void
fsp_sweep_destroy(fsp_sweep_t **self_p)
{
    fsp_free((*self_p)->askers);
    fsp_free(*self_p);
    *self_p = NULL;
}

static void
add_asker(fsp_sweep_t *sweep, uint64_t token)
{
    if (sweep->asker_count == sweep->asker_capacity) {
        sweep->asker_capacity = sweep->asker_capacity ? 2 * sweep->asker_capacity : 2;
        sweep->askers = fsp_realloc(sweep->askers, sweep->asker_capacity * sizeof(*sweep->askers));
    }
    sweep->askers[sweep->asker_count++] = token;
}

/* Answers everybody who waits for the sweep, as soon as all that it wrote is durable. */
static void
answer_askers(fsp_objects_t *self, fsp_sweep_t *sweep, fsp_status_t status,
              fsp_objects_effects_t *effects)
{
    for (size_t i = 0; i < sweep->asker_count; i++)
        fsp_objects_answer_after(self, sweep->token,
                                 &(fsp_objects_effect_t){.type = FSP_OBJECTS_SWEPT,
                                                         .token = sweep->askers[i],
                                                         .status = status,
                                                         .swept = sweep->swept},
                                 effects);
    sweep->asker_count = 0;
}

/* The sweep of this space (gone: of all that are gone); NULL if there is none. */
static fsp_sweep_t *
find_sweep(const fsp_objects_t *self, bool gone, fsp_space_id_t space_id)
{
    for (fsp_sweep_t *sweep = self->sweeps; sweep; sweep = sweep->next)
        if (sweep->gone == gone && (gone || fsp_space_id_eq(sweep->space_id, space_id)))
            return sweep;
    return NULL;
}

static fsp_sweep_t *
add_sweep(fsp_objects_t *self)
{
    fsp_sweep_t **at = &self->sweeps;
    while (*at)
        at = &(*at)->next;
    *at = FSP_NEW(fsp_sweep_t);
    self->sweep_count++;
    return *at;
}

/* From the first row on, for this round. */
static void
begin_sweep(fsp_sweep_t *sweep, const fsp_objects_event_t *event)
{
    sweep->space_id = event->space_id;
    sweep->round = event->round;
    sweep->layout_version = event->layout_version;
    sweep->at_bytes = 0;
    sweep->swept = (fsp_swept_t){0};
}

void
fsp_objects_done(fsp_objects_t *self, const fsp_objects_event_t *event,
                 fsp_objects_effects_t *effects)
{
    fsp_objects_effect_t refusal = {.type = FSP_OBJECTS_SWEPT, .token = event->token};
    refusal.status = judge_round(self, event, FSP_MUTANT(done_any_store));
    fsp_sweep_t *sweep = find_sweep(self, false, event->space_id);
    if (refusal.status == FSP_OK && sweep && sweep->round > event->round)
        refusal.status = FSP_EPOCH;
    if (refusal.status == FSP_OK && !sweep && self->sweep_count == FSP_SWEEPS_MAX)
        refusal.status = FSP_BUSY;
    if (refusal.status != FSP_OK) {
        fsp_objects_add_effect(effects, &refusal);
        return;
    }
    if (!sweep) {
        sweep = add_sweep(self);
        begin_sweep(sweep, event);
    } else if (sweep->round < event->round) {
        answer_askers(self, sweep, FSP_EPOCH, effects);
        begin_sweep(sweep, event);
    }
    add_asker(sweep, event->token);
}

/* -- spaces that are gone ---------------------------------------------------------------------- */

bool
fsp_objects_is_gone(const fsp_objects_t *self, fsp_space_id_t space_id)
{
    return fsp_omap_get(self->gone, FSP_SLICE_OF(space_id)) != NULL;
}

void
fsp_objects_gone(fsp_objects_t *self, const fsp_objects_event_t *event,
                 fsp_objects_effects_t *effects)
{
    fsp_omap_put(self->gone, FSP_SLICE_OF(event->space_id), (fsp_slice_t){0}, 0);
    fsp_sweep_t *round = find_sweep(self, false, event->space_id);
    if (round) /* ends with its next step; its askers know now */
        answer_askers(self, round, FSP_NO_SUCH_SPACE, effects);
    fsp_sweep_t *sweep = find_sweep(self, true, event->space_id);
    if (!sweep) {
        sweep = add_sweep(self);
        sweep->gone = true;
    }
    sweep->at_bytes = 0; /* one pass for all, which begins anew for this one */
    add_asker(sweep, event->token);
}

/* -- one step ---------------------------------------------------------------------------------- */

/* Rows that go in this step: found first, since no write may happen under a cursor. */
typedef struct {
    uint8_t keys[LOOKS_MAX][FSP_OBJECTS_KEY_BYTES];
    fsp_family_t families[LOOKS_MAX]; /* of their bytes */
    size_t count;
} doomed_t;

static bool
is_wanted(const fsp_objects_t *self, const fsp_sweep_t *sweep, fsp_space_id_t space_id)
{
    return sweep->gone ? fsp_objects_is_gone(self, space_id)
                       : fsp_space_id_eq(space_id, sweep->space_id);
}

/* The sweep goes on at slot, space and what follows zeros; space may be one more than all. */
static void
go_to(fsp_sweep_t *sweep, uint32_t slot, fsp_space_id_t space_id)
{
    fsp_store_u32(sweep->at, slot);
    memcpy(sweep->at + SPACE_AT, space_id.bytes, sizeof(space_id.bytes));
    sweep->at_bytes = OBJECT_AT;
}

/* Past rows of a space that does not matter here.  False if there is no slot behind. */
static bool
pass_space(fsp_sweep_t *sweep, uint32_t slot, fsp_space_id_t space_id)
{
    if (!sweep->gone && fsp_space_id_cmp(space_id, sweep->space_id) < 0) {
        go_to(sweep, slot, sweep->space_id);
        return true;
    }
    if (sweep->gone) {
        for (size_t i = sizeof(space_id.bytes); i-- > 0;)
            if (++space_id.bytes[i] != 0) {
                go_to(sweep, slot, space_id);
                return true;
            }
    }
    if (slot == UINT32_MAX)
        return false;
    go_to(sweep, slot + 1, sweep->gone ? (fsp_space_id_t){{0}} : sweep->space_id);
    return true;
}

static bool
must_go(const fsp_objects_t *self, fsp_sweep_t *sweep, fsp_slice_t row_key,
        const fsp_object_row_t *row)
{
    if (sweep->gone)
        return true;
    bool live = row->mark >= sweep->round;
    uint64_t stamp_max = sweep->round - 1 + (FSP_MUTANT(sweep_young) ? 1 : 0);
    sweep->swept.live += live;
    if (live || (row->flags & FSP_OBJECT_GUEST))
        return false;
    bool go = row->stamp < stamp_max &&
              (fsp_objects_row_token(self, row_key) == 0 || FSP_MUTANT(sweep_reads_database));
    sweep->swept.young += !go;
    return go;
}

typedef enum { LOOK_ON, LOOK_SEEK, LOOK_ENDED } look_t;

/* One row under the cursor: may go, or is passed. */
static fsp_status_t
look_at(fsp_objects_t *self, fsp_sweep_t *sweep, const fsp_cursor_t *cursor, doomed_t *doomed,
        look_t *ret)
{
    fsp_slice_t key = cursor->key;
    fsp_space_id_t space_id;
    *ret = LOOK_ON;
    memset(sweep->at, 0, sizeof(sweep->at));
    memcpy(sweep->at, key.data, key.bytes < sizeof(sweep->at) ? key.bytes : sizeof(sweep->at));
    if (key.bytes != FSP_OBJECTS_KEY_BYTES)
        return FSP_OK; /* `check` tells of strays */
    memcpy(space_id.bytes, key.data + SPACE_AT, sizeof(space_id.bytes));
    if (!is_wanted(self, sweep, space_id)) {
        *ret = pass_space(sweep, fsp_load_u32(key.data), space_id) ? LOOK_SEEK : LOOK_ENDED;
        return FSP_OK;
    }
    if (key.data[SUFFIX_AT] != FSP_OBJECTS_SUFFIX_ROW)
        return FSP_OK;
    fsp_object_row_t row;
    fsp_status_t status = fsp_object_row_decode(cursor->value, &row);
    if (status != FSP_OK)
        return status;
    if (must_go(self, sweep, key, &row)) {
        memcpy(doomed->keys[doomed->count], key.data, key.bytes);
        doomed->families[doomed->count++] = row.family;
        sweep->swept.objects++;
        sweep->swept.bytes += fsp_objects_bytes(&row);
    }
    if (row.family == FSP_FAMILY_OBJECT && fsp_objects_bytes(&row) >= SEEK_BYTES) {
        sweep->at[SUFFIX_AT] = FSP_OBJECTS_SUFFIX_BYTES + 1;
        sweep->at_bytes = FSP_OBJECTS_KEY_BYTES;
        *ret = LOOK_SEEK;
    }
    return FSP_OK;
}

/* Looks at rows from where the sweep is; false in *ret_more at the end of all. */
static fsp_status_t
find_doomed(fsp_objects_t *self, fsp_sweep_t *sweep, doomed_t *doomed, bool *ret_more)
{
    size_t looks = 0;
    fsp_status_t status = FSP_OK;
    look_t look = LOOK_SEEK;
    fsp_cursor_t *cursor = NULL;
    fsp_view_t *rows =
        FSP_MUTANT(sweep_reads_database) ? self->view : fsp_overlay_view(self->change);
    for (; looks < LOOKS_MAX && status == FSP_OK && look != LOOK_ENDED; looks++) {
        if (look == LOOK_SEEK) {
            fsp_cursor_destroy(&cursor);
            cursor = fsp_view_scan(rows, fsp_slice(sweep->at, sweep->at_bytes), (fsp_slice_t){0});
        } else {
            fsp_cursor_next(cursor);
        }
        if (cursor->valid)
            status = look_at(self, sweep, cursor, doomed, &look);
        else
            look = LOOK_ENDED;
        if (!cursor->valid)
            status = cursor->status;
    }
    if (look == LOOK_ON && status == FSP_OK) {
        /* Behind the row that was looked at last. */
        sweep->at_bytes = FSP_OBJECTS_KEY_BYTES;
        if (sweep->at[SUFFIX_AT] < UINT8_MAX)
            sweep->at[SUFFIX_AT]++;
    }
    fsp_cursor_destroy(&cursor);
    *ret_more = look != LOOK_ENDED;
    return status;
}

static void
delete_doomed(fsp_objects_t *self, fsp_sweep_t *sweep, const doomed_t *doomed,
              fsp_objects_effects_t *effects)
{
    if (doomed->count == 0)
        return;
    fsp_objects_write_t *write = fsp_objects_new_write(self);
    fsp_batch_t *batch = fsp_batch_new();
    for (size_t i = 0; i < doomed->count; i++) {
        uint8_t bytes_key[FSP_OBJECTS_KEY_BYTES];
        memcpy(bytes_key, doomed->keys[i], sizeof(bytes_key));
        if (doomed->families[i] == FSP_FAMILY_OBJECT)
            bytes_key[SUFFIX_AT] = FSP_OBJECTS_SUFFIX_BYTES;
        fsp_batch_delete(batch, doomed->families[i], fsp_slice(bytes_key, sizeof(bytes_key)));
        fsp_objects_delete_row(self, write, fsp_slice(doomed->keys[i], FSP_OBJECTS_KEY_BYTES));
    }
    sweep->token = write->token;
    fsp_objects_emit_write(self, write, batch, effects);
}

static void
end_sweep(fsp_objects_t *self, fsp_status_t status, fsp_objects_effects_t *effects)
{
    fsp_sweep_t *sweep = self->sweeps;
    self->sweeps = sweep->next;
    self->sweep_count--;
    answer_askers(self, sweep, status, effects);
    fsp_sweep_destroy(&sweep);
}

fsp_status_t
fsp_objects_sweep(fsp_objects_t *self, fsp_objects_effects_t *effects)
{
    fsp_sweep_t *sweep = self->sweeps;
    if (!sweep)
        return FSP_OK;
    if (!sweep->gone && sweep->layout_version != self->layout_version) {
        end_sweep(self, FSP_LAYOUT, effects);
        return FSP_OK;
    }
    if (!sweep->gone && fsp_objects_is_gone(self, sweep->space_id)) {
        end_sweep(self, FSP_NO_SUCH_SPACE, effects);
        return FSP_OK;
    }
    doomed_t *doomed = FSP_NEW(doomed_t);
    bool more = false;
    fsp_status_t status = find_doomed(self, sweep, doomed, &more);
    if (status == FSP_OK)
        delete_doomed(self, sweep, doomed, effects);
    fsp_free(doomed);
    if (status == FSP_OK && !more)
        end_sweep(self, FSP_OK, effects);
    return status;
}
