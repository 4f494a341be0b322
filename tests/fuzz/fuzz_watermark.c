/* SPDX-License-Identifier: MIT */
/* fuzz_watermark - the durable watermark: its row, and its file.  Layer tests.
 *
 * selector u8 (0: row), then bytes.  File: slots are zeros with what the input says at its places,
 * checksums made right unless a bit of the selector says no.
 */
#include "store/watermark.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

static char directory[] = "/tmp/fsp-fuzz-watermark-XXXXXX";
static char path[sizeof(directory) + 16];

static void
remove_directory(void)
{
    (void)unlink(path);
    (void)rmdir(directory);
}

static void
check_row(fsp_slice_t row)
{
    FUZZ_STABLE(fsp_watermark_t, fsp_watermark_decode_row, fsp_watermark_encode_row, row,
                FSP_WATERMARK_ROW_BYTES_MAX);
    fsp_watermark_t mark;
    if (fsp_watermark_decode_row(row, &mark) == FSP_OK) {
        fsp_watermark_t merged = mark;
        FUZZ_CHECK(!fsp_watermark_merge(&merged, &mark));
    }
}

static void
write_file(fuzz_input_t *input, uint8_t how)
{
    uint8_t *slots = fsp_alloc(FSP_WATERMARK_FILE_BYTES);
    for (unsigned place = 0; place < 2; place++) {
        uint8_t *slot = slots + place * FSP_WATERMARK_SLOT_BYTES;
        fsp_slice_t head = fuzz_slice(input, place ? input->left : fuzz_u16(input));
        size_t bytes = head.bytes;
        memcpy(slot, "FSPWMARK", 8);
        if (how & 2)
            fsp_store_u32(slot + 8, FSP_STORE_FORMAT);
        size_t at = how & 2 ? 12 : 0;
        if (bytes > FSP_WATERMARK_SLOT_BYTES - at)
            bytes = FSP_WATERMARK_SLOT_BYTES - at;
        memcpy(slot + at, head.data, bytes);
        if (how & 4)
            fsp_store_u64(slot + FSP_WATERMARK_SLOT_BYTES - 8,
                          XXH3_64bits(slot, FSP_WATERMARK_SLOT_BYTES - 8));
    }
    size_t bytes = FSP_WATERMARK_FILE_BYTES;
    if (how & 8)
        bytes -= fuzz_u8(input) * 32u;
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_CHECK(file != -1 && write(file, slots, bytes) == (ssize_t)bytes);
    (void)close(file);
    fsp_free(slots);
}

static void
check_file(void)
{
    fsp_watermark_file_t file = {.fd = -1}, again = {.fd = -1};
    fsp_watermark_t mark, mark_again;
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_watermark_file_open(directory, &file, &mark, &error);
    if (status != FSP_OK) {
        FUZZ_CHECK(error.text[0] != '\0');
        return;
    }
    FUZZ_CHECK(mark.count <= FSP_STORE_SHARDS_MAX);
    fsp_watermark_file_close(&file);
    FUZZ_CHECK(fsp_watermark_file_open(directory, &again, &mark_again, &error) == FSP_OK);
    FUZZ_CHECK(again.counter == file.counter && mark_again.sequence == mark.sequence);
    fsp_watermark_file_close(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (path[0] == '\0') {
        FUZZ_CHECK(mkdtemp(directory) != NULL);
        (void)snprintf(path, sizeof(path), "%s/WATERMARK", directory);
        (void)atexit(remove_directory);
    }
    fuzz_input_t input = fuzz_input(data, bytes);
    uint8_t how = fuzz_u8(&input);
    if (how == 0) {
        check_row(fuzz_rest(&input));
    } else {
        write_file(&input, how);
        check_file();
    }
    return 0;
}
