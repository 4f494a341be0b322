/* SPDX-License-Identifier: MIT */
/* apply_system_accounts - accounts, groups, tokens, settings.  Layer core/meta.  Pure.
 *
 * A change that takes rights away says so (fsp_system_takes_rights): whoever asked for it is
 * answered when every shard refuses subjects that were built before it.
 */
#include "core/base/check.h"
#include "core/meta/system.h"

/* -- ACCOUNT ----------------------------------------------------------------------------------- */

static bool
account_equals(const fsp_account_row_t *a, const fsp_account_row_t *b)
{
    return a->admin == b->admin && a->enabled == b->enabled && fsp_slice_eq(a->name, b->name) &&
           fsp_slice_eq(a->secret, b->secret);
}

/* Writes an account beside or over what was there (`before` all zero: nothing). */
static fsp_status_t
replace_account(fsp_system_t *self, const fsp_account_row_t *before, const fsp_account_row_t *after)
{
    const fsp_system_body_t *body = self->body;
    bool was_admin = before->admin && before->enabled, is_admin = after->admin && after->enabled;
    if (was_admin && !is_admin && self->row.admin_count <= 1)
        return FSP_MISMATCH; /* nobody could invite, or repair it */
    self->row.admin_count = self->row.admin_count + is_admin - was_admin;
    if ((before->admin && !after->admin) || (before->enabled && !after->enabled))
        fsp_system_takes_rights(self);
    bool renamed = !fsp_slice_eq(before->name, after->name);
    if (renamed && before->name.bytes > 0)
        fsp_system_free_name(self, FSP_TABLE_ACCOUNT, before->name);
    fsp_account_row_encode(after, fsp_machine_value(self->m));
    fsp_system_put(self, FSP_TABLE_ACCOUNT, FSP_SLICE_OF(body->account));
    if (renamed)
        fsp_system_take_name(self, FSP_TABLE_ACCOUNT, after->name, body->account.bytes);
    return FSP_OK;
}

fsp_status_t
fsp_system_account(fsp_system_t *self)
{
    const fsp_system_body_t *body = self->body;
    fsp_status_t status =
        fsp_system_check_name(self, FSP_TABLE_ACCOUNT, body->name, body->account.bytes);
    if (status)
        return status;
    fsp_account_row_t before = {0};
    const fsp_account_row_t after = {
        .name = body->name, .admin = body->admin, .enabled = body->enabled, .secret = body->secret};
    status = fsp_system_get_account(self, body->account, &before);
    if (status != FSP_OK && status != FSP_NOT_FOUND)
        return status;
    self->m->unchanged = status == FSP_OK && account_equals(&before, &after);
    if (!self->m->unchanged) {
        status = replace_account(self, &before, &after);
        if (status)
            return status;
    }
    fsp_system_about(self, FSP_SLICE_OF(body->account));
    return FSP_OK;
}

/* -- GROUP ------------------------------------------------------------------------------------- */

static fsp_status_t
get_group(fsp_system_t *self, fsp_group_row_t *ret)
{
    fsp_slice_t value;
    fsp_status_t status =
        fsp_system_get(self, FSP_TABLE_GROUP, FSP_SLICE_OF(self->body->group), &value);
    return status ? status : fsp_system_decoded(self, fsp_group_row_decode(value, ret));
}

static fsp_status_t
check_accounts(fsp_system_t *self, fsp_slice_t accounts)
{
    size_t count = 0;
    fsp_canon_t reader = fsp_entries_open(accounts, &count);
    for (size_t i = 0; i < count; i++) {
        fsp_account_row_t row;
        fsp_status_t status = fsp_system_get_account(self, fsp_account_id_next(&reader), &row);
        if (status)
            return status;
    }
    return FSP_OK;
}

/* True if some account of `before` is not in `after`; both ascend. */
static bool
somebody_left(fsp_slice_t before, fsp_slice_t after)
{
    size_t before_count = 0, after_count = 0, at = 0;
    fsp_canon_t olds = fsp_entries_open(before, &before_count);
    fsp_canon_t news = fsp_entries_open(after, &after_count);
    for (size_t i = 0; i < before_count; i++) {
        const fsp_subject_id_t id = fsp_account_id_next(&olds);
        bool stays = false;
        while (at < after_count && !stays) {
            const fsp_subject_id_t next = fsp_account_id_next(&news);
            if (fsp_subject_id_cmp(next, id) > 0)
                return true;
            stays = fsp_subject_id_eq(next, id);
            at++;
        }
        if (!stays)
            return true;
    }
    return false;
}

static fsp_status_t
drop_group(fsp_system_t *self)
{
    fsp_group_row_t row;
    fsp_status_t status = get_group(self, &row);
    if (status)
        return status;
    fsp_system_free_name(self, FSP_TABLE_GROUP, row.name);
    fsp_system_delete(self, FSP_TABLE_GROUP, FSP_SLICE_OF(self->body->group));
    fsp_system_takes_rights(self);
    return FSP_OK;
}

static fsp_status_t
set_group(fsp_system_t *self)
{
    const fsp_system_body_t *body = self->body;
    fsp_status_t status =
        fsp_system_check_name(self, FSP_TABLE_GROUP, body->name, body->group.bytes);
    if (status == FSP_OK)
        status = check_accounts(self, body->accounts);
    if (status)
        return status;
    fsp_group_row_t before = {0};
    status = get_group(self, &before);
    if (status != FSP_OK && status != FSP_NOT_FOUND)
        return status;
    bool known = status == FSP_OK;
    bool renamed = !fsp_slice_eq(before.name, body->name);
    self->m->unchanged = known && !renamed && fsp_slice_eq(before.accounts, body->accounts);
    if (self->m->unchanged)
        return FSP_OK;
    if (known && somebody_left(before.accounts, body->accounts))
        fsp_system_takes_rights(self);
    if (known && renamed)
        fsp_system_free_name(self, FSP_TABLE_GROUP, before.name);
    const fsp_group_row_t after = {.name = body->name, .accounts = body->accounts};
    fsp_group_row_encode(&after, fsp_machine_value(self->m));
    fsp_system_put(self, FSP_TABLE_GROUP, FSP_SLICE_OF(body->group));
    if (renamed)
        fsp_system_take_name(self, FSP_TABLE_GROUP, body->name, body->group.bytes);
    return FSP_OK;
}

fsp_status_t
fsp_system_group(fsp_system_t *self)
{
    fsp_system_about(self, FSP_SLICE_OF(self->body->group));
    return self->body->drop ? drop_group(self) : set_group(self);
}

/* -- TOKEN and TOKEN_DROP ---------------------------------------------------------------------- */

static fsp_status_t
get_token(fsp_system_t *self, fsp_token_row_t *ret)
{
    fsp_slice_t value;
    fsp_status_t status =
        fsp_system_get(self, FSP_TABLE_TOKEN, FSP_SLICE_OF(self->body->token), &value);
    return status ? status : fsp_system_decoded(self, fsp_token_row_decode(value, ret));
}

fsp_status_t
fsp_system_token(fsp_system_t *self)
{
    const fsp_system_body_t *body = self->body;
    if (body->expiry != 0 && body->expiry <= self->now)
        return FSP_INVALID;
    fsp_account_row_t account;
    fsp_status_t status = fsp_system_get_account(self, body->account, &account);
    if (status == FSP_OK && !account.enabled)
        status = FSP_NOT_FOUND;
    if (status)
        return status;
    fsp_token_row_t row;
    status = get_token(self, &row);
    if (status != FSP_NOT_FOUND)
        return status ? status : FSP_EXISTS;
    row = (fsp_token_row_t){.account = body->account,
                            .expiry = body->expiry,
                            .scope = body->scope,
                            .label = body->label,
                            .made = self->m->time};
    fsp_token_row_encode(&row, fsp_machine_value(self->m));
    fsp_system_put(self, FSP_TABLE_TOKEN, FSP_SLICE_OF(body->token));
    fsp_system_about_hash(self, body->token.bytes);
    return FSP_OK;
}

fsp_status_t
fsp_system_token_drop(fsp_system_t *self)
{
    const fsp_system_body_t *body = self->body;
    fsp_token_row_t row;
    fsp_status_t status = get_token(self, &row);
    if (status)
        return status;
    fsp_system_delete(self, FSP_TABLE_TOKEN, FSP_SLICE_OF(body->token));
    memcpy(self->m->result.file_id.bytes, row.account.bytes, sizeof(row.account.bytes));
    fsp_system_about_hash(self, body->token.bytes);
    fsp_system_takes_rights(self);
    return FSP_OK;
}

/* -- SETTING ----------------------------------------------------------------------------------- */

fsp_status_t
fsp_system_setting(fsp_system_t *self)
{
    const fsp_system_body_t *body = self->body;
    fsp_slice_t value, before = {0};
    fsp_status_t status = fsp_system_get(self, FSP_TABLE_SETTING, body->name, &value);
    if (status == FSP_OK)
        status = fsp_system_decoded(self, fsp_setting_row_decode(value, &before));
    if (status != FSP_OK && status != FSP_NOT_FOUND)
        return status;
    /* An empty value is never kept, so that "empty" and "not there" are one thing. */
    self->m->unchanged = fsp_slice_eq(before, body->value);
    if (!self->m->unchanged && body->value.bytes == 0) {
        fsp_system_delete(self, FSP_TABLE_SETTING, body->name);
    } else if (!self->m->unchanged) {
        fsp_canon_bin(fsp_machine_value(self->m), body->value);
        fsp_system_put(self, FSP_TABLE_SETTING, body->name);
    }
    fsp_system_about(self, body->name);
    return FSP_OK;
}
