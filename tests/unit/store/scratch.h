/* SPDX-License-Identifier: MIT */
/* scratch - a directory that goes away, files in it, and this program run again.  Layer tests. */
#ifndef FSP_TESTS_UNIT_STORE_SCRATCH_H
#define FSP_TESTS_UNIT_STORE_SCRATCH_H
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static inline int
scratch_unlink(const char *path, const struct stat *found, int kind, struct FTW *where)
{
    (void)found;
    (void)kind;
    (void)where;
    return remove(path);
}

static inline void
scratch_remove(const char *path)
{
    (void)nftw(path, scratch_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

static inline char *
scratch_make(void)
{
    const char *root = getenv("TMPDIR");
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/fsp-store-XXXXXX", root ? root : "/tmp");
    ck_assert(mkdtemp(path) != NULL);
    return strdup(path);
}

static inline void
scratch_end(char **path_p)
{
    scratch_remove(*path_p);
    free(*path_p);
    *path_p = NULL;
}

/* "DIR/NAME" in static storage, until the next but one call. */
static inline const char *
scratch_path(const char *directory, const char *name)
{
    static char paths[2][1024];
    static unsigned next;
    char *path = paths[next++ % 2];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
    return path;
}

static inline off_t
scratch_size(const char *path)
{
    struct stat found;
    ck_assert_int_eq(stat(path, &found), 0);
    return found.st_size;
}

static inline void
scratch_flip(const char *path, off_t at)
{
    int fd = open(path, O_RDWR);
    ck_assert(fd >= 0);
    uint8_t byte = 0;
    ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
    ck_assert_int_eq(close(fd), 0);
}

static inline void
scratch_copy(const char *from, const char *to)
{
    static uint8_t bytes[1 << 20];
    int in = open(from, O_RDONLY);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert(in >= 0 && out >= 0);
    ssize_t got = 0;
    while ((got = read(in, bytes, sizeof(bytes))) > 0)
        ck_assert_int_eq(write(out, bytes, (size_t)got), got);
    ck_assert_int_eq(got, 0);
    (void)close(in);
    (void)close(out);
}

/* Path of the file with this ending and the highest number in its name ("000012.log"). */
static inline const char *
scratch_newest(const char *directory, const char *ending)
{
    DIR *open_directory = opendir(directory);
    ck_assert(open_directory != NULL);
    char best[300] = "";
    struct dirent *entry = NULL;
    while ((entry = readdir(open_directory)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot && strcmp(dot, ending) == 0 && strcmp(entry->d_name, best) > 0)
            (void)snprintf(best, sizeof(best), "%s", entry->d_name);
    }
    (void)closedir(open_directory);
    ck_assert_msg(best[0] != '\0', "no %s in %s", ending, directory);
    return scratch_path(directory, best);
}

/* Runs this program again as `PROGRAM role argument`: a child by fork alone would have RocksDB's
   state but not its threads.  *ret_fd reads its standard output. */
static inline pid_t
scratch_again(const char *role, const char *argument, int *ret_fd)
{
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t child = fork();
    ck_assert(child >= 0);
    if (child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)execl("/proc/self/exe", "again", role, argument, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    *ret_fd = ends[0];
    return child;
}
#endif
