/* SPDX-License-Identifier: MIT */
/* cli_tree - tasks of trees: how they end, and the lines about them.  Layer cmd. */
#include "cmd/cli_tree.h"

#include "cmd/cli_exclude.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "proto/errors.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LINE_BYTES_MAX = 64 * 1024,
    LISTING_BYTES_MAX = 1024 * 1024 * 1024, /* names of one directory */
};

/* -- a run ------------------------------------------------------------------------------------- */

void
cli_tree_init(cli_tree_t *self, cli_t *cli, bool up)
{
    *self = (cli_tree_t){.cli = cli, .up = up};
    cli_progress_init(&self->progress, cli->progress_choice, cli->quiet);
    cli->progress = &self->progress;
    self->pool = cli_pool_new(cli, &self->progress);
}

void
cli_tree_wait(cli_tree_t *self)
{
    cli_group_send(self);
    cli_pool_finish(self->pool);
}

void
cli_tree_finish(cli_tree_t *self)
{
    atomic_store(&self->progress.total_known, true); /* nothing more is found */
    cli_tree_wait(self);
    cli_progress_hide(&self->progress);
    if (cli_interrupted() && self->cli->many)
        cli_fail_status(self->cli, FSP_CANCELLED,
                        "interrupted; what was done stays: run the same command again to go on");
}

void
cli_tree_clear(cli_tree_t *self)
{
    cli_pool_destroy(&self->pool);
    cli_progress_hide(&self->progress);
    self->cli->progress = NULL;
}

bool
cli_tree_is_ending(cli_tree_t *self)
{
    return cli_pool_is_ending(self->pool) || cli_is_hopeless(self->cli);
}

bool
cli_tree_excludes(const cli_tree_t *self, const char *path, bool is_directory)
{
    const cli_texts_t *globs = &self->cli->excludes;
    return globs->count > 0 && cli_excluded(globs->items, globs->count, path, is_directory);
}

/* -- tasks ------------------------------------------------------------------------------------- */

void
cli_task_init(cli_task_t *self, const cli_job_class_t *class, cli_tree_t *tree, const char *local,
              const char *remote, filesphere_kind_t kind)
{
    *self = (cli_task_t){.job = {.class = class}, .tree = tree, .kind = kind};
    self->local = local ? fsp_strdup(local) : NULL;
    self->remote = remote ? fsp_strdup(remote) : NULL;
    if (tree->space)
        (void)snprintf(self->space, sizeof self->space, "%s", tree->space);
    self->at = tree->cli->at;
    fsp_buf_init(&self->line, LINE_BYTES_MAX);
}

const char *
cli_task_space(const cli_task_t *self)
{
    return self->space[0] ? self->space : NULL;
}

void
cli_task_clear(cli_task_t *self)
{
    fsp_free(self->local);
    fsp_free(self->remote);
    fsp_free(self->words);
    fsp_buf_clear(&self->line);
}

void
cli_task_start(cli_task_t *self)
{
    cli_t *cli = self->tree->cli;
    if (cli->many) {
        cli_pool_submit(self->tree->pool, &self->job);
        return;
    }
    (void)self->job.class->run(&self->job, cli->handle, 0); /* there are no others */
    self->job.class->report(&self->job, cli);
    self->job.class->destroy(&self->job);
}

static void
on_progress(void *arg, const filesphere_progress_t *progress)
{
    cli_task_t *self = arg;
    cli_progress_t *shown = &self->tree->progress;
    cli_progress_at(shown, self->lane, progress->done_bytes);
    if (self->lane > 0)
        return;
    if (!self->tree->cli->many && progress->total_bytes != UINT64_MAX) {
        atomic_store(&shown->bytes_total, progress->total_bytes);
        atomic_store(&shown->total_known, true); /* there are no others */
    }
    cli_progress_tick(shown); /* the main thread is in the call */
}

void
cli_task_open(cli_task_t *self, filesphere_t *handle, size_t lane)
{
    self->lane = lane;
    if (self->tree->progress.style != CLI_PROGRESS_NONE)
        filesphere_on_progress(handle, on_progress, self);
}

bool
cli_task_close(cli_task_t *self, filesphere_t *handle, uint64_t size)
{
    if (self->tree->progress.style != CLI_PROGRESS_NONE)
        filesphere_on_progress(handle, NULL, NULL);
    cli_progress_ended(&self->tree->progress, self->lane, size);
    return !cli_code_is_hopeless(self->code);
}

static void
set_failure(cli_task_t *self, filesphere_code_t code, const char *words)
{
    if (self->code != FILESPHERE_OK)
        return;
    self->act = CLI_ACT_NONE;
    self->code = code;
    fsp_free(self->words);
    self->words = fsp_strdup(words);
}

void
cli_task_forget(cli_task_t *self)
{
    fsp_free(self->words);
    self->words = NULL;
    self->code = FILESPHERE_OK;
}

void
cli_task_fail(cli_task_t *self, fsp_status_t status, const char *format, ...)
{
    char words[900];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof words, format, args);
    va_end(args);
    set_failure(self, fsp_error_info(status)->code, words);
}

void
cli_task_fail_call(cli_task_t *self, filesphere_t *handle, filesphere_code_t code)
{
    char words[CLI_WORDS_BYTES];
    cli_call_words(self->tree->cli, handle, code, words);
    set_failure(self, code, words);
}

/* -- lines ------------------------------------------------------------------------------------- */

static const char *
act_name(cli_act_t act)
{
    static const char *const names[] = {
        [CLI_ACT_NONE] = "none",   [CLI_ACT_PUT] = "put",       [CLI_ACT_GET] = "get",
        [CLI_ACT_MKDIR] = "mkdir", [CLI_ACT_DELETE] = "delete", [CLI_ACT_ATTR] = "attr",
        [CLI_ACT_SAME] = "same",   [CLI_ACT_STAY] = "stay",     [CLI_ACT_SKIP] = "skip"};
    return names[act];
}

/* A line of a file is wanted: it is not an action's, and there are several. */
static bool
has_line(const cli_tree_t *tree)
{
    return !tree->is_sync && !tree->no_lines && !tree->cli->dry_run && tree->cli->many;
}

void
cli_task_line_put(cli_task_t *self, const filesphere_info_t *info)
{
    const cli_t *cli = self->tree->cli;
    if (!has_line(self->tree) || (cli->quiet && !cli->json))
        return;
    if (cli->json) {
        fsp_json_t json;
        fsp_json_init(&json, &self->line);
        fsp_json_object(&json, NULL);
        fsp_json_text(&json, "type", "file");
        cli_json_stored(&json, info);
        fsp_json_object_end(&json);
    } else {
        char version[17], size[CLI_SIZE_BYTES];
        fsp_hex_encode(info->version_id, 8, version);
        fsp_buf_printf(&self->line, "%s", cli_space_prefix(cli));
        cli_escape(fsp_slice_text(info->path), &self->line);
        fsp_buf_printf(&self->line, "  version %llu (%s)  %s", (unsigned long long)info->number,
                       version, cli_count_text(info->size, size));
    }
    fsp_buf_append_u8(&self->line, '\n');
}

void
cli_task_line_get(cli_task_t *self, const filesphere_info_t *info, uint64_t bytes)
{
    const cli_t *cli = self->tree->cli;
    bool for_people = !cli->quiet && !cli->content_on_stdout;
    if (!has_line(self->tree) || (!cli->json && !for_people))
        return;
    if (cli->json) {
        fsp_json_t json;
        fsp_json_init(&json, &self->line);
        fsp_json_object(&json, NULL);
        fsp_json_text(&json, "type", "file");
        cli_json_node(&json, info);
        fsp_json_text(&json, "local", self->local);
        fsp_json_object_end(&json);
    } else {
        cli_escape(fsp_slice_text(self->local), &self->line);
        char size[CLI_SIZE_BYTES];
        fsp_buf_printf(&self->line, "  %s", cli_count_text(bytes, size));
    }
    fsp_buf_append_u8(&self->line, '\n');
}

static void
json_remote(const cli_task_t *self, fsp_json_t *json)
{
    fsp_json_text(json, "path", self->remote);
    cli_json_space(self->tree->cli, json);
}

/* The line of an action, as sync and --dry-run say it. */
static void
tell_action(const cli_task_t *self)
{
    cli_t *cli = self->tree->cli;
    const char *target = self->tree->up ? self->remote : self->local;
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, "action");
        fsp_json_text(json, "action", act_name(self->act));
        if (self->remote)
            json_remote(self, json);
        if (self->local)
            fsp_json_text(json, "local", self->local);
        fsp_json_text(json, "kind", cli_kind_name(self->kind));
        if (self->kind == FILESPHERE_FILE && self->act != CLI_ACT_SKIP)
            fsp_json_uint(json, "size", self->size);
        if (self->act == CLI_ACT_SKIP && self->words)
            fsp_json_text(json, "why", self->words);
        cli_line_end(cli);
    } else if (!cli->quiet) {
        cli_progress_hide(cli->progress);
        (void)printf("%-6s  ", act_name(self->act));
        if (self->tree->up && target)
            cli_print_path(cli, target);
        else
            cli_print_escaped(target ? target : self->local);
        (void)putchar('\n');
    }
}

/* What has no line of its own kind: a directory, a skip. */
static void
tell_other(const cli_task_t *self)
{
    cli_t *cli = self->tree->cli;
    if (!cli->json || self->kind != FILESPHERE_DIRECTORY || self->act == CLI_ACT_SKIP)
        return;
    fsp_json_t *json = cli_line(cli, "directory");
    json_remote(self, json);
    if (!self->tree->up)
        fsp_json_text(json, "local", self->local);
    cli_line_end(cli);
}

static void
count(cli_task_t *self)
{
    cli_tree_t *tree = self->tree;
    tree->acts[self->act]++;
    if (self->act == CLI_ACT_SKIP) {
        tree->cli->skip_count++;
        return;
    }
    tree->cli->done_count++;
    if (self->act == CLI_ACT_DELETE)
        return;
    if (self->kind == FILESPHERE_DIRECTORY)
        tree->directory_count++;
    else if (self->kind == FILESPHERE_SYMLINK)
        tree->symlink_count++;
    else
        tree->file_count++;
    if (self->act == CLI_ACT_PUT || self->act == CLI_ACT_GET) {
        tree->size_sum += self->size;
        tree->moved_sum += self->moved;
    }
}

void
cli_task_tell(cli_task_t *self)
{
    cli_tree_t *tree = self->tree;
    cli_t *cli = tree->cli;
    if (self->code != FILESPHERE_OK) {
        bool stopped = cli_interrupted() && cli_is(self->code, FSP_CANCELLED);
        if (stopped && cli->many)
            return; /* Ctrl-C ends some calls in the middle; that is said once, at the end */
        if (stopped && tree->up && strcmp(self->local, "-") != 0)
            cli_fail(cli, self->code, "%.400s: interrupted; run the same command again to go on",
                     self->local);
        else
            cli_fail(cli, self->code, "%s", self->words);
        return;
    }
    if (self->act == CLI_ACT_NONE)
        return; /* it was not begun */
    if (self->act == CLI_ACT_STAY) {
        cli_warn(cli, "%.400s: is not deleted: something excluded is in it",
                 tree->up ? self->remote : self->local);
        return;
    }
    count(self);
    if (self->act == CLI_ACT_SKIP) {
        cli_warn(cli, "%.400s: skipped: %s", self->local ? self->local : self->remote, self->words);
        if (cli->strict)
            cli_fail_status(cli, FSP_UNSUPPORTED, "%.400s: %s; it was not stored",
                            self->local ? self->local : self->remote, self->words);
    }
    if (tree->is_sync || cli->dry_run) {
        if (self->act != CLI_ACT_SAME)
            tell_action(self);
    } else if (self->line.bytes > 0) {
        FSP_ASSERT(fsp_buf_ok(&self->line));
        FILE *to = cli->json && cli->content_on_stdout ? stderr : stdout;
        cli_progress_hide(cli->progress);
        (void)fwrite(self->line.data, 1, self->line.bytes, to); /* looked at when it is closed */
        (void)fflush(to); /* whoever reads the lines sees them as they come */
    } else {
        tell_other(self);
    }
}

void
cli_task_report(cli_job_t *job, cli_t *cli)
{
    (void)cli;
    cli_task_tell((cli_task_t *)job);
}

/* -- notes: what needs no thread --------------------------------------------------------------- */

static bool
run_nothing(cli_job_t *job, filesphere_t *handle, size_t lane)
{
    (void)job;
    (void)handle;
    (void)lane;
    return true;
}

static void
destroy_note(cli_job_t *job)
{
    cli_task_clear((cli_task_t *)job);
    fsp_free(job);
}

static const cli_job_class_t note_class = {run_nothing, cli_task_report, destroy_note};

void
cli_tree_note(cli_tree_t *self, cli_act_t act, filesphere_kind_t kind, const char *local,
              const char *remote, uint64_t size, const char *why)
{
    cli_task_t *task = FSP_NEW(cli_task_t);
    cli_task_init(task, &note_class, self, local, remote, kind);
    task->act = act;
    task->size = size;
    task->words = why ? fsp_strdup(why) : NULL;
    cli_pool_note(self->pool, &task->job);
}

static void
note_failure(cli_tree_t *self, filesphere_code_t code, const char *words)
{
    cli_task_t *task = FSP_NEW(cli_task_t);
    cli_task_init(task, &note_class, self, NULL, NULL, (filesphere_kind_t)0);
    set_failure(task, code, words);
    if (cli_code_is_hopeless(code)) /* at once: its turn to be told may come later */
        cli_pool_end(self->pool);
    cli_pool_note(self->pool, &task->job);
}

void
cli_tree_fail(cli_tree_t *self, fsp_status_t status, const char *format, ...)
{
    char words[900];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof words, format, args);
    va_end(args);
    note_failure(self, fsp_error_info(status)->code, words);
}

void
cli_tree_fail_call(cli_tree_t *self, filesphere_code_t code)
{
    char words[CLI_WORDS_BYTES];
    cli_call_words(self->cli, self->cli->handle, code, words);
    note_failure(self, code, words);
}

/* -- remote directories ------------------------------------------------------------------------ */

static int
take_entry(void *arg, const filesphere_entry_t *entry)
{
    cli_listing_t *self = arg;
    if (cli_interrupted() || !fsp_name_valid(fsp_slice_text(entry->name)))
        return -1;
    if (self->count == self->room) {
        self->room = self->room ? 2 * self->room : 64;
        self->entries = fsp_realloc(self->entries, self->room * sizeof *self->entries);
    }
    /* Offsets first: the text still moves. */
    self->entries[self->count++] = (cli_entry_t){
        .kind = entry->kind, .size = entry->size, .lost = entry->lost, .attr = entry->attr};
    fsp_buf_append(&self->text, entry->name, strlen(entry->name) + 1);
    return fsp_buf_ok(&self->text) ? 0 : -1;
}

static int
compare_entries(const void *a, const void *b)
{
    return strcmp(((const cli_entry_t *)a)->name, ((const cli_entry_t *)b)->name);
}

bool
cli_listing_read(cli_tree_t *tree, const char *path, cli_listing_t *ret)
{
    *ret = (cli_listing_t){.count = 0};
    fsp_buf_init(&ret->text, LISTING_BYTES_MAX);
    cli_pool_tick(tree->pool);
    filesphere_code_t code = filesphere_list_at(tree->cli->handle, tree->space, path, NULL,
                                                tree->cli->at, take_entry, ret, NULL);
    if (code != FILESPHERE_OK) {
        cli_tree_fail_call(tree, code);
        return false;
    }
    const char *name = (const char *)ret->text.data;
    for (size_t i = 0; i < ret->count; i++, name += strlen(name) + 1)
        ret->entries[i].name = name;
    if (ret->count > 1)
        qsort(ret->entries, ret->count, sizeof *ret->entries, compare_entries);
    return true;
}

void
cli_listing_clear(cli_listing_t *self)
{
    fsp_free(self->entries);
    fsp_buf_clear(&self->text);
    *self = (cli_listing_t){.count = 0};
}

cli_entry_t *
cli_listing_find(const cli_listing_t *self, const char *name)
{
    const cli_entry_t key = {.name = name};
    return self->count == 0
               ? NULL
               : bsearch(&key, self->entries, self->count, sizeof *self->entries, compare_entries);
}

/* -- local things ------------------------------------------------------------------------------ */

filesphere_attr_t
cli_attr_of(const struct stat *about)
{
    return (filesphere_attr_t){.set = true,
                               .mode = (uint32_t)(about->st_mode & 07777),
                               .mtime_s = about->st_mtim.tv_sec,
                               .mtime_ns = (uint32_t)about->st_mtim.tv_nsec};
}

bool
cli_same_time(const struct stat *about, const filesphere_attr_t *attr)
{
    return attr->set && attr->mtime_s == about->st_mtim.tv_sec &&
           attr->mtime_ns == about->st_mtim.tv_nsec;
}

bool
cli_same_attr(const struct stat *about, const filesphere_attr_t *attr)
{
    return cli_same_time(about, attr) && attr->mode == (about->st_mode & 07777);
}

filesphere_kind_t
cli_kind_of(const struct stat *about)
{
    return S_ISREG(about->st_mode)   ? FILESPHERE_FILE
           : S_ISDIR(about->st_mode) ? FILESPHERE_DIRECTORY
           : S_ISLNK(about->st_mode) ? FILESPHERE_SYMLINK
                                     : (filesphere_kind_t)0;
}

int
cli_hash_file(int fd, uint8_t ret[32], bool (*interrupted)(void))
{
    enum { PIECE_BYTES = 256 * 1024 };
    uint8_t *piece = fsp_alloc_raw(PIECE_BYTES);
    fsp_sha256_t *digest = fsp_sha256_new();
    ssize_t got = 1;
    while (got > 0) {
        got = read(fd, piece, PIECE_BYTES);
        if (got > 0)
            fsp_sha256_update(digest, fsp_slice(piece, (size_t)got));
        if (interrupted()) {
            errno = EINTR;
            got = -1;
        } else if (got < 0 && errno == EINTR) {
            got = 1;
        }
    }
    int error = errno;
    fsp_hash_t hash = fsp_sha256_finish(digest);
    memcpy(ret, hash.bytes, sizeof hash.bytes);
    fsp_sha256_destroy(&digest);
    fsp_free(piece);
    errno = error;
    return got == 0 ? 0 : -1;
}

char *
cli_join(const char *directory, const char *name)
{
    size_t first = strlen(directory), second = strlen(name);
    char *ret = fsp_alloc(first + second + 2);
    memcpy(ret, directory, first);
    ret[first] = '/';
    memcpy(ret + first + 1, name, second);
    return ret;
}

char *
cli_local_root(const char *operand)
{
    char *ret = fsp_strdup(operand);
    size_t bytes = strlen(ret);
    while (bytes > 0 && ret[bytes - 1] == '/')
        ret[--bytes] = '\0';
    return ret;
}
