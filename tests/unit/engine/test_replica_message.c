/* SPDX-License-Identifier: MIT */
/* test_replica_message - what a wrong peer may not bring in as a snapshot.  Layer tests. */
#include "core/engine/replica_message.h"
#include "core/base/limits.h"
#include "tests/unit/suite.h"

static fsp_status_t
through_bytes(const fsp_raft_conf_t *conf)
{
    fsp_replica_message_t message = {
        .type = FSP_REPLICA_FRAME,
        .raft =
            {.type = FSP_RAFT_SNAPSHOT, .from = 1, .to = 2, .term = 3, .index = 9, .index_term = 2},
        .frame = {.id = 7, .conf = *conf, .rows = fsp_blob_copy("", 0)},
    };
    fsp_buf_t buf;
    fsp_buf_init(&buf, FSP_VALUE_BYTES_MAX);
    fsp_replica_message_encode(&message, &buf);
    fsp_replica_message_clear(&message);
    fsp_replica_message_t back;
    fsp_status_t status = fsp_replica_message_decode(fsp_buf_slice(&buf), &back);
    if (status == FSP_OK)
        fsp_replica_message_clear(&back);
    fsp_buf_clear(&buf);
    return status;
}

START_TEST(a_snapshot_brings_a_configuration_with_members)
{
    const fsp_raft_member_t member = {.node_id = {{1}}, .replica = 1, .store_id = {{2}}};
    fsp_raft_conf_t conf = fsp_raft_conf_single(&member);
    ck_assert_int_eq(through_bytes(&conf), FSP_OK);
    /* One without any would leave a replica that nobody can ever outvote or elect. */
    conf = (fsp_raft_conf_t){0};
    ck_assert_int_eq(through_bytes(&conf), FSP_INVALID);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("replica_message");
    TCase *tcase = tcase_create("frames");
    tcase_add_test(tcase, a_snapshot_brings_a_configuration_with_members);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
