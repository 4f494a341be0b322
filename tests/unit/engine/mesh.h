/* SPDX-License-Identifier: MIT */
/* mesh - a few replicas of one shard, joined by hand.  Layer tests.
 *
 * Each has a database in memory whose writes take effect in order, one a turn; messages travel as
 * bytes, in order, and can be cut or looked at on their way.  Time moves only in mesh_run.
 * Rows of the state are kept as soon as they are written, unless the replica lags.
 */
#ifndef FSP_TESTS_UNIT_ENGINE_MESH_H
#define FSP_TESTS_UNIT_ENGINE_MESH_H
#include "core/base/alloc.h"
#include "core/base/limits.h"
#include "core/base/memview.h"
#include "core/engine/fifo.h"
#include "core/engine/log_rows.h"
#include "core/engine/replica.h"
#include "tests/unit/suite.h"

#include <inttypes.h>

enum { MESH_REPLICAS_MAX = 5 }; /* numbers 1 .. 4 */

typedef struct {
    uint64_t token;
    fsp_batch_t *batch;
    bool durable, keeps_state, cuts;
    uint64_t durable_index;
} mesh_write_t;

typedef struct {
    uint64_t token;
    fsp_status_t status;
    uint64_t leader;
    fsp_buf_t bytes;
} mesh_reply_t;

typedef struct {
    fsp_replica_t *replica; /* NULL: not running */
    fsp_raft_member_t self;
    fsp_raft_conf_t base;
    fsp_memview_t *log, *state;
    fsp_fifo_t writes; /* mesh_write_t */
    uint64_t watermark;
    unsigned lives;
    bool slow; /* nothing is written */
    bool lags; /* rows of the state are kept when a write wants it, or by mesh_keep; nobody is told
                */
    fsp_memview_t *kept; /* what a crash leaves of the state then */
    uint64_t place;      /* of the write that took effect last */
    bool removed, stopped;
    mesh_reply_t reply; /* the last one */
    size_t replies;
} mesh_replica_t;

typedef struct mesh mesh_t;

struct mesh {
    mesh_replica_t replicas[MESH_REPLICAS_MAX];
    fsp_fifo_t messages; /* fsp_buf_t: encoded */
    bool cut[MESH_REPLICAS_MAX];
    fsp_time_t now_us;
    fsp_time_t wall_us[MESH_REPLICAS_MAX];
    fsp_raft_limits_t limits;
    /* False: the message is lost. */
    bool (*pass)(mesh_t *self, const fsp_replica_message_t *message);
    /* Before a write takes effect. */
    void (*written)(mesh_t *self, uint64_t replica, const mesh_write_t *write);
    uint64_t frames; /* that arrived */
    uint64_t count;  /* free for the test */
};

static const fsp_shard_ref_t mesh_shard = {.shard = 3, .generation = 1};

static inline fsp_replica_config_t
mesh_config(const mesh_t *self, uint64_t number)
{
    const mesh_replica_t *r = &self->replicas[number];
    return (fsp_replica_config_t){
        .shard = mesh_shard,
        .self = r->self,
        .base = r->base,
        .limits = self->limits,
        .seed = number * 100 + r->lives,
        .cache_bytes_max = 4096,
        .watermark = r->watermark,
    };
}

static inline void
mesh_start(mesh_t *self, uint64_t number)
{
    mesh_replica_t *r = &self->replicas[number];
    ck_assert_ptr_null(r->replica);
    r->lives++;
    fsp_replica_config_t config = mesh_config(self, number);
    fsp_error_t error = {0};
    fsp_status_t status = fsp_replica_new(&config, fsp_memview_view(r->log),
                                          fsp_memview_view(r->state), &r->replica, &error);
    ck_assert_msg(status == FSP_OK, "%s", error.text);
}

static inline void
mesh_add(mesh_t *self, uint64_t number, const fsp_raft_conf_t *first)
{
    mesh_replica_t *r = &self->replicas[number];
    r->log = fsp_memview_new();
    r->state = fsp_memview_new();
    r->kept = fsp_memview_new();
    r->self = (fsp_raft_member_t){
        .node_id = {{(uint8_t)number}}, .replica = number, .store_id = {{(uint8_t)number, 1}}};
    fsp_fifo_init(&r->writes, sizeof(mesh_write_t));
    fsp_buf_init(&r->reply.bytes, FSP_ANSWER_BYTES_MAX);
    self->wall_us[number] = 1000 * 1000;
    if (!first)
        return;
    fsp_replica_config_t config = mesh_config(self, number);
    fsp_batch_t *batch = fsp_batch_new();
    fsp_replica_bootstrap(&config, first, batch);
    fsp_memview_apply(r->log, batch, FSP_FAMILY_LOG);
    fsp_batch_destroy(&batch);
    r->watermark = 1;
}

static inline fsp_raft_target_t
mesh_target(uint64_t aim, size_t voters, bool sync)
{
    fsp_raft_target_t target = {.aim = aim, .count = voters + sync};
    for (size_t i = 0; i < target.count; i++)
        target.members[i] = (fsp_raft_wanted_t){.node_id = {{(uint8_t)(i + 1)}},
                                                .store_id = {{(uint8_t)(i + 1), 1}},
                                                .sync = i >= voters};
    return target;
}

static inline void
mesh_init(mesh_t *self, size_t voters, bool sync)
{
    *self = (mesh_t){.now_us = 1000 * 1000, .limits = fsp_raft_limits_default()};
    fsp_fifo_init(&self->messages, sizeof(fsp_buf_t));
    fsp_raft_target_t target = mesh_target(1, voters, sync);
    fsp_raft_conf_t conf = fsp_raft_conf_first(&target);
    for (uint64_t i = 1; i <= conf.count; i++)
        mesh_add(self, i, &conf);
}

static inline void
mesh_copy(fsp_memview_t *from, fsp_memview_t *to)
{
    fsp_omap_reset(fsp_memview_map(to));
    const fsp_omap_row_t *row = fsp_omap_first(fsp_memview_map(from));
    for (; row; row = fsp_omap_next(row))
        fsp_omap_put(fsp_memview_map(to), row->key, row->value, 0);
}

/* What was not written is lost, and rows of the state that were not kept. */
static inline void
mesh_crash(mesh_t *self, uint64_t number)
{
    mesh_replica_t *r = &self->replicas[number];
    fsp_replica_destroy(&r->replica);
    if (r->lags)
        mesh_copy(r->kept, r->state);
    while (r->writes.count > 0) {
        mesh_write_t *write = fsp_fifo_first(&r->writes);
        fsp_batch_destroy(&write->batch);
        fsp_fifo_pop(&r->writes);
    }
}

static inline void
mesh_clear(mesh_t *self)
{
    for (uint64_t i = 1; i < MESH_REPLICAS_MAX; i++) {
        mesh_replica_t *r = &self->replicas[i];
        if (!r->log)
            continue;
        mesh_crash(self, i);
        fsp_fifo_clear(&r->writes);
        fsp_memview_destroy(&r->log);
        fsp_memview_destroy(&r->state);
        fsp_memview_destroy(&r->kept);
        fsp_buf_clear(&r->reply.bytes);
    }
    for (; self->messages.count > 0; fsp_fifo_pop(&self->messages))
        fsp_buf_clear(fsp_fifo_first(&self->messages));
    fsp_fifo_clear(&self->messages);
}

/* -- steps ------------------------------------------------------------------------------------- */

static inline void
mesh_keep_effect(mesh_t *self, mesh_replica_t *r, fsp_replica_effect_t *effect)
{
    mesh_write_t *write;
    fsp_buf_t *bytes;
    switch (effect->type) {
    case FSP_REPLICA_WRITE:
        write = fsp_fifo_push(&r->writes);
        *write = (mesh_write_t){.token = effect->token,
                                .batch = effect->batch,
                                .durable = effect->durable,
                                .keeps_state = effect->keeps_state,
                                .cuts = effect->cuts,
                                .durable_index = effect->durable_index};
        effect->batch = NULL;
        if (effect->cuts && effect->durable_index < r->watermark)
            r->watermark = effect->durable_index;
        return;
    case FSP_REPLICA_SEND:
        bytes = fsp_fifo_push(&self->messages);
        fsp_buf_init(bytes, 4 * 1024 * 1024);
        fsp_replica_message_encode(&effect->message, bytes);
        ck_assert(fsp_buf_ok(bytes));
        return;
    case FSP_REPLICA_REPLY:
        r->replies++;
        r->reply.token = effect->token;
        r->reply.status = effect->status;
        r->reply.leader = effect->leader;
        fsp_buf_reset(&r->reply.bytes);
        fsp_buf_append_slice(&r->reply.bytes, fsp_buf_slice(&effect->bytes));
        return;
    case FSP_REPLICA_REMOVED:
        r->removed = true;
        return;
    case FSP_REPLICA_STOP:
        r->stopped = true;
        return;
    default:
        return;
    }
}

static inline void
mesh_step(mesh_t *self, uint64_t number, fsp_replica_event_t event)
{
    mesh_replica_t *r = &self->replicas[number];
    event.now_us = self->now_us;
    event.wall_us = self->wall_us[number];
    fsp_replica_effects_t effects = {0};
    ck_assert_int_eq(fsp_replica_step(r->replica, &event, &effects), FSP_OK);
    for (size_t i = 0; i < effects.count; i++)
        mesh_keep_effect(self, r, &effects.items[i]);
    fsp_replica_effects_clear(&effects);
}

static inline void
mesh_deliver(mesh_t *self, const fsp_replica_message_t *message)
{
    uint64_t to = message->raft.to;
    ck_assert_uint_lt(to, MESH_REPLICAS_MAX);
    if (self->cut[message->raft.from] || self->cut[to] || !self->replicas[to].replica)
        return;
    self->frames += message->type == FSP_REPLICA_FRAME;
    mesh_step(self, to, (fsp_replica_event_t){.type = FSP_REPLICA_MESSAGE, .message = message});
}

static inline void
mesh_deliver_first(mesh_t *self)
{
    fsp_buf_t bytes = *(fsp_buf_t *)fsp_fifo_first(&self->messages);
    fsp_fifo_pop(&self->messages);
    fsp_replica_message_t message;
    ck_assert_int_eq(fsp_replica_message_decode(fsp_buf_slice(&bytes), &message), FSP_OK);
    fsp_buf_clear(&bytes);
    if (!self->pass || self->pass(self, &message))
        mesh_deliver(self, &message);
    fsp_replica_message_clear(&message);
}

/* The first write takes effect and is reported. */
static inline void
mesh_write_first(mesh_t *self, uint64_t number)
{
    mesh_replica_t *r = &self->replicas[number];
    mesh_write_t write = *(mesh_write_t *)fsp_fifo_first(&r->writes);
    fsp_fifo_pop(&r->writes);
    if (self->written)
        self->written(self, number, &write);
    fsp_memview_apply(r->log, write.batch, FSP_FAMILY_LOG);
    fsp_memview_apply(r->state, write.batch, FSP_FAMILY_STATE);
    if (write.durable && write.durable_index > r->watermark)
        r->watermark = write.durable_index;
    fsp_batch_destroy(&write.batch);
    uint64_t place = ++r->place;
    if (r->lags && write.keeps_state)
        mesh_copy(r->state, r->kept);
    if (r->replica)
        mesh_step(self, number,
                  (fsp_replica_event_t){
                      .type = FSP_REPLICA_WRITTEN, .token = write.token, .place = place});
    if (r->replica && !r->lags)
        mesh_step(self, number,
                  (fsp_replica_event_t){.type = FSP_REPLICA_STATE_KEPT, .place = place});
}

/* All of the state that is written is on stable storage, and the replica is told. */
static inline void
mesh_keep(mesh_t *self, uint64_t number)
{
    mesh_replica_t *r = &self->replicas[number];
    mesh_copy(r->state, r->kept);
    mesh_step(self, number,
              (fsp_replica_event_t){.type = FSP_REPLICA_STATE_KEPT, .place = r->place});
}

/* One thing happens; false: nothing is to happen now. */
static inline bool
mesh_turn(mesh_t *self)
{
    bool did = false;
    if (self->messages.count > 0) {
        mesh_deliver_first(self);
        did = true;
    }
    for (uint64_t i = 1; i < MESH_REPLICAS_MAX; i++) {
        mesh_replica_t *r = &self->replicas[i];
        if (r->replica && fsp_replica_deadline(r->replica) <= self->now_us) {
            mesh_step(self, i, (fsp_replica_event_t){.type = FSP_REPLICA_TICK});
            did = true;
        }
        if (r->writes.count > 0 && !r->slow) {
            mesh_write_first(self, i);
            did = true;
        }
    }
    return did;
}

/* Until nothing is to happen now. */
static inline void
mesh_settle(mesh_t *self)
{
    for (int i = 0; i < 1000000; i++)
        if (!mesh_turn(self))
            return;
    ck_abort_msg("it does not settle");
}

static inline void
mesh_run(mesh_t *self, uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i += 10) {
        self->now_us += 10 * 1000;
        for (size_t j = 0; j < MESH_REPLICAS_MAX; j++)
            self->wall_us[j] += 10 * 1000;
        mesh_settle(self);
    }
}

/* All start, and this one leads. */
static inline void
mesh_start_led_by(mesh_t *self, uint64_t number)
{
    mesh_start(self, number);
    mesh_run(self, 1000);
    for (uint64_t i = 1; i < MESH_REPLICAS_MAX; i++)
        if (self->replicas[i].log && !self->replicas[i].replica)
            mesh_start(self, i);
    for (int i = 0; i < 300 && !fsp_replica_ready(self->replicas[number].replica); i++)
        mesh_run(self, 10);
    ck_assert(fsp_replica_ready(self->replicas[number].replica));
    mesh_run(self, 300);
}

/* The replica that is ready to serve; 0: none is. */
static inline uint64_t
mesh_leader(const mesh_t *self)
{
    for (uint64_t i = 1; i < MESH_REPLICAS_MAX; i++)
        if (self->replicas[i].replica && fsp_replica_ready(self->replicas[i].replica) &&
            !self->cut[i])
            return i;
    return 0;
}

static inline void
mesh_command(mesh_t *self, uint64_t number, uint64_t token, fsp_slice_t bytes, bool two_copies)
{
    mesh_step(
        self, number,
        (fsp_replica_event_t){
            .type = FSP_REPLICA_COMMAND, .token = token, .bytes = bytes, .two_copies = two_copies});
}

static inline void
mesh_query(mesh_t *self, uint64_t number, uint64_t token, fsp_slice_t bytes)
{
    mesh_step(self, number,
              (fsp_replica_event_t){.type = FSP_REPLICA_QUERY, .token = token, .bytes = bytes});
}

/* The last reply of this replica was this. */
static inline void
mesh_expect_reply(const mesh_t *self, uint64_t number, uint64_t token, fsp_status_t status)
{
    const mesh_reply_t *reply = &self->replicas[number].reply;
    ck_assert_uint_eq(reply->token, token);
    ck_assert_msg(reply->status == status, "%s", fsp_status_name(reply->status));
}

/* -- looking ----------------------------------------------------------------------------------- */

/* Rows of the shard's state in its present generation are the same, and there are no others. */
static inline void
mesh_expect_same_state(const mesh_t *self, uint64_t a, uint64_t b)
{
    enum { PREFIX = 8 };
    fsp_cursor_t *cursors[2];
    uint32_t generations[2];
    const uint64_t numbers[2] = {a, b};
    for (size_t i = 0; i < 2; i++) {
        const mesh_replica_t *r = &self->replicas[numbers[i]];
        generations[i] = fsp_replica_shard(r->replica).generation;
        cursors[i] = fsp_view_scan(fsp_memview_view(r->state), (fsp_slice_t){0}, (fsp_slice_t){0});
    }
    size_t rows = 0;
    for (; cursors[0]->valid && cursors[1]->valid; rows++) {
        for (size_t i = 0; i < 2; i++)
            ck_assert_uint_eq(fsp_load_u32(cursors[i]->key.data + 4), generations[i]);
        ck_assert(
            fsp_slice_eq(fsp_slice(cursors[0]->key.data + PREFIX, cursors[0]->key.bytes - PREFIX),
                         fsp_slice(cursors[1]->key.data + PREFIX, cursors[1]->key.bytes - PREFIX)));
        ck_assert(fsp_slice_eq(cursors[0]->value, cursors[1]->value));
        fsp_cursor_next(cursors[0]);
        fsp_cursor_next(cursors[1]);
    }
    ck_assert(!cursors[0]->valid && !cursors[1]->valid);
    ck_assert_uint_gt(rows, 0);
    fsp_cursor_destroy(&cursors[0]);
    fsp_cursor_destroy(&cursors[1]);
}
#endif
