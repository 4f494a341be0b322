/* SPDX-License-Identifier: MIT */
/* raft_replicate - what a leader knows of its followers, and what it sends them.
 *
 * Layer core/raft.  Pure.  Per follower three states (as etcd calls them):
 *
 *   PROBE      where the logs meet is not known: one message, then wait for its answer
 *   REPLICATE  optimistic: as much as the window holds, in messages and in bytes
 *   CATCH_UP   what it needs is no longer in the log: a snapshot is on its way, nothing else is
 *
 *   PROBE --- accepted ---> REPLICATE --- refused, unreachable ---> PROBE
 *     |  ^
 *     |  +--- SENT, or it has what connects to the log ---+
 *     +------ needs what the log no longer holds -------> CATCH_UP
 *
 *   match < next.  match never falls within a term: an answer that says less is an old one.
 *
 * Everything is sent from fsp_raft_replicate, which looks at each follower after each event; events
 * only change what is known.  A message that was lost is found by the heartbeat's answer: what is
 * sent and not acknowledged then is asked about by an empty APPEND (nudge), and a refusal of that
 * leads back to PROBE.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/raft/raft_internal.h"

/* -- peers ------------------------------------------------------------------------------------- */

fsp_raft_peer_t *
fsp_raft_peer(const fsp_raft_t *self, uint64_t replica)
{
    for (size_t i = 0; i < self->peer_count; i++)
        if (self->peers[i].replica == replica)
            return &self->peers[i];
    return NULL;
}

static void
forget_peer(fsp_raft_t *self, size_t position)
{
    self->peer_count--;
    memmove(&self->peers[position], &self->peers[position + 1],
            (self->peer_count - position) * sizeof(*self->peers));
}

void
fsp_raft_sync_peers(fsp_raft_t *self)
{
    FSP_PRE(self->role == FSP_RAFT_LEADER);
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    for (size_t i = 0; i < self->peer_count; i++) {
        fsp_raft_peer_t *peer = &self->peers[i];
        bool seated = fsp_raft_conf_seat(conf, peer->replica) != NULL;
        if (seated)
            peer->leaving_at = 0;
        else if (peer->leaving_at == 0)
            peer->leaving_at = self->now + self->limits.stall_us;
    }
    for (size_t i = 0; i < conf->count; i++) {
        uint64_t replica = conf->seats[i].member.replica;
        if (replica == self->self.replica || fsp_raft_peer(self, replica))
            continue;
        while (self->peer_count == FSP_RAFT_PEERS_MAX) /* the longest gone makes room */
            for (size_t j = 0; j < self->peer_count; j++)
                if (self->peers[j].leaving_at != 0) {
                    forget_peer(self, j);
                    break;
                }
        self->peers[self->peer_count++] = (fsp_raft_peer_t){
            .replica = replica,
            .next = self->log.last + 1,
            .join_commit = self->commit,
            .progress_at = self->now,
        };
    }
}

void
fsp_raft_matches(const fsp_raft_t *self, const fsp_raft_conf_t *conf, uint64_t *ret)
{
    for (size_t i = 0; i < conf->count; i++) {
        uint64_t replica = conf->seats[i].member.replica;
        const fsp_raft_peer_t *peer = fsp_raft_peer(self, replica);
        ret[i] = peer ? peer->match : 0;
        /* The leader counts itself like the others: by what is durable. */
        if (replica == self->self.replica)
            ret[i] = FSP_MUTANT(leader_counts_undurable) ? self->log.last : self->log.durable;
    }
}

/* -- window ------------------------------------------------------------------------------------ */

static void
clear_window(fsp_raft_peer_t *peer)
{
    peer->window_count = 0;
    peer->window_bytes = 0;
}

static void
free_window(fsp_raft_peer_t *peer)
{
    if (FSP_MUTANT(window_not_freed))
        return;
    while (peer->window_count > 0 && peer->window[peer->window_first].last <= peer->match) {
        FSP_ASSERT(peer->window_bytes >= peer->window[peer->window_first].bytes);
        peer->window_bytes -= peer->window[peer->window_first].bytes;
        peer->window_first = (peer->window_first + 1) % FSP_RAFT_WINDOW_MESSAGES_MAX;
        peer->window_count--;
    }
    FSP_IMPLIES(peer->window_count == 0, peer->window_bytes == 0);
}

static bool
window_open(const fsp_raft_t *self, const fsp_raft_peer_t *peer)
{
    return peer->window_count < self->limits.window_messages_max &&
           peer->window_bytes < self->limits.window_bytes_max;
}

static void
add_to_window(fsp_raft_peer_t *peer, uint64_t last, size_t bytes)
{
    FSP_PRE(peer->window_count < FSP_RAFT_WINDOW_MESSAGES_MAX);
    size_t slot = (peer->window_first + peer->window_count) % FSP_RAFT_WINDOW_MESSAGES_MAX;
    peer->window[slot] = (fsp_raft_sent_t){.last = last, .bytes = bytes};
    peer->window_count++;
    peer->window_bytes += bytes;
}

static void
probe_from(fsp_raft_peer_t *peer, uint64_t next)
{
    FSP_PRE(next > peer->match || FSP_MUTANT(stale_refusal_taken));
    peer->flow = FSP_RAFT_PROBE;
    peer->next = next;
    peer->probed = false;
    peer->nudge = false;
    clear_window(peer);
}

/* -- answers ----------------------------------------------------------------------------------- */

/* The follower's log does not have what was built on.  Its hint says where the logs may meet. */
static void
on_refused(fsp_raft_t *self, fsp_raft_peer_t *peer, const fsp_raft_message_t *m)
{
    if (!FSP_MUTANT(stale_refusal_taken)) {
        if (m->index <= peer->match)
            return; /* old: that much matched meanwhile (facts: bug 19) */
        if (peer->flow == FSP_RAFT_PROBE && m->index != peer->next - 1)
            return; /* of an earlier probe */
        if (peer->flow == FSP_RAFT_CATCH_UP)
            return;
    }
    uint64_t meet = fsp_raft_log_last_of(&self->log, m->hint_index, m->hint_term);
    uint64_t next = (meet < m->index ? meet : m->index - 1) + 1;
    if (FSP_MUTANT(stale_refusal_taken)) {
        peer->match = next - 1 < peer->match ? next - 1 : peer->match;
        probe_from(peer, next);
        return;
    }
    probe_from(peer, next > peer->match ? next : peer->match + 1);
}

static void
on_accepted(fsp_raft_t *self, fsp_raft_peer_t *peer, const fsp_raft_message_t *m)
{
    if (m->index > self->log.last)
        return; /* nothing that this leader ever sent */
    bool rose = m->index > peer->match;
    if (rose) {
        peer->match = m->index;
        peer->progress_at = self->now;
    }
    if (peer->match == self->log.last)
        peer->progress_at = self->now;
    if (peer->next <= peer->match)
        peer->next = peer->match + 1;
    switch (peer->flow) {
    case FSP_RAFT_PROBE:
        /* Also if nothing rose: the answer to a probe says that the logs meet there. */
        if (rose || m->index == peer->next - 1) {
            peer->flow = FSP_RAFT_REPLICATE;
            peer->probed = false;
            clear_window(peer);
        }
        return;
    case FSP_RAFT_REPLICATE:
        free_window(peer);
        return;
    case FSP_RAFT_CATCH_UP:
        /* The log goes on from what it has: no need to wait for the sender's report. */
        if (peer->match >= self->log.start && !FSP_MUTANT(snapshot_never_ends))
            probe_from(peer, peer->match + 1);
        return;
    }
}

void
fsp_raft_on_appended(fsp_raft_t *self, const fsp_raft_message_t *m)
{
    fsp_raft_peer_t *peer = fsp_raft_peer(self, m->from);
    if (self->role != FSP_RAFT_LEADER || !peer)
        return;
    peer->active_at = self->now;
    if (m->refused)
        on_refused(self, peer, m);
    else
        on_accepted(self, peer, m);
    FSP_POST(peer->match < peer->next);
}

void
fsp_raft_on_heartbeated(fsp_raft_t *self, const fsp_raft_message_t *m)
{
    fsp_raft_peer_t *peer = fsp_raft_peer(self, m->from);
    if (self->role != FSP_RAFT_LEADER || !peer)
        return;
    peer->active_at = self->now;
    if (m->round > peer->round && m->round <= self->round_started)
        peer->round = m->round;
    if (m->index > peer->digest_index) {
        peer->digest_index = m->index;
        peer->digest = m->digest;
    }
    peer->probed = false; /* lost, or answered: ask again */
    peer->pausing = false;
    if (peer->flow == FSP_RAFT_REPLICATE && peer->match + 1 < peer->next)
        peer->nudge = true;
    if (peer->match == self->log.last)
        peer->progress_at = self->now;
}

void
fsp_raft_on_progress(fsp_raft_t *self, uint64_t replica)
{
    fsp_raft_peer_t *peer = fsp_raft_peer(self, replica);
    if (peer)
        peer->progress_at = self->now;
}

void
fsp_raft_on_sent(fsp_raft_t *self, const fsp_raft_event_t *event)
{
    fsp_raft_peer_t *peer = fsp_raft_peer(self, event->replica);
    if (self->role != FSP_RAFT_LEADER || !peer || peer->flow != FSP_RAFT_CATCH_UP ||
        FSP_MUTANT(snapshot_never_ends))
        return;
    uint64_t next = peer->match + 1;
    if (event->ok && event->index >= next && event->index <= self->log.last)
        next = event->index + 1; /* it may not have said so yet */
    probe_from(peer, next);
    peer->pausing = !event->ok; /* not at once again: what failed may fail for a while */
}

/* -- sending ----------------------------------------------------------------------------------- */

void
fsp_raft_send_heartbeats(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    FSP_PRE(self->role == FSP_RAFT_LEADER);
    self->heartbeat_at = self->now + self->limits.heartbeat_us;
    for (size_t i = 0; i < self->peer_count; i++) {
        const fsp_raft_peer_t *peer = &self->peers[i];
        uint64_t commit = self->commit < peer->match ? self->commit : peer->match;
        if (FSP_MUTANT(heartbeat_commit_unbounded))
            commit = self->commit;
        (void)fsp_raft_send(self,
                            (fsp_raft_message_t){
                                .type = FSP_RAFT_HEARTBEAT,
                                .to = peer->replica,
                                .commit = commit,
                                .round = self->round_started,
                            },
                            effects);
    }
}

/* An APPEND that builds on next - 1, with no entries yet. */
static fsp_raft_effect_t *
send_append(fsp_raft_t *self, fsp_raft_peer_t *peer, fsp_raft_effects_t *effects)
{
    uint64_t previous = peer->next - 1;
    peer->sent_commit = self->commit;
    return fsp_raft_send(self,
                         (fsp_raft_message_t){
                             .type = FSP_RAFT_APPEND,
                             .to = peer->replica,
                             .index = previous,
                             .index_term = fsp_raft_log_known_term(&self->log, previous),
                             .commit = self->commit,
                         },
                         effects);
}

static void
add_entry(fsp_raft_message_t *message, const fsp_entry_t *entry)
{
    fsp_entry_t *copy = &message->entries[message->entry_count++];
    *copy = *entry;
    if (copy->bytes)
        (void)fsp_blob_ref(copy->bytes);
}

/* Entries from `next` on, as many as a message takes, out of memory. */
static void
send_cached(fsp_raft_t *self, fsp_raft_peer_t *peer, fsp_raft_effects_t *effects)
{
    uint64_t count = self->log.last - peer->next + 1;
    if (count > self->limits.message_entries_max)
        count = self->limits.message_entries_max;
    fsp_raft_message_t *message = &send_append(self, peer, effects)->message;
    message->entries = fsp_alloc_array((size_t)count, sizeof(*message->entries));
    size_t bytes = 0;
    for (uint64_t i = 0; i < count; i++) {
        const fsp_entry_t *entry = fsp_raft_log_cached(&self->log, peer->next + i);
        size_t cost = fsp_raft_entry_cost(entry);
        if (i > 0 && bytes + cost > self->limits.message_bytes_max)
            break;
        add_entry(message, entry);
        bytes += cost;
    }
    uint64_t last = peer->next + message->entry_count - 1;
    if (peer->flow == FSP_RAFT_REPLICATE) {
        add_to_window(peer, last, bytes);
        peer->next = last + 1;
    }
}

static void
ask_disk(fsp_raft_t *self, const fsp_raft_peer_t *peer, fsp_raft_effects_t *effects)
{
    if (self->fetch != FSP_RAFT_FETCH_NONE)
        return; /* one at a time; it comes round */
    uint64_t to = peer->next + self->limits.message_entries_max - 1;
    uint64_t cached_first = fsp_raft_log_cached_first(&self->log);
    if (to >= cached_first)
        to = cached_first - 1;
    if (to > self->log.durable)
        to = self->log.durable;
    FSP_ASSERT(peer->next <= to); /* what is not durable is in the cache */
    self->fetch = FSP_RAFT_FETCH_SEND;
    self->fetch_from = peer->next;
    self->fetch_to = to;
    self->fetch_replica = peer->replica;
    self->fetch_term = self->hard.term;
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_FETCH);
    effect->from = self->fetch_from;
    effect->to = self->fetch_to;
}

void
fsp_raft_send_fetched(fsp_raft_t *self, const fsp_raft_event_t *event, fsp_raft_effects_t *effects)
{
    fsp_raft_peer_t *peer = fsp_raft_peer(self, self->fetch_replica);
    if (self->role != FSP_RAFT_LEADER || self->fetch_term != self->hard.term || !peer ||
        peer->next != self->fetch_from || peer->flow == FSP_RAFT_CATCH_UP ||
        peer->next <= self->log.start || event->entry_count == 0)
        return; /* it is about something else by now */
    if (peer->flow == FSP_RAFT_PROBE && peer->probed)
        return;
    if (peer->flow == FSP_RAFT_REPLICATE && !window_open(self, peer))
        return;
    fsp_raft_message_t *message = &send_append(self, peer, effects)->message;
    message->entries = fsp_alloc_array(event->entry_count, sizeof(*message->entries));
    size_t bytes = 0;
    for (size_t i = 0; i < event->entry_count; i++) {
        size_t cost = fsp_raft_entry_cost(&event->entries[i]);
        if (i > 0 && bytes + cost > self->limits.message_bytes_max)
            break;
        add_entry(message, &event->entries[i]);
        bytes += cost;
    }
    if (peer->flow == FSP_RAFT_REPLICATE) {
        peer->next += message->entry_count;
        add_to_window(peer, peer->next - 1, bytes);
    } else {
        peer->probed = true;
    }
}

/* Sends what the follower lacks; false: nothing more can be sent to it now. */
static bool
send_more(fsp_raft_t *self, fsp_raft_peer_t *peer, fsp_raft_effects_t *effects)
{
    if (peer->next <= self->log.start && !FSP_MUTANT(compacted_term_zero)) {
        peer->flow = FSP_RAFT_CATCH_UP;
        clear_window(peer);
        fsp_raft_effects_add(effects, FSP_RAFT_SEND_SNAPSHOT)->replica = peer->replica;
        return false;
    }
    if (peer->next <= self->log.last && peer->next < fsp_raft_log_cached_first(&self->log)) {
        ask_disk(self, peer, effects);
        return false;
    }
    if (peer->next <= self->log.last)
        send_cached(self, peer, effects);
    else
        (void)send_append(self, peer, effects);
    return true;
}

static void
replicate_to(fsp_raft_t *self, fsp_raft_peer_t *peer, fsp_raft_effects_t *effects)
{
    switch (peer->flow) {
    case FSP_RAFT_PROBE:
        if (!peer->probed && !peer->pausing && send_more(self, peer, effects))
            peer->probed = true;
        return;
    case FSP_RAFT_REPLICATE:
        if (peer->nudge && peer->next > self->log.start) {
            (void)send_append(self, peer, effects);
        } else if (peer->nudge) {
            /* Away for a while, and the log went on without it. */
            (void)send_more(self, peer, effects);
            return;
        }
        peer->nudge = false;
        while (peer->next <= self->log.last && window_open(self, peer))
            if (!send_more(self, peer, effects))
                return;
        /* It has everything but the news that it may be applied. */
        if (peer->next > self->log.last && peer->sent_commit < self->commit)
            (void)send_append(self, peer, effects);
        return;
    case FSP_RAFT_CATCH_UP:
        return;
    }
}

void
fsp_raft_replicate(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    if (self->role != FSP_RAFT_LEADER)
        return;
    for (size_t i = 0; i < self->peer_count; i++)
        replicate_to(self, &self->peers[i], effects);
    /* Who left the configuration is told of it for a while, until it knows that this is committed
       and goes; from then on it does not answer. */
    for (size_t i = self->peer_count; i-- > 0;)
        if (self->peers[i].leaving_at != 0 && self->now >= self->peers[i].leaving_at)
            forget_peer(self, i);
}
