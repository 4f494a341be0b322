/* SPDX-License-Identifier: MIT */
/* dbkept - how much of each family the database has on stable storage.  Layer store. */
#include "store/dbkept.h"

#include "core/base/check.h"

/* LOG is the journal's own. */
static bool
is_counted(int family)
{
    return family != FSP_FAMILY_LOG;
}

fsp_status_t
fsp_dbkept_open(fsp_dbkept_t *self, fsp_db_t *db, uint64_t log_bytes_max, fsp_error_t *error)
{
    *self = (fsp_dbkept_t){.db = db, .log_bytes_max = log_bytes_max};
    fsp_status_t status = FSP_OK;
    for (int i = 0; i < FSP_FAMILY_COUNT && status == FSP_OK; i++) {
        if (is_counted(i))
            status = fsp_db_kept(db, (fsp_family_t)i, &self->rows[i], error);
        self->upto[i] = self->written[i] = self->rows[i];
    }
    return status;
}

void
fsp_dbkept_mark(fsp_dbkept_t *self, fsp_db_write_t *write, uint64_t sequence)
{
    for (int i = 0; i < FSP_FAMILY_COUNT; i++) {
        if (!fsp_db_write_touches(write, (fsp_family_t)i))
            continue;
        FSP_ASSERT(sequence >= self->written[i]);
        fsp_db_write_keep(write, (fsp_family_t)i, sequence);
        self->written[i] = sequence;
    }
}

/* Which bytes of LOG wait for STATE is known to a part of log_bytes_max, by some groups. */
static void
note_log(fsp_dbkept_t *self, uint64_t sequence, uint64_t log_bytes)
{
    self->log_bytes += log_bytes;
    if (!fsp_dbkept_waits(self, FSP_FAMILY_STATE)) {
        self->state_bytes = self->log_bytes;
        self->mark_count = 0;
        return;
    }
    size_t passed = 0;
    while (passed < self->mark_count &&
           self->marks[passed].sequence <= self->upto[FSP_FAMILY_STATE])
        self->state_bytes = self->marks[passed++].log_bytes;
    self->mark_count -= passed;
    memmove(self->marks, self->marks + passed, self->mark_count * sizeof(self->marks[0]));
    uint64_t before =
        self->mark_count > 0 ? self->marks[self->mark_count - 1].log_bytes : self->state_bytes;
    if (self->mark_count == FSP_DBKEPT_MARKS ||
        self->log_bytes - before < self->log_bytes_max / (FSP_DBKEPT_MARKS / 2))
        return;
    self->marks[self->mark_count].sequence = sequence;
    self->marks[self->mark_count++].log_bytes = self->log_bytes;
}

void
fsp_dbkept_pass(fsp_dbkept_t *self, uint64_t sequence, uint64_t log_bytes)
{
    for (int i = 0; i < FSP_FAMILY_COUNT; i++)
        if (!fsp_dbkept_waits(self, (fsp_family_t)i) && self->upto[i] < sequence)
            self->upto[i] = sequence;
    note_log(self, sequence, log_bytes);
}

fsp_status_t
fsp_dbkept_look(fsp_dbkept_t *self, uint64_t sequence, fsp_error_t *error)
{
    fsp_status_t status = FSP_OK;
    for (int i = 0; i < FSP_FAMILY_COUNT && status == FSP_OK; i++) {
        if (!fsp_dbkept_waits(self, (fsp_family_t)i))
            continue;
        status = fsp_db_kept(self->db, (fsp_family_t)i, &self->rows[i], error);
        if (self->upto[i] < self->rows[i])
            self->upto[i] = self->rows[i];
    }
    fsp_dbkept_pass(self, sequence, 0);
    return status;
}

bool
fsp_dbkept_waits(const fsp_dbkept_t *self, fsp_family_t family)
{
    return is_counted((int)family) && self->rows[family] < self->written[family];
}

fsp_status_t
fsp_dbkept_flush(fsp_dbkept_t *self, fsp_family_t family, bool wait, fsp_error_t *error)
{
    if (!fsp_dbkept_waits(self, family) || (!wait && self->rows[family] < self->asked[family]))
        return FSP_OK;
    self->asked[family] = self->written[family];
    return fsp_db_flush(self->db, family, wait, error);
}

fsp_status_t
fsp_dbkept_keep_up(fsp_dbkept_t *self, fsp_error_t *error)
{
    if (self->log_bytes - self->state_bytes <= self->log_bytes_max)
        return FSP_OK;
    return fsp_dbkept_flush(self, FSP_FAMILY_STATE, false, error);
}

fsp_status_t
fsp_dbkept_make_room(fsp_dbkept_t *self, const fsp_journal_t *journal, fsp_error_t *error)
{
    fsp_status_t status = FSP_OK;
    for (int i = 0; i < FSP_FAMILY_COUNT && status == FSP_OK; i++) {
        uint64_t needed = is_counted(i) ? fsp_journal_holds(journal, (fsp_family_t)i) : 0;
        if (self->upto[i] < needed)
            status = fsp_dbkept_flush(self, (fsp_family_t)i, false, error);
    }
    return status;
}
