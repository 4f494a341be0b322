/* SPDX-License-Identifier: MIT */
/* cli_trash - `filesphere trash`: what was removed.  Layer cmd. */
#include "cmd/cli_common.h"

#include "core/base/text.h"

/* -- trash ls ---------------------------------------------------------------------------------- */

typedef struct {
    cli_t *cli;
    uint64_t count;
} lister_t;

static void
json_trashed(const cli_t *cli, fsp_json_t *json, const filesphere_trashed_t *trashed)
{
    fsp_json_text(json, "item", trashed->name);
    if (trashed->path[0])
        fsp_json_text(json, "path", trashed->path);
    else
        fsp_json_null(json, "path");
    cli_json_space(cli, json);
    fsp_json_text(json, "kind", cli_kind_name(trashed->kind));
    fsp_json_uint(json, "size", trashed->size);
    cli_json_id(json, "file_id", trashed->file_id, sizeof trashed->file_id);
    fsp_json_uint(json, "change", trashed->change);
    if (trashed->deleted_us > 0)
        fsp_json_time(json, "deleted", trashed->deleted_us);
    else
        fsp_json_null(json, "deleted");
}

/* "17", or "17.0001" of a batch: the name without its leading zeros. */
static const char *
short_name(const char *name)
{
    while (*name == '0' && name[1] >= '0' && name[1] <= '9')
        name++;
    return name;
}

static int
list_trashed(void *arg, const filesphere_trashed_t *trashed)
{
    lister_t *self = arg;
    cli_t *cli = self->cli;
    char size[CLI_SIZE_BYTES];
    self->count++;
    if (cli->json) {
        json_trashed(cli, cli_line(cli, "item"), trashed);
        cli_line_end(cli);
    } else {
        (void)printf("%8s  ", short_name(trashed->name));
        if (trashed->deleted_us > 0)
            cli_print_time(trashed->deleted_us);
        else
            (void)printf("%24s", "?");
        if (cli->long_lines)
            (void)printf("  %12s", cli_size_text(trashed->size, size));
        (void)printf("  ");
        if (trashed->path[0])
            cli_print_path(cli, trashed->path);
        else
            (void)putchar('?');
        (void)printf("%s\n", trashed->kind == FILESPHERE_DIRECTORY ? "/" : "");
    }
    return cli_interrupted() ? -1 : 0;
}

int
cli_trash_ls(cli_t *cli)
{
    cli_remote_t remote;
    if (!cli_space_operand(cli, 0, &remote))
        return cli_finish(cli);
    lister_t lister = {.cli = cli};
    filesphere_code_t code = filesphere_trash(cli->handle, remote.space, list_trashed, &lister);
    return cli_finish_list(cli, code, lister.count);
}

/* -- trash restore ----------------------------------------------------------------------------- */

typedef struct {
    const char *item; /* by its number, or NULL: */
    const char *path; /* what was here, the last one */
    bool found;
    filesphere_trashed_t last;
} finder_t;

static int
find_trashed(void *arg, const filesphere_trashed_t *trashed)
{
    finder_t *self = arg;
    bool fits = self->item ? strcmp(self->item, short_name(trashed->name)) == 0
                           : strcmp(self->path, trashed->path) == 0;
    if (fits) {
        self->found = true;
        self->last = *trashed;
    }
    return cli_interrupted() ? -1 : 0;
}

int
cli_trash_restore(cli_t *cli)
{
    const char *what = cli->operands[0];
    bool by_number = *what >= '0' && *what <= '9';
    cli_remote_t from = {.space = NULL}, to = {.space = NULL};
    bool has_to = cli->operand_count > 1;
    if ((!by_number && !cli_remote(cli, what, &from)) ||
        (has_to && !cli_remote(cli, cli->operands[1], &to)))
        return cli_finish(cli);
    const char *space = by_number ? to.space : from.space;
    if (has_to && !by_number && strcmp(from.space_name, to.space_name) != 0) {
        cli_fail_status(cli, FSP_UNSUPPORTED,
                        "%.400s: both paths must be in one space, named the same way", what);
        return cli_finish(cli);
    }
    finder_t finder = {.item = by_number ? short_name(what) : NULL, .path = from.path};
    filesphere_info_t info = {.size = 0};
    filesphere_code_t code = filesphere_trash(cli->handle, space, find_trashed, &finder);
    if (code == FILESPHERE_OK && !finder.found) {
        cli_fail_status(cli, FSP_NOT_FOUND,
                        "%.400s: nothing of it lies in the trash; look with: filesphere trash ls",
                        what);
        return cli_finish(cli);
    }
    if (code == FILESPHERE_OK)
        code = filesphere_undelete(cli->handle, space, finder.last.file_id, has_to ? to.path : NULL,
                                   cli->parents, &info);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        cli_json_node(json, &info);
        fsp_json_uint(json, "change", info.change);
        cli_line_end(cli);
    } else if (!cli->quiet) {
        cli_print_path(cli, info.path);
        (void)printf("\n");
    }
    return cli_finish(cli);
}

/* -- trash empty ------------------------------------------------------------------------------- */

int
cli_trash_empty(cli_t *cli)
{
    cli_remote_t remote;
    if (!cli_space_operand(cli, 0, &remote) ||
        !cli_confirm(cli, "what lies in the trash is dropped for good", "empty"))
        return cli_finish(cli);
    uint64_t before_us = 0, change = 0;
    if (cli->duration_us > 0) {
        uint64_t now_us = cli_now_us();
        before_us = now_us > cli->duration_us ? now_us - cli->duration_us : 1;
    }
    filesphere_code_t code = filesphere_purge(cli->handle, remote.space, NULL, before_us, &change);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_uint(cli_line(cli, "result"), "change", change);
        cli_line_end(cli);
    }
    return cli_finish(cli);
}
