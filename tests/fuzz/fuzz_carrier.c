/* SPDX-License-Identifier: MIT */
/* fuzz_carrier - what lies beside a version record.  Layer tests. */
#include "core/meta/command.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    FUZZ_CANONICAL(fsp_carrier_t, fsp_carrier_decode, fsp_carrier_encode, fsp_slice(data, bytes),
                   FSP_CARRIER_BYTES_MAX);
    return 0;
}
