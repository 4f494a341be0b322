/* SPDX-License-Identifier: MIT */
/* spaces - the spaces whose keys this gateway holds.  Layer actors. */
#include "actors/spaces.h"

#include "actors/clock.h"
#include "actors/identity.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/crypto/digest.h"

struct fsp_spaces {
    const fsp_secret_t *mesh_key;
    fsp_gateway_space_t *items[FSP_SPACES_HELD_MAX]; /* calls hold their addresses */
    size_t count;
};

fsp_spaces_t *
fsp_spaces_new(const fsp_secret_t *mesh_key)
{
    fsp_spaces_t *self = FSP_NEW(fsp_spaces_t);
    self->mesh_key = mesh_key;
    return self;
}

static void
free_space(fsp_gateway_space_t *space)
{
    fsp_space_keys_destroy(&space->keys);
    fsp_gear_destroy(&space->gear);
    fsp_secret_wipe(&space->cut_key);
    fsp_free(space);
}

void
fsp_spaces_destroy(fsp_spaces_t **self_p)
{
    fsp_spaces_t *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        free_space(self->items[i]);
    fsp_free(self);
}

size_t
fsp_spaces_count(const fsp_spaces_t *self)
{
    return self->count;
}

/* -- making ------------------------------------------------------------------------------------ */

static fsp_slice_t
wrap_fresh(const fsp_spaces_t *self, const char *what, fsp_space_id_t space_id, uint32_t generation,
           fsp_buf_t *buf)
{
    FSP_AUTO(fsp_secret_wipe) fsp_secret_t secret;
    uint8_t salt[32];
    char context[FSP_WRAP_CONTEXT_BYTES];
    fsp_random(secret.bytes, sizeof(secret.bytes));
    fsp_random(salt, sizeof(salt));
    fsp_wrap_context(what, space_id, generation, context);
    fsp_wrap(self->mesh_key, salt, context, FSP_SLICE_OF(secret), buf);
    FSP_ASSERT(fsp_buf_ok(buf));
    return fsp_buf_slice(buf);
}

void
fsp_spaces_make(const fsp_spaces_t *self, fsp_command_t *command, fsp_buf_t *ret)
{
    FSP_PRE(command->type == FSP_COMMAND_SPACE_INIT);
    FSP_PRE(!fsp_space_id_is_zero(command->space_id) && command->space_init.name.bytes > 0);
    fsp_buf_t key, cut_key;
    fsp_buf_init(&key, FSP_WRAPPED_BYTES_MAX);
    fsp_buf_init(&cut_key, FSP_WRAPPED_BYTES_MAX);
    fsp_random(command->space_init.root_id.bytes, sizeof(command->space_init.root_id.bytes));
    fsp_random(command->space_init.trash_id.bytes, sizeof(command->space_init.trash_id.bytes));
    if (command->space_init.chunk_bytes_max == 0) {
        command->space_init.chunk_bytes_min = fsp_chunk_params_default.bytes_min;
        command->space_init.chunk_bytes_avg = fsp_chunk_params_default.bytes_avg;
        command->space_init.chunk_bytes_max = fsp_chunk_params_default.bytes_max;
    }
    command->version = fsp_space_init_version(command->space_init.chunk_bytes_min,
                                              command->space_init.chunk_bytes_avg,
                                              command->space_init.chunk_bytes_max);
    command->space_init.keys[0] = (fsp_wrapped_key_t){
        .generation = 1,
        .wrapped = wrap_fresh(self, FSP_WRAP_SPACE_KEY, command->space_id, 1, &key)};
    command->space_init.key_count = 1;
    command->space_init.wrapped_cut_key =
        wrap_fresh(self, FSP_WRAP_CUT_KEY, command->space_id, 0, &cut_key);
    fsp_command_encode(command, ret);
    FSP_ASSERT(fsp_buf_ok(ret));
    fsp_buf_clear(&key);
    fsp_buf_clear(&cut_key);
}

/* -- taking ------------------------------------------------------------------------------------ */

static fsp_status_t
unwrap_secret(const fsp_spaces_t *self, const char *context, fsp_slice_t wrapped, fsp_secret_t *ret)
{
    fsp_buf_t plain;
    fsp_buf_init(&plain, FSP_WRAPPED_BYTES_MAX);
    fsp_status_t status = fsp_unwrap(self->mesh_key, context, wrapped, &plain);
    if (status == FSP_OK && plain.bytes != sizeof(ret->bytes))
        status = FSP_DAMAGED;
    if (status == FSP_OK)
        memcpy(ret->bytes, plain.data, sizeof(ret->bytes));
    if (plain.data)
        fsp_wipe(plain.data, plain.bytes);
    fsp_buf_clear(&plain);
    return status;
}

static fsp_status_t
open_keys(const fsp_spaces_t *self, const fsp_space_info_t *info, fsp_gateway_space_t *space)
{
    fsp_chunk_params_t params = {info->chunk_bytes_min, info->chunk_bytes_avg,
                                 info->chunk_bytes_max};
    if (info->name.bytes >= sizeof(space->name) || !fsp_chunk_params_valid(&params))
        return FSP_DAMAGED;
    char context[FSP_WRAP_CONTEXT_BYTES];
    FSP_AUTO(fsp_secret_wipe) fsp_secret_t secret = {0};
    for (size_t i = 0; i < info->key_count; i++) {
        fsp_wrap_context(FSP_WRAP_SPACE_KEY, info->space_id, info->keys[i].generation, context);
        fsp_status_t status = unwrap_secret(self, context, info->keys[i].wrapped, &secret);
        if (status != FSP_OK)
            return status;
        fsp_space_keys_add(space->keys, info->keys[i].generation, &secret);
    }
    fsp_wrap_context(FSP_WRAP_CUT_KEY, info->space_id, 0, context);
    fsp_status_t status = unwrap_secret(self, context, info->wrapped_cut_key, &secret);
    if (status == FSP_OK) {
        space->gear = fsp_gear_new(&secret, &params);
        space->cut_key = secret;
    }
    return status;
}

static void
append(fsp_spaces_t *self, fsp_gateway_space_t *space)
{
    FSP_PRE(self->count < FSP_SPACES_HELD_MAX);
    fsp_gateway_space_t *namesake = fsp_spaces_find(self, fsp_slice_text(space->name));
    if (namesake) /* its name is free again, so it is gone */
        fsp_spaces_retire(self, namesake);
    self->items[self->count++] = space;
}

fsp_status_t
fsp_spaces_take(fsp_spaces_t *self, const fsp_space_info_t *info, fsp_gateway_space_t **ret)
{
    fsp_gateway_space_t *space = fsp_spaces_by_id(self, info->space_id);
    if (space) {
        space->epoch = info->epoch;
        if (info->change_index > space->change)
            space->change = info->change_index;
        *ret = space;
        return FSP_OK;
    }
    fsp_spaces_sweep(self);
    if (self->count == FSP_SPACES_HELD_MAX)
        return FSP_BUSY;
    space = FSP_NEW(fsp_gateway_space_t);
    space->keys = fsp_space_keys_new();
    fsp_status_t status = open_keys(self, info, space);
    if (status != FSP_OK) {
        free_space(space);
        return status;
    }
    memcpy(space->name, info->name.data, info->name.bytes);
    space->space_id = info->space_id;
    space->owner = info->owner;
    space->epoch = info->epoch;
    space->change = info->change_index;
    append(self, space);
    *ret = space;
    return FSP_OK;
}

fsp_gateway_space_t *
fsp_spaces_add(fsp_spaces_t *self, const fsp_gateway_space_t *space)
{
    fsp_gateway_space_t *copy = FSP_NEW(fsp_gateway_space_t);
    *copy = *space;
    append(self, copy);
    return copy;
}

/* -- finding ----------------------------------------------------------------------------------- */

fsp_gateway_space_t *
fsp_spaces_find(fsp_spaces_t *self, fsp_slice_t name)
{
    if (name.bytes == 0)
        return fsp_spaces_home(self);
    for (size_t i = 0; i < self->count; i++) {
        if (!self->items[i]->retired && fsp_slice_eq(name, fsp_slice_text(self->items[i]->name)))
            return self->items[i];
    }
    return NULL;
}

fsp_gateway_space_t *
fsp_spaces_by_id(fsp_spaces_t *self, fsp_space_id_t space_id)
{
    for (size_t i = 0; i < self->count; i++) {
        if (fsp_space_id_eq(self->items[i]->space_id, space_id))
            return self->items[i];
    }
    return NULL;
}

fsp_gateway_space_t *
fsp_spaces_home(fsp_spaces_t *self)
{
    fsp_gateway_space_t *home = fsp_spaces_find(self, fsp_slice_text(FSP_HOME_SPACE));
    for (size_t i = 0; !home && i < self->count; i++) {
        if (!self->items[i]->retired)
            home = self->items[i];
    }
    return home;
}

void
fsp_spaces_retire(fsp_spaces_t *self, fsp_gateway_space_t *space)
{
    (void)self;
    space->retired = true;
}

void
fsp_spaces_sweep(fsp_spaces_t *self)
{
    for (size_t i = 0; i < self->count;) {
        fsp_gateway_space_t *space = self->items[i];
        if (space->retired && space->uses == 0) {
            free_space(space);
            self->items[i] = self->items[--self->count];
        } else {
            i++;
        }
    }
}
