/* SPDX-License-Identifier: MIT */
/* fuzz_object - headers of objects, and the name of a whole object.  Layer tests. */
#include "core/crypto/digest.h"
#include "core/data/object.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fsp_slice_t input = fsp_slice(data, bytes);
    fsp_object_header_t header;
    fsp_status_t decoded = fsp_object_header_decode(input, &header);
    if (decoded == FSP_OK) {
        uint8_t again[FSP_OBJECT_HEADER_BYTES];
        fsp_object_header_encode(&header, again);
        FUZZ_CHECK(bytes >= sizeof(again) && memcmp(again, data, sizeof(again)) == 0);
        FUZZ_CHECK(fsp_object_bytes(&header) <= FSP_OBJECT_BYTES_MAX);
        FUZZ_CHECK(fsp_object_sealed_bytes(&header) < fsp_object_bytes(&header));
    }
    fsp_key_t key;
    uint8_t head[FSP_OBJECT_HEAD_BYTES];
    if (fsp_object_name(input, &key, head) == FSP_OK) {
        FUZZ_CHECK(decoded == FSP_OK && fsp_object_bytes(&header) == bytes);
        fsp_hash_t name = fsp_sha256(fsp_slice(head, sizeof(head)));
        FUZZ_CHECK(memcmp(name.bytes, key.bytes, sizeof(key.bytes)) == 0);
    }
    return 0;
}
