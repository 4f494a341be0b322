/* SPDX-License-Identifier: MIT */
/* test_keyring - client keys: who is in, the file they lie in, and what is no such file.  Layer
 * tests. */
#include "actors/keyring.h"
#include "core/base/alloc.h"
#include "store/datadir.h"
#include "tests/unit/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const fsp_mesh_id_t mesh = {{1, 2, 3}}, other_mesh = {{3, 2, 1}};
static const uint8_t admin[32] = {9, 9, 9};
static fsp_keyring_t ring;
static fsp_buf_t bytes;

static fsp_key_t
key(unsigned number)
{
    fsp_key_t ret = {{7}};
    fsp_store_u32(ret.bytes + 8, number + 1);
    return ret;
}

static fsp_status_t
add(unsigned number, const char *name)
{
    return fsp_keyring_add(&ring, key(number), fsp_slice_text(name), 1000 + number);
}

static void
set_up(void)
{
    fsp_keyring_init(&ring, mesh, admin);
    fsp_buf_init(&bytes, FSP_KEYRING_FILE_BYTES_MAX);
}

static void
tear_down(void)
{
    fsp_buf_clear(&bytes);
}

START_TEST(the_admins_key_is_there_and_stays)
{
    fsp_key_t first;
    memcpy(first.bytes, admin, sizeof(first.bytes));
    ck_assert_ptr_eq(fsp_keyring_find(&ring, first), &ring.items[0]);
    ck_assert_str_eq(ring.items[0].name, "admin");
    ck_assert_uint_eq(ring.items[0].added, 0);
    ck_assert_int_eq(fsp_keyring_remove(&ring, first), FSP_FORBIDDEN);
    ck_assert_int_eq(fsp_keyring_add(&ring, first, fsp_slice_text("admin"), 5), FSP_OK);
    ck_assert_int_eq(fsp_keyring_add(&ring, first, fsp_slice_text("me"), 5), FSP_EXISTS);
    ck_assert_int_eq(add(1, "admin"), FSP_EXISTS);
    ck_assert_uint_eq(ring.count, 1);
}
END_TEST

START_TEST(keys_come_and_go)
{
    ck_assert_int_eq(add(1, "laptop"), FSP_OK);
    ck_assert_int_eq(add(2, "phone"), FSP_OK);
    ck_assert_int_eq(add(1, "laptop"), FSP_OK); /* again */
    ck_assert_uint_eq(ring.count, 3);
    ck_assert_uint_eq(fsp_keyring_find(&ring, key(1))->added, 1001);
    ck_assert_int_eq(add(1, "other"), FSP_EXISTS);
    ck_assert_int_eq(add(3, "phone"), FSP_EXISTS);
    ck_assert_ptr_null(fsp_keyring_find(&ring, key(3)));
    ck_assert_int_eq(fsp_keyring_remove(&ring, key(3)), FSP_NOT_FOUND);
    ck_assert_int_eq(fsp_keyring_remove(&ring, key(1)), FSP_OK);
    ck_assert_ptr_null(fsp_keyring_find(&ring, key(1)));
    ck_assert_str_eq(fsp_keyring_find(&ring, key(2))->name, "phone");
    ck_assert_int_eq(add(4, "laptop"), FSP_OK); /* its name is free again */
    ck_assert_ptr_null(fsp_keyring_find(&ring, (fsp_key_t){{0}}));
}
END_TEST

START_TEST(names_and_keys_have_bounds)
{
    char name[65];
    memset(name, 'n', 64);
    name[64] = '\0';
    ck_assert_int_eq(add(1, name), FSP_BAD_NAME);
    name[63] = '\0';
    ck_assert_int_eq(add(1, name), FSP_OK);
    static const char *const bad[] = {"", ".", "..", "a/b", "a\nb", "\x7f", "\xff", "\x1b[31m"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(add(2, bad[i]), FSP_BAD_NAME);
    ck_assert_int_eq(fsp_keyring_add(&ring, (fsp_key_t){{0}}, fsp_slice_text("zero"), 1),
                     FSP_INVALID);
    for (unsigned i = 2; ring.count < 1 + FSP_KEYRING_FURTHER_MAX; i++) {
        /* The longest that there are: all of them must fit the file. */
        (void)snprintf(name, sizeof(name), "%063u", i);
        ck_assert_int_eq(fsp_keyring_add(&ring, key(i), fsp_slice_text(name), UINT64_MAX), FSP_OK);
    }
    ck_assert_int_eq(add(5000, "more"), FSP_BUSY);
    fsp_keyring_encode(&ring, &bytes);
    ck_assert(fsp_buf_ok(&bytes));
    fsp_keyring_t *back = FSP_NEW(fsp_keyring_t);
    fsp_keyring_init(back, mesh, admin);
    ck_assert_int_eq(fsp_keyring_decode(fsp_buf_slice(&bytes), back), FSP_OK);
    ck_assert_mem_eq(back, &ring, sizeof(ring));
    fsp_free(back);
}
END_TEST

/* Whatever octet turns, is missing or is too many: it is noticed. */
START_TEST(damage_is_noticed)
{
    ck_assert_int_eq(add(1, "laptop"), FSP_OK);
    ck_assert_int_eq(add(2, "phone"), FSP_OK);
    fsp_keyring_encode(&ring, &bytes);
    fsp_keyring_t back;
    for (size_t i = 0; i < bytes.bytes; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes.data[i] ^= (uint8_t)(1u << bit);
            fsp_keyring_init(&back, mesh, admin);
            fsp_status_t status = fsp_keyring_decode(fsp_buf_slice(&bytes), &back);
            ck_assert_msg(status == FSP_DAMAGED || status == FSP_FORMAT_NEWER, "octet %zu bit %u",
                          i, bit);
            bytes.data[i] ^= (uint8_t)(1u << bit);
        }
        fsp_keyring_init(&back, mesh, admin);
        ck_assert_int_eq(fsp_keyring_decode(fsp_slice(bytes.data, i), &back), FSP_DAMAGED);
    }
    /* Keys of another mesh are not ours. */
    fsp_keyring_init(&back, other_mesh, admin);
    ck_assert_int_eq(fsp_keyring_decode(fsp_buf_slice(&bytes), &back), FSP_DAMAGED);
    bytes.data[1] = 2;
    fsp_keyring_init(&back, mesh, admin);
    ck_assert_int_eq(fsp_keyring_decode(fsp_buf_slice(&bytes), &back), FSP_FORMAT_NEWER);
}
END_TEST

START_TEST(the_file_is_written_and_read_with_care)
{
    char directory[] = "/tmp/fsp-keyring-XXXXXX", path[64];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/client-keys", directory);
    fsp_error_t error = {.text = ""};
    ck_assert_int_eq(fsp_keyring_load(directory, &ring, &error), FSP_OK); /* there is none */
    ck_assert_uint_eq(ring.count, 1);
    ck_assert_int_eq(add(1, "laptop"), FSP_OK);
    ck_assert_int_eq(fsp_keyring_save(directory, &ring, &error), FSP_OK);
    struct stat about;
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_uint_eq(about.st_mode & 0777, 0600);
    fsp_keyring_t back;
    fsp_keyring_init(&back, mesh, admin);
    ck_assert_int_eq(fsp_keyring_load(directory, &back, &error), FSP_OK);
    ck_assert_mem_eq(&back, &ring, sizeof(ring));

    ck_assert_int_eq(chmod(path, 0640), 0);
    fsp_keyring_init(&back, mesh, admin);
    ck_assert_int_eq(fsp_keyring_load(directory, &back, &error), FSP_FORBIDDEN);
    ck_assert_ptr_nonnull(strstr(error.text, "chmod 600"));
    /* Larger than any: not read. */
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert_int_eq(truncate(path, FSP_KEYRING_FILE_BYTES_MAX + 1), 0);
    fsp_keyring_init(&back, mesh, admin);
    ck_assert_int_eq(fsp_keyring_load(directory, &back, &error), FSP_DAMAGED);
    ck_assert_ptr_nonnull(strstr(error.text, "client-keys is damaged"));
    ck_assert_int_eq(truncate(path, 0), 0);
    fsp_keyring_init(&back, mesh, admin);
    ck_assert_int_eq(fsp_keyring_load(directory, &back, &error), FSP_DAMAGED);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(directory), 0);
    ck_assert_int_eq(fsp_keyring_save(directory, &ring, &error), FSP_IO);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("keyring");
    TCase *tests = tcase_create("keyring");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_admins_key_is_there_and_stays);
    tcase_add_test(tests, keys_come_and_go);
    tcase_add_test(tests, names_and_keys_have_bounds);
    tcase_add_test(tests, damage_is_noticed);
    tcase_add_test(tests, the_file_is_written_and_read_with_care);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
