/* SPDX-License-Identifier: MIT */
/* vectors_commands - commands of all families in golden vectors.  Layer tests.
 *
 * Names of fields: as in the body's array in docs/protocol/commands*.md.
 */
#ifndef FSP_TESTS_UNIT_PROTO_VECTORS_COMMANDS_H
#define FSP_TESTS_UNIT_PROTO_VECTORS_COMMANDS_H
#include "core/base/alloc.h"
#include "core/meta/command.h"
#include "tests/unit/proto/vectors.h"

/* Large structs live here, not on a stack of their own. */
static fsp_command_t command;

/* -- parts ------------------------------------------------------------------------------------- */

static inline json_t *
ids(const void *data, size_t count, size_t bytes)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array,
                              vectors_hex(fsp_slice((const uint8_t *)data + i * bytes, bytes)));
    return array;
}
#define say_ids(object, key, array, count)                                                         \
    say((object), (key), ids((array), (count), sizeof((array)[0])))

static inline void
say_target(json_t *object, const char *key, const fsp_target_t *target)
{
    json_t *value = json_object();
    if (target->path.bytes)
        say_text(value, "path", target->path);
    else
        say_id(value, "file", target->id);
    say(object, key, value);
}

/* null in the place of a target that is not there. */
static inline void
say_target_if(json_t *object, const char *key, const fsp_target_t *target, bool there)
{
    if (there)
        say_target(object, key, target);
    else
        say(object, key, json_null());
}

static inline void
say_condition(json_t *object, const fsp_condition_t *condition)
{
    json_t *value = json_object();
    say_u64(value, "type", condition->type);
    say_ids(value, "versions", condition->versions, condition->version_count);
    say(object, "condition", value);
}

/* Only where it is written. */
static inline void
say_asker(json_t *object, const fsp_asker_t *asker)
{
    if (fsp_asker_is_empty(asker))
        return;
    json_t *who = json_object();
    say_u64(who, "ceiling", FSP_RIGHTS_ALL & ~asker->withheld);
    say_optional_id(who, "link", asker->link_id);
    say_ids(who, "groups", asker->groups, asker->group_count);
    say(object, "who", who);
}

static inline json_t *
wrapped_keys(const fsp_wrapped_key_t *keys, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *key = json_object();
        say_u64(key, "generation", keys[i].generation);
        say_hex(key, "wrapped", keys[i].wrapped);
        json_array_append_new(array, key);
    }
    return array;
}

static inline json_t *
rule_list(const fsp_rule_t *rules, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *rule = json_object();
        say_id(rule, "id", rules[i].id);
        say_u64(rule, "rights", rules[i].rights);
        json_array_append_new(array, rule);
    }
    return array;
}

static inline json_t *
root_list(fsp_slice_t roots, size_t count)
{
    json_t *array = json_array();
    fsp_canon_t reader = fsp_canon_reader(roots);
    for (size_t i = 0; i < count; i++) {
        fsp_upload_root_t root;
        fsp_upload_root_read(&reader, &root);
        json_t *item = json_object();
        say_u64(item, "root_kind", root.kind);
        say_id(item, "key", root.key);
        say_u64(item, "bytes", root.bytes);
        json_array_append_new(array, item);
    }
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_OK);
    return array;
}

/* -- bodies: the first family ------------------------------------------------------------------ */

static inline void
say_space_init(json_t *body, const fsp_command_t *from)
{
    say_text(body, "name", from->space_init.name);
    say_id(body, "owner", from->space_init.owner);
    say_id(body, "root", from->space_init.root_id);
    say_id(body, "trash", from->space_init.trash_id);
    say_u64(body, "quota", from->space_init.quota_bytes);
    say_u64(body, "chunk_min", from->space_init.chunk_bytes_min);
    say_u64(body, "chunk_avg", from->space_init.chunk_bytes_avg);
    say_u64(body, "chunk_max", from->space_init.chunk_bytes_max);
    say(body, "keys", wrapped_keys(from->space_init.keys, from->space_init.key_count));
    say_hex(body, "cut_key", from->space_init.wrapped_cut_key);
}

static inline void
say_put(json_t *body, const fsp_command_t *from)
{
    say_target(body, "target", &from->put.target);
    say_u64(body, "node_kind", from->put.kind);
    say_condition(body, &from->put.condition);
    say_bool(body, "create_parents", from->put.create_parents);
    say_id(body, "ids_seed", from->put.ids_seed);
    say_u64(body, "size", from->put.size);
    say_hex(body, "carrier", from->put.carrier);
    say_hex(body, "attr", from->put.attr);
    if (from->version < 2)
        return;
    say_u64(body, "lease", from->put.lease_token);
    say_bool(body, "revive", from->put.revive);
    say_optional_id(body, "upload", from->put.upload_id);
    say_ids(body, "bases", from->put.bases, from->put.base_count);
}

static inline void
say_first(json_t *body, const fsp_command_t *from)
{
    switch ((int)from->type) {
    case FSP_COMMAND_SPACE_INIT:
        say_space_init(body, from);
        return;
    case FSP_COMMAND_PUT:
        say_put(body, from);
        return;
    case FSP_COMMAND_DELETE:
        say_target(body, "target", &from->remove.target);
        say_bool(body, "recursive", from->remove.recursive);
        say_condition(body, &from->remove.condition);
        return;
    case FSP_COMMAND_MKDIR:
        say_target(body, "target", &from->mkdir.target);
        say_bool(body, "create_parents", from->mkdir.create_parents);
        say_bool(body, "exist_ok", from->mkdir.exist_ok);
        say_id(body, "ids_seed", from->mkdir.ids_seed);
        say_hex(body, "attr", from->mkdir.attr);
        return;
    case FSP_COMMAND_MOVE:
        say_target(body, "from", &from->move.from);
        say_target(body, "to", &from->move.to);
        say_bool(body, "create_parents", from->move.create_parents);
        say_bool(body, "replace", from->move.replace);
        say_id(body, "ids_seed", from->move.ids_seed);
        say_condition(body, &from->move.condition);
        return;
    case FSP_COMMAND_RESTORE:
        say_target(body, "target", &from->restore.target);
        say_id(body, "version", from->restore.version_id);
        say_condition(body, &from->restore.condition);
        return;
    case FSP_COMMAND_COPY:
        say_target(body, "from", &from->copy.from);
        say_id(body, "version", from->copy.version_id);
        say_target(body, "to", &from->copy.to);
        say_bool(body, "create_parents", from->copy.create_parents);
        say_condition(body, &from->copy.condition);
        say_id(body, "ids_seed", from->copy.ids_seed);
        return;
    default:
        ck_abort();
    }
}

/* -- bodies: history --------------------------------------------------------------------------- */

static inline void
say_history(json_t *body, const fsp_command_t *from)
{
    const fsp_history_body_t *history = &from->history;
    switch ((int)from->type) {
    case FSP_COMMAND_UNDELETE:
        say_target(body, "from", &history->target);
        say_target_if(body, "to", &history->to, history->to.path.bytes > 0);
        say_bool(body, "create_parents", history->create_parents);
        say_id(body, "ids_seed", history->ids_seed);
        return;
    case FSP_COMMAND_PRUNE:
        say_target_if(body, "target", &history->target, history->given);
        say_hex(body, "versions", history->versions);
        return;
    case FSP_COMMAND_PURGE:
        say_target_if(body, "item", &history->target, history->given);
        say_u64(body, "before", history->before);
        say_text(body, "after", history->after);
        say_bool(body, "person", history->person);
        return;
    case FSP_COMMAND_RETENTION:
        say_u64(body, "keep_last", history->retention.keep_last);
        say_u64(body, "all_days", history->retention.all_days);
        say_u64(body, "daily", history->retention.daily);
        say_u64(body, "weekly", history->retention.weekly);
        say_u64(body, "monthly", history->retention.monthly);
        say_u64(body, "past_days", history->retention.past_days);
        return;
    case FSP_COMMAND_HOLD:
        say_target(body, "target", &history->target);
        say_bool(body, "legal_hold", history->legal_hold);
        say_u64(body, "worm_until", history->worm_until);
        return;
    default:
        ck_abort();
    }
}

/* -- bodies: nodes ----------------------------------------------------------------------------- */

static inline json_t *command_body(const fsp_command_t *from);

static inline json_t *
batch_items(const fsp_command_t *batch)
{
    json_t *array = json_array();
    fsp_canon_t reader = fsp_canon_reader(batch->node.batch.items);
    fsp_command_t *item = FSP_NEW(fsp_command_t);
    while (fsp_batch_next(&reader, item) == FSP_OK) {
        json_t *value = json_object();
        say_u64(value, "type", item->type);
        say_u64(value, "version", item->version);
        say(value, "body", command_body(item));
        json_array_append_new(array, value);
    }
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_OK);
    fsp_free(item);
    return array;
}

static inline void
say_upload(json_t *body, const fsp_command_t *from)
{
    const fsp_node_body_t *node = &from->node;
    switch ((int)from->type) {
    case FSP_COMMAND_UPLOAD_OPEN:
        say_id(body, "upload", node->upload_open.id);
        say_target(body, "target", &node->upload_open.target);
        say_condition(body, &node->upload_open.condition);
        say_u64(body, "size", node->upload_open.size);
        say_u64(body, "duration", node->upload_open.duration);
        return;
    case FSP_COMMAND_UPLOAD_APPEND:
        say_id(body, "upload", node->upload_append.id);
        say_u64(body, "offset", node->upload_append.offset);
        say_u64(body, "keep", node->upload_append.keep);
        say(body, "roots", root_list(node->upload_append.roots, node->upload_append.root_count));
        say_optional_id(body, "tail", node->upload_append.tail);
        say_u64(body, "tail_bytes", node->upload_append.tail_bytes);
        say_hex(body, "midstate", node->upload_append.midstate);
        return;
    case FSP_COMMAND_UPLOAD_ABORT:
        say_id(body, "upload", node->upload_abort.id);
        return;
    default:
        ck_abort();
    }
}

static inline void
say_node(json_t *body, const fsp_command_t *from)
{
    const fsp_node_body_t *node = &from->node;
    switch ((int)from->type) {
    case FSP_COMMAND_ATTR:
        say_target(body, "target", &node->attr.target);
        say_hex(body, "attr", node->attr.attr);
        say_condition(body, &node->attr.condition);
        return;
    case FSP_COMMAND_RMDIR:
        say_target(body, "target", &node->rmdir.target);
        return;
    case FSP_COMMAND_LOCK:
        say_target(body, "target", &node->lease.target);
        say_u64(body, "duration", node->lease.duration);
        return;
    case FSP_COMMAND_RENEW:
        say_target(body, "target", &node->lease.target);
        say_u64(body, "token", node->lease.token);
        say_u64(body, "duration", node->lease.duration);
        return;
    case FSP_COMMAND_UNLOCK:
        say_target(body, "target", &node->lease.target);
        say_u64(body, "token", node->lease.token);
        say_bool(body, "force", node->lease.force);
        return;
    case FSP_COMMAND_BATCH:
        say(body, "items", batch_items(from));
        return;
    case FSP_COMMAND_QUOTA:
        say_u64(body, "bytes", node->quota.bytes);
        return;
    case FSP_COMMAND_REKEY:
        say_id(body, "version", node->rekey.version_id);
        say_id(body, "present", node->rekey.present);
        say_hex(body, "carrier", node->rekey.carrier);
        return;
    default:
        say_upload(body, from);
    }
}

/* -- bodies: access ---------------------------------------------------------------------------- */

static inline void
say_access(json_t *body, const fsp_command_t *from)
{
    const fsp_access_body_t *access = &from->access;
    switch ((int)from->type) {
    case FSP_COMMAND_RULES:
        say_target(body, "target", &access->target);
        say_bool(body, "inherit", access->inherit);
        say(body, "rules", rule_list(access->rules, access->rule_count));
        return;
    case FSP_COMMAND_LINK_MAKE:
        say_id(body, "link", access->link_id);
        say_target(body, "target", &access->target);
        say_u64(body, "rights", access->rights);
        say_u64(body, "expiry", access->expiry);
        say_u64(body, "uses", access->uses_max);
        say_hex(body, "password", access->password);
        return;
    case FSP_COMMAND_LINK_DROP:
        say_id(body, "link", access->link_id);
        return;
    case FSP_COMMAND_LINK_USE:
    case FSP_COMMAND_SPACE_DROP:
        return;
    case FSP_COMMAND_SUBJECT_FLOOR:
        say_u64(body, "system_index", access->value);
        return;
    case FSP_COMMAND_LEVEL_RAISE:
        say_u64(body, "level", access->value);
        return;
    case FSP_COMMAND_SPACE_STATE:
        say_u64(body, "state", access->value);
        say_u64(body, "deadline", access->detail);
        return;
    case FSP_COMMAND_GC_OPEN:
        say_u64(body, "epoch", access->value);
        say_u64(body, "layout", access->detail);
        return;
    case FSP_COMMAND_GC_CLOSE:
        say_u64(body, "epoch", access->value);
        return;
    case FSP_COMMAND_TIME_CONFIRM:
        say_u64(body, "jump_time", access->value);
        return;
    default:
        ck_abort();
    }
}

/* -- bodies: the system shard ------------------------------------------------------------------ */

static inline void
say_genesis(json_t *body, const fsp_system_body_t *system)
{
    json_t *node = json_object(), *account = json_object(), *settings = json_array();
    say_hex(body, "record", system->genesis_record);
    say_u64(body, "copies", system->copies);
    say_u64(body, "level", system->level);
    say_id(node, "signing_key", system->signing_key);
    say_id(node, "store", system->store_id);
    say_u64(node, "roles", system->roles);
    say_u64(node, "zone", system->zone);
    say_u64(node, "capacity", system->capacity);
    say_hex(node, "record", system->member_record);
    say(body, "node", node);
    say_id(account, "account", system->account);
    say_text(account, "name", system->name);
    say_hex(account, "secret", system->secret);
    say(body, "account", account);
    size_t count;
    fsp_canon_t reader = fsp_entries_open(system->settings, &count);
    for (size_t i = 0; i < count; i++) {
        fsp_setting_t setting = fsp_setting_next(&reader);
        json_t *item = json_object();
        say_text(item, "name", setting.name);
        say_hex(item, "value", setting.value);
        json_array_append_new(settings, item);
    }
    say(body, "settings", settings);
}

static inline json_t *
account_list(fsp_slice_t array)
{
    json_t *accounts = json_array();
    size_t count;
    fsp_canon_t reader = fsp_entries_open(array, &count);
    for (size_t i = 0; i < count; i++) {
        fsp_subject_id_t id = fsp_account_id_next(&reader);
        json_array_append_new(accounts, vectors_hex(FSP_SLICE_OF(id)));
    }
    return accounts;
}

static inline void
say_member_command(json_t *body, const fsp_command_t *from)
{
    const fsp_system_body_t *system = &from->system;
    json_t *members = json_array();
    size_t count = 0;
    switch ((int)from->type) {
    case FSP_COMMAND_INVITE:
        say_id(body, "invitation", system->invitation);
        say_u64(body, "roles", system->roles);
        say_u64(body, "zone", system->zone);
        say_u64(body, "ceiling", system->capacity);
        say_u64(body, "expiry", system->expiry);
        break;
    case FSP_COMMAND_UNINVITE:
        say_id(body, "invitation", system->invitation);
        break;
    case FSP_COMMAND_JOIN:
        say_id(body, "invitation", system->invitation);
        say_id(body, "signing_key", system->signing_key);
        say_id(body, "store", system->store_id);
        say_u64(body, "capacity", system->capacity);
        say_u64(body, "level", system->level);
        say_hex(body, "record", system->member_record);
        break;
    case FSP_COMMAND_LIST_ADD: {
        fsp_canon_t reader = fsp_entries_open(system->list, &count);
        for (size_t i = 0; i < count; i++) {
            fsp_list_entry_t entry = fsp_list_entry_next(&reader);
            json_t *item = json_object();
            say_id(item, "node", entry.node_id);
            say_u64(item, "inverse_weight", entry.inverse_weight);
            json_array_append_new(members, item);
        }
        say_u64(body, "base", system->list_version);
        say(body, "members", json_incref(members));
        break;
    }
    default: /* one node, and at most one value */
        say_id(body, "node", system->node_id);
        if (from->type == FSP_COMMAND_NODE_SYNCED)
            say_u64(body, "version", system->list_version);
        else if (from->type == FSP_COMMAND_WEIGHT)
            say_u64(body, "capacity", system->capacity);
        else if (from->type == FSP_COMMAND_ZONE)
            say_u64(body, "zone", system->zone);
        else if (from->type == FSP_COMMAND_NODE_LEVEL)
            say_u64(body, "level", system->level);
    }
    json_decref(members);
}

static inline void
say_system(json_t *body, const fsp_command_t *from)
{
    const fsp_system_body_t *system = &from->system;
    switch ((int)from->type) {
    case FSP_COMMAND_GENESIS:
        say_genesis(body, system);
        return;
    case FSP_COMMAND_SHARD_ADD:
        say_u64(body, "shard", system->shard);
        return;
    case FSP_COMMAND_SPACE_NEW:
        say_id(body, "space", system->space_id);
        say_text(body, "name", system->name);
        say_id(body, "owner", system->account);
        say_hex(body, "init", system->init);
        return;
    case FSP_COMMAND_SPACE_CLOSE:
        say_id(body, "space", system->space_id);
        say_bool(body, "close", !system->drop);
        say_u64(body, "grace", system->grace);
        return;
    case FSP_COMMAND_SPACE_READY:
    case FSP_COMMAND_SPACE_GONE:
        say_id(body, "space", system->space_id);
        return;
    case FSP_COMMAND_ACCOUNT:
        say_id(body, "account", system->account);
        say_text(body, "name", system->name);
        say_bool(body, "admin", system->admin);
        say_bool(body, "enabled", system->enabled);
        say_hex(body, "secret", system->secret);
        return;
    case FSP_COMMAND_GROUP:
        say_id(body, "group", system->group);
        say_text(body, "name", system->name);
        say_bool(body, "drop", system->drop);
        say(body, "accounts", account_list(system->accounts));
        return;
    case FSP_COMMAND_TOKEN:
        say_id(body, "token", system->token);
        say_id(body, "account", system->account);
        say_u64(body, "expiry", system->expiry);
        say_hex(body, "scope", system->scope);
        say_text(body, "label", system->label);
        return;
    case FSP_COMMAND_TOKEN_DROP:
        say_id(body, "token", system->token);
        return;
    case FSP_COMMAND_SETTING:
        say_text(body, "name", system->name);
        say_hex(body, "value", system->value);
        return;
    default:
        say_member_command(body, from);
    }
}

/* -- commands ---------------------------------------------------------------------------------- */

static inline json_t *
command_body(const fsp_command_t *from)
{
    json_t *body = json_object();
    switch (fsp_command_family(from->type)) {
    case FSP_FAMILY_FIRST:
        say_first(body, from);
        break;
    case FSP_FAMILY_HISTORY:
        say_history(body, from);
        break;
    case FSP_FAMILY_NODE:
        say_node(body, from);
        break;
    case FSP_FAMILY_ACCESS:
        say_access(body, from);
        break;
    case FSP_FAMILY_SYSTEM:
        say_system(body, from);
        break;
    case FSP_FAMILY_NONE:
        ck_abort();
    }
    return body;
}

static inline fsp_status_t
read_command(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_status_t status = fsp_command_decode(bytes, &command);
    if (status)
        return status;
    say_u64(meaning, "type", command.type);
    say_u64(meaning, "version", command.version);
    say_id(meaning, "space", command.space_id);
    say_id(meaning, "subject", command.subject);
    say_u64(meaning, "system_index", command.system_index);
    say_id(meaning, "op", command.op_id);
    say_u64(meaning, "attempt", command.attempt);
    say_u64(meaning, "since", command.since);
    say_id(meaning, "request_digest", command.request_digest);
    say_u64(meaning, "epoch", command.epoch);
    say_u64(meaning, "layout", command.layout_version);
    say(meaning, "body", command_body(&command));
    say_asker(meaning, &command.asker);
    fsp_command_encode(&command, again);
    return FSP_OK;
}

static inline void
begin_command(fsp_command_type_t type)
{
    memset(&command, 0, sizeof(command));
    command.type = type;
    command.version = 1;
    if (!fsp_command_is_shard_wide(type))
        FILL(command.space_id, 0x11);
    FILL(command.subject, 0x22);
    command.system_index = 7;
    FILL(command.op_id, 0x33);
    command.attempt = 1;
    command.since = 300;
    FILL(command.request_digest, 0x44);
    command.epoch = 2;
    command.layout_version = 1;
}

static inline void
add_command(json_t *entries, const char *name)
{
    static fsp_command_t kept; /* reading it back overwrites it */
    kept = command;
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    fsp_command_encode(&command, &bytes);
    vectors_add(entries, name, "command", fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    command = kept;
}

/* A carrier in static memory. */
static inline fsp_slice_t
example_carrier(fsp_root_kind_t kind)
{
    static uint8_t carrier_bytes[FSP_CARRIER_BYTES_MAX];
    static const uint8_t sealed[] = {0x5e, 0xa1, 0xed}, inlined[] = {0x11, 0x1e};
    fsp_carrier_t carrier = {.root_kind = kind};
    FILL(carrier.root_key, 0x77);
    carrier.sealed_part = fsp_slice(sealed, sizeof(sealed));
    if (kind == FSP_ROOT_INLINE)
        carrier.inline_object = fsp_slice(inlined, sizeof(inlined));
    fsp_buf_t buf;
    fsp_buf_init(&buf, FSP_CARRIER_BYTES_MAX);
    fsp_carrier_encode(&carrier, &buf);
    memcpy(carrier_bytes, buf.data, buf.bytes);
    fsp_slice_t slice = fsp_slice(carrier_bytes, buf.bytes);
    fsp_buf_clear(&buf);
    return slice;
}

static inline void
begin_put(fsp_condition_type_t condition, size_t base_count)
{
    static const uint8_t attr[] = {0xa7, 0x72};
    begin_command(FSP_COMMAND_PUT);
    command.put.target.path = fsp_slice_text("/d\xc3\xa9j\xc3\xa0/vu.txt");
    command.put.kind = FSP_KIND_FILE;
    command.put.condition.type = condition;
    command.put.condition.version_count = base_count;
    for (size_t i = 0; i < base_count; i++)
        FILL(command.put.condition.versions[i], (int)(0xb0 + i));
    FILL(command.put.ids_seed, 0x55);
    command.put.size = 5000000;
    command.put.carrier = example_carrier(FSP_ROOT_TREE);
    command.put.attr = fsp_slice(attr, sizeof(attr));
}
#endif
