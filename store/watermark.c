/* SPDX-License-Identifier: MIT */
/* watermark - how far the store was durable, kept outside the database too.  Layer store. */
#include "store/watermark.h"

#include "core/base/alloc.h"
#include "core/base/canon.h"
#include "core/base/check.h"
#include "store/datadir.h"

#include <xxhash.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum {
    AT_FORMAT = 8,
    AT_FLAGS = 12,
    AT_COUNTER = 16,
    AT_SEQUENCE = 24,
    AT_COUNT = 32,
    AT_MARKS = 40,
    AT_CHECKSUM = FSP_WATERMARK_SLOT_BYTES - 8,
    FLAG_CLEAN = 1
};

static_assert(AT_MARKS + FSP_STORE_SHARDS_MAX * FSP_WATERMARK_MARK_BYTES <= AT_CHECKSUM,
              "a mark of every shard fits a slot");
static_assert(16 + FSP_STORE_SHARDS_MAX * (1 + 5 + 9 + 9) <= FSP_WATERMARK_ROW_BYTES_MAX,
              "a mark of every shard fits the row");

static const char file_name[] = "WATERMARK";
static const uint8_t magic[8] = {'F', 'S', 'P', 'W', 'M', 'A', 'R', 'K'};

bool
fsp_watermark_note(fsp_watermark_t *self, uint32_t shard, uint64_t replica, uint64_t index)
{
    FSP_PRE(self != NULL);
    for (uint32_t i = 0; i < self->count; i++) {
        fsp_replica_mark_t *mark = &self->marks[i];
        if (mark->shard != shard)
            continue;
        if (replica < mark->replica || (replica == mark->replica && index <= mark->index))
            return false;
        mark->replica = replica;
        mark->index = index;
        return true;
    }
    FSP_PRE(self->count < FSP_STORE_SHARDS_MAX);
    self->marks[self->count++] =
        (fsp_replica_mark_t){.shard = shard, .replica = replica, .index = index};
    return true;
}

bool
fsp_watermark_lower(fsp_watermark_t *self, uint32_t shard, uint64_t replica, uint64_t index)
{
    FSP_PRE(self != NULL);
    for (uint32_t i = 0; i < self->count; i++) {
        fsp_replica_mark_t *mark = &self->marks[i];
        if (mark->shard != shard || mark->replica != replica || mark->index <= index)
            continue;
        mark->index = index;
        return true;
    }
    return false;
}

uint64_t
fsp_watermark_index(const fsp_watermark_t *self, uint32_t shard, uint64_t replica)
{
    FSP_PRE(self != NULL);
    for (uint32_t i = 0; i < self->count; i++)
        if (self->marks[i].shard == shard && self->marks[i].replica == replica)
            return self->marks[i].index;
    return 0;
}

bool
fsp_watermark_merge(fsp_watermark_t *self, const fsp_watermark_t *other)
{
    bool changed = other->sequence > self->sequence;
    if (changed)
        self->sequence = other->sequence;
    for (uint32_t i = 0; i < other->count; i++) {
        const fsp_replica_mark_t *mark = &other->marks[i];
        changed |= fsp_watermark_note(self, mark->shard, mark->replica, mark->index);
    }
    return changed;
}

/* The row. */

void
fsp_watermark_encode_row(const fsp_watermark_t *self, fsp_buf_t *ret)
{
    fsp_canon_array(ret, 2);
    fsp_canon_uint(ret, self->sequence);
    fsp_canon_array(ret, self->count);
    for (uint32_t i = 0; i < self->count; i++) {
        fsp_canon_array(ret, 3);
        fsp_canon_uint(ret, self->marks[i].shard);
        fsp_canon_uint(ret, self->marks[i].replica);
        fsp_canon_uint(ret, self->marks[i].index);
    }
}

fsp_status_t
fsp_watermark_decode_row(fsp_slice_t row, fsp_watermark_t *ret)
{
    fsp_watermark_t mark = {0};
    fsp_canon_t reader = fsp_canon_reader(row);
    (void)fsp_canon_read_array(&reader, 2, 2);
    mark.sequence = fsp_canon_read_uint(&reader, UINT64_MAX);
    size_t count = fsp_canon_read_array(&reader, 0, FSP_STORE_SHARDS_MAX);
    for (size_t i = 0; i < count; i++) {
        (void)fsp_canon_read_array(&reader, 3, 3);
        uint32_t shard = (uint32_t)fsp_canon_read_uint(&reader, UINT32_MAX);
        uint64_t replica = fsp_canon_read_uint(&reader, UINT64_MAX);
        uint64_t index = fsp_canon_read_uint(&reader, UINT64_MAX);
        /* Each shard once, in the order of its first note. */
        for (size_t k = 0; k < mark.count; k++)
            if (mark.marks[k].shard == shard)
                fsp_canon_fail(&reader, FSP_INVALID);
        (void)fsp_watermark_note(&mark, shard, replica, index);
    }
    if (fsp_canon_finish(&reader) != FSP_OK)
        return FSP_DAMAGED;
    *ret = mark;
    return FSP_OK;
}

/* Slots. */

static void
encode_slot(const fsp_watermark_t *mark, uint64_t counter, uint8_t *slot)
{
    memset(slot, 0, FSP_WATERMARK_SLOT_BYTES);
    memcpy(slot, magic, sizeof(magic));
    fsp_store_u32(slot + AT_FORMAT, FSP_STORE_FORMAT);
    fsp_store_u32(slot + AT_FLAGS, mark->clean ? FLAG_CLEAN : 0);
    fsp_store_u64(slot + AT_COUNTER, counter);
    fsp_store_u64(slot + AT_SEQUENCE, mark->sequence);
    fsp_store_u32(slot + AT_COUNT, mark->count);
    for (uint32_t i = 0; i < mark->count; i++) {
        uint8_t *to = slot + AT_MARKS + i * FSP_WATERMARK_MARK_BYTES;
        fsp_store_u32(to, mark->marks[i].shard);
        fsp_store_u64(to + 4, mark->marks[i].replica);
        fsp_store_u64(to + 12, mark->marks[i].index);
    }
    fsp_store_u64(slot + AT_CHECKSUM, XXH3_64bits(slot, AT_CHECKSUM));
}

/* 0 if the slot is not whole, else its format (0 in it is damage). */
static uint32_t
slot_format(const uint8_t *slot)
{
    if (memcmp(slot, magic, sizeof(magic)) != 0 ||
        fsp_load_u64(slot + AT_CHECKSUM) != XXH3_64bits(slot, AT_CHECKSUM))
        return 0;
    return fsp_load_u32(slot + AT_FORMAT);
}

/* False if the slot is not what encode_slot makes at this place. */
static bool
decode_slot(const uint8_t *slot, unsigned place, fsp_watermark_t *ret, uint64_t *ret_counter)
{
    uint32_t count = fsp_load_u32(slot + AT_COUNT);
    uint64_t counter = fsp_load_u64(slot + AT_COUNTER);
    uint32_t format = slot_format(slot); /* all have the same fields */
    if (format == 0 || format > FSP_STORE_FORMAT || counter % 2 != place ||
        count > FSP_STORE_SHARDS_MAX ||
        (fsp_load_u32(slot + AT_FLAGS) & ~(uint32_t)FLAG_CLEAN) != 0)
        return false;
    memset(ret, 0, sizeof(*ret));
    ret->clean = (fsp_load_u32(slot + AT_FLAGS) & FLAG_CLEAN) != 0;
    ret->sequence = fsp_load_u64(slot + AT_SEQUENCE);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *from = slot + AT_MARKS + i * FSP_WATERMARK_MARK_BYTES;
        (void)fsp_watermark_note(ret, fsp_load_u32(from), fsp_load_u64(from + 4),
                                 fsp_load_u64(from + 12));
    }
    *ret_counter = counter;
    return true;
}

/* The file. */

fsp_status_t
fsp_watermark_file_make(const char *directory, fsp_error_t *error)
{
    static const fsp_watermark_t nothing;
    uint8_t *slots = fsp_alloc(FSP_WATERMARK_FILE_BYTES);
    encode_slot(&nothing, 2, slots);
    encode_slot(&nothing, 1, slots + FSP_WATERMARK_SLOT_BYTES);
    fsp_status_t status = fsp_datadir_write(directory, file_name, 0600,
                                            fsp_slice(slots, FSP_WATERMARK_FILE_BYTES), error);
    fsp_free(slots);
    return status;
}

static fsp_status_t
pick_slot(const uint8_t *slots, fsp_watermark_file_t *self, fsp_watermark_t *ret_mark,
          unsigned *ret_whole, fsp_error_t *error)
{
    bool found = false;
    *ret_whole = 0;
    for (unsigned place = 0; place < 2; place++) {
        const uint8_t *slot = slots + place * FSP_WATERMARK_SLOT_BYTES;
        if (slot_format(slot) > FSP_STORE_FORMAT)
            return fsp_error_set(error, FSP_FORMAT_NEWER,
                                 "store has format %u, this program knows up to %u",
                                 (unsigned)slot_format(slot), (unsigned)FSP_STORE_FORMAT);
        fsp_watermark_t mark;
        uint64_t counter = 0;
        if (!decode_slot(slot, place, &mark, &counter))
            continue;
        ++*ret_whole;
        if (found && counter < self->counter)
            continue;
        found = true;
        self->counter = counter;
        *ret_mark = mark;
    }
    return found ? FSP_OK
                 : fsp_error_set(error, FSP_DAMAGED,
                                 "both slots of %s are damaged: restore from a "
                                 "replica or backup",
                                 file_name);
}

static fsp_status_t
open_file(const char *directory, int flags, fsp_watermark_file_t *ret_self,
          fsp_watermark_t *ret_mark, unsigned *ret_whole, fsp_error_t *error)
{
    char path[4096];
    int length = snprintf(path, sizeof(path), "%s/%s", directory, file_name);
    if (length < 0 || (size_t)length >= sizeof(path))
        return fsp_error_set(error, FSP_INVALID, "directory name is too long");
    fsp_watermark_file_t self = {.fd = open(path, flags | O_CLOEXEC)};
    if (self.fd < 0)
        return fsp_error_set(error, errno == ENOENT ? FSP_NOT_FOUND : FSP_IO, "open %.180s: %s",
                             path, strerror(errno));
    /* Shorter than two slots: what is missing reads as zeros, so that slot is not whole. */
    uint8_t *slots = fsp_alloc(FSP_WATERMARK_FILE_BYTES);
    fsp_status_t status = FSP_OK;
    if (pread(self.fd, slots, FSP_WATERMARK_FILE_BYTES, 0) < 0)
        status = fsp_error_set(error, FSP_IO, "read %.180s: %s", path, strerror(errno));
    if (status == FSP_OK)
        status = pick_slot(slots, &self, ret_mark, ret_whole, error);
    fsp_free(slots);
    if (status != FSP_OK)
        fsp_watermark_file_close(&self);
    else
        *ret_self = self;
    return status;
}

fsp_status_t
fsp_watermark_file_open(const char *directory, fsp_watermark_file_t *ret_self,
                        fsp_watermark_t *ret_mark, fsp_error_t *error)
{
    unsigned whole = 0;
    return open_file(directory, O_RDWR, ret_self, ret_mark, &whole, error);
}

fsp_status_t
fsp_watermark_file_read(const char *directory, fsp_watermark_t *ret_mark, unsigned *ret_whole,
                        fsp_error_t *error)
{
    fsp_watermark_file_t self = {.fd = -1};
    fsp_status_t status = open_file(directory, O_RDONLY, &self, ret_mark, ret_whole, error);
    fsp_watermark_file_close(&self);
    return status;
}

void
fsp_watermark_file_close(fsp_watermark_file_t *self)
{
    if (self->fd >= 0)
        (void)close(self->fd);
    self->fd = -1;
}

fsp_status_t
fsp_watermark_file_write(fsp_watermark_file_t *self, const fsp_watermark_t *mark,
                         fsp_error_t *error)
{
    FSP_PRE(self != NULL);
    FSP_PRE(self->fd >= 0);
    FSP_PRE(mark != NULL);
    uint8_t slot[FSP_WATERMARK_SLOT_BYTES];
    uint64_t counter = self->counter + 1;
    encode_slot(mark, counter, slot);
    off_t at = (off_t)(counter % 2) * FSP_WATERMARK_SLOT_BYTES;
    if (pwrite(self->fd, slot, sizeof(slot), at) != (ssize_t)sizeof(slot) ||
        fdatasync(self->fd) != 0)
        return fsp_error_set(error, FSP_IO, "write %s: %s", file_name, strerror(errno));
    self->counter = counter;
    return FSP_OK;
}
