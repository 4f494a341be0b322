/* SPDX-License-Identifier: MIT */
/* system - rows of the system shard, read and written.  Layer core/meta.  Pure. */
#include "core/meta/system.h"

#include "core/base/check.h"

/* -- rows -------------------------------------------------------------------------------------- */

fsp_row_key_t
fsp_system_key(const fsp_system_t *self, fsp_table_t table, fsp_slice_t id)
{
    fsp_row_key_t key = fsp_row_key(self->m->shard, table, (fsp_space_id_t){0});
    fsp_row_key_add(&key, id);
    return key;
}

fsp_status_t
fsp_system_get(fsp_system_t *self, fsp_table_t table, fsp_slice_t id, fsp_slice_t *ret)
{
    fsp_row_key_t key = fsp_system_key(self, table, id);
    return fsp_machine_get(self->m, &key, ret);
}

void
fsp_system_put(fsp_system_t *self, fsp_table_t table, fsp_slice_t id)
{
    fsp_row_key_t key = fsp_system_key(self, table, id);
    fsp_machine_put(self->m, &key);
}

void
fsp_system_delete(fsp_system_t *self, fsp_table_t table, fsp_slice_t id)
{
    fsp_row_key_t key = fsp_system_key(self, table, id);
    fsp_machine_delete(self->m, &key);
}

fsp_status_t
fsp_system_decoded(fsp_system_t *self, fsp_status_t status)
{
    return status ? fsp_machine_fail(self->m, FSP_DAMAGED) : FSP_OK;
}

/* -- names ------------------------------------------------------------------------------------- */

static fsp_row_key_t
name_key(const fsp_system_t *self, fsp_table_t table, fsp_slice_t name)
{
    const uint8_t kind = (uint8_t)table;
    fsp_row_key_t key = fsp_system_key(self, FSP_TABLE_SYSTEM_NAME, fsp_slice(&kind, 1));
    fsp_row_key_add(&key, name);
    return key;
}

fsp_status_t
fsp_system_find_name(fsp_system_t *self, fsp_table_t table, fsp_slice_t name, uint8_t ret_id[16])
{
    fsp_row_key_t key = name_key(self, table, name);
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(self->m, &key, &value);
    return status ? status : fsp_system_decoded(self, fsp_system_id_decode(value, ret_id));
}

fsp_status_t
fsp_system_check_name(fsp_system_t *self, fsp_table_t table, fsp_slice_t name, const uint8_t id[16])
{
    uint8_t found[16];
    fsp_status_t status = fsp_system_find_name(self, table, name, found);
    if (status == FSP_NOT_FOUND)
        return FSP_OK;
    if (status)
        return status;
    return memcmp(found, id, sizeof(found)) == 0 ? FSP_OK : FSP_EXISTS;
}

void
fsp_system_take_name(fsp_system_t *self, fsp_table_t table, fsp_slice_t name, const uint8_t id[16])
{
    fsp_row_key_t key = name_key(self, table, name);
    fsp_system_id_encode(id, fsp_machine_value(self->m));
    fsp_machine_put(self->m, &key);
}

void
fsp_system_free_name(fsp_system_t *self, fsp_table_t table, fsp_slice_t name)
{
    fsp_row_key_t key = name_key(self, table, name);
    fsp_machine_delete(self->m, &key);
}

/* -- accounts, shards, spaces ------------------------------------------------------------------ */

fsp_status_t
fsp_system_get_account(fsp_system_t *self, fsp_subject_id_t id, fsp_account_row_t *ret)
{
    fsp_slice_t value;
    fsp_status_t status = fsp_system_get(self, FSP_TABLE_ACCOUNT, FSP_SLICE_OF(id), &value);
    return status ? status : fsp_system_decoded(self, fsp_account_row_decode(value, ret));
}

fsp_status_t
fsp_system_get_shard(fsp_system_t *self, uint32_t number, fsp_shards_row_t *ret)
{
    uint8_t key[4];
    fsp_store_u32(key, number);
    fsp_slice_t value;
    fsp_status_t status =
        fsp_system_get(self, FSP_TABLE_SHARDS, fsp_slice(key, sizeof(key)), &value);
    return status ? status : fsp_system_decoded(self, fsp_shards_row_decode(value, ret));
}

void
fsp_system_put_shard(fsp_system_t *self, uint32_t number, const fsp_shards_row_t *row)
{
    uint8_t key[4];
    fsp_store_u32(key, number);
    fsp_shards_row_encode(row, fsp_machine_value(self->m));
    fsp_system_put(self, FSP_TABLE_SHARDS, fsp_slice(key, sizeof(key)));
}

fsp_status_t
fsp_system_get_space(fsp_system_t *self, fsp_space_id_t id, fsp_directory_row_t *ret)
{
    fsp_slice_t value;
    fsp_status_t status = fsp_system_get(self, FSP_TABLE_SPACE_DIRECTORY, FSP_SLICE_OF(id), &value);
    if (status == FSP_NOT_FOUND)
        return FSP_NO_SUCH_SPACE;
    return status ? status : fsp_system_decoded(self, fsp_directory_row_decode(value, ret));
}

/* -- what the change row and the result say ---------------------------------------------------- */

void
fsp_system_about(fsp_system_t *self, fsp_slice_t id)
{
    FSP_PRE(id.bytes <= sizeof(self->about));
    if (id.bytes > 0)
        memcpy(self->about, id.data, id.bytes);
    self->about_bytes = id.bytes;
}

void
fsp_system_about_hash(fsp_system_t *self, const uint8_t id[32])
{
    fsp_version_id_t *shown = &self->m->result.version_id;
    memcpy(shown->bytes, id, sizeof(shown->bytes));
    fsp_system_about(self, fsp_slice(id, sizeof(shown->bytes)));
}

void
fsp_system_takes_rights(fsp_system_t *self)
{
    self->m->result.size = fsp_machine_next_index(self->m);
}
