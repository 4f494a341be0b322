/* SPDX-License-Identifier: MIT */
/* actor - the shell every actor of the daemon runs in.  Layer actors. */
#include "actors/actor.h"

#include "actors/clock.h"
#include "actors/log.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"

#include <czmq.h>
#include <poll.h>

enum {
    MAILS_PER_ROUND = 256,          /* so that the pipe and the timers are never starved */
    POLL_MS_MAX = 1000,             /* a stuck deadline costs a second, not for ever */
    STOP_WAIT_US = 10 * 1000 * 1000 /* after $TERM: finish what is under way, at most so long */
};

struct fsp_actor {
    const fsp_actor_class_t *class;
    fsp_actor_id_t id;
    void *args;
    zactor_t *thread;
    fsp_error_t failure; /* a FAIL that arrived while a command was waiting */
    bool has_failure;
};

typedef struct {
    const fsp_actor_class_t *class;
    fsp_shell_t shell;
    zsock_t *pipe;
    void *self; /* NULL until started */
    void *args;
    bool terminated;
    bool hurried;  /* ends without waiting for what is under way */
    bool cut_off;  /* ZeroMQ has ended below us */
    bool commands; /* the pipe may have some, whatever its descriptor says */
    bool mails;    /* the inbox has more than a round took */
    fsp_time_t terminate_by_us;
} loop_t;

static void
freeze_time(fsp_shell_t *shell)
{
    shell->now_us = fsp_clock_mono_us();
    shell->wall_us = fsp_clock_wall_us();
}

static void
answer(loop_t *loop, fsp_status_t status, const char *text)
{
    (void)zsock_send(loop->pipe, "4s", (uint32_t)status, text);
}

static void
handle_command(loop_t *loop)
{
    char *command = zstr_recv(loop->pipe);
    if (!command)
        return;
    fsp_error_t reply = {.status = FSP_OK};
    if (streq(command, "$TERM")) {
        loop->terminated = true;
        loop->terminate_by_us = fsp_clock_mono_us() + STOP_WAIT_US;
    } else if (streq(command, "$HURRY")) {
        loop->hurried = true;
    } else if (streq(command, "START") && !loop->self) {
        loop->self = fsp_alloc(loop->class->state_bytes);
        freeze_time(&loop->shell);
        fsp_status_t status = loop->class->start(loop->self, &loop->shell, loop->args, &reply);
        if (status != FSP_OK) {
            loop->class->stop(loop->self);
            fsp_free(loop->self);
            loop->self = NULL;
        }
        answer(loop, status, reply.text);
    } else if (loop->self && loop->class->command) {
        freeze_time(&loop->shell);
        fsp_status_t status = loop->class->command(loop->self, command, &reply);
        answer(loop, status, reply.text);
    } else {
        answer(loop, FSP_UNSUPPORTED, command);
    }
    zstr_free(&command);
}

static void
handle_mails(loop_t *loop)
{
    fsp_mail_t mail;
    loop->mails = false;
    for (int i = 0; i < MAILS_PER_ROUND && !loop->shell.failed; i++) {
        if (!fsp_mailbox_receive(loop->shell.mailbox, &mail))
            return;
        loop->class->mail(loop->self, &mail);
        fsp_mail_clear(&mail);
    }
    loop->mails = true;
}

/* -- what there is to do ----------------------------------------------------------------------- *
 *
 * zmq_poll asks each socket twice for one sleep, and each question is a system call; under load
 * that was a third of the loop.  A socket's descriptor tells that something changed since the
 * socket was used last, so: the inbox, from which is only received, is read until it has nothing,
 * and then its descriptor is waited for.  The socket to the outside is also sent to, which may take
 * the change away: it is asked before each sleep.  The pipe is asked when its descriptor tells, and
 * after it was used.
 */

static bool
is_readable(loop_t *loop, void *socket)
{
    int events = 0;
    size_t bytes = sizeof(events);
    if (zmq_getsockopt(socket, ZMQ_EVENTS, &events, &bytes) == 0)
        return (events & ZMQ_POLLIN) != 0;
    loop->cut_off = loop->cut_off || errno == ETERM;
    return false;
}

static struct pollfd
descriptor_of(void *socket)
{
    struct pollfd found = {.fd = -1, .events = POLLIN};
    size_t bytes = sizeof(found.fd);
    if (socket)
        (void)zmq_getsockopt(socket, ZMQ_FD, &found.fd, &bytes);
    return found;
}

static long
poll_timeout_ms(loop_t *loop)
{
    if (loop->terminated)
        return 1;
    if (!loop->self || loop->shell.failed || !loop->class->deadline)
        return POLL_MS_MAX;
    fsp_time_t deadline = loop->class->deadline(loop->self);
    fsp_time_t now = fsp_clock_mono_us();
    if (deadline <= now)
        return 0;
    fsp_time_t wait_ms = (deadline - now + 999) / 1000;
    return wait_ms > POLL_MS_MAX ? POLL_MS_MAX : (long)wait_ms;
}

static bool
may_end(loop_t *loop)
{
    if (!loop->terminated)
        return false;
    if (!loop->self || loop->shell.failed || loop->hurried || !loop->class->idle ||
        loop->class->idle(loop->self))
        return true;
    if (fsp_clock_mono_us() < loop->terminate_by_us)
        return false;
    fsp_log(FSP_LOG_WARNING, loop->class->name, "msg=\"stopped with work under way\"");
    return true;
}

static void
run_round(loop_t *loop)
{
    void *pipe = zsock_resolve(loop->pipe);
    bool serving = loop->self && !loop->shell.failed;
    void *outside = serving && loop->class->socket ? loop->class->socket(loop->self) : NULL;
    bool readable = outside && is_readable(loop, outside);
    struct pollfd fds[3] = {
        descriptor_of(pipe),
        descriptor_of(serving ? fsp_mailbox_socket(loop->shell.mailbox) : NULL),
        descriptor_of(outside),
    };
    /* Who has failed has written to the pipe. */
    loop->commands = loop->commands || (loop->self && loop->shell.failed);
    bool command = loop->commands && is_readable(loop, pipe);
    bool now = command || readable || (serving && loop->mails);
    int told = poll(fds, 3, now ? 0 : (int)poll_timeout_ms(loop)); /* a signal: the next round */
    bool slept = told == 0 && !now; /* asks all: a change that was missed costs a second at most */
    if (command || ((fds[0].revents & POLLIN) && is_readable(loop, pipe)))
        handle_command(loop);
    loop->commands = command || slept || (fds[0].revents & POLLIN);
    if (!loop->self || loop->shell.failed)
        return;
    freeze_time(&loop->shell);
    if (readable || (fds[2].revents & POLLIN))
        loop->class->readable(loop->self);
    if (loop->shell.failed)
        return;
    if (loop->mails || slept || (fds[1].revents & POLLIN))
        handle_mails(loop);
    if (loop->class->turn && !loop->shell.failed)
        loop->class->turn(loop->self);
}

static void
run_actor(zsock_t *pipe, void *args)
{
    fsp_actor_t *actor = args;
    loop_t loop = {.class = actor->class, .pipe = pipe, .args = actor->args};
    loop.shell.id = actor->id;
    loop.shell.mailbox = fsp_mailbox_new(actor->id);
    loop.shell.pipe_ = pipe;
    zsock_signal(pipe, 0);

    loop.commands = true;
    while (!may_end(&loop) && !loop.cut_off)
        run_round(&loop);
    if (loop.self) {
        loop.class->stop(loop.self);
        fsp_free(loop.self);
    }
    fsp_mailbox_destroy(&loop.shell.mailbox);
}

fsp_actor_t *
fsp_actor_new(const fsp_actor_class_t *class, fsp_actor_id_t id, void *args)
{
    fsp_actor_t *self = FSP_NEW(fsp_actor_t);
    self->class = class;
    self->id = id;
    self->args = args;
    self->thread = zactor_new(run_actor, self);
    FSP_ASSERT(self->thread != NULL);
    return self;
}

void
fsp_actor_destroy(fsp_actor_t **self_p)
{
    fsp_actor_t *self = *self_p;
    if (!self)
        return;
    zactor_destroy(&self->thread);
    fsp_free(self);
    *self_p = NULL;
}

void
fsp_actor_hurry(fsp_actor_t *self)
{
    if (self)
        (void)zstr_send(self->thread, "$HURRY");
}

/* One message of the pipe: an answer (status, text) or FAIL (text). */
static bool
receive_pipe(fsp_actor_t *self, fsp_error_t *ret, bool *ret_is_failure)
{
    zmsg_t *message = zmsg_recv(self->thread);
    if (!message)
        return false;
    zframe_t *first = zmsg_pop(message);
    char *text = zmsg_popstr(message);
    *ret_is_failure = first && zframe_streq(first, "FAIL");
    uint64_t status = FSP_INTERNAL;
    if (*ret_is_failure) {
        char *number = zmsg_popstr(message);
        if (!number || fsp_parse_u64(fsp_slice_text(number), UINT32_MAX, &status) != FSP_OK)
            status = FSP_INTERNAL;
        zstr_free(&number);
    } else if (!first || fsp_parse_u64(fsp_slice(zframe_data(first), zframe_size(first)),
                                       UINT32_MAX, &status) != FSP_OK) {
        status = FSP_INTERNAL; /* zsock_send "4" writes the number as decimal text */
    }
    (void)fsp_error_set(ret, (fsp_status_t)status, "%s", text ? text : "");
    zstr_free(&text);
    zframe_destroy(&first);
    zmsg_destroy(&message);
    return true;
}

fsp_status_t
fsp_actor_command(fsp_actor_t *self, const char *name, fsp_error_t *reply)
{
    int rc = zstr_send(self->thread, name);
    FSP_ASSERT(rc == 0);
    bool is_failure = true;
    fsp_error_t answer_text = {.status = FSP_INTERNAL};
    while (is_failure) {
        if (!receive_pipe(self, &answer_text, &is_failure))
            return fsp_error_set(reply, FSP_INTERNAL, "actor %s does not answer",
                                 self->class->name);
        if (is_failure) {
            self->failure = answer_text;
            self->has_failure = true;
        }
    }
    *reply = answer_text;
    return answer_text.status;
}

void *
fsp_actor_pipe(fsp_actor_t *self)
{
    return zsock_resolve(self->thread);
}

bool
fsp_actor_failure(fsp_actor_t *self, fsp_error_t *ret)
{
    if (self->has_failure) {
        *ret = self->failure;
        return true;
    }
    zmq_pollitem_t item = {.socket = fsp_actor_pipe(self), .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, 0) <= 0)
        return false;
    bool is_failure = false;
    return receive_pipe(self, ret, &is_failure) && is_failure;
}

void
fsp_actor_fail(fsp_shell_t *shell, const fsp_error_t *error)
{
    if (shell->failed)
        return;
    shell->failed = true;
    char number[16];
    (void)snprintf(number, sizeof(number), "%d", (int)error->status);
    (void)zsock_send((zsock_t *)shell->pipe_, "sss", "FAIL", error->text, number);
}
