/* SPDX-License-Identifier: MIT */
/* fuzz_envelope - the first frame of every message.  Layer tests. */
#include "proto/envelope.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fsp_envelope_t envelope;
    if (fsp_envelope_decode(fsp_slice(data, bytes), &envelope) == FSP_OK) {
        uint8_t again[FSP_ENVELOPE_BYTES];
        fsp_envelope_encode(&envelope, again);
        FUZZ_CHECK(bytes == sizeof(again) && memcmp(again, data, bytes) == 0);
        FUZZ_CHECK(envelope.body_bytes <= FSP_BODY_BYTES_MAX);
    }
    return 0;
}
