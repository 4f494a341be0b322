/* SPDX-License-Identifier: MIT */
/* cli_check - `filesphere check`: a local tree against a remote one, or every content read back.
 * Layer cmd.
 *
 * Nothing is written.  Of two trees, names, kinds, modes, targets of links and the SHA-256 of every
 * content are compared; the remote digest is what the node says.  Of a remote tree alone, every
 * content is fetched and its digest computed here, so bytes that went bad on the disk are found.
 */
#include "cmd/cli_tree.h"

#include "core/base/alloc.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "proto/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

typedef struct {
    cli_tree_t tree;
    size_t root_bytes; /* of the local path of the root, with its slash */
    uint64_t difference_count, damaged_count, compared_count, bytes_sum;
} checker_t;

/* One thing on one or both sides. */
typedef struct {
    cli_task_t task;
    checker_t *checker;
    int fd; /* of a local file; -1: none */
    struct stat about;
    uint8_t target_hash[32]; /* of a local link */
    uint64_t size;
    const char *what; /* the difference; NULL: none */
} check_task_t;

/* -- lines ------------------------------------------------------------------------------------- */

static void
tell_difference(checker_t *self, const char *what, const char *local, const char *remote)
{
    cli_t *cli = self->tree.cli;
    self->difference_count++;
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, "difference");
        fsp_json_text(json, "what", what);
        if (remote) {
            fsp_json_text(json, "path", remote);
            cli_json_space(cli, json);
        }
        if (local)
            fsp_json_text(json, "local", local);
        cli_line_end(cli);
        return;
    }
    cli_progress_hide(cli->progress);
    (void)printf("%-11s  ", what);
    if (local)
        cli_print_escaped(local);
    else
        cli_print_path(cli, remote);
    (void)putchar('\n');
}

static void
report_check(cli_job_t *job, cli_t *cli)
{
    check_task_t *self = (check_task_t *)job;
    checker_t *checker = self->checker;
    if (self->task.code != FILESPHERE_OK) {
        checker->damaged_count += cli_is(self->task.code, FSP_DAMAGED);
        cli_task_tell(&self->task);
        return;
    }
    if (self->task.act == CLI_ACT_NONE)
        return; /* it was not begun */
    cli->done_count++;
    checker->compared_count++;
    checker->bytes_sum += self->task.size;
    if (self->what)
        tell_difference(checker, self->what, self->task.local, self->task.remote);
}

static void
destroy_check(cli_job_t *job)
{
    check_task_t *self = (check_task_t *)job;
    if (self->fd >= 0)
        (void)close(self->fd); /* was only read */
    cli_task_clear(&self->task);
    fsp_free(self);
}

static bool
run_nothing(cli_job_t *job, filesphere_t *handle, size_t lane)
{
    (void)job;
    (void)handle;
    (void)lane;
    return true;
}

/* For what is decided without looking at contents. */
static const cli_job_class_t note_class = {run_nothing, report_check, destroy_check};

static check_task_t *
new_task(checker_t *self, const cli_job_class_t *class, const char *local, const char *remote,
         filesphere_kind_t kind)
{
    check_task_t *task = FSP_NEW(check_task_t);
    cli_task_init(&task->task, class, &self->tree, local, remote, kind);
    task->checker = self;
    task->fd = -1;
    return task;
}

static void
note(checker_t *self, const char *what, const char *local, const char *remote)
{
    check_task_t *task = new_task(self, &note_class, local, remote, FILESPHERE_FILE);
    task->task.act = CLI_ACT_SAME;
    task->what = what;
    cli_pool_note(self->tree.pool, &task->task.job);
}

/* -- two sides --------------------------------------------------------------------------------- */

/* SHA-256 of what is here; false: the task has failed. */
static bool
hash_local(check_task_t *self, uint8_t ret[32])
{
    if (self->task.kind == FILESPHERE_SYMLINK) {
        memcpy(ret, self->target_hash, sizeof self->target_hash);
        return true;
    }
    if (cli_hash_file(self->fd, ret, cli_interrupted) == 0)
        return true;
    cli_task_fail(&self->task, FSP_IO, "%.400s: cannot be read: %m", self->task.local);
    return false;
}

static bool
run_compare(cli_job_t *job, filesphere_t *handle, size_t lane)
{
    check_task_t *self = (check_task_t *)job;
    cli_task_t *task = &self->task;
    cli_task_open(task, handle, lane);
    uint8_t hash[32];
    filesphere_info_t info;
    filesphere_code_t code =
        filesphere_stat_at(handle, cli_task_space(task), task->remote, task->at, &info);
    task->act = CLI_ACT_SAME;
    if (code != FILESPHERE_OK) {
        cli_task_fail_call(task, handle, code);
    } else if (hash_local(self, hash)) {
        task->size = info.size;
        if (memcmp(hash, info.sha256, sizeof hash) != 0)
            self->what = task->kind == FILESPHERE_SYMLINK ? "target" : "content";
        else if (task->kind == FILESPHERE_FILE && info.attr.set &&
                 (info.attr.mode & 0777) != (self->about.st_mode & 0777))
            self->what = "mode";
    }
    if (self->fd >= 0)
        (void)close(self->fd); /* was only read */
    self->fd = -1;
    return cli_task_close(task, handle, self->size);
}

static const cli_job_class_t compare_class = {run_compare, report_check, destroy_check};

/* A file or link that is on both sides. */
static void
compare(checker_t *self, int directory_fd, const char *name, const struct stat *about,
        const char *local, const char *remote)
{
    check_task_t *task = new_task(self, &compare_class, local, remote, cli_kind_of(about));
    task->about = *about;
    task->size = (uint64_t)about->st_size;
    if (S_ISLNK(about->st_mode)) {
        char target[FSP_PATH_BYTES_MAX];
        ssize_t bytes = readlinkat(directory_fd, name, target, sizeof target);
        if (bytes < 0)
            cli_task_fail(&task->task, FSP_IO, "%.400s: the link cannot be read: %m", local);
        fsp_hash_t hash = fsp_sha256(fsp_slice(target, bytes > 0 ? (size_t)bytes : 0));
        memcpy(task->target_hash, hash.bytes, sizeof hash.bytes);
    } else {
        task->fd =
            openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (task->fd < 0)
            cli_task_fail(&task->task, FSP_IO, "%.400s: cannot be read: %m", local);
    }
    if (task->task.code != FILESPHERE_OK) {
        cli_pool_note(self->tree.pool, &task->task.job);
        return;
    }
    cli_progress_add(&self->tree.progress, task->size);
    cli_progress_name(&self->tree.progress, local);
    cli_task_start(&task->task);
}

static void compare_directories(checker_t *self, int fd, const char *local, const char *remote);

static void
compare_child(checker_t *self, int fd, const char *name, cli_entry_t *entry, const char *local,
              const char *remote)
{
    struct stat about;
    if (fstatat(fd, name, &about, AT_SYMLINK_NOFOLLOW) != 0) {
        cli_tree_fail(&self->tree, FSP_IO, "%.400s: %m", local);
        return;
    }
    filesphere_kind_t kind = cli_kind_of(&about);
    if (cli_tree_excludes(&self->tree, local + self->root_bytes, kind == FILESPHERE_DIRECTORY)) {
        if (entry)
            entry->matched = true;
        return;
    }
    if (!entry) {
        if (kind != 0) /* what cannot be stored is not missed */
            note(self, "only-local", local, NULL);
        return;
    }
    entry->matched = true;
    if (entry->kind != kind) {
        note(self, "kind", local, remote);
    } else if (kind == FILESPHERE_FILE && entry->size != (uint64_t)about.st_size) {
        note(self, "size", local, remote);
    } else if (kind != FILESPHERE_DIRECTORY) {
        compare(self, fd, name, &about, local, remote);
    } else {
        bool same = !entry->attr.set || (entry->attr.mode & 0777) == (about.st_mode & 0777);
        note(self, same ? NULL : "mode", local, remote);
        int child_fd = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (child_fd >= 0)
            compare_directories(self, child_fd, local, remote);
        else
            cli_tree_fail(&self->tree, FSP_IO, "%.400s: cannot be opened: %m", local);
    }
}

/* Takes fd. */
static void
compare_directories(checker_t *self, int fd, const char *local, const char *remote)
{
    cli_tree_t *tree = &self->tree;
    cli_listing_t listing;
    cli_names_t names;
    cli_names_init(&names);
    bool listed = cli_listing_read(tree, remote, &listing);
    int names_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (names_fd < 0 || cli_names_read(names_fd, &names) != 0) {
        cli_tree_fail(tree, FSP_IO, "%.400s: cannot be listed: %m", local);
        listed = false;
    }
    const char *name = (const char *)names.text.data;
    for (size_t i = 0; listed && i < names.count && !cli_tree_is_ending(tree);
         i++, name += strlen(name) + 1) {
        char path[FSP_PATH_BYTES_MAX + 1];
        char *child = cli_join(local, name);
        if (cli_remote_join(remote, name, path) == FSP_OK)
            compare_child(self, fd, name, cli_listing_find(&listing, name), child, path);
        else if (!cli_tree_excludes(tree, child + self->root_bytes, false))
            note(self, "only-local", child, NULL); /* it cannot be there */
        fsp_free(child);
    }
    for (size_t i = 0; listed && i < listing.count && !cli_tree_is_ending(tree); i++) {
        const cli_entry_t *entry = &listing.entries[i];
        char path[FSP_PATH_BYTES_MAX + 1];
        char *child = cli_join(local, entry->name);
        if (!entry->matched && cli_remote_join(remote, entry->name, path) == FSP_OK &&
            !cli_tree_excludes(tree, child + self->root_bytes, entry->kind == FILESPHERE_DIRECTORY))
            note(self, "only-remote", NULL, path);
        fsp_free(child);
    }
    cli_names_clear(&names);
    cli_listing_clear(&listing);
    (void)close(fd); /* was only read */
}

static void
compare_trees(checker_t *self, const char *local, const cli_remote_t *remote)
{
    int fd = open(local, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        fsp_status_t status = errno == ENOENT    ? FSP_NOT_FOUND
                              : errno == ENOTDIR ? FSP_NOT_DIRECTORY
                                                 : FSP_IO;
        cli_tree_fail(&self->tree, status, "%.400s: %m; check the local path", local);
        return;
    }
    char *root = cli_local_root(local);
    self->root_bytes = strlen(root) + 1;
    compare_directories(self, fd, root, remote->path);
    fsp_free(root);
}

/* -- one side: reading back -------------------------------------------------------------------- */

static int
drop(void *arg, const void *data, size_t size)
{
    (void)arg;
    (void)data;
    (void)size;
    return cli_interrupted() ? -1 : 0;
}

static bool
run_read(cli_job_t *job, filesphere_t *handle, size_t lane)
{
    check_task_t *self = (check_task_t *)job;
    cli_task_t *task = &self->task;
    cli_task_open(task, handle, lane);
    filesphere_get_t get = {.space = cli_task_space(task), .path = task->remote, .at = task->at};
    filesphere_info_t info;
    filesphere_code_t code = filesphere_get(handle, &get, drop, NULL, &info);
    task->act = CLI_ACT_SAME;
    if (code != FILESPHERE_OK)
        cli_task_fail_call(task, handle, code);
    else
        task->size = info.size;
    return cli_task_close(task, handle, self->size);
}

static const cli_job_class_t read_class = {run_read, report_check, destroy_check};

static void
read_one(checker_t *self, const char *remote, filesphere_kind_t kind, uint64_t size)
{
    check_task_t *task = new_task(self, &read_class, NULL, remote, kind);
    task->size = size;
    cli_progress_add(&self->tree.progress, size);
    cli_progress_name(&self->tree.progress, remote);
    cli_task_start(&task->task);
}

static void
read_tree(checker_t *self, const char *remote, const char *relative)
{
    cli_tree_t *tree = &self->tree;
    cli_listing_t listing;
    bool listed = cli_listing_read(tree, remote, &listing);
    for (size_t i = 0; listed && i < listing.count && !cli_tree_is_ending(tree); i++) {
        const cli_entry_t *entry = &listing.entries[i];
        bool directory = entry->kind == FILESPHERE_DIRECTORY;
        char path[FSP_PATH_BYTES_MAX + 1];
        char *child = *relative ? cli_join(relative, entry->name) : fsp_strdup(entry->name);
        if (cli_tree_excludes(tree, child, directory)) {
            /* left out */
        } else if (cli_remote_join(remote, entry->name, path) != FSP_OK) {
            cli_tree_fail(tree, FSP_BAD_NAME, "%.400s/%.255s: the path is too long", remote,
                          entry->name);
        } else if (directory) {
            note(self, NULL, NULL, path);
            read_tree(self, path, child);
        } else {
            read_one(self, path, entry->kind, entry->size);
        }
        fsp_free(child);
    }
    cli_listing_clear(&listing);
}

static void
read_back(checker_t *self, const cli_remote_t *remote)
{
    cli_tree_t *tree = &self->tree;
    filesphere_info_t info;
    filesphere_code_t code =
        filesphere_stat_at(tree->cli->handle, tree->space, remote->path, tree->cli->at, &info);
    if (code != FILESPHERE_OK)
        cli_tree_fail_call(tree, code);
    else if (info.kind == FILESPHERE_DIRECTORY)
        read_tree(self, remote->path, "");
    else
        read_one(self, remote->path, info.kind, info.size);
}

/* -- the result -------------------------------------------------------------------------------- */

static int
finish(checker_t *self, const char *local, const char *remote)
{
    cli_t *cli = self->tree.cli;
    cli_tree_finish(&self->tree);
    if (self->difference_count > 0) {
        cli->done_count++; /* it was compared, so it is 7 and not 4, whatever there was */
        cli_fail_status(cli, FSP_MISMATCH, "%.400s and %.400s: %llu differences; see the lines",
                        local, remote, (unsigned long long)self->difference_count);
    } else if (self->damaged_count > 0 && cli_is(cli->failure, FSP_DAMAGED)) {
        cli->done_count = 0; /* damage is not "partly done": exit code 10 */
    } else if (cli->failure_count == 0 && !cli_interrupted() && cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_uint(json, "checked", self->compared_count);
        fsp_json_uint(json, "differences", 0);
        fsp_json_uint(json, "bytes", self->bytes_sum);
        cli_line_end(cli);
    } else if (cli->failure_count == 0 && !cli_interrupted() && !cli->quiet) {
        char size[CLI_SIZE_BYTES];
        (void)printf("%llu checked, %s: %s\n", (unsigned long long)self->compared_count,
                     cli_count_text(self->bytes_sum, size),
                     local ? "no differences" : "all as it was stored");
    }
    cli_tree_clear(&self->tree);
    return cli_finish(cli);
}

int
cli_check(cli_t *cli)
{
    bool two = cli->operand_count == 2;
    const char *local = two ? cli->operands[0] : NULL;
    cli_remote_t remote;
    cli->many = true;
    checker_t checker = {.root_bytes = 0};
    cli_tree_init(&checker.tree, cli, false);
    if (cli_remote(cli, cli->operands[two ? 1 : 0], &remote)) {
        checker.tree.space = remote.space;
        if (two)
            compare_trees(&checker, local, &remote);
        else
            read_back(&checker, &remote);
    }
    return finish(&checker, local, cli->operands[two ? 1 : 0]);
}
