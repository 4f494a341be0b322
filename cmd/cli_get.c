/* SPDX-License-Identifier: MIT */
/* cli_get - `filesphere get` and `cat`.  Layer cmd.
 *
 * A file is written under a temporary name in its directory and renamed when it is complete and its
 * digest fits, so a failed get leaves nothing behind.  What a node names is checked before it is
 * used as a local name, and inside a tree everything happens relative to directory descriptors that
 * were opened without following links.
 */
#include "cmd/cli_common.h"
#include "cmd/cli_files.h"

#include "core/base/alloc.h"
#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct {
    cli_t *cli;
    const char *space;
    bool lines;
    uint64_t file_count, directory_count, symlink_count, bytes_sum;
    filesphere_info_t last; /* of the last file */
    uint64_t last_bytes;
    char *last_local; /* end with fsp_free */
} getter_t;

/* Where content goes. */
typedef struct {
    int fd;
    fsp_buf_t *text; /* instead of fd: a link's target */
    bool paced;      /* fd is no regular file */
    size_t written;  /* paced: of the piece that is offered again */
    uint64_t bytes;
    int error;
} sink_t;

/* Into a pipe or a terminal, whose reader may pause for long: what fits without blocking, then
 * NOT_YET. */
static int
write_paced(sink_t *sink, const uint8_t *data, size_t size)
{
    enum { NEVER_BLOCKS_BYTES = 4096 }; /* PIPE_BUF: POLLOUT promises so much */
    while (sink->written < size) {
        struct pollfd poll_fd = {.fd = sink->fd, .events = POLLOUT};
        if (cli_interrupted())
            return -1;
        if (poll(&poll_fd, 1, 1000) == 0)
            return FILESPHERE_NOT_YET; /* the same data comes again */
        size_t piece =
            size - sink->written < NEVER_BLOCKS_BYTES ? size - sink->written : NEVER_BLOCKS_BYTES;
        ssize_t wrote = write(sink->fd, data + sink->written, piece);
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

static filesphere_get_t
get_of(const getter_t *self, const char *path)
{
    const cli_t *cli = self->cli;
    return (filesphere_get_t){.space = self->space,
                              .path = path,
                              .version = cli->version,
                              .has_range = cli->has_range,
                              .first = cli->range_first,
                              .last = cli->range_last,
                              .at = cli->at};
}

/* What a path is, or was at the moment that is asked for. */
static filesphere_code_t
look(const getter_t *self, const char *path, const char *version, filesphere_info_t *ret)
{
    filesphere_t *handle = self->cli->handle;
    return version ? filesphere_stat(handle, self->space, path, version, ret)
                   : filesphere_stat_at(handle, self->space, path, self->cli->at, ret);
}

/* Transfers; false: the failure is noted.  local is for words. */
static bool
transfer(getter_t *self, const char *path, const char *local, sink_t *sink, filesphere_info_t *ret)
{
    filesphere_get_t get = get_of(self, path);
    filesphere_code_t code = filesphere_get(self->cli->handle, &get, write_sink, sink, ret);
    if (code == FILESPHERE_OK)
        return true;
    if (sink->error != 0) {
        errno = sink->error;
        cli_fail_status(self->cli, FSP_IO,
                        "%.400s: cannot be written: %m; free some room or choose another place",
                        local);
    } else {
        cli_fail_call(self->cli, code);
    }
    return false;
}

static void
note_got(getter_t *self, const filesphere_info_t *info, const char *local, uint64_t bytes)
{
    cli_t *cli = self->cli;
    cli->done_count++;
    self->bytes_sum += bytes;
    self->last = *info;
    self->last_bytes = bytes;
    fsp_free(self->last_local);
    self->last_local = fsp_strdup(local);
    if (cli->json && self->lines) {
        fsp_json_t *json = cli_line(cli, "file");
        cli_json_node(json, info);
        fsp_json_text(json, "local", local);
        cli_line_end(cli);
    } else if (!cli->json && !cli->quiet && !cli->content_on_stdout) {
        cli_print_escaped(local);
        (void)printf("  %llu bytes\n", (unsigned long long)bytes);
    }
}

/* -- one thing into a local directory ---------------------------------------------------------- */

static void
get_link(getter_t *self, const char *path, int directory_fd, const char *name, const char *local)
{
    cli_t *cli = self->cli;
    fsp_buf_t target;
    fsp_buf_init(&target, FSP_PATH_BYTES_MAX);
    sink_t sink = {.fd = -1, .text = &target};
    filesphere_info_t info;
    if (transfer(self, path, local, &sink, &info)) {
        bool valid = target.bytes > 0 && !memchr(target.data, 0, target.bytes);
        fsp_buf_append_u8(&target, 0);
        if (!valid || !fsp_buf_ok(&target)) {
            cli_fail_status(cli, FSP_DAMAGED, "%.400s: its target cannot be a link's target", path);
        } else if (cli_symlink(directory_fd, (const char *)target.data, name) != 0) {
            cli_fail_status(cli, FSP_IO, "%.400s: the link cannot be made: %m", local);
        } else {
            self->symlink_count++;
            note_got(self, &info, local, sink.bytes);
        }
    }
    fsp_buf_clear(&target);
}

static void
get_file(getter_t *self, const char *path, int directory_fd, const char *name, const char *local)
{
    cli_t *cli = self->cli;
    cli_temp_t temp;
    if (cli_temp_open(directory_fd, &temp) != 0) {
        cli_fail_status(cli, FSP_IO, "%.400s: cannot be made: %m; choose another place", local);
        return;
    }
    sink_t sink = {.fd = temp.fd};
    filesphere_info_t info;
    if (transfer(self, path, local, &sink, &info)) {
        if (info.kind == FILESPHERE_SYMLINK || info.kind == FILESPHERE_DIRECTORY) {
            cli_fail_status(cli, FSP_STALE, "%.400s: it became something else meanwhile; try again",
                            path);
        } else if (cli_temp_commit(&temp, name, &info.attr, cli->file_mode) != 0) {
            cli_fail_status(cli, FSP_IO, "%.400s: cannot be written: %m; choose another place",
                            local);
        } else {
            self->file_count++;
            note_got(self, &info, local, sink.bytes);
        }
    }
    cli_temp_drop(&temp);
}

/* -- trees ------------------------------------------------------------------------------------- */

/* Kind as one byte, name, NUL: what is needed of an entry, packed. */
static int
collect_entry(void *arg, const filesphere_entry_t *entry)
{
    cli_names_t *names = arg;
    if (cli_interrupted() || !fsp_name_valid(fsp_slice_text(entry->name)))
        return -1;
    fsp_buf_append_u8(&names->text, (uint8_t)entry->kind);
    fsp_buf_append(&names->text, entry->name, strlen(entry->name) + 1);
    names->count++;
    return fsp_buf_ok(&names->text) ? 0 : -1;
}

static void get_directory(getter_t *self, const char *path, int fd, const char *local,
                          unsigned depth);

static void
get_child_directory(getter_t *self, const char *path, int directory_fd, const char *name,
                    const char *local, unsigned depth)
{
    int fd = cli_directory(directory_fd, name);
    if (fd < 0) {
        cli_fail_status(self->cli, FSP_IO,
                        "%.400s: no directory can be made there: %m; links are not followed",
                        local);
        return;
    }
    get_directory(self, path, fd, local, depth);
    (void)close(fd); /* nothing was written through it */
}

static void
get_children(getter_t *self, const cli_names_t *names, const char *path, int fd, const char *local,
             unsigned depth)
{
    cli_t *cli = self->cli;
    const char *at = (const char *)names->text.data;
    for (size_t i = 0; i < names->count && !cli_is_hopeless(cli); i++) {
        filesphere_kind_t kind = (filesphere_kind_t)*at;
        const char *name = at + 1;
        at = name + strlen(name) + 1;
        char child[FSP_PATH_BYTES_MAX + 1];
        fsp_buf_t child_local;
        fsp_buf_init(&child_local, 64 * 1024);
        fsp_buf_printf(&child_local, "%s/%s", local, name);
        fsp_buf_append_u8(&child_local, 0);
        const char *local_path = (const char *)child_local.data;
        if (cli_remote_join(path, name, child) != FSP_OK || !fsp_buf_ok(&child_local))
            cli_fail_status(cli, FSP_BAD_NAME, "%.400s/%.255s: the path is too long", path, name);
        else if (kind == FILESPHERE_DIRECTORY)
            get_child_directory(self, child, fd, name, local_path, depth + 1);
        else if (kind == FILESPHERE_SYMLINK)
            get_link(self, child, fd, name, local_path);
        else
            get_file(self, child, fd, name, local_path);
        fsp_buf_clear(&child_local);
    }
}

/* The content of a remote directory into an open local one; then its mode and time. */
static void
get_directory(getter_t *self, const char *path, int fd, const char *local, unsigned depth)
{
    cli_t *cli = self->cli;
    filesphere_info_t info;
    filesphere_code_t code = look(self, path, NULL, &info);
    cli_names_t names;
    cli_names_init(&names);
    if (code == FILESPHERE_OK)
        code = filesphere_list_at(cli->handle, self->space, path, NULL, cli->at, collect_entry,
                                  &names, NULL);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else {
        self->directory_count++;
        cli->done_count++;
        get_children(self, &names, path, fd, local, depth);
        if (cli_apply_attr(fd, &info.attr) != 0)
            cli_warn(cli, "%.400s: mode and time cannot be set: %m", local);
    }
    cli_names_clear(&names);
}

/* -- operands ---------------------------------------------------------------------------------- */

/* Into something that is no regular file and no directory: a device, a pipe. */
static void
get_into_device(getter_t *self, const char *path, const char *local)
{
    int fd = open(local, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        cli_fail_status(self->cli, FSP_IO, "%.400s: cannot be opened: %m", local);
        return;
    }
    sink_t sink = {.fd = fd, .paced = true};
    filesphere_info_t info;
    if (transfer(self, path, local, &sink, &info)) {
        self->file_count++;
        note_got(self, &info, local, sink.bytes);
    }
    (void)close(fd); /* devices say what they have to say when written to */
}

/* The directory that holds `local`, opened, and the name in it.  -1: the failure is noted. */
static int
open_parent(cli_t *cli, const char *local, char ret_name[FSP_NAME_BYTES_MAX + 1])
{
    fsp_slice_t base = cli_local_base(local);
    size_t head = (size_t)((const char *)base.data - local);
    if (base.bytes == 0 || base.bytes > FSP_NAME_BYTES_MAX || local[head + base.bytes] == '/') {
        cli_fail_status(cli, FSP_NOT_DIRECTORY,
                        "%.400s: is no directory and cannot become a file; check the local path",
                        local);
        return -1;
    }
    memcpy(ret_name, base.data, base.bytes);
    ret_name[base.bytes] = '\0';
    char *parent = fsp_strdup(head > 0 ? local : ".");
    if (head > 0)
        parent[head] = '\0';
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        fsp_status_t status = errno == ENOENT ? FSP_NOT_FOUND : FSP_IO;
        cli_fail_status(cli, status, "%.400s: %m; make the local directory first", parent);
    }
    fsp_free(parent);
    return fd;
}

/* A file or link that the user names `local`. */
static void
get_single(getter_t *self, const char *path, const char *local, filesphere_kind_t kind)
{
    struct stat about;
    char real[PATH_MAX];
    const char *target = local;
    if (stat(local, &about) == 0 && kind != FILESPHERE_SYMLINK) {
        if (!S_ISREG(about.st_mode)) {
            get_into_device(self, path, local);
            return;
        }
        target = realpath(local, real); /* the user's own links are followed, as cp does */
    }
    char name[FSP_NAME_BYTES_MAX + 1];
    int fd = open_parent(self->cli, target ? target : local, name);
    if (fd >= 0) {
        if (kind == FILESPHERE_SYMLINK)
            get_link(self, path, fd, name, local);
        else
            get_file(self, path, fd, name, local);
        (void)close(fd); /* nothing was written through it */
    }
}

static void
get_tree(getter_t *self, const char *path, const char *local)
{
    if (mkdir(local, 0777) != 0 && errno != EEXIST) {
        cli_fail_status(self->cli, FSP_IO, "%.400s: cannot be made: %m; choose another place",
                        local);
        return;
    }
    int fd = open(local, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        cli_fail_status(self->cli, FSP_IO, "%.400s: cannot be opened: %m; choose another place",
                        local);
        return;
    }
    get_directory(self, path, fd, local, 0);
    (void)close(fd); /* nothing was written through it */
}

static void
get_operand(getter_t *self, const cli_remote_t *remote, const char *local, bool into)
{
    cli_t *cli = self->cli;
    self->space = remote->space;
    filesphere_info_t info;
    filesphere_code_t code = look(self, remote->path, cli->version, &info);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
        return;
    }
    if (info.at_change > 0) /* the rest of a tree is of the same moment */
        cli->at = (filesphere_at_t){.change = info.at_change};
    if (info.kind == FILESPHERE_DIRECTORY && !cli->recursive) {
        cli_fail_status(cli, FSP_IS_DIRECTORY, "%.400s: is a directory; get it with -r",
                        remote->path);
        return;
    }
    if (info.kind != FILESPHERE_DIRECTORY && remote->into) {
        cli_fail_status(cli, FSP_NOT_DIRECTORY, "%.400s: is no directory; leave the last '/' away",
                        remote->path);
        return;
    }
    fsp_buf_t path;
    fsp_buf_init(&path, 64 * 1024);
    fsp_buf_printf(&path, "%s", local);
    const char *base = cli_remote_base(remote->path);
    if (into && *base) /* the root has no name: its content goes into the directory */
        fsp_buf_printf(&path, "%s%s", path.bytes > 0 && local[strlen(local) - 1] == '/' ? "" : "/",
                       base);
    fsp_buf_append_u8(&path, 0);
    if (!fsp_buf_ok(&path))
        cli_fail_status(cli, FSP_BAD_NAME, "%.400s: the local path is too long", local);
    else if (info.kind == FILESPHERE_DIRECTORY)
        get_tree(self, remote->path, (const char *)path.data);
    else
        get_single(self, remote->path, (const char *)path.data, info.kind);
    fsp_buf_clear(&path);
}

static void
get_to_stdout(getter_t *self, const cli_remote_t *remote)
{
    self->space = remote->space;
    struct stat about;
    sink_t sink = {.fd = STDOUT_FILENO,
                   .paced = fstat(STDOUT_FILENO, &about) != 0 || !S_ISREG(about.st_mode)};
    filesphere_info_t info;
    bool done = transfer(self, remote->path, "standard output", &sink, &info);
    if (done || sink.bytes > 0 || sink.written > 0)
        self->cli->content_on_stdout = true;
    if (done)
        note_got(self, &info, "-", sink.bytes);
}

static int
finish(getter_t *self, const char *local)
{
    cli_t *cli = self->cli;
    if (cli->failure_count == 0 && !cli_interrupted() && cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        if (!cli->many) {
            cli_json_node(json, &self->last);
            fsp_json_text(json, "local", self->last_local);
            fsp_json_uint(json, "bytes", self->last_bytes);
        } else {
            fsp_json_text(json, "local", local);
            fsp_json_uint(json, "files", self->file_count);
            fsp_json_uint(json, "directories", self->directory_count);
            fsp_json_uint(json, "symlinks", self->symlink_count);
            fsp_json_uint(json, "bytes", self->bytes_sum);
        }
        cli_line_end(cli);
    }
    fsp_free(self->last_local);
    return cli_finish(cli);
}

int
cli_get(cli_t *cli)
{
    int source_count = cli->operand_count - 1;
    const char *local = cli->operands[source_count];
    bool to_stdout = strcmp(local, "-") == 0;
    cli->many = source_count > 1 || cli->recursive;
    getter_t getter = {.cli = cli, .lines = cli->many};
    struct stat about;
    bool into = !to_stdout && stat(local, &about) == 0 && S_ISDIR(about.st_mode);
    if (cli->version && (cli->at.change || cli->at.time_us))
        cli_fail_status(cli, FSP_INVALID, "--version and --at each name a version; give one");
    else if (cli->recursive && (cli->has_range || cli->version))
        cli_fail_status(cli, FSP_INVALID,
                        "--range and --version are for single files; leave -r away");
    else if (cli->recursive && to_stdout)
        cli_fail_status(cli, FSP_INVALID,
                        "a tree cannot go to standard output; leave -r away or name a directory");
    else if (source_count > 1 && !into && !to_stdout)
        cli_fail_status(cli, FSP_NOT_DIRECTORY,
                        "%.400s: is no directory, and several things go there; make it first",
                        local);
    bool fits = cli->failure_count == 0;
    for (int i = 0; fits && i < source_count && !cli_is_hopeless(cli); i++) {
        cli_remote_t remote;
        if (!cli_remote(cli, cli->operands[i], &remote))
            continue;
        if (to_stdout)
            get_to_stdout(&getter, &remote);
        else
            get_operand(&getter, &remote, local, into);
    }
    return finish(&getter, local);
}

int
cli_cat(cli_t *cli)
{
    cli->many = cli->operand_count > 1;
    getter_t getter = {.cli = cli};
    if (cli->version && (cli->at.change || cli->at.time_us))
        cli_fail_status(cli, FSP_INVALID, "--version and --at each name a version; give one");
    bool fits = cli->failure_count == 0;
    for (int i = 0; fits && i < cli->operand_count && !cli_is_hopeless(cli); i++) {
        cli_remote_t remote;
        if (cli_remote(cli, cli->operands[i], &remote))
            get_to_stdout(&getter, &remote);
    }
    return finish(&getter, "-");
}
