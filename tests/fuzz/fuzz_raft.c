/* SPDX-License-Identifier: MIT */
/* fuzz_raft - what replicas say to each other: selector u8, then a configuration, a message of
   raft, or a message between replicas.  Layer tests. */
#include "core/engine/replica_message.h"
#include "tests/fuzz/fuzz.h"

enum { BYTES_MAX = 16 * 1024 * 1024 };

/* What decodes is sound, and keeps what its functions promise. */
static void
check_conf(fsp_slice_t value)
{
    fsp_raft_conf_t conf;
    if (fsp_raft_conf_decode(value, &conf) != FSP_OK)
        return;
    FUZZ_CHECK(fsp_raft_conf_sound(&conf));
    FUZZ_CHECK(fsp_raft_conf_eq(&conf, &conf));
    bool all[FSP_RAFT_SEATS_MAX];
    uint64_t matched[FSP_RAFT_SEATS_MAX];
    for (size_t i = 0; i < conf.count; i++) {
        all[i] = true;
        matched[i] = conf.seats[i].member.replica;
        FUZZ_CHECK(fsp_raft_conf_seat(&conf, matched[i]) == &conf.seats[i]);
    }
    bool voters = fsp_raft_conf_voters(&conf, FSP_RAFT_VOTER) > 0;
    FUZZ_CHECK(fsp_raft_conf_majority(&conf, all) == voters);
    FUZZ_CHECK(fsp_raft_conf_reached(&conf, matched) < conf.next_replica || conf.count == 0);
    if (fsp_raft_conf_joint(&conf)) {
        fsp_raft_conf_t left = fsp_raft_conf_leave(&conf);
        FUZZ_CHECK(fsp_raft_conf_sound(&left) && !fsp_raft_conf_joint(&left));
    }
}

static void
check_message(fsp_slice_t value)
{
    fsp_raft_message_t message;
    if (fsp_raft_message_decode(value, &message) != FSP_OK)
        return;
    fsp_raft_message_t copy = fsp_raft_message_copy(&message);
    fsp_raft_message_clear(&message);
    fsp_buf_t again;
    fsp_buf_init(&again, BYTES_MAX);
    fsp_raft_message_encode(&copy, &again);
    FUZZ_CHECK(fsp_slice_eq(fsp_buf_slice(&again), value));
    fsp_buf_clear(&again);
    fsp_raft_message_clear(&copy);
}

static void
check_replica(fsp_slice_t value)
{
    fsp_replica_message_t message;
    if (fsp_replica_message_decode(value, &message) != FSP_OK)
        return;
    fsp_replica_message_t copy = fsp_replica_message_copy(&message);
    fsp_replica_message_clear(&message);
    fsp_buf_t again;
    fsp_buf_init(&again, BYTES_MAX);
    fsp_replica_message_encode(&copy, &again);
    FUZZ_CHECK(fsp_slice_eq(fsp_buf_slice(&again), value));
    fsp_buf_clear(&again);
    fsp_replica_message_clear(&copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    uint8_t which = fuzz_u8(&input) % 3;
    fsp_slice_t value = fuzz_rest(&input);
    if (which == 0) {
        check_conf(value);
        FUZZ_CANONICAL(fsp_raft_conf_t, fsp_raft_conf_decode, fsp_raft_conf_encode, value,
                       FSP_RAFT_CONF_BYTES_MAX);
    } else if (which == 1) {
        check_message(value);
    } else {
        check_replica(value);
    }
    return 0;
}
