/* SPDX-License-Identifier: MIT */
/* fuzz_recovery - recovery codes as people type them; sealed boxes, wrapped keys.  Layer tests. */
#include "core/crypto/keys.h"
#include "tests/fuzz/fuzz.h"

static void
check_code(const fsp_secret_t *bits)
{
    char text[FSP_RECOVERY_TEXT_BYTES];
    fsp_secret_t again;
    fsp_recovery_encode(bits, text);
    FUZZ_CHECK(strlen(text) == FSP_RECOVERY_TEXT_BYTES - 1);
    FUZZ_CHECK(fsp_recovery_decode(fsp_slice_text(text), &again) == FSP_OK);
    FUZZ_CHECK(memcmp(bits, &again, sizeof(again)) == 0);
    for (char *c = text; *c; c++)
        *c = *c == '1' ? 'l' : *c == '0' ? 'o' : *c == '-' ? ' ' : *c;
    FUZZ_CHECK(fsp_recovery_decode(fsp_slice_text(text), &again) == FSP_OK);
    FUZZ_CHECK(memcmp(bits, &again, sizeof(again)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fsp_slice_t input = fsp_slice(data, bytes);
    fsp_secret_t bits = {{0}};
    if (fsp_recovery_decode(input, &bits) == FSP_OK)
        check_code(&bits);
    memcpy(bits.bytes, data, bytes < sizeof(bits.bytes) ? bytes : sizeof(bits.bytes));
    check_code(&bits);
    /* Nothing that was not wrapped opens. */
    fsp_buf_t plain;
    fsp_buf_init(&plain, 4096);
    FUZZ_CHECK(fsp_unwrap(&bits, "fuzz", input, &plain) != FSP_OK && plain.bytes == 0);
    fsp_box_key_t box;
    fsp_box_key_from_secret(&box, &bits);
    FUZZ_CHECK(fsp_box_open(&box, input, &plain) != FSP_OK && plain.bytes == 0);
    fsp_buf_clear(&plain);
    return 0;
}
