/* SPDX-License-Identifier: MIT */
/* recover - is what lies on disk the store that was left there?  Layer store.
 *
 * First start, each step durable before the next: WATERMARK (sequence 0), database, journal with
 * the format row and sequence 1, WATERMARK (sequence 1).  So a database without WATERMARK, and a
 * missing database or journal with a WATERMARK beyond 0, are all damage, and none is ever
 * "repaired" by making an empty one.
 */
#include "store/recover.h"

#include "core/base/canon.h"
#include "core/base/check.h"
#include "store/segrow.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

enum {
    FORMAT_FIELDS_MAX = 64, /* of a newer program's row */
    ROW_BYTES_MAX = 64
};

fsp_status_t
fsp_recover_damaged(fsp_error_t *error, const char *words)
{
    return fsp_error_set(error, FSP_DAMAGED, "%s: restore from a replica or backup", words);
}

/* Of a read that was made: NOT_FOUND if the row is not there. */
static fsp_status_t
say_read(fsp_status_t status, const char *key, fsp_error_t *error)
{
    return status == FSP_OK || status == FSP_NOT_FOUND
               ? status
               : fsp_error_set(error, status, "row %s: %s", key, fsp_status_text(status));
}

bool
fsp_recover_is_migrating(fsp_db_t *db)
{
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_WATERMARK_ROW_BYTES_MAX);
    fsp_status_t status = fsp_db_get(db, NULL, FSP_FAMILY_LOCAL, fsp_slice_text("migrated"), &row);
    fsp_buf_clear(&row);
    return status == FSP_OK;
}

void
fsp_recover_put_format(fsp_db_write_t *write, uint64_t format)
{
    FSP_PRE(format > 0 && format <= FSP_STORE_FORMAT);
    fsp_buf_t row;
    fsp_buf_init(&row, ROW_BYTES_MAX);
    fsp_canon_array(&row, 1);
    fsp_canon_uint(&row, format);
    fsp_db_write_put(write, FSP_FAMILY_LOCAL, fsp_slice_text("format"), fsp_buf_slice(&row));
    fsp_buf_clear(&row);
}

fsp_status_t
fsp_recover_format(fsp_view_t *local, uint64_t *ret_format, fsp_error_t *error)
{
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_WATERMARK_ROW_BYTES_MAX);
    fsp_status_t status =
        say_read(fsp_view_get(local, fsp_slice_text("format"), &row), "format", error);
    if (status == FSP_OK) {
        fsp_canon_t reader = fsp_canon_reader(fsp_buf_slice(&row));
        size_t count = fsp_canon_read_array(&reader, 1, 64);
        uint64_t format = fsp_canon_read_uint(&reader, UINT64_MAX);
        if (reader.status == FSP_OK && format > FSP_STORE_FORMAT)
            status = fsp_error_set(error, FSP_FORMAT_NEWER,
                                   "store has format %llu, this program knows up to %u",
                                   (unsigned long long)format, (unsigned)FSP_STORE_FORMAT);
        else if (format == 0 || count != 1 || fsp_canon_finish(&reader) != FSP_OK)
            status = fsp_recover_damaged(error, "format row is damaged");
        *ret_format = format;
    }
    fsp_buf_clear(&row);
    return status;
}

static fsp_status_t
read_sequence(fsp_db_t *db, uint64_t *ret, fsp_error_t *error)
{
    fsp_buf_t row;
    fsp_buf_init(&row, ROW_BYTES_MAX);
    fsp_status_t status =
        say_read(fsp_db_get(db, NULL, FSP_FAMILY_LOCAL, fsp_slice_text("sequence"), &row),
                 "sequence", error);
    uint64_t sequence = 0;
    if (status == FSP_OK) {
        fsp_canon_t reader = fsp_canon_reader(fsp_buf_slice(&row));
        sequence = fsp_canon_read_uint(&reader, UINT64_MAX);
        if (fsp_canon_finish(&reader) != FSP_OK)
            status = fsp_recover_damaged(error, "sequence row is damaged");
    } else if (status == FSP_NOT_FOUND) {
        status = fsp_recover_damaged(error, "sequence row is missing");
    }
    fsp_buf_clear(&row);
    if (status == FSP_OK)
        *ret = sequence;
    return status;
}

fsp_status_t
fsp_recover_marks(fsp_view_t *local, fsp_watermark_t *mark, fsp_error_t *error)
{
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_WATERMARK_ROW_BYTES_MAX);
    fsp_watermark_t found;
    fsp_status_t status = fsp_view_get(local, fsp_slice_text("watermark"), &row);
    if (status == FSP_OK)
        status = fsp_watermark_decode_row(fsp_buf_slice(&row), &found);
    if (status == FSP_OK)
        (void)fsp_watermark_merge(mark, &found);
    fsp_buf_clear(&row);
    if (status == FSP_DAMAGED || status == FSP_TOO_LARGE)
        return fsp_recover_damaged(error, "watermark row is damaged");
    return status == FSP_NOT_FOUND ? FSP_OK : say_read(status, "watermark", error);
}

/* "WHAT is behind ITS (IS, was WAS)". */
static fsp_status_t
say_behind(const char *what, const char *its, uint64_t is, uint64_t was, fsp_error_t *error)
{
    return fsp_error_set(error, FSP_DAMAGED,
                         "%s is behind its %s (%llu, was %llu): restore from a replica or backup",
                         what, its, (unsigned long long)is, (unsigned long long)was);
}

static fsp_status_t
say_changed(const char *what, uint64_t is, uint64_t was, fsp_error_t *error)
{
    return fsp_error_set(error, FSP_DAMAGED,
                         "%s (%llu) was changed after its clean stop (%llu): restore from a "
                         "replica or backup",
                         what, (unsigned long long)is, (unsigned long long)was);
}

fsp_status_t
fsp_recover_sequence(fsp_db_t *db, const fsp_watermark_t *mark, uint64_t *ret_sequence,
                     fsp_error_t *error)
{
    uint64_t sequence = 0;
    fsp_status_t status = read_sequence(db, &sequence, error);
    if (status != FSP_OK)
        return status;
    if (sequence < mark->sequence)
        return say_behind("database", "watermark", sequence, mark->sequence, error);
    if (mark->clean && sequence != mark->sequence)
        return say_changed("database", sequence, mark->sequence, error);
    *ret_sequence = sequence;
    return FSP_OK;
}

/* The journal is synced before the database gets what it says, and says in each record what the
   database had then.  Rows of STATE are not in it: those of the last groups may be alone. */
fsp_status_t
fsp_recover_journal(const fsp_journal_found_t *found, const fsp_dbkept_t *kept,
                    const fsp_watermark_t *mark, fsp_error_t *error)
{
    if (!found->any && mark->sequence > 0)
        return fsp_recover_damaged(error, "journal is missing beside its WATERMARK");
    if (found->sequence < mark->sequence)
        return say_behind("journal", "watermark", found->sequence, mark->sequence, error);
    if (mark->clean && found->sequence != mark->sequence)
        return say_changed("journal", found->sequence, mark->sequence, error);
    for (int i = 0; i < FSP_FAMILY_COUNT; i++) {
        if (i == FSP_FAMILY_LOG)
            continue;
        if (mark->clean && kept->rows[i] > found->kept[i]) /* the last record says all */
            return fsp_recover_damaged(error, "the journal has lost the end of a clean stop");
        if (kept->rows[i] < found->kept[i])
            return say_behind("database", "journal", kept->rows[i], found->kept[i], error);
        if (kept->rows[i] > found->sequence && i != FSP_FAMILY_STATE)
            return say_behind("journal", "database", found->sequence, kept->rows[i], error);
    }
    return FSP_OK;
}

uint64_t
fsp_recover_last(const fsp_journal_found_t *found, const fsp_dbkept_t *kept)
{
    uint64_t last = found->sequence;
    for (int i = 0; i < FSP_FAMILY_COUNT; i++)
        if (i != FSP_FAMILY_LOG && last < kept->rows[i])
            last = kept->rows[i];
    return last;
}

static bool
database_exists(const char *path)
{
    char current[4096];
    struct stat found;
    int length = snprintf(current, sizeof(current), "%s/CURRENT", path);
    return length > 0 && (size_t)length < sizeof(current) && stat(current, &found) == 0;
}

/* A file of large objects or of the journal: then a database was there, whatever became of it. */
static bool
files_exist(const char *directory, const char *below)
{
    char path[4096];
    int length = snprintf(path, sizeof(path), "%s/%s", directory, below);
    DIR *files = length > 0 && (size_t)length < sizeof(path) ? opendir(path) : NULL;
    bool found = false;
    for (const struct dirent *entry; files && !found && (entry = readdir(files)) != NULL;) {
        uint64_t number = 0;
        found = fsp_segment_parse_name(entry->d_name, &number) == FSP_OK;
    }
    if (files)
        (void)closedir(files);
    return found;
}

fsp_status_t
fsp_recover_watermark(const char *directory, const char *path, fsp_watermark_file_t *ret_file,
                      fsp_watermark_t *ret_mark, fsp_error_t *error)
{
    fsp_status_t status = fsp_watermark_file_open(directory, ret_file, ret_mark, error);
    if (status == FSP_NOT_FOUND) {
        if (database_exists(path))
            return fsp_recover_damaged(error, "WATERMARK is missing beside its database");
        if (files_exist(directory, "segments")) /* a new store would sweep them up */
            return fsp_recover_damaged(error, "database is missing beside its segments");
        if (files_exist(directory, "journal"))
            return fsp_recover_damaged(error, "database is missing beside its journal");
        status = fsp_watermark_file_make(directory, error);
        if (status == FSP_OK)
            status = fsp_watermark_file_open(directory, ret_file, ret_mark, error);
    }
    if (status != FSP_OK || database_exists(path))
        return status;
    if (ret_mark->sequence > 0)
        status = fsp_recover_damaged(error, "database is missing beside its WATERMARK");
    else if (files_exist(directory, "segments"))
        status = fsp_recover_damaged(error, "database is missing beside its segments");
    else if (files_exist(directory, "journal"))
        status = fsp_recover_damaged(error, "database is missing beside its journal");
    return status;
}
