/* SPDX-License-Identifier: MIT */
/* vectors_rows - change rows and rows of the state machine in golden vectors.  Layer tests. */
#ifndef FSP_TESTS_UNIT_PROTO_VECTORS_ROWS_H
#define FSP_TESTS_UNIT_PROTO_VECTORS_ROWS_H
#include "core/meta/past.h"
#include "core/meta/rows_system.h"
#include "tests/unit/proto/vectors_asking.h"

static fsp_node_row_t node_row;
static fsp_space_row_t space_row;

/* -- changes ----------------------------------------------------------------------------------- */

static inline fsp_status_t
read_change(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_status_t status = fsp_change_row_decode(bytes, &change);
    if (status)
        return status;
    json_t *row = change_meaning();
    (void)json_object_update(meaning, row);
    json_decref(row);
    fsp_change_row_encode(&change, again);
    return FSP_OK;
}

static inline void
add_change(json_t *entries, const char *name)
{
    static fsp_change_info_t kept; /* reading it back overwrites it */
    kept = change;
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_VALUE_BYTES_MAX);
    fsp_change_row_encode(&change, &bytes);
    kept.previous = fsp_sha256(fsp_buf_slice(&bytes));
    vectors_add(entries, name, "change-row", fsp_buf_slice(&bytes));
    change = kept;
    fsp_buf_clear(&bytes);
}

/* -- rows -------------------------------------------------------------------------------------- */

static inline json_t *
compute_row_key(const json_t *given)
{
    fsp_shard_ref_t shard = {.shard = (uint32_t)take_u64(given, "shard"),
                             .generation = (uint32_t)take_u64(given, "generation")};
    fsp_space_id_t space_id;
    take_hex(given, "space", &space_id, sizeof(space_id));
    fsp_row_key_t key = fsp_row_key(shard, (fsp_table_t)take_u64(given, "table"), space_id);
    if (json_object_get(given, "number_first"))
        fsp_row_key_add_u64(&key, take_u64(given, "number_first"));
    if (json_object_get(given, "ids")) {
        fsp_buf_t bytes;
        fsp_buf_init(&bytes, 256);
        vectors_unhex(take_text(given, "ids"), &bytes);
        fsp_row_key_add(&key, fsp_buf_slice(&bytes));
        fsp_buf_clear(&bytes);
    }
    if (json_object_get(given, "name"))
        fsp_row_key_add(&key, fsp_slice_text(take_text(given, "name")));
    if (json_object_get(given, "number_last"))
        fsp_row_key_add_u64(&key, take_u64(given, "number_last"));
    json_t *object = json_object();
    say_hex(object, "hex", fsp_row_key_slice(&key));
    return object;
}

static inline fsp_status_t
read_shard_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_shard_row_t row;
    fsp_status_t status = fsp_shard_row_decode(bytes, &row);
    say_u64(meaning, "applied_index", row.applied_index);
    say_u64(meaning, "applied_term", row.applied_term);
    say_u64(meaning, "log_time", row.log_time);
    say_u64(meaning, "feature_level", row.feature_level);
    say_u64(meaning, "subject_floor", row.subject_floor);
    if (row.hold_left_us > 0) {
        say_u64(meaning, "jump_time", row.jump_time);
        say_u64(meaning, "frozen_time", row.frozen_time);
        say_u64(meaning, "hold_left", row.hold_left_us);
    }
    fsp_shard_row_encode(&row, again);
    return status;
}

/* -- what rows of level 1 have behind their fields at level 2; null in between ------------------
 */

static inline json_t *
space_history(const fsp_space_history_t *part)
{
    if (fsp_space_history_is_empty(part))
        return json_null();
    json_t *value = json_object();
    say_u64(value, "at_horizon", part->at_horizon);
    say_u64(value, "feed_horizon", part->feed_horizon);
    say_u64(value, "keep_last", part->retention.keep_last);
    say_u64(value, "all_days", part->retention.all_days);
    say_u64(value, "daily", part->retention.daily);
    say_u64(value, "weekly", part->retention.weekly);
    say_u64(value, "monthly", part->retention.monthly);
    say_u64(value, "past_days", part->retention.past_days);
    return value;
}

static inline json_t *
space_access(const fsp_space_access_t *part)
{
    json_t *value = json_object();
    say_u64(value, "state", part->state);
    say_u64(value, "deadline", part->deadline);
    say_bool(value, "parted", part->parted);
    say_u64(value, "links", part->link_count);
    say_bool(value, "round_open", part->round_open);
    say_hex(value, "cursor", part->cursor);
    return value;
}

static inline json_t *
node_history(const fsp_node_history_t *part)
{
    if (fsp_node_history_is_empty(part))
        return json_null();
    json_t *value = json_object();
    say_u64(value, "since", part->since);
    say_bool(value, "legal_hold", part->legal_hold);
    say_u64(value, "worm_until", part->worm_until);
    say_bool(value, "purging", part->purging);
    say_optional_id(value, "origin", part->origin_id);
    say_text(value, "origin_name", fsp_slice(part->origin_name, part->origin_name_bytes));
    return value;
}

static inline void
say_node_families(json_t *meaning)
{
    bool access = !fsp_node_access_is_empty(&node_row.access);
    bool lease = node_row.lease.token > 0;
    if (!access && !lease && fsp_node_history_is_empty(&node_row.history))
        return;
    say(meaning, "history", node_history(&node_row.history));
    if (lease)
        say_lease(meaning, &node_row.lease);
    else if (access)
        say(meaning, "lease", json_null());
    if (!access)
        return;
    json_t *value = json_object();
    say_bool(value, "inherit", !node_row.access.parted);
    say(value, "rules", rule_list(node_row.access.rules, node_row.access.rule_count));
    say(meaning, "access", value);
}

static inline fsp_status_t
read_space_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_status_t status = fsp_space_row_decode(bytes, &space_row);
    if (status)
        return status;
    say_text(meaning, "name", space_row.name);
    say_id(meaning, "owner", space_row.owner);
    say_u64(meaning, "epoch", space_row.epoch);
    say_u64(meaning, "gc_layout", space_row.gc_layout_version);
    say_u64(meaning, "quota", space_row.quota_bytes);
    say_u64(meaning, "used", space_row.used_bytes);
    say_u64(meaning, "change", space_row.change_index);
    say_id(meaning, "head_hash", space_row.head_hash);
    say_u64(meaning, "horizon", space_row.horizon);
    say_u64(meaning, "ops", space_row.op_count);
    say_id(meaning, "root", space_row.root_id);
    say_id(meaning, "trash", space_row.trash_id);
    say_u64(meaning, "chunk_min", space_row.chunk_bytes_min);
    say_u64(meaning, "chunk_avg", space_row.chunk_bytes_avg);
    say_u64(meaning, "chunk_max", space_row.chunk_bytes_max);
    say(meaning, "keys", wrapped_keys(space_row.keys, space_row.key_count));
    say_hex(meaning, "cut_key", space_row.wrapped_cut_key);
    bool access = !fsp_space_access_is_empty(&space_row.access);
    if (access || !fsp_space_history_is_empty(&space_row.history))
        say(meaning, "history", space_history(&space_row.history));
    if (access)
        say(meaning, "access", space_access(&space_row.access));
    fsp_space_row_encode(&space_row, again);
    return FSP_OK;
}

static inline fsp_status_t
read_entry_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_entry_row_t row;
    fsp_status_t status = fsp_entry_row_decode(bytes, &row);
    if (status)
        return status;
    say_u64(meaning, "node_kind", row.kind);
    say_id(meaning, "file", row.id);
    say_u64(meaning, "since", row.since);
    fsp_entry_row_encode(&row, again);
    return FSP_OK;
}

static inline json_t *
head_list(const fsp_head_t *heads, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *head = json_object();
        say_u64(head, "number", heads[i].number);
        say_id(head, "version", heads[i].id);
        json_array_append_new(array, head);
    }
    return array;
}

static inline fsp_status_t
read_node_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_status_t status = fsp_node_row_decode(bytes, &node_row);
    if (status)
        return status;
    say_u64(meaning, "node_kind", node_row.kind);
    say_optional_id(meaning, "parent", node_row.parent_id);
    say_text(meaning, "name", fsp_node_row_name(&node_row));
    say_u64(meaning, "change", node_row.index);
    say_u64(meaning, "time", node_row.time);
    say_u64(meaning, "content_time", node_row.content_time);
    say_u64(meaning, "size", node_row.size);
    say(meaning, "heads", head_list(node_row.heads, node_row.head_count));
    say_hex(meaning, "attr", fsp_slice(node_row.attr, node_row.attr_bytes));
    say_node_families(meaning);
    fsp_node_row_encode(&node_row, again);
    return FSP_OK;
}

static inline fsp_status_t
read_version_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_version_row_t row;
    fsp_status_t status = fsp_version_row_decode(bytes, &row);
    if (status)
        return status;
    say_hex(meaning, "record", row.record);
    say_bool(meaning, "retained", row.retained);
    say_hex(meaning, "carrier", row.carrier);
    if (row.rekeyed > 0)
        say_u64(meaning, "rekeyed", row.rekeyed);
    fsp_version_row_encode(&row, again);
    return FSP_OK;
}

static inline fsp_status_t
read_version_index_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_version_index_row_t row;
    fsp_status_t status = fsp_version_index_row_decode(bytes, &row);
    if (status)
        return status;
    say_id(meaning, "file", row.file_id);
    say_u64(meaning, "number", row.number);
    fsp_version_index_row_encode(&row, again);
    return FSP_OK;
}

static inline fsp_status_t
read_op_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_op_row_t row;
    fsp_status_t status = fsp_op_row_decode(bytes, &row);
    if (status)
        return status;
    say_u64(meaning, "change", row.index);
    say_id(meaning, "digest", row.digest);
    say_hex(meaning, "result", row.result);
    fsp_op_row_encode(&row, again);
    return FSP_OK;
}

/* -- tables of level 2 ------------------------------------------------------------------------- */

static inline fsp_status_t
read_past_heads_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_past_heads_row_t row;
    fsp_status_t status = fsp_past_heads_row_decode(bytes, &row);
    if (status)
        return status;
    say_u64(meaning, "since", row.since);
    say(meaning, "heads", head_list(row.heads, row.head_count));
    fsp_past_heads_row_encode(&row, again);
    return FSP_OK;
}

static inline fsp_status_t
read_prune_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_prune_work_t row;
    fsp_status_t status = fsp_prune_work_decode(bytes, &row);
    if (status)
        return status;
    say_u64(meaning, "phase", row.phase);
    say_hex(meaning, "key", fsp_slice(row.key, row.key_bytes));
    fsp_prune_work_encode(&row, again);
    return FSP_OK;
}

static inline fsp_status_t
read_upload_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_upload_row_t row;
    fsp_status_t status = fsp_upload_row_decode(bytes, &row);
    if (status)
        return status;
    say_id(meaning, "subject", row.subject);
    say_target(meaning, "target", &row.target);
    say_condition(meaning, &row.condition);
    say_u64(meaning, "size", row.size);
    say_u64(meaning, "offset", row.offset);
    say_u64(meaning, "before", row.before);
    say_optional_id(meaning, "tail", row.tail);
    say_u64(meaning, "tail_bytes", row.tail_bytes);
    say_hex(meaning, "midstate", row.midstate);
    say_u64(meaning, "roots", row.root_count);
    say_u64(meaning, "duration", row.duration);
    say_u64(meaning, "expiry", row.expiry);
    fsp_upload_row_encode(&row, again);
    return FSP_OK;
}

static inline fsp_status_t
read_upload_root_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_upload_root_t root;
    fsp_status_t status = fsp_upload_root_decode(bytes, &root);
    if (status)
        return status;
    say_u64(meaning, "root_kind", root.kind);
    say_id(meaning, "key", root.key);
    say_u64(meaning, "bytes", root.bytes);
    fsp_upload_root_write(&root, again);
    return FSP_OK;
}

static inline fsp_status_t
read_link_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_link_row_t row;
    fsp_status_t status = fsp_link_row_decode(bytes, &row);
    if (status)
        return status;
    say_id(meaning, "file", row.file_id);
    say_u64(meaning, "node_kind", row.kind);
    say_u64(meaning, "rights", row.rights);
    say_u64(meaning, "expiry", row.expiry);
    say_u64(meaning, "uses", row.uses_max);
    say_u64(meaning, "used", row.uses);
    say_id(meaning, "maker", row.maker);
    say_u64(meaning, "made", row.made);
    say_hex(meaning, "password", row.password);
    fsp_link_row_encode(&row, again);
    return FSP_OK;
}

/* -- tables of the system shard ---------------------------------------------------------------- */

static inline fsp_status_t
read_system_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_system_row_t row;
    fsp_status_t status = fsp_system_row_decode(bytes, &row);
    if (status)
        return status;
    say_id(meaning, "mesh", row.mesh_id);
    say_u64(meaning, "slot_bits", row.slot_bits);
    say_u64(meaning, "copies", row.copies);
    say_u64(meaning, "layout", row.layout_version);
    say_u64(meaning, "level", row.level);
    say_u64(meaning, "shards", row.shard_count);
    say_u64(meaning, "members", row.member_count);
    say_u64(meaning, "admins", row.admin_count);
    say_u64(meaning, "change", row.change_index);
    say_id(meaning, "head_hash", row.head_hash);
    say_u64(meaning, "horizon", row.horizon);
    say_u64(meaning, "ops", row.op_count);
    fsp_system_row_encode(&row, again);
    return FSP_OK;
}

static inline fsp_status_t
read_member_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_member_row_t row;
    fsp_status_t status = fsp_member_row_decode(bytes, &row);
    if (status)
        return status;
    say_id(meaning, "signing_key", row.signing_key);
    say_id(meaning, "store", row.store_id);
    say_u64(meaning, "roles", row.roles);
    say_u64(meaning, "zone", row.zone);
    say_u64(meaning, "capacity", row.capacity);
    say_u64(meaning, "level", row.level);
    say_u64(meaning, "state", row.state);
    say_bool(meaning, "ready", row.ready);
    say_u64(meaning, "synced", row.synced);
    say_u64(meaning, "joined", row.joined);
    say_optional_id(meaning, "invitation", row.invitation);
    say_hex(meaning, "record", row.member_record);
    fsp_member_row_encode(&row, again);
    return FSP_OK;
}

static inline fsp_status_t
read_invitation_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_invitation_row_t row;
    fsp_status_t status = fsp_invitation_row_decode(bytes, &row);
    if (status)
        return status;
    say_u64(meaning, "roles", row.roles);
    say_u64(meaning, "zone", row.zone);
    say_u64(meaning, "ceiling", row.ceiling);
    say_u64(meaning, "expiry", row.expiry);
    say_u64(meaning, "state", row.state);
    say_optional_id(meaning, "node", row.node_id);
    fsp_invitation_row_encode(&row, again);
    return FSP_OK;
}

static inline fsp_status_t
read_list_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_list_t list;
    fsp_status_t status = fsp_list_row_decode(bytes, &list);
    if (status)
        return status;
    json_t *members = json_array();
    for (size_t i = 0; i < list.count; i++) {
        json_t *member = json_object();
        say_id(member, "node", list.members[i].node_id);
        say_u64(member, "zone", list.members[i].zone);
        say_u64(member, "capacity", list.members[i].capacity_bytes);
        say_u64(member, "inverse_weight", list.members[i].inverse_weight);
        say_u64(member, "roles", list.members[i].roles);
        json_array_append_new(members, member);
    }
    say(meaning, "members", members);
    fsp_list_row_encode(&list, again);
    fsp_list_clear(&list);
    return FSP_OK;
}

static inline fsp_status_t
read_shards_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_shards_row_t row;
    fsp_status_t status = fsp_shards_row_decode(bytes, &row);
    if (status)
        return status;
    json_t *replicas = json_array();
    for (size_t i = 0; i < row.replica_count; i++) {
        json_t *replica = json_object();
        say_id(replica, "node", row.replicas[i].node_id);
        say_u64(replica, "number", row.replicas[i].number);
        say_id(replica, "store", row.replicas[i].store_id);
        say_u64(replica, "role", row.replicas[i].role);
        json_array_append_new(replicas, replica);
    }
    say_u64(meaning, "slot", row.slot);
    say_u64(meaning, "list", row.list_version);
    say_u64(meaning, "spaces", row.space_count);
    say(meaning, "replicas", replicas);
    fsp_shards_row_encode(&row, again);
    return FSP_OK;
}

static inline fsp_status_t
read_directory_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_directory_row_t row;
    fsp_status_t status = fsp_directory_row_decode(bytes, &row);
    if (status)
        return status;
    say_text(meaning, "name", row.name);
    say_optional_id(meaning, "owner", row.owner);
    say_u64(meaning, "shard", row.shard);
    say_u64(meaning, "state", row.state);
    say_u64(meaning, "deadline", row.deadline);
    say_hex(meaning, "init", row.init);
    fsp_directory_row_encode(&row, again);
    return FSP_OK;
}

static inline fsp_status_t
read_account_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_account_row_t row;
    fsp_status_t status = fsp_account_row_decode(bytes, &row);
    if (status)
        return status;
    say_text(meaning, "name", row.name);
    say_bool(meaning, "admin", row.admin);
    say_bool(meaning, "enabled", row.enabled);
    say_hex(meaning, "secret", row.secret);
    fsp_account_row_encode(&row, again);
    return FSP_OK;
}

static inline fsp_status_t
read_group_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_group_row_t row;
    fsp_status_t status = fsp_group_row_decode(bytes, &row);
    if (status)
        return status;
    say_text(meaning, "name", row.name);
    say(meaning, "accounts", account_list(row.accounts));
    fsp_group_row_encode(&row, again);
    return FSP_OK;
}

static inline fsp_status_t
read_token_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_token_row_t row;
    fsp_status_t status = fsp_token_row_decode(bytes, &row);
    if (status)
        return status;
    say_id(meaning, "account", row.account);
    say_u64(meaning, "expiry", row.expiry);
    say_hex(meaning, "scope", row.scope);
    say_text(meaning, "label", row.label);
    say_u64(meaning, "made", row.made);
    fsp_token_row_encode(&row, again);
    return FSP_OK;
}

static inline fsp_status_t
read_system_change(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_system_change_t row;
    fsp_status_t status = fsp_system_change_decode(bytes, &row);
    if (status)
        return status;
    say_u64(meaning, "change", row.index);
    say_u64(meaning, "what", row.operation);
    say_u64(meaning, "time", row.time);
    say_id(meaning, "author", row.author);
    say_id(meaning, "op", row.op_id);
    say_hex(meaning, "id", row.id);
    say_u64(meaning, "layout", row.layout_version);
    say_u64(meaning, "level", row.level);
    say_id(meaning, "previous", row.previous);
    fsp_system_change_encode(&row, again);
    return FSP_OK;
}

#define VECTORS_ROW_KINDS                                                                          \
    {"change-row", read_change, NULL}, {"row-key", NULL, compute_row_key},                         \
        {"row-shard", read_shard_row, NULL}, {"row-space", read_space_row, NULL},                  \
        {"row-entry", read_entry_row, NULL}, {"row-node", read_node_row, NULL},                    \
        {"row-version", read_version_row, NULL},                                                   \
        {"row-version-index", read_version_index_row, NULL}, {"row-op", read_op_row, NULL},        \
        {"row-past-heads", read_past_heads_row, NULL}, {"row-prune", read_prune_row, NULL},        \
        {"row-upload", read_upload_row, NULL}, {"row-upload-root", read_upload_root_row, NULL},    \
        {"row-link", read_link_row, NULL}, {"row-system", read_system_row, NULL},                  \
        {"row-member", read_member_row, NULL}, {"row-invitation", read_invitation_row, NULL},      \
        {"row-list", read_list_row, NULL}, {"row-placed-shard", read_shards_row, NULL},            \
        {"row-directory", read_directory_row, NULL}, {"row-account", read_account_row, NULL},      \
        {"row-group", read_group_row, NULL}, {"row-token", read_token_row, NULL},                  \
    {                                                                                              \
        "row-system-change", read_system_change, NULL                                              \
    }
#endif
