/* SPDX-License-Identifier: MIT */
/* test_actor - the shell of actors: start, failure, commands, orderly end. */
#include "actors/actor.h"
#include "tests/actors/actor_world.h"

typedef struct {
    fsp_status_t start_status;
    unsigned work;    /* until it is idle */
    unsigned stopped; /* how often stop was called */
    unsigned mails;
} probe_args_t;

typedef struct {
    fsp_shell_t *shell;
    probe_args_t *args;
} probe_t;

static fsp_status_t
start(void *self_, fsp_shell_t *shell, void *args, fsp_error_t *error)
{
    probe_t *self = self_;
    self->shell = shell;
    self->args = args;
    return self->args->start_status == FSP_OK
               ? FSP_OK
               : fsp_error_set(error, self->args->start_status, "not today");
}

static void
mail(void *self_, fsp_mail_t *message)
{
    probe_t *self = self_;
    self->args->mails++;
    if (message->envelope.request_id == 13) {
        fsp_error_t error;
        (void)fsp_error_set(&error, FSP_IO, "disk is gone");
        fsp_actor_fail(self->shell, &error);
        return;
    }
    fsp_mailbox_send(self->shell->mailbox, message->from, FSP_SERVICE_SHARD, FSP_MSG_OK,
                     message->envelope.request_id, fsp_mail_body(message), NULL, 0);
}

static fsp_status_t
command(void *self_, const char *name, fsp_error_t *reply)
{
    (void)self_;
    return fsp_error_set(reply, FSP_BUSY, "heard %s", name);
}

static bool
idle(void *self_)
{
    probe_t *self = self_;
    if (self->args->work == 0)
        return true;
    self->args->work--;
    return false;
}

static void
stop(void *self_)
{
    ((probe_t *)self_)->args->stopped++;
}

static const fsp_actor_class_t probe_class = {.name = "probe",
                                              .state_bytes = sizeof(probe_t),
                                              .start = start,
                                              .mail = mail,
                                              .command = command,
                                              .idle = idle,
                                              .stop = stop};

START_TEST(start_that_fails_gives_status_and_words)
{
    world_begin();
    probe_args_t args = {.start_status = FSP_DAMAGED};
    fsp_actor_t *actor = fsp_actor_new(&probe_class, FSP_ACTOR_SHARD, &args);
    fsp_error_t reply;
    ck_assert_int_eq(fsp_actor_command(actor, "START", &reply), FSP_DAMAGED);
    ck_assert_str_eq(reply.text, "not today");
    fsp_actor_destroy(&actor);
    ck_assert_uint_eq(args.stopped, 1);
}
END_TEST

START_TEST(actor_that_was_never_started_ends)
{
    world_begin();
    probe_args_t args = {0};
    fsp_actor_t *actor = fsp_actor_new(&probe_class, FSP_ACTOR_SHARD, &args);
    fsp_actor_destroy(&actor);
    ck_assert_uint_eq(args.stopped, 0);
    ck_assert_ptr_null(actor);
    fsp_actor_destroy(&actor); /* accepts NULL */
}
END_TEST

START_TEST(messages_are_answered_and_commands_are_heard)
{
    world_begin();
    probe_args_t args = {0};
    fsp_mailbox_t *mine = fsp_mailbox_new(FSP_ACTOR_SUPERVISOR);
    fsp_actor_t *actor = fsp_actor_new(&probe_class, FSP_ACTOR_SHARD, &args);
    fsp_error_t reply;
    ck_assert_int_eq(fsp_actor_command(actor, "START", &reply), FSP_OK);
    for (uint64_t i = 100; i < 1100; i++)
        fsp_mailbox_send(mine, FSP_ACTOR_SHARD, FSP_SERVICE_SHARD, FSP_SHARD_QUERY, i,
                         fsp_slice_text("x"), NULL, 0);
    ck_assert_int_eq(fsp_actor_command(actor, "STATUS", &reply), FSP_BUSY);
    ck_assert_str_eq(reply.text, "heard STATUS");
    for (uint64_t i = 100; i < 1100; i++) {
        fsp_mail_t message;
        world_receive(mine, &message);
        ck_assert_uint_eq(message.envelope.request_id, i);
        fsp_mail_clear(&message);
    }
    fsp_actor_destroy(&actor);
    fsp_mailbox_destroy(&mine);
    ck_assert_uint_eq(args.mails, 1000);
}
END_TEST

START_TEST(failure_reaches_the_supervisor_also_during_a_command)
{
    world_begin();
    probe_args_t args = {0};
    fsp_mailbox_t *mine = fsp_mailbox_new(FSP_ACTOR_SUPERVISOR);
    fsp_actor_t *actor = fsp_actor_new(&probe_class, FSP_ACTOR_SHARD, &args);
    fsp_error_t reply;
    ck_assert_int_eq(fsp_actor_command(actor, "START", &reply), FSP_OK);
    ck_assert(!fsp_actor_failure(actor, &reply));
    fsp_mailbox_send(mine, FSP_ACTOR_SHARD, FSP_SERVICE_SHARD, FSP_SHARD_QUERY, 13,
                     fsp_slice(NULL, 0), NULL, 0);
    (void)!fsp_actor_command(actor, "STATUS",
                             &reply); /* passes the FAIL on its way, or meets it later */
    fsp_time_t until = fsp_clock_mono_us() + (fsp_time_t)WORLD_WAIT_MS * 1000;
    bool failed = false;
    while (!failed && fsp_clock_mono_us() < until) {
        zmq_pollitem_t item = {.socket = fsp_actor_pipe(actor), .events = ZMQ_POLLIN};
        (void)zmq_poll(&item, 1, 10);
        failed = fsp_actor_failure(actor, &reply);
    }
    ck_assert(failed);
    ck_assert_int_eq(reply.status, FSP_IO);
    ck_assert_str_eq(reply.text, "disk is gone");
    fsp_actor_destroy(&actor);
    fsp_mailbox_destroy(&mine);
    ck_assert_uint_eq(args.stopped, 1);
}
END_TEST

START_TEST(actor_ends_only_when_it_is_idle)
{
    world_begin();
    probe_args_t args = {.work = 20};
    fsp_actor_t *actor = fsp_actor_new(&probe_class, FSP_ACTOR_SHARD, &args);
    fsp_error_t reply;
    ck_assert_int_eq(fsp_actor_command(actor, "START", &reply), FSP_OK);
    fsp_actor_destroy(&actor);
    ck_assert_uint_eq(args.work, 0);
    ck_assert_uint_eq(args.stopped, 1);
}
END_TEST

/* -- nothing that came is slept over ------------------------------------------------------------
 */

enum { BATCHES = 30, BATCH = 600 /* more than a round takes */, TAKEN_TOGETHER = 7 };

typedef struct {
    fsp_shell_t *shell;
    zsock_t *outside;
} talker_t;

static zsock_t *
new_pair(void)
{
    zsock_t *pair = zsock_new(ZMQ_PAIR);
    zsock_set_sndhwm(pair, 0);
    zsock_set_rcvhwm(pair, 0);
    return pair;
}

static fsp_status_t
talker_start(void *self_, fsp_shell_t *shell, void *args, fsp_error_t *error)
{
    talker_t *self = self_;
    (void)args;
    (void)error;
    self->shell = shell;
    self->outside = new_pair();
    ck_assert_int_eq(zsock_bind(self->outside, "inproc://test-actor-outside"), 0);
    return FSP_OK;
}

/* What is sent outside here may take the news of what came there. */
static void
talker_mail(void *self_, fsp_mail_t *message)
{
    talker_t *self = self_;
    (void)zmq_send(zsock_resolve(self->outside), "m", 1, 0);
    fsp_mailbox_send(self->shell->mailbox, message->from, FSP_SERVICE_SHARD, FSP_MSG_OK,
                     message->envelope.request_id, fsp_slice(NULL, 0), NULL, 0);
}

static void *
talker_socket(void *self_)
{
    return zsock_resolve(((talker_t *)self_)->outside);
}

static void
talker_readable(void *self_)
{
    void *outside = talker_socket(self_);
    char got;
    for (int i = 0; i < TAKEN_TOGETHER && zmq_recv(outside, &got, 1, ZMQ_DONTWAIT) == 1; i++)
        (void)zmq_send(outside, "o", 1, 0);
}

static fsp_status_t
talker_command(void *self_, const char *name, fsp_error_t *reply)
{
    (void)self_;
    return fsp_error_set(reply, FSP_BUSY, "heard %s", name);
}

static void
talker_stop(void *self_)
{
    zsock_destroy(&((talker_t *)self_)->outside);
}

/* Messages of a batch, both ways, with a command in between. */
static void
talk(fsp_actor_t *actor, fsp_mailbox_t *mine, zsock_t *outside)
{
    fsp_error_t reply;
    for (uint64_t i = 0; i < BATCH; i++) {
        fsp_mailbox_send(mine, FSP_ACTOR_SHARD, FSP_SERVICE_SHARD, FSP_SHARD_QUERY, i,
                         fsp_slice(NULL, 0), NULL, 0);
        ck_assert_int_eq(zmq_send(zsock_resolve(outside), "x", 1, 0), 1);
        if (i == BATCH / 2)
            ck_assert_int_eq(fsp_actor_command(actor, "STATUS", &reply), FSP_BUSY);
    }
    for (uint64_t i = 0; i < BATCH; i++) {
        fsp_mail_t message;
        world_receive(mine, &message);
        ck_assert_uint_eq(message.envelope.request_id, i);
        fsp_mail_clear(&message);
    }
    zsock_set_rcvtimeo(outside, WORLD_WAIT_MS);
    char got;
    for (int i = 0; i < 2 * BATCH; i++)
        ck_assert_int_eq(zmq_recv(zsock_resolve(outside), &got, 1, 0), 1);
}

/* An actor that misses something sleeps for a second, in each batch anew; a machine that is busy
   elsewhere is not that slow that often. */
START_TEST(nothing_that_came_is_slept_over)
{
    static const fsp_actor_class_t talker_class = {.name = "talker",
                                                   .state_bytes = sizeof(talker_t),
                                                   .start = talker_start,
                                                   .mail = talker_mail,
                                                   .socket = talker_socket,
                                                   .readable = talker_readable,
                                                   .command = talker_command,
                                                   .stop = talker_stop};
    world_begin();
    fsp_mailbox_t *mine = fsp_mailbox_new(FSP_ACTOR_SUPERVISOR);
    fsp_actor_t *actor = fsp_actor_new(&talker_class, FSP_ACTOR_SHARD, NULL);
    fsp_error_t reply;
    ck_assert_int_eq(fsp_actor_command(actor, "START", &reply), FSP_OK);
    zsock_t *outside = new_pair();
    ck_assert_int_eq(zsock_connect(outside, "inproc://test-actor-outside"), 0);
    int slow = 0;
    for (int i = 0; i < BATCHES; i++) {
        fsp_time_t before = fsp_clock_mono_us();
        talk(actor, mine, outside);
        slow += fsp_clock_mono_us() - before > 900 * 1000;
    }
    ck_assert_int_lt(slow, BATCHES / 5);
    fsp_actor_destroy(&actor);
    zsock_destroy(&outside);
    fsp_mailbox_destroy(&mine);
}
END_TEST

/* Another actor failed: what this one waits for does not come. */
START_TEST(actor_in_a_hurry_does_not_wait)
{
    world_begin();
    probe_args_t args = {.work = UINT_MAX};
    fsp_actor_t *actor = fsp_actor_new(&probe_class, FSP_ACTOR_SHARD, &args);
    fsp_error_t reply;
    ck_assert_int_eq(fsp_actor_command(actor, "START", &reply), FSP_OK);
    fsp_time_t before = fsp_clock_mono_us();
    fsp_actor_hurry(actor);
    fsp_actor_destroy(&actor);
    ck_assert(fsp_clock_mono_us() - before < 5 * 1000 * 1000);
    ck_assert_uint_eq(args.stopped, 1);
    fsp_actor_hurry(NULL);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("actor");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, start_that_fails_gives_status_and_words);
    tcase_add_test(tests, actor_that_was_never_started_ends);
    tcase_add_test(tests, messages_are_answered_and_commands_are_heard);
    tcase_add_test(tests, failure_reaches_the_supervisor_also_during_a_command);
    tcase_add_test(tests, actor_ends_only_when_it_is_idle);
    tcase_add_test(tests, nothing_that_came_is_slept_over);
    tcase_add_test(tests, actor_in_a_hurry_does_not_wait);
    suite_add_tcase(suite, tests);
    return world_main(suite);
}
