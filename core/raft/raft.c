/* SPDX-License-Identifier: MIT */
/* raft - the step function: roles, appending, committing.  Layer core/raft.  Pure.
 *
 * One event changes little; then fsp_raft_settle looks at the whole and does what has become
 * possible: commit, hand out, answer reads, drop.  It is level-triggered, so no event has to know
 * what may have waited for it.
 *
 *                    first TICK                WRITTEN(term + 1, own vote)
 *      FOLLOWER  ------------------>  CANDIDATE  ------------------->  LEADER
 *                 WRITE(hard state)              no-op of the new term
 *
 * With one voter no message can depose a leader, so there is no way back.  README.md says where
 * elections, replication, configurations, snapshots and read rounds go.
 */
#include "core/raft/raft.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/raft/raft_internal.h"

#include <inttypes.h>

/* -- lifecycle --------------------------------------------------------------------------------- */

static bool
member_eq(const fsp_raft_member_t *a, const fsp_raft_member_t *b)
{
    return a->replica == b->replica && fsp_node_id_eq(a->node_id, b->node_id) &&
           fsp_store_id_eq(a->store_id, b->store_id);
}

/* What the disk holds is input: it is judged with statuses, not assertions.
 *
 * Everything that was ever reported WRITTEN must be there: last_index >= watermark.  What lies
 * beyond the watermark may be missing (a torn tail) or be there (written, not yet reported, or the
 * watermark lags), and is then kept and committed by the no-op of the next term.  After a clean
 * stop one expects last_index == watermark, and yet a longer log is accepted: nothing is missing
 * from it, and it is honest.  The simulator found how: crash with entries beyond the watermark,
 * start, clean stop before the first WRITTEN.  So `clean` asks nothing here that the watermark does
 * not; it forbids the shell to take anything for a torn tail. */
static fsp_status_t
check_restore(const fsp_raft_restore_t *restore, fsp_error_t *error)
{
    const fsp_raft_restore_t *r = restore;
    if (r->last_index < r->watermark)
        return fsp_error_set(error, FSP_DAMAGED,
                             "log ends at %" PRIu64 " but %" PRIu64 " was acknowledged%s",
                             r->last_index, r->watermark, r->clean ? " before a clean stop" : "");
    if (r->log_start > r->last_index)
        return fsp_error_set(error, FSP_DAMAGED,
                             "log ends at %" PRIu64 ", before its start at %" PRIu64, r->last_index,
                             r->log_start);
    if (r->applied_index > r->last_index)
        return fsp_error_set(error, FSP_DAMAGED,
                             "state is at %" PRIu64 " but the log ends at %" PRIu64,
                             r->applied_index, r->last_index);
    if (r->applied_index < r->log_start)
        return fsp_error_set(error, FSP_DAMAGED,
                             "state is at %" PRIu64 " but the log starts after %" PRIu64,
                             r->applied_index, r->log_start);
    bool terms_fit = r->last_term >= r->log_start_term && r->hard.term >= r->last_term &&
                     (r->last_index == 0) == (r->last_term == 0) &&
                     (r->log_start == 0) == (r->log_start_term == 0) &&
                     (r->log_start < r->last_index || r->log_start_term == r->last_term);
    if (!terms_fit)
        return fsp_error_set(error, FSP_DAMAGED,
                             "terms do not fit: log from %" PRIu64 " to %" PRIu64
                             ", hard state %" PRIu64,
                             r->log_start_term, r->last_term, r->hard.term);
    if (r->hard.term == 0 && r->hard.vote != 0)
        return fsp_error_set(error, FSP_DAMAGED, "a vote without a term");
    return FSP_OK;
}

fsp_status_t
fsp_raft_new(const fsp_raft_config_t *config, const fsp_raft_restore_t *restore,
             fsp_raft_t **ret_self, fsp_error_t *error)
{
    FSP_PRE(config);
    FSP_PRE(restore);
    FSP_PRE(ret_self);
    FSP_PRE(config->self.replica > 0);
    if (config->voter_count != 1 || !member_eq(&config->voters[0], &config->self))
        return fsp_error_set(error, FSP_UNSUPPORTED, "a shard with more than its own voter (%zu)",
                             config->voter_count);
    fsp_status_t status = check_restore(restore, error);
    if (status)
        return status;
    fsp_raft_t *self = FSP_NEW(fsp_raft_t);
    self->shard = config->shard;
    self->self = config->self;
    self->role = FSP_RAFT_FOLLOWER;
    self->hard = restore->hard;
    self->durable_hard = restore->hard;
    fsp_raft_log_init(&self->log, restore, config->cache_bytes_max);
    /* What was applied was committed. */
    self->commit = restore->applied_index;
    self->handed = restore->applied_index;
    self->durable_applied = restore->applied_index;
    self->next_token = 1;
    *ret_self = self;
    return FSP_OK;
}

void
fsp_raft_destroy(fsp_raft_t **self_p)
{
    FSP_PRE(self_p);
    fsp_raft_t *self = *self_p;
    if (!self)
        return;
    fsp_raft_log_clear(&self->log);
    fsp_free(self->pending);
    fsp_free(self->reads);
    fsp_free(self);
    *self_p = NULL;
}

/* -- writing ----------------------------------------------------------------------------------- */

/* Term and vote change together, in one record: a crash can not part them (facts: bug 5). */
static void
set_hard(fsp_raft_t *self, fsp_hard_state_t hard, fsp_raft_effects_t *effects)
{
    FSP_ASSERT(hard.term >= self->hard.term);
    FSP_IMPLIES(hard.term == self->hard.term, self->hard.vote == 0 || self->hard.vote == hard.vote);
    self->hard = hard;
    (void)fsp_raft_emit_write(self, effects, (fsp_raft_pending_t){.has_hard = true});
}

/* Appends an entry of the own term and has it written; returns its index. */
static uint64_t
append(fsp_raft_t *self, fsp_entry_kind_t kind, fsp_blob_t *bytes, fsp_raft_effects_t *effects)
{
    FSP_PRE(self->role == FSP_RAFT_LEADER);
    fsp_raft_log_append(&self->log, self->hard.term, kind, bytes);
    const fsp_entry_t *entry = fsp_raft_log_cached(&self->log, self->log.last);
    self->waiting_bytes += fsp_raft_entry_cost(entry);
    fsp_raft_pending_t write = {.term = entry->term, .last_index = entry->index};
    fsp_raft_effect_t *effect = fsp_raft_emit_write(self, effects, write);
    fsp_raft_effect_reserve(effect, 1);
    fsp_raft_effect_entry(effect, entry);
    return entry->index;
}

/* -- roles ------------------------------------------------------------------------------------- */

static void
become(fsp_raft_t *self, fsp_raft_role_t role, fsp_raft_effects_t *effects)
{
    self->role = role;
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_ROLE);
    effect->role = role;
    effect->term = self->hard.term;
    effect->leader = role == FSP_RAFT_LEADER ? self->self.replica : 0;
}

/* Every election raises the term, also that of a single voter: else two lives of one replica would
   lead in the same term with different entries (facts: bug 8). */
static void
campaign(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    FSP_PRE(self->role == FSP_RAFT_FOLLOWER);
    FSP_ASSERT(self->hard.term < UINT64_MAX);
    fsp_hard_state_t hard = {.term = self->hard.term + 1, .vote = self->self.replica};
    set_hard(self, hard, effects);
    become(self, FSP_RAFT_CANDIDATE, effects);
}

/* The no-op makes the term's first commit, and with it every entry of older terms commits
   (dissertation 3.6.2, 6.4; facts: bug 9). */
static void
lead(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    FSP_PRE(self->role == FSP_RAFT_CANDIDATE);
    FSP_ASSERT(self->led_term < self->hard.term);
    FSP_ASSERT(self->durable_hard.term == self->hard.term);
    FSP_ASSERT(self->durable_hard.vote == self->self.replica);
    self->led_term = self->hard.term;
    become(self, FSP_RAFT_LEADER, effects);
    (void)append(self, FSP_ENTRY_NOOP, NULL, effects);
}

/* -- events ------------------------------------------------------------------------------------ */

static void
refuse(uint64_t token, fsp_status_t status, fsp_raft_effects_t *effects)
{
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_REFUSE);
    effect->token = token;
    effect->status = status;
}

static void
on_tick(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    if (self->started)
        return;
    self->started = true;
    campaign(self, effects);
}

static void
on_written(fsp_raft_t *self, uint64_t token, fsp_raft_effects_t *effects)
{
    fsp_raft_pending_t write = fsp_raft_take_pending(self, token);
    if (write.has_hard) {
        FSP_ASSERT(write.hard.term >= self->durable_hard.term);
        self->durable_hard = write.hard;
    }
    if (write.last_index > 0)
        fsp_raft_log_written(&self->log, write.last_index, write.term);
    /* The own vote counts now; with one voter it is the majority. */
    if (self->role == FSP_RAFT_CANDIDATE && self->durable_hard.term == self->hard.term &&
        self->durable_hard.vote == self->self.replica)
        lead(self, effects);
}

static void
on_propose(fsp_raft_t *self, const fsp_raft_event_t *event, fsp_raft_effects_t *effects)
{
    FSP_PRE(event->bytes);
    bool full = self->log.last - self->handed >= FSP_RAFT_WAITING_ENTRIES_MAX ||
                self->waiting_bytes >= FSP_RAFT_WAITING_BYTES_MAX;
    if (self->role != FSP_RAFT_LEADER || full) {
        refuse(event->token, FSP_BUSY, effects);
        return;
    }
    /* ACCEPTED goes before the WRITE, so that the caller knows the index first. */
    fsp_raft_effect_t *accepted = fsp_raft_effects_add(effects, FSP_RAFT_ACCEPTED);
    accepted->token = event->token;
    accepted->index = self->log.last + 1;
    accepted->term = self->hard.term;
    (void)append(self, FSP_ENTRY_COMMAND, event->bytes, effects);
}

static void
on_read(fsp_raft_t *self, uint64_t token, fsp_raft_effects_t *effects)
{
    if (fsp_raft_ready(self)) {
        /* No round: a single voter cannot be deposed. */
        fsp_raft_emit_read_at(self, token, effects);
        return;
    }
    if (self->role != FSP_RAFT_LEADER || self->read_count == FSP_RAFT_READS_MAX) {
        refuse(token, FSP_BUSY, effects);
        return;
    }
    if (self->read_count == self->read_capacity) {
        self->read_capacity = self->read_capacity ? 2 * self->read_capacity : 16;
        self->reads = fsp_realloc(self->reads, self->read_capacity * sizeof(*self->reads));
    }
    self->reads[self->read_count++] = token;
}

static void
on_fetched(fsp_raft_t *self, const fsp_raft_event_t *event, fsp_raft_effects_t *effects)
{
    FSP_PRE(self->fetch != FSP_RAFT_FETCH_NONE);
    FSP_PRE(event->entry_count > 0);
    FSP_PRE(event->entry_count <= self->fetch_to - self->fetch_from + 1);
    for (size_t i = 0; i < event->entry_count; i++) {
        FSP_PRE(event->entries[i].index == self->fetch_from + i);
        FSP_PRE(event->entries[i].term <= self->hard.term);
        fsp_raft_log_learn(&self->log, event->entries[i].index, event->entries[i].term);
    }
    fsp_raft_fetch_t fetch = self->fetch;
    self->fetch = FSP_RAFT_FETCH_NONE;
    if (fetch == FSP_RAFT_FETCH_DROP) {
        fsp_raft_drop(self, self->fetch_from + 1, event->entries[0].term, effects);
        return;
    }
    FSP_ASSERT(self->fetch_from == self->handed + 1);
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_ENTRIES);
    fsp_raft_effect_reserve(effect, event->entry_count);
    for (size_t i = 0; i < event->entry_count; i++)
        fsp_raft_effect_entry(effect, &event->entries[i]);
    self->handed += event->entry_count;
}

void
fsp_raft_step(fsp_raft_t *self, const fsp_raft_event_t *event, fsp_raft_effects_t *effects)
{
    FSP_PRE(self);
    FSP_PRE(event);
    FSP_PRE(effects);
    uint64_t term = self->hard.term;
    uint64_t commit = self->commit;
    switch (event->type) {
    case FSP_RAFT_TICK:
        on_tick(self, effects);
        break;
    case FSP_RAFT_WRITTEN:
        on_written(self, event->token, effects);
        break;
    case FSP_RAFT_PROPOSE:
        on_propose(self, event, effects);
        break;
    case FSP_RAFT_READ:
        on_read(self, event->token, effects);
        break;
    case FSP_RAFT_FETCHED:
        on_fetched(self, event, effects);
        break;
    case FSP_RAFT_APPLIED:
        FSP_PRE(event->index >= self->durable_applied);
        FSP_PRE(event->index <= self->handed);
        self->durable_applied = event->index;
        break;
    default:
        FSP_UNREACHABLE();
    }
    fsp_raft_settle(self, effects);
    FSP_POST(self->hard.term >= term);
    FSP_POST(self->commit >= commit);
}

fsp_time_t
fsp_raft_deadline(const fsp_raft_t *self)
{
    FSP_PRE(self);
    return self->started ? FSP_TIME_NEVER : 0;
}

/* -- looking at it ----------------------------------------------------------------------------- */

fsp_raft_role_t
fsp_raft_role(const fsp_raft_t *self)
{
    FSP_PRE(self);
    return self->role;
}

uint64_t
fsp_raft_term(const fsp_raft_t *self)
{
    FSP_PRE(self);
    return self->hard.term;
}

uint64_t
fsp_raft_last_index(const fsp_raft_t *self)
{
    FSP_PRE(self);
    return self->log.last;
}

uint64_t
fsp_raft_durable_index(const fsp_raft_t *self)
{
    FSP_PRE(self);
    return self->log.durable;
}

uint64_t
fsp_raft_commit_index(const fsp_raft_t *self)
{
    FSP_PRE(self);
    return self->commit;
}
