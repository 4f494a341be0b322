/* SPDX-License-Identifier: MIT */
/* objstore - the bytes of large objects, behind four calls.  Layer store. */
#include "store/objstore.h"

#include "core/base/check.h"

void
fsp_objstore_init(fsp_objstore_t *self, fsp_db_t *db)
{
    FSP_PRE(self != NULL);
    fsp_dbview_init(&self->rows, db, FSP_FAMILY_BYTES);
}

void
fsp_objstore_put_many(fsp_objstore_t *self, fsp_db_write_t *write, const fsp_objstore_put_t *puts,
                      size_t count)
{
    FSP_PRE(self != NULL);
    FSP_PRE(puts != NULL || count == 0);
    for (size_t i = 0; i < count; i++)
        fsp_db_write_put(write, FSP_FAMILY_BYTES, puts[i].key, puts[i].bytes);
}

void
fsp_objstore_drop_many(fsp_objstore_t *self, fsp_db_write_t *write,
                       const fsp_objstore_drop_t *drops, size_t count)
{
    FSP_PRE(self != NULL);
    FSP_PRE(drops != NULL || count == 0);
    for (size_t i = 0; i < count; i++) {
        if (drops[i].to.bytes == 0)
            fsp_db_write_delete(write, FSP_FAMILY_BYTES, drops[i].key);
        else
            fsp_db_write_delete_range(write, FSP_FAMILY_BYTES, drops[i].key, drops[i].to);
    }
}

/* Weak: blob files have no partial read, so a range costs the whole value. */
fsp_status_t
fsp_objstore_read(fsp_objstore_t *self, fsp_slice_t key, uint64_t from, uint64_t to,
                  fsp_blob_t **ret_blob)
{
    return fsp_db_lend(self->rows.db, FSP_FAMILY_BYTES, key, from, to, ret_blob);
}

fsp_cursor_t *
fsp_objstore_scan(fsp_objstore_t *self, fsp_slice_t from, fsp_slice_t to)
{
    return fsp_view_scan(&self->rows.view, from, to);
}

fsp_view_t *
fsp_objstore_view(fsp_objstore_t *self)
{
    return &self->rows.view;
}
