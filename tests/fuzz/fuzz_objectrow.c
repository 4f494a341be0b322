/* SPDX-License-Identifier: MIT */
/* fuzz_objectrow - rows of stored objects.  Layer tests. */
#include "core/data/objects.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    FUZZ_CANONICAL(fsp_object_row_t, fsp_object_row_decode, fsp_object_row_encode,
                   fsp_slice(data, bytes), FSP_VALUE_BYTES_MAX);
    return 0;
}
