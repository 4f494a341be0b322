/* SPDX-License-Identifier: MIT */
/* report_run - this program once more, for one measurement: its last line, within a time. */
#include "bench/report_run.h"

#include "bench/interrupt.h"
#include "bench/measure.h"

#include "core/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { PIECE_BYTES = 16 * 1024, LOOK_EVERY_MS = 200, END_MS = 20000, ERRORS_CODE = 1 };

/* Keeps only what stands behind the last end of a line that has something behind it. */
static void
keep_last_line(fsp_buf_t *line)
{
    size_t end = line->bytes;
    if (end > 0 && line->data[end - 1] == '\n')
        end--; /* the last line's own */
    const uint8_t *before = end > 0 ? memrchr(line->data, '\n', end) : NULL;
    if (before)
        fsp_buf_consume(line, (size_t)(before + 1 - line->data));
}

/* Reads to the end, or until a time or a signal; false: it did not come to its end. */
static bool
read_to_end(int fd, double deadline, fsp_buf_t *line)
{
    uint8_t piece[PIECE_BYTES];
    while (bench_seconds() < deadline && !bench_interrupted()) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, LOOK_EVERY_MS) <= 0)
            continue; /* a signal, or nothing yet */
        ssize_t got = read(fd, piece, sizeof piece);
        if (got == 0)
            return true;
        if (got < 0 && errno != EINTR)
            return false;
        if (got > 0)
            fsp_buf_append(line, piece, (size_t)got);
        keep_last_line(line);
    }
    return false;
}

/* Waits for its end, for which it is asked if it has not `ended` its output; it is made to end
   after a while.  Returns its status. */
static int
reap(pid_t group, bool ended)
{
    int status = -1;
    double deadline = bench_seconds() + END_MS / 1e3;
    if (!ended)
        (void)kill(-group, SIGTERM);
    while (bench_seconds() < deadline) {
        if (waitpid(group, &status, WNOHANG) == group)
            return status;
        (void)poll(NULL, 0, LOOK_EVERY_MS / 20);
    }
    (void)kill(-group, SIGKILL);
    while (waitpid(group, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

bool
bench_run_last_line(const char *const *argv, double seconds_max, fsp_buf_t *line)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    FSP_ASSERT(posix_spawn_file_actions_init(&actions) == 0);
    FSP_ASSERT(posix_spawnattr_init(&attributes) == 0);
    FSP_ASSERT(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) == 0);
    /* A group of its own, so that what it started in turn can be ended with it. */
    FSP_ASSERT(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP) == 0);
    FSP_ASSERT(posix_spawnattr_setpgroup(&attributes, 0) == 0);
    pid_t pid;
    /* posix_spawn takes char *const *, and writes to none of them. */
    int rc =
        posix_spawn(&pid, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    (void)close(ends[1]); /* the child has its own */
    bool ended = false;
    int status = -1;
    if (rc == 0) {
        ended = read_to_end(ends[0], bench_seconds() + seconds_max, line);
        status = reap(pid, ended);
    }
    (void)close(ends[0]); /* was only read */
    bool good = WIFEXITED(status) && WEXITSTATUS(status) <= ERRORS_CODE;
    return ended && good && fsp_buf_ok(line) && line->bytes > 0;
}
