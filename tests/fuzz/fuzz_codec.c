/* SPDX-License-Identifier: MIT */
/* fuzz_codec - hostile zstd frames: expected bytes u16, then the frame.  Layer tests. */
#include "core/data/codec.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    size_t expected = fuzz_u16(&input);
    fsp_slice_t frame = fuzz_rest(&input);
    uint8_t *plain = fsp_alloc_raw(expected);
    if (fsp_codec_decompress(frame, plain, expected))
        FUZZ_CHECK(frame.bytes > 0);
    fsp_free(plain);
    (void)fsp_codec_promises(frame);
    size_t packed_bytes = 0;
    uint8_t *packed = fsp_codec_compress(frame, &packed_bytes);
    if (packed) {
        plain = fsp_alloc_raw(frame.bytes);
        FUZZ_CHECK(packed_bytes < frame.bytes);
        FUZZ_CHECK(fsp_codec_decompress(fsp_slice(packed, packed_bytes), plain, frame.bytes));
        FUZZ_CHECK(memcmp(plain, frame.data, frame.bytes) == 0);
        fsp_free(plain);
    }
    fsp_free(packed);
    return 0;
}
