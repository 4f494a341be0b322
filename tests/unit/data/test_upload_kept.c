/* SPDX-License-Identifier: MIT */
/* test_upload_kept - uploads that are broken off anywhere and taken up, and chunks that are known.
 * Layer tests.
 *
 * Whatever happens on the way, the root is that of one plain put of the same content.
 */
#include "core/data/upload.h"
#include "tests/unit/aborts.h"
#include "tests/unit/data/transfer.h"

enum { WINDOW = 8 * 4096, CHECKPOINT = 8192 };

static world_t world;

static void
set_up(void)
{
    world_init(&world, &params_small, fsp_suite_seed(5));
}

static void
tear_down(void)
{
    world_clear(&world);
}

/* A chunk of the content, as a plain put stored it. */
typedef struct {
    fsp_child_t child;
    uint64_t from;
} chunk_t;

/* All chunks below a root, in order. */
static size_t
list_chunks(fsp_key_t key, uint64_t from, chunk_t *ret, size_t count)
{
    const fsp_omap_row_t *row = fsp_omap_get(world.objects, FSP_SLICE_OF(key));
    fsp_blob_t *plain = NULL;
    fsp_slice_t open;
    ck_assert(row);
    ck_assert_int_eq(fsp_object_open_whole(world.keys, key, row->value, &plain, &open), FSP_OK);
    fsp_tree_node_t *node = FSP_NEW(fsp_tree_node_t);
    ck_assert_int_eq(fsp_tree_decode(open, fsp_blob_slice(plain), node), FSP_OK);
    for (size_t i = 0; i < node->count; i++) {
        if (node->level > 0)
            count = list_chunks(node->children[i].key, from, ret, count);
        else
            ret[count++] = (chunk_t){.child = node->children[i], .from = from};
        from += node->children[i].content_bytes;
    }
    fsp_free(node);
    fsp_blob_destroy(&plain);
    return count;
}

/* One content, put plainly, and then otherwise. */
typedef struct {
    uint8_t *content;
    size_t bytes;
    fsp_upload_outcome_t plain;
    chunk_t *chunks; /* NULL: inline, or one */
    size_t chunk_count;
} subject_t;

static void
subject_init(subject_t *self, size_t bytes)
{
    *self = (subject_t){.content = make_content(&world, bytes, 2), .bytes = bytes};
    self->plain = upload_content(&world, self->content, bytes);
    if (self->plain.root_kind != FSP_ROOT_TREE)
        return;
    self->chunks = fsp_alloc_array(self->plain.chunk_count, sizeof(*self->chunks));
    self->chunk_count = list_chunks(self->plain.root_key, 0, self->chunks, 0);
    ck_assert_uint_eq(self->chunk_count, self->plain.chunk_count);
}

static void
subject_clear(subject_t *self)
{
    fsp_free(self->content);
    fsp_free(self->chunks);
}

static size_t
chunk_from(const subject_t *self, uint64_t offset)
{
    size_t i = 0;
    while (i < self->chunk_count && self->chunks[i].from < offset)
        i++;
    return i;
}

/* How an upload goes. */
typedef struct {
    unsigned known_of_8;  /* chunks that are there already */
    unsigned expect_of_8; /* of those that come: as offered */
} way_t;

/* One of possibly several machines that one content passes through. */
typedef struct {
    driver_t driver;
    uint64_t sent;     /* bytes of data */
    uint64_t *sent_at; /* the same, when the content was at the end of chunk i */
    uint64_t durable, sent_at_durable;
    uint64_t due; /* where the chunk ends that is under way */
    bool finished;
} run_t;

static void
run_init(run_t *self, const subject_t *subject, const fsp_midstate_t *start)
{
    *self = (run_t){.sent = 0};
    self->sent_at = fsp_alloc_array(subject->chunk_count + 1, sizeof(*self->sent_at));
    driver_init_kept(&self->driver, &world, WINDOW, 0, CHECKPOINT, start);
    if (start)
        self->durable = self->due = start->offset;
}

static void
run_clear(run_t *self)
{
    driver_clear(&self->driver);
    fsp_free(self->sent_at);
}

/* The next bytes, or a chunk that is known. */
static void
send_next(run_t *self, const subject_t *subject, const way_t *way)
{
    driver_t *driver = &self->driver;
    fsp_upload_t *upload = driver->upload;
    uint64_t at = fsp_upload_offset(upload);
    size_t i = chunk_from(subject, at);
    if (i < subject->chunk_count && subject->chunks[i].from == at && self->due <= at) {
        const fsp_child_t *child = &subject->chunks[i].child;
        self->due = at + child->content_bytes;
        if (self->due > FSP_INLINE_BYTES_MAX && pick(&world, 8) < way->known_of_8) {
            fsp_upload_known(upload, child, &driver->effects);
            drain(driver);
            self->sent_at[i + 1] = self->sent;
            return;
        }
        if (pick(&world, 8) < way->expect_of_8) {
            fsp_upload_expect(upload, child->content_bytes, child->digest, &driver->effects);
            drain(driver);
        }
    }
    uint64_t end = self->due > at ? self->due : subject->bytes;
    size_t most = end - at < 4096 ? (size_t)(end - at) : 4096;
    size_t some = send_some(driver, subject->content + at, 1 + pick(&world, most));
    self->sent += some;
    if (some == 0 && driver->job_count == 0)
        ck_abort_msg("stuck");
    i = chunk_from(subject, at + 1);
    if (i <= subject->chunk_count && at + some == self->due)
        self->sent_at[i] = self->sent;
}

static void
step(run_t *self, const subject_t *subject, const way_t *way)
{
    driver_t *driver = &self->driver;
    bool restoring = driver->granted == 0;
    if (driver->job_count > 0 && (restoring || self->finished || pick(&world, 3) != 0)) {
        do_job(driver, pick(&world, driver->job_count));
    } else if (fsp_upload_offset(driver->upload) < subject->bytes && !restoring) {
        send_next(self, subject, way);
    } else if (!self->finished && !restoring) {
        self->finished = true;
        fsp_upload_finish(driver->upload, &driver->effects);
        drain(driver);
    }
    ck_assert(!driver->failed);
    if (driver->ready || subject->chunk_count == 0)
        return;
    /* The credit never leads more than the window behind the last checkpoint. */
    if (fsp_upload_durable_offset(driver->upload) != self->durable) {
        self->durable = fsp_upload_durable_offset(driver->upload);
        self->sent_at_durable = self->sent_at[chunk_from(subject, self->durable)];
    }
    ck_assert_uint_le(self->sent - self->sent_at_durable + fsp_upload_credit_bytes(driver->upload),
                      WINDOW);
}

/* Broken off at random points, taken up from what the log has. */
static void
put_in_pieces(const subject_t *subject, const way_t *way, size_t steps_max)
{
    run_t run;
    fsp_midstate_t midstate = {.offset = 0};
    uint64_t data_bytes = 0, restarts = 0;
    for (;;) {
        run_init(&run, subject, midstate.offset ? &midstate : NULL);
        size_t steps = restarts > 200 ? SIZE_MAX : 1 + pick(&world, steps_max);
        for (size_t i = 0; i < steps && !run.driver.ready; i++)
            step(&run, subject, way);
        data_bytes += run.sent;
        if (run.driver.ready)
            break;
        if (run.driver.has_midstate) {
            ck_assert_uint_gt(run.driver.midstate.offset, midstate.offset);
            midstate = run.driver.midstate;
        }
        restarts++;
        run_clear(&run);
    }
    fsp_upload_outcome_t outcome;
    fsp_upload_outcome(run.driver.upload, &outcome);
    ck_assert_int_eq(outcome.root_kind, subject->plain.root_kind);
    if (outcome.root_kind != FSP_ROOT_INLINE)
        ck_assert(fsp_key_eq(outcome.root_key, subject->plain.root_key));
    ck_assert_uint_eq(outcome.size, subject->bytes);
    ck_assert_uint_eq(outcome.chunk_count, subject->plain.chunk_count);
    ck_assert_uint_eq(outcome.tree_count, subject->plain.tree_count);
    ck_assert_uint_le(outcome.chunk_new_count, outcome.chunk_count);
    if (way->known_of_8 == 0) {
        ck_assert(outcome.hashed);
        ck_assert(fsp_hash_eq(outcome.sha256, subject->plain.sha256));
        ck_assert_uint_le(data_bytes, subject->bytes + restarts * WINDOW);
    } else if (way->known_of_8 == 8 && subject->chunk_count > 0) {
        ck_assert(!outcome.hashed);
    }
    ck_assert_uint_eq(fsp_upload_held_bytes(run.driver.upload),
                      outcome.root_kind == FSP_ROOT_INLINE ? subject->bytes : 0);
    run_clear(&run);
}

START_TEST(broken_off_anywhere_the_root_is_the_same)
{
    static const way_t way = {0};
    for (int i = 0; i < 60; i++) {
        subject_t subject;
        subject_init(&subject, pick(&world, (size_t)1 << (10 + pick(&world, 9))));
        put_in_pieces(&subject, &way, 1 + pick(&world, 400));
        subject_clear(&subject);
    }
}
END_TEST

START_TEST(so_it_is_with_known_and_expected_chunks)
{
    for (unsigned known = 0; known <= 8; known += 2) {
        for (unsigned expect = 0; expect <= 8; expect += 4) {
            way_t way = {.known_of_8 = known, .expect_of_8 = expect};
            for (int i = 0; i < 4; i++) {
                subject_t subject;
                subject_init(&subject, pick(&world, (size_t)1 << (12 + pick(&world, 7))));
                put_in_pieces(&subject, &way, 1 + pick(&world, 400));
                subject_clear(&subject);
            }
        }
    }
}
END_TEST

/* The digest of a version of one chunk is what the next one offers against. */
START_TEST(one_known_chunk_has_its_own_digest)
{
    world_clear(&world);
    world_init(&world, &params_large, fsp_suite_seed(5));
    subject_t subject;
    subject_init(&subject, FSP_INLINE_BYTES_MAX + 1);
    ck_assert_int_eq(subject.plain.root_kind, FSP_ROOT_CHUNK);
    const fsp_omap_row_t *row = fsp_omap_get(world.objects, FSP_SLICE_OF(subject.plain.root_key));
    ck_assert(row);
    const fsp_child_t child = {.key = subject.plain.root_key,
                               .object_bytes = row->value.bytes,
                               .content_bytes = subject.bytes,
                               .digest = subject.plain.sha256};
    driver_t driver;
    driver_init_kept(&driver, &world, 32 * WINDOW, 0, CHECKPOINT, NULL);
    fsp_upload_known(driver.upload, &child, &driver.effects);
    drain(&driver);
    ck_assert(!fsp_upload_is_hashed(driver.upload));
    fsp_upload_finish(driver.upload, &driver.effects);
    drain(&driver);
    ck_assert(driver.ready);
    fsp_upload_outcome_t outcome;
    fsp_upload_outcome(driver.upload, &outcome);
    ck_assert_int_eq(outcome.root_kind, FSP_ROOT_CHUNK);
    ck_assert(fsp_key_eq(outcome.root_key, child.key));
    ck_assert(outcome.hashed);
    ck_assert(fsp_hash_eq(outcome.sha256, child.digest));
    driver_clear(&driver);
    subject_clear(&subject);
}
END_TEST

/* More than 1,024 chunks: two levels, whose full nodes are not sealed again. */
START_TEST(so_it_is_with_two_levels)
{
    subject_t subject;
    subject_init(&subject, 3 * 1024 * 1024);
    ck_assert_uint_gt(subject.chunk_count, 2048);
    put_in_pieces(&subject, &(way_t){0}, 6000);
    put_in_pieces(&subject, &(way_t){.known_of_8 = 4, .expect_of_8 = 4}, 6000);
    put_in_pieces(&subject, &(way_t){.known_of_8 = 8}, 400);
    subject_clear(&subject);
}
END_TEST

/* A checkpoint is the tree of its prefix: the same as a plain put of it. */
START_TEST(a_checkpoint_is_the_tree_of_its_prefix)
{
    subject_t subject;
    subject_init(&subject, 300 * 1024);
    run_t run;
    run_init(&run, &subject, NULL);
    uint64_t seen = 0;
    while (!run.driver.ready) {
        step(&run, &subject, &(way_t){0});
        if (!run.driver.has_midstate)
            continue;
        run.driver.has_midstate = false;
        const fsp_midstate_t *midstate = &run.driver.midstate;
        fsp_slice_t prefix = fsp_slice(subject.content, (size_t)midstate->offset);
        fsp_upload_outcome_t plain = upload_content(&world, prefix.data, prefix.bytes);
        ck_assert_int_eq(midstate->root_kind, plain.root_kind);
        ck_assert(fsp_key_eq(midstate->root_key, plain.root_key));
        ck_assert_uint_eq(midstate->chunk_count, plain.chunk_count);
        ck_assert(midstate->hashed);
        fsp_sha256_t *sha256 = fsp_sha256_new();
        fsp_sha256_load(sha256, &midstate->hash);
        fsp_hash_t digest = fsp_sha256_finish(sha256);
        ck_assert(fsp_hash_eq(digest, fsp_sha256(prefix)));
        fsp_sha256_destroy(&sha256);
        seen++;
    }
    ck_assert_uint_gt(seen, 8);
    run_clear(&run);
    subject_clear(&subject);
}
END_TEST

static void
expect_failure(driver_t *driver, fsp_status_t status)
{
    ck_assert(driver->failed);
    ck_assert_int_eq(driver->status, status);
    ck_assert_uint_eq(fsp_upload_held_bytes(driver->upload), 0);
    driver_clear(driver);
}

/* Sends content up to an offset, doing all jobs. */
static void
send_to(driver_t *driver, const subject_t *subject, uint64_t to)
{
    while (!driver->failed && fsp_upload_offset(driver->upload) < to) {
        uint64_t at = fsp_upload_offset(driver->upload);
        (void)send_some(driver, subject->content + at, (size_t)(to - at));
        while (driver->job_count > 0 && !driver->failed)
            do_job(driver, 0);
    }
}

/* What may stay inline is not cut yet: whether a chunk ends there is known all the same. */
START_TEST(chunks_begin_where_cuts_are_also_in_front)
{
    subject_t subject;
    subject_init(&subject, 100 * 1024);
    size_t inside = 0;
    for (uint64_t at = 0; at < FSP_INLINE_BYTES_MAX - 1; at += 1 + at / 7) {
        uint64_t first = subject.chunks[chunk_from(&subject, at)].from;
        for (int exact = 0; exact < 2; exact++) {
            uint64_t from = exact ? first : at;
            if (from > FSP_INLINE_BYTES_MAX)
                continue;
            driver_t driver;
            driver_init_kept(&driver, &world, WINDOW, 0, 0, NULL);
            send_to(&driver, &subject, from);
            const fsp_child_t *child = &subject.chunks[chunk_from(&subject, from)].child;
            fsp_upload_expect(driver.upload, child->content_bytes, child->digest, &driver.effects);
            drain(&driver);
            if (from == first) {
                send_to(&driver, &subject, subject.bytes);
                ck_assert(!driver.failed);
                driver_clear(&driver);
            } else {
                expect_failure(&driver, FSP_PROTOCOL);
                inside++;
            }
        }
    }
    ck_assert_uint_gt(inside, 20);
    subject_clear(&subject);
}
END_TEST

START_TEST(liars_are_found)
{
    subject_t subject;
    subject_init(&subject, 100 * 1024);
    const chunk_t *chunk = &subject.chunks[20];
    uint64_t end = chunk->from + chunk->child.content_bytes;
    for (int what = 0; what < 8; what++) {
        driver_t driver;
        driver_init_kept(&driver, &world, WINDOW, 0, what % 2 ? CHECKPOINT : 0, NULL);
        fsp_child_t child = chunk->child;
        send_to(&driver, &subject, chunk->from + (what == 2 || what == 3));
        fsp_status_t status = FSP_INVALID;
        switch (what) {
        case 0: /* another digest */
            child.digest.bytes[5] ^= 1;
            fsp_upload_expect(driver.upload, child.content_bytes, child.digest, &driver.effects);
            send_to(&driver, &subject, end);
            status = FSP_DAMAGED;
            break;
        case 1: /* shorter than the cut */
            fsp_upload_expect(driver.upload, child.content_bytes - 1, child.digest,
                              &driver.effects);
            send_to(&driver, &subject, end);
            break;
        case 2: /* in the middle of a chunk */
            fsp_upload_known(driver.upload, &child, &driver.effects);
            status = FSP_PROTOCOL;
            break;
        case 3:
            fsp_upload_expect(driver.upload, child.content_bytes, child.digest, &driver.effects);
            status = FSP_PROTOCOL;
            break;
        case 4: /* longer than the cut */
            fsp_upload_expect(driver.upload, child.content_bytes + 1, child.digest,
                              &driver.effects);
            send_to(&driver, &subject, end + 1);
            break;
        case 5: /* known before what is expected has come */
            fsp_upload_expect(driver.upload, child.content_bytes, child.digest, &driver.effects);
            fsp_upload_known(driver.upload, &child, &driver.effects);
            break;
        case 6: /* the end before it */
            fsp_upload_expect(driver.upload, child.content_bytes, child.digest, &driver.effects);
            fsp_upload_finish(driver.upload, &driver.effects);
            break;
        default: /* larger than any */
            fsp_upload_expect(driver.upload, world.params.bytes_max + 1, child.digest,
                              &driver.effects);
            break;
        }
        drain(&driver);
        expect_failure(&driver, status);
    }
    subject_clear(&subject);
}
END_TEST

/* Takes up from a midstate, as far as it goes. */
static void
restore(driver_t *driver, const fsp_midstate_t *midstate)
{
    driver_init_kept(driver, &world, WINDOW, 0, CHECKPOINT, midstate);
    while (driver->job_count > 0 && !driver->failed)
        do_job(driver, 0);
}

/* Puts it, and gives its last checkpoint. */
static fsp_midstate_t
last_midstate(const subject_t *subject)
{
    run_t run;
    run_init(&run, subject, NULL);
    while (!run.driver.ready)
        step(&run, subject, &(way_t){0});
    fsp_midstate_t midstate = run.driver.midstate;
    run_clear(&run);
    return midstate;
}

START_TEST(what_cannot_be_restored_fails)
{
    subject_t subject;
    subject_init(&subject, 2 * 1024 * 1024);
    driver_t driver;
    const fsp_midstate_t good = last_midstate(&subject);
    ck_assert_uint_gt(good.chunk_count, 1024);
    restore(&driver, &good);
    ck_assert(!driver.failed);
    ck_assert_uint_eq(fsp_upload_offset(driver.upload), good.offset);
    ck_assert_uint_eq(fsp_upload_credit_bytes(driver.upload), WINDOW);
    driver_clear(&driver);
    fsp_midstate_t bad = good;
    bad.offset--;
    restore(&driver, &bad);
    expect_failure(&driver, FSP_DAMAGED);
    bad = good;
    bad.root_object_bytes++;
    restore(&driver, &bad);
    expect_failure(&driver, FSP_DAMAGED);
    bad = good; /* a chunk where a node should be */
    bad.root_key = subject.chunks[0].child.key;
    bad.root_object_bytes = subject.chunks[0].child.object_bytes;
    restore(&driver, &bad);
    expect_failure(&driver, FSP_DAMAGED);
    bad = good; /* the root of something else */
    fsp_upload_outcome_t other = upload_content(&world, subject.content, 50 * 1024);
    bad.root_key = other.root_key;
    restore(&driver, &bad);
    ck_assert(driver.failed);
    expect_failure(&driver, FSP_DAMAGED);
    bad = good;
    bad.root_key.bytes[0] ^= 1;
    restore(&driver, &bad);
    expect_failure(&driver, FSP_NOT_FOUND);
    subject_clear(&subject);
}
END_TEST

START_TEST(no_data_before_it_is_restored)
{
    subject_t subject;
    subject_init(&subject, 200 * 1024);
    driver_t driver;
    const fsp_midstate_t midstate = last_midstate(&subject);
    for (int what = 0; what < 3; what++) {
        driver_init_kept(&driver, &world, WINDOW, 0, CHECKPOINT, &midstate);
        ck_assert_uint_eq(driver.granted, 0);
        if (what == 0)
            fsp_upload_data(driver.upload, fsp_slice_text("x"), &driver.effects);
        else if (what == 1)
            fsp_upload_finish(driver.upload, &driver.effects);
        else
            fsp_upload_expect(driver.upload, 1000, (fsp_hash_t){{0}}, &driver.effects);
        drain(&driver);
        expect_failure(&driver, FSP_PROTOCOL);
    }
    subject_clear(&subject);
}
END_TEST

START_TEST(mistakes_of_the_shell_are_found)
{
    driver_t driver;
    driver_init_kept(&driver, &world, WINDOW, 0, CHECKPOINT, NULL);
    fsp_midstate_t midstate;
    FSP_EXPECT_ABORT(fsp_upload_midstate(driver.upload, &midstate));
    FSP_EXPECT_ABORT(fsp_upload_checkpointed(driver.upload, &driver.effects));
    fsp_child_t child = {.object_bytes = 1000, .content_bytes = 100};
    FSP_EXPECT_ABORT(fsp_upload_known(driver.upload, &child, &driver.effects)); /* inline */
    FSP_EXPECT_ABORT(
        fsp_upload_fetched(driver.upload, 1, &(fsp_fetched_t){.status = FSP_OK}, &driver.effects));
    driver_clear(&driver);
    FSP_EXPECT_ABORT(driver_init_kept(&driver, &world, WINDOW, 0, 4096, NULL));
    FSP_EXPECT_ABORT(driver_init_kept(&driver, &world, WINDOW, 0, WINDOW, NULL));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("upload_kept");
    TCase *tcase = tcase_create("upload_kept");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, broken_off_anywhere_the_root_is_the_same);
    tcase_add_test(tcase, so_it_is_with_known_and_expected_chunks);
    tcase_add_test(tcase, one_known_chunk_has_its_own_digest);
    tcase_add_test(tcase, so_it_is_with_two_levels);
    tcase_add_test(tcase, a_checkpoint_is_the_tree_of_its_prefix);
    tcase_add_test(tcase, chunks_begin_where_cuts_are_also_in_front);
    tcase_add_test(tcase, liars_are_found);
    tcase_add_test(tcase, what_cannot_be_restored_fails);
    tcase_add_test(tcase, no_data_before_it_is_restored);
    tcase_add_test(tcase, mistakes_of_the_shell_are_found);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
