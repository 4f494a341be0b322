/* SPDX-License-Identifier: MIT */
/* world_check - what must be true after every step, judged by what is on the disks.  Layer tests.
 *
 *   R1  one leader in a term, ever
 *   R2  logs match (sim_log.h)
 *   R3  a leader has every entry that was committed in an earlier term
 *   R4  nobody commits or applies anything else; equal rows for equal entries (sim_oracle.h)
 *   R5  commit and applied indexes never fall in a life, durable ones never over lives
 *   R6  a committed entry is on a majority of every voter set, and is never cut
 *   R7  configurations that are adjacent in any log intersect
 *   R8  a lost number sends nothing (world_send), and comes back never (check_start)
 *
 * What they promise one another is in world_promise.c.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "tests/sim/linear.h"
#include "tests/sim/sim_record.h"
#include "tests/sim/world_internal.h"

#include <inttypes.h>

enum { TERMS_MAX = 1000000 }; /* P14: more elections than any network asks for */

/* -- after a step ------------------------------------------------------------------------------ */

static void
check_led_before(world_t *self, const replica_t *replica, uint64_t term)
{
    if (term >= TERMS_MAX)
        sim_fail(&self->trace, "P14: term %" PRIu64, term);
    if (term >= self->leader_count) {
        size_t count = self->leader_count ? self->leader_count : 64;
        while (count <= term)
            count *= 2;
        self->leaders = fsp_realloc(self->leaders, count * sizeof(*self->leaders));
        memset(self->leaders + self->leader_count, 0,
               (count - self->leader_count) * sizeof(*self->leaders));
        self->leader_count = count;
    }
    uint32_t before = self->leaders[term];
    if (before != 0)
        sim_fail(&self->trace, "R1: term %" PRIu64 " is led by node %u and by node %u", term,
                 self->replicas[before - 1]->node, replica->node);
    self->leaders[term] = replica->id + 1;
}

/* When it begins to lead. */
static void
check_leader(world_t *self, replica_t *replica, uint64_t term)
{
    replica->led_term = term;
    self->outcome.elections++;
    check_led_before(self, replica, term);
    world_promise_lead(self, replica);
    /* A leader of a late term may be elected by votes that were long under way; what was committed
       in its own term or later it need not have. */
    uint64_t index = sim_oracle_committed(self->oracle);
    while (index > 0 && sim_oracle_term(self->oracle, index) >= term)
        index--;
    if (index <= replica->written.start)
        return;
    if (sim_log_at(&replica->written, index) != sim_oracle_entry(self->oracle, index))
        sim_fail(&self->trace,
                 "R3: node %u leads term %" PRIu64 " without entry %" PRIu64 " of term %" PRIu64
                 ", which is committed",
                 replica->node, term, index, sim_oracle_entry(self->oracle, index)->term);
}

bool
world_has_durably(world_t *self, const fsp_raft_seat_t *seat, const sim_entry_t *entry)
{
    const node_t *node = &self->nodes[world_node_of(self, &seat->member.node_id)];
    const replica_t *replica = world_replica_numbered(self, node, seat->member.replica);
    if (!replica || !fsp_raft_member_eq(&replica->member, &seat->member))
        return false;
    return replica->state != REPLICA_LIVE || replica->harmed ||
           replica->durable.start >= entry->index ||
           sim_log_at(&replica->durable, entry->index) == entry;
}

static bool
decided_by(world_t *self, const fsp_raft_conf_t *conf, const sim_entry_t *entry)
{
    bool has[FSP_RAFT_SEATS_MAX];
    for (size_t i = 0; conf && i < conf->count; i++)
        has[i] = world_has_durably(self, &conf->seats[i], entry);
    return conf && sim_log_majority(conf, has);
}

/* A leader whose disk is behind may have counted an entry before it appended the configuration that
   is in force now, and commits it when its disk has it. */
static bool
decided_before(world_t *self, const sim_log_t *log, const sim_entry_t *entry)
{
    if (log->conf_count == 0 || entry->index >= log->confs[log->conf_count - 1].index)
        return false;
    const fsp_raft_conf_t *before =
        log->conf_count > 1 ? log->confs[log->conf_count - 2].conf : log->base;
    return decided_by(self, before, entry);
}

/* The entry that decides: of the leader's own term, at index or behind it, for its own disk may be
   behind those that were counted. */
static const sim_entry_t *
deciding_entry(const replica_t *replica, uint64_t index, uint64_t term)
{
    for (uint64_t i = index; i <= sim_log_last(&replica->written); i++)
        if (sim_log_term(&replica->written, i) == term)
            return sim_log_at(&replica->written, i);
    return NULL;
}

/* Somebody commits up to index, for the first time in the world: a leader, or one that was leader
   when it counted. */
static void
commit_new(world_t *self, replica_t *replica, uint64_t index, bool leads, uint64_t term)
{
    const sim_entry_t *top =
        leads ? deciding_entry(replica, index, term) : sim_log_at(&replica->written, index);
    if (!top)
        sim_fail(&self->trace,
                 "R3: node %u of term %" PRIu64 " commits entry %" PRIu64
                 " without one of its own term",
                 replica->node, term, index);
    /* By the configuration before this step, or one that it has just appended. */
    uint64_t conf_index;
    if (!decided_by(self, sim_log_conf(&replica->written, &conf_index), top) &&
        !decided_by(self, fsp_raft_conf(fsp_replica_raft(replica->replica)), top) &&
        !decided_before(self, &replica->written, top))
        sim_fail(&self->trace,
                 "R6: node %u commits entry %" PRIu64 ", which is not on a majority of disks",
                 replica->node, index);
    for (uint64_t i = sim_oracle_committed(self->oracle) + 1; i <= index; i++) {
        const sim_entry_t *entry = sim_log_at(&replica->written, i);
        if (!entry)
            sim_fail(&self->trace, "R4: entry %" PRIu64 " is committed and nobody has it", i);
        sim_oracle_commit(self->oracle, entry, term);
        if (!entry->conf)
            continue;
        self->conf = entry->conf;
        self->conf_index = i;
        self->outcome.changes++;
    }
}

static void
check_commit(world_t *self, replica_t *replica, uint64_t commit, bool leads, uint64_t term)
{
    if (commit < replica->commit)
        sim_fail(&self->trace, "R5: commit falls from %" PRIu64 " to %" PRIu64, replica->commit,
                 commit);
    if (commit == replica->commit)
        return;
    replica->commit = commit;
    if (commit > sim_oracle_committed(self->oracle)) {
        commit_new(self, replica, commit, leads, term);
        return;
    }
    const sim_entry_t *entry = sim_log_at(&replica->written, commit);
    if (entry && entry != sim_oracle_entry(self->oracle, commit))
        sim_fail(&self->trace,
                 "R4: node %u commits entry %" PRIu64 " of term %" PRIu64
                 ", another one is committed",
                 replica->node, commit, entry->term);
}

void
world_check_step(world_t *self, replica_t *replica, fsp_replica_event_type_t event)
{
    const fsp_raft_t *raft = fsp_replica_raft(replica->replica);
    bool leads = fsp_raft_role(raft) == FSP_RAFT_LEADER;
    uint64_t term = fsp_raft_term(raft);
    if (leads && replica->led_term != term)
        check_leader(self, replica, term);
    if (leads && !self->leader_since_calm)
        self->leader_since_calm = fsp_replica_ready(replica->replica);
    check_commit(self, replica, fsp_raft_commit_index(raft), leads, term);
    uint64_t applied = fsp_replica_applied_index(replica->replica);
    if (applied < replica->applied)
        sim_fail(&self->trace, "R5: applied falls from %" PRIu64 " to %" PRIu64, replica->applied,
                 applied);
    if (applied > replica->commit)
        sim_fail(&self->trace, "R5: applied %" PRIu64 " is beyond commit %" PRIu64, applied,
                 replica->commit);
    replica->applied = applied;
    world_promise_step(self, replica, event);
}

/* -- a write ----------------------------------------------------------------------------------- */

static void
say_conf(const world_t *self, uint64_t index, const fsp_raft_conf_t *conf)
{
    printf("configuration %" PRIu64 ", next %" PRIu64 ":", index, conf->next_replica);
    for (size_t i = 0; i < conf->count; i++) {
        const fsp_raft_seat_t *seat = &conf->seats[i];
        printf(" %" PRIu64 "@%u%s%s%s", seat->member.replica,
               world_node_of(self, &seat->member.node_id), seat->flags & FSP_RAFT_VOTER ? "v" : "",
               seat->flags & FSP_RAFT_OLD ? "o" : "", seat->flags & FSP_RAFT_SYNC ? "s" : "");
    }
    printf("\n");
}

static void
check_confs(world_t *self, replica_t *replica, const sim_log_change_t *change)
{
    const sim_log_t *log = &replica->written;
    for (size_t i = log->conf_count; i-- > 0 && log->confs[i].index >= change->first;) {
        const fsp_raft_conf_t *before = i > 0 ? log->confs[i - 1].conf : log->base;
        const fsp_raft_conf_t *conf = log->confs[i].conf;
        world_learn_routes(self, replica, conf);
        if (self->trace.print)
            say_conf(self, log->confs[i].index, conf);
        /* Once for each entry: by R2 the one before it is the same in all logs. */
        bool judged = !change->first_new || log->confs[i].index < change->first_new;
        if (judged || !before || before->count == 0 || fsp_raft_conf_adjacent(before, conf))
            continue;
        say_conf(self, 0, before);
        sim_fail(&self->trace, "R7: configuration %" PRIu64 " does not intersect the one before it",
                 log->confs[i].index);
    }
}

sim_log_change_t
world_check_write(world_t *self, replica_t *replica, const fsp_replica_effect_t *effect)
{
    uint32_t before = replica->written.generation;
    fsp_hard_state_t hard = replica->written.hard;
    sim_log_change_t change = sim_log_apply(&replica->written, &self->entries, effect->batch);
    uint32_t generation = replica->written.generation;
    /* Another state took the place of the present one: the switch to a snapshot. */
    bool install = generation != before && generation != self->shard.generation;
    self->outcome.drops += change.dropped;
    self->outcome.cuts += change.cut != NULL;
    self->outcome.snapshots += install;
    uint64_t committed = sim_oracle_committed(self->oracle);
    if (change.cut && !install && change.cut->index <= committed &&
        change.cut == sim_oracle_entry(self->oracle, change.cut->index))
        sim_fail(&self->trace, "R6: node %u cuts entry %" PRIu64 ", which is committed",
                 replica->node, change.cut->index);
    world_promise_write(self, replica, &hard, &change, install);
    if (change.first)
        check_confs(self, replica, &change);
    if (install) {
        if (replica->written.base)
            world_learn_routes(self, replica, replica->written.base);
        if (replica->written.start > replica->rows_applied)
            replica->rows_applied = replica->written.start;
        replica->verified = false;
        return change;
    }
    sim_oracle_rows(self->oracle, effect->batch, generation ? generation : self->shard.generation,
                    &replica->rows_applied);
    return change;
}

/* -- now and then ------------------------------------------------------------------------------ */

void
world_check_rows(world_t *self, const replica_t *replica)
{
    sim_oracle_compare_rows(self->oracle, fsp_replica_applied_index(replica->replica),
                            sim_disk_rows(replica->disk, FSP_FAMILY_STATE),
                            fsp_replica_shard(replica->replica));
}

void
world_check_state(world_t *self, replica_t *replica)
{
    if (replica->harmed)
        return; /* it cannot be read */
    sim_disk_fail_read(replica->disk, 0);
    uint64_t applied = fsp_replica_applied_index(replica->replica);
    sim_oracle_compare(self->oracle, applied, fsp_replica_view(replica->replica),
                       fsp_replica_shard(replica->replica));
    replica->verified = true;
    uint64_t committed = sim_oracle_committed(self->oracle);
    if (applied < committed || self->feed_checked == committed)
        return;
    /* The state is equal to one whose feed was checked, unless it has grown since. */
    self->feed_checked = committed;
    world_check_feed(self, replica);
}

/* -- the end ----------------------------------------------------------------------------------- */

static bool
is_wanted(const fsp_raft_conf_t *conf, const fsp_raft_wanted_t *wanted)
{
    uint32_t flags = wanted->sync ? FSP_RAFT_SYNC : FSP_RAFT_VOTER;
    for (size_t i = 0; i < conf->count; i++)
        if (fsp_node_id_eq(conf->seats[i].member.node_id, wanted->node_id) &&
            fsp_store_id_eq(conf->seats[i].member.store_id, wanted->store_id) &&
            conf->seats[i].flags == flags)
            return true;
    return false;
}

static const char *
members_unrest(const world_t *self, const fsp_raft_conf_t *conf)
{
    if (self->conf && !fsp_raft_conf_eq(conf, self->conf))
        return "a configuration is not committed";
    if (fsp_raft_conf_joint(conf))
        return "a configuration is still joint";
    if (conf->count != self->target.count)
        return "the layout wants another number of members";
    for (size_t i = 0; i < self->target.count; i++)
        if (!is_wanted(conf, &self->target.members[i]))
            return "the layout wants other members";
    return NULL;
}

static const char *
replica_unrest(const replica_t *replica, const replica_t *leader, uint64_t last)
{
    if (!replica || !replica->replica)
        return "a member does not run";
    /* An election may be under way, and its messages, though somebody still leads. */
    const fsp_raft_t *raft = fsp_replica_raft(replica->replica);
    if (fsp_raft_term(raft) != leader->led_term || fsp_raft_leader(raft) != leader->member.replica)
        return "a member does not follow the leader";
    if (fsp_replica_applied_index(replica->replica) != last)
        return "a member has not applied everything";
    if (fsp_replica_pending_writes(replica->replica) > 0 || !sim_disk_idle(replica->disk))
        return "a member has writes under way";
    return NULL;
}

const char *
world_unrest(world_t *self)
{
    if (!world_clients_done(self))
        return "clients are not answered";
    replica_t *leader = world_leader(self);
    if (!leader)
        return "nobody leads";
    const fsp_raft_t *raft = fsp_replica_raft(leader->replica);
    const fsp_raft_conf_t *conf = fsp_raft_conf(raft);
    uint64_t last = fsp_raft_last_index(raft);
    const char *why = members_unrest(self, conf);
    for (size_t i = 0; i < conf->count && !why; i++) {
        const node_t *node = &self->nodes[world_node_of(self, &conf->seats[i].member.node_id)];
        why = replica_unrest(world_replica_numbered(self, node, conf->seats[i].member.replica),
                             leader, last);
    }
    return why;
}

static uint64_t
sight_at(void *context, uint32_t path, bool names, uint64_t index)
{
    return sim_oracle_sight(context, path, names, index);
}

/* P5: real time, and what readers saw. */
static void
check_history(world_t *self)
{
    sim_history_t *history = &self->space.history;
    for (size_t i = 0; i < self->space.abandoned_count; i++) {
        const sim_abandoned_t *one = &self->space.abandoned[i];
        fsp_command_t command;
        fsp_result_t result;
        fsp_status_t status = fsp_command_decode(fsp_blob_slice(one->command), &command);
        FSP_ASSERT(status == FSP_OK); /* our own */
        bool there = sim_oracle_outcome(self->oracle, command.op_id, &result);
        sim_record_command(history, one->client, one->number, one->began_us, FSP_TIME_NEVER,
                           &command, there ? &result : NULL);
    }
    self->space.abandoned_count = 0;
    sim_reference_t reference = {
        .context = self->oracle, .sight_at = sight_at, .last = sim_oracle_changes(self->oracle)};
    sim_finding_t finding;
    if (sim_linear_by_index(history, &reference, &finding) != SIM_LINEAR)
        sim_fail(&self->trace, "P5: not linearizable: %s", finding.words);
}

void
world_check_end(world_t *self)
{
    replica_t *leader = world_leader(self);
    const fsp_raft_conf_t *conf = fsp_raft_conf(fsp_replica_raft(leader->replica));
    for (size_t i = 0; i < conf->count; i++) {
        const node_t *node = &self->nodes[world_node_of(self, &conf->seats[i].member.node_id)];
        replica_t *replica = world_replica_numbered(self, node, conf->seats[i].member.replica);
        /* All rows are in the database: it alone is the state. */
        world_check_rows(self, replica);
    }
    world_check_state(self, leader);
    check_history(self);
}
