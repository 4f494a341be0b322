/* SPDX-License-Identifier: MIT */
/* test_asof_random - what `at` shows is what was shown then.  Tests.
 *
 * A picture of the whole tree is taken after each change, by the queries without `at`; what `at`
 * shows of every change is compared with it, while versions are pruned, trash is purged and the
 * past is cut off.  A second replica whose rows stay pending applies the same commands, and the
 * feed is replayed.  FSP_SEED picks the first seed, FSP_COMMANDS how many.
 */
#include <stdlib.h>

#include "core/base/prng.h"
#include "tests/unit/meta/faulty_view.h"
#include "tests/unit/meta/history_world.h"

/* -- pictures ---------------------------------------------------------------------------------- */

typedef struct {
    char path[64];
    fsp_kind_t kind;
    fsp_file_id_t id;
    uint64_t size, number;
    fsp_time_t time;
    fsp_version_id_t heads[FSP_HEADS_MAX];
    size_t head_count;
    bool retained;
} shot_t;

typedef struct {
    shot_t *shots;
    size_t count, room;
} picture_t;

enum { PICTURES_MAX = 4096, RECENT = 32 };

static void
add_shot(picture_t *picture, const shot_t *shot)
{
    if (picture->count == picture->room) {
        picture->room = picture->room ? 2 * picture->room : 16;
        picture->shots = fsp_realloc(picture->shots, picture->room * sizeof(*shot));
    }
    picture->shots[picture->count++] = *shot;
}

/* All nodes below a directory, by pages of `limit` names; index 0: now. */
static void
take(const char *path, uint64_t index, uint32_t limit, picture_t *ret)
{
    char after[32] = "";
    for (bool more = true; more;) {
        fsp_query_t query = new_query(&world, FSP_QUERY_LIST);
        query.target = at(path);
        query.at_index = index;
        query.after = text(after);
        query.limit = limit;
        fsp_answer_t answer = ask_bytes(&world, &query);
        ck_status(answer.status, FSP_OK);
        more = answer.more;
        size_t first = ret->count;
        for (size_t i = 0; i < answer.count; i++) {
            fsp_entry_info_t entry;
            ck_status(fsp_answer_entry(&answer, &entry), FSP_OK);
            shot_t shot = {.kind = entry.kind,
                           .id = entry.file_id,
                           .size = entry.size,
                           .number = entry.number,
                           .time = entry.modified,
                           .head_count = entry.head_count,
                           .retained = entry.retained};
            shot.heads[0] = entry.version_id;
            (void)snprintf(shot.path, sizeof(shot.path), "%s/%.*s", path[1] ? path : "",
                           (int)entry.name.bytes, (const char *)entry.name.data);
            (void)snprintf(after, sizeof(after), "%.*s", (int)entry.name.bytes,
                           (const char *)entry.name.data);
            add_shot(ret, &shot);
        }
        if (more && index) /* the last name looked at: it may have meant nothing then */
            (void)snprintf(after, sizeof(after), "%.*s", (int)answer.next.bytes,
                           (const char *)answer.next.data);
        for (size_t i = first, end = ret->count; i < end; i++) {
            shot_t shot = ret->shots[i];
            fsp_node_info_t node;
            fsp_status_t status;
            if (index)
                status = resolve_then(&world, at(shot.path), index, &node);
            else
                status = resolve_at(&world, shot.path, &node);
            ck_status(status, shot.retained ? FSP_OK : FSP_GONE);
            if (status == FSP_OK) {
                ck_assert_uint_eq(node.head_count, shot.head_count);
                memcpy(ret->shots[i].heads, node.heads, sizeof(node.heads));
                ck_assert(fsp_file_id_eq(node.file_id, shot.id));
                ck_assert(node.head_count == 0 || node.version.size == shot.size);
            }
        }
    }
    /* What lies below comes behind all pages: one order, whatever the pages. */
    for (size_t i = 0, end = ret->count; i < end; i++) {
        shot_t shot = ret->shots[i];
        size_t bytes = strlen(path[1] ? path : "");
        bool child = strncmp(shot.path, path[1] ? path : "", bytes) == 0 &&
                     shot.path[bytes] == '/' && !strchr(shot.path + bytes + 1, '/');
        if (child && shot.kind == FSP_KIND_DIRECTORY)
            take(shot.path, index, limit, ret);
    }
}

/* True if the version's bytes are kept, by the rows themselves. */
static bool
version_kept(fsp_file_id_t id, uint64_t number)
{
    fsp_row_key_t key = fsp_row_key(world.shard, FSP_TABLE_VERSION, world.space_id);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_row_key_add_u64(&key, number);
    const fsp_omap_row_t *row = fsp_omap_get(fsp_memview_map(world.rows), fsp_row_key_slice(&key));
    fsp_version_row_t version;
    return row && fsp_version_row_decode(row->value, &version) == FSP_OK && version.retained;
}

/* A node that is there and not marked. */
static bool
node_kept(fsp_file_id_t id)
{
    fsp_row_key_t key = fsp_row_key(world.shard, FSP_TABLE_NODE, world.space_id);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    const fsp_omap_row_t *row = fsp_omap_get(fsp_memview_map(world.rows), fsp_row_key_slice(&key));
    fsp_node_row_t node;
    return row && fsp_node_row_decode(row->value, &node) == FSP_OK && !node.history.purging;
}

static uint64_t shown, shown_gone;

static void
ck_same_picture(const picture_t *then, const picture_t *now, uint64_t index)
{
    ck_assert_msg(then->count == now->count, "change %llu: %zu nodes then, %zu shown",
                  (unsigned long long)index, then->count, now->count);
    for (size_t i = 0; i < then->count; i++) {
        const shot_t *a = &then->shots[i], *b = &now->shots[i];
        ck_assert_str_eq(a->path, b->path);
        ck_assert_int_eq(a->kind, b->kind);
        ck_assert(fsp_file_id_eq(a->id, b->id));
        bool kept =
            node_kept(a->id) && (a->kind == FSP_KIND_DIRECTORY || version_kept(a->id, a->number));
        ck_assert_msg(b->retained == kept, "%s at %llu", a->path, (unsigned long long)index);
        shown++;
        shown_gone += !kept;
        if (!node_kept(a->id))
            continue;
        ck_assert_uint_eq(a->size, b->size);
        ck_assert_uint_eq(a->number, b->number);
        ck_assert_uint_eq(a->time, b->time);
        ck_assert_uint_eq(a->head_count, b->head_count);
        if (kept)
            ck_assert_mem_eq(a->heads, b->heads, a->head_count * sizeof(a->heads[0]));
    }
}

/* -- the feed ---------------------------------------------------------------------------------- */

typedef struct {
    fsp_file_id_t id, parent_id; /* parent zero: on its way out */
    char name[32];
    bool gone;
} replayed_t;

typedef struct {
    replayed_t nodes[8192];
    size_t count;
    unsigned trashed; /* by the change being replayed */
} replay_t;

static replayed_t *
replayed(replay_t *r, fsp_file_id_t id)
{
    for (size_t i = 0; i < r->count; i++)
        if (!r->nodes[i].gone && fsp_file_id_eq(r->nodes[i].id, id))
            return &r->nodes[i];
    return NULL;
}

static replayed_t *
replayed_child(replay_t *r, fsp_file_id_t parent_id, fsp_slice_t name)
{
    for (size_t i = 0; i < r->count; i++)
        if (!r->nodes[i].gone && fsp_file_id_eq(r->nodes[i].parent_id, parent_id) &&
            fsp_slice_eq(text(r->nodes[i].name), name))
            return &r->nodes[i];
    return NULL;
}

static void
replay_place(replay_t *r, fsp_file_id_t id, fsp_file_id_t parent_id, fsp_slice_t name)
{
    replayed_t *node = replayed(r, id);
    replayed_t *other = replayed_child(r, parent_id, name);
    ck_assert(!other || other == node);
    if (!node) {
        ck_assert_uint_lt(r->count, sizeof(r->nodes) / sizeof(r->nodes[0]));
        node = &r->nodes[r->count++];
        *node = (replayed_t){.id = id};
    }
    node->parent_id = parent_id;
    (void)snprintf(node->name, sizeof(node->name), "%.*s", (int)name.bytes,
                   (const char *)name.data);
}

static void
replay_trash(replay_t *r, fsp_file_id_t id, uint64_t index)
{
    char name[32];
    (void)snprintf(name, sizeof(name), r->trashed ? "%020llu.%04u" : "%020llu",
                   (unsigned long long)index, r->trashed);
    r->trashed++;
    ck_assert_ptr_nonnull(replayed(r, id));
    replay_place(r, id, world.trash_id, text(name));
}

/* One change, or item of a batch. */
static void
replay_one(replay_t *r, const fsp_change_info_t *change)
{
    if (!fsp_file_id_is_zero(change->displaced_id))
        replay_trash(r, change->displaced_id, change->index);
    switch ((int)change->operation) {
    case FSP_COMMAND_SPACE_INIT:
    case FSP_COMMAND_PRUNE:
    case FSP_COMMAND_RETENTION:
    case FSP_COMMAND_HOLD:
    case FSP_COMMAND_ATTR:
    case FSP_COMMAND_LOCK:
    case FSP_COMMAND_UNLOCK:
    case FSP_COMMAND_REKEY:
    case FSP_COMMAND_RULES:
        return;
    case FSP_COMMAND_RMDIR:
        ck_assert_ptr_nonnull(replayed(r, change->file_id));
        replayed(r, change->file_id)->gone = true;
        return;
    case FSP_COMMAND_DELETE:
        replay_trash(r, change->file_id, change->index);
        return;
    case FSP_COMMAND_PURGE:
        for (size_t i = 0; i < change->dropped.bytes; i += 16) {
            fsp_file_id_t id;
            memcpy(id.bytes, change->dropped.data + i, 16);
            replayed_t *node = replayed(r, id);
            ck_assert_ptr_nonnull(node);
            node->gone = true;
        }
        return;
    default:
        break;
    }
    fsp_slice_t rest = change->path, name;
    fsp_file_id_t directory = world.root_id;
    size_t made = 0;
    for (ck_assert(fsp_path_next(&rest, &name)); rest.bytes; (void)fsp_path_next(&rest, &name)) {
        replayed_t *node = replayed_child(r, directory, name);
        if (node) {
            directory = node->id;
            continue;
        }
        ck_assert_uint_lt(made, change->made_count);
        replay_place(r, change->made_ids[made], directory, name);
        directory = change->made_ids[made++];
    }
    ck_assert_uint_eq(made, change->made_count);
    replay_place(r, change->file_id, directory, name);
}

static void
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
        item.index = change->index;
        replay_one(r, &item);
    }
    ck_status(fsp_canon_finish(&items), FSP_OK);
}

/* True if going up ends at the root or the trash. */
static bool
replay_visible(replay_t *r, const replayed_t *node)
{
    fsp_file_id_t id = node->parent_id;
    while (!fsp_file_id_eq(id, world.root_id) && !fsp_file_id_eq(id, world.trash_id)) {
        const replayed_t *above = replayed(r, id);
        if (!above)
            return false;
        id = above->parent_id;
    }
    return true;
}

/* Every visible node of the feed has its entry; there are no others, once nothing is to purge. */
static void
ck_replay(replay_t *r)
{
    size_t visible = 0;
    for (size_t i = 0; i < r->count; i++) {
        const replayed_t *node = &r->nodes[i];
        if (node->gone || !replay_visible(r, node))
            continue;
        visible++;
        fsp_row_key_t key = fsp_row_key(world.shard, FSP_TABLE_ENTRY, world.space_id);
        fsp_row_key_add(&key, FSP_SLICE_OF(node->parent_id));
        fsp_row_key_add(&key, text(node->name));
        const fsp_omap_row_t *row =
            fsp_omap_get(fsp_memview_map(world.rows), fsp_row_key_slice(&key));
        fsp_entry_row_t entry;
        ck_assert_msg(row != NULL, "the feed has a %s more", node->name);
        ck_assert_int_eq(fsp_entry_row_decode(row->value, &entry), FSP_OK);
        ck_assert(fsp_file_id_eq(entry.id, node->id));
    }
    ck_assert_uint_eq(visible, count_rows(&world, FSP_TABLE_ENTRY));
}

/* -- random commands --------------------------------------------------------------------------- */

typedef struct {
    fsp_prng_t prng;
    fsp_file_id_t ids[RECENT];
    fsp_version_id_t versions[RECENT];
    char paths[2][32];
    fsp_version_id_t pruned[4];
    fsp_buf_t carrier, items;
    world_t *other;
} maker_t;

static uint64_t
below(maker_t *maker, uint64_t bound)
{
    return fsp_prng_below(&maker->prng, bound);
}

static fsp_target_t
some_path(maker_t *maker, size_t slot)
{
    static const char *const names[] = {"/a", "/b", "/ab"};
    char *path = maker->paths[slot];
    path[0] = 0;
    for (size_t depth = 1 + below(maker, 3); depth > 0; depth--)
        (void)strcat(path, names[below(maker, 3)]);
    return at(path);
}

static fsp_target_t
some_target(maker_t *maker)
{
    fsp_file_id_t id = maker->ids[below(maker, RECENT)];
    return below(maker, 3) || fsp_file_id_is_zero(id) ? some_path(maker, 0) : by_id(id);
}

static fsp_version_id_t
some_version(maker_t *maker)
{
    return maker->versions[below(maker, RECENT)];
}

static void
fill_first(maker_t *maker, fsp_command_t *command)
{
    bool create = below(maker, 2);
    size_t slot = below(maker, RECENT);
    switch ((int)command->type) {
    case FSP_COMMAND_PUT:
        command->put.target = some_target(maker);
        command->put.kind = below(maker, 8) ? FSP_KIND_FILE : FSP_KIND_SYMLINK;
        command->put.condition = below(maker, 3) ? condition(FSP_IF_REPLACE)
                                                 : condition_on(FSP_IF_EDIT, some_version(maker));
        command->put.create_parents = create;
        command->put.ids_seed = next_seed(&world);
        command->put.size = below(maker, 1000);
        command->put.carrier = carrier_of("content", &maker->carrier);
        command->version = 2;
        command->put.revive = below(maker, 4) > 0; /* of use to an edit of what was deleted */
        return;
    case FSP_COMMAND_DELETE:
        command->remove.target = some_target(maker);
        command->remove.recursive = true;
        command->remove.condition = condition(FSP_IF_REPLACE);
        return;
    case FSP_COMMAND_MKDIR:
        command->mkdir.target = some_path(maker, 0);
        command->mkdir.create_parents = create;
        command->mkdir.ids_seed = next_seed(&world);
        return;
    case FSP_COMMAND_MOVE:
        command->move.from = some_target(maker);
        command->move.to = some_path(maker, 1);
        command->move.create_parents = create;
        command->move.replace = below(maker, 2);
        command->move.ids_seed = next_seed(&world);
        command->move.condition = condition(FSP_IF_REPLACE);
        return;
    case FSP_COMMAND_COPY:
        command->copy.from = some_target(maker);
        command->copy.to = some_path(maker, 1);
        command->copy.create_parents = create;
        command->copy.condition = condition(FSP_IF_REPLACE);
        command->copy.ids_seed = next_seed(&world);
        return;
    default:
        command->restore.target = by_id(maker->ids[slot]);
        if (fsp_file_id_is_zero(maker->ids[slot]))
            command->restore.target = at("/a");
        command->restore.version_id = maker->versions[slot];
        command->restore.condition = condition(FSP_IF_REPLACE);
        return;
    }
}

static void
fill_history(maker_t *maker, fsp_command_t *command)
{
    fsp_history_body_t *body = &command->history;
    size_t slot = below(maker, RECENT);
    switch ((int)command->type) {
    case FSP_COMMAND_UNDELETE:
        body->target = by_id(maker->ids[below(maker, RECENT)]);
        if (fsp_file_id_is_zero(body->target.id))
            body->target = at("/a");
        if (below(maker, 3) == 0)
            body->to = some_path(maker, 1);
        body->create_parents = below(maker, 2);
        body->ids_seed = next_seed(&world);
        return;
    case FSP_COMMAND_PRUNE:
        body->given = below(maker, 2);
        if (!body->given)
            return;
        body->target = some_target(maker);
        if (!fsp_file_id_is_zero(maker->ids[slot]))
            body->target = by_id(maker->ids[slot]);
        maker->pruned[0] = maker->versions[slot];
        maker->pruned[1] = some_version(maker);
        body->versions = fsp_slice(maker->pruned, (below(maker, 4) ? 1 : 2) * 32);
        return;
    case FSP_COMMAND_PURGE:
        body->given = below(maker, 2);
        body->person = below(maker, 2);
        if (body->given)
            body->target = by_id(maker->ids[below(maker, RECENT)]);
        if (body->given && fsp_file_id_is_zero(body->target.id))
            body->target = at("/a");
        if (!body->given && below(maker, 2))
            body->before = world.time - below(maker, 60) * DAY_US;
        return;
    case FSP_COMMAND_RETENTION:
        body->retention =
            (fsp_retention_t){.keep_last = below(maker, 4),
                              .all_days = below(maker, 10),
                              .daily = below(maker, 4),
                              .weekly = below(maker, 3),
                              .monthly = below(maker, 2),
                              .past_days = below(maker, 5) ? 0 : 100 + below(maker, 300)};
        return;
    default:
        body->target = some_target(maker);
        body->legal_hold = below(maker, 8) == 0;
        if (below(maker, 4) == 0)
            body->worm_until = world.time + below(maker, 2 * 86400) * 1000000;
        return;
    }
}

static void
fill_node(maker_t *maker, fsp_command_t *command)
{
    fsp_node_body_t *body = &command->node;
    switch ((int)command->type) {
    case FSP_COMMAND_ATTR:
        body->attr.target = some_target(maker);
        body->attr.attr = text(below(maker, 2) ? "x" : "y");
        body->attr.condition = condition(FSP_IF_REPLACE);
        return;
    case FSP_COMMAND_RMDIR:
        body->rmdir.target = some_target(maker);
        return;
    case FSP_COMMAND_REKEY:
        body->rekey.version_id = some_version(maker);
        body->rekey.present = fsp_sha256(carrier_of("content", &maker->carrier));
        fsp_buf_clear(&maker->carrier);
        body->rekey.carrier = carrier_of("content anew", &maker->carrier);
        return;
    default:
        body->lease.target = some_target(maker);
        body->lease.force = command->type == FSP_COMMAND_UNLOCK;
        body->lease.duration = command->type == FSP_COMMAND_LOCK ? DAY_US : 0;
        return;
    }
}

/* A command, or an item of a batch. */
static fsp_command_t
fill(maker_t *maker, fsp_command_type_t type)
{
    fsp_command_t command = new_command(&world, type);
    fsp_buf_init(&maker->carrier, FSP_CARRIER_BYTES_MAX);
    if (fsp_command_family(command.type) == FSP_FAMILY_FIRST)
        fill_first(maker, &command);
    else if (fsp_command_family(command.type) == FSP_FAMILY_HISTORY)
        fill_history(maker, &command);
    else
        fill_node(maker, &command);
    return command;
}

/* Names meet in it: one change gives them several meanings. */
static fsp_command_t
some_batch(maker_t *maker)
{
    static const fsp_command_type_t types[] = {
        FSP_COMMAND_PUT,   FSP_COMMAND_PUT,      FSP_COMMAND_MKDIR,    FSP_COMMAND_MOVE,
        FSP_COMMAND_COPY,  FSP_COMMAND_RESTORE,  FSP_COMMAND_DELETE,   FSP_COMMAND_DELETE,
        FSP_COMMAND_MKDIR, FSP_COMMAND_UNDELETE, FSP_COMMAND_UNDELETE, FSP_COMMAND_ATTR,
        FSP_COMMAND_RMDIR, FSP_COMMAND_LOCK};
    fsp_buf_reset(&maker->items);
    size_t count = 1 + below(maker, 4);
    for (size_t i = 0; i < count; i++) {
        fsp_command_t item = fill(maker, types[below(maker, sizeof(types) / sizeof(types[0]))]);
        fsp_batch_add(&item, &maker->items);
        fsp_buf_clear(&maker->carrier);
    }
    fsp_command_t command = new_command(&world, FSP_COMMAND_BATCH);
    command.node.batch.items = fsp_buf_slice(&maker->items);
    command.node.batch.count = count;
    return command;
}

static fsp_command_t
some_command(maker_t *maker)
{
    static const fsp_command_type_t types[] = {
        FSP_COMMAND_PUT,    FSP_COMMAND_PUT,    FSP_COMMAND_PUT,      FSP_COMMAND_PUT,
        FSP_COMMAND_PUT,    FSP_COMMAND_MKDIR,  FSP_COMMAND_MKDIR,    FSP_COMMAND_MOVE,
        FSP_COMMAND_MOVE,   FSP_COMMAND_COPY,   FSP_COMMAND_RESTORE,  FSP_COMMAND_DELETE,
        FSP_COMMAND_DELETE, FSP_COMMAND_DELETE, FSP_COMMAND_UNDELETE, FSP_COMMAND_UNDELETE,
        FSP_COMMAND_PRUNE,  FSP_COMMAND_PRUNE,  FSP_COMMAND_PURGE,    FSP_COMMAND_RETENTION,
        FSP_COMMAND_HOLD,   FSP_COMMAND_BATCH,  FSP_COMMAND_BATCH,    FSP_COMMAND_BATCH,
        FSP_COMMAND_BATCH,  FSP_COMMAND_RMDIR,  FSP_COMMAND_LOCK,     FSP_COMMAND_UNLOCK,
        FSP_COMMAND_REKEY,  FSP_COMMAND_RMDIR,  FSP_COMMAND_RMDIR,    FSP_COMMAND_MKDIR,
        FSP_COMMAND_COPY,   FSP_COMMAND_COPY};
    fsp_command_type_t type = types[below(maker, sizeof(types) / sizeof(types[0]))];
    return type == FSP_COMMAND_BATCH ? some_batch(maker) : fill(maker, type);
}

static void
remember(maker_t *maker)
{
    const fsp_result_t *result = &world.result;
    size_t slot = below(maker, RECENT);
    if (fsp_file_id_is_zero(result->file_id) || (result->head_count == 0 && below(maker, 3)))
        return; /* directories, but not only */
    maker->ids[slot] = result->file_id;
    if (result->head_count)
        maker->versions[slot] = result->heads[below(maker, result->head_count)];
}

/* The last change, added to the replay. */
static void
follow(replay_t *replay, uint64_t index)
{
    fsp_query_t query = new_query(&world, FSP_QUERY_CHANGES);
    query.after_index = index - 1;
    fsp_answer_t answer = ask(&world, &query);
    fsp_change_info_t change;
    ck_status(answer.status, FSP_OK);
    ck_assert_uint_eq(answer.count, 1);
    ck_status(fsp_answer_change(&answer, &change), FSP_OK);
    replay_change(replay, &change);
}

static void
compare_all(maker_t *maker, const picture_t *pictures, uint64_t last)
{
    uint64_t horizon = space_history(&world).at_horizon;
    fsp_node_info_t node;
    ck_assert_uint_ge(horizon, 1);
    for (uint64_t index = 1; index <= last; index++) {
        if (index < horizon) {
            ck_status(resolve_then(&world, at("/"), index, &node), FSP_GONE);
            continue;
        }
        if (below(maker, 16) == 0) {
            fsp_query_t query = new_query(&world, FSP_QUERY_LIST);
            query.target = at("/");
            query.at_index = index;
            ck_failed_reads_stop_query(&world, &query);
            query.type = FSP_QUERY_RESOLVE;
            query.target = some_target(maker);
            ck_failed_reads_stop_query(&world, &query);
        }
        picture_t now = {0};
        take("/", index, below(maker, 2) ? 1000 : 1 + (uint32_t)below(maker, 3), &now);
        ck_same_picture(&pictures[index], &now, index);
        fsp_free(now.shots);
    }
}

static void
apply_both(maker_t *maker, const fsp_command_t *command)
{
    if (below(maker, 8) == 0) {
        fsp_buf_reset(&world.bytes);
        fsp_command_encode(command, &world.bytes);
        ck_failed_reads_stop(&world, fsp_buf_slice(&world.bytes));
    }
    fsp_status_t status = apply(&world, command);
    fsp_result_t result = world.result;
    ck_assert_uint_le(world.rows_written, FSP_COMMAND_ROWS_MAX);
    ck_assert_int_eq(apply_bytes(maker->other, fsp_buf_slice(&world.bytes)), status);
    ck_assert_uint_eq(maker->other->result.index, result.index);
}

static void
ck_equal_rows(world_t *a, world_t *b)
{
    const fsp_omap_row_t *x = fsp_omap_first(fsp_memview_map(a->rows));
    const fsp_omap_row_t *y = fsp_omap_first(fsp_memview_map(b->rows));
    for (; x && y; x = fsp_omap_next(x), y = fsp_omap_next(y)) {
        ck_assert(fsp_slice_eq(x->key, y->key));
        ck_assert(fsp_slice_eq(x->value, y->value));
    }
    ck_assert(!x && !y);
}

static uint64_t
setting(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value ? strtoull(value, NULL, 10) : otherwise;
}

static void
begin_other(world_t *other)
{
    world_init_bare(other);
    set_level(other, 2);
    fsp_command_t command = space_init_command(other);
    ck_status(apply(other, &command), FSP_OK);
    other->lazy = true;
}

START_TEST(what_was_is_shown_at_every_change)
{
    uint64_t commands = setting("FSP_COMMANDS", 1000);
    picture_t *pictures = fsp_alloc_array(PICTURES_MAX, sizeof(*pictures));
    replay_t *replay = FSP_NEW(replay_t);
    maker_t maker = {.other = FSP_NEW(world_t)};
    uint64_t by_type[64] = {0}, last = 1;
    fsp_prng_init(&maker.prng, setting("FSP_SEED", 1) + (uint64_t)_i);
    fsp_buf_init(&maker.items, FSP_COMMAND_BYTES_MAX);
    begin_other(maker.other);
    shown = shown_gone = 0;
    for (uint64_t i = 1; i <= commands && last + 2 < PICTURES_MAX; i++) {
        if (below(&maker, 8) == 0) {
            fsp_time_t us = below(&maker, 5 * 86400) * 1000000;
            pass_time(&world, us);
            pass_time(maker.other, us);
        }
        fsp_command_t command = some_command(&maker);
        apply_both(&maker, &command);
        fsp_buf_clear(&maker.carrier);
        by_type[command.type] += world.result.status == FSP_OK;
        remember(&maker);
        ck_sound(&world);
        if (change_index(&world) > last) {
            last = change_index(&world);
            follow(replay, last);
            take("/", 0, 1000, &pictures[last]);
        }
        if (i % 100 == 0) {
            settle(maker.other);
            ck_equal_rows(&world, maker.other);
            compare_all(&maker, pictures, last);
        }
    }
    do { /* what is being purged still has entries */
        fsp_command_t command = new_command(&world, FSP_COMMAND_PURGE);
        apply_both(&maker, &command);
        if (change_index(&world) > last)
            follow(replay, last = change_index(&world));
    } while (count_rows(&world, FSP_TABLE_WORK) > 1);
    ck_replay(replay);
    for (unsigned type = FSP_COMMAND_PUT; type < FSP_COMMAND_HISTORY_END; type++)
        ck_assert_msg(by_type[type] > 0 || commands < 1000, "no command %u succeeded", type);
    for (unsigned type = FSP_COMMAND_RMDIR; type <= FSP_COMMAND_BATCH; type++)
        ck_assert_msg(by_type[type] > 0 || commands < 1000 || type == FSP_COMMAND_RENEW,
                      "no command %u succeeded", type);
    ck_assert_uint_gt(shown_gone, 0);
    printf("seed %d: %llu changes, %llu nodes shown, %llu of them gone, horizon %llu\n", _i + 1,
           (unsigned long long)last, (unsigned long long)shown, (unsigned long long)shown_gone,
           (unsigned long long)space_history(&world).at_horizon);
    for (size_t i = 0; i < PICTURES_MAX; i++)
        fsp_free(pictures[i].shots);
    fsp_free(pictures);
    fsp_free(replay);
    fsp_buf_clear(&maker.items);
    world_clear(maker.other);
    fsp_free(maker.other);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("asof_random");
    TCase *tcase = new_case("random", set_up_history);
    tcase_add_loop_test(tcase, what_was_is_shown_at_every_change, 0, 4);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
