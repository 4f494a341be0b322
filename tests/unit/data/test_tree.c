/* SPDX-License-Identifier: MIT */
/* test_tree - chunk trees: codec and builder.  Layer tests.  Vector by vectors.py. */
#include "core/base/alloc.h"
#include "core/base/canon.h"
#include "core/base/prng.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/data/tree.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <string.h>

enum { PLAIN_BYTES_MAX = 40000 };

typedef struct {
    fsp_buf_t open, plain;
    fsp_tree_node_t node, out;
} fixture_t;
static fixture_t f;

static void
set_up(void)
{
    memset(&f, 0, sizeof(f));
    fsp_buf_init(&f.open, FSP_OBJECT_OPEN_BYTES_MAX);
    fsp_buf_init(&f.plain, PLAIN_BYTES_MAX);
}

static void
tear_down(void)
{
    fsp_buf_clear(&f.open);
    fsp_buf_clear(&f.plain);
}

static fsp_child_t
child_of(uint64_t number, uint64_t content_bytes)
{
    uint8_t bytes[9];
    fsp_store_u64(bytes, number);
    bytes[8] = 'k';
    fsp_hash_t key = fsp_sha256(fsp_slice(bytes, 9));
    fsp_child_t child = {.object_bytes = 1000, .content_bytes = content_bytes};
    memcpy(child.key.bytes, key.bytes, 32);
    bytes[8] = 'd';
    child.digest = fsp_sha256(fsp_slice(bytes, 9));
    return child;
}

static bool
same_child(const fsp_child_t *a, const fsp_child_t *b, bool with_digest)
{
    return fsp_key_eq(a->key, b->key) && a->object_bytes == b->object_bytes &&
           a->content_bytes == b->content_bytes &&
           (with_digest ? fsp_hash_eq(a->digest, b->digest) : fsp_hash_is_zero(a->digest));
}

/* -- codec ------------------------------------------------------------------------------------- */

START_TEST(a_node_fits_the_vector)
{
    static const char *const names[] = {"a", "b"}, *const plain_names[] = {"A", "B"};
    f.node.count = 2;
    for (int i = 0; i < 2; i++) {
        fsp_hash_t key = fsp_sha256(fsp_slice_text(names[i]));
        memcpy(f.node.children[i].key.bytes, key.bytes, 32);
        f.node.children[i].digest = fsp_sha256(fsp_slice_text(plain_names[i]));
        f.node.children[i].object_bytes = i ? 70000 : 1000;
        f.node.children[i].content_bytes = i ? 69000 : 900;
    }
    fsp_tree_encode(&f.node, &f.open, &f.plain);
    char text[2 * 100 + 1];
    fsp_hex_encode(f.open.data, f.open.bytes, text);
    ck_assert_str_eq(text, "9301009293c420ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b98077"
                           "85afee48bbcd03e8cd038493c4203e23e8160039594a33894f6564e1b1348bbd7a00"
                           "88d42c4acb73eeaed59c009dce00011170ce00010d88");
    fsp_hex_encode(f.plain.data, f.plain.bytes, text);
    ck_assert_str_eq(text, "91c440559aead08264d5795d3909718cdd05abd49572e84fe55590eef31a88a08fdf"
                           "fddf7e70e5021544f4834bbee64a9e3789febc4be81470df629cad6ddb03320a5c");
}
END_TEST

START_TEST(nodes_of_every_size_come_back)
{
    static const size_t counts[] = {1, 2, 15, 16, 100, FSP_TREE_FANOUT_MAX};
    for (unsigned level = 0; level < FSP_TREE_DEPTH_MAX; level++) {
        for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
            f.node.level = level;
            f.node.count = counts[c];
            for (size_t i = 0; i < counts[c]; i++) {
                f.node.children[i] = child_of(i, level ? UINT64_C(1) << 50 : FSP_CHUNK_BYTES_MAX);
                f.node.children[i].object_bytes = FSP_OBJECT_BYTES_MAX;
            }
            fsp_buf_reset(&f.open);
            fsp_buf_reset(&f.plain);
            fsp_tree_encode(&f.node, &f.open, &f.plain);
            ck_assert(fsp_buf_ok(&f.open) && fsp_buf_ok(&f.plain));
            fsp_slice_t open = fsp_buf_slice(&f.open);
            ck_assert_int_eq(fsp_tree_decode(open, fsp_buf_slice(&f.plain), &f.out), FSP_OK);
            ck_assert_uint_eq(f.out.level, level);
            ck_assert_uint_eq(f.out.count, counts[c]);
            for (size_t i = 0; i < counts[c]; i++)
                ck_assert(same_child(&f.out.children[i], &f.node.children[i], level == 0));
            ck_assert_int_eq(fsp_tree_decode(open, fsp_slice(NULL, 0), &f.out), FSP_OK);
            for (size_t i = 0; i < counts[c]; i++)
                ck_assert(same_child(&f.out.children[i], &f.node.children[i], false));
        }
    }
}
END_TEST

/* An open part with the given numbers; children all alike. */
static void
write_open(uint64_t format, uint64_t level, size_t count, uint64_t object_bytes,
           uint64_t content_bytes)
{
    fsp_key_t key = {{1}};
    fsp_buf_reset(&f.open);
    fsp_canon_array(&f.open, 3);
    fsp_canon_uint(&f.open, format);
    fsp_canon_uint(&f.open, level);
    fsp_canon_array(&f.open, count);
    for (size_t i = 0; i < count; i++) {
        fsp_canon_array(&f.open, 3);
        fsp_canon_id(&f.open, key);
        fsp_canon_uint(&f.open, object_bytes);
        fsp_canon_uint(&f.open, content_bytes);
    }
}

static fsp_status_t
decode_open(void)
{
    return fsp_tree_decode(fsp_buf_slice(&f.open), fsp_slice(NULL, 0), &f.out);
}

START_TEST(hostile_nodes_are_refused)
{
    static const struct {
        uint64_t format, level, count, object_bytes, content_bytes;
        fsp_status_t status;
    } cases[] = {{1, 0, 2, 1000, 1, FSP_OK},
                 {1, 4, 2, 88, UINT64_MAX / 2, FSP_OK},
                 {0, 0, 2, 1000, 1, FSP_INVALID},
                 {2, 0, 2, 1000, 1, FSP_UNSUPPORTED},
                 {1, 5, 2, 1000, 1, FSP_INVALID},
                 {1, 0, 0, 1000, 1, FSP_INVALID},
                 {1, 0, 2, 87, 1, FSP_INVALID},
                 {1, 0, 2, FSP_OBJECT_BYTES_MAX + 1, 1, FSP_INVALID},
                 {1, 0, 2, 1000, 0, FSP_INVALID},
                 {1, 1, 2, 1000, 0, FSP_INVALID},
                 {1, 0, 2, 1000, FSP_CHUNK_BYTES_MAX + 1, FSP_INVALID},
                 {1, 1, 2, 1000, UINT64_MAX / 2 + 1, FSP_INVALID}, /* the sum overflows */
                 {1, 1, 3, 1000, UINT64_MAX / 2, FSP_INVALID}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_open(cases[i].format, cases[i].level, cases[i].count, cases[i].object_bytes,
                   cases[i].content_bytes);
        ck_assert_int_eq(decode_open(), cases[i].status);
    }
    write_open(1, 0, FSP_TREE_FANOUT_MAX + 1, 1000, 1);
    ck_assert_int_ne(decode_open(), FSP_OK);
    static uint8_t long_open[FSP_OBJECT_OPEN_BYTES_MAX + 1];
    ck_assert_int_eq(
        fsp_tree_decode(fsp_slice(long_open, sizeof(long_open)), fsp_slice(NULL, 0), &f.out),
        FSP_TOO_LARGE);
}
END_TEST

START_TEST(digests_must_be_as_many_as_children)
{
    static const uint8_t digests[33 * 3];
    for (unsigned level = 0; level < 2; level++) {
        write_open(1, level, 2, 1000, 1);
        fsp_slice_t open = fsp_buf_slice(&f.open);
        for (size_t bytes = 0; bytes < sizeof(digests); bytes++) {
            fsp_buf_reset(&f.plain);
            fsp_canon_array(&f.plain, 1);
            fsp_canon_bin(&f.plain, fsp_slice(digests, bytes));
            f.out.count = 77;
            fsp_status_t status = fsp_tree_decode(open, fsp_buf_slice(&f.plain), &f.out);
            ck_assert_int_eq(status == FSP_OK, bytes == (level ? 0 : 64));
            ck_assert_uint_eq(f.out.count, status == FSP_OK ? 2 : 77);
        }
    }
}
END_TEST

START_TEST(changed_nodes_are_refused_or_come_back_the_same)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(1));
    fsp_buf_t again_open, again_plain;
    fsp_buf_init(&again_open, FSP_OBJECT_OPEN_BYTES_MAX);
    fsp_buf_init(&again_plain, PLAIN_BYTES_MAX);
    unsigned passed = 0;
    for (int turn = 0; turn < 20000; turn++) {
        f.node.level = (unsigned)fsp_prng_below(&prng, 2);
        f.node.count = 1 + (size_t)fsp_prng_below(&prng, 3);
        for (size_t i = 0; i < f.node.count; i++)
            f.node.children[i] = child_of(i, 1 + fsp_prng_below(&prng, 1000000));
        fsp_buf_reset(&f.open);
        fsp_buf_reset(&f.plain);
        fsp_tree_encode(&f.node, &f.open, &f.plain);
        fsp_buf_t *changed = fsp_prng_chance(&prng, 1, 2) ? &f.open : &f.plain;
        changed->data[fsp_prng_below(&prng, changed->bytes)] = (uint8_t)fsp_prng_next(&prng);
        if (fsp_prng_chance(&prng, 1, 4))
            changed->bytes -= fsp_prng_below(&prng, changed->bytes);
        fsp_slice_t open = fsp_buf_slice(&f.open), plain = fsp_buf_slice(&f.plain);
        if (fsp_tree_decode(open, plain, &f.out) != FSP_OK)
            continue;
        passed++;
        fsp_buf_reset(&again_open);
        fsp_buf_reset(&again_plain);
        fsp_tree_encode(&f.out, &again_open, &again_plain);
        if (!fsp_slice_eq(fsp_buf_slice(&again_open), open) ||
            !fsp_slice_eq(fsp_buf_slice(&again_plain), plain))
            ck_abort_msg("turn %d did not come back the same", turn);
    }
    ck_assert_uint_gt(passed, 1000);
    fsp_buf_clear(&again_open);
    fsp_buf_clear(&again_plain);
}
END_TEST

/* -- builder ----------------------------------------------------------------------------------- */

/* "Seals" a node: its name is the digest of its bytes. */
static fsp_child_t
name_of(const fsp_tree_node_t *node)
{
    fsp_buf_reset(&f.open);
    fsp_buf_reset(&f.plain);
    fsp_tree_encode(node, &f.open, &f.plain);
    fsp_hash_t digest = fsp_sha256(fsp_buf_slice(&f.open));
    fsp_child_t child = {.object_bytes = 88 + f.open.bytes + f.plain.bytes};
    memcpy(child.key.bytes, digest.bytes, 32);
    for (size_t i = 0; i < node->count; i++)
        child.content_bytes += node->children[i].content_bytes;
    return child;
}

/* Root over children first..first + count - 1 of a level, made by plain recursion. */
static fsp_child_t
plain_root(fsp_child_t *children, size_t count, unsigned level, unsigned *ret_level)
{
    if (count == 1) {
        *ret_level = level;
        return children[0];
    }
    size_t above = 0;
    for (size_t at = 0; at < count; at += FSP_TREE_FANOUT_MAX) {
        size_t left = count - at;
        f.node.level = level;
        f.node.count = left < FSP_TREE_FANOUT_MAX ? left : FSP_TREE_FANOUT_MAX;
        memcpy(f.node.children, children + at, f.node.count * sizeof(children[0]));
        children[above++] = name_of(&f.node);
    }
    return plain_root(children, above, level + 1, ret_level);
}

static const size_t build_counts[] = {1,    2,    1023, 1024,        1025,           2047,
                                      2048, 2049, 5000, 1024 * 1024, 1024 * 1024 + 1};
enum { BUILD_COUNTS = sizeof(build_counts) / sizeof(build_counts[0]) };

START_TEST(builder_makes_the_plain_tree)
{
    size_t count = build_counts[_i];
    fsp_child_t *children = fsp_alloc_array(count, sizeof(*children));
    fsp_tree_builder_t *builder = fsp_tree_builder_new();
    const fsp_tree_node_t *node;
    fsp_child_t name;
    for (size_t i = 0; i < count; i++) {
        /* Not child_of: digests of a million children take seconds. */
        children[i] = (fsp_child_t){.object_bytes = 1000, .content_bytes = 1 + i % 1000};
        fsp_store_u64(children[i].key.bytes, i);
        fsp_store_u64(children[i].digest.bytes, i + 1);
        fsp_tree_builder_add(builder, 0, &children[i]);
        while ((node = fsp_tree_builder_full(builder)) != NULL) {
            if (node->count != FSP_TREE_FANOUT_MAX)
                ck_abort_msg("not full");
            unsigned level = node->level;
            name = name_of(node);
            fsp_tree_builder_add(builder, level + 1, &name);
        }
    }
    fsp_child_t root, expected;
    unsigned level = 99, expected_level = 0;
    while ((node = fsp_tree_builder_close(builder, &root, &level)) != NULL) {
        ck_assert_uint_eq(level, 99);
        unsigned node_level = node->level;
        name = name_of(node);
        fsp_tree_builder_add(builder, node_level + 1, &name);
    }
    fsp_tree_builder_destroy(&builder);
    ck_assert_ptr_null(builder);
    expected = plain_root(children, count, 0, &expected_level);
    ck_assert_uint_eq(level, expected_level);
    ck_assert(same_child(&root, &expected, level == 0));
    fsp_free(children);
}
END_TEST

START_TEST(builder_goes_on_while_a_node_is_sealed)
{
    fsp_tree_builder_t *builder = fsp_tree_builder_new();
    fsp_child_t names[3], root;
    unsigned level;
    for (uint64_t i = 0; i < 3 * FSP_TREE_FANOUT_MAX; i++) {
        fsp_child_t child = child_of(i, 5);
        fsp_tree_builder_add(builder, 0, &child);
        if ((i + 1) % FSP_TREE_FANOUT_MAX != 0) {
            if (i % 100 == 0)
                ck_assert_ptr_null(fsp_tree_builder_full(builder));
            continue;
        }
        FSP_EXPECT_ABORT(fsp_tree_builder_add(builder, 0, &child)); /* no room */
        names[i / FSP_TREE_FANOUT_MAX] = name_of(fsp_tree_builder_full(builder));
    }
    FSP_EXPECT_ABORT((void)fsp_tree_builder_close(builder, &root, &level)); /* names missing */
    for (int i = 0; i < 3; i++)
        fsp_tree_builder_add(builder, 1, &names[i]);
    FSP_EXPECT_ABORT(fsp_tree_builder_add(builder, 1, &names[0])); /* nobody handed that out */
    const fsp_tree_node_t *node = fsp_tree_builder_close(builder, &root, &level);
    ck_assert_ptr_nonnull(node);
    ck_assert_uint_eq(node->level, 1);
    ck_assert_uint_eq(node->count, 3);
    fsp_child_t name = name_of(node);
    fsp_tree_builder_add(builder, 2, &name);
    ck_assert_ptr_null(fsp_tree_builder_close(builder, &root, &level));
    ck_assert_uint_eq(level, 2);
    ck_assert_uint_eq(root.content_bytes, 3 * FSP_TREE_FANOUT_MAX * 5);
    fsp_tree_builder_destroy(&builder);
    fsp_tree_builder_destroy(&builder);
    builder = fsp_tree_builder_new();
    FSP_EXPECT_ABORT((void)fsp_tree_builder_close(builder, &root, &level)); /* no content */
    fsp_tree_builder_destroy(&builder);
}
END_TEST

/* -- resume ------------------------------------------------------------------------------------ */

/* Adds a chunk; what is full is named and goes up. */
static void
add_chunk(fsp_tree_builder_t *builder, uint64_t number, fsp_tree_node_t *last_full)
{
    fsp_child_t child = {.object_bytes = 1000, .content_bytes = 1 + number % 1000};
    fsp_store_u64(child.key.bytes, number);
    fsp_store_u64(child.digest.bytes, number + 1);
    fsp_tree_builder_add(builder, 0, &child);
    const fsp_tree_node_t *node;
    while ((node = fsp_tree_builder_full(builder)) != NULL) {
        unsigned level = node->level;
        last_full[level] = *node;
        fsp_child_t name = name_of(node);
        fsp_tree_builder_add(builder, level + 1, &name);
    }
}

/* The tree so far; *ret_levels of it have nodes, and edge[] are those on its right. */
static fsp_child_t
close_copy(const fsp_tree_builder_t *builder, const fsp_tree_node_t *last_full,
           fsp_tree_node_t *closed, const fsp_tree_node_t **edge, size_t *ret_levels)
{
    fsp_tree_builder_t *copy = fsp_tree_builder_copy(builder);
    for (unsigned i = 0; i < FSP_TREE_DEPTH_MAX; i++)
        edge[i] = &last_full[i]; /* unless one is made here */
    fsp_child_t root;
    unsigned level = 0;
    const fsp_tree_node_t *node;
    while ((node = fsp_tree_builder_close(copy, &root, &level)) != NULL) {
        unsigned node_level = node->level;
        closed[node_level] = *node;
        edge[node_level] = &closed[node_level];
        fsp_child_t name = name_of(node);
        fsp_tree_builder_add(copy, node_level + 1, &name);
    }
    fsp_tree_builder_destroy(&copy);
    *ret_levels = level;
    return root;
}

enum { TREE_SECOND = 1024 * 1024 };

START_TEST(resumed_behind_any_chunk_it_goes_on_as_before)
{
    /* From _i times this many chunks on, resumed behind every one. */
    static const struct {
        uint64_t from, to;
    } spans[] = {
        {1, 2060}, {TREE_SECOND - 2, TREE_SECOND + 3}, {TREE_SECOND + 1023, TREE_SECOND + 1026}};
    fsp_tree_node_t *nodes = fsp_alloc_array(3 * FSP_TREE_DEPTH_MAX, sizeof(*nodes));
    fsp_tree_node_t *full = nodes, *closed = nodes + FSP_TREE_DEPTH_MAX,
                    *plain_full = nodes + 2 * FSP_TREE_DEPTH_MAX;
    fsp_tree_builder_t *resumed = fsp_tree_builder_new(), *plain = fsp_tree_builder_new();
    const fsp_tree_node_t *edge[FSP_TREE_DEPTH_MAX];
    for (uint64_t i = 1; i <= spans[_i].to; i++) {
        add_chunk(plain, i, plain_full);
        add_chunk(resumed, i, full);
        if (i < spans[_i].from)
            continue;
        size_t levels, plain_levels;
        fsp_child_t expected = close_copy(plain, plain_full, closed, edge, &plain_levels);
        fsp_child_t root = close_copy(resumed, full, closed, edge, &levels);
        ck_assert_uint_eq(levels, plain_levels);
        ck_assert(same_child(&root, &expected, levels == 0));
        ck_assert_uint_eq(levels == 0, i == 1);
        fsp_tree_builder_t *again = fsp_tree_builder_new();
        ck_assert_int_eq(fsp_tree_builder_resume(again, edge, levels, &root), FSP_OK);
        ck_assert(fsp_tree_builder_is_settled(again));
        fsp_tree_builder_destroy(&resumed);
        resumed = again;
    }
    fsp_tree_builder_destroy(&resumed);
    fsp_tree_builder_destroy(&plain);
    fsp_free(nodes);
}
END_TEST

START_TEST(an_edge_that_does_not_fit_is_refused)
{
    fsp_tree_node_t *nodes = fsp_alloc_array(2 * FSP_TREE_DEPTH_MAX, sizeof(*nodes));
    fsp_tree_node_t *full = nodes, *closed = nodes + FSP_TREE_DEPTH_MAX;
    fsp_tree_builder_t *builder = fsp_tree_builder_new();
    for (uint64_t i = 1; i <= 1030; i++)
        add_chunk(builder, i, full);
    const fsp_tree_node_t *edge[FSP_TREE_DEPTH_MAX], *swapped[2];
    size_t levels;
    fsp_child_t root = close_copy(builder, full, closed, edge, &levels);
    ck_assert_uint_eq(levels, 2);
    fsp_tree_builder_destroy(&builder);
    for (int what = 0; what < 5; what++) {
        builder = fsp_tree_builder_new();
        fsp_child_t said = root;
        fsp_tree_node_t saved = *edge[0];
        swapped[0] = edge[what == 0];
        swapped[1] = edge[what != 0];
        said.content_bytes += what == 1;
        closed[0].children[3].content_bytes += what == 2;
        closed[0].children[3].object_bytes -= what == 3 ? 1000 : 0;
        closed[0].count -= what == 4;
        ck_assert_int_eq(fsp_tree_builder_resume(builder, swapped, 2, &said), FSP_DAMAGED);
        closed[0] = saved;
        fsp_tree_builder_destroy(&builder);
    }
    fsp_free(nodes);
}
END_TEST

START_TEST(nodes_are_counted_by_chunks)
{
    static const uint64_t cases[][2] = {{0, 0},
                                        {1, 0},
                                        {2, 1},
                                        {1024, 1},
                                        {1025, 3},
                                        {TREE_SECOND, 1025},
                                        {TREE_SECOND + 1, 1025 + 3}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_uint_eq(fsp_tree_node_count(cases[i][0]), cases[i][1]);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("tree");
    TCase *tests = tcase_create("tree");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_node_fits_the_vector);
    tcase_add_test(tests, nodes_of_every_size_come_back);
    tcase_add_test(tests, hostile_nodes_are_refused);
    tcase_add_test(tests, digests_must_be_as_many_as_children);
    tcase_add_test(tests, changed_nodes_are_refused_or_come_back_the_same);
    tcase_add_loop_test(tests, builder_makes_the_plain_tree, 0, BUILD_COUNTS);
    tcase_add_test(tests, builder_goes_on_while_a_node_is_sealed);
    tcase_add_loop_test(tests, resumed_behind_any_chunk_it_goes_on_as_before, 0, 3);
    tcase_add_test(tests, an_edge_that_does_not_fit_is_refused);
    tcase_add_test(tests, nodes_are_counted_by_chunks);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
