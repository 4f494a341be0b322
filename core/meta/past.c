/* SPDX-License-Identifier: MIT */
/* past - what names meant and which heads files had before.  Layer core/meta.  Pure. */
#include "core/meta/past.h"

#include "core/base/check.h"
#include "core/base/mutant.h"

enum { PAST_HEADS_FIELDS = 2, PRUNE_WORK_FIELDS = 2, UNTIL_BYTES = 8 };

/* -- rows -------------------------------------------------------------------------------------- */

void
fsp_past_heads_row_encode(const fsp_past_heads_row_t *row, fsp_buf_t *buf)
{
    FSP_PRE(row->head_count > 0 && row->head_count <= FSP_HEADS_MAX);
    fsp_canon_array(buf, PAST_HEADS_FIELDS);
    fsp_canon_uint(buf, row->since);
    fsp_canon_array(buf, 2 * row->head_count);
    for (size_t i = 0; i < row->head_count; i++) {
        fsp_canon_uint(buf, row->heads[i].number);
        fsp_canon_id(buf, row->heads[i].id);
    }
}

fsp_status_t
fsp_past_heads_row_decode(fsp_slice_t bytes, fsp_past_heads_row_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(bytes);
    (void)fsp_canon_read_array(&reader, PAST_HEADS_FIELDS, PAST_HEADS_FIELDS); /* sticky */
    ret->since = fsp_canon_read_uint(&reader, UINT64_MAX);
    size_t count = fsp_canon_read_array(&reader, 2, (size_t)2 * FSP_HEADS_MAX);
    if (count % 2 != 0)
        fsp_canon_fail(&reader, FSP_INVALID);
    ret->head_count = count / 2;
    for (size_t i = 0; i < ret->head_count; i++) {
        ret->heads[i].number = fsp_canon_read_uint(&reader, UINT64_MAX);
        fsp_canon_read_id(&reader, &ret->heads[i].id);
        if (i > 0 && ret->heads[i - 1].number <= ret->heads[i].number)
            fsp_canon_fail(&reader, FSP_INVALID);
    }
    return fsp_canon_finish(&reader);
}

void
fsp_prune_work_encode(const fsp_prune_work_t *work, fsp_buf_t *buf)
{
    fsp_canon_array(buf, PRUNE_WORK_FIELDS);
    fsp_canon_uint(buf, work->phase);
    fsp_canon_bin(buf, fsp_slice(work->key, work->key_bytes));
}

fsp_status_t
fsp_prune_work_decode(fsp_slice_t bytes, fsp_prune_work_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(bytes);
    (void)fsp_canon_read_array(&reader, PRUNE_WORK_FIELDS, PRUNE_WORK_FIELDS); /* sticky */
    uint64_t phase = fsp_canon_read_uint(&reader, FSP_PHASE_CHANGES);
    if (phase < FSP_PHASE_VERSIONS)
        fsp_canon_fail(&reader, FSP_INVALID);
    ret->phase = (fsp_prune_phase_t)phase;
    fsp_slice_t key = fsp_canon_read_bin(&reader, sizeof(ret->key));
    ret->key_bytes = key.bytes;
    if (key.bytes)
        memcpy(ret->key, key.data, key.bytes);
    return fsp_canon_finish(&reader);
}

/* -- keys -------------------------------------------------------------------------------------- */

fsp_row_key_t
fsp_past_entry_key(const fsp_machine_t *m, fsp_file_id_t directory_id, fsp_slice_t name,
                   uint64_t until)
{
    static const uint8_t nul[1] = {0};
    FSP_PRE(name.bytes > 0 && name.bytes <= FSP_NAME_BYTES_MAX);
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_PAST_ENTRY);
    fsp_row_key_add(&key, FSP_SLICE_OF(directory_id));
    fsp_row_key_add(&key, name);
    fsp_row_key_add(&key, fsp_slice(nul, sizeof(nul)));
    fsp_row_key_add_u64(&key, until);
    return key;
}

bool
fsp_past_entry_split(fsp_slice_t rest, fsp_file_id_t *ret_directory_id, fsp_slice_t *ret_name,
                     uint64_t *ret_until)
{
    const size_t id_bytes = sizeof(ret_directory_id->bytes);
    if (rest.bytes < id_bytes + 1 + 1 + UNTIL_BYTES)
        return false;
    memcpy(ret_directory_id->bytes, rest.data, id_bytes);
    *ret_name = fsp_slice(rest.data + id_bytes, rest.bytes - id_bytes - 1 - UNTIL_BYTES);
    *ret_until = fsp_load_u64(rest.data + rest.bytes - UNTIL_BYTES);
    return rest.data[rest.bytes - UNTIL_BYTES - 1] == 0 && ret_name->bytes <= FSP_NAME_BYTES_MAX;
}

fsp_row_key_t
fsp_past_heads_key(const fsp_machine_t *m, fsp_file_id_t id, uint64_t until)
{
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_PAST_HEADS);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_row_key_add_u64(&key, until);
    return key;
}

fsp_row_key_t
fsp_work_key(const fsp_machine_t *m, fsp_work_kind_t kind, fsp_file_id_t id)
{
    uint8_t byte = (uint8_t)kind;
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_WORK);
    fsp_row_key_add(&key, fsp_slice(&byte, sizeof(byte)));
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    return key;
}

/* -- writing ----------------------------------------------------------------------------------- */

void
fsp_past_keep_entry(fsp_machine_t *m, fsp_file_id_t directory_id, fsp_slice_t name)
{
    if (!fsp_past_is_kept(m))
        return;
    fsp_entry_row_t before;
    uint64_t until = fsp_machine_next_index(m);
    if (fsp_machine_get_entry(m, directory_id, name, &before) != FSP_OK || before.since >= until ||
        FSP_MUTANT(past_names_lost))
        return; /* nothing, or only for a moment within this change */
    fsp_row_key_t key = fsp_past_entry_key(m, directory_id, name, until);
    fsp_entry_row_encode(&before, fsp_machine_value(m));
    fsp_machine_put(m, &key);
}

void
fsp_past_keep_heads(fsp_machine_t *m, fsp_file_id_t id, fsp_node_row_t *node)
{
    if (!fsp_past_is_kept(m))
        return;
    uint64_t until = fsp_machine_next_index(m);
    if (node->head_count > 0 && node->history.since < until && !FSP_MUTANT(past_heads_lost)) {
        fsp_past_heads_row_t row = {.since = node->history.since, .head_count = node->head_count};
        memcpy(row.heads, node->heads, node->head_count * sizeof(node->heads[0]));
        fsp_row_key_t key = fsp_past_heads_key(m, id, until);
        fsp_past_heads_row_encode(&row, fsp_machine_value(m));
        fsp_machine_put(m, &key);
    }
    node->history.since = until;
}
