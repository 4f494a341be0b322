/* SPDX-License-Identifier: MIT */
/* test_recovery_rows - five replicas, some of which are lost; the others go on.  Layer tests. */
#include "core/base/alloc.h"
#include "core/base/memview.h"
#include "core/base/prng.h"
#include "core/engine/log_rows.h"
#include "core/engine/recovery_rows.h"
#include "tests/unit/aborts.h"
#include "tests/unit/engine/replica_commands.h"
#include "tests/unit/suite.h"

enum { NODES = 5, MODEL = NODES, SHARD = 3, MAIL_MAX = 4096 };

typedef struct {
    fsp_memview_t *log, *state;
    fsp_replica_config_t config; /* as it starts */
    fsp_replica_t *replica;
    uint64_t place; /* of its last write */
    fsp_replica_effects_t effects;
    uint64_t last, applied; /* how far it came in the old era */
} node_t;

static node_t nodes[NODES + 1]; /* and one that shows what the others should have */
static fsp_buf_t bytes;
static fsp_recovery_state_t states[NODES];
static fsp_recovery_survivor_t survivors[NODES];
static fsp_recovery_t recovery;
static fsp_time_t now_us;
static fsp_replica_message_t mail[MAIL_MAX];
static size_t mail_count;
static size_t fault_count;
static uint64_t replied;
static fsp_status_t reply_status;

/* -- the old era ------------------------------------------------------------------------------- */

static void
apply_batch(node_t *node, fsp_batch_t **batch_p)
{
    fsp_memview_apply(node->log, *batch_p, FSP_FAMILY_LOG);
    fsp_memview_apply(node->state, *batch_p, FSP_FAMILY_STATE);
    fsp_batch_destroy(batch_p);
}

/* Entry 1 is the configuration; terms rise at 2 and at 8; 3 makes a space, the others directories,
   and 6 is no command. */
static fsp_entry_t
make_entry(uint64_t index)
{
    fsp_entry_t entry = {
        .index = index, .term = index < 8 ? 2 : 5, .kind = FSP_ENTRY_COMMAND, .bytes = NULL};
    if (index == 2 || index == 8) {
        entry.kind = FSP_ENTRY_NOOP;
        return entry;
    }
    fsp_slice_t command = index == 3   ? replica_space_init(&bytes)
                          : index == 6 ? fsp_slice_text("junk")
                                       : replica_make_directory(&bytes, (uint8_t)index, 1);
    entry.bytes = fsp_blob_new(FSP_LOG_TIME_BYTES + command.bytes);
    fsp_store_u64(fsp_blob_writable(entry.bytes), 1000 * index);
    memcpy(fsp_blob_writable(entry.bytes) + FSP_LOG_TIME_BYTES, command.data, command.bytes);
    return entry;
}

static void
put_log(node_t *node)
{
    fsp_log_name_t name = fsp_log_name(node->config.shard, &node->config.self);
    fsp_batch_t *batch = fsp_batch_new();
    fsp_raft_conf_t first = node->config.base;
    fsp_replica_bootstrap(&node->config, &first, batch);
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_log_hard_encode(&(fsp_log_hard_t){.hard = {.term = node->last < 8 ? 2 : 5, .vote = 1}},
                        &value);
    fsp_log_key_t key = fsp_log_hard_key(&name);
    fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&key), fsp_buf_slice(&value));
    for (uint64_t i = 2; i <= node->last; i++) {
        fsp_entry_t entry = make_entry(i);
        fsp_buf_reset(&value);
        fsp_log_entry_encode(&entry, &value);
        fsp_blob_destroy(&entry.bytes);
        key = fsp_log_entry_key(&name, i);
        fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&key), fsp_buf_slice(&value));
    }
    fsp_buf_clear(&value);
    apply_batch(node, &batch);
}

static void
put_state(node_t *node)
{
    fsp_overlay_t *pending = fsp_overlay_new(fsp_memview_view(node->state));
    fsp_overlay_t *txn = fsp_overlay_new(fsp_overlay_view(pending));
    fsp_batch_t *batch = fsp_batch_new();
    fsp_time_t time = 0;
    for (uint64_t i = 1; i <= node->applied; i++) {
        fsp_entry_t entry = i == 1 ? (fsp_entry_t){.index = 1, .term = 1} : make_entry(i);
        fsp_slice_t command = {0};
        if (entry.bytes) {
            fsp_slice_t all = fsp_blob_slice(entry.bytes);
            time = fsp_load_u64(all.data);
            command = fsp_slice(all.data + FSP_LOG_TIME_BYTES, all.bytes - FSP_LOG_TIME_BYTES);
        }
        fsp_buf_t result;
        fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
        ck_assert_int_eq(
            fsp_meta_apply(node->config.shard, txn, i, entry.term, time, command, &result), FSP_OK);
        fsp_buf_clear(&result);
        fsp_overlay_commit(txn, pending, i, batch, FSP_FAMILY_STATE);
        fsp_blob_destroy(&entry.bytes);
    }
    fsp_overlay_destroy(&txn);
    fsp_overlay_destroy(&pending);
    apply_batch(node, &batch);
}

/* Replica i + 1 of five, with that much of the common log. */
static void
make_node(size_t i, uint64_t last, uint64_t applied)
{
    node_t *node = &nodes[i];
    *node = (node_t){.log = fsp_memview_new(), .state = fsp_memview_new()};
    node->last = last;
    node->applied = applied;
    fsp_raft_target_t five = {.aim = 1, .count = NODES};
    for (uint8_t k = 0; k < NODES; k++)
        five.members[k] = (fsp_raft_wanted_t){.node_id = {{(uint8_t)(k + 1)}},
                                              .store_id = {{(uint8_t)(k + 0x40)}}};
    node->config = (fsp_replica_config_t){.shard = {.shard = SHARD, .generation = 1},
                                          .base = fsp_raft_conf_first(&five),
                                          .seed = i + 1,
                                          .cache_bytes_max = 1024 * 1024,
                                          .watermark = last};
    node->config.self = node->config.base.seats[i % NODES].member;
    put_log(node);
    put_state(node);
}

static void
set_up(void)
{
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    now_us = 1;
    mail_count = 0;
    fault_count = 0;
}

static void
tear_down(void)
{
    for (size_t i = 0; i <= NODES; i++) {
        fsp_replica_destroy(&nodes[i].replica);
        fsp_replica_effects_clear(&nodes[i].effects);
        fsp_memview_destroy(&nodes[i].log);
        fsp_memview_destroy(&nodes[i].state);
    }
    for (size_t i = 0; i < mail_count; i++)
        fsp_replica_message_clear(&mail[i]);
    fsp_recovery_clear(&recovery);
    fsp_buf_clear(&bytes);
}

/* -- recovery ---------------------------------------------------------------------------------- */

static void
on_fault(void *context, const fsp_fault_t *fault)
{
    (void)context;
    (void)fault;
    fault_count++;
}

static void
look(size_t i)
{
    fsp_recovery_look(&nodes[i].config, fsp_memview_view(nodes[i].log),
                      fsp_memview_view(nodes[i].state), on_fault, NULL, &states[i]);
}

/* The first `count` nodes are left. */
static fsp_status_t
decide(size_t count)
{
    fsp_recovery_input_t input = {
        .survivors = survivors, .survivor_count = count, .states = states, .state_count = count};
    for (size_t i = 0; i < count; i++) {
        look(i);
        survivors[i] = (fsp_recovery_survivor_t){.node_id = nodes[i].config.self.node_id,
                                                 .store_id = nodes[i].config.self.store_id};
    }
    fsp_error_t error;
    return fsp_recovery_decide(&input, &recovery, &error);
}

static fsp_recovery_source_t *
open_source(void)
{
    const node_t *taken = &nodes[recovery.shards[0].taken];
    fsp_recovery_source_t *source = NULL;
    fsp_error_t error = {.text = ""};
    fsp_status_t status =
        fsp_recovery_source_new(&recovery.shards[0], &taken->config, fsp_memview_view(taken->log),
                                fsp_memview_view(taken->state), &source, &error);
    ck_assert_msg(status == FSP_OK, "%s", error.text);
    return source;
}

/* Everything before the switch. */
static uint32_t
copy_rows(node_t *node, const fsp_recovery_source_t *source)
{
    uint32_t generation = 0;
    fsp_view_t *view = fsp_memview_view(node->state);
    ck_assert_int_eq(fsp_recovery_generation(SHARD, view, &generation), FSP_OK);
    fsp_recovery_copy_t copy;
    fsp_recovery_copy_init(&copy, source, generation);
    for (bool done = false; !done;) {
        fsp_batch_t *batch = fsp_batch_new();
        ck_assert_int_eq(fsp_recovery_copy_next(&copy, batch, &done), FSP_OK);
        apply_batch(node, &batch);
    }
    fsp_hash_t digest;
    uint64_t rows = 0;
    fsp_shard_ref_t made = {.shard = SHARD, .generation = generation};
    ck_assert_int_eq(fsp_recovery_digest(made, view, &digest, &rows), FSP_OK);
    ck_assert(fsp_hash_eq(digest, copy.digest));
    ck_assert_uint_eq(rows, copy.row_count);
    ck_assert_uint_ge(rows, 1); /* that of the shard */
    fsp_recovery_copy_clear(&copy);
    return generation;
}

static void
switch_node(node_t *node, uint32_t generation)
{
    const fsp_recovered_shard_t *shard = &recovery.shards[0];
    const fsp_raft_member_t *member = fsp_recovered_member(shard, node->config.self.node_id);
    fsp_batch_t *batch = fsp_batch_new();
    fsp_recovery_switch(shard, member, 1, generation, batch);
    apply_batch(node, &batch);
    node->config.self = *member;
    node->config.base = (fsp_raft_conf_t){0};
    node->config.watermark = shard->start_index;
}

static void
recover(size_t count)
{
    fsp_recovery_source_t *source = open_source();
    for (size_t i = 0; i < count; i++)
        switch_node(&nodes[i], copy_rows(&nodes[i], source));
    fsp_recovery_source_destroy(&source);
}

/* -- the new era: a network that loses nothing --------------------------------------------------
 */

static void
start(node_t *node)
{
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_replica_new(&node->config, fsp_memview_view(node->log),
                                          fsp_memview_view(node->state), &node->replica, &error);
    ck_assert_msg(status == FSP_OK, "%s", error.text);
}

static void
step(node_t *node, fsp_replica_event_t event)
{
    event.now_us = now_us;
    event.wall_us = now_us;
    uint64_t written[64];
    size_t written_count = 0;
    ck_assert_int_eq(fsp_replica_step(node->replica, &event, &node->effects), FSP_OK);
    for (size_t i = 0; i < node->effects.count; i++) {
        fsp_replica_effect_t *effect = &node->effects.items[i];
        if (effect->type == FSP_REPLICA_WRITE) {
            ck_assert_uint_lt(written_count, 64);
            written[written_count++] = effect->token;
            apply_batch(node, &effect->batch);
        } else if (effect->type == FSP_REPLICA_SEND) {
            ck_assert_uint_lt(mail_count, MAIL_MAX);
            mail[mail_count++] = fsp_replica_message_copy(&effect->message);
        } else if (effect->type == FSP_REPLICA_REPLY) {
            replied = effect->token;
            reply_status = effect->status;
        }
        ck_assert_int_ne(effect->type, FSP_REPLICA_STOP);
    }
    fsp_replica_effects_reset(&node->effects);
    for (size_t i = 0; i < written_count; i++)
        step(node, (fsp_replica_event_t){
                       .type = FSP_REPLICA_WRITTEN, .token = written[i], .place = ++node->place});
}

static void
deliver(size_t count)
{
    while (mail_count > 0) {
        fsp_replica_message_t message = mail[0];
        memmove(mail, mail + 1, --mail_count * sizeof(mail[0]));
        for (size_t i = 0; i < count; i++)
            if (nodes[i].config.self.replica == message.raft.to)
                step(&nodes[i],
                     (fsp_replica_event_t){.type = FSP_REPLICA_MESSAGE, .message = &message});
        fsp_replica_message_clear(&message);
    }
}

static void
elapse(size_t count, fsp_time_t us)
{
    enum { SLICE_US = 10 * 1000 };
    for (fsp_time_t end = now_us + us; now_us < end; now_us += SLICE_US) {
        for (size_t i = 0; i < count; i++)
            if (fsp_replica_deadline(nodes[i].replica) <= now_us)
                step(&nodes[i], (fsp_replica_event_t){.type = FSP_REPLICA_TICK});
        deliver(count);
    }
}

static node_t *
leader(size_t count)
{
    node_t *found = NULL;
    for (size_t i = 0; i < count; i++)
        if (fsp_replica_ready(nodes[i].replica)) {
            ck_assert_ptr_null(found);
            found = &nodes[i];
        }
    ck_assert_ptr_nonnull(found);
    return found;
}

static void
command(size_t count, uint64_t token, fsp_slice_t words)
{
    replied = 0;
    step(leader(count),
         (fsp_replica_event_t){.type = FSP_REPLICA_COMMAND, .token = token, .bytes = words});
    elapse(count, 1000 * 1000);
    ck_assert_uint_eq(replied, token);
    ck_assert_int_eq(reply_status, FSP_OK);
}

static fsp_hash_t
state_digest(const node_t *node)
{
    fsp_hash_t digest;
    uint64_t rows;
    ck_assert_int_eq(fsp_recovery_digest(fsp_replica_shard(node->replica),
                                         fsp_memview_view(node->state), &digest, &rows),
                     FSP_OK);
    return digest;
}

/* Of a state to which all of the log up to `last` was applied, at the recovery's start. */
static fsp_hash_t
model_digest(uint64_t last)
{
    make_node(MODEL, last, last);
    fsp_shard_ref_t shard = nodes[MODEL].config.shard;
    fsp_view_t *view = fsp_memview_view(nodes[MODEL].state);
    fsp_shard_row_t row;
    ck_assert_int_eq(fsp_meta_shard_row(shard, view, &row), FSP_OK);
    ck_assert_uint_eq(row.applied_index, last);
    row.applied_index = recovery.shards[0].start_index;
    row.applied_term = recovery.shards[0].start_term;
    fsp_buf_t value;
    fsp_buf_init(&value, 256);
    fsp_shard_row_encode(&row, &value);
    fsp_row_key_t key = fsp_row_key(shard, FSP_TABLE_SHARD, (fsp_space_id_t){{0}});
    fsp_omap_put(fsp_memview_map(nodes[MODEL].state), fsp_row_key_slice(&key),
                 fsp_buf_slice(&value), 0);
    fsp_buf_clear(&value);
    fsp_hash_t digest;
    uint64_t rows;
    ck_assert_int_eq(fsp_recovery_digest(shard, view, &digest, &rows), FSP_OK);
    return digest;
}

/* Rows of LOG and STATE that are not of the present replica are gone. */
static void
expect_clean(const node_t *node)
{
    fsp_shard_ref_t shard = fsp_replica_shard(node->replica);
    fsp_log_name_t name = fsp_log_name(node->config.shard, &node->config.self);
    for (const fsp_omap_row_t *row = fsp_omap_first(fsp_memview_map(node->log)); row;
         row = fsp_omap_next(row))
        ck_assert_mem_eq(row->key.data, name.prefix, FSP_LOG_PREFIX_BYTES);
    for (const fsp_omap_row_t *row = fsp_omap_first(fsp_memview_map(node->state)); row;
         row = fsp_omap_next(row))
        ck_assert_uint_eq(fsp_load_u32(row->key.data + 4), shard.generation);
}

/* -- stories ----------------------------------------------------------------------------------- */

/* _i + 1 of five are left; what each has is drawn. */
START_TEST(the_survivors_of_five_go_on_and_agree)
{
    size_t count = (size_t)_i % NODES + 1;
    fsp_prng_t prng;
    fsp_prng_init(&prng, (uint64_t)_i);
    uint64_t best = 0;
    for (size_t i = 0; i < NODES; i++) {
        uint64_t last = 1 + fsp_prng_below(&prng, 12);
        make_node(i, last, fsp_prng_below(&prng, last + 1));
        best = i < count && last > best ? last : best;
    }
    ck_assert_int_eq(decide(count), FSP_OK);
    ck_assert_uint_eq(fault_count, 0);
    ck_assert(recovery.needed == (count < 3));
    ck_assert_uint_eq(nodes[recovery.shards[0].taken].last, best);
    recover(count);
    fsp_hash_t expected = model_digest(best);
    for (size_t i = 0; i < count; i++) {
        start(&nodes[i]);
        ck_assert_uint_eq(fsp_replica_applied_index(nodes[i].replica), best + (UINT64_C(1) << 32));
        ck_assert(fsp_hash_eq(state_digest(&nodes[i]), expected));
    }
    elapse(count, 5 * 1000 * 1000);
    if (best < 3)
        command(count, 70, replica_space_init(&bytes));
    command(count, 71, replica_make_directory(&bytes, 200, 1));
    /* What the best log had is decided: the same command is answered, and makes nothing. */
    if (best >= 4)
        command(count, 72, replica_make_directory(&bytes, 4, 2));
    elapse(count, 1000 * 1000);
    uint64_t applied = fsp_replica_applied_index(nodes[0].replica);
    ck_assert_uint_gt(applied, best + (UINT64_C(1) << 32));
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(fsp_replica_applied_index(nodes[i].replica), applied);
        ck_assert(fsp_hash_eq(state_digest(&nodes[i]), state_digest(&nodes[0])));
        expect_clean(&nodes[i]);
        look(i); /* with the configuration of the log alone */
        ck_assert(states[i].whole);
        ck_assert(fsp_raft_conf_eq(&states[i].conf, &recovery.shards[0].conf));
    }
    /* It can be recovered once more. */
    fsp_recovery_clear(&recovery);
    ck_assert_int_eq(decide(1), FSP_OK);
    ck_assert_uint_ge(recovery.shards[0].start_index, applied + (UINT64_C(1) << 32));
}
END_TEST

START_TEST(a_crash_before_the_switch_changes_nothing)
{
    make_node(0, 9, 5);
    make_node(1, 7, 7);
    for (size_t i = 2; i < NODES; i++)
        make_node(i, 1, 0);
    ck_assert_int_eq(decide(2), FSP_OK);
    fsp_era_t era = recovery.era;
    fsp_recovery_source_t *source = open_source();
    uint32_t first = copy_rows(&nodes[0], source);
    ck_assert_uint_eq(first, 2);
    fsp_recovery_source_destroy(&source);
    fsp_recovery_clear(&recovery);
    /* Given again, it decides the same, and copies beside what the first attempt left. */
    ck_assert_int_eq(decide(2), FSP_OK);
    ck_assert_uint_eq(fault_count, 0);
    ck_assert_int_eq(fsp_era_compare(&era, &recovery.era), FSP_ERA_SAME);
    source = open_source();
    ck_assert_uint_eq(copy_rows(&nodes[0], source), 3);
    fsp_recovery_source_destroy(&source);
    /* Given up: the old replica starts as if nothing had been, and clears up. */
    start(&nodes[0]);
    ck_assert_uint_eq(fsp_replica_applied_index(nodes[0].replica), 5);
    step(&nodes[0], (fsp_replica_event_t){.type = FSP_REPLICA_TICK});
    expect_clean(&nodes[0]);
}
END_TEST

START_TEST(a_replica_that_was_left_behind_is_refused)
{
    for (size_t i = 0; i < NODES; i++)
        make_node(i, 9, 9);
    ck_assert_int_eq(decide(2), FSP_OK);
    fsp_era_t old = {.number = 0};
    /* What HELLO compares, at either side. */
    ck_assert_int_eq(fsp_era_compare(&recovery.era, &old), FSP_ERA_OLDER);
    ck_assert_int_eq(fsp_era_compare(&old, &recovery.era), FSP_ERA_NEWER);
    ck_assert(fsp_recovery_left_behind(&recovery, nodes[4].config.self.node_id));
    ck_assert(!fsp_recovery_left_behind(&recovery, nodes[1].config.self.node_id));
    /* Nothing it counts is above what the survivors count from now on. */
    recover(2);
    start(&nodes[0]);
    start(&nodes[4]);
    fsp_era_value_t is = {recovery.era, fsp_replica_applied_index(nodes[0].replica)};
    fsp_era_value_t was = {old, UINT64_MAX};
    ck_assert_int_eq(fsp_era_value_compare(&is, &was), FSP_ERA_OLDER);
    ck_assert_int_eq(fsp_era_cursor(&recovery.era, &old), FSP_GONE);
    /* Its directory among those of a later recovery is refused as well. */
    for (size_t i = 0; i < 2; i++)
        survivors[i].era = recovery.era;
    survivors[2] = (fsp_recovery_survivor_t){.node_id = nodes[4].config.self.node_id,
                                             .store_id = nodes[4].config.self.store_id};
    fsp_recovery_input_t input = {
        .survivors = survivors, .survivor_count = 3, .states = states, .state_count = 2};
    fsp_recovery_t again;
    fsp_error_t error;
    ck_assert_int_eq(fsp_recovery_decide(&input, &again, &error), FSP_STALE);
    /* The halves that were recovered apart. */
    fsp_era_t one = recovery.era;
    fsp_recovery_clear(&recovery);
    for (size_t i = 0; i < 2; i++) {
        look(i + 2);
        states[i] = states[i + 2];
        survivors[i] = (fsp_recovery_survivor_t){.node_id = states[i].member.node_id,
                                                 .store_id = states[i].member.store_id};
    }
    input.survivor_count = 2;
    ck_assert_int_eq(fsp_recovery_decide(&input, &recovery, &error), FSP_OK);
    ck_assert_int_eq(fsp_era_compare(&one, &recovery.era), FSP_ERA_FORKED);
}
END_TEST

static void
remove_entry(node_t *node, uint64_t index)
{
    fsp_log_name_t name = fsp_log_name(node->config.shard, &node->config.self);
    fsp_log_key_t key = fsp_log_entry_key(&name, index);
    fsp_omap_remove(fsp_memview_map(node->log), fsp_log_key_slice(&key));
}

START_TEST(a_damaged_replica_is_never_taken_and_gets_the_rows_anew)
{
    for (size_t i = 0; i < NODES; i++)
        make_node(i, 6 + i, 4);
    if (_i == 0)
        remove_entry(&nodes[2], 5); /* the best: a gap in its log */
    else if (_i == 1)
        remove_entry(&nodes[2], 8); /* an end that was acknowledged */
    else
        fsp_omap_put(fsp_memview_map(nodes[2].state), /* a row that does not decode */
                     fsp_slice("\0\0\0\3\0\0\0\1\2xxxxxxxxxxxxxxxx", 25), fsp_slice_text("?"), 0);
    ck_assert_int_eq(decide(3), FSP_OK);
    ck_assert_uint_gt(fault_count, 0);
    ck_assert(states[0].whole && states[1].whole && !states[2].whole);
    ck_assert_uint_eq(states[2].hard.term, 5);
    ck_assert_uint_eq(recovery.shards[0].taken, 1);
    ck_assert_uint_eq(recovery.shards[0].start_term, 6); /* it voted in 5 */
    recover(3);
    for (size_t i = 0; i < 3; i++)
        start(&nodes[i]);
    elapse(3, 5 * 1000 * 1000);
    command(3, 71, replica_make_directory(&bytes, 200, 1));
    elapse(3, 1000 * 1000);
    for (size_t i = 0; i < 3; i++) {
        ck_assert(fsp_hash_eq(state_digest(&nodes[i]), state_digest(&nodes[0])));
        expect_clean(&nodes[i]);
    }
}
END_TEST

START_TEST(what_changed_since_the_decision_is_not_taken)
{
    make_node(0, 9, 5);
    for (size_t i = 1; i < NODES; i++)
        make_node(i, 5, 5);
    ck_assert_int_eq(decide(1), FSP_OK);
    fsp_recovery_source_t *source = NULL;
    fsp_error_t error;
    const fsp_recovered_shard_t *shard = &recovery.shards[0];
    ck_assert_int_eq(fsp_recovery_source_new(shard, &nodes[1].config,
                                             fsp_memview_view(nodes[1].log),
                                             fsp_memview_view(nodes[1].state), &source, &error),
                     FSP_MISMATCH);
    remove_entry(&nodes[0], 7);
    ck_assert_int_eq(fsp_recovery_source_new(shard, &nodes[0].config,
                                             fsp_memview_view(nodes[0].log),
                                             fsp_memview_view(nodes[0].state), &source, &error),
                     FSP_DAMAGED);
    ck_assert_ptr_null(source);
    fsp_batch_t *batch = fsp_batch_new();
    FSP_EXPECT_ABORT(fsp_recovery_switch(shard, &nodes[1].config.self, 1, 2, batch));
    fsp_batch_destroy(&batch);
}
END_TEST

START_TEST(generations_rise_above_all_that_are_there)
{
    static const uint8_t value[] = {0};
    fsp_memview_t *view = fsp_memview_new();
    uint32_t generation = 0;
    ck_assert_int_eq(fsp_recovery_generation(SHARD, fsp_memview_view(view), &generation), FSP_OK);
    ck_assert_uint_eq(generation, 2);
    static const struct {
        uint32_t shard, generation, next;
    } cases[] = {{SHARD, 1, 2},      {SHARD - 1, 50, 2},
                 {SHARD + 1, 60, 2}, {SHARD, 2, 3},
                 {SHARD, 9, 10},     {SHARD, 4, 10},
                 {SHARD, 300, 301},  {SHARD, UINT32_MAX - 1, UINT32_MAX}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t key[9] = {0};
        fsp_store_u32(key, cases[i].shard);
        fsp_store_u32(key + 4, cases[i].generation);
        fsp_omap_put(fsp_memview_map(view), fsp_slice(key, sizeof(key)), fsp_slice(value, 1), 0);
        ck_assert_int_eq(fsp_recovery_generation(SHARD, fsp_memview_view(view), &generation),
                         FSP_OK);
        ck_assert_uint_eq(generation, cases[i].next);
    }
    uint8_t key[9] = {0, 0, 0, SHARD, 0xff, 0xff, 0xff, 0xff, 1};
    fsp_omap_put(fsp_memview_map(view), fsp_slice(key, sizeof(key)), fsp_slice(value, 1), 0);
    ck_assert_int_eq(fsp_recovery_generation(SHARD, fsp_memview_view(view), &generation),
                     FSP_TOO_LARGE);
    fsp_memview_destroy(&view);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("recovery_rows");
    TCase *tests = tcase_create("recovery_rows");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, the_survivors_of_five_go_on_and_agree, 0, 60);
    tcase_add_test(tests, a_crash_before_the_switch_changes_nothing);
    tcase_add_test(tests, a_replica_that_was_left_behind_is_refused);
    tcase_add_loop_test(tests, a_damaged_replica_is_never_taken_and_gets_the_rows_anew, 0, 3);
    tcase_add_test(tests, what_changed_since_the_decision_is_not_taken);
    tcase_add_test(tests, generations_rise_above_all_that_are_there);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
