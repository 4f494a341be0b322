/* SPDX-License-Identifier: MIT */
/* test_client_ops - batches in the client protocol, parts of changes, minor versions.  Layer tests.
 */
#include "proto/client.h"
#include "proto/wire.h"
#include "tests/unit/proto/mutate.h"
#include "tests/unit/proto/requests.h"
#include "tests/unit/suite.h"

static fsp_buf_t buf;
static fsp_buf_t ops;

static void
set_up(void)
{
    fsp_buf_init(&buf, FSP_BODY_BYTES_MAX);
    fsp_buf_init(&ops, FSP_BODY_BYTES_MAX);
}

static void
tear_down(void)
{
    fsp_buf_clear(&buf);
    fsp_buf_clear(&ops);
}

static fsp_request_t
batch_of(size_t count, fsp_slice_t bytes)
{
    fsp_request_t batch = least(FSP_MSG_BATCH);
    batch.since = 5;
    batch.op_count = count;
    batch.ops = bytes;
    return batch;
}

/* The batch as a server reads it; the first operation's status. */
static fsp_status_t
first_op(size_t count, fsp_slice_t bytes, fsp_request_op_t *ret)
{
    fsp_request_t batch = batch_of(count, bytes), back;
    fsp_buf_reset(&buf);
    fsp_request_encode(FSP_MSG_BATCH, &batch, &buf);
    ck_assert(fsp_buf_ok(&buf));
    fsp_status_t status = fsp_request_decode(FSP_MSG_BATCH, fsp_buf_slice(&buf), &back);
    if (status)
        return status;
    size_t at = 0;
    return fsp_request_next_op(&back, &at, ret);
}
#define FIRST_OP(literal, ret) first_op(1, fsp_slice(literal, sizeof(literal) - 1), ret)

START_TEST(operations_come_back_in_order)
{
    fsp_request_op_t put = {.type = FSP_MSG_PUT, .content = fsp_slice_text("hello")};
    put.request.path = fsp_slice_text("/a");
    put.request.token = 9;
    fsp_request_op_t remove = {.type = FSP_MSG_DELETE};
    remove.request.path = fsp_slice_text("/b");
    remove.request.recursive = true;
    fsp_request_op_encode(&put, &ops);
    fsp_request_op_encode(&remove, &ops);
    fsp_request_t batch = batch_of(2, fsp_buf_slice(&ops)), back;
    fsp_request_encode(FSP_MSG_BATCH, &batch, &buf);
    ck_assert_int_eq(fsp_request_decode(FSP_MSG_BATCH, fsp_buf_slice(&buf), &back), FSP_OK);
    ck_assert_uint_eq(back.op_count, 2);
    size_t at = 0;
    fsp_request_op_t op;
    ck_assert_int_eq(fsp_request_next_op(&back, &at, &op), FSP_OK);
    ck_assert_int_eq(op.type, FSP_MSG_PUT);
    ck_assert(fsp_slice_eq(op.content, put.content));
    ck_assert_uint_eq(op.request.token, 9);
    /* What all of them share is the batch's. */
    ck_assert(fsp_op_id_eq(op.request.op_id, batch.op_id));
    ck_assert_uint_eq(op.request.since, 5);
    ck_assert_int_eq(fsp_request_next_op(&back, &at, &op), FSP_OK);
    ck_assert_int_eq(op.type, FSP_MSG_DELETE);
    ck_assert(op.request.recursive);
    ck_assert_uint_eq(op.content.bytes, 0);
    ck_assert_int_eq(fsp_request_next_op(&back, &at, &op), FSP_NOT_FOUND);
    ck_assert_uint_eq(at, back.ops.bytes);
}
END_TEST

START_TEST(an_operation_is_what_its_request_is)
{
    fsp_request_op_t op;
    ck_assert_int_eq(FIRST_OP("\x92\x28\x81\xa4path\xa2/a", &op), FSP_OK);
    ck_assert_int_eq(FIRST_OP("\x91\x28", &op), FSP_INVALID);     /* no body */
    ck_assert_int_eq(FIRST_OP("\x92\x28\x80", &op), FSP_INVALID); /* no path */
    ck_assert_int_eq(FIRST_OP("\x92\x28\xc0", &op), FSP_INVALID); /* no map */
    ck_assert_int_eq(FIRST_OP("\x81\x28\x80", &op), FSP_INVALID); /* a map */
    ck_assert_int_eq(FIRST_OP("\x92\xa1x\x81\xa4path\xa2/a", &op), FSP_INVALID);
    ck_assert_int_eq(FIRST_OP("\x93\x28\x81\xa4path\xa2/a\xc4\x01x", &op),
                     FSP_INVALID); /* content of a MKDIR */
    ck_assert_int_eq(FIRST_OP("\x93\x0a\x81\xa4path\xa2/a\xc4\x01x", &op), FSP_OK);
    ck_assert_int_eq(FIRST_OP("\x93\x0a\x81\xa4path\xa2/a\xa1x", &op), FSP_INVALID);
    ck_assert_int_eq(FIRST_OP("\x94\x0a\x81\xa4path\xa2/a\xc4\x01x\x01", &op), FSP_INVALID);
    ck_assert_int_eq(FIRST_OP("\x92\x28\x81\xa4path\xa5/a/..", &op), FSP_BAD_NAME);
    /* What is the batch's. */
    ck_assert_int_eq(FIRST_OP("\x92\x28\x82\xa4path\xa2/a\xa5space\xa1q", &op), FSP_INVALID);
    ck_assert_int_eq(FIRST_OP("\x92\x28\x82\xa4path\xa2/a\xa7"
                              "attempt\x01",
                              &op),
                     FSP_INVALID);
    ck_assert_int_eq(FIRST_OP("\x92\x0a\x82\xa4path\xa2/a\xa3"
                              "end\xc3",
                              &op),
                     FSP_INVALID);
    /* What comes in parts. */
    ck_assert_int_eq(FIRST_OP("\x92\x0a\x82\xa4path\xa2/a\xa5offer\xc3", &op), FSP_INVALID);
    ck_assert_int_eq(FIRST_OP("\x92\x0a\x82\xa4path\xa2/a\xa6upload\xc4\x10sixteen octets!!", &op),
                     FSP_INVALID);
    ck_assert_int_eq(FIRST_OP("\x92\x0a\x82\xa4path\xa2/a\xa5known\x91\xc4\x20"
                              "a version id that has 32 octets.",
                              &op),
                     FSP_INVALID);
    /* An unknown key is ignored, one that matters is not. */
    ck_assert_int_eq(FIRST_OP("\x92\x28\x82\xa4path\xa2/a\xa2zz\x01", &op), FSP_OK);
    ck_assert_int_eq(FIRST_OP("\x92\x28\x82\xa4path\xa2/a\xa2to\xa2/b", &op), FSP_INVALID);
}
END_TEST

START_TEST(only_some_requests_can_be_operations)
{
    for (unsigned type = 0; type < 64; type++) {
        fsp_buf_reset(&ops);
        fsp_wire_array(&ops, 2);
        fsp_wire_uint(&ops, type);
        fsp_request_t request = least((fsp_client_type_t)type);
        memset(&request.op_id, 0, sizeof(request.op_id));
        request.attempt = 0;
        if (fsp_client_type_is_op((fsp_client_type_t)type))
            fsp_request_encode((fsp_client_type_t)type, &request, &ops);
        else
            fsp_wire_map(&ops, 0);
        fsp_request_op_t op;
        fsp_status_t status = first_op(1, fsp_buf_slice(&ops), &op);
        bool good = fsp_client_type_is_op((fsp_client_type_t)type);
        ck_assert_msg((status == FSP_OK) == good, "type %u: %s", type, fsp_status_name(status));
        ck_assert(good || status == FSP_INVALID);
    }
    ck_assert(!fsp_client_type_is_op(FSP_MSG_BATCH));
    ck_assert(!fsp_client_type_is_op(FSP_MSG_RENEW));
    ck_assert(fsp_client_type_is_op(FSP_MSG_ATTR));
    ck_assert(!fsp_client_type_is_op(FSP_MSG_SPACE_SET));
}
END_TEST

START_TEST(batches_are_bounded)
{
    static uint8_t content[FSP_INLINE_BYTES_MAX + 1];
    fsp_request_op_t put = {.type = FSP_MSG_PUT}, op;
    put.request.path = fsp_slice_text("/a");
    put.content = fsp_slice(content, FSP_INLINE_BYTES_MAX);
    fsp_request_op_encode(&put, &ops);
    ck_assert_int_eq(first_op(1, fsp_buf_slice(&ops), &op), FSP_OK);
    fsp_buf_reset(&ops);
    put.content = fsp_slice(content, sizeof(content));
    fsp_request_op_encode(&put, &ops);
    ck_assert_int_eq(first_op(1, fsp_buf_slice(&ops), &op), FSP_TOO_LARGE);

    fsp_request_op_t mkdir = {.type = FSP_MSG_MKDIR};
    mkdir.request.path = fsp_slice_text("/a");
    fsp_buf_reset(&ops);
    for (size_t i = 0; i < FSP_BATCH_ITEMS_MAX; i++)
        fsp_request_op_encode(&mkdir, &ops);
    ck_assert_int_eq(first_op(FSP_BATCH_ITEMS_MAX, fsp_buf_slice(&ops), &op), FSP_OK);
    fsp_request_op_encode(&mkdir, &ops);
    /* One more, which our own writer would not write. */
    fsp_request_t batch = batch_of(1, fsp_slice_text("")), back;
    fsp_buf_reset(&buf);
    fsp_wire_map(&buf, 3);
    fsp_wire_text(&buf, fsp_slice_text("op"));
    fsp_wire_bin(&buf, FSP_SLICE_OF(batch.op_id));
    fsp_wire_text(&buf, fsp_slice_text("attempt"));
    fsp_wire_uint(&buf, 1);
    fsp_wire_text(&buf, fsp_slice_text("ops"));
    fsp_wire_array(&buf, FSP_BATCH_ITEMS_MAX + 1);
    fsp_buf_append_slice(&buf, fsp_buf_slice(&ops));
    ck_assert_int_eq(fsp_request_decode(FSP_MSG_BATCH, fsp_buf_slice(&buf), &back), FSP_TOO_LARGE);
}
END_TEST

START_TEST(damaged_operations_are_refused_or_mean_something)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(8));
    size_t decoded = 0;
    for (size_t round = 0; round < 20000; round++) {
        fsp_request_op_t op = {.type = FSP_MSG_PUT, .content = fsp_slice_text("content")}, back;
        op.request.path = fsp_slice_text("/some/path");
        op.request.condition.type = FSP_IF_NONE_MATCH;
        fsp_buf_reset(&ops);
        fsp_request_op_encode(&op, &ops);
        size_t count;
        uint8_t *bytes = fsp_mutate(&prng, fsp_buf_slice(&ops), &count);
        fsp_request_t batch = batch_of(1, fsp_slice(bytes, count));
        size_t at = 0;
        if (fsp_request_next_op(&batch, &at, &back) == FSP_OK) {
            ck_assert_uint_le(at, count);
            ck_assert(fsp_client_type_is_op(back.type));
            ck_assert_uint_le(back.content.bytes, FSP_INLINE_BYTES_MAX);
            decoded++;
        }
        free(bytes);
    }
    ck_assert_uint_gt(decoded, 500);
}
END_TEST

START_TEST(parts_of_a_change_come_back)
{
    fsp_buf_t parts;
    fsp_buf_init(&parts, FSP_BODY_BYTES_MAX);
    fsp_change_info_t part = {.operation = FSP_COMMAND_MOVE, .kind = FSP_KIND_FILE};
    part.path = fsp_slice_text("/to");
    part.from_path = fsp_slice_text("/from");
    memset(&part.displaced_id, 3, sizeof(part.displaced_id));
    fsp_item_part_encode(&part, &parts);
    fsp_item_part_encode(&part, &parts);
    fsp_change_info_t change = {.index = 4, .operation = FSP_COMMAND_BATCH, .item_count = 2}, back;
    change.items = fsp_buf_slice(&parts);
    fsp_item_change_encode(&change, &ops);
    fsp_reply_t reply = {.item_count = 1, .items = fsp_buf_slice(&ops)};
    size_t at = 0, part_at = 0;
    ck_assert_int_eq(fsp_reply_next_change(&reply, &at, &back), FSP_OK);
    ck_assert_uint_eq(back.item_count, 2);
    for (size_t i = 0; i < 2; i++) {
        fsp_change_info_t again;
        ck_assert_int_eq(fsp_change_next_part(&back, &part_at, &again), FSP_OK);
        ck_assert_int_eq(again.operation, FSP_COMMAND_MOVE);
        ck_assert(fsp_slice_eq(again.from_path, part.from_path));
        ck_assert(fsp_file_id_eq(again.displaced_id, part.displaced_id));
    }
    ck_assert_int_eq(fsp_change_next_part(&back, &part_at, &part), FSP_NOT_FOUND);
    fsp_buf_clear(&parts);
}
END_TEST

START_TEST(an_entry_is_kept_unless_it_says_otherwise)
{
    fsp_entry_info_t entry = {.name = fsp_slice_text("a"), .retained = true}, back;
    fsp_item_entry_encode(&entry, &ops);
    size_t kept_bytes = ops.bytes;
    entry.retained = false;
    fsp_item_entry_encode(&entry, &ops);
    ck_assert_uint_gt(ops.bytes, 2 * kept_bytes);
    fsp_reply_t reply = {.item_count = 2, .items = fsp_buf_slice(&ops)};
    size_t at = 0;
    ck_assert_int_eq(fsp_reply_next_entry(&reply, &at, &back), FSP_OK);
    ck_assert(back.retained);
    ck_assert_int_eq(fsp_reply_next_entry(&reply, &at, &back), FSP_OK);
    ck_assert(!back.retained);
}
END_TEST

START_TEST(fields_of_the_second_version_fit_together)
{
    static const struct {
        fsp_client_type_t type;
        uint64_t at, at_time;
        const char *version;
        fsp_status_t status;
    } moments[] = {
        {FSP_MSG_STAT, 1, 0, "", FSP_OK},
        {FSP_MSG_GET, 0, 1, "", FSP_OK},
        {FSP_MSG_LIST, UINT64_MAX, 0, "", FSP_OK},
        {FSP_MSG_STAT, 1, 1, "", FSP_INVALID},
        {FSP_MSG_GET, 1, 0, "0123abcd", FSP_INVALID},
        {FSP_MSG_STAT, 0, 1, "0123abcd", FSP_INVALID},
    };
    fsp_request_t back;
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        fsp_request_t request = least(moments[i].type);
        request.at_index = moments[i].at;
        request.at_time = moments[i].at_time;
        request.version = fsp_slice_text(moments[i].version);
        fsp_buf_reset(&buf);
        fsp_request_encode(moments[i].type, &request, &buf);
        ck_assert_int_eq(fsp_request_decode(moments[i].type, fsp_buf_slice(&buf), &back),
                         moments[i].status);
    }
    static const struct {
        uint64_t token;
        bool force;
        fsp_status_t status;
    } unlocks[] = {
        {1, false, FSP_OK}, {0, true, FSP_OK}, {0, false, FSP_INVALID}, {1, true, FSP_INVALID}};
    for (size_t i = 0; i < sizeof(unlocks) / sizeof(unlocks[0]); i++) {
        fsp_request_t request = least(FSP_MSG_UNLOCK);
        request.token = unlocks[i].token;
        request.force = unlocks[i].force;
        fsp_buf_reset(&buf);
        fsp_request_encode(FSP_MSG_UNLOCK, &request, &buf);
        ck_assert_int_eq(fsp_request_decode(FSP_MSG_UNLOCK, fsp_buf_slice(&buf), &back),
                         unlocks[i].status);
    }
    fsp_request_t purge = least(FSP_MSG_PURGE);
    purge.path = fsp_slice_text("/00000000000000000001");
    purge.before = 1;
    fsp_buf_reset(&buf);
    fsp_request_encode(FSP_MSG_PURGE, &purge, &buf);
    ck_assert_int_eq(fsp_request_decode(FSP_MSG_PURGE, fsp_buf_slice(&buf), &back), FSP_INVALID);
}
END_TEST

START_TEST(minor_versions_are_told_apart)
{
    static const unsigned second[] = {16, 35, 45, 46, 47, 48, 49, 51, 52, 53, 54};
    static const unsigned third[] = {17, 18, 55, 56, 57, 58, 59, 60};
    for (unsigned type = 0; type < 70; type++) {
        unsigned wanted = 1;
        for (size_t i = 0; i < sizeof(second) / sizeof(second[0]); i++) {
            if (second[i] == type)
                wanted = 2;
        }
        for (size_t i = 0; i < sizeof(third) / sizeof(third[0]); i++) {
            if (third[i] == type)
                wanted = 3;
        }
        ck_assert_uint_eq(fsp_client_type_minor((fsp_client_type_t)type), wanted);
    }
    fsp_request_t request = least(FSP_MSG_STAT);
    ck_assert_uint_eq(fsp_request_minor(FSP_MSG_STAT, &request), 1);
    request.at_index = 1;
    ck_assert_uint_eq(fsp_request_minor(FSP_MSG_STAT, &request), 2);
    request = least(FSP_MSG_PUT);
    ck_assert_uint_eq(fsp_request_minor(FSP_MSG_PUT, &request), 1);
    request.token = 1;
    ck_assert_uint_eq(fsp_request_minor(FSP_MSG_PUT, &request), 2);
}
END_TEST

/* A server that speaks 2 overlooks none of these: each changes what the client must do next. */
START_TEST(fields_of_the_third_version_need_it)
{
    fsp_request_t request = least(FSP_MSG_PUT);
    request.upload_id.bytes[15] = 1;
    ck_assert_uint_eq(fsp_request_minor(FSP_MSG_PUT, &request), 3);
    request = least(FSP_MSG_PUT);
    request.offer = true;
    ck_assert_uint_eq(fsp_request_minor(FSP_MSG_PUT, &request), 3);
    request = least(FSP_MSG_PUT);
    request.known_count = 1;
    ck_assert_uint_eq(fsp_request_minor(FSP_MSG_PUT, &request), 3);
    request.token = 1;
    ck_assert_uint_eq(fsp_request_minor(FSP_MSG_PUT, &request), 3);
    request = least(FSP_MSG_LIST);
    ck_assert_uint_eq(fsp_request_minor(FSP_MSG_LIST, &request), 1);
    request.attrs = true;
    ck_assert_uint_eq(fsp_request_minor(FSP_MSG_LIST, &request), 3);
    request = least(FSP_MSG_SPACE_CREATE);
    ck_assert_uint_eq(fsp_request_minor(FSP_MSG_SPACE_CREATE, &request), 2);
    request.chunking_count = FSP_CHUNKING_VALUES;
    ck_assert_uint_eq(fsp_request_minor(FSP_MSG_SPACE_CREATE, &request), 3);
}
END_TEST

START_TEST(a_batch_needs_what_its_operations_need)
{
    fsp_request_op_t move = {.type = FSP_MSG_MOVE}, attr = {.type = FSP_MSG_ATTR}, back;
    move.request.path = attr.request.path = fsp_slice_text("/a");
    move.request.to_path = fsp_slice_text("/b");
    attr.request.has_attr = true;
    attr.request.mode = 0600;
    fsp_request_op_encode(&move, &ops);
    fsp_request_t batch = batch_of(1, fsp_buf_slice(&ops));
    ck_assert_uint_eq(fsp_request_minor(FSP_MSG_BATCH, &batch), 2);
    fsp_request_op_encode(&attr, &ops);
    batch = batch_of(2, fsp_buf_slice(&ops));
    ck_assert_uint_eq(fsp_request_minor(FSP_MSG_BATCH, &batch), 3);
    size_t at = 0;
    ck_assert_int_eq(fsp_request_next_op(&batch, &at, &back), FSP_OK);
    ck_assert_int_eq(fsp_request_next_op(&batch, &at, &back), FSP_OK);
    ck_assert(back.type == FSP_MSG_ATTR && back.request.has_attr && back.request.mode == 0600);
    /* What is no operation says nothing, and neither does what cannot be read. */
    fsp_slice_t odd = fsp_slice_text("\x92\x39\x80\x07\x90\x92\xa1x\x80\x92\x37");
    batch = batch_of(5, odd);
    ck_assert_uint_eq(fsp_request_minor(FSP_MSG_BATCH, &batch), 2);
}
END_TEST

static Suite *
client_ops_suite(void)
{
    Suite *suite = suite_create("client_ops");
    TCase *tcase = tcase_create("ops");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, operations_come_back_in_order);
    tcase_add_test(tcase, an_operation_is_what_its_request_is);
    tcase_add_test(tcase, only_some_requests_can_be_operations);
    tcase_add_test(tcase, batches_are_bounded);
    tcase_add_test(tcase, damaged_operations_are_refused_or_mean_something);
    tcase_add_test(tcase, parts_of_a_change_come_back);
    tcase_add_test(tcase, an_entry_is_kept_unless_it_says_otherwise);
    tcase_add_test(tcase, fields_of_the_second_version_fit_together);
    tcase_add_test(tcase, minor_versions_are_told_apart);
    tcase_add_test(tcase, fields_of_the_third_version_need_it);
    tcase_add_test(tcase, a_batch_needs_what_its_operations_need);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    return fsp_suite_main(client_ops_suite());
}
