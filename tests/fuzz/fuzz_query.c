/* SPDX-License-Identifier: MIT */
/* fuzz_query - what readers of a shard ask.  Layer tests. */
#include "core/meta/query.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    FUZZ_CANONICAL(fsp_query_t, fsp_query_decode, fsp_query_encode, fsp_slice(data, bytes),
                   FSP_BODY_BYTES_MAX);
    return 0;
}
