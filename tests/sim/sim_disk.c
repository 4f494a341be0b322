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
    size_t key_at, key_bytes;
    size_t value_at, value_bytes;
    bool existed;
    fsp_family_t family;
} undo_t;

struct sim_disk {
    const sim_config_t *config;
    fsp_prng_t prng;
    sim_disk_durable_fn *durable_fn;
    void *context;
    fsp_memview_t *visible[FSP_FAMILY_COUNT];
    faulty_view_t faulty[FSP_FAMILY_COUNT];
    uint64_t fail_read; /* reads until one fails; 0: none does */
    bool damaged;
    uint64_t read_errors;

    undo_t *undos; /* of all that is visible and not durable; oldest first */
    size_t undo_count, undo_capacity;
    fsp_buf_t undo_bytes; /* their keys and values */

    sim_write_t *waiting; /* not in the database; the first group_count of them are being written */
    size_t waiting_count, waiting_capacity;
    size_t group_count;
    bool group_sync;
    sim_write_t *unsynced; /* in the database, not on stable storage */
    size_t unsynced_count, unsynced_capacity;
    sim_lies_t lies;
};

/* The families that a replica uses. */
static const fsp_family_t families[] = {FSP_FAMILY_LOG, FSP_FAMILY_STATE};
enum { FAMILY_COUNT = sizeof(families) / sizeof(families[0]) };

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
    return fsp_view_get(fsp_memview_view(self->disk->visible[self->family]), key, ret_value);
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
        return fsp_view_scan(fsp_memview_view(self->disk->visible[self->family]), from, to);
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
    return fsp_view_freeze(fsp_memview_view(self->disk->visible[self->family]));
}

fsp_view_t *
sim_disk_view(sim_disk_t *self, fsp_family_t family)
{
    return &self->faulty[family].view;
}

fsp_memview_t *
sim_disk_rows(sim_disk_t *self, fsp_family_t family)
{
    return self->visible[family];
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
    fsp_buf_init(&self->undo_bytes, SIZE_MAX);
    fsp_prng_init(&self->prng, seed);
    for (size_t i = 0; i < FAMILY_COUNT; i++) {
        fsp_family_t family = families[i];
        self->visible[family] = fsp_memview_new();
        self->faulty[family] =
            (faulty_view_t){.view = {.ops = &ops}, .disk = self, .family = family};
    }
    sim_lies_init(&self->lies, config->lie, fsp_mix64(seed));
    return self;
}

/* Takes the first count of the list away. */
static void
take_front(sim_write_t *list, size_t *count_p, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fsp_batch_destroy(&list[i].batch);
    *count_p -= count;
    if (*count_p > 0)
        memmove(list, list + count, *count_p * sizeof(*list));
}

void
sim_disk_destroy(sim_disk_t **self_p)
{
    sim_disk_t *self = *self_p;
    if (!self)
        return;
    take_front(self->waiting, &self->waiting_count, self->waiting_count);
    take_front(self->unsynced, &self->unsynced_count, self->unsynced_count);
    fsp_free(self->waiting);
    fsp_free(self->unsynced);
    fsp_free(self->undos);
    fsp_buf_clear(&self->undo_bytes);
    for (size_t i = 0; i < FAMILY_COUNT; i++)
        fsp_memview_destroy(&self->visible[families[i]]);
    sim_lies_clear(&self->lies);
    fsp_free(self);
    *self_p = NULL;
}

/* -- writing ----------------------------------------------------------------------------------- */

static void
note_undo(sim_disk_t *self, fsp_family_t family, fsp_slice_t key, const fsp_omap_row_t *row)
{
    if (self->undo_count == self->undo_capacity) {
        self->undo_capacity = self->undo_capacity ? 2 * self->undo_capacity : 64;
        self->undos = fsp_realloc(self->undos, self->undo_capacity * sizeof(*self->undos));
    }
    undo_t *undo = &self->undos[self->undo_count++];
    *undo = (undo_t){.family = family, .existed = row != NULL};
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
note_undos(sim_disk_t *self, const fsp_batch_t *batch)
{
    for (size_t i = 0; i < fsp_batch_count(batch); i++) {
        fsp_batch_row_t row = fsp_batch_row(batch, i);
        fsp_omap_t *map = fsp_memview_map(self->visible[row.family]);
        if (row.op != FSP_ROW_DELETE_RANGE) {
            note_undo(self, row.family, row.key, fsp_omap_get(map, row.key));
            continue;
        }
        const fsp_omap_row_t *at = fsp_omap_seek(map, row.key);
        for (; at && fsp_slice_cmp(at->key, row.value) < 0; at = fsp_omap_next(at))
            note_undo(self, row.family, at->key, at);
    }
}

static void
forget_undos(sim_disk_t *self)
{
    self->undo_count = 0;
    fsp_buf_reset(&self->undo_bytes);
}

static void
take_back(sim_disk_t *self)
{
    for (size_t i = self->undo_count; i-- > 0;) {
        const undo_t *undo = &self->undos[i];
        fsp_omap_t *map = fsp_memview_map(self->visible[undo->family]);
        fsp_slice_t key = fsp_slice(self->undo_bytes.data + undo->key_at, undo->key_bytes);
        if (undo->existed)
            fsp_omap_put(map, key,
                         fsp_slice(self->undo_bytes.data + undo->value_at, undo->value_bytes), 0);
        else
            fsp_omap_remove(map, key);
    }
    forget_undos(self);
}

/* Makes a batch visible. */
static void
apply(sim_disk_t *self, const fsp_batch_t *batch)
{
    note_undos(self, batch);
    for (size_t i = 0; i < FAMILY_COUNT; i++)
        fsp_memview_apply(self->visible[families[i]], batch, families[i]);
}

void
sim_disk_prepare(sim_disk_t *self, const fsp_batch_t *batch)
{
    FSP_PRE(self->undo_count == 0);
    apply(self, batch);
    forget_undos(self);
    self->durable_fn(self->context, batch);
}

static sim_write_t *
push(sim_write_t **list, size_t *count, size_t *capacity, sim_write_t write)
{
    if (*count == *capacity) {
        *capacity = *capacity ? 2 * *capacity : 16;
        *list = fsp_realloc(*list, *capacity * sizeof(write));
    }
    (*list)[*count] = write;
    return &(*list)[(*count)++];
}

void
sim_disk_submit(sim_disk_t *self, uint64_t token, fsp_batch_t **batch_p, bool durable,
                uint64_t durable_index)
{
    FSP_PRE(*batch_p);
    sim_write_t write = {
        .token = token, .batch = *batch_p, .durable = durable, .durable_index = durable_index};
    *batch_p = NULL;
    (void)push(&self->waiting, &self->waiting_count, &self->waiting_capacity, write);
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
    for (size_t i = 0; i < self->group_count; i++) {
        self->group_sync |= self->waiting[i].durable;
        sim_lies_falsify(&self->lies, &self->waiting[i]);
    }
    for (size_t i = 0; i < self->group_count; i++) {
        sim_write_t *write = &self->waiting[i];
        write->late &= !self->group_sync; /* what is synced is there */
        if (!self->config->visible_late && !write->late)
            apply(self, write->batch);
    }
    *ret_sync = self->group_sync;
    return true;
}

/* Everything unsynced is visible, and now on stable storage. */
static void
make_durable(sim_disk_t *self)
{
    forget_undos(self);
    for (size_t i = 0; i < self->unsynced_count; i++)
        self->durable_fn(self->context, self->unsynced[i].batch);
    take_front(self->unsynced, &self->unsynced_count, self->unsynced_count);
}

size_t
sim_disk_end(sim_disk_t *self, sim_done_t *ret_done)
{
    FSP_PRE(self->group_count > 0);
    size_t count = self->group_count;
    /* What a lie held back becomes visible one group late. */
    for (size_t i = 0; i < self->unsynced_count; i++) {
        if (self->unsynced[i].late)
            apply(self, self->unsynced[i].batch);
        self->unsynced[i].late = false;
    }
    for (size_t i = 0; i < count; i++) {
        sim_write_t write = self->waiting[i];
        ret_done[i] = (sim_done_t){.token = write.token, .durable_index = write.durable_index};
        write.group_end = i + 1 == count;
        if (self->config->visible_late && !write.late)
            apply(self, write.batch);
        sim_lies_split(&self->lies, &write);
        if (write.split_batch) {
            sim_write_t second = write;
            second.batch = write.split_batch;
            second.split_batch = NULL;
            write.split_batch = NULL;
            write.group_end = true; /* apart, and torn apart */
            (void)push(&self->unsynced, &self->unsynced_count, &self->unsynced_capacity, write);
            write = second;
        }
        (void)push(&self->unsynced, &self->unsynced_count, &self->unsynced_capacity, write);
    }
    self->waiting_count -= count;
    memmove(self->waiting, self->waiting + count, self->waiting_count * sizeof(*self->waiting));
    self->group_count = 0;
    if (self->group_sync && !sim_lies_about_sync(&self->lies)) {
        make_durable(self);
        sim_lies_remember(&self->lies, self->visible);
    }
    return count;
}

void
sim_disk_sync_all(sim_disk_t *self)
{
    FSP_PRE(self->waiting_count == 0);
    for (size_t i = 0; i < self->unsynced_count; i++)
        if (self->unsynced[i].late)
            apply(self, self->unsynced[i].batch);
    make_durable(self);
}

void
sim_disk_crash(sim_disk_t *self, bool *ret_watermark_lost)
{
    /* A group that was under way may have reached the write-ahead log. */
    if (self->group_count > 0) {
        sim_done_t *done = fsp_alloc_array(self->group_count, sizeof(*done));
        self->group_sync = false;
        (void)sim_disk_end(self, done); /* nobody is there to be told */
        fsp_free(done);
    }
    take_front(self->waiting, &self->waiting_count, self->waiting_count);
    size_t kept = (size_t)fsp_prng_below(&self->prng, self->unsynced_count + 1);
    if (self->config->atomic_groups)
        while (kept > 0 && !self->unsynced[kept - 1].group_end)
            kept--;
    sim_lies_about_crash(&self->lies, self->unsynced, self->unsynced_count, &kept);
    take_back(self);
    for (size_t i = 0; i < kept; i++)
        apply(self, self->unsynced[i].batch);
    forget_undos(self);
    take_front(self->unsynced, &self->unsynced_count, self->unsynced_count);
    self->fail_read = 0;
    *ret_watermark_lost = sim_lies_after_crash(&self->lies, self->visible);
}
