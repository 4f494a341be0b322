/* SPDX-License-Identifier: MIT */
/* test_rebalancer - when rounds of collection begin: the actor's functions under a clock and a disk
 * that the test sets; shard, objects and gateway are the test itself.  Layer tests. */
#include "actors/node.h"
#include "core/base/alloc.h"
#include "core/meta/rows.h"
#include "proto/peer.h"
#include "tests/actors/actor_world.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { LAYOUT = 3, BLOCK = 4096, BLOCKS = 1 << 20 };
static const fsp_time_t SECOND_US = 1000 * 1000;
#define DAY_US (86400 * SECOND_US)
static const fsp_shard_ref_t SHARD = {.shard = 1, .generation = 1};
static const fsp_store_id_t STORE_ID = {{9}};

static char directory[64];
static fsp_store_t *store;
static fsp_mailbox_t *shard, *objects, *frontend, *asker;
static fsp_shell_t shell;
static fsp_rebalancer_actor_args_t args;
static void *actor;
static fsp_time_t ahead_us; /* of the real clock */

static uint64_t opened, refused, marked, swept, closed, gone; /* what was asked */
static fsp_command_t last_open;
static fsp_status_t done_status; /* answer of DONE */

/* -- the disk ---------------------------------------------------------------------------------- */

static uint64_t used_percent = 10;

/* In place of the system's. */
int
statvfs(const char *path, struct statvfs *ret)
{
    (void)path;
    *ret = (struct statvfs){.f_bsize = BLOCK, .f_frsize = BLOCK, .f_blocks = BLOCKS};
    ret->f_bfree = ret->f_bavail = BLOCKS / 100 * (100 - used_percent);
    return 0;
}

static int
remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

/* -- spaces ------------------------------------------------------------------------------------ */

static fsp_space_id_t
space_id(uint32_t number)
{
    fsp_space_id_t id = {{0}};
    fsp_store_u32(id.bytes, number);
    return id;
}

typedef struct {
    uint64_t epoch, layout, change;
    bool open;
    fsp_life_t state;
} space_t;

static void
put_space(uint32_t number, const space_t *space)
{
    fsp_space_row_t row = {.name = fsp_slice_text("home"),
                           .owner = {{1}},
                           .root_id = {{2}},
                           .trash_id = {{3}},
                           .chunk_bytes_min = 1 << 16,
                           .chunk_bytes_avg = 1 << 18,
                           .chunk_bytes_max = 1 << 20,
                           .epoch = space->epoch,
                           .gc_layout_version = space->layout,
                           .change_index = space->change,
                           .access = {.state = space->state, .round_open = space->open}};
    if (space->state == FSP_LIFE_GONE)
        row = (fsp_space_row_t){.access.state = FSP_LIFE_GONE};
    fsp_row_key_t key = fsp_row_key(SHARD, FSP_TABLE_SPACE, space_id(number));
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_space_row_encode(&row, &value);
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_row_key_slice(&key), fsp_buf_slice(&value));
    fsp_error_t error;
    ck_assert_int_eq(fsp_store_write(store, &batch, 1, &error), FSP_OK);
    fsp_batch_destroy(&batch);
    fsp_buf_clear(&value);
}

static void
get_space(fsp_space_id_t id, space_t *ret)
{
    fsp_row_key_t key = fsp_row_key(SHARD, FSP_TABLE_SPACE, id);
    fsp_space_row_t row;
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    ck_assert_int_eq(
        fsp_view_get(fsp_store_view(store, FSP_FAMILY_STATE), fsp_row_key_slice(&key), &value),
        FSP_OK);
    ck_assert_int_eq(fsp_space_row_decode(fsp_buf_slice(&value), &row), FSP_OK);
    *ret = (space_t){.epoch = row.epoch,
                     .layout = row.gc_layout_version,
                     .change = row.change_index,
                     .open = row.access.round_open,
                     .state = row.access.state};
    fsp_buf_clear(&value);
}

/* -- who is asked ------------------------------------------------------------------------------ */

static void
reply(fsp_mailbox_t *from, fsp_service_t service, unsigned type, const fsp_mail_t *question,
      fsp_buf_t *body)
{
    fsp_mailbox_send(from, FSP_ACTOR_REBALANCER, service, type,
                     question ? question->envelope.request_id : 0, fsp_buf_slice(body), NULL, 0);
    fsp_buf_clear(body);
}

/* GC_OPEN and GC_CLOSE, as the state machine judges them. */
static void
serve_shard(fsp_mail_t *mail)
{
    fsp_command_t command;
    ck_assert_int_eq(fsp_command_decode(fsp_mail_body(mail), &command), FSP_OK);
    space_t space;
    get_space(command.space_id, &space);
    fsp_result_t result = {.status = FSP_OK};
    if (command.type == FSP_COMMAND_GC_CLOSE) {
        closed++;
        space.open = false;
    } else {
        ck_assert_int_eq(command.type, FSP_COMMAND_GC_OPEN);
        last_open = command;
        uint64_t round = command.access.value, layout = command.access.detail;
        if (round == space.epoch + 1 && layout >= space.layout)
            space = (space_t){round, layout, space.change, true, space.state};
        else if (round != space.epoch || layout != space.layout)
            result.status = round <= space.epoch ? FSP_EPOCH : FSP_MISMATCH;
        opened += result.status == FSP_OK;
        refused += result.status != FSP_OK;
    }
    uint32_t number = fsp_load_u32(command.space_id.bytes);
    if (result.status == FSP_OK)
        put_space(number, &space);
    fsp_buf_t body;
    fsp_buf_init(&body, FSP_VALUE_BYTES_MAX);
    fsp_result_encode(&result, &body);
    reply(shard, FSP_SERVICE_SHARD, FSP_MSG_OK, mail, &body);
}

static void
serve_objects(fsp_mail_t *mail)
{
    fsp_buf_t body;
    fsp_buf_init(&body, FSP_VALUE_BYTES_MAX);
    unsigned type = FSP_MSG_OK;
    if (mail->envelope.type == FSP_OBJECT_GONE) {
        gone++;
        fsp_buf_clear(&body);
        return;
    }
    if (mail->envelope.type == FSP_OBJECT_MARK) {
        marked++;
        fsp_object_marked_encode(&(fsp_object_marked_t){.store_id = STORE_ID}, &body);
    } else {
        ck_assert_uint_eq(mail->envelope.type, FSP_OBJECT_DONE);
        swept++;
        const fsp_swept_t nothing = {0};
        type = done_status == FSP_OK ? FSP_MSG_OK : FSP_MSG_ERROR;
        if (done_status == FSP_OK)
            fsp_object_swept_encode(&nothing, &body);
        else
            fsp_peer_error_encode(done_status, &body);
    }
    reply(objects, FSP_SERVICE_OBJECTS, type, mail, &body);
}

static void
set_clock(void)
{
    shell.now_us = fsp_clock_mono_us() + ahead_us;
}

/* One message of every mailbox; false if there was none. */
static bool
serve(void)
{
    fsp_mail_t mail;
    bool any = false;
    fsp_mailbox_t *boxes[] = {shell.mailbox, shard, objects, frontend, asker};
    for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++) {
        if (!fsp_mailbox_receive(boxes[i], &mail))
            continue;
        any = true;
        set_clock();
        if (i == 0)
            fsp_rebalancer_actor_class.mail(actor, &mail);
        else if (i == 1)
            serve_shard(&mail);
        else if (i == 2)
            serve_objects(&mail);
        fsp_mail_clear(&mail);
    }
    return any;
}

/* Until nothing is under way: no message, and no deadline near. */
static void
settle(void)
{
    for (int quiet = 0; quiet < 5;) {
        set_clock();
        fsp_rebalancer_actor_class.turn(actor);
        if (serve()) {
            quiet = 0;
        } else if (fsp_rebalancer_actor_class.deadline(actor) < shell.now_us + SECOND_US) {
            quiet = 0;
            ahead_us += 1000; /* a rest */
        } else {
            quiet++;
            fsp_suite_pause_us(200);
        }
    }
}

static void
pass(fsp_time_t time_us)
{
    ahead_us += time_us;
    settle();
}

/* Rounds that begin within ten minutes and a bit. */
static uint64_t
rounds_in_ten_minutes(void)
{
    uint64_t before = opened;
    pass(601 * SECOND_US);
    pass(11 * SECOND_US);
    return opened - before;
}

static void
tell(uint32_t number, unsigned type)
{
    fsp_space_id_t id = space_id(number);
    fsp_mailbox_send(asker, FSP_ACTOR_REBALANCER, FSP_SERVICE_NODE, type, 1, FSP_SLICE_OF(id), NULL,
                     0);
    settle();
}

static void
set_up(void)
{
    world_begin();
    /* The tests may run in one process. */
    opened = refused = marked = swept = closed = gone = 0;
    last_open = (fsp_command_t){.type = 0};
    done_status = FSP_OK;
    used_percent = 10;
    ahead_us = 0;
    (void)snprintf(directory, sizeof(directory), "/tmp/fsp-rebalancer-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    fsp_error_t error = {.text = ""};
    bool fresh = false;
    fsp_store_config_t config = {.directory = directory, .sync = false, .lock_wait_us = 2000000};
    ck_assert_msg(fsp_store_open(&config, &store, &fresh, &error) == FSP_OK, "%s", error.text);
    shard = fsp_mailbox_new(FSP_ACTOR_SHARD);
    objects = fsp_mailbox_new(FSP_ACTOR_OBJECTS);
    frontend = fsp_mailbox_new(FSP_ACTOR_FRONTEND);
    asker = fsp_mailbox_new(FSP_ACTOR_SUPERVISOR);
    shell =
        (fsp_shell_t){.id = FSP_ACTOR_REBALANCER, .mailbox = fsp_mailbox_new(FSP_ACTOR_REBALANCER)};
    set_clock();
    args = (fsp_rebalancer_actor_args_t){.store = store,
                                         .shard = SHARD,
                                         .layout_version = LAYOUT,
                                         .first_us = 1000 * DAY_US,
                                         .every_us = DAY_US};
    actor = fsp_alloc_array(1, fsp_rebalancer_actor_class.state_bytes);
    ck_assert_int_eq(fsp_rebalancer_actor_class.start(actor, &shell, &args, &error), FSP_OK);
}

static void
tear_down(void)
{
    fsp_rebalancer_actor_class.stop(actor);
    fsp_free(actor);
    fsp_mailbox_destroy(&shell.mailbox);
    fsp_mailbox_destroy(&shard);
    fsp_mailbox_destroy(&objects);
    fsp_mailbox_destroy(&frontend);
    fsp_mailbox_destroy(&asker);
    fsp_store_close(&store, true, 1000000);
    (void)nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* -- tests ------------------------------------------------------------------------------------- */

START_TEST(a_round_is_opened_marked_swept_and_closed)
{
    put_space(1, &(space_t){.epoch = 4, .layout = LAYOUT, .change = 10});
    tell(1, FSP_NODE_COLLECT);
    ck_assert_uint_eq(opened, 1);
    ck_assert_uint_eq(last_open.access.value, 5);
    ck_assert_uint_eq(last_open.access.detail, LAYOUT);
    ck_assert_uint_eq(marked, 1);
    ck_assert_uint_eq(swept, 1);
    ck_assert_uint_eq(closed, 1);
}
END_TEST

START_TEST(a_round_that_was_cut_off_is_taken_up)
{
    put_space(1, &(space_t){.epoch = 4, .layout = LAYOUT, .change = 10, .open = true});
    tell(1, FSP_NODE_COLLECT);
    ck_assert_uint_eq(last_open.access.value, 4);
    ck_assert_uint_eq(closed, 1);
}
END_TEST

/* Rows are written after answers: who asks again at once means the next round. */
START_TEST(a_round_that_was_closed_is_not_taken_up)
{
    put_space(1, &(space_t){.epoch = 4, .layout = LAYOUT, .change = 10});
    tell(1, FSP_NODE_COLLECT);
    put_space(1, &(space_t){.epoch = 5, .layout = LAYOUT, .change = 10, .open = true});
    tell(1, FSP_NODE_COLLECT);
    ck_assert_uint_eq(last_open.access.value, 6);
    ck_assert_uint_eq(closed, 2);
}
END_TEST

/* Its nodes refuse it for ever: the next one has to begin. */
START_TEST(a_round_of_an_older_layout_is_not_taken_up)
{
    put_space(1, &(space_t){.epoch = 4, .layout = LAYOUT - 1, .change = 10, .open = true});
    tell(1, FSP_NODE_COLLECT);
    ck_assert_uint_eq(refused, 0);
    ck_assert_uint_eq(last_open.access.value, 5);
    ck_assert_uint_eq(last_open.access.detail, LAYOUT);
    ck_assert_uint_eq(closed, 1);
}
END_TEST

START_TEST(a_disk_that_fills_makes_rounds)
{
    put_space(1, &(space_t){.change = 10});
    put_space(2, &(space_t){.change = 10, .state = FSP_LIFE_DROPPING});
    /* Of 4 GiB 256 MiB are the reserve; 80 % of the rest are 75 % of all. */
    used_percent = 74;
    ck_assert_uint_eq(rounds_in_ten_minutes(), 0);
    used_percent = 76;
    pass(11 * SECOND_US);
    ck_assert_uint_eq(opened, 1);
    pass(300 * SECOND_US); /* not more often than every ten minutes */
    ck_assert_uint_eq(opened, 1);
    ck_assert_uint_eq(rounds_in_ten_minutes(), 1);
}
END_TEST

START_TEST(a_quiet_space_is_passed_over)
{
    put_space(1, &(space_t){.change = 10});
    used_percent = 85;
    pass(11 * SECOND_US);
    ck_assert_uint_eq(opened, 1);
    ck_assert_uint_eq(rounds_in_ten_minutes(), 1); /* what was young in the first one */
    ck_assert_uint_eq(rounds_in_ten_minutes(), 0);
    ck_assert_uint_eq(rounds_in_ten_minutes(), 0);
    space_t space;
    get_space(space_id(1), &space);
    space.change++;
    put_space(1, &space);
    ck_assert_uint_eq(rounds_in_ten_minutes(), 1);
    ck_assert_uint_eq(rounds_in_ten_minutes(), 1);
    ck_assert_uint_eq(rounds_in_ten_minutes(), 0);
    tell(1, FSP_NODE_COLLECT); /* who asks gets one */
    ck_assert_uint_eq(opened, 5);
}
END_TEST

/* Puts that were given up, and uploads that were ended, leave garbage and make no change: only the
   disk tells. */
START_TEST(a_disk_that_grows_wakes_quiet_spaces)
{
    put_space(1, &(space_t){.change = 10});
    used_percent = 85;
    pass(11 * SECOND_US);
    ck_assert_uint_eq(rounds_in_ten_minutes(), 1);
    ck_assert_uint_eq(rounds_in_ten_minutes(), 0);
    used_percent = 97;
    ck_assert_uint_eq(rounds_in_ten_minutes(), 1);
    ck_assert_uint_eq(rounds_in_ten_minutes(), 1);
    ck_assert_uint_eq(rounds_in_ten_minutes(), 0);
    used_percent = 85;
    ck_assert_uint_eq(rounds_in_ten_minutes(), 0);
    used_percent = 90;
    ck_assert_uint_eq(rounds_in_ten_minutes(), 1);
}
END_TEST

START_TEST(a_round_that_failed_makes_no_space_quiet)
{
    put_space(1, &(space_t){.change = 10});
    used_percent = 85;
    done_status = FSP_BUSY;
    pass(11 * SECOND_US);
    ck_assert_uint_eq(opened, 1);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(rounds_in_ten_minutes(), 1);
    ck_assert_uint_eq(closed, 0);
    done_status = FSP_OK;
    ck_assert_uint_eq(rounds_in_ten_minutes(), 1);
    ck_assert_uint_eq(closed, 1);
}
END_TEST

/* What is remembered of spaces has room for those that are there, however many have gone. */
START_TEST(spaces_that_are_gone_are_forgotten)
{
    used_percent = 85;
    pass(11 * SECOND_US); /* the next look is ten minutes away */
    uint32_t number = 1;
    for (; number <= FSP_SPACES_HELD_MAX; number++) {
        put_space(number, &(space_t){.change = 10});
        tell(number, FSP_NODE_COLLECT);
        put_space(number, &(space_t){.state = FSP_LIFE_GONE});
        tell(number, FSP_NODE_GONE);
    }
    ck_assert_uint_eq(closed, FSP_SPACES_HELD_MAX);
    ck_assert_uint_eq(gone, FSP_SPACES_HELD_MAX);
    put_space(number, &(space_t){.change = 10});
    ck_assert_uint_eq(rounds_in_ten_minutes(), 1);
    ck_assert_uint_eq(rounds_in_ten_minutes(), 1);
    ck_assert_uint_eq(rounds_in_ten_minutes(), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("rebalancer");
    TCase *tcase = tcase_create("rebalancer");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_round_is_opened_marked_swept_and_closed);
    tcase_add_test(tcase, a_round_that_was_cut_off_is_taken_up);
    tcase_add_test(tcase, a_round_that_was_closed_is_not_taken_up);
    tcase_add_test(tcase, a_round_of_an_older_layout_is_not_taken_up);
    tcase_add_test(tcase, a_disk_that_fills_makes_rounds);
    tcase_add_test(tcase, a_quiet_space_is_passed_over);
    tcase_add_test(tcase, a_disk_that_grows_wakes_quiet_spaces);
    tcase_add_test(tcase, a_round_that_failed_makes_no_space_quiet);
    tcase_add_test(tcase, spaces_that_are_gone_are_forgotten);
    suite_add_tcase(suite, tcase);
    return world_main(suite);
}
