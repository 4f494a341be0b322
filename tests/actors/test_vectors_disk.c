/* SPDX-License-Identifier: MIT */
/* test_vectors_disk - golden vectors of what a node's directory holds beside the state machine's
 * rows.  Layer tests.
 *
 * docs/protocol/store.md; node.keys and genesis: keys.md.
 */
#include "actors/identity.h"
#include "actors/keyring.h"
#include "core/base/canon.h"
#include "core/data/objects.h"
#include "core/engine/log_rows.h"
#include "store/datadir.h"
#include "store/db.h"
#include "store/readonly.h"
#include "store/segfile.h"
#include "store/watermark.h"
#include "tests/unit/proto/vectors.h"
#include "tests/unit/store/scratch.h"

#include <xxhash.h>

/* -- log --------------------------------------------------------------------------------------- */

static fsp_status_t
read_log_hard(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_log_hard_t row;
    fsp_status_t status = fsp_log_hard_decode(bytes, &row);
    if (status)
        return status;
    say_u64(meaning, "term", row.hard.term);
    say_u64(meaning, "vote", row.hard.vote);
    say_u64(meaning, "start", row.start);
    say_u64(meaning, "start_term", row.start_term);
    fsp_log_hard_encode(&row, again);
    return FSP_OK;
}

static fsp_status_t
read_log_entry(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_log_entry_t row;
    fsp_status_t status = fsp_log_entry_decode(bytes, &row);
    if (status)
        return status;
    say_u64(meaning, "term", row.term);
    say_u64(meaning, "entry_kind", row.kind);
    fsp_entry_t entry = {.term = row.term, .kind = row.kind};
    if (row.kind == FSP_ENTRY_COMMAND) {
        say_u64(meaning, "log_time", fsp_load_u64(row.bytes.data));
        say_hex(
            meaning, "command",
            fsp_slice(row.bytes.data + FSP_LOG_TIME_BYTES, row.bytes.bytes - FSP_LOG_TIME_BYTES));
        entry.bytes = fsp_blob_copy(row.bytes.data, row.bytes.bytes);
    } else if (row.kind == FSP_ENTRY_CONFIG) {
        say_hex(meaning, "configuration", row.bytes);
        entry.bytes = fsp_blob_copy(row.bytes.data, row.bytes.bytes);
    }
    fsp_log_entry_encode(&entry, again);
    fsp_blob_destroy(&entry.bytes);
    return FSP_OK;
}

static json_t *
conf_seats(const fsp_raft_conf_t *conf)
{
    json_t *seats = json_array();
    for (size_t i = 0; i < conf->count; i++) {
        json_t *seat = json_object();
        say_id(seat, "node", conf->seats[i].member.node_id);
        say_u64(seat, "replica", conf->seats[i].member.replica);
        say_id(seat, "store", conf->seats[i].member.store_id);
        say_u64(seat, "flags", conf->seats[i].flags);
        json_array_append_new(seats, seat);
    }
    return seats;
}

static fsp_status_t
read_log_base(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_log_base_t row;
    fsp_status_t status = fsp_log_base_decode(bytes, &row);
    if (status)
        return status;
    say_u64(meaning, "generation", row.generation);
    say_u64(meaning, "aim", row.conf.aim);
    say_u64(meaning, "next_replica", row.conf.next_replica);
    say(meaning, "seats", conf_seats(&row.conf));
    fsp_log_base_encode(&row, again);
    return FSP_OK;
}

static json_t *
compute_log_key(const json_t *given)
{
    fsp_shard_ref_t shard = {.shard = (uint32_t)take_u64(given, "shard"),
                             .generation = (uint32_t)take_u64(given, "generation")};
    fsp_raft_member_t member = {.replica = take_u64(given, "replica")};
    take_hex(given, "store", member.store_id.bytes, sizeof(member.store_id.bytes));
    fsp_log_name_t name = fsp_log_name(shard, &member);
    fsp_log_key_t hard = fsp_log_hard_key(&name),
                  entry = fsp_log_entry_key(&name, take_u64(given, "index"));
    json_t *result = json_object();
    say_hex(result, "hard_state", fsp_log_key_slice(&hard));
    say_hex(result, "entry", fsp_log_key_slice(&entry));
    return result;
}

static json_t *
compute_log_base_key(const json_t *given)
{
    fsp_shard_ref_t shard = {.shard = (uint32_t)take_u64(given, "shard"),
                             .generation = (uint32_t)take_u64(given, "generation")};
    fsp_raft_member_t member = {.replica = take_u64(given, "replica")};
    take_hex(given, "store", member.store_id.bytes, sizeof(member.store_id.bytes));
    fsp_log_name_t name = fsp_log_name(shard, &member);
    fsp_log_key_t base = fsp_log_base_key(&name);
    json_t *result = json_object();
    say_hex(result, "base", fsp_log_key_slice(&base));
    return result;
}

static void
make_log(json_t *entries)
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_VALUE_BYTES_MAX);
    fsp_log_hard_encode(
        &(fsp_log_hard_t){.hard = {.term = 3, .vote = 1}, .start = 100, .start_term = 2}, &bytes);
    vectors_add(entries, "hard state", "log-hard", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    fsp_log_entry_encode(&(fsp_entry_t){.term = 3, .kind = FSP_ENTRY_NOOP}, &bytes);
    vectors_add(entries, "log entry without a command", "log-entry", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    uint8_t command[FSP_LOG_TIME_BYTES + 2];
    fsp_store_u64(command, UINT64_C(1764083916000000));
    command[8] = 0xc0;
    command[9] = 0xde;
    fsp_entry_t entry = {
        .term = 3, .kind = FSP_ENTRY_COMMAND, .bytes = fsp_blob_copy(command, sizeof(command))};
    fsp_log_entry_encode(&entry, &bytes);
    fsp_blob_destroy(&entry.bytes);
    vectors_add(entries, "log entry with a command of two bytes", "log-entry",
                fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    vectors_add_hex(entries, "refused: log entry of version 2", "log-entry", "95020301c400c0");
    vectors_add_hex(entries, "refused: log entry of term 0", "log-entry", "94010001c400");
    vectors_add_hex(entries, "refused: log entry of kind 9", "log-entry", "94010309c400");
    vectors_add_hex(entries, "refused: log entry, a command without log time", "log-entry",
                    "94010302c40100");
    vectors_add_hex(entries, "refused: log entry, bytes in a no-op", "log-entry", "94010301c40100");
    vectors_add_hex(entries, "refused: hard state of version 2", "log-hard", "9602030100c0c0");
    vectors_add_hex(entries, "refused: hard state, a field too few", "log-hard", "9401030100");
    json_t *given = json_object();
    say_u64(given, "shard", 1);
    say_u64(given, "generation", 2);
    say_u64(given, "replica", 3);
    say(given, "store", json_string("0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"));
    say_u64(given, "index", 256);
    vectors_add_computed(entries, "keys of a log", "log-key", given);
}

/* What a log of more than one replica holds besides. */
static void
make_log_of_many(json_t *entries)
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_VALUE_BYTES_MAX);
    fsp_log_base_t base = {.generation = 2, .conf = {.aim = 5, .next_replica = 2, .count = 1}};
    FILL(base.conf.seats[0].member.node_id, 0xd0);
    FILL(base.conf.seats[0].member.store_id, 0x0f);
    base.conf.seats[0].member.replica = 1;
    base.conf.seats[0].flags = FSP_RAFT_VOTER;
    fsp_log_base_encode(&base, &bytes);
    vectors_add(entries, "base of a log", "log-base", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    fsp_buf_t conf;
    fsp_buf_init(&conf, FSP_RAFT_CONF_BYTES_MAX);
    fsp_raft_conf_encode(&base.conf, &conf);
    fsp_entry_t entry = {
        .term = 3, .kind = FSP_ENTRY_CONFIG, .bytes = fsp_blob_copy(conf.data, conf.bytes)};
    fsp_log_entry_encode(&entry, &bytes);
    vectors_add(entries, "log entry with a configuration", "log-entry", fsp_buf_slice(&bytes));
    fsp_blob_destroy(&entry.bytes);
    fsp_buf_clear(&conf);
    fsp_buf_clear(&bytes);
    json_t *given = json_object();
    say_u64(given, "shard", 1);
    say_u64(given, "generation", 2);
    say_u64(given, "replica", 3);
    say(given, "store", json_string("0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"));
    vectors_add_computed(entries, "key of the base of a log", "log-base-key", given);
    vectors_add_hex(entries, "refused: base of version 2", "log-base", "930202c4059401000190");
    vectors_add_hex(entries, "refused: base without a configuration", "log-base", "930102c400");
    vectors_add_hex(entries, "refused: log entry, an empty configuration", "log-entry",
                    "94010303c400");
}

/* -- object rows ------------------------------------------------------------------------------- */

static fsp_status_t
read_object_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_object_row_t row;
    fsp_status_t status = fsp_object_row_decode(bytes, &row);
    if (status)
        return status;
    say_u64(meaning, "object_kind", row.kind);
    say_u64(meaning, "open_bytes", row.open_bytes);
    say_u64(meaning, "sealed_bytes", row.sealed_bytes);
    say_u64(meaning, "where", row.family == FSP_FAMILY_BYTES ? 2 : 1);
    say_u64(meaning, "stamp", row.stamp);
    say_u64(meaning, "mark", row.mark);
    say_u64(meaning, "flags", row.flags);
    say_hex(meaning, "head", fsp_slice(row.head, sizeof(row.head)));
    fsp_object_row_encode(&row, again);
    return FSP_OK;
}

static json_t *
compute_object_row_key(const json_t *given)
{
    fsp_space_id_t space_id;
    fsp_key_t key;
    take_hex(given, "space", space_id.bytes, sizeof(space_id.bytes));
    take_hex(given, "key", key.bytes, sizeof(key.bytes));
    unsigned bits = (unsigned)take_u64(given, "slot_bits");
    fsp_buf_t row, bytes;
    fsp_buf_init(&row, 64);
    fsp_buf_init(&bytes, 64);
    fsp_object_row_key(bits, space_id, key, 0, &row);
    fsp_object_row_key(bits, space_id, key, 1, &bytes);
    json_t *result = json_object();
    say_hex(result, "row", fsp_buf_slice(&row));
    say_hex(result, "bytes", fsp_buf_slice(&bytes));
    fsp_buf_clear(&row);
    fsp_buf_clear(&bytes);
    return result;
}

static void
make_object_rows(json_t *entries)
{
    fsp_object_row_t row = {.stamp = 2, .mark = 1, .family = FSP_FAMILY_OBJECT};
    fsp_object_header_t header = {
        .kind = FSP_OBJECT_CHUNK, .generation = 7, .input_bytes = 5000, .plain_bytes = 5000};
    memset(header.salt, 0x5a, sizeof(header.salt));
    memset(row.head, 0x4e, sizeof(row.head));
    fsp_object_header_encode(&header, row.head);
    row.kind = header.kind;
    row.sealed_bytes = fsp_object_sealed_bytes(&header);
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, 1024);
    fsp_object_row_encode(&row, &bytes);
    vectors_add(entries, "object row, bytes beside it", "object-row", fsp_buf_slice(&bytes));
    bytes.data[1] = 2;
    vectors_add(entries, "refused: object row of version 2", "object-row", fsp_buf_slice(&bytes));
    bytes.data[1] = 1;
    bytes.data[2] = FSP_OBJECT_TREE;
    vectors_add(entries, "refused: object row of another kind than its header", "object-row",
                fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    header = (fsp_object_header_t){.kind = FSP_OBJECT_TREE,
                                   .generation = 7,
                                   .open_bytes = 90000,
                                   .input_bytes = 36,
                                   .plain_bytes = 36};
    fsp_object_header_encode(&header, row.head);
    row.kind = header.kind;
    row.open_bytes = header.open_bytes;
    row.sealed_bytes = fsp_object_sealed_bytes(&header);
    row.family = FSP_FAMILY_BYTES;
    row.flags = FSP_OBJECT_GUEST | FSP_OBJECT_SUSPECT;
    fsp_object_row_encode(&row, &bytes);
    vectors_add(entries, "object row of a tree node in the family bytes, guest and suspect",
                "object-row", fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    json_t *given = json_object();
    say_u64(given, "slot_bits", 16);
    say(given, "space", json_string("11111111111111111111111111111111"));
    say(given, "key",
        json_string("deadbeef00000000000000000000000000000000000000000000000000000000"));
    vectors_add_computed(entries, "keys of an object", "object-row-key", given);
}

/* -- segments ---------------------------------------------------------------------------------- */

/* No format: 1, which is read for ever. */
static void
say_place(json_t *meaning, const fsp_place_t *place)
{
    if (!place->paged)
        say_u64(meaning, "format", 3);
    say_u64(meaning, "segment", place->segment);
    say_u64(meaning, "offset", place->offset);
    say_u64(meaning, "bytes", place->bytes);
    say_u64(meaning, "hash", place->hash);
}

/* The head and the key of a record. */
static fsp_status_t
read_segment_record(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_segrecord_t record;
    fsp_status_t status = fsp_segrecord_decode(bytes, &record);
    if (status)
        return status;
    say_place(meaning, &record.place);
    say_hex(meaning, "key", record.key);
    uint8_t *room = fsp_buf_extend(again, FSP_SEGMENT_HEADER_BYTES + record.key.bytes);
    fsp_segrecord_encode(&record, room);
    return FSP_OK;
}

static fsp_status_t
read_index_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_place_t place;
    fsp_status_t status = fsp_place_decode(bytes, &place);
    if (status)
        return status;
    say_place(meaning, &place);
    fsp_place_encode(&place, again);
    return FSP_OK;
}

static fsp_status_t
read_segment_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    uint64_t used, live;
    fsp_status_t status = fsp_segment_decode(bytes, &used, &live);
    if (status)
        return status;
    if (bytes.data[1] == 3)
        say_u64(meaning, "format", 3);
    say_u64(meaning, "used", used);
    say_u64(meaning, "live", live);
    fsp_segment_encode(used, live, again);
    again->data[1] = bytes.data[1]; /* 1 is not written any more */
    return FSP_OK;
}

static fsp_status_t
read_segments_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    uint64_t next;
    fsp_status_t status = fsp_segments_decode(bytes, &next);
    if (status)
        return status;
    say_u64(meaning, "next", next);
    fsp_segments_encode(next, again);
    return FSP_OK;
}

static fsp_status_t
read_migrated_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_slice_t key;
    fsp_status_t status = fsp_migrated_decode(bytes, &key);
    if (status)
        return status;
    say_hex(meaning, "key", key);
    fsp_migrated_encode(key, again);
    return FSP_OK;
}

/* A record as stores of format 2 wrote it, behind what is there. */
static void
add_paged(uint64_t segment, fsp_slice_t key, fsp_slice_t content, fsp_buf_t *file, fsp_place_t *ret)
{
    const fsp_segrecord_t record = {.place = {.segment = segment,
                                              .offset = file->bytes,
                                              .bytes = content.bytes,
                                              .hash = fsp_segrecord_hash(content),
                                              .paged = true},
                                    .key = key};
    size_t bytes = (size_t)fsp_segrecord_bytes(&record.place, key.bytes);
    uint8_t *room = fsp_buf_extend(file, bytes);
    memset(room, 0, bytes);
    fsp_segrecord_encode(&record, room);
    memcpy(room + FSP_SEGMENT_HEADER_BYTES + key.bytes, content.data, content.bytes);
    *ret = record.place;
}

/* The objects in groups of so many. */
static void
add_groups(const json_t *given, uint64_t segment, fsp_buf_t *bytes, json_t *offsets)
{
    char *directory = scratch_make(), name[FSP_SEGMENT_NAME_BYTES];
    fsp_segfile_t file;
    fsp_error_t error;
    fsp_place_t place;
    fsp_buf_t key, content;
    fsp_buf_init(&key, FSP_ROW_KEY_BYTES_MAX);
    fsp_buf_init(&content, FSP_OBJECT_BYTES_MAX);
    fsp_segfile_init(&file, directory);
    ck_assert_int_eq(fsp_segfile_make(&file, segment, 1 << 20, &error), FSP_OK);
    const json_t *groups = json_object_get(given, "groups");
    json_t *object;
    size_t index, group = 0,
                  left = groups ? (size_t)json_integer_value(json_array_get(groups, 0)) : 0;
    json_array_foreach((json_t *)(uintptr_t)take(given, "objects"), index, object)
    {
        fsp_buf_reset(&key);
        fsp_buf_reset(&content);
        vectors_unhex(take_text(object, "key"), &key);
        vectors_content(take(object, "content"), &content);
        fsp_slice_t key_slice = fsp_buf_slice(&key), octets = fsp_buf_slice(&content);
        if (!groups)
            add_paged(segment, key_slice, octets, bytes, &place);
        else
            ck_assert_int_eq(fsp_segfile_append(&file, key_slice, octets, &place, &error), FSP_OK);
        json_array_append_new(offsets, vectors_u64(place.offset));
        if (groups && --left == 0) {
            ck_assert_int_eq(fsp_segfile_flush(&file, true, &error), FSP_OK);
            left = (size_t)json_integer_value(json_array_get(groups, ++group));
        }
    }
    ck_assert_int_eq(fsp_segfile_finish(&file, &error), FSP_OK);
    fsp_segfile_clear(&file);
    fsp_segment_name(segment, name);
    if (groups)
        ck_assert_int_eq(fsp_datadir_read(directory, name, false, bytes, &error), FSP_OK);
    fsp_buf_clear(&key);
    fsp_buf_clear(&content);
    scratch_end(&directory);
}

/* A file of these objects, one behind the other; where each lies, and the key of the file's row. No
   groups: of format 1, whose records have whole pages. */
static json_t *
compute_segment_file(const json_t *given)
{
    fsp_buf_t key, bytes;
    fsp_buf_init(&key, FSP_ROW_KEY_BYTES_MAX);
    fsp_buf_init(&bytes, 1 << 20);
    char name[FSP_SEGMENT_NAME_BYTES];
    fsp_segment_name(take_u64(given, "segment"), name);
    json_t *result = json_object(), *offsets = json_array();
    add_groups(given, take_u64(given, "segment"), &bytes, offsets);
    fsp_segment_key(take_u64(given, "segment"), &key);
    say(result, "name", json_string(name));
    say_hex(result, "row_key", fsp_buf_slice(&key));
    say(result, "offsets", offsets);
    say_bytes(result, fsp_buf_slice(&bytes));
    fsp_buf_clear(&key);
    fsp_buf_clear(&bytes);
    return result;
}

static void
make_segment_file(json_t *entries)
{
    static const uint64_t lengths[] = {1, 3987, 3988, 70000};
    json_t *given = json_object(), *objects = json_array();
    say_u64(given, "segment", 0x1f);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        json_t *object = json_object(), *content = json_object();
        uint8_t key[53];
        memset(key, 0x4b + (int)i, sizeof(key));
        say_hex(object, "key", fsp_slice(key, sizeof(key)));
        say(content, "counter", json_string("object"));
        say_u64(content, "bytes", lengths[i]);
        say(object, "content", content);
        json_array_append_new(objects, object);
    }
    say(given, "objects", objects);
    vectors_add_computed(entries, "segment of four objects", "segment-file", json_deep_copy(given));
    json_t *groups = json_array();
    json_array_append_new(groups, json_integer(3));
    json_array_append_new(groups, json_integer(1));
    say(given, "groups", groups);
    vectors_add_computed(entries, "segment of four objects, packed, in two groups", "segment-file",
                         given);
}

/* Of format 3. */
static void
make_packed_rows(json_t *entries)
{
    static const fsp_place_t place = {
        .segment = 7, .offset = 1048832, .bytes = 70000, .hash = UINT64_C(0xf1f2f3f4f5f6f7f8)};
    uint8_t key[53];
    memset(key, 0x4b, sizeof(key));
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, 1024);
    const fsp_segrecord_t record = {.place = place, .key = fsp_slice(key, sizeof(key))};
    fsp_segrecord_encode(&record, fsp_buf_extend(&bytes, FSP_SEGMENT_HEADER_BYTES + sizeof(key)));
    vectors_add(entries, "head of a packed record", "segment-record", fsp_buf_slice(&bytes));
    bytes.data[11] = 4;
    vectors_add(entries, "refused: record of format 4", "segment-record", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    fsp_place_encode(&place, &bytes);
    vectors_add(entries, "index row of a packed record", "index-row", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    fsp_segment_encode(16 << 20, (1 << 20) + 256, &bytes);
    vectors_add(entries, "row of a segment with packed records", "segment-row",
                fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    vectors_add_hex(entries, "refused: index row of version 4", "index-row", "92040c");
    vectors_add_hex(entries, "refused: index row of a packed record, offset in a unit", "index-row",
                    "950307cd01800500");
    vectors_add_hex(entries, "refused: row of a segment, live in a unit", "segment-row",
                    "9303cd1000cd0180");
    vectors_add_hex(entries, "refused: row of a segment of version 4", "segment-row", "93040000");
}

static void
make_segment_rows(json_t *entries)
{
    static const fsp_place_t place = {.segment = 7,
                                      .offset = 1048576,
                                      .bytes = 70000,
                                      .hash = UINT64_C(0xf1f2f3f4f5f6f7f8),
                                      .paged = true};
    uint8_t key[53];
    memset(key, 0x4b, sizeof(key));
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, 1024);
    const fsp_segrecord_t record = {.place = place, .key = fsp_slice(key, sizeof(key))};
    fsp_segrecord_encode(&record, fsp_buf_extend(&bytes, FSP_SEGMENT_HEADER_BYTES + sizeof(key)));
    vectors_add(entries, "head of a segment's record", "segment-record", fsp_buf_slice(&bytes));
    bytes.data[11] = 2;
    vectors_add(entries, "refused: record of format 2", "segment-record", fsp_buf_slice(&bytes));
    bytes.data[11] = 1;
    bytes.data[63] ^= 1;
    vectors_add(entries, "refused: record with another key than its checksum's", "segment-record",
                fsp_buf_slice(&bytes));
    bytes.data[0] = 0;
    vectors_add(entries, "refused: no record begins there", "segment-record",
                fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    fsp_place_encode(&place, &bytes);
    vectors_add(entries, "index row", "index-row", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    fsp_segment_encode(16 << 20, 1 << 20, &bytes);
    bytes.data[1] = 1;
    vectors_add(entries, "row of a segment", "segment-row", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    fsp_segments_encode(8, &bytes);
    vectors_add(entries, "row segments", "segments-row", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    fsp_migrated_encode(fsp_slice(key, sizeof(key)), &bytes);
    vectors_add(entries, "row migrated", "migrated-row", fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    vectors_add_hex(entries, "refused: index row of version 2", "index-row", "92020c");
    vectors_add_hex(entries, "refused: index row, a field too few", "index-row", "9401070005");
    vectors_add_hex(entries, "refused: index row of segment 0", "index-row", "950100000500");
    vectors_add_hex(entries, "refused: index row, offset in a page", "index-row", "950107010500");
    vectors_add_hex(entries, "refused: row of a segment, more live than used", "segment-row",
                    "930100cd1000");
    vectors_add_hex(entries, "refused: row of a segment of version 2", "segment-row", "93020000");
    vectors_add_hex(entries, "refused: row segments, no number", "segments-row", "920100");
    vectors_add_hex(entries, "refused: row migrated of version 2", "migrated-row", "9202c400");
    make_segment_file(entries);
}

/* -- watermark --------------------------------------------------------------------------------- */

static json_t *
say_marks(const fsp_watermark_t *mark)
{
    json_t *marks = json_array();
    for (uint32_t i = 0; i < mark->count; i++) {
        json_t *value = json_object();
        say_u64(value, "shard", mark->marks[i].shard);
        say_u64(value, "replica", mark->marks[i].replica);
        say_u64(value, "index", mark->marks[i].index);
        json_array_append_new(marks, value);
    }
    return marks;
}

static fsp_status_t
read_watermark_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    static fsp_watermark_t mark;
    fsp_status_t status = fsp_watermark_decode_row(bytes, &mark);
    if (status)
        return status;
    say_u64(meaning, "sequence", mark.sequence);
    say(meaning, "marks", say_marks(&mark));
    fsp_watermark_encode_row(&mark, again);
    return FSP_OK;
}

static json_t *
describe_slot(const uint8_t *slot)
{
    json_t *object = json_object();
    size_t used = 40 + 20 * (size_t)fsp_load_u32(slot + 32);
    say_hex(object, "front", fsp_slice(slot, used));
    size_t zeros = 0;
    while (used + zeros < FSP_WATERMARK_SLOT_BYTES - 8 && slot[used + zeros] == 0)
        zeros++;
    say_u64(object, "zeros", zeros);
    say_hex(object, "checksum", fsp_slice(slot + FSP_WATERMARK_SLOT_BYTES - 8, 8));
    return object;
}

/* Both slots as a program of that format wrote them: its number, and a checksum over that. */
static void
make_old_slots(const char *directory, uint32_t format, fsp_buf_t *bytes)
{
    fsp_error_t error;
    for (size_t at = 0; at < bytes->bytes; at += FSP_WATERMARK_SLOT_BYTES) {
        fsp_store_u32(bytes->data + at + 8, format);
        fsp_store_u64(bytes->data + at + FSP_WATERMARK_SLOT_BYTES - 8,
                      XXH3_64bits(bytes->data + at, FSP_WATERMARK_SLOT_BYTES - 8));
    }
    ck_assert_int_eq(fsp_datadir_write(directory, "WATERMARK", 0600, fsp_buf_slice(bytes), &error),
                     FSP_OK);
}

/* A new file, and one write into it; no format: 1, which is read for ever. */
static json_t *
compute_watermark_file(const json_t *given)
{
    static fsp_watermark_t mark, found;
    memset(&mark, 0, sizeof(mark));
    mark.sequence = take_u64(given, "sequence");
    mark.clean = json_is_true(take(given, "clean"));
    size_t index;
    json_t *value;
    json_array_foreach((json_t *)(uintptr_t)take(given, "marks"), index, value)(void)
        fsp_watermark_note(&mark, (uint32_t)take_u64(value, "shard"), take_u64(value, "replica"),
                           take_u64(value, "index"));
    char *directory = scratch_make();
    fsp_watermark_file_t file;
    fsp_error_t error;
    ck_assert_int_eq(fsp_watermark_file_make(directory, &error), FSP_OK);
    ck_assert_int_eq(fsp_watermark_file_open(directory, &file, &found, &error), FSP_OK);
    ck_assert_int_eq(fsp_watermark_file_write(&file, &mark, &error), FSP_OK);
    fsp_watermark_file_close(&file);
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_WATERMARK_FILE_BYTES);
    ck_assert_int_eq(fsp_datadir_read(directory, "WATERMARK", false, &bytes, &error), FSP_OK);
    ck_assert_uint_eq(bytes.bytes, FSP_WATERMARK_FILE_BYTES);
    uint64_t format = json_object_get(given, "format") ? take_u64(given, "format") : 1;
    if (format < FSP_STORE_FORMAT)
        make_old_slots(directory, (uint32_t)format, &bytes);
    ck_assert_int_eq(fsp_watermark_file_open(directory, &file, &found, &error), FSP_OK);
    fsp_watermark_file_close(&file);
    ck_assert(found.sequence == mark.sequence && found.clean == mark.clean &&
              found.count == mark.count);
    json_t *result = json_object(), *slots = json_array();
    json_array_append_new(slots, describe_slot(bytes.data));
    json_array_append_new(slots, describe_slot(bytes.data + FSP_WATERMARK_SLOT_BYTES));
    say(result, "slots", slots);
    fsp_buf_clear(&bytes);
    scratch_end(&directory);
    return result;
}

static void
make_watermark(json_t *entries)
{
    static fsp_watermark_t mark;
    memset(&mark, 0, sizeof(mark));
    mark.sequence = 1000;
    (void)fsp_watermark_note(&mark, 0, 1, 500);
    (void)fsp_watermark_note(&mark, 7, UINT64_MAX, UINT64_MAX);
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_WATERMARK_ROW_BYTES_MAX);
    fsp_watermark_encode_row(&mark, &bytes);
    vectors_add(entries, "watermark row", "watermark-row", fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    json_t *given = json_object();
    say_u64(given, "sequence", 0);
    say_bool(given, "clean", false);
    say(given, "marks", json_array());
    vectors_add_computed(entries, "new WATERMARK, written once", "watermark-file", given);
    given = json_object();
    say_u64(given, "sequence", mark.sequence);
    say_bool(given, "clean", true);
    say(given, "marks", say_marks(&mark));
    vectors_add_computed(entries, "WATERMARK of a clean stop", "watermark-file",
                         json_deep_copy(given));
    say_u64(given, "format", 2);
    vectors_add_computed(entries, "WATERMARK of a clean stop, format 2", "watermark-file",
                         json_deep_copy(given));
    say_u64(given, "format", FSP_STORE_FORMAT);
    vectors_add_computed(entries, "WATERMARK of a clean stop, format 3", "watermark-file", given);
}

/* -- identity ---------------------------------------------------------------------------------- */

static fsp_store_t *
open_store(const char *directory)
{
    fsp_store_config_t config = {.directory = directory, .sync = true};
    fsp_store_t *store = NULL;
    fsp_error_t error;
    bool fresh;
    ck_assert_msg(fsp_store_open(&config, &store, &fresh, &error) == FSP_OK, "%s", error.text);
    return store;
}

static void
put_row(fsp_batch_t *batch, const char *key, const json_t *given, const char *field)
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, 4096);
    vectors_unhex(take_text(given, field), &bytes);
    fsp_batch_put(batch, FSP_FAMILY_LOCAL, fsp_slice_text(key), fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
}

/* A directory that holds node.keys, genesis record and sealed mesh key is this node of this mesh.
 */
static json_t *
compute_identity(const json_t *given)
{
    char *directory = scratch_make();
    fsp_store_t *store = open_store(directory);
    fsp_error_t error;
    fsp_batch_t *batch = fsp_batch_new();
    put_row(batch, "genesis", given, "genesis");
    put_row(batch, "kek.gateway", given, "kek_gateway");
    ck_assert_int_eq(fsp_store_write(store, &batch, 1, &error), FSP_OK);
    fsp_batch_destroy(&batch);
    fsp_buf_t keys;
    fsp_buf_init(&keys, 4096);
    vectors_unhex(take_text(given, "node_keys"), &keys);
    ck_assert_int_eq(fsp_datadir_write(directory, "node.keys", 0600, fsp_buf_slice(&keys), &error),
                     FSP_OK);
    fsp_buf_clear(&keys);
    fsp_identity_t identity;
    json_t *result = json_object();
    fsp_status_t status = fsp_identity_open(directory, store, &identity, &error);
    if (status) {
        say(result, "refused", json_string(fsp_status_name(status)));
    } else {
        say_id(result, "mesh", identity.mesh_id);
        say_id(result, "node", identity.node_id);
        say_id(result, "store", identity.store_id);
        say_id(result, "mesh_key", identity.mesh_key);
        say_hex(result, "sign_public_key", fsp_slice(identity.sign_key.public_key, 32));
        say_hex(result, "curve_public_key", fsp_slice(identity.curve_key.public_key, 32));
        say_hex(result, "sealing_public_key", fsp_slice(identity.sealing_key.public_key, 32));
        say_hex(result, "admin_public_key", fsp_slice(identity.admin_public_key, 32));
        say_u64(result, "slot_bits", identity.slot_bits);
    }
    fsp_store_close(&store, true, 1000000);
    scratch_end(&directory);
    return result;
}

/* Takes nothing; each of the three in hex. */
static json_t *
example_identity(uint64_t keys_format, uint64_t genesis_format, uint64_t slot_bits)
{
    fsp_secret_t seed, curve, sealing, mesh_key, ephemeral;
    FILL(seed, 0x42);
    FILL(curve, 0x43);
    FILL(sealing, 0x44);
    FILL(mesh_key, 0x45);
    FILL(ephemeral, 0x46);
    fsp_store_id_t store_id;
    FILL(store_id, 0x0f);
    fsp_sign_key_t sign_key;
    fsp_box_key_t sealing_key;
    fsp_sign_key_from_seed(&sign_key, &seed);
    fsp_box_key_from_secret(&sealing_key, &sealing);
    json_t *given = json_object();
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, 4096);
    fsp_canon_array(&bytes, 5);
    fsp_canon_uint(&bytes, keys_format);
    fsp_canon_id(&bytes, store_id);
    fsp_canon_id(&bytes, seed);
    fsp_canon_id(&bytes, curve);
    fsp_canon_id(&bytes, sealing);
    say_hex(given, "node_keys", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    uint8_t admin[32], nonce[32];
    memset(admin, 0x47, sizeof(admin));
    memset(nonce, 0x48, sizeof(nonce));
    fsp_canon_array(&bytes, 6);
    fsp_canon_uint(&bytes, genesis_format);
    fsp_canon_uint(&bytes, UINT64_C(1764083916000000));
    fsp_canon_uint(&bytes, slot_bits);
    fsp_canon_bin(&bytes, fsp_slice(sign_key.public_key, 32));
    fsp_canon_bin(&bytes, fsp_slice(admin, sizeof(admin)));
    fsp_canon_bin(&bytes, fsp_slice(nonce, sizeof(nonce)));
    say_hex(given, "genesis", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    ck_assert_int_eq(
        fsp_box_seal(sealing_key.public_key, &ephemeral, FSP_SLICE_OF(mesh_key), &bytes), FSP_OK);
    say_hex(given, "kek_gateway", fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    return given;
}

/* -- client keys ------------------------------------------------------------------------------- */

/* The file of a mesh whose admin's key is given: its keys, and the same octets again. */
static json_t *
compute_client_keys(const json_t *given)
{
    static fsp_keyring_t keyring;
    fsp_mesh_id_t mesh_id;
    fsp_key_t admin;
    take_hex(given, "mesh", mesh_id.bytes, sizeof(mesh_id.bytes));
    take_hex(given, "admin_key", admin.bytes, sizeof(admin.bytes));
    fsp_keyring_init(&keyring, mesh_id, admin.bytes);
    fsp_buf_t file, again;
    fsp_buf_init(&file, FSP_KEYRING_FILE_BYTES_MAX);
    fsp_buf_init(&again, FSP_KEYRING_FILE_BYTES_MAX);
    vectors_unhex(take_text(given, "file"), &file);
    json_t *result = json_object();
    fsp_status_t status = fsp_keyring_decode(fsp_buf_slice(&file), &keyring);
    if (status) {
        say(result, "refused", json_string(fsp_status_name(status)));
    } else {
        json_t *keys = json_array();
        for (size_t i = 1; i < keyring.count; i++) {
            json_t *item = json_object();
            say_id(item, "key", keyring.items[i].key);
            say_text(item, "name", fsp_slice_text(keyring.items[i].name));
            say_u64(item, "added", keyring.items[i].added);
            json_array_append_new(keys, item);
        }
        say(result, "keys", keys);
        fsp_keyring_encode(&keyring, &again);
        ck_assert(fsp_slice_eq(fsp_buf_slice(&file), fsp_buf_slice(&again)));
    }
    fsp_buf_clear(&file);
    fsp_buf_clear(&again);
    return result;
}

typedef struct {
    uint8_t key;
    const char *name;
    uint64_t added;
} client_key_t;

/* format: above 1, the rest is of another form, too.  mesh: whose hash it is. */
static void
add_client_keys(json_t *entries, const char *name, uint64_t format, uint8_t mesh, size_t count,
                const client_key_t *keys)
{
    static const char what[] = "fsp client keys v1";
    fsp_mesh_id_t mesh_id, hashed_id;
    fsp_key_t key;
    fsp_buf_t items, hashed, file;
    fsp_buf_init(&items, FSP_KEYRING_FILE_BYTES_MAX);
    fsp_buf_init(&hashed, FSP_KEYRING_FILE_BYTES_MAX);
    fsp_buf_init(&file, FSP_KEYRING_FILE_BYTES_MAX);
    FILL(mesh_id, 0x4d);
    FILL(hashed_id, mesh);
    fsp_canon_array(&items, count);
    for (size_t i = 0; i < count; i++) {
        FILL(key, keys[i].key);
        fsp_canon_array(&items, 3);
        fsp_canon_id(&items, key);
        fsp_canon_text(&items, fsp_slice_text(keys[i].name));
        fsp_canon_uint(&items, keys[i].added);
    }
    fsp_buf_append(&hashed, what, sizeof(what) - 1);
    fsp_buf_append(&hashed, hashed_id.bytes, sizeof(hashed_id.bytes));
    fsp_buf_append_slice(&hashed, fsp_buf_slice(&items));
    fsp_hash_t hash = fsp_sha256(fsp_buf_slice(&hashed));
    fsp_canon_array(&file, format > 1 ? 2 : 3);
    fsp_canon_uint(&file, format);
    fsp_canon_bin(&file, fsp_buf_slice(&items));
    if (format == 1)
        fsp_canon_id(&file, hash);
    FILL(key, 0x47);
    json_t *given = json_object();
    say_id(given, "mesh", mesh_id);
    say_id(given, "admin_key", key);
    say_hex(given, "file", fsp_buf_slice(&file));
    vectors_add_computed(entries, name, "client-keys", given);
    fsp_buf_clear(&items);
    fsp_buf_clear(&hashed);
    fsp_buf_clear(&file);
}

static void
make_client_keys(json_t *entries)
{
    enum { MESH = 0x4d };
    static const uint64_t time = UINT64_C(1764083916000000);
    const client_key_t keys[] = {{0x49, "laptop", time}, {0x48, "t\xc3\xa9l\xc3\xa9phone", 1}};
    add_client_keys(entries, "client-keys of two", 1, MESH, 2, keys);
    add_client_keys(entries, "client-keys, when the last has gone", 1, MESH, 0, NULL);
    add_client_keys(entries, "refused: client-keys of format 2", 2, MESH, 2, keys);
    add_client_keys(entries, "refused: client-keys of another mesh", 1, MESH + 1, 2, keys);
    const client_key_t twice[] = {{0x49, "laptop", time}, {0x49, "laptop", time}};
    add_client_keys(entries, "refused: client-keys, one twice", 1, MESH, 2, twice);
    const client_key_t names[] = {{0x49, "laptop", time}, {0x48, "laptop", time}};
    add_client_keys(entries, "refused: client-keys, a name twice", 1, MESH, 2, names);
    const client_key_t admin = {0x47, "me", time}, name = {0x49, "admin", time};
    add_client_keys(entries, "refused: client-keys, the admin's key", 1, MESH, 1, &admin);
    add_client_keys(entries, "refused: client-keys, the admin's name", 1, MESH, 1, &name);
    const client_key_t zero = {0, "me", time}, control = {0x49, "a\tb", time};
    add_client_keys(entries, "refused: client-keys, a zero key", 1, MESH, 1, &zero);
    add_client_keys(entries, "refused: client-keys, a name with a control character", 1, MESH, 1,
                    &control);
    const client_key_t never = {0x49, "me", 0};
    add_client_keys(entries, "refused: client-keys, added at 0", 1, MESH, 1, &never);
}

/* A store of an older format as its first start left it: without a journal, WATERMARK of that
   format. */
static void
make_old_store(const char *directory, uint8_t old)
{
    const fsp_db_config_t config = {.path = scratch_path(directory, "db"),
                                    .cache_bytes = 1 << 20,
                                    .write_buffer_bytes = 4 << 20,
                                    .create = true};
    const uint8_t format[] = {0x91, old}, sequence[] = {1};
    const fsp_watermark_t mark = {.sequence = 1};
    fsp_db_t *db = NULL;
    fsp_error_t error;
    fsp_watermark_file_t file;
    fsp_watermark_t found;
    fsp_buf_t slots;
    ck_assert_int_eq(fsp_watermark_file_make(directory, &error), FSP_OK);
    ck_assert_int_eq(fsp_watermark_file_open(directory, &file, &found, &error), FSP_OK);
    ck_assert_int_eq(fsp_watermark_file_write(&file, &mark, &error), FSP_OK);
    fsp_watermark_file_close(&file);
    fsp_buf_init(&slots, FSP_WATERMARK_FILE_BYTES);
    ck_assert_int_eq(fsp_datadir_read(directory, "WATERMARK", false, &slots, &error), FSP_OK);
    make_old_slots(directory, old, &slots);
    fsp_buf_clear(&slots);
    ck_assert_int_eq(fsp_datadir_make(config.path, &error), FSP_OK);
    ck_assert_int_eq(fsp_db_open(&config, &db, &error), FSP_OK);
    fsp_db_write_t *write = fsp_db_write_new(db);
    fsp_db_write_put(write, FSP_FAMILY_LOCAL, fsp_slice_text("format"),
                     fsp_slice(format, sizeof(format)));
    fsp_db_write_put(write, FSP_FAMILY_LOCAL, fsp_slice_text("sequence"),
                     fsp_slice(sequence, sizeof(sequence)));
    ck_assert_int_eq(fsp_db_commit_logged(db, write, &error), FSP_OK);
    fsp_db_write_destroy(&write);
    fsp_db_close(&db);
}

static void
say_row(json_t *result, fsp_view_t *local, const char *name)
{
    fsp_buf_t value;
    fsp_buf_init(&value, 64);
    ck_assert_int_eq(fsp_view_get(local, fsp_slice_text(name), &value), FSP_OK);
    say_hex(result, name, fsp_buf_slice(&value));
    fsp_buf_clear(&value);
}

/* The store's own rows as a new store has them; no format: 1, with which it still opens. */
static json_t *
compute_new_store(const json_t *given)
{
    uint64_t format = json_object_get(given, "format") ? take_u64(given, "format") : 1;
    char *directory = scratch_make();
    fsp_error_t error;
    fsp_store_t *store = NULL;
    json_t *result = json_object();
    if (format < FSP_STORE_FORMAT) {
        fsp_readonly_t *reader = NULL;
        make_old_store(directory, (uint8_t)format);
        ck_assert_int_eq(fsp_readonly_open(directory, 0, &reader, &error), FSP_OK);
        say_row(result, fsp_readonly_view(reader, FSP_FAMILY_LOCAL), "format");
        say_row(result, fsp_readonly_view(reader, FSP_FAMILY_LOCAL), "sequence");
        fsp_readonly_close(&reader);
        store = open_store(directory);
    } else {
        store = open_store(directory);
        say_row(result, fsp_store_view(store, FSP_FAMILY_LOCAL), "format");
    }
    fsp_store_close(&store, true, 1000000);
    scratch_end(&directory);
    return result;
}

static void
make_store(json_t *entries)
{
    make_log(entries);
    make_log_of_many(entries);
    make_object_rows(entries);
    make_watermark(entries);
    make_segment_rows(entries);
    make_packed_rows(entries);
    vectors_add_computed(entries, "a new store's own rows", "new-store", json_object());
    json_t *format = json_object();
    say_u64(format, "format", 2);
    vectors_add_computed(entries, "a new store's own rows, format 2", "new-store",
                         json_deep_copy(format));
    say_u64(format, "format", FSP_STORE_FORMAT);
    vectors_add_computed(entries, "a new store's own rows, format 3", "new-store", format);
    vectors_add_computed(entries, "identity of a node", "identity", example_identity(1, 1, 16));
    vectors_add_computed(entries, "refused: node.keys of format 2", "identity",
                         example_identity(2, 1, 16));
    vectors_add_computed(entries, "refused: genesis of format 2", "identity",
                         example_identity(1, 2, 16));
    vectors_add_computed(entries, "refused: genesis with 15 slot bits", "identity",
                         example_identity(1, 1, 15));
    make_client_keys(entries);
}

static const vectors_kind_t kinds[] = {
    {"log-hard", read_log_hard, NULL},
    {"log-entry", read_log_entry, NULL},
    {"log-base", read_log_base, NULL},
    {"log-key", NULL, compute_log_key},
    {"log-base-key", NULL, compute_log_base_key},
    {"object-row", read_object_row, NULL},
    {"object-row-key", NULL, compute_object_row_key},
    {"segment-record", read_segment_record, NULL},
    {"index-row", read_index_row, NULL},
    {"segment-row", read_segment_row, NULL},
    {"segments-row", read_segments_row, NULL},
    {"migrated-row", read_migrated_row, NULL},
    {"segment-file", NULL, compute_segment_file},
    {"watermark-row", read_watermark_row, NULL},
    {"watermark-file", NULL, compute_watermark_file},
    {"new-store", NULL, compute_new_store},
    {"identity", NULL, compute_identity},
    {"client-keys", NULL, compute_client_keys},
    {NULL, NULL, NULL},
};

static const vectors_file_t files[] = {{"store", make_store}, {NULL, NULL}};

int
main(int argc, char **argv)
{
    return vectors_main("vectors_disk", files, kinds, argc, argv);
}
