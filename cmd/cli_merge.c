/* SPDX-License-Identifier: MIT */
/* cli_merge - several versions that stand side by side: heads, merge.  Layer cmd.
 *
 * Edits of one version by several writers become several heads.  A merge is a new version that
 * names exactly the heads that it takes the place of: if another one came meanwhile, nothing
 * happens.
 */
#include "cmd/cli_history.h"

#include "core/base/alloc.h"
#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- heads ------------------------------------------------------------------------------------- */

typedef struct {
    cli_t *cli;
    uint64_t count;
} lister_t;

static int
list_head(void *arg, const filesphere_version_t *version)
{
    lister_t *self = arg;
    if (cli_interrupted())
        return -1;
    if (!version->is_head)
        return 0;
    self->count++;
    if (self->cli->json) {
        cli_json_version(cli_line(self->cli, "head"), version);
        cli_line_end(self->cli);
    } else {
        cli_print_version_line(version);
    }
    return ferror(stdout) ? -1 : 0;
}

int
cli_heads(cli_t *cli)
{
    cli_remote_t remote;
    if (!cli_remote(cli, cli->operands[0], &remote))
        return cli_finish(cli);
    lister_t lister = {.cli = cli};
    filesphere_code_t code =
        filesphere_versions(cli->handle, remote.space, remote.path, list_head, &lister);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_text(json, "path", remote.path);
        cli_json_space(cli, json);
        fsp_json_uint(json, "head_count", lister.count);
        cli_line_end(cli);
    } else if (lister.count > 1 && !cli->quiet) {
        (void)fflush(stdout); /* what follows belongs below it */
        (void)fprintf(stderr,
                      "%llu versions stand side by side.  Look at one with cat --version, then say "
                      "which is right:\n  filesphere merge PATH --take VERSION\nor make one of "
                      "them by hand and give that:\n  filesphere merge PATH --from LOCALFILE\n",
                      (unsigned long long)lister.count);
    }
    return cli_finish(cli);
}

/* -- merge ------------------------------------------------------------------------------------- */

enum { WINDOW_BYTES = 4 * 1024 * 1024 };

/* Where the merged content comes from: a version, read by a second connection while the first one
   stores; or a local file. */
typedef struct {
    cli_t *cli;
    int fd;    /* of the local file, or -1 */
    int error; /* errno of a failed read */
    filesphere_t *reader;
    filesphere_code_t code; /* of a failed get */
    filesphere_get_t get;
    char version[65];          /* of get */
    uint64_t size, at;         /* of the content */
    uint8_t *window;           /* WINDOW_BYTES */
    size_t window_bytes, used; /* in it, and given already */
} content_t;

static int
take_piece(void *arg, const void *data, size_t size)
{
    content_t *self = arg;
    if (cli_interrupted() || size > WINDOW_BYTES - self->window_bytes)
        return -1;
    memcpy(self->window + self->window_bytes, data, size);
    self->window_bytes += size;
    return 0;
}

static int
read_version(content_t *self, void *buffer, size_t size_max, size_t *ret_size)
{
    if (self->used == self->window_bytes && self->at < self->size) {
        uint64_t bytes =
            self->size - self->at < WINDOW_BYTES ? self->size - self->at : WINDOW_BYTES;
        self->window_bytes = self->used = 0;
        self->get.has_range = true;
        self->get.first = self->at;
        self->get.last = self->at + bytes - 1;
        self->code = filesphere_get(self->reader, &self->get, take_piece, self, NULL);
        if (self->code != FILESPHERE_OK || self->window_bytes != bytes)
            return -1;
        self->at += bytes;
    }
    size_t bytes = self->window_bytes - self->used;
    if (bytes > size_max)
        bytes = size_max;
    memcpy(buffer, self->window + self->used, bytes);
    self->used += bytes;
    *ret_size = bytes;
    return 0;
}

static int
read_content(void *arg, void *buffer, size_t size_max, size_t *ret_size)
{
    content_t *self = arg;
    if (cli_interrupted())
        return -1;
    if (self->fd < 0)
        return read_version(self, buffer, size_max, ret_size);
    struct pollfd poll_fd = {.fd = self->fd, .events = POLLIN}; /* files are always ready */
    if (poll(&poll_fd, 1, 1000) <= 0)
        return FILESPHERE_NOT_YET; /* or a signal: reading might wait for ever */
    ssize_t got;
    do
        got = read(self->fd, buffer, size_max);
    while (got < 0 && errno == EINTR && !cli_interrupted());
    if (got < 0) {
        self->error = errno;
        return -1;
    }
    *ret_size = (size_t)got;
    return 0;
}

/* --head: the heads that the user has seen must be the present ones.  False: the failure is noted.
 */
static bool
check_seen(cli_t *cli, const cli_remote_t *remote, const filesphere_info_t *now)
{
    const cli_texts_t *seen = &cli->heads;
    bool named[FILESPHERE_HEADS_MAX] = {false}, others = false;
    for (size_t i = 0; i < seen->count; i++) {
        uint8_t id[32];
        bool found = false;
        if (!cli_version_resolve(cli, remote, seen->items[i], id))
            return false;
        for (size_t h = 0; h < now->head_count; h++) {
            bool same = memcmp(id, now->heads[h], sizeof id) == 0;
            named[h] = named[h] || same;
            found = found || same;
        }
        others = others || !found;
    }
    for (size_t h = 0; h < now->head_count; h++)
        others = others || !named[h];
    if (seen->count == 0 || !others)
        return true;
    cli_fail_status(cli, FSP_MISMATCH,
                    "%s%.400s: its heads are not those any more; look with: filesphere heads",
                    cli_space_prefix(cli), remote->path);
    return false;
}

/* The second connection, and what the version is.  False: the failure is noted. */
static bool
open_version(cli_t *cli, const cli_remote_t *remote, content_t *content, filesphere_info_t *ret)
{
    filesphere_config_t config = {.profile_path = cli->profile_path,
                                  .timeout_ms = cli->timeout_s * 1000,
                                  .client_name = "filesphere/" FSP_VERSION};
    if (!cli_version_text(cli, remote, cli->take, content->version))
        return false;
    filesphere_code_t code =
        filesphere_stat(cli->handle, remote->space, remote->path, content->version, ret);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
        return false;
    }
    code = filesphere_open(&config, &content->reader);
    if (code != FILESPHERE_OK) {
        cli_fail(cli, code, "%.600s", filesphere_error(content->reader));
        return false;
    }
    content->size = ret->size;
    content->window = fsp_alloc_raw(WINDOW_BYTES);
    content->get = (filesphere_get_t){
        .space = remote->space, .path = remote->path, .version = content->version};
    return true;
}

static bool
open_local(cli_t *cli, content_t *content, filesphere_put_t *put)
{
    bool standard_input = strcmp(cli->from, "-") == 0;
    content->fd = standard_input ? dup(STDIN_FILENO) : open(cli->from, O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (content->fd < 0 || fstat(content->fd, &about) != 0 || S_ISDIR(about.st_mode)) {
        bool directory = content->fd >= 0;
        cli_fail_status(cli,
                        directory         ? FSP_IS_DIRECTORY
                        : errno == ENOENT ? FSP_NOT_FOUND
                                          : FSP_IO,
                        "%.400s: %s; check the local path", cli->from,
                        directory ? "is a directory" : strerror(errno));
        return false;
    }
    if (S_ISREG(about.st_mode)) {
        put->size_hint = (uint64_t)about.st_size;
        put->attr = (filesphere_attr_t){.set = true,
                                        .mode = (uint32_t)(about.st_mode & 07777),
                                        .mtime_s = about.st_mtim.tv_sec,
                                        .mtime_ns = (uint32_t)about.st_mtim.tv_nsec};
    }
    return true;
}

static void
report_merged(cli_t *cli, const filesphere_info_t *before, const filesphere_info_t *info)
{
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        cli_json_node(json, info);
        fsp_json_array(json, "merged");
        for (size_t i = 0; i < before->head_count; i++)
            fsp_json_hex(json, NULL, before->heads[i], sizeof before->heads[i]);
        fsp_json_array_end(json);
        fsp_json_uint(json, "change", info->change);
        cli_line_end(cli);
    } else if (!cli->quiet) {
        cli_print_escaped(info->path);
        (void)printf("  version %llu takes the place of %zu heads:",
                     (unsigned long long)info->number, before->head_count);
        for (size_t i = 0; i < before->head_count; i++) {
            char text[17];
            fsp_hex_encode(before->heads[i], 8, text);
            (void)printf(" %s", text);
        }
        (void)printf("\n");
    }
}

static void
store_merged(cli_t *cli, const cli_remote_t *remote, const filesphere_info_t *before,
             content_t *content)
{
    filesphere_put_t put = {.space = remote->space,
                            .path = remote->path,
                            .kind = before->kind,
                            .merge_of = before->heads,
                            .merge_count = before->head_count,
                            .message = cli->message,
                            .size_hint = UINT64_MAX};
    filesphere_info_t taken = {.size = 0}, info = {.size = 0};
    if (cli->take) {
        if (!open_version(cli, remote, content, &taken))
            return;
        put.size_hint = taken.size;
        put.attr = taken.attr;
    } else if (!open_local(cli, content, &put)) {
        return;
    }
    filesphere_code_t code = filesphere_put(cli->handle, &put, read_content, content, &info);
    if (content->error != 0)
        cli_fail_status(cli, FSP_IO, "%.400s: cannot be read: %s; nothing was stored", cli->from,
                        strerror(content->error));
    else if (content->code != FILESPHERE_OK)
        cli_fail(cli, content->code, "%.600s; nothing was stored",
                 filesphere_error(content->reader));
    else if (cli_is(code, FSP_MISMATCH))
        cli_fail(cli, code,
                 "%s%.400s: another version came meanwhile, nothing was stored; look again with: "
                 "filesphere heads",
                 cli_space_prefix(cli), remote->path);
    else if (code != FILESPHERE_OK)
        cli_fail_call(cli, code);
    else if (cli->take && memcmp(info.sha256, taken.sha256, sizeof info.sha256) != 0)
        cli_fail_status(cli, FSP_DAMAGED, "%s%.400s: what was stored is not the version's content",
                        cli_space_prefix(cli), remote->path);
    else
        report_merged(cli, before, &info);
}

int
cli_merge(cli_t *cli)
{
    cli_remote_t remote;
    if (!cli_remote(cli, cli->operands[0], &remote))
        return cli_finish(cli);
    if (!cli->take == !cli->from) {
        cli_fail_status(cli, FSP_INVALID, "give --take VERSION or --from LOCALFILE");
        return cli_finish(cli);
    }
    filesphere_info_t before;
    filesphere_code_t code = filesphere_stat(cli->handle, remote.space, remote.path, NULL, &before);
    content_t content = {.cli = cli, .fd = -1};
    if (code != FILESPHERE_OK)
        cli_fail_call(cli, code);
    else if (before.kind == FILESPHERE_DIRECTORY)
        cli_fail_status(cli, FSP_IS_DIRECTORY, "%s%.400s: is a directory; only files have heads",
                        cli_space_prefix(cli), remote.path);
    else if (before.head_count < 2)
        cli_fail_status(cli, FSP_MISMATCH,
                        "%s%.400s: has one head, there is nothing to merge; use put or version "
                        "restore",
                        cli_space_prefix(cli), remote.path);
    else if (check_seen(cli, &remote, &before))
        store_merged(cli, &remote, &before, &content);
    if (content.fd >= 0)
        (void)close(content.fd); /* was only read */
    if (content.reader)
        filesphere_close(&content.reader);
    fsp_free(content.window);
    return cli_finish(cli);
}
