/* SPDX-License-Identifier: MIT */
/* fuzz_familyrows - rows of the tables of feature level 2: selector u8 (a table), then a value.
   Layer tests. */
#include "core/meta/past.h"
#include "core/meta/query_system.h"
#include "core/meta/rows_system.h"
#include "tests/fuzz/fuzz.h"

#define ROW(type_, name_)                                                                          \
    FUZZ_CANONICAL(type_, fsp_##name_##_decode, fsp_##name_##_encode, value, FSP_VALUE_BYTES_MAX)

static void
check_again(const fsp_buf_t *again, fsp_slice_t value)
{
    FUZZ_CHECK(fsp_buf_ok(again));
    FUZZ_CHECK(fsp_slice_eq(fsp_buf_slice(again), value));
}

/* Rows whose decoder gives memory, or whose encoder has another shape. */
static void
check_others(uint8_t table, fsp_slice_t value)
{
    fsp_buf_t again;
    fsp_buf_init(&again, FSP_VALUE_BYTES_MAX);
    fsp_list_t list;
    fsp_layout_head_t head;
    uint8_t id[16];
    uint64_t number;
    fsp_slice_t setting;
    if (table == 14 && fsp_list_row_decode(value, &list) == FSP_OK) {
        fsp_list_row_encode(&list, &again);
        check_again(&again, value);
        fsp_list_clear(&list);
    } else if (table == 15 && fsp_system_id_decode(value, id) == FSP_OK) {
        fsp_system_id_encode(id, &again);
        check_again(&again, value);
    } else if (table == 16 && fsp_removed_row_decode(value, &number) == FSP_OK) {
        fsp_canon_uint(&again, number);
        check_again(&again, value);
    } else if (table == 17 && fsp_setting_row_decode(value, &setting) == FSP_OK) {
        fsp_canon_bin(&again, setting);
        check_again(&again, value);
    } else if (table == 18 && fsp_layout_head_decode(value, &head) == FSP_OK) {
        FUZZ_CHECK(head.slot_bits <= 32 && head.copies <= FSP_OWNERS_MAX);
    }
    fsp_buf_clear(&again);
}

static void
check_system(uint8_t table, fsp_slice_t value)
{
    switch (table) {
    case 5:
        ROW(fsp_system_row_t, system_row);
        break;
    case 6:
        ROW(fsp_member_row_t, member_row);
        break;
    case 7:
        ROW(fsp_invitation_row_t, invitation_row);
        break;
    case 8:
        ROW(fsp_shards_row_t, shards_row);
        break;
    case 9:
        ROW(fsp_directory_row_t, directory_row);
        break;
    case 10:
        ROW(fsp_account_row_t, account_row);
        break;
    case 11:
        ROW(fsp_group_row_t, group_row);
        break;
    case 12:
        ROW(fsp_token_row_t, token_row);
        break;
    case 13:
        ROW(fsp_system_change_t, system_change);
        break;
    default:
        check_others(table, value);
        break;
    }
}

#define fsp_upload_root_encode fsp_upload_root_write

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    uint8_t table = fuzz_u8(&input) % 19;
    fsp_slice_t value = fuzz_rest(&input);
    switch (table) {
    case 0:
        ROW(fsp_past_heads_row_t, past_heads_row);
        break;
    case 1:
        ROW(fsp_prune_work_t, prune_work);
        break;
    case 2:
        ROW(fsp_upload_row_t, upload_row);
        break;
    case 3:
        ROW(fsp_upload_root_t, upload_root);
        break;
    case 4:
        ROW(fsp_link_row_t, link_row);
        break;
    default:
        check_system(table, value);
        break;
    }
    return 0;
}
