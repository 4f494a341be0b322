/* SPDX-License-Identifier: MIT */
/* cli_diff - `filesphere version diff`: what changed between two versions.  Layer cmd.
 *
 * Both contents go into a directory of their own below $TMPDIR, and diff(1) compares them.
 */
#include "cmd/cli_files.h"
#include "cmd/cli_history.h"

#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { BINARY_LOOK_BYTES = 8000 };

typedef struct {
    filesphere_info_t info;
    char version[65];
    char path[PATH_MAX]; /* of its copy */
    int fd;
    int error;     /* errno of a failed write */
    bool binary;   /* a NUL near its start */
    uint64_t seen; /* octets */
} side_t;

static int
write_side(void *arg, const void *data, size_t size)
{
    side_t *self = arg;
    if (self->seen < BINARY_LOOK_BYTES) {
        size_t looked = BINARY_LOOK_BYTES - (size_t)self->seen;
        self->binary = self->binary || memchr(data, 0, size < looked ? size : looked);
    }
    self->seen += size;
    if (cli_write_all(self->fd, data, size, cli_interrupted) == 0)
        return 0;
    self->error = errno;
    return -1;
}

/* The content of one version into a file.  False: the failure is noted. */
static bool
fetch_side(cli_t *cli, const cli_remote_t *remote, const char *directory, const char *name,
           side_t *side)
{
    (void)snprintf(side->path, sizeof side->path, "%.4000s/%s", directory, name);
    side->fd = open(side->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (side->fd < 0) {
        cli_fail_status(cli, FSP_IO, "%.400s: cannot be made: %s; set TMPDIR to another place",
                        side->path, strerror(errno));
        return false;
    }
    filesphere_get_t get = {.space = remote->space, .path = remote->path, .version = side->version};
    filesphere_code_t code = filesphere_get(cli->handle, &get, write_side, side, NULL);
    (void)close(side->fd); /* what could not be written was said */
    if (code == FILESPHERE_OK)
        return true;
    if (side->error != 0)
        cli_fail_status(cli, FSP_IO, "%.400s: cannot be written: %s; set TMPDIR to another place",
                        side->path, strerror(side->error));
    else
        cli_fail_call(cli, code);
    return false;
}

/* "PATH version 3 (d3f89f15, 2026-...)", harmless on a terminal. */
static void
make_label(const side_t *side, fsp_buf_t *ret)
{
    char time[FSP_RFC3339_BYTES];
    fsp_rfc3339(side->info.modified_us, time);
    fsp_buf_init(ret, 64 * 1024);
    cli_escape(fsp_slice_text(side->info.path), ret);
    fsp_buf_printf(ret, " version %llu (%.16s)\t%s", (unsigned long long)side->info.number,
                   side->version, time);
    fsp_buf_append_u8(ret, 0);
}

static void
run_diff(cli_t *cli, side_t sides[2])
{
    fsp_buf_t from, to;
    make_label(&sides[0], &from);
    make_label(&sides[1], &to);
    char *arguments[] = {"diff",          "-u", "--label",     (char *)from.data, "--label",
                         (char *)to.data, "--", sides[0].path, sides[1].path,     NULL};
    pid_t child = 0;
    int status = 0;
    (void)fflush(stdout); /* what is written so far stands before what diff writes */
    int error = posix_spawnp(&child, "diff", NULL, NULL, arguments, environ);
    while (error == 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (error != 0)
        cli_fail_status(cli, FSP_IO, "diff: %s; install it, or fetch both with: filesphere get",
                        strerror(error));
    else if (!cli_interrupted() && (!WIFEXITED(status) || WEXITSTATUS(status) > 1))
        cli_fail_status(cli, FSP_IO, "diff failed; fetch both with: filesphere get --version");
    fsp_buf_clear(&from);
    fsp_buf_clear(&to);
}

static void
json_side(fsp_json_t *json, const char *key, const side_t *side)
{
    fsp_json_object(json, key);
    fsp_json_text(json, "version", side->version);
    fsp_json_uint(json, "number", side->info.number);
    fsp_json_uint(json, "size", side->info.size);
    cli_json_id(json, "sha256", side->info.sha256, sizeof side->info.sha256);
    fsp_json_object_end(json);
}

static void
report(cli_t *cli, side_t sides[2], bool equal)
{
    bool binary = sides[0].binary || sides[1].binary;
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_text(json, "path", sides[1].info.path);
        json_side(json, "from", &sides[0]);
        json_side(json, "to", &sides[1]);
        fsp_json_bool(json, "equal", equal);
        if (!equal)
            fsp_json_bool(json, "binary", binary);
        cli_line_end(cli);
    } else if (equal && !cli->quiet) {
        (void)fprintf(stderr, "both versions have the same content\n");
    } else if (!equal && binary) {
        char before[CLI_SIZE_BYTES], after[CLI_SIZE_BYTES];
        cli_print_path(cli, sides[1].info.path);
        (void)printf(
            ": binary contents differ: version %llu has %s, version %llu has %s\n",
            (unsigned long long)sides[0].info.number, cli_count_text(sides[0].info.size, before),
            (unsigned long long)sides[1].info.number, cli_count_text(sides[1].info.size, after));
    } else if (!equal) {
        run_diff(cli, sides);
    }
}

static void
compare(cli_t *cli, const cli_remote_t *remote, side_t sides[2])
{
    const char *base = getenv("TMPDIR");
    char directory[PATH_MAX];
    (void)snprintf(directory, sizeof directory, "%.3900s/filesphere-XXXXXX",
                   base && *base ? base : "/tmp");
    if (!mkdtemp(directory)) {
        cli_fail_status(cli, FSP_IO, "%.400s: cannot be made: %s; set TMPDIR to another place",
                        directory, strerror(errno));
        return;
    }
    if (fetch_side(cli, remote, directory, "from", &sides[0]) &&
        fetch_side(cli, remote, directory, "to", &sides[1]))
        report(cli, sides, false);
    for (int i = 0; i < 2; i++) {
        if (sides[i].path[0])
            (void)unlink(sides[i].path); /* not there if the fetch failed early */
    }
    (void)rmdir(directory); /* what is left in it is not ours */
}

int
cli_version_diff(cli_t *cli)
{
    cli_remote_t remote;
    if (!cli_remote(cli, cli->operands[0], &remote))
        return cli_finish(cli);
    side_t sides[2] = {{.fd = -1}, {.fd = -1}};
    for (int i = 0; i < 2; i++) {
        const char *version = i + 1 < cli->operand_count ? cli->operands[i + 1] : NULL;
        if (version && !cli_version_text(cli, &remote, version, sides[i].version))
            return cli_finish(cli);
        filesphere_code_t code = filesphere_stat(cli->handle, remote.space, remote.path,
                                                 version ? sides[i].version : NULL, &sides[i].info);
        if (code != FILESPHERE_OK) {
            cli_fail_call(cli, code);
            return cli_finish(cli);
        }
        fsp_hex_encode(sides[i].info.version_id, 32, sides[i].version);
    }
    if (sides[1].info.kind == FILESPHERE_DIRECTORY)
        cli_fail_status(cli, FSP_IS_DIRECTORY, "%s%.400s: is a directory; it has no versions",
                        cli_space_prefix(cli), remote.path);
    else if (memcmp(sides[0].info.sha256, sides[1].info.sha256, 32) == 0)
        report(cli, sides, true);
    else
        compare(cli, &remote, sides);
    return cli_finish(cli);
}
