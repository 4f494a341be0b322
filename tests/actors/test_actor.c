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
    tcase_add_test(tests, start_that_fails_gives_status_and_words);
    tcase_add_test(tests, actor_that_was_never_started_ends);
    tcase_add_test(tests, messages_are_answered_and_commands_are_heard);
    tcase_add_test(tests, failure_reaches_the_supervisor_also_during_a_command);
    tcase_add_test(tests, actor_ends_only_when_it_is_idle);
    tcase_add_test(tests, actor_in_a_hurry_does_not_wait);
    suite_add_tcase(suite, tests);
    return world_main(suite);
}
