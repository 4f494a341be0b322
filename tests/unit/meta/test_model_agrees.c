/* SPDX-License-Identifier: MIT */
/* test_model_agrees - the machine and the model of tests/sim answer alike, whatever comes.  Tests.
 *
 * Few names, so that commands meet.  FSP_SEED picks the first seed, FSP_SEEDS how many,
 * FSP_COMMANDS the length of each history; FSP_TRACE=1 prints every command and its answer.
 */
#include "core/base/prng.h"
#include "tests/sim/model.h"
#include "tests/unit/meta/meta_world.h"

enum { RECENT = 32, SPACES = 3 };
typedef enum { HISTORY = 1, NODE = 2, ACCESS = 4 } family_t;
static const fsp_time_t day_us = 86400ull * 1000000;

typedef struct {
    world_t world;
    model_t *model;
    fsp_prng_t prng;
    uint64_t seed;
    bool trace;
    /* Swarm: each seed leans to one side or another, where the mean of all would never come. */
    uint64_t names, depth;  /* of paths: how many to choose from, how deep */
    uint64_t deep_in;       /* one path in so many is deep */
    uint64_t by_id_in;      /* one target in so many is an id */
    uint64_t parents_in;    /* one command in so many makes parents */
    uint64_t edits_percent; /* of conditions */
    bool siblings;          /* one file, many heads */
    unsigned families;      /* of level 2 that this seed uses, bits of family_t; 0: level 1 */
    uint64_t jump_in;       /* log time jumps once in so many entries; 0: never */
    fsp_subject_id_t group;
    bool links_made;
    uint64_t token; /* of the last lease, and its file */
    fsp_file_id_t locked;
    uint64_t offset;           /* of some upload, as far as it was told */
    fsp_file_id_t ids[RECENT]; /* what was touched lately */
    fsp_version_id_t versions[RECENT];
    fsp_command_t *command;
    fsp_command_t *before; /* the command to be sent again */
    fsp_slice_t result;    /* bytes of the last result */
    fsp_buf_t result_bytes, carrier;
    fsp_buf_t list, batch; /* of bodies */
    uint8_t paths[2][FSP_PATH_BYTES_MAX];
    uint64_t statuses[128];
} agree_t;

static uint64_t
setting(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value ? strtoull(value, NULL, 10) : otherwise;
}

static uint64_t
below(agree_t *self, uint64_t bound)
{
    return fsp_prng_below(&self->prng, bound);
}

static bool
once_in(agree_t *self, uint64_t n)
{
    return below(self, n) == 0;
}

static fsp_slice_t
some_path(agree_t *self, size_t slot)
{
    static const char *const names[] = {"/a", "/b", "/c", "/d", "/\xc3\xa4"};
    uint8_t *path = self->paths[slot];
    size_t at = 0, depth = 1 + below(self, self->depth);
    if (once_in(self, 60))
        return text("/");
    bool deep = once_in(self, self->deep_in), wide = once_in(self, 2 * self->deep_in);
    if (deep)
        depth = 20 + below(self, 45);
    for (size_t i = 0; i < depth; i++) {
        const char *name = names[below(self, self->names)];
        if (deep && !once_in(self, 50)) /* two towers, to be put on each other */
            name = names[slot];
        if (wide && at + 256 <= FSP_PATH_BYTES_MAX) {
            path[at] = '/';
            memset(path + at + 1, 'w', 255);
            at += 256;
        } else if (at + strlen(name) <= FSP_PATH_BYTES_MAX) {
            memcpy(path + at, name, strlen(name));
            at += strlen(name);
        }
    }
    return fsp_slice(path, at);
}

static fsp_target_t
some_target(agree_t *self)
{
    if (once_in(self, 60))
        return by_id(once_in(self, 2) ? self->world.trash_id : self->world.root_id);
    if (once_in(self, 60))
        return by_id(file_id(77));
    fsp_file_id_t id = self->ids[below(self, RECENT)];
    if (once_in(self, self->by_id_in) && !fsp_file_id_is_zero(id))
        return by_id(id);
    return (fsp_target_t){.path = some_path(self, 0)};
}

static fsp_version_id_t
some_version(agree_t *self)
{
    fsp_version_id_t id = self->versions[below(self, RECENT)];
    if (fsp_version_id_is_zero(id) || once_in(self, 30))
        id.bytes[below(self, 32)] ^= 1;
    return id;
}

static fsp_condition_t
some_condition(agree_t *self, unsigned allowed)
{
    fsp_condition_t result = {.type = FSP_IF_REPLACE};
    if (below(self, 100) < self->edits_percent)
        result.type = (fsp_condition_type_t)(2 + below(self, 4));
    if (self->siblings)
        result.type = once_in(self, 20) ? FSP_IF_NONE_MATCH : FSP_IF_EDIT;
    if (!(allowed & 1u << result.type) && !once_in(self, 100))
        result.type = FSP_IF_REPLACE;
    if (result.type == FSP_IF_EDIT || result.type == FSP_IF_MATCH)
        result.version_count = 1;
    if (result.type == FSP_IF_MERGE)
        result.version_count = 1 + below(self, 3);
    for (size_t i = 0; i < result.version_count; i++)
        result.versions[i] = some_version(self);
    return result;
}

static uint64_t
some_size(agree_t *self)
{
    return once_in(self, self->siblings ? 1000 : 30) ? INT64_MAX - below(self, 2)
                                                     : below(self, 1000);
}

enum { ANY = 62, REPLACE_OR_MATCH = 1 << FSP_IF_REPLACE | 1 << FSP_IF_MATCH };

static fsp_upload_id_t
some_upload(agree_t *self)
{
    return (fsp_upload_id_t){{0xaa, (uint8_t)below(self, 3)}};
}

static fsp_time_t
some_time(agree_t *self)
{
    fsp_time_t now = self->world.time;
    switch (below(self, 5)) {
    case 0:
        return 0;
    case 1:
        return now - below(self, now < 5000 ? now : 5000);
    case 2:
        return now + below(self, 40 * day_us);
    default:
        return now + below(self, 5000);
    }
}

/* From the trash directory. */
static fsp_target_t
some_item(agree_t *self)
{
    if (once_in(self, 2))
        return some_target(self);
    int used = snprintf((char *)self->paths[0], sizeof(self->paths[0]), "/%020d",
                        (int)below(self, self->world.result.index + 2));
    if (once_in(self, 6))
        used += snprintf((char *)self->paths[0] + used, 32, "/a");
    return (fsp_target_t){.path = fsp_slice(self->paths[0], (size_t)used)};
}

static void
fill_history(agree_t *self, fsp_command_t *command)
{
    fsp_history_body_t *body = &command->history;
    switch (command->type) {
    case FSP_COMMAND_UNDELETE:
        body->target = some_item(self);
        if (once_in(self, 2))
            body->to.path = some_path(self, 1);
        body->create_parents = once_in(self, self->parents_in);
        body->ids_seed = next_seed(&self->world);
        break;
    case FSP_COMMAND_PRUNE:
        body->given = below(self, 3);
        if (!body->given)
            break;
        body->target = some_target(self);
        for (size_t i = 1 + below(self, 3); i > 0; i--) {
            fsp_version_id_t id = some_version(self);
            fsp_buf_append_slice(&self->list, FSP_SLICE_OF(id));
        }
        body->versions = fsp_buf_slice(&self->list);
        break;
    case FSP_COMMAND_PURGE:
        body->given = below(self, 3);
        body->person = below(self, 4);
        if (body->given)
            body->target = some_item(self);
        else if (below(self, 4))
            body->before = once_in(self, 2) ? UINT64_MAX : some_time(self);
        if (!body->given && once_in(self, 4))
            body->after = text("00000000000000000020");
        break;
    case FSP_COMMAND_RETENTION:
        body->retention = (fsp_retention_t){.keep_last = below(self, 3),
                                            .all_days = below(self, 3),
                                            .daily = below(self, 3),
                                            .weekly = below(self, 3),
                                            .monthly = below(self, 3),
                                            .past_days = below(self, 3)};
        if (once_in(self, 2))
            body->retention = (fsp_retention_t){.keep_last = 1 + below(self, 3)};
        break;
    default:
        body->target = some_target(self);
        body->legal_hold = once_in(self, 3);
        body->worm_until = once_in(self, 3) ? some_time(self) : 0;
        break;
    }
}

static void
fill_upload(agree_t *self, fsp_command_t *command)
{
    fsp_node_body_t *body = &command->node;
    if (command->type == FSP_COMMAND_UPLOAD_OPEN) {
        body->upload_open.id = some_upload(self);
        body->upload_open.target = some_target(self);
        body->upload_open.condition = some_condition(self, 62);
        body->upload_open.size = once_in(self, 2) ? 0 : below(self, 600);
        body->upload_open.duration = FSP_LEASE_US_MIN + below(self, day_us);
    } else if (command->type == FSP_COMMAND_UPLOAD_ABORT) {
        body->upload_abort.id = some_upload(self);
    } else {
        body->upload_append.id = some_upload(self);
        body->upload_append.offset = once_in(self, 4) ? 100 * below(self, 6) : self->offset;
        body->upload_append.keep = 100 * below(self, 3 + self->offset / 100);
        if (once_in(self, 2))
            body->upload_append.keep = self->offset;
        for (size_t i = below(self, 4); i > 0; i--) {
            fsp_upload_root_t root = {.kind = FSP_ROOT_CHUNK, .key = {{7}}, .bytes = 100};
            fsp_upload_root_write(&root, &self->list);
            body->upload_append.root_count++;
            body->upload_append.root_bytes += root.bytes;
        }
        body->upload_append.roots = fsp_buf_slice(&self->list);
        if (once_in(self, 3)) {
            body->upload_append.tail.bytes[0] = 9;
            body->upload_append.tail_bytes = 100;
        }
        body->upload_append.midstate = text("state");
    }
}

/* The token of the last lease, or another number. */
static uint64_t
some_token(agree_t *self)
{
    return self->token && below(self, 4) ? self->token
                                         : 1 + below(self, self->world.result.index + 1);
}

static void
fill_node(agree_t *self, fsp_command_t *command)
{
    fsp_node_body_t *body = &command->node;
    switch (command->type) {
    case FSP_COMMAND_ATTR:
        body->attr.target = some_target(self);
        body->attr.attr = text(once_in(self, 2) ? "attr" : once_in(self, 2) ? "" : "other");
        body->attr.condition = some_condition(self, 1u << FSP_IF_REPLACE | 1u << FSP_IF_MATCH);
        break;
    case FSP_COMMAND_RMDIR:
        body->rmdir.target = some_target(self);
        break;
    case FSP_COMMAND_LOCK:
    case FSP_COMMAND_RENEW:
    case FSP_COMMAND_UNLOCK:
        body->lease.target = some_target(self);
        body->lease.duration = FSP_LEASE_US_MIN + (once_in(self, 2) ? 0 : below(self, 20 * day_us));
        body->lease.force = command->type == FSP_COMMAND_UNLOCK && once_in(self, 3);
        body->lease.token = body->lease.force ? 0 : some_token(self);
        if (body->lease.token == self->token)
            body->lease.target = by_id(self->locked);
        break;
    case FSP_COMMAND_QUOTA:
        body->quota.bytes = once_in(self, 2) ? 0 : below(self, 40000);
        break;
    case FSP_COMMAND_REKEY: {
        body->rekey.version_id = some_version(self);
        const char *contents[] = {"one", "two", "three"};
        body->rekey.carrier = carrier_of(contents[below(self, 3)], &self->carrier);
        fsp_buf_t present;
        body->rekey.present = fsp_sha256(carrier_of(contents[below(self, 3)], &present));
        fsp_buf_clear(&present);
        break;
    }
    default:
        fill_upload(self, command);
        break;
    }
}

static void
fill_access(agree_t *self, fsp_command_t *command)
{
    fsp_access_body_t *body = &command->access;
    fsp_link_id_t link_id = {{0x11, (uint8_t)below(self, 3)}};
    body->link_id = link_id;
    switch (command->type) {
    case FSP_COMMAND_RULES:
        body->target = some_target(self);
        body->inherit = below(self, 4);
        body->rule_count = below(self, 3);
        body->rules[0].id = self->group;
        body->rules[1].id = subject_id(2 + (uint8_t)below(self, 2));
        for (size_t i = 0; i < 2; i++)
            body->rules[i].rights = 1 + (uint32_t)below(self, FSP_RIGHTS_ALL);
        break;
    case FSP_COMMAND_LINK_MAKE:
        self->links_made = true;
        body->target = some_target(self);
        body->rights = 1 + (uint32_t)below(self, 7);
        body->expiry = some_time(self);
        body->uses_max = below(self, 3);
        body->password = text(once_in(self, 2) ? "" : "password");
        break;
    case FSP_COMMAND_SPACE_STATE:
        body->value = once_in(self, 20);
        body->detail = body->value ? 1 + below(self, 3) : 0;
        break;
    case FSP_COMMAND_GC_OPEN:
        body->value = 1 + below(self, 4);
        body->detail = below(self, 4);
        break;
    case FSP_COMMAND_GC_CLOSE:
        body->value = 1 + below(self, 4);
        break;
    case FSP_COMMAND_SUBJECT_FLOOR:
        body->value = below(self, 2);
        break;
    case FSP_COMMAND_TIME_CONFIRM:
        body->value = self->world.time - below(self, 2);
        break;
    case FSP_COMMAND_LEVEL_RAISE:
        body->value = 1 + below(self, 2);
        break;
    default:
        break;
    }
}

static void
fill_body(agree_t *self, fsp_command_t *command)
{
    fsp_file_id_t seed = next_seed(&self->world);
    /* A taken id; at level 2 one that never goes: gateways do not choose an id twice, and what the
       past says of a name whose node has gone and come again is not specified. */
    if (once_in(self, 60))
        seed = self->families ? self->world.root_id : self->ids[below(self, RECENT)];
    bool create = once_in(self, self->parents_in);
    switch (command->type) {
    case FSP_COMMAND_SPACE_INIT:
        command->space_init = space_init_command(&self->world).space_init;
        command->space_init.name = text(once_in(self, 2) ? "home" : "other");
        break;
    case FSP_COMMAND_PUT:
        command->put.target = some_target(self);
        command->put.kind = self->siblings || below(self, 8) ? FSP_KIND_FILE : FSP_KIND_SYMLINK;
        command->put.condition = some_condition(self, ANY);
        command->put.create_parents = create;
        command->put.ids_seed = seed;
        command->put.size = command->put.kind == FSP_KIND_FILE ? some_size(self) : 7;
        command->put.carrier = carrier_of(once_in(self, 2) ? "one" : "two", &self->carrier);
        command->put.attr = below(self, 2) ? text("attr") : text("");
        break;
    case FSP_COMMAND_DELETE:
        command->remove.target = some_target(self);
        command->remove.recursive = below(self, 2);
        command->remove.condition = some_condition(self, REPLACE_OR_MATCH);
        break;
    case FSP_COMMAND_MKDIR:
        command->mkdir.target.path = some_path(self, 0);
        command->mkdir.create_parents = create;
        command->mkdir.exist_ok = below(self, 2);
        command->mkdir.ids_seed = seed;
        command->mkdir.attr = below(self, 2) ? text("directory") : text("");
        break;
    case FSP_COMMAND_MOVE:
        command->move.from = some_target(self);
        command->move.to.path = some_path(self, 1);
        command->move.create_parents = create;
        command->move.replace = below(self, 2);
        command->move.ids_seed = seed;
        command->move.condition = some_condition(self, REPLACE_OR_MATCH);
        break;
    case FSP_COMMAND_RESTORE:
        command->restore.target = some_target(self);
        command->restore.version_id = some_version(self);
        command->restore.condition = some_condition(self, REPLACE_OR_MATCH);
        break;
    case FSP_COMMAND_COPY:
        command->copy.from = some_target(self);
        if (once_in(self, 3))
            command->copy.version_id = some_version(self);
        command->copy.to.path = some_path(self, 1);
        command->copy.create_parents = create;
        command->copy.condition =
            some_condition(self, 1u << FSP_IF_REPLACE | 1u << FSP_IF_NONE_MATCH);
        command->copy.ids_seed = seed;
        break;
    default:
        if (fsp_command_family(command->type) == FSP_FAMILY_HISTORY)
            fill_history(self, command);
        else if (fsp_command_family(command->type) == FSP_FAMILY_NODE)
            fill_node(self, command);
        else
            fill_access(self, command);
        break;
    }
}

/* What a PUT of version 2 says more. */
static void
fill_put_2(agree_t *self, fsp_command_t *command)
{
    command->version = 2;
    if (once_in(self, 4))
        command->put.lease_token = some_token(self);
    if (command->put.lease_token && command->put.lease_token == self->token)
        command->put.target = by_id(self->locked);
    if (once_in(self, 4))
        command->put.revive = true;
    if (once_in(self, 4))
        command->put.upload_id = some_upload(self);
    if (once_in(self, 3))
        command->put.size = 100 * below(self, 6);
    if (once_in(self, 6))
        command->put.bases[command->put.base_count++] = some_version(self);
}

static void
fill_batch(agree_t *self, fsp_command_t *command)
{
    static const fsp_command_type_t types[] = {
        FSP_COMMAND_PUT,      FSP_COMMAND_PUT,  FSP_COMMAND_DELETE, FSP_COMMAND_MKDIR,
        FSP_COMMAND_MOVE,     FSP_COMMAND_COPY, FSP_COMMAND_ATTR,   FSP_COMMAND_RMDIR,
        FSP_COMMAND_UNDELETE, FSP_COMMAND_LOCK, FSP_COMMAND_UNLOCK, FSP_COMMAND_RESTORE};
    fsp_command_t *item = FSP_NEW(fsp_command_t);
    fsp_buf_reset(&self->batch);
    for (size_t i = 1 + below(self, 3); i > 0; i--) {
        *item = (fsp_command_t){.type = types[below(self, 12)], .version = 1};
        fill_body(self, item);
        self->world.last_op++; /* another seed */
        if (item->type == FSP_COMMAND_PUT && once_in(self, 2))
            fill_put_2(self, item);
        fsp_batch_add(item, &self->batch);
        command->node.batch.count++;
        fsp_buf_clear(&self->carrier);
    }
    command->node.batch.items = fsp_buf_slice(&self->batch);
    fsp_free(item);
}

/* Groups, what a token leaves, a share link. */
static void
fill_asker(agree_t *self, fsp_asker_t *asker)
{
    if (once_in(self, 3)) {
        asker->group_count = 1;
        asker->groups[0] = self->group;
    }
    if (once_in(self, 10))
        asker->withheld = (uint32_t)below(self, FSP_RIGHTS_ALL + 1);
    if (self->links_made && once_in(self, 8))
        asker->link_id = (fsp_link_id_t){{0x11, (uint8_t)below(self, 3)}};
}

static fsp_command_type_t
some_type_of_level_2(agree_t *self)
{
    static const fsp_command_type_t history[] = {
        FSP_COMMAND_UNDELETE, FSP_COMMAND_UNDELETE,  FSP_COMMAND_PRUNE, FSP_COMMAND_PRUNE,
        FSP_COMMAND_PURGE,    FSP_COMMAND_RETENTION, FSP_COMMAND_HOLD};
    static const fsp_command_type_t node[] = {
        FSP_COMMAND_ATTR,          FSP_COMMAND_RMDIR,        FSP_COMMAND_LOCK,
        FSP_COMMAND_LOCK,          FSP_COMMAND_RENEW,        FSP_COMMAND_UNLOCK,
        FSP_COMMAND_BATCH,         FSP_COMMAND_BATCH,        FSP_COMMAND_BATCH,
        FSP_COMMAND_BATCH,         FSP_COMMAND_UPLOAD_OPEN,  FSP_COMMAND_UPLOAD_APPEND,
        FSP_COMMAND_UPLOAD_APPEND, FSP_COMMAND_UPLOAD_ABORT, FSP_COMMAND_QUOTA,
        FSP_COMMAND_REKEY};
    static const fsp_command_type_t access[] = {
        FSP_COMMAND_RULES,         FSP_COMMAND_RULES,        FSP_COMMAND_RULES,
        FSP_COMMAND_LINK_MAKE,     FSP_COMMAND_LINK_DROP,    FSP_COMMAND_LINK_USE,
        FSP_COMMAND_SPACE_STATE,   FSP_COMMAND_GC_OPEN,      FSP_COMMAND_GC_CLOSE,
        FSP_COMMAND_SUBJECT_FLOOR, FSP_COMMAND_TIME_CONFIRM, FSP_COMMAND_LEVEL_RAISE};
    unsigned family = 1u << below(self, 3);
    while (!(family & self->families))
        family = 1u << below(self, 3);
    if (family == HISTORY)
        return history[below(self, sizeof(history) / sizeof(history[0]))];
    if (family == NODE)
        return node[below(self, sizeof(node) / sizeof(node[0]))];
    return access[below(self, sizeof(access) / sizeof(access[0]))];
}

static void
fill_head(agree_t *self, fsp_command_t *command)
{
    if (once_in(self, self->families ? 3 : 40))
        command->subject = subject_id(2 + (uint8_t)below(self, 2));
    if (once_in(self, 40))
        command->space_id.bytes[1] = (uint8_t)(1 + below(self, SPACES));
    if (once_in(self, 100))
        command->version = (uint32_t)below(self, 4);
    command->epoch = once_in(self, 20) ? below(self, 6) : 9;
    command->layout_version = once_in(self, 20) ? below(self, 4) : 9;
    command->system_index = once_in(self, 20) ? 0 : 1;
    command->attempt = 1 + (uint32_t)below(self, 2);
    command->since = once_in(self, 2) ? 0 : below(self, 100);
}

/* A new command, or the one before again, more or less. */
static void
some_command(agree_t *self)
{
    static const fsp_command_type_t types[] = {
        FSP_COMMAND_PUT,   FSP_COMMAND_PUT,    FSP_COMMAND_PUT,  FSP_COMMAND_PUT,
        FSP_COMMAND_MKDIR, FSP_COMMAND_MOVE,   FSP_COMMAND_MOVE, FSP_COMMAND_DELETE,
        FSP_COMMAND_COPY,  FSP_COMMAND_RESTORE};
    fsp_command_t *command = self->command;
    if (self->before->type && once_in(self, 12)) {
        *command = *self->before;
        command->attempt += (uint32_t)below(self, 2);
        if (once_in(self, 4))
            command->request_digest.bytes[0] ^= 1;
        if (once_in(self, 4))
            command->subject = subject_id(2);
        if (once_in(self, 4))
            fill_body(self, command);
        return;
    }
    *command = new_command(&self->world, types[below(self, 10)]);
    if (self->siblings && !once_in(self, 300))
        command->type = FSP_COMMAND_PUT;
    else if (once_in(self, 40))
        command->type = FSP_COMMAND_SPACE_INIT;
    else if (self->families && once_in(self, 3))
        command->type = some_type_of_level_2(self);
    fill_head(self, command);
    if (command->type == FSP_COMMAND_BATCH)
        fill_batch(self, command);
    else
        fill_body(self, command);
    if (command->type == FSP_COMMAND_PUT && (self->families & NODE) && once_in(self, 2))
        fill_put_2(self, command);
    if (self->families & ACCESS)
        fill_asker(self, &command->asker);
    if (command->type == FSP_COMMAND_LINK_USE && once_in(self, 2))
        command->asker.link_id = (fsp_link_id_t){{0x11, (uint8_t)below(self, 3)}};
    if (command->type == FSP_COMMAND_BATCH && once_in(self, 2))
        command->subject = self->world.owner;
    if (command->type >= FSP_COMMAND_SUBJECT_FLOOR && command->type < FSP_COMMAND_ACCESS_END &&
        !once_in(self, 10))
        command->subject = (fsp_subject_id_t){{0}};
    if (fsp_command_is_shard_wide(command->type))
        command->space_id = (fsp_space_id_t){{0}};
}

static void
damage(agree_t *self, fsp_buf_t *bytes)
{
    size_t place = (size_t)below(self, bytes->bytes);
    if (once_in(self, 3))
        bytes->bytes = place + 1;
    else if (once_in(self, 2))
        fsp_buf_append_u8(bytes, 0);
    else
        bytes->data[place] ^= (uint8_t)(1u << below(self, 8));
}

static const char *
words(const agree_t *self)
{
    static char line[512];
    const fsp_command_t *c = self->command;
    snprintf(line, sizeof(line),
             "type %d space %d condition %d: from %.*s to %.*s parents %d replace %d", (int)c->type,
             c->space_id.bytes[1], c->type == FSP_COMMAND_PUT ? (int)c->put.condition.type : 0,
             (int)(self->paths[0][0] ? 40 : 0), (const char *)self->paths[0],
             (int)(self->paths[1][0] ? 40 : 0), (const char *)self->paths[1],
             c->put.create_parents | c->mkdir.create_parents, c->move.replace);
    return line;
}

/* Applies bytes to both and compares what they say. */
static void
apply_to_both(agree_t *self, fsp_slice_t bytes, fsp_time_t elapsed)
{
    world_t *w = &self->world;
    fsp_result_t expected;
    char why[512];
    fsp_buf_reset(&self->result_bytes);
    fsp_status_t status = fsp_meta_apply(w->shard, w->txn, w->index + 1, 1, w->time + elapsed,
                                         bytes, &self->result_bytes);
    ck_assert_int_eq(status, FSP_OK);
    w->index++;
    w->time += elapsed;
    commit(w);
    model_apply(self->model, w->index, w->time, bytes, &expected);
    bool same = bytes.bytes == 0 ||
                model_check_result(&expected, fsp_buf_slice(&self->result_bytes), why, sizeof(why));
    if (bytes.bytes && fsp_result_decode(fsp_buf_slice(&self->result_bytes), &w->result))
        same = false;
    if (self->trace && same)
        printf("%llu %s: %s change %llu\n", (unsigned long long)w->index, words(self),
               fsp_status_name(expected.status), (unsigned long long)expected.index);
    if (!same)
        ck_abort_msg("seed %llu, entry %llu, %s\n%s", (unsigned long long)self->seed,
                     (unsigned long long)w->index, words(self), why);
    self->statuses[expected.status]++;
}

static void
ask_both(agree_t *self)
{
    world_t *w = &self->world;
    char hex[65], why[512];
    static const fsp_query_type_t types[] = {
        FSP_QUERY_RESOLVE, FSP_QUERY_RESOLVE, FSP_QUERY_LIST,   FSP_QUERY_LIST, FSP_QUERY_VERSIONS,
        FSP_QUERY_CHANGES, FSP_QUERY_SPACES,  FSP_QUERY_UPLOAD, FSP_QUERY_LINKS};
    fsp_query_t query = new_query(w, types[below(self, self->families ? 9 : 7)]);
    if (once_in(self, 20))
        query.subject = subject_id(2);
    if (once_in(self, 10))
        query.space_id.bytes[1] = (uint8_t)(1 + below(self, SPACES + 1));
    query.target = some_target(self);
    if (self->families & ACCESS) {
        fill_asker(self, &query.asker);
        query.subject = subject_id(1 + (uint8_t)below(self, 3));
    }
    query.system_index = once_in(self, 20) ? 0 : 1;
    if (self->families && query.type <= FSP_QUERY_LIST && once_in(self, 2)) {
        if (once_in(self, 2))
            query.at_index = 1 + below(self, self->world.result.index + 1);
        else
            query.at_time = w->time - below(self, w->time < 100000 ? w->time : 100000);
    } else if (query.type == FSP_QUERY_RESOLVE && once_in(self, 2)) {
        fsp_hex_encode(some_version(self).bytes, 32, hex);
        query.version = fsp_slice(hex, 8 + below(self, 57));
    }
    if (once_in(self, 4))
        query.prefix = text(once_in(self, 2) ? "a" : "0000000000000000000");
    if (once_in(self, 4))
        query.after = text("b");
    if (query.type == FSP_QUERY_SPACES && query.after.bytes)
        query.after = FSP_SLICE_OF(w->space_id);
    fsp_upload_id_t upload_id = some_upload(self);
    fsp_link_id_t link_id = {{0x11, (uint8_t)below(self, 3)}};
    if (query.type == FSP_QUERY_UPLOAD) {
        query.target = (fsp_target_t){0};
        if (once_in(self, 2))
            memcpy(query.target.id.bytes, upload_id.bytes, 16);
        query.after = once_in(self, 3) ? FSP_SLICE_OF(upload_id) : text("");
    }
    if (query.type == FSP_QUERY_LINKS) {
        if (once_in(self, 2))
            query.target = (fsp_target_t){0};
        query.after = once_in(self, 3) ? FSP_SLICE_OF(link_id) : text("");
    }
    query.after_index = once_in(self, 2) ? 0 : below(self, 100);
    if (once_in(self, 2))
        query.limit = 1 + (uint32_t)below(self, 6);
    fsp_buf_reset(&w->answer);
    ck_assert_int_eq(fsp_meta_query(w->shard, fsp_memview_view(w->rows), &query, &w->answer),
                     FSP_OK);
    if (!model_check_answer(self->model, &query, fsp_buf_slice(&w->answer), why, sizeof(why)))
        ck_abort_msg("seed %llu, after entry %llu: %s", (unsigned long long)self->seed,
                     (unsigned long long)w->index, why);
}

static void
remember(agree_t *self)
{
    const fsp_result_t *result = &self->world.result;
    if (result->status == FSP_OK && self->command->type == FSP_COMMAND_LOCK) {
        self->token = result->index;
        self->locked = result->file_id;
    }
    if (result->offset)
        self->offset = result->offset;
    if (result->status == FSP_OK && self->command->type == FSP_COMMAND_UPLOAD_OPEN)
        self->offset = 0;
    if (fsp_file_id_is_zero(result->file_id) || (result->head_count == 0 && below(self, 3)))
        return;
    self->ids[below(self, RECENT)] = result->file_id;
    if (result->head_count)
        self->versions[below(self, RECENT)] = result->heads[below(self, result->head_count)];
}

static void
raise_level(agree_t *self)
{
    *self->command = new_command(&self->world, FSP_COMMAND_LEVEL_RAISE);
    self->command->space_id = (fsp_space_id_t){{0}};
    self->command->subject = (fsp_subject_id_t){{0}};
    self->command->access.value = 2;
    fsp_buf_reset(&self->world.bytes);
    fsp_command_encode(self->command, &self->world.bytes);
    apply_to_both(self, fsp_buf_slice(&self->world.bytes), 1000);
    ck_assert_int_eq(self->world.result.status, FSP_OK);
}

/* Subjects other than the owner get rights at the root. */
static void
give_rights(agree_t *self)
{
    *self->command = new_command(&self->world, FSP_COMMAND_RULES);
    self->command->access.target = at("/");
    self->command->access.inherit = true;
    for (uint8_t i = 0; i < 2; i++)
        self->command->access.rules[self->command->access.rule_count++] =
            (fsp_rule_t){.id = subject_id((uint8_t)(2 + i)),
                         .rights = FSP_RIGHTS_ALL & ~(uint32_t)below(self, 32) & ~16u};
    for (size_t i = 0; i < 2; i++)
        self->command->access.rules[i].rights |= FSP_RIGHT_READ | FSP_RIGHT_WRITE;
    fsp_buf_reset(&self->world.bytes);
    fsp_command_encode(self->command, &self->world.bytes);
    apply_to_both(self, fsp_buf_slice(&self->world.bytes), 1000);
}

static void
start(agree_t *self, uint64_t seed, unsigned families)
{
    memset(self, 0, sizeof(*self));
    world_init_bare(&self->world);
    self->model = model_new();
    self->seed = seed;
    self->trace = setting("FSP_TRACE", 0) != 0;
    fsp_prng_init(&self->prng, seed);
    self->names = 1 + below(self, 5);
    self->depth = 1 + below(self, 4);
    self->deep_in = once_in(self, 4) ? 3 : 60;
    self->by_id_in = 1 + below(self, 4);
    self->parents_in = 1 + below(self, 4);
    self->edits_percent = once_in(self, 4) ? 90 : 10 + below(self, 50);
    self->siblings = once_in(self, 10);
    if (self->siblings)
        self->names = self->depth = 1;
    if (self->deep_in == 3)
        self->parents_in = 1;
    self->command = FSP_NEW(fsp_command_t);
    self->before = FSP_NEW(fsp_command_t);
    fsp_buf_init(&self->result_bytes, FSP_RESULT_BYTES_MAX);
    *self->command = space_init_command(&self->world);
    self->command->space_init.quota_bytes =
        self->siblings || once_in(self, 2) ? 0 : 1 + below(self, 40000);
    fsp_command_encode(self->command, &self->world.bytes);
    apply_to_both(self, fsp_buf_slice(&self->world.bytes), 1000);
    fsp_buf_init(&self->list, FSP_COMMAND_BYTES_MAX);
    fsp_buf_init(&self->batch, FSP_COMMAND_BYTES_MAX);
    self->group = subject_id(1);
    self->group.bytes[0] = 0x40;
    self->families = (unsigned)below(self, 8) & families;
    self->jump_in = once_in(self, 3) ? 30 : 0;
    if (self->families)
        raise_level(self);
    if (self->families && below(self, 5))
        give_rights(self);
}

static void
finish(agree_t *self)
{
    fsp_buf_clear(&self->list);
    fsp_buf_clear(&self->batch);
    model_destroy(&self->model);
    world_clear(&self->world);
    fsp_buf_clear(&self->result_bytes);
    fsp_free(self->command);
    fsp_free(self->before);
}

static void
run(agree_t *self, uint64_t seed, uint64_t commands)
{
    start(self, seed, (unsigned)setting("FSP_FAMILIES", 7));
    for (uint64_t i = 0; i < commands; i++) {
        self->paths[0][0] = self->paths[1][0] = 0;
        fsp_buf_reset(&self->world.bytes);
        some_command(self);
        fsp_command_encode(self->command, &self->world.bytes);
        ck_assert(fsp_buf_ok(&self->world.bytes));
        if (once_in(self, 40))
            damage(self, &self->world.bytes);
        apply_to_both(self,
                      once_in(self, 100) ? fsp_slice(NULL, 0) : fsp_buf_slice(&self->world.bytes),
                      self->jump_in && once_in(self, self->jump_in)
                          ? below(self, 40 * day_us)
                          : 1 + below(self, once_in(self, 10) ? 2000000 : 1000));
        remember(self);
        fsp_buf_clear(&self->carrier);
        fsp_buf_reset(&self->list);
        if (once_in(self, 4)) {
            *self->before = *self->command;
            /* Its texts are gone by then; a retry need not have them. */
            self->before->type = FSP_COMMAND_MKDIR;
            self->before->version = 1;
            self->before->mkdir.target.path = text("/a");
            self->before->mkdir.ids_seed = file_id(1000000 + self->world.last_op);
            self->before->mkdir.attr = text("");
        }
        if (once_in(self, 2))
            ask_both(self);
    }
    finish(self);
}

START_TEST(random_histories_are_answered_alike)
{
    uint64_t first = fsp_suite_seed(1), seeds = setting("FSP_SEEDS", 200);
    uint64_t statuses[128] = {0};
    agree_t *self = FSP_NEW(agree_t);
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        run(self, seed, setting("FSP_COMMANDS", 200));
        for (size_t i = 0; i < 128; i++)
            statuses[i] += self->statuses[i];
    }
    for (unsigned i = 0; i < 128; i++)
        if (statuses[i])
            printf(" %s %llu", fsp_status_name((fsp_status_t)i), (unsigned long long)statuses[i]);
    printf("\n");
    /* What the histories were made for must have come up, or they agree on nothing. */
    static const fsp_status_t met[] = {
        FSP_OK,        FSP_NOT_FOUND, FSP_NO_SUCH_VERSION, FSP_NO_PARENT,     FSP_EXISTS,
        FSP_MISMATCH,  FSP_TRASHED,   FSP_IS_DIRECTORY,    FSP_NOT_DIRECTORY, FSP_NOT_EMPTY,
        FSP_CYCLE,     FSP_OP_REUSED, FSP_TOO_MANY_HEADS,  FSP_FORBIDDEN,     FSP_QUOTA,
        FSP_LOCKED,    FSP_HELD,      FSP_LEASE_LOST,      FSP_BASE_GONE,     FSP_NO_SUCH_UPLOAD,
        FSP_SPENT,     FSP_EPOCH,     FSP_LAYOUT,          FSP_STALE,         FSP_NO_SUCH_LINK,
        FSP_TOO_LARGE, FSP_LEVEL,     FSP_SPACE_CLOSING};
    for (size_t i = 0; seeds >= 200 && i < sizeof(met) / sizeof(met[0]); i++)
        ck_assert_msg(statuses[met[i]] > 0, "%s never came", fsp_status_name(met[i]));
    fsp_free(self);
}
END_TEST

/* -- the horizon ------------------------------------------------------------------------------- */

enum { HORIZON_OPS = 101500 };

/* Operation number `number` of a long history: changes, no changes and refusals in turn, with ids
   that do not ascend. */
static void
horizon_command(agree_t *self, uint64_t number)
{
    fsp_command_t *command = self->command;
    *command = new_command(&self->world, FSP_COMMAND_MKDIR);
    fsp_store_u64(command->op_id.bytes, fsp_mix64(number + 1));
    command->request_digest = fsp_sha256(FSP_SLICE_OF(command->op_id));
    command->mkdir.target = at("/");
    command->mkdir.exist_ok = number % 5 != 1;
    command->mkdir.ids_seed = file_id(1000 + number);
    command->mkdir.attr = text("");
    if (number % 7 == 0) {
        command->type = FSP_COMMAND_PUT;
        command->put.target = at("/file");
        command->put.kind = FSP_KIND_FILE;
        command->put.condition = condition(FSP_IF_REPLACE);
        command->put.ids_seed = command->mkdir.ids_seed;
        command->put.carrier = carrier_of("content", &self->carrier);
    }
}

static fsp_status_t
apply_horizon_command(agree_t *self, fsp_time_t elapsed)
{
    fsp_buf_reset(&self->world.bytes);
    fsp_command_encode(self->command, &self->world.bytes);
    apply_to_both(self, fsp_buf_slice(&self->world.bytes), elapsed);
    fsp_buf_clear(&self->carrier);
    return self->world.result.status;
}

START_TEST(the_horizon_is_the_same)
{
    agree_t *self = FSP_NEW(agree_t);
    start(self, 1, 0);
    for (uint64_t i = 0; i < HORIZON_OPS; i++) {
        horizon_command(self, i);
        /* Just a day: not yet older than that; then more. */
        (void)apply_horizon_command(self, i == 300   ? day_us
                                          : i == 700 ? 1
                                          : i == 900 ? 2 * day_us
                                                     : 10);
    }
    for (uint64_t i = 0; i < 4000; i++) {
        horizon_command(self, once_in(self, 3) ? HORIZON_OPS + i : below(self, 6000));
        self->command->since = once_in(self, 3) ? UINT64_MAX : below(self, 600);
        self->command->attempt = 1 + (uint32_t)below(self, 2);
        (void)apply_horizon_command(self, once_in(self, 200) ? day_us : below(self, 100) + 1);
    }
    ck_assert_uint_gt(self->statuses[FSP_EXPIRED], 100);
    ck_assert_uint_gt(self->statuses[FSP_OUTCOME_UNKNOWN], 100);
    ck_assert_uint_gt(self->statuses[FSP_EXISTS], 100);
    finish(self);
    fsp_free(self);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("model_agrees");
    TCase *tcase = tcase_create("agree");
    tcase_set_timeout(tcase, 600);
    tcase_add_test(tcase, random_histories_are_answered_alike);
    tcase_add_test(tcase, the_horizon_is_the_same);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
