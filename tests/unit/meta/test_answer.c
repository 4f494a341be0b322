/* SPDX-License-Identifier: MIT */
/* test_answer - bytes of queries and answers.  Tests. */
#include "core/meta/answer.h"
#include "tests/unit/meta/meta_world.h"

static fsp_buf_t bytes;

static void
set_up_bytes(void)
{
    fsp_buf_init(&bytes, FSP_ANSWER_BYTES_MAX);
}

static void
tear_down_bytes(void)
{
    fsp_buf_clear(&bytes);
}

START_TEST(a_query_survives_encoding)
{
    fsp_query_t query = {.type = FSP_QUERY_LIST,
                         .space_id = {{1}},
                         .subject = subject_id(2),
                         .system_index = 3,
                         .target = at("/a/b"),
                         .version = text("0123456789abcdef"),
                         .prefix = text("pre"),
                         .after = fsp_slice("\xff\x00", 2),
                         .after_index = UINT64_MAX,
                         .limit = FSP_LIST_LIMIT_MAX};
    fsp_query_t back;
    fsp_query_encode(&query, &bytes);
    ck_status(fsp_query_decode(fsp_buf_slice(&bytes), &back), FSP_OK);
    ck_assert_int_eq(back.type, FSP_QUERY_LIST);
    ck_assert(fsp_slice_eq(back.target.path, text("/a/b")));
    ck_assert(fsp_slice_eq(back.version, query.version));
    ck_assert(fsp_slice_eq(back.after, query.after));
    ck_assert_uint_eq(back.after_index, UINT64_MAX);
    ck_assert_uint_eq(back.limit, FSP_LIST_LIMIT_MAX);
    for (size_t cut = 0; cut < bytes.bytes; cut++)
        ck_assert_int_ne(fsp_query_decode(fsp_slice(bytes.data, cut), &back), FSP_OK);
    fsp_buf_reset(&bytes);
    query.target = by_id(file_id(4));
    fsp_query_encode(&query, &bytes);
    ck_status(fsp_query_decode(fsp_buf_slice(&bytes), &back), FSP_OK);
    ck_assert_uint_eq(back.target.path.bytes, 0);
    ck_assert(fsp_file_id_eq(back.target.id, file_id(4)));
}
END_TEST

START_TEST(a_query_for_attributes_has_the_longest_form)
{
    fsp_query_t query = {.type = FSP_QUERY_LIST,
                         .space_id = {{1}},
                         .subject = subject_id(2),
                         .target = at("/"),
                         .limit = 1};
    fsp_query_t back;
    fsp_query_encode(&query, &bytes);
    size_t shortest = bytes.bytes;
    /* With a moment and without, by somebody and by a visitor. */
    for (unsigned form = 0; form < 4; form++) {
        query.attrs = true;
        query.at_index = form & 1 ? 7 : 0;
        query.asker.link_id = form & 2 ? (fsp_link_id_t){{5}} : (fsp_link_id_t){{0}};
        fsp_buf_reset(&bytes);
        fsp_query_encode(&query, &bytes);
        ck_assert_uint_ge(bytes.bytes, shortest + 3);
        ck_status(fsp_query_decode(fsp_buf_slice(&bytes), &back), FSP_OK);
        ck_assert(back.attrs);
        ck_assert_uint_eq(back.at_index, query.at_index);
        ck_assert(fsp_link_id_eq(back.asker.link_id, query.asker.link_id));
        for (size_t cut = 0; cut < bytes.bytes; cut++)
            ck_assert_int_ne(fsp_query_decode(fsp_slice(bytes.data, cut), &back), FSP_OK);
        bytes.data[bytes.bytes - 1] = 0xc2; /* false: there is a shorter form */
        ck_status(fsp_query_decode(fsp_buf_slice(&bytes), &back), FSP_INVALID);
        bytes.data[bytes.bytes - 1] = 0x01; /* a number */
        ck_status(fsp_query_decode(fsp_buf_slice(&bytes), &back), FSP_INVALID);
    }
}
END_TEST

/* One value more where there are attributes, and none of no octets. */
START_TEST(an_entry_with_attributes_is_longer)
{
    for (uint64_t at_index = 0; at_index < 2; at_index++) {
        fsp_answering_t answering;
        fsp_answering_init(&answering);
        answering.at_index = at_index;
        fsp_entry_info_t entry = {
            .name = text("n"), .kind = FSP_KIND_DIRECTORY, .file_id = file_id(3), .retained = true};
        ck_assert(fsp_answering_add_entry(&answering, &entry));
        entry.attr = text("sealed");
        ck_assert(fsp_answering_add_entry(&answering, &entry));
        entry.retained = at_index == 0;
        ck_assert(fsp_answering_add_entry(&answering, &entry));
        fsp_buf_reset(&bytes);
        fsp_answering_finish(&answering, FSP_OK, 1, &bytes);
        fsp_answering_clear(&answering);
        fsp_answer_t answer;
        ck_status(fsp_answer_open(fsp_buf_slice(&bytes), &answer), FSP_OK);
        for (int i = 0; i < 3; i++) {
            ck_status(fsp_answer_entry(&answer, &entry), FSP_OK);
            ck_assert(fsp_slice_eq(entry.attr, i > 0 ? text("sealed") : fsp_slice(NULL, 0)));
            ck_assert(entry.retained == (i < 2 || at_index == 0));
            ck_assert(!entry.has_attr);
        }
        uint8_t *sealed = memmem(bytes.data, bytes.bytes, "\xc4\x06sealed", 8);
        ck_assert_ptr_nonnull(sealed);
        sealed[1] = 0; /* six octets behind it are too many */
        ck_assert_int_ne(fsp_answer_open(fsp_buf_slice(&bytes), &answer), FSP_OK);
    }
}
END_TEST

START_TEST(bad_queries_are_refused)
{
    fsp_query_t back;
    fsp_query_t query = {.type = (fsp_query_type_t)6};
    fsp_query_encode(&query, &bytes);
    ck_status(fsp_query_decode(fsp_buf_slice(&bytes), &back), FSP_UNSUPPORTED);
    fsp_buf_reset(&bytes);
    query = (fsp_query_t){.type = FSP_QUERY_LIST, .target = at("/a/")};
    fsp_query_encode(&query, &bytes);
    ck_status(fsp_query_decode(fsp_buf_slice(&bytes), &back), FSP_BAD_NAME);
    fsp_buf_reset(&bytes);
    query = (fsp_query_t){.type = FSP_QUERY_LIST, .limit = FSP_LIST_LIMIT_MAX + 1};
    fsp_query_encode(&query, &bytes);
    ck_status(fsp_query_decode(fsp_buf_slice(&bytes), &back), FSP_INVALID);
}
END_TEST

START_TEST(a_refusal_has_no_items)
{
    fsp_answering_t answering;
    fsp_answering_init(&answering);
    ck_assert(fsp_answering_add_change(&answering, text("row")));
    answering.more = true;
    fsp_answering_finish(&answering, FSP_NOT_FOUND, 7, &bytes);
    fsp_answering_clear(&answering);
    fsp_answer_t answer;
    ck_status(fsp_answer_open(fsp_buf_slice(&bytes), &answer), FSP_OK);
    ck_status(answer.status, FSP_NOT_FOUND);
    ck_assert_uint_eq(answer.index, 7);
    ck_assert_uint_eq(answer.count, 0);
    ck_assert(!answer.more);
}
END_TEST

START_TEST(an_item_that_does_not_fit_is_taken_back_whole)
{
    fsp_answering_t answering;
    fsp_answering_init(&answering);
    uint8_t *row = fsp_alloc(100000);
    size_t count = 0;
    while (fsp_answering_add_change(&answering, fsp_slice(row, 100000)))
        count++;
    ck_assert_uint_eq(count, 10);
    ck_assert(answering.more);
    /* A smaller one still fits: what overflowed left no trace. */
    ck_assert(fsp_answering_add_change(&answering, fsp_slice(row, 100)));
    fsp_answering_finish(&answering, FSP_OK, UINT64_MAX, &bytes);
    ck_assert(fsp_buf_ok(&bytes));
    fsp_answer_t answer;
    ck_status(fsp_answer_open(fsp_buf_slice(&bytes), &answer), FSP_OK);
    ck_assert_uint_eq(answer.count, 11);
    fsp_answering_clear(&answering);
    fsp_free(row);
}
END_TEST

START_TEST(items_are_counted_when_an_answer_is_opened)
{
    fsp_answering_t answering;
    fsp_answering_init(&answering);
    ck_assert(fsp_answering_add_change(&answering, text("row")));
    ck_assert(fsp_answering_add_change(&answering, text("row")));
    fsp_answering_finish(&answering, FSP_OK, 1, &bytes);
    fsp_answering_clear(&answering);
    fsp_answer_t answer;
    ck_status(fsp_answer_open(fsp_buf_slice(&bytes), &answer), FSP_OK);
    fsp_change_info_t change;
    ck_status(fsp_answer_change(&answer, &change), FSP_INVALID); /* "row" is no row */
    bytes.data[4] = 0x93;                                        /* says three */
    ck_assert_int_ne(fsp_answer_open(fsp_buf_slice(&bytes), &answer), FSP_OK);
    bytes.data[4] = 0x91; /* says one */
    ck_status(fsp_answer_open(fsp_buf_slice(&bytes), &answer), FSP_INVALID);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("answer");
    TCase *tcase = tcase_create("codec");
    tcase_add_checked_fixture(tcase, set_up_bytes, tear_down_bytes);
    tcase_add_test(tcase, a_query_survives_encoding);
    tcase_add_test(tcase, a_query_for_attributes_has_the_longest_form);
    tcase_add_test(tcase, an_entry_with_attributes_is_longer);
    tcase_add_test(tcase, bad_queries_are_refused);
    tcase_add_test(tcase, a_refusal_has_no_items);
    tcase_add_test(tcase, an_item_that_does_not_fit_is_taken_back_whole);
    tcase_add_test(tcase, items_are_counted_when_an_answer_is_opened);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
