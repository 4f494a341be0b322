/* SPDX-License-Identifier: MIT */
/* test_upload - puts in random order, with every failure.  Layer tests. */
#include "core/data/upload.h"
#include "tests/unit/aborts.h"
#include "tests/unit/data/transfer.h"

enum { WINDOW_SMALL = 32 * 1024 };

static world_t world;

static void
set_up(void)
{
    world_init(&world, &params_small, fsp_suite_seed(1));
}

static void
tear_down(void)
{
    world_clear(&world);
}

static void
expect_failure(driver_t *driver, fsp_status_t status)
{
    ck_assert(driver->failed);
    ck_assert_int_eq(driver->status, status);
    ck_assert_uint_eq(fsp_upload_held_bytes(driver->upload), 0);
    /* What comes late is ignored. */
    fsp_upload_data(driver->upload, fsp_slice_text("late"), &driver->effects);
    fsp_upload_finish(driver->upload, &driver->effects);
    fsp_upload_sealed(driver->upload, 1, &(fsp_sealed_t){.object = NULL}, &driver->effects);
    fsp_upload_have(driver->upload, 1, FSP_OK, true, &driver->effects);
    fsp_upload_stored(driver->upload, 1, FSP_OK, &driver->effects);
    ck_assert_uint_eq(driver->effects.count, 0);
}

/* A driver with at least one job of a type; the first of them comes first. */
static void
driver_with(driver_t *driver, fsp_upload_effect_type_t type)
{
    driver_init(driver, &world, 8 * (uint64_t)world.params.bytes_max, 0);
    size_t bytes = (size_t)driver->window_bytes;
    uint8_t *content = make_content(&world, bytes, 0);
    ck_assert_uint_eq(send_some(driver, content, bytes), bytes);
    fsp_free(content);
    ck_assert_uint_gt(driver->job_count, 1);
    for (int i = 0; i < 3 && driver->jobs[0].effect.type != type; i++) {
        do_job(driver, 0);
        job_t last = driver->jobs[driver->job_count - 1];
        driver->jobs[driver->job_count - 1] = driver->jobs[0];
        driver->jobs[0] = last;
    }
    ck_assert_int_eq(driver->jobs[0].effect.type, type);
}

START_TEST(small_content_stays_inline)
{
    static const size_t sizes[] = {0, 1, 300, FSP_INLINE_BYTES_MAX - 1, FSP_INLINE_BYTES_MAX};
    uint8_t *content = make_content(&world, FSP_INLINE_BYTES_MAX, 0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        driver_t driver;
        driver_init(&driver, &world, WINDOW_SMALL, sizes[i]);
        run_upload(&driver, content, sizes[i], 4);
        ck_assert(driver.ready);
        ck_assert_uint_eq(driver.token_count, 0);
        fsp_upload_outcome_t outcome;
        fsp_upload_outcome(driver.upload, &outcome);
        ck_assert_int_eq(outcome.root_kind, FSP_ROOT_INLINE);
        ck_assert(fsp_slice_eq(outcome.inline_content, fsp_slice(content, sizes[i])));
        ck_assert_uint_eq(outcome.size, sizes[i]);
        ck_assert_uint_eq(outcome.chunk_count, 0);
        ck_assert_uint_eq(outcome.chunk_new_count, 0);
        fsp_hash_t sha256 = fsp_sha256(fsp_slice(content, sizes[i]));
        ck_assert(fsp_hash_eq(outcome.sha256, sha256));
        driver_clear(&driver);
    }
    fsp_free(content);
}
END_TEST

START_TEST(one_chunk_is_the_root_itself)
{
    world_t large;
    world_init(&large, &params_large, 2);
    uint8_t *content = make_content(&large, FSP_INLINE_BYTES_MAX + 1, 0);
    fsp_upload_outcome_t outcome = upload_content(&large, content, FSP_INLINE_BYTES_MAX + 1);
    ck_assert_int_eq(outcome.root_kind, FSP_ROOT_CHUNK);
    ck_assert_uint_eq(outcome.chunk_count, 1);
    ck_assert_uint_eq(outcome.chunk_new_count, 1);
    const fsp_omap_row_t *row = fsp_omap_get(large.objects, FSP_SLICE_OF(outcome.root_key));
    ck_assert(row);
    fsp_blob_t *plain = NULL;
    ck_assert_int_eq(fsp_object_open_whole(large.keys, outcome.root_key, row->value, &plain, NULL),
                     FSP_OK);
    ck_assert(fsp_slice_eq(fsp_blob_slice(plain), fsp_slice(content, FSP_INLINE_BYTES_MAX + 1)));
    fsp_blob_destroy(&plain);
    fsp_free(content);
    world_clear(&large);
}
END_TEST

/* Sums up what a tree holds, by walking it. */
static uint64_t
walk(world_t *in, fsp_key_t key, int level, fsp_sha256_t *sha256, uint64_t *chunk_count)
{
    const fsp_omap_row_t *row = fsp_omap_get(in->objects, FSP_SLICE_OF(key));
    ck_assert(row);
    fsp_blob_t *plain = NULL;
    fsp_slice_t open;
    ck_assert_int_eq(fsp_object_open_whole(in->keys, key, row->value, &plain, &open), FSP_OK);
    uint64_t bytes = 0;
    if (level < 0) {
        fsp_sha256_update(sha256, fsp_blob_slice(plain));
        bytes = fsp_blob_bytes(plain);
        ++*chunk_count;
    } else {
        fsp_tree_node_t *node = FSP_NEW(fsp_tree_node_t);
        ck_assert_int_eq(fsp_tree_decode(open, fsp_blob_slice(plain), node), FSP_OK);
        ck_assert(level == 99 || (int)node->level == level);
        for (size_t i = 0; i < node->count; i++) {
            uint64_t below =
                walk(in, node->children[i].key, (int)node->level - 1, sha256, chunk_count);
            ck_assert_uint_eq(below, node->children[i].content_bytes);
            bytes += below;
        }
        fsp_free(node);
    }
    fsp_blob_destroy(&plain);
    return bytes;
}

static void
upload_and_compare(world_t *in, size_t bytes, unsigned share)
{
    uint8_t *content = make_content(in, bytes, share);
    fsp_upload_outcome_t first = {0};
    for (int turn = 0; turn < 2; turn++) {
        driver_t driver;
        uint64_t window_bytes = (2 + pick(in, 14)) * (uint64_t)in->params.bytes_max;
        driver_init(&driver, in, window_bytes, 0);
        run_upload(&driver, content, bytes, 2 + pick(in, 20));
        ck_assert(driver.ready);
        ck_assert_uint_eq(fsp_upload_offset(driver.upload), bytes);
        fsp_upload_outcome_t outcome;
        fsp_upload_outcome(driver.upload, &outcome);
        ck_assert_uint_eq(outcome.size, bytes);
        fsp_hash_t sha256 = fsp_sha256(fsp_slice(content, bytes));
        ck_assert(fsp_hash_eq(outcome.sha256, sha256));
        ck_assert_uint_eq(outcome.chunk_new_count, driver.chunk_puts);
        if (outcome.root_kind != FSP_ROOT_INLINE) {
            ck_assert_uint_eq(fsp_upload_held_bytes(driver.upload), 0);
            fsp_sha256_t *walked = fsp_sha256_new();
            uint64_t chunk_count = 0;
            int level = outcome.root_kind == FSP_ROOT_CHUNK ? -1 : 99;
            ck_assert_uint_eq(walk(in, outcome.root_key, level, walked, &chunk_count), bytes);
            fsp_hash_t walked_hash = fsp_sha256_finish(walked);
            ck_assert(fsp_hash_eq(walked_hash, sha256));
            ck_assert_uint_eq(chunk_count, outcome.chunk_count);
            fsp_sha256_destroy(&walked);
        }
        /* Another order of events gives the same root. */
        if (turn == 1) {
            ck_assert_int_eq(outcome.root_kind, first.root_kind);
            ck_assert(fsp_key_eq(outcome.root_key, first.root_key));
            ck_assert_uint_eq(outcome.chunk_count, first.chunk_count);
            /* Whatever is large is there already. */
            if (in->params.bytes_min >= FSP_HAVE_BYTES_MIN && share == 0)
                ck_assert_uint_le(outcome.chunk_new_count, 1);
        }
        first = outcome;
        driver_clear(&driver);
    }
    fsp_free(content);
}

START_TEST(random_uploads_hold_their_bytes)
{
    for (int i = 0; i < 60; i++)
        upload_and_compare(&world, pick(&world, (size_t)1 << (8 + pick(&world, 14))), 2);
}
END_TEST

START_TEST(a_tree_of_two_levels)
{
    upload_and_compare(&world, 20 * 1024 * 1024, 0);
}
END_TEST

START_TEST(large_chunks_are_asked_for_first)
{
    world_t large;
    world_init(&large, &params_large, fsp_suite_seed(3));
    for (int i = 0; i < 8; i++)
        upload_and_compare(&large, pick(&large, 4 * 1024 * 1024), i % 2 ? 0 : 2);
    world_clear(&large);
}
END_TEST

START_TEST(the_window_closes_and_opens)
{
    driver_t driver;
    driver_init(&driver, &world, WINDOW_SMALL, 0);
    uint8_t *content = make_content(&world, 2 * WINDOW_SMALL, 0);
    ck_assert_uint_eq(send_some(&driver, content, 2 * WINDOW_SMALL), WINDOW_SMALL);
    ck_assert_uint_eq(driver.granted, WINDOW_SMALL);
    /* Sealing alone frees nothing; storing does, in lots. */
    uint64_t released = 0;
    while (driver.granted == WINDOW_SMALL) {
        released = driver.released;
        ck_assert_uint_lt(released, WINDOW_SMALL / 4);
        do_job(&driver, 0);
    }
    ck_assert_uint_ge(driver.released, WINDOW_SMALL / 4);
    ck_assert_uint_eq(driver.granted, WINDOW_SMALL + driver.released);
    fsp_free(content);
    driver_clear(&driver);
}
END_TEST

START_TEST(one_slow_piece_bounds_what_waits_behind_it)
{
    driver_t driver;
    driver_init(&driver, &world, WINDOW_SMALL, 0);
    size_t bytes = 4 * 1024 * 1024, sent = 0;
    uint8_t *content = make_content(&world, bytes, 0);
    bool moved = true;
    while (moved) {
        size_t some = send_some(&driver, content + sent, bytes - sent);
        sent += some;
        moved = some > 0;
        /* All but the first piece. */
        for (size_t i = 0; i < driver.job_count; i++)
            if (driver.jobs[i].effect.token != 1) {
                do_job(&driver, i);
                moved = true;
                break;
            }
    }
    ck_assert_uint_lt(sent, 512 * 4096);
    ck_assert_uint_gt(sent, 256 * 256);
    ck_assert_uint_le(driver.token_count, 256 + WINDOW_SMALL / 256 + 1);
    /* It moves: so does all the rest. */
    while (sent < bytes || driver.job_count > 0) {
        sent += send_some(&driver, content + sent, bytes - sent);
        if (driver.job_count > 0)
            do_job(&driver, 0);
    }
    fsp_upload_finish(driver.upload, &driver.effects);
    drain(&driver);
    while (driver.job_count > 0)
        do_job(&driver, 0);
    ck_assert(driver.ready);
    fsp_free(content);
    driver_clear(&driver);
}
END_TEST

START_TEST(more_than_was_granted_fails)
{
    driver_t driver;
    driver_init(&driver, &world, WINDOW_SMALL, 0);
    uint8_t *content = make_content(&world, WINDOW_SMALL + 1, 0);
    fsp_upload_data(driver.upload, fsp_slice(content, WINDOW_SMALL + 1), &driver.effects);
    drain(&driver);
    expect_failure(&driver, FSP_NO_CREDIT);
    driver_clear(&driver);
    fsp_free(content);
}
END_TEST

START_TEST(larger_than_the_bound_fails)
{
    for (size_t bound = 100; bound < 10000; bound += 9000) {
        driver_t driver;
        driver_init(&driver, &world, WINDOW_SMALL, bound);
        uint8_t *content = make_content(&world, bound + 1, 0);
        (void)send_some(&driver, content, bound);
        ck_assert(!driver.failed);
        (void)send_some(&driver, content, 1);
        expect_failure(&driver, FSP_TOO_LARGE);
        driver_clear(&driver);
        fsp_free(content);
    }
}
END_TEST

START_TEST(bytes_after_the_end_fail)
{
    for (int again = 0; again < 2; again++) {
        driver_t driver;
        driver_with(&driver, FSP_UPLOAD_SEAL);
        fsp_upload_finish(driver.upload, &driver.effects);
        drain(&driver);
        ck_assert(!driver.failed);
        if (again)
            fsp_upload_finish(driver.upload, &driver.effects);
        else
            fsp_upload_data(driver.upload, fsp_slice_text("x"), &driver.effects);
        drain(&driver);
        expect_failure(&driver, FSP_PROTOCOL);
        driver_clear(&driver);
    }
}
END_TEST

START_TEST(an_object_that_does_not_fit_fails)
{
    for (int what = 0; what < 5; what++) {
        driver_t driver;
        driver_with(&driver, FSP_UPLOAD_SEAL);
        fsp_upload_effect_t *effect = &driver.jobs[0].effect;
        fsp_slice_t plain = fsp_blob_slice(effect->plain);
        bool is_tree = what == 1 || what == 2;
        fsp_object_kind_t kind = is_tree ? FSP_OBJECT_TREE : FSP_OBJECT_CHUNK;
        fsp_slice_t open = what == 2 ? fsp_slice_text("open") : fsp_slice(NULL, 0);
        plain.bytes -= what == 3;
        fsp_sealed_t sealed;
        fsp_object_seal_all(world.keys, kind, open, plain, &sealed);
        if (what == 0)
            fsp_blob_destroy(&sealed.object);
        if (what == 4)
            fsp_blob_shrink(sealed.object, fsp_blob_bytes(sealed.object) - 1);
        fsp_upload_sealed(driver.upload, effect->token, &sealed, &driver.effects);
        fsp_blob_destroy(&sealed.object);
        drain(&driver);
        expect_failure(&driver, FSP_INTERNAL);
        driver_clear(&driver);
    }
}
END_TEST

START_TEST(a_refusal_fails_with_its_status)
{
    driver_t driver;
    driver_with(&driver, FSP_UPLOAD_PUT);
    fsp_upload_stored(driver.upload, driver.jobs[0].effect.token, FSP_DISK_RESERVE,
                      &driver.effects);
    drain(&driver);
    expect_failure(&driver, FSP_DISK_RESERVE);
    driver_clear(&driver);

    world_clear(&world);
    world_init(&world, &params_large, 4);
    driver_with(&driver, FSP_UPLOAD_HAVE);
    fsp_upload_have(driver.upload, driver.jobs[0].effect.token, FSP_EPOCH, false, &driver.effects);
    drain(&driver);
    expect_failure(&driver, FSP_EPOCH);
    driver_clear(&driver);
}
END_TEST

START_TEST(may_end_at_any_time)
{
    uint8_t *content = make_content(&world, 4 * WINDOW_SMALL, 0);
    for (size_t steps = 0; steps < 120; steps++) {
        driver_t driver;
        driver_init(&driver, &world, WINDOW_SMALL, 0);
        size_t sent = 0;
        for (size_t i = 0; i < steps && !driver.ready; i++) {
            if (driver.job_count > 0 && pick(&world, 2)) {
                do_job(&driver, pick(&world, driver.job_count));
            } else if (sent < 4 * WINDOW_SMALL) {
                sent += send_some(&driver, content + sent, 1 + pick(&world, 4096));
                sent = sent > 3 * WINDOW_SMALL ? 4 * WINDOW_SMALL : sent;
            }
        }
        driver_clear(&driver); /* the sanitizer looks for leaks */
    }
    fsp_free(content);
}
END_TEST

START_TEST(answers_to_no_question_are_our_mistake)
{
    driver_t driver;
    driver_with(&driver, FSP_UPLOAD_SEAL);
    FSP_EXPECT_ABORT(fsp_upload_stored(driver.upload, 99999, FSP_OK, &driver.effects));
    FSP_EXPECT_ABORT(
        fsp_upload_stored(driver.upload, driver.jobs[0].effect.token, FSP_OK, &driver.effects));
    fsp_upload_outcome_t outcome;
    FSP_EXPECT_ABORT(fsp_upload_outcome(driver.upload, &outcome));
    driver_clear(&driver);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("upload");
    TCase *tcase = tcase_create("upload");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, small_content_stays_inline);
    tcase_add_test(tcase, one_chunk_is_the_root_itself);
    tcase_add_test(tcase, random_uploads_hold_their_bytes);
    tcase_add_test(tcase, a_tree_of_two_levels);
    tcase_add_test(tcase, large_chunks_are_asked_for_first);
    tcase_add_test(tcase, the_window_closes_and_opens);
    tcase_add_test(tcase, one_slow_piece_bounds_what_waits_behind_it);
    tcase_add_test(tcase, more_than_was_granted_fails);
    tcase_add_test(tcase, larger_than_the_bound_fails);
    tcase_add_test(tcase, bytes_after_the_end_fail);
    tcase_add_test(tcase, an_object_that_does_not_fit_fails);
    tcase_add_test(tcase, a_refusal_fails_with_its_status);
    tcase_add_test(tcase, may_end_at_any_time);
    tcase_add_test(tcase, answers_to_no_question_are_our_mistake);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
