/* SPDX-License-Identifier: MIT */
/* cli_get - `filesphere get` and `cat`.  Layer cmd.
 *
 * Operands and the result; cli_tree_down walks, cli_tree_get fetches.
 */
#include "cmd/cli_history.h"
#include "cmd/cli_tree.h"

#include "core/base/alloc.h"
#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct {
    cli_tree_t tree;
    filesphere_info_t last; /* of the last thing that went to a stream, or of the only one */
    uint64_t last_bytes;
    char *last_local; /* end with fsp_free */
} getter_t;

/* -- one thing --------------------------------------------------------------------------------- */

int
cli_open_parent(cli_t *cli, const char *local, char ret_name[FSP_NAME_BYTES_MAX + 1])
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

static void
note_last(getter_t *self, const char *local, uint64_t bytes)
{
    fsp_free(self->last_local);
    self->last_local = fsp_strdup(local);
    self->last_bytes = bytes;
}

/* Into something that is no regular file and no directory: a device, a pipe. */
static void
get_into_device(getter_t *self, const char *path, const char *local)
{
    int fd = open(local, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        cli_tree_fail(&self->tree, FSP_IO, "%.400s: cannot be opened: %m", local);
        return;
    }
    uint64_t bytes;
    if (cli_get_stream(&self->tree, fd, local, path, &bytes))
        note_last(self, local, bytes);
    (void)close(fd); /* devices say what they have to say when written to */
}

/* A file or link that the user names `local`. */
static void
get_single(getter_t *self, const char *path, const char *local, const filesphere_info_t *info)
{
    cli_tree_t *tree = &self->tree;
    struct stat about;
    char real[PATH_MAX];
    const char *target = local;
    bool there = stat(local, &about) == 0;
    if (there && info->kind != FILESPHERE_SYMLINK) {
        if (!S_ISREG(about.st_mode)) {
            get_into_device(self, path, local);
            return;
        }
        target = realpath(local, real); /* the user's own links are followed, as cp does */
    }
    bool compare = tree->cli->checksum && there;
    if (tree->cli->dry_run && !compare) {
        cli_tree_note(tree, CLI_ACT_GET, info->kind, local, path, info->size, NULL);
        return;
    }
    char name[FSP_NAME_BYTES_MAX + 1];
    int fd = cli_open_parent(tree->cli, target ? target : local, name);
    if (fd < 0)
        return;
    cli_place_t *place = cli_place_new(tree, NULL, fd, local);
    cli_place_keep(place);
    note_last(self, local, info->size);
    cli_get_start(tree, place, name, local, path, info->kind, info->size, compare);
    cli_place_unref(&place);
}

/* The version that --version names of this path: a number means another one for each.  `typed` is
   what was given, ret has room for it; cli->version points there until the next operand.  False:
   the failure is noted. */
static bool
take_version(cli_t *cli, const char *typed, const cli_remote_t *remote, char ret[65])
{
    if (!typed)
        return true;
    if (!cli_version_text(cli, remote, typed, ret))
        return false;
    cli->version = ret;
    return true;
}

static void
get_to_stdout(getter_t *self, const cli_remote_t *remote)
{
    uint64_t bytes;
    self->tree.space = remote->space;
    if (cli_get_stream(&self->tree, STDOUT_FILENO, "-", remote->path, &bytes))
        note_last(self, "-", bytes);
}

/* -- operands ---------------------------------------------------------------------------------- */

/* What a path is, or was at the moment that is asked for.  False: the failure is noted. */
static bool
look(getter_t *self, const cli_remote_t *remote, filesphere_info_t *ret)
{
    cli_tree_t *tree = &self->tree;
    cli_t *cli = tree->cli;
    filesphere_code_t code =
        cli->version ? filesphere_stat(cli->handle, tree->space, remote->path, cli->version, ret)
                     : filesphere_stat_at(cli->handle, tree->space, remote->path, cli->at, ret);
    if (code != FILESPHERE_OK) {
        cli_tree_fail_call(tree, code);
    } else if (ret->kind == FILESPHERE_DIRECTORY && !cli->recursive) {
        cli_tree_fail(tree, FSP_IS_DIRECTORY, "%s%.400s: is a directory; get it with -r",
                      cli_space_prefix(tree->cli), remote->path);
    } else if (ret->kind != FILESPHERE_DIRECTORY && remote->into) {
        cli_tree_fail(tree, FSP_NOT_DIRECTORY, "%s%.400s: is no directory; leave the last '/' away",
                      cli_space_prefix(tree->cli), remote->path);
    } else {
        if (ret->at_change > 0) /* the rest of a tree is of the same moment */
            cli->at = (filesphere_at_t){.change = ret->at_change};
        return true;
    }
    return false;
}

static void
get_operand(getter_t *self, const cli_remote_t *remote, const char *local, bool into)
{
    self->tree.space = remote->space;
    filesphere_info_t info;
    if (!look(self, remote, &info))
        return;
    char *root = cli_local_root(local);
    const char *base = cli_remote_base(remote->path);
    /* The root has no name: its content goes into the directory. */
    char *path = into && *base ? cli_join(root, base) : fsp_strdup(*root ? root : local);
    if (info.kind == FILESPHERE_DIRECTORY) {
        char *directory = cli_local_root(path);
        cli_tree_down(&self->tree, remote->path, &info, directory);
        fsp_free(directory);
    } else {
        get_single(self, remote->path, into ? path : local, &info);
    }
    fsp_free(path);
    fsp_free(root);
}

/* -- results ----------------------------------------------------------------------------------- */

static void
write_result(const getter_t *self, const char *local)
{
    const cli_tree_t *tree = &self->tree;
    cli_t *cli = tree->cli;
    fsp_json_t *json = cli_line(cli, "result");
    if (!cli->many && tree->acts[CLI_ACT_GET] > 0 && !cli->dry_run) {
        cli_json_node(json, &self->last);
        fsp_json_text(json, "local", self->last_local);
        fsp_json_uint(json, "bytes", tree->size_sum);
    } else {
        fsp_json_text(json, "local", local);
        fsp_json_uint(json, "files", tree->file_count);
        fsp_json_uint(json, "directories", tree->directory_count);
        fsp_json_uint(json, "symlinks", tree->symlink_count);
        fsp_json_uint(json, "unchanged", tree->acts[CLI_ACT_SAME] + tree->acts[CLI_ACT_ATTR]);
        fsp_json_uint(json, "bytes", tree->size_sum);
        fsp_json_bool(json, "dry_run", cli->dry_run);
    }
    cli_line_end(cli);
}

static int
finish(getter_t *self, const char *local)
{
    cli_tree_t *tree = &self->tree;
    cli_t *cli = tree->cli;
    cli_tree_finish(tree);
    if (cli->failure_count == 0 && !cli_interrupted()) {
        if (cli->json) {
            write_result(self, local);
        } else if (!cli->many && !cli->quiet && !cli->content_on_stdout && !cli->dry_run) {
            cli_print_escaped(self->last_local ? self->last_local : local);
            char size[CLI_SIZE_BYTES];
            (void)printf("  %s\n", cli_count_text(tree->size_sum, size));
        }
    }
    cli_tree_clear(tree);
    fsp_free(self->last_local);
    return cli_finish(cli);
}

/* What does not go together.  False: the failure is noted. */
static bool
options_fit(cli_t *cli, const char *local, bool into)
{
    bool to_stdout = strcmp(local, "-") == 0;
    int source_count = cli->operand_count - 1;
    if (cli->version && (cli->at.change || cli->at.time_us))
        cli_fail_status(cli, FSP_INVALID, "--version and --at each name a version; give one");
    else if (cli->recursive && (cli->has_range || cli->version))
        cli_fail_status(cli, FSP_INVALID,
                        "--range and --version are for single files; leave -r away");
    else if (cli->recursive && to_stdout)
        cli_fail_status(cli, FSP_INVALID,
                        "a tree cannot go to standard output; leave -r away or name a directory");
    else if (cli->checksum && (cli->has_range || cli->version || to_stdout))
        cli_fail_status(cli, FSP_INVALID,
                        "--checksum is about whole present contents in files; leave it away");
    else if (cli->excludes.count > 0 && !cli->recursive)
        cli_fail_status(cli, FSP_INVALID, "--exclude is for trees; give -r, too");
    else if (source_count > 1 && !into && !to_stdout)
        cli_fail_status(cli, FSP_NOT_DIRECTORY,
                        "%.400s: is no directory, and several things go there; make it first",
                        local);
    else
        return true;
    return false;
}

int
cli_get(cli_t *cli)
{
    int source_count = cli->operand_count - 1;
    const char *local = cli->operands[source_count];
    bool to_stdout = strcmp(local, "-") == 0;
    cli->many = source_count > 1 || cli->recursive;
    getter_t getter = {.last_local = NULL};
    cli_tree_init(&getter.tree, cli, false);
    getter.tree.single = cli->many ? NULL : &getter.last;
    struct stat about;
    bool into = !to_stdout && stat(local, &about) == 0 && S_ISDIR(about.st_mode);
    bool fits = options_fit(cli, local, into) && (to_stdout || cli_names_differ(cli));
    /* A moment is of one space: what the first operand finds out is not for the next. */
    filesphere_at_t at = cli->at;
    const char *typed = cli->version;
    char version[65];
    for (int i = 0; fits && i < source_count && !cli_tree_is_ending(&getter.tree); i++) {
        cli_remote_t remote;
        cli->at = at;
        if (!cli_remote(cli, cli->operands[i], &remote) ||
            !take_version(cli, typed, &remote, version))
            continue;
        if (to_stdout)
            get_to_stdout(&getter, &remote);
        else
            get_operand(&getter, &remote, local, into);
        if (i + 1 < source_count)
            cli_tree_wait(&getter.tree); /* in their order: two may go to one place */
    }
    return finish(&getter, local);
}

int
cli_cat(cli_t *cli)
{
    cli->many = cli->operand_count > 1;
    getter_t getter = {.last_local = NULL};
    cli_tree_init(&getter.tree, cli, false);
    getter.tree.single = cli->many ? NULL : &getter.last;
    getter.tree.no_lines = true;
    const char *typed = cli->version;
    char version[65];
    bool fits = !(cli->version && (cli->at.change || cli->at.time_us));
    if (!fits)
        cli_fail_status(cli, FSP_INVALID, "--version and --at each name a version; give one");
    for (int i = 0; fits && i < cli->operand_count && !cli_is_hopeless(cli); i++) {
        cli_remote_t remote;
        if (cli_remote(cli, cli->operands[i], &remote) &&
            take_version(cli, typed, &remote, version))
            get_to_stdout(&getter, &remote);
    }
    return finish(&getter, "-");
}
