/* SPDX-License-Identifier: MIT */
/* test_command_node - bodies of commands 16 to 26 and of PUT version 2: equal both ways, and what a
   decoder refuses.  Tests. */
#include "core/meta/command_codec.h"
#include "tests/unit/meta/node_world.h"

static fsp_buf_t bytes;

/* Decodes what the command encodes to; what is sound encodes to the same again. */
static fsp_status_t
judged(const fsp_command_t *command)
{
    fsp_buf_reset(&bytes);
    fsp_command_encode(command, &bytes);
    ck_assert(fsp_buf_ok(&bytes));
    fsp_command_t *decoded = FSP_NEW(fsp_command_t);
    fsp_status_t status = fsp_command_decode(fsp_buf_slice(&bytes), decoded);
    if (status == FSP_OK) {
        fsp_buf_t again;
        fsp_buf_init(&again, FSP_COMMAND_BYTES_MAX);
        fsp_command_encode(decoded, &again);
        ck_assert(fsp_slice_eq(fsp_buf_slice(&again), fsp_buf_slice(&bytes)));
        fsp_buf_clear(&again);
    }
    fsp_free(decoded);
    return status;
}

static void
set_up_bytes(void)
{
    set_up_node();
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
}

static void
tear_down_bytes(void)
{
    fsp_buf_clear(&bytes);
}

START_TEST(put_2_is_bounded)
{
    fsp_command_t command = put_command(&world, "/f", condition(FSP_IF_REPLACE), 1);
    ck_status(judged(&command), FSP_OK);
    command.put.lease_token = UINT64_MAX;
    command.put.revive = true;
    command.put.upload_id = (fsp_upload_id_t){{1}};
    for (size_t i = 0; i < FSP_PARENTS_MAX; i++)
        command.put.bases[command.put.base_count++] = (fsp_version_id_t){{1, (uint8_t)i}};
    ck_status(judged(&command), FSP_OK);
    command.put.bases[63] = command.put.bases[1];
    ck_status(judged(&command), FSP_INVALID);
    command.put.base_count = 0;
    command.version = 1; /* the old body has none of it, for ever */
    ck_status(judged(&command), FSP_OK);
    fsp_command_t *decoded = FSP_NEW(fsp_command_t);
    ck_status(fsp_command_decode(fsp_buf_slice(&bytes), decoded), FSP_OK);
    ck_assert_uint_eq(decoded->put.lease_token, 0);
    ck_assert(!decoded->put.revive);
    ck_assert(fsp_upload_id_is_zero(decoded->put.upload_id));
    fsp_free(decoded);
    command.version = 3;
    ck_status(judged(&command), FSP_LEVEL);
}
END_TEST

START_TEST(leases_are_bounded)
{
    const struct {
        fsp_command_type_t type;
        uint64_t token;
        fsp_time_t duration;
        bool force;
        fsp_status_t status;
    } cases[] = {
        {FSP_COMMAND_LOCK, 0, FSP_LEASE_US_MIN, false, FSP_OK},
        {FSP_COMMAND_LOCK, 0, FSP_LEASE_US_MIN - 1, false, FSP_INVALID},
        {FSP_COMMAND_LOCK, 0, FSP_LEASE_US_MAX, false, FSP_OK},
        {FSP_COMMAND_LOCK, 0, FSP_LEASE_US_MAX + 1, false, FSP_INVALID},
        {FSP_COMMAND_RENEW, 1, FSP_LEASE_US_MIN, false, FSP_OK},
        {FSP_COMMAND_RENEW, 0, FSP_LEASE_US_MIN, false, FSP_INVALID},
        {FSP_COMMAND_RENEW, 1, 0, false, FSP_INVALID},
        {FSP_COMMAND_UNLOCK, 1, 0, false, FSP_OK},
        {FSP_COMMAND_UNLOCK, 0, 0, true, FSP_OK},
        {FSP_COMMAND_UNLOCK, 1, 0, true, FSP_INVALID},
        {FSP_COMMAND_UNLOCK, 0, 0, false, FSP_INVALID},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fsp_command_t command = new_command(&world, cases[i].type);
        command.node.lease.target = at("/f");
        command.node.lease.token = cases[i].token;
        command.node.lease.duration = cases[i].duration;
        command.node.lease.force = cases[i].force;
        ck_status(judged(&command), cases[i].status);
    }
}
END_TEST

START_TEST(attr_quota_and_rekey_are_bounded)
{
    static char attr[FSP_ATTR_BYTES_MAX + 2];
    memset(attr, 'x', FSP_ATTR_BYTES_MAX + 1);
    fsp_command_t command = attr_command(&world, at("/f"), attr);
    ck_status(judged(&command), FSP_TOO_LARGE);
    command = attr_command(&world, at("/f"), attr + 1);
    ck_status(judged(&command), FSP_OK);
    command.node.attr.condition = condition(FSP_IF_NONE_MATCH);
    ck_status(judged(&command), FSP_INVALID);
    command = attr_command(&world, at("/.."), "x");
    ck_status(judged(&command), FSP_BAD_NAME);
    command = quota_command(&world, UINT64_MAX);
    ck_status(judged(&command), FSP_OK);
    command = new_command(&world, FSP_COMMAND_REKEY);
    command.node.rekey.carrier = text("no carrier");
    ck_status(judged(&command), FSP_INVALID);
}
END_TEST

START_TEST(uploads_are_bounded)
{
    fsp_command_t command = new_command(&world, FSP_COMMAND_UPLOAD_OPEN);
    command.node.upload_open.id = (fsp_upload_id_t){{1}};
    command.node.upload_open.target = at("/f");
    command.node.upload_open.condition = condition(FSP_IF_NONE_MATCH);
    command.node.upload_open.size = INT64_MAX;
    command.node.upload_open.duration = FSP_LEASE_US_MAX;
    ck_status(judged(&command), FSP_OK);
    command.node.upload_open.size++;
    ck_status(judged(&command), FSP_INVALID);
    command.node.upload_open.size = 0;
    command.node.upload_open.duration++;
    ck_status(judged(&command), FSP_INVALID);
    command.node.upload_open.duration--;
    command.node.upload_open.id = (fsp_upload_id_t){{0}};
    ck_status(judged(&command), FSP_INVALID);
    command = new_command(&world, FSP_COMMAND_UPLOAD_ABORT);
    ck_status(judged(&command), FSP_INVALID);
}
END_TEST

START_TEST(appends_are_bounded)
{
    static const struct {
        uint64_t offset, keep, root, tail;
        fsp_root_kind_t kind;
        bool key;
        fsp_status_t status;
    } cases[] = {
        {0, 0, 1, 0, FSP_ROOT_CHUNK, false, FSP_OK},
        {0, 0, 1, 1, FSP_ROOT_TREE, true, FSP_OK},
        {0, 0, 1, 0, FSP_ROOT_INLINE, false, FSP_INVALID},
        {0, 0, 0, 1, FSP_ROOT_CHUNK, true, FSP_INVALID}, /* a root of nothing */
        {0, 0, 1, 1, FSP_ROOT_CHUNK, false, FSP_INVALID},
        {0, 0, 1, 0, FSP_ROOT_CHUNK, true, FSP_INVALID},
        {1, 0, 1, 0, FSP_ROOT_CHUNK, false, FSP_INVALID}, /* no step forward */
        {0, 0, INT64_MAX, 0, FSP_ROOT_CHUNK, false, FSP_OK},
        {0, 1, INT64_MAX, 0, FSP_ROOT_CHUNK, false, FSP_TOO_LARGE},
        {0, 0, INT64_MAX, 1, FSP_ROOT_CHUNK, true, FSP_TOO_LARGE},
        {0, INT64_MAX, INT64_MAX, 1, FSP_ROOT_CHUNK, true, FSP_TOO_LARGE},
        {0, 0, 1, FSP_CHUNK_BYTES_MAX + 1, FSP_ROOT_CHUNK, true, FSP_INVALID},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fsp_buf_t roots;
        fsp_buf_init(&roots, 1024);
        fsp_upload_root_write(
            &(fsp_upload_root_t){.kind = cases[i].kind, .key = {{1}}, .bytes = cases[i].root},
            &roots);
        fsp_command_t command = new_command(&world, FSP_COMMAND_UPLOAD_APPEND);
        command.node.upload_append.id = (fsp_upload_id_t){{1}};
        command.node.upload_append.offset = cases[i].offset;
        command.node.upload_append.keep = cases[i].keep;
        command.node.upload_append.roots = fsp_buf_slice(&roots);
        command.node.upload_append.root_count = 1;
        command.node.upload_append.tail = cases[i].key ? (fsp_key_t){{1}} : (fsp_key_t){{0}};
        command.node.upload_append.tail_bytes = cases[i].tail;
        command.node.upload_append.midstate = text("m");
        ck_status(judged(&command), cases[i].status);
        command.node.upload_append.midstate = text("");
        ck_assert_int_ne(judged(&command), FSP_OK);
        fsp_buf_clear(&roots);
    }
    fsp_buf_t roots;
    fsp_buf_init(&roots, FSP_COMMAND_BYTES_MAX);
    for (size_t i = 0; i <= FSP_APPEND_ROOTS_MAX; i++)
        fsp_upload_root_write(&(fsp_upload_root_t){.kind = FSP_ROOT_CHUNK, .bytes = 1}, &roots);
    fsp_command_t command = new_command(&world, FSP_COMMAND_UPLOAD_APPEND);
    command.node.upload_append.id = (fsp_upload_id_t){{1}};
    command.node.upload_append.roots = fsp_buf_slice(&roots);
    command.node.upload_append.root_count = FSP_APPEND_ROOTS_MAX + 1;
    command.node.upload_append.midstate = text("m");
    ck_status(judged(&command), FSP_TOO_LARGE);
    fsp_buf_clear(&roots);
}
END_TEST

/* Every prefix and every flipped bit of a batch has a status; what passes encodes to itself. */
START_TEST(a_batch_that_is_bent_breaks_nobody)
{
    batch_t batch;
    batch_init(&batch);
    batch_item(&batch, put_command(&world, "/f", condition(FSP_IF_REPLACE), 1));
    batch_item(&batch, lock_command(&world, "/f", SECOND));
    fsp_command_t command = new_command(&world, FSP_COMMAND_BATCH);
    command.node.batch.items = fsp_buf_slice(&batch.items);
    command.node.batch.count = batch.count;
    ck_status(judged(&command), FSP_OK);
    fsp_buf_clear(&batch.items);
    fsp_command_t *decoded = FSP_NEW(fsp_command_t);
    for (size_t i = 0; i < bytes.bytes; i++)
        ck_assert_int_ne(fsp_command_decode(fsp_slice(bytes.data, i), decoded), FSP_OK);
    for (size_t bit = 0; bit < 8 * bytes.bytes; bit++) {
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (fsp_command_decode(fsp_buf_slice(&bytes), decoded) == FSP_OK) {
            fsp_buf_t again;
            fsp_buf_init(&again, FSP_COMMAND_BYTES_MAX);
            fsp_command_encode(decoded, &again);
            ck_assert(fsp_slice_eq(fsp_buf_slice(&again), fsp_buf_slice(&bytes)));
            fsp_buf_clear(&again);
        }
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    fsp_free(decoded);
}
END_TEST

START_TEST(results_have_one_form_each)
{
    fsp_result_t result = {.kind = FSP_KIND_FILE};
    const size_t fields[] = {10, 12, 12, 15, 15};
    for (size_t i = 0; i < 5; i++) {
        result.path = i == 1 ? text("/moved") : text("");
        result.more = i == 2;
        result.offset = i == 3;
        result.failed = i == 4 ? 256 : 0;
        fsp_buf_reset(&bytes);
        fsp_result_encode(&result, &bytes);
        ck_assert_uint_eq(bytes.data[0], 0x90 + fields[i]);
        fsp_result_t read;
        ck_status(fsp_result_decode(fsp_buf_slice(&bytes), &read), FSP_OK);
        ck_assert(read.more == result.more && read.offset == result.offset);
        ck_assert_uint_eq(read.failed, result.failed);
        if (i == 0)
            continue;
        bytes.data[0] = 0x90 + 11;
        ck_assert_int_ne(fsp_result_decode(fsp_buf_slice(&bytes), &read), FSP_OK);
    }
    /* A longer form that says no more is none. */
    result = (fsp_result_t){.more = true};
    fsp_buf_reset(&bytes);
    fsp_result_encode(&result, &bytes);
    ck_assert_uint_eq(bytes.data[bytes.bytes - 1], 0xc3);
    bytes.data[bytes.bytes - 1] = 0xc2;
    fsp_result_t read;
    ck_status(fsp_result_decode(fsp_buf_slice(&bytes), &read), FSP_INVALID);
}
END_TEST

/* Bytes that are on disk for ever. */
START_TEST(rows_are_written_as_they_always_were)
{
    fsp_node_row_t *node = FSP_NEW(fsp_node_row_t);
    memset(node, 0, sizeof(*node));
    node->kind = FSP_KIND_FILE;
    node->head_count = 1;
    node->heads[0] = (fsp_head_t){.number = 1};
    fsp_node_row_encode(node, &bytes);
    ck_assert_uint_eq(bytes.data[0], 0x99); /* nothing new to say */
    node->lease = (fsp_lease_t){.token = 7, .holder = {{8}}, .expiry = 9};
    fsp_buf_reset(&bytes);
    fsp_node_row_encode(node, &bytes);
    ck_assert_uint_eq(bytes.data[0], 0x9b);
    static const uint8_t tail[] = {0xc0, 0x93, 7, 0xc4, 16, 8, 0, 0, 0, 0, 0,
                                   0,    0,    0, 0,    0,  0, 0, 0, 0, 0, 9};
    ck_assert_mem_eq(bytes.data + bytes.bytes - sizeof(tail), tail, sizeof(tail));
    fsp_node_row_t *read = FSP_NEW(fsp_node_row_t);
    ck_status(fsp_node_row_decode(fsp_buf_slice(&bytes), read), FSP_OK);
    ck_assert_uint_eq(read->lease.expiry, 9);
    bytes.data[bytes.bytes - 20] = 0; /* a token of no change */
    ck_status(fsp_node_row_decode(fsp_buf_slice(&bytes), read), FSP_INVALID);
    fsp_free(read);
    fsp_free(node);

    fsp_version_row_t version = {.record = text("r"), .retained = true, .carrier = text("c")};
    fsp_buf_reset(&bytes);
    fsp_version_row_encode(&version, &bytes);
    ck_assert_uint_eq(bytes.data[0], 0x93);
    version.rekeyed = 5;
    fsp_buf_reset(&bytes);
    fsp_version_row_encode(&version, &bytes);
    ck_assert_uint_eq(bytes.data[0], 0x94);
    ck_assert_uint_eq(bytes.data[bytes.bytes - 1], 5);
    bytes.data[bytes.bytes - 1] = 0;
    ck_status(fsp_version_row_decode(fsp_buf_slice(&bytes), &version), FSP_INVALID);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("command_node");
    TCase *tcase = new_case("bytes", set_up_bytes);
    tcase_add_checked_fixture(tcase, NULL, tear_down_bytes);
    tcase_add_test(tcase, put_2_is_bounded);
    tcase_add_test(tcase, leases_are_bounded);
    tcase_add_test(tcase, attr_quota_and_rekey_are_bounded);
    tcase_add_test(tcase, uploads_are_bounded);
    tcase_add_test(tcase, appends_are_bounded);
    tcase_add_test(tcase, a_batch_that_is_bent_breaks_nobody);
    tcase_add_test(tcase, results_have_one_form_each);
    tcase_add_test(tcase, rows_are_written_as_they_always_were);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
