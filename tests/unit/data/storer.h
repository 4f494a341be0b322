/* SPDX-License-Identifier: MIT */
/* storer - a node that stores: its disk, its engine, and writes on their way.  Layer tests. */
#ifndef FSP_TESTS_UNIT_DATA_STORER_H
#define FSP_TESTS_UNIT_DATA_STORER_H
#include "core/base/alloc.h"
#include "core/base/memview.h"
#include "core/base/prng.h"
#include "core/crypto/digest.h"
#include "core/data/objects.h"
#include "tests/unit/suite.h"

enum { SLOT_BITS = 16, LAYOUT_OURS = 5, WRITES_KEPT = 4096 };

/* A node: its disk, its engine, and writes on their way to the disk. */
static fsp_memview_t *rows, *bytes;
static fsp_objects_t *engine;
static fsp_objects_effects_t effects;
static fsp_batch_t *writes[WRITES_KEPT]; /* by token, NULL when written */
static uint64_t written_token, write_token;
static fsp_prng_t prng;
static const fsp_space_id_t space = {{1, 2, 3}};
static const fsp_store_id_t store = {{0x57, 1}};

static inline void
take_writes(void)
{
    for (size_t i = 0; i < effects.count; i++) {
        fsp_objects_effect_t *effect = &effects.items[i];
        if (effect->type != FSP_OBJECTS_WRITE)
            continue;
        ck_assert_uint_eq(effect->token, write_token + 1);
        write_token = effect->token;
        ck_assert_uint_lt(write_token, WRITES_KEPT);
        writes[write_token] = effect->batch;
        effect->batch = NULL;
    }
}

static inline void
step(const fsp_objects_event_t *event)
{
    fsp_objects_effects_reset(&effects);
    ck_assert_int_eq(fsp_objects_step(engine, event, &effects), FSP_OK);
    take_writes();
}

/* The oldest write reaches the disk, and the engine hears of it. */
static inline void
finish_write(void)
{
    ck_assert_uint_lt(written_token, write_token);
    uint64_t token = ++written_token;
    fsp_memview_apply(rows, writes[token], FSP_FAMILY_OBJECT);
    fsp_memview_apply(bytes, writes[token], FSP_FAMILY_BYTES);
    fsp_batch_destroy(&writes[token]);
    step(&(fsp_objects_event_t){.type = FSP_OBJECTS_WRITTEN, .token = token});
}

static inline void
finish_writes(void)
{
    while (written_token < write_token)
        finish_write();
}

static inline void
start_engine(void)
{
    engine = fsp_objects_new(fsp_memview_view(rows), SLOT_BITS, LAYOUT_OURS, store);
    written_token = write_token = 0;
}

/* What was not written is lost. */
static inline void
stop_engine(void)
{
    while (written_token < write_token)
        fsp_batch_destroy(&writes[++written_token]);
    fsp_objects_destroy(&engine);
}

static inline void
set_up(void)
{
    fsp_prng_init(&prng, fsp_suite_seed(21));
    rows = fsp_memview_new();
    bytes = fsp_memview_new();
    start_engine();
}

static inline void
tear_down(void)
{
    stop_engine();
    fsp_objects_effects_clear(&effects);
    fsp_memview_destroy(&rows);
    fsp_memview_destroy(&bytes);
}

/* A sound object by its form; nobody opens it. */
static inline fsp_blob_t *
make_object(size_t content_bytes, fsp_key_t *ret_key)
{
    fsp_object_header_t header = {.kind = FSP_OBJECT_CHUNK,
                                  .generation = 1,
                                  .input_bytes = content_bytes,
                                  .plain_bytes = content_bytes};
    fsp_prng_fill(&prng, header.salt, sizeof(header.salt));
    fsp_blob_t *object = fsp_blob_new((size_t)fsp_object_bytes(&header));
    uint8_t *data = fsp_blob_writable(object);
    fsp_object_header_encode(&header, data);
    memset(data + FSP_OBJECT_HEADER_BYTES, data[40],
           fsp_blob_bytes(object) - FSP_OBJECT_HEADER_BYTES);
    ck_assert_int_eq(fsp_object_name(fsp_blob_slice(object), ret_key, NULL), FSP_OK);
    return object;
}

static inline fsp_objects_event_t
event_of(fsp_objects_event_type_t type, uint64_t token, const fsp_key_t *keys, size_t key_count,
         uint64_t epoch)
{
    return (fsp_objects_event_t){.type = type,
                                 .token = token,
                                 .space_id = space,
                                 .epoch = epoch,
                                 .layout_version = LAYOUT_OURS,
                                 .keys = keys,
                                 .key_count = key_count};
}

static inline void
put(uint64_t token, const fsp_key_t *key, fsp_blob_t *object, uint64_t epoch)
{
    fsp_objects_event_t event = event_of(FSP_OBJECTS_PUT, token, key, 1, epoch);
    event.object = object;
    step(&event);
}

static inline void
have(uint64_t token, const fsp_key_t *keys, size_t count, uint64_t epoch)
{
    fsp_objects_event_t event = event_of(FSP_OBJECTS_HAVE, token, keys, count, epoch);
    step(&event);
}

/* The only effect of the last step. */
static inline const fsp_objects_effect_t *
only(fsp_objects_effect_type_t type)
{
    ck_assert_uint_eq(effects.count, 1);
    ck_assert_int_eq(effects.items[0].type, type);
    return &effects.items[0];
}

static inline void
expect_stored(uint64_t token, fsp_status_t status)
{
    const fsp_objects_effect_t *effect = only(FSP_OBJECTS_STORED);
    ck_assert_uint_eq(effect->token, token);
    ck_assert_int_eq(effect->status, status);
}

static inline void
expect_yes(uint64_t token, uint8_t yes)
{
    const fsp_objects_effect_t *effect = only(FSP_OBJECTS_ANSWER);
    ck_assert_uint_eq(effect->token, token);
    ck_assert_int_eq(effect->status, FSP_OK);
    ck_assert_uint_eq(effect->yes_count, 1);
    ck_assert_uint_eq(effect->yes[0], yes);
}

/* The row on disk; false if there is none. */
static inline bool
row_on_disk(const fsp_key_t *key, fsp_object_row_t *ret)
{
    fsp_buf_t row_key;
    fsp_buf_init(&row_key, FSP_ROW_KEY_BYTES_MAX);
    fsp_object_row_key(SLOT_BITS, space, *key, 0x00, &row_key);
    const fsp_omap_row_t *row = fsp_omap_get(fsp_memview_map(rows), fsp_buf_slice(&row_key));
    if (row)
        ck_assert_int_eq(fsp_object_row_decode(row->value, ret), FSP_OK);
    fsp_buf_clear(&row_key);
    return row != NULL;
}

/* GET, and reading where it says. */
static inline void
expect_readable(const fsp_key_t *key, fsp_blob_t *object, bool pending)
{
    fsp_objects_event_t event = event_of(FSP_OBJECTS_GET, 9, key, 1, 0);
    step(&event);
    const fsp_objects_effect_t *read = only(FSP_OBJECTS_READ);
    ck_assert_int_eq(read->status, FSP_OK);
    ck_assert_uint_eq(FSP_OBJECT_HEADER_BYTES + read->row.open_bytes + read->row.sealed_bytes,
                      fsp_blob_bytes(object));
    fsp_hash_t name = fsp_sha256(fsp_slice(read->row.head, FSP_OBJECT_HEAD_BYTES));
    ck_assert_mem_eq(name.bytes, key->bytes, 32);
    ck_assert_int_eq(read->row.family, fsp_blob_bytes(object) < FSP_BLOB_BYTES_MIN
                                           ? FSP_FAMILY_OBJECT
                                           : FSP_FAMILY_BYTES);
    ck_assert_int_eq(read->pending != NULL, pending);
    fsp_slice_t found;
    if (pending) {
        found = fsp_blob_slice(read->pending);
    } else {
        fsp_memview_t *family = read->row.family == FSP_FAMILY_OBJECT ? rows : bytes;
        const fsp_omap_row_t *row =
            fsp_omap_get(fsp_memview_map(family), fsp_buf_slice(&read->bytes_key));
        ck_assert(row);
        found = row->value;
    }
    ck_assert(fsp_slice_eq(found, fsp_blob_slice(object)));
}
#endif
