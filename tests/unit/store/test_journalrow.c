/* SPDX-License-Identifier: MIT */
/* test_journalrow - the octets of the journal, frozen; and what is refused.  Layer tests. */
#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/base/prng.h"
#include "store/journal.h"
#include "store/journalrecord.h"
#include "tests/unit/suite.h"

#include <string.h>
#include <xxhash.h>

enum { CHECKSUM_AT = 88 };

static fsp_journalhead_t
example(void)
{
    return (fsp_journalhead_t){.file = 0x0102030405060708,
                               .sequence = 0x1112131415161718,
                               .previous = 0x1112131415161710,
                               .oldest = 0x0102030405060701,
                               .kept = {[FSP_FAMILY_LOCAL] = 0x2122232425262728,
                                        [FSP_FAMILY_STATE] = 0x3132333435363738,
                                        [FSP_FAMILY_OBJECT] = 0x4142434445464748,
                                        [FSP_FAMILY_BYTES] = 0x5152535455565758}};
}

static fsp_batch_row_t
row_of(fsp_row_op_t op, fsp_family_t family, const char *key, const char *value)
{
    return (fsp_batch_row_t){
        .op = op, .family = family, .key = fsp_slice_text(key), .value = fsp_slice_text(value)};
}

static void
expect_octets(const uint8_t *is, const char *wanted)
{
    char text[1024];
    ck_assert_uint_lt(2 * (strlen(wanted) / 2), sizeof(text));
    for (size_t i = 0; i < strlen(wanted) / 2; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", is[i]);
    ck_assert_str_eq(text, wanted);
}

/* -- golden ------------------------------------------------------------------------------------ */

START_TEST(the_octets_of_a_record_are_frozen)
{
    fsp_journalrecord_t record = {.data = NULL};
    fsp_batch_row_t rows[] = {
        row_of(FSP_ROW_PUT, FSP_FAMILY_LOG, "entry", "its bytes"),
        row_of(FSP_ROW_PUT, FSP_FAMILY_OBJECT, "key", ""),
        row_of(FSP_ROW_DELETE, FSP_FAMILY_LOCAL, "gone", ""),
        row_of(FSP_ROW_DELETE_RANGE, FSP_FAMILY_BYTES, "a", "b"),
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        fsp_journalrecord_put(&record, &rows[i]);
    fsp_journalhead_t head = example();
    const uint8_t *octets = fsp_journalrecord_finish(&record, &head);
    expect_octets(octets, "46534a52"         /* magic */
                          "00000001"         /* format */
                          "0102030405060708" /* file */
                          "1112131415161718" /* sequence */
                          "1112131415161710" /* previous */
                          "0102030405060701" /* oldest */
                          "2122232425262728" /* kept of LOCAL, */
                          "3132333435363738" /* STATE, */
                          "4142434445464748" /* OBJECT, */
                          "5152535455565758" /* BYTES */
                          "0000003f"         /* octets of the payload */
                          "00000004"         /* rows */
                          "148b40298f16abdd" /* XXH3-64 of the payload */
                          "e57c04d1f4e82fce" /* and of all this */
                          "00010005"
                          "00000009"         /* put, LOG */
                          "8f5225e9aa7a13b4" /* XXH3-64 of key and value */
                          "656e747279"
                          "697473206279746573" /* */
                          "00030003"
                          "00000000"
                          "6b6579" /* put, OBJECT */
                          "01000004"
                          "00000000"
                          "676f6e65" /* delete, LOCAL */
                          "02040001"
                          "00000001"
                          "61"
                          "62" /* delete range, BYTES */
    );
    for (size_t i = FSP_JOURNAL_HEAD_BYTES + 0x3f; i < FSP_JOURNAL_PAGE_BYTES; i++)
        ck_assert_uint_eq(octets[i], 0);
    fsp_journalrecord_reset(&record);
    fsp_journalrecord_rest(&record, 0);
}
END_TEST

/* -- heads ------------------------------------------------------------------------------------- */

START_TEST(each_bit_of_a_head_counts)
{
    uint8_t octets[FSP_JOURNAL_HEAD_BYTES];
    fsp_journalhead_t head = example(), found;
    fsp_journalhead_encode(&head, octets);
    ck_assert_int_eq(fsp_journalhead_decode(octets, &found), FSP_OK);
    ck_assert(memcmp(&found, &head, sizeof(head)) == 0);
    for (size_t bit = 0; bit < 8 * sizeof(octets); bit++) {
        octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_int_eq(fsp_journalhead_decode(octets, &found), FSP_NOT_FOUND);
        octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

typedef struct {
    size_t at;
    unsigned bytes;
    uint64_t value;
    fsp_status_t status;
} change_t;

/* With a right checksum. */
static const change_t changes[] = {
    {4, 4, 0, FSP_NOT_FOUND}, /* format */
    {4, 4, 2, FSP_NOT_FOUND},
    {8, 8, 0, FSP_NOT_FOUND},                  /* file */
    {8, 8, 0x0102030405060700, FSP_NOT_FOUND}, /* below `oldest` */
    {8, 8, 0x0102030405060701, FSP_OK},
    {16, 8, 0x111213141516170f, FSP_NOT_FOUND}, /* sequence below `previous` */
    {16, 8, 0x1112131415161710, FSP_OK},        /* equal: there are no rows */
    {24, 8, 0, FSP_OK},                         /* previous */
    {32, 8, 0, FSP_NOT_FOUND},                  /* oldest */
    {32, 8, 1, FSP_OK},
    {72, 4, 1, FSP_NOT_FOUND}, /* octets without rows */
    {72, 4, FSP_JOURNAL_PAYLOAD_BYTES_MAX, FSP_NOT_FOUND},
    {76, 4, 1, FSP_NOT_FOUND}, /* rows without octets */
};

START_TEST(a_head_out_of_bounds_is_none)
{
    uint8_t octets[FSP_JOURNAL_HEAD_BYTES];
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        fsp_journalhead_t head = example(), found;
        fsp_journalhead_encode(&head, octets);
        if (changes[i].bytes == 4)
            fsp_store_u32(octets + changes[i].at, (uint32_t)changes[i].value);
        else
            fsp_store_u64(octets + changes[i].at, changes[i].value);
        fsp_store_u64(octets + CHECKSUM_AT, XXH3_64bits(octets, CHECKSUM_AT));
        ck_assert_msg(fsp_journalhead_decode(octets, &found) == changes[i].status, "change %zu", i);
    }
}
END_TEST

START_TEST(rows_want_a_new_sequence_and_bounds)
{
    uint8_t octets[FSP_JOURNAL_HEAD_BYTES];
    fsp_journalhead_t head = example(), found;
    head.row_count = 1;
    head.payload_bytes = FSP_JOURNAL_PAYLOAD_BYTES_MAX;
    fsp_journalhead_encode(&head, octets);
    ck_assert_int_eq(fsp_journalhead_decode(octets, &found), FSP_OK);
    fsp_store_u64(octets + 16, head.previous);
    fsp_store_u64(octets + CHECKSUM_AT, XXH3_64bits(octets, CHECKSUM_AT));
    ck_assert_int_eq(fsp_journalhead_decode(octets, &found), FSP_NOT_FOUND);
    fsp_store_u64(octets + 16, head.sequence);
    fsp_store_u32(octets + 72, FSP_JOURNAL_PAYLOAD_BYTES_MAX + 1);
    fsp_store_u64(octets + CHECKSUM_AT, XXH3_64bits(octets, CHECKSUM_AT));
    ck_assert_int_eq(fsp_journalhead_decode(octets, &found), FSP_NOT_FOUND);
}
END_TEST

/* -- rows -------------------------------------------------------------------------------------- */

static bool
same_row(const fsp_batch_row_t *a, const fsp_batch_row_t *b)
{
    return a->op == b->op && a->family == b->family && fsp_slice_eq(a->key, b->key) &&
           fsp_slice_eq(a->value, b->value);
}

START_TEST(rows_are_read_as_they_were_written)
{
    enum { ROWS = 500 };
    static uint8_t keys[ROWS][FSP_ROW_KEY_BYTES_MAX], values[ROWS][1000];
    static const fsp_family_t families[] = {FSP_FAMILY_LOCAL, FSP_FAMILY_LOG, FSP_FAMILY_OBJECT,
                                            FSP_FAMILY_BYTES};
    static fsp_batch_row_t rows[ROWS];
    fsp_journalrecord_t record = {.data = NULL};
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(1));
    for (size_t i = 0; i < ROWS; i++) {
        fsp_prng_fill(&prng, keys[i], sizeof(keys[i]));
        fsp_prng_fill(&prng, values[i], sizeof(values[i]));
        rows[i] = (fsp_batch_row_t){.family = families[fsp_prng_below(&prng, 4)]};
        rows[i].key = fsp_slice(keys[i], (size_t)fsp_prng_below(&prng, sizeof(keys[i]) + 1));
        rows[i].op = (fsp_row_op_t)fsp_prng_below(&prng, 3);
        if (rows[i].op == FSP_ROW_PUT)
            rows[i].value = fsp_slice(values[i], (size_t)fsp_prng_below(&prng, 1001));
        if (rows[i].op == FSP_ROW_DELETE_RANGE)
            rows[i].value = rows[i].key;
        fsp_journalrecord_put(&record, &rows[i]);
    }
    fsp_slice_t payload = fsp_journalrecord_payload(&record);
    fsp_journalrow_t row;
    size_t at = 0, count = 0;
    while (fsp_journalrow_next(payload, &at, &row) == FSP_OK) {
        ck_assert(same_row(&row.row, &rows[count]));
        ck_assert(row.row.blob == NULL);
        ck_assert(row.row.key.data == payload.data + row.at);
        fsp_slice_t pair = fsp_slice(row.row.key.data, row.row.key.bytes + row.row.value.bytes);
        bool hashed = row.row.op == FSP_ROW_PUT && row.row.family == FSP_FAMILY_LOG;
        ck_assert_uint_eq(row.hash, hashed ? fsp_journal_hash(pair) : 0);
        ck_assert_uint_le(fsp_journalrow_bytes(&row.row), FSP_JOURNAL_ROW_BYTES + pair.bytes);
        count++;
    }
    ck_assert_uint_eq(count, ROWS);
    ck_assert_uint_eq(at, payload.bytes);
    /* Cut anywhere it is damaged, or ends between two rows. */
    for (size_t cut = 0; cut < 3000; cut++) {
        fsp_status_t status;
        for (at = 0;
             (status = fsp_journalrow_next(fsp_slice(payload.data, cut), &at, &row)) == FSP_OK;)
            ck_assert_uint_le(at, cut);
        ck_assert(status == (at == cut ? FSP_NOT_FOUND : FSP_DAMAGED));
    }
    fsp_journalrecord_reset(&record);
    fsp_journalrecord_rest(&record, 0);
}
END_TEST

START_TEST(rows_that_nobody_writes_are_damage)
{
    static const char *const rows[] = {
        "\x03\x00\x00\x01\x00\x00\x00\x00k",  /* op */
        "\x00\x02\x00\x01\x00\x00\x00\x00k",  /* STATE */
        "\x00\x05\x00\x01\x00\x00\x00\x00k",  /* no family */
        "\x01\x00\x00\x01\x00\x00\x00\x01kv", /* a delete with a value */
        "\x02\x00\x00\x01\x00\x00\x00\x01"
        "ba",                                 /* a range that ends before it begins */
        "\x00\x00\x00\x02\x00\x00\x00\x00k",  /* longer than its payload */
        "\x00\x00\x00\x01\x00\x00\x00\x02kv", /* */
        "\x00\x00\xff\xff\xff\xff\xff\xff"
        "kv",                                            /* */
        "\x00\x01\x00\x01\x00\x00\x00\x00k\0\0\0\0\0\0", /* a put of LOG without its hash */
    };
    static const size_t bytes[] = {9, 9, 9, 10, 10, 9, 10, 10, 15};
    for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
        fsp_journalrow_t row = {.at = 99};
        size_t at = 0;
        ck_assert_msg(fsp_journalrow_next(fsp_slice(rows[i], bytes[i]), &at, &row) == FSP_DAMAGED,
                      "row %zu", i);
        ck_assert(at == 0 && row.at == 99); /* untouched */
    }
    static uint8_t large[8 + FSP_ROW_KEY_BYTES_MAX + 1];
    fsp_journalrow_t row;
    size_t at = 0;
    fsp_store_u16(large + 2, FSP_ROW_KEY_BYTES_MAX + 1);
    ck_assert_int_eq(fsp_journalrow_next(fsp_slice(large, sizeof(large)), &at, &row), FSP_DAMAGED);
}
END_TEST

START_TEST(a_record_takes_memory_as_it_needs_it)
{
    fsp_journalrecord_t record = {.data = NULL};
    fsp_journalhead_t head = example();
    const uint8_t *octets = fsp_journalrecord_finish(&record, &head); /* without rows */
    ck_assert_uint_eq((uintptr_t)octets % FSP_JOURNAL_PAGE_BYTES, 0);
    ck_assert_uint_eq(head.hash, XXH3_64bits(NULL, 0));
    static uint8_t value[3 * 4096];
    memset(value, 0xff, sizeof(value));
    fsp_batch_row_t row = row_of(FSP_ROW_PUT, FSP_FAMILY_LOCAL, "key", "");
    row.value = fsp_slice(value, sizeof(value));
    for (unsigned i = 0; i < 100; i++)
        fsp_journalrecord_put(&record, &row);
    octets = fsp_journalrecord_finish(&record, &head);
    ck_assert_uint_eq((uintptr_t)octets % FSP_JOURNAL_PAGE_BYTES, 0);
    uint64_t end = FSP_JOURNAL_HEAD_BYTES + record.payload_bytes;
    ck_assert_uint_eq(octets[end - 1], 0xff);
    for (; end < fsp_journalrecord_bytes(record.payload_bytes); end++)
        ck_assert_uint_eq(octets[end], 0);
    fsp_journalrecord_rest(&record, 0); /* it has rows: nothing happens */
    ck_assert_uint_eq(record.row_count, 100);
    fsp_journalrecord_reset(&record);
    fsp_journalrecord_rest(&record, record.capacity);
    ck_assert(record.data != NULL);
    fsp_journalrecord_rest(&record, record.capacity - 1);
    ck_assert(record.data == NULL && record.capacity == 0);
}
END_TEST

static Suite *
journalrow_suite(void)
{
    Suite *suite = suite_create("journalrow");
    TCase *group = tcase_create("journalrow");
    tcase_add_test(group, the_octets_of_a_record_are_frozen);
    tcase_add_test(group, each_bit_of_a_head_counts);
    tcase_add_test(group, a_head_out_of_bounds_is_none);
    tcase_add_test(group, rows_want_a_new_sequence_and_bounds);
    tcase_add_test(group, rows_are_read_as_they_were_written);
    tcase_add_test(group, rows_that_nobody_writes_are_damage);
    tcase_add_test(group, a_record_takes_memory_as_it_needs_it);
    suite_add_tcase(suite, group);
    return suite;
}

int
main(void)
{
    return fsp_suite_main(journalrow_suite());
}
