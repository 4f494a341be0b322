/* SPDX-License-Identifier: MIT */
/* test_peer - bodies of the messages that collect garbage: there and back, and what is refused.
   Layer tests. */
#include "core/base/canon.h"
#include "core/base/prng.h"
#include "proto/peer.h"
#include "tests/unit/suite.h"

static fsp_prng_t prng;
static fsp_buf_t body, again;

static void
set_up(void)
{
    fsp_prng_init(&prng, fsp_suite_seed(31));
    fsp_buf_init(&body, FSP_BODY_BYTES_MAX);
    fsp_buf_init(&again, FSP_BODY_BYTES_MAX);
}

static void
tear_down(void)
{
    fsp_buf_clear(&body);
    fsp_buf_clear(&again);
}

/* Numbers of every length. */
static uint64_t
number(void)
{
    return fsp_prng_next(&prng) >> fsp_prng_below(&prng, 64);
}

/* Every shorter body, and one with an octet more, is refused. */
#define EXPECT_WHOLE(type_, decode_)                                                               \
    do {                                                                                           \
        static type_ ignored_;                                                                     \
        for (size_t bytes_ = 0; bytes_ < body.bytes; bytes_++)                                     \
            ck_assert_int_ne(decode_(fsp_slice(body.data, bytes_), &ignored_), FSP_OK);            \
        fsp_buf_append_u8(&body, 0);                                                               \
        ck_assert_int_ne(decode_(fsp_buf_slice(&body), &ignored_), FSP_OK);                        \
    } while (0)

static void
expect_same(void)
{
    ck_assert(fsp_buf_ok(&body) && fsp_buf_ok(&again));
    ck_assert(fsp_slice_eq(fsp_buf_slice(&body), fsp_buf_slice(&again)));
    fsp_buf_reset(&again);
}

START_TEST(mark_there_and_back)
{
    static fsp_object_mark_t mark, back;
    static const size_t counts[] = {0, 1, 2, 7, 100, FSP_HAVE_KEYS_MAX};
    for (size_t i = 0; i < 60; i++) {
        memset(&mark, 0, sizeof(mark));
        mark.key_count = counts[i % 6];
        mark.round = number();
        mark.layout_version = number();
        mark.look = i % 2 == 0;
        fsp_prng_fill(&prng, mark.space_id.bytes, sizeof(mark.space_id.bytes));
        if (i % 3 > 0)
            fsp_prng_fill(&prng, mark.store_id.bytes, sizeof(mark.store_id.bytes));
        fsp_prng_fill(&prng, mark.keys, mark.key_count * sizeof(mark.keys[0]));
        fsp_buf_reset(&body);
        fsp_object_mark_encode(&mark, &body);
        memset(&back, 0xee, sizeof(back));
        ck_assert_int_eq(fsp_object_mark_decode(fsp_buf_slice(&body), &back), FSP_OK);
        ck_assert_uint_eq(back.round, mark.round);
        ck_assert_uint_eq(back.layout_version, mark.layout_version);
        ck_assert(back.look == mark.look);
        ck_assert(fsp_store_id_eq(back.store_id, mark.store_id));
        ck_assert(fsp_space_id_eq(back.space_id, mark.space_id));
        ck_assert_uint_eq(back.key_count, mark.key_count);
        ck_assert_mem_eq(back.keys, mark.keys, mark.key_count * sizeof(mark.keys[0]));
        fsp_object_mark_encode(&back, &again);
        expect_same();
        if (mark.key_count < 8)
            EXPECT_WHOLE(fsp_object_mark_t, fsp_object_mark_decode);
    }
}
END_TEST

START_TEST(mark_has_bounds)
{
    static fsp_object_mark_t mark;
    static uint8_t keys[(FSP_HAVE_KEYS_MAX + 1) * sizeof(fsp_key_t)];
    static const size_t sizes[] = {1, 31, 33, sizeof(keys)};
    for (size_t i = 0; i < 4; i++) {
        fsp_buf_reset(&body);
        fsp_canon_array(&body, 6);
        fsp_canon_id(&body, mark.space_id);
        fsp_canon_uint(&body, 1);
        fsp_canon_uint(&body, 1);
        fsp_canon_nil(&body);
        fsp_canon_bool(&body, false);
        fsp_canon_bin(&body, fsp_slice(keys, sizes[i]));
        ck_assert_int_eq(fsp_object_mark_decode(fsp_buf_slice(&body), &mark),
                         sizes[i] > sizeof(mark.keys) ? FSP_TOO_LARGE : FSP_INVALID);
    }
    /* A store id of zeros has a shorter form. */
    fsp_buf_reset(&body);
    fsp_canon_array(&body, 6);
    fsp_canon_id(&body, mark.space_id);
    fsp_canon_uint(&body, 1);
    fsp_canon_uint(&body, 1);
    fsp_canon_id(&body, ((fsp_store_id_t){{0}}));
    fsp_canon_bool(&body, false);
    fsp_canon_bin(&body, (fsp_slice_t){0});
    ck_assert_int_eq(fsp_object_mark_decode(fsp_buf_slice(&body), &mark), FSP_INVALID);
}
END_TEST

START_TEST(marked_there_and_back)
{
    static uint8_t marks[FSP_HAVE_KEYS_MAX + 1];
    for (size_t i = 0; i < sizeof(marks); i++)
        marks[i] = (uint8_t)(i % (FSP_MARK_BEFORE + 1));
    for (size_t count = 0; count <= FSP_HAVE_KEYS_MAX; count += 128) {
        fsp_object_marked_t marked = {.store_id = {{7}}, .marks = fsp_slice(marks, count)}, back;
        fsp_buf_reset(&body);
        fsp_object_marked_encode(&marked, &body);
        ck_assert_int_eq(fsp_object_marked_decode(fsp_buf_slice(&body), &back), FSP_OK);
        ck_assert(fsp_store_id_eq(back.store_id, marked.store_id));
        ck_assert(fsp_slice_eq(back.marks, marked.marks));
        EXPECT_WHOLE(fsp_object_marked_t, fsp_object_marked_decode);
    }
    fsp_object_marked_t back, more = {.marks = fsp_slice(marks, sizeof(marks))};
    fsp_buf_reset(&body);
    fsp_object_marked_encode(&more, &body);
    ck_assert_int_eq(fsp_object_marked_decode(fsp_buf_slice(&body), &back), FSP_TOO_LARGE);
    marks[3] = FSP_MARK_BEFORE + 1; /* a word that nobody knows */
    more.marks.bytes = 5;
    fsp_buf_reset(&body);
    fsp_object_marked_encode(&more, &body);
    ck_assert_int_eq(fsp_object_marked_decode(fsp_buf_slice(&body), &back), FSP_INVALID);
}
END_TEST

START_TEST(done_gone_and_swept_there_and_back)
{
    for (size_t i = 0; i < 100; i++) {
        fsp_object_done_t done = {.round = number(), .layout_version = number()}, back;
        fsp_prng_fill(&prng, done.space_id.bytes, sizeof(done.space_id.bytes));
        fsp_prng_fill(&prng, done.store_id.bytes, sizeof(done.store_id.bytes));
        fsp_buf_reset(&body);
        fsp_object_done_encode(&done, &body);
        ck_assert_int_eq(fsp_object_done_decode(fsp_buf_slice(&body), &back), FSP_OK);
        fsp_object_done_encode(&back, &again);
        expect_same();
        ck_assert_uint_eq(back.round, done.round);
        ck_assert(fsp_store_id_eq(back.store_id, done.store_id));
        EXPECT_WHOLE(fsp_object_done_t, fsp_object_done_decode);

        fsp_space_id_t space_id;
        fsp_buf_reset(&body);
        fsp_object_gone_encode(&done.space_id, &body);
        ck_assert_int_eq(fsp_object_gone_decode(fsp_buf_slice(&body), &space_id), FSP_OK);
        ck_assert(fsp_space_id_eq(space_id, done.space_id));
        EXPECT_WHOLE(fsp_space_id_t, fsp_object_gone_decode);

        fsp_swept_t swept = {number(), number(), number(), number()}, told;
        fsp_buf_reset(&body);
        fsp_object_swept_encode(&swept, &body);
        ck_assert_int_eq(fsp_object_swept_decode(fsp_buf_slice(&body), &told), FSP_OK);
        ck_assert_mem_eq(&told, &swept, sizeof(told));
        EXPECT_WHOLE(fsp_swept_t, fsp_object_swept_decode);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("peer");
    TCase *tcase = tcase_create("peer");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, mark_there_and_back);
    tcase_add_test(tcase, mark_has_bounds);
    tcase_add_test(tcase, marked_there_and_back);
    tcase_add_test(tcase, done_gone_and_swept_there_and_back);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
