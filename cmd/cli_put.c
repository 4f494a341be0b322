/* SPDX-License-Identifier: MIT */
/* cli_put - `filesphere put`: files, standard input, trees.  Layer cmd.
 *
 * A tree is walked by directory descriptors; symbolic links below the operand are never followed,
 * they are stored as links.  A failure of one file does not stop the others; a node that is gone or
 * full does.
 */
#include "cmd/cli_common.h"
#include "cmd/cli_files.h"

#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

typedef struct {
    cli_t *cli;
    const char *space;
    bool lines; /* a line for each file; else only the result */
    uint64_t file_count, directory_count, symlink_count;
    uint64_t size_sum, bytes_sent_sum;
    filesphere_info_t last;            /* of the last file */
    char root[FSP_PATH_BYTES_MAX + 1]; /* where the last operand went */
} putter_t;

typedef struct {
    int fd;           /* read from here, or -1: */
    const char *text; /* from here */
    size_t text_bytes, text_at;
    int error; /* errno of a failed read */
} source_t;

static int
read_source(void *arg, void *buffer, size_t size_max, size_t *ret_size)
{
    source_t *source = arg;
    if (source->fd < 0) {
        size_t bytes = source->text_bytes - source->text_at;
        if (bytes > size_max)
            bytes = size_max;
        memcpy(buffer, source->text + source->text_at, bytes);
        source->text_at += bytes;
        *ret_size = bytes;
        return 0;
    }
    for (;;) {
        if (cli_interrupted())
            return -1;
        /* A pipe or a terminal may be silent for long.  Files are always ready. */
        struct pollfd poll_fd = {.fd = source->fd, .events = POLLIN};
        if (poll(&poll_fd, 1, 1000) == 0)
            return FILESPHERE_NOT_YET;
        ssize_t got = read(source->fd, buffer, size_max);
        if (got >= 0) {
            *ret_size = (size_t)got;
            return 0;
        }
        if (errno != EINTR) {
            source->error = errno;
            return -1;
        }
    }
}

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

/* The fields of a stored content. */
static void
write_stored(fsp_json_t *json, const filesphere_info_t *info)
{
    cli_json_node(json, info);
    fsp_json_uint(json, "chunks_new", info->chunks_new);
    fsp_json_uint(json, "bytes_sent", info->bytes_sent);
    write_receipt(json, info);
}

static void
note_stored(putter_t *self, const filesphere_info_t *info)
{
    cli_t *cli = self->cli;
    cli->done_count++;
    self->size_sum += info->size;
    self->bytes_sent_sum += info->bytes_sent;
    self->last = *info;
    if (cli->json && self->lines) {
        write_stored(cli_line(cli, "file"), info);
        cli_line_end(cli);
    } else if (!cli->json && !cli->quiet) {
        char version[17];
        fsp_hex_encode(info->version_id, 8, version);
        cli_print_escaped(info->path);
        (void)printf("  version %llu (%s)  %llu bytes\n", (unsigned long long)info->number, version,
                     (unsigned long long)info->size);
    }
}

/* -- single things ----------------------------------------------------------------------------- */

static filesphere_attr_t
attr_of(const struct stat *about)
{
    return (filesphere_attr_t){.set = true,
                               .mode = (uint32_t)(about->st_mode & 07777),
                               .mtime_s = about->st_mtim.tv_sec,
                               .mtime_ns = (uint32_t)about->st_mtim.tv_nsec};
}

/* Stores what source gives under remote. */
static void
put_source(putter_t *self, source_t *source, const char *local, const char *remote,
           filesphere_kind_t kind, const struct stat *about)
{
    cli_t *cli = self->cli;
    uint8_t if_match[32];
    filesphere_put_t put = {.space = self->space,
                            .path = remote,
                            .kind = kind,
                            .create_parents = true,
                            .if_none_match = cli->no_replace,
                            .message = cli->message,
                            .lease_token = cli->lease_token,
                            .size_hint = UINT64_MAX};
    if (cli->if_match) {
        if (fsp_hex_decode(fsp_slice_text(cli->if_match), if_match, sizeof if_match) != FSP_OK) {
            cli_fail_status(cli, FSP_INVALID,
                            "--if-match %.80s: not a version; give all 64 hexadecimal digits",
                            cli->if_match);
            return;
        }
        put.if_match = if_match;
    }
    if (about) {
        put.attr = attr_of(about);
        if (S_ISREG(about->st_mode))
            put.size_hint = (uint64_t)about->st_size;
    }
    filesphere_info_t info;
    filesphere_code_t code = filesphere_put(cli->handle, &put, read_source, source, &info);
    if (source->error != 0) {
        errno = source->error;
        cli_fail_status(cli, FSP_IO, "%.400s: cannot be read: %m; nothing was stored", local);
    } else if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else {
        if (kind == FILESPHERE_SYMLINK)
            self->symlink_count++;
        else
            self->file_count++;
        note_stored(self, &info);
    }
}

static void
put_link(putter_t *self, int directory_fd, const char *name, const char *local, const char *remote,
         const struct stat *about)
{
    char target[FSP_PATH_BYTES_MAX];
    ssize_t bytes = readlinkat(directory_fd, name, target, sizeof target);
    if (bytes < 0 || (size_t)bytes == sizeof target) {
        if (bytes >= 0)
            errno = ENAMETOOLONG;
        cli_fail_status(self->cli, FSP_IO,
                        "%.400s: the link cannot be read: %m; nothing was stored", local);
        return;
    }
    source_t source = {.fd = -1, .text = target, .text_bytes = (size_t)bytes};
    put_source(self, &source, local, remote, FILESPHERE_SYMLINK, about);
}

/* A regular file of a tree.  O_NONBLOCK: it may have become a pipe since it was looked at. */
static void
put_regular(putter_t *self, int directory_fd, const char *name, const char *local,
            const char *remote)
{
    int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0) {
        cli_fail_status(self->cli, FSP_IO, "%.400s: cannot be read: %m; nothing was stored", local);
    } else if (!S_ISREG(about.st_mode)) {
        cli_fail_status(self->cli, FSP_IO,
                        "%.400s: is no regular file any more; nothing was stored", local);
    } else {
        source_t source = {.fd = fd};
        put_source(self, &source, local, remote, FILESPHERE_FILE, &about);
    }
    if (fd >= 0)
        (void)close(fd); /* was only read */
}

/* -- trees ------------------------------------------------------------------------------------- */

static void put_node(putter_t *self, int directory_fd, const char *name, const char *local,
                     const char *remote, unsigned depth);

/* The directory's entries, below a remote directory that is there. */
static void
put_children(putter_t *self, int directory_fd, const char *local, const char *remote,
             unsigned depth)
{
    cli_t *cli = self->cli;
    cli_names_t names;
    /* A second descriptor: reading names moves an offset and ends with closing. */
    int names_fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (names_fd < 0) {
        cli_fail_status(cli, FSP_IO, "%.400s: cannot be listed: %m", local);
        return;
    }
    if (cli_names_read(names_fd, &names) != 0) {
        cli_fail_status(cli, FSP_IO, "%.400s: cannot be listed: %m", local);
        names.count = 0;
    }
    const char *name = (const char *)names.text.data;
    for (size_t i = 0; i < names.count && !cli_is_hopeless(cli); i++, name += strlen(name) + 1) {
        fsp_buf_t local_path;
        fsp_buf_init(&local_path, 64 * 1024);
        fsp_buf_printf(&local_path, "%s/%s", local, name);
        fsp_buf_append_u8(&local_path, 0);
        char path[FSP_PATH_BYTES_MAX + 1];
        if (!fsp_buf_ok(&local_path) || cli_remote_join(remote, name, path) != FSP_OK)
            cli_fail_status(cli, FSP_BAD_NAME,
                            "%.400s/%.255s: cannot be a remote path (UTF-8, 255 bytes a name, 4096 "
                            "bytes and 64 names a "
                            "path); rename it",
                            local, name);
        else
            put_node(self, directory_fd, name, (const char *)local_path.data, path, depth + 1);
        fsp_buf_clear(&local_path);
    }
    cli_names_clear(&names);
}

static void
put_directory(putter_t *self, int directory_fd, const char *name, const char *local,
              const char *remote, unsigned depth)
{
    cli_t *cli = self->cli;
    /* An operand is what the user says it is; below it, links are not followed. */
    int follow = depth == 0 ? 0 : O_NOFOLLOW;
    int fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0) {
        cli_fail_status(cli, FSP_IO, "%.400s: cannot be opened: %m", local);
    } else {
        filesphere_attr_t attr = attr_of(&about);
        filesphere_info_t info;
        filesphere_code_t code = FILESPHERE_OK;
        if (strcmp(remote, "/") != 0) /* the root of the space is always there */
            code = filesphere_mkdir(cli->handle, self->space, remote, true, true, &attr, &info);
        if (code != FILESPHERE_OK) {
            cli_fail_call(cli, code);
        } else {
            self->directory_count++;
            cli->done_count++;
            if (cli->json && self->lines) {
                fsp_json_t *json = cli_line(cli, "directory");
                fsp_json_text(json, "path", remote);
                cli_line_end(cli);
            }
            put_children(self, fd, local, remote, depth);
        }
    }
    if (fd >= 0)
        (void)close(fd); /* was only read */
}

static void
put_node(putter_t *self, int directory_fd, const char *name, const char *local, const char *remote,
         unsigned depth)
{
    struct stat about;
    if (fstatat(directory_fd, name, &about, AT_SYMLINK_NOFOLLOW) != 0) {
        cli_fail_status(self->cli, FSP_IO, "%.400s: %m; nothing was stored", local);
    } else if (S_ISREG(about.st_mode)) {
        put_regular(self, directory_fd, name, local, remote);
    } else if (S_ISLNK(about.st_mode)) {
        put_link(self, directory_fd, name, local, remote, &about);
    } else if (S_ISDIR(about.st_mode)) {
        put_directory(self, directory_fd, name, local, remote, depth);
    } else {
        self->cli->skip_count++;
        cli_warn(self->cli, "%.400s: skipped: neither file, directory nor symbolic link", local);
    }
}

/* -- operands ---------------------------------------------------------------------------------- */

/* One LOCAL without -r: a file, or something that can be read like one; links are followed. */
static void
put_plain(putter_t *self, const char *local, const char *remote)
{
    cli_t *cli = self->cli;
    bool standard_input = strcmp(local, "-") == 0;
    int fd = standard_input ? STDIN_FILENO : open(local, O_RDONLY | O_NOCTTY | O_CLOEXEC);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0) {
        fsp_status_t status = errno == ENOENT || errno == ENOTDIR ? FSP_NOT_FOUND : FSP_IO;
        cli_fail_status(cli, status, "%.400s: %m; check the local path", local);
    } else if (S_ISDIR(about.st_mode)) {
        cli_fail_status(cli, FSP_IS_DIRECTORY, "%.400s: is a directory; put it with -r", local);
    } else {
        source_t source = {.fd = fd};
        put_source(self, &source, local, remote, FILESPHERE_FILE,
                   S_ISREG(about.st_mode) && !standard_input ? &about : NULL);
    }
    if (fd >= 0 && !standard_input)
        (void)close(fd); /* was only read */
}

static void
put_operand(putter_t *self, const char *local, const cli_remote_t *remote, bool into)
{
    cli_t *cli = self->cli;
    char path[FSP_PATH_BYTES_MAX + 1];
    memcpy(path, remote->path, sizeof path);
    fsp_slice_t base = cli_local_base(local);
    bool standard_input = strcmp(local, "-") == 0;
    if (into && standard_input) {
        cli_fail_status(cli, FSP_IS_DIRECTORY,
                        "%.400s: is a directory; standard input needs a name in it", remote->path);
        return;
    }
    if (into &&
        base.bytes > 0) { /* "." and "/" have no name: their content goes into the directory */
        char name[FSP_NAME_BYTES_MAX + 1];
        size_t bytes = base.bytes > FSP_NAME_BYTES_MAX ? FSP_NAME_BYTES_MAX : base.bytes;
        memcpy(name, base.data, bytes);
        name[bytes] = '\0';
        if (base.bytes > FSP_NAME_BYTES_MAX ||
            cli_remote_join(remote->path, name, path) != FSP_OK) {
            cli_fail_status(cli, FSP_BAD_NAME,
                            "%.400s: its name cannot be a remote name; give the remote name",
                            local);
            return;
        }
    }
    memcpy(self->root, path, sizeof path);
    struct stat about;
    if (!cli->recursive || standard_input)
        put_plain(self, local, path);
    else if (fstatat(AT_FDCWD, local, &about, AT_SYMLINK_NOFOLLOW) != 0 &&
             (errno == ENOENT || errno == ENOTDIR))
        cli_fail_status(cli, FSP_NOT_FOUND, "%.400s: %m; check the local path", local);
    else
        put_node(self, AT_FDCWD, local, local, path, 0);
}

int
cli_put(cli_t *cli)
{
    int source_count = cli->operand_count - 1;
    cli_remote_t remote;
    if (!cli_remote(cli, cli->operands[source_count], &remote))
        return cli_finish(cli);
    cli->many = cli->recursive || source_count > 1;
    putter_t putter = {.cli = cli, .space = remote.space, .lines = cli->many};
    bool into = remote.into;
    if (!into) {
        filesphere_kind_t kind;
        if (!cli_look(cli, &remote, &kind))
            return cli_finish(cli);
        into = kind == FILESPHERE_DIRECTORY;
    }
    if (source_count > 1 && !into) {
        cli_fail_status(cli, FSP_NOT_DIRECTORY,
                        "%.400s: is no directory, and several things go there; make it with: "
                        "filesphere mkdir -p",
                        remote.path);
        return cli_finish(cli);
    }
    for (int i = 0; i < source_count && !cli_is_hopeless(cli); i++)
        put_operand(&putter, cli->operands[i], &remote, into);
    if (cli->failure_count > 0 || cli_interrupted() || !cli->json)
        return cli_finish(cli);
    fsp_json_t *json = cli_line(cli, "result");
    if (!cli->many) {
        write_stored(json, &putter.last);
    } else {
        fsp_json_text(json, "path", source_count == 1 ? putter.root : remote.path);
        fsp_json_uint(json, "files", putter.file_count);
        fsp_json_uint(json, "directories", putter.directory_count);
        fsp_json_uint(json, "symlinks", putter.symlink_count);
        fsp_json_uint(json, "skipped", cli->skip_count);
        fsp_json_uint(json, "size", putter.size_sum);
        fsp_json_uint(json, "bytes_sent", putter.bytes_sent_sum);
    }
    cli_line_end(cli);
    return 0;
}
