/* SPDX-License-Identifier: MIT */
/* client_items - elements of lists in answers.  Layer proto.  Pure.
 *
 * Entries, versions, changes, spaces: each is a map of its own table over the struct of
 * core/meta/query.h.  What only nodes need is not in a table and so never leaves: carriers, sealed
 * attributes, wrapped keys.
 */
#include "core/base/check.h"
#include "proto/client.h"
#include "proto/client_fields.h"

static_assert(sizeof(fsp_version_kind_t) == sizeof(uint32_t), "enumerations are read as u32");
static_assert(sizeof(fsp_command_type_t) == sizeof(uint32_t), "enumerations are read as u32");

#define TABLE(rows) ((fsp_fields_t){(rows), sizeof(rows) / sizeof((rows)[0])})

/* Absence must mean the usual, so the wire says the opposite of the struct. */
static bool
lost_present(const void *self)
{
    return !((const fsp_entry_info_t *)self)->retained;
}

static void
lost_encode(const void *self, fsp_buf_t *buf)
{
    (void)self;
    fsp_wire_bool(buf, true);
}

static fsp_status_t
lost_decode(void *self, fsp_slice_t value)
{
    bool lost;
    fsp_status_t status = fsp_wire_read_bool(value, &lost);
    if (!status)
        ((fsp_entry_info_t *)self)->retained = !lost;
    return status;
}

static const fsp_field_custom_t LOST = {"bool", lost_present, lost_encode, lost_decode};

static bool
entry_attr_present(const void *self)
{
    return ((const fsp_entry_info_t *)self)->has_attr;
}

static void
entry_attr_encode(const void *self, fsp_buf_t *buf)
{
    const fsp_entry_info_t *entry = self;
    fsp_client_attr_encode(entry->mode, entry->mtime_s, entry->mtime_ns, buf);
}

static fsp_status_t
entry_attr_decode(void *self, fsp_slice_t value)
{
    fsp_entry_info_t *entry = self;
    entry->has_attr = true;
    return fsp_client_attr_decode(value, &entry->mode, &entry->mtime_s, &entry->mtime_ns);
}

static const fsp_field_custom_t ENTRY_ATTR = {FSP_CLIENT_ATTR_TEXT, entry_attr_present,
                                              entry_attr_encode, entry_attr_decode};

#define ENTRY(type, member, key, bound) FSP_FIELD(type, fsp_entry_info_t, member, key, bound)
static const fsp_field_t ENTRY_FIELDS[] = {
    {ENTRY(NAME, name, "name", FSP_NAME_BYTES_MAX)},
    {ENTRY(U32, kind, "kind", FSP_KIND_SYMLINK)},
    {ENTRY(FIXED, file_id, "file", sizeof(fsp_file_id_t))},
    {ENTRY(UINT, size, "size", INT64_MAX)},
    {ENTRY(UINT, modified, "modified", UINT64_MAX)},
    {ENTRY(FIXED, version_id, "version", sizeof(fsp_version_id_t))},
    {ENTRY(UINT, number, "number", UINT64_MAX)},
    {ENTRY(UINT, head_count, "heads", FSP_HEADS_MAX)},
    {FSP_FIELD_OF(&LOST, "lost")},
    {FSP_FIELD_OF(&ENTRY_ATTR, "attr")},
};
static_assert(sizeof(size_t) == sizeof(uint64_t), "counts are read as u64");

#define VERSION(type, member, key, bound) FSP_FIELD(type, fsp_version_info_t, member, key, bound)
static const fsp_field_t VERSION_FIELDS[] = {
    {VERSION(FIXED, id, "version", sizeof(fsp_version_id_t))},
    {VERSION(FIXED, file_id, "file", sizeof(fsp_file_id_t))},
    {VERSION(UINT, number, "number", UINT64_MAX)},
    {VERSION(U32, kind, "how", FSP_VERSION_MERGE)},
    {FSP_FIELD_ALSO(IDS, fsp_version_info_t, parents, "parents", FSP_PARENTS_MAX,
                    offsetof(fsp_version_info_t, parent_count))},
    {VERSION(UINT, size, "size", INT64_MAX)},
    {VERSION(FIXED, author, "author", sizeof(fsp_subject_id_t))},
    {VERSION(UINT, time, "time", UINT64_MAX)},
    {VERSION(FIXED, op_id, "op", sizeof(fsp_op_id_t))},
    {VERSION(FIXED, carrier_hash, "carrier", sizeof(fsp_hash_t))},
    {VERSION(BOOL, retained, "retained", 0)},
    {VERSION(BOOL, is_head, "head", 0)},
};

static bool
parts_present(const void *self)
{
    return ((const fsp_change_info_t *)self)->item_count > 0;
}

static void
parts_encode(const void *self, fsp_buf_t *buf)
{
    const fsp_change_info_t *change = self;
    FSP_PRE(change->item_count <= FSP_BATCH_ITEMS_MAX);
    fsp_wire_array(buf, change->item_count);
    fsp_buf_append_slice(buf, change->items);
}

static fsp_status_t
parts_decode(void *self, fsp_slice_t value)
{
    fsp_change_info_t *change = self;
    fsp_wire_reader_t reader;
    fsp_status_t status =
        fsp_wire_open_array(value, FSP_BATCH_ITEMS_MAX, &reader, &change->item_count);
    if (!status)
        change->items = fsp_slice(reader.at, (size_t)(reader.end - reader.at));
    return status;
}

static const fsp_field_custom_t PARTS = {"array of maps, at most 256", parts_present, parts_encode,
                                         parts_decode};

#define CHANGE(type, member, key, bound) FSP_FIELD(type, fsp_change_info_t, member, key, bound)
static const fsp_field_t CHANGE_FIELDS[] = {
    {CHANGE(UINT, index, "change", UINT64_MAX)},
    {CHANGE(U32, operation, "what", UINT16_MAX)}, /* also operations newer than we know */
    {CHANGE(UINT, time, "time", UINT64_MAX)},
    {CHANGE(FIXED, author, "author", sizeof(fsp_subject_id_t))},
    {CHANGE(FIXED, op_id, "op", sizeof(fsp_op_id_t))},
    {CHANGE(U32, kind, "kind", FSP_KIND_SYMLINK)},
    {CHANGE(FIXED, file_id, "file", sizeof(fsp_file_id_t))},
    {CHANGE(PATH, path, "path", FSP_PATH_BYTES_MAX)},
    {CHANGE(PATH, from_path, "from", FSP_PATH_BYTES_MAX)},
    {CHANGE(FIXED, version_id, "version", sizeof(fsp_version_id_t))},
    {CHANGE(FIXED, previous, "previous", sizeof(fsp_hash_t))},
    {CHANGE(FIXED, hash, "hash", sizeof(fsp_hash_t))},
    {CHANGE(FIXED, displaced_id, "displaced", sizeof(fsp_file_id_t))},
    {FSP_FIELD_OF(&PARTS, "parts")},
};

/* A part of a batch: what differs from the change that it is a part of. */
static const fsp_field_t PART_FIELDS[] = {
    {CHANGE(U32, operation, "what", UINT16_MAX)},
    {CHANGE(U32, kind, "kind", FSP_KIND_SYMLINK)},
    {CHANGE(FIXED, file_id, "file", sizeof(fsp_file_id_t))},
    {CHANGE(PATH, path, "path", FSP_PATH_BYTES_MAX)},
    {CHANGE(PATH, from_path, "from", FSP_PATH_BYTES_MAX)},
    {CHANGE(FIXED, version_id, "version", sizeof(fsp_version_id_t))},
    {CHANGE(FIXED, displaced_id, "displaced", sizeof(fsp_file_id_t))},
};

#define DID(type, member, key, bound) FSP_FIELD(type, fsp_result_item_t, member, key, bound)
static const fsp_field_t DID_FIELDS[] = {
    {DID(U32, kind, "kind", FSP_KIND_SYMLINK)},
    {DID(FIXED, file_id, "file", sizeof(fsp_file_id_t))},
    {DID(FIXED, version_id, "version", sizeof(fsp_version_id_t))},
    {DID(UINT, number, "number", UINT64_MAX)},
    {DID(UINT, size, "size", INT64_MAX)},
};

/* Numbers of a fixed count, as an array. */
static fsp_status_t
read_uints(fsp_slice_t value, size_t count, uint64_t most, uint64_t *ret)
{
    fsp_wire_reader_t reader;
    size_t got;
    fsp_status_t status = fsp_wire_open_array(value, FSP_MSGPACK_ITEMS_MAX, &reader, &got);
    if (!status && got != count)
        status = FSP_INVALID;
    for (size_t i = 0; !status && i < count; i++) {
        fsp_slice_t element;
        status = fsp_wire_next(&reader, &element);
        if (!status)
            status = fsp_wire_read_uint(element, most, &ret[i]);
    }
    return status;
}

static bool
chunking_present(const void *self)
{
    return ((const fsp_space_info_t *)self)->chunk_bytes_max > 0;
}

static void
chunking_encode(const void *self, fsp_buf_t *buf)
{
    const fsp_space_info_t *space = self;
    fsp_wire_array(buf, FSP_CHUNKING_VALUES);
    fsp_wire_uint(buf, space->chunk_bytes_min);
    fsp_wire_uint(buf, space->chunk_bytes_avg);
    fsp_wire_uint(buf, space->chunk_bytes_max);
}

static fsp_status_t
chunking_decode(void *self, fsp_slice_t value)
{
    uint64_t values[FSP_CHUNKING_VALUES] = {0};
    fsp_status_t status = read_uints(value, FSP_CHUNKING_VALUES, UINT32_MAX, values);
    fsp_space_info_t *space = self;
    space->chunk_bytes_min = (uint32_t)values[0];
    space->chunk_bytes_avg = (uint32_t)values[1];
    space->chunk_bytes_max = (uint32_t)values[2];
    return status;
}

static bool
keep_present(const void *self)
{
    const fsp_retention_t *keep = &((const fsp_space_info_t *)self)->retention;
    return keep->keep_last > 0 || keep->all_days > 0 || keep->daily > 0 || keep->weekly > 0 ||
           keep->monthly > 0 || keep->past_days > 0;
}

static void
keep_encode(const void *self, fsp_buf_t *buf)
{
    const fsp_retention_t *keep = &((const fsp_space_info_t *)self)->retention;
    fsp_wire_array(buf, FSP_KEEP_VALUES);
    fsp_wire_uint(buf, keep->keep_last);
    fsp_wire_uint(buf, keep->all_days);
    fsp_wire_uint(buf, keep->daily);
    fsp_wire_uint(buf, keep->weekly);
    fsp_wire_uint(buf, keep->monthly);
    fsp_wire_uint(buf, keep->past_days);
}

static fsp_status_t
keep_decode(void *self, fsp_slice_t value)
{
    uint64_t values[FSP_KEEP_VALUES] = {0};
    fsp_status_t status = read_uints(value, FSP_KEEP_VALUES, FSP_RETENTION_MAX, values);
    ((fsp_space_info_t *)self)->retention = (fsp_retention_t){.keep_last = values[0],
                                                              .all_days = values[1],
                                                              .daily = values[2],
                                                              .weekly = values[3],
                                                              .monthly = values[4],
                                                              .past_days = values[5]};
    return status;
}

static const fsp_field_custom_t SPACE_CHUNKING = {"array of uint, 3 values", chunking_present,
                                                  chunking_encode, chunking_decode};
static const fsp_field_custom_t SPACE_KEEP = {"array of uint, 6 values", keep_present, keep_encode,
                                              keep_decode};

#define SPACE(type, member, key, bound) FSP_FIELD(type, fsp_space_info_t, member, key, bound)
static const fsp_field_t SPACE_FIELDS[] = {
    {SPACE(SPACE, name, "name", FSP_SPACE_NAME_BYTES_MAX)},
    {SPACE(FIXED, space_id, "id", sizeof(fsp_space_id_t))},
    {SPACE(FIXED, owner, "owner", sizeof(fsp_subject_id_t))},
    {SPACE(UINT, epoch, "epoch", UINT64_MAX)},
    {SPACE(UINT, change_index, "change", UINT64_MAX)},
    {SPACE(UINT, quota_bytes, "quota", UINT64_MAX)},
    {SPACE(UINT, used_bytes, "used", UINT64_MAX)},
    {SPACE(FIXED, root_id, "root", sizeof(fsp_file_id_t))},
    {SPACE(FIXED, trash_id, "trash", sizeof(fsp_file_id_t))},
    {SPACE(UINT, closes, "closes", UINT64_MAX)},
    {FSP_FIELD_OF(&SPACE_CHUNKING, "chunking")},
    {FSP_FIELD_OF(&SPACE_KEEP, "keep")},
};

#define KEY(type, member, key, bound) FSP_FIELD(type, fsp_key_info_t, member, key, bound)
static const fsp_field_t KEY_FIELDS[] = {
    {KEY(FIXED, key, "key", sizeof(fsp_key_t))},
    {KEY(TEXT, name, "name", FSP_KEY_NAME_BYTES_MAX)},
    {KEY(UINT, added, "added", UINT64_MAX)},
    {KEY(BOOL, own, "own", 0)},
};

fsp_fields_t
fsp_item_entry_fields(void)
{
    return TABLE(ENTRY_FIELDS);
}

fsp_fields_t
fsp_item_version_fields(void)
{
    return TABLE(VERSION_FIELDS);
}

fsp_fields_t
fsp_item_change_fields(void)
{
    return TABLE(CHANGE_FIELDS);
}

fsp_fields_t
fsp_item_space_fields(void)
{
    return TABLE(SPACE_FIELDS);
}

fsp_fields_t
fsp_item_did_fields(void)
{
    return TABLE(DID_FIELDS);
}

fsp_fields_t
fsp_item_key_fields(void)
{
    return TABLE(KEY_FIELDS);
}

fsp_fields_t
fsp_item_part_fields(void)
{
    return TABLE(PART_FIELDS);
}

void
fsp_item_entry_encode(const fsp_entry_info_t *entry, fsp_buf_t *items)
{
    fsp_fields_encode(fsp_item_entry_fields(), 0, entry, items);
}

void
fsp_item_version_encode(const fsp_version_info_t *version, fsp_buf_t *items)
{
    fsp_fields_encode(fsp_item_version_fields(), 0, version, items);
}

void
fsp_item_change_encode(const fsp_change_info_t *change, fsp_buf_t *items)
{
    fsp_fields_encode(fsp_item_change_fields(), 0, change, items);
}

void
fsp_item_space_encode(const fsp_space_info_t *space, fsp_buf_t *items)
{
    fsp_fields_encode(fsp_item_space_fields(), 0, space, items);
}

void
fsp_item_did_encode(const fsp_result_item_t *did, fsp_buf_t *items)
{
    fsp_fields_encode(fsp_item_did_fields(), 0, did, items);
}

void
fsp_item_key_encode(const fsp_key_info_t *key, fsp_buf_t *items)
{
    fsp_fields_encode(fsp_item_key_fields(), 0, key, items);
}

void
fsp_item_part_encode(const fsp_change_info_t *part, fsp_buf_t *items)
{
    fsp_fields_encode(fsp_item_part_fields(), 0, part, items);
}

/* Reads the item at *at into *item, which is zeroed first; *at moves on only if all is well. */
static fsp_status_t
next_item(fsp_slice_t items, size_t *at, fsp_fields_t table, void *item, size_t item_bytes)
{
    FSP_PRE(at);
    FSP_PRE(*at <= items.bytes);
    fsp_wire_reader_t reader = fsp_wire_open_values(items);
    const uint8_t *start = reader.at;
    reader.at += *at;
    fsp_slice_t value;
    fsp_status_t status = fsp_wire_next(&reader, &value);
    if (status)
        return status;
    memset(item, 0, item_bytes);
    if (table.fields == ENTRY_FIELDS)
        ((fsp_entry_info_t *)item)->retained = true; /* unless it says "lost" */
    status = fsp_fields_decode(table, 0, value, item);
    if (!status)
        *at = (size_t)(reader.at - start);
    return status;
}

fsp_status_t
fsp_reply_next_entry(const fsp_reply_t *reply, size_t *at, fsp_entry_info_t *ret)
{
    FSP_PRE(at);
    FSP_PRE(ret);
    fsp_entry_info_t entry;
    size_t ahead = *at;
    fsp_status_t status =
        next_item(reply->items, &ahead, fsp_item_entry_fields(), &entry, sizeof(entry));
    if (status)
        return status;
    if (entry.name.bytes == 0)
        return FSP_INVALID; /* an entry without a name cannot be acted on */
    *at = ahead;
    *ret = entry;
    return FSP_OK;
}

fsp_status_t
fsp_reply_last_entry(const fsp_reply_t *reply, fsp_entry_info_t *ret)
{
    FSP_PRE(ret);
    fsp_wire_reader_t reader = fsp_wire_open_values(reply->items);
    const uint8_t *start = reader.at;
    size_t at = 0;
    fsp_slice_t value;
    fsp_status_t status;
    while ((status = fsp_wire_next(&reader, &value)) == FSP_OK)
        at = (size_t)(value.data - start);
    return status == FSP_NOT_FOUND ? fsp_reply_next_entry(reply, &at, ret) : status;
}

fsp_status_t
fsp_reply_next_version(const fsp_reply_t *reply, size_t *at, fsp_version_info_t *ret)
{
    FSP_PRE(ret);
    fsp_version_info_t version;
    fsp_status_t status =
        next_item(reply->items, at, fsp_item_version_fields(), &version, sizeof(version));
    if (!status)
        *ret = version;
    return status;
}

fsp_status_t
fsp_reply_next_change(const fsp_reply_t *reply, size_t *at, fsp_change_info_t *ret)
{
    FSP_PRE(ret);
    fsp_change_info_t change;
    fsp_status_t status =
        next_item(reply->items, at, fsp_item_change_fields(), &change, sizeof(change));
    if (!status)
        *ret = change;
    return status;
}

fsp_status_t
fsp_reply_next_space(const fsp_reply_t *reply, size_t *at, fsp_space_info_t *ret)
{
    FSP_PRE(ret);
    fsp_space_info_t space;
    fsp_status_t status =
        next_item(reply->items, at, fsp_item_space_fields(), &space, sizeof(space));
    if (!status)
        *ret = space;
    return status;
}

fsp_status_t
fsp_reply_next_did(const fsp_reply_t *reply, size_t *at, fsp_result_item_t *ret)
{
    FSP_PRE(ret);
    fsp_result_item_t did;
    fsp_status_t status = next_item(reply->items, at, fsp_item_did_fields(), &did, sizeof(did));
    if (!status)
        *ret = did;
    return status;
}

fsp_status_t
fsp_reply_next_key(const fsp_reply_t *reply, size_t *at, fsp_key_info_t *ret)
{
    FSP_PRE(ret);
    fsp_key_info_t key;
    fsp_status_t status = next_item(reply->items, at, fsp_item_key_fields(), &key, sizeof(key));
    if (!status)
        *ret = key;
    return status;
}

fsp_status_t
fsp_change_next_part(const fsp_change_info_t *change, size_t *at, fsp_change_info_t *ret)
{
    FSP_PRE(ret);
    fsp_change_info_t part;
    fsp_status_t status = next_item(change->items, at, fsp_item_part_fields(), &part, sizeof(part));
    if (!status)
        *ret = part;
    return status;
}
