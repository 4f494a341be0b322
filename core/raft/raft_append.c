/* SPDX-License-Identifier: MIT */
/* raft_append - a follower's log: appending, cutting, and being replaced by a snapshot.
 *
 * Layer core/raft.  Pure.  An APPEND says: behind the entry (index, index_term) come these entries.
 *
 *   own log   1 1 1 2 2 2          APPEND (index 3, term 1; entries 3 3)
 *             -----+-----          entry 4 differs in its term: 4.. are cut, once, durably, in the
 *   becomes   1 1 1 3 3            same WRITE that appends
 *
 * What is acknowledged is index + count of the message, never the own last index: what lies behind
 * is nobody's yet (facts: bugs 2, 3).  Entries that are there already are not cut: a message may be
 * short, old or doubled (bug 20).  Cutting below the commit index stops the process.
 *
 * A snapshot arrives outside of here; when it is whole, INSTALL makes it the state in one WRITE.
 * From there until WRITTEN nothing is appended, voted for or campaigned for.  Term and vote are not
 * touched, and no index ever falls (bugs 6, 24, 29).
 */
#include "core/base/check.h"
#include "core/raft/raft_internal.h"

bool
fsp_raft_append_sound(const fsp_raft_message_t *m)
{
    uint64_t term = m->index_term;
    if (m->index > UINT64_MAX - m->entry_count - 1)
        return false;
    for (size_t i = 0; i < m->entry_count; i++) {
        const fsp_entry_t *entry = &m->entries[i];
        if (entry->index != m->index + 1 + i || entry->term < term || entry->term > m->term ||
            entry->term == 0)
            return false;
        if ((entry->kind == FSP_ENTRY_NOOP) != (entry->bytes == NULL))
            return false;
        fsp_raft_conf_t conf;
        if (entry->kind == FSP_ENTRY_CONFIG &&
            fsp_raft_conf_decode(fsp_blob_slice(entry->bytes), &conf))
            return false;
        term = entry->term;
    }
    return true;
}

static void
answer(fsp_raft_t *self, const fsp_raft_message_t *m, uint64_t match)
{
    fsp_raft_reply(self, FSP_RAFT_GATE_LOG,
                   (fsp_raft_message_t){.type = FSP_RAFT_APPENDED, .to = m->from, .index = match});
}

/* Where the logs may meet: the last own entry whose term is not above that of the entry that was
   asked for.  So one round trip skips a whole term (3.3). */
static void
refuse(fsp_raft_t *self, const fsp_raft_message_t *m)
{
    uint64_t hint = fsp_raft_log_last_of(&self->log, m->index, m->index_term);
    fsp_raft_reply(self, FSP_RAFT_GATE_LOG,
                   (fsp_raft_message_t){
                       .type = FSP_RAFT_APPENDED,
                       .to = m->from,
                       .refused = true,
                       .index = m->index,
                       .hint_index = hint,
                       .hint_term = fsp_raft_log_known_term(&self->log, hint),
                   });
}

/* True if the own log has the entry that the message builds on. */
static bool
meets(const fsp_raft_t *self, const fsp_raft_message_t *m)
{
    uint64_t term;
    if (fsp_raft_log_term(&self->log, m->index, &term) != FSP_OK)
        return false;
    return term == m->index_term || FSP_MUTANT(no_previous_check);
}

static void
cut(fsp_raft_t *self, uint64_t from)
{
    /* R6: what is committed is in every later leader's log. */
    FSP_ASSERT(from > self->commit);
    FSP_ASSERT(from > self->known_commit);
    self->waiting_bytes -= fsp_raft_log_truncate(&self->log, from);
    fsp_raft_conf_cut(self, from);
}

/* Position of the first entry of the message that is not in the log. */
static size_t
first_new(const fsp_raft_t *self, const fsp_raft_message_t *m)
{
    size_t i = 0;
    for (; i < m->entry_count; i++) {
        uint64_t term;
        if (fsp_raft_log_term(&self->log, m->entries[i].index, &term) != FSP_OK ||
            term != m->entries[i].term)
            break;
    }
    return i;
}

static void
take_entries(fsp_raft_t *self, const fsp_raft_message_t *m, size_t from,
             fsp_raft_effects_t *effects)
{
    uint64_t truncate_from = 0;
    uint64_t index = m->index + 1 + from;
    if (self->log.last >= index && (from < m->entry_count || FSP_MUTANT(short_append_cuts))) {
        truncate_from = index;
        cut(self, truncate_from);
    }
    if (from == m->entry_count && truncate_from == 0)
        return;
    fsp_raft_pending_t write = {.durable = true};
    if (m->entry_count > from) {
        write.term = m->entries[m->entry_count - 1].term;
        write.last_index = m->entries[m->entry_count - 1].index;
    }
    for (size_t i = from; i < m->entry_count; i++) {
        const fsp_entry_t *entry = &m->entries[i];
        fsp_raft_log_append(&self->log, entry->term, entry->kind, entry->bytes);
        self->waiting_bytes += fsp_raft_entry_cost(fsp_raft_log_cached(&self->log, self->log.last));
        if (entry->kind == FSP_ENTRY_CONFIG) {
            fsp_raft_conf_t conf;
            fsp_status_t status = fsp_raft_conf_decode(fsp_blob_slice(entry->bytes), &conf);
            FSP_ASSERT(status == FSP_OK); /* it was looked at when it came */
            fsp_raft_conf_push(self, entry->index, &conf);
        }
    }
    fsp_raft_effect_t *effect = fsp_raft_emit_write(self, effects, write);
    effect->truncate_from = truncate_from;
    if (m->entry_count > from)
        fsp_raft_effect_reserve(effect, m->entry_count - from);
    for (size_t i = from; i < m->entry_count; i++)
        fsp_raft_effect_entry(effect, &m->entries[i]);
}

void
fsp_raft_on_append(fsp_raft_t *self, const fsp_raft_message_t *m, fsp_raft_effects_t *effects)
{
    FSP_PRE(m->term == self->hard.term);
    if (self->installing)
        return; /* the snapshot decides what this log is */
    if (m->index < self->commit) {
        answer(self, m, self->commit); /* old; everything committed matches (R3) */
        return;
    }
    if (!meets(self, m)) {
        refuse(self, m);
        return;
    }
    take_entries(self, m, first_new(self, m), effects);
    uint64_t match = m->index + m->entry_count;
    uint64_t cap = FSP_MUTANT(commit_cap_last_index) ? self->log.last : match;
    uint64_t commit = m->commit < cap ? m->commit : cap;
    if (commit > self->known_commit)
        self->known_commit = commit;
    answer(self, m, FSP_MUTANT(ack_last_index) ? self->log.last : match);
}

void
fsp_raft_on_heartbeat(fsp_raft_t *self, const fsp_raft_message_t *m)
{
    /* The leader sends no more than this log is known to match (R4: a made-up commit would apply
       entries that are nobody's). */
    if (!self->installing && m->commit <= self->log.last && m->commit > self->known_commit)
        self->known_commit = m->commit;
    size_t slot = self->digest_last / self->limits.digest_every % FSP_RAFT_DIGESTS_KEPT;
    fsp_raft_reply(self, FSP_RAFT_GATE_HARD,
                   (fsp_raft_message_t){
                       .type = FSP_RAFT_HEARTBEATED,
                       .to = m->from,
                       .round = m->round,
                       .index = self->digest_last,
                       .digest = self->digest[slot],
                   });
}

/* -- snapshots --------------------------------------------------------------------------------- */

void
fsp_raft_on_snapshot(fsp_raft_t *self, const fsp_raft_message_t *m, fsp_raft_effects_t *effects)
{
    if (self->installing || m->index_term == 0 || m->index_term > m->term || m->index == UINT64_MAX)
        return; /* nothing that a log could hold */
    if (m->index <= self->commit) {
        answer(self, m, self->commit); /* not needed any more; the leader goes on from here */
        return;
    }
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_TAKE_SNAPSHOT);
    effect->index = m->index;
}

void
fsp_raft_on_install(fsp_raft_t *self, const fsp_raft_event_t *event, fsp_raft_effects_t *effects)
{
    FSP_PRE(event->conf && event->index > 0 && event->term > 0);
    bool behind = event->index <= self->commit && !FSP_MUTANT(snapshot_lowers_commit);
    if (self->installing || behind || self->role != FSP_RAFT_FOLLOWER)
        return;
    FSP_ASSERT(event->term <= self->hard.term);
    uint64_t term;
    self->installing = true;
    self->ballot = FSP_RAFT_NO_BALLOT; /* a pre-ballot that was out asked for another log */
    self->install_index = event->index;
    self->install_term = event->term;
    self->install_conf = *event->conf;
    /* The log behind the snapshot stays only if it is the same history (3.4). */
    self->install_keeps =
        fsp_raft_log_term(&self->log, event->index, &term) == FSP_OK && term == event->term;
    if (FSP_MUTANT(snapshot_resets_vote))
        self->hard.vote = 0;
    fsp_raft_effect_t *effect =
        fsp_raft_emit_write(self, effects, (fsp_raft_pending_t){.install = true, .durable = true});
    effect->install = true;
    effect->install_keeps = self->install_keeps;
    effect->index = event->index;
    effect->term = event->term;
    fsp_raft_effect_conf(effect, &self->install_conf);
}

void
fsp_raft_finish_install(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    FSP_PRE(self->installing);
    uint64_t index = self->install_index;
    self->installing = false;
    if (self->install_keeps) {
        fsp_raft_log_drop(&self->log, index + 1);
        fsp_raft_conf_trim(self, index);
    } else {
        fsp_raft_log_reset(&self->log, index, self->install_term);
        self->conf_count = 0;
        fsp_raft_conf_push(self, index,
                           FSP_MUTANT(snapshot_without_conf) ? &(fsp_raft_conf_t){0}
                                                             : &self->install_conf);
    }
    self->commit = index;
    self->handed = index;
    self->durable_applied = index;
    if (self->known_commit < index || !self->install_keeps)
        self->known_commit = index;
    self->waiting_bytes = 0;
    for (uint64_t i = index + 1; i <= self->log.last; i++)
        if (i >= fsp_raft_log_cached_first(&self->log))
            self->waiting_bytes += fsp_raft_entry_cost(fsp_raft_log_cached(&self->log, i));
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_COMMIT);
    effect->index = index;
    effect->term = self->install_term;
    if (self->leader != 0 && self->leader != self->self.replica)
        fsp_raft_reply(
            self, FSP_RAFT_GATE_LOG,
            (fsp_raft_message_t){.type = FSP_RAFT_APPENDED, .to = self->leader, .index = index});
}
