/* SPDX-License-Identifier: MIT */
/* journalopen - what a journal holds when it is opened: which records count, and in which order.
 * Layer store.
 *
 * 1. The newest record is the last whole one in the file with the highest number that begins with a
 *    whole record of its own.  It says which file is the oldest that counts.
 * 2. From there to the newest file the records must follow one another without a gap: each says the
 *    sequence of the one before it.  Nothing but the end of the newest file may be torn.
 * 3. Other files are left over: a crash came before they were deleted or had a record.  Nothing is
 *    done with them until the first commit, for by then others may have found that something is
 *    missing, and what is left of it may be in there.
 *
 * No record is ever appended to a file that was there before: behind a torn record may lie what was
 * written with it, and it must not become whole by what is written in front of it.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "store/journalset.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    fsp_journal_t *journal;
    fsp_journal_replay_fn *replay;
    void *context;
    uint64_t *numbers; /* of all files, in order */
    size_t count;
    fsp_journalscan_t scan;
    fsp_journalhead_t newest; /* the newest record; file 0: there is none */
    fsp_journalhead_t last;   /* the last one that was read; file 0: none yet */
} opening_t;

/* The last record of a file in which each follows the one before; NOT_FOUND: it has none. */
static fsp_status_t
find_last(opening_t *self, uint64_t number, fsp_error_t *error)
{
    fsp_status_t status =
        fsp_journalscan_open(&self->scan, self->journal->directory, number, error);
    if (status != FSP_OK)
        return status;
    uint64_t found = 0;
    while ((status = fsp_journalscan_next(&self->scan, error)) == FSP_OK) {
        if (found++ > 0 && self->scan.head.previous != self->newest.sequence)
            return fsp_journal_say_damaged(self->journal->directory, number,
                                           "has a record that follows no other", error);
        self->newest = self->scan.head;
    }
    return status == FSP_NOT_FOUND && found > 0 ? FSP_OK : status;
}

static fsp_status_t
find_newest(opening_t *self, fsp_error_t *error)
{
    for (size_t i = self->count; i-- > 0;) {
        fsp_status_t status = find_last(self, self->numbers[i], error);
        if (status != FSP_NOT_FOUND)
            return status;
    }
    return FSP_OK;
}

static fsp_status_t
take_rows(opening_t *self, fsp_error_t *error)
{
    fsp_journal_t *journal = self->journal;
    fsp_slice_t payload = fsp_journalscan_payload(&self->scan);
    fsp_journalrow_t row;
    size_t at = 0, count = 0;
    fsp_status_t status;
    while ((status = fsp_journalrow_next(payload, &at, &row)) == FSP_OK) {
        fsp_journalindex_apply(journal, self->scan.head.sequence, self->scan.at, &row);
        if (row.row.family != FSP_FAMILY_LOG && self->replay) {
            status = self->replay(self->context, self->scan.head.sequence, &row.row, error);
            if (status != FSP_OK)
                return status;
        }
        count++;
    }
    if (status == FSP_DAMAGED || count != self->scan.head.row_count)
        return fsp_journal_say_damaged(journal->directory, self->scan.number,
                                       "has a record with rows that are none", error);
    return FSP_OK;
}

/* A file of which the program that wrote it may have been killed before it could sync. */
static fsp_status_t
sync_file(const opening_t *self, fsp_error_t *error)
{
    if (!self->journal->sync || self->journal->read_only || fdatasync(self->scan.fd) == 0)
        return FSP_OK;
    return fsp_error_set(error, FSP_IO, "sync journal %.150s/%016llx: %s", self->journal->directory,
                         (unsigned long long)self->scan.number, strerror(errno));
}

/* The records of the file that was just opened.  One that has none was left over, or its own are
   lost: then the next file does not follow. */
static fsp_status_t
take_file(opening_t *self, fsp_error_t *error)
{
    fsp_journal_t *journal = self->journal;
    uint64_t number = self->scan.number;
    fsp_status_t status = sync_file(self, error);
    bool added = false;
    while (status == FSP_OK) {
        status = fsp_journalscan_next(&self->scan, error);
        if (status != FSP_OK)
            break;
        bool first = self->last.file == 0;
        if (first ? number != self->newest.oldest : self->scan.head.previous != self->last.sequence)
            return fsp_journal_say_damaged(journal->directory, number,
                                           "does not follow what was written before", error);
        if (!added)
            (void)fsp_journalset_add(journal, number, self->scan.size);
        added = true;
        self->last = self->scan.head;
        status = take_rows(self, error);
    }
    if (status == FSP_NOT_FOUND && !added)
        fsp_journalset_add_spare(journal, number, self->scan.size);
    return status == FSP_NOT_FOUND ? FSP_OK : status;
}

static fsp_status_t
take_files(opening_t *self, fsp_error_t *error)
{
    const fsp_journalhead_t *newest = &self->newest;
    for (size_t i = 0; i < self->count; i++) {
        uint64_t number = self->numbers[i];
        fsp_status_t status =
            fsp_journalscan_open(&self->scan, self->journal->directory, number, error);
        if (status == FSP_NOT_FOUND) /* gone meanwhile: as if it had not been there */
            continue;
        if (status == FSP_OK && newest->file > 0 && number >= newest->oldest &&
            number <= newest->file)
            status = take_file(self, error);
        else if (status == FSP_OK)
            fsp_journalset_add_spare(self->journal, number, self->scan.size);
        if (status != FSP_OK)
            return status;
    }
    if (self->last.file != newest->file || self->last.sequence != newest->sequence)
        return fsp_journal_say_damaged(self->journal->directory, newest->file,
                                       "has changed while it was read", error);
    return FSP_OK;
}

/* The newest record says where the journal goes on. */
static void
settle(opening_t *self, fsp_journal_found_t *ret)
{
    fsp_journal_t *journal = self->journal;
    journal->next = self->count > 0 ? self->numbers[self->count - 1] + 1 : 1;
    journal->sequence = self->newest.sequence;
    journal->oldest = journal->said = self->newest.oldest;
    memcpy(journal->kept, self->newest.kept, sizeof(journal->kept));
    if (!ret)
        return;
    *ret = (fsp_journal_found_t){.any = self->newest.file > 0, .sequence = self->newest.sequence};
    memcpy(ret->kept, self->newest.kept, sizeof(ret->kept));
}

static fsp_status_t
read_all(opening_t *self, fsp_journal_found_t *ret_found, fsp_error_t *error)
{
    const fsp_journal_t *journal = self->journal;
    fsp_status_t status =
        fsp_journalscan_list(journal->directory, &self->numbers, &self->count, error);
    /* Names, too, may not be durable yet. */
    if (status == FSP_OK && self->count > 0 && journal->sync && !journal->read_only)
        status = fsp_journalfile_sync_names(journal->directory, error);
    if (status == FSP_OK)
        status = find_newest(self, error);
    if (status != FSP_OK)
        return status;
    settle(self, ret_found);
    return take_files(self, error);
}

fsp_status_t
fsp_journal_open(const fsp_journal_config_t *config, fsp_journal_replay_fn *replay, void *context,
                 fsp_journal_t **ret_self, fsp_journal_found_t *ret_found, fsp_error_t *error)
{
    FSP_PRE(config != NULL && config->directory != NULL);
    FSP_PRE(config->file_bytes % FSP_JOURNAL_PAGE_BYTES == 0);
    FSP_PRE(ret_self != NULL);
    FSP_PRE(ret_found != NULL || config->read_only);
    if (strlen(config->directory) + 1 + FSP_SEGMENT_NAME_BYTES > FSP_SEGFILE_PATH_BYTES)
        return fsp_error_set(error, FSP_INVALID, "directory name of the journal is too long");
    fsp_journal_t *self = FSP_NEW(fsp_journal_t);
    (void)snprintf(self->directory, sizeof(self->directory), "%s", config->directory);
    self->file_bytes = config->file_bytes ? config->file_bytes : FSP_JOURNAL_FILE_BYTES;
    self->sync = config->sync;
    self->read_only = config->read_only;
    self->index = fsp_omap_new();
    fsp_journalfile_init(&self->active, self->directory);
    fsp_journalview_init(self);
    FSP_ASSERT(pthread_mutex_init(&self->lock, NULL) == 0);
    opening_t opening = {.journal = self, .replay = replay, .context = context};
    fsp_status_t status = read_all(&opening, ret_found, error);
    if (status == FSP_OK) {
        *ret_self = self;
    } else {
        self->failed = true; /* nothing is tidied up */
        fsp_journal_close(&self);
    }
    fsp_journalscan_clear(&opening.scan);
    fsp_free(opening.numbers);
    return status;
}

fsp_status_t
fsp_journal_erase(const char *directory, fsp_error_t *error)
{
    uint64_t *numbers = NULL;
    size_t count = 0;
    fsp_status_t status = fsp_journalscan_list(directory, &numbers, &count, error);
    /* From the oldest: what a crash leaves then does not begin where its newest record says. */
    for (size_t i = 0; i < count && status == FSP_OK; i++) {
        char path[FSP_SEGFILE_PATH_BYTES];
        fsp_segfile_path(directory, numbers[i], path);
        if (unlink(path) != 0)
            status = fsp_error_set(error, FSP_IO, "delete %.180s: %s", path, strerror(errno));
    }
    if (status == FSP_OK && count > 0)
        status = fsp_journalfile_sync_names(directory, error);
    fsp_free(numbers);
    return status;
}
