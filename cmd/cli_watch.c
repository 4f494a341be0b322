/* SPDX-License-Identifier: MIT */
/* cli_watch - `filesphere watch`: changes as they happen.  Layer cmd. */
#include "cmd/cli_common.h"

typedef struct {
    cli_t *cli;
    const char *path; /* only what happens here or below */
    bool began;
    bool enough; /* --count was reached */
    uint64_t count;
    uint64_t last; /* change number */
} watcher_t;

static bool
concerns(const watcher_t *self, const filesphere_change_t *change)
{
    bool whole = strcmp(self->path, "/") == 0;
    return whole || (change->path[0] && cli_path_within(change->path, self->path)) ||
           (change->from_path[0] && cli_path_within(change->from_path, self->path));
}

/* The watch stands: who waits for that knows now. */
static void
begin(watcher_t *self)
{
    if (!self->began && self->cli->json) {
        fsp_json_t *json = cli_line(self->cli, "watching");
        fsp_json_text(json, "path", self->path);
        cli_json_space(self->cli, json);
        cli_line_end(self->cli);
    }
    self->began = true;
}

static int
take_change(void *arg, const filesphere_change_t *change)
{
    watcher_t *self = arg;
    cli_t *cli = self->cli;
    if (cli_interrupted())
        return -1;
    if (!change) {
        begin(self);
        return self->enough ? -1 : 0;
    }
    if (change->part == 0 && self->enough)
        return -1; /* the parts of the last one have come, too */
    self->last = change->index;
    /* Of a batch, its parts say where something happened. */
    bool batch = strcmp(filesphere_operation_name(change->operation), "batch") == 0;
    if (!(batch && change->part == 0) && !concerns(self, change))
        return 0;
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, change->part > 0 ? "part" : "change");
        cli_json_change(json, change);
        cli_json_space(cli, json);
        cli_line_end(cli);
    } else {
        cli_print_change(cli, change);
        (void)fflush(stdout); /* somebody is waiting */
    }
    self->count += change->part == 0;
    self->enough = cli->has_count && self->count >= cli->count;
    return ferror(stdout) ? -1 : 0;
}

int
cli_watch(cli_t *cli)
{
    cli_remote_t remote = {.space = NULL, .path = "/"};
    static const char root[] = "/";
    if (!cli_remote(cli, cli->operand_count > 0 ? cli->operands[0] : root, &remote))
        return cli_finish(cli);
    watcher_t watcher = {.cli = cli, .path = remote.path};
    filesphere_code_t code = filesphere_watch(
        cli->handle, remote.space, cli->has_after ? cli->after : UINT64_MAX, take_change, &watcher);
    if (watcher.enough && !cli_interrupted()) {
        if (cli->json) {
            fsp_json_t *json = cli_line(cli, "result");
            fsp_json_uint(json, "count", watcher.count);
            fsp_json_uint(json, "change", watcher.last);
            cli_line_end(cli);
        }
        return 0;
    }
    if (!cli_interrupted())
        cli_fail_call(cli, code);
    return cli_finish(cli);
}
