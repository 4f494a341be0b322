/* SPDX-License-Identifier: MIT */
/* fuzz_command - commands of the state machine.  Layer tests. */
#include "core/meta/command.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    FUZZ_CANONICAL(fsp_command_t, fsp_command_decode, fsp_command_encode, fsp_slice(data, bytes),
                   FSP_COMMAND_BYTES_MAX);
    return 0;
}
