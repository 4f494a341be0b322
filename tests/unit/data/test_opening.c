/* SPDX-License-Identifier: MIT */
/* test_opening - what of an object does not open, and what opens alone (object.c).  Layer tests. */
#include "core/base/alloc.h"
#include "core/base/prng.h"
#include "core/data/object.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <pthread.h>
#include <string.h>

enum { BLOCK = 65536, SEALED_BLOCK = 65552, HEADER = FSP_OBJECT_HEADER_BYTES };
static const fsp_slice_t nothing = {NULL, 0};

typedef struct {
    fsp_space_keys_t *keys;
    uint8_t *bytes; /* 1 MiB of random bytes */
} fixture_t;
static fixture_t f;
enum { BYTES = 1 << 20 };

static fsp_secret_t
counting_secret(void)
{
    fsp_secret_t secret;
    for (size_t i = 0; i < sizeof(secret.bytes); i++)
        secret.bytes[i] = (uint8_t)i;
    return secret;
}

static void
set_up(void)
{
    fsp_secret_t secret = counting_secret();
    f.keys = fsp_space_keys_new();
    fsp_space_keys_add(f.keys, 7, &secret);
    f.bytes = fsp_alloc_raw(BYTES);
    fsp_prng_t prng;
    fsp_prng_init(&prng, 99);
    fsp_prng_fill(&prng, f.bytes, BYTES);
}

static void
tear_down(void)
{
    fsp_space_keys_destroy(&f.keys);
    fsp_free(f.bytes);
}

/* Opens from one piece; NULL if that fails, with the status in *ret_status. */
static fsp_blob_t *
open_whole(fsp_key_t key, fsp_slice_t object, fsp_status_t *ret_status)
{
    fsp_blob_t *plain = NULL;
    *ret_status = fsp_object_open_whole(f.keys, key, object, &plain, NULL);
    ck_assert((*ret_status == FSP_OK) == (plain != NULL));
    return plain;
}

START_TEST(every_change_is_noticed)
{
    fsp_key_t key, name;
    fsp_slice_t open = fsp_slice(f.bytes, 40), plain = fsp_slice(f.bytes + 100, 60);
    fsp_blob_t *object = fsp_object_seal(f.keys, FSP_OBJECT_TREE, open, plain, &key, NULL);
    size_t bytes = fsp_blob_bytes(object);
    uint8_t *copy = fsp_alloc_raw(bytes);
    memcpy(copy, fsp_blob_data(object), bytes);
    fsp_slice_t whole = fsp_slice(copy, bytes);
    fsp_status_t status;
    for (size_t bit = 0; bit < bytes * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_ptr_null(open_whole(key, whole, &status));
        ck_assert(status == FSP_DAMAGED || status == FSP_UNSUPPORTED);
        /* Under its own name it has other contents: the tags notice. */
        if (fsp_object_name(whole, &name, NULL) == FSP_OK) {
            ck_assert(!fsp_key_eq(name, key));
            ck_assert_ptr_null(open_whole(name, whole, &status));
            bool generation = bit / 8 >= 8 && bit / 8 < 12;
            ck_assert_int_eq(status, generation ? FSP_UNKNOWN_KEY : FSP_DAMAGED);
        }
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t count = 0; count < bytes; count++)
        ck_assert_int_ne(fsp_object_name(fsp_slice(copy, count), &name, NULL), FSP_OK);
    /* In parts: every wrong length. */
    uint8_t head[FSP_OBJECT_HEAD_BYTES];
    fsp_blob_t *out = NULL;
    ck_assert_int_eq(fsp_object_name(whole, &name, head), FSP_OK);
    fsp_slice_t sealed = fsp_slice(copy + HEADER + 40, 76);
    ck_assert_int_eq(fsp_object_open(f.keys, key, head, fsp_slice(copy + HEADER, 39), sealed, &out),
                     FSP_DAMAGED);
    sealed.bytes--;
    ck_assert_int_eq(fsp_object_open(f.keys, key, head, open, sealed, &out), FSP_DAMAGED);
    sealed.bytes += 2;
    ck_assert_int_eq(fsp_object_open(f.keys, key, head, open, sealed, &out), FSP_DAMAGED);
    sealed.bytes--;
    /* An open part of the right length that is another: no tag covers it but through its digest. */
    copy[HEADER] ^= 1;
    ck_assert_int_eq(fsp_object_open(f.keys, key, head, fsp_slice(copy + HEADER, 40), sealed, &out),
                     FSP_DAMAGED);
    ck_assert_int_eq(
        fsp_object_open_range(f.keys, key, head, fsp_slice(copy + HEADER, 40), 0, sealed, &out),
        FSP_DAMAGED);
    copy[HEADER] ^= 1;
    /* The digest of the sealed part is under the name, so it cannot be changed either. */
    head[135] ^= 1;
    ck_assert_int_eq(fsp_object_open(f.keys, key, head, open, sealed, &out), FSP_DAMAGED);
    head[135] ^= 1;
    ck_assert_int_eq(fsp_object_open(f.keys, key, head, open, sealed, &out), FSP_OK);
    fsp_blob_destroy(&out);
    fsp_free(copy);
    fsp_blob_destroy(&object);
}
END_TEST

/* Without a name only the tags speak, but they cover everything. */
START_TEST(every_change_is_noticed_without_a_name)
{
    fsp_key_t key;
    fsp_slice_t open = fsp_slice(f.bytes, 40), plain = fsp_slice(f.bytes + 100, 60);
    fsp_blob_t *object = fsp_object_seal(f.keys, FSP_OBJECT_TREE, open, plain, &key, NULL);
    size_t bytes = fsp_blob_bytes(object);
    uint8_t *copy = fsp_alloc_raw(bytes + 1);
    memcpy(copy, fsp_blob_data(object), bytes);
    copy[bytes] = 0;
    fsp_blob_t *out = NULL;
    for (size_t bit = 0; bit < bytes * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        fsp_status_t status = fsp_object_open_unnamed(f.keys, fsp_slice(copy, bytes), &out);
        bool generation = bit / 8 >= 8 && bit / 8 < 12;
        ck_assert(generation ? status == FSP_UNKNOWN_KEY
                             : status == FSP_DAMAGED || status == FSP_UNSUPPORTED);
        ck_assert_ptr_null(out);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t count = 0; count <= bytes + 1; count++) {
        if (count != bytes)
            ck_assert_int_eq(fsp_object_open_unnamed(f.keys, fsp_slice(copy, count), &out),
                             FSP_DAMAGED);
    }
    ck_assert_int_eq(fsp_object_open_unnamed(f.keys, fsp_slice(copy, bytes), &out), FSP_OK);
    ck_assert(fsp_slice_eq(fsp_blob_slice(out), plain));
    fsp_blob_destroy(&out);
    fsp_free(copy);
    fsp_blob_destroy(&object);
}
END_TEST

START_TEST(sub_blocks_cannot_change_places)
{
    fsp_key_t key, name;
    fsp_slice_t plain = fsp_slice(f.bytes, 3 * BLOCK);
    fsp_blob_t *object = fsp_object_seal(f.keys, FSP_OBJECT_CHUNK, nothing, plain, &key, NULL);
    uint8_t *bytes = fsp_blob_writable(object), block[SEALED_BLOCK];
    memcpy(block, bytes + HEADER, SEALED_BLOCK);
    memcpy(bytes + HEADER, bytes + HEADER + SEALED_BLOCK, SEALED_BLOCK);
    memcpy(bytes + HEADER + SEALED_BLOCK, block, SEALED_BLOCK);
    fsp_status_t status;
    ck_assert_int_eq(fsp_object_name(fsp_blob_slice(object), &name, NULL), FSP_OK);
    ck_assert_ptr_null(open_whole(name, fsp_blob_slice(object), &status));
    ck_assert_int_eq(status, FSP_DAMAGED);
    fsp_blob_destroy(&object);
}
END_TEST

START_TEST(ranges_open_alone)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(5));
    uint64_t size = 5 * BLOCK + 777, from, to;
    fsp_key_t key, name;
    fsp_slice_t plain = fsp_slice(f.bytes, (size_t)size);
    fsp_blob_t *object = fsp_object_seal(f.keys, FSP_OBJECT_CHUNK, nothing, plain, &key, NULL);
    uint8_t head[FSP_OBJECT_HEAD_BYTES];
    fsp_object_header_t header;
    fsp_slice_t whole = fsp_blob_slice(object);
    ck_assert_int_eq(fsp_object_name(whole, &name, head), FSP_OK);
    ck_assert_int_eq(fsp_object_header_decode(whole, &header), FSP_OK);
    ck_assert_uint_eq(fsp_object_bytes(&header), whole.bytes);
    fsp_slice_t sealed = fsp_slice(whole.data + HEADER, whole.bytes - HEADER);
    ck_assert_uint_eq(fsp_object_sealed_bytes(&header), sealed.bytes);
    for (int turn = 0; turn < 300; turn++) {
        uint64_t start = fsp_prng_below(&prng, size);
        uint64_t end = start + fsp_prng_below(&prng, size - start) + 1;
        if (turn == 0)
            start = 0, end = size;
        if (turn == 1)
            start = BLOCK, end = 2 * BLOCK;
        fsp_object_range(&header, start, end, &from, &to);
        ck_assert_uint_eq(from, start / BLOCK * SEALED_BLOCK);
        ck_assert_uint_le(to, sealed.bytes);
        fsp_blob_t *out = NULL;
        ck_assert_int_eq(fsp_object_open_range(f.keys, key, head, nothing, from,
                                               fsp_slice(sealed.data + from, (size_t)(to - from)),
                                               &out),
                         FSP_OK);
        uint64_t first = from / SEALED_BLOCK * BLOCK;
        ck_assert_uint_le(end, first + fsp_blob_bytes(out));
        ck_assert_uint_lt(first + fsp_blob_bytes(out), end + BLOCK);
        ck_assert_mem_eq(fsp_blob_data(out), plain.data + first, fsp_blob_bytes(out));
        fsp_blob_destroy(&out);
    }
    static const uint64_t places[] = {0, 10, BLOCK, BLOCK + 1, 5 * BLOCK + 777};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        fsp_object_range(&header, places[i], places[i], &from, &to);
        ck_assert_uint_eq(from, to);
        ck_assert_uint_le(to, sealed.bytes);
    }
    FSP_EXPECT_ABORT(fsp_object_range(&header, 0, size + 1, &from, &to));
    /* What a node may answer wrongly. */
    static const struct {
        uint64_t from;
        size_t at, bytes;
        fsp_status_t status;
    } cases[] = {{0, 0, 0, FSP_DAMAGED},
                 {0, 0, 5, FSP_DAMAGED},
                 {0, 0, SEALED_BLOCK - 1, FSP_DAMAGED},
                 {0, 0, SEALED_BLOCK + 16, FSP_DAMAGED},
                 {0, SEALED_BLOCK, SEALED_BLOCK, FSP_DAMAGED},
                 {SEALED_BLOCK, 0, SEALED_BLOCK, FSP_DAMAGED},
                 {5 * SEALED_BLOCK, 0, SEALED_BLOCK, FSP_DAMAGED},
                 {5 * SEALED_BLOCK, 5 * SEALED_BLOCK, 777, FSP_DAMAGED},
                 {1, 0, SEALED_BLOCK, FSP_INVALID},
                 {6 * SEALED_BLOCK, 0, SEALED_BLOCK, FSP_INVALID},
                 {SEALED_BLOCK * (UINT64_MAX / SEALED_BLOCK), 0, SEALED_BLOCK, FSP_INVALID}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fsp_blob_t *out = NULL;
        fsp_status_t status =
            fsp_object_open_range(f.keys, key, head, nothing, cases[i].from,
                                  fsp_slice(sealed.data + cases[i].at, cases[i].bytes), &out);
        ck_assert_msg(status == cases[i].status, "case %zu: %s", i, fsp_status_name(status));
        ck_assert_ptr_null(out);
    }
    fsp_blob_destroy(&object);
}
END_TEST

static void *
seal_many(void *ret_)
{
    fsp_key_t *ret = ret_;
    for (int i = 0; i < 50; i++) {
        fsp_blob_t *object = fsp_object_seal(f.keys, FSP_OBJECT_CHUNK, nothing,
                                             fsp_slice(f.bytes, 100000), ret, NULL);
        fsp_blob_t *plain = NULL;
        if (fsp_object_open_whole(f.keys, *ret, fsp_blob_slice(object), &plain, NULL) != FSP_OK)
            abort();
        fsp_blob_destroy(&plain);
        fsp_blob_destroy(&object);
    }
    return NULL;
}

START_TEST(threads_seal_and_open_under_one_set_of_keys)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    fsp_key_t keys[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, seal_many, &keys[i]), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 1; i < THREADS; i++)
        ck_assert(fsp_key_eq(keys[i], keys[0]));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("opening");
    TCase *tests = tcase_create("opening");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, every_change_is_noticed);
    tcase_add_test(tests, every_change_is_noticed_without_a_name);
    tcase_add_test(tests, sub_blocks_cannot_change_places);
    tcase_add_test(tests, ranges_open_alone);
    tcase_add_test(tests, threads_seal_and_open_under_one_set_of_keys);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
