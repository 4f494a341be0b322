/* SPDX-License-Identifier: MIT */
/* dbhost - what the database must know of this machine, and its words as statuses.  Layer store. */
#include "store/dbhost.h"

#include "core/base/check.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FILES_MAX = 1024, FILES_MIN = 64 };

fsp_status_t
fsp_dbhost_status_of(const char *words)
{
    FSP_PRE(words != NULL);
    if (strncmp(words, "Corruption", 10) == 0)
        return FSP_DAMAGED;
    if (strstr(words, "lock hold by current process") || strstr(words, "While lock file"))
        return FSP_LOCK_HELD;
    if (strstr(words, "No such file or directory"))
        return FSP_DAMAGED; /* a file of its own that should be there */
    if (strstr(words, "olumn families not opened"))
        return FSP_FORMAT_NEWER;
    if (strstr(words, "olumn family not found") || strstr(words, "does not exist (create_if_missing"))
        return FSP_DAMAGED;
    if (strncmp(words, "Not implemented", 15) == 0)
        return FSP_FORMAT_NEWER; /* table or blob format it cannot read */
    return FSP_IO;
}

int
fsp_dbhost_files_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 2 >= FILES_MAX)
        return FILES_MAX;
    return limit.rlim_cur / 2 < FILES_MIN ? FILES_MIN : (int)(limit.rlim_cur / 2);
}

bool
fsp_dbhost_direct_works(const char *path)
{
    int fd = open(path, O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    (void)close(fd);
    return true;
}
