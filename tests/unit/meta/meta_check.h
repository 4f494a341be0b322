/* SPDX-License-Identifier: MIT */
/* meta_check - whether a shard's rows are one consistent state.  Tests.
 *
 * Reads the rows themselves and not through the code that wrote them: the only functions used are
 * the row decoders and SHA-256.
 */
#ifndef FSP_TESTS_UNIT_META_CHECK_H
#define FSP_TESTS_UNIT_META_CHECK_H
#include "core/meta/changes.h"
#include "core/meta/versions.h"
#include "tests/unit/meta/meta_world.h"

typedef struct {
    world_t *world;
    fsp_omap_t *map;
    fsp_space_row_t space;
    uint64_t nodes, entries, ops, orders, versions, version_ids;
    uint64_t used;
    bool lowered; /* the quota was set anew, maybe below what is used */
} checker_t;

static inline const fsp_omap_row_t *
table_row(checker_t *c, fsp_table_t table, fsp_slice_t rest)
{
    fsp_row_key_t key = fsp_row_key(c->world->shard, table, c->world->space_id);
    fsp_row_key_add(&key, rest);
    return fsp_omap_get(c->map, fsp_row_key_slice(&key));
}

/* The node; the test fails if there is none. */
static inline void
need_node(checker_t *c, fsp_file_id_t id, fsp_node_row_t *ret)
{
    const fsp_omap_row_t *row = table_row(c, FSP_TABLE_NODE, FSP_SLICE_OF(id));
    ck_assert_ptr_nonnull(row);
    ck_assert_int_eq(fsp_node_row_decode(row->value, ret), FSP_OK);
}

static inline fsp_version_row_t
need_version(checker_t *c, fsp_file_id_t id, uint64_t number, fsp_version_info_t *ret)
{
    uint8_t rest[24];
    memcpy(rest, id.bytes, 16);
    fsp_store_u64(rest + 16, number);
    const fsp_omap_row_t *row = table_row(c, FSP_TABLE_VERSION, fsp_slice(rest, sizeof(rest)));
    ck_assert_ptr_nonnull(row);
    fsp_version_row_t version;
    ck_assert_int_eq(fsp_version_row_decode(row->value, &version), FSP_OK);
    ck_assert_int_eq(fsp_version_record_decode(version.record, ret), FSP_OK);
    return version;
}

static inline void
check_entry(checker_t *c, fsp_slice_t rest, fsp_slice_t value)
{
    fsp_entry_row_t entry;
    fsp_node_row_t node;
    fsp_file_id_t directory;
    ck_assert_int_eq(fsp_entry_row_decode(value, &entry), FSP_OK);
    memcpy(directory.bytes, rest.data, 16);
    need_node(c, directory, &node);
    ck_assert_int_eq(node.kind, FSP_KIND_DIRECTORY);
    need_node(c, entry.id, &node);
    ck_assert_int_eq(node.kind, entry.kind);
    ck_assert(fsp_file_id_eq(node.parent_id, directory));
    ck_assert(fsp_slice_eq(fsp_node_row_name(&node), fsp_slice(rest.data + 16, rest.bytes - 16)));
    ck_assert_uint_le(entry.since, c->space.change_index);
    ck_assert_uint_ge(node.index, entry.since);
    c->entries++;
}

static inline void
check_heads(checker_t *c, fsp_file_id_t id, const fsp_node_row_t *node)
{
    fsp_version_info_t version;
    uint64_t highest = node->heads[0].number;
    for (size_t i = 0; i < node->head_count; i++) {
        (void)need_version(c, id, node->heads[i].number, &version);
        ck_assert(fsp_version_id_eq(version.id, node->heads[i].id));
        ck_assert(i > 0 || (version.size == node->size && version.time == node->content_time));
    }
    /* Numbers are dense, and every version is a head or has a successor. */
    for (uint64_t number = 1; number <= highest; number++) {
        fsp_version_row_t row = need_version(c, id, number, &version);
        ck_assert(row.retained);
        fsp_hash_t hash = fsp_sha256(row.carrier);
        ck_assert(row.rekeyed > 0 || fsp_hash_eq(version.carrier_hash, hash));
        c->used += version.size;
        c->versions++;
        bool followed = false;
        for (size_t i = 0; i < node->head_count; i++)
            followed |= fsp_version_id_eq(node->heads[i].id, version.id);
        for (uint64_t later = number + 1; later <= highest && !followed; later++) {
            fsp_version_info_t next;
            (void)need_version(c, id, later, &next);
            for (size_t i = 0; i < next.parent_count; i++)
                followed |= fsp_version_id_eq(next.parents[i], version.id);
        }
        ck_assert(followed);
        /* Parents are earlier versions of this file. */
        for (size_t i = 0; i < version.parent_count; i++) {
            const fsp_omap_row_t *row_p =
                table_row(c, FSP_TABLE_VERSION_INDEX, FSP_SLICE_OF(version.parents[i]));
            fsp_version_index_row_t parent;
            ck_assert_ptr_nonnull(row_p);
            ck_assert_int_eq(fsp_version_index_row_decode(row_p->value, &parent), FSP_OK);
            ck_assert(fsp_file_id_eq(parent.file_id, id));
            ck_assert_uint_lt(parent.number, number);
        }
    }
}

static inline void
check_node(checker_t *c, fsp_slice_t rest, fsp_slice_t value)
{
    fsp_file_id_t id;
    fsp_node_row_t node;
    memcpy(id.bytes, rest.data, 16);
    ck_assert_int_eq(fsp_node_row_decode(value, &node), FSP_OK);
    c->nodes++;
    if (node.kind != FSP_KIND_DIRECTORY)
        check_heads(c, id, &node);
    /* Up to the root or the trash, without a cycle. */
    uint64_t steps = 0;
    while (!fsp_file_id_eq(id, c->space.root_id) && !fsp_file_id_eq(id, c->space.trash_id)) {
        uint8_t key[16 + FSP_NAME_BYTES_MAX];
        memcpy(key, node.parent_id.bytes, 16);
        memcpy(key + 16, node.name, node.name_bytes);
        const fsp_omap_row_t *row =
            table_row(c, FSP_TABLE_ENTRY, fsp_slice(key, 16 + node.name_bytes));
        ck_assert_ptr_nonnull(row);
        fsp_entry_row_t entry;
        ck_assert_int_eq(fsp_entry_row_decode(row->value, &entry), FSP_OK);
        ck_assert(fsp_file_id_eq(entry.id, id));
        id = node.parent_id;
        need_node(c, id, &node);
        ck_assert_uint_lt(++steps, fsp_omap_count(c->map));
    }
    ck_assert(fsp_file_id_is_zero(node.parent_id));
    ck_assert_uint_eq(node.name_bytes, 0);
}

static inline void
check_op(checker_t *c, fsp_slice_t rest, fsp_slice_t value)
{
    fsp_op_row_t op;
    fsp_result_t result;
    uint8_t key[40];
    ck_assert_int_eq(fsp_op_row_decode(value, &op), FSP_OK);
    ck_assert_int_eq(fsp_result_decode(op.result, &result), FSP_OK);
    ck_assert_uint_eq(op.index, result.index);
    ck_assert_uint_le(op.index, c->space.change_index);
    ck_assert(!result.repeated);
    fsp_store_u64(key, op.index);
    memcpy(key + 8, rest.data, 32);
    ck_assert_ptr_nonnull(table_row(c, FSP_TABLE_OP_ORDER, fsp_slice(key, sizeof(key))));
    c->ops++;
}

static inline void
check_upload(checker_t *c, fsp_slice_t value)
{
    fsp_upload_row_t upload;
    ck_assert_int_eq(fsp_upload_row_decode(value, &upload), FSP_OK);
    c->used += upload.offset;
}

static inline void
check_chain(checker_t *c)
{
    fsp_hash_t previous = {{0}};
    for (uint64_t i = 1; i <= c->space.change_index; i++) {
        uint8_t key[8];
        fsp_store_u64(key, i);
        const fsp_omap_row_t *row = table_row(c, FSP_TABLE_CHANGE, fsp_slice(key, sizeof(key)));
        ck_assert_ptr_nonnull(row);
        fsp_change_info_t change;
        ck_assert_int_eq(fsp_change_row_decode(row->value, &change), FSP_OK);
        ck_assert_uint_eq(change.index, i);
        c->lowered |= change.operation == FSP_COMMAND_QUOTA;
        ck_assert(fsp_hash_eq(change.previous, previous));
        previous = fsp_sha256(row->value);
    }
    ck_assert(fsp_hash_eq(c->space.head_hash, previous));
}

/* -- replay of the feed ------------------------------------------------------------------------ */

typedef struct {
    fsp_file_id_t id, parent_id;
    fsp_kind_t kind;
    fsp_version_id_t version_id;
    uint8_t name[FSP_NAME_BYTES_MAX];
    size_t name_bytes;
} replayed_t;

typedef struct {
    fsp_omap_t *nodes;   /* id -> replayed_t */
    fsp_omap_t *entries; /* parent id, name -> id */
    fsp_file_id_t root_id, trash_id;
    unsigned trashed; /* by this change */
} replay_t;

static inline void
replay_place(replay_t *r, replayed_t *node, fsp_file_id_t parent_id, fsp_slice_t name)
{
    uint8_t key[16 + FSP_NAME_BYTES_MAX];
    if (node->name_bytes) {
        memcpy(key, node->parent_id.bytes, 16);
        memcpy(key + 16, node->name, node->name_bytes);
        fsp_omap_remove(r->entries, fsp_slice(key, 16 + node->name_bytes));
    }
    node->parent_id = parent_id;
    node->name_bytes = name.bytes;
    memcpy(node->name, name.data, name.bytes);
    memcpy(key, parent_id.bytes, 16);
    memcpy(key + 16, name.data, name.bytes);
    ck_assert_ptr_null(fsp_omap_get(r->entries, fsp_slice(key, 16 + name.bytes)));
    fsp_omap_put(r->entries, fsp_slice(key, 16 + name.bytes), FSP_SLICE_OF(node->id), 0);
    fsp_omap_put(r->nodes, FSP_SLICE_OF(node->id), fsp_slice(node, sizeof(*node)), 0);
}

static inline bool
replay_get(replay_t *r, fsp_file_id_t id, replayed_t *ret)
{
    const fsp_omap_row_t *row = fsp_omap_get(r->nodes, FSP_SLICE_OF(id));
    if (row)
        memcpy(ret, row->value.data, sizeof(*ret));
    return row != NULL;
}

static inline void
replay_trash(replay_t *r, fsp_file_id_t id, uint64_t index)
{
    char name[21 + 5];
    replayed_t node;
    ck_assert(replay_get(r, id, &node));
    int used = snprintf(name, sizeof(name), "%020llu", (unsigned long long)index);
    if (r->trashed > 0)
        snprintf(name + used, sizeof(name) - (size_t)used, ".%04u", r->trashed % 10000);
    r->trashed++;
    replay_place(r, &node, r->trash_id, text(name));
}

/* Directory of the path, making what the change says it made. */
static inline fsp_file_id_t
replay_walk(replay_t *r, const fsp_change_info_t *change, fsp_slice_t *ret_name)
{
    fsp_slice_t parents, name;
    fsp_file_id_t directory = r->root_id;
    size_t made = 0;
    fsp_path_split(change->path, &parents, ret_name);
    while (fsp_path_next(&parents, &name)) {
        uint8_t key[16 + FSP_NAME_BYTES_MAX];
        memcpy(key, directory.bytes, 16);
        memcpy(key + 16, name.data, name.bytes);
        const fsp_omap_row_t *row = fsp_omap_get(r->entries, fsp_slice(key, 16 + name.bytes));
        if (row) {
            memcpy(directory.bytes, row->value.data, 16);
            continue;
        }
        ck_assert_uint_lt(made, change->made_count);
        replayed_t node = {.id = change->made_ids[made++], .kind = FSP_KIND_DIRECTORY};
        replay_place(r, &node, directory, name);
        directory = node.id;
    }
    ck_assert_uint_eq(made, change->made_count);
    return directory;
}

static inline void
replay_rmdir(replay_t *r, fsp_file_id_t id)
{
    uint8_t key[16 + FSP_NAME_BYTES_MAX];
    replayed_t node;
    ck_assert(replay_get(r, id, &node));
    ck_assert_int_eq(node.kind, FSP_KIND_DIRECTORY);
    memcpy(key, node.parent_id.bytes, 16);
    memcpy(key + 16, node.name, node.name_bytes);
    fsp_omap_remove(r->entries, fsp_slice(key, 16 + node.name_bytes));
    fsp_omap_remove(r->nodes, FSP_SLICE_OF(id));
}

static inline void
replay_one(replay_t *r, const fsp_change_info_t *change)
{
    switch ((int)change->operation) {
    case FSP_COMMAND_SPACE_INIT:
    case FSP_COMMAND_ATTR:
    case FSP_COMMAND_LOCK:
    case FSP_COMMAND_RENEW:
    case FSP_COMMAND_UNLOCK:
    case FSP_COMMAND_QUOTA:
    case FSP_COMMAND_REKEY:
    case FSP_COMMAND_RULES:
    case FSP_COMMAND_LINK_MAKE:
    case FSP_COMMAND_LINK_DROP:
    case FSP_COMMAND_LINK_USE:
    case FSP_COMMAND_SPACE_STATE:
        return; /* not of the tree */
    case FSP_COMMAND_RMDIR:
        replay_rmdir(r, change->file_id);
        return;
    case FSP_COMMAND_DELETE:
        replay_trash(r, change->file_id, change->index);
        return;
    default:
        break;
    }
    if (!fsp_file_id_is_zero(change->displaced_id))
        replay_trash(r, change->displaced_id, change->index);
    fsp_slice_t name;
    fsp_file_id_t directory = replay_walk(r, change, &name);
    replayed_t node = {.id = change->file_id, .kind = change->kind};
    bool known = replay_get(r, change->file_id, &node);
    if (!fsp_version_id_is_zero(change->version_id))
        node.version_id = change->version_id;
    if (known && change->operation != FSP_COMMAND_MOVE) {
        ck_assert(fsp_file_id_eq(node.parent_id, directory));
        ck_assert(fsp_slice_eq(fsp_slice(node.name, node.name_bytes), name));
        fsp_omap_put(r->nodes, FSP_SLICE_OF(node.id), fsp_slice(&node, sizeof(node)), 0);
        return;
    }
    ck_assert(known || change->operation != FSP_COMMAND_MOVE);
    replay_place(r, &node, directory, name);
}

static inline void
replay_change(replay_t *r, const fsp_change_info_t *change)
{
    r->trashed = 0;
    if (change->operation != FSP_COMMAND_BATCH) {
        replay_one(r, change);
        return;
    }
    fsp_canon_t items = fsp_canon_reader(change->items);
    for (size_t i = 0; i < change->item_count; i++) {
        fsp_change_info_t item;
        fsp_change_item_next(&items, &item);
        ck_assert_int_eq(items.status, FSP_OK);
        item.index = change->index;
        replay_one(r, &item);
    }
    ck_assert_int_eq(fsp_canon_finish(&items), FSP_OK);
}

/* The feed, applied from the first change on, gives the tree. */
static inline void
check_replay(checker_t *c)
{
    replay_t r = {.nodes = fsp_omap_new(),
                  .entries = fsp_omap_new(),
                  .root_id = c->space.root_id,
                  .trash_id = c->space.trash_id};
    for (uint64_t i = 1; i <= c->space.change_index; i++) {
        uint8_t key[8];
        fsp_store_u64(key, i);
        fsp_change_info_t change;
        const fsp_omap_row_t *row = table_row(c, FSP_TABLE_CHANGE, fsp_slice(key, sizeof(key)));
        ck_assert_int_eq(fsp_change_row_decode(row->value, &change), FSP_OK);
        replay_change(&r, &change);
    }
    ck_assert_uint_eq(fsp_omap_count(r.nodes) + 2, c->nodes);
    ck_assert_uint_eq(fsp_omap_count(r.entries), c->entries);
    const fsp_omap_row_t *row = fsp_omap_first(r.nodes);
    for (; row; row = fsp_omap_next(row)) {
        replayed_t replayed;
        fsp_node_row_t node;
        memcpy(&replayed, row->value.data, sizeof(replayed));
        need_node(c, replayed.id, &node);
        ck_assert_int_eq(node.kind, replayed.kind);
        ck_assert(fsp_file_id_eq(node.parent_id, replayed.parent_id));
        ck_assert(
            fsp_slice_eq(fsp_node_row_name(&node), fsp_slice(replayed.name, replayed.name_bytes)));
        ck_assert(node.head_count == 0 || fsp_version_id_eq(node.heads[0].id, replayed.version_id));
    }
    fsp_omap_destroy(&r.nodes);
    fsp_omap_destroy(&r.entries);
}

/* All rows of the world's space. */
static inline void
check_state(world_t *w)
{
    checker_t c = {.world = w, .map = fsp_memview_map(w->rows)};
    const fsp_omap_row_t *row = table_row(&c, FSP_TABLE_SPACE, (fsp_slice_t){0});
    ck_assert_ptr_nonnull(row);
    ck_assert_int_eq(fsp_space_row_decode(row->value, &c.space), FSP_OK);
    for (row = fsp_omap_first(c.map); row; row = fsp_omap_next(row)) {
        ck_assert_uint_ge(row->key.bytes, FSP_ROW_PREFIX_BYTES);
        ck_assert(!row->deleted);
        if (memcmp(row->key.data + 9, w->space_id.bytes, sizeof(w->space_id.bytes)) != 0)
            continue; /* of the shard, or of another space */
        fsp_slice_t rest =
            fsp_slice(row->key.data + FSP_ROW_PREFIX_BYTES, row->key.bytes - FSP_ROW_PREFIX_BYTES);
        switch (row->key.data[8]) {
        case FSP_TABLE_ENTRY:
            check_entry(&c, rest, row->value);
            break;
        case FSP_TABLE_NODE:
            check_node(&c, rest, row->value);
            break;
        case FSP_TABLE_UPLOAD:
            check_upload(&c, row->value);
            break;
        case FSP_TABLE_VERSION_INDEX:
            c.version_ids++;
            break;
        case FSP_TABLE_OP:
            check_op(&c, rest, row->value);
            break;
        case FSP_TABLE_OP_ORDER:
            c.orders++;
            break;
        default:
            break;
        }
    }
    ck_assert_uint_eq(c.nodes, c.entries + 2);
    ck_assert_uint_eq(c.versions, c.version_ids);
    ck_assert_uint_eq(c.used, c.space.used_bytes);
    check_chain(&c);
    ck_assert(c.lowered || c.space.quota_bytes == 0 || c.space.used_bytes <= c.space.quota_bytes);
    ck_assert_uint_eq(c.ops, c.space.op_count);
    ck_assert_uint_eq(c.ops, c.orders);
    ck_assert_uint_le(c.space.horizon, c.space.change_index);
    check_replay(&c);
}
#endif
