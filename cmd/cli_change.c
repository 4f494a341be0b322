/* SPDX-License-Identifier: MIT */
/* cli_change - commands that change names: mkdir, mv, cp, rm.  Layer cmd. */
#include "cmd/cli_change.h"
#include "cmd/cli_bundle.h"

void
cli_note_done(cli_t *cli, const filesphere_info_t *info, filesphere_info_t *ret_last)
{
    cli->done_count++;
    *ret_last = *info;
    if (cli->json && cli->many) {
        cli_json_node(cli_line(cli, "done"), info);
        cli_line_end(cli);
    }
}

static int
finish(cli_t *cli, const filesphere_info_t *last)
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
    }
    return 0;
}

/* The root of a space stays where it is; false: the failure is noted. */
static bool
check_not_root(cli_t *cli, const cli_remote_t *remote)
{
    if (strcmp(remote->path, "/") != 0)
        return true;
    cli_fail_status(cli, FSP_INVALID,
                    "%s/: the root of a space cannot be moved or removed; name what is in it, or "
                    "use filesphere space rm",
                    cli_space_prefix(cli));
    return false;
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
            cli_note_done(cli, &info, &last);
        else
            cli_fail_call(cli, code);
    }
    return finish(cli, &last);
}

/* An operand, whose failure, and whatever is said of another space, comes after what waits. */
static bool
take_operand(cli_t *cli, cli_bundle_t *bundle, const char *text, bool not_root, cli_remote_t *ret)
{
    const char *home = cli->space ? cli->space : "";
    cli_remote_t peek;
    if (cli_remote_parse(text, &peek) != FSP_OK || strcmp(peek.path, "/") == 0 ||
        strcmp(peek.space ? peek.space : home, cli->asked_space) != 0)
        cli_bundle_flush(bundle);
    return cli_remote(cli, text, ret) && (!not_root || check_not_root(cli, ret));
}

static int
rm_many(cli_t *cli)
{
    const filesphere_info_t none = {.size = 0};
    cli_bundle_t *bundle = cli_bundle_new(cli);
    for (int i = 0; i < cli->operand_count && !cli_is_hopeless(cli); i++) {
        cli_remote_t remote;
        if (!take_operand(cli, bundle, cli->operands[i], true, &remote))
            continue;
        const filesphere_operation_t operation = {
            .op = FILESPHERE_OP_DELETE, .path = remote.path, .recursive = cli->recursive};
        cli_bundle_add(bundle, remote.space, &operation);
    }
    cli_bundle_flush(bundle);
    cli_bundle_destroy(&bundle);
    return finish(cli, &none);
}

int
cli_rm(cli_t *cli)
{
    cli->many = cli->operand_count > 1;
    if (cli->many)
        return rm_many(cli);
    filesphere_info_t info, last = {.size = 0};
    cli_remote_t remote;
    if (!cli_remote(cli, cli->operands[0], &remote) || !check_not_root(cli, &remote))
        return cli_finish(cli);
    filesphere_code_t code =
        filesphere_remove(cli->handle, remote.space, remote.path, cli->recursive, &info);
    if (code == FILESPHERE_OK)
        cli_note_done(cli, &info, &last);
    else
        cli_fail_call(cli, code);
    return finish(cli, &last);
}

/* -- mv and cp --------------------------------------------------------------------------------- */

typedef filesphere_code_t(from_to_fn)(filesphere_t *handle, const char *space, const char *from,
                                      const char *to, bool create_parents, bool replace,
                                      filesphere_info_t *ret);

/* Several moves go in groups; a copy may be of a tree. */
static void
do_from_to(cli_t *cli, cli_bundle_t *bundle, const char *text, const cli_remote_t *to, bool into,
           from_to_fn *call, filesphere_info_t *ret)
{
    cli_remote_t from;
    if (!take_operand(cli, bundle, text, call == filesphere_move, &from))
        return;
    if ((from.space || to->space) &&
        strcmp(from.space ? from.space : "", to->space ? to->space : "") != 0) {
        cli_bundle_flush(bundle);
        cli_fail_status(
            cli, FSP_UNSUPPORTED,
            "%.400s: both paths must be in one space, named the same way; use get and put instead",
            text);
        return;
    }
    char path[FSP_PATH_BYTES_MAX + 1];
    memcpy(path, to->path, sizeof path);
    if (into && cli_remote_join(to->path, cli_remote_base(from.path), path) != FSP_OK) {
        cli_bundle_flush(bundle);
        cli_fail_status(cli, FSP_BAD_NAME,
                        "%.400s: cannot go into %.400s; the path would be too long", text,
                        to->path);
        return;
    }
    if (call == filesphere_move && cli->many) {
        const filesphere_operation_t operation = {.op = FILESPHERE_OP_MOVE,
                                                  .path = from.path,
                                                  .to = path,
                                                  .create_parents = true,
                                                  .replace = !cli->no_replace};
        cli_bundle_add(bundle, from.space, &operation);
        return;
    }
    filesphere_info_t info;
    filesphere_kind_t kind = 0;
    if (call == filesphere_copy && cli->recursive && !cli_look(cli, &from, &kind))
        return;
    if (kind == FILESPHERE_DIRECTORY) {
        cli_copy_tree(cli, &from, path);
        return;
    }
    filesphere_code_t code =
        call(cli->handle, from.space, from.path, path, true, !cli->no_replace, &info);
    if (code == FILESPHERE_OK)
        cli_note_done(cli, &info, ret);
    else if (call == filesphere_copy && cli_is(code, FSP_IS_DIRECTORY))
        cli_fail(cli, code, "%s%.400s: is a directory; copy it with -r", cli_space_prefix(cli),
                 from.path);
    else
        cli_fail_call(cli, code);
}

static int
run_from_to(cli_t *cli, from_to_fn *call)
{
    int source_count = cli->operand_count - 1;
    cli->many = source_count > 1 || cli->recursive;
    filesphere_info_t last = {.size = 0};
    cli_remote_t to;
    if (!cli_names_differ(cli) || !cli_remote(cli, cli->operands[source_count], &to))
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
                        "%s%.400s: is no directory, and several things go there; make it with: "
                        "filesphere mkdir -p",
                        cli_space_prefix(cli), to.path);
    bool fits = cli->failure_count == 0;
    cli_bundle_t *bundle = cli_bundle_new(cli);
    for (int i = 0; fits && i < source_count && !cli_is_hopeless(cli); i++)
        do_from_to(cli, bundle, cli->operands[i], &to, into, call, &last);
    cli_bundle_flush(bundle);
    cli_bundle_destroy(&bundle);
    return finish(cli, &last);
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
