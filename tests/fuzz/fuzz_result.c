/* SPDX-License-Identifier: MIT */
/* fuzz_result - results of commands.  Layer tests. */
#include "core/meta/command.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    FUZZ_CANONICAL(fsp_result_t, fsp_result_decode, fsp_result_encode, fsp_slice(data, bytes),
                   FSP_RESULT_BYTES_MAX);
    return 0;
}
