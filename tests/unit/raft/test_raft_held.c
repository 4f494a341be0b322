/* SPDX-License-Identifier: MIT */
/* test_raft_held - what waits for a disk that stands still is bounded.  Layer tests. */
#include "core/base/check.h"
#include "core/raft/raft.h"
#include "tests/unit/suite.h"

enum { HEARTBEATS = 10000, HELD_MAX = 1024 };

static fsp_raft_t *raft;
static fsp_raft_effects_t effects;
static uint64_t tokens[16];
static size_t token_count, sent;

static void
step(fsp_raft_event_t event)
{
    fsp_raft_effects_reset(&effects);
    event.now_us = 1000;
    fsp_raft_step(raft, &event, &effects);
    for (size_t i = 0; i < effects.count; i++) {
        sent += effects.items[i].type == FSP_RAFT_SEND;
        if (effects.items[i].type == FSP_RAFT_WRITE)
            tokens[token_count++] = effects.items[i].token;
    }
}

static void
hear(fsp_raft_message_type_t type, fsp_entry_t *entries, size_t count)
{
    fsp_raft_message_t message = {
        .type = type, .from = 1, .to = 2, .term = 1, .entries = entries, .entry_count = count};
    step((fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &message});
}

START_TEST(replies_that_wait_for_a_stalled_disk_are_bounded)
{
    const fsp_raft_target_t target = {
        .count = 2,
        .members = {{.node_id = {{1}}, .store_id = {{1}}}, {.node_id = {{2}}, .store_id = {{2}}}}};
    fsp_raft_conf_t base = fsp_raft_conf_first(&target);
    fsp_raft_config_t config = {.self = base.seats[1].member,
                                .cache_bytes_max = 1024,
                                .limits = fsp_raft_limits_default(),
                                .seed = 1};
    fsp_raft_restore_t restore = {.base = &base};
    ck_assert_int_eq(fsp_raft_new(&config, &restore, &raft, NULL), FSP_OK);
    fsp_entry_t entry = {.index = 1, .term = 1, .kind = FSP_ENTRY_NOOP};
    hear(FSP_RAFT_APPEND, &entry, 1); /* its write never ends, as far as anybody can tell */
    for (size_t i = 0; i < HEARTBEATS; i++)
        hear(FSP_RAFT_HEARTBEAT, NULL, 0);
    ck_assert_uint_eq(sent, 0);
    for (size_t i = 0; i < token_count; i++)
        step((fsp_raft_event_t){.type = FSP_RAFT_WRITTEN, .token = tokens[i]});
    ck_assert_uint_gt(sent, 0);
    ck_assert_uint_le(sent, HELD_MAX);
    /* And it goes on as ever. */
    sent = 0;
    hear(FSP_RAFT_HEARTBEAT, NULL, 0);
    ck_assert_uint_eq(sent, 1);
    fsp_raft_effects_clear(&effects);
    fsp_raft_destroy(&raft);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("raft_held");
    TCase *tcase = tcase_create("held");
    tcase_add_test(tcase, replies_that_wait_for_a_stalled_disk_are_bounded);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
