/* SPDX-License-Identifier: MIT */
/* test_apply_upload - UPLOAD_OPEN, _APPEND, _ABORT, the PUT that ends one, and query UPLOAD.
   Tests. */
#include "tests/unit/meta/node_world.h"

static fsp_upload_id_t
upload_id(uint8_t number)
{
    return (fsp_upload_id_t){{0x0b, number}};
}

static fsp_command_t
open_command(uint8_t number, uint64_t size)
{
    fsp_command_t command = new_command(&world, FSP_COMMAND_UPLOAD_OPEN);
    command.node.upload_open.id = upload_id(number);
    command.node.upload_open.target = at("/f");
    command.node.upload_open.condition = condition(FSP_IF_REPLACE);
    command.node.upload_open.size = size;
    command.node.upload_open.duration = 60 * SECOND;
    return command;
}

/* An APPEND whose roots have so many bytes each; `roots` is memory for them. */
static fsp_command_t
append_command(uint8_t number, uint64_t offset, uint64_t keep, const uint64_t *bytes, size_t count,
               uint64_t tail, fsp_buf_t *roots)
{
    fsp_command_t command = new_command(&world, FSP_COMMAND_UPLOAD_APPEND);
    fsp_buf_init(roots, FSP_COMMAND_BYTES_MAX);
    for (size_t i = 0; i < count; i++)
        fsp_upload_root_write(&(fsp_upload_root_t){.kind = FSP_ROOT_CHUNK,
                                                   .key = {{0x0c, (uint8_t)i}},
                                                   .bytes = bytes[i]},
                              roots);
    command.node.upload_append.id = upload_id(number);
    command.node.upload_append.offset = offset;
    command.node.upload_append.keep = keep;
    command.node.upload_append.roots = fsp_buf_slice(roots);
    command.node.upload_append.root_count = count;
    command.node.upload_append.tail = tail ? (fsp_key_t){{0x7a, 1}} : (fsp_key_t){{0}};
    command.node.upload_append.tail_bytes = tail;
    command.node.upload_append.midstate = text("midstate");
    return command;
}

static fsp_status_t
append_as(uint8_t subject, uint8_t number, uint64_t offset, uint64_t keep, const uint64_t *bytes,
          size_t count, uint64_t tail)
{
    fsp_buf_t roots;
    fsp_status_t status =
        apply_as(&world, subject, append_command(number, offset, keep, bytes, count, tail, &roots));
    fsp_buf_clear(&roots);
    return status;
}

static fsp_status_t
append(uint64_t offset, uint64_t keep, const uint64_t *bytes, size_t count, uint64_t tail)
{
    return append_as(1, 1, offset, keep, bytes, count, tail);
}

static fsp_command_t
abort_command(uint8_t number)
{
    fsp_command_t command = new_command(&world, FSP_COMMAND_UPLOAD_ABORT);
    command.node.upload_abort.id = upload_id(number);
    return command;
}

static fsp_command_t
put_upload(uint8_t number, uint64_t size)
{
    fsp_command_t command = put_command(&world, "/f", condition(FSP_IF_REPLACE), size);
    command.put.upload_id = upload_id(number);
    return command;
}

static fsp_status_t
query_upload(uint8_t subject, uint8_t number, fsp_upload_info_t *ret)
{
    fsp_query_t query = new_query(&world, FSP_QUERY_UPLOAD);
    query.subject = subject ? subject_id(subject) : (fsp_subject_id_t){0};
    fsp_upload_id_t id = upload_id(number);
    memcpy(query.target.id.bytes, id.bytes, sizeof(id.bytes));
    fsp_answer_t answer = ask(&world, &query);
    if (answer.status == FSP_OK) {
        ck_assert_uint_eq(answer.count, 1);
        ck_status(fsp_answer_upload(&answer, ret), FSP_OK);
        ck_status(fsp_canon_finish(&answer.reader), FSP_OK);
    }
    return answer.status;
}

static uint64_t
used(void)
{
    return space_row(&world).used_bytes;
}

START_TEST(an_upload_goes_from_offset_to_offset)
{
    const uint64_t some[] = {100, 200, 300};
    uint64_t last = space_row(&world).change_index;
    ck_status(apply_as(&world, 1, open_command(1, 0)), FSP_OK);
    ck_status(append(0, 0, some, 3, 50), FSP_OK);
    ck_assert_uint_eq(world.result.offset, 650);
    ck_assert_uint_eq(used(), 650);
    /* The tail became part of a chunk: the new roots begin where the old ones end. */
    const uint64_t next[] = {400};
    ck_status(append(650, 600, next, 1, 0), FSP_OK);
    ck_assert_uint_eq(world.result.offset, 1000);
    /* All four fold into one tree node; a tail comes. */
    const uint64_t folded[] = {1000};
    ck_status(append(1000, 0, folded, 1, 7), FSP_OK);
    ck_assert_uint_eq(world.result.offset, 1007);
    ck_assert_uint_eq(used(), 1007);
    ck_assert_uint_eq(rows_of(&world, FSP_TABLE_UPLOAD_PART), 1);
    ck_assert_uint_eq(space_row(&world).change_index, last); /* not in the feed */
    whole(&world);

    fsp_upload_info_t info;
    ck_status(query_upload(1, 1, &info), FSP_OK);
    ck_assert_uint_eq(info.offset, 1007);
    ck_assert_uint_eq(info.root_count, 1);
    ck_assert_uint_eq(info.tail_bytes, 7);
    ck_assert(fsp_slice_eq(info.midstate, text("midstate")));
    ck_assert(fsp_slice_eq(info.target.path, text("/f")));

    ck_status(apply_as(&world, 1, put_upload(1, 1200)), FSP_OK);
    ck_assert_uint_eq(world.result.index, last + 1);
    ck_assert_uint_eq(used(), 1200);
    ck_assert_uint_eq(rows_of(&world, FSP_TABLE_UPLOAD), 0);
    ck_assert_uint_eq(rows_of(&world, FSP_TABLE_UPLOAD_PART), 0);
    ck_status(apply_as(&world, 1, put_upload(1, 1200)), FSP_NO_SUCH_UPLOAD);
    whole(&world);
}
END_TEST

START_TEST(an_append_come_again_is_answered_and_a_wrong_one_is_told_the_offset)
{
    const uint64_t some[] = {100, 200};
    ck_status(apply_as(&world, 1, open_command(1, 0)), FSP_OK);
    ck_status(apply_as(&world, 1, open_command(1, 0)), FSP_EXISTS);
    ck_status(append(0, 0, some, 2, 50), FSP_OK);
    ck_status(append(0, 0, some, 2, 50), FSP_OK); /* another operation, the same step */
    ck_assert_uint_eq(world.result.offset, 350);
    ck_assert_uint_eq(used(), 350);
    ck_status(append(0, 0, some, 2, 60), FSP_MISMATCH);
    ck_assert_uint_eq(world.result.offset, 350);
    ck_status(append(351, 300, some, 2, 0), FSP_MISMATCH);
    ck_assert_uint_eq(world.result.offset, 350);
    ck_status(append(350, 299, some, 2, 0), FSP_MISMATCH); /* keep is no boundary */
    ck_assert_uint_eq(world.result.offset, 350);
    ck_status(append(350, 301, some, 2, 0), FSP_MISMATCH);
    ck_status(append(350, 100, some, 1, 200), FSP_OK); /* the second root goes */
    ck_assert_uint_eq(world.result.offset, 400);
    whole(&world);
}
END_TEST

START_TEST(appends_are_refused_where_they_should_be)
{
    const uint64_t some[] = {100};
    ck_status(append(0, 0, some, 1, 0), FSP_NO_SUCH_UPLOAD);
    ck_status(apply_as(&world, 3, open_command(1, 0)), FSP_FORBIDDEN);
    ck_status(apply_as(&world, 1, open_command(1, 150)), FSP_OK);
    ck_status(append_as(2, 1, 0, 0, some, 1, 0), FSP_NO_SUCH_UPLOAD); /* another one's */
    ck_status(append_as(3, 1, 0, 0, some, 1, 0), FSP_FORBIDDEN);
    ck_status(append(0, 0, some, 1, 51), FSP_TOO_LARGE); /* beyond the size */
    ck_status(append(0, 0, some, 1, 0), FSP_OK);
    ck_status(append(100, 100, NULL, 0, 0), FSP_INVALID); /* no step forward */
    ck_status(append(100, 0, some, 1, 0), FSP_INVALID);
    ck_status(apply_as(&world, 1, quota_command(&world, 120)), FSP_OK);
    ck_status(append(100, 100, NULL, 0, 21), FSP_QUOTA);
    ck_status(append(100, 100, NULL, 0, 20), FSP_OK);
    ck_assert_uint_eq(used(), 120);
    fsp_command_t command = new_command(&world, FSP_COMMAND_GC_OPEN);
    command.access.value = 1;
    command.access.detail = 5;
    ck_status(apply_as(&world, 0, command), FSP_OK);
    ck_status(append(120, 100, NULL, 0, 21), FSP_LAYOUT);
    whole(&world);
}
END_TEST

START_TEST(a_put_ends_an_upload_or_leaves_it_as_it_was)
{
    const uint64_t some[] = {100};
    ck_status(put(&world, "/f"), FSP_OK); /* 10 */
    ck_status(apply_as(&world, 1, open_command(1, 200)), FSP_OK);
    ck_status(append(0, 0, some, 1, 50), FSP_OK);
    ck_status(apply_as(&world, 2, put_upload(1, 200)), FSP_NO_SUCH_UPLOAD);
    ck_status(apply_as(&world, 1, put_upload(1, 140)), FSP_MISMATCH);
    ck_assert_uint_eq(world.result.offset, 150);
    ck_status(apply_as(&world, 1, put_upload(1, 150)), FSP_MISMATCH); /* not the size it said */
    ck_assert_uint_eq(world.result.offset, 150);
    fsp_command_t command = put_upload(1, 200);
    command.put.condition = condition(FSP_IF_NONE_MATCH);
    ck_status(apply(&world, &command), FSP_EXISTS);
    ck_assert_uint_eq(world.result.offset, 0);
    ck_assert_uint_eq(used(), 160);
    ck_assert_uint_eq(rows_of(&world, FSP_TABLE_UPLOAD_PART), 1);
    ck_status(apply_as(&world, 1, quota_command(&world, 209)), FSP_OK);
    ck_status(apply_as(&world, 1, put_upload(1, 200)), FSP_QUOTA); /* grows by 50 */
    ck_status(apply_as(&world, 1, quota_command(&world, 210)), FSP_OK);
    ck_status(apply_as(&world, 1, put_upload(1, 200)), FSP_OK);
    ck_assert_uint_eq(used(), 210);
    /* One that does not grow is taken whatever the quota is now. */
    ck_status(apply_as(&world, 1, quota_command(&world, 0)), FSP_OK);
    ck_status(apply_as(&world, 1, open_command(2, 0)), FSP_OK);
    ck_status(append_as(1, 2, 0, 0, some, 1, 0), FSP_OK);
    ck_status(apply_as(&world, 1, quota_command(&world, 1)), FSP_OK);
    ck_status(apply_as(&world, 1, put_upload(2, 100)), FSP_OK);
    ck_assert_uint_eq(used(), 310);
    whole(&world);
}
END_TEST

START_TEST(an_upload_is_ended_by_its_owner_an_admin_or_when_it_has_passed)
{
    const uint64_t some[] = {100};
    ck_status(apply_as(&world, 1, abort_command(1)), FSP_NO_SUCH_UPLOAD);
    for (uint8_t i = 1; i <= 3; i++) {
        ck_status(apply_as(&world, 2, open_command(i, 0)), FSP_OK);
        ck_status(append_as(2, i, 0, 0, some, 1, 0), FSP_OK);
    }
    ck_status(apply_as(&world, 1, open_command(4, 0)), FSP_OK);
    ck_status(apply_as(&world, 2, abort_command(4)), FSP_NO_SUCH_UPLOAD); /* not his */
    ck_status(apply_as(&world, 2, abort_command(1)), FSP_OK);
    ck_assert_uint_eq(world.result.offset, 100);
    ck_assert_uint_eq(used(), 200);
    ck_status(apply_as(&world, 1, abort_command(2)), FSP_OK); /* the owner of the space */
    ck_status(apply_as(&world, 0, abort_command(3)),
              FSP_NO_SUCH_UPLOAD); /* the leader, too early */
    world.time += 60 * SECOND;
    ck_status(append_as(2, 3, 100, 100, some, 1, 0), FSP_OK); /* is alive again */
    ck_status(apply_as(&world, 0, abort_command(3)), FSP_NO_SUCH_UPLOAD);
    world.time += 60 * SECOND;
    ck_status(apply_as(&world, 0, abort_command(3)), FSP_OK);
    ck_assert_uint_eq(used(), 0);
    whole(&world);
}
END_TEST

START_TEST(an_upload_ends_within_the_rows_of_a_command)
{
    static uint64_t ones[FSP_APPEND_ROOTS_MAX];
    for (size_t i = 0; i < FSP_APPEND_ROOTS_MAX; i++)
        ones[i] = 1;
    ck_status(apply_as(&world, 1, open_command(1, 0)), FSP_OK);
    ck_status(append(0, 0, ones, FSP_APPEND_ROOTS_MAX, 0), FSP_OK);
    ck_status(append(1024, 1024, ones, FSP_APPEND_ROOTS_MAX, 0), FSP_OK);
    ck_status(append(2048, 2048, ones, 1, 0), FSP_TOO_LARGE);
    ck_status(append(2048, 2048, NULL, 0, 1), FSP_OK); /* a tail is no root */
    whole(&world);
    /* All roots go and as many as one APPEND brings come. */
    for (size_t i = 0; i < FSP_APPEND_ROOTS_MAX; i++)
        ones[i] = 3;
    ck_status(append(2049, 0, ones, FSP_APPEND_ROOTS_MAX, 0), FSP_OK);
    ck_assert_uint_eq(rows_of(&world, FSP_TABLE_UPLOAD_PART), FSP_APPEND_ROOTS_MAX);
    ck_status(append(3072, 3072, ones, FSP_APPEND_ROOTS_MAX, 0), FSP_OK);
    whole(&world);

    batch_t batch;
    batch_init(&batch); /* two of them are more than a batch may hold, seen before it is applied */
    batch_item(&batch, put_upload(1, 6144));
    batch_item(&batch, put_upload(2, 6144));
    ck_status(batch_apply(&world, &batch), FSP_TOO_LARGE);
    batch_init(&batch);
    batch_item(&batch, put_upload(1, 6144));
    batch_item(&batch, move_command(&world, "/f", "/g", false));
    ck_status(batch_apply(&world, &batch), FSP_OK);
    ck_assert_uint_le(world.rows_written, FSP_COMMAND_ROWS_MAX);
    ck_assert_uint_eq(used(), 6144);
    whole(&world);
}
END_TEST

START_TEST(a_credit_is_of_one_version_only)
{
    const uint64_t some[] = {100};
    ck_status(apply_as(&world, 1, open_command(1, 0)), FSP_OK);
    ck_status(append(0, 0, some, 1, 0), FSP_OK);
    batch_t batch;
    batch_init(&batch);
    batch_item(&batch, put_upload(1, 100));
    batch_item(&batch, put_command(&world, "/f", condition(FSP_IF_REPLACE), 30));
    ck_status(batch_apply(&world, &batch), FSP_OK);
    ck_assert_uint_eq(used(), 130);
    whole(&world);
}
END_TEST

START_TEST(uploads_are_listed_to_whom_they_belong)
{
    fsp_upload_info_t info;
    for (uint8_t i = 1; i <= 5; i++)
        ck_status(apply_as(&world, i % 2 ? 1 : 2, open_command(i, i)), FSP_OK);
    ck_status(query_upload(2, 1, &info), FSP_NO_SUCH_UPLOAD);
    ck_status(query_upload(2, 2, &info), FSP_OK);
    ck_status(query_upload(1, 2, &info), FSP_OK); /* administers */
    ck_status(query_upload(0, 2, &info), FSP_OK); /* the leader */
    ck_status(query_upload(1, 9, &info), FSP_NO_SUCH_UPLOAD);
    const struct {
        uint8_t subject;
        size_t count;
    } cases[] = {{1, 5}, {2, 2}, {3, 0}, {0, 5}};
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        fsp_query_t query = new_query(&world, FSP_QUERY_UPLOAD);
        query.subject = cases[c].subject ? subject_id(cases[c].subject) : (fsp_subject_id_t){0};
        query.limit = 2;
        fsp_upload_id_t last = {{0}};
        size_t count = 0;
        for (bool more = true; more;) {
            fsp_answer_t answer = ask(&world, &query);
            ck_status(answer.status, FSP_OK);
            for (size_t i = 0; i < answer.count; i++, count++) {
                ck_status(fsp_answer_upload(&answer, &info), FSP_OK);
                ck_assert_int_gt(fsp_upload_id_cmp(info.id, last), 0);
                last = info.id;
            }
            more = answer.more;
            query.after = FSP_SLICE_OF(last);
        }
        ck_assert_uint_eq(count, cases[c].count);
    }
    fsp_query_t query = new_query(&world, FSP_QUERY_UPLOAD);
    query.after = text("short");
    ck_status(ask(&world, &query).status, FSP_INVALID);
}
END_TEST

/* -- audit ------------------------------------------------------------------------------------- */

static const char *fault_seen;
static void
note_fault(void *context, const fsp_fault_t *fault)
{
    (void)context;
    if (!*fault_seen)
        fault_seen = fault->kind;
}

/* Deletes or rewrites one row, looks, and puts it back. */
static void
expect_fault(fsp_table_t table, fsp_slice_t rest, fsp_slice_t value, const char *kind)
{
    fsp_omap_t *map = fsp_memview_map(world.rows);
    fsp_row_key_t key = fsp_row_key(world.shard, table, world.space_id);
    fsp_row_key_add(&key, rest);
    const fsp_omap_row_t *row = fsp_omap_get(map, fsp_row_key_slice(&key));
    fsp_buf_t before;
    fsp_buf_init(&before, FSP_VALUE_BYTES_MAX);
    if (row)
        fsp_buf_append_slice(&before, row->value);
    if (value.bytes)
        fsp_omap_put(map, fsp_row_key_slice(&key), value, 0);
    else
        fsp_omap_remove(map, fsp_row_key_slice(&key));
    fsp_audit_counts_t counts = {0};
    fault_seen = "";
    fsp_audit_state(world.shard, fsp_memview_view(world.rows), note_fault, NULL, &counts);
    ck_assert_str_eq(fault_seen, kind);
    if (row || before.bytes)
        fsp_omap_put(map, fsp_row_key_slice(&key), fsp_buf_slice(&before), 0);
    else
        fsp_omap_remove(map, fsp_row_key_slice(&key));
    fsp_buf_clear(&before);
    audit_clean(&world);
}

START_TEST(audit_sees_what_is_wrong_with_uploads)
{
    const uint64_t some[] = {100, 200, 300};
    ck_status(apply_as(&world, 1, open_command(1, 0)), FSP_OK);
    ck_status(append(0, 0, some, 3, 50), FSP_OK);
    audit_clean(&world);
    uint8_t rest[24];
    fsp_buf_t value;
    fsp_buf_init(&value, 128);
    fsp_upload_root_write(&(fsp_upload_root_t){.kind = FSP_ROOT_TREE, .key = {{1}}, .bytes = 7},
                          &value);
    memcpy(rest, upload_id(1).bytes, 16);
    const uint64_t offsets[] = {0, 100, 300};
    for (size_t i = 0; i < 3; i++) {
        fsp_store_u64(rest + 16, offsets[i]);
        expect_fault(FSP_TABLE_UPLOAD_PART, fsp_slice(rest, 24), (fsp_slice_t){0}, "upload");
        expect_fault(FSP_TABLE_UPLOAD_PART, fsp_slice(rest, 24), fsp_buf_slice(&value), "upload");
        expect_fault(FSP_TABLE_UPLOAD_PART, fsp_slice(rest, 24), text("x"), "row");
    }
    fsp_store_u64(rest + 16, 600);
    expect_fault(FSP_TABLE_UPLOAD_PART, fsp_slice(rest, 24), fsp_buf_slice(&value), "upload");
    expect_fault(FSP_TABLE_UPLOAD, fsp_slice(rest, 16), (fsp_slice_t){0}, "upload");
    expect_fault(FSP_TABLE_UPLOAD, fsp_slice(rest, 16), text("x"), "row");
    rest[1] = 99;
    fsp_upload_row_t row = {.subject = world.owner,
                            .target = at("/f"),
                            .condition = condition(FSP_IF_REPLACE),
                            .duration = SECOND,
                            .offset = 5,
                            .tail = {{1}},
                            .tail_bytes = 5,
                            .midstate = text("m")};
    fsp_buf_reset(&value);
    fsp_upload_row_encode(&row, &value);
    expect_fault(FSP_TABLE_UPLOAD, fsp_slice(rest, 16), fsp_buf_slice(&value), "used");
    fsp_buf_clear(&value);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("apply_upload");
    TCase *tcase = new_case("upload", set_up_node);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, an_upload_goes_from_offset_to_offset);
    tcase_add_test(tcase, an_append_come_again_is_answered_and_a_wrong_one_is_told_the_offset);
    tcase_add_test(tcase, appends_are_refused_where_they_should_be);
    tcase_add_test(tcase, a_put_ends_an_upload_or_leaves_it_as_it_was);
    tcase_add_test(tcase, an_upload_is_ended_by_its_owner_an_admin_or_when_it_has_passed);
    tcase_add_test(tcase, an_upload_ends_within_the_rows_of_a_command);
    tcase_add_test(tcase, a_credit_is_of_one_version_only);
    tcase_add_test(tcase, uploads_are_listed_to_whom_they_belong);
    tcase_add_test(tcase, audit_sees_what_is_wrong_with_uploads);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
