/* SPDX-License-Identifier: MIT */
/* node - a daemon of our own: the one that lies beside this program. */
#include "bench/bench.h"

#include "actors/filesphere.h"
#include "core/base/check.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOG_PATH_BYTES = 80, ANSWER_MS_MAX = 2000 };
static const double START_S_MAX = 120;

static struct sockaddr_in
local_address(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
}

/* One that nobody listens on now; 0: there is none. */
static uint16_t
free_port(void)
{
    struct sockaddr_in address = local_address(0);
    socklen_t bytes = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool found = fd >= 0 && bind(fd, (struct sockaddr *)&address, bytes) == 0 &&
                 getsockname(fd, (struct sockaddr *)&address, &bytes) == 0;
    if (fd >= 0)
        (void)close(fd); /* free again */
    return found ? ntohs(address.sin_port) : 0;
}

static bool
listens(uint16_t port)
{
    struct sockaddr_in address = local_address(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool there = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    if (fd >= 0)
        (void)close(fd); /* nothing was sent */
    return there;
}

/* The library is asked only when somebody listens, since it tries again after 100 ms only. */
static bool
answers(const bench_node_t *self)
{
    if (!listens(self->port))
        return false;
    filesphere_config_t config = {.profile_path = self->profile, .timeout_ms = ANSWER_MS_MAX};
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

/* Does not return. */
static void
become_node(const bench_node_t *self, const char *program)
{
    char log[LOG_PATH_BYTES], endpoint[64];
    (void)snprintf(log, sizeof(log), "%s.log", self->directory);
    (void)snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%u", self->port);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it must not outlive a bench that is killed */
    (void)setpgid(0, 0);                    /* Ctrl-C is for the bench, which stops it */
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)dup2(fd, STDOUT_FILENO); /* else they stay what they are */
        (void)dup2(fd, STDERR_FILENO);
    }
    (void)execl(program, program, "--data", self->directory, "--listen", endpoint, (char *)NULL);
    _exit(127);
}

bool
bench_node_start(bench_node_t *self)
{
    char program[512];
    bench_beside("filesphered", program, sizeof(program));
    (void)snprintf(self->profile, sizeof(self->profile), "%s/admin.profile", self->directory);
    if (self->port == 0)
        self->port = free_port();
    double start = bench_seconds();
    self->pid = fork();
    FSP_ASSERT(self->pid >= 0);
    if (self->pid == 0)
        become_node(self, program);
    while (!answers(self)) {
        if (bench_seconds() - start > START_S_MAX || waitpid(self->pid, NULL, WNOHANG) != 0) {
            (void)fprintf(stderr, "filesphere-bench: the node does not answer; see %s.log\n",
                          self->directory);
            return false;
        }
        struct timespec pause = {.tv_nsec = 1000 * 1000};
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
