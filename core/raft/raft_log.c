/* SPDX-License-Identifier: MIT */
/* raft_log - which entries there are, their terms, and the recent ones themselves.
   Layer core/raft.  Pure. */
#include "core/raft/raft_log.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/mutant.h"

enum {
    RING_SLOTS_MIN = 16,
    ENTRY_COST_FIXED = 64, /* what an entry without bytes counts for: no-ops are bounded too */
    MARK_ENTRIES = 256,
};

/* -- trail ------------------------------------------------------------------------------------- */

/* Adds a run behind the others. */
static void
push_run(fsp_raft_log_t *self, fsp_raft_run_t run)
{
    FSP_PRE(run.term > 0 && run.first <= run.last);
    FSP_IMPLIES(self->run_count > 0, self->runs[self->run_count - 1].term < run.term);
    FSP_IMPLIES(self->run_count > 0, self->runs[self->run_count - 1].last + 1 == run.first);
    if (self->run_count == self->run_capacity) {
        self->run_capacity = self->run_capacity ? 2 * self->run_capacity : 8;
        self->runs = fsp_realloc(self->runs, self->run_capacity * sizeof(run));
    }
    self->runs[self->run_count++] = run;
}

fsp_status_t
fsp_raft_log_term(const fsp_raft_log_t *self, uint64_t index, uint64_t *ret_term)
{
    FSP_PRE(self);
    FSP_PRE(ret_term);
    if (index < self->start) {
        *ret_term = 0;
        return FSP_MUTANT(compacted_term_zero) ? FSP_OK : FSP_GONE;
    }
    if (index > self->last)
        return FSP_NOT_FOUND;
    if (index == self->start) {
        *ret_term = self->start_term;
        return FSP_OK;
    }
    /* Mostly asked about the end. */
    size_t i = self->run_count;
    while (i > 0 && self->runs[i - 1].first > index)
        i--;
    FSP_ASSERT(i > 0 && index <= self->runs[i - 1].last);
    *ret_term = self->runs[i - 1].term;
    return FSP_OK;
}

uint64_t
fsp_raft_log_known_term(const fsp_raft_log_t *self, uint64_t index)
{
    uint64_t term;
    fsp_status_t status = fsp_raft_log_term(self, index, &term);
    FSP_ASSERT(status == FSP_OK);
    return term;
}

uint64_t
fsp_raft_log_last_of(const fsp_raft_log_t *self, uint64_t index, uint64_t term)
{
    FSP_PRE(self);
    if (index > self->last)
        index = self->last;
    for (size_t i = self->run_count; i-- > 0;)
        if (self->runs[i].term <= term && self->runs[i].first <= index)
            return index < self->runs[i].last ? index : self->runs[i].last;
    return self->start;
}

/* -- lifecycle --------------------------------------------------------------------------------- */

void
fsp_raft_log_init(fsp_raft_log_t *self, const fsp_raft_restore_t *restore, size_t cache_bytes_max)
{
    FSP_PRE(self);
    FSP_PRE(restore);
    FSP_PRE(restore->log_start <= restore->last_index);
    *self = (fsp_raft_log_t){
        .start = restore->log_start,
        .start_term = restore->log_start_term,
        .last = restore->last_index,
        .last_term = restore->last_term,
        .durable = restore->last_index,
        .cache_bytes_max = cache_bytes_max,
    };
    for (size_t i = 0; i < restore->run_count; i++)
        push_run(self, restore->runs[i]);
}

static fsp_entry_t *
ring_at(const fsp_raft_log_t *self, size_t position)
{
    return &self->ring[(self->ring_first + position) & (self->ring_slots - 1)];
}

static void
forget_oldest(fsp_raft_log_t *self)
{
    FSP_PRE(self->cached > 0);
    fsp_entry_t *entry = ring_at(self, 0);
    self->cache_bytes -= fsp_raft_entry_cost(entry);
    fsp_blob_destroy(&entry->bytes);
    self->ring_first = (self->ring_first + 1) & (self->ring_slots - 1);
    self->cached--;
    FSP_IMPLIES(self->cached == 0, self->cache_bytes == 0);
}

void
fsp_raft_log_clear(fsp_raft_log_t *self)
{
    FSP_PRE(self);
    while (self->cached > 0)
        forget_oldest(self);
    fsp_free(self->ring);
    fsp_free(self->runs);
    fsp_free(self->marks);
    *self = (fsp_raft_log_t){0};
}

/* -- end of the log ---------------------------------------------------------------------------- */

static void
grow_ring(fsp_raft_log_t *self)
{
    size_t slots = self->ring_slots ? 2 * self->ring_slots : RING_SLOTS_MIN;
    fsp_entry_t *ring = fsp_alloc_array(slots, sizeof(*ring));
    for (size_t i = 0; i < self->cached; i++)
        ring[i] = *ring_at(self, i);
    fsp_free(self->ring);
    self->ring = ring;
    self->ring_slots = slots;
    self->ring_first = 0;
}

/* Notes where the entry just appended stands, if the last note is far behind. */
static void
mark(fsp_raft_log_t *self, size_t bytes)
{
    if (self->mark_count == 0 ||
        self->last - self->marks[self->mark_count - 1].index >= MARK_ENTRIES) {
        if (self->mark_count == self->mark_capacity) {
            self->mark_capacity = self->mark_capacity ? 2 * self->mark_capacity : 8;
            self->marks = fsp_realloc(self->marks, self->mark_capacity * sizeof(*self->marks));
        }
        self->marks[self->mark_count++] =
            (fsp_raft_mark_t){.index = self->last, .bytes_before = self->bytes_total};
    }
    self->bytes_total += bytes;
}

uint64_t
fsp_raft_log_within(const fsp_raft_log_t *self, uint64_t bytes_max)
{
    FSP_PRE(self);
    uint64_t oldest = self->last + 1;
    for (size_t i = self->mark_count; i-- > 0;) {
        if (self->bytes_total - self->marks[i].bytes_before > bytes_max)
            return oldest;
        oldest = self->marks[i].index;
    }
    return self->start + 1;
}

size_t
fsp_raft_entry_cost(const fsp_entry_t *entry)
{
    FSP_PRE(entry);
    return ENTRY_COST_FIXED + (entry->bytes ? fsp_blob_bytes(entry->bytes) : 0);
}

void
fsp_raft_log_append(fsp_raft_log_t *self, uint64_t term, fsp_entry_kind_t kind, fsp_blob_t *bytes)
{
    FSP_PRE(self);
    FSP_PRE(term >= self->last_term);
    FSP_IMPLIES(kind == FSP_ENTRY_NOOP, bytes == NULL);
    FSP_IMPLIES(kind != FSP_ENTRY_NOOP, bytes != NULL);
    if (self->cached == self->ring_slots)
        grow_ring(self);
    if (self->run_count > 0 && self->runs[self->run_count - 1].term == term)
        self->runs[self->run_count - 1].last++;
    else
        push_run(self,
                 (fsp_raft_run_t){.term = term, .first = self->last + 1, .last = self->last + 1});
    self->last++;
    self->last_term = term;
    fsp_entry_t *entry = ring_at(self, self->cached++);
    *entry = (fsp_entry_t){
        .index = self->last,
        .term = term,
        .kind = kind,
        .bytes = bytes ? fsp_blob_ref(bytes) : NULL,
    };
    self->cache_bytes += fsp_raft_entry_cost(entry);
    mark(self, fsp_raft_entry_cost(entry));
}

void
fsp_raft_log_written(fsp_raft_log_t *self, uint64_t last, uint64_t term)
{
    FSP_PRE(self);
    uint64_t present;
    /* Between the write and this answer the entry may have been cut and another put in its place:
       an index alone would acknowledge what is not on disk (ABA; facts: bug 21). */
    if (fsp_raft_log_term(self, last, &present) != FSP_OK ||
        (present != term && !FSP_MUTANT(ack_ignores_term)))
        return;
    if (last > self->durable)
        self->durable = last;
}

/* -- cache ------------------------------------------------------------------------------------- */

uint64_t
fsp_raft_log_cached_first(const fsp_raft_log_t *self)
{
    FSP_PRE(self);
    return self->last - self->cached + 1;
}

const fsp_entry_t *
fsp_raft_log_cached(const fsp_raft_log_t *self, uint64_t index)
{
    FSP_PRE(self);
    FSP_PRE(index >= fsp_raft_log_cached_first(self));
    FSP_PRE(index <= self->last);
    const fsp_entry_t *entry = ring_at(self, (size_t)(index - fsp_raft_log_cached_first(self)));
    FSP_POST(entry->index == index);
    return entry;
}

void
fsp_raft_log_trim(fsp_raft_log_t *self, uint64_t handed)
{
    FSP_PRE(self);
    while (self->cache_bytes > self->cache_bytes_max && fsp_raft_log_cached_first(self) <= handed)
        forget_oldest(self);
}

/* -- cutting ----------------------------------------------------------------------------------- */

/* Runs and marks of entries <= start are forgotten. */
static void
trim_front(fsp_raft_log_t *self)
{
    size_t gone = 0;
    while (gone < self->run_count && self->runs[gone].last <= self->start)
        gone++;
    self->run_count -= gone;
    if (self->run_count > 0)
        memmove(self->runs, self->runs + gone, self->run_count * sizeof(*self->runs));
    if (self->run_count > 0 && self->runs[0].first <= self->start)
        self->runs[0].first = self->start + 1;
    gone = 0;
    while (gone < self->mark_count && self->marks[gone].index <= self->start)
        gone++;
    self->mark_count -= gone;
    if (self->mark_count > 0)
        memmove(self->marks, self->marks + gone, self->mark_count * sizeof(*self->marks));
}

void
fsp_raft_log_drop(fsp_raft_log_t *self, uint64_t below)
{
    FSP_PRE(self);
    FSP_PRE(below > self->start + 1);
    FSP_PRE(below <= self->last + 1);
    FSP_PRE(below <= self->durable + 1);
    self->start_term = fsp_raft_log_known_term(self, below - 1);
    self->start = below - 1;
    while (self->cached > 0 && fsp_raft_log_cached_first(self) < below)
        forget_oldest(self);
    trim_front(self);
}

size_t
fsp_raft_log_truncate(fsp_raft_log_t *self, uint64_t from)
{
    FSP_PRE(self);
    FSP_PRE(from > self->start && from <= self->last);
    size_t cost = self->cache_bytes;
    uint64_t last = from - 1;
    self->last_term = fsp_raft_log_known_term(self, last);
    while (self->cached > 0 && self->last > last) {
        fsp_entry_t *entry = ring_at(self, self->cached - 1);
        self->cache_bytes -= fsp_raft_entry_cost(entry);
        fsp_blob_destroy(&entry->bytes);
        self->cached--;
        self->last--;
    }
    self->last = last;
    while (self->run_count > 0 && self->runs[self->run_count - 1].first > last)
        self->run_count--;
    if (self->run_count > 0 && self->runs[self->run_count - 1].last > last)
        self->runs[self->run_count - 1].last = last;
    while (self->mark_count > 0 && self->marks[self->mark_count - 1].index > last)
        self->mark_count--;
    if (self->durable > last)
        self->durable = last;
    return cost - self->cache_bytes;
}

void
fsp_raft_log_reset(fsp_raft_log_t *self, uint64_t index, uint64_t term)
{
    FSP_PRE(self);
    FSP_PRE(index > 0 && term > 0);
    while (self->cached > 0)
        forget_oldest(self);
    self->run_count = 0;
    self->mark_count = 0;
    self->start = self->last = self->durable = index;
    self->start_term = self->last_term = term;
}
