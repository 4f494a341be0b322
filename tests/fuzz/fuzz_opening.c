/* SPDX-License-Identifier: MIT */
/* fuzz_opening - opens objects that were damaged or are lies.  Layer tests.
 *
 * kind u8, how u8, changes u8, (position u16, xor u8)..., plaintext.  An object is sealed, changed,
 * and opened: under its true name (then any change must be found) or under the name that its
 * changed bytes have (then tags must find it).  Bytes behind a second key never open.
 */
#include "core/data/object.h"
#include "tests/fuzz/fuzz.h"

static fsp_space_keys_t *
keys_of(uint8_t seed)
{
    fsp_secret_t secret;
    memset(secret.bytes, seed, sizeof(secret.bytes));
    fsp_space_keys_t *keys = fsp_space_keys_new();
    fsp_space_keys_add(keys, 1, &secret);
    return keys;
}

static void
check_ranges(const fsp_space_keys_t *keys, fsp_key_t key, fsp_slice_t object, fuzz_input_t *input)
{
    fsp_object_header_t header;
    fsp_key_t name;
    uint8_t head[FSP_OBJECT_HEAD_BYTES];
    if (fsp_object_name(object, &name, head) != FSP_OK ||
        fsp_object_header_decode(object, &header) != FSP_OK)
        return;
    const uint8_t *open = object.data + FSP_OBJECT_HEADER_BYTES;
    uint64_t from = fuzz_u16(input) % (header.plain_bytes + 1);
    uint64_t to = from + fuzz_u16(input) % (header.plain_bytes - from + 1);
    uint64_t sealed_from = 0, sealed_to = 0;
    if (header.codec == FSP_CODEC_NONE)
        fsp_object_range(&header, from, to, &sealed_from, &sealed_to);
    else
        sealed_from = fuzz_u16(input);
    if (sealed_to < sealed_from)
        sealed_to = sealed_from;
    fsp_blob_t *plain = NULL;
    uint64_t sealed_bytes = fsp_object_sealed_bytes(&header);
    if (sealed_to > sealed_bytes)
        return;
    (void)!fsp_object_open_range(
        keys, key, head, fsp_slice(open, header.open_bytes), sealed_from,
        fsp_slice(open + header.open_bytes + sealed_from, (size_t)(sealed_to - sealed_from)),
        &plain);
    fsp_blob_destroy(&plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static fsp_space_keys_t *ours, *theirs;
    if (!ours) {
        ours = keys_of(1);
        theirs = keys_of(2);
    }
    fuzz_input_t input = fuzz_input(data, bytes);
    fsp_object_kind_t kind = (fsp_object_kind_t)(FSP_OBJECT_CHUNK + fuzz_u8(&input) % 5);
    uint8_t how = fuzz_u8(&input);
    uint8_t changes = fuzz_u8(&input) % 8;
    fsp_slice_t list = fuzz_slice(&input, (size_t)3 * changes);
    fuzz_input_t ranges = fuzz_input(list.data, list.bytes);
    fsp_slice_t open = kind == FSP_OBJECT_TREE ? fuzz_slice(&input, how) : fsp_slice(NULL, 0);
    size_t plain_max = kind == FSP_OBJECT_INLINE || kind == FSP_OBJECT_DETAILS
                           ? FSP_INLINE_BYTES_MAX
                           : (kind == FSP_OBJECT_ATTR ? 64 : FSP_CHUNK_BYTES_MAX);
    fsp_slice_t plain = fuzz_slice(&input, plain_max);
    uint8_t *large = NULL;
    if (kind == FSP_OBJECT_CHUNK && (how & 4)) { /* several sub-blocks, compressible or not */
        size_t large_bytes = 1 + (size_t)how * 1024;
        large = fsp_alloc(large_bytes);
        uint32_t state = 1;
        for (size_t i = 0; i < large_bytes; i++) {
            state = state * 1664525u + 1013904223u;
            large[i] = (uint8_t)(how & 8 ? state >> 24 : i / 64);
        }
        plain = fsp_slice(large, large_bytes);
    }
    fsp_key_t key, name;
    fsp_blob_t *object = fsp_object_seal(ours, kind, open, plain, &key, NULL);
    fsp_blob_t *back = NULL;
    FUZZ_CHECK(fsp_object_open_whole(ours, key, fsp_blob_slice(object), &back, NULL) == FSP_OK);
    FUZZ_CHECK(fsp_slice_eq(fsp_blob_slice(back), plain));
    fsp_blob_destroy(&back);
    FUZZ_CHECK(fsp_object_open_whole(theirs, key, fsp_blob_slice(object), &back, NULL) != FSP_OK);

    size_t object_bytes = fsp_blob_bytes(object);
    uint8_t *changed = fsp_alloc_raw(object_bytes);
    memcpy(changed, fsp_blob_data(object), object_bytes);
    for (size_t i = 0; i + 2 < list.bytes; i += 3) {
        size_t at = (size_t)(list.data[i] << 8 | list.data[i + 1]);
        changed[at % object_bytes] ^= list.data[i + 2];
    }
    size_t length = object_bytes;
    if (how & 2)
        length -= how % (object_bytes + 1) % 80;
    fsp_slice_t bad = fsp_slice(changed, length);
    bool same = length == object_bytes && memcmp(changed, fsp_blob_data(object), length) == 0;
    fsp_status_t status = fsp_object_open_whole(ours, key, bad, &back, NULL);
    FUZZ_CHECK((status == FSP_OK) == same);
    fsp_blob_destroy(&back);
    if (!same && fsp_object_name(bad, &name, NULL) == FSP_OK)
        FUZZ_CHECK(fsp_object_open_whole(ours, name, bad, &back, NULL) != FSP_OK);
    FUZZ_CHECK(back == NULL);
    check_ranges(ours, how & 1 ? key : name, bad, &ranges);
    fsp_free(changed);
    fsp_free(large);
    fsp_blob_destroy(&object);
    return 0;
}
