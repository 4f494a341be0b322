/* SPDX-License-Identifier: MIT */
/* audit_past - what was before follows on itself and on what is now.  Layer core/meta.  Pure.
 *
 * Rows of one name or file come in the order of time.  A name may have meant nothing for a while;
 * a file always had heads.
 */
#include "core/base/text.h"
#include "core/meta/audit_parts.h"
#include "core/meta/past.h"

static const fsp_file_id_t none;

/* -- past entries ------------------------------------------------------------------------------ */

typedef struct {
    bool open;
    fsp_file_id_t directory_id;
    uint8_t name[FSP_NAME_BYTES_MAX];
    size_t name_bytes;
    uint64_t until; /* of the row before */
} names_t;

/* All past rows of the name have passed. */
static void
end_name(fsp_audit_t *self, names_t *walk)
{
    if (!walk->open)
        return;
    fsp_slice_t name = fsp_slice(walk->name, walk->name_bytes);
    fsp_entry_row_t entry;
    if (fsp_audit_get_entry(self, walk->directory_id, name, &entry) == FSP_OK &&
        entry.since < walk->until)
        fsp_audit_report(self, "past", walk->directory_id, walk->until, name,
                         "the name has its present meaning since before its last one ended");
}

static void
check_past_entry(fsp_audit_t *self, void *walk_, fsp_slice_t rest, fsp_slice_t value)
{
    names_t *walk = walk_;
    fsp_file_id_t directory_id = {0};
    fsp_slice_t name = {0};
    uint64_t until = 0;
    fsp_entry_row_t row;
    if (!fsp_past_entry_split(rest, &directory_id, &name, &until) || !fsp_name_valid(name) ||
        fsp_entry_row_decode(value, &row) != FSP_OK) {
        fsp_audit_report(self, "row", none, 0, rest, "past entry row");
        return;
    }
    bool same = walk->open && fsp_file_id_eq(walk->directory_id, directory_id) &&
                fsp_slice_eq(fsp_slice(walk->name, walk->name_bytes), name);
    if (row.since == 0 || row.since >= until || until > self->space.change_index)
        fsp_audit_report(self, "past", directory_id, until, rest,
                         "a name meant something from %llu to %llu, which cannot be",
                         (unsigned long long)row.since, (unsigned long long)until);
    if (same && row.since < walk->until)
        fsp_audit_report(self, "past", directory_id, until, rest,
                         "a name meant two things at a time");
    if (!same) {
        end_name(self, walk);
        walk->open = true;
        walk->directory_id = directory_id;
        walk->name_bytes = name.bytes;
        memcpy(walk->name, name.data, name.bytes);
    }
    walk->until = until;
}

/* -- past heads -------------------------------------------------------------------------------- */

typedef struct {
    bool open;
    fsp_file_id_t id;
    uint64_t until; /* of the row before */
} heads_t;

static void
end_file(fsp_audit_t *self, heads_t *walk)
{
    if (!walk->open)
        return;
    fsp_node_row_t node;
    fsp_slice_t key = FSP_SLICE_OF(walk->id);
    fsp_status_t status = fsp_audit_get_node(self, walk->id, &node);
    if (status == FSP_NOT_FOUND)
        fsp_audit_report(self, "past", walk->id, walk->until, key, "past heads of no file");
    else if (status == FSP_OK && node.history.since != walk->until)
        fsp_audit_report(self, "past", walk->id, walk->until, key,
                         "the file has its heads since %llu, and other ones until %llu",
                         (unsigned long long)node.history.since, (unsigned long long)walk->until);
}

static void
check_versions(fsp_audit_t *self, const heads_t *walk, const fsp_past_heads_row_t *row,
               fsp_slice_t rest)
{
    fsp_node_row_t node;
    if (fsp_audit_get_node(self, walk->id, &node) != FSP_OK || node.history.purging)
        return; /* end_file says so; versions are on their way out */
    for (size_t i = 0; i < row->head_count; i++) {
        fsp_version_info_t version;
        fsp_status_t status = fsp_audit_get_version(self, walk->id, row->heads[i].number, &version);
        if (status == FSP_NOT_FOUND ||
            (status == FSP_OK && !fsp_version_id_eq(version.id, row->heads[i].id)))
            fsp_audit_report(self, "past", walk->id, row->heads[i].number, rest,
                             "a past head is no version of the file");
    }
}

static void
check_past_heads(fsp_audit_t *self, void *walk_, fsp_slice_t rest, fsp_slice_t value)
{
    heads_t *walk = walk_;
    fsp_past_heads_row_t row;
    fsp_file_id_t id = {0};
    if (rest.bytes != sizeof(id.bytes) + 8 || fsp_past_heads_row_decode(value, &row) != FSP_OK) {
        fsp_audit_report(self, "row", none, 0, rest, "past heads row");
        return;
    }
    memcpy(id.bytes, rest.data, sizeof(id.bytes));
    uint64_t until = fsp_load_u64(rest.data + sizeof(id.bytes));
    bool same = walk->open && fsp_file_id_eq(walk->id, id);
    if (row.since >= until || until > self->space.change_index)
        fsp_audit_report(self, "past", id, until, rest,
                         "a file had heads from %llu to %llu, which cannot be",
                         (unsigned long long)row.since, (unsigned long long)until);
    if (same && row.since != walk->until)
        fsp_audit_report(self, "past", id, until, rest,
                         "the heads before ended at %llu, these began at %llu",
                         (unsigned long long)walk->until, (unsigned long long)row.since);
    if (!same) {
        end_file(self, walk);
        walk->open = true;
        walk->id = id;
    }
    walk->until = until;
    check_versions(self, walk, &row, rest);
}

/* -- work -------------------------------------------------------------------------------------- */

static fsp_row_key_t
purge_key(const fsp_audit_t *self, fsp_file_id_t id)
{
    const uint8_t kind = FSP_WORK_PURGE;
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_WORK, self->space_id);
    fsp_row_key_add(&key, fsp_slice(&kind, sizeof(kind)));
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    return key;
}

void
fsp_audit_purging(fsp_audit_t *self, fsp_file_id_t id, const fsp_node_row_t *node)
{
    fsp_slice_t ignored;
    fsp_row_key_t key = purge_key(self, id);
    if (!fsp_file_id_is_zero(node->parent_id) || node->name_bytes > 0)
        fsp_audit_report(self, "node", id, 0, FSP_SLICE_OF(id),
                         "being purged, and still with a parent or a name");
    if (fsp_audit_get(self, &key, &ignored) == FSP_NOT_FOUND)
        fsp_audit_report(self, "work", id, 0, FSP_SLICE_OF(id),
                         "being purged, and nobody is to do it");
}

static void
check_purge(fsp_audit_t *self, fsp_slice_t rest, fsp_slice_t value)
{
    fsp_file_id_t id;
    memcpy(id.bytes, rest.data + 1, sizeof(id.bytes));
    fsp_canon_t reader = fsp_canon_reader(value);
    (void)fsp_canon_read_array(&reader, 1, 1); /* sticky */
    uint64_t marked = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_node_row_t node;
    fsp_status_t status = fsp_audit_get_node(self, id, &node);
    if (fsp_canon_finish(&reader) != FSP_OK)
        fsp_audit_report(self, "row", id, 0, rest, "work row");
    else if (marked == 0 || marked > self->space.change_index)
        fsp_audit_report(self, "work", id, marked, rest, "marked by a change that is not known");
    else if (status == FSP_NOT_FOUND || (status == FSP_OK && !node.history.purging))
        fsp_audit_report(self, "work", id, marked, rest, "to be purged, and not marked so");
}

static void
check_work(fsp_audit_t *self, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    (void)walk;
    fsp_prune_work_t work;
    bool sound = rest.bytes == 1 + sizeof(none.bytes);
    if (sound && rest.data[0] == FSP_WORK_PURGE)
        check_purge(self, rest, value);
    else if (!sound || rest.data[0] != FSP_WORK_PRUNE ||
             fsp_prune_work_decode(value, &work) != FSP_OK)
        fsp_audit_report(self, "row", none, 0, rest, "work row");
}

/* -- all --------------------------------------------------------------------------------------- */

void
fsp_audit_past(fsp_audit_t *self)
{
    names_t names = {.open = false};
    heads_t heads = {.open = false};
    if (fsp_audit_walk(self, FSP_TABLE_PAST_ENTRY, check_past_entry, &names))
        end_name(self, &names);
    if (fsp_audit_walk(self, FSP_TABLE_PAST_HEADS, check_past_heads, &heads))
        end_file(self, &heads);
    (void)fsp_audit_walk(self, FSP_TABLE_WORK, check_work, NULL);
    const fsp_space_history_t *part = &self->space.history;
    if (part->at_horizon > self->space.change_index ||
        part->feed_horizon > self->space.change_index)
        fsp_audit_report(self, "past", none, part->at_horizon, FSP_SLICE_OF(self->space_id),
                         "a horizon lies behind the last change");
    if (part->at_horizon == 0 && (names.open || heads.open))
        fsp_audit_report(self, "past", none, 0, FSP_SLICE_OF(self->space_id),
                         "there are past rows, and nothing can be shown");
}
