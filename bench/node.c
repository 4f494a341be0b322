/* SPDX-License-Identifier: MIT */
/* node - a daemon of our own: the one that lies beside this program. */
#include "bench/bench.h"

#include "actors/filesphere.h"
#include "core/base/check.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const double START_S_MAX = 120;

static int
remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

void
bench_remove(const char *directory)
{
    (void)nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static bool
answers(const bench_node_t *self)
{
    /* Short, since a connection that is refused is tried again only after a while. */
    filesphere_config_t config = {.profile_path = self->profile, .timeout_ms = 100};
    filesphere_t *handle = NULL;
    filesphere_node_t info;
    bool up = filesphere_open(&config, &handle) == FILESPHERE_OK &&
              filesphere_node(handle, &info) == FILESPHERE_OK;
    filesphere_close(&handle);
    return up;
}

void
bench_beside(const char *name, char *ret, size_t bytes_max)
{
    ssize_t length = readlink("/proc/self/exe", ret, bytes_max - 1);
    FSP_ASSERT(length > 0);
    ret[length] = '\0';
    char *slash = strrchr(ret, '/');
    size_t left = bytes_max - (size_t)(slash + 1 - ret);
    int used = snprintf(slash + 1, left, "%s", name);
    FSP_ASSERT(used > 0 && (size_t)used < left);
}

bool
bench_node_start(bench_node_t *self)
{
    char program[512];
    bench_beside("filesphered", program, sizeof(program));
    (void)snprintf(self->profile, sizeof(self->profile), "%s/admin.profile", self->directory);
    double start = bench_seconds();
    self->pid = fork();
    FSP_ASSERT(self->pid >= 0);
    if (self->pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        (void)dup2(null, STDOUT_FILENO);
        (void)execl(program, program, "--data", self->directory, "--listen",
                    "tcp://127.0.0.1:17421", (char *)NULL);
        _exit(127);
    }
    while (!answers(self)) {
        if (bench_seconds() - start > START_S_MAX || waitpid(self->pid, NULL, WNOHANG) != 0)
            return false;
        struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
        (void)nanosleep(&pause, NULL);
    }
    self->start_s = bench_seconds() - start;
    return true;
}

void
bench_node_stop(bench_node_t *self)
{
    if (self->pid > 0) {
        (void)kill(self->pid, SIGTERM);
        (void)waitpid(self->pid, NULL, 0);
    }
    self->pid = 0;
}
