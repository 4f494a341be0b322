/* SPDX-License-Identifier: MIT */
/* fuzz_metarows - rows of the state machine: selector u8 (a table), then a value.  Layer tests. */
#include "core/meta/changes.h"
#include "core/meta/rows.h"
#include "core/meta/versions.h"
#include "tests/fuzz/fuzz.h"

#define ROW(type_, name_)                                                                          \
    FUZZ_CANONICAL(type_, fsp_##name_##_decode, fsp_##name_##_encode, value, FSP_VALUE_BYTES_MAX)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    uint8_t table = fuzz_u8(&input) % 9;
    fsp_slice_t value = fuzz_rest(&input);
    switch (table) {
    case 0:
        ROW(fsp_shard_row_t, shard_row);
        break;
    case 1:
        ROW(fsp_space_row_t, space_row);
        break;
    case 2:
        ROW(fsp_entry_row_t, entry_row);
        break;
    case 3:
        ROW(fsp_node_row_t, node_row);
        break;
    case 4:
        ROW(fsp_version_row_t, version_row);
        break;
    case 5:
        ROW(fsp_version_index_row_t, version_index_row);
        break;
    case 6:
        ROW(fsp_op_row_t, op_row);
        break;
    case 7:
        ROW(fsp_change_info_t, change_row);
        break;
    default:
        ROW(fsp_version_info_t, version_record);
        break;
    }
    return 0;
}
