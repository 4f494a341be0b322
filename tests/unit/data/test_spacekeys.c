/* SPDX-License-Identifier: MIT */
/* test_spacekeys - the keys of one space, all generations.  Layer tests. */
#include "core/crypto/digest.h"
#include "core/data/object.h"
#include "core/data/spacekeys.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

static const fsp_slice_t nothing = {NULL, 0};

START_TEST(naming_key_is_derived)
{
    fsp_space_keys_t *keys = fsp_space_keys_new();
    fsp_secret_t secret = {{1, 2, 3}}, expected;
    fsp_space_keys_add(keys, 0, &secret);
    fsp_hkdf(FSP_SLICE_OF(secret), nothing, fsp_slice_text("fsp naming v1"), expected.bytes, 32);
    const fsp_space_key_t *key = fsp_space_keys_get(keys, 0);
    ck_assert_ptr_nonnull(key);
    ck_assert_ptr_eq(key, fsp_space_keys_newest(keys));
    ck_assert_mem_eq(key->data_key.bytes, secret.bytes, 32);
    ck_assert_mem_eq(key->naming_key.bytes, expected.bytes, 32);
    fsp_space_keys_destroy(&keys);
}
END_TEST

START_TEST(generations_seal_by_the_newest_and_open_by_all)
{
    fsp_space_keys_t *keys = fsp_space_keys_new();
    ck_assert_ptr_null(fsp_space_keys_newest(keys));
    fsp_space_keys_t *other = fsp_space_keys_new();
    fsp_secret_t secrets[3] = {{{1}}, {{2}}, {{3}}};
    fsp_key_t names[3];
    fsp_blob_t *objects[3], *out = NULL;
    fsp_slice_t plain = fsp_slice_text("the same");
    static const uint32_t generations[] = {5, 9, UINT32_MAX};
    for (int i = 0; i < 3; i++) {
        fsp_space_keys_add(keys, generations[i], &secrets[i]);
        objects[i] = fsp_object_seal(keys, FSP_OBJECT_INLINE, nothing, plain, &names[i], NULL);
    }
    const fsp_space_key_t *nine = fsp_space_keys_get(keys, 9);
    fsp_secret_t late = {{4}};
    fsp_space_keys_add(keys, 1, &late);
    fsp_space_keys_add(keys, 1, &late);
    ck_assert_ptr_eq(fsp_space_keys_get(keys, 9), nine);
    ck_assert_uint_eq(fsp_space_keys_newest(keys)->generation, UINT32_MAX);
    ck_assert_ptr_null(fsp_space_keys_get(keys, 6));
    FSP_EXPECT_ABORT(fsp_space_keys_add(keys, 9, &late));
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(
            fsp_object_open_whole(keys, names[i], fsp_blob_slice(objects[i]), &out, NULL), FSP_OK);
        ck_assert(fsp_slice_eq(fsp_blob_slice(out), plain));
        fsp_blob_destroy(&out);
        /* Another space holds other keys. */
        ck_assert_int_eq(
            fsp_object_open_whole(other, names[i], fsp_blob_slice(objects[i]), &out, NULL),
            FSP_UNKNOWN_KEY);
        fsp_blob_destroy(&objects[i]);
    }
    ck_assert(!fsp_key_eq(names[0], names[1]));
    fsp_space_keys_destroy(&other);
    fsp_space_keys_destroy(&keys);
    ck_assert_ptr_null(keys);
    fsp_space_keys_destroy(&keys);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("spacekeys");
    TCase *tests = tcase_create("spacekeys");
    tcase_add_test(tests, naming_key_is_derived);
    tcase_add_test(tests, generations_seal_by_the_newest_and_open_by_all);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
