/* SPDX-License-Identifier: MIT */
/* test_gcm - AES-256-GCM.  Layer tests.
 *
 * Vectors: test cases 13 to 16 of McGrew and Viega, the submission to NIST; then mbedTLS.
 */
#include "core/base/prng.h"
#include "core/base/text.h"
#include "core/crypto/gcm.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <mbedtls/gcm.h>

#include <string.h>

enum { BYTES_MAX = 70000, TAG_BYTES = 16 };

typedef struct {
    const char *key, *nonce, *aad, *plain, *sealed; /* hex */
} vector_t;
#define ZERO16 "00000000000000000000000000000000"
#define KEY15 "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define PLAIN60                                                                                    \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                             \
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define SEALED60                                                                                   \
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"                             \
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
static const vector_t vectors[] = {
    {ZERO16 ZERO16, "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {ZERO16 ZERO16, "000000000000000000000000", "", ZERO16,
     "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
    {KEY15, "cafebabefacedbaddecaf888", "", PLAIN60 "1aafd255",
     SEALED60 "898015adb094dac5d93471bdec1a502270e3cc6c"},
    {KEY15, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", PLAIN60,
     SEALED60 "76fc6ece0f4e1768cddf8853bb2d551b"}};
enum { VECTOR_COUNT = sizeof(vectors) / sizeof(vectors[0]) };

static fsp_slice_t
unhex(const char *text, uint8_t *room)
{
    size_t bytes = strlen(text) / 2;
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text(text), room, bytes), FSP_OK);
    return fsp_slice(room, bytes);
}

START_TEST(fits_the_vectors_both_ways)
{
    uint8_t key[32], nonce[12], aad_room[32], plain_room[64], sealed_room[80], out[80];
    unhex(vectors[_i].key, key);
    unhex(vectors[_i].nonce, nonce);
    fsp_slice_t aad = unhex(vectors[_i].aad, aad_room);
    fsp_slice_t plain = unhex(vectors[_i].plain, plain_room);
    fsp_slice_t sealed = unhex(vectors[_i].sealed, sealed_room);
    fsp_gcm_t *gcm = fsp_gcm_new(key);
    /* The context serves many messages, in both directions, mixed. */
    for (int turn = 0; turn < 3; turn++) {
        fsp_gcm_seal(gcm, nonce, aad, plain, out);
        ck_assert_mem_eq(out, sealed.data, sealed.bytes);
        ck_assert_int_eq(fsp_gcm_open(gcm, nonce, aad, sealed, out), FSP_OK);
        ck_assert_mem_eq(out, plain.data, plain.bytes);
        ck_assert_int_eq(fsp_gcm_open(gcm, nonce, aad, sealed, out), FSP_OK);
        ck_assert_mem_eq(out, plain.data, plain.bytes);
    }
    fsp_gcm_destroy(&gcm);
    ck_assert_ptr_null(gcm);
    fsp_gcm_destroy(&gcm);
}
END_TEST

START_TEST(agrees_with_mbedtls)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(1));
    static uint8_t plain[BYTES_MAX], ours[BYTES_MAX + TAG_BYTES], theirs[BYTES_MAX + TAG_BYTES];
    for (int i = 0; i < 600; i++) {
        uint8_t key[32], nonce[12], aad[150];
        fsp_prng_fill(&prng, key, sizeof(key));
        fsp_prng_fill(&prng, nonce, sizeof(nonce));
        fsp_prng_fill(&prng, aad, sizeof(aad));
        size_t aad_bytes = (size_t)fsp_prng_below(&prng, sizeof(aad) + 1);
        size_t bytes = (size_t)fsp_prng_below(&prng, i % 10 ? 600 : BYTES_MAX);
        fsp_prng_fill(&prng, plain, bytes);
        mbedtls_gcm_context context;
        mbedtls_gcm_init(&context);
        ck_assert_int_eq(mbedtls_gcm_setkey(&context, MBEDTLS_CIPHER_ID_AES, key, 256), 0);
        ck_assert_int_eq(mbedtls_gcm_crypt_and_tag(&context, MBEDTLS_GCM_ENCRYPT, bytes, nonce, 12,
                                                   aad, aad_bytes, plain, theirs, TAG_BYTES,
                                                   theirs + bytes),
                         0);
        mbedtls_gcm_free(&context);
        fsp_gcm_t *gcm = fsp_gcm_new(key);
        fsp_gcm_seal(gcm, nonce, fsp_slice(aad, aad_bytes), fsp_slice(plain, bytes), ours);
        ck_assert_mem_eq(ours, theirs, bytes + TAG_BYTES);
        ck_assert_int_eq(fsp_gcm_open(gcm, nonce, fsp_slice(aad, aad_bytes),
                                      fsp_slice(ours, bytes + TAG_BYTES), theirs),
                         FSP_OK);
        ck_assert_mem_eq(theirs, plain, bytes);
        fsp_gcm_destroy(&gcm);
    }
}
END_TEST

START_TEST(refuses_every_changed_bit_and_leaves_zeros)
{
    uint8_t key[32] = {1}, nonce[12] = {2}, aad[5] = {3}, plain[40], sealed[56], out[40];
    static const uint8_t zeros[40];
    memset(plain, 9, sizeof(plain));
    fsp_gcm_t *gcm = fsp_gcm_new(key);
    fsp_slice_t whole = fsp_slice(sealed, sizeof(sealed));
    fsp_gcm_seal(gcm, nonce, fsp_slice(aad, 5), fsp_slice(plain, 40), sealed);
    uint8_t *const fields[] = {sealed, nonce, aad};
    static const size_t bytes[] = {56, 12, 5};
    for (size_t f = 0; f < 3; f++) {
        for (size_t bit = 0; bit < bytes[f] * 8; bit++) {
            fields[f][bit / 8] ^= (uint8_t)(1u << bit % 8);
            memset(out, 7, sizeof(out));
            ck_assert_int_eq(fsp_gcm_open(gcm, nonce, fsp_slice(aad, 5), whole, out), FSP_DAMAGED);
            ck_assert_mem_eq(out, zeros, sizeof(out));
            fields[f][bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    for (size_t count = 0; count < sizeof(sealed); count++)
        ck_assert_int_eq(fsp_gcm_open(gcm, nonce, fsp_slice(aad, 5), fsp_slice(sealed, count), out),
                         FSP_DAMAGED);
    ck_assert_int_eq(fsp_gcm_open(gcm, nonce, fsp_slice(aad, 5), whole, out), FSP_OK);
    ck_assert_mem_eq(out, plain, sizeof(plain));
    fsp_gcm_destroy(&gcm);
}
END_TEST

START_TEST(empty_message_has_only_a_tag)
{
    uint8_t key[32] = {1}, nonce[12] = {2}, sealed[16];
    fsp_gcm_t *gcm = fsp_gcm_new(key);
    fsp_slice_t nothing = fsp_slice(NULL, 0);
    fsp_gcm_seal(gcm, nonce, nothing, nothing, sealed);
    ck_assert_int_eq(fsp_gcm_open(gcm, nonce, nothing, fsp_slice(sealed, 16), NULL), FSP_OK);
    sealed[15] ^= 1;
    ck_assert_int_eq(fsp_gcm_open(gcm, nonce, nothing, fsp_slice(sealed, 16), NULL), FSP_DAMAGED);
    FSP_EXPECT_ABORT(fsp_gcm_seal(gcm, NULL, nothing, nothing, sealed));
    fsp_gcm_destroy(&gcm);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gcm");
    TCase *tests = tcase_create("gcm");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, fits_the_vectors_both_ways, 0, VECTOR_COUNT);
    tcase_add_test(tests, agrees_with_mbedtls);
    tcase_add_test(tests, refuses_every_changed_bit_and_leaves_zeros);
    tcase_add_test(tests, empty_message_has_only_a_tag);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
