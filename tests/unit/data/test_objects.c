/* SPDX-License-Identifier: MIT */
/* test_objects - the rules of a node that stores.  Layer tests. */
#include "core/data/objects.h"
#include "tests/unit/aborts.h"
#include "tests/unit/data/storer.h"

START_TEST(stored_leaves_when_the_write_is_durable)
{
    static const size_t sizes[] = {0, 100, FSP_BLOB_BYTES_MIN - 72 - 16 - 1,
                                   FSP_BLOB_BYTES_MIN - 72 - 16, FSP_CHUNK_BYTES_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        fsp_key_t key;
        fsp_blob_t *object = make_object(sizes[i], &key);
        put(i, &key, object, 7);
        (void)only(FSP_OBJECTS_WRITE);
        ck_assert_uint_eq(fsp_batch_count(writes[write_token]), 2);
        ck_assert_uint_eq(fsp_objects_pending_bytes(engine), fsp_blob_bytes(object));
        fsp_object_row_t row;
        ck_assert(!row_on_disk(&key, &row));
        expect_readable(&key, object, true);
        finish_write();
        expect_stored(i, FSP_OK);
        ck_assert_uint_eq(fsp_objects_pending_bytes(engine), 0);
        ck_assert(row_on_disk(&key, &row));
        ck_assert_uint_eq(row.stamp, 7);
        ck_assert_uint_eq(row.mark, 0);
        ck_assert_int_eq(row.kind, FSP_OBJECT_CHUNK);
        expect_readable(&key, object, false);
        fsp_blob_destroy(&object);
    }
}
END_TEST

START_TEST(a_row_and_its_key_stay_as_they_are)
{
    /* slot | space | key | suffix */
    fsp_key_t key = {{0xab, 0xcd, 0xef, 0x01}};
    fsp_buf_t buf;
    fsp_buf_init(&buf, 512);
    fsp_object_row_key(16, space, key, 0x01, &buf);
    ck_assert_uint_eq(buf.bytes, 53);
    ck_assert_mem_eq(buf.data, "\0\0\xab\xcd\1\2\3", 7);
    ck_assert_mem_eq(buf.data + 20, key.bytes, 32);
    ck_assert_uint_eq(buf.data[52], 1);
    fsp_buf_reset(&buf);
    fsp_object_row_key(20, space, key, 0x00, &buf);
    ck_assert_mem_eq(buf.data, "\0\x0a\xbc\xde\1", 5);
    fsp_buf_reset(&buf);
    fsp_object_row_key(32, space, key, 0x00, &buf);
    ck_assert_mem_eq(buf.data, "\xab\xcd\xef\x01\1", 5);
    fsp_buf_reset(&buf);

    fsp_blob_t *object = make_object(300, &key);
    fsp_object_row_t row = {.kind = FSP_OBJECT_CHUNK,
                            .sealed_bytes = 316,
                            .stamp = 3,
                            .mark = 200,
                            .flags = FSP_OBJECT_GUEST,
                            .family = FSP_FAMILY_BYTES};
    ck_assert_int_eq(fsp_object_name(fsp_blob_slice(object), &key, row.head), FSP_OK);
    fsp_object_row_encode(&row, &buf);
    ck_assert(fsp_buf_ok(&buf));
    /* [1, chunk, 0, 316, BYTES, 3, 200, GUEST, bin 32, bin 32, bin 72] */
    static const uint8_t front[] = {0x9b, 1, 1, 0, 0xcd, 0x01, 0x3c, 2, 3, 0xcc, 200, 1, 0xc4, 32};
    ck_assert_uint_eq(buf.bytes, sizeof(front) + 32 + 2 + 32 + 2 + 72);
    ck_assert_mem_eq(buf.data, front, sizeof(front));
    ck_assert_mem_eq(buf.data + sizeof(front), row.head + 72, 32);
    ck_assert_mem_eq(buf.data + sizeof(front) + 34, row.head + 104, 32);
    ck_assert_mem_eq(buf.data + sizeof(front) + 68, row.head, 72);

    fsp_object_row_t back;
    memset(&back, 0, sizeof(back));
    ck_assert_int_eq(fsp_object_row_decode(fsp_buf_slice(&buf), &back), FSP_OK);
    ck_assert_uint_eq(back.sealed_bytes, row.sealed_bytes);
    ck_assert_uint_eq(back.stamp, row.stamp);
    ck_assert_uint_eq(back.mark, row.mark);
    ck_assert_uint_eq(back.flags, row.flags);
    ck_assert_int_eq(back.family, row.family);
    ck_assert_mem_eq(back.head, row.head, sizeof(row.head));
    /* Any part is no row; a changed one is no row or another one that encodes to the same bytes. */
    for (size_t i = 0; i < buf.bytes; i++) {
        ck_assert_int_ne(fsp_object_row_decode(fsp_slice(buf.data, i), &back), FSP_OK);
        for (int bit = 0; bit < 8; bit++) {
            buf.data[i] ^= (uint8_t)(1 << bit);
            if (fsp_object_row_decode(fsp_buf_slice(&buf), &back) == FSP_OK) {
                fsp_buf_t again;
                fsp_buf_init(&again, 512);
                fsp_object_row_encode(&back, &again);
                ck_assert(fsp_slice_eq(fsp_buf_slice(&again), fsp_buf_slice(&buf)));
                fsp_buf_clear(&again);
            }
            buf.data[i] ^= (uint8_t)(1 << bit);
        }
    }
    buf.data[1] = 2;
    ck_assert_int_eq(fsp_object_row_decode(fsp_buf_slice(&buf), &back), FSP_FORMAT_NEWER);
    fsp_buf_clear(&buf);
    fsp_blob_destroy(&object);
}
END_TEST

START_TEST(a_stamp_only_rises)
{
    fsp_key_t key;
    fsp_blob_t *object = make_object(70000, &key);
    fsp_object_row_t row;
    put(1, &key, object, 7);
    finish_writes();
    /* Lower or equal: nothing to write. */
    put(2, &key, object, 7);
    expect_stored(2, FSP_OK);
    put(3, &key, object, 3);
    expect_stored(3, FSP_OK);
    have(4, &key, 1, 6);
    expect_yes(4, 1);
    /* Higher: the row alone is written. */
    put(5, &key, object, 8);
    (void)only(FSP_OBJECTS_WRITE);
    ck_assert_uint_eq(fsp_batch_count(writes[write_token]), 1);
    finish_write();
    expect_stored(5, FSP_OK);
    ck_assert(row_on_disk(&key, &row));
    ck_assert_uint_eq(row.stamp, 8);
    have(6, &key, 1, 9);
    (void)only(FSP_OBJECTS_WRITE);
    finish_write();
    expect_yes(6, 1);
    ck_assert(row_on_disk(&key, &row));
    ck_assert_uint_eq(row.stamp, 9);
    expect_readable(&key, object, false);
    fsp_blob_destroy(&object);
}
END_TEST

START_TEST(answers_wait_for_writes_of_others)
{
    fsp_key_t key;
    fsp_blob_t *object = make_object(70000, &key);
    put(1, &key, object, 7);
    ck_assert_uint_eq(effects.count, 1);
    put(2, &key, object, 7); /* the same object again: nothing to write, but nothing to promise */
    ck_assert_uint_eq(effects.count, 0);
    have(3, &key, 1, 7);
    ck_assert_uint_eq(effects.count, 0);
    have(4, &key, 1, 8); /* waits for its own write */
    (void)only(FSP_OBJECTS_WRITE);
    have(5, &key, 1, 7); /* waits for the row's last write */
    ck_assert_uint_eq(effects.count, 0);
    expect_readable(&key, object, true);
    ck_assert_uint_eq(fsp_objects_pending_bytes(engine), fsp_blob_bytes(object));
    finish_write();
    ck_assert_uint_eq(effects.count, 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_eq(effects.items[i].token, i + 1);
    ck_assert_int_eq(effects.items[2].type, FSP_OBJECTS_ANSWER);
    ck_assert_uint_eq(effects.items[2].yes[0], 1);
    /* The bytes are on the disk, the row's last stamp is not. */
    expect_readable(&key, object, false);
    put(6, &key, object, 8);
    ck_assert_uint_eq(effects.count, 0);
    finish_write();
    ck_assert_uint_eq(effects.count, 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_eq(effects.items[i].token, i + 4);
    fsp_blob_destroy(&object);
}
END_TEST

START_TEST(have_answers_key_by_key)
{
    fsp_key_t keys[5], other;
    fsp_blob_t *objects[4];
    for (size_t i = 0; i < 4; i++) {
        objects[i] = make_object(100 * i, &keys[i]);
        if (i != 1)
            put(i, &keys[i], objects[i], i);
    }
    finish_writes();
    keys[4] = keys[3]; /* twice in one question */
    uint64_t lengths[5] = {fsp_blob_bytes(objects[0]), 1, fsp_blob_bytes(objects[2]) + 1,
                           fsp_blob_bytes(objects[3]), fsp_blob_bytes(objects[3])};
    fsp_objects_event_t event = event_of(FSP_OBJECTS_HAVE, 20, keys, 5, 3);
    event.lengths = lengths;
    step(&event); /* raises the first; the last has its stamp already */
    (void)only(FSP_OBJECTS_WRITE);
    ck_assert_uint_eq(fsp_batch_count(writes[write_token]), 1);
    finish_write();
    const fsp_objects_effect_t *answer = only(FSP_OBJECTS_ANSWER);
    static const uint8_t expected[5] = {1, 0, 0, 1, 1};
    ck_assert_uint_eq(answer->yes_count, 5);
    ck_assert_mem_eq(answer->yes, expected, 5);
    /* Another space has none of them. */
    event = event_of(FSP_OBJECTS_HAVE, 21, keys, 1, 3);
    event.space_id.bytes[15] = 1;
    step(&event);
    expect_yes(21, 0);
    /* None at all; too many. */
    have(22, keys, 0, 1);
    ck_assert_uint_eq(only(FSP_OBJECTS_ANSWER)->yes_count, 0);
    fsp_key_t *many = fsp_alloc_array(FSP_HAVE_KEYS_MAX + 1, sizeof(*many));
    have(23, many, FSP_HAVE_KEYS_MAX + 1, 1);
    ck_assert_int_eq(only(FSP_OBJECTS_ANSWER)->status, FSP_TOO_LARGE);
    have(24, many, FSP_HAVE_KEYS_MAX, 1);
    ck_assert_uint_eq(only(FSP_OBJECTS_ANSWER)->yes_count, FSP_HAVE_KEYS_MAX);
    fsp_free(many);
    memset(&other, 1, sizeof(other));
    event = event_of(FSP_OBJECTS_GET, 25, &other, 1, 0);
    step(&event);
    ck_assert_int_eq(only(FSP_OBJECTS_READ)->status, FSP_NOT_FOUND);
    for (size_t i = 0; i < 4; i++)
        fsp_blob_destroy(&objects[i]);
}
END_TEST

START_TEST(an_old_layout_is_refused)
{
    fsp_key_t key;
    fsp_blob_t *object = make_object(100, &key);
    fsp_objects_event_t event = event_of(FSP_OBJECTS_PUT, 1, &key, 1, 1);
    event.object = object;
    event.layout_version = LAYOUT_OURS - 1;
    step(&event);
    expect_stored(1, FSP_LAYOUT);
    fsp_objects_event_t question = event_of(FSP_OBJECTS_HAVE, 2, &key, 1, 1);
    question.layout_version = LAYOUT_OURS - 1;
    step(&question);
    ck_assert_int_eq(only(FSP_OBJECTS_ANSWER)->status, FSP_LAYOUT);
    event.layout_version = LAYOUT_OURS + 1;
    step(&event);
    (void)only(FSP_OBJECTS_WRITE);
    fsp_objects_set_layout_version(engine, LAYOUT_OURS + 2);
    fsp_objects_set_layout_version(engine, LAYOUT_OURS); /* does not fall */
    step(&event);
    expect_stored(1, FSP_LAYOUT);
    fsp_blob_destroy(&object);
}
END_TEST

START_TEST(bytes_that_do_not_have_the_name_are_refused)
{
    fsp_key_t key, other;
    fsp_blob_t *object = make_object(70000, &key);
    fsp_blob_t *second = make_object(70000, &other);
    uint8_t head[FSP_OBJECT_HEAD_BYTES], second_head[FSP_OBJECT_HEAD_BYTES];
    ck_assert_int_eq(fsp_object_name(fsp_blob_slice(object), &key, head), FSP_OK);
    ck_assert_int_eq(fsp_object_name(fsp_blob_slice(second), &other, second_head), FSP_OK);
    for (int verified = 0; verified < 2; verified++) {
        fsp_objects_event_t event = event_of(FSP_OBJECTS_PUT, 1, &other, 1, 1);
        event.object = object;
        event.verified = verified;
        step(&event);
        expect_stored(1, FSP_DAMAGED);
        event.head = head;
        step(&event);
        expect_stored(1, FSP_DAMAGED);
        event.head = second_head;
        step(&event);
        expect_stored(1, FSP_DAMAGED);
    }
    fsp_blob_t *bad = fsp_blob_copy(fsp_blob_data(object), fsp_blob_bytes(object));
    fsp_blob_writable(bad)[60000] ^= 1;
    put(2, &key, bad, 1);
    expect_stored(2, FSP_DAMAGED);
    fsp_blob_shrink(bad, 60000);
    put(3, &key, bad, 1);
    ck_assert_int_ne(only(FSP_OBJECTS_STORED)->status, FSP_OK);
    fsp_objects_event_t event = event_of(FSP_OBJECTS_PUT, 4, &key, 1, 1);
    event.object = bad; /* cut short, with a head that fits */
    event.verified = true;
    event.head = head;
    step(&event);
    expect_stored(4, FSP_DAMAGED);
    fsp_blob_shrink(bad, 10);
    put(5, &key, bad, 1);
    expect_stored(5, FSP_INVALID);
    fsp_blob_destroy(&bad);
    bad = fsp_blob_new(FSP_OBJECT_BYTES_MAX + 1);
    memset(fsp_blob_writable(bad), 0, fsp_blob_bytes(bad));
    put(6, &key, bad, 1);
    expect_stored(6, FSP_TOO_LARGE);
    ck_assert_uint_eq(write_token, 0);
    /* And with the right head it is taken without hashing. */
    event.object = object;
    step(&event);
    (void)only(FSP_OBJECTS_WRITE);
    finish_writes();
    expect_stored(4, FSP_OK);
    expect_readable(&key, object, false);
    fsp_blob_destroy(&bad);
    fsp_blob_destroy(&object);
    fsp_blob_destroy(&second);
}
END_TEST

START_TEST(a_suspect_copy_is_replaced)
{
    fsp_key_t key;
    fsp_blob_t *object = make_object(70000, &key);
    put(1, &key, object, 7);
    finish_writes();
    fsp_object_row_t row;
    ck_assert(row_on_disk(&key, &row));
    row.flags = FSP_OBJECT_SUSPECT | FSP_OBJECT_GUEST;
    row.mark = 6;
    fsp_buf_t row_key, value;
    fsp_buf_init(&row_key, 64);
    fsp_buf_init(&value, 512);
    fsp_object_row_key(SLOT_BITS, space, key, 0x00, &row_key);
    fsp_object_row_encode(&row, &value);
    fsp_omap_put(fsp_memview_map(rows), fsp_buf_slice(&row_key), fsp_buf_slice(&value), 0);
    fsp_omap_remove(fsp_memview_map(bytes), fsp_buf_slice(&row_key));
    fsp_buf_clear(&row_key);
    fsp_buf_clear(&value);
    have(2, &key, 1, 7);
    expect_yes(2, 0);
    put(3, &key, object, 5);
    (void)only(FSP_OBJECTS_WRITE);
    finish_write();
    expect_stored(3, FSP_OK);
    ck_assert(row_on_disk(&key, &row));
    ck_assert_uint_eq(row.stamp, 7);
    ck_assert_uint_eq(row.mark, 6);
    ck_assert_uint_eq(row.flags, FSP_OBJECT_GUEST);
    expect_readable(&key, object, false);
    fsp_blob_destroy(&object);
}
END_TEST

START_TEST(a_row_that_cannot_be_read_stops_the_node)
{
    fsp_key_t key;
    fsp_blob_t *object = make_object(100, &key);
    fsp_buf_t row_key;
    fsp_buf_init(&row_key, 64);
    fsp_object_row_key(SLOT_BITS, space, key, 0x00, &row_key);
    fsp_omap_put(fsp_memview_map(rows), fsp_buf_slice(&row_key), fsp_slice_text("rubbish"), 0);
    fsp_buf_clear(&row_key);
    fsp_objects_event_t event = event_of(FSP_OBJECTS_HAVE, 1, &key, 1, 1);
    fsp_objects_effects_reset(&effects);
    ck_assert_int_eq(fsp_objects_step(engine, &event, &effects), FSP_DAMAGED);
    event = event_of(FSP_OBJECTS_PUT, 1, &key, 1, 1);
    event.object = object;
    ck_assert_int_eq(fsp_objects_step(engine, &event, &effects), FSP_DAMAGED);
    ck_assert_uint_eq(effects.count, 0);
    fsp_blob_destroy(&object);
}
END_TEST

START_TEST(writes_end_in_order)
{
    fsp_key_t key;
    fsp_blob_t *object = make_object(100, &key);
    put(1, &key, object, 1);
    fsp_objects_event_t event = {.type = FSP_OBJECTS_WRITTEN, .token = 2};
    FSP_EXPECT_ABORT(step(&event));
    fsp_blob_destroy(&object);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("objects");
    TCase *tcase = tcase_create("objects");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, stored_leaves_when_the_write_is_durable);
    tcase_add_test(tcase, a_row_and_its_key_stay_as_they_are);
    tcase_add_test(tcase, a_stamp_only_rises);
    tcase_add_test(tcase, answers_wait_for_writes_of_others);
    tcase_add_test(tcase, have_answers_key_by_key);
    tcase_add_test(tcase, an_old_layout_is_refused);
    tcase_add_test(tcase, bytes_that_do_not_have_the_name_are_refused);
    tcase_add_test(tcase, a_suspect_copy_is_replaced);
    tcase_add_test(tcase, a_row_that_cannot_be_read_stops_the_node);
    tcase_add_test(tcase, writes_end_in_order);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
