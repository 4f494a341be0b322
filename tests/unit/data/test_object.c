/* SPDX-License-Identifier: MIT */
/* test_object - sealing, naming, opening.  Layer tests.
 *
 * Vectors by vectors.py (generation 7, data key 00..1f): the format is frozen by them.
 */
#include "core/base/alloc.h"
#include "core/base/prng.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/crypto/gcm.h"
#include "core/data/codec.h"
#include "core/data/details.h"
#include "core/data/object.h"
#include "core/data/tree.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <string.h>

enum { BLOCK = 65536, SEALED_BLOCK = 65552, HEADER = FSP_OBJECT_HEADER_BYTES };
static const fsp_slice_t nothing = {NULL, 0};

typedef struct {
    fsp_space_keys_t *keys;
    uint8_t *bytes; /* 5 MiB of random bytes */
} fixture_t;
static fixture_t f;
enum { BYTES = 5 << 20 };

static fsp_secret_t
counting_secret(void)
{
    fsp_secret_t secret;
    for (size_t i = 0; i < sizeof(secret.bytes); i++)
        secret.bytes[i] = (uint8_t)i;
    return secret;
}

static void
set_up(void)
{
    fsp_secret_t secret = counting_secret();
    f.keys = fsp_space_keys_new();
    fsp_space_keys_add(f.keys, 7, &secret);
    f.bytes = fsp_alloc_raw(BYTES);
    fsp_prng_t prng;
    fsp_prng_init(&prng, 99);
    fsp_prng_fill(&prng, f.bytes, BYTES);
}

static void
tear_down(void)
{
    fsp_space_keys_destroy(&f.keys);
    fsp_free(f.bytes);
}

static const char *
hex_of(const void *data, size_t bytes)
{
    static char text[2 * 256 + 1];
    ck_assert_uint_le(bytes, 256);
    fsp_hex_encode(data, bytes, text);
    return text;
}

/* Opens from one piece; NULL if that fails, with the status in *ret_status. */
static fsp_blob_t *
open_whole(fsp_key_t key, fsp_slice_t object, fsp_status_t *ret_status)
{
    fsp_blob_t *plain = NULL;
    *ret_status = fsp_object_open_whole(f.keys, key, object, &plain, NULL);
    ck_assert((*ret_status == FSP_OK) == (plain != NULL));
    return plain;
}

static void
expect_plain(fsp_key_t key, fsp_slice_t object, fsp_slice_t expected)
{
    fsp_status_t status;
    fsp_blob_t *plain = open_whole(key, object, &status);
    ck_assert_int_eq(status, FSP_OK);
    ck_assert(fsp_slice_eq(fsp_blob_slice(plain), expected));
    fsp_blob_destroy(&plain);
}

/* -- golden objects ---------------------------------------------------------------------------- */

static const struct {
    fsp_object_kind_t kind;
    size_t open_bytes, plain_bytes, object_bytes;
    const char *key, *object_sha256;
} vectors[] = {
    {3, 0, 0, 88, "89092a6dfc480a81ff37226d244495c5b74832a8d10271170edbd0b65b629bbd",
     "b18bcee7d5731e2da28bf6d1ae4e567e13dd92c6280ae4da3f6d5e1b27de3db8"},
    {3, 0, 19, 107, "116b3267ecb8e7af40660a68c98e7de4a4122a1be7b8e12f5e2a5a5938c2b68a",
     "f63d0ec1745107c293fc1f5e7d4f9918d3f97ac0611f5ad88076186dd7c8ada7"},
    {1, 0, 5000, 5088, "a34262b9f2508d59cb73a24ec2ed1183dacbff90aa0f7424c5ec1b4bfb613086",
     "30e43abcd75062a49f09bca89769c76fadccda4808138c9e4f62e422414f4766"},
    {1, 0, 65536, 65624, "ab5dee4375812ccb185df6444706df3274de3338900708a6dff006d75be03e21",
     "8fb8be533fb7ff744c4a3cf97a0b4f756f2019441c08df0d04b6dbd17c5c9ac8"},
    {1, 0, 200000, 200136, "74c867ea0492d1255e78e1f504106c7f119194b545986e803775643847d4f825",
     "8b5d4ba33fb6b4004fb3d91c18f90bdc49903d16234795c76902b523eb186d76"},
    {2, 90, 67, 245, "5cd12056057d169398d2af0152843b6072ecc625e65aacffb1d54409c68e8025",
     "3d4ad1ec1af1c8fdd4e03b35cfbc7eb564f251dc5334a172bd3e70d31692714e"},
    {4, 0, 53, 141, "ffb27857f7fa361f966b55c2ea04017c546935c8eb6f207652b2e4d06f40cd3b",
     "0b135eb15fadba15049c8746a6b525db65b2492fe011d3f326601874a14560c6"},
    {5, 0, 14, 102, "a90f345bbe317eb9db25fc11da55466e0916466134701cd1caa5750a19046870",
     "118277a7dd336ff8dc37e089cf9384d27a4538c6b13832faad85e614d4d9d336"}};
enum { VECTOR_COUNT = sizeof(vectors) / sizeof(vectors[0]) };

/* The open part and the plaintext of a vector. */
static void
vector_input(int number, fsp_buf_t *open, fsp_buf_t *plain)
{
    fsp_prng_t prng;
    static fsp_tree_node_t node;
    uint8_t *room;
    switch (number) {
    case 0:
        break;
    case 1:
        fsp_buf_append_slice(plain, fsp_slice_text("The quick brown fox"));
        break;
    case 2:
    case 3:
    case 4:
        fsp_prng_init(&prng, (uint64_t)number - 1);
        room = fsp_buf_extend(plain, vectors[number].plain_bytes);
        fsp_prng_fill(&prng, room, vectors[number].plain_bytes);
        break;
    case 5:
        node.count = 2;
        for (int i = 0; i < 2; i++) {
            fsp_hash_t key = fsp_sha256(fsp_slice_text(i ? "b" : "a"));
            memcpy(node.children[i].key.bytes, key.bytes, 32);
            node.children[i].digest = fsp_sha256(fsp_slice_text(i ? "B" : "A"));
            node.children[i].object_bytes = i ? 70000 : 1000;
            node.children[i].content_bytes = i ? 69000 : 900;
        }
        fsp_tree_encode(&node, open, plain);
        break;
    case 6:
        fsp_details_encode(&(fsp_details_t){.sha256 = fsp_sha256(fsp_slice_text("x")),
                                            .chunk_count = 2,
                                            .media_type = fsp_slice_text("text/plain"),
                                            .message = fsp_slice_text("first")},
                           plain);
        break;
    default:
        fsp_attr_encode(&(fsp_attr_t){0644, 1700000000, 5}, plain);
    }
}

START_TEST(objects_fit_the_vectors)
{
    fsp_buf_t open, plain;
    fsp_buf_init(&open, 1000);
    fsp_buf_init(&plain, 300000);
    vector_input(_i, &open, &plain);
    ck_assert_uint_eq(open.bytes, vectors[_i].open_bytes);
    ck_assert_uint_eq(plain.bytes, vectors[_i].plain_bytes);
    fsp_key_t key, name;
    fsp_hash_t digest, expected = fsp_sha256(fsp_buf_slice(&plain));
    fsp_blob_t *object = fsp_object_seal(f.keys, vectors[_i].kind, fsp_buf_slice(&open),
                                         fsp_buf_slice(&plain), &key, &digest);
    fsp_slice_t whole = fsp_blob_slice(object);
    ck_assert(fsp_hash_eq(digest, expected));
    ck_assert_uint_eq(whole.bytes, vectors[_i].object_bytes);
    ck_assert_str_eq(hex_of(key.bytes, 32), vectors[_i].key);
    digest = fsp_sha256(whole);
    ck_assert_str_eq(hex_of(digest.bytes, 32), vectors[_i].object_sha256);
    ck_assert_int_eq(fsp_object_name(whole, &name, NULL), FSP_OK);
    ck_assert(fsp_key_eq(name, key));
    expect_plain(key, whole, fsp_buf_slice(&plain));
    fsp_blob_t *out;
    fsp_slice_t out_open;
    ck_assert_int_eq(fsp_object_open_whole(f.keys, key, whole, &out, &out_open), FSP_OK);
    ck_assert(fsp_slice_eq(out_open, fsp_buf_slice(&open)));
    fsp_blob_destroy(&out);
    fsp_blob_destroy(&object);
    fsp_buf_clear(&open);
    fsp_buf_clear(&plain);
}
END_TEST

START_TEST(whole_bytes_of_a_small_object)
{
    fsp_key_t key;
    fsp_blob_t *object = fsp_object_seal(f.keys, FSP_OBJECT_INLINE, nothing,
                                         fsp_slice_text("The quick brown fox"), &key, NULL);
    ck_assert_str_eq(hex_of(fsp_blob_data(object), fsp_blob_bytes(object)),
                     "4653504f01030001000000070000000000000000000000130000000000000013"
                     "00000000000000"
                     ""
                     "00b3ce5db01c9603f7061a8b258475964462085bfb9d51b6dc83ea88dc8967c2"
                     "112cf1c6450751"
                     ""
                     "5070a0db529cd10e39ecf56cca3000825eef35a8d113b068a6c446c302");
    fsp_blob_destroy(&object);
}
END_TEST

START_TEST(a_known_digest_seals_the_same)
{
    for (size_t bytes = 0; bytes <= FSP_INLINE_BYTES_MAX; bytes += 512) {
        fsp_slice_t plain = fsp_slice(f.bytes, bytes);
        fsp_key_t key, again;
        fsp_blob_t *object = fsp_object_seal(f.keys, FSP_OBJECT_INLINE, nothing, plain, &key, NULL);
        fsp_blob_t *same = fsp_object_seal_inline(f.keys, plain, fsp_sha256(plain), &again);
        ck_assert(fsp_key_eq(key, again));
        ck_assert(fsp_slice_eq(fsp_blob_slice(object), fsp_blob_slice(same)));
        fsp_blob_destroy(&object);
        fsp_blob_destroy(&same);
    }
}
END_TEST

START_TEST(a_compressed_object_of_another_build_opens)
{
    static const char object[] =
        "4653504f010101010000000700000000000000000000001700000000000017700000000000000000"
        "c202302cad18"
        "bba54b9482c8493bb38a3874d58fb0ff35f8bfe950030f1523f467ed186182251d01e8076a9c25e0"
        "8b79185c96a2"
        "8382d9da00589756b090141569fcfc53d20bd0";
    uint8_t bytes[200], plain[6000];
    size_t count = strlen(object) / 2;
    fsp_key_t key;
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text(object), bytes, count), FSP_OK);
    static const char name[] = "7590fb313c61aa8edbed8a8fc512d52c6472c75fb578bb34d641f746de90723c";
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text(name), key.bytes, 32), FSP_OK);
    memset(plain, 'a', 3000);
    memset(plain + 3000, 'b', 3000);
    expect_plain(key, fsp_slice(bytes, count), fsp_slice(plain, sizeof(plain)));
}
END_TEST

/* -- sealing, from the header comment alone ---------------------------------------------------- */

static fsp_hash_t
derive(fsp_slice_t key, fsp_slice_t salt, const char *info)
{
    fsp_hash_t derived;
    fsp_hkdf(key, salt, fsp_slice_text(info), derived.bytes, 32);
    return derived;
}

START_TEST(sealing_follows_the_layout)
{
    static const size_t sizes[] = {0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 17};
    fsp_secret_t data_key = counting_secret();
    fsp_hash_t naming = derive(FSP_SLICE_OF(data_key), nothing, "fsp naming v1");
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        for (int tree = 0; tree < 2; tree++) {
            fsp_slice_t plain = fsp_slice(f.bytes, sizes[s]);
            fsp_slice_t open = tree ? fsp_slice(f.bytes + 7, 333) : nothing;
            fsp_key_t key;
            fsp_blob_t *object = fsp_object_seal(f.keys, tree ? FSP_OBJECT_TREE : FSP_OBJECT_CHUNK,
                                                 open, plain, &key, NULL);
            uint8_t head[136] = {'F', 'S', 'P', 'O', 1, (uint8_t)(tree ? 2 : 1), 0, 1};
            fsp_store_u32(head + 8, 7);
            fsp_store_u32(head + 12, (uint32_t)open.bytes);
            fsp_store_u64(head + 16, plain.bytes);
            fsp_store_u64(head + 24, plain.bytes);
            fsp_hash_t open_digest = fsp_sha256(open), plain_digest = fsp_sha256(plain);
            fsp_slice_t salted[] = {fsp_slice(head, 40), FSP_SLICE_OF(open_digest),
                                    FSP_SLICE_OF(plain_digest)};
            fsp_hash_t salt = fsp_hmac(FSP_SLICE_OF(naming), salted, 3);
            memcpy(head + 40, salt.bytes, 32);
            memcpy(head + 72, open_digest.bytes, 32);
            fsp_hash_t sealing =
                derive(FSP_SLICE_OF(data_key), FSP_SLICE_OF(salt), "fsp object v1");
            size_t blocks = plain.bytes ? (plain.bytes + BLOCK - 1) / BLOCK : 1;
            fsp_slice_t sealed =
                fsp_slice(fsp_blob_data(object) + HEADER + open.bytes, plain.bytes + 16 * blocks);
            ck_assert_uint_eq(fsp_blob_bytes(object), HEADER + open.bytes + sealed.bytes);
            ck_assert_mem_eq(fsp_blob_data(object), head, HEADER);
            fsp_gcm_t *gcm = fsp_gcm_new(sealing.bytes);
            for (size_t i = 0; i < blocks; i++) {
                uint8_t nonce[12] = {0}, aad[113], block[SEALED_BLOCK];
                nonce[11] = (uint8_t)i;
                memcpy(aad, head, 104);
                fsp_store_u64(aad + 104, i);
                aad[112] = i + 1 == blocks;
                size_t left = plain.bytes - i * BLOCK, bytes = left < BLOCK ? left : BLOCK;
                fsp_gcm_seal(gcm, nonce, fsp_slice(aad, 113),
                             fsp_slice(plain.data + i * BLOCK, bytes), block);
                ck_assert_mem_eq(sealed.data + i * SEALED_BLOCK, block, bytes + 16);
            }
            fsp_gcm_destroy(&gcm);
            fsp_hash_t sealed_digest = fsp_sha256(sealed);
            memcpy(head + 104, sealed_digest.bytes, 32);
            fsp_hash_t expected = fsp_sha256(fsp_slice(head, 136));
            ck_assert_mem_eq(key.bytes, expected.bytes, 32);
            expect_plain(key, fsp_blob_slice(object), plain);
            fsp_blob_destroy(&object);
        }
    }
}
END_TEST

/* -- codec ------------------------------------------------------------------------------------- */

/* A text of few words. */
static void
fill_text(uint8_t *to, size_t bytes)
{
    static const char words[] = "the sphere keeps the file and the file keeps its slot\n";
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)words[(i + i / 997) % (sizeof(words) - 1)];
}

START_TEST(chunks_are_compressed_where_it_pays)
{
    size_t bytes = (size_t)1 << 20;
    uint8_t *text = fsp_alloc_raw(bytes);
    fill_text(text, bytes);
    fsp_slice_t plain = fsp_slice(text, bytes);
    fsp_key_t key, again;
    fsp_hash_t digest, expected = fsp_sha256(plain);
    fsp_blob_t *object = fsp_object_seal(f.keys, FSP_OBJECT_CHUNK, nothing, plain, &key, &digest);
    fsp_object_header_t header;
    ck_assert_int_eq(fsp_object_header_decode(fsp_blob_slice(object), &header), FSP_OK);
    ck_assert_int_eq(header.codec, FSP_CODEC_ZSTD);
    ck_assert_uint_lt(header.input_bytes, bytes / 2);
    ck_assert_uint_eq(header.plain_bytes, bytes);
    ck_assert(fsp_hash_eq(digest, expected));
    expect_plain(key, fsp_blob_slice(object), plain);
    /* A range of it cannot be had. */
    uint8_t head[FSP_OBJECT_HEAD_BYTES];
    fsp_blob_t *out = NULL;
    ck_assert_int_eq(fsp_object_name(fsp_blob_slice(object), &again, head), FSP_OK);
    ck_assert_int_eq(fsp_object_open_range(f.keys, key, head, nothing, 0,
                                           fsp_slice(fsp_blob_data(object) + HEADER, SEALED_BLOCK),
                                           &out),
                     FSP_INVALID);
    fsp_blob_destroy(&object);
    /* Equal bytes, equal objects. */
    object = fsp_object_seal(f.keys, FSP_OBJECT_CHUNK, nothing, plain, &again, NULL);
    ck_assert(fsp_key_eq(key, again));
    fsp_blob_destroy(&object);
    /* Other kinds are left alone. */
    object = fsp_object_seal(f.keys, FSP_OBJECT_INLINE, nothing, fsp_slice(text, 4096), &key, NULL);
    ck_assert_uint_eq(fsp_blob_bytes(object), HEADER + 4096 + 16);
    fsp_blob_destroy(&object);
    fsp_free(text);
}
END_TEST

START_TEST(a_try_that_does_not_pay_is_dropped)
{
    /* Promises by the first window, but 1/41 of zeros is less than 1/16. */
    size_t bytes = FSP_CHUNK_BYTES_MAX, frame_bytes = 0;
    memset(f.bytes, 0, 102400);
    fsp_slice_t plain = fsp_slice(f.bytes, bytes);
    ck_assert(fsp_codec_promises(plain));
    ck_assert_ptr_null(fsp_codec_compress(plain, &frame_bytes));
    fsp_key_t key;
    fsp_blob_t *object = fsp_object_seal(f.keys, FSP_OBJECT_CHUNK, nothing, plain, &key, NULL);
    ck_assert_uint_eq(fsp_blob_bytes(object), HEADER + bytes + 64 * 16);
    expect_plain(key, fsp_blob_slice(object), plain);
    fsp_blob_destroy(&object);
}
END_TEST

/* -- header ------------------------------------------------------------------------------------ */

START_TEST(headers_have_bounds)
{
    static const uint8_t good[HEADER] = {'F', 'S', 'P', 'O', 1, 1, 0, 1, [31] = 5, [23] = 5};
    static const struct {
        size_t at;
        uint8_t value;
        fsp_status_t status;
    } cases[] = {{0, 'f', FSP_INVALID},
                 {3, 0, FSP_INVALID},
                 {4, 0, FSP_INVALID},
                 {4, 2, FSP_UNSUPPORTED},
                 {4, 255, FSP_UNSUPPORTED},
                 {7, 0, FSP_INVALID},
                 {7, 2, FSP_UNSUPPORTED},
                 {5, 0, FSP_INVALID},
                 {5, 6, FSP_INVALID},
                 {6, 1, FSP_INVALID} /* as long as before */,
                 {6, 2, FSP_INVALID},
                 {32, 1, FSP_INVALID},
                 {39, 1, FSP_INVALID},
                 {23, 4, FSP_INVALID},
                 {31, 4, FSP_INVALID},
                 {15, 1, FSP_INVALID} /* open part of a chunk */,
                 {24, 1, FSP_TOO_LARGE},
                 {28, 1, FSP_TOO_LARGE},
                 {8, 255, FSP_OK},
                 {40, 255, FSP_OK},
                 {5, 2, FSP_OK},
                 {5, 5, FSP_OK}};
    fsp_object_header_t header;
    uint8_t bytes[HEADER], again[HEADER];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memcpy(bytes, good, HEADER);
        bytes[cases[i].at] = cases[i].value;
        fsp_status_t status = fsp_object_header_decode(fsp_slice(bytes, HEADER), &header);
        ck_assert_msg(status == cases[i].status, "case %zu: %s", i, fsp_status_name(status));
        if (status == FSP_OK) {
            fsp_object_header_encode(&header, again);
            ck_assert_mem_eq(again, bytes, HEADER);
        }
    }
    for (size_t count = 0; count < HEADER; count++)
        ck_assert_int_eq(fsp_object_header_decode(fsp_slice(good, count), &header), FSP_INVALID);
}
END_TEST

START_TEST(lengths_have_bounds_by_kind)
{
    static const struct {
        fsp_object_kind_t kind;
        fsp_codec_t codec;
        uint32_t open_bytes;
        uint64_t input_bytes, plain_bytes;
        fsp_status_t status;
    } cases[] = {
        {FSP_OBJECT_CHUNK, 0, 0, FSP_CHUNK_BYTES_MAX, FSP_CHUNK_BYTES_MAX, FSP_OK},
        {FSP_OBJECT_CHUNK, 0, 0, FSP_CHUNK_BYTES_MAX + 1, FSP_CHUNK_BYTES_MAX + 1, FSP_TOO_LARGE},
        {FSP_OBJECT_CHUNK, 0, 0, UINT64_MAX, UINT64_MAX, FSP_TOO_LARGE},
        {FSP_OBJECT_CHUNK, 1, 0, UINT64_MAX, 100, FSP_INVALID},
        {FSP_OBJECT_CHUNK, 1, 0, 99, 100, FSP_OK},
        {FSP_OBJECT_CHUNK, 1, 0, 0, 100, FSP_INVALID},
        {FSP_OBJECT_CHUNK, 1, 0, 50, FSP_CHUNK_BYTES_MAX + 1, FSP_TOO_LARGE},
        {FSP_OBJECT_TREE, 1, 0, 99, 100, FSP_INVALID},
        {FSP_OBJECT_TREE, 0, FSP_OBJECT_OPEN_BYTES_MAX, 40000, 40000, FSP_OK},
        {FSP_OBJECT_TREE, 0, FSP_OBJECT_OPEN_BYTES_MAX + 1, 40000, 40000, FSP_TOO_LARGE},
        {FSP_OBJECT_TREE, 0, FSP_OBJECT_OPEN_BYTES_MAX, FSP_CHUNK_BYTES_MAX, FSP_CHUNK_BYTES_MAX,
         FSP_TOO_LARGE}, /* each fits, both do not */
        {FSP_OBJECT_INLINE, 0, 0, 4096, 4096, FSP_OK},
        {FSP_OBJECT_INLINE, 0, 0, 4097, 4097, FSP_TOO_LARGE},
        {FSP_OBJECT_INLINE, 0, 1, 5, 5, FSP_INVALID},
        {FSP_OBJECT_DETAILS, 0, 0, 4097, 4097, FSP_TOO_LARGE},
        {FSP_OBJECT_ATTR, 0, 0, FSP_ATTR_BYTES_MAX + 1, FSP_ATTR_BYTES_MAX + 1, FSP_TOO_LARGE},
        {FSP_OBJECT_ATTR, 1, 0, 5, 6, FSP_INVALID}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[HEADER] = {
            'F', 'S', 'P', 'O', 1, (uint8_t)cases[i].kind, (uint8_t)cases[i].codec, 1};
        fsp_store_u32(bytes + 12, cases[i].open_bytes);
        fsp_store_u64(bytes + 16, cases[i].input_bytes);
        fsp_store_u64(bytes + 24, cases[i].plain_bytes);
        fsp_object_header_t header;
        fsp_status_t status = fsp_object_header_decode(fsp_slice(bytes, HEADER), &header);
        ck_assert_msg(status == cases[i].status, "case %zu: %s", i, fsp_status_name(status));
    }
}
END_TEST

START_TEST(sealing_asserts_the_callers_lengths)
{
    fsp_key_t key;
    FSP_EXPECT_ABORT((void)fsp_object_seal(f.keys, FSP_OBJECT_INLINE, nothing,
                                           fsp_slice(f.bytes, 4097), &key, NULL));
    FSP_EXPECT_ABORT((void)fsp_object_seal(f.keys, FSP_OBJECT_CHUNK, fsp_slice(f.bytes, 1),
                                           fsp_slice(f.bytes, 5), &key, NULL));
    FSP_EXPECT_ABORT((void)fsp_object_seal(f.keys, FSP_OBJECT_CHUNK, nothing,
                                           fsp_slice(f.bytes, FSP_CHUNK_BYTES_MAX + 1), &key,
                                           NULL));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("object");
    TCase *tests = tcase_create("object");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, objects_fit_the_vectors, 0, VECTOR_COUNT);
    tcase_add_test(tests, whole_bytes_of_a_small_object);
    tcase_add_test(tests, a_known_digest_seals_the_same);
    tcase_add_test(tests, a_compressed_object_of_another_build_opens);
    tcase_add_test(tests, sealing_follows_the_layout);
    tcase_add_test(tests, chunks_are_compressed_where_it_pays);
    tcase_add_test(tests, a_try_that_does_not_pay_is_dropped);
    tcase_add_test(tests, headers_have_bounds);
    tcase_add_test(tests, lengths_have_bounds_by_kind);
    tcase_add_test(tests, sealing_asserts_the_callers_lengths);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
