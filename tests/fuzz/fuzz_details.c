/* SPDX-License-Identifier: MIT */
/* fuzz_details - sealed records: selector u8 (details, attributes; 2: midstates), then the
   plaintext. Layer tests. */
#include "core/data/details.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    uint8_t which = fuzz_u8(&input);
    fsp_slice_t body = fuzz_rest(&input);
    if (which == 2)
        FUZZ_CANONICAL(fsp_midstate_t, fsp_midstate_decode, fsp_midstate_encode, body, 8192);
    else if (which % 2 == 0)
        FUZZ_CANONICAL(fsp_details_t, fsp_details_decode, fsp_details_encode, body, 8192);
    else
        FUZZ_CANONICAL(fsp_attr_t, fsp_attr_decode, fsp_attr_encode, body, 8192);
    fsp_attr_t attr;
    if (which % 2 == 1 && fsp_attr_decode(body, &attr) == FSP_OK)
        FUZZ_CHECK(fsp_attr_valid(&attr));
    return 0;
}
