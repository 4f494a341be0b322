/* SPDX-License-Identifier: MIT */
/* test_offer - what older versions have, and what a client need not send.  Layer tests. */
#include "core/data/offer.h"
#include "tests/unit/aborts.h"
#include "tests/unit/data/transfer.h"

static world_t world;

static void
set_up(void)
{
    world_init(&world, &params_small, fsp_suite_seed(6));
}

static void
tear_down(void)
{
    world_clear(&world);
}

/* -- bases ------------------------------------------------------------------------------------- */

/* Gives what was asked for, in any order; `broken`: a key that does not come (its status). */
typedef struct {
    uint64_t tokens[FSP_BASES_AHEAD];
    fsp_key_t keys[FSP_BASES_AHEAD];
    bool head_only[FSP_BASES_AHEAD];
    size_t count;
    size_t fetched; /* so far */
} reader_t;

static void
deliver(fsp_bases_t *bases, reader_t *reader, size_t at, const fsp_key_t *broken,
        fsp_status_t status)
{
    uint64_t token = reader->tokens[at];
    fsp_key_t key = reader->keys[at];
    bool head_only = reader->head_only[at];
    reader->count--;
    reader->tokens[at] = reader->tokens[reader->count];
    reader->keys[at] = reader->keys[reader->count];
    reader->head_only[at] = reader->head_only[reader->count];
    reader->fetched++;
    fsp_fetched_t fetched = {.status = status};
    fsp_blob_t *plain = NULL;
    if (!broken || !fsp_key_eq(*broken, key) || status == FSP_OK) {
        uint8_t head[FSP_OBJECT_HEAD_BYTES];
        const fsp_omap_row_t *row = fsp_omap_get(world.objects, FSP_SLICE_OF(key));
        ck_assert(row);
        fetched.status = fsp_object_name(row->value, &fetched.key, head);
        ck_assert_int_eq(fetched.status, FSP_OK);
        ck_assert_int_eq(fsp_object_header_decode(row->value, &fetched.header), FSP_OK);
        if (!head_only) {
            ck_assert_int_eq(
                fsp_object_open_whole(world.keys, key, row->value, &plain, &fetched.open), FSP_OK);
            fetched.plain = fsp_blob_slice(plain);
        }
    }
    if (broken && fsp_key_eq(*broken, key) && status == FSP_OK)
        fetched.key.bytes[0] ^= 1; /* the head of another */
    fsp_bases_fetched(bases, token, &fetched);
    fsp_blob_destroy(&plain);
}

static size_t
read_all(fsp_bases_t *bases, const fsp_key_t *broken, fsp_status_t status)
{
    reader_t reader = {.count = 0};
    for (;;) {
        while (reader.count < FSP_BASES_AHEAD &&
               fsp_bases_next(bases, &reader.tokens[reader.count], &reader.keys[reader.count],
                              &reader.head_only[reader.count]))
            reader.count++;
        if (reader.count == 0)
            break;
        ck_assert(!fsp_bases_is_done(bases));
        deliver(bases, &reader, pick(&world, reader.count), broken, status);
    }
    ck_assert(fsp_bases_is_done(bases));
    return reader.fetched;
}

/* A content and its chunks, cut by hand. */
typedef struct {
    uint8_t *content;
    size_t bytes;
    fsp_upload_outcome_t outcome;
    fsp_hash_t *digests;
    uint32_t *lengths;
    size_t count;
} version_t;

static void
version_init(version_t *self, uint8_t *content, size_t bytes)
{
    *self = (version_t){.content = content, .bytes = bytes};
    self->outcome = upload_content(&world, content, bytes);
    self->digests = fsp_alloc_array(bytes / world.params.bytes_min + 1, sizeof(*self->digests));
    self->lengths = fsp_alloc_array(bytes / world.params.bytes_min + 1, sizeof(*self->lengths));
    fsp_chunker_t chunker;
    fsp_chunker_init(&chunker, world.gear);
    for (size_t at = 0; at < bytes;) {
        bool ends;
        size_t used = fsp_chunker_feed(&chunker, fsp_slice(content + at, bytes - at), &ends);
        self->digests[self->count] = fsp_sha256(fsp_slice(content + at, used));
        self->lengths[self->count++] = (uint32_t)used;
        at += used;
    }
    ck_assert_uint_eq(self->count, self->outcome.chunk_count);
}

static void
version_clear(version_t *self)
{
    fsp_free(self->content);
    fsp_free(self->digests);
    fsp_free(self->lengths);
}

static void
add(fsp_bases_t *bases, const version_t *version)
{
    fsp_bases_add(bases, version->outcome.root_kind, version->outcome.root_key, version->bytes,
                  version->outcome.sha256);
}

static bool
has(const fsp_bases_t *bases, const version_t *version, size_t i, bool *ret_is_cut)
{
    const fsp_child_t *child = fsp_bases_find(bases, version->digests[i], ret_is_cut);
    if (!child)
        return false;
    ck_assert(fsp_hash_eq(child->digest, version->digests[i]));
    ck_assert_uint_eq(child->content_bytes, version->lengths[i]);
    const fsp_omap_row_t *row = fsp_omap_get(world.objects, FSP_SLICE_OF(child->key));
    ck_assert(row);
    ck_assert_uint_eq(child->object_bytes, row->value.bytes);
    return true;
}

START_TEST(every_chunk_of_a_base_is_found)
{
    static const size_t sizes[] = {5000, 20000, 300 * 1024, 3 * 1024 * 1024};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        version_t version;
        version_init(&version, make_content(&world, sizes[s], 0), sizes[s]);
        fsp_bases_t *bases = fsp_bases_new(&world.params, 77 + s);
        add(bases, &version);
        ck_assert_uint_ge(fsp_bases_bound(bases), version.count);
        size_t fetched = read_all(bases, NULL, FSP_OK);
        ck_assert_uint_eq(fetched, version.outcome.tree_count);
        ck_assert_uint_eq(fsp_bases_count(bases), version.count);
        for (size_t i = 0; i < version.count; i++) {
            bool is_cut = false;
            ck_assert(has(bases, &version, i, &is_cut));
            ck_assert(is_cut ==
                      (i + 1 < version.count || version.lengths[i] == world.params.bytes_max));
        }
        bool is_cut;
        ck_assert_ptr_null(fsp_bases_find(bases, fsp_sha256(fsp_slice_text("no")), &is_cut));
        fsp_bases_destroy(&bases);
        version_clear(&version);
    }
}
END_TEST

START_TEST(of_one_chunk_its_head_is_enough)
{
    world_t large;
    world_init(&large, &params_large, 3);
    uint8_t *content = make_content(&large, 60000, 4);
    fsp_upload_outcome_t outcome = upload_content(&large, content, 60000);
    ck_assert_int_eq(outcome.root_kind, FSP_ROOT_CHUNK);
    for (int lie = 0; lie < 2; lie++) {
        fsp_bases_t *bases = fsp_bases_new(&large.params, 1);
        fsp_bases_add(bases, FSP_ROOT_CHUNK, outcome.root_key, (uint64_t)60000 - (uint64_t)lie,
                      outcome.sha256);
        uint64_t token;
        fsp_key_t key;
        bool head_only = false, is_cut = true;
        ck_assert(fsp_bases_next(bases, &token, &key, &head_only));
        ck_assert(head_only && fsp_key_eq(key, outcome.root_key));
        const fsp_omap_row_t *row = fsp_omap_get(large.objects, FSP_SLICE_OF(key));
        fsp_fetched_t fetched = {.status = FSP_OK, .key = key};
        ck_assert_int_eq(fsp_object_header_decode(row->value, &fetched.header), FSP_OK);
        fsp_bases_fetched(bases, token, &fetched);
        const fsp_child_t *child = fsp_bases_find(bases, outcome.sha256, &is_cut);
        ck_assert((child != NULL) == !lie);
        if (child) {
            ck_assert(!is_cut);
            ck_assert_uint_eq(child->object_bytes, row->value.bytes);
        }
        fsp_bases_destroy(&bases);
    }
    fsp_free(content);
    world_clear(&large);
}
END_TEST

/* What two versions share is read once. */
START_TEST(versions_share_their_trees)
{
    size_t bytes = 3 * 1024 * 1024;
    version_t first, second;
    version_init(&first, make_content(&world, bytes, 0), bytes);
    uint8_t *copy = fsp_alloc_raw(bytes + 100);
    memcpy(copy, first.content, bytes);
    memcpy(copy + bytes, first.content, 100);
    version_init(&second, copy, bytes + 100);
    fsp_bases_t *bases = fsp_bases_new(&world.params, 5);
    add(bases, &first);
    add(bases, &first);
    add(bases, &second);
    size_t fetched = read_all(bases, NULL, FSP_OK);
    /* Of the second: its root and its last node of chunks. */
    ck_assert_uint_eq(fetched, first.outcome.tree_count + 2);
    /* What ended the first may be no cut; what begins the same in the second is another chunk. */
    bool is_cut = true;
    ck_assert(has(bases, &first, first.count - 1, &is_cut));
    ck_assert(!is_cut);
    for (size_t i = 0; i < second.count; i++)
        ck_assert(has(bases, &second, i, &is_cut));
    fsp_bases_destroy(&bases);
    version_clear(&first);
    version_clear(&second);
}
END_TEST

START_TEST(an_end_that_is_a_cut_elsewhere_is_one)
{
    version_t longer, shorter;
    version_init(&longer, make_content(&world, 50000, 0), 50000);
    size_t bytes = 0;
    for (size_t i = 0; i < 10; i++)
        bytes += longer.lengths[i];
    uint8_t *copy = fsp_alloc_raw(bytes);
    memcpy(copy, longer.content, bytes);
    version_init(&shorter, copy, bytes);
    for (int order = 0; order < 2; order++) {
        fsp_bases_t *bases = fsp_bases_new(&world.params, 5);
        add(bases, order ? &longer : &shorter);
        add(bases, order ? &shorter : &longer);
        (void)read_all(bases, NULL, FSP_OK);
        bool is_cut = false;
        ck_assert(has(bases, &shorter, shorter.count - 1, &is_cut));
        ck_assert(is_cut);
        fsp_bases_destroy(&bases);
    }
    version_clear(&longer);
    version_clear(&shorter);
}
END_TEST

START_TEST(no_more_than_its_bound_from_the_left)
{
    size_t bytes = 2 * 1024 * 1024;
    version_t version;
    version_init(&version, make_content(&world, bytes, 0), bytes);
    ck_assert_uint_gt(version.count, 1400);
    for (size_t bound = 0; bound < 1400; bound += 233) {
        fsp_bases_t *bases = fsp_bases_new(&world.params, 5);
        add(bases, &version);
        fsp_bases_limit(bases, bound);
        reader_t reader = {.count = 0}; /* in order: answers that overtake may win */
        while (fsp_bases_next(bases, &reader.tokens[0], &reader.keys[0], &reader.head_only[0])) {
            reader.count = 1;
            deliver(bases, &reader, 0, NULL, FSP_OK);
        }
        ck_assert(fsp_bases_is_done(bases));
        ck_assert_uint_eq(fsp_bases_count(bases), bound);
        bool is_cut;
        for (size_t i = 0; i < version.count; i++)
            ck_assert(has(bases, &version, i, &is_cut) == (i < bound));
        fsp_bases_destroy(&bases);
    }
    fsp_bases_t *bases = fsp_bases_new(&world.params, 5);
    for (int i = 0; i < 3; i++)
        fsp_bases_add(bases, FSP_ROOT_TREE, (fsp_key_t){{(uint8_t)i}}, UINT64_MAX,
                      (fsp_hash_t){{0}});
    ck_assert_uint_eq(fsp_bases_bound(bases), FSP_BASES_CHUNKS_MAX);
    fsp_bases_destroy(&bases);
    version_clear(&version);
}
END_TEST

START_TEST(what_cannot_be_read_is_passed_over)
{
    size_t bytes = 3 * 1024 * 1024;
    version_t version;
    version_init(&version, make_content(&world, bytes, 0), bytes);
    static const fsp_status_t statuses[] = {FSP_NOT_FOUND, FSP_DAMAGED, FSP_IO, FSP_OK};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        fsp_bases_t *bases = fsp_bases_new(&world.params, 5);
        add(bases, &version);
        (void)read_all(bases, &version.outcome.root_key, statuses[i]);
        ck_assert_uint_eq(fsp_bases_count(bases), 0);
        fsp_bases_destroy(&bases);
    }
    /* A root of another size; a chunk that is said to be a tree. */
    fsp_bases_t *bases = fsp_bases_new(&world.params, 5);
    fsp_bases_add(bases, FSP_ROOT_TREE, version.outcome.root_key, bytes + 1, (fsp_hash_t){{0}});
    (void)read_all(bases, NULL, FSP_OK);
    ck_assert_uint_eq(fsp_bases_count(bases), 0);
    FSP_EXPECT_ABORT(fsp_bases_fetched(bases, 99, &(fsp_fetched_t){.status = FSP_OK}));
    FSP_EXPECT_ABORT(add(bases, &version)); /* it has begun */
    fsp_bases_destroy(&bases);
    version_clear(&version);
}
END_TEST

/* -- offers ------------------------------------------------------------------------------------ */

static void
write_records(const version_t *version, size_t from, size_t count, fsp_buf_t *ret)
{
    fsp_buf_reset(ret);
    for (size_t i = from; i < from + count; i++) {
        fsp_buf_append(ret, version->digests[i].bytes, sizeof(version->digests[i].bytes));
        fsp_buf_append_u32(ret, version->lengths[i]);
    }
}

/* Two contents that share much, the first as the base of the second. */
static version_t old_version, new_version;
static fsp_bases_t *bases;
static fsp_buf_t records;

static void
set_up_offer(void)
{
    set_up();
    size_t bytes = 200 * 1024;
    version_init(&old_version, make_content(&world, bytes, 0), bytes);
    uint8_t *content = fsp_alloc_raw(bytes + 3000);
    fsp_prng_fill(&world.prng, content, 1000);
    memcpy(content + 1000, old_version.content, bytes / 2);
    fsp_prng_fill(&world.prng, content + 1000 + bytes / 2, 2000);
    memcpy(content + 3000 + bytes / 2, old_version.content + bytes / 2, bytes - bytes / 2);
    version_init(&new_version, content, bytes + 3000);
    bases = fsp_bases_new(&world.params, 9);
    add(bases, &old_version);
    (void)read_all(bases, NULL, FSP_OK);
    fsp_buf_init(&records, FSP_OFFER_PENDING_MAX * FSP_OFFER_RECORD_BYTES * 2);
}

static void
tear_down_offer(void)
{
    fsp_buf_clear(&records);
    fsp_bases_destroy(&bases);
    version_clear(&old_version);
    version_clear(&new_version);
    tear_down();
}

/* A whole put by offers, events in random order; owners lack one chunk in `lost_of`. */
static void
offer_all(unsigned lost_of, size_t batch_max)
{
    fsp_offer_t *offer = fsp_offer_new(bases, world.params.bytes_max);
    size_t offered = 0, passed = 0, told = 0, known = 0;
    uint64_t offered_to = 0, passed_to = 0, told_to = 0;
    struct {
        uint64_t token;
        size_t count;
        uint8_t yes[FSP_OFFER_PENDING_MAX];
    } questions[8];
    size_t question_count = 0;
    while (passed < new_version.count) {
        fsp_child_t child;
        size_t what = pick(&world, 4);
        if (what == 0 && offered < new_version.count) {
            size_t count = 1 + pick(&world, batch_max);
            if (count > new_version.count - offered)
                count = new_version.count - offered;
            write_records(&new_version, offered, count, &records);
            ck_assert_int_eq(fsp_offer_add(offer, passed_to, offered_to, fsp_buf_slice(&records),
                                           new_version.bytes),
                             FSP_OK);
            for (size_t i = 0; i < count; i++)
                offered_to += new_version.lengths[offered++];
            ck_assert_uint_eq(fsp_offer_pending(offer), offered - passed);
        } else if (what == 1 && question_count < 8) {
            fsp_key_t keys[FSP_OFFER_PENDING_MAX];
            uint64_t lengths[FSP_OFFER_PENDING_MAX], token = 0;
            size_t count = fsp_offer_ask(offer, keys, lengths, &token);
            if (count == 0)
                continue;
            questions[question_count].token = token;
            questions[question_count].count = count;
            for (size_t i = 0; i < count; i++) {
                const fsp_omap_row_t *row = fsp_omap_get(world.objects, FSP_SLICE_OF(keys[i]));
                ck_assert(row && row->value.bytes == lengths[i]);
                questions[question_count].yes[i] = !lost_of || pick(&world, lost_of) != 0;
            }
            question_count++;
        } else if (what == 2 && question_count > 0) {
            size_t i = pick(&world, question_count);
            fsp_offer_answered(offer, questions[i].token,
                               fsp_slice(questions[i].yes, questions[i].count));
            questions[i] = questions[--question_count];
        } else if (what == 3) {
            uint64_t offset;
            fsp_slice_t want;
            while (fsp_offer_want(offer, &offset, &want)) {
                ck_assert_uint_eq(offset, told_to);
                for (size_t i = 0; i < want.bytes; i++) {
                    bool is_cut = false;
                    bool there = has(bases, &new_version, told, &is_cut);
                    ck_assert(want.data[i] || there);
                    told_to += new_version.lengths[told++];
                    if (!want.data[i]) {
                        known++;
                        ck_assert_uint_gt(told_to, FSP_INLINE_BYTES_MAX);
                    } else if (!lost_of && there && told_to > FSP_INLINE_BYTES_MAX) {
                        ck_assert(!is_cut);
                    }
                }
            }
            ck_assert_uint_eq(want.bytes, 0);
        }
        fsp_offer_state_t state = fsp_offer_first(offer, &child);
        ck_assert((state == FSP_OFFER_NONE) == (passed == offered));
        ck_assert((state == FSP_OFFER_OPEN) == (passed < offered && passed == told));
        if (state == FSP_OFFER_WANTED) {
            ck_assert(fsp_hash_eq(child.digest, new_version.digests[passed]));
            ck_assert_uint_eq(child.content_bytes, new_version.lengths[passed]);
            fsp_offer_start(offer);
        } else if (state == FSP_OFFER_KNOWN || state == FSP_OFFER_STARTED) {
            fsp_offer_pass(offer);
            passed_to += new_version.lengths[passed++];
        }
    }
    ck_assert_uint_eq(fsp_offer_pending(offer), 0);
    if (!lost_of)
        ck_assert_uint_ge(known, new_version.count - 12);
    fsp_offer_destroy(&offer);
}

START_TEST(what_is_there_is_not_wanted)
{
    for (int i = 0; i < 20; i++) {
        offer_all(0, 1 + pick(&world, 60));
        offer_all(3, 1 + pick(&world, 60));
    }
}
END_TEST

START_TEST(offers_that_do_not_fit_are_refused)
{
    fsp_offer_t *offer = fsp_offer_new(bases, world.params.bytes_max);
    static const struct {
        uint64_t at, offset, size;
        uint32_t bytes;
        fsp_status_t status;
    } cases[] = {{0, 0, UINT64_MAX, 0, FSP_INVALID},
                 {0, 0, UINT64_MAX, 4097, FSP_INVALID},
                 {0, 0, 99, 100, FSP_INVALID},
                 {200, 200, 100, 100, FSP_INVALID},
                 {0, 1, UINT64_MAX, 100, FSP_PROTOCOL},
                 {5, 0, UINT64_MAX, 100, FSP_PROTOCOL},
                 {5, 5, 105, 100, FSP_OK}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t record[FSP_OFFER_RECORD_BYTES] = {1};
        fsp_store_u32(record + 32, cases[i].bytes);
        ck_assert_int_eq(fsp_offer_add(offer, cases[i].at, cases[i].offset,
                                       fsp_slice(record, sizeof(record)), cases[i].size),
                         cases[i].status);
        ck_assert_uint_eq(fsp_offer_pending(offer), cases[i].status == FSP_OK);
    }
    uint8_t record[FSP_OFFER_RECORD_BYTES + 1] = {1};
    fsp_store_u32(record + 32, 100);
    ck_assert_int_eq(fsp_offer_add(offer, 5, 105, fsp_slice(record, 37), UINT64_MAX), FSP_INVALID);
    ck_assert_int_eq(fsp_offer_add(offer, 5, 105, fsp_slice(record, 0), UINT64_MAX), FSP_INVALID);
    ck_assert_int_eq(fsp_offer_add(offer, 5, 5, fsp_slice(record, 36), UINT64_MAX), FSP_PROTOCOL);
    uint64_t offset = 105;
    for (int i = 1; i < FSP_OFFER_PENDING_MAX; i++, offset += 100)
        ck_assert_int_eq(fsp_offer_add(offer, 5, offset, fsp_slice(record, 36), UINT64_MAX),
                         FSP_OK);
    ck_assert_int_eq(fsp_offer_add(offer, 5, offset, fsp_slice(record, 36), UINT64_MAX),
                     FSP_TOO_LARGE);
    fsp_slice_t want;
    ck_assert(fsp_offer_want(offer, &offset, &want));
    ck_assert_uint_eq(want.bytes, FSP_OFFER_PENDING_MAX);
    fsp_offer_destroy(&offer);
}
END_TEST

/* The last chunk of a base is no cut: it is had at the end of a content of a known size only. */
START_TEST(an_end_is_had_at_an_end_only)
{
    size_t last = old_version.count - 1;
    ck_assert_uint_lt(old_version.lengths[last], world.params.bytes_max);
    write_records(&old_version, last, 1, &records);
    const uint64_t at = 50000, end = at + old_version.lengths[last];
    const struct {
        uint64_t size;
        bool had;
    } cases[] = {{UINT64_MAX, false}, {end + 1, false}, {end, true}};
    for (size_t i = 0; i < 3; i++) {
        fsp_offer_t *offer = fsp_offer_new(bases, world.params.bytes_max);
        ck_assert_int_eq(fsp_offer_add(offer, at, at, fsp_buf_slice(&records), cases[i].size),
                         FSP_OK);
        fsp_key_t keys[FSP_OFFER_PENDING_MAX];
        uint64_t lengths[FSP_OFFER_PENDING_MAX], token;
        ck_assert_uint_eq(fsp_offer_ask(offer, keys, lengths, &token), cases[i].had);
        fsp_offer_destroy(&offer);
    }
}
END_TEST

START_TEST(a_reset_forgets_what_was_offered)
{
    fsp_offer_t *offer = fsp_offer_new(bases, world.params.bytes_max);
    write_records(&old_version, 10, 5, &records);
    ck_assert_int_eq(fsp_offer_add(offer, 9000, 9000, fsp_buf_slice(&records), UINT64_MAX), FSP_OK);
    fsp_key_t keys[FSP_OFFER_PENDING_MAX];
    uint64_t lengths[FSP_OFFER_PENDING_MAX], token = 0, offset;
    ck_assert_uint_eq(fsp_offer_ask(offer, keys, lengths, &token), 5);
    fsp_offer_reset(offer);
    ck_assert_uint_eq(fsp_offer_pending(offer), 0);
    ck_assert_int_eq(fsp_offer_add(offer, 9000, 9000, fsp_buf_slice(&records), UINT64_MAX), FSP_OK);
    static const uint8_t yes[5] = {1, 1, 1, 1, 1};
    fsp_offer_answered(offer, token, fsp_slice(yes, 5)); /* late */
    fsp_slice_t want;
    ck_assert(!fsp_offer_want(offer, &offset, &want));
    ck_assert_uint_eq(fsp_offer_ask(offer, keys, lengths, &token), 5);
    fsp_offer_answered(offer, token, fsp_slice(yes, 3)); /* short: the others are not there */
    ck_assert(fsp_offer_want(offer, &offset, &want));
    ck_assert_uint_eq(offset, 9000);
    static const uint8_t wanted[5] = {0, 0, 0, 1, 1};
    ck_assert(fsp_slice_eq(want, fsp_slice(wanted, 5)));
    FSP_EXPECT_ABORT(fsp_offer_start(offer)); /* it is there */
    fsp_offer_destroy(&offer);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("offer");
    TCase *tcase = tcase_create("bases");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, every_chunk_of_a_base_is_found);
    tcase_add_test(tcase, of_one_chunk_its_head_is_enough);
    tcase_add_test(tcase, versions_share_their_trees);
    tcase_add_test(tcase, an_end_that_is_a_cut_elsewhere_is_one);
    tcase_add_test(tcase, no_more_than_its_bound_from_the_left);
    tcase_add_test(tcase, what_cannot_be_read_is_passed_over);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("offers");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up_offer, tear_down_offer);
    tcase_add_test(tcase, what_is_there_is_not_wanted);
    tcase_add_test(tcase, offers_that_do_not_fit_are_refused);
    tcase_add_test(tcase, an_end_is_had_at_an_end_only);
    tcase_add_test(tcase, a_reset_forgets_what_was_offered);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
