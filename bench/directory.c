/* SPDX-License-Identifier: MIT */
/* directory - a directory for one command, with a node or without, that goes with it however it
 * ends. */
#include "bench/bench.h"
#include "bench/interrupt.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOG_PATH_BYTES = 80 };

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

static void
log_path(const bench_node_t *node, char ret[LOG_PATH_BYTES])
{
    (void)snprintf(ret, LOG_PATH_BYTES, "%s.log", node->directory);
}

/* Does not return.  The pipe ends when all who inherited its other end are gone: the command, its
   node, its clients. */
static void
become_guard(const bench_node_t *node, const int ends[2])
{
    char log[LOG_PATH_BYTES], byte;
    (void)setpgid(0, 0); /* a signal to the command's group is not for this one */
    (void)close(ends[1]);
    ssize_t got;
    do
        got = read(ends[0], &byte, sizeof(byte));
    while (got < 0 && errno == EINTR);
    bench_remove(node->directory);
    log_path(node, log);
    (void)unlink(log);
    _exit(0);
}

/* A process that takes the directory away if the command cannot: a signal that it does not catch, a
   failure deep inside, kill -9.  0: there is none, which only means that what then stays, stays. */
static pid_t
start_guard(const bench_node_t *node, int *ret_held)
{
    int ends[2];
    *ret_held = -1;
    if (pipe(ends) != 0) /* inherited by all children, on purpose */
        return 0;
    pid_t pid = fork();
    if (pid == 0)
        become_guard(node, ends);
    (void)close(ends[0]);
    *ret_held = ends[1];
    return pid > 0 ? pid : 0;
}

static void
dismiss_guard(pid_t guard, int held)
{
    if (guard > 0) {
        (void)kill(guard, SIGKILL);
        (void)waitpid(guard, NULL, 0);
    }
    if (held >= 0)
        (void)close(held); /* nobody reads it any more */
}

int
bench_in_directory(bench_in_fn *run, void *arg)
{
    bench_node_t node = {.directory = "bench-XXXXXX"};
    if (access(".", W_OK) != 0)
        (void)snprintf(node.directory, sizeof(node.directory), "/tmp/bench-XXXXXX");
    if (!mkdtemp(node.directory)) {
        perror("filesphere-bench: temporary directory");
        return 1;
    }
    int held;
    (void)fflush(NULL); /* or both would write it */
    pid_t guard = start_guard(&node, &held);
    int code = run(arg, &node);
    bench_node_stop(&node);
    bench_remove(node.directory);
    dismiss_guard(guard, held);
    char log[LOG_PATH_BYTES];
    log_path(&node, log);
    if (code == 0 || bench_interrupted())
        (void)unlink(log);
    else if (access(log, R_OK) == 0) /* a node was started */
        (void)fprintf(stderr, "filesphere-bench: what the node said is in %s\n", log);
    return code;
}
