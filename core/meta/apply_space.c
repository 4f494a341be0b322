/* SPDX-License-Identifier: MIT */
/* apply_space - SPACE_INIT: a space begins in its shard.  Layer core/meta.  Pure. */
#include "core/base/check.h"
#include "core/meta/apply_steps.h"

/* EXISTS if another space of this shard has the name. */
static fsp_status_t
claim_name(fsp_machine_t *m, fsp_slice_t name)
{
    fsp_row_key_t key = fsp_row_key(m->shard, FSP_TABLE_SPACE_NAME, (fsp_space_id_t){0});
    fsp_row_key_add(&key, name);
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(m, &key, &value);
    if (status != FSP_NOT_FOUND)
        return status ? status : FSP_EXISTS;
    fsp_canon_id(fsp_machine_value(m), m->space_id);
    fsp_machine_put(m, &key);
    return FSP_OK;
}

fsp_status_t
fsp_apply_space_init(fsp_machine_t *m)
{
    const fsp_command_t *command = m->command;
    fsp_status_t status = claim_name(m, command->space_init.name);
    if (status)
        return status;
    m->space = (fsp_space_row_t){
        .name = command->space_init.name,
        .owner = command->space_init.owner,
        .quota_bytes = command->space_init.quota_bytes,
        .root_id = command->space_init.root_id,
        .trash_id = command->space_init.trash_id,
        .chunk_bytes_min = command->space_init.chunk_bytes_min,
        .chunk_bytes_avg = command->space_init.chunk_bytes_avg,
        .chunk_bytes_max = command->space_init.chunk_bytes_max,
        .key_count = command->space_init.key_count,
        .wrapped_cut_key = command->space_init.wrapped_cut_key,
    };
    memcpy(m->space.keys, command->space_init.keys, sizeof(m->space.keys));
    static_assert(sizeof(m->space.keys) == sizeof(command->space_init.keys), "the same keys");

    /* The two directories that have no parent. */
    fsp_node_row_t node = {.kind = FSP_KIND_DIRECTORY, .content_time = m->time};
    fsp_machine_put_node(m, m->space.trash_id, &node);
    fsp_machine_put_node(m, m->space.root_id, &node);
    fsp_machine_show(m, m->space.root_id, &node);
    fsp_apply_note(m, FSP_KIND_DIRECTORY, m->space.root_id, fsp_slice_text("/"), (fsp_slice_t){0});
    return FSP_OK;
}
