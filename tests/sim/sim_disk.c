/* SPDX-License-Identifier: MIT */
/* sim_disk - one replica's rows: what can be read, what would survive, and a queue of writes.
   Layer tests. */
#include "tests/sim/sim_disk.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "tests/sim/sim_lies.h"

/* A view that fails now and then. */
typedef struct {
    fsp_view_t view; /* first */
    sim_disk_t *disk;
    fsp_family_t family;
} faulty_view_t;

/* How to take back what was done to one row: the row as it was. */
typedef struct {
    uint64_t serial; /* of the write that did it */
    size_t key_at, key_bytes;
    size_t value_at, value_bytes;
    bool existed;
} undo_t;

/* The rows of one family. */
typedef struct {
    fsp_family_t family;
    fsp_memview_t *visible;
    undo_t *undos; /* of all that is visible and not on stable storage; oldest first */
    size_t undo_count, undo_capacity;
    fsp_buf_t undo_bytes; /* their keys and values */
    sim_rows_t *loose;    /* in the database, not on stable storage; oldest first */
    size_t loose_count, loose_capacity;
} part_t;

enum { LOG, STATE, PART_COUNT };

struct sim_disk {
    const sim_config_t *config;
    fsp_prng_t prng;
    sim_disk_durable_fn *durable_fn;
    void *context;
    part_t parts[PART_COUNT];
    faulty_view_t faulty[FSP_FAMILY_COUNT];
    uint64_t fail_read; /* reads until one fails; 0: none does */
    bool damaged;
    uint64_t read_errors;

    sim_write_t *waiting; /* not in the database; the first group_count of them are being written */
    size_t waiting_count, waiting_capacity;
    size_t group_count;
    bool group_sync, group_keep;
    uint64_t next_serial;
    uint64_t place; /* of the last group that was written */
    sim_lies_t lies;
};

static part_t *
part_of(sim_disk_t *self, fsp_family_t family)
{
    FSP_PRE(family == FSP_FAMILY_LOG || family == FSP_FAMILY_STATE);
    return &self->parts[family == FSP_FAMILY_LOG ? LOG : STATE];
}

/* -- views ------------------------------------------------------------------------------------- */

static fsp_status_t
fails_now(faulty_view_t *self)
{
    sim_disk_t *disk = self->disk;
    bool io = disk->fail_read > 0 && --disk->fail_read == 0;
    if (!io && !disk->damaged)
        return FSP_OK;
    disk->read_errors++;
    return disk->damaged ? FSP_DAMAGED : FSP_IO;
}

static fsp_status_t
faulty_get(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    faulty_view_t *self = (faulty_view_t *)view;
    fsp_status_t status = fails_now(self);
    if (status)
        return status;
    return fsp_view_get(fsp_memview_view(part_of(self->disk, self->family)->visible), key,
                        ret_value);
}

static void
failed_next(fsp_cursor_t *cursor)
{
    (void)cursor;
    FSP_UNREACHABLE(); /* it is not valid */
}

static void
failed_destroy(fsp_cursor_t *cursor)
{
    fsp_free(cursor);
}

static fsp_cursor_t *
faulty_scan(fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    static const fsp_cursor_ops_t ops = {.next = failed_next, .destroy = failed_destroy};
    faulty_view_t *self = (faulty_view_t *)view;
    fsp_status_t status = fails_now(self);
    if (!status)
        return fsp_view_scan(fsp_memview_view(part_of(self->disk, self->family)->visible), from,
                             to);
    fsp_cursor_t *cursor = FSP_NEW(fsp_cursor_t);
    cursor->ops = &ops;
    cursor->status = status;
    return cursor;
}

/* The rows as they are now; what is frozen does not fail. */
static fsp_view_t *
faulty_freeze(fsp_view_t *view)
{
    faulty_view_t *self = (faulty_view_t *)view;
    return fsp_view_freeze(fsp_memview_view(part_of(self->disk, self->family)->visible));
}

fsp_view_t *
sim_disk_view(sim_disk_t *self, fsp_family_t family)
{
    return &self->faulty[family].view;
}

fsp_memview_t *
sim_disk_rows(sim_disk_t *self, fsp_family_t family)
{
    return part_of(self, family)->visible;
}

void
sim_disk_fail_read(sim_disk_t *self, uint64_t count)
{
    self->fail_read = count;
}

void
sim_disk_damage(sim_disk_t *self)
{
    self->damaged = true;
}

uint64_t
sim_disk_read_errors(const sim_disk_t *self)
{
    return self->read_errors;
}

/* -- lifecycle --------------------------------------------------------------------------------- */

sim_disk_t *
sim_disk_new(const sim_config_t *config, uint64_t seed, sim_disk_durable_fn *durable_fn,
             void *context)
{
    static const fsp_view_ops_t ops = {
        .get = faulty_get, .scan = faulty_scan, .freeze = faulty_freeze};
    sim_disk_t *self = FSP_NEW(sim_disk_t);
    self->config = config;
    self->durable_fn = durable_fn;
    self->context = context;
    fsp_prng_init(&self->prng, seed);
    self->next_serial = 1;
    self->parts[LOG].family = FSP_FAMILY_LOG;
    self->parts[STATE].family = FSP_FAMILY_STATE;
    for (size_t i = 0; i < PART_COUNT; i++) {
        part_t *part = &self->parts[i];
        part->visible = fsp_memview_new();
        fsp_buf_init(&part->undo_bytes, SIZE_MAX);
        self->faulty[part->family] =
            (faulty_view_t){.view = {.ops = &ops}, .disk = self, .family = part->family};
    }
    sim_lies_init(&self->lies, config->lie, fsp_mix64(seed));
    return self;
}

/* Takes the first count of the list away. */
static void
take_waiting(sim_disk_t *self, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fsp_batch_destroy(&self->waiting[i].batch);
    self->waiting_count -= count;
    if (self->waiting_count > 0)
        memmove(self->waiting, self->waiting + count, self->waiting_count * sizeof(*self->waiting));
}

static void
take_loose(part_t *self, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fsp_batch_destroy(&self->loose[i].batch);
    self->loose_count -= count;
    if (self->loose_count > 0)
        memmove(self->loose, self->loose + count, self->loose_count * sizeof(*self->loose));
}

void
sim_disk_destroy(sim_disk_t **self_p)
{
    sim_disk_t *self = *self_p;
    if (!self)
        return;
    take_waiting(self, self->waiting_count);
    fsp_free(self->waiting);
    for (size_t i = 0; i < PART_COUNT; i++) {
        part_t *part = &self->parts[i];
        take_loose(part, part->loose_count);
        fsp_free(part->loose);
        fsp_free(part->undos);
        fsp_buf_clear(&part->undo_bytes);
        fsp_memview_destroy(&part->visible);
    }
    sim_lies_clear(&self->lies);
    fsp_free(self);
    *self_p = NULL;
}

/* -- one part ---------------------------------------------------------------------------------- */

static void
note_undo(part_t *self, uint64_t serial, fsp_slice_t key, const fsp_omap_row_t *row)
{
    if (self->undo_count == self->undo_capacity) {
        self->undo_capacity = self->undo_capacity ? 2 * self->undo_capacity : 64;
        self->undos = fsp_realloc(self->undos, self->undo_capacity * sizeof(*self->undos));
    }
    undo_t *undo = &self->undos[self->undo_count++];
    *undo = (undo_t){.serial = serial, .existed = row != NULL};
    undo->key_at = self->undo_bytes.bytes;
    undo->key_bytes = key.bytes;
    fsp_buf_append_slice(&self->undo_bytes, key);
    undo->value_at = self->undo_bytes.bytes;
    if (!row)
        return;
    undo->value_bytes = row->value.bytes;
    fsp_buf_append_slice(&self->undo_bytes, row->value);
}

/* Rows as they are before the batch, also if it touches one of them twice: taken back in reverse
   order, the first one noted has the last word. */
static void
note_undos(part_t *self, uint64_t serial, const fsp_batch_t *batch)
{
    fsp_omap_t *map = fsp_memview_map(self->visible);
    for (size_t i = 0; i < fsp_batch_count(batch); i++) {
        fsp_batch_row_t row = fsp_batch_row(batch, i);
        if (row.family != self->family)
            continue;
        if (row.op != FSP_ROW_DELETE_RANGE) {
            note_undo(self, serial, row.key, fsp_omap_get(map, row.key));
            continue;
        }
        const fsp_omap_row_t *at = fsp_omap_seek(map, row.key);
        for (; at && fsp_slice_cmp(at->key, row.value) < 0; at = fsp_omap_next(at))
            note_undo(self, serial, at->key, at);
    }
}

/* Those of writes up to serial. */
static void
forget_undos(part_t *self, uint64_t serial)
{
    size_t count = 0;
    while (count < self->undo_count && self->undos[count].serial <= serial)
        count++;
    self->undo_count -= count;
    size_t from = self->undo_count > 0 ? self->undos[count].key_at : self->undo_bytes.bytes;
    if (self->undo_count > 0)
        memmove(self->undos, self->undos + count, self->undo_count * sizeof(*self->undos));
    for (size_t i = 0; i < self->undo_count; i++) {
        self->undos[i].key_at -= from;
        self->undos[i].value_at -= from;
    }
    self->undo_bytes.bytes -= from;
    if (self->undo_bytes.bytes > 0)
        memmove(self->undo_bytes.data, self->undo_bytes.data + from, self->undo_bytes.bytes);
}

static void
take_back(part_t *self)
{
    fsp_omap_t *map = fsp_memview_map(self->visible);
    for (size_t i = self->undo_count; i-- > 0;) {
        const undo_t *undo = &self->undos[i];
        fsp_slice_t key = fsp_slice(self->undo_bytes.data + undo->key_at, undo->key_bytes);
        if (undo->existed)
            fsp_omap_put(map, key,
                         fsp_slice(self->undo_bytes.data + undo->value_at, undo->value_bytes), 0);
        else
            fsp_omap_remove(map, key);
    }
    forget_undos(self, UINT64_MAX);
}

/* Makes rows visible. */
static void
show(part_t *self, uint64_t serial, const fsp_batch_t *batch)
{
    note_undos(self, serial, batch);
    fsp_memview_apply(self->visible, batch, self->family);
}

/* What a lie held back becomes visible one group late. */
static void
show_late(part_t *self)
{
    for (size_t i = 0; i < self->loose_count; i++) {
        if (self->loose[i].late)
            show(self, self->loose[i].serial, self->loose[i].batch);
        self->loose[i].late = false;
    }
}

/* Takes *batch_p, unless there is nothing in it. */
static void
add_loose(part_t *self, fsp_batch_t **batch_p, sim_rows_t rows)
{
    if (fsp_batch_count(*batch_p) == 0) {
        fsp_batch_destroy(batch_p);
        return;
    }
    if (self->loose_count == self->loose_capacity) {
        self->loose_capacity = self->loose_capacity ? 2 * self->loose_capacity : 16;
        self->loose = fsp_realloc(self->loose, self->loose_capacity * sizeof(rows));
    }
    rows.batch = *batch_p;
    *batch_p = NULL;
    self->loose[self->loose_count++] = rows;
}

/* The first count of what is loose are on stable storage. */
static void
fasten(sim_disk_t *self, part_t *part, size_t count)
{
    if (count == 0)
        return;
    forget_undos(part, part->loose[count - 1].serial);
    for (size_t i = 0; i < count; i++)
        self->durable_fn(self->context, part->loose[i].batch, part->family);
    take_loose(part, count);
}

/* Whether a crash may tear here. */
static bool
is_border(const sim_disk_t *self, const part_t *part, size_t count)
{
    if (count == 0 || count == part->loose_count || !self->config->atomic_groups)
        return true;
    const sim_rows_t *last = &part->loose[count - 1];
    return last->apart || last->place != last[1].place;
}

/* Power fails: the first count of what is loose have reached the disk. */
static void
tear(part_t *self, size_t count)
{
    take_back(self);
    for (size_t i = 0; i < count; i++)
        fsp_memview_apply(self->visible, self->loose[i].batch, self->family);
    take_loose(self, self->loose_count);
}

/* -- writing ----------------------------------------------------------------------------------- */

void
sim_disk_prepare(sim_disk_t *self, const fsp_batch_t *batch)
{
    for (size_t i = 0; i < PART_COUNT; i++) {
        part_t *part = &self->parts[i];
        FSP_PRE(part->undo_count == 0);
        fsp_memview_apply(part->visible, batch, part->family);
        self->durable_fn(self->context, batch, part->family);
    }
}

void
sim_disk_submit(sim_disk_t *self, sim_submit_t submit)
{
    FSP_PRE(submit.batch);
    if (self->waiting_count == self->waiting_capacity) {
        self->waiting_capacity = self->waiting_capacity ? 2 * self->waiting_capacity : 16;
        self->waiting = fsp_realloc(self->waiting, self->waiting_capacity * sizeof(*self->waiting));
    }
    self->waiting[self->waiting_count++] = (sim_write_t){
        .token = submit.token,
        .serial = self->next_serial++,
        .batch = submit.batch,
        .durable = submit.durable,
        .keeps_state = submit.keeps_state,
        .durable_index = submit.durable_index,
    };
}

size_t
sim_disk_waiting(const sim_disk_t *self)
{
    return self->waiting_count;
}

bool
sim_disk_idle(const sim_disk_t *self)
{
    return self->waiting_count == 0;
}

static void
show_write(sim_disk_t *self, const sim_write_t *write)
{
    for (size_t i = 0; i < PART_COUNT; i++)
        show(&self->parts[i], write->serial, write->batch);
}

bool
sim_disk_begin(sim_disk_t *self, bool *ret_sync)
{
    if (self->group_count > 0 || self->waiting_count == 0)
        return false;
    size_t most = self->config->group_max;
    if (most > self->waiting_count)
        most = self->waiting_count;
    self->group_count = 1 + (size_t)fsp_prng_below(&self->prng, most);
    self->group_sync = false;
    self->group_keep = false;
    for (size_t i = 0; i < self->group_count; i++) {
        self->group_keep |= self->waiting[i].keeps_state;
        self->group_sync |= self->waiting[i].durable || self->waiting[i].keeps_state;
        sim_lies_falsify(&self->lies, &self->waiting[i]);
    }
    for (size_t i = 0; i < self->group_count; i++) {
        sim_write_t *write = &self->waiting[i];
        write->late &= !self->group_sync; /* what is synced is there */
        if (!self->config->visible_late && !write->late)
            show_write(self, write);
    }
    *ret_sync = self->group_sync;
    return true;
}

/* How many of the state's writes have all rows of the log before them on stable storage, if the
   first log_count of the loose ones have. */
static size_t
behind_log(const sim_disk_t *self, size_t log_count)
{
    const part_t *log = &self->parts[LOG], *state = &self->parts[STATE];
    if (log_count == log->loose_count)
        return state->loose_count;
    size_t count = 0;
    while (count < state->loose_count && state->loose[count].place < log->loose[log_count].place)
        count++;
    return count;
}

/* The rows of a write that is in the database. */
static void
loosen(sim_disk_t *self, sim_write_t *write)
{
    sim_rows_t rows = {.serial = write->serial, .place = self->place, .late = write->late};
    fsp_batch_t *state = sim_lies_rows_of(write->batch, FSP_FAMILY_STATE);
    fsp_batch_t *rest = sim_lies_split(&self->lies, &state);
    rows.apart = rest != NULL;
    add_loose(&self->parts[STATE], &state, rows);
    rows.apart = false;
    if (rest)
        add_loose(&self->parts[STATE], &rest, rows);
    fsp_batch_t *log = sim_lies_rows_of(write->batch, FSP_FAMILY_LOG);
    add_loose(&self->parts[LOG], &log, rows);
}

size_t
sim_disk_end(sim_disk_t *self, sim_done_t *ret_done)
{
    FSP_PRE(self->group_count > 0);
    size_t count = self->group_count;
    part_t *log = &self->parts[LOG], *state = &self->parts[STATE];
    self->place++;
    show_late(log);
    show_late(state);
    for (size_t i = 0; i < count; i++) {
        sim_write_t *write = &self->waiting[i];
        ret_done[i] = (sim_done_t){
            .token = write->token, .place = self->place, .durable_index = write->durable_index};
        if (self->config->visible_late && !write->late)
            show_write(self, write);
        loosen(self, write);
    }
    take_waiting(self, count);
    self->group_count = 0;
    if (self->group_sync && !sim_lies_about_sync(&self->lies)) {
        fasten(self, log, log->loose_count);
        if (self->group_keep)
            fasten(self, state, state->loose_count);
        fsp_memview_t *const views[FSP_FAMILY_COUNT] = {
            [FSP_FAMILY_LOG] = log->visible, [FSP_FAMILY_STATE] = state->visible};
        sim_lies_remember(&self->lies, views);
    }
    return count;
}

/* -- keeping the state ------------------------------------------------------------------------- */

bool
sim_disk_lags(const sim_disk_t *self)
{
    return self->parts[STATE].loose_count > 0;
}

uint64_t
sim_disk_keep(sim_disk_t *self)
{
    part_t *state = &self->parts[STATE];
    size_t most = behind_log(self, 0);
    for (size_t i = 0; i < most; i++)
        if (state->loose[i].late)
            most = i; /* it is not there yet */
    size_t count = most;
    if (fsp_prng_chance(&self->prng, 1, 2))
        count = (size_t)fsp_prng_below(&self->prng, most + 1);
    /* Between groups, as the store does it, or between writes; never within one. */
    while (!is_border(self, state, count) || (count > 0 && state->loose[count - 1].apart))
        count--;
    uint64_t place = count == state->loose_count ? self->place : state->loose[count].place - 1;
    if (!sim_lies_about_keeping(&self->lies))
        fasten(self, state, count);
    return place;
}

bool
sim_disk_lacks(const sim_disk_t *self, uint32_t generation)
{
    const part_t *state = &self->parts[STATE];
    for (size_t i = 0; i < state->loose_count + self->waiting_count; i++) {
        const fsp_batch_t *batch = i < state->loose_count
                                       ? state->loose[i].batch
                                       : self->waiting[i - state->loose_count].batch;
        for (size_t j = 0; j < fsp_batch_count(batch); j++) {
            fsp_batch_row_t row = fsp_batch_row(batch, j);
            if (row.family == FSP_FAMILY_STATE && row.op == FSP_ROW_PUT &&
                fsp_load_u32(row.key.data + 4) == generation)
                return true;
        }
    }
    return false;
}

/* -- ends -------------------------------------------------------------------------------------- */

void
sim_disk_sync_all(sim_disk_t *self)
{
    FSP_PRE(self->waiting_count == 0);
    for (size_t i = 0; i < PART_COUNT; i++) {
        show_late(&self->parts[i]);
        fasten(self, &self->parts[i], self->parts[i].loose_count);
    }
}

void
sim_disk_crash(sim_disk_t *self, bool *ret_watermark_lost)
{
    /* A group that was under way may have reached the journal, and then the rest of the disk. */
    if (self->group_count > 0) {
        sim_done_t *done = fsp_alloc_array(self->group_count, sizeof(*done));
        self->group_sync = false;
        (void)sim_disk_end(self, done); /* nobody is there to be told */
        fsp_free(done);
    }
    take_waiting(self, self->waiting_count);
    part_t *log = &self->parts[LOG], *state = &self->parts[STATE];
    size_t log_count = (size_t)fsp_prng_below(&self->prng, log->loose_count + 1);
    while (!is_border(self, log, log_count))
        log_count--;
    size_t most = behind_log(self, log_count);
    size_t state_count = (size_t)fsp_prng_below(&self->prng, most + 1);
    while (!is_border(self, state, state_count))
        state_count--;
    sim_lies_about_crash(&self->lies, log->loose, log->loose_count, &log_count);
    sim_lies_about_crash(&self->lies, state->loose, state->loose_count, &state_count);
    tear(log, log_count);
    tear(state, state_count);
    self->fail_read = 0;
    fsp_memview_t *views[FSP_FAMILY_COUNT] = {
        [FSP_FAMILY_LOG] = log->visible, [FSP_FAMILY_STATE] = state->visible};
    *ret_watermark_lost = sim_lies_after_crash(&self->lies, views);
}
