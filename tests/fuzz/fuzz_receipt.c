/* SPDX-License-Identifier: MIT */
/* fuzz_receipt - signed receipts: selector u8, then receipt bytes, or what a receipt is made of.
   Layer tests. */
#include "core/data/receipt.h"
#include "tests/fuzz/fuzz.h"

static void
fill(fuzz_input_t *input, fsp_receipt_t *ret)
{
    fuzz_fill(input, &ret->version_id, sizeof(ret->version_id));
    ret->content_root.bytes[0] = fuzz_u8(input);
    ret->sha256.bytes[0] = fuzz_u8(input);
    ret->durable_copies = fuzz_u32(input);
    ret->wanted_copies = fuzz_u32(input);
    ret->class_count = fuzz_u8(input) % (FSP_RECEIPT_CLASSES_MAX + 1);
    for (size_t i = 0; i < ret->class_count; i++) {
        fsp_receipt_class_t *class = &ret->classes[i];
        class->kind = (fsp_object_kind_t)(fuzz_u8(input) % 8);
        class->count = fuzz_u64(input);
        class->node_count = fuzz_u8(input) % (FSP_RECEIPT_NODES_MAX + 1);
        for (size_t k = 0; k < class->node_count; k++)
            class->nodes[k].bytes[0] = fuzz_u8(input);
        class->zone_count = fuzz_u32(input);
    }
    ret->change = fuzz_u64(input);
    ret->issued = fuzz_u64(input);
}

/* Signs what the input says, in the true form and with one byte changed. */
static void
check_made(fuzz_input_t *input)
{
    fsp_secret_t seed = {{7}};
    fsp_sign_key_t key;
    fsp_sign_key_from_seed(&key, &seed);
    fsp_receipt_t receipt, back;
    memset(&receipt, 0, sizeof(receipt));
    fill(input, &receipt);
    fsp_buf_t once, twice;
    fsp_buf_init(&once, FSP_RECEIPT_BYTES_MAX);
    fsp_buf_init(&twice, FSP_RECEIPT_BYTES_MAX);
    fsp_receipt_sign(&receipt, &key, &once);
    FUZZ_CHECK(fsp_buf_ok(&once));
    if (fsp_receipt_verify(fsp_buf_slice(&once), &back) == FSP_OK) {
        fsp_receipt_sign(&back, &key, &twice);
        FUZZ_CHECK(fsp_slice_eq(fsp_buf_slice(&once), fsp_buf_slice(&twice)));
    }
    size_t at = fuzz_u16(input) % once.bytes;
    uint8_t change = fuzz_u8(input);
    once.data[at] ^= change;
    if (change)
        FUZZ_CHECK(fsp_receipt_verify(fsp_buf_slice(&once), &back) != FSP_OK);
    fsp_buf_clear(&once);
    fsp_buf_clear(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    if (fuzz_u8(&input) % 2 == 0) {
        fsp_receipt_t receipt;
        (void)!fsp_receipt_verify(fuzz_rest(&input), &receipt);
    } else {
        check_made(&input);
    }
    return 0;
}
