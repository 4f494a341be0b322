/* SPDX-License-Identifier: MIT */
/* test_query - what readers get.  Tests. */
#include "tests/unit/meta/meta_world.h"

/* Names of a LIST, joined by spaces, with '+' at the end if there are more. */
static const char *
listed(const char *path, const char *prefix, const char *after, uint32_t limit)
{
    static char names[4096];
    fsp_query_t query = new_query(&world, FSP_QUERY_LIST);
    query.target = at(path);
    query.prefix = text(prefix);
    query.after = text(after);
    query.limit = limit;
    fsp_answer_t answer = ask(&world, &query);
    names[0] = 0;
    if (answer.status)
        return fsp_status_name(answer.status);
    for (size_t i = 0; i < answer.count; i++) {
        fsp_entry_info_t entry;
        ck_status(fsp_answer_entry(&answer, &entry), FSP_OK);
        if (i)
            strcat(names, " ");
        strncat(names, (const char *)entry.name.data, entry.name.bytes);
    }
    if (answer.more)
        strcat(names, "+");
    return names;
}

START_TEST(list_is_in_the_order_of_bytes_and_pages)
{
    static const char *const names[] = {"/b", "/a", "/ab", "/B", "/abc", "/c", "/\xc3\xa4"};
    for (size_t i = 0; i < 7; i++)
        ck_status(put(&world, names[i]), FSP_OK);
    ck_assert_str_eq(listed("/", "", "", 1000), "B a ab abc b c \xc3\xa4");
    ck_assert_str_eq(listed("/", "", "", 3), "B a ab+");
    ck_assert_str_eq(listed("/", "", "ab", 3), "abc b c+");
    ck_assert_str_eq(listed("/", "", "c", 3), "\xc3\xa4");
    ck_assert_str_eq(listed("/", "", "c", 1), "\xc3\xa4");
    ck_assert_str_eq(listed("/", "a", "", 1000), "a ab abc");
    ck_assert_str_eq(listed("/", "ab", "", 1000), "ab abc");
    ck_assert_str_eq(listed("/", "ab", "ab", 1000), "abc");
    ck_assert_str_eq(listed("/", "ab", "Z", 1000), "ab abc");
    ck_assert_str_eq(listed("/", "ab", "b", 1000), "");
    ck_assert_str_eq(listed("/", "\xc3", "", 1000), "\xc3\xa4"); /* half a character is a prefix */
    ck_assert_str_eq(listed("/", "zz", "", 1000), "");
    ck_assert_str_eq(listed("/a", "", "", 1000), "NOT_DIRECTORY");
    ck_assert_str_eq(listed("/none", "", "", 1000), "NOT_FOUND");
    ck_assert_str_eq(listed("/a/x", "", "", 1000), "NOT_DIRECTORY");
    ck_assert_str_eq(listed("relative", "", "", 1000), "BAD_NAME");
    ck_assert_str_eq(listed("/", "", "", 0), "INVALID");
    ck_assert_str_eq(listed("/", "", "", 1001), "INVALID");
}
END_TEST

START_TEST(list_shows_each_directory_alone)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(mkdir_at(&world, "/e"), FSP_OK);
    ck_status(put(&world, "/d/x"), FSP_OK);
    ck_status(put_full(&world, at("/e/y"), FSP_KIND_SYMLINK, condition(FSP_IF_REPLACE), 3), FSP_OK);
    ck_assert_str_eq(listed("/", "", "", 10), "d e");
    ck_assert_str_eq(listed("/d", "", "", 10), "x");
    fsp_query_t query = new_query(&world, FSP_QUERY_LIST);
    query.target = at("/e");
    fsp_answer_t answer = ask(&world, &query);
    fsp_entry_info_t entry;
    ck_status(fsp_answer_entry(&answer, &entry), FSP_OK);
    ck_assert_int_eq(entry.kind, FSP_KIND_SYMLINK);
    ck_assert_uint_eq(entry.size, 3);
    ck_assert_uint_eq(entry.number, 1);
    ck_assert_uint_eq(entry.head_count, 1);
    ck_assert_uint_eq(entry.modified, world.result.time);
    ck_assert(fsp_version_id_eq(entry.version_id, world.result.version_id));
    ck_assert_int_eq(fsp_answer_entry(&answer, &entry), FSP_INVALID); /* there is no second one */
}
END_TEST

START_TEST(a_version_is_found_by_a_unique_prefix)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t first = world.result.version_id;
    ck_status(put(&world, "/a"), FSP_OK);
    ck_status(put(&world, "/b"), FSP_OK);
    fsp_version_id_t other = world.result.version_id;
    char hex[65];
    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02X", first.bytes[i]);
    fsp_node_info_t node;
    for (size_t digits = 64; digits >= 8; digits--) {
        hex[digits] = 0;
        ck_status(resolve_target(&world, at("/a"), hex, &node), FSP_OK);
        ck_assert(fsp_version_id_eq(node.version.id, first));
        ck_assert_uint_eq(node.version.number, 1);
        ck_assert(!node.version.is_head);
    }
    hex[7] = 0;
    ck_status(resolve_target(&world, at("/a"), hex, &node), FSP_INVALID);
    ck_status(resolve_target(&world, at("/a"), "0123456g", &node), FSP_INVALID);
    ck_status(resolve_target(&world, at("/a"), "00000000", &node), FSP_NO_SUCH_VERSION);
    ck_status(resolve_target(&world, at("/a"), "ffffffffffffffff", &node), FSP_NO_SUCH_VERSION);
    for (size_t i = 0; i < 8; i++)
        snprintf(hex + 2 * i, 3, "%02x", other.bytes[i]);
    ck_status(resolve_target(&world, at("/a"), hex, &node), FSP_NO_SUCH_VERSION);
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(resolve_target(&world, at("/d"), hex, &node), FSP_IS_DIRECTORY);
}
END_TEST

START_TEST(a_version_is_found_by_its_whole_id_alone)
{
    const fsp_target_t nowhere = by_id((fsp_file_id_t){{0}});
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t first = world.result.version_id;
    ck_status(put(&world, "/a"), FSP_OK);
    char hex[65];
    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", first.bytes[i]);
    fsp_node_info_t node;
    ck_status(move(&world, "/a", "/b"), FSP_OK);
    ck_status(resolve_target(&world, nowhere, hex, &node), FSP_OK);
    ck_assert(fsp_version_id_eq(node.version.id, first));
    ck_assert(!node.version.is_head);
    ck_assert(fsp_slice_eq(node.path, text("/b")));
    /* Who may not read it is told what strangers are told of everything. */
    fsp_query_t query = new_query(&world, FSP_QUERY_RESOLVE);
    query.version = text(hex);
    query.subject = subject_id(2);
    ck_status(ask(&world, &query).status, FSP_FORBIDDEN);
    query.version = text("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
    ck_status(ask(&world, &query).status, FSP_FORBIDDEN);
    ck_status(resolve_target(&world, nowhere, (const char *)query.version.data, &node),
              FSP_NOT_FOUND);
    hex[63] = 0; /* a prefix names no file */
    ck_status(resolve_target(&world, nowhere, hex, &node), FSP_NOT_FOUND);
}
END_TEST

/* Adds a row to the version index, as if a version had this id. */
static void
plant_version(fsp_version_id_t id, fsp_file_id_t file)
{
    fsp_row_key_t key = fsp_row_key(world.shard, FSP_TABLE_VERSION_INDEX, world.space_id);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_buf_t value;
    fsp_buf_init(&value, 100);
    fsp_version_index_row_encode(&(fsp_version_index_row_t){.file_id = file, .number = 1}, &value);
    fsp_omap_put(fsp_memview_map(world.rows), fsp_row_key_slice(&key), fsp_buf_slice(&value), 0);
    fsp_buf_clear(&value);
}

START_TEST(a_prefix_of_two_versions_is_ambiguous_only_within_the_file)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    fsp_node_info_t node;
    plant_version((fsp_version_id_t){{0xab, 0xcd, 0xef, 0x01, 0x10}}, id);
    plant_version((fsp_version_id_t){{0xab, 0xcd, 0xef, 0x01, 0x15}}, file_id(55));
    ck_status(resolve_target(&world, at("/a"), "abcdef01", &node), FSP_OK);
    plant_version((fsp_version_id_t){{0xab, 0xcd, 0xef, 0x01, 0x20}}, id);
    ck_status(resolve_target(&world, at("/a"), "abcdef01", &node), FSP_AMBIGUOUS);
    ck_status(resolve_target(&world, at("/a"), "abcdef011", &node), FSP_OK); /* an odd number */
    ck_status(resolve_target(&world, at("/a"), "abcdef013", &node), FSP_NO_SUCH_VERSION);
    plant_version((fsp_version_id_t){{0xff, 0xff, 0xff, 0xff, 0xff}}, id);
    /* The last key there is. */
    ck_status(resolve_target(&world, at("/a"), "ffffffff", &node), FSP_OK);
}
END_TEST

START_TEST(versions_come_newest_first_and_page)
{
    for (size_t i = 0; i < 5; i++)
        ck_status(put(&world, "/a"), FSP_OK);
    fsp_query_t query = new_query(&world, FSP_QUERY_VERSIONS);
    query.target = at("/a");
    query.limit = 2;
    uint64_t expected = 5;
    fsp_version_id_t parent = {{0}};
    for (;;) {
        fsp_answer_t answer = ask(&world, &query);
        ck_status(answer.status, FSP_OK);
        for (size_t i = 0; i < answer.count; i++) {
            fsp_version_info_t version;
            ck_status(fsp_answer_version(&answer, &version), FSP_OK);
            ck_assert_uint_eq(version.number, expected);
            ck_assert_int_eq(version.is_head, expected == 5);
            ck_assert_uint_eq(version.carrier.bytes, 0);
            ck_assert(expected == 5 || fsp_version_id_eq(version.id, parent));
            parent = version.parents[0];
            query.after_index = expected--;
        }
        if (!answer.more)
            break;
    }
    ck_assert_uint_eq(expected, 0);
    ck_assert_uint_eq(query.after_index, 1);
    ck_assert_uint_eq(ask(&world, &query).count, 0);
    query.after_index = 1000;
    ck_assert_uint_eq(ask(&world, &query).count, 2);
    query.target = at("/");
    ck_status(ask(&world, &query).status, FSP_IS_DIRECTORY);
    query.target = at("/none");
    ck_status(ask(&world, &query).status, FSP_NOT_FOUND);
}
END_TEST

START_TEST(changes_page_by_number)
{
    for (size_t i = 0; i < 5; i++)
        ck_status(put(&world, "/a"), FSP_OK);
    fsp_query_t query = new_query(&world, FSP_QUERY_CHANGES);
    query.limit = 2;
    uint64_t expected = 1;
    for (;;) {
        fsp_answer_t answer = ask(&world, &query);
        for (size_t i = 0; i < answer.count; i++) {
            fsp_change_info_t change;
            ck_status(fsp_answer_change(&answer, &change), FSP_OK);
            ck_assert_uint_eq(change.index, expected++);
            query.after_index = change.index;
        }
        if (!answer.more)
            break;
    }
    ck_assert_uint_eq(expected, 7);
    query.after_index = UINT64_MAX;
    ck_assert_uint_eq(ask(&world, &query).count, 0);
}
END_TEST

START_TEST(spaces_show_what_the_subject_may_read)
{
    fsp_space_id_t first = world.space_id;
    world.space_id = (fsp_space_id_t){{0x5c}};
    fsp_command_t command = space_init_command(&world);
    command.space_init.name = text("other");
    ck_status(apply(&world, &command), FSP_OK);
    world.space_id = (fsp_space_id_t){{0x5d}};
    command = space_init_command(&world);
    command.space_init.name = text("foreign");
    command.space_init.owner = command.subject = subject_id(9);
    ck_status(apply(&world, &command), FSP_OK);

    fsp_query_t query = {.type = FSP_QUERY_SPACES, .subject = world.owner, .limit = 10};
    fsp_answer_t answer = ask(&world, &query);
    ck_assert_uint_eq(answer.count, 2);
    fsp_space_info_t space;
    ck_status(fsp_answer_space(&answer, &space), FSP_OK);
    ck_assert(fsp_space_id_eq(space.space_id, first));
    ck_assert(fsp_slice_eq(space.name, text("home")));
    ck_assert_uint_eq(space.key_count, 1);
    ck_assert(fsp_slice_eq(space.keys[0].wrapped, text("wrapped")));
    ck_assert(fsp_slice_eq(space.wrapped_cut_key, text("cut")));
    ck_assert_uint_eq(space.change_index, 1);
    query.limit = 1;
    answer = ask(&world, &query);
    ck_assert_uint_eq(answer.count, 1);
    ck_assert(answer.more);
    query.after = FSP_SLICE_OF(first);
    answer = ask(&world, &query);
    ck_assert_uint_eq(answer.count, 1);
    ck_assert(!answer.more);
    ck_status(fsp_answer_space(&answer, &space), FSP_OK);
    ck_assert(fsp_slice_eq(space.name, text("other")));
    query.after = text("short");
    ck_status(ask(&world, &query).status, FSP_INVALID);
    query = (fsp_query_t){.type = FSP_QUERY_SPACES, .subject = world.owner, .limit = 10};
    query.prefix = text("oth");
    ck_assert_uint_eq(ask(&world, &query).count, 1);
    query.prefix = text("foreign");
    ck_assert_uint_eq(ask(&world, &query).count, 0);
    query.prefix = text("");
    query.space_id = first; /* does not matter */
    ck_assert_uint_eq(ask(&world, &query).count, 2);
}
END_TEST

START_TEST(strangers_and_strange_spaces_get_nothing)
{
    ck_status(put(&world, "/a"), FSP_OK);
    for (fsp_query_type_t type = FSP_QUERY_RESOLVE; type <= FSP_QUERY_CHANGES; type++) {
        fsp_query_t query = new_query(&world, type);
        query.target = at("/");
        query.subject = subject_id(2);
        fsp_answer_t answer = ask(&world, &query);
        ck_status(answer.status, FSP_FORBIDDEN);
        ck_assert_uint_eq(answer.index, 0);
        ck_assert_uint_eq(answer.count, 0);
        query.subject = world.owner;
        query.space_id.bytes[3] ^= 1;
        ck_status(ask(&world, &query).status, FSP_NO_SUCH_SPACE);
    }
    fsp_query_t query = new_query(&world, (fsp_query_type_t)99);
    ck_status(ask(&world, &query).status, FSP_UNSUPPORTED);
}
END_TEST

START_TEST(an_answer_ends_before_it_is_too_large)
{
    /* 1,000 entries of 255 bytes of name, 300 bytes each: within limits; versions with 64 parents:
       600 of them are more than one answer. */
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t base = world.result.version_id;
    for (size_t i = 0; i < FSP_HEADS_MAX; i++)
        ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, base)), FSP_OK);
    fsp_condition_t merge = {.type = FSP_IF_MERGE, .version_count = FSP_PARENTS_MAX};
    memcpy(merge.versions, world.result.heads, sizeof(merge.versions));
    for (size_t i = 0; i < 600; i++) {
        fsp_status_t status = put_if(&world, "/a", merge);
        if (status == FSP_TOO_MANY_HEADS)
            ck_status(put(&world, "/a"), FSP_OK);
        else
            ck_status(status, FSP_OK);
    }
    fsp_query_t query = new_query(&world, FSP_QUERY_VERSIONS);
    query.target = at("/a");
    uint64_t seen = 0;
    size_t pages = 0;
    for (;; pages++) {
        fsp_answer_t answer = ask(&world, &query);
        ck_assert_uint_le(world.answer.bytes, FSP_ANSWER_BYTES_MAX);
        for (size_t i = 0; i < answer.count; i++, seen++) {
            fsp_version_info_t version;
            ck_status(fsp_answer_version(&answer, &version), FSP_OK);
            ck_assert(query.after_index == 0 || version.number == query.after_index - 1);
            query.after_index = version.number;
        }
        ck_assert_uint_gt(answer.count, 0);
        if (!answer.more)
            break;
    }
    ck_assert_uint_ge(pages, 1);
    ck_assert_uint_eq(query.after_index, 1);
}
END_TEST

START_TEST(resolve_knows_root_and_trash)
{
    fsp_node_info_t node;
    ck_status(resolve_at(&world, "/", &node), FSP_OK);
    ck_assert(fsp_file_id_eq(node.file_id, world.root_id));
    ck_assert_uint_eq(node.name.bytes, 0);
    ck_assert(fsp_slice_eq(node.path, text("/")));
    ck_status(resolve_target(&world, by_id(world.root_id), "", &node), FSP_OK);
    ck_assert(fsp_slice_eq(node.path, text("/")));
    ck_status(resolve_target(&world, by_id(world.trash_id), "", &node), FSP_OK);
    ck_assert_uint_eq(node.path.bytes, 0);
    ck_status(resolve_target(&world, by_id((fsp_file_id_t){{0}}), "", &node), FSP_NOT_FOUND);
}
END_TEST

/* Found by fuzz_audit: such a name went into an answer as text. */
START_TEST(an_entry_whose_name_is_no_text_is_damage)
{
    fsp_row_key_t key = fsp_row_key(world.shard, FSP_TABLE_ENTRY, world.space_id);
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_row_key_add(&key, FSP_SLICE_OF(world.root_id));
    size_t name_at = key.used;
    fsp_row_key_add(&key, text("a"));
    const fsp_omap_row_t *row = fsp_omap_get(fsp_memview_map(world.rows), fsp_row_key_slice(&key));
    ck_assert_ptr_nonnull(row);
    key.bytes[name_at] = 0xff;
    fsp_omap_put(fsp_memview_map(world.rows), fsp_row_key_slice(&key), row->value, 0);
    fsp_query_t query = new_query(&world, FSP_QUERY_LIST);
    query.target = at("/");
    fsp_buf_reset(&world.answer);
    ck_status(fsp_meta_query(world.shard, fsp_memview_view(world.rows), &query, &world.answer),
              FSP_DAMAGED);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("query");
    TCase *tcase = new_case("readers", set_up);
    tcase_add_test(tcase, list_is_in_the_order_of_bytes_and_pages);
    tcase_add_test(tcase, list_shows_each_directory_alone);
    tcase_add_test(tcase, a_version_is_found_by_a_unique_prefix);
    tcase_add_test(tcase, a_version_is_found_by_its_whole_id_alone);
    tcase_add_test(tcase, a_prefix_of_two_versions_is_ambiguous_only_within_the_file);
    tcase_add_test(tcase, versions_come_newest_first_and_page);
    tcase_add_test(tcase, changes_page_by_number);
    tcase_add_test(tcase, spaces_show_what_the_subject_may_read);
    tcase_add_test(tcase, strangers_and_strange_spaces_get_nothing);
    tcase_add_test(tcase, an_answer_ends_before_it_is_too_large);
    tcase_add_test(tcase, resolve_knows_root_and_trash);
    tcase_add_test(tcase, an_entry_whose_name_is_no_text_is_damage);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
