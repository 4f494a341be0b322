/* SPDX-License-Identifier: MIT */
/* cluster - several rafts in virtual time, over fsp_raft_step alone.  Layer tests.
 *
 * Each replica has a disk with a queue: a write is there, and reported, `disk_us` after it was
 * asked for, in order.  A crash loses what is in the queue; a restart reads what was written. Links
 * have a latency and can be cut, each direction by itself.  Time jumps to whatever is due next; of
 * what is due at the same time, what was scheduled first happens first, and time itself (TICK)
 * last, by replica number.  So a story is the same each time.
 *
 * What happens is written down in words, one line each:
 *
 *     milliseconds replica| what
 *     1043.2 2> 1 VOTE term 2, end 1.1         a message leaves, from 2 to 1
 *     1044.2 1| writes term 2 vote 2           asked of the disk
 *     1046.2 1| commits 2.2                    index.term
 *
 * A story compares a stretch of this with the text that it expects.  FSP_TRANSCRIPTS=1 in the
 * environment prints the stretches instead, for whoever writes or changes a story; the text is then
 * to be read line by line before it is believed.
 *
 * After every step safety is checked (cluster_check): one leader in a term, logs that match, equal
 * committed prefixes, and that who becomes leader has all of it.
 */
#ifndef FSP_TESTS_UNIT_RAFT_CLUSTER_H
#define FSP_TESTS_UNIT_RAFT_CLUSTER_H
#include "tests/unit/raft/cluster_words.h"

/* -- life -------------------------------------------------------------------------------------- */

static inline fsp_raft_member_t
cluster_member(uint64_t node, uint64_t replica)
{
    return (fsp_raft_member_t){
        .node_id = {{(uint8_t)node}}, .replica = replica, .store_id = {{(uint8_t)node, 1}}};
}

/* Voters are nodes 1 .. voters; with sync, one more is a synchronous learner. */
static inline fsp_raft_target_t
cluster_target(uint64_t aim, size_t voters, bool sync)
{
    fsp_raft_target_t target = {.aim = aim, .count = voters + sync};
    for (size_t i = 0; i < target.count; i++) {
        fsp_raft_member_t member = cluster_member(i + 1, 0);
        target.members[i] = (fsp_raft_wanted_t){
            .node_id = member.node_id, .store_id = member.store_id, .sync = i >= voters};
    }
    return target;
}

static inline void
cluster_disk_put(cluster_disk_t *disk, const fsp_entry_t *entry)
{
    ck_assert_uint_eq(entry->index, disk->last + 1);
    ck_assert_uint_lt(entry->index, CLUSTER_LOG_MAX);
    fsp_entry_t *place = &disk->log[entry->index];
    *place = *entry;
    if (place->bytes)
        (void)fsp_blob_ref(place->bytes);
    disk->last = entry->index;
}

static inline void
cluster_disk_cut(cluster_disk_t *disk, uint64_t from)
{
    for (; disk->last >= from && disk->last > disk->start; disk->last--)
        fsp_blob_destroy(&disk->log[disk->last].bytes);
}

/* A replica with this number and an empty disk. */
static inline void
cluster_add(cluster_t *self, uint64_t node, uint64_t replica, const fsp_raft_conf_t *base)
{
    cluster_replica_t *r = &self->replicas[replica];
    r->member = cluster_member(node, replica);
    r->disk = FSP_NEW(cluster_disk_t);
    r->disk->base = base ? *base : (fsp_raft_conf_t){0};
    r->disk_us = 2000;
}

static inline void
cluster_disk_entry(cluster_disk_t *disk, uint64_t term, fsp_entry_kind_t kind, fsp_slice_t bytes)
{
    fsp_entry_t entry = {.index = disk->last + 1, .term = term, .kind = kind};
    if (kind != FSP_ENTRY_NOOP)
        entry.bytes = fsp_blob_copy(bytes.data, bytes.bytes);
    cluster_disk_put(disk, &entry);
    fsp_blob_destroy(&entry.bytes);
    if (disk->hard.term < term)
        disk->hard.term = term;
    disk->watermark = disk->last;
}

/* As a new shard starts: entry 1 is the configuration, of term 1. */
static inline void
cluster_bootstrap(cluster_t *self, uint64_t replica, const fsp_raft_conf_t *conf)
{
    fsp_buf_t buf;
    fsp_buf_init(&buf, FSP_RAFT_CONF_BYTES_MAX);
    fsp_raft_conf_encode(conf, &buf);
    cluster_disk_entry(self->replicas[replica].disk, 1, FSP_ENTRY_CONFIG, fsp_buf_slice(&buf));
    fsp_buf_clear(&buf);
}

/* Entries 2 .. of these terms, one digit each; commands are called after index and term. */
static inline void
cluster_log(cluster_t *self, uint64_t replica, const char *terms)
{
    cluster_disk_t *disk = self->replicas[replica].disk;
    for (; *terms; terms++) {
        char command[32];
        snprintf(command, sizeof(command), "%" PRIu64 ".%c", disk->last + 1, *terms);
        cluster_disk_entry(disk, (uint64_t)(*terms - '0'), FSP_ENTRY_COMMAND,
                           fsp_slice_text(command));
    }
}

/* Bootstrapped replicas 1 .. voters, and with sync one more; none of them runs yet. */
static inline void
cluster_init(cluster_t *self, uint64_t seed, size_t voters, bool sync)
{
    *self = (cluster_t){
        .now_us = 1000 * 1000,
        .limits = fsp_raft_limits_default(),
        .seed = seed,
        .cache_bytes_max = 1024 * 1024,
        .shows = CLUSTER_SHOWS_MOST,
        .items = fsp_alloc_array(CLUSTER_ITEMS_MAX, sizeof(cluster_item_t)),
    };
    fsp_buf_init(&self->text, 4 * 1024 * 1024);
    for (size_t i = 0; i < CLUSTER_REPLICAS_MAX; i++)
        for (size_t j = 0; j < CLUSTER_REPLICAS_MAX; j++)
            self->latency_us[i][j] = 1000;
    fsp_raft_target_t target = cluster_target(1, voters, sync);
    fsp_raft_conf_t conf = fsp_raft_conf_first(&target);
    for (uint64_t i = 1; i <= conf.count; i++) {
        cluster_add(self, i, i, NULL);
        cluster_bootstrap(self, i, &conf);
    }
}

static inline void
cluster_start(cluster_t *self, uint64_t replica)
{
    cluster_replica_t *r = &self->replicas[replica];
    cluster_disk_t *disk = r->disk;
    ck_assert_ptr_null(r->raft);
    fsp_raft_run_t runs[64];
    fsp_raft_conf_at_t confs[64];
    fsp_raft_restore_t restore = {
        .hard = disk->hard,
        .log_start = disk->start,
        .log_start_term = disk->start_term,
        .last_index = disk->last,
        .last_term = disk->last > disk->start ? disk->log[disk->last].term : disk->start_term,
        .applied_index = disk->applied,
        .watermark = disk->watermark,
        .base = &disk->base,
        .runs = runs,
        .confs = confs,
    };
    for (uint64_t i = disk->start + 1; i <= disk->last; i++) {
        const fsp_entry_t *entry = &disk->log[i];
        if (restore.run_count == 0 || runs[restore.run_count - 1].term != entry->term)
            runs[restore.run_count++] = (fsp_raft_run_t){entry->term, i, i};
        runs[restore.run_count - 1].last = i;
        if (entry->kind == FSP_ENTRY_CONFIG) {
            fsp_raft_conf_at_t *at = &confs[restore.conf_count++];
            at->index = i;
            ck_assert_int_eq(fsp_raft_conf_decode(fsp_blob_slice(entry->bytes), &at->conf), FSP_OK);
        }
        ck_assert(restore.run_count < 64 && restore.conf_count < 64);
    }
    fsp_raft_config_t config = {
        .shard = 7,
        .self = r->member,
        .cache_bytes_max = self->cache_bytes_max,
        .limits = self->limits,
        .seed = self->seed * 1000 + replica * 10 + r->lives++,
    };
    fsp_error_t error = {0};
    ck_assert_msg(fsp_raft_new(&config, &restore, &r->raft, &error) == FSP_OK, "%s", error.text);
    r->applied = disk->applied;
}

static inline void
cluster_start_all(cluster_t *self)
{
    for (uint64_t i = 1; i < CLUSTER_REPLICAS_MAX; i++)
        if (self->replicas[i].disk && !self->replicas[i].raft)
            cluster_start(self, i);
}

static inline void
cluster_item_clear(cluster_item_t *item)
{
    fsp_raft_message_clear(&item->message);
}

static inline void
cluster_remove_item(cluster_t *self, size_t position)
{
    cluster_item_clear(&self->items[position]);
    self->item_count--;
    memmove(&self->items[position], &self->items[position + 1],
            (self->item_count - position) * sizeof(self->items[0]));
}

/* The process ends: writes in the queue are lost. */
static inline void
cluster_crash(cluster_t *self, uint64_t replica)
{
    fsp_raft_destroy(&self->replicas[replica].raft);
    for (size_t i = self->item_count; i-- > 0;)
        if (self->items[i].replica == replica && self->items[i].type != ITEM_MESSAGE)
            cluster_remove_item(self, i);
    self->replicas[replica].written_at = 0;
}

static inline void
cluster_clear(cluster_t *self)
{
    for (size_t i = 1; i < CLUSTER_REPLICAS_MAX; i++) {
        fsp_raft_destroy(&self->replicas[i].raft);
        if (!self->replicas[i].disk)
            continue;
        cluster_disk_cut(self->replicas[i].disk, 0);
        fsp_free(self->replicas[i].disk);
    }
    for (size_t i = 0; i < self->item_count; i++)
        cluster_item_clear(&self->items[i]);
    for (uint64_t i = 0; i <= self->committed_last; i++)
        fsp_blob_destroy(&self->committed[i].bytes);
    fsp_free(self->items);
    fsp_raft_effects_clear(&self->effects);
    fsp_buf_clear(&self->text);
}

/* -- safety ------------------------------------------------------------------------------------ */

static inline bool
cluster_same_entry(const fsp_entry_t *a, const fsp_entry_t *b)
{
    return a->term == b->term && a->kind == b->kind && (!a->bytes == !b->bytes) &&
           (!a->bytes || fsp_slice_eq(fsp_blob_slice(a->bytes), fsp_blob_slice(b->bytes)));
}

/* R2: if two logs on disks have an entry of one index and term, they are equal up to there. */
static inline void
cluster_check_logs(const cluster_t *self)
{
    for (size_t i = 1; i < CLUSTER_REPLICAS_MAX; i++)
        for (size_t j = i + 1; j < CLUSTER_REPLICAS_MAX; j++) {
            const cluster_disk_t *a = self->replicas[i].disk;
            const cluster_disk_t *b = self->replicas[j].disk;
            if (!a || !b)
                continue;
            uint64_t first = (a->start > b->start ? a->start : b->start) + 1;
            bool met = false;
            for (uint64_t k = a->last < b->last ? a->last : b->last; k >= first; k--) {
                met = met || a->log[k].term == b->log[k].term;
                ck_assert_msg(!met || cluster_same_entry(&a->log[k], &b->log[k]),
                              "logs of %zu and %zu differ at %" PRIu64, i, j, k);
            }
        }
}

/* R3: who leads has all that was ever committed. */
static inline void
cluster_check_leader(cluster_t *self, uint64_t replica)
{
    const fsp_raft_t *raft = self->replicas[replica].raft;
    uint64_t term = fsp_raft_term(raft);
    ck_assert_uint_lt(term, CLUSTER_TERMS_MAX);
    ck_assert_msg(self->leaders[term] == 0 || self->leaders[term] == replica,
                  "%" PRIu64 " and %" PRIu64 " lead term %" PRIu64, self->leaders[term], replica,
                  term);
    if (self->leaders[term] == replica)
        return;
    self->leaders[term] = replica;
    for (uint64_t i = fsp_raft_log_start(raft) + 1; i <= self->committed_last; i++) {
        uint64_t found = 0;
        fsp_status_t status = fsp_raft_term_at(raft, i, &found);
        ck_assert_msg(status == FSP_OK && found == self->committed[i].term,
                      "leader %" PRIu64 " lacks the committed entry %" PRIu64, replica, i);
    }
}

static inline void
cluster_check(cluster_t *self)
{
    self->steps++;
    for (uint64_t i = 1; i < CLUSTER_REPLICAS_MAX; i++)
        if (self->replicas[i].raft && fsp_raft_role(self->replicas[i].raft) == FSP_RAFT_LEADER)
            cluster_check_leader(self, i);
    cluster_check_logs(self);
}

/* Entries that a replica may apply: the same everywhere, in order. */
static inline void
cluster_apply(cluster_t *self, uint64_t replica, const fsp_raft_effect_t *effect)
{
    cluster_replica_t *r = &self->replicas[replica];
    for (size_t i = 0; i < effect->entry_count; i++) {
        const fsp_entry_t *entry = &effect->entries[i];
        ck_assert_uint_eq(entry->index, r->applied + 1);
        r->applied = entry->index;
        if (entry->index <= self->committed_last && self->committed[entry->index].term) {
            ck_assert_msg(cluster_same_entry(entry, &self->committed[entry->index]),
                          "%" PRIu64 " applies another entry %" PRIu64, replica, entry->index);
            continue;
        }
        ck_assert_uint_eq(entry->index, self->committed_last + 1);
        self->committed[entry->index] = *entry;
        if (entry->bytes)
            (void)fsp_blob_ref(entry->bytes);
        self->committed_last = entry->index;
    }
}

/* -- effects ----------------------------------------------------------------------------------- */

static inline cluster_item_t *
cluster_schedule(cluster_t *self, cluster_item_type_t type, uint64_t replica, fsp_time_t at)
{
    ck_assert_uint_lt(self->item_count, CLUSTER_ITEMS_MAX);
    cluster_item_t *item = &self->items[self->item_count++];
    *item = (cluster_item_t){
        .type = type, .at = at, .sequence = self->next_sequence++, .replica = replica};
    return item;
}

static inline void
cluster_send(cluster_t *self, const fsp_raft_message_t *m)
{
    cluster_words_message(self, m);
    ck_assert_uint_lt(m->to, CLUSTER_REPLICAS_MAX);
    if (self->cut[m->from][m->to])
        return;
    cluster_item_t *item = cluster_schedule(self, ITEM_MESSAGE, m->to,
                                            self->now_us + self->latency_us[m->from][m->to]);
    item->message = fsp_raft_message_copy(m);
}

static inline void
cluster_write(cluster_t *self, uint64_t replica, fsp_raft_effect_t *effect)
{
    cluster_replica_t *r = &self->replicas[replica];
    cluster_words_write(self, replica, effect);
    fsp_time_t at = self->now_us + r->disk_us;
    if (at < r->written_at)
        at = r->written_at;
    r->written_at = at;
    cluster_item_t *item = cluster_schedule(self, ITEM_WRITTEN, replica, at);
    item->token = effect->token;
    item->has_hard = effect->has_hard;
    item->hard = effect->hard;
    item->truncate_from = effect->truncate_from;
    item->drop_below = effect->drop_below;
    item->drop_term = effect->drop_term;
    item->install = effect->install;
    item->keeps = effect->install_keeps;
    item->index = effect->index;
    item->term = effect->term;
    item->has_conf = effect->conf != NULL;
    if (effect->conf)
        item->conf = *effect->conf;
    item->applied = r->applied;
    /* The entries travel as those of a message. */
    item->message.entries = effect->entries;
    item->message.entry_count = effect->entry_count;
    effect->entries = NULL;
    effect->entry_count = 0;
}

/* What the disk holds when the write is through. */
static inline void
cluster_store(cluster_disk_t *disk, const cluster_item_t *item)
{
    if (item->has_hard)
        disk->hard = item->hard;
    if (item->truncate_from) {
        cluster_disk_cut(disk, item->truncate_from);
        disk->watermark = disk->watermark < disk->last ? disk->watermark : disk->last;
    }
    if (item->install && !item->keeps) {
        cluster_disk_cut(disk, 0);
        disk->start = disk->last = item->index;
        disk->start_term = item->term;
        disk->watermark = item->index;
    }
    if (item->drop_below || (item->install && item->keeps)) {
        uint64_t start = item->drop_below ? item->drop_below - 1 : item->index;
        for (uint64_t i = disk->start + 1; i <= start; i++)
            fsp_blob_destroy(&disk->log[i].bytes);
        disk->start = start;
        disk->start_term = item->drop_below ? item->drop_term : item->term;
    }
    if (item->has_conf)
        disk->base = item->conf;
    for (size_t i = 0; i < item->message.entry_count; i++)
        cluster_disk_put(disk, &item->message.entries[i]);
    if (item->message.entry_count > 0)
        disk->watermark = disk->last;
    if (item->install)
        disk->applied = item->index;
    else if (item->applied > disk->applied)
        disk->applied = item->applied;
}

/* Modelled in one message: a snapshot leaves as it is now, or the sender hears that it failed. */
static inline void
cluster_send_snapshot(cluster_t *self, uint64_t replica, uint64_t to)
{
    cluster_replica_t *r = &self->replicas[replica];
    uint64_t index = r->disk->applied;
    uint64_t term = 0;
    bool ok = index >= fsp_raft_log_start(r->raft) &&
              fsp_raft_term_at(r->raft, index, &term) == FSP_OK && !self->cut[replica][to] &&
              !self->cut[to][replica];
    cluster_item_t *sent =
        cluster_schedule(self, ITEM_SENT, replica, self->now_us + (ok ? 20000 : 1000000));
    sent->about = to;
    sent->ok = ok;
    sent->index = index;
    if (!ok)
        return;
    fsp_raft_message_t message = {.type = FSP_RAFT_SNAPSHOT,
                                  .from = replica,
                                  .to = to,
                                  .term = fsp_raft_term(r->raft),
                                  .index = index,
                                  .index_term = term};
    cluster_words_message(self, &message);
    cluster_item_t *item = cluster_schedule(self, ITEM_MESSAGE, to, self->now_us + 10000);
    item->message = message;
    item->conf = *fsp_raft_conf_as_of(r->raft, index);
}

static inline void cluster_step(cluster_t *self, uint64_t replica, fsp_raft_event_t event);

static inline void
cluster_carry_out(cluster_t *self, uint64_t replica, fsp_raft_effect_t *effect,
                  const fsp_raft_event_t *event, const fsp_raft_conf_t *snapshot_conf)
{
    cluster_replica_t *r = &self->replicas[replica];
    switch (effect->type) {
    case FSP_RAFT_SEND:
        cluster_send(self, &effect->message);
        return;
    case FSP_RAFT_WRITE:
        cluster_write(self, replica, effect);
        return;
    case FSP_RAFT_ENTRIES:
        if (self->shows & CLUSTER_SHOWS_ENTRIES) {
            cluster_line(self, replica, "|");
            fsp_buf_printf(&self->text, "applies");
            cluster_words_entries(&self->text, effect->entries, effect->entry_count);
            fsp_buf_printf(&self->text, "\n");
        }
        cluster_apply(self, replica, effect);
        return;
    default:
        cluster_say(self, replica, effect);
        break;
    }
    if (effect->type == FSP_RAFT_REMOVED)
        r->removed = true;
    if (effect->type == FSP_RAFT_STOP)
        r->stopped = true;
    if (effect->type == FSP_RAFT_SEND_SNAPSHOT)
        cluster_send_snapshot(self, replica, effect->replica);
    if (effect->type == FSP_RAFT_TAKE_SNAPSHOT) {
        cluster_item_t *item = cluster_schedule(self, ITEM_INSTALL, replica, self->now_us);
        item->index = event->message->index;
        item->term = event->message->index_term;
        item->conf = *snapshot_conf;
    }
}

static inline void
cluster_fetch(cluster_t *self, uint64_t replica, uint64_t from, uint64_t to)
{
    cluster_disk_t *disk = self->replicas[replica].disk;
    ck_assert(from > disk->start && to <= disk->last);
    cluster_step(self, replica,
                 (fsp_raft_event_t){.type = FSP_RAFT_FETCHED,
                                    .entries = &disk->log[from],
                                    .entry_count = (size_t)(to - from + 1)});
}

static inline void
cluster_step_with(cluster_t *self, uint64_t replica, fsp_raft_event_t event,
                  const fsp_raft_conf_t *snapshot_conf)
{
    cluster_replica_t *r = &self->replicas[replica];
    ck_assert_ptr_nonnull(r->raft);
    event.now_us = self->now_us;
    fsp_raft_effects_t effects = {0};
    fsp_raft_step(r->raft, &event, &effects);
    uint64_t from = 0;
    uint64_t to = 0;
    for (size_t i = 0; i < effects.count; i++) {
        if (effects.items[i].type == FSP_RAFT_FETCH) {
            from = effects.items[i].from;
            to = effects.items[i].to;
        }
        cluster_carry_out(self, replica, &effects.items[i], &event, snapshot_conf);
    }
    fsp_raft_effects_clear(&effects);
    cluster_check(self);
    if (from)
        cluster_fetch(self, replica, from, to);
}

static inline void
cluster_step(cluster_t *self, uint64_t replica, fsp_raft_event_t event)
{
    cluster_step_with(self, replica, event, NULL);
}

/* -- time -------------------------------------------------------------------------------------- */

/* The item that is due first; false: none is. */
static inline bool
cluster_next_item(const cluster_t *self, size_t *ret)
{
    bool found = false;
    for (size_t i = 0; i < self->item_count; i++) {
        const cluster_item_t *a = &self->items[i];
        const cluster_item_t *b = &self->items[*ret];
        if (!found || a->at < b->at || (a->at == b->at && a->sequence < b->sequence))
            *ret = i;
        found = true;
    }
    return found;
}

static inline fsp_time_t
cluster_next_tick(const cluster_t *self, uint64_t *ret_replica)
{
    fsp_time_t at = FSP_TIME_NEVER;
    for (uint64_t i = 1; i < CLUSTER_REPLICAS_MAX; i++) {
        const fsp_raft_t *raft = self->replicas[i].raft;
        fsp_time_t due = raft ? fsp_raft_deadline(raft) : FSP_TIME_NEVER;
        if (due < at) {
            at = due;
            *ret_replica = i;
        }
    }
    return at;
}

static inline void
cluster_happen(cluster_t *self, size_t position)
{
    cluster_item_t item = self->items[position];
    self->items[position].message = (fsp_raft_message_t){0};
    cluster_remove_item(self, position);
    cluster_replica_t *r = &self->replicas[item.replica];
    if (!r->raft) {
        cluster_item_clear(&item);
        return;
    }
    fsp_raft_event_t event = {0};
    switch (item.type) {
    case ITEM_MESSAGE:
        event = (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &item.message};
        break;
    case ITEM_WRITTEN:
        cluster_store(r->disk, &item);
        if (item.install)
            r->applied = item.index;
        event = (fsp_raft_event_t){.type = FSP_RAFT_WRITTEN, .token = item.token};
        break;
    case ITEM_SENT:
        event = (fsp_raft_event_t){
            .type = FSP_RAFT_SENT, .replica = item.about, .ok = item.ok, .index = item.index};
        break;
    case ITEM_INSTALL:
        event = (fsp_raft_event_t){
            .type = FSP_RAFT_INSTALL, .index = item.index, .term = item.term, .conf = &item.conf};
        break;
    }
    cluster_step_with(self, item.replica, event, &item.conf);
    if (item.type == ITEM_WRITTEN && !item.install && r->disk->applied == item.applied &&
        item.applied > 0)
        cluster_step(self, item.replica,
                     (fsp_raft_event_t){.type = FSP_RAFT_APPLIED, .index = item.applied});
    cluster_item_clear(&item);
}

/* Everything that is due until then happens. */
static inline void
cluster_run_to(cluster_t *self, fsp_time_t until_us)
{
    for (;;) {
        size_t position = 0;
        uint64_t replica = 0;
        bool item = cluster_next_item(self, &position);
        fsp_time_t tick = cluster_next_tick(self, &replica);
        fsp_time_t at = item && self->items[position].at <= tick ? self->items[position].at : tick;
        if (at > until_us)
            break;
        if (at > self->now_us)
            self->now_us = at;
        if (item && self->items[position].at <= tick)
            cluster_happen(self, position);
        else
            cluster_step(self, replica, (fsp_raft_event_t){.type = FSP_RAFT_TICK});
    }
    self->now_us = until_us;
}

static inline void
cluster_run(cluster_t *self, uint64_t ms)
{
    cluster_run_to(self, self->now_us + 1000 * ms);
}

/* The replica that leads with the highest term; 0: none does. */
static inline uint64_t
cluster_leader(const cluster_t *self)
{
    uint64_t leader = 0;
    uint64_t term = 0;
    for (uint64_t i = 1; i < CLUSTER_REPLICAS_MAX; i++) {
        const fsp_raft_t *raft = self->replicas[i].raft;
        if (raft && fsp_raft_role(raft) == FSP_RAFT_LEADER && fsp_raft_term(raft) > term) {
            leader = i;
            term = fsp_raft_term(raft);
        }
    }
    return leader;
}

/* Until somebody leads and has committed in its term. */
static inline uint64_t
cluster_elect(cluster_t *self)
{
    for (int i = 0; i < 1000; i++) {
        uint64_t leader = cluster_leader(self);
        if (leader && fsp_raft_ready(self->replicas[leader].raft))
            return leader;
        cluster_run(self, 10);
    }
    ck_abort_msg("nobody leads after ten seconds");
    return 0;
}

/* All start and this one leads, in term 2; then it is quiet. */
static inline void
cluster_start_led_by(cluster_t *self, uint64_t replica)
{
    cluster_start(self, replica);
    cluster_run_to(self, self->now_us + self->limits.election_us); /* its patience ends first */
    cluster_start_all(self);
    ck_assert_uint_eq(cluster_elect(self), replica);
    cluster_run(self, 500);
    fsp_buf_reset(&self->text);
}

/* -- by hand ----------------------------------------------------------------------------------- */

static inline void
cluster_cut(cluster_t *self, uint64_t from, uint64_t to)
{
    self->cut[from][to] = true;
}

static inline void
cluster_part(cluster_t *self, uint64_t a, uint64_t b)
{
    cluster_cut(self, a, b);
    cluster_cut(self, b, a);
}

/* From everybody. */
static inline void
cluster_isolate(cluster_t *self, uint64_t replica)
{
    for (uint64_t i = 1; i < CLUSTER_REPLICAS_MAX; i++)
        if (i != replica)
            cluster_part(self, replica, i);
}

static inline void
cluster_heal(cluster_t *self)
{
    memset(self->cut, 0, sizeof(self->cut));
}

static inline void
cluster_propose_with(cluster_t *self, uint64_t replica, const char *command, bool two_copies)
{
    fsp_blob_t *bytes = fsp_blob_copy(command, strlen(command));
    cluster_step(self, replica,
                 (fsp_raft_event_t){.type = FSP_RAFT_PROPOSE,
                                    .token = ++self->next_token,
                                    .bytes = bytes,
                                    .two_copies = two_copies});
    fsp_blob_destroy(&bytes);
}

static inline void
cluster_propose(cluster_t *self, uint64_t replica, const char *command)
{
    cluster_propose_with(self, replica, command, false);
}

static inline void
cluster_read(cluster_t *self, uint64_t replica, uint64_t token)
{
    cluster_step(self, replica, (fsp_raft_event_t){.type = FSP_RAFT_READ, .token = token});
}

static inline void
cluster_configure(cluster_t *self, uint64_t replica, const fsp_raft_target_t *target)
{
    cluster_step(self, replica, (fsp_raft_event_t){.type = FSP_RAFT_CONFIGURE, .target = target});
}

/* TRANSFER, REPLACE, UNREACHABLE: events about a replica. */
static inline void
cluster_about(cluster_t *self, uint64_t replica, fsp_raft_event_type_t type, uint64_t about)
{
    cluster_step(self, replica, (fsp_raft_event_t){.type = type, .replica = about});
}

static inline void
cluster_forget(cluster_t *self)
{
    fsp_buf_reset(&self->text);
}

#define cluster_expect(self_, expected_) cluster_expect_at(self_, expected_, __FILE__, __LINE__)

/* What was written down since the last time is this text. */
static inline void
cluster_expect_at(cluster_t *self, const char *expected, const char *file, int line)
{
    fsp_buf_append_u8(&self->text, 0);
    ck_assert(fsp_buf_ok(&self->text));
    const char *text = (const char *)self->text.data;
    if (getenv("FSP_TRANSCRIPTS"))
        printf("%s:%d\n%s\n", file, line, text), fflush(stdout);
    else
        ck_assert_msg(strcmp(text, expected) == 0, "%s:%d\nthis happened:\n%s\nexpected:\n%s", file,
                      line, text, expected);
    fsp_buf_reset(&self->text);
}
#endif
