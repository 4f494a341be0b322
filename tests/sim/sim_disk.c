/* SPDX-License-Identifier: MIT */
/* sim_disk - one node's store: what can be read, what would survive, and a queue of writes.
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

struct sim_disk {
    const sim_config_t *config;
    fsp_prng_t prng;
    fsp_memview_t *visible[FSP_FAMILY_COUNT];
    fsp_memview_t *durable[FSP_FAMILY_COUNT];
    faulty_view_t faulty[FSP_FAMILY_COUNT];
    bool read_errors_wanted;
    uint64_t read_errors;

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

static bool
fails_now(faulty_view_t *self)
{
    sim_disk_t *disk = self->disk;
    if (!disk->read_errors_wanted || disk->config->read_error_in == 0 ||
        fsp_prng_below(&disk->prng, disk->config->read_error_in) != 0)
        return false;
    disk->read_errors++;
    return true;
}

static fsp_status_t
faulty_get(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    faulty_view_t *self = (faulty_view_t *)view;
    if (fails_now(self))
        return FSP_IO;
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
    if (!fails_now(self))
        return fsp_view_scan(fsp_memview_view(self->disk->visible[self->family]), from, to);
    fsp_cursor_t *cursor = FSP_NEW(fsp_cursor_t);
    cursor->ops = &ops;
    cursor->status = FSP_IO;
    return cursor;
}

fsp_view_t *
sim_disk_view(sim_disk_t *self, fsp_family_t family)
{
    return &self->faulty[family].view;
}

fsp_view_t *
sim_disk_durable_view(sim_disk_t *self, fsp_family_t family)
{
    return fsp_memview_view(self->durable[family]);
}

fsp_view_t *
sim_disk_plain_view(sim_disk_t *self, fsp_family_t family)
{
    return fsp_memview_view(self->visible[family]);
}

void
sim_disk_set_read_errors(sim_disk_t *self, bool wanted)
{
    self->read_errors_wanted = wanted;
}

uint64_t
sim_disk_read_errors(const sim_disk_t *self)
{
    return self->read_errors;
}

/* -- lifecycle --------------------------------------------------------------------------------- */

sim_disk_t *
sim_disk_new(const sim_config_t *config, uint64_t seed)
{
    static const fsp_view_ops_t ops = {.get = faulty_get, .scan = faulty_scan};
    sim_disk_t *self = FSP_NEW(sim_disk_t);
    self->config = config;
    fsp_prng_init(&self->prng, seed);
    for (size_t i = 0; i < FAMILY_COUNT; i++) {
        fsp_family_t family = families[i];
        self->visible[family] = fsp_memview_new();
        self->durable[family] = fsp_memview_new();
        self->faulty[family] =
            (faulty_view_t){.view = {.ops = &ops}, .disk = self, .family = family};
    }
    sim_lies_init(&self->lies, config->mutant, fsp_mix64(seed));
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
    for (size_t i = 0; i < FAMILY_COUNT; i++) {
        fsp_memview_destroy(&self->visible[families[i]]);
        fsp_memview_destroy(&self->durable[families[i]]);
    }
    sim_lies_clear(&self->lies);
    fsp_free(self);
    *self_p = NULL;
}

/* -- writing ----------------------------------------------------------------------------------- */

static void
apply(fsp_memview_t *const *views, const fsp_batch_t *batch)
{
    for (size_t i = 0; i < FAMILY_COUNT; i++)
        fsp_memview_apply(views[families[i]], batch, families[i]);
}

void
sim_disk_prepare(sim_disk_t *self, const fsp_batch_t *batch)
{
    apply(self->visible, batch);
    apply(self->durable, batch);
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
        sim_write_t *write = &self->waiting[i];
        self->group_sync |= write->durable;
        sim_lies_falsify(&self->lies, write);
        if (!self->config->visible_late && !write->late)
            apply(self->visible, write->batch);
    }
    *ret_sync = self->group_sync;
    return true;
}

/* The first count of what is unsynced is on stable storage now. */
static void
make_durable(sim_disk_t *self, size_t count)
{
    for (size_t i = 0; i < count; i++)
        apply(self->durable, self->unsynced[i].batch);
    take_front(self->unsynced, &self->unsynced_count, count);
}

size_t
sim_disk_end(sim_disk_t *self, sim_done_t *ret_done)
{
    FSP_PRE(self->group_count > 0);
    size_t count = self->group_count;
    /* What a lie held back becomes visible one group late. */
    for (size_t i = 0; i < self->unsynced_count; i++) {
        if (self->unsynced[i].late)
            apply(self->visible, self->unsynced[i].batch);
        self->unsynced[i].late = false;
    }
    for (size_t i = 0; i < count; i++) {
        sim_write_t write = self->waiting[i];
        ret_done[i] = (sim_done_t){.token = write.token, .durable_index = write.durable_index};
        write.group_end = i + 1 == count;
        if (self->config->visible_late && !write.late)
            apply(self->visible, write.batch);
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
        sim_lies_remember(&self->lies, self->durable);
        make_durable(self, self->unsynced_count);
    }
    return count;
}

void
sim_disk_sync_all(sim_disk_t *self)
{
    FSP_PRE(self->waiting_count == 0);
    for (size_t i = 0; i < self->unsynced_count; i++)
        if (self->unsynced[i].late)
            apply(self->visible, self->unsynced[i].batch);
    make_durable(self, self->unsynced_count);
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
    make_durable(self, kept);
    take_front(self->unsynced, &self->unsynced_count, self->unsynced_count);
    *ret_watermark_lost = sim_lies_after_crash(&self->lies, self->durable);
    for (size_t i = 0; i < FAMILY_COUNT; i++) {
        fsp_memview_destroy(&self->visible[families[i]]);
        self->visible[families[i]] = sim_lies_copy(self->durable[families[i]]);
    }
}
