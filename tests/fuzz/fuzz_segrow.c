/* SPDX-License-Identifier: MIT */
/* fuzz_segrow - heads of records and rows of the segment store; rows against a file.  Layer tests.
 *
 * selector u8, then bytes: 0 head of a record, 128 the same with its checksum made right; 1 index
 * row, 2 row of a segment, 3 row "segments", 4 row "migrated", 5 key or name of a segment; 6 a file
 * and rows: size of the file u16 (times 64), used u16 (in pages) and live u16 (in units), then
 * records: flags u8 (1: it has whole pages, else it is packed), unit or page u16, length of the key
 * u8, length u16, key, and what the index row says besides: flags u8 (1: the next unit or page, 2:
 * longer, 4: another hash, 8: another segment, 16: the other format).
 */
#include "core/base/memview.h"
#include "store/segcheck.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { FILE_BYTES_MAX = 256 * 1024 };

/* -- octets ------------------------------------------------------------------------------------ */

static void
check_head(fuzz_input_t *input, bool sign)
{
    uint8_t octets[FSP_SEGMENT_PAGE_BYTES] = {0}, again[FSP_SEGMENT_PAGE_BYTES];
    size_t bytes = input->left < sizeof(octets) ? input->left : sizeof(octets);
    fuzz_fill(input, octets, bytes);
    uint32_t key_bytes = fsp_load_u32(octets + 12);
    if (sign && key_bytes <= FSP_ROW_KEY_BYTES_MAX) {
        uint8_t covered[48 + FSP_ROW_KEY_BYTES_MAX];
        memcpy(octets, "FSPBYTES", 8);
        memcpy(covered, octets, 48);
        memcpy(covered + 48, octets + FSP_SEGMENT_HEADER_BYTES, key_bytes);
        fsp_store_u64(octets + 48, XXH3_64bits(covered, 48 + key_bytes));
        bytes = sizeof(octets);
    }
    fsp_segrecord_t record;
    if (fsp_segrecord_decode(fsp_slice(octets, bytes), &record) != FSP_OK)
        return;
    size_t head_bytes = FSP_SEGMENT_HEADER_BYTES + record.key.bytes;
    FUZZ_CHECK(head_bytes <= bytes);
    fsp_segrecord_encode(&record, again);
    FUZZ_CHECK(memcmp(again, octets, head_bytes) == 0);
    uint64_t all = fsp_segrecord_bytes(&record.place, record.key.bytes);
    uint64_t unit = record.place.paged ? FSP_SEGMENT_PAGE_BYTES : FSP_SEGMENT_UNIT_BYTES;
    FUZZ_CHECK(all % unit == 0 && all >= head_bytes + record.place.bytes);
    FUZZ_CHECK(all < head_bytes + record.place.bytes + unit && record.place.offset % unit == 0);
    FUZZ_CHECK(record.place.offset + all > record.place.offset);
}

typedef struct {
    uint64_t used, live;
} segment_t;

static fsp_status_t
decode_segment(fsp_slice_t row, segment_t *ret)
{
    return fsp_segment_decode(row, &ret->used, &ret->live);
}

static void
encode_segment(const segment_t *segment, fsp_buf_t *ret)
{
    FUZZ_CHECK(segment->live <= segment->used);
    fsp_segment_encode(segment->used, segment->live, ret);
}

/* One that is read and written again has number 3, whatever it had. */
static void
check_segment_row(fsp_slice_t row)
{
    segment_t segment;
    if (decode_segment(row, &segment) != FSP_OK)
        return;
    fsp_buf_t again;
    fsp_buf_init(&again, FSP_SEGMENT_ROW_BYTES_MAX);
    encode_segment(&segment, &again);
    FUZZ_CHECK(again.bytes == row.bytes && again.data[0] == row.data[0]);
    FUZZ_CHECK(row.data[1] == 1 || row.data[1] == again.data[1]);
    FUZZ_CHECK(memcmp(again.data + 2, row.data + 2, row.bytes - 2) == 0);
    fsp_buf_clear(&again);
}

static void
encode_next(const uint64_t *next, fsp_buf_t *ret)
{
    fsp_segments_encode(*next, ret);
}

static void
encode_migrated(const fsp_slice_t *key, fsp_buf_t *ret)
{
    fsp_migrated_encode(*key, ret);
}

static void
check_names(fsp_slice_t bytes)
{
    uint64_t segment = 0;
    fsp_buf_t again;
    fsp_buf_init(&again, 64);
    if (fsp_segment_parse_key(bytes, &segment) == FSP_OK) {
        fsp_segment_key(segment, &again);
        FUZZ_CHECK(fsp_slice_eq(fsp_buf_slice(&again), bytes));
    }
    fsp_buf_clear(&again);
    char text[64] = "", name[FSP_SEGMENT_NAME_BYTES];
    memcpy(text, bytes.data, bytes.bytes < sizeof(text) - 1 ? bytes.bytes : sizeof(text) - 1);
    if (fsp_segment_parse_name(text, &segment) == FSP_OK) {
        fsp_segment_name(segment, name);
        FUZZ_CHECK(strcmp(name, text) == 0);
    }
}

/* -- a file and rows --------------------------------------------------------------------------- */

static char directory[] = "/tmp/fsp-fuzz-segrow-XXXXXX";
static char folder[sizeof(directory) + 16], path[sizeof(folder) + 32];
static uint64_t fault_count;

static void
remove_directory(void)
{
    (void)unlink(path);
    (void)rmdir(folder);
    (void)rmdir(directory);
}

static void
make_directory(void)
{
    if (path[0] != '\0')
        return;
    FUZZ_CHECK(mkdtemp(directory) != NULL);
    (void)snprintf(folder, sizeof(folder), "%s/segments", directory);
    (void)snprintf(path, sizeof(path), "%s/0000000000000001", folder);
    FUZZ_CHECK(mkdir(folder, 0700) == 0);
    (void)atexit(remove_directory);
}

static void
on_fault(void *context, fsp_slice_t key, const char *words)
{
    (void)context;
    FUZZ_CHECK(key.bytes <= FSP_ROW_KEY_BYTES_MAX && words[0] != '\0');
    fault_count++;
}

/* Each has a key of its own.  True: the row says what was written. */
static bool
add_record(fuzz_input_t *input, uint8_t *file, fsp_omap_t *rows, uint8_t number)
{
    uint8_t key[65] = {number};
    fsp_segrecord_t record = {.place = {.segment = 1}};
    record.place.paged = fuzz_u8(input) & 1;
    uint64_t unit = record.place.paged ? FSP_SEGMENT_PAGE_BYTES : FSP_SEGMENT_UNIT_BYTES;
    record.place.offset = fuzz_u16(input) * unit % (FILE_BYTES_MAX / 2);
    size_t key_bytes = 1 + fuzz_u8(input) % 64u;
    record.place.bytes = fuzz_u16(input);
    fuzz_fill(input, key + 1, key_bytes);
    record.key = fsp_slice(key, 1 + key_bytes);
    uint8_t *at = file + record.place.offset;
    uint8_t *bytes = at + FSP_SEGMENT_HEADER_BYTES + record.key.bytes;
    memset(bytes, (int)record.key.data[0], (size_t)record.place.bytes);
    record.place.hash = fsp_segrecord_hash(fsp_slice(bytes, (size_t)record.place.bytes));
    fsp_segrecord_encode(&record, at);
    uint8_t flags = fuzz_u8(input);
    fsp_place_t place = record.place;
    place.offset += flags & 1 ? unit : 0;
    place.bytes += flags & 2 ? 1 : 0;
    place.hash += flags & 4 ? 1 : 0;
    place.segment += flags & 8 ? 1 : 0;
    if (flags & 16 && place.offset % FSP_SEGMENT_PAGE_BYTES == 0)
        place.paged = !place.paged;
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_SEGMENT_ROW_BYTES_MAX);
    fsp_place_encode(&place, &value);
    fsp_omap_put(rows, record.key, fsp_buf_slice(&value), 0);
    fsp_buf_clear(&value);
    return fsp_place_eq(&place, &record.place);
}

static void
check_file(fuzz_input_t *input)
{
    static uint8_t file[FILE_BYTES_MAX];
    make_directory();
    memset(file, 0, sizeof(file));
    size_t size = fuzz_u16(input) * (size_t)64 % sizeof(file);
    uint64_t used = fuzz_u16(input) % 256u * (uint64_t)FSP_SEGMENT_PAGE_BYTES;
    uint64_t live = fuzz_u16(input) % 4096u * (uint64_t)FSP_SEGMENT_UNIT_BYTES;
    fsp_memview_t *local = fsp_memview_new(), *rows = fsp_memview_new();
    bool honest = true;
    for (unsigned number = 0; input->left > 0 && number < 256; number++)
        honest &= add_record(input, file, fsp_memview_map(rows), (uint8_t)number);
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_SEGMENT_ROW_BYTES_MAX);
    fsp_segment_encode(used, live < used ? live : used, &value);
    fsp_omap_put(fsp_memview_map(local), fsp_slice_text("segment/0000000000000001"),
                 fsp_buf_slice(&value), 0);
    fsp_buf_reset(&value);
    fsp_segments_encode(2, &value);
    fsp_omap_put(fsp_memview_map(local), fsp_slice_text("segments"), fsp_buf_slice(&value), 0);
    fsp_buf_clear(&value);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_CHECK(fd != -1 && write(fd, file, size) == (ssize_t)size);
    (void)close(fd);
    for (int depth = FSP_SEGCHECK_ROWS; depth <= FSP_SEGCHECK_BYTES; depth++) {
        uint64_t before = fault_count;
        fsp_segcheck_t check = {.depth = (fsp_segcheck_depth_t)depth, .fault = on_fault};
        fsp_segcheck_run(&check, directory, fsp_memview_view(local), fsp_memview_view(rows),
                         (fsp_slice_t){0});
        FUZZ_CHECK(check.fault_count == fault_count - before);
        FUZZ_CHECK(check.live_bytes <= used || check.fault_count > 0);
        /* A row that does not say what lies there is found where the bytes are read. */
        FUZZ_CHECK(honest || depth < FSP_SEGCHECK_BYTES || check.fault_count > 0);
    }
    fsp_memview_destroy(&local);
    fsp_memview_destroy(&rows);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    uint8_t selector = fuzz_u8(&input);
    fsp_slice_t rest = fsp_slice(input.at, input.left);
    switch (selector) {
    case 0:
    case 128:
        check_head(&input, selector == 128);
        break;
    case 1:
        FUZZ_CANONICAL(fsp_place_t, fsp_place_decode, fsp_place_encode, rest,
                       FSP_SEGMENT_ROW_BYTES_MAX);
        break;
    case 2:
        check_segment_row(rest);
        break;
    case 3:
        FUZZ_CANONICAL(uint64_t, fsp_segments_decode, encode_next, rest, FSP_SEGMENT_ROW_BYTES_MAX);
        break;
    case 4:
        FUZZ_CANONICAL(fsp_slice_t, fsp_migrated_decode, encode_migrated, rest,
                       FSP_SEGMENT_CURSOR_BYTES_MAX);
        break;
    case 5:
        check_names(rest);
        break;
    default:
        check_file(&input);
    }
    return 0;
}
