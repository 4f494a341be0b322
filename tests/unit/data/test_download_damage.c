/* SPDX-License-Identifier: MIT */
/* test_download_damage - gets of what is missing, damaged, or lies.  Layer tests. */
#include "core/data/download.h"
#include "tests/unit/data/gets.h"

enum { SUBBLOCK_SEALED = FSP_SUBBLOCK_BYTES + FSP_GCM_TAG_BYTES };

static world_t small, large;

static void
set_up(void)
{
    uint64_t seed = fsp_suite_seed(11);
    world_init(&small, &params_small, seed);
    world_init(&large, &params_large, seed + 1);
}

static void
tear_down(void)
{
    world_clear(&small);
    world_clear(&large);
}

static void
expect_get_failure(get_t *self, fsp_status_t status, fsp_key_t key)
{
    ck_assert(self->failed);
    ck_assert_int_eq(self->status, status);
    ck_assert(fsp_key_eq(self->failed_key, key));
    ck_assert_uint_eq(fsp_download_held_bytes(self->download), 0);
    /* What comes late is ignored, and let go. */
    fsp_object_part_t part = {.sealed = fsp_blob_new(10)};
    fsp_download_credit(self->download, 10, &self->effects);
    fsp_download_fetched(self->download, 1, FSP_OK, &part, &self->effects);
    ck_assert(!part.sealed);
    fsp_download_opened(self->download, 1, FSP_DAMAGED, NULL, NULL, &self->effects);
    ck_assert_uint_eq(self->effects.count, 0);
}

/* Runs to the nth job of a type and takes it. */
static fsp_download_effect_t
run_to(get_t *self, fsp_download_effect_type_t type, int nth)
{
    for (;;) {
        ck_assert(!self->ended && !self->failed);
        if (self->job_count == 0)
            give_credit(self, 1000);
        for (size_t i = 0; i < self->job_count; i++)
            if (self->jobs[i].type == type && nth-- == 0)
                return take_job(self, i);
        if (self->job_count > 0)
            do_get_job(self, 0);
    }
}

START_TEST(what_cannot_be_read_fails)
{
    size_t bytes = 100 * 1024;
    uint8_t *content = make_content(&small, bytes, 0);
    fsp_upload_outcome_t what = upload_content(&small, content, bytes);
    for (int nth = 0; nth < 20; nth++) {
        get_t get;
        get_init(&get, &small, &what, 0, bytes, 64 * 1024);
        fsp_download_effect_t job = run_to(&get, FSP_DOWNLOAD_FETCH, nth);
        fsp_object_part_t part = {.open = fsp_blob_new(3)};
        fsp_download_fetched(get.download, job.token, FSP_NOT_FOUND, &part, &get.effects);
        ck_assert(!part.open);
        take_effects(&get);
        expect_get_failure(&get, FSP_NOT_FOUND, job.key);
        get_clear(&get);

        get_init(&get, &small, &what, 0, bytes, 64 * 1024);
        job = run_to(&get, FSP_DOWNLOAD_OPEN, nth);
        fsp_object_part_clear(&job.part);
        fsp_download_opened(get.download, job.token, nth % 2 ? FSP_DAMAGED : FSP_UNKNOWN_KEY, NULL,
                            NULL, &get.effects);
        take_effects(&get);
        expect_get_failure(&get, nth % 2 ? FSP_DAMAGED : FSP_UNKNOWN_KEY, job.key);
        get_clear(&get);
    }
    fsp_free(content);
}
END_TEST

static void
shorten(fsp_blob_t **blob_p)
{
    fsp_blob_shrink(*blob_p, fsp_blob_bytes(*blob_p) - 1);
}

START_TEST(a_part_that_does_not_fit_is_damage)
{
    size_t bytes = 1024 * 1024;
    uint8_t *content = make_content(&large, bytes, 0);
    fsp_upload_outcome_t what = upload_content(&large, content, bytes);
    /* Node 0 and chunk 1; of the chunk only a part is wanted. */
    for (int nth = 0; nth < 2; nth++) {
        for (int wrong = 0; wrong < 8; wrong++) {
            get_t get;
            get_init(&get, &large, &what, 100 * 1024, 100 * 1024 + 1, 1024 * 1024);
            fsp_download_effect_t job = run_to(&get, FSP_DOWNLOAD_FETCH, 0);
            fsp_object_part_t part;
            if (nth) {
                read_part(&get, &job, &part);
                fsp_download_fetched(get.download, job.token, FSP_OK, &part, &get.effects);
                take_effects(&get);
                job = run_to(&get, FSP_DOWNLOAD_FETCH, 0);
                ck_assert_uint_eq(get.part_count, 1);
            }
            read_part(&get, &job, &part);
            if (wrong == 0)
                part.head[3] ^= 1;
            if (wrong == 1)
                part.head[100] ^= 1;
            if (wrong == 2)
                shorten(&part.sealed);
            if (wrong == 3)
                fsp_blob_destroy(&part.sealed);
            if (wrong == 4)
                part.sealed_bytes++;
            if (wrong == 5)
                part.sealed_from += SUBBLOCK_SEALED;
            if (wrong == 6 && part.open)
                shorten(&part.open);
            else if (wrong == 6)
                part.open = fsp_blob_new(1);
            if (wrong == 7) { /* found by opening */
                fsp_blob_t *other =
                    fsp_blob_copy(fsp_blob_data(part.sealed), fsp_blob_bytes(part.sealed));
                fsp_blob_writable(other)[5] ^= 1;
                fsp_blob_destroy(&part.sealed);
                part.sealed = other;
            }
            fsp_download_fetched(get.download, job.token, FSP_OK, &part, &get.effects);
            ck_assert(!part.open && !part.sealed);
            take_effects(&get);
            if (wrong == 7)
                do_get_job(&get, get.job_count - 1);
            expect_get_failure(&get, FSP_DAMAGED, job.key);
            get_clear(&get);
        }
    }
    fsp_free(content);
}
END_TEST

/* Seals an object and keeps it. */
static fsp_child_t
keep_object(world_t *world, fsp_object_kind_t kind, fsp_slice_t open, fsp_slice_t plain)
{
    fsp_child_t child = {.content_bytes = plain.bytes};
    fsp_blob_t *object = fsp_object_seal(world->keys, kind, open, plain, &child.key, &child.digest);
    child.object_bytes = fsp_blob_bytes(object);
    fsp_omap_put(world->objects, FSP_SLICE_OF(child.key), fsp_blob_slice(object), 0);
    fsp_blob_destroy(&object);
    return child;
}

static fsp_child_t
keep_node(world_t *world, unsigned level, const fsp_child_t *children, size_t count)
{
    fsp_tree_node_t *node = FSP_NEW(fsp_tree_node_t);
    node->level = level;
    node->count = count;
    fsp_buf_t open, plain;
    fsp_buf_init(&open, FSP_OBJECT_OPEN_BYTES_MAX);
    fsp_buf_init(&plain, FSP_OBJECT_OPEN_BYTES_MAX);
    uint64_t content_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        node->children[i] = children[i];
        content_bytes += children[i].content_bytes;
    }
    fsp_tree_encode(node, &open, &plain);
    fsp_child_t child =
        keep_object(world, FSP_OBJECT_TREE, fsp_buf_slice(&open), fsp_buf_slice(&plain));
    child.content_bytes = content_bytes;
    child.digest = (fsp_hash_t){0};
    fsp_buf_clear(&open);
    fsp_buf_clear(&plain);
    fsp_free(node);
    return child;
}

static void
get_root(world_t *world, fsp_root_kind_t kind, fsp_key_t key, uint64_t size, fsp_key_t bad)
{
    fsp_upload_outcome_t what = {.root_kind = kind, .root_key = key, .size = size};
    get_t get;
    get_init(&get, world, &what, 0, size, 1024 * 1024);
    run_get(&get, 1024);
    expect_get_failure(&get, FSP_DAMAGED, bad);
    get_clear(&get);
}

/* Genuine objects, written by somebody who lies or errs. */
START_TEST(a_tree_that_lies_is_damage)
{
    static const uint8_t bytes[1000] = {1, 2, 3};
    fsp_child_t chunks[2] = {
        keep_object(&small, FSP_OBJECT_CHUNK, fsp_slice(NULL, 0), fsp_slice(bytes, 1000)),
        keep_object(&small, FSP_OBJECT_CHUNK, fsp_slice(NULL, 0), fsp_slice(bytes, 500))};
    fsp_child_t node = keep_node(&small, 0, chunks, 2);
    fsp_upload_outcome_t what = {.root_kind = FSP_ROOT_TREE, .root_key = node.key, .size = 1500};
    get_t get;
    get_init(&get, &small, &what, 0, 1500, 4096);
    run_get(&get, 1024);
    ck_assert(get.ended);
    get_clear(&get);

    /* The file is longer or shorter than its tree. */
    get_root(&small, FSP_ROOT_TREE, node.key, 1501, node.key);
    get_root(&small, FSP_ROOT_TREE, node.key, 1499, node.key);
    get_root(&small, FSP_ROOT_TREE, node.key, 1000, node.key);
    /* A chunk is not of the length that was said; nor its object. */
    fsp_child_t wrong[2] = {chunks[0], chunks[1]};
    wrong[0].content_bytes--;
    fsp_child_t bad = keep_node(&small, 0, wrong, 2);
    get_root(&small, FSP_ROOT_TREE, bad.key, 1499, chunks[0].key);
    wrong[0] = chunks[0];
    wrong[1].object_bytes++;
    bad = keep_node(&small, 0, wrong, 2);
    get_root(&small, FSP_ROOT_TREE, bad.key, 1500, chunks[1].key);
    /* A node holds less than was said. */
    wrong[0] = wrong[1] = node;
    wrong[1].content_bytes++;
    bad = keep_node(&small, 1, wrong, 2);
    get_root(&small, FSP_ROOT_TREE, bad.key, 3001, node.key);
    /* Levels do not fall by one. */
    wrong[1] = node;
    bad = keep_node(&small, 2, wrong, 2);
    get_root(&small, FSP_ROOT_TREE, bad.key, 3000, node.key);
    fsp_child_t good = keep_node(&small, 1, wrong, 2);
    bad = keep_node(&small, 1, &good, 1);
    get_root(&small, FSP_ROOT_TREE, bad.key, 3000, good.key);
    /* A node where a chunk should be, and the other way round. */
    wrong[0].content_bytes = 1000;
    bad = keep_node(&small, 0, wrong, 1);
    get_root(&small, FSP_ROOT_TREE, bad.key, 1000, node.key);
    fsp_object_header_t header;
    const fsp_omap_row_t *row = fsp_omap_get(small.objects, FSP_SLICE_OF(node.key));
    ck_assert_int_eq(fsp_object_header_decode(row->value, &header), FSP_OK);
    wrong[0].content_bytes = header.plain_bytes;
    bad = keep_node(&small, 0, wrong, 1);
    get_root(&small, FSP_ROOT_TREE, bad.key, header.plain_bytes, node.key);
    bad = keep_node(&small, 1, chunks, 2);
    get_root(&small, FSP_ROOT_TREE, bad.key, 1500, chunks[0].key);
    get_root(&small, FSP_ROOT_TREE, chunks[0].key, 1000, chunks[0].key);
    get_root(&small, FSP_ROOT_CHUNK, node.key, 1500, node.key);
    /* The only chunk is not as long as the file, or cannot be. */
    get_root(&small, FSP_ROOT_CHUNK, chunks[0].key, 1001, chunks[0].key);
    get_root(&small, FSP_ROOT_CHUNK, chunks[0].key, FSP_CHUNK_BYTES_MAX + 1, chunks[0].key);
    /* The same key with another plaintext length is found when it is opened. */
    get_init(&get, &small, &what, 0, 1500, 4096);
    fsp_download_effect_t job = run_to(&get, FSP_DOWNLOAD_OPEN, 1);
    fsp_object_part_clear(&job.part);
    fsp_blob_t *plain = fsp_blob_new(7);
    fsp_download_opened(get.download, job.token, FSP_OK, NULL, plain, &get.effects);
    fsp_blob_destroy(&plain);
    take_effects(&get);
    expect_get_failure(&get, FSP_DAMAGED, job.key);
    get_clear(&get);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("download_damage");
    TCase *tcase = tcase_create("download_damage");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_cannot_be_read_fails);
    tcase_add_test(tcase, a_part_that_does_not_fit_is_damage);
    tcase_add_test(tcase, a_tree_that_lies_is_damage);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
