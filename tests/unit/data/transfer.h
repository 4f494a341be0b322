/* SPDX-License-Identifier: MIT */
/* transfer - drives an upload to its end and keeps the objects.  Layer tests. */
#ifndef FSP_TESTS_UNIT_DATA_TRANSFER_H
#define FSP_TESTS_UNIT_DATA_TRANSFER_H
#include "core/base/alloc.h"
#include "core/base/omap.h"
#include "core/base/prng.h"
#include "core/crypto/digest.h"
#include "core/data/upload.h"
#include "tests/unit/suite.h"

/* A space and all that is stored of it. */
typedef struct {
    fsp_space_keys_t *keys;
    fsp_gear_t *gear;
    fsp_chunk_params_t params;
    fsp_omap_t *objects; /* key -> object */
    fsp_prng_t prng;
} world_t;

static const fsp_chunk_params_t params_small = {256, 1024, 4096};
static const fsp_chunk_params_t params_large = {64 * 1024, 128 * 1024, 256 * 1024};

static inline void
world_init(world_t *self, const fsp_chunk_params_t *params, uint64_t seed)
{
    fsp_secret_t secret;
    memset(secret.bytes, 7, sizeof(secret.bytes));
    self->keys = fsp_space_keys_new();
    fsp_space_keys_add(self->keys, 1, &secret);
    self->params = *params;
    self->gear = fsp_gear_new(&secret, params);
    self->objects = fsp_omap_new();
    fsp_prng_init(&self->prng, seed);
}

static inline void
world_clear(world_t *self)
{
    fsp_space_keys_destroy(&self->keys);
    fsp_gear_destroy(&self->gear);
    fsp_omap_destroy(&self->objects);
}

static inline size_t
pick(world_t *self, size_t bound)
{
    return (size_t)fsp_prng_below(&self->prng, bound);
}

/* Random bytes with compressible stretches (share of 4 of them: 0 none, 4 all). */
static inline uint8_t *
make_content(world_t *self, size_t bytes, unsigned share)
{
    uint8_t *content = fsp_alloc(bytes + 1);
    for (size_t at = 0; at < bytes;) {
        size_t stretch = 1 + pick(self, 512 * 1024);
        if (stretch > bytes - at)
            stretch = bytes - at;
        fsp_prng_fill(&self->prng, content + at, stretch);
        if (pick(self, 4) < share)
            for (size_t i = 0; i < stretch; i++)
                content[at + i] &= 3;
        at += stretch;
    }
    return content;
}

/* An effect that waits for its result. */
typedef struct {
    fsp_upload_effect_t effect;
    bool done;
} job_t;

typedef struct {
    world_t *world;
    fsp_upload_t *upload;
    fsp_upload_effects_t effects;
    uint64_t window_bytes;
    bool told;   /* of a checkpoint, by the effects that come now */
    job_t *jobs; /* not done, in no order */
    size_t job_count, job_capacity;
    uint64_t *plain_bytes; /* by token; nodes: 0 */
    size_t token_count;
    uint64_t granted, released; /* bytes of plaintext */
    uint64_t chunk_puts, have_count, node_seals;
    bool ready, failed;
    fsp_status_t status;
    /* Kept uploads. */
    fsp_midstate_t midstate; /* of it */
    bool has_midstate;
} driver_t;

/* Takes over the effects. */
static inline void
drain(driver_t *self)
{
    for (size_t i = 0; i < self->effects.count; i++) {
        fsp_upload_effect_t *effect = &self->effects.items[i];
        ck_assert(!self->ready && !self->failed);
        switch (effect->type) {
        case FSP_UPLOAD_SEAL:
            ck_assert_uint_eq(effect->token, self->token_count + 1);
            ck_assert(effect->kind == FSP_OBJECT_CHUNK || effect->open);
            self->plain_bytes =
                fsp_realloc(self->plain_bytes, ++self->token_count * sizeof(*self->plain_bytes));
            self->plain_bytes[effect->token - 1] =
                effect->kind == FSP_OBJECT_CHUNK ? fsp_blob_bytes(effect->plain) : 0;
            self->node_seals += effect->kind == FSP_OBJECT_TREE;
            break;
        case FSP_UPLOAD_HAVE:
            ck_assert_uint_ge(effect->bytes, FSP_HAVE_BYTES_MIN);
            self->have_count++;
            break;
        case FSP_UPLOAD_PUT:
            ck_assert(effect->object);
            self->chunk_puts += effect->kind == FSP_OBJECT_CHUNK;
            break;
        case FSP_UPLOAD_CREDIT:
            ck_assert_uint_ge(effect->bytes, self->window_bytes / (self->told ? 32 : 4));
            self->granted += effect->bytes;
            continue;
        case FSP_UPLOAD_FETCH:
            ck_assert_uint_eq(effect->token, self->token_count + 1);
            self->plain_bytes =
                fsp_realloc(self->plain_bytes, ++self->token_count * sizeof(*self->plain_bytes));
            self->plain_bytes[effect->token - 1] = 0;
            break;
        case FSP_UPLOAD_CHECKPOINT:
            break;
        case FSP_UPLOAD_READY:
            self->ready = true;
            continue;
        case FSP_UPLOAD_FAILED:
            self->failed = true;
            self->status = effect->status;
            continue;
        default:
            ck_abort();
        }
        if (self->job_count == self->job_capacity) {
            self->job_capacity = 2 * self->job_capacity + 8;
            self->jobs = fsp_realloc(self->jobs, self->job_capacity * sizeof(*self->jobs));
        }
        self->jobs[self->job_count++] = (job_t){.effect = *effect};
        effect->open = effect->plain = effect->object = NULL;
    }
    fsp_upload_effects_reset(&self->effects);
    self->told = false;
    /* Granted and not received, and plaintext held, fit the window. */
    ck_assert_uint_le(self->granted - self->released, self->window_bytes);
    /* Sealing adds headers and tags; a node may wait on each level. */
    ck_assert_uint_le(fsp_upload_held_bytes(self->upload),
                      self->window_bytes + self->window_bytes / 2 +
                          FSP_TREE_DEPTH_MAX * (uint64_t)FSP_OBJECT_OPEN_BYTES_MAX);
}

/* checkpoint_bytes 0: not kept.  start: what an earlier one left; NULL: nothing. */
static inline void
driver_init_kept(driver_t *self, world_t *world, uint64_t window_bytes, uint64_t size_max,
                 uint64_t checkpoint_bytes, const fsp_midstate_t *start)
{
    *self = (driver_t){.world = world, .window_bytes = window_bytes};
    self->upload = fsp_upload_new(&(fsp_upload_config_t){.gear = world->gear,
                                                         .window_bytes = window_bytes,
                                                         .size_max = size_max,
                                                         .checkpoint_bytes = checkpoint_bytes,
                                                         .start = start},
                                  &self->effects);
    drain(self);
}

static inline void
driver_init(driver_t *self, world_t *world, uint64_t window_bytes, uint64_t size_max)
{
    driver_init_kept(self, world, window_bytes, size_max, 0, NULL);
    ck_assert_uint_eq(self->granted, window_bytes);
}

static inline void
job_clear(job_t *job)
{
    fsp_blob_destroy(&job->effect.open);
    fsp_blob_destroy(&job->effect.plain);
    fsp_blob_destroy(&job->effect.object);
}

static inline void
driver_clear(driver_t *self)
{
    for (size_t i = 0; i < self->job_count; i++)
        job_clear(&self->jobs[i]);
    fsp_free(self->jobs);
    fsp_free(self->plain_bytes);
    fsp_upload_effects_clear(&self->effects);
    fsp_upload_destroy(&self->upload);
}

static inline fsp_slice_t
open_slice(const fsp_blob_t *blob)
{
    return blob ? fsp_blob_slice(blob) : fsp_slice(NULL, 0);
}

/* Reads an object for the upload. */
static inline void
do_fetch(driver_t *self, const fsp_upload_effect_t *effect)
{
    const fsp_omap_row_t *row = fsp_omap_get(self->world->objects, FSP_SLICE_OF(effect->key));
    fsp_fetched_t fetched = {.status = FSP_NOT_FOUND};
    fsp_blob_t *plain = NULL;
    if (row) {
        uint8_t head[FSP_OBJECT_HEAD_BYTES];
        fetched.status = fsp_object_name(row->value, &fetched.key, head);
        if (fetched.status == FSP_OK)
            fetched.status = fsp_object_header_decode(row->value, &fetched.header);
        if (fetched.status == FSP_OK)
            fetched.status = fsp_object_open_whole(self->world->keys, fetched.key, row->value,
                                                   &plain, &fetched.open);
        if (fetched.status == FSP_OK)
            fetched.plain = fsp_blob_slice(plain);
    }
    fsp_upload_fetched(self->upload, effect->token, &fetched, &self->effects);
    fsp_blob_destroy(&plain);
}

/* What a checkpoint says goes through its bytes, as in the log. */
static inline void
do_checkpoint(driver_t *self)
{
    fsp_midstate_t midstate;
    fsp_buf_t buf;
    fsp_buf_init(&buf, 512);
    fsp_upload_midstate(self->upload, &midstate);
    fsp_midstate_encode(&midstate, &buf);
    ck_assert(fsp_buf_ok(&buf));
    ck_assert_int_eq(fsp_midstate_decode(fsp_buf_slice(&buf), &self->midstate), FSP_OK);
    fsp_buf_clear(&buf);
    self->has_midstate = true;
    self->told = true;
    fsp_upload_checkpointed(self->upload, &self->effects);
}

/* Does a job truly and reports it. */
static inline void
do_job(driver_t *self, size_t position)
{
    ck_assert(position < self->job_count);
    job_t job = self->jobs[position];
    self->jobs[position] = self->jobs[--self->job_count];
    fsp_upload_effect_t *effect = &job.effect;
    fsp_slice_t key = FSP_SLICE_OF(effect->key);
    if (effect->type == FSP_UPLOAD_FETCH) {
        do_fetch(self, effect);
    } else if (effect->type == FSP_UPLOAD_CHECKPOINT) {
        do_checkpoint(self);
    } else if (effect->type == FSP_UPLOAD_SEAL) {
        fsp_sealed_t sealed;
        fsp_object_seal_all(self->world->keys, effect->kind, open_slice(effect->open),
                            fsp_blob_slice(effect->plain), &sealed);
        fsp_upload_sealed(self->upload, effect->token, &sealed, &self->effects);
        fsp_blob_destroy(&sealed.object);
    } else {
        bool yes = effect->type == FSP_UPLOAD_HAVE && fsp_omap_get(self->world->objects, key);
        if (yes || effect->type == FSP_UPLOAD_PUT)
            self->released += self->plain_bytes[effect->token - 1];
        if (effect->type == FSP_UPLOAD_HAVE) {
            fsp_upload_have(self->upload, effect->token, FSP_OK, yes, &self->effects);
        } else {
            fsp_key_t name;
            uint8_t head[FSP_OBJECT_HEAD_BYTES];
            ck_assert_int_eq(fsp_object_name(fsp_blob_slice(effect->object), &name, head), FSP_OK);
            ck_assert(fsp_key_eq(name, effect->key));
            ck_assert_mem_eq(head, effect->head, sizeof(head));
            fsp_omap_put(self->world->objects, key, fsp_blob_slice(effect->object), 0);
            fsp_upload_stored(self->upload, effect->token, FSP_OK, &self->effects);
        }
    }
    job_clear(&job);
    drain(self);
}

/* Sends as much as is granted, at most bytes. */
static inline size_t
send_some(driver_t *self, const uint8_t *content, size_t bytes)
{
    uint64_t credit = fsp_upload_credit_bytes(self->upload);
    if (bytes > credit)
        bytes = (size_t)credit;
    fsp_upload_data(self->upload, fsp_slice(content, bytes), &self->effects);
    drain(self);
    return bytes;
}

/* Uploads content, with jobs done in random order, one in `eagerness` turns sending. */
static inline void
run_upload(driver_t *self, const uint8_t *content, size_t bytes, size_t eagerness)
{
    world_t *world = self->world;
    size_t sent = 0;
    bool finished = false;
    while (!self->ready && !self->failed) {
        uint64_t credit = self->granted - sent;
        if (self->job_count > 0 && (pick(world, eagerness) != 0 || finished || credit == 0)) {
            do_job(self, pick(world, self->job_count));
        } else if (sent < bytes) {
            ck_assert_uint_gt(credit, 0); /* or it is stuck */
            size_t most = bytes - sent < FSP_FRAME_BYTES_MAX ? bytes - sent : FSP_FRAME_BYTES_MAX;
            sent += send_some(self, content + sent, 1 + pick(world, most));
        } else {
            ck_assert(!finished || self->job_count > 0);
            finished = true;
            fsp_upload_finish(self->upload, &self->effects);
            drain(self);
        }
    }
}

/* Uploads content whole and gives its outcome (without inline content). */
static inline fsp_upload_outcome_t
upload_content(world_t *world, const uint8_t *content, size_t bytes)
{
    driver_t driver;
    driver_init(&driver, world, 8 * (uint64_t)world->params.bytes_max, 0);
    run_upload(&driver, content, bytes, 4);
    ck_assert(driver.ready);
    fsp_upload_outcome_t outcome;
    fsp_upload_outcome(driver.upload, &outcome);
    outcome.inline_content = fsp_slice(NULL, 0);
    driver_clear(&driver);
    return outcome;
}
#endif
