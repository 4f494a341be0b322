/* SPDX-License-Identifier: MIT */
/* test_housekeeping - what a node does for its shard unasked: hand-made rows and a clock that the
 * test sets; the shard is the test itself.  Layer tests. */
#include "actors/housekeeping.h"
#include "core/base/batch.h"
#include "core/base/memview.h"
#include "core/meta/rows.h"
#include "tests/actors/actor_world.h"

#define DAY_US ((fsp_time_t)24 * 3600 * 1000 * 1000)
#define WALL_US (20000 * DAY_US)

static const fsp_shard_ref_t SHARD = {.shard = 1, .generation = 1};
static const fsp_space_id_t SPACE = {{7}};
static fsp_memview_t *rows;
static fsp_mailbox_t *mine, *shard;
static fsp_housekeeping_t keeper;
static fsp_time_t now_us, wall_us;
static fsp_mail_t question; /* the last one of `keeper` */
static fsp_command_t command;

/* -- the world --------------------------------------------------------------------------------- */

static void
put_row(const fsp_row_key_t *key, fsp_buf_t *value)
{
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_row_key_slice(key), fsp_buf_slice(value));
    fsp_memview_apply(rows, batch, FSP_FAMILY_STATE);
    fsp_batch_destroy(&batch);
    fsp_buf_clear(value);
}

static void
put_space(const fsp_retention_t *policy)
{
    fsp_space_row_t row = {.name = fsp_slice_text("home"),
                           .owner = {{1}},
                           .root_id = {{2}},
                           .trash_id = {{3}},
                           .chunk_bytes_min = 1 << 16,
                           .chunk_bytes_avg = 1 << 18,
                           .chunk_bytes_max = 1 << 20,
                           .history = {.at_horizon = 1, .retention = *policy}};
    fsp_row_key_t key = fsp_row_key(SHARD, FSP_TABLE_SPACE, SPACE);
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_space_row_encode(&row, &value);
    put_row(&key, &value);
}

static void
put_upload(uint8_t number, fsp_time_t expiry)
{
    fsp_upload_row_t row = {.subject = {{1}},
                            .target = {.path = fsp_slice_text("/a")},
                            .condition = {.type = FSP_IF_REPLACE},
                            .duration = 7 * DAY_US,
                            .expiry = expiry};
    fsp_row_key_t key = fsp_row_key(SHARD, FSP_TABLE_UPLOAD, SPACE);
    fsp_row_key_add(&key, FSP_SLICE_OF(((fsp_upload_id_t){{number}})));
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_upload_row_encode(&row, &value);
    put_row(&key, &value);
}

static void
set_up(void)
{
    world_begin();
    rows = fsp_memview_new();
    mine = fsp_mailbox_new(FSP_ACTOR_SUPERVISOR);
    shard = fsp_mailbox_new(FSP_ACTOR_SHARD);
    now_us = 1000 * 1000;
    wall_us = WALL_US;
    fsp_housekeeping_init(&keeper, mine, fsp_memview_view(rows), SHARD, now_us);
}

static void
tear_down(void)
{
    fsp_mailbox_destroy(&mine);
    fsp_mailbox_destroy(&shard);
    fsp_memview_destroy(&rows);
}

/* Lets time pass to the next deadline; is anything asked?  It is in `command` then. */
static bool
is_asked(void)
{
    fsp_time_t due_us = fsp_housekeeping_deadline(&keeper);
    if (due_us > now_us) {
        wall_us += due_us - now_us;
        now_us = due_us;
    }
    fsp_housekeeping_turn(&keeper, now_us, wall_us);
    if (keeper.asked_us == 0)
        return false;
    world_receive(shard, &question);
    ck_assert_uint_eq(question.envelope.type, FSP_SHARD_COMMAND);
    ck_assert_int_eq(fsp_command_decode(fsp_mail_body(&question), &command), FSP_OK);
    ck_assert(fsp_space_id_eq(command.space_id, SPACE));
    return true;
}

static void
answer(const fsp_result_t *result)
{
    fsp_buf_t body;
    fsp_buf_init(&body, FSP_VALUE_BYTES_MAX);
    fsp_result_encode(result, &body);
    fsp_mailbox_send(shard, FSP_ACTOR_SUPERVISOR, FSP_SERVICE_SHARD, FSP_MSG_OK,
                     question.envelope.request_id, fsp_buf_slice(&body), NULL, 0);
    fsp_buf_clear(&body);
    fsp_mail_clear(&question);
    fsp_mail_t mail;
    world_receive(mine, &mail);
    fsp_housekeeping_mail(&keeper, &mail, now_us, wall_us);
    fsp_mail_clear(&mail);
}

/* Is anything asked before this day's end?  The first of it is in `command`, not answered yet. */
static bool
is_asked_today(void)
{
    fsp_time_t end_us = now_us + DAY_US / 2;
    while (fsp_housekeeping_deadline(&keeper) < end_us)
        if (is_asked())
            return true;
    return false;
}

/* -- tests ------------------------------------------------------------------------------------- */

START_TEST(uploads_that_have_passed_are_ended_and_no_others)
{
    const fsp_retention_t none = {0};
    put_space(&none);
    put_upload(1, WALL_US - 1);
    put_upload(2, WALL_US + DAY_US / 2);
    put_upload(3, WALL_US);
    put_upload(4, WALL_US + 3 * DAY_US);
    const uint8_t passed[] = {1, 3};
    for (size_t i = 0; i < sizeof(passed); i++) {
        ck_assert(is_asked_today());
        ck_assert_int_eq(command.type, FSP_COMMAND_UPLOAD_ABORT);
        ck_assert_uint_eq(command.node.upload_abort.id.bytes[0], passed[i]);
        ck_assert(fsp_subject_id_is_zero(command.subject)); /* the node itself: by its log time */
        answer(&(fsp_result_t){.status = i == 0 ? FSP_NO_SUCH_UPLOAD : FSP_OK});
    }
    ck_assert(!is_asked_today());
    /* What was refused is asked for again the next day, with what has passed since. */
    for (uint8_t id = 1; id <= 3; id++) {
        ck_assert(is_asked() || is_asked_today());
        ck_assert_uint_eq(command.node.upload_abort.id.bytes[0], id);
        answer(&(fsp_result_t){.status = FSP_OK});
    }
    ck_assert(!is_asked_today());
}
END_TEST

START_TEST(without_an_answer_the_next_one_is_asked)
{
    const fsp_retention_t none = {0};
    put_space(&none);
    put_upload(1, WALL_US - 1);
    put_upload(2, WALL_US - 1);
    ck_assert(is_asked_today());
    fsp_mail_clear(&question);
    ck_assert(is_asked_today());
    ck_assert_uint_eq(command.node.upload_abort.id.bytes[0], 2);
    answer(&(fsp_result_t){.status = FSP_OK});
    ck_assert(!is_asked_today());
}
END_TEST

/* A policy, and for how many days the trash then keeps a thing; 0: for ever. */
static const struct {
    fsp_retention_t policy;
    uint64_t trash_days;
} POLICIES[] = {
    {{.past_days = 5}, 0}, /* says nothing of versions: all are kept, those in the trash too */
    {{.keep_last = 2}, 30},
    {{.all_days = 29}, 30},
    {{.all_days = 31}, 31},
    {{.daily = 40}, 40},
    {{.weekly = 8}, 56},
    {{.monthly = 12}, 372},
    {{.all_days = 90, .daily = 7, .weekly = 4, .monthly = 2, .past_days = 3}, 90},
    {{.monthly = 1000000}, 31000000},
};

/* The trash must not be shorter-lived than what stands beside it. */
START_TEST(the_trash_keeps_what_the_policy_would_keep)
{
    put_space(&POLICIES[_i].policy);
    ck_assert(is_asked_today());
    ck_assert_int_eq(command.type, FSP_COMMAND_PRUNE);
    ck_assert(!command.history.given);
    answer(&(fsp_result_t){.status = FSP_OK, .more = true});
    ck_assert(is_asked_today());
    ck_assert_int_eq(command.type, FSP_COMMAND_PRUNE);
    answer(&(fsp_result_t){.status = FSP_OK});
    uint64_t days = POLICIES[_i].trash_days;
    if (days == 0) {
        ck_assert(!is_asked_today());
        return;
    }
    ck_assert(is_asked_today());
    ck_assert_int_eq(command.type, FSP_COMMAND_PURGE);
    ck_assert(!command.history.person);
    ck_assert_uint_eq(command.history.before,
                      wall_us > days * DAY_US ? wall_us - days * DAY_US : 1);
    /* It goes on behind the item looked at last, then with what is marked already. */
    answer(&(fsp_result_t){.status = FSP_OK, .more = true, .path = fsp_slice_text("/0017")});
    ck_assert(is_asked_today());
    ck_assert(fsp_slice_eq(command.history.after, fsp_slice_text("0017")));
    ck_assert_uint_gt(command.history.before, 0);
    answer(&(fsp_result_t){.status = FSP_OK, .more = true});
    ck_assert(is_asked_today());
    ck_assert_uint_eq(command.history.before, 0);
    answer(&(fsp_result_t){.status = FSP_OK});
    ck_assert(!is_asked_today());
}
END_TEST

/* Who sees the trash go and takes the rules away must not have to wait for the next day. */
START_TEST(a_policy_that_is_taken_away_stops_the_purge)
{
    put_space(&(fsp_retention_t){.keep_last = 1});
    ck_assert(is_asked_today());
    answer(&(fsp_result_t){.status = FSP_OK}); /* PRUNE */
    ck_assert(is_asked_today());
    ck_assert_uint_eq(command.history.before, wall_us - 30 * DAY_US);
    answer(&(fsp_result_t){.status = FSP_OK, .more = true, .path = fsp_slice_text("/0017")});
    put_space(&(fsp_retention_t){.monthly = 2});
    ck_assert(is_asked_today());
    ck_assert_uint_eq(command.history.before, wall_us - 62 * DAY_US);
    answer(&(fsp_result_t){.status = FSP_OK, .more = true, .path = fsp_slice_text("/0018")});
    put_space(&(fsp_retention_t){.past_days = 9});
    ck_assert(is_asked_today());
    ck_assert_int_eq(command.type, FSP_COMMAND_PURGE);
    ck_assert_uint_eq(command.history.before,
                      0); /* what was marked already is brought to its end */
    answer(&(fsp_result_t){.status = FSP_OK});
    ck_assert(!is_asked_today());
}
END_TEST

/* A state machine that doubts its time refuses; nothing is asked twice then. */
START_TEST(what_is_refused_waits_for_the_next_day)
{
    put_space(&(fsp_retention_t){.keep_last = 1});
    for (int day = 0; day < 2; day++) {
        ck_assert(is_asked() || is_asked_today());
        ck_assert_int_eq(command.type, FSP_COMMAND_PRUNE);
        answer(&(fsp_result_t){.status = FSP_HELD});
        ck_assert(is_asked_today());
        ck_assert_int_eq(command.type, FSP_COMMAND_PURGE);
        answer(&(fsp_result_t){.status = FSP_HELD});
        ck_assert(!is_asked_today());
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("housekeeping");
    TCase *tcase = tcase_create("housekeeping");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, uploads_that_have_passed_are_ended_and_no_others);
    tcase_add_test(tcase, without_an_answer_the_next_one_is_asked);
    tcase_add_loop_test(tcase, the_trash_keeps_what_the_policy_would_keep, 0,
                        (int)(sizeof(POLICIES) / sizeof(POLICIES[0])));
    tcase_add_test(tcase, a_policy_that_is_taken_away_stops_the_purge);
    tcase_add_test(tcase, what_is_refused_waits_for_the_next_day);
    suite_add_tcase(suite, tcase);
    return world_main(suite);
}
