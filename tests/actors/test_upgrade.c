/* SPDX-License-Identifier: MIT */
/* test_upgrade - a store of the program before: its shard is raised to the present level.  Layer
 * tests.
 *
 * The node is this very program, started again as a process of its own, which keeps the shard at
 * the level that is asked for.  Level 1 is what the first release wrote.
 */
#include "core/base/text.h"
#include "tests/actors/child_node.h"

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

/* -- tests ------------------------------------------------------------------------------------- */

static const filesphere_at_t now;

/* The old store: two versions, a directory, something in the trash.  What the shard cannot do yet
   is not offered. */
static void
fill_old_store(uint64_t *ret_change)
{
    child_node_start("1");
    filesphere_t *handle = child_node_reach();
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
    child_node_stop();
}

START_TEST(an_old_store_keeps_what_it_has_and_learns_the_rest)
{
    uint64_t old_change = 0, token = 0, change = 0;
    fill_old_store(&old_change);
    child_node_start("0");
    filesphere_t *handle = child_node_reach();
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
    child_node_stop();

    /* A level never falls, whatever is asked for. */
    child_node_start("1");
    handle = child_node_reach();
    expect(handle, filesphere_stat(handle, "team", "/", NULL, &info), FSP_OK);
    expect(handle, filesphere_unlock(handle, NULL, "/docs/a", token, NULL), FSP_OK);
    expect_text(handle, "/docs/a", NULL, now, "four");
    filesphere_close(&handle);
    child_node_stop();
}
END_TEST

enum { OLD_SPACES = 100 };

static const uint64_t fixed[3] = {100000, 100000, 100000};

static int
count_space(void *arg, const filesphere_space_t *space)
{
    size_t *counts = arg;
    counts[0]++;
    counts[1] += space->chunk_bytes_min == space->chunk_bytes_max;
    return 0;
}

static void
expect_spaces(filesphere_t *handle, size_t count, size_t fixed_count)
{
    size_t counts[2] = {0};
    expect(handle, filesphere_spaces(handle, count_space, counts), FSP_OK);
    ck_assert_uint_eq(counts[0], count);
    ck_assert_uint_eq(counts[1], fixed_count);
}

/* Level 3 brought chunks of one length.  Who asks for them before gets them after. */
START_TEST(many_spaces_of_level_2_are_raised)
{
    filesphere_info_t info;
    child_node_start("2");
    filesphere_t *handle = child_node_reach();
    for (int i = 0; i < OLD_SPACES; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "space-%d", i);
        expect(handle, filesphere_space_create(handle, name, 0, &info), FSP_OK);
    }
    expect(handle, filesphere_space_create_chunked(handle, "disks", 0, fixed, &info), FSP_LEVEL);
    expect_spaces(handle, 1 + OLD_SPACES, 0);
    filesphere_close(&handle);
    child_node_stop();

    static const char *const levels[] = {"0", "2"}; /* the program's; a level never falls */
    for (size_t i = 0; i < 2; i++) {
        child_node_start(levels[i]);
        handle = child_node_reach();
        expect_spaces(handle, 1 + OLD_SPACES + i, i);
        expect(handle,
               filesphere_space_create_chunked(handle, i == 0 ? "disks" : "more-disks", 0, fixed,
                                               &info),
               FSP_OK);
        expect(handle, filesphere_stat(handle, "space-99", "/", NULL, &info), FSP_OK);
        filesphere_close(&handle);
        child_node_stop();
    }
}
END_TEST

static Suite *
upgrade_suite(void)
{
    Suite *suite = suite_create("upgrade");
    TCase *tcase = tcase_create("levels");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, child_node_set_up, child_node_tear_down);
    tcase_add_test(tcase, an_old_store_keeps_what_it_has_and_learns_the_rest);
    tcase_add_test(tcase, many_spaces_of_level_2_are_raised);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(int argc, char **argv)
{
    int code = child_node_main(argc, argv);
    return code >= 0 ? code : fsp_suite_main(upgrade_suite());
}
