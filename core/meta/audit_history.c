/* SPDX-License-Identifier: MIT */
/* audit_history - versions and their index.  Layer core/meta.  Pure.
 *
 * The versions of a file come in the order of their numbers.  Heads are the versions that no later
 * one names as parent; at most FSP_HEADS_MAX at any time, so they are kept while walking.
 */
#include "core/base/check.h"
#include "core/crypto/digest.h"
#include "core/meta/audit_parts.h"
#include "core/meta/changes.h"
#include "core/meta/versions.h"

typedef struct {
    bool open;     /* there is a file */
    bool doubtful; /* a row of it was no version: heads are not judged */
    bool purging;  /* its versions are being deleted, lowest first */
    fsp_file_id_t id;
    uint64_t last;
    fsp_head_t heads[FSP_HEADS_MAX]; /* without successor so far */
    size_t head_count;
    uint64_t used;
} history_t;

static bool
has_head(const history_t *walk, const fsp_head_t *head)
{
    for (size_t i = 0; i < walk->head_count; i++)
        if (walk->heads[i].number == head->number && fsp_version_id_eq(walk->heads[i].id, head->id))
            return true;
    return false;
}

static bool
is_purging(fsp_audit_t *self, fsp_file_id_t id)
{
    fsp_node_row_t node;
    return fsp_audit_get_node(self, id, &node) == FSP_OK && node.history.purging;
}

/* Heads are never pruned. */
static void
check_head_kept(fsp_audit_t *self, fsp_file_id_t id, const fsp_head_t *head)
{
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_VERSION, self->space_id);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_row_key_add_u64(&key, head->number);
    fsp_slice_t value;
    fsp_version_row_t row;
    if (fsp_audit_get(self, &key, &value) == FSP_OK &&
        fsp_version_row_decode(value, &row) == FSP_OK && !row.retained)
        fsp_audit_report(self, "heads", id, head->number, FSP_SLICE_OF(head->id),
                         "a head is not retained");
}

/* All versions of the file have passed. */
static void
end_file(fsp_audit_t *self, history_t *walk)
{
    if (!walk->open || walk->doubtful || walk->purging)
        return;
    fsp_node_row_t node;
    fsp_slice_t key = FSP_SLICE_OF(walk->id);
    fsp_status_t status = fsp_audit_get_node(self, walk->id, &node);
    if (status == FSP_NOT_FOUND)
        fsp_audit_report(self, "version", walk->id, walk->last, key, "versions of no file");
    if (status != FSP_OK)
        return;
    bool fit = node.head_count == walk->head_count;
    for (size_t i = 0; i < node.head_count && fit; i++)
        fit = has_head(walk, &node.heads[i]);
    if (!fit)
        fsp_audit_report(self, "heads", walk->id, 0, key,
                         "the node has %zu heads, which are not its %zu versions without successor",
                         node.head_count, walk->head_count);
    for (size_t i = 0; i < node.head_count; i++)
        check_head_kept(self, walk->id, &node.heads[i]);
}

static void
check_parents(fsp_audit_t *self, history_t *walk, const fsp_version_info_t *version)
{
    for (size_t i = 0; i < version->parent_count; i++) {
        fsp_version_id_t parent = version->parents[i];
        for (size_t j = 0; j < walk->head_count; j++)
            if (fsp_version_id_eq(walk->heads[j].id, parent))
                walk->heads[j--] = walk->heads[--walk->head_count];
        fsp_version_index_row_t owner;
        fsp_status_t status = fsp_audit_get_index(self, parent, &owner);
        bool earlier = status == FSP_OK && fsp_file_id_eq(owner.file_id, walk->id) &&
                       owner.number < version->number;
        if (status == FSP_NOT_FOUND || (status == FSP_OK && !earlier))
            fsp_audit_report(self, "version", walk->id, version->number, FSP_SLICE_OF(parent),
                             "a parent is no earlier version of this file");
    }
}

/* Follows the carrier back along the changes that replaced it.  *hash: of the present one, becomes
   that of the first; false if the way ends in changes that are no longer kept. */
static bool
follow_carrier(fsp_audit_t *self, const fsp_version_info_t *version, uint64_t number,
               fsp_hash_t *hash)
{
    while (number > 0) {
        fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_CHANGE, self->space_id);
        fsp_row_key_add_u64(&key, number);
        fsp_slice_t value;
        fsp_change_info_t change;
        fsp_status_t status = fsp_audit_get(self, &key, &value);
        if (status == FSP_NOT_FOUND && number < self->space.history.feed_horizon)
            return false;
        bool fits = status == FSP_OK && fsp_change_row_decode(value, &change) == FSP_OK &&
                    change.operation == FSP_COMMAND_REKEY && change.earlier < number &&
                    fsp_version_id_eq(change.version_id, version->id) &&
                    fsp_hash_eq(change.new_carrier, *hash);
        if (!fits) {
            fsp_audit_report(self, "carrier", version->file_id, version->number,
                             FSP_SLICE_OF(version->id), "change %llu did not put this carrier here",
                             (unsigned long long)number);
            return false;
        }
        *hash = change.old_carrier;
        number = change.earlier;
    }
    return true;
}

static void
check_carrier(fsp_audit_t *self, const fsp_version_info_t *version, const fsp_version_row_t *row)
{
    fsp_carrier_t carrier;
    fsp_hash_t hash = fsp_sha256(row->carrier);
    bool followed = follow_carrier(self, version, row->rekeyed, &hash);
    if (followed && !fsp_hash_eq(hash, version->carrier_hash))
        fsp_audit_report(self, "carrier", version->file_id, version->number,
                         FSP_SLICE_OF(version->id), "the carrier is not that of the record");
    else if (fsp_carrier_decode(row->carrier, &carrier) != FSP_OK)
        fsp_audit_report(self, "carrier", version->file_id, version->number,
                         FSP_SLICE_OF(version->id), "the carrier does not decode");
}

static void
check_version(fsp_audit_t *self, void *walk_, fsp_slice_t rest, fsp_slice_t value)
{
    history_t *walk = walk_;
    fsp_file_id_t id = {0};
    uint64_t number = 0;
    bool sound = rest.bytes == sizeof(id.bytes) + sizeof(number);
    if (sound) {
        memcpy(id.bytes, rest.data, sizeof(id.bytes));
        number = fsp_load_u64(rest.data + sizeof(id.bytes));
    }
    if (!walk->open || !fsp_file_id_eq(walk->id, id)) {
        end_file(self, walk);
        walk->open = true;
        walk->doubtful = false;
        walk->id = id;
        walk->last = 0;
        walk->head_count = 0;
        walk->purging = is_purging(self, id);
    }
    self->counts->versions++;
    if (sound && number != walk->last + 1 && !(walk->purging && walk->last == 0))
        fsp_audit_report(self, "version", id, number, rest, "the version before it is missing");
    walk->last = number;
    fsp_version_row_t row;
    fsp_version_info_t version;
    if (!sound || fsp_version_row_decode(value, &row) != FSP_OK ||
        fsp_version_record_decode(row.record, &version) != FSP_OK) {
        fsp_audit_report(self, "row", id, number, rest, "version row");
        walk->doubtful = true;
        return;
    }
    if (!fsp_file_id_eq(version.file_id, id) || version.number != number) {
        fsp_audit_report(self, "version", id, number, rest,
                         "the record is that of another version");
        walk->doubtful = true;
        return;
    }
    if (row.retained) {
        walk->used += version.size;
        check_carrier(self, &version, &row);
    } else if (row.carrier.bytes > 0) {
        fsp_audit_report(self, "carrier", id, number, rest,
                         "the version is not retained and still has a carrier");
    }
    if (!walk->purging)
        check_parents(self, walk, &version);
    if (walk->purging)
        walk->head_count = 0; /* not judged */
    else if (walk->head_count < FSP_HEADS_MAX)
        walk->heads[walk->head_count++] = (fsp_head_t){.number = number, .id = version.id};
    else
        fsp_audit_report(self, "heads", id, number, rest, "more heads than a file can have");
    fsp_version_index_row_t owner;
    fsp_status_t status = fsp_audit_get_index(self, version.id, &owner);
    if (status == FSP_NOT_FOUND)
        fsp_audit_report(self, "index", id, number, FSP_SLICE_OF(version.id),
                         "the version is not in the index (or its record was changed)");
    else if (status == FSP_OK && (!fsp_file_id_eq(owner.file_id, id) || owner.number != number))
        fsp_audit_report(self, "index", id, number, FSP_SLICE_OF(version.id),
                         "the index says another version");
}

static void
check_index(fsp_audit_t *self, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    (void)walk;
    fsp_version_index_row_t row;
    if (rest.bytes != sizeof(fsp_version_id_t) ||
        fsp_version_index_row_decode(value, &row) != FSP_OK) {
        fsp_audit_report(self, "row", (fsp_file_id_t){0}, 0, rest, "version index row");
        return;
    }
    fsp_version_info_t version;
    fsp_status_t status = fsp_audit_get_version(self, row.file_id, row.number, &version);
    if (status == FSP_NOT_FOUND)
        fsp_audit_report(self, "index", row.file_id, row.number, rest,
                         "the index names a version that is not there");
    else if (status == FSP_OK && !fsp_slice_eq(FSP_SLICE_OF(version.id), rest))
        fsp_audit_report(self, "index", row.file_id, row.number, rest,
                         "the SHA-256 of the record is not the id that the index has");
}

void
fsp_audit_history(fsp_audit_t *self)
{
    history_t walk = {.open = false};
    bool whole = fsp_audit_walk(self, FSP_TABLE_VERSION, check_version, &walk);
    if (whole)
        end_file(self, &walk);
    walk.used += self->upload_bytes;
    self->counts->used_bytes += walk.used;
    if (whole && self->uploads_whole && walk.used != self->space.used_bytes)
        fsp_audit_report(self, "used", (fsp_file_id_t){0}, 0, FSP_SLICE_OF(self->space_id),
                         "the space says %llu bytes, its versions and uploads have %llu",
                         (unsigned long long)self->space.used_bytes, (unsigned long long)walk.used);
    (void)fsp_audit_walk(self, FSP_TABLE_VERSION_INDEX, check_index, NULL);
}
