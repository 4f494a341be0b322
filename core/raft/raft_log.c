/* SPDX-License-Identifier: MIT */
/* raft_log - which entries there are, their terms, and the recent ones themselves.
   Layer core/raft.  Pure. */
#include "core/raft/raft_log.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

enum {
    RING_SLOTS_MIN = 16,
    ENTRY_COST_FIXED = 64 /* what an entry without bytes counts for: no-ops are bounded too */
};

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
    if (self->start > 0)
        fsp_raft_log_learn(self, self->start, self->start_term);
    if (self->last > 0)
        fsp_raft_log_learn(self, self->last, self->last_term);
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
    *self = (fsp_raft_log_t){0};
}

/* -- trail ------------------------------------------------------------------------------------- */

/* Position of the first run of at least this term. */
static size_t
find_run(const fsp_raft_log_t *self, uint64_t term)
{
    size_t low = 0;
    size_t high = self->run_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->runs[middle].term < term)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void
insert_run(fsp_raft_log_t *self, size_t position, fsp_raft_run_t run)
{
    if (self->run_count == self->run_capacity) {
        self->run_capacity = self->run_capacity ? 2 * self->run_capacity : 8;
        self->runs = fsp_realloc(self->runs, self->run_capacity * sizeof(run));
    }
    memmove(self->runs + position + 1, self->runs + position,
            (self->run_count - position) * sizeof(run));
    self->runs[position] = run;
    self->run_count++;
}

void
fsp_raft_log_learn(fsp_raft_log_t *self, uint64_t index, uint64_t term)
{
    FSP_PRE(self);
    FSP_PRE(index >= self->start && index <= self->last);
    FSP_PRE(term > 0);
    size_t position = find_run(self, term);
    fsp_raft_run_t *run = NULL;
    if (position < self->run_count && self->runs[position].term == term) {
        run = &self->runs[position];
        run->first = index < run->first ? index : run->first;
        run->last = index > run->last ? index : run->last;
    } else {
        insert_run(self, position, (fsp_raft_run_t){.term = term, .first = index, .last = index});
        run = &self->runs[position];
    }
    /* Terms do not fall. */
    FSP_ASSERT(position == 0 || run[-1].last < run->first);
    FSP_ASSERT(position + 1 == self->run_count || run->last < run[1].first);
}

fsp_status_t
fsp_raft_log_term(const fsp_raft_log_t *self, uint64_t index, uint64_t *ret_term)
{
    FSP_PRE(self);
    FSP_PRE(ret_term);
    if (index < self->start)
        return FSP_GONE;
    if (index > self->last)
        return FSP_NOT_FOUND;
    if (index == self->start) {
        *ret_term = self->start_term;
        return FSP_OK;
    }
    /* Mostly asked about the end. */
    for (size_t i = self->run_count; i-- > 0 && self->runs[i].last >= index;) {
        if (self->runs[i].first <= index) {
            *ret_term = self->runs[i].term;
            return FSP_OK;
        }
    }
    return FSP_BUSY;
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
    fsp_raft_log_learn(self, self->last, term);
}

void
fsp_raft_log_written(fsp_raft_log_t *self, uint64_t last, uint64_t term)
{
    FSP_PRE(self);
    uint64_t present;
    /* Between the write and this answer the entry may have been cut and another put in its place:
       an index alone would acknowledge what is not on disk (ABA; facts: bug 21). */
    if (fsp_raft_log_term(self, last, &present) != FSP_OK || present != term)
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

void
fsp_raft_log_drop(fsp_raft_log_t *self, uint64_t below, uint64_t term)
{
    FSP_PRE(self);
    FSP_PRE(below > self->start + 1);
    FSP_PRE(below <= self->last + 1);
    FSP_PRE(below <= self->durable + 1);
    self->start = below - 1;
    self->start_term = term;
    while (self->cached > 0 && fsp_raft_log_cached_first(self) < below)
        forget_oldest(self);
    size_t gone = 0;
    while (gone < self->run_count && self->runs[gone].last < self->start)
        gone++;
    self->run_count -= gone;
    memmove(self->runs, self->runs + gone, self->run_count * sizeof(*self->runs));
    if (self->run_count > 0 && self->runs[0].first < self->start)
        self->runs[0].first = self->start;
    fsp_raft_log_learn(self, self->start, term);
}
