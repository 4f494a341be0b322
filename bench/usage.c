/* SPDX-License-Identifier: MIT */
/* usage - what a process has used and holds, as the kernel counts it; what a directory takes. */
#include "bench/usage.h"

#include "core/base/text.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_BYTES = 512 /* of st_blocks, whatever the file system has */, FILES_OPEN = 16 };

static bool
open_proc(pid_t pid, const char *name, FILE **ret)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    *ret = fopen(path, "re");
    return *ret != NULL;
}

/* The number at the front of a text, behind blanks; *text_p is behind it then. */
static bool
take_number(const char **text_p, uint64_t *ret)
{
    const char *from = *text_p + strspn(*text_p, " \t");
    size_t length = strcspn(from, " \t\n");
    *text_p = from + length;
    return fsp_parse_u64(fsp_slice(from, length), UINT64_MAX, ret) == FSP_OK;
}

/* Fields 14 and 15 of stat, counted behind the name, which may hold anything but is in brackets. */
static bool
read_cpu(pid_t pid, double *ret_s)
{
    FILE *file;
    if (!open_proc(pid, "stat", &file))
        return false;
    char line[1024];
    size_t bytes = fread(line, 1, sizeof(line) - 1, file);
    (void)fclose(file);
    line[bytes] = '\0';
    const char *at = strrchr(line, ')');
    uint64_t user, kernel;
    if (!at)
        return false;
    at++;
    for (int field = 3; field < 14; field++) {
        at += strspn(at, " ");
        at += strcspn(at, " ");
    }
    if (!take_number(&at, &user) || !take_number(&at, &kernel))
        return false;
    *ret_s = (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
    return true;
}

/* The number behind a name in a file of lines "name: number [unit]"; unchanged if there is none. */
static void
read_number(pid_t pid, const char *name, const char *label, uint64_t unit, uint64_t *ret)
{
    FILE *file;
    if (!open_proc(pid, name, &file))
        return;
    char line[256];
    size_t length = strlen(label);
    while (fgets(line, sizeof(line), file)) {
        const char *at = line + length;
        uint64_t number;
        if (strncmp(line, label, length) == 0 && take_number(&at, &number))
            *ret = number * unit;
    }
    (void)fclose(file);
}

bool
bench_usage(pid_t pid, bench_usage_t *ret)
{
    *ret = (bench_usage_t){0};
    if (!read_cpu(pid, &ret->cpu_s))
        return false;
    read_number(pid, "status", "VmRSS:", 1024, &ret->rss_bytes);
    read_number(pid, "status", "VmHWM:", 1024, &ret->peak_bytes);
    read_number(pid, "io", "write_bytes:", 1, &ret->write_bytes);
    return ret->rss_bytes > 0;
}

/* nftw has no argument to hand on. */
static __thread uint64_t disk_bytes;

static int
add_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)path;
    (void)type;
    (void)place;
    disk_bytes += (uint64_t)info->st_blocks * BLOCK_BYTES;
    return 0;
}

uint64_t
bench_disk_bytes(const char *directory)
{
    disk_bytes = 0;
    (void)nftw(directory, add_entry, FILES_OPEN, FTW_PHYS);
    return disk_bytes;
}
