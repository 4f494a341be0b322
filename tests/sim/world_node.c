/* SPDX-License-Identifier: MIT */
/* world_node - a process around a replica, its store, and the ways in which it ends.
   Layer tests. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "tests/sim/world_internal.h"

#include <inttypes.h>

/* Unix time at which every run begins. */
static const fsp_time_t wall_start_us = 1800000000000000u;

void
world_node_init(world_t *self, node_t *node)
{
    node->disk = sim_disk_new(&self->config, fsp_prng_next(&self->prng));
}

void
world_node_clear(node_t *node)
{
    fsp_replica_destroy(&node->replica);
    sim_disk_destroy(&node->disk);
}

/* -- ends and beginnings ----------------------------------------------------------------------- */

static void
restart_later(world_t *self, node_t *node)
{
    node->stopping = false;
    node->boot++;
    world_push(self, SIM_EVENT_START, node->number,
               1 + fsp_prng_below(&self->prng, self->config.down_us_max), 0);
}

void
world_node_crash(world_t *self, node_t *node)
{
    sim_trace_note(&self->trace, "node %u crashes at applied %" PRIu64, node->number,
                   fsp_replica_applied_index(node->replica));
    self->outcome.crashes++;
    fsp_replica_destroy(&node->replica);
    bool watermark_lost = false;
    sim_disk_crash(node->disk, &watermark_lost);
    if (watermark_lost)
        node->watermark = 0;
    node->stopped_clean = false;
    restart_later(self, node);
}

/* Ends it if it wanted to end and nothing is under way any more. */
static void
finish_stopping(world_t *self, node_t *node)
{
    if (!node->stopping || fsp_replica_pending_writes(node->replica) > 0 ||
        !sim_disk_idle(node->disk))
        return;
    sim_trace_note(&self->trace, "node %u stops cleanly", node->number);
    self->outcome.clean_stops++;
    fsp_replica_destroy(&node->replica);
    sim_disk_sync_all(node->disk);
    node->watermark = node->reported;
    node->stopped_clean = true;
    restart_later(self, node);
}

static void
plan_tick(world_t *self, node_t *node)
{
    fsp_time_t deadline = fsp_replica_deadline(node->replica);
    if (node->tick_due || deadline == FSP_TIME_NEVER)
        return;
    fsp_time_t now = self->trace.now_us;
    node->tick_due = true;
    world_push(self, SIM_EVENT_TICK, node->number, deadline > now ? deadline - now : 0, 0);
}

void
world_node_start(world_t *self, node_t *node)
{
    fsp_replica_config_t config = {
        .shard = self->shard,
        .self = self->members[node->number],
        .seed = fsp_prng_next(&self->prng),
        .cache_bytes_max = self->config.cache_bytes_max,
        .watermark = node->watermark,
        .clean = node->stopped_clean,
    };
    fsp_error_t error = {0};
    fsp_status_t status =
        fsp_replica_new(&config, sim_disk_view(node->disk, FSP_FAMILY_LOG),
                        sim_disk_view(node->disk, FSP_FAMILY_STATE), &node->replica, &error);
    sim_trace_mix(&self->trace, (uint64_t)status);
    if (status) {
        if (sim_disk_read_errors(node->disk) == node->read_errors_seen)
            sim_fail(&self->trace, "node %u does not start: %s: %s", node->number,
                     fsp_status_name(status), error.text);
        node->read_errors_seen = sim_disk_read_errors(node->disk);
        restart_later(self, node);
        return;
    }
    uint64_t last = fsp_replica_durable_index(node->replica);
    uint64_t applied = fsp_replica_applied_index(node->replica);
    sim_trace_note(&self->trace, "node %u starts: log to %" PRIu64 ", applied %" PRIu64 "%s",
                   node->number, last, applied, node->stopped_clean ? ", clean" : "");
    if (applied < node->durable_applied)
        sim_fail(&self->trace, "O2: applied %" PRIu64 " was durable, a restart finds %" PRIu64,
                 node->durable_applied, applied);
    if (last < node->watermark)
        sim_fail(&self->trace, "O2: watermark is %" PRIu64 ", log ends at %" PRIu64,
                 node->watermark, last);
    sim_oracle_started(self->oracle, last, applied,
                       sim_disk_plain_view(node->disk, FSP_FAMILY_LOG));
    self->outcome.replayed += sim_oracle_committed(self->oracle) - applied;
    node->applied = applied;
    node->reported = node->watermark;
    node->verified = false;
    node->tick_due = false;
    plan_tick(self, node);
}

/* -- effects ----------------------------------------------------------------------------------- */

static void
mix_batch(world_t *self, const fsp_batch_t *batch)
{
    for (size_t i = 0; i < fsp_batch_count(batch); i++) {
        fsp_batch_row_t row = fsp_batch_row(batch, i);
        sim_trace_mix(&self->trace, (uint64_t)row.op << 8 | row.family);
        sim_trace_bytes(&self->trace, row.key);
        sim_trace_bytes(&self->trace, row.value);
    }
}

static void
do_write(world_t *self, node_t *node, fsp_replica_effect_t *effect, request_t *cause)
{
    sim_trace_note(&self->trace, "  WRITE %" PRIu64 "%s: %zu rows, log to %" PRIu64, effect->token,
                   effect->durable ? "" : " lazy", fsp_batch_count(effect->batch),
                   effect->durable_index);
    mix_batch(self, effect->batch);
    uint64_t entry = sim_oracle_write(self->oracle, effect->batch, false);
    if (entry && cause)
        cause->entry = entry;
    for (size_t i = 0; i < fsp_batch_count(effect->batch); i++)
        self->outcome.drops += fsp_batch_row(effect->batch, i).op == FSP_ROW_DELETE_RANGE;
    if (self->config.mutant == SIM_MUTANT_reply_before_written)
        world_push(self, SIM_EVENT_WRITTEN, node->number, 0, effect->token);
    sim_disk_submit(node->disk, effect->token, &effect->batch, effect->durable,
                    effect->durable_index);
    world_push(self, SIM_EVENT_GROUP, node->number, 1, 0);
}

static void
do_reply(world_t *self, node_t *node, fsp_replica_effect_t *effect)
{
    if (effect->token == 0 || effect->token >= self->request_count)
        sim_fail(&self->trace, "a reply to nobody");
    request_t *request = &self->requests[effect->token];
    if (request->replied)
        sim_fail(&self->trace, "a second reply");
    sim_trace_note(&self->trace, "  REPLY to client %u, %" PRIu64 ": %s, entry %" PRIu64,
                   request->client, request->operation, fsp_status_name(effect->status),
                   request->entry);
    sim_trace_mix(&self->trace, (uint64_t)effect->status);
    sim_trace_bytes(&self->trace, fsp_buf_slice(&effect->bytes));
    request->replied = true;
    request->status = effect->status;
    fsp_buf_append_slice(&request->answer, fsp_buf_slice(&effect->bytes));
    if (effect->status == FSP_OK && request->is_query)
        sim_oracle_answer(self->oracle, fsp_replica_applied_index(node->replica),
                          fsp_blob_slice(request->bytes), fsp_buf_slice(&effect->bytes));
    else if (effect->status == FSP_OK)
        sim_oracle_reply(self->oracle, request->entry, fsp_buf_slice(&effect->bytes),
                         sim_disk_durable_view(node->disk, FSP_FAMILY_LOG));
    uint32_t copies = world_fault(self, self->config.lose_in) ? 0 : 1;
    copies += world_fault(self, self->config.duplicate_in);
    while (copies-- > 0)
        world_push(self, SIM_EVENT_ANSWER, node->number,
                   1 + fsp_prng_below(&self->prng, self->config.network_us_max), effect->token);
}

/* In order, and the power may fail before each one and after the last.  False: it did. */
static bool
do_effects(world_t *self, node_t *node, fsp_replica_effects_t *effects, request_t *cause)
{
    for (size_t i = 0; i < effects->count; i++) {
        if (world_fault(self, self->config.crash_effect_in))
            return false;
        fsp_replica_effect_t *effect = &effects->items[i];
        sim_trace_mix(&self->trace, (uint64_t)effect->type << 32 ^ effect->token);
        if (effect->type == FSP_REPLICA_WRITE)
            do_write(self, node, effect, cause);
        else
            do_reply(self, node, effect);
    }
    return !world_fault(self, self->config.crash_effect_in);
}

/* -- steps ------------------------------------------------------------------------------------- */

void
world_node_verify(world_t *self, node_t *node)
{
    sim_disk_set_read_errors(node->disk, false);
    if (sim_oracle_compare(self->oracle, fsp_replica_applied_index(node->replica),
                           fsp_replica_view(node->replica))) {
        /* The state is equal to one whose feed was checked, unless it has grown since. */
        uint64_t committed = sim_oracle_committed(self->oracle);
        if (self->feed_checked != committed)
            world_check_feed(self, node);
        self->feed_checked = committed;
        node->verified = true;
    }
    sim_disk_set_read_errors(node->disk, !self->calm);
}

static void
check_after_step(world_t *self, node_t *node)
{
    uint64_t applied = fsp_replica_applied_index(node->replica);
    if (applied < node->applied)
        sim_fail(&self->trace, "O2: applied falls from %" PRIu64 " to %" PRIu64, node->applied,
                 applied);
    if (fsp_replica_durable_index(node->replica) < applied)
        sim_fail(&self->trace, "O2: applied %" PRIu64 " is beyond durable", applied);
    node->applied = applied;
    sim_oracle_applied(self->oracle, applied, sim_disk_durable_view(node->disk, FSP_FAMILY_LOG));
    bool compare = fsp_replica_ready(node->replica) &&
                   (!node->verified || fsp_prng_below(&self->prng, self->config.compare_in) == 0);
    if (compare)
        world_node_verify(self, node);
}

/* One step of the replica and what follows from it. */
static void
step(world_t *self, node_t *node, fsp_replica_event_t event, request_t *cause)
{
    if (world_fault(self, self->config.clock_jump_in))
        node->clock_offset_us = (int64_t)fsp_prng_below(&self->prng, 20000000000u) - 10000000000;
    event.now_us = self->trace.now_us;
    event.wall_us = wall_start_us + self->trace.now_us + (fsp_time_t)node->clock_offset_us;
    fsp_replica_effects_t effects = {0};
    fsp_status_t status = fsp_replica_step(node->replica, &event, &effects);
    sim_trace_mix(&self->trace, (uint64_t)status);
    bool up = status == FSP_OK;
    if (status) {
        if (sim_disk_read_errors(node->disk) == node->read_errors_seen)
            sim_fail(&self->trace, "node %u: step fails: %s", node->number,
                     fsp_status_name(status));
        node->read_errors_seen = sim_disk_read_errors(node->disk);
        self->outcome.read_errors++;
        self->outcome.faults++;
    } else {
        check_after_step(self, node);
        up = do_effects(self, node, &effects, cause);
    }
    fsp_replica_effects_clear(&effects);
    if (!up) {
        world_node_crash(self, node);
        return;
    }
    plan_tick(self, node);
    finish_stopping(self, node);
}

/* The applied index that is on stable storage now. */
static void
note_durable_applied(world_t *self, node_t *node)
{
    fsp_shard_row_t row;
    fsp_status_t status =
        fsp_meta_shard_row(self->shard, sim_disk_durable_view(node->disk, FSP_FAMILY_STATE), &row);
    if (status == FSP_OK && row.applied_index > node->durable_applied)
        node->durable_applied = row.applied_index;
}

static void
begin_group(world_t *self, node_t *node)
{
    bool sync;
    if (!sim_disk_begin(node->disk, &sync))
        return;
    fsp_time_t most = sync ? self->config.sync_us_max : self->config.write_us_max;
    fsp_time_t delay = 1 + fsp_prng_below(&self->prng, most);
    if (world_fault(self, self->config.stall_in))
        delay += fsp_prng_below(&self->prng, self->config.stall_us);
    world_push(self, SIM_EVENT_SYNCED, node->number, delay, 0);
}

static void
end_group(world_t *self, node_t *node)
{
    sim_done_t *done = fsp_alloc_array(self->config.group_max, sizeof(*done));
    size_t count = sim_disk_end(node->disk, done);
    note_durable_applied(self, node);
    /* Told early already? */
    bool told = self->config.mutant == SIM_MUTANT_reply_before_written;
    for (size_t i = 0; i < count && !told; i++)
        sim_events_push(&self->events, (sim_event_t){.time_us = self->trace.now_us + 1,
                                                     .type = SIM_EVENT_WRITTEN,
                                                     .node = node->number,
                                                     .boot = node->boot,
                                                     .value = done[i].token,
                                                     .extra = done[i].durable_index});
    fsp_free(done);
    world_push(self, SIM_EVENT_GROUP, node->number, 1, 0);
    finish_stopping(self, node);
}

static void
note_reported(world_t *self, node_t *node, uint64_t index)
{
    if (index > node->reported)
        node->reported = index;
    if (self->trace.now_us - node->watermark_at < self->config.watermark_us)
        return;
    node->watermark = node->reported;
    node->watermark_at = self->trace.now_us;
}

void
world_node_event(world_t *self, node_t *node, const sim_event_t *event)
{
    if (world_fault(self, self->config.crash_event_in)) {
        if (self->config.clean_stop_in && !node->stopping &&
            fsp_prng_below(&self->prng, self->config.clean_stop_in) == 0) {
            node->stopping = true;
            finish_stopping(self, node);
            if (!node->replica)
                return;
        } else {
            world_node_crash(self, node);
            return;
        }
    }
    request_t *request = NULL;
    switch (event->type) {
    case SIM_EVENT_TICK:
        node->tick_due = false;
        step(self, node, (fsp_replica_event_t){.type = FSP_REPLICA_TICK}, NULL);
        return;
    case SIM_EVENT_GROUP:
        begin_group(self, node);
        return;
    case SIM_EVENT_SYNCED:
        end_group(self, node);
        return;
    case SIM_EVENT_WRITTEN:
        note_reported(self, node, event->extra);
        step(self, node, (fsp_replica_event_t){.type = FSP_REPLICA_WRITTEN, .token = event->value},
             NULL);
        return;
    case SIM_EVENT_REQUEST:
        request = &self->requests[event->value];
        step(self, node,
             (fsp_replica_event_t){.type =
                                       request->is_query ? FSP_REPLICA_QUERY : FSP_REPLICA_COMMAND,
                                   .token = event->value,
                                   .bytes = fsp_blob_slice(request->bytes)},
             request);
        return;
    default:
        FSP_UNREACHABLE();
    }
}
