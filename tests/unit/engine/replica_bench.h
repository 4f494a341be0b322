/* SPDX-License-Identifier: MIT */
/* replica_bench - a replica on a work bench: a database in memory whose writes are done by hand.
   Layer tests. */
#ifndef FSP_TESTS_UNIT_ENGINE_REPLICA_BENCH_H
#define FSP_TESTS_UNIT_ENGINE_REPLICA_BENCH_H
#include "core/base/alloc.h"
#include "core/base/limits.h"
#include "core/base/memview.h"
#include "core/engine/replica.h"
#include "tests/unit/suite.h"

#include <inttypes.h>

enum { BENCH_WRITES_MAX = 64 };

typedef struct {
    fsp_replica_t *replica;
    fsp_replica_effects_t effects; /* of the last step */
    fsp_memview_t *log, *state;    /* what is written */
    fsp_view_t *state_view;        /* what the replica reads; state unless a test puts another */
    fsp_memview_t *kept;           /* the state that a power failure leaves (bench_fail) */
    uint64_t place;                /* of the group written last; each write is one */
    fsp_time_t wall_us;
    fsp_time_t now_us;
    uint64_t watermark;
    fsp_error_t error;
    struct {
        uint64_t token;
        fsp_batch_t *batch;
        bool durable;
        uint64_t durable_index;
    } writes[BENCH_WRITES_MAX]; /* not written yet, in order */
    size_t write_count;
    fsp_buf_t text;  /* effects in words */
    fsp_buf_t reply; /* bytes of the last reply */
} bench_t;

static inline void
bench_init(bench_t *self)
{
    *self = (bench_t){.log = fsp_memview_new(),
                      .state = fsp_memview_new(),
                      .kept = fsp_memview_new(),
                      .wall_us = 1000};
    self->state_view = fsp_memview_view(self->state);
    fsp_buf_init(&self->text, 1024 * 1024);
    fsp_buf_init(&self->reply, FSP_ANSWER_BYTES_MAX);
}

/* The process ends: what is not written is lost. */
static inline void
bench_crash(bench_t *self)
{
    fsp_replica_destroy(&self->replica);
    for (size_t i = 0; i < self->write_count; i++)
        fsp_batch_destroy(&self->writes[i].batch);
    self->write_count = 0;
}

static inline void
bench_clear(bench_t *self)
{
    bench_crash(self);
    fsp_replica_effects_clear(&self->effects);
    fsp_memview_destroy(&self->log);
    fsp_memview_destroy(&self->state);
    fsp_memview_destroy(&self->kept);
    fsp_buf_clear(&self->text);
    fsp_buf_clear(&self->reply);
}

static inline fsp_status_t
bench_start(bench_t *self)
{
    fsp_replica_config_t config = {
        .shard = {.shard = 3, .generation = 1},
        .self = {.node_id = {{1}}, .replica = 1, .store_id = {{2}}},
        .seed = 1,
        .cache_bytes_max = 1024 * 1024,
        .watermark = self->watermark,
    };
    config.base = fsp_raft_conf_single(&config.self);
    self->error = (fsp_error_t){0};
    return fsp_replica_new(&config, fsp_memview_view(self->log), self->state_view, &self->replica,
                           &self->error);
}

static inline void
bench_describe_write(bench_t *self, const fsp_replica_effect_t *effect)
{
    size_t log = 0;
    size_t state = 0;
    for (size_t i = 0; i < fsp_batch_count(effect->batch); i++) {
        log += fsp_batch_row(effect->batch, i).family == FSP_FAMILY_LOG;
        state += fsp_batch_row(effect->batch, i).family == FSP_FAMILY_STATE;
    }
    fsp_buf_printf(&self->text, "WRITE %" PRIu64 "%s, durable to %" PRIu64 ":", effect->token,
                   effect->durable ? "" : " lazy", effect->durable_index);
    if (log)
        fsp_buf_printf(&self->text, " log");
    if (state)
        fsp_buf_printf(&self->text, " state");
    fsp_buf_printf(&self->text, "\n");
}

/* One step; effects are described and writes are put on the list. */
static inline fsp_status_t
bench_step(bench_t *self, fsp_replica_event_t event)
{
    event.wall_us = self->wall_us;
    event.now_us = self->now_us;
    fsp_replica_effects_reset(&self->effects);
    fsp_status_t status = fsp_replica_step(self->replica, &event, &self->effects);
    for (size_t i = 0; status == FSP_OK && i < self->effects.count; i++) {
        fsp_replica_effect_t *effect = &self->effects.items[i];
        if (effect->type == FSP_REPLICA_REPLY) {
            fsp_buf_printf(&self->text, "REPLY %" PRIu64 " %s\n", effect->token,
                           fsp_status_name(effect->status));
            fsp_buf_reset(&self->reply);
            fsp_buf_append_slice(&self->reply, fsp_buf_slice(&effect->bytes));
            continue;
        }
        if (effect->type == FSP_REPLICA_ROLE || effect->type == FSP_REPLICA_CONFIGURED)
            continue; /* the same in every story of one voter */
        ck_assert_int_eq(effect->type, FSP_REPLICA_WRITE);
        bench_describe_write(self, effect);
        ck_assert_uint_lt(self->write_count, BENCH_WRITES_MAX);
        self->writes[self->write_count].token = effect->token;
        self->writes[self->write_count].batch = effect->batch;
        self->writes[self->write_count].durable = effect->durable;
        self->writes[self->write_count++].durable_index = effect->durable_index;
        effect->batch = NULL;
    }
    return status;
}

static inline void
bench_tick(bench_t *self)
{
    ck_assert_int_eq(bench_step(self, (fsp_replica_event_t){.type = FSP_REPLICA_TICK}), FSP_OK);
}

static inline void
bench_command(bench_t *self, uint64_t token, fsp_slice_t bytes)
{
    fsp_replica_event_t event = {.type = FSP_REPLICA_COMMAND, .token = token, .bytes = bytes};
    ck_assert_int_eq(bench_step(self, event), FSP_OK);
}

static inline void
bench_query(bench_t *self, uint64_t token, fsp_slice_t bytes)
{
    fsp_replica_event_t event = {.type = FSP_REPLICA_QUERY, .token = token, .bytes = bytes};
    ck_assert_int_eq(bench_step(self, event), FSP_OK);
}

/* The first write reaches the database; nobody is told. */
static inline void
bench_store(bench_t *self)
{
    fsp_memview_apply(self->log, self->writes[0].batch, FSP_FAMILY_LOG);
    fsp_memview_apply(self->state, self->writes[0].batch, FSP_FAMILY_STATE);
}

/* The first write reaches the database and is reported. */
static inline fsp_status_t
bench_written(bench_t *self)
{
    ck_assert_uint_gt(self->write_count, 0);
    bench_store(self);
    if (self->writes[0].durable && self->writes[0].durable_index > self->watermark)
        self->watermark = self->writes[0].durable_index;
    uint64_t token = self->writes[0].token;
    fsp_batch_destroy(&self->writes[0].batch);
    self->write_count--;
    memmove(self->writes, self->writes + 1, self->write_count * sizeof(self->writes[0]));
    fsp_replica_event_t event = {
        .type = FSP_REPLICA_WRITTEN, .token = token, .place = ++self->place};
    return bench_step(self, event);
}

/* The store says that the state is kept up to place. */
static inline void
bench_told(bench_t *self, uint64_t place)
{
    fsp_replica_event_t event = {.type = FSP_REPLICA_STATE_KEPT, .place = place};
    ck_assert_int_eq(bench_step(self, event), FSP_OK);
}

static inline void
bench_copy(fsp_memview_t *from, fsp_memview_t *to)
{
    fsp_omap_reset(fsp_memview_map(to));
    const fsp_omap_row_t *row = fsp_omap_first(fsp_memview_map(from));
    for (; row; row = fsp_omap_next(row))
        fsp_omap_put(fsp_memview_map(to), row->key, row->value, 0);
}

/* What is written of the state is on stable storage, and the store says so. */
static inline void
bench_keep(bench_t *self)
{
    bench_copy(self->state, self->kept);
    bench_told(self, self->place);
}

/* Power fails: the state is what was kept; the log, whose writes are synced one by one, stays. */
static inline void
bench_fail(bench_t *self)
{
    bench_crash(self);
    bench_copy(self->kept, self->state);
}

/* Until nothing is due and nothing is to be written. */
static inline void
bench_settle(bench_t *self)
{
    while (self->write_count > 0 || fsp_replica_deadline(self->replica) != FSP_TIME_NEVER) {
        if (fsp_replica_deadline(self->replica) != FSP_TIME_NEVER)
            bench_tick(self);
        if (self->write_count > 0)
            ck_assert_int_eq(bench_written(self), FSP_OK);
    }
}

static inline void
bench_forget(bench_t *self)
{
    fsp_buf_reset(&self->text);
}

/* What was described since the last time is this text. */
static inline void
bench_expect(bench_t *self, const char *expected)
{
    fsp_buf_append_u8(&self->text, 0);
    ck_assert(fsp_buf_ok(&self->text));
    ck_assert_str_eq((const char *)self->text.data, expected);
    fsp_buf_reset(&self->text);
}
#endif
