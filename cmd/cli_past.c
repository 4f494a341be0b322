/* SPDX-License-Identifier: MIT */
/* cli_past - what happened to a path last, from the change feed.  Layer cmd. */
#include "cmd/cli_past.h"

cli_was_t
cli_was(const filesphere_change_t *change)
{
    static const struct {
        const char *name;
        cli_was_t was;
    } table[] = {
        {"put", CLI_WAS_PUT},       {"restore", CLI_WAS_PUT},      {"delete", CLI_WAS_REMOVED},
        {"rmdir", CLI_WAS_REMOVED}, {"mkdir", CLI_WAS_MADE},       {"move", CLI_WAS_MOVED},
        {"copy", CLI_WAS_COPIED},   {"undelete", CLI_WAS_REVIVED}, {"prune", CLI_WAS_FINAL},
        {"attr", CLI_WAS_FINAL},
    };
    const char *name = filesphere_operation_name(change->operation);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].name, name) == 0)
            return table[i].was;
    }
    return CLI_WAS_NOTHING;
}

typedef struct {
    const char *path;
    uint64_t end; /* of the window: no change behind it is looked at */
    cli_past_t *past;
    cli_past_t now; /* the change whose parts come */
    filesphere_change_t
        above; /* the last that took a directory above the path away; index 0: none */
} looker_t;

static bool
touches(const looker_t *self, const filesphere_change_t *change)
{
    const cli_past_t *past = self->past;
    if (cli_was(change) == CLI_WAS_NOTHING)
        return false;
    return strcmp(change->path, self->path) == 0 || strcmp(change->from_path, self->path) == 0 ||
           (past->there && memcmp(change->file_id, past->info.file_id, 16) == 0);
}

static bool
takes_along(const looker_t *self, const filesphere_change_t *change)
{
    cli_was_t was = cli_was(change);
    const char *gone = was == CLI_WAS_MOVED ? change->from_path : change->path;
    return (was == CLI_WAS_MOVED || was == CLI_WAS_REMOVED) && strcmp(gone, self->path) != 0 &&
           cli_path_within(self->path, gone);
}

/* A change, or (after it) one operation of it. */
static int
look(void *arg, const filesphere_change_t *change)
{
    looker_t *self = arg;
    cli_past_t *now = &self->now;
    if (cli_interrupted() || change->index > self->end)
        return -1;
    if (change->part == 0) {
        now->touching = now->parts = 0;
    } else {
        now->parts = change->part;
        if (change->part <= 2)
            now->pair[change->part - 1] = *change;
    }
    if (touches(self, change)) {
        now->touching++;
        now->change = *change;
    }
    if (takes_along(self, change))
        self->above = *change;
    if (now->touching > 0) { /* also when later parts only raise the number of them */
        self->past->touching = now->touching;
        self->past->parts = now->parts;
        self->past->change = now->change;
        memcpy(self->past->pair, now->pair, sizeof now->pair);
    }
    return 0;
}

/* Windows from the present back, until one has a change of the path.  False: the failure is noted.
 */
static bool
look_back(cli_t *cli, looker_t *self, const char *space, uint64_t present)
{
    uint64_t looked = 0, end = present;
    while (end > 0 && looked < CLI_PAST_LOOKED_MAX && self->past->touching == 0) {
        uint64_t after = end > CLI_PAST_WINDOW ? end - CLI_PAST_WINDOW : 0;
        filesphere_change_t above = self->above;
        self->end = end;
        filesphere_code_t code = filesphere_changes(cli->handle, space, after, look, self);
        if (cli_interrupted())
            return false;
        if (above.index > 0)
            self->above = above; /* of a later window */
        if (cli_is(code, FSP_GONE))
            break; /* older ones are not kept */
        if (code != FILESPHERE_OK && !cli_is(code, FSP_CANCELLED)) {
            cli_fail_call(cli, code);
            return false;
        }
        looked += end - after;
        end = after;
    }
    return true;
}

/* The space's last change.  False: the failure is noted. */
static bool
find_present(cli_t *cli, const char *space, uint64_t *ret_change)
{
    filesphere_info_t root;
    filesphere_space_t row = {.change = 0};
    filesphere_code_t code = filesphere_stat(cli->handle, space, "/", NULL, &root);
    if (code == FILESPHERE_OK)
        code = filesphere_space_show(cli->handle, root.space, &row);
    if (code != FILESPHERE_OK)
        cli_fail_call(cli, code);
    *ret_change = row.change;
    return code == FILESPHERE_OK;
}

bool
cli_past_find(cli_t *cli, const cli_remote_t *remote, cli_past_t *ret)
{
    uint64_t present;
    memset(ret, 0, sizeof *ret);
    filesphere_code_t code =
        filesphere_stat(cli->handle, remote->space, remote->path, NULL, &ret->info);
    ret->there = code == FILESPHERE_OK;
    if (!ret->there && !cli_is(code, FSP_NOT_FOUND) && !cli_is(code, FSP_NO_PARENT) &&
        !cli_is(code, FSP_NOT_DIRECTORY)) {
        cli_fail_call(cli, code);
        return false;
    }
    looker_t looker = {.path = remote->path, .past = ret};
    if (!find_present(cli, remote->space, &present) ||
        !look_back(cli, &looker, remote->space, present))
        return false;
    const filesphere_change_t *above = &looker.above;
    bool went_along =
        !ret->there && above->index > 0 && (ret->touching == 0 || above->index > ret->change.index);
    if (went_along) {
        cli_fail_status(cli, FSP_NOT_FOUND, "%s%.400s: went with %.400s; undo that one",
                        cli_space_prefix(cli), remote->path,
                        above->from_path[0] ? above->from_path : above->path);
        return false;
    }
    if (ret->touching > 0)
        return true;
    cli_fail_status(cli, FSP_NOT_FOUND,
                    "%s%.400s: no change of it is among the last %d of the space; look with: "
                    "filesphere version ls, filesphere trash ls",
                    cli_space_prefix(cli), remote->path, CLI_PAST_LOOKED_MAX);
    return false;
}
