/* SPDX-License-Identifier: MIT */
/* disk - one node that stores, under the collection tests: its rows, writes on their way, crashes,
 * messages that come late or twice.  Layer tests.
 */
#ifndef FSP_TESTS_UNIT_COLLECT_DISK_H
#define FSP_TESTS_UNIT_COLLECT_DISK_H
#include "core/base/memview.h"
#include "core/base/prng.h"
#include "tests/unit/collect/shape.h"

enum { LAYOUT = 1, REQUESTS = 4096, WRITES = 4096, LATE = 16 };

/* A question to the node, by token; answers are copied. */
typedef struct {
    bool answered;
    fsp_status_t status;
    uint8_t yes[FSP_HAVE_KEYS_MAX];
    size_t yes_count;
    fsp_swept_t swept;
} request_t;

typedef struct {
    fsp_batch_t *batch;
    set_t deletes; /* rows that go with it */
} disk_write_t;

typedef struct {
    fsp_objects_event_t event;
    fsp_key_t keys[8];
} late_t;

static struct {
    fsp_memview_t *rows, *bytes;
    fsp_store_id_t store_id;
    fsp_objects_t *engine;
    fsp_objects_effects_t effects;
    disk_write_t writes[WRITES]; /* by token modulo */
    uint64_t written_token, write_token;
    set_t there;                  /* rows that are on the disk */
    set_t doomed;                 /* of them: a delete is on its way */
    request_t requests[REQUESTS]; /* by token modulo */
    uint64_t last_token;
    late_t late[LATE];
    size_t late_count;
    uint64_t swept; /* objects that sweeps took, ever */
} disk;

static void disk_check(const char *when); /* the world's: is all there that must be? */
static void violate(const char *what, size_t which, const char *when); /* does not come back */

static inline void
disk_start(void)
{
    disk.engine = fsp_objects_new(fsp_memview_view(disk.rows), SLOT_BITS, LAYOUT, disk.store_id);
    disk.written_token = disk.write_token = 0;
}

static inline void
disk_stop(void)
{
    while (disk.written_token < disk.write_token)
        fsp_batch_destroy(&disk.writes[++disk.written_token % WRITES].batch);
    disk.doomed = 0;
    fsp_objects_destroy(&disk.engine);
    fsp_objects_effects_clear(&disk.effects);
}

static inline void
disk_open(void)
{
    memset(&disk, 0, sizeof(disk));
    disk.rows = fsp_memview_new();
    disk.bytes = fsp_memview_new();
    disk.store_id.bytes[0] = 1;
    disk_start();
}

static inline void
disk_close(void)
{
    disk_stop();
    fsp_memview_destroy(&disk.rows);
    fsp_memview_destroy(&disk.bytes);
}

static inline void
take_write(fsp_objects_effect_t *effect)
{
    ck_assert_uint_eq(effect->token, ++disk.write_token);
    ck_assert_uint_lt(disk.write_token - disk.written_token, WRITES);
    disk_write_t *write = &disk.writes[effect->token % WRITES];
    *write = (disk_write_t){.batch = effect->batch};
    effect->batch = NULL;
    for (size_t i = 0; i < fsp_batch_count(write->batch); i++) {
        fsp_batch_row_t row = fsp_batch_row(write->batch, i);
        size_t which = shape_of_row(row.key);
        if (row.family == FSP_FAMILY_OBJECT && row.op == FSP_ROW_DELETE && which < OBJECTS)
            write->deletes |= (set_t)1 << which;
    }
    disk.doomed |= write->deletes;
}

static inline request_t *
request_of(uint64_t token)
{
    return &disk.requests[token % REQUESTS];
}

static inline void
take_effects(void)
{
    for (size_t i = 0; i < disk.effects.count; i++) {
        fsp_objects_effect_t *effect = &disk.effects.items[i];
        if (effect->type == FSP_OBJECTS_WRITE) {
            take_write(effect);
            continue;
        }
        request_t *request = request_of(effect->token);
        if (effect->token == 0 || request->answered)
            continue; /* one that came late: nobody waits */
        request->answered = true;
        request->status = effect->status;
        request->swept = effect->swept;
        request->yes_count = effect->yes_count;
        if (effect->yes_count > 0)
            memcpy(request->yes, effect->yes, effect->yes_count);
    }
}

static inline void
disk_step(const fsp_objects_event_t *event)
{
    fsp_objects_effects_reset(&disk.effects);
    ck_assert_int_eq(fsp_objects_step(disk.engine, event, &disk.effects), FSP_OK);
    take_effects();
    disk_check("a step of the node");
}

/* Sends a question; now and then it comes again later. */
static inline uint64_t
disk_ask(fsp_prng_t *prng, fsp_objects_event_t event)
{
    event.token = ++disk.last_token;
    event.space_id = shape_space;
    event.layout_version = LAYOUT;
    *request_of(event.token) = (request_t){.answered = false};
    if (event.key_count <= 8 && disk.late_count < LATE && fsp_prng_chance(prng, 1, 8)) {
        late_t *late = &disk.late[disk.late_count++];
        late->event = event;
        late->event.token = 0;
        if (event.key_count > 0)
            memcpy(late->keys, event.keys, event.key_count * sizeof(fsp_key_t));
    }
    disk_step(&event);
    return event.token;
}

static inline void
disk_late(fsp_prng_t *prng)
{
    if (disk.late_count == 0)
        return;
    size_t which = (size_t)fsp_prng_below(prng, disk.late_count);
    late_t late = disk.late[which];
    disk.late[which] = disk.late[--disk.late_count];
    late.event.keys = late.keys;
    disk_step(&late.event);
}

/* The oldest write reaches the disk, and the engine hears of it. */
static inline void
disk_write(void)
{
    if (disk.written_token == disk.write_token)
        return;
    uint64_t token = ++disk.written_token;
    disk_write_t *write = &disk.writes[token % WRITES];
    fsp_memview_apply(disk.rows, write->batch, FSP_FAMILY_OBJECT);
    fsp_memview_apply(disk.bytes, write->batch, FSP_FAMILY_BYTES);
    for (size_t i = 0; i < fsp_batch_count(write->batch); i++) {
        fsp_batch_row_t row = fsp_batch_row(write->batch, i);
        size_t which = shape_of_row(row.key);
        if (row.family != FSP_FAMILY_OBJECT || which == OBJECTS)
            continue;
        if (row.op == FSP_ROW_PUT)
            disk.there |= (set_t)1 << which;
        else if (disk.there & (set_t)1 << which)
            disk.there &= ~((set_t)1 << which), disk.swept++;
    }
    fsp_batch_destroy(&write->batch);
    disk.doomed = 0;
    for (uint64_t next = token + 1; next <= disk.write_token; next++)
        disk.doomed |= disk.writes[next % WRITES].deletes;
    disk_step(&(fsp_objects_event_t){.type = FSP_OBJECTS_WRITTEN, .token = token});
}

/* The node dies: writes on their way are lost, all but some of the oldest. */
static inline void
disk_crash(fsp_prng_t *prng)
{
    uint64_t kept = fsp_prng_below(prng, disk.write_token - disk.written_token + 1);
    while (kept-- > 0) {
        disk_write_t *write = &disk.writes[++disk.written_token % WRITES];
        fsp_memview_apply(disk.rows, write->batch, FSP_FAMILY_OBJECT);
        fsp_memview_apply(disk.bytes, write->batch, FSP_FAMILY_BYTES);
        fsp_batch_destroy(&write->batch);
    }
    disk_stop();
    disk.there = 0;
    for (size_t i = 0; i < OBJECTS; i++)
        if (fsp_omap_get(fsp_memview_map(disk.rows),
                         fsp_slice(shapes[i].row_key, shapes[i].row_key_bytes)))
            disk.there |= (set_t)1 << i;
    disk_start();
    disk_check("a crash");
}

/* The disk is exchanged for another one with the same objects and stamps, and without marks. */
static inline void
disk_exchange(fsp_prng_t *prng)
{
    disk_crash(prng);
    fsp_objects_destroy(&disk.engine);
    for (size_t i = 0; i < OBJECTS; i++) {
        fsp_slice_t row_key = fsp_slice(shapes[i].row_key, shapes[i].row_key_bytes);
        const fsp_omap_row_t *found = fsp_omap_get(fsp_memview_map(disk.rows), row_key);
        fsp_object_row_t row;
        if (!found)
            continue;
        ck_assert_int_eq(fsp_object_row_decode(found->value, &row), FSP_OK);
        row.mark = 0;
        fsp_buf_t value;
        fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
        fsp_object_row_encode(&row, &value);
        fsp_omap_put(fsp_memview_map(disk.rows), row_key, fsp_buf_slice(&value), 0);
        fsp_buf_clear(&value);
    }
    disk.store_id.bytes[0]++;
    disk_start();
}

/* Head and open part, as GET would bring them; NOT_FOUND. */
static inline fsp_status_t
disk_read(size_t which, fsp_slice_t *ret_head, fsp_slice_t *ret_open, uint8_t *head)
{
    fsp_objects_event_t event = {.type = FSP_OBJECTS_GET,
                                 .space_id = shape_space,
                                 .keys = &shapes[which].key,
                                 .key_count = 1};
    fsp_objects_effects_reset(&disk.effects);
    ck_assert_int_eq(fsp_objects_step(disk.engine, &event, &disk.effects), FSP_OK);
    ck_assert_uint_eq(disk.effects.count, 1);
    const fsp_objects_effect_t *read = &disk.effects.items[0];
    if (read->status != FSP_OK)
        return read->status;
    memcpy(head, read->row.head, FSP_OBJECT_HEAD_BYTES);
    *ret_head = fsp_slice(head, FSP_OBJECT_HEAD_BYTES);
    fsp_slice_t whole = fsp_blob_slice(shapes[which].bytes);
    *ret_open = fsp_slice(whole.data + FSP_OBJECT_HEADER_BYTES, (size_t)read->row.open_bytes);
    if (read->pending)
        return FSP_OK;
    fsp_memview_t *family = read->row.family == FSP_FAMILY_OBJECT ? disk.rows : disk.bytes;
    const fsp_omap_row_t *bytes =
        fsp_omap_get(fsp_memview_map(family), fsp_buf_slice(&read->bytes_key));
    if (!bytes || !fsp_slice_eq(bytes->value, whole))
        violate("BYTES", which, "it was read");
    return FSP_OK;
}

/* As many bytes as rows: nothing stays behind, nothing is missing. */
static inline void
disk_check_bytes(void)
{
    size_t rows = 0, bytes = fsp_omap_count(fsp_memview_map(disk.bytes));
    const fsp_omap_row_t *row = fsp_omap_first(fsp_memview_map(disk.rows));
    for (; row; row = fsp_omap_next(row)) {
        bool is_row = row->key.data[row->key.bytes - 1] == 0x00;
        rows += is_row;
        bytes += !is_row;
    }
    ck_assert_uint_eq(rows, bytes);
}
#endif
