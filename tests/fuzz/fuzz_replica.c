/* SPDX-License-Identifier: MIT */
/* fuzz_replica - what replicas of a shard send each other: selector u8, then a configuration, a
   raft message, a message between replicas, or the rows of a frame.  Layer tests. */
#include "core/engine/replica_message.h"
#include "core/engine/snapshot_take.h"
#include "tests/fuzz/fuzz.h"

enum { BYTES_MAX = 16 * 1024 * 1024 };

static void
encode_raft(fsp_raft_message_t *message, fsp_buf_t *buf)
{
    fsp_raft_message_t copy = fsp_raft_message_copy(message);
    fsp_raft_message_clear(message);
    fsp_raft_message_encode(&copy, buf);
    fsp_raft_message_clear(&copy);
}

static void
encode_replica(fsp_replica_message_t *message, fsp_buf_t *buf)
{
    fsp_replica_message_t copy = fsp_replica_message_copy(message);
    fsp_replica_message_clear(message);
    fsp_replica_message_encode(&copy, buf);
    fsp_replica_message_clear(&copy);
}

static void
take_rows(fsp_slice_t rows)
{
    fsp_snapshot_take_t take = {.generation = 7};
    fsp_batch_t *batch = fsp_batch_new();
    if (fsp_snapshot_take_rows(&take, (fsp_shard_ref_t){3, 1}, rows, batch) == FSP_OK)
        for (size_t i = 0; i < fsp_batch_count(batch); i++) {
            fsp_batch_row_t row = fsp_batch_row(batch, i);
            FUZZ_CHECK(row.key.bytes > FSP_SNAPSHOT_PREFIX_BYTES);
            FUZZ_CHECK(row.key.bytes <= FSP_ROW_KEY_BYTES_MAX);
            FUZZ_CHECK(fsp_load_u32(row.key.data) == 3 && fsp_load_u32(row.key.data + 4) == 7);
        }
    fsp_batch_destroy(&batch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    uint8_t which = fuzz_u8(&input) % 4;
    fsp_slice_t value = fuzz_rest(&input);
    switch (which) {
    case 0:
        FUZZ_CANONICAL(fsp_raft_conf_t, fsp_raft_conf_decode, fsp_raft_conf_encode, value,
                       FSP_RAFT_CONF_BYTES_MAX);
        break;
    case 1:
        FUZZ_CANONICAL(fsp_raft_message_t, fsp_raft_message_decode, encode_raft, value, BYTES_MAX);
        break;
    case 2:
        FUZZ_CANONICAL(fsp_replica_message_t, fsp_replica_message_decode, encode_replica, value,
                       BYTES_MAX);
        break;
    default:
        take_rows(value);
        break;
    }
    return 0;
}
