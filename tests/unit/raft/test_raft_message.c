/* SPDX-License-Identifier: MIT */
/* test_raft_message - messages between replicas as bytes.  Layer tests. */
#include "core/base/alloc.h"
#include "core/base/limits.h"
#include "core/base/prng.h"
#include "core/base/text.h"
#include "core/raft/raft.h"
#include "tests/unit/suite.h"

static fsp_buf_t buf;

static void
set_up(void)
{
    fsp_buf_init(&buf, 8 * 1024 * 1024);
}

static void
tear_down(void)
{
    fsp_buf_clear(&buf);
}

static void
expect_hex(const char *hex)
{
    char text[1024];
    ck_assert_uint_lt(2 * buf.bytes, sizeof(text));
    fsp_hex_encode(buf.data, buf.bytes, text);
    ck_assert_str_eq(text, hex);
}

static fsp_status_t
decode_hex(const char *hex, fsp_raft_message_t *ret)
{
    uint8_t bytes[1024];
    size_t count = strlen(hex) / 2;
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text(hex), bytes, count), FSP_OK);
    return fsp_raft_message_decode(fsp_slice(bytes, count), ret);
}

static void
expect_same(const fsp_raft_message_t *a, const fsp_raft_message_t *b)
{
    ck_assert_int_eq(a->type, b->type);
    ck_assert(a->from == b->from && a->to == b->to && a->term == b->term);
    ck_assert(a->index == b->index && a->index_term == b->index_term);
    ck_assert(a->commit == b->commit && a->round == b->round);
    ck_assert(a->hint_index == b->hint_index && a->hint_term == b->hint_term);
    ck_assert(a->refused == b->refused && a->force == b->force);
    ck_assert(fsp_hash_eq(a->digest, b->digest));
    ck_assert_uint_eq(a->entry_count, b->entry_count);
    for (size_t i = 0; i < a->entry_count; i++) {
        const fsp_entry_t *x = &a->entries[i];
        const fsp_entry_t *y = &b->entries[i];
        ck_assert(x->index == y->index && x->term == y->term && x->kind == y->kind);
        ck_assert(!x->bytes == !y->bytes);
        ck_assert(!x->bytes || fsp_slice_eq(fsp_blob_slice(x->bytes), fsp_blob_slice(y->bytes)));
    }
}

START_TEST(bytes_are_golden)
{
    fsp_entry_t entries[] = {
        {.index = 8, .term = 3, .kind = FSP_ENTRY_NOOP},
        {.index = 9, .term = 4, .kind = FSP_ENTRY_COMMAND, .bytes = fsp_blob_copy("xyz", 3)},
    };
    fsp_raft_message_t append = {.type = FSP_RAFT_APPEND,
                                 .from = 1,
                                 .to = 300,
                                 .term = 4,
                                 .index = 7,
                                 .index_term = 3,
                                 .commit = 6,
                                 .entries = entries,
                                 .entry_count = 2};
    fsp_raft_message_encode(&append, &buf);
    expect_hex("9f010501cd012c04070306000000c2c2c092"
               "94080301c400"
               "94090402c40378797a");
    fsp_buf_reset(&buf);
    fsp_raft_message_t heartbeated = {.type = FSP_RAFT_HEARTBEATED,
                                      .from = 2,
                                      .to = 1,
                                      .term = 4,
                                      .index = 1000,
                                      .round = 5,
                                      .digest = {{0xaa}}};
    fsp_raft_message_encode(&heartbeated, &buf);
    expect_hex("9f0108020104cd03e80000050000c2c2c420aa"
               "00000000000000000000000000000000000000000000000000000000000000"
               "90");
    fsp_buf_reset(&buf);
    fsp_raft_message_t refused = {.type = FSP_RAFT_APPENDED,
                                  .from = 2,
                                  .to = 1,
                                  .term = 4,
                                  .index = 9,
                                  .hint_index = 5,
                                  .hint_term = 2,
                                  .refused = true};
    fsp_raft_message_encode(&refused, &buf);
    expect_hex("9f0106020104090000000502c3c2c090");
    fsp_buf_reset(&buf);
    fsp_raft_message_t vote = {.type = FSP_RAFT_VOTE,
                               .from = 2,
                               .to = 1,
                               .term = 4,
                               .index = 9,
                               .index_term = 3,
                               .force = true};
    fsp_raft_message_encode(&vote, &buf);
    expect_hex("9f0103020104090300000000c2c3c090");
    fsp_blob_destroy(&entries[1].bytes);
}
END_TEST

/* Random messages of all types come back as they were, and so do their bytes. */
START_TEST(messages_come_back_as_they_were)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(1));
    for (int round = 0; round < 2000; round++) {
        fsp_raft_message_t message = {
            .type = (fsp_raft_message_type_t)(1 + fsp_prng_below(&prng, FSP_RAFT_DIVERGED)),
            .from = 1 + (fsp_prng_next(&prng) >> (1 + fsp_prng_below(&prng, 62))),
            .to = 1 + (fsp_prng_next(&prng) >> (1 + fsp_prng_below(&prng, 62))),
            .term = 1 + (fsp_prng_next(&prng) >> (1 + fsp_prng_below(&prng, 62))),
            .index = fsp_prng_next(&prng) >> fsp_prng_below(&prng, 64),
            .index_term = fsp_prng_next(&prng) >> fsp_prng_below(&prng, 64),
            .commit = fsp_prng_next(&prng) >> fsp_prng_below(&prng, 64),
            .round = fsp_prng_next(&prng) >> fsp_prng_below(&prng, 64),
            .hint_index = fsp_prng_next(&prng) >> fsp_prng_below(&prng, 64),
            .hint_term = fsp_prng_next(&prng) >> fsp_prng_below(&prng, 64),
            .refused = fsp_prng_below(&prng, 2) == 1,
            .force = fsp_prng_below(&prng, 2) == 1,
            .digest = {{(uint8_t)fsp_prng_below(&prng, 2)}},
        };
        fsp_entry_t entries[20];
        message.entries = entries;
        message.entry_count = (size_t)fsp_prng_below(&prng, 20);
        for (size_t i = 0; i < message.entry_count; i++) {
            entries[i] = (fsp_entry_t){.index = fsp_prng_next(&prng),
                                       .term = fsp_prng_next(&prng),
                                       .kind = (fsp_entry_kind_t)(1 + fsp_prng_below(&prng, 3))};
            if (entries[i].kind != FSP_ENTRY_NOOP)
                entries[i].bytes = fsp_blob_copy("0123456789", 1 + fsp_prng_below(&prng, 10));
        }
        fsp_buf_reset(&buf);
        fsp_raft_message_encode(&message, &buf);
        fsp_raft_message_t found;
        ck_assert_int_eq(fsp_raft_message_decode(fsp_buf_slice(&buf), &found), FSP_OK);
        expect_same(&message, &found);
        fsp_raft_message_t copy = fsp_raft_message_copy(&found);
        fsp_raft_message_clear(&found);
        expect_same(&message, &copy);
        fsp_raft_message_clear(&copy);
        ck_assert_ptr_null(copy.entries);
        for (size_t i = 0; i < message.entry_count; i++)
            fsp_blob_destroy(&entries[i].bytes);
    }
}
END_TEST

START_TEST(no_part_of_a_message_is_one)
{
    fsp_entry_t entry = {
        .index = 9, .term = 4, .kind = FSP_ENTRY_COMMAND, .bytes = fsp_blob_copy("xyz", 3)};
    fsp_raft_message_t message = {.type = FSP_RAFT_APPEND,
                                  .from = 1,
                                  .to = 2,
                                  .term = 4,
                                  .digest = {{1}},
                                  .entries = &entry,
                                  .entry_count = 1};
    fsp_raft_message_encode(&message, &buf);
    fsp_blob_destroy(&entry.bytes);
    fsp_raft_message_t found;
    for (size_t i = 0; i < buf.bytes; i++) {
        ck_assert_int_ne(fsp_raft_message_decode(fsp_slice(buf.data, i), &found), FSP_OK);
        ck_assert_ptr_null(found.entries);
    }
    fsp_buf_append_u8(&buf, 0xc0);
    ck_assert_int_eq(fsp_raft_message_decode(fsp_buf_slice(&buf), &found), FSP_INVALID);
}
END_TEST

START_TEST(bad_bytes_are_refused)
{
    static const struct {
        const char *hex;
        fsp_status_t status;
    } bad[] = {
        {"", FSP_INVALID},
        {"c0", FSP_INVALID},
        {"9f0203020104090300000000c2c3c090", FSP_UNSUPPORTED}, /* another version */
        {"9f0100020104090300000000c2c3c090", FSP_INVALID},     /* no type */
        {"9f010e020104090300000000c2c3c090", FSP_INVALID},     /* of no known type */
        {"9f0103000104090300000000c2c3c090", FSP_INVALID},     /* from nobody */
        {"9f0103020004090300000000c2c3c090", FSP_INVALID},     /* to nobody */
        {"9f0103020100090300000000c2c3c090", FSP_INVALID},     /* of no term */
        {"9f01030201040903000000"
         "00c0c3c090",
         FSP_INVALID},                                         /* refused: neither */
        {"9f0103020104090300000000c2c3c4019990", FSP_INVALID}, /* a short digest */
        {"9e0103020104090300000000c2c3c0", FSP_INVALID},       /* without entries */
        {"9f0103020104090300000000c2c3c09193080301", FSP_INVALID},
        {"9f0103020104090300000000c2c3c09194080300c400", FSP_INVALID},   /* kind 0 */
        {"9f0103020104090300000000c2c3c09194080304c400", FSP_INVALID},   /* kind 4 */
        {"9f0103020104090300000000c2c3c09194080301c40178", FSP_INVALID}, /* no-op, bytes */
        {"9f0103020104090300000000c2c3c09194080302c400", FSP_INVALID},   /* empty command */
        {"9f0103020104090300000000c2c3c0dc0401", FSP_TOO_LARGE}, /* 1,025 entries: too many */
        {"9f01030201cd0004090300000000c2c3c090", FSP_INVALID},   /* not the shortest form */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fsp_raft_message_t found;
        fsp_status_t status = decode_hex(bad[i].hex, &found);
        ck_assert_msg(status == bad[i].status, "%zu %s: %s", i, bad[i].hex,
                      fsp_status_name(status));
        ck_assert_ptr_null(found.entries);
    }
}
END_TEST

/* A count is believed only as far as there are bytes for it: nothing large is made for a lie. */
START_TEST(entries_are_bounded)
{
    fsp_entry_t *entries = fsp_alloc_array(FSP_RAFT_MESSAGE_ENTRIES_MAX, sizeof(*entries));
    for (size_t i = 0; i < FSP_RAFT_MESSAGE_ENTRIES_MAX; i++)
        entries[i] = (fsp_entry_t){.index = i + 1, .term = 1, .kind = FSP_ENTRY_NOOP};
    fsp_raft_message_t message = {.type = FSP_RAFT_APPEND,
                                  .from = 1,
                                  .to = 2,
                                  .term = 1,
                                  .entries = entries,
                                  .entry_count = FSP_RAFT_MESSAGE_ENTRIES_MAX};
    fsp_raft_message_encode(&message, &buf);
    fsp_raft_message_t found;
    ck_assert_int_eq(fsp_raft_message_decode(fsp_buf_slice(&buf), &found), FSP_OK);
    ck_assert_uint_eq(found.entry_count, FSP_RAFT_MESSAGE_ENTRIES_MAX);
    fsp_raft_message_clear(&found);
    fsp_free(entries);

    fsp_buf_reset(&buf);
    static uint8_t large[FSP_VALUE_BYTES_MAX + 1];
    fsp_entry_t entry = {.index = 1, .term = 1, .kind = FSP_ENTRY_COMMAND};
    message.entries = &entry;
    message.entry_count = 1;
    for (size_t more = 0; more <= 1; more++) {
        entry.bytes = fsp_blob_copy(large, FSP_VALUE_BYTES_MAX + more);
        fsp_buf_reset(&buf);
        fsp_raft_message_encode(&message, &buf);
        fsp_blob_destroy(&entry.bytes);
        fsp_status_t status = fsp_raft_message_decode(fsp_buf_slice(&buf), &found);
        ck_assert_int_eq(status == FSP_OK, more == 0);
        if (status == FSP_OK)
            fsp_raft_message_clear(&found);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("raft_message");
    TCase *tests = tcase_create("messages");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, bytes_are_golden);
    tcase_add_test(tests, messages_come_back_as_they_were);
    tcase_add_test(tests, no_part_of_a_message_is_one);
    tcase_add_test(tests, bad_bytes_are_refused);
    tcase_add_test(tests, entries_are_bounded);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
