/* SPDX-License-Identifier: MIT */
/* cli_change - commands that change names: mkdir, mv, cp, rm, version restore.  Layer cmd. */
#include "cmd/cli_common.h"

/* One thing was done: a line for it where there are several. */
static void
note_done(cli_t *cli, const filesphere_info_t *info, filesphere_info_t *ret_last)
{
    cli->done_count++;
    *ret_last = *info;
    if (cli->json && cli->many) {
        cli_json_node(cli_line(cli, "done"), info);
        cli_line_end(cli);
    }
}

static int
finish(cli_t *cli, const filesphere_info_t *last, bool print_version)
{
    if (cli->failure_count > 0 || cli_interrupted())
        return cli_finish(cli);
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        if (cli->many) {
            fsp_json_uint(json, "count", cli->done_count);
        } else {
            cli_json_node(json, last);
            fsp_json_uint(json, "change", last->change);
        }
        cli_line_end(cli);
    } else if (print_version && !cli->quiet) {
        cli_print_escaped(last->path);
        (void)printf("  version %llu\n", (unsigned long long)last->number);
    }
    return 0;
}

int
cli_mkdir(cli_t *cli)
{
    cli->many = cli->operand_count > 1;
    filesphere_info_t info, last = {.size = 0};
    for (int i = 0; i < cli->operand_count && !cli_is_hopeless(cli); i++) {
        cli_remote_t remote;
        if (!cli_remote(cli, cli->operands[i], &remote))
            continue;
        filesphere_code_t code = filesphere_mkdir(cli->handle, remote.space, remote.path,
                                                  cli->parents, cli->parents, NULL, &info);
        if (code == FILESPHERE_OK)
            note_done(cli, &info, &last);
        else
            cli_fail_call(cli, code);
    }
    return finish(cli, &last, false);
}

int
cli_rm(cli_t *cli)
{
    cli->many = cli->operand_count > 1;
    filesphere_info_t info, last = {.size = 0};
    for (int i = 0; i < cli->operand_count && !cli_is_hopeless(cli); i++) {
        cli_remote_t remote;
        if (!cli_remote(cli, cli->operands[i], &remote))
            continue;
        filesphere_code_t code =
            filesphere_remove(cli->handle, remote.space, remote.path, cli->recursive, &info);
        if (code == FILESPHERE_OK)
            note_done(cli, &info, &last);
        else
            cli_fail_call(cli, code);
    }
    return finish(cli, &last, false);
}

/* -- mv and cp --------------------------------------------------------------------------------- */

typedef filesphere_code_t(from_to_fn)(filesphere_t *handle, const char *space, const char *from,
                                      const char *to, bool create_parents, bool replace,
                                      filesphere_info_t *ret);

static void
do_from_to(cli_t *cli, const char *text, const cli_remote_t *to, bool into, from_to_fn *call,
           filesphere_info_t *ret)
{
    cli_remote_t from;
    if (!cli_remote(cli, text, &from))
        return;
    if ((from.space || to->space) &&
        strcmp(from.space ? from.space : "", to->space ? to->space : "") != 0) {
        cli_fail_status(
            cli, FSP_UNSUPPORTED,
            "%.400s: both paths must be in one space, named the same way; use get and put instead",
            text);
        return;
    }
    char path[FSP_PATH_BYTES_MAX + 1];
    memcpy(path, to->path, sizeof path);
    if (into && cli_remote_join(to->path, cli_remote_base(from.path), path) != FSP_OK) {
        cli_fail_status(cli, FSP_BAD_NAME,
                        "%.400s: cannot go into %.400s; the path would be too long", text,
                        to->path);
        return;
    }
    filesphere_info_t info;
    filesphere_code_t code =
        call(cli->handle, from.space, from.path, path, true, !cli->no_replace, &info);
    if (code == FILESPHERE_OK)
        note_done(cli, &info, ret);
    else if (call == filesphere_copy && cli_is(code, FSP_IS_DIRECTORY))
        cli_fail(
            cli, code,
            "%.400s: a directory cannot be copied inside the mesh yet; get it and put it, with -r",
            from.path);
    else
        cli_fail_call(cli, code);
}

static int
run_from_to(cli_t *cli, from_to_fn *call)
{
    int source_count = cli->operand_count - 1;
    cli->many = source_count > 1;
    filesphere_info_t last = {.size = 0};
    cli_remote_t to;
    if (!cli_remote(cli, cli->operands[source_count], &to))
        return cli_finish(cli);
    bool into = to.into;
    if (!into) {
        filesphere_kind_t kind;
        if (!cli_look(cli, &to, &kind))
            return cli_finish(cli);
        into = kind == FILESPHERE_DIRECTORY;
    }
    if (source_count > 1 && !into)
        cli_fail_status(cli, FSP_NOT_DIRECTORY,
                        "%.400s: is no directory, and several things go there; make it with: "
                        "filesphere mkdir -p",
                        to.path);
    bool fits = cli->failure_count == 0;
    for (int i = 0; fits && i < source_count && !cli_is_hopeless(cli); i++)
        do_from_to(cli, cli->operands[i], &to, into, call, &last);
    return finish(cli, &last, false);
}

int
cli_mv(cli_t *cli)
{
    return run_from_to(cli, filesphere_move);
}

int
cli_cp(cli_t *cli)
{
    return run_from_to(cli, filesphere_copy);
}

/* -- version restore --------------------------------------------------------------------------- */

int
cli_version_restore(cli_t *cli)
{
    cli_remote_t remote;
    if (!cli_remote(cli, cli->operands[0], &remote))
        return cli_finish(cli);
    const char *version = cli->operand_count > 1 ? cli->operands[1] : cli->version;
    filesphere_info_t info = {.size = 0};
    if (!version) {
        cli_fail_status(cli, FSP_INVALID,
                        "which version? look with: filesphere version ls PATH; then name one");
    } else {
        filesphere_code_t code =
            filesphere_restore(cli->handle, remote.space, remote.path, version, &info);
        if (code != FILESPHERE_OK)
            cli_fail_call(cli, code);
    }
    return finish(cli, &info, true);
}
