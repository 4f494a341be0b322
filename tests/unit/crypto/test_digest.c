/* SPDX-License-Identifier: MIT */
/* test_digest - SHA-256, HMAC, HKDF, compare, wipe.  Layer tests.
 *
 * Vectors: FIPS 180-4 examples, RFC 4231, RFC 5869; then mbedTLS as the second opinion.
 */
#include "core/base/prng.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <mbedtls/hkdf.h>
#include <mbedtls/md.h>
#include <mbedtls/sha256.h>

#include <string.h>

enum { BYTES_MAX = 70000 };

static const char *
hex_of(const void *data, size_t bytes)
{
    static char text[2 * 128 + 1];
    ck_assert_uint_le(bytes, 128);
    fsp_hex_encode(data, bytes, text);
    return text;
}

/* Bytes of a hex text. */
static fsp_slice_t
unhex(const char *text, uint8_t *room)
{
    size_t bytes = strlen(text) / 2;
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text(text), room, bytes), FSP_OK);
    return fsp_slice(room, bytes);
}

START_TEST(sha256_fits_fips_180_4)
{
    static const char *const cases[][2] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fsp_hash_t digest = fsp_sha256(fsp_slice_text(cases[i][0]));
        ck_assert_str_eq(hex_of(digest.bytes, 32), cases[i][1]);
    }
    fsp_hash_t none = fsp_sha256(fsp_slice(NULL, 0));
    ck_assert_str_eq(hex_of(none.bytes, 32), cases[0][1]);
}
END_TEST

START_TEST(sha256_of_a_million_letters_in_pieces)
{
    static const char expected[] =
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    uint8_t letters[1000];
    memset(letters, 'a', sizeof(letters));
    fsp_sha256_t *sha256 = fsp_sha256_new();
    /* Twice: finish starts again. */
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < 1000; i++)
            fsp_sha256_update(sha256, fsp_slice(letters, sizeof(letters)));
        fsp_hash_t digest = fsp_sha256_finish(sha256);
        ck_assert_str_eq(hex_of(digest.bytes, 32), expected);
    }
    fsp_sha256_destroy(&sha256);
    ck_assert_ptr_null(sha256);
    fsp_sha256_destroy(&sha256);
}
END_TEST

START_TEST(sha256_agrees_with_mbedtls_however_it_is_cut)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(1));
    static uint8_t bytes[BYTES_MAX];
    for (int i = 0; i < 1000; i++) {
        size_t count = (size_t)fsp_prng_below(&prng, i % 10 ? 300 : BYTES_MAX);
        fsp_prng_fill(&prng, bytes, count);
        uint8_t expected[32];
        ck_assert_int_eq(mbedtls_sha256_ret(bytes, count, expected, 0), 0);
        fsp_hash_t whole = fsp_sha256(fsp_slice(bytes, count));
        ck_assert_mem_eq(whole.bytes, expected, 32);
        size_t a = (size_t)fsp_prng_below(&prng, count + 1);
        size_t b = a + (size_t)fsp_prng_below(&prng, count - a + 1);
        fsp_slice_t pieces[] = {fsp_slice(bytes, a), fsp_slice(bytes + a, b - a),
                                fsp_slice(bytes + b, count - b)};
        fsp_hash_t pieced = fsp_sha256_pieces(pieces, 3);
        ck_assert_mem_eq(pieced.bytes, expected, 32);
    }
}
END_TEST

/* Words and digests by a SHA-256 in Python; content: octet i is 7 i mod 251. */
START_TEST(a_saved_state_is_what_the_standard_says)
{
    static const struct {
        size_t bytes;
        const char *words, *continued; /* behind the bytes; digest with "and more" behind them */
    } cases[] = {{0, "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19",
                  "cddd0fde9cee8c1423854fd246c9afc6904341573bddf77393032bf34f45beff"},
                 {1, "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19",
                  "43d1fcdff28662d417fb64c56da834195aea19b3d92aa0ae2be6998fcf8ad860"},
                 {63, "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19",
                  "15f061e8c585dede50dacd13cd910c44749b5653c798993b38c0b4de67db06e7"},
                 {64, "f54b25b3c082623dfdce40ee7a7ebe38f253a3529284db391dcc817557f34aa4",
                  "04f5bdc06de50b54e2588f494b5427816b54539a1a0969fd103770e402cb3e63"},
                 {65, "f54b25b3c082623dfdce40ee7a7ebe38f253a3529284db391dcc817557f34aa4",
                  "1037fc2139210579cad2b20bcd2b55c8a07797d2f1ef666ded53bcf9363bb3c6"},
                 {1000, "7c85a1f552ba66cbd0e509586a0fd18563fe667f64f0d9e891b93b69a21cef6e",
                  "c563881fb2ea836ea0d689508e239e5df344aa7c759c3ad32aa16d0493e50434"},
                 {4096, "debd078546e9b98ed0f83981457ed56878487046b6a2998cf844ed2cf76cf041",
                  "55864f5598e065139dcd5fe35c7331c4c75f85b139ca961f337a99dd3ac10a7c"}};
    uint8_t content[4096];
    for (size_t i = 0; i < sizeof(content); i++)
        content[i] = (uint8_t)(i * 7 % 251);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t bytes = cases[i].bytes, tail = bytes % FSP_SHA256_BLOCK_BYTES;
        fsp_sha256_t *sha256 = fsp_sha256_new();
        fsp_sha256_update(sha256, fsp_slice(content, bytes));
        fsp_sha256_state_t state;
        fsp_sha256_save(sha256, &state);
        fsp_sha256_destroy(&sha256);
        ck_assert_uint_eq(state.bytes, bytes);
        ck_assert_str_eq(hex_of(state.words, sizeof(state.words)), cases[i].words);
        ck_assert_mem_eq(state.tail, content + bytes - tail, tail);
        for (size_t at = tail; at < FSP_SHA256_BLOCK_BYTES; at++)
            ck_assert_uint_eq(state.tail[at], 0);
        fsp_sha256_t *other = fsp_sha256_new();
        fsp_sha256_update(other, fsp_slice_text("goes"));
        fsp_sha256_load(other, &state);
        fsp_sha256_update(other, fsp_slice_text("and more"));
        fsp_hash_t digest = fsp_sha256_finish(other);
        ck_assert_str_eq(hex_of(digest.bytes, 32), cases[i].continued);
        fsp_sha256_destroy(&other);
    }
}
END_TEST

START_TEST(saved_anywhere_it_goes_on)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(2));
    static uint8_t bytes[BYTES_MAX];
    for (int i = 0; i < 500; i++) {
        size_t count = (size_t)fsp_prng_below(&prng, i % 10 ? 300 : BYTES_MAX);
        fsp_prng_fill(&prng, bytes, count);
        uint8_t expected[32];
        ck_assert_int_eq(mbedtls_sha256_ret(bytes, count, expected, 0), 0);
        fsp_sha256_t *sha256 = fsp_sha256_new();
        for (size_t at = 0; at < count;) {
            size_t some = 1 + (size_t)fsp_prng_below(&prng, count - at);
            fsp_sha256_update(sha256, fsp_slice(bytes + at, some));
            at += some;
            fsp_sha256_state_t state;
            fsp_sha256_save(sha256, &state);
            ck_assert_uint_eq(state.bytes, at);
            fsp_sha256_destroy(&sha256);
            sha256 = fsp_sha256_new();
            fsp_sha256_load(sha256, &state);
        }
        fsp_hash_t digest = fsp_sha256_finish(sha256);
        ck_assert_mem_eq(digest.bytes, expected, 32);
        fsp_sha256_destroy(&sha256);
    }
}
END_TEST

/* Behind 2^32 bits the library's count of them has a second word. */
START_TEST(a_saved_count_may_be_large)
{
    fsp_sha256_t *sha256 = fsp_sha256_new(), *other = fsp_sha256_new();
    static uint8_t zeros[1 << 20];
    for (int i = 0; i < 520; i++)
        fsp_sha256_update(sha256, fsp_slice(zeros, sizeof(zeros)));
    fsp_sha256_state_t state;
    fsp_sha256_save(sha256, &state);
    fsp_sha256_load(other, &state);
    fsp_hash_t whole = fsp_sha256_finish(sha256), loaded = fsp_sha256_finish(other);
    ck_assert_str_eq(hex_of(whole.bytes, 32),
                     "abf51ad954b246009dfe5a50ecd582fd5b8f1b8b27f30393853c3ef721e7fa6e");
    ck_assert(fsp_hash_eq(whole, loaded));
    fsp_sha256_destroy(&sha256);
    fsp_sha256_destroy(&other);
}
END_TEST

typedef struct {
    const char *key, *data, *expected; /* hex */
} hmac_case_t;
#define AA20 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DD25 "dddddddddddddddddddddddddddddddddddddddddddddddddd"
#define AA131 AA20 AA20 AA20 AA20 AA20 AA20 "aaaaaaaaaaaaaaaaaaaaaa"
static const hmac_case_t hmac_cases[] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {AA20, DD25 DD25, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {"0102030405060708090a0b0c0d0e0f10111213141516171819",
     "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
     "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    {AA131,
     "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368"
     "204b6579204669727374",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {AA131,
     "5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b2d73697a"
     "65206b657920616e642061206c6172676572207468616e20626c6f636b2d73697a6520646174612e20546865"
     "206b6579206e6565647320746f20626520686173686564206265666f7265206265696e67207573656420627920"
     "74686520484d414320616c676f726974686d2e",
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"}};
enum { HMAC_CASES = sizeof(hmac_cases) / sizeof(hmac_cases[0]) };

START_TEST(hmac_fits_rfc_4231)
{
    uint8_t key_room[200], data_room[200];
    fsp_slice_t key = unhex(hmac_cases[_i].key, key_room);
    fsp_slice_t data = unhex(hmac_cases[_i].data, data_room);
    fsp_hash_t whole = fsp_hmac(key, &data, 1);
    ck_assert_str_eq(hex_of(whole.bytes, 32), hmac_cases[_i].expected);
    fsp_slice_t pieces[] = {fsp_slice(data.data, 3), fsp_slice(NULL, 0),
                            fsp_slice(data.data + 3, data.bytes - 3)};
    fsp_hash_t pieced = fsp_hmac(key, pieces, 3);
    ck_assert_str_eq(hex_of(pieced.bytes, 32), hmac_cases[_i].expected);
}
END_TEST

typedef struct {
    const char *key, *salt, *info, *expected; /* hex */
} hkdf_case_t;
static const hkdf_case_t hkdf_cases[] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
     "f0f1f2f3f4f5f6f7f8f9",
     "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d"
     "2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
     "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d"
     "8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
     "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdd"
     "dedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
     "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e59"
     "0e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
     "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"}};
enum { HKDF_CASES = sizeof(hkdf_cases) / sizeof(hkdf_cases[0]) };

START_TEST(hkdf_fits_rfc_5869)
{
    uint8_t key_room[100], salt_room[100], info_room[100], expected_room[100], out[100];
    fsp_slice_t key = unhex(hkdf_cases[_i].key, key_room);
    fsp_slice_t salt = unhex(hkdf_cases[_i].salt, salt_room);
    fsp_slice_t info = unhex(hkdf_cases[_i].info, info_room);
    fsp_slice_t expected = unhex(hkdf_cases[_i].expected, expected_room);
    memset(out, 0xee, sizeof(out));
    fsp_hkdf(key, salt, info, out, expected.bytes);
    ck_assert_mem_eq(out, expected.data, expected.bytes);
    ck_assert_uint_eq(out[expected.bytes], 0xee);
}
END_TEST

START_TEST(hmac_and_hkdf_agree_with_mbedtls)
{
    const mbedtls_md_info_t *md = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(2));
    static uint8_t bytes[400], out[8160], expected[8160];
    for (int i = 0; i < 500; i++) {
        fsp_prng_fill(&prng, bytes, sizeof(bytes));
        size_t key = (size_t)fsp_prng_below(&prng, 130), salt = (size_t)fsp_prng_below(&prng, 130);
        size_t info = (size_t)fsp_prng_below(&prng, 130);
        size_t count = 1 + (size_t)fsp_prng_below(&prng, i % 50 ? 200 : sizeof(out));
        fsp_slice_t data = fsp_slice(bytes + 130, salt);
        fsp_hash_t digest = fsp_hmac(fsp_slice(bytes, key), &data, 1);
        ck_assert_int_eq(mbedtls_md_hmac(md, bytes, key, bytes + 130, salt, expected), 0);
        ck_assert_mem_eq(digest.bytes, expected, 32);
        fsp_hkdf(fsp_slice(bytes, key), data, fsp_slice(bytes + 260, info), out, count);
        ck_assert_int_eq(
            mbedtls_hkdf(md, bytes + 130, salt, bytes, key, bytes + 260, info, expected, count), 0);
        ck_assert_mem_eq(out, expected, count);
    }
    fsp_slice_t nothing = fsp_slice(NULL, 0);
    fsp_hkdf(fsp_slice(bytes, 32), nothing, nothing, out, 8160);
    ck_assert_int_eq(mbedtls_hkdf(md, NULL, 0, bytes, 32, NULL, 0, expected, 8160), 0);
    ck_assert_mem_eq(out, expected, 8160);
    FSP_EXPECT_ABORT(fsp_hkdf(fsp_slice(bytes, 32), nothing, nothing, out, 8161));
}
END_TEST

START_TEST(compares_and_wipes)
{
    uint8_t a[33], b[33];
    memset(a, 7, sizeof(a));
    memset(b, 7, sizeof(b));
    ck_assert(fsp_equal_secret(a, b, sizeof(a)));
    for (size_t i = 0; i < sizeof(b); i++) {
        b[i] ^= 0x80;
        ck_assert(!fsp_equal_secret(a, b, sizeof(a)));
        b[i] ^= 0x80;
    }
    ck_assert(fsp_equal_secret(NULL, NULL, 0));
    fsp_wipe(a, 32);
    for (size_t i = 0; i < 32; i++)
        ck_assert_uint_eq(a[i], 0);
    ck_assert_uint_eq(a[32], 7);
    fsp_wipe(NULL, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("digest");
    TCase *tests = tcase_create("digest");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, sha256_fits_fips_180_4);
    tcase_add_test(tests, sha256_of_a_million_letters_in_pieces);
    tcase_add_test(tests, sha256_agrees_with_mbedtls_however_it_is_cut);
    tcase_add_test(tests, a_saved_state_is_what_the_standard_says);
    tcase_add_test(tests, saved_anywhere_it_goes_on);
    tcase_add_test(tests, a_saved_count_may_be_large);
    tcase_add_loop_test(tests, hmac_fits_rfc_4231, 0, HMAC_CASES);
    tcase_add_loop_test(tests, hkdf_fits_rfc_5869, 0, HKDF_CASES);
    tcase_add_test(tests, hmac_and_hkdf_agree_with_mbedtls);
    tcase_add_test(tests, compares_and_wipes);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
