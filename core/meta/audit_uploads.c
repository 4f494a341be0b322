/* SPDX-License-Identifier: MIT */
/* audit_uploads - uploads and their roots.  Layer core/meta.  Pure.
 *
 * The roots of an upload lie one behind the other from offset 0 to where its tail begins.
 */
#include "core/meta/audit_parts.h"

static const fsp_file_id_t none;

typedef struct {
    fsp_upload_id_t id; /* of the roots before */
    bool open;          /* there were some */
    fsp_upload_row_t row;
    bool judged;         /* its upload is there, as `row` */
    uint64_t end, count; /* of its roots so far */
} roots_t;

/* Its condition is too large for a copy per root, and nothing of it is asked here. */
static fsp_status_t
get_upload(fsp_audit_t *self, fsp_upload_id_t id, fsp_upload_row_t *ret)
{
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_UPLOAD, self->space_id);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_slice_t value;
    fsp_status_t status = fsp_audit_get(self, &key, &value);
    if (status == FSP_OK && fsp_upload_row_decode(value, ret) != FSP_OK)
        return FSP_DAMAGED; /* reported by the walk of uploads */
    return status;
}

/* All roots of an upload have passed. */
static void
end_roots(fsp_audit_t *self, const roots_t *walk)
{
    if (!walk->open || !walk->judged)
        return;
    if (walk->end != fsp_upload_row_covered(&walk->row) || walk->count != walk->row.root_count)
        fsp_audit_report(self, "upload", none, walk->end, FSP_SLICE_OF(walk->id),
                         "%llu roots to offset %llu; the upload says %llu to %llu",
                         (unsigned long long)walk->count, (unsigned long long)walk->end,
                         (unsigned long long)walk->row.root_count,
                         (unsigned long long)fsp_upload_row_covered(&walk->row));
}

static void
check_root(fsp_audit_t *self, void *walk_, fsp_slice_t rest, fsp_slice_t value)
{
    roots_t *walk = walk_;
    fsp_upload_id_t id;
    fsp_upload_root_t root;
    if (rest.bytes != sizeof(id.bytes) + sizeof(uint64_t) ||
        fsp_upload_root_decode(value, &root) != FSP_OK) {
        fsp_audit_report(self, "row", none, 0, rest, "upload root row");
        walk->judged = false;
        return;
    }
    memcpy(id.bytes, rest.data, sizeof(id.bytes));
    uint64_t offset = fsp_load_u64(rest.data + sizeof(id.bytes));
    if (!walk->open || !fsp_upload_id_eq(walk->id, id)) {
        end_roots(self, walk);
        walk->open = true;
        walk->id = id;
        walk->end = 0;
        walk->count = 0;
        fsp_status_t status = get_upload(self, id, &walk->row);
        walk->judged = status == FSP_OK;
        if (status == FSP_NOT_FOUND)
            fsp_audit_report(self, "upload", none, offset, rest, "roots of no upload");
    }
    if (walk->judged && offset != walk->end)
        fsp_audit_report(self, "upload", none, offset, rest, "the root before it ends at %llu",
                         (unsigned long long)walk->end);
    walk->end = offset + root.bytes; /* both below 2^63, or reported by the line above */
    walk->count++;
}

static void
check_upload(fsp_audit_t *self, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    (void)walk;
    fsp_upload_row_t row;
    self->counts->uploads++;
    if (rest.bytes != sizeof(fsp_upload_id_t) || fsp_upload_row_decode(value, &row) != FSP_OK) {
        fsp_audit_report(self, "row", none, 0, rest, "upload row");
        self->uploads_whole = false;
        return;
    }
    self->upload_bytes += row.offset;
    if (row.size > 0 && row.offset > row.size)
        fsp_audit_report(self, "upload", none, row.offset, rest, "more came than there is");
    if (row.root_count > 0)
        return; /* judged with its roots, but for their absence: */
    if (fsp_upload_row_covered(&row) > 0)
        fsp_audit_report(self, "upload", none, row.offset, rest, "its roots are missing");
}

/* An upload that says it has roots has a first one; the walk of the roots does the rest. */
static void
check_first(fsp_audit_t *self, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    (void)walk;
    fsp_upload_row_t row;
    if (rest.bytes != sizeof(fsp_upload_id_t) || fsp_upload_row_decode(value, &row) != FSP_OK ||
        row.root_count == 0)
        return;
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_UPLOAD_PART, self->space_id);
    fsp_row_key_add(&key, rest);
    fsp_row_key_add_u64(&key, 0);
    fsp_slice_t ignored;
    if (fsp_audit_get(self, &key, &ignored) == FSP_NOT_FOUND)
        fsp_audit_report(self, "upload", none, 0, rest, "its first root is missing");
}

void
fsp_audit_uploads(fsp_audit_t *self)
{
    self->upload_bytes = 0;
    self->uploads_whole = true;
    bool whole = fsp_audit_walk(self, FSP_TABLE_UPLOAD, check_upload, NULL);
    self->uploads_whole = self->uploads_whole && whole;
    (void)fsp_audit_walk(self, FSP_TABLE_UPLOAD, check_first, NULL);
    roots_t walk = {.open = false};
    if (fsp_audit_walk(self, FSP_TABLE_UPLOAD_PART, check_root, &walk))
        end_roots(self, &walk);
}
