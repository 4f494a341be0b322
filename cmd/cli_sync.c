/* SPDX-License-Identifier: MIT */
/* cli_sync - `filesphere sync`: one tree becomes like the other, one way.  Layer cmd.
 *
 * What has the same size and time on both sides is taken for the same, as long as --checksum does
 * not ask for more.  With --delete what is on the other side only goes, directory by directory and
 * only where both sides could be listed.  Excluded things stay, and so do the directories around
 * them; what else is in those goes.
 */
#include "cmd/cli_tree.h"

#include "core/base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void
write_result(const cli_tree_t *tree)
{
    cli_t *cli = tree->cli;
    const uint64_t *acts = tree->acts;
    uint64_t moved = acts[CLI_ACT_PUT] + acts[CLI_ACT_GET];
    uint64_t done = moved + acts[CLI_ACT_MKDIR] + acts[CLI_ACT_DELETE] + acts[CLI_ACT_ATTR];
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_text(json, "direction", tree->up ? "up" : "down");
        fsp_json_bool(json, "dry_run", cli->dry_run);
        fsp_json_uint(json, "put", acts[CLI_ACT_PUT]);
        fsp_json_uint(json, "get", acts[CLI_ACT_GET]);
        fsp_json_uint(json, "mkdir", acts[CLI_ACT_MKDIR]);
        fsp_json_uint(json, "delete", acts[CLI_ACT_DELETE]);
        fsp_json_uint(json, "attr", acts[CLI_ACT_ATTR]);
        fsp_json_uint(json, "skip", acts[CLI_ACT_SKIP]);
        fsp_json_uint(json, "same", acts[CLI_ACT_SAME]);
        fsp_json_uint(json, "bytes", tree->size_sum);
        cli_line_end(cli);
    } else if (!cli->quiet && done == 0) {
        (void)printf("nothing to do: %llu files and directories are the same\n",
                     (unsigned long long)acts[CLI_ACT_SAME]);
    } else if (!cli->quiet) {
        char size[CLI_SIZE_BYTES];
        (void)printf("%s%llu transferred (%s), %llu directories made, %llu deleted, "
                     "%llu with new mode or time, %llu the same\n",
                     cli->dry_run ? "would be: " : "", (unsigned long long)moved,
                     cli_count_text(tree->size_sum, size), (unsigned long long)acts[CLI_ACT_MKDIR],
                     (unsigned long long)acts[CLI_ACT_DELETE],
                     (unsigned long long)acts[CLI_ACT_ATTR],
                     (unsigned long long)acts[CLI_ACT_SAME]);
    }
}

/* --delete is asked for before anything is done.  False: the failure is noted. */
static bool
confirm(cli_tree_t *tree, const char *target)
{
    cli_t *cli = tree->cli;
    char what[512];
    if (!cli->remove_extra || cli->dry_run)
        return true;
    (void)snprintf(what, sizeof what, "%.400s: what is only there is %s", target,
                   tree->up ? "moved to the trash" : "deleted");
    return tree->up ? cli_confirm_recoverable(cli, what, "delete")
                    : cli_confirm(cli, what, "delete");
}

static void
sync_up(cli_tree_t *tree, const char *local, const cli_remote_t *remote)
{
    int fd = open(local, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        fsp_status_t status = errno == ENOENT    ? FSP_NOT_FOUND
                              : errno == ENOTDIR ? FSP_NOT_DIRECTORY
                                                 : FSP_IO;
        cli_tree_fail(tree, status, "%.400s: %m; check the local path", local);
        return;
    }
    char *root = cli_local_root(local);
    if (confirm(tree, remote->path))
        cli_tree_up(tree, fd, root, remote->path);
    fsp_free(root);
    (void)close(fd); /* was only read */
}

static void
sync_down(cli_tree_t *tree, const char *local, const cli_remote_t *remote)
{
    cli_t *cli = tree->cli;
    filesphere_info_t info;
    filesphere_code_t code =
        filesphere_stat_at(cli->handle, tree->space, remote->path, cli->at, &info);
    if (code != FILESPHERE_OK) {
        cli_tree_fail_call(tree, code);
        return;
    }
    if (info.kind != FILESPHERE_DIRECTORY) {
        cli_tree_fail(tree, FSP_NOT_DIRECTORY,
                      "%s%.400s: is no directory; sync is for trees, use get for a file",
                      cli_space_prefix(tree->cli), remote->path);
        return;
    }
    if (info.at_change > 0) /* the rest of the tree is of the same moment */
        cli->at = (filesphere_at_t){.change = info.at_change};
    char *root = cli_local_root(local);
    if (confirm(tree, local))
        cli_tree_down(tree, remote->path, &info, root);
    fsp_free(root);
}

int
cli_sync(cli_t *cli)
{
    cli_remote_t remote;
    bool down = cli->down || (cli->direction && strcmp(cli->direction, "down") == 0);
    cli->many = true;
    cli_tree_t tree;
    cli_tree_init(&tree, cli, !down);
    tree.is_sync = true;
    if (cli->down && cli->direction && strcmp(cli->direction, "up") == 0) {
        cli_fail_status(cli, FSP_INVALID, "--down and --direction up exclude each other; give one");
    } else if (!down && (cli->at.change || cli->at.time_us)) {
        cli_fail_status(cli, FSP_INVALID, "--at is for what comes from the mesh: give --down, too");
    } else if (cli_remote(cli, cli->operands[1], &remote)) {
        tree.space = remote.space;
        if (down)
            sync_down(&tree, cli->operands[0], &remote);
        else
            sync_up(&tree, cli->operands[0], &remote);
    }
    cli_tree_finish(&tree);
    if (cli->failure_count == 0 && !cli_interrupted())
        write_result(&tree);
    cli_tree_clear(&tree);
    return cli_finish(cli);
}
