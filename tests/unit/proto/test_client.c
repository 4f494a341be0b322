/* SPDX-License-Identifier: MIT */
/* test_client - bodies of the client protocol.  Layer tests.
 *
 * Golden bytes are those of the appendix of docs/protocol/client.md, which is compared, as are its tables of fields.
 */
#include "proto/client.h"
#include "proto/client_fields.h"
#include "tests/unit/proto/fill.h"
#include "tests/unit/proto/mutate.h"
#include "tests/unit/suite.h"

static fsp_buf_t buf;
static fsp_buf_t again;
static fsp_fill_pool_t pool;

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

typedef struct {
    fsp_client_type_t type;
    const char *name;
} type_name_t;

static const type_name_t REQUESTS[] = {
    {FSP_MSG_HELLO, "HELLO"},     {FSP_MSG_PING, "PING"},       {FSP_MSG_PUT, "PUT"},
    {FSP_MSG_COMMIT, "COMMIT"},   {FSP_MSG_ABORT, "ABORT"},     {FSP_MSG_CREDIT, "CREDIT"},
    {FSP_MSG_GET, "GET"},         {FSP_MSG_STAT, "STAT"},       {FSP_MSG_LIST, "LIST"},
    {FSP_MSG_VERSIONS, "VERSIONS"}, {FSP_MSG_CHANGES, "CHANGES"}, {FSP_MSG_SPACES, "SPACES"},
    {FSP_MSG_MKDIR, "MKDIR"},     {FSP_MSG_DELETE, "DELETE"},   {FSP_MSG_MOVE, "MOVE"},
    {FSP_MSG_COPY, "COPY"},       {FSP_MSG_RESTORE, "RESTORE"}, {FSP_MSG_NODE, "NODE"},
};
enum { REQUEST_COUNT = sizeof(REQUESTS) / sizeof(REQUESTS[0]) };

static bool
changes_something(fsp_client_type_t type)
{
    return type == FSP_MSG_PUT || (type >= FSP_MSG_MKDIR && type <= FSP_MSG_RESTORE);
}

static bool
has_target(fsp_client_type_t type)
{
    return type == FSP_MSG_PUT || type == FSP_MSG_GET || type == FSP_MSG_STAT ||
           type == FSP_MSG_VERSIONS || (type >= FSP_MSG_DELETE && type <= FSP_MSG_RESTORE);
}

/* The least that a request of this type must say. */
static fsp_request_t
least(fsp_client_type_t type)
{
    fsp_request_t request = {.version_count = 0};
    if (has_target(type) || type == FSP_MSG_MKDIR)
        request.path = fsp_slice_text("/a");
    if (changes_something(type)) {
        memset(request.op_id.bytes, 0x11, sizeof(request.op_id.bytes));
        request.attempt = 1;
    }
    if (type == FSP_MSG_HELLO) {
        request.versions[0] = 1;
        request.version_count = 1;
    }
    if (type == FSP_MSG_MOVE || type == FSP_MSG_COPY)
        request.to_path = fsp_slice_text("/b");
    if (type == FSP_MSG_RESTORE)
        request.version = fsp_slice_text("0123abcd");
    if (type == FSP_MSG_CREDIT)
        request.credit = 1;
    return request;
}

static fsp_status_t
decode(fsp_client_type_t type, const fsp_request_t *request, fsp_request_t *ret)
{
    fsp_buf_reset(&buf);
    fsp_request_encode(type, request, &buf);
    ck_assert(fsp_buf_ok(&buf));
    return fsp_request_decode(type, fsp_buf_slice(&buf), ret);
}

static fsp_status_t
decode_status(fsp_client_type_t type, const fsp_request_t *request)
{
    static fsp_request_t ignored;
    return decode(type, request, &ignored);
}

START_TEST(least_requests_pass)
{
    fsp_request_t request = least(REQUESTS[_i].type), back;
    ck_assert_int_eq(decode(REQUESTS[_i].type, &request, &back), FSP_OK);
    ck_assert(fsp_fill_equal(fsp_request_fields(), &request, &back));
}
END_TEST

/* Makes a random request that fits together. */
static fsp_request_t
random_request(fsp_prng_t *prng, fsp_client_type_t type)
{
    fsp_request_t request;
    memset(&request, 0, sizeof(request));
    fsp_fill(prng, &pool, fsp_request_fields(), type, &request);
    fsp_request_t needed = least(type);
    if (has_target(type)) {
        if (request.path.bytes > 0)
            memset(&request.file_id, 0, sizeof(request.file_id));
        else if (fsp_file_id_is_zero(request.file_id))
            request.path = needed.path;
    }
    if (type == FSP_MSG_MKDIR && request.path.bytes == 0)
        request.path = needed.path;
    if (fsp_op_id_is_zero(request.op_id))
        request.op_id = needed.op_id;
    if (request.attempt == 0)
        request.attempt = needed.attempt;
    if (request.version_count == 0) {
        request.version_count = needed.version_count;
        request.versions[0] = needed.versions[0];
    }
    if (request.to_path.bytes == 0)
        request.to_path = needed.to_path;
    if (request.version.bytes == 0)
        request.version = needed.version;
    if (request.credit == 0)
        request.credit = needed.credit;
    fsp_condition_t *condition = &request.condition;
    if (condition->type == FSP_IF_EDIT || condition->type == FSP_IF_MATCH)
        condition->version_count = 1;
    else if (condition->type != FSP_IF_MERGE)
        condition->version_count = 0;
    else if (condition->version_count == 0)
        condition->version_count = 1;
    if ((type == FSP_MSG_PUT || type == FSP_MSG_MKDIR) && fsp_prng_chance(prng, 1, 2)) {
        request.has_attr = true;
        request.mode = (uint32_t)fsp_prng_below(prng, 010000);
        request.mtime_s = (int64_t)fsp_prng_below(prng, UINT64_C(1) << 62) - (INT64_C(1) << 61);
        request.mtime_ns = (uint32_t)fsp_prng_below(prng, 1000000000);
    }
    if (type == FSP_MSG_GET && fsp_prng_chance(prng, 1, 2)) {
        request.has_range = true;
        request.range_last = fsp_prng_next(prng);
        request.range_first = request.range_last >> fsp_prng_below(prng, 64);
    }
    return request;
}

START_TEST(what_requests_say_comes_back)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(3) ^ (unsigned)_i);
    fsp_client_type_t type = REQUESTS[_i].type;
    for (size_t round = 0; round < 2000; round++) {
        fsp_request_t request = random_request(&prng, type), back;
        ck_assert_int_eq(decode(type, &request, &back), FSP_OK);
        ck_assert(fsp_fill_equal(fsp_request_fields(), &request, &back));
        ck_assert(request.has_attr == back.has_attr && request.mode == back.mode &&
                  request.mtime_s == back.mtime_s && request.mtime_ns == back.mtime_ns);
        ck_assert(request.has_range == back.has_range &&
                  request.range_first == back.range_first &&
                  request.range_last == back.range_last);
        fsp_buf_reset(&again);
        fsp_request_encode(type, &back, &again);
        ck_assert(fsp_slice_eq(fsp_buf_slice(&buf), fsp_buf_slice(&again)));
    }
}
END_TEST

/* Whatever still decodes says the same after another round. */
START_TEST(damaged_requests_are_refused_or_mean_something)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(4) ^ (unsigned)_i);
    fsp_client_type_t type = REQUESTS[_i].type;
    for (size_t round = 0; round < 10000; round++) {
        fsp_request_t request = random_request(&prng, type), back;
        fsp_buf_reset(&buf);
        fsp_request_encode(type, &request, &buf);
        size_t count;
        uint8_t *bytes = fsp_mutate(&prng, fsp_buf_slice(&buf), &count);
        if (fsp_request_decode(type, fsp_slice(bytes, count), &back) == FSP_OK) {
            fsp_request_t third;
            fsp_buf_reset(&buf);
            fsp_request_encode(type, &back, &buf);
            ck_assert_int_eq(fsp_request_decode(type, fsp_buf_slice(&buf), &third), FSP_OK);
            ck_assert(fsp_fill_equal(fsp_request_fields(), &back, &third));
        }
        free(bytes);
    }
}
END_TEST

static fsp_reply_t
random_reply(fsp_prng_t *prng)
{
    fsp_reply_t reply;
    memset(&reply, 0, sizeof(reply));
    fsp_fill(prng, &pool, fsp_reply_fields(), 0, &reply);
    if (fsp_prng_chance(prng, 1, 2)) {
        reply.has_attr = true;
        reply.mode = (uint32_t)fsp_prng_below(prng, 010000);
        reply.mtime_s = -(int64_t)fsp_prng_below(prng, 1000000);
        reply.mtime_ns = (uint32_t)fsp_prng_below(prng, 1000000000);
    }
    if (fsp_prng_chance(prng, 1, 2))
        fsp_fill(prng, &pool, fsp_reply_receipt_fields(), 0, &reply);
    if (fsp_prng_chance(prng, 1, 2))
        fsp_fill(prng, &pool, fsp_reply_disk_fields(), 0, &reply);
    return reply;
}

START_TEST(what_replies_say_comes_back)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(5));
    for (size_t round = 0; round < 10000; round++) {
        fsp_reply_t reply = random_reply(&prng), back;
        fsp_buf_reset(&buf);
        fsp_reply_encode(&reply, &buf);
        ck_assert_int_eq(fsp_reply_decode(fsp_buf_slice(&buf), &back), FSP_OK);
        ck_assert(fsp_fill_equal(fsp_reply_fields(), &reply, &back));
        ck_assert(fsp_fill_equal(fsp_reply_receipt_fields(), &reply, &back));
        ck_assert(fsp_fill_equal(fsp_reply_disk_fields(), &reply, &back));
        ck_assert(reply.has_attr == back.has_attr && reply.mode == back.mode &&
                  reply.mtime_s == back.mtime_s && reply.mtime_ns == back.mtime_ns);
        fsp_buf_reset(&again);
        fsp_reply_encode(&back, &again);
        ck_assert(fsp_slice_eq(fsp_buf_slice(&buf), fsp_buf_slice(&again)));
    }
}
END_TEST

/* Reads items as all four kinds, and what is read as one once more. */
static void
read_items(const fsp_reply_t *reply)
{
    fsp_entry_info_t entry;
    fsp_version_info_t version;
    fsp_change_info_t change;
    fsp_space_info_t space;
    size_t at = 0;
    while (fsp_reply_next_entry(reply, &at, &entry) == FSP_OK)
        ck_assert_uint_gt(entry.name.bytes, 0);
    at = 0;
    while (fsp_reply_next_version(reply, &at, &version) == FSP_OK)
        ck_assert_uint_le(version.parent_count, FSP_PARENTS_MAX);
    at = 0;
    while (fsp_reply_next_change(reply, &at, &change) == FSP_OK)
        ck_assert_uint_le(at, reply->items.bytes);
    at = 0;
    while (fsp_reply_next_space(reply, &at, &space) == FSP_OK)
        ck_assert_uint_le(at, reply->items.bytes);
}

typedef union {
    fsp_entry_info_t entry;
    fsp_version_info_t version;
    fsp_change_info_t change;
    fsp_space_info_t space;
} item_t;

static fsp_fields_t
item_fields(size_t kind)
{
    return kind == 0   ? fsp_item_entry_fields()
           : kind == 1 ? fsp_item_version_fields()
           : kind == 2 ? fsp_item_change_fields()
                       : fsp_item_space_fields();
}

/* A random item of a kind, appended to `again`; it is what the caller compares with. */
static void
append_random_item(fsp_prng_t *prng, size_t kind, item_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    fsp_fill(prng, &pool, item_fields(kind), 0, ret);
    if (kind == 0 && (ret->entry.name.bytes == 0 || *ret->entry.name.data == '.'))
        ret->entry.name = fsp_slice_text("name");
    if (kind == 0)
        fsp_item_entry_encode(&ret->entry, &again);
    else if (kind == 1)
        fsp_item_version_encode(&ret->version, &again);
    else if (kind == 2)
        fsp_item_change_encode(&ret->change, &again);
    else
        fsp_item_space_encode(&ret->space, &again);
}

static fsp_status_t
next_item(size_t kind, const fsp_reply_t *reply, size_t *at, item_t *ret)
{
    return kind == 0   ? fsp_reply_next_entry(reply, at, &ret->entry)
           : kind == 1 ? fsp_reply_next_version(reply, at, &ret->version)
           : kind == 2 ? fsp_reply_next_change(reply, at, &ret->change)
                       : fsp_reply_next_space(reply, at, &ret->space);
}

START_TEST(items_come_back_in_order)
{
    enum { ITEMS = 20 };
    static item_t items[ITEMS];
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(6) ^ (unsigned)_i);
    size_t kind = (size_t)_i;
    for (size_t round = 0; round < 200; round++) {
        fsp_buf_reset(&again);
        fsp_buf_reset(&buf);
        size_t count = (size_t)fsp_prng_below(&prng, ITEMS + 1);
        for (size_t i = 0; i < count; i++)
            append_random_item(&prng, kind, &items[i]);
        fsp_reply_t reply = {.item_count = count, .items = fsp_buf_slice(&again), .more = true};
        fsp_reply_encode(&reply, &buf);
        fsp_reply_t back;
        ck_assert_int_eq(fsp_reply_decode(fsp_buf_slice(&buf), &back), FSP_OK);
        ck_assert(back.more);
        ck_assert_uint_eq(back.item_count, count);
        ck_assert(fsp_slice_eq(back.items, reply.items));
        size_t at = 0;
        item_t item;
        for (size_t i = 0; i < count; i++) {
            ck_assert_int_eq(next_item(kind, &back, &at, &item), FSP_OK);
            ck_assert(fsp_fill_equal(item_fields(kind), &item, &items[i]));
        }
        ck_assert_int_eq(next_item(kind, &back, &at, &item), FSP_NOT_FOUND);
        ck_assert_uint_eq(at, back.items.bytes);
    }
}
END_TEST

START_TEST(damaged_replies_are_refused_or_mean_something)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(7));
    for (size_t round = 0; round < 40000; round++) {
        fsp_reply_t reply = random_reply(&prng), back;
        if (fsp_prng_chance(&prng, 1, 2)) {
            item_t item;
            fsp_buf_reset(&again);
            reply.item_count = (size_t)fsp_prng_below(&prng, 4);
            for (size_t i = 0; i < reply.item_count; i++)
                append_random_item(&prng, round % 4, &item);
            reply.items = fsp_buf_slice(&again);
        }
        fsp_buf_reset(&buf);
        fsp_reply_encode(&reply, &buf);
        size_t count;
        uint8_t *bytes = fsp_mutate(&prng, fsp_buf_slice(&buf), &count);
        if (fsp_reply_decode(fsp_slice(bytes, count), &back) == FSP_OK) {
            read_items(&back);
            fsp_reply_t third;
            fsp_buf_reset(&buf);
            fsp_reply_encode(&back, &buf);
            ck_assert_int_eq(fsp_reply_decode(fsp_buf_slice(&buf), &third), FSP_OK);
            ck_assert(fsp_fill_equal(fsp_reply_fields(), &back, &third));
            ck_assert(fsp_slice_eq(back.items, third.items));
        }
        free(bytes);
    }
}
END_TEST

START_TEST(random_items_end)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(8));
    for (size_t round = 0; round < 50000; round++) {
        uint8_t bytes[40];
        size_t count = (size_t)fsp_prng_below(&prng, sizeof(bytes) + 1);
        fsp_prng_fill(&prng, bytes, count);
        uint8_t *copy = fsp_exact_copy(fsp_slice(bytes, count));
        fsp_reply_t reply = {.items = fsp_slice(copy, count)};
        read_items(&reply);
        free(copy);
    }
}
END_TEST

START_TEST(types_that_are_no_requests_are_told_apart)
{
    fsp_request_t request;
    fsp_slice_t body = fsp_slice_text("\x80");
    for (unsigned type = 0; type < 300; type++) {
        bool is_request = false;
        for (size_t i = 0; i < REQUEST_COUNT; i++)
            is_request = is_request || REQUESTS[i].type == type;
        if (is_request)
            continue;
        bool other = type == FSP_MSG_WELCOME || type == FSP_MSG_PONG || type == FSP_MSG_OK ||
                     type == FSP_MSG_ERROR || type == FSP_MSG_DATA;
        fsp_status_t status = fsp_request_decode((fsp_client_type_t)type, body, &request);
        ck_assert_int_eq(status, other ? FSP_PROTOCOL : FSP_UNSUPPORTED);
    }
}
END_TEST

/* -- rules --------------------------------------------------------------------------------------- */

START_TEST(a_target_is_a_path_or_an_id)
{
    for (size_t i = 0; i < REQUEST_COUNT; i++) {
        if (!has_target(REQUESTS[i].type))
            continue;
        fsp_request_t request = least(REQUESTS[i].type);
        request.file_id.bytes[3] = 1;
        ck_assert_int_eq(decode_status(REQUESTS[i].type, &request), FSP_INVALID);
        request.path = fsp_slice(NULL, 0);
        ck_assert_int_eq(decode_status(REQUESTS[i].type, &request), FSP_OK);
        memset(&request.file_id, 0, sizeof(request.file_id));
        ck_assert_int_eq(decode_status(REQUESTS[i].type, &request), FSP_INVALID);
    }
}
END_TEST

START_TEST(what_changes_something_has_op_and_attempt)
{
    for (size_t i = 0; i < REQUEST_COUNT; i++) {
        if (!changes_something(REQUESTS[i].type))
            continue;
        fsp_request_t request = least(REQUESTS[i].type);
        request.attempt = 0;
        ck_assert_int_eq(decode_status(REQUESTS[i].type, &request), FSP_INVALID);
        request = least(REQUESTS[i].type);
        memset(&request.op_id, 0, sizeof(request.op_id));
        ck_assert_int_eq(decode_status(REQUESTS[i].type, &request), FSP_INVALID);
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
    ck_assert_int_eq(STAT_WITH("\xa3new\x01\xa3new\x02", 2), FSP_OK); /* nobody knows what it means */
    ck_assert_int_eq(STAT_WITH("\xa0\x01", 1), FSP_OK);
    ck_assert_int_eq(STAT_WITH("\x01\x01", 1), FSP_INVALID);          /* a key that is no text */
    ck_assert_int_eq(STAT_WITH("\xa4path\xa2/a", 1), FSP_INVALID);    /* twice */
    ck_assert_int_eq(STAT_WITH("\xa5space\x01", 1), FSP_INVALID);     /* another type */
    ck_assert_int_eq(STAT_WITH("\xa5space\xc4\x01q", 1), FSP_INVALID);
    ck_assert_int_eq(STAT_WITH("\xa5space\xc0", 1), FSP_INVALID);     /* nil is not absence */
    ck_assert_int_eq(STAT_WITH("\xa5space\xa1q", 1), FSP_OK);
    ck_assert_int_eq(STAT_WITH("\xa5space\xa0", 1), FSP_OK);          /* empty is */
    ck_assert_int_eq(STAT_WITH("\xa5limit\x01", 1), FSP_OK);          /* not carried by STAT */
    ck_assert_int_eq(STAT_WITH("\xa2if\x01", 1), FSP_INVALID);        /* nor this, which would matter */
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
                              .head_count = FSP_HEADS_MAX};
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
client_suite(void)
{
    Suite *suite = suite_create("client");
    TCase *tcase = tcase_create("bodies");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, least_requests_pass, 0, REQUEST_COUNT);
    tcase_add_loop_test(tcase, what_requests_say_comes_back, 0, REQUEST_COUNT);
    tcase_add_loop_test(tcase, damaged_requests_are_refused_or_mean_something, 0, REQUEST_COUNT);
    tcase_add_test(tcase, what_replies_say_comes_back);
    tcase_add_loop_test(tcase, items_come_back_in_order, 0, 4);
    tcase_add_test(tcase, damaged_replies_are_refused_or_mean_something);
    tcase_add_test(tcase, random_items_end);
    tcase_add_test(tcase, types_that_are_no_requests_are_told_apart);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("rules");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_target_is_a_path_or_an_id);
    tcase_add_test(tcase, what_changes_something_has_op_and_attempt);
    tcase_add_test(tcase, bases_fit_the_condition);
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
    return fsp_suite_main(client_suite());
}
