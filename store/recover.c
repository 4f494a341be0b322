/* SPDX-License-Identifier: MIT */
/* recover - is what lies on disk the store that was left there?  Layer store.
 *
 * First start, each step durable before the next: WATERMARK (sequence 0), database, format row with
 * sequence 1, WATERMARK (sequence 1).  So a database without WATERMARK, and a missing database with
 * a WATERMARK beyond 0, are both damage, and neither is ever "repaired" by making an empty one.
 */
#include "store/recover.h"

#include "core/base/canon.h"
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

/* NOT_FOUND if the row is not there. */
static fsp_status_t
read_row(fsp_db_t *db, const char *key, fsp_buf_t *ret, fsp_error_t *error)
{
    fsp_status_t status = fsp_db_get(db, NULL, FSP_FAMILY_LOCAL, fsp_slice_text(key), ret);
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
fsp_recover_put_format(fsp_db_write_t *write)
{
    fsp_buf_t row;
    fsp_buf_init(&row, ROW_BYTES_MAX);
    fsp_canon_array(&row, 1);
    fsp_canon_uint(&row, FSP_STORE_FORMAT);
    fsp_db_write_put(write, FSP_FAMILY_LOCAL, fsp_slice_text("format"), fsp_buf_slice(&row));
    fsp_buf_clear(&row);
}

fsp_status_t
fsp_recover_format(fsp_db_t *db, uint64_t *ret_format, fsp_error_t *error)
{
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_WATERMARK_ROW_BYTES_MAX);
    fsp_status_t status = read_row(db, "format", &row, error);
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
    fsp_status_t status = read_row(db, "sequence", &row, error);
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

/* The marks of the row, which may be newer than the file's by a tick, or older by a group. */
static fsp_status_t
merge_row(fsp_db_t *db, fsp_watermark_t *mark, fsp_error_t *error)
{
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_WATERMARK_ROW_BYTES_MAX);
    fsp_status_t status = read_row(db, "watermark", &row, error);
    if (status == FSP_OK) {
        fsp_watermark_t found;
        if (fsp_watermark_decode_row(fsp_buf_slice(&row), &found) == FSP_OK)
            (void)fsp_watermark_merge(mark, &found);
        else
            status = fsp_recover_damaged(error, "watermark row is damaged");
    }
    fsp_buf_clear(&row);
    return status == FSP_NOT_FOUND ? FSP_OK : status;
}

fsp_status_t
fsp_recover_sequence(fsp_db_t *db, fsp_watermark_t *mark, uint64_t *ret_sequence,
                     fsp_error_t *error)
{
    uint64_t sequence = 0;
    fsp_status_t status = read_sequence(db, &sequence, error);
    if (status != FSP_OK)
        return status;
    unsigned long long is = sequence, was = mark->sequence;
    if (is < was)
        return fsp_error_set(error, FSP_DAMAGED,
                             "database is behind its watermark (%llu, was %llu): restore from a "
                             "replica or backup",
                             is, was);
    if (mark->clean && is != was)
        return fsp_error_set(error, FSP_DAMAGED,
                             "database (%llu) was changed after its clean stop (%llu): restore "
                             "from a replica or backup",
                             is, was);
    status = merge_row(db, mark, error);
    if (status == FSP_OK)
        *ret_sequence = sequence;
    return status;
}

static bool
database_exists(const char *path)
{
    char current[4096];
    struct stat found;
    int length = snprintf(current, sizeof(current), "%s/CURRENT", path);
    return length > 0 && (size_t)length < sizeof(current) && stat(current, &found) == 0;
}

/* A file of large objects: then a database was there, whatever became of it. */
static bool
segments_exist(const char *directory)
{
    char path[4096];
    int length = snprintf(path, sizeof(path), "%s/segments", directory);
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
        if (segments_exist(directory)) /* a new store would sweep them up */
            return fsp_recover_damaged(error, "database is missing beside its segments");
        status = fsp_watermark_file_make(directory, error);
        if (status == FSP_OK)
            status = fsp_watermark_file_open(directory, ret_file, ret_mark, error);
    }
    if (status != FSP_OK || database_exists(path))
        return status;
    if (ret_mark->sequence > 0)
        status = fsp_recover_damaged(error, "database is missing beside its WATERMARK");
    else if (segments_exist(directory))
        status = fsp_recover_damaged(error, "database is missing beside its segments");
    return status;
}
