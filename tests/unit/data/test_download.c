/* SPDX-License-Identifier: MIT */
/* test_download - gets in random order, of any range.  Layer tests. */
#include "core/data/download.h"
#include "tests/unit/aborts.h"
#include "tests/unit/data/gets.h"

enum { SUBBLOCK_SEALED = FSP_SUBBLOCK_BYTES + FSP_GCM_TAG_BYTES };

static world_t small, large;

static void
set_up(void)
{
    uint64_t seed = fsp_suite_seed(11);
    world_init(&small, &params_small, seed);
    world_init(&large, &params_large, seed + 1);
}

static void
tear_down(void)
{
    world_clear(&small);
    world_clear(&large);
}

static void
get_and_compare(world_t *world, const fsp_upload_outcome_t *what, const uint8_t *content,
                uint64_t from, uint64_t to)
{
    get_t get;
    uint64_t window_bytes = (1 + pick(world, 20)) * (uint64_t)world->params.bytes_max;
    get_init(&get, world, what, from, to, window_bytes);
    run_get(&get, 1 + pick(world, 1024 * 1024));
    ck_assert(get.ended);
    ck_assert_uint_eq(get.received_bytes, to - from);
    ck_assert(memcmp(get.received, content + from, (size_t)(to - from)) == 0);
    ck_assert_uint_eq(get.job_count, 0);
    ck_assert_uint_eq(fsp_download_held_bytes(get.download), 0);
    /* Nothing is fetched that the range does not touch. */
    ck_assert_uint_le(get.sealed_bytes,
                      (to - from) * 5 / 4 + 2 * (uint64_t)world->params.bytes_max);
    get_clear(&get);
}

static void
gets_of_one_file(world_t *world, size_t bytes, unsigned share, int count)
{
    uint8_t *content = make_content(world, bytes, share);
    fsp_upload_outcome_t what = upload_content(world, content, bytes);
    ck_assert_int_ne(what.root_kind, FSP_ROOT_INLINE);
    get_and_compare(world, &what, content, 0, bytes);
    for (int i = 0; i < count; i++) {
        uint64_t from = pick(world, bytes + 1);
        uint64_t most = pick(world, 2) ? bytes - from : (bytes - from) / 64;
        get_and_compare(world, &what, content, from, from + pick(world, (size_t)most + 1));
    }
    fsp_free(content);
}

START_TEST(random_gets_equal_what_was_put)
{
    for (int i = 0; i < 30; i++)
        gets_of_one_file(&small, 4097 + pick(&small, (size_t)1 << (8 + pick(&small, 13))),
                         (unsigned)pick(&small, 5), 8);
    for (int i = 0; i < 12; i++)
        gets_of_one_file(&large, 4097 + pick(&large, (size_t)1 << (14 + pick(&large, 9))),
                         (unsigned)pick(&large, 5), 12);
}
END_TEST

/* What went out and is kept elsewhere counts: never more plaintext exists than the window has. */
START_TEST(what_is_lent_belongs_to_the_window)
{
    size_t bytes = 1024 * 1024;
    uint8_t *content = make_content(&small, bytes, 1);
    fsp_upload_outcome_t what = upload_content(&small, content, bytes);
    for (int i = 0; i < 40; i++) {
        uint64_t from = i == 0 ? 0 : pick(&small, bytes);
        get_t get;
        get_init(&get, &small, &what, from, bytes,
                 (1 + pick(&small, 6)) * (uint64_t)small.params.bytes_max);
        get.lends = true;
        fsp_download_lent(get.download, 0, &get.effects);
        run_get(&get, 1 + pick(&small, bytes));
        ck_assert(get.ended);
        ck_assert_uint_eq(get.received_bytes, bytes - from);
        ck_assert(memcmp(get.received, content + from, bytes - (size_t)from) == 0);
        get_clear(&get);
    }
    fsp_free(content);
}
END_TEST

START_TEST(nothing_is_fetched_until_what_is_lent_has_left)
{
    size_t bytes = 64 * small.params.bytes_max;
    uint8_t *content = make_content(&small, bytes, 0);
    fsp_upload_outcome_t what = upload_content(&small, content, bytes);
    get_t get;
    get_init(&get, &small, &what, 0, bytes, 2 * (uint64_t)small.params.bytes_max);
    get.lends = true;
    fsp_download_lent(get.download, 0, &get.effects);
    give_credit(&get, bytes);
    while (get.job_count > 0)
        do_get_job(&get, 0);
    ck_assert(fsp_download_is_crowded(get.download)); /* all that was granted is out */
    ck_assert_uint_eq(get.alive_bytes, get.received_bytes);
    uint64_t fetched = get.fetch_count;
    fsp_download_lent(get.download, get.alive_bytes, &get.effects);
    take_effects(&get);
    ck_assert_uint_eq(get.fetch_count, fetched);
    let_go(&get, get.kept_count);
    ck_assert_uint_gt(get.fetch_count, fetched);
    ck_assert(!fsp_download_is_crowded(get.download) || get.alive_bytes > 0);
    get_clear(&get);
    fsp_free(content);
}
END_TEST

START_TEST(gets_through_a_tree_of_two_levels)
{
    gets_of_one_file(&small, 8 * 1024 * 1024, 1, 20);
}
END_TEST

START_TEST(an_empty_range_ends_at_once)
{
    fsp_upload_outcome_t what = {.root_kind = FSP_ROOT_TREE, .size = 100};
    for (uint64_t at = 0; at <= 100; at += 50) {
        get_t get;
        get_init(&get, &small, &what, at, at, 4096);
        ck_assert(get.ended);
        ck_assert_uint_eq(get.job_count, 0);
        give_credit(&get, 10);
        get_clear(&get);
    }
}
END_TEST

START_TEST(a_small_range_fetches_one_sub_block)
{
    size_t bytes = 3 * 1024 * 1024;
    uint8_t *content = make_content(&large, bytes, 0);
    fsp_upload_outcome_t what = upload_content(&large, content, bytes);
    ck_assert_int_eq(what.root_kind, FSP_ROOT_TREE);
    for (int i = 0; i < 50; i++) {
        uint64_t from = pick(&large, bytes - 10);
        get_t get;
        get_init(&get, &large, &what, from, from + 10, 1024 * 1024);
        run_get(&get, 10);
        ck_assert(get.ended);
        ck_assert(memcmp(get.received, content + from, 10) == 0);
        /* The root and one chunk; two over a cut, two sub-blocks over their border. */
        ck_assert_uint_le(get.fetch_count, 3);
        ck_assert_uint_le(get.sealed_bytes, 2 * SUBBLOCK_SEALED);
        get_clear(&get);
    }
    /* Compressed: whole. */
    fsp_free(content);
    content = make_content(&large, bytes, 4);
    what = upload_content(&large, content, bytes);
    get_t get;
    get_init(&get, &large, &what, bytes / 2, bytes / 2 + 10, 1024 * 1024);
    run_get(&get, 10);
    ck_assert(get.ended);
    ck_assert_uint_eq(get.part_count, 0);
    ck_assert(memcmp(get.received, content + bytes / 2, 10) == 0);
    get_clear(&get);
    fsp_free(content);
}
END_TEST

/* Does everything that can be done without more credit. */
static void
settle(get_t *self)
{
    while (self->job_count > 0)
        do_get_job(self, 0);
}

START_TEST(read_ahead_grows_while_the_client_keeps_up)
{
    size_t bytes = 1024 * 1024;
    uint8_t *content = make_content(&small, bytes, 0);
    fsp_upload_outcome_t what = upload_content(&small, content, bytes);
    get_t get;
    get_init(&get, &small, &what, 0, bytes, 1024 * 1024);
    /* No credit: four chunks, and no more. */
    settle(&get);
    ck_assert_uint_eq(get.received_bytes, 0);
    ck_assert_uint_eq(get.fetch_count, 1 + 4);
    give_credit(&get, UINT64_MAX / 2);
    size_t most = 0;
    while (!get.ended) {
        size_t fetches = 0;
        for (size_t i = 0; i < get.job_count; i++)
            fetches += get.jobs[i].type == FSP_DOWNLOAD_FETCH;
        if (fetches > most)
            most = fetches;
        do_get_job(&get, 0);
    }
    ck_assert_uint_eq(most, 16);
    get_clear(&get);

    /* A narrow window counts bytes. */
    get_init(&get, &small, &what, 0, bytes, 4096);
    settle(&get);
    ck_assert_uint_le(fsp_download_held_bytes(get.download), 4096 + 64 * FSP_TREE_FANOUT_MAX);
    give_credit(&get, UINT64_MAX);
    give_credit(&get, UINT64_MAX); /* does not overflow */
    settle(&get);
    ck_assert(get.ended);
    ck_assert(memcmp(get.received, content, bytes) == 0);
    get_clear(&get);
    fsp_free(content);
}
END_TEST

START_TEST(may_end_at_any_time)
{
    size_t bytes = 200 * 1024;
    uint8_t *content = make_content(&small, bytes, 2);
    fsp_upload_outcome_t what = upload_content(&small, content, bytes);
    for (int steps = 0; steps < 150; steps++) {
        get_t get;
        get_init(&get, &small, &what, 100, bytes - 100, 64 * 1024);
        for (int i = 0; i < steps && !get.ended; i++) {
            if (get.job_count > 0 && pick(&small, 3))
                do_get_job(&get, pick(&small, get.job_count));
            else
                give_credit(&get, pick(&small, 4096));
        }
        get_clear(&get); /* the sanitizer looks for leaks */
    }
    fsp_free(content);
}
END_TEST

START_TEST(answers_to_no_question_are_our_mistake)
{
    fsp_upload_outcome_t what = {.root_kind = FSP_ROOT_TREE, .size = 100};
    get_t get;
    get_init(&get, &small, &what, 0, 100, 4096);
    fsp_object_part_t part = {0};
    FSP_EXPECT_ABORT(fsp_download_fetched(get.download, 77, FSP_OK, &part, &get.effects));
    FSP_EXPECT_ABORT(fsp_download_opened(get.download, 1, FSP_DAMAGED, NULL, NULL, &get.effects));
    get_clear(&get);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("download");
    TCase *tcase = tcase_create("download");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, random_gets_equal_what_was_put);
    tcase_add_test(tcase, what_is_lent_belongs_to_the_window);
    tcase_add_test(tcase, nothing_is_fetched_until_what_is_lent_has_left);
    tcase_add_test(tcase, gets_through_a_tree_of_two_levels);
    tcase_add_test(tcase, an_empty_range_ends_at_once);
    tcase_add_test(tcase, a_small_range_fetches_one_sub_block);
    tcase_add_test(tcase, read_ahead_grows_while_the_client_keeps_up);
    tcase_add_test(tcase, may_end_at_any_time);
    tcase_add_test(tcase, answers_to_no_question_are_our_mistake);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
