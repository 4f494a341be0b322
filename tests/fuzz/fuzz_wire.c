/* SPDX-License-Identifier: MIT */
/* fuzz_wire - the skimmer in front of msgpack-c, and that canon and it agree.  Layer tests. */
#include "core/base/canon.h"
#include "proto/wire.h"
#include "tests/fuzz/fuzz.h"

static void walk_values(fsp_wire_reader_t *reader, unsigned depth);

/* Scalars are read back from what a writer makes of them. */
static void
check_scalar(fsp_slice_t value)
{
    fsp_buf_t buf;
    fsp_buf_init(&buf, FSP_BODY_BYTES_MAX + 16);
    uint64_t number, number_again;
    int64_t signed_number, signed_again;
    bool truth, truth_again;
    fsp_slice_t text, text_again;
    if (fsp_wire_read_uint(value, UINT64_MAX, &number) == FSP_OK) {
        fsp_wire_uint(&buf, number);
        FUZZ_CHECK(fsp_wire_read_uint(fsp_buf_slice(&buf), number, &number_again) == FSP_OK);
        FUZZ_CHECK(number == number_again);
        FUZZ_CHECK(number == 0 ||
                   fsp_wire_read_uint(value, number - 1, &number_again) == FSP_INVALID);
    }
    fsp_buf_reset(&buf);
    if (fsp_wire_read_int(value, INT64_MIN, INT64_MAX, &signed_number) == FSP_OK) {
        fsp_wire_int(&buf, signed_number);
        FUZZ_CHECK(fsp_wire_read_int(fsp_buf_slice(&buf), signed_number, signed_number,
                                     &signed_again) == FSP_OK);
        FUZZ_CHECK(signed_number == signed_again);
    }
    fsp_buf_reset(&buf);
    if (fsp_wire_read_bool(value, &truth) == FSP_OK) {
        fsp_wire_bool(&buf, truth);
        FUZZ_CHECK(fsp_wire_read_bool(fsp_buf_slice(&buf), &truth_again) == FSP_OK);
        FUZZ_CHECK(truth == truth_again);
    }
    fsp_buf_reset(&buf);
    if (fsp_wire_read_text(value, FSP_BODY_BYTES_MAX, &text) == FSP_OK) {
        fsp_wire_text(&buf, text);
        FUZZ_CHECK(fsp_wire_read_text(fsp_buf_slice(&buf), text.bytes, &text_again) == FSP_OK);
        FUZZ_CHECK(fsp_slice_eq(text, text_again));
    }
    uint8_t id[32];
    if (fsp_wire_read_fixed(value, id, sizeof(id)) == FSP_OK)
        FUZZ_CHECK(value.bytes == sizeof(id) + 2 || value.bytes == sizeof(id) + 3 ||
                   value.bytes == sizeof(id) + 5);
    fsp_buf_clear(&buf);
}

static void
walk_value(fsp_slice_t value, unsigned depth)
{
    FUZZ_CHECK(value.bytes > 0);
    FUZZ_CHECK(depth <= FSP_MSGPACK_DEPTH_MAX);
    check_scalar(value);
    fsp_wire_reader_t inner;
    size_t count;
    fsp_status_t status = fsp_wire_open_array(value, FSP_MSGPACK_ITEMS_MAX, &inner, &count);
    if (status == FSP_OK) {
        fsp_slice_t item;
        fsp_wire_reader_t counting = inner;
        for (size_t i = 0; i < count; i++)
            FUZZ_CHECK(fsp_wire_next(&counting, &item) == FSP_OK);
        FUZZ_CHECK(fsp_wire_next(&counting, &item) == FSP_NOT_FOUND);
        walk_values(&inner, depth + 1);
    }
    if (fsp_wire_open_map(value, &inner) == FSP_OK) {
        fsp_slice_t key, item;
        while (fsp_wire_next_pair(&inner, &key, &item) == FSP_OK)
            walk_value(item, depth + 1);
    }
}

static void
walk_values(fsp_wire_reader_t *reader, unsigned depth)
{
    fsp_slice_t value;
    while (fsp_wire_next(reader, &value) == FSP_OK)
        walk_value(value, depth);
}

/* What the canonical reader takes, the skimmer takes, with the same ends. */
static void
check_agreement(fsp_slice_t bytes)
{
    fsp_canon_t canon = fsp_canon_reader(bytes);
    fsp_wire_reader_t wire = fsp_wire_open_values(bytes);
    while (fsp_canon_peek(&canon) != FSP_CANON_END) {
        fsp_slice_t canonical = fsp_canon_read_any(&canon), skimmed;
        if (canon.status != FSP_OK)
            return;
        fsp_status_t status = fsp_wire_next(&wire, &skimmed);
        if (status == FSP_TOO_LARGE)
            return; /* messages have a limit on values besides */
        FUZZ_CHECK(status == FSP_OK);
        FUZZ_CHECK(canonical.data == skimmed.data && canonical.bytes == skimmed.bytes);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fsp_slice_t input = fsp_slice(data, bytes);
    fsp_wire_reader_t reader;
    size_t count;
    if (bytes > 0)
        walk_value(input, 0); /* readers of one value take it only if nothing is behind it */
    if (fsp_wire_open_array(input, FSP_MSGPACK_ITEMS_MAX, &reader, &count) == FSP_OK)
        FUZZ_CHECK(count <= bytes);
    reader = fsp_wire_open_values(input);
    walk_values(&reader, 0);
    check_agreement(input);
    return 0;
}
