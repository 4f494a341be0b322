/* SPDX-License-Identifier: MIT */
/* fuzz_journal - heads and rows of the journal; a journal somebody has touched.  Layer tests.
 *
 * selector u8, then bytes: 0 a head, 128 the same with its checksum made right; 1 rows of a
 * payload; else records in files, each: how u8, what u8, count of rows u8, and of each row op and
 * family u8, key u8, octets u16.  how: 1 an octet of it is changed, 2 it says another previous, 4
 * another file that came before (no file ever holds records of a later one), 8 another oldest; 16
 * it lies in another place; 32 its file is cut behind its head; 64 it begins the next file.  With 0
 * or 64 everywhere it is an honest journal, and must be read back.
 */
#include "core/base/view.h"
#include "store/journal.h"
#include "store/journalrecord.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { FILES = 5, FILE_BYTES = 64 * 1024, CHECKSUM_AT = 88 };

/* -- octets ------------------------------------------------------------------------------------ */

static void
check_head(fuzz_input_t *input, bool sign)
{
    uint8_t octets[FSP_JOURNAL_HEAD_BYTES], again[FSP_JOURNAL_HEAD_BYTES];
    fsp_journalhead_t head;
    fuzz_fill(input, octets, sizeof(octets));
    if (sign) {
        memcpy(octets, "FSJR\0\0\0\1", 8);
        fsp_store_u64(octets + CHECKSUM_AT, XXH3_64bits(octets, CHECKSUM_AT));
    }
    if (fsp_journalhead_decode(octets, &head) != FSP_OK)
        return;
    fsp_journalhead_encode(&head, again);
    FUZZ_CHECK(memcmp(octets, again, sizeof(again)) == 0);
    FUZZ_CHECK(head.payload_bytes <= FSP_JOURNAL_PAYLOAD_BYTES_MAX);
    FUZZ_CHECK(head.oldest <= head.file && head.previous <= head.sequence);
}

static void
check_rows(fsp_slice_t payload)
{
    fsp_journalrecord_t record = {.data = NULL};
    fsp_journalrow_t row;
    size_t at = 0, before = 0;
    while (fsp_journalrow_next(payload, &at, &row) == FSP_OK) {
        FUZZ_CHECK(at > before && at <= payload.bytes);
        FUZZ_CHECK(row.row.key.data == payload.data + row.at);
        FUZZ_CHECK(row.row.value.data + row.row.value.bytes == payload.data + at);
        fsp_journalrecord_put(&record, &row.row);
        fsp_slice_t again = fsp_journalrecord_payload(&record);
        FUZZ_CHECK(again.bytes == at);
        /* The hash of a row is made anew: it is not verified here. */
        size_t hash_bytes = row.at - before - 8;
        FUZZ_CHECK(memcmp(again.data + before, payload.data + before, 8) == 0);
        FUZZ_CHECK(memcmp(again.data + before + 8 + hash_bytes,
                          payload.data + before + 8 + hash_bytes,
                          at - before - 8 - hash_bytes) == 0);
        before = at;
    }
    fsp_journalrecord_reset(&record);
    fsp_journalrecord_rest(&record, 0);
}

/* -- files ------------------------------------------------------------------------------------- */

static char directory[] = "/tmp/fsp-fuzz-journal-XXXXXX";

typedef struct {
    uint8_t octets[FILES][FILE_BYTES];
    size_t bytes[FILES];
    size_t at, end; /* the file that is written, and where its next record goes */
    uint64_t sequence;
    bool honest;
} image_t;

static void
put_rows(fuzz_input_t *input, fsp_journalrecord_t *record)
{
    static const fsp_family_t families[] = {FSP_FAMILY_LOG, FSP_FAMILY_LOCAL, FSP_FAMILY_OBJECT,
                                            FSP_FAMILY_BYTES};
    static uint8_t value[65536];
    for (unsigned count = fuzz_u8(input) % 4u; count > 0; count--) {
        uint8_t what = fuzz_u8(input);
        uint8_t key[2] = {fuzz_u8(input) % 16, 0xff};
        fsp_batch_row_t row = {.op = (fsp_row_op_t)(what % 3u), .family = families[what / 3 % 4u]};
        row.key = fsp_slice(key, 1);
        size_t bytes = fuzz_u16(input) % 12000u;
        if (row.op == FSP_ROW_PUT)
            row.value = fsp_slice(value, bytes);
        if (row.op == FSP_ROW_DELETE_RANGE)
            row.value = fsp_slice(key, bytes % 2 ? 2 : 1);
        fsp_journalrecord_put(record, &row);
    }
}

static void
add_record(fuzz_input_t *input, image_t *image, fsp_journalrecord_t *record)
{
    uint8_t how = fuzz_u8(input), what = fuzz_u8(input);
    put_rows(input, record);
    uint64_t bytes = fsp_journalrecord_bytes(record->payload_bytes);
    if (image->end > 0 && (how & 64 || image->end + bytes > FILE_BYTES)) {
        if (image->at + 1 == FILES)
            return;
        image->at++;
        image->end = 0;
    }
    image->honest &= (how & 63) == 0;
    fsp_journalhead_t head = {.file = how & 4 ? 1 + what % (image->at + 1) : image->at + 1,
                              .oldest = 1};
    head.previous = image->sequence;
    head.sequence = ++image->sequence;
    if (how & 2)
        head.previous -= head.previous > 0 ? 1 + what % head.previous : 0;
    if (how & 8)
        head.oldest = 1 + what % head.file;
    uint8_t *to = image->octets[image->at];
    size_t place = image->end;
    if (how & 16)
        place = what % 16u * (size_t)FSP_JOURNAL_PAGE_BYTES;
    if (place + bytes > FILE_BYTES)
        return;
    memcpy(to + place, fsp_journalrecord_finish(record, &head), (size_t)bytes);
    if (how & 1)
        to[place + (size_t)what * bytes / 256] ^= 0x40;
    image->end = place + (size_t)bytes;
    if (image->bytes[image->at] < image->end)
        image->bytes[image->at] = image->end;
    if (how & 32)
        image->bytes[image->at] = place + FSP_JOURNAL_HEAD_BYTES;
}

static void
file_path(size_t position, char ret[64])
{
    (void)snprintf(ret, 64, "%s/%016zx", directory, position + 1);
}

static void
remove_files(void)
{
    fsp_error_t error;
    FUZZ_CHECK(fsp_journal_erase(directory, &error) == FSP_OK);
}

static void
remove_directory(void)
{
    remove_files();
    (void)rmdir(directory);
}

static void
write_files(const image_t *image)
{
    static bool made;
    if (!made) {
        FUZZ_CHECK(mkdtemp(directory) != NULL);
        (void)atexit(remove_directory);
        made = true;
    }
    for (size_t i = 0; i <= image->at; i++) {
        char path[64];
        file_path(i, path);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        FUZZ_CHECK(fd != -1);
        FUZZ_CHECK(write(fd, image->octets[i], image->bytes[i]) == (ssize_t)image->bytes[i]);
        (void)close(fd);
    }
}

static fsp_status_t
count_row(void *context, uint64_t sequence, const fsp_batch_row_t *row, fsp_error_t *error)
{
    (void)error;
    FUZZ_CHECK(sequence > 0 && row->family != FSP_FAMILY_LOG && row->family != FSP_FAMILY_STATE);
    *(uint64_t *)context += 1;
    return FSP_OK;
}

/* NULL: refused, with a reason. */
static fsp_journal_t *
open_files(bool read_only, fsp_journal_found_t *ret)
{
    fsp_journal_config_t config = {
        .directory = directory, .file_bytes = FILE_BYTES, .read_only = read_only};
    fsp_journal_t *journal = NULL;
    fsp_error_t error = {.text = ""};
    uint64_t rows = 0;
    fsp_status_t status = fsp_journal_open(&config, count_row, &rows, &journal, ret, &error);
    FUZZ_CHECK(status == FSP_OK || (status == FSP_DAMAGED && error.text[0] != '\0'));
    return journal;
}

/* Each row that the index names is there: what was hashed whole is read whole. */
static void
check_view(fsp_journal_t *journal)
{
    fsp_journal_info_t info;
    uint64_t rows = 0;
    fsp_journal_info(journal, &info);
    fsp_cursor_t *cursor =
        fsp_view_scan(fsp_journal_view(journal), fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    for (; cursor->valid; fsp_cursor_next(cursor))
        rows++;
    FUZZ_CHECK(cursor->status == FSP_OK && rows == info.live_rows);
    fsp_cursor_destroy(&cursor);
}

static void
check_files(fuzz_input_t *input)
{
    static image_t image;
    memset(&image, 0, sizeof(image));
    image.honest = true;
    fsp_journalrecord_t record = {.data = NULL};
    for (unsigned count = 0; input->left > 0 && count < 64; count++) {
        add_record(input, &image, &record);
        fsp_journalrecord_reset(&record);
    }
    fsp_journalrecord_rest(&record, 0);
    write_files(&image);
    fsp_journal_found_t found = {.any = false}, again = {.any = false};
    fsp_journal_t *journal = open_files(true, &found);
    FUZZ_CHECK(journal || !image.honest);
    if (journal) {
        check_view(journal);
        fsp_journal_close(&journal);
        journal = open_files(false, &again);
        FUZZ_CHECK(journal && again.any == found.any && again.sequence == found.sequence);
        fsp_batch_row_t row = {.op = FSP_ROW_PUT, .family = FSP_FAMILY_LOG};
        row.key = fsp_slice_text("behind all that");
        fsp_journal_put(journal, &row);
        fsp_error_t error;
        FUZZ_CHECK(fsp_journal_commit(journal, found.sequence + 1, found.kept, &error) == FSP_OK);
        fsp_journal_release(journal, found.kept, false);
        check_view(journal);
        fsp_journal_close(&journal);
        journal = open_files(true, &again);
        FUZZ_CHECK(journal && again.sequence == found.sequence + 1);
        check_view(journal);
        fsp_journal_close(&journal);
    }
    remove_files();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    uint8_t selector = fuzz_u8(&input);
    if (selector == 0 || selector == 128)
        check_head(&input, selector == 128);
    else if (selector == 1)
        check_rows(fuzz_rest(&input));
    else
        check_files(&input);
    return 0;
}
