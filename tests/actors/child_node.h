/* SPDX-License-Identifier: MIT */
/* child_node - a whole node for tests of the client library: the test's own program, started again.
 * Layer tests.
 *
 * main() begins with child_node_main, which runs the node if it is one.
 */
#ifndef FSP_TESTS_ACTORS_CHILD_NODE_H
#define FSP_TESTS_ACTORS_CHILD_NODE_H
#include "actors/filesphere.h"
#include "actors/supervisor.h"
#include "proto/errors.h"
#include "tests/unit/suite.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_LOOK_US = 20 * 1000, CHILD_LOOKS = 1500 };

static char child_place[] = "/tmp/fsp-child-XXXXXX"; /* a directory of this test's own */
static char child_directory[64], child_profile[96];
static pid_t child_node;

/* level: one digit, what the shard is raised to; "0": to the program's own. */
static inline void
child_node_start(const char *level)
{
    char log[96];
    (void)snprintf(log, sizeof(log), "%s/log", child_place);
    char *argv[] = {"node", "--node", child_directory, (char *)(uintptr_t)level, NULL};
    extern char **environ;
    posix_spawn_file_actions_t actions;
    ck_assert_int_eq(posix_spawn_file_actions_init(&actions), 0);
    ck_assert_int_eq(posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log,
                                                      O_WRONLY | O_CREAT | O_APPEND, 0600),
                     0);
    ck_assert_int_eq(posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO), 0);
    ck_assert_int_eq(posix_spawn(&child_node, "/proc/self/exe", &actions, NULL, argv, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
}

static inline void
child_node_stop(void)
{
    int state = 0;
    ck_assert_int_eq(kill(child_node, SIGTERM), 0);
    ck_assert_int_eq(waitpid(child_node, &state, 0), child_node);
    child_node = 0;
    ck_assert_msg(WIFEXITED(state) && WEXITSTATUS(state) == 0, "the node ended with %d", state);
}

/* A handle to the node as soon as it serves. */
static inline filesphere_t *
child_node_reach(void)
{
    filesphere_config_t config = {.profile_path = child_profile, .timeout_ms = 5000};
    for (int i = 0; i < CHILD_LOOKS; i++) {
        filesphere_t *handle = NULL;
        struct stat about;
        int state;
        ck_assert_int_eq(waitpid(child_node, &state, WNOHANG), 0);
        if (stat(child_profile, &about) == 0 && filesphere_open(&config, &handle) == FILESPHERE_OK)
            return handle;
        filesphere_close(&handle);
        fsp_suite_pause_us(CHILD_LOOK_US);
    }
    ck_abort_msg("the node does not serve");
    return NULL;
}

/* A call that ended with this status. */
static inline void
expect(filesphere_t *handle, filesphere_code_t code, fsp_status_t status)
{
    ck_assert_msg(code == fsp_error_info(status)->code, "code %u in place of %s: %s", code,
                  fsp_error_info(status)->symbol, filesphere_error(handle));
}

static inline void
child_node_set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(child_place));
    (void)snprintf(child_directory, sizeof(child_directory), "%s/data", child_place);
    (void)snprintf(child_profile, sizeof(child_profile), "%s/admin.profile", child_directory);
}

static inline void
child_node_tear_down(void)
{
    if (child_node > 0) {
        (void)kill(child_node, SIGKILL);
        (void)waitpid(child_node, NULL, 0);
        child_node = 0;
    }
    char *argv[] = {"rm", "-rf", child_place, NULL};
    pid_t pid;
    extern char **environ;
    if (posix_spawnp(&pid, "rm", NULL, NULL, argv, environ) == 0)
        (void)waitpid(pid, NULL, 0);
    memcpy(child_place + strlen(child_place) - 6, "XXXXXX", 6);
}

/* The node's exit code if this process is to be one; -1: it is the test. */
static inline int
child_node_main(int argc, char **argv)
{
    if (argc != 4 || strcmp(argv[1], "--node") != 0)
        return -1;
    fsp_supervisor_config_t config = {.directory = argv[2],
                                      .listen = "tcp://127.0.0.1:*",
                                      .feature_level = (uint64_t)(argv[3][0] - '0')};
    return fsp_supervisor_run(&config);
}
#endif
