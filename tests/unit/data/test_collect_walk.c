/* SPDX-License-Identifier: MIT */
/* test_collect_walk - the marker by hand: what it asks, in which order, and what ends it.  Layer
 * tests.
 *
 * The state has rows written by their encoders; the store is a list of nodes and a set of marks.
 */
#include "core/base/alloc.h"
#include "core/base/memview.h"
#include "core/crypto/digest.h"
#include "core/data/collect.h"
#include "core/data/tree.h"
#include "tests/unit/suite.h"

enum { ROUND = 5, NODES_MAX = 4096 };

typedef struct {
    fsp_key_t key;
    uint8_t head[FSP_OBJECT_HEAD_BYTES];
    fsp_tree_node_t *node;
    fsp_buf_t open;
    unsigned opened;
} node_t;

static const fsp_shard_ref_t shard = {.shard = 1, .generation = 1};
static const fsp_space_id_t space = {{0x5b}};
static fsp_memview_t *state;
static node_t nodes[NODES_MAX];
static size_t node_count;
static fsp_omap_t *marks; /* keys that are marked */
static fsp_store_id_t store;
static fsp_key_t missing; /* a key that is not there; zero: none */
static size_t looks, sent;

static void
set_up(void)
{
    state = fsp_memview_new();
    marks = fsp_omap_new();
    node_count = 0;
    store = (fsp_store_id_t){{1}};
    missing = (fsp_key_t){{0}};
    looks = sent = 0;
}

static void
tear_down(void)
{
    for (size_t i = 0; i < node_count; i++) {
        fsp_buf_clear(&nodes[i].open);
        fsp_free(nodes[i].node);
    }
    fsp_omap_destroy(&marks);
    fsp_memview_destroy(&state);
}

/* -- state ------------------------------------------------------------------------------------- */

static void
put_row(const fsp_row_key_t *key, fsp_buf_t *value)
{
    ck_assert(fsp_buf_ok(value));
    fsp_omap_put(fsp_memview_map(state), fsp_row_key_slice(key), fsp_buf_slice(value), 0);
    fsp_buf_clear(value);
}

static void
put_space(uint64_t epoch, fsp_life_t life)
{
    fsp_space_row_t row = {.name = fsp_slice_text("home"),
                           .epoch = epoch,
                           .chunk_bytes_min = 1,
                           .chunk_bytes_avg = 2,
                           .chunk_bytes_max = 3,
                           .access = {.state = life, .deadline = life == FSP_LIFE_OPEN ? 0 : 9}};
    fsp_row_key_t key = fsp_row_key(shard, FSP_TABLE_SPACE, space);
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_space_row_encode(&row, &value);
    put_row(&key, &value);
}

static void
put_version(uint64_t file, uint64_t number, fsp_root_kind_t kind, fsp_key_t root, bool retained)
{
    fsp_buf_t carrier, value;
    fsp_buf_init(&carrier, FSP_CARRIER_BYTES_MAX);
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_carrier_encode(&(fsp_carrier_t){.root_kind = kind,
                                        .root_key = root,
                                        .inline_object = kind == FSP_ROOT_INLINE
                                                             ? fsp_slice_text("i")
                                                             : (fsp_slice_t){0},
                                        .sealed_part = fsp_slice_text("s")},
                       &carrier);
    fsp_version_row_encode(
        &(fsp_version_row_t){.record = fsp_slice_text("r"),
                             .retained = retained,
                             .carrier = retained ? fsp_buf_slice(&carrier) : (fsp_slice_t){0}},
        &value);
    fsp_row_key_t key = fsp_row_key(shard, FSP_TABLE_VERSION, space);
    fsp_file_id_t id = {{0}};
    fsp_store_u64(id.bytes, file);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_row_key_add_u64(&key, number);
    put_row(&key, &value);
    fsp_buf_clear(&carrier);
}

/* -- trees ------------------------------------------------------------------------------------- */

static fsp_key_t
chunk(uint64_t number)
{
    fsp_key_t key = {{0}};
    uint8_t bytes[8];
    fsp_store_u64(bytes, number);
    memcpy(key.bytes, fsp_sha256(fsp_slice(bytes, 8)).bytes, sizeof(key.bytes));
    return key;
}

static fsp_key_t
add_node(const fsp_tree_node_t *node)
{
    ck_assert_uint_lt(node_count, NODES_MAX);
    node_t *made = &nodes[node_count];
    fsp_buf_t plain;
    fsp_buf_init(&plain, FSP_OBJECT_OPEN_BYTES_MAX);
    *made = (node_t){.node = FSP_NEW(fsp_tree_node_t)};
    *made->node = *node;
    fsp_buf_init(&made->open, FSP_OBJECT_OPEN_BYTES_MAX);
    fsp_tree_encode(node, &made->open, &plain);
    fsp_object_header_t header = {.kind = FSP_OBJECT_TREE,
                                  .generation = 1,
                                  .open_bytes = (uint32_t)made->open.bytes,
                                  .input_bytes = plain.bytes,
                                  .plain_bytes = plain.bytes};
    fsp_buf_clear(&plain);
    fsp_object_header_encode(&header, made->head);
    fsp_hash_t open = fsp_sha256(fsp_buf_slice(&made->open));
    memcpy(made->head + FSP_OBJECT_HEADER_BYTES, open.bytes, sizeof(open.bytes));
    fsp_hash_t name = fsp_sha256(fsp_slice(made->head, sizeof(made->head)));
    memcpy(made->key.bytes, name.bytes, sizeof(name.bytes));
    for (size_t i = 0; i < node_count; i++) /* equal content, equal node */
        if (fsp_key_eq(nodes[i].key, made->key)) {
            fsp_buf_clear(&made->open);
            fsp_free(made->node);
            return nodes[i].key;
        }
    node_count++;
    return made->key;
}

/* A tree over the chunks from..to, whose nodes have at most `fanout` children; returns its root. */
static fsp_key_t
tree(uint64_t from, uint64_t to, size_t fanout)
{
    size_t count = (size_t)(to - from);
    fsp_child_t *children = fsp_alloc_array(count, sizeof(*children));
    for (size_t i = 0; i < count; i++)
        children[i] =
            (fsp_child_t){.key = chunk(from + i), .object_bytes = 200, .content_bytes = 100};
    fsp_tree_node_t *node = FSP_NEW(fsp_tree_node_t);
    unsigned level = 0;
    do {
        size_t made = 0;
        for (size_t i = 0; i < count; i += fanout) {
            *node = (fsp_tree_node_t){.level = level};
            uint64_t content = 0;
            for (size_t j = i; j < count && j < i + fanout; j++) {
                node->children[node->count++] = children[j];
                content += children[j].content_bytes;
            }
            children[made++] =
                (fsp_child_t){.key = add_node(node), .object_bytes = 200, .content_bytes = content};
        }
        count = made;
        level++;
    } while (count > 1);
    fsp_key_t root = children[0].key;
    fsp_free(node);
    fsp_free(children);
    return root;
}

static node_t *
node_of(fsp_key_t key)
{
    for (size_t i = 0; i < node_count; i++)
        if (fsp_key_eq(nodes[i].key, key))
            return &nodes[i];
    return NULL;
}

static bool
is_marked(fsp_key_t key)
{
    return fsp_omap_get(marks, FSP_SLICE_OF(key)) != NULL;
}

/* -- the store's side -------------------------------------------------------------------------- */

static uint8_t words[FSP_HAVE_KEYS_MAX];

static fsp_collect_answer_t
answer_marks(const fsp_collect_question_t *question)
{
    bool look = question->ask == FSP_COLLECT_LOOK;
    looks += look;
    sent += !look;
    for (size_t i = 0; i < question->key_count; i++) {
        fsp_key_t key = question->keys[i];
        if (i > 0)
            ck_assert_int_lt(fsp_key_cmp(question->keys[i - 1], key), 0);
        const node_t *node = node_of(key);
        ck_assert(!look || node);
        words[i] = is_marked(key) ? FSP_MARK_BEFORE : FSP_MARK_NEW;
        if (fsp_key_eq(key, missing))
            words[i] = FSP_MARK_MISSING;
        /* The rule: everything below it was marked by an earlier question. */
        for (size_t j = 0; !look && node && j < node->node->count; j++)
            ck_assert(is_marked(node->node->children[j].key) ||
                      fsp_key_eq(node->node->children[j].key, missing));
    }
    for (size_t i = 0; !look && i < question->key_count; i++)
        if (words[i] != FSP_MARK_MISSING)
            fsp_omap_put(marks, FSP_SLICE_OF(question->keys[i]), (fsp_slice_t){0}, 0);
    return (fsp_collect_answer_t){.store_id = store,
                                  .marks = fsp_slice(words, question->key_count)};
}

static fsp_collect_answer_t
answer_open(const fsp_collect_question_t *question)
{
    node_t *node = node_of(question->keys[0]);
    ck_assert_uint_eq(question->key_count, 1);
    if (!node || fsp_key_eq(node->key, missing))
        return (fsp_collect_answer_t){.status = FSP_NOT_FOUND};
    node->opened++;
    return (fsp_collect_answer_t){.head = fsp_slice(node->head, sizeof(node->head)),
                                  .open = fsp_buf_slice(&node->open)};
}

static fsp_collect_t *marker;

/* Runs a marker until it ends or `questions` were answered; OK also then. */
static fsp_status_t
run(size_t keys_max, size_t questions)
{
    marker = fsp_collect_new(shard, space, ROUND, fsp_memview_view(state), keys_max);
    const fsp_collect_question_t *question = fsp_collect_step(marker, NULL);
    while (question->ask != FSP_COLLECT_ENDED && questions-- > 0) {
        ck_assert_uint_le(question->key_count, keys_max);
        fsp_collect_answer_t answer = {.status = FSP_OK};
        if (question->ask == FSP_COLLECT_OPEN)
            answer = answer_open(question);
        else if (question->ask != FSP_COLLECT_AGAIN)
            answer = answer_marks(question);
        question = fsp_collect_step(marker, &answer);
    }
    return question->ask == FSP_COLLECT_ENDED ? question->status : FSP_OK;
}

static void
expect_all_marked(uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++)
        ck_assert(is_marked(chunk(i)));
    for (size_t i = 0; i < node_count; i++)
        ck_assert(is_marked(nodes[i].key));
}

/* -- tests ------------------------------------------------------------------------------------- */

START_TEST(everything_below_a_root_is_marked_from_below)
{
    static const size_t sizes[] = {1, 3, 64, FSP_HAVE_KEYS_MAX};
    static const size_t fanouts[] = {3, 7, 30};
    for (size_t i = 0; i < 12; i++) {
        tear_down();
        set_up();
        put_space(ROUND, FSP_LIFE_OPEN);
        size_t fanout = fanouts[i % 3];
        uint64_t chunks = fanout == 3 ? 200 : 2500; /* five levels at most */
        put_version(1, 1, FSP_ROOT_TREE, tree(0, chunks, fanout), true);
        put_version(1, 2, FSP_ROOT_TREE, tree(0, chunks - 5, fanout), true);
        put_version(2, 1, FSP_ROOT_TREE, tree(0, chunks, fanout), true); /* a copy */
        put_version(3, 1, FSP_ROOT_CHUNK, chunk(9000), true);
        put_version(3, 2, FSP_ROOT_INLINE, chunk(9001), true);
        put_version(3, 3, FSP_ROOT_CHUNK, chunk(9002), false);
        ck_assert_int_eq(run(sizes[i / 3], SIZE_MAX), FSP_OK);
        expect_all_marked(0, chunks);
        ck_assert(is_marked(chunk(9000)) && !is_marked(chunk(9001)) && !is_marked(chunk(9002)));
        const fsp_collect_counts_t *counts = fsp_collect_counts(marker);
        ck_assert_uint_eq(counts->roots, 4);
        ck_assert_uint_eq(counts->marked, chunks + node_count + 1);
        ck_assert_uint_eq(counts->missing, 0);
        ck_assert(fsp_store_id_eq(fsp_collect_store(marker), store));
        fsp_collect_destroy(&marker);
        /* Once more: the roots say that all is done. */
        for (size_t j = 0; j < node_count; j++)
            nodes[j].opened = 0;
        ck_assert_int_eq(run(sizes[i / 3], SIZE_MAX), FSP_OK);
        ck_assert_uint_eq(fsp_collect_counts(marker)->nodes, 0);
        ck_assert_uint_eq(fsp_collect_counts(marker)->marked, 0);
        fsp_collect_destroy(&marker);
    }
}
END_TEST

START_TEST(a_marker_that_died_costs_little)
{
    put_space(ROUND, FSP_LIFE_OPEN);
    for (uint64_t i = 0; i < 40; i++)
        put_version(i, 1, FSP_ROOT_TREE, tree(i * 40, i * 40 + 50, 6), true);
    size_t runs = 0;
    fsp_status_t status = FSP_OK;
    for (size_t questions = 30; fsp_omap_count(marks) < 40 * 40 + 10 + node_count; runs++) {
        ck_assert_uint_lt(runs, 100);
        status = run(8, questions);
        ck_assert_int_eq(status, FSP_OK);
        fsp_collect_destroy(&marker);
        questions += 30;
    }
    ck_assert_uint_gt(runs, 3);
    expect_all_marked(0, 40 * 40 + 10);
}
END_TEST

START_TEST(more_roots_than_a_page)
{
    put_space(ROUND, FSP_LIFE_OPEN);
    for (uint64_t i = 0; i < 2600; i++)
        put_version(i, 1, FSP_ROOT_TREE, tree(i, i + 2, 4), true);
    for (uint64_t i = 0; i < 6000; i++)
        put_version(10000 + i, 1, FSP_ROOT_CHUNK, chunk(20000 + i % 5000), true);
    ck_assert_int_eq(run(1000, SIZE_MAX), FSP_OK);
    expect_all_marked(0, 2601);
    for (uint64_t i = 0; i < 5000; i++)
        ck_assert(is_marked(chunk(20000 + i)));
    for (size_t i = 0; i < node_count; i++)
        ck_assert_uint_eq(nodes[i].opened, 1);
    ck_assert_uint_eq(looks, 5); /* two pages of 1,024 in two each, and the rest */
    fsp_collect_destroy(&marker);
}
END_TEST

START_TEST(a_node_that_cannot_be_read_ends_it_by_name)
{
    put_space(ROUND, FSP_LIFE_OPEN);
    fsp_key_t bad = tree(0, 30, 5);
    put_version(7, 3, FSP_ROOT_TREE, bad, true);
    put_version(8, 1, FSP_ROOT_TREE, tree(100, 130, 5), true);
    node_t *inner = node_of(node_of(bad)->node->children[1].key);
    for (unsigned way = 0; way < 5; way++) {
        fsp_status_t wanted = FSP_DAMAGED;
        fsp_tree_node_t *kept = inner->node;
        switch (way) {
        case 0:
            missing = inner->key;
            wanted = FSP_NOT_FOUND;
            break;
        case 1: /* another open part */
            inner->open.data[inner->open.bytes - 1] ^= 1;
            break;
        case 2: /* another head */
            inner->head[50] ^= 1;
            break;
        case 3: /* cut */
            inner->open.bytes--;
            break;
        default: /* an object of another key */
            memcpy(inner->head, node_of(bad)->head, sizeof(inner->head));
            break;
        }
        ck_assert_int_eq(run(16, SIZE_MAX), wanted);
        const fsp_collect_fault_t *fault = fsp_collect_fault(marker);
        ck_assert(fsp_key_eq(fault->key, inner->key));
        ck_assert_uint_eq(fsp_load_u64(fault->file_id.bytes), 7);
        ck_assert_uint_eq(fault->number, 3);
        ck_assert(!is_marked(bad) && !is_marked(inner->key));
        fsp_collect_destroy(&marker);
        missing = (fsp_key_t){{0}};
        inner->node = kept;
        if (way == 1)
            inner->open.data[inner->open.bytes - 1] ^= 1;
        if (way == 2)
            inner->head[50] ^= 1;
        if (way == 3)
            inner->open.bytes++;
    }
}
END_TEST

START_TEST(a_missing_chunk_is_counted)
{
    put_space(ROUND, FSP_LIFE_OPEN);
    put_version(7, 3, FSP_ROOT_TREE, tree(0, 30, 5), true);
    missing = chunk(11);
    ck_assert_int_eq(run(16, SIZE_MAX), FSP_OK);
    ck_assert_uint_eq(fsp_collect_counts(marker)->missing, 1);
    ck_assert(fsp_key_eq(fsp_collect_fault(marker)->key, missing));
    fsp_collect_destroy(&marker);
}
END_TEST

START_TEST(uploads_are_roots)
{
    put_space(ROUND, FSP_LIFE_OPEN);
    fsp_upload_id_t id = {{3}};
    fsp_upload_row_t upload = {.target = {.path = fsp_slice_text("/a")},
                               .condition = {.type = FSP_IF_REPLACE},
                               .offset = 1100,
                               .tail = chunk(500),
                               .tail_bytes = 100,
                               .midstate = fsp_slice_text("m"),
                               .root_count = 1,
                               .duration = 1000000,
                               .expiry = 1};
    fsp_row_key_t key = fsp_row_key(shard, FSP_TABLE_UPLOAD, space);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_upload_row_encode(&upload, &value);
    put_row(&key, &value);
    key = fsp_row_key(shard, FSP_TABLE_UPLOAD_PART, space);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_row_key_add_u64(&key, 0);
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_upload_root_write(
        &(fsp_upload_root_t){.kind = FSP_ROOT_TREE, .key = tree(0, 10, 20), .bytes = 1000}, &value);
    put_row(&key, &value);
    ck_assert_int_eq(run(4, SIZE_MAX), FSP_OK);
    expect_all_marked(0, 10);
    ck_assert(is_marked(chunk(500)));
    fsp_collect_destroy(&marker);
    fsp_omap_reset(marks);
    missing = nodes[0].key;
    ck_assert_int_eq(run(4, SIZE_MAX), FSP_NOT_FOUND);
    ck_assert(fsp_upload_id_eq(fsp_collect_fault(marker)->upload_id, id));
    ck_assert(fsp_file_id_is_zero(fsp_collect_fault(marker)->file_id));
    fsp_collect_destroy(&marker);
}
END_TEST

static void
expect_end(fsp_status_t status)
{
    ck_assert_int_eq(run(4, SIZE_MAX), status);
    ck_assert_uint_eq(sent, 0);
    fsp_collect_destroy(&marker);
}

START_TEST(a_state_of_another_time_is_refused)
{
    expect_end(FSP_NO_SUCH_SPACE);
    put_space(ROUND - 1, FSP_LIFE_OPEN);
    expect_end(FSP_BUSY);
    put_space(ROUND + 1, FSP_LIFE_OPEN);
    expect_end(FSP_EPOCH);
    put_space(ROUND, FSP_LIFE_DROPPING);
    expect_end(FSP_NO_SUCH_SPACE);
    put_space(ROUND, FSP_LIFE_CLOSING); /* is read until it goes */
    ck_assert_int_eq(run(4, SIZE_MAX), FSP_OK);
    ck_assert_uint_eq(sent, 1); /* of no keys: which disk is it? */
    ck_assert(fsp_store_id_eq(fsp_collect_store(marker), store));
    fsp_collect_destroy(&marker);
    fsp_row_key_t key = fsp_row_key(shard, FSP_TABLE_VERSION, space);
    fsp_row_key_add_u64(&key, 1);
    fsp_omap_put(fsp_memview_map(state), fsp_row_key_slice(&key), fsp_slice_text("x"), 0);
    sent = 0;
    expect_end(FSP_DAMAGED);
}
END_TEST

START_TEST(another_disk_ends_it)
{
    put_space(ROUND, FSP_LIFE_OPEN);
    put_version(7, 3, FSP_ROOT_TREE, tree(0, 30, 5), true);
    marker = fsp_collect_new(shard, space, ROUND, fsp_memview_view(state), 4);
    const fsp_collect_question_t *question = fsp_collect_step(marker, NULL);
    while (question->ask != FSP_COLLECT_ENDED) {
        fsp_collect_answer_t answer = {.status = FSP_OK};
        if (question->ask == FSP_COLLECT_OPEN)
            answer = answer_open(question);
        else if (question->ask != FSP_COLLECT_AGAIN)
            answer = answer_marks(question);
        store.bytes[0] = sent > 2 ? 2 : 1;
        question = fsp_collect_step(marker, &answer);
    }
    ck_assert_int_eq(question->status, FSP_STALE);
    fsp_collect_destroy(&marker);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("collect_walk");
    TCase *tcase = tcase_create("collect_walk");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, everything_below_a_root_is_marked_from_below);
    tcase_add_test(tcase, a_marker_that_died_costs_little);
    tcase_add_test(tcase, more_roots_than_a_page);
    tcase_add_test(tcase, a_node_that_cannot_be_read_ends_it_by_name);
    tcase_add_test(tcase, a_missing_chunk_is_counted);
    tcase_add_test(tcase, uploads_are_roots);
    tcase_add_test(tcase, a_state_of_another_time_is_refused);
    tcase_add_test(tcase, another_disk_ends_it);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
