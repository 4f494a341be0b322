/* SPDX-License-Identifier: MIT */
/* test_actor_store - group commit: every job is answered once, in order, after its rows are in the
 * database. */
#include "actors/node.h"
#include "core/base/alloc.h"
#include "tests/actors/actor_world.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[64];

static int
remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

static fsp_store_t *
open_store(void)
{
    fsp_store_t *store = NULL;
    fsp_error_t error = {0};
    bool fresh = false;
    fsp_store_config_t config = {.directory = directory, .sync = true, .lock_wait_us = 2000000};
    ck_assert_msg(fsp_store_open(&config, &store, &fresh, &error) == FSP_OK, "%s", error.text);
    return store;
}

static void
hand_row(fsp_mailbox_t *mine, uint64_t number, bool durable, uint64_t durable_index, bool cuts)
{
    fsp_batch_t *batch = fsp_batch_new();
    uint8_t key[8];
    fsp_store_u64(key, number);
    fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_slice(key, 8), fsp_slice_text("value"));
    fsp_store_job_t *job = fsp_store_job_new(number, &batch, durable);
    job->shard = 1;
    job->replica = 1;
    job->durable_index = durable_index;
    job->cuts = cuts;
    fsp_mailbox_hand(mine, FSP_ACTOR_STORE, FSP_SERVICE_STORE, FSP_STORE_WRITE, number, job);
}

START_TEST(jobs_are_answered_once_in_order_and_rows_are_there)
{
    world_begin();
    (void)snprintf(directory, sizeof(directory), "/tmp/fsp-actor-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    fsp_store_actor_args_t args = {.store = open_store()};
    fsp_mailbox_t *mine = fsp_mailbox_new(FSP_ACTOR_SHARD);
    fsp_actor_t *actor = fsp_actor_new(&fsp_store_actor_class, FSP_ACTOR_STORE, &args);
    fsp_error_t reply;
    ck_assert_int_eq(fsp_actor_command(actor, "START", &reply), FSP_OK);
    enum { JOBS = 3000 }; /* more than one group holds */
    for (uint64_t i = 0; i < JOBS; i++)
        hand_row(mine, i, i % 3 != 0, i + 1, false);
    for (uint64_t i = 0; i < JOBS; i++) {
        fsp_mail_t mail;
        world_receive(mine, &mail);
        ck_assert_uint_eq(mail.envelope.type, FSP_STORE_WRITTEN);
        fsp_store_job_t *job = fsp_mail_pointer(&mail);
        ck_assert_uint_eq(job->token, i);
        uint8_t key[8];
        fsp_store_u64(key, i);
        fsp_buf_t value;
        fsp_buf_init(&value, 64);
        ck_assert_int_eq(
            fsp_view_get(fsp_store_view(args.store, FSP_FAMILY_STATE), fsp_slice(key, 8), &value),
            FSP_OK);
        fsp_buf_clear(&value);
        fsp_store_job_destroy(&job);
        fsp_mail_clear(&mail);
    }
    fsp_actor_destroy(&actor);
    fsp_mailbox_destroy(&mine);
    fsp_store_close(&args.store, true, 1000000);
    /* The clean stop says how far the log was durable. */
    fsp_store_t *again = open_store();
    uint64_t index = 0;
    bool clean = false;
    fsp_store_watermark(again, 1, 1, &index, &clean);
    ck_assert_uint_eq(index, JOBS);
    ck_assert(clean);
    fsp_store_close(&again, true, 1000000);
    (void)nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
END_TEST

/* However jobs meet in groups: what a job before the cut noted does not outlive it. */
START_TEST(the_watermark_follows_a_log_that_is_cut)
{
    world_begin();
    (void)snprintf(directory, sizeof(directory), "/tmp/fsp-actor-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    fsp_store_actor_args_t args = {.store = open_store()};
    fsp_mailbox_t *mine = fsp_mailbox_new(FSP_ACTOR_SHARD);
    fsp_actor_t *actor = fsp_actor_new(&fsp_store_actor_class, FSP_ACTOR_STORE, &args);
    fsp_error_t reply;
    ck_assert_int_eq(fsp_actor_command(actor, "START", &reply), FSP_OK);
    enum { JOBS = 300 };
    for (uint64_t i = 0; i < JOBS; i++) {
        bool cuts = i % 50 == 49;
        hand_row(mine, i, cuts || i % 3 != 0, cuts ? i - 20 : i + 1, cuts);
    }
    for (uint64_t i = 0; i < JOBS; i++) {
        fsp_mail_t mail;
        world_receive(mine, &mail);
        fsp_store_job_t *job = fsp_mail_pointer(&mail);
        ck_assert_uint_eq(job->token, i);
        fsp_store_job_destroy(&job);
        fsp_mail_clear(&mail);
    }
    fsp_actor_destroy(&actor);
    fsp_mailbox_destroy(&mine);
    fsp_store_close(&args.store, true, 1000000);
    fsp_store_t *again = open_store();
    uint64_t index = 0;
    bool clean = false;
    fsp_store_watermark(again, 1, 1, &index, &clean);
    ck_assert_uint_eq(index, JOBS - 1 - 20);
    fsp_store_close(&again, true, 1000000);
    (void)nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
END_TEST

static uint64_t
await_written(fsp_mailbox_t *mine, uint64_t token)
{
    fsp_mail_t mail;
    world_receive(mine, &mail);
    ck_assert_uint_eq(mail.envelope.type, FSP_STORE_WRITTEN);
    fsp_store_job_t *job = fsp_mail_pointer(&mail);
    ck_assert_uint_eq(job->token, token);
    uint64_t place = job->place;
    fsp_store_job_destroy(&job);
    fsp_mail_clear(&mail);
    return place;
}

/* Written is not kept; who asks for it waits until it is, and then everybody hears of it who wrote
   for a replica, and nobody else. */
START_TEST(replicas_hear_what_is_kept)
{
    world_begin();
    (void)snprintf(directory, sizeof(directory), "/tmp/fsp-actor-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    fsp_store_actor_args_t args = {.store = open_store()};
    fsp_mailbox_t *mine = fsp_mailbox_new(FSP_ACTOR_SHARD);
    fsp_mailbox_t *other = fsp_mailbox_new(FSP_ACTOR_OBJECTS);
    fsp_actor_t *actor = fsp_actor_new(&fsp_store_actor_class, FSP_ACTOR_STORE, &args);
    fsp_error_t reply;
    ck_assert_int_eq(fsp_actor_command(actor, "START", &reply), FSP_OK);
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_put(batch, FSP_FAMILY_OBJECT, fsp_slice_text("key"), fsp_slice_text("value"));
    fsp_store_job_t *job = fsp_store_job_new(9, &batch, true);
    fsp_mailbox_hand(other, FSP_ACTOR_STORE, FSP_SERVICE_STORE, FSP_STORE_WRITE, 9, job);
    uint64_t first = await_written(other, 9);

    hand_row(mine, 1, false, 0, false);
    uint64_t second = await_written(mine, 1);
    ck_assert_uint_gt(second, first);
    ck_assert_uint_lt(fsp_store_state_kept(args.store), second);

    batch = fsp_batch_new();
    fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_slice_text("key"), fsp_slice_text("value"));
    job = fsp_store_job_new(2, &batch, false);
    job->shard = 1;
    job->replica = 1;
    job->keeps_state = true;
    fsp_mailbox_hand(mine, FSP_ACTOR_STORE, FSP_SERVICE_STORE, FSP_STORE_WRITE, 2, job);
    uint64_t third = await_written(mine, 2);
    ck_assert_uint_gt(third, second);
    ck_assert_uint_ge(fsp_store_state_kept(args.store), third);

    fsp_mail_t mail;
    world_receive(mine, &mail);
    ck_assert_uint_eq(mail.envelope.service, FSP_SERVICE_STORE);
    ck_assert_uint_eq(mail.envelope.type, FSP_STORE_KEPT);
    ck_assert_uint_ge(mail.envelope.request_id, third);
    fsp_mail_clear(&mail);
    ck_assert(!fsp_mailbox_receive(other, &mail));
    hand_row(mine, 3, false, 0, false);
    ck_assert_uint_gt(await_written(mine, 3), third);
    /* What is in the inbox of a replica that ends is no job. */
    fsp_mailbox_send(other, FSP_ACTOR_SHARD, FSP_SERVICE_STORE, FSP_STORE_KEPT, 7,
                     fsp_slice(NULL, 0), NULL, 0);
    fsp_actor_destroy(&actor);
    fsp_store_jobs_drop(mine);
    fsp_mailbox_destroy(&other);
    fsp_mailbox_destroy(&mine);
    fsp_store_close(&args.store, true, 1000000);
    (void)nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("actor_store");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, jobs_are_answered_once_in_order_and_rows_are_there);
    tcase_add_test(tests, the_watermark_follows_a_log_that_is_cut);
    tcase_add_test(tests, replicas_hear_what_is_kept);
    suite_add_tcase(suite, tests);
    return world_main(suite);
}
