/* SPDX-License-Identifier: MIT */
/* fuzz_reply - bodies of answers to clients, and the items in them.  Layer tests. */
#include "proto/client.h"
#include "tests/fuzz/fuzz.h"

/* Walks the items as one kind; each must encode to an item that decodes and encodes to itself. */
#define WALK(name_, info_)                                                                         \
    static void walk_##name_(const fsp_reply_t *reply)                                             \
    {                                                                                              \
        size_t at = 0;                                                                             \
        info_ item, again;                                                                         \
        while (fsp_reply_next_##name_(reply, &at, &item) == FSP_OK) {                              \
            fsp_buf_t once, twice;                                                                 \
            fsp_buf_init(&once, FSP_BODY_BYTES_MAX);                                               \
            fsp_buf_init(&twice, FSP_BODY_BYTES_MAX);                                              \
            fsp_item_##name_##_encode(&item, &once);                                               \
            fsp_reply_t one = {.item_count = 1, .items = fsp_buf_slice(&once)};                    \
            size_t start = 0;                                                                      \
            FUZZ_CHECK(fsp_reply_next_##name_(&one, &start, &again) == FSP_OK);                    \
            FUZZ_CHECK(start == once.bytes);                                                       \
            fsp_item_##name_##_encode(&again, &twice);                                             \
            FUZZ_CHECK(fsp_slice_eq(fsp_buf_slice(&once), fsp_buf_slice(&twice)));                 \
            fsp_buf_clear(&once);                                                                  \
            fsp_buf_clear(&twice);                                                                 \
        }                                                                                          \
        FUZZ_CHECK(at <= reply->items.bytes);                                                      \
    }
WALK(entry, fsp_entry_info_t)
WALK(version, fsp_version_info_t)
WALK(change, fsp_change_info_t)
WALK(space, fsp_space_info_t)
WALK(did, fsp_result_item_t)
WALK(key, fsp_key_info_t)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fsp_slice_t body = fsp_slice(data, bytes);
    FUZZ_STABLE(fsp_reply_t, fsp_reply_decode, fsp_reply_encode, body, FSP_BODY_BYTES_MAX);
    fsp_reply_t reply;
    if (fsp_reply_decode(body, &reply) == FSP_OK) {
        walk_entry(&reply);
        walk_version(&reply);
        walk_change(&reply);
        walk_space(&reply);
        walk_did(&reply);
        walk_key(&reply);
    }
    return 0;
}
