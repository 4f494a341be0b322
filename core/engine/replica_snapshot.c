/* SPDX-License-Identifier: MIT */
/* replica_snapshot - snapshots that a replica sends and takes.  Layer core/engine.  Pure.
 *
 * Sender: raft says SEND_SNAPSHOT(replica); frames go out under credit; raft hears SENT at the end,
 * or after a number of silences.  Receiver: raft judges the header of each frame as a message of
 * its leader; rows go to a generation of their own; when all of them are on stable storage
 * (keeps_state of the last frame's WRITE) they are read back, and if their digest is the sender's,
 * raft's INSTALL leads to the one write that switches.  That one is of the log, which is synced at
 * once, while rows of the state are not: the order of the two is kept here and nowhere else.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/engine/replica_internal.h"

/* -- sending ----------------------------------------------------------------------------------- */

static fsp_snapshot_send_t *
send_to(const fsp_replica_t *self, uint64_t replica)
{
    for (size_t i = 0; i < self->send_count; i++)
        if (self->sends[i]->replica == replica)
            return self->sends[i];
    return NULL;
}

static void
end_send(fsp_replica_t *self, uint64_t replica)
{
    for (size_t i = 0; i < self->send_count; i++) {
        if (self->sends[i]->replica != replica)
            continue;
        fsp_snapshot_send_destroy(&self->sends[i]);
        self->sends[i] = self->sends[--self->send_count];
        return;
    }
}

void
fsp_replica_drop_sends(fsp_replica_t *self)
{
    while (self->send_count > 0)
        fsp_snapshot_send_destroy(&self->sends[--self->send_count]);
}

static fsp_status_t
report_sent(fsp_replica_t *self, uint64_t replica, uint64_t index, bool ok,
            fsp_replica_effects_t *effects)
{
    fsp_raft_event_t sent = {.type = FSP_RAFT_SENT, .replica = replica, .index = index, .ok = ok};
    return fsp_replica_step_raft(self, &sent, effects);
}

/* May end the send. */
static fsp_status_t
send_frames(fsp_replica_t *self, fsp_snapshot_send_t *send, fsp_replica_effects_t *effects)
{
    while (fsp_snapshot_send_open(send)) {
        fsp_replica_frame_t frame;
        fsp_status_t status = fsp_snapshot_send_next(send, &frame);
        if (status == FSP_GONE) {
            /* The frozen view has had its time (store/dbview): raft asks for another snapshot. */
            uint64_t replica = send->replica;
            end_send(self, replica);
            return report_sent(self, replica, 0, false, effects);
        }
        if (status)
            return status;
        fsp_replica_effect_t *effect = fsp_replica_effects_add(effects, FSP_REPLICA_SEND);
        effect->message = (fsp_replica_message_t){
            .type = FSP_REPLICA_FRAME,
            .raft =
                {
                    .type = FSP_RAFT_SNAPSHOT,
                    .from = self->self.replica,
                    .to = send->replica,
                    .term = fsp_raft_term(self->raft),
                    .index = send->index,
                    .index_term = send->term,
                },
            .frame = frame,
        };
        send->patience_at = self->now_us + self->limits.election_us;
    }
    return FSP_OK;
}

fsp_status_t
fsp_replica_start_send(fsp_replica_t *self, uint64_t replica, fsp_replica_effects_t *effects)
{
    end_send(self, replica);
    fsp_status_t status = FSP_BUSY;
    fsp_snapshot_send_t *send = NULL;
    if (self->send_count < FSP_RAFT_SEATS_MAX)
        send = fsp_snapshot_send_new(replica, fsp_prng_next(&self->prng), self->state_view,
                                     self->shard, &status);
    /* Rows that are not there yet, or that cannot be read now: raft asks again. */
    if (!send || send->index < fsp_raft_log_start(self->raft)) {
        fsp_snapshot_send_destroy(&send);
        return report_sent(self, replica, 0, false, effects);
    }
    send->conf = *fsp_raft_conf_as_of(self->raft, send->index);
    send->patience_at = self->now_us;
    self->sends[self->send_count++] = send;
    return FSP_OK; /* the frames leave at the end of this step */
}

fsp_status_t
fsp_replica_on_took(fsp_replica_t *self, const fsp_replica_message_t *message,
                    fsp_replica_effects_t *effects)
{
    fsp_snapshot_send_t *send = send_to(self, message->raft.from);
    if (!send || message->took.id != send->id)
        return FSP_OK;
    if (!message->took.refused) {
        if (fsp_snapshot_send_took(send, message->took.position)) {
            send->silences = 0;
            fsp_raft_event_t progress = {.type = FSP_RAFT_PROGRESS, .replica = message->raft.from};
            fsp_status_t status = fsp_replica_step_raft(self, &progress, effects);
            if (status)
                return status;
        }
        if (!fsp_snapshot_send_done(send))
            return send_frames(self, send, effects);
    }
    uint64_t index = send->index;
    end_send(self, message->raft.from);
    return report_sent(self, message->raft.from, index, !message->took.refused, effects);
}

static fsp_status_t
drive_sends(fsp_replica_t *self, fsp_replica_effects_t *effects)
{
    for (size_t i = 0; i < self->send_count; i++) {
        fsp_snapshot_send_t *send = self->sends[i];
        if (send->patience_at > self->now_us)
            continue;
        uint64_t replica = send->replica;
        if (send->farthest > 0 && ++send->silences > FSP_SNAPSHOT_SILENCES_MAX) {
            end_send(self, replica);
            return report_sent(self, replica, 0, false, effects); /* others: the next step */
        }
        fsp_snapshot_send_again(send);
        send->patience_at = self->now_us + self->limits.election_us;
        fsp_status_t status = send_frames(self, send, effects);
        if (status)
            return status;
    }
    return FSP_OK;
}

/* -- taking ------------------------------------------------------------------------------------ */

/* Where the transfer stands.  The last frame counts as wanted until the snapshot is the state: the
   sender then knows that somebody is at work, and that it is not done. */
static void
say_took(fsp_replica_t *self, bool refused, fsp_replica_effects_t *effects)
{
    const fsp_snapshot_take_t *take = &self->take;
    bool under_way = take->phase == FSP_TAKE_KEEP || take->phase == FSP_TAKE_VERIFY ||
                     take->phase == FSP_TAKE_SWITCH;
    fsp_replica_effect_t *effect = fsp_replica_effects_add(effects, FSP_REPLICA_SEND);
    effect->message = (fsp_replica_message_t){
        .type = FSP_REPLICA_TOOK,
        .raft = {.from = self->self.replica, .to = take->from, .term = fsp_raft_term(self->raft)},
        .took = {.id = take->id,
                 .position = take->position - (under_way ? 1 : 0),
                 .refused = refused},
    };
}

/* The rows of a transfer that came to nothing. */
static void
forget_take(fsp_replica_t *self, fsp_replica_effects_t *effects)
{
    if (self->take.phase == FSP_TAKE_NOTHING)
        return;
    uint32_t generation = self->take.generation;
    self->take.phase = FSP_TAKE_NOTHING;
    fsp_batch_t *batch = fsp_batch_new();
    fsp_snapshot_forget(self->shard.shard, generation, generation + 1, batch);
    (void)fsp_replica_write_apart(self, &batch, false, effects);
}

static void
begin_take(fsp_replica_t *self, const fsp_replica_message_t *message,
           fsp_replica_effects_t *effects)
{
    uint32_t used = self->take.generation > self->shard.generation ? self->take.generation
                                                                   : self->shard.generation;
    forget_take(self, effects);
    self->take = (fsp_snapshot_take_t){
        .phase = FSP_TAKE_FRAMES,
        .id = message->frame.id,
        .from = message->raft.from,
        .index = message->raft.index,
        .term = message->raft.index_term,
        .conf = message->frame.conf,
        .generation = used + 1,
    };
}

static fsp_status_t
take_frame(fsp_replica_t *self, const fsp_replica_frame_t *frame, fsp_replica_effects_t *effects)
{
    fsp_snapshot_take_t *take = &self->take;
    fsp_batch_t *batch = fsp_batch_new();
    if (fsp_snapshot_take_rows(take, self->shard, fsp_blob_slice(frame->rows), batch)) {
        fsp_batch_destroy(&batch);
        say_took(self, true, effects);
        forget_take(self, effects);
        return FSP_OK;
    }
    take->position++;
    if (frame->last) {
        take->digest = frame->digest;
        take->phase = FSP_TAKE_KEEP;
    }
    replica_write_t *write = fsp_replica_write_apart(self, &batch, false, effects);
    write->frame_of = take->generation;
    effects->items[effects->count - 1].keeps_state = frame->last && !FSP_MUTANT(switch_before_kept);
    return FSP_OK;
}

fsp_status_t
fsp_replica_on_frame(fsp_replica_t *self, const fsp_replica_message_t *message,
                     fsp_replica_effects_t *effects)
{
    const fsp_replica_frame_t *frame = &message->frame;
    if (message->raft.type != FSP_RAFT_SNAPSHOT || !frame->rows ||
        !fsp_raft_conf_sound(&frame->conf) || (frame->position == 0 && frame->conf.count == 0))
        return FSP_OK;
    self->take_wanted = false;
    fsp_raft_event_t event = {.type = FSP_RAFT_MESSAGE, .message = &message->raft};
    fsp_status_t status = fsp_replica_step_raft(self, &event, effects);
    if (status || !self->take_wanted)
        return status;
    fsp_snapshot_take_t *take = &self->take;
    bool ours = take->phase != FSP_TAKE_NOTHING && take->id == frame->id &&
                take->from == message->raft.from && take->index == message->raft.index;
    if (!ours && take->phase == FSP_TAKE_SWITCH)
        return FSP_OK; /* first this one */
    if (!ours && frame->position == 0)
        begin_take(self, message, effects);
    else if (!ours) {
        /* The middle of a transfer that this life knows nothing of. */
        fsp_replica_effect_t *effect = fsp_replica_effects_add(effects, FSP_REPLICA_SEND);
        effect->message = (fsp_replica_message_t){
            .type = FSP_REPLICA_TOOK,
            .raft = {.from = self->self.replica,
                     .to = message->raft.from,
                     .term = fsp_raft_term(self->raft)},
            .took = {.id = frame->id},
        };
        return FSP_OK;
    }
    if (take->phase != FSP_TAKE_FRAMES || frame->position != take->position) {
        say_took(self, false, effects); /* doubled, or one was lost before it */
        return FSP_OK;
    }
    return take_frame(self, frame, effects);
}

fsp_status_t
fsp_replica_frame_written(fsp_replica_t *self, uint32_t generation, fsp_replica_effects_t *effects)
{
    fsp_snapshot_take_t *take = &self->take;
    if (take->phase == FSP_TAKE_NOTHING || take->generation != generation)
        return FSP_OK; /* forgotten meanwhile, perhaps for another one */
    take->written++;
    if (take->phase == FSP_TAKE_FRAMES)
        say_took(self, false, effects);
    else if (take->phase == FSP_TAKE_KEEP && take->written == take->position)
        take->phase = FSP_TAKE_VERIFY;
    return FSP_OK;
}

static fsp_status_t
drive_take(fsp_replica_t *self, fsp_replica_effects_t *effects)
{
    fsp_snapshot_take_t *take = &self->take;
    if (take->phase != FSP_TAKE_VERIFY)
        return FSP_OK;
    bool done, equal;
    fsp_status_t status =
        fsp_snapshot_take_verify(take, self->shard, self->state_view, &done, &equal);
    if (status || !done)
        return status;
    /* And the rows say themselves what they stand for. */
    fsp_shard_ref_t shard = {.shard = self->shard.shard, .generation = take->generation};
    fsp_shard_row_t row;
    if (equal) {
        status = fsp_meta_shard_row(shard, self->state_view, &row);
        if (status == FSP_IO)
            return status;
        equal = !status && row.applied_index == take->index && row.applied_term == take->term;
    }
    if (!equal) {
        say_took(self, true, effects);
        forget_take(self, effects);
        return FSP_OK;
    }
    take->phase = FSP_TAKE_SWITCH;
    size_t writes = self->writes.count;
    fsp_raft_event_t install = {
        .type = FSP_RAFT_INSTALL, .index = take->index, .term = take->term, .conf = &take->conf};
    status = fsp_replica_step_raft(self, &install, effects);
    bool switching = false;
    for (size_t i = writes; i < self->writes.count; i++)
        switching = switching || ((const replica_write_t *)fsp_fifo_at(&self->writes, i))->install;
    if (!status && !switching) {
        /* Raft went on without it. */
        forget_take(self, effects);
        say_took(self, false, effects);
    }
    return status;
}

fsp_status_t
fsp_replica_sweep_generations(fsp_replica_t *self, fsp_replica_effects_t *effects)
{
    if (self->swept)
        return FSP_OK;
    self->swept = true;
    fsp_batch_t *batch = fsp_batch_new();
    uint32_t own = self->shard.generation;
    fsp_status_t status = fsp_snapshot_sweep(self->shard.shard, 0, own, self->state_view, batch);
    if (!status)
        status =
            fsp_snapshot_sweep(self->shard.shard, own + 1, UINT32_MAX, self->state_view, batch);
    if (!status && fsp_batch_count(batch) > 0)
        (void)fsp_replica_write_apart(self, &batch, false, effects);
    fsp_batch_destroy(&batch);
    return status;
}

fsp_status_t
fsp_replica_installed(fsp_replica_t *self, fsp_replica_effects_t *effects)
{
    fsp_snapshot_take_t *take = &self->take;
    FSP_ASSERT(take->phase == FSP_TAKE_SWITCH);
    uint32_t before = self->shard.generation;
    self->shard.generation = take->generation;
    take->phase = FSP_TAKE_NOTHING;
    say_took(self, false, effects);
    /* What the old state had pending is of the old generation. */
    fsp_overlay_reset(self->fresh);
    fsp_overlay_reset(self->pending);
    fsp_rowcache_reset(self->cache);
    self->applied_index = take->index;
    self->written_applied = take->index;
    self->durable_applied = take->index;
    fsp_kept_switch(&self->kept, take->index);
    self->digesting = take->index % self->limits.digest_every == 0;
    self->digest = (fsp_hash_t){0};
    fsp_replica_skip_commands(self, take->index, effects);
    /* The entries that had these times are not in this log: should this replica lead, it must not
       choose an earlier one. */
    fsp_shard_row_t state;
    fsp_status_t status = fsp_meta_shard_row(self->shard, self->state_view, &state);
    if (status)
        return status;
    if (state.log_time > self->proposed_time) {
        self->proposed_time = state.log_time;
        self->proposed_at = self->now_us;
    }
    fsp_batch_t *batch = fsp_batch_new();
    fsp_snapshot_forget(self->shard.shard, before, take->generation, batch);
    (void)fsp_replica_write_apart(self, &batch, false, effects);
    return FSP_OK;
}

/* -- time -------------------------------------------------------------------------------------- */

fsp_status_t
fsp_replica_drive_snapshots(fsp_replica_t *self, fsp_replica_effects_t *effects)
{
    fsp_status_t status = drive_take(self, effects);
    if (!status)
        status = drive_sends(self, effects);
    return status;
}

fsp_time_t
fsp_replica_snapshot_deadline(const fsp_replica_t *self)
{
    if (self->take.phase == FSP_TAKE_VERIFY)
        return 0;
    fsp_time_t at = FSP_TIME_NEVER;
    for (size_t i = 0; i < self->send_count; i++)
        at = self->sends[i]->patience_at < at ? self->sends[i]->patience_at : at;
    return at;
}
