/* SPDX-License-Identifier: MIT */
/* clock - the only place that asks the system for time, randomness and memory use.  Layer actors.
 */
#include "actors/clock.h"

#include "core/base/check.h"
#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static fsp_time_t
read_clock(clockid_t id)
{
    struct timespec now;
    int rc = clock_gettime(id, &now);
    FSP_ASSERT(rc == 0);
    return (fsp_time_t)now.tv_sec * 1000000u + (fsp_time_t)now.tv_nsec / 1000u;
}

fsp_time_t
fsp_clock_mono_us(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

fsp_time_t
fsp_clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

void
fsp_random(void *data, size_t bytes)
{
    uint8_t *at = data;
    while (bytes > 0) {
        ssize_t got = getrandom(at, bytes, 0);
        if (got < 0 && errno == EINTR)
            continue;
        FSP_ASSERT(got > 0);
        at += got;
        bytes -= (size_t)got;
    }
}

uint64_t
fsp_resident_bytes(void)
{
    /* /proc/self/statm: total resident ... in pages. */
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, text, sizeof(text));
    (void)close(fd);
    if (got <= 0)
        return 0;
    size_t at = 0, bytes = (size_t)got;
    while (at < bytes && text[at] != ' ')
        at++;
    at++;
    size_t end = at;
    while (end < bytes && text[end] != ' ')
        end++;
    uint64_t pages = 0;
    if (end >= bytes ||
        fsp_parse_u64(fsp_slice(text + at, end - at), UINT64_MAX / 65536, &pages) != FSP_OK)
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
