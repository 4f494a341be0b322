/* SPDX-License-Identifier: MIT */
/* gets - drives a download against the objects of a world.  Layer tests. */
#ifndef FSP_TESTS_UNIT_DATA_GETS_H
#define FSP_TESTS_UNIT_DATA_GETS_H
#include "core/data/download.h"
#include "tests/unit/data/transfer.h"

/* A get under way: a client, owners and workers in one. */
typedef struct {
    world_t *world;
    fsp_download_t *download;
    fsp_download_config_t config;
    fsp_download_effects_t effects;
    fsp_download_effect_t *jobs; /* FETCH and OPEN, not done */
    size_t job_count, job_capacity;
    uint8_t *received;
    uint64_t received_bytes, credit;
    uint64_t fetch_count, part_count, sealed_bytes; /* parts: not whole; bytes: of chunks */
    bool ended, failed;
    fsp_status_t status;
    fsp_key_t failed_key;
    bool lends;        /* DATA is kept for a while, and told so: */
    fsp_blob_t **kept; /* in order */
    size_t kept_count, kept_capacity;
    uint64_t alive_bytes; /* plaintext that exists */
    uint64_t frame_bytes;
} get_t;

static inline void
keep(get_t *self, fsp_blob_t *blob)
{
    if (self->kept_count == self->kept_capacity) {
        self->kept_capacity = 2 * self->kept_capacity + 8;
        self->kept = fsp_realloc(self->kept, self->kept_capacity * sizeof(fsp_blob_t *));
    }
    self->kept[self->kept_count++] = fsp_blob_ref(blob);
}

static inline void
take_effects(get_t *self)
{
    for (size_t i = 0; i < self->effects.count; i++) {
        fsp_download_effect_t *effect = &self->effects.items[i];
        ck_assert(!self->ended && !self->failed);
        switch (effect->type) {
        case FSP_DOWNLOAD_FETCH:
            self->fetch_count++;
            self->part_count += effect->sealed_to != 0;
            break;
        case FSP_DOWNLOAD_OPEN:
            break;
        case FSP_DOWNLOAD_DATA:
            ck_assert_uint_eq(effect->offset, self->config.from + self->received_bytes);
            ck_assert_uint_gt(effect->slice.bytes, 0);
            ck_assert_uint_le(effect->slice.bytes, FSP_FRAME_BYTES_MAX);
            ck_assert_uint_le(effect->slice.bytes, self->frame_bytes);
            ck_assert_uint_le(effect->slice.bytes, self->credit);
            ck_assert_uint_le(self->received_bytes + effect->slice.bytes,
                              self->config.to - self->config.from);
            ck_assert(effect->slice.data >= fsp_blob_data(effect->blob));
            memcpy(self->received + self->received_bytes, effect->slice.data, effect->slice.bytes);
            self->received_bytes += effect->slice.bytes;
            self->credit -= effect->slice.bytes;
            if (self->lends)
                keep(self, effect->blob);
            continue;
        case FSP_DOWNLOAD_END:
            self->ended = true;
            continue;
        case FSP_DOWNLOAD_FAILED:
            self->failed = true;
            self->status = effect->status;
            self->failed_key = effect->key;
            continue;
        default:
            ck_abort();
        }
        if (self->job_count == self->job_capacity) {
            self->job_capacity = 2 * self->job_capacity + 8;
            self->jobs = fsp_realloc(self->jobs, self->job_capacity * sizeof(*self->jobs));
        }
        self->jobs[self->job_count++] = *effect;
        effect->part = (fsp_object_part_t){0};
    }
    fsp_download_effects_reset(&self->effects);
    /* One path of nodes, of at most 64 bytes a child. */
    ck_assert_uint_le(fsp_download_held_bytes(self->download),
                      self->config.window_bytes + 2 * 64 * FSP_TREE_FANOUT_MAX);
    if (self->lends)
        ck_assert_uint_le(self->alive_bytes, self->config.window_bytes);
}

/* Lets the oldest DATA go that are kept. */
static inline void
let_go(get_t *self, size_t count)
{
    ck_assert_uint_le(count, self->kept_count);
    for (size_t i = 0; i < count; i++)
        fsp_blob_destroy(&self->kept[i]);
    self->kept_count -= count;
    memmove(self->kept, self->kept + count, self->kept_count * sizeof(fsp_blob_t *));
    fsp_download_lent(self->download, self->alive_bytes, &self->effects);
    take_effects(self);
}

typedef struct {
    get_t *get;
    fsp_blob_t *blob;
} alive_t;

static inline void
free_alive(void *data, void *hint)
{
    (void)data;
    alive_t *alive = hint;
    alive->get->alive_bytes -= fsp_blob_bytes(alive->blob);
    fsp_blob_destroy(&alive->blob);
    fsp_free(alive);
}

/* Counts plaintext until nobody has it any more. */
static inline fsp_blob_t *
count_alive(get_t *self, fsp_blob_t *plain)
{
    alive_t *alive = FSP_NEW(alive_t);
    *alive = (alive_t){.get = self, .blob = plain};
    self->alive_bytes += fsp_blob_bytes(plain);
    union {
        const uint8_t *in;
        void *out;
    } data = {.in = fsp_blob_data(plain)};
    return fsp_blob_wrap(data.out, fsp_blob_bytes(plain), free_alive, alive);
}

static inline void
get_init(get_t *self, world_t *world, const fsp_upload_outcome_t *what, uint64_t from, uint64_t to,
         uint64_t window_bytes)
{
    *self = (get_t){.world = world,
                    .config = {.root_kind = what->root_kind,
                               .root_key = what->root_key,
                               .size = what->size,
                               .from = from,
                               .to = to,
                               .window_bytes = window_bytes}};
    self->received = fsp_alloc((size_t)(to - from) + 1);
    self->download = fsp_download_new(&self->config, &self->effects);
    self->frame_bytes = FSP_FRAME_BYTES_MAX;
    take_effects(self);
}

static inline void
get_clear(get_t *self)
{
    for (size_t i = 0; i < self->job_count; i++)
        fsp_object_part_clear(&self->jobs[i].part);
    fsp_free(self->jobs);
    fsp_free(self->received);
    fsp_download_effects_clear(&self->effects);
    fsp_download_destroy(&self->download);
    for (size_t i = 0; i < self->kept_count; i++)
        fsp_blob_destroy(&self->kept[i]);
    fsp_free(self->kept);
    ck_assert_uint_eq(self->alive_bytes, 0);
}

static inline void
give_credit(get_t *self, uint64_t bytes)
{
    self->credit += bytes;
    if (pick(self->world, 8) == 0) {
        self->frame_bytes = 1 + pick(self->world, FSP_FRAME_BYTES_MAX);
        fsp_download_frame(self->download, self->frame_bytes);
    }
    fsp_download_credit(self->download, bytes, &self->effects);
    take_effects(self);
}

/* What a storage node answers. */
static inline void
read_part(get_t *self, const fsp_download_effect_t *effect, fsp_object_part_t *ret)
{
    const fsp_omap_row_t *row = fsp_omap_get(self->world->objects, FSP_SLICE_OF(effect->key));
    ck_assert(row);
    fsp_object_header_t header;
    fsp_key_t key;
    ck_assert_int_eq(fsp_object_header_decode(row->value, &header), FSP_OK);
    *ret = (fsp_object_part_t){.sealed_from = effect->sealed_from,
                               .sealed_bytes = fsp_object_sealed_bytes(&header)};
    ck_assert_int_eq(fsp_object_name(row->value, &key, ret->head), FSP_OK);
    const uint8_t *open = row->value.data + FSP_OBJECT_HEADER_BYTES;
    if (header.open_bytes)
        ret->open = fsp_blob_copy(open, header.open_bytes);
    uint64_t to = effect->sealed_to ? effect->sealed_to : ret->sealed_bytes;
    ck_assert_uint_lt(effect->sealed_from, to);
    ck_assert_uint_le(to, ret->sealed_bytes);
    size_t bytes = (size_t)(to - effect->sealed_from);
    ret->sealed = fsp_blob_copy(open + header.open_bytes + effect->sealed_from, bytes);
    if (header.kind == FSP_OBJECT_CHUNK)
        self->sealed_bytes += bytes;
}

static inline fsp_download_effect_t
take_job(get_t *self, size_t position)
{
    ck_assert(position < self->job_count);
    fsp_download_effect_t job = self->jobs[position];
    self->jobs[position] = self->jobs[--self->job_count];
    return job;
}

static inline void
do_get_job(get_t *self, size_t position)
{
    fsp_download_effect_t job = take_job(self, position);
    if (job.type == FSP_DOWNLOAD_FETCH) {
        fsp_object_part_t part;
        read_part(self, &job, &part);
        fsp_download_fetched(self->download, job.token, FSP_OK, &part, &self->effects);
        ck_assert(!part.open && !part.sealed);
    } else {
        fsp_blob_t *plain = NULL;
        fsp_slice_t sealed = fsp_blob_slice(job.part.sealed);
        fsp_status_t status = job.whole
                                  ? fsp_object_open(self->world->keys, job.key, job.part.head,
                                                    open_slice(job.part.open), sealed, &plain)
                                  : fsp_object_open_range(self->world->keys, job.key, job.part.head,
                                                          open_slice(job.part.open),
                                                          job.part.sealed_from, sealed, &plain);
        if (self->lends && plain)
            plain = count_alive(self, plain);
        fsp_download_opened(self->download, job.token, status, job.part.open, plain,
                            &self->effects);
        if (self->lends)
            fsp_download_lent(self->download, self->alive_bytes, &self->effects);
        fsp_blob_destroy(&plain);
        fsp_object_part_clear(&job.part);
    }
    take_effects(self);
}

/* Runs to the end; credit comes in random pieces, ahead of demand by at most ahead_bytes. */
static inline void
run_get(get_t *self, uint64_t ahead_bytes)
{
    while (!self->ended && !self->failed) {
        if (self->job_count > 0 && pick(self->world, 4) != 0) {
            do_get_job(self, pick(self->world, self->job_count));
        } else if (self->credit < ahead_bytes) {
            give_credit(self, 1 + pick(self->world, (size_t)(ahead_bytes - self->credit)));
        } else if (self->kept_count > 0) {
            let_go(self, 1 + pick(self->world, self->kept_count));
        } else {
            ck_assert_uint_gt(self->job_count, 0); /* or it is stuck */
            do_get_job(self, 0);
        }
    }
}
#endif
