/* SPDX-License-Identifier: MIT */
/* apply_system - the system shard: order of judgement, rights, feed.  Layer core/meta.  Pure.
 *
 * As apply.c, with the system row in the place of the space row: the stored answer first, the
 * horizon before the fences, the fences before rights.  docs/protocol/commands-system.md.
 */
#include "core/base/check.h"
#include "core/crypto/digest.h"
#include "core/meta/apply_steps.h"
#include "core/meta/ops.h"
#include "core/meta/system.h"

/* -- the system row ---------------------------------------------------------------------------- */

/* The part of the row that ops.c and the feed work on. */
static void
to_space(fsp_machine_t *m, const fsp_system_row_t *row)
{
    m->space.change_index = row->change_index;
    m->space.head_hash = row->head_hash;
    m->space.horizon = row->horizon;
    m->space.op_count = row->op_count;
}

static void
from_space(const fsp_machine_t *m, fsp_system_row_t *row)
{
    row->change_index = m->space.change_index;
    row->head_hash = m->space.head_hash;
    row->horizon = m->space.horizon;
    row->op_count = m->space.op_count;
}

/* NOT_FOUND before GENESIS. */
static fsp_status_t
load_row(fsp_system_t *self)
{
    fsp_slice_t value;
    fsp_status_t status = fsp_system_get(self, FSP_TABLE_SYSTEM, (fsp_slice_t){0}, &value);
    if (status == FSP_OK)
        status = fsp_system_decoded(self, fsp_system_row_decode(value, &self->row));
    if (status == FSP_OK)
        to_space(self->m, &self->row);
    return status;
}

static void
store_row(fsp_system_t *self)
{
    from_space(self->m, &self->row);
    fsp_system_row_encode(&self->row, fsp_machine_value(self->m));
    fsp_system_put(self, FSP_TABLE_SYSTEM, (fsp_slice_t){0});
}

static void
append_change(fsp_system_t *self)
{
    fsp_machine_t *m = self->m;
    fsp_system_change_t change = {
        .index = fsp_machine_next_index(m),
        .operation = m->command->type,
        .time = m->time,
        .author = m->command->subject,
        .op_id = m->command->op_id,
        .id = fsp_slice(self->about, self->about_bytes),
        .layout_version = self->row.layout_version,
        .level = self->row.level,
        .previous = m->space.head_hash,
    };
    uint8_t number[8];
    fsp_store_u64(number, change.index);
    fsp_buf_t *row = fsp_machine_value(m);
    fsp_system_change_encode(&change, row);
    m->space.head_hash = fsp_sha256(fsp_buf_slice(row));
    m->space.change_index = change.index;
    fsp_system_put(self, FSP_TABLE_CHANGE, fsp_slice(number, sizeof(number)));
}

/* -- rights ------------------------------------------------------------------------------------ */

/* Commands that only the mesh itself gives. */
static bool
is_of_the_mesh(fsp_command_type_t type)
{
    switch ((int)type) {
    case FSP_COMMAND_JOIN:
    case FSP_COMMAND_NODE_SYNCED:
    case FSP_COMMAND_NODE_LEVEL:
    case FSP_COMMAND_SHARD_ADD:
    case FSP_COMMAND_SPACE_READY:
    case FSP_COMMAND_SPACE_GONE:
        return true;
    default:
        return false;
    }
}

/* Whose the thing is that an account without further rights may change; zero: nobody's. */
static fsp_status_t
find_owner(fsp_system_t *self, fsp_subject_id_t *ret)
{
    const fsp_system_body_t *body = self->body;
    fsp_status_t status = FSP_OK;
    *ret = (fsp_subject_id_t){0};
    switch ((int)self->m->command->type) {
    case FSP_COMMAND_SPACE_NEW:
    case FSP_COMMAND_TOKEN:
        *ret = body->account;
        break;
    case FSP_COMMAND_SPACE_CLOSE: {
        fsp_directory_row_t row;
        status = fsp_system_get_space(self, body->space_id, &row);
        if (status == FSP_OK)
            *ret = row.owner;
        break;
    }
    case FSP_COMMAND_TOKEN_DROP: {
        fsp_token_row_t row;
        fsp_slice_t value;
        status = fsp_system_get(self, FSP_TABLE_TOKEN, FSP_SLICE_OF(body->token), &value);
        if (status == FSP_OK)
            status = fsp_system_decoded(self, fsp_token_row_decode(value, &row));
        if (status == FSP_OK)
            *ret = row.account;
        break;
    }
    default:
        break;
    }
    return self->m->failure;
}

static fsp_status_t
check_rights(fsp_system_t *self)
{
    const fsp_subject_id_t subject = self->m->command->subject;
    const fsp_asker_t *asker = &self->m->command->asker;
    /* A visitor, or a token of some scope, which could make itself one without. */
    if (asker->withheld != 0 || !fsp_link_id_is_zero(asker->link_id))
        return FSP_FORBIDDEN;
    if (fsp_subject_id_is_zero(subject))
        return FSP_OK;
    if (is_of_the_mesh(self->m->command->type))
        return FSP_FORBIDDEN;
    fsp_account_row_t account;
    fsp_status_t status = fsp_system_get_account(self, subject, &account);
    if (status == FSP_NOT_FOUND)
        return FSP_FORBIDDEN;
    if (status)
        return status;
    if (!account.enabled)
        return FSP_FORBIDDEN;
    if (account.admin)
        return FSP_OK;
    fsp_subject_id_t owner;
    status = find_owner(self, &owner);
    if (status)
        return status;
    return fsp_subject_id_eq(owner, subject) ? FSP_OK : FSP_FORBIDDEN;
}

static fsp_status_t
check_fences(const fsp_machine_t *m)
{
    const fsp_command_t *command = m->command;
    uint64_t level = fsp_command_level(command->type, command->version);
    if (!fsp_asker_is_empty(&command->asker) && level < 2)
        level = 2;
    if (level > m->shard_row.feature_level)
        return FSP_LEVEL;
    return command->system_index < m->shard_row.subject_floor ? FSP_STALE : FSP_OK;
}

/* -- one command ------------------------------------------------------------------------------- */

typedef fsp_status_t(command_fn)(fsp_system_t *self);

static command_fn *
find_command(fsp_command_type_t type)
{
    static command_fn *const commands[] = {
        [FSP_COMMAND_GENESIS - FSP_COMMAND_GENESIS] = fsp_system_genesis,
        [FSP_COMMAND_INVITE - FSP_COMMAND_GENESIS] = fsp_system_invite,
        [FSP_COMMAND_UNINVITE - FSP_COMMAND_GENESIS] = fsp_system_uninvite,
        [FSP_COMMAND_JOIN - FSP_COMMAND_GENESIS] = fsp_system_join,
        [FSP_COMMAND_LIST_ADD - FSP_COMMAND_GENESIS] = fsp_system_list_add,
        [FSP_COMMAND_NODE_SYNCED - FSP_COMMAND_GENESIS] = fsp_system_node_synced,
        [FSP_COMMAND_OUT - FSP_COMMAND_GENESIS] = fsp_system_out,
        [FSP_COMMAND_WEIGHT - FSP_COMMAND_GENESIS] = fsp_system_weight,
        [FSP_COMMAND_ZONE - FSP_COMMAND_GENESIS] = fsp_system_zone,
        [FSP_COMMAND_DRAIN - FSP_COMMAND_GENESIS] = fsp_system_drain,
        [FSP_COMMAND_REMOVE - FSP_COMMAND_GENESIS] = fsp_system_remove,
        [FSP_COMMAND_SHARD_ADD - FSP_COMMAND_GENESIS] = fsp_system_shard_add,
        [FSP_COMMAND_SPACE_NEW - FSP_COMMAND_GENESIS] = fsp_system_space_new,
        [FSP_COMMAND_SPACE_READY - FSP_COMMAND_GENESIS] = fsp_system_space_ready,
        [FSP_COMMAND_SPACE_CLOSE - FSP_COMMAND_GENESIS] = fsp_system_space_close,
        [FSP_COMMAND_SPACE_GONE - FSP_COMMAND_GENESIS] = fsp_system_space_gone,
        [FSP_COMMAND_ACCOUNT - FSP_COMMAND_GENESIS] = fsp_system_account,
        [FSP_COMMAND_GROUP - FSP_COMMAND_GENESIS] = fsp_system_group,
        [FSP_COMMAND_TOKEN - FSP_COMMAND_GENESIS] = fsp_system_token,
        [FSP_COMMAND_TOKEN_DROP - FSP_COMMAND_GENESIS] = fsp_system_token_drop,
        [FSP_COMMAND_SETTING - FSP_COMMAND_GENESIS] = fsp_system_setting,
        [FSP_COMMAND_NODE_LEVEL - FSP_COMMAND_GENESIS] = fsp_system_node_level,
    };
    static_assert(sizeof(commands) / sizeof(commands[0]) ==
                      FSP_COMMAND_SYSTEM_END - FSP_COMMAND_GENESIS,
                  "each command of the family has its function");
    FSP_PRE(type >= FSP_COMMAND_GENESIS && type < FSP_COMMAND_SYSTEM_END);
    return commands[type - FSP_COMMAND_GENESIS];
}

/* What a refusal names too. */
static void
show_named(fsp_system_t *self)
{
    const fsp_system_body_t *body = self->body;
    fsp_file_id_t *shown = &self->m->result.file_id;
    static_assert(sizeof(*shown) == sizeof(body->space_id) &&
                      sizeof(*shown) == sizeof(body->account),
                  "ids of spaces and accounts stand in the place of file ids");
    switch ((int)self->m->command->type) {
    case FSP_COMMAND_SPACE_NEW:
    case FSP_COMMAND_SPACE_READY:
    case FSP_COMMAND_SPACE_CLOSE:
    case FSP_COMMAND_SPACE_GONE:
        memcpy(shown->bytes, body->space_id.bytes, sizeof(shown->bytes));
        break;
    case FSP_COMMAND_ACCOUNT:
    case FSP_COMMAND_TOKEN:
        memcpy(shown->bytes, body->account.bytes, sizeof(shown->bytes));
        break;
    case FSP_COMMAND_GROUP:
        memcpy(shown->bytes, body->group.bytes, sizeof(shown->bytes));
        break;
    default:
        break;
    }
}

/* Forgets what a refused command wrote. */
static void
undo(fsp_system_t *self, const fsp_system_row_t *before)
{
    fsp_machine_t *m = self->m;
    fsp_machine_forget_writes(m);
    self->row = *before;
    to_space(m, before);
    m->unchanged = false;
    m->result = (fsp_result_t){0};
    show_named(self);
}

/* Completes the result of a command that was judged, and keeps it. */
static fsp_status_t
conclude(fsp_system_t *self, fsp_status_t status)
{
    fsp_machine_t *m = self->m;
    if (status == FSP_OK && m->unchanged)
        m->result.size = 0; /* whatever was taken away was before */
    else if (status == FSP_OK)
        append_change(self);
    m->result.status = status;
    m->result.index = m->space.change_index;
    m->result.time = m->time;
    if (!fsp_ops_keeps(status))
        return FSP_OK;
    fsp_ops_store(m);
    if (fsp_meta_may_expire(&m->shard_row, m->time)) {
        status = fsp_ops_trim(m, FSP_OPS_KEPT, FSP_OPS_KEPT_US, FSP_OPS_TRIM_MAX);
        if (status)
            return status;
    }
    /* The feature level of this shard is that of the mesh; other shards follow by LEVEL_RAISE. */
    if (self->row.level > m->shard_row.feature_level)
        m->shard_row.feature_level = self->row.level;
    store_row(self);
    return FSP_OK;
}

/* The first GENESIS: there is no table yet in which a refusal could be kept. */
static fsp_status_t
apply_first(fsp_system_t *self)
{
    fsp_status_t status = check_fences(self->m);
    if (status == FSP_OK)
        status = fsp_system_genesis(self);
    if (self->m->failure)
        return self->m->failure;
    if (status == FSP_OK)
        return conclude(self, FSP_OK);
    const fsp_system_row_t nothing = {0};
    undo(self, &nothing);
    self->m->result.status = status;
    return FSP_OK;
}

static fsp_status_t
apply_known(fsp_system_t *self)
{
    fsp_machine_t *m = self->m;
    fsp_result_t stored;
    fsp_status_t status = fsp_ops_find(m, &stored);
    if (m->failure)
        return m->failure;
    if (status == FSP_EXISTS) {
        m->result = stored;
        return FSP_OK;
    }
    if (status) {
        m->result.status = status;
        m->result.index = m->space.change_index;
        return FSP_OK;
    }
    const fsp_system_row_t before = self->row;
    show_named(self);
    status = check_fences(m);
    if (status == FSP_OK)
        status = check_rights(self);
    if (status == FSP_OK)
        status = find_command(m->command->type)(self);
    if (m->failure)
        return m->failure;
    if (status)
        undo(self, &before);
    return conclude(self, status);
}

fsp_status_t
fsp_apply_system(fsp_machine_t *m)
{
    if (m->shard.shard != FSP_SYSTEM_SHARD) {
        m->result.status = FSP_INVALID;
        return FSP_OK;
    }
    fsp_system_t self = {.m = m, .body = &m->command->system};
    self.now = fsp_meta_expiry_time(&m->shard_row, m->time);
    fsp_status_t status = load_row(&self);
    if (m->failure)
        return m->failure;
    if (status == FSP_OK) {
        status = apply_known(&self);
    } else if (m->command->type == FSP_COMMAND_GENESIS) {
        status = apply_first(&self);
    } else {
        m->result.status = FSP_NO_SUCH_SPACE;
        status = FSP_OK;
    }
    fsp_list_clear(&self.newest);
    return status;
}
