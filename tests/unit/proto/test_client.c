/* SPDX-License-Identifier: MIT */
/* test_client - bodies of the client protocol, there and back.  Layer tests. */
#include "proto/client.h"
#include "proto/client_fields.h"
#include "tests/unit/proto/fill.h"
#include "tests/unit/proto/mutate.h"
#include "tests/unit/proto/requests.h"
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

static fsp_status_t
decode(fsp_client_type_t type, const fsp_request_t *request, fsp_request_t *ret)
{
    fsp_buf_reset(&buf);
    fsp_request_encode(type, request, &buf);
    ck_assert(fsp_buf_ok(&buf));
    return fsp_request_decode(type, fsp_buf_slice(&buf), ret);
}

START_TEST(least_requests_pass)
{
    fsp_request_t request = least(REQUESTS[_i]), back;
    ck_assert_int_eq(decode(REQUESTS[_i], &request, &back), FSP_OK);
    ck_assert(fsp_fill_equal(fsp_request_fields(), &request, &back));
}
END_TEST

/* What came with the third minor version, made to fit together. */
static void
fit_third(fsp_prng_t *prng, fsp_client_type_t type, fsp_request_t *request)
{
    static uint8_t chunks[FSP_OFFER_CHUNKS_MAX * FSP_OFFER_CHUNK_BYTES];
    fsp_request_t needed = least(type);
    request->key = fsp_key_is_zero(request->key) ? needed.key : request->key;
    if (request->name.bytes == 0)
        request->name = needed.name;
    if (type == FSP_MSG_PUT && request->end) {
        memset(&request->upload_id, 0, sizeof(request->upload_id));
        request->offer = false;
        request->known_count = 0;
    }
    if (type == FSP_MSG_OFFER) {
        size_t count =
            (size_t)fsp_prng_below(prng, fsp_prng_chance(prng, 1, 64) ? FSP_OFFER_CHUNKS_MAX : 5);
        fsp_prng_fill(prng, chunks, (count + 1) * FSP_OFFER_CHUNK_BYTES);
        request->chunks = fsp_slice(chunks, (count + 1) * FSP_OFFER_CHUNK_BYTES);
    }
    request->chunking_count = request->chunking_count > 0 ? FSP_CHUNKING_VALUES : 0;
    request->keep_count = request->keep_count > 0 ? FSP_KEEP_VALUES : 0;
    if (type == FSP_MSG_SPACE_SET) {
        request->set = request->set > 0 ? request->set : needed.set;
        if (!(request->set & FSP_SET_QUOTA))
            request->quota_bytes = 0;
        if (!(request->set & FSP_SET_KEEP))
            request->keep_count = 0;
    }
    unsigned condition = request->condition.type;
    if (type == FSP_MSG_ATTR && condition != 0 && condition != FSP_IF_REPLACE)
        request->condition.type = FSP_IF_MATCH;
}

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
    if (request.duration == 0)
        request.duration = needed.duration;
    if (request.token == 0)
        request.token = needed.token;
    if (request.space.bytes == 0)
        request.space = needed.space;
    request.op_count = needed.op_count;
    request.ops = needed.ops;
    /* What excludes each other. */
    if (type == FSP_MSG_UNLOCK)
        request.force = false;
    if (type == FSP_MSG_SPACE_REMOVE && request.cancel)
        request.duration = 0;
    if (request.version.bytes > 0 && has_target(type) && !changes_something(type))
        request.at_index = request.at_time = 0;
    if (request.at_index > 0)
        request.at_time = 0;
    if (type == FSP_MSG_PURGE && request.path.bytes > 0)
        memset(&request.file_id, 0, sizeof(request.file_id));
    if (type == FSP_MSG_PURGE && (request.path.bytes > 0 || !fsp_file_id_is_zero(request.file_id)))
        request.before = 0;
    fit_third(prng, type, &request);
    fsp_condition_t *condition = &request.condition;
    if (condition->type == FSP_IF_EDIT || condition->type == FSP_IF_MATCH)
        condition->version_count = 1;
    else if (condition->type != FSP_IF_MERGE)
        condition->version_count = 0;
    else if (condition->version_count == 0)
        condition->version_count = 1;
    if (type == FSP_MSG_ATTR ||
        ((type == FSP_MSG_PUT || type == FSP_MSG_MKDIR) && fsp_prng_chance(prng, 1, 2))) {
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
    fsp_client_type_t type = REQUESTS[_i];
    for (size_t round = 0; round < 2000; round++) {
        fsp_request_t request = random_request(&prng, type), back;
        ck_assert_int_eq(decode(type, &request, &back), FSP_OK);
        ck_assert(fsp_fill_equal(fsp_request_fields(), &request, &back));
        ck_assert(request.has_attr == back.has_attr && request.mode == back.mode &&
                  request.mtime_s == back.mtime_s && request.mtime_ns == back.mtime_ns);
        ck_assert(request.has_range == back.has_range && request.range_first == back.range_first &&
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
    fsp_client_type_t type = REQUESTS[_i];
    size_t decoded = 0;
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
            decoded++;
        }
        free(bytes);
    }
    ck_assert_uint_gt(decoded, 500);
}
END_TEST

static fsp_reply_t
random_reply(fsp_prng_t *prng)
{
    fsp_reply_t reply;
    memset(&reply, 0, sizeof(reply));
    fsp_fill(prng, &pool, fsp_reply_fields(), 0, &reply);
    reply.chunking_count = reply.chunking_count > 0 ? FSP_CHUNKING_VALUES : 0;
    if (fsp_prng_chance(prng, 1, 2)) {
        reply.has_attr = true;
        reply.mode = (uint32_t)fsp_prng_below(prng, 010000);
        reply.mtime_s = -(int64_t)fsp_prng_below(prng, 1000000);
        reply.mtime_ns = (uint32_t)fsp_prng_below(prng, 1000000000);
    }
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
        ck_assert(fsp_fill_equal(fsp_reply_disk_fields(), &reply, &back));
        ck_assert(reply.has_attr == back.has_attr && reply.mode == back.mode &&
                  reply.mtime_s == back.mtime_s && reply.mtime_ns == back.mtime_ns);
        fsp_buf_reset(&again);
        fsp_reply_encode(&back, &again);
        ck_assert(fsp_slice_eq(fsp_buf_slice(&buf), fsp_buf_slice(&again)));
    }
}
END_TEST

/* Reads items as all kinds. */
static void
read_items(const fsp_reply_t *reply)
{
    fsp_entry_info_t entry;
    fsp_version_info_t version;
    fsp_change_info_t change;
    fsp_space_info_t space;
    fsp_result_item_t did;
    fsp_key_info_t key;
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
    at = 0;
    while (fsp_reply_next_did(reply, &at, &did) == FSP_OK)
        ck_assert_uint_le(at, reply->items.bytes);
    at = 0;
    while (fsp_reply_next_key(reply, &at, &key) == FSP_OK)
        ck_assert_uint_le(key.name.bytes, FSP_KEY_NAME_BYTES_MAX);
}

typedef union {
    fsp_entry_info_t entry;
    fsp_version_info_t version;
    fsp_change_info_t change;
    fsp_space_info_t space;
    fsp_result_item_t did;
    fsp_key_info_t key;
} item_t;
enum { ITEM_KINDS = 6 };

static fsp_fields_t
item_fields(size_t kind)
{
    return kind == 0   ? fsp_item_entry_fields()
           : kind == 1 ? fsp_item_version_fields()
           : kind == 2 ? fsp_item_change_fields()
           : kind == 3 ? fsp_item_space_fields()
           : kind == 4 ? fsp_item_did_fields()
                       : fsp_item_key_fields();
}

/* What the tables leave to the item: fields of more than one member. */
static void
fill_custom(fsp_prng_t *prng, size_t kind, item_t *item)
{
    if (kind == 0) {
        item->entry.retained = fsp_prng_chance(prng, 1, 2);
        item->entry.has_attr = fsp_prng_chance(prng, 1, 2);
    }
    if (kind == 0 && item->entry.has_attr) {
        item->entry.mode = (uint32_t)fsp_prng_below(prng, 010000);
        item->entry.mtime_s = (int64_t)fsp_prng_below(prng, UINT64_C(1) << 62) - (INT64_C(1) << 61);
        item->entry.mtime_ns = (uint32_t)fsp_prng_below(prng, 1000000000);
    }
    if (kind == 3 && fsp_prng_chance(prng, 1, 2)) {
        item->space.chunk_bytes_min = (uint32_t)fsp_prng_next(prng);
        item->space.chunk_bytes_avg = (uint32_t)fsp_prng_next(prng);
        item->space.chunk_bytes_max = (uint32_t)fsp_prng_next(prng) | 1;
    }
    if (kind == 3 && fsp_prng_chance(prng, 1, 2)) {
        fsp_retention_t *keep = &item->space.retention;
        uint64_t *const values[] = {&keep->keep_last, &keep->all_days, &keep->daily,
                                    &keep->weekly,    &keep->monthly,  &keep->past_days};
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
            *values[i] = fsp_prng_below(prng, FSP_RETENTION_MAX + 1);
    }
}

static bool
custom_equal(size_t kind, const item_t *a, const item_t *b)
{
    if (kind == 0)
        return a->entry.retained == b->entry.retained && a->entry.has_attr == b->entry.has_attr &&
               a->entry.mode == b->entry.mode && a->entry.mtime_s == b->entry.mtime_s &&
               a->entry.mtime_ns == b->entry.mtime_ns;
    if (kind == 3)
        return a->space.chunk_bytes_min == b->space.chunk_bytes_min &&
               a->space.chunk_bytes_avg == b->space.chunk_bytes_avg &&
               a->space.chunk_bytes_max == b->space.chunk_bytes_max &&
               memcmp(&a->space.retention, &b->space.retention, sizeof(fsp_retention_t)) == 0;
    return true;
}

/* A random item of a kind, appended to `again`; it is what the caller compares with. */
static void
append_random_item(fsp_prng_t *prng, size_t kind, item_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    fsp_fill(prng, &pool, item_fields(kind), 0, ret);
    fill_custom(prng, kind, ret);
    if (kind == 0 && (ret->entry.name.bytes == 0 || *ret->entry.name.data == '.'))
        ret->entry.name = fsp_slice_text("name");
    if (kind == 0)
        fsp_item_entry_encode(&ret->entry, &again);
    else if (kind == 1)
        fsp_item_version_encode(&ret->version, &again);
    else if (kind == 2)
        fsp_item_change_encode(&ret->change, &again);
    else if (kind == 3)
        fsp_item_space_encode(&ret->space, &again);
    else if (kind == 4)
        fsp_item_did_encode(&ret->did, &again);
    else
        fsp_item_key_encode(&ret->key, &again);
}

static fsp_status_t
next_item(size_t kind, const fsp_reply_t *reply, size_t *at, item_t *ret)
{
    return kind == 0   ? fsp_reply_next_entry(reply, at, &ret->entry)
           : kind == 1 ? fsp_reply_next_version(reply, at, &ret->version)
           : kind == 2 ? fsp_reply_next_change(reply, at, &ret->change)
           : kind == 3 ? fsp_reply_next_space(reply, at, &ret->space)
           : kind == 4 ? fsp_reply_next_did(reply, at, &ret->did)
                       : fsp_reply_next_key(reply, at, &ret->key);
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
            ck_assert(custom_equal(kind, &item, &items[i]));
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
    size_t decoded = 0;
    for (size_t round = 0; round < 40000; round++) {
        fsp_reply_t reply = random_reply(&prng), back;
        if (fsp_prng_chance(&prng, 1, 2)) {
            item_t item;
            fsp_buf_reset(&again);
            reply.item_count = (size_t)fsp_prng_below(&prng, 4);
            for (size_t i = 0; i < reply.item_count; i++)
                append_random_item(&prng, round % ITEM_KINDS, &item);
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
            decoded++;
        }
        free(bytes);
    }
    ck_assert_uint_gt(decoded, 2000);
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
            is_request = is_request || REQUESTS[i] == type;
        if (is_request)
            continue;
        bool other = type == FSP_MSG_WELCOME || type == FSP_MSG_PONG || type == FSP_MSG_OK ||
                     type == FSP_MSG_ERROR || type == FSP_MSG_DATA || type == FSP_MSG_NEWS ||
                     type == FSP_MSG_WANT;
        fsp_status_t status = fsp_request_decode((fsp_client_type_t)type, body, &request);
        ck_assert_int_eq(status, other ? FSP_PROTOCOL : FSP_UNSUPPORTED);
    }
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
    tcase_add_loop_test(tcase, items_come_back_in_order, 0, ITEM_KINDS);
    tcase_add_test(tcase, damaged_replies_are_refused_or_mean_something);
    tcase_add_test(tcase, random_items_end);
    tcase_add_test(tcase, types_that_are_no_requests_are_told_apart);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    return fsp_suite_main(client_suite());
}
