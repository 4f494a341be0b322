/* SPDX-License-Identifier: MIT */
/* test_apply_put - PUT and RESTORE: conditions and refusals.  Tests. */
#include "tests/unit/meta/meta_world.h"

static fsp_version_id_t
head(size_t position)
{
    ck_assert_uint_lt(position, world.result.head_count);
    return world.result.heads[position];
}

START_TEST(a_new_file_has_number_1_and_no_parents)
{
    ck_status(put(&world, "/a"), FSP_OK);
    ck_assert_uint_eq(world.result.index, 2);
    ck_assert_uint_eq(world.result.number, 1);
    ck_assert_uint_eq(world.result.size, 10);
    ck_assert_int_eq(world.result.kind, FSP_KIND_FILE);
    ck_assert_uint_eq(world.result.head_count, 1);
    ck_assert(fsp_version_id_eq(head(0), world.result.version_id));
    fsp_node_info_t node;
    ck_status(resolve_at(&world, "/a", &node), FSP_OK);
    ck_assert(fsp_file_id_eq(node.file_id, world.result.file_id));
    ck_assert(fsp_version_id_eq(node.version.id, world.result.version_id));
    ck_assert_uint_eq(node.version.parent_count, 0);
    ck_assert_int_eq(node.version.kind, FSP_VERSION_PUT);
    ck_assert(node.version.is_head);
    ck_assert(node.version.retained);
    ck_assert_uint_eq(node.version.time, world.time);
    ck_assert(fsp_subject_id_eq(node.version.author, world.owner));
}
END_TEST

START_TEST(replace_takes_all_heads_as_parents)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t first = head(0);
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t second = head(0);
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, first)), FSP_OK);
    ck_assert_uint_eq(world.result.head_count, 2);
    fsp_version_id_t sibling = head(0);
    ck_assert(fsp_version_id_eq(head(1), second));
    ck_status(put(&world, "/a"), FSP_OK);
    ck_assert_uint_eq(world.result.head_count, 1);
    ck_assert_uint_eq(world.result.number, 4);
    fsp_node_info_t node;
    ck_status(resolve_at(&world, "/a", &node), FSP_OK);
    ck_assert_uint_eq(node.version.parent_count, 2);
    ck_assert_int_lt(fsp_version_id_cmp(node.version.parents[0], node.version.parents[1]), 0);
    for (size_t i = 0; i < 2; i++)
        ck_assert(fsp_version_id_eq(node.version.parents[i], second) ||
                  fsp_version_id_eq(node.version.parents[i], sibling));
}
END_TEST

START_TEST(edit_of_the_only_head_succeeds_it)
{
    ck_status(put(&world, "/a"), FSP_OK);
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, head(0))), FSP_OK);
    ck_assert_uint_eq(world.result.head_count, 1);
    ck_assert_uint_eq(world.result.number, 2);
}
END_TEST

START_TEST(edit_of_one_of_two_heads_takes_its_place)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t base = head(0);
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, base)), FSP_OK);
    fsp_version_id_t left = head(0);
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, base)), FSP_OK);
    ck_assert_uint_eq(world.result.head_count, 2);
    fsp_version_id_t right = head(0);
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, left)), FSP_OK);
    ck_assert_uint_eq(world.result.head_count, 2);
    ck_assert(fsp_version_id_eq(head(1), right));
}
END_TEST

START_TEST(a_base_of_another_file_is_a_mismatch)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t base = head(0);
    ck_status(put(&world, "/b"), FSP_OK);
    fsp_version_id_t own = head(0);
    ck_status(put_if(&world, "/b", condition_on(FSP_IF_EDIT, base)), FSP_MISMATCH);
    ck_assert_uint_eq(world.result.head_count, 1);
    ck_assert(fsp_version_id_eq(head(0), own));
    ck_status(put_if(&world, "/b", condition_on(FSP_IF_EDIT, (fsp_version_id_t){{9}})),
              FSP_MISMATCH);
    ck_status(put_if(&world, "/b", condition_on(FSP_IF_MERGE, base)), FSP_MISMATCH);
}
END_TEST

START_TEST(if_match_wants_exactly_this_head)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t first = head(0);
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_MATCH, first)), FSP_OK);
    fsp_version_id_t second = head(0);
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_MATCH, first)), FSP_MISMATCH);
    ck_assert_uint_eq(world.result.index, 3);
    ck_assert(fsp_version_id_is_zero(world.result.version_id));
    ck_assert_uint_eq(world.result.head_count, 1);
    ck_assert(fsp_version_id_eq(head(0), second));
    /* Two heads never match one. */
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, first)), FSP_OK);
    fsp_version_id_t preferred = head(0);
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_MATCH, second)), FSP_MISMATCH);
    ck_assert_uint_eq(world.result.head_count, 2);
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_MATCH, preferred)), FSP_MISMATCH);
}
END_TEST

START_TEST(if_match_without_a_file_is_a_mismatch_with_no_heads)
{
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_MATCH, (fsp_version_id_t){{1}})),
              FSP_MISMATCH);
    ck_assert_uint_eq(world.result.head_count, 0);
    ck_assert(fsp_file_id_is_zero(world.result.file_id));
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, (fsp_version_id_t){{1}})),
              FSP_MISMATCH);
    ck_status(put_if(&world, "/no/a", condition_on(FSP_IF_MATCH, (fsp_version_id_t){{1}})),
              FSP_MISMATCH);
    /* Nor does a base help whose file lives elsewhere: it is not what stood here. */
    ck_status(put(&world, "/b"), FSP_OK);
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, head(0))), FSP_MISMATCH);
}
END_TEST

START_TEST(if_none_match_makes_only_new_files)
{
    ck_status(put_if(&world, "/a", condition(FSP_IF_NONE_MATCH)), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    ck_status(put_if(&world, "/a", condition(FSP_IF_NONE_MATCH)), FSP_EXISTS);
    ck_assert(fsp_file_id_eq(world.result.file_id, id));
    ck_status(put_full(&world, by_id(id), FSP_KIND_FILE, condition(FSP_IF_NONE_MATCH), 1),
              FSP_EXISTS);
    ck_status(remove_at(&world, "/a"), FSP_OK);
    ck_status(put_if(&world, "/a", condition(FSP_IF_NONE_MATCH)), FSP_OK);
    ck_assert(!fsp_file_id_eq(world.result.file_id, id));
}
END_TEST

START_TEST(merge_takes_the_named_heads_and_leaves_the_others)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t base = head(0);
    fsp_version_id_t siblings[3];
    for (size_t i = 0; i < 3; i++) {
        ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, base)), FSP_OK);
        siblings[i] = head(0);
    }
    ck_assert_uint_eq(world.result.head_count, 3);
    fsp_condition_t merge = {.type = FSP_IF_MERGE, .version_count = 2};
    merge.versions[0] = siblings[2];
    merge.versions[1] = siblings[0];
    ck_status(put_if(&world, "/a", merge), FSP_OK);
    ck_assert_uint_eq(world.result.head_count, 2);
    ck_assert(fsp_version_id_eq(head(1), siblings[1]));
    fsp_node_info_t node;
    ck_status(resolve_at(&world, "/a", &node), FSP_OK);
    ck_assert_int_eq(node.version.kind, FSP_VERSION_MERGE);
    ck_assert_uint_eq(node.version.parent_count, 2);
    /* The loser of two equal merges becomes a sibling. */
    ck_status(put_if(&world, "/a", merge), FSP_OK);
    ck_assert_uint_eq(world.result.head_count, 3);
}
END_TEST

START_TEST(the_65th_sibling_is_refused)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t base = head(0);
    for (size_t i = 0; i < FSP_HEADS_MAX; i++)
        ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, base)), FSP_OK);
    ck_assert_uint_eq(world.result.head_count, FSP_HEADS_MAX);
    fsp_version_id_t last = head(0);
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, base)), FSP_TOO_MANY_HEADS);
    ck_assert_uint_eq(world.result.head_count, FSP_HEADS_MAX);
    /* In the place of a head it may. */
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, last)), FSP_OK);
    ck_assert_uint_eq(world.result.head_count, FSP_HEADS_MAX);
    fsp_condition_t merge = {.type = FSP_IF_MERGE, .version_count = FSP_PARENTS_MAX};
    memcpy(merge.versions, world.result.heads, sizeof(merge.versions));
    ck_status(put_if(&world, "/a", merge), FSP_OK);
    ck_assert_uint_eq(world.result.head_count, 1);
}
END_TEST

START_TEST(replace_of_64_heads_has_64_parents)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t base = head(0);
    for (size_t i = 0; i < FSP_HEADS_MAX; i++)
        ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, base)), FSP_OK);
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_node_info_t node;
    ck_status(resolve_at(&world, "/a", &node), FSP_OK);
    ck_assert_uint_eq(node.version.parent_count, FSP_PARENTS_MAX);
    ck_assert_uint_eq(node.head_count, 1);
}
END_TEST

START_TEST(put_onto_a_directory_or_through_a_file_is_refused)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(put(&world, "/f"), FSP_OK);
    ck_status(put(&world, "/d"), FSP_IS_DIRECTORY);
    ck_status(put(&world, "/"), FSP_IS_DIRECTORY);
    ck_status(put(&world, "/f/x"), FSP_NOT_DIRECTORY);
    ck_status(put(&world, "/f/x/y"), FSP_NOT_DIRECTORY);
    ck_status(put_full(&world, by_id(world.root_id), FSP_KIND_FILE, condition(FSP_IF_REPLACE), 1),
              FSP_IS_DIRECTORY);
}
END_TEST

START_TEST(missing_parents_are_made_only_where_asked)
{
    ck_status(put(&world, "/x/y/z"), FSP_NO_PARENT);
    ck_assert(!exists(&world, "/x"));
    fsp_buf_t carrier;
    fsp_command_t command = new_command(&world, FSP_COMMAND_PUT);
    command.put.target = at("/x/y/z");
    command.put.kind = FSP_KIND_FILE;
    command.put.condition = condition(FSP_IF_REPLACE);
    command.put.create_parents = true;
    command.put.ids_seed = next_seed(&world);
    command.put.carrier = carrier_of("content", &carrier);
    ck_status(apply(&world, &command), FSP_OK);
    fsp_buf_clear(&carrier);
    ck_assert_uint_eq(world.result.index, 2);
    ck_assert(fsp_file_id_eq(world.result.file_id, command.put.ids_seed));
    fsp_node_info_t node;
    ck_status(resolve_at(&world, "/x", &node), FSP_OK);
    ck_assert_int_eq(node.kind, FSP_KIND_DIRECTORY);
    ck_assert(fsp_file_id_eq(node.file_id, fsp_derived_id(command.put.ids_seed, 1)));
    ck_status(resolve_at(&world, "/x/y", &node), FSP_OK);
    ck_assert(fsp_file_id_eq(node.file_id, fsp_derived_id(command.put.ids_seed, 2)));
}
END_TEST

START_TEST(parents_made_by_a_refused_put_are_not_left)
{
    fsp_buf_t carrier;
    fsp_command_t command = new_command(&world, FSP_COMMAND_PUT);
    command.put.target = at("/x/y");
    command.put.kind = FSP_KIND_FILE;
    command.put.condition = condition(FSP_IF_REPLACE);
    command.put.create_parents = true;
    command.put.ids_seed = world.root_id; /* taken */
    command.put.carrier = carrier_of("content", &carrier);
    ck_status(apply(&world, &command), FSP_INVALID);
    fsp_buf_clear(&carrier);
    ck_assert(!exists(&world, "/x"));
}
END_TEST

START_TEST(a_file_is_found_by_id_after_it_was_renamed)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(move(&world, "/a", "/d/b"), FSP_OK);
    ck_status(put_full(&world, by_id(id), FSP_KIND_FILE, condition(FSP_IF_REPLACE), 7), FSP_OK);
    ck_assert_uint_eq(world.result.number, 2);
    fsp_node_info_t node;
    ck_status(resolve_at(&world, "/d/b", &node), FSP_OK);
    ck_assert_uint_eq(node.version.number, 2);
    ck_status(put_full(&world, by_id(file_id(77)), FSP_KIND_FILE, condition(FSP_IF_REPLACE), 7),
              FSP_NOT_FOUND);
}
END_TEST

START_TEST(a_trashed_file_takes_no_version)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(put(&world, "/d/a"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    fsp_version_id_t base = head(0);
    ck_status(remove_target(&world, at("/d"), true, condition(FSP_IF_REPLACE)), FSP_OK);
    ck_status(put_full(&world, by_id(id), FSP_KIND_FILE, condition(FSP_IF_REPLACE), 7),
              FSP_TRASHED);
    ck_assert(fsp_file_id_eq(world.result.file_id, id));
    ck_status(put_if(&world, "/d/a", condition_on(FSP_IF_EDIT, base)), FSP_TRASHED);
    ck_assert(fsp_file_id_eq(world.result.file_id, id));
    ck_status(put_if(&world, "/d/a", condition_on(FSP_IF_MATCH, base)), FSP_MISMATCH);
    ck_status(restore(&world, by_id(id), base, condition(FSP_IF_REPLACE)), FSP_TRASHED);
    ck_status(remove_target(&world, by_id(id), false, condition(FSP_IF_REPLACE)), FSP_TRASHED);
}
END_TEST

START_TEST(another_kind_replaces_the_entry_and_not_the_file)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    fsp_version_id_t base = head(0);
    ck_status(put_full(&world, at("/a"), FSP_KIND_SYMLINK, condition_on(FSP_IF_EDIT, base), 3),
              FSP_MISMATCH);
    ck_status(put_full(&world, at("/a"), FSP_KIND_SYMLINK, condition_on(FSP_IF_MATCH, base), 3),
              FSP_MISMATCH);
    ck_status(put_full(&world, at("/a"), FSP_KIND_SYMLINK, condition(FSP_IF_NONE_MATCH), 3),
              FSP_EXISTS);
    ck_status(put_full(&world, by_id(id), FSP_KIND_SYMLINK, condition(FSP_IF_REPLACE), 3),
              FSP_MISMATCH);
    ck_status(put_full(&world, at("/a"), FSP_KIND_SYMLINK, condition(FSP_IF_REPLACE), 3), FSP_OK);
    ck_assert(!fsp_file_id_eq(world.result.file_id, id));
    ck_assert_uint_eq(world.result.number, 1);
    fsp_node_info_t node;
    ck_status(resolve_at(&world, "/a", &node), FSP_OK);
    ck_assert_int_eq(node.kind, FSP_KIND_SYMLINK);
    ck_status(resolve_target(&world, by_id(id), "", &node), FSP_OK);
    ck_assert_uint_eq(node.path.bytes, 0);
    ck_assert(fsp_file_id_eq(node.parent_id, world.trash_id));
}
END_TEST

static void
set_quota(fsp_space_row_t *row, uint64_t value)
{
    row->quota_bytes = value;
}

START_TEST(quota_is_exact_to_the_byte)
{
    poke_space(&world, set_quota, 30);
    ck_status(put(&world, "/a"), FSP_OK);
    ck_status(put(&world, "/a"), FSP_OK); /* the first version is kept and counts */
    ck_assert_uint_eq(space_of(&world).used_bytes, 20);
    ck_status(put_full(&world, at("/b"), FSP_KIND_FILE, condition(FSP_IF_REPLACE), 11), FSP_QUOTA);
    ck_assert(!exists(&world, "/b"));
    ck_assert_uint_eq(space_of(&world).used_bytes, 20);
    ck_status(put(&world, "/b"), FSP_OK);
    ck_assert_uint_eq(space_of(&world).used_bytes, 30);
    ck_status(copy(&world, at("/a"), (fsp_version_id_t){0}, "/c", FSP_IF_REPLACE), FSP_QUOTA);
    ck_status(remove_at(&world, "/b"), FSP_OK); /* the trash counts too */
    ck_assert_uint_eq(space_of(&world).used_bytes, 30);
    ck_status(put_full(&world, at("/e"), FSP_KIND_FILE, condition(FSP_IF_REPLACE), 0), FSP_OK);
}
END_TEST

START_TEST(sizes_that_overflow_are_over_quota)
{
    ck_status(put_full(&world, at("/a"), FSP_KIND_FILE, condition(FSP_IF_REPLACE), INT64_MAX),
              FSP_OK);
    ck_status(put_full(&world, at("/b"), FSP_KIND_FILE, condition(FSP_IF_REPLACE), INT64_MAX),
              FSP_OK);
    ck_status(put_full(&world, at("/c"), FSP_KIND_FILE, condition(FSP_IF_REPLACE), INT64_MAX),
              FSP_QUOTA);
}
END_TEST

/* Marks a version as no longer retained, as PRUNE will. */
static void
prune(fsp_file_id_t id, uint64_t number)
{
    fsp_row_key_t key = fsp_row_key(world.shard, FSP_TABLE_VERSION, world.space_id);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_row_key_add_u64(&key, number);
    fsp_buf_t in, out;
    fsp_buf_init(&in, FSP_VALUE_BYTES_MAX);
    fsp_buf_init(&out, FSP_VALUE_BYTES_MAX);
    ck_status(fsp_view_get(fsp_memview_view(world.rows), fsp_row_key_slice(&key), &in), FSP_OK);
    fsp_version_row_t row;
    ck_status(fsp_version_row_decode(fsp_buf_slice(&in), &row), FSP_OK);
    row.retained = false;
    fsp_version_row_encode(&row, &out);
    fsp_omap_put(fsp_memview_map(world.rows), fsp_row_key_slice(&key), fsp_buf_slice(&out), 0);
    fsp_buf_clear(&in);
    fsp_buf_clear(&out);
}

START_TEST(a_base_that_is_not_kept_is_gone_and_the_answer_is_not_stored)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    fsp_version_id_t base = head(0);
    ck_status(put(&world, "/a"), FSP_OK);
    prune(id, 1);
    uint64_t before = world.last_op;
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, base)), FSP_BASE_GONE);
    world.last_op = before; /* the same operation again, with other words */
    ck_status(put_if(&world, "/a", condition(FSP_IF_REPLACE)), FSP_OK);
    ck_assert(!world.result.repeated);
    ck_status(restore(&world, at("/a"), base, condition(FSP_IF_REPLACE)), FSP_GONE);
    ck_status(copy(&world, at("/a"), base, "/b", FSP_IF_REPLACE), FSP_GONE);
    char hex[65];
    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", base.bytes[i]);
    fsp_node_info_t node;
    ck_status(resolve_target(&world, at("/a"), hex, &node), FSP_GONE);
}
END_TEST

START_TEST(restore_makes_a_new_head_of_an_old_version)
{
    ck_status(put_full(&world, at("/a"), FSP_KIND_FILE, condition(FSP_IF_REPLACE), 5), FSP_OK);
    fsp_version_id_t first = head(0);
    ck_status(put_full(&world, at("/a"), FSP_KIND_FILE, condition(FSP_IF_REPLACE), 9), FSP_OK);
    fsp_version_id_t second = head(0);
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, first)), FSP_OK);
    ck_status(restore(&world, at("/a"), first, condition_on(FSP_IF_MATCH, second)), FSP_MISMATCH);
    ck_status(restore(&world, at("/a"), first, condition(FSP_IF_REPLACE)), FSP_OK);
    ck_assert_uint_eq(world.result.number, 4);
    ck_assert_uint_eq(world.result.size, 5);
    ck_assert_uint_eq(world.result.head_count, 1);
    fsp_node_info_t node;
    ck_status(resolve_at(&world, "/a", &node), FSP_OK);
    ck_assert_int_eq(node.version.kind, FSP_VERSION_RESTORE);
    ck_assert_uint_eq(node.version.parent_count, 2);
    ck_assert_uint_eq(space_of(&world).used_bytes, 5 + 9 + 10 + 5);
    fsp_hash_t carrier_hash = fsp_sha256(node.version.carrier);
    ck_assert(fsp_hash_eq(carrier_hash, node.version.carrier_hash));
    ck_status(restore(&world, at("/a"), world.result.version_id,
                      condition_on(FSP_IF_MATCH, world.result.version_id)),
              FSP_OK);
}
END_TEST

START_TEST(restore_refuses_what_is_not_a_version_of_the_file)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t other = head(0);
    ck_status(put(&world, "/b"), FSP_OK);
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(restore(&world, at("/b"), other, condition(FSP_IF_REPLACE)), FSP_NO_SUCH_VERSION);
    ck_status(restore(&world, at("/b"), (fsp_version_id_t){{3}}, condition(FSP_IF_REPLACE)),
              FSP_NO_SUCH_VERSION);
    ck_status(restore(&world, at("/d"), other, condition(FSP_IF_REPLACE)), FSP_IS_DIRECTORY);
    ck_status(restore(&world, at("/no"), other, condition(FSP_IF_REPLACE)), FSP_NOT_FOUND);
}
END_TEST

START_TEST(attributes_are_kept_unless_new_ones_come)
{
    fsp_buf_t carrier;
    fsp_command_t command = new_command(&world, FSP_COMMAND_PUT);
    command.put.target = at("/a");
    command.put.kind = FSP_KIND_FILE;
    command.put.condition = condition(FSP_IF_REPLACE);
    command.put.ids_seed = next_seed(&world);
    command.put.carrier = carrier_of("content", &carrier);
    command.put.attr = text("mode");
    ck_status(apply(&world, &command), FSP_OK);
    fsp_buf_clear(&carrier);
    fsp_node_info_t node;
    ck_status(put(&world, "/a"), FSP_OK);
    ck_status(resolve_at(&world, "/a", &node), FSP_OK);
    ck_assert(fsp_slice_eq(node.attr, text("mode")));
    ck_status(copy(&world, at("/a"), (fsp_version_id_t){0}, "/b", FSP_IF_NONE_MATCH), FSP_OK);
    ck_status(resolve_at(&world, "/b", &node), FSP_OK);
    ck_assert(fsp_slice_eq(node.attr, text("mode")));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("apply_put");
    TCase *tcase = new_case("put", set_up);
    tcase_add_test(tcase, a_new_file_has_number_1_and_no_parents);
    tcase_add_test(tcase, replace_takes_all_heads_as_parents);
    tcase_add_test(tcase, edit_of_the_only_head_succeeds_it);
    tcase_add_test(tcase, edit_of_one_of_two_heads_takes_its_place);
    tcase_add_test(tcase, a_base_of_another_file_is_a_mismatch);
    tcase_add_test(tcase, if_match_wants_exactly_this_head);
    tcase_add_test(tcase, if_match_without_a_file_is_a_mismatch_with_no_heads);
    tcase_add_test(tcase, if_none_match_makes_only_new_files);
    tcase_add_test(tcase, merge_takes_the_named_heads_and_leaves_the_others);
    tcase_add_test(tcase, the_65th_sibling_is_refused);
    tcase_add_test(tcase, replace_of_64_heads_has_64_parents);
    tcase_add_test(tcase, put_onto_a_directory_or_through_a_file_is_refused);
    tcase_add_test(tcase, missing_parents_are_made_only_where_asked);
    tcase_add_test(tcase, parents_made_by_a_refused_put_are_not_left);
    tcase_add_test(tcase, a_file_is_found_by_id_after_it_was_renamed);
    tcase_add_test(tcase, a_trashed_file_takes_no_version);
    tcase_add_test(tcase, another_kind_replaces_the_entry_and_not_the_file);
    tcase_add_test(tcase, quota_is_exact_to_the_byte);
    tcase_add_test(tcase, sizes_that_overflow_are_over_quota);
    tcase_add_test(tcase, a_base_that_is_not_kept_is_gone_and_the_answer_is_not_stored);
    tcase_add_test(tcase, restore_makes_a_new_head_of_an_old_version);
    tcase_add_test(tcase, restore_refuses_what_is_not_a_version_of_the_file);
    tcase_add_test(tcase, attributes_are_kept_unless_new_ones_come);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
