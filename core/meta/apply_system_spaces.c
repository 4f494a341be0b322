/* SPDX-License-Identifier: MIT */
/* apply_system_spaces - the directory of spaces.  Layer core/meta.  Pure.
 *
 * A space is made in three steps, SPACE_NEW here, SPACE_INIT in its shard, SPACE_READY here; the
 * row keeps what SPACE_INIT needs until then, so that whoever meets a half-made space can finish
 * it.  It ends in three as well: SPACE_CLOSE, SPACE_DROP in its shard, SPACE_GONE.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/meta/system.h"

static void
put_space(fsp_system_t *self, const fsp_directory_row_t *row)
{
    fsp_directory_row_encode(row, fsp_machine_value(self->m));
    fsp_system_put(self, FSP_TABLE_SPACE_DIRECTORY, FSP_SLICE_OF(self->body->space_id));
}

static void
note_space(fsp_system_t *self, uint32_t shard)
{
    fsp_system_about(self, FSP_SLICE_OF(self->body->space_id));
    self->m->result.number = shard;
}

/* The shard with the fewest spaces, of equals the lowest number.  Shard 0 holds none. */
static fsp_status_t
choose_shard(fsp_system_t *self, uint32_t *ret)
{
    static const uint8_t first[4] = {0, 0, 0, FSP_SYSTEM_SHARD + 1};
    fsp_row_key_t from = fsp_system_key(self, FSP_TABLE_SHARDS, fsp_slice(first, sizeof(first)));
    fsp_row_key_t to = fsp_system_key(self, FSP_TABLE_SHARDS, (fsp_slice_t){0});
    fsp_row_key_to_prefix_end(&to);
    uint64_t fewest = UINT64_MAX;
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor =
        fsp_view_scan(self->m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_shards_row_t row;
        if (cursor->key.bytes != FSP_ROW_PREFIX_BYTES + 4 ||
            fsp_shards_row_decode(cursor->value, &row))
            return fsp_machine_fail(self->m, FSP_DAMAGED);
        if (row.space_count < fewest) {
            fewest = row.space_count;
            *ret = fsp_load_u32(cursor->key.data + FSP_ROW_PREFIX_BYTES);
        }
    }
    if (cursor->status)
        return fsp_machine_fail(self->m, cursor->status);
    return fewest < UINT64_MAX ? FSP_OK : FSP_MISMATCH;
}

/* One space more (or less) in a shard that a directory row names. */
static fsp_status_t
count_space(fsp_system_t *self, uint32_t shard, bool more)
{
    fsp_shards_row_t row;
    fsp_status_t status = fsp_system_get_shard(self, shard, &row);
    if (status == FSP_NOT_FOUND || (status == FSP_OK && !more && row.space_count == 0))
        return fsp_machine_fail(self->m, FSP_DAMAGED);
    if (status)
        return status;
    row.space_count = more ? row.space_count + 1 : row.space_count - 1;
    fsp_system_put_shard(self, shard, &row);
    return FSP_OK;
}

static fsp_status_t
check_new_space(fsp_system_t *self)
{
    const fsp_system_body_t *body = self->body;
    fsp_account_row_t owner;
    fsp_status_t status = fsp_system_get_account(self, body->account, &owner);
    if (status == FSP_OK && !owner.enabled)
        status = FSP_NOT_FOUND;
    if (status)
        return status;
    fsp_directory_row_t row;
    status = fsp_system_get_space(self, body->space_id, &row);
    if (status != FSP_NO_SUCH_SPACE)
        return status ? status : FSP_EXISTS;
    uint8_t found[16];
    status = fsp_system_find_name(self, FSP_TABLE_SPACE_DIRECTORY, body->name, found);
    if (status != FSP_NOT_FOUND)
        return status ? status : FSP_EXISTS;
    return FSP_OK;
}

fsp_status_t
fsp_system_space_new(fsp_system_t *self)
{
    const fsp_system_body_t *body = self->body;
    fsp_directory_row_t row = {.name = body->name,
                               .owner = body->account,
                               .state = FSP_DIRECTORY_CREATING,
                               .init = body->init};
    fsp_status_t status = check_new_space(self);
    if (status == FSP_OK)
        status = choose_shard(self, &row.shard);
    if (status == FSP_OK)
        status = count_space(self, row.shard, true);
    if (status)
        return status;
    put_space(self, &row);
    fsp_system_take_name(self, FSP_TABLE_SPACE_DIRECTORY, body->name, body->space_id.bytes);
    note_space(self, row.shard);
    return FSP_OK;
}

/* A space that is not gone. */
static fsp_status_t
get_living(fsp_system_t *self, fsp_directory_row_t *ret)
{
    fsp_status_t status = fsp_system_get_space(self, self->body->space_id, ret);
    if (status)
        return status;
    return ret->state == FSP_DIRECTORY_GONE ? FSP_GONE : FSP_OK;
}

fsp_status_t
fsp_system_space_ready(fsp_system_t *self)
{
    fsp_directory_row_t row;
    fsp_status_t status = get_living(self, &row);
    if (status)
        return status;
    self->m->unchanged = row.init.bytes == 0;
    if (!self->m->unchanged) {
        if (row.state == FSP_DIRECTORY_CREATING)
            row.state = FSP_DIRECTORY_READY;
        row.init = (fsp_slice_t){0};
        put_space(self, &row);
    }
    note_space(self, row.shard);
    return FSP_OK;
}

fsp_status_t
fsp_system_space_close(fsp_system_t *self)
{
    const fsp_system_body_t *body = self->body;
    fsp_directory_row_t row;
    fsp_status_t status = get_living(self, &row);
    if (status)
        return status;
    bool closes = !body->drop;
    self->m->unchanged = closes == (row.state == FSP_DIRECTORY_CLOSING);
    if (!self->m->unchanged) {
        if (closes) {
            row.state = FSP_DIRECTORY_CLOSING;
            row.deadline =
                self->now > UINT64_MAX - body->grace ? UINT64_MAX : self->now + body->grace;
        } else {
            row.state = row.init.bytes > 0 ? FSP_DIRECTORY_CREATING : FSP_DIRECTORY_READY;
            row.deadline = 0;
        }
        put_space(self, &row);
    }
    note_space(self, row.shard);
    return FSP_OK;
}

fsp_status_t
fsp_system_space_gone(fsp_system_t *self)
{
    fsp_directory_row_t row;
    fsp_status_t status = fsp_system_get_space(self, self->body->space_id, &row);
    if (status)
        return status;
    self->m->unchanged = row.state == FSP_DIRECTORY_GONE;
    if (!self->m->unchanged) {
        if (row.state != FSP_DIRECTORY_CLOSING)
            return FSP_MISMATCH;
        if (row.deadline > self->now)
            return FSP_PENDING;
        fsp_system_free_name(self, FSP_TABLE_SPACE_DIRECTORY, row.name);
        const fsp_directory_row_t gone = {
            .shard = row.shard, .state = FSP_DIRECTORY_GONE, .deadline = self->now};
        put_space(self, &gone);
        status = count_space(self, gone.shard, false);
        if (status)
            return status;
        row.shard = gone.shard;
    }
    note_space(self, row.shard);
    return FSP_OK;
}
