/* SPDX-License-Identifier: MIT */
/* sim_operation - random operations and queries on few names, so that they collide.
   Layer tests. */
#include "core/base/check.h"
#include "core/base/limits.h"
#include "tests/sim/sim_operation.h"

#include <stdio.h>

static const char *const paths[SIM_NAMES_MAX] = {"/a",     "/d/a", "/b",   "/d/e/a", "/d/b",
                                                 "/d/e/b", "/c",   "/f/g", "/f/g/h", "/i"};
static const char *const directories[] = {"/d", "/d/e", "/f", "/f/g", "/d/e/x", "/j"};
enum { DIRECTORY_COUNT = sizeof(directories) / sizeof(directories[0]) };

static bool
chance(sim_client_t *self, uint64_t percent)
{
    return fsp_prng_below(&self->prng, 100) < percent;
}

static size_t
pick_name(sim_client_t *self)
{
    return (size_t)fsp_prng_below(&self->prng, self->space->config->name_count);
}

/* A file mostly, now and then a directory. */
static fsp_slice_t
pick_path(sim_client_t *self, char *text, size_t text_bytes, size_t *ret_name)
{
    *ret_name = SIM_NAMES_MAX;
    const char *path = directories[fsp_prng_below(&self->prng, DIRECTORY_COUNT)];
    if (chance(self, 85)) {
        *ret_name = pick_name(self);
        path = paths[*ret_name];
    }
    snprintf(text, text_bytes, "%s", path);
    return fsp_slice_text(text);
}

static fsp_file_id_t
random_file_id(sim_client_t *self)
{
    fsp_file_id_t id;
    fsp_prng_fill(&self->prng, id.bytes, sizeof(id.bytes));
    return id;
}

/* Version known of a name; a made-up one now and then, or if none is known. */
static fsp_version_id_t
pick_version(sim_client_t *self, size_t name)
{
    fsp_version_id_t id;
    fsp_prng_fill(&self->prng, id.bytes, sizeof(id.bytes));
    if (name < SIM_NAMES_MAX && self->space->names[name].known && chance(self, 90))
        id = self->space->names[name].version_id;
    return id;
}

static fsp_condition_t
pick_condition(sim_client_t *self, size_t name, const fsp_condition_type_t *types, size_t count)
{
    fsp_condition_t condition = {.type = types[fsp_prng_below(&self->prng, count)]};
    if (condition.type == FSP_IF_EDIT || condition.type == FSP_IF_MATCH ||
        condition.type == FSP_IF_MERGE) {
        condition.version_count = 1;
        condition.versions[0] = pick_version(self, name);
    }
    return condition;
}

static void
make_put(sim_client_t *self, fsp_command_t *command)
{
    static const fsp_condition_type_t types[] = {FSP_IF_REPLACE, FSP_IF_REPLACE,   FSP_IF_REPLACE,
                                                 FSP_IF_EDIT,    FSP_IF_EDIT,      FSP_IF_MATCH,
                                                 FSP_IF_MERGE,   FSP_IF_NONE_MATCH};
    command->type = FSP_COMMAND_PUT;
    command->put.target.path = pick_path(self, self->path, sizeof(self->path), &self->name);
    if (self->name < SIM_NAMES_MAX && self->space->names[self->name].known && chance(self, 20))
        command->put.target = (fsp_target_t){.id = self->space->names[self->name].file_id};
    command->put.kind = FSP_KIND_FILE;
    command->put.condition =
        pick_condition(self, self->name, types, sizeof(types) / sizeof(*types));
    command->put.create_parents = chance(self, 80);
    command->put.ids_seed = random_file_id(self);
    command->put.size = fsp_prng_below(&self->prng, 100);
    uint8_t object[40];
    uint8_t sealed[30];
    fsp_prng_fill(&self->prng, object, sizeof(object));
    fsp_prng_fill(&self->prng, sealed, sizeof(sealed));
    fsp_carrier_t carrier = {
        .root_kind = FSP_ROOT_INLINE,
        .inline_object = fsp_slice(object, sizeof(object)),
        .sealed_part = fsp_slice(sealed, sizeof(sealed)),
    };
    fsp_prng_fill(&self->prng, carrier.root_key.bytes, sizeof(carrier.root_key.bytes));
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, sizeof(self->carrier));
    fsp_carrier_encode(&carrier, &bytes);
    FSP_ASSERT(fsp_buf_ok(&bytes));
    memcpy(self->carrier, bytes.data, bytes.bytes);
    command->put.carrier = fsp_slice(self->carrier, bytes.bytes);
    fsp_buf_clear(&bytes);
}

static void
make_other(sim_client_t *self, fsp_command_t *command, uint64_t dice)
{
    static const fsp_condition_type_t match[] = {FSP_IF_REPLACE, FSP_IF_REPLACE, FSP_IF_MATCH};
    static const fsp_condition_type_t none_match[] = {FSP_IF_REPLACE, FSP_IF_NONE_MATCH};
    size_t other;
    fsp_slice_t path = pick_path(self, self->path, sizeof(self->path), &self->name);
    fsp_slice_t path_to = pick_path(self, self->path_to, sizeof(self->path_to), &other);
    if (dice < 20) {
        command->type = FSP_COMMAND_DELETE;
        command->remove.target.path = path;
        command->remove.recursive = chance(self, 50);
        command->remove.condition = pick_condition(self, self->name, match, 3);
    } else if (dice < 40) {
        command->type = FSP_COMMAND_MKDIR;
        command->mkdir.target.path = path;
        command->mkdir.create_parents = chance(self, 50);
        command->mkdir.exist_ok = chance(self, 50);
        command->mkdir.ids_seed = random_file_id(self);
    } else if (dice < 65) {
        command->type = FSP_COMMAND_MOVE;
        command->move.from.path = path;
        command->move.to.path = path_to;
        command->move.create_parents = chance(self, 50);
        command->move.replace = chance(self, 50);
        command->move.ids_seed = random_file_id(self);
        command->move.condition = pick_condition(self, self->name, match, 3);
    } else if (dice < 80) {
        command->type = FSP_COMMAND_RESTORE;
        command->restore.target.path = path;
        command->restore.version_id = pick_version(self, self->name);
        command->restore.condition = pick_condition(self, self->name, match, 3);
    } else {
        command->type = FSP_COMMAND_COPY;
        command->copy.from.path = path;
        command->copy.to.path = path_to;
        command->copy.create_parents = chance(self, 50);
        command->copy.condition = pick_condition(self, self->name, none_match, 2);
        command->copy.ids_seed = random_file_id(self);
    }
}

static void
make_space(sim_client_t *self, fsp_command_t *command)
{
    command->type = FSP_COMMAND_SPACE_INIT;
    command->space_init.name = fsp_slice_text("home");
    command->space_init.owner = self->space->subject;
    command->space_init.root_id = random_file_id(self);
    command->space_init.trash_id = random_file_id(self);
    command->space_init.quota_bytes = chance(self, 30) ? 2000 : 0;
    command->space_init.chunk_bytes_min = FSP_CHUNK_BYTES_MIN;
    command->space_init.chunk_bytes_avg = FSP_CHUNK_BYTES_AVG;
    command->space_init.chunk_bytes_max = FSP_CHUNK_BYTES_MAX;
    command->space_init.key_count = 1;
    command->space_init.keys[0] =
        (fsp_wrapped_key_t){.generation = 1, .wrapped = fsp_slice_text("wrapped key")};
    command->space_init.wrapped_cut_key = fsp_slice_text("wrapped cut key");
}

void
sim_operation_make(sim_client_t *self)
{
    fsp_command_t *command = &self->command;
    memset(command, 0, sizeof(*command));
    self->name = SIM_NAMES_MAX;
    command->version = FSP_COMMAND_VERSION;
    command->space_id = self->space->space_id;
    command->subject = self->space->subject;
    fsp_prng_fill(&self->prng, command->op_id.bytes, sizeof(command->op_id.bytes));
    fsp_prng_fill(&self->prng, command->request_digest.bytes,
                  sizeof(command->request_digest.bytes));
    command->attempt = 1;
    command->since = self->space->floor;
    if (!self->space->space_made) {
        make_space(self, command);
        return;
    }
    if (chance(self, 55))
        make_put(self, command);
    else
        make_other(self, command, fsp_prng_below(&self->prng, 100));
}

void
sim_operation_make_query(sim_client_t *self)
{
    fsp_query_t query = {
        .space_id = self->space->space_id,
        .subject = self->space->subject,
        .limit = 1 + (uint32_t)fsp_prng_below(&self->prng, 20),
    };
    size_t name;
    fsp_slice_t path = pick_path(self, self->path, sizeof(self->path), &name);
    switch (fsp_prng_below(&self->prng, 5)) {
    case 0:
        query.type = FSP_QUERY_RESOLVE;
        query.target.path = path;
        break;
    case 1:
        query.type = FSP_QUERY_LIST;
        query.target.path = fsp_slice_text(chance(self, 50) ? "/" : "/d");
        break;
    case 2:
        query.type = FSP_QUERY_VERSIONS;
        query.target.path = path;
        break;
    case 3:
        query.type = FSP_QUERY_SPACES;
        query.space_id = (fsp_space_id_t){0};
        break;
    default:
        query.type = FSP_QUERY_CHANGES;
        query.after_index = fsp_prng_below(&self->prng, self->space->floor + 1);
    }
    fsp_buf_reset(&self->query);
    fsp_query_encode(&query, &self->query);
    FSP_ASSERT(fsp_buf_ok(&self->query));
}

void
sim_operation_watch(sim_space_t *space, sim_oracle_t *oracle)
{
    static const char *const listed[] = {"/", "/d"};
    for (size_t i = 0; i < space->config->name_count; i++)
        sim_oracle_watch(oracle, space->space_id, space->subject, paths[i],
                         sim_history_path(&space->history, paths[i]), false);
    for (size_t i = 0; i < DIRECTORY_COUNT; i++)
        sim_oracle_watch(oracle, space->space_id, space->subject, directories[i],
                         sim_history_path(&space->history, directories[i]), false);
    for (size_t i = 0; i < 2 && space->config->lists; i++)
        sim_oracle_watch(oracle, space->space_id, space->subject, listed[i],
                         sim_history_path(&space->history, listed[i]), true);
}
