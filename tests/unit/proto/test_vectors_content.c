/* SPDX-License-Identifier: MIT */
/* test_vectors_content - golden vectors of objects, cuts, trees, placement, keys, profile and
 * receipt.  Layer tests.
 *
 * docs/protocol/objects.md, content.md, placement.md, keys.md.
 */
#include "core/base/canon.h"
#include "core/data/chunker.h"
#include "core/data/codec.h"
#include "core/data/object.h"
#include "core/data/receipt.h"
#include "core/data/tree.h"
#include "core/meta/command.h"
#include "core/place/place.h"
#include "proto/json.h"
#include "tests/unit/proto/vectors.h"

static json_t *
rule_of_hex(fsp_slice_t bytes)
{
    json_t *rule = json_object();
    say_hex(rule, "hex", bytes);
    return rule;
}

static json_t *
rule_of_counter(const char *seed, uint64_t bytes)
{
    json_t *rule = json_object();
    say(rule, "counter", json_string(seed));
    say_u64(rule, "bytes", bytes);
    return rule;
}

static json_t *
rule_of_repeat(const char *byte, uint64_t bytes)
{
    json_t *rule = json_object();
    say(rule, "repeat", json_string(byte));
    say_u64(rule, "bytes", bytes);
    return rule;
}

static json_t *
rule_of_text(const char *text)
{
    json_t *rule = json_object();
    say(rule, "text", json_string(text));
    return rule;
}

/* Takes both parts. */
static json_t *
rule_of_join(json_t *first, json_t *second)
{
    json_t *rule = json_object(), *parts = json_array();
    json_array_append_new(parts, first);
    json_array_append_new(parts, second);
    say(rule, "join", parts);
    return rule;
}

/* The secret 00 01 .. 1f. */
static json_t *
counting_secret(void)
{
    return json_string("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
}

/* -- objects ----------------------------------------------------------------------------------- */

static void
say_header(json_t *object, const fsp_object_header_t *header)
{
    say_u64(object, "object_kind", header->kind);
    say_u64(object, "codec", header->codec);
    say_u64(object, "generation", header->generation);
    say_u64(object, "open_bytes", header->open_bytes);
    say_u64(object, "input_bytes", header->input_bytes);
    say_u64(object, "plain_bytes", header->plain_bytes);
    say_hex(object, "salt", fsp_slice(header->salt, sizeof(header->salt)));
}

static fsp_status_t
read_header(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_object_header_t header;
    fsp_status_t status = fsp_object_header_decode(bytes, &header);
    if (status)
        return status;
    say_header(meaning, &header);
    say_u64(meaning, "sealed_bytes", fsp_object_sealed_bytes(&header));
    say_u64(meaning, "object_bytes", fsp_object_bytes(&header));
    uint8_t encoded[FSP_OBJECT_HEADER_BYTES];
    fsp_object_header_encode(&header, encoded);
    fsp_buf_append(again, encoded, sizeof(encoded));
    return FSP_OK;
}

static fsp_space_keys_t *
take_keys(const json_t *given)
{
    fsp_secret_t data_key;
    take_hex(given, "data_key", data_key.bytes, sizeof(data_key.bytes));
    fsp_space_keys_t *keys = fsp_space_keys_new();
    fsp_space_keys_add(keys, (uint32_t)take_u64(given, "generation"), &data_key);
    return keys;
}

/* What every object says of itself: header, head, name. */
static json_t *
describe_object(const fsp_space_keys_t *keys, fsp_slice_t object, fsp_slice_t plain)
{
    fsp_object_header_t header;
    fsp_key_t key;
    uint8_t head[FSP_OBJECT_HEAD_BYTES];
    ck_assert_int_eq(fsp_object_header_decode(object, &header), FSP_OK);
    ck_assert_int_eq(fsp_object_name(object, &key, head), FSP_OK);
    fsp_blob_t *opened = NULL;
    fsp_slice_t open;
    ck_assert_int_eq(fsp_object_open_whole(keys, key, object, &opened, &open), FSP_OK);
    if (plain.data)
        ck_assert(fsp_slice_eq(fsp_blob_slice(opened), plain));
    json_t *result = json_object();
    say_header(result, &header);
    say_hex(result, "head", fsp_slice(head, sizeof(head)));
    say_id(result, "key", key);
    fsp_hash_t digest = fsp_sha256(fsp_blob_slice(opened));
    say_id(result, "plain_sha256", digest);
    json_t *bytes = json_object();
    say_bytes(bytes, object);
    say(result, "object", bytes);
    fsp_blob_destroy(&opened);
    return result;
}

static json_t *
compute_object(const json_t *given)
{
    fsp_space_keys_t *keys = take_keys(given);
    fsp_buf_t open, plain;
    fsp_buf_init(&open, FSP_OBJECT_OPEN_BYTES_MAX);
    fsp_buf_init(&plain, FSP_CHUNK_BYTES_MAX);
    vectors_content(take(given, "open"), &open);
    vectors_content(take(given, "plain"), &plain);
    fsp_key_t key;
    fsp_blob_t *object = fsp_object_seal(keys, (fsp_object_kind_t)take_u64(given, "object_kind"),
                                         fsp_buf_slice(&open), fsp_buf_slice(&plain), &key, NULL);
    json_t *result = describe_object(keys, fsp_blob_slice(object), fsp_buf_slice(&plain));
    fsp_blob_destroy(&object);
    fsp_buf_clear(&open);
    fsp_buf_clear(&plain);
    fsp_space_keys_destroy(&keys);
    return result;
}

/* Compressors change; what they made is opened for ever. */
static json_t *
compute_object_open(const json_t *given)
{
    fsp_space_keys_t *keys = take_keys(given);
    fsp_buf_t object;
    fsp_buf_init(&object, FSP_OBJECT_BYTES_MAX);
    vectors_content(take(given, "object"), &object);
    json_t *result = describe_object(keys, fsp_buf_slice(&object), fsp_slice(NULL, 0));
    fsp_buf_clear(&object);
    fsp_space_keys_destroy(&keys);
    return result;
}

static json_t *
compute_object_range(const json_t *given)
{
    fsp_object_header_t header = {.kind = FSP_OBJECT_CHUNK};
    header.plain_bytes = header.input_bytes = take_u64(given, "plain_bytes");
    uint64_t from, to;
    fsp_object_range(&header, take_u64(given, "from"), take_u64(given, "to"), &from, &to);
    json_t *result = json_object();
    say_u64(result, "sealed_from", from);
    say_u64(result, "sealed_to", to);
    return result;
}

static json_t *
compute_promises(const json_t *given)
{
    fsp_buf_t plain;
    fsp_buf_init(&plain, FSP_CHUNK_BYTES_MAX);
    vectors_content(take(given, "plain"), &plain);
    json_t *result = json_object();
    say_bool(result, "try", fsp_codec_promises(fsp_buf_slice(&plain)));
    fsp_buf_clear(&plain);
    return result;
}

/* Takes open and plain. */
static void
add_object(json_t *entries, const char *name, fsp_object_kind_t kind, json_t *open, json_t *plain)
{
    json_t *given = json_object();
    say(given, "data_key", counting_secret());
    say_u64(given, "generation", 7);
    say_u64(given, "object_kind", kind);
    say(given, "open", open);
    say(given, "plain", plain);
    vectors_add_computed(entries, name, "object", given);
}

static json_t *
nothing(void)
{
    return rule_of_hex(fsp_slice(NULL, 0));
}

static void
add_range(json_t *entries, const char *name, uint64_t plain_bytes, uint64_t from, uint64_t to)
{
    json_t *given = json_object();
    say_u64(given, "plain_bytes", plain_bytes);
    say_u64(given, "from", from);
    say_u64(given, "to", to);
    vectors_add_computed(entries, name, "object-range", given);
}

static void
add_promise(json_t *entries, const char *name, json_t *plain)
{
    json_t *given = json_object();
    say(given, "plain", plain);
    vectors_add_computed(entries, name, "codec-try", given);
}

/* A header with one byte changed, or two. */
static void
add_header(json_t *entries, const char *name, const fsp_object_header_t *header, size_t at,
           uint8_t byte)
{
    uint8_t bytes[FSP_OBJECT_HEADER_BYTES];
    fsp_object_header_encode(header, bytes);
    bytes[at] = byte;
    vectors_add(entries, name, "object-header", fsp_slice(bytes, sizeof(bytes)));
}

static void
make_headers(json_t *entries)
{
    fsp_object_header_t header = {.kind = FSP_OBJECT_CHUNK,
                                  .codec = FSP_CODEC_ZSTD,
                                  .generation = 7,
                                  .input_bytes = 70000,
                                  .plain_bytes = 100000};
    memset(header.salt, 0x5a, sizeof(header.salt));
    add_header(entries, "header of a compressed chunk", &header, 0, 'F');
    add_header(entries, "refused: header, magic", &header, 3, 'P');
    add_header(entries, "refused: header, format 0", &header, 4, 0);
    add_header(entries, "refused: header, format 2", &header, 4, 2);
    add_header(entries, "refused: header, kind 0", &header, 5, 0);
    add_header(entries, "refused: header, kind 6", &header, 5, 6);
    add_header(entries, "refused: header, compressed tree node", &header, 5, FSP_OBJECT_TREE);
    add_header(entries, "refused: header, codec 2", &header, 6, 2);
    add_header(entries, "refused: header, not compressed but shorter", &header, 6, 0);
    add_header(entries, "refused: header, algorithm 2", &header, 7, 2);
    add_header(entries, "refused: header, open part of a chunk", &header, 15, 1);
    add_header(entries, "refused: header, input not shorter than plaintext", &header, 20, 1);
    add_header(entries, "refused: header, reserved bytes", &header, 39, 1);
    header = (fsp_object_header_t){.kind = FSP_OBJECT_CHUNK,
                                   .input_bytes = FSP_CHUNK_BYTES_MAX,
                                   .plain_bytes = FSP_CHUNK_BYTES_MAX};
    add_header(entries, "header of the largest chunk", &header, 0, 'F');
    add_header(entries, "refused: header, chunk of 4194305 bytes", &header, 31, 1);
    header = (fsp_object_header_t){.kind = FSP_OBJECT_TREE,
                                   .open_bytes = FSP_OBJECT_OPEN_BYTES_MAX,
                                   .input_bytes = 4,
                                   .plain_bytes = 4};
    add_header(entries, "header of a tree node with the longest open part", &header, 0, 'F');
    add_header(entries, "refused: header, open part of 131073 bytes", &header, 15, 1);
    header =
        (fsp_object_header_t){.kind = FSP_OBJECT_INLINE, .input_bytes = 4096, .plain_bytes = 4096};
    add_header(entries, "header of the largest inline object", &header, 0, 'F');
    header = (fsp_object_header_t){.kind = FSP_OBJECT_ATTR, .generation = UINT32_MAX};
    add_header(entries, "header of an empty object", &header, 0, 'F');
}

static void
make_objects(json_t *entries)
{
    make_headers(entries);
    add_object(entries, "empty inline object", FSP_OBJECT_INLINE, nothing(), nothing());
    add_object(entries, "inline object", FSP_OBJECT_INLINE, nothing(),
               rule_of_text("The quick brown fox"));
    add_object(entries, "chunk of one sub-block", FSP_OBJECT_CHUNK, nothing(),
               rule_of_counter("chunk", 5000));
    add_object(entries, "chunk of exactly one sub-block", FSP_OBJECT_CHUNK, nothing(),
               rule_of_counter("chunk", 65536));
    add_object(entries, "chunk of two sub-blocks, the last of one byte", FSP_OBJECT_CHUNK,
               nothing(), rule_of_counter("chunk", 65537));
    add_object(entries, "chunk of four sub-blocks", FSP_OBJECT_CHUNK, nothing(),
               rule_of_counter("chunk", 200000));
    add_object(entries, "tree node: any bytes, sealing does not read them", FSP_OBJECT_TREE,
               rule_of_text("what all may read"), rule_of_text("what few may read"));
    add_object(entries, "details", FSP_OBJECT_DETAILS, nothing(),
               rule_of_text("what records.md says, here any bytes"));
    add_object(entries, "attributes", FSP_OBJECT_ATTR, nothing(), rule_of_text("the same"));

    /* Made once with zstd 1.5.4; another compressor may make another frame, and its object has
     * another name. */
    fsp_secret_t data_key;
    for (size_t i = 0; i < sizeof(data_key.bytes); i++)
        data_key.bytes[i] = (uint8_t)i;
    fsp_space_keys_t *keys = fsp_space_keys_new();
    fsp_space_keys_add(keys, 7, &data_key);
    uint8_t letters[6000];
    memset(letters, 'a', 3000);
    memset(letters + 3000, 'b', 3000);
    fsp_key_t key;
    fsp_blob_t *object = fsp_object_seal(keys, FSP_OBJECT_CHUNK, fsp_slice(NULL, 0),
                                         fsp_slice(letters, sizeof(letters)), &key, NULL);
    json_t *given = json_object();
    say(given, "data_key", counting_secret());
    say_u64(given, "generation", 7);
    say(given, "object", rule_of_hex(fsp_blob_slice(object)));
    vectors_add_computed(entries, "compressed chunk: 3000 times a, 3000 times b", "object-open",
                         given);
    fsp_blob_destroy(&object);
    fsp_space_keys_destroy(&keys);

    add_range(entries, "range of the first byte", 200000, 0, 1);
    add_range(entries, "range across a border", 200000, 65535, 65537);
    add_range(entries, "range of exactly the second sub-block", 200000, 65536, 131072);
    add_range(entries, "range of the last byte", 200000, 199999, 200000);
    add_range(entries, "range of everything", 200000, 0, 200000);
    add_range(entries, "empty range within", 200000, 70000, 70000);
    add_range(entries, "empty range at the end", 200000, 200000, 200000);

    add_promise(entries, "no try: 63 equal bytes", rule_of_repeat("61", 63));
    add_promise(entries, "try: 64 equal bytes", rule_of_repeat("61", 64));
    add_promise(entries, "no try: even bytes", rule_of_counter("even", 262144));
    add_promise(entries, "no try: even bytes, less than a window", rule_of_counter("even", 1000));
    add_promise(entries, "try: zeros behind even bytes",
                rule_of_join(rule_of_counter("even", 262144), rule_of_repeat("00", 65536)));
    add_promise(
        entries, "no try: zeros between the windows",
        rule_of_join(rule_of_counter("even", 1024),
                     rule_of_join(rule_of_repeat("00", 10000), rule_of_counter("odd", 4000000))));
}

/* -- content ----------------------------------------------------------------------------------- */

static json_t *
compute_gear(const json_t *given)
{
    fsp_secret_t cut_key;
    take_hex(given, "cut_key", cut_key.bytes, sizeof(cut_key.bytes));
    uint8_t table[2048];
    fsp_hkdf(FSP_SLICE_OF(cut_key), fsp_slice(NULL, 0), fsp_slice_text("fsp gear v1"), table,
             sizeof(table));
    json_t *result = json_object();
    say_hex(result, "entry_0", fsp_slice(table, 8));
    say_hex(result, "entry_1", fsp_slice(table + 8, 8));
    say_hex(result, "entry_255", fsp_slice(table + 255 * 8, 8));
    fsp_hash_t digest = fsp_sha256(fsp_slice(table, sizeof(table)));
    say_id(result, "table_sha256", digest);
    return result;
}

static fsp_gear_t *
take_gear(const json_t *given)
{
    fsp_secret_t cut_key;
    take_hex(given, "cut_key", cut_key.bytes, sizeof(cut_key.bytes));
    fsp_chunk_params_t params = {(uint32_t)take_u64(given, "min"), (uint32_t)take_u64(given, "avg"),
                                 (uint32_t)take_u64(given, "max")};
    ck_assert(fsp_chunk_params_valid(&params));
    return fsp_gear_new(&cut_key, &params);
}

static json_t *
compute_cuts(const json_t *given)
{
    fsp_gear_t *gear = take_gear(given);
    fsp_buf_t content;
    fsp_buf_init(&content, 16 * 1024 * 1024);
    vectors_content(take(given, "content"), &content);
    json_t *lengths = json_array(), *result = json_object();
    fsp_chunker_t chunker;
    fsp_chunker_init(&chunker, gear);
    size_t length = 0;
    for (size_t at = 0; at < content.bytes;) {
        bool cut;
        size_t used =
            fsp_chunker_feed(&chunker, fsp_slice(content.data + at, content.bytes - at), &cut);
        at += used;
        length += used;
        if (cut || at == content.bytes) {
            json_array_append_new(lengths, json_integer((json_int_t)length));
            length = 0;
        }
    }
    say(result, "lengths", lengths);
    fsp_buf_clear(&content);
    fsp_gear_destroy(&gear);
    return result;
}

static fsp_tree_node_t tree_node;

static json_t *
compute_tree_node(const json_t *given)
{
    fsp_buf_t open, plain, open_again, plain_again;
    fsp_buf_init(&open, FSP_OBJECT_OPEN_BYTES_MAX);
    fsp_buf_init(&plain, FSP_CHUNK_BYTES_MAX);
    fsp_buf_init(&open_again, FSP_OBJECT_OPEN_BYTES_MAX);
    fsp_buf_init(&plain_again, FSP_CHUNK_BYTES_MAX);
    vectors_unhex(take_text(given, "open"), &open);
    vectors_unhex(take_text(given, "plain"), &plain);
    json_t *result = json_object();
    fsp_status_t status = fsp_tree_decode(fsp_buf_slice(&open), fsp_buf_slice(&plain), &tree_node);
    if (status) {
        say(result, "refused", json_string(fsp_status_name(status)));
    } else {
        say_u64(result, "level", tree_node.level);
        json_t *children = json_array();
        for (size_t i = 0; i < tree_node.count; i++) {
            json_t *child = json_object();
            say_id(child, "key", tree_node.children[i].key);
            say_u64(child, "object_bytes", tree_node.children[i].object_bytes);
            say_u64(child, "content_bytes", tree_node.children[i].content_bytes);
            if (tree_node.level == 0)
                say_id(child, "sha256", tree_node.children[i].digest);
            json_array_append_new(children, child);
        }
        say(result, "children", children);
        fsp_tree_encode(&tree_node, &open_again, &plain_again);
        ck_assert(fsp_slice_eq(fsp_buf_slice(&open), fsp_buf_slice(&open_again)));
        ck_assert(fsp_slice_eq(fsp_buf_slice(&plain), fsp_buf_slice(&plain_again)));
    }
    fsp_buf_clear(&open);
    fsp_buf_clear(&plain);
    fsp_buf_clear(&open_again);
    fsp_buf_clear(&plain_again);
    return result;
}

/* Seals a node of the builder; counts it. */
static fsp_child_t
seal_node(const fsp_space_keys_t *keys, const fsp_tree_node_t *node, json_t *nodes)
{
    fsp_buf_t open, plain;
    fsp_buf_init(&open, FSP_OBJECT_OPEN_BYTES_MAX);
    fsp_buf_init(&plain, FSP_CHUNK_BYTES_MAX);
    fsp_tree_encode(node, &open, &plain);
    fsp_child_t child = {.content_bytes = 0};
    fsp_blob_t *object = fsp_object_seal(keys, FSP_OBJECT_TREE, fsp_buf_slice(&open),
                                         fsp_buf_slice(&plain), &child.key, NULL);
    child.object_bytes = fsp_blob_bytes(object);
    for (size_t i = 0; i < node->count; i++)
        child.content_bytes += node->children[i].content_bytes;
    json_t *seen = json_object();
    say_u64(seen, "level", node->level);
    say_u64(seen, "children", node->count);
    say_id(seen, "key", child.key);
    json_array_append_new(nodes, seen);
    fsp_blob_destroy(&object);
    fsp_buf_clear(&open);
    fsp_buf_clear(&plain);
    return child;
}

static void
seal_full_nodes(const fsp_space_keys_t *keys, fsp_tree_builder_t *builder, json_t *nodes)
{
    const fsp_tree_node_t *full;
    while ((full = fsp_tree_builder_full(builder)) != NULL) {
        unsigned level = full->level;
        fsp_child_t name = seal_node(keys, full, nodes);
        fsp_tree_builder_add(builder, level + 1, &name);
    }
}

/* All chunks of the content, sealed and put into the builder; how many. */
static uint64_t
seal_chunks(const fsp_space_keys_t *keys, const fsp_gear_t *gear, fsp_slice_t content,
            fsp_tree_builder_t *builder, json_t *nodes)
{
    fsp_chunker_t chunker;
    fsp_chunker_init(&chunker, gear);
    uint64_t count = 0;
    size_t begin = 0;
    for (size_t at = 0; at < content.bytes;) {
        bool cut;
        at += fsp_chunker_feed(&chunker, fsp_slice(content.data + at, content.bytes - at), &cut);
        if (!cut && at < content.bytes)
            continue;
        fsp_child_t child = {.content_bytes = at - begin};
        fsp_blob_t *object =
            fsp_object_seal(keys, FSP_OBJECT_CHUNK, fsp_slice(NULL, 0),
                            fsp_slice(content.data + begin, at - begin), &child.key, &child.digest);
        child.object_bytes = fsp_blob_bytes(object);
        fsp_blob_destroy(&object);
        fsp_tree_builder_add(builder, 0, &child);
        seal_full_nodes(keys, builder, nodes);
        begin = at;
        count++;
    }
    return count;
}

/* From plaintext to the root, as a gateway does it. */
static json_t *
compute_content_root(const json_t *given)
{
    fsp_space_keys_t *keys = take_keys(given);
    fsp_gear_t *gear = take_gear(given);
    fsp_buf_t content;
    fsp_buf_init(&content, 16 * 1024 * 1024);
    vectors_content(take(given, "content"), &content);
    json_t *result = json_object(), *nodes = json_array();
    fsp_hash_t sha256 = fsp_sha256(fsp_buf_slice(&content));
    say_u64(result, "size", content.bytes);
    say_id(result, "sha256", sha256);
    if (content.bytes <= FSP_INLINE_BYTES_MAX) {
        fsp_key_t key;
        fsp_blob_t *object = fsp_object_seal(keys, FSP_OBJECT_INLINE, fsp_slice(NULL, 0),
                                             fsp_buf_slice(&content), &key, NULL);
        fsp_blob_destroy(&object);
        say_u64(result, "root_kind", FSP_ROOT_INLINE);
        say_id(result, "root_key", key);
        say_u64(result, "chunks", 0);
    } else {
        fsp_tree_builder_t *builder = fsp_tree_builder_new();
        uint64_t count = seal_chunks(keys, gear, fsp_buf_slice(&content), builder, nodes);
        fsp_child_t root;
        unsigned level = 0;
        const fsp_tree_node_t *node;
        while ((node = fsp_tree_builder_close(builder, &root, &level)) != NULL) {
            unsigned at = node->level;
            fsp_child_t name = seal_node(keys, node, nodes);
            fsp_tree_builder_add(builder, at + 1, &name);
        }
        fsp_tree_builder_destroy(&builder);
        say_u64(result, "root_kind", level == 0 ? FSP_ROOT_CHUNK : FSP_ROOT_TREE);
        say_id(result, "root_key", root.key);
        say_u64(result, "chunks", count);
    }
    say(result, "nodes", nodes);
    fsp_buf_clear(&content);
    fsp_gear_destroy(&gear);
    fsp_space_keys_destroy(&keys);
    return result;
}

/* Takes content. */
static json_t *
cutting(uint32_t min, uint32_t avg, uint32_t max, json_t *content)
{
    json_t *given = json_object();
    say(given, "cut_key", counting_secret());
    say_u64(given, "min", min);
    say_u64(given, "avg", avg);
    say_u64(given, "max", max);
    say(given, "content", content);
    return given;
}

static void
add_root(json_t *entries, const char *name, json_t *given)
{
    say(given, "data_key", counting_secret());
    say_u64(given, "generation", 7);
    vectors_add_computed(entries, name, "content-root", given);
}

static void
add_node(json_t *entries, const char *name, const char *open, const char *plain)
{
    json_t *given = json_object();
    say(given, "open", json_string(open));
    say(given, "plain", json_string(plain));
    vectors_add_computed(entries, name, "tree-node", given);
}

#define KEY_A "c420aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "c420bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DIGESTS                                                                                    \
    "91c4401111111111111111111111111111111111111111111111111111111111111111"                       \
    "2222222222222222222222222222222222222222222222222222222222222222"

static void
make_content(json_t *entries)
{
    json_t *given = json_object();
    say(given, "cut_key", counting_secret());
    vectors_add_computed(entries, "gear table", "gear", given);
    vectors_add_computed(entries, "cuts: small parameters", "cuts",
                         cutting(64, 256, 1024, rule_of_counter("cuts", 8192)));
    vectors_add_computed(entries, "cuts: zeros are cut by the maximum or at once", "cuts",
                         cutting(64, 256, 1024, rule_of_repeat("00", 3000)));
    vectors_add_computed(entries, "cuts: not longer than the minimum", "cuts",
                         cutting(64, 256, 1024, rule_of_counter("cuts", 64)));
    vectors_add_computed(entries, "cuts: default parameters", "cuts",
                         cutting(FSP_CHUNK_BYTES_MIN, FSP_CHUNK_BYTES_AVG, FSP_CHUNK_BYTES_MAX,
                                 rule_of_counter("cuts", 12 * 1024 * 1024)));
    vectors_add_computed(
        entries, "cuts: the same with a byte before it", "cuts",
        cutting(FSP_CHUNK_BYTES_MIN, FSP_CHUNK_BYTES_AVG, FSP_CHUNK_BYTES_MAX,
                rule_of_join(rule_of_repeat("2a", 1), rule_of_counter("cuts", 12 * 1024 * 1024))));

    add_node(entries, "tree node of two chunks",
             "93010092"
             "93" KEY_A "cd03e8cd0384"
             "93" KEY_B "ce00011170ce00010d88",
             DIGESTS);
    add_node(entries, "tree node above",
             "93010191"
             "93" KEY_A "cd03e8ce40000000",
             "91c400");
    add_node(entries, "refused: tree node of format 2",
             "93020191"
             "93" KEY_A "cd03e8ce40000000",
             "91c400");
    add_node(entries, "refused: tree node of level 5",
             "93010591"
             "93" KEY_A "cd03e8ce40000000",
             "91c400");
    add_node(entries, "refused: tree node without children", "93010090", "91c400");
    add_node(entries, "refused: child without content",
             "93010191"
             "93" KEY_A "cd03e800",
             "91c400");
    add_node(entries, "refused: child of 87 bytes",
             "93010191"
             "93" KEY_A "57ce40000000",
             "91c400");
    add_node(entries, "refused: chunk of 4194305 bytes",
             "93010091"
             "93" KEY_A "cd03e8ce00400001",
             "91c400");
    add_node(entries, "refused: digests of one chunk too many",
             "93010091"
             "93" KEY_A "cd03e8cd0384",
             DIGESTS);
    add_node(entries, "refused: content of more than 2^64 - 1",
             "93010192"
             "93" KEY_A "cd03e8cfffffffffffffffff"
             "93" KEY_B "cd03e801",
             "91c400");

    add_root(entries, "root of empty content", cutting(64, 256, 1024, nothing()));
    add_root(entries, "root of 4096 bytes: inline",
             cutting(64, 256, 1024, rule_of_counter("root", 4096)));
    add_root(entries, "root of one chunk",
             cutting(FSP_CHUNK_BYTES_MIN, FSP_CHUNK_BYTES_AVG, FSP_CHUNK_BYTES_MAX,
                     rule_of_counter("root", 4097)));
    add_root(entries, "root of a tree of one level",
             cutting(64, 256, 1024, rule_of_counter("root", 8192)));
    add_root(entries, "root of a tree of two levels",
             cutting(64, 128, 256, rule_of_counter("root", 300000)));
    add_root(entries, "root with default parameters",
             cutting(FSP_CHUNK_BYTES_MIN, FSP_CHUNK_BYTES_AVG, FSP_CHUNK_BYTES_MAX,
                     rule_of_counter("cuts", 3 * 1024 * 1024)));
}

/* -- placement --------------------------------------------------------------------------------- */

static json_t *
compute_slot(const json_t *given)
{
    fsp_key_t key;
    take_hex(given, "key", key.bytes, sizeof(key.bytes));
    json_t *result = json_object();
    say_u64(result, "slot", fsp_slot_of(key, (unsigned)take_u64(given, "slot_bits")));
    return result;
}

static json_t *
compute_mix(const json_t *given)
{
    fsp_mesh_id_t mesh_id;
    fsp_node_id_t node_id;
    take_hex(given, "mesh", mesh_id.bytes, sizeof(mesh_id.bytes));
    take_hex(given, "node", node_id.bytes, sizeof(node_id.bytes));
    json_t *result = json_object();
    say_u64(result, "u", fsp_place_mix(mesh_id, (uint32_t)take_u64(given, "slot"), node_id));
    return result;
}

enum { MEMBERS_MAX = 16 };

static json_t *
compute_walk(const json_t *given)
{
    fsp_mesh_id_t mesh_id;
    take_hex(given, "mesh", mesh_id.bytes, sizeof(mesh_id.bytes));
    fsp_member_t members[MEMBERS_MAX];
    size_t index;
    json_t *value;
    const json_t *listed = take(given, "members");
    ck_assert_uint_le(json_array_size(listed), MEMBERS_MAX);
    json_array_foreach((json_t *)(uintptr_t)listed, index, value)
    {
        fsp_member_t *member = &members[index];
        take_hex(value, "node", member->node_id.bytes, sizeof(member->node_id.bytes));
        member->zone = (uint32_t)take_u64(value, "zone");
        member->capacity_bytes = take_u64(value, "capacity");
        member->inverse_weight = (uint32_t)take_u64(value, "inverse_weight");
        member->roles = (uint32_t)take_u64(value, "roles");
    }
    uint32_t positions[2 * FSP_OWNERS_MAX];
    size_t count =
        fsp_place_walk(mesh_id, (fsp_member_list_t){members, json_array_size(listed)},
                       (uint32_t)take_u64(given, "slot"), (unsigned)take_u64(given, "copies"),
                       positions, (size_t)take_u64(given, "count"));
    json_t *result = json_object(), *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_integer(positions[i]));
    say(result, "positions", array);
    return result;
}

static json_t *
numbered_id(const char *what, uint64_t number)
{
    uint8_t bytes[8];
    fsp_store_u64(bytes, number);
    const fsp_slice_t pieces[] = {fsp_slice_text(what), fsp_slice(bytes, sizeof(bytes))};
    fsp_hash_t hash = fsp_sha256_pieces(pieces, 2);
    return vectors_hex(FSP_SLICE_OF(hash));
}

static void
add_walk(json_t *entries, const char *name, uint32_t slot, unsigned copies, unsigned count,
         bool zones)
{
    json_t *given = json_object(), *members = json_array();
    say(given, "mesh", numbered_id("mesh", 0));
    say_u64(given, "slot", slot);
    say_u64(given, "copies", copies);
    say_u64(given, "count", count);
    for (uint64_t i = 0; i < 8; i++) {
        json_t *member = json_object();
        say(member, "node", numbered_id("node", i));
        say_u64(member, "zone", zones ? i % 3 : 1);
        say_u64(member, "capacity", i == 6 ? 0 : UINT64_C(1) << 40);
        say_u64(member, "inverse_weight", i == 4 ? 0 : 1000000 + 300000 * i);
        say_u64(member, "roles", i == 7 ? FSP_ROLE_GATEWAY : FSP_ROLE_STORAGE | FSP_ROLE_VOTER);
        json_array_append_new(members, member);
    }
    say(given, "members", members);
    vectors_add_computed(entries, name, "walk", given);
}

static void
make_placement(json_t *entries)
{
    static const unsigned bits[] = {1, 16, 32};
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "slot of %u bits", bits[i]);
        json_t *given = json_object();
        say(given, "key",
            json_string("deadbeef00000000000000000000000000000000000000000000000000000000"));
        say_u64(given, "slot_bits", bits[i]);
        vectors_add_computed(entries, name, "slot", given);
    }
    for (uint64_t i = 0; i < 3; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "mix %u", (unsigned)i);
        json_t *given = json_object();
        say(given, "mesh", numbered_id("mesh", i));
        say(given, "node", numbered_id("node", i));
        say_u64(given, "slot", i == 2 ? UINT32_MAX : i * 4711);
        vectors_add_computed(entries, name, "mix", given);
    }
    add_walk(entries, "walk: three copies, three zones", 1, 3, 3, true);
    add_walk(entries, "walk: the same and three guests", 1, 3, 6, true);
    add_walk(entries, "walk: another slot", 65535, 3, 3, true);
    add_walk(entries, "walk: four copies in three zones", 2, 4, 8, true);
    add_walk(entries, "walk: one zone", 1, 3, 3, false);
}

/* -- keys -------------------------------------------------------------------------------------- */

static json_t *
compute_space_key(const json_t *given)
{
    fsp_secret_t data_key;
    uint8_t salt[32], naming[32], sealing[32];
    take_hex(given, "data_key", data_key.bytes, sizeof(data_key.bytes));
    take_hex(given, "salt", salt, sizeof(salt));
    fsp_hkdf(FSP_SLICE_OF(data_key), fsp_slice(NULL, 0), fsp_slice_text("fsp naming v1"), naming,
             sizeof(naming));
    fsp_hkdf(FSP_SLICE_OF(data_key), fsp_slice(salt, sizeof(salt)), fsp_slice_text("fsp object v1"),
             sealing, sizeof(sealing));
    json_t *result = json_object();
    say_hex(result, "naming_key", fsp_slice(naming, sizeof(naming)));
    say_hex(result, "sealing_key", fsp_slice(sealing, sizeof(sealing)));
    return result;
}

static json_t *
compute_node_id(const json_t *given)
{
    fsp_secret_t seed;
    take_hex(given, "seed", seed.bytes, sizeof(seed.bytes));
    fsp_sign_key_t key;
    fsp_sign_key_from_seed(&key, &seed);
    fsp_node_id_t node_id = fsp_node_id_of(key.public_key);
    json_t *result = json_object();
    say_hex(result, "public_key", fsp_slice(key.public_key, sizeof(key.public_key)));
    say_id(result, "node", node_id);
    return result;
}

static json_t *
compute_subject(const json_t *given)
{
    fsp_secret_t secret;
    take_hex(given, "secret_key", secret.bytes, sizeof(secret.bytes));
    fsp_box_key_t key;
    fsp_box_key_from_secret(&key, &secret);
    fsp_subject_id_t subject = fsp_subject_of(key.public_key);
    char text[FSP_CURVE_TEXT_BYTES];
    json_t *result = json_object();
    say_hex(result, "public_key", fsp_slice(key.public_key, sizeof(key.public_key)));
    fsp_z85_encode(key.public_key, sizeof(key.public_key), text);
    say(result, "public_key_z85", json_string(text));
    fsp_z85_encode(secret.bytes, sizeof(secret.bytes), text);
    say(result, "secret_key_z85", json_string(text));
    say_id(result, "subject", subject);
    return result;
}

static json_t *
compute_derived_id(const json_t *given)
{
    fsp_file_id_t seed;
    take_hex(given, "seed", seed.bytes, sizeof(seed.bytes));
    fsp_file_id_t id = fsp_derived_id(seed, (uint32_t)take_u64(given, "k"));
    json_t *result = json_object();
    say_id(result, "file", id);
    return result;
}

static json_t *
compute_recovery(const json_t *given)
{
    fsp_secret_t bits, kek;
    take_hex(given, "bits", bits.bytes, sizeof(bits.bytes));
    char text[FSP_RECOVERY_TEXT_BYTES];
    fsp_recovery_encode(&bits, text);
    fsp_recovery_kek(&bits, &kek);
    json_t *result = json_object();
    say(result, "code", json_string(text));
    say_id(result, "kek", kek);
    return result;
}

static json_t *
compute_recovery_read(const json_t *given)
{
    fsp_secret_t bits;
    fsp_status_t status = fsp_recovery_decode(fsp_slice_text(take_text(given, "code")), &bits);
    json_t *result = json_object();
    if (status)
        say(result, "refused", json_string(fsp_status_name(status)));
    else
        say_id(result, "bits", bits);
    return result;
}

static json_t *
compute_box(const json_t *given)
{
    fsp_secret_t secret, ephemeral;
    take_hex(given, "receiver_secret_key", secret.bytes, sizeof(secret.bytes));
    take_hex(given, "ephemeral_secret_key", ephemeral.bytes, sizeof(ephemeral.bytes));
    fsp_box_key_t receiver;
    fsp_box_key_from_secret(&receiver, &secret);
    fsp_buf_t message, sealed, opened;
    fsp_buf_init(&message, 1024);
    fsp_buf_init(&sealed, 2048);
    fsp_buf_init(&opened, 2048);
    vectors_unhex(take_text(given, "message"), &message);
    ck_assert_int_eq(
        fsp_box_seal(receiver.public_key, &ephemeral, fsp_buf_slice(&message), &sealed), FSP_OK);
    ck_assert_int_eq(fsp_box_open(&receiver, fsp_buf_slice(&sealed), &opened), FSP_OK);
    ck_assert(fsp_slice_eq(fsp_buf_slice(&message), fsp_buf_slice(&opened)));
    json_t *result = json_object();
    say_hex(result, "hex", fsp_buf_slice(&sealed));
    fsp_buf_clear(&message);
    fsp_buf_clear(&sealed);
    fsp_buf_clear(&opened);
    return result;
}

static json_t *
compute_wrap(const json_t *given)
{
    fsp_secret_t kek;
    uint8_t salt[32];
    take_hex(given, "kek", kek.bytes, sizeof(kek.bytes));
    take_hex(given, "salt", salt, sizeof(salt));
    fsp_buf_t plain, wrapped, opened;
    fsp_buf_init(&plain, 1024);
    fsp_buf_init(&wrapped, 2048);
    fsp_buf_init(&opened, 2048);
    vectors_unhex(take_text(given, "plain"), &plain);
    fsp_wrap(&kek, salt, take_text(given, "context"), fsp_buf_slice(&plain), &wrapped);
    ck_assert_int_eq(
        fsp_unwrap(&kek, take_text(given, "context"), fsp_buf_slice(&wrapped), &opened), FSP_OK);
    ck_assert(fsp_slice_eq(fsp_buf_slice(&plain), fsp_buf_slice(&opened)));
    json_t *result = json_object();
    say_hex(result, "hex", fsp_buf_slice(&wrapped));
    fsp_buf_clear(&plain);
    fsp_buf_clear(&wrapped);
    fsp_buf_clear(&opened);
    return result;
}

static void
add_keyed(json_t *entries, const char *name, const char *kind, const char *key, json_t *value,
          const char *more, json_t *another)
{
    json_t *given = json_object();
    say(given, key, value);
    if (more)
        say(given, more, another);
    vectors_add_computed(entries, name, kind, given);
}

static void
make_recovery(json_t *entries)
{
    char code[FSP_RECOVERY_TEXT_BYTES], other[FSP_RECOVERY_TEXT_BYTES];
    fsp_secret_t bits;
    memset(bits.bytes, 0xff, sizeof(bits.bytes));
    add_keyed(entries, "recovery code of counting bytes", "recovery", "bits", counting_secret(),
              NULL, NULL);
    add_keyed(entries, "recovery code of ones", "recovery", "bits", vectors_hex(FSP_SLICE_OF(bits)),
              NULL, NULL);
    fsp_recovery_encode(&bits, code);
    memcpy(other, code, sizeof(code));
    for (char *c = other; *c; c++)
        *c = *c == '-' ? ' ' : (char)(*c >= 'A' ? *c + 'a' - 'A' : *c);
    add_keyed(entries, "recovery code, lower case, blanks", "recovery-read", "code",
              json_string(other), NULL, NULL);
    /* The counting secret begins 0000. */
    memset(bits.bytes, 0, sizeof(bits.bytes));
    fsp_recovery_encode(&bits, other);
    other[0] = 'o';
    other[1] = 'O';
    add_keyed(entries, "recovery code, letters for digits", "recovery-read", "code",
              json_string(other), NULL, NULL);
    other[0] = '1';
    add_keyed(entries, "refused: recovery code, another digit", "recovery-read", "code",
              json_string(other), NULL, NULL);
    other[0] = 'U';
    add_keyed(entries, "refused: recovery code, no digit", "recovery-read", "code",
              json_string(other), NULL, NULL);
    code[sizeof(code) - 2] = '\0';
    add_keyed(entries, "refused: recovery code, a digit too few", "recovery-read", "code",
              json_string(code), NULL, NULL);
}

static void
make_keys(json_t *entries)
{
    json_t *ones = json_string("1111111111111111111111111111111111111111111111111111111111111111");
    json_t *twos = json_string("2222222222222222222222222222222222222222222222222222222222222222");
    add_keyed(entries, "naming key and sealing key", "space-key", "data_key", counting_secret(),
              "salt", json_incref(ones));
    add_keyed(entries, "node id", "node-id", "seed", json_incref(ones), NULL, NULL);
    add_keyed(entries, "subject of a client key", "subject", "secret_key", json_incref(ones), NULL,
              NULL);
    add_keyed(entries, "derived id 0", "derived-id", "seed",
              json_string("55555555555555555555555555555555"), "k", json_integer(0));
    add_keyed(entries, "derived id 1", "derived-id", "seed",
              json_string("55555555555555555555555555555555"), "k", json_integer(1));
    add_keyed(entries, "derived id 2^32 - 1", "derived-id", "seed",
              json_string("55555555555555555555555555555555"), "k", json_integer(UINT32_MAX));
    make_recovery(entries);
    json_t *given = json_object();
    say(given, "receiver_secret_key", json_incref(ones));
    say(given, "ephemeral_secret_key", json_incref(twos));
    say(given, "message", counting_secret());
    vectors_add_computed(entries, "box with a key in it", "box", given);
    static const char *const contexts[] = {"fsp mesh key v1",
                                           "fsp space key v1 00112233445566778899aabbccddeeff 1",
                                           "fsp cut key v1 00112233445566778899aabbccddeeff 0"};
    for (size_t i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++) {
        char name[96];
        (void)snprintf(name, sizeof(name), "wrapped: %s", contexts[i]);
        given = json_object();
        say(given, "kek", json_incref(ones));
        say(given, "salt", json_incref(twos));
        say(given, "context", json_string(contexts[i]));
        say(given, "plain", counting_secret());
        vectors_add_computed(entries, name, "wrap", given);
    }
    json_decref(ones);
    json_decref(twos);
}

/* -- profile, receipt -------------------------------------------------------------------------- */

static fsp_status_t
read_profile(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    static fsp_profile_t profile;
    fsp_error_t error;
    fsp_status_t status = fsp_profile_decode(bytes, &profile, &error);
    if (status)
        return status;
    say(meaning, "name", json_string(profile.name));
    say_hex(meaning, "mesh_id", fsp_slice(profile.mesh_id, sizeof(profile.mesh_id)));
    json_t *endpoints = json_array();
    for (size_t i = 0; i < profile.endpoint_count; i++)
        json_array_append_new(endpoints, json_string(profile.endpoints[i]));
    say(meaning, "endpoints", endpoints);
    say(meaning, "server_key", json_string(profile.server_key));
    say(meaning, "public_key", json_string(profile.public_key));
    say(meaning, "secret_key", json_string(profile.secret_key));
    say_hex(meaning, "node_key", fsp_slice(profile.node_key, sizeof(profile.node_key)));
    say(meaning, "space", json_string(profile.space));
    fsp_profile_encode(&profile, again);
    return FSP_OK;
}

static void
add_profile(json_t *entries, const char *name, const char *find, const char *replace)
{
    fsp_profile_t profile = {.name = "admin",
                             .endpoints = {"tcp://127.0.0.1:7420", "tcp://[::1]:7420"},
                             .endpoint_count = 2,
                             .space = "home"};
    memset(profile.mesh_id, 0xa2, sizeof(profile.mesh_id));
    memset(profile.node_key, 0xa3, sizeof(profile.node_key));
    uint8_t key[32];
    memset(key, 0x11, sizeof(key));
    fsp_z85_encode(key, sizeof(key), profile.server_key);
    memset(key, 0x22, sizeof(key));
    fsp_z85_encode(key, sizeof(key), profile.public_key);
    memset(key, 0x33, sizeof(key));
    fsp_z85_encode(key, sizeof(key), profile.secret_key);
    fsp_buf_t text, changed;
    fsp_buf_init(&text, FSP_PROFILE_BYTES_MAX);
    fsp_buf_init(&changed, FSP_PROFILE_BYTES_MAX);
    fsp_profile_encode(&profile, &text);
    fsp_slice_t bytes = fsp_buf_slice(&text);
    if (find) {
        fsp_buf_append_u8(&text, '\0');
        const char *at = strstr((const char *)text.data, find);
        ck_assert_msg(at != NULL, "%s", name);
        fsp_buf_append(&changed, text.data, (size_t)(at - (const char *)text.data));
        fsp_buf_append_slice(&changed, fsp_slice_text(replace));
        fsp_buf_append_slice(&changed, fsp_slice_text(at + strlen(find)));
        bytes = fsp_buf_slice(&changed);
    }
    vectors_add(entries, name, "profile", bytes);
    fsp_buf_clear(&text);
    fsp_buf_clear(&changed);
}

static void
make_profile(json_t *entries)
{
    add_profile(entries, "profile", NULL, NULL);
    add_profile(entries, "refused: profile of format 2", "\"format\":1", "\"format\":2");
    add_profile(entries, "refused: profile with another field", "\"format\":1",
                "\"format\":1,\"more\":1");
    add_profile(entries, "refused: profile with a field twice", "\"format\":1",
                "\"format\":1,\"format\":1");
    add_profile(entries, "refused: profile without a space", ",\"space\":\"home\"", "");
    add_profile(entries, "refused: profile with a short mesh id", "\"mesh_id\":\"a2",
                "\"mesh_id\":\"");
    add_profile(entries, "refused: profile with an endpoint that is none", "tcp://127", "tcp//127");
}

/* The node whose seed is 42 42 .. 42. */
static fsp_sign_key_t
receipt_key(void)
{
    fsp_secret_t seed;
    memset(seed.bytes, 0x42, sizeof(seed.bytes));
    fsp_sign_key_t key;
    fsp_sign_key_from_seed(&key, &seed);
    return key;
}

static fsp_status_t
read_receipt(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    static fsp_receipt_t receipt;
    fsp_status_t status = fsp_receipt_verify(bytes, &receipt);
    if (status)
        return status;
    say_id(meaning, "version", receipt.version_id);
    say_id(meaning, "content_root", receipt.content_root);
    say_id(meaning, "sha256", receipt.sha256);
    say_u64(meaning, "w", receipt.durable_copies);
    say_u64(meaning, "r", receipt.wanted_copies);
    json_t *classes = json_array();
    for (size_t i = 0; i < receipt.class_count; i++) {
        json_t *class = json_object(), *nodes = json_array();
        say_u64(class, "object_kind", receipt.classes[i].kind);
        say_u64(class, "count", receipt.classes[i].count);
        for (size_t n = 0; n < receipt.classes[i].node_count; n++)
            json_array_append_new(nodes, vectors_hex(FSP_SLICE_OF(receipt.classes[i].nodes[n])));
        say(class, "nodes", nodes);
        say_u64(class, "zones", receipt.classes[i].zone_count);
        json_array_append_new(classes, class);
    }
    say(meaning, "classes", classes);
    say_u64(meaning, "change", receipt.change);
    say_u64(meaning, "issued", receipt.issued);
    say_id(meaning, "node", receipt.node_id);
    say_hex(meaning, "node_key", fsp_slice(receipt.node_key, sizeof(receipt.node_key)));
    fsp_sign_key_t key = receipt_key();
    fsp_receipt_sign(&receipt, &key, again);
    return FSP_OK;
}

static void
make_receipt(json_t *entries)
{
    fsp_sign_key_t key = receipt_key();
    static fsp_receipt_t receipt = {.durable_copies = 2,
                                    .wanted_copies = 3,
                                    .class_count = 2,
                                    .change = 301,
                                    .issued = UINT64_C(1764083916000000)};
    FILL(receipt.version_id, 0x55);
    FILL(receipt.content_root, 0x66);
    FILL(receipt.sha256, 0x33);
    receipt.classes[0].kind = FSP_OBJECT_CHUNK;
    receipt.classes[0].count = 70000;
    receipt.classes[0].node_count = 2;
    receipt.classes[0].zone_count = 2;
    FILL(receipt.classes[0].nodes[0], 0x08);
    FILL(receipt.classes[0].nodes[1], 0x09);
    receipt.classes[1] = receipt.classes[0];
    receipt.classes[1].kind = FSP_OBJECT_TREE;
    receipt.classes[1].count = 69;
    receipt.classes[1].node_count = 1;
    receipt.classes[1].zone_count = 1;
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_RECEIPT_BYTES_MAX);
    fsp_receipt_sign(&receipt, &key, &bytes);
    vectors_add(entries, "receipt, 2 of 3", "receipt", fsp_buf_slice(&bytes));
    bytes.data[bytes.bytes - 1] ^= 1;
    vectors_add(entries, "refused: receipt, signature", "receipt", fsp_buf_slice(&bytes));
    bytes.data[bytes.bytes - 1] ^= 1;
    bytes.data[100] ^= 1;
    vectors_add(entries, "refused: receipt, a bit of what was signed", "receipt",
                fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    receipt.class_count = 0;
    receipt.durable_copies = 1;
    receipt.wanted_copies = 1;
    fsp_receipt_sign(&receipt, &key, &bytes);
    vectors_add(entries, "receipt of inline content", "receipt", fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    receipt.class_count = 2;
    receipt.durable_copies = 2;
    receipt.wanted_copies = 3;
}

static const vectors_kind_t kinds[] = {
    {"object-header", read_header, NULL},
    {"object", NULL, compute_object},
    {"object-open", NULL, compute_object_open},
    {"object-range", NULL, compute_object_range},
    {"codec-try", NULL, compute_promises},
    {"gear", NULL, compute_gear},
    {"cuts", NULL, compute_cuts},
    {"tree-node", NULL, compute_tree_node},
    {"content-root", NULL, compute_content_root},
    {"slot", NULL, compute_slot},
    {"mix", NULL, compute_mix},
    {"walk", NULL, compute_walk},
    {"space-key", NULL, compute_space_key},
    {"node-id", NULL, compute_node_id},
    {"subject", NULL, compute_subject},
    {"derived-id", NULL, compute_derived_id},
    {"recovery", NULL, compute_recovery},
    {"recovery-read", NULL, compute_recovery_read},
    {"box", NULL, compute_box},
    {"wrap", NULL, compute_wrap},
    {"profile", read_profile, NULL},
    {"receipt", read_receipt, NULL},
    {NULL, NULL, NULL},
};

static const vectors_file_t files[] = {
    {"objects", make_objects},
    {"content", make_content},
    {"placement", make_placement},
    {"keys", make_keys},
    {"profile", make_profile},
    {"receipt", make_receipt},
    {NULL, NULL},
};

int
main(int argc, char **argv)
{
    return vectors_main("vectors_content", files, kinds, argc, argv);
}
