/* SPDX-License-Identifier: MIT */
/* directio - files written past the page cache where the file system can.  Layer store. */
#include "store/directio.h"

#include "core/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
fsp_directio_open(const char *path, int flags, bool *ret_direct)
{
    FSP_PRE(path != NULL && ret_direct != NULL);
    *ret_direct = true;
    int fd = open(path, flags | O_DIRECT, 0600);
    if (fd >= 0 || errno != EINVAL)
        return fd;
    *ret_direct = false;
    return open(path, flags & ~O_EXCL, 0600); /* some make the file before they refuse */
}

bool
fsp_directio_write(int fd, bool *direct_io, const uint8_t *data, uint64_t count, uint64_t at)
{
    FSP_PRE(fd >= 0 && direct_io != NULL);
    uint64_t done = 0;
    while (done < count) {
        ssize_t wrote = pwrite(fd, data + done, (size_t)(count - done), (off_t)(at + done));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0 && errno == EINVAL && *direct_io) { /* opened so, but cannot */
            *direct_io = false;
            int flags = fcntl(fd, F_GETFL);
            if (flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_DIRECT) == 0)
                continue;
        }
        if (wrote == 0)
            errno = EIO;
        if (wrote <= 0)
            return false;
        done += (uint64_t)wrote;
    }
    return true;
}
