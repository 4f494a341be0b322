/* SPDX-License-Identifier: MIT */
/* cli_undo - `filesphere undo`: the last change of a path is taken back.  Layer cmd.
 *
 * Taking back is one batch, bound to the state that it was planned for: what others did meanwhile
 * makes it fail and is never lost.  It is a change as any other, so undoing twice does the thing
 * again.
 */
#include "cmd/cli_history.h"
#include "cmd/cli_past.h"

#include "core/base/text.h"

#include <stdarg.h>

enum { STEPS_MAX = 2 };

/* What would be done. */
typedef struct {
    cli_t *cli;
    const cli_remote_t *remote;
    const cli_past_t *past;
    filesphere_operation_t steps[STEPS_MAX];
    size_t count;
    char version[65]; /* of a restore */
    char from[FSP_PATH_BYTES_MAX + 1], to[FSP_PATH_BYTES_MAX + 1];
    uint8_t displaced[16];
    char words[512];
} plan_t;

__attribute__((format(printf, 3, 4))) static bool
refuse(plan_t *self, fsp_status_t status, const char *format, ...)
{
    char words[600];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof words, format, args);
    va_end(args);
    cli_fail_status(self->cli, status, "%s%.300s: %s", cli_space_prefix(self->cli),
                    self->remote->path, words);
    return false;
}

static void
add_step(plan_t *self, filesphere_operation_t step)
{
    self->steps[self->count++] = step;
}

static void
add_delete(plan_t *self, const char *path, const uint8_t *if_match)
{
    add_step(self, (filesphere_operation_t){.op = FILESPHERE_OP_DELETE,
                                            .path = path,
                                            .recursive = true,
                                            .if_match = if_match});
}

static void
add_undelete(plan_t *self, const uint8_t *file_id, const char *to)
{
    add_step(self, (filesphere_operation_t){.op = FILESPHERE_OP_UNDELETE,
                                            .file_id = file_id,
                                            .to = to,
                                            .create_parents = true});
}

/* -- looking ----------------------------------------------------------------------------------- */

/* What is at a path now, kind 0 for nothing.  False: the failure is noted. */
static bool
look_at(plan_t *self, const char *path, filesphere_info_t *ret)
{
    cli_t *cli = self->cli;
    filesphere_code_t code = filesphere_stat(cli->handle, self->remote->space, path, NULL, ret);
    if (code != FILESPHERE_OK)
        ret->kind = 0;
    if (code == FILESPHERE_OK || cli_is(code, FSP_NOT_FOUND) || cli_is(code, FSP_NO_PARENT) ||
        cli_is(code, FSP_NOT_DIRECTORY))
        return true;
    cli_fail_call(cli, code);
    return false;
}

static bool
is_free(plan_t *self, const char *path)
{
    filesphere_info_t info;
    if (!look_at(self, path, &info))
        return false;
    return info.kind == 0 ||
           refuse(self, FSP_EXISTS, "something else is at %.300s now; move it away first", path);
}

typedef struct {
    const uint8_t *file_id;
    bool found;
} finder_t;

static int
find_trashed(void *arg, const filesphere_trashed_t *trashed)
{
    finder_t *self = arg;
    self->found = self->found || memcmp(trashed->file_id, self->file_id, 16) == 0;
    return self->found || cli_interrupted() ? -1 : 0;
}

/* False: the failure is noted. */
static bool
is_in_trash(plan_t *self, const uint8_t *file_id)
{
    finder_t finder = {.file_id = file_id};
    filesphere_code_t code =
        filesphere_trash(self->cli->handle, self->remote->space, find_trashed, &finder);
    if (finder.found)
        return true;
    if (code != FILESPHERE_OK) {
        cli_fail_call(self->cli, code);
        return false;
    }
    return refuse(self, FSP_GONE,
                  "what was there is not in the trash any more; it cannot be "
                  "brought back");
}

/* Versions of the file by which a put can be taken back. */
typedef struct {
    const uint8_t *made; /* by the change */
    const uint8_t (*parents)[32];
    size_t parent_count;
    filesphere_version_t before; /* the newest of the parents; number 0: none */
} parents_t;

static int
find_parent(void *arg, const filesphere_version_t *version)
{
    parents_t *self = arg;
    for (size_t i = 0; i < self->parent_count; i++) {
        if (memcmp(version->version_id, self->parents[i], 32) == 0 &&
            version->number > self->before.number)
            self->before = *version;
    }
    return cli_interrupted() ? -1 : 0;
}

/* -- plans, one for each kind of change -------------------------------------------------------- */

static bool
plan_put(plan_t *self, const filesphere_change_t *change)
{
    cli_t *cli = self->cli;
    const cli_past_t *past = self->past;
    const filesphere_info_t *info = &past->info;
    filesphere_version_t made = {.number = 0};
    if (!past->there)
        return refuse(self, FSP_NOT_FOUND, "is not there any more; look with: filesphere trash ls");
    if (info->head_count > 1)
        return refuse(self, FSP_MISMATCH,
                      "several versions stand side by side; say which is right with: filesphere "
                      "heads, filesphere merge");
    if (memcmp(info->version_id, change->version_id, 32) != 0)
        return refuse(self, FSP_MISMATCH, "changed meanwhile; try again");
    filesphere_code_t code = cli_find_version(cli, self->remote, change->version_id, &made);
    parents_t parents = {.parents = (const uint8_t(*)[32])made.parents,
                         .parent_count = made.parent_count};
    if (code == FILESPHERE_OK && made.parent_count > 0)
        code = filesphere_versions(cli->handle, self->remote->space, self->remote->path,
                                   find_parent, &parents);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
        return false;
    }
    if (made.parent_count == 0) {
        add_delete(self, self->remote->path, info->version_id);
        (void)snprintf(self->words, sizeof self->words, "it was new; it goes to the trash");
        return true;
    }
    if (parents.before.number == 0 || !parents.before.retained)
        return refuse(self, FSP_GONE, "the version before is not kept any more");
    fsp_hex_encode(parents.before.version_id, 32, self->version);
    add_step(self, (filesphere_operation_t){.op = FILESPHERE_OP_RESTORE,
                                            .path = self->remote->path,
                                            .version = self->version,
                                            .if_match = info->version_id});
    (void)snprintf(self->words, sizeof self->words,
                   "the content of version %llu (%.16s) becomes the newest again",
                   (unsigned long long)parents.before.number, self->version);
    return true;
}

static bool
plan_removed(plan_t *self, const filesphere_change_t *change)
{
    memcpy(self->displaced, change->file_id, sizeof self->displaced);
    memcpy(self->to, change->path, sizeof self->to);
    if (!is_free(self, self->to) || !is_in_trash(self, self->displaced))
        return false;
    add_undelete(self, self->displaced, self->to);
    (void)snprintf(self->words, sizeof self->words, "it comes back out of the trash");
    return true;
}

static bool
plan_made(plan_t *self, const filesphere_change_t *change)
{
    filesphere_info_t info;
    if (!look_at(self, change->path, &info))
        return false;
    if (info.kind != FILESPHERE_DIRECTORY ||
        memcmp(info.file_id, change->file_id, sizeof info.file_id) != 0)
        return refuse(self, FSP_MISMATCH, "is not that directory any more");
    memcpy(self->to, change->path, sizeof self->to);
    add_step(self, (filesphere_operation_t){.op = FILESPHERE_OP_DELETE, .path = self->to});
    (void)snprintf(self->words, sizeof self->words, "the directory goes if it is empty");
    return true;
}

/* What was displaced comes back to where it was.  False: the failure is noted. */
static bool
add_displaced(plan_t *self, const filesphere_change_t *change, const char *to)
{
    static const uint8_t none[16];
    if (memcmp(change->displaced_id, none, sizeof none) == 0)
        return true;
    memcpy(self->displaced, change->displaced_id, sizeof self->displaced);
    if (!is_in_trash(self, self->displaced))
        return false;
    add_undelete(self, self->displaced, to);
    size_t bytes = strlen(self->words);
    (void)snprintf(self->words + bytes, sizeof self->words - bytes,
                   ", and what was there before comes back");
    return true;
}

/* The thing that a change left at its path; false, with the failure noted, if it is not there. */
static bool
look_at_left(plan_t *self, const filesphere_change_t *change, filesphere_info_t *ret)
{
    if (!look_at(self, change->path, ret))
        return false;
    if (ret->kind != 0 && memcmp(ret->file_id, change->file_id, sizeof ret->file_id) == 0)
        return true;
    return refuse(self, FSP_MISMATCH, "what went to %.300s is not there any more", change->path);
}

static bool
plan_moved(plan_t *self, const filesphere_change_t *change)
{
    filesphere_info_t info;
    memcpy(self->from, change->path, sizeof self->from);
    memcpy(self->to, change->from_path, sizeof self->to);
    if (!look_at_left(self, change, &info) || !is_free(self, self->to))
        return false;
    add_step(self, (filesphere_operation_t){.op = FILESPHERE_OP_MOVE,
                                            .path = self->from,
                                            .to = self->to,
                                            .create_parents = true});
    (void)snprintf(self->words, sizeof self->words, "it goes back to %.300s", self->to);
    return add_displaced(self, change, self->from);
}

static bool
plan_copied(plan_t *self, const filesphere_change_t *change)
{
    filesphere_info_t info;
    memcpy(self->to, change->path, sizeof self->to);
    if (!look_at_left(self, change, &info))
        return false;
    add_delete(self, self->to, NULL);
    (void)snprintf(self->words, sizeof self->words, "the copy goes to the trash");
    return add_displaced(self, change, self->to);
}

static bool
plan_revived(plan_t *self, const filesphere_change_t *change)
{
    filesphere_info_t info;
    memcpy(self->to, change->path, sizeof self->to);
    if (!look_at_left(self, change, &info))
        return false;
    add_delete(self, self->to, NULL);
    (void)snprintf(self->words, sizeof self->words, "it goes to the trash again");
    return true;
}

static bool
plan_one(plan_t *self, const filesphere_change_t *change)
{
    switch (cli_was(change)) {
    case CLI_WAS_PUT:
        return plan_put(self, change);
    case CLI_WAS_REMOVED:
        return plan_removed(self, change);
    case CLI_WAS_MADE:
        return plan_made(self, change);
    case CLI_WAS_MOVED:
        return plan_moved(self, change);
    case CLI_WAS_COPIED:
        return plan_copied(self, change);
    case CLI_WAS_REVIVED:
        return plan_revived(self, change);
    case CLI_WAS_FINAL:
    case CLI_WAS_NOTHING:
        break;
    }
    return refuse(self, FSP_UNSUPPORTED, "its last change was %s, which cannot be taken back",
                  filesphere_operation_name(change->operation));
}

/* A batch of two as an undo makes it: something went from here, and what it had displaced came
   back.  True if the change was such a one. */
static bool
is_pair(const cli_past_t *past)
{
    const filesphere_change_t *first = &past->pair[0], *second = &past->pair[1];
    if (past->parts != 2 || cli_was(second) != CLI_WAS_REVIVED)
        return false;
    return (cli_was(first) == CLI_WAS_MOVED && strcmp(first->from_path, second->path) == 0) ||
           (cli_was(first) == CLI_WAS_REMOVED && strcmp(first->path, second->path) == 0);
}

/* Taking such a pair back: what came back goes, and what went comes. */
static bool
plan_pair(plan_t *self)
{
    const filesphere_change_t *first = &self->past->pair[0], *second = &self->past->pair[1];
    filesphere_info_t info;
    if (!look_at_left(self, second, &info))
        return false;
    memcpy(self->to, second->path, sizeof self->to);
    if (cli_was(first) == CLI_WAS_MOVED) {
        memcpy(self->from, first->path, sizeof self->from);
        if (!look_at_left(self, first, &info))
            return false;
        add_step(self, (filesphere_operation_t){.op = FILESPHERE_OP_MOVE,
                                                .path = self->from,
                                                .to = self->to,
                                                .replace = true});
    } else {
        memcpy(self->displaced, first->file_id, sizeof self->displaced);
        if (!is_in_trash(self, self->displaced))
            return false;
        add_delete(self, self->to, NULL);
        add_undelete(self, self->displaced, self->to);
    }
    (void)snprintf(self->words, sizeof self->words,
                   "what was put in its place comes back, and what was there goes to the trash");
    return true;
}

static bool
make_plan(plan_t *self)
{
    const cli_past_t *past = self->past;
    if (is_pair(past))
        return plan_pair(self);
    if (past->touching > 1)
        return refuse(
            self, FSP_UNSUPPORTED,
            "its last change was a batch that touched it %u times; take the steps back by "
            "hand: filesphere changes --after %llu",
            past->touching, (unsigned long long)past->change.index - 1);
    return plan_one(self, &past->change);
}

/* -- command ----------------------------------------------------------------------------------- */

static void
report(const plan_t *self, uint64_t change)
{
    cli_t *cli = self->cli;
    const filesphere_change_t *was = &self->past->change;
    const char *operation =
        is_pair(self->past) ? "batch" : filesphere_operation_name(was->operation);
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_text(json, "path", self->remote->path);
        cli_json_space(cli, json);
        fsp_json_object(json, "undone");
        fsp_json_uint(json, "change", was->index);
        fsp_json_text(json, "operation", operation);
        fsp_json_time(json, "time", was->time_us);
        fsp_json_text(json, "path", was->path);
        if (was->from_path[0])
            fsp_json_text(json, "from", was->from_path);
        fsp_json_object_end(json);
        fsp_json_text(json, "effect", self->words);
        fsp_json_bool(json, "dry_run", cli->dry_run);
        if (!cli->dry_run)
            fsp_json_uint(json, "change", change);
        cli_line_end(cli);
    } else if (!cli->quiet) {
        cli_print_path(cli, self->remote->path);
        (void)printf("  %s of change %llu (", operation, (unsigned long long)was->index);
        cli_print_time(was->time_us);
        (void)printf(") %s: ", cli->dry_run ? "would be taken back" : "is taken back");
        cli_print_escaped(self->words);
        (void)printf("\n");
        (void)fflush(stdout); /* what follows belongs below it */
        if (!cli->dry_run)
            (void)fprintf(stderr, "undo it once more to have it again\n");
    }
}

static void
carry_out(plan_t *self)
{
    cli_t *cli = self->cli;
    filesphere_did_t did[STEPS_MAX];
    uint64_t change = 0;
    size_t failed = 0;
    filesphere_code_t code = filesphere_batch(cli->handle, self->remote->space, self->steps,
                                              self->count, did, &change, &failed);
    if (code == FILESPHERE_OK)
        report(self, change);
    else if (failed > 0 && (cli_is(code, FSP_MISMATCH) || cli_is(code, FSP_EXISTS) ||
                            cli_is(code, FSP_NOT_FOUND) || cli_is(code, FSP_TRASHED)))
        cli_fail(cli, code,
                 "%s%.400s: changed meanwhile, nothing was done; look at it and try again",
                 cli_space_prefix(cli), self->remote->path);
    else if (cli_is(code, FSP_NOT_EMPTY))
        cli_fail(cli, code,
                 "%s%.400s: the directory is not empty any more; remove it with: "
                 "filesphere rm -r",
                 cli_space_prefix(cli), self->remote->path);
    else
        cli_fail_call(cli, code);
}

int
cli_undo(cli_t *cli)
{
    cli_remote_t remote;
    cli_past_t past;
    if (!cli_remote(cli, cli->operands[0], &remote) || !cli_past_find(cli, &remote, &past))
        return cli_finish(cli);
    plan_t plan = {.cli = cli, .remote = &remote, .past = &past};
    if (!make_plan(&plan))
        return cli_finish(cli);
    if (cli->dry_run)
        report(&plan, 0);
    else
        carry_out(&plan);
    return cli_finish(cli);
}
