/* SPDX-License-Identifier: MIT */
/* fuzz_profile - a client's profile as JSON.  Layer tests. */
#include "proto/json.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fsp_profile_t profile, again;
    fsp_error_t error = {.text = ""};
    if (fsp_profile_decode(fsp_slice(data, bytes), &profile, &error) != FSP_OK) {
        FUZZ_CHECK(error.text[0] != '\0');
        return 0;
    }
    fsp_buf_t buf;
    fsp_buf_init(&buf, FSP_PROFILE_BYTES_MAX);
    fsp_profile_encode(&profile, &buf);
    FUZZ_CHECK(fsp_buf_ok(&buf));
    FUZZ_CHECK(fsp_profile_decode(fsp_buf_slice(&buf), &again, &error) == FSP_OK);
    FUZZ_CHECK(memcmp(&profile, &again, sizeof(profile)) == 0);
    fsp_buf_clear(&buf);
    return 0;
}
