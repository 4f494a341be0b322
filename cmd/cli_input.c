/* SPDX-License-Identifier: MIT */
/* cli_input - small local files, whole.  Layer cmd. */
#include "cmd/cli_common.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* 0, or -1 with errno (EFBIG: over the buffer's maximum). */
static int
read_all(int fd, fsp_buf_t *ret)
{
    for (;;) {
        uint8_t piece[16 * 1024];
        ssize_t got = read(fd, piece, sizeof piece);
        if (got == 0)
            return 0;
        if (got < 0 && (errno != EINTR || cli_interrupted()))
            return -1;
        fsp_buf_append(ret, piece, got > 0 ? (size_t)got : 0);
        explicit_bzero(piece, got > 0 ? (size_t)got : 0); /* it may be a secret */
        if (!fsp_buf_ok(ret)) {
            errno = EFBIG;
            return -1;
        }
    }
}

static int
open_and_read(const char *path, fsp_buf_t *ret)
{
    int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : read_all(fd, ret);
    int error = errno;
    if (fd >= 0)
        (void)close(fd); /* was only read */
    errno = error;
    return rc;
}

bool
cli_read_quietly(const char *path, fsp_buf_t *ret)
{
    return open_and_read(path, ret) == 0;
}

bool
cli_read_file(cli_t *cli, const char *path, fsp_buf_t *ret)
{
    bool standard_input = strcmp(path, "-") == 0;
    if ((standard_input ? read_all(STDIN_FILENO, ret) : open_and_read(path, ret)) == 0)
        return true;
    int error = errno;
    if (error == EFBIG)
        cli_fail_status(cli, FSP_TOO_LARGE, "%.400s: over %zu bytes; is it the right file?", path,
                        ret->bytes_max);
    else if (!cli_interrupted())
        cli_fail_status(cli, error == ENOENT ? FSP_NOT_FOUND : FSP_IO,
                        "%.400s: cannot be read: %s; check the local path", path, strerror(error));
    return false;
}
