/* SPDX-License-Identifier: MIT */
/* journal - what the store wrote, in order: log rows, and redo for the database.  Layer store.
 *
 * Files as in etcd's and PostgreSQL's logs: of one size, and used again, because a sync of a file
 * that grows makes the file system write its own journal, too (docs/decisions/0011-journal.md).
 * Rows of LOG stay where they were written and are found by an index in memory (Bitcask, Sheehy and
 * Smith 2010).  journalset.h says who may touch what; journalopen.c what a crash may leave.
 *
 * Order, which is all there is to it: a file's name is durable before a record is written to it; a
 * record is durable before its rows count; that a file is not missed is durable before it goes.
 */
#include "store/journal.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "store/journalset.h"

#include <unistd.h>

enum { RECORD_BYTES_KEPT = 1024 * 1024 }; /* of memory, between ticks */

/* -- the set ----------------------------------------------------------------------------------- */

fsp_journalset_file_t *
fsp_journalset_find(fsp_journal_t *self, uint64_t number)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->files[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < self->count && self->files[low].number == number ? &self->files[low] : NULL;
}

fsp_journalset_file_t *
fsp_journalset_oldest(fsp_journal_t *self)
{
    for (size_t i = 0; i + 1 < self->count; i++)
        if (self->files[i].number >= self->oldest)
            return &self->files[i];
    return NULL;
}

fsp_journalset_file_t *
fsp_journalset_add(fsp_journal_t *self, uint64_t number, uint64_t size)
{
    FSP_PRE(self->count == 0 || self->files[self->count - 1].number < number);
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 2 * FSP_JOURNAL_FILES;
        self->files = fsp_realloc(self->files, self->capacity * sizeof(*self->files));
    }
    fsp_journalset_file_t *file = &self->files[self->count++];
    *file = (fsp_journalset_file_t){.number = number, .size = size};
    return file;
}

void
fsp_journalset_add_spare(fsp_journal_t *self, uint64_t number, uint64_t size)
{
    if (self->spare_count == self->spare_capacity) {
        self->spare_capacity = self->spare_capacity ? 2 * self->spare_capacity : FSP_JOURNAL_FILES;
        self->spares = fsp_realloc(self->spares, self->spare_capacity * sizeof(*self->spares));
    }
    self->spares[self->spare_count++] = (fsp_journalset_spare_t){.number = number, .size = size};
    self->spare_bytes += size;
}

/* Takes it out of the list. */
static fsp_journalset_spare_t
remove_spare(fsp_journal_t *self, size_t position)
{
    (void)pthread_mutex_lock(&self->lock);
    fsp_journalset_spare_t spare = self->spares[position];
    self->spares[position] = self->spares[--self->spare_count];
    self->spare_bytes -= spare.size;
    (void)pthread_mutex_unlock(&self->lock);
    return spare;
}

/* -- writing ----------------------------------------------------------------------------------- */

void
fsp_journal_put(fsp_journal_t *self, const fsp_batch_row_t *row)
{
    FSP_PRE(self != NULL && !self->read_only);
    FSP_PRE(row->family != FSP_FAMILY_STATE);
    fsp_journalrecord_put(&self->record, row);
}

bool
fsp_journal_waiting(const fsp_journal_t *self)
{
    return self->record.row_count > 0;
}

/* A file without records, best one that was written before. */
static fsp_status_t
take_or_make(fsp_journal_t *self, uint64_t ahead, fsp_error_t *error)
{
    for (size_t i = 0; i < self->spare_count && ahead == self->file_bytes; i++) {
        if (self->spares[i].size != ahead)
            continue;
        fsp_journalset_spare_t spare = remove_spare(self, i);
        return fsp_journalfile_take(&self->active, spare.number, spare.size, self->next, error);
    }
    return fsp_journalfile_make(&self->active, self->next, self->tight ? 0 : ahead, error);
}

/* The record of that many octets begins a new file, whose name is durable before. */
static fsp_status_t
begin_file(fsp_journal_t *self, uint64_t bytes, fsp_error_t *error)
{
    fsp_journalfile_close(&self->active);
    fsp_status_t status = FSP_OK;
    if (!self->has_directory)
        status = fsp_journalfile_make_directory(self->directory, self->sync, error);
    if (status != FSP_OK)
        return status;
    self->has_directory = true;
    status = take_or_make(self, bytes < self->file_bytes ? self->file_bytes : bytes, error);
    if (status == FSP_OK && self->sync)
        status = fsp_journalfile_sync_names(self->directory, error);
    if (status != FSP_OK)
        return status;
    (void)pthread_mutex_lock(&self->lock);
    (void)fsp_journalset_add(self, self->next, self->active.size);
    if (self->oldest == 0)
        self->oldest = self->next;
    (void)pthread_mutex_unlock(&self->lock);
    self->next++;
    return FSP_OK;
}

static fsp_status_t
write_record(fsp_journal_t *self, uint64_t sequence, const uint64_t kept[FSP_FAMILY_COUNT],
             fsp_error_t *error)
{
    uint64_t bytes = fsp_journalrecord_bytes(self->record.payload_bytes);
    fsp_status_t status = FSP_OK;
    if (self->active.number == 0 ||
        (self->active.bytes > 0 && self->active.bytes + bytes > self->file_bytes))
        status = begin_file(self, bytes, error);
    if (status != FSP_OK)
        return status;
    fsp_journalhead_t head = {.file = self->active.number,
                              .sequence = sequence,
                              .previous = self->sequence,
                              .oldest = self->oldest};
    memcpy(head.kept, kept, sizeof(head.kept));
    head.kept[FSP_FAMILY_LOG] = 0;
    const uint8_t *octets = fsp_journalrecord_finish(&self->record, &head);
    return fsp_journalfile_append(&self->active, octets, bytes, self->sync, error);
}

/* The record's rows count from now on. */
static void
publish(fsp_journal_t *self, uint64_t sequence)
{
    fsp_slice_t payload = fsp_journalrecord_payload(&self->record);
    uint64_t record_at = self->active.bytes - fsp_journalrecord_bytes(self->record.payload_bytes);
    fsp_journalrow_t row;
    (void)pthread_mutex_lock(&self->lock);
    for (size_t at = 0; fsp_journalrow_next(payload, &at, &row) == FSP_OK;)
        fsp_journalindex_apply(self, sequence, record_at, &row);
    self->files[self->count - 1].size = self->active.size;
    self->sequence = sequence;
    self->said = self->oldest;
    (void)pthread_mutex_unlock(&self->lock);
    fsp_journalrecord_reset(&self->record);
}

static void
note_kept(fsp_journal_t *self, const uint64_t kept[FSP_FAMILY_COUNT])
{
    for (size_t family = 0; family < FSP_FAMILY_COUNT; family++)
        if (self->kept[family] < kept[family])
            self->kept[family] = kept[family];
}

fsp_status_t
fsp_journal_commit(fsp_journal_t *self, uint64_t sequence, const uint64_t kept[FSP_FAMILY_COUNT],
                   fsp_error_t *error)
{
    FSP_PRE(self != NULL && !self->read_only);
    FSP_PRE(sequence > 0);
    FSP_PRE(sequence > self->sequence ||
            (sequence == self->sequence && !fsp_journal_waiting(self)));
    if (self->failed)
        return fsp_error_set(error, FSP_IO, "a write to the journal has failed before");
    fsp_status_t status = write_record(self, sequence, kept, error);
    if (status == FSP_OK)
        publish(self, sequence);
    else
        self->failed = true;
    return status;
}

/* Files that are not needed may be lost. */
static fsp_status_t
sync_files(const fsp_journal_t *self, fsp_error_t *error)
{
    fsp_status_t status = FSP_OK;
    for (size_t i = 0; i < self->count && status == FSP_OK; i++)
        if (self->files[i].number >= self->oldest)
            status = fsp_journalfile_sync(self->directory, self->files[i].number, error);
    if (status == FSP_OK && self->count > 0)
        status = fsp_journalfile_make_directory(self->directory, true, error);
    return status == FSP_OK && self->count > 0 ? fsp_journalfile_sync_names(self->directory, error)
                                               : status;
}

fsp_status_t
fsp_journal_sync(fsp_journal_t *self, fsp_error_t *error)
{
    FSP_PRE(self != NULL && !self->read_only);
    if (self->failed)
        return fsp_error_set(error, FSP_IO, "a write to the journal has failed before");
    fsp_status_t status = sync_files(self, error);
    self->failed = status != FSP_OK;
    return status;
}

/* -- files go ---------------------------------------------------------------------------------- */

static bool
is_held(const fsp_journal_t *self, const fsp_journalset_file_t *file, fsp_family_t family)
{
    if (family == FSP_FAMILY_LOG)
        return file->live_rows > 0;
    return family != FSP_FAMILY_STATE && file->last[family] > self->kept[family];
}

static bool
is_needed(const fsp_journal_t *self, const fsp_journalset_file_t *file)
{
    for (size_t family = 0; family < FSP_FAMILY_COUNT; family++)
        if (is_held(self, file, (fsp_family_t)family))
            return true;
    return false;
}

/* Spare files beyond the bound, or of another size, are deleted; if that fails, the next start
   tries again. */
static void
delete_spares(fsp_journal_t *self)
{
    size_t most =
        self->tight || self->count > FSP_JOURNAL_FILES ? 0 : FSP_JOURNAL_FILES - self->count;
    for (size_t i = self->spare_count; i-- > 0;) {
        if (self->spares[i].size == self->file_bytes && self->spare_count <= most)
            continue;
        fsp_journalset_spare_t spare = remove_spare(self, i);
        char path[FSP_SEGFILE_PATH_BYTES];
        fsp_segfile_path(self->directory, spare.number, path);
        (void)unlink(path);
    }
}

/* Files of which a record says that they are not missed, and nobody reads, become spare. */
static void
retire_files(fsp_journal_t *self)
{
    (void)pthread_mutex_lock(&self->lock);
    size_t stay = 0;
    for (size_t i = 0; i < self->count; i++) {
        const fsp_journalset_file_t *file = &self->files[i];
        if (file->number < self->said && file->readers == 0)
            fsp_journalset_add_spare(self, file->number, file->size);
        else
            self->files[stay++] = *file;
    }
    self->count = stay;
    (void)pthread_mutex_unlock(&self->lock);
}

static void
release_files(fsp_journal_t *self)
{
    uint64_t oldest = self->oldest;
    for (size_t i = 0; i + 1 < self->count; i++) {
        if (self->files[i].number < oldest)
            continue;
        if (is_needed(self, &self->files[i]))
            break;
        oldest = self->files[i + 1].number;
    }
    (void)pthread_mutex_lock(&self->lock);
    self->oldest = oldest;
    (void)pthread_mutex_unlock(&self->lock);
}

void
fsp_journal_release(fsp_journal_t *self, const uint64_t kept[FSP_FAMILY_COUNT], bool tight)
{
    FSP_PRE(self != NULL && !self->read_only);
    note_kept(self, kept);
    self->tight = tight;
    if (self->failed)
        return;
    fsp_journalrecord_rest(&self->record, RECORD_BYTES_KEPT);
    if (self->active.number > 0) { /* not a file is touched before the first commit */
        retire_files(self);
        delete_spares(self);
    }
    release_files(self);
}

bool
fsp_journal_full(const fsp_journal_t *self)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < self->count; i++)
        if (self->files[i].number >= self->oldest)
            bytes += self->files[i].size;
    uint64_t most = FSP_JOURNAL_FILES * self->file_bytes;
    return bytes > (2 * self->live_bytes > most ? 2 * self->live_bytes : most);
}

uint64_t
fsp_journal_holds(const fsp_journal_t *self, fsp_family_t family)
{
    FSP_PRE((unsigned)family < FSP_FAMILY_COUNT);
    for (size_t i = 0; i + 1 < self->count; i++) {
        const fsp_journalset_file_t *file = &self->files[i];
        if (file->number < self->oldest)
            continue;
        if (!is_held(self, file, family))
            return 0;
        return family == FSP_FAMILY_LOG ? 1 : file->last[family];
    }
    return 0;
}

/* Puts the live rows of the record that was read into the record under way, until that is large
   enough.  True: all of them. */
static bool
move_rows(fsp_journal_t *self, const fsp_journalscan_t *scan)
{
    fsp_slice_t payload = fsp_journalscan_payload(scan);
    fsp_journalrow_t row;
    for (size_t at = 0; fsp_journalrow_next(payload, &at, &row) == FSP_OK;) {
        if (!fsp_journalindex_lives(self, scan->number, scan->at, &row))
            continue;
        if (self->record.payload_bytes >= FSP_JOURNAL_MOVE_BYTES)
            return false;
        fsp_journalrecord_put(&self->record, &row.row);
    }
    return true;
}

/* From the file's first record on that may have live rows. */
static fsp_status_t
move_from(fsp_journal_t *self, fsp_journalset_file_t *file, fsp_error_t *error)
{
    fsp_journalscan_t scan = {.number = 0};
    fsp_status_t status = fsp_journalscan_open(&scan, self->directory, file->number, error);
    scan.next = file->looked;
    bool more = true;
    while (status == FSP_OK && more) {
        status = fsp_journalscan_next(&scan, error);
        if (status == FSP_OK && (more = move_rows(self, &scan)))
            file->looked = scan.next;
    }
    fsp_journalscan_clear(&scan);
    if (status != FSP_NOT_FOUND)
        return status;
    /* Behind the last record: what lives must have been found. */
    return fsp_journal_waiting(self)
               ? FSP_OK
               : fsp_journal_say_damaged(self->directory, file->number,
                                         "has lost rows since it was opened", error);
}

fsp_status_t
fsp_journal_move(fsp_journal_t *self, bool *ret_moved, fsp_error_t *error)
{
    FSP_PRE(self != NULL && !self->read_only);
    FSP_PRE(!fsp_journal_waiting(self));
    *ret_moved = false;
    if (self->failed)
        return fsp_error_set(error, FSP_IO, "a write to the journal has failed before");
    fsp_journalset_file_t *file = fsp_journalset_oldest(self);
    if (!file || !fsp_journal_full(self) || file->live_rows == 0)
        return FSP_OK;
    for (size_t family = 0; family < FSP_FAMILY_COUNT; family++)
        if (family != FSP_FAMILY_LOG && is_held(self, file, (fsp_family_t)family))
            return FSP_OK;
    fsp_status_t status = move_from(self, file, error);
    *ret_moved = status == FSP_OK;
    return status;
}

void
fsp_journal_info(fsp_journal_t *self, fsp_journal_info_t *ret)
{
    FSP_PRE(self != NULL && ret != NULL);
    (void)pthread_mutex_lock(&self->lock);
    *ret = (fsp_journal_info_t){.bytes = self->spare_bytes,
                                .files = self->count,
                                .spare_bytes = self->spare_bytes,
                                .live_rows = fsp_omap_count(self->index),
                                .live_bytes = self->live_bytes,
                                .sequence = self->sequence};
    for (size_t i = 0; i < self->count; i++) {
        ret->bytes += self->files[i].size;
        if (self->files[i].number < self->oldest && self->files[i].number >= self->said)
            ret->released_bytes += self->files[i].size;
    }
    if (self->count > 0) {
        ret->oldest = self->files[0].number;
        ret->newest = self->files[self->count - 1].number;
    }
    (void)pthread_mutex_unlock(&self->lock);
}

size_t
fsp_journal_lent(fsp_journal_t *self)
{
    size_t lent = 0;
    (void)pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < self->count; i++)
        lent += self->files[i].readers;
    (void)pthread_mutex_unlock(&self->lock);
    return lent;
}

void
fsp_journal_close(fsp_journal_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_journal_t *self = *self_p;
    if (!self)
        return;
    FSP_PRE(fsp_journal_lent(self) == 0);
    if (self->active.number > 0 && !self->failed) {
        retire_files(self);
        delete_spares(self);
    }
    fsp_journalfile_close(&self->active);
    fsp_journalrecord_reset(&self->record);
    fsp_journalrecord_rest(&self->record, 0);
    (void)pthread_mutex_destroy(&self->lock);
    fsp_omap_destroy(&self->index);
    fsp_free(self->files);
    fsp_free(self->spares);
    fsp_free(self);
    *self_p = NULL;
}
