/* SPDX-License-Identifier: MIT */
/* test_client_rules - what bodies of the client protocol may not say.  Layer tests. */
#include "proto/client.h"
#include "proto/wire.h"
#include "tests/unit/proto/requests.h"
#include "tests/unit/suite.h"

static fsp_buf_t buf;
static fsp_buf_t again;

static void
set_up(void)
{
    fsp_buf_init(&buf, FSP_BODY_BYTES_MAX);
    fsp_buf_init(&again, FSP_BODY_BYTES_MAX);
}

static void
tear_down(void)
{
    fsp_buf_clear(&buf);
    fsp_buf_clear(&again);
}

static fsp_status_t
decode_status(fsp_client_type_t type, const fsp_request_t *request)
{
    static fsp_request_t ignored;
    fsp_buf_reset(&buf);
    fsp_request_encode(type, request, &buf);
    ck_assert(fsp_buf_ok(&buf));
    return fsp_request_decode(type, fsp_buf_slice(&buf), &ignored);
}

START_TEST(a_target_is_a_path_or_an_id)
{
    for (size_t i = 0; i < REQUEST_COUNT; i++) {
        if (!has_target(REQUESTS[i]))
            continue;
        fsp_request_t request = least(REQUESTS[i]);
        request.file_id.bytes[3] = 1;
        ck_assert_int_eq(decode_status(REQUESTS[i], &request), FSP_INVALID);
        request.path = fsp_slice(NULL, 0);
        ck_assert_int_eq(decode_status(REQUESTS[i], &request), FSP_OK);
        memset(&request.file_id, 0, sizeof(request.file_id));
        ck_assert_int_eq(decode_status(REQUESTS[i], &request), FSP_INVALID);
    }
}
END_TEST

START_TEST(what_changes_something_has_op_and_attempt)
{
    for (size_t i = 0; i < REQUEST_COUNT; i++) {
        if (!changes_something(REQUESTS[i]))
            continue;
        fsp_request_t request = least(REQUESTS[i]);
        request.attempt = 0;
        ck_assert_int_eq(decode_status(REQUESTS[i], &request), FSP_INVALID);
        request = least(REQUESTS[i]);
        memset(&request.op_id, 0, sizeof(request.op_id));
        ck_assert_int_eq(decode_status(REQUESTS[i], &request), FSP_INVALID);
    }
}
END_TEST

START_TEST(required_fields_are_required)
{
    fsp_request_t request = least(FSP_MSG_HELLO);
    request.version_count = 0;
    ck_assert_int_eq(decode_status(FSP_MSG_HELLO, &request), FSP_INVALID);
    request = least(FSP_MSG_CREDIT);
    request.credit = 0;
    ck_assert_int_eq(decode_status(FSP_MSG_CREDIT, &request), FSP_INVALID);
    request = least(FSP_MSG_MKDIR);
    request.path = fsp_slice(NULL, 0);
    ck_assert_int_eq(decode_status(FSP_MSG_MKDIR, &request), FSP_INVALID);
    request = least(FSP_MSG_RESTORE);
    request.version = fsp_slice(NULL, 0);
    ck_assert_int_eq(decode_status(FSP_MSG_RESTORE, &request), FSP_INVALID);
    request = least(FSP_MSG_MOVE);
    request.to_path = fsp_slice(NULL, 0);
    ck_assert_int_eq(decode_status(FSP_MSG_MOVE, &request), FSP_INVALID);
    ck_assert_int_eq(decode_status(FSP_MSG_COPY, &request), FSP_INVALID);
}
END_TEST

/* A body made by hand: {"path": "/a", KEY: value}. */
static fsp_status_t
decode_pair(fsp_client_type_t type, const char *key, fsp_slice_t value)
{
    fsp_buf_reset(&buf);
    fsp_wire_map(&buf, type == FSP_MSG_PUT ? 4 : 2);
    fsp_wire_text(&buf, fsp_slice_text("path"));
    fsp_wire_text(&buf, fsp_slice_text("/a"));
    if (type == FSP_MSG_PUT) {
        fsp_wire_text(&buf, fsp_slice_text("op"));
        fsp_wire_bin(&buf, fsp_slice_text("sixteen octets!!"));
        fsp_wire_text(&buf, fsp_slice_text("attempt"));
        fsp_wire_uint(&buf, 1);
    }
    fsp_wire_text(&buf, fsp_slice_text(key));
    fsp_buf_append_slice(&buf, value);
    fsp_request_t request;
    return fsp_request_decode(type, fsp_buf_slice(&buf), &request);
}

START_TEST(tuples_have_exactly_their_length_and_types)
{
    static const struct {
        const char *value;
        fsp_status_t range, attr;
    } cases[] = {
        {"\x91\x01", FSP_INVALID, FSP_INVALID},
        {"\x92\x01\x02", FSP_OK, FSP_INVALID},
        {"\x93\x01\x02\x03", FSP_INVALID, FSP_OK},
        {"\x94\x01\x02\x03\x04", FSP_INVALID, FSP_INVALID},
        {"\x92\x01\xff", FSP_INVALID, FSP_INVALID},     /* negative */
        {"\x93\x01\xff\x03", FSP_INVALID, FSP_OK},      /* mtime may be */
        {"\x93\xff\x01\x03", FSP_INVALID, FSP_INVALID}, /* mode may not */
        {"\x93\x01\x02\xc3", FSP_INVALID, FSP_INVALID},
        {"\x81\x01\x02", FSP_INVALID, FSP_INVALID}, /* a map */
        {"\x01", FSP_INVALID, FSP_INVALID},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fsp_slice_t value = fsp_slice_text(cases[i].value);
        ck_assert_int_eq(decode_pair(FSP_MSG_GET, "range", value), cases[i].range);
        ck_assert_int_eq(decode_pair(FSP_MSG_PUT, "attr", value), cases[i].attr);
    }
}
END_TEST

START_TEST(bases_fit_the_condition)
{
    static const struct {
        unsigned type;
        size_t count;
        fsp_status_t status;
    } cases[] = {
        {0, 0, FSP_OK},
        {0, 1, FSP_INVALID},
        {FSP_IF_REPLACE, 0, FSP_OK},
        {FSP_IF_REPLACE, 1, FSP_INVALID},
        {FSP_IF_NONE_MATCH, 0, FSP_OK},
        {FSP_IF_NONE_MATCH, 1, FSP_INVALID},
        {FSP_IF_EDIT, 0, FSP_INVALID},
        {FSP_IF_EDIT, 1, FSP_OK},
        {FSP_IF_EDIT, 2, FSP_INVALID},
        {FSP_IF_MATCH, 0, FSP_INVALID},
        {FSP_IF_MATCH, 1, FSP_OK},
        {FSP_IF_MATCH, 2, FSP_INVALID},
        {FSP_IF_MERGE, 0, FSP_INVALID},
        {FSP_IF_MERGE, 64, FSP_OK},
        {FSP_IF_MERGE + 1, 0, FSP_INVALID},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fsp_request_t request = least(FSP_MSG_PUT);
        request.condition.type = (fsp_condition_type_t)cases[i].type;
        request.condition.version_count = cases[i].count;
        ck_assert_int_eq(decode_status(FSP_MSG_PUT, &request), cases[i].status);
    }
}
END_TEST

/* -- minor version 3 --------------------------------------------------------------------------- */

START_TEST(an_upload_that_is_kept_comes_in_parts)
{
    fsp_request_t request = least(FSP_MSG_PUT);
    request.upload_id.bytes[0] = 1;
    request.offer = true;
    request.known_count = FSP_KNOWN_MAX;
    ck_assert_int_eq(decode_status(FSP_MSG_PUT, &request), FSP_OK);
    request.end = true;
    ck_assert_int_eq(decode_status(FSP_MSG_PUT, &request), FSP_INVALID);
    for (int field = 0; field < 3; field++) {
        request = least(FSP_MSG_PUT);
        request.end = true;
        request.upload_id.bytes[0] = field == 0;
        request.offer = field == 1;
        request.known_count = field == 2;
        ck_assert_int_eq(decode_status(FSP_MSG_PUT, &request), FSP_INVALID);
    }
}
END_TEST

/* {KEY: binary of that many octets}; for more than our writer would write. */
static fsp_status_t
decode_binary(fsp_client_type_t type, const char *key, size_t bytes)
{
    static uint8_t zeros[FSP_OFFER_CHUNKS_MAX * FSP_OFFER_CHUNK_BYTES + FSP_OFFER_CHUNK_BYTES];
    ck_assert_uint_le(bytes, sizeof(zeros));
    fsp_buf_reset(&buf);
    fsp_wire_map(&buf, 1);
    fsp_wire_text(&buf, fsp_slice_text(key));
    fsp_wire_bin(&buf, fsp_slice(zeros, bytes));
    fsp_request_t request;
    return fsp_request_decode(type, fsp_buf_slice(&buf), &request);
}

START_TEST(offers_are_whole_chunks)
{
    enum { ONE = FSP_OFFER_CHUNK_BYTES, MOST = FSP_OFFER_CHUNKS_MAX * ONE };
    ck_assert_int_eq(decode_binary(FSP_MSG_OFFER, "chunks", 0), FSP_INVALID);
    ck_assert_int_eq(decode_binary(FSP_MSG_OFFER, "chunks", ONE), FSP_OK);
    ck_assert_int_eq(decode_binary(FSP_MSG_OFFER, "chunks", ONE - 1), FSP_INVALID);
    ck_assert_int_eq(decode_binary(FSP_MSG_OFFER, "chunks", ONE + 1), FSP_INVALID);
    ck_assert_int_eq(decode_binary(FSP_MSG_OFFER, "chunks", MOST), FSP_OK);
    ck_assert_int_eq(decode_binary(FSP_MSG_OFFER, "chunks", MOST + ONE), FSP_TOO_LARGE);
    ck_assert_int_eq(decode_binary(FSP_MSG_OFFER, "other", ONE), FSP_INVALID);
    fsp_request_t request = least(FSP_MSG_OFFER);
    request.offset = INT64_MAX;
    ck_assert_int_eq(decode_status(FSP_MSG_OFFER, &request), FSP_OK);
    request.offset++;
    ck_assert_int_eq(decode_status(FSP_MSG_OFFER, &request), FSP_INVALID);
}
END_TEST

START_TEST(an_attr_says_attributes)
{
    fsp_request_t request = least(FSP_MSG_ATTR);
    request.has_attr = false;
    ck_assert_int_eq(decode_status(FSP_MSG_ATTR, &request), FSP_INVALID);
    for (unsigned type = 0; type <= FSP_IF_MERGE; type++) {
        request = least(FSP_MSG_ATTR);
        request.condition.type = (fsp_condition_type_t)type;
        request.condition.version_count =
            type == FSP_IF_EDIT || type >= FSP_IF_MERGE || type == FSP_IF_MATCH;
        bool good = type == 0 || type == FSP_IF_REPLACE || type == FSP_IF_MATCH;
        ck_assert_int_eq(decode_status(FSP_MSG_ATTR, &request), good ? FSP_OK : FSP_INVALID);
    }
}
END_TEST

START_TEST(what_is_set_of_a_space_is_said)
{
    static const struct {
        uint64_t set, quota;
        size_t keep;
        fsp_status_t status;
    } cases[] = {
        {0, 0, 0, FSP_INVALID},
        {FSP_SET_QUOTA, 0, 0, FSP_OK}, /* no bound any more */
        {FSP_SET_QUOTA, UINT64_MAX, 0, FSP_OK},
        {FSP_SET_KEEP, 0, 0, FSP_OK}, /* everything is kept */
        {FSP_SET_KEEP, 0, FSP_KEEP_VALUES, FSP_OK},
        {FSP_SET_KEEP, 0, FSP_KEEP_VALUES - 1, FSP_INVALID},
        {FSP_SET_KEEP, 1, 0, FSP_INVALID},
        {FSP_SET_QUOTA, 1, FSP_KEEP_VALUES, FSP_INVALID},
        {FSP_SET_QUOTA | FSP_SET_KEEP, 1, FSP_KEEP_VALUES, FSP_OK},
        {4, 0, 0, FSP_INVALID},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fsp_request_t request = least(FSP_MSG_SPACE_SET);
        request.set = cases[i].set;
        request.quota_bytes = cases[i].quota;
        request.keep_count = cases[i].keep;
        ck_assert_int_eq(decode_status(FSP_MSG_SPACE_SET, &request), cases[i].status);
    }
    fsp_request_t request = least(FSP_MSG_SPACE_SET);
    request.space.bytes = 0;
    ck_assert_int_eq(decode_status(FSP_MSG_SPACE_SET, &request), FSP_INVALID);
    for (size_t count = 0; count <= FSP_CHUNKING_VALUES; count++) {
        request = least(FSP_MSG_SPACE_CREATE);
        request.chunking_count = count;
        bool good = count == 0 || count == FSP_CHUNKING_VALUES;
        ck_assert_int_eq(decode_status(FSP_MSG_SPACE_CREATE, &request),
                         good ? FSP_OK : FSP_INVALID);
    }
}
END_TEST

START_TEST(keys_have_octets_and_a_name)
{
    static char name[FSP_KEY_NAME_BYTES_MAX + 1];
    memset(name, 'k', sizeof(name));
    fsp_request_t request = least(FSP_MSG_KEY_ADD);
    request.name = fsp_slice(name, FSP_KEY_NAME_BYTES_MAX);
    ck_assert_int_eq(decode_status(FSP_MSG_KEY_ADD, &request), FSP_OK);
    request.name = fsp_slice(name, sizeof(name));
    ck_assert_int_eq(decode_status(FSP_MSG_KEY_ADD, &request), FSP_TOO_LARGE);
    request.name.bytes = 0;
    ck_assert_int_eq(decode_status(FSP_MSG_KEY_ADD, &request), FSP_INVALID);
    ck_assert_int_eq(decode_binary(FSP_MSG_KEY_REMOVE, "key", 32), FSP_INVALID); /* zero */
    ck_assert_int_eq(decode_binary(FSP_MSG_KEY_REMOVE, "key", 31), FSP_INVALID);
    ck_assert_int_eq(decode_binary(FSP_MSG_KEY_REMOVE, "name", 1), FSP_INVALID);
}
END_TEST

/* What decides about what is acted on is refused where it is not carried. */
START_TEST(new_strict_fields_are_not_overlooked)
{
    static const struct {
        const char *key, *value;
        bool strict;
    } fields[] = {
        {"chunking", "\x93\x01\x01\x01", true},
        {"set", "\x01", true},
        {"keep", "\x96\x01\x01\x01\x01\x01\x01", true},
        {"key",
         "\xc4\x20"
         "a CURVE key that has 32 octets..",
         true},
        {"quota", "\x01", true},
        {"upload", "\xc4\x10sixteen octets!!", false},
        {"offer", "\xc3", false},
        {"known", "\x90", false},
        {"offset", "\x01", false},
        {"chunks", "\xc4\x01x", false},
        {"attrs", "\xc3", false},
        {"name", "\xa1q", false},
        {"durable", "\x01", false}, /* of answers */
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        fsp_status_t wanted = fields[i].strict ? FSP_INVALID : FSP_OK;
        ck_assert_int_eq(decode_pair(FSP_MSG_STAT, fields[i].key, fsp_slice_text(fields[i].value)),
                         wanted);
    }
}
END_TEST

/* A client's CREDIT grants octets and nothing else; a server's may tell an offset alone. */
START_TEST(credit_of_a_client_and_of_a_server_differ)
{
    fsp_request_t request;
    fsp_slice_t offset = fsp_slice_text("\x81\xa6offset\x05");
    ck_assert_int_eq(fsp_request_decode(FSP_MSG_CREDIT, offset, &request), FSP_INVALID);
    fsp_reply_t reply = {.has_durable = true}, back;
    fsp_reply_encode(&reply, &buf);
    ck_assert_uint_gt(buf.bytes, 1); /* 0 is said */
    ck_assert_int_eq(fsp_reply_decode(fsp_buf_slice(&buf), &back), FSP_OK);
    ck_assert(back.has_durable && !back.has_offset && back.credit == 0);
    ck_assert_int_eq(fsp_reply_decode(offset, &back), FSP_OK);
    ck_assert(back.has_offset && back.offset == 5 && !back.has_durable);
    for (size_t count = 0; count <= FSP_CHUNKING_VALUES; count++) {
        reply = (fsp_reply_t){.credit = 1, .chunking_count = count};
        fsp_buf_reset(&buf);
        fsp_reply_encode(&reply, &buf);
        bool good = count == 0 || count == FSP_CHUNKING_VALUES;
        ck_assert_int_eq(fsp_reply_decode(fsp_buf_slice(&buf), &back), good ? FSP_OK : FSP_INVALID);
    }
}
END_TEST

START_TEST(names_and_bounds_are_checked)
{
    static char long_text[5000];
    memset(long_text, 'a', sizeof(long_text));
    long_text[0] = '/';
    fsp_request_t request = least(FSP_MSG_PUT);
    request.path = fsp_slice_text("a");
    ck_assert_int_eq(decode_status(FSP_MSG_PUT, &request), FSP_BAD_NAME);
    request.path = fsp_slice_text("/a/../b");
    ck_assert_int_eq(decode_status(FSP_MSG_PUT, &request), FSP_BAD_NAME);
    request.path = fsp_slice(long_text, FSP_PATH_BYTES_MAX + 1);
    ck_assert_int_eq(decode_status(FSP_MSG_PUT, &request), FSP_TOO_LARGE);
    request = least(FSP_MSG_MOVE);
    request.to_path = fsp_slice_text("b");
    ck_assert_int_eq(decode_status(FSP_MSG_MOVE, &request), FSP_BAD_NAME);
    request = least(FSP_MSG_PUT);
    request.space = fsp_slice_text("Home");
    ck_assert_int_eq(decode_status(FSP_MSG_PUT, &request), FSP_BAD_NAME);
    request = least(FSP_MSG_PUT);
    request.message = fsp_slice(long_text, FSP_MESSAGE_BYTES_MAX);
    ck_assert_int_eq(decode_status(FSP_MSG_PUT, &request), FSP_OK);
    request.message = fsp_slice(long_text, FSP_MESSAGE_BYTES_MAX + 1);
    ck_assert_int_eq(decode_status(FSP_MSG_PUT, &request), FSP_TOO_LARGE);
    request = least(FSP_MSG_LIST);
    request.limit = FSP_LIST_LIMIT_MAX;
    ck_assert_int_eq(decode_status(FSP_MSG_LIST, &request), FSP_OK);
    request.limit++;
    ck_assert_int_eq(decode_status(FSP_MSG_LIST, &request), FSP_INVALID);
    request = least(FSP_MSG_GET);
    request.version = fsp_slice_text("0123abc");
    ck_assert_int_eq(decode_status(FSP_MSG_GET, &request), FSP_INVALID);
    request.version = fsp_slice_text("0123abcg");
    ck_assert_int_eq(decode_status(FSP_MSG_GET, &request), FSP_INVALID);
    request.version = fsp_slice_text("0123abcD");
    ck_assert_int_eq(decode_status(FSP_MSG_GET, &request), FSP_OK);
    request.has_range = true;
    request.range_first = 5;
    request.range_last = 4;
    ck_assert_int_eq(decode_status(FSP_MSG_GET, &request), FSP_BAD_RANGE);
    request.range_last = 5;
    ck_assert_int_eq(decode_status(FSP_MSG_GET, &request), FSP_OK);
    request = least(FSP_MSG_PUT);
    request.has_attr = true;
    request.mode = 010000;
    ck_assert_int_eq(decode_status(FSP_MSG_PUT, &request), FSP_INVALID);
    request.mode = 07777;
    request.mtime_ns = 1000000000;
    ck_assert_int_eq(decode_status(FSP_MSG_PUT, &request), FSP_INVALID);
    request.mtime_ns--;
    request.mtime_s = -1;
    ck_assert_int_eq(decode_status(FSP_MSG_PUT, &request), FSP_OK);
    request.mtime_s = INT64_MIN;
    ck_assert_int_eq(decode_status(FSP_MSG_PUT, &request), FSP_INVALID);
}
END_TEST

/* STAT of a body made by hand: {"path": "/a"} and more. */
static fsp_status_t
stat_with(const char *more, size_t more_bytes, size_t pairs)
{
    static const char path[] = "\xa4path\xa2/a";
    fsp_buf_reset(&buf);
    fsp_wire_map(&buf, 1 + pairs);
    fsp_buf_append(&buf, path, sizeof(path) - 1);
    fsp_buf_append(&buf, more, more_bytes);
    fsp_request_t request;
    return fsp_request_decode(FSP_MSG_STAT, fsp_buf_slice(&buf), &request);
}
#define STAT_WITH(literal, pairs) stat_with(literal, sizeof(literal) - 1, pairs)

START_TEST(unknown_keys_are_ignored_and_known_ones_are_not)
{
    ck_assert_int_eq(STAT_WITH("", 0), FSP_OK);
    ck_assert_int_eq(STAT_WITH("\xa3new\x01", 1), FSP_OK);
    ck_assert_int_eq(STAT_WITH("\xa3new\x81\x01\x92\xc0\xd4\x01\x01", 1), FSP_OK);
    ck_assert_int_eq(STAT_WITH("\xa3new\x01\xa3new\x02", 2), FSP_OK); /* nobody knows it */
    ck_assert_int_eq(STAT_WITH("\xa0\x01", 1), FSP_OK);
    ck_assert_int_eq(STAT_WITH("\x01\x01", 1), FSP_INVALID);       /* a key that is no text */
    ck_assert_int_eq(STAT_WITH("\xa4path\xa2/a", 1), FSP_INVALID); /* twice */
    ck_assert_int_eq(STAT_WITH("\xa5space\x01", 1), FSP_INVALID);  /* another type */
    ck_assert_int_eq(STAT_WITH("\xa5space\xc4\x01q", 1), FSP_INVALID);
    ck_assert_int_eq(STAT_WITH("\xa5space\xc0", 1), FSP_INVALID); /* nil is not absence */
    ck_assert_int_eq(STAT_WITH("\xa5space\xa1q", 1), FSP_OK);
    ck_assert_int_eq(STAT_WITH("\xa5space\xa0", 1), FSP_OK);   /* empty is */
    ck_assert_int_eq(STAT_WITH("\xa5limit\x01", 1), FSP_OK);   /* not carried by STAT */
    ck_assert_int_eq(STAT_WITH("\xa2if\x01", 1), FSP_INVALID); /* nor this, but it matters */
    ck_assert_int_eq(STAT_WITH("\xa5range\x92\x01\x02", 1), FSP_INVALID);
}
END_TEST

START_TEST(outputs_are_untouched_on_failure)
{
    fsp_request_t request;
    memset(&request, 0x5a, sizeof(request));
    fsp_request_t before = request;
    fsp_slice_t bad = fsp_slice_text("\x82\xa4path\xa2/a\xa5space\x01");
    ck_assert_int_eq(fsp_request_decode(FSP_MSG_STAT, bad, &request), FSP_INVALID);
    ck_assert_mem_eq(&request, &before, sizeof(request));
    fsp_reply_t reply;
    memset(&reply, 0x5a, sizeof(reply));
    fsp_reply_t reply_before = reply;
    bad = fsp_slice_text("\x82\xa4path\xa2/a\xa4size\xa1x");
    ck_assert_int_eq(fsp_reply_decode(bad, &reply), FSP_INVALID);
    ck_assert_mem_eq(&reply, &reply_before, sizeof(reply));
}
END_TEST

/* A client that believes a path from the network writes where it should not. */
START_TEST(replies_cannot_bring_bad_names)
{
    static const char *const names[] = {"..", ".", "a/b", "/etc/passwd"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fsp_entry_info_t entry = {.name = fsp_slice_text(names[i])}, back;
        fsp_buf_reset(&again);
        fsp_item_entry_encode(&entry, &again);
        fsp_reply_t reply = {.item_count = 1, .items = fsp_buf_slice(&again)};
        size_t at = 0;
        ck_assert_int_eq(fsp_reply_next_entry(&reply, &at, &back), FSP_BAD_NAME);
        ck_assert_uint_eq(at, 0);
    }
    fsp_reply_t reply = {.path = fsp_slice_text("/a/../../b")}, back;
    fsp_buf_reset(&buf);
    fsp_reply_encode(&reply, &buf);
    ck_assert_int_eq(fsp_reply_decode(fsp_buf_slice(&buf), &back), FSP_BAD_NAME);
    /* Nor entries without a name. */
    reply.items = fsp_slice_text("\x80");
    reply.item_count = 1;
    fsp_entry_info_t entry;
    size_t at = 0;
    ck_assert_int_eq(fsp_reply_next_entry(&reply, &at, &entry), FSP_INVALID);
}
END_TEST

START_TEST(keys_never_leave_in_a_space_item)
{
    fsp_space_info_t space = {.name = fsp_slice_text("home"), .key_count = 1};
    space.keys[0].wrapped = fsp_slice_text("wrapped-key-bytes");
    space.wrapped_cut_key = fsp_slice_text("wrapped-cut-bytes");
    fsp_item_space_encode(&space, &again);
    ck_assert(!memmem(again.data, again.bytes, "wrapped", 7));
    fsp_version_info_t version = {.number = 1, .carrier = fsp_slice_text("sealed")};
    fsp_item_version_encode(&version, &again);
    ck_assert(!memmem(again.data, again.bytes, "sealed", 6));
}
END_TEST

START_TEST(heads_come_with_an_error)
{
    fsp_reply_t reply = {.code = 3002, .symbol = fsp_slice_text("mismatch"), .head_count = 2}, back;
    reply.heads[1].bytes[31] = 9;
    fsp_reply_encode(&reply, &buf);
    ck_assert_int_eq(fsp_reply_decode(fsp_buf_slice(&buf), &back), FSP_OK);
    ck_assert(!back.has_node);
    ck_assert_uint_eq(back.head_count, 2);
    ck_assert(fsp_version_id_eq(back.heads[1], reply.heads[1]));
}
END_TEST

/* A full list of the largest entries fits a body and its bound on values. */
START_TEST(a_full_list_fits)
{
    static char name[FSP_NAME_BYTES_MAX];
    memset(name, 'n', sizeof(name));
    fsp_entry_info_t entry = {.name = fsp_slice(name, sizeof(name)),
                              .kind = FSP_KIND_FILE,
                              .size = INT64_MAX,
                              .modified = UINT64_MAX,
                              .number = UINT64_MAX,
                              .head_count = FSP_HEADS_MAX,
                              .has_attr = true,
                              .mode = 07777,
                              .mtime_s = -(INT64_C(1) << 61),
                              .mtime_ns = 999999999};
    memset(&entry.file_id, 1, sizeof(entry.file_id));
    memset(&entry.version_id, 1, sizeof(entry.version_id));
    for (size_t i = 0; i < FSP_LIST_LIMIT_MAX; i++)
        fsp_item_entry_encode(&entry, &again);
    fsp_reply_t reply = {.item_count = FSP_LIST_LIMIT_MAX, .items = fsp_buf_slice(&again)}, back;
    fsp_reply_encode(&reply, &buf);
    ck_assert(fsp_buf_ok(&buf));
    ck_assert_int_eq(fsp_reply_decode(fsp_buf_slice(&buf), &back), FSP_OK);
    size_t at = 0, seen = 0;
    while (fsp_reply_next_entry(&back, &at, &entry) == FSP_OK)
        seen++;
    ck_assert_uint_eq(seen, FSP_LIST_LIMIT_MAX);
}
END_TEST

static Suite *
client_rules_suite(void)
{
    Suite *suite = suite_create("client_rules");
    TCase *tcase = tcase_create("rules");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_target_is_a_path_or_an_id);
    tcase_add_test(tcase, what_changes_something_has_op_and_attempt);
    tcase_add_test(tcase, required_fields_are_required);
    tcase_add_test(tcase, tuples_have_exactly_their_length_and_types);
    tcase_add_test(tcase, bases_fit_the_condition);
    tcase_add_test(tcase, an_upload_that_is_kept_comes_in_parts);
    tcase_add_test(tcase, offers_are_whole_chunks);
    tcase_add_test(tcase, an_attr_says_attributes);
    tcase_add_test(tcase, what_is_set_of_a_space_is_said);
    tcase_add_test(tcase, keys_have_octets_and_a_name);
    tcase_add_test(tcase, new_strict_fields_are_not_overlooked);
    tcase_add_test(tcase, credit_of_a_client_and_of_a_server_differ);
    tcase_add_test(tcase, names_and_bounds_are_checked);
    tcase_add_test(tcase, unknown_keys_are_ignored_and_known_ones_are_not);
    tcase_add_test(tcase, outputs_are_untouched_on_failure);
    tcase_add_test(tcase, replies_cannot_bring_bad_names);
    tcase_add_test(tcase, keys_never_leave_in_a_space_item);
    tcase_add_test(tcase, heads_come_with_an_error);
    tcase_add_test(tcase, a_full_list_fits);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    return fsp_suite_main(client_rules_suite());
}
