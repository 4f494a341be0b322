/* SPDX-License-Identifier: MIT */
/* journalindex - which rows of LOG count, and where they lie.  Layer store.
 *
 * Each file's account of its live rows is kept here, too: it goes up and down with the index only.
 */
#include "core/base/check.h"
#include "store/journalset.h"

/* Of a row in a file; deleting it lets go of that much. */
static uint64_t
live_bytes(size_t key_bytes, uint64_t value_bytes)
{
    return FSP_JOURNAL_ROW_BYTES + key_bytes + value_bytes;
}

fsp_journalplace_t
fsp_journalindex_place(const fsp_omap_row_t *row)
{
    fsp_journalplace_t place;
    FSP_ASSERT(row->value.bytes == sizeof(place));
    memcpy(&place, row->value.data, sizeof(place));
    return place;
}

static void
account_dead(fsp_journal_t *self, const fsp_omap_row_t *row)
{
    fsp_journalplace_t place = fsp_journalindex_place(row);
    fsp_journalset_file_t *file = fsp_journalset_find(self, place.file);
    uint64_t bytes = live_bytes(row->key.bytes, place.bytes);
    FSP_ASSERT(file && file->live_rows > 0 && file->live_bytes >= bytes);
    file->live_rows--;
    file->live_bytes -= bytes;
    self->live_bytes -= bytes;
}

static void
put_row(fsp_journal_t *self, uint64_t at, const fsp_journalrow_t *row)
{
    const fsp_omap_row_t *before = fsp_omap_get(self->index, row->row.key);
    if (before)
        account_dead(self, before);
    fsp_journalset_file_t *file = &self->files[self->count - 1];
    fsp_journalplace_t place = {.file = file->number,
                                .at = at + FSP_JOURNAL_HEAD_BYTES + row->at,
                                .hash = row->hash,
                                .bytes = row->row.value.bytes};
    fsp_omap_put(self->index, row->row.key, fsp_slice(&place, sizeof(place)), 0);
    uint64_t bytes = live_bytes(row->row.key.bytes, place.bytes);
    file->live_rows++;
    file->live_bytes += bytes;
    self->live_bytes += bytes;
}

static void
delete_row(fsp_journal_t *self, fsp_slice_t key)
{
    const fsp_omap_row_t *row = fsp_omap_get(self->index, key);
    if (!row)
        return;
    account_dead(self, row);
    fsp_omap_remove(self->index, key);
}

static void
delete_range(fsp_journal_t *self, fsp_slice_t from, fsp_slice_t to)
{
    const fsp_omap_row_t *row = fsp_omap_seek(self->index, from);
    while (row && fsp_slice_cmp(row->key, to) < 0) {
        const fsp_omap_row_t *next = fsp_omap_next(row);
        account_dead(self, row);
        fsp_omap_remove(self->index, row->key);
        row = next;
    }
}

void
fsp_journalindex_apply(fsp_journal_t *self, uint64_t sequence, uint64_t at,
                       const fsp_journalrow_t *row)
{
    FSP_PRE(self->count > 0);
    self->files[self->count - 1].last[row->row.family] = sequence;
    if (row->row.family != FSP_FAMILY_LOG)
        return;
    switch (row->row.op) {
    case FSP_ROW_PUT:
        put_row(self, at, row);
        break;
    case FSP_ROW_DELETE:
        delete_row(self, row->row.key);
        break;
    case FSP_ROW_DELETE_RANGE:
        delete_range(self, row->row.key, row->row.value);
        break;
    default:
        FSP_UNREACHABLE();
    }
}

bool
fsp_journalindex_lives(const fsp_journal_t *self, uint64_t file, uint64_t at,
                       const fsp_journalrow_t *row)
{
    if (row->row.family != FSP_FAMILY_LOG || row->row.op != FSP_ROW_PUT)
        return false;
    const fsp_omap_row_t *found = fsp_omap_get(self->index, row->row.key);
    if (!found)
        return false;
    fsp_journalplace_t place = fsp_journalindex_place(found);
    return place.file == file && place.at == at + FSP_JOURNAL_HEAD_BYTES + row->at;
}
