/* SPDX-License-Identifier: MIT */
/* cli_tree_get - one thing out of the mesh into a local directory.  Layer cmd.
 *
 * A file is written under a temporary name in its directory and renamed when it is complete and its
 * digest fits, so a failed get leaves nothing behind.  Inside a tree everything happens relative to
 * directory descriptors that were opened without following links.
 */
#include "cmd/cli_tree.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"

#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <unistd.h>

/* -- places ------------------------------------------------------------------------------------ */

struct cli_place {
    atomic_size_t references;
    cli_tree_t *tree;
    cli_place_t *parent; /* a reference; NULL: none */
    int fd;              /* -1: nothing is written */
    char *local;
    filesphere_attr_t attr;
    mode_t mode; /* without attr */
    bool keep;
};

cli_place_t *
cli_place_new(cli_tree_t *tree, cli_place_t *parent, int fd, const char *local)
{
    cli_place_t *self = FSP_NEW(cli_place_t);
    atomic_init(&self->references, 1);
    self->tree = tree;
    self->parent = parent ? cli_place_ref(parent) : NULL;
    self->fd = fd;
    self->local = fsp_strdup(local);
    return self;
}

void
cli_place_attr(cli_place_t *self, const filesphere_attr_t *attr, mode_t mode)
{
    self->attr = *attr;
    self->mode = mode;
}

void
cli_place_keep(cli_place_t *self)
{
    self->keep = true;
}

cli_place_t *
cli_place_ref(cli_place_t *self)
{
    (void)atomic_fetch_add(&self->references, 1);
    return self;
}

int
cli_place_fd(const cli_place_t *self)
{
    return self->fd;
}

/* Any thread may be the last one, and parents come after their children. */
void
cli_place_unref(cli_place_t **self_p)
{
    cli_place_t *self = *self_p;
    *self_p = NULL;
    while (self && atomic_fetch_sub(&self->references, 1) == 1) {
        int rc = 0;
        if (self->fd < 0 || self->keep)
            rc = 0;
        else if (self->attr.set)
            rc = cli_apply_attr(self->fd, &self->attr);
        else
            rc = fchmod(self->fd, self->mode);
        if (rc != 0)
            cli_pool_warn(self->tree->pool, "%.400s: mode and time cannot be set: %m", self->local);
        if (self->fd >= 0)
            (void)close(self->fd); /* nothing was written through it */
        cli_place_t *parent = self->parent;
        fsp_free(self->local);
        fsp_free(self);
        self = parent;
    }
}

/* -- contents ---------------------------------------------------------------------------------- */

/* Where content goes. */
typedef struct {
    int fd;
    fsp_buf_t *text; /* instead of fd: a link's target */
    bool paced;      /* fd is no regular file */
    size_t written;  /* paced: of the piece that is offered again */
    uint64_t bytes;
    int error;
} sink_t;

/* As much as fits now, of what poll says is ready.  Pipes take all they have room for by
   RWF_NOWAIT; what does not know that flag gets little enough that it never blocks. */
static ssize_t
write_ready(const sink_t *sink, const uint8_t *data, size_t size)
{
    enum { NEVER_BLOCKS_BYTES = 4096 }; /* PIPE_BUF: POLLOUT promises so much */
    /* A vector is for reading and writing, so it has no const. */
    union {
        const uint8_t *in;
        void *out;
    } base = {.in = data};
    struct iovec vector = {.iov_base = base.out, .iov_len = size};
    ssize_t wrote = pwritev2(sink->fd, &vector, 1, -1, RWF_NOWAIT);
    if (wrote >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL))
        return wrote;
    return write(sink->fd, data, size < NEVER_BLOCKS_BYTES ? size : NEVER_BLOCKS_BYTES);
}

/* Into a pipe or a terminal, whose reader may pause for long: what fits without blocking, then
 * NOT_YET. */
static int
write_paced(sink_t *sink, const uint8_t *data, size_t size)
{
    while (sink->written < size) {
        struct pollfd poll_fd = {.fd = sink->fd, .events = POLLOUT};
        if (cli_interrupted())
            return -1;
        int ready = poll(&poll_fd, 1, 1000);
        if (ready == 0)
            return FILESPHERE_NOT_YET; /* the same data comes again */
        if (ready < 0)
            continue; /* a signal: writing might wait for ever */
        ssize_t wrote = write_ready(sink, data + sink->written, size - sink->written);
        if (wrote < 0 && errno != EINTR && errno != EAGAIN) {
            sink->error = errno;
            return -1;
        }
        if (wrote > 0)
            sink->written += (size_t)wrote;
    }
    sink->written = 0;
    return 0;
}

static int
write_sink(void *arg, const void *data, size_t size)
{
    sink_t *sink = arg;
    if (cli_interrupted())
        return -1;
    int rc = 0;
    if (sink->text) {
        fsp_buf_append(sink->text, data, size);
        rc = fsp_buf_ok(sink->text) ? 0 : -1;
    } else if (sink->paced) {
        rc = write_paced(sink, data, size);
    } else if (cli_write_all(sink->fd, data, size, cli_interrupted) != 0) {
        sink->error = errno;
        rc = -1;
    }
    if (rc == 0)
        sink->bytes += size;
    return rc;
}

typedef struct {
    cli_task_t task;
    cli_place_t *place; /* NULL: a stream */
    char *name;
    uint64_t size;
    bool compare;
} get_task_t;

/* A full disk ends the command, as a full node does.  errno of what could not be written. */
static fsp_status_t
write_status(int error)
{
    return error == ENOSPC || error == EDQUOT ? FSP_DISK_RESERVE : FSP_IO;
}

/* False: the task has failed. */
static bool
transfer(cli_task_t *self, filesphere_t *handle, sink_t *sink, filesphere_info_t *ret)
{
    const cli_t *cli = self->tree->cli;
    filesphere_get_t get = {.space = cli_task_space(self),
                            .path = self->remote,
                            .version = cli->version,
                            .has_range = cli->has_range,
                            .first = cli->range_first,
                            .last = cli->range_last,
                            .at = self->at};
    filesphere_code_t code = filesphere_get(handle, &get, write_sink, sink, ret);
    if (code == FILESPHERE_OK)
        return true;
    if (sink->error != 0) {
        errno = sink->error;
        cli_task_fail(self, sink->paced ? FSP_IO : write_status(sink->error),
                      "%.400s: cannot be written: %m; free some room or choose another place",
                      self->local);
    } else {
        cli_task_fail_call(self, handle, code);
    }
    return false;
}

static void
note_got(cli_task_t *self, const filesphere_info_t *info, uint64_t bytes)
{
    self->act = CLI_ACT_GET;
    self->kind = info->kind;
    self->size = self->moved = bytes;
    cli_task_line_get(self, info, bytes);
    if (self->tree->single)
        *self->tree->single = *info;
}

static void
get_link(get_task_t *self, filesphere_t *handle)
{
    cli_task_t *task = &self->task;
    fsp_buf_t target;
    fsp_buf_init(&target, FSP_PATH_BYTES_MAX);
    sink_t sink = {.fd = -1, .text = &target};
    filesphere_info_t info;
    if (transfer(task, handle, &sink, &info)) {
        bool valid = target.bytes > 0 && !memchr(target.data, 0, target.bytes);
        fsp_buf_append_u8(&target, 0);
        if (!valid || !fsp_buf_ok(&target))
            cli_task_fail(task, FSP_DAMAGED, "%s%.400s: its target cannot be a link's target",
                          cli_space_prefix(task->tree->cli), task->remote);
        else if (cli_symlink(cli_place_fd(self->place), (const char *)target.data, self->name,
                             &info.attr) != 0)
            cli_task_fail(task, write_status(errno), "%.400s: the link cannot be made: %m",
                          task->local);
        else
            note_got(task, &info, sink.bytes);
    }
    fsp_buf_clear(&target);
}

static void
get_file(get_task_t *self, filesphere_t *handle)
{
    cli_task_t *task = &self->task;
    cli_temp_t temp;
    if (cli_temp_open(cli_place_fd(self->place), &temp) != 0) {
        cli_task_fail(task, FSP_IO, "%.400s: cannot be made: %m; choose another place",
                      task->local);
        return;
    }
    sink_t sink = {.fd = temp.fd};
    filesphere_info_t info;
    if (transfer(task, handle, &sink, &info)) {
        if (info.kind != FILESPHERE_FILE)
            cli_task_fail(task, FSP_MISMATCH,
                          "%s%.400s: it became something else meanwhile; try again",
                          cli_space_prefix(task->tree->cli), task->remote);
        else if (cli_temp_commit(&temp, self->name, &info.attr, task->tree->cli->file_mode) != 0)
            cli_task_fail(task, write_status(errno),
                          "%.400s: cannot be written: %m; choose another place", task->local);
        else
            note_got(task, &info, sink.bytes);
    }
    cli_temp_drop(&temp);
}

/* -- what is there already --------------------------------------------------------------------- */

/* SHA-256 of the local thing; false: there is none that can be compared. */
static bool
hash_local(const get_task_t *self, uint8_t ret[32], struct stat *ret_about, int *ret_fd)
{
    int directory_fd = cli_place_fd(self->place);
    if (self->task.kind == FILESPHERE_SYMLINK) {
        char target[FSP_PATH_BYTES_MAX];
        ssize_t bytes = readlinkat(directory_fd, self->name, target, sizeof target);
        if (bytes <= 0 || (size_t)bytes == sizeof target)
            return false;
        fsp_hash_t hash = fsp_sha256(fsp_slice(target, (size_t)bytes));
        memcpy(ret, hash.bytes, sizeof hash.bytes);
        return true;
    }
    *ret_fd =
        openat(directory_fd, self->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return *ret_fd >= 0 && fstat(*ret_fd, ret_about) == 0 && S_ISREG(ret_about->st_mode) &&
           cli_hash_file(*ret_fd, ret, cli_interrupted) == 0;
}

/* The content is there already; mode and time may still differ.  False: it has to be fetched, or
   the task has failed. */
static bool
is_there(get_task_t *self, filesphere_t *handle)
{
    cli_task_t *task = &self->task;
    uint8_t hash[32];
    struct stat about;
    int fd = -1;
    bool same = false;
    if (hash_local(self, hash, &about, &fd)) {
        filesphere_info_t info;
        filesphere_code_t code =
            filesphere_stat_at(handle, cli_task_space(task), task->remote, task->at, &info);
        if (code != FILESPHERE_OK)
            cli_task_fail_call(task, handle, code);
        same = code == FILESPHERE_OK && info.kind == task->kind &&
               memcmp(info.sha256, hash, sizeof hash) == 0;
        task->act = same ? CLI_ACT_SAME : CLI_ACT_NONE;
        if (same && fd >= 0 && info.attr.set && !cli_same_attr(&about, &info.attr)) {
            task->act = CLI_ACT_ATTR;
            if (!task->tree->cli->dry_run && cli_apply_attr(fd, &info.attr) != 0)
                cli_task_fail(task, FSP_IO, "%.400s: mode and time cannot be set: %m", task->local);
        }
        task->size = info.size;
    }
    if (fd >= 0)
        (void)close(fd); /* was only read */
    return same;
}

/* -- tasks ------------------------------------------------------------------------------------- */

static bool
run_get(cli_job_t *job, filesphere_t *handle, size_t lane)
{
    get_task_t *self = (get_task_t *)job;
    cli_task_t *task = &self->task;
    cli_task_open(task, handle, lane);
    if (!(self->compare && is_there(self, handle)) && task->code == FILESPHERE_OK) {
        if (task->tree->cli->dry_run) {
            task->act = CLI_ACT_GET;
            task->size = self->size;
        } else if (task->kind == FILESPHERE_SYMLINK) {
            get_link(self, handle);
        } else {
            get_file(self, handle);
        }
    }
    cli_place_unref(&self->place); /* at once: what has ended may have to wait for its report */
    return cli_task_close(task, handle, self->size);
}

static void
destroy_get(cli_job_t *job)
{
    get_task_t *self = (get_task_t *)job;
    cli_place_unref(&self->place); /* if it did not run */
    fsp_free(self->name);
    cli_task_clear(&self->task);
    fsp_free(self);
}

static const cli_job_class_t get_class = {run_get, cli_task_report, destroy_get};

void
cli_get_start(cli_tree_t *tree, cli_place_t *place, const char *name, const char *local,
              const char *remote, filesphere_kind_t kind, uint64_t size, bool compare)
{
    get_task_t *self = FSP_NEW(get_task_t);
    cli_task_init(&self->task, &get_class, tree, local, remote, kind);
    self->place = cli_place_ref(place);
    self->name = fsp_strdup(name);
    self->size = size;
    self->compare = compare;
    cli_progress_add(&tree->progress, size);
    cli_progress_name(&tree->progress, remote);
    cli_task_start(&self->task);
}

bool
cli_get_stream(cli_tree_t *tree, int fd, const char *local, const char *remote, uint64_t *ret_bytes)
{
    cli_task_t task;
    cli_task_init(&task, &get_class, tree, local, remote, FILESPHERE_FILE);
    struct stat about;
    sink_t sink = {.fd = fd, .paced = fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)};
    filesphere_t *handle = tree->cli->handle;
    filesphere_info_t info;
    cli_progress_add(&tree->progress, 0);
    cli_task_open(&task, handle, 0);
    bool done = transfer(&task, handle, &sink, &info);
    bool some = done || sink.bytes > 0 || sink.written > 0;
    if (fd == STDOUT_FILENO && some)
        tree->cli->content_on_stdout = true;
    if (done)
        note_got(&task, &info, sink.bytes);
    (void)cli_task_close(&task, handle, sink.bytes);
    *ret_bytes = sink.bytes;
    cli_task_tell(&task);
    cli_task_clear(&task);
    return done;
}
