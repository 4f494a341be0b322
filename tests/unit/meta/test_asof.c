/* SPDX-License-Identifier: MIT */
/* test_asof - what `at` shows, of single names and files (test_asof_random: of all).  Tests. */
#include "tests/unit/meta/history_world.h"

static fsp_answer_t
list_then(const char *path, uint64_t index, const char *prefix, const char *after, uint32_t limit)
{
    fsp_query_t query = new_query(&world, FSP_QUERY_LIST);
    query.target = at(path);
    query.at_index = index;
    query.prefix = text(prefix);
    query.after = text(after);
    query.limit = limit;
    return ask_bytes(&world, &query);
}

static void
ck_names(fsp_answer_t answer, const char *expected)
{
    char names[256] = "";
    ck_status(answer.status, FSP_OK);
    for (size_t i = 0; i < answer.count; i++) {
        fsp_entry_info_t entry;
        ck_status(fsp_answer_entry(&answer, &entry), FSP_OK);
        (void)strncat(names, (const char *)entry.name.data, entry.name.bytes);
        (void)strcat(names, " ");
    }
    ck_assert_str_eq(names, expected);
}

START_TEST(names_of_then)
{
    ck_status(put(&world, "/b"), FSP_OK);        /* 2 */
    ck_status(mkdir_at(&world, "/d"), FSP_OK);   /* 3 */
    ck_status(put(&world, "/d/x"), FSP_OK);      /* 4 */
    ck_status(move(&world, "/d", "/a"), FSP_OK); /* 5 */
    ck_status(remove_at(&world, "/b"), FSP_OK);  /* 6 */
    ck_status(put(&world, "/bb"), FSP_OK);       /* 7 */
    ck_names(list_then("/", 1, "", "", 9), "");
    ck_names(list_then("/", 2, "", "", 9), "b ");
    ck_names(list_then("/", 4, "", "", 9), "b d ");
    ck_names(list_then("/", 5, "", "", 9), "a b ");
    ck_names(list_then("/", 7, "", "", 9), "a bb ");
    ck_names(list_then("/d", 4, "", "", 9), "x ");
    ck_status(list_then("/d", 5, "", "", 9).status, FSP_NOT_FOUND);
    ck_names(list_then("/a", 5, "", "", 9), "x ");
    ck_status(list_then("/b", 5, "", "", 9).status, FSP_NOT_DIRECTORY);
    ck_status(list_then("/b/c", 5, "", "", 9).status, FSP_NOT_DIRECTORY);
    ck_names(list_then("/", 5, "b", "", 9), "b ");
    ck_names(list_then("/", 5, "c", "", 9), "");
    ck_names(list_then("/", 5, "a", "b", 9), "");
    fsp_answer_t answer = list_then("/", 5, "", "", 1);
    ck_assert(answer.more && fsp_slice_eq(answer.next, text("a")));
    ck_names(answer, "a ");
    answer = list_then("/", 5, "", "a", 1);
    ck_assert(!answer.more && answer.next.bytes == 0);
    ck_names(answer, "b ");
}
END_TEST

/* A name that is the beginning of another one sorts before it, also among past rows. */
START_TEST(names_that_begin_alike)
{
    static const char *const names[] = {"/a", "/a\x01", "/a!", "/ab", "/b"};
    for (size_t i = 0; i < 5; i++)
        ck_status(put(&world, names[i]), FSP_OK);
    for (size_t i = 0; i < 5; i += 2)
        ck_status(remove_at(&world, names[i]), FSP_OK);
    ck_names(list_then("/", 6, "", "", 9), "a a\x01 a! ab b ");
    ck_names(list_then("/", 6, "", "a", 9), "a\x01 a! ab b ");
    ck_names(list_then("/", 6, "a", "a\x01", 9), "a! ab ");
    ck_names(list_then("/", 9, "", "", 9), "a\x01 ab ");
}
END_TEST

START_TEST(files_of_then)
{
    fsp_node_info_t node;
    ck_status(put_full(&world, at("/a"), FSP_KIND_FILE, condition(FSP_IF_REPLACE), 5), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    fsp_version_id_t first = world.result.version_id;
    fsp_time_t time = world.time;
    ck_status(put_full(&world, at("/a"), FSP_KIND_FILE, condition(FSP_IF_REPLACE), 7), FSP_OK);
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, first)), FSP_OK); /* 4: two heads */
    ck_status(remove_at(&world, "/a"), FSP_OK);
    ck_status(resolve_then(&world, at("/a"), 2, &node), FSP_OK);
    ck_assert_uint_eq(node.version.size, 5);
    ck_assert_uint_eq(node.time, time);
    ck_assert_uint_eq(node.head_count, 1);
    ck_assert(fsp_slice_eq(node.path, text("/a")));
    ck_assert(fsp_version_id_eq(node.version.id, first));
    ck_assert_uint_gt(node.version.carrier.bytes, 0);
    ck_status(resolve_then(&world, at("/a"), 4, &node), FSP_OK);
    ck_assert_uint_eq(node.head_count, 2);
    ck_status(resolve_then(&world, at("/a"), 5, &node), FSP_NOT_FOUND);
    /* By id, a file is found wherever it lies now, if it was there then. */
    ck_status(resolve_then(&world, by_id(id), 3, &node), FSP_OK);
    ck_assert_uint_eq(node.version.size, 7);
    ck_assert_uint_eq(node.path.bytes, 0);
    ck_status(resolve_then(&world, by_id(id), 1, &node), FSP_NOT_FOUND);
}
END_TEST

START_TEST(a_pruned_version_is_gone_in_a_complete_listing)
{
    fsp_node_info_t node;
    fsp_entry_info_t entry;
    ck_status(put(&world, "/a"), FSP_OK); /* 2 */
    fsp_version_id_t first = world.result.version_id;
    ck_status(put(&world, "/a"), FSP_OK); /* 3 */
    ck_status(prune_one(&world, "/a", first), FSP_OK);
    ck_status(resolve_then(&world, at("/a"), 2, &node), FSP_GONE);
    ck_status(resolve_then(&world, at("/a"), 3, &node), FSP_OK);
    fsp_answer_t answer = list_then("/", 2, "", "", 9);
    ck_assert_uint_eq(answer.count, 1);
    ck_status(fsp_answer_entry(&answer, &entry), FSP_OK);
    ck_assert(!entry.retained);
    ck_assert_uint_eq(entry.size, 10);
    ck_assert(fsp_version_id_eq(entry.version_id, first));
    answer = list_then("/", 3, "", "", 9);
    ck_status(fsp_answer_entry(&answer, &entry), FSP_OK);
    ck_assert(entry.retained);
}
END_TEST

START_TEST(times_are_turned_into_changes)
{
    fsp_node_info_t node;
    fsp_query_t query = new_query(&world, FSP_QUERY_RESOLVE);
    fsp_time_t times[6];
    for (int i = 2; i < 6; i++) {
        ck_status(put(&world, "/a"), FSP_OK);
        times[i] = world.time;
        ck_status(remove_at(&world, "/none"), FSP_NOT_FOUND);
    }
    query.target = at("/a");
    for (uint64_t i = 2; i < 6; i++) {
        for (int late = 0; late < 2; late++) {
            query.at_time = times[i] + (late ? 1000 : 0);
            fsp_answer_t answer = ask_bytes(&world, &query);
            ck_status(answer.status, FSP_OK);
            ck_assert_uint_eq(answer.at_index, i);
            ck_assert_uint_eq(answer.index, 5);
            ck_status(fsp_answer_node(&answer, &node), FSP_OK);
            ck_assert_uint_eq(node.version.number, i - 1);
        }
    }
    query.at_time = times[2] - 1;
    ck_status(ask_bytes(&world, &query).status, FSP_NOT_FOUND); /* change 1 is shown */
    query.at_time = 1;
    ck_status(ask_bytes(&world, &query).status, FSP_GONE);
    query.at_time = UINT64_MAX;
    ck_assert_uint_eq(ask_bytes(&world, &query).at_index, 5);
}
END_TEST

START_TEST(queries_that_cannot_look_back)
{
    fsp_query_t query = new_query(&world, FSP_QUERY_RESOLVE);
    query.target = at("/");
    query.at_index = 2;
    ck_status(ask(&world, &query).status, FSP_INVALID); /* later than the last */
    query.at_index = 1;
    ck_status(ask(&world, &query).status, FSP_OK);
    query.at_time = 1;
    ck_status(ask(&world, &query).status, FSP_INVALID); /* both */
    query.at_time = 0;
    query.version = text("12345678");
    ck_status(ask(&world, &query).status, FSP_INVALID);
    query.version = text("");
    static const fsp_query_type_t others[] = {FSP_QUERY_VERSIONS, FSP_QUERY_CHANGES,
                                              FSP_QUERY_SPACES};
    for (size_t i = 0; i < 3; i++) {
        query.type = others[i];
        ck_status(ask(&world, &query).status, FSP_INVALID);
    }
}
END_TEST

START_TEST(a_name_with_a_long_past_costs_no_more)
{
    for (int i = 0; i < 3000; i++) {
        ck_status(put(&world, "/m"), FSP_OK);
        ck_status(remove_at(&world, "/m"), FSP_OK);
    }
    ck_status(put(&world, "/z"), FSP_OK);
    uint64_t last = change_index(&world);
    ck_names(list_then("/", last, "", "", 9), "z ");
    ck_names(list_then("/", last - 2, "", "", 9), "m ");
    ck_names(list_then("/", 2, "", "", 9), "m ");
}
END_TEST

START_TEST(names_that_meant_nothing_then_are_passed_in_pieces)
{
    char path[32];
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(path, sizeof(path), "/%04d", i);
        ck_status(put(&world, path), FSP_OK);
    }
    fsp_answer_t answer = list_then("/", 1, "", "", 9);
    ck_assert(answer.status == FSP_OK && answer.more && answer.count == 0);
    ck_assert(fsp_slice_eq(answer.next, text("4095")));
    answer = list_then("/", 1, "", "4095", 9);
    ck_assert(answer.status == FSP_OK && !answer.more && answer.count == 0);
}
END_TEST

/* A name that is made and taken within one change meant nothing at any change. */
START_TEST(one_change_leaves_one_past_row)
{
    ck_status(put(&world, "/a"), FSP_OK); /* 2 */
    fsp_command_t batch = new_command(&world, FSP_COMMAND_BATCH);
    fsp_command_t item = new_command(&world, FSP_COMMAND_MOVE);
    fsp_buf_t items;
    fsp_buf_init(&items, FSP_COMMAND_BYTES_MAX);
    static const char *const ways[][2] = {{"/a", "/b"}, {"/b", "/c"}, {"/c", "/a"}, {"/a", "/d"}};
    for (size_t i = 0; i < 4; i++) {
        item.move.from = at(ways[i][0]);
        item.move.to = at(ways[i][1]);
        item.move.condition = condition(FSP_IF_REPLACE);
        fsp_batch_add(&item, &items);
    }
    batch.node.batch.items = fsp_buf_slice(&items);
    batch.node.batch.count = 4;
    ck_status(apply(&world, &batch), FSP_OK); /* 3 */
    fsp_buf_clear(&items);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_PAST_ENTRY), 1);
    ck_names(list_then("/", 2, "", "", 9), "a ");
    ck_names(list_then("/", 3, "", "", 9), "d ");
    ck_sound(&world);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("asof");
    TCase *tcase = new_case("at", set_up_history);
    tcase_add_test(tcase, names_of_then);
    tcase_add_test(tcase, names_that_begin_alike);
    tcase_add_test(tcase, one_change_leaves_one_past_row);
    tcase_add_test(tcase, files_of_then);
    tcase_add_test(tcase, a_pruned_version_is_gone_in_a_complete_listing);
    tcase_add_test(tcase, times_are_turned_into_changes);
    tcase_add_test(tcase, queries_that_cannot_look_back);
    tcase_add_test(tcase, a_name_with_a_long_past_costs_no_more);
    tcase_add_test(tcase, names_that_meant_nothing_then_are_passed_in_pieces);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
