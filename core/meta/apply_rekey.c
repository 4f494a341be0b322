/* SPDX-License-Identifier: MIT */
/* apply_rekey - REKEY: the same content under newer keys.  Layer core/meta.  Pure.
 *
 * The record stays, so ids and the history's chain do.  The changes chain the carriers instead:
 * each REKEY says what it replaced, and which one came before it (audit_history follows them back
 * to the record).
 */
#include "core/base/check.h"
#include "core/crypto/digest.h"
#include "core/meta/apply_node.h"

/* May the present carrier be replaced by the new one?  INVALID, MISMATCH. */
static fsp_status_t
judge(fsp_machine_t *m, fsp_slice_t present, fsp_slice_t next)
{
    fsp_hash_t hash = fsp_sha256(present);
    if (!fsp_hash_eq(hash, m->command->node.rekey.present))
        return FSP_MISMATCH;
    fsp_carrier_t before, after;
    if (fsp_carrier_decode(present, &before))
        return fsp_machine_fail(m, FSP_DAMAGED);
    fsp_status_t status = fsp_carrier_decode(next, &after);
    FSP_ASSERT(status == FSP_OK); /* checked when the command was decoded */
    return before.root_kind == after.root_kind ? FSP_OK : FSP_INVALID;
}

static fsp_status_t
replace(fsp_machine_t *m, const fsp_version_info_t *version, fsp_version_row_t *row)
{
    fsp_slice_t next = m->command->node.rekey.carrier;
    fsp_status_t status = judge(m, row->carrier, next);
    if (status)
        return status;
    m->change.version_id = version->id;
    m->change.old_carrier = m->command->node.rekey.present;
    m->change.new_carrier = fsp_sha256(next);
    m->change.earlier = row->rekeyed;
    m->result.version_id = version->id;
    m->result.number = version->number;
    m->result.size = version->size;
    row->carrier = next;
    row->rekeyed = fsp_machine_next_index(m);
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_VERSION);
    fsp_row_key_add(&key, FSP_SLICE_OF(version->file_id));
    fsp_row_key_add_u64(&key, version->number);
    fsp_version_row_encode(row, fsp_machine_value(m));
    fsp_machine_put(m, &key);
    return FSP_OK;
}

fsp_status_t
fsp_apply_rekey(fsp_machine_t *m)
{
    fsp_version_index_row_t owner;
    fsp_status_t status = fsp_versions_owner(m, m->command->node.rekey.version_id, &owner);
    if (status)
        return status;
    /* In the trash too: what may come back must stay readable. */
    fsp_found_t found;
    status = fsp_namespace_find(m, &(fsp_target_t){.id = owner.file_id}, &found);
    if (status)
        return status == FSP_NOT_FOUND ? FSP_NO_SUCH_VERSION : status;
    fsp_version_info_t version;
    fsp_version_row_t row;
    status = fsp_versions_get(m, owner.file_id, owner.number, &version, &row);
    if (status)
        return status == FSP_NO_SUCH_VERSION ? fsp_machine_fail(m, FSP_DAMAGED) : status;
    if (!version.retained)
        return FSP_GONE;
    fsp_machine_show(m, found.id, &found.node);
    m->unchanged = fsp_slice_eq(row.carrier, m->command->node.rekey.carrier);
    if (m->unchanged)
        return FSP_OK;
    fsp_apply_note(m, found.node.kind, found.id, found.path, (fsp_slice_t){0});
    return replace(m, &version, &row);
}
