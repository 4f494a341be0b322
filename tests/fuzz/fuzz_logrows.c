/* SPDX-License-Identifier: MIT */
/* fuzz_logrows - rows of a replica's log: selector u8, then a row, or a whole log.  Layer tests.
 *
 * A log: applied u8, then rows: index u8 (0: the hard state, 255: the base), length u16, bytes.
 */
#include "core/base/memview.h"
#include "core/engine/log_rows.h"
#include "tests/fuzz/fuzz.h"

static fsp_status_t
decode_entry(fsp_slice_t bytes, fsp_entry_t *ret)
{
    fsp_log_entry_t row;
    fsp_status_t status = fsp_log_entry_decode(bytes, &row);
    if (status != FSP_OK)
        return status;
    *ret = (fsp_entry_t){.term = row.term, .kind = row.kind};
    if (row.bytes.bytes > 0)
        ret->bytes = fsp_blob_copy(row.bytes.data, row.bytes.bytes);
    return FSP_OK;
}

static void
encode_entry(fsp_entry_t *entry, fsp_buf_t *buf)
{
    fsp_log_entry_encode(entry, buf);
    fsp_blob_destroy(&entry->bytes);
}

static void
read_log(fuzz_input_t *input)
{
    enum { ENTRIES_MAX = 256 };
    fsp_memview_t *rows = fsp_memview_new();
    fsp_raft_member_t member = {.replica = 1};
    fsp_log_name_t name = fsp_log_name((fsp_shard_ref_t){1, 1}, &member);
    uint64_t applied = fuzz_u8(input);
    while (input->left > 0) {
        uint64_t index = fuzz_u8(input);
        fsp_slice_t value = fuzz_slice(input, fuzz_u16(input));
        fsp_log_key_t key = index == 0     ? fsp_log_hard_key(&name)
                            : index == 255 ? fsp_log_base_key(&name)
                                           : fsp_log_entry_key(&name, index);
        fsp_omap_put(fsp_memview_map(rows), fsp_log_key_slice(&key), value, 0);
    }
    fsp_log_summary_t summary;
    fsp_error_t error = {.text = ""};
    fsp_view_t *view = fsp_memview_view(rows);
    bool based;
    fsp_log_base_t base;
    fsp_status_t status = fsp_log_load_base(&name, view, &based, &base, &error);
    FUZZ_CHECK(status == FSP_OK || error.text[0] != '\0');
    FUZZ_CHECK(status != FSP_OK || !based || fsp_raft_conf_sound(&base.conf));
    error.text[0] = '\0';
    status = fsp_log_load(&name, view, applied, &summary, &error);
    FUZZ_CHECK(status == FSP_OK || error.text[0] != '\0');
    /* What raft and its configurations are started with. */
    for (size_t i = 0; status == FSP_OK && i < summary.run_count; i++) {
        FUZZ_CHECK(summary.runs[i].first <= summary.runs[i].last);
        FUZZ_CHECK(i == 0 || summary.runs[i].first == summary.runs[i - 1].last + 1);
        FUZZ_CHECK(i == 0 || summary.runs[i].term > summary.runs[i - 1].term);
    }
    for (size_t i = 0; status == FSP_OK && i < summary.conf_count; i++)
        FUZZ_CHECK(fsp_raft_conf_sound(&summary.confs[i].conf));
    if (status == FSP_OK && summary.last > summary.hard.start &&
        summary.last - summary.hard.start <= ENTRIES_MAX) {
        fsp_entry_t *entries = fsp_alloc_array(ENTRIES_MAX, sizeof(*entries));
        size_t count = 0;
        FUZZ_CHECK(fsp_log_read(&name, view, summary.hard.start + 1, summary.last, SIZE_MAX,
                                entries, &count) == FSP_OK);
        FUZZ_CHECK(count == summary.last - summary.hard.start);
        for (size_t i = 0; i < count; i++)
            fsp_blob_destroy(&entries[i].bytes);
        fsp_free(entries);
    }
    fsp_log_summary_clear(&summary);
    fsp_memview_destroy(&rows);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    uint8_t which = fuzz_u8(&input) % 4;
    if (which == 2) {
        read_log(&input);
        return 0;
    }
    fsp_slice_t value = fuzz_rest(&input);
    if (which == 3)
        FUZZ_CANONICAL(fsp_log_base_t, fsp_log_base_decode, fsp_log_base_encode, value,
                       FSP_VALUE_BYTES_MAX);
    else if (which == 0)
        FUZZ_CANONICAL(fsp_log_hard_t, fsp_log_hard_decode, fsp_log_hard_encode, value,
                       FSP_VALUE_BYTES_MAX);
    else
        FUZZ_CANONICAL(fsp_entry_t, decode_entry, encode_entry, value, FSP_VALUE_BYTES_MAX);
    return 0;
}
