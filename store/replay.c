/* SPDX-License-Identifier: MIT */
/* replay - what the journal has and the database lost goes back into it.  Layer store. */
#include "store/replay.h"

#include "core/base/check.h"
#include "store/recover.h"

enum { BATCH_BYTES = 4 * 1024 * 1024 };

/* Groups up to `whole` are in the database with this write, as far as it did not have them. */
static fsp_status_t
write_rows(fsp_replay_t *self, uint64_t whole, fsp_error_t *error)
{
    for (int i = 0; i < FSP_FAMILY_COUNT; i++) {
        if (!fsp_db_write_touches(self->write, (fsp_family_t)i))
            continue;
        if (self->kept->written[i] < whole)
            self->kept->written[i] = whole;
        fsp_db_write_keep(self->write, (fsp_family_t)i, self->kept->written[i]);
    }
    return fsp_db_commit(self->kept->db, self->write, error);
}

fsp_status_t
fsp_replay_row(void *context, uint64_t sequence, const fsp_batch_row_t *row, fsp_error_t *error)
{
    fsp_replay_t *self = context;
    FSP_PRE(sequence >= self->sequence && sequence > 0);
    fsp_status_t status = FSP_OK;
    if (!self->checked)
        status = fsp_recover_journal(self->found, self->kept, self->mark, error);
    self->checked = true;
    self->sequence = sequence;
    if (status != FSP_OK || sequence <= self->kept->rows[row->family])
        return status;
    if (row->op == FSP_ROW_PUT)
        fsp_db_write_put(self->write, row->family, row->key, row->value);
    else if (row->op == FSP_ROW_DELETE)
        fsp_db_write_delete(self->write, row->family, row->key);
    else
        fsp_db_write_delete_range(self->write, row->family, row->key, row->value);
    if (fsp_db_write_bytes(self->write) < BATCH_BYTES)
        return FSP_OK;
    return write_rows(self, sequence - 1, error); /* more of this group may come */
}

fsp_status_t
fsp_replay_end(fsp_replay_t *self, fsp_error_t *error)
{
    fsp_status_t status = FSP_OK;
    if (!self->checked)
        status = fsp_recover_journal(self->found, self->kept, self->mark, error);
    if (status == FSP_OK && fsp_db_write_bytes(self->write) > 0)
        status = write_rows(self, self->sequence, error);
    return status;
}
