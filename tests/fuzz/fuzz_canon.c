/* SPDX-License-Identifier: MIT */
/* fuzz_canon - the reader of canonical msgpack takes one encoding of a value.  Layer tests. */
#include "core/base/canon.h"
#include "tests/fuzz/fuzz.h"

static void
copy_value(fsp_canon_t *reader, fsp_buf_t *again)
{
    size_t count;
    switch (fsp_canon_peek(reader)) {
    case FSP_CANON_NIL:
        FUZZ_CHECK(fsp_canon_read_nil(reader));
        fsp_canon_nil(again);
        return;
    case FSP_CANON_BOOL:
        fsp_canon_bool(again, fsp_canon_read_bool(reader));
        return;
    case FSP_CANON_UINT:
        fsp_canon_uint(again, fsp_canon_read_uint(reader, UINT64_MAX));
        return;
    case FSP_CANON_BIN:
        fsp_canon_bin(again, fsp_canon_read_bin(reader, SIZE_MAX));
        return;
    case FSP_CANON_TEXT:
        fsp_canon_text(again, fsp_canon_read_text(reader, SIZE_MAX));
        return;
    case FSP_CANON_ARRAY:
        count = fsp_canon_read_array(reader, 0, SIZE_MAX);
        fsp_canon_array(again, count);
        for (size_t i = 0; i < count; i++)
            copy_value(reader, again); /* as deep as read_any let pass */
        return;
    case FSP_CANON_END:
    case FSP_CANON_INVALID:
        break;
    }
    FSP_UNREACHABLE();
}

/* Typed reads of the wrong kind fail and leave the reader where it was. */
static void
check_wrong_reads(const fsp_canon_t *at, fuzz_input_t *choice)
{
    fsp_canon_t reader = *at;
    uint8_t fixed[32];
    switch (fuzz_u8(choice) % 6) {
    case 0:
        (void)fsp_canon_read_bool(&reader);
        break;
    case 1:
        (void)fsp_canon_read_uint(&reader, fuzz_u8(choice));
        break;
    case 2:
        (void)fsp_canon_read_bin(&reader, fuzz_u8(choice));
        break;
    case 3:
        (void)fsp_canon_read_text(&reader, fuzz_u8(choice));
        break;
    case 4:
        fsp_canon_read_fixed(&reader, fixed, sizeof(fixed));
        break;
    default: {
        size_t count_min = fuzz_u8(choice);
        (void)fsp_canon_read_array(&reader, count_min, count_min + fuzz_u8(choice));
        break;
    }
    }
    FUZZ_CHECK(reader.at <= reader.end);
    FUZZ_CHECK(reader.status == FSP_OK || reader.at == at->at);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t choice = fuzz_input(data, bytes);
    fsp_canon_t reader = fsp_canon_reader(fsp_slice(data, bytes));
    fsp_buf_t again;
    fsp_buf_init(&again, bytes + 16);
    while (fsp_canon_peek(&reader) != FSP_CANON_END) {
        check_wrong_reads(&reader, &choice);
        fsp_canon_t start = reader;
        fsp_slice_t value = fsp_canon_read_any(&reader);
        if (reader.status != FSP_OK) {
            FUZZ_CHECK(value.bytes == 0 && fsp_canon_finish(&reader) == reader.status);
            break;
        }
        FUZZ_CHECK(value.bytes > 0);
        fsp_buf_reset(&again);
        copy_value(&start, &again);
        FUZZ_CHECK(start.status == FSP_OK && start.at == reader.at);
        FUZZ_CHECK(fsp_slice_eq(fsp_buf_slice(&again), value));
    }
    fsp_buf_clear(&again);
    return 0;
}
