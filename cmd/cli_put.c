/* SPDX-License-Identifier: MIT */
/* cli_put - `filesphere put`: files, standard input, trees.  Layer cmd.
 *
 * Operands and the result; cli_tree_up walks, cli_tree_put stores.
 */
#include "cmd/cli_history.h"
#include "cmd/cli_tree.h"

#include "core/base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* -- lines ------------------------------------------------------------------------------------- */

/* The receipt's fields, in words, and the signed bytes themselves. */
static void
write_receipt(fsp_json_t *json, const filesphere_info_t *info)
{
    static const char *const kinds[] = {"", "chunk", "tree", "inline"};
    filesphere_receipt_t receipt;
    if (filesphere_receipt_verify(info->receipt, info->receipt_size, NULL, &receipt) !=
        FILESPHERE_OK)
        return; /* the library has refused such an answer already */
    fsp_json_object(json, "receipt");
    cli_json_id(json, "version", receipt.version_id, sizeof receipt.version_id);
    cli_json_id(json, "content_root", receipt.content_root, sizeof receipt.content_root);
    cli_json_id(json, "sha256", receipt.sha256, sizeof receipt.sha256);
    fsp_json_object(json, "durability");
    fsp_json_uint(json, "w", receipt.durable_copies);
    fsp_json_uint(json, "r", receipt.wanted_copies);
    fsp_json_object_end(json);
    fsp_json_array(json, "classes");
    for (size_t i = 0; i < receipt.class_count; i++) {
        fsp_json_object(json, NULL);
        fsp_json_text(json, "kind",
                      receipt.classes[i].kind < 4 ? kinds[receipt.classes[i].kind] : "other");
        fsp_json_uint(json, "count", receipt.classes[i].count);
        fsp_json_array(json, "nodes");
        for (size_t n = 0; n < receipt.classes[i].node_count; n++)
            cli_json_id(json, NULL, receipt.classes[i].nodes[n], 32);
        fsp_json_array_end(json);
        fsp_json_uint(json, "zones", receipt.classes[i].zones);
        fsp_json_object_end(json);
    }
    fsp_json_array_end(json);
    fsp_json_uint(json, "change", receipt.change);
    fsp_json_time(json, "issued", receipt.issued_us);
    cli_json_id(json, "node", receipt.node_id, sizeof receipt.node_id);
    cli_json_id(json, "node_key", receipt.node_key, sizeof receipt.node_key);
    cli_json_id(json, "signature", receipt.signature, sizeof receipt.signature);
    cli_json_id(json, "signed", info->receipt, info->receipt_size);
    fsp_json_object_end(json);
}

void
cli_json_stored(fsp_json_t *json, const filesphere_info_t *info)
{
    cli_json_node(json, info);
    fsp_json_uint(json, "chunks_new", info->chunks_new);
    fsp_json_uint(json, "bytes_sent", info->bytes_sent);
    if (info->resumed_at > 0)
        fsp_json_uint(json, "resumed_at", info->resumed_at);
    write_receipt(json, info);
}

static void
write_result(const cli_tree_t *tree, const char *path)
{
    cli_t *cli = tree->cli;
    fsp_json_t *json = cli_line(cli, "result");
    if (tree->single && tree->acts[CLI_ACT_PUT] > 0 && !cli->dry_run) {
        cli_json_stored(json, tree->single);
    } else {
        fsp_json_text(json, "path", path);
        cli_json_space(cli, json);
        fsp_json_uint(json, "files", tree->file_count);
        fsp_json_uint(json, "directories", tree->directory_count);
        fsp_json_uint(json, "symlinks", tree->symlink_count);
        fsp_json_uint(json, "skipped", cli->skip_count);
        fsp_json_uint(json, "unchanged", tree->acts[CLI_ACT_SAME] + tree->acts[CLI_ACT_ATTR]);
        fsp_json_uint(json, "bytes", tree->size_sum);
        fsp_json_uint(json, "bytes_sent", tree->moved_sum);
        fsp_json_bool(json, "dry_run", cli->dry_run);
    }
    cli_line_end(cli);
}

/* One file was put: its line for people. */
static void
print_single(const cli_tree_t *tree)
{
    const filesphere_info_t *info = tree->single;
    if (tree->cli->quiet || tree->cli->dry_run)
        return;
    if (tree->acts[CLI_ACT_PUT] == 0) {
        (void)printf("nothing to do: the content is the same\n");
        return;
    }
    char size[CLI_SIZE_BYTES];
    cli_print_stored(tree->cli, info);
    if (info->resumed_at > 0)
        (void)printf("  taken up at %s", cli_size_text(info->resumed_at, size));
    (void)putchar('\n');
}

/* -- the receipt ------------------------------------------------------------------------------- */

/* The signed bytes as they came, complete or not at all. */
static void
save_receipt(cli_t *cli, const filesphere_info_t *info)
{
    char name[FSP_NAME_BYTES_MAX + 1];
    int fd = cli_open_parent(cli, cli->receipt_path, name);
    if (fd < 0)
        return;
    cli_temp_t temp;
    const filesphere_attr_t plain = {.set = false};
    if (cli_temp_open(fd, &temp) != 0 ||
        cli_write_all(temp.fd, info->receipt, info->receipt_size, NULL) != 0 ||
        cli_temp_commit(&temp, name, &plain, cli->file_mode) != 0)
        cli_fail_status(cli, FSP_IO,
                        "%.400s: the receipt cannot be written: %m; the file is stored",
                        cli->receipt_path);
    cli_temp_drop(&temp);
    (void)close(fd); /* nothing was written through it */
}

/* -- operands ---------------------------------------------------------------------------------- */

/* One LOCAL without -r: a file, or something that can be read like one; links are followed. */
static void
put_plain(cli_tree_t *tree, const char *local, const char *remote)
{
    const cli_t *cli = tree->cli;
    bool is_input = strcmp(local, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(local, O_RDONLY | O_NOCTTY | O_CLOEXEC);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0) {
        fsp_status_t status = errno == ENOENT || errno == ENOTDIR ? FSP_NOT_FOUND : FSP_IO;
        cli_tree_fail(tree, status, "%.400s: %m; check the local path", local);
    } else if (S_ISDIR(about.st_mode)) {
        cli_tree_fail(tree, FSP_IS_DIRECTORY, "%.400s: is a directory; put it with -r", local);
    } else if (cli->dry_run && !cli->checksum) {
        cli_tree_note(tree, CLI_ACT_PUT, FILESPHERE_FILE, local, remote, (uint64_t)about.st_size,
                      NULL);
    } else {
        bool regular = S_ISREG(about.st_mode) && !is_input;
        cli_put_source_t source = {.fd = fd,
                                   .is_input = is_input,
                                   .about = regular ? &about : NULL,
                                   .compare = cli->checksum};
        cli_put_start(tree, local, remote, &source);
        return;
    }
    if (fd >= 0 && !is_input)
        (void)close(fd); /* was only read */
}

/* One LOCAL with -r.  An operand that is a link to a directory is what the user says it is: the
   directory, if it is named with a '/' at its end. */
static void
put_recursive(cli_tree_t *tree, const char *local, const char *remote)
{
    struct stat about;
    if (fstatat(AT_FDCWD, local, &about, AT_SYMLINK_NOFOLLOW) != 0) {
        fsp_status_t status = errno == ENOENT || errno == ENOTDIR ? FSP_NOT_FOUND : FSP_IO;
        cli_tree_fail(tree, status, "%.400s: %m; check the local path", local);
        return;
    }
    if (!S_ISDIR(about.st_mode)) {
        cli_tree_up_one(tree, AT_FDCWD, local, local, remote);
        return;
    }
    int fd = open(local, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *root = cli_local_root(local);
    if (fd < 0)
        cli_tree_fail(tree, FSP_IO, "%.400s: cannot be opened: %m", local);
    else
        cli_tree_up(tree, fd, root, remote);
    fsp_free(root);
    if (fd >= 0)
        (void)close(fd); /* was only read */
}

/* Where an operand goes.  False: the failure is noted. */
static bool
target_of(cli_tree_t *tree, const char *local, const cli_remote_t *remote, bool into,
          char ret_path[FSP_PATH_BYTES_MAX + 1])
{
    memcpy(ret_path, remote->path, sizeof remote->path);
    if (!into)
        return true;
    if (strcmp(local, "-") == 0) {
        cli_tree_fail(tree, FSP_IS_DIRECTORY,
                      "%s%.400s: is a directory; standard input needs a name in it",
                      cli_space_prefix(tree->cli), remote->path);
        return false;
    }
    fsp_slice_t base = cli_local_base(local);
    if (base.bytes == 0) /* "." and "/" have no name: their content goes into the directory */
        return true;
    char name[FSP_NAME_BYTES_MAX + 1];
    size_t bytes = base.bytes > FSP_NAME_BYTES_MAX ? FSP_NAME_BYTES_MAX : base.bytes;
    memcpy(name, base.data, bytes);
    name[bytes] = '\0';
    if (base.bytes <= FSP_NAME_BYTES_MAX && cli_remote_join(remote->path, name, ret_path) == FSP_OK)
        return true;
    cli_tree_fail(tree, FSP_BAD_NAME,
                  "%.400s: its name cannot be a remote name; give the remote name", local);
    return false;
}

/* -- options ----------------------------------------------------------------------------------- */

/* The id that --if-match or --edit names of the target; *ret stays NULL without it.  False: the
   failure is noted. */
static bool
take_version(cli_tree_t *tree, const cli_remote_t *remote, const char *path, const char *text,
             uint8_t bytes[32], const uint8_t **ret)
{
    if (!text)
        return true;
    cli_remote_t target = *remote;
    memcpy(target.path, path, strlen(path) + 1); /* target.space stays the caller's */
    if (!cli_version_resolve(tree->cli, &target, text, bytes))
        return false;
    *ret = bytes;
    return true;
}

/* What does not go together.  False: the failure is noted. */
static bool
options_fit(cli_tree_t *tree)
{
    cli_t *cli = tree->cli;
    const char *wrong = NULL;
    if (cli->many && (cli->if_match || cli->edit_of || cli->receipt_path))
        wrong = "--if-match, --edit and --receipt are about one file; put it alone";
    else if ((cli->no_replace || cli->if_none_match) && cli->replace)
        wrong = "--replace and --no-replace exclude each other; give one";
    else if ((cli->if_match != NULL) + (cli->edit_of != NULL) +
                 (cli->no_replace || cli->if_none_match) >
             1)
        wrong = "--if-match, --edit and --no-replace are conditions; give one";
    else if (cli->excludes.count > 0 && !cli->recursive)
        wrong = "--exclude is for trees; give -r, too";
    else if (cli->dry_run && cli->receipt_path)
        wrong = "with --dry-run there is no receipt; leave one of them away";
    if (wrong)
        cli_fail_status(cli, FSP_INVALID, "%s", wrong);
    return !wrong;
}

static void
put_operands(cli_tree_t *tree, const cli_remote_t *remote, bool into,
             char ret_root[FSP_PATH_BYTES_MAX + 1])
{
    cli_t *cli = tree->cli;
    int count = cli->operand_count - 1;
    for (int i = 0; i < count && !cli_tree_is_ending(tree); i++) {
        const char *local = cli->operands[i];
        if (!target_of(tree, local, remote, into, ret_root) ||
            !take_version(tree, remote, ret_root, cli->if_match, tree->if_match_bytes,
                          &tree->if_match) ||
            !take_version(tree, remote, ret_root, cli->edit_of, tree->edit_of_bytes,
                          &tree->edit_of))
            continue;
        if (!cli->recursive || strcmp(local, "-") == 0)
            put_plain(tree, local, ret_root);
        else
            put_recursive(tree, local, ret_root);
        if (i + 1 < count)
            cli_tree_wait(tree); /* in their order: two may go to one place */
    }
}

int
cli_put(cli_t *cli)
{
    int source_count = cli->operand_count - 1;
    cli_remote_t remote;
    cli->many = cli->recursive || source_count > 1;
    cli_tree_t tree;
    cli_tree_init(&tree, cli, true);
    filesphere_info_t single = {.size = 0};
    tree.single = cli->many ? NULL : &single;
    char root[FSP_PATH_BYTES_MAX + 1] = "";
    filesphere_kind_t kind = (filesphere_kind_t)0;
    if (options_fit(&tree) && cli_names_differ(cli) &&
        cli_remote(cli, cli->operands[source_count], &remote) &&
        (remote.into || cli_look(cli, &remote, &kind))) {
        bool into = remote.into || kind == FILESPHERE_DIRECTORY;
        tree.space = remote.space;
        if (source_count > 1 && !into)
            cli_fail_status(cli, FSP_NOT_DIRECTORY,
                            "%s%.400s: is no directory, and several things go there; make it with: "
                            "filesphere mkdir -p",
                            cli_space_prefix(cli), remote.path);
        else
            put_operands(&tree, &remote, into, root);
    }
    cli_tree_finish(&tree);
    if (cli->failure_count == 0 && !cli_interrupted()) {
        if (cli->receipt_path && tree.acts[CLI_ACT_PUT] > 0)
            save_receipt(cli, &single);
        if (cli->failure_count == 0 && cli->json)
            write_result(&tree, source_count == 1 ? root : remote.path);
        else if (tree.single && !cli->json)
            print_single(&tree);
    }
    cli_tree_clear(&tree);
    return cli_finish(cli);
}
