/* SPDX-License-Identifier: MIT */
/* reclaim - gives the room of deleted rows of objects back to the file system.  Layer store. */
#include "store/reclaim.h"

#include "core/base/check.h"

enum {
    QUIET_US = 1000 * 1000,
    PASSES_MAX = 32,
    GARBAGE_SHARE = 8, /* an eighth of the blob files may be garbage */
    STATE_SHARE = 4,   /* so much of STATE has gone, and it is worth while to compact all of it */
    STATE_ROWS_MIN = 64 * 1024,
};

void
fsp_reclaim_init(fsp_reclaim_t *self, fsp_db_t *db, bool old_log)
{
    FSP_PRE(db != NULL);
    *self = (fsp_reclaim_t){.db = db, .old_log = old_log};
    uint64_t total = 0, garbage = 0;
    fsp_db_blob_bytes(db, FSP_FAMILY_BYTES, &total, &garbage);
    self->old_files = total > 0;
    self->deleted = self->old_files || old_log; /* so that a run begins */
    atomic_init(&self->running, false);
    atomic_init(&self->stop, false);
}

static void
join(fsp_reclaim_t *self)
{
    if (self->has_thread)
        (void)pthread_join(self->thread, NULL); /* it is ours and joined once */
    self->has_thread = false;
}

void
fsp_reclaim_end(fsp_reclaim_t *self)
{
    if (!self->db)
        return;
    atomic_store(&self->stop, true);
    if (self->has_thread)
        fsp_db_compact_stop(self->db);
    join(self);
    self->db = NULL;
}

void
fsp_reclaim_note(fsp_reclaim_t *self, fsp_family_t family, bool range)
{
    FSP_PRE(family == FSP_FAMILY_OBJECT || family == FSP_FAMILY_STATE);
    if (family == FSP_FAMILY_OBJECT)
        self->deleted++;
    else /* a range is all rows of a shard, or of a space */
        self->state_deleted += range ? STATE_ROWS_MIN : 1;
}

static bool
is_state_worth_while(const fsp_reclaim_t *self)
{
    uint64_t total = 0, garbage = 0;
    if (self->state_deleted < STATE_ROWS_MIN)
        return false;
    fsp_db_blob_bytes(self->db, FSP_FAMILY_STATE, &total, &garbage);
    return total > 0 &&
           self->state_deleted >= fsp_db_rows(self->db, FSP_FAMILY_STATE) / STATE_SHARE;
}

static void
compact(fsp_reclaim_t *self, fsp_family_t family)
{
    uint64_t before = UINT64_MAX;
    for (int i = 0; i < PASSES_MAX && !atomic_load(&self->stop); i++) {
        fsp_db_compact(self->db, family);
        uint64_t total = 0, garbage = 0;
        fsp_db_blob_bytes(self->db, family, &total, &garbage);
        if (garbage <= total / GARBAGE_SHARE || garbage >= before)
            break;
        before = garbage;
    }
}

/* A pass lets go of files that are garbage as a whole, and moves what lives in some of the oldest
   (dbtext.c says how many): each one finds the next oldest. */
static void *
run(void *self_)
{
    fsp_reclaim_t *self = self_;
    if (self->old_files)
        fsp_db_compact(self->db, FSP_FAMILY_BYTES);
    if (self->old_log)
        fsp_db_compact(self->db, FSP_FAMILY_LOG);
    compact(self, FSP_FAMILY_OBJECT);
    if (self->state)
        compact(self, FSP_FAMILY_STATE);
    self->old_log = false;
    self->old_files = false; /* what is left of them goes after the next start */
    atomic_store(&self->running, false);
    return NULL;
}

void
fsp_reclaim_tick(fsp_reclaim_t *self, fsp_time_t now_us)
{
    uint64_t deleted = self->deleted + self->state_deleted;
    if (deleted != self->seen) {
        self->seen = deleted;
        self->deleted_us = now_us;
    }
    if (deleted == 0 || now_us < self->deleted_us + QUIET_US || atomic_load(&self->running))
        return;
    self->state = is_state_worth_while(self);
    if (self->deleted == 0 && !self->state)
        return;
    join(self);
    if (self->state)
        self->state_deleted = 0;
    self->deleted = 0;
    self->seen = self->state_deleted;
    /* So that the journal goes, too.  Here, for only the writing thread may find that the store
     * fails.
     */
    fsp_db_flush_above(self->db, 0);
    atomic_store(&self->running, true);
    self->has_thread = pthread_create(&self->thread, NULL, run, self) == 0;
    if (!self->has_thread) { /* no room for a thread: later */
        atomic_store(&self->running, false);
        self->deleted = 1;
    }
}
