/* SPDX-License-Identifier: MIT */
/* test_upgrade - a store of the program before: its shard is raised to the present level.  Layer
 * tests.
 *
 * The node is this very program, started again as a process of its own, which keeps the shard at
 * the level that is asked for.  Level 1 is what the first release wrote.
 */
#include "actors/filesphere.h"
#include "actors/supervisor.h"
#include "core/base/text.h"
#include "proto/errors.h"
#include "tests/unit/suite.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_US = 20 * 1000, START_LOOKS = 1500 };

static char place[] = "/tmp/fsp-upgrade-XXXXXX";
static char directory[64], profile[96];
static pid_t node;

static void
start_node(const char *level)
{
    char log[96];
    (void)snprintf(log, sizeof(log), "%s/log", place);
    char *argv[] = {"node", "--node", directory, (char *)(uintptr_t)level, NULL};
    extern char **environ;
    posix_spawn_file_actions_t actions;
    ck_assert_int_eq(posix_spawn_file_actions_init(&actions), 0);
    ck_assert_int_eq(posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log,
                                                      O_WRONLY | O_CREAT | O_APPEND, 0600),
                     0);
    ck_assert_int_eq(posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO), 0);
    ck_assert_int_eq(posix_spawn(&node, "/proc/self/exe", &actions, NULL, argv, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
}

static void
stop_node(void)
{
    int state = 0;
    ck_assert_int_eq(kill(node, SIGTERM), 0);
    ck_assert_int_eq(waitpid(node, &state, 0), node);
    node = 0;
    ck_assert_msg(WIFEXITED(state) && WEXITSTATUS(state) == 0, "the node ended with %d", state);
}

/* A handle to the node as soon as it serves. */
static filesphere_t *
reach_node(void)
{
    filesphere_config_t config = {.profile_path = profile, .timeout_ms = 5000};
    for (int i = 0; i < START_LOOKS; i++) {
        filesphere_t *handle = NULL;
        struct stat about;
        int state;
        ck_assert_int_eq(waitpid(node, &state, WNOHANG), 0);
        if (stat(profile, &about) == 0 && filesphere_open(&config, &handle) == FILESPHERE_OK)
            return handle;
        filesphere_close(&handle);
        fsp_suite_pause_us(LOOK_US);
    }
    ck_abort_msg("the node does not serve");
    return NULL;
}

/* -- contents ---------------------------------------------------------------------------------- */

typedef struct {
    const char *text;
    size_t at;
} source_t;

static int
read_text(void *arg, void *buffer, size_t size_max, size_t *ret_size)
{
    source_t *source = arg;
    size_t bytes = strlen(source->text) - source->at;
    *ret_size = bytes < size_max ? bytes : size_max;
    memcpy(buffer, source->text + source->at, *ret_size);
    source->at += *ret_size;
    return 0;
}

static uint64_t
put_text(filesphere_t *handle, const char *path, const char *text)
{
    source_t source = {.text = text};
    filesphere_put_t put = {.path = path, .create_parents = true, .size_hint = UINT64_MAX};
    filesphere_info_t info;
    filesphere_code_t code = filesphere_put(handle, &put, read_text, &source, &info);
    ck_assert_msg(code == FILESPHERE_OK, "%s", filesphere_error(handle));
    return info.change;
}

static int
write_text(void *arg, const void *data, size_t size)
{
    char *text = arg;
    size_t used = strlen(text);
    ck_assert_uint_lt(used + size, 64);
    memcpy(text + used, data, size);
    text[used + size] = '\0';
    return 0;
}

static void
expect_text(filesphere_t *handle, const char *path, const char *version, filesphere_at_t at,
            const char *wanted)
{
    char text[64] = "";
    filesphere_get_t get = {.path = path, .version = version, .at = at};
    filesphere_code_t code = filesphere_get(handle, &get, write_text, text, NULL);
    ck_assert_msg(code == FILESPHERE_OK, "%s", filesphere_error(handle));
    ck_assert_str_eq(text, wanted);
}

static int
take_oldest(void *arg, const filesphere_version_t *version)
{
    fsp_hex_encode(version->version_id, sizeof(version->version_id), arg);
    return 0;
}

static void
expect(filesphere_t *handle, filesphere_code_t code, fsp_status_t status)
{
    ck_assert_msg(code == fsp_error_info(status)->code, "code %u: %s", code,
                  filesphere_error(handle));
}

/* -- tests ------------------------------------------------------------------------------------- */

static const filesphere_at_t now;

/* The old store: two versions, a directory, something in the trash.  What the shard cannot do yet
   is not offered. */
static void
fill_old_store(uint64_t *ret_change)
{
    start_node("1");
    filesphere_t *handle = reach_node();
    filesphere_info_t info;
    uint64_t token, change;
    (void)put_text(handle, "/docs/a", "one");
    (void)put_text(handle, "/docs/a", "two");
    (void)put_text(handle, "/docs/gone", "gone");
    expect(handle, filesphere_remove(handle, NULL, "/docs/gone", false, &info), FSP_OK);
    *ret_change = info.change;
    expect(handle, filesphere_lock(handle, NULL, "/docs/a", 60000000, &token, NULL),
           FSP_UNSUPPORTED);
    expect(handle,
           filesphere_stat_at(handle, NULL, "/docs/a", (filesphere_at_t){.change = 2}, &info),
           FSP_UNSUPPORTED);
    expect(handle, filesphere_purge(handle, NULL, NULL, 0, &change), FSP_UNSUPPORTED);
    expect(handle, filesphere_space_create(handle, "team", 0, &info), FSP_UNSUPPORTED);
    expect_text(handle, "/docs/a", NULL, now, "two");
    filesphere_close(&handle);
    stop_node();
}

START_TEST(an_old_store_keeps_what_it_has_and_learns_the_rest)
{
    uint64_t old_change = 0, token = 0, change = 0;
    fill_old_store(&old_change);
    start_node("0");
    filesphere_t *handle = reach_node();
    filesphere_info_t info;
    char oldest[65] = "";
    expect_text(handle, "/docs/a", NULL, now, "two");
    expect(handle, filesphere_versions(handle, NULL, "/docs/a", take_oldest, oldest), FSP_OK);
    expect_text(handle, "/docs/a", oldest, now, "one");

    /* The past begins with the level: before it nobody knows what names meant. */
    expect(handle,
           filesphere_stat_at(handle, NULL, "/docs/a", (filesphere_at_t){.change = 2}, &info),
           FSP_GONE);
    uint64_t third = put_text(handle, "/docs/a", "three");
    ck_assert_uint_eq(third, old_change + 1);
    (void)put_text(handle, "/docs/a", "four");
    expect_text(handle, "/docs/a", NULL, (filesphere_at_t){.change = third}, "three");
    expect_text(handle, "/docs/a", NULL, (filesphere_at_t){.change = old_change}, "two");
    expect(handle, filesphere_lock(handle, NULL, "/docs/a", 60000000, &token, NULL), FSP_OK);
    expect(handle, filesphere_prune(handle, NULL, "/docs/a", oldest, &info), FSP_OK);
    /* What went to the trash before has no origin but its change. */
    expect(handle, filesphere_purge(handle, NULL, NULL, 0, &change), FSP_OK);
    expect(handle, filesphere_space_create(handle, "team", 0, &info), FSP_OK);
    filesphere_close(&handle);
    stop_node();

    /* A level never falls, whatever is asked for. */
    start_node("1");
    handle = reach_node();
    expect(handle, filesphere_stat(handle, "team", "/", NULL, &info), FSP_OK);
    expect(handle, filesphere_unlock(handle, NULL, "/docs/a", token, NULL), FSP_OK);
    expect_text(handle, "/docs/a", NULL, now, "four");
    filesphere_close(&handle);
    stop_node();
}
END_TEST

static void
set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(place));
    (void)snprintf(directory, sizeof(directory), "%s/data", place);
    (void)snprintf(profile, sizeof(profile), "%s/admin.profile", directory);
}

static void
tear_down(void)
{
    if (node > 0) {
        (void)kill(node, SIGKILL);
        (void)waitpid(node, NULL, 0);
    }
    char *argv[] = {"rm", "-rf", place, NULL};
    pid_t pid;
    extern char **environ;
    if (posix_spawnp(&pid, "rm", NULL, NULL, argv, environ) == 0)
        (void)waitpid(pid, NULL, 0);
}

static Suite *
upgrade_suite(void)
{
    Suite *suite = suite_create("upgrade");
    TCase *tcase = tcase_create("levels");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, an_old_store_keeps_what_it_has_and_learns_the_rest);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--node") == 0) {
        fsp_supervisor_config_t config = {.directory = argv[2],
                                          .listen = "tcp://127.0.0.1:*",
                                          .feature_level = argv[3][0] == '1' ? 1 : 0};
        return fsp_supervisor_run(&config);
    }
    return fsp_suite_main(upgrade_suite());
}
