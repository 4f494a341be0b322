/* SPDX-License-Identifier: MIT */
/* test_era - eras and what is counted in them; the record of a recovery.  Layer tests. */
#include "core/base/alloc.h"
#include "core/base/prng.h"
#include "core/crypto/digest.h"
#include "core/engine/era.h"
#include "tests/unit/suite.h"

static fsp_era_t
era(uint64_t number, uint8_t hash)
{
    return (fsp_era_t){.number = number, .hash = {{hash}}};
}

START_TEST(eras_are_ordered_by_number_and_told_apart_by_hash)
{
    static const struct {
        fsp_era_t own, other;
        fsp_era_order_t order;
        fsp_status_t cursor;
    } cases[] = {
        {{0, {{0}}}, {0, {{0}}}, FSP_ERA_SAME, FSP_OK},
        {{1, {{7}}}, {1, {{7}}}, FSP_ERA_SAME, FSP_OK},
        {{1, {{7}}}, {0, {{0}}}, FSP_ERA_OLDER, FSP_GONE},
        {{2, {{1}}}, {1, {{9}}}, FSP_ERA_OLDER, FSP_GONE},
        {{0, {{0}}}, {1, {{7}}}, FSP_ERA_NEWER, FSP_STALE},
        {{1, {{7}}}, {UINT64_MAX, {{7}}}, FSP_ERA_NEWER, FSP_STALE},
        {{1, {{7}}}, {1, {{8}}}, FSP_ERA_FORKED, FSP_MISMATCH},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_int_eq(fsp_era_compare(&cases[i].own, &cases[i].other), cases[i].order);
        ck_assert_int_eq(fsp_era_cursor(&cases[i].own, &cases[i].other), cases[i].cursor);
    }
    /* The last octet counts. */
    fsp_era_t a = era(1, 7), b = era(1, 7);
    b.hash.bytes[31] = 1;
    ck_assert_int_eq(fsp_era_compare(&a, &b), FSP_ERA_FORKED);
}
END_TEST

START_TEST(values_are_ordered_within_their_era)
{
    static const struct {
        fsp_era_value_t own, other;
        fsp_era_order_t order;
    } cases[] = {
        {{{1, {{7}}}, 5}, {{1, {{7}}}, 5}, FSP_ERA_SAME},
        {{{1, {{7}}}, 5}, {{1, {{7}}}, 4}, FSP_ERA_OLDER},
        {{{1, {{7}}}, 5}, {{1, {{7}}}, 6}, FSP_ERA_NEWER},
        {{{1, {{7}}}, 5}, {{0, {{0}}}, UINT64_MAX}, FSP_ERA_OLDER},
        {{{1, {{7}}}, UINT64_MAX}, {{2, {{1}}}, 0}, FSP_ERA_NEWER},
        {{{1, {{7}}}, 5}, {{1, {{8}}}, 5}, FSP_ERA_FORKED},
        {{{1, {{7}}}, 5}, {{1, {{8}}}, 4}, FSP_ERA_FORKED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_int_eq(fsp_era_value_compare(&cases[i].own, &cases[i].other), cases[i].order);
}
END_TEST

START_TEST(the_order_is_one)
{
    /* Without forks: antisymmetric and transitive. */
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(5));
    for (int round = 0; round < 2000; round++) {
        fsp_era_value_t v[3];
        for (int i = 0; i < 3; i++) {
            uint8_t number = (uint8_t)fsp_prng_below(&prng, 3);
            v[i] = (fsp_era_value_t){era(number, number), fsp_prng_below(&prng, 3)};
        }
        fsp_era_order_t ab = fsp_era_value_compare(&v[0], &v[1]);
        fsp_era_order_t ba = fsp_era_value_compare(&v[1], &v[0]);
        ck_assert((ab == FSP_ERA_OLDER) == (ba == FSP_ERA_NEWER));
        ck_assert((ab == FSP_ERA_SAME) == (ba == FSP_ERA_SAME));
        if (ab == FSP_ERA_NEWER && fsp_era_value_compare(&v[1], &v[2]) == FSP_ERA_NEWER)
            ck_assert_int_eq(fsp_era_value_compare(&v[0], &v[2]), FSP_ERA_NEWER);
    }
}
END_TEST

START_TEST(steps_stop_at_the_end_of_numbers)
{
    uint64_t value = 0;
    ck_assert_int_eq(fsp_era_step(7, FSP_ERA_INDEX_STEP, &value), FSP_OK);
    ck_assert_uint_eq(value, 4294967303ULL);
    ck_assert_int_eq(fsp_era_step(7, FSP_ERA_LAYOUT_STEP, &value), FSP_OK);
    ck_assert_uint_eq(value, 65543);
    ck_assert_int_eq(fsp_era_step(7, FSP_ERA_EPOCH_STEP, &value), FSP_OK);
    ck_assert_uint_eq(value, 9);
    ck_assert_int_eq(fsp_era_step(UINT64_MAX - 3, FSP_ERA_EPOCH_STEP, &value), FSP_OK);
    ck_assert_uint_eq(value, UINT64_MAX - 1);
    value = 5;
    ck_assert_int_eq(fsp_era_step(UINT64_MAX - 2, FSP_ERA_EPOCH_STEP, &value), FSP_TOO_LARGE);
    ck_assert_int_eq(fsp_era_step(UINT64_MAX, 1, &value), FSP_TOO_LARGE);
    ck_assert_uint_eq(value, 5);
}
END_TEST

/* -- record ------------------------------------------------------------------------------------ */

static fsp_era_survivor_t survivors[2];
static fsp_era_shard_t shards[2];

static fsp_era_record_t
make_record(void)
{
    survivors[0] = (fsp_era_survivor_t){.node_id = {{1}}, .store_id = {{9}}};
    survivors[1] = (fsp_era_survivor_t){.node_id = {{2}}, .store_id = {{8}}};
    shards[0] = (fsp_era_shard_t){.shard = 0, .last_term = 3, .last_index = 300};
    shards[1] = (fsp_era_shard_t){.shard = 7, .last_term = 1, .last_index = 2};
    return (fsp_era_record_t){.previous = era(4, 6),
                              .survivors = survivors,
                              .survivor_count = 2,
                              .shards = shards,
                              .shard_count = 2};
}

static void
encode(const fsp_era_record_t *record, fsp_buf_t *buf)
{
    fsp_buf_init(buf, FSP_ERA_RECORD_BYTES_MAX);
    fsp_era_record_encode(record, buf);
    ck_assert(fsp_buf_ok(buf));
}

START_TEST(a_record_has_golden_bytes_and_their_hash)
{
    uint8_t golden[256] = {0x94, 1, 0x92, 4, 0xc4, 32, 6};
    size_t used = 38; /* the rest of each id is zero */
    golden[used++] = 0x92;
    for (uint8_t i = 0; i < 2; i++) {
        const uint8_t head[] = {0x92, 0xc4, 32, (uint8_t)(1 + i)};
        memcpy(golden + used, head, sizeof(head));
        used += 3 + 32;
        const uint8_t store[] = {0xc4, 16, (uint8_t)(9 - i)};
        memcpy(golden + used, store, sizeof(store));
        used += 2 + 16;
    }
    const uint8_t tail[] = {0x92, 0x93, 0, 3, 0xcd, 0x01, 0x2c, 0x93, 7, 1, 2};
    memcpy(golden + used, tail, sizeof(tail));
    used += sizeof(tail);
    fsp_era_record_t record = make_record();
    fsp_buf_t buf;
    encode(&record, &buf);
    ck_assert(fsp_slice_eq(fsp_buf_slice(&buf), fsp_slice(golden, used)));
    fsp_era_t next = fsp_era_of(&record);
    ck_assert_uint_eq(next.number, 5);
    ck_assert(fsp_hash_eq(next.hash, fsp_sha256(fsp_slice(golden, used))));
    fsp_buf_clear(&buf);
}
END_TEST

START_TEST(a_record_reads_back_and_damage_does_not)
{
    fsp_era_record_t record = make_record(), back;
    fsp_buf_t buf, again;
    encode(&record, &buf);
    ck_assert_int_eq(fsp_era_record_decode(fsp_buf_slice(&buf), &back), FSP_OK);
    ck_assert_int_eq(fsp_era_compare(&back.previous, &record.previous), FSP_ERA_SAME);
    ck_assert_uint_eq(back.survivor_count, 2);
    ck_assert_uint_eq(back.shards[0].last_index, 300);
    encode(&back, &again);
    ck_assert(fsp_slice_eq(fsp_buf_slice(&buf), fsp_buf_slice(&again)));
    fsp_era_record_clear(&back);
    fsp_buf_clear(&again);
    for (size_t cut = 0; cut < buf.bytes; cut++)
        ck_assert_int_ne(fsp_era_record_decode(fsp_slice(buf.data, cut), &back), FSP_OK);
    buf.data[1] = 2;
    ck_assert_int_eq(fsp_era_record_decode(fsp_buf_slice(&buf), &back), FSP_FORMAT_NEWER);
    buf.data[1] = 0;
    ck_assert_int_eq(fsp_era_record_decode(fsp_buf_slice(&buf), &back), FSP_INVALID);
    buf.data[1] = 1;
    fsp_buf_append_u8(&buf, 0);
    ck_assert_int_eq(fsp_era_record_decode(fsp_buf_slice(&buf), &back), FSP_INVALID);
    fsp_buf_clear(&buf);
    /* Every id once, in order. */
    encode(&record, &buf);
    buf.data[42] = 2; /* the first node is the second */
    ck_assert_int_eq(fsp_era_record_decode(fsp_buf_slice(&buf), &back), FSP_INVALID);
    fsp_buf_clear(&buf);
}
END_TEST

START_TEST(whatever_differs_makes_another_era)
{
    fsp_era_record_t record = make_record();
    fsp_era_t first = fsp_era_of(&record);
    for (int i = 0; i < 7; i++) {
        record = make_record();
        if (i == 0)
            record.previous.hash.bytes[0]++;
        else if (i == 1)
            survivors[1].node_id.bytes[0]++;
        else if (i == 2)
            survivors[1].store_id.bytes[0]++;
        else if (i == 3)
            record.survivor_count--;
        else if (i == 4)
            shards[1].last_index++;
        else if (i == 5)
            shards[1].last_term++;
        else
            record.shard_count--;
        fsp_era_t other = fsp_era_of(&record);
        ck_assert_int_eq(fsp_era_compare(&first, &other), FSP_ERA_FORKED);
    }
}
END_TEST

START_TEST(the_largest_record_fits)
{
    fsp_era_record_t record = {.previous = era(UINT64_MAX - 2, 1)};
    record.survivors = fsp_alloc_array(FSP_ERA_SURVIVORS_MAX, sizeof(*record.survivors));
    record.shards = fsp_alloc_array(FSP_ERA_SHARDS_MAX, sizeof(*record.shards));
    for (uint32_t i = 0; i < FSP_ERA_SURVIVORS_MAX; i++)
        fsp_store_u32(record.survivors[i].node_id.bytes, i + 1);
    for (uint32_t i = 0; i < FSP_ERA_SHARDS_MAX; i++)
        record.shards[i] =
            (fsp_era_shard_t){UINT32_MAX - FSP_ERA_SHARDS_MAX + i, UINT64_MAX, UINT64_MAX};
    record.survivor_count = FSP_ERA_SURVIVORS_MAX;
    record.shard_count = FSP_ERA_SHARDS_MAX;
    fsp_buf_t buf;
    encode(&record, &buf);
    fsp_era_record_t back;
    ck_assert_int_eq(fsp_era_record_decode(fsp_buf_slice(&buf), &back), FSP_OK);
    fsp_era_record_clear(&back);
    fsp_era_record_clear(&record);
    fsp_buf_clear(&buf);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("era");
    TCase *tests = tcase_create("era");
    tcase_add_test(tests, eras_are_ordered_by_number_and_told_apart_by_hash);
    tcase_add_test(tests, values_are_ordered_within_their_era);
    tcase_add_test(tests, the_order_is_one);
    tcase_add_test(tests, steps_stop_at_the_end_of_numbers);
    tcase_add_test(tests, a_record_has_golden_bytes_and_their_hash);
    tcase_add_test(tests, a_record_reads_back_and_damage_does_not);
    tcase_add_test(tests, whatever_differs_makes_another_era);
    tcase_add_test(tests, the_largest_record_fits);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
