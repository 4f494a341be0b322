/* SPDX-License-Identifier: MIT */
/* test_keys - identities, boxes, wrapped keys, recovery codes.  Layer tests.
 *
 * Ed25519: RFC 8032, 7.1.  X25519: RFC 7748, 6.1.  The rest by tests/unit/data/vectors.py.
 * sodium_init() is not called here, as it is not called in core.
 */
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/crypto/keys.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <string.h>

static fsp_slice_t
unhex(const char *text, uint8_t *room)
{
    size_t bytes = strlen(text) / 2;
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text(text), room, bytes), FSP_OK);
    return fsp_slice(room, bytes);
}

static const char *
hex_of(fsp_slice_t bytes)
{
    static char text[2 * 256 + 1];
    ck_assert_uint_le(bytes.bytes, 256);
    fsp_hex_encode(bytes.data, bytes.bytes, text);
    return text;
}

/* SHA-256 of a text as a secret. */
static fsp_secret_t
secret_of(const char *text)
{
    fsp_hash_t digest = fsp_sha256(fsp_slice_text(text));
    fsp_secret_t secret;
    memcpy(secret.bytes, digest.bytes, sizeof(secret.bytes));
    return secret;
}

static fsp_secret_t
counting_secret(void)
{
    fsp_secret_t secret;
    for (size_t i = 0; i < sizeof(secret.bytes); i++)
        secret.bytes[i] = (uint8_t)i;
    return secret;
}

static const struct {
    const char *seed, *public_key, *message, *signature;
} signatures[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
     "c61e39701cf9b4"
     "6bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
     "458f3613d0f11d"
     "8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
     "ae67f760984dc6"
     "594a7c15e9716ed28dc027beceea1ec40a"}};
enum { SIGNATURE_COUNT = sizeof(signatures) / sizeof(signatures[0]) };

START_TEST(a_key_of_a_space_opens_only_as_what_it_is)
{
    fsp_secret_t kek = {{3}};
    const uint8_t salt[32] = {4};
    fsp_space_id_t space = {{0x11}}, other = {{0x12}};
    char right[FSP_WRAP_CONTEXT_BYTES], wrong[FSP_WRAP_CONTEXT_BYTES];
    fsp_wrap_context("fsp space key v1", space, 1, right);
    ck_assert_str_eq(right, "fsp space key v1 11000000000000000000000000000000 1");
    fsp_buf_t wrapped, plain;
    fsp_buf_init(&wrapped, 256);
    fsp_buf_init(&plain, 256);
    fsp_wrap(&kek, salt, right, fsp_slice_text("the key"), &wrapped);
    ck_assert_int_eq(fsp_unwrap(&kek, right, fsp_buf_slice(&wrapped), &plain), FSP_OK);
    /* Another space, another generation, and a store from before formats froze (decision 0007). */
    fsp_wrap_context("fsp space key v1", other, 1, wrong);
    ck_assert_int_eq(fsp_unwrap(&kek, wrong, fsp_buf_slice(&wrapped), &plain), FSP_DAMAGED);
    fsp_wrap_context("fsp space key v1", space, 2, wrong);
    ck_assert_int_eq(fsp_unwrap(&kek, wrong, fsp_buf_slice(&wrapped), &plain), FSP_DAMAGED);
    fsp_buf_reset(&wrapped);
    fsp_wrap(&kek, salt, "fsp space key v1", fsp_slice_text("the key"), &wrapped);
    ck_assert_int_eq(fsp_unwrap(&kek, right, fsp_buf_slice(&wrapped), &plain), FSP_DAMAGED);
    fsp_buf_clear(&wrapped);
    fsp_buf_clear(&plain);
}
END_TEST

START_TEST(signatures_fit_rfc_8032)
{
    fsp_secret_t seed;
    uint8_t message_room[8], expected[64], signature[64];
    unhex(signatures[_i].seed, seed.bytes);
    fsp_slice_t message = unhex(signatures[_i].message, message_room);
    unhex(signatures[_i].signature, expected);
    fsp_sign_key_t key;
    fsp_sign_key_from_seed(&key, &seed);
    ck_assert_str_eq(hex_of(fsp_slice(key.public_key, 32)), signatures[_i].public_key);
    fsp_sign(&key, message, signature);
    ck_assert_mem_eq(signature, expected, sizeof(expected));
    ck_assert(fsp_verify(key.public_key, message, signature));
    for (size_t bit = 0; bit < 512; bit++) {
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert(!fsp_verify(key.public_key, message, signature));
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    ck_assert(!fsp_verify(key.public_key, fsp_slice_text("other"), signature));
    fsp_secret_wipe(&key.seed);
    ck_assert_uint_eq(key.seed.bytes[0] | key.seed.bytes[31], 0);
}
END_TEST

START_TEST(refuses_a_public_key_of_small_order)
{
    /* The neutral point verifies a signature of zeros over anything, by the bare equation. */
    uint8_t public_key[32] = {1}, signature[64] = {1};
    ck_assert(!fsp_verify(public_key, fsp_slice_text("anything"), signature));
}
END_TEST

START_TEST(box_public_key_fits_rfc_7748)
{
    fsp_secret_t secret;
    unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", secret.bytes);
    fsp_box_key_t key;
    fsp_box_key_from_secret(&key, &secret);
    ck_assert_str_eq(hex_of(fsp_slice(key.public_key, 32)),
                     "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
}
END_TEST

START_TEST(ids_fit_the_vectors)
{
    fsp_secret_t seed = counting_secret();
    fsp_sign_key_t key;
    fsp_sign_key_from_seed(&key, &seed);
    fsp_node_id_t node_id = fsp_node_id_of(key.public_key);
    ck_assert_str_eq(hex_of(FSP_SLICE_OF(node_id)),
                     "56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c");
    fsp_subject_id_t subject_id = fsp_subject_of(key.public_key);
    ck_assert_str_eq(hex_of(FSP_SLICE_OF(subject_id)), "aacab8c7acdbbdda52fd2e1d616e14cd");
}
END_TEST

/* Every way to shorten or change sealed bytes must be noticed, and leave ret alone. */
static void
expect_box_refuses_changes(const fsp_box_key_t *key, fsp_slice_t sealed)
{
    uint8_t copy[256];
    ck_assert_uint_le(sealed.bytes, sizeof(copy));
    memcpy(copy, sealed.data, sealed.bytes);
    fsp_buf_t out;
    fsp_buf_init(&out, 256);
    fsp_buf_append_u8(&out, 5);
    for (size_t bytes = 0; bytes < sealed.bytes; bytes++)
        ck_assert_int_eq(fsp_box_open(key, fsp_slice(copy, bytes), &out), FSP_DAMAGED);
    for (size_t bit = 0; bit < sealed.bytes * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        /* X25519 ignores the highest bit of a point, but the salt does not. */
        ck_assert_int_eq(fsp_box_open(key, fsp_slice(copy, sealed.bytes), &out), FSP_DAMAGED);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    memset(copy, 0, 32);
    ck_assert_int_eq(fsp_box_open(key, fsp_slice(copy, sealed.bytes), &out), FSP_DAMAGED);
    ck_assert_uint_eq(out.bytes, 1);
    ck_assert(fsp_buf_ok(&out));
    fsp_buf_clear(&out);
}

START_TEST(boxes_fit_the_vector_and_open_for_the_receiver_only)
{
    static const char expected[] =
        "9c8dfb7bfbb7ca9f92f6c47ba9e0583f0e7f55e9777909407bf706c586908d02d53a4afcc73f4659"
        "e336ea091a41"
        "70fae6042321d989daccdbe0b23ceae8";
    fsp_secret_t ephemeral = secret_of("e"), secret = secret_of("r"), other_secret = secret_of("o");
    fsp_box_key_t key, other;
    fsp_box_key_from_secret(&key, &secret);
    fsp_box_key_from_secret(&other, &other_secret);
    fsp_buf_t sealed, out;
    fsp_buf_init(&sealed, 200);
    fsp_buf_init(&out, 14);
    ck_assert_int_eq(
        fsp_box_seal(key.public_key, &ephemeral, fsp_slice_text("attack at dawn"), &sealed),
        FSP_OK);
    ck_assert_uint_eq(sealed.bytes, 14 + 48);
    ck_assert_str_eq(hex_of(fsp_buf_slice(&sealed)), expected);
    ck_assert_int_eq(fsp_box_open(&other, fsp_buf_slice(&sealed), &out), FSP_DAMAGED);
    expect_box_refuses_changes(&key, fsp_buf_slice(&sealed));
    ck_assert_int_eq(fsp_box_open(&key, fsp_buf_slice(&sealed), &out), FSP_OK);
    ck_assert(fsp_slice_eq(fsp_buf_slice(&out), fsp_slice_text("attack at dawn")));
    ck_assert_int_eq(fsp_box_open(&key, fsp_buf_slice(&sealed), &out), FSP_TOO_LARGE);
    fsp_buf_clear(&out);
    fsp_buf_reset(&sealed);
    /* An empty message. */
    ck_assert_int_eq(fsp_box_seal(key.public_key, &ephemeral, fsp_slice(NULL, 0), &sealed), FSP_OK);
    ck_assert_int_eq(fsp_box_open(&key, fsp_buf_slice(&sealed), &out), FSP_OK);
    ck_assert_uint_eq(out.bytes, 0);
    fsp_buf_clear(&sealed);
    fsp_buf_clear(&out);
}
END_TEST

START_TEST(does_not_seal_to_a_point_of_small_order)
{
    fsp_secret_t ephemeral = secret_of("e");
    fsp_buf_t sealed;
    fsp_buf_init(&sealed, 200);
    for (uint8_t first = 0; first < 2; first++) {
        uint8_t receiver[32] = {first};
        ck_assert_int_eq(fsp_box_seal(receiver, &ephemeral, fsp_slice_text("x"), &sealed),
                         FSP_INVALID);
    }
    ck_assert_uint_eq(sealed.bytes, 0);
    fsp_buf_clear(&sealed);
}
END_TEST

START_TEST(wrapped_keys_fit_the_vector_and_know_their_context)
{
    static const char expected[] =
        "63479ad69a090b258277ec8fba6f99419a2ffb248981510657c944ccd1148e97b8ad126d2f18753e"
        "a90e22496322"
        "feec7aa8eb12bab72b1c39c6f4fded1791b572c5c54636b20b7246c3528623e4109e";
    fsp_secret_t kek = counting_secret(), salt = secret_of("salt"), plain = secret_of("data key");
    fsp_buf_t wrapped, out;
    fsp_buf_init(&wrapped, 80);
    fsp_buf_init(&out, 32);
    fsp_wrap(&kek, salt.bytes, "fsp space key", FSP_SLICE_OF(plain), &wrapped);
    ck_assert(fsp_buf_ok(&wrapped));
    ck_assert_str_eq(hex_of(fsp_buf_slice(&wrapped)), expected);
    fsp_slice_t bytes = fsp_buf_slice(&wrapped);
    ck_assert_int_eq(fsp_unwrap(&kek, "fsp cut key", bytes, &out), FSP_DAMAGED);
    ck_assert_int_eq(fsp_unwrap(&plain, "fsp space key", bytes, &out), FSP_DAMAGED);
    for (size_t bit = 0; bit < wrapped.bytes * 8; bit++) {
        wrapped.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_int_eq(fsp_unwrap(&kek, "fsp space key", bytes, &out), FSP_DAMAGED);
        wrapped.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t count = 0; count < bytes.bytes; count++)
        ck_assert_int_eq(fsp_unwrap(&kek, "fsp space key", fsp_slice(bytes.data, count), &out),
                         FSP_DAMAGED);
    ck_assert_uint_eq(out.bytes, 0);
    ck_assert_int_eq(fsp_unwrap(&kek, "fsp space key", bytes, &out), FSP_OK);
    ck_assert(fsp_slice_eq(fsp_buf_slice(&out), FSP_SLICE_OF(plain)));
    fsp_wrap(&kek, salt.bytes, "fsp space key", FSP_SLICE_OF(plain), &wrapped);
    ck_assert(!fsp_buf_ok(&wrapped));
    fsp_buf_clear(&wrapped);
    fsp_buf_clear(&out);
}
END_TEST

static const struct {
    const char *bits, *text;
} codes[] = {{"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
              "000G-40R4-0M30-E209-185G-R38E-1W81-24GK-2GAH-C5RR-34D1-P70X-3RFG-PBHS"},
             {"5694d08a2e53ffcae0c3103e5ad6f6076abd960eb1f8a56577040bc1028f702b",
              "ATAD-12HE-AFZW-NR63-20Z5-NNQP-0XNB-V5GE-P7WA-ASBQ-0G5W-20MF-E0NG-5WMR"},
             {"0000000000000000000000000000000000000000000000000000000000000000",
              "0000-0000-0000-0000-0000-0000-0000-0000-0000-0000-0000-0000-0000-GFVD"},
             {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
              "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZG-M8KJ"}};
enum { CODE_COUNT = sizeof(codes) / sizeof(codes[0]) };

START_TEST(recovery_codes_fit_the_vectors)
{
    fsp_secret_t bits, out;
    unhex(codes[_i].bits, bits.bytes);
    char text[FSP_RECOVERY_TEXT_BYTES];
    fsp_recovery_encode(&bits, text);
    ck_assert_str_eq(text, codes[_i].text);
    ck_assert_int_eq(fsp_recovery_decode(fsp_slice_text(text), &out), FSP_OK);
    ck_assert_mem_eq(out.bytes, bits.bytes, 32);
}
END_TEST

START_TEST(recovery_codes_forgive_how_they_are_typed)
{
    static const char *const forms[] = {
        "ATAD12HEAFZWNR6320Z5NNQP0XNBV5GEP7WAASBQ0G5W20MFE0NG5WMR",
        "  atad-12he-afzw-nr63-20z5-nnqp-0xnb-v5ge-p7wa-asbq-0g5w-20mf-e0ng-5wmr\r\n",
        "ATAD I2HE AFZW NR63 2OZ5 NNQP OXNB V5GE P7WA ASBQ oG5W 2OMF EONG 5WMR",
        "ATAD-l2HE-AFZW-NR63-\n20Z5-NNQP-0XNB-V5GE-\tP7WA-ASBQ-0G5W-20MF-E0NG-5WMR"};
    fsp_secret_t expected, out;
    unhex(codes[1].bits, expected.bytes);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        ck_assert_int_eq(fsp_recovery_decode(fsp_slice_text(forms[i]), &out), FSP_OK);
        ck_assert_mem_eq(out.bytes, expected.bytes, 32);
    }
}
END_TEST

START_TEST(recovery_codes_refuse_slips)
{
    fsp_secret_t out, before = secret_of("before");
    out = before;
    char text[FSP_RECOVERY_TEXT_BYTES + 1];
    size_t digits = FSP_RECOVERY_TEXT_BYTES - 1;
    /* One digit changed; U and others are no digits. */
    for (size_t i = 0; i < digits; i++) {
        for (const char *other = "0123456789ABCDEFGHJKMNPQRSTVWXYZU*."; *other; other++) {
            memcpy(text, codes[0].text, digits + 1);
            if (text[i] == '-' || text[i] == *other)
                continue;
            text[i] = *other;
            ck_assert_int_eq(fsp_recovery_decode(fsp_slice(text, digits), &out), FSP_INVALID);
        }
    }
    for (size_t bytes = 0; bytes < digits; bytes++)
        ck_assert_int_eq(fsp_recovery_decode(fsp_slice(codes[0].text, bytes), &out), FSP_INVALID);
    snprintf(text, sizeof(text), "%s0", codes[0].text);
    ck_assert_int_eq(fsp_recovery_decode(fsp_slice_text(text), &out), FSP_INVALID);
    ck_assert_int_eq(fsp_recovery_decode(fsp_slice(NULL, 0), &out), FSP_INVALID);
    ck_assert_mem_eq(out.bytes, before.bytes, 32);
}
END_TEST

START_TEST(recovery_kek_fits_the_vector)
{
    fsp_secret_t bits = counting_secret(), kek;
    fsp_recovery_kek(&bits, &kek);
    ck_assert_str_eq(hex_of(FSP_SLICE_OF(kek)),
                     "39999e351661d2c3719de3cc17d1617c04bba921045b62355b33cb9420fac8fb");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("keys");
    TCase *tests = tcase_create("keys");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, signatures_fit_rfc_8032, 0, SIGNATURE_COUNT);
    tcase_add_test(tests, a_key_of_a_space_opens_only_as_what_it_is);
    tcase_add_test(tests, refuses_a_public_key_of_small_order);
    tcase_add_test(tests, box_public_key_fits_rfc_7748);
    tcase_add_test(tests, ids_fit_the_vectors);
    tcase_add_test(tests, boxes_fit_the_vector_and_open_for_the_receiver_only);
    tcase_add_test(tests, does_not_seal_to_a_point_of_small_order);
    tcase_add_test(tests, wrapped_keys_fit_the_vector_and_know_their_context);
    tcase_add_loop_test(tests, recovery_codes_fit_the_vectors, 0, CODE_COUNT);
    tcase_add_test(tests, recovery_codes_forgive_how_they_are_typed);
    tcase_add_test(tests, recovery_codes_refuse_slips);
    tcase_add_test(tests, recovery_kek_fits_the_vector);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
