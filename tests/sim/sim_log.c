/* SPDX-License-Identifier: MIT */
/* sim_log - logs as the rows of replicas say, and every entry that was ever written.
   Layer tests. */
#include "tests/sim/sim_log.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

#include <inttypes.h>

/* -- entries ----------------------------------------------------------------------------------- */

void
sim_entries_init(sim_entries_t *self, const sim_trace_t *trace)
{
    *self = (sim_entries_t){.trace = trace};
}

void
sim_entries_clear(sim_entries_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        sim_entry_t *entry = self->by_index[i];
        while (entry) {
            sim_entry_t *other = entry->other;
            fsp_blob_destroy(&entry->value);
            fsp_free(entry->conf);
            fsp_free(entry);
            entry = other;
        }
    }
    for (size_t i = 0; i < self->base_count; i++)
        fsp_free(self->bases[i]);
    fsp_free(self->bases);
    fsp_free(self->by_index);
    *self = (sim_entries_t){0};
}

static fsp_raft_conf_t *
read_conf(const sim_entries_t *self, uint64_t index, fsp_slice_t bytes)
{
    fsp_raft_conf_t *conf = FSP_NEW(fsp_raft_conf_t);
    if (fsp_raft_conf_decode(bytes, conf))
        sim_fail(self->trace, "rows: the configuration at %" PRIu64 " cannot be read", index);
    return conf;
}

/* The entry that the row says, interned. */
static const sim_entry_t *
note_entry(sim_entries_t *self, uint64_t index, uint64_t previous_term, fsp_slice_t value,
           bool *ret_new)
{
    *ret_new = false;
    fsp_log_entry_t row;
    if (fsp_log_entry_decode(value, &row))
        sim_fail(self->trace, "rows: entry %" PRIu64 " does not decode", index);
    while (self->count <= index) {
        if (self->count == self->capacity) {
            self->capacity = self->capacity ? 2 * self->capacity : 512;
            self->by_index = fsp_realloc(self->by_index, self->capacity * sizeof(*self->by_index));
        }
        self->by_index[self->count++] = NULL;
    }
    for (sim_entry_t *entry = self->by_index[index]; entry; entry = entry->other) {
        if (entry->term != row.term)
            continue;
        if (!fsp_slice_eq(fsp_blob_slice(entry->value), value))
            sim_fail(self->trace, "R2: two entries %" PRIu64 " of term %" PRIu64, index, row.term);
        if (entry->previous_term != previous_term)
            sim_fail(self->trace,
                     "R2: entry %" PRIu64 " of term %" PRIu64 " follows one of term %" PRIu64
                     " in one log and one of term %" PRIu64 " in another",
                     index, row.term, entry->previous_term, previous_term);
        return entry;
    }
    if (row.term < previous_term)
        sim_fail(self->trace, "R2: terms fall at entry %" PRIu64, index);
    sim_entry_t *entry = FSP_NEW(sim_entry_t);
    *entry = (sim_entry_t){
        .index = index,
        .term = row.term,
        .previous_term = previous_term,
        .kind = row.kind,
        .value = fsp_blob_copy(value.data, value.bytes),
        .other = self->by_index[index],
    };
    if (row.kind == FSP_ENTRY_CONFIG)
        entry->conf = read_conf(self, index, row.bytes);
    self->by_index[index] = entry;
    *ret_new = true;
    return entry;
}

static const fsp_raft_conf_t *
note_base(sim_entries_t *self, const fsp_raft_conf_t *conf)
{
    for (size_t i = 0; i < self->base_count; i++)
        if (fsp_raft_conf_eq(self->bases[i], conf))
            return self->bases[i];
    if (self->base_count == self->base_capacity) {
        self->base_capacity = self->base_capacity ? 2 * self->base_capacity : 8;
        self->bases = fsp_realloc(self->bases, self->base_capacity * sizeof(*self->bases));
    }
    fsp_raft_conf_t *copy = FSP_NEW(fsp_raft_conf_t);
    *copy = *conf;
    self->bases[self->base_count++] = copy;
    return copy;
}

/* -- one log ----------------------------------------------------------------------------------- */

void
sim_log_clear(sim_log_t *self)
{
    fsp_free(self->entries);
    fsp_free(self->confs);
    *self = (sim_log_t){0};
}

static void
forget(sim_log_t *self)
{
    sim_log_t empty = {
        .entries = self->entries,
        .capacity = self->capacity,
        .confs = self->confs,
        .conf_capacity = self->conf_capacity,
    };
    *self = empty;
}

const sim_entry_t *
sim_log_at(const sim_log_t *self, uint64_t index)
{
    if (index <= self->start || index > sim_log_last(self))
        return NULL;
    return self->entries[index - self->start - 1];
}

uint64_t
sim_log_term(const sim_log_t *self, uint64_t index)
{
    if (index == self->start)
        return self->start_term;
    const sim_entry_t *entry = sim_log_at(self, index);
    return entry ? entry->term : 0;
}

const fsp_raft_conf_t *
sim_log_conf(const sim_log_t *self, uint64_t *ret_index)
{
    if (self->conf_count > 0) {
        *ret_index = self->confs[self->conf_count - 1].index;
        return self->confs[self->conf_count - 1].conf;
    }
    *ret_index = self->start;
    return self->base;
}

static void
append(sim_log_t *self, const sim_entry_t *entry)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 256;
        self->entries = fsp_realloc(self->entries, self->capacity * sizeof(*self->entries));
    }
    self->entries[self->count++] = entry;
    if (!entry->conf)
        return;
    if (self->conf_count == self->conf_capacity) {
        self->conf_capacity = self->conf_capacity ? 2 * self->conf_capacity : 8;
        self->confs = fsp_realloc(self->confs, self->conf_capacity * sizeof(*self->confs));
    }
    self->confs[self->conf_count++] = (sim_conf_at_t){.index = entry->index, .conf = entry->conf};
}

static void
cut(sim_log_t *self, uint64_t from)
{
    self->count = from > self->start ? (size_t)(from - self->start - 1) : 0;
    while (self->conf_count > 0 && self->confs[self->conf_count - 1].index >= from)
        self->conf_count--;
}

/* The entries up to start are gone. */
static void
move_start(sim_log_t *self, uint64_t start, uint64_t term)
{
    if (start == self->start)
        return;
    size_t gone = start > self->start ? (size_t)(start - self->start) : 0;
    if (gone > self->count)
        gone = self->count;
    self->count -= gone;
    if (self->count > 0)
        memmove(self->entries, self->entries + gone, self->count * sizeof(*self->entries));
    size_t confs = 0;
    while (confs < self->conf_count && self->confs[confs].index <= start)
        confs++;
    if (confs > 0)
        self->base = self->confs[confs - 1].conf;
    self->conf_count -= confs;
    if (self->conf_count > 0)
        memmove(self->confs, self->confs + confs, self->conf_count * sizeof(*self->confs));
    self->start = start;
    self->start_term = term;
}

static bool
is_entry_key(fsp_slice_t key)
{
    return key.bytes == FSP_LOG_KEY_BYTES_MAX &&
           key.data[FSP_LOG_PREFIX_BYTES] == FSP_LOG_ROW_ENTRY;
}

static uint64_t
index_of(fsp_slice_t key)
{
    return fsp_load_u64(key.data + FSP_LOG_PREFIX_BYTES + 1);
}

static void
put_row(sim_log_t *self, sim_entries_t *entries, fsp_slice_t key, fsp_slice_t value,
        sim_log_change_t *change)
{
    if (is_entry_key(key)) {
        uint64_t index = index_of(key);
        if (index <= sim_log_last(self) && index > self->start) {
            change->cut = change->cut ? change->cut : sim_log_at(self, index);
            cut(self, index);
        }
        if (index != sim_log_last(self) + 1)
            sim_fail(entries->trace, "rows: entry %" PRIu64 " is written behind %" PRIu64, index,
                     sim_log_last(self));
        bool new;
        const sim_entry_t *entry =
            note_entry(entries, index, sim_log_term(self, index - 1), value, &new);
        append(self, entry);
        change->first = change->first ? change->first : index;
        if (new && !change->first_new)
            change->first_new = index;
        if (entry->kind == FSP_ENTRY_COMMAND)
            change->command = index;
        return;
    }
    if (key.data[FSP_LOG_PREFIX_BYTES] == FSP_LOG_ROW_HARD) {
        fsp_log_hard_t hard;
        if (fsp_log_hard_decode(value, &hard))
            sim_fail(entries->trace, "rows: hard state does not decode");
        self->hard = hard.hard;
        change->dropped |= hard.start != self->start;
        move_start(self, hard.start, hard.start_term);
        return;
    }
    fsp_log_base_t base;
    if (fsp_log_base_decode(value, &base))
        sim_fail(entries->trace, "rows: the base of a log does not decode");
    change->base = note_base(entries, &base.conf);
    self->base = change->base;
    self->generation = base.generation;
}

sim_log_change_t
sim_log_apply(sim_log_t *self, sim_entries_t *entries, const fsp_batch_t *batch)
{
    sim_log_change_t change = {0};
    for (size_t i = 0; i < fsp_batch_count(batch); i++) {
        fsp_batch_row_t row = fsp_batch_row(batch, i);
        if (row.family != FSP_FAMILY_LOG)
            continue;
        if (row.op == FSP_ROW_PUT) {
            put_row(self, entries, row.key, row.value, &change);
            continue;
        }
        if (row.op != FSP_ROW_DELETE_RANGE || !is_entry_key(row.key))
            sim_fail(entries->trace, "rows: a row of a log is deleted by itself");
        /* To the end: a cut; else the front, which the hard row speaks of. */
        uint64_t from = index_of(row.key);
        uint64_t to = is_entry_key(row.value) ? index_of(row.value) : UINT64_MAX;
        if (to > sim_log_last(self) && from <= sim_log_last(self) && from > self->start) {
            change.cut = sim_log_at(self, from);
            cut(self, from);
        }
    }
    /* What the base row says holds, wherever it stands in the batch. */
    if (change.base)
        self->base = change.base;
    return change;
}

void
sim_log_load(sim_log_t *self, sim_entries_t *entries, fsp_memview_t *rows)
{
    sim_log_change_t change = {0};
    forget(self);
    const fsp_omap_row_t *row = fsp_omap_first(fsp_memview_map(rows));
    /* The base row lies behind the entries, and the hard row before them: its start is theirs. */
    for (; row; row = fsp_omap_next(row))
        put_row(self, entries, row->key, row->value, &change);
}

bool
sim_log_majority(const fsp_raft_conf_t *conf, const bool *yes)
{
    static const uint32_t sets[] = {FSP_RAFT_VOTER, FSP_RAFT_OLD};
    for (size_t set = 0; set < 2; set++) {
        size_t voters = 0, agreed = 0;
        for (size_t i = 0; i < conf->count; i++) {
            bool votes = conf->seats[i].flags & sets[set];
            voters += votes;
            agreed += votes && yes[i];
        }
        bool decides = voters > 0 || sets[set] == FSP_RAFT_OLD;
        if (!decides || (voters > 0 && 2 * agreed <= voters))
            return false;
    }
    return true;
}
