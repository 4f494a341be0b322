/* SPDX-License-Identifier: MIT */
/* test_blob - counted bytes.  Layer tests. */
#include "core/base/alloc.h"
#include "core/base/blob.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <pthread.h>
#include <string.h>

typedef struct {
    void *data;
    int calls;
} freed_t;

static void
note_free(void *data, void *hint)
{
    freed_t *freed = hint;
    freed->data = data;
    freed->calls++;
}

START_TEST(new_blob_is_writable_and_readable)
{
    fsp_blob_t *blob = fsp_blob_new(5);
    memcpy(fsp_blob_writable(blob), "abcde", 5);
    ck_assert_uint_eq(fsp_blob_bytes(blob), 5);
    ck_assert_mem_eq(fsp_blob_data(blob), "abcde", 5);
    ck_assert(fsp_slice_eq(fsp_blob_slice(blob), fsp_slice_text("abcde")));
    ck_assert_uint_eq((uintptr_t)fsp_blob_data(blob) % 16, 0);
    fsp_blob_destroy(&blob);
    ck_assert(!blob);
}
END_TEST

START_TEST(empty_blobs_are_blobs)
{
    fsp_blob_t *blob = fsp_blob_new(0);
    fsp_blob_t *copy = fsp_blob_copy(NULL, 0);
    ck_assert_uint_eq(fsp_blob_bytes(blob), 0);
    ck_assert_uint_eq(fsp_blob_slice(copy).bytes, 0);
    fsp_blob_destroy(&blob);
    fsp_blob_destroy(&copy);
}
END_TEST

START_TEST(copy_is_independent)
{
    char bytes[] = "abc";
    fsp_blob_t *blob = fsp_blob_copy(bytes, 3);
    bytes[0] = 'x';
    ck_assert_mem_eq(fsp_blob_data(blob), "abc", 3);
    fsp_blob_destroy(&blob);
}
END_TEST

START_TEST(destroy_accepts_null)
{
    fsp_blob_t *blob = NULL;
    fsp_blob_destroy(&blob);
    FSP_AUTO(fsp_blob_destroy) fsp_blob_t *scoped = fsp_blob_new(10);
    ck_assert(scoped);
}
END_TEST

START_TEST(last_owner_frees_wrapped_bytes_once)
{
    char bytes[] = "abc";
    freed_t freed = {0};
    fsp_blob_t *first = fsp_blob_wrap(bytes, 3, note_free, &freed);
    fsp_blob_t *second = fsp_blob_ref(first);
    ck_assert_ptr_eq(second, first);
    ck_assert_ptr_eq(fsp_blob_data(first), bytes);
    fsp_blob_destroy(&first);
    ck_assert_int_eq(freed.calls, 0);
    ck_assert_mem_eq(fsp_blob_data(second), "abc", 3);
    fsp_blob_destroy(&second);
    ck_assert_int_eq(freed.calls, 1);
    ck_assert_ptr_eq(freed.data, bytes);
}
END_TEST

START_TEST(shrunk_blob_frees_what_it_was_given)
{
    char bytes[] = "abcdef";
    freed_t freed = {0};
    fsp_blob_t *blob = fsp_blob_wrap(bytes, 6, note_free, &freed);
    fsp_blob_shrink(blob, 2);
    ck_assert(fsp_slice_eq(fsp_blob_slice(blob), fsp_slice_text("ab")));
    fsp_blob_shrink(blob, 2);
    fsp_blob_shrink(blob, 0);
    ck_assert_uint_eq(fsp_blob_bytes(blob), 0);
    fsp_blob_destroy(&blob);
    ck_assert_ptr_eq(freed.data, bytes);
}
END_TEST

START_TEST(shared_blob_may_not_be_written)
{
    fsp_blob_t *first = fsp_blob_copy("abc", 3);
    fsp_blob_t *second = fsp_blob_ref(first);
    FSP_EXPECT_ABORT((void)fsp_blob_writable(first));
    FSP_EXPECT_ABORT(fsp_blob_shrink(first, 1));
    fsp_blob_destroy(&second);
    ck_assert_ptr_nonnull(fsp_blob_writable(first));
    FSP_EXPECT_ABORT(fsp_blob_shrink(first, 4));
    fsp_blob_destroy(&first);
}
END_TEST

enum { THREADS = 4, ROUNDS = 20000 };

/* Each thread takes and drops references of its own. */
static void *
take_and_drop(void *argument)
{
    fsp_blob_t *mine = argument;
    for (int i = 0; i < ROUNDS; i++) {
        fsp_blob_t *more = fsp_blob_ref(mine);
        fsp_blob_destroy(&more);
    }
    fsp_blob_destroy(&mine);
    return NULL;
}

START_TEST(count_holds_when_threads_share_a_blob)
{
    char bytes[] = "abc";
    freed_t freed = {0};
    fsp_blob_t *blob = fsp_blob_wrap(bytes, 3, note_free, &freed);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        int refused = pthread_create(&threads[i], NULL, take_and_drop, fsp_blob_ref(blob));
        ck_assert_int_eq(refused, 0);
    }
    fsp_blob_destroy(&blob);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(freed.calls, 1);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("blob");
    TCase *tests = tcase_create("blob");
    tcase_add_test(tests, new_blob_is_writable_and_readable);
    tcase_add_test(tests, empty_blobs_are_blobs);
    tcase_add_test(tests, copy_is_independent);
    tcase_add_test(tests, destroy_accepts_null);
    tcase_add_test(tests, last_owner_frees_wrapped_bytes_once);
    tcase_add_test(tests, shrunk_blob_frees_what_it_was_given);
    tcase_add_test(tests, shared_blob_may_not_be_written);
    tcase_add_test(tests, count_holds_when_threads_share_a_blob);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
