/* SPDX-License-Identifier: MIT */
/* sim_operation - random operations and queries on few names, so that they collide.
   Layer tests. */
#include "core/base/check.h"
#include "core/base/limits.h"
#include "tests/sim/sim_families.h"
#include "tests/sim/sim_operation.h"
#include "tests/sim/sim_operation_parts.h"

#include <stdio.h>

static const char *const paths[SIM_NAMES_MAX] = {"/a",     "/d/a", "/b",   "/d/e/a", "/d/b",
                                                 "/d/e/b", "/c",   "/f/g", "/f/g/h", "/i"};
static const char *const directories[] = {"/d", "/d/e", "/f", "/f/g", "/d/e/x", "/j"};
enum { DIRECTORY_COUNT = sizeof(directories) / sizeof(directories[0]) };

bool
sim_chance(sim_client_t *self, uint64_t percent)
{
    return fsp_prng_below(&self->prng, 100) < percent;
}

uint64_t
sim_below(sim_client_t *self, uint64_t bound)
{
    return fsp_prng_below(&self->prng, bound);
}

static size_t
pick_name(sim_client_t *self)
{
    return (size_t)fsp_prng_below(&self->prng, self->space->config->name_count);
}

fsp_slice_t
sim_pick_directory(sim_client_t *self, char text[64])
{
    snprintf(text, 64, "%s", directories[sim_below(self, DIRECTORY_COUNT)]);
    return fsp_slice_text(text);
}

fsp_slice_t
sim_pick_path(sim_client_t *self, char text[64], size_t *ret_name)
{
    *ret_name = SIM_NAMES_MAX;
    if (!sim_chance(self, 85))
        return sim_pick_directory(self, text);
    *ret_name = pick_name(self);
    snprintf(text, 64, "%s", paths[*ret_name]);
    return fsp_slice_text(text);
}

fsp_file_id_t
sim_new_file_id(sim_client_t *self)
{
    fsp_file_id_t id;
    fsp_prng_fill(&self->prng, id.bytes, sizeof(id.bytes));
    return id;
}

fsp_version_id_t
sim_pick_version(sim_client_t *self, size_t name)
{
    const sim_known_t *known = &self->space->known;
    size_t count = known->version_count < SIM_KNOWN_MAX ? known->version_count : SIM_KNOWN_MAX;
    if (count > 0 && sim_chance(self, 15)) {
        size_t at = sim_below(self, count), step = 0;
        while (name < SIM_NAMES_MAX && step++ < count &&
               !fsp_file_id_eq(known->versions[at].file_id, self->space->names[name].file_id))
            at = (at + 1) % count;
        return known->versions[at].version_id;
    }
    fsp_version_id_t id;
    fsp_prng_fill(&self->prng, id.bytes, sizeof(id.bytes));
    if (name < SIM_NAMES_MAX && self->space->names[name].known && sim_chance(self, 90))
        id = self->space->names[name].version_id;
    return id;
}

fsp_condition_t
sim_pick_condition(sim_client_t *self, size_t name, const fsp_condition_type_t *types, size_t count)
{
    fsp_condition_t condition = {.type = types[fsp_prng_below(&self->prng, count)]};
    if (condition.type == FSP_IF_EDIT || condition.type == FSP_IF_MATCH ||
        condition.type == FSP_IF_MERGE) {
        condition.version_count = 1;
        condition.versions[0] = sim_pick_version(self, name);
    }
    return condition;
}

static fsp_slice_t
make_carrier(const fsp_carrier_t *carrier, uint8_t memory[256])
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, 256);
    fsp_carrier_encode(carrier, &bytes);
    FSP_ASSERT(fsp_buf_ok(&bytes));
    memcpy(memory, bytes.data, bytes.bytes);
    fsp_slice_t result = fsp_slice(memory, bytes.bytes);
    fsp_buf_clear(&bytes);
    return result;
}

static fsp_slice_t
random_carrier(sim_client_t *self)
{
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
    return make_carrier(&carrier, self->carrier);
}

fsp_slice_t
sim_few_carrier(uint8_t number, uint8_t memory[256])
{
    fsp_carrier_t carrier = {.root_kind = FSP_ROOT_CHUNK,
                             .root_key = {{0x77, number}},
                             .sealed_part = fsp_slice_text("sealed")};
    return make_carrier(&carrier, memory);
}

void
sim_make_put(sim_client_t *self, fsp_command_t *command)
{
    static const fsp_condition_type_t types[] = {FSP_IF_REPLACE, FSP_IF_REPLACE,   FSP_IF_REPLACE,
                                                 FSP_IF_EDIT,    FSP_IF_EDIT,      FSP_IF_MATCH,
                                                 FSP_IF_MERGE,   FSP_IF_NONE_MATCH};
    command->type = FSP_COMMAND_PUT;
    command->put.target.path = sim_pick_path(self, self->path, &self->name);
    if (self->name < SIM_NAMES_MAX && self->space->names[self->name].known && sim_chance(self, 20))
        command->put.target = (fsp_target_t){.id = self->space->names[self->name].file_id};
    command->put.kind = FSP_KIND_FILE;
    command->put.condition =
        sim_pick_condition(self, self->name, types, sizeof(types) / sizeof(*types));
    command->put.create_parents = sim_chance(self, 80);
    command->put.ids_seed = sim_new_file_id(self);
    command->put.size = sim_below(self, self->space->config->tight ? 4 : 100);
    command->put.carrier =
        self->space->config->families & SIM_FAMILY_NODE
            ? sim_few_carrier((uint8_t)sim_below(self, SIM_CARRIERS), self->carrier)
            : random_carrier(self);
}

void
sim_make_other(sim_client_t *self, fsp_command_t *command, uint64_t dice)
{
    static const fsp_condition_type_t match[] = {FSP_IF_REPLACE, FSP_IF_REPLACE, FSP_IF_MATCH};
    static const fsp_condition_type_t none_match[] = {FSP_IF_REPLACE, FSP_IF_NONE_MATCH};
    size_t other;
    fsp_slice_t path = sim_pick_path(self, self->path, &self->name);
    fsp_slice_t path_to = sim_pick_path(self, self->path_to, &other);
    if (dice < 20) {
        command->type = FSP_COMMAND_DELETE;
        command->remove.target.path = path;
        command->remove.recursive = sim_chance(self, 50);
        command->remove.condition = sim_pick_condition(self, self->name, match, 3);
    } else if (dice < 40) {
        command->type = FSP_COMMAND_MKDIR;
        command->mkdir.target.path =
            sim_chance(self, 40) ? sim_pick_directory(self, self->path) : path;
        command->mkdir.create_parents = sim_chance(self, 50);
        command->mkdir.exist_ok = sim_chance(self, 50);
        command->mkdir.ids_seed = sim_new_file_id(self);
    } else if (dice < 65) {
        command->type = FSP_COMMAND_MOVE;
        if (sim_chance(self, 25)) { /* directories onto and into each other */
            path = sim_pick_directory(self, self->path);
            self->name = SIM_NAMES_MAX;
            if (sim_chance(self, 70))
                path_to = sim_pick_directory(self, self->path_to);
        }
        command->move.from.path = path;
        command->move.to.path = path_to;
        command->move.create_parents = sim_chance(self, 50);
        command->move.replace = sim_chance(self, 50);
        command->move.ids_seed = sim_new_file_id(self);
        command->move.condition = sim_pick_condition(self, self->name, match, 3);
    } else if (dice < 80) {
        command->type = FSP_COMMAND_RESTORE;
        command->restore.target.path = path;
        command->restore.version_id = sim_pick_version(self, self->name);
        command->restore.condition = sim_pick_condition(self, self->name, match, 3);
    } else {
        command->type = FSP_COMMAND_COPY;
        command->copy.from.path = path;
        command->copy.to.path = path_to;
        command->copy.create_parents = sim_chance(self, 50);
        command->copy.condition = sim_pick_condition(self, self->name, none_match, 2);
        command->copy.ids_seed = sim_new_file_id(self);
    }
}

static void
make_space(sim_client_t *self, fsp_command_t *command)
{
    command->type = FSP_COMMAND_SPACE_INIT;
    command->space_init.name = fsp_slice_text("home");
    command->space_init.owner = self->space->subject;
    command->space_init.root_id = sim_new_file_id(self);
    command->space_init.trash_id = sim_new_file_id(self);
    self->space->known.root_id = command->space_init.root_id;
    self->space->known.trash_id = command->space_init.trash_id;
    command->space_init.quota_bytes = sim_chance(self, 30) ? 2000 : 0;
    command->space_init.chunk_bytes_min = FSP_CHUNK_BYTES_MIN;
    command->space_init.chunk_bytes_avg = FSP_CHUNK_BYTES_AVG;
    command->space_init.chunk_bytes_max = FSP_CHUNK_BYTES_MAX;
    command->space_init.key_count = 1;
    command->space_init.keys[0] =
        (fsp_wrapped_key_t){.generation = 1, .wrapped = fsp_slice_text("wrapped key")};
    command->space_init.wrapped_cut_key = fsp_slice_text("wrapped cut key");
}

/* Mostly what cannot be: nothing changes, and each refusal is an answer that is kept. */
static void
make_refused(sim_client_t *self, fsp_command_t *command)
{
    sim_make_other(self, command, 70);
    command->restore.target.path = fsp_slice_text("/nowhere");
    self->name = SIM_NAMES_MAX;
}

/* An operation that its client says it first sent long ago, or under the id of another one. */
static void
make_old(sim_client_t *self, fsp_command_t *command)
{
    uint32_t old_in = self->space->config->old_in;
    if (old_in == 0 || sim_below(self, old_in) != 0)
        return;
    if (self->has_earlier && sim_chance(self, 40)) {
        self->reuses = true;
        command->op_id = self->earlier.op_id;
        command->since = self->earlier.since;
        command->subject = self->earlier.subject;
        return;
    }
    uint64_t most = self->space->floor < 40 ? self->space->floor : 40;
    command->since = self->space->floor - sim_below(self, most + 1);
}

void
sim_operation_make(sim_client_t *self)
{
    const sim_config_t *config = self->space->config;
    fsp_command_t *command = &self->command;
    memset(command, 0, sizeof(*command));
    self->name = SIM_NAMES_MAX;
    self->reuses = false;
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
    if (config->stubborn && sim_chance(self, 92))
        make_refused(self, command);
    else if (sim_families_wanted(self))
        sim_families_make(self, command);
    else if (sim_chance(self, 55))
        sim_make_put(self, command);
    else
        sim_make_other(self, command, sim_below(self, 100));
    sim_families_dress(self, command);
    if (!sim_command_judged_anew(command->type))
        make_old(self, command);
}

void
sim_operation_make_query(sim_client_t *self)
{
    fsp_query_t query = {
        .space_id = self->space->space_id,
        .subject = self->space->subject,
        .limit = 1 + (uint32_t)sim_below(self, 20),
    };
    size_t name;
    fsp_slice_t path = sim_pick_path(self, self->path, &name);
    switch (sim_below(self, 5)) {
    case 0:
        query.type = FSP_QUERY_RESOLVE;
        query.target.path = path;
        break;
    case 1:
        query.type = FSP_QUERY_LIST;
        query.target.path = fsp_slice_text(sim_chance(self, 50) ? "/" : "/d");
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
        query.after_index = sim_below(self, self->space->floor + 1);
    }
    sim_families_make_query(self, &query);
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
