/* SPDX-License-Identifier: MIT */
/* segcheck - a stopped store's segments: read with all checksums, rows against files.  Layer store.
 *
 * That records do not overlap is found with a bit for each unit of each segment: 512 MiB for 1 TiB
 * of segments.  Where that is more than UNITS_BYTES_MAX, the index rows are gone through several
 * times, each time for as many segments as fit.
 */
#include "store/segcheck.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UNITS_BYTES_MAX = 64 * 1024 * 1024 };

/* -- records ----------------------------------------------------------------------------------- */

void
fsp_segverify_init(fsp_segverify_t *self, const char *directory)
{
    FSP_PRE(self != NULL);
    FSP_PRE(directory != NULL);
    *self = (fsp_segverify_t){.directory = directory, .fd = -1};
}

void
fsp_segverify_clear(fsp_segverify_t *self)
{
    if (self->fd >= 0)
        (void)close(self->fd);
    self->fd = -1;
    self->segment = 0;
}

/* Status and words about a place; the file is named as a user finds it in the directory. */
__attribute__((format(printf, 4, 5))) static fsp_status_t
say(fsp_error_t *error, fsp_status_t status, const fsp_place_t *place, const char *format, ...)
{
    char name[FSP_SEGMENT_NAME_BYTES], words[160];
    fsp_segment_name(place->segment, name);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    return fsp_error_set(error, status, "segments/%s at %llu: %s", name,
                         (unsigned long long)place->offset, words);
}

static fsp_status_t
open_segment(fsp_segverify_t *self, const fsp_place_t *place, fsp_error_t *error)
{
    if (self->segment == place->segment)
        return FSP_OK;
    fsp_segverify_clear(self);
    char path[FSP_SEGVERIFY_PATH_BYTES], name[FSP_SEGMENT_NAME_BYTES];
    fsp_segment_name(place->segment, name);
    int length = snprintf(path, sizeof(path), "%s/segments/%s", self->directory, name);
    if (length < 0 || (size_t)length >= sizeof(path))
        return fsp_error_set(error, FSP_INVALID, "directory name is too long");
    self->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (self->fd < 0)
        return say(error, errno == ENOENT ? FSP_DAMAGED : FSP_IO, place,
                   "the file is not there: %s", strerrordesc_np(errno));
    self->segment = place->segment;
    return FSP_OK;
}

/* All of them, or DAMAGED. */
static fsp_status_t
read_octets(fsp_segverify_t *self, const fsp_place_t *place, uint8_t *octets, size_t bytes,
            size_t bytes_min, size_t *ret_got, fsp_error_t *error)
{
    size_t got = 0;
    while (got < bytes) {
        ssize_t piece = pread(self->fd, octets + got, bytes - got, (off_t)(place->offset + got));
        if (piece < 0 && errno == EINTR)
            continue;
        if (piece < 0)
            return say(error, FSP_IO, place, "cannot be read: %s", strerrordesc_np(errno));
        if (piece == 0)
            break;
        got += (size_t)piece;
    }
    if (got < bytes_min)
        return say(error, FSP_DAMAGED, place, "the file ends within the record");
    *ret_got = got;
    return FSP_OK;
}

/* Is what was read the head of this record? */
static fsp_status_t
compare_head(fsp_slice_t octets, fsp_slice_t key, const fsp_place_t *place, fsp_error_t *error)
{
    fsp_segrecord_t record;
    fsp_status_t status = fsp_segrecord_decode(octets, &record);
    if (status == FSP_NOT_FOUND)
        return say(error, FSP_DAMAGED, place, "no record begins there");
    if (status != FSP_OK)
        return say(error, status, place, "head of the record: %s", fsp_status_text(status));
    if (!fsp_place_eq(&record.place, place) || !fsp_slice_eq(record.key, key))
        return say(error, FSP_DAMAGED, place, "another record than the index row says");
    return FSP_OK;
}

fsp_status_t
fsp_segverify_head(fsp_segverify_t *self, fsp_slice_t key, const fsp_place_t *place,
                   fsp_error_t *error)
{
    FSP_PRE(self != NULL);
    FSP_PRE(place != NULL);
    uint8_t octets[FSP_SEGMENT_HEAD_BYTES_MAX];
    size_t got = 0;
    fsp_status_t status = open_segment(self, place, error);
    if (status == FSP_OK)
        status = read_octets(self, place, octets, sizeof(octets),
                             FSP_SEGMENT_HEADER_BYTES + key.bytes, &got, error);
    return status == FSP_OK ? compare_head(fsp_slice(octets, got), key, place, error) : status;
}

static bool
all_zeros(fsp_slice_t octets)
{
    for (size_t i = 0; i < octets.bytes; i++)
        if (octets.data[i] != 0)
            return false;
    return true;
}

static fsp_status_t
check_bytes(fsp_slice_t octets, fsp_slice_t key, const fsp_place_t *place, fsp_error_t *error)
{
    fsp_status_t status = compare_head(octets, key, place, error);
    if (status != FSP_OK)
        return status;
    size_t begin = FSP_SEGMENT_HEADER_BYTES + key.bytes, end = begin + (size_t)place->bytes;
    if (fsp_segrecord_hash(fsp_slice(octets.data + begin, end - begin)) != place->hash)
        return say(error, FSP_DAMAGED, place, "the bytes do not have their checksum");
    if (!all_zeros(fsp_slice(octets.data + end, octets.bytes - end)))
        return say(error, FSP_DAMAGED, place, "no zeros behind the bytes");
    return FSP_OK;
}

static void
free_octets(void *data, void *hint)
{
    (void)data;
    fsp_free(hint);
}

fsp_status_t
fsp_segverify_bytes(fsp_segverify_t *self, fsp_slice_t key, const fsp_place_t *place,
                    fsp_blob_t **ret_blob, fsp_error_t *error)
{
    FSP_PRE(self != NULL);
    FSP_PRE(place != NULL);
    FSP_PRE(key.bytes > 0 && key.bytes <= FSP_ROW_KEY_BYTES_MAX);
    FSP_PRE(place->bytes <= FSP_OBJECT_BYTES_MAX);
    fsp_status_t status = open_segment(self, place, error);
    if (status != FSP_OK)
        return status;
    size_t bytes = (size_t)fsp_segrecord_bytes(place, key.bytes), got = 0;
    uint8_t *octets = fsp_alloc_raw(bytes);
    status = read_octets(self, place, octets, bytes, bytes, &got, error);
    if (status == FSP_OK)
        status = check_bytes(fsp_slice(octets, bytes), key, place, error);
    if (status != FSP_OK) {
        fsp_free(octets);
        return status;
    }
    *ret_blob = fsp_blob_wrap(octets + FSP_SEGMENT_HEADER_BYTES + key.bytes, (size_t)place->bytes,
                              free_octets, octets);
    return FSP_OK;
}

/* -- rows -------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t number, used, live; /* as its row says */
    uint64_t size;               /* of its file, not more than used */
    uint64_t found;              /* octets of records that index rows point to */
    uint8_t *units;              /* one bit each, those of found records; NULL: not now */
} segment_t;

typedef struct {
    fsp_segcheck_t *result;
    const char *directory;
    fsp_view_t *rows;
    fsp_slice_t until;
    fsp_segverify_t reader;
    segment_t *segments; /* by number */
    size_t count, room;
    uint64_t next; /* of row "segments"; 0: it is not there */
} walk_t;

__attribute__((format(printf, 3, 4))) static void
report(walk_t *self, fsp_slice_t key, const char *format, ...)
{
    char words[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    self->result->fault_count++;
    self->result->fault(self->result->context, key, words);
}

static void
take_segment(walk_t *self, fsp_slice_t key, fsp_slice_t value)
{
    segment_t segment = {.units = NULL};
    fsp_status_t status = fsp_segment_parse_key(key, &segment.number);
    if (status == FSP_OK)
        status = fsp_segment_decode(value, &segment.used, &segment.live);
    if (status != FSP_OK) {
        report(self, (fsp_slice_t){0}, "row %.*s of a segment: %s", (int)key.bytes,
               (const char *)key.data, fsp_status_text(status));
        return;
    }
    if (self->count == self->room) {
        self->room = self->room ? 2 * self->room : 64;
        self->segments = fsp_realloc(self->segments, self->room * sizeof(*self->segments));
    }
    self->segments[self->count++] = segment;
}

static void
read_segments(walk_t *self, fsp_view_t *local)
{
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_SEGMENT_ROW_BYTES_MAX);
    fsp_status_t status = fsp_view_get(local, fsp_slice_text("segments"), &row);
    if (status == FSP_OK)
        status = fsp_segments_decode(fsp_buf_slice(&row), &self->next);
    if (status != FSP_OK && status != FSP_NOT_FOUND)
        report(self, (fsp_slice_t){0}, "row segments: %s", fsp_status_text(status));
    fsp_buf_clear(&row);
    fsp_cursor_t *cursor =
        fsp_view_scan(local, fsp_slice_text("segment/"), fsp_slice_text("segment0"));
    for (; cursor->valid; fsp_cursor_next(cursor))
        take_segment(self, cursor->key, cursor->value);
    if (cursor->status != FSP_OK)
        report(self, (fsp_slice_t){0}, "rows of segments are not readable to their end: %s",
               fsp_status_text(cursor->status));
    fsp_cursor_destroy(&cursor);
    if (self->count > 0 && self->segments[self->count - 1].number >= self->next)
        report(self, (fsp_slice_t){0}, "row segments says %llu, but there are segments above",
               (unsigned long long)self->next);
}

static void
check_file(walk_t *self, segment_t *segment)
{
    char name[FSP_SEGMENT_NAME_BYTES], path[FSP_SEGVERIFY_PATH_BYTES];
    struct stat found;
    fsp_segment_name(segment->number, name);
    int length = snprintf(path, sizeof(path), "%s/segments/%s", self->directory, name);
    if (length < 0 || (size_t)length >= sizeof(path) || lstat(path, &found) != 0) {
        report(self, (fsp_slice_t){0}, "segments/%s is missing: %s", name, strerrordesc_np(errno));
        return;
    }
    segment->size =
        (uint64_t)found.st_size < segment->used ? (uint64_t)found.st_size : segment->used;
    if (!S_ISREG(found.st_mode))
        report(self, (fsp_slice_t){0}, "segments/%s is no file", name);
    else if (segment->size < segment->used)
        report(self, (fsp_slice_t){0}, "segments/%s has %llu bytes, its row says %llu", name,
               (unsigned long long)found.st_size, (unsigned long long)segment->used);
}

static segment_t *
find_segment(walk_t *self, uint64_t number)
{
    size_t from = 0, to = self->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (self->segments[middle].number < number)
            from = middle + 1;
        else
            to = middle;
    }
    return from < self->count && self->segments[from].number == number ? &self->segments[from]
                                                                       : NULL;
}

static void
count_strays(walk_t *self)
{
    char path[FSP_SEGVERIFY_PATH_BYTES];
    int length = snprintf(path, sizeof(path), "%s/segments", self->directory);
    DIR *directory = length > 0 && (size_t)length < sizeof(path) ? opendir(path) : NULL;
    if (!directory)
        return; /* no segments, or each one is reported as missing */
    const struct dirent *entry = NULL;
    while ((entry = readdir(directory)) != NULL) {
        uint64_t number = 0;
        if (fsp_segment_parse_name(entry->d_name, &number) == FSP_OK && !find_segment(self, number))
            self->result->stray_files++;
    }
    (void)closedir(directory);
}

/* -- index rows -------------------------------------------------------------------------------- */

/* False if a unit is another record's already. */
static bool
take_units(segment_t *segment, uint64_t offset, uint64_t bytes)
{
    bool alone = true;
    for (uint64_t unit = offset / FSP_SEGMENT_UNIT_BYTES;
         unit < (offset + bytes) / FSP_SEGMENT_UNIT_BYTES; unit++) {
        uint8_t bit = (uint8_t)(1u << unit % 8);
        alone &= (segment->units[unit / 8] & bit) == 0;
        segment->units[unit / 8] |= bit;
    }
    return alone;
}

static void
check_record(walk_t *self, fsp_slice_t key, const fsp_place_t *place)
{
    fsp_error_t error = {.text = ""};
    fsp_blob_t *blob = NULL;
    fsp_status_t status = FSP_OK;
    if (self->result->depth == FSP_SEGCHECK_HEADS)
        status = fsp_segverify_head(&self->reader, key, place, &error);
    else if (self->result->depth == FSP_SEGCHECK_BYTES)
        status = fsp_segverify_bytes(&self->reader, key, place, &blob, &error);
    fsp_blob_destroy(&blob);
    if (status != FSP_OK)
        report(self, key, "%s", error.text);
}

/* An index row; first: it was not met before. */
static void
check_row(walk_t *self, fsp_slice_t key, fsp_slice_t value, bool first)
{
    fsp_place_t place;
    fsp_status_t status = fsp_place_decode(value, &place);
    self->result->objects += first;
    segment_t *segment = status == FSP_OK ? find_segment(self, place.segment) : NULL;
    if (!segment) {
        if (first)
            report(self, key, "%s",
                   status == FSP_OK             ? "index row names a segment that is not there"
                   : status == FSP_FORMAT_NEWER ? "index row of a newer form"
                                                : "index row does not decode");
        return;
    }
    if (!segment->units)
        return; /* its turn comes, or was */
    uint64_t bytes = fsp_segrecord_bytes(&place, key.bytes);
    char name[FSP_SEGMENT_NAME_BYTES];
    fsp_segment_name(place.segment, name);
    if (place.offset > segment->used || bytes > segment->used - place.offset) {
        report(self, key, "segments/%s at %llu: the record lies behind the end of the log", name,
               (unsigned long long)place.offset);
        return;
    }
    segment->found += bytes;
    if (place.offset > segment->size || bytes > segment->size - place.offset) {
        report(self, key, "segments/%s at %llu: the record lies behind the end of the file", name,
               (unsigned long long)place.offset);
        return;
    }
    if (!take_units(segment, place.offset, bytes))
        report(self, key, "segments/%s at %llu: two index rows point to the same octets", name,
               (unsigned long long)place.offset);
    check_record(self, key, &place);
}

static void
walk_rows(walk_t *self, bool first)
{
    fsp_cursor_t *cursor = fsp_view_scan(self->rows, (fsp_slice_t){0}, self->until);
    for (; cursor->valid; fsp_cursor_next(cursor))
        check_row(self, cursor->key, cursor->value, first);
    if (cursor->status != FSP_OK && first)
        report(self, (fsp_slice_t){0}, "index rows are not readable to their end: %s",
               fsp_status_text(cursor->status));
    fsp_cursor_destroy(&cursor);
}

static void
end_segment(walk_t *self, segment_t *segment)
{
    char name[FSP_SEGMENT_NAME_BYTES];
    fsp_segment_name(segment->number, name);
    fsp_free(segment->units);
    segment->units = NULL;
    self->result->live_bytes += segment->found;
    self->result->dead_bytes +=
        segment->used - (segment->found < segment->used ? segment->found : segment->used);
    if (segment->found != segment->live)
        report(self, (fsp_slice_t){0},
               "segments/%s: its row says %llu live bytes, index rows point to %llu", name,
               (unsigned long long)segment->live, (unsigned long long)segment->found);
}

/* From the first segment on as many as there is memory for, one at least. */
static size_t
begin_segments(walk_t *self, size_t first)
{
    uint64_t all = 0;
    size_t end = first;
    while (end < self->count) {
        segment_t *segment = &self->segments[end];
        uint64_t bytes = segment->size / FSP_SEGMENT_UNIT_BYTES / 8 + 1;
        if (end > first && all + bytes > UNITS_BYTES_MAX)
            break;
        segment->units = fsp_alloc((size_t)bytes);
        all += bytes;
        end++;
    }
    return end;
}

void
fsp_segcheck_run(fsp_segcheck_t *self, const char *directory, fsp_view_t *local, fsp_view_t *rows,
                 fsp_slice_t until)
{
    FSP_PRE(self != NULL);
    FSP_PRE(self->fault != NULL);
    walk_t walk = {.result = self, .directory = directory, .rows = rows, .until = until};
    fsp_segverify_init(&walk.reader, directory);
    read_segments(&walk, local);
    self->files = walk.count;
    for (size_t i = 0; i < walk.count; i++)
        check_file(&walk, &walk.segments[i]);
    size_t at = 0;
    do {
        size_t end = begin_segments(&walk, at);
        walk_rows(&walk, at == 0);
        for (; at < end; at++)
            end_segment(&walk, &walk.segments[at]);
    } while (at < walk.count);
    count_strays(&walk);
    fsp_free(walk.segments);
    fsp_segverify_clear(&walk.reader);
}
