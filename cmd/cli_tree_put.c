/* SPDX-License-Identifier: MIT */
/* cli_tree_put - one thing into the mesh: files, links, attributes, small files in groups.  Layer
 * cmd.
 *
 * A group is one request that stores many small contents, all or none.  The user asked for files,
 * not for all or none: a group that is refused is done again one by one, so that each file has its
 * own answer.
 */
#include "cmd/cli_tree.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum {
    GROUP_FILES_MAX = 64,
    GROUP_BYTES_MAX = 200 * 1024,
    GROUP_FIELDS_BYTES = 128, /* of a file besides its path and content, at most */
    CHANGED_TRIES = 2,        /* for a file that is written to while it is read */
};

typedef struct {
    cli_task_t task;
    int fd;
    bool is_input;
    bool has_about;
    struct stat about;
    char *text; /* a link's target, or a small content */
    size_t text_bytes;
    bool compare;
} put_task_t;

/* What is read by one call of the library. */
typedef struct {
    int fd;           /* or -1: */
    const char *text; /* from here */
    size_t text_bytes, text_at;
    int error; /* errno of a failed read */
} source_t;

static int
read_source(void *arg, void *buffer, size_t size_max, size_t *ret_size)
{
    source_t *source = arg;
    if (source->fd < 0) {
        size_t bytes = source->text_bytes - source->text_at;
        if (bytes > size_max)
            bytes = size_max;
        memcpy(buffer, source->text + source->text_at, bytes);
        source->text_at += bytes;
        *ret_size = bytes;
        return 0;
    }
    for (;;) {
        if (cli_interrupted())
            return -1;
        /* A pipe or a terminal may be silent for long.  Files are always ready. */
        struct pollfd poll_fd = {.fd = source->fd, .events = POLLIN};
        int ready = poll(&poll_fd, 1, 1000);
        if (ready == 0)
            return FILESPHERE_NOT_YET;
        if (ready < 0)
            continue; /* a signal: reading might wait for ever */
        ssize_t got = read(source->fd, buffer, size_max);
        if (got >= 0) {
            *ret_size = (size_t)got;
            return 0;
        }
        if (errno != EINTR) {
            source->error = errno;
            return -1;
        }
    }
}

/* -- files and links --------------------------------------------------------------------------- */

/* The content is there already.  False: it has to be stored, or the task has failed. */
static bool
is_there(put_task_t *self, filesphere_t *handle)
{
    cli_task_t *task = &self->task;
    filesphere_info_t info;
    filesphere_code_t code =
        filesphere_stat(handle, cli_task_space(task), task->remote, NULL, &info);
    if (code != FILESPHERE_OK && !cli_is(code, FSP_NOT_FOUND) && !cli_is(code, FSP_NO_PARENT)) {
        cli_task_fail_call(task, handle, code);
        return false;
    }
    if (code != FILESPHERE_OK || info.kind != task->kind)
        return false;
    uint8_t hash[32];
    if (self->fd < 0) {
        fsp_hash_t digest = fsp_sha256(fsp_slice(self->text, self->text_bytes));
        memcpy(hash, digest.bytes, sizeof hash);
    } else if (info.size != (uint64_t)self->about.st_size) {
        return false;
    } else if (cli_hash_file(self->fd, hash, cli_interrupted) != 0 ||
               lseek(self->fd, 0, SEEK_SET) != 0) {
        cli_task_fail(task, FSP_IO, "%.400s: cannot be read: %m; nothing was stored", task->local);
        return false;
    }
    if (memcmp(hash, info.sha256, sizeof hash) != 0)
        return false;
    task->act = CLI_ACT_SAME;
    task->size = info.size;
    if (cli_same_attr(&self->about, &info.attr))
        return true;
    filesphere_attr_t attr = cli_attr_of(&self->about);
    task->act = CLI_ACT_ATTR;
    if (!task->tree->cli->dry_run)
        code = filesphere_set_attr(handle, cli_task_space(task), task->remote, &attr, NULL, &info);
    if (code != FILESPHERE_OK)
        cli_task_fail_call(task, handle, code);
    return true;
}

static filesphere_put_t
put_of(const put_task_t *self)
{
    const cli_tree_t *tree = self->task.tree;
    const cli_t *cli = tree->cli;
    filesphere_put_t put = {.space = cli_task_space(&self->task),
                            .path = self->task.remote,
                            .kind = self->task.kind,
                            .create_parents = true,
                            .if_none_match = cli->no_replace || cli->if_none_match,
                            .if_match = tree->if_match,
                            .edit_of = tree->edit_of,
                            .message = cli->message,
                            .lease_token = cli->lease_token,
                            .bases = cli->bases.items,
                            .base_count = cli->bases.count,
                            .size_hint = UINT64_MAX};
    if (!self->has_about)
        return put;
    const struct stat *about = &self->about;
    put.attr = cli_attr_of(about);
    if (!S_ISREG(about->st_mode))
        return put;
    put.size_hint = (uint64_t)about->st_size;
    put.source = (filesphere_source_t){.set = true,
                                       .device = about->st_dev,
                                       .inode = about->st_ino,
                                       .size = (uint64_t)about->st_size,
                                       .mtime_s = about->st_mtim.tv_sec,
                                       .mtime_ns = (uint32_t)about->st_mtim.tv_nsec,
                                       .ctime_s = about->st_ctim.tv_sec,
                                       .ctime_ns = (uint32_t)about->st_ctim.tv_nsec};
    return put;
}

/* The file is not what it was when reading began, so what was read may never have been its
   content. */
static bool
has_changed(put_task_t *self)
{
    struct stat now;
    if (self->fd < 0 || !self->has_about || !S_ISREG(self->about.st_mode) ||
        fstat(self->fd, &now) != 0)
        return false;
    bool changed = now.st_size != self->about.st_size ||
                   now.st_mtim.tv_sec != self->about.st_mtim.tv_sec ||
                   now.st_mtim.tv_nsec != self->about.st_mtim.tv_nsec;
    self->about = now;
    return changed;
}

/* One attempt.  True: it is stored. */
static bool
store(put_task_t *self, filesphere_t *handle, filesphere_info_t *ret)
{
    cli_task_t *task = &self->task;
    source_t source = {.fd = self->fd, .text = self->text, .text_bytes = self->text_bytes};
    filesphere_put_t put = put_of(self);
    filesphere_code_t code = filesphere_put(handle, &put, read_source, &source, ret);
    if (source.error != 0) {
        errno = source.error;
        cli_task_fail(task, FSP_IO, "%.400s: cannot be read: %m; nothing was stored", task->local);
        return false;
    }
    if (code != FILESPHERE_OK)
        cli_task_fail_call(task, handle, code);
    return code == FILESPHERE_OK;
}

/* A condition on what was there is spent with the first attempt. */
static bool
may_try_again(const put_task_t *self)
{
    const cli_tree_t *tree = self->task.tree;
    return !tree->if_match && !tree->edit_of && !tree->cli->no_replace &&
           !tree->cli->if_none_match && lseek(self->fd, 0, SEEK_SET) == 0;
}

/* The call failed in a way that a file which changes under it explains. */
static bool
may_be_changing(const cli_task_t *task)
{
    return task->code == FILESPHERE_OK || cli_is(task->code, FSP_IO) ||
           cli_is(task->code, FSP_MISMATCH);
}

static void
put_content(put_task_t *self, filesphere_t *handle)
{
    cli_task_t *task = &self->task;
    filesphere_info_t info;
    for (int left = CHANGED_TRIES - 1;; left--) {
        bool stored = store(self, handle, &info);
        bool changed = may_be_changing(task) && has_changed(self);
        if (!stored && !changed)
            return;
        if (!changed)
            break;
        cli_task_forget(task);
        if (left == 0 || !may_try_again(self)) {
            cli_task_fail(task, FSP_MISMATCH,
                          "%.400s: changed while it was read, so what was stored may be neither "
                          "the old nor the new content; put it again when nobody writes to it",
                          task->local);
            return;
        }
    }
    task->act = CLI_ACT_PUT;
    task->size = info.size;
    task->moved = info.bytes_sent;
    cli_task_line_put(task, &info);
    if (task->tree->single)
        *task->tree->single = info;
}

/* At once: what has ended may have to wait for its report. */
static void
close_source(put_task_t *self)
{
    if (self->fd >= 0 && !self->is_input)
        (void)close(self->fd); /* was only read */
    self->fd = -1;
}

static bool
run_put(cli_job_t *job, filesphere_t *handle, size_t lane)
{
    put_task_t *self = (put_task_t *)job;
    cli_task_t *task = &self->task;
    cli_task_open(task, handle, lane);
    if (!self->compare || !is_there(self, handle)) {
        if (task->code != FILESPHERE_OK) {
            /* it has failed */
        } else if (task->tree->cli->dry_run) {
            task->act = CLI_ACT_PUT;
            task->size = self->has_about ? (uint64_t)self->about.st_size : 0;
        } else {
            put_content(self, handle);
        }
    }
    close_source(self);
    return cli_task_close(task, handle, self->has_about ? (uint64_t)self->about.st_size : 0);
}

static void
destroy_put(cli_job_t *job)
{
    put_task_t *self = (put_task_t *)job;
    close_source(self); /* if it did not run */
    fsp_free(self->text);
    cli_task_clear(&self->task);
    fsp_free(self);
}

static const cli_job_class_t put_class = {run_put, cli_task_report, destroy_put};

void
cli_put_start(cli_tree_t *tree, const char *local, const char *remote,
              const cli_put_source_t *source)
{
    put_task_t *self = FSP_NEW(put_task_t);
    cli_task_init(&self->task, &put_class, tree, local, remote,
                  source->text ? FILESPHERE_SYMLINK : FILESPHERE_FILE);
    self->fd = source->fd;
    self->is_input = source->is_input;
    self->compare = source->compare && source->about && !source->is_input;
    if (source->about) {
        self->has_about = true;
        self->about = *source->about;
    }
    if (source->text) {
        self->text = fsp_alloc(source->text_bytes + 1);
        memcpy(self->text, source->text, source->text_bytes);
        self->text_bytes = source->text_bytes;
    }
    cli_progress_add(&tree->progress, self->has_about ? (uint64_t)self->about.st_size : 0);
    cli_progress_name(&tree->progress, local);
    cli_task_start(&self->task);
}

/* -- attributes -------------------------------------------------------------------------------- */

typedef struct {
    cli_task_t task;
    filesphere_attr_t attr;
} attr_task_t;

static bool
run_attr(cli_job_t *job, filesphere_t *handle, size_t lane)
{
    attr_task_t *self = (attr_task_t *)job;
    cli_task_t *task = &self->task;
    cli_task_open(task, handle, lane);
    filesphere_info_t info;
    filesphere_code_t code =
        filesphere_set_attr(handle, cli_task_space(task), task->remote, &self->attr, NULL, &info);
    if (code == FILESPHERE_OK)
        task->act = CLI_ACT_ATTR;
    else
        cli_task_fail_call(task, handle, code);
    return cli_task_close(task, handle, 0);
}

static void
destroy_attr(cli_job_t *job)
{
    cli_task_clear((cli_task_t *)job);
    fsp_free(job);
}

static const cli_job_class_t attr_class = {run_attr, cli_task_report, destroy_attr};

void
cli_attr_start(cli_tree_t *tree, const char *local, const char *remote, filesphere_kind_t kind,
               const filesphere_attr_t *attr)
{
    if (tree->cli->dry_run) {
        cli_tree_note(tree, CLI_ACT_ATTR, kind, local, remote, 0, NULL);
        return;
    }
    attr_task_t *self = FSP_NEW(attr_task_t);
    cli_task_init(&self->task, &attr_class, tree, local, remote, kind);
    self->attr = *attr;
    cli_progress_add(&tree->progress, 0);
    cli_task_start(&self->task);
}

/* -- groups ------------------------------------------------------------------------------------ */

typedef struct {
    cli_task_t task;
    uint8_t *content;
    size_t bytes;
    filesphere_attr_t attr;
} member_t;

typedef struct cli_group cli_group_t;
struct cli_group {
    cli_job_t job; /* first */
    cli_tree_t *tree;
    member_t members[GROUP_FILES_MAX];
    size_t count;
    size_t bytes; /* of the request, about */
};

/* One of them, alone. */
static void
put_member(cli_group_t *self, member_t *member, filesphere_t *handle)
{
    const cli_t *cli = self->tree->cli;
    source_t source = {
        .fd = -1, .text = (const char *)member->content, .text_bytes = member->bytes};
    filesphere_put_t put = {.space = cli_task_space(&member->task),
                            .path = member->task.remote,
                            .kind = FILESPHERE_FILE,
                            .create_parents = true,
                            .if_none_match = cli->no_replace || cli->if_none_match,
                            .message = cli->message,
                            .attr = member->attr,
                            .size_hint = member->bytes};
    filesphere_info_t info;
    filesphere_code_t code = filesphere_put(handle, &put, read_source, &source, &info);
    if (code != FILESPHERE_OK) {
        cli_task_fail_call(&member->task, handle, code);
        return;
    }
    member->task.act = CLI_ACT_PUT;
    member->task.size = member->task.moved = member->bytes;
    cli_task_line_put(&member->task, &info);
}

/* The answer to a member of a group says less than that to a put: no receipt, no heads. */
static void
note_member(member_t *member, const filesphere_did_t *did, uint64_t change)
{
    filesphere_info_t info = {.kind = did->kind,
                              .number = did->number,
                              .size = did->size,
                              .modified_us = cli_now_us(),
                              .change = change,
                              .bytes_sent = member->bytes,
                              .attr = member->attr};
    (void)snprintf(info.path, sizeof info.path, "%s", member->task.remote);
    (void)snprintf(info.space, sizeof info.space, "%s", member->task.tree->cli->shown_space);
    memcpy(info.file_id, did->file_id, sizeof info.file_id);
    memcpy(info.version_id, did->version_id, sizeof info.version_id);
    memcpy(info.heads[0], did->version_id, sizeof info.heads[0]); /* there are no others */
    info.head_count = 1;
    fsp_hash_t digest = fsp_sha256(fsp_slice(member->content, member->bytes));
    memcpy(info.sha256, digest.bytes, sizeof info.sha256);
    member->task.act = CLI_ACT_PUT;
    member->task.size = member->task.moved = member->bytes;
    cli_task_line_put(&member->task, &info);
}

/* All of them at once.  False: one by one. */
static bool
put_together(cli_group_t *self, filesphere_t *handle)
{
    const cli_t *cli = self->tree->cli;
    filesphere_operation_t operations[GROUP_FILES_MAX];
    filesphere_did_t did[GROUP_FILES_MAX];
    memset(operations, 0, sizeof operations);
    for (size_t i = 0; i < self->count; i++) {
        const member_t *member = &self->members[i];
        operations[i] =
            (filesphere_operation_t){.op = FILESPHERE_OP_PUT,
                                     .path = member->task.remote,
                                     .content = member->content,
                                     .size = member->bytes,
                                     .if_none_match = cli->no_replace || cli->if_none_match,
                                     .create_parents = true,
                                     .attr = member->attr,
                                     .message = cli->message};
    }
    uint64_t change = 0;
    size_t failed = 0;
    filesphere_code_t code = filesphere_batch(handle, cli_task_space(&self->members[0].task),
                                              operations, self->count, did, &change, &failed);
    for (size_t i = 0; code == FILESPHERE_OK && i < self->count; i++)
        note_member(&self->members[i], &did[i], change);
    if (code != FILESPHERE_OK && cli_code_is_hopeless(code))
        cli_task_fail_call(&self->members[0].task, handle, code); /* nothing more is begun */
    return code == FILESPHERE_OK || cli_code_is_hopeless(code);
}

static bool
run_group(cli_job_t *job, filesphere_t *handle, size_t lane)
{
    cli_group_t *self = (cli_group_t *)job;
    bool go_on = true;
    bool together = self->count > 1 && put_together(self, handle);
    for (size_t i = 0; i < self->count; i++) {
        member_t *member = &self->members[i];
        cli_task_open(&member->task, handle, lane);
        if (!together && go_on)
            put_member(self, member, handle);
        go_on = cli_task_close(&member->task, handle, member->bytes) && go_on;
        fsp_free(member->content); /* at once: what has ended may have to wait for its report */
        member->content = NULL;
    }
    return go_on;
}

static void
report_group(cli_job_t *job, cli_t *cli)
{
    (void)cli;
    cli_group_t *self = (cli_group_t *)job;
    for (size_t i = 0; i < self->count; i++)
        cli_task_tell(&self->members[i].task);
}

static void
destroy_group(cli_job_t *job)
{
    cli_group_t *self = (cli_group_t *)job;
    for (size_t i = 0; i < self->count; i++) {
        cli_task_clear(&self->members[i].task);
        fsp_free(self->members[i].content);
    }
    fsp_free(self);
}

static const cli_job_class_t group_class = {run_group, report_group, destroy_group};

bool
cli_group_takes(const cli_tree_t *tree, uint64_t bytes)
{
    const cli_t *cli = tree->cli;
    return bytes <= FILESPHERE_BATCH_CONTENT_MAX && cli->many && !cli->dry_run && !tree->if_match &&
           !tree->edit_of && cli->lease_token == 0;
}

void
cli_group_add(cli_tree_t *tree, const char *local, const char *remote, const void *content,
              size_t bytes, const filesphere_attr_t *attr)
{
    FSP_PRE(bytes <= FILESPHERE_BATCH_CONTENT_MAX);
    const char *message = tree->cli->message;
    size_t weight = bytes + strlen(remote) + (message ? strlen(message) : 0) + GROUP_FIELDS_BYTES;
    cli_group_t *group = tree->group;
    if (group && (group->count == GROUP_FILES_MAX || group->bytes + weight > GROUP_BYTES_MAX)) {
        cli_group_send(tree);
        group = NULL;
    }
    if (!group) {
        tree->group = group = FSP_NEW(cli_group_t);
        group->job.class = &group_class;
        group->tree = tree;
    }
    member_t *member = &group->members[group->count++];
    cli_task_init(&member->task, &group_class, tree, local, remote, FILESPHERE_FILE);
    member->content = fsp_alloc_raw(bytes > 0 ? bytes : 1);
    memcpy(member->content, content, bytes);
    member->bytes = bytes;
    member->attr = *attr;
    group->bytes += weight;
    cli_progress_add(&tree->progress, bytes);
    cli_progress_name(&tree->progress, local);
}

void
cli_group_send(cli_tree_t *tree)
{
    cli_group_t *group = tree->group;
    tree->group = NULL;
    if (!group)
        return;
    group->job.weight = group->count;
    cli_pool_submit(tree->pool, &group->job);
}
