/* SPDX-License-Identifier: MIT */
/* cli_bundle - many changes of names, in few requests.  Layer cmd. */
#include "cmd/cli_bundle.h"
#include "cmd/cli_change.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "proto/errors.h"

enum { BYTES_MAX = 128 * 1024, EXIT_LATER = 8 };

struct cli_bundle {
    cli_t *cli;
    char space[64]; /* of what waits; "": the profile's */
    filesphere_operation_t steps[FILESPHERE_BATCH_MAX];
    size_t count, bytes; /* of steps, and of the paths in them */
};

cli_bundle_t *
cli_bundle_new(cli_t *cli)
{
    cli_bundle_t *self = FSP_NEW(cli_bundle_t);
    self->cli = cli;
    return self;
}

static void
drop_steps(cli_bundle_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        fsp_free((char *)self->steps[i].path);
        fsp_free((char *)self->steps[i].to);
    }
    self->count = self->bytes = 0;
}

void
cli_bundle_destroy(cli_bundle_t **self_p)
{
    drop_steps(*self_p);
    fsp_free(*self_p);
    *self_p = NULL;
}

static void
do_one(cli_bundle_t *self, const filesphere_operation_t *step)
{
    cli_t *cli = self->cli;
    const char *space = self->space[0] ? self->space : NULL;
    filesphere_info_t info, last;
    filesphere_code_t code;
    if (step->op == FILESPHERE_OP_MKDIR)
        code = filesphere_mkdir(cli->handle, space, step->path, step->create_parents,
                                step->exist_ok, &step->attr, &info);
    else if (step->op == FILESPHERE_OP_DELETE)
        code = filesphere_remove(cli->handle, space, step->path, step->recursive, &info);
    else if (step->op == FILESPHERE_OP_MOVE)
        code = filesphere_move(cli->handle, space, step->path, step->to, step->create_parents,
                               step->replace, &info);
    else
        code = filesphere_copy(cli->handle, space, step->path, step->to, step->create_parents,
                               step->replace, &info);
    if (code == FILESPHERE_OK && step->op != FILESPHERE_OP_COPY)
        info.head_count = 0; /* an answer to a batch has none, and the lines are to be alike */
    if (code == FILESPHERE_OK)
        cli_note_done(cli, &info, &last);
    else
        cli_fail_call(cli, code);
}

/* One of a batch that was done, as its own call would have said it. */
static void
note_step(cli_bundle_t *self, const filesphere_operation_t *step, const filesphere_did_t *did)
{
    bool made = step->op == FILESPHERE_OP_COPY; /* it has a version that was not there before */
    filesphere_info_t info = {.kind = did->kind, .modified_us = cli_now_us()}, last;
    (void)snprintf(info.path, sizeof info.path, "%s", step->to ? step->to : step->path);
    (void)snprintf(info.space, sizeof info.space, "%s", self->cli->shown_space);
    memcpy(info.file_id, did->file_id, sizeof info.file_id);
    if (made && did->kind != FILESPHERE_DIRECTORY) {
        memcpy(info.heads[0], did->version_id, sizeof info.heads[0]);
        info.head_count = 1;
        memcpy(info.version_id, did->version_id, sizeof info.version_id);
        info.number = did->number;
        info.size = did->size;
    }
    cli_note_done(self->cli, &info, &last);
}

void
cli_bundle_flush(cli_bundle_t *self)
{
    cli_t *cli = self->cli;
    filesphere_did_t did[FILESPHERE_BATCH_MAX];
    uint64_t change;
    size_t failed;
    filesphere_code_t code = fsp_error_info(FSP_INVALID)->code;
    if (self->count > 1 && !cli_is_hopeless(cli))
        code = filesphere_batch(cli->handle, self->space[0] ? self->space : NULL, self->steps,
                                self->count, did, &change, &failed);
    /* Without an answer it may have been done: asked one by one, what was done would be missing. */
    bool unknown = filesphere_exit_code(code) == EXIT_LATER || cli_interrupted();
    if (unknown && code != FILESPHERE_OK && !cli_is_hopeless(cli))
        cli_fail_call(cli, code);
    for (size_t i = 0; i < self->count; i++) {
        if (code == FILESPHERE_OK)
            note_step(self, &self->steps[i], &did[i]);
        else if (!cli_is_hopeless(cli))
            do_one(self, &self->steps[i]);
    }
    drop_steps(self);
}

void
cli_bundle_add(cli_bundle_t *self, const char *space, const filesphere_operation_t *operation)
{
    FSP_PRE(operation->path);
    if (self->count == FILESPHERE_BATCH_MAX || self->bytes > BYTES_MAX ||
        strcmp(self->space, space ? space : "") != 0)
        cli_bundle_flush(self);
    (void)snprintf(self->space, sizeof self->space, "%s", space ? space : "");
    filesphere_operation_t *step = &self->steps[self->count++];
    *step = *operation;
    step->path = fsp_strdup(operation->path);
    step->to = operation->to ? fsp_strdup(operation->to) : NULL;
    self->bytes += strlen(step->path) + (step->to ? strlen(step->to) : 0);
}
