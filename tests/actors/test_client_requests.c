/* SPDX-License-Identifier: MIT */
/* test_client_requests - the client library's small requests of protocol 1.3 at a real node.  Layer
 * tests. */
#include "tests/actors/child_node.h"

static const filesphere_attr_t first = {.set = true, .mode = 0640, .mtime_s = 11, .mtime_ns = 12},
                               second = {.set = true, .mode = 01755, .mtime_s = -3};

static void
check_attr(const filesphere_attr_t *got, const filesphere_attr_t *wanted)
{
    ck_assert(got->set == wanted->set);
    ck_assert_uint_eq(got->mode, wanted->mode);
    ck_assert_int_eq(got->mtime_s, wanted->mtime_s);
    ck_assert_uint_eq(got->mtime_ns, wanted->mtime_ns);
}

/* Puts a small file in a batch of one, and says its version. */
static void
put_small(filesphere_t *handle, const char *path, const filesphere_attr_t *attr,
          filesphere_did_t *ret)
{
    filesphere_operation_t put = {
        .op = FILESPHERE_OP_PUT, .path = path, .content = path, .size = strlen(path)};
    if (attr)
        put.attr = *attr;
    size_t failed;
    expect(handle, filesphere_batch(handle, NULL, &put, 1, ret, NULL, &failed), FSP_OK);
}

/* -- attributes and versions ------------------------------------------------------------------- */

typedef struct {
    size_t count;
    filesphere_entry_t entries[4];
} entries_t;

static int
take_entry(void *arg, const filesphere_entry_t *entry)
{
    entries_t *entries = arg;
    ck_assert_uint_lt(entries->count, 4);
    entries->entries[entries->count++] = *entry;
    return 0;
}

START_TEST(attributes_are_set_and_listed)
{
    child_node_start("0");
    filesphere_t *handle = child_node_reach();
    filesphere_did_t did;
    filesphere_info_t info, after;
    put_small(handle, "/a", &first, &did);
    put_small(handle, "/b", NULL, &did);
    expect(handle, filesphere_set_attr(handle, NULL, "/b", &second, did.version_id, &info), FSP_OK);
    ck_assert_str_eq(info.path, "/b");
    ck_assert_mem_eq(info.file_id, did.file_id, sizeof(did.file_id));
    expect(handle, filesphere_stat(handle, NULL, "/b", NULL, &after), FSP_OK);
    check_attr(&after.attr, &second);
    ck_assert_uint_eq(after.change, info.change);
    ck_assert_mem_eq(after.version_id, did.version_id, sizeof(did.version_id));
    did.version_id[0] ^= 1;
    expect(handle, filesphere_set_attr(handle, NULL, "/b", &first, did.version_id, NULL),
           FSP_MISMATCH);
    expect(handle, filesphere_set_attr(handle, NULL, "/none", &first, NULL, NULL), FSP_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(filesphere_error(handle), "/none"));
    filesphere_attr_t unset = {.set = false};
    ck_assert_uint_eq(filesphere_set_attr(handle, NULL, "/b", &unset, NULL, NULL),
                      fsp_error_info(FSP_INVALID)->code);

    filesphere_operation_t operations[] = {
        {.op = FILESPHERE_OP_MKDIR, .path = "/c"},
        {.op = FILESPHERE_OP_ATTR, .path = "/c", .attr = second},
        {.op = FILESPHERE_OP_MKDIR, .path = "/d"},
    };
    filesphere_did_t done[3];
    uint64_t change;
    size_t failed;
    expect(handle, filesphere_batch(handle, NULL, operations, 3, done, &change, &failed), FSP_OK);
    ck_assert_mem_eq(done[0].file_id, done[1].file_id, sizeof(done[0].file_id));

    entries_t entries = {.count = 0};
    expect(handle, filesphere_list(handle, NULL, "/", NULL, take_entry, &entries), FSP_OK);
    ck_assert_uint_eq(entries.count, 4);
    check_attr(&entries.entries[0].attr, &first);
    check_attr(&entries.entries[1].attr, &second);
    check_attr(&entries.entries[2].attr, &second);
    ck_assert(!entries.entries[3].attr.set);
    filesphere_close(&handle);
    child_node_stop();
}
END_TEST

typedef struct {
    size_t count;
    filesphere_version_t versions[3];
} versions_t;

static int
take_version(void *arg, const filesphere_version_t *version)
{
    versions_t *versions = arg;
    ck_assert_uint_lt(versions->count, 3);
    versions->versions[versions->count++] = *version;
    return 0;
}

START_TEST(versions_know_their_parents_and_operations)
{
    child_node_start("0");
    filesphere_t *handle = child_node_reach();
    filesphere_did_t did[3];
    for (int i = 0; i < 3; i++)
        put_small(handle, "/v", NULL, &did[i]);
    versions_t *versions = calloc(1, sizeof(*versions));
    ck_assert_ptr_nonnull(versions);
    expect(handle, filesphere_versions(handle, NULL, "/v", take_version, versions), FSP_OK);
    ck_assert_uint_eq(versions->count, 3);
    static const uint8_t none[16];
    for (int i = 0; i < 3; i++) {
        const filesphere_version_t *version = &versions->versions[2 - i];
        ck_assert_mem_eq(version->version_id, did[i].version_id, sizeof(did[i].version_id));
        ck_assert_uint_eq(version->parent_count, i > 0 ? 1 : 0);
        if (i > 0)
            ck_assert_mem_eq(version->parents[0], did[i - 1].version_id, 32);
        ck_assert_mem_ne(version->op_id, none, sizeof(none));
    }
    ck_assert_mem_ne(versions->versions[0].op_id, versions->versions[1].op_id, 16);
    free(versions);
    filesphere_close(&handle);
    child_node_stop();
}
END_TEST

/* -- spaces ------------------------------------------------------------------------------------ */

START_TEST(spaces_are_made_shown_and_set)
{
    child_node_start("0");
    filesphere_t *handle = child_node_reach();
    static const uint64_t fixed[3] = {131072, 131072, 131072}, bad[3] = {1, 2, 3};
    filesphere_info_t info;
    filesphere_space_t space;
    expect(handle, filesphere_space_show(handle, NULL, &space), FSP_OK);
    ck_assert_str_eq(space.name, "home");
    ck_assert_uint_eq(space.chunk_bytes_min, 262144);
    ck_assert_uint_eq(space.chunk_bytes_avg, 1048576);
    ck_assert_uint_eq(space.chunk_bytes_max, 4194304);
    expect(handle, filesphere_space_create_chunked(handle, "none", 0, bad, &info), FSP_INVALID);
    expect(handle, filesphere_space_show(handle, "none", &space), FSP_NO_SUCH_SPACE);
    ck_assert_ptr_nonnull(strstr(filesphere_error(handle), "none: no such space"));
    expect(handle, filesphere_space_create_chunked(handle, "team", 5000, fixed, &info), FSP_OK);
    expect(handle, filesphere_space_show(handle, "team", &space), FSP_OK);
    ck_assert_uint_eq(space.quota_bytes, 5000);
    ck_assert_uint_eq(space.chunk_bytes_min, 131072);
    ck_assert_uint_eq(space.chunk_bytes_max, 131072);
    static const filesphere_keep_t nothing, keep = {3, 14, 7, 5, 12, 60};
    ck_assert_mem_eq(&space.keep, &nothing, sizeof(nothing));

    filesphere_space_settings_t settings = {.set_keep = true, .keep = keep};
    expect(handle, filesphere_space_set(handle, "team", &settings), FSP_OK);
    expect(handle, filesphere_space_show(handle, "team", &space), FSP_OK);
    ck_assert_mem_eq(&space.keep, &keep, sizeof(keep));
    ck_assert_uint_eq(space.quota_bytes, 5000);
    settings = (filesphere_space_settings_t){.set_keep = true, .set_quota = true, .quota_bytes = 7};
    expect(handle, filesphere_space_set(handle, "team", &settings), FSP_OK);
    expect(handle, filesphere_space_show(handle, "team", &space), FSP_OK);
    ck_assert_mem_eq(&space.keep, &nothing, sizeof(nothing));
    ck_assert_uint_eq(space.quota_bytes, 7);
    settings.keep.days = 1000001;
    expect(handle, filesphere_space_set(handle, "team", &settings), FSP_INVALID);
    expect(handle, filesphere_space_set(handle, "none", &settings), FSP_NO_SUCH_SPACE);
    settings = (filesphere_space_settings_t){.set_quota = false};
    ck_assert_uint_eq(filesphere_space_set(handle, "team", &settings),
                      fsp_error_info(FSP_INVALID)->code);
    filesphere_close(&handle);
    child_node_stop();
}
END_TEST

/* At the level before, a space with chunks of one length is refused, and one of three is not. */
START_TEST(a_shard_of_level_2_has_no_chunks_of_one_length)
{
    child_node_start("2");
    filesphere_t *handle = child_node_reach();
    static const uint64_t fixed[3] = {131072, 131072, 131072}, usual[3] = {65536, 131072, 262144};
    filesphere_info_t info;
    expect(handle, filesphere_space_create_chunked(handle, "fixed", 0, fixed, &info), FSP_LEVEL);
    expect(handle, filesphere_space_create_chunked(handle, "usual", 0, usual, &info), FSP_OK);
    filesphere_close(&handle);
    child_node_stop();
    child_node_start("0");
    handle = child_node_reach();
    expect(handle, filesphere_space_create_chunked(handle, "fixed", 0, fixed, &info), FSP_OK);
    filesphere_space_t space;
    expect(handle, filesphere_space_show(handle, "usual", &space), FSP_OK);
    ck_assert_uint_eq(space.chunk_bytes_avg, 131072);
    filesphere_close(&handle);
    child_node_stop();
}
END_TEST

/* -- keys -------------------------------------------------------------------------------------- */

typedef struct {
    size_t count;
    filesphere_key_t keys[3];
} keys_t;

static int
take_key(void *arg, const filesphere_key_t *key)
{
    keys_t *keys = arg;
    ck_assert_uint_lt(keys->count, 3);
    keys->keys[keys->count++] = *key;
    return 0;
}

static keys_t
list_keys(filesphere_t *handle)
{
    keys_t keys = {.count = 0};
    expect(handle, filesphere_keys(handle, take_key, &keys), FSP_OK);
    return keys;
}

static filesphere_t *
open_with(const char *path, fsp_status_t wanted)
{
    filesphere_config_t config = {.profile_path = path, .timeout_ms = 2000};
    filesphere_t *handle = NULL;
    filesphere_code_t code = filesphere_open(&config, &handle);
    expect(handle, code, wanted);
    return handle;
}

START_TEST(a_key_is_added_used_and_removed)
{
    child_node_start("0");
    filesphere_t *admin = child_node_reach();
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/laptop.profile", child_place);
    filesphere_key_t key, unused;
    expect(admin, filesphere_key_add(admin, "laptop", path, &key), FSP_OK);
    ck_assert_str_eq(key.name, "laptop");
    ck_assert_uint_gt(key.added_us, 0);
    ck_assert(!key.own);
    struct stat about;
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_uint_eq(about.st_mode & 07777, 0600);

    /* What is refused leaves nothing behind: no key, no profile, and no profile that was there. */
    expect(admin, filesphere_key_add(admin, "phone", path, &unused), FSP_EXISTS);
    char other[96];
    (void)snprintf(other, sizeof(other), "%s/other.profile", child_place);
    expect(admin, filesphere_key_add(admin, "laptop", other, &unused), FSP_EXISTS);
    ck_assert_int_eq(access(other, F_OK), -1);
    expect(admin, filesphere_key_add(admin, "a/b", other, &unused), FSP_BAD_NAME);
    ck_assert_int_eq(access(other, F_OK), -1);
    expect(admin, filesphere_key_add(admin, "phone", "/proc/none/profile", &unused), FSP_IO);
    keys_t keys = list_keys(admin);
    ck_assert_uint_eq(keys.count, 2);
    ck_assert_str_eq(keys.keys[0].name, "admin");
    ck_assert(keys.keys[0].own && keys.keys[0].added_us == 0);
    ck_assert_mem_eq(keys.keys[1].key, key.key, sizeof(key.key));
    ck_assert_uint_eq(keys.keys[1].added_us, key.added_us);

    filesphere_t *laptop = open_with(path, FSP_OK);
    filesphere_did_t did;
    put_small(laptop, "/by-laptop", NULL, &did);
    keys = list_keys(laptop);
    ck_assert(!keys.keys[0].own && keys.keys[1].own);
    expect(laptop, filesphere_key_remove(laptop, key.key), FSP_FORBIDDEN);
    expect(laptop, filesphere_key_remove(laptop, keys.keys[0].key), FSP_FORBIDDEN);

    expect(admin, filesphere_key_remove(admin, key.key), FSP_OK);
    expect(admin, filesphere_key_remove(admin, key.key), FSP_NOT_FOUND);
    filesphere_info_t info;
    expect(laptop, filesphere_stat(laptop, NULL, "/", NULL, &info), FSP_FORBIDDEN);
    filesphere_close(&laptop);
    laptop = open_with(path, FSP_UNREACHABLE);
    filesphere_close(&laptop);
    ck_assert_uint_eq(list_keys(admin).count, 1);
    filesphere_close(&admin);
    child_node_stop();
}
END_TEST

static Suite *
requests_suite(void)
{
    Suite *suite = suite_create("client_requests");
    TCase *tcase = tcase_create("requests");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, child_node_set_up, child_node_tear_down);
    tcase_add_test(tcase, attributes_are_set_and_listed);
    tcase_add_test(tcase, versions_know_their_parents_and_operations);
    tcase_add_test(tcase, spaces_are_made_shown_and_set);
    tcase_add_test(tcase, a_shard_of_level_2_has_no_chunks_of_one_length);
    tcase_add_test(tcase, a_key_is_added_used_and_removed);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(int argc, char **argv)
{
    int code = child_node_main(argc, argv);
    return code >= 0 ? code : fsp_suite_main(requests_suite());
}
