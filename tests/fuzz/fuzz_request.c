/* SPDX-License-Identifier: MIT */
/* fuzz_request - bodies of client requests: type u16, then the body.  Layer tests. */
#include "proto/client.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    fsp_client_type_t type = (fsp_client_type_t)fuzz_u16(&input);
    fsp_slice_t body = fuzz_rest(&input);
#define DECODE(body_, ret_) fsp_request_decode(type, (body_), (ret_))
#define ENCODE(request_, buf_) fsp_request_encode(type, (request_), (buf_))
    FUZZ_STABLE(fsp_request_t, DECODE, ENCODE, body, FSP_BODY_BYTES_MAX);
    return 0;
}
