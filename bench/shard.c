/* SPDX-License-Identifier: MIT */
/* shard - a replica on a store without the actors between them: commands in, groups to the disk. */
#include "bench/shard.h"

#include "bench/bench.h"
#include "core/base/check.h"

#include <stdio.h>
#include <stdlib.h>

static void
must(fsp_status_t status, const char *doing, const fsp_error_t *error)
{
    if (status == FSP_OK)
        return;
    (void)fprintf(stderr, "filesphere-bench: %s: %s %s\n", doing, fsp_status_name(status),
                  error ? error->text : "");
    exit(1);
}

/* Takes writes and replies out of the effects. */
static void
take_effects(bench_shard_t *self)
{
    for (size_t i = 0; i < self->effects.count; i++) {
        fsp_replica_effect_t *effect = &self->effects.items[i];
        if (effect->type == FSP_REPLICA_WRITE) {
            FSP_ASSERT(self->held_count < sizeof(self->held) / sizeof(self->held[0]));
            self->held[self->held_count].token = effect->token;
            self->held[self->held_count].batch = effect->batch;
            self->held[self->held_count].durable = effect->durable;
            self->held[self->held_count++].durable_index = effect->durable_index;
            effect->batch = NULL;
        } else if (effect->type == FSP_REPLICA_REPLY) {
            must(effect->status, "command", NULL);
            FSP_ASSERT(effect->token < BENCH_GROUP);
            fsp_buf_clear(&self->results[effect->token]);
            self->results[effect->token] = effect->bytes;
            effect->bytes = (fsp_buf_t){0};
        }
    }
    fsp_replica_effects_reset(&self->effects);
}

static void
step(bench_shard_t *self, fsp_replica_event_t event)
{
    event.now_us = self->now_us;
    event.wall_us = self->now_us;
    must(fsp_replica_step(self->replica, &event, &self->effects), "step", NULL);
    take_effects(self);
}

/* Writes all that is held as one group, then tells the replica. */
static void
write_held(bench_shard_t *self)
{
    fsp_batch_t *batches[sizeof(self->held) / sizeof(self->held[0])];
    uint64_t tokens[sizeof(self->held) / sizeof(self->held[0])];
    size_t count = self->held_count;
    bool durable = false;
    for (size_t i = 0; i < count; i++) {
        batches[i] = self->held[i].batch;
        tokens[i] = self->held[i].token;
        durable |= self->held[i].durable;
    }
    double start = bench_seconds();
    fsp_error_t error = {0};
    must(fsp_store_write(self->store, batches, count, &error), "write", &error);
    self->write_s += bench_seconds() - start;
    for (size_t i = 0; i < count; i++) {
        if (durable && self->held[i].durable_index > 0)
            fsp_store_note_durable(self->store, self->shard, self->self.replica,
                                   self->held[i].durable_index);
        fsp_batch_destroy(&batches[i]);
    }
    self->held_count = 0;
    uint64_t place = fsp_store_sequence(self->store);
    for (size_t i = 0; i < count; i++)
        step(self, (fsp_replica_event_t){.type = FSP_REPLICA_WRITTEN,
                                         .token = tokens[i],
                                         .place = place,
                                         .more = i + 1 < count});
    must(fsp_store_tick(self->store, (fsp_time_t)(bench_seconds() * 1e6), &error), "tick", &error);
    if (fsp_store_state_kept(self->store) > self->kept) {
        self->kept = fsp_store_state_kept(self->store);
        step(self, (fsp_replica_event_t){.type = FSP_REPLICA_STATE_KEPT, .place = self->kept});
    }
}

static bool
holds_durable(const bench_shard_t *self)
{
    for (size_t i = 0; i < self->held_count; i++)
        if (self->held[i].durable)
            return true;
    return false;
}

void
bench_shard_start(bench_shard_t *self, fsp_store_t *store, fsp_shard_ref_t shard,
                  const fsp_raft_member_t *member)
{
    *self = (bench_shard_t){.store = store, .self = *member, .shard = shard.shard};
    self->now_us = (fsp_time_t)(bench_seconds() * 1e6) + 1000000;
    fsp_replica_config_t config = {.shard = shard,
                                   .self = *member,
                                   .base = fsp_raft_conf_single(member),
                                   .cache_bytes_max = 8 * 1024 * 1024,
                                   .seed = 1};
    fsp_store_watermark(store, shard.shard, member->replica, &config.watermark, &config.clean);
    fsp_error_t error = {0};
    must(fsp_replica_new(&config, fsp_store_view(store, FSP_FAMILY_LOG),
                         fsp_store_view(store, FSP_FAMILY_STATE), &self->replica, &error),
         "replica", &error);
    while (!fsp_replica_ready(self->replica)) {
        self->now_us += 1000000;
        step(self, (fsp_replica_event_t){.type = FSP_REPLICA_TICK});
        while (self->held_count > 0)
            write_held(self);
    }
}

void
bench_shard_run(bench_shard_t *self, const fsp_slice_t *commands, size_t count)
{
    FSP_PRE(count <= BENCH_GROUP);
    for (size_t i = 0; i < count; i++) {
        self->now_us++;
        step(self, (fsp_replica_event_t){.type = FSP_REPLICA_COMMAND,
                                         .token = i,
                                         .bytes = commands[i],
                                         .more = i + 1 < count});
    }
    while (holds_durable(self))
        write_held(self);
}

void
bench_shard_stop(bench_shard_t *self)
{
    while (self->held_count > 0)
        write_held(self);
    for (size_t i = 0; i < BENCH_GROUP; i++)
        fsp_buf_clear(&self->results[i]);
    fsp_replica_effects_clear(&self->effects);
    fsp_replica_destroy(&self->replica);
}
