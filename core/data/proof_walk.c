/* SPDX-License-Identifier: MIT */
/* proof_walk - all versions of a space, and all object rows.  Layer core/data.  Pure. */
#include "core/base/check.h"
#include "core/data/proof_parts.h"
#include "core/meta/rows_node.h"
#include "core/meta/versions.h"

enum { KEY_AT = 4 + 16, KEY_BYTES = KEY_AT + 32 + 1, ROOT_BYTES_MAX = 64 };

/* -- versions and attributes ------------------------------------------------------------------- */

static void
version_row(fsp_proof_t *self, fsp_slice_t rest, fsp_slice_t value)
{
    fsp_version_row_t row;
    fsp_version_info_t version;
    if (rest.bytes != sizeof(self->file_id.bytes) + 8 ||
        fsp_version_row_decode(value, &row) != FSP_OK || !row.retained ||
        fsp_version_record_decode(row.record, &version) != FSP_OK)
        return; /* what does not decode, the audit of the state reports */
    memcpy(self->file_id.bytes, rest.data, sizeof(self->file_id.bytes));
    self->number = fsp_load_u64(rest.data + sizeof(self->file_id.bytes));
    fsp_proof_version(self, row.carrier, version.size);
}

static void
node_row(fsp_proof_t *self, fsp_slice_t rest, fsp_slice_t value)
{
    fsp_node_row_t node;
    if (rest.bytes != sizeof(self->file_id.bytes) || fsp_node_row_decode(value, &node) != FSP_OK ||
        node.attr_bytes == 0)
        return;
    memcpy(self->file_id.bytes, rest.data, sizeof(self->file_id.bytes));
    self->number = 0;
    fsp_proof_attr(self, fsp_slice(node.attr, node.attr_bytes));
}

static void
walk(fsp_proof_t *self, fsp_shard_ref_t shard, fsp_view_t *state, fsp_table_t table,
     void (*row)(fsp_proof_t *self, fsp_slice_t rest, fsp_slice_t value))
{
    fsp_row_key_t from = fsp_row_key(shard, table, self->space_id);
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    fsp_cursor_t *cursor = fsp_view_scan(state, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor))
        row(self,
            fsp_slice(cursor->key.data + FSP_ROW_PREFIX_BYTES,
                      cursor->key.bytes - FSP_ROW_PREFIX_BYTES),
            cursor->value);
    self->file_id = (fsp_file_id_t){0};
    self->number = 0;
    if (cursor->status != FSP_OK)
        fsp_proof_report(self, "unreadable", fsp_row_key_slice(&from),
                         "table %u is not readable to its end: %s", (unsigned)table,
                         fsp_status_text(cursor->status));
    fsp_cursor_destroy(&cursor);
}

/* What rows of UPLOAD and UPLOAD_PART say of one upload. */
static void
prove_upload(fsp_proof_t *self, fsp_shard_ref_t shard, fsp_view_t *state, fsp_slice_t id,
             const fsp_upload_row_t *row)
{
    fsp_buf_t roots;
    fsp_buf_init(&roots, (size_t)FSP_UPLOAD_ROOTS_MAX * ROOT_BYTES_MAX);
    fsp_row_key_t from = fsp_row_key(shard, FSP_TABLE_UPLOAD_PART, self->space_id);
    fsp_row_key_add(&from, id);
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    fsp_upload_info_t upload = {.offset = row->offset,
                                .tail = row->tail,
                                .tail_bytes = row->tail_bytes,
                                .midstate = row->midstate};
    fsp_cursor_t *cursor = fsp_view_scan(state, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid && fsp_buf_ok(&roots); fsp_cursor_next(cursor)) {
        fsp_buf_append_slice(&roots, cursor->value);
        upload.root_count++;
    }
    upload.roots = fsp_buf_slice(&roots);
    if (cursor->status == FSP_OK && fsp_buf_ok(&roots) && upload.offset > 0)
        fsp_proof_upload(self, &upload); /* else the audit of the state says so */
    fsp_cursor_destroy(&cursor);
    fsp_buf_clear(&roots);
}

static void
walk_uploads(fsp_proof_t *self, fsp_shard_ref_t shard, fsp_view_t *state)
{
    fsp_row_key_t from = fsp_row_key(shard, FSP_TABLE_UPLOAD, self->space_id);
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    fsp_cursor_t *cursor = fsp_view_scan(state, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_upload_row_t row;
        fsp_slice_t id = fsp_slice(cursor->key.data + FSP_ROW_PREFIX_BYTES,
                                   cursor->key.bytes - FSP_ROW_PREFIX_BYTES);
        if (fsp_upload_row_decode(cursor->value, &row) == FSP_OK)
            prove_upload(self, shard, state, id, &row);
    }
    if (cursor->status != FSP_OK)
        fsp_proof_report(self, "unreadable", fsp_row_key_slice(&from),
                         "uploads are not readable to their end: %s",
                         fsp_status_text(cursor->status));
    fsp_cursor_destroy(&cursor);
}

void
fsp_proof_space(fsp_proof_t *self, fsp_shard_ref_t shard, fsp_view_t *state)
{
    FSP_PRE(self != NULL);
    FSP_PRE(state != NULL);
    walk(self, shard, state, FSP_TABLE_VERSION, version_row);
    walk(self, shard, state, FSP_TABLE_NODE, node_row);
    walk_uploads(self, shard, state);
}

/* -- object rows ------------------------------------------------------------------------------- */

/* Takes an object's row key or bytes key apart; the space goes into self. */
static bool
take_key(fsp_proof_t *self, fsp_slice_t bytes, fsp_key_t *ret_key, uint8_t *ret_suffix)
{
    if (bytes.bytes != KEY_BYTES)
        return false;
    memcpy(self->space_id.bytes, bytes.data + 4, sizeof(self->space_id.bytes));
    memcpy(ret_key->bytes, bytes.data + KEY_AT, sizeof(ret_key->bytes));
    *ret_suffix = bytes.data[KEY_BYTES - 1];
    return fsp_load_u32(bytes.data) == fsp_load_u32(ret_key->bytes) >> (32 - self->slot_bits) &&
           *ret_suffix <= FSP_PROOF_SUFFIX_BYTES;
}

static void
object_row(fsp_proof_t *self, fsp_key_t key, fsp_slice_t value, bool *ret_bytes_follow)
{
    fsp_object_row_t row;
    bool orphan = !fsp_keyset_has(self->seen, fsp_proof_seen_key(self, key));
    fsp_status_t status = fsp_object_row_decode(value, &row);
    self->object_count++;
    *ret_bytes_follow = status != FSP_OK || row.family == FSP_FAMILY_OBJECT;
    if (status != FSP_OK) {
        if (orphan) /* else it was reported with its version */
            fsp_proof_report(self, "object-row", FSP_SLICE_OF(key), "row of the object: %s",
                             fsp_status_text(status));
        return;
    }
    uint64_t bytes = FSP_OBJECT_HEADER_BYTES + row.open_bytes + row.sealed_bytes;
    self->object_bytes += bytes;
    if (!orphan)
        return;
    self->orphan_count++;
    self->orphan_bytes += bytes;
    /* A later put would be told that the object is there: it has to be right, unless marked. */
    fsp_blob_t *object = NULL;
    if ((row.flags & FSP_OBJECT_SUSPECT) == 0 && fsp_proof_row(self, key, row.kind, 0, &row) &&
        !self->quick)
        (void)fsp_proof_name(self, key, &row, &object);
    fsp_blob_destroy(&object);
}

static void
walk_objects(fsp_proof_t *self)
{
    fsp_key_t last = {{0}};
    bool bytes_follow = false; /* the bytes of `last` may come next */
    fsp_cursor_t *cursor = fsp_view_scan(self->objects, (fsp_slice_t){0}, (fsp_slice_t){0});
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_key_t key = {{0}};
        uint8_t suffix = 0;
        if (!take_key(self, cursor->key, &key, &suffix)) {
            self->space_id = (fsp_space_id_t){0};
            fsp_proof_report(self, "stray", cursor->key, "no key of an object");
        } else if (suffix == FSP_PROOF_SUFFIX_ROW) {
            last = key;
            object_row(self, key, cursor->value, &bytes_follow);
        } else {
            self->loose_count += !bytes_follow || !fsp_key_eq(key, last);
            bytes_follow = false;
        }
    }
    self->space_id = (fsp_space_id_t){0};
    if (cursor->status != FSP_OK)
        fsp_proof_report(self, "unreadable", (fsp_slice_t){0},
                         "object rows are not readable to their end: %s",
                         fsp_status_text(cursor->status));
    fsp_cursor_destroy(&cursor);
}

static void
walk_bytes(fsp_proof_t *self, fsp_view_t *bytes)
{
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_cursor_t *cursor = fsp_view_scan(bytes, (fsp_slice_t){0}, (fsp_slice_t){0});
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_key_t key;
        uint8_t suffix = 0;
        fsp_object_row_t row;
        if (!take_key(self, cursor->key, &key, &suffix) || suffix != FSP_PROOF_SUFFIX_ROW) {
            fsp_proof_report(self, "stray", cursor->key, "no key of an object's bytes");
            continue;
        }
        fsp_buf_reset(&value);
        fsp_status_t status = fsp_view_get(self->objects, cursor->key, &value);
        if (status == FSP_NOT_FOUND ||
            (status == FSP_OK && fsp_object_row_decode(fsp_buf_slice(&value), &row) == FSP_OK &&
             row.family != FSP_FAMILY_BYTES))
            self->loose_count++;
    }
    self->space_id = (fsp_space_id_t){0};
    if (cursor->status != FSP_OK)
        fsp_proof_report(self, "unreadable", (fsp_slice_t){0},
                         "object bytes are not readable to their end: %s",
                         fsp_status_text(cursor->status));
    fsp_cursor_destroy(&cursor);
    fsp_buf_clear(&value);
}

void
fsp_proof_rows(fsp_proof_t *self, fsp_view_t *bytes)
{
    FSP_PRE(self != NULL);
    self->file_id = (fsp_file_id_t){0};
    self->number = 0;
    walk_objects(self);
    if (bytes)
        walk_bytes(self, bytes);
}
